/* batch.c - see transaction.h. SPDX-License-Identifier: Apache-2.0 */
#include "transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "memory.h"
#include "worker.h"

enum { ORDERS_PER_TURN = 64, HELD_LIMIT = 4 /* times topology.held.bytes: the end */ };

void batch_init(struct worker *w)
{
	if (w->topology->transaction.id == NULL || w->n_stages == 0)
		return;
	w->txn = xcalloc(1, sizeof *w->txn);
	w->txn->held_most = (uint64_t)topology_int(w->topology, NULL, "topology.held.bytes");
	w->status->survives = 1;	/* the record, and a successor that is reset to it */
	if (w->me->role == ROLE_SPOUT)
		batch_spout_init(w);
	else
		batch_bolt_init(w);
}

void batch_free(struct worker *w)
{
	if (w->txn == NULL)
		return;
	if (w->me->role == ROLE_SPOUT) {
		batch_spout_free(w);
	} else {
		batch_bolt_reset(w, 0);
		batches_free(&w->txn->batches);
	}
	free(w->txn);
	w->txn = NULL;
}

/* ---- reports ---- */

void batch_report(struct worker *w, struct order *x)
{
	struct wire_header *h = &w->out.sender.header;
	uint64_t in_hand = h->txid;
	struct buf body = { 0 };

	order_write(x, &body);
	h->txid = x->txid;
	out_body(&w->out, w->plan->coordinator, WIRE_REPORT, &body);
	h->txid = in_hand;
	buf_free(&body);
}

void batch_say(struct worker *w, enum order_kind kind, uint64_t txid)
{
	batch_report(w, &(struct order){ .kind = kind, .txid = txid });
}

void batch_touched(struct worker *w)
{
	w->txn->touched = w->out.sender.header.txid;
	batch_say(w, REPORT_DATA, w->txn->touched);
}

void batch_failed(struct task *t, const char *why)
{
	struct worker *w = t->worker;
	char text[ORDER_TEXT_MAX];

	if (w->txn->failed)
		return;
	w->txn->failed = true;
	snprintf(text, sizeof text, "%s[%" PRIu32 "]: %s", t->ctx.component, t->ctx.index, why);
	batch_report(w, &(struct order){ .kind = REPORT_FAILED, .txid = w->out.sender.header.txid,
		.text = text, .n_text = (uint32_t)strlen(text) });
}

size_t batch_held(struct worker *w)
{
	struct txn *txn = w->txn;
	size_t held = txn->batches.aside_bytes;

	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].state != NULL)
			held += state_bytes(w->tasks[i].state);
	if (held > HELD_LIMIT * txn->held_most) {
		w->status->hopeless = 1;
		worker_fatal(w, "%zu bytes of batches that are not committed are in memory, %d times "
		    "topology.held.bytes: raise that, or make batches smaller "
		    "(topology.transaction.batch.tuples, .bytes)", held, HELD_LIMIT);
	}
	if ((held > txn->held_most) != txn->held_said) {
		txn->held_said = !txn->held_said;
		batch_report(w, &(struct order){ .kind = REPORT_HELD, .n = held });
	}
	return held;
}

void batch_working(struct worker *w)
{
	if (w->timeout_ns == 0 || w->now_ns - w->txn->worked_ns < w->timeout_ns / 8)
		return;
	w->txn->worked_ns = w->now_ns;
	batch_report(w, &(struct order){ .kind = REPORT_HELD, .n = batch_held(w) });
}

void batch_replaced(struct worker *w, uint32_t peer)
{
	if (!out_feeds(&w->out, peer))
		return;
	w->txn->generation = 0;
	w->txn->open = false;
}

void batch_laid_out(struct worker *w, const struct plan *was)
{
	(void)was;
	w->txn->generation = 0;
	w->txn->open = false;
}

void batch_enter(struct worker *w, uint64_t txid)
{
	w->out.sender.header.txid = txid;
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		w->tasks[i].ctx.txid = txid;
		if (w->tasks[i].state != NULL)
			state_begin_batch(w->tasks[i].state, txid);
	}
}

/* ---- resets ---- */

/* call_outside calls FN of T about batch TXID, outside of any. */
static void call_outside(struct task *t, int (*fn)(void *, gale_ctx *), uint64_t txid, const char *what)
{
	struct worker *w = t->worker;
	uint64_t in_hand = t->ctx.txid;
	bool open = w->txn->open;	/* not while tasks are made, nor after the last batch */
	int result;

	if (fn == NULL)
		return;
	w->txn->open = false;
	t->ctx.txid = txid;
	result = fn(t->self, &t->ctx);
	if (result != GALE_OK || t->broken)
		worker_fatal(w, "%s: %s", what, t->why[0] ? t->why : "the plugin gave no reason");
	t->ctx.txid = in_hand;
	w->txn->open = open;
}

static void undo(struct task *t, uint64_t txid)
{
	struct error e;
	int rc = t->state != NULL ? state_undo(t->state, txid, &e) : 0;

	if (rc == 0)
		return;
	t->worker->status->refused = rc == -1;
	worker_fatal(t->worker, "%s", e.text);
}

static void make_anew(struct task *t, const struct order *x)
{
	struct worker *w = t->worker;

	task_unmake(t);
	loop_forget(&w->loop, &t->ctx);
	t->hand = NULL;
	t->broken = t->done = false;
	t->why[0] = '\0';
	t->idle_until_ns = 0;
	t->ctx.txid = x->txid;
	t->ctx.generation = x->generation;
	undo(t, x->txid);
	if (w->me->role == ROLE_SPOUT)
		batch_spout_forget(t);
	task_make(t);
	if (w->me->role == ROLE_SPOUT)
		batch_spout_resume(t, &x->offsets);
	if (w->active && t->stage->code->activate != NULL)
		t->stage->code->activate(t->self, &t->ctx);
	call_outside(t, t->stage->code->publish, x->txid, "publish");
}

static uint8_t roles_of(const struct worker *w)
{
	uint8_t roles = w->me->role == ROLE_SPOUT ? ROLE_CUTS : 0;

	if (w->over)
		return roles;
	if (w->stages->code->state_version > 0 || w->stages->code->persist != NULL)
		roles |= ROLE_PREPARES;
	return w->stages->code->publish != NULL ? roles | ROLE_PUBLISHES : roles;
}

/* say_where reports KIND, and of a spout where its tasks are. */
static void say_where(struct worker *w, enum order_kind kind, uint64_t txid)
{
	struct order x = { .kind = kind, .txid = txid, .roles = roles_of(w) };

	for (uint32_t i = 0; i < w->n_tasks; i++) {
		const struct offset *at = w->tasks[i].offset;

		if (at != NULL && at->known)
			*offsets_at(&x.offsets, at->task) = *at;
	}
	batch_report(w, &x);
	offsets_free(&x.offsets);
}

/* on_reset: nothing of what was in memory counts any more (X3). */
static void on_reset(struct worker *w, const struct order *x)
{
	struct txn *txn = w->txn;

	(void)failpoint("batch.reset");
	txn->generation = x->generation;
	txn->committed = x->txid;
	txn->touched = x->txid;
	txn->held_said = txn->open = txn->failed = false;
	w->out.sender.header.generation = x->generation;
	out_drop(&w->out);
	if (w->me->role == ROLE_SPOUT) {
		say_where(w, REPORT_REACHED, x->txid);
		batch_spout_reset(w, x->txid);
	} else {
		batch_bolt_reset(w, x->txid);
	}
	for (uint32_t i = 0; i < w->n_tasks; i++)
		make_anew(&w->tasks[i], x);
	batch_enter(w, x->txid + 1);
	txn->open = true;
	(void)failpoint("batch.ready");
	say_where(w, REPORT_READY, x->txid);
	if (!txn->ready && !w->over)
		worker_ready();
	txn->ready = true;
}

/* ---- rounds ---- */

/* on_commit writes what the tasks have for the batches up to the order's (X6). */
static void on_commit(struct worker *w, const struct order *x)
{
	struct error e;

	(void)failpoint("batch.commit");
	for (uint32_t i = 0; i < w->n_tasks; i++)
		call_outside(&w->tasks[i], w->stages->code->persist, x->txid, "persist");
	(void)failpoint("batch.persisted");
	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].state != NULL &&
		    state_prepare(w->tasks[i].state, x->txid, x->generation, &e) != 0)
			worker_fatal(w, "%s", e.text);
	(void)failpoint("batch.prepared");
	batch_say(w, REPORT_PREPARED, x->txid);
	batch_held(w);
}

static void on_record(struct worker *w, const struct order *x)
{
	if (w->me->role == ROLE_SPOUT)
		batch_spout_committed(w, x->txid);
	w->txn->committed = x->txid;
	if (w->over || w->stages->code->publish == NULL)
		return;
	(void)failpoint("batch.publish");
	for (uint32_t i = 0; i < w->n_tasks; i++)
		call_outside(&w->tasks[i], w->stages->code->publish, x->txid, "publish");
	(void)failpoint("batch.published");
	batch_say(w, REPORT_PUBLISHED, x->txid);
}

/* ---- orders ---- */

static void obey(struct worker *w, const struct order *x)
{
	if (x->kind != ORDER_RESET && x->generation != w->txn->generation)
		return;
	switch (x->kind) {
	case ORDER_RESET:
		on_reset(w, x);
		break;
	case ORDER_COMMIT:
		on_commit(w, x);
		break;
	case ORDER_RECORD:
		on_record(w, x);
		break;
	case ORDER_OVER:
		w->end_passed = true;
		break;
	default:
		if (w->me->role == ROLE_SPOUT && !w->over)
			batch_spout_order(w, x);
	}
}

bool batch_orders(struct worker *w)
{
	struct wire_reader r;
	struct frame *f;
	struct order x;
	int n = 0;

	for (; n < ORDERS_PER_TURN && (f = inbox_receive(w->acks, w->now_ns)) != NULL; n++) {
		if (worker_frame_ok(w, f, &r) && r.header.kind == WIRE_ORDER &&
		    order_read(&x, r.at, (size_t)(r.end - r.at), r.header.txid, r.header.generation)) {
			obey(w, &x);
			order_free(&x);
		}
		frame_release(w->acks, f);
	}
	if ((w->end_passed || w->over) && out_clear(&w->out))
		worker_ended(w);
	return n > 0;
}
