/* test_web_child.c - programs that behave, and others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "memory.h"

#include <check.h>

enum { ROOM = 1 << 20, DEADLINE_MS = 10000 };

static struct watches watches;
static int n_ended;
static struct child_result result;
static char *out, *err;

static void on_ended(void *arg, const struct child_result *r)
{
	ck_assert_ptr_eq(arg, &watches);
	n_ended++;
	result = *r;
	ck_assert(r->out[r->n_out] == 0);
	free(out);
	free(err);
	out = xstrndup(r->out, r->n_out);
	err = xstrndup(r->err, r->n_err);
}

static void set_up(void)
{
	struct error e;

	ck_assert_msg(watches_open(&watches, &e) == 0, "%s", e.text);
	n_ended = 0;
	out = err = NULL;
}

static void tear_down(void)
{
	ck_assert_ptr_null(watches.first);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);	/* no zombie */
	watches_close(&watches);
	free(out);
	free(err);
}

static void turn(void)
{
	uint64_t now = clock_now_ns(), next = watches_deadline(&watches);
	struct pollfd p = { .fd = watches.fd, .events = POLLIN };

	poll(&p, 1, next == 0 || next > now + 100 * NS_PER_MS ? 100 : next <= now ? 0 : (int)((next - now) / NS_PER_MS) + 1);
	watches_serve(&watches, clock_now_ns());
}

static struct child_process *begin(const char *script, const char *input, size_t room, uint32_t ms, struct error *e)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct child_order order = {
		.argv = argv, .input = input, .n_input = strlen(input), .room = room, .deadline_ms = ms,
	};

	return child_begin(&watches, &order, on_ended, &watches, e);
}

/* ends: it does within some seconds; the time that took in ms. */
static uint64_t ends(enum child_end how, int code)
{
	uint64_t began = clock_now_ns();

	while (n_ended == 0 && clock_now_ns() < began + 20ull * NS_PER_S)
		turn();
	ck_assert_int_eq(n_ended, 1);
	ck_assert_int_eq(result.end, how);
	ck_assert_int_eq(result.code, code);
	n_ended = 0;
	return (clock_now_ns() - began) / NS_PER_MS;
}

static void run(const char *script, const char *input, size_t room, uint32_t ms)
{
	struct error e;

	ck_assert_msg(begin(script, input, room, ms, &e) != NULL, "%s", e.text);
}

START_TEST(text_goes_in_and_out)
{
	run("cat; echo no >&2; exit 3", "in\n", ROOM, DEADLINE_MS);
	ends(CHILD_EXITED, 3);
	ck_assert_str_eq(out, "in\n");
	ck_assert_str_eq(err, "no\n");
}
END_TEST

/* gale takes the name of a file: it gets this one. */
START_TEST(its_input_has_a_name)
{
	run("cat /dev/stdin; test -f /dev/stdin", "in\n", ROOM, DEADLINE_MS);
	ends(CHILD_EXITED, 0);
	ck_assert_str_eq(out, "in\n");
}
END_TEST

/* More than a pipe holds, in and out. */
START_TEST(much_text)
{
	char *text = xmalloc(ROOM + 1);

	memset(text, 'x', ROOM);
	text[ROOM] = '\0';
	run("cat", text, ROOM, DEADLINE_MS);
	ends(CHILD_EXITED, 0);
	ck_assert_uint_eq(result.n_out, ROOM);
	ck_assert_str_eq(out, text);
	free(text);
}
END_TEST

START_TEST(who_prints_too_much_is_stopped)
{
	run("while echo 1234567890; do :; done", "", 1000, DEADLINE_MS);
	ck_assert_uint_lt(ends(CHILD_TALKATIVE, SIGKILL), DEADLINE_MS);
	ck_assert_uint_eq(result.n_out, 1000);
}
END_TEST

/* But what it complains of is cut. */
START_TEST(complaints_are_cut)
{
	run("head -c 300000 /dev/zero | tr '\\0' x >&2; echo done", "", ROOM, DEADLINE_MS);
	ends(CHILD_EXITED, 0);
	ck_assert_uint_eq(result.n_err, CHILD_ERR);
	ck_assert_str_eq(out, "done\n");
}
END_TEST

START_TEST(who_is_late_is_stopped_with_all_that_is_its)
{
	pid_t grandchild;

	run("sleep 600 & echo $!; wait", "", ROOM, 2000);
	ck_assert_uint_lt(ends(CHILD_LATE, SIGKILL), DEADLINE_MS);
	grandchild = (pid_t)atoi(out);
	ck_assert_int_gt(grandchild, 0);
	for (int i = 0; i < 3000 && kill(grandchild, 0) == 0; i++)
		poll(NULL, 0, 10);
	ck_assert_int_eq(kill(grandchild, 0), -1);
}
END_TEST

/* What is left of it, and holds the pipes, is not waited for. */
START_TEST(its_children_are_not_waited_for)
{
	run("sleep 600 & echo $!", "", ROOM, DEADLINE_MS);
	ck_assert_uint_lt(ends(CHILD_EXITED, 0), 5000);
}
END_TEST

START_TEST(a_death_is_told)
{
	run("kill -TERM $$", "", ROOM, DEADLINE_MS);
	ends(CHILD_KILLED, SIGTERM);
}
END_TEST

START_TEST(no_such_program)
{
	const char *const argv[] = { "no-such-program", NULL };
	const struct child_order order = { .argv = argv, .input = "", .room = ROOM, .deadline_ms = DEADLINE_MS };
	struct error e;

	ck_assert_ptr_nonnull(child_begin(&watches, &order, on_ended, &watches, &e));
	ends(CHILD_EXITED, 127);
	ck_assert(!child_found("no-such-program"));
	ck_assert(child_found("sh"));
}
END_TEST

/* It gets nothing of ours: no descriptors, no blocked and no ignored signals. */
START_TEST(it_is_clean)
{
	sigset_t all, before;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	/* But for the two that the C library keeps for itself (32 and 33), which posix_spawn may have it ignore. */
	run("ls /proc/$$/fd; grep -E 'Sig(Blk|Ign)' /proc/$$/status | sed s/0000000180000000/0000000000000000/", "",
	    ROOM, DEADLINE_MS);
	sigprocmask(SIG_SETMASK, &before, NULL);
	ends(CHILD_EXITED, 0);
	signal(SIGPIPE, SIG_DFL);
	close(fd);
	ck_assert_str_eq(out, "0\n1\n2\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}
END_TEST

START_TEST(it_is_nicer)
{
	char ours[16];

	run("cut -d' ' -f19 /proc/self/stat", "", ROOM, DEADLINE_MS);
	ends(CHILD_EXITED, 0);
	snprintf(ours, sizeof ours, "%d\n", getpriority(PRIO_PROCESS, 0) + 5 < 19 ? getpriority(PRIO_PROCESS, 0) + 5 : 19);
	ck_assert_str_eq(out, ours);
}
END_TEST

START_TEST(not_too_many_at_a_time)
{
	struct child_process *some[CHILDREN_MOST];
	struct error e;

	for (int i = 0; i < CHILDREN_MOST; i++)
		ck_assert_ptr_nonnull(some[i] = begin("sleep 600", "", ROOM, DEADLINE_MS, &e));
	ck_assert_ptr_null(begin("true", "", ROOM, DEADLINE_MS, &e));
	ck_assert_msg(strstr(e.text, "try again") != NULL, "%s", e.text);
	for (int i = 0; i < CHILDREN_MOST; i++)
		child_cancel(some[i]);
	turn();
	ck_assert_int_eq(n_ended, 0);
	run("true", "", ROOM, DEADLINE_MS);
	ends(CHILD_EXITED, 0);
}
END_TEST

/* A supervisor collects whatever has ended. */
START_TEST(somebody_else_collects_it)
{
	run("echo done", "", ROOM, DEADLINE_MS);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
	ends(CHILD_TAKEN, 0);
	ck_assert_str_eq(out, "done\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web_child");
	TCase *c = tcase_create("web_child");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, text_goes_in_and_out);
	tcase_add_test(c, its_input_has_a_name);
	tcase_add_test(c, much_text);
	tcase_add_test(c, who_prints_too_much_is_stopped);
	tcase_add_test(c, complaints_are_cut);
	tcase_add_test(c, who_is_late_is_stopped_with_all_that_is_its);
	tcase_add_test(c, its_children_are_not_waited_for);
	tcase_add_test(c, a_death_is_told);
	tcase_add_test(c, no_such_program);
	tcase_add_test(c, it_is_clean);
	tcase_add_test(c, it_is_nicer);
	tcase_add_test(c, not_too_many_at_a_time);
	tcase_add_test(c, somebody_else_collects_it);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
