/* ledger.h - the acker's book: one XOR value per tuple tree.
 *
 * Idea (Apache Storm, Acker.java; "Guaranteeing message processing"). Every edge of a
 * tree has a random 64-bit id. It is XORed into the tree's value once when the edge is
 * made and once when the tuple on it is acked; a value of zero means that no edge is
 * open, but for chance 2^-64. So a tree of any size costs one entry, and records may come
 * in any order.
 *
 *       spout --e1--> split --e2--> count          init  root: e1
 *                           --e3--> count          split root: e1 ^ e2 ^ e3
 *                                                  count root: e2,  count root: e3
 *
 * What Storm lacks: a worker sends a tuple's children and its ack in one record, so the
 * value can't read zero in between (rule A2); the acker judges time and says why (A4).
 *
 * Pure: no sockets, no clock, no threads. Time is the argument now_ms (any monotonic
 * count); verdicts go to a callback, inside the call that causes them. Entries:
 *
 *     unknown --init--> open --value 0--> ACKED
 *        |               |-----fail-----> FAILED (at once)
 *        |               `-----age------> TIMED_OUT, NO_PROGRESS
 *        `--ack, fail, reset: kept until the init comes (A2) or min(T, 60 s) have passed (A6)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_LEDGER_H
#define GALE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

enum ledger_verdict {
	LEDGER_ACKED,
	LEDGER_FAILED,
	LEDGER_TIMED_OUT,
	LEDGER_NO_PROGRESS,
	LEDGER_EXTENDED
};

#define LEDGER_NO_TASK UINT32_MAX

/* Who made a root: a spout's worker and its incarnation. */
struct ledger_owner {
	uint32_t worker;
	uint32_t start;
};

/* One verdict. LEDGER_EXTENDED is no end: the timeout was reset, the owner should know
 * (A5). */
struct ledger_outcome {
	enum ledger_verdict verdict;
	uint64_t root;
	struct ledger_owner owner;
	uint32_t last_task;	/* who acked, reset or failed last; LEDGER_NO_TASK: nobody did */
	uint64_t age_ms;	/* since its first record; a reset does not make it younger */
	uint64_t silent_ms;	/* since its last record */
	const char *why;	/* LEDGER_FAILED: the bolt's text; else NULL. Borrowed. */
};

/* The callback. It may not call the ledger (an assertion watches), except ledger_size.
 * A tree whose end it is told has been forgotten already. */
typedef void ledger_fn(void *arg, const struct ledger_outcome *outcome);

struct ledger;

/* ledger_new: TIMEOUT_MS is T, 0 = none; PROGRESS_MS is P, 0 = none. FN gets every
 * verdict. Free with ledger_free. */
struct ledger *ledger_new(uint64_t timeout_ms, uint64_t progress_ms, ledger_fn *fn, void *arg);
void ledger_free(struct ledger *l);

/* ledger_init: OWNER has emitted ROOT with edges that XOR to VALUE; 0 (no subscribers)
 * completes at once. A second init of a root is ignored. */
void ledger_init(struct ledger *l, uint64_t root, uint64_t value, struct ledger_owner owner,
		 uint64_t now_ms);

/* ledger_ack: TASK has acked tuples of ROOT and made others; VALUE is the XOR of all of
 * their edges. 0 says nothing: it makes no entry. */
void ledger_ack(struct ledger *l, uint64_t root, uint64_t value, uint32_t task, uint64_t now_ms);

/* ledger_fail: TASK failed a tuple of ROOT, saying WHY (N bytes, copied). The first word
 * counts. */
void ledger_fail(struct ledger *l, uint64_t root, const char *why, uint32_t n, uint32_t task,
		 uint64_t now_ms);

/* ledger_init_run and ledger_ack_run: the same for the N roots FIRST, FIRST + 1, ..., none
 * of them 0, with one value each. One verdict per root, in the order of the roots; a
 * caller who wants runs of them joins neighbours in the callback. Saves the caller's loop,
 * and up to a seventh of the time of the single form (bench/bench_ledger.c). */
void ledger_init_run(struct ledger *l, uint64_t first, uint32_t n, const uint64_t *values,
		     struct ledger_owner owner, uint64_t now_ms);
void ledger_ack_run(struct ledger *l, uint64_t first, uint32_t n, const uint64_t *values,
		    uint32_t task, uint64_t now_ms);

/* ledger_reset: TASK asks for the timeout of ROOT to start anew; the owner gets
 * LEDGER_EXTENDED, at the init if that has yet to come. */
void ledger_reset(struct ledger *l, uint64_t root, uint32_t task, uint64_t now_ms);

/* ledger_void: the owner has given ROOT up (A6): forget it without a verdict. */
void ledger_void(struct ledger *l, uint64_t root);

/* ledger_drop_older forgets every root of WORKER made by a start before START (A6). */
void ledger_drop_older(struct ledger *l, uint32_t worker, uint32_t start);

/* ledger_expire ends what was too old at DEADLINE_MS: age >= T, counted from the last
 * reset if there was one, or silence >= P. The caller has processed all that reached it
 * before DEADLINE_MS (A4). Walks all entries, and gives memory back after a burst. */
void ledger_expire(struct ledger *l, uint64_t deadline_ms);

/* ledger_expiry_interval gives how long (ms) to wait between two calls of ledger_expire so
 * that none is later than 10 % of T or P: a twentieth of the smaller one, at least 1 ms,
 * at most 3 s (entries without init live 60 s at most even when T and P are 0); 0 = there
 * is nothing in the book and no memory to give back. */
uint64_t ledger_expiry_interval(const struct ledger *l);

/* What is known of an open tree, at a time. */
struct ledger_view {
	bool has_init;
	uint32_t last_task;		/* LEDGER_NO_TASK: nobody has acked yet */
	uint64_t age_ms, silent_ms;	/* as in an outcome */
	uint64_t timer_ms;		/* since its first record or its last reset: ends at T */
};

/* ledger_look tells of ROOT; false: it is not open here. */
bool ledger_look(const struct ledger *l, uint64_t root, uint64_t now_ms, struct ledger_view *view);

/* ledger_size gives the number of entries, those without init included. */
uint64_t ledger_size(const struct ledger *l);

#endif
