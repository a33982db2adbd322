/* test_ourdir.c - directories: refused, locked, emptied.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "ourdir.h"

static char root[64];
static int dir;		/* open on it */
static struct error e;

static void make(void)
{
	strcpy(root, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	dir = open(root, OURDIR_OPEN);
	ck_assert_int_ge(dir, 0);
}

static void destroy(void)
{
	char *command = xasprintf("rm -rf %s", root);

	close(dir);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

static void folder(const char *name)
{
	ck_assert_int_eq(mkdirat(dir, name, 0700), 0);
}

static void touch(const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static bool is_there(const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- whose it is ---- */

static void refused(int cause, const char *why)
{
	ck_assert_int_eq(ourdir_open(dir, "it", "/known/as/it", "XDG_SOME_HOME", &e), -1);
	ck_assert_int_eq(errno, cause);
	ck_assert_ptr_nonnull(strstr(e.text, "/known/as/it"));
	ck_assert_msg(strstr(e.text, why) != NULL, "%s", e.text);
}

START_TEST(what_is_ours_alone_is_opened)
{
	int fd;

	refused(ENOENT, "No such file");
	folder("it");
	fd = ourdir_open(dir, "it", "/known/as/it", "XDG_SOME_HOME", &e);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}
END_TEST

START_TEST(what_is_no_directory_is_refused)
{
	touch("it");
	refused(ENOTDIR, "is not a directory; remove it, or set XDG_SOME_HOME");
}
END_TEST

START_TEST(a_link_is_refused)
{
	folder("target");
	ck_assert_int_eq(symlinkat("target", dir, "it"), 0);
	refused(ENOTDIR, "is not a directory");
	ck_assert_int_eq(unlinkat(dir, "it", 0), 0);
	ck_assert_int_eq(symlinkat("nowhere", dir, "it"), 0);
	refused(ENOTDIR, "is not a directory");
}
END_TEST

/* Each of the permissions that others may have. */
START_TEST(what_others_can_use_is_refused)
{
	mode_t mode = 0700 | (mode_t)1 << _i;
	char says[64];

	folder("it");
	ck_assert_int_eq(fchmodat(dir, "it", mode, 0), 0);
	snprintf(says, sizeof says, "open to other users (mode %04o); run: chmod 700", (unsigned)mode);
	refused(EACCES, says);
}
END_TEST

START_TEST(what_another_user_owns_is_refused)
{
	if (geteuid() != 0)
		return;		/* only root can make one */
	folder("it");
	ck_assert_int_eq(fchownat(dir, "it", 12345, (gid_t)-1, 0), 0);
	refused(EACCES, "belongs to user 12345, not to you; remove it, or set XDG_SOME_HOME");
}
END_TEST

START_TEST(only_a_directory_with_no_forbidden_permission_is_ours)
{
	struct stat st;

	folder("it");
	touch("file");
	ck_assert_int_eq(fchmodat(dir, "it", 0750, 0), 0);
	ck_assert_int_eq(fstatat(dir, "it", &st, 0), 0);
	ck_assert(ourdir_is(&st, S_IWGRP | S_IWOTH));
	ck_assert(!ourdir_is(&st, S_IRWXG));
	st.st_uid++;
	ck_assert(!ourdir_is(&st, 0));
	ck_assert_int_eq(fstatat(dir, "file", &st, 0), 0);
	ck_assert(!ourdir_is(&st, 0));
}
END_TEST

/* ---- locks ---- */

START_TEST(who_waits_gets_the_lock_when_it_is_free)
{
	int ends[2], status;
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		int mine = open(root, OURDIR_OPEN);

		_exit(ourdir_lock(mine, 0) == 0 && write(ends[1], &byte, 1) == 1 && usleep(20000) == 0 ? 0 : 1);
	}
	ck_assert_int_eq((int)read(ends[0], &byte, 1), 1);
	ck_assert_int_eq(ourdir_lock(dir, 30000), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(who_waits_in_vain_is_told)
{
	uint64_t since = clock_now_ns();
	int other = open(root, OURDIR_OPEN);

	ck_assert_int_eq(ourdir_lock(other, 0), 0);
	ck_assert_int_eq(ourdir_lock(dir, 30), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	ck_assert_uint_ge(clock_now_ns() - since, 30 * (uint64_t)NS_PER_MS);
	close(other);
	ck_assert_int_eq(ourdir_lock(dir, 0), 0);
	ck_assert_int_eq(ourdir_lock(-1, 0), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

/* Another of the same name is not the one that was waited for. */
START_TEST(what_was_removed_has_no_name)
{
	int fd;

	folder("it");
	fd = openat(dir, "it", OURDIR_OPEN);
	ck_assert(ourdir_has_name(fd));
	ck_assert_int_eq(unlinkat(dir, "it", AT_REMOVEDIR), 0);
	folder("it");
	ck_assert(!ourdir_has_name(fd));
	close(fd);
}
END_TEST

/* ---- removing ---- */

static int emptied(const char *name, int depth, ourdir_spares_fn *spares)
{
	return ourdir_empty(openat(dir, name, OURDIR_OPEN), depth, spares);
}

START_TEST(links_are_removed_and_never_followed)
{
	char *up = xasprintf("%s/precious", root);

	folder("precious");
	touch("precious/file");
	folder("it");
	folder("it/inner");
	ck_assert_int_eq(symlinkat(up, dir, "it/link"), 0);
	ck_assert_int_eq(symlinkat("..", dir, "it/inner/link"), 0);
	ck_assert_int_eq(emptied("it", 4, NULL), 0);
	ck_assert_int_eq(unlinkat(dir, "it", AT_REMOVEDIR), 0);
	ck_assert(is_there("precious/file"));
	ck_assert_int_eq(symlinkat("precious", dir, "it"), 0);
	free(up);
	up = xasprintf("%s/it", root);
	ourdir_remove(up);
	ck_assert(is_there("it") && is_there("precious/file"));
	free(up);
}
END_TEST

START_TEST(it_goes_as_deep_as_it_may)
{
	folder("it");
	touch("it/file");
	folder("it/a");
	touch("it/a/file");
	folder("it/a/b");
	ck_assert_int_eq(emptied("it", 0, NULL), EISDIR);
	ck_assert(!is_there("it/file") && is_there("it/a/file"));
	ck_assert_int_eq(emptied("it", 1, NULL), EISDIR);
	ck_assert(!is_there("it/a/file") && is_there("it/a/b"));
	ck_assert_int_eq(emptied("it", 2, NULL), 0);
	ck_assert(!is_there("it/a"));
}
END_TEST

static bool spares_kept(int fd, const char *name, bool top)
{
	ck_assert_int_eq(faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW), 0);
	ck_assert(strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
	return top && strcmp(name, "kept") == 0;
}

START_TEST(what_is_spared_stays)
{
	folder("it");
	folder("it/kept");
	touch("it/kept/kept");
	folder("it/a");
	touch("it/a/kept");
	ck_assert_int_eq(emptied("it", 2, spares_kept), 0);
	ck_assert(is_there("it/kept/kept") && !is_there("it/a"));
}
END_TEST

START_TEST(a_directory_goes_with_its_files)
{
	char *it = xasprintf("%s/it", root);

	ourdir_remove(it);	/* there is none */
	folder("it");
	touch("it/one");
	touch("it/.two");
	ourdir_remove(it);
	ck_assert(!is_there("it"));
	free(it);
}
END_TEST

static TCase *cases(void)
{
	TCase *c = tcase_create("ourdir");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, make, destroy);
	tcase_add_test(c, what_is_ours_alone_is_opened);
	tcase_add_test(c, what_is_no_directory_is_refused);
	tcase_add_test(c, a_link_is_refused);
	tcase_add_loop_test(c, what_others_can_use_is_refused, 0, 6);
	tcase_add_test(c, what_another_user_owns_is_refused);
	tcase_add_test(c, only_a_directory_with_no_forbidden_permission_is_ours);
	tcase_add_test(c, who_waits_gets_the_lock_when_it_is_free);
	tcase_add_test(c, who_waits_in_vain_is_told);
	tcase_add_test(c, what_was_removed_has_no_name);
	tcase_add_test(c, links_are_removed_and_never_followed);
	tcase_add_test(c, it_goes_as_deep_as_it_may);
	tcase_add_test(c, what_is_spared_stays);
	tcase_add_test(c, a_directory_goes_with_its_files);
	return c;
}

int main(void)
{
	Suite *s = suite_create("ourdir");
	SRunner *r;
	int n;

	suite_add_tcase(s, cases());
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
