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

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static inline void fault_child(const char *point, const char *what, int n, void (*work)(void), int words)
{
	char *rule = xasprintf("%s=%d,%s", point, n, what);

	dup2(words, STDERR_FILENO);
	setenv("GALE_FAILPOINTS", rule, 1);
	failpoints_init("test", 1);
	work();
	_exit(EXIT_SUCCESS);
}

/* fault_struck tells whether the work came to the point that often, as the point itself says. */
static inline bool fault_struck(const char *point, const char *what, int n, void (*work)(void))
{
	int status, words = memfd_create("words", MFD_CLOEXEC);
	char said[512] = "";
	pid_t pid;

	if (fault_done == NULL)
		fault_done = mmap(NULL, sizeof *fault_done, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*fault_done = 0;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		fault_child(point, what, n, work, words);
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)) {
		fprintf(stderr, "%s=%d,%s: the child is gone\n", point, n, what);
		abort();
	}
	if (pread(words, said, sizeof said - 1, 0) < 0)
		abort();
	close(words);
	return strstr(said, "failpoint ") != NULL && strstr(said, " reached") != NULL;
}

#endif
