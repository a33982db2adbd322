/* batch_bolt.c - a bolt's turn in a transactional topology.
 *
 * Frames of the batch in hand are worked through as ever; those of later ones are put aside
 * (X5). When the markers of all upstream workers have come, every frame was executed and
 * nothing is held, the worker has all of the batch (X4):
 *
 *     finish_batch of every task --> in the last batch: finish, until there is no more (X10)
 *       --> all flushed, the markers go on --> CLOSED --> the next batch is in hand
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "failpoint.h"
#include "memory.h"
#include "worker.h"
#include "transaction.h"

void batch_bolt_init(struct worker *w)
{
	bool *upstream = xcalloc((size_t)w->plan->n_workers + 1, sizeof *upstream);

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		upstream[i] = plan_runs_plugin(w->plan, i) &&
		    plan_feeds(w->plan, w->plan->workers[i].component, w->me->component);
	batches_init(&w->txn->batches, upstream, w->plan->n_workers);
	free(upstream);
}

void batch_bolt_reset(struct worker *w, uint64_t txid)
{
	struct frame *f;

	if (w->frame != NULL)
		bolt_drop_frame(w);
	while ((f = batches_drop_aside(&w->txn->batches)) != NULL)
		frame_release(w->data, f);
	host_drop_held(w);
	batches_reset(&w->txn->batches, w->txn->generation, txid);
	w->txn->closing = CLOSING_NOT;
	w->stages->finishing = false;
	w->out.sender.header.flags &= (uint16_t)~WIRE_FINISH;
}

/* laid_out: all of the generation is left, and the reset that follows waited for. */
static void laid_out(struct worker *w, const struct plan *was)
{
	batch_laid_out(w, was);
	batch_bolt_reset(w, 0);
	bolt_laid_out(w, was);
	batches_free(&w->txn->batches);
	batch_bolt_init(w);
}

/* ---- in ---- */

static void on_marker(struct worker *w)
{
	const struct wire_header *h = &w->reader.header;

	if (!batches_marker(&w->txn->batches, h->worker, h->txid, h->generation, h->flags & WIRE_LAST) &&
	    h->generation == w->txn->generation)
		fprintf(stderr, "error: a marker of batch %llu from %s is dropped: it is not expected\n",
		    (unsigned long long)h->txid, w->plan->workers[h->worker].label);
}

/* sort_frame does with the frame in hand what batches.h says; true: it stays in hand. */
static bool sort_frame(struct worker *w)
{
	struct batches *b = &w->txn->batches;
	const struct wire_header *h = &w->reader.header;

	if (!worker_frame_ok(w, w->frame, &w->reader) || !b->upstream[h->worker])
		return false;
	if (h->kind == WIRE_CLOSE)
		on_marker(w);
	if (h->kind != WIRE_DATA)
		return false;
	switch (batches_frame(b, h->txid, h->generation)) {
	case BATCHES_NOW:
		return w->txn->closing == CLOSING_NOT;
	case BATCHES_ASIDE:
		frame_hold(w->frame);
		batches_put_aside(b, h->txid, w->frame, w->frame->n);
		batch_held(w);
		return false;
	case BATCHES_DROP:
		break;
	}
	return false;
}

/* take_frame makes the next frame of the batch in hand the one in hand; false: there is
 * nothing new at all. */
static bool take_frame(struct worker *w)
{
	if (w->txn->closing == CLOSING_NOT && (w->frame = batches_take(&w->txn->batches)) != NULL) {
		if (!worker_frame_ok(w, w->frame, &w->reader))
			bolt_drop_frame(w);
		return true;
	}
	if ((w->frame = inbox_receive(w->data, w->now_ns)) == NULL)
		return false;
	if (!sort_frame(w))
		bolt_drop_frame(w);
	return true;
}

/* ---- the end of a batch ---- */

/* finish_batch calls it of all tasks; false: the batch has failed. */
static bool finish_batch(struct worker *w)
{
	for (uint32_t i = 0; w->stages->code->finish_batch != NULL && i < w->n_tasks; i++) {
		struct task *t = &w->tasks[i];
		int result = w->stages->code->finish_batch(t->self, &t->ctx);

		if (result == GALE_FATAL)
			worker_fatal(w, "%s", t->why[0] ? t->why : "the plugin gave up without a word");
		if (result != GALE_OK || t->broken) {
			batch_failed(t, t->why[0] ? t->why : "finish_batch gave no reason");
			t->broken = false;
			return false;
		}
	}
	return true;
}

static void begin_finish(struct worker *w)
{
	w->stages->finishing = true;
	w->out.sender.header.flags |= WIRE_FINISH;
	for (uint32_t i = 0; i < w->n_tasks; i++)
		w->tasks[i].done = w->stages->code->finish == NULL;
}

static void begin_closing(struct worker *w)
{
	struct txn *txn = w->txn;

	txn->closing = CLOSING_FINISH;
	if (!finish_batch(w))
		return;
	if (txn->batches.last == txn->batches.txid)
		begin_finish(w);
	else
		txn->closing = CLOSING_MARK;
}

/* pass_on sends the markers of the batch in hand behind all that belongs to it. */
static void pass_on(struct worker *w)
{
	struct txn *txn = w->txn;
	uint64_t txid = txn->batches.txid;

	out_marker(&w->out, WIRE_CLOSE, txn->batches.last == txid ? WIRE_LAST : 0);
	(void)failpoint("batch.closed");
	batch_report(w, &(struct order){ .kind = REPORT_CLOSED, .txid = txid, .n = batch_held(w) });
	txn->closing = CLOSING_NOT;
	w->stages->finishing = false;
	w->out.sender.header.flags &= (uint16_t)~WIRE_FINISH;
	batches_close(&txn->batches);
	batch_enter(w, txid + 1);
	if (txn->batches.last == txid)
		txn->open = false;	/* nothing follows */
}

/* close_some takes the end of the batch in hand a step further; false: it must wait. */
static bool close_some(struct worker *w)
{
	struct txn *txn = w->txn;

	switch (txn->closing) {
	case CLOSING_NOT:
		if (!txn->open || !batches_complete(&txn->batches) || w->status->held > 0)
			return false;
		begin_closing(w);
		return true;
	case CLOSING_FINISH:
		if (!ending_finished(w->stages))
			return ending_finish_some(w->stages);
		txn->closing = CLOSING_MARK;
		return true;
	case CLOSING_MARK:
		out_flush(&w->out);
		if (out_blocked(&w->out))
			return false;
		pass_on(w);
		return true;
	}
	return false;
}

static bool turn(struct worker *w)
{
	bool any = batch_orders(w);

	if (w->txn->generation == 0 || w->txn->failed || out_blocked(&w->out))
		return any;
	if (w->frame != NULL) {
		(void)failpoint("batch.work");
		bolt_work(w);
		batch_held(w);
		batch_working(w);
		return true;
	}
	return take_frame(w) || close_some(w) || any;
}

static bool rest(struct worker *w)
{
	(void)w;
	return false;
}

static uint64_t due(const struct worker *w)
{
	uint64_t at = UINT64_MAX;

	for (uint32_t i = 0; w->stages->finishing && i < w->n_tasks; i++)
		if (!w->tasks[i].done && w->tasks[i].idle_until_ns > w->now_ns &&
		    w->tasks[i].idle_until_ns < at)
			at = w->tasks[i].idle_until_ns;
	return at;
}

static bool wants_data(const struct worker *w)
{
	return w->txn->generation != 0 && !w->txn->failed;
}

const struct role_ops batch_bolt_ops = {
	.start = bolt_start, .turn = turn, .rest = rest, .due = due, .wants_data = wants_data,
	.replaced = batch_replaced, .laid_out = laid_out, .stop = bolt_stop,
};
