/* measure.c - what a command costs, or what one that runs already costs now.
 *
 *     measure [-i MS] -o FILE COMMAND [ARG...]
 *     measure -p PID SECONDS
 *
 * The first form runs COMMAND and writes into FILE, when it has ended,
 *
 *     wall_s 1.234567 cpu_s 2.345678 pss_max_kib 45678 pss_last_kib 44567 written_bytes 512000
 *
 * written_bytes is what went, or will go, to disks.
 * cpu_s is user and system time of it and of all that it and its children have waited for.
 * With -i, the memory of the whole process tree is added up every MS milliseconds, or less often
 * where that would take more than a twentieth of a core; without, both numbers are 0. Exits as COMMAND does (128 + N when signal N ended it).
 *
 * The second form watches PID and its descendants for that long and prints, on standard
 * output,
 *
 *     processes 6 cpu_share 0.000123 pss_kib 34567
 *
 * cpu_share is what all of them together used of one core. The scheduler's own count is
 * read, in nanoseconds: that of /proc/PID/stat goes in steps of 10 ms, which is 0.1 % of a
 * core in 10 s for each process.
 *
 * Memory is PSS: what several processes share is divided among them, so sums are true.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MOST = 4096,		/* processes on the machine, and so in a tree */
	LOOK_SHARE = 20		/* time between two looks : time that a look takes */
};

struct tree {
	pid_t pids[MOST];
	size_t n;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	exit(125);
}

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- a process tree ---------------------------------------------------------------- */

/* parent_of reads the parent from /proc/PID/stat: "PID (NAME) STATE PPID ...", where NAME
 * may hold anything. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512], *end;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	if ((f = fopen(path, "r")) != NULL) {
		n = fread(text, 1, sizeof text - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	end = strrchr(text, ')');
	return end == NULL ? 0 : (pid_t)strtol(end + 4, NULL, 10);
}

static void read_all(struct tree *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (proc == NULL)
		die("/proc");
	all->n = 0;
	while ((entry = readdir(proc)) != NULL && all->n < MOST) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0)
			all->pids[all->n++] = pid;
	}
	closedir(proc);
}

/* read_tree finds TOP and its descendants, children after their parents. */
static void read_tree(struct tree *t, pid_t top)
{
	static struct tree all;
	static pid_t parents[MOST];

	read_all(&all);
	for (size_t i = 0; i < all.n; i++)
		parents[i] = parent_of(all.pids[i]);
	t->pids[0] = top;
	t->n = 1;
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < all.n && t->n < MOST; k++)
			if (parents[k] == t->pids[i])
				t->pids[t->n++] = all.pids[k];
}

static long pss_kib(pid_t pid)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fgets(line, sizeof line, f) != NULL && sscanf(line, "Pss: %ld", &kib) != 1)
		continue;
	fclose(f);
	return kib;
}

static long tree_pss_kib(const struct tree *t)
{
	long sum = 0;

	for (size_t i = 0; i < t->n; i++)
		sum += pss_kib(t->pids[i]);
	return sum;
}

static double tree_cpu_s(const struct tree *t)
{
	double sum = 0;
	clockid_t clock;

	for (size_t i = 0; i < t->n; i++)
		if (clock_getcpuclockid(t->pids[i], &clock) == 0)
			sum += seconds_of(clock);
	return sum;
}

/* ---- the two forms ----------------------------------------------------------------- */

static int watch(pid_t pid, long seconds)
{
	static struct tree t;
	double cpu, wall;

	read_tree(&t, pid);
	cpu = tree_cpu_s(&t);
	wall = seconds_of(CLOCK_MONOTONIC);
	sleep((unsigned)seconds);
	cpu = tree_cpu_s(&t) - cpu;
	wall = seconds_of(CLOCK_MONOTONIC) - wall;
	if (kill(pid, 0) != 0)
		die("the process has ended");
	printf("processes %zu cpu_share %.6f pss_kib %ld\n", t.n, cpu / wall, tree_pss_kib(&t));
	return 0;
}

static pid_t start(char **command, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	die(command[0]);
}

/* sample adds the tree's memory up every MS milliseconds until PID has ended. To look costs
 * time that the command then lacks, so a long look is followed by a long pause. */
static int sample(pid_t pid, long ms, const sigset_t *ended, long *most, long *last)
{
	static struct tree t;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		double pause_s = (double)ms / 1000, before = seconds_of(CLOCK_MONOTONIC), took;
		struct timespec interval;
		long kib;

		read_tree(&t, pid);
		kib = tree_pss_kib(&t);
		took = seconds_of(CLOCK_MONOTONIC) - before;
		if (pause_s < LOOK_SHARE * took)
			pause_s = LOOK_SHARE * took;
		interval.tv_sec = (time_t)pause_s;
		interval.tv_nsec = (long)((pause_s - (double)interval.tv_sec) * 1e9);
		if (kib > 0)
			*last = kib;
		if (kib > *most)
			*most = kib;
		sigtimedwait(ended, NULL, &interval);
	}
	return status;
}

static int run(char **command, long ms, FILE *out)
{
	double start_s = seconds_of(CLOCK_MONOTONIC), wall_s, cpu_s;
	long most = 0, last = 0;
	struct rusage used;
	sigset_t ended, before;
	int status = 0;
	pid_t pid;

	/* Who loses its parent becomes our child, and is counted. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* Blocked, the signal waits for sigtimedwait. */
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, &before);
	pid = start(command, &before);
	if (ms > 0)
		status = sample(pid, ms, &ended, &most, &last);
	else if (waitpid(pid, &status, 0) < 0)
		die("wait");
	wall_s = seconds_of(CLOCK_MONOTONIC) - start_s;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	getrusage(RUSAGE_CHILDREN, &used);
	cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
	fprintf(out, "wall_s %.6f cpu_s %.6f pss_max_kib %ld pss_last_kib %ld written_bytes %lld\n", wall_s,
	    cpu_s, most, last, 512LL * used.ru_oublock);
	if (fclose(out) != 0)
		die("write");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int usage(void)
{
	fprintf(stderr, "usage: measure [-i MS] -o FILE COMMAND [ARG...]\n"
	    "       measure -p PID SECONDS\n");
	return 125;
}

int main(int argc, char **argv)
{
	FILE *out = NULL;
	long ms = 0;
	int option;
	pid_t pid = 0;

	while ((option = getopt(argc, argv, "+i:o:p:")) != -1) {
		if (option == 'i')
			ms = strtol(optarg, NULL, 10);
		else if (option == 'p')
			pid = (pid_t)strtol(optarg, NULL, 10);
		else if (option != 'o')
			return usage();
		else if ((out = fopen(optarg, "we")) == NULL)
			die(optarg);
	}
	if (optind == argc || (pid > 0) == (out != NULL))
		return usage();
	if (pid > 0)
		return watch(pid, strtol(argv[optind], NULL, 10));
	return run(argv + optind, ms, out);
}
