/* order.c - see order.h. SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include "wire.h"

enum { FINAL = 1, PLANNED = 2, HEAD = 3 + 8 };

void order_write(const struct order *x, struct buf *out)
{
	uint32_t n_text = x->n_text < ORDER_TEXT_MAX ? x->n_text : ORDER_TEXT_MAX;
	uint8_t head[HEAD];

	head[0] = (uint8_t)x->kind;
	head[1] = (uint8_t)((x->final ? FINAL : 0) | (x->planned ? PLANNED : 0));
	head[2] = x->roles;
	wire_put64(head + 3, x->n);
	buf_add(out, head, sizeof head);
	offsets_write(&x->offsets, out);
	wire_put32(head, n_text);
	buf_add(out, head, 4);
	buf_add(out, x->text, n_text);
}

bool order_read(struct order *x, const uint8_t *body, size_t n, uint64_t txid, uint64_t generation)
{
	const uint8_t *at = body + HEAD, *end = body + n;

	*x = (struct order){ .txid = txid, .generation = generation };
	if (n < HEAD || body[0] < ORDER_RESET || body[0] >= ORDER_KINDS)
		return false;
	x->kind = (enum order_kind)body[0];
	x->final = (body[1] & FINAL) != 0;
	x->planned = (body[1] & PLANNED) != 0;
	x->roles = body[2];
	x->n = wire_get64(body + 3);
	if (!offsets_read(&x->offsets, &at, end) || end - at < 4 ||
	    wire_get32(at) != (size_t)(end - at) - 4) {
		order_free(x);
		return false;
	}
	x->text = (const char *)at + 4;
	x->n_text = wire_get32(at);
	return true;
}

void order_free(struct order *x)
{
	offsets_free(&x->offsets);
}
