/* single.c - a library of one component. SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static const gale_component single = { .name = "Single", .kind = GALE_BOLT, .execute = execute };

GALE_PLUGIN(&single);
