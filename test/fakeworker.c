/* fakeworker.c - a worker that only speaks the control protocol, and misbehaves as told.
 *
 *     fakeworker worker --run-dir DIR --state-dir DIR --run R --worker N --start S LABEL
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * $FAKE_WORKER says what workers do, "LABEL=ACTION@MOMENT" or, of its start S only,
 * "LABEL#S=ACTION@MOMENT", separated by ";". Moments, in their order: start, hello, ready,
 * activate, switch, lost, drain, stop. A worker for which nothing is said is well-behaved:
 * hello, ready, ended (spouts: after "activate"; with "stay" not before "drain"; after
 * "over" at once), exit 0 after "stop"; it answers "ping" and "switch". It prints its
 * process id, every message that it gets but "ping", and that it has ended.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "rundir.h"
#include "status.h"
#include "wire.h"

static const char *label, *run_dir;
static uint32_t number, start;
static struct status *page;
static int stays, deaf, mute, slow, ready, drained;

/* ---- actions ----------------------------------------------------------------------- */

static void do_signal(const char *arg)
{
	int s = atoi(arg);

	signal(s, SIG_DFL);	/* sanitizers catch some */
	raise(s);
}

static void do_exit(const char *arg)
{
	_exit(atoi(arg));
}

static void do_hang(const char *arg)
{
	(void)arg;
	for (;;)
		pause();
}

static void do_stay(const char *arg)
{
	(void)arg;
	stays = 1;
}

static void do_deaf(const char *arg)
{
	(void)arg;
	deaf = 1;
}

/* mute: it answers no pings; lag: and no switch, until it is asked to stop. */
static void do_mute(const char *arg)
{
	(void)arg;
	mute = 1;
}

static void do_lag(const char *arg)
{
	(void)arg;
	slow = 1;
}

static void do_say(const char *arg)
{
	control_send(CONTROL_FD, "%s", arg);
}

static void do_fatal(const char *arg)
{
	control_send(CONTROL_FD, "fatal %s", arg);
	_exit(1);
}

static void do_words(const char *arg)
{
	snprintf(page->last_words, sizeof page->last_words, "%s", arg);
	_exit(1);
}

static void do_print(const char *arg)
{
	printf("%s", arg);
	fflush(stdout);
}

static void do_flood(const char *arg)
{
	for (int i = 0; i < atoi(arg); i++)
		printf("line %d\n", i);
	fflush(stdout);
}

static void do_out(const char *arg)
{
	dprintf(OUT_FD, "%s\n", arg);
}

static void do_close(const char *arg)
{
	(void)arg;
	close(CONTROL_FD);
	do_hang(NULL);
}

/* A daemon of a plugin's: in a session of its own, with our pipes. */
static void do_daemon(const char *arg)
{
	(void)arg;
	if (fork() == 0) {
		setsid();
		if (fork() == 0)
			do_hang(NULL);
		_exit(0);
	}
}

static void do_unbounded(const char *arg)
{
	(void)arg;
	page->unbounded = 1;
}

/* hand: the tuple ("to be", 7) from task 0, root 0x1234; hand-cut: a longer one. */
static void do_hand(const char *arg)
{
	gale_value values[2] = { gale_text("to be"), gale_int(7) };
	uint8_t *end = wire_put_values(page->hand, values, 2);

	page->hand_n = (uint32_t)(end - page->hand);
	page->hand_source = 0;
	page->hand_root = 0x1234;
	page->hand_since_ns = clock_now_ns();
	if (strcmp(arg, "cut") == 0) {
		memset(page->hand, 'x', sizeof page->hand);
		page->hand_n = 5000;
	}
}

static void do_count(const char *arg)
{
	uint64_t n = strtoull(arg, NULL, 10);

	page->streams[0].emitted = page->streams[0].transferred = n;
	page->acked = n;
	page->first_emit_ns = clock_now_ns() - 1000;
	page->first_ack_ns = page->last_ack_ns = clock_now_ns();
}

static void do_input(const char *arg)
{
	char text[64];
	ssize_t n = read(STDIN_FILENO, text, sizeof text - 1);

	(void)arg;
	text[n > 0 ? n : 0] = '\0';
	printf("input %zd %s\n", n, text);
	fflush(stdout);
}

/* What the supervisor promises about a worker's surroundings. */
static void do_inspect(const char *arg)
{
	int death = 0, open_fds = 0, ignored = 0;
	struct sigaction action;
	sigset_t blocked;

	(void)arg;
	prctl(PR_GET_PDEATHSIG, &death);
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int s = 1; s < NSIG; s++)
		ignored += (sigaction(s, NULL, &action) == 0 && action.sa_handler == SIG_IGN) ||
		    sigismember(&blocked, s) == 1;
	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;

		open_fds += fstat(fd, &st) == 0;
	}
	printf("death signal %d, group %s, %d signals ignored or blocked, %d descriptors\n", death,
	    getpgrp() == getpid() ? "own" : "shared", ignored, open_fds);
	fflush(stdout);
}

static const struct {
	const char *name;
	void (*act)(const char *arg);
} actions[] = {
	{ "signal", do_signal }, { "exit", do_exit }, { "hang", do_hang }, { "stay", do_stay },
	{ "deaf", do_deaf }, { "say", do_say }, { "fatal", do_fatal }, { "words", do_words },
	{ "print", do_print }, { "flood", do_flood }, { "out", do_out }, { "close", do_close },
	{ "daemon", do_daemon }, { "unbounded", do_unbounded }, { "hand", do_hand },
	{ "mute", do_mute }, { "lag", do_lag },
	{ "count", do_count }, { "input", do_input }, { "inspect", do_inspect },
};

/* perform does one "ACTION:ARG". */
static void perform(const char *what)
{
	size_t length = strcspn(what, ":");

	for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
		if (strlen(actions[i].name) == length &&
		    strncmp(actions[i].name, what, length) == 0)
			actions[i].act(what[length] ? what + length + 1 : "");
}

/* reach does what $FAKE_WORKER says for this worker and MOMENT. */
static void reach(const char *moment)
{
	const char *script = getenv("FAKE_WORKER");
	char *copy = strdup(script ? script : ""), *rest = copy, *rule, of_start[128];

	snprintf(of_start, sizeof of_start, "%s#%u", label, start);
	while ((rule = strsep(&rest, ";")) != NULL) {
		char *what = strchr(rule, '='), *when = strrchr(rule, '@');

		if (what == NULL || when == NULL)
			continue;
		*what++ = *when++ = '\0';
		if ((strcmp(rule, label) == 0 || strcmp(rule, of_start) == 0) && strcmp(when, moment) == 0)
			perform(what);
	}
	free(copy);
}

/* ---- life -------------------------------------------------------------------------- */

static void receive(char *text, size_t size)
{
	struct pollfd p = { .fd = CONTROL_FD, .events = POLLIN };
	int n;

	while ((n = control_receive(CONTROL_FD, text, size)) < 0 && errno == EAGAIN)
		poll(&p, 1, -1);
	if (n <= 0)
		_exit(1);
	if (strcmp(text, "ping") == 0)
		return;
	printf("got %s\n", text);
	fflush(stdout);
}

static void end(void)
{
	control_send(CONTROL_FD, "ended");
	printf("has ended\n");
	fflush(stdout);
}

/* answer does what any worker does at once; false: it is another message. */
static int answer(const char *text)
{
	if (strcmp(text, "ping") == 0) {
		if (!mute)
			control_send(CONTROL_FD, "pong");
	} else if (strncmp(text, "switch ", 7) == 0) {
		reach("switch");
		if (!slow)
			control_send(CONTROL_FD, "switched %s", text + 7);
	} else if (strncmp(text, "lost ", 5) == 0) {
		reach("lost");
	} else if (strncmp(text, "over", 4) == 0) {
		control_send(CONTROL_FD, "ready");
		end();
	} else {
		return 0;
	}
	return 1;
}

static void live(void)
{
	int is_spout = strncmp(label, "lines", 5) == 0, is_acker = strncmp(label, "acker", 5) == 0;
	static char text[CONTROL_MAX];

	printf("is %d\n", (int)getpid());
	fflush(stdout);
	reach("start");
	control_send(CONTROL_FD, "hello");
	reach("hello");
	for (;;) {
		receive(text, sizeof text);
		if (answer(text))
			continue;
		if (strncmp(text, "peers", 5) == 0) {
			control_send(CONTROL_FD, "ready");
			ready = 1;
			reach("ready");
			if (!is_acker && (drained || (!is_spout && !stays)))
				end();
		} else if (strcmp(text, "activate") == 0) {
			reach("activate");
			if (is_spout && !stays)
				end();
		} else if (strncmp(text, "drain", 5) == 0) {
			reach("drain");
			drained = 1;
			if (stays && ready)
				end();
		} else if (strcmp(text, "stop") == 0) {
			reach("stop");
			if (!deaf)
				return;
		}
	}
}

int main(int argc, char **argv)
{
	char *path;

	if (argc != 13 || strcmp(argv[1], "worker") != 0 || strcmp(argv[2], "--run-dir") != 0)
		return 2;
	run_dir = argv[3];
	number = (uint32_t)strtoul(argv[9], NULL, 10);
	start = (uint32_t)strtoul(argv[11], NULL, 10);
	label = argv[12];
	path = rundir_status(run_dir, number, 0);
	page = status_create(path, number, start, NULL);
	free(path);
	if (page == NULL)
		return 3;
	live();
	status_close(page);
	return 0;
}
