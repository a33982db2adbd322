/* test_state_batches.c - state in batches: rounds, their undo, and what is refused; against a
 * model that keeps what every key was after every batch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "database.h"
#include "faults.h"
#include "memory.h"
#include "random.h"
#include "seed.h"
#include "state.h"
#include "undo.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

static char dir[64], path[128];
static uint64_t first_seed;

static void set_up(void)
{
	strcpy(dir, "/tmp/test-batches-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/state/count.0", dir);
}

static void tear_down(void)
{
	char command[256];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct state *opened(void)
{
	struct error e = { "" };
	struct state *s = state_open(path, 7, &e);

	ck_assert_msg(s != NULL, "%s", e.text);
	return s;
}

/* again is what a process that was killed leaves to the next one. */
static struct state *again(struct state *s)
{
	state_close(s);
	return opened();
}

static void prepare(struct state *s, uint64_t last)
{
	struct error e = { "" };

	ck_assert_msg(state_prepare(s, last, 1, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(state_txid(s), last);
}

static void undo(struct state *s, uint64_t last)
{
	struct error e = { "" };

	ck_assert_msg(state_undo(s, last, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(state_txid(s), last);
	ck_assert_uint_eq(state_bytes(s), 0);
}

/* refuses: the undo to LAST fails, and says WHY and the path. */
static void refuses(struct state *s, uint64_t last, const char *why)
{
	struct error e = { "" };

	ck_assert_int_eq(state_undo(s, last, &e), -1);
	ck_assert_msg(strstr(e.text, why) != NULL && strstr(e.text, path) != NULL, "%s", e.text);
}

static void put(struct state *s, const char *key, const char *value)
{
	ck_assert_int_eq(state_put(s, key, strlen(key), value, strlen(value), NULL), 0);
}

static const char *text(struct state *s, const char *key)
{
	static char copy[64];
	gale_slice v;
	int found = state_get(s, key, strlen(key), &v, NULL);

	ck_assert_int_ge(found, 0);
	snprintf(copy, sizeof copy, "%.*s", found ? (int)v.n : 1, found ? (const char *)v.bytes : "-");
	return copy;
}

static int64_t add(struct state *s, const char *key, int64_t by)
{
	int64_t sum;

	ck_assert_int_eq(state_add(s, key, strlen(key), by, &sum, NULL), 1);
	return sum;
}

/* ---- what an application sees: Storm's vectors ---- */

/* OpaqueValue(8, "v1", "v0"): batches above 8 read v1, batch 8 reads v0, batch 7 is refused. */
START_TEST(a_value_is_that_of_the_batch_before)
{
	struct state *s = opened();

	state_begin_batch(s, 7);
	put(s, "k", "v0");
	prepare(s, 7);
	state_begin_batch(s, 8);
	put(s, "k", "v1");
	prepare(s, 8);
	s = again(s);
	undo(s, 8);
	state_begin_batch(s, 9);
	ck_assert_str_eq(text(s, "k"), "v1");
	state_begin_batch(s, 100);
	ck_assert_str_eq(text(s, "k"), "v1");
	refuses(s, 6, "more than one round");
	undo(s, 7);
	state_begin_batch(s, 8);
	ck_assert_str_eq(text(s, "k"), "v0");
	refuses(s, 6, "has no undo");
	state_close(s);
}
END_TEST

/* TransactionalMap, OpaqueMap: a value of the batch in hand is seen by it; a replay begins
 * with what was before the batch, a newer batch with what this one has left. */
START_TEST(a_replayed_batch_counts_from_the_value_before_it)
{
	struct state *s = opened();

	state_begin_batch(s, 1);
	ck_assert_int_eq(add(s, "a", 1), 1);
	ck_assert_int_eq(add(s, "a", 2), 3);
	undo(s, 0);			/* failed before it was prepared */
	state_begin_batch(s, 1);
	ck_assert_int_eq(add(s, "a", 1), 1);
	ck_assert_int_eq(add(s, "a", 2), 3);
	prepare(s, 1);
	undo(s, 0);			/* and after it */
	state_begin_batch(s, 1);
	ck_assert_int_eq(add(s, "a", 5), 5);	/* opaque: now it holds something else */
	prepare(s, 1);
	undo(s, 1);
	state_begin_batch(s, 2);
	ck_assert_int_eq(add(s, "a", 3), 8);
	prepare(s, 2);
	s = again(s);
	undo(s, 1);
	state_begin_batch(s, 2);
	ck_assert_int_eq(add(s, "a", 3), 8);	/* transactional: the same again */
	prepare(s, 2);
	s = again(s);
	undo(s, 2);
	ck_assert_int_eq(add(s, "a", 0), 8);
	state_close(s);
}
END_TEST

START_TEST(open_batches_build_on_each_other)
{
	struct state *s = opened();

	for (uint64_t t = 1; t <= 5; t++) {
		state_begin_batch(s, t);
		ck_assert_int_eq(add(s, "a", 1), (int64_t)t);
	}
	prepare(s, 3);
	ck_assert_int_eq(add(s, "a", 10), 15);
	s = again(s);
	undo(s, 3);
	state_begin_batch(s, 4);
	ck_assert_int_eq(add(s, "a", 0), 3);
	state_close(s);
}
END_TEST

/* ---- rounds ---- */

START_TEST(a_round_without_changes_replaces_the_undo)
{
	struct state *s = opened();

	prepare(s, 2);
	state_begin_batch(s, 3);
	put(s, "k", "3");
	prepare(s, 3);
	prepare(s, 4);
	s = again(s);
	refuses(s, 2, "more than one round");
	undo(s, 3);
	ck_assert_str_eq(text(s, "k"), "3");
	undo(s, 3);
	state_close(s);
}
END_TEST

START_TEST(what_was_not_there_is_not_there_again)
{
	struct state *s = opened();

	state_begin_batch(s, 1);
	put(s, "gone", "1");
	put(s, "empty", "");
	prepare(s, 1);
	state_begin_batch(s, 2);
	ck_assert_int_eq(state_delete(s, "gone", 4, NULL), 0);
	put(s, "empty", "full");
	put(s, "new", "2");
	put(s, "", "no key");
	prepare(s, 2);
	s = again(s);
	ck_assert_str_eq(text(s, "gone"), "-");
	ck_assert_str_eq(text(s, ""), "no key");
	undo(s, 1);
	s = again(s);
	undo(s, 1);
	ck_assert_str_eq(text(s, "gone"), "1");
	ck_assert_str_eq(text(s, "empty"), "");
	ck_assert_str_eq(text(s, "new"), "-");
	ck_assert_str_eq(text(s, ""), "-");
	state_close(s);
}
END_TEST

START_TEST(a_large_round_is_undone)
{
	enum { KEYS = 3000, BYTES = 16 << 10 };		/* 48 MB */
	static char value[BYTES];
	struct state *s = opened();
	gale_slice v;

	for (uint64_t t = 1; t <= 2; t++) {
		state_begin_batch(s, t);
		for (uint32_t i = 0; i < KEYS; i++) {
			memset(value, (int)(t * 100 + i % 100), BYTES);
			ck_assert_int_eq(state_put(s, &i, sizeof i, value, BYTES, NULL), 0);
		}
		ck_assert_uint_gt(state_bytes(s), KEYS * BYTES);
		prepare(s, t);
		ck_assert_uint_eq(state_bytes(s), 0);
	}
	s = again(s);
	undo(s, 1);
	for (uint32_t i = 0; i < KEYS; i++) {
		ck_assert_int_eq(state_get(s, &i, sizeof i, &v, NULL), 1);
		ck_assert(v.n == BYTES && ((const uint8_t *)v.bytes)[BYTES - 1] == 100 + i % 100);
	}
	state_close(s);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(a_state_that_is_missing_is_refused)
{
	struct state *s = opened();

	undo(s, 0);
	refuses(s, 3, "is missing");
	state_close(s);
}
END_TEST

START_TEST(a_state_of_another_batch_is_refused)
{
	struct state *s = opened();

	prepare(s, 5);
	refuses(s, 9, "lacks batches: it is of batch 5, and the run's record is of batch 9");
	refuses(s, 4, "it is of batch 5, and the run's record is of batch 4");
	undo(s, 5);
	state_close(s);
}
END_TEST

/* bad_undo puts BYTES in the place of the undo of a state that is at batch 2. */
static void bad_undo(gale_slice bytes)
{
	struct error e = { "" };
	struct database *d = database_open(path, path, 7, &e);

	ck_assert_msg(d != NULL, "%s", e.text);
	database_put(d, (gale_slice){ "gundo", 5 }, bytes);
	ck_assert_int_eq(database_write(d, NULL, &e), 0);
	database_close(d);
}

START_TEST(a_damaged_undo_is_refused_and_nothing_is_changed)
{
	struct state *s = opened();
	struct buf b = { 0 };

	state_begin_batch(s, 1);
	put(s, "k", "1");
	prepare(s, 1);
	state_begin_batch(s, 2);
	put(s, "k", "2");
	prepare(s, 2);
	state_close(s);
	undo_begin(&b, (struct undo_mark){ 1, 1 });
	undo_add(&b, (gale_slice){ "k", 1 }, (gale_slice){ "1", 1 });
	undo_end(&b);
	b.data[b.n - 1] = '9';
	bad_undo((gale_slice){ b.data, b.n });
	s = opened();
	refuses(s, 1, "is damaged: its undo can't be read");
	undo(s, 2);
	ck_assert_str_eq(text(s, "k"), "2");
	state_close(s);
	bad_undo((gale_slice){ NULL, 0 });
	s = opened();
	refuses(s, 1, "has no undo");
	state_close(s);
	buf_free(&b);
}
END_TEST

/* All that is shorter, and each byte flipped; with a checksum that is right as well, so that
 * the lengths are looked at. */
START_TEST(bytes_that_are_no_undo_are_never_followed)
{
	struct buf b = { 0 }, bad = { 0 };
	struct undo_mark base;
	struct undo u;
	gale_slice key, before;

	undo_begin(&b, (struct undo_mark){ 1, 2 });
	undo_add(&b, (gale_slice){ "key", 3 }, (gale_slice){ "value", 5 });
	undo_add(&b, (gale_slice){ "", 0 }, (gale_slice){ NULL, 0 });
	undo_add(&b, (gale_slice){ "k", 1 }, (gale_slice){ "", 0 });
	undo_end(&b);
	ck_assert(undo_open(&u, (gale_slice){ b.data, b.n }, &base));
	ck_assert(base.txid == 1 && base.generation == 2);
	for (size_t n = 0; n < b.n; n++) {
		char *copy = xmalloc(n > 0 ? n : 1);	/* so that a sanitizer sees its end */

		memcpy(copy, b.data, n);
		ck_assert(!undo_open(&u, (gale_slice){ copy, n }, &base));
		free(copy);
	}
	for (size_t i = 0; i < 8 * b.n; i++) {
		bad.n = 0;
		buf_add(&bad, b.data, b.n);
		bad.data[i / 8] = (char)(bad.data[i / 8] ^ 1 << i % 8);
		ck_assert(!undo_open(&u, (gale_slice){ bad.data, bad.n }, &base));
		undo_end(&bad);
		if (undo_open(&u, (gale_slice){ bad.data, bad.n }, &base))
			while (undo_next(&u, &key, &before))
				ck_assert_uint_le(key.n + before.n, b.n);
	}
	buf_free(&b);
	buf_free(&bad);
}
END_TEST

/* ---- against a model ---- */

enum { KEYS = 60, BATCHES = 120, VALUE_MOST = 40, STEPS = 2500 };

struct value {
	bool there;
	uint8_t n;
	char bytes[VALUE_MOST];
};

/* What each key was after each batch. */
struct model {
	struct value after[BATCHES + 1][KEYS];
	uint64_t now, prepared, base;	/* batches; base == prepared: nothing to undo */
	bool writable;
};

static size_t key_of(char *key, uint64_t number)
{
	return (size_t)sprintf(key, number % 2 ? "k%03u+" : "k%03u", (unsigned)number);
}

static void expect(const struct value *v, int found, gale_slice value)
{
	ck_assert_int_eq(found, v->there);
	if (found) {
		ck_assert_uint_eq(value.n, v->n);
		ck_assert(v->n == 0 || memcmp(value.bytes, v->bytes, v->n) == 0);
	}
}

static void look(struct state *s, const struct model *m, uint64_t number)
{
	char key[16];
	gale_slice value;
	int found = state_get(s, key, key_of(key, number), &value, NULL);

	expect(&m->after[m->now][number], found, value);
}

static void fill(struct value *v, uint64_t *seed)
{
	for (uint8_t i = 0; i < v->n; i++)
		v->bytes[i] = (char)random_next(seed);
}

static void merge(struct state *s, struct value *v, const char *key, size_t n, uint64_t *seed)
{
	uint8_t n_value = (uint8_t)(random_next(seed) % VALUE_MOST);
	void *place;

	ck_assert_int_eq(state_merge(s, key, n, n_value, &place, NULL), 0);
	if (!v->there)
		v->n = 0;
	if (n_value > v->n)
		memset(v->bytes + v->n, 0, (size_t)n_value - v->n);
	v->n = n_value;
	v->there = true;
	ck_assert(n_value == 0 || memcmp(place, v->bytes, n_value) == 0);
	fill(v, seed);
	memcpy(place, v->bytes, n_value);
}

static void add_some(struct state *s, struct value *v, const char *key, size_t n, uint64_t *seed)
{
	int64_t by = (int64_t)random_next(seed), was = 0, sum;
	int done = state_add(s, key, n, by, &sum, NULL);

	ck_assert_int_eq(done, !v->there || v->n == 8);
	if (!done)
		return;
	if (v->there)
		memcpy(&was, v->bytes, 8);
	was = (int64_t)((uint64_t)was + (uint64_t)by);
	ck_assert_int_eq(sum, was);
	memcpy(v->bytes, &was, 8);
	v->n = 8;
	v->there = true;
}

static void change(struct state *s, struct model *m, uint64_t *seed)
{
	uint64_t number = random_next(seed) % KEYS;
	struct value *v = &m->after[m->now][number];
	char key[16];
	size_t n = key_of(key, number);

	if (!m->writable)
		return;
	switch (random_next(seed) % 5) {
	case 0:
		v->there = false;
		ck_assert_int_eq(state_delete(s, key, n, NULL), 0);
		break;
	case 1:
		merge(s, v, key, n, seed);
		break;
	case 2:
		add_some(s, v, key, n, seed);
		break;
	default:
		v->there = true;
		v->n = random_next(seed) % 2 ? 8 : (uint8_t)(random_next(seed) % VALUE_MOST);
		fill(v, seed);
		ck_assert_int_eq(state_put(s, key, n, v->bytes, v->n, NULL), 0);
	}
}

/* walk scans all keys, which change on its way, in this batch and the next. */
static void walk(struct state *s, struct model *m, uint64_t *seed)
{
	gale_scan scan = gale_state_scan("k", 1);
	uint64_t next = 0, disturb = random_next(seed) % 3;

	for (int more; ; next++) {
		char key[16];

		more = state_next(s, &scan, NULL);
		while (next < KEYS && !m->after[m->now][next].there)
			next++;
		ck_assert_int_eq(more, next < KEYS);
		if (!more)
			return;
		ck_assert_uint_eq(scan.key.n, key_of(key, next));
		ck_assert_int_eq(memcmp(scan.key.bytes, key, scan.key.n), 0);
		expect(&m->after[m->now][next], 1, scan.value);
		for (uint64_t i = 0; i < disturb; i++)
			change(s, m, seed);
	}
}

static void begin(struct state *s, struct model *m, uint64_t *seed)
{
	uint64_t next = m->now + 1 + (random_next(seed) % 10 == 0);

	if (next > BATCHES)
		return;
	for (uint64_t t = m->now + 1; t <= next; t++)
		memcpy(m->after[t], m->after[m->now], sizeof m->after[t]);
	state_begin_batch(s, next);
	m->now = next;
	m->writable = true;
}

static void round_(struct state *s, struct model *m, uint64_t *seed)
{
	if (m->now == m->prepared)
		return;
	m->base = m->prepared;
	m->prepared += 1 + random_next(seed) % (m->now - m->prepared);
	prepare(s, m->prepared);
	m->writable = m->prepared < m->now;
}

/* fall is a reset, with or without the process dying, to what is prepared or a round before;
 * and now and then twice. */
static struct state *fall(struct state *s, struct model *m, uint64_t *seed)
{
	uint64_t to = random_next(seed) % 2 ? m->prepared : m->base;

	do {
		if (random_next(seed) % 2)
			s = again(s);
		undo(s, to);
	} while (random_next(seed) % 4 == 0);
	m->now = m->prepared = to;
	if (m->base > to || random_next(seed) % 2 == 0)
		m->base = to;
	m->writable = false;
	return s;
}

START_TEST(random_batches_do_what_a_model_does)
{
	uint64_t seed = random_mix(first_seed + (uint64_t)_i);
	struct state *s = opened();
	struct model *m = xcalloc(1, sizeof *m);

	for (int i = 0; i < STEPS; i++) {
		uint64_t what = random_next(&seed) % 100;

		if (what < 60)
			change(s, m, &seed);
		else if (what < 80)
			look(s, m, random_next(&seed) % KEYS);
		else if (what < 84)
			walk(s, m, &seed);
		else if (what < 92)
			begin(s, m, &seed);
		else if (what < 97)
			round_(s, m, &seed);
		else {
			s = fall(s, m, &seed);
			for (uint64_t k = random_next(&seed) % KEYS; k < KEYS; k++)
				look(s, m, k);	/* the rest is not in memory */
		}
	}
	for (uint64_t k = 0; k < KEYS; k++)
		look(s, m, k);
	state_close(s);
	free(m);
}
END_TEST

/* ---- faults ---- */

enum { ROUNDS = 6 };

/* Each round adds one to a key and makes another; each is decided when it is prepared, but
 * every third is taken back once. */
static void count_rounds(void)
{
	struct error e;
	struct state *s = state_open(path, 7, &e);

	if (s == NULL || state_undo(s, 0, &e) != 0)
		fault_told();
	for (uint32_t t = 1; t <= ROUNDS; t++) {
		for (int attempt = 0; attempt <= (t % 3 == 0); attempt++) {
			char key[8];

			if (attempt > 0 && state_undo(s, t - 1, &e) != 0)
				fault_told();
			state_begin_batch(s, t);
			snprintf(key, sizeof key, "k%u", t);
			if (state_add(s, "n", 1, 1, NULL, &e) != 1 || state_put(s, key, strlen(key), "", 0, &e) != 0 ||
			    state_prepare(s, t, 1, &e) != 0)
				fault_told();
		}
		*fault_done = t;
	}
	state_close(s);
}

/* The state is at the last round that was decided or one ahead; undone, it has exactly those. */
static void check_rounds(void)
{
	struct state *s = opened();
	uint64_t done = *fault_done;
	int64_t n = 0;
	gale_slice v;

	ck_assert(state_txid(s) == done || state_txid(s) == done + 1);
	undo(s, done);
	if (state_get(s, "n", 1, &v, NULL) == 1)
		memcpy(&n, v.bytes, sizeof n);
	ck_assert_int_eq(n, (int64_t)done);
	for (uint64_t t = 1; t <= ROUNDS; t++) {
		char key[24];

		snprintf(key, sizeof key, "k%" PRIu64, t);
		ck_assert_int_eq(state_get(s, key, strlen(key), &v, NULL), t <= done);
	}
	state_begin_batch(s, done + 1);
	put(s, "on", "and on");
	prepare(s, done + 1);
	state_close(s);
}

START_TEST(whatever_fails_the_state_is_of_a_batch)
{
	static const char *const points[] = { "state.open", "state.write", "state.prepared", "state.undone", "alloc" };
	int n_faults = 0;

	for (size_t point = 0; point < sizeof points / sizeof *points; point++) {
		for (int n = 1; fault_struck(points[point], fault_whats[_i], n, count_rounds); n++) {
			check_rounds();
			tear_down();
			set_up();
			n_faults++;
		}
		tear_down();
		set_up();
	}
	ck_assert_int_gt(n_faults, 2 * ROUNDS + 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state in batches");
	TCase *sees = tcase_create("sees"), *model = tcase_create("model"), *refused = tcase_create("refused");

	first_seed = test_seed();
	tcase_add_checked_fixture(sees, set_up, tear_down);
	tcase_add_checked_fixture(model, set_up, tear_down);
	tcase_add_checked_fixture(refused, set_up, tear_down);
	tcase_set_timeout(model, 60);
	tcase_add_test(sees, a_value_is_that_of_the_batch_before);
	tcase_add_test(sees, a_replayed_batch_counts_from_the_value_before_it);
	tcase_add_test(sees, open_batches_build_on_each_other);
	tcase_add_test(sees, a_round_without_changes_replaces_the_undo);
	tcase_add_test(sees, what_was_not_there_is_not_there_again);
	tcase_add_test(refused, a_state_that_is_missing_is_refused);
	tcase_add_test(refused, a_state_of_another_batch_is_refused);
	tcase_add_test(refused, a_damaged_undo_is_refused_and_nothing_is_changed);
	tcase_add_test(refused, bytes_that_are_no_undo_are_never_followed);
	tcase_add_test(model, a_large_round_is_undone);
	tcase_add_loop_test(model, random_batches_do_what_a_model_does, 0, 20);
	tcase_add_loop_test(model, whatever_fails_the_state_is_of_a_batch, 0, FAULT_WHATS);
	suite_add_tcase(suite, sees);
	suite_add_tcase(suite, model);
	suite_add_tcase(suite, refused);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
