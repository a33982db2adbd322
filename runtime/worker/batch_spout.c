/* batch_spout.c - a spout's turn in a transactional topology.
 *
 *     BEGIN n --> tasks emit into n --> CLOSE n, or its planned end --> every task goes on in n + 1
 *             --> no task is in n any more: CUT, with where each has left it
 *             --> MARK n: flushed, the markers go                          --> CLOSED
 *             --> RECORD: what was emitted in n counts as acked
 *
 * A batch ends between two calls of next. One that is planned, since it was cut in an earlier
 * attempt, ends where a task's messages reach the planned position, and that may be within a
 * call: messages name positions, so each knows its batch.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "failpoint.h"
#include "memory.h"
#include "worker.h"
#include "transaction.h"

enum { NEXT_PER_TURN = 64 };

static struct filled *filled_of(const struct worker *w, uint64_t txid)
{
	return &w->txn->filled[txid % BATCHES_PLACES];
}

static void clear(struct filled *f)
{
	offsets_free(&f->ends);
	free(f->stamps);
	free(f->by_task);
	*f = (struct filled){ 0 };
}

void batch_spout_init(struct worker *w)
{
	w->txn->most_tuples = (uint64_t)topology_int(w->topology, NULL, "topology.transaction.batch.tuples");
	w->txn->most_bytes = (uint64_t)topology_int(w->topology, NULL, "topology.transaction.batch.bytes");
}

void batch_spout_free(struct worker *w)
{
	for (size_t i = 0; i < BATCHES_PLACES; i++)
		clear(&w->txn->filled[i]);
	for (uint32_t i = 0; i < w->n_tasks; i++)
		free(w->tasks[i].offset);
}

void batch_spout_reset(struct worker *w, uint64_t txid)
{
	struct txn *txn = w->txn;

	for (size_t i = 0; i < BATCHES_PLACES; i++)
		clear(&txn->filled[i]);
	txn->begun = txn->cut = txn->marked = txn->dry = txid;
	w->acked_now.n = 0;
}

void batch_spout_forget(struct task *t)
{
	if (t->offset == NULL)
		t->offset = xmalloc(sizeof *t->offset);
	*t->offset = (struct offset){ .task = t->ctx.task };
	t->emitted = false;
}

void batch_spout_resume(struct task *t, const struct offsets *from)
{
	struct worker *w = t->worker;
	const struct offset *at = offsets_find(from, t->ctx.task);
	gale_resume r;

	t->batch = t->ctx.txid + 1;
	if (at == NULL || !at->known)
		return;		/* at the beginning, wherever open says that it is */
	*t->offset = *at;
	r = (gale_resume){ .next = at->next, .blob = at->blob, .n_blob = at->n_blob };
	if (w->stages->code->resume(t->self, &t->ctx, &r) == GALE_OK && !t->broken)
		return;
	w->status->refused = 1;
	worker_fatal(w, "resume: %s", t->why[0] ? t->why : "the plugin gave no reason");
}

int batch_spout_told(struct task *t, uint64_t next, const void *blob, uint32_t n)
{
	struct offset *at = t->offset;

	if (n > sizeof at->blob || (at->known && next < at->next))
		return -1;
	at->known = true;
	at->next = next;
	at->n_blob = n;
	if (n > 0)
		memcpy(at->blob, blob, n);
	return 0;
}

/* ---- batches: their beginning and end ---- */

void batch_spout_order(struct worker *w, const struct order *x)
{
	struct filled *f = filled_of(w, x->txid);

	switch (x->kind) {
	case ORDER_BEGIN:
		f->planned = x->planned;
		f->last = x->final;
		offsets_merge(&f->ends, &x->offsets);
		w->txn->begun = x->txid;
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

/* has_reached: T is where its planned end in F is, or F has none of it. */
static bool has_reached(const struct task *t, const struct filled *f)
{
	const struct offset *end = offsets_find(&f->ends, t->ctx.task);

	return end == NULL || !end->known || (t->offset->known && t->offset->next >= end->next);
}

static void leave(struct task *t)
{
	struct filled *f = filled_of(t->worker, t->batch);

	if (!f->planned && t->offset->known)
		*offsets_at(&f->ends, t->ctx.task) = *t->offset;
	t->batch++;
}

/* is_over tells whether T has nothing more to emit into its batch. */
static bool is_over(const struct task *t)
{
	const struct worker *w = t->worker;
	const struct filled *f = filled_of(w, t->batch);

	if (t->batch > w->txn->begun)
		return false;
	return f->planned ? has_reached(t, f) : f->closed;
}

/* enter makes what is emitted now belong to the batch of T. */
static void enter(struct task *t)
{
	struct worker *w = t->worker;

	if (w->out.sender.header.txid == t->batch)
		return;
	out_flush(&w->out);
	batch_enter(w, t->batch);
}

/* note puts down that T emits a tuple into F. */
static void note(const struct task *t, struct filled *f)
{
	const struct worker *w = t->worker;

	f->tuples++;
	if (t->counts != NULL) {
		if (f->by_task == NULL)
			f->by_task = xcalloc(w->n_tasks, sizeof *f->by_task);
		f->by_task[t->index]++;
	}
	if (f->n_stamps > 0 && f->stamps[f->n_stamps - 1].at_ns == w->now_ns) {
		f->stamps[f->n_stamps - 1].n++;
		return;
	}
	f->stamps = xgrow(f->stamps, &f->stamps_cap, f->n_stamps + 1, sizeof *f->stamps);
	f->stamps[f->n_stamps++] = (struct stamp){ w->now_ns, 1 };
}

static void say_full(struct worker *w, uint64_t txid)
{
	struct filled *f = filled_of(w, txid);

	if (f->full_said || f->planned || f->closed)
		return;
	f->full_said = true;
	batch_say(w, REPORT_FULL, txid);
}

static bool is_full(const struct worker *w, uint64_t txid)
{
	const struct filled *f = filled_of(w, txid);

	return f->tuples >= w->txn->most_tuples || f->bytes >= w->txn->most_bytes;
}

/* Message ID of T lies beyond the planned end of its batch: it belongs to one that follows. One always does
 * (coordinator.h), but behind the last: what a call emits beyond that was never wanted. */
bool batch_spout_emits(struct task *t, uint64_t id)
{
	struct worker *w = t->worker;

	while (t->batch <= w->txn->begun && filled_of(w, t->batch)->planned) {
		const struct offset *end = offsets_find(&filled_of(w, t->batch)->ends, t->ctx.task);

		if (end != NULL && end->known && id < end->next)
			break;
		leave(t);
	}
	if (t->batch > w->txn->begun && filled_of(w, w->txn->begun)->last)
		return false;
	enter(t);
	t->emitted = true;
	note(t, filled_of(w, t->batch));
	if (is_full(w, t->batch))
		say_full(w, t->batch);
	return true;
}

/* check_told: who has emitted must have said how far it has come. */
static void check_told(const struct task *t)
{
	if (!t->emitted || t->offset->known)
		return;
	t->worker->status->hopeless = 1;
	worker_fatal(t->worker, "it has emitted, and not said how far it has come: this input can't be "
	    "positioned, and so not be used in a transactional topology");
}

/* report_cuts tells of every batch that all tasks have left. */
static bool report_cuts(struct worker *w)
{
	struct txn *txn = w->txn;
	bool any = false;

	for (uint32_t i = 0; i < w->n_tasks; i++)
		while (is_over(&w->tasks[i])) {
			check_told(&w->tasks[i]);
			leave(&w->tasks[i]);
		}
	while (txn->cut < txn->begun) {
		uint64_t txid = txn->cut + 1;

		for (uint32_t i = 0; i < w->n_tasks; i++)
			if (w->tasks[i].batch <= txid)
				return any;
		txn->cut = txid;
		(void)failpoint("batch.cut");
		batch_report(w, &(struct order){ .kind = REPORT_CUT, .txid = txid,
			.offsets = filled_of(w, txid)->ends });
		any = true;
	}
	return any;
}

/* send_marks sends the markers that may go, each behind all of its batch. */
static bool send_marks(struct worker *w)
{
	struct txn *txn = w->txn;
	struct wire_header *h = &w->out.sender.header;
	bool any = false;

	while (txn->marked < txn->cut && filled_of(w, txn->marked + 1)->mark) {
		uint64_t in_hand = h->txid;

		out_flush(&w->out);
		if (out_blocked(&w->out))
			return any;
		h->txid = ++txn->marked;
		out_marker(&w->out, WIRE_CLOSE, filled_of(w, h->txid)->last ? WIRE_LAST : 0);
		(void)failpoint("batch.closed");
		batch_say(w, REPORT_CLOSED, h->txid);
		h->txid = in_hand;
		any = true;
	}
	return any;
}

/* ---- emitting ---- */

/* check_done: a task that says that it has nothing more must have come as far as before. */
static void check_done(struct task *t)
{
	struct worker *w = t->worker;
	const struct filled *f = filled_of(w, t->batch);

	if (t->batch > w->txn->begun || !f->planned || has_reached(t, f))
		return;
	w->status->refused = 1;
	worker_fatal(w, "the input ends before the place where batch %llu of an earlier attempt ended: it has "
	    "become shorter; put it back as it was, or begin with another state directory",
	    (unsigned long long)t->batch);
}

static bool ask(struct worker *w, struct task *t)
{
	uint64_t bytes = w->status->bytes_out, txid = t->batch;
	bool any;

	enter(t);
	(void)failpoint("batch.emit");
	any = spout_ask(w, t);
	check_told(t);
	if (any)
		batch_working(w);
	filled_of(w, txid)->bytes += w->status->bytes_out - bytes;
	if (is_full(w, txid))
		say_full(w, txid);
	return any;
}

/* plans_are_known: one call of next may reach over the ends of several planned batches, so all
 * of them must have begun, and the one behind them, before anything is emitted into the first. */
static bool plans_are_known(const struct worker *w)
{
	const struct filled *last = filled_of(w, w->txn->begun);

	return !last->planned || last->last;
}

/* may_emit tells whether T has a batch to emit into, and something left to emit. What is planned
 * is emitted again also when nothing new is wanted: the run can't end before. */
static bool may_emit(const struct worker *w, const struct task *t)
{
	return t->batch <= w->txn->begun && plans_are_known(w) && !is_over(t) && !t->done &&
	    (filled_of(w, t->batch)->planned || (w->active && !is_full(w, t->batch)));
}

static bool may_ask(const struct worker *w, const struct task *t)
{
	return may_emit(w, t) && t->idle_until_ns <= w->now_ns && !out_blocked(&w->out);
}

static bool emit_some(struct worker *w)
{
	bool any = false;

	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct task *t = &w->tasks[(w->turn + i) % w->n_tasks];

		if (t->done)
			check_done(t);
		for (int n = 0; n < NEXT_PER_TURN && may_ask(w, t); n++) {
			w->now_ns = w->out.sender.now_ns = clock_now_ns();
			out_flush_old(&w->out);
			if (!ask(w, t))
				break;
			any = true;
		}
	}
	w->turn++;
	return any;
}

/* say_ended: when all tasks have nothing more, the batch they are in need not wait. */
static void say_ended(struct worker *w)
{
	uint64_t txid = w->n_tasks > 0 ? w->tasks[0].batch : 0;

	if (txid == 0 || txid > w->txn->begun || filled_of(w, txid)->planned || filled_of(w, txid)->closed)
		return;
	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (!w->tasks[i].done || w->tasks[i].batch != txid)
			return;
	if (filled_of(w, txid)->tuples > 0) {
		say_full(w, txid);
	} else if (w->txn->dry < txid) {
		w->txn->dry = txid;
		batch_say(w, REPORT_DRY, txid);
	}
}

static bool turn(struct worker *w)
{
	bool any = batch_orders(w);

	if (w->txn->generation == 0 || w->over)
		return any;
	any |= report_cuts(w);
	if (!out_blocked(&w->out))
		any |= send_marks(w);
	any |= emit_some(w);
	say_ended(w);
	return any;
}

/* ---- the record ---- */

void batch_spout_committed(struct worker *w, uint64_t txid)
{
	struct status *s = w->status;

	for (uint64_t x = w->txn->committed + 1; x <= txid; x++) {
		struct filled *f = filled_of(w, x);

		for (size_t i = 0; i < f->n_stamps; i++)
			hist_add(&s->complete, w->now_ns - f->stamps[i].at_ns, f->stamps[i].n);
		s->acked += f->tuples;
		for (uint32_t i = 0; f->by_task != NULL && i < w->n_tasks; i++)
			w->tasks[i].counts->n.acked += f->by_task[i];
		if (f->tuples > 0 && s->first_ack_ns == 0)
			s->first_ack_ns = w->now_ns;
		if (f->tuples > 0)
			s->last_ack_ns = w->now_ns;
		clear(f);
	}
}

/* ---- the rest of the role ---- */

static void start(struct worker *w)
{
	(void)w;
}

static bool rest(struct worker *w)
{
	(void)w;
	return false;
}

static uint64_t due(const struct worker *w)
{
	uint64_t at = UINT64_MAX;

	for (uint32_t i = 0; w->txn->generation != 0 && !out_blocked(&w->out) && i < w->n_tasks; i++) {
		const struct task *t = &w->tasks[i];

		if (may_emit(w, t) && t->idle_until_ns < at)
			at = t->idle_until_ns;
	}
	return at;
}

static bool wants_data(const struct worker *w)
{
	(void)w;
	return false;
}

static void stop(struct worker *w)
{
	(void)w;
}

const struct role_ops batch_spout_ops = {
	.start = start, .turn = turn, .rest = rest, .due = due, .wants_data = wants_data,
	.replaced = batch_replaced, .laid_out = batch_laid_out, .stop = stop,
};
