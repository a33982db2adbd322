/* smaller.c - a library for an older gale: its components end before finish.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static int finish(void *self, gale_ctx *ctx)
{
	(void)self;
	(void)ctx;
	return GALE_DONE;
}

static const gale_component part = {
	.name = "Part", .kind = GALE_BOLT, .execute = execute, .finish = finish,
	.finish_batch = finish, .publish = finish,
};

static const gale_component *const parts[] = { &part, NULL };

extern const gale_plugin_info gale_plugin;
GALE_EXPORT const gale_plugin_info gale_plugin = { GALE_ABI, offsetof(gale_component, finish),
	parts };
