/* test_logreader.c - reading a log while it is written and rotated; errors, counted; durations.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duration.h"
#include "errorbook.h"
#include "logreader.h"
#include "memory.h"
#include "rotated.h"
#include "seed.h"

static char home[64];
static int dir;
static struct rotated w;
static struct logreader r;
static struct error e;
static uint64_t seed;

static void begin(void)
{
	strcpy(home, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	dir = open(home, O_RDONLY | O_DIRECTORY);
	logreader_open(&r, dir, "log");
}

static void end(void)
{
	char *command = xasprintf("rm -rf %s", home);

	logreader_close(&r);
	close(dir);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void put(const char *name, const char *s)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND, 0600);

	ck_assert_int_eq(write(fd, s, strlen(s)), (ssize_t)strlen(s));
	close(fd);
}

/* next gives the text of the next line, "-" when there is none for now. */
static const char *next(void)
{
	static char text[256];
	struct logline l;
	int rc = logreader_next(&r, &l, &e);

	ck_assert_msg(rc >= 0, "%s", e.text);
	snprintf(text, sizeof text, "%.*s", rc == 1 ? (int)l.n_text : 1, rc == 1 ? l.text : "-");
	return text;
}

#define LINE "2026-11-21T16:43:40.123Z INFO split[0] "

START_TEST(files_are_read_from_the_oldest)
{
	put("log.2", LINE "a\n" LINE "b\n");
	put("log", LINE "c\n");		/* log.1 is missing: a rotation was cut short */
	ck_assert_str_eq(next(), "a");
	ck_assert_str_eq(next(), "b");
	ck_assert_str_eq(next(), "c");
	ck_assert_str_eq(next(), "-");
}
END_TEST

START_TEST(a_log_that_is_not_there_yet_comes)
{
	ck_assert_str_eq(next(), "-");
	put("log", LINE "a\n");
	ck_assert_str_eq(next(), "a");
}
END_TEST

START_TEST(half_a_line_is_left_alone_until_it_is_whole)
{
	char *path = xasprintf("%s/log", home);

	put("log", LINE "a");
	ck_assert_str_eq(next(), "-");
	put("log", "bc\n" LINE "d");
	ck_assert_str_eq(next(), "abc");
	ck_assert_str_eq(next(), "-");
	ck_assert_int_eq(truncate(path, strlen(LINE "abc\n")), 0);	/* there was no room for d */
	free(path);
	put("log", LINE "e\n");
	ck_assert_str_eq(next(), "e");
}
END_TEST

START_TEST(a_rotation_is_followed)
{
	put("log", LINE "a\n");
	ck_assert_str_eq(next(), "a");
	put("log", LINE "b\n");
	ck_assert_int_eq(renameat(dir, "log", dir, "log.1"), 0);
	ck_assert_str_eq(next(), "b");
	ck_assert_str_eq(next(), "-");
	put("log", LINE "c\n");
	ck_assert_str_eq(next(), "c");
	ck_assert_int_eq(renameat(dir, "log.1", dir, "log.2"), 0);
	ck_assert_int_eq(renameat(dir, "log", dir, "log.1"), 0);
	put("log", LINE "d\n");
	ck_assert_str_eq(next(), "d");
	ck_assert_str_eq(next(), "-");
}
END_TEST

START_TEST(a_reader_that_was_left_behind_goes_on_with_what_there_is)
{
	put("log", LINE "a\n");
	ck_assert_str_eq(next(), "a");
	ck_assert_int_eq(unlinkat(dir, "log", 0), 0);
	put("log.1", LINE "x\n");
	put("log", LINE "y\n");
	ck_assert_str_eq(next(), "x");
	ck_assert_str_eq(next(), "y");
}
END_TEST

START_TEST(an_emptied_file_is_read_from_its_beginning)
{
	char *path = xasprintf("%s/log", home);

	put("log", LINE "a\n" LINE "b\n");
	ck_assert_str_eq(next(), "a");
	ck_assert_str_eq(next(), "b");
	ck_assert_int_eq(truncate(path, 0), 0);
	put("log", LINE "c\n");
	ck_assert_str_eq(next(), "c");
	free(path);
}
END_TEST

START_TEST(what_is_no_line_is_shown_as_it_is)
{
	struct logline l;

	put("log.1", "gale: half");
	put("log", "gale: assertion\n");
	ck_assert_int_eq(logreader_next(&r, &l, &e), 1);
	ck_assert_uint_eq(l.n_label, 0);
	ck_assert_int_eq(memcmp(l.text, "gale: half", l.n_text), 0);
	ck_assert_str_eq(next(), "gale: assertion");
	ck_assert_str_eq(next(), "-");
}
END_TEST

START_TEST(a_line_longer_than_all_else_does_no_harm)
{
	static char large[3 * LOGREADER_BYTES];
	int pieces = 0;

	memset(large, 'x', sizeof large - 1);
	put("log", large);
	put("log", "\n" LINE "a\n");
	while (strcmp(next(), "a") != 0)
		ck_assert_int_lt(pieces++, 10);
}
END_TEST

/* Whatever the order of writing, rotating and reading, a reader that is never left behind by more
 * files than are kept has every line, once, in order. */
START_TEST(every_line_comes_once_and_in_order)
{
	uint64_t random = seed;
	int written = 0, read = 0;

	rotated_open(&w, dir, "log", 300, 8);
	for (int round = 0; round < 500; round++) {
		int n = (int)pick(&random, 12);

		for (int i = 0; i < n; i++) {
			char line[80];

			snprintf(line, sizeof line, LINE "%d\n", written++);
			buf_puts(&w.waiting, line);
			if (pick(&random, 2) == 0)
				rotated_flush(&w);
		}
		rotated_flush(&w);
		for (n = (int)pick(&random, 20); (n > 0 || written - read > 10) && read < written; n--)
			ck_assert_int_eq(atoi(next()), read++);
	}
	while (read < written)
		ck_assert_int_eq(atoi(next()), read++);
	ck_assert_str_eq(next(), "-");
	rotated_close(&w);
}
END_TEST

enum { RACE_LINES = 3000, RACE_AHEAD = 200 };

static volatile int *shared_read;

static _Noreturn void write_all(void)
{
	rotated_open(&w, dir, "log", 500, 40);
	for (int i = 0; i < RACE_LINES; i++) {
		while (i - *shared_read > RACE_AHEAD)
			sched_yield();
		buf_printf(&w.waiting, LINE "%d\n", i);
		rotated_flush(&w);
	}
	_exit(w.dropped_total == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The writer is another process, and rotates under the reader's eyes. It waits for the reader only when
 * that would be left behind. */
START_TEST(a_reader_misses_nothing_of_a_writer_beside_it)
{
	int status = -1;
	pid_t writer;

	shared_read = mmap(NULL, sizeof *shared_read, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	writer = fork();
	if (writer == 0)
		write_all();
	while (*shared_read < RACE_LINES) {
		bool over = status == -1 && waitpid(writer, &status, WNOHANG) == writer;
		const char *text = next();

		if (strcmp(text, "-") != 0) {
			ck_assert_int_eq(atoi(text), *shared_read);
			++*shared_read;
		} else {
			ck_assert_msg(status == -1, "only %d lines came", *shared_read);
		}
		if (over)
			ck_assert_int_eq(status, 0);
	}
	if (status == -1)
		waitpid(writer, &status, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---- errors ------------------------------------------------------------------------ */

static void note(struct errorbook *b, int64_t ms, const char *label, const char *text)
{
	errorbook_add(b, &(struct logline){ .time_ms = ms, .level = GALE_WARN, .label = label,
		.n_label = strlen(label), .text = text, .n_text = strlen(text) });
}

START_TEST(the_same_error_with_other_numbers_is_one)
{
	struct errorbook b = { 0 };

	note(&b, 1, "split[0]", "cannot read 47 bytes of \"a\\\"b\", root 9f3c0000deadbeef");
	note(&b, 2, "split[1]", "cannot read 8 bytes of \"c\", root 0000000000000007");
	note(&b, 3, "count[0]", "cannot read 8 bytes of \"c\", root 0000000000000007");
	note(&b, 4, "split[1]", "cannot write 8 bytes of \"c\"");
	errorbook_sort(&b);
	ck_assert_uint_eq(b.n, 3);
	ck_assert_str_eq(b.entries[0].text, "cannot write 8 bytes of \"c\"");
	ck_assert_str_eq(b.entries[1].component, "count");
	ck_assert_str_eq(b.entries[2].component, "split");
	ck_assert_uint_eq(b.entries[2].n, 2);
	ck_assert_int_eq(b.entries[2].first_ms, 1);
	ck_assert_int_eq(b.entries[2].last_ms, 2);
	ck_assert_str_eq(b.entries[2].label, "split[1]");
	errorbook_free(&b);
}
END_TEST

START_TEST(a_chain_is_named_by_its_components)
{
	struct errorbook b = { 0 };

	note(&b, 1, "lines[0]+split[0-3]", "x \"not closed");
	ck_assert_str_eq(b.entries[0].component, "lines+split");
	errorbook_free(&b);
}
END_TEST

/* ---- durations --------------------------------------------------------------------- */

START_TEST(durations_have_units)
{
	static const struct { const char *text; int64_t ms; } good[] = {
		{ "250ms", 250 }, { "30s", 30000 }, { "30", 30000 }, { "5m", 300000 }, { "2h", 7200000 },
		{ "1d", 86400000 }, { "0s", 0 },
	};
	static const char *const wrong[] = { "", "s", "5 m", "-5m", "5w", "1.5h", "99999999999999999999s", "5mm",
		"3153600000001ms", "40000000d" };
	int64_t ms;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert(duration_parse(good[i].text, &ms));
		ck_assert_int_eq(ms, good[i].ms);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(!duration_parse(wrong[i], &ms), "\"%s\"", wrong[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logreader");
	TCase *c = tcase_create("logreader");
	SRunner *runner;
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, files_are_read_from_the_oldest);
	tcase_add_test(c, a_log_that_is_not_there_yet_comes);
	tcase_add_test(c, half_a_line_is_left_alone_until_it_is_whole);
	tcase_add_test(c, a_rotation_is_followed);
	tcase_add_test(c, a_reader_that_was_left_behind_goes_on_with_what_there_is);
	tcase_add_test(c, an_emptied_file_is_read_from_its_beginning);
	tcase_add_test(c, what_is_no_line_is_shown_as_it_is);
	tcase_add_test(c, a_line_longer_than_all_else_does_no_harm);
	tcase_add_test(c, every_line_comes_once_and_in_order);
	tcase_add_test(c, a_reader_misses_nothing_of_a_writer_beside_it);
	tcase_add_test(c, the_same_error_with_other_numbers_is_one);
	tcase_add_test(c, a_chain_is_named_by_its_components);
	tcase_add_test(c, durations_have_units);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	n = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
