/* test_life.c - what follows from what workers say and do. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "faketopology.h"
#include "life.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* lines[0] split[0] split[1] sink[0] acker[0] */
enum { LINES, SPLIT_0, SPLIT_1, SINK, ACKER, N };
enum { READY_MS = 1000, STOP_MS = 100 };

static struct topology *topology;
static struct plan *plan;
static struct lives lives;
static struct buf said;		/* "0 stop; 1 kill; ..." */
static uint64_t now;

static void say(void *arg, uint32_t worker, const char *text)
{
	buf_printf(arg, "%u %s; ", worker, text);
}

static void kill_worker(void *arg, uint32_t worker)
{
	buf_printf(arg, "%u KILL; ", worker);
}

static void fail_run(void *arg, uint32_t worker, enum life state, enum life_event event)
{
	buf_printf(arg, "%u FAIL %s/%s; ", worker, life_names[state], life_event_names[event]);
}

static const struct life_orders orders = { .say = say, .kill = kill_worker, .fail = fail_run };

static void begin(void)
{
	topology = fake_words(2, 1);
	plan = plan_make(topology);
	now = 5 * (uint64_t)NS_PER_S;
	lives_init(&lives, plan, &orders, &said, READY_MS, STOP_MS);
	for (uint32_t i = 0; i < N; i++)
		lives_started(&lives, i, now);
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

START_TEST(a_death_stops_the_others)
{
	bring_up();
	happens(SPLIT_0, EVENT_DIED);
	expect("1 FAIL ready/death; 0 stop; 2 stop; 3 stop; 4 stop; ");
	ck_assert(lives.failed);
	for (uint32_t i = 0; i < N; i++)
		if (i != SPLIT_0)
			happens(i, EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_OVER);
	expect("");
}
END_TEST

START_TEST(an_exit_that_nobody_asked_for_is_a_death_even_with_code_0)
{
	bring_up();
	happens(SINK, EVENT_ENDED);
	happens(SINK, EVENT_EXITED);
	expect("3 FAIL ended/exit; 0 stop; 1 stop; 2 stop; 4 stop; ");
	ck_assert(lives.failed);
}
END_TEST

START_TEST(a_death_before_hello_counts_too)
{
	happens(SPLIT_0, EVENT_HELLO);
	happens(SPLIT_1, EVENT_DIED);
	expect("2 FAIL starting/death; 0 stop; 1 stop; 3 stop; 4 stop; ");
	happens(LINES, EVENT_HELLO);		/* crossed the stop */
	expect("");
}
END_TEST

START_TEST(fatal_words_wait_for_the_exit)
{
	bring_up();
	happens(SPLIT_0, EVENT_FATAL);
	expect("");
	ck_assert_uint_eq(lives_deadline(&lives), now + (uint64_t)STOP_MS * NS_PER_MS);
	happens(SPLIT_0, EVENT_DIED);
	expect("1 FAIL failing/death; 0 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

START_TEST(fatal_words_without_an_exit_are_followed_by_a_kill)
{
	bring_up();
	happens(SPLIT_0, EVENT_FATAL);
	now = lives_deadline(&lives);
	lives_expire(&lives, now);
	expect("1 KILL; ");
	happens(SPLIT_0, EVENT_EXITED);
	expect("1 FAIL failing/exit; 0 stop; 2 stop; 3 stop; 4 stop; ");
}
END_TEST

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

START_TEST(a_crash_while_stopping_fails_the_run)
{
	bring_up();
	lives_stop(&lives, now);
	said.n = 0;
	happens(SINK, EVENT_DIED);
	expect("3 FAIL stopping/death; ");
	ck_assert(lives.failed);
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
	lives_init(&lives, plan, &orders, &said, READY_MS, STOP_MS);
	lives_started(&lives, LINES, now);
	lives_stop(&lives, now);
	expect("0 stop; ");
	happens(LINES, EVENT_EXITED);
	ck_assert_int_eq(lives.phase, RUN_OVER);

	lives_free(&lives);
	lives_init(&lives, plan, &orders, &said, READY_MS, STOP_MS);
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

int main(void)
{
	Suite *s = suite_create("life");
	TCase *c = tcase_create("life");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, a_good_run);
	tcase_add_test(c, a_death_stops_the_others);
	tcase_add_test(c, an_exit_that_nobody_asked_for_is_a_death_even_with_code_0);
	tcase_add_test(c, a_death_before_hello_counts_too);
	tcase_add_test(c, fatal_words_wait_for_the_exit);
	tcase_add_test(c, fatal_words_without_an_exit_are_followed_by_a_kill);
	tcase_add_test(c, a_late_hello_fails_the_run);
	tcase_add_test(c, a_late_ready_fails_the_run);
	tcase_add_test(c, who_does_not_stop_is_killed);
	tcase_add_test(c, a_crash_while_stopping_fails_the_run);
	tcase_add_loop_test(c, draining_is_said_to_spouts_and_bolts_once, 0, 2);
	tcase_add_test(c, draining_while_starting_is_stopping);
	tcase_add_test(c, killing_does_not_ask_first);
	tcase_add_test(c, killing_spares_nobody_but_the_dead);
	tcase_add_test(c, workers_that_never_started_are_not_waited_for);
	tcase_add_loop_test(c, nonsense_fails_the_run, 0, 3);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
