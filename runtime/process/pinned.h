/* pinned.h - a run in the foreground keeps the plugins that it began with.
 *
 * A plugin that is installed anew, or removed, meanwhile must not get into a worker that is started
 * again, beside neighbours with the old code. So the supervisor has all of them open, and for each there
 * is a link in the run directory, to what it has open in /proc: that is the old file, whatever has become
 * of its path. Workers take it when another file is at the path, or none. Else they take the path, for the
 * sake of debuggers and of libraries that a plugin looks for beside itself.
 *
 * A file that is written over in place is another one for everybody. Submitted topologies have copies
 * (plugincopy.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PINNED_H
#define GALE_PINNED_H

#include <stddef.h>

#include "error.h"
#include "topology.h"

struct pinned {
	int *fds;
	size_t n, cap;
};

/* pinned_take opens the plugins of T and makes the links. Returns 0 or -1 with E set; either way
 * pinned_drop. */
int pinned_take(struct pinned *p, const char *rundir, const struct topology *t, struct error *e);

/* pinned_drop lets go of them; the links go with the run directory. */
void pinned_drop(struct pinned *p);

/* pinned_path gives the path at which the plugin LIBRARY is as it was; free it. Without a link it is
 * LIBRARY. */
char *pinned_path(const char *rundir, const char *library);

#endif
