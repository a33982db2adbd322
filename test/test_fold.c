/* test_fold.c - records merged before they leave. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fold.h"
#include "memory.h"
#include "random.h"
#include "record.h"
#include "seed.h"
#include "wire.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { APART = 8 };	/* roots that one of many tasks sees */

static uint64_t seed;

/* ---- the oracle: a list of roots with their values ---- */

struct pair {
	uint64_t root, value;
};

struct map {
	struct pair *pairs;
	size_t n, cap;
};

static struct pair *find(struct map *m, uint64_t root)
{
	for (size_t i = m->n; i > 0; i--)
		if (m->pairs[i - 1].root == root)
			return &m->pairs[i - 1];
	m->pairs = xgrow(m->pairs, &m->cap, m->n + 1, sizeof *m->pairs);
	m->pairs[m->n] = (struct pair){ root, 0 };
	return &m->pairs[m->n++];
}

/* ---- reading what was written ---- */

enum { RUN = RECORD_ACK_RUN, LIST = RECORD_ACK_LIST };

struct counts {
	uint32_t runs, lists, entries;
};

/* take reads B's records into M and empties it. */
static struct counts take(struct buf *b, struct map *m)
{
	const uint8_t *at, *end;
	struct counts c = { 0 };
	struct record r;
	int more;

	if (b->n == 0)
		return c;
	at = (const uint8_t *)b->data;
	end = at + b->n;
	while ((more = record_next(&at, end, &r)) > 0) {
		ck_assert(r.type == RUN || r.type == LIST);
		c.runs += r.type == RUN;
		c.lists += r.type == LIST;
		c.entries += r.n;
		for (uint32_t i = 0; i < r.n; i++) {
			const uint8_t *p = r.body + (r.type == RUN ? 8 : 16) * (size_t)i;
			uint64_t root = r.type == RUN ? r.root + i : wire_get64(p);

			find(m, root)->value ^= wire_get64(r.type == RUN ? p : p + 8);
		}
	}
	ck_assert_int_eq(more, 0);
	b->n = 0;
	return c;
}

static struct counts write_all(struct fold *f, struct map *m)
{
	struct buf b = { 0 };
	struct counts c;

	fold_write(f, &b, SIZE_MAX, RUN, LIST);
	ck_assert_uint_eq(f->n, 0);
	c = take(&b, m);
	buf_free(&b);
	return c;
}

/* check_same: both maps say the same; a root that is missing counts as 0. */
static void check_same(struct map *a, struct map *b)
{
	for (size_t i = 0; i < a->n; i++)
		ck_assert_uint_eq(find(b, a->pairs[i].root)->value, a->pairs[i].value);
	for (size_t i = 0; i < b->n; i++)
		ck_assert_uint_eq(find(a, b->pairs[i].root)->value, b->pairs[i].value);
	free(a->pairs);
	free(b->pairs);
}

/* check_order: without some of optimisations.h there are fewer orders. */
static void check_order(const struct fold *f, enum fold_order order)
{
	ck_assert_int_eq(f->order, !OPTIMISE_MERGING ? FOLD_RUN : !OPTIMISE_FOLD_ORDER ? FOLD_SCATTERED : order);
}

/* ---- shapes ---- */

START_TEST(roots_in_sequence_become_one_run)
{
	struct map m = { 0 };
	struct counts c;
	struct fold f;

	fold_init(&f, false);
	for (uint64_t i = 0; i < 1000; i++)
		fold_xor(&f, 5000 + i, i);
	check_order(&f, FOLD_RUN);
	c = write_all(&f, &m);
	ck_assert_uint_eq(c.runs, OPTIMISE_RUNS);
	ck_assert_uint_eq(c.lists, !OPTIMISE_RUNS);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(find(&m, 5000 + i)->value, i);
	ck_assert_uint_eq(m.n, 1000);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

START_TEST(a_root_has_one_entry_however_often_it_is_folded)
{
	static const uint64_t roots[] = { 10, 11, 12, 99, 10, 11, 99, 12, 5 };
	struct map m = { 0 };
	struct counts c;
	struct fold f;

	fold_init(&f, false);
	for (uint64_t i = 0; i < 9; i++)
		fold_xor(&f, roots[i], (uint64_t)1 << i);
	ck_assert_uint_eq(f.n, OPTIMISE_MERGING ? 5 : 9);
	c = write_all(&f, &m);
	ck_assert_uint_eq(c.entries, OPTIMISE_MERGING ? 5 : 9);
	ck_assert_uint_eq(find(&m, 10)->value, 1 | 1 << 4);
	ck_assert_uint_eq(find(&m, 11)->value, 1 << 1 | 1 << 5);
	ck_assert_uint_eq(find(&m, 12)->value, 1 << 2 | 1 << 7);
	ck_assert_uint_eq(find(&m, 99)->value, 1 << 3 | 1 << 6);
	ck_assert_uint_eq(find(&m, 5)->value, 1 << 8);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

START_TEST(scattered_roots_become_a_list_and_runs_within_them_runs)
{
	struct map m = { 0 };
	struct counts c;
	struct fold f;

	fold_init(&f, false);
	fold_xor(&f, 77, 1);
	for (uint64_t i = 0; i < 10; i++)
		fold_xor(&f, 200 + i, i);
	fold_xor(&f, 5, 2);
	fold_xor(&f, 6, 3);		/* two in sequence are smaller in the list */
	fold_xor(&f, UINT64_MAX, 4);
	check_order(&f, FOLD_SCATTERED);
	c = write_all(&f, &m);
	ck_assert_uint_eq(c.runs, OPTIMISE_RUNS);
	ck_assert_uint_eq(c.lists, OPTIMISE_RUNS ? 2 : 1);
	ck_assert_uint_eq(c.entries, 14);
	ck_assert_uint_eq(find(&m, 209)->value, 9);
	ck_assert_uint_eq(find(&m, 6)->value, 3);
	ck_assert_uint_eq(find(&m, UINT64_MAX)->value, 4);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

START_TEST(roots_on_both_sides_of_the_wrap_are_no_run)
{
	struct map m = { 0 };
	struct fold f;

	fold_init(&f, _i);
	for (uint64_t root = UINT64_MAX - 9; root != 0; root++)
		fold_xor(&f, root, root);
	for (uint64_t root = 1; root < 10; root++)
		fold_xor(&f, root, root);
	fold_xor(&f, 500, 500);
	ck_assert_uint_eq(write_all(&f, &m).runs, OPTIMISE_RUNS ? 2 : 0);
	for (size_t i = 0; i < m.n; i++)
		ck_assert_uint_eq(m.pairs[i].value, m.pairs[i].root);
	ck_assert_uint_eq(m.n, 20);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

START_TEST(a_hole_does_not_break_a_run_of_acks_and_is_not_written)
{
	struct map m = { 0 };
	struct counts c;
	struct fold f;

	fold_init(&f, true);
	for (uint64_t i = 0; i < 1000; i++)
		if (i % 10 != 3)
			fold_xor(&f, 5000 + i, i + 1);
	fold_xor(&f, 5003, 0);
	check_order(&f, FOLD_RUN);
	c = write_all(&f, &m);
	ck_assert_uint_eq(c.entries, 900);
	ck_assert_uint_eq(m.n, 900);
	for (uint64_t i = 0; i < 1000; i++)
		if (i % 10 != 3)
			ck_assert_uint_eq(find(&m, 5000 + i)->value, i + 1);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

/* One of many tasks gets a word of every eighth line: holes are not kept, and nothing is hashed. */
START_TEST(roots_far_apart_stay_in_order)
{
	enum { N = 1000 };
	struct fold f;
	struct map m = { 0 };

	fold_init(&f, true);
	for (uint64_t i = 0; i < N; i++)
		fold_xor(&f, 50 + APART * i, 3);
	check_order(&f, FOLD_ASCENDING);
	ck_assert_uint_lt(f.n, N + 100);
	for (uint64_t i = 0; i < N; i++)
		fold_xor(&f, 50 + APART * i, 5);
	check_order(&f, FOLD_ASCENDING);
	fold_xor(&f, 50 + APART * (N / 2) + 1, 7);	/* between them */
	check_order(&f, FOLD_SCATTERED);
	fold_xor(&f, 50 + APART * (N / 2), 1);
	ck_assert_uint_eq(write_all(&f, &m).entries, OPTIMISE_MERGING ? N + 1 : 2 * N + 2);
	check_order(&f, FOLD_RUN);
	for (uint64_t i = 0; i < N; i++)
		ck_assert_uint_eq(find(&m, 50 + APART * i)->value, i == N / 2 ? 7 : 6);
	ck_assert_uint_eq(find(&m, 50 + APART * (N / 2) + 1)->value, 7);
	ck_assert_uint_eq(m.n, N + 1);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

START_TEST(an_init_of_value_0_is_written)
{
	struct map m = { 0 };
	struct counts c;
	struct fold f;

	fold_init(&f, false);
	for (uint64_t i = 0; i < 10; i++)
		fold_xor(&f, 5000 + 2 * i, 0);
	c = write_all(&f, &m);
	ck_assert_uint_eq(c.entries, 10);
	free(m.pairs);
	fold_free(&f);
}
END_TEST

START_TEST(an_empty_fold_writes_nothing)
{
	struct buf b = { 0 };
	struct fold f;

	fold_init(&f, false);
	fold_write(&f, &b, 1000, RUN, LIST);
	ck_assert_uint_eq(b.n, 0);
	fold_xor(&f, 7, 8);
	fold_write(&f, &b, 1000, RUN, LIST);
	b.n = 0;
	fold_write(&f, &b, 1000, RUN, LIST);
	ck_assert_uint_eq(b.n, 0);
	buf_free(&b);
	fold_free(&f);
}
END_TEST

/* ---- partial writes ---- */

START_TEST(what_has_no_room_stays_and_goes_on_merging)
{
	struct map all = { 0 }, read = { 0 };
	struct buf b = { 0 };
	struct fold f;

	fold_init(&f, false);
	for (uint64_t i = 0; i < 100; i++) {
		fold_xor(&f, 1000 + i, i);
		find(&all, 1000 + i)->value ^= i;
	}
	fold_write(&f, &b, 640, RUN, LIST);
	ck_assert_uint_le(b.n, 640);
	ck_assert_uint_gt(f.n, 0);
	check_order(&f, FOLD_RUN);		/* the rest is a run still */
	take(&b, &read);
	/* One that has left and one that has stayed: the first is new again. */
	fold_xor(&f, 1000, 7);
	fold_xor(&f, 1099, 7);
	find(&all, 1000)->value ^= 7;
	find(&all, 1099)->value ^= 7;
	while (f.n > 0) {
		fold_write(&f, &b, 100, RUN, LIST);
		ck_assert_uint_le(b.n, 100);
		take(&b, &read);
	}
	check_same(&all, &read);
	buf_free(&b);
	fold_free(&f);
}
END_TEST

START_TEST(at_least_one_record_is_written_however_small_the_room)
{
	struct map m = { 0 };
	struct buf b = { 0 };
	struct fold f;

	fold_init(&f, false);
	fold_xor(&f, 3, 4);
	fold_xor(&f, 9, 5);
	for (int i = 0; i < 2; i++) {
		fold_write(&f, &b, 0, RUN, LIST);
		ck_assert_uint_eq(take(&b, &m).entries, 1);
	}
	ck_assert_uint_eq(f.n, 0);
	ck_assert_uint_eq(find(&m, 3)->value, 4);
	ck_assert_uint_eq(find(&m, 9)->value, 5);
	free(m.pairs);
	buf_free(&b);
	fold_free(&f);
}
END_TEST

/* Runs that make the rest a run, or leave it scattered. */
START_TEST(what_stays_after_a_partial_write_is_found_again)
{
	for (uint64_t scattered = 0; scattered < 8; scattered++)
		for (uint64_t run = 0; run < 8; run++)
			for (size_t room = 0; room < 400; room += 20) {
				struct map all = { 0 }, read = { 0 };
				struct buf b = { 0 };
				struct fold f;

				fold_init(&f, _i);
				for (uint64_t i = 0; i < scattered + run; i++) {
					uint64_t root = i < scattered ? 100 + 10 * i : 500 + i;

					fold_xor(&f, root, i + 1);
					find(&all, root)->value ^= i + 1;
				}
				fold_write(&f, &b, room, RUN, LIST);
				take(&b, &read);
				for (size_t i = 0; i < all.n; i++) {
					fold_xor(&f, all.pairs[i].root, 1000);
					all.pairs[i].value ^= 1000;
				}
				ck_assert(f.n == all.n || ((_i || !OPTIMISE_MERGING) && f.n > all.n));
				fold_write(&f, &b, SIZE_MAX, RUN, LIST);
				take(&b, &read);
				check_same(&all, &read);
				buf_free(&b);
				fold_free(&f);
			}
}
END_TEST

/* As long as an acker is busy a backlog leaves in pieces. Were each piece to cost as much as
 * what stays, this would take minutes; it takes some milliseconds. */
START_TEST(a_large_backlog_leaves_in_time_linear_to_its_size)
{
	enum { ROOTS = 200000, PIECE = 200 };
	uint64_t sum = 0;
	struct buf b = { 0 };
	struct fold f;
	clock_t begin;

	fold_init(&f, _i);
	for (uint64_t i = 1; i <= ROOTS; i++)
		fold_xor(&f, random_mix(i), i);
	check_order(&f, FOLD_SCATTERED);
	begin = clock();
	for (uint32_t written = 0; f.n > 0; written++) {
		struct record r;
		const uint8_t *at;

		fold_write(&f, &b, PIECE, RUN, LIST);
		at = (const uint8_t *)b.data;
		while (record_next(&at, (const uint8_t *)b.data + b.n, &r) > 0)
			for (uint32_t i = 0; i < r.n; i++)
				sum += wire_get64(r.body + 16 * (size_t)i + 8);
		b.n = 0;
		/* Newcomers do not make it slower, nor do they take ever more memory. */
		if (written < ROOTS / 2)
			fold_xor(&f, random_mix(ROOTS + 1 + written % 1000), 0);
		if (f.cap > 4 * ROOTS)
			ck_abort_msg("room for %zu", f.cap);
	}
	ck_assert_msg((double)(clock() - begin) / CLOCKS_PER_SEC < 5, "it took %.1f s",
	    (double)(clock() - begin) / CLOCKS_PER_SEC);
	ck_assert_uint_eq(sum, (uint64_t)ROOTS * (ROOTS + 1) / 2);
	buf_free(&b);
	fold_free(&f);
}
END_TEST

/* ---- against the oracle ---- */

enum { SHAPES = 7 };

/* The shapes of roots that occur: one spout, late ones, not all of them, several spouts,
 * one of many tasks, a few roots only; the last is all of these. */
static uint64_t any_root(uint64_t *state, uint64_t *next, int shape)
{
	switch (shape) {
	case 0:
		return (*next)++;
	case 1:
		return *next - pick(state, 50) + 1;
	case 2:
		return *next += pick(state, pick(state, 20) ? 10 : 200);	/* with gaps */
	case 3:
		*next += pick(state, 8) == 0;
		return ((uint64_t)pick(state, 3) << 40) + *next;
	case 4:		/* far apart, some of the last ones again, few between them */
		if (pick(state, 3) > 0)
			*next += APART * (1 + pick(state, 5));
		return *next - (pick(state, 3) ? 0 : APART * pick(state, 20)) - (pick(state, 300) == 0);
	default:
		return 1 + pick(state, 300);
	}
}

START_TEST(any_folding_and_writing_keeps_every_bit)
{
	int rounds = getenv("GALE_QUICK") ? 3 : 60;
	uint64_t state = seed + (uint64_t)_i;

	for (int round = 0; round < rounds; round++) {
		struct map all = { 0 }, read = { 0 };
		struct buf b = { 0 };
		uint64_t next = 1000000;
		bool holes = round % 2 == 1;
		struct fold f;

		fold_init(&f, holes);
		for (int op = 0; op < 1000; op++) {
			int shape = _i < SHAPES - 1 ? _i : (int)pick(&state, SHAPES - 1);
			uint64_t root = any_root(&state, &next, shape);
			uint64_t value = random_next(&state);
			size_t before = f.n, most = pick(&state, 3000);

			if (pick(&state, 10) == 0)
				value = find(&all, root)->value;	/* 0 again */
			fold_xor(&f, root, value);
			find(&all, root)->value ^= value;
			ck_assert_uint_le(f.n, before + (holes ? 64 : 1));
			if (pick(&state, 50) == 0) {
				fold_write(&f, &b, most, RUN, LIST);
				ck_assert(b.n <= most || b.n == 1 + 4 + 16 || (holes && b.n == 0));
				take(&b, &read);
			}
		}
		write_all(&f, &read);
		check_same(&all, &read);
		buf_free(&b);
		fold_free(&f);
	}
}
END_TEST

/* Acks that were withheld join those that go, whatever either has at that time. */
START_TEST(a_fold_that_is_moved_is_empty_and_keeps_every_bit)
{
	uint64_t state = seed + (uint64_t)_i;
	struct map all = { 0 }, read = { 0 };
	uint64_t next[2] = { 1000000, 1000000 };
	struct fold f[2];		/* withheld; going */
	struct buf b = { 0 };

	fold_init(&f[0], true);
	fold_init(&f[1], true);
	for (int op = 0; op < 5000; op++) {
		uint32_t which = pick(&state, 10) == 0;
		int shape = _i < SHAPES - 1 ? _i : (int)pick(&state, SHAPES - 1);
		uint64_t root = any_root(&state, &next[which], shape), value = random_next(&state);

		fold_xor(&f[which], root, value);
		find(&all, root)->value ^= value;
		if (pick(&state, 100) == 0) {
			fold_move(&f[0], &f[1]);
			ck_assert_uint_eq(f[0].n, 0);
		}
		if (pick(&state, 100) == 0) {
			fold_write(&f[1], &b, pick(&state, 3000), RUN, LIST);
			take(&b, &read);
		}
	}
	fold_move(&f[0], &f[1]);
	write_all(&f[1], &read);
	check_same(&all, &read);
	buf_free(&b);
	fold_free(&f[0]);
	fold_free(&f[1]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fold");
	TCase *c = tcase_create("fold");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(c, 300);
	tcase_add_test(c, roots_in_sequence_become_one_run);
	tcase_add_test(c, a_root_has_one_entry_however_often_it_is_folded);
	tcase_add_test(c, scattered_roots_become_a_list_and_runs_within_them_runs);
	tcase_add_loop_test(c, roots_on_both_sides_of_the_wrap_are_no_run, 0, 2);
	tcase_add_test(c, a_hole_does_not_break_a_run_of_acks_and_is_not_written);
	tcase_add_test(c, an_init_of_value_0_is_written);
	tcase_add_test(c, roots_far_apart_stay_in_order);
	tcase_add_test(c, an_empty_fold_writes_nothing);
	tcase_add_test(c, what_has_no_room_stays_and_goes_on_merging);
	tcase_add_test(c, at_least_one_record_is_written_however_small_the_room);
	tcase_add_loop_test(c, what_stays_after_a_partial_write_is_found_again, 0, 2);
	tcase_add_loop_test(c, a_large_backlog_leaves_in_time_linear_to_its_size, 0, 2);
	tcase_add_loop_test(c, any_folding_and_writing_keeps_every_bit, 0, SHAPES);
	tcase_add_loop_test(c, a_fold_that_is_moved_is_empty_and_keeps_every_bit, 0, SHAPES);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
