/* batch.c - a spout and bolts for tests of transactional topologies: what a plugin sees of its
 * batches. Tuples everywhere: (n: int, key: string).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     Source   emits the numbers below `count`, in turn over its tasks; key is "kI" with I = n mod
 *              `keys`. With `fifo` only as many as the numbers say that are read there, with
 *              `push` from the callback that reads them
 *     Watch    passes tuples on, now or later
 *     Keep     counts each key in its state, as well; in the end emits (count, key)
 *
 * The journal has a line for each callback:
 *
 *     COMPONENT TASK CALLBACK TXID GENERATION [...]
 *
 * with `execute N`, `emit N`, `resume NEXT`; Keep's execute has what the key's count was before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gale/gale.h>

#include "journal.h"

#define TUPLE	{ "n", GALE_INT }, { "key", GALE_STRING }
#define OUTPUTS GALE_STREAMS(GALE_STREAM("default", TUPLE), GALE_DIRECT_STREAM("aimed", TUPLE))

static void note(int log, const gale_ctx *ctx, const char *callback, int64_t what)
{
	journal(log, "%s %u %s %" PRIu64 " %" PRIu64 " %" PRId64 "\n", ctx->component, ctx->index, callback,
	    ctx->txid, ctx->generation, what);
}

static int emit(gale_ctx *ctx, int64_t n, const char *key, size_t length)
{
	return gale_emit(ctx, 0, gale_int(n), gale_string(key, length));
}

/* ---- Source ---- */

struct source {
	/* properties */
	const char *journal, *fifo, *wrong;
	int64_t count, keys, pause_every;
	bool unbounded, push;

	int log, fd;
	int64_t at, credit;
};

/* emit_next emits the next number; false: it was refused. */
static bool emit_next(struct source *s, gale_ctx *ctx)
{
	char key[32];
	int length = snprintf(key, sizeof key, "k%" PRId64, s->at % s->keys);
	gale_value values[] = { gale_int(s->at), gale_string(key, (size_t)length) };

	if (strcmp(s->wrong, "no id") == 0)
		return gale_emit_values(ctx, 0, values, 2) == 0;
	if (gale_emit_tracked(ctx, 0, (uint64_t)s->at, values, 2) != 0)
		return false;
	note(s->log, ctx, "emit", s->at);
	s->at += ctx->n_tasks;
	if (strcmp(s->wrong, "no position") != 0)
		gale_position(ctx, (uint64_t)s->at, NULL, 0);
	return true;
}

static void on_fifo(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	struct source *s = self;
	char text[256];
	ssize_t n = read(fd, text, sizeof text - 1);

	(void)ctx, (void)events, (void)arg;
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *p = text, *end; s->credit += strtol(p, &end, 10), end != p; )
		p = end;
	while (s->push && s->credit-- > 0)
		emit_next(s, ctx);
}

static int source_open(void *self, gale_ctx *ctx)
{
	struct source *s = self;

	s->log = journal_open(s->journal);
	s->at = ctx->index;
	s->fd = -1;
	note(s->log, ctx, "open", 0);
	if (s->unbounded)
		gale_unbounded(ctx);
	if (strcmp(s->wrong, "open") == 0)
		emit(ctx, 0, "k", 1);
	if (s->fifo == NULL)
		return GALE_OK;
	s->fd = open(s->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return gale_watch(ctx, s->fd, GALE_READABLE, on_fifo, NULL);
}

static int source_resume(void *self, gale_ctx *ctx, const gale_resume *r)
{
	struct source *s = self;

	s->at = (int64_t)r->next;
	note(s->log, ctx, "resume", s->at);
	return GALE_OK;
}

static void source_cleanup(void *self, gale_ctx *ctx)
{
	struct source *s = self;

	note(s->log, ctx, "cleanup", 0);
	journal_close(s->log);
	journal_close(s->fd);
}

static int source_next(void *self, gale_ctx *ctx)
{
	struct source *s = self;

	if (s->at >= s->count)
		return s->unbounded ? GALE_IDLE : GALE_DONE;
	if (s->push || (s->fifo != NULL && s->credit-- <= 0))
		return s->credit = 0, GALE_IDLE;
	if (!emit_next(s, ctx))
		return GALE_FATAL;
	return s->pause_every > 0 && s->at % s->pause_every == 0 ? GALE_IDLE : GALE_EMITTED;
}

static void source_ack(void *self, gale_ctx *ctx, uint64_t id)
{
	note(((struct source *)self)->log, ctx, "acked", (int64_t)id);
}

static void source_fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *failure)
{
	(void)failure;
	note(((struct source *)self)->log, ctx, "failed", (int64_t)id);
}

static const gale_component source = {
	.name = "Source", .doc = "Emits numbers.", .kind = GALE_SPOUT, .self_size = sizeof (struct source),
	.outputs = GALE_STREAMS(GALE_STREAM("default", TUPLE)),
	.open = source_open, .resume = source_resume, .next = source_next, .cleanup = source_cleanup,
	.ack = source_ack, .fail = source_fail,
	.props = GALE_PROPS(
		GALE_PROP(struct source, journal, GALE_PROP_PATH, "Where to write down what happens."),
		GALE_PROP(struct source, fifo, GALE_PROP_PATH, "Numbers read here say how many to emit."),
		GALE_PROP(struct source, wrong, GALE_PROP_STRING, "Which mistake.", .fallback = "none",
		    .choices = "none|open|no id|no position"),
		GALE_PROP(struct source, count, GALE_PROP_INT, "How many.", .fallback = "10"),
		GALE_PROP(struct source, keys, GALE_PROP_INT, "How many different keys.", .fallback = "10"),
		GALE_PROP(struct source, pause_every, GALE_PROP_INT, "Say idle after so many."),
		GALE_PROP(struct source, push, GALE_PROP_BOOL, "Emit when the fifo is read, not in next."),
		GALE_PROP(struct source, unbounded, GALE_PROP_BOOL, "Never say that it is done.")),
};

/* ---- Watch, Keep ---- */

enum { HELD_MOST = 4096 };

struct bolt {
	/* properties */
	const char *journal, *fails, *once, *wrong, *aim;
	int64_t hold_ms, us, fail_at;
	bool ticks;

	int log;
	struct {
		gale_held held;
		int64_t n;
	} held[HELD_MOST];
	uint32_t first, end;
	int64_t next_key;		/* of finish */
	int64_t memory;			/* tuples since it was made */
};

/* mistake does what is not allowed in CALLBACK, if `wrong` names that, in the last task. */
static void mistake(struct bolt *b, gale_ctx *ctx, const char *callback)
{
	size_t n = strlen(callback);

	if (ctx->index != ctx->n_tasks - 1 || strncmp(b->wrong, callback, n) != 0)
		return;
	if (strcmp(b->wrong + n, " emit") == 0)
		emit(ctx, 0, "k", 1);
	else
		gale_state_put(ctx, "k", 1, "v", 1);
}

/* fails_now: CALLBACK shall fail, and has not done so before if there is a file `once`. */
static bool fails_now(const struct bolt *b, const char *callback, int64_t n)
{
	int fd;

	if (strcmp(b->fails, callback) != 0 || n < b->fail_at)
		return false;
	if (b->once == NULL)
		return true;
	fd = open(b->once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	journal_close(fd);
	return fd >= 0;
}

static int bolt_prepare(void *self, gale_ctx *ctx)
{
	struct bolt *b = self;

	b->log = journal_open(b->journal);
	note(b->log, ctx, "prepare", b->memory);
	mistake(b, ctx, "prepare");
	return GALE_OK;
}

static void bolt_cleanup(void *self, gale_ctx *ctx)
{
	struct bolt *b = self;

	note(b->log, ctx, "cleanup", 0);
	journal_close(b->log);
}

static void let_go(void *self, gale_ctx *ctx, void *arg)
{
	struct bolt *b = self;
	uint32_t i = b->first++ % HELD_MOST;

	(void)arg;
	note(b->log, ctx, "ack", b->held[i].n);
	gale_ack(ctx, b->held[i].held);
}

static int pass(struct bolt *b, gale_ctx *ctx, const gale_tuple *t)
{
	uint32_t first, n;

	if (b->aim == NULL)
		return gale_emit_values(ctx, 0, t->values, 2);
	gale_peers(ctx, b->aim, &first, &n);
	return gale_emit_direct(ctx, 1, first + (uint32_t)gale_in(t, 0)->u.i % n, t->values, 2);
}

static int watch_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct bolt *b = self;
	int64_t n = gale_in(t, 0)->u.i;

	b->memory++;
	note(b->log, ctx, "execute", n);
	if (b->us > 0)
		nanosleep(&(struct timespec){ .tv_nsec = b->us * 1000 }, NULL);
	if (pass(b, ctx, t) != 0)
		return GALE_FAIL;
	if (fails_now(b, "execute", n))
		return gale_failed(ctx, "as told");
	if (b->hold_ms > 0) {
		b->held[b->end % HELD_MOST].n = n;
		b->held[b->end++ % HELD_MOST].held = gale_hold(ctx, t);
		gale_timer(ctx, (uint32_t)b->hold_ms, let_go, NULL);
	}
	return GALE_OK;
}

static int keep_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct bolt *b = self;
	const gale_value *key = gale_in(t, 1);
	int64_t sum = 0;

	if (gale_state_add(ctx, key->u.s, key->n, 1, &sum) != 0)
		return GALE_FAIL;
	journal(b->log, "%s %u count %" PRIu64 " %" PRIu64 " %.*s %" PRId64 "\n", ctx->component, ctx->index,
	    ctx->txid, ctx->generation, (int)key->n, key->u.s, sum - 1);
	return watch_execute(self, ctx, t);
}

static int bolt_finish_batch(void *self, gale_ctx *ctx)
{
	struct bolt *b = self;

	note(b->log, ctx, "finish_batch", b->memory);
	if (fails_now(b, "finish_batch", (int64_t)ctx->txid))
		return gale_failed(ctx, "not this batch");
	return GALE_OK;
}

static int bolt_persist(void *self, gale_ctx *ctx)
{
	note(((struct bolt *)self)->log, ctx, "persist", 0);
	mistake(self, ctx, "persist");
	return GALE_OK;
}

static int bolt_publish(void *self, gale_ctx *ctx)
{
	note(((struct bolt *)self)->log, ctx, "publish", 0);
	mistake(self, ctx, "publish");
	return GALE_OK;
}

static int watch_tick(void *self, gale_ctx *ctx)
{
	struct bolt *b = self;

	if (!b->ticks)
		return GALE_OK;
	note(b->log, ctx, "tick", 0);
	return emit(ctx, -1, "tick", 4) == 0 ? GALE_OK : GALE_FAIL;
}

static int keep_tick(void *self, gale_ctx *ctx)
{
	struct bolt *b = self;

	if (!b->ticks)
		return GALE_OK;
	note(b->log, ctx, "tick", 0);
	return gale_state_add(ctx, "tick", 4, 1, NULL) == 0 ? GALE_OK : GALE_FAIL;
}

/* The key that was told last is all that it remembers: the rest is state. */
static int keep_finish(void *self, gale_ctx *ctx)
{
	struct bolt *b = self;
	gale_scan s = gale_state_scan("", 0);
	int64_t count;

	for (int64_t i = 0; i <= b->next_key; i++)
		if (!gale_state_next(ctx, &s))
			return note(b->log, ctx, "finish", b->next_key), GALE_DONE;
	b->next_key++;
	memcpy(&count, s.value.bytes, sizeof count);
	journal(b->log, "%s %u total %" PRIu64 " %" PRIu64 " %.*s %" PRId64 "\n", ctx->component, ctx->index,
	    ctx->txid, ctx->generation, (int)s.key.n, (const char *)s.key.bytes, count);
	return emit(ctx, count, s.key.bytes, s.key.n) == 0 ? GALE_EMITTED : GALE_FATAL;
}

#define PROPERTIES GALE_PROPS( \
	GALE_PROP(struct bolt, journal, GALE_PROP_PATH, "Where to write down what happens."), \
	GALE_PROP(struct bolt, fails, GALE_PROP_STRING, "What fails.", .fallback = "none", \
	    .choices = "none|execute|finish_batch"), \
	GALE_PROP(struct bolt, fail_at, GALE_PROP_INT, "From which number, or batch, on."), \
	GALE_PROP(struct bolt, once, GALE_PROP_PATH, "It fails once: then this file is there."), \
	GALE_PROP(struct bolt, wrong, GALE_PROP_STRING, "Which mistake.", .fallback = "none"), \
	GALE_PROP(struct bolt, aim, GALE_PROP_STRING, "Emit directly to the tasks of this component."), \
	GALE_PROP(struct bolt, hold_ms, GALE_PROP_INT, "How long to hold each tuple."), \
	GALE_PROP(struct bolt, us, GALE_PROP_INT, "How long each tuple takes."), \
	GALE_PROP(struct bolt, ticks, GALE_PROP_BOOL, "Do something in each tick."))

static const gale_component watch = {
	.name = "Watch", .doc = "Passes tuples on.", .kind = GALE_BOLT, .self_size = sizeof (struct bolt),
	.inputs = GALE_FIELDS(TUPLE), .outputs = OUTPUTS, .props = PROPERTIES,
	.prepare = bolt_prepare, .cleanup = bolt_cleanup, .execute = watch_execute, .tick = watch_tick,
	.finish_batch = bolt_finish_batch,
};

static const gale_component keep = {
	.name = "Keep", .doc = "Counts keys.", .kind = GALE_BOLT, .self_size = sizeof (struct bolt),
	.inputs = GALE_FIELDS(TUPLE), .outputs = OUTPUTS, .props = PROPERTIES, .state_version = 1,
	.prepare = bolt_prepare, .cleanup = bolt_cleanup, .execute = keep_execute, .tick = keep_tick,
	.finish_batch = bolt_finish_batch, .persist = bolt_persist, .publish = bolt_publish,
	.finish = keep_finish,
};

GALE_PLUGIN(&source, &watch, &keep);
