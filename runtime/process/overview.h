/* overview.h - what a supervisor tells the world of its topology: one small page, for free.
 *
 * A file in the run directory, mapped by the supervisor (who alone writes it, with plain
 * stores) and by whoever wants to know. Nobody asks the supervisor: one that hangs hangs no
 * reader. Whether it lives is told by the lock of the run directory and of the home (home.h),
 * not by this page.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OVERVIEW_H
#define GALE_OVERVIEW_H

#include <stdint.h>

#include "error.h"

/* What a topology is doing, by Storm's names where it has one. The last three are told by the
 * home of one whose supervisor is gone. */
enum topology_status {
	TOPOLOGY_STARTING,	/* not all workers have been ready yet */
	TOPOLOGY_ACTIVE,	/* spouts emit */
	TOPOLOGY_INACTIVE,	/* spouts are told not to; what was open is worked off */
	TOPOLOGY_DRAINING,	/* it ends once what is open is done */
	TOPOLOGY_FINISHED,	/* its input came to an end, or was drained: exit code 0 */
	TOPOLOGY_FAILED,	/* ended otherwise */
	TOPOLOGY_DEAD,		/* its supervisor was killed */
	N_TOPOLOGY_STATUSES
};
extern const char *const topology_status_names[N_TOPOLOGY_STATUSES];

enum { OVERVIEW_MAGIC = 0x77656976, OVERVIEW_VERSION = 2, OVERVIEW_NAME = 128 };

struct overview {
	uint32_t magic, version;
	int32_t pid;			/* of the supervisor */
	uint32_t run;			/* number of the run (I1) */
	uint32_t status;		/* enum topology_status, up to DRAINING */
	uint32_t layout;		/* how often tasks were moved: topology.json is another then */
	uint64_t started_ns;		/* CLOCK_MONOTONIC */
	uint64_t started_ms;		/* since 1970 */
	uint64_t active_ns;		/* CLOCK_MONOTONIC: all workers were ready; 0: not yet */
	uint64_t restarts;		/* of workers, in this run */
	uint64_t moved_ns;		/* CLOCK_MONOTONIC: tasks were moved last; 0: never */
	char name[OVERVIEW_NAME];
};

/* overview_create makes the page in the run directory RUNDIR, overview_open maps it for
 * reading. Return NULL with E set. overview_close unmaps; NULL is allowed. */
struct overview *overview_create(const char *rundir, const char *name, uint32_t run, struct error *e);
const struct overview *overview_open(const char *rundir, struct error *e);
void overview_close(const struct overview *o);

#endif
