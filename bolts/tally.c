/* tally.c - a bolt that counts words in its state and says how often each came, at the end.
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

#include <gale/gale.h>

enum { BATCH = 64 };		/* words a call of finish */

struct tally {
	char *last;		/* the word that was emitted last; NULL: none yet */
	size_t n, room;
};

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	const gale_value *word = gale_in(t, 0);
	return gale_state_add(ctx, word->u.s, word->n, 1, NULL) == 0 ? GALE_OK : GALE_FAIL;
}

/* keep notes the N bytes at WORD as emitted. */
static void keep(struct tally *t, const void *word, size_t n)
{
	if (t->last == NULL || n > t->room) {
		t->room = n < 64 ? 64 : 2 * n;
		t->last = realloc(t->last, t->room);
		if (t->last == NULL) {
			fprintf(stderr, "tally: out of memory\n");
			abort();
		}
	}
	memcpy(t->last, word, n);
	t->n = n;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct tally *t = self;
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
	free(t->last);
}

static const gale_component tally = {
	.name = "Tally",
	.doc = "Counts words in state that survives; emits each with its count at the end.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct tally),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "word", GALE_STRING }, { "count", GALE_INT })),
	.execute = execute,
	.finish = finish,
	.cleanup = cleanup,
	.state_version = 1,
};
GALE_PLUGIN(&tally);
