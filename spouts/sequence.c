/* sequence.c - a spout that emits whole numbers in a row: as fast as they are taken, or so
 * many a second.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     sequence --default--> (n: int, payload: bytes)
 *
 * The rate is a schedule and not a pause between two numbers: the k-th is due k / rate
 * seconds after the start, and what is overdue is emitted at once. So what a topology could
 * not take for a while comes late, and is not left out: its latency shows in the figures.
 *
 * Several tasks share the row: of n tasks, task i emits every n-th number, from the i-th on.
 * A number that failed is emitted again. Its id is its place in the row, and that is the
 * task's position, too: a task that resumes emits what was open and goes on in the row.
 */
#include <stdio.h>
#include <stdlib.h>

#include <gale/gale.h>

enum { BATCH = 64 };		/* numbers a call of next */

struct sequence {
	/* properties */
	int64_t count;
	int64_t rate;
	int64_t start;
	int64_t size;

	char *payload;
	int64_t at;		/* place in the row of this task's next number */
	int64_t from;		/* place from which the schedule counts ... */
	int64_t from_ms;	/* ... and when it was due */
	uint64_t timer;		/* that is set; 0: none */
	int64_t *again;		/* places to emit once more */
	size_t n_again, again_room;
};

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "sequence: out of memory\n");
		abort();
	}
	return p;
}

static int open_sequence(void *self, gale_ctx *ctx)
{
	struct sequence *s = self;
	if (s->count == 0)
		gale_unbounded(ctx);
	s->at = ctx->index;
	s->payload = checked(calloc(1, (size_t)s->size + 1));
	return gale_position(ctx, (uint64_t)s->at, NULL, 0) == 0 ? GALE_OK : GALE_FATAL;
}

/* activate starts the schedule at the number that is next, so that a pause is no arrear. */
static void activate(void *self, gale_ctx *ctx)
{
	struct sequence *s = self;
	s->from = s->at;
	s->from_ms = gale_now_ms(ctx);
}

static int emit_number(struct sequence *s, gale_ctx *ctx, int64_t at)
{
	gale_value values[] = {
		gale_int((int64_t)((uint64_t)s->start + (uint64_t)at)),
		gale_bytes(s->payload, (size_t)s->size),
	};
	return gale_emit_tracked(ctx, 0, (uint64_t)at, values, 2);
}

/* due gives the place up to which, exclusive, numbers are due now. Whole seconds and the
 * rest are multiplied apart, so that a year at a billion a second does not overflow. */
static int64_t due(const struct sequence *s, gale_ctx *ctx)
{
	if (s->rate == 0)
		return INT64_MAX;
	int64_t ms = gale_now_ms(ctx) - s->from_ms;
	return s->from + ms / 1000 * s->rate + ms % 1000 * s->rate / 1000 + 1;
}

static void now_due(void *self, gale_ctx *ctx, void *arg)
{
	struct sequence *s = self;
	(void)ctx;
	(void)arg;
	s->timer = 0;
}

/* wait_until_due sets a timer for the next number; when it has fired, next is called. It may
 * be called earlier, after an ack: then the timer is already set. */
static int wait_until_due(struct sequence *s, gale_ctx *ctx)
{
	if (s->timer != 0)
		return GALE_IDLE;
	int64_t places = s->at - s->from;
	int64_t due_ms = s->from_ms + places / s->rate * 1000 +
	    (places % s->rate * 1000 + s->rate - 1) / s->rate;
	int64_t ms = due_ms - gale_now_ms(ctx);
	s->timer = gale_timer(ctx, ms < 1 ? 1 : ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms, now_due, NULL);
	return GALE_IDLE;
}

static int next(void *self, gale_ctx *ctx)
{
	struct sequence *s = self;
	int64_t end = s->count > 0 ? s->count : INT64_MAX;
	int64_t limit = due(s, ctx);
	int emitted = 0;

	if (limit > end)
		limit = end;
	while (emitted < BATCH && s->n_again > 0) {
		if (emit_number(s, ctx, s->again[--s->n_again]) != 0)
			return GALE_FATAL;
		emitted++;
	}
	for (; emitted < BATCH && s->at < limit; s->at += ctx->n_tasks) {
		if (emit_number(s, ctx, s->at) != 0)
			return GALE_FATAL;
		emitted++;
	}
	if (gale_position(ctx, (uint64_t)s->at, NULL, 0) != 0)
		return GALE_FATAL;
	if (emitted > 0)
		return GALE_EMITTED;
	return s->at >= end ? GALE_DONE : wait_until_due(s, ctx);
}

static void remember(struct sequence *s, uint64_t place)
{
	if (s->n_again == s->again_room) {
		s->again_room = s->again_room == 0 ? BATCH : 2 * s->again_room;
		s->again = checked(realloc(s->again, s->again_room * sizeof *s->again));
	}
	s->again[s->n_again++] = (int64_t)place;
}

static void fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f)
{
	(void)ctx;
	if (!f->final)
		remember(self, id);
}

static int resume(void *self, gale_ctx *ctx, const gale_resume *r)
{
	struct sequence *s = self;
	(void)ctx;
	for (uint32_t i = 0; i < r->n_open; i++)
		remember(s, r->open[i]);
	s->at = (int64_t)r->next;
	return GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct sequence *s = self;
	if (s->timer != 0)
		gale_cancel(ctx, s->timer);
	free(s->payload);
	free(s->again);
}

static const gale_component sequence = {
	.name = "Sequence",
	.doc = "Emits whole numbers in a row, at a rate or as fast as they are taken.",
	.kind = GALE_SPOUT,
	.self_size = sizeof (struct sequence),
	.props = GALE_PROPS(
	    GALE_PROP(struct sequence, count, GALE_PROP_INT,
		"How many numbers; 0 is without end.", .min = 0, .max = INT64_MAX),
	    GALE_PROP(struct sequence, rate, GALE_PROP_INT,
		"Numbers a second, of all tasks together; 0 is as fast as they are taken.",
		.min = 0, .max = 1000000000),
	    GALE_PROP(struct sequence, start, GALE_PROP_INT, "The first number."),
	    GALE_PROP(struct sequence, size, GALE_PROP_INT,
		"Bytes of payload that go with each number.",
		.min = 0, .max = GALE_MAX_VALUE - 64)),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "n", GALE_INT }, { "payload", GALE_BYTES })),
	.open = open_sequence,
	.next = next,
	.fail = fail,
	.activate = activate,
	.cleanup = cleanup,
	.resume = resume,
};
GALE_PLUGIN(&sequence);
