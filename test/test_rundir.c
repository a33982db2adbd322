/* test_rundir.c - run directories: made, locked, swept, refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "rundir.h"

static char home[64];		/* XDG_RUNTIME_DIR of this test */
static char base[80];
static struct error e;

static void make_home(void)
{
	strcpy(home, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	snprintf(base, sizeof base, "%s/gale", home);
	setenv("XDG_RUNTIME_DIR", home, 1);
}

static void remove_home(void)
{
	char *command = xasprintf("rm -rf %s", home);

	ck_assert_int_eq(system(command), 0);
	free(command);
}

static int exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void touch(const char *dir, const char *name)
{
	char *path = xasprintf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
	free(path);
}

/* create_elsewhere makes a run directory in a process that ends at once, or waits to be
 * killed when WAIT; gives its path. */
static char *create_elsewhere(const char *name, pid_t *pid, int wait)
{
	char path[256] = "";
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	*pid = fork();
	if (*pid == 0) {
		struct rundir r;

		if (rundir_create(&r, name, NULL) == 0) {
			touch(r.path, "w0.status");
			if (write(ends[1], r.path, strlen(r.path)) > 0 && wait)
				pause();
		}
		_exit(0);
	}
	close(ends[1]);
	ck_assert_int_gt((int)read(ends[0], path, sizeof path - 1), 0);
	close(ends[0]);
	if (!wait)
		waitpid(*pid, NULL, 0);
	return xstrdup(path);
}

START_TEST(what_is_made_is_private_and_goes_without_trace)
{
	struct rundir r;
	struct stat st;
	char *inner;

	ck_assert_int_eq(rundir_create(&r, "words", &e), 0);
	ck_assert_int_eq(stat(r.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(base, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	touch(r.path, "w1.status");
	inner = xasprintf("%s/plugin", r.path);
	ck_assert_int_eq(mkdir(inner, 0700), 0);
	touch(inner, "deep");
	rundir_remove(&r);
	ck_assert(!exists(base));
	free(inner);
}
END_TEST

START_TEST(a_dead_run_is_swept_and_a_living_one_is_kept)
{
	pid_t dead, living;
	char *stale = create_elsewhere("stale", &dead, 0);
	char *live = create_elsewhere("live", &living, 1);
	struct rundir r;

	touch(base, "not-a-directory");
	ck_assert_int_eq(rundir_create(&r, "mine", &e), 0);	/* sweeps as well */
	ck_assert(!exists(stale));
	ck_assert(exists(live));
	rundir_sweep();
	ck_assert(exists(live));
	ck_assert(exists(r.path));
	kill(living, SIGKILL);
	waitpid(living, NULL, 0);
	rundir_sweep();
	ck_assert(!exists(live));
	rundir_remove(&r);
	free(stale);
	free(live);
}
END_TEST

/* living gives how many run directories of living supervisors there are; PATH must be one unless it is NULL. */
static size_t living(const char *path)
{
	char **paths = rundir_living();
	bool found = path == NULL;
	size_t n = 0;

	for (; paths[n] != NULL; n++) {
		found |= path != NULL && strcmp(paths[n], path) == 0;
		free(paths[n]);
	}
	free(paths);
	ck_assert_msg(found, "%s does not live", path != NULL ? path : "");
	return n;
}

START_TEST(those_that_live_are_told_from_those_that_are_dead)
{
	pid_t dead, alive;
	char *stale, *live, *new;
	struct rundir r;
	int maker;

	ck_assert_uint_eq(living(NULL), 0);	/* there is no base yet */
	live = create_elsewhere("live", &alive, 1);
	stale = create_elsewhere("stale", &dead, 0);
	touch(base, "not-a-directory");
	ck_assert_uint_eq(living(live), 1);
	ck_assert_int_eq(rundir_create(&r, "mine", &e), 0);
	ck_assert_uint_eq(living(r.path), 2);
	ck_assert_uint_eq(living(live), 2);
	rundir_remove(&r);
	maker = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(maker, LOCK_EX), 0);
	new = xasprintf("%s/new-1", base);
	ck_assert_int_eq(mkdir(new, 0700), 0);
	/* Its maker has not locked it yet, and nobody else may: so all that is there is told. */
	ck_assert_uint_eq(living(live), 3);
	close(maker);
	ck_assert_uint_eq(living(live), 1);
	kill(alive, SIGKILL);
	waitpid(alive, NULL, 0);
	ck_assert_uint_eq(living(NULL), 0);
	free(stale);
	free(live);
	free(new);
}
END_TEST

/* Who looks all the time keeps nobody from making and removing. */
START_TEST(lookers_do_not_hurt_makers)
{
	enum { MAKERS = 4, LOOKERS = 4, ROUNDS = 100 };
	int status;

	for (int i = 0; i < MAKERS + LOOKERS; i++)
		if (fork() == 0) {
			struct rundir r;

			for (int k = 0; k < ROUNDS; k++) {
				if (i >= MAKERS) {
					living(NULL);
					continue;
				}
				if (rundir_create(&r, "words", &e) != 0) {
					fprintf(stderr, "%s\n", e.text);
					_exit(1);
				}
				rundir_remove(&r);
			}
			_exit(0);
		}
	for (int i = 0; i < MAKERS + LOOKERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

START_TEST(the_last_sweep_leaves_nothing)
{
	pid_t dead;
	char *stale = create_elsewhere("stale", &dead, 0);

	ck_assert(exists(stale));
	rundir_sweep();
	ck_assert(!exists(base));
	rundir_sweep();		/* nothing there at all */
	free(stale);
}
END_TEST

/* times_open tells how many descriptors process PID has for PATH. */
static int times_open(pid_t pid, const char *path)
{
	char *fds = xasprintf("/proc/%d/fd", (int)pid), target[256];
	DIR *d = opendir(fds);
	int n = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
		ssize_t length = readlinkat(dirfd(d), entry->d_name, target, sizeof target - 1);

		if (length > 0) {
			target[length] = '\0';
			n += strcmp(target, path) == 0;
		}
	}
	closedir(d);
	free(fds);
	return n;
}

/* The last to leave waits for BASE; until it has the lock, BASE may be another one, with
 * somebody about to move in. */
START_TEST(a_base_that_was_made_anew_is_left_to_its_maker)
{
	uint64_t deadline = clock_now_ns() + 30 * (uint64_t)NS_PER_S;
	struct rundir r;
	int held, status;
	pid_t pid;

	ck_assert_int_eq(rundir_create(&r, "mine", &e), 0);
	held = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(held, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		rundir_remove(&r);
		_exit(0);
	}
	while (times_open(pid, base) < 2)	/* ours, inherited, and its own */
		ck_assert_uint_lt(clock_now_ns(), deadline);
	ck_assert_int_eq(rmdir(base), 0);
	ck_assert_int_eq(mkdir(base, 0700), 0);
	ck_assert_int_eq(flock(held, LOCK_UN), 0);
	close(held);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(exists(base));
	rundir_remove(&r);
	ck_assert(!exists(base));
}
END_TEST

/* Twenty processes make, sweep and remove directories; the last leaves nothing. */
START_TEST(makers_and_sweepers_do_not_hurt_each_other)
{
	enum { MAKERS = 20, ROUNDS = 50 };
	int status;

	for (int i = 0; i < MAKERS; i++)
		if (fork() == 0) {
			struct rundir r;

			for (int k = 0; k < ROUNDS; k++) {
				if (rundir_create(&r, "words", &e) != 0) {
					fprintf(stderr, "%s\n", e.text);
					_exit(1);
				}
				touch(r.path, "w0.status");
				rundir_sweep();
				if (!exists(r.path))
					_exit(2);
				rundir_remove(&r);
			}
			_exit(0);
		}
	for (int i = 0; i < MAKERS; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert(!exists(base));
}
END_TEST

START_TEST(links_inside_are_removed_and_never_followed)
{
	char *precious = xasprintf("%s/precious", home);
	char *link, *stale;
	pid_t dead;

	ck_assert_int_eq(mkdir(precious, 0700), 0);
	touch(precious, "file");
	stale = create_elsewhere("stale", &dead, 0);
	link = xasprintf("%s/link", stale);
	ck_assert_int_eq(symlink(precious, link), 0);
	free(link);
	link = xasprintf("%s/aside", base);
	ck_assert_int_eq(symlink(precious, link), 0);
	rundir_sweep();
	ck_assert(!exists(stale));
	free(link);
	link = xasprintf("%s/file", precious);
	ck_assert(exists(link));
	free(link);
	free(stale);
	free(precious);
}
END_TEST

START_TEST(temporary_files_elsewhere_go_with_the_run)
{
	char *file = xasprintf("%s/.gale-1", home), *dir = xasprintf("%s/.gale-2", home);
	char *other = xasprintf("%s/other", home);
	struct rundir r;

	ck_assert_int_eq(rundir_create(&r, "words", &e), 0);
	ck_assert_int_eq(rundir_temporary(r.path, file, &e), 0);
	ck_assert_int_eq(rundir_temporary(r.path, dir, &e), 0);
	ck_assert_int_eq(rundir_temporary(r.path, other, &e), -1);
	touch(home, ".gale-1");
	touch(home, "other");
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	touch(dir, "one");
	touch(dir, ".gale-another");
	rundir_remove(&r);
	ck_assert(!exists(file) && !exists(dir) && exists(other));
	free(file);
	free(dir);
	free(other);
}
END_TEST

/* Whoever may write there could have made them. */
START_TEST(links_in_temporary_directories_are_not_followed)
{
	char *dir = xasprintf("%s/.gale-1", home), *itself = xasprintf("%s/.gale-1/.gale-1", home);
	char *link = xasprintf("%s/.gale-1/.gale-2", home), *precious = xasprintf("%s/.gale-2", home);
	struct rundir r;

	ck_assert_int_eq(rundir_create(&r, "words", &e), 0);
	ck_assert_int_eq(rundir_temporary(r.path, dir, &e), 0);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	touch(home, ".gale-2");
	ck_assert_int_eq(symlink(dir, itself), 0);
	ck_assert_int_eq(symlink(precious, link), 0);
	rundir_remove(&r);
	ck_assert(!exists(dir) && exists(precious));
	free(precious);
	free(link);
	free(itself);
	free(dir);
}
END_TEST

START_TEST(a_base_that_is_a_link_is_refused)
{
	struct rundir r;
	char *target = xasprintf("%s/elsewhere", home);

	ck_assert_int_eq(mkdir(target, 0700), 0);
	ck_assert_int_eq(symlink(target, base), 0);
	ck_assert_int_eq(rundir_create(&r, "words", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "is not a directory"));
	free(target);
}
END_TEST

START_TEST(a_base_open_to_others_is_refused)
{
	struct rundir r;

	ck_assert_int_eq(mkdir(base, 0700), 0);
	ck_assert_int_eq(chmod(base, 0755), 0);
	ck_assert_int_eq(rundir_create(&r, "words", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "chmod 700"));
}
END_TEST

START_TEST(a_base_of_another_user_is_refused)
{
	struct rundir r;

	if (geteuid() != 0)
		return;		/* only root can make one */
	ck_assert_int_eq(mkdir(base, 0700), 0);
	ck_assert_int_eq(chown(base, 12345, (gid_t)-1), 0);
	ck_assert_int_eq(rundir_create(&r, "words", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "belongs to user 12345"));
	rundir_sweep();
	ck_assert(exists(base));
}
END_TEST

START_TEST(a_runtime_directory_of_another_user_is_passed_over)
{
	struct rundir r;

	if (geteuid() != 0)
		return;
	ck_assert_int_eq(chown(home, 12345, (gid_t)-1), 0);
	ck_assert_int_eq(rundir_create(&r, "gale-test", &e), 0);
	ck_assert_int_eq(strncmp(r.path, "/run/gale/", 10), 0);
	rundir_remove(&r);
}
END_TEST

/* The longest socket of the directory fits into a struct sockaddr_un. */
START_TEST(names_give_way_to_long_paths)
{
	struct sockaddr_un address;
	struct rundir r;
	char *deep, *endpoint;

	deep = xasprintf("%s/%030d", home, 0);
	ck_assert_int_eq(mkdir(deep, 0700), 0);
	setenv("XDG_RUNTIME_DIR", deep, 1);
	ck_assert_int_eq(rundir_create(&r, "a-name-of-many-letters-that-nobody-needs", &e), 0);
	endpoint = rundir_ack_endpoint(r.path, UINT32_MAX, UINT32_MAX);
	ck_assert_uint_lt(strlen(endpoint + strlen("ipc://")), sizeof address.sun_path);
	free(endpoint);
	rundir_remove(&r);
	free(deep);
}
END_TEST

START_TEST(too_long_a_path_is_refused_with_advice)
{
	struct rundir r;
	char *deep = xasprintf("%s/%070d", home, 0);

	ck_assert_int_eq(mkdir(deep, 0700), 0);
	setenv("XDG_RUNTIME_DIR", deep, 1);
	ck_assert_int_eq(rundir_create(&r, "w", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "too long"));
	ck_assert_ptr_nonnull(strstr(e.text, "XDG_RUNTIME_DIR"));
	free(deep);
}
END_TEST

START_TEST(names_are_made_harmless)
{
	char *want = xasprintf("%s/_.____.._etc_pass_wd-%d", base, (int)getpid());
	struct rundir r;

	ck_assert_int_eq(rundir_create(&r, "..\n\x80/\t../etc/pass wd", &e), 0);
	ck_assert_str_eq(r.path, want);
	rundir_remove(&r);
	free(want);
}
END_TEST

START_TEST(a_pid_may_be_there_twice)
{
	struct rundir one, two;

	ck_assert_int_eq(rundir_create(&one, "words", &e), 0);
	ck_assert_int_eq(rundir_create(&two, "words", &e), 0);
	ck_assert_str_ne(one.path, two.path);
	rundir_remove(&one);
	ck_assert(exists(two.path));
	rundir_remove(&two);
	ck_assert(!exists(base));
}
END_TEST

START_TEST(paths_are_as_documented)
{
	char *path = rundir_status("/run/gale/x-1", 3, 0);

	ck_assert_str_eq(path, "/run/gale/x-1/w3.status");
	free(path);
	path = rundir_data_endpoint("/run/gale/x-1", 3, 1);
	ck_assert_str_eq(path, "ipc:///run/gale/x-1/w3.1.in");
	free(path);
	path = rundir_ack_endpoint("/run/gale/x-1", 3, 2);
	ck_assert_str_eq(path, "ipc:///run/gale/x-1/w3.2.ack");
	free(path);
	path = rundir_topology("/run/gale/x-1");
	ck_assert_str_eq(path, "/run/gale/x-1/topology.json");
	free(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rundir");
	TCase *c = tcase_create("rundir");
	SRunner *r;
	int n;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, make_home, remove_home);
	tcase_add_test(c, what_is_made_is_private_and_goes_without_trace);
	tcase_add_test(c, a_dead_run_is_swept_and_a_living_one_is_kept);
	tcase_add_test(c, those_that_live_are_told_from_those_that_are_dead);
	tcase_add_test(c, lookers_do_not_hurt_makers);
	tcase_add_test(c, the_last_sweep_leaves_nothing);
	tcase_add_test(c, a_base_that_was_made_anew_is_left_to_its_maker);
	tcase_add_test(c, makers_and_sweepers_do_not_hurt_each_other);
	tcase_add_test(c, links_inside_are_removed_and_never_followed);
	tcase_add_test(c, temporary_files_elsewhere_go_with_the_run);
	tcase_add_test(c, links_in_temporary_directories_are_not_followed);
	tcase_add_test(c, a_base_that_is_a_link_is_refused);
	tcase_add_test(c, a_base_open_to_others_is_refused);
	tcase_add_test(c, a_base_of_another_user_is_refused);
	tcase_add_test(c, a_runtime_directory_of_another_user_is_passed_over);
	tcase_add_test(c, names_give_way_to_long_paths);
	tcase_add_test(c, too_long_a_path_is_refused_with_advice);
	tcase_add_test(c, names_are_made_harmless);
	tcase_add_test(c, a_pid_may_be_there_twice);
	tcase_add_test(c, paths_are_as_documented);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
