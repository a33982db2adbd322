/* batches.c - see batches.h. SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

void batches_init(struct batches *b, const bool *upstream, uint32_t n_workers)
{
	*b = (struct batches){ .n_workers = n_workers };
	b->marked = xcalloc((size_t)n_workers + 1, sizeof *b->marked);
	b->upstream = xcalloc((size_t)n_workers + 1, sizeof *b->upstream);
	memcpy(b->upstream, upstream, n_workers * sizeof *upstream);
	for (size_t i = 0; i < BATCHES_PLACES; i++)
		b->aside[i].end = &b->aside[i].first;
}

void batches_free(struct batches *b)
{
	free(b->marked);
	free(b->upstream);
}

void batches_reset(struct batches *b, uint64_t generation, uint64_t txid)
{
	b->generation = generation;
	b->txid = txid + 1;
	b->last = 0;
	for (uint32_t i = 0; i < b->n_workers; i++)
		b->marked[i] = txid;
}

/* take gives the first that is aside of the batches that share a place, or NULL. */
static void *take(struct batches *b, uint64_t txid)
{
	size_t place = txid % BATCHES_PLACES;
	struct batches_item *item = b->aside[place].first;
	void *frame;

	if (item == NULL)
		return NULL;
	frame = item->frame;
	b->aside[place].first = item->next;
	if (item->next == NULL)
		b->aside[place].end = &b->aside[place].first;
	b->aside_bytes -= item->bytes;
	free(item);
	return frame;
}

void *batches_drop_aside(struct batches *b)
{
	for (size_t i = 0; i < BATCHES_PLACES; i++)
		if (b->aside[i].first != NULL)
			return take(b, i);
	return NULL;
}

/* A frame of a batch that is closed here, or too far ahead, is one that nobody may have sent. */
enum batches_verdict batches_frame(const struct batches *b, uint64_t txid, uint64_t generation)
{
	if (generation != b->generation || generation == 0 || txid < b->txid ||
	    txid - b->txid >= BATCHES_PLACES)
		return BATCHES_DROP;
	return txid == b->txid ? BATCHES_NOW : BATCHES_ASIDE;
}

void batches_put_aside(struct batches *b, uint64_t txid, void *frame, size_t bytes)
{
	size_t place = txid % BATCHES_PLACES;
	struct batches_item *item = xmalloc(sizeof *item);

	*item = (struct batches_item){ .frame = frame, .bytes = bytes };
	*b->aside[place].end = item;
	b->aside[place].end = &item->next;
	b->aside_bytes += bytes;
}

void *batches_take(struct batches *b)
{
	return take(b, b->txid);
}

bool batches_marker(struct batches *b, uint32_t from, uint64_t txid, uint64_t generation, bool last)
{
	if (generation != b->generation || generation == 0 || !b->upstream[from] ||
	    txid != b->marked[from] + 1)
		return false;
	b->marked[from] = txid;
	if (last)
		b->last = txid;
	return true;
}

bool batches_complete(const struct batches *b)
{
	if (b->generation == 0 || b->aside[b->txid % BATCHES_PLACES].first != NULL)
		return false;
	for (uint32_t i = 0; i < b->n_workers; i++)
		if (b->upstream[i] && b->marked[i] < b->txid)
			return false;
	return true;
}

void batches_close(struct batches *b)
{
	b->txid++;
}
