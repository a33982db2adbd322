/* kept.h - what batches put out, kept in the state until they are decided: what sinks share that
 * write to where nothing can be taken back.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     finish_batch    kept_put        the batch's bytes are part of its state: written with it,
 *                                     undone with it
 *     publish         kept_next       gives them back, batch by batch, to be put out for good
 *     finish_batch    kept_drop       forgets, in a later batch, what was put out; until that one
 *                                     is committed a task that is made anew finds it once more
 *
 * So nothing is lost, and who puts out must know by itself what it has put out already. The keys
 * are "out", the txid and the number of the part, the numbers with their highest byte first.
 *
 * Functions that give an int give 0, or -1 when the state refuses, which it then has said.
 */
#ifndef BOLTS_KEPT_H
#define BOLTS_KEPT_H

#include <endian.h>

#include <gale/gale.h>

#include "format.h"

enum { KEPT_PART = 1 << 20 };	/* bytes of a value */

#pragma pack(push, 1)
struct kept_key {
	char out[3];
	uint64_t txid;		/* big endian */
	uint32_t part;
};
#pragma pack(pop)

static inline struct kept_key kept_key(uint64_t txid, uint32_t part)
{
	return (struct kept_key){ { 'o', 'u', 't' }, htobe64(txid), htobe32(part) };
}

static inline uint64_t kept_txid(const gale_scan *s)
{
	struct kept_key key;
	if (s->key.n != sizeof key)
		return 0;
	memcpy(&key, s->key.bytes, sizeof key);
	return be64toh(key.txid);
}

/* kept_scan begins a walk through the parts of all batches after TXID. *AFTER must stay as long. */
static inline gale_scan kept_scan(struct kept_key *after, uint64_t txid)
{
	*after = kept_key(txid, UINT32_MAX);
	return gale_state_scan_after("out", 3, after, sizeof *after);
}

/* kept_put keeps T as what the batch in hand puts out, and empties it. */
static inline int kept_put(gale_ctx *ctx, struct text *t)
{
	uint32_t part = 0;
	for (size_t at = 0; at < t->n; at += KEPT_PART) {
		struct kept_key key = kept_key(ctx->txid, part++);
		size_t n = t->n - at < KEPT_PART ? t->n - at : KEPT_PART;
		if (gale_state_put(ctx, &key, sizeof key, t->bytes + at, n) != 0)
			return -1;
	}
	t->n = 0;
	return 0;
}

/* kept_next adds to T what the first batch after AFTER and up to LAST puts out, and gives its
 * txid. 0: there is none. */
static inline uint64_t kept_next(gale_ctx *ctx, uint64_t after, uint64_t last, struct text *t)
{
	uint64_t txid = 0;
	struct kept_key key;
	for (gale_scan s = kept_scan(&key, after); gale_state_next(ctx, &s);) {
		uint64_t of = kept_txid(&s);
		if (of > last || (txid != 0 && of != txid))
			break;
		text_add(t, s.value.bytes, s.value.n);
		txid = of;
	}
	return txid;
}

/* kept_drop forgets the batches after *DROPPED and up to LAST, and sets *DROPPED to LAST. */
static inline int kept_drop(gale_ctx *ctx, uint64_t *dropped, uint64_t last)
{
	struct kept_key key;
	if (*dropped >= last)
		return 0;
	for (gale_scan s = kept_scan(&key, *dropped); gale_state_next(ctx, &s) && kept_txid(&s) <= last;)
		if (gale_state_delete(ctx, s.key.bytes, s.key.n) != 0)
			return -1;
	*dropped = last;
	return 0;
}

#endif
