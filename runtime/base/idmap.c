/* idmap.c - see idmap.h. SPDX-License-Identifier: Apache-2.0 */
#include "idmap.h"

#include <stdlib.h>

#include "memory.h"

/* 17 * INVERSE = 1 modulo 2^64: turns a distance in slots into a number of steps. */
#define INVERSE 0xf0f0f0f0f0f0f0f1u

static void make(struct idmap *m, size_t n_slots)
{
	unsigned log2 = 63u - (unsigned)__builtin_clzll(n_slots);

	*m = (struct idmap){
		.slots = xcalloc(n_slots, sizeof *m->slots),
		.mask = n_slots - 1,
		.shift = 64 - (log2 - IDMAP_LINE_LOG2),
	};
}

static void resize(struct idmap *m, size_t n_slots)
{
	struct idmap old = *m;

	make(m, n_slots);
	for (size_t i = 0; i <= old.mask; i++)
		if (old.slots[i].id != 0)
			idmap_put(m, old.slots[i].id, old.slots[i].value);
	free(old.slots);
}

void idmap_init(struct idmap *m)
{
	make(m, IDMAP_MIN_SLOTS);
}

void idmap_free(struct idmap *m)
{
	free(m->slots);
	*m = (struct idmap){ 0 };
}

void idmap_grow(struct idmap *m)
{
	resize(m, (m->mask + 1) * 2);
}

/* From under 1/16 to under 1/4: a quarter of the table must come or go before the next
 * change, so a number that swings about a limit does not pay for it every time. */
void idmap_shrink(struct idmap *m)
{
	size_t n_slots = (m->mask + 1) / 4;

	resize(m, n_slots < IDMAP_MIN_SLOTS ? IDMAP_MIN_SLOTS : n_slots);
}

/* Walks from the hole on; an id that its own search would reach the hole for (it is at
 * least as many steps from home as from the hole) moves into it and leaves the next. */
void idmap_close_gap(struct idmap *m, size_t hole)
{
	size_t i = hole, steps = 0;

	for (;;) {
		size_t from_home;

		i = (i + IDMAP_STEP) & m->mask;
		steps++;
		if (m->slots[i].id == 0)
			break;
		from_home = (i - idmap_home(m, m->slots[i].id)) * (size_t)INVERSE & m->mask;
		if (from_home >= steps) {
			m->slots[hole] = m->slots[i];
			hole = i;
			steps = 0;
		}
	}
	m->slots[hole].id = 0;
}
