/* idmap.h - 64-bit ids to 32-bit numbers: open addressing with deletion by backward shift
 * (Knuth, TAOCP 6.4, algorithm R), no tombstones. SPDX-License-Identifier: Apache-2.0
 *
 * Made for roots, which one spout hands out in sequence. Ids that share their upper 60
 * bits share a line of 16 slots, in order, so a run of roots walks through memory; the
 * lines are spread by Fibonacci hashing (Knuth, TAOCP 6.4), which lays consecutive lines
 * far apart from each other, so a run never collides with itself.
 *
 *     home(id) = line(id >> 4) * 16 + (id & 15)        16 bytes a slot, load at most 1/2
 *     next     = slot + 17, and round the table (17 is odd: every slot is reached)
 *
 * Steps of 17, not 1: when a full line meets a full line each of its ids finds its place
 * one line on after one step, instead of walking over 16 neighbours, and so does deletion.
 * (A prototype with 10,000 ids took 5 ns for put, 2 gets and remove together; 23 ns with
 * steps of 1; 55 ns with steps of 1 and a mixer for the lines. bench/bench_ledger.c has
 * today's numbers.) Ids that all have the same lower bits still reach all columns, so two
 * ackers that share roots by parity are fine.
 *
 * Id 0 is not allowed (a root is never 0). The table doubles at load 1/2 and gives memory
 * back when it is under 1/16.
 */
#ifndef GALE_IDMAP_H
#define GALE_IDMAP_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define IDMAP_NONE UINT32_MAX

enum { IDMAP_LINE_LOG2 = 4, IDMAP_STEP = (1 << IDMAP_LINE_LOG2) + 1, IDMAP_MIN_SLOTS = 64 };

struct idmap_slot {
	uint64_t id;		/* 0 = free */
	uint32_t value;
};

struct idmap {
	struct idmap_slot *slots;
	size_t mask;		/* slots - 1 */
	size_t n;
	unsigned shift;		/* 64 - log2 of the number of lines */
};

void idmap_init(struct idmap *m);
void idmap_free(struct idmap *m);

/* For the inline functions below: the table after a put at load 1/2, after an erase; and
 * closing the gap at HOLE. */
void idmap_grow(struct idmap *m);
void idmap_shrink(struct idmap *m);
void idmap_close_gap(struct idmap *m, size_t hole);

/* idmap_home gives the slot where the search for ID starts. */
static inline size_t idmap_home(const struct idmap *m, uint64_t id)
{
	uint64_t line = (id >> IDMAP_LINE_LOG2) * 0x9e3779b97f4a7c15u >> m->shift;

	return (size_t)(line << IDMAP_LINE_LOG2 | (id & ((1u << IDMAP_LINE_LOG2) - 1)));
}

/* idmap_find gives the slot of ID, which is not 0, or NULL; the slot is good until the
 * next put or removal. */
static inline struct idmap_slot *idmap_find(const struct idmap *m, uint64_t id)
{
	size_t i = idmap_home(m, id);

	while (m->slots[i].id != id) {
		if (m->slots[i].id == 0)
			return NULL;
		i = (i + IDMAP_STEP) & m->mask;
	}
	return &m->slots[i];
}

/* idmap_get gives the number of ID, or IDMAP_NONE. */
static inline uint32_t idmap_get(const struct idmap *m, uint64_t id)
{
	const struct idmap_slot *slot = idmap_find(m, id);

	return slot && id ? slot->value : IDMAP_NONE;
}

/* idmap_put adds ID, which must not be there. */
static inline void idmap_put(struct idmap *m, uint64_t id, uint32_t value)
{
	size_t i;

	assert(id != 0);
	if (m->n * 2 > m->mask)
		idmap_grow(m);
	i = idmap_home(m, id);
	while (m->slots[i].id != 0) {
		assert(m->slots[i].id != id);
		i = (i + IDMAP_STEP) & m->mask;
	}
	m->slots[i].id = id;
	m->slots[i].value = value;
	m->n++;
}

/* idmap_set changes the number of ID, which must be there. */
static inline void idmap_set(struct idmap *m, uint64_t id, uint32_t value)
{
	struct idmap_slot *slot = idmap_find(m, id);

	assert(slot && id);
	slot->value = value;
}

/* idmap_erase removes what idmap_find has found. */
static inline void idmap_erase(struct idmap *m, struct idmap_slot *slot)
{
	size_t hole = (size_t)(slot - m->slots);

	if (m->slots[(hole + IDMAP_STEP) & m->mask].id == 0)
		slot->id = 0;
	else
		idmap_close_gap(m, hole);
	m->n--;
	if (m->n * 16 < m->mask && m->mask >= IDMAP_MIN_SLOTS)
		idmap_shrink(m);
}

/* idmap_remove removes ID; returns its number, or IDMAP_NONE when it was not there. */
static inline uint32_t idmap_remove(struct idmap *m, uint64_t id)
{
	struct idmap_slot *slot = idmap_find(m, id);
	uint32_t value;

	if (slot == NULL || id == 0)
		return IDMAP_NONE;
	value = slot->value;
	idmap_erase(m, slot);
	return value;
}

#endif
