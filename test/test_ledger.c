/* test_ledger.c - the acker's book, rule by rule. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "acker/ledger.h"
#include "faketree.h"
#include "memory.h"
#include "seed.h"

enum { MAX_VERDICTS = 4096 };

/* What the callback was told. */
static struct verdict {
	struct ledger_outcome outcome;
	char why[64];
} verdicts[MAX_VERDICTS];

static uint32_t n_verdicts;
static uint64_t seed;

static const struct ledger_owner spout = { .worker = 4, .start = 1 };

static void note(void *arg, const struct ledger_outcome *outcome)
{
	struct verdict *v = &verdicts[n_verdicts++];

	ck_assert_ptr_eq(arg, &n_verdicts);
	ck_assert_uint_lt(n_verdicts, MAX_VERDICTS);
	v->outcome = *outcome;
	ck_assert_int_eq(outcome->why != NULL, outcome->verdict == LEDGER_FAILED);
	if (outcome->why) {
		strncpy(v->why, outcome->why, sizeof v->why - 1);
		v->outcome.why = v->why;
	}
}

static struct ledger *make(uint64_t timeout_ms, uint64_t progress_ms)
{
	n_verdicts = 0;
	memset(verdicts, 0, sizeof verdicts);
	return ledger_new(timeout_ms, progress_ms, note, &n_verdicts);
}

static void fail_root(struct ledger *l, uint64_t root, const char *why, uint32_t task,
		      uint64_t now_ms)
{
	ledger_fail(l, root, why, (uint32_t)strlen(why), task, now_ms);
}

/* The only verdict since the last look is VERDICT on ROOT. */
static const struct ledger_outcome *check_one(enum ledger_verdict verdict, uint64_t root)
{
	ck_assert_uint_eq(n_verdicts, 1);
	n_verdicts = 0;
	ck_assert_int_eq(verdicts[0].outcome.verdict, verdict);
	ck_assert_uint_eq(verdicts[0].outcome.root, root);
	return &verdicts[0].outcome;
}

static void check_none(void)
{
	ck_assert_uint_eq(n_verdicts, 0);
}

/* ---- A2: the value ---- */

START_TEST(a_tree_is_acked_when_its_last_edge_is)
{
	struct ledger *l = make(30000, 0);

	ledger_init(l, 9, 0xA, spout, 100);
	ledger_ack(l, 9, 0xA ^ 0xB ^ 0xC, 1, 101);	/* A acked, B and C made */
	ledger_ack(l, 9, 0xB, 2, 102);
	check_none();
	ledger_ack(l, 9, 0xC, 3, 103);
	check_one(LEDGER_ACKED, 9);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(ack_that_overtakes_its_init_waits_for_it)
{
	struct ledger *l = make(30000, 0);

	ledger_ack(l, 9, 5, 0, 0);
	ck_assert_uint_eq(ledger_size(l), 1);
	check_none();
	ledger_init(l, 9, 5, spout, 0);
	check_one(LEDGER_ACKED, 9);
	ledger_free(l);
}
END_TEST

START_TEST(an_entry_that_reads_zero_without_init_stays_open)
{
	struct ledger *l = make(30000, 0);

	ledger_ack(l, 9, 5, 0, 0);	/* 5 acked before it was made */
	ledger_ack(l, 9, 5 ^ 7, 0, 0);
	ledger_ack(l, 9, 7, 0, 0);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 1);
	ledger_init(l, 9, 3, spout, 0);
	check_none();
	ledger_ack(l, 9, 3, 0, 0);
	check_one(LEDGER_ACKED, 9);
	ledger_free(l);
}
END_TEST

START_TEST(init_with_value_0_completes_at_once)
{
	struct ledger *l = make(30000, 0);
	const struct ledger_outcome *o;

	ledger_init(l, 9, 0, spout, 55);
	o = check_one(LEDGER_ACKED, 9);
	ck_assert_uint_eq(o->age_ms, 0);
	ck_assert_uint_eq(o->owner.worker, spout.worker);
	ck_assert_uint_eq(o->last_task, LEDGER_NO_TASK);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(the_records_of_a_tree_may_come_in_any_order)
{
	/* spout -1-> a -2-> b, a -4-> c; c holds on until b is acked */
	static const uint64_t values[] = { 1, 1 ^ 2 ^ 4, 2, 4 };
	struct ledger *l = make(30000, 0);
	uint32_t code = (uint32_t)_i;
	uint32_t left[] = { 0, 1, 2, 3 };

	for (uint32_t n = 4; n > 0; n--) {
		uint32_t k = code % n, record = left[k];

		check_none();
		code /= n;
		left[k] = left[n - 1];
		if (record == 0)
			ledger_init(l, 9, values[0], spout, 1);
		else
			ledger_ack(l, 9, values[record], record, 1);
	}
	check_one(LEDGER_ACKED, 9);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(a_second_init_is_ignored)
{
	struct ledger *l = make(30000, 0);
	const struct ledger_owner other = { 5, 1 };

	ledger_init(l, 9, 1, spout, 0);
	ledger_init(l, 9, 1, other, 0);
	ledger_init(l, 9, 0, other, 0);
	check_none();
	ledger_ack(l, 9, 1, 2, 0);
	ck_assert_uint_eq(check_one(LEDGER_ACKED, 9)->owner.worker, spout.worker);
	ledger_free(l);
}
END_TEST

START_TEST(an_ack_of_value_0_makes_no_entry)
{
	struct ledger *l = make(30000, 0);

	ledger_ack(l, 9, 0, 2, 0);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_init(l, 9, 1, spout, 0);
	ledger_ack(l, 9, 0, 2, 0);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 1);
	ledger_free(l);
}
END_TEST

START_TEST(two_owners_with_equal_edges_and_neighbouring_roots_are_kept_apart)
{
	struct ledger *l = make(30000, 0);
	const struct ledger_owner other = { 5, 1 };

	ledger_init(l, 9, 0xE, spout, 0);
	ledger_init(l, 10, 0xE, other, 0);
	ledger_ack(l, 10, 0xE, 2, 0);
	ck_assert_uint_eq(check_one(LEDGER_ACKED, 10)->owner.worker, 5);
	ledger_ack(l, 9, 0xE, 2, 0);
	ck_assert_uint_eq(check_one(LEDGER_ACKED, 9)->owner.worker, 4);
	ledger_free(l);
}
END_TEST

/* ---- A2: failures ---- */

START_TEST(a_fail_is_reported_at_once_with_its_reason)
{
	struct ledger *l = make(30000, 0);
	const struct ledger_outcome *o;

	ledger_init(l, 9, 1, spout, 10);
	ledger_ack(l, 9, 1 ^ 2 ^ 4, 6, 20);
	ledger_fail(l, 9, "no such user, and more", 12, 7, 40);
	o = check_one(LEDGER_FAILED, 9);
	ck_assert_str_eq(o->why, "no such user");
	ck_assert_uint_eq(o->last_task, 7);
	ck_assert_uint_eq(o->age_ms, 30);
	ck_assert_uint_eq(o->owner.worker, spout.worker);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(a_fail_that_overtakes_the_init_is_kept_for_it)
{
	struct ledger *l = make(30000, 0);
	const struct ledger_outcome *o;

	fail_root(l, 9, "bad line", 7, 10);
	check_none();
	ledger_init(l, 9, 1, spout, 15);
	o = check_one(LEDGER_FAILED, 9);
	ck_assert_str_eq(o->why, "bad line");
	ck_assert_uint_eq(o->last_task, 7);
	ck_assert_uint_eq(o->age_ms, 5);
	ck_assert_uint_eq(o->owner.worker, spout.worker);
	ledger_free(l);
}
END_TEST

START_TEST(the_first_reason_wins)
{
	struct ledger *l = make(30000, 0);

	fail_root(l, 9, "first", 7, 0);
	fail_root(l, 9, "second", 8, 0);
	ledger_ack(l, 9, 1, 6, 0);
	ledger_reset(l, 9, 5, 0);
	ledger_init(l, 9, 1, spout, 0);
	ck_assert_str_eq(check_one(LEDGER_FAILED, 9)->why, "first");
	ck_assert_uint_eq(verdicts[0].outcome.last_task, 7);
	ledger_free(l);
}
END_TEST

START_TEST(a_failed_tree_is_not_acked_even_if_all_its_records_come)
{
	struct ledger *l = make(30000, 0);

	ledger_ack(l, 9, 1, 6, 0);
	fail_root(l, 9, "late", 7, 0);
	ledger_init(l, 9, 1, spout, 0);
	check_one(LEDGER_FAILED, 9);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(an_empty_reason_is_a_reason)
{
	struct ledger *l = make(30000, 0);

	ledger_init(l, 9, 1, spout, 0);
	ledger_fail(l, 9, "", 0, 7, 0);
	ck_assert_str_eq(check_one(LEDGER_FAILED, 9)->why, "");
	ledger_free(l);
}
END_TEST

/* ---- A7: late records ---- */

START_TEST(late_records_of_a_finished_tree_harm_nothing)
{
	struct ledger *l = make(30000, 0);

	ledger_init(l, 9, 1, spout, 0);
	fail_root(l, 9, "no", 7, 0);
	check_one(LEDGER_FAILED, 9);
	ledger_ack(l, 9, 1 ^ 2, 6, 1);
	fail_root(l, 9, "no again", 7, 2);
	ledger_reset(l, 9, 7, 3);
	ledger_ack(l, 9, 2, 6, 4);
	ledger_init(l, 10, 1, spout, 5);	/* the replay: a new root */
	ledger_ack(l, 10, 1, 6, 6);
	check_one(LEDGER_ACKED, 10);
	ledger_expire(l, 30001);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

/* ---- A4: time ---- */

START_TEST(a_tree_times_out_at_its_age)
{
	struct ledger *l = make(10000, 0);
	const struct ledger_outcome *o;

	ledger_init(l, 9, 1, spout, 500);
	ledger_ack(l, 9, 1 ^ 2, 6, 4500);
	ledger_expire(l, 10499);
	check_none();
	ledger_expire(l, 10500);
	o = check_one(LEDGER_TIMED_OUT, 9);
	ck_assert_uint_eq(o->last_task, 6);
	ck_assert_uint_eq(o->age_ms, 10000);
	ck_assert_uint_eq(o->silent_ms, 6000);
	ledger_expire(l, 99999);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(age_counts_from_the_first_record_not_from_the_init)
{
	struct ledger *l = make(10000, 0);

	ledger_ack(l, 9, 2, 6, 0);
	ledger_init(l, 9, 1, spout, 9000);
	ledger_expire(l, 9999);
	check_none();
	ledger_expire(l, 10000);
	ck_assert_uint_eq(check_one(LEDGER_TIMED_OUT, 9)->age_ms, 10000);
	ledger_free(l);
}
END_TEST

/* A tree is born in every step of a simulated clock; the walks are as far apart as
 * ledger_expiry_interval says. */
START_TEST(expiry_is_never_early_and_at_most_10_percent_late)
{
	static const uint64_t timeouts[] = { 20, 100, 1000, 10000, 30000, 600000 };
	uint64_t timeout = timeouts[_i], next_walk = 0, root = 1;
	uint64_t step = timeout / 100 ? timeout / 100 : 1;
	struct ledger *l = make(timeout, 0);
	static uint64_t born[1024];

	ck_assert_uint_lt(2 * timeout / step, sizeof born / sizeof born[0]);
	for (uint64_t now = 7; now < 7 + 4 * timeout; now += step) {
		if (now < 7 + 2 * timeout) {
			born[root] = now;
			ledger_init(l, root++, 1, spout, now);
		}
		if (now < next_walk)
			continue;
		ledger_expire(l, now);
		next_walk = now + ledger_expiry_interval(l);
		for (uint32_t i = 0; i < n_verdicts; i++) {
			const struct ledger_outcome *o = &verdicts[i].outcome;

			ck_assert_int_eq(o->verdict, LEDGER_TIMED_OUT);
			ck_assert_uint_eq(o->age_ms, now - born[o->root]);
			ck_assert_uint_ge(o->age_ms, timeout);
			ck_assert_uint_le(o->age_ms, timeout + timeout / 10);
			born[o->root] = UINT64_MAX;	/* once each */
		}
		n_verdicts = 0;
	}
	ck_assert_uint_eq(ledger_size(l), 0);
	ck_assert_uint_eq(ledger_expiry_interval(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(a_silent_tree_has_no_progress)
{
	struct ledger *l = make(60000, 5000);
	const struct ledger_outcome *o;

	ledger_init(l, 9, 1, spout, 0);
	for (uint64_t now = 4000; now <= 20000; now += 4000) {
		ledger_ack(l, 9, now | 1, 6, now);
		ledger_expire(l, now + 3999);
		check_none();
	}
	ledger_expire(l, 24999);
	check_none();
	ledger_expire(l, 25000);
	o = check_one(LEDGER_NO_PROGRESS, 9);
	ck_assert_uint_eq(o->last_task, 6);
	ck_assert_uint_eq(o->age_ms, 25000);
	ck_assert_uint_eq(o->silent_ms, 5000);
	ledger_free(l);
}
END_TEST

START_TEST(progress_does_not_save_from_age)
{
	struct ledger *l = make(10000, 5000);

	ledger_init(l, 9, 1, spout, 0);
	for (uint64_t now = 1000; now < 10000; now += 1000)
		ledger_ack(l, 9, now | 1, 6, now);
	ledger_expire(l, 10000);
	check_one(LEDGER_TIMED_OUT, 9);
	ledger_init(l, 10, 1, spout, 0);
	ledger_expire(l, 10000);		/* both at once: age is the reason */
	check_one(LEDGER_TIMED_OUT, 10);
	ledger_free(l);
}
END_TEST

START_TEST(progress_works_without_a_timeout)
{
	struct ledger *l = make(0, 5000);

	ledger_init(l, 9, 1, spout, 0);
	ck_assert_uint_eq(ledger_expiry_interval(l), 250);
	ledger_expire(l, 4999);
	check_none();
	ledger_expire(l, 5000);
	check_one(LEDGER_NO_PROGRESS, 9);
	ledger_free(l);
}
END_TEST

START_TEST(without_timeouts_a_tree_lives_for_ever)
{
	struct ledger *l = make(0, 0);

	ledger_init(l, 9, 1, spout, 0);
	ledger_expire(l, UINT64_MAX);
	check_none();
	ledger_ack(l, 9, 1, 6, UINT64_MAX);
	ck_assert_uint_eq(check_one(LEDGER_ACKED, 9)->age_ms, UINT64_MAX);
	ledger_free(l);
}
END_TEST

START_TEST(a_deadline_before_the_birth_ends_nothing)
{
	struct ledger *l = make(10, 10);

	ledger_init(l, 9, 1, spout, 1000);
	ledger_expire(l, 999);
	ledger_expire(l, 0);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 1);
	ledger_free(l);
}
END_TEST

/* ---- A5: reset ---- */

START_TEST(a_reset_extends_the_timeout_and_tells_the_owner)
{
	struct ledger *l = make(10000, 0);
	const struct ledger_outcome *o;

	ledger_init(l, 9, 1, spout, 0);
	ledger_reset(l, 9, 6, 9000);
	o = check_one(LEDGER_EXTENDED, 9);
	ck_assert_uint_eq(o->last_task, 6);
	ck_assert_uint_eq(o->age_ms, 9000);
	ck_assert_uint_eq(o->owner.worker, spout.worker);
	ledger_expire(l, 18999);
	check_none();
	ledger_expire(l, 19000);
	ck_assert_uint_eq(check_one(LEDGER_TIMED_OUT, 9)->age_ms, 19000);
	ledger_free(l);
}
END_TEST

START_TEST(a_look_tells_of_an_open_tree_and_changes_nothing)
{
	struct ledger *l = make(30000, 0);
	struct ledger_view v;

	ck_assert(!ledger_look(l, 9, 100, &v));
	ck_assert(!ledger_look(l, 0, 100, &v));
	ledger_ack(l, 9, 6, 3, 1000);
	ck_assert(ledger_look(l, 9, 1500, &v));
	ck_assert(!v.has_init && v.last_task == 3 && v.age_ms == 500);
	ledger_init(l, 9, 5, spout, 2000);
	ledger_init(l, 10, 5, spout, 2000);
	ledger_reset(l, 9, 7, 4000);
	check_one(LEDGER_EXTENDED, 9);
	ck_assert(ledger_look(l, 9, 4600, &v));
	ck_assert(v.has_init && v.last_task == 7 && v.age_ms == 3600 && v.silent_ms == 600 && v.timer_ms == 600);
	ck_assert(ledger_look(l, 10, 4600, &v));
	ck_assert(v.last_task == LEDGER_NO_TASK && v.age_ms == 2600 && v.silent_ms == 2600 && v.timer_ms == 2600);
	ledger_ack(l, 9, 3, 8, 5000);
	check_one(LEDGER_ACKED, 9);
	ck_assert(!ledger_look(l, 9, 5000, &v));
	ledger_free(l);
}
END_TEST

START_TEST(a_reset_is_progress)
{
	struct ledger *l = make(0, 5000);

	ledger_init(l, 9, 1, spout, 0);
	ledger_reset(l, 9, 6, 4000);
	check_one(LEDGER_EXTENDED, 9);
	ledger_expire(l, 8999);
	check_none();
	ledger_expire(l, 9000);
	check_one(LEDGER_NO_PROGRESS, 9);
	ledger_free(l);
}
END_TEST

START_TEST(a_reset_that_overtakes_the_init_is_told_with_it)
{
	struct ledger *l = make(10000, 0);

	ledger_reset(l, 9, 6, 1000);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 1);
	ledger_init(l, 9, 1, spout, 1500);
	check_one(LEDGER_EXTENDED, 9);
	ledger_expire(l, 11000);
	check_one(LEDGER_TIMED_OUT, 9);
	ledger_free(l);
}
END_TEST

START_TEST(a_reset_of_a_tree_that_its_init_completes_is_not_told)
{
	struct ledger *l = make(10000, 0);

	ledger_reset(l, 9, 6, 0);
	ledger_ack(l, 9, 1, 6, 0);
	ledger_init(l, 9, 1, spout, 0);
	check_one(LEDGER_ACKED, 9);
	ledger_free(l);
}
END_TEST

/* ---- A6: what nobody wants any more ---- */

START_TEST(an_entry_without_init_is_dropped_without_a_word)
{
	static const struct {
		uint64_t timeout_ms, life_ms;
	} cases[] = { { 10000, 10000 }, { 59999, 59999 }, { 600000, 60000 }, { 0, 60000 } };
	struct ledger *l = make(cases[_i].timeout_ms, 0);

	ledger_ack(l, 9, 1, 6, 100);
	fail_root(l, 10, "kept until now", 7, 100);
	ledger_reset(l, 11, 7, 100);
	ledger_expire(l, 100 + cases[_i].life_ms - 1);
	ck_assert_uint_eq(ledger_size(l), 3);
	ledger_expire(l, 100 + cases[_i].life_ms);
	ck_assert_uint_eq(ledger_size(l), 0);
	check_none();
	ledger_free(l);
}
END_TEST

START_TEST(silence_does_not_end_an_entry_that_waits_for_its_init)
{
	struct ledger *l = make(30000, 1000);

	ledger_ack(l, 9, 1, 6, 0);
	ledger_expire(l, 29999);
	ledger_init(l, 9, 1, spout, 29999);
	check_one(LEDGER_ACKED, 9);
	ledger_free(l);
}
END_TEST

START_TEST(a_voided_root_is_forgotten_without_a_verdict)
{
	struct ledger *l = make(10000, 0);

	ledger_init(l, 9, 1, spout, 0);
	fail_root(l, 10, "before its init", 7, 0);
	ledger_void(l, 9);
	ledger_void(l, 10);
	ledger_void(l, 11);		/* unknown */
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_ack(l, 9, 1, 6, 0);	/* late */
	ledger_expire(l, 10000);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(only_the_older_starts_of_one_worker_are_dropped)
{
	struct ledger *l = make(10000, 0);
	const struct ledger_owner owners[] = { { 4, 1 }, { 4, 2 }, { 4, 3 }, { 5, 1 } };

	for (uint64_t root = 1; root <= 400; root++)
		ledger_init(l, root, 1, owners[root % 4], 0);
	fail_root(l, 500, "no owner yet", 7, 0);
	ledger_drop_older(l, 4, 3);
	check_none();
	ck_assert_uint_eq(ledger_size(l), 201);
	for (uint64_t root = 1; root <= 400; root++) {
		ledger_ack(l, root, 1, 6, 0);
		ck_assert_uint_eq(n_verdicts, root % 4 >= 2);
		n_verdicts = 0;
	}
	ledger_init(l, 500, 1, owners[0], 0);
	ck_assert_str_eq(check_one(LEDGER_FAILED, 500)->why, "no owner yet");
	ledger_free(l);
}
END_TEST

/* ---- Runs ---- */

START_TEST(the_verdicts_of_a_run_come_in_the_order_of_its_roots)
{
	struct ledger *l = make(10000, 0);
	uint64_t values[100];

	for (uint64_t i = 0; i < 100; i++)
		values[i] = i % 10 ? random_mix(i) : 0;	/* every tenth has no subscriber */
	ledger_init_run(l, 1000, 100, values, spout, 0);
	ck_assert_uint_eq(n_verdicts, 10);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert_uint_eq(verdicts[i].outcome.root, 1000 + i * 10);
	n_verdicts = 0;
	ledger_ack_run(l, 1000, 100, values, 6, 0);
	ck_assert_uint_eq(n_verdicts, 90);
	for (uint32_t i = 1; i < 90; i++)
		ck_assert_uint_gt(verdicts[i].outcome.root, verdicts[i - 1].outcome.root);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(a_run_may_end_at_the_last_root)
{
	struct ledger *l = make(10000, 0);
	uint64_t values[3] = { 1, 2, 3 };

	ledger_init_run(l, UINT64_MAX - 2, 3, values, spout, 0);
	ledger_ack_run(l, UINT64_MAX - 2, 3, values, 6, 0);
	ck_assert_uint_eq(n_verdicts, 3);
	ck_assert_uint_eq(verdicts[2].outcome.root, UINT64_MAX);
	ledger_free(l);
}
END_TEST

static void check_equal(const struct ledger_outcome *a, const struct ledger_outcome *b)
{
	ck_assert_int_eq(a->verdict, b->verdict);
	ck_assert_uint_eq(a->root, b->root);
	ck_assert_uint_eq(a->owner.worker, b->owner.worker);
	ck_assert_uint_eq(a->owner.start, b->owner.start);
	ck_assert_uint_eq(a->last_task, b->last_task);
	ck_assert_uint_eq(a->age_ms, b->age_ms);
	ck_assert_uint_eq(a->silent_ms, b->silent_ms);
}

START_TEST(a_run_says_what_its_records_would_one_by_one)
{
	enum { ROOTS = 60, STEPS = 40 };
	static struct verdict expected[MAX_VERDICTS];
	static uint64_t values[STEPS][ROOTS];
	uint64_t state = seed + (uint64_t)_i;
	uint32_t n_expected = 0;

	for (int in_runs = 0; in_runs < 2; in_runs++) {
		struct ledger *l = make(10000, 0);
		uint64_t rng = state;

		for (uint32_t step = 0; step < STEPS; step++) {
			uint64_t first = 77 + pick(&rng, ROOTS);
			uint32_t n = pick(&rng, ROOTS), task = pick(&rng, 5);

			for (uint32_t i = 0; i < n; i++)
				values[step][i] = pick(&rng, 3);
			if (in_runs && step % 3 == 0)
				ledger_init_run(l, first, n, values[step], spout, step);
			else if (in_runs)
				ledger_ack_run(l, first, n, values[step], task, step);
			for (uint32_t i = 0; !in_runs && i < n; i++) {
				if (step % 3 == 0)
					ledger_init(l, first + i, values[step][i], spout, step);
				else
					ledger_ack(l, first + i, values[step][i], task, step);
			}
		}
		ledger_expire(l, 10050);
		ledger_free(l);
		if (in_runs) {
			ck_assert_uint_eq(n_verdicts, n_expected);
			for (uint32_t i = 0; i < n_verdicts; i++)
				check_equal(&verdicts[i].outcome, &expected[i].outcome);
		}
		n_expected = n_verdicts;
		memcpy(expected, verdicts, sizeof verdicts);
	}
	ck_assert_uint_gt(n_expected, 10);
}
END_TEST

/* ---- The book itself ---- */

static uint64_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

START_TEST(memory_comes_back_after_a_burst)
{
	struct ledger *l = make(10000, 0);
	uint64_t before = heap_bytes();

	for (uint64_t root = 1; root <= 200000; root++)
		ledger_init(l, root, 1, spout, 0);
	for (uint64_t root = 1; root <= 200000; root++)
		if (root % 1000)
			ledger_void(l, root);
	ledger_expire(l, 9999);
	ck_assert_uint_eq(ledger_size(l), 200);
	ck_assert_uint_le(heap_bytes(), before + 256 * 1024);
	for (uint64_t root = 1000; root <= 200000; root += 1000)
		ledger_ack(l, root, 1, 6, 0);
	ck_assert_uint_eq(n_verdicts, 200);
	ck_assert_uint_eq(ledger_size(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(an_empty_book_asks_for_a_walk_only_to_give_memory_back)
{
	struct ledger *l = make(10000, 0);

	ck_assert_uint_eq(ledger_expiry_interval(l), 0);
	for (uint64_t root = 1; root <= 100000; root++)
		ledger_init(l, root, 1, spout, 0);
	ck_assert_uint_eq(ledger_expiry_interval(l), 500);
	for (uint64_t root = 1; root <= 100000; root++)
		ledger_void(l, root);
	ck_assert_uint_eq(ledger_expiry_interval(l), 500);
	ledger_expire(l, 1);
	ck_assert_uint_eq(ledger_expiry_interval(l), 0);
	ledger_free(l);
}
END_TEST

START_TEST(the_interval_is_a_twentieth_of_the_shortest_time)
{
	static const struct {
		uint64_t timeout_ms, progress_ms, interval_ms;
	} cases[] = {
		{ 30000, 0, 1500 }, { 30000, 10000, 500 }, { 10000, 30000, 500 },
		{ 600000, 0, 3000 }, { 0, 600000, 3000 }, { 0, 0, 3000 },
		{ 1000, 0, 50 }, { 5, 0, 1 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ledger *l = make(cases[i].timeout_ms, cases[i].progress_ms);

		ledger_ack(l, 9, 1, 6, 0);
		ck_assert_uint_eq(ledger_expiry_interval(l), cases[i].interval_ms);
		ledger_free(l);
	}
}
END_TEST

START_TEST(a_book_with_kept_reasons_is_freed_whole)
{
	struct ledger *l = make(10000, 0);

	fail_root(l, 9, "nobody ever asked", 7, 0);
	ledger_init(l, 10, 1, spout, 0);
	ledger_free(l);
	ledger_free(NULL);
}
END_TEST

static struct ledger *nested;

static void call_back(void *arg, const struct ledger_outcome *outcome)
{
	(void)arg;
	ck_assert_uint_eq(ledger_size(nested), 0);	/* this is allowed */
	ledger_void(nested, outcome->root + 1);
}

static void use_root_0(void)
{
	ledger_ack(make(0, 0), 0, 1, 6, 0);
}

START_TEST(calling_the_ledger_from_its_callback_is_a_bug)
{
	nested = ledger_new(0, 0, call_back, NULL);
	ledger_init(nested, 9, 0, spout, 0);
}
END_TEST

START_TEST(root_0_is_a_bug) { use_root_0(); } END_TEST

/* ---- Storm's vectors: TopologyIntegrationTest.java, the trees at the level of the book ---- */

static struct ledger *book;
static uint64_t next_edge, next_root, clock_ms;

static void start_storm(uint64_t timeout_ms)
{
	book = make(timeout_ms, 0);
	next_edge = seed;
	next_root = 1000;
	clock_ms = 0;
}

static uint64_t new_edge(void)
{
	return random_mix(next_edge++);
}

/* A spout emits to N bolts. Spouts are told apart by their worker. */
static uint64_t feed(uint32_t worker, struct fake_tuple *copies, uint32_t n)
{
	uint64_t root = next_root++, value = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t edge = new_edge();

		copies[i] = (struct fake_tuple){ 0 };
		fake_carry(&copies[i], root, edge);
		value ^= edge;
	}
	ledger_init(book, root, value, (struct ledger_owner){ worker, 1 }, clock_ms);
	return root;
}

static struct fake_tuple emit(struct fake_tuple **anchors, uint32_t n)
{
	struct fake_tuple t = { 0 };

	for (uint32_t i = 0; i < n; i++)
		fake_anchor(&t, anchors[i], new_edge());
	return t;
}

static void ack(struct fake_tuple *t, uint32_t task)
{
	for (uint32_t i = 0; i < t->n_roots; i++)
		ledger_ack(book, t->root[i], fake_ack_value(t, i), task, clock_ms);
}

/* How many messages of the spout WORKER were acked since the last time it was asked. */
static uint32_t acks_of(uint32_t worker)
{
	uint32_t n = 0, kept = 0;

	for (uint32_t i = 0; i < n_verdicts; i++) {
		ck_assert_int_eq(verdicts[i].outcome.verdict, LEDGER_ACKED);
		if (verdicts[i].outcome.owner.worker == worker)
			n++;
		else
			verdicts[kept++] = verdicts[i];
	}
	n_verdicts = kept;
	return n;
}

/* AggBolt(N): keeps N inputs, then emits one tuple anchored to all and acks them. */
struct aggregate {
	uint32_t want, n;
	struct fake_tuple held[8];
};

static int aggregate(struct aggregate *a, const struct fake_tuple *input, struct fake_tuple *out)
{
	struct fake_tuple *anchors[8];

	a->held[a->n++] = *input;
	if (a->n < a->want)
		return 0;
	for (uint32_t i = 0; i < a->n; i++)
		anchors[i] = &a->held[i];
	*out = emit(anchors, a->n);
	for (uint32_t i = 0; i < a->n; i++)
		ack(&a->held[i], 7);
	a->n = 0;
	return 1;
}

/* BranchingBolt(N): N tuples for one. */
static void branch(struct fake_tuple *input, struct fake_tuple *out, uint32_t n, uint32_t task)
{
	struct fake_tuple *anchors[] = { input };

	for (uint32_t i = 0; i < n; i++)
		out[i] = emit(anchors, 1);
	ack(input, task);
}

static struct aggregate join;

/* spout k -> BranchingBolt(2, 4, 1) -> AggBolt(3) -> BranchingBolt(2) -> AckBolt */
static void feed_through(uint32_t k)
{
	static const uint32_t branches[] = { 0, 2, 4, 1 };
	struct fake_tuple input, branched[4], joined, last[2];

	feed(k, &input, 1);
	branch(&input, branched, branches[k], 3 + k);
	for (uint32_t i = 0; i < branches[k]; i++) {
		if (!aggregate(&join, &branched[i], &joined))
			continue;
		branch(&joined, last, 2, 8);
		ack(&last[0], 9);
		ack(&last[1], 9);
	}
}

START_TEST(storm_acking_branches_and_aggregates)
{
	start_storm(30000);
	join = (struct aggregate){ .want = 3 };
	feed_through(1);
	ck_assert_uint_eq(acks_of(1), 0);
	feed_through(2);
	ck_assert_uint_eq(acks_of(1), 1);
	ck_assert_uint_eq(acks_of(2), 1);
	feed_through(1);
	ck_assert_uint_eq(acks_of(1), 0);
	feed_through(1);
	ck_assert_uint_eq(acks_of(1), 1);
	feed_through(3);
	ck_assert_uint_eq(acks_of(1), 0);
	ck_assert_uint_eq(acks_of(3), 0);
	feed_through(2);
	ck_assert_uint_eq(acks_of(1), 1);
	ck_assert_uint_eq(acks_of(2), 1);
	ck_assert_uint_eq(acks_of(3), 1);
	feed_through(1);
	feed_through(2);
	ck_assert_uint_eq(acks_of(1), 1);
	ck_assert_uint_eq(acks_of(2), 1);
	feed_through(3);
	ck_assert_uint_eq(acks_of(3), 0);
	ck_assert_uint_eq(ledger_size(book), 1);
	ledger_free(book);
}
END_TEST

START_TEST(storm_ack_branching_diamond)
{
	static struct aggregate diamond;
	struct fake_tuple copies[2], sent, joined;

	start_storm(30000);
	diamond = (struct aggregate){ .want = 4 };
	for (uint32_t round = 0; round < 2; round++) {
		feed(1, copies, 2);
		for (uint32_t path = 0; path < 2; path++) {
			branch(&copies[path], &sent, 1, 2 + path);
			if (aggregate(&diamond, &sent, &joined))
				ack(&joined, 4);
		}
		ck_assert_uint_eq(acks_of(1), round == 0 ? 0 : 2);
	}
	ledger_free(book);
}
END_TEST

START_TEST(storm_acking_self_anchor)
{
	start_storm(30000);
	for (uint32_t round = 0; round < 4; round++) {
		struct fake_tuple input, out, *twice[] = { &input, &input };

		feed(1, &input, 1);
		out = emit(twice, 2);
		ack(&input, 2);
		ck_assert_uint_eq(acks_of(1), 0);
		ack(&out, 3);
		ck_assert_uint_eq(acks_of(1), 1);
	}
	ledger_free(book);
}
END_TEST

START_TEST(storm_aggregation_of_three_inputs_acks_all_three)
{
	static struct aggregate three;
	struct fake_tuple input, joined;

	start_storm(30000);
	three = (struct aggregate){ .want = 3 };
	for (uint32_t k = 1; k <= 3; k++) {
		feed(k, &input, 1);
		ck_assert_int_eq(aggregate(&three, &input, &joined), k == 3);
		ck_assert_uint_eq(n_verdicts, 0);
	}
	ck_assert_uint_eq(joined.n_roots, 3);
	ack(&joined, 9);
	for (uint32_t k = 1; k <= 3; k++)
		ck_assert_uint_eq(acks_of(k), 1);
	ledger_free(book);
}
END_TEST

/* Moves the clock as an acker's loop does: a walk at every interval. */
static void advance(uint64_t ms)
{
	uint64_t end = clock_ms + ms;

	while (clock_ms < end) {
		uint64_t step = ledger_expiry_interval(book);

		clock_ms += step && step < end - clock_ms ? step : end - clock_ms;
		ledger_expire(book, clock_ms);
	}
}

/* A bolt acks every other tuple. */
START_TEST(storm_timeout_fails_exactly_what_was_not_acked)
{
	bool timed_out[8] = { false };
	uint64_t first;

	start_storm(10000);
	advance(11000);
	first = next_root;
	for (uint32_t i = 0; i < 8; i++) {
		struct fake_tuple input;

		feed(1, &input, 1);
		if (i % 2 == 0)
			ack(&input, 2);
	}
	ck_assert_uint_eq(acks_of(1), 4);
	advance(9000);
	check_none();
	advance(3000);
	ck_assert_uint_eq(n_verdicts, 4);
	for (uint32_t i = 0; i < 4; i++) {
		ck_assert_int_eq(verdicts[i].outcome.verdict, LEDGER_TIMED_OUT);
		ck_assert(!timed_out[verdicts[i].outcome.root - first]);
		timed_out[verdicts[i].outcome.root - first] = true;
	}
	for (uint32_t i = 0; i < 8; i++)
		ck_assert_int_eq(timed_out[i], i % 2 == 1);
	n_verdicts = 0;
	advance(60000);
	check_none();
	ledger_free(book);
}
END_TEST

START_TEST(storm_reset_timeout_saves_what_was_reset)
{
	struct fake_tuple kept, lost;
	uint64_t kept_root, lost_root;

	start_storm(10000);
	advance(11000);
	kept_root = feed(1, &kept, 1);
	lost_root = feed(1, &lost, 1);
	advance(9000);
	ledger_reset(book, kept_root, 2, clock_ms);
	check_one(LEDGER_EXTENDED, kept_root);
	advance(9000);
	check_one(LEDGER_TIMED_OUT, lost_root);
	ack(&kept, 2);
	check_one(LEDGER_ACKED, kept_root);
	advance(60000);
	check_none();
	ledger_free(book);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("rules");
	TCase *storm = tcase_create("storm");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, a_tree_is_acked_when_its_last_edge_is);
	tcase_add_test(tcase, ack_that_overtakes_its_init_waits_for_it);
	tcase_add_test(tcase, an_entry_that_reads_zero_without_init_stays_open);
	tcase_add_test(tcase, init_with_value_0_completes_at_once);
	tcase_add_loop_test(tcase, the_records_of_a_tree_may_come_in_any_order, 0, 24);
	tcase_add_test(tcase, a_second_init_is_ignored);
	tcase_add_test(tcase, an_ack_of_value_0_makes_no_entry);
	tcase_add_test(tcase, two_owners_with_equal_edges_and_neighbouring_roots_are_kept_apart);
	tcase_add_test(tcase, a_fail_is_reported_at_once_with_its_reason);
	tcase_add_test(tcase, a_fail_that_overtakes_the_init_is_kept_for_it);
	tcase_add_test(tcase, the_first_reason_wins);
	tcase_add_test(tcase, a_failed_tree_is_not_acked_even_if_all_its_records_come);
	tcase_add_test(tcase, an_empty_reason_is_a_reason);
	tcase_add_test(tcase, late_records_of_a_finished_tree_harm_nothing);
	tcase_add_test(tcase, a_tree_times_out_at_its_age);
	tcase_add_test(tcase, age_counts_from_the_first_record_not_from_the_init);
	tcase_add_loop_test(tcase, expiry_is_never_early_and_at_most_10_percent_late, 0, 6);
	tcase_add_test(tcase, a_silent_tree_has_no_progress);
	tcase_add_test(tcase, progress_does_not_save_from_age);
	tcase_add_test(tcase, progress_works_without_a_timeout);
	tcase_add_test(tcase, without_timeouts_a_tree_lives_for_ever);
	tcase_add_test(tcase, a_deadline_before_the_birth_ends_nothing);
	tcase_add_test(tcase, a_reset_extends_the_timeout_and_tells_the_owner);
	tcase_add_test(tcase, a_look_tells_of_an_open_tree_and_changes_nothing);
	tcase_add_test(tcase, a_reset_is_progress);
	tcase_add_test(tcase, a_reset_that_overtakes_the_init_is_told_with_it);
	tcase_add_test(tcase, a_reset_of_a_tree_that_its_init_completes_is_not_told);
	tcase_add_loop_test(tcase, an_entry_without_init_is_dropped_without_a_word, 0, 4);
	tcase_add_test(tcase, silence_does_not_end_an_entry_that_waits_for_its_init);
	tcase_add_test(tcase, a_voided_root_is_forgotten_without_a_verdict);
	tcase_add_test(tcase, only_the_older_starts_of_one_worker_are_dropped);
	tcase_add_test(tcase, the_verdicts_of_a_run_come_in_the_order_of_its_roots);
	tcase_add_test(tcase, a_run_may_end_at_the_last_root);
	tcase_add_loop_test(tcase, a_run_says_what_its_records_would_one_by_one, 0, 10);
	tcase_add_test(tcase, memory_comes_back_after_a_burst);
	tcase_add_test(tcase, an_empty_book_asks_for_a_walk_only_to_give_memory_back);
	tcase_add_test(tcase, the_interval_is_a_twentieth_of_the_shortest_time);
	tcase_add_test(tcase, a_book_with_kept_reasons_is_freed_whole);
	if (srunner_fork_status(runner) == CK_FORK) {
		tcase_add_test_raise_signal(tcase, calling_the_ledger_from_its_callback_is_a_bug,
		    SIGABRT);
		tcase_add_test_raise_signal(tcase, root_0_is_a_bug, SIGABRT);
	}
	tcase_add_test(storm, storm_acking_branches_and_aggregates);
	tcase_add_test(storm, storm_ack_branching_diamond);
	tcase_add_test(storm, storm_acking_self_anchor);
	tcase_add_test(storm, storm_aggregation_of_three_inputs_acks_all_three);
	tcase_add_test(storm, storm_timeout_fails_exactly_what_was_not_acked);
	tcase_add_test(storm, storm_reset_timeout_saves_what_was_reset);
	suite_add_tcase(suite, tcase);
	suite_add_tcase(suite, storm);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
