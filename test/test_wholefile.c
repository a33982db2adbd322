/* test_wholefile.c - a file is what it was or what it shall be, and no link is followed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "memory.h"
#include "wholefile.h"

static char path[64];
static int dir;

static void make(void)
{
	strcpy(path, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

static void destroy(void)
{
	char *command = xasprintf("rm -rf %s", path);

	close(dir);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void says(const char *name, const char *text)
{
	struct buf b = { 0 };

	ck_assert_int_eq(wholefile_read(dir, name, &b), 1);
	ck_assert_str_eq(b.data, text);
	ck_assert_uint_eq(b.n, strlen(text));
	buf_free(&b);
}

static bool is_there(const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

START_TEST(what_is_replaced_is_read_back)
{
	static char large[100000];
	struct buf b = { 0 };
	struct stat st;

	ck_assert_int_eq(wholefile_read(dir, "file", &b), 0);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_int_eq(wholefile_replace(dir, "file", "long enough", 11), 0);
	ck_assert_int_eq(wholefile_replace(dir, "file", "short", 5), 0);
	says("file", "short");
	ck_assert_int_eq(fstatat(dir, "file", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(wholefile_replace(dir, "file", "", 0), 0);
	says("file", "");
	memset(large, 'x', sizeof large - 1);
	ck_assert_int_eq(wholefile_replace(dir, "file", large, sizeof large - 1), 0);
	says("file", large);
	ck_assert(!is_there("file.new"));
}
END_TEST

/* Neither of the name nor of the name of what is unfinished. */
START_TEST(no_link_is_followed)
{
	struct buf b = { 0 };

	ck_assert_int_eq(wholefile_replace(dir, "precious", "mine", 4), 0);
	ck_assert_int_eq(symlinkat("precious", dir, "link"), 0);
	ck_assert_int_eq(wholefile_read(dir, "link", &b), -1);
	ck_assert_int_eq(errno, ELOOP);
	ck_assert_int_eq(wholefile_replace(dir, "link", "other", 5), 0);
	says("link", "other");
	ck_assert_int_eq(symlinkat("precious", dir, "trap.new"), 0);
	ck_assert_int_eq(wholefile_replace(dir, "trap", "other", 5), -1);
	ck_assert_int_eq(errno, ELOOP);
	says("precious", "mine");
	buf_free(&b);
}
END_TEST

START_TEST(what_is_no_file_is_an_error)
{
	struct buf b = { 0 };

	ck_assert_int_eq(mkdirat(dir, "folder", 0700), 0);
	ck_assert_int_eq(wholefile_read(dir, "folder", &b), -1);
	ck_assert_int_eq(errno, EISDIR);
	ck_assert_int_eq(wholefile_replace(dir, "folder", "text", 4), -1);
	ck_assert_int_eq(errno, EISDIR);
	ck_assert(!is_there("folder.new"));
	buf_free(&b);
}
END_TEST

START_TEST(after_a_failure_it_is_what_it_was)
{
	static const char *const points[] = { "file.write", "file.sync", "file.rename" };
	char *rule = xasprintf("%s=1,28", points[_i]);

	ck_assert_int_eq(wholefile_replace(dir, "file", "before", 6), 0);
	setenv("GALE_FAILPOINTS", rule, 1);
	failpoints_init("supervisor", 1);
	ck_assert_int_eq(wholefile_replace(dir, "file", "after", 5), -1);
	ck_assert_int_eq(errno, ENOSPC);
	says("file", "before");
	ck_assert(!is_there("file.new"));
	ck_assert_int_eq(wholefile_replace(dir, "file", "after", 5), 0);
	says("file", "after");
	free(rule);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wholefile");
	TCase *c = tcase_create("wholefile");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, make, destroy);
	tcase_add_test(c, what_is_replaced_is_read_back);
	tcase_add_test(c, no_link_is_followed);
	tcase_add_test(c, what_is_no_file_is_an_error);
	tcase_add_loop_test(c, after_a_failure_it_is_what_it_was, 0, 3);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
