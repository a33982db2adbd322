/* probe.c - bolts for tests, each doing one thing to the tuples that the spout in feed.c
 * makes: (n: int, key: string).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <gale/gale.h>

#include "journal.h"

#define INPUTS	GALE_FIELDS({ "n", GALE_INT }, { "key", GALE_STRING })
#define OUTPUT	GALE_STREAM("default", { "n", GALE_INT }, { "key", GALE_STRING })
#define AIMED	GALE_DIRECT_STREAM("aimed", { "n", GALE_INT }, { "key", GALE_STRING })
#define JOURNAL(T) GALE_PROP(T, journal, GALE_PROP_PATH, "Where to write down what happens.")

static int64_t n_of(const gale_tuple *t)
{
	return gale_in(t, 0)->u.i;
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- Pass: as many children as you like, and who got what ---- */

struct pass {
	int64_t copies, ms;
	const char *journal;
	bool loose;
	int log;
};

static int pass_prepare(void *self, gale_ctx *ctx)
{
	struct pass *p = self;

	(void)ctx;
	p->log = journal_open(p->journal);
	return GALE_OK;
}

static void pass_cleanup(void *self, gale_ctx *ctx)
{
	(void)ctx;
	journal_close(((struct pass *)self)->log);
}

static int pass_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct pass *p = self;
	const gale_value *key = gale_in(t, 1);

	journal(p->log, "%u %" PRId64 " %.*s\n", ctx->index, n_of(t), (int)key->n, key->u.s);
	if (p->ms > 0)
		sleep_ms(p->ms);
	for (int64_t i = 0; i < p->copies; i++) {
		int failed = p->loose ? gale_emit_unanchored(ctx, 0, t->values, 2)
		    : gale_emit_values(ctx, 0, t->values, 2);

		if (failed)
			return GALE_FAIL;
	}
	return GALE_OK;
}

static const gale_component pass = {
	.name = "Pass", .doc = "Passes tuples on.", .kind = GALE_BOLT, .self_size = sizeof (struct pass),
	.inputs = INPUTS, .outputs = GALE_STREAMS(OUTPUT),
	.props = GALE_PROPS(JOURNAL(struct pass),
		GALE_PROP(struct pass, copies, GALE_PROP_INT, "How many children each tuple gets.", .fallback = "1"),
		GALE_PROP(struct pass, ms, GALE_PROP_INT, "How long each takes."),
		GALE_PROP(struct pass, loose, GALE_PROP_BOOL, "Emit them unanchored.")),
	.prepare = pass_prepare, .cleanup = pass_cleanup, .execute = pass_execute,
};

/* ---- Gather: holds tuples and lets them go N at a time, with one child of them all, or
 *      with none ---- */

enum { GATHER_MOST = 1000 };

struct gather {
	int64_t size;
	const char *journal;
	bool quiet;
	gale_held held[GATHER_MOST];
	uint32_t n, most;
	int log;
};

static int gather_prepare(void *self, gale_ctx *ctx)
{
	struct gather *g = self;

	(void)ctx;
	g->log = journal_open(g->journal);
	return GALE_OK;
}

static void gather_cleanup(void *self, gale_ctx *ctx)
{
	struct gather *g = self;

	(void)ctx;
	journal(g->log, "most %u\n", g->most);
	journal_close(g->log);
}

static void gather_let_go(struct gather *g, gale_ctx *ctx)
{
	gale_value values[] = { gale_int(g->n), gale_text("all") };

	if (!g->quiet)
		gale_emit_anchored(ctx, 0, g->held, g->n, values, 2);
	for (uint32_t i = 0; i < g->n; i++)
		gale_ack(ctx, g->held[i]);
	g->n = 0;
}

static int gather_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct gather *g = self;

	g->held[g->n++] = gale_hold(ctx, t);
	if (g->n > g->most)
		g->most = g->n;
	if (g->n < g->size) {
		if (!g->quiet)
			journal(g->log, "hold %u\n", g->n);
		return GALE_OK;
	}
	if (!g->quiet)
		journal(g->log, "full %u\n", g->n);
	gather_let_go(g, ctx);
	return GALE_OK;
}

static int gather_drain(void *self, gale_ctx *ctx)
{
	struct gather *g = self;

	journal(g->log, "drain %u\n", g->n);
	if (g->n > 0)
		gather_let_go(g, ctx);
	return GALE_OK;
}

static const gale_component gather = {
	.name = "Gather", .doc = "Makes one tuple of several.", .kind = GALE_BOLT,
	.self_size = sizeof (struct gather), .inputs = INPUTS, .outputs = GALE_STREAMS(OUTPUT),
	.props = GALE_PROPS(JOURNAL(struct gather),
		GALE_PROP(struct gather, size, GALE_PROP_INT, "How many.", .required = true, .min = 1, .max = GATHER_MOST),
		GALE_PROP(struct gather, quiet, GALE_PROP_BOOL, "Ack them, and emit nothing.")),
	.prepare = gather_prepare, .cleanup = gather_cleanup,
	.execute = gather_execute, .drain = gather_drain,
};

/* ---- Twice: anchors a child to the same tuple twice (Storm: testAckingSelfAnchor) ---- */

static int twice_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	gale_held h = gale_hold(ctx, t), anchors[] = { h, h };

	(void)self;
	gale_emit_anchored(ctx, 0, anchors, 2, t->values, 2);
	return gale_ack(ctx, h);
}

static const gale_component twice = {
	.name = "Twice", .doc = "Anchors twice.", .kind = GALE_BOLT, .inputs = INPUTS,
	.outputs = GALE_STREAMS(OUTPUT), .execute = twice_execute,
};

/* ---- Some: acks what divides by EVERY and never finishes the others ---- */

struct some {
	int64_t every;
};

static int some_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	if (n_of(t) % ((struct some *)self)->every != 0)
		gale_hold(ctx, t);
	return GALE_OK;
}

static const gale_component some = {
	.name = "Some", .doc = "Acks some.", .kind = GALE_BOLT, .self_size = sizeof (struct some),
	.inputs = INPUTS, .execute = some_execute,
	.props = GALE_PROPS(GALE_PROP(struct some, every, GALE_PROP_INT, "Which.", .fallback = "2")),
};

/* ---- Refuse: fails what divides by EVERY, the first TIMES times ---- */

enum { REFUSE_MOST = 10000 };

struct refuse {
	int64_t every, times, long_why;
	int seen[REFUSE_MOST];
};

static int refuse_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct refuse *r = self;
	int64_t n = n_of(t);
	char *text;

	if (n >= REFUSE_MOST || n % r->every != 0)
		return GALE_OK;
	if (r->seen[n]++ >= r->times && r->times != 0)
		return GALE_OK;
	if (r->long_why == 0)
		return gale_failedf(ctx, "no %" PRId64 " today", n);
	text = malloc((size_t)r->long_why + 1);
	memset(text, 0xe9, (size_t)r->long_why);	/* no UTF-8 either */
	text[r->long_why] = '\0';
	gale_fail(ctx, gale_hold(ctx, t), text);
	free(text);
	return GALE_OK;
}

static const gale_component refuse = {
	.name = "Refuse", .doc = "Fails some.", .kind = GALE_BOLT, .self_size = sizeof (struct refuse),
	.inputs = INPUTS, .execute = refuse_execute,
	.props = GALE_PROPS(
		GALE_PROP(struct refuse, every, GALE_PROP_INT, "Which.", .fallback = "1", .min = 1, .max = REFUSE_MOST),
		GALE_PROP(struct refuse, times, GALE_PROP_INT, "How often; 0: always."),
		GALE_PROP(struct refuse, long_why, GALE_PROP_INT, "Bytes of senseless reason.")),
};

/* ---- Extend: holds all, resets the timeout of the even ones, acks those in the end ---- */

struct extend {
	int64_t each_ms, last_ms, began_ms;
	gale_held held[16];
	int n;
};

static void extend_timer(void *self, gale_ctx *ctx, void *arg)
{
	struct extend *x = self;
	bool last = gale_now_ms(ctx) - x->began_ms >= x->last_ms;

	(void)arg;
	for (int i = 0; i < x->n; i++)
		if (last)
			gale_ack(ctx, x->held[i]);
		else
			gale_reset_timeout(ctx, x->held[i]);
	if (!last)
		gale_timer(ctx, (uint32_t)x->each_ms, extend_timer, NULL);
}

static int extend_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct extend *x = self;
	gale_held h = gale_hold(ctx, t);

	if (n_of(t) % 2 != 0 || x->n == 16)
		return GALE_OK;
	x->held[x->n++] = h;
	if (x->n > 1)
		return GALE_OK;
	x->began_ms = gale_now_ms(ctx);
	gale_timer(ctx, (uint32_t)x->each_ms, extend_timer, NULL);
	return GALE_OK;
}

static const gale_component extend = {
	.name = "Extend", .doc = "Resets timeouts.", .kind = GALE_BOLT, .self_size = sizeof (struct extend),
	.inputs = INPUTS, .execute = extend_execute,
	.props = GALE_PROPS(
		GALE_PROP(struct extend, each_ms, GALE_PROP_INT, "How often.", .required = true),
		GALE_PROP(struct extend, last_ms, GALE_PROP_INT, "Until when.", .required = true)),
};

/* ---- Later: finishes held tuples from a timer, a watched descriptor or another thread ---- */

enum { LATER_MOST = 8192 };

struct later {
	const char *by, *journal;
	int log;
	gale_ctx *ctx;
	gale_held held[LATER_MOST];
	uint32_t n, done;
	int pipe[2];
	pthread_t thread;
};

static void later_one(struct later *l, gale_ctx *ctx)
{
	journal(l->log, "%s\n", l->by);
	if (l->done < l->n)
		gale_ack(ctx, l->held[l->done++ % LATER_MOST]);
}

static void later_timer(void *self, gale_ctx *ctx, void *arg)
{
	(void)arg;
	later_one(self, ctx);
}

static void later_readable(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	char c;

	(void)events, (void)arg;
	if (read(fd, &c, 1) == 1)
		later_one(self, ctx);
}

static void *later_thread(void *arg)
{
	struct later *l = arg;
	char c;

	while (read(l->pipe[0], &c, 1) == 1)
		gale_wake(l->ctx);
	return NULL;
}

static int later_woken(void *self, gale_ctx *ctx)
{
	struct later *l = self;

	while (l->done < l->n)
		later_one(l, ctx);
	return GALE_OK;
}

static int later_prepare(void *self, gale_ctx *ctx)
{
	struct later *l = self;

	l->log = journal_open(l->journal);
	l->ctx = ctx;
	if (pipe2(l->pipe, O_CLOEXEC) != 0)
		return gale_fatal(ctx, "no pipe");
	if (strcmp(l->by, "watch") == 0)
		return gale_watch(ctx, l->pipe[0], GALE_READABLE, later_readable, NULL);
	if (strcmp(l->by, "thread") == 0)
		return pthread_create(&l->thread, NULL, later_thread, l);
	return GALE_OK;
}

static void later_cleanup(void *self, gale_ctx *ctx)
{
	struct later *l = self;

	(void)ctx;
	close(l->pipe[1]);
	if (strcmp(l->by, "thread") == 0)
		pthread_join(l->thread, NULL);
	close(l->pipe[0]);
	journal_close(l->log);
}

static int later_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct later *l = self;

	if (l->n - l->done == LATER_MOST)
		return gale_failed(ctx, "more than it can hold");
	l->held[l->n++ % LATER_MOST] = gale_hold(ctx, t);
	if (strcmp(l->by, "timer") == 0)
		gale_timer(ctx, 5, later_timer, NULL);
	else if (write(l->pipe[1], "", 1) != 1)
		return gale_fatal(ctx, "the pipe is full");
	return GALE_OK;
}

static const gale_component later = {
	.name = "Later", .doc = "Acks later.", .kind = GALE_BOLT, .self_size = sizeof (struct later),
	.inputs = INPUTS, .prepare = later_prepare, .cleanup = later_cleanup,
	.execute = later_execute, .woken = later_woken,
	.props = GALE_PROPS(JOURNAL(struct later),
		GALE_PROP(struct later, by, GALE_PROP_STRING, "From where.", .required = true,
		    .choices = "timer|watch|thread")),
};

/* ---- Clock: writes down at each tick and each timer how many tuples it has seen ---- */

struct clock {
	const char *journal;
	int64_t ms, us;
	int64_t seen;
	int log;
};

static void clock_timer(void *self, gale_ctx *ctx, void *arg)
{
	struct clock *c = self;

	(void)arg;
	journal(c->log, "timer %" PRId64 "\n", c->seen);
	gale_timer(ctx, (uint32_t)c->ms, clock_timer, NULL);
}

static int clock_prepare(void *self, gale_ctx *ctx)
{
	struct clock *c = self;

	c->log = journal_open(c->journal);
	return gale_timer(ctx, (uint32_t)c->ms, clock_timer, NULL) == 0;
}

static void clock_cleanup(void *self, gale_ctx *ctx)
{
	struct clock *c = self;

	(void)ctx;
	journal(c->log, "end %" PRId64 "\n", c->seen);
	journal_close(c->log);
}

static int clock_tick(void *self, gale_ctx *ctx)
{
	struct clock *c = self;

	(void)ctx;
	journal(c->log, "tick %" PRId64 "\n", c->seen);
	return GALE_OK;
}

static int clock_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct clock *c = self;
	struct timespec now;
	int64_t until = 0, ns;

	(void)ctx, (void)t;
	c->seen++;
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
		ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
		if (until == 0)
			until = ns + c->us * 1000;
	} while (ns < until);
	return GALE_OK;
}

static const gale_component clock_bolt = {
	.name = "Clock", .doc = "Tells the time.", .kind = GALE_BOLT, .self_size = sizeof (struct clock),
	.inputs = INPUTS, .prepare = clock_prepare, .cleanup = clock_cleanup,
	.execute = clock_execute, .tick = clock_tick,
	.props = GALE_PROPS(JOURNAL(struct clock),
		GALE_PROP(struct clock, ms, GALE_PROP_INT, "Between two timers.", .fallback = "10"),
		GALE_PROP(struct clock, us, GALE_PROP_INT, "How long each tuple keeps it busy.")),
};

/* ---- Produce: emits COUNT tuples in finish ---- */

struct produce {
	int64_t count, at;
	const char *aim, *journal;
	bool pause, wrong;
	bool paused;
};

static int produce_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self, (void)ctx, (void)t;
	return GALE_OK;
}

static int produce_finish(void *self, gale_ctx *ctx)
{
	struct produce *p = self;
	gale_value values[] = { gale_int(p->at), gale_text("k") };
	uint32_t first, n;

	p->paused = p->pause && !p->paused;
	if (p->at == p->count || p->paused)
		return p->paused ? GALE_IDLE : GALE_DONE;
	p->at++;
	if (p->wrong)
		gale_emit(ctx, 0, gale_text("wrong"));
	else if (p->aim == NULL)
		gale_emit_values(ctx, 0, values, 2);
	else if (gale_peers(ctx, p->aim, &first, &n) == 0)
		gale_emit_direct(ctx, 1, first + (uint32_t)p->at % n, values, 2);
	return GALE_EMITTED;
}

/* What this worker used at most, in KiB. */
static void produce_cleanup(void *self, gale_ctx *ctx)
{
	int log = journal_open(((struct produce *)self)->journal);
	struct rusage usage;

	(void)ctx;
	getrusage(RUSAGE_SELF, &usage);
	journal(log, "memory %ld\n", usage.ru_maxrss);
	journal_close(log);
}

static const gale_component produce = {
	.name = "Produce", .doc = "Emits in finish.", .kind = GALE_BOLT, .self_size = sizeof (struct produce),
	.inputs = INPUTS, .outputs = GALE_STREAMS(OUTPUT, AIMED),
	.execute = produce_execute, .finish = produce_finish, .cleanup = produce_cleanup,
	.props = GALE_PROPS(JOURNAL(struct produce),
		GALE_PROP(struct produce, count, GALE_PROP_INT, "How many.", .required = true),
		GALE_PROP(struct produce, aim, GALE_PROP_STRING, "Emit directly to the tasks of this component."),
		GALE_PROP(struct produce, pause, GALE_PROP_BOOL, "Say idle before each."),
		GALE_PROP(struct produce, wrong, GALE_PROP_BOOL, "Emit what is not declared.")),
};

/* ---- Wrong: tuple n makes mistake n ---- */

struct wrong {
	gale_held finished;
};

/* Of what it holds, and of what it holds no more. */
static void settle_wrongly(struct wrong *w, gale_ctx *ctx, const gale_tuple *t)
{
	gale_held h;

	switch (n_of(t)) {
	case 0:
		w->finished = gale_hold(ctx, t);
		gale_ack(ctx, w->finished);
		break;
	case 1:
		gale_ack(ctx, w->finished);
		break;
	case 2:
		gale_fail(ctx, w->finished, "again");
		break;
	case 3:
		gale_emit_anchored(ctx, 0, &w->finished, 1, t->values, 2);
		break;
	case 4:
		gale_reset_timeout(ctx, w->finished);
		break;
	case 13:
		gale_hold(ctx, t);
		gale_hold(ctx, t);
		break;
	case 14:
		h = gale_hold(ctx, t);
		gale_ack(ctx, h);
		gale_emit(ctx, 0, gale_int(1), gale_text("late"));
		break;
	case 16:
		gale_ack(ctx, (gale_held){ 0 });
		break;
	case 17:
		gale_ack(ctx, (gale_held){ 12345678901234567u });
		break;
	default:
		break;
	}
}

static void emit_too_much(gale_ctx *ctx)
{
	gale_value big = gale_string(NULL, GALE_MAX_VALUE + 65536);
	char *much = calloc(1, GALE_MAX_VALUE + 65536);

	big.u.s = much;
	gale_emit(ctx, 0, gale_int(1), big);
	free(much);
}

/* What is not declared, and where it is not. */
static void emit_wrongly(gale_ctx *ctx, const gale_tuple *t)
{
	switch (n_of(t)) {
	case 5:
		gale_emit(ctx, 0, gale_int(1));
		break;
	case 6:
		gale_emit(ctx, 0, gale_text("one"), gale_text("two"));
		break;
	case 7:
		gale_emit(ctx, 2, gale_int(1), gale_text("two"));
		break;
	case 8:
		gale_emit(ctx, 1, gale_int(1), gale_text("two"));
		break;
	case 9:
		gale_emit_direct(ctx, 0, ctx->task, t->values, 2);
		break;
	case 10:
		gale_emit_direct(ctx, 1, ctx->task, t->values, 2);
		break;
	case 11:
		gale_emit_tracked(ctx, 0, 7, t->values, 2);
		break;
	case 12:
		emit_too_much(ctx);
		break;
	case 18:
		gale_emit(ctx, 4000000000u, gale_int(1));
		break;
	default:
		break;
	}
}

static int wrong_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	settle_wrongly(self, ctx, t);
	emit_wrongly(ctx, t);
	switch (n_of(t)) {
	case 15:
		gale_watch(ctx, -1, GALE_READABLE, NULL, NULL);
		break;
	case 19:
		gale_failed(ctx, "said, but not returned");
		break;
	case 20:
		return GALE_FAIL;
	default:
		break;
	}
	return GALE_OK;
}

static const gale_component wrong = {
	.name = "Wrong", .doc = "Makes mistakes.", .kind = GALE_BOLT, .self_size = sizeof (struct wrong),
	.inputs = INPUTS, .outputs = GALE_STREAMS(OUTPUT, AIMED), .execute = wrong_execute,
};

/* ---- Careless: its mistakes are made while no tuple is in hand ---- */

static int careless_tick(void *self, gale_ctx *ctx)
{
	(void)self;
	gale_ack(ctx, (gale_held){ 1 });
	return GALE_OK;
}

static void careless_timer(void *self, gale_ctx *ctx, void *arg)
{
	(void)self, (void)arg;
	gale_ack(ctx, (gale_held){ 1 });
	gale_timer(ctx, 3, careless_timer, NULL);
}

static int careless_prepare(void *self, gale_ctx *ctx)
{
	(void)self;
	return gale_timer(ctx, 3, careless_timer, NULL) == 0;
}

static int careless_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self, (void)ctx, (void)t;
	return GALE_OK;
}

static const gale_component careless = {
	.name = "Careless", .doc = "Makes mistakes in between.", .kind = GALE_BOLT, .inputs = INPUTS,
	.prepare = careless_prepare, .tick = careless_tick, .execute = careless_execute,
};

/* ---- Doom: ends badly at tuple AT, or before the first ---- */

struct doom {
	int64_t at;
	const char *how, *when, *journal;
};

static int doom_come(const struct doom *d, gale_ctx *ctx)
{
	int log = journal_open(d->journal);

	journal(log, "doom\n");
	journal_close(log);
	if (strcmp(d->how, "crash") == 0) {
		signal(SIGSEGV, SIG_DFL);	/* a sanitizer would catch it */
		raise(SIGSEGV);
	}
	if (strcmp(d->how, "exit") == 0)
		exit(3);
	if (strcmp(d->how, "fatal") == 0)
		return gale_fatal(ctx, "nothing to be done");
	for (;;)
		sleep_ms(1000);
}

static int doom_prepare(void *self, gale_ctx *ctx)
{
	const struct doom *d = self;

	return strcmp(d->when, "prepare") == 0 ? doom_come(d, ctx) : GALE_OK;
}

static int doom_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	const struct doom *d = self;

	return strcmp(d->when, "execute") == 0 && n_of(t) == d->at ? doom_come(d, ctx) : GALE_OK;
}

static int doom_finish(void *self, gale_ctx *ctx)
{
	const struct doom *d = self;

	return strcmp(d->when, "finish") == 0 ? doom_come(d, ctx) : GALE_DONE;
}

static void doom_cleanup(void *self, gale_ctx *ctx)
{
	const struct doom *d = self;

	if (strcmp(d->when, "cleanup") == 0)
		doom_come(d, ctx);
	if (strcmp(d->when, "prepare") == 0)
		gale_log(ctx, GALE_INFO, "cleaned up");
}

static const gale_component doom = {
	.name = "Doom", .doc = "Ends badly.", .kind = GALE_BOLT, .self_size = sizeof (struct doom),
	.inputs = INPUTS, .prepare = doom_prepare, .execute = doom_execute, .finish = doom_finish,
	.cleanup = doom_cleanup,
	.props = GALE_PROPS(JOURNAL(struct doom),
		GALE_PROP(struct doom, at, GALE_PROP_INT, "At which tuple."),
		GALE_PROP(struct doom, how, GALE_PROP_STRING, "How.", .required = true,
		    .choices = "crash|exit|fatal|block"),
		GALE_PROP(struct doom, when, GALE_PROP_STRING, "When.", .fallback = "execute",
		    .choices = "prepare|execute|finish|cleanup")),
};

/* ---- Poison: passes tuples on; of number AT, or each EVERYth tuple, it dies ---- */

struct poison {
	int64_t at, every;
	const char *how;
	int64_t n;
};

static void poison_die(const struct poison *p)
{
	volatile bool for_ever = true;

	signal(SIGSEGV, SIG_DFL);	/* a sanitizer would catch them */
	signal(SIGABRT, SIG_DFL);
	if (strcmp(p->how, "crash") == 0)
		raise(SIGSEGV);
	if (strcmp(p->how, "abort") == 0)
		abort();
	if (strcmp(p->how, "exit") == 0)
		exit(3);
	while (for_ever)
		;
}

static int poison_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct poison *p = self;

	if (p->every > 0 ? ++p->n % p->every == 0 : n_of(t) == p->at)
		poison_die(p);
	/* A spout that can be positioned has no keys. */
	if (t->values[1].type != GALE_STRING)
		return GALE_OK;
	return gale_emit_values(ctx, 0, t->values, 2) == 0 ? GALE_OK : GALE_FAIL;
}

static const gale_component poison = {
	.name = "Poison", .doc = "Dies of one value.", .kind = GALE_BOLT, .self_size = sizeof (struct poison),
	.inputs = GALE_FIELDS({ "n", GALE_INT }), .outputs = GALE_STREAMS(OUTPUT), .execute = poison_execute,
	.props = GALE_PROPS(
		GALE_PROP(struct poison, at, GALE_PROP_INT, "Of which number."),
		GALE_PROP(struct poison, every, GALE_PROP_INT, "Of each such tuple."),
		GALE_PROP(struct poison, how, GALE_PROP_STRING, "How.", .required = true,
		    .choices = "crash|abort|exit|loop")),
};

/* ---- Facts: what a task knows of its surroundings ---- */

struct facts {
	const char *journal;
};

static int facts_prepare(void *self, gale_ctx *ctx)
{
	int log = journal_open(((struct facts *)self)->journal);
	const char *timeout = gale_config(ctx, "topology.message.timeout.secs");
	const char *own = gale_config(ctx, "user.colour");
	uint32_t first = 0, n = 0;
	int known = gale_peers(ctx, "feed", &first, &n);

	journal(log, "%s %s task %u, %u of %u; feed is %u+%u (%d); stranger %d; timeout %s; colour %s; shape %s\n",
	    ctx->topology, ctx->component, ctx->task, ctx->index, ctx->n_tasks, first, n, known,
	    gale_peers(ctx, "stranger", &first, &n), timeout, own,
	    gale_config(ctx, "user.shape") != NULL ? "set" : "unset");
	journal_close(log);
	*gale_gauge(ctx, "answer") = 42;
	return GALE_OK;
}

static int facts_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	*gale_counter(ctx, "seen") += 1;
	if (n_of(t) == 0)
		gale_log(ctx, GALE_WARN, "the first one");
	return GALE_OK;
}

static const gale_component facts = {
	.name = "Facts", .doc = "Tells what it knows.", .kind = GALE_BOLT, .self_size = sizeof (struct facts),
	.inputs = INPUTS, .prepare = facts_prepare, .execute = facts_execute,
	.props = GALE_PROPS(JOURNAL(struct facts)),
};

/* ---- Turns: a grouping that deals tuples out by number, and refuses one ---- */

struct turns {
	int64_t refuses;
};

static int turns_choose(void *self, gale_ctx *ctx, const gale_value *values, uint32_t n, uint32_t n_tasks,
    uint32_t *tasks)
{
	(void)ctx, (void)n;
	if (values[0].u.i == ((struct turns *)self)->refuses)
		return -1;
	tasks[0] = (uint32_t)values[0].u.i % n_tasks;
	return 1;
}

static const gale_component turns = {
	.name = "Turns", .doc = "Deals tuples out.", .kind = GALE_GROUPING, .self_size = sizeof (struct turns),
	.choose = turns_choose,
	.props = GALE_PROPS(GALE_PROP(struct turns, refuses, GALE_PROP_INT, "Which.", .fallback = "-1")),
};

GALE_PLUGIN(&pass, &gather, &twice, &some, &refuse, &extend, &later, &clock_bolt, &produce, &wrong,
    &careless, &doom, &poison, &facts, &turns);
