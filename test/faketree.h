/* faketree.h - what a worker does with the ids of a tuple tree, without the worker.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules A1 and A2: each copy of a tuple has an edge id of its own for each anchor, and
 * carries per root the XOR of those; the record of its ack holds for each of its roots
 * its edge and those of all that was anchored to it.
 */
#ifndef GALE_TEST_FAKETREE_H
#define GALE_TEST_FAKETREE_H

#include <assert.h>
#include <stdint.h>

enum { FAKE_ROOTS = 8 };

struct fake_tuple {
	uint32_t n_roots;
	uint64_t root[FAKE_ROOTS];
	uint64_t edge[FAKE_ROOTS];
	uint64_t children;	/* XOR of the edge ids anchored to it */
};

/* fake_carry adds EDGE to what T carries for ROOT. A spout's tuple is made by it alone. */
static inline void fake_carry(struct fake_tuple *t, uint64_t root, uint64_t edge)
{
	uint32_t i = 0;

	while (i < t->n_roots && t->root[i] != root)
		i++;
	if (i == t->n_roots) {
		assert(i < FAKE_ROOTS);
		t->root[t->n_roots++] = root;
		t->edge[i] = 0;
	}
	t->edge[i] ^= edge;
}

/* fake_anchor anchors the copy T to ANCHOR by the edge id EDGE; once per anchor. */
static inline void fake_anchor(struct fake_tuple *t, struct fake_tuple *anchor, uint64_t edge)
{
	anchor->children ^= edge;
	for (uint32_t i = 0; i < anchor->n_roots; i++)
		fake_carry(t, anchor->root[i], edge);
}

/* fake_ack_value gives the value of T's ack record for its I-th root. */
static inline uint64_t fake_ack_value(const struct fake_tuple *t, uint32_t i)
{
	return t->edge[i] ^ t->children;
}

#endif
