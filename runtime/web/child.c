/* child.c - see child.h. SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "memory.h"

enum {
	NO_PROGRAM = 127,
	ABOVE_ALL = 10,		/* descriptors that are no target of dup2 */
	READS = 16,		/* of one pipe, in a turn */
	NICENESS = 5
};

enum { ENDS, OUT, ERR, PARTS };	/* what of a child is watched */

struct child_process {
	pid_t pid;
	int fds[PARTS];		/* its pidfd and pipes; -1: closed */
	struct watch watches[PARTS];
	struct buf out_text, err_text;
	size_t room;
	enum child_end end;	/* CHILD_EXITED until it is otherwise known */
	void (*ended)(void *arg, const struct child_result *result);	/* NULL: nobody wants to know */
	void *arg;
};

static struct child_process *running[CHILDREN_MOST];	/* NULL: a free place */

/* ---- starting ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* input_file gives a file in memory with the N bytes of TEXT; -1 with errno set. */
static int input_file(const char *text, size_t n)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	for (size_t done = 0; fd >= 0 && done < n; ) {
		ssize_t put = write(fd, text + done, n - done);

		if (put < 0 && errno != EINTR)
			close_fd(&fd);
		else
			done += put > 0 ? (size_t)put : 0;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static _Noreturn void become(const struct child_order *o, int fds[3], pid_t parent)
{
	static const struct rlimit no_core;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(NO_PROGRAM);
	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + NICENESS);
	setrlimit(RLIMIT_CORE, &no_core);
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE_ALL);
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			_exit(NO_PROGRAM);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	if (o->folder == NULL || chdir(o->folder) == 0)
		execvp(o->argv[0], (char *const *)(uintptr_t)o->argv);
	_exit(NO_PROGRAM);
}

/* start fills pid and fds of C; -1 with errno set. */
static int start(struct child_process *c, const struct child_order *o)
{
	int in = input_file(o->input, o->n_input), out[2] = { -1, -1 }, err[2] = { -1, -1 };
	pid_t parent = getpid();
	int cause;

	if (in >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0)
		c->pid = fork();
	if (c->pid == 0)
		become(o, (int[3]){ in, out[1], err[1] }, parent);
	if (c->pid > 0)
		c->fds[ENDS] = pidfd_open(c->pid, 0);
	cause = errno;
	if (c->pid > 0 && c->fds[ENDS] < 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	close_fd(&in);
	close_fd(&out[1]);
	close_fd(&err[1]);
	c->fds[OUT] = out[0];
	c->fds[ERR] = err[0];
	errno = cause;
	return c->fds[ENDS] >= 0 ? 0 : -1;
}

/* kill_all kills C and its group. As long as nobody has collected it no other process has its number; where
 * a supervisor has, there is nothing left to kill but what it sees to itself. */
static void kill_all(const struct child_process *c)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)c->fds[ENDS], &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return;
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);	/* it may not have come to have a group */
}

/* put_down ends one that runs. It is killed: it goes at once. */
static void put_down(const struct child_process *c)
{
	siginfo_t info;

	kill_all(c);
	waitid(P_PIDFD, (id_t)c->fds[ENDS], &info, WEXITED);
}

/* ---- going on ---- */

/* stop kills C for a reason. */
static void stop(struct child_process *c, enum child_end why)
{
	if (c->end == CHILD_EXITED)
		c->end = why;
	kill_all(c);
}

/* part_with ends the watch of a part of C and closes it. */
static void part_with(struct child_process *c, int part)
{
	watch_end(&c->watches[part]);
	close_fd(&c->fds[part]);
}

/* drain reads what a pipe of C has into TEXT, as far as there is ROOM; false: there was more. */
static bool drain(struct child_process *c, int part, struct buf *text, size_t room)
{
	static char block[65536];
	bool fits = true;

	for (int i = 0; c->fds[part] >= 0 && i < READS; i++) {
		ssize_t n = read(c->fds[part], block, sizeof block);
		size_t free_room = room - text->n, some = n > 0 ? (size_t)n : 0;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0)
			part_with(c, part);
		if (some > free_room)
			fits = false;
		buf_add(text, block, some < free_room ? some : free_room);
	}
	return fits;
}

static void listen_to(struct child_process *c)
{
	if (!drain(c, OUT, &c->out_text, c->room))
		stop(c, CHILD_TALKATIVE);
	drain(c, ERR, &c->err_text, CHILD_ERR);
}

/* has_ended collects C when it is a zombie, and fills RESULT. What is left of its group goes as well: it may
 * hold the pipes. */
static bool has_ended(struct child_process *c, struct child_result *result)
{
	siginfo_t info = { 0 };

	*result = (struct child_result){ .end = CHILD_TAKEN };
	if (waitid(P_PIDFD, (id_t)c->fds[ENDS], &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		if (info.si_pid == 0)
			return false;
		kill(-c->pid, SIGKILL);
		waitid(P_PIDFD, (id_t)c->fds[ENDS], &info, WEXITED | WNOHANG);
		result->end = info.si_code == CLD_EXITED ? CHILD_EXITED : CHILD_KILLED;
		result->code = info.si_status;
	}
	return true;
}

static void tell(struct child_process *c, struct child_result *result)
{
	/* All that it has said is in the pipes by now. */
	for (size_t before = SIZE_MAX; before != c->out_text.n + c->err_text.n; ) {
		before = c->out_text.n + c->err_text.n;
		listen_to(c);
	}
	if (c->end != CHILD_EXITED)
		result->end = c->end;
	result->out = buf_text(&c->out_text);
	result->err = buf_text(&c->err_text);
	result->n_out = c->out_text.n;
	result->n_err = c->err_text.n;
	if (c->ended != NULL)
		c->ended(c->arg, result);
}

/* leave makes place for another one. */
static void leave(const struct child_process *c)
{
	for (int i = 0; i < CHILDREN_MOST; i++)
		if (running[i] == c)
			running[i] = NULL;
}

static void child_free(struct child_process *c)
{
	leave(c);
	for (int i = 0; i < PARTS; i++)
		part_with(c, i);
	buf_free(&c->out_text);
	buf_free(&c->err_text);
	free(c);
}

static void ready(void *arg, uint32_t events)
{
	struct child_process *c = arg;
	struct child_result result;

	listen_to(c);
	if (has_ended(c, &result)) {
		leave(c);
		tell(c, &result);
		child_free(c);
	} else if (events == 0) {
		stop(c, CHILD_LATE);
	}
}

/* ---- beginning and cancelling ---- */

/* watch_parts has the news of C come by WS, and nothing wait for them. */
static int watch_parts(struct child_process *c, struct watches *ws, struct error *e)
{
	for (int i = 0; i < PARTS; i++) {
		c->watches[i] = (struct watch){ .fd = c->fds[i], .ready = ready, .arg = c };
		if (watch_begin(ws, &c->watches[i], EPOLLIN, e) != 0)
			return -1;
		if (i != ENDS && fcntl(c->fds[i], F_SETFL, O_NONBLOCK) != 0)
			return error_errno(e, "cannot read what a program prints");
	}
	return 0;
}

struct child_process *child_begin(struct watches *ws, const struct child_order *order,
    void (*ended)(void *arg, const struct child_result *result), void *arg, struct error *e)
{
	struct child_process *c;
	int rc, place = 0;

	while (place < CHILDREN_MOST && running[place] != NULL)
		place++;
	if (place == CHILDREN_MOST) {
		error_set(e, "%d programs are at work already; try again in a moment", CHILDREN_MOST);
		return NULL;
	}
	c = xmalloc(sizeof *c);
	*c = (struct child_process){
		.pid = -1, .fds = { -1, -1, -1 }, .room = order->room, .ended = ended, .arg = arg,
	};
	running[place] = c;
	rc = start(c, order);
	if (rc != 0)
		error_errno(e, "cannot start %s", order->argv[0]);
	else if ((rc = watch_parts(c, ws, e)) != 0)
		put_down(c);
	if (rc != 0) {
		child_free(c);
		return NULL;
	}
	c->watches[ENDS].deadline_ns = clock_now_ns() + (uint64_t)order->deadline_ms * NS_PER_MS;
	return c;
}

void child_cancel(struct child_process *c)
{
	put_down(c);
	child_free(c);
}

bool child_found(const char *program)
{
	const char *path = getenv("PATH");
	bool found = false;

	while (path != NULL && *path != '\0' && !found) {
		size_t n = strcspn(path, ":");
		char *file = xasprintf("%.*s/%s", (int)n, path, program);

		found = access(file, X_OK) == 0;
		free(file);
		path += n + (path[n] == ':');
	}
	return found;
}

