/* child.h - programs that are run for what they print: dot, and gale itself.
 *
 * A child gets a text as its standard input (a file in memory, which can be opened as /dev/stdin
 * as well), nothing else that is open here, no blocked or ignored signals, a process group of its own, and
 * SIGKILL when we die. It is nicer than we are (nice(2)): topologies do not pay for being looked at. What
 * it prints is kept, up to what there is room for; when it is late its whole group is killed. Nobody waits
 * for it. The death signal is tied to the thread that forked: that which serves.
 *
 * A supervisor collects all orphans that it finds (spawn.h), and may take a child's exit
 * code before we do: it is CHILD_TAKEN then, and what it has printed has to speak for itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CHILD_H
#define GALE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "watch.h"

enum {
	CHILDREN_MOST = 8,	/* at a time */
	CHILD_ERR = 16384	/* bytes of standard error that are kept */
};

enum child_end {
	CHILD_EXITED,		/* with `code`; 127: there is no such program */
	CHILD_KILLED,		/* by the signal `code` */
	CHILD_TAKEN,		/* somebody else knows how */
	CHILD_LATE,		/* it was killed because it took too long, */
	CHILD_TALKATIVE		/* or printed too much */
};

struct child_result {
	enum child_end end;
	int code;
	const char *out, *err;	/* with a NUL behind them; valid within the call */
	size_t n_out, n_err;
};

struct child_order {
	const char *const *argv;	/* found by PATH; NULL follows the last */
	const char *input;		/* n_input bytes */
	size_t n_input;
	const char *folder;		/* to work in; NULL: ours */
	size_t room;			/* for standard output; of standard error: CHILD_ERR */
	uint32_t deadline_ms;
};

struct child_process;

/* child_begin starts a program as ORDER, which is copied, says; ENDED is called when it is over and gone, by watches_serve.
 * NULL with E set: there are CHILDREN_MOST already, or the system has no room for it. */
struct child_process *child_begin(struct watches *ws, const struct child_order *order,
    void (*ended)(void *arg, const struct child_result *result), void *arg, struct error *e);

/* child_cancel kills it; nobody is told. child_found tells whether PATH has such a program. */
void child_cancel(struct child_process *c);
bool child_found(const char *program);

#endif
