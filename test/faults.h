/* faults.h - a piece of work with a fault in it, for tests: the n-th time that it comes to a
 * failpoint that fails, or the process dies there.
 *
 *     for (int n = 1; fault_struck("state.write", "kill", n, work); n++)
 *             look at what it has left;
 *
 * The work is done in a child. When something tells it that it failed it calls fault_told.
 * How far it has come it may note in *fault_done, which is 0 at first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FAULTS_H
#define GALE_FAULTS_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failpoint.h"
#include "memory.h"

static volatile uint32_t *fault_done;	/* shared with the child */
static const char *const fault_whats[] = { "5", "28", "kill" };

enum { FAULT_WHATS = 3 };

static inline _Noreturn void fault_told(void)
{
	_exit(EXIT_FAILURE);
}

static inline void fault_child(const char *point, const char *what, int n, void (*work)(void))
{
	char *rule = xasprintf("%s=%d,%s", point, n, what);
	int null = open("/dev/null", O_WRONLY);

	dup2(null, STDERR_FILENO);
	setenv("GALE_FAILPOINTS", rule, 1);
	failpoints_init("test", 1);
	work();
	_exit(EXIT_SUCCESS);
}

/* fault_struck tells whether there was a fault; without one the work was done. */
static inline bool fault_struck(const char *point, const char *what, int n, void (*work)(void))
{
	int status;
	pid_t pid;

	if (fault_done == NULL)
		fault_done = mmap(NULL, sizeof *fault_done, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*fault_done = 0;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		fault_child(point, what, n, work);
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)) {
		fprintf(stderr, "%s=%d,%s: the child is gone\n", point, n, what);
		abort();
	}
	return !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS;
}

#endif
