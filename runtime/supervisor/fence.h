/* fence.h - what follows the loss of a worker, so that nothing waits for what it took
 * along (rules R1-R5).
 *
 * What lay in a dead worker's sockets, its memory and the sockets it was sending to is
 * lost, and nobody knows what that was. But every tuple of it belongs to a message that is
 * pending at its spout. So all that could have gone there is failed and comes again; only,
 * not before everybody has stopped sending there, or more would be lost after it:
 *
 *     successor     all senders         all of them     sources that reach it
 *     says hello -> "switch W S" -----> "switched W S" -> "lost W", fail what is pending
 *
 * A sender that takes long (100 ms) is not waited for: the sources are told without it,
 * and again when it has switched (R4). A sender that dies is struck off: its own fence
 * covers it, and its successor gets the new table with its hello. "switched" names the
 * start: one for an older start than the last does not count (R2).
 *
 * Pure: no processes, no clocks. A worker counts as live from the table that it gets
 * after its hello to its death; only live ones are told anything.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FENCE_H
#define GALE_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

struct fence_orders {
	/* switch_to: SENDER shall leave the dead WORKER for its start number START. */
	void (*switch_to)(void *arg, uint32_t sender, uint32_t worker, uint32_t start);
	/* lost: SOURCE shall fail what is pending, because WORKER was lost. */
	void (*lost)(void *arg, uint32_t source, uint32_t worker);
};

/* The fence of one worker's loss. */
struct fence {
	uint32_t start;		/* of the successor; 0: there is no fence */
	uint32_t n_waiting;	/* senders that have not switched yet */
	bool *waiting;		/* by worker */
	uint64_t deadline_ns;	/* then the sources are told anyway; 0: they have been told */
};

struct fences {
	const struct plan *plan;
	struct fence *fences;	/* by worker */
	bool *live;
	const struct fence_orders *orders;
	void *arg;
};

enum { FENCE_WAIT_MS = 100 };

/* fences_init: nobody is live. Keeps PLAN, ORDERS, ARG until fences_free. */
void fences_init(struct fences *f, const struct plan *plan, const struct fence_orders *orders, void *arg);
void fences_free(struct fences *f);

/* fences_lay_out: tasks were moved, and PLAN is the one from now on. Whom the one before did not
 * keep was told of by fences_died, and its fence is forgotten: those who have its tasks now have
 * fences of their own. */
void fences_lay_out(struct fences *f, const struct plan *plan);

/* fences_joined: WORKER has just been given the table of all starts. */
void fences_joined(struct fences *f, uint32_t worker);

/* fences_begin: WORKER, a successor with start number START, has bound its sockets. */
void fences_begin(struct fences *f, uint32_t worker, uint32_t start, uint64_t now_ns);

/* fences_died: WORKER is dead. */
void fences_died(struct fences *f, uint32_t worker);

/* fences_switched: SENDER now sends to start number START of WORKER. */
void fences_switched(struct fences *f, uint32_t sender, uint32_t worker, uint32_t start);

/* fences_deadline gives the time at which fences_expire has something to do; 0: never. */
uint64_t fences_deadline(const struct fences *f);
void fences_expire(struct fences *f, uint64_t now_ns);

#endif
