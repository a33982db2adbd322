/* spread.c - a bolt of the benchmarks: numbers in a row become one of a thousand words.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <gale/gale.h>

enum { WORDS = 1000 };

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	char word[32];
	int n = snprintf(word, sizeof word, "word-%lld", (long long)(gale_in(t, 0)->u.i % WORDS));
	(void)self;
	return gale_emit(ctx, 0, gale_string(word, (size_t)n));
}

static const gale_component spread = {
	.name = "Spread",
	.doc = "Makes one of a thousand words of each number.",
	.kind = GALE_BOLT,
	.inputs = GALE_FIELDS({ "n", GALE_INT }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING })),
	.execute = execute,
};
GALE_PLUGIN(&spread);
