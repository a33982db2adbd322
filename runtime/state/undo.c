/* undo.c - see undo.h. SPDX-License-Identifier: Apache-2.0 */
#include "undo.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "wire.h"

enum { CHECKSUM_BYTES = 8, HEAD_BYTES = CHECKSUM_BYTES + 16 };

static uint64_t checksum(const void *undo, size_t n)
{
	return XXH3_64bits((const char *)undo + CHECKSUM_BYTES, n - CHECKSUM_BYTES);
}

void undo_begin(struct buf *b, struct undo_mark base)
{
	uint8_t head[HEAD_BYTES] = { 0 };

	wire_put64(wire_put64(head + CHECKSUM_BYTES, base.txid), base.generation);
	b->n = 0;
	buf_add(b, head, sizeof head);
}

static void add_bytes(struct buf *b, gale_slice bytes)
{
	uint8_t n[4];

	wire_put32(n, (uint32_t)bytes.n);
	buf_add(b, n, sizeof n);
	buf_add(b, bytes.bytes, bytes.n);
}

void undo_add(struct buf *b, gale_slice key, gale_slice before)
{
	uint8_t there = before.bytes != NULL;

	add_bytes(b, key);
	buf_add(b, &there, 1);
	if (there)
		add_bytes(b, before);
}

void undo_end(struct buf *b)
{
	wire_put64((uint8_t *)b->data, checksum(b->data, b->n));
}

static bool take_bytes(struct undo *u, gale_slice *bytes)
{
	uint32_t n;

	if (u->end - u->at < 4)
		return false;
	n = wire_get32(u->at);
	if (n > (size_t)(u->end - u->at) - 4)
		return false;
	*bytes = (gale_slice){ u->at + 4, n };
	u->at += 4 + (size_t)n;
	return true;
}

bool undo_next(struct undo *u, gale_slice *key, gale_slice *before)
{
	uint8_t there;

	*before = (gale_slice){ NULL, 0 };
	if (!take_bytes(u, key) || u->at == u->end)
		return false;
	there = *u->at++;
	return there == 0 || (there == 1 && take_bytes(u, before));
}

bool undo_open(struct undo *u, gale_slice bytes, struct undo_mark *base)
{
	const uint8_t *p = bytes.bytes;
	struct undo all;
	gale_slice key, before;

	if (bytes.n < HEAD_BYTES || wire_get64(p) != checksum(p, bytes.n))
		return false;
	*base = (struct undo_mark){ wire_get64(p + CHECKSUM_BYTES), wire_get64(p + CHECKSUM_BYTES + 8) };
	*u = all = (struct undo){ p + HEAD_BYTES, p + bytes.n };
	while (all.at < all.end)
		if (!undo_next(&all, &key, &before))
			return false;
	return true;
}
