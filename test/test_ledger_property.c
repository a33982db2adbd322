/* test_ledger_property.c - random tuple trees against the acker's book.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A world is a few spout messages whose trees grow at random: fan-out, broadcast, tuples
 * held and joined with those of other roots, the same tuple anchored twice, workers that
 * merge their records, several ackers that share the roots. What is to happen next
 * (a message is emitted, a tuple executed, a record delivered) is drawn each time, so
 * records arrive in any order, while the trees still grow. In some worlds tuples and
 * records get lost, tuples fail, time passes.
 *
 * The world counts what the book can't see, the open tuples and the records under way, and
 * judges each verdict by it:
 *   never ACKED while a tuple is open or a record has not arrived;
 *   ACKED once all have arrived;
 *   exactly one final verdict per root whose init arrived, none else;
 *   what lost something is TIMED_OUT, once; what failed is FAILED by the first reason.
 *
 * That the judge has eyes is shown by faulty workers, whose trees it must find guilty.
 *
 * GALE_TREES=N sets the number of trees, GALE_SEED=N the seed; a failure prints the seed
 * of its world.
 */
#include <check.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acker/ledger.h"
#include "faketree.h"
#include "seed.h"

enum {
	MAX_ROOTS = 6,
	MAX_LEDGERS = 3,
	MAX_WORKERS = 4,
	MAX_HELD = 4,
	MAX_COPIES = 4,
	MAX_LEVEL = 6,
	MAX_TUPLES = 80,	/* emitted per world, about */
	MAX_FLIGHT = 512,
	MAX_RECORDS = 4096,
	TIMEOUT_MS = 10000
};

/* How workers make ids and records. Only the first is right. */
enum protocol {
	RIGHT,
	SUM_IDS,	/* edge id = base + index */
	XOR_IDS,	/* edge id = base ^ index */
	COPIED_EDGES,	/* the copies of a broadcast share an edge id */
	TWO_RECORDS,	/* children and ack are sent apart */
	EMIT_AFTER_ACK,	/* anchored to a finished tuple */
	ACK_TWICE,
	N_PROTOCOLS
};

static const char *const protocol_names[] = {
	[RIGHT] = "right",
	[SUM_IDS] = "ids base + index",
	[XOR_IDS] = "ids base ^ index",
	[COPIED_EDGES] = "edge ids copied in a broadcast",
	[TWO_RECORDS] = "children and ack in separate records",
	[EMIT_AFTER_ACK] = "emit after ack",
	[ACK_TWICE] = "ack twice",
};

/* What may happen in a world. */
enum profile { CLEAN, LOSSY, IMPATIENT, N_PROFILES };

enum kind { INIT, ACK, FAIL, RESET, VOID };

struct record {
	enum kind kind;
	uint32_t root;		/* its index */
	uint32_t task;
	uint64_t value;
};

struct flying {
	struct fake_tuple tuple;
	uint32_t level;
};

struct root {
	struct ledger_owner owner;
	uint32_t open;		/* tuples that carry it and were not acked */
	uint32_t under_way;	/* init, ack, fail: not delivered and not lost */
	bool init_delivered, init_lost, lost, failed, reset, voided;
	bool known;		/* a record was delivered */
	uint32_t first_to_fail;	/* task */
	uint64_t timer_ms;	/* first record or last reset delivered */
	uint32_t n_final;
	enum ledger_verdict verdict;
};

struct world {
	uint64_t state;		/* of the generator */
	enum protocol protocol;
	enum profile profile;
	uint64_t first_root, edge_base, n_edges;
	uint32_t n_roots, n_emitted, n_tuples, n_ledgers, n_workers;
	uint32_t weight[4];	/* of: emit, execute, deliver, flush */
	uint32_t hold_percent, loss_percent, fail_percent;
	bool merging;
	uint64_t now_ms;
	bool expiring;

	struct root roots[MAX_ROOTS];
	struct ledger *ledgers[MAX_LEDGERS];
	struct flying flight[MAX_FLIGHT];
	uint32_t n_flight;
	struct flying held[MAX_HELD];
	uint32_t n_held;
	struct record records[MAX_RECORDS];
	uint32_t n_records;
	struct {
		bool any;
		uint32_t task;
		uint64_t value;
	} merged[MAX_WORKERS][MAX_ROOTS];

	uint32_t n_violations;
	char violation[256];	/* the first */
};

static uint64_t seed;
static uint64_t n_verdicts[LEDGER_EXTENDED + 1];

static void violation(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void violation(struct world *w, const char *format, ...)
{
	va_list args;

	if (w->n_violations++ > 0)
		return;
	va_start(args, format);
	vsnprintf(w->violation, sizeof w->violation, format, args);
	va_end(args);
}

static bool percent(struct world *w, uint32_t p)
{
	return pick(&w->state, 100) < p;
}

/* ---- The judge ---- */

static void judge(void *arg, const struct ledger_outcome *o)
{
	struct world *w = arg;
	uint64_t i = o->root - w->first_root;
	struct root *r = &w->roots[i];
	char why[32];

	if (i >= w->n_roots) {
		violation(w, "verdict %d on a root that nobody made", (int)o->verdict);
		return;
	}
	n_verdicts[o->verdict]++;
	if (!r->init_delivered || r->voided)
		violation(w, "root %d: verdict %d without init or after void", (int)i,
		    (int)o->verdict);
	if (o->owner.worker != r->owner.worker || o->owner.start != r->owner.start)
		violation(w, "root %d: the owner is wrong", (int)i);
	if (o->verdict == LEDGER_EXTENDED) {
		if (!r->reset)
			violation(w, "root %d: extended, but nobody asked for it", (int)i);
		return;
	}
	r->verdict = o->verdict;
	if (++r->n_final > 1)
		violation(w, "root %d: %u final verdicts", (int)i, r->n_final);
	switch (o->verdict) {
	case LEDGER_ACKED:
		if (r->open || r->under_way || r->lost || r->failed)
			violation(w, "root %d: acked with %u tuples open, %u records under "
			    "way%s%s", (int)i, r->open, r->under_way,
			    r->lost ? ", something lost" : "",
			    r->failed ? ", something failed" : "");
		break;
	case LEDGER_FAILED:
		snprintf(why, sizeof why, "task %u", r->first_to_fail);
		if (!r->failed)
			violation(w, "root %d: failed, but nothing did", (int)i);
		else if (w->profile != IMPATIENT &&
			 (strcmp(o->why, why) != 0 || o->last_task != r->first_to_fail))
			violation(w, "root %d: failed by \"%s\", not by \"%s\"", (int)i,
			    o->why, why);
		break;
	case LEDGER_TIMED_OUT:
		if (!w->expiring || w->now_ms < r->timer_ms + TIMEOUT_MS)
			violation(w, "root %d: timed out early", (int)i);
		break;
	default:
		violation(w, "root %d: verdict %d", (int)i, (int)o->verdict);
	}
}

/* ---- Records on their way ---- */

/* A tree may be complete while a wish about its timeout is still under way. */
static bool counts(enum kind kind)
{
	return kind == INIT || kind == ACK || kind == FAIL;
}

static void send_record(struct world *w, enum kind kind, uint32_t root, uint64_t value,
			uint32_t task)
{
	assert(w->n_records < MAX_RECORDS);
	w->records[w->n_records++] = (struct record){ kind, root, task, value };
	w->roots[root].under_way += counts(kind);
}

/* A worker merges records of one root before they leave; or it does not. */
static void send_ack(struct world *w, uint32_t root, uint64_t value, uint32_t task)
{
	uint32_t worker = task % w->n_workers;

	if (!w->merging) {
		send_record(w, ACK, root, value, task);
		return;
	}
	w->roots[root].under_way += !w->merged[worker][root].any;
	w->merged[worker][root].any = true;
	w->merged[worker][root].task = task;
	w->merged[worker][root].value ^= value;
}

static bool flush(struct world *w)
{
	uint32_t start = pick(&w->state, MAX_WORKERS * MAX_ROOTS);

	for (uint32_t k = 0; k < MAX_WORKERS * MAX_ROOTS; k++) {
		uint32_t at = (start + k) % (MAX_WORKERS * MAX_ROOTS);
		uint32_t worker = at / MAX_ROOTS, root = at % MAX_ROOTS;

		if (!w->merged[worker][root].any)
			continue;
		w->merged[worker][root].any = false;
		w->roots[root].under_way--;
		send_record(w, ACK, root, w->merged[worker][root].value,
		    w->merged[worker][root].task);
		w->merged[worker][root].value = 0;
		return true;
	}
	return false;
}

static void give(struct world *w, const struct record *record)
{
	struct root *r = &w->roots[record->root];
	uint64_t root = w->first_root + record->root;
	struct ledger *l = w->ledgers[root % w->n_ledgers];
	char why[32];
	int n;

	if (!r->known || record->kind == RESET)
		r->timer_ms = w->now_ms;
	r->known = true;
	switch (record->kind) {
	case INIT:
		r->init_delivered = true;
		if (percent(w, 50))
			ledger_init_run(l, root, 1, &record->value, r->owner, w->now_ms);
		else
			ledger_init(l, root, record->value, r->owner, w->now_ms);
		if (w->profile == IMPATIENT && percent(w, 10))
			send_record(w, VOID, record->root, 0, 0);	/* follows its init (I4) */
		break;
	case ACK:
		if (percent(w, 50))
			ledger_ack_run(l, root, 1, &record->value, record->task, w->now_ms);
		else
			ledger_ack(l, root, record->value, record->task, w->now_ms);
		break;
	case FAIL:
		if (!r->failed)
			r->first_to_fail = record->task;
		r->failed = true;
		n = snprintf(why, sizeof why, "task %u", record->task);
		ledger_fail(l, root, why, (uint32_t)n, record->task, w->now_ms);
		break;
	case RESET:
		r->reset = true;
		ledger_reset(l, root, record->task, w->now_ms);
		break;
	case VOID:
		ledger_void(l, root);
		r->voided = true;
		break;
	}
}

static bool deliver(struct world *w)
{
	uint32_t i = pick(&w->state, w->n_records);
	struct record record;

	if (w->n_records == 0)
		return false;
	record = w->records[i];
	w->records[i] = w->records[--w->n_records];
	w->roots[record.root].under_way -= counts(record.kind);
	if (record.kind != VOID && percent(w, w->loss_percent)) {
		w->roots[record.root].lost |= record.kind == INIT || record.kind == ACK;
		w->roots[record.root].init_lost |= record.kind == INIT;
	} else {
		give(w, &record);
	}
	return true;
}

/* ---- Workers ---- */

static uint64_t new_edge(struct world *w)
{
	uint64_t i = w->n_edges++;

	switch (w->protocol) {
	case SUM_IDS: return w->edge_base + i;
	case XOR_IDS: return w->edge_base ^ i;
	default: return random_mix(w->edge_base + i);
	}
}

static void launch(struct world *w, const struct fake_tuple *t, uint32_t level)
{
	assert(w->n_flight < MAX_FLIGHT);
	w->flight[w->n_flight++] = (struct flying){ *t, level };
	w->n_tuples++;
	for (uint32_t i = 0; i < t->n_roots; i++)
		w->roots[t->root[i] - w->first_root].open++;
}

/* One emit: up to MAX_COPIES copies, each anchored to all N anchors, some of them twice. */
static void emit(struct world *w, struct flying **anchors, uint32_t n, uint32_t level)
{
	uint32_t copies = percent(w, 70) ? 1 : pick(&w->state, MAX_COPIES + 1);
	uint64_t shared[2 * MAX_HELD + 2];
	struct fake_tuple *list[2 * MAX_HELD + 2];
	uint32_t n_list = 0;

	for (uint32_t k = 0; k < n; k++) {
		list[n_list++] = &anchors[k]->tuple;
		if (percent(w, 10))
			list[n_list++] = &anchors[k]->tuple;
	}
	for (uint32_t c = 0; c < copies; c++) {
		struct fake_tuple t = { 0 };

		for (uint32_t k = 0; k < n_list; k++) {
			if (c == 0 || w->protocol != COPIED_EDGES)
				shared[k] = new_edge(w);
			fake_anchor(&t, list[k], shared[k]);
		}
		launch(w, &t, level + 1);
	}
}

static void ack(struct world *w, struct flying *f, uint32_t task)
{
	const struct fake_tuple *t = &f->tuple;

	for (uint32_t i = 0; i < t->n_roots; i++) {
		uint32_t root = (uint32_t)(t->root[i] - w->first_root);

		w->roots[root].open--;
		if (w->protocol == TWO_RECORDS) {
			send_ack(w, root, t->children, task);
			send_ack(w, root, t->edge[i], task);
		} else {
			send_ack(w, root, fake_ack_value(t, i), task);
		}
		if (w->protocol == ACK_TWICE && percent(w, 20))
			send_ack(w, root, fake_ack_value(t, i), task);
	}
}

static void each_root(struct world *w, enum kind kind, const struct flying *f, uint32_t task)
{
	for (uint32_t i = 0; i < f->tuple.n_roots; i++)
		send_record(w, kind, (uint32_t)(f->tuple.root[i] - w->first_root), 0, task);
}

/* A bolt has F and perhaps some of those that it held: it emits, then acks (or fails, or
 * forgets) them. */
static void work_on(struct world *w, struct flying *f)
{
	struct flying *inputs[MAX_HELD + 1] = { f }, joined[MAX_HELD];
	uint32_t n = 1, task = pick(&w->state, 16), n_emits = pick(&w->state, 4);

	while (w->n_held > 0 && n <= MAX_HELD && percent(w, 40)) {
		uint32_t k = pick(&w->state, w->n_held);

		joined[n - 1] = w->held[k];
		w->held[k] = w->held[--w->n_held];
		inputs[n] = &joined[n - 1];
		n++;
	}
	if (w->profile == IMPATIENT && percent(w, 10))
		each_root(w, RESET, f, task);
	if (w->protocol == EMIT_AFTER_ACK && percent(w, 30)) {
		for (uint32_t k = 0; k < n; k++) {
			ack(w, inputs[k], task);
			if (f->level < MAX_LEVEL && w->n_tuples < MAX_TUPLES)
				emit(w, &inputs[k], 1, f->level);
		}
		return;
	}
	for (uint32_t e = 0; e < n_emits; e++) {
		uint32_t level = 0;

		for (uint32_t k = 0; k < n; k++)
			level = inputs[k]->level > level ? inputs[k]->level : level;
		if (level < MAX_LEVEL && w->n_tuples < MAX_TUPLES)
			emit(w, inputs, percent(w, 80) ? n : 1, level);
	}
	for (uint32_t k = 0; k < n; k++) {
		if (percent(w, w->fail_percent))
			each_root(w, FAIL, inputs[k], task);
		else if (!percent(w, w->loss_percent))	/* else: the worker died here */
			ack(w, inputs[k], task);
	}
}

static bool execute(struct world *w)
{
	uint32_t i = pick(&w->state, w->n_flight);
	struct flying f;

	if (w->n_flight == 0) {
		if (w->n_held == 0)
			return false;
		f = w->held[--w->n_held];
		work_on(w, &f);
		return true;
	}
	f = w->flight[i];
	w->flight[i] = w->flight[--w->n_flight];
	if (percent(w, w->loss_percent))
		return true;				/* the frame is lost */
	if (w->n_held < MAX_HELD && percent(w, w->hold_percent))
		w->held[w->n_held++] = f;
	else
		work_on(w, &f);
	return true;
}

static bool emit_message(struct world *w)
{
	uint32_t copies = pick(&w->state, MAX_COPIES + 1), i = w->n_emitted;
	uint64_t value = 0, edge = new_edge(w);

	if (i == w->n_roots)
		return false;
	w->n_emitted++;
	w->roots[i].owner = (struct ledger_owner){ pick(&w->state, 3), 1 + pick(&w->state, 2) };
	for (uint32_t c = 0; c < copies; c++) {
		struct fake_tuple t = { 0 };

		if (c > 0 && w->protocol != COPIED_EDGES)
			edge = new_edge(w);
		fake_carry(&t, w->first_root + i, edge);
		value ^= edge;
		launch(w, &t, 0);
	}
	send_record(w, INIT, i, value, 0);
	return true;
}

/* ---- A world from its birth to its last verdict ---- */

static void expire(struct world *w)
{
	w->expiring = true;
	for (uint32_t i = 0; i < w->n_ledgers; i++)
		ledger_expire(w->ledgers[i], w->now_ms);
	w->expiring = false;
}

static void create(struct world *w, uint64_t world_seed, enum protocol protocol,
		   enum profile profile)
{
	memset(w, 0, offsetof(struct world, flight));
	w->n_flight = w->n_held = w->n_records = w->n_violations = 0;
	memset(w->merged, 0, sizeof w->merged);
	w->state = world_seed;
	w->protocol = protocol;
	w->profile = profile;
	w->first_root = (random_next(&w->state) >> 1) + 1;
	w->edge_base = random_next(&w->state);
	w->n_roots = 1 + pick(&w->state, MAX_ROOTS);
	w->n_ledgers = 1 + pick(&w->state, MAX_LEDGERS);
	w->n_workers = 1 + pick(&w->state, MAX_WORKERS);
	for (int i = 0; i < 4; i++)
		w->weight[i] = 1 + pick(&w->state, 10);
	w->hold_percent = pick(&w->state, 2) * pick(&w->state, 50);
	w->merging = protocol != TWO_RECORDS && percent(w, 50);
	if (profile != CLEAN) {
		w->loss_percent = pick(&w->state, 2) * pick(&w->state, 10);
		w->fail_percent = pick(&w->state, 2) * pick(&w->state, 10);
	}
	for (uint32_t i = 0; i < w->n_ledgers; i++)
		w->ledgers[i] = ledger_new(TIMEOUT_MS, 0, judge, w);
}

static void live(struct world *w)
{
	static bool (*const act[])(struct world *w) = { emit_message, execute, deliver, flush };
	uint32_t idle = 0, total = w->weight[0] + w->weight[1] + w->weight[2] + w->weight[3];

	/* What has nothing to do passes the turn on; four in a row are the end. */
	while (idle < 4) {
		uint32_t choice = pick(&w->state, total), next = 0;

		while (choice >= w->weight[next])
			choice -= w->weight[next++];
		for (idle = 0; idle < 4 && !act[(next + idle) % 4](w); idle++)
			;
		if (w->profile == IMPATIENT && percent(w, 5)) {
			w->now_ms += pick(&w->state, TIMEOUT_MS / 2);
			expire(w);
		} else if (w->now_ms < TIMEOUT_MS / 2) {
			w->now_ms += percent(w, 10);
		}
	}
	w->now_ms += TIMEOUT_MS;
	expire(w);
	w->now_ms += 100 * TIMEOUT_MS;
	expire(w);
}

static void check_end(struct world *w)
{
	for (uint32_t i = 0; i < w->n_ledgers; i++)
		if (ledger_size(w->ledgers[i]) != 0)
			violation(w, "the book of acker %u is not empty", i);
	for (uint32_t i = 0; i < w->n_roots; i++) {
		const struct root *r = &w->roots[i];
		enum ledger_verdict expected = LEDGER_ACKED;

		if (!r->init_delivered) {
			if (r->n_final != 0 || !r->init_lost)
				violation(w, "root %u: a verdict without init", i);
			continue;
		}
		if (r->voided)
			continue;
		if (r->n_final != 1)
			violation(w, "root %u: %u final verdicts", i, r->n_final);
		if (r->failed)
			expected = LEDGER_FAILED;
		else if (r->lost || r->open)
			expected = LEDGER_TIMED_OUT;
		if (w->profile != IMPATIENT && r->verdict != expected)
			violation(w, "root %u: verdict %d, not %d", i, (int)r->verdict,
			    (int)expected);
	}
}

/* Returns the number of trees of the world. */
static uint32_t run(struct world *w, uint64_t world_seed, enum protocol protocol,
		    enum profile profile)
{
	create(w, world_seed, protocol, profile);
	live(w);
	check_end(w);
	for (uint32_t i = 0; i < w->n_ledgers; i++)
		ledger_free(w->ledgers[i]);
	return w->n_roots;
}

static uint64_t n_trees(void)
{
	const char *text = getenv("GALE_TREES");

	return text ? strtoull(text, NULL, 10) : 1000000;
}

START_TEST(every_tree_gets_its_one_true_verdict)
{
	static struct world w;
	uint64_t trees = 0, n_worlds = 0, tuples = 0, edges = 0;

	while (trees < n_trees()) {
		uint64_t world_seed = random_mix(seed + n_worlds);

		trees += run(&w, world_seed, RIGHT, (enum profile)(n_worlds % N_PROFILES));
		ck_assert_msg(w.n_violations == 0, "world %llu of GALE_SEED=%llu: %s",
		    (unsigned long long)n_worlds, (unsigned long long)seed, w.violation);
		tuples += w.n_tuples;
		edges += w.n_edges;
		n_worlds++;
	}
	printf("%llu trees in %llu worlds: %llu tuples, %llu edges; %llu acked, %llu failed, "
	    "%llu timed out, %llu extended\n", (unsigned long long)trees,
	    (unsigned long long)n_worlds, (unsigned long long)tuples,
	    (unsigned long long)edges, (unsigned long long)n_verdicts[LEDGER_ACKED],
	    (unsigned long long)n_verdicts[LEDGER_FAILED],
	    (unsigned long long)n_verdicts[LEDGER_TIMED_OUT],
	    (unsigned long long)n_verdicts[LEDGER_EXTENDED]);
	if (trees >= 1000) {		/* the worlds are as wild as they claim */
		ck_assert_uint_gt(n_verdicts[LEDGER_ACKED], trees / 3);
		ck_assert_uint_gt(n_verdicts[LEDGER_FAILED], trees / 50);
		ck_assert_uint_gt(n_verdicts[LEDGER_TIMED_OUT], trees / 50);
		ck_assert_uint_gt(n_verdicts[LEDGER_EXTENDED], 0);
	}
}
END_TEST

START_TEST(the_judge_finds_a_faulty_protocol_guilty)
{
	static struct world w;
	uint64_t n_worlds = n_trees() < 20000 ? n_trees() / 10 + 100 : 2000, n_guilty = 0;
	char first[sizeof w.violation] = "";

	for (uint64_t i = 0; i < n_worlds; i++) {
		run(&w, random_mix(seed + i), (enum protocol)_i, CLEAN);
		if (w.n_violations > 0 && n_guilty++ == 0)
			memcpy(first, w.violation, sizeof first);
	}
	printf("%s: caught in %llu of %llu worlds; first: %s\n", protocol_names[_i],
	    (unsigned long long)n_guilty, (unsigned long long)n_worlds, first);
	ck_assert_uint_gt(n_guilty, 0);
}
END_TEST

/* ---- several spouts in one book ---- */

enum { SPOUTS = 5, ROOTS = 4000 };

/* Each spout counts up from a start of its own; these meet in whatever table is indexed by
 * their lower bits. */
static uint64_t root_of(uint32_t spout, uint32_t i)
{
	return ((uint64_t)spout + 1) << 40 | (i + 1);
}

struct rows {
	uint64_t value[SPOUTS][ROOTS];	/* 0 with open: complete */
	bool open[SPOUTS][ROOTS];
	uint32_t n_open, n_told;
};

static void told(void *arg, const struct ledger_outcome *o)
{
	uint32_t spout = (uint32_t)(o->root >> 40) - 1, i = (uint32_t)(o->root & 0xffffff) - 1;
	struct rows *r = arg;

	ck_assert(o->verdict == LEDGER_ACKED && o->owner.worker == spout);
	ck_assert(spout < SPOUTS && i < ROOTS && r->open[spout][i]);
	ck_assert_uint_eq(r->value[spout][i], 0);
	r->open[spout][i] = false;
	r->n_open--;
	r->n_told++;
}

/* begin_or_end lets SPOUT have its next message, or end one that was open near I. */
static void begin_or_end(struct ledger *l, struct rows *r, uint32_t spout, uint32_t *next, uint64_t *state)
{
	uint64_t value = random_next(state) | 1;
	uint32_t near = pick(state, 20) ? 700 : ROOTS, i = *next;

	if (pick(state, 100) < 51 && i < ROOTS) {
		r->value[spout][i] = value;
		r->open[spout][i] = true;
		r->n_open++;
		ledger_init(l, root_of(spout, (*next)++), value, (struct ledger_owner){ spout, 1 }, 5);
		return;
	}
	i -= i == 0 ? 0 : 1 + pick(state, i < near ? i : near);
	if (!r->open[spout][i])
		return;
	/* In two steps, the second of which completes it. */
	r->value[spout][i] ^= value;
	ledger_ack(l, root_of(spout, i), value, 1, 5);
	value = r->value[spout][i];
	r->value[spout][i] = 0;
	ledger_ack(l, root_of(spout, i), value, 2, 5);
	ck_assert(!r->open[spout][i]);
}

START_TEST(rows_of_several_spouts_that_meet_are_kept_apart)
{
	static struct rows r;
	struct ledger *l = ledger_new(10000, 0, told, &r);
	uint64_t state = seed + (uint64_t)_i;
	uint32_t next[SPOUTS] = { 0 };

	memset(&r, 0, sizeof r);
	for (int op = 0; op < 10 * SPOUTS * ROOTS; op++) {
		uint32_t spout = pick(&state, 1 + (uint32_t)_i % SPOUTS);

		begin_or_end(l, &r, spout, &next[spout], &state);
		if (pick(&state, 1000) == 0)
			ledger_expire(l, 10);	/* nothing is so old; memory may be given back */
		if (op % 64 == 0)
			ck_assert_uint_eq(ledger_size(l), r.n_open);
	}
	ck_assert_uint_gt(r.n_told, ROOTS / 2);
	ledger_free(l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ledger: properties");
	TCase *tcase = tcase_create("trees");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase, every_tree_gets_its_one_true_verdict);
	tcase_add_loop_test(tcase, the_judge_finds_a_faulty_protocol_guilty, RIGHT + 1,
	    N_PROTOCOLS);
	tcase_add_loop_test(tcase, rows_of_several_spouts_that_meet_are_kept_apart, 0, SPOUTS);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
