/* test_spin.c - when a wait begins with looking. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "spin.h"

static struct spin spin;
static uint64_t now;

static void begin(void)
{
	spin = (struct spin){ 0 };
	now = 1000000000;
}

/* waits makes N waits of NS each; none is looked through. */
static void waits(int n, uint64_t ns)
{
	for (int i = 0; i < n; i++) {
		spin_begin(&spin, now);
		now += ns;
		spin_end(&spin, now);
	}
}

static bool worth(void)
{
	spin_begin(&spin, now);
	return spin_worth(&spin, now);
}

/* offer lets the others have the processor for NS. */
static void offer(uint64_t ns)
{
	now += ns;
	spin_offered(&spin, now - ns, now);
}

START_TEST(only_after_short_waits)
{
	ck_assert(!worth());
	waits(SPIN_SCORE - 1, SPIN_NS - 1);
	ck_assert(!worth());
	waits(1, SPIN_NS - 1);
	ck_assert(worth());
	waits(1, SPIN_NS);
	ck_assert(!worth());
}
END_TEST

START_TEST(never_where_one_of_three_is_long)
{
	for (int i = 0; i < 1000; i++) {
		waits(2, 1000);
		ck_assert(!worth());
		waits(1, 1000000);
		ck_assert(!worth());
	}
}
END_TEST

START_TEST(an_idle_one_soon_stops)
{
	int looked = 0;

	waits(100000, 1000);
	for (int i = 0; i < 1000; i++) {
		looked += worth();
		waits(1, 10000000);
	}
	ck_assert_int_le(looked, SPIN_SCORE_MOST / SPIN_SCORE_LONG);
	ck_assert_int_gt(looked, 0);
}
END_TEST

START_TEST(no_longer_than_a_short_wait)
{
	waits(SPIN_SCORE, 1000);
	spin_begin(&spin, now);
	ck_assert(spin_worth(&spin, now + SPIN_NS - 1));
	ck_assert(!spin_worth(&spin, now + SPIN_NS));
}
END_TEST

START_TEST(paused_where_others_want_the_processor)
{
	uint64_t pause = SPIN_PAUSE_NS;

	waits(SPIN_SCORE_MOST, 1000);
	for (int i = 0; i < 20; i++) {
		ck_assert(worth());
		offer(SPIN_AWAY_NS);
		now += pause - 1;
		ck_assert(!worth());
		now++;
		pause = 2 * pause < SPIN_PAUSE_MOST_NS ? 2 * pause : SPIN_PAUSE_MOST_NS;
	}
	ck_assert_uint_eq(pause, SPIN_PAUSE_MOST_NS);
}
END_TEST

START_TEST(trusted_again)
{
	waits(SPIN_SCORE_MOST, 1000);
	for (int i = 0; i < 5; i++) {
		offer(SPIN_AWAY_NS);
		now = spin.again_ns;
	}
	ck_assert_uint_eq(spin.pause_ns, 16 * SPIN_PAUSE_NS);
	for (uint64_t until = now + 40 * SPIN_PAUSE_NS; now < until;)
		offer(1000);
	ck_assert_uint_lt(spin.pause_ns, SPIN_PAUSE_NS);
	offer(SPIN_AWAY_NS - 1);
	ck_assert(worth());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spin");
	TCase *t = tcase_create("spin");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, only_after_short_waits);
	tcase_add_test(t, never_where_one_of_three_is_long);
	tcase_add_test(t, an_idle_one_soon_stops);
	tcase_add_test(t, no_longer_than_a_short_wait);
	tcase_add_test(t, paused_where_others_want_the_processor);
	tcase_add_test(t, trusted_again);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
