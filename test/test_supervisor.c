/* test_supervisor.c - real runs with fake workers (fakeworker.c).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each run is a process of its own, whose standard error is read here, line by line and
 * with a deadline: that is how a test waits for what it wants to see.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "faketopology.h"
#include "rundir.h"
#include "supervisor.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { DEADLINE_MS = 30000, STOP_MS = 300, READY_MS = 300, LONG_MS = 20000 };

static char home[64];
static char worker_program[4096];

static struct run_options options;
static pid_t run_pid;
static int run_err = -1, run_out = -1;
static struct buf seen;		/* what it wrote to standard error */

/* ---- a run ------------------------------------------------------------------------- */

static void make_home(void)
{
	strcpy(home, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	setenv("XDG_RUNTIME_DIR", home, 1);
	unsetenv("FAKE_WORKER");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);	/* orphans show up here */
	options = (struct run_options){ .worker_program = worker_program, .ready_ms = LONG_MS,
		.stop_ms = LONG_MS };
}

static void remove_home(void)
{
	buf_free(&seen);
	ck_assert_int_eq(rmdir(home), 0);	/* nothing may be left in it */
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* child_run is the run's process: exits with what the run exits with, or with 99 when it
 * leaves a child or a descriptor behind. */
static void child_run(uint32_t parallelism, int64_t ackers)
{
	struct topology *t = fake_words(parallelism, ackers);
	int before = count_fds(), code;
	struct run_result r;

	fake_stream(t, 0, 1);
	fake_stream(t, 1, 2);
	code = supervisor_run(t, &options, &r);
	if (count_fds() != before)
		code = 99;
	if (waitpid(-1, NULL, WNOHANG) != -1)
		code = 98;
	if ((r.exit == 1) != (r.error.text[0] != '\0'))
		code = 97;
	if (r.summary->spouts.sum.acked > 0)
		dprintf(STDERR_FILENO, "summary: %d acked\n", (int)r.summary->spouts.sum.acked);
	run_result_free(&r);
	topology_free(t);
	exit(code);
}

static void begin_words(const char *script, uint32_t parallelism, int64_t ackers)
{
	int err[2], out[2];

	setenv("FAKE_WORKER", script, 1);
	ck_assert_int_eq(pipe(err), 0);
	ck_assert_int_eq(pipe(out), 0);
	run_pid = fork();
	if (run_pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		close(err[0]);
		close(err[1]);
		child_run(parallelism, ackers);
	}
	close(err[1]);
	close(out[1]);
	run_err = err[0];
	run_out = out[0];
}

static void begin_run(const char *script)
{
	begin_words(script, 2, 1);
}

/* read_more reads what there is, or waits for it; 0 at the end. */
static ssize_t read_more(void)
{
	struct pollfd p = { .fd = run_err, .events = POLLIN };
	char bytes[4096];
	ssize_t n;

	if (poll(&p, 1, DEADLINE_MS) != 1)
		ck_abort_msg("nothing within the deadline; so far:\n%s", buf_text(&seen));
	n = read(run_err, bytes, sizeof bytes);
	if (n > 0)
		buf_add(&seen, bytes, (size_t)n);
	return n;
}

static void wait_for(const char *text)
{
	while (strstr(buf_text(&seen), text) == NULL)
		if (read_more() <= 0)
			ck_abort_msg("no \"%s\" in:\n%s", text, buf_text(&seen));
}

/* finish waits for the run's end: its exit code; 128 + signal when killed. */
static int finish(void)
{
	int status;

	while (read_more() > 0)
		;
	ck_assert_int_eq(waitpid(run_pid, &status, 0), run_pid);
	close(run_err);
	close(run_out);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);	/* no orphan came our way */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(const char *script)
{
	begin_run(script);
	return finish();
}

static void expect(const char *text)
{
	if (strstr(buf_text(&seen), text) == NULL)
		ck_abort_msg("no \"%s\" in:\n%s", text, buf_text(&seen));
}

static void expect_not(const char *text)
{
	if (strstr(buf_text(&seen), text) != NULL)
		ck_abort_msg("\"%s\" in:\n%s", text, buf_text(&seen));
}

/* ---- good runs --------------------------------------------------------------------- */

START_TEST(a_run_that_ends_well)
{
	ck_assert_int_eq(run("lines[0]=count:42@activate"), 0);
	expect("lines[0] got peers 1 1 1 1 1\n");
	expect("acker[0] got peers 1 1 1 1 1\n");
	expect("lines[0] got activate\n");
	expect_not("split[0] got activate");
	expect("acker[0] got stop\n");
	expect("summary: 42 acked\n");
	expect_not("gale:");
}
END_TEST

START_TEST(a_large_run_without_ackers)
{
	begin_words("", 60, 0);
	ck_assert_int_eq(finish(), 0);
	expect("split[59] got stop\n");
	expect_not("acker");
}
END_TEST

START_TEST(workers_find_what_they_were_promised)
{
	char text[64] = "";

	begin_run("split[0]=inspect@start;sink[0]=out:data@ready;split[1]=input@start");
	wait_for("sink[0] got peers");
	ck_assert_int_gt((int)read(run_out, text, sizeof text - 1), 0);
	ck_assert_str_eq(text, "data\n");
	ck_assert_int_eq(finish(), 0);
	expect("split[0] death signal 9, group own, 0 signals ignored or blocked, "
	    "5 descriptors\n");
	expect("split[1] input 0 \n");
}
END_TEST

START_TEST(spouts_read_the_standard_input)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq((int)write(ends[1], "hi", 2), 2);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(run("lines[0]=input@activate;split[0]=input@start"), 0);
	expect("lines[0] input 2 hi\n");
	expect("split[0] input 0 \n");
}
END_TEST

START_TEST(partial_lines_and_floods_arrive)
{
	ck_assert_int_eq(run("split[0]=print:no newline\033@stop;split[1]=flood:20000@ready"), 0);
	expect("split[0] no newline\\x1b\n");
	expect("split[1] line 19999\n");
}
END_TEST

/* ---- deaths ------------------------------------------------------------------------ */

START_TEST(a_crash_in_the_beginning_ends_the_run_and_names_the_tuple)
{
	ck_assert_int_eq(run("split[1]=hand@hello;split[1]=signal:11@hello"), 1);
	expect("gale: words: split[1] (pid ");
	expect(", start 1) was killed by SIGSEGV (signal 11");
	expect("; tuple in hand for ");
	expect(" ms: from lines[0], root 0000000000001234, ");
	expect(": [\"to be\", 7]\n");
	expect("sink[0] got stop\n");
}
END_TEST

START_TEST(of_a_long_tuple_the_beginning_is_shown)
{
	ck_assert_int_eq(run("split[1]=hand:cut@hello;split[1]=signal:6@hello"), 1);
	expect("was killed by SIGABRT (signal 6");
	expect(", 5000 bytes: raw \"xxxxxxxxxx");
	expect("x[...]\"\n");
}
END_TEST

START_TEST(an_exit_is_described)
{
	static const char *const moments[] = { "start", "hello", "stop" };
	char *script = xasprintf("sink[0]=exit:7@%s", moments[_i]);

	ck_assert_int_eq(run(script), 1);
	expect("gale: words: sink[0] (pid ");
	expect(") exited with code 7\n");
	free(script);
}
END_TEST

START_TEST(an_exit_with_code_0_before_its_time_is_a_failure)
{
	ck_assert_int_eq(run("split[0]=exit:0@hello"), 1);
	expect("exited with code 0");
}
END_TEST

START_TEST(last_words_are_told)
{
	ck_assert_int_eq(run("split[0]=fatal:no such file: x@start"), 1);
	expect("split[0] (pid ");
	expect(") exited with code 1: no such file: x\n");
}
END_TEST

START_TEST(last_words_on_the_page_are_told)
{
	ck_assert_int_eq(run("split[0]=words:disk full@hello"), 1);
	expect(") exited with code 1: disk full\n");
}
END_TEST

START_TEST(several_deaths_at_once_are_all_told)
{
	ck_assert_int_eq(run("split[0]=exit:3@hello;split[1]=exit:4@hello;"
	    "sink[0]=exit:5@hello"), 1);
	expect("exited with code 3");
	expect("exited with code 4");
	expect("exited with code 5");
}
END_TEST

START_TEST(a_worker_that_never_says_hello_fails_the_run)
{
	options.ready_ms = READY_MS;
	options.stop_ms = STOP_MS;
	ck_assert_int_eq(run("split[1]=hang@start"), 1);
	expect("split[1] (pid ");
	expect("was not ready within 300 ms: it is still starting\n");
	expect("split[1] (pid ");
	expect("did not end within 300 ms: killed\n");
}
END_TEST

START_TEST(a_worker_that_ignores_stop_is_killed)
{
	options.stop_ms = STOP_MS;
	ck_assert_int_eq(run("sink[0]=deaf@start"), 0);
	expect("gale: sink[0] (pid ");
	expect("did not end within 300 ms: killed\n");
}
END_TEST

START_TEST(a_worker_that_closes_its_channel_is_ended)
{
	options.stop_ms = STOP_MS;
	ck_assert_int_eq(run("split[0]=close@hello"), 1);
	expect("was killed by gale");
}
END_TEST

START_TEST(a_worker_that_talks_nonsense_is_ended)
{
	options.stop_ms = STOP_MS;
	ck_assert_int_eq(run("split[0]=say:abracadabra@hello"), 1);
	expect("control protocol");
}
END_TEST

START_TEST(a_program_that_is_not_there_is_an_error)
{
	options.worker_program = "/none/such";
	ck_assert_int_eq(run(""), 1);
	expect("cannot start a worker: /none/such: No such file or directory\n");
	expect("exited with code 127");
}
END_TEST

START_TEST(a_run_directory_that_cannot_be_is_an_error)
{
	char *base = xasprintf("%s/gale", home);

	ck_assert_int_eq(symlink("/tmp", base), 0);
	ck_assert_int_eq(run(""), 1);
	expect("is not a directory");
	unlink(base);
	free(base);
}
END_TEST

/* ---- restarts ---------------------------------------------------------------------- */

static const char *last_of(const char *text)
{
	const char *found = NULL;

	for (const char *at = buf_text(&seen); (at = strstr(at, text)) != NULL; at++)
		found = at;
	return found;
}

/* pid_of gives the process id of a worker's latest start. */
static pid_t pid_of(const char *label)
{
	char *words = xasprintf("%s is ", label);
	const char *at;

	wait_for(words);
	at = last_of(words) + strlen(words);
	free(words);
	return (pid_t)atoi(at);
}

static int count_of(const char *text)
{
	int n = 0;

	for (const char *at = buf_text(&seen); (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static void wait_for_nth(const char *text, int n)
{
	while (count_of(text) < n)
		if (read_more() <= 0)
			ck_abort_msg("not %d times \"%s\" in:\n%s", n, text, buf_text(&seen));
}

/* interrupt ends a run whose spout stays. */
static int interrupt(void)
{
	kill(run_pid, SIGINT);
	return finish();
}

static const char *const staying = "lines[0]=stay@start;split[0]=stay@start;split[1]=stay@start;"
    "sink[0]=stay@start";

START_TEST(a_killed_worker_is_started_again_and_fenced)
{
	begin_run(staying);
	wait_for("lines[0] got activate");
	kill(pid_of("split[0]"), SIGKILL);
	wait_for("lines[0] got lost 1 split[0] was killed by SIGKILL (signal 9), by somebody");
	expect("split[0] (pid ");
	expect(", start 1) was killed by SIGKILL (signal 9), by somebody; starting it again");
	wait_for("split[0] got peers 1 2 1 1 1\n");
	wait_for("lines[0] got switch 1 2\n");
	ck_assert_int_eq(count_of("split[0] is "), 2);
	ck_assert_int_eq(interrupt(), 130);
	expect_not("sink[0] got switch");
	expect_not("failure 1 of 10");
}
END_TEST

START_TEST(all_may_die_at_once)
{
	static const char *const labels[] = { "lines[0]", "split[0]", "split[1]", "sink[0]", "acker[0]" };

	begin_run(staying);
	wait_for("lines[0] got activate");
	for (int i = 0; i < 5; i++)
		kill(pid_of(labels[i]), SIGKILL);
	wait_for_nth("lines[0] got activate", 2);
	for (int i = 0; i < 5; i++) {
		char *words = xasprintf("%s is ", labels[i]);

		wait_for_nth(words, 2);
		free(words);
	}
	ck_assert_int_eq(interrupt(), 130);
}
END_TEST

START_TEST(a_worker_may_be_killed_again_and_again)
{
	begin_run(staying);
	wait_for("lines[0] got activate");
	for (int i = 1; i <= 6; i++) {
		wait_for_nth("acker[0] is ", i);
		kill(pid_of("acker[0]"), SIGKILL);
	}
	wait_for("lines[0] got switch 4 7\n");
	wait_for("lines[0] got lost 4 acker[0]");
	ck_assert_int_eq(interrupt(), 130);
}
END_TEST

/* A sender that does not confirm holds the fence up for 100 ms and no longer; it is not
 * killed for it. */
START_TEST(a_laggard_is_not_waited_for)
{
	begin_run("lines[0]=stay@start;split[0]=stay@start;split[0]=lag@start;split[1]=stay@start;"
	    "sink[0]=stay@start");
	wait_for("lines[0] got activate");
	kill(pid_of("sink[0]"), SIGKILL);
	wait_for("split[0] got switch 3 2\n");
	wait_for("lines[0] got lost 3 sink[0]");
	ck_assert_int_eq(interrupt(), 130);
	ck_assert_int_eq(count_of("split[0] is "), 1);
}
END_TEST

START_TEST(a_stopped_worker_is_killed_and_replaced)
{
	options.ready_ms = READY_MS * 3;
	begin_run(staying);
	wait_for("lines[0] got activate");
	kill(pid_of("split[0]"), SIGSTOP);
	wait_for("split[0] (pid ");
	wait_for("has not answered within 900 ms: killed\n");
	wait_for("was killed by gale: it did not answer; starting it again");
	wait_for("lines[0] got lost 1 split[0]");
	ck_assert_int_eq(interrupt(), 130);
}
END_TEST

START_TEST(a_worker_that_does_not_answer_is_killed_and_replaced)
{
	options.ready_ms = READY_MS * 3;
	begin_run("lines[0]=stay@start;lines[0]#1=mute@start");
	wait_for("lines[0] (pid ");
	wait_for_nth("lines[0] got activate", 2);
	expect("has not answered within 900 ms: killed\n");
	ck_assert_int_eq(interrupt(), 130);
}
END_TEST

START_TEST(the_successor_of_one_that_had_ended_is_told)
{
	begin_run("lines[0]=stay@start");
	wait_for("lines[0] got activate");
	wait_for("split[0] has ended\n");
	kill(pid_of("split[0]"), SIGKILL);
	wait_for("split[0] got over 1 2 1 1 1\n");
	wait_for("lines[0] got lost 1");
	ck_assert_int_eq(interrupt(), 130);
}
END_TEST

START_TEST(a_component_that_goes_on_crashing_ends_the_run)
{
	ck_assert_int_eq(run("lines[0]=exit:5@activate"), 1);
	expect("exited with code 5; starting it again");
	expect("(failure 9 of 10 within a minute)");
	expect("exited with code 5; the tenth death of this component's own making within a minute: "
	    "not started again\n");
	ck_assert_int_eq(count_of("lines[0] is "), 10);
}
END_TEST

START_TEST(what_a_spout_had_read_is_missed)
{
	ck_assert_int_eq(run("lines[0]=count:42@activate;lines[0]=exit:5@activate"), 1);
	expect("exited with code 5; where it was in its input is lost with it, as the spout can't be "
	    "positioned: not started again\n");
}
END_TEST

/* ---- signals ----------------------------------------------------------------------- */

static int interrupted(const char *script, const char *moment, int signal_number)
{
	begin_run(script);
	wait_for(moment);
	kill(run_pid, signal_number);
	return finish();
}

START_TEST(a_bounded_run_is_discarded)
{
	ck_assert_int_eq(interrupted("lines[0]=stay@start", "lines[0] got activate", SIGINT), 130);
	expect("lines[0] got drain discard\n");
	expect("split[0] got drain discard\n");
	expect_not("acker[0] got drain");
	expect("gale: SIGINT: finishing what is open");
	expect("sink[0] got stop\n");
}
END_TEST

START_TEST(an_unbounded_run_is_finished)
{
	ck_assert_int_eq(interrupted("lines[0]=stay@start;lines[0]=unbounded@start",
	    "lines[0] got activate", SIGTERM), 143);
	expect("sink[0] got drain finish\n");
}
END_TEST

START_TEST(a_signal_while_starting_stops)
{
	options.stop_ms = STOP_MS;
	ck_assert_int_eq(interrupted("lines[0]=print:here\n@start;lines[0]=hang@start",
	    "lines[0] here", SIGINT), 130);
	expect("sink[0] got stop\n");
	expect_not("drain");
}
END_TEST

START_TEST(the_second_signal_stops_at_once)
{
	begin_run("lines[0]=stay@start;split[0]=stay@start;split[0]=hang@drain");
	wait_for("lines[0] got activate");
	kill(run_pid, SIGTERM);
	wait_for("split[0] got drain");
	kill(run_pid, SIGINT);
	ck_assert_int_eq(finish(), 143);
	expect_not("got stop");
}
END_TEST

/* Its successor is told how the run ends as well. */
START_TEST(a_death_while_draining_costs_time_only)
{
	ck_assert_int_eq(interrupted("lines[0]=stay@start;lines[0]=unbounded@start;"
	    "split[0]=stay@start;split[0]#1=exit:9@drain", "lines[0] got activate", SIGINT), 130);
	expect("split[0] (pid ");
	expect("exited with code 9; starting it again");
}
END_TEST

START_TEST(sigint_counts_even_where_a_shell_had_it_ignored)
{
	signal(SIGINT, SIG_IGN);
	ck_assert_int_eq(interrupted("lines[0]=stay@start", "lines[0] got activate", SIGINT), 130);
}
END_TEST

START_TEST(nohup_is_obeyed)
{
	signal(SIGHUP, SIG_IGN);
	begin_run("lines[0]=stay@start");
	wait_for("lines[0] got activate");
	kill(run_pid, SIGHUP);
	kill(run_pid, SIGTERM);
	ck_assert_int_eq(finish(), 143);
	expect_not("SIGHUP");
}
END_TEST

/* ---- nothing is left --------------------------------------------------------------- */

START_TEST(daemons_of_plugins_are_swept)
{
	ck_assert_int_eq(run("split[0]=daemon@ready;sink[0]=daemon@start"), 0);
}
END_TEST

START_TEST(daemons_are_swept_after_a_crash)
{
	ck_assert_int_eq(run("split[0]=daemon@hello;split[0]=signal:6@hello"), 1);
}
END_TEST

/* Its workers come to us, dead, within a second, which a busy machine makes a few; the next command removes the directory. */
START_TEST(nobody_outlives_a_killed_supervisor)
{
	uint64_t killed_ns;
	int n = 0;
	char *base = xasprintf("%s/gale", home);

	begin_run("lines[0]=stay@start;split[0]=hang@ready;sink[0]=deaf@start");
	wait_for("lines[0] got activate");
	kill(run_pid, SIGKILL);
	killed_ns = clock_now_ns();
	alarm(DEADLINE_MS / 1000);
	while (waitpid(-1, NULL, 0) > 0)
		n++;
	ck_assert_int_eq(n, 6);
	ck_assert_uint_lt(clock_now_ns() - killed_ns, 5 * (uint64_t)NS_PER_S);
	ck_assert_int_eq(access(base, F_OK), 0);
	rundir_sweep();
	ck_assert_int_ne(access(base, F_OK), 0);
	close(run_err);
	close(run_out);
	free(base);
}
END_TEST

START_TEST(a_standard_error_that_nobody_reads_stops_nothing)
{
	int status;

	begin_run("split[0]=flood:200000@ready;sink[0]=flood:200000@ready");
	ck_assert_int_eq(waitpid(run_pid, &status, 0), run_pid);
	ck_assert_int_eq(status, 0);
	close(run_err);
	close(run_out);
}
END_TEST

START_TEST(a_standard_error_that_is_closed_stops_nothing)
{
	int status;

	begin_run("split[0]=flood:20000@ready");
	close(run_err);
	ck_assert_int_eq(waitpid(run_pid, &status, 0), run_pid);
	ck_assert_int_eq(status, 0);
	close(run_out);
}
END_TEST

/* ------------------------------------------------------------------------------------ */

/* The fake worker is built beside this program. */
static void find_worker_program(void)
{
	ssize_t n = readlink("/proc/self/exe", worker_program, sizeof worker_program - 32);

	if (n < 0)
		abort();
	worker_program[n] = '\0';
	strcpy(strrchr(worker_program, '/') + 1, "fakeworker");
}

int main(void)
{
	Suite *s = suite_create("supervisor");
	TCase *c = tcase_create("supervisor");
	SRunner *r;
	int n;

	find_worker_program();
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, make_home, remove_home);
	tcase_add_test(c, a_run_that_ends_well);
	tcase_add_test(c, a_large_run_without_ackers);
	tcase_add_test(c, workers_find_what_they_were_promised);
	tcase_add_test(c, spouts_read_the_standard_input);
	tcase_add_test(c, partial_lines_and_floods_arrive);
	tcase_add_test(c, a_crash_in_the_beginning_ends_the_run_and_names_the_tuple);
	tcase_add_test(c, of_a_long_tuple_the_beginning_is_shown);
	tcase_add_loop_test(c, an_exit_is_described, 0, 3);
	tcase_add_test(c, an_exit_with_code_0_before_its_time_is_a_failure);
	tcase_add_test(c, last_words_are_told);
	tcase_add_test(c, last_words_on_the_page_are_told);
	tcase_add_test(c, several_deaths_at_once_are_all_told);
	tcase_add_test(c, a_worker_that_never_says_hello_fails_the_run);
	tcase_add_test(c, a_worker_that_ignores_stop_is_killed);
	tcase_add_test(c, a_worker_that_closes_its_channel_is_ended);
	tcase_add_test(c, a_worker_that_talks_nonsense_is_ended);
	tcase_add_test(c, a_program_that_is_not_there_is_an_error);
	tcase_add_test(c, a_run_directory_that_cannot_be_is_an_error);
	tcase_add_test(c, a_killed_worker_is_started_again_and_fenced);
	tcase_add_test(c, all_may_die_at_once);
	tcase_add_test(c, a_worker_may_be_killed_again_and_again);
	tcase_add_test(c, a_laggard_is_not_waited_for);
	tcase_add_test(c, a_stopped_worker_is_killed_and_replaced);
	tcase_add_test(c, a_worker_that_does_not_answer_is_killed_and_replaced);
	tcase_add_test(c, the_successor_of_one_that_had_ended_is_told);
	tcase_add_test(c, a_component_that_goes_on_crashing_ends_the_run);
	tcase_add_test(c, what_a_spout_had_read_is_missed);
	tcase_add_test(c, a_bounded_run_is_discarded);
	tcase_add_test(c, an_unbounded_run_is_finished);
	tcase_add_test(c, a_signal_while_starting_stops);
	tcase_add_test(c, the_second_signal_stops_at_once);
	tcase_add_test(c, a_death_while_draining_costs_time_only);
	tcase_add_test(c, sigint_counts_even_where_a_shell_had_it_ignored);
	tcase_add_test(c, nohup_is_obeyed);
	tcase_add_test(c, daemons_of_plugins_are_swept);
	tcase_add_test(c, daemons_are_swept_after_a_crash);
	tcase_add_test(c, nobody_outlives_a_killed_supervisor);
	tcase_add_test(c, a_standard_error_that_nobody_reads_stops_nothing);
	tcase_add_test(c, a_standard_error_that_is_closed_stops_nothing);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
