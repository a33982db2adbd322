/* offsets.c - see offsets.h. SPDX-License-Identifier: Apache-2.0 */
#include "offsets.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "wire.h"

enum { EACH = 4 + 1 + 8 + 4 };	/* bytes before the blob */

void offsets_free(struct offsets *o)
{
	free(o->items);
	*o = (struct offsets){ 0 };
}

const struct offset *offsets_find(const struct offsets *o, uint32_t task)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (o->items[i].task == task)
			return &o->items[i];
	return NULL;
}

struct offset *offsets_at(struct offsets *o, uint32_t task)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (o->items[i].task == task)
			return &o->items[i];
	o->items = xgrow(o->items, &o->cap, (size_t)o->n + 1, sizeof *o->items);
	o->items[o->n] = (struct offset){ .task = task };
	return &o->items[o->n++];
}

void offsets_merge(struct offsets *o, const struct offsets *more)
{
	for (uint32_t i = 0; i < more->n; i++)
		*offsets_at(o, more->items[i].task) = more->items[i];
}

void offsets_write(const struct offsets *o, struct buf *out)
{
	uint8_t head[EACH];

	wire_put32(head, o->n);
	buf_add(out, head, 4);
	for (uint32_t i = 0; i < o->n; i++) {
		const struct offset *x = &o->items[i];

		wire_put32(head, x->task);
		head[4] = x->known;
		wire_put64(head + 5, x->next);
		wire_put32(head + 13, x->n_blob);
		buf_add(out, head, sizeof head);
		buf_add(out, x->blob, x->n_blob);
	}
}

bool offsets_read(struct offsets *o, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;
	uint32_t n;

	if (end - p < 4)
		return false;
	n = wire_get32(p);
	p += 4;
	if (n > (size_t)(end - p) / EACH)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		struct offset x = { 0 };

		if (end - p < EACH)
			return false;
		x.task = wire_get32(p);
		x.known = p[4] != 0;
		x.next = wire_get64(p + 5);
		x.n_blob = wire_get32(p + 13);
		p += EACH;
		if (x.n_blob > sizeof x.blob || x.n_blob > (size_t)(end - p))
			return false;
		memcpy(x.blob, p, x.n_blob);
		p += x.n_blob;
		*offsets_at(o, x.task) = x;
	}
	*at = p;
	return true;
}
