/* test_wire.c - frames and values: what is written is read; what is broken is refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "memory.h"
#include "values.h"
#include "wire.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static uint64_t seed;

/* ---- frames made by hand ---- */

enum { MAX_ROOTS = 6, MAX_TUPLES = 40 };

struct sent {
	uint64_t roots[MAX_ROOTS];
	uint32_t n_roots, stream, source, target;
	uint32_t n_values;
	const gale_value *values;
};

/* put_tuple writes S as a sender does; *BEFORE is the root of the tuple before. */
static uint8_t *put_tuple(uint8_t *p, const struct sent *s, uint32_t flags, uint64_t *before)
{
	if (s->n_roots == 0) {
		*p++ = 0;
	} else if (s->n_roots == 1) {
		p = wire_put_root(p, s->roots[0], *before);
		*before = s->roots[0];
	} else {
		*p++ = 1;
		p = wire_put_varint(p, s->n_roots);
		for (uint32_t i = 0; i < s->n_roots; i++)
			p = wire_put64(p, s->roots[i]);
		*before = s->roots[0];
	}
	if (flags & WIRE_TUPLE_STREAM)
		*p++ = (uint8_t)s->stream;
	if (flags & WIRE_TUPLE_SOURCE)
		p = wire_put_varint(p, s->source);
	if (flags & WIRE_TUPLE_TARGET)
		p = wire_put_varint(p, s->target);
	return wire_put_values(p, s->values, s->n_values);
}

static size_t room_for(const struct sent *sent, uint32_t n)
{
	size_t sum = WIRE_HEADER;

	for (uint32_t i = 0; i < n; i++) {
		size_t bound = wire_bound(sent[i].values, sent[i].n_values, NULL);

		ck_assert_uint_gt(bound, 0);
		sum += 64 + 8 * sent[i].n_roots + bound;
	}
	return sum;
}

/* exact gives the N bytes at P in a block of that size: reading past it is caught. */
static uint8_t *exact(const uint8_t *p, size_t n)
{
	uint8_t *block = xmalloc(n);

	memcpy(block, p, n);
	return block;
}

/* make_frame encodes the N tuples into a block of *SIZE bytes, to be freed. */
static uint8_t *make_frame(const struct sent *sent, uint32_t n, struct wire_header h, size_t *size)
{
	uint8_t *room = xmalloc(room_for(sent, n)), *p = room + WIRE_HEADER, *frame;
	uint64_t before = h.root_base;

	for (uint32_t i = 0; i < n; i++)
		p = put_tuple(p, &sent[i], h.flags, &before);
	*size = (size_t)(p - room);
	h.kind = WIRE_DATA;
	h.count = n;
	h.body_bytes = (uint32_t)(*size - WIRE_HEADER);
	wire_put_header(room, &h);
	frame = exact(room, *size);
	free(room);
	return frame;
}

/* check_tuple compares a tuple with what was sent. */
static void check_tuple(const struct wire_tuple *t, const gale_value *values, const struct sent *s,
    const struct wire_header *h, uint32_t index)
{
	ck_assert_uint_eq(t->edge, random_mix(h->edge_base + index));
	ck_assert_uint_eq(t->n_roots, s->n_roots);
	for (uint32_t i = 0; i < s->n_roots; i++)
		ck_assert_uint_eq(wire_root(t, i), s->roots[i]);
	ck_assert_uint_eq(t->stream, h->flags & WIRE_TUPLE_STREAM ? s->stream : h->stream);
	ck_assert_uint_eq(t->source, h->source + (h->flags & WIRE_TUPLE_SOURCE ? s->source : 0));
	ck_assert_uint_eq(t->target, h->target + (h->flags & WIRE_TUPLE_TARGET ? s->target : 0));
	ck_assert_uint_eq(t->n_values, s->n_values);
	for (uint32_t i = 0; i < s->n_values; i++)
		ck_assert(values_equal(&values[i], &s->values[i]));
}

static void check_frame(const struct sent *sent, uint32_t n, const struct wire_header *h)
{
	gale_value values[GALE_MAX_FIELDS];
	struct wire_reader r;
	struct wire_tuple t;
	struct error e;
	size_t size;
	uint8_t *frame = make_frame(sent, n, *h, &size);

	ck_assert_msg(wire_open(&r, frame, size, &e) == 0, "%s", e.text);
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_int_eq(wire_next(&r, &t, values), 1);
		check_tuple(&t, values, &sent[i], h, i);
	}
	ck_assert_int_eq(wire_next(&r, &t, values), 0);
	free(frame);
}

/* ---- header ---- */

static uint32_t random32(uint64_t *state)
{
	return (uint32_t)random_next(state);
}

START_TEST(every_field_of_the_header_comes_back)
{
	uint64_t state = seed;

	for (int i = 0; i < 1000; i++) {
		struct wire_header h = {
			.kind = (uint8_t)(WIRE_DATA + pick(&state, WIRE_REPORT)),
			.flags = (uint16_t)(random_next(&state) & ~(uint64_t)WIRE_MERGED), .worker = random32(&state),
			.run = random32(&state), .start = random32(&state),
			.source = random32(&state), .target = random32(&state),
			.stream = (uint16_t)random_next(&state),
			.count = random32(&state), .txid = random_next(&state),
			.generation = random_next(&state), .root_base = random_next(&state),
			.edge_base = random_next(&state),
		}, *back;
		uint8_t frame[WIRE_HEADER];
		struct wire_reader r;

		wire_put_header(frame, &h);
		ck_assert_int_eq(wire_open(&r, frame, sizeof frame, NULL), 0);
		back = &r.header;
		ck_assert_uint_eq(back->kind, h.kind);
		ck_assert_uint_eq(back->flags, h.flags);
		ck_assert_uint_eq(back->worker, h.worker);
		ck_assert_uint_eq(back->run, h.run);
		ck_assert_uint_eq(back->start, h.start);
		ck_assert_uint_eq(back->source, h.source);
		ck_assert_uint_eq(back->target, h.target);
		ck_assert_uint_eq(wire_get32(frame + WIRE_TARGET_AT), h.target);
		ck_assert_uint_eq(back->stream, h.stream);
		ck_assert_uint_eq(back->count, h.count);
		ck_assert_uint_eq(back->body_bytes, 0);
		ck_assert_uint_eq(back->txid, h.txid);
		ck_assert_uint_eq(back->generation, h.generation);
		ck_assert_uint_eq(back->root_base, h.root_base);
		ck_assert_uint_eq(back->edge_base, h.edge_base);
	}
}
END_TEST

START_TEST(what_is_no_frame_is_refused_with_a_reason)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *why;
	} cases[] = {
		{ 0, 'g', "not a frame: it begins with 454c4167" },
		{ 4, 2, "frame version 2; this gale speaks 1" },
		{ 5, 0, "frame of unknown kind 0" },
		{ 5, WIRE_REPORT + 1, "frame of unknown kind 9" },
		{ 30, 1, "frame of unknown kind 1" },
		{ 36, 1, "frame says 1 bytes of body; it has 0" },
	};
	struct wire_header h = { .kind = WIRE_DATA };
	uint8_t frame[WIRE_HEADER];
	struct wire_reader r;
	struct error e;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		wire_put_header(frame, &h);
		frame[cases[i].at] = cases[i].byte;
		ck_assert_int_eq(wire_open(&r, frame, sizeof frame, &e), -1);
		ck_assert_str_eq(e.text, cases[i].why);
	}
	for (size_t n = 0; n < WIRE_HEADER; n++) {
		uint8_t *block;

		wire_put_header(frame, &h);
		block = exact(frame, n);
		ck_assert_int_eq(wire_open(&r, block, n, &e), -1);
		free(block);
	}
	ck_assert_str_eq(e.text, "frame of 71 bytes; a header alone has 72");
}
END_TEST

START_TEST(a_marker_has_no_tuples)
{
	struct wire_header h = { .kind = WIRE_END, .flags = WIRE_DISCARD };
	gale_value values[GALE_MAX_FIELDS];
	uint8_t frame[WIRE_HEADER];
	struct wire_reader r;
	struct wire_tuple t;

	wire_put_header(frame, &h);
	ck_assert_int_eq(wire_open(&r, frame, sizeof frame, NULL), 0);
	ck_assert_int_eq(wire_next(&r, &t, values), 0);
}
END_TEST

/* ---- tuples ---- */

START_TEST(the_word_the_costs_nine_bytes_with_acking)
{
	gale_value the = gale_text("the");
	struct sent sent[] = {
		{ .n_roots = 1, .roots = { 77 }, .n_values = 1, .values = &the },
		{ .n_roots = 1, .roots = { 77 }, .n_values = 1, .values = &the },
	};
	static const uint8_t word[] = { 2, 1, GALE_STRING, 3, 't', 'h', 'e' };
	size_t size;
	uint8_t *frame = make_frame(sent, 2, (struct wire_header){ .root_base = 77 }, &size);

	/* The drawing in wire.h: head, number of values, type, length, three letters. */
	ck_assert_uint_eq(size, WIRE_HEADER + 2 * sizeof word);
	ck_assert_mem_eq(frame + WIRE_HEADER, word, sizeof word);
	ck_assert_mem_eq(frame + WIRE_HEADER + sizeof word, word, sizeof word);
	free(frame);
}
END_TEST

/* Distances of roots that just fit into a varint, and those that need the long form. */
START_TEST(roots_of_any_distance_come_back)
{
	static const uint64_t steps[] = {
		0, 1, UINT64_MAX, 2, 63, 64, 127, 128, INT64_MAX, (uint64_t)INT64_MAX + 1,
		(uint64_t)INT64_MAX - 1, (uint64_t)INT64_MAX + 2, UINT64_MAX - 1, 1000000,
	};
	enum { N_STEPS = sizeof steps / sizeof *steps, N_BASES = 4 };
	static const uint64_t bases[N_BASES] = { 1, UINT64_MAX, (uint64_t)1 << 63, 123456789 };

	for (int b = 0; b < N_BASES; b++)
		for (int i = 0; i < N_STEPS; i++) {
			struct sent sent[3] = { { .n_roots = 1, .roots = { bases[b] } },
				{ .n_roots = 1, .roots = { bases[b] + steps[i] } },
				{ .n_roots = 1, .roots = { bases[b] } } };
			struct wire_header h = { .root_base = bases[b] };

			if (sent[1].roots[0] != 0)
				check_frame(sent, 3, &h);
		}
}
END_TEST

START_TEST(tuples_without_root_leave_the_root_before_as_it_is)
{
	struct sent sent[] = {
		{ .n_roots = 0 },
		{ .n_roots = 1, .roots = { 500 } },
		{ .n_roots = 0 },
		{ .n_roots = 1, .roots = { 501 } },
		{ .n_roots = 3, .roots = { 9, UINT64_MAX, 501 } },
		{ .n_roots = 0 },
		{ .n_roots = 1, .roots = { 10 } },
	};
	struct wire_header h = { .root_base = 0 };

	check_frame(sent, sizeof sent / sizeof *sent, &h);
}
END_TEST

/* check_refused: the frame opens, and its first tuple is no tuple. */
static void check_refused(const uint8_t *body, size_t n, struct wire_header h)
{
	uint8_t *frame = xmalloc(WIRE_HEADER + n);
	gale_value values[GALE_MAX_FIELDS];
	struct wire_reader r;
	struct wire_tuple t;

	h.kind = WIRE_DATA;
	h.count = 1;
	h.body_bytes = (uint32_t)n;
	wire_put_header(frame, &h);
	memcpy(frame + WIRE_HEADER, body, n);
	ck_assert_int_eq(wire_open(&r, frame, WIRE_HEADER + n, NULL), 0);
	ck_assert_int_eq(wire_next(&r, &t, values), -1);
	ck_assert_int_eq(wire_next(&r, &t, values), -1);
	free(frame);
}

START_TEST(root_0_is_refused)
{
	static const uint8_t step[] = { 2 + 1, 0 };		/* 1 + unzigzag(1) = 0 */
	static const uint8_t list[] = { 1, 2, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

	check_refused(step, sizeof step, (struct wire_header){ .root_base = 1 });
	check_refused(list, sizeof list, (struct wire_header){ .root_base = 1 });
}
END_TEST

START_TEST(an_empty_list_of_roots_is_refused)
{
	static const uint8_t list[] = { 1, 0, 0 };

	check_refused(list, sizeof list, (struct wire_header){ 0 });
}
END_TEST

START_TEST(more_than_4096_roots_are_refused)
{
	size_t n = 3 + 8 * (WIRE_ROOTS_MAX + 1) + 1;
	uint8_t *body = xmalloc(n), *p = body;

	*p++ = 1;
	p = wire_put_varint(p, WIRE_ROOTS_MAX + 1);
	for (int i = 0; i <= WIRE_ROOTS_MAX; i++)
		p = wire_put64(p, 7);
	*p++ = 0;
	check_refused(body, (size_t)(p - body), (struct wire_header){ 0 });
	free(body);
}
END_TEST

START_TEST(task_numbers_beyond_32_bits_are_refused)
{
	static const uint8_t far[] = { 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0 };	/* UINT32_MAX */

	check_refused(far, sizeof far,
	    (struct wire_header){ .flags = WIRE_TUPLE_SOURCE, .source = 1 });
	check_refused(far, sizeof far,
	    (struct wire_header){ .flags = WIRE_TUPLE_TARGET, .target = 1 });
}
END_TEST

START_TEST(a_varint_that_does_not_end_is_refused)
{
	static const uint8_t eleven[] = {
		0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 };
	static const uint8_t beyond[] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0 };
	static const uint8_t cut[] = { 0x80 };

	check_refused(eleven, sizeof eleven, (struct wire_header){ 0 });
	check_refused(beyond, sizeof beyond, (struct wire_header){ 0 });
	check_refused(cut, sizeof cut, (struct wire_header){ 0 });
}
END_TEST

START_TEST(bytes_behind_the_last_tuple_are_refused)
{
	static const uint8_t body[] = { 0, 0, 0 };
	uint8_t frame[WIRE_HEADER + sizeof body];
	struct wire_header h = { .kind = WIRE_DATA, .count = 1, .body_bytes = sizeof body };
	gale_value values[GALE_MAX_FIELDS];
	struct wire_reader r;
	struct wire_tuple t;

	wire_put_header(frame, &h);
	memcpy(frame + WIRE_HEADER, body, sizeof body);
	ck_assert_int_eq(wire_open(&r, frame, sizeof frame, NULL), 0);
	ck_assert_int_eq(wire_next(&r, &t, values), 1);
	ck_assert_int_eq(wire_next(&r, &t, values), -1);
}
END_TEST

/* ---- values ---- */

/* check_values writes the values, reads them from a block of the exact size, and writes
 * what was read again. */
static void check_values(const gale_value *values, uint32_t n)
{
	gale_value back[GALE_MAX_FIELDS];
	struct error e;
	size_t bound = wire_bound(values, n, &e), used;
	uint8_t *room, *block, *again;

	ck_assert_msg(bound > 0, "%s", e.text);
	room = xmalloc(bound);
	used = (size_t)(wire_put_values(room, values, n) - room);
	ck_assert_uint_eq(used, bound);
	block = exact(room, used);
	free(room);
	ck_assert_int_eq(wire_read_values(block, used, back), (int)n);
	for (uint32_t i = 0; i < n; i++)
		ck_assert(values_equal(&back[i], &values[i]));
	ck_assert_uint_eq(wire_bound(back, n, &e), used);
	again = xmalloc(used);
	ck_assert_uint_eq((size_t)(wire_put_values(again, back, n) - again), used);
	ck_assert_mem_eq(again, block, used);
	free(again);
	free(block);
}

static void check_value(gale_value v)
{
	check_values(&v, 1);
}

START_TEST(values_of_every_type_come_back)
{
	gale_value items[] = { gale_int(1), gale_text("two"), gale_float(3), gale_null() };

	check_value(gale_null());
	check_value(gale_bool(false));
	check_value(gale_bool(true));
	for (int shift = 0; shift < 64; shift++)
		for (int64_t near = -2; near <= 2; near++) {	/* about each power of 2 */
			int64_t i = (int64_t)(((uint64_t)1 << shift) + (uint64_t)near);

			check_value(gale_int(i));
			check_value(gale_int((int64_t)(0 - (uint64_t)i)));
		}
	check_value(gale_int(INT64_MIN));
	check_value(gale_int(INT64_MAX));
	check_value(gale_float(-0.0));
	check_value(gale_float(__builtin_nan("7")));
	check_value(gale_float(-__builtin_inf()));
	check_value(gale_text("the"));
	check_value(gale_bytes("\0\xff\x80", 3));
	check_value(gale_list(items, 4));
	check_value(gale_map(items, 2));
	check_values(items, 4);
	check_values(items, 0);
}
END_TEST

START_TEST(empty_strings_lists_and_maps_come_back)
{
	gale_value empty[] = { gale_string(NULL, 0), gale_bytes(NULL, 0), gale_list(NULL, 0),
		gale_map(NULL, 0), gale_string("", 0) };

	check_values(empty, 5);
	check_value(gale_list(empty, 5));
}
END_TEST

START_TEST(lengths_about_the_limits_of_a_varint_come_back)
{
	static const size_t lengths[] = { 1, 127, 128, 129, 16383, 16384, 2097151, 2097152 };
	char *s = xcalloc(1, 2097152);

	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
		check_value(gale_string(s, lengths[i]));
	free(s);
}
END_TEST

START_TEST(a_tuple_has_255_values_at_most)
{
	gale_value values[GALE_MAX_FIELDS + 1];
	struct error e;

	for (int i = 0; i <= GALE_MAX_FIELDS; i++)
		values[i] = gale_int(i);
	check_values(values, GALE_MAX_FIELDS);
	ck_assert_uint_eq(wire_bound(values, GALE_MAX_FIELDS + 1, &e), 0);
	ck_assert_str_eq(e.text, "256 values; a tuple has at most 255");
}
END_TEST

/* nest gives LISTS lists (every third one a map) around a number. */
static gale_value nest(gale_value *nested, int lists)
{
	nested[0] = gale_int(42);
	for (int i = 1; i <= lists; i++) {
		gale_value *inner = &nested[2 * i - 2];

		inner[1] = gale_null();
		inner[2] = i % 3 ? gale_list(inner, 1) : gale_map(inner, 1);
	}
	return nested[2 * (size_t)lists];
}

START_TEST(values_nest_32_deep_and_no_deeper)
{
	gale_value nested[2 * GALE_MAX_DEPTH + 6] = { 0 };
	struct error e;
	gale_value v;

	for (int depth = 0; depth <= GALE_MAX_DEPTH; depth++)
		check_value(nest(nested, depth));
	v = nest(nested, GALE_MAX_DEPTH + 1);
	ck_assert_uint_eq(wire_bound(&v, 1, &e), 0);
	ck_assert_str_eq(e.text, "lists or maps nested deeper than 32");
}
END_TEST

/* What is received packed is as deep as it is: a list more around it counts. */
START_TEST(a_received_list_inside_others_is_not_too_deep_unnoticed)
{
	for (int inner = 1; inner <= GALE_MAX_DEPTH; inner++) {
		gale_value nested[2 * GALE_MAX_DEPTH + 6] = { 0 }, v = nest(nested, inner);
		gale_value outer[GALE_MAX_DEPTH + 2], received;
		uint8_t bytes[1024];
		size_t n = (size_t)(wire_put_values(bytes, &v, 1) - bytes);

		ck_assert_int_eq(wire_read_values(bytes, n, &received), 1);
		outer[0] = received;
		for (int i = 1; i <= GALE_MAX_DEPTH + 1; i++) {
			outer[i] = gale_list(&outer[i - 1], 1);
			if (inner + i <= GALE_MAX_DEPTH)
				check_value(outer[i]);
			else
				ck_assert_uint_eq(wire_bound(&outer[i], 1, NULL), 0);
		}
	}
}
END_TEST

START_TEST(a_packed_list_nested_33_deep_is_refused)
{
	uint8_t bytes[512], *end = bytes + sizeof bytes, *p = end;
	gale_value values[GALE_MAX_FIELDS];

	*--p = GALE_NULL;
	for (int depth = 1; depth <= GALE_MAX_DEPTH + 1; depth++) {
		uint32_t n = (uint32_t)(end - p);

		p -= 4;
		wire_put32(p, n);
		*--p = 1;
		*--p = GALE_LIST;
		*--p = 1;	/* one value: overwritten by the next list */
		ck_assert_int_eq(wire_read_values(p, (size_t)(end - p), values),
		    depth <= GALE_MAX_DEPTH ? 1 : -1);
		p++;
	}
}
END_TEST

START_TEST(a_value_of_16_mib_comes_back_and_a_larger_one_is_refused)
{
	static const size_t too_large[] = { GALE_MAX_VALUE + 65536, UINT32_MAX };
	char *s = xcalloc(1, GALE_MAX_VALUE);
	gale_value two[] = { gale_string(s, GALE_MAX_VALUE), gale_int(INT64_MIN) };
	gale_value list;
	struct error e;

	check_value(two[0]);
	check_values(two, 2);
	for (int i = 0; i < 2; i++) {
		two[0] = gale_bytes(s, too_large[i]);
		ck_assert_uint_eq(wire_bound(two, 1, &e), 0);
		ck_assert_str_eq(e.text, "values of more than 16777216 bytes");
		list = gale_list(two, 2);
		ck_assert_uint_eq(wire_bound(&list, 1, &e), 0);
	}
	free(s);
}
END_TEST

START_TEST(several_values_share_the_16_mib)
{
	char *s = xcalloc(1, GALE_MAX_VALUE / 2);
	gale_value half[] = { gale_string(s, GALE_MAX_VALUE / 2),
		gale_string(s, GALE_MAX_VALUE / 2), gale_string(s, 65536) };
	gale_value list = gale_list(half, 2);

	check_values(half, 2);
	check_value(list);
	ck_assert_uint_eq(wire_bound(half, 3, NULL), 0);
	list = gale_list(half, 3);
	ck_assert_uint_eq(wire_bound(&list, 1, NULL), 0);
	free(s);
}
END_TEST

/* The limit is on encoded bytes: three a value here, not what the largest would take. */
START_TEST(a_list_of_five_million_small_numbers_fits)
{
	enum { N = 5000000 };
	gale_value *items = xmalloc(N * sizeof *items), list = gale_list(items, N);

	for (int i = 0; i < N; i++)
		items[i] = gale_int(i % 8000);
	ck_assert_uint_lt(wire_bound(&list, 1, NULL), 3 * N + 16);
	check_value(list);
	free(items);
}
END_TEST

/* Each level names the one below twice: 2^32 numbers in 33 values. */
START_TEST(a_value_that_only_looks_small_is_refused_soon)
{
	gale_value level[2 * GALE_MAX_DEPTH + 2];

	level[0] = level[1] = gale_null();
	for (int i = 2; i < 2 * GALE_MAX_DEPTH; i += 2)
		level[i] = level[i + 1] = gale_list(&level[i - 2], 2);
	ck_assert_uint_eq(wire_bound(&level[2 * GALE_MAX_DEPTH - 2], 1, NULL), 0);
}
END_TEST

/* wire_put_flat writes what wire_put_values does, or nothing, and never behind its end. */
START_TEST(flat_values_are_written_as_all_are_where_there_is_room)
{
	int most = getenv("GALE_QUICK") ? 200 : 5000, n_written = 0;
	struct values made = { .state = seed ^ 4 };

	for (int i = 0; i < most; i++) {
		gale_value v = i % 10 ? random_value(&made, 1) : gale_string(NULL, 0);
		size_t bound = wire_bound(&v, 1, NULL);
		size_t room = pick(&made.state, (uint32_t)bound + 20);
		uint8_t *expected = xmalloc(bound), *block = xmalloc(room + 1), *end;

		wire_put_values(expected, &v, 1);
		end = wire_put_flat(block, block + room, &v);
		if (end != NULL) {
			ck_assert_uint_eq((size_t)(end - block), bound - 1);
			ck_assert_mem_eq(block, expected + 1, bound - 1);
			n_written++;
		} else if (v.type == GALE_STRING || v.type == GALE_BYTES || v.type == GALE_INT) {
			ck_assert_uint_lt(room, bound + 16);
		}
		free(expected);
		free(block);
		values_free(&made);
	}
	ck_assert_int_gt(n_written, most / 20);
}
END_TEST

START_TEST(a_value_of_no_type_is_refused)
{
	gale_value v = gale_null(), list = gale_list(&v, 1);
	struct error e;

	v.type = GALE_ANY;
	ck_assert_uint_eq(wire_bound(&v, 1, &e), 0);
	ck_assert_str_eq(e.text, "a value of unknown type 8");
	ck_assert_uint_eq(wire_bound(&list, 1, &e), 0);
}
END_TEST

START_TEST(values_that_are_none_are_refused)
{
	static const struct {
		uint8_t bytes[16];
		size_t n;
	} cases[] = {
		{ { 0 }, 0 },					/* no count */
		{ { 1 }, 1 },					/* no value */
		{ { 0, 0 }, 2 },				/* one too many */
		{ { 1, GALE_ANY }, 2 },				/* no such type */
		{ { 1, 255 }, 2 },
		{ { 1, GALE_BOOL }, 2 },
		{ { 1, GALE_BOOL, 2 }, 3 },
		{ { 1, GALE_INT }, 2 },
		{ { 1, GALE_INT, 0x80 }, 3 },
		{ { 1, GALE_FLOAT, 0, 0, 0, 0, 0, 0, 0 }, 9 },
		{ { 1, GALE_STRING, 1 }, 3 },
		{ { 1, GALE_BYTES, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 }, 12 },
		{ { 1, GALE_LIST, 1, 0, 0, 0 }, 6 },		/* no room for its length */
		{ { 1, GALE_LIST, 0, 1, 0, 0, 0, 0 }, 8 },	/* a byte more than values */
		{ { 1, GALE_LIST, 2, 1, 0, 0, 0, 0 }, 8 },	/* more values than bytes */
		{ { 1, GALE_LIST, 1, 2, 0, 0, 0, 0 }, 8 },	/* longer than what there is */
		{ { 1, GALE_MAP, 1, 1, 0, 0, 0, 0 }, 8 },	/* a key without value */
		{ { 1, GALE_MAP, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1 }, 16 },
		{ { 1, GALE_MAP, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0, 0, 0 }, 12 },
	};
	gale_value values[GALE_MAX_FIELDS];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint8_t *block = exact(cases[i].bytes, cases[i].n);

		ck_assert_msg(wire_read_values(block, cases[i].n, values) == -1, "case %zu", i);
		free(block);
	}
}
END_TEST

/* ---- properties ---- */

static struct sent random_tuple(struct values *made)
{
	uint64_t *state = &made->state;
	uint32_t n = pick(state, 50) ? pick(state, 6) : pick(state, GALE_MAX_FIELDS + 1);
	int depth = pick(state, 50) ? 4 : GALE_MAX_DEPTH;
	gale_value *values = values_block(made, n * sizeof *values);
	struct sent s = { .values = values, .n_values = n, .stream = pick(state, 256),
		.source = pick(state, 1000), .target = pick(state, 1000) };

	for (uint32_t i = 0; i < n; i++)
		values[i] = random_value(made, depth);
	s.n_roots = pick(state, 3) ? pick(state, 2) : pick(state, MAX_ROOTS + 1);
	for (uint32_t i = 0; i < s.n_roots; i++)
		s.roots[i] = 1 + (pick(state, 2) ? pick(state, 1000) : random_next(state) >> 1);
	return s;
}

static struct wire_header random_header(uint64_t *state, uint64_t root)
{
	return (struct wire_header){
		.flags = (uint16_t)pick(state, 8), .source = pick(state, 1000),
		.target = pick(state, 1000), .stream = (uint16_t)pick(state, 100),
		.edge_base = random_next(state),
		.root_base = pick(state, 2) ? root : random_next(state),
	};
}

START_TEST(any_tuples_come_back_as_they_were)
{
	uint32_t most = getenv("GALE_QUICK") ? 1000 : 25000, n_tuples = 0;
	struct values made = { .state = seed };

	while (n_tuples < most) {
		struct sent sent[MAX_TUPLES];
		uint32_t n = pick(&made.state, MAX_TUPLES);
		struct wire_header h;

		for (uint32_t i = 0; i < n; i++) {
			sent[i] = random_tuple(&made);
			check_values(sent[i].values, sent[i].n_values);
		}
		h = random_header(&made.state, n > 0 ? sent[0].roots[0] : 0);
		check_frame(sent, n, &h);
		n_tuples += n;
		values_free(&made);
	}
}
END_TEST

/* check_both: what wire_next has made of a tuple is what wire_next_any makes of it. */
static void check_both(struct wire_reader *any, int more, const struct wire_tuple *t,
    const gale_value *values, const struct wire_reader *after)
{
	gale_value others[GALE_MAX_FIELDS];
	struct buf a = { 0 }, b = { 0 };
	struct wire_tuple o;

	ck_assert_int_eq(wire_next_any(any, &o, others), more);
	if (more <= 0)
		return;
	ck_assert(any->at == after->at && any->root == after->root && any->index == after->index);
	ck_assert(o.edge == t->edge && o.n_roots == t->n_roots && o.n_values == t->n_values);
	ck_assert(o.stream == t->stream && o.source == t->source && o.target == t->target);
	ck_assert(o.body == t->body && o.body_bytes == t->body_bytes);
	ck_assert(o.n_roots == 0 || o.root == t->root);
	for (uint32_t i = 0; i < o.n_values; i++) {
		wire_canonical(&a, &others[i]);
		wire_canonical(&b, &values[i]);
	}
	ck_assert(a.n == b.n && (a.n == 0 || memcmp(a.data, b.data, a.n) == 0));
	buf_free(&a);
	buf_free(&b);
}

/* What a broken frame still gives can be read to its end, and is written and read again. */
static void read_all(const struct wire_reader *reader)
{
	gale_value values[GALE_MAX_FIELDS];
	struct wire_reader r = *reader, any = *reader;
	struct buf text = { 0 };
	struct wire_tuple t;
	uint32_t n = 0;
	int more;

	while (more = wire_next(&r, &t, values), check_both(&any, more, &t, values, &r), more > 0) {
		ck_assert_uint_lt(n++, r.header.count);
		ck_assert_uint_le(t.n_roots, WIRE_ROOTS_MAX);
		for (uint32_t i = 0; i < t.n_roots; i++)
			ck_assert_uint_ne(wire_root(&t, i), 0);
		for (uint32_t i = 0; i < t.n_values; i++) {
			wire_canonical(&text, &values[i]);
			wire_describe(&text, &values[i]);
		}
		ck_assert_int_eq(wire_read_values(t.body, t.body_bytes, values), (int)t.n_values);
	}
	buf_free(&text);
}

/* A frame of a few tuples with everything in it, small enough to be cut at every place. */
static uint8_t *random_small_frame(struct values *made, uint32_t *n, struct sent *sent,
    size_t *size)
{
	struct wire_header h;

	*n = 1 + pick(&made->state, 4);
	for (uint32_t i = 0; i < *n; i++) {
		do
			sent[i] = random_tuple(made);
		while (wire_bound(sent[i].values, sent[i].n_values, NULL) > 400);
	}
	h = random_header(&made->state, sent[0].roots[0]);
	if (pick(&made->state, 2))
		h.flags = 0;	/* where there is a shorter way */
	return make_frame(sent, *n, h, size);
}

static int n_frames(void)
{
	return getenv("GALE_QUICK") ? 5 : 100;
}

START_TEST(a_frame_cut_anywhere_is_refused_behind_the_tuples_it_has_whole)
{
	struct values made = { .state = seed ^ 1 };

	for (int f = 0; f < n_frames(); f++) {
		gale_value values[GALE_MAX_FIELDS];
		struct sent sent[MAX_TUPLES];
		uint32_t n;
		size_t size;
		uint8_t *frame = random_small_frame(&made, &n, sent, &size);

		for (size_t cut = 0; cut < size; cut++) {
			uint8_t *part = exact(frame, cut);
			struct wire_reader r;
			struct wire_tuple t;
			uint32_t i = 0;
			int more;

			ck_assert_int_eq(wire_open(&r, part, cut, NULL), -1);
			if (cut >= WIRE_HEADER) {
				wire_put32(part + 36, (uint32_t)(cut - WIRE_HEADER));
				ck_assert_int_eq(wire_open(&r, part, cut, NULL), 0);
				while ((more = wire_next(&r, &t, values)) > 0) {
					check_tuple(&t, values, &sent[i], &r.header, i);
					i++;
				}
				ck_assert_int_eq(more, -1);
				ck_assert_uint_lt(i, n);
			}
			free(part);
		}
		free(frame);
		values_free(&made);
	}
}
END_TEST

START_TEST(a_frame_with_any_byte_changed_is_refused_or_harmless)
{
	static const uint8_t changes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 0xff, 0x7f, 0x80 ^ 0x01 };
	struct values made = { .state = seed ^ 2 };

	for (int f = 0; f < n_frames(); f++) {
		struct sent sent[MAX_TUPLES];
		uint32_t n;
		size_t size;
		uint8_t *frame = random_small_frame(&made, &n, sent, &size);

		for (size_t at = 0; at < size; at++)
			for (size_t i = 0; i < sizeof changes; i++) {
				struct wire_reader r;

				frame[at] ^= changes[i];
				if (wire_open(&r, frame, size, NULL) == 0)
					read_all(&r);
				frame[at] ^= changes[i];
			}
		free(frame);
		values_free(&made);
	}
}
END_TEST

/* ---- canonical bytes ---- */

static struct buf canon_a, canon_b;

static bool same_canon(const gale_value *a, const gale_value *b)
{
	canon_a.n = canon_b.n = 0;
	wire_canonical(&canon_a, a);
	wire_canonical(&canon_b, b);
	return canon_a.n == canon_b.n && memcmp(canon_a.data, canon_b.data, canon_a.n) == 0;
}

START_TEST(canonical_bytes_are_the_same_packed_or_not)
{
	int most = getenv("GALE_QUICK") ? 200 : 5000;
	struct values made = { .state = seed ^ 3 };

	for (int i = 0; i < most; i++) {
		gale_value v = random_value(&made, i % 50 ? 4 : GALE_MAX_DEPTH), back;
		uint8_t *bytes = values_block(&made, wire_bound(&v, 1, NULL));
		size_t n = (size_t)(wire_put_values(bytes, &v, 1) - bytes);

		ck_assert_int_eq(wire_read_values(bytes, n, &back), 1);
		ck_assert(same_canon(&v, &back));
		values_free(&made);
	}
}
END_TEST

START_TEST(there_is_one_zero_and_one_nan)
{
	gale_value zero = gale_float(0.0), minus = gale_float(-0.0);
	gale_value nan_a = gale_float(__builtin_nan(""));
	gale_value nan_b = gale_float(-__builtin_nan("123"));
	gale_value list_a = gale_list(&zero, 1), list_b = gale_list(&minus, 1);

	ck_assert(same_canon(&zero, &minus));
	ck_assert(same_canon(&nan_a, &nan_b));
	ck_assert(same_canon(&list_a, &list_b));
	ck_assert(!same_canon(&zero, &nan_a));
}
END_TEST

/* All different from each other, though some look alike. */
START_TEST(different_values_have_different_canonical_bytes)
{
	gale_value one = gale_int(1), ones[] = { gale_int(1), gale_int(1) };
	gale_value inner = gale_list(&one, 1), a_b[] = { gale_text("a"), gale_text("b") };
	gale_value ab = gale_text("ab"), b_a[] = { gale_text("b"), gale_text("a") };
	gale_value null_in = gale_null();
	gale_value all[] = {
		gale_null(), gale_bool(false), gale_bool(true), gale_int(0), gale_int(1),
		gale_int(-1), gale_int(256), gale_float(0), gale_float(1), gale_float(-1),
		gale_float(__builtin_nan("")), gale_float(__builtin_inf()), gale_string("", 0),
		gale_bytes("", 0), gale_text("a"), gale_bytes("a", 1), gale_text("A"),
		gale_text("a "), gale_string("a", 2), gale_text("1"), gale_text("true"),
		gale_list(NULL, 0), gale_map(NULL, 0), gale_list(&one, 1), gale_list(ones, 2),
		gale_map(ones, 1), gale_list(&inner, 1), gale_list(a_b, 2), gale_list(&ab, 1),
		gale_list(b_a, 2), gale_map(a_b, 1), gale_map(b_a, 1), gale_list(&null_in, 1),
	};
	size_t n = sizeof all / sizeof *all;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			ck_assert_msg(same_canon(&all[i], &all[k]) == (i == k),
			    "values %zu and %zu", i, k);
}
END_TEST

/* ---- text ---- */

static struct buf text;

static const char *describe(gale_value v)
{
	text.n = 0;
	wire_describe(&text, &v);
	return buf_text(&text);
}

/* describe_received gives the text of V as somebody receives it; both must be the same. */
static const char *describe_received(gale_value v)
{
	char *made = xstrdup(describe(v));
	uint8_t bytes[1000];
	gale_value back;

	wire_put_values(bytes, &v, 1);
	ck_assert_int_eq(wire_read_values(bytes, wire_bound(&v, 1, NULL), &back), 1);
	ck_assert_str_eq(describe(back), made);
	free(made);
	return buf_text(&text);
}

START_TEST(plain_values_are_described_as_json)
{
	ck_assert_str_eq(describe(gale_null()), "null");
	ck_assert_str_eq(describe(gale_bool(true)), "true");
	ck_assert_str_eq(describe(gale_bool(false)), "false");
	ck_assert_str_eq(describe(gale_int(INT64_MIN)), "-9223372036854775808");
	ck_assert_str_eq(describe(gale_int(INT64_MAX)), "9223372036854775807");
	ck_assert_str_eq(describe(gale_text("the")), "\"the\"");
	ck_assert_str_eq(describe(gale_text("")), "\"\"");
	ck_assert_str_eq(describe(gale_string("a\"\\\n\t\r\x01\x7f\0b", 10)),
	    "\"a\\\"\\\\\\n\\t\\u000d\\u0001\\u007f\\u0000b\"");
	ck_assert_str_eq(describe(gale_text("\xc3\xa4\xf0\x9f\x98\x80")),
	    "\"\xc3\xa4\xf0\x9f\x98\x80\"");
}
END_TEST

START_TEST(a_float_is_described_so_that_it_stays_one)
{
	static const double all[] = { 0.1, 1.0 / 3, 1e22, 1e21, 123456789012345680.0, 5e-324,
		1.7976931348623157e308, -2.5, 1e15 };

	ck_assert_str_eq(describe(gale_float(3)), "3.0");
	ck_assert_str_eq(describe(gale_float(-0.0)), "-0.0");
	ck_assert_str_eq(describe(gale_float(1.5)), "1.5");
	ck_assert_str_eq(describe(gale_float(1e300)), "1.0000000000000001e+300");
	ck_assert_str_eq(describe(gale_float(__builtin_inf())), "1e999");
	ck_assert_str_eq(describe(gale_float(-__builtin_inf())), "-1e999");
	ck_assert_str_eq(describe(gale_float(__builtin_nan(""))), "null");
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const char *s = describe(gale_float(all[i]));

		ck_assert(strtod(s, NULL) == all[i]);
		ck_assert_ptr_nonnull(strpbrk(s, ".e"));
	}
}
END_TEST

START_TEST(bytes_and_invalid_utf8_are_described_as_base64)
{
	static const char *const invalid[] = {
		"\xff", "\x80", "\xc3", "a\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xe2\x82", "ok\xfe", "\xc3(",
	};

	ck_assert_str_eq(describe(gale_bytes("", 0)), "{\"$bytes\":\"\"}");
	ck_assert_str_eq(describe(gale_bytes("M", 1)), "{\"$bytes\":\"TQ==\"}");
	ck_assert_str_eq(describe(gale_bytes("Ma", 2)), "{\"$bytes\":\"TWE=\"}");
	ck_assert_str_eq(describe(gale_bytes("Man", 3)), "{\"$bytes\":\"TWFu\"}");
	ck_assert_str_eq(describe(gale_bytes("\xfb\xff\xfe\0", 4)), "{\"$bytes\":\"+//+AA==\"}");
	ck_assert_str_eq(describe(gale_text("\xff")), "{\"$string\":\"/w==\"}");
	for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
		ck_assert_msg(strncmp(describe(gale_text(invalid[i])), "{\"$string\":\"", 12) == 0,
		    "%s", text.data);
}
END_TEST

START_TEST(lists_and_maps_are_described_in_order)
{
	gale_value one = gale_int(1), pairs[] = { gale_text("b"), gale_int(1), gale_int(2),
		gale_null(), gale_bytes("x", 1), gale_list(&one, 1) };
	gale_value in[] = { gale_map(pairs, 1), gale_list(NULL, 0) };

	ck_assert_str_eq(describe_received(gale_list(NULL, 0)), "[]");
	ck_assert_str_eq(describe_received(gale_map(NULL, 0)), "{\"$map\":[]}");
	ck_assert_str_eq(describe_received(gale_list(pairs, 4)), "[\"b\",1,2,null]");
	ck_assert_str_eq(describe_received(gale_map(pairs, 3)),
	    "{\"$map\":[[\"b\",1],[2,null],[{\"$bytes\":\"eA==\"},[1]]]}");
	ck_assert_str_eq(describe_received(gale_list(in, 2)), "[{\"$map\":[[\"b\",1]]},[]]");
}
END_TEST

/* ---- all of it ---- */

static TCase *frames(void)
{
	TCase *c = tcase_create("frames");

	tcase_add_test(c, every_field_of_the_header_comes_back);
	tcase_add_test(c, what_is_no_frame_is_refused_with_a_reason);
	tcase_add_test(c, a_marker_has_no_tuples);
	tcase_add_test(c, the_word_the_costs_nine_bytes_with_acking);
	tcase_add_test(c, roots_of_any_distance_come_back);
	tcase_add_test(c, tuples_without_root_leave_the_root_before_as_it_is);
	tcase_add_test(c, root_0_is_refused);
	tcase_add_test(c, an_empty_list_of_roots_is_refused);
	tcase_add_test(c, more_than_4096_roots_are_refused);
	tcase_add_test(c, task_numbers_beyond_32_bits_are_refused);
	tcase_add_test(c, a_varint_that_does_not_end_is_refused);
	tcase_add_test(c, bytes_behind_the_last_tuple_are_refused);
	tcase_add_test(c, any_tuples_come_back_as_they_were);
	tcase_add_test(c, a_frame_cut_anywhere_is_refused_behind_the_tuples_it_has_whole);
	tcase_add_test(c, a_frame_with_any_byte_changed_is_refused_or_harmless);
	return c;
}

static TCase *values(void)
{
	TCase *c = tcase_create("values");

	tcase_add_test(c, values_of_every_type_come_back);
	tcase_add_test(c, empty_strings_lists_and_maps_come_back);
	tcase_add_test(c, lengths_about_the_limits_of_a_varint_come_back);
	tcase_add_test(c, a_tuple_has_255_values_at_most);
	tcase_add_test(c, values_nest_32_deep_and_no_deeper);
	tcase_add_test(c, a_received_list_inside_others_is_not_too_deep_unnoticed);
	tcase_add_test(c, a_packed_list_nested_33_deep_is_refused);
	tcase_add_test(c, a_value_of_16_mib_comes_back_and_a_larger_one_is_refused);
	tcase_add_test(c, several_values_share_the_16_mib);
	tcase_add_test(c, a_list_of_five_million_small_numbers_fits);
	tcase_add_test(c, a_value_that_only_looks_small_is_refused_soon);
	tcase_add_test(c, flat_values_are_written_as_all_are_where_there_is_room);
	tcase_add_test(c, a_value_of_no_type_is_refused);
	tcase_add_test(c, values_that_are_none_are_refused);
	return c;
}

static TCase *forms(void)
{
	TCase *c = tcase_create("canonical bytes and text");

	tcase_add_test(c, canonical_bytes_are_the_same_packed_or_not);
	tcase_add_test(c, there_is_one_zero_and_one_nan);
	tcase_add_test(c, different_values_have_different_canonical_bytes);
	tcase_add_test(c, plain_values_are_described_as_json);
	tcase_add_test(c, a_float_is_described_so_that_it_stays_one);
	tcase_add_test(c, bytes_and_invalid_utf8_are_described_as_base64);
	tcase_add_test(c, lists_and_maps_are_described_in_order);
	return c;
}

int main(void)
{
	TCase *cases[] = { frames(), values(), forms() };
	Suite *suite = suite_create("wire");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tcase_set_timeout(cases[i], 300);
		suite_add_tcase(suite, cases[i]);
	}
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	buf_free(&canon_a);
	buf_free(&canon_b);
	buf_free(&text);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
