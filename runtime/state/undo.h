/* undo.h - the bytes that a round of batches can be taken back by: for each key that it changed
 * what the key had before, and which batch that was (rule X6). Pure.
 *
 *     u64 checksum of the rest (XXH3)
 *     u64 txid, u64 generation       the mark before the round
 *     then for each key: u32 n, n bytes of key, u8 there; there: u32 n, n bytes of value
 *
 * Numbers are little-endian. Bytes that are not exactly this are refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_UNDO_H
#define GALE_UNDO_H

#include <stdbool.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"

/* The last batch in a state, and the generation that prepared it; zero: none. */
struct undo_mark {
	uint64_t txid, generation;
};

/* undo_begin makes B an undo to the mark BASE, undo_add adds what a key had (bytes that are
 * NULL: nothing), undo_end completes it. */
void undo_begin(struct buf *b, struct undo_mark base);
void undo_add(struct buf *b, gale_slice key, gale_slice before);
void undo_end(struct buf *b);

/* What of an undo is still to be read. */
struct undo {
	const uint8_t *at, *end;
};

/* undo_open looks whether BYTES are one, all of it, and gives its mark; false: they are not.
 * undo_next gives the next key and what it had; false: that was all. They point into BYTES. */
bool undo_open(struct undo *u, gale_slice bytes, struct undo_mark *base);
bool undo_next(struct undo *u, gale_slice *key, gale_slice *before);

#endif
