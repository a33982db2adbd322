/* child.c - see child.h. SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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
	READS = 16		/* of one pipe, in a turn */
};

struct child_process {
	struct children *all;
	struct child_process *next;
	pid_t pid;
	int pidfd, out, err;	/* -1: closed */
	struct buf out_text, err_text;
	size_t room;
	uint64_t deadline_ns;
	enum child_end end;	/* CHILD_EXITED until it is otherwise known */
	bool over;		/* to be freed */
	void (*ended)(void *arg, const struct child_result *result);
	void *arg;
};

int children_open(struct children *all, struct error *e)
{
	*all = (struct children){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	return all->fd >= 0 ? 0 : error_errno(e, "cannot make a descriptor to watch programs (epoll)");
}

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

/* What else is open is closed on exec: nobody opens anything without that here. */
static _Noreturn void become(const struct child_order *o, int fds[3], pid_t parent)
{
	static const struct rlimit no_core;
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(NO_PROGRAM);
	setpgid(0, 0);
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
	if (o->folder == NULL || chdir(o->folder) == 0)
		execvp(o->argv[0], (char *const *)(uintptr_t)o->argv);
	_exit(NO_PROGRAM);
}

/* start fills pid, pidfd, out and err of C; -1 with errno set. */
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
		c->pidfd = pidfd_open(c->pid, 0);
	cause = errno;
	if (c->pid > 0 && c->pidfd < 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	close_fd(&in);
	close_fd(&out[1]);
	close_fd(&err[1]);
	c->out = out[0];
	c->err = err[0];
	errno = cause;
	return c->pidfd >= 0 ? 0 : -1;
}

/* watch has the news of C come by the epoll, and nothing wait for them. */
static int watch(struct child_process *c)
{
	const int fds[] = { c->pidfd, c->out, c->err };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	for (int i = 0; i < 3; i++)
		if (epoll_ctl(c->all->fd, EPOLL_CTL_ADD, fds[i], &event) != 0)
			return -1;
	return fcntl(c->out, F_SETFL, O_NONBLOCK) == 0 && fcntl(c->err, F_SETFL, O_NONBLOCK) == 0 ? 0 : -1;
}

/* kill_all kills C and its group. As long as nobody has collected it no other process has its number; where
 * a supervisor has, there is nothing left to kill but what it sees to itself. */
static void kill_all(const struct child_process *c)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return;
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);	/* it may not have come to have a group */
}

static void child_free(struct child_process *c)
{
	close_fd(&c->pidfd);
	close_fd(&c->out);
	close_fd(&c->err);
	buf_free(&c->out_text);
	buf_free(&c->err_text);
	free(c);
}

/* put_down ends one that runs, and waits for that. */
static void put_down(struct child_process *c)
{
	kill_all(c);
	waitid(P_PIDFD, (id_t)c->pidfd, &(siginfo_t){ 0 }, WEXITED);
}

struct child_process *child_begin(struct children *all, const struct child_order *order,
    void (*ended)(void *arg, const struct child_result *result), void *arg, struct error *e)
{
	struct child_process *c;

	if (all->n >= CHILDREN_MOST) {
		error_set(e, "%d programs are at work already; try again in a moment", CHILDREN_MOST);
		return NULL;
	}
	c = xcalloc(1, sizeof *c);
	*c = (struct child_process){
		.all = all, .next = all->list, .pid = -1, .pidfd = -1, .out = -1, .err = -1, .room = order->room,
		.deadline_ns = clock_now_ns() + (uint64_t)order->deadline_ms * NS_PER_MS,
		.ended = ended, .arg = arg,
	};
	if (start(c, order) != 0 || watch(c) != 0) {
		error_errno(e, "cannot start %s", order->argv[0]);
		if (c->pidfd >= 0)
			put_down(c);
		child_free(c);
		return NULL;
	}
	all->list = c;
	all->n++;
	return c;
}

void child_cancel(struct child_process *c)
{
	c->ended = NULL;
	kill_all(c);
}

void children_close(struct children *all)
{
	struct child_process *next;

	for (struct child_process *c = all->list; c != NULL; c = next) {
		next = c->next;
		put_down(c);
		child_free(c);
	}
	if (all->fd >= 0)
		close(all->fd);
	*all = (struct children){ .fd = -1 };
}

/* ---- going on ---- */

/* stop kills C for a reason. */
static void stop(struct child_process *c, enum child_end why)
{
	if (c->end == CHILD_EXITED)
		c->end = why;
	kill_all(c);
}

/* drain reads what FD has into TEXT, as far as there is ROOM; false: there was more. */
static bool drain(int *fd, struct buf *text, size_t room)
{
	static char block[65536];
	bool fits = true;

	for (int i = 0; *fd >= 0 && i < READS; i++) {
		ssize_t n = read(*fd, block, sizeof block);
		size_t free_room = room - text->n, some = n > 0 ? (size_t)n : 0;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0)
			close_fd(fd);
		if (some > free_room)
			fits = false;
		buf_add(text, block, some < free_room ? some : free_room);
	}
	return fits;
}

static void listen_to(struct child_process *c)
{
	if (!drain(&c->out, &c->out_text, c->room))
		stop(c, CHILD_TALKATIVE);
	drain(&c->err, &c->err_text, CHILD_ERR);
}

/* has_ended collects C when it is a zombie, and fills RESULT. What is left of its group goes as well: it may
 * hold the pipes. */
static bool has_ended(struct child_process *c, struct child_result *result)
{
	siginfo_t info = { 0 };

	*result = (struct child_result){ .end = CHILD_TAKEN };
	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		if (info.si_pid == 0)
			return false;
		kill(-c->pid, SIGKILL);
		waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG);
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

static void go_on(struct child_process *c, uint64_t now_ns)
{
	struct child_result result;

	if (c->over)
		return;
	listen_to(c);
	if (has_ended(c, &result)) {
		c->over = true;
		c->all->n--;
		tell(c, &result);
	} else if (now_ns >= c->deadline_ns) {
		stop(c, CHILD_LATE);
		c->deadline_ns = UINT64_MAX;
	}
}

static void bury(struct children *all)
{
	for (struct child_process **at = &all->list, *c; (c = *at) != NULL; ) {
		if (!c->over) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		child_free(c);
	}
}

int children_timeout_ms(const struct children *all, uint64_t now_ns)
{
	uint64_t first = UINT64_MAX;

	for (const struct child_process *c = all->list; c != NULL; c = c->next)
		if (c->deadline_ns < first)
			first = c->deadline_ns;
	if (first == UINT64_MAX)
		return -1;
	return first <= now_ns ? 0 : (int)((first - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* They are few: the epoll only tells that there is something to do. */
void children_serve(struct children *all, uint64_t now_ns)
{
	for (struct child_process *c = all->list; c != NULL; c = c->next)
		go_on(c, now_ns);
	bury(all);
}
