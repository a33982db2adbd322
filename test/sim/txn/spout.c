/* spout.c - tasks that can be positioned; glue as in batch_spout.c.
 *
 * A task has items 0, 1, 2, ...; its position is the next one. One call emits one or some. In
 * an opaque world, and where a batch is not planned, it ends where chance has it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "txn.h"

static struct filled *filled_of(struct node *n, uint64_t txid)
{
	return &n->filled[txid % BATCHES_PLACES];
}

static void clear(struct filled *f)
{
	offsets_free(&f->ends);
	*f = (struct filled){ 0 };
}

void spout_end(struct node *n)
{
	for (size_t i = 0; i < BATCHES_PLACES; i++)
		clear(&n->filled[i]);
}

static void put(struct offsets *o, const struct node *n, uint32_t t)
{
	struct offset *at;

	if (!n->known[t])
		return;
	at = offsets_at(o, n->first_task + t);
	at->known = true;
	at->next = n->next[t];
	at->n_blob = 1;
	at->blob[0] = (uint8_t)at->next;
}

static void say_ready(struct node *n, uint64_t txid)
{
	struct order x = { .kind = REPORT_READY, .txid = txid, .roles = ROLE_CUTS };

	for (uint32_t t = 0; t < n->n_tasks; t++)
		put(&x.offsets, n, t);
	node_report(n, &x);
	offsets_free(&x.offsets);
}

void spout_reset(struct node *n, const struct order *x)
{
	spout_end(n);
	n->begun = n->cut = n->marked = n->dry = x->txid;
	for (uint32_t t = 0; t < n->n_tasks; t++) {
		const struct offset *at = offsets_find(&x->offsets, n->first_task + t);

		n->batch[t] = x->txid + 1;
		n->known[t] = n->w->set.followed || (at != NULL && at->known);
		n->next[t] = at != NULL && at->known ? at->next :
		    n->w->set.followed ? below(n->w, n->w->set.items / 2 + 1) : 0;
	}
	say_ready(n, x->txid);
}

void spout_order(struct node *n, const struct order *x)
{
	struct filled *f = filled_of(n, x->txid);

	switch (x->kind) {
	case ORDER_BEGIN:
		f->planned = x->planned;
		f->last = x->final;
		offsets_merge(&f->ends, &x->offsets);
		n->begun = x->txid;
		break;
	case ORDER_CLOSE:
		f->closed = true;
		f->last = x->final;
		break;
	case ORDER_MARK:
		f->mark = true;
		break;
	default:
		break;
	}
}

/* ---- where a batch ends ---- */

static bool before_end(struct node *n, const struct filled *f, uint32_t t)
{
	const struct offset *end = offsets_find(&f->ends, n->first_task + t);

	return end != NULL && end->known && n->next[t] < end->next;
}

static void leave(struct node *n, uint32_t t)
{
	struct filled *f = filled_of(n, n->batch[t]);

	if (!f->planned)
		put(&f->ends, n, t);
	n->batch[t]++;
}

static bool is_over(struct node *n, uint32_t t)
{
	struct filled *f = filled_of(n, n->batch[t]);

	if (n->batch[t] > n->begun)
		return false;
	return f->planned ? !before_end(n, f, t) : f->closed;
}

static void report_cuts(struct node *n)
{
	for (uint32_t t = 0; t < n->n_tasks; t++)
		while (is_over(n, t))
			leave(n, t);
	for (; n->cut < n->begun; n->cut++) {
		for (uint32_t t = 0; t < n->n_tasks; t++)
			if (n->batch[t] <= n->cut + 1)
				return;
		node_report(n, &(struct order){ .kind = REPORT_CUT, .txid = n->cut + 1,
			.offsets = filled_of(n, n->cut + 1)->ends });
	}
}

static void send_marks(struct node *n)
{
	while (n->marked < n->cut && filled_of(n, n->marked + 1)->mark) {
		bool last = filled_of(n, ++n->marked)->last;

		node_flush(n);
		node_mark(n, n->marked, last);
		oracle_closed(n, n->marked, last);
		node_say(n, REPORT_CLOSED, n->marked, 0);
	}
}

/* ---- emitting ---- */

static void say_full(struct node *n, uint64_t txid)
{
	struct filled *f = filled_of(n, txid);

	if (f->full_said || f->planned || f->closed)
		return;
	f->full_said = true;
	node_say(n, REPORT_FULL, txid, 0);
}

static void send_item(struct node *n, uint32_t t)
{
	struct world *w = n->w;
	uint32_t task = n->first_task + t, ignored;
	uint8_t key = item_key(w, task, n->next[t]);
	struct tuple item = { .type = TUPLE_ITEM, .key = key, .value = (uint32_t)n->next[t] };
	struct node *to;

	if (n->txid != n->batch[t])
		node_flush(n);
	n->txid = n->batch[t];
	to = w->set.counts[KIND_SPLIT] > 0 ? node_of_key(w, KIND_SPLIT, (uint8_t)(key + n->next[t]), &ignored) :
	    node_of_key(w, KIND_COUNT, key, &ignored);
	node_emit(n, to->number, item);
	if (w->set.direct) {
		item.type = TUPLE_DIRECT;
		node_emit(n, node_of_key(w, KIND_SUM, key, &ignored)->number, item);
	}
	filled_of(n, n->txid)->tuples++;
}

/* emit: what lies beyond the last batch is not wanted. */
static void emit(struct node *n, uint32_t t)
{
	while (n->batch[t] <= n->begun && filled_of(n, n->batch[t])->planned &&
	    !before_end(n, filled_of(n, n->batch[t]), t))
		leave(n, t);
	if (n->batch[t] <= n->begun || !filled_of(n, n->begun)->last)
		send_item(n, t);
	n->next[t]++;
	n->known[t] = true;
}

static bool done(const struct node *n, uint32_t t)
{
	return n->next[t] >= n->w->set.items;
}

/* follows: the batch behind those that are planned is begun. A call may go beyond a planned end,
 * and what it emits there must know its batch. */
static bool follows(struct node *n)
{
	const struct filled *f = filled_of(n, n->begun);

	return !f->planned || f->last;
}

static void emit_some(struct node *n)
{
	uint32_t t = (uint32_t)below(n->w, n->n_tasks), calls = 1 + (uint32_t)below(n->w, 3);
	struct filled *f = filled_of(n, n->batch[t]);

	if (n->batch[t] > n->begun || is_over(n, t) || done(n, t) ||
	    (f->planned ? !follows(n) : f->tuples >= n->w->set.batch_tuples))
		return;
	while (calls-- > 0 && !done(n, t))
		emit(n, t);
	f = filled_of(n, n->batch[t]);
	if (f->tuples >= n->w->set.batch_tuples)
		say_full(n, n->batch[t]);
}

static void say_ended(struct node *n)
{
	uint64_t txid = n->batch[0];

	if (txid > n->begun || filled_of(n, txid)->planned || filled_of(n, txid)->closed)
		return;
	for (uint32_t t = 0; t < n->n_tasks; t++)
		if (!done(n, t) || n->batch[t] != txid)
			return;
	if (filled_of(n, txid)->tuples > 0) {
		say_full(n, txid);
	} else if (n->dry < txid) {
		n->dry = txid;
		node_say(n, REPORT_DRY, txid, 0);
	}
}

void spout_turn(struct node *n)
{
	if (n->fail_next && n->batch[0] <= n->begun) {
		n->fail_next = false;
		node_say(n, REPORT_FAILED, n->batch[0], 0);
	}
	report_cuts(n);
	send_marks(n);
	if (chance(n->w, 400))
		emit_some(n);
	say_ended(n);
}
