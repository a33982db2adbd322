/* test_life.c - what follows from what workers say and do. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "faketopology.h"
#include "life.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* lines[0] split[0] split[1] sink[0] acker[0] */
enum { LINES, SPLIT_0, SPLIT_1, SINK, ACKER, COORDINATOR = ACKER, N };
enum { READY_MS = 1000, STOP_MS = 100 };

static struct topology *topology;
static struct plan *plan;
static struct lives lives;
static struct buf said;		/* "0 stop; 1 kill; ..." */
static uint64_t now, waited_ns;
static bool no_starts;		/* a start fails */

static void say(void *arg, uint32_t worker, const char *text)
{
	buf_printf(arg, "%u %s; ", worker, text);
}

static void kill_worker(void *arg, uint32_t worker, enum life_event event)
{
	buf_printf(arg, "%u KILL%s; ", worker, event == EVENT_HUNG ? " hung" : "");
}

static void fail_run(void *arg, uint32_t worker, enum life state, enum life_event event, const char *why)
{
	buf_printf(arg, "%u FAIL %s/%s%s%s; ", worker, life_names[state], life_event_names[event],
	    why != NULL ? ": " : "", why != NULL ? why : "");
}

static void restarts(void *arg, uint32_t worker, uint64_t wait_ns, const char *lost)
{
	waited_ns = wait_ns;
	buf_printf(arg, "%u again%s%s; ", worker, wait_ns > 0 ? " later" : "", lost != NULL ? lost : "");
}

static void start(void *arg, uint32_t worker)
{
	buf_printf(arg, "%u START; ", worker);
	if (no_starts)
		lives_died(&lives, worker, EVENT_DIED, &(struct death){ .own = true }, now);
	else
		lives_started(&lives, worker, now);
}

static void switch_to(void *arg, uint32_t sender, uint32_t worker, uint32_t start_number)
{
	buf_printf(arg, "%u switch %u %u; ", sender, worker, start_number);
}

static void lost(void *arg, uint32_t source, uint32_t worker)
{
	buf_printf(arg, "%u lost %u; ", source, worker);
}

static const struct life_orders orders = { .say = say, .kill = kill_worker, .start = start,
	.restarts = restarts, .fail = fail_run };
static const struct fence_orders fence_orders = { .switch_to = switch_to, .lost = lost };
static const struct death of_itself = { .own = true }, from_outside = { .own = false };

static void begin_with(struct topology *t)
{
	topology = t;
	fake_stream(topology, 0, 1);
	fake_stream(topology, 1, 2);
	no_starts = false;
	plan = plan_make(topology);
	now = 5 * (uint64_t)NS_PER_S;
	lives_init(&lives, plan, &orders, &fence_orders, &said, READY_MS, STOP_MS);
	for (uint32_t i = 0; i < N; i++)
		lives_started(&lives, i, now);
}

static void begin(void)
{
	begin_with(fake_words(2, 1));
}

static void begin_transactional(void)
{
	begin_with(fake_transactional(fake_words(2, 1)));
}

static void finish(void)
{
	lives_free(&lives);
	plan_free(plan);
	topology_free(topology);
	buf_free(&said);
}

static void happens(uint32_t worker, enum life_event event)
{
	lives_event(&lives, worker, event, now);
}

static void dies(uint32_t worker, const struct death *how)
{
	lives_died(&lives, worker, EVENT_DIED, how, now);
}

/* later: NS go by, and what is due happens. */
static void later(uint64_t ns)
{
	now += ns;
	lives_expire(&lives, now);
}

static void all(enum life_event event)
{
	for (uint32_t i = 0; i < N; i++)
		happens(i, event);
}

/* expect compares what was ordered since the last time. */
static void expect(const char *want)
{
	ck_assert_str_eq(buf_text(&said), want);
	said.n = 0;
}

static void bring_up(void)
{
	all(EVENT_HELLO);
	all(EVENT_READY);
	said.n = 0;
}

START_TEST(a_good_run)
{
	for (uint32_t i = 0; i < N - 1; i++)
		happens(i, EVENT_HELLO);
	expect("");
	happens(ACKER, EVENT_HELLO);
	expect("0 peers 1 1 1 1 1; 1 peers 1 1 1 1 1; 2 peers 1 1 1 1 1; 3 peers 1 1 1 1 1; "
	    "4 peers 1 1 1 1 1; ");
	for (uint32_t i = 1; i < N; i++)
		happens(i, EVENT_READY);
	expect("");
	ck_assert_int_eq(lives.phase, RUN_STARTING);
	happens(LINES, EVENT_READY);
	expect("0 activate; ");
	ck_assert_int_eq(lives.phase, RUN_ACTIVE);
	ck_assert_uint_eq(lives_deadline(&lives), 0);
	happens(LINES, EVENT_ENDED);
	happens(SPLIT_1, EVENT_ENDED);
	happens(SPLIT_0, EVENT_ENDED);
	expect("");
	happens(SINK, EVENT_ENDED);
	expect("0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
	ck_assert_int_eq(lives.phase, RUN_STOPPING);
	for (uint32_t i = 0; i < N; i++) {
		ck_assert_int_eq(lives.phase, RUN_STOPPING);
		happens(i, EVENT_EXITED);
	}
	ck_assert_int_eq(lives.phase, RUN_OVER);
	ck_assert(!lives.failed);
	expect("");
}
END_TEST

/* ---- deaths ---- */

/* Who sends there switches; then the sources fail what is pending. An acker has nothing to
 * say to a bolt. */
START_TEST(a_death_is_followed_by_a_restart_and_a_fence)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	dies(SPLIT_0, _i ? &from_outside : &of_itself);
	expect("1 again; 1 START; ");
	happens(SPLIT_0, EVENT_HELLO);
	expect("1 peers 1 2 1 1 1; 0 switch 1 2; ");
	fences_switched(&lives.fences, LINES, SPLIT_0, 2);
	expect("0 lost 1; ");
	happens(SPLIT_0, EVENT_READY);
	expect("");
	ck_assert_int_eq(lives.phase, RUN_ACTIVE);
	ck_assert(!lives.failed);
	ck_assert_uint_eq(lives_deadline(&lives), 0);
}
END_TEST

START_TEST(a_lost_acker_is_fenced_by_all_who_send_records)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	dies(ACKER, &from_outside);
	happens(ACKER, EVENT_HELLO);
	expect("4 again; 4 START; 4 peers 1 1 1 1 2; 0 switch 4 2; 1 switch 4 2; 2 switch 4 2; "
	    "3 switch 4 2; ");
	for (uint32_t i = 0; i < SINK; i++)
		fences_switched(&lives.fences, i, ACKER, 2);
	expect("");
	fences_switched(&lives.fences, SINK, ACKER, 2);
	expect("0 lost 4; ");
}
END_TEST

START_TEST(a_spout_that_is_started_again_is_activated)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	dies(LINES, &from_outside);
	happens(LINES, EVENT_HELLO);
	expect("0 again; 0 START; 0 peers 2 1 1 1 1; 4 switch 0 2; ");
	happens(LINES, EVENT_READY);
	expect("0 activate; ");
	fences_switched(&lives.fences, ACKER, LINES, 2);
	expect("");		/* nobody else's messages go to a spout */
}
END_TEST

START_TEST(an_exit_that_nobody_asked_for_is_a_death_even_with_code_0)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	lives_died(&lives, SINK, EVENT_EXITED, &of_itself, now);
	expect("3 again; 3 START; ");
}
END_TEST

/* Its successor has nothing to do but to say so; what it had is with others by now. */
START_TEST(the_successor_of_one_that_has_ended_only_says_so)
{
	static const struct death loses = { .lost = "all of it", .essential = true };

	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	happens(SPLIT_0, EVENT_ENDED);
	dies(SPLIT_0, &loses);
	happens(SPLIT_0, EVENT_HELLO);
	expect("1 again; 1 START; 1 over 1 2 1 1 1; 0 switch 1 2; ");
	happens(SPLIT_0, EVENT_READY);
	happens(SPLIT_0, EVENT_ENDED);
	happens(LINES, EVENT_ENDED);
	happens(SPLIT_1, EVENT_ENDED);
	expect("");
	happens(SINK, EVENT_ENDED);
	expect("0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

/* While it is dead, or not back yet, it has ended all the same. */
START_TEST(one_that_has_ended_and_died_is_not_waited_for)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	happens(SPLIT_0, EVENT_ENDED);
	dies(SPLIT_0, &from_outside);
	said.n = 0;
	happens(LINES, EVENT_ENDED);
	happens(SPLIT_1, EVENT_ENDED);
	happens(SINK, EVENT_ENDED);
	expect("0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(a_result_that_died_with_its_worker_fails_the_run)
{
	static const struct death loses = { .lost = "the counts", .essential = true };

	bring_up();
	dies(SINK, &loses);
	expect("3 FAIL ready/death: the counts; 0 stop; 1 stop; 2 stop; 4 stop; ");
	ck_assert(lives.failed);
}
END_TEST

START_TEST(what_the_run_can_do_without_is_told)
{
	static const struct death loses = { .lost = " without the counts" };

	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	dies(SINK, &loses);
	expect("3 again without the counts; 3 START; ");
}
END_TEST

/* finish: the result is wanted; discard: it is not. */
START_TEST(a_result_that_will_be_discarded_is_not_missed)
{
	static const struct death loses = { .lost = "the counts", .essential = true };

	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	lives_drain(&lives, _i != 0, now);
	said.n = 0;
	dies(SINK, &loses);
	ck_assert_int_eq(lives.failed, _i != 0);
	if (_i == 0)
		expect("3 again; 3 START; ");
}
END_TEST

START_TEST(who_comes_back_while_draining_is_told_so_first)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	lives_drain(&lives, true, now);
	said.n = 0;
	dies(LINES, &from_outside);
	happens(LINES, EVENT_HELLO);
	happens(LINES, EVENT_READY);
	expect("0 again; 0 START; 0 drain finish; 0 peers 2 1 1 1 1; 4 switch 0 2; ");
}
END_TEST

START_TEST(a_death_of_its_own_making_ends_a_run_that_has_not_begun)
{
	happens(SPLIT_0, EVENT_HELLO);
	dies(SPLIT_1, &of_itself);
	expect("2 FAIL starting/death; 0 stop; 1 stop; 3 stop; 4 stop; ");
	happens(LINES, EVENT_HELLO);		/* crossed the stop */
	expect("");
}
END_TEST

/* Nobody is given a table in which somebody is missing. */
START_TEST(a_kill_from_outside_before_all_are_bound_costs_time_only)
{
	for (uint32_t i = 0; i < N - 1; i++)
		happens(i, EVENT_HELLO);
	dies(SPLIT_1, &from_outside);
	expect("2 again; 2 START; ");
	happens(ACKER, EVENT_HELLO);
	expect("");
	happens(SPLIT_1, EVENT_HELLO);
	expect("0 peers 1 1 2 1 1; 1 peers 1 1 2 1 1; 2 peers 1 1 2 1 1; 3 peers 1 1 2 1 1; "
	    "4 peers 1 1 2 1 1; ");
	all(EVENT_READY);
	expect("0 activate; ");
}
END_TEST

/* Between the table and "ready": the others may know the dead one, so they switch. */
START_TEST(a_kill_from_outside_before_all_are_ready_is_fenced)
{
	all(EVENT_HELLO);
	said.n = 0;
	dies(SPLIT_1, &from_outside);
	happens(SPLIT_1, EVENT_HELLO);
	expect("2 again; 2 START; 2 peers 1 1 2 1 1; 0 switch 2 2; ");
	fences_switched(&lives.fences, LINES, SPLIT_1, 2);
	expect("0 lost 2; ");
	all(EVENT_READY);
	expect("0 activate; ");
}
END_TEST

START_TEST(a_loss_inside_a_fence_begins_another)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	dies(SPLIT_0, &from_outside);
	happens(SPLIT_0, EVENT_HELLO);
	dies(SPLIT_0, &from_outside);
	expect("1 again; 1 START; 1 peers 1 2 1 1 1; 0 switch 1 2; 1 again; 1 START; ");
	happens(SPLIT_0, EVENT_HELLO);
	expect("1 peers 1 3 1 1 1; 0 switch 1 3; ");
	fences_switched(&lives.fences, LINES, SPLIT_0, 2);
	expect("");
	fences_switched(&lives.fences, LINES, SPLIT_0, 3);
	expect("0 lost 1; ");
}
END_TEST

START_TEST(a_start_that_fails_is_tried_again_five_times)
{
	bring_up();
	no_starts = true;
	now += 2 * (uint64_t)NS_PER_S;
	dies(SPLIT_0, &from_outside);
	expect("1 again; 1 START; 1 again later; ");
	for (int i = 0; i < 3; i++) {
		later(waited_ns);
		expect("1 START; 1 again later; ");
	}
	later(waited_ns);
	expect("1 START; 1 FAIL waiting for its restart/death: it has died five times in a row "
	    "before it could begin; 0 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(the_tenth_death_of_its_own_making_ends_the_run)
{
	bring_up();
	for (int i = 0; i < 9; i++) {
		now += 2 * (uint64_t)NS_PER_S;
		dies(SPLIT_0 + (uint32_t)i % 2, &of_itself);
		happens(SPLIT_0 + (uint32_t)i % 2, EVENT_HELLO);
		happens(SPLIT_0 + (uint32_t)i % 2, EVENT_READY);
	}
	ck_assert(!lives.failed);
	said.n = 0;
	now += 2 * (uint64_t)NS_PER_S;
	dies(SPLIT_0, _i ? &of_itself : &from_outside);
	ck_assert_int_eq(lives.failed, _i);
	if (_i)
		expect("1 FAIL ready/death: the tenth death of this component's own making within a "
		    "minute; 0 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(who_hangs_is_killed_and_started_again)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	happens(SPLIT_0, EVENT_HUNG);
	expect("1 KILL hung; ");
	dies(SPLIT_0, &of_itself);
	expect("1 again; 1 START; ");
	happens(SPLIT_1, EVENT_ENDED);
	happens(SPLIT_1, EVENT_HUNG);
	expect("2 KILL hung; ");
}
END_TEST

START_TEST(a_successor_that_is_late_is_killed)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	dies(SPLIT_0, &from_outside);
	if (_i)
		happens(SPLIT_0, EVENT_HELLO);
	fences_switched(&lives.fences, LINES, SPLIT_0, 2);
	said.n = 0;
	later((uint64_t)READY_MS * NS_PER_MS);
	expect("1 KILL; ");
	ck_assert(!lives.failed);
}
END_TEST

START_TEST(fatal_words_wait_for_the_exit)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	happens(SPLIT_0, EVENT_FATAL);
	expect("");
	ck_assert_uint_eq(lives_deadline(&lives), now + (uint64_t)STOP_MS * NS_PER_MS);
	dies(SPLIT_0, &of_itself);
	expect("1 again; 1 START; ");
}
END_TEST

START_TEST(fatal_words_without_an_exit_are_followed_by_a_kill)
{
	bring_up();
	now += 2 * (uint64_t)NS_PER_S;
	happens(SPLIT_0, EVENT_FATAL);
	now = lives_deadline(&lives);
	lives_expire(&lives, now);
	expect("1 KILL; ");
	dies(SPLIT_0, &of_itself);
	expect("1 again; 1 START; ");
}
END_TEST

/* ---- lateness ---- */

/* Who waits for others is not the one to blame. */
START_TEST(a_late_hello_fails_the_run)
{
	for (uint32_t i = 0; i < N; i++)
		if (i != SINK)
			happens(i, EVENT_HELLO);
	now = lives_deadline(&lives) - 1;
	lives_expire(&lives, now);
	expect("");
	lives_expire(&lives, ++now);
	expect("3 FAIL starting/timeout; 0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
	ck_assert(lives.failed);
	ck_assert_int_eq(lives.phase, RUN_STOPPING);
}
END_TEST

START_TEST(a_late_ready_fails_the_run)
{
	all(EVENT_HELLO);
	said.n = 0;
	for (uint32_t i = 0; i < N; i++)
		if (i != LINES)
			happens(i, EVENT_READY);
	now = lives_deadline(&lives);
	lives_expire(&lives, now);
	expect("0 FAIL opening/timeout; 0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(who_does_not_stop_is_killed)
{
	bring_up();
	lives_stop(&lives, now);
	said.n = 0;
	for (uint32_t i = 0; i < N; i++)
		if (i != SINK)
			happens(i, EVENT_EXITED);
	now = lives_deadline(&lives);
	lives_expire(&lives, now);
	expect("3 KILL; ");
	ck_assert_uint_eq(lives_deadline(&lives), 0);
	happens(SINK, EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_OVER);
	ck_assert(!lives.failed);
}
END_TEST

/* What kills it from outside takes nothing with it by then, also when its channel was seen
 * to end before all had ended. */
START_TEST(a_death_while_stopping_fails_the_run_if_it_is_a_crash)
{
	const struct death *how = _i & 1 ? &of_itself : &from_outside;

	bring_up();
	if (_i & 2)
		happens(SINK, EVENT_FATAL);
	lives_stop(&lives, now);
	said.n = 0;
	dies(SINK, how);
	expect(how->own ? _i & 2 ? "3 FAIL failing/death; " : "3 FAIL stopping/death; " : "");
	ck_assert_int_eq(lives.failed, how->own);
	ck_assert_int_eq(lives.workers[SINK].state, LIFE_GONE);
}
END_TEST

START_TEST(who_waits_for_its_restart_is_gone_when_all_stop)
{
	bring_up();
	dies(SPLIT_0, &from_outside);
	dies(SPLIT_0, &from_outside);		/* before its hello */
	expect("1 again; 1 START; 1 again later; ");
	lives_stop(&lives, now);
	expect("0 stop; 2 stop; 3 stop; 4 stop; ");
	later((uint64_t)READY_MS * NS_PER_MS);
	ck_assert_ptr_null(strstr(buf_text(&said), "START"));
}
END_TEST

START_TEST(draining_is_said_to_spouts_and_bolts_once)
{
	bring_up();
	lives_drain(&lives, _i != 0, now);
	expect(_i ? "0 drain finish; 1 drain finish; 2 drain finish; 3 drain finish; " :
	    "0 drain discard; 1 drain discard; 2 drain discard; 3 drain discard; ");
	lives_drain(&lives, true, now);
	expect("");
	ck_assert_int_eq(lives.phase, RUN_DRAINING);
	ck_assert_uint_eq(lives_deadline(&lives), 0);	/* as long as it takes */
	for (uint32_t i = 0; i < ACKER; i++)
		happens(i, EVENT_ENDED);
	expect("0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(draining_while_starting_is_stopping)
{
	happens(LINES, EVENT_HELLO);
	lives_drain(&lives, true, now);
	expect("0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
	ck_assert_int_eq(lives.phase, RUN_STOPPING);
}
END_TEST

START_TEST(killing_does_not_ask_first)
{
	bring_up();
	lives_kill(&lives, now);
	expect("0 KILL; 1 KILL; 2 KILL; 3 KILL; 4 KILL; ");
	all(EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_OVER);
	ck_assert(!lives.failed);
}
END_TEST

START_TEST(killing_spares_nobody_but_the_dead)
{
	bring_up();
	happens(SPLIT_1, EVENT_FATAL);
	lives_stop(&lives, now);
	happens(LINES, EVENT_EXITED);
	said.n = 0;
	lives_kill(&lives, now);
	expect("1 KILL; 2 KILL; 3 KILL; 4 KILL; ");
}
END_TEST

START_TEST(workers_that_never_started_are_not_waited_for)
{
	lives_free(&lives);
	lives_init(&lives, plan, &orders, &fence_orders, &said, READY_MS, STOP_MS);
	lives_started(&lives, LINES, now);
	lives_stop(&lives, now);
	expect("0 stop; ");
	happens(LINES, EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_OVER);

	lives_free(&lives);
	lives_init(&lives, plan, &orders, &fence_orders, &said, READY_MS, STOP_MS);
	lives_stop(&lives, now);
	ck_assert_int_eq(lives.phase, RUN_OVER);
	expect("");
}
END_TEST

/* Words that have no place: the run fails, nothing else does. */
START_TEST(nonsense_fails_the_run)
{
	static const struct { enum life_event first, again; } nonsense[] = {
		{ EVENT_HELLO, EVENT_HELLO },
		{ EVENT_HELLO, EVENT_ENDED },
		{ EVENT_READY, EVENT_READY },
	};

	happens(SINK, nonsense[_i].first);
	happens(SINK, nonsense[_i].again);
	ck_assert(lives.failed);
	ck_assert_ptr_nonnull(strstr(buf_text(&said), "3 FAIL "));
	ck_assert_ptr_nonnull(strstr(buf_text(&said), "3 stop; "));
}
END_TEST

/* ---- with a coordinator ---- */

START_TEST(a_coordinator_is_activated_and_never_ends_by_itself)
{
	all(EVENT_HELLO);
	said.n = 0;
	all(EVENT_READY);
	expect("0 activate; 4 activate; ");
	for (uint32_t i = 0; i < COORDINATOR - 1; i++)
		happens(i, EVENT_ENDED);
	expect("");
	happens(COORDINATOR - 1, EVENT_ENDED);
	expect("0 stop; 1 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(a_lost_coordinator_is_left_by_all_and_its_successor_activated)
{
	bring_up();
	dies(COORDINATOR, &from_outside);
	expect("4 again; 4 START; ");
	happens(COORDINATOR, EVENT_HELLO);
	expect("4 peers 1 1 1 1 2; 0 switch 4 2; 1 switch 4 2; 2 switch 4 2; 3 switch 4 2; ");
	for (uint32_t i = 0; i < COORDINATOR; i++)
		fences_switched(&lives.fences, i, COORDINATOR, 2);
	expect("");		/* what it had pending is gone with it */
	happens(COORDINATOR, EVENT_READY);
	expect("4 activate; ");
}
END_TEST

START_TEST(a_coordinator_hears_of_every_loss)
{
	bring_up();
	dies(LINES, &from_outside);
	happens(LINES, EVENT_HELLO);
	expect("0 again; 0 START; 0 peers 2 1 1 1 1; 4 switch 0 2; ");
	fences_switched(&lives.fences, COORDINATOR, LINES, 2);
	expect("4 lost 0; ");
	dies(SINK, &from_outside);
	happens(SINK, EVENT_HELLO);
	expect("3 again; 3 START; 3 peers 2 1 1 2 1; 1 switch 3 2; 2 switch 3 2; 4 switch 3 2; ");
	fences_switched(&lives.fences, COORDINATOR, SINK, 2);
	fences_switched(&lives.fences, SPLIT_0, SINK, 2);
	expect("");
	fences_switched(&lives.fences, SPLIT_1, SINK, 2);
	expect("4 lost 3; ");
}
END_TEST

START_TEST(draining_is_said_to_the_coordinator_too)
{
	bring_up();
	lives_drain(&lives, true, now);
	expect("0 drain finish; 1 drain finish; 2 drain finish; 3 drain finish; 4 drain finish; ");
}
END_TEST

static TCase *with_coordinator(void)
{
	TCase *c = tcase_create("coordinator");

	tcase_add_checked_fixture(c, begin_transactional, finish);
	tcase_add_test(c, a_coordinator_is_activated_and_never_ends_by_itself);
	tcase_add_test(c, a_lost_coordinator_is_left_by_all_and_its_successor_activated);
	tcase_add_test(c, a_coordinator_hears_of_every_loss);
	tcase_add_test(c, draining_is_said_to_the_coordinator_too);
	return c;
}

int main(void)
{
	Suite *s = suite_create("life");
	TCase *c = tcase_create("life");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, a_good_run);
	tcase_add_loop_test(c, a_death_is_followed_by_a_restart_and_a_fence, 0, 2);
	tcase_add_test(c, a_lost_acker_is_fenced_by_all_who_send_records);
	tcase_add_test(c, a_spout_that_is_started_again_is_activated);
	tcase_add_test(c, an_exit_that_nobody_asked_for_is_a_death_even_with_code_0);
	tcase_add_test(c, the_successor_of_one_that_has_ended_only_says_so);
	tcase_add_test(c, one_that_has_ended_and_died_is_not_waited_for);
	tcase_add_test(c, a_result_that_died_with_its_worker_fails_the_run);
	tcase_add_test(c, what_the_run_can_do_without_is_told);
	tcase_add_loop_test(c, a_result_that_will_be_discarded_is_not_missed, 0, 2);
	tcase_add_test(c, who_comes_back_while_draining_is_told_so_first);
	tcase_add_test(c, a_death_of_its_own_making_ends_a_run_that_has_not_begun);
	tcase_add_test(c, a_kill_from_outside_before_all_are_bound_costs_time_only);
	tcase_add_test(c, a_kill_from_outside_before_all_are_ready_is_fenced);
	tcase_add_test(c, a_loss_inside_a_fence_begins_another);
	tcase_add_test(c, a_start_that_fails_is_tried_again_five_times);
	tcase_add_loop_test(c, the_tenth_death_of_its_own_making_ends_the_run, 0, 2);
	tcase_add_test(c, who_hangs_is_killed_and_started_again);
	tcase_add_loop_test(c, a_successor_that_is_late_is_killed, 0, 2);
	tcase_add_test(c, fatal_words_wait_for_the_exit);
	tcase_add_test(c, fatal_words_without_an_exit_are_followed_by_a_kill);
	tcase_add_test(c, a_late_hello_fails_the_run);
	tcase_add_test(c, a_late_ready_fails_the_run);
	tcase_add_test(c, who_does_not_stop_is_killed);
	tcase_add_loop_test(c, a_death_while_stopping_fails_the_run_if_it_is_a_crash, 0, 4);
	tcase_add_test(c, who_waits_for_its_restart_is_gone_when_all_stop);
	tcase_add_loop_test(c, draining_is_said_to_spouts_and_bolts_once, 0, 2);
	tcase_add_test(c, draining_while_starting_is_stopping);
	tcase_add_test(c, killing_does_not_ask_first);
	tcase_add_test(c, killing_spares_nobody_but_the_dead);
	tcase_add_test(c, workers_that_never_started_are_not_waited_for);
	tcase_add_loop_test(c, nonsense_fails_the_run, 0, 3);
	suite_add_tcase(s, c);
	suite_add_tcase(s, with_coordinator());
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
