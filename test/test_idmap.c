/* test_idmap.c - ids to numbers. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "idmap.h"
#include "seed.h"

static uint64_t seed;

/* Every id is found from its home on without crossing a free slot; n is right; the load
 * is at most one half. */
static void check_invariants(const struct idmap *m)
{
	size_t n = 0;

	for (size_t i = 0; i <= m->mask; i++) {
		uint64_t id = m->slots[i].id;

		if (id == 0)
			continue;
		n++;
		for (size_t j = idmap_home(m, id); j != i; j = (j + IDMAP_STEP) & m->mask)
			ck_assert(m->slots[j].id != 0 && m->slots[j].id != id);
	}
	ck_assert_uint_eq(n, m->n);
	ck_assert(n * 2 <= m->mask + 1);
}

/* The shapes of ids that occur, and some that should not hurt either. */
static uint64_t sequential(uint64_t i) { return 0x5555555555550000u + i; }
static uint64_t even(uint64_t i) { return (i + 1) * 2; }
static uint64_t same_column(uint64_t i) { return (i + 1) * 16; }
static uint64_t several_runs(uint64_t i) { return random_mix(i % 7) + i / 7; }
static uint64_t mixed(uint64_t i) { return random_mix(i + 1); }
static uint64_t upper_half(uint64_t i) { return (i + 1) << 32; }
static uint64_t wrapping(uint64_t i) { return i < 1000 ? UINT64_MAX - i : i; }

static uint64_t (*const shapes[])(uint64_t i) = {
	sequential, even, same_column, several_runs, mixed, upper_half, wrapping,
};

enum { N_SHAPES = sizeof shapes / sizeof shapes[0], UNIVERSE = 3000, N_OPS = 30000 };

/* The oracle is an array: number of the id made from i, or IDMAP_NONE. */
START_TEST(any_sequence_of_operations_agrees_with_an_array)
{
	static uint32_t oracle[UNIVERSE];
	uint64_t state = seed + (uint64_t)_i;
	uint32_t n = 0, bias = 50;
	struct idmap m;

	idmap_init(&m);
	memset(oracle, 0xFF, sizeof oracle);
	for (uint32_t op = 0; op < N_OPS; op++) {
		uint32_t i = pick(&state, UNIVERSE), value = pick(&state, 1000000);
		uint64_t id = shapes[_i](i);

		if (op % 5000 == 0) {
			check_invariants(&m);
			bias = 10 + pick(&state, 80);	/* now it fills, now it empties */
		}
		ck_assert_uint_eq(idmap_get(&m, id), oracle[i]);
		if (pick(&state, 100) >= bias) {
			n -= oracle[i] != IDMAP_NONE;
			ck_assert_uint_eq(idmap_remove(&m, id), oracle[i]);
			oracle[i] = IDMAP_NONE;
		} else if (oracle[i] == IDMAP_NONE) {
			idmap_put(&m, id, value);
			oracle[i] = value;
			n++;
		} else {
			idmap_set(&m, id, value);
			oracle[i] = value;
		}
		ck_assert_uint_eq(m.n, n);
	}
	for (uint32_t i = 0; i < UNIVERSE; i++)
		ck_assert_uint_eq(idmap_get(&m, shapes[_i](i)), oracle[i]);
	check_invariants(&m);
	idmap_free(&m);
}
END_TEST

/* Six ids with the same home, removed in every order, their neighbours staying. */
START_TEST(a_cluster_survives_deletion_in_any_order)
{
	enum { N = 6, ORDERS = 720, BYSTANDERS = 16 };
	uint64_t ids[N], others[BYSTANDERS];
	uint32_t n = 0;
	struct idmap m;

	idmap_init(&m);
	for (uint64_t id = 1; n < N; id += 16)
		if (idmap_home(&m, id) == (uint32_t)_i)
			ids[n++] = id;
	for (uint32_t i = 0; i < BYSTANDERS; i++)
		others[i] = random_mix(i);
	for (uint32_t order = 0; order < ORDERS; order++) {
		uint64_t left[N];
		uint32_t code = order;

		for (uint32_t i = 0; i < N; i++)
			idmap_put(&m, ids[i], i);
		for (uint32_t i = 0; i < BYSTANDERS; i++)
			idmap_put(&m, others[i], 100 + i);
		memcpy(left, ids, sizeof ids);
		for (uint32_t n_left = N; n_left > 0; n_left--) {
			uint32_t k = code % n_left;

			code /= n_left;
			ck_assert_uint_ne(idmap_remove(&m, left[k]), IDMAP_NONE);
			ck_assert_uint_eq(idmap_remove(&m, left[k]), IDMAP_NONE);
			left[k] = left[n_left - 1];
			check_invariants(&m);
			for (uint32_t i = 0; i < n_left - 1; i++)
				ck_assert_uint_ne(idmap_get(&m, left[i]), IDMAP_NONE);
		}
		for (uint32_t i = 0; i < BYSTANDERS; i++)
			ck_assert_uint_eq(idmap_remove(&m, others[i]), 100 + i);
		ck_assert_uint_eq(m.n, 0);
	}
	idmap_free(&m);
}
END_TEST

START_TEST(a_run_of_ids_lies_in_lines_of_sixteen)
{
	struct idmap m;

	idmap_init(&m);
	for (uint64_t id = 0x1230; id < 0x1230 + 16; id++)
		ck_assert_uint_eq(idmap_home(&m, id), idmap_home(&m, 0x1230) + (id & 15));
	idmap_free(&m);
}
END_TEST

START_TEST(memory_comes_back_after_a_burst)
{
	struct idmap m;

	idmap_init(&m);
	for (uint64_t id = 1; id <= 100000; id++)
		idmap_put(&m, id, 0);
	ck_assert_uint_eq(m.mask + 1, 262144);
	for (uint64_t id = 1; id <= 100000; id++) {
		idmap_remove(&m, id);
		if (id % 100 == 0)
			ck_assert(m.mask < IDMAP_MIN_SLOTS || m.n * 16 >= m.mask);
	}
	ck_assert_uint_eq(m.mask + 1, IDMAP_MIN_SLOTS);
	idmap_free(&m);
}
END_TEST

START_TEST(a_number_that_swings_does_not_resize_the_table)
{
	struct idmap m;

	idmap_init(&m);
	for (uint64_t id = 1; id <= 2048; id++)
		idmap_put(&m, id, 0);
	for (uint32_t swing = 0; swing < 3; swing++) {
		for (uint64_t id = 501; id <= 2048; id++)
			idmap_remove(&m, id);
		ck_assert_uint_eq(m.mask + 1, 4096);
		for (uint64_t id = 501; id <= 2048; id++)
			idmap_put(&m, id, 0);
		ck_assert_uint_eq(m.mask + 1, 4096);
	}
	idmap_free(&m);
}
END_TEST

START_TEST(what_is_not_there_is_none)
{
	struct idmap m;

	idmap_init(&m);
	ck_assert_uint_eq(idmap_get(&m, 7), IDMAP_NONE);
	ck_assert_uint_eq(idmap_remove(&m, 7), IDMAP_NONE);
	ck_assert_uint_eq(idmap_get(&m, 0), IDMAP_NONE);
	ck_assert_uint_eq(idmap_remove(&m, 0), IDMAP_NONE);
	ck_assert_ptr_null(idmap_find(&m, 7));
	ck_assert_uint_eq(m.n, 0);
	idmap_free(&m);
}
END_TEST

static void put_zero(void)
{
	struct idmap m;

	idmap_init(&m);
	idmap_put(&m, 0, 1);
}

static void put_twice(void)
{
	struct idmap m;

	idmap_init(&m);
	idmap_put(&m, 5, 1);
	idmap_put(&m, 5, 2);
}

static void set_unknown(void)
{
	struct idmap m;

	idmap_init(&m);
	idmap_set(&m, 5, 1);
}

START_TEST(id_0_is_a_bug) { put_zero(); } END_TEST
START_TEST(a_second_put_is_a_bug) { put_twice(); } END_TEST
START_TEST(setting_what_is_not_there_is_a_bug) { set_unknown(); } END_TEST

int main(void)
{
	Suite *suite = suite_create("idmap");
	TCase *tcase = tcase_create("idmap");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, any_sequence_of_operations_agrees_with_an_array, 0, N_SHAPES);
	tcase_add_loop_test(tcase, a_cluster_survives_deletion_in_any_order, 1, 2);
	tcase_add_loop_test(tcase, a_cluster_survives_deletion_in_any_order, 49, 50);
	tcase_add_test(tcase, a_run_of_ids_lies_in_lines_of_sixteen);
	tcase_add_test(tcase, memory_comes_back_after_a_burst);
	tcase_add_test(tcase, a_number_that_swings_does_not_resize_the_table);
	tcase_add_test(tcase, what_is_not_there_is_none);
	if (srunner_fork_status(runner) == CK_FORK) {
		tcase_add_test_raise_signal(tcase, id_0_is_a_bug, SIGABRT);
		tcase_add_test_raise_signal(tcase, a_second_put_is_a_bug, SIGABRT);
		tcase_add_test_raise_signal(tcase, setting_what_is_not_there_is_a_bug, SIGABRT);
	}
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
