/* wire.c - reading and writing frames; the layout is drawn in wire.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <stdio.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are little-endian");
_Static_assert(offsetof(gale_value, type) == 0 && offsetof(gale_value, n) == 4 &&
    offsetof(gale_value, u) == 8, "wire_set knows where they are");

/* ---- header ---- */

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

void wire_put_header(uint8_t *p, const struct wire_header *h)
{
	p = wire_put32(p, WIRE_MAGIC);
	*p++ = WIRE_VERSION;
	*p++ = h->kind;
	p = put16(p, h->flags);
	p = wire_put32(p, h->worker);
	p = wire_put32(p, h->run);
	p = wire_put32(p, h->start);
	p = wire_put32(p, h->source);
	p = wire_put32(p, h->target);
	p = put16(p, h->stream);
	p = put16(p, 0);
	p = wire_put32(p, h->count);
	p = wire_put32(p, h->body_bytes);
	p = wire_put64(p, h->txid);
	p = wire_put64(p, h->generation);
	p = wire_put64(p, h->root_base);
	wire_put64(p, h->edge_base);
}

static void get_header(struct wire_header *h, const uint8_t *p)
{
	h->kind = p[5];
	h->flags = get16(p + 6);
	h->worker = wire_get32(p + 8);
	h->run = wire_get32(p + 12);
	h->start = wire_get32(p + 16);
	h->source = wire_get32(p + 20);
	h->target = wire_get32(p + 24);
	h->stream = get16(p + 28);
	h->count = wire_get32(p + 32);
	h->body_bytes = wire_get32(p + 36);
	h->txid = wire_get64(p + 40);
	h->generation = wire_get64(p + 48);
	h->root_base = wire_get64(p + 56);
	h->edge_base = wire_get64(p + 64);
}

/* open_groups finds what stands behind the tuples. */
static int open_groups(struct wire_reader *r)
{
	uint64_t bytes, times;

	r->groups = r->groups_end = NULL;
	r->n_times = 0;
	if (!(r->header.flags & WIRE_MERGED))
		return 0;
	if (r->header.body_bytes < WIRE_GROUPS_TAIL)
		return -1;
	r->end -= WIRE_GROUPS_TAIL;
	r->n_times = wire_get32(r->end);
	times = 2 * (uint64_t)r->n_times;
	bytes = wire_get32(r->end + 4);
	if (bytes + times > (uint64_t)(r->end - r->at) || r->n_times > r->header.count)
		return -1;
	r->groups_end = r->end - times;
	r->end = r->groups = r->groups_end - bytes;
	return 0;
}

int wire_open(struct wire_reader *r, const uint8_t *frame, size_t n, struct error *e)
{
	uint32_t added;

	if (n < WIRE_HEADER)
		return error_set(e, "frame of %zu bytes; a header alone has %d", n, WIRE_HEADER);
	if (wire_get32(frame) != WIRE_MAGIC)
		return error_set(e, "not a frame: it begins with %08x", wire_get32(frame));
	if (frame[4] != WIRE_VERSION)
		return error_set(e, "frame version %u; this gale speaks %d", frame[4], WIRE_VERSION);
	get_header(&r->header, frame);
	if (r->header.kind < WIRE_DATA || r->header.kind > WIRE_REPORT || get16(frame + 30) != 0)
		return error_set(e, "frame of unknown kind %u", r->header.kind);
	if (r->header.body_bytes != n - WIRE_HEADER)
		return error_set(e, "frame says %u bytes of body; it has %zu", r->header.body_bytes,
		    n - WIRE_HEADER);
	r->at = frame + WIRE_HEADER;
	r->end = frame + n;
	r->root = r->header.root_base;
	r->index = 0;
	added = r->header.flags & (WIRE_TUPLE_STREAM | WIRE_TUPLE_SOURCE | WIRE_TUPLE_TARGET);
	r->plain = added == 0;
	r->targeted = added == WIRE_TUPLE_TARGET;
	if (open_groups(r) < 0)
		return error_set(e, "frame that says more of merged tuples than it has");
	return 0;
}

/* ---- values in ---- */

const uint8_t *wire_get_varint_long(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t sum = 0;

	for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
		uint8_t byte = *p++;

		if (shift == 63 && byte > 1)
			return NULL;
		sum |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			*v = sum;
			return p;
		}
	}
	return NULL;
}

/* get_varint reads byte by byte: the end that wire_unpack gives is none to read up to. */
static inline const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	if (p < end && *p < 0x80) {
		*v = *p;
		return p + 1;
	}
	return wire_get_varint_long(p, end, v);
}

static const uint8_t *get_value(const uint8_t *p, const uint8_t *end, gale_value *v, int depth);

/* get_packed checks a list or map, all the way down. */
static const uint8_t *get_packed(const uint8_t *p, const uint8_t *end, gale_value *v, int depth)
{
	uint64_t count, items;
	uint32_t bytes;
	gale_value item;

	if (depth >= GALE_MAX_DEPTH || (p = get_varint(p, end, &count)) == NULL || end - p < 4)
		return NULL;
	bytes = wire_get32(p);
	p += 4;
	if (bytes > (size_t)(end - p) || count > bytes)
		return NULL;
	v->n = (uint32_t)count;
	v->packed = 1;
	v->u.body = p;
	end = p + bytes;
	items = v->type == GALE_MAP ? 2 * count : count;
	for (uint64_t i = 0; i < items; i++)
		if ((p = get_value(p, end, &item, depth + 1)) == NULL)
			return NULL;
	return p == end ? end : NULL;
}

/* get_value reads one value at P; returns the byte behind it, or NULL. */
static inline const uint8_t *get_value(const uint8_t *p, const uint8_t *end, gale_value *v, int depth)
{
	uint64_t n;

	if (p == end)
		return NULL;
	v->type = *p++;
	v->packed = 0;
	v->reserved = 0;
	v->n = 0;
	switch (v->type) {
	case GALE_STRING:
	case GALE_BYTES:
		if ((p = get_varint(p, end, &n)) == NULL || n > (size_t)(end - p))
			return NULL;
		v->n = (uint32_t)n;
		v->u.s = (const char *)p;
		return p + n;
	case GALE_INT:
		if ((p = get_varint(p, end, &n)) == NULL)
			return NULL;
		v->u.i = wire_unzigzag(n);
		return p;
	case GALE_FLOAT:
		if (end - p < 8)
			return NULL;
		memcpy(&v->u.f, p, 8);
		return p + 8;
	case GALE_BOOL:
		if (p == end || *p > 1)
			return NULL;
		v->u.b = *p != 0;
		return p + 1;
	case GALE_NULL:
		v->u.i = 0;
		return p;
	case GALE_LIST:
	case GALE_MAP:
		return get_packed(p, end, v, depth);
	default:
		return NULL;
	}
}

const uint8_t *wire_unpack(const uint8_t *p, gale_value *value)
{
	/* Checked when the frame was read, so no end is needed here. */
	return get_value(p, p + WIRE_FRAME_MAX, value, 0);
}

int wire_read_values(const uint8_t *p, size_t n_bytes, gale_value *values)
{
	const uint8_t *end = p + n_bytes;
	uint32_t n;

	if (p == end)
		return -1;
	n = *p++;
	for (uint32_t i = 0; i < n; i++)
		if ((p = get_value(p, end, &values[i], 0)) == NULL)
			return -1;
	return p == end ? (int)n : -1;
}

/* ---- tuples in ---- */

/* get_roots reads a list of roots. */
static const uint8_t *get_roots(const uint8_t *p, const uint8_t *end, struct wire_tuple *t)
{
	uint64_t n;

	if ((p = get_varint(p, end, &n)) == NULL || n == 0 || n > WIRE_ROOTS_MAX ||
	    n * 8 > (size_t)(end - p))
		return NULL;
	t->n_roots = (uint32_t)n;
	t->roots = p;
	for (uint64_t i = 0; i < n; i++)
		if (wire_get64(p + 8 * i) == 0)
			return NULL;
	t->root = wire_get64(p);
	return p + 8 * n;
}

/* get_place reads the fields that flags switch on. */
static const uint8_t *get_place(const uint8_t *p, const uint8_t *end, uint32_t flags, struct wire_tuple *t)
{
	uint64_t n;

	if (flags & WIRE_TUPLE_STREAM) {
		if (p == end)
			return NULL;
		t->stream = *p++;
	}
	if (flags & WIRE_TUPLE_SOURCE) {
		if ((p = get_varint(p, end, &n)) == NULL || n > UINT32_MAX - t->source)
			return NULL;
		t->source += (uint32_t)n;
	}
	if (flags & WIRE_TUPLE_TARGET) {
		if ((p = get_varint(p, end, &n)) == NULL || n > UINT32_MAX - t->target)
			return NULL;
		t->target += (uint32_t)n;
	}
	return p;
}

int wire_next_any(struct wire_reader *r, struct wire_tuple *t, gale_value *values)
{
	const uint8_t *p = r->at, *end = r->end;
	uint64_t head;

	if (r->index == r->header.count)
		return p == end ? 0 : -1;
	if ((p = get_varint(p, end, &head)) == NULL)
		return -1;
	t->edge = random_mix(r->header.edge_base + r->index);
	t->n_roots = head != 0;
	if (head >= 2) {
		t->root = r->root + (uint64_t)wire_unzigzag(head - 2);
		if (t->root == 0)
			return -1;
		r->root = t->root;
	} else if (head == 1) {
		if ((p = get_roots(p, end, t)) == NULL)
			return -1;
		r->root = t->root;
	}
	t->stream = r->header.stream;
	t->source = r->header.source;
	t->target = r->header.target;
	if (r->header.flags & (WIRE_TUPLE_STREAM | WIRE_TUPLE_SOURCE | WIRE_TUPLE_TARGET))
		if ((p = get_place(p, end, r->header.flags, t)) == NULL)
			return -1;
	if (p == end)
		return -1;
	t->body = p;
	t->n_values = *p++;
	for (uint32_t i = 0; i < t->n_values; i++)
		if ((p = get_value(p, end, &values[i], 0)) == NULL)
			return -1;
	t->body_bytes = (uint32_t)(p - t->body);
	r->at = p;
	r->index++;
	return 1;
}

uint64_t wire_root(const struct wire_tuple *t, uint32_t i)
{
	return t->n_roots == 1 ? t->root : wire_get64(t->roots + 8 * (size_t)i);
}

/* ---- values out ---- */

enum {
	VALUE_HEAD = 16,	/* most bytes of a value beside its content */
	VALUES_MOST = GALE_MAX_VALUE + VALUE_HEAD * GALE_MAX_FIELDS
};

/* refuse turns "an error was set" into "no size". */
static size_t refuse(int failure)
{
	(void)failure;
	return 0;
}

static size_t refuse_large(struct error *e)
{
	return refuse(error_set(e, "values of more than %d bytes", GALE_MAX_VALUE));
}

static inline size_t varint_bytes(uint64_t v)
{
	return (70u - (unsigned)__builtin_clzll(v | 1)) / 7;
}

/* packed_fits tells whether a received list or map, which was read at depth 0, may stand
 * at DEPTH: what is too deep here would be refused by whoever receives it. */
static bool packed_fits(const gale_value *v, int depth)
{
	const uint8_t *p = v->u.body, *end = p + wire_get32(p - 4);
	gale_value item;

	if (depth >= GALE_MAX_DEPTH)
		return false;
	while (p != end)
		if ((p = get_value(p, end, &item, depth + 1)) == NULL)
			return false;
	return true;
}

static size_t bound(const gale_value *v, int depth, struct error *e);

static size_t bound_items(const gale_value *v, int depth, struct error *e)
{
	size_t items = v->type == GALE_MAP ? 2 * (size_t)v->n : v->n;
	size_t sum = 1 + varint_bytes(v->n) + 4, item;

	if (v->packed ? depth > 0 && !packed_fits(v, depth) : depth >= GALE_MAX_DEPTH)
		return refuse(error_set(e, "lists or maps nested deeper than %d", GALE_MAX_DEPTH));
	if (v->packed)
		return sum + wire_get32(v->u.body - 4);
	for (size_t i = 0; i < items; i++) {
		if ((item = bound(&v->u.items[i], depth + 1, e)) == 0)
			return 0;
		sum += item;
		if (sum > VALUES_MOST)
			return refuse_large(e);
	}
	return sum;
}

static inline size_t bound(const gale_value *v, int depth, struct error *e)
{
	switch (v->type) {
	case GALE_STRING:
	case GALE_BYTES:
		return 1 + varint_bytes(v->n) + v->n;
	case GALE_INT:
		return 1 + varint_bytes(wire_zigzag(v->u.i));
	case GALE_FLOAT:
		return 1 + sizeof v->u.f;
	case GALE_BOOL:
		return 2;
	case GALE_NULL:
		return 1;
	case GALE_LIST:
	case GALE_MAP:
		return bound_items(v, depth, e);
	default:
		return refuse(error_set(e, "a value of unknown type %u", v->type));
	}
}

size_t wire_bound(const gale_value *values, uint32_t n, struct error *e)
{
	size_t sum = 1, one;

	if (n > GALE_MAX_FIELDS)
		return refuse(error_set(e, "%u values; a tuple has at most %d", n, GALE_MAX_FIELDS));
	for (uint32_t i = 0; i < n; i++) {
		if ((one = bound(&values[i], 0, e)) == 0)
			return 0;
		sum += one;
	}
	return sum <= VALUES_MOST ? sum : refuse_large(e);
}

static uint8_t *put_value(uint8_t *p, const gale_value *v);

static uint8_t *put_items(uint8_t *p, const gale_value *v)
{
	size_t items = v->type == GALE_MAP ? 2 * (size_t)v->n : v->n;
	uint8_t *bytes;

	p = wire_put_varint(p, v->n);
	if (v->packed) {
		uint32_t n = wire_get32(v->u.body - 4);

		p = wire_put32(p, n);
		memcpy(p, v->u.body, n);
		return p + n;
	}
	bytes = p;
	p += 4;
	for (size_t i = 0; i < items; i++)
		p = put_value(p, &v->u.items[i]);
	wire_put32(bytes, (uint32_t)(p - bytes - 4));
	return p;
}

static inline uint8_t *put_value(uint8_t *p, const gale_value *v)
{
	*p++ = v->type;
	switch (v->type) {
	case GALE_STRING:
	case GALE_BYTES:
		p = wire_put_varint(p, v->n);
		if (v->n > 0)
			memcpy(p, v->u.s, v->n);
		return p + v->n;
	case GALE_INT:
		return wire_put_varint(p, wire_zigzag(v->u.i));
	case GALE_FLOAT:
		memcpy(p, &v->u.f, 8);
		return p + 8;
	case GALE_BOOL:
		*p++ = v->u.b;
		return p;
	case GALE_LIST:
	case GALE_MAP:
		return put_items(p, v);
	default:
		return p;
	}
}

uint8_t *wire_put_values(uint8_t *p, const gale_value *values, uint32_t n)
{
	*p++ = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++)
		p = put_value(p, &values[i]);
	return p;
}

/* ---- canonical bytes, text ---- */

/* next_item steps through a list or map of either form. */
static gale_value next_item(const gale_value *list, size_t i, const uint8_t **body)
{
	gale_value item;

	if (!list->packed)
		return list->u.items[i];
	*body = wire_unpack(*body, &item);
	return item;
}

/* float_bits gives equal bits for equal numbers: one zero, one NaN. */
static uint64_t float_bits(double f)
{
	uint64_t bits;

	if (f != f)
		return 0x7ff8000000000000u;
	if (f == 0)
		return 0;
	memcpy(&bits, &f, sizeof bits);
	return bits;
}

void wire_canonical(struct buf *out, const gale_value *v)
{
	uint8_t head[VALUE_HEAD], *p = head;
	size_t items = v->type == GALE_MAP ? 2 * (size_t)v->n : v->n;
	const uint8_t *body = v->u.body;

	if (v->type != GALE_LIST && v->type != GALE_MAP) {
		if (v->type == GALE_STRING || v->type == GALE_BYTES) {
			*p++ = v->type;
			p = wire_put32(p, v->n);
			buf_add(out, head, (size_t)(p - head));
			buf_add(out, v->u.s, v->n);
			return;
		}
		*p++ = v->type;
		if (v->type == GALE_BOOL)
			*p++ = v->u.b;
		else if (v->type == GALE_INT)
			p = wire_put64(p, (uint64_t)v->u.i);
		else if (v->type == GALE_FLOAT)
			p = wire_put64(p, float_bits(v->u.f));
		buf_add(out, head, (size_t)(p - head));
		return;
	}
	*p++ = v->type;
	p = wire_put32(p, v->n);
	buf_add(out, head, (size_t)(p - head));
	for (size_t i = 0; i < items; i++) {
		gale_value item = next_item(v, i, &body);

		wire_canonical(out, &item);
	}
}

static void base64(struct buf *out, const uint8_t *s, size_t n)
{
	static const char digit[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		uint32_t b = (uint32_t)s[i] << 16 | (i + 1 < n ? (uint32_t)s[i + 1] << 8 : 0) |
		    (i + 2 < n ? s[i + 2] : 0);
		char four[4] = { digit[b >> 18], digit[b >> 12 & 63],
			i + 1 < n ? digit[b >> 6 & 63] : '=', i + 2 < n ? digit[b & 63] : '=' };

		buf_add(out, four, 4);
	}
}

/* describe_float: a float stays one when it is read back, so 3 is written as 3.0. JSON has
 * no NaN and no infinity: null, and a number out of range. */
static void describe_float(struct buf *out, double f)
{
	char text[40];

	if (f != f)
		strcpy(text, "null");
	else if (f - f != 0)
		strcpy(text, f > 0 ? "1e999" : "-1e999");
	else
		snprintf(text, sizeof text, "%.17g", f);
	buf_puts(out, text);
	if (strspn(text, "-0123456789") == strlen(text))
		buf_puts(out, ".0");
}

static void describe_bytes(struct buf *out, const gale_value *v, const char *tag)
{
	buf_printf(out, "{\"%s\":\"", tag);
	base64(out, (const uint8_t *)v->u.s, v->n);
	buf_puts(out, "\"}");
}

static void describe_string(struct buf *out, const gale_value *v)
{
	for (size_t i = 0, step; i < v->n; i += step)
		if ((step = utf8_length(v->u.s + i, v->n - i)) == 0) {
			describe_bytes(out, v, "$string");
			return;
		}
	buf_json_string(out, v->u.s, v->n);
}

static void describe_items(struct buf *out, const gale_value *v)
{
	const uint8_t *body = v->u.body;
	bool map = v->type == GALE_MAP;
	size_t items = map ? 2 * (size_t)v->n : v->n;

	buf_puts(out, map ? "{\"$map\":[" : "[");
	for (size_t i = 0; i < items; i++) {
		gale_value item = next_item(v, i, &body);

		buf_puts(out, map ? (i % 2 ? "," : i ? ",[" : "[") : i ? "," : "");
		wire_describe(out, &item);
		if (map && i % 2)
			buf_puts(out, "]");
	}
	buf_puts(out, map ? "]}" : "]");
}

void wire_describe(struct buf *out, const gale_value *v)
{
	switch (v->type) {
	case GALE_BOOL:
		buf_puts(out, v->u.b ? "true" : "false");
		break;
	case GALE_INT:
		buf_printf(out, "%lld", (long long)v->u.i);
		break;
	case GALE_FLOAT:
		describe_float(out, v->u.f);
		break;
	case GALE_STRING:
		describe_string(out, v);
		break;
	case GALE_BYTES:
		describe_bytes(out, v, "$bytes");
		break;
	case GALE_LIST:
	case GALE_MAP:
		describe_items(out, v);
		break;
	default:
		buf_puts(out, "null");
	}
}
