/* fuzz_order.c - any bytes as the body of an order or a report, and as the positions in a
 * record of the coordinator (libFuzzer).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is accepted must point into the bytes; written again, it must be accepted again and say
 * the same.
 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void same(const struct offsets *a, const struct offsets *b)
{
	must(a->n == b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct offset *p = &a->items[i], *q = &b->items[i];

		must(p->task == q->task && p->known == q->known && p->next == q->next);
		must(p->n_blob == q->n_blob && memcmp(p->blob, q->blob, p->n_blob) == 0);
		must(offsets_find(a, p->task) == p);
	}
}

static void take_order(const uint8_t *body, size_t n)
{
	struct order x, again;
	struct buf bytes = { 0 };

	if (!order_read(&x, body, n, 1, 2))
		return;
	must(x.kind >= ORDER_RESET && x.kind < ORDER_KINDS);
	must((const uint8_t *)x.text >= body && (const uint8_t *)x.text + x.n_text == body + n);
	order_write(&x, &bytes);
	must(order_read(&again, (const uint8_t *)bytes.data, bytes.n, 1, 2));
	must(again.kind == x.kind && again.final == x.final && again.planned == x.planned);
	must(again.roles == x.roles && again.n == x.n);
	must(again.n_text == (x.n_text < ORDER_TEXT_MAX ? x.n_text : ORDER_TEXT_MAX));
	must(memcmp(again.text, x.text, again.n_text) == 0);
	same(&x.offsets, &again.offsets);
	order_free(&again);
	order_free(&x);
	buf_free(&bytes);
}

static void take_offsets(const uint8_t *data, size_t n)
{
	struct offsets o = { 0 };
	const uint8_t *at = data;

	if (offsets_read(&o, &at, data + n))
		must(at >= data + 4 && at <= data + n);
	else
		must(at == data);
	offsets_free(&o);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *exact = xmalloc(n + !n);	/* so that a byte too far is seen */

	if (n > 0)
		memcpy(exact, data, n);
	take_order(exact, n);
	take_offsets(exact, n);
	free(exact);
	return 0;
}
