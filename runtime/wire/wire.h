/* wire.h - frames: what one ZeroMQ message between two workers holds, version 1.
 *
 * A frame is a header and a body. Numbers are little-endian. A frame that came from a
 * socket is untrusted: every length is checked before it is used, nothing is allocated
 * from a count, and a frame that does not add up is dropped whole or from the bad tuple on.
 *
 *     byte  0        4    5     6      8       12      16      20
 *           +--------+----+-----+------+-------+-------+-------+-------------+
 *           | magic  | v1 |kind |flags |worker |  run  | start | source task |
 *           +--------+----+-----+------+-------+-------+-------+-------------+
 *     byte 24        28       30       32      36      40      48           56
 *           +--------+--------+--------+-------+-------+-------+------------+
 *           | target | stream |   0    | count | body  | txid  | generation |
 *           +--------+--------+--------+-------+-------+-------+------------+
 *     byte 56        64       72
 *           +--------+--------+------------------------------------ - - -
 *           |  root  |  edge  | body: `body` bytes
 *           |  base  |  base  |
 *           +--------+--------+------------------------------------ - - -
 *
 *   worker, run, start   the sender (its number in the plan) and its incarnation (I1)
 *   source task          of every tuple, unless TUPLE_SOURCE
 *   target               task that the tuples are for, unless TUPLE_TARGET
 *   stream               number among the sender's outputs, unless TUPLE_STREAM
 *   txid, generation     0: not part of a batch
 *   root base            what the first tuple's root is told from
 *   edge base            the id of tuple i's edge is random_mix(edge base + i)
 *
 * Kinds: DATA (tuples), END and DRAIN (markers, no body; rules B1, B2), ACKS (records for
 * an acker), VERDICTS (an acker's answers), both in record.h; CLOSE (the marker of a batch, no
 * body; rule X4), ORDER (the coordinator's) and REPORT (to it), both in order.h.
 *
 * A tuple in a DATA body, packed back to back:
 *
 *     head      varint   0     not tracked
 *                        1     a list of roots follows: varint n, n * u64
 *                        h>=2  one root: that of the tuple before + unzigzag(h - 2)
 *     [stream   u8]      with TUPLE_STREAM
 *     [source   varint]  with TUPLE_SOURCE: source task = the header's + this
 *     [target   varint]  with TUPLE_TARGET: target task = the header's + this
 *     n         u8       values
 *     values    n times  type u8, then
 *                        null    -
 *                        bool    u8, 0 or 1
 *                        int     varint of the zigzagged number
 *                        float   u64, IEEE 754
 *                        string, bytes   varint length, the bytes
 *                        list, map       varint count, u32 bytes, that many bytes of
 *                                        values (map: 2 * count of them)
 *
 * A tuple anchored to several roots has one edge id for all of them: in each root's tree
 * it is another edge. So the word "the" of a line costs 7 bytes, acking included:
 *
 *     02          root as before        04 03 74 68 65     string, 3, "the"
 *     01          one value
 *
 * With MERGED a tuple may stand for several equal ones, of several roots (combine.h, merged.h). Which
 * do is told behind the tuples, by root:
 *
 *     groups    u64 root, u16 n, n * u16 index: tuple `index` stands for one of this root. With the
 *               highest bit set: for one more of the same root
 *     times     m * u16: how many tuple 0 .. m - 1 stands for, 0: it is not in the groups. Nor are later ones
 *     u32       m
 *     u32       bytes of all groups
 *
 * Such a tuple has one edge id for all of its roots, as one that is anchored to several.
 *
 * Varint: 7 bits a byte, low ones first, at most 10 bytes (as in Protocol Buffers).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_WIRE_H
#define GALE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"
#include "error.h"
#include "optimisations.h"
#include "random.h"

enum {
	WIRE_MAGIC = 0x454c4147,	/* "GALE" */
	WIRE_VERSION = 1,
	WIRE_HEADER = 72,		/* bytes */
	WIRE_TARGET_AT = 24,		/* where the target is, for who chooses it last */
	WIRE_FRAME_MAX = GALE_MAX_VALUE + 65536,	/* one large tuple travels alone */
	WIRE_ROOTS_MAX = 4096,		/* roots of one tuple */
	WIRE_GROUPS_TAIL = 8,		/* bytes behind groups and times */
	WIRE_GROUP_HEAD = 10,		/* bytes of a group before its indexes */
	WIRE_GROUP_AGAIN = 0x8000	/* with an index: one more of the same root */
};

enum wire_kind {
	WIRE_DATA = 1, WIRE_END, WIRE_DRAIN, WIRE_ACKS, WIRE_VERDICTS, WIRE_CLOSE, WIRE_ORDER, WIRE_REPORT
};

/* Flags. */
enum {
	WIRE_TUPLE_STREAM = 1,
	WIRE_TUPLE_SOURCE = 2,
	WIRE_TUPLE_TARGET = 4,
	WIRE_DISCARD = 8,	/* of an END marker: the run was cut short, skip finish */
	WIRE_LAST = 32,		/* of a CLOSE marker: no batch follows */
	WIRE_FINISH = 16,	/* these tuples come from finish: they are not the run's work */
	WIRE_MERGED = 64	/* some tuples stand for several */
};

struct wire_header {
	uint8_t kind;
	uint16_t flags;
	uint32_t worker, run, start;
	uint32_t source, target;
	uint16_t stream;
	uint32_t count, body_bytes;
	uint64_t txid, generation;
	uint64_t root_base, edge_base;
};

/* A tuple as read: a view. */
struct wire_tuple {
	uint64_t edge;
	uint64_t root;			/* n_roots == 1: the root */
	const uint8_t *roots;		/* n_roots > 1: that many u64, unaligned */
	uint32_t n_roots;		/* 0: not tracked */
	uint32_t stream, source, target;
	uint32_t n_values;
	const uint8_t *body;		/* its values, encoded */
	uint32_t body_bytes;
};

struct wire_reader {
	const uint8_t *at, *end;
	uint64_t root;			/* of the tuple before */
	uint32_t index;			/* of the next tuple */
	bool plain;			/* no flag adds a field to each tuple */
	bool targeted;			/* only the one for its task does */
	struct wire_header header;
	const uint8_t *groups, *groups_end;	/* WIRE_MERGED; else NULL. Behind them `times`, */
	uint32_t n_times;		/* so many, at groups_end */
};

/* wire_open reads and checks the header of the N bytes at FRAME, which must outlive R and
 * every tuple read from it. Returns 0 or -1 with E set. */
int wire_open(struct wire_reader *r, const uint8_t *frame, size_t n, struct error *e);

/* wire_next_any reads one tuple; its values go to VALUES (room for GALE_MAX_FIELDS) and point
 * into the frame. Returns 1, or 0 at the end, or -1 when the rest of the frame is not
 * what it should be. wire_next, below, is the same, and faster where tuples are flat. */
int wire_next_any(struct wire_reader *r, struct wire_tuple *t, gale_value *values);

/* wire_root gives root number I of T. */
uint64_t wire_root(const struct wire_tuple *t, uint32_t i);

/* wire_put_header writes the WIRE_HEADER bytes of H at P. */
void wire_put_header(uint8_t *p, const struct wire_header *h);

/* wire_bound gives the most bytes that the values can take encoded, or 0 with E set when
 * they can't be: too many, too large, too deep, or of no known type. N may be 0. */
size_t wire_bound(const gale_value *values, uint32_t n, struct error *e);

/* wire_put_values writes count and values at P (room for wire_bound); returns the byte
 * behind. */
uint8_t *wire_put_values(uint8_t *p, const gale_value *values, uint32_t n);

/* wire_read_values reads what wire_put_values wrote, N_BYTES at P, into VALUES (room for
 * GALE_MAX_FIELDS). Returns their number or -1. */
int wire_read_values(const uint8_t *p, size_t n_bytes, gale_value *values);

/* wire_unpack reads one value of a packed list or map, which was checked when its frame
 * was read; returns where the next one is (gale_host.unpack). */
const uint8_t *wire_unpack(const uint8_t *p, gale_value *value);

/* wire_canonical appends the bytes by which a value is hashed and compared: type and
 * content, the same for equal values however they were made. The layout is part of what
 * pins keys to tasks: never change it. */
void wire_canonical(struct buf *out, const gale_value *value);

/* wire_describe appends the value for people and for JSON: strings quoted, bytes as
 * {"$bytes":"base64"}, strings that are no UTF-8 as {"$string":"base64"}, maps as
 * {"$map":[[key,value],...]}. Exact: it can be read back (the spout `deadletters`). */
void wire_describe(struct buf *out, const gale_value *value);

/* Numbers, for this file's friends. */
static inline uint32_t wire_get32(const uint8_t *p)
{
	uint32_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t wire_get64(const uint8_t *p)
{
	uint64_t v;
	__builtin_memcpy(&v, p, sizeof v);
	return v;
}

static inline uint8_t *wire_put32(uint8_t *p, uint32_t v)
{
	__builtin_memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

static inline uint8_t *wire_put64(uint8_t *p, uint64_t v)
{
	__builtin_memcpy(p, &v, sizeof v);
	return p + sizeof v;
}

static inline uint8_t *wire_put_varint(uint8_t *p, uint64_t v)
{
	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	return p;
}

static inline uint64_t wire_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t wire_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* wire_copy copies N bytes, up to 16 of them without a call. */
static inline void wire_copy(uint8_t *to, const char *from, size_t n)
{
	if (n > 16) {
		__builtin_memcpy(to, from, n);
	} else if (n >= 8) {
		uint64_t first, last;

		__builtin_memcpy(&first, from, 8);
		__builtin_memcpy(&last, from + n - 8, 8);
		__builtin_memcpy(to, &first, 8);
		__builtin_memcpy(to + n - 8, &last, 8);
	} else if (n >= 4) {
		uint32_t first, last;

		__builtin_memcpy(&first, from, 4);
		__builtin_memcpy(&last, from + n - 4, 4);
		__builtin_memcpy(to, &first, 4);
		__builtin_memcpy(to + n - 4, &last, 4);
	} else if (n > 0) {
		to[0] = (uint8_t)from[0];
		to[n / 2] = (uint8_t)from[n / 2];
		to[n - 1] = (uint8_t)from[n - 1];
	}
}

/* wire_put_flat writes one string, bytes or int value at P, if it is one and ends before END;
 * else NULL, with nothing that counts written. For the usual emit; the rest goes through
 * wire_bound and wire_put_values. */
static inline uint8_t *wire_put_flat(uint8_t *p, const uint8_t *end, const gale_value *v)
{
	if (end - p < 16)
		return NULL;
	*p++ = v->type;
	if (v->type == GALE_INT)
		return wire_put_varint(p, wire_zigzag(v->u.i));
	if (v->type != GALE_STRING && v->type != GALE_BYTES)
		return NULL;
	p = wire_put_varint(p, v->n);
	if ((size_t)(end - p) < v->n)
		return NULL;
	wire_copy(p, v->u.s, v->n);
	return p + v->n;
}

/* wire_get_varint reads a varint at P, which is before END; NULL when it does not end. Eight
 * bytes at a time where there are so many: those up to the first without its highest bit, their
 * seven bits moved together in three steps. */
const uint8_t *wire_get_varint_long(const uint8_t *p, const uint8_t *end, uint64_t *v);
static inline const uint8_t *wire_get_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	uint64_t x, last;

	if (*p < 0x80) {
		*v = *p;
		return p + 1;
	}
	if (!OPTIMISE_SHORT_READ || end - p < 8)
		return wire_get_varint_long(p, end, v);
	x = wire_get64(p);
	last = ~x & UINT64_C(0x8080808080808080);
	if (last == 0)
		return wire_get_varint_long(p, end, v);
	x &= (last ^ (last - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
	x = (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x7f007f007f007f00)) >> 1;
	x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x3fff00003fff0000)) >> 2;
	*v = (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x0fffffff00000000)) >> 4;
	return p + (__builtin_ctzll(last) + 1) / 8;
}

/* wire_set makes V a value of TYPE: its first eight bytes in one store. */
static inline void wire_set(gale_value *v, uint8_t type, uint32_t n)
{
	uint64_t head = type | (uint64_t)n << 32;

	__builtin_memcpy(v, &head, sizeof head);
}

/* wire_get_flat reads a string, bytes or an int at P; NULL: it is something else, or is none. */
static inline const uint8_t *wire_get_flat(const uint8_t *p, const uint8_t *end, gale_value *v)
{
	uint64_t n;
	uint8_t type;

	if (end - p < 2)
		return NULL;
	type = *p;
	if ((type != GALE_STRING && type != GALE_BYTES && type != GALE_INT) ||
	    (p = wire_get_varint(p + 1, end, &n)) == NULL)
		return NULL;
	if (type == GALE_INT) {
		wire_set(v, GALE_INT, 0);
		v->u.i = wire_unzigzag(n);
		return p;
	}
	wire_set(v, type, (uint32_t)n);
	v->u.s = (const char *)p;
	return n <= (size_t)(end - p) ? p + n : NULL;
}

/* wire_next_flat is wire_next where no flag adds a field, or, TARGETED, only the target. */
__attribute__((always_inline))
static inline int wire_next_flat(struct wire_reader *r, struct wire_tuple *t, gale_value *values, bool targeted)
{
	const uint8_t *p = r->at, *body;
	uint32_t target = r->header.target;
	uint64_t root;

	if (r->index == r->header.count || r->end - p < 3 || p[0] < 2 || p[0] >= 0x80 ||
	    (targeted && p[1] >= 0x80))
		return wire_next_any(r, t, values);
	root = r->root + (uint64_t)wire_unzigzag(p[0] - 2u);
	if (targeted) {
		if (p[1] > UINT32_MAX - target)
			return -1;
		target += *++p;
	}
	body = p + 1;
	p += 2;
	for (uint32_t i = 0; i < body[0]; i++)
		if ((p = wire_get_flat(p, r->end, &values[i])) == NULL)
			return wire_next_any(r, t, values);
	if (root == 0)
		return -1;
	*t = (struct wire_tuple){ .edge = random_mix(r->header.edge_base + r->index), .root = root,
		.n_roots = 1, .stream = r->header.stream, .source = r->header.source,
		.target = target, .n_values = body[0], .body = body,
		.body_bytes = (uint32_t)(p - body) };
	r->root = root;
	r->at = p;
	r->index++;
	return 1;
}

/* wire_next: see wire_next_any, to which it leaves whatever is not flat, not of one root near
 * the last one, or in a frame with other flags. */
__attribute__((always_inline))
static inline int wire_next(struct wire_reader *r, struct wire_tuple *t, gale_value *values)
{
	if (OPTIMISE_SHORT_READ && r->plain)
		return wire_next_flat(r, t, values, false);
	if (OPTIMISE_SHORT_READ && r->targeted)
		return wire_next_flat(r, t, values, true);
	return wire_next_any(r, t, values);
}

/* wire_canonical_flat writes what wire_canonical does at P, if the value is a string, bytes or an
 * integer and there is room up to END; returns the byte behind, or NULL. */
static inline uint8_t *wire_canonical_flat(uint8_t *p, const uint8_t *end, const gale_value *value)
{
	if (value->type == GALE_INT && end - p >= 9) {
		*p++ = GALE_INT;
		return wire_put64(p, (uint64_t)value->u.i);
	}
	if ((value->type != GALE_STRING && value->type != GALE_BYTES) || end - p < 5 ||
	    value->n > (size_t)(end - p) - 5)
		return NULL;
	*p++ = value->type;
	p = wire_put32(p, value->n);
	wire_copy(p, value->u.s, value->n);
	return p + value->n;
}

/* wire_put_root writes the head of a tuple with one root. */
static inline uint8_t *wire_put_root(uint8_t *p, uint64_t root, uint64_t before)
{
	uint64_t step = wire_zigzag((int64_t)(root - before));

	if (step <= UINT64_MAX - 2)
		return wire_put_varint(p, step + 2);
	*p++ = 1;
	*p++ = 1;
	return wire_put64(p, root);
}

#endif
