/* test_state.c - state: the overlay over LevelDB against a model, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "memory.h"
#include "random.h"
#include "seed.h"
#include "state.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

static char dir[64], path[128];
static uint64_t first_seed;

static void set_up(void)
{
	strcpy(dir, "/tmp/test-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a/state/count.0", dir);
}

static void tear_down(void)
{
	char command[256];

	snprintf(command, sizeof command, "chmod -R u+rwx %s && rm -rf %s", dir, dir);
	ck_assert_int_eq(system(command), 0);
}

static struct state *opened(void)
{
	struct error e = { "" };
	struct state *s = state_open(path, 7, &e);

	ck_assert_msg(s != NULL, "%s", e.text);
	return s;
}

static void commit(struct state *s)
{
	struct error e = { "" };

	ck_assert_msg(state_commit(s, &e) == 0, "%s", e.text);
	ck_assert(!state_dirty(s));
}

static void put(struct state *s, const char *key, const char *value)
{
	ck_assert_int_eq(state_put(s, key, strlen(key), value, strlen(value), NULL), 0);
}

/* text gives the value of KEY as text, or "-" when there is none. */
static const char *text(struct state *s, const char *key)
{
	static char copy[600];
	struct error e = { "" };
	gale_slice v;
	int found = state_get(s, key, strlen(key), &v, &e);

	ck_assert_msg(found >= 0, "%s", e.text);
	if (found == 0)
		return "-";
	snprintf(copy, sizeof copy, "%.*s", (int)v.n, (const char *)v.bytes);
	return copy;
}

static int64_t add(struct state *s, const char *key, int64_t by)
{
	int64_t sum;

	ck_assert_int_eq(state_add(s, key, strlen(key), by, &sum, NULL), 1);
	return sum;
}

/* refused opens the state, which must fail and say WHY and the path. */
static void refused(const char *why)
{
	struct error e = { "" };
	struct state *s = state_open(path, 7, &e);

	ck_assert_msg(s == NULL, "it was opened, and not refused because: %s", why);
	ck_assert_msg(strstr(e.text, why) != NULL && strstr(e.text, "count.0") != NULL, "%s", e.text);
}

/* ---- what it keeps ---- */

START_TEST(what_was_committed_is_there_again_and_the_rest_is_not)
{
	struct state *s = opened();

	ck_assert_str_eq(text(s, "a"), "-");
	put(s, "a", "1");
	put(s, "", "empty");
	commit(s);
	put(s, "a", "2");
	state_delete(s, "", 0, NULL);
	put(s, "b", "3");
	ck_assert_str_eq(text(s, "a"), "2");
	ck_assert_str_eq(text(s, ""), "-");
	state_close(s);
	s = opened();
	ck_assert_str_eq(text(s, "a"), "1");
	ck_assert_str_eq(text(s, ""), "empty");
	ck_assert_str_eq(text(s, "b"), "-");
	state_delete(s, "a", 1, NULL);
	commit(s);
	state_close(s);
	s = opened();
	ck_assert_str_eq(text(s, "a"), "-");
	state_close(s);
}
END_TEST

START_TEST(nothing_is_made_before_something_is_committed)
{
	struct state *s = opened();

	commit(s);
	put(s, "a", "1");
	ck_assert_int_eq(access(path, F_OK), -1);
	commit(s);
	ck_assert_int_eq(access(path, F_OK), 0);
	state_close(s);
}
END_TEST

START_TEST(directories_are_for_their_owner_only)
{
	struct state *s = opened();
	struct stat st;

	state_close(s);
	for (char *slash = path + strlen(dir); (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, 0700);
	}
}
END_TEST

START_TEST(numbers_are_added_in_place)
{
	struct state *s = opened();
	struct error e;

	ck_assert_int_eq(add(s, "n", 5), 5);
	commit(s);
	ck_assert_int_eq(add(s, "n", -7), -2);
	ck_assert_int_eq(add(s, "n", INT64_MIN), INT64_MAX - 1);
	commit(s);
	state_close(s);
	s = opened();
	ck_assert_int_eq(add(s, "n", 0), INT64_MAX - 1);
	put(s, "n", "text");
	ck_assert_int_eq(state_add(s, "n", 1, 1, NULL, &e), 0);
	ck_assert_str_eq(text(s, "n"), "text");
	state_delete(s, "n", 1, NULL);
	ck_assert_int_eq(add(s, "n", 1), 1);
	state_close(s);
}
END_TEST

START_TEST(a_value_is_merged_in_place)
{
	struct state *s = opened();
	void *v;

	put(s, "k", "abc");
	ck_assert_int_eq(state_merge(s, "k", 1, 5, &v, NULL), 0);
	ck_assert_int_eq(memcmp(v, "abc\0\0", 5), 0);
	ck_assert_int_eq((uintptr_t)v % 8, 0);
	memcpy(v, "ABCDE", 5);
	commit(s);
	ck_assert_int_eq(state_merge(s, "k", 1, 2, &v, NULL), 0);
	commit(s);
	ck_assert_int_eq(state_merge(s, "k", 1, 4, &v, NULL), 0);
	ck_assert_int_eq(memcmp(v, "AB\0\0", 4), 0);
	state_delete(s, "k", 1, NULL);
	ck_assert_int_eq(state_merge(s, "k", 1, 3000, &v, NULL), 0);
	for (int i = 0; i < 3000; i++)
		ck_assert(((char *)v)[i] == 0);
	state_close(s);
}
END_TEST

/* ---- against a model ---- */

enum { KEYS = 200, STEPS = 3000 };

/* What there should be: a value for each of KEYS keys, 0: none. */
struct model {
	uint64_t now[KEYS], committed[KEYS];
};

static size_t key_of(char *key, uint64_t number)
{
	/* Some have others as their beginning; the order of numbers is the one of keys. */
	return (size_t)sprintf(key, number % 2 ? "k%03u+" : "k%03u", (unsigned)number);
}

static size_t value_of(char *value, uint64_t x)
{
	return (size_t)sprintf(value, "%0*llu", (int)(x % 40 + 1), (unsigned long long)x);
}

static void expect_step(const gale_scan *scan, uint64_t number, uint64_t x)
{
	char key[16], value[64];
	size_t n = key_of(key, number), n_value = value_of(value, x);

	ck_assert_msg(scan->key.n == n && memcmp(scan->key.bytes, key, n) == 0,
	    "key %.*s and not %s", (int)scan->key.n, (const char *)scan->key.bytes, key);
	ck_assert(scan->value.n == n_value && memcmp(scan->value.bytes, value, n_value) == 0);
}

/* change does something to one key, in both. */
static void change(struct state *s, struct model *m, uint64_t *seed)
{
	uint64_t number = random_next(seed) % KEYS, x = random_next(seed) % 1000000 + 1;
	char key[16], value[64];
	size_t n = key_of(key, number);

	if (random_next(seed) % 3 == 0) {
		state_delete(s, key, n, NULL);
		m->now[number] = 0;
	} else {
		state_put(s, key, n, value, value_of(value, x), NULL);
		m->now[number] = x;
	}
}

/* walk scans all keys from a random one on; now and then it changes some on its way, or
 * commits, or goes on as a later callback does. */
static void walk(struct state *s, struct model *m, uint64_t *seed)
{
	uint64_t next = random_next(seed) % KEYS, disturb = random_next(seed) % 3;
	char from[16], last[16];
	size_t n = key_of(from, next++);
	gale_scan scan = gale_state_scan_after("k", 1, from, n);

	for (int more; ; next++) {
		more = state_next(s, &scan, NULL);
		while (next < KEYS && m->now[next] == 0)
			next++;
		ck_assert_int_eq(more, next < KEYS);
		if (!more)
			break;
		expect_step(&scan, next, m->now[next]);
		for (uint64_t i = 0; i < disturb; i++)
			change(s, m, seed);
		if (disturb == 2 && random_next(seed) % 8 == 0) {
			commit(s);
			memcpy(m->committed, m->now, sizeof m->now);
		}
		if (random_next(seed) % 8 == 0) {
			n = scan.key.n;
			memcpy(last, scan.key.bytes, n);
			scan = gale_state_scan_after("k", 1, last, n);
		}
	}
}

static void look(struct state *s, const struct model *m, uint64_t number)
{
	char key[16], value[64];
	struct error e;
	gale_slice v;
	int found = state_get(s, key, key_of(key, number), &v, &e);

	ck_assert_int_eq(found, m->now[number] != 0);
	if (found)
		ck_assert(v.n == value_of(value, m->now[number]) && memcmp(v.bytes, value, v.n) == 0);
}

START_TEST(random_operations_do_what_a_model_does)
{
	uint64_t seed = random_mix(first_seed + (uint64_t)_i);
	struct state *s = opened();
	struct model m = { { 0 }, { 0 } };

	put(s, "j", "outside");
	put(s, "l", "outside");
	for (int i = 0; i < STEPS; i++) {
		uint64_t what = random_next(&seed) % 100;

		if (what < 60)
			change(s, &m, &seed);
		else if (what < 95)
			look(s, &m, random_next(&seed) % KEYS);
		else if (what < 97)
			walk(s, &m, &seed);
		else if (what < 99) {
			commit(s);
			memcpy(m.committed, m.now, sizeof m.now);
		} else {
			state_close(s);
			s = opened();
			memcpy(m.now, m.committed, sizeof m.now);
		}
	}
	for (uint64_t k = 0; k < KEYS; k++)
		look(s, &m, k);
	state_close(s);
}
END_TEST

START_TEST(more_than_memory_holds_is_kept)
{
	enum { N = 40000, BYTES = 1000 };
	struct state *s = opened();
	static char value[BYTES];
	struct error e;
	gale_slice v;
	uint32_t n = 0;

	for (uint32_t i = 0; i < N; i++) {
		uint32_t key = (uint32_t)random_mix(i);

		memset(value, (int)i, BYTES);
		state_put(s, &key, sizeof key, value, BYTES, NULL);
		if (state_full(s))
			commit(s);
	}
	commit(s);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t key = (uint32_t)random_mix(i);

		ck_assert_int_eq(state_get(s, &key, sizeof key, &v, &e), 1);
		ck_assert(v.n == BYTES && *(const char *)v.bytes == (char)i);
	}
	for (gale_scan scan = gale_state_scan("", 0); state_next(s, &scan, &e) == 1; )
		n++;
	ck_assert_uint_eq(n, N);
	state_close(s);
}
END_TEST

/* ---- scans ---- */

START_TEST(another_scan_ends_the_first)
{
	struct state *s = opened();
	gale_scan a = gale_state_scan("", 0), b = gale_state_scan("", 0);

	put(s, "x", "1");
	put(s, "y", "1");
	ck_assert_int_eq(state_next(s, &a, NULL), 1);
	ck_assert(state_scan_is_current(s, &a) && state_scan_is_current(s, &b));
	ck_assert_int_eq(state_next(s, &b, NULL), 1);
	ck_assert(!state_scan_is_current(s, &a) && state_scan_is_current(s, &b));
	state_close(s);
}
END_TEST

/* ---- what is refused ---- */

static void make_one(void)
{
	struct state *s = opened();
	char key[16];

	for (int i = 0; i < 1000; i++) {
		sprintf(key, "key%d", i);
		put(s, key, "some value that is not too short");
		if (i % 100 == 0)
			commit(s);
	}
	commit(s);
	state_close(s);
}

/* find gives the path of the file whose name has PART in it. */
static const char *find(const char *part)
{
	static char found[512];
	struct dirent *entry;
	DIR *d = opendir(path);

	ck_assert_ptr_nonnull(d);
	found[0] = '\0';
	while ((entry = readdir(d)) != NULL)
		if (strstr(entry->d_name, part) != NULL)
			snprintf(found, sizeof found, "%s/%s", path, entry->d_name);
	closedir(d);
	ck_assert_msg(found[0] != '\0', "no file %s", part);
	return found;
}

static off_t size_of(const char *file)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return st.st_size;
}

START_TEST(another_version_is_refused_and_stays)
{
	struct error e;
	struct state *s;

	make_one();
	ck_assert_ptr_null(state_open(path, 8, &e));
	ck_assert_msg(strstr(e.text, "is of version 7") && strstr(e.text, "keeps version 8"), "%s", e.text);
	s = opened();
	ck_assert_str_ne(text(s, "key999"), "-");
	state_close(s);
}
END_TEST

START_TEST(a_flipped_byte_is_refused)
{
	const char *file;
	char byte;
	int fd;

	make_one();
	file = find(".log");
	fd = open(file, O_RDWR);
	ck_assert_int_eq(pread(fd, &byte, 1, size_of(file) / 2), 1);
	byte ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &byte, 1, size_of(file) / 2), 1);
	close(fd);
	refused("is damaged");
	refused("is damaged");		/* it was not repaired */
}
END_TEST

START_TEST(a_truncated_manifest_is_refused)
{
	const char *file;

	make_one();
	file = find("MANIFEST");
	ck_assert_int_eq(truncate(file, size_of(file) - 5), 0);
	refused("is damaged");
}
END_TEST

START_TEST(a_missing_file_is_refused)
{
	static const char *const names[] = { "CURRENT", "MANIFEST", ".log" };

	make_one();
	ck_assert_int_eq(unlink(find(names[_i])), 0);
	refused("is damaged");
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(an_empty_directory_is_refused)
{
	char command[256];

	snprintf(command, sizeof command, "mkdir -p %s", path);
	ck_assert_int_eq(system(command), 0);
	refused("CURRENT");
}
END_TEST

/* What is left of a process that was killed while it made a database. */
START_TEST(a_half_made_one_is_made_again)
{
	char command[512];
	struct state *s;

	make_one();
	snprintf(command, sizeof command, "mv %s %s.new && rm %s.new/CURRENT", path, path, path);
	ck_assert_int_eq(system(command), 0);
	s = opened();
	ck_assert_str_eq(text(s, "key1"), "-");
	put(s, "a", "1");
	commit(s);
	state_close(s);
	s = opened();
	ck_assert_str_eq(text(s, "a"), "1");
	ck_assert_str_eq(text(s, "key1"), "-");
	state_close(s);
}
END_TEST

START_TEST(one_in_use_by_another_process_is_refused)
{
	int ready[2];
	pid_t pid;
	char c;

	make_one();
	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct state *s = opened();

		put(s, "theirs", "1");
		commit(s);
		if (write(ready[1], "x", 1) == 1)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	refused("in use by another process");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	struct state *s = opened();
	ck_assert_str_eq(text(s, "theirs"), "1");
	state_close(s);
}
END_TEST

START_TEST(a_directory_that_cannot_be_written_is_refused)
{
	struct error e = { "" };

	if (geteuid() == 0) {
		ck_assert_int_eq(chmod(dir, 0755), 0);
		ck_assert_int_eq(seteuid(65534), 0);
	} else {
		ck_assert_int_eq(chmod(dir, 0500), 0);
	}
	struct state *s = state_open(path, 7, &e);
	if (geteuid() == 65534)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(e.text, "Permission denied") && strstr(e.text, dir), "%s", e.text);
}
END_TEST

/* A write that fails: all that was committed before is there when it is opened again, the
 * failed commit wholly or not at all, and never a part of it. */
START_TEST(a_write_that_fails_loses_nothing_that_was_committed)
{
	struct rlimit none = { 20000 + 1000 * (rlim_t)_i, RLIM_INFINITY }, all = { RLIM_INFINITY, RLIM_INFINITY };
	struct state *s = opened();
	struct error e = { "" };
	char key[16], value[512];
	int good = 0, round;

	memset(value, 'v', sizeof value);
	signal(SIGXFSZ, SIG_IGN);
	put(s, "first", "1");
	commit(s);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &all), 0);
	none.rlim_max = all.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	for (round = 0; round < 10000; round++) {
		for (int i = 0; i < 2; i++) {
			sprintf(key, "%c%d", 'a' + i, round);
			state_put(s, key, strlen(key), value, sizeof value, NULL);
		}
		if (state_commit(s, &e) != 0)
			break;
		good++;
	}
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
	ck_assert_msg(strstr(e.text, "File too large") && strstr(e.text, path), "%s", e.text);
	state_close(s);
	s = opened();
	for (int i = 0; i <= good; i++) {
		bool there[2];

		for (int k = 0; k < 2; k++) {
			sprintf(key, "%c%d", 'a' + k, i);
			there[k] = strcmp(text(s, key), "-") != 0;
		}
		ck_assert_int_eq(there[0], there[1]);
		ck_assert(there[0] || i == good);
	}
	put(s, "again", "1");
	commit(s);
	state_close(s);
}
END_TEST

/* ---- faults ---- */

enum { FAULT_KEYS = 8 };

static void keep_some(void)
{
	struct error error;
	struct state *s = state_open(path, 7, &error);

	if (s == NULL)
		fault_told();
	for (uint32_t i = 0; i < FAULT_KEYS; i++) {
		char key[8];

		snprintf(key, sizeof key, "k%u", i);
		put(s, key, key);
		if (state_commit(s, &error) != 0)
			fault_told();
		*fault_done = i + 1;
	}
	state_close(s);
}

/* What was committed is there; of the rest, at most what was being committed. */
static void check_some(void)
{
	struct state *s = opened();

	for (uint32_t i = 0; i < FAULT_KEYS; i++) {
		char key[8];

		snprintf(key, sizeof key, "k%u", i);
		if (i < *fault_done)
			ck_assert_str_eq(text(s, key), key);
		else if (i > *fault_done)
			ck_assert_str_eq(text(s, key), "-");
	}
	put(s, "on", "and on");
	commit(s);
	state_close(s);
}

START_TEST(whatever_fails_what_was_committed_is_there)
{
	static const char *const points[] = { "state.open", "state.write", "alloc" };
	int n_faults = 0;

	for (size_t point = 0; point < sizeof points / sizeof *points; point++) {
		for (int n = 1; fault_struck(points[point], fault_whats[_i], n, keep_some); n++) {
			check_some();
			tear_down();
			set_up();
			n_faults++;
		}
		tear_down();
		set_up();
	}
	ck_assert_int_gt(n_faults, FAULT_KEYS + 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *keeps = tcase_create("keeps"), *model = tcase_create("model"), *refuses = tcase_create("refuses");

	first_seed = test_seed();
	tcase_add_checked_fixture(keeps, set_up, tear_down);
	tcase_add_checked_fixture(model, set_up, tear_down);
	tcase_add_checked_fixture(refuses, set_up, tear_down);
	/* Each fault is a process of its own; with a busy neighbour that takes its time. */
	tcase_set_timeout(keeps, 120);
	tcase_set_timeout(refuses, 60);
	tcase_set_timeout(model, 60);
	tcase_add_test(keeps, what_was_committed_is_there_again_and_the_rest_is_not);
	tcase_add_test(keeps, nothing_is_made_before_something_is_committed);
	tcase_add_test(keeps, directories_are_for_their_owner_only);
	tcase_add_test(keeps, numbers_are_added_in_place);
	tcase_add_test(keeps, a_value_is_merged_in_place);
	tcase_add_test(keeps, another_scan_ends_the_first);
	tcase_add_loop_test(model, random_operations_do_what_a_model_does, 0, 10);
	tcase_add_test(model, more_than_memory_holds_is_kept);
	tcase_add_test(refuses, another_version_is_refused_and_stays);
	tcase_add_test(refuses, a_flipped_byte_is_refused);
	tcase_add_test(refuses, a_truncated_manifest_is_refused);
	tcase_add_loop_test(refuses, a_missing_file_is_refused, 0, 3);
	tcase_add_test(refuses, an_empty_directory_is_refused);
	tcase_add_test(refuses, a_half_made_one_is_made_again);
	tcase_add_test(refuses, one_in_use_by_another_process_is_refused);
	tcase_add_test(refuses, a_directory_that_cannot_be_written_is_refused);
	tcase_add_loop_test(model, whatever_fails_what_was_committed_is_there, 0, FAULT_WHATS);
	tcase_add_loop_test(refuses, a_write_that_fails_loses_nothing_that_was_committed, 0, 8);
	suite_add_tcase(suite, keeps);
	suite_add_tcase(suite, model);
	suite_add_tcase(suite, refuses);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
