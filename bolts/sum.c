/* sum.c - a bolt that adds up counts of words: the second stage after several counters.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (word: string, count: int) --> sum --default--> (word: string, count: int)
 *
 * Where PARTIAL_KEY spreads a word over two counters, each has a part of the truth; this one
 * puts the parts together. The sums are emitted in the order of the words' bytes, when the
 * input has ended.
 *
 * The C library has a search tree (tsearch), and few tuples come here: that is enough.
 */
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gale/gale.h>

enum { BATCH = 64 };		/* words a call of finish */

struct sum {
	uint32_t n;
	int64_t count;
	char word[];
};

struct sums {
	void *tree;		/* of struct sum */
	const struct sum **sorted;	/* made by finish */
	size_t n, finished;
};

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "sum: out of memory\n");
		abort();
	}
	return p;
}

static int compare(const void *a, const void *b)
{
	const struct sum *x = a, *y = b;
	int order = memcmp(x->word, y->word, x->n < y->n ? x->n : y->n);
	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct sums *s = self;
	(void)ctx;
	const gale_value *word = gale_in(t, 0), *count = gale_in(t, 1);

	struct sum *new = checked(malloc(sizeof *new + word->n));
	*new = (struct sum){ .n = word->n };
	memcpy(new->word, word->u.s, word->n);
	struct sum **found = checked(tsearch(new, &s->tree, compare));
	if (*found == new)
		s->n++;
	else
		free(new);
	(*found)->count += count->u.i;
	return GALE_OK;
}

static void collect(const void *node, VISIT visit, void *arg)
{
	struct sums *s = arg;
	if (visit == postorder || visit == leaf)
		s->sorted[s->n++] = *(struct sum *const *)node;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct sums *s = self;
	if (s->sorted == NULL) {
		s->sorted = checked(calloc(s->n + 1, sizeof (struct sum *)));
		s->n = 0;
		twalk_r(s->tree, collect, s);
	}
	for (int i = 0; i < BATCH && s->finished < s->n; i++) {
		const struct sum *one = s->sorted[s->finished++];
		if (gale_emit(ctx, 0, gale_string(one->word, one->n), gale_int(one->count)) != 0)
			return GALE_FATAL;
	}
	return s->finished < s->n ? GALE_EMITTED : GALE_DONE;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct sums *s = self;
	(void)ctx;
	tdestroy(s->tree, free);
	free(s->sorted);
}

static const gale_component sum = {
	.name = "Sum",
	.doc = "Adds up counts of words; emits each word with its sum when the input has ended.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct sums),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }, { "count", GALE_INT }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "word", GALE_STRING }, { "count", GALE_INT })),
	.execute = execute,
	.finish = finish,
	.cleanup = cleanup,
};
GALE_PLUGIN(&sum);
