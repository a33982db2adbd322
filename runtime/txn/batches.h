/* batches.h - one worker's place in the row of batches (rules X3-X5).
 *
 * A worker works on one batch at a time, in the order of their numbers: what comes of later
 * ones is put aside. It has all of a batch when the markers of all upstream workers have come.
 *
 *     frame or marker of another generation            dropped (X1)
 *     frame of the batch in hand                       now
 *     frame of a later one                             aside; now, once its batch is in hand
 *     markers of the batch in hand from all upstream   it can be closed; then the next is in hand
 *
 * Pure. What is put aside belongs to the caller, and is nothing but a pointer here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_BATCHES_H
#define GALE_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BATCHES_PLACES = 128 };	/* a power of two above the most that can be in flight */

struct batches_item {
	struct batches_item *next;
	void *frame;
	size_t bytes;
};

struct batches {
	uint64_t generation;	/* 0: not reset yet, all is dropped */
	uint64_t txid;		/* in hand */
	uint64_t last;		/* no batch follows this one, as its markers say; 0: not known yet */
	uint64_t *marked;	/* by upstream worker: the last batch whose marker came */
	bool *upstream;		/* who that is */
	uint32_t n_workers;
	struct {
		struct batches_item *first, **end;
	} aside[BATCHES_PLACES];
	size_t aside_bytes;
};

enum batches_verdict { BATCHES_DROP, BATCHES_NOW, BATCHES_ASIDE };

/* batches_init: N_WORKERS are numbered from 0, of which those in UPSTREAM (copied) send data. */
void batches_init(struct batches *b, const bool *upstream, uint32_t n_workers);

/* batches_free, batches_reset: nothing may be aside: batches_drop_aside gives what is, one by
 * one, then NULL. batches_reset: GENERATION begins, and TXID is committed. */
void batches_free(struct batches *b);
void batches_reset(struct batches *b, uint64_t generation, uint64_t txid);
void *batches_drop_aside(struct batches *b);

/* batches_frame tells what to do with a frame of batch TXID; batches_put_aside keeps one of
 * BYTES; batches_take gives the next one of the batch in hand, or NULL. */
enum batches_verdict batches_frame(const struct batches *b, uint64_t txid, uint64_t generation);
void batches_put_aside(struct batches *b, uint64_t txid, void *frame, size_t bytes);
void *batches_take(struct batches *b);

/* batches_marker: a marker of batch TXID came from worker FROM; false: it is dropped. */
bool batches_marker(struct batches *b, uint32_t from, uint64_t txid, uint64_t generation, bool last);

/* batches_complete: all of the batch in hand has come, and none of it is aside. Then
 * batches_close takes the next one in hand. */
bool batches_complete(const struct batches *b);
void batches_close(struct batches *b);

#endif
