/* feed.c - a spout for tests: emits what it is told to and writes down what becomes of it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     feed --default--> (n: int, key: string)      n counts, key is "kI" with I = n mod keys
 *          --aimed----> the same, to one task
 *
 * The journal has a line "open", "activate", "deactivate", "tick", "cleanup" for each of
 * these calls, "emit N", "ack N", and
 *
 *     fail N AGE_MS KIND ATTEMPT again|final TEXT
 */
#include <inttypes.h>
#include <string.h>

#include <gale/gale.h>

#include "journal.h"

struct feed {
	/* properties */
	int64_t count, start, keys;
	const char *journal, *replay, *at_end, *fifo, *aim;
	bool pause, chain;

	int log, fd;
	bool active;
	int64_t at, credit;		/* the next n; how many may be emitted */
	int64_t *emitted_ms;		/* by n - start */
	int64_t *again, n_again;	/* to be emitted once more */
	int64_t n_open, most_open;
};

static void on_fifo(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	struct feed *f = self;
	char text[256];
	ssize_t n = read(fd, text, sizeof text - 1);

	(void)events, (void)arg;
	(void)ctx;
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *p = text, *end; f->credit += strtol(p, &end, 10), end != p; )
		p = end;
}

static int open_feed(void *self, gale_ctx *ctx)
{
	struct feed *f = self;

	f->log = journal_open(f->journal);
	journal(f->log, "open\n");
	f->at = f->start;
	f->fd = -1;
	f->emitted_ms = calloc((size_t)f->count + 1, sizeof *f->emitted_ms);
	f->again = calloc((size_t)f->count + 1, sizeof *f->again);
	if (f->emitted_ms == NULL || f->again == NULL)
		return gale_fatal(ctx, "out of memory");
	if (strcmp(f->at_end, "unbounded") == 0)
		gale_unbounded(ctx);
	f->credit = f->fifo != NULL ? 0 : f->count;
	if (f->fifo == NULL)
		return GALE_OK;
	f->fd = open(f->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return gale_watch(ctx, f->fd, GALE_READABLE, on_fifo, NULL);
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct feed *f = self;

	(void)ctx;
	journal(f->log, "most open %" PRId64 "\ncleanup\n", f->most_open);
	journal_close(f->log);
	journal_close(f->fd);
	free(f->emitted_ms);
	free(f->again);
}

static void emit(struct feed *f, gale_ctx *ctx, int64_t n)
{
	char key[32];
	gale_value values[] = { gale_int(n),
		gale_string(key, (size_t)snprintf(key, sizeof key, "k%" PRId64, n % f->keys)) };
	gale_emission e = { .values = values, .n = 2, .id = (uint64_t)n };
	uint32_t first, peers;

	e.tracked = strcmp(f->replay, "untracked") != 0;
	e.kept = strcmp(f->replay, "kept") == 0;
	if (f->aim != NULL && gale_peers(ctx, f->aim, &first, &peers) == 0) {
		e.stream = 1;
		e.direct = true;
		e.task = first + (uint32_t)n % peers;
	}
	journal(f->log, "emit %" PRId64 "\n", n);
	f->emitted_ms[n - f->start] = gale_now_ms(ctx);
	if (++f->n_open > f->most_open)
		f->most_open = f->n_open;
	gale_emit_as(ctx, &e);
}

static int next(void *self, gale_ctx *ctx)
{
	struct feed *f = self;

	if (f->chain && f->at > f->start)
		return f->at < f->start + f->count ? GALE_IDLE : GALE_DONE;
	if (f->n_again > 0)
		emit(f, ctx, f->again[--f->n_again]);
	else if (f->at < f->start + f->count && f->credit-- > 0)
		emit(f, ctx, f->at++);
	else if (f->at < f->start + f->count)
		return f->credit = 0, GALE_IDLE;
	else
		return strcmp(f->at_end, "done") == 0 ? GALE_DONE : GALE_IDLE;
	return f->pause ? GALE_IDLE : GALE_EMITTED;
}

static void ack(void *self, gale_ctx *ctx, uint64_t id)
{
	struct feed *f = self;

	f->n_open--;
	journal(f->log, "ack %" PRIu64 "\n", id);
	if (f->chain && f->active && f->at < f->start + f->count)
		emit(f, ctx, f->at++);
}

static void fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *failure)
{
	static const char *const kinds[] = { [GALE_FAILED_BY_BOLT] = "bolt", [GALE_TIMED_OUT] = "time",
		[GALE_NO_PROGRESS] = "progress", [GALE_NO_VERDICT] = "silence", [GALE_WORKER_LOST] = "lost",
		[GALE_CRASHED] = "crash" };
	struct feed *f = self;

	f->n_open--;
	journal(f->log, "fail %" PRIu64 " %" PRId64 " %s %u %s %s\n", id,
	    gale_now_ms(ctx) - f->emitted_ms[(int64_t)id - f->start], kinds[failure->kind],
	    failure->attempt, failure->final ? "final" : "again", failure->text);
	if (strcmp(f->replay, "self") == 0 && !failure->final)
		f->again[f->n_again++] = (int64_t)id;
	if (strcmp(f->replay, "at once") == 0 && !failure->final)
		emit(f, ctx, (int64_t)id);
}

static void activate(void *self, gale_ctx *ctx)
{
	struct feed *f = self;

	(void)ctx;
	f->active = true;
	journal(f->log, "activate\n");
}

static void deactivate(void *self, gale_ctx *ctx)
{
	struct feed *f = self;

	(void)ctx;
	f->active = false;
	journal(f->log, "deactivate\n");
}

static int tick(void *self, gale_ctx *ctx)
{
	(void)ctx;
	journal(((struct feed *)self)->log, "tick\n");
	return GALE_OK;
}

static const gale_component feed = {
	.name = "Feed", .doc = "Emits numbers.", .kind = GALE_SPOUT, .self_size = sizeof (struct feed),
	.outputs = GALE_STREAMS(
		GALE_STREAM("default", { "n", GALE_INT }, { "key", GALE_STRING }),
		GALE_DIRECT_STREAM("aimed", { "n", GALE_INT }, { "key", GALE_STRING })),
	.props = GALE_PROPS(
		GALE_PROP(struct feed, count, GALE_PROP_INT, "How many.", .fallback = "10"),
		GALE_PROP(struct feed, start, GALE_PROP_INT, "From which number on."),
		GALE_PROP(struct feed, keys, GALE_PROP_INT, "How many different keys.", .fallback = "10"),
		GALE_PROP(struct feed, journal, GALE_PROP_PATH, "Where to write down what happens."),
		GALE_PROP(struct feed, replay, GALE_PROP_STRING, "Who replays what failed.",
		    .fallback = "none", .choices = "none|self|at once|kept|untracked"),
		GALE_PROP(struct feed, at_end, GALE_PROP_STRING, "What next says after the last.",
		    .fallback = "done", .choices = "done|idle|unbounded"),
		GALE_PROP(struct feed, fifo, GALE_PROP_PATH, "Numbers read here say how many to emit."),
		GALE_PROP(struct feed, aim, GALE_PROP_STRING, "Emit directly to the tasks of this component."),
		GALE_PROP(struct feed, pause, GALE_PROP_BOOL, "Say idle after each."),
		GALE_PROP(struct feed, chain, GALE_PROP_BOOL, "Emit each when the one before is acked.")),
	.open = open_feed, .cleanup = cleanup, .next = next, .ack = ack, .fail = fail,
	.activate = activate, .deactivate = deactivate, .tick = tick,
};
GALE_PLUGIN(&feed);
