/* paced.c - a spout of the benchmarks: numbers that leave at the very time at which they are
 * due, and how long each took from then until it was complete.
 *
 *     paced --default--> (n: int, payload: bytes)
 *
 * Number k is due k / rate seconds after the start. That time counts, and not the one at which
 * it could leave at last (latency.h). The figures are written to the file `report` when the
 * last number is complete. A number that fails ends the run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include <gale/gale.h>

#include "latency.h"

enum { BATCH = 64 };	/* numbers a call of next */

struct paced {
	/* properties */
	int64_t rate;
	int64_t count;
	int64_t unmeasured;
	const char *report;

	int timer;
	uint64_t start_ns;
	uint64_t at;		/* the next number */
	uint64_t ringing;	/* the number the timer is set for, plus 1 */
	int64_t acked;
	struct latency *latency;
};

static void rang(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	struct paced *p = self;
	uint64_t times;

	(void)events;
	(void)arg;
	p->ringing = 0;
	if (read(fd, &times, sizeof times) < 0)
		gale_log(ctx, GALE_DEBUG, "the timer was set anew before it was read");
}

static int open_paced(void *self, gale_ctx *ctx)
{
	struct paced *p = self;

	p->latency = calloc(1, sizeof *p->latency);
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->latency == NULL || p->timer < 0)
		return gale_fatal(ctx, "can't make a timer");
	return gale_watch(ctx, p->timer, GALE_READABLE, rang, NULL) == 0 ? GALE_OK : GALE_FATAL;
}

static void activate(void *self, gale_ctx *ctx)
{
	struct paced *p = self;

	(void)ctx;
	p->start_ns = latency_now() - latency_due(0, p->at, (uint64_t)p->rate);
}

static int emit_number(gale_ctx *ctx, uint64_t k)
{
	gale_value values[] = { gale_int((int64_t)k), gale_bytes("", 0) };

	return gale_emit_tracked(ctx, 0, k, values, 2);
}

static int next(void *self, gale_ctx *ctx)
{
	struct paced *p = self;
	uint64_t now = latency_now(), count = (uint64_t)p->count, rate = (uint64_t)p->rate;
	int emitted = 0;

	for (; emitted < BATCH && p->at < count && latency_due(p->start_ns, p->at, rate) <= now; emitted++)
		if (emit_number(ctx, p->at++) != 0)
			return GALE_FATAL;
	if (emitted > 0)
		return GALE_EMITTED;
	if (p->at == count)
		return GALE_DONE;
	if (p->ringing != p->at + 1 && latency_ring(p->timer, latency_due(p->start_ns, p->at, rate)) != 0)
		return gale_fatal(ctx, "can't set a timer");
	p->ringing = p->at + 1;
	return GALE_IDLE;
}

static void report(struct paced *p, gale_ctx *ctx)
{
	FILE *f = fopen(p->report, "w");

	if (f != NULL)
		latency_print(p->latency, f);
	if (f == NULL || fclose(f) != 0)
		gale_fatal(ctx, "can't write the report");
}

static void ack(void *self, gale_ctx *ctx, uint64_t id)
{
	struct paced *p = self;

	if (id >= (uint64_t)p->unmeasured)
		latency_add(p->latency, latency_now() - latency_due(p->start_ns, id, (uint64_t)p->rate));
	if (++p->acked == p->count)
		report(p, ctx);
}

static void fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f)
{
	(void)self;
	(void)id;
	(void)f;
	gale_fatal(ctx, "a number failed: the figures would mean nothing");
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct paced *p = self;

	if (p->timer >= 0)
		gale_unwatch(ctx, p->timer);
	close(p->timer);
	free(p->latency);
}

static const gale_component paced = {
	.name = "Paced",
	.doc = "Emits numbers at the time at which they are due, and measures until they are complete.",
	.kind = GALE_SPOUT,
	.self_size = sizeof (struct paced),
	.props = GALE_PROPS(
	    GALE_PROP(struct paced, rate, GALE_PROP_INT, "Numbers a second.",
		.required = true, .min = 1, .max = 1000000000),
	    GALE_PROP(struct paced, count, GALE_PROP_INT, "How many.", .required = true, .min = 1, .max = INT64_MAX),
	    GALE_PROP(struct paced, unmeasured, GALE_PROP_INT, "How many are left out at the beginning.",
		.min = 0, .max = INT64_MAX),
	    GALE_PROP(struct paced, report, GALE_PROP_PATH, "The file for the figures.", .required = true)),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "n", GALE_INT }, { "payload", GALE_BYTES })),
	.open = open_paced,
	.next = next,
	.ack = ack,
	.fail = fail,
	.activate = activate,
	.cleanup = cleanup,
};
GALE_PLUGIN(&paced);
