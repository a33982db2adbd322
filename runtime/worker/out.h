/* out.h - all that a worker sends: tuples to bolts, records to ackers, markers, verdicts.
 *
 *     emit --> sinks ---------------> outbox of each downstream worker
 *     ack  --> fold of each acker --> outbox of each acker
 *
 * When things leave (rule F7): when full; when the worker has nothing else to do
 * (out_flush); when the oldest of them is 1 ms old (out_flush_old, asked before every
 * execute). A worker with many destinations fills a frame for each of them: of more than 15
 * it waits 64 us for each, or what leaves each millisecond are that many small frames. Data that finds its destination full makes the worker blocked (F2): it takes
 * no data input until out_retry has got rid of it. Records never block anyone (F3): while
 * an acker is full they go on merging.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OUT_H
#define GALE_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "fold.h"
#include "notes.h"
#include "optimisations.h"
#include "plan.h"
#include "sink.h"

struct acker_link {
	struct outbox *outbox;
	struct fold inits, acks;
	struct notes notes;	/* fails, resets, voids */
	struct fold withheld;	/* acks that wait for a commit */
};

struct out {
	struct sender sender;
	const struct plan *plan;
	uint32_t me;			/* worker number */
	struct outbox **outboxes;	/* by worker; NULL: nothing goes there */
	struct flow_link *const *links;	/* what goes to each worker is counted there; NULL: nobody counts */
	struct sink **sinks;
	uint32_t n_sinks;
	uint32_t *downstream;		/* workers that get data from this one */
	uint32_t n_downstream;
	struct acker_link *ackers;	/* plan->n_ackers */
	uint64_t most_age_ns;		/* of what is open, while there is something to do */
	bool withholds;			/* acks wait for out_release */
};

enum {
	OUT_MAX_AGE_NS = OPTIMISE_WAITING ? 1000000 : 1,	/* F7: 1 ms, or */
	OUT_DESTINATION_NS = OPTIMISE_WAITING && OPTIMISE_WIDE_WAITING ? 64000 : 0,	/* so much for each destination, */
	OUT_MOST_AGE_NS = 10000000	/* 10 ms at most */
};

void out_init(struct out *o, struct transport *t, struct status *s, const struct plan *plan,
    uint32_t worker, uint32_t run, uint32_t start);
void out_free(struct out *o);

/* out_connect opens the outboxes to every worker this one sends to: all of the components
 * that subscribe to it, the ackers (for an acker: all who can emit roots). STARTS has the
 * start number of each worker (plan_sends tells which). Returns 0 or -1 with E set. */
int out_connect(struct out *o, const char *rundir, const uint32_t *starts, struct error *e);

/* out_switch: WORKER has a successor, start number START. What waits for the dead one is
 * dropped, and the outbox leads to the new one (R2). Returns 0 or -1 with E set. */
int out_switch(struct out *o, const char *rundir, uint32_t worker, uint32_t start, struct error *e);

/* out_lay_out: tasks were moved, and PLAN is the one from now on; the one before must still be there.
 * STARTS is the new table, O->links are the new links. Outboxes of workers that plan_keeps keeps stay as they are, with
 * all that waits in them. Sinks to others are dropped with what is in them; not those to any task
 * of a component, which can go to another. Routes have to be laid out anew
 * (router_lay_out). Returns 0 or -1 with E set. */
int out_lay_out(struct out *o, const struct plan *plan, const char *rundir, const uint32_t *starts,
    struct error *e);

/* out_feeds: WORKER is a bolt that gets data and markers from this one. */
bool out_feeds(const struct out *o, uint32_t worker);

/* out_sink_to gives the sink for tuples of stage FROM to tasks of WORKER; out_sink_any the
 * one for tuples to any task of COMPONENT. Made at the first call. */
struct sink *out_sink_to(struct out *o, const struct plan_stage *from, uint32_t worker);
struct sink *out_sink_any(struct out *o, const struct plan_stage *from, uint32_t component);

/* ---- to the ackers ---- */

/* out_acker tells which acker keeps ROOT: neighbours stay together, so runs do. */
static inline struct acker_link *out_acker(struct out *o, uint64_t root)
{
	uint32_t n = o->plan->n_ackers;

	return &o->ackers[n == 1 ? 0 : (root >> 10) % n];
}

static inline void out_begun(struct out *o)
{
	if (o->sender.oldest_ns == 0)
		o->sender.oldest_ns = o->sender.now_ns;
}

/* out_root_made: this worker has emitted ROOT on edges that XOR to VALUE. */
static inline void out_root_made(struct out *o, uint64_t root, uint64_t value)
{
	out_begun(o);
	fold_xor(&out_acker(o, root)->inits, root, value);
}

/* out_acked: VALUE is the XOR of an acked tuple's edge and of its children's (A2). In a
 * worker that withholds acks it goes nowhere before out_release. */
static inline void out_acked(struct out *o, uint64_t root, uint64_t value)
{
	if (o->withholds) {
		fold_xor(&out_acker(o, root)->withheld, root, value);
		return;
	}
	out_begun(o);
	fold_xor(&out_acker(o, root)->acks, root, value);
}

/* out_release lets all withheld acks go; out_withheld tells whether there are any. */
void out_release(struct out *o);
bool out_withheld(const struct out *o);

void out_failed(struct out *o, uint64_t root, uint32_t task, const char *why);
void out_reset(struct out *o, uint64_t root, uint32_t task);
void out_void(struct out *o, uint64_t root);

/* ---- to anyone ---- */

/* out_marker sends a marker to every downstream worker, after all data (B1, B2). The sinks
 * must be flushed and not waiting: see out_clear. out_marker_to sends it to one. */
void out_marker(struct out *o, enum wire_kind kind, uint16_t flags);
void out_marker_to(struct out *o, uint32_t worker, enum wire_kind kind, uint16_t flags);

/* out_body sends B as a frame of KIND to WORKER and empties it; out_has_room tells whether
 * it would leave at once. */
void out_body(struct out *o, uint32_t worker, enum wire_kind kind, struct buf *b);
bool out_has_room(const struct out *o, uint32_t worker);

/* out_drop forgets all data that has not been handed to an outbox. */
void out_drop(struct out *o);

/* ---- when ---- */

/* out_blocked: data waits for a full destination. */
static inline bool out_blocked(const struct out *o)
{
	return o->sender.blocked;
}

void out_flush(struct out *o);

/* out_flush_old flushes when the oldest open thing is too old at the sender's now_ns. */
static inline void out_flush_old(struct out *o)
{
	if (o->sender.oldest_ns != 0 && o->sender.now_ns - o->sender.oldest_ns >= o->most_age_ns)
		out_flush(o);
}

/* out_waits: something waits, records for ackers included. */
bool out_waits(const struct out *o);

/* out_clear: nothing of any kind waits, is withheld or
 * is open in this process. out_retry tries all that waits again. */
bool out_clear(const struct out *o);
void out_retry(struct out *o);

/* out_poll appends to ITEMS (room for one per worker) the outboxes whose room is awaited. */
size_t out_poll(const struct out *o, struct poll_item *items);

#endif
