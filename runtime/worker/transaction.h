/* transaction.h - a spout's or bolt's worker in a transactional topology (rules X3-X10).
 *
 * The coordinator orders, the worker reports (order.h). What both kinds of worker do is in
 * batch.c, the rest in batch_spout.c and batch_bolt.c:
 *
 *     RESET    all in memory is dropped, state is undone, tasks are made anew   --> READY
 *     BEGIN    a spout fills the batch; CLOSE ends it                           --> DATA, FULL, CUT
 *     MARK     a spout sends its markers; a bolt that has them all calls
 *              finish_batch and passes them on                                  --> CLOSED
 *     COMMIT   persist, then each task's state                                  --> PREPARED
 *     RECORD   publish                                                          --> PUBLISHED
 *
 * Between resets everything happens in a batch: the one whose number the next frame will
 * carry, and the states' writes belong to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TRANSACTION_H
#define GALE_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "batches.h"
#include "order.h"

struct worker;
struct task;
struct plan;

/* When how much was emitted: what the latency of a batch's tuples is counted from. */
struct stamp {
	uint64_t at_ns;
	uint32_t n;
};

/* A batch that this worker's spouts fill or have filled. */
struct filled {
	bool closed;		/* it ends where its tasks are */
	bool planned;		/* it ends at `ends` */
	bool last;
	bool mark;		/* its markers may go */
	bool full_said;
	uint64_t tuples, bytes;
	uint64_t *by_task;	/* of tuples, where tasks count for themselves; else NULL */
	struct offsets ends;
	struct stamp *stamps;
	size_t n_stamps, stamps_cap;
};

/* What of a batch a bolt still has to do once all of it has come. */
enum closing { CLOSING_NOT, CLOSING_FINISH, CLOSING_MARK };

struct txn {
	uint64_t generation;	/* 0: not reset yet */
	uint64_t committed;	/* the last batch that is decided, as far as is known here */
	bool open;		/* what is emitted and written now belongs to a batch */
	bool ready;		/* it was said */
	bool failed;		/* the batch in hand has: nothing goes on before the reset */
	uint64_t touched;	/* the last batch that was reported to have something */
	uint64_t held_most;	/* topology.held.bytes */
	bool held_said;		/* that there is more */
	uint64_t worked_ns;	/* when it was last said that this worker works */

	/* bolts */
	struct batches batches;
	enum closing closing;

	/* spouts */
	uint64_t begun;		/* batches up to this may be filled */
	uint64_t cut;		/* the last that no task fills any more */
	uint64_t marked;	/* the last whose markers have gone */
	uint64_t dry;		/* the last that was said to be dry */
	uint64_t most_tuples, most_bytes;
	struct filled filled[BATCHES_PLACES];	/* by txid */
};

/* batch_init makes w->txn, in a transactional topology. */
void batch_init(struct worker *w);
void batch_free(struct worker *w);

/* batch_orders carries out what the coordinator has ordered; false: it has not. */
bool batch_orders(struct worker *w);

/* batch_report sends X to the coordinator; batch_say one that has no more than a kind and a
 * batch. */
void batch_report(struct worker *w, struct order *x);
void batch_say(struct worker *w, enum order_kind kind, uint64_t txid);

/* batch_replaced: PEER has a successor. What this worker sent to the dead one may be lost, and the
 * generation may be newer than that death: so it is left, and the reset that follows the fence
 * waited for. Else the successor could get the rest of a batch and its marker, and close it. */
void batch_replaced(struct worker *w, uint32_t peer);

/* batch_laid_out: tasks of others were moved. Whoever is here, the generation is left, and the reset
 * that follows waited for (X14). */
void batch_laid_out(struct worker *w, const struct plan *was);

/* batch_enter: from now on all belongs to batch TXID. */
void batch_enter(struct worker *w, uint64_t txid);

/* batch_touched is called when the first thing is emitted or written in a batch, other than
 * the one in txn->touched: the coordinator learns that there is something in it. */
void batch_touched(struct worker *w);

/* batch_failed: a tuple of the batch in hand has failed at task T. */
void batch_failed(struct task *t, const char *why);

/* batch_held gives the bytes that this worker keeps of batches that are not committed, and tells
 * the coordinator when they become too many (F5). */
size_t batch_held(struct worker *w);

/* batch_working is called when some work was done, and tells the coordinator now and then. */
void batch_working(struct worker *w);

/* ---- by role ---- */

void batch_spout_init(struct worker *w);
void batch_spout_free(struct worker *w);
void batch_spout_reset(struct worker *w, uint64_t txid);
void batch_spout_forget(struct task *t);
void batch_spout_resume(struct task *t, const struct offsets *from);
void batch_spout_order(struct worker *w, const struct order *x);
void batch_spout_committed(struct worker *w, uint64_t txid);

/* batch_spout_emits: T is about to emit message ID; false: nothing comes of that, all has ended before it.
 * batch_spout_told is gale_position. */
bool batch_spout_emits(struct task *t, uint64_t id);
int batch_spout_told(struct task *t, uint64_t next, const void *blob, uint32_t n);

void batch_bolt_init(struct worker *w);
void batch_bolt_reset(struct worker *w, uint64_t txid);

#endif
