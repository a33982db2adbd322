/* test_restart.c - when a dead worker is started again. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "clock.h"
#include "faketopology.h"
#include "restart.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* lines[0] split[0] split[1] sink[0] acker[0] */
enum { LINES, SPLIT_0, SPLIT_1, SINK, ACKER };

static struct topology *topology;
static struct plan *plan;
static struct restarts restarts;
static uint64_t now, due, seed;

static void begin(void)
{
	topology = fake_words(2, 1);
	plan = plan_make(topology);
	restarts_init(&restarts, plan, seed);
	now = NS_PER_S;
}

static void finish(void)
{
	restarts_free(&restarts);
	plan_free(plan);
	topology_free(topology);
}

static void lives(uint32_t worker, uint64_t ms)
{
	restarts_hello(&restarts, worker, now);
	now += ms * NS_PER_MS;
}

static enum restart_verdict dies(uint32_t worker, bool charged)
{
	return restarts_died(&restarts, worker, charged, now, &due);
}

static void check_waits(uint64_t most_ms)
{
	ck_assert_uint_le(due - now, most_ms * NS_PER_MS);
	ck_assert_uint_ge(due - now, most_ms * NS_PER_MS * 3 / 4);
}

START_TEST(who_has_lived_a_second_comes_back_at_once)
{
	for (int i = 0; i < 100; i++) {
		lives(SINK, RESTART_EARLY_MS);
		ck_assert_int_eq(dies(SINK, false), RESTART_YES);
		ck_assert_uint_eq(due, now);
	}
}
END_TEST

START_TEST(early_deaths_raise_the_wait_to_ten_seconds)
{
	uint64_t ms = RESTART_FIRST_MS;

	for (int i = 0; i < 100; i++) {
		lives(SINK, RESTART_EARLY_MS - 1);
		ck_assert_int_eq(dies(SINK, false), RESTART_YES);
		check_waits(ms);
		ms = ms * 2 < RESTART_LONGEST_MS ? ms * 2 : RESTART_LONGEST_MS;
	}
}
END_TEST

START_TEST(five_seconds_of_health_reset_the_wait_less_do_not)
{
	for (int i = 0; i < 3; i++) {
		lives(SINK, 0);
		dies(SINK, false);
	}
	check_waits(RESTART_FIRST_MS * 4);
	lives(SINK, RESTART_HEALTHY_MS - 1);
	dies(SINK, false);
	ck_assert_uint_eq(due, now);
	lives(SINK, 0);
	dies(SINK, false);
	check_waits(RESTART_FIRST_MS * 8);
	lives(SINK, RESTART_HEALTHY_MS);
	dies(SINK, false);
	lives(SINK, 0);
	dies(SINK, false);
	check_waits(RESTART_FIRST_MS);
}
END_TEST

START_TEST(the_fifth_death_in_a_row_before_hello_is_the_last)
{
	for (int i = 1; i < RESTART_SILENT_MOST; i++)
		ck_assert_int_eq(dies(SINK, _i != 0), RESTART_YES);
	ck_assert_int_eq(dies(SPLIT_0, false), RESTART_YES);	/* another's do not count */
	ck_assert_int_eq(dies(SINK, _i != 0), RESTART_TOO_SILENT);
}
END_TEST

START_TEST(one_hello_in_between_is_enough)
{
	for (int i = 0; i < 40; i++) {
		if (i % (RESTART_SILENT_MOST - 1) == 0)
			lives(SINK, 0);
		ck_assert_int_eq(dies(SINK, false), RESTART_YES);
		now += NS_PER_S;
	}
}
END_TEST

START_TEST(ten_charged_deaths_of_a_component_in_a_minute_are_the_limit)
{
	for (uint32_t i = 1; i < RESTART_MOST; i++) {
		lives(SPLIT_0 + i % 2, 6600);
		ck_assert_int_eq(dies(SPLIT_0 + i % 2, true), RESTART_YES);
		ck_assert_uint_eq(restarts_recent(&restarts, SPLIT_1, now), i);
	}
	ck_assert_uint_eq(restarts_recent(&restarts, SINK, now), 0);
	lives(SINK, 0);
	ck_assert_int_eq(dies(SINK, true), RESTART_YES);
	ck_assert_int_eq(dies(ACKER, true), RESTART_YES);
	lives(SPLIT_0, 0);
	ck_assert_int_eq(dies(SPLIT_0, false), RESTART_YES);	/* not its fault */
	lives(SPLIT_0, 0);
	ck_assert_int_eq(dies(SPLIT_0, true), RESTART_TOO_OFTEN);
}
END_TEST

START_TEST(ten_in_a_little_more_than_a_minute_are_not)
{
	for (int i = 0; i < 100; i++) {
		lives(SINK, 6700);
		ck_assert_int_eq(dies(SINK, true), RESTART_YES);
	}
	ck_assert_uint_eq(restarts_recent(&restarts, SINK, now), 9);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("restart");
	TCase *c = tcase_create("restart");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, who_has_lived_a_second_comes_back_at_once);
	tcase_add_test(c, early_deaths_raise_the_wait_to_ten_seconds);
	tcase_add_test(c, five_seconds_of_health_reset_the_wait_less_do_not);
	tcase_add_loop_test(c, the_fifth_death_in_a_row_before_hello_is_the_last, 0, 2);
	tcase_add_test(c, one_hello_in_between_is_enough);
	tcase_add_test(c, ten_charged_deaths_of_a_component_in_a_minute_are_the_limit);
	tcase_add_test(c, ten_in_a_little_more_than_a_minute_are_not);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
