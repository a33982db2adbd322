/* test_pending.c - messages in flight, waiting for replay, and how often they failed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "pending.h"
#include "seed.h"

static uint64_t seed;

/* with_body gives a message whose body says its id, to be owned by the table. */
static struct message with_body(uint64_t id)
{
	struct message m = { .id = id, .task = (uint32_t)(id % 3), .attempt = 1, .kept = true,
		.body = xmalloc(sizeof id), .body_bytes = sizeof id };

	memcpy(m.body, &id, sizeof id);
	return m;
}

/* check_body: M is whole and its body is its own; frees it. */
static void check_body(struct message *m)
{
	uint64_t id;

	ck_assert_uint_eq(m->body_bytes, sizeof id);
	memcpy(&id, m->body, sizeof id);
	ck_assert_uint_eq(m->id, id);
	ck_assert_uint_eq(m->task, id % 3);
	free(m->body);
}

/* ---- in flight ---- */

START_TEST(a_message_is_settled_once)
{
	struct message m = with_body(17);
	struct pending p;
	struct flight f;

	pending_init(&p, 3);
	pending_add(&p, 5, &m, 100);
	ck_assert_uint_eq(pending_open(&p), 1);
	ck_assert(!pending_settle(&p, 6, &f));
	ck_assert(!pending_settle(&p, 0, &f));
	ck_assert(pending_settle(&p, 5, &f));
	ck_assert_uint_eq(f.root, 5);
	ck_assert_uint_eq(f.emitted_ns, 100);
	check_body(&f.message);
	ck_assert(!pending_settle(&p, 5, &f));
	ck_assert_uint_eq(pending_open(&p), 0);
	pending_free(&p);
}
END_TEST

/* ---- the oldest ---- */

/* look walks all of P, STEP places at a time. */
static void look(struct oldest *o, const struct pending *p, size_t most, size_t step)
{
	oldest_init(o, most);
	while (oldest_look(o, p, step))
		;
}

START_TEST(the_oldest_are_found_in_their_order)
{
	struct message m = { .id = 1 };
	struct pending p;
	struct oldest o;

	pending_init(&p, 1);
	look(&o, &p, 3, 1);
	ck_assert_uint_eq(o.n, 0);
	oldest_free(&o);
	pending_add(&p, 900, &m, 70);	/* stays open while hundreds pass: a straggler */
	for (uint64_t i = 1; i < 1000; i++) {
		struct flight f;

		pending_add(&p, 900 + i, &m, 70 + i);
		if (i % 100 != 0)
			ck_assert(pending_settle(&p, 900 + i, &f));
	}
	look(&o, &p, 3, 7);
	ck_assert_uint_eq(o.n, 3);
	ck_assert_uint_eq(o.list[0].root, 900);
	ck_assert_uint_eq(o.list[1].root, 1000);
	ck_assert_uint_eq(o.list[2].root, 1100);
	ck_assert_uint_eq(pending_get(&p, 1000)->emitted_ns, 170);
	ck_assert_ptr_null(pending_get(&p, 1001));
	ck_assert_ptr_null(pending_get(&p, 0));
	oldest_free(&o);
	look(&o, &p, 100, 1000);
	ck_assert_uint_eq(o.n, 10);
	oldest_free(&o);
	pending_free(&p);
}
END_TEST

/* What was open before the walk and after it is in the list, once, though others come and go and the
 * table grows. */
START_TEST(what_stays_open_during_a_walk_is_found_once)
{
	struct message m = { .id = 1 };
	struct pending p;
	struct oldest o;
	uint64_t first = 64, next = first;	/* a place in a ring of 64, and 64 places on in one of 128 */

	pending_init(&p, 1);
	for (; next < first + 40; next++)
		pending_add(&p, next, &m, next);
	oldest_init(&o, 30);
	while (oldest_look(&o, &p, 5)) {
		for (int i = 0; i < 20 && next < first + 400; i++, next++)
			pending_add(&p, next, &m, next);
	}
	ck_assert_uint_eq(o.n, 30);
	for (uint64_t i = 0; i < 30; i++)
		ck_assert_uint_eq(o.list[i].root, first + i);
	oldest_free(&o);
	pending_free(&p);
}
END_TEST

START_TEST(a_root_may_be_anything_but_0)
{
	static const uint64_t roots[] = { 1, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63, 2 };
	struct message m = { .id = 1 };
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (int i = 0; i < 5; i++)
		pending_add(&p, roots[i], &m, 0);
	for (int i = 4; i >= 0; i--)
		ck_assert(pending_settle(&p, roots[i], &f) && f.root == roots[i]);
	pending_free(&p);
}
END_TEST

START_TEST(what_is_open_at_the_end_is_freed)
{
	struct pending p;

	pending_init(&p, 2);
	for (uint64_t i = 1; i < 50; i++) {
		struct message m = with_body(i);

		if (i % 3)
			pending_add(&p, i, &m, 0);
		else
			pending_replay_at(&p, &m, i);
		pending_set_attempts(&p, i % 2, i, 3);
	}
	ck_assert_uint_eq(pending_open(&p), 49);
	pending_free(&p);	/* ASan and valgrind look for the rest */
}
END_TEST

/* ---- silence ---- */

START_TEST(only_what_is_unheard_of_is_silent)
{
	struct message m = { .id = 1 };
	size_t cursor = 0;
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (uint64_t root = 1; root <= 6; root++)
		pending_add(&p, root, &m, 100 * root);
	pending_extend(&p, 2, 1000);
	pending_extend(&p, 99, 1000);		/* not known: nothing */
	ck_assert(pending_settle(&p, 3, &f));
	ck_assert_uint_eq(pending_silent(&p, &cursor, 500), 1);
	ck_assert_uint_eq(pending_silent(&p, &cursor, 500), 4);
	ck_assert_uint_eq(pending_silent(&p, &cursor, 500), 0);	/* 5 was heard at 500 */
	ck_assert_uint_eq(pending_silent(&p, &cursor, UINT64_MAX), 0);
	cursor = 0;
	ck_assert_uint_eq(pending_silent(&p, &cursor, 100), 0);
	pending_free(&p);
}
END_TEST

/* The spout fails what is silent while it walks, and may emit anew in between. */
START_TEST(settling_and_adding_during_the_walk_loses_nobody)
{
	struct message m = { .id = 1 };
	uint64_t next = 1000, n = 0, root;
	size_t cursor = 0;
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (uint64_t i = 1; i <= 100; i++)
		pending_add(&p, i, &m, i % 2 ? 10 : 99);
	while ((root = pending_silent(&p, &cursor, 50)) != 0) {
		ck_assert_uint_eq(root % 2, 1);
		ck_assert(pending_settle(&p, root, &f));
		pending_add(&p, next++, &m, 60);
		n++;
	}
	ck_assert_uint_eq(n, 50);
	ck_assert_uint_eq(pending_open(&p), 100);
	pending_free(&p);
}
END_TEST

/* ---- failed, but not gone ---- */

START_TEST(a_failed_root_leads_to_its_message_wherever_that_is_now)
{
	struct message m = with_body(17);
	const struct failed_root *failed;
	struct pending p;
	struct flight f;

	m.first = 5;
	pending_init(&p, 3);
	ck_assert_ptr_null(pending_failed_root(&p, 5));
	pending_add(&p, 5, &m, 0);
	pending_settle(&p, 5, &f);
	pending_failed(&p, 5, &f.message);
	failed = pending_failed_root(&p, 5);
	ck_assert_ptr_nonnull(failed);
	ck_assert_ptr_null(pending_find(&p, failed));
	pending_replay_at(&p, &f.message, 10);
	ck_assert_uint_eq(pending_find(&p, failed)->id, 17);
	ck_assert(pending_next_replay(&p, 10, &m));
	pending_add(&p, 6, &m, 10);
	ck_assert_uint_eq(pending_find(&p, failed)->id, 17);
	pending_free(&p);
}
END_TEST

START_TEST(the_latest_failed_roots_are_known)
{
	struct message m = { .id = 1, .task = 2 };
	struct pending p;

	pending_init(&p, 3);
	for (uint64_t root = 1; root <= PENDING_FAILED_MOST + 10; root++)
		pending_failed(&p, root, &m);
	ck_assert_ptr_null(pending_failed_root(&p, 10));
	ck_assert_ptr_nonnull(pending_failed_root(&p, 11));
	ck_assert_ptr_nonnull(pending_failed_root(&p, PENDING_FAILED_MOST + 10));
	pending_free(&p);
}
END_TEST

/* ---- waiting for replay ---- */

START_TEST(replays_come_when_they_are_due_the_earliest_first)
{
	static const uint64_t due[] = { 50, 10, 40, 10, 30, 60, 20, 5, 55, 10 };
	uint64_t last = 0, n = 0;
	struct pending p;
	struct message m;

	pending_init(&p, 3);
	ck_assert_uint_eq(pending_replay_due(&p), UINT64_MAX);
	ck_assert(!pending_next_replay(&p, UINT64_MAX - 1, &m));
	for (uint64_t i = 0; i < 10; i++) {
		m = with_body(i);
		pending_replay_at(&p, &m, due[i]);
	}
	ck_assert_uint_eq(pending_replay_due(&p), 5);
	ck_assert(!pending_next_replay(&p, 4, &m));
	while (pending_next_replay(&p, 40, &m)) {
		ck_assert_uint_ge(due[m.id], last);
		last = due[m.id];
		check_body(&m);
		n++;
	}
	ck_assert_uint_eq(n, 7);
	ck_assert_uint_eq(pending_replay_due(&p), 50);
	ck_assert_uint_eq(pending_open(&p), 3);
	pending_free(&p);
}
END_TEST

/* ---- attempts ---- */

START_TEST(attempts_are_counted_by_task_and_id)
{
	static const uint64_t ids[] = { 0, 1, 2, UINT64_MAX - 1, UINT64_MAX - 2,
		(uint64_t)1 << 63 };
	struct pending p;

	pending_init(&p, 3);
	for (uint32_t task = 0; task < 3; task++)
		for (uint32_t i = 0; i < 6; i++) {
			ck_assert_uint_eq(pending_attempts(&p, task, ids[i]), 0);
			pending_set_attempts(&p, task, ids[i], 0);	/* forgets nothing */
			pending_set_attempts(&p, task, ids[i], 10 * task + i + 1);
		}
	for (uint32_t task = 0; task < 3; task++)
		for (uint32_t i = 0; i < 6; i++)
			ck_assert_uint_eq(pending_attempts(&p, task, ids[i]), 10 * task + i + 1);
	pending_set_attempts(&p, 1, 0, 77);
	pending_set_attempts(&p, 1, UINT64_MAX - 1, 0);
	ck_assert_uint_eq(pending_attempts(&p, 1, 0), 77);
	ck_assert_uint_eq(pending_attempts(&p, 1, UINT64_MAX - 1), 0);
	ck_assert_uint_eq(pending_attempts(&p, 0, 0), 1);
	ck_assert_uint_eq(pending_attempts(&p, 2, UINT64_MAX - 1), 24);
	ck_assert_uint_eq(pending_open(&p), 0);
	pending_free(&p);
}
END_TEST

START_TEST(ids_that_never_come_again_are_forgotten_and_those_that_do_are_not)
{
	enum { MANY = 5 * PENDING_ATTEMPTS };
	struct pending p;
	size_t n;

	pending_init(&p, 1);
	for (uint64_t id = 1; id <= MANY; id++) {
		pending_set_attempts(&p, 0, id, 3);
		if (id % (PENDING_ATTEMPTS - 1) == 0) {		/* 0 comes again, seldom */
			uint32_t times = (uint32_t)(id / (PENDING_ATTEMPTS - 1));

			ck_assert_uint_eq(pending_attempts(&p, 0, 0), times - 1);
			pending_set_attempts(&p, 0, 0, times);
		}
	}
	n = p.attempts[0].young.n + p.attempts[0].old.n;
	ck_assert_uint_le(n, 2 * PENDING_ATTEMPTS);
	for (uint64_t id = MANY; id > MANY - PENDING_ATTEMPTS + 1; id--)
		if (pending_attempts(&p, 0, id) != 3)
			ck_abort_msg("id %llu is forgotten", (unsigned long long)id);
	ck_assert_uint_eq(pending_attempts(&p, 0, 1), 0);
	for (uint64_t id = 0; id <= MANY; id++)
		pending_set_attempts(&p, 0, id, 0);
	ck_assert_uint_eq(p.attempts[0].young.n + p.attempts[0].old.n, 0);
	pending_free(&p);
}
END_TEST

/* ---- against the oracle ---- */

enum { UNIVERSE = 400, TASKS = 3 };

struct oracle {
	bool flies[UNIVERSE];
	uint64_t emitted[UNIVERSE], heard[UNIVERSE];
	bool waits[UNIVERSE];
	uint64_t due[UNIVERSE];
	uint32_t attempts[TASKS][UNIVERSE];
	size_t open;
};

/* Roots by number: two runs, one of which wraps past the last number, and scattered ones. */
static uint64_t root_of(uint32_t i)
{
	return i % 3 == 0 ? 1 + i : i % 3 == 1 ? UINT64_MAX - i : random_mix(i) | 1;
}

static void emit_or_settle(struct pending *p, struct oracle *o, uint32_t i, uint64_t now)
{
	struct message m;
	struct flight f;

	if (!o->flies[i]) {
		ck_assert(!pending_settle(p, root_of(i), &f));
		m = with_body(i);
		pending_add(p, root_of(i), &m, now);
		o->emitted[i] = o->heard[i] = now;
	} else {
		ck_assert(pending_settle(p, root_of(i), &f));
		ck_assert_uint_eq(f.message.id, i);
		ck_assert_uint_eq(f.emitted_ns, o->emitted[i]);
		ck_assert_uint_eq(f.heard_ns, o->heard[i]);
		check_body(&f.message);
	}
	o->open += o->flies[i] ? (size_t)-1 : 1;
	o->flies[i] = !o->flies[i];
}

static uint64_t earliest(const struct oracle *o)
{
	uint64_t due = UINT64_MAX;

	for (uint32_t i = 0; i < UNIVERSE; i++)
		if (o->waits[i] && o->due[i] < due)
			due = o->due[i];
	return due;
}

static void replay_or_take(struct pending *p, struct oracle *o, uint32_t i, uint64_t now,
    uint64_t due)
{
	struct message m;

	ck_assert_uint_eq(pending_replay_due(p), earliest(o));
	if (!o->waits[i]) {
		m = with_body(i);
		pending_replay_at(p, &m, due);
		o->waits[i] = true;
		o->due[i] = due;
		o->open++;
	} else if (pending_next_replay(p, now, &m)) {
		ck_assert(o->waits[m.id]);
		ck_assert_uint_eq(o->due[m.id], earliest(o));
		ck_assert_uint_le(o->due[m.id], now);
		o->waits[m.id] = false;
		o->open--;
		check_body(&m);
	} else {
		ck_assert_uint_gt(earliest(o), now);
	}
}

static void check_silent(const struct pending *p, const struct oracle *o, uint64_t before)
{
	size_t cursor = 0, n = 0, expected = 0;

	for (uint32_t i = 0; i < UNIVERSE; i++)
		expected += o->flies[i] && o->heard[i] < before;
	while (pending_silent(p, &cursor, before) != 0)
		n++;
	ck_assert_uint_eq(n, expected);
}

START_TEST(any_sequence_of_operations_agrees_with_arrays)
{
	int n_ops = getenv("GALE_QUICK") ? 3000 : 60000;
	static struct oracle o;
	uint64_t state = seed + (uint64_t)_i;
	struct pending p;

	memset(&o, 0, sizeof o);
	pending_init(&p, TASKS);
	for (int op = 0; op < n_ops; op++) {
		uint32_t i = pick(&state, UNIVERSE), task = pick(&state, TASKS);
		uint32_t n = pick(&state, 4);
		uint64_t now = (uint64_t)op;

		switch (pick(&state, 8)) {
		case 0:
		case 1:
		case 2:
			emit_or_settle(&p, &o, i, now);
			break;
		case 3:
			pending_extend(&p, root_of(i), now);
			o.heard[i] = now;
			break;
		case 4:
		case 5:
			replay_or_take(&p, &o, i, now, now + pick(&state, 5) * 100);
			break;
		case 6:
			ck_assert_uint_eq(pending_attempts(&p, task, i), o.attempts[task][i]);
			pending_set_attempts(&p, task, i, n);
			o.attempts[task][i] = n;
			break;
		default:
			if (op % 10 == 0)
				check_silent(&p, &o, now - pick(&state, 1000));
		}
		ck_assert_uint_eq(pending_open(&p), o.open);
	}
	pending_free(&p);
}
END_TEST

/* ---- the ring and its stragglers ---- */

START_TEST(one_that_stays_open_does_not_keep_room_for_all_that_pass)
{
	struct message m = { .id = 1 };
	uint64_t root = UINT64_MAX - 5000, n_settled = 0;
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (int i = 0; i < 100000; i++) {
		uint64_t old = root - 100;

		if (++root == 0)
			root = 1;
		pending_add(&p, root, &m, root);
		if (i >= 100 && old % 1000 != 0)	/* every thousandth is never heard of */
			n_settled += pending_settle(&p, old, &f) && f.emitted_ns == old;
	}
	ck_assert_uint_lt(p.mask, 1024);
	ck_assert_uint_gt(n_settled, 99000);
	ck_assert_uint_eq(pending_open(&p), 100000 - n_settled);
	ck_assert_uint_gt(p.late.by_root.n, 80);
	pending_free(&p);
}
END_TEST

/* What is in flight in a window of roots, as a spout has it: emitted in a row, settled in any
 * order, most of them soon. */
enum { WINDOW = 3000 };

static void check_window(struct pending *p, const bool *open, uint64_t first, uint64_t n)
{
	size_t n_open = 0, n_roots;
	uint64_t *roots = pending_roots(p, &n_roots);

	for (uint64_t i = 0; i < n; i++)
		n_open += open[i];
	ck_assert_uint_eq(n_roots, n_open);
	ck_assert_uint_eq(pending_open(p), n_open);
	for (size_t i = 0; i < n_roots; i++)
		ck_assert(roots[i] - first < n && open[roots[i] - first]);
	free(roots);
}

START_TEST(roots_in_a_row_settled_in_any_order_agree_with_an_array)
{
	static bool open[WINDOW * 10];
	uint64_t state = seed + 1000 + (uint64_t)_i, first = random_next(&state) | 1, n = 0;
	struct message m = { .id = 1 };
	struct pending p;
	struct flight f;

	memset(open, 0, sizeof open);
	pending_init(&p, 1);
	while (n < WINDOW * 10) {
		/* Bursts of emits, then of verdicts: near the end or anywhere. */
		for (uint32_t k = pick(&state, 300); k > 0 && n < WINDOW * 10; k--, n++) {
			if (first + n == 0)
				continue;
			m.id = n;
			pending_add(&p, first + n, &m, n);
			open[n] = true;
		}
		for (uint32_t k = pick(&state, 330); k > 0; k--) {
			uint64_t near = n < WINDOW ? n : pick(&state, 10) ? WINDOW : n;
			uint64_t i = near == 0 ? 0 : n - 1 - pick(&state, (uint32_t)near);

			ck_assert_int_eq(pending_settle(&p, first + i, &f), open[i]);
			ck_assert(!open[i] || (f.message.id == i && f.root == first + i));
			open[i] = false;
		}
		if (pick(&state, 16) == 0)
			check_window(&p, open, first, n);
	}
	check_window(&p, open, first, n);
	pending_free(&p);
}
END_TEST

/* ---- lost workers ---- */

START_TEST(the_roots_in_flight_are_listed)
{
	struct message m = { .id = 1 };
	struct pending p;
	struct flight f;
	size_t n;
	uint64_t *roots;

	pending_init(&p, 1);
	roots = pending_roots(&p, &n);
	ck_assert_uint_eq(n, 0);
	free(roots);
	for (uint64_t root = 1; root <= 100; root++)
		pending_add(&p, root, &m, 0);
	for (uint64_t root = 2; root <= 100; root += 2)
		ck_assert(pending_settle(&p, root, &f));
	roots = pending_roots(&p, &n);
	ck_assert_uint_eq(n, 50);
	for (size_t i = 0; i < n; i++)		/* whoever is not in flight can't be settled */
		ck_assert(roots[i] % 2 == 1 && pending_settle(&p, roots[i], &f));
	ck_assert_uint_eq(pending_open(&p), 0);
	free(roots);
	pending_free(&p);
}
END_TEST

/* oldest_at_last calls until all places were looked at: what is given then is exact. */
static uint64_t oldest_at_last(struct pending *p, uint64_t next_root)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < 100 + p->late.n_slots / 100; i++)
		ns = pending_oldest(p, next_root);
	return ns;
}

START_TEST(the_oldest_is_that_of_an_array)
{
	enum { N = 5000 };
	static bool open[N];
	uint64_t state = seed, first = random_next(&state), done = 0;
	struct message m = { .id = 1 };
	struct pending p;
	struct flight f;

	memset(open, 0, sizeof open);
	pending_init(&p, 1);
	ck_assert_uint_eq(pending_oldest(&p, first), 0);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t other = pick(&state, i + 1);

		pending_add(&p, first + i, &m, 1000 + i);
		open[i] = true;
		if (pick(&state, 3) > 0)	/* the others stay for long, and become stragglers */
			other = i;
		if (pick(&state, 10) > 0)
			ck_assert(pending_settle(&p, first + other, &f) == open[other]), open[other] = false;
		while (done <= i && !open[done])
			done++;
		if (i % 50 == 0)
			ck_assert_uint_eq(oldest_at_last(&p, first + i + 1), done <= i ? 1000 + done : 0);
	}
	pending_free(&p);
}
END_TEST

/* Messages that were over at once, with roots of their own, have passed. */
START_TEST(the_oldest_is_found_however_many_roots_were_never_added)
{
	struct message m = { .id = 1 };
	uint64_t root = 10;
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	pending_add(&p, root, &m, 1000);
	while (++root < 5000)
		pending_pass(&p, root);
	ck_assert_uint_eq(pending_oldest(&p, root), 1000);
	pending_add(&p, root++, &m, 2000);
	ck_assert_uint_eq(pending_oldest(&p, root), 1000);
	ck_assert(pending_settle(&p, 10, &f));
	ck_assert_uint_eq(pending_oldest(&p, root), 2000);
	ck_assert_uint_eq(pending_open(&p), 1);
	pending_free(&p);
}
END_TEST

/* One call does not see all stragglers, but what it has seen counts. */
START_TEST(the_first_look_at_very_many_does_not_give_the_youngest)
{
	enum { N = 20000 };
	struct message m = { .id = 1 };
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (uint64_t i = 1; i <= N; i++) {
		pending_add(&p, i, &m, 1000 + i);
		if (i % 8 != 0)
			ck_assert(pending_settle(&p, i, &f));
	}
	ck_assert_uint_gt(p.late.by_root.n, N / 10);
	ck_assert_uint_eq(pending_oldest(&p, N + 1), 1008);
	pending_free(&p);
}
END_TEST

/* More than one call looks at: meanwhile it is never said to be younger than it is. */
START_TEST(the_oldest_of_very_many_is_rather_too_old_than_too_young)
{
	enum { N = 100000 };
	struct message m = { .id = 1 };
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (uint64_t i = 1; i <= N; i++)
		pending_add(&p, i, &m, 1000 + i);
	ck_assert_uint_eq(oldest_at_last(&p, N + 1), 1001);
	for (uint64_t i = 1; i < N; i++)
		ck_assert(pending_settle(&p, i, &f));
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_le(pending_oldest(&p, N + 1), 1000 + N);
	ck_assert_uint_eq(pending_oldest(&p, N + 1), 1000 + N);
	ck_assert(pending_settle(&p, N, &f));
	ck_assert_uint_eq(pending_oldest(&p, N + 1), 0);
	pending_free(&p);
}
END_TEST

START_TEST(only_what_is_in_flight_can_be_named)
{
	struct message m = { .id = 1 };
	struct pending p;

	pending_init(&p, 1);
	pending_add(&p, 5, &m, 0);
	pending_name(&p, 5, "split[0] crashed");
	pending_name(&p, 6, "split[0] crashed");
	pending_name(&p, 0, "split[0] crashed");
	ck_assert_str_eq(pending_named(&p, 5), "split[0] crashed");
	ck_assert_ptr_null(pending_named(&p, 6));
	ck_assert_ptr_null(pending_named(&p, 0));
	pending_forget_named(&p);
	ck_assert_ptr_null(pending_named(&p, 5));
	pending_name(&p, 5, "again");
	pending_free(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pending");
	TCase *c = tcase_create("pending");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(c, 300);
	tcase_add_test(c, a_message_is_settled_once);
	tcase_add_test(c, the_oldest_are_found_in_their_order);
	tcase_add_test(c, what_stays_open_during_a_walk_is_found_once);
	tcase_add_test(c, a_root_may_be_anything_but_0);
	tcase_add_test(c, what_is_open_at_the_end_is_freed);
	tcase_add_test(c, only_what_is_unheard_of_is_silent);
	tcase_add_test(c, settling_and_adding_during_the_walk_loses_nobody);
	tcase_add_test(c, a_failed_root_leads_to_its_message_wherever_that_is_now);
	tcase_add_test(c, the_latest_failed_roots_are_known);
	tcase_add_test(c, replays_come_when_they_are_due_the_earliest_first);
	tcase_add_test(c, attempts_are_counted_by_task_and_id);
	tcase_add_test(c, ids_that_never_come_again_are_forgotten_and_those_that_do_are_not);
	tcase_add_test(c, the_roots_in_flight_are_listed);
	tcase_add_test(c, only_what_is_in_flight_can_be_named);
	tcase_add_test(c, the_oldest_is_that_of_an_array);
	tcase_add_test(c, the_oldest_is_found_however_many_roots_were_never_added);
	tcase_add_test(c, the_first_look_at_very_many_does_not_give_the_youngest);
	tcase_add_test(c, the_oldest_of_very_many_is_rather_too_old_than_too_young);
	tcase_add_loop_test(c, any_sequence_of_operations_agrees_with_arrays, 0, 4);
	tcase_add_test(c, one_that_stays_open_does_not_keep_room_for_all_that_pass);
	tcase_add_loop_test(c, roots_in_a_row_settled_in_any_order_agree_with_an_array, 0, 4);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
