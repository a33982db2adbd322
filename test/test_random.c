/* test_random.c - ids that don't repeat and don't cancel. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>

#include "memory.h"
#include "random.h"
#include "seed.h"

static uint64_t seed;

/* random_mix, backwards: that there is such a function proves that no two ids are equal. */
static uint64_t unmix(uint64_t x)
{
	x ^= x >> 31 ^ x >> 62;
	x *= 0x319642b2d24d8ec3u;	/* 1 / 0x94d049bb133111eb modulo 2^64 */
	x ^= x >> 27 ^ x >> 54;
	x *= 0x96de1b173f119089u;	/* 1 / 0xbf58476d1ce4e5b9 */
	x ^= x >> 30 ^ x >> 60;
	return x - 0x9e3779b97f4a7c15u;
}

START_TEST(the_mixer_is_a_bijection)
{
	uint64_t state = seed;

	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t x = i & 1 ? random_next(&state) : i;

		ck_assert_uint_eq(unmix(random_mix(x)), x);
	}
}
END_TEST

START_TEST(every_input_bit_moves_every_output_bit)
{
	enum { SAMPLES = 4096 };
	static uint32_t flips[64][64];
	uint64_t state = seed;

	for (int sample = 0; sample < SAMPLES; sample++) {
		uint64_t x = random_next(&state), y = random_mix(x);

		for (int in = 0; in < 64; in++) {
			uint64_t changed = y ^ random_mix(x ^ 1ull << in);

			for (int out = 0; out < 64; out++)
				flips[in][out] += (uint32_t)(changed >> out & 1);
		}
	}
	/* One half; 0.06 is 7.7 standard deviations. */
	for (int in = 0; in < 64; in++)
		for (int out = 0; out < 64; out++)
			ck_assert_double_eq_tol(flips[in][out] / (double)SAMPLES, 0.5, 0.06);
}
END_TEST

START_TEST(the_generator_is_splitmix64)
{
	static const uint64_t of_0[] = {
		0xe220a8397b1dcdafu, 0x6e789e6aa1b965f4u, 0x06c45d188009454fu,
	};
	static const uint64_t of_1234567[] = {
		6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
		4593380528125082431u, 16408922859458223821u,
	};
	uint64_t state = 0;

	for (size_t i = 0; i < sizeof of_0 / sizeof of_0[0]; i++)
		ck_assert_uint_eq(random_next(&state), of_0[i]);
	state = 1234567;
	for (size_t i = 0; i < sizeof of_1234567 / sizeof of_1234567[0]; i++)
		ck_assert_uint_eq(random_next(&state), of_1234567[i]);
}
END_TEST

START_TEST(seeds_differ)
{
	uint64_t a = random_seed(), b = random_seed();

	ck_assert_uint_ne(a, b);
}
END_TEST

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The size of the smallest subset of at most four of IDS that XORs to zero; 0 = there is
 * none. Meet in the middle: two equal pairs are a subset of four; a pair that equals an id
 * is one of three, a pair of zero one of two. */
static uint32_t smallest_that_cancels(const uint64_t *ids, uint32_t n)
{
	size_t n_pairs = 0;
	uint64_t *pairs = xmalloc((size_t)n * (n - 1) / 2 * sizeof *pairs);
	uint32_t smallest = 5;

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < i; j++)
			pairs[n_pairs++] = ids[i] ^ ids[j];
	qsort(pairs, n_pairs, sizeof *pairs, compare);
	for (size_t k = 1; k < n_pairs; k++)
		if (pairs[k] == pairs[k - 1] && smallest > 4)
			smallest = 4;
	for (uint32_t i = 0; i < n; i++)
		if (bsearch(&ids[i], pairs, n_pairs, sizeof *pairs, compare) && smallest > 3)
			smallest = 3;
	if (n_pairs > 0 && pairs[0] == 0)
		smallest = 2;
	for (uint32_t i = 0; i < n; i++)
		if (ids[i] == 0)
			smallest = 1;
	free(pairs);
	return smallest < 5 ? smallest : 0;
}

enum { N_IDS = 2000 };

/* Ways to make edge ids from a base and an index. Only the first is ours. */
static uint64_t mixed(uint64_t base, uint64_t i) { return random_mix(base + i); }
static uint64_t sum(uint64_t base, uint64_t i) { return base + i; }
static uint64_t xor(uint64_t base, uint64_t i) { return base ^ i; }
static uint64_t times(uint64_t base, uint64_t i) { return (base + i) * 0x9e3779b97f4a7c15u; }

static uint32_t try(uint64_t (*make)(uint64_t base, uint64_t i), uint64_t base)
{
	static uint64_t ids[N_IDS];

	for (uint32_t i = 0; i < N_IDS; i++)
		ids[i] = make(base, i);
	return smallest_that_cancels(ids, N_IDS);
}

START_TEST(no_four_of_2000_mixed_ids_cancel)
{
	uint64_t state = seed;

	ck_assert_uint_eq(try(mixed, 0), 0);
	ck_assert_uint_eq(try(mixed, random_next(&state)), 0);
	ck_assert_uint_eq(try(mixed, random_next(&state)), 0);
}
END_TEST

/* The mistake that rule A1 forbids. */
START_TEST(plain_base_and_index_cancel_and_are_caught)
{
	uint64_t base = random_mix(seed);

	ck_assert_uint_eq(0 ^ 1 ^ 2 ^ 3, 0);
	ck_assert_uint_eq(xor(base, 0) ^ xor(base, 1) ^ xor(base, 2) ^ xor(base, 3), 0);
	base &= ~3ull;
	ck_assert_uint_eq(sum(base, 0) ^ sum(base, 1) ^ sum(base, 2) ^ sum(base, 3), 0);

	base = random_mix(seed) | 1;
	ck_assert_uint_eq(try(sum, base), 4);
	ck_assert_uint_eq(try(xor, base), 4);
	ck_assert_uint_eq(try(sum, 0), 1);		/* 0 itself */
	ck_assert_uint_eq(try(sum, 1), 3);		/* 1 ^ 2 ^ 3 */
	/* One multiplication is no mixer; for some bases its ids happen not to cancel. */
	ck_assert_uint_ne(try(times, 1), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("random");
	TCase *tcase = tcase_create("random");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(tcase, 600);
	tcase_add_test(tcase, the_mixer_is_a_bijection);
	tcase_add_test(tcase, every_input_bit_moves_every_output_bit);
	tcase_add_test(tcase, the_generator_is_splitmix64);
	tcase_add_test(tcase, seeds_differ);
	tcase_add_test(tcase, no_four_of_2000_mixed_ids_cancel);
	tcase_add_test(tcase, plain_base_and_index_cancel_and_are_caught);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
