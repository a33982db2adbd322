/* test_pulse.c - pings, and who does not answer them. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "buf.h"
#include "clock.h"
#include "pulse.h"

enum { N = 3, TIMEOUT_MS = 3000, BEAT_MS = TIMEOUT_MS / 3 };

static struct pulse pulse;
static struct buf said;
static uint64_t now;

static void ping(void *arg, uint32_t worker)
{
	buf_printf(arg, "%u? ", worker);
}

static void hung(void *arg, uint32_t worker)
{
	buf_printf(arg, "%u hangs ", worker);
}

static void begin(void)
{
	now = NS_PER_S;
	pulse = (struct pulse){ .ping = ping, .hung = hung, .arg = &said };
	pulse_init(&pulse, N, (uint64_t)TIMEOUT_MS * NS_PER_MS, now);
}

static void finish(void)
{
	pulse_free(&pulse);
	buf_free(&said);
}

/* later: the supervisor wakes up after MS; WANT is what it does. */
static void later(uint32_t ms, const char *want)
{
	now += ms * (uint64_t)NS_PER_MS;
	pulse_beat(&pulse, now);
	ck_assert_str_eq(buf_text(&said), want);
	said.n = 0;
}

START_TEST(who_is_not_ready_is_not_asked)
{
	for (int i = 0; i < 10; i++)
		later(BEAT_MS, "");
}
END_TEST

START_TEST(each_is_asked_every_third_of_the_timeout)
{
	pulse_began(&pulse, 0);
	pulse_began(&pulse, 2);
	ck_assert_uint_eq(pulse_deadline(&pulse), now + BEAT_MS * (uint64_t)NS_PER_MS);
	for (int i = 0; i < 10; i++) {
		later(BEAT_MS - 1, "");
		later(1, "0? 2? ");
		pulse_heard(&pulse, 0);
		pulse_heard(&pulse, 2);
	}
}
END_TEST

/* It is asked once: no more pings for one that does not read them. */
START_TEST(who_does_not_answer_within_the_timeout_hangs)
{
	pulse_began(&pulse, 0);
	pulse_began(&pulse, 1);
	later(BEAT_MS, "0? 1? ");
	for (int i = 0; i < 2; i++) {
		pulse_heard(&pulse, 1);
		later(BEAT_MS, "1? ");
	}
	pulse_heard(&pulse, 1);
	later(BEAT_MS - 1, "");
	ck_assert_uint_eq(pulse_deadline(&pulse), now + NS_PER_MS);
	later(1, "0 hangs 1? ");
	pulse_heard(&pulse, 1);
	later(BEAT_MS, "1? ");		/* told once */
}
END_TEST

START_TEST(an_answer_at_the_last_moment_is_one)
{
	pulse_began(&pulse, 0);
	later(BEAT_MS, "0? ");
	later(BEAT_MS, "");
	later(BEAT_MS, "");
	later(BEAT_MS - 1, "");
	pulse_heard(&pulse, 0);
	later(1, "0? ");
}
END_TEST

START_TEST(the_dead_are_not_waited_for)
{
	pulse_began(&pulse, 0);
	later(BEAT_MS, "0? ");
	pulse_ended(&pulse, 0);
	pulse_heard(&pulse, 0);		/* it lay in its channel */
	for (int i = 0; i < 5; i++)
		later(BEAT_MS, "");
	pulse_began(&pulse, 0);		/* a successor */
	later(BEAT_MS, "0? ");
}
END_TEST

/* This process was stopped for an hour: then everybody looks late. */
START_TEST(who_sleeps_itself_blames_nobody)
{
	pulse_began(&pulse, 0);
	later(BEAT_MS, "0? ");
	later(3600 * 1000, "");
	later(BEAT_MS, "");
	later(BEAT_MS, "");
	later(BEAT_MS, "0 hangs ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pulse");
	TCase *c = tcase_create("pulse");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, who_is_not_ready_is_not_asked);
	tcase_add_test(c, each_is_asked_every_third_of_the_timeout);
	tcase_add_test(c, who_does_not_answer_within_the_timeout_hangs);
	tcase_add_test(c, an_answer_at_the_last_moment_is_one);
	tcase_add_test(c, the_dead_are_not_waited_for);
	tcase_add_test(c, who_sleeps_itself_blames_nobody);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
