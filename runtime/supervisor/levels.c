/* levels.c - see levels.h. SPDX-License-Identifier: Apache-2.0 */
#include "levels.h"

#include <stdlib.h>

#include "memory.h"

void levels_init(struct levels *l, uint32_t n_components)
{
	*l = (struct levels){ .components = xcalloc((size_t)n_components + 1, sizeof *l->components),
		.n = n_components };
}

void levels_free(struct levels *l)
{
	free(l->components);
	*l = (struct levels){ 0 };
}

void levels_set(struct levels *l, uint32_t component, gale_level level, uint64_t until_ns)
{
	l->components[component] = (struct level_set){ .set = true, .level = level, .until_ns = until_ns };
}

uint32_t levels_expired(struct levels *l, uint64_t now_ns)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct level_set *x = &l->components[i];

		if (!x->set || x->until_ns == 0 || x->until_ns > now_ns)
			continue;
		x->set = false;
		return i;
	}
	return UINT32_MAX;
}

uint64_t levels_deadline(const struct levels *l)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		const struct level_set *x = &l->components[i];

		if (x->set && x->until_ns != 0 && (next == 0 || x->until_ns < next))
			next = x->until_ns;
	}
	return next;
}
