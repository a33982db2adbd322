/* life.c - see life.h. SPDX-License-Identifier: Apache-2.0 */
#include "life.h"

#include <assert.h>
#include <stdlib.h>

#include "buf.h"
#include "clock.h"
#include "memory.h"
#include "random.h"

const char *const life_names[N_LIVES] = {
	[LIFE_NEW] = "new",
	[LIFE_WAITING] = "waiting for its restart",
	[LIFE_STARTING] = "starting",
	[LIFE_BOUND] = "opening",
	[LIFE_READY] = "ready",
	[LIFE_ENDED] = "ended",
	[LIFE_FAILING] = "failing",
	[LIFE_RETIRING] = "leaving its tasks",
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
	[EVENT_HUNG] = "hang",
	[EVENT_TIMEOUT] = "timeout",
};

static enum role role_of(const struct lives *l, uint32_t worker)
{
	return l->plan->workers[worker].role;
}

/* begins: WORKER waits for "activate". */
static bool begins(const struct lives *l, uint32_t worker)
{
	return role_of(l, worker) == ROLE_SPOUT || role_of(l, worker) == ROLE_COORDINATOR;
}

/* say_active tells WORKER whether it shall work. */
static void say_active(struct lives *l, uint32_t worker)
{
	l->workers[worker].told++;
	l->orders->say(l->arg, worker, l->active && !l->paused ? "activate" : "deactivate");
}

/* all_active tells all that are ready. */
static void all_active(struct lives *l)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (begins(l, i) && l->workers[i].state == LIFE_READY)
			say_active(l, i);
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

/* ---- what happens ------------------------------------------------------------------ */

struct what {
	uint32_t worker;
	enum life_event event;
	struct death how;	/* of EVENT_DIED and EVENT_EXITED */
	uint64_t now_ns;
};

typedef void cell(struct lives *l, const struct what *x);

static void ignore(struct lives *l, const struct what *x)
{
	(void)l, (void)x;
}

static void fail_run(struct lives *l, const struct what *x, enum life state, const char *why)
{
	l->failed = true;
	l->orders->fail(l->arg, x->worker, state, x->event, why);
	lives_stop(l, x->now_ns);
}

/* put_table writes WORD and the start number of every worker. */
static void put_table(const struct lives *l, struct buf *out, const char *word)
{
	buf_puts(out, word);
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		buf_printf(out, " %u", l->workers[i].start);
}

/* give_table answers a hello: who listens where. From here on the worker is told of every
 * loss (R1). A drain that was said before it came is said again, and first. */
static void give_table(struct lives *l, uint32_t worker)
{
	struct buf table = { 0 };

	if (l->phase == RUN_DRAINING)
		l->orders->say(l->arg, worker, l->finish ? "drain finish" : "drain discard");
	put_table(l, &table, l->workers[worker].over ? "over" : "peers");
	l->orders->say(l->arg, worker, buf_text(&table));
	buf_free(&table);
	fences_joined(&l->fences, worker);
}

/* join makes WORKER, which is bound, one of the others. */
static void join(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	l->workers[worker].fresh = false;
	l->workers[worker].deadline_ns = now_ns + l->ready_ns;
	give_table(l, worker);
	fences_begin(&l->fences, worker, l->workers[worker].start, now_ns);
}

static bool somebody_is_laying(const struct lives *l)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->workers[i].laying)
			return true;
	return false;
}

/* laid: WORKER has the new layout, or is dead: its successor reads it. After the last one those who
 * are new join. */
static void laid(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	bool was = l->workers[worker].laying;

	l->workers[worker].laying = false;
	if (!was || somebody_is_laying(l))
		return;
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->workers[i].fresh && l->workers[i].state == LIFE_BOUND)
			join(l, i, now_ns);
}

/* The last hello completes the table. Who waits for it is not late. */
static void bind_worker(struct lives *l, const struct what *x)
{
	l->workers[x->worker].state = LIFE_BOUND;
	l->workers[x->worker].deadline_ns = 0;
	restarts_hello(&l->restarts, x->worker, x->now_ns);
	if (l->peers_said) {
		if (!l->workers[x->worker].fresh || !somebody_is_laying(l))
			join(l, x->worker, x->now_ns);
		return;
	}
	if (!none_before(l, LIFE_BOUND))
		return;
	l->peers_said = true;
	for (uint32_t i = 0; i < l->plan->n_workers; i++) {
		l->workers[i].deadline_ns = x->now_ns + l->ready_ns;
		give_table(l, i);
	}
}

static void serve(struct lives *l, const struct what *x)
{
	l->workers[x->worker].state = LIFE_READY;
	l->workers[x->worker].deadline_ns = 0;
	if (l->phase == RUN_ACTIVE && l->active && !l->paused && begins(l, x->worker))
		say_active(l, x->worker);
	if (l->phase != RUN_STARTING || !none_before(l, LIFE_READY))
		return;
	l->phase = RUN_ACTIVE;
	if (l->active)
		all_active(l);
}

static void end(struct lives *l, const struct what *x)
{
	l->workers[x->worker].state = LIFE_ENDED;
	l->workers[x->worker].over = true;
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (plan_runs_plugin(l->plan, i) && !l->workers[i].over)
			return;
	lives_stop(l, x->now_ns);
}

/* "fatal" announces an exit. */
static void await_exit(struct lives *l, const struct what *x)
{
	l->workers[x->worker].state = LIFE_FAILING;
	l->workers[x->worker].deadline_ns = x->now_ns + l->stop_ns;
}

static void kill_it(struct lives *l, const struct what *x)
{
	l->workers[x->worker].deadline_ns = 0;
	l->orders->kill(l->arg, x->worker, x->event);
}

static void go(struct lives *l, const struct what *x)
{
	l->workers[x->worker].state = LIFE_GONE;
	l->workers[x->worker].deadline_ns = 0;
	fences_died(&l->fences, x->worker);
	laid(l, x->worker, x->now_ns);
	if (none_before(l, LIFE_GONE))
		l->phase = RUN_OVER;
}

/* leave: it had no tasks any more. All may be gone for a moment. */
static void leave(struct lives *l, const struct what *x)
{
	if (l->phase >= RUN_STOPPING) {
		go(l, x);
		return;
	}
	l->workers[x->worker].state = LIFE_GONE;
	l->workers[x->worker].deadline_ns = 0;
	fences_died(&l->fences, x->worker);
}

/* misses: what was lost with the worker is missed. Not what had been passed on already, nor
 * what will be discarded. */
static bool misses(const struct lives *l, const struct what *x)
{
	return x->how.lost != NULL && !l->workers[x->worker].over &&
	    (l->phase != RUN_DRAINING || l->finish);
}

/* why_not gives why a dead worker must not be started again; NULL: it may, at *DUE_NS. */
static const char *why_not(struct lives *l, const struct what *x, uint64_t *due_ns)
{
	enum restart_verdict verdict = x->how.own ?
	    restarts_died(&l->restarts, x->worker, !x->how.by_tuple, x->now_ns, due_ns) :
	    restarts_killed(&l->restarts, x->worker, x->now_ns, due_ns);

	if (l->phase == RUN_STARTING && x->how.own)
		return "";
	if (x->how.essential && misses(l, x))
		return x->how.lost;
	if (verdict == RESTART_TOO_SILENT)
		return "it has died five times in a row before it could begin";
	if (verdict == RESTART_TOO_OFTEN)
		return "the tenth death of this component's own making within a minute";
	return NULL;
}

static void lose(struct lives *l, const struct what *x)
{
	struct life_worker *w = &l->workers[x->worker];
	enum life state = w->state;
	uint64_t due_ns = 0;
	const char *why;

	/* When all is over, what kills a worker from outside takes nothing with it. */
	if (l->phase >= RUN_STOPPING && !x->how.own) {
		go(l, x);
		return;
	}
	why = l->phase >= RUN_STOPPING ? "" : why_not(l, x, &due_ns);
	if (why != NULL) {
		go(l, x);
		fail_run(l, x, state, *why ? why : NULL);
		return;
	}
	fences_died(&l->fences, x->worker);
	laid(l, x->worker, x->now_ns);
	w->state = LIFE_WAITING;
	w->deadline_ns = due_ns;
	l->orders->restarts(l->arg, x->worker, due_ns - x->now_ns, misses(l, x) ? x->how.lost : NULL);
	if (due_ns <= x->now_ns)
		lives_event(l, x->worker, EVENT_TIMEOUT, x->now_ns);
}

static void start_again(struct lives *l, const struct what *x)
{
	l->workers[x->worker].deadline_ns = 0;
	l->orders->start(l->arg, x->worker);
}

/* A start that takes too long: in the beginning the topology can't run like this. */
static void be_late(struct lives *l, const struct what *x)
{
	if (l->phase == RUN_STARTING)
		fail_run(l, x, l->workers[x->worker].state, NULL);
	else
		kill_it(l, x);
}

/* A message that has no place in this state. */
static void give_up(struct lives *l, const struct what *x)
{
	fail_run(l, x, l->workers[x->worker].state, NULL);
}

/* Messages may cross a "stop" on their way: they are ignored from then on. A cell that is
 * not named here is a broken protocol: give_up. */
static cell *const cells[N_LIVES][N_LIFE_EVENTS] = {
	[LIFE_WAITING] = {
		[EVENT_DIED] = lose,	/* it could not even be started */
		[EVENT_TIMEOUT] = start_again,
	},
	[LIFE_STARTING] = {
		[EVENT_HELLO] = bind_worker,
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_TIMEOUT] = be_late,
	},
	[LIFE_BOUND] = {
		[EVENT_READY] = serve,
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_TIMEOUT] = be_late,
	},
	[LIFE_READY] = {
		[EVENT_ENDED] = end,
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_HUNG] = kill_it,
	},
	[LIFE_ENDED] = {
		[EVENT_FATAL] = await_exit,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_HUNG] = kill_it,
	},
	[LIFE_FAILING] = {
		[EVENT_HELLO] = ignore,
		[EVENT_READY] = ignore,
		[EVENT_ENDED] = ignore,
		[EVENT_FATAL] = ignore,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = lose,
		[EVENT_HUNG] = ignore,
		[EVENT_TIMEOUT] = kill_it,
	},
	[LIFE_RETIRING] = {
		[EVENT_HELLO] = ignore,
		[EVENT_READY] = ignore,
		[EVENT_ENDED] = ignore,
		[EVENT_FATAL] = ignore,
		[EVENT_DIED] = leave,
		[EVENT_EXITED] = leave,
		[EVENT_HUNG] = ignore,
		[EVENT_TIMEOUT] = kill_it,
	},
	[LIFE_STOPPING] = {
		[EVENT_HELLO] = ignore,
		[EVENT_READY] = ignore,
		[EVENT_ENDED] = ignore,
		[EVENT_FATAL] = ignore,
		[EVENT_DIED] = lose,
		[EVENT_EXITED] = go,
		[EVENT_HUNG] = ignore,
		[EVENT_TIMEOUT] = kill_it,
	},
};

/* ---- interface --------------------------------------------------------------------- */

void lives_init(struct lives *l, const struct plan *plan, const struct life_orders *orders,
    const struct fence_orders *fence_orders, void *arg, uint32_t ready_ms, uint32_t stop_ms)
{
	*l = (struct lives){
		.plan = plan,
		.workers = xcalloc((size_t)plan->n_workers + 1, sizeof *l->workers),
		.ready_ns = (uint64_t)ready_ms * NS_PER_MS,
		.stop_ns = (uint64_t)stop_ms * NS_PER_MS,
		.active = true,
		.orders = orders,
		.arg = arg,
	};
	fences_init(&l->fences, plan, fence_orders, arg);
	restarts_init(&l->restarts, plan, random_seed());
	if (plan->n_workers == 0)
		l->phase = RUN_OVER;
}

void lives_free(struct lives *l)
{
	free(l->workers);
	l->workers = NULL;
	fences_free(&l->fences);
	restarts_free(&l->restarts);
}

void lives_started(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	struct life_worker *w = &l->workers[worker];

	assert(w->state == LIFE_NEW || w->state == LIFE_WAITING);
	w->state = LIFE_STARTING;
	w->start++;
	w->told = 0;
	w->deadline_ns = now_ns + l->ready_ns;
}

static void happen(struct lives *l, const struct what *x)
{
	cell *act = cells[l->workers[x->worker].state][x->event];

	if (act == NULL)
		act = give_up;
	act(l, x);
}

void lives_event(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns)
{
	happen(l, &(struct what){ .worker = worker, .event = event, .now_ns = now_ns });
}

void lives_died(struct lives *l, uint32_t worker, enum life_event event, const struct death *how,
    uint64_t now_ns)
{
	happen(l, &(struct what){ .worker = worker, .event = event, .how = *how, .now_ns = now_ns });
}

void lives_activate(struct lives *l, bool active)
{
	if (l->phase > RUN_ACTIVE || l->active == active)
		return;
	l->active = active;
	if (l->phase == RUN_ACTIVE)
		all_active(l);
}

/* ---- moving tasks ---- */

void lives_pause(struct lives *l, bool paused)
{
	l->paused = paused;
	if (l->phase == RUN_ACTIVE && l->active)
		all_active(l);
}

void lives_retire(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	struct life_worker *w = &l->workers[worker];
	bool told = w->state == LIFE_FAILING;	/* it will exit by itself */

	if (w->state == LIFE_WAITING) {
		w->state = LIFE_GONE;
		w->deadline_ns = 0;
		return;
	}
	w->state = LIFE_RETIRING;
	w->deadline_ns = now_ns + l->stop_ns;
	if (!told)
		l->orders->say(l->arg, worker, "leave");
}

void lives_take_back(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	l->workers[worker].state = LIFE_WAITING;
	l->workers[worker].fresh = true;
	lives_event(l, worker, EVENT_TIMEOUT, now_ns);
}

bool lives_starting(const struct lives *l)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->workers[i].state == LIFE_STARTING)
			return true;
	return false;
}

/* renew gives the workers that the old plan does not keep lives of their own, which go on counting
 * starts. A number that is nobody's has one that nobody ever had: what its last owner sent
 * is dropped wherever it comes (I1). */
static void renew(struct lives *l, const struct plan *was)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++) {
		struct life_worker *w = &l->workers[i];
		bool gone = role_of(l, i) == ROLE_GONE;

		if (plan_keeps(was, l->plan, i))
			continue;
		if (i >= was->n_workers)
			*w = (struct life_worker){ .state = LIFE_WAITING, .fresh = true };
		else if (gone)
			*w = (struct life_worker){ .state = LIFE_GONE,
				.start = w->start + (was->workers[i].role != ROLE_GONE) };
		else
			*w = (struct life_worker){ .state = LIFE_WAITING, .start = w->start, .fresh = true };
	}
}

void lives_lay_out(struct lives *l, const struct plan *plan, uint64_t now_ns)
{
	const struct plan *was = l->plan;
	struct buf table = { 0 };

	l->workers = xrealloc(l->workers, ((size_t)plan->n_workers + 1) * sizeof *l->workers);
	l->plan = plan;
	renew(l, was);
	fences_lay_out(&l->fences, plan);
	restarts_lay_out(&l->restarts, plan);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		l->workers[i].laying = l->fences.live[i];
	for (uint32_t i = 0; i < plan->n_workers; i++)
		if (l->workers[i].fresh)
			lives_event(l, i, EVENT_TIMEOUT, now_ns);
	put_table(l, &table, "layout");
	for (uint32_t i = 0; i < plan->n_workers; i++)
		if (l->workers[i].laying)
			l->orders->say(l->arg, i, buf_text(&table));
	buf_free(&table);
}

void lives_laid(struct lives *l, uint32_t worker, uint64_t now_ns)
{
	laid(l, worker, now_ns);
}

bool lives_settled(const struct lives *l)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->workers[i].laying || l->workers[i].fresh || l->fences.fences[i].deadline_ns != 0)
			return false;
	return true;
}

bool lives_switched(const struct lives *l)
{
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (l->fences.fences[i].n_waiting > 0)
			return false;
	return true;
}

/* ---- its end ---- */

void lives_drain(struct lives *l, bool finish, uint64_t now_ns)
{
	if (l->phase == RUN_STARTING) {
		lives_stop(l, now_ns);
		return;
	}
	if (l->phase != RUN_ACTIVE)
		return;
	l->phase = RUN_DRAINING;
	l->finish = finish;
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

		if (w->state == LIFE_NEW || w->state == LIFE_WAITING)
			*w = (struct life_worker){ .state = LIFE_GONE, .start = w->start };
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
			kill_it(l, &(struct what){ .worker = i, .event = EVENT_TIMEOUT });
}

uint64_t lives_deadline(const struct lives *l)
{
	uint64_t next = fences_deadline(&l->fences);

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
	fences_expire(&l->fences, now_ns);
}
