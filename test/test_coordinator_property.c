/* test_coordinator_property.c - the coordinator against workers that answer when they like, are
 * lost, and fail; and against its own death.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each worker has a queue of orders and a queue of reports, in order; which of them moves is
 * random. A spout emits numbers in a row, a bolt has all of a batch when the spouts' markers
 * have come. A disk keeps what was written. Checked all the time:
 *
 *     records only grow, and so do the positions in them
 *     a record is of what all workers have closed, and all participants prepared, in this attempt
 *     no record is written while it is frozen
 *     no commit is sent while one is undecided
 *     generations grow, whoever is the coordinator
 *     nothing begins before all are ready; batches begin in order; not too many
 *     what is committed under a txid ends where its cut said, in whatever attempt
 *     in the end all input is committed, or, after a stop, what was in flight
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "coordinator.h"
#include "memory.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { N = 5, SPOUTS = 2, WORLDS = 1000, STEPS = 4000, QUEUE = 1024, TROUBLES = 12, MOST_CUTS = 4096 };

struct queue {
	struct order items[QUEUE];	/* offsets: of the worker's own task, in `n` */
	uint32_t first, n;
};

/* A worker as it is in a process, but `prepared`, which is on its disk. */
struct worker {
	uint8_t roles;
	uint64_t generation, begun, cut, marked, closed, prepared, at, dry, touched;
	struct {
		bool closed, planned, mark, any;
		uint64_t end;
	} batches[COORDINATOR_PLACES];
	struct queue orders, reports;
	bool over;
};

static struct world {
	struct coordinator c;
	struct coordinator_config config;
	uint32_t incarnation;
	uint64_t now, random, input;
	struct worker workers[N];
	uint32_t troubles;
	bool stopped, finish;
	/* on the coordinator's disk */
	uint64_t record, ends[SPOUTS], cuts[MOST_CUTS][SPOUTS];
	bool final, known[MOST_CUTS], finals[MOST_CUTS];
	/* what was seen */
	bool ready[N];
	uint64_t committing;		/* the round that is not decided; 0: none */
	uint64_t begun, generation;
} w;
static uint64_t seed;

/* sure is ck_assert for what is asked a million times. */
#define sure(WHAT) do { if (!(WHAT)) ck_abort_msg("world %" PRIu64 ": not so: %s", w.random, #WHAT); } while (0)

static bool chance(uint32_t one_in)
{
	return pick(&w.random, one_in) == 0;
}

static void push(struct queue *q, const struct order *x)
{
	sure(q->n < QUEUE);
	q->items[(q->first + q->n++) % QUEUE] = *x;
}

static struct order pop(struct queue *q)
{
	q->n--;
	return q->items[q->first++ % QUEUE];
}

/* ---- what the coordinator does ---- */

static uint32_t unplanned(void)
{
	uint32_t n = 0;

	for (uint64_t txid = w.c.txid + 1; txid < w.c.next; txid++)
		n += !w.c.batches[txid % COORDINATOR_PLACES].planned;
	return n;
}

static void check_begin(const struct order *x)
{
	for (uint32_t i = 0; i < N; i++)
		sure(w.ready[i]);
	sure(x->txid == w.begun || x->txid == w.begun + 1);
	w.begun = x->txid;
	sure(x->txid - w.record < COORDINATOR_PLACES);
	if (x->planned)
		sure(w.known[x->txid]);
	else
		sure(unplanned() <= w.config.batches);
}

static void check_reset(uint32_t worker, const struct order *x)
{
	sure(worker == 0 ? x->generation > w.generation : x->generation == w.generation);
	w.generation = x->generation;
	memset(w.ready, 0, sizeof w.ready);
	w.committing = 0;
	w.begun = w.record;
}

static void on_order(void *arg, uint32_t worker, const struct order *x)
{
	struct order own = *x;
	const struct offset *at = offsets_find(&x->offsets, worker);

	(void)arg;
	own.offsets = (struct offsets){ 0 };
	own.n = at != NULL ? at->next : 0;
	if (x->kind == ORDER_RESET)
		check_reset(worker, x);
	else if (x->kind == ORDER_BEGIN)
		check_begin(x);
	else if (x->kind == ORDER_COMMIT) {
		sure(w.committing == 0 || w.committing == x->txid);
		sure(x->txid > w.record);
		w.committing = x->txid;
	}
	push(&w.workers[worker].orders, &own);
}

static void write_cut(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	(void)arg;
	sure(w.config.cuts && txid > w.record && txid < MOST_CUTS);
	sure(!w.known[txid]);
	w.known[txid] = true;
	w.finals[txid] = final;
	for (uint32_t i = 0; i < SPOUTS; i++) {
		w.cuts[txid][i] = offsets_find(ends, i)->next;
		sure(w.workers[i].marked < txid);	/* no marker has left */
	}
}

static void write_record(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	(void)arg;
	sure(txid > w.record && !w.final && !w.c.frozen);
	for (uint32_t i = 0; i < N; i++) {
		const struct worker *x = &w.workers[i];

		sure(x->generation == w.c.generation && x->closed >= txid);
		sure((x->roles & ROLE_PREPARES) == 0 || x->prepared == txid);
	}
	for (uint32_t i = 0; i < SPOUTS; i++) {
		uint64_t end = offsets_find(ends, i)->next;

		sure(end >= w.ends[i]);
		sure(!w.config.cuts || end == w.cuts[txid][i]);
		sure(end == w.workers[i].batches[txid % COORDINATOR_PLACES].end);
		w.ends[i] = end;
	}
	w.record = txid;
	w.final = final;
	w.committing = 0;
}

static void give_up(void *arg, const char *text)
{
	(void)arg;
	ck_abort_msg("gave up: %s", text);
}

static const struct coordinator_ops ops = {
	.order = on_order, .write_cut = write_cut, .write_record = write_record, .give_up = give_up,
};

/* ---- what the workers do ---- */

static void say(struct worker *x, enum order_kind kind, uint64_t txid)
{
	struct order r = { .kind = kind, .txid = txid, .generation = x->generation, .roles = x->roles, .n = x->at };

	push(&x->reports, &r);
}

static void on_reset(struct worker *x, const struct order *o)
{
	/* Undone: what is on its disk is at most one round beyond the record, or it would be lost. */
	sure(x->prepared >= o->txid || (x->roles & ROLE_PREPARES) == 0);
	x->generation = o->generation;
	x->begun = x->cut = x->marked = x->closed = x->prepared = x->dry = x->touched = o->txid;
	x->at = o->n;
	memset(x->batches, 0, sizeof x->batches);
	say(x, REPORT_READY, o->txid);
}

static void obey(struct worker *x)
{
	struct order o = pop(&x->orders);
	uint64_t place = o.txid % COORDINATOR_PLACES;

	if (o.kind == ORDER_RESET) {
		on_reset(x, &o);
		return;
	}
	if (o.generation != x->generation)
		return;
	if (o.kind == ORDER_BEGIN) {
		memset(&x->batches[place], 0, sizeof x->batches[place]);
		x->batches[place].planned = x->batches[place].closed = o.planned;
		x->batches[place].end = o.n;
		x->begun = o.txid;
	} else if (o.kind == ORDER_CLOSE) {
		x->batches[place].closed = true;
	} else if (o.kind == ORDER_MARK) {
		x->batches[place].mark = true;
	} else if (o.kind == ORDER_COMMIT) {
		x->prepared = o.txid;
		say(x, REPORT_PREPARED, o.txid);
	} else if (o.kind == ORDER_RECORD && (x->roles & ROLE_PUBLISHES) != 0) {
		sure(o.txid <= w.record);
		say(x, REPORT_PUBLISHED, o.txid);
	} else if (o.kind == ORDER_OVER) {
		x->over = true;
	}
}

/* emit: the batch after the last that was cut is the one that is filled. */
static void emit(struct worker *x)
{
	uint64_t txid = x->cut + 1, place = txid % COORDINATOR_PLACES;

	if (txid > x->begun || x->batches[place].closed)
		return;
	if (x->at < w.input) {
		x->at++;
		if (!x->batches[place].any)
			say(x, REPORT_DATA, txid);
		x->batches[place].any = true;
		if (chance(8))
			say(x, REPORT_FULL, txid);
	} else if (x->batches[place].any) {
		say(x, REPORT_FULL, txid);
	} else if (x->dry < txid) {
		x->dry = txid;
		say(x, REPORT_DRY, txid);
	}
}

static void end_batch(struct worker *x)
{
	uint64_t txid = x->cut + 1, place = txid % COORDINATOR_PLACES;
	struct order r = { .kind = REPORT_CUT, .txid = txid, .generation = x->generation };

	if (txid > x->begun || !x->batches[place].closed)
		return;
	if (x->batches[place].planned) {
		sure(x->at <= x->batches[place].end);
		x->at = x->batches[place].end;
	}
	x->batches[place].end = x->at;
	x->cut = txid;
	r.n = x->at;
	push(&x->reports, &r);
}

static void mark(struct worker *x)
{
	if (x->marked < x->cut && x->batches[(x->marked + 1) % COORDINATOR_PLACES].mark) {
		sure(!w.config.cuts || w.known[x->marked + 1]);
		x->closed = ++x->marked;
		say(x, REPORT_CLOSED, x->closed);
	}
}

static void work(struct worker *x)
{
	bool all = true;

	if (x->generation == 0 || x->over)
		return;
	if (x < w.workers + SPOUTS) {
		emit(x);
		if (chance(2))
			end_batch(x);
		mark(x);
		return;
	}
	for (uint32_t i = 0; i < SPOUTS; i++)
		all &= w.workers[i].generation == x->generation && w.workers[i].marked > x->closed;
	if (all)
		say(x, REPORT_CLOSED, ++x->closed);
	else if (chance(50) && x->touched < x->closed + 1)
		say(x, REPORT_DATA, x->touched = x->closed + 1);	/* a tick */
}

static void deliver(uint32_t worker)
{
	struct order x = pop(&w.workers[worker].reports);

	if (x.kind == REPORT_READY && x.generation == w.c.generation)
		w.ready[worker] = true;
	if (x.kind == REPORT_CUT)
		*offsets_at(&x.offsets, worker) = (struct offset){ .task = worker, .known = true, .next = x.n };
	coordinator_report(&w.c, worker, &x, w.now);
	offsets_free(&x.offsets);
}

/* ---- what goes wrong ---- */

static void know(uint64_t txid, const uint64_t *at, bool final, bool cut)
{
	struct offsets ends = { 0 };

	for (uint32_t i = 0; i < SPOUTS; i++)
		*offsets_at(&ends, i) = (struct offset){ .task = i, .known = true, .next = at[i] };
	if (cut)
		coordinator_known_cut(&w.c, txid, &ends, final);
	else
		coordinator_known_record(&w.c, txid, &ends, final);
	offsets_free(&ends);
}

static void start_coordinator(void)
{
	coordinator_init(&w.c, &w.config, ++w.incarnation, &ops, NULL);
	if (w.record > 0)
		know(w.record, w.ends, w.final, false);
	for (uint64_t txid = w.record + 1; txid < MOST_CUTS && w.known[txid]; txid++)
		know(txid, w.cuts[txid], w.finals[txid], true);
	coordinator_start(&w.c, w.now);
	coordinator_activate(&w.c, true, w.now);
	if (w.stopped)
		coordinator_stop(&w.c, w.finish, w.now);
}

/* lose: a successor has what is on disk, and nothing that was on its way to or from the old one. */
static void lose(struct worker *x)
{
	uint64_t prepared = x->prepared;
	uint8_t roles = x->roles;
	bool over = x->over;

	*x = (struct worker){ .roles = roles, .prepared = prepared, .over = over };
	coordinator_lost(&w.c, w.now);
}

static void lose_coordinator(void)
{
	for (uint32_t i = 0; i < N; i++)
		w.workers[i].reports.n = 0;
	coordinator_free(&w.c);
	start_coordinator();
}

static void trouble(void)
{
	w.troubles--;
	switch (pick(&w.random, 8)) {
	case 0:
		lose_coordinator();
		break;
	case 1:
		say(&w.workers[N - 1], REPORT_FAILED, w.workers[N - 1].closed + 1);
		w.c.failures = 0;	/* never too often here */
		break;
	case 2:
		w.now += w.config.timeout_ns / 2;
		break;
	case 3:
		if (!w.stopped && chance(2)) {
			w.stopped = true;
			w.finish = chance(2);
			coordinator_stop(&w.c, w.finish, w.now);
		}
		break;
	default:
		lose(&w.workers[pick(&w.random, N)]);
	}
}

/* ---- a world ---- */

static void make_world(void)
{
	uint64_t random = w.random;

	memset(&w, 0, sizeof w);
	w.random = random;
	w.now = 1000 * NS_PER_S;
	w.input = pick(&w.random, 300);
	w.troubles = pick(&w.random, TROUBLES);
	w.config = (struct coordinator_config){ .n_workers = N, .batches = 1 + pick(&w.random, 8),
		.interval_ns = pick(&w.random, 3) * NS_PER_MS, .timeout_ns = NS_PER_S, .attempts = 1000,
		.held_most = 1 << 20, .cuts = chance(2) };
	for (uint32_t i = 0; i < N; i++)
		w.workers[i].roles = i < SPOUTS ? ROLE_CUTS :
		    (uint8_t)((chance(2) ? ROLE_PREPARES : 0) | (chance(2) ? ROLE_PUBLISHES : 0));
	start_coordinator();
}

static void step(void)
{
	struct worker *x = &w.workers[pick(&w.random, N)];

	w.now += pick(&w.random, 200) * 1000;
	if (x->orders.n > 0 && chance(2))
		obey(x);
	if (x->reports.n > 0 && chance(2))
		deliver((uint32_t)(x - w.workers));
	if (chance(2))
		work(x);
	if (coordinator_due(&w.c) <= w.now)
		coordinator_turn(&w.c, w.now);
	if (chance(300))
		coordinator_freeze(&w.c, !w.c.frozen, w.now);
	if (w.troubles > 0 && chance(100))
		trouble();
}

static bool all_over(void)
{
	if (w.troubles > 0 || w.c.phase != COORDINATOR_OVER)
		return false;
	for (uint32_t i = 0; i < N; i++)
		if (!w.workers[i].over)
			return false;
	return true;
}

static void check_end(void)
{
	sure(w.final || (w.stopped && !w.finish));
	for (uint32_t i = 0; i < SPOUTS; i++)
		sure(w.stopped || w.ends[i] == w.input);
}

START_TEST(whatever_happens_what_is_committed_is_committed_once)
{
	w.random = random_mix(seed + (uint64_t)_i);
	for (int world = 0; world < WORLDS / 10; world++) {
		int left = 100 * STEPS;

		make_world();
		while (!all_over() && left-- > 0)
			step();
		sure(left > 0);
		check_end();
		coordinator_free(&w.c);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coordinator property");
	TCase *c = tcase_create("property");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, whatever_happens_what_is_committed_is_committed_once, 0, 10);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
