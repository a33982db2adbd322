/* test_counts.c - what tasks count, over pages that come and go. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counts.h"
#include "memory.h"

enum { TASKS = 5 };

static char *dir, *path;
static struct counts_place *places;
static struct status page;

static void begin(void)
{
	const char *tmp = getenv("TMPDIR");
	struct error e = { "" };

	dir = xasprintf("%s/counts-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/tasks", dir);
	places = counts_open(path, TASKS, &e);
	ck_assert_msg(places != NULL, "%s", e.text);
	page = (struct status){ .worker = 3, .start = 1, .executed = 10, .acked = 8, .failed = 2, .timed_out = 1,
		.dead_lettered = 1 };
	page.streams[0] = (struct status_stream){ 5, 15 };
	page.streams[STATUS_STREAMS - 1] = (struct status_stream){ 1, 1 };
}

static void end(void)
{
	counts_close(places, TASKS);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
	free(path);
	free(dir);
}

/* TIMES as much as the page says. */
static void check_total(const struct counts_place *p, const struct status *on_top, uint64_t times)
{
	struct counts n = counts_total(p, on_top);

	ck_assert_uint_eq(n.emitted, 6 * times);
	ck_assert_uint_eq(n.transferred, 16 * times);
	ck_assert_uint_eq(n.executed, 10 * times);
	ck_assert_uint_eq(n.acked, 8 * times);
	ck_assert_uint_eq(n.failed, 2 * times);
	ck_assert_uint_eq(n.timed_out, times);
	ck_assert_uint_eq(n.dead_lettered, times);
}

START_TEST(a_task_alone_is_its_page)
{
	check_total(NULL, NULL, 0);
	check_total(NULL, &page, 1);
	check_total(&places[4], NULL, 0);
	check_total(&places[4], &page, 1);
}
END_TEST

START_TEST(a_page_counts_once_whether_it_is_folded_in_or_not)
{
	counts_fold(&places[2], &page);
	check_total(&places[2], &page, 1);
	check_total(&places[2], NULL, 1);
	counts_fold(&places[2], &page);		/* a second time nothing changes */
	check_total(&places[2], &page, 1);
	check_total(&places[1], NULL, 0);
	check_total(&places[3], NULL, 0);
}
END_TEST

START_TEST(starts_add_up_and_so_do_workers)
{
	counts_fold(&places[2], &page);
	page.start = 2;
	check_total(&places[2], &page, 2);
	counts_fold(&places[2], &page);
	check_total(&places[2], &page, 2);
	page.worker = 7;			/* the task was moved */
	page.start = 1;
	check_total(&places[2], &page, 3);
	counts_fold(&places[2], &page);
	check_total(&places[2], &page, 3);
	page.worker = 3;			/* and back */
	page.start = 4;
	check_total(&places[2], &page, 4);
}
END_TEST

START_TEST(what_is_counted_in_the_place_goes_on)
{
	places[2].n.executed = 90;
	places[2].n.emitted = 4;
	counts_fold(&places[2], &page);
	ck_assert_uint_eq(counts_total(&places[2], &page).executed, 100);
	ck_assert_uint_eq(counts_total(&places[2], NULL).emitted, 10);
	places[2].passed = 1000;		/* executed, and acked at once */
	ck_assert_uint_eq(counts_total(&places[2], NULL).executed, 1100);
	ck_assert_uint_eq(counts_total(&places[2], NULL).acked, 1008);
	ck_assert_uint_eq(counts_total(&places[2], NULL).failed, 2);
}
END_TEST

START_TEST(all_see_the_same_file)
{
	struct error e = { "" };
	struct counts_place *again = counts_open(path, TASKS, &e);
	const struct counts_place *seen = counts_look(path, TASKS, &e);
	struct stat st;

	ck_assert_msg(again != NULL && seen != NULL, "%s", e.text);
	places[1].n.executed = 7;
	again[4].n.executed = 9;
	ck_assert_uint_eq(seen[1].n.executed, 7);
	ck_assert_uint_eq(seen[4].n.executed, 9);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_ge(st.st_blocks * 512, (long)(TASKS * sizeof *places));	/* reserved, no hole */
	counts_close(again, TASKS);
	counts_close(seen, TASKS);
}
END_TEST

START_TEST(nobody_waits_for_a_fold_that_was_cut_short)
{
	counts_fold(&places[2], &page);
	places[2].changes++;			/* the supervisor was killed in it */
	check_total(&places[2], NULL, 1);
}
END_TEST

START_TEST(what_is_no_such_file_is_refused)
{
	struct error e = { "" };

	ck_assert_ptr_null(counts_look(dir, TASKS + 1000, &e));
	ck_assert_ptr_null(counts_look(path, TASKS + 1, &e));
	ck_assert_msg(strstr(e.text, "cut short") != NULL, "%s", e.text);
	unlink(path);
	ck_assert_ptr_null(counts_look(path, TASKS, &e));
	ck_assert_msg(strstr(e.text, "cannot open") != NULL, "%s", e.text);
	ck_assert_ptr_null(counts_look(path, TASKS, NULL));
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_ptr_null(counts_open(path, TASKS, &e));
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("counts");
	TCase *tcase = tcase_create("counts");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, a_task_alone_is_its_page);
	tcase_add_test(tcase, a_page_counts_once_whether_it_is_folded_in_or_not);
	tcase_add_test(tcase, starts_add_up_and_so_do_workers);
	tcase_add_test(tcase, what_is_counted_in_the_place_goes_on);
	tcase_add_test(tcase, all_see_the_same_file);
	tcase_add_test(tcase, nobody_waits_for_a_fold_that_was_cut_short);
	tcase_add_test(tcase, what_is_no_such_file_is_refused);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
