/* position.h - how far one task of a spout has come: what it would take to go on after its
 * process has ended (rule A9).
 *
 * A position is (next, the ids below it that are still open): every message with an id below
 * `next` was emitted, and all of them are done but for those listed. Ids only grow, so they
 * stand in one row in the order of their first emits; one that is emitted again is in it
 * already. What is done at the head of the row leaves it. Pure: no file, no clock.
 *
 *     bytes    what
 *       8      "gale-pos"
 *       8      sequence: of two files the one with the larger number counts
 *       8      next
 *       4      run that wrote it
 *       4      1: ended, else 0
 *       4      n_blob
 *       4      n_open
 *     n_blob   what the spout keeps beside it
 *   8 n_open   ids that are open, ascending, all below next
 *       8      XXH3_64bits of all the bytes before
 *
 * Numbers are little-endian.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_POSITION_H
#define GALE_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"
#include "error.h"
#include "optimisations.h"

struct position_entry {
	uint64_t id;
	bool open;
};

/* Zeroed is the position of a spout that has said nothing yet. */
struct position {
	uint64_t next;
	uint8_t blob[GALE_MAX_POSITION];
	uint32_t n_blob;
	bool known;			/* the spout has told it, or it was read */
	bool ended;			/* nothing will ever be emitted again */
	bool changed;			/* since it was written or read */
	struct position_entry *row;	/* row[first .. n), ids ascending; the first is open */
	size_t first, n, cap;
	size_t n_open;
	size_t hint;			/* in the row: behind what was closed last */
};

void position_free(struct position *p);

/* position_tell: the spout has emitted all below NEXT, and keeps the N bytes at BLOB with it.
 * -1 when NEXT is smaller than it was, or N larger than GALE_MAX_POSITION. */
int position_tell(struct position *p, uint64_t next, const void *blob, uint32_t n);

/* position_open_any and position_close_any are position_open and position_close for ids that
 * stand anywhere in the row. */
void position_open_any(struct position *p, uint64_t id);
bool position_close_any(struct position *p, uint64_t id);

/* position_open: message ID is emitted, for the first time or again. Most are new, and the
 * last of the row. */
static inline void position_open(struct position *p, uint64_t id)
{
	if (!OPTIMISE_POSITIONS || p->n == p->cap || (p->first < p->n && id <= p->row[p->n - 1].id)) {
		position_open_any(p, id);
		return;
	}
	p->row[p->n++] = (struct position_entry){ id, true };
	p->n_open++;
	p->changed = true;
}

/* position_close: message ID is done. False: it was not open. Most are the first of the row, or
 * stand behind the last that was closed. */
static inline bool position_close(struct position *p, uint64_t id)
{
	if (!OPTIMISE_POSITIONS || p->first == p->n || p->row[p->first].id != id) {
		if (!OPTIMISE_POSITIONS || p->hint <= p->first || p->hint >= p->n || p->row[p->hint].id != id ||
		    !p->row[p->hint].open)
			return position_close_any(p, id);
		p->row[p->hint++].open = false;
		p->n_open--;
		p->changed = true;
		return true;
	}
	do
		p->first++;
	while (p->first < p->n && !p->row[p->first].open);
	if (p->first == p->n)
		p->first = p->n = 0;
	p->n_open--;
	p->changed = true;
	return true;
}

/* position_ids gives the ids below next that are open, ascending; the caller frees them. */
uint64_t *position_ids(const struct position *p, uint32_t *n);

/* position_put adds the encoded form to OUT. position_get reads the N bytes at DATA into *P,
 * which is zeroed; -1 with E set when they are not what position_put has made. */
void position_put(struct buf *out, const struct position *p, uint64_t sequence, uint32_t run);
int position_get(struct position *p, const void *data, size_t n, uint64_t *sequence, uint32_t *run,
    struct error *e);

#endif
