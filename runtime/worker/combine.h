/* combine.h - equal tuples that wait in one open frame become one.
 *
 * A bolt that declares `combine` takes a tuple that stands for several: the same stream, task and
 * values. So who sends to it by FIELDS writes such a tuple once, and behind the tuples of the frame how
 * many it stands for and which roots they had (WIRE_MERGED in wire.h).
 *
 *     emit --> is an equal one in the open frame? --yes--> times + 1, its root
 *                          `------------------------no---> written as ever, and noted here
 *
 * What makes it exact: all of them travel as one edge, that of the one that is in the frame. It is an edge in
 * the tree of each of their roots, as when a tuple is anchored to several (A1), and the emit that
 * merges registers it with its own anchor, in the one record that acks that (A2). Twice in one tree it would be
 * none: a root that is the last one already gets no second; one that is older than the last, and so
 * might be there already, is not merged but written. In a batch all have the root of the batch,
 * and a frame is of one attempt at one batch.
 *
 * Nothing waits because of this: a frame leaves when it would, or later filled. Where few are
 * equal it rests for up to 255 frames.
 *
 * An entry is found by one look: a slot of the table has the entry that was noted there last. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_COMBINE_H
#define GALE_COMBINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

enum {
	COMBINE_SLOT_BITS = 12,
	COMBINE_SLOTS = 1 << COMBINE_SLOT_BITS,
	COMBINE_ENTRIES = 4096,
	COMBINE_TUPLES = WIRE_GROUP_AGAIN,	/* of a frame that may stand for several */
	COMBINE_GROUPS = 32768,	/* bytes of all groups: what a cache keeps at hand */
	COMBINE_TIMES = 1024,	/* most that one stands for */
	COMBINE_PART = 2 + WIRE_GROUP_HEAD,	/* most bytes of one more in the groups, */
	COMBINE_TUPLE = 2,	/* of a tuple behind them, */
	COMBINE_TAIL = WIRE_GROUPS_TAIL,	/* and what a frame needs beside those */
	COMBINE_JUDGED = 64,	/* tuples of a frame that tells whether it pays */
	COMBINE_PAYS = 8,	/* one of so many is to be merged, and more than roots are named for it: where the
				 * words of a line go to many tasks each names its own */
	COMBINE_REST_MOST = 255
};

/* What a tuple is looked for by. Of one string of up to 16 bytes it is all there is to know. */
struct combine_key {
	uint64_t head, tail;	/* the value's first and last eight bytes; of others a hash */
	uint32_t shape;		/* type and length; of others the number of values */
	uint32_t slot;
	bool exact;
};

struct combine_entry {
	uint64_t head, tail;	/* of its key */
	uint64_t edge, last;	/* its edge; the last of its roots */
	uint32_t shape;
	uint32_t place;		/* source and stream */
	uint32_t index;		/* in the frame */
	uint32_t values;	/* where they are in it */
};

struct combine {
	uint32_t n;		/* entries */
	uint32_t n_times;	/* tuples of which `times` is known */
	uint32_t n_merged;	/* tuples that were not written */
	uint32_t rest, last_rest;	/* frames that are left to rest; as many as it were last time */
	uint16_t *group, *at;	/* the last group's number of indexes; where the next index is written */
	uint64_t root;		/* of that group */
	uint16_t slots[COMBINE_SLOTS];	/* an entry, if that is one with such a key */
	struct combine_entry entries[COMBINE_ENTRIES];
	uint16_t times[COMBINE_TUPLES];	/* by index; 0: it is not in the groups */
	uint16_t groups[COMBINE_GROUPS / 2 + COMBINE_PART];
};

/* combine_place tells tuples of different streams and tasks apart. */
static inline uint32_t combine_place(uint32_t stream, uint32_t source)
{
	return source << 8 | stream;
}

/* combine_key_any is combine_key where the short way doesn't apply; combine_equal compares what is encoded at P,
 * before END. */
bool combine_key_any(struct combine_key *k, const gale_value *values, uint32_t n);
bool combine_equal(const uint8_t *p, const uint8_t *end, const gale_value *values, uint32_t n);

/* combine_key makes the key of a tuple; false: its values are not flat, and it is not merged. */
static inline bool combine_key(struct combine_key *k, const gale_value *values, uint32_t n)
{
	const gale_value *v = values;
	uint64_t hash;
	uint32_t low, high;

	if (n != 1 || v->type != GALE_STRING || v->n > 16)
		return combine_key_any(k, values, n);
	k->shape = (uint32_t)GALE_STRING << 8 | v->n;
	k->exact = true;
	if (v->n >= 8) {
		__builtin_memcpy(&k->head, v->u.s, 8);
		__builtin_memcpy(&k->tail, v->u.s + v->n - 8, 8);
	} else if (v->n >= 4) {
		__builtin_memcpy(&low, v->u.s, 4);
		__builtin_memcpy(&high, v->u.s + v->n - 4, 4);
		k->head = low | (uint64_t)high << 32;
		k->tail = 0;
	} else {
		k->head = v->n == 0 ? 0 : (uint8_t)v->u.s[0] | (uint64_t)(uint8_t)v->u.s[v->n / 2] << 8 |
		    (uint64_t)(uint8_t)v->u.s[v->n - 1] << 16;
		k->tail = 0;
	}
	hash = ((k->head ^ v->n) * UINT64_C(0x9e3779b97f4a7c15) ^ k->tail) * UINT64_C(0xbf58476d1ce4e5b9);
	k->slot = (uint32_t)(hash >> (64 - COMBINE_SLOT_BITS));
	return true;
}

/* combine_begin: a new frame is open. */
void combine_begin(struct combine *c);

/* combine_part writes that tuple INDEX stands for one of ROOT; returns the bytes that took. */
static inline uint32_t combine_part(struct combine *c, uint64_t root, uint32_t index)
{
	uint32_t bytes = 2;

	if (root != c->root) {
		__builtin_memcpy(c->at, &root, sizeof root);
		c->group = c->at + 4;
		c->at += WIRE_GROUP_HEAD / 2;
		*c->group = 0;
		c->root = root;
		bytes += WIRE_GROUP_HEAD;
	}
	++*c->group;
	*c->at++ = (uint16_t)index;
	return bytes;
}

/* combine_note: a tuple of ROOT was written as number INDEX, with EDGE, its values VALUES bytes into the
 * frame, and ROOM bytes are left. Returns those that it takes behind the tuples; 0: it is none that others can be
 * merged with. */
static inline uint32_t combine_note(struct combine *c, const struct combine_key *k, uint32_t index, uint64_t edge,
    uint32_t values, uint32_t place, uint64_t root, ptrdiff_t room)
{
	uint32_t bytes = COMBINE_TUPLE * (index + 1 - c->n_times);

	if (c->n == COMBINE_ENTRIES || index >= COMBINE_TUPLES || room < (ptrdiff_t)(bytes + COMBINE_PART))
		return 0;
	while (c->n_times < index)
		c->times[c->n_times++] = 0;
	c->times[c->n_times++] = 1;
	c->slots[k->slot] = (uint16_t)c->n;
	c->entries[c->n++] = (struct combine_entry){ k->head, k->tail, edge, root, k->shape, place, index, values };
	return bytes + combine_part(c, root, index);
}

/* combine_find gives the entry of a tuple with these VALUES, if it is in FRAME, written up to END. */
static inline struct combine_entry *combine_find(struct combine *c, const uint8_t *frame, const uint8_t *end,
    const struct combine_key *k, uint32_t place, const gale_value *values, uint32_t n)
{
	uint32_t i = c->slots[k->slot];
	struct combine_entry *e = &c->entries[i];

	if (i >= c->n || e->head != k->head || e->tail != k->tail || e->shape != k->shape || e->place != place)
		return NULL;
	return k->exact || combine_equal(frame + e->values, end, values, n) ? e : NULL;
}

/* combine_merge has E stand for one more tuple, of ROOT. Returns the bytes that it takes in the groups;
 * 0: it can't be, write the tuple. *EDGE becomes what is new in the tree of ROOT: 0, if that of E is in it. */
static inline uint32_t combine_merge(struct combine *c, struct combine_entry *e, uint64_t root, uint64_t *edge)
{
	uint32_t index = e->index;

	if (root < e->last || c->times[index] == COMBINE_TIMES)
		return 0;
	c->times[index]++;
	c->n_merged++;
	*edge = e->edge;
	if (root == e->last) {
		*edge = 0;
		index |= WIRE_GROUP_AGAIN;
	}
	e->last = root;
	return combine_part(c, root, index);
}

/* combine_full: there is no room for a further tuple in the groups. */
static inline bool combine_full(const struct combine *c)
{
	return c->at >= c->groups + COMBINE_GROUPS / 2;
}

/* combine_end is for a frame of COUNT tuples that leaves: writes at P what stands behind them, and
 * returns the byte behind that; P itself when nothing was merged. */
uint8_t *combine_end(struct combine *c, uint8_t *p, uint32_t count);

#endif
