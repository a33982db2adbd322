/* alike.c - a bolt that takes equal words as one, and does with such a tuple what can be done.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (word: string) --> alike.Alike --default--> (word: string, count: int)
 *
 * `how`: pass emits each at once with how many it stands for; hold holds some for a while; fail fails every
 * hundredth execute, and emits nothing for that. */
#include <gale/gale.h>

enum { HELD = 50 };

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
GALE_PLUGIN(&alike);
