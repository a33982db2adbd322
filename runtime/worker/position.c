/* position.c - see position.h. SPDX-License-Identifier: Apache-2.0 */
#include "position.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "memory.h"
#include "wire.h"

enum { HEAD_BYTES = 40, SUM_BYTES = 8, COMPACT_LEAST = 64 };

static const char magic[8] = { 'g', 'a', 'l', 'e', '-', 'p', 'o', 's' };

void position_free(struct position *p)
{
	free(p->row);
	*p = (struct position){ 0 };
}

int position_tell(struct position *p, uint64_t next, const void *blob, uint32_t n)
{
	if (next < p->next || n > sizeof p->blob)
		return -1;
	if (p->known && next == p->next && n == p->n_blob && (n == 0 || memcmp(p->blob, blob, n) == 0))
		return 0;
	p->next = next;
	p->n_blob = n;
	if (n > 0)
		memcpy(p->blob, blob, n);
	p->known = p->changed = true;
	return 0;
}

/* ---- the row ---- */

/* place gives where ID stands in the row, or where it would. Acks come mostly in order, so
 * the head is looked at first; emits are mostly new, so the end comes before the search. */
static size_t place(const struct position *p, uint64_t id)
{
	size_t low = p->first, high = p->n;

	if (low == high || id > p->row[high - 1].id)
		return high;
	if (id <= p->row[low].id)
		return low;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->row[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* compact takes out what is done when that is most of the row: one message that stays open
 * for long must not keep all that came after it. */
static void compact(struct position *p)
{
	size_t kept = 0;

	if (p->n < p->cap || p->n < COMPACT_LEAST || p->n_open > p->n / 2)
		return;
	for (size_t i = p->first; i < p->n; i++)
		if (p->row[i].open)
			p->row[kept++] = p->row[i];
	p->first = 0;
	p->n = kept;
}

void position_open_any(struct position *p, uint64_t id)
{
	size_t at;

	compact(p);
	at = place(p, id);
	if (at == p->n || p->row[at].id != id) {
		p->row = xgrow(p->row, &p->cap, p->n + 1, sizeof *p->row);
		memmove(p->row + at + 1, p->row + at, (p->n - at) * sizeof *p->row);
		p->row[at] = (struct position_entry){ .id = id };
		p->n++;
	}
	if (p->row[at].open)
		return;
	p->row[at].open = true;
	p->n_open++;
	p->changed = true;
}

bool position_close_any(struct position *p, uint64_t id)
{
	size_t at = place(p, id);

	if (at == p->n || p->row[at].id != id || !p->row[at].open)
		return false;
	p->row[at].open = false;
	p->hint = at + 1;
	p->n_open--;
	p->changed = true;
	while (p->first < p->n && !p->row[p->first].open)
		p->first++;
	if (p->first == p->n)
		p->first = p->n = 0;
	return true;
}

uint64_t *position_ids(const struct position *p, uint32_t *n)
{
	uint64_t *ids = xmalloc((p->n_open + 1) * sizeof *ids);

	*n = 0;
	for (size_t i = p->first; i < p->n && p->row[i].id < p->next; i++)
		if (p->row[i].open)
			ids[(*n)++] = p->row[i].id;
	return ids;
}

/* ---- bytes ---- */

static void put32(struct buf *out, uint32_t v)
{
	uint8_t bytes[4];

	wire_put32(bytes, v);
	buf_add(out, bytes, sizeof bytes);
}

static void put64(struct buf *out, uint64_t v)
{
	uint8_t bytes[8];

	wire_put64(bytes, v);
	buf_add(out, bytes, sizeof bytes);
}

void position_put(struct buf *out, const struct position *p, uint64_t sequence, uint32_t run)
{
	size_t start = out->n;
	uint32_t n;
	uint64_t *ids = position_ids(p, &n);

	buf_add(out, magic, sizeof magic);
	put64(out, sequence);
	put64(out, p->next);
	put32(out, run);
	put32(out, p->ended);
	put32(out, p->n_blob);
	put32(out, n);
	buf_add(out, p->blob, p->n_blob);
	for (uint32_t i = 0; i < n; i++)
		put64(out, ids[i]);
	put64(out, XXH3_64bits(out->data + start, out->n - start));
	free(ids);
}

/* get_ids takes the N ids at DATA; false when they are not ascending or not below next. */
static bool get_ids(struct position *p, const uint8_t *data, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t id = wire_get64(data + 8 * (size_t)i);

		if (id >= p->next || (p->n > 0 && id <= p->row[p->n - 1].id))
			return false;
		position_open(p, id);
	}
	return true;
}

int position_get(struct position *p, const void *data, size_t n, uint64_t *sequence, uint32_t *run,
    struct error *e)
{
	const uint8_t *at = data;
	uint32_t flags, n_open;

	if (n < HEAD_BYTES + SUM_BYTES || memcmp(at, magic, sizeof magic) != 0)
		return error_set(e, "it is no position");
	if (wire_get64(at + n - SUM_BYTES) != XXH3_64bits(at, n - SUM_BYTES))
		return error_set(e, "its checksum is wrong");
	*sequence = wire_get64(at + 8);
	p->next = wire_get64(at + 16);
	*run = wire_get32(at + 24);
	flags = wire_get32(at + 28);
	p->n_blob = wire_get32(at + 32);
	n_open = wire_get32(at + 36);
	if (flags > 1 || p->n_blob > sizeof p->blob ||
	    n != HEAD_BYTES + SUM_BYTES + (uint64_t)p->n_blob + 8 * (uint64_t)n_open)
		return error_set(e, "its lengths contradict each other");
	memcpy(p->blob, at + HEAD_BYTES, p->n_blob);
	if (!get_ids(p, at + HEAD_BYTES + p->n_blob, n_open))
		return error_set(e, "its ids are out of order");
	p->ended = flags == 1;
	p->known = true;
	p->changed = false;
	return 0;
}
