/* test_group.c - which tasks get a tuple. SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "group.h"
#include "memory.h"
#include "seed.h"
#include "wire.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static uint64_t seed;

static uint32_t first_field[] = { 0 }, two_fields[] = { 0, 1 }, other_order[] = { 1, 0 };

static struct subscription by(enum grouping grouping)
{
	return (struct subscription){ .grouping = grouping, .fields = first_field, .n_fields = 1 };
}

/* word gives a key for a number. */
static gale_value word(char *room, uint64_t i)
{
	return gale_string(room, (size_t)sprintf(room, "word%llu", (unsigned long long)i));
}

/* ---- FIELDS ---- */

static uint64_t hash_by(const gale_value *values, uint32_t *fields, uint32_t n)
{
	struct subscription s = { .grouping = GROUPING_FIELDS, .fields = fields, .n_fields = n };
	struct group g;
	uint64_t hash;

	group_init(&g, &s, 2);
	hash = group_hash(&g, values);
	group_free(&g);
	return hash;
}

static uint64_t hash_of(gale_value v)
{
	return hash_by(&v, first_field, 1);
}

/* State is partitioned by these numbers: a key that hashes differently in another version
 * of gale would meet the empty state of another task, and what was counted before would be
 * lost without a word. So they are facts about what lies on people's disks, no
 * expectations: when this test fails the change is wrong, never the constants. They are
 * XXH3_64bits (libxxhash 0.8.1) of the bytes that wire_canonical gives. */
START_TEST(the_hash_of_a_key_never_changes)
{
	gale_value items[] = { gale_text("a"), gale_int(1), gale_null(), gale_float(1.5) };
	char x[1000];

	ck_assert_uint_eq(hash_of(gale_string("", 0)), 0x8978bc5fbc70dc4eu);
	ck_assert_uint_eq(hash_of(gale_text("a")), 0xb94d94c274946938u);
	ck_assert_uint_eq(hash_of(gale_text("the")), 0x20bb379bf988a183u);
	ck_assert_uint_eq(hash_of(gale_bytes("", 0)), 0x2db60605234d7cb9u);
	ck_assert_uint_eq(hash_of(gale_bytes("a", 1)), 0x417a7d88639b3c4cu);
	ck_assert_uint_eq(hash_of(gale_int(0)), 0x8da2b7ab8b1ee0e7u);
	ck_assert_uint_eq(hash_of(gale_int(1)), 0x77b9ee4e4f0d5d17u);
	ck_assert_uint_eq(hash_of(gale_int(-1)), 0x51957c455b8e6c65u);
	ck_assert_uint_eq(hash_of(gale_int(INT64_MAX)), 0xe043660fb5b7a3dbu);
	ck_assert_uint_eq(hash_of(gale_float(1.5)), 0x58bdc64af8b48dc4u);
	ck_assert_uint_eq(hash_of(gale_float(0.0)), 0xd1d30c5e8136b99du);
	ck_assert_uint_eq(hash_of(gale_float(-0.0)), 0xd1d30c5e8136b99du);
	ck_assert_uint_eq(hash_of(gale_float(__builtin_nan("1"))), 0xa849877be0234960u);
	ck_assert_uint_eq(hash_of(gale_bool(false)), 0xab94ac0ace7276c0u);
	ck_assert_uint_eq(hash_of(gale_bool(true)), 0x070d80d6a76865f3u);
	ck_assert_uint_eq(hash_of(gale_null()), 0xc44bdff4074eecdbu);
	ck_assert_uint_eq(hash_of(gale_list(NULL, 0)), 0x8c82f6a56b02575fu);
	ck_assert_uint_eq(hash_of(gale_list(items, 4)), 0x8411fec28b3cab75u);
	ck_assert_uint_eq(hash_of(gale_map(items, 2)), 0x96842e3528df9f88u);
	ck_assert_uint_eq(hash_by(items, two_fields, 2), 0xadefb32bc12d05a9u);
	ck_assert_uint_eq(hash_by(items, other_order, 2), 0x7adb831861a16c9cu);

	/* XXH3 takes another way for longer keys: above 16, 128 and 240 bytes. */
	memset(x, 'x', sizeof x);
	ck_assert_uint_eq(hash_of(gale_text("wordcount, the longest of the short keys")),
	    0x71e642ea30e50d34u);
	ck_assert_uint_eq(hash_of(gale_string(x, 180)), 0xbf809aea26a01d2au);
	ck_assert_uint_eq(hash_of(gale_string(x, 1000)), 0xfdddd4c586d9ab84u);
}
END_TEST

/* Short keys are written where they are hashed; it must not matter which are short. */
START_TEST(short_keys_hash_by_their_canonical_bytes)
{
	static const char text[200] = "what there is of text counts, whatever is behind it";

	for (size_t n = 0; n < sizeof text; n++) {
		gale_value values[] = { gale_string(text, n), gale_int((int64_t)n << 40), gale_bytes(text, n / 2),
			gale_float(0.5) };
		uint32_t fields[] = { 0, 1, 2, 3 };

		for (uint32_t n_fields = 1; n_fields <= 4; n_fields++) {
			struct buf bytes = { 0 };

			for (uint32_t i = 0; i < n_fields; i++)
				wire_canonical(&bytes, &values[i]);
			ck_assert_uint_eq(hash_by(values, fields, n_fields), XXH3_64bits(bytes.data, bytes.n));
			buf_free(&bytes);
		}
	}
}
END_TEST

START_TEST(the_task_of_a_key_never_changes)
{
	static const char *const words[] = { "the", "of", "licence", "and", "to" };
	static const uint32_t tasks[] = { 2, 2, 0, 2, 1 };
	struct subscription s = by(GROUPING_FIELDS);
	struct group g;
	uint32_t task;

	group_init(&g, &s, 3);
	for (int i = 0; i < 5; i++) {
		gale_value v = gale_text(words[i]);

		ck_assert_int_eq(group_choose(&g, &v, 1, &task), 1);
		ck_assert_msg(task == tasks[i], "\"%s\" goes to task %u", words[i], task);
	}
	group_free(&g);
}
END_TEST

START_TEST(keys_spread_over_the_tasks_within_3_percent)
{
	enum { TASKS = 7 };
	struct subscription s = by(GROUPING_FIELDS);
	uint32_t keys = getenv("GALE_QUICK") ? 10000 : 100000;
	uint32_t n[TASKS] = { 0 }, task;
	struct group g;
	char room[64];

	group_init(&g, &s, TASKS);
	for (uint64_t i = 0; i < keys; i++) {
		/* Words, numbers in sequence, every 7th number, numbers from anywhere. */
		gale_value v = _i == 0 ? word(room, i) : _i == 1 ? gale_int((int64_t)i) :
		    _i == 2 ? gale_int((int64_t)i * TASKS) : gale_int((int64_t)random_mix(i));

		ck_assert_int_eq(group_choose(&g, &v, 1, &task), 1);
		ck_assert_uint_lt(task, TASKS);
		n[task]++;
	}
	for (uint32_t i = 0; i < TASKS; i++)
		ck_assert_double_eq_tol(n[i] / (double)keys * TASKS, 1,
		    keys == 100000 ? 0.03 : 0.1);
	group_free(&g);
}
END_TEST

START_TEST(one_key_goes_to_one_task)
{
	struct subscription s = by(GROUPING_FIELDS);
	uint64_t state = seed;
	struct group a, b;

	group_init(&a, &s, 13);
	group_init(&b, &s, 13);		/* another worker */
	for (int i = 0; i < 1000; i++) {
		gale_value items[] = { gale_int((int64_t)random_next(&state)), gale_text("x") };
		gale_value made = gale_list(items, 2), received;
		uint32_t first, again;
		uint8_t bytes[64];
		size_t n = (size_t)(wire_put_values(bytes, &made, 1) - bytes);

		ck_assert_int_eq(wire_read_values(bytes, n, &received), 1);
		ck_assert_int_eq(group_choose(&a, &made, 1, &first), 1);
		for (int k = 0; k < 3; k++) {
			ck_assert_int_eq(group_choose(k % 2 ? &a : &b, &received, 1, &again), 1);
			ck_assert_uint_eq(again, first);
		}
	}
	group_free(&a);
	group_free(&b);
}
END_TEST

START_TEST(only_the_named_fields_count)
{
	gale_value values[] = { gale_text("key"), gale_int(1) };
	gale_value others[] = { gale_text("key"), gale_int(2) };

	ck_assert_uint_eq(hash_by(values, first_field, 1), hash_by(others, first_field, 1));
	ck_assert_uint_ne(hash_by(values, two_fields, 2), hash_by(others, two_fields, 2));
}
END_TEST

/* "ab" and "c" are not "a" and "bc": the bytes of a field say where it ends. */
START_TEST(fields_do_not_run_into_each_other)
{
	gale_value one[] = { gale_text("ab"), gale_text("c") };
	gale_value two[] = { gale_text("a"), gale_text("bc") };

	ck_assert_uint_ne(hash_by(one, two_fields, 2), hash_by(two, two_fields, 2));
}
END_TEST

START_TEST(a_single_task_gets_everything)
{
	static const enum grouping all[] = { GROUPING_FIELDS, GROUPING_PARTIAL_KEY, GROUPING_ALL,
		GROUPING_GLOBAL };

	for (int i = 0; i < 4; i++) {
		struct subscription s = by(all[i]);
		gale_value v = gale_text("x");
		uint32_t task = 99;
		struct group g;

		group_init(&g, &s, 1);
		ck_assert_int_eq(group_choose(&g, &v, 1, &task), 1);
		ck_assert_uint_eq(task, 0);
		group_free(&g);
	}
}
END_TEST

/* ---- PARTIAL_KEY ---- */

static int compare_masks(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

START_TEST(a_partial_key_has_two_tasks_at_most)
{
	enum { KEYS = 500, TASKS = 11 };
	static uint32_t seen[KEYS];
	struct subscription s = by(GROUPING_PARTIAL_KEY);
	uint32_t n_two = 0, n_pairs = 0, task;
	uint64_t state = seed;
	struct group g;
	char room[64];

	group_init(&g, &s, TASKS);
	for (int i = 0; i < (getenv("GALE_QUICK") ? 20 : 100) * KEYS; i++) {
		uint32_t k = pick(&state, KEYS);
		gale_value v = word(room, k);

		ck_assert_int_eq(group_choose(&g, &v, 1, &task), 1);
		ck_assert_uint_lt(task, TASKS);
		seen[k] |= 1u << task;
	}
	for (int i = 0; i < KEYS; i++) {
		ck_assert_int_le(__builtin_popcount(seen[i]), 2);
		n_two += __builtin_popcount(seen[i]) == 2;
	}
	/* Both hashes meet for one key in eleven. */
	ck_assert_uint_gt(n_two, KEYS * 8 / 10);
	/* They are independent: nearly all of the 55 pairs occur. */
	qsort(seen, KEYS, sizeof *seen, compare_masks);
	for (int i = 1; i < KEYS; i++)
		n_pairs += seen[i] != seen[i - 1] && __builtin_popcount(seen[i]) == 2;
	ck_assert_uint_gt(n_pairs, 45);
	group_free(&g);
}
END_TEST

/* Keys as words are: the second half as often as the first, the third a third, and so on.
 * By FIELDS one task gets far more than its share. */
START_TEST(partial_keys_balance_what_fields_does_not)
{
	enum { KEYS = 5000, TASKS = 5 };
	uint32_t n_tuples = getenv("GALE_QUICK") ? 20000 : 200000;
	struct subscription s[] = { by(GROUPING_PARTIAL_KEY), by(GROUPING_FIELDS) };
	uint32_t n[2][TASKS] = { 0 }, most[2] = { 0 }, task;
	uint64_t state = 1;
	struct group g[2];
	char room[64];

	group_init(&g[0], &s[0], TASKS);
	group_init(&g[1], &s[1], TASKS);
	for (uint32_t i = 0; i < n_tuples; i++) {
		double u = (double)pick(&state, 1 << 30) / (1 << 30);
		gale_value v = word(room, (uint64_t)exp(u * log(KEYS + 1)));

		for (int k = 0; k < 2; k++) {
			ck_assert_int_eq(group_choose(&g[k], &v, 1, &task), 1);
			n[k][task]++;
		}
	}
	for (int i = 0; i < 2; i++)
		for (int t = 0; t < TASKS; t++)
			most[i] = n[i][t] > most[i] ? n[i][t] : most[i];
	ck_assert_uint_le(most[0], n_tuples / TASKS * 105 / 100);
	ck_assert_uint_gt(most[1], n_tuples / TASKS * 115 / 100);
	group_free(&g[0]);
	group_free(&g[1]);
}
END_TEST

/* ---- the others ---- */

START_TEST(all_and_global_choose_without_looking)
{
	struct subscription all = by(GROUPING_ALL), global = by(GROUPING_GLOBAL);
	uint32_t tasks[6];
	struct group g;

	group_init(&g, &all, 6);
	memset(tasks, 0xff, sizeof tasks);
	ck_assert_int_eq(group_choose(&g, NULL, 0, tasks), 6);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_uint_eq(tasks[i], i);
	group_free(&g);
	group_init(&g, &global, 6);
	ck_assert_int_eq(group_choose(&g, NULL, 0, tasks), 1);
	ck_assert_uint_eq(tasks[0], 0);
	group_free(&g);
}
END_TEST

START_TEST(what_is_chosen_later_or_by_the_emitter_is_not_chosen_here)
{
	static const enum grouping none[] = { GROUPING_SHUFFLE, GROUPING_NONE,
		GROUPING_LOCAL_OR_SHUFFLE, GROUPING_DIRECT };

	for (int i = 0; i < 4; i++) {
		struct subscription s = by(none[i]);
		gale_value v = gale_text("x");
		uint32_t task = 77;
		struct group g;

		group_init(&g, &s, 3);
		ck_assert_int_eq(group_choose(&g, &v, 1, &task), 0);
		ck_assert_uint_eq(task, 77);
		group_free(&g);
	}
}
END_TEST

/* ---- CUSTOM ---- */

/* What the plugin answers: how many, and which. */
struct answer {
	int n;
	uint32_t tasks[8];
};

static struct answer answer;
static gale_ctx *expected_ctx;
static int n_cleanups;

static int choose(void *self, gale_ctx *ctx, const gale_value *values, uint32_t n,
    uint32_t n_tasks, uint32_t *tasks)
{
	ck_assert_str_eq(self, "self");
	ck_assert_ptr_eq(ctx, expected_ctx);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(values[1].u.i, 5);
	ck_assert_uint_eq(n_tasks, 4);
	for (int i = 0; i < answer.n && i < (int)n_tasks; i++)
		tasks[i] = answer.tasks[i];
	return answer.n;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	ck_assert_str_eq(self, "self");
	ck_assert_ptr_eq(ctx, expected_ctx);
	n_cleanups++;
}

START_TEST(a_plugin_chooses_and_wrong_answers_are_refused)
{
	static const gale_component plugin = { .name = "mine", .kind = GALE_GROUPING,
		.choose = choose, .cleanup = cleanup };
	static const struct {
		struct answer answer;
		int result;
	} cases[] = {
		{ { 1, { 3 } }, 1 },
		{ { 4, { 3, 2, 1, 0 } }, 4 },
		{ { 2, { 1, 1 } }, 2 },			/* two copies to one task */
		{ { 0, { 0 } }, 0 },			/* nobody */
		{ { -1, { 0 } }, -1 },
		{ { -7, { 0 } }, -1 },
		{ { 5, { 0, 1, 2, 3, 0 } }, -1 },	/* more than there are */
		{ { 1, { 4 } }, -1 },
		{ { 3, { 0, 1, UINT32_MAX } }, -1 },
	};
	struct subscription s = by(GROUPING_CUSTOM);
	gale_value values[] = { gale_text("x"), gale_int(5) };
	struct group g;

	group_init(&g, &s, 4);
	g.custom = &plugin;
	g.custom_self = xstrdup("self");
	g.custom_ctx = expected_ctx = xcalloc(1, sizeof *g.custom_ctx);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint32_t tasks[4];

		answer = cases[i].answer;
		ck_assert_int_eq(group_choose(&g, values, 2, tasks), cases[i].result);
		for (int k = 0; k < cases[i].result; k++)
			ck_assert_uint_eq(tasks[k], answer.tasks[k]);
	}
	group_free(&g);
	ck_assert_int_eq(n_cleanups, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("group");
	TCase *c = tcase_create("group");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(c, 300);
	tcase_add_test(c, the_hash_of_a_key_never_changes);
	tcase_add_test(c, short_keys_hash_by_their_canonical_bytes);
	tcase_add_test(c, the_task_of_a_key_never_changes);
	tcase_add_loop_test(c, keys_spread_over_the_tasks_within_3_percent, 0, 4);
	tcase_add_test(c, one_key_goes_to_one_task);
	tcase_add_test(c, only_the_named_fields_count);
	tcase_add_test(c, fields_do_not_run_into_each_other);
	tcase_add_test(c, a_single_task_gets_everything);
	tcase_add_test(c, a_partial_key_has_two_tasks_at_most);
	tcase_add_test(c, partial_keys_balance_what_fields_does_not);
	tcase_add_test(c, all_and_global_choose_without_looking);
	tcase_add_test(c, what_is_chosen_later_or_by_the_emitter_is_not_chosen_here);
	tcase_add_test(c, a_plugin_chooses_and_wrong_answers_are_refused);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
