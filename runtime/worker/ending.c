/* ending.c - how the work of a worker ends: drains, finish, markers.
 *
 * When nothing comes to the head for now (a spout has nothing to emit; the markers of all
 * upstream workers stand):
 *
 *     drain is called, stage by stage, of those that got data since the last one; the marker
 *     goes on (B2)
 *
 * When nothing will ever come (no message of a spout is open; all upstream have ended):
 *
 *     finish is called of one stage after the other, each until it has no more and its trees
 *     are complete (B4); the end marker goes on (B1); ended
 *
 * A stage comes after the one that calls it, so what that one's finish emits was drained before
 * its own finish begins.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "worker.h"

enum { FINISH_PER_TURN = 16 };

bool ending_finished(const struct stage *st)
{
	for (uint32_t i = 0; i < st->n_tasks; i++)
		if (!st->tasks[i].done)
			return false;
	return true;
}

/* finish_once calls finish; false: not again for now. What fails here is a result that is
 * lost, and nobody upstream would send it again: the run must not end well. */
static bool finish_once(struct task *t)
{
	int result = t->stage->code->finish(t->self, &t->ctx);

	if (t->broken || (result != GALE_EMITTED && result != GALE_DONE && result != GALE_IDLE))
		worker_fatal(t->worker, "finish: %s", t->why[0] ? t->why :
		    "it returned neither GALE_EMITTED nor GALE_IDLE nor GALE_DONE");
	t->done = result == GALE_DONE;
	if (result == GALE_IDLE)
		task_leave_alone(t);
	else
		t->idle_ms = 0;
	return result == GALE_EMITTED;
}

bool ending_finish_some(struct stage *st)
{
	const struct worker *w = st->worker;
	bool any = false;

	for (uint32_t i = 0; i < st->n_tasks; i++) {
		struct task *t = &st->tasks[i];

		for (int n = 0; n < FINISH_PER_TURN && !t->done &&
		    t->idle_until_ns <= w->now_ns && source_has_room(w) &&
		    !out_blocked(&w->out); n++) {
			any = true;
			if (!finish_once(t))
				break;
		}
	}
	return any;
}

static void call_drain(struct stage *st)
{
	st->fed = false;
	for (uint32_t i = 0; st->code->drain != NULL && i < st->n_tasks; i++) {
		struct task *t = &st->tasks[i];

		task_result(t, st->code->drain(t->self, &t->ctx), "drain");
	}
}

static void begin_finish(struct stage *st)
{
	struct worker *w = st->worker;

	st->finishing = true;
	w->out.sender.header.flags |= WIRE_FINISH;
	for (uint32_t i = 0; i < st->n_tasks; i++)
		st->tasks[i].done = st->code->finish == NULL || w->ending == ENDING_DISCARD;
}

/* waits_for_held: finish waits for held tuples that belong to no message, as the others were
 * waited for by their spouts; but no longer than those wait. */
static bool waits_for_held(struct stage *st)
{
	const struct worker *w = st->worker;

	if (st->n_held_loose == 0 || w->ending == ENDING_DISCARD)
		return false;
	if (st->patience_ns == 0)
		st->patience_ns = w->timeout_ns != 0 ? w->now_ns + w->timeout_ns : UINT64_MAX;
	if (w->now_ns < st->patience_ns)
		return true;
	fprintf(stderr, "warn: %u held tuples were neither acked nor failed: going on without them\n",
	    st->n_held_loose);
	return false;
}

/* end passes the end marker on and says that all is over. */
static bool end(struct worker *w)
{
	if (!w->end_passed) {
		out_marker(&w->out, WIRE_END, w->ending == ENDING_DISCARD ? WIRE_DISCARD : 0);
		w->end_passed = true;
		return true;
	}
	if (out_clear(&w->out))
		worker_ended(w);
	return false;
}

/* unfinished gives the first stage whose finish is not over, or NULL. */
static struct stage *unfinished(struct worker *w)
{
	while (w->n_over < w->n_stages) {
		struct stage *st = &w->stages[w->n_over];

		if (!st->finishing || !ending_finished(st) || source_open(w) > 0)
			return st;
		w->n_over++;
	}
	return NULL;
}

bool ending_turn(struct worker *w)
{
	struct stage *st = w->over ? NULL : unfinished(w);

	return st != NULL && st->finishing && ending_finish_some(st);
}

static bool drain_some(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_stages; i++)
		if (w->stages[i].fed) {
			call_drain(&w->stages[i]);
			return true;
		}
	return false;
}

bool ending_rest(struct worker *w, bool over)
{
	struct stage *st;

	if (w->over)
		return end(w);
	if (drain_some(w))
		return true;
	if (!w->drain_passed || w->drain_frames != w->status->frames_out) {
		out_marker(&w->out, WIRE_DRAIN, 0);
		w->drain_passed = true;
		w->drain_frames = w->status->frames_out;
		return true;
	}
	if (!over)
		return false;
	st = unfinished(w);
	if (st == NULL)
		return end(w);
	if (st->finishing || waits_for_held(st))
		return false;
	begin_finish(st);
	return true;
}

uint64_t ending_due(const struct worker *w)
{
	const struct stage *st = &w->stages[w->n_over];
	uint64_t at = UINT64_MAX;

	if (w->n_over == w->n_stages)
		return at;
	for (uint32_t i = 0; st->finishing && i < st->n_tasks; i++)
		if (!st->tasks[i].done && st->tasks[i].idle_until_ns > w->now_ns &&
		    st->tasks[i].idle_until_ns < at)
			at = st->tasks[i].idle_until_ns;
	return st->patience_ns != 0 && !st->finishing && st->patience_ns < at ? st->patience_ns : at;
}
