/* chain.c - calls from a stage to those that are chained to it.
 *
 *     emit --> route.c --> chain_call --> execute of the next stage, at once
 *
 * The values are those of the emit: nothing is encoded. A call is no edge of the tuple tree: what
 * the callee emits is registered as the caller's children, and its own edge, which would be
 * made and acked in the same record, is left out. It needs one where its ack is not sure to be
 * in that record:
 *
 *     held      the edge stands for the held tuple, which gets a copy of the values
 *     failed    an edge that nobody will ever ack: the tree must not look complete before the
 *               acker has the fail
 *
 * Streams form no circle, so a task is never called while it is in a call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "inside.h"
#include "worker.h"

enum {
	TIMED_OF = 64,		/* one of so many executes is timed */
	SHOWN = 8, SHOWN_BYTES = 24	/* of a tuple that is large or not flat: values, bytes of each */
};

_Static_assert(1 + SHOWN * (SHOWN_BYTES + 16) <= 2 * STATUS_HAND_BYTES, "room for put_some");

/* put_some writes what is shown of a tuple that can't be had for little. */
static uint32_t put_some(uint8_t *at, const gale_value *values, uint32_t n)
{
	uint8_t bytes[2 * STATUS_HAND_BYTES], *end;
	gale_value some[SHOWN];
	uint32_t shown = n < SHOWN ? n : SHOWN;
	size_t size;

	for (uint32_t i = 0; i < shown; i++) {
		some[i] = values[i];
		if (some[i].type == GALE_LIST || some[i].type == GALE_MAP)
			some[i] = gale_text("...");
		if ((some[i].type == GALE_STRING || some[i].type == GALE_BYTES) && some[i].n > SHOWN_BYTES)
			some[i].n = SHOWN_BYTES;
	}
	end = wire_put_values(bytes, some, shown);
	size = (size_t)(end - bytes) < STATUS_HAND_BYTES ? (size_t)(end - bytes) : STATUS_HAND_BYTES;
	memcpy(at, bytes, size);
	return (uint32_t)size;
}

/* put_in_hand writes the tuple into the stage's page, as what is flat and small is had for
 * little. */
static inline void put_in_hand(struct status *s, const struct emission *m, const gale_tuple *tuple, uint64_t now_ns)
{
	uint8_t *p = s->hand, *end = s->hand + sizeof s->hand;

	s->hand_root = m->roots.n > 0 ? m->roots.one : 0;
	s->hand_n_roots = m->roots.n;
	if (m->roots.n > 1)
		memcpy(s->hand_roots, m->roots.list, 8 * (size_t)(m->roots.n < STATUS_HAND_ROOTS ?
		    m->roots.n : STATUS_HAND_ROOTS));
	s->hand_source = tuple->source_task;
	*p++ = (uint8_t)m->n;
	for (uint32_t i = 0; i < m->n && p != NULL; i++)
		p = wire_put_flat(p, end, &m->values[i]);
	s->hand_n = p != NULL ? (uint32_t)(p - s->hand) : put_some(s->hand, m->values, m->n);
	s->hand_since_ns = now_ns;
}

/* fits tells whether the values are of the types that the callee declares. */
static bool fits(const struct stage *st, const gale_source *source, const gale_value *values)
{
	for (uint32_t i = 0; i < source->n_inputs; i++) {
		gale_type declared = st->component->inputs[i].type;

		if (declared != GALE_ANY && values[source->inputs[i]].type != declared)
			return false;
	}
	return true;
}

/* note_time: what is held is processed when it is acked. */
static void note_time(struct stage *st, uint64_t before_ns)
{
	uint64_t ns = clock_now_ns() - before_ns;

	hist_add(&st->status->execute, ns, 1);
	if (st->n_just_held == 0)
		hist_add(&st->status->process, ns, 1);
}

/* execute gives T its tuple; returns the XOR of the edges that came of it. */
static uint64_t execute(struct task *t, struct anchor *hand, const gale_tuple *tuple)
{
	struct stage *st = t->stage;
	bool failed, held;
	uint64_t edges;
	int result;

	t->broken = false;	/* a timer may have left it */
	t->why[0] = '\0';
	t->hand = hand;
	t->tuple = tuple;
	t->frame = NULL;
	result = st->execute(t->self, &t->ctx, tuple);
	st->status->executed++;
	failed = result != GALE_OK || t->broken;
	if (t->counts != NULL && (failed || t->held_hand.id != 0))
		t->counts->n.executed++;
	else if (t->counts != NULL)
		t->counts->passed++;
	if (failed)
		bolt_failed(t, hand, result);
	held = t->held_hand.id != 0;
	edges = inside_call(held, t->held_edge, hand->children,
	    failed && !held ? source_failed_edge(t->worker, &hand->roots) : 0);
	st->status->acked += !failed && !held;
	t->held_hand.id = 0;
	t->hand = NULL;
	t->hand_finished = false;
	t->tuple = NULL;
	return edges;
}

uint64_t chain_call(void *owner, uint32_t stage, const struct emission *m)
{
	struct worker *w = owner;
	struct stage *st = &w->stages[stage];
	const struct plan_stage *from = w->stages[st->planned->parent].planned;
	struct task *t = &st->tasks[m->source];
	struct anchor hand = { .roots = m->roots, .times = 1 };
	gale_tuple tuple = { m->values, m->n, from->first_task + m->source,
		&st->sources[from->component][m->stream], 1 };
	bool timed = st->status->executed % TIMED_OF == 0;
	uint64_t before_ns = timed ? clock_now_ns() : 0, edges;

	st->fed = true;
	st->n_just_held = 0;
	if (st->looks && !fits(st, tuple.source, m->values)) {
		snprintf(t->why, sizeof t->why, "a value is not of the type that it takes");
		host_fail_anchor(t, &hand, t->why);
		return source_failed_edge(w, &hand.roots);
	}
	put_in_hand(st->status, m, &tuple, w->now_ns);
	edges = execute(t, &hand, &tuple);
	st->status->hand_since_ns = 0;
	if (!(w->out.sender.header.flags & WIRE_FINISH))
		st->status->last_execute_ns = w->now_ns;
	if (timed)
		note_time(st, before_ns);
	return edges;
}
