/* alike.c - a bolt that takes equal words as one, and does with such a tuple what can be done.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (word: string) --> alike.Alike --default--> (word: string, count: int)
 *
 * `how`: pass emits each at once with how many it stands for; hold holds some for a while; fail fails every
 * hundredth execute, and emits nothing for that.
 *
 *     (word: string) --> alike.Mixed --default--> (word: string)
 *
 * emits each word twice, in every way there is: for the one in hand, for one that is held, for several, for
 * none.
 *
 *     alike.Words --default--> (word: string)
 *
 * is a spout of `count` messages of one word, w0 to w16. */
#include <inttypes.h>
#include <stdio.h>

#include <gale/gale.h>

enum { HELD = 50, TOGETHER = 3, WORDS = 17 };

struct alike {
	const char *how;
	gale_held held[HELD];
	uint32_t n, executed;
	uint64_t merged;
};

static void let_go(void *self, gale_ctx *ctx, void *arg)
{
	struct alike *a = self;

	(void)arg;
	while (a->n > 0)
		gale_ack(ctx, a->held[--a->n]);
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct alike *a = self;

	a->merged += t->times > 1;
	if (*a->how == 'f' && ++a->executed % 100 == 0)
		return GALE_FAIL;
	if (*a->how == 'h' && t->times % 3 == 0) {
		if (a->n == HELD)
			let_go(a, ctx, NULL);
		if (a->n == 0)
			gale_timer(ctx, 2, let_go, NULL);
		a->held[a->n] = gale_hold(ctx, t);
		return gale_emit_anchored(ctx, 0, &a->held[a->n++], 1,
		    (const gale_value[]){ *gale_in(t, 0), gale_int(t->times) }, 2) == 0 ? GALE_OK : GALE_FAIL;
	}
	return gale_emit(ctx, 0, *gale_in(t, 0), gale_int(t->times)) == 0 ? GALE_OK : GALE_FAIL;
}

static int drain(void *self, gale_ctx *ctx)
{
	let_go(self, ctx, NULL);
	return GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct alike *a = self;

	gale_logf(ctx, GALE_INFO, "%llu stood for several", (unsigned long long)a->merged);
}

static const gale_component alike = {
	.name = "Alike", .kind = GALE_BOLT, .self_size = sizeof (struct alike),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING }, { "count", GALE_INT })),
	.props = GALE_PROPS(GALE_PROP(struct alike, how, GALE_PROP_STRING, "What it does.",
	    .fallback = "pass", .choices = "pass|hold|fail")),
	.execute = execute, .drain = drain, .cleanup = cleanup, .combine = true,
};
/* ---- Mixed ---- */

struct mixed {
	gale_held held[HELD];	/* each for itself, until a timer */
	gale_held together[TOGETHER];	/* whose words are anchored to all of them */
	uint32_t n, n_together, executed;
};

static int emit_for(gale_ctx *ctx, const gale_held *anchors, uint32_t n, gale_held whose)
{
	return gale_emit_anchored(ctx, 0, anchors, n, gale_in(gale_held_tuple(ctx, whose), 0), 1);
}

/* mixed_let_go emits what is held: once for each alone, and once more for none. */
static void mixed_let_go(void *self, gale_ctx *ctx, void *arg)
{
	struct mixed *m = self;

	(void)arg;
	for (uint32_t i = 0; i < m->n; i++) {
		gale_value word = *gale_in(gale_held_tuple(ctx, m->held[i]), 0);

		if (emit_for(ctx, &m->held[i], 1, m->held[i]) != 0 || gale_emit_unanchored(ctx, 0, &word, 1) != 0)
			gale_fatal(ctx, "emit");
		gale_ack(ctx, m->held[i]);
	}
	m->n = 0;
}

static int all_together(struct mixed *m, gale_ctx *ctx)
{
	for (uint32_t i = 0; i < m->n_together; i++) {
		if (emit_for(ctx, m->together, m->n_together, m->together[i]) != 0 ||
		    emit_for(ctx, &m->together[m->n_together - 1 - i], 1, m->together[i]) != 0)
			return GALE_FAIL;
	}
	while (m->n_together > 0)
		gale_ack(ctx, m->together[--m->n_together]);
	return GALE_OK;
}

static int mixed_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct mixed *m = self;
	const gale_value *word = gale_in(t, 0);
	gale_held held;

	switch (m->executed++ % 6) {
	case 0:		/* with others */
		m->together[m->n_together++] = gale_hold(ctx, t);
		return m->n_together == TOGETHER ? all_together(m, ctx) : GALE_OK;
	case 1:		/* later */
		if (m->n == HELD)
			mixed_let_go(self, ctx, NULL);
		if (m->n == 0)
			gale_timer(ctx, 1, mixed_let_go, NULL);
		m->held[m->n++] = gale_hold(ctx, t);
		return GALE_OK;
	case 2:		/* for the one in hand, and for none */
		return gale_emit_values(ctx, 0, word, 1) == 0 && gale_emit_unanchored(ctx, 0, word, 1) == 0 ? GALE_OK : GALE_FAIL;
	case 3:		/* for what was in hand and is held now, and acked at once */
		if (gale_emit_values(ctx, 0, word, 1) != 0)
			return GALE_FAIL;
		held = gale_hold(ctx, t);
		if (emit_for(ctx, &held, 1, held) != 0)
			return GALE_FAIL;
		return gale_ack(ctx, held) == 0 ? GALE_OK : GALE_FAIL;
	default:
		return gale_emit_values(ctx, 0, word, 1) == 0 && gale_emit_values(ctx, 0, word, 1) == 0 ? GALE_OK : GALE_FAIL;
	}
}

static int mixed_drain(void *self, gale_ctx *ctx)
{
	mixed_let_go(self, ctx, NULL);
	return all_together(self, ctx);
}

static const gale_component mixed = {
	.name = "Mixed", .kind = GALE_BOLT, .self_size = sizeof (struct mixed),
	.inputs = GALE_FIELDS({ "word", GALE_STRING }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING })),
	.execute = mixed_execute, .drain = mixed_drain,
};

/* ---- Words ---- */

struct words {
	int64_t count, at;
};

static int next(void *self, gale_ctx *ctx)
{
	struct words *w = self;
	char word[32];
	int n;

	if (w->at == w->count)
		return GALE_DONE;
	n = snprintf(word, sizeof word, "w%" PRId64, w->at * w->at % WORDS);
	if (gale_emit_tracked(ctx, 0, (uint64_t)w->at++, (const gale_value[]){ gale_string(word, (size_t)n) }, 1) != 0)
		return GALE_FATAL;
	return GALE_EMITTED;
}

static const gale_component words = {
	.name = "Words", .kind = GALE_SPOUT, .self_size = sizeof (struct words),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "word", GALE_STRING })),
	.props = GALE_PROPS(GALE_PROP(struct words, count, GALE_PROP_INT, "Messages of each task.", .fallback = "10000")),
	.next = next,
};

GALE_PLUGIN(&alike, &mixed, &words);
