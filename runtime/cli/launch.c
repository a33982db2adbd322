/* launch.c - see launch.h. SPDX-License-Identifier: Apache-2.0 */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "call.h"
#include "clock.h"
#include "command.h"
#include "farewell.h"
#include "memory.h"
#include "topology.h"

enum {
	LISTED_MS = 10000,	/* for what an older run has left alive to end, too */
	UP_MS = 30000
};

/* ---- starting ---------------------------------------------------------------------- */

/* stand_alone makes the calling child fit to outlive the terminal. What else the caller had open, such as
 * a lock of a script, is not kept from it. */
static void stand_alone(const struct home *h)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), log;
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_IGN);
	log = openat(h->fd, "log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	dup2(null, STDIN_FILENO);
	dup2(log >= 0 ? log : null, STDOUT_FILENO);
	dup2(log >= 0 ? log : null, STDERR_FILENO);
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	if (fchdir(h->fd) != 0)		/* core files go there */
		perror("gale: cannot enter the topology's home");
}

static _Noreturn void become_supervisor(const struct home *h, int tell)
{
	char home_fd[16], tell_fd[16];

	snprintf(home_fd, sizeof home_fd, "%d", h->fd);
	snprintf(tell_fd, sizeof tell_fd, "%d", tell);
	stand_alone(h);
	fcntl(h->fd, F_SETFD, 0);
	fcntl(tell, F_SETFD, 0);
	execl("/proc/self/exe", "gale", "supervise", h->name, home_fd, tell_fd, (char *)NULL);
	fprintf(stderr, "gale: cannot start the supervisor: %s\n", strerror(errno));
	_exit(EXIT_FAILED);
}

/* hear waits for the supervisor to say WORD on FD: 1, 0 when it is late, -1 when it has ended. */
static int hear(int fd, const char *word, uint32_t ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)ms * NS_PER_MS, now;
	char said[8] = "";
	size_t n = 0;

	while (n < strlen(word)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		now = clock_now_ns();
		if (now >= deadline)
			return 0;
		if (poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1) <= 0)
			continue;
		got = read(fd, said + n, strlen(word) - n);
		if (got == 0 || (got < 0 && errno != EINTR))
			return -1;
		n += got > 0 ? (size_t)got : 0;
	}
	return 1;
}

/* say_why tells why the supervisor PID of H has ended, and returns its exit code. */
static int say_why(const struct home *h, pid_t pid)
{
	const struct json_node *why = NULL;
	struct json *ended;
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	ended = home_json(h, "ended.json");
	if (ended != NULL)
		why = json_member(ended->nodes, "error");
	if (why != NULL && json_text(why) != NULL)
		command_say("%s: %s", h->name, json_text(why));
	else
		command_say("%s: its supervisor has ended; %s/log says why", h->name, h->path);
	json_free(ended);
	return WIFEXITED(status) && WEXITSTATUS(status) != EXIT_DONE ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* has_finished: it has come up, and to its good end, before we looked. */
static bool has_finished(const struct home *h)
{
	return ask_gone(h, FAREWELL_GONE_MS) && home_status(h) == TOPOLOGY_FINISHED;
}

int launch(struct home *h, bool wait)
{
	int tell[2], heard;
	pid_t pid;

	if (pipe2(tell, O_CLOEXEC) != 0) {
		command_say("cannot make a pipe: %s", strerror(errno));
		return EXIT_FAILED;
	}
	pid = fork();
	if (pid == 0)
		become_supervisor(h, tell[1]);
	close(tell[1]);
	h->locked = false;	/* the child's from here on: the lock belongs to what both have open */
	if (pid < 0) {
		command_say("cannot start the supervisor: %s", strerror(errno));
		close(tell[0]);
		return EXIT_FAILED;
	}
	close(h->fd);
	h->fd = open(h->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	heard = hear(tell[0], "here\n", LISTED_MS);
	if (heard == 1 && wait)
		heard = hear(tell[0], "up\n", UP_MS);
	close(tell[0]);
	if (heard == 0) {
		command_say("%s is not up after %d s; \"gale status %s\" tells how it goes on", h->name,
		    (wait ? UP_MS : LISTED_MS) / 1000, h->name);
		return EXIT_TIMED_OUT;
	}
	if (heard == 1 || has_finished(h))
		return EXIT_DONE;
	return say_why(h, pid);
}

/* ---- stopping ---------------------------------------------------------------------- */

/* The line that tells how many are open is rewritten on a terminal, and not there else. */
static void show_open(const char *name, const char *n)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s: spouts are stopped; draining, %s messages left", name, n);
}

static void hide_open(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

int launch_stop(const struct home *h, const char *word, uint32_t ms)
{
	char request[32];
	const char *rest = "";
	struct error e;
	struct ask a;
	int code, got;

	snprintf(request, sizeof request, "%s %u", word, ms);
	code = ask_begin(&a, h, request);
	if (code == EXIT_CONFLICT)
		return EXIT_DONE;	/* it has ended meanwhile: nothing is left to stop */
	if (code != EXIT_DONE)
		return code;
	while ((got = ask_next(&a, CALL_ANSWER_MS)) == 1 && !ask_final(&a, &code, &rest))
		show_open(h->name, a.text + strcspn(a.text, "0123456789"));
	hide_open();
	if (got == 1 && code == EXIT_DONE && farewell_given_up(h->name, rest, &e)) {
		command_say("%s", e.text);
		code = EXIT_TIMED_OUT;
	} else if (got == 0) {
		command_say("the supervisor of %s does not answer any more", h->name);
		code = EXIT_NO_ANSWER;
	}
	ask_end(&a);
	if (code != EXIT_NO_ANSWER && !ask_gone(h, FAREWELL_GONE_MS)) {
		command_say("the supervisor of %s does not end", h->name);
		code = EXIT_NO_ANSWER;
	}
	return code;
}
