/* record.c - see record.h. SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <string.h>

#include "wire.h"

enum { RUN_MAX = 1 << 24 };

/* ---- reading: each need() checks the bytes that the next gets take ---- */

static int need(const uint8_t *at, const uint8_t *end, size_t n)
{
	return (size_t)(end - at) >= n;
}

static const uint8_t *get_text(const uint8_t *p, const uint8_t *end, struct record *r)
{
	if (!need(p, end, 2))
		return NULL;
	r->n_text = (uint32_t)p[0] | (uint32_t)p[1] << 8;
	p += 2;
	if (r->n_text > RECORD_TEXT_MAX || !need(p, end, r->n_text))
		return NULL;
	r->text = (const char *)p;
	return p + r->n_text;
}

static const uint8_t *get_run(const uint8_t *p, const uint8_t *end, struct record *r, size_t item)
{
	if (!need(p, end, 12))
		return NULL;
	r->root = wire_get64(p);
	r->n = wire_get32(p + 8);
	r->body = p + 12;
	if (r->n == 0 || !need(r->body, end, r->n * item))
		return NULL;
	/* No root of the run may be 0; nobody has more than RUN_MAX messages open. */
	if (r->root == 0 || r->root + (r->n - 1) < r->root || r->n > RUN_MAX)
		return NULL;
	return r->body + r->n * item;
}

static const uint8_t *get_list(const uint8_t *p, const uint8_t *end, struct record *r)
{
	if (!need(p, end, 4))
		return NULL;
	r->n = wire_get32(p);
	r->body = p + 4;
	if (r->n == 0 || !need(r->body, end, (size_t)r->n * 16))
		return NULL;
	for (uint32_t i = 0; i < r->n; i++)
		if (wire_get64(r->body + 16 * (size_t)i) == 0)
			return NULL;
	return r->body + (size_t)r->n * 16;
}

static const uint8_t *get_root(const uint8_t *p, const uint8_t *end, struct record *r)
{
	if (!need(p, end, 8) || (r->root = wire_get64(p)) == 0)
		return NULL;
	return p + 8;
}

static const uint8_t *get_root_task(const uint8_t *p, const uint8_t *end, struct record *r)
{
	if ((p = get_root(p, end, r)) == NULL || !need(p, end, 4))
		return NULL;
	r->task = wire_get32(p);
	return p + 4;
}

static int step(const uint8_t **at, const uint8_t *p)
{
	if (p == NULL)
		return -1;
	*at = p;
	return 1;
}

int record_next(const uint8_t **at, const uint8_t *end, struct record *r)
{
	const uint8_t *p = *at;

	if (p == end)
		return 0;
	r->type = *p++;
	switch (r->type) {
	case RECORD_INIT_RUN:
	case RECORD_ACK_RUN:
		return step(at, get_run(p, end, r, 8));
	case RECORD_INIT_LIST:
	case RECORD_ACK_LIST:
		return step(at, get_list(p, end, r));
	case RECORD_FAIL:
		p = get_root_task(p, end, r);
		return step(at, p ? get_text(p, end, r) : NULL);
	case RECORD_RESET:
		return step(at, get_root_task(p, end, r));
	case RECORD_VOID:
		return step(at, get_root(p, end, r));
	default:
		return -1;
	}
}

static const uint8_t *get_ended(const uint8_t *p, const uint8_t *end, struct record *r)
{
	if (p == end)
		return NULL;
	r->verdict = *p++;
	if ((p = get_root_task(p, end, r)) == NULL || !need(p, end, 16))
		return NULL;
	r->age_ms = wire_get64(p);
	r->silent_ms = wire_get64(p + 8);
	return get_text(p + 16, end, r);
}

int verdict_next(const uint8_t **at, const uint8_t *end, struct record *r)
{
	const uint8_t *p = *at;

	if (p == end)
		return 0;
	r->type = *p++;
	switch (r->type) {
	case VERDICT_ACKED_RUN:
		return step(at, get_run(p, end, r, 0));
	case VERDICT_ENDED:
		return step(at, get_ended(p, end, r));
	case VERDICT_EXTENDED:
		return step(at, get_root(p, end, r));
	default:
		return -1;
	}
}

/* ---- writing ---- */

static void put8(struct buf *b, uint8_t v)
{
	buf_add(b, &v, 1);
}

static void put32(struct buf *b, uint32_t v)
{
	buf_add(b, &v, 4);
}

static void put64(struct buf *b, uint64_t v)
{
	buf_add(b, &v, 8);
}

static void put_text(struct buf *b, const char *text, size_t n)
{
	uint16_t length = (uint16_t)(n < RECORD_TEXT_MAX ? n : RECORD_TEXT_MAX);

	buf_add(b, &length, 2);
	buf_add(b, text, length);
}

void record_put_fail(struct buf *b, uint64_t root, uint32_t task, const char *text, size_t n_text)
{
	put8(b, RECORD_FAIL);
	put64(b, root);
	put32(b, task);
	put_text(b, text, n_text);
}

void record_put_reset(struct buf *b, uint64_t root, uint32_t task)
{
	put8(b, RECORD_RESET);
	put64(b, root);
	put32(b, task);
}

void record_put_void(struct buf *b, uint64_t root)
{
	put8(b, RECORD_VOID);
	put64(b, root);
}

void verdict_put_acked(struct buf *b, uint64_t root, uint32_t n)
{
	put8(b, VERDICT_ACKED_RUN);
	put64(b, root);
	put32(b, n);
}

void verdict_put_extended(struct buf *b, uint64_t root)
{
	put8(b, VERDICT_EXTENDED);
	put64(b, root);
}

void verdict_put_ended(struct buf *b, const struct record *r)
{
	put8(b, VERDICT_ENDED);
	put8(b, r->verdict);
	put64(b, r->root);
	put32(b, r->task);
	put64(b, r->age_ms);
	put64(b, r->silent_ms);
	put_text(b, r->text, r->n_text);
}
