/* offsets.h - how far tasks of spouts have come: the position of each, as gale_position told it.
 *
 * As bytes (in orders, reports, cuts and records), little-endian:
 *
 *     u32 n, then for each task:  u32 task | u8 known | u64 next | u32 n_blob | the blob
 *
 * Bytes that came from elsewhere are untrusted: every length is checked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OFFSETS_H
#define GALE_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"

struct offset {
	uint32_t task;		/* its number in the topology */
	bool known;		/* false: at the beginning, it has told none */
	uint64_t next;
	uint32_t n_blob;
	uint8_t blob[GALE_MAX_POSITION];
};

/* One for each task, in no order. A zeroed struct is empty. */
struct offsets {
	struct offset *items;
	uint32_t n;
	size_t cap;
};

void offsets_free(struct offsets *o);

/* offsets_find gives the offset of TASK, or NULL; offsets_at makes one, unknown, when there is
 * none. Both are good until the next change of O. */
const struct offset *offsets_find(const struct offsets *o, uint32_t task);
struct offset *offsets_at(struct offsets *o, uint32_t task);

/* offsets_merge sets in O what MORE has. */
void offsets_merge(struct offsets *o, const struct offsets *more);

/* offsets_write appends O's bytes to OUT. offsets_read makes O, which must be empty, of the
 * bytes *AT to END and moves *AT behind them; false: they are none. */
void offsets_write(const struct offsets *o, struct buf *out);
bool offsets_read(struct offsets *o, const uint8_t **at, const uint8_t *end);

#endif
