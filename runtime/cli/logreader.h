/* logreader.h - reads a rotated log (rotated.h) from its oldest line to its newest, while it is
 * being written and rotated.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LOGREADER_H
#define GALE_LOGREADER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"
#include "logline.h"

enum { LOGREADER_BYTES = 1 << 17 };	/* more than the longest line */

struct logreader {
	int dir;
	const char *name;
	int fd;			/* of the file that is being read; -1: none yet */
	ino_t inode;		/* its number */
	off_t offset;		/* where `bytes` begins in it */
	char *bytes;		/* n of them are there, those before `at` have been given out */
	size_t n, at;
};

/* logreader_open begins with the oldest file of the log NAME in the directory DIR; there may be none
 * yet. Keeps both until logreader_close. */
void logreader_open(struct logreader *r, int dir, const char *name);
void logreader_close(struct logreader *r);

/* logreader_next gives the next line: 1, and L points to what stays until the next call; 0: there is
 * no further one for now; -1 with E set. What is no line of a log has no label, and its time is 0. */
int logreader_next(struct logreader *r, struct logline *l, struct error *e);

#endif
