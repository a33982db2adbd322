/* spout.c - a spout's turn: verdicts in, next called while there is room, and its end.
 *
 * A spout has ended when every task said GALE_DONE (or the run is told to end) and no
 * message is open, and its last position is on disk (B3). Before that, whenever it has nothing left to emit for now, it sends
 * a drain marker (B2), so that bolts let go of what they hold.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "clock.h"
#include "worker.h"

enum {
	NEXT_PER_TURN = 64,
	TURN_NS = 1000000	/* a turn ends after this long, for control messages and positions: bolts
				 * that are chained may be slow */
};

static void start(struct worker *w)
{
	w->n_over = 1;		/* the head has no finish */
}

static void stop(struct worker *w)
{
	(void)w;
}

static bool wants_data(const struct worker *w)
{
	(void)w;
	return false;
}

static void count_acked(const struct task *t)
{
	t->worker->status->acked++;
	if (t->counts != NULL)
		t->counts->n.acked++;
}

/* ack_at_once acks what was emitted with an id while there are no ackers: after the callback
 * has returned, so that no spout is called back in the middle of it. What it emits in ack
 * comes next time. False: there was nothing. */
static bool ack_at_once(struct worker *w)
{
	size_t n = w->acked_now.n;
	uint64_t pair[2];

	for (size_t i = 0; i < n; i += sizeof pair) {
		memcpy(pair, w->acked_now.data + i, sizeof pair);
		if (w->txn == NULL)		/* else when its batch is */
			count_acked(&w->tasks[pair[0]]);
		if (w->stages->code->ack != NULL)
			w->stages->code->ack(w->tasks[pair[0]].self, &w->tasks[pair[0]].ctx, pair[1]);
	}
	w->acked_now.n -= n;
	if (w->acked_now.n > 0)
		memmove(w->acked_now.data, w->acked_now.data + n, w->acked_now.n);
	return n > 0;
}

bool spout_ask(struct worker *w, struct task *t)
{
	int result = t->stage->code->next(t->self, &t->ctx);

	ack_at_once(w);
	t->asked_again = false;
	switch (result) {
	case GALE_EMITTED:
		t->done = false;
		t->idle_ms = 0;
		t->broken = false;
		return true;
	case GALE_DONE:
		t->done = true;
		t->broken = false;
		return false;
	case GALE_IDLE:
		t->done = false;
		task_leave_alone(t);
		t->broken = false;
		return false;
	default:
		task_result(t, result, "next");
		task_leave_alone(t);
		return false;
	}
}

static bool may_ask(const struct worker *w, const struct task *t)
{
	return (!t->done || t->asked_again) && t->idle_until_ns <= w->now_ns &&
	    source_has_room(w) && !out_blocked(&w->out);
}

/* ask_some calls next of T while there is room, a bounded number of times; false: it had nothing.
 * What is over when next returns is told after what next said is noted: a verdict is reason to
 * ask one that had nothing. */
static bool ask_some(struct worker *w, struct task *t)
{
	uint64_t until;
	bool any = false;

	w->now_ns = w->out.sender.now_ns = clock_now_ns();
	until = w->now_ns + TURN_NS;
	for (int n = 0; n < NEXT_PER_TURN && w->now_ns < until && may_ask(w, t); n++) {
		bool more = spout_ask(w, t);

		w->now_ns = w->out.sender.now_ns = clock_now_ns();
		out_flush_old(&w->out);
		if (!verdict_inside(w) && !more)
			break;
		any = true;
	}
	return any;
}

static bool turn(struct worker *w)
{
	bool any = source_turn(w);

	resume_turn(w);
	if (ack_at_once(w))	/* from timers and the like */
		any = true;
	if (ending_turn(w))
		any = true;
	if (!w->active || w->ending != ENDING_NOT)
		return any;
	for (uint32_t i = 0; i < w->stages->n_tasks; i++)
		if (ask_some(w, &w->tasks[(w->turn + i) % w->stages->n_tasks]))
			any = true;
	w->turn++;
	w->status->pending = source_open(w);
	return any;
}

/* nothing_to_emit: no task will emit anything that is not a replay. */
static bool nothing_to_emit(const struct worker *w)
{
	if (w->ending != ENDING_NOT)
		return true;
	for (uint32_t i = 0; i < w->stages->n_tasks; i++)
		if (!w->tasks[i].done || w->tasks[i].asked_again)
			return false;
	return true;
}

static bool rest(struct worker *w)
{
	if (!w->over && (!nothing_to_emit(w) || out_blocked(&w->out)))
		return false;
	if (!w->head_over && source_open(w) == 0) {
		resume_end(w);
		w->head_over = true;
	}
	return ending_rest(w, w->head_over);
}

static uint64_t due(const struct worker *w)
{
	uint64_t at = source_due(w);

	if (resume_due(w) < at)
		at = resume_due(w);
	if (ending_due(w) < at)
		at = ending_due(w);
	if (!w->active || !source_has_room(w) || out_blocked(&w->out))
		return at;
	for (uint32_t i = 0; i < w->stages->n_tasks; i++) {
		const struct task *t = &w->tasks[i];

		if ((!t->done || t->asked_again) && t->idle_until_ns < at)
			at = t->idle_until_ns;
	}
	return at;
}

const struct role_ops spout_ops = {
	.start = start, .turn = turn, .rest = rest, .due = due, .wants_data = wants_data,
	.replaced = worker_marks_to, .stop = stop,
};
