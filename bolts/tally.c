/* tally.c - a bolt that counts words in its state and says how often each came.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (word: string) --> tally --default--> (word: string, count: int)
 *
 * As count, but the counts outlive the worker: a word's message is acked when its count is on
 * disk. A message that comes again, for its ack was lost with a worker, is counted again: counts
 * are never too small. Feed it with FIELDS on `word`.
 *
 * They may be more than memory holds: finish walks through them in pieces. A task that is
 * started again begins to emit anew, so each word comes once or several times, the last time with
 * its final count; `table` makes one line of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <gale/gale.h>

enum {
	BATCH = 64,		/* words a call of finish */
	SLOTS = 1 << 16,	/* a power of two; at most half of them are taken */
	MAX_TEXT = 4 << 20	/* bytes of changed words that are worth to wait for more */
};

struct word {
	size_t at;		/* where in the text it begins */
	uint32_t n;
};

/* The words that have changed in this batch, each once. */
struct changes {
	uint32_t *slots;	/* number of a word plus 1; 0: free. NULL: there was none yet */
	struct word *words;	/* room for SLOTS / 2 */
	size_t n;
	char *text;
	size_t n_text, text_room;
};

struct tally {
	/* properties */
	const char *emit;

	struct changes changes;
	char *last;		/* the word that was emitted last; NULL: none yet */
	size_t n, room;
};

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "tally: out of memory\n");
		abort();
	}
	return p;
}

/* ---- Once a batch ------------------------------------------------------------------ */

/* change notes the N bytes at S as changed. */
static void change(struct changes *c, const char *s, uint32_t n)
{
	if (c->slots == NULL) {
		c->slots = checked(calloc(SLOTS, sizeof *c->slots));
		c->words = checked(malloc(SLOTS / 2 * sizeof *c->words));
	}
	size_t slot = XXH3_64bits(s, n) % SLOTS;
	for (; c->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
		const struct word *w = &c->words[c->slots[slot] - 1];
		if (w->n == n && memcmp(c->text + w->at, s, n) == 0)
			return;
	}
	if (c->text == NULL || n > c->text_room - c->n_text) {
		c->text_room = 2 * (c->text_room + n) + 4096;
		c->text = checked(realloc(c->text, c->text_room));
	}
	memcpy(c->text + c->n_text, s, n);
	c->words[c->n++] = (struct word){ c->n_text, n };
	c->slots[slot] = (uint32_t)c->n;
	c->n_text += n;
}

static int by_bytes(const void *a, const void *b, void *text)
{
	const struct word *x = a, *y = b;
	const char *s = text;
	int order = memcmp(s + x->at, s + y->at, x->n < y->n ? x->n : y->n);
	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

/* emit_changes emits the words that have changed with their counts, and forgets them. */
static int emit_changes(struct changes *c, gale_ctx *ctx)
{
	if (c->n == 0)
		return 0;
	qsort_r(c->words, c->n, sizeof *c->words, by_bytes, c->text);
	for (size_t i = 0; i < c->n; i++) {
		const char *s = c->text + c->words[i].at;
		uint32_t n = c->words[i].n;
		gale_slice value;
		int64_t count;
		if (gale_state_get(ctx, s, n, &value) != 1)
			return -1;
		memcpy(&count, value.bytes, sizeof count);
		if (gale_emit(ctx, 0, gale_string(s, n), gale_int(count)) != 0)
			return -1;
	}
	memset(c->slots, 0, SLOTS * sizeof *c->slots);
	c->n = c->n_text = 0;
	return 0;
}

static int finish_batch(void *self, gale_ctx *ctx)
{
	struct tally *t = self;
	return emit_changes(&t->changes, ctx) == 0 ? GALE_OK : GALE_FAIL;
}

/* ---- The bolt ---------------------------------------------------------------------- */

static int prepare(void *self, gale_ctx *ctx)
{
	struct tally *t = self;
	if (*t->emit == 'b' && ctx->generation == 0)
		return gale_fatalf(ctx, "\"emit\": \"batch\" of \"%s\" is for transactional topologies; "
		    "others have no batches: take \"change\" or \"finish\"", ctx->component);
	return GALE_OK;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *tuple)
{
	struct tally *t = self;
	const gale_value *word = gale_in(tuple, 0);
	int64_t count;
	if (gale_state_add(ctx, word->u.s, word->n, tuple->times, &count) != 0)
		return GALE_FAIL;
	if (*t->emit == 'c')
		return gale_emit(ctx, 0, *word, gale_int(count)) == 0 ? GALE_OK : GALE_FAIL;
	if (*t->emit == 'f')
		return GALE_OK;
	change(&t->changes, word->u.s, word->n);
	if (t->changes.n < SLOTS / 2 && t->changes.n_text < MAX_TEXT)
		return GALE_OK;
	return emit_changes(&t->changes, ctx) == 0 ? GALE_OK : GALE_FAIL;
}

/* keep notes the N bytes at WORD as emitted. */
static void keep(struct tally *t, const void *word, size_t n)
{
	if (t->last == NULL || n > t->room) {
		t->room = n < 64 ? 64 : 2 * n;
		t->last = checked(realloc(t->last, t->room));
	}
	memcpy(t->last, word, n);
	t->n = n;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct tally *t = self;
	if (*t->emit != 'f')
		return GALE_DONE;
	gale_scan s = gale_state_scan_after("", 0, t->last, t->n);
	for (int i = 0; i < BATCH; i++) {
		int64_t count = 0;
		if (!gale_state_next(ctx, &s))
			return GALE_DONE;
		if (s.value.n == sizeof count)
			memcpy(&count, s.value.bytes, sizeof count);
		if (gale_emit(ctx, 0, gale_string(s.key.bytes, s.key.n), gale_int(count)) != 0)
			return GALE_FATAL;
		keep(t, s.key.bytes, s.key.n);
	}
	return GALE_EMITTED;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct tally *t = self;
	(void)ctx;
	free(t->changes.slots);
	free(t->changes.words);
	free(t->changes.text);
	free(t->last);
}

static const gale_component tally = {
	.name = "Tally",
	.doc = "Counts words in state that survives; emits each with its count.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct tally),
	.props = GALE_PROPS(
	    GALE_PROP(struct tally, emit, GALE_PROP_STRING,
		"When to emit counts: all at the end, each as it changes, or what a batch has changed.",
		.fallback = "finish", .choices = "finish|change|batch")),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "word", GALE_STRING }, { "count", GALE_INT })),
	.prepare = prepare,
	.execute = execute,
	.finish_batch = finish_batch,
	.finish = finish,
	.cleanup = cleanup,
	.state_version = 1,
	.state_by_field = true,
	.combine = true,
};
GALE_PLUGIN(&tally);
