/* status.h - the status page: what one worker tells the world, for free.
 *
 * A page is a file in the run directory, mapped by its worker (who alone writes it, with
 * plain stores) and by whoever wants to know (the supervisor). No locks: every number is
 * one aligned word, and a reader who is a moment late is not wrong. When a worker dies
 * its page is the obituary: it names the tuple in hand.
 *
 * All times are CLOCK_MONOTONIC nanoseconds; 0 = never.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_STATUS_H
#define GALE_STATUS_H

#include <stdint.h>

#include "error.h"
#include "hist.h"

enum {
	STATUS_MAGIC = 0x656c6167,	/* "gale" */
	STATUS_VERSION = 6,
	STATUS_STREAMS = 16,		/* streams counted one by one; the last takes the rest */
	STATUS_METRICS = 32,
	STATUS_HAND_BYTES = 256,
	STATUS_HAND_ROOTS = 64,
	STATUS_CHARGES = 16
};

/* What a worker does between two writings of busy_ns, idle_ns and blocked_ns. */
enum status_sleep { STATUS_AWAKE, STATUS_IDLE, STATUS_BLOCKED };

/* Counters of one stream: of an output stream for emitted and transferred, and for
 * spouts also acked, failed, timed_out, dead_lettered. */
struct status_stream {
	uint64_t emitted;	/* calls of emit */
	uint64_t transferred;	/* copies to tasks: ALL to n tasks counts n */
};

struct status_metric {
	char name[32];
	int64_t value;
	uint32_t gauge;		/* 0 counter, 1 gauge */
	uint32_t reserved;
};

/* A message of this worker's spout that has crashed workers, in a stage that is chained (A8). */
struct status_charge {
	uint64_t id;
	uint32_t task;		/* of the plan */
	uint32_t deaths;	/* 0: none */
};

struct status {
	uint32_t magic, version;
	uint32_t worker, start;		/* number in the plan, which start of it */
	uint64_t started_ns;
	uint32_t pid;
	uint32_t asleep;		/* what counts the time from accounted_ns on: enum status_sleep. IDLE: it has
					 * nothing in hand and nothing to send */

	struct status_stream streams[STATUS_STREAMS];
	uint64_t executed;		/* tuples given to execute */
	uint64_t acked;			/* bolts: inputs acked; spouts: messages acked */
	uint64_t failed;		/* bolts: inputs; spouts: verdicts, timeouts included */
	uint64_t timed_out;		/* spouts: of failed, those by time */
	uint64_t dead_lettered;		/* spouts: messages given up */
	uint64_t replayed;		/* spouts: emits but the first of each message */
	uint64_t ticks;
	uint64_t frames_in, frames_out, bytes_in, bytes_out;	/* out: only those with tuples */

	uint64_t busy_ns, idle_ns, blocked_ns;	/* a spout that may open no more messages is blocked */
	uint64_t accounted_ns;		/* they tell of the time up to here; 0: not begun */
	uint64_t oldest_ns;		/* spouts, finishing bolts: when the oldest tree was emitted that
					 * is open; a moment late. 0: none is */
	uint64_t pending;		/* spouts, finishing bolts: messages; ackers: trees */
	uint64_t active;		/* spouts, coordinator: 1 = it was told to emit, and not to pause since */
	uint64_t told;			/* how often it was told either; `pending` is not older */
	uint64_t held;			/* bolts: tuples held */
	uint64_t unbounded;		/* spouts: 1 = the input has no end */
	uint64_t survives;		/* 1 = a successor can go on where this one was: spouts
					 * that can be positioned, bolts with state */
	uint64_t hopeless;		/* 1 = no successor could do better */
	uint64_t refused;		/* spouts: 1 = can't go on from the position on disk */
	uint64_t first_emit_ns;		/* spouts: first message emitted */
	uint64_t first_ack_ns;		/* spouts */
	uint64_t last_ack_ns;		/* spouts: last verdict "acked" */
	uint64_t last_execute_ns;	/* bolts: last tuple executed, finish phase left out */

	/* The message that this worker is just emitting, while stages that are chained execute its
	 * tuples. Of charges the last ones are kept, from start to start. */
	uint64_t emitting;		/* its root; 0: none */
	uint64_t emitting_id;
	uint32_t emitting_task;		/* of the plan; UINT32_MAX: a finishing bolt's, it has no id */
	uint32_t n_charges;		/* ever made: the next one goes to this, modulo their number */
	struct status_charge charges[STATUS_CHARGES];

	/* The tuple in hand, while execute runs: hand_since_ns != 0. */
	uint64_t hand_since_ns;
	uint64_t hand_root;		/* 0: not tracked */
	uint32_t hand_n_roots;		/* of a join or an aggregate several; the first are ... */
	uint64_t hand_roots[STATUS_HAND_ROOTS];	/* ... here, when they are more than one */
	uint32_t hand_source;		/* task that sent it */
	uint32_t hand_n;		/* bytes of its values, encoded; the first are below */
	uint8_t hand[STATUS_HAND_BYTES];

	char last_words[512];		/* why it ends, when it knows */

	struct status_metric metrics[STATUS_METRICS];
	struct hist execute;		/* ns in execute; those under 2 us measured in groups */
	struct hist process;		/* bolts: execute to ack, for held tuples */
	struct hist complete;		/* spouts: emit to ack */
};

/* status_create makes the page PATH for worker WORKER's start number START, zeroed, and
 * maps it for writing; the page of an earlier start is replaced, not changed: who has it
 * mapped keeps it. status_open maps an existing one, read-only when WRITABLE is 0.
 * Return NULL with E set. status_close unmaps; NULL is allowed. */
struct status *status_create(const char *path, uint32_t worker, uint32_t start, struct error *e);
struct status *status_open(const char *path, int writable, struct error *e);

/* status_save writes S, a sum of pages, as a page PATH that status_open opens: whole or not at
 * all. Returns 0 or -1 with E set. */
int status_save(struct status *s, const char *path, struct error *e);
void status_close(struct status *s);

#endif
