/* statedir.h - the state directory: what of a topology outlives its processes.
 *
 *   DIR/                   ours, and no other user can change it; not on NFS
 *     lock                 locked (flock) by the supervisor as long as it lives; its pid
 *     workers.lock         locked, shared, by every worker as long as it lives (I3)
 *     run                  number of the last run (I1)
 *     topology             what must stay the same (fit.h)
 *     positions/lines.0.a  how far task 0 of the spout "lines" has come (positionfile.h)
 *     positions/lines.0.b
 *     state/count.1/       LevelDB of task 1 of the bolt "count"
 *     control              socket of the supervisor, while one runs (desk.h)
 *     state/coordinator.0/ LevelDB of the coordinator: the record of a transactional topology,
 *                          which has the positions; there is no positions/ then
 *
 * Without `gale run --state DIR` it is `state` in the run directory, has only the folders,
 * and goes with it.
 *
 * A lock file is never removed: who waits for it and who makes it anew would both hold it. A
 * worker takes its lock when it starts, then looks whether the run is still its own; a new
 * supervisor raises the run while it holds that lock alone. So once it has given it back, no
 * worker of an older run is alive or will come to life.
 *
 * Within a run a spout that is started anew uses its position always: the bolts still have
 * what was acked. A new run must not when a bolt would have lost it (positions_are_safe); then
 * opening removes it. So workers use what they find.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STATEDIR_H
#define GALE_STATEDIR_H

#include <stdbool.h>
#include <stdint.h>

#include <sys/un.h>

#include "buf.h"
#include "error.h"
#include "topology.h"

/* What opening came to; the error says why and what to do. */
enum statedir_result {
	STATEDIR_OK = 0,
	STATEDIR_FAILED = -1,	/* it can't be made, read or written */
	STATEDIR_CONFLICT = -2	/* it is in use, or belongs to something else */
};

struct statedir {
	char *path;		/* absolute */
	int fd, lock_fd;
	uint32_t run;		/* number of this run */
	bool transactional;
};

/* statedir_open makes DIR when there is none, locks it, waits for the end of what an older
 * run has left alive (2 s at most), looks whether it fits T, and raises the run number. What
 * people should know of goes to SAID, in lines. After a failure S need not be closed. */
enum statedir_result statedir_open(struct statedir *s, const char *dir, const struct topology *t,
    struct buf *said, struct error *e);

/* statedir_clear removes all positions, at once: a run has ended well. The record of a
 * transactional topology stays, and says so. Returns 0 or -1 with E
 * set. statedir_close gives the lock back. */
int statedir_clear(struct statedir *s, struct error *e);
void statedir_close(struct statedir *s);

/* statedir_make_temporary makes the directory PATH for one run. */
int statedir_make_temporary(const char *path, struct error *e);

/* statedir_look opens DIR to read what is in it, changing nothing; until it is closed no run can
 * take it. Several may look at a time. statedir_read gives all of the file NAME, with a NUL
 * behind it: 1, or 0 when it is not there, or -1 with E set. */
enum statedir_result statedir_look(struct statedir *s, const char *dir, struct error *e);
int statedir_read(const struct statedir *s, const char *name, struct buf *b, struct error *e);

/* statedir_hold is for workers of run RUN: takes the shared lock on workers.lock, for good. -1
 * with E set when this run is over. A temporary directory has no such lock: 0. */
int statedir_hold(const char *dir, uint32_t run, struct error *e);

/* statedir_control makes the address of the socket STATEDIR_CONTROL in the directory that FD is
 * open on, however long its path is. */
#define STATEDIR_CONTROL "control"
void statedir_control(int fd, struct sockaddr_un *address);

/* Paths inside, for task INDEX (counted within its component); each gives a string that the
 * caller frees. */
char *statedir_position(const char *dir, const char *component, uint32_t index);
char *statedir_state(const char *dir, const char *component, uint32_t index);

#endif
