/* ledger.c - see ledger.h. SPDX-License-Identifier: Apache-2.0
 *
 * A spout counts its roots up, and their trees end in about that order. So entries lie in a
 * ring, each at its root modulo the size of the ring, and to find one is to look there. It has
 * at least twice as many places as there are entries. The rows of several spouts may still meet.
 * Whoever finds the place of its root taken and the ring large enough sends the entry that is
 * there, the older one, to the pool: there an idmap leads from root to number, and free entries
 * (root 0) are chained through `next`. Walking the book is walking both.
 */
#include "ledger.h"

#include <assert.h>
#include <stdlib.h>

#include "idmap.h"
#include "memory.h"
#include "optimisations.h"

enum {
	NO_INIT_MS = 60 * 1000,		/* longest life of an entry without init (A6) */
	INTERVALS = 20,			/* walks per timeout: half of the 10 % that A4 allows */
	MIN_POOL = 256,
	LARGE_POOL = 4 * MIN_POOL,	/* worth giving back */
	MIN_RING = OPTIMISE_LEDGER_RING ? 256 : 1,
	LARGE_RING = 4 * MIN_RING	/* worth giving back */
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
	struct entry *ring;		/* mask + 1 of them, a power of two */
	size_t mask, n_ring;
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
	l->ring = xcalloc(MIN_RING, sizeof *l->ring);
	l->mask = MIN_RING - 1;
	return l;
}

/* entry gives place I of the ring and, behind it, of the pool; NULL: it is free. */
static struct entry *entry(const struct ledger *l, size_t i)
{
	struct entry *e = i <= l->mask ? &l->ring[i] : &l->pool[i - l->mask - 1];

	return e->root != 0 ? e : NULL;
}

static size_t n_places(const struct ledger *l)
{
	return l->mask + 1 + l->n_used;
}

void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < n_places(l); i++)
		if (entry(l, i) != NULL && entry(l, i)->state & FAILED)
			free(entry(l, i)->why);
	idmap_free(&l->map);
	free(l->ring);
	free(l->pool);
	free(l);
}

uint64_t ledger_size(const struct ledger *l)
{
	return l->n_ring + l->map.n;
}

/* ---- places ---- */

static inline struct entry *find(const struct ledger *l, uint64_t root)
{
	struct entry *e = &l->ring[root & l->mask];
	uint32_t i;

	if (e->root == root)
		return e;
	if (l->map.n == 0)
		return NULL;
	i = idmap_get(&l->map, root);
	return i != IDMAP_NONE ? &l->pool[i] : NULL;
}

static void add_to_pool(struct ledger *l, const struct entry *e)
{
	uint32_t i = l->free;

	if (i != NO_ENTRY) {
		l->free = l->pool[i].next;
	} else {
		if (l->n_used == l->cap)
			l->pool = xgrow(l->pool, &l->cap, l->cap ? l->cap + 1 : MIN_POOL,
			    sizeof *e);
		assert(l->n_used < NO_ENTRY);
		i = l->n_used++;
	}
	idmap_put(&l->map, e->root, i);
	l->pool[i] = *e;
}

/* resize makes a ring of N places; those of its entries that meet go to the pool. */
static void resize(struct ledger *l, size_t n)
{
	struct entry *old = l->ring;
	size_t n_old = l->mask + 1;

	l->ring = xcalloc(n, sizeof *l->ring);
	l->mask = n - 1;
	l->n_ring = 0;
	for (size_t i = 0; i < n_old; i++) {
		struct entry *to = &l->ring[old[i].root & l->mask];

		if (old[i].root == 0)
			continue;
		if (to->root != 0)
			add_to_pool(l, &old[i]);
		else
			*to = old[i];
		l->n_ring += to->root == old[i].root;
	}
	free(old);
}

/* make_way frees the place of ROOT in the ring. */
static void make_way(struct ledger *l, uint64_t root)
{
	struct entry *e;

	if (OPTIMISE_LEDGER_RING && ledger_size(l) > l->mask / 2)
		resize(l, 2 * (l->mask + 1));
	e = &l->ring[root & l->mask];
	if (e->root == 0)
		return;
	add_to_pool(l, e);
	e->root = 0;
	l->n_ring--;
}

/* A record of an unknown root: the tree's first. */
static inline struct entry *add(struct ledger *l, uint64_t root, uint64_t now_ms)
{
	assert(root != 0);
	if (l->ring[root & l->mask].root != 0)
		make_way(l, root);
	l->n_ring++;
	l->ring[root & l->mask] = (struct entry){
		.root = root,
		.born_ms = now_ms,
		.timer_ms = now_ms,
		.last_ms = now_ms,
		.last_task = LEDGER_NO_TASK,
	};
	return &l->ring[root & l->mask];
}

/* forget leaves e->why to the caller. */
static inline void forget(struct ledger *l, struct entry *e)
{
	if (e == &l->ring[e->root & l->mask]) {
		e->root = 0;
		l->n_ring--;
		return;
	}
	idmap_remove(&l->map, e->root);
	e->root = 0;
	e->next = l->free;
	l->free = (uint32_t)(e - l->pool);
}

/* ---- verdicts ---- */

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

bool ledger_look(const struct ledger *l, uint64_t root, uint64_t now_ms, struct ledger_view *view)
{
	const struct entry *e = root != 0 ? find(l, root) : NULL;

	if (e == NULL)
		return false;
	*view = (struct ledger_view){
		.has_init = e->state & HAS_INIT,
		.last_task = e->last_task,
		.age_ms = since(e->born_ms, now_ms),
		.silent_ms = since(e->last_ms, now_ms),
		.timer_ms = since(e->timer_ms, now_ms),
	};
	return true;
}

static void drop(struct ledger *l, struct entry *e)
{
	if (e->state & FAILED)
		free(e->why);
	forget(l, e);
}

/* The final verdict of a tree whose owner is known. */
static void end(struct ledger *l, struct entry *e, enum ledger_verdict verdict, uint64_t now_ms)
{
	struct ledger_outcome outcome = outcome_of(e, verdict, now_ms);
	char *why = e->state & FAILED ? e->why : NULL;

	forget(l, e);
	tell(l, &outcome);
	free(why);
}

static inline void init(struct ledger *l, uint64_t root, uint64_t value,
			struct ledger_owner owner, uint64_t now_ms)
{
	struct entry *e = find(l, root);

	if (e == NULL) {
		e = add(l, root, now_ms);
		e->value = value;
		e->owner = owner;
		e->state = HAS_INIT;
		if (value == 0)
			end(l, e, LEDGER_ACKED, now_ms);
		return;
	}
	if (e->state & HAS_INIT)
		return;
	e->owner = owner;
	e->last_ms = now_ms;
	e->state |= HAS_INIT;
	if (e->state & FAILED) {
		end(l, e, LEDGER_FAILED, now_ms);
		return;
	}
	e->value ^= value;
	if (e->value == 0) {
		end(l, e, LEDGER_ACKED, now_ms);
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
	struct entry *e = find(l, root);

	if (e == NULL) {
		if (value == 0)
			return;
		e = add(l, root, now_ms);
		e->value = value;
		e->last_task = task;
		return;
	}
	e->last_ms = now_ms;
	if (e->state & FAILED)
		return;
	e->last_task = task;
	e->value ^= value;
	if (e->value == 0 && e->state & HAS_INIT)
		end(l, e, LEDGER_ACKED, now_ms);
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
	struct entry *e;

	assert(!l->telling && root != 0);
	e = find(l, root);
	if (e == NULL)
		e = add(l, root, now_ms);
	e->last_ms = now_ms;
	if (e->state & FAILED)
		return;
	e->last_task = task;
	e->why = xstrndup(why, n);
	e->state |= FAILED;
	if (e->state & HAS_INIT)
		end(l, e, LEDGER_FAILED, now_ms);
}

void ledger_reset(struct ledger *l, uint64_t root, uint32_t task, uint64_t now_ms)
{
	struct entry *e;

	assert(!l->telling && root != 0);
	e = find(l, root);
	if (e == NULL)
		e = add(l, root, now_ms);
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
	struct entry *e;

	assert(!l->telling && root != 0);
	e = find(l, root);
	if (e != NULL)
		drop(l, e);
}

void ledger_drop_older(struct ledger *l, uint32_t worker, uint32_t start)
{
	assert(!l->telling);
	for (size_t i = 0; i < n_places(l); i++) {
		struct entry *e = entry(l, i);

		if (e != NULL && e->state & HAS_INIT && e->owner.worker == worker &&
		    e->owner.start < start)
			drop(l, e);
	}
}

/* How long an entry may wait for its init (A6). */
static uint64_t no_init_ms(const struct ledger *l)
{
	return l->timeout_ms && l->timeout_ms < NO_INIT_MS ? l->timeout_ms : NO_INIT_MS;
}

static void expire(struct ledger *l, struct entry *e, uint64_t deadline_ms)
{
	bool too_old = l->timeout_ms && since(e->timer_ms, deadline_ms) >= l->timeout_ms;
	bool silent = l->progress_ms && since(e->last_ms, deadline_ms) >= l->progress_ms;

	if (!(e->state & HAS_INIT)) {
		if (since(e->born_ms, deadline_ms) >= no_init_ms(l))
			drop(l, e);
	} else if (too_old || silent) {
		end(l, e, too_old ? LEDGER_TIMED_OUT : LEDGER_NO_PROGRESS, deadline_ms);
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

/* fitting gives the size of a ring with room for twice N. */
static size_t fitting(size_t n)
{
	size_t size = MIN_RING;

	while (size < 8 * n)
		size *= 2;
	return size;
}

void ledger_expire(struct ledger *l, uint64_t deadline_ms)
{
	assert(!l->telling);
	for (size_t i = 0; i < n_places(l); i++)
		if (entry(l, i) != NULL)
			expire(l, entry(l, i), deadline_ms);
	if (l->cap > LARGE_POOL && l->map.n < l->cap / 8)
		repack(l);
	if (l->mask >= LARGE_RING && l->n_ring < l->mask / 32)
		resize(l, fitting(l->n_ring));
}

uint64_t ledger_expiry_interval(const struct ledger *l)
{
	uint64_t shortest = no_init_ms(l);

	if (ledger_size(l) == 0 && l->cap <= LARGE_POOL && l->mask < LARGE_RING)
		return 0;
	if (l->progress_ms && l->progress_ms < shortest)
		shortest = l->progress_ms;
	return shortest < INTERVALS ? 1 : shortest / INTERVALS;
}
