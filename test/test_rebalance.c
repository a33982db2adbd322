/* test_rebalance.c - the steps of a rebalance, by hand and in a world that goes wrong by a seed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "faketopology.h"
#include "rebalance.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { READY_MS = 1000, STOP_MS = 100, WAIT_MS = 500, MOST = 64 };

static uint64_t seed, state;

static struct topology *topology;
static struct plan *plan, *then;
static struct lives lives;
static struct rebalance rebalance;
static struct buf did;
static uint64_t now;
static bool is_quiet, disk_is_full;
static int code;		/* of the last that was over; -1: none was */

/* What is known of the processes: a channel to each, in order, and whether it lives. */
static struct process {
	bool lives, told_table, stale;	/* stale: it has an older layout than the run directory */
	uint32_t start;
} processes[MOST];
static uint32_t owner_start[MOST];	/* by task: the start number of its last owner, and its number */
static uint32_t owner[MOST];

static void note(const char *format, uint32_t worker, const char *text)
{
	buf_printf(&did, format, worker, text);
	buf_puts(&did, "; ");
}

static void say(void *arg, uint32_t worker, const char *text)
{
	(void)arg;
	note("%u %s", worker, text);
	if (strncmp(text, "peers", 5) == 0) {
		processes[worker].told_table = true;
		/* Nobody who is live may still have another plan than this one. */
		for (uint32_t i = 0; i < lives.plan->n_workers; i++)
			ck_assert(!processes[i].lives || !processes[i].told_table || !processes[i].stale ||
			    !lives.workers[worker].fresh);
	}
}

static void kill_worker(void *arg, uint32_t worker, enum life_event event)
{
	(void)arg, (void)event;
	note("%u KILL%s", worker, "");
}

static void fail_run(void *arg, uint32_t worker, enum life was, enum life_event event, const char *why)
{
	(void)arg, (void)was;
	note("%u FAIL %s", worker, why != NULL ? why : life_event_names[event]);
}

static void restarts(void *arg, uint32_t worker, uint64_t wait_ns, const char *lost)
{
	(void)arg, (void)wait_ns, (void)lost;
	note("%u again%s", worker, "");
}

/* start checks what must be true of whoever gets tasks: nobody else has them, and its incarnation is new. */
static void start(void *arg, uint32_t worker)
{
	const struct plan_worker *w = &lives.plan->workers[worker];

	(void)arg;
	note("%u START%s", worker, "");
	ck_assert_int_ne(w->role, ROLE_GONE);
	ck_assert(!processes[worker].lives);
	lives_started(&lives, worker, now);
	for (uint32_t t = w->first_task; t < w->first_task + w->n_tasks; t++) {
		ck_assert(!processes[owner[t]].lives || processes[owner[t]].start != owner_start[t]);
		ck_assert(owner[t] != worker || lives.workers[worker].start > owner_start[t]);
		owner[t] = worker;
		owner_start[t] = lives.workers[worker].start;
	}
	ck_assert_uint_gt(lives.workers[worker].start, processes[worker].start);
	processes[worker] = (struct process){ .lives = true, .start = lives.workers[worker].start };
}

static void switch_to(void *arg, uint32_t sender, uint32_t worker, uint32_t start_number)
{
	(void)arg, (void)start_number;
	buf_printf(&did, "%u switch %u; ", sender, worker);
}

static void lost(void *arg, uint32_t source, uint32_t worker)
{
	(void)arg;
	buf_printf(&did, "%u lost %u; ", source, worker);
}

static const struct life_orders orders = { .say = say, .kill = kill_worker, .start = start,
	.restarts = restarts, .fail = fail_run };
static const struct fence_orders fence_orders = { .switch_to = switch_to, .lost = lost };

static bool quiet(void *arg)
{
	(void)arg;
	return is_quiet;
}

static int adopt(void *arg, uint64_t now_ns, struct error *e)
{
	(void)arg;
	if (disk_is_full)
		return error_set(e, "the disk is full");
	for (uint32_t i = 0; i < MOST; i++)
		processes[i].stale = processes[i].lives;
	lives_lay_out(&lives, then, now_ns);
	return 0;
}

static void step(void *arg, enum rebalance_phase phase)
{
	static const char *const names[] = { "idle", "pausing", "retiring", "laying", "readying" };

	(void)arg;
	buf_printf(&did, "[%s] ", names[phase]);
}

static void over(void *arg, int result, const char *text, uint64_t pause_ns)
{
	(void)arg;
	code = result;
	buf_printf(&did, "[over %d %s, %u ms] ", result, text, (unsigned)(pause_ns / NS_PER_MS));
}

static const struct rebalance_orders steps = { .quiet = quiet, .adopt = adopt, .step = step, .over = over };

/* expect compares what was done since the last time. */
static void expect(const char *want)
{
	ck_assert_str_eq(buf_text(&did), want);
	did.n = 0;
}

static struct topology *shadow;

/* plan_for makes `then` for so many executors of component 1. */
static void plan_for(uint32_t n)
{
	uint32_t executors[8];

	for (uint32_t c = 0; c < topology->n_components; c++)
		executors[c] = plan_executors(lives.plan, c);
	executors[1] = n;
	shadow = xcalloc(1, sizeof *shadow);
	*shadow = *topology;
	shadow->layout = plan_relayout(lives.plan, executors, &shadow->n_layout);
	topology->components[1].parallelism = n;
	then = plan_make(shadow);
}

/* forget_plan frees the plan that was not taken, or the one before. */
static void forget_plan(void)
{
	struct plan *gone = lives.plan == then ? plan : then;

	plan = lives.plan == then ? then : plan;
	free(shadow->layout);
	if (gone != NULL)
		plan_free(gone);
	then = NULL;
}

static struct topology *shadows[MOST];
static uint32_t n_shadows;

static void begin_rebalance(uint32_t n)
{
	struct error e;

	plan_for(n);
	shadows[n_shadows++ % MOST] = shadow;
	code = -1;
	ck_assert_int_eq(rebalance_begin(&rebalance, then, WAIT_MS * (uint64_t)NS_PER_MS, now, &e), 0);
}

static void happens(uint32_t worker, enum life_event event)
{
	lives_event(&lives, worker, event, now);
}

static void says_laid(uint32_t worker)
{
	processes[worker].stale = false;
	lives_laid(&lives, worker, now);
}

static void ends(uint32_t worker, enum life_event event)
{
	processes[worker].lives = processes[worker].told_table = false;
	lives_died(&lives, worker, event, &(struct death){ .own = false }, now);
}

static void turn(void)
{
	rebalance_turn(&rebalance, now);
}

/* lines[0] split[0-1] split[2-3] sink[0] acker[0], all ready */
enum { LINES, SPLIT_0, SPLIT_1, SINK, ACKER, N };

static void begin_with(struct topology *t)
{
	topology = t;
	fake_stream(topology, 0, 1);
	fake_stream(topology, 1, 2);
	plan = plan_make(topology);
	now = 5 * (uint64_t)NS_PER_S;
	is_quiet = disk_is_full = false;
	memset(processes, 0, sizeof processes);
	memset(owner, 0, sizeof owner);
	memset(owner_start, 0, sizeof owner_start);
	n_shadows = 0;
	memset(shadows, 0, sizeof shadows);
	lives_init(&lives, plan, &orders, &fence_orders, NULL, READY_MS, STOP_MS);
	rebalance_init(&rebalance, &lives, &steps, NULL);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		start(NULL, i);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		happens(i, EVENT_HELLO);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		happens(i, EVENT_READY);
	did.n = 0;
}

static void begin(void)
{
	struct topology *t = fake_topology("t", 1);

	fake_component(t, GALE_SPOUT, "lines", 1, 1);
	fake_component(t, GALE_BOLT, "split", 2, 4);
	fake_component(t, GALE_BOLT, "sink", 1, 1);
	begin_with(t);
}

static void finish(void)
{
	lives_free(&lives);
	plan_free(plan);
	for (uint32_t i = 0; i < MOST; i++)
		free(shadows[i]);
	topology_free(topology);
	buf_free(&did);
}

/* ---- step by step ---- */

START_TEST(a_good_rebalance)
{
	begin_rebalance(3);	/* split[2-3] is shared out: split[2] is 2 again, split[3] is 5 */
	expect("[pausing] 0 deactivate; ");
	turn();
	expect("");
	ck_assert_uint_ne(rebalance_deadline(&rebalance, now), 0);
	now += 7 * NS_PER_MS;
	is_quiet = true;
	turn();
	expect("[retiring] 2 leave; ");
	ends(SPLIT_1, EVENT_EXITED);
	turn();
	expect("2 START; 5 START; 0 layout 1 1 2 1 1 1; 1 layout 1 1 2 1 1 1; 3 layout 1 1 2 1 1 1; "
	    "4 layout 1 1 2 1 1 1; [laying] ");
	happens(2, EVENT_HELLO);
	says_laid(LINES);
	says_laid(SPLIT_0);
	says_laid(SINK);
	turn();
	expect("");		/* one is missing: nobody who is new is let in */
	says_laid(ACKER);
	expect("2 peers 1 1 2 1 1 1; 0 switch 2; ");
	happens(5, EVENT_HELLO);
	expect("5 peers 1 1 2 1 1 1; 0 switch 5; ");
	turn();
	expect("");
	fences_switched(&lives.fences, LINES, 2, 2);
	expect("0 lost 2; ");
	fences_switched(&lives.fences, LINES, 5, 1);
	expect("0 lost 5; ");
	now += 3 * NS_PER_MS;
	turn();
	expect("0 activate; [readying] ");
	happens(2, EVENT_READY);
	turn();
	expect("");
	happens(5, EVENT_READY);
	turn();
	expect("[over 0 , 10 ms] ");
	forget_plan();
	ck_assert_uint_eq(rebalance_deadline(&rebalance, now), 0);
}
END_TEST

/* The sources are told of the loss when the time for switching is over, and again when somebody switches late:
 * nothing is emitted in between, or it would come twice. */
START_TEST(spouts_wait_for_who_switches_late)
{
	begin_rebalance(3);
	is_quiet = true;
	turn();
	ends(SPLIT_1, EVENT_EXITED);
	turn();
	happens(2, EVENT_HELLO);
	happens(5, EVENT_HELLO);
	says_laid(LINES);
	says_laid(SPLIT_0);
	says_laid(SINK);
	says_laid(ACKER);
	fences_switched(&lives.fences, LINES, 2, 2);
	did.n = 0;
	now += FENCE_WAIT_MS * (uint64_t)NS_PER_MS;
	fences_expire(&lives.fences, now);
	expect("0 lost 5; ");
	turn();
	expect("");
	fences_switched(&lives.fences, LINES, 5, 1);
	expect("0 lost 5; ");
	turn();
	expect("0 activate; [readying] ");
	happens(2, EVENT_READY);
	happens(5, EVENT_READY);
	turn();
	forget_plan();
}
END_TEST

/* bring_in has all who are new say hello and all who live say that they know. */
static void bring_in(void)
{
	for (uint32_t i = 0; i < lives.plan->n_workers; i++)
		if (lives.workers[i].state == LIFE_STARTING)
			happens(i, EVENT_HELLO);
	for (uint32_t i = 0; i < lives.plan->n_workers; i++)
		if (lives.workers[i].laying)
			says_laid(i);
	for (uint32_t i = 0; i < lives.plan->n_workers; i++)
		for (uint32_t k = 0; k < lives.plan->n_workers; k++)
			fences_switched(&lives.fences, i, k, lives.workers[k].start);
	turn();
	for (uint32_t i = 0; i < lives.plan->n_workers; i++)
		if (lives.workers[i].state == LIFE_BOUND)
			happens(i, EVENT_READY);
	turn();
}

START_TEST(what_is_open_is_waited_for_no_longer_than_asked)
{
	begin_rebalance(1);
	turn();
	now += WAIT_MS * (uint64_t)NS_PER_MS - 1;
	turn();
	expect("[pausing] 0 deactivate; ");
	ck_assert_uint_eq(rebalance_deadline(&rebalance, now), now + 1);
	now++;
	turn();
	expect("[retiring] 1 leave; 2 leave; ");
	ends(SPLIT_0, EVENT_EXITED);
	ends(SPLIT_1, EVENT_EXITED);
	turn();
	/* Number 2 is nobody's: its start number is one that nobody had. */
	expect("1 START; 0 layout 1 2 2 1 1; 3 layout 1 2 2 1 1; 4 layout 1 2 2 1 1; [laying] ");
	bring_in();
	ck_assert_int_eq(code, 0);
	forget_plan();
	is_quiet = true;
	begin_rebalance(2);
	turn();
	ends(1, EVENT_EXITED);
	turn();
	ck_assert_uint_eq(lives.workers[1].start, 3);
	ck_assert_uint_eq(lives.workers[2].start, 3);
	bring_in();
	ck_assert_int_eq(code, 0);
	forget_plan();
}
END_TEST

START_TEST(one_that_does_not_stop_is_killed_and_that_is_no_failure)
{
	is_quiet = true;
	begin_rebalance(1);
	turn();
	did.n = 0;
	now += STOP_MS * (uint64_t)NS_PER_MS;
	lives_expire(&lives, now);
	expect("1 KILL; 2 KILL; ");
	ends(SPLIT_0, EVENT_DIED);
	ends(SPLIT_1, EVENT_EXITED);
	turn();
	bring_in();
	ck_assert_int_eq(code, 0);
	forget_plan();
}
END_TEST

START_TEST(when_the_layout_cannot_be_written_all_is_as_before)
{
	is_quiet = disk_is_full = true;
	begin_rebalance(1);
	turn();
	ends(SPLIT_0, EVENT_EXITED);
	ends(SPLIT_1, EVENT_EXITED);
	did.n = 0;
	turn();
	expect("1 START; 2 START; [laying] ");
	bring_in();
	ck_assert_int_eq(code, 1);
	ck_assert_ptr_eq(lives.plan, plan);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(lives.workers[i].state, LIFE_READY);
	ck_assert(!lives.paused);
	forget_plan();
}
END_TEST

/* A worker that is being started may have read either plan: it is waited for. */
START_TEST(nobody_is_between_two_plans)
{
	is_quiet = true;
	begin_rebalance(1);
	ends(SINK, EVENT_DIED);
	ck_assert_int_eq(lives.workers[SINK].state, LIFE_STARTING);
	turn();
	ends(SPLIT_0, EVENT_EXITED);
	ends(SPLIT_1, EVENT_EXITED);
	did.n = 0;
	turn();
	expect("");
	happens(SINK, EVENT_HELLO);
	expect("3 peers 1 1 1 2 1; 0 lost 3; ");
	turn();
	expect("1 START; 0 layout 1 2 2 2 1; 3 layout 1 2 2 2 1; 4 layout 1 2 2 2 1; [laying] ");
	bring_in();
	ck_assert_int_eq(code, 0);
	forget_plan();
}
END_TEST

/* A bolt in a long execute keeps nobody waiting; who is new waits for it all the same. */
START_TEST(one_that_takes_long_does_not_prolong_the_pause)
{
	is_quiet = true;
	begin_rebalance(1);
	turn();
	ends(SPLIT_0, EVENT_EXITED);
	ends(SPLIT_1, EVENT_EXITED);
	turn();
	happens(1, EVENT_HELLO);
	says_laid(LINES);
	says_laid(ACKER);
	did.n = 0;
	turn();
	expect("");
	ck_assert_uint_eq(rebalance_deadline(&rebalance, now), now + WAIT_MS * (uint64_t)NS_PER_MS);
	now = rebalance_deadline(&rebalance, now);
	turn();
	turn();
	expect("0 activate; ");
	ck_assert_uint_eq(rebalance_deadline(&rebalance, now), 0);
	says_laid(SINK);
	expect("1 peers 1 2 2 1 1; 0 switch 1; ");
	bring_in();
	ck_assert_int_eq(code, 0);
	ck_assert_uint_eq(rebalance.pause_ns, WAIT_MS * (uint64_t)NS_PER_MS);
	forget_plan();
}
END_TEST

START_TEST(who_dies_with_the_old_layout_comes_back_with_the_new)
{
	is_quiet = true;
	begin_rebalance(1);
	turn();
	ends(SPLIT_0, EVENT_EXITED);
	ends(SPLIT_1, EVENT_EXITED);
	turn();
	happens(1, EVENT_HELLO);
	says_laid(LINES);
	says_laid(ACKER);
	did.n = 0;
	ends(SINK, EVENT_DIED);		/* the last one that had not said it */
	expect("1 peers 1 2 2 1 1; 0 switch 1; 3 again; 3 START; ");
	bring_in();
	ck_assert_int_eq(code, 0);
	forget_plan();
}
END_TEST

START_TEST(not_now)
{
	struct error e;

	begin_rebalance(1);
	ck_assert_int_eq(rebalance_begin(&rebalance, then, 0, now, &e), -1);
	ck_assert_str_eq(e.text, "another rebalance is under way");
	lives_drain(&lives, true, now);
	turn();
	ck_assert_int_eq(code, 5);
	ck_assert_int_eq(rebalance_begin(&rebalance, then, 0, now, &e), -1);
	ck_assert_str_eq(e.text, "it is ending");
	forget_plan();
}
END_TEST

START_TEST(what_has_ended_is_not_moved)
{
	struct error e;

	plan_for(1);
	shadows[n_shadows++] = shadow;
	happens(SPLIT_1, EVENT_ENDED);
	ck_assert_int_eq(rebalance_begin(&rebalance, then, 0, now, &e), -1);
	ck_assert_str_eq(e.text, "split[2-3] has ended: its input is over");
	forget_plan();
}
END_TEST

START_TEST(what_ends_meanwhile_is_not_moved)
{
	begin_rebalance(1);
	happens(SPLIT_0, EVENT_ENDED);
	turn();
	ck_assert_int_eq(code, 5);
	ck_assert(!lives.paused);
	forget_plan();
}
END_TEST

START_TEST(when_the_run_fails_so_does_the_rebalance)
{
	is_quiet = true;
	begin_rebalance(1);
	turn();
	lives_stop(&lives, now);
	turn();
	ck_assert_int_eq(code, 5);
	ends(SPLIT_0, EVENT_EXITED);
	ends(SPLIT_1, EVENT_EXITED);
	ends(LINES, EVENT_EXITED);
	ends(SINK, EVENT_EXITED);
	ends(ACKER, EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_OVER);
	forget_plan();
}
END_TEST

/* All workers may be gone for a moment. */
START_TEST(everybody_may_move)
{
	struct topology *t = fake_topology("t", 0);

	finish();
	fake_component(t, GALE_SPOUT, "none", 1, 1);
	fake_component(t, GALE_BOLT, "all", 2, 4);
	topology = t;
	fake_component(t, GALE_BOLT, "sink", 1, 1);
	begin_with(t);
	is_quiet = true;
	begin_rebalance(4);
	turn();
	ends(1, EVENT_EXITED);
	ends(2, EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_ACTIVE);
	turn();
	bring_in();
	ck_assert_int_eq(code, 0);
	forget_plan();
}
END_TEST

/* ---- at random ---- */

/* act has WORKER do something that a process in its state may do. */
static void act(uint32_t worker)
{
	enum life its = lives.workers[worker].state;

	if (!processes[worker].lives)
		return;
	if (pick(&state, 30) == 0)
		ends(worker, EVENT_DIED);
	else if (its == LIFE_STARTING)
		happens(worker, EVENT_HELLO);
	else if (its == LIFE_BOUND && processes[worker].told_table)
		happens(worker, EVENT_READY);
	else if (its == LIFE_RETIRING && pick(&state, 2) == 0)
		ends(worker, EVENT_EXITED);
	else if (lives.workers[worker].laying)
		says_laid(worker);
	else
		for (uint32_t k = 0; k < lives.plan->n_workers; k++)
			fences_switched(&lives.fences, worker, k, lives.workers[k].start);
}

static void some_time(void)
{
	now += pick(&state, 4) * (uint64_t)NS_PER_MS;
	lives_expire(&lives, now);
	is_quiet = pick(&state, 3) == 0;
	turn();
	did.n = 0;
}

START_TEST(whatever_dies_it_comes_to_an_end)
{
	state = seed + (uint64_t)_i;
	for (int n = 0; n < 20; n++) {
		uint32_t executors = 1 + pick(&state, 4);

		for (int i = 0; i < 5000 && !(lives.phase == RUN_ACTIVE); i++) {
			act(pick(&state, lives.plan->n_workers));
			some_time();
		}
		ck_assert_int_eq(lives.phase, RUN_ACTIVE);
		begin_rebalance(executors);
		for (int i = 0; i < 20000 && code < 0; i++) {
			act(pick(&state, lives.plan->n_workers));
			some_time();
		}
		ck_assert_int_eq(code, 0);
		ck_assert_ptr_eq(lives.plan, then);
		for (uint32_t i = 0; i < then->n_workers; i++)
			ck_assert(processes[i].lives == (then->workers[i].role != ROLE_GONE));
		forget_plan();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rebalance");
	TCase *c = tcase_create("rebalance");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, a_good_rebalance);
	tcase_add_test(c, spouts_wait_for_who_switches_late);
	tcase_add_test(c, what_is_open_is_waited_for_no_longer_than_asked);
	tcase_add_test(c, one_that_does_not_stop_is_killed_and_that_is_no_failure);
	tcase_add_test(c, when_the_layout_cannot_be_written_all_is_as_before);
	tcase_add_test(c, nobody_is_between_two_plans);
	tcase_add_test(c, one_that_takes_long_does_not_prolong_the_pause);
	tcase_add_test(c, who_dies_with_the_old_layout_comes_back_with_the_new);
	tcase_add_test(c, not_now);
	tcase_add_test(c, what_has_ended_is_not_moved);
	tcase_add_test(c, what_ends_meanwhile_is_not_moved);
	tcase_add_test(c, when_the_run_fails_so_does_the_rebalance);
	tcase_add_test(c, everybody_may_move);
	tcase_add_loop_test(c, whatever_dies_it_comes_to_an_end, 0, getenv("GALE_QUICK") ? 20 : 100);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
