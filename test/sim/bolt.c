/* bolt.c - the bolts of a worker: the glue of bolt.c, host.c, chain.c and durable.c, and what the bolts
 * themselves do.
 *
 *     split  one tuple per part of the message; 0 to 3 for each side
 *     side   passes on (left and right of the diamond)
 *     join   holds some tuples, emits one that is anchored to all of them, acks them one by one
 *     state  writes the parts to its log, passes on at once, acks when the log is synced
 *     sink   the same without passing on
 *
 * By seed state and sink hold their tuples until then, or gale withholds all acks of the worker. An
 * execute takes two turns, in between the tuple is in hand; one that is a call takes none. Of a frame some
 * of whose tuples stand for several further ones may be executed in the same turn, at whose end their acks are
 * handed in.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "world.h"

enum { UPSTREAM_NONE, UPSTREAM_OPEN, UPSTREAM_DRAINED, UPSTREAM_ENDED };

/* What came of an execute. */
struct outcome {
	uint64_t children;		/* of what is held, too, which acks them itself */
	bool held, failed;
	uint64_t held_edge;
};

static bool has_log(enum kind kind)
{
	return kind == KIND_STATE || kind == KIND_SINK;
}

static bool stage_exists(const struct node *n, enum kind kind)
{
	for (uint32_t i = 0; i < n->n_stages; i++)
		if (n->stages[i].kind == kind)
			return true;
	return false;
}

void stages_begin(struct node *n)
{
	const struct plan_stage *planned = plan_stages(n->world->plan, n->number);

	n->n_stages = n->me->n_stages;
	for (uint32_t i = 0; i < n->n_stages; i++)
		n->stages[i] = (struct stage){ .kind = n->world->kinds[planned[i].component],
			.component = planned[i].component };
	n->withholds = n->world->set.durable && (stage_exists(n, KIND_STATE) || stage_exists(n, KIND_SINK));
}

void stages_end(struct node *n)
{
	for (uint32_t i = 0; i < n->n_stages; i++)
		free(n->stages[i].held);
	n->n_stages = 0;
}

/* start */
void bolt_begin(struct node *n)
{
	const struct plan *p = n->world->plan;

	stages_begin(n);
	for (uint32_t i = 0; i < p->n_workers; i++) {
		if (p->workers[i].role == ROLE_ACKER || !plan_sends(p, i, n->number))
			continue;
		n->upstream[i] = n->over ? UPSTREAM_ENDED : UPSTREAM_OPEN;
		n->n_upstream++;
	}
	if (n->over)
		n->n_drained = n->n_upstream_ended = n->n_upstream;
}

void bolt_end(struct node *n)
{
	if (n->frame != NULL)
		frame_free(n->frame);
	n->frame = NULL;
	merged_free(&n->merged);
	n->merged = (struct merged){ 0 };
	stages_end(n);
}

/* ---- ack, fail, hold: host.c ---- */

/* host_ack_anchor: one record has the children and the ack (A2). */
static void ack(struct node *n, const struct tuple *t, uint64_t children)
{
	oracle_tuple_done(n->world, t);
	for (uint32_t i = 0; i < t->n_roots; i++)
		post_acked(n, t->roots[i], t->edge ^ children);
}

/* The same for a tuple that was held. */
static void ack_held(struct node *n, const struct held *h)
{
	oracle_tuple_done(n->world, &h->tuple);
	for (uint32_t i = 0; i < h->tuple.n_roots; i++)
		post_acked(n, h->tuple.roots[i], h->tuple.edge ^ h->children ^ h->children_of[i]);
}

/* host_fail_anchor */
static void fail(struct node *n, const struct tuple *t)
{
	for (uint32_t i = 0; i < t->n_roots; i++) {
		oracle_cause(n->world, t->roots[i]);
		if (inside_keeps(t->roots[i], n->emitting))
			n->emitting_failed = true;
		else
			post_failed(n, t->roots[i]);
	}
}

/* host_hold: one that came by a call has no edge yet. */
static struct held *hold(struct node *n, struct stage *st, const struct tuple *t, struct outcome *o)
{
	struct held *h;

	st->held = xgrow(st->held, &st->held_cap, st->n_held + 1, sizeof *st->held);
	h = &st->held[st->n_held++];
	*h = (struct held){ .tuple = *t, .reset_ns = n->now_ns };
	if (h->tuple.edge == 0)
		h->tuple.edge = inside_edge(&n->next_edge);
	o->held = true;
	o->held_edge = h->tuple.edge;
	return h;
}

/* let_go */
static void let_go(struct stage *st, size_t i)
{
	st->n_held--;
	memmove(st->held + i, st->held + i + 1, (st->n_held - i) * sizeof *st->held);
}

/* ---- split, side ---- */

/* split_one: what becomes of message number I of those that IN stands for. */
static uint64_t split_one(struct node *n, const struct stage *st, const struct tuple *in, uint32_t i)
{
	uint32_t id = in->parts[i] >> 3, mask = expected_parts(n->world, id);
	struct tuple t = *in;
	uint64_t children = 0;

	t.n_parts = 1;
	t.origins[0] = in->origins[i];
	for (uint32_t child = 0; child < 3; child++) {
		if (!(mask >> 2 * child & 1))
			continue;
		t.parts[0] = id << 3 | 2 * child;
		children ^= post_emit(n, st, &t);
	}
	return children;
}

static uint64_t split(struct node *n, const struct stage *st, const struct tuple *t)
{
	uint64_t children = 0;

	for (uint32_t i = 0; i < t->n_parts; i++)
		children ^= split_one(n, st, t, i);
	return children;
}

/* side: in a diamond the second one makes odd parts of even ones. */
static uint64_t pass_side(struct node *n, const struct stage *st, const struct tuple *t)
{
	const struct plan *p = n->world->plan;
	uint32_t c = st->component;
	bool second = c > 0 && n->world->kinds[c - 1] == KIND_SIDE && c - 1 >= p->topology->n_spouts;
	struct tuple out = *t;

	for (uint32_t i = 0; i < t->n_parts; i++)
		out.parts[i] |= second;
	return post_emit(n, st, &out);
}

/* ---- join ---- */

/* One root of one anchor. */
struct rooted {
	uint64_t root;
	struct held *anchor;
	uint32_t place;			/* of the root in the anchor */
};

static int compare_rooted(const void *a, const void *b)
{
	const struct rooted *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return (x->anchor > y->anchor) - (x->anchor < y->anchor);
}

/* gather_roots gives all that the held tuples from FIRST on have, in order. */
static uint32_t gather_roots(const struct stage *st, size_t first, struct rooted *roots)
{
	uint32_t n = 0;

	for (size_t i = first; i < st->n_held; i++)
		for (uint32_t k = 0; k < st->held[i].tuple.n_roots; k++)
			roots[n++] = (struct rooted){ st->held[i].tuple.roots[k], &st->held[i], k };
	qsort(roots, n, sizeof *roots, compare_rooted);
	return n;
}

/* register_children notes EDGES as children of every root, with one of the anchors that have it (A1). */
static void register_children(const struct rooted *roots, uint32_t n, uint64_t edges)
{
	for (uint32_t i = 0; i < n; i++) {
		struct held *h = roots[i].anchor;

		if (i > 0 && roots[i].root == roots[i - 1].root)
			continue;
		if (h->tuple.n_roots == 1)
			h->children ^= edges;
		else
			h->children_of[roots[i].place] ^= edges;
	}
}

static void add_parts(struct tuple *t, const struct tuple *more)
{
	for (uint32_t i = 0; i < more->n_parts; i++) {
		t->origins[t->n_parts] = more->origins[i];
		t->parts[t->n_parts++] = more->parts[i];
	}
}

/* merge emits one tuple anchored to all held ones from FIRST on: emit_anchored. */
static void merge(struct node *n, struct stage *st, size_t first)
{
	struct rooted roots[MOST_ROOTS];
	struct tuple t = { .n_roots = 0 };
	uint32_t count = gather_roots(st, first, roots);

	for (size_t i = first; i < st->n_held; i++) {
		add_parts(&t, &st->held[i].tuple);
		st->held[i].emitted = true;
	}
	for (uint32_t i = 0; i < count; i++)
		if (i == 0 || roots[i].root != roots[i - 1].root)
			t.roots[t.n_roots++] = roots[i].root;
	register_children(roots, count, post_emit(n, st, &t));
}

static size_t n_emitted(const struct stage *st)
{
	size_t i = 0;

	while (i < st->n_held && st->held[i].emitted)
		i++;
	return i;
}

/* n_waiting: how many wait for company. A tuple of several roots brings as many: all that a spout may have open
 * can wait in one. */
static uint32_t n_waiting(const struct stage *st)
{
	uint32_t n = 0;

	for (size_t i = n_emitted(st); i < st->n_held; i++)
		n += st->held[i].tuple.n_roots;
	return n;
}

static bool fails(struct world *w)
{
	return w->on[FAULT_FAIL] && w->quiet_ns == 0 && chance(w, w->set.fail_1000);
}

/* release acks, or fails, one of the inputs of what was merged; false: there is none. */
static bool release(struct node *n, struct stage *st)
{
	size_t count = n_emitted(st), i = (size_t)below(n->world, count);

	if (count == 0)
		return false;
	if (fails(n->world))
		fail(n, &st->held[i].tuple);
	else
		ack_held(n, &st->held[i]);
	let_go(st, i);
	return true;
}

/* host_reset_timeout, for what has waited long */
static void reset_held(struct node *n, struct stage *st)
{
	for (size_t i = n_emitted(st); n->world->on[FAULT_RESET] && i < st->n_held; i++) {
		if (n->now_ns - st->held[i].reset_ns < n->world->set.timeout_ns / 3)
			continue;
		st->held[i].reset_ns = n->now_ns;
		for (uint32_t k = 0; k < st->held[i].tuple.n_roots; k++)
			post_reset(n, st->held[i].tuple.roots[k]);
	}
}

/* ---- state, sink: acks wait until what they cover is on disk ---- */

static void store(struct node *n, struct stage *st, const struct tuple *t, struct outcome *o)
{
	struct held *h = NULL;
	uint64_t children = 0;

	for (uint32_t i = 0; i < t->n_parts && !n->crashed; i++)
		disk_append(n->disk, (uint32_t)st->kind << 16 | t->parts[i]);
	if (!n->withholds)
		h = hold(n, st, t, o);
	n->n_withheld++;
	if (st->kind == KIND_STATE)
		children = post_emit(n, st, t);
	if (h != NULL)
		h->children = children;
	o->children = children;
}

/* begin_sync: one sync for all that was written; the process waits for it. */
static bool begin_sync(struct node *n)
{
	if (n->n_withheld == 0 && (!n->withholds || n->n_inside == 0))
		return false;
	n->syncing = true;
	node_busy(n, 1000 + below(n->world, n->world->set.sync_ns));
	return true;
}

static void ack_stored(struct node *n)
{
	for (uint32_t i = 0; i < n->n_stages; i++)
		while (has_log(n->stages[i].kind) && n->stages[i].n_held > 0) {
			ack_held(n, &n->stages[i].held[0]);
			let_go(&n->stages[i], 0);
		}
	post_release(n);
	n->n_inside_ready = n->n_inside;
	n->n_withheld = 0;
}

static void end_sync(struct node *n)
{
	n->disk->n_synced = n->disk->n_written;
	n->syncing = false;
	ack_stored(n);
}

/* ---- execute ---- */

static bool poisoned(const struct node *n, const struct stage *st, const struct tuple *t)
{
	const struct settings_of_seed *s = &n->world->set;

	for (uint32_t i = 0; i < t->n_parts && st->kind == s->poisoned; i++)
		for (uint32_t k = 0; k < s->n_poison; k++)
			if (s->poison_value ? value_of(n->world, t->parts[i]) == s->poison[k] % s->values :
			    t->parts[i] >> 3 == s->poison[k])
				return true;
	return false;
}

static void do_its_work(struct node *n, struct stage *st, const struct tuple *t, struct outcome *o)
{
	if (st->kind == KIND_SPLIT)
		o->children = split(n, st, t);
	else if (st->kind == KIND_SIDE)
		o->children = pass_side(n, st, t);
	else if (has_log(st->kind))
		store(n, st, t, o);
	else if (hold(n, st, t, o), n_waiting(st) >= n->world->set.group)
		merge(n, st, n_emitted(st));
}

/* execute: a tuple may fail before anything was emitted for it, or after. */
static struct outcome execute(struct node *n, struct stage *st, const struct tuple *t)
{
	struct world *w = n->world;
	bool bad = fails(w), late = bad && chance(w, 500);
	struct outcome o = { 0 };

	trace(w, "execute", n->number, t->parts[0], t->edge);
	if (poisoned(n, st, t)) {
		n->crashed = true;
		return o;
	}
	if (!bad || late)
		do_its_work(n, st, t, &o);
	if (bad && !o.held && !n->crashed) {
		o.failed = true;
		fail(n, t);
	}
	return o;
}

/* chain_call. Some are killed in the middle. */
uint64_t stage_call(struct node *n, uint32_t stage, const struct tuple *t)
{
	struct world *w = n->world;
	struct tuple called = *t;
	uint64_t hand_root = n->hand_root;
	struct outcome o;

	if (w->on[FAULT_CALL] && w->quiet_ns == 0 && chance(w, 2))
		n->crashed = true;
	if (n->crashed)
		return 0;
	called.edge = 0;
	oracle_tuple_made(w, &called);
	n->stages[stage].fed = true;
	n->hand_root = t->roots[0];
	o = execute(n, &n->stages[stage], &called);
	if (n->crashed)
		return 0;
	n->hand_root = hand_root;
	if (!o.held && !o.failed)
		oracle_tuple_done(w, &called);
	return inside_call(o.held, o.held_edge, o.children,
	    o.failed ? inside_failed(t->n_roots, t->roots[0], n->emitting, &n->next_edge) : 0);
}

static void drop_frame(struct node *n)
{
	frame_free(n->frame);
	n->frame = NULL;
	n->at = 0;
}

/* ---- tuples that stand for several ---- */

/* all_roots: execute_merged, bolt_all_roots. Nothing but the first root is in the tuple itself. */
static void all_roots(struct node *n, uint32_t index, struct tuple *t)
{
	uint32_t times = merged_times(&n->merged, index), count;
	const uint64_t *roots;

	if (times == 0)
		return;
	if (times < t->n_parts)
		t->n_parts = times;
	roots = merged_roots(&n->merged, index, &count);
	t->n_roots = count < MOST_ROOTS ? count : MOST_ROOTS;
	memcpy(t->roots, roots, t->n_roots * sizeof *roots);
}

static void ack_merged(struct node *n, uint32_t index, const struct tuple *t, uint64_t children)
{
	if (merged_times(&n->merged, index) == 0) {
		ack(n, t, children);
		return;
	}
	oracle_tuple_done(n->world, t);
	n->merged.values[index] = t->edge ^ children;
}

static void tell(void *arg, uint64_t root, uint64_t value)
{
	post_acked(arg, root, value);
}

/* execute, execute_merged */
static void execute_next(struct node *n)
{
	uint32_t index = n->at++;
	const struct tuple *t = &n->frame->tuples[index];
	bool merged = n->reader.groups != NULL;
	struct tuple in = *t;
	struct outcome o;

	n->hand_root = t->roots[0];
	if (merged)
		all_roots(n, index, &in);
	o = execute(n, n->stages, &in);
	if (n->crashed || o.held || o.failed)
		return;
	if (merged)
		ack_merged(n, index, t, o.children);
	else
		ack(n, t, o.children);
}

/* work, put_in_hand */
static void work(struct node *n)
{
	struct world *w = n->world;
	bool merged = n->reader.groups != NULL;

	if (!n->executing) {
		n->executing = true;
		n->hand_root = n->frame->tuples[n->at].roots[0];
		if (w->on[FAULT_LAG] && w->quiet_ns == 0 && chance(w, 2))
			node_busy(n, below(w, 2 * w->set.hang_ns));
		return;
	}
	do
		execute_next(n);
	while (!n->crashed && merged && n->at < n->frame->n && !n->blocked && chance(w, 700));
	if (n->crashed)
		return;
	if (merged)
		merged_hand_in(&n->merged, tell, n);
	n->executing = false;
	n->hand_root = 0;
	if (n->at == n->frame->n)
		drop_frame(n);
}

/* ---- frames and markers in ---- */

static void ack_repeated(struct node *n)
{
	for (uint32_t i = 0; i < n->frame->n; i++) {
		all_roots(n, i, &n->frame->tuples[i]);
		ack(n, &n->frame->tuples[i], 0);
	}
	drop_frame(n);
}

static void on_data(struct node *n, uint32_t from)
{
	if (n->upstream[from] == UPSTREAM_DRAINED) {
		n->upstream[from] = UPSTREAM_OPEN;
		n->n_drained--;
	}
	n->stages->fed = true;
	n->drain_passed = false;
}

static void on_marker(struct node *n, uint32_t from)
{
	if (n->upstream[from] == UPSTREAM_OPEN)
		n->n_drained++;
	n->upstream[from] = n->frame->kind == WIRE_DRAIN ? UPSTREAM_DRAINED : UPSTREAM_ENDED;
	n->n_upstream_ended += n->frame->kind == WIRE_END;
}

/* open_frame: wire_open, merged_open */
static void open_frame(struct node *n)
{
	const struct buf *b = &n->frame->body;
	struct error e;

	n->at = 0;
	n->reader = (struct wire_reader){ 0 };
	if (b->n > 0 && wire_open(&n->reader, (const uint8_t *)b->data, b->n, &e) != 0)
		violated(n->world, "frame", "from node %u: %s", n->frame->worker, e.text);
	merged_open(&n->merged, &n->reader);
}

static bool take_frame(struct node *n)
{
	struct frame *f = net_receive(n);

	if (f == NULL)
		return false;
	n->frame = f;
	open_frame(n);
	if (!node_takes(n, f)) {
		drop_frame(n);
	} else if (n->upstream[f->worker] == UPSTREAM_ENDED && (n->over || f->start > 1)) {
		ack_repeated(n);
	} else if (n->upstream[f->worker] == UPSTREAM_NONE || n->upstream[f->worker] == UPSTREAM_ENDED) {
		trace(n->world, "unexpected", n->number, f->worker, f->kind);
		drop_frame(n);
	} else if (f->kind == WIRE_DATA) {
		on_data(n, f->worker);
	} else {
		on_marker(n, f->worker);
		drop_frame(n);
	}
	return true;
}

void bolt_succeeded(struct node *n, uint32_t from)
{
	if (n->upstream[from] != UPSTREAM_DRAINED)
		return;
	n->upstream[from] = UPSTREAM_OPEN;
	n->n_drained--;
}

/* ---- turns ---- */

bool stages_turn(struct node *n)
{
	if (n->syncing)
		end_sync(n);
	if (n->n_withheld >= n->world->set.batch)
		return begin_sync(n);
	for (uint32_t i = 0; i < n->n_stages; i++)
		if (n->stages[i].kind == KIND_JOIN && chance(n->world, 500) && release(n, &n->stages[i]))
			return true;
	return false;
}

bool stages_idle(struct node *n)
{
	for (uint32_t i = 0; i < n->n_stages; i++) {
		if (n->stages[i].kind != KIND_JOIN)
			continue;
		reset_held(n, &n->stages[i]);
		if (release(n, &n->stages[i]))
			return true;
	}
	return begin_sync(n);
}

bool bolt_turn(struct node *n)
{
	if (stages_turn(n))
		return true;
	if (n->frame != NULL && (n->executing || !n->blocked)) {
		work(n);
		return true;
	}
	if (n->frame == NULL && !n->blocked && take_frame(n))
		return true;
	return stages_idle(n);
}

/* drain_some, call_drain: what is held must be let go. */
bool stages_drain(struct node *n)
{
	for (uint32_t i = 0; i < n->n_stages; i++) {
		struct stage *st = &n->stages[i];

		if (!st->fed)
			continue;
		st->fed = false;
		if (st->kind == KIND_JOIN && n_emitted(st) < st->n_held)
			merge(n, st, n_emitted(st));
		return true;
	}
	return false;
}

/* end, worker_ended */
static bool end(struct node *n)
{
	if (!n->end_passed) {
		post_marker(n, WIRE_END);
		n->end_passed = true;
		return true;
	}
	if (post_clear(n) && !n->ended) {
		n->ended = true;
		node_say(n, "ended");
	}
	return false;
}

bool bolt_rest(struct node *n)
{
	if (n->over)
		return end(n);
	if (n->n_drained < n->n_upstream || n->blocked)
		return false;
	if (stages_drain(n))
		return true;
	if (!n->drain_passed || n->drain_frames != n->frames_out) {
		post_marker(n, WIRE_DRAIN);
		n->drain_passed = true;
		n->drain_frames = n->frames_out;
		return true;
	}
	return n->n_upstream_ended == n->n_upstream && end(n);
}

uint64_t stages_due(const struct node *n)
{
	for (uint32_t i = 0; i < n->n_stages; i++)
		if (n->stages[i].kind == KIND_JOIN && n->world->on[FAULT_RESET] && n->stages[i].n_held > 0)
			return n->now_ns + n->world->set.timeout_ns / 3;
	return NEVER;
}

uint64_t bolt_due(const struct node *n)
{
	return stages_due(n);
}
