/* coordinator.h - who decides what is committed (rules X1-X7, X9-X11).
 *
 * Pure: no sockets, no clock, no disk. Reports and times come in; orders and what is to be
 * written go out through a table.
 *
 *     RESETTING   all workers were told to undo what is above the record; until all are ready
 *     RUNNING     batches:  begun --close--> cut by all spouts --mark--> closed by all workers
 *                                                                          = complete
 *                 rounds:   commit(the complete ones) --prepared by all--> the record
 *     OVER        the last record is final, or a stop was asked for, and all is published
 *
 * A batch is open until somebody has something in it: there is always one that spouts may
 * fill, and it costs nothing. It is closed when it is full, or has anything and the last one
 * was closed an interval ago. So a lone tuple is committed at once, and under load there is a
 * batch for each interval.
 *
 * Several batches are in flight, at most one round is. Whatever fails, a worker that is lost
 * or a batch, raises the generation and replays all above the record (X1).
 *
 * With cuts (X4 in a stricter form: transactional, not opaque) the end of each batch is on disk
 * before any of its markers leaves, and a replay ends there again: what any task has closed
 * under a txid is the same in every attempt.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_COORDINATOR_H
#define GALE_COORDINATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "offsets.h"
#include "order.h"

enum {
	COORDINATOR_BATCHES = 64,		/* most in flight */
	COORDINATOR_PLACES = 2 * COORDINATOR_BATCHES
};

struct coordinator_ops {
	/* order sends X to WORKER; what is in it is the coordinator's. */
	void (*order)(void *arg, uint32_t worker, const struct order *x);
	/* write_cut: batch TXID ends at ENDS; FINAL: and is the last. On disk when it returns. */
	void (*write_cut)(void *arg, uint64_t txid, const struct offsets *ends, bool final);
	/* write_record: all up to batch TXID is committed, the spouts have come as far as ENDS;
	 * FINAL: and nothing follows. Cuts up to TXID are not needed any more. On disk when it
	 * returns. */
	void (*write_record)(void *arg, uint64_t txid, const struct offsets *ends, bool final);
	/* give_up: the topology can't go on; TEXT says why. */
	void (*give_up)(void *arg, const char *text);
};

struct coordinator_config {
	uint32_t n_workers;		/* numbered from 0; coordinator_absent tells who is none */
	uint32_t batches;		/* in flight, 1 .. COORDINATOR_BATCHES */
	uint64_t interval_ns;		/* between closings */
	uint64_t timeout_ns;		/* for a batch, from its closing or the last HELD; 0: none */
	uint32_t attempts;		/* of the same batch that may fail by themselves (X11) */
	uint64_t held_most;		/* bytes a worker may hold before no new batch is begun */
	bool cuts;
};

/* A batch in flight. */
struct coordinator_batch {
	bool begun, closing, final;
	bool planned;			/* its ends are known: it was cut in an earlier attempt */
	bool data;			/* somebody has something in it, */
	bool fed, full;			/* a spout has; it can't have more */
	bool marked;			/* the markers were let go */
	uint64_t close_ns;		/* when it was closed */
	struct offsets ends;
};

struct coordinator_worker {
	bool absent;			/* this number is nobody's, or the coordinator's own */
	bool ready;
	uint8_t roles;
	uint64_t held;
	uint64_t dry, cut, closed, prepared, published;	/* the last txid that it said this of */
};

enum coordinator_phase { COORDINATOR_NEW, COORDINATOR_RESETTING, COORDINATOR_RUNNING, COORDINATOR_OVER };

struct coordinator {
	struct coordinator_config config;
	const struct coordinator_ops *ops;
	void *arg;
	enum coordinator_phase phase;
	uint64_t generation;
	bool active;			/* batches may begin */
	bool stopping;			/* nothing new: what is in flight, then over ... */
	bool finish;			/* ... as if all input had ended */
	bool frozen;			/* no record is written */

	/* the record */
	uint64_t txid;
	struct offsets at;
	bool new_starts;		/* `at` has some that are not written */
	bool final;

	uint64_t next;			/* the next batch to begin; txid + 1 .. next - 1 are in flight */
	struct coordinator_batch batches[COORDINATOR_PLACES];	/* by txid */
	uint64_t round;			/* last batch of the round in progress; 0: there is none */
	uint64_t closed_ns;		/* when a batch was closed last */
	uint64_t worked_ns;		/* when somebody has last said that it works */
	uint32_t failures;		/* attempts are counted until the record has passed ... */
	uint64_t failed_txid;		/* ... this, by some batches, */
	struct offsets reached;		/* and how far spouts had come when something failed */
	bool charged;			/* something has, and not all are reset yet */
	struct coordinator_worker *workers;
};

/* coordinator_init: INCARNATION is larger than that of any coordinator of this state before (X1).
 * Keeps OPS and ARG. coordinator_known_record and coordinator_known_cut, before
 * coordinator_start, tell what an earlier one has written; cuts in the order of their txids. */
void coordinator_init(struct coordinator *c, const struct coordinator_config *config, uint32_t incarnation,
    const struct coordinator_ops *ops, void *arg);
void coordinator_free(struct coordinator *c);
void coordinator_known_record(struct coordinator *c, uint64_t txid, const struct offsets *at, bool final);
void coordinator_known_cut(struct coordinator *c, uint64_t txid, const struct offsets *ends, bool final);

/* coordinator_absent, before coordinator_start or coordinator_lay_out: nobody is WORKER. */
void coordinator_absent(struct coordinator *c, uint32_t worker);

/* coordinator_lay_out: tasks were moved; there are N workers, all of which are present for
 * now, and of whom nothing is known any more. A coordinator_lost follows: nothing may be decided
 * without those who are gone, or before those who are new have undone what is theirs (X14). */
void coordinator_lay_out(struct coordinator *c, uint32_t n);

/* coordinator_start resets all workers. coordinator_activate: batches may begin, or may not; those
 * that have go on. */
void coordinator_start(struct coordinator *c, uint64_t now_ns);
void coordinator_activate(struct coordinator *c, bool active, uint64_t now_ns);

/* coordinator_stop: commit what is in flight, and be over; FINISH: with the last batch, as if
 * all input had ended. */
void coordinator_stop(struct coordinator *c, bool finish, uint64_t now_ns);

/* coordinator_freeze: no record is written until it is called again with false (X13). */
void coordinator_freeze(struct coordinator *c, bool freeze, uint64_t now_ns);

/* coordinator_report takes what WORKER said. coordinator_lost: a worker was lost, and whoever
 * sent to it has left it (X3). coordinator_charged: a tuple of batch TXID has crashed its
 * worker (A8); TEXT says which and how. */
void coordinator_report(struct coordinator *c, uint32_t worker, const struct order *x, uint64_t now_ns);
void coordinator_lost(struct coordinator *c, uint64_t now_ns);
void coordinator_charged(struct coordinator *c, uint64_t txid, const char *text, uint64_t now_ns);

/* coordinator_turn does what is due, coordinator_due tells when there is something;
 * UINT64_MAX: never. */
void coordinator_turn(struct coordinator *c, uint64_t now_ns);
uint64_t coordinator_due(const struct coordinator *c);

/* What a batch waits for: more in it; that spouts say where it ends; that all tasks have closed it;
 * its round; that all have prepared, and the record is written. */
enum coordinator_step { STEP_FILLING, STEP_CUTTING, STEP_CLOSING, STEP_COMPLETE, STEP_COMMITTING };

/* coordinator_look tells of batch TXID which step it is at and since when, and which workers it waits
 * for there: WAITS, one for each. False: there is nothing of it. coordinator_attempt gives which
 * attempt it is at, from 1. */
bool coordinator_look(const struct coordinator *c, uint64_t txid, enum coordinator_step *step,
    uint64_t *since_ns, bool *waits);
uint32_t coordinator_attempt(const struct coordinator *c, uint64_t txid);

/* coordinator_in_flight gives the number of batches that have something in them. */
uint32_t coordinator_in_flight(const struct coordinator *c);

#endif
