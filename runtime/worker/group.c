/* group.c - see group.h. SPDX-License-Identifier: Apache-2.0 */
#include "group.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "memory.h"
#include "optimisations.h"
#include "random.h"
#include "wire.h"

enum { SHORT_KEY = 64 };	/* bytes of a key that are hashed where they are written */

void group_init(struct group *g, const struct subscription *s, uint32_t n_tasks)
{
	*g = (struct group){ .subscription = s, .n_tasks = n_tasks };
	if (s->grouping == GROUPING_PARTIAL_KEY)
		g->sent = xcalloc(n_tasks, sizeof *g->sent);
}

void group_free(struct group *g)
{
	if (g->custom != NULL && g->custom->cleanup != NULL)
		g->custom->cleanup(g->custom_self, g->custom_ctx);
	free(g->custom_self);
	free(g->custom_ctx);
	free(g->sent);
	buf_free(&g->key);
}

uint64_t group_hash(struct group *g, const gale_value *values)
{
	uint8_t key[SHORT_KEY], *p = OPTIMISE_SHORT_READ ? key : NULL;

	for (uint32_t i = 0; p != NULL && i < g->subscription->n_fields; i++)
		p = wire_canonical_flat(p, key + sizeof key, &values[g->subscription->fields[i]]);
	if (p != NULL)
		return XXH3_64bits(key, (size_t)(p - key));
	g->key.n = 0;
	for (uint32_t i = 0; i < g->subscription->n_fields; i++)
		wire_canonical(&g->key, &values[g->subscription->fields[i]]);
	return XXH3_64bits(g->key.data, g->key.n);
}

uint32_t group_fields(struct group *g, const gale_value *values)
{
	uint64_t hash = group_hash(g, values);
	uint32_t n = g->n_tasks;

	/* The same, and to divide takes half as long as to hash a word. */
	return (uint32_t)((n & (n - 1)) == 0 ? hash & (n - 1) : hash % n);
}

static int partial_key(struct group *g, const gale_value *values, uint32_t *tasks)
{
	uint64_t hash = group_hash(g, values);
	uint32_t a = (uint32_t)(hash % g->n_tasks);
	uint32_t b = (uint32_t)(random_mix(hash) % g->n_tasks);

	tasks[0] = g->sent[a] <= g->sent[b] ? a : b;
	g->sent[tasks[0]]++;
	return 1;
}

static int custom(struct group *g, const gale_value *values, uint32_t n, uint32_t *tasks)
{
	int chosen = g->custom->choose(g->custom_self, g->custom_ctx, values, n, g->n_tasks, tasks);

	if (chosen < 0 || (uint32_t)chosen > g->n_tasks)
		return -1;
	for (int i = 0; i < chosen; i++)
		if (tasks[i] >= g->n_tasks)
			return -1;
	return chosen;
}

int group_choose(struct group *g, const gale_value *values, uint32_t n, uint32_t *tasks)
{
	switch (g->subscription->grouping) {
	case GROUPING_FIELDS:
		tasks[0] = g->n_tasks == 1 ? 0 : group_fields(g, values);
		return 1;
	case GROUPING_PARTIAL_KEY:
		return partial_key(g, values, tasks);
	case GROUPING_ALL:
		for (uint32_t i = 0; i < g->n_tasks; i++)
			tasks[i] = i;
		return (int)g->n_tasks;
	case GROUPING_GLOBAL:
		tasks[0] = 0;
		return 1;
	case GROUPING_CUSTOM:
		return custom(g, values, n, tasks);
	default:
		return 0;
	}
}
