/* undefined.c - a library that calls a function that nobody has.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>

int nobody_has_this(void);

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return nobody_has_this();
}

static const gale_component part = { .name = "Part", .kind = GALE_BOLT, .execute = execute };

GALE_PLUGIN(&part);
