/* worker.c - what all workers do: start, hear, send. Glue as in the worker's worker.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "memory.h"
#include "txn.h"

bool node_feeds(const struct node *n, uint32_t to)
{
	return feeds(n->w, n->kind, n->w->nodes[to].kind);
}

/* ---- life ---- */

void node_begin(struct node *n, uint32_t start)
{
	struct world *w = n->w;

	n->up = true;
	n->dying = n->ended = n->failed = n->fail_next = false;
	n->start = start;
	n->doom = 0;
	n->slow_until = n->deaf_until = 0;
	n->generation = 0;
	for (uint32_t i = 0; i <= w->n_workers; i++)
		n->starts[i] = n->sends_to[i] = w->nodes[i].start;
	trace(w, "begins", n->number, start, w->run);
	if (n->kind == KIND_CHIEF)
		chief_begin(n);
	else if (n->kind != KIND_SPOUT)
		bolt_begin(n);
}

static void forget_open(struct node *n)
{
	for (uint32_t i = 0; i < MOST_NODES; i++) {
		if (n->open[i] != NULL)
			frame_free(n->open[i]);
		n->open[i] = NULL;
	}
}

void node_die(struct node *n)
{
	if (!n->up)
		return;
	trace(n->w, "dies", n->number, n->start, 0);
	n->up = false;
	forget_open(n);
	if (n->kind == KIND_CHIEF)
		chief_end(n);
	else if (n->kind == KIND_SPOUT)
		spout_end(n);
	else
		bolt_end(n);
	net_died(n);
	super_died(n);
}

/* ---- sending ---- */

void node_report(struct node *n, struct order *x)
{
	struct frame *f = frame_new(n, FRAME_ORDER, x->txid, n->generation);

	order_write(x, &f->body);
	net_send(n, n->w->n_workers, f);
}

void node_say(struct node *n, enum order_kind kind, uint64_t txid, uint64_t number)
{
	node_report(n, &(struct order){ .kind = kind, .txid = txid, .n = number });
}

static void flush_to(struct node *n, uint32_t to)
{
	struct frame *f = n->open[to];

	n->open[to] = NULL;
	if (f != NULL)
		net_send(n, to, f);
}

void node_flush(struct node *n)
{
	for (uint32_t i = 0; i < n->w->n_workers; i++)
		flush_to(n, i);
}

/* node_emit puts T into the open frame to TO; see batch_touched. */
void node_emit(struct node *n, uint32_t to, struct tuple t)
{
	if (n->touched != n->txid) {
		n->touched = n->txid;
		node_say(n, REPORT_DATA, n->txid, 0);
	}
	if (n->open[to] == NULL)
		n->open[to] = frame_new(n, FRAME_DATA, n->txid, n->generation);
	n->open[to]->tuples[n->open[to]->n++] = t;
	if (n->open[to]->n >= n->w->set.frame_tuples)
		flush_to(n, to);
}

void node_mark(struct node *n, uint64_t txid, bool last)
{
	for (uint32_t to = 0; to < n->w->n_workers; to++) {
		struct frame *f;

		if (!node_feeds(n, to))
			continue;
		f = frame_new(n, FRAME_MARKER, txid, n->generation);
		f->last = last;
		net_send(n, to, f);
	}
}

/* ---- hearing ---- */

/* succeed: who has sent data to the dead start of PEER can't say what of them has arrived. The
 * generation has no future here: the coordinator will be told of the loss. */
static void succeed(struct node *n, uint32_t peer, uint32_t start)
{
	if (start > n->starts[peer])
		n->starts[peer] = start;
	if (start <= n->sends_to[peer])
		return;
	n->sends_to[peer] = start;
	if (node_feeds(n, peer))
		n->generation = 0;
}

/* node_takes: see worker_frame_ok. */
bool node_takes(struct node *n, const struct frame *f)
{
	if (f->start < n->starts[f->from])
		return false;
	succeed(n, f->from, f->start);
	return true;
}

static void on_reset(struct node *n, const struct order *x)
{
	trace(n->w, "reset", n->number, x->txid, x->generation);
	n->generation = x->generation;
	n->touched = x->txid;
	n->txid = x->txid + 1;
	n->failed = n->ended = false;
	forget_open(n);
	if (n->kind == KIND_SPOUT)
		spout_reset(n, x);
	else
		bolt_reset(n, x);
}

static void on_order(struct node *n, const struct order *x)
{
	if (x->kind == ORDER_RESET)
		on_reset(n, x);
	else if (x->generation != n->generation || n->generation == 0)
		return;
	else if (x->kind == ORDER_OVER)
		n->ended = true;
	else if (n->kind == KIND_SPOUT)
		spout_order(n, x);
	else
		bolt_order(n, x);
}

static void hear_order(struct node *n)
{
	struct frame *f = n->kind == KIND_SPOUT || chance(n->w, n->w->set.hears) ? net_take(n, false) : NULL;
	struct order x;

	if (f == NULL)
		return;
	if (node_takes(n, f)) {
		if (!order_read(&x, (const uint8_t *)f->body.data, f->body.n, f->txid, f->generation))
			violated(n->w, "orders", "an order can't be read");
		on_order(n, &x);
		order_free(&x);
	}
	frame_free(f);
}

static void hear_note(struct node *n)
{
	struct note note;

	if (n->w->steps < n->deaf_until || !note_hear(n, &note))
		return;
	succeed(n, note.worker, note.start);
	super_confirmed(n, note.worker, note.start);
}

static void hear_data(struct node *n)
{
	bool wants = n->kind != KIND_SPOUT && n->generation != 0 && !n->failed;
	struct frame *f = wants ? net_take(n, true) : NULL;

	if (f == NULL)
		return;
	if (node_takes(n, f))
		bolt_frame(n, f);
	else
		frame_free(f);
}

void node_step(struct node *n)
{
	switch (below(n->w, 6)) {
	case 0:
		hear_note(n);
		break;
	case 1:
	case 2:
		hear_order(n);
		break;
	case 3:
		if (n->generation == 0 || n->failed)
			break;
		if (n->kind == KIND_SPOUT)
			spout_turn(n);
		else
			bolt_turn(n);
		break;
	case 4:
		hear_data(n);
		break;
	default:
		if (chance(n->w, 300))
			node_flush(n);
		else
			hear_data(n);
	}
}
