/* test_logline.c - lines of a log: written, read back, and whose they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "logline.h"
#include "random.h"
#include "seed.h"

static const int64_t when_ms = INT64_C(1795279420123);	/* 2026-11-21T16:43:40.123Z */
static struct buf out;
static struct logline l;
static uint64_t seed;

static void finish(void)
{
	buf_free(&out);
}

static struct logline line_of(const char *label, const char *text)
{
	return (struct logline){ .time_ms = when_ms, .level = GALE_WARN, .label = label, .n_label = strlen(label),
		.text = text, .n_text = strlen(text) };
}

static bool from(const char *label, const char *component, uint32_t task)
{
	l = line_of(label, "");
	return logline_is_from(&l, component, task);
}

START_TEST(a_line_says_when_how_bad_who_and_what)
{
	l = line_of("split[0]", "the disk is nearly full");
	logline_write(&out, &l);
	ck_assert_str_eq(buf_text(&out), "2026-11-21T16:43:40.123Z WARN split[0] the disk is nearly full\n");
}
END_TEST

START_TEST(it_stays_one_line)
{
	l = line_of("split[0]", "one\ntwo");
	logline_write(&out, &l);
	ck_assert_str_eq(buf_text(&out), "2026-11-21T16:43:40.123Z WARN split[0] one two\n");
}
END_TEST

START_TEST(what_was_written_can_be_read)
{
	static const char *const texts[] = { "", " ", "two words", "ends with a blank " };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct logline w = line_of("a[0]+b[1-2]", texts[i]);

		out.n = 0;
		logline_write(&out, &w);
		ck_assert(logline_read(&l, out.data, out.n - 1));
		ck_assert_int_eq(l.time_ms, when_ms);
		ck_assert_int_eq(l.level, GALE_WARN);
		ck_assert_mem_eq(l.label, w.label, w.n_label);
		ck_assert_uint_eq(l.n_label, w.n_label);
		ck_assert_uint_eq(l.n_text, w.n_text);
		ck_assert_mem_eq(l.text, w.text, w.n_text);
	}
}
END_TEST

START_TEST(what_is_no_line_is_told)
{
	static const char *const wrong[] = {
		"", "2026-11-21T16:43:40.123Z", "2026-11-21T16:43:40.123Z WARN split[0]",
		"2026-11-21T16:43:40.123Z WORSE split[0] x", "2026-13-21T16:43:40.123Z WARN split[0] x",
		"2026-11-21T16:43:40.12Z WARN split[0] x", "2026-11-21 WARN split[0] x", "rn split[0] x",
		"2026-11-21T16:43:40.123Z WARN  x", "2026-11-21T16:43:40.123Z  WARN split[0] x",
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(!logline_read(&l, wrong[i], strlen(wrong[i])), "\"%s\"", wrong[i]);
}
END_TEST

START_TEST(any_bytes_are_safe)
{
	uint64_t random = seed;
	char text[64];

	for (int round = 0; round < 20000; round++) {
		static const char sample[] = "2026-11-21T16:43:40.123Z WARN split[0] x";
		size_t n = random_next(&random) % sizeof sample;
		char *copy;

		memcpy(text, sample, sizeof sample);
		for (int i = 0; i < 3 && n > 0; i++)
			text[random_next(&random) % n] = (char)random_next(&random);
		copy = malloc(n + 1);	/* of this size, so that valgrind and ASan see its end */
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, text, n);
		if (logline_read(&l, copy, n))
			logline_is_from(&l, "split", 0);
		free(copy);
	}
}
END_TEST

START_TEST(times_may_be_cut_from_the_right)
{
	static const struct { const char *text; int64_t ms; } good[] = {
		{ "2026-11-21T16:43:40.123Z", 1795279420123 }, { "2026-11-21T16:43:40", 1795279420000 },
		{ "2026-11-21 16:43", 1795279380000 }, { "2026-11-21", 1795219200000 },
		{ "1970-01-01T00:00:00.001Z", 1 },
	};
	static const char *const wrong[] = { "", "2026", "2026-11-32", "2026-11-21T24", "yesterday", "2026-11-21x" };
	int64_t ms;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert(logline_when(good[i].text, strlen(good[i].text), &ms));
		ck_assert_int_eq(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(!logline_when(wrong[i], strlen(wrong[i]), &ms), "\"%s\"", wrong[i]);
}
END_TEST

START_TEST(a_level_is_a_name_or_a_prefix)
{
	gale_level level = GALE_INFO;

	ck_assert(logline_level("warn", 4, &level));
	ck_assert_int_eq(level, GALE_WARN);
	ck_assert(logline_level("DEBUG", 5, &level));
	ck_assert_int_eq(level, GALE_DEBUG);
	ck_assert(!logline_level("warning", 7, &level));
	ck_assert_uint_eq(logline_prefix("error: no", 9, &level), 7);
	ck_assert_int_eq(level, GALE_ERROR);
	ck_assert_uint_eq(logline_prefix("error:", 6, &level), 0);
	ck_assert_uint_eq(logline_prefix("no error: ", 10, &level), 0);
}
END_TEST

START_TEST(a_label_names_components_and_tasks)
{
	ck_assert(from("split[0]", "split", UINT32_MAX));
	ck_assert(from("split[0]", "split", 0));
	ck_assert(!from("split[0]", "split", 1));
	ck_assert(!from("splitter[0]", "split", UINT32_MAX));
	ck_assert(!from("split[0]", "splitter", UINT32_MAX));
	ck_assert(from("count[2-4]", "count", 3));
	ck_assert(!from("count[2-4]", "count", 5));
	ck_assert(from("lines[0]+split[1]", "split", 1));
	ck_assert(from("lines[0]+split[1]", "lines", 0));
	ck_assert(!from("lines[0]+split[1]", "split", 0));
	ck_assert(from("gale", "gale", UINT32_MAX));
	ck_assert(!from("gale", "gale", 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logline");
	TCase *c = tcase_create("logline");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(c, NULL, finish);
	tcase_add_test(c, a_line_says_when_how_bad_who_and_what);
	tcase_add_test(c, it_stays_one_line);
	tcase_add_test(c, what_was_written_can_be_read);
	tcase_add_test(c, what_is_no_line_is_told);
	tcase_add_test(c, any_bytes_are_safe);
	tcase_add_test(c, times_may_be_cut_from_the_right);
	tcase_add_test(c, a_level_is_a_name_or_a_prefix);
	tcase_add_test(c, a_label_names_components_and_tasks);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
