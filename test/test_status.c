/* test_status.c - pages shared by processes. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "status.h"

static char *dir, *path;

static void make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	dir = xasprintf("%s/status-XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/w3.status", dir);
}

static void remove_dir(void)
{
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);	/* nothing else was left behind */
	free(path);
	free(dir);
}

static struct status *create(uint32_t start)
{
	struct error e = { "" };
	struct status *s = status_create(path, 3, start, &e);

	ck_assert_msg(s != NULL, "%s", e.text);
	return s;
}

static struct status *open_page(int writable)
{
	struct error e = { "" };
	struct status *s = status_open(path, writable, &e);

	ck_assert_msg(s != NULL, "%s", e.text);
	return s;
}

/* Opening must fail with a sentence that has WORDS in it. */
static void check_refused(const char *words)
{
	struct error e = { "" };

	ck_assert_ptr_null(status_open(path, 0, &e));
	ck_assert_msg(strstr(e.text, words) != NULL, "\"%s\" does not say \"%s\"", e.text, words);
	ck_assert_ptr_null(status_open(path, 0, NULL));
}

START_TEST(a_new_page_is_zero_but_for_its_head)
{
	struct status *s = create(1), blank = { 0 };
	struct stat st;

	ck_assert_uint_eq(s->magic, STATUS_MAGIC);
	ck_assert_mem_eq(&s->magic, "gale", 4);
	ck_assert_uint_eq(s->version, STATUS_VERSION);
	ck_assert_uint_eq(s->worker, 3);
	ck_assert_uint_eq(s->start, 1);
	ck_assert_uint_ne(s->started_ns, 0);
	ck_assert_mem_eq(&s->streams, &blank.streams,
	    sizeof blank - offsetof(struct status, streams));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_ge(st.st_blocks * 512, (long)sizeof *s);	/* reserved, no hole */
	status_close(s);
}
END_TEST

/* Does in a child what a worker does, then dies as SIGKILL makes it die. */
START_TEST(the_page_of_a_killed_worker_is_its_obituary)
{
	struct status *s;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		s = status_create(path, 3, 7, NULL);
		s->executed = 12345;
		s->hand_since_ns = 99;
		s->hand_root = 0xabcdef;
		s->hand_n = 5;
		memcpy(s->hand, "hello", 5);
		hist_add(&s->execute, 1000, 12345);
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	s = open_page(0);
	ck_assert_uint_eq(s->worker, 3);
	ck_assert_uint_eq(s->start, 7);
	ck_assert_uint_eq(s->executed, 12345);
	ck_assert_uint_eq(s->hand_since_ns, 99);
	ck_assert_uint_eq(s->hand_root, 0xabcdef);
	ck_assert_mem_eq(s->hand, "hello", s->hand_n);
	ck_assert_uint_eq(hist_quantile(&s->execute, 0.5), 1000);
	status_close(s);
}
END_TEST

START_TEST(another_process_sees_the_counters_move)
{
	struct status *s = create(1);
	int status;
	pid_t pid;

	s->acked = 41;
	pid = fork();
	if (pid == 0) {
		struct status *mine = status_open(path, 1, NULL);

		if (mine == NULL || mine->acked != 41)
			_exit(1);
		mine->failed = 6;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(s->failed, 6);
	status_close(s);
}
END_TEST

START_TEST(a_reader_cannot_write)
{
	int status;
	pid_t pid;

	status_close(create(1));
	pid = fork();
	if (pid == 0) {
		volatile struct status *s = status_open(path, 0, NULL);

		signal(SIGSEGV, SIG_DFL);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
		s->acked = 1;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
END_TEST

START_TEST(a_successor_replaces_the_page_and_the_old_one_stays_readable)
{
	struct status *old, *worker = create(1);
	struct status *successor;

	worker->executed = 5;
	old = open_page(0);
	status_close(worker);
	successor = create(2);
	ck_assert_uint_eq(old->start, 1);
	ck_assert_uint_eq(old->executed, 5);
	ck_assert_uint_eq(successor->start, 2);
	ck_assert_uint_eq(successor->executed, 0);
	status_close(old);
	status_close(successor);
}
END_TEST

START_TEST(another_version_is_refused_with_both_numbers)
{
	struct status *s = create(1);
	char text[64];

	s->version = STATUS_VERSION + 41;
	status_close(s);
	snprintf(text, sizeof text, "version %d; this program reads %d",
	    STATUS_VERSION + 41, STATUS_VERSION);
	check_refused(text);
	ck_assert_int_eq(truncate(path, 100), 0);	/* other versions may be shorter */
	check_refused(text);
}
END_TEST

START_TEST(a_page_cut_short_is_refused_at_every_length)
{
	status_close(create(1));
	for (off_t n = sizeof(struct status) - 1; n > 0; n -= n > 64 ? 61 : 1) {
		ck_assert_int_eq(truncate(path, n), 0);
		check_refused("is cut short");
	}
	ck_assert_int_eq(truncate(path, 0), 0);
	check_refused("is cut short");
}
END_TEST

START_TEST(what_is_no_page_is_refused)
{
	struct status *s = create(1);

	s->magic = 0x464c457f;
	status_close(s);
	check_refused("is no status page");
	unlink(path);
	check_refused(strerror(ENOENT));
	ck_assert_int_eq(mkdir(path, 0700), 0);
	check_refused(strerror(EISDIR));
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(creation_in_no_directory_says_so)
{
	char *nowhere = xasprintf("%s/none/w3.status", dir);
	struct error e = { "" };

	ck_assert_ptr_null(status_create(nowhere, 3, 1, &e));
	ck_assert_ptr_nonnull(strstr(e.text, nowhere));
	ck_assert_ptr_nonnull(strstr(e.text, strerror(ENOENT)));
	free(nowhere);
}
END_TEST

/* A limit stands in for a full file system; in a child, for the limit sticks. */
START_TEST(a_full_file_system_is_an_error_and_leaves_nothing)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct error e = { "" };

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, 4096 });
		if (status_create(path, 3, 1, &e) != NULL)
			_exit(1);
		_exit(strstr(e.text, "no room") ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(closing_nothing_is_allowed)
{
	status_close(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("status");
	TCase *tcase = tcase_create("status");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	tcase_add_checked_fixture(tcase, make_dir, remove_dir);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, a_new_page_is_zero_but_for_its_head);
	tcase_add_test(tcase, the_page_of_a_killed_worker_is_its_obituary);
	tcase_add_test(tcase, another_process_sees_the_counters_move);
	tcase_add_test(tcase, a_reader_cannot_write);
	tcase_add_test(tcase, a_successor_replaces_the_page_and_the_old_one_stays_readable);
	tcase_add_test(tcase, another_version_is_refused_with_both_numbers);
	tcase_add_test(tcase, a_page_cut_short_is_refused_at_every_length);
	tcase_add_test(tcase, what_is_no_page_is_refused);
	tcase_add_test(tcase, creation_in_no_directory_says_so);
	tcase_add_test(tcase, a_full_file_system_is_an_error_and_leaves_nothing);
	tcase_add_test(tcase, closing_nothing_is_allowed);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
