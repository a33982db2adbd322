/* chaos_parts.h - the parts of test/chaos. SPDX-License-Identifier: Apache-2.0
 *
 *   chaos.c           what is killed when, and the result
 *   chaos_run.c       the topology's processes: starts, finds, kills, pauses them
 *   chaos_rate.c      how many messages are acked, and how long after a kill they are again
 *   chaos_oracle.c    what should be there, compared with what is
 *   chaos_exact.c     the same for exactly-once
 */
#ifndef GALE_TEST_CHAOS_PARTS_H
#define GALE_TEST_CHAOS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "test/chaos.h"

/* ---- chaos_run.c ------------------------------------------------------------------------- */

enum kind { SPOUT, BOLT, ACKER, SUPERVISOR, COORDINATOR, KINDS };

/* What the topology promises. */
enum promise { AT_LEAST_ONCE, TRANSACTIONAL, OPAQUE };

extern const char *const kind_names[KINDS];

struct run {
	char *dir;			/* all that the run makes is in here */
	char *gale, *plugins;
	enum promise promise;
	bool chained;
	uint64_t rate;			/* ids a second, 0: all that it can */
	struct chaos_journal *journal;
	pid_t supervisor;		/* 0: none */
	int exit_code;			/* of the last one, when it was not killed by us */
};

/* One process, held by a descriptor: a signal can't hit another one of the same number. */
struct victim {
	enum kind kind;
	pid_t pid;
	int pidfd;
	char label[64];			/* "split[0]" */
};

/* run_open makes the directory, the journal and the topology file. run_start starts gale. */
void run_open(struct run *r, enum promise promise, bool chained, uint64_t rate);
void run_start(struct run *r);

/* run_watch says whether the supervisor is there, and takes its exit code when it is not. */
bool run_watch(struct run *r);

/* run_workers finds the workers of KIND (SUPERVISOR: of all kinds) there are now: at most MAX
 * into V, each to be closed by victim_close. Returns how many. */
size_t run_workers(const struct run *r, enum kind kind, struct victim *v, size_t max);
void victim_close(struct victim *v);

/* victim_signal returns whether it was still there. */
bool victim_signal(const struct victim *v, int signal);

/* run_kill_supervisor kills the supervisor and starts another one at once, from the same
 * state directory. */
void run_kill_supervisor(struct run *r);

/* run_close ends what is still there; the directory goes unless it is to be KEPT. */
void run_close(struct run *r, bool kept);

/* ---- chaos_rate.c ------------------------------------------------------------------------ */

/* A kill, and what became of it. */
struct kill {
	uint64_t at_ns;
	enum kind kind;
	double former;			/* acked, or committed, messages a second before */
	uint64_t recovered_ns;		/* after at_ns; UINT64_MAX: not yet */
	char label[64];
};

/* rate_sample takes a sample, and completes the kills that are over with it. */
void rate_sample(const struct chaos_journal *j, struct kill *kills, size_t n);

/* rate_since gives acked messages a second from FROM_NS until now. */
double rate_since(uint64_t from_ns);

/* ---- chaos_oracle.c ---------------------------------------------------------------------- */

struct verdict {
	uint64_t ids;			/* that had to come through */
	uint64_t false_acks;		/* acked at the spout, not on disk */
	uint64_t missing;		/* neither on disk at the end */
	uint64_t silent;		/* on disk, but the spout never heard of an ack */
	uint64_t miscounted;		/* by so much counts are too small, words doubled or missing */
	uint64_t duplicates;		/* on disk once more than needed */
	uint64_t overcounted;		/* by so much counts are larger than needed: no fault */
};

/* oracle_compare reads what the run has left. ENDED: the run has ended well. */
void oracle_compare(const struct run *r, bool ended, struct verdict *v);

/* ---- chaos_exact.c ----------------------------------------------------------------------- */

struct exact_verdict {
	uint64_t ids, batches;
	uint64_t lost, doubled;			/* in states and sinks */
	uint64_t sink_lost, sink_doubled;	/* of these in sinks */
	uint64_t wrong;				/* what is there and has another value than it must */
};

/* exact_compare reads what a run has left that has ended well. */
void exact_compare(const struct run *r, struct exact_verdict *v);

#endif
