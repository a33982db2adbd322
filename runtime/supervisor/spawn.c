/* spawn.c - see spawn.h. SPDX-License-Identifier: Apache-2.0 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "cpus.h"
#include "failpoint.h"
#include "memory.h"

enum {
	DESCRIPTORS_MAX = 1 << 20,	/* what RLIMIT_NOFILE is raised to, at most */
	ABOVE_ALL = 10,			/* descriptors that are no target of dup2 */
	OOM_STEP = 200,			/* workers go first, so that the supervisor can tell */
	EXIT_NO_EXEC = 127,
	SWEEP_MS = 2000			/* a process in the depths of the kernel may take longer */
};

/* ---- once per supervisor ----------------------------------------------------------- */

static pid_t *elders;		/* children from before: a shell may exec us with some */
static size_t n_elders;

/* each_child calls FN for every child of this process, ended ones too, until FN returns
 * false. Children may be missed while others come and go: call it again. */
static void each_child(bool (*fn)(pid_t pid, void *arg), void *arg)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		if (!fn((pid_t)pid, arg))
			break;
	fclose(f);
}

static bool add_elder(pid_t pid, void *arg)
{
	size_t *cap = arg;

	elders = xgrow(elders, cap, n_elders + 1, sizeof *elders);
	elders[n_elders++] = pid;
	return true;
}

static bool is_elder(pid_t pid)
{
	for (size_t i = 0; i < n_elders; i++)
		if (elders[i] == pid)
			return true;
	return false;
}

static int open_standard_descriptors(struct error *e)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return error_errno(e, "cannot open /dev/null as descriptor %d", fd);
	return 0;
}

int spawn_prepare(struct error *e)
{
	struct rlimit limit;
	size_t cap = 0;

	if (open_standard_descriptors(e) != 0)
		return -1;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max &&
	    limit.rlim_cur < DESCRIPTORS_MAX) {
		limit.rlim_cur = limit.rlim_max;
		if (limit.rlim_cur > DESCRIPTORS_MAX)
			limit.rlim_cur = DESCRIPTORS_MAX;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			return error_errno(e, "cannot raise the limit of open files");
	}
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return error_errno(e, "cannot adopt the orphans of workers");
	free(elders);
	elders = NULL;
	n_elders = 0;
	each_child(add_elder, &cap);
	return 0;
}

/* ---- in the child ------------------------------------------------------------------ */

static _Noreturn void no_exec(const char *what)
{
	dprintf(STDERR_FILENO, "cannot start a worker: %s: %s\n", what, strerror(errno));
	_exit(EXIT_NO_EXEC);
}

static void reset_signals(bool own_group)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);	/* fails for SIGKILL, SIGSTOP and libc's own */
	if (!own_group) {
		signal(SIGINT, SIG_IGN);
		signal(SIGQUIT, SIG_IGN);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* place puts FDS[i] at descriptor i. Two rounds, so that no source is overwritten. */
static void place(int *fds, int n)
{
	for (int i = 0; i < n; i++) {
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, ABOVE_ALL);
		if (fds[i] < 0)
			no_exec("descriptors");
	}
	for (int i = 0; i < n; i++)
		if (dup2(fds[i], i) < 0)
			no_exec("descriptors");
	/* Kernels before 5.11 can't; our own are close-on-exec anyway. */
	close_range((unsigned)n, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Raising it needs no privilege. Best effort: /proc may be read-only. */
static void offer_to_oom_killer(void)
{
	char text[32];
	int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t n;
	int score;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof text - 1);
	if (n > 0) {
		text[n] = '\0';
		score = (int)strtol(text, NULL, 10) + OOM_STEP;
		n = snprintf(text, sizeof text, "%d", score > 1000 ? 1000 : score);
		n = pwrite(fd, text, (size_t)n, 0);
	}
	close(fd);
}

static void limit_core(enum spawn_core core)
{
	struct rlimit limit;

	if (core == CORE_AS_IS || getrlimit(RLIMIT_CORE, &limit) != 0)
		return;
	limit.rlim_cur = core == CORE_ALLOWED ? limit.rlim_max : 0;
	setrlimit(RLIMIT_CORE, &limit);		/* within the hard limit: it can't fail */
}

/* set_priorities is the config's wish; one that can't be had ends the start. */
static void set_priorities(const struct spawn *s)
{
	cpu_set_t set;

	errno = 0;
	if (s->nice != 0 && nice(s->nice) == -1 && errno != 0)
		no_exec("topology.worker.nice");
	errno = EINVAL;
	if (s->cpus != NULL && (!cpus_parse(s->cpus, &set) || sched_setaffinity(0, sizeof set, &set) != 0))
		no_exec("topology.worker.cpus");
}

static _Noreturn void become_worker(const struct spawn *s, int *fds, pid_t supervisor,
    bool own_group)
{
	const char *program = s->program != NULL ? s->program : "/proc/self/exe";
	char worker[16], start[16], run[16];
	char *argv[] = {
		(char *)"gale", (char *)"worker", (char *)"--run-dir", (char *)s->run_dir,
		(char *)"--state-dir", (char *)s->state_dir, (char *)"--run", run,
		(char *)"--worker", worker, (char *)"--start", start, (char *)s->label, NULL
	};

	if (own_group)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != supervisor)
		_exit(EXIT_NO_EXEC);	/* it died before it could tell */
	snprintf(worker, sizeof worker, "%u", s->worker);
	snprintf(start, sizeof start, "%u", s->start);
	snprintf(run, sizeof run, "%u", s->run);
	reset_signals(own_group);
	place(fds, OUT_FD + 1);
	offer_to_oom_killer();
	limit_core(s->core);
	set_priorities(s);
	execv(program, argv);
	no_exec(program);
}

/* ---- in the supervisor ------------------------------------------------------------- */

/* All that is between the two processes. THEIRS[i] becomes the worker's descriptor i. */
struct channels {
	int theirs[OUT_FD + 1];
	int control, out, err;
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_theirs(struct channels *c)
{
	for (int i = 0; i <= OUT_FD; i++)
		if (c->theirs[i] > STDERR_FILENO)
			close_fd(&c->theirs[i]);
}

/* open_pipe gives a pipe: the reading end is ours and does not block. */
static int open_pipe(int *ours, int *theirs)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	*ours = ends[0];
	*theirs = ends[1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* open_control gives the channel; neither side ever waits in it. */
static int open_control(int *ours, int *theirs)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return -1;
	*ours = ends[0];
	*theirs = ends[1];
	return 0;
}

static int open_channels(struct channels *c, bool reads_input)
{
	*c = (struct channels){ .theirs = { -1, -1, -1, -1, -1 }, .control = -1, .out = -1,
		.err = -1 };
	c->theirs[OUT_FD] = STDOUT_FILENO;
	c->theirs[0] = reads_input ? STDIN_FILENO : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (c->theirs[0] >= 0 &&
	    open_pipe(&c->out, &c->theirs[1]) == 0 &&
	    open_pipe(&c->err, &c->theirs[2]) == 0 &&
	    open_control(&c->control, &c->theirs[CONTROL_FD]) == 0)
		return 0;
	return -1;
}

static void close_channels(struct channels *c)
{
	close_theirs(c);
	close_fd(&c->control);
	close_fd(&c->out);
	close_fd(&c->err);
}

int spawn_start(const struct spawn *s, struct child *c, struct error *e)
{
	bool own_group = !(s->reads_input && isatty(STDIN_FILENO));
	pid_t supervisor = getpid();
	struct channels channels;

	*c = (struct child){ .pidfd = -1, .control = -1, .out = -1, .err = -1 };
	if (open_channels(&channels, s->reads_input) != 0) {
		error_errno(e, "cannot make the channels of %s", s->label);
		close_channels(&channels);
		return -1;
	}
	fflush(NULL);
	c->pid = failpoint("spawn.fork") ? -1 : fork();
	if (c->pid == 0)
		become_worker(s, channels.theirs, supervisor, own_group);
	if (c->pid > 0)
		c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0) {
		error_errno(e, "cannot start %s%s", s->label,
		    errno == EAGAIN ? ": too many processes; raise the limit (ulimit -u)" : "");
		if (c->pid > 0) {
			kill(c->pid, SIGKILL);
			waitpid(c->pid, NULL, 0);
		}
		c->pid = 0;
		close_channels(&channels);
		return -1;
	}
	if (own_group)
		setpgid(c->pid, c->pid);	/* in both: whoever is first */
	close_theirs(&channels);
	c->own_group = own_group;
	c->control = channels.control;
	c->out = channels.out;
	c->err = channels.err;
	return 0;
}

void spawn_deny_core(const struct child *c)
{
	struct rlimit limit;

	if (c->pid == 0 || prlimit(c->pid, RLIMIT_CORE, NULL, &limit) != 0)
		return;
	limit.rlim_cur = 0;
	prlimit(c->pid, RLIMIT_CORE, &limit, NULL);
}

void spawn_kill(const struct child *c)
{
	if (c->pid == 0)
		return;
	if (c->own_group)
		kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
}

/* While its zombie is there, nobody else can have its number: only then is it safe to
 * kill the group. */
int spawn_reap(struct child *c, int *status)
{
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid == 0)
		return -1;
	spawn_kill(c);
	if (waitpid(c->pid, status, 0) != c->pid)
		*status = 0;
	c->pid = 0;
	return 0;
}

void spawn_forget(struct child *c)
{
	close_fd(&c->pidfd);
	close_fd(&c->control);
	close_fd(&c->out);
	close_fd(&c->err);
}

/* ---- orphans ----------------------------------------------------------------------- */

struct burial {
	const struct child *known;
	uint32_t n;
	size_t stride;
};

static bool bury(pid_t pid, void *arg)
{
	const struct burial *b = arg;

	for (uint32_t i = 0; i < b->n; i++) {
		const void *at = (const char *)b->known + i * b->stride;

		if (((const struct child *)at)->pid == pid)
			return true;
	}
	if (!is_elder(pid))
		waitpid(pid, NULL, WNOHANG);
	return true;
}

void spawn_bury(const struct child *known, uint32_t n, size_t stride)
{
	struct burial b = { known, n, stride };

	each_child(bury, &b);
}

static bool kill_orphan(pid_t pid, void *arg)
{
	bool *found = arg;

	if (is_elder(pid))
		return true;
	*found = true;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, WNOHANG);
	return true;
}

/* Its children are ours next, so it takes some rounds. */
void spawn_sweep(void)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)SWEEP_MS * NS_PER_MS;
	bool found;

	for (;;) {
		found = false;
		each_child(kill_orphan, &found);
		if (!found || clock_now_ns() >= deadline)
			break;
		clock_pause(1);
	}
	free(elders);
	elders = NULL;
	n_elders = 0;
}
