/* merged.h - a frame whose tuples stand for several equal ones (WIRE_MERGED), as its receiver sees it.
 *
 * How many a tuple stands for is known when it is read. Which roots it has is not: the frame tells it by
 * root, and what acks them is kept by tuple until it can be handed in by root. So a root is told of once, in
 * order, however many of the frame's tuples it has (A2), and a list of a tuple's roots is only made where somebody
 * needs it: to fail it, to hold it, or to emit what is anchored to it.
 *
 * Pure. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MERGED_H
#define GALE_MERGED_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

struct merged_list {
	uint32_t first, n;
};

struct merged {
	const uint8_t *groups, *end;	/* of the frame in hand; NULL: it has none */
	const uint8_t *times;		/* by index, n of them */
	uint32_t n;
	uint64_t *values;	/* by index: what is to be told to each root; 0: nothing, or nothing yet */
	struct merged_list *lists;	/* by index; made when the first is asked for */
	uint64_t *roots;	/* of all of them */
	bool listed;
	size_t values_cap, lists_cap, roots_cap;
};

/* merged_open begins with the frame of R, which must stay until merged_open is called for another one. */
void merged_open(struct merged *m, const struct wire_reader *r);
void merged_free(struct merged *m);

/* merged_times gives how many the tuple at INDEX stands for; 0: it is not in the groups, but as any other. */
static inline uint32_t merged_times(const struct merged *m, uint32_t index)
{
	uint16_t times = 0;

	if (index < m->n)
		__builtin_memcpy(&times, m->times + 2 * (size_t)index, sizeof times);
	return times;
}

/* merged_roots gives the list of the roots of the tuple at INDEX, *N of them, which stays until the next
 * merged_open; each is in it once. */
const uint64_t *merged_roots(struct merged *m, uint32_t index, uint32_t *n);

/* merged_hand_in calls TELL for each root of what was acked since the last time. */
typedef void merged_tell(void *arg, uint64_t root, uint64_t value);
void merged_hand_in(struct merged *m, merged_tell *tell, void *arg);

#endif
