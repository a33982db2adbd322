/* positionfile.h - the position of one task on disk.
 *
 * Two files, PATH.a and PATH.b, written in turn, each whole and with a checksum: the one that
 * is not the newest is overwritten and synced, so at every moment one of them is good, be it
 * that the process dies or the power fails, and a write costs one sync. Which is the newer one
 * is told by the sequence number inside.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_POSITIONFILE_H
#define GALE_POSITIONFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "position.h"

struct positionfile {
	char *path;		/* without ".a", ".b" */
	int fds[2];		/* -1: not made yet */
	uint64_t sequence;	/* of the newest; 0: there is none */
	int newest;
	uint32_t run;		/* that wrote the one that was read */
	bool sync;		/* it has to survive a power failure */
};

/* positionfile_read looks for the position at PATH and reads it into *P, which is zeroed.
 * Returns 1, or 0 when there is none, or -1 with E set: both files are damaged, or can't be
 * read. Free F with positionfile_close in any case. */
int positionfile_read(struct positionfile *f, const char *path, bool sync, struct position *p,
    struct error *e);

/* positionfile_write makes P durable as what run RUN wrote. Returns 0 or -1 with E set. */
int positionfile_write(struct positionfile *f, struct position *p, uint32_t run, struct error *e);

void positionfile_close(struct positionfile *f);

#endif
