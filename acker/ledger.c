/* ledger.c - see ledger.h. SPDX-License-Identifier: Apache-2.0
 *
 * Entries lie in a pool, by number; an idmap leads from root to number. Free entries
 * (root 0) are chained through `next`. Walking the book is walking the pool.
 */
#include "ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "idmap.h"
#include "memory.h"

enum {
	NO_INIT_MS = 60 * 1000,		/* longest life of an entry without init (A6) */
	INTERVALS = 20,			/* walks per timeout: half of the 10 % that A4 allows */
	MIN_POOL = 256,
	LARGE_POOL = 4 * MIN_POOL	/* worth giving back */
};

#define NO_ENTRY UINT32_MAX

/* What is known of a tree. */
enum { HAS_INIT = 1, FAILED = 2, RESET = 4 };

struct entry {
	uint64_t root;			/* 0 = free */
	union {
		uint64_t value;		/* XOR of all edges heard of */
		char *why;		/* FAILED, waiting for the init */
	};
	uint64_t born_ms;		/* first record */
	uint64_t timer_ms;		/* first record or last reset */
	uint64_t last_ms;		/* last record */
	struct ledger_owner owner;	/* HAS_INIT */
	union {
		uint32_t last_task;
		uint32_t next;		/* free: the next free one */
	};
	uint32_t state;
};

struct ledger {
	struct idmap map;
	struct entry *pool;
	size_t cap;			/* room in the pool */
	uint32_t n_used;		/* entries below this have been in use */
	uint32_t free;			/* head of the chain, NO_ENTRY: none */
	bool telling;			/* inside the callback */
	uint64_t timeout_ms, progress_ms;
	ledger_fn *fn;
	void *arg;
};

struct ledger *ledger_new(uint64_t timeout_ms, uint64_t progress_ms, ledger_fn *fn, void *arg)
{
	struct ledger *l = xmalloc(sizeof *l);

	*l = (struct ledger){
		.free = NO_ENTRY,
		.timeout_ms = timeout_ms,
		.progress_ms = progress_ms,
		.fn = fn,
		.arg = arg,
	};
	idmap_init(&l->map);
	return l;
}

void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	for (uint32_t i = 0; i < l->n_used; i++)
		if (l->pool[i].root != 0 && l->pool[i].state & FAILED)
			free(l->pool[i].why);
	idmap_free(&l->map);
	free(l->pool);
	free(l);
}

uint64_t ledger_size(const struct ledger *l)
{
	return l->map.n;
}

/* A record of an unknown root: the tree's first. */
static struct entry *add(struct ledger *l, uint64_t root, uint64_t now_ms)
{
	uint32_t i = l->free;
	struct entry *e;

	assert(root != 0);
	if (i != NO_ENTRY) {
		l->free = l->pool[i].next;
	} else {
		if (l->n_used == l->cap)
			l->pool = xgrow(l->pool, &l->cap, l->cap ? l->cap + 1 : MIN_POOL,
			    sizeof *e);
		assert(l->n_used < NO_ENTRY);
		i = l->n_used++;
	}
	idmap_put(&l->map, root, i);
	e = &l->pool[i];
	*e = (struct entry){
		.root = root,
		.born_ms = now_ms,
		.timer_ms = now_ms,
		.last_ms = now_ms,
		.last_task = LEDGER_NO_TASK,
	};
	return e;
}

static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
	return now_ms > then_ms ? now_ms - then_ms : 0;
}

static void tell(struct ledger *l, const struct ledger_outcome *outcome)
{
	l->telling = true;
	l->fn(l->arg, outcome);
	l->telling = false;
}

static struct ledger_outcome outcome_of(const struct entry *e, enum ledger_verdict verdict,
					uint64_t now_ms)
{
	return (struct ledger_outcome){
		.verdict = verdict,
		.root = e->root,
		.owner = e->owner,
		.last_task = e->last_task,
		.age_ms = since(e->born_ms, now_ms),
		.silent_ms = since(e->last_ms, now_ms),
		.why = e->state & FAILED ? e->why : NULL,
	};
}

/* SLOT is the entry's in the map. Leaves e->why to the caller. */
static void forget(struct ledger *l, struct idmap_slot *slot)
{
	uint32_t i = slot->value;

	idmap_erase(&l->map, slot);
	l->pool[i].root = 0;
	l->pool[i].next = l->free;
	l->free = i;
}

static void drop(struct ledger *l, struct idmap_slot *slot)
{
	struct entry *e = &l->pool[slot->value];

	if (e->state & FAILED)
		free(e->why);
	forget(l, slot);
}

/* The final verdict of a tree whose owner is known. */
static void end(struct ledger *l, struct idmap_slot *slot, enum ledger_verdict verdict,
		uint64_t now_ms)
{
	struct entry *e = &l->pool[slot->value];
	struct ledger_outcome outcome = outcome_of(e, verdict, now_ms);
	char *why = e->state & FAILED ? e->why : NULL;

	forget(l, slot);
	tell(l, &outcome);
	free(why);
}

static inline void init(struct ledger *l, uint64_t root, uint64_t value,
			struct ledger_owner owner, uint64_t now_ms)
{
	struct idmap_slot *slot = idmap_find(&l->map, root);
	struct entry *e;

	if (slot == NULL) {
		e = add(l, root, now_ms);
		e->value = value;
		e->owner = owner;
		e->state = HAS_INIT;
		if (value == 0)
			end(l, idmap_find(&l->map, root), LEDGER_ACKED, now_ms);
		return;
	}
	e = &l->pool[slot->value];
	if (e->state & HAS_INIT)
		return;
	e->owner = owner;
	e->last_ms = now_ms;
	e->state |= HAS_INIT;
	if (e->state & FAILED) {
		end(l, slot, LEDGER_FAILED, now_ms);
		return;
	}
	e->value ^= value;
	if (e->value == 0) {
		end(l, slot, LEDGER_ACKED, now_ms);
	} else if (e->state & RESET) {
		struct ledger_outcome outcome = outcome_of(e, LEDGER_EXTENDED, now_ms);

		tell(l, &outcome);
	}
}

/* An ack may overtake the init it answers, so an entry without an owner stays open even
 * at zero. A live tree reads as zero with probability 2^-64 per record, ids being mixed.
 * Source: Apache Storm, docs/Guaranteeing-message-processing.md, "ack val". */
static inline void ack(struct ledger *l, uint64_t root, uint64_t value, uint32_t task,
		       uint64_t now_ms)
{
	struct idmap_slot *slot = idmap_find(&l->map, root);
	struct entry *e;

	if (slot == NULL) {
		if (value == 0)
			return;
		e = add(l, root, now_ms);
		e->value = value;
		e->last_task = task;
		return;
	}
	e = &l->pool[slot->value];
	e->last_ms = now_ms;
	if (e->state & FAILED)
		return;
	e->last_task = task;
	e->value ^= value;
	if (e->value == 0 && e->state & HAS_INIT)
		end(l, slot, LEDGER_ACKED, now_ms);
}

void ledger_init(struct ledger *l, uint64_t root, uint64_t value, struct ledger_owner owner,
		 uint64_t now_ms)
{
	assert(!l->telling && root != 0);
	init(l, root, value, owner, now_ms);
}

void ledger_ack(struct ledger *l, uint64_t root, uint64_t value, uint32_t task, uint64_t now_ms)
{
	assert(!l->telling && root != 0);
	ack(l, root, value, task, now_ms);
}

void ledger_init_run(struct ledger *l, uint64_t first, uint32_t n, const uint64_t *values,
		     struct ledger_owner owner, uint64_t now_ms)
{
	assert(!l->telling && first != 0 && (n == 0 || first + (n - 1) >= first));
	for (uint32_t i = 0; i < n; i++)
		init(l, first + i, values[i], owner, now_ms);
}

void ledger_ack_run(struct ledger *l, uint64_t first, uint32_t n, const uint64_t *values,
		    uint32_t task, uint64_t now_ms)
{
	assert(!l->telling && first != 0 && (n == 0 || first + (n - 1) >= first));
	for (uint32_t i = 0; i < n; i++)
		ack(l, first + i, values[i], task, now_ms);
}

void ledger_fail(struct ledger *l, uint64_t root, const char *why, uint32_t n, uint32_t task,
		 uint64_t now_ms)
{
	struct idmap_slot *slot;
	struct entry *e;

	assert(!l->telling && root != 0);
	slot = idmap_find(&l->map, root);
	e = slot ? &l->pool[slot->value] : add(l, root, now_ms);
	e->last_ms = now_ms;
	if (e->state & FAILED)
		return;
	e->last_task = task;
	e->why = xstrndup(why, n);
	e->state |= FAILED;
	if (e->state & HAS_INIT)
		end(l, slot, LEDGER_FAILED, now_ms);
}

void ledger_reset(struct ledger *l, uint64_t root, uint32_t task, uint64_t now_ms)
{
	struct idmap_slot *slot;
	struct entry *e;

	assert(!l->telling && root != 0);
	slot = idmap_find(&l->map, root);
	e = slot ? &l->pool[slot->value] : add(l, root, now_ms);
	e->last_ms = now_ms;
	e->timer_ms = now_ms;
	if (e->state & FAILED)
		return;
	e->last_task = task;
	e->state |= RESET;
	if (e->state & HAS_INIT) {
		struct ledger_outcome outcome = outcome_of(e, LEDGER_EXTENDED, now_ms);

		tell(l, &outcome);
	}
}

void ledger_void(struct ledger *l, uint64_t root)
{
	struct idmap_slot *slot;

	assert(!l->telling && root != 0);
	slot = idmap_find(&l->map, root);
	if (slot != NULL)
		drop(l, slot);
}

void ledger_drop_older(struct ledger *l, uint32_t worker, uint32_t start)
{
	assert(!l->telling);
	for (uint32_t i = 0; i < l->n_used; i++) {
		const struct entry *e = &l->pool[i];

		if (e->root != 0 && e->state & HAS_INIT && e->owner.worker == worker &&
		    e->owner.start < start)
			drop(l, idmap_find(&l->map, e->root));
	}
}

/* How long an entry may wait for its init (A6). */
static uint64_t no_init_ms(const struct ledger *l)
{
	return l->timeout_ms && l->timeout_ms < NO_INIT_MS ? l->timeout_ms : NO_INIT_MS;
}

static void expire(struct ledger *l, const struct entry *e, uint64_t deadline_ms)
{
	bool too_old = l->timeout_ms && since(e->timer_ms, deadline_ms) >= l->timeout_ms;
	bool silent = l->progress_ms && since(e->last_ms, deadline_ms) >= l->progress_ms;

	if (!(e->state & HAS_INIT)) {
		if (since(e->born_ms, deadline_ms) >= no_init_ms(l))
			drop(l, idmap_find(&l->map, e->root));
	} else if (too_old || silent) {
		end(l, idmap_find(&l->map, e->root),
		    too_old ? LEDGER_TIMED_OUT : LEDGER_NO_PROGRESS, deadline_ms);
	}
}

/* After a burst the pool is mostly holes: gives back what is not needed. */
static void repack(struct ledger *l)
{
	struct entry *old = l->pool;
	uint32_t n_old = l->n_used;

	l->pool = NULL;
	l->cap = 0;
	l->n_used = 0;
	l->free = NO_ENTRY;
	l->pool = xgrow(l->pool, &l->cap, l->map.n * 2 + MIN_POOL, sizeof *l->pool);
	for (uint32_t i = 0; i < n_old; i++) {
		if (old[i].root == 0)
			continue;
		idmap_set(&l->map, old[i].root, l->n_used);
		l->pool[l->n_used++] = old[i];
	}
	free(old);
}

void ledger_expire(struct ledger *l, uint64_t deadline_ms)
{
	assert(!l->telling);
	for (uint32_t i = 0; i < l->n_used; i++)
		if (l->pool[i].root != 0)
			expire(l, &l->pool[i], deadline_ms);
	if (l->cap > LARGE_POOL && l->map.n < l->cap / 8)
		repack(l);
}

uint64_t ledger_expiry_interval(const struct ledger *l)
{
	uint64_t shortest = no_init_ms(l);

	if (l->map.n == 0 && l->cap <= LARGE_POOL)
		return 0;
	if (l->progress_ms && l->progress_ms < shortest)
		shortest = l->progress_ms;
	return shortest < INTERVALS ? 1 : shortest / INTERVALS;
}
