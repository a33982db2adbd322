/* hang.c - a library that never comes back from being loaded.
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <gale/gale.h>

__attribute__((constructor)) static void at_load(void)
{
	for (;;)
		pause();
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static const gale_component part = { .name = "Part", .kind = GALE_BOLT, .execute = execute };

GALE_PLUGIN(&part);
