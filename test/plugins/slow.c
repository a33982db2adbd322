/* slow.c - a bolt for tests that takes its time, until a file appears. It writes down how much
 * it does.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> slow
 *
 * The journal has a line "MS N" for about every 100 ms: N tuples were executed since the last
 * line; and once "MS fast". MS is CLOCK_MONOTONIC. */
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include <gale/gale.h>

#include "journal.h"

enum { LINE_MS = 100 };

struct slow {
	/* properties */
	int64_t us, task;
	const char *until, *journal;

	int log;
	bool fast;
	int64_t line_ms, n;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int prepare(void *self, gale_ctx *ctx)
{
	struct slow *s = self;

	s->log = journal_open(s->journal);
	s->fast = s->us == 0 || (s->task >= 0 && s->task != ctx->index);
	s->line_ms = now_ms();
	return GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	(void)ctx;
	journal_close(((struct slow *)self)->log);
}

static void take_time(struct slow *s)
{
	struct timespec t = { .tv_sec = s->us / 1000000, .tv_nsec = s->us % 1000000 * 1000 };

	if (s->until != NULL && access(s->until, F_OK) == 0) {
		s->fast = true;
		journal(s->log, "%" PRId64 " fast\n", now_ms());
	} else {
		nanosleep(&t, NULL);
	}
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct slow *s = self;
	int64_t now;

	(void)ctx, (void)t;
	if (!s->fast)
		take_time(s);
	s->n++;
	now = now_ms();
	if (now - s->line_ms < LINE_MS)
		return GALE_OK;
	journal(s->log, "%" PRId64 " %" PRId64 "\n", now, s->n);
	s->line_ms = now;
	s->n = 0;
	return GALE_OK;
}

static const gale_component slow = {
	.name = "Slow", .doc = "Takes its time.", .kind = GALE_BOLT, .self_size = sizeof (struct slow),
	.props = GALE_PROPS(
		GALE_PROP(struct slow, us, GALE_PROP_INT, "Microseconds for each tuple."),
		GALE_PROP(struct slow, task, GALE_PROP_INT, "Only this task is slow; -1: all are.", .fallback = "-1"),
		GALE_PROP(struct slow, until, GALE_PROP_PATH, "When this file exists it is fast."),
		GALE_PROP(struct slow, journal, GALE_PROP_PATH, "Where to write down what happens.")),
	.prepare = prepare, .cleanup = cleanup, .execute = execute,
};
GALE_PLUGIN(&slow);
