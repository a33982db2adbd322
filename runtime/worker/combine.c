/* combine.c - see combine.h. SPDX-License-Identifier: Apache-2.0 */
#include "combine.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

bool combine_key_any(struct combine_key *k, const gale_value *values, uint32_t n)
{
	*k = (struct combine_key){ .shape = n };
	for (uint32_t i = 0; i < n; i++) {
		const gale_value *v = &values[i];

		if (v->type == GALE_INT)
			k->head ^= (uint64_t)v->u.i;
		else if (v->type == GALE_STRING || v->type == GALE_BYTES)
			k->head ^= XXH3_64bits(v->u.s, v->n);
		else
			return false;
		k->head = random_mix(k->head);
	}
	k->slot = (uint32_t)(k->head >> (64 - COMBINE_SLOT_BITS));
	return true;
}

bool combine_equal(const uint8_t *p, const uint8_t *end, const gale_value *values, uint32_t n)
{
	gale_value there;

	if (*p++ != n)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		p = wire_get_flat(p, end, &there);
		if (p == NULL || there.type != values[i].type || there.n != values[i].n)
			return false;
		if (there.type == GALE_INT ? there.u.i != values[i].u.i :
		    memcmp(there.u.s, values[i].u.s, there.n) != 0)
			return false;
	}
	return true;
}

void combine_begin(struct combine *c)
{
	c->n = c->n_times = c->n_merged = 0;
	c->at = c->groups;
	c->root = 0;		/* no tuple's */
}

/* groups gives how many there are: behind the head of each is an index for each tuple that came. */
static size_t groups(const struct combine *c)
{
	return ((size_t)(c->at - c->groups) * sizeof *c->at - 2 * (size_t)(c->n + c->n_merged)) / WIRE_GROUP_HEAD;
}

/* judge tells whether it pays, for frames like the one that leaves with COUNT tuples. */
static void judge(struct combine *c, uint32_t count)
{
	if (c->rest > 0) {
		c->rest--;
		return;
	}
	if (count + c->n_merged < COMBINE_JUDGED)
		return;
	if (c->n_merged >= (count + c->n_merged) / COMBINE_PAYS && c->n_merged >= groups(c))
		c->last_rest = 0;
	else
		c->last_rest = c->last_rest < COMBINE_REST_MOST ? 2 * c->last_rest + 1 : COMBINE_REST_MOST;
	c->rest = c->last_rest;
}

uint8_t *combine_end(struct combine *c, uint8_t *p, uint32_t count)
{
	size_t bytes = (size_t)(c->at - c->groups) * sizeof *c->at, n = c->n_times * sizeof *c->times;

	judge(c, count);
	if (c->n_merged == 0)
		return p;
	memcpy(p, c->groups, bytes);
	memcpy(p + bytes, c->times, n);
	p = wire_put32(p + bytes + n, c->n_times);
	return wire_put32(p, (uint32_t)bytes);
}
