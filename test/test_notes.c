/* test_notes.c - fails, resets and voids that wait for an acker. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "notes.h"
#include "random.h"
#include "record.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static struct notes notes;
static struct buf out;

static void begin(void)
{
	notes_init(&notes);
}

static void end(void)
{
	notes_free(&notes);
	buf_free(&out);
}

/* next takes the oldest record that was written, or, when there is none, writes all. */
static struct record next(void)
{
	static const uint8_t *at, *last;
	struct record r = { 0 };

	if (at == last) {
		out.n = 0;
		notes_write(&notes, &out, SIZE_MAX);
		at = (const uint8_t *)out.data;
		last = at + out.n;
	}
	ck_assert_int_eq(record_next(&at, last, &r), 1);
	return r;
}

static void check_text(const struct record *r, const char *text)
{
	ck_assert_int_eq(r->type, RECORD_FAIL);
	ck_assert_uint_eq(r->n_text, strlen(text));
	ck_assert_int_eq(memcmp(r->text, text, r->n_text), 0);
}

START_TEST(each_kind_is_written_as_it_was_said)
{
	struct record r;

	notes_failed(&notes, 10, 3, "why");
	notes_reset(&notes, 20, 4);
	notes_void(&notes, 30);
	ck_assert_uint_eq(notes_waiting(&notes), 3);
	r = next();
	ck_assert_uint_eq(r.root, 10);
	ck_assert_uint_eq(r.task, 3);
	check_text(&r, "why");
	r = next();
	ck_assert_uint_eq(r.root, 20);
	ck_assert_uint_eq(r.task, 4);
	ck_assert_int_eq(r.type, RECORD_RESET);
	r = next();
	ck_assert_uint_eq(r.root, 30);
	ck_assert_int_eq(r.type, RECORD_VOID);
	ck_assert_uint_eq(notes_waiting(&notes), 0);
}
END_TEST

START_TEST(the_first_fail_wins_over_later_ones_and_over_resets)
{
	struct record r;

	notes_reset(&notes, 10, 1);
	notes_failed(&notes, 10, 2, "first");
	notes_failed(&notes, 10, 3, "second");
	notes_reset(&notes, 10, 4);
	ck_assert_uint_eq(notes_waiting(&notes), 1);
	r = next();
	ck_assert_uint_eq(r.task, 2);
	check_text(&r, "first");
}
END_TEST

START_TEST(of_several_resets_the_last_is_told)
{
	notes_reset(&notes, 10, 1);
	notes_reset(&notes, 10, 2);
	ck_assert_uint_eq(notes_waiting(&notes), 1);
	ck_assert_uint_eq(next().task, 2);
}
END_TEST

START_TEST(a_void_wins_over_all_that_comes_before_or_after_it)
{
	notes_failed(&notes, 10, 1, "why");
	notes_void(&notes, 10);
	notes_void(&notes, 10);
	notes_failed(&notes, 10, 2, "late");
	notes_reset(&notes, 10, 3);
	ck_assert_uint_eq(notes_waiting(&notes), 1);
	ck_assert_int_eq(next().type, RECORD_VOID);
}
END_TEST

START_TEST(what_has_left_does_not_merge_with_what_is_said_later)
{
	notes_failed(&notes, 10, 1, "why");
	ck_assert_int_eq(next().type, RECORD_FAIL);
	notes_reset(&notes, 10, 2);
	ck_assert_int_eq(next().type, RECORD_RESET);
}
END_TEST

START_TEST(a_long_text_is_cut)
{
	char text[3 * RECORD_TEXT_MAX];

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	notes_failed(&notes, 10, 1, text);
	ck_assert_uint_le(next().n_text, RECORD_TEXT_MAX);
}
END_TEST

START_TEST(no_more_is_written_than_there_is_room_for)
{
	uint64_t root = 1;

	for (uint64_t i = 1; i <= 5000; i++)
		notes_failed(&notes, i, 1, "a reason of some length");
	while (notes_waiting(&notes) > 0) {
		const uint8_t *at;
		struct record r;

		out.n = 0;
		notes_write(&notes, &out, 5000);
		ck_assert_uint_gt(out.n, 0);
		ck_assert_uint_le(out.n, 5000);
		at = (const uint8_t *)out.data;
		while (record_next(&at, (const uint8_t *)out.data + out.n, &r) > 0)
			ck_assert_uint_eq(r.root, root++);	/* the oldest first */
	}
	ck_assert_uint_eq(root, 5001);
}
END_TEST

START_TEST(a_backlog_leaves_in_linear_time_while_others_come)
{
	enum { ROOTS = 50000 };
	uint64_t n = 0, made = ROOTS;
	clock_t start = clock();

	for (uint64_t i = 0; i < ROOTS; i++)
		notes_void(&notes, random_mix(i));
	while (notes_waiting(&notes) > 0) {
		out.n = 0;
		notes_write(&notes, &out, 16 + RECORD_TEXT_MAX);	/* one */
		n++;
		if (made < 3 * ROOTS)
			notes_void(&notes, random_mix(made++));
		if (out.n != 9 || notes.cap > 4 * ROOTS)	/* check writes a note of each assert */
			ck_abort_msg("%zu bytes, room for %zu", out.n, notes.cap);
	}
	ck_assert_uint_eq(n, 3 * ROOTS);
	ck_assert((clock() - start) / CLOCKS_PER_SEC < 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("notes");
	TCase *c = tcase_create("notes");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	tcase_add_checked_fixture(c, begin, end);
	tcase_set_timeout(c, 300);
	tcase_add_test(c, each_kind_is_written_as_it_was_said);
	tcase_add_test(c, the_first_fail_wins_over_later_ones_and_over_resets);
	tcase_add_test(c, of_several_resets_the_last_is_told);
	tcase_add_test(c, a_void_wins_over_all_that_comes_before_or_after_it);
	tcase_add_test(c, what_has_left_does_not_merge_with_what_is_said_later);
	tcase_add_test(c, a_long_text_is_cut);
	tcase_add_test(c, no_more_is_written_than_there_is_room_for);
	tcase_add_test(c, a_backlog_leaves_in_linear_time_while_others_come);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
