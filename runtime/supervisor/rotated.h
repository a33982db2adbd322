/* rotated.h - a file of lines that never grows too large, and that nobody waits for.
 *
 *     log         what is written to; up to max_bytes
 *     log.1 ...   what was written before; the newest has the smallest number
 *
 * Lines wait in memory until rotated_flush. What can't be written then (the disk is full, the
 * directory is not writable) is dropped and counted; once there is room the count is told, in a
 * line of the file. A line is there as a whole or not at all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ROTATED_H
#define GALE_ROTATED_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

struct rotated {
	int dir;			/* keeps */
	const char *name;		/* keeps */
	uint64_t max_bytes;
	uint32_t files;			/* how many there are at most, the one written to counted */
	int fd;				/* -1: it is not open for now */
	uint64_t bytes;			/* in it */
	bool torn;			/* its last line has no newline */
	uint64_t retry_ns;		/* opening or rotating has failed: not again before this */
	struct buf waiting;		/* whole lines */
	uint64_t dropped;		/* lines, not told yet */
	uint64_t dropped_total;
	int64_t since_ms;		/* when the first of them was dropped, since 1970 */
	struct error why;		/* of the last failure */
};

/* rotated_open begins with the file NAME in the directory DIR, goes on at its end when it is
 * there, and removes files of a time when more were kept. What fails is tried again later.
 * rotated_close writes what waits. */
void rotated_open(struct rotated *r, int dir, const char *name, uint64_t max_bytes, uint32_t files);
void rotated_close(struct rotated *r);

/* rotated_flush writes what waits. */
void rotated_flush(struct rotated *r);

#endif
