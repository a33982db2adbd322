/* spawn.h - how one worker process is started, ended and cleaned up after.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker is this very program, started anew (exec of /proc/self/exe), so it has a clean
 * memory and shows as "gale worker ... split[0]" in ps. It gets
 *
 *   0  standard input: the supervisor's for spouts, else /dev/null
 *   1  2  a pipe each, read by the supervisor (relay.h)
 *   CONTROL_FD  its end of the control channel
 *   OUT_FD      the supervisor's standard output
 *
 * and nothing else; default signal dispositions, no blocked signals, a process group of
 * its own, and SIGKILL when the supervisor dies. The supervisor is one thread: the death
 * signal is tied to the thread that forked.
 *
 * One exception: a spout whose standard input is a terminal stays in the supervisor's
 * process group, since a terminal is read by its foreground group only. It ignores SIGINT
 * and SIGQUIT instead.
 */
#ifndef GALE_SPAWN_H
#define GALE_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

struct spawn {
	const char *program;	/* NULL: this program */
	const char *run_dir, *state_dir;
	uint32_t worker, start, run;	/* (run, start): its incarnation (I1) */
	const char *label;
	bool reads_input;	/* standard input is the supervisor's */
	enum spawn_core { CORE_AS_IS, CORE_ALLOWED, CORE_DENIED } core;	/* files: the limit of */
	int nice;		/* added to the supervisor's */
	const char *cpus;	/* which processors it may use (cpus.h); NULL: all of the supervisor's */
};

struct child {
	pid_t pid;		/* 0: none */
	int pidfd;		/* readable when it has ended; the descriptors are -1 once closed */
	int control;		/* non-blocking, as are out and err */
	int out, err;
	bool own_group;
};

/* spawn_prepare makes the calling process fit to be a supervisor: descriptors 0 to 2
 * open, room for many descriptors, adopting the orphans of its workers; remembers the
 * children that it has already, which are none of our business. Never undone. Returns 0
 * or -1 with E set. */
int spawn_prepare(struct error *e);

/* spawn_start starts a worker. Returns 0 and fills C, or -1 with E set. */
int spawn_start(const struct spawn *s, struct child *c, struct error *e);

/* spawn_deny_core: a worker that runs leaves no core file when it crashes. */
void spawn_deny_core(const struct child *c);

/* spawn_kill kills a worker and its process group (SIGKILL). */
void spawn_kill(const struct child *c);

/* spawn_reap collects a worker that has ended, after killing what is left of its process
 * group; STATUS is as from wait(2). Returns 0, or -1 when it still runs. */
int spawn_reap(struct child *c, int *status);

/* spawn_forget closes the descriptors of C. */
void spawn_forget(struct child *c);

/* spawn_bury collects orphans that have ended and were adopted: all children that are
 * not among the N given. spawn_sweep kills all orphans, and returns when they are gone. */
void spawn_bury(const struct child *known, uint32_t n, size_t stride);
void spawn_sweep(void);

#endif
