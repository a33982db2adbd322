/* values.h - random values for tests, and whether two are equal.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     struct values made = { .state = seed };
 *     gale_value v = random_value(&made, 3);
 *     ...
 *     values_free(&made);
 */
#ifndef GALE_TEST_VALUES_H
#define GALE_TEST_VALUES_H

#include <string.h>

#include <gale/gale.h>

#include "memory.h"
#include "seed.h"
#include "wire.h"

/* What random values were made of, to be freed together. */
struct values {
	uint64_t state;
	void **blocks;
	size_t n, cap;
};

static inline void *values_block(struct values *made, size_t n_bytes)
{
	made->blocks = xgrow(made->blocks, &made->cap, made->n + 1, sizeof *made->blocks);
	return made->blocks[made->n++] = xmalloc(n_bytes + 1);
}

static inline void values_free(struct values *made)
{
	for (size_t i = 0; i < made->n; i++)
		free(made->blocks[i]);
	free(made->blocks);
	*made = (struct values){ .state = made->state };
}

/* Numbers of every length, both signs. */
static inline int64_t random_int(uint64_t *state)
{
	uint64_t bits = random_next(state);

	return (int64_t)(bits >> pick(state, 64)) * (pick(state, 2) ? 1 : -1);
}

static inline double random_float(uint64_t *state)
{
	static const double special[] = { 0.0, -0.0, 1.0, -1.5, 1e300, 5e-324, 0.1,
		__builtin_inf(), -__builtin_inf(), __builtin_nan("") };
	uint64_t bits = random_next(state);
	double f;

	if (pick(state, 2))
		return special[pick(state, sizeof special / sizeof *special)];
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* random_string is text half of the time, any bytes else; its block is as long as it is. */
static inline gale_value random_string(struct values *made)
{
	size_t n = pick(&made->state, pick(&made->state, 20) ? 12 : 400);
	bool text = pick(&made->state, 2);
	char *s = values_block(made, n);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)(text ? 'a' + pick(&made->state, 26) : pick(&made->state, 256));
	return gale_string(s, n);
}

/* random_value gives a value with at most DEPTH lists and maps inside each other. */
static inline gale_value random_value(struct values *made, int depth)
{
	uint32_t type = pick(&made->state, depth > 0 ? GALE_MAP + 1 : GALE_LIST), n;
	gale_value v, *items;

	switch (type) {
	case GALE_NULL:
		return gale_null();
	case GALE_BOOL:
		return gale_bool(pick(&made->state, 2));
	case GALE_INT:
		return gale_int(random_int(&made->state));
	case GALE_FLOAT:
		return gale_float(random_float(&made->state));
	case GALE_STRING:
	case GALE_BYTES:
		v = random_string(made);
		v.type = (uint8_t)type;
		return v;
	default:
		n = pick(&made->state, 4);
		items = values_block(made, 2 * n * sizeof *items);
		for (uint32_t i = 0; i < (type == GALE_MAP ? 2 * n : n); i++)
			items[i] = random_value(made, depth - 1);
		return type == GALE_MAP ? gale_map(items, n) : gale_list(items, n);
	}
}

static inline gale_value values_item(const gale_value *list, uint32_t i, const uint8_t **body)
{
	gale_value item;

	if (!list->packed)
		return list->u.items[i];
	*body = wire_unpack(*body, &item);
	return item;
}

/* values_equal: bit by bit, whether packed or not. */
static inline bool values_equal(const gale_value *a, const gale_value *b)
{
	const uint8_t *body_a = a->u.body, *body_b = b->u.body;
	uint32_t items = a->type == GALE_MAP ? 2 * a->n : a->n;

	if (a->type != b->type || a->n != b->n)
		return false;
	if (a->type == GALE_STRING || a->type == GALE_BYTES)
		return a->n == 0 || memcmp(a->u.s, b->u.s, a->n) == 0;
	if (a->type == GALE_BOOL)
		return a->u.b == b->u.b;
	if (a->type < GALE_LIST)
		return a->type == GALE_NULL || a->u.i == b->u.i;
	for (uint32_t i = 0; i < items; i++) {
		gale_value x = values_item(a, i, &body_a), y = values_item(b, i, &body_b);

		if (!values_equal(&x, &y))
			return false;
	}
	return true;
}

#endif
