/* bolt.c - a bolt's worker: the glue of bolt.c and host.c, and what the bolts themselves do.
 *
 *     split  one tuple per part of the message; 0 to 3 for each side
 *     side   passes on (left and right of the diamond)
 *     join   holds some tuples, emits one that is anchored to all of them, acks them one by one
 *     state  writes the parts to its log, passes on at once, acks when the log is synced
 *     sink   the same without passing on
 *
 * An execute takes two turns, in between the tuple is in hand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "world.h"

enum { UPSTREAM_NONE, UPSTREAM_OPEN, UPSTREAM_DRAINED, UPSTREAM_ENDED };

/* start */
void bolt_begin(struct node *n)
{
	const struct plan *p = n->world->plan;

	for (uint32_t i = 0; i < p->n_workers; i++) {
		if (p->workers[i].role == ROLE_ACKER || !plan_feeds(p, p->workers[i].component, n->me->component))
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
	free(n->held);
	n->frame = NULL;
	n->held = NULL;
}

/* ---- ack, fail, hold: host.c ---- */

/* host_ack_anchor: one record has the children and the ack (A2). */
static void ack(struct node *n, const struct tuple *t, uint64_t children)
{
	oracle_tuple_done(n->world, t);
	for (uint32_t i = 0; i < t->n_roots; i++)
		post_acked(n, t->roots[i], t->edge ^ children);
}

/* host_fail_anchor */
static void fail(struct node *n, const struct tuple *t)
{
	for (uint32_t i = 0; i < t->n_roots; i++) {
		oracle_cause(n->world, t->roots[i]);
		post_failed(n, t->roots[i]);
	}
}

/* host_hold */
static struct held *hold(struct node *n, const struct tuple *t)
{
	n->held = xgrow(n->held, &n->held_cap, n->n_held + 1, sizeof *n->held);
	n->held[n->n_held] = (struct held){ .tuple = *t, .reset_ns = n->now_ns };
	return &n->held[n->n_held++];
}

/* let_go */
static void let_go(struct node *n, size_t i)
{
	n->n_held--;
	memmove(n->held + i, n->held + i + 1, (n->n_held - i) * sizeof *n->held);
}

/* ---- split, side ---- */

static uint64_t emit_part(struct node *n, const struct tuple *in, uint32_t part)
{
	struct tuple t = *in;

	t.n_parts = 1;
	t.parts[0] = part;
	return post_emit(n, &t);
}

static uint64_t split(struct node *n, const struct tuple *t)
{
	uint32_t id = t->parts[0] >> 3, mask = expected_parts(n->world, id);
	uint64_t children = 0;

	for (uint32_t child = 0; child < 3; child++)
		if (mask >> 2 * child & 1)
			children ^= emit_part(n, t, id << 3 | 2 * child);
	return children;
}

/* side: in a diamond the second one makes odd parts of even ones. */
static uint64_t pass_side(struct node *n, const struct tuple *t)
{
	const struct plan *p = n->world->plan;
	uint32_t c = n->me->component;
	bool second = c > 0 && n->world->kinds[c - 1] == KIND_SIDE && c - 1 >= p->topology->n_spouts;

	return emit_part(n, t, t->parts[0] | second);
}

/* ---- join ---- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* register_children: what several anchors share an even number of times is put in once more,
 * in a record of its own that leaves before theirs (A1). */
static void register_children(struct node *n, size_t first, const uint64_t *all, size_t count, uint64_t edges)
{
	for (size_t i = first; i < n->n_held; i++)
		n->held[i].children ^= edges;
	for (size_t i = 0, times; i < count; i += times) {
		for (times = 1; i + times < count && all[i + times] == all[i]; )
			times++;
		if (times % 2 == 0)
			post_acked(n, all[i], edges);
	}
}

/* merge emits one tuple anchored to all held ones from FIRST on: gather_roots, emit_anchored. */
static void merge(struct node *n, size_t first)
{
	uint64_t all[MOST_ROOTS], edges;
	struct tuple t = { .n_roots = 0 };
	size_t count = 0;

	for (size_t i = first; i < n->n_held; i++) {
		all[count++] = n->held[i].tuple.roots[0];
		t.parts[t.n_parts++] = n->held[i].tuple.parts[0];
		n->held[i].emitted = true;
	}
	qsort(all, count, sizeof *all, compare);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || all[i] != all[i - 1])
			t.roots[t.n_roots++] = all[i];
	edges = post_emit(n, &t);
	register_children(n, first, all, count, edges);
}

static size_t n_emitted(const struct node *n)
{
	size_t i = 0;

	while (i < n->n_held && n->held[i].emitted)
		i++;
	return i;
}

/* release acks one of the inputs of what was merged; false: there is none. */
static bool release(struct node *n)
{
	size_t count = n_emitted(n), i = (size_t)below(n->world, count);

	if (count == 0)
		return false;
	ack(n, &n->held[i].tuple, n->held[i].children);
	let_go(n, i);
	return true;
}

/* host_reset_timeout, for what has waited long */
static void reset_held(struct node *n)
{
	for (size_t i = n_emitted(n); n->world->on[FAULT_RESET] && i < n->n_held; i++) {
		if (n->now_ns - n->held[i].reset_ns < n->world->set.timeout_ns / 3)
			continue;
		n->held[i].reset_ns = n->now_ns;
		post_reset(n, n->held[i].tuple.roots[0]);
	}
}

/* ---- state, sink: acks are withheld until what they cover is on disk ---- */

static void store(struct node *n, const struct tuple *t)
{
	struct held *h;

	for (uint32_t i = 0; i < t->n_parts; i++)
		disk_append(n->disk, t->parts[i]);
	h = hold(n, t);
	h->covered = n->disk->n_written;
	if (n->kind == KIND_STATE)
		h->children = post_emit(n, t);
}

/* begin_sync: one sync for all that was written; the process waits for it. */
static bool begin_sync(struct node *n)
{
	if (n->n_held == 0)
		return false;
	n->syncing = n->disk->n_written;
	node_busy(n, 1000 + below(n->world, n->world->set.sync_ns));
	return true;
}

static void end_sync(struct node *n)
{
	n->disk->n_synced = n->syncing;
	n->syncing = 0;
	n->must_sync = false;
	while (n->n_held > 0) {
		ack(n, &n->held[0].tuple, n->held[0].children);
		let_go(n, 0);
	}
}

static bool withholds(const struct node *n)
{
	return n->kind == KIND_STATE || n->kind == KIND_SINK;
}

/* ---- execute ---- */

static bool poisoned(const struct node *n, const struct tuple *t)
{
	const struct settings_of_seed *s = &n->world->set;

	for (uint32_t i = 0; i < t->n_parts && n->kind == s->poisoned; i++)
		for (uint32_t k = 0; k < s->n_poison; k++)
			if (t->parts[i] >> 3 == s->poison[k])
				return true;
	return false;
}

static void execute(struct node *n, const struct tuple *t)
{
	struct world *w = n->world;

	trace(w, "execute", n->number, t->parts[0], t->edge);
	if (poisoned(n, t)) {
		node_die(n, true);
		return;
	}
	if (w->on[FAULT_FAIL] && w->quiet_ns == 0 && chance(w, w->set.fail_1000)) {
		fail(n, t);
		return;
	}
	if (n->kind == KIND_SPLIT)
		ack(n, t, split(n, t));
	else if (n->kind == KIND_SIDE)
		ack(n, t, pass_side(n, t));
	else if (withholds(n))
		store(n, t);
	else if (hold(n, t), n->n_held - n_emitted(n) >= w->set.group)
		merge(n, n_emitted(n));
}

static void drop_frame(struct node *n)
{
	frame_free(n->frame);
	n->frame = NULL;
	n->at = 0;
}

/* work, put_in_hand */
static void work(struct node *n)
{
	const struct tuple *t = &n->frame->tuples[n->at];
	struct world *w = n->world;

	if (!n->executing) {
		n->executing = true;
		n->hand_root = t->roots[0];
		if (w->on[FAULT_LAG] && w->quiet_ns == 0 && chance(w, 2))
			node_busy(n, below(w, 2 * w->set.hang_ns));
		return;
	}
	n->at++;
	execute(n, t);
	if (n->state != NODE_RUNNING)
		return;
	n->executing = false;
	n->hand_root = 0;
	if (n->at == n->frame->n)
		drop_frame(n);
}

/* ---- frames and markers in ---- */

static void ack_repeated(struct node *n)
{
	for (uint32_t i = 0; i < n->frame->n; i++)
		ack(n, &n->frame->tuples[i], 0);
	drop_frame(n);
}

static void on_data(struct node *n, uint32_t from)
{
	if (n->upstream[from] == UPSTREAM_DRAINED) {
		n->upstream[from] = UPSTREAM_OPEN;
		n->n_drained--;
	}
	n->fed = true;
	n->drain_passed = false;
}

static void on_marker(struct node *n, uint32_t from)
{
	if (n->upstream[from] == UPSTREAM_OPEN)
		n->n_drained++;
	n->upstream[from] = n->frame->kind == WIRE_DRAIN ? UPSTREAM_DRAINED : UPSTREAM_ENDED;
	n->n_upstream_ended += n->frame->kind == WIRE_END;
}

static bool take_frame(struct node *n)
{
	struct frame *f = net_receive(n);

	if (f == NULL)
		return false;
	n->frame = f;
	n->at = 0;
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

bool bolt_turn(struct node *n)
{
	if (n->syncing != 0)
		end_sync(n);
	if (withholds(n) && n->n_held >= n->world->set.batch)
		return begin_sync(n);
	if (n->kind == KIND_JOIN && chance(n->world, 500) && release(n))
		return true;
	if (n->frame != NULL && (n->executing || !n->blocked)) {
		work(n);
		return true;
	}
	if (n->frame == NULL && !n->blocked && take_frame(n))
		return true;
	if (n->kind == KIND_JOIN) {
		reset_held(n);
		return release(n);
	}
	return withholds(n) && begin_sync(n);
}

/* call_drain: what is held must be let go. */
static void call_drain(struct node *n)
{
	n->fed = false;
	if (n->kind == KIND_JOIN && n_emitted(n) < n->n_held)
		merge(n, n_emitted(n));
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
	if (n->fed) {
		call_drain(n);
		return true;
	}
	if (!n->drain_passed || n->drain_frames != n->frames_out) {
		post_marker(n, WIRE_DRAIN);
		n->drain_passed = true;
		n->drain_frames = n->frames_out;
		return true;
	}
	return n->n_upstream_ended == n->n_upstream && end(n);
}

uint64_t bolt_due(const struct node *n)
{
	if (n->kind == KIND_JOIN && n->world->on[FAULT_RESET] && n->n_held > 0)
		return n->now_ns + n->world->set.timeout_ns / 3;
	return NEVER;
}
