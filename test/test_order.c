/* test_order.c - positions, orders and reports as bytes, and whatever else comes as bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "order.h"
#include "seed.h"
#include "wire.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { ROUNDS = 3000, TXID = 7, GENERATION = 9 };

static uint64_t seed;
static struct buf bytes;
static struct order x, again;

static void begin(void)
{
	x = again = (struct order){ 0 };
}

static void finish(void)
{
	offsets_free(&x.offsets);
	order_free(&again);
	buf_free(&bytes);
}

/* ---- offsets ---- */

static void fill(struct offset *o, uint64_t *state)
{
	o->known = pick(state, 2) != 0;
	o->next = random_next(state);
	o->n_blob = pick(state, 3) == 0 ? pick(state, GALE_MAX_POSITION + 1) : 0;
	for (uint32_t i = 0; i < o->n_blob; i++)
		o->blob[i] = (uint8_t)random_next(state);
}

static void make_offsets(struct offsets *o, uint64_t *state)
{
	for (uint32_t n = pick(state, 6); n > 0; n--)
		fill(offsets_at(o, pick(state, 10)), state);
}

static void same_offsets(const struct offsets *a, const struct offsets *b)
{
	ck_assert_uint_eq(a->n, b->n);
	for (uint32_t i = 0; i < a->n; i++) {
		const struct offset *p = &a->items[i], *q = offsets_find(b, p->task);

		ck_assert_ptr_nonnull(q);
		ck_assert(p->known == q->known && p->next == q->next && p->n_blob == q->n_blob);
		ck_assert(memcmp(p->blob, q->blob, p->n_blob) == 0);
	}
}

START_TEST(an_offset_that_is_not_there_is_made_once)
{
	ck_assert_ptr_null(offsets_find(&x.offsets, 3));
	offsets_at(&x.offsets, 3)->next = 30;
	offsets_at(&x.offsets, 1)->next = 10;
	ck_assert_uint_eq(offsets_at(&x.offsets, 3)->next, 30);
	ck_assert_uint_eq(x.offsets.n, 2);
	ck_assert(!offsets_find(&x.offsets, 1)->known);
	ck_assert_ptr_null(offsets_find(&x.offsets, 2));
}
END_TEST

START_TEST(what_is_merged_replaces_and_adds)
{
	struct offsets more = { 0 };

	*offsets_at(&x.offsets, 1) = (struct offset){ .task = 1, .known = true, .next = 5, .n_blob = 1, .blob = "a" };
	*offsets_at(&x.offsets, 2) = (struct offset){ .task = 2, .known = true, .next = 6 };
	*offsets_at(&more, 1) = (struct offset){ .task = 1, .known = true, .next = 7 };
	*offsets_at(&more, 3) = (struct offset){ .task = 3 };
	offsets_merge(&x.offsets, &more);
	offsets_free(&more);
	ck_assert_uint_eq(x.offsets.n, 3);
	ck_assert_uint_eq(offsets_find(&x.offsets, 1)->next, 7);
	ck_assert_uint_eq(offsets_find(&x.offsets, 1)->n_blob, 0);
	ck_assert_uint_eq(offsets_find(&x.offsets, 2)->next, 6);
	ck_assert(!offsets_find(&x.offsets, 3)->known);
}
END_TEST

/* The layout is on disk and between versions: it stays. */
START_TEST(the_bytes_of_offsets_are_these)
{
	static const uint8_t want[] = { 1, 0, 0, 0, 3, 0, 0, 0, 1, 0x2c, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 'a', 'b' };

	*offsets_at(&x.offsets, 3) = (struct offset){ .task = 3, .known = true, .next = 300, .n_blob = 2,
		.blob = "ab" };
	offsets_write(&x.offsets, &bytes);
	ck_assert_uint_eq(bytes.n, sizeof want);
	ck_assert_mem_eq(bytes.data, want, sizeof want);
}
END_TEST

START_TEST(offsets_are_read_as_written_and_no_further)
{
	uint64_t state = seed;

	for (int i = 0; i < ROUNDS; i++) {
		struct offsets o = { 0 }, got = { 0 };
		const uint8_t *at;

		make_offsets(&o, &state);
		bytes.n = 0;
		offsets_write(&o, &bytes);
		buf_add(&bytes, "more", 4);
		at = (const uint8_t *)bytes.data;
		ck_assert(offsets_read(&got, &at, at + bytes.n));
		ck_assert_ptr_eq(at, bytes.data + bytes.n - 4);
		same_offsets(&o, &got);
		offsets_free(&o);
		offsets_free(&got);
	}
}
END_TEST

START_TEST(a_blob_that_is_too_long_is_refused)
{
	uint8_t head[4 + 17 + GALE_MAX_POSITION + 1] = { 1 };
	const uint8_t *at = head;

	wire_put32(head + 17, GALE_MAX_POSITION + 1);
	ck_assert(!offsets_read(&x.offsets, &at, head + sizeof head));
	wire_put32(head + 17, GALE_MAX_POSITION);
	ck_assert(offsets_read(&x.offsets, &at, head + sizeof head - 1));
}
END_TEST

/* ---- orders ---- */

static char text[ORDER_TEXT_MAX + 100];

static void make_order(uint64_t *state)
{
	offsets_free(&x.offsets);
	x = (struct order){ .kind = (enum order_kind)(1 + pick(state, ORDER_KINDS - 1)), .txid = random_next(state),
		.generation = random_next(state), .final = pick(state, 2) != 0, .planned = pick(state, 2) != 0,
		.roles = (uint8_t)random_next(state), .n = random_next(state), .text = text,
		.n_text = pick(state, 2) != 0 ? pick(state, ORDER_TEXT_MAX + 1) : 0 };
	for (uint32_t i = 0; i < x.n_text; i++)
		text[i] = (char)random_next(state);
	make_offsets(&x.offsets, state);
	bytes.n = 0;
	order_write(&x, &bytes);
}

/* read_exactly gives N bytes in a piece of memory of just that size, so that a byte too far is
 * seen by those who look for it. */
static bool read_exactly(const void *at, size_t n)
{
	uint8_t *copy = xmalloc(n + !n);
	bool ok;

	memcpy(copy, at, n);
	order_free(&again);
	ok = order_read(&again, copy, n, x.txid, x.generation);
	ck_assert(!ok || again.n_text == 0 || ((const uint8_t *)again.text >= copy &&
	    (const uint8_t *)again.text + again.n_text <= copy + n));
	free(copy);
	return ok;
}

START_TEST(every_order_is_read_as_written)
{
	uint64_t state = seed;

	for (int i = 0; i < ROUNDS; i++) {
		make_order(&state);
		ck_assert(read_exactly(bytes.data, bytes.n));
		ck_assert(again.kind == x.kind && again.txid == x.txid && again.generation == x.generation);
		ck_assert(again.final == x.final && again.planned == x.planned);
		ck_assert(again.roles == x.roles && again.n == x.n);
		ck_assert_uint_eq(again.n_text, x.n_text);
		same_offsets(&x.offsets, &again.offsets);
	}
}
END_TEST

/* Those of doc/wire.md. */
START_TEST(the_bytes_of_a_report_are_these)
{
	static const uint8_t want[] = { 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1,
		0x2c, 1, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 'b', '.', 't', 'x', 't', 0, 0, 0, 0 };

	x.kind = REPORT_CUT;
	*offsets_at(&x.offsets, 0) = (struct offset){ .known = true, .next = 300, .n_blob = 5, .blob = "b.txt" };
	order_write(&x, &bytes);
	ck_assert_uint_eq(bytes.n, sizeof want);
	ck_assert_mem_eq(bytes.data, want, sizeof want);
	bytes.n = 0;
	x.kind = ORDER_BEGIN;
	x.planned = true;
	order_write(&x, &bytes);
	ck_assert_mem_eq(bytes.data, ((const uint8_t[]){ 2, 2 }), 2);
	ck_assert_mem_eq(bytes.data + 2, want + 2, sizeof want - 2);
}
END_TEST

START_TEST(an_order_says_its_text)
{
	x = (struct order){ .kind = REPORT_FAILED, .text = "split[0]: too hot", .n_text = 17 };
	order_write(&x, &bytes);
	ck_assert(order_read(&again, (const uint8_t *)bytes.data, bytes.n, TXID, GENERATION));
	ck_assert_uint_eq(again.n_text, 17);
	ck_assert_mem_eq(again.text, "split[0]: too hot", 17);
	ck_assert_uint_eq(again.txid, TXID);
	ck_assert_uint_eq(again.generation, GENERATION);
}
END_TEST

START_TEST(a_long_text_is_cut)
{
	memset(text, 'x', sizeof text);
	x = (struct order){ .kind = REPORT_FAILED, .text = text, .n_text = sizeof text };
	order_write(&x, &bytes);
	ck_assert(order_read(&again, (const uint8_t *)bytes.data, bytes.n, TXID, GENERATION));
	ck_assert_uint_eq(again.n_text, ORDER_TEXT_MAX);
}
END_TEST

START_TEST(every_truncation_is_refused_and_so_is_a_byte_more)
{
	uint64_t state = seed;

	for (int i = 0; i < ROUNDS / 30; i++) {
		make_order(&state);
		for (size_t n = 0; n < bytes.n; n++)
			ck_assert(!read_exactly(bytes.data, n));
		buf_add(&bytes, "", 1);
		ck_assert(!read_exactly(bytes.data, bytes.n));
	}
}
END_TEST

START_TEST(kinds_that_do_not_exist_are_refused)
{
	x.kind = ORDER_OVER;
	order_write(&x, &bytes);
	for (int kind = 0; kind < 256; kind++) {
		bytes.data[0] = (char)kind;
		ck_assert_int_eq(read_exactly(bytes.data, bytes.n), kind >= ORDER_RESET && kind < ORDER_KINDS);
	}
}
END_TEST

/* Flipped bytes and noise: refused, or something that can be written and read again. */
START_TEST(any_bytes_do_no_harm)
{
	uint64_t state = seed;

	for (int i = 0; i < ROUNDS; i++) {
		make_order(&state);
		for (uint32_t n = pick(&state, 4); n > 0; n--)
			bytes.data[pick(&state, (uint32_t)bytes.n)] = (char)random_next(&state);
		read_exactly(bytes.data, bytes.n);
		bytes.n = pick(&state, (uint32_t)bytes.n + 1);
		for (size_t k = 0; k < bytes.n; k++)
			bytes.data[k] = (char)pick(&state, 20);
		read_exactly(bytes.data, bytes.n);
	}
}
END_TEST

START_TEST(a_count_allocates_nothing)
{
	uint8_t body[11 + 4 + 17 + 4] = { ORDER_RESET };

	wire_put32(body + 11, UINT32_MAX);
	ck_assert(!read_exactly(body, sizeof body));
	ck_assert_ptr_null(again.offsets.items);
	wire_put32(body + 11, 2);
	ck_assert(!read_exactly(body, sizeof body));
	ck_assert_ptr_null(again.offsets.items);
	wire_put32(body + 11, 1);
	ck_assert(read_exactly(body, sizeof body));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("order");
	TCase *c = tcase_create("order");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, an_offset_that_is_not_there_is_made_once);
	tcase_add_test(c, what_is_merged_replaces_and_adds);
	tcase_add_test(c, the_bytes_of_offsets_are_these);
	tcase_add_test(c, offsets_are_read_as_written_and_no_further);
	tcase_add_test(c, a_blob_that_is_too_long_is_refused);
	tcase_add_test(c, every_order_is_read_as_written);
	tcase_add_test(c, the_bytes_of_a_report_are_these);
	tcase_add_test(c, an_order_says_its_text);
	tcase_add_test(c, a_long_text_is_cut);
	tcase_add_test(c, every_truncation_is_refused_and_so_is_a_byte_more);
	tcase_add_test(c, kinds_that_do_not_exist_are_refused);
	tcase_add_test(c, any_bytes_do_no_harm);
	tcase_add_test(c, a_count_allocates_nothing);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
