/* test_statedir.c - state directories: made, locked, taken over, refused; and what fits.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "faketopology.h"
#include "faults.h"
#include "fit.h"
#include "memory.h"
#include "statedir.h"

static char home[64], dir[80];
static struct topology *t;
static struct buf said;
static struct error e;

/* lines -> split -> sink, and a second spout without anybody below. */
static struct topology *words(void)
{
	struct topology *w = fake_topology("words", 1);

	fake_component(w, GALE_SPOUT, "lines", 1, 1);
	fake_component(w, GALE_SPOUT, "lines.0", 1, 1);
	fake_component(w, GALE_BOLT, "split", 2, 2);
	fake_component(w, GALE_BOLT, "sink", 1, 1);
	w->subscriptions = xcalloc(4, sizeof *w->subscriptions);
	w->subscriptions[w->n_subscriptions++] = (struct subscription){ .from = 0, .to = 2 };
	w->subscriptions[w->n_subscriptions++] = (struct subscription){ .from = 2, .to = 3 };
	w->components[0].part.properties.items = xcalloc(1, sizeof (struct setting));
	w->components[0].part.properties.n = 1;
	w->components[0].part.properties.items[0] = (struct setting){ .key = xstrdup("path"),
		.type = SETTING_STRING, .s = xstrdup("/data/\xff") };
	return w;
}

static void begin(void)
{
	strcpy(home, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	snprintf(dir, sizeof dir, "%s/state", home);
	t = words();
}

static void end(void)
{
	char *command = xasprintf("rm -rf %s", home);

	ck_assert_int_eq(system(command), 0);
	free(command);
	topology_free(t);
	buf_free(&said);
}

static char *inside(const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(inside(name), "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(inside(name), &st) == 0;
}

static enum statedir_result open_it(struct statedir *s)
{
	return statedir_open(s, dir, t, &said, &e);
}

/* once opens and closes, and gives the number of the run. */
static uint32_t once(void)
{
	struct statedir s;
	uint32_t run;

	ck_assert_msg(open_it(&s) == STATEDIR_OK, "%s", e.text);
	run = s.run;
	statedir_close(&s);
	return run;
}

static void refused(enum statedir_result how, const char *part)
{
	struct statedir s;

	ck_assert_int_eq(open_it(&s), how);
	ck_assert_msg(strstr(e.text, part) != NULL, "\"%s\" is not in: %s", part, e.text);
	ck_assert_ptr_null(s.path);
	ck_assert_int_eq(s.lock_fd, -1);
}

/* ---- made and used again ---- */

START_TEST(it_is_made_for_its_owner_alone)
{
	struct statedir s;
	struct stat st;

	umask(0);
	ck_assert_int_eq(open_it(&s), STATEDIR_OK);
	ck_assert_int_eq(stat(dir, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(inside("positions"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(inside("run"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_str_eq(s.path, dir);
	statedir_close(&s);
}
END_TEST

START_TEST(every_run_has_a_number_of_its_own)
{
	for (uint32_t run = 1; run < 5; run++)
		ck_assert_uint_eq(once(), run);
	ck_assert(!exists("run.new") && !exists("topology.new"));
	put("run", "4294967294\n");
	ck_assert_uint_eq(once(), 4294967295);
	refused(STATEDIR_FAILED, "run is damaged");
	put("run", "");
	refused(STATEDIR_FAILED, "run is damaged");
	put("run", "12");
	refused(STATEDIR_FAILED, "run is damaged");
}
END_TEST

START_TEST(a_link_to_it_is_followed)
{
	char real[100];

	snprintf(real, sizeof real, "%s/real", home);
	ck_assert_int_eq(mkdir(real, 0700), 0);
	ck_assert_int_eq(symlink("real", dir), 0);
	ck_assert_uint_eq(once(), 1);
	strcat(real, "/run");
	ck_assert_int_eq(access(real, F_OK), 0);
}
END_TEST

START_TEST(links_in_it_are_not)
{
	once();
	ck_assert_int_eq(unlink(inside("run")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", inside("run")), 0);
	refused(STATEDIR_FAILED, "/run: Too many levels");
}
END_TEST

START_TEST(what_others_can_change_is_refused)
{
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(chmod(dir, 0770), 0);
	refused(STATEDIR_FAILED, "chmod go-w");
	ck_assert_int_eq(chmod(dir, 0702), 0);
	refused(STATEDIR_FAILED, "chmod go-w");
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_uint_eq(once(), 1);
}
END_TEST

/* ---- locks ---- */

/* in_child runs FN in a process that then waits to be killed; returns when FN is done. */
static pid_t in_child(void (*fn)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		fn();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void open_and_keep(void)
{
	static struct statedir s;

	if (open_it(&s) != STATEDIR_OK)
		_exit(1);
}

START_TEST(one_run_at_a_time)
{
	pid_t pid = in_child(open_and_keep);
	uint64_t before = clock_now_ns();
	char text[64];

	snprintf(text, sizeof text, "used by another run, process %d; end that one", (int)pid);
	refused(STATEDIR_CONFLICT, text);
	ck_assert_msg(clock_now_ns() - before < NS_PER_S, "it waited for one that lives");
	kill_child(pid);
	ck_assert_uint_eq(once(), 2);
}
END_TEST

/* The lock is held and its pid is that of nobody: a child that was forked just before its
 * supervisor was killed. */
START_TEST(a_lock_of_the_dead_is_waited_for)
{
	struct statedir s;
	pid_t pid;
	int fd;

	once();
	put("lock", "999999999\n");
	fd = open(inside("lock"), O_RDWR);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		usleep(200000);
		_exit(0);
	}
	close(fd);	/* the child has it now */
	ck_assert_int_eq(open_it(&s), STATEDIR_OK);
	statedir_close(&s);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

static void be_worker(void)
{
	if (statedir_hold(dir, 1, &e) != 0)
		_exit(1);
}

START_TEST(workers_of_an_older_run_are_named)
{
	pid_t pid;
	char text[64];

	once();
	pid = in_child(be_worker);
	snprintf(text, sizeof text, "are still alive: process %d; kill them first", (int)pid);
	refused(STATEDIR_CONFLICT, text);
	kill_child(pid);
	ck_assert_uint_eq(once(), 2);
}
END_TEST

START_TEST(workers_that_die_are_waited_for)
{
	struct statedir s;
	pid_t pid, killer;

	once();
	pid = in_child(be_worker);
	killer = fork();
	if (killer == 0) {
		usleep(200000);
		kill(pid, SIGKILL);
		_exit(0);
	}
	ck_assert_int_eq(open_it(&s), STATEDIR_OK);
	ck_assert_uint_eq(s.run, 2);
	statedir_close(&s);
	waitpid(pid, NULL, 0);
	waitpid(killer, NULL, 0);
}
END_TEST

/* A worker that comes to life late must not begin in a run that is not its own. */
START_TEST(a_worker_of_an_older_run_does_not_start)
{
	int fd;

	once();
	once();
	ck_assert_int_eq(statedir_hold(dir, 1, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "a newer run has taken over"));
	fd = open(inside("workers.lock"), O_RDWR);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert_int_eq(statedir_hold(dir, 2, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "a newer run has locked"));
	close(fd);
	ck_assert_int_eq(statedir_hold(dir, 2, &e), 0);
}
END_TEST

START_TEST(a_temporary_one_has_no_lock)
{
	ck_assert_int_eq(statedir_make_temporary(dir, &e), 0);
	ck_assert(exists("positions"));
	ck_assert_int_eq(statedir_hold(dir, 0, &e), 0);
	snprintf(dir, sizeof dir, "%s/none", home);
	ck_assert_int_eq(statedir_hold(dir, 0, &e), -1);
}
END_TEST

/* ---- positions and topology ---- */

START_TEST(positions_are_cleared_all_at_once)
{
	struct statedir s;

	ck_assert_int_eq(open_it(&s), STATEDIR_OK);
	put("positions/lines.0.a", "");
	put("positions/lines.0.b", "");
	ck_assert_int_eq(statedir_clear(&s, &e), 0);
	ck_assert(!exists("positions") && !exists("positions.done"));
	statedir_close(&s);
	once();
	ck_assert(exists("positions"));
}
END_TEST

/* It was killed in statedir_clear: what is left must not be used, and is cleared next time. */
START_TEST(clearing_may_be_cut_short)
{
	struct statedir s;

	once();
	ck_assert_int_eq(mkdir(inside("positions.done"), 0700), 0);
	put("positions.done/lines.0.a", "");
	ck_assert_int_eq(open_it(&s), STATEDIR_OK);
	ck_assert(!exists("positions.done/lines.0.a"));
	put("positions/lines.0.a", "");
	ck_assert_int_eq(statedir_clear(&s, &e), 0);
	ck_assert(!exists("positions") && !exists("positions.done"));
	statedir_close(&s);
}
END_TEST

START_TEST(unsafe_positions_are_removed_and_told_of)
{
	t->components[3].has_finish = true;
	once();
	put("positions/lines.0.a", "");
	put("positions/lines.0.b", "");
	put("positions/lines.0.0.a", "");	/* of the other spout, whose id is "lines.0" */
	once();
	ck_assert(!exists("positions/lines.0.a") && !exists("positions/lines.0.b"));
	ck_assert(exists("positions/lines.0.0.a"));
	ck_assert_ptr_nonnull(strstr(buf_text(&said), "lines starts from the beginning: a bolt below it"));
	said.n = 0;
	once();
	ck_assert_uint_eq(said.n, 0);
}
END_TEST

START_TEST(another_topology_is_refused)
{
	once();
	t->components[3].n_tasks = 7;
	refused(STATEDIR_CONFLICT, "it was \"bolt sink: sink, 1 task\", now it is \"bolt sink: sink, 7 tasks\" "
	    "(gale state export, then gale state import with --tasks, may share its keys out anew); "
	    "name another directory, or remove this one");
	ck_assert_uint_eq(t->components[3].n_tasks, 7);
	t->components[3].n_tasks = 1;
	ck_assert_uint_eq(once(), 2);	/* refusing has changed nothing */
}
END_TEST

START_TEST(properties_bind_only_where_there_are_positions)
{
	char **path = &t->components[0].part.properties.items[0].s;

	once();
	free(*path);
	*path = xstrdup("/data/b");
	ck_assert_uint_eq(once(), 2);
	put("positions/lines.0.a", "");
	free(*path);
	*path = xstrdup("/data/c");
	refused(STATEDIR_CONFLICT, "it was \"property of lines: path = \"/data/b\"\", now it is");
	free(*path);
	*path = xstrdup("/data/b");
	ck_assert_uint_eq(once(), 3);
}
END_TEST

/* ---- transactional topologies ---- */

START_TEST(a_record_stays_when_a_run_has_ended)
{
	struct statedir s;

	fake_transactional(t);
	t->components[3].has_finish = true;	/* its positions are no matter of positions/ */
	ck_assert_int_eq(open_it(&s), STATEDIR_OK);
	ck_assert(!exists("positions"));
	ck_assert_int_eq(mkdir(inside("state"), 0700), 0);
	put("state/coordinator.0", "");
	ck_assert_int_eq(mkdir(inside("positions"), 0700), 0);
	put("positions/lines.0.a", "");
	ck_assert_int_eq(statedir_clear(&s, &e), 0);
	statedir_close(&s);
	ck_assert_uint_eq(once(), 2);
	ck_assert_uint_eq(said.n, 0);
	ck_assert(exists("positions/lines.0.a") && exists("state/coordinator.0"));
}
END_TEST

START_TEST(another_transaction_is_refused)
{
	fake_transactional(t);
	once();
	free(t->transaction.id);
	t->transaction.id = xstrdup("other");
	refused(STATEDIR_CONFLICT, "it was \"transactional tx\", now it is \"transactional other\"");
	free(t->transaction.id);
	t->transaction.id = NULL;
	refused(STATEDIR_CONFLICT, "there was \"transactional tx\", now there is not");
	t->transaction.id = xstrdup("tx");
	t->components[2].state_version = 2;
	refused(STATEDIR_CONFLICT, "now it is \"bolt split: split, 2 tasks, state 2\"");
	t->components[2].state_version = 0;
	ck_assert_uint_eq(once(), 2);
}
END_TEST

START_TEST(a_state_without_transactions_is_none_with_them)
{
	once();
	fake_transactional(t);
	refused(STATEDIR_CONFLICT, "there is \"transactional tx\", which there was not");
}
END_TEST

START_TEST(properties_bind_where_there_is_a_record)
{
	char **path = &t->components[0].part.properties.items[0].s;

	fake_transactional(t);
	once();
	free(*path);
	*path = xstrdup("/data/b");
	ck_assert_uint_eq(once(), 2);
	ck_assert_int_eq(mkdir(inside("state"), 0700), 0);
	ck_assert_int_eq(mkdir(inside("state/coordinator.0"), 0700), 0);
	free(*path);
	*path = xstrdup("/data/c");
	refused(STATEDIR_CONFLICT, "it was \"property of lines: path = \"/data/b\"\", now it is");
}
END_TEST

/* ---- fit ---- */

START_TEST(what_must_stay_is_told_in_lines)
{
	struct buf b = { 0 };

	t->components[2].has_finish = true;
	t->components[2].state_version = 7;	/* LevelDB has it, and says so */
	t->subscriptions[0].grouping = GROUPING_FIELDS;
	t->subscriptions[0].fields = xcalloc(1, sizeof (uint32_t));
	t->subscriptions[0].n_fields = 1;
	fit_text(&b, t);
	ck_assert_str_eq(buf_text(&b),
	    "topology words\n"
	    "spout lines: lines, 1 task\n"
	    "property of lines: path = \"/data/\xef\xbf\xbd\"\n"
	    "spout lines.0: lines.0, 1 task\n"
	    "bolt split: split, 2 tasks, finish\n"
	    "bolt sink: sink, 1 task\n"
	    "stream lines.default --> split: FIELDS \"word\"\n"
	    "stream split.default --> sink: SHUFFLE\n");
	fake_transactional(t);
	b.n = 0;
	fit_text(&b, t);
	ck_assert_ptr_nonnull(strstr(buf_text(&b), "topology words\ntransactional tx\nspout lines"));
	ck_assert_ptr_nonnull(strstr(buf_text(&b), "\nbolt split: split, 2 tasks, finish, state 7\nbolt sink: "
	    "sink, 1 task\n"));
	buf_free(&b);
}
END_TEST

START_TEST(what_differs_is_told)
{
	ck_assert_int_eq(fit_check("a\nb\n", "b\na\n", true, &e), 0);
	ck_assert_int_eq(fit_check("a\n", "a\nbc\n", true, &e), -1);
	ck_assert_str_eq(e.text, "there is \"bc\", which there was not");
	ck_assert_int_eq(fit_check("a\nbc\n", "a\nb\n", true, &e), -1);
	ck_assert_str_eq(e.text, "it was \"bc\", now it is \"b\"");
	ck_assert_int_eq(fit_check("a\nbc\n", "a\n", true, &e), -1);
	ck_assert_str_eq(e.text, "there was \"bc\", now there is not");
	ck_assert_int_eq(fit_check("", "", true, &e), 0);
	ck_assert_int_eq(fit_check("property of x: y = 1\n", "", false, &e), 0);
	ck_assert_int_eq(fit_check("property of x: y = 1\n", "", true, &e), -1);
}
END_TEST

START_TEST(positions_are_safe_where_nothing_is_lost)
{
	ck_assert(positions_are_safe(t, 0) && positions_are_safe(t, 1));
	t->components[3].has_finish = true;	/* two steps below lines, none below the other */
	ck_assert(!positions_are_safe(t, 0) && positions_are_safe(t, 1));
	t->subscriptions[t->n_subscriptions++] = (struct subscription){ .from = 1, .stream = 1, .to = 3 };
	ck_assert(!positions_are_safe(t, 1));
	t->components[3].has_finish = false;
	t->subscriptions[t->n_subscriptions++] = (struct subscription){ .from = 3, .to = 2 };	/* a circle */
	ck_assert(positions_are_safe(t, 0) && positions_are_safe(t, 1));
}
END_TEST

/* ---- faults ---- */

static void open_and_clear(void)
{
	struct statedir s;

	if (open_it(&s) != STATEDIR_OK)
		fault_told();
	*fault_done = s.run;
	if (statedir_clear(&s, &e) != 0)
		fault_told();
	statedir_close(&s);
}

/* No number of a run that has begun comes again. */
START_TEST(whatever_fails_the_next_run_has_a_number_of_its_own)
{
	static const char *const points[] = { "file.write", "file.sync", "file.rename", "alloc" };
	uint32_t last = 0;
	int n_faults = 0;

	for (size_t point = 0; point < sizeof points / sizeof *points; point++)
		for (int n = 1; fault_struck(points[point], fault_whats[_i], n, open_and_clear); n++) {
			if (*fault_done > 0) {
				ck_assert_uint_gt(*fault_done, last);
				last = *fault_done;
			}
			ck_assert_uint_gt(once(), last);
			n_faults++;
		}
	ck_assert_int_gt(n_faults, 10);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		it_is_made_for_its_owner_alone, every_run_has_a_number_of_its_own, a_link_to_it_is_followed,
		links_in_it_are_not, what_others_can_change_is_refused, one_run_at_a_time,
		a_lock_of_the_dead_is_waited_for, workers_of_an_older_run_are_named,
		workers_that_die_are_waited_for, a_worker_of_an_older_run_does_not_start,
		a_temporary_one_has_no_lock, positions_are_cleared_all_at_once, clearing_may_be_cut_short,
		unsafe_positions_are_removed_and_told_of, another_topology_is_refused,
		properties_bind_only_where_there_are_positions, a_record_stays_when_a_run_has_ended,
		another_transaction_is_refused, a_state_without_transactions_is_none_with_them,
		properties_bind_where_there_is_a_record, what_must_stay_is_told_in_lines,
		what_differs_is_told, positions_are_safe_where_nothing_is_lost,
	};
	Suite *suite = suite_create("statedir");
	TCase *c = tcase_create("statedir");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, begin, end);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(c, tests[i]);
	tcase_add_loop_test(c, whatever_fails_the_next_run_has_a_number_of_its_own, 0, FAULT_WHATS);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
