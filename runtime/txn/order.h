/* order.h - what the coordinator of a transactional topology and its workers say to each other.
 *
 *     coordinator says (frames of kind ORDER)
 *       RESET    forget and undo all above batch txid (X3); offsets: where this worker's spout
 *                tasks go on. What follows is of the frame's generation
 *       BEGIN    spouts: batch txid may be filled; with `planned` offsets it ends exactly there
 *       CLOSE    spouts: batch txid ends here, if it has not already; `final`: and it is the last
 *       MARK     spouts: send the markers of batch txid
 *       COMMIT   participants: write the round up to batch txid (X6)
 *       RECORD   the batches up to txid are decided (X2): publish (X8), count as acked
 *       OVER     nothing more will come
 *     a worker says (frames of kind REPORT)
 *       READY    it is reset (X3); `roles` tells what it takes part in, `offsets` where its
 *                tasks are, those that know
 *       REACHED  before READY: `offsets` that its tasks had come to in the attempt that is undone
 *       DATA     there is something in batch txid
 *       FULL     spouts: batch txid is as large as may be, or all tasks have ended: close it
 *       DRY      spouts: all tasks have ended, and nothing is in batch txid
 *       CUT      spouts: batch txid ends at `offsets`
 *       CLOSED   it has all of batch txid and has passed the markers on; n: as in HELD
 *       PREPARED the round up to txid is on disk
 *       PUBLISHED what is decided up to txid is visible
 *       FAILED   batch txid failed; text says who and why
 *       HELD     n bytes of batches that are not committed are in its memory (F5); also said now
 *                and then while it works: a batch is late only if nothing moves
 *
 * The frame's header has txid and generation; its body is
 *
 *     u8 kind | u8 flags | u8 roles | u64 n | offsets (offsets.h) | u32 n_text | text
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ORDER_H
#define GALE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "offsets.h"

enum order_kind {
	ORDER_RESET = 1, ORDER_BEGIN, ORDER_CLOSE, ORDER_MARK, ORDER_COMMIT, ORDER_RECORD, ORDER_OVER,
	REPORT_READY, REPORT_DATA, REPORT_FULL, REPORT_DRY, REPORT_CUT, REPORT_CLOSED, REPORT_PREPARED,
	REPORT_PUBLISHED, REPORT_FAILED, REPORT_HELD, REPORT_REACHED,
	ORDER_KINDS
};

enum { ROLE_CUTS = 1, ROLE_PREPARES = 2, ROLE_PUBLISHES = 4 };

struct order {
	enum order_kind kind;
	uint64_t txid, generation;
	bool final, planned;
	uint8_t roles;
	uint64_t n;
	struct offsets offsets;		/* borrowed by order_write; order_read makes it, order_free frees it */
	const char *text;		/* n_text bytes; NULL: none */
	uint32_t n_text;
};

enum { ORDER_TEXT_MAX = 1000 };		/* longer ones are cut */

/* order_write appends the body of X to OUT. order_read makes X of the N bytes at BODY, into
 * which its text points; txid and generation are those of the frame. False: it is none. */
void order_write(const struct order *x, struct buf *out);
bool order_read(struct order *x, const uint8_t *body, size_t n, uint64_t txid, uint64_t generation);
void order_free(struct order *x);

#endif
