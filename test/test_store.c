/* test_store.c - store: a state directory is read as it is decided, and is not changed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "store.h"
#include "wire.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

static char dir[64], run_base[80];

static void command(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void command(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	ck_assert_msg(system(text) == 0, "%s", text);
}

static void put_file(const char *name, const char *content)
{
	char *path = xasprintf("%s/d/%s", dir, name);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(content, f);
	fclose(f);
	free(path);
}

static struct state *opened(const char *task)
{
	char *path = xasprintf("%s/d/state/%s", dir, task);
	struct error e = { "" };
	struct state *s = state_open(path, 3, &e);

	ck_assert_msg(s != NULL, "%s", e.text);
	free(path);
	return s;
}

static void put(struct state *s, const char *key, const char *value)
{
	ck_assert_int_eq(state_put(s, key, strlen(key), value, strlen(value), NULL), 0);
}

/* record makes the coordinator's state say that batch TXID is the last. */
static void record(uint64_t txid)
{
	struct state *s = opened("coordinator.0");
	uint8_t value[9] = { 0 };

	wire_put64(value, txid);
	ck_assert_int_eq(state_put(s, "record", 6, value, sizeof value, NULL), 0);
	ck_assert_int_eq(state_commit(s, NULL), 0);
	state_close(s);
}

/* task_at makes a task whose value is each batch's number, and leaves it prepared for the last,
 * one round for each batch. */
static void task_at(const char *task, uint64_t last)
{
	struct state *s = opened(task);
	char digits[24];

	for (uint64_t t = 1; t <= last; t++) {
		state_begin_batch(s, t);
		snprintf(digits, sizeof digits, "%u", (unsigned)t);
		put(s, "batch", digits);
		put(s, digits, "");
		ck_assert_int_eq(state_prepare(s, t, 1, NULL), 0);
	}
	state_close(s);
}

static void set_up(void)
{
	strcpy(dir, "/tmp/test-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(run_base, sizeof run_base, "%s/run", dir);
	ck_assert_int_eq(mkdir(run_base, 0700), 0);
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", run_base, 1), 0);
	command("mkdir -p %s/d/state", dir);
	put_file("lock", "4711\n");
	put_file("topology", "topology t\ntransactional t\nbolt count: count, 2 tasks, state 3\n");
}

static void tear_down(void)
{
	command("rm -rf %s", dir);
}

static const char *value_in(struct state *s, const char *key)
{
	static char copy[64];
	gale_slice v;
	int found = state_get(s, key, strlen(key), &v, NULL);

	ck_assert_int_ge(found, 0);
	snprintf(copy, sizeof copy, "%.*s", found ? (int)v.n : 1, found ? (const char *)v.bytes : "-");
	return copy;
}

/* expect opens the task number I of the store: its value is that of batch TXID. */
static void expect(struct store *st, size_t i, const char *value, uint64_t prepared_before)
{
	struct error e = { "" };
	uint64_t prepared;
	struct state *s = store_state(st, &st->tasks[i], &prepared, &e);

	ck_assert_msg(s != NULL, "%s", e.text);
	ck_assert_uint_eq(prepared, prepared_before);
	ck_assert_str_eq(value_in(s, "batch"), value);
	ck_assert_uint_eq(state_version(s), 3);
	state_close(s);
}

static void open_store(struct store *st)
{
	struct error e = { "" };
	char *path = xasprintf("%s/d", dir);

	ck_assert_msg(store_open(st, path, &e) == STATEDIR_OK, "%s", e.text);
	free(path);
}

START_TEST(what_is_not_decided_is_not_seen_and_nothing_changes)
{
	struct store st;

	record(4);
	task_at("count.0", 5);
	task_at("count.1", 4);
	command("cd %s && find d -exec stat -c '%%n %%y %%i %%s' {} + | sort > before", dir);
	open_store(&st);
	ck_assert(st.transactional && st.txid == 4 && !st.final);
	ck_assert_uint_eq(st.n_tasks, 3);
	ck_assert(store_is_coordinator(&st, &st.tasks[0]) && !store_is_coordinator(&st, &st.tasks[1]));
	expect(&st, 1, "4", 5);
	expect(&st, 1, "4", 5);
	expect(&st, 2, "4", 4);
	store_close(&st);
	command("cd %s && find d -exec stat -c '%%n %%y %%i %%s' {} + | sort | cmp - before", dir);
	ck_assert_int_eq(rmdir(run_base), 0);		/* nothing is left */
}
END_TEST

START_TEST(a_directory_that_cannot_be_written_is_read)
{
	struct store st;

	record(1);
	task_at("count.0", 2);
	command("chmod -R a-w %s/d", dir);
	open_store(&st);
	expect(&st, 1, "1", 2);
	store_close(&st);
	command("chmod -R u+w %s/d", dir);
}
END_TEST

START_TEST(without_a_record_no_batch_is_decided)
{
	struct store st;

	task_at("count.0", 1);
	open_store(&st);
	expect(&st, 0, "-", 1);
	store_close(&st);
}
END_TEST

START_TEST(a_task_of_another_batch_is_refused_by_name)
{
	struct store st;
	struct error e = { "" };

	record(2);
	task_at("count.0", 4);
	task_at("count.1", 1);
	open_store(&st);
	for (size_t i = 1; i <= 2; i++) {
		ck_assert_ptr_null(store_state(&st, &st.tasks[i], NULL, &e));
		ck_assert_msg(strstr(e.text, st.tasks[i].path) && strstr(e.text, "record is of batch 2"), "%s", e.text);
	}
	store_close(&st);
}
END_TEST

/* open_fails: opening DIR/d gives RC, and says WHY. */
static void open_fails(enum statedir_result rc, const char *why)
{
	char *path = xasprintf("%s/d", dir);
	struct error e = { "" };
	struct store st;

	ck_assert_int_eq(store_open(&st, path, &e), rc);
	ck_assert_msg(strstr(e.text, why) != NULL, "%s", e.text);
	store_close(&st);
	free(path);
}

START_TEST(a_directory_in_use_is_refused_and_others_may_look)
{
	char *lock = xasprintf("%s/d/lock", dir);
	int fd = open(lock, O_RDWR | O_CLOEXEC);
	struct store a, b;

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	open_fails(STATEDIR_CONFLICT, "is used by a run, process 4711");
	ck_assert_int_eq(flock(fd, LOCK_UN), 0);
	open_store(&a);
	open_store(&b);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), -1);
	store_close(&a);
	store_close(&b);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	free(lock);
}
END_TEST

/* A run that ends answers nobody any more and has the lock for a moment still. */
START_TEST(a_run_that_ends_is_waited_for)
{
	static const struct timespec moment = { .tv_nsec = 300000000 };
	char *lock = xasprintf("%s/d/lock", dir);
	int fd = open(lock, O_RDWR | O_CLOEXEC);
	struct store st;
	pid_t run;

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	run = fork();
	ck_assert_int_ge(run, 0);
	if (run == 0) {
		nanosleep(&moment, NULL);
		_exit(0);
	}
	close(fd);
	open_store(&st);
	store_close(&st);
	ck_assert_int_eq(waitpid(run, NULL, 0), run);
	free(lock);
}
END_TEST

START_TEST(what_is_no_state_directory_is_refused)
{
	command("rm %s/d/topology", dir);
	open_fails(STATEDIR_FAILED, "no state directory that a run has used");
	command("rm %s/d/lock", dir);
	open_fails(STATEDIR_FAILED, "no state directory of a run");
	command("rm -r %s/d", dir);
	open_fails(STATEDIR_FAILED, "cannot open");
}
END_TEST

START_TEST(a_damaged_record_is_refused)
{
	struct state *s = opened("coordinator.0");

	put(s, "record", "short");
	ck_assert_int_eq(state_commit(s, NULL), 0);
	state_close(s);
	open_fails(STATEDIR_CONFLICT, "the record in");
}
END_TEST

START_TEST(damage_is_told_with_the_name_of_the_original)
{
	struct store st;
	struct error e = { "" };

	record(1);
	task_at("count.0", 1);
	command("rm %s/d/state/count.0/CURRENT", dir);
	open_store(&st);
	ck_assert_ptr_null(store_state(&st, &st.tasks[1], NULL, &e));
	ck_assert_msg(strstr(e.text, "/d/state/count.0 is damaged: it has no file CURRENT"), "%s", e.text);
	store_close(&st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tests = tcase_create("store");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_is_not_decided_is_not_seen_and_nothing_changes);
	tcase_add_test(tests, a_directory_that_cannot_be_written_is_read);
	tcase_add_test(tests, without_a_record_no_batch_is_decided);
	tcase_add_test(tests, a_task_of_another_batch_is_refused_by_name);
	tcase_add_test(tests, a_directory_in_use_is_refused_and_others_may_look);
	tcase_add_test(tests, a_run_that_ends_is_waited_for);
	tcase_add_test(tests, what_is_no_state_directory_is_refused);
	tcase_add_test(tests, a_damaged_record_is_refused);
	tcase_add_test(tests, damage_is_told_with_the_name_of_the_original);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
