/* merged.c - see merged.h. SPDX-License-Identifier: Apache-2.0 */
#include "merged.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

struct group {
	uint64_t root;
	uint32_t n;
	const uint8_t *indexes;
};

static inline uint32_t index_at(const struct group *g, uint32_t i)
{
	uint16_t v;

	memcpy(&v, g->indexes + 2 * (size_t)i, sizeof v);
	return v;
}

/* next_group reads the group at *P; false: there is none, or what is there is none. */
static bool next_group(const uint8_t **p, const uint8_t *end, struct group *g)
{
	uint16_t n;

	if (end - *p < WIRE_GROUP_HEAD)
		return false;
	g->root = wire_get64(*p);
	memcpy(&n, *p + 8, sizeof n);
	g->n = n;
	g->indexes = *p + WIRE_GROUP_HEAD;
	if (g->root == 0 || (size_t)(end - g->indexes) < 2 * (size_t)g->n)
		return false;
	*p = g->indexes + 2 * (size_t)g->n;
	return true;
}

void merged_open(struct merged *m, const struct wire_reader *r)
{
	m->groups = r->groups;
	m->end = m->times = r->groups_end;
	m->n = r->n_times;
	m->listed = false;
	m->values = xgrow(m->values, &m->values_cap, m->n + 1, sizeof *m->values);
	memset(m->values, 0, m->n * sizeof *m->values);
}

void merged_free(struct merged *m)
{
	free(m->values);
	free(m->lists);
	free(m->roots);
}

/* for_each calls DO for each root that a tuple has. */
static void for_each(struct merged *m, void (*add)(struct merged *m, uint32_t index, uint64_t root))
{
	const uint8_t *p = m->groups;
	struct group g;

	while (next_group(&p, m->end, &g))
		for (uint32_t i = 0; i < g.n; i++)
			if (index_at(&g, i) < m->n)	/* else it is one more of the same root */
				add(m, index_at(&g, i), g.root);
}

static void count(struct merged *m, uint32_t index, uint64_t root)
{
	(void)root;
	m->lists[index].n++;
}

static void put(struct merged *m, uint32_t index, uint64_t root)
{
	struct merged_list *l = &m->lists[index];

	m->roots[l->first + l->n++] = root;
}

static void make_lists(struct merged *m)
{
	uint32_t all = 0;

	m->lists = xgrow(m->lists, &m->lists_cap, m->n + 1, sizeof *m->lists);
	memset(m->lists, 0, m->n * sizeof *m->lists);
	for_each(m, count);
	for (uint32_t i = 0; i < m->n; i++) {
		m->lists[i].first = all;
		all += m->lists[i].n;
		m->lists[i].n = 0;
	}
	m->roots = xgrow(m->roots, &m->roots_cap, all + 1, sizeof *m->roots);
	for_each(m, put);
	m->listed = true;
}

const uint64_t *merged_roots(struct merged *m, uint32_t index, uint32_t *n)
{
	if (!m->listed)
		make_lists(m);
	*n = m->lists[index].n;
	return m->roots + m->lists[index].first;
}

void merged_hand_in(struct merged *m, merged_tell *tell, void *arg)
{
	const uint8_t *p = m->groups;
	struct group g;

	while (next_group(&p, m->end, &g)) {
		uint64_t value = 0;

		for (uint32_t i = 0; i < g.n; i++)
			if (index_at(&g, i) < m->n)
				value ^= m->values[index_at(&g, i)];
		if (value != 0)
			tell(arg, g.root, value);
	}
	memset(m->values, 0, m->n * sizeof *m->values);
}
