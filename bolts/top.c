/* top.c - a bolt that keeps the words with the largest counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (word: string, count: int) --> top --default--> (rank: int, word: string, count: int)
 *
 * A word's count is the largest that came with it; of words with equal counts the one that is smaller
 * by its bytes stands first. So what the list holds depends on the tuples alone: not on their order,
 * nor on how often each came.
 *
 * Only the `n` words of the list are kept, in the state and in memory: a word that has left it was
 * behind n others, whose counts only grow, so nothing but a larger count of its own brings it back,
 * and that comes as a tuple. (Where n is raised for state that is there, the list grows as tuples
 * come.) Feed it with GLOBAL; with FIELDS on `word` each task has a list of its words.
 *
 * In a transactional topology each batch that has changed the list emits it, once, when all of the
 * batch was executed. In others it is emitted when the input has ended, and never before. Ranks
 * begin at 1 and come in order; `table`, whose key is the first field, shows the last list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gale/gale.h>

enum { BATCH = 64 };		/* words a call of finish */

struct member {
	int64_t count;
	uint32_t n;
	char word[];
};

struct top {
	/* properties */
	int64_t n;

	struct member **list;	/* in order */
	size_t n_list, room;
	bool changed;		/* since it was emitted last */
	size_t finished;	/* emitted by finish */
};

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "top: out of memory\n");
		abort();
	}
	return p;
}

/* place gives how many of the list stand before the N bytes at WORD with that count. */
static size_t place(const struct top *t, int64_t count, const char *word, size_t n)
{
	size_t low = 0, high = t->n_list;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct member *m = t->list[middle];
		int order = memcmp(m->word, word, m->n < n ? m->n : n);
		if (m->count > count || (m->count == count && (order < 0 || (order == 0 && m->n < n))))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void insert(struct top *t, int64_t count, const char *word, size_t n)
{
	size_t at = place(t, count, word, n);
	if (t->n_list == t->room) {
		t->room = t->room == 0 ? 64 : 2 * t->room;
		t->list = checked(realloc(t->list, t->room * sizeof *t->list));
	}
	struct member *m = checked(malloc(sizeof *m + n));
	*m = (struct member){ .count = count, .n = (uint32_t)n };
	memcpy(m->word, word, n);
	memmove(t->list + at + 1, t->list + at, (t->n_list++ - at) * sizeof *t->list);
	t->list[at] = m;
}

static void take_out(struct top *t, size_t at)
{
	free(t->list[at]);
	memmove(t->list + at, t->list + at + 1, (--t->n_list - at) * sizeof *t->list);
}

/* prepare makes the list from the state. */
static int prepare(void *self, gale_ctx *ctx)
{
	struct top *t = self;
	for (gale_scan s = gale_state_scan("", 0); gale_state_next(ctx, &s);) {
		int64_t count = 0;
		if (s.value.n == sizeof count)
			memcpy(&count, s.value.bytes, sizeof count);
		insert(t, count, s.key.bytes, s.key.n);
	}
	return GALE_OK;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *tuple)
{
	struct top *t = self;
	const gale_value *word = gale_in(tuple, 0);
	int64_t count = gale_in(tuple, 1)->u.i, before;
	gale_slice known;

	if (place(t, count, word->u.s, word->n) >= (size_t)t->n)
		return GALE_OK;
	int found = gale_state_get(ctx, word->u.s, word->n, &known);
	if (found < 0)
		return GALE_FAIL;
	if (found == 1) {
		memcpy(&before, known.bytes, sizeof before);
		if (before >= count)
			return GALE_OK;
		take_out(t, place(t, before, word->u.s, word->n));
	}
	if (gale_state_put(ctx, word->u.s, word->n, &count, sizeof count) != 0)
		return GALE_FAIL;
	insert(t, count, word->u.s, word->n);
	t->changed = true;
	for (; t->n_list > (size_t)t->n; take_out(t, t->n_list - 1)) {
		const struct member *last = t->list[t->n_list - 1];
		if (gale_state_delete(ctx, last->word, last->n) != 0)
			return GALE_FAIL;
	}
	return GALE_OK;
}

/* emit_from emits up to MOST words from number AT on, and gives their number or -1. */
static int emit_from(struct top *t, gale_ctx *ctx, size_t at, int most)
{
	int emitted = 0;
	for (; emitted < most && at < t->n_list && at < (size_t)t->n; at++, emitted++) {
		const struct member *m = t->list[at];
		if (gale_emit(ctx, 0, gale_int((int64_t)at + 1), gale_string(m->word, m->n),
		    gale_int(m->count)) != 0)
			return -1;
	}
	return emitted;
}

static int finish_batch(void *self, gale_ctx *ctx)
{
	struct top *t = self;
	if (t->changed && emit_from(t, ctx, 0, INT32_MAX) < 0)
		return GALE_FAIL;
	t->changed = false;
	return GALE_OK;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct top *t = self;
	if (ctx->generation != 0)	/* finish_batch emits it */
		return GALE_DONE;
	int emitted = emit_from(t, ctx, t->finished, BATCH);
	if (emitted < 0)
		return GALE_FATAL;
	t->finished += (size_t)emitted;
	return emitted > 0 ? GALE_EMITTED : GALE_DONE;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct top *t = self;
	(void)ctx;
	while (t->n_list > 0)
		free(t->list[--t->n_list]);
	free(t->list);
}

static const gale_component top = {
	.name = "Top",
	.doc = "Keeps the words with the largest counts; emits them once a batch, or at the end.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct top),
	.props = GALE_PROPS(
	    GALE_PROP(struct top, n, GALE_PROP_INT, "How many words to keep.",
		.fallback = "10", .min = 1, .max = 100000)),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }, { "count", GALE_INT }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "rank", GALE_INT }, { "word", GALE_STRING }, { "count", GALE_INT })),
	.prepare = prepare,
	.execute = execute,
	.finish_batch = finish_batch,
	.finish = finish,
	.cleanup = cleanup,
	.state_version = 1,
};
GALE_PLUGIN(&top);
