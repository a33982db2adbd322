/* bolt.c - a bolt's turn: tuples in, execute; markers in.
 *
 * A frame is worked through tuple by tuple and put aside when what execute emitted finds
 * its destination full (F2). What follows when the markers of all upstream workers stand is in
 * ending.c.
 *
 * The clock is read once for a group of executes, so that reading it costs nothing where
 * they are short; a group is one execute where they are long.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "optimisations.h"
#include "worker.h"

enum {
	GROUP = OPTIMISE_GROUPS ? 16 : 1, SHORT_NS = 2000,	/* executes per clock reading while they are short, */
	LARGE_GROUP = OPTIMISE_GROUPS ? 256 : 1, TINY_NS = 80,	/* and while they are tiny: some 20 us in all */
	HAND_SHORT = 32, HAND_FAST = 128,	/* bytes of the tuple in hand that are copied blindly */
	TURN_NS = 1000000		/* a turn ends after this long, for control messages */
};

/* ---- who may send what ---- */

static uint8_t *input_map(const struct stage *st, const struct stream *s)
{
	const struct component *c = st->component;
	uint8_t *map = xcalloc(c->n_inputs + 1, 1);

	for (uint32_t i = 0; i < c->n_inputs; i++) {
		uint32_t f = 0;

		while (f < s->n_fields && strcmp(s->fields[f].name, c->inputs[i].name) != 0)
			f++;
		if (f == s->n_fields)
			worker_fatal(st->worker, "input field \"%s\" is not in stream \"%s\"", c->inputs[i].name, s->id);
		map[i] = (uint8_t)f;
	}
	return map;
}

/* any_type: an emit that suits S may not suit the inputs of ST. */
static bool any_type(const struct stage *st, const struct stream *s, const uint8_t *map)
{
	for (uint32_t i = 0; i < st->component->n_inputs; i++)
		if (s->fields[map[i]].type == GALE_ANY && st->component->inputs[i].type != GALE_ANY)
			return true;
	return false;
}

static void add_source(struct stage *st, const struct subscription *s)
{
	const struct component *from = &st->worker->topology->components[s->from];
	const struct stream *stream = &from->outputs[s->stream];

	if (st->sources[s->from] == NULL)
		st->sources[s->from] = xcalloc(from->n_outputs, sizeof **st->sources);
	st->sources[s->from][s->stream] = (gale_source){
		.component = from->id, .stream = stream->id,
		.fields = stream->fields, .n_fields = stream->n_fields,
		.inputs = input_map(st, stream), .n_inputs = st->component->n_inputs,
	};
	if (any_type(st, stream, st->sources[s->from][s->stream].inputs))
		st->looks = true;
}

void bolt_sources(struct stage *st)
{
	const struct topology *t = st->worker->topology;

	st->sources = xcalloc(t->n_components, sizeof *st->sources);
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		if (t->subscriptions[i].to == st->planned->component)
			add_source(st, &t->subscriptions[i]);
}

static bool feeds_us(const struct worker *w, uint32_t from)
{
	return plan_runs_plugin(w->plan, from) && plan_sends(w->plan, from, w->number);
}

/* count_upstream counts what is in w->upstream. */
static void count_upstream(struct worker *w)
{
	w->n_upstream = w->n_drained = w->n_upstream_ended = 0;
	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		w->n_upstream += w->upstream[i] != UPSTREAM_NONE;
		w->n_drained += w->upstream[i] == UPSTREAM_DRAINED || w->upstream[i] == UPSTREAM_ENDED;
		w->n_upstream_ended += w->upstream[i] == UPSTREAM_ENDED;
	}
}

void bolt_start(struct worker *w)
{
	w->group = 1;
	w->upstream = xcalloc(w->plan->n_workers, sizeof *w->upstream);
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (feeds_us(w, i))
			w->upstream[i] = w->over ? UPSTREAM_ENDED : UPSTREAM_OPEN;
	count_upstream(w);
}

/* bolt_laid_out: who is new upstream has yet to send its markers; who is gone will not. What is in
 * hand of one that is gone comes again. */
void bolt_laid_out(struct worker *w, const struct plan *was)
{
	if (w->frame != NULL && !plan_keeps(was, w->plan, w->reader.header.worker))
		bolt_drop_frame(w);
	w->upstream = xrealloc(w->upstream, w->plan->n_workers * sizeof *w->upstream);
	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		if (plan_keeps(was, w->plan, i))
			continue;
		w->upstream[i] = !feeds_us(w, i) ? UPSTREAM_NONE : w->over ? UPSTREAM_ENDED : UPSTREAM_OPEN;
	}
	count_upstream(w);
}

void bolt_free_sources(struct stage *st)
{
	const struct topology *t = st->worker->topology;

	for (uint32_t c = 0; st->sources != NULL && c < t->n_components; c++) {
		for (uint32_t s = 0; st->sources[c] != NULL && s < t->components[c].n_outputs; s++)
			free((void *)(uintptr_t)st->sources[c][s].inputs);
		free(st->sources[c]);
	}
	free(st->sources);
}

void bolt_stop(struct worker *w)
{
	if (w->frame != NULL)
		frame_release(w->data, w->frame);
	free(w->upstream);
	merged_free(&w->merged);
}

/* source_of gives what STREAM of COMPONENT declares, or NULL when it is nothing that this one
 * subscribes to. */
static const gale_source *source_of(const struct worker *w, uint32_t component, uint32_t stream)
{
	if (stream >= w->topology->components[component].n_outputs ||
	    w->stages->sources[component][stream].inputs == NULL)
		return NULL;
	return &w->stages->sources[component][stream];
}

/* is_declared: the values of T are what its source declares. */
static inline bool is_declared(const struct worker *w, const gale_source *s, const struct wire_tuple *t)
{
	const gale_field *inputs = w->stages->component->inputs;

	if (t->n_values != s->n_fields)
		return false;
	for (uint32_t i = 0; i < s->n_inputs; i++)
		if (w->values[s->inputs[i]].type != inputs[i].type && inputs[i].type != GALE_ANY)
			return false;
	return true;
}

/* ---- execute ---- */

/* put_in_hand writes the tuple into the status page: the worker's obituary, if it dies. */
static inline void put_in_hand(struct worker *w, const struct wire_tuple *t)
{
	struct status *s = w->status;

	s->hand_root = t->n_roots > 0 ? t->root : 0;
	s->hand_n_roots = t->n_roots;
	if (t->n_roots > 1)
		memcpy(s->hand_roots, t->roots, 8 * (size_t)(t->n_roots < STATUS_HAND_ROOTS ?
		    t->n_roots : STATUS_HAND_ROOTS));
	s->hand_source = t->source;
	s->hand_n = t->body_bytes;
	/* A copy of constant size costs a tenth of one that asks how much there is. */
	if (t->body_bytes <= HAND_SHORT && w->reader.end - t->body >= HAND_SHORT)
		memcpy(s->hand, t->body, HAND_SHORT);
	else if (t->body_bytes <= HAND_FAST && w->reader.end - t->body >= HAND_FAST)
		memcpy(s->hand, t->body, HAND_FAST);
	else
		memcpy(s->hand, t->body, t->body_bytes < sizeof s->hand ? t->body_bytes : sizeof s->hand);
}

void bolt_failed(struct task *t, const struct anchor *a, int result)
{
	struct worker *w = t->worker;

	if (result == GALE_FATAL)
		worker_fatal(w, "%s", t->why[0] ? t->why : "the plugin gave up without a word");
	if (t->hand_finished)
		return;		/* it was held, and is acked or failed already */
	if (t->held_hand.id != 0)
		t->ctx.host->fail(&t->ctx, t->held_hand, t->why[0] ? t->why : "no reason given");
	else
		host_fail_anchor(t, a, t->why[0] ? t->why : "no reason given");
}

/* The acks of neighbouring tuples of one root, XORed before they go into the fold (A2): the
 * words of a line come together. */
struct acks {
	uint64_t root, value;	/* root 0: none */
};

static inline void hand_in(struct worker *w, struct acks *a)
{
	if (a->root != 0)
		out_acked(&w->out, a->root, a->value);
	a->root = 0;
}

/* count_executed counts for T what was executed and is not acked at once. */
static void count_executed(const struct task *t, const struct anchor *hand)
{
	if (t->counts != NULL)
		t->counts->n.executed += hand->times;
}

void bolt_all_roots(const struct task *t)
{
	struct worker *w = t->worker;
	struct anchor *a = t->hand;

	if (a == NULL || !a->partial)
		return;
	a->roots.list = (const uint8_t *)merged_roots(&w->merged, w->reader.index - 1, &a->roots.n);
	a->partial = false;
}

static void fail_hand(struct task *t, const struct anchor *hand, int result)
{
	count_executed(t, hand);
	bolt_all_roots(t);
	bolt_failed(t, hand, result);
}

static inline void ack_hand(const struct task *t, const struct anchor *hand, struct acks *a)
{
	const struct stage *st = t->stage;
	struct worker *w = st->worker;
	uint64_t value = hand->edge ^ hand->children;

	if (t->counts != NULL)
		t->counts->passed++;
	if (hand->roots.n != 1 || w->txn != NULL) {
		host_ack_anchor(st, hand);
		return;
	}
	st->status->acked++;
	if (OPTIMISE_NEIGHBOURS && hand->roots.one == a->root) {
		a->value ^= value;
		return;
	}
	hand_in(w, a);
	a->root = hand->roots.one;
	a->value = value;
}

/* ack_merged acks what is in hand of a frame whose tuples stand for several: when its acks are handed
 * in, if it is one of them. */
static void ack_merged(const struct task *t, const struct anchor *hand)
{
	struct worker *w = t->worker;
	uint32_t index = w->reader.index - 1;

	if (t->counts != NULL)
		t->counts->passed += hand->times;
	if (w->txn != NULL || merged_times(&w->merged, index) == 0) {
		host_ack_anchor(t->stage, hand);
		return;
	}
	t->stage->status->acked += hand->times;
	w->merged.values[index] = hand->edge ^ hand->children;
}

/* take_merged: HAND may have several roots. */
static inline void take_merged(const struct worker *w, struct anchor *hand)
{
	if (hand->times == 1 || w->txn != NULL)
		return;
	hand->partial = true;
	hand->roots.n = 2;	/* not the way of those with one */
}

/* execute gives T the tuple IN, which stands for TIMES. MERGED: it is of a frame with such that stand for
 * several, and ACKS is NULL. */
__attribute__((always_inline))
static inline void execute(struct worker *w, struct task *t, const struct wire_tuple *in,
    const gale_source *source, uint32_t times, bool merged, struct acks *acks)
{
	struct anchor hand = { .roots = { in->n_roots, in->root, in->roots }, .edge = in->edge,
		.times = times };
	gale_tuple tuple = { w->values, in->n_values, in->source, source, times };
	int result;

	put_in_hand(w, in);
	t->broken = false;	/* a timer may have left it */
	t->why[0] = '\0';
	if (merged)
		take_merged(w, &hand);
	t->hand = &hand;
	t->tuple = &tuple;
	t->frame = w->frame;
	result = t->stage->execute(t->self, &t->ctx, &tuple);
	t->stage->status->executed += times;
	if (result != GALE_OK || t->broken)
		fail_hand(t, &hand, result);
	else if (t->held_hand.id == 0)
		merged ? ack_merged(t, &hand) : ack_hand(t, &hand, acks);
	else
		count_executed(t, &hand);
	t->held_hand.id = 0;
	t->hand = NULL;
	t->hand_finished = false;
	t->tuple = NULL;
}

static void execute_merged(struct worker *w, struct task *t, const struct wire_tuple *in,
    const gale_source *source)
{
	uint32_t times = merged_times(&w->merged, w->reader.index - 1);

	execute(w, t, in, source, times > 1 ? times : 1, true, NULL);
}

/* close_group notes what the last N executes took: of a tuple that stands for several each took its
 * part, so that the mean times what was executed is the time that it took. EXECUTED were before them. */
static void close_group(struct worker *w, uint32_t n, uint64_t executed, bool finish_phase)
{
	uint64_t before = w->now_ns, tuples = w->status->executed - executed, each, took;

	w->now_ns = w->out.sender.now_ns = clock_now_ns();
	took = w->now_ns - before;
	each = took / n;
	hist_add(&w->status->execute, took / tuples, tuples);
	hist_add(&w->status->process, took / tuples, tuples - w->stages->n_just_held);
	w->stages->n_just_held = 0;
	w->group = each < TINY_NS ? LARGE_GROUP : each < SHORT_NS ? GROUP : 1;
	w->status->hand_since_ns = w->now_ns;
	if (!finish_phase)
		w->status->last_execute_ns = w->now_ns;
	out_flush_old(&w->out);
}

void bolt_drop_frame(struct worker *w)
{
	frame_release(w->data, w->frame);
	w->frame = NULL;
}

static struct task *task_for(const struct worker *w, uint32_t target)
{
	uint32_t index = target - w->me->first_task;

	return index < w->n_tasks ? &w->tasks[index] : NULL;
}

/* ack_repeated acks the rest of the frame in hand without executing it: it is from the
 * successor of a worker whose every tuple was complete when it said so, or it comes to one. */
static void ack_repeated(struct worker *w)
{
	struct wire_tuple in;

	merged_open(&w->merged, &w->reader);
	while (wire_next(&w->reader, &in, w->values) > 0) {
		const struct task *t = task_for(w, in.target);
		uint32_t times = merged_times(&w->merged, w->reader.index - 1);

		if (times > 1)
			in.roots = (const uint8_t *)merged_roots(&w->merged, w->reader.index - 1, &in.n_roots);

		host_ack_anchor(w->stages, &(struct anchor){ .roots = { in.n_roots, in.root, in.roots },
			.edge = in.edge, .times = times > 1 ? times : 1 });
		if (t != NULL && t->counts != NULL)
			t->counts->n.acked += times > 1 ? times : 1;
	}
	bolt_drop_frame(w);
}

/* sender_of gives the component that the frame in hand is from; UINT32_MAX: none that may
 * send anything to this one. */
static uint32_t sender_of(const struct worker *w)
{
	uint32_t c = plan_task_component(w->plan, w->reader.header.worker, w->reader.header.source);

	return c < w->topology->n_components && w->stages->sources[c] != NULL ? c : UINT32_MAX;
}

static void tell(void *w, uint64_t root, uint64_t value)
{
	out_acked(&((struct worker *)w)->out, root, value);
}

/* work_through executes tuples of the frame in hand until UNTIL_NS. Where no flag of the frame
 * says otherwise all of them are of one stream and for one task. What wire_next gave at last. */
static int work_through(struct worker *w, uint64_t until_ns)
{
	const struct wire_header *h = &w->reader.header;
	uint32_t from = sender_of(w);
	const gale_source *source = from != UINT32_MAX ? source_of(w, from, h->stream) : NULL;
	struct task *task = task_for(w, h->target);
	struct acks acks = { 0 };
	struct wire_tuple in;
	uint64_t executed = w->status->executed;
	uint32_t n = 0;
	int more = from != UINT32_MAX ? 1 : -1;

	if (w->reader.groups != NULL && w->reader.index == 0)
		merged_open(&w->merged, &w->reader);
	while (!out_blocked(&w->out) && more > 0 && (more = wire_next(&w->reader, &in, w->values)) > 0) {
		if (!OPTIMISE_SHORT_READ || !w->reader.plain) {
			source = source_of(w, from, in.stream);
			task = task_for(w, in.target);
		}
		if (source == NULL || task == NULL || !is_declared(w, source, &in)) {
			more = -1;
			break;
		}
		if (w->reader.groups != NULL)
			execute_merged(w, task, &in, source);
		else
			execute(w, task, &in, source, 1, false, &acks);
		if (++n < w->group)
			continue;
		hand_in(w, &acks);
		close_group(w, n, executed, h->flags & WIRE_FINISH);
		executed = w->status->executed;
		n = 0;
		if (w->now_ns >= until_ns)
			break;
	}
	hand_in(w, &acks);
	if (w->reader.groups != NULL)
		merged_hand_in(&w->merged, tell, w);
	if (n > 0)
		close_group(w, n, executed, h->flags & WIRE_FINISH);
	return more;
}

void bolt_work(struct worker *w)
{
	int more;

	w->status->hand_since_ns = w->now_ns;
	more = work_through(w, w->now_ns + TURN_NS);
	w->status->hand_since_ns = 0;
	if (more < 0)
		fprintf(stderr, "error: a frame from %s is broken; the rest of it is dropped\n",
		    w->plan->workers[w->reader.header.worker].label);
	if (more <= 0)
		bolt_drop_frame(w);
}

/* ---- frames and markers in ---- */

static void on_data(struct worker *w, uint32_t from)
{
	if (w->upstream[from] == UPSTREAM_DRAINED) {
		w->upstream[from] = UPSTREAM_OPEN;
		w->n_drained--;
	}
	w->stages->fed = true;
	w->drain_passed = false;
	/* What comes after a finish upstream is not the run's work either. */
	w->out.sender.header.flags |= w->reader.header.flags & WIRE_FINISH;
}

static void on_marker(struct worker *w, uint32_t from)
{
	if (w->upstream[from] == UPSTREAM_OPEN)
		w->n_drained++;
	if (w->reader.header.kind == WIRE_DRAIN) {
		w->upstream[from] = UPSTREAM_DRAINED;
		return;
	}
	w->upstream[from] = UPSTREAM_ENDED;
	w->n_upstream_ended++;
	if (w->reader.header.flags & WIRE_DISCARD)
		w->ending = ENDING_DISCARD;
}

/* take_frame makes the next frame the one in hand; markers are done at once. */
static bool take_frame(struct worker *w)
{
	struct frame *f = inbox_receive(w->data, w->now_ns);
	uint32_t from;
	uint8_t kind;

	if (f == NULL)
		return false;
	w->frame = f;
	if (!worker_frame_ok(w, f, &w->reader)) {
		bolt_drop_frame(w);
		return true;
	}
	from = w->reader.header.worker;
	kind = w->reader.header.kind;
	if (w->upstream[from] == UPSTREAM_ENDED && (w->over || w->reader.header.start > 1)) {
		ack_repeated(w);
	} else if (w->upstream[from] == UPSTREAM_NONE || w->upstream[from] == UPSTREAM_ENDED ||
	    kind > WIRE_DRAIN) {
		fprintf(stderr, "error: a frame from %s is dropped: it is not expected\n",
		    w->plan->workers[from].label);
		bolt_drop_frame(w);
	} else if (kind == WIRE_DATA) {
		on_data(w, from);
	} else {
		on_marker(w, from);
		bolt_drop_frame(w);
	}
	return true;
}

static bool turn(struct worker *w)
{
	bool any = source_turn(w);

	if (w->frame != NULL && !out_blocked(&w->out)) {
		bolt_work(w);
		return true;
	}
	if (!out_blocked(&w->out) && take_frame(w))
		return true;
	if (ending_turn(w))
		any = true;
	w->status->pending = source_open(w);
	return any;
}

static bool rest(struct worker *w)
{
	if (!w->over && (w->n_drained < w->n_upstream || out_blocked(&w->out)))
		return false;
	return ending_rest(w, w->n_upstream_ended == w->n_upstream);
}

static uint64_t due(const struct worker *w)
{
	uint64_t at = source_due(w), ending = ending_due(w);

	return ending < at ? ending : at;
}

static bool wants_data(const struct worker *w)
{
	(void)w;
	return true;
}

/* succeeded: a new incarnation upstream has not drained yet, whatever the last one did. One
 * that had ended stays so: see take_frame. */
static void succeeded(struct worker *w, uint32_t from)
{
	if (w->upstream[from] != UPSTREAM_DRAINED)
		return;
	w->upstream[from] = UPSTREAM_OPEN;
	w->n_drained--;
}

const struct role_ops bolt_ops = {
	.start = bolt_start, .turn = turn, .rest = rest, .due = due, .wants_data = wants_data,
	.replaced = worker_marks_to, .succeeded = succeeded, .laid_out = bolt_laid_out, .stop = bolt_stop,
};
