/* life.c - see life.h. SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include <assert.h>
#include <stdlib.h>

#include "buf.h"
#include "clock.h"
#include "memory.h"

const char *const life_names[N_LIVES] = {
	[LIFE_NEW] = "new",
	[LIFE_STARTING] = "starting",
	[LIFE_BOUND] = "opening",
	[LIFE_READY] = "ready",
	[LIFE_ENDED] = "ended",
	[LIFE_FAILING] = "failing",
	[LIFE_STOPPING] = "stopping",
	[LIFE_GONE] = "gone",
};

const char *const life_event_names[N_LIFE_EVENTS] = {
	[EVENT_HELLO] = "hello",
	[EVENT_READY] = "ready",
	[EVENT_ENDED] = "ended",
	[EVENT_FATAL] = "fatal",
	[EVENT_DIED] = "death",
	[EVENT_EXITED] = "exit",
	[EVENT_TIMEOUT] = "timeout",
};

static enum role role_of(const struct lives *l, uint32_t worker)
{
	return l->plan->workers[worker].role;
}

/* none_before: every worker has come as far as STATE; one that fails gets no further. */
static bool none_before(const struct lives *l, enum life state)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++) {
		enum life its = l->workers[i].state;

		if (its < state || (its == LIFE_FAILING && state != LIFE_GONE))
			return false;
	}
	return true;
}

static void say_to_all(struct lives *l, const char *text)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		l->orders->say(l->arg, i, text);
}

/* ---- what happens ------------------------------------------------------------------ */

typedef void cell(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns);

static void ignore(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	(void)l, (void)worker, (void)event, (void)now_ns;
}

static void fail_run(struct lives *l, uint32_t worker, enum life state, enum life_event event,
    uint64_t now_ns)
{
	l->failed = true;
	l->orders->fail(l->arg, worker, state, event);
	lives_stop(l, now_ns);
}

/* The last hello completes the table of who listens where. Who waits for it is not late. */
static void bind_worker(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	struct buf peers = { 0 };

	(void)event;
	l->workers[worker].state = LIFE_BOUND;
	l->workers[worker].deadline_ns = 0;
	if (!none_before(l, LIFE_BOUND))
		return;
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->workers[i].state == LIFE_BOUND)
			l->workers[i].deadline_ns = now_ns + l->ready_ns;
	buf_puts(&peers, "peers");
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		buf_printf(&peers, " %u", l->workers[i].start);
	say_to_all(l, buf_text(&peers));
	buf_free(&peers);
}

static void serve(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	(void)event, (void)now_ns;
	l->workers[worker].state = LIFE_READY;
	l->workers[worker].deadline_ns = 0;
	if (!none_before(l, LIFE_READY))
		return;
	l->phase = RUN_ACTIVE;
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (role_of(l, i) == ROLE_SPOUT)
			l->orders->say(l->arg, i, "activate");
}

static void end(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	(void)event;
	l->workers[worker].state = LIFE_ENDED;
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (role_of(l, i) != ROLE_ACKER && l->workers[i].state < LIFE_ENDED)
			return;
	lives_stop(l, now_ns);
}

/* "fatal" announces an exit; the run fails when that comes. */
static void await_exit(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	(void)event;
	l->workers[worker].state = LIFE_FAILING;
	l->workers[worker].deadline_ns = now_ns + l->stop_ns;
}

static void kill_it(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	(void)event, (void)now_ns;
	l->workers[worker].deadline_ns = 0;
	l->orders->kill(l->arg, worker);
}

static void go(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	(void)event, (void)now_ns;
	l->workers[worker].state = LIFE_GONE;
	l->workers[worker].deadline_ns = 0;
	if (none_before(l, LIFE_GONE))
		l->phase = RUN_OVER;
}

static void lose(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	enum life state = l->workers[worker].state;

	go(l, worker, event, now_ns);
	fail_run(l, worker, state, event, now_ns);
}

/* A start that takes too long, or a message that has no place in this state. */
static void give_up(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	fail_run(l, worker, l->workers[worker].state, event, now_ns);
}

/* Messages may cross a "stop" on their way: they are ignored from then on. A cell that is
 * not named here is a broken protocol: give_up. */
static cell *const cells[N_LIVES][N_LIFE_EVENTS] = {
	[LIFE_STARTING] = {
		[EVENT_HELLO] = bind_worker,
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_TIMEOUT] = give_up,
	},
	[LIFE_BOUND] = {
		[EVENT_READY] = serve,
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_TIMEOUT] = give_up,
	},
	[LIFE_READY] = {
		[EVENT_ENDED] = end,
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
	},
	[LIFE_ENDED] = {
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
	},
	[LIFE_FAILING] = {
		[EVENT_HELLO] = ignore,
		[EVENT_READY] = ignore,
		[EVENT_ENDED] = ignore,
		[EVENT_FATAL] = ignore,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_TIMEOUT] = kill_it,
	},
	[LIFE_STOPPING] = {
		[EVENT_HELLO] = ignore,
		[EVENT_READY] = ignore,
		[EVENT_ENDED] = ignore,
		[EVENT_FATAL] = ignore,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = go,
		[EVENT_TIMEOUT] = kill_it,
	},
};

/* ---- interface --------------------------------------------------------------------- */

void lives_init(struct lives *l, const struct plan *plan, const struct life_orders *orders,
    void *arg, uint32_t ready_ms, uint32_t stop_ms)
{
	*l = (struct lives){
		.plan = plan,
		.workers = xcalloc((size_t)plan->n_workers + 1, sizeof *l->workers),
		.ready_ns = (uint64_t)ready_ms * NS_PER_MS,
		.stop_ns = (uint64_t)stop_ms * NS_PER_MS,
		.orders = orders,
		.arg = arg,
	};
	if (plan->n_workers == 0)
		l->phase = RUN_OVER;
}

void lives_free(struct lives *l)
{
	free(l->workers);
	l->workers = NULL;
}

void lives_started(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	struct life_worker *w = &l->workers[worker];

	assert(w->state == LIFE_NEW);
	w->state = LIFE_STARTING;
	w->start++;
	w->deadline_ns = now_ns + l->ready_ns;
}

void lives_event(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	cell *act = cells[l->workers[worker].state][event];

	if (act == NULL)
		act = give_up;
	act(l, worker, event, now_ns);
}

void lives_drain(struct lives *l, bool finish, uint64_t now_ns)
{
	if (l->phase == RUN_STARTING) {
		lives_stop(l, now_ns);
		return;
	}
	if (l->phase != RUN_ACTIVE)
		return;
	l->phase = RUN_DRAINING;
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (role_of(l, i) != ROLE_ACKER)
			l->orders->say(l->arg, i, finish ? "drain finish" : "drain discard");
}

/* enter_stopping: from here on every exit is as it should be. */
static void enter_stopping(struct lives *l, bool say, uint64_t now_ns)
{
	if (l->phase >= RUN_STOPPING)
		return;
	l->phase = RUN_STOPPING;
	for (uint32_t i = 0; i < l->plan->n_workers; i++) {
		struct life_worker *w = &l->workers[i];

		if (w->state == LIFE_NEW)
			w->state = LIFE_GONE;
		if (w->state >= LIFE_FAILING)
			continue;
		w->state = LIFE_STOPPING;
		w->deadline_ns = now_ns + l->stop_ns;
		if (say)
			l->orders->say(l->arg, i, "stop");
	}
	if (none_before(l, LIFE_GONE))
		l->phase = RUN_OVER;
}

void lives_stop(struct lives *l, uint64_t now_ns)
{
	enter_stopping(l, true, now_ns);
}

void lives_kill(struct lives *l, uint64_t now_ns)
{
	enter_stopping(l, false, now_ns);
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->workers[i].state != LIFE_GONE)
			kill_it(l, i, EVENT_TIMEOUT, now_ns);
}

uint64_t lives_deadline(const struct lives *l)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < l->plan->n_workers; i++) {
		uint64_t deadline = l->workers[i].deadline_ns;

		if (deadline != 0 && (next == 0 || deadline < next))
			next = deadline;
	}
	return next;
}

void lives_expire(struct lives *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++) {
		uint64_t deadline = l->workers[i].deadline_ns;

		if (deadline != 0 && deadline <= now_ns)
			lives_event(l, i, EVENT_TIMEOUT, now_ns);
	}
}
