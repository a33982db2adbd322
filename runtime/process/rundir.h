/* rundir.h - the run directory of one running topology: sockets and status pages.
 *
 *   BASE/                   $XDG_RUNTIME_DIR/gale, else (or when that is not ours)
 *                           /run/gale for root, else /tmp/gale-UID; 0700, ours, no
 *                           symlink: else refused. Locked (flock on the directory) while
 *                           directories come and go; removed when it is empty
 *   BASE/NAME-PID/          one run, 0700; locked by its supervisor as long as that lives
 *     topology.json         what topology_write wrote
 *     state/                state of a run without --state (statedir.h)
 *     plugin.0123456789abcdef.so   link to a plugin as it was when the run began (pinned.h)
 *     .gale-1234            link to a temporary file elsewhere, to be removed with this
 *     w3.status             status page of worker 3 (status.h); w3.1.status: of its stage 1
 *     w3.past.status        what the predecessors of worker 3 have counted
 *     tasks                 what each task has counted (counts.h), when status pages do not say it
 *     w3.flow               frames between worker 3 and others (flow.h)
 *     history.00012345678   what had been counted at that time (history.h)
 *     w3.1.in               socket: data for worker 3, start 1
 *     w3.1.ack              socket: acker: records in; spout and bolt: verdicts in
 *
 * Names of sockets carry the start number (rule I2). A directory whose lock can be taken
 * belongs to a supervisor that is gone: rundir_sweep removes it, every command calls it
 * first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_RUNDIR_H
#define GALE_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"

enum { RUNDIR_SOCKET_MAX = 107 };	/* longest path of a socket (sun_path) */

struct rundir {
	char *path;	/* absolute */
	int lock_fd;	/* the directory itself, holding its lock; -1 in a worker */
};

/* rundir_sweep removes what dead supervisors left behind. Best effort: says nothing. */
void rundir_sweep(void);

/* rundir_living gives the paths of the run directories whose supervisors live, sorted; NULL follows
 * them. Free the array and each of them. A base that is not ours has none. While another command makes
 * or removes one nobody can be asked: then all that are there are given. */
char **rundir_living(void);

/* rundir_base gives the path of BASE; free it. */
char *rundir_base(void);

/* rundir_create makes and locks a run directory for the topology NAME. Returns 0 or -1
 * with E set (not writable, not ours, path too long for sockets). */
int rundir_create(struct rundir *r, const char *name, struct error *e);

/* rundir_is_there: it has not been removed, as some systems do when the user logs out. */
bool rundir_is_there(const struct rundir *r);

/* rundir_remove removes the directory with all in it and gives back the lock. */
void rundir_remove(struct rundir *r);

/* rundir_temporary sees to it that the file PATH, or the directory with the files in it, absolute
 * and with a name that begins with ".gale-", goes with the run directory, however the run ends.
 * Returns 0 or -1 with E set. */
int rundir_temporary(const char *rundir, const char *path, struct error *e);

/* Paths inside; each gives a string that the caller frees. */
char *rundir_topology(const char *rundir);
char *rundir_state(const char *rundir);	/* the state directory of a run without --state */
char *rundir_status(const char *rundir, uint32_t worker, uint32_t stage);
char *rundir_past(const char *rundir, uint32_t worker, uint32_t stage);
char *rundir_tasks(const char *rundir);
char *rundir_flow(const char *rundir, uint32_t worker);
char *rundir_data_endpoint(const char *rundir, uint32_t worker, uint32_t start);	/* "ipc://..." */
char *rundir_ack_endpoint(const char *rundir, uint32_t worker, uint32_t start);

#endif
