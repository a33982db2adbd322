/* test_logfile.c - log files: rotated, dropped and told when there is no room; what the supervisor
 * and the standard output of a topology leave there. SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faketopology.h"
#include "logfile.h"
#include "logline.h"
#include "memory.h"
#include "outlet.h"
#include "output.h"
#include "rotated.h"

static char home[64];
static int dir;
static struct rotated r;
static struct buf text;
static struct error e;

static void begin(void)
{
	strcpy(home, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	dir = open(home, O_RDONLY | O_DIRECTORY);
	signal(SIGXFSZ, SIG_IGN);
}

static void end(void)
{
	char *command = xasprintf("rm -rf %s", home);

	close(dir);
	ck_assert_int_eq(system(command), 0);
	free(command);
	buf_free(&text);
}

static void line(const char *s)
{
	buf_puts(&r.waiting, s);
	buf_add(&r.waiting, "\n", 1);
	rotated_flush(&r);
}

/* content gives what is in the file NAME; NULL: it is not there. */
static const char *content(const char *name)
{
	int fd = openat(dir, name, O_RDONLY);
	char bytes[4096];
	ssize_t n;

	text.n = 0;
	if (fd < 0)
		return NULL;
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		buf_add(&text, bytes, (size_t)n);
	close(fd);
	return buf_text(&text);
}

static void put(const char *name, const char *s)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, s, strlen(s)), (ssize_t)strlen(s));
	close(fd);
}

static void limit_files_to(rlim_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* ---- one file ---------------------------------------------------------------------- */

START_TEST(lines_are_added)
{
	put("log", "one\n");
	rotated_open(&r, dir, "log", 1000, 3);
	line("two");
	line("three");
	rotated_close(&r);
	ck_assert_str_eq(content("log"), "one\ntwo\nthree\n");
}
END_TEST

START_TEST(a_full_one_makes_room_and_the_oldest_goes)
{
	rotated_open(&r, dir, "log", 10, 3);
	line("aaaaaa");
	line("bbbbbb");
	line("cccccc");
	line("dd");
	line("eeeeee");
	rotated_close(&r);
	ck_assert_str_eq(content("log"), "eeeeee\n");
	ck_assert_str_eq(content("log.1"), "cccccc\ndd\n");
	ck_assert_str_eq(content("log.2"), "bbbbbb\n");
	ck_assert_ptr_null(content("log.3"));
}
END_TEST

START_TEST(one_file_is_begun_anew)
{
	rotated_open(&r, dir, "log", 10, 1);
	line("aaaaaa");
	line("bbbbbb");
	rotated_close(&r);
	ck_assert_str_eq(content("log"), "bbbbbb\n");
	ck_assert_ptr_null(content("log.1"));
}
END_TEST

START_TEST(files_of_a_time_when_more_were_kept_go)
{
	put("log.1", "1");
	put("log.2", "2");
	put("log.3", "3");
	rotated_open(&r, dir, "log", 10, 2);
	rotated_close(&r);
	ck_assert_str_eq(content("log.1"), "1");
	ck_assert_ptr_null(content("log.2"));
	ck_assert_ptr_null(content("log.3"));
}
END_TEST

START_TEST(a_line_without_end_is_ended_first)
{
	put("log", "hal");
	rotated_open(&r, dir, "log", 1000, 3);
	line("whole");
	rotated_close(&r);
	ck_assert_str_eq(content("log"), "hal\nwhole\n");
}
END_TEST

START_TEST(a_file_that_is_taken_away_is_made_again)
{
	rotated_open(&r, dir, "log", 1000, 3);
	line("one");
	ck_assert_int_eq(unlinkat(dir, "log", 0), 0);
	line("two");
	rotated_close(&r);
	ck_assert_str_eq(content("log"), "two\n");
}
END_TEST

/* ---- no room ----------------------------------------------------------------------- */

/* dropped_note: what the file holds after FROM says that N lines were dropped, then REST. */
static void dropped_note(const char *name, const char *before, unsigned n, const char *rest)
{
	const char *all = content(name), *at = all + strlen(before), *end;
	char want[64];
	struct logline l;

	ck_assert_ptr_nonnull(all);
	ck_assert_msg(strncmp(all, before, strlen(before)) == 0, "%s", all);
	end = strchr(at, '\n');
	ck_assert_msg(end != NULL && logline_read(&l, at, (size_t)(end - at)), "%s", all);
	snprintf(want, sizeof want, "%u lines dropped since 2", n);
	ck_assert_msg(strncmp(l.text, want, strlen(want)) == 0, "%s", all);
	ck_assert_int_eq(l.level, GALE_WARN);
	ck_assert_str_eq(end + 1, rest);
}

START_TEST(without_room_whole_lines_are_dropped_and_counted)
{
	rotated_open(&r, dir, "log", 100000, 3);
	line("one");
	limit_files_to(10);
	buf_puts(&r.waiting, "two\nthree\nfour\n");
	rotated_flush(&r);
	ck_assert_uint_eq(r.dropped, 2);
	ck_assert_str_eq(content("log"), "one\ntwo\n");
	line("five");
	ck_assert_uint_eq(r.dropped, 3);
	limit_files_to(RLIM_INFINITY);
	line("six");
	ck_assert_uint_eq(r.dropped, 0);
	ck_assert_uint_eq(r.dropped_total, 3);
	rotated_close(&r);
	dropped_note("log", "one\ntwo\n", 3, "six\n");
	ck_assert_ptr_nonnull(strstr(content("log"), "cannot write log: File too large"));
}
END_TEST

START_TEST(the_count_is_told_at_the_end_too)
{
	rotated_open(&r, dir, "log", 100000, 3);
	limit_files_to(2);
	line("one");
	limit_files_to(RLIM_INFINITY);
	rotated_close(&r);
	dropped_note("log", "", 1, "");
}
END_TEST

/* As root a mode keeps nobody out, so a directory stands in the way of the new name. */
START_TEST(what_cannot_be_rotated_does_not_grow)
{
	ck_assert_int_eq(mkdirat(dir, "log.1", 0700), 0);
	put("log.1/full", "");
	rotated_open(&r, dir, "log", 10, 2);
	line("aaaaaa");
	line("bbbbbb");
	line("cccccc");
	ck_assert_uint_eq(r.dropped, 2);
	ck_assert_str_eq(content("log"), "aaaaaa\n");
	ck_assert_int_eq(unlinkat(dir, "log.1/full", 0), 0);
	ck_assert_int_eq(unlinkat(dir, "log.1", AT_REMOVEDIR), 0);
	r.retry_ns = 0;		/* a second has passed */
	line("dddddd");
	rotated_close(&r);
	ck_assert_str_eq(content("log.1"), "aaaaaa\n");
	dropped_note("log", "", 2, "dddddd\n");
}
END_TEST

START_TEST(what_is_no_file_of_ours_is_not_written_to)
{
	ck_assert_int_eq(symlinkat("/dev/full", dir, "log"), 0);
	rotated_open(&r, dir, "log", 1000, 2);
	line("one");
	ck_assert_uint_eq(r.dropped, 1);
	rotated_close(&r);
	ck_assert_int_eq(unlinkat(dir, "log", 0), 0);
	ck_assert_int_eq(mkfifoat(dir, "log", 0600), 0);
	rotated_open(&r, dir, "log", 1000, 2);
	line("one");
	ck_assert_uint_eq(r.dropped, 1);
	rotated_close(&r);
}
END_TEST

/* ---- the log of a topology --------------------------------------------------------- */

static struct topology *t;
static struct logfile log_;
static struct outlet o;

static void open_log(void)
{
	t = fake_topology("words", 1);
	ck_assert_int_eq(logfile_open(&log_, home, t, &e), 0);
	outlet_open_log(&o, &log_, "words");
}

static void close_log(void)
{
	outlet_close(&o, 0);
	logfile_close(&log_);
	topology_free(t);
}

/* has_line: line number N of the file NAME, without its time. */
static void has_line(const char *name, int n, const char *want)
{
	const char *at = content(name), *end;

	ck_assert_ptr_nonnull(at);
	while (n-- > 0) {
		at = strchr(at, '\n');
		ck_assert_msg(at != NULL, "%s", text.data);
		at++;
	}
	end = strchr(at, '\n');
	ck_assert_msg(end != NULL && end - at >= LOGLINE_TIME, "%s", text.data);
	*(char *)(uintptr_t)end = '\0';
	ck_assert_str_eq(at + LOGLINE_TIME, want);
}

static void lines(const char *s)
{
	struct buf b = { 0 };

	buf_puts(&b, s);
	outlet_lines(&o, &b);
	buf_free(&b);
}

START_TEST(lines_of_workers_get_their_level)
{
	open_log();
	lines("split[0] hello\nsplit[0] warn: hot\nlines[0]+split[1] error: fire\nsplit[0] debug: x\n");
	close_log();
	has_line("log", 0, "INFO split[0] hello");
	has_line("log", 1, "WARN split[0] hot");
	has_line("log", 2, "ERROR lines[0]+split[1] fire");
	has_line("log", 3, "DEBUG split[0] x");
	has_line("errors", 0, "WARN split[0] hot");
	has_line("errors", 1, "ERROR lines[0]+split[1] fire");
}
END_TEST

START_TEST(what_gale_says_of_a_worker_is_found_with_it)
{
	open_log();
	outlet_say(&o, "SIGTERM: finishing what is open");
	outlet_say(&o, "words: warn: nobody can come");
	outlet_tell(&o, GALE_ERROR, "%s: split[0] (pid 7) exited with code 3", "words");
	outlet_tell(&o, GALE_WARN, "split[0] (pid 7) has not answered");
	close_log();
	has_line("log", 0, "INFO gale SIGTERM: finishing what is open");
	has_line("log", 1, "WARN gale nobody can come");
	has_line("log", 2, "ERROR split[0] (pid 7) exited with code 3");
	has_line("log", 3, "WARN split[0] (pid 7) has not answered");
	has_line("errors", 2, "WARN split[0] (pid 7) has not answered");
}
END_TEST

START_TEST(standard_output_goes_to_the_log)
{
	struct output out;
	int saved = dup(STDOUT_FILENO);
	static char much[200000];

	open_log();
	ck_assert_int_eq(output_open(&out, &e), 0);
	ck_assert_int_eq(write(STDOUT_FILENO, "the 4\nerror: 7\nof", 17), 17);
	output_serve(&out, &o);
	output_serve(&out, &o);		/* nothing there: it does not wait */
	has_line("log", 0, "INFO output the 4");
	has_line("log", 1, "INFO output error: 7");
	ck_assert_int_eq(write(STDOUT_FILENO, " all", 4), 4);
	output_close(&out, &o);
	ck_assert_int_eq(write(STDOUT_FILENO, much, sizeof much), (ssize_t)sizeof much);
	output_close(&out, &o);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close_log();
	has_line("log", 2, "INFO output of all");
	ck_assert_str_eq(content("errors"), "");
}
END_TEST

START_TEST(a_home_that_is_not_there_is_told)
{
	t = fake_topology("words", 1);
	ck_assert_int_eq(logfile_open(&log_, "/nowhere/at/all", t, &e), -1);
	ck_assert_str_eq(e.text, "cannot open /nowhere/at/all: No such file or directory");
	topology_free(t);
}
END_TEST

/* A log that nobody can write costs lines and nothing else: no time above all, or this takes too long. */
START_TEST(a_full_disk_holds_nobody_up)
{
	open_log();
	limit_files_to(100);
	for (int i = 0; i < 10000; i++)
		lines("split[0] warn: this is said again and again\n");
	ck_assert_uint_ge(log_.log.dropped, 9990);
	limit_files_to(RLIM_INFINITY);
	close_log();
	ck_assert_ptr_nonnull(strstr(content("errors"), "lines dropped since"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logfile");
	TCase *c = tcase_create("logfile");
	SRunner *runner;
	int n;

	tcase_add_checked_fixture(c, begin, end);
	tcase_add_test(c, lines_are_added);
	tcase_add_test(c, a_full_one_makes_room_and_the_oldest_goes);
	tcase_add_test(c, one_file_is_begun_anew);
	tcase_add_test(c, files_of_a_time_when_more_were_kept_go);
	tcase_add_test(c, a_line_without_end_is_ended_first);
	tcase_add_test(c, a_file_that_is_taken_away_is_made_again);
	tcase_add_test(c, without_room_whole_lines_are_dropped_and_counted);
	tcase_add_test(c, the_count_is_told_at_the_end_too);
	tcase_add_test(c, what_cannot_be_rotated_does_not_grow);
	tcase_add_test(c, what_is_no_file_of_ours_is_not_written_to);
	tcase_add_test(c, lines_of_workers_get_their_level);
	tcase_add_test(c, what_gale_says_of_a_worker_is_found_with_it);
	tcase_add_test(c, standard_output_goes_to_the_log);
	tcase_add_test(c, a_home_that_is_not_there_is_told);
	tcase_add_test(c, a_full_disk_holds_nobody_up);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_NORMAL);
	n = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
