/* test_hist.c - histograms of durations. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "hist.h"
#include "seed.h"

enum { N_VALUES = 20000 };

static uint64_t seed;

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The value that Q of the N sorted VALUES do not exceed. */
static uint64_t exact(const uint64_t *values, size_t n, double q)
{
	size_t rank = 1;

	while (rank < n && (double)rank < q * (double)n)
		rank++;
	return values[rank - 1];
}

/* From 1 ns to 2^40 ns, every power of two as likely as any other. */
static uint64_t duration(uint64_t *state)
{
	uint64_t bits = 1ull << pick(state, 40);

	return bits | (random_next(state) & (bits - 1));
}

START_TEST(quantiles_are_within_3_2_percent)
{
	static const double quantiles[] = {
		0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1,
	};
	static uint64_t values[N_VALUES];
	static struct hist h;
	uint64_t state = seed + (uint64_t)_i;

	h = (struct hist){ 0 };
	for (size_t i = 0; i < N_VALUES; i++) {
		values[i] = duration(&state);
		hist_add(&h, values[i], 1);
	}
	qsort(values, N_VALUES, sizeof values[0], compare);
	for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
		uint64_t want = exact(values, N_VALUES, quantiles[i]);
		uint64_t got = hist_quantile(&h, quantiles[i]);

		ck_assert_uint_ge(got, want);
		ck_assert_double_le((double)got, (double)want * 1.032);
	}
}
END_TEST

START_TEST(the_edge_of_every_bucket_is_within_3_2_percent)
{
	static struct hist h;

	for (uint64_t power = 1; power < 1ull << HIST_MAX_LOG2; power *= 2) {
		for (uint64_t value = power - 1; value <= power + 1; value++) {
			uint64_t got;

			h = (struct hist){ 0 };
			hist_add(&h, value, 1);
			hist_add(&h, 1ull << 50, 1);	/* so that max does not help */
			got = hist_quantile(&h, 0.5);
			ck_assert_uint_ge(got, value);
			ck_assert_double_le((double)got, (double)value * 1.032);
		}
	}
}
END_TEST

START_TEST(buckets_follow_each_other_without_gap)
{
	static struct hist h;
	uint32_t last = 0;

	for (uint64_t value = 0; value < 100000; value++) {
		uint32_t i = last;

		h.count[last] = 0;
		hist_add(&h, value, 1);
		while (h.count[i] == 0)
			i++;
		ck_assert_uint_le(i, last + 1);
		last = i;
	}
}
END_TEST

START_TEST(small_values_are_exact)
{
	for (uint64_t value = 0; value < 2 * HIST_PARTS; value++) {
		static struct hist h;

		h = (struct hist){ 0 };
		hist_add(&h, value, 3);
		hist_add(&h, 1000000, 1);
		ck_assert_uint_eq(hist_quantile(&h, 0.75), value);
	}
}
END_TEST

START_TEST(a_merge_is_the_histogram_of_both)
{
	static struct hist a, b, both;
	uint64_t state = seed;

	for (int i = 0; i < N_VALUES; i++) {
		uint64_t value = duration(&state), times = pick(&state, 4);

		hist_add(pick(&state, 2) ? &a : &b, value, times);
		hist_add(&both, value, times);
	}
	hist_merge(&a, &b);
	ck_assert_mem_eq(&a, &both, sizeof a);
}
END_TEST

START_TEST(an_empty_histogram_says_0)
{
	static const struct hist empty;
	static struct hist h;

	ck_assert_uint_eq(hist_quantile(&empty, 0), 0);
	ck_assert_uint_eq(hist_quantile(&empty, 0.5), 0);
	ck_assert_uint_eq(hist_quantile(&empty, 1), 0);
	hist_add(&h, 77, 5);
	hist_merge(&h, &empty);
	ck_assert_uint_eq(h.n, 5);
	ck_assert_uint_eq(h.sum_ns, 5 * 77);
}
END_TEST

START_TEST(a_single_value_is_exact_at_every_quantile)
{
	static struct hist h;

	hist_add(&h, 123456789, 1000);
	ck_assert_uint_eq(hist_quantile(&h, 0), 123456789);
	ck_assert_uint_eq(hist_quantile(&h, 0.5), 123456789);
	ck_assert_uint_eq(hist_quantile(&h, 1), 123456789);
	ck_assert_uint_eq(h.max_ns, 123456789);
}
END_TEST

START_TEST(what_is_too_long_counts_in_the_last_bucket)
{
	static struct hist h;

	hist_add(&h, (1ull << HIST_MAX_LOG2) - 1, 1);
	hist_add(&h, 1ull << HIST_MAX_LOG2, 1);
	hist_add(&h, UINT64_MAX, 1);
	ck_assert_uint_eq(h.count[HIST_BUCKETS - 1], 3);
	ck_assert_uint_eq(h.n, 3);
	ck_assert_uint_eq(hist_quantile(&h, 0.99), UINT64_MAX);
}
END_TEST

START_TEST(a_reader_who_sees_half_an_update_gets_a_value_that_was_counted)
{
	static struct hist h;

	hist_add(&h, 1000, 10);
	h.n += 1;			/* as if the count were yet to come */
	ck_assert_uint_eq(hist_quantile(&h, 1), 1000);
	h.n -= 2;
	ck_assert_uint_eq(hist_quantile(&h, 1), 1000);
	ck_assert_uint_eq(hist_quantile(&h, -1), 1000);
	ck_assert_uint_eq(hist_quantile(&h, 2), 1000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hist");
	TCase *tcase = tcase_create("hist");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, quantiles_are_within_3_2_percent, 0, 5);
	tcase_add_test(tcase, the_edge_of_every_bucket_is_within_3_2_percent);
	tcase_add_test(tcase, buckets_follow_each_other_without_gap);
	tcase_add_test(tcase, small_values_are_exact);
	tcase_add_test(tcase, a_merge_is_the_histogram_of_both);
	tcase_add_test(tcase, an_empty_histogram_says_0);
	tcase_add_test(tcase, a_single_value_is_exact_at_every_quantile);
	tcase_add_test(tcase, what_is_too_long_counts_in_the_last_bucket);
	tcase_add_test(tcase, a_reader_who_sees_half_an_update_gets_a_value_that_was_counted);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
