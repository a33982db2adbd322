/* test_record.c - what workers and ackers tell each other.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "record.h"
#include "seed.h"
#include "wire.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static uint64_t seed;

/* ---- writing what record.c has no function for (fold.c does it in passing) ---- */

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

static void put_run(struct buf *b, uint8_t type, uint64_t root, uint32_t n)
{
	put8(b, type);
	put64(b, root);
	put32(b, n);
	for (uint32_t i = 0; i < n; i++)
		put64(b, random_mix(i));
}

static void put_list(struct buf *b, uint8_t type, const uint64_t *roots, uint32_t n)
{
	put8(b, type);
	put32(b, n);
	for (uint32_t i = 0; i < n; i++) {
		put64(b, roots[i]);
		put64(b, random_mix(i));
	}
}

/* ---- reading ---- */

typedef int next_fn(const uint8_t **at, const uint8_t *end, struct record *r);

/* A body in a block of its exact size: reading past it is caught. */
struct body {
	uint8_t *bytes;
	const uint8_t *at, *end;
};

static struct body body_of(const void *bytes, size_t n)
{
	struct body b = { .bytes = xmalloc(n) };

	if (n > 0)
		memcpy(b.bytes, bytes, n);
	b.at = b.bytes;
	b.end = b.bytes + n;
	return b;
}

/* only reads B's one record, which must be all there is. */
static struct record only(struct body *b, next_fn *next)
{
	struct record r;

	ck_assert_int_eq(next(&b->at, b->end, &r), 1);
	ck_assert_ptr_eq(b->at, b->end);
	ck_assert_int_eq(next(&b->at, b->end, &r), 0);
	return r;
}

/* check_refused: what B holds begins with no record, and nothing is stepped over. */
static void check_refused(struct buf *b, next_fn *next)
{
	struct body body = body_of(b->data, b->n);
	struct record r;

	ck_assert_int_eq(next(&body.at, body.end, &r), -1);
	ck_assert_ptr_eq(body.at, body.bytes);
	free(body.bytes);
	buf_free(b);
}

START_TEST(runs_come_back)
{
	static const uint8_t types[] = { RECORD_INIT_RUN, RECORD_ACK_RUN };
	static const struct {
		uint64_t root;
		uint32_t n;
	} cases[] = { { 1, 1 }, { 77, 5000 }, { UINT64_MAX, 1 }, { UINT64_MAX - 9, 10 } };

	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		uint64_t root = cases[i / 2].root;
		uint32_t n = cases[i / 2].n;
		struct buf b = { 0 };
		struct body body;
		struct record r;

		put_run(&b, types[i % 2], root, n);
		body = body_of(b.data, b.n);
		r = only(&body, record_next);
		ck_assert_uint_eq(r.type, types[i % 2]);
		ck_assert_uint_eq(r.root, root);
		ck_assert_uint_eq(r.n, n);
		for (uint32_t k = 0; k < n; k++)
			ck_assert_uint_eq(wire_get64(r.body + 8 * (size_t)k), random_mix(k));
		free(body.bytes);
		buf_free(&b);
	}
}
END_TEST

START_TEST(lists_come_back)
{
	static const uint64_t roots[] = { 9, UINT64_MAX, 1, 9 };
	static const uint8_t types[] = { RECORD_INIT_LIST, RECORD_ACK_LIST };

	for (uint32_t i = 0; i < 8; i++) {
		uint32_t n = i / 2 + 1;
		struct buf b = { 0 };
		struct body body;
		struct record r;

		put_list(&b, types[i % 2], roots, n);
		body = body_of(b.data, b.n);
		r = only(&body, record_next);
		ck_assert_uint_eq(r.type, types[i % 2]);
		ck_assert_uint_eq(r.n, n);
		for (uint32_t k = 0; k < n; k++) {
			ck_assert_uint_eq(wire_get64(r.body + 16 * (size_t)k), roots[k]);
			ck_assert_uint_eq(wire_get64(r.body + 16 * (size_t)k + 8), random_mix(k));
		}
		free(body.bytes);
		buf_free(&b);
	}
}
END_TEST

START_TEST(fail_reset_and_void_come_back)
{
	struct buf b = { 0 };
	struct body body;
	struct record r;

	record_put_fail(&b, UINT64_MAX, 3, "no such \xff user", 14);
	record_put_fail(&b, 1, UINT32_MAX, "", 0);
	record_put_reset(&b, 7, 4);
	record_put_void(&b, 8);
	body = body_of(b.data, b.n);
	ck_assert_int_eq(record_next(&body.at, body.end, &r), 1);
	ck_assert_uint_eq(r.type, RECORD_FAIL);
	ck_assert_uint_eq(r.root, UINT64_MAX);
	ck_assert_uint_eq(r.task, 3);
	ck_assert_uint_eq(r.n_text, 14);
	ck_assert_mem_eq(r.text, "no such \xff user", 14);
	ck_assert_int_eq(record_next(&body.at, body.end, &r), 1);
	ck_assert_uint_eq(r.task, UINT32_MAX);
	ck_assert_uint_eq(r.n_text, 0);
	ck_assert_int_eq(record_next(&body.at, body.end, &r), 1);
	ck_assert_uint_eq(r.type, RECORD_RESET);
	ck_assert_uint_eq(r.root, 7);
	ck_assert_uint_eq(r.task, 4);
	r = only(&body, record_next);
	ck_assert_uint_eq(r.type, RECORD_VOID);
	ck_assert_uint_eq(r.root, 8);
	free(body.bytes);
	buf_free(&b);
}
END_TEST

START_TEST(verdicts_come_back)
{
	struct record ended = { .verdict = 2, .root = 5, .task = 6, .age_ms = 30001,
		.silent_ms = UINT64_MAX, .text = "gone", .n_text = 4 };
	struct buf b = { 0 };
	struct body body;
	struct record r;

	verdict_put_acked(&b, UINT64_MAX - 9, 10);
	verdict_put_ended(&b, &ended);
	verdict_put_extended(&b, 11);
	body = body_of(b.data, b.n);
	ck_assert_int_eq(verdict_next(&body.at, body.end, &r), 1);
	ck_assert_uint_eq(r.type, VERDICT_ACKED_RUN);
	ck_assert_uint_eq(r.root, UINT64_MAX - 9);
	ck_assert_uint_eq(r.n, 10);
	ck_assert_int_eq(verdict_next(&body.at, body.end, &r), 1);
	ck_assert_uint_eq(r.type, VERDICT_ENDED);
	ck_assert_uint_eq(r.verdict, 2);
	ck_assert_uint_eq(r.root, 5);
	ck_assert_uint_eq(r.task, 6);
	ck_assert_uint_eq(r.age_ms, 30001);
	ck_assert_uint_eq(r.silent_ms, UINT64_MAX);
	ck_assert_uint_eq(r.n_text, 4);
	ck_assert_mem_eq(r.text, "gone", 4);
	r = only(&body, verdict_next);
	ck_assert_uint_eq(r.type, VERDICT_EXTENDED);
	ck_assert_uint_eq(r.root, 11);
	free(body.bytes);
	buf_free(&b);
}
END_TEST

START_TEST(a_long_text_is_cut)
{
	char text[RECORD_TEXT_MAX + 500];
	struct record ended = { .root = 1, .text = text, .n_text = sizeof text }, r;
	struct buf b = { 0 };
	struct body body;

	memset(text, 'x', sizeof text);
	record_put_fail(&b, 1, 2, text, sizeof text);
	body = body_of(b.data, b.n);
	r = only(&body, record_next);
	ck_assert_uint_eq(r.n_text, RECORD_TEXT_MAX);
	free(body.bytes);
	b.n = 0;
	verdict_put_ended(&b, &ended);
	body = body_of(b.data, b.n);
	r = only(&body, verdict_next);
	ck_assert_uint_eq(r.n_text, RECORD_TEXT_MAX);
	free(body.bytes);
	buf_free(&b);
}
END_TEST

/* ---- refusing ---- */

START_TEST(root_0_is_refused_everywhere)
{
	static const uint64_t roots[] = { 5, 0 };
	struct record ended = { .text = "" };
	struct buf b = { 0 };

	put_run(&b, RECORD_INIT_RUN, 0, 3);
	check_refused(&b, record_next);
	put_run(&b, RECORD_ACK_RUN, 0, 1);
	check_refused(&b, record_next);
	put_list(&b, RECORD_INIT_LIST, roots, 2);
	check_refused(&b, record_next);
	put_list(&b, RECORD_ACK_LIST, roots, 2);
	check_refused(&b, record_next);
	record_put_fail(&b, 0, 1, "x", 1);
	check_refused(&b, record_next);
	record_put_reset(&b, 0, 1);
	check_refused(&b, record_next);
	record_put_void(&b, 0);
	check_refused(&b, record_next);
	verdict_put_acked(&b, 0, 1);
	check_refused(&b, verdict_next);
	verdict_put_extended(&b, 0);
	check_refused(&b, verdict_next);
	verdict_put_ended(&b, &ended);
	check_refused(&b, verdict_next);
}
END_TEST

START_TEST(a_run_that_wraps_past_the_last_root_is_refused)
{
	struct buf b = { 0 };

	put_run(&b, RECORD_INIT_RUN, UINT64_MAX - 9, 11);	/* root 0 would be in it */
	check_refused(&b, record_next);
	put_run(&b, RECORD_ACK_RUN, UINT64_MAX, 2);
	check_refused(&b, record_next);
	put_run(&b, RECORD_ACK_RUN, UINT64_MAX - 9, 20);
	check_refused(&b, record_next);
	verdict_put_acked(&b, UINT64_MAX - 9, 11);
	check_refused(&b, verdict_next);
	verdict_put_acked(&b, 2, UINT32_MAX);
	check_refused(&b, verdict_next);
}
END_TEST

START_TEST(empty_runs_and_lists_are_refused)
{
	struct buf b = { 0 };

	put_run(&b, RECORD_INIT_RUN, 5, 0);
	check_refused(&b, record_next);
	put_list(&b, RECORD_ACK_LIST, NULL, 0);
	check_refused(&b, record_next);
	verdict_put_acked(&b, 5, 0);
	check_refused(&b, verdict_next);
}
END_TEST

START_TEST(counts_beyond_what_is_there_are_refused)
{
	static const uint32_t counts[] = { 2, 1000, 1 << 28, 1u << 29, 1u << 31, UINT32_MAX };

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		for (uint8_t type = RECORD_INIT_RUN; type <= RECORD_ACK_LIST; type++) {
			struct buf b = { 0 };
			uint64_t root = 1;

			if (type == RECORD_INIT_RUN || type == RECORD_ACK_RUN)
				put_run(&b, type, 1, 1);
			else
				put_list(&b, type, &root, 1);
			memcpy(b.data + (type % 2 ? 9 : 1), &counts[i], 4);
			check_refused(&b, record_next);
		}
}
END_TEST

START_TEST(unknown_types_and_long_texts_are_refused)
{
	struct buf b = { 0 };
	uint16_t too_long = RECORD_TEXT_MAX + 1;

	for (int type = 0; type < 256; type++) {
		char rest[64];

		memset(rest, 1, sizeof rest);
		if (type == 0 || type > RECORD_VOID) {
			put8(&b, (uint8_t)type);
			buf_add(&b, rest, sizeof rest);
			check_refused(&b, record_next);
		}
		if (type == 0 || type > VERDICT_EXTENDED) {
			put8(&b, (uint8_t)type);
			buf_add(&b, rest, sizeof rest);
			check_refused(&b, verdict_next);
		}
	}
	put8(&b, RECORD_FAIL);
	put64(&b, 1);
	put32(&b, 1);
	buf_add(&b, &too_long, 2);
	for (int i = 0; i <= RECORD_TEXT_MAX; i++)
		put8(&b, 'x');
	check_refused(&b, record_next);
}
END_TEST

/* ---- broken bodies ---- */

/* one_of_each makes a body of all kinds of records in random order, a few times. */
static void one_of_each(struct buf *b, uint64_t *state, bool verdicts)
{
	for (uint32_t i = 0; i < 8; i++) {
		uint64_t roots[5] = { 1 + (random_next(state) >> 1), 2, UINT64_MAX, 3, 9 };
		struct record ended = { .root = roots[0], .text = "why",
			.n_text = pick(state, 4) };
		uint32_t n = 1 + pick(state, 5), last = verdicts ? VERDICT_EXTENDED : RECORD_VOID;
		uint8_t type = (uint8_t)(1 + pick(state, last));

		if (verdicts && type == VERDICT_ACKED_RUN)
			verdict_put_acked(b, roots[0], n);
		else if (verdicts && type == VERDICT_ENDED)
			verdict_put_ended(b, &ended);
		else if (verdicts)
			verdict_put_extended(b, roots[0]);
		else if (type == RECORD_INIT_RUN || type == RECORD_ACK_RUN)
			put_run(b, type, roots[0], n);
		else if (type == RECORD_INIT_LIST || type == RECORD_ACK_LIST)
			put_list(b, type, roots, n);
		else if (type == RECORD_FAIL)
			record_put_fail(b, roots[0], n, "reason", n);
		else if (type == RECORD_RESET)
			record_put_reset(b, roots[0], n);
		else
			record_put_void(b, roots[0]);
	}
}

static volatile uint64_t seen;	/* so that reading is not left out */

/* walk reads all of a body to the end of each record; returns how many records it had whole,
 * and in *LAST what came after them. */
static uint32_t walk(const uint8_t *bytes, size_t n, next_fn *next, int *last)
{
	struct body b = body_of(bytes, n);
	const uint8_t *before = b.at;
	struct record r = { 0 };
	uint32_t whole = 0;

	while ((*last = next(&b.at, b.end, &r)) > 0) {
		ck_assert(b.at > before && b.at <= b.end);
		while (before < b.at)
			seen += *before++;
		if (next == record_next && r.type == RECORD_FAIL)
			for (uint32_t i = 0; i < r.n_text; i++)
				seen += (uint8_t)r.text[i];
		whole++;
	}
	free(b.bytes);
	return whole;
}

START_TEST(a_body_cut_anywhere_ends_with_its_last_whole_record)
{
	next_fn *next = _i ? verdict_next : record_next;
	uint64_t state = seed + (uint64_t)_i;

	for (int round = 0; round < 50; round++) {
		struct buf b = { 0 };
		uint32_t whole = 0;
		int last;

		one_of_each(&b, &state, _i);
		for (size_t cut = 0; cut <= b.n; cut++) {
			uint32_t n = walk((const uint8_t *)b.data, cut, next, &last);

			/* At 0 a record has just become whole; else one is cut. */
			ck_assert_uint_eq(n, whole + (last == 0 && cut > 0));
			whole = n;
		}
		ck_assert_uint_eq(whole, 8);
		buf_free(&b);
	}
}
END_TEST

START_TEST(a_body_with_any_byte_changed_is_read_within_its_bytes)
{
	next_fn *next = _i ? verdict_next : record_next;
	uint64_t state = seed + (uint64_t)_i;

	for (int round = 0; round < (getenv("GALE_QUICK") ? 3 : 50); round++) {
		struct buf b = { 0 };
		int last;

		one_of_each(&b, &state, _i);
		for (size_t at = 0; at < b.n; at++)
			for (int bit = 0; bit <= 8; bit++) {
				uint8_t change = (uint8_t)(bit < 8 ? 1 << bit : 0xff);

				b.data[at] = (char)((uint8_t)b.data[at] ^ change);
				walk((const uint8_t *)b.data, b.n, next, &last);
				b.data[at] = (char)((uint8_t)b.data[at] ^ change);
			}
		buf_free(&b);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *c = tcase_create("record");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(c, 300);
	tcase_add_test(c, runs_come_back);
	tcase_add_test(c, lists_come_back);
	tcase_add_test(c, fail_reset_and_void_come_back);
	tcase_add_test(c, verdicts_come_back);
	tcase_add_test(c, a_long_text_is_cut);
	tcase_add_test(c, root_0_is_refused_everywhere);
	tcase_add_test(c, a_run_that_wraps_past_the_last_root_is_refused);
	tcase_add_test(c, empty_runs_and_lists_are_refused);
	tcase_add_test(c, counts_beyond_what_is_there_are_refused);
	tcase_add_test(c, unknown_types_and_long_texts_are_refused);
	tcase_add_loop_test(c, a_body_cut_anywhere_ends_with_its_last_whole_record, 0, 2);
	tcase_add_loop_test(c, a_body_with_any_byte_changed_is_read_within_its_bytes, 0, 2);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
