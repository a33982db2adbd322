/* null.c - a bolt that swallows every tuple: the end of a benchmark.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> null
 */
#include <gale/gale.h>

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	(void)ctx;
	(void)t;
	return GALE_OK;
}

static const gale_component null = {
	.name = "Null",
	.doc = "Takes every tuple and does nothing with it.",
	.kind = GALE_BOLT,
	.execute = execute,
};
GALE_PLUGIN(&null);
