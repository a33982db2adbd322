/* source.c - messages: what a spout emitted with an id, or a bolt in its finish.
 *
 *     emit --root--> in flight --acked, failed--> verdict.c
 *       ^               |                             |
 *       |               `--no word for 2 T (A5)--> void (A6), as failed
 *       `------ new root (A7) <--- kept, waits -------'
 *
 * A message whose tree is complete, or has failed, when its emit returns and that has left no edge
 * behind was known in this worker only, in stages that are chained. No acker hears of it; it is over,
 * and that is told when the callback that has emitted it has returned.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "inside.h"
#include "memory.h"
#include "optimisations.h"
#include "transaction.h"
#include "worker.h"

enum {
	FRAMES_PER_TURN = 16,
	REPLAYS_PER_TURN = 64,
	KEPT_MOST = 64 << 20		/* bytes of values kept for replays */
};

/* ---- life ---- */

void source_init(struct worker *w)
{
	const struct topology *t = w->topology;
	const struct setting *on = topology_config(t, NULL, "topology.enable.message.timeouts");
	const struct setting *letters = topology_config(t, NULL, "topology.dead.letter.file");

	deadletter_init(&w->letters,
	    letters != NULL && letters->type == SETTING_STRING ? letters->s : NULL);
	pending_init(&w->pending, w->me->n_tasks * w->n_stages);
	w->next_root = random_seed();
	if (on == NULL || on->type != SETTING_BOOL || on->b)
		w->timeout_ns = (uint64_t)topology_ms(t, NULL, "topology.message.timeout.secs") * NS_PER_MS;
	limit_init(&w->limit,
	    (size_t)topology_int(t, w->stages->component, "topology.max.spout.pending") * w->me->n_tasks,
	    w->timeout_ns, clock_now_ns());
	attempts_init(w);
}

void source_free(struct worker *w)
{
	for (size_t i = 0; i < w->n_inside; i++) {
		free(w->inside[i].flight.message.body);
		free(w->inside[i].failure.why);
	}
	free(w->inside);
	pending_free(&w->pending);
	buf_free(&w->acked_now);
}

void source_note_oldest(struct worker *w)
{
	w->status->oldest_ns = pending_oldest(&w->pending, w->next_root);
}

bool source_has_room(const struct worker *w)
{
	return limit_has_room(&w->limit, source_open(w)) && w->kept_bytes < KEPT_MOST;
}

/* ---- out ---- */

static uint64_t new_root(struct worker *w)
{
	if (w->next_root == 0)
		w->next_root = 1;
	pending_pass(&w->pending, w->next_root);
	return w->next_root++;
}

/* keep gives M a body when somebody will need its values again: gale for a replay, or the
 * dead letters after the last attempt. */
static void keep(struct worker *w, struct message *m, const gale_value *values, uint32_t n, size_t bound)
{
	if (m->body != NULL || (!m->kept && !attempts_last(w, m)))
		return;
	m->body = xmalloc(bound);
	m->body_bytes = (uint32_t)(wire_put_values(m->body, values, n) - m->body);
	m->body = xrealloc(m->body, m->body_bytes);
	w->kept_bytes += m->body_bytes;
}

void source_forget(struct worker *w, const struct message *m)
{
	if (m->body != NULL)
		w->kept_bytes -= m->body_bytes;
	free(m->body);
}

static void ack_without_ackers(struct worker *w, const struct message *m)
{
	uint64_t pair[2] = { m->task, m->id };

	source_forget(w, m);
	if (message_is_spouts(w, m))
		buf_add(&w->acked_now, pair, sizeof pair);
}

static inline void count(const struct task *t, uint32_t stream, bool replayed, int copies)
{
	struct status *s = t->stage->status;
	struct status_stream *of = &s->streams[stream < STATUS_STREAMS ? stream : STATUS_STREAMS - 1];

	of->emitted++;
	of->transferred += (uint64_t)copies;
	s->replayed += replayed;
	if (t->counts != NULL) {
		t->counts->n.emitted++;
		t->counts->n.transferred += (uint64_t)copies;
	}
	if (s->first_emit_ns == 0)
		s->first_emit_ns = t->worker->now_ns;
}

/* over_inside: ROOT is over, as W->emitting_failed says, and left no edge. */
static void over_inside(struct worker *w, uint64_t root, const struct message *m)
{
	w->inside = xgrow(w->inside, &w->inside_cap, w->n_inside + 1, sizeof *w->inside);
	w->inside[w->n_inside++] = (struct inside){ { root, w->now_ns, w->now_ns, *m },
		w->emitting_failed };
	w->n_inside_ready += !w->durable;
}

/* under_way: ROOT is on its way, on edges that XOR to EDGES. */
static void under_way(struct worker *w, uint64_t root, const struct message *m, uint64_t edges)
{
	struct failure *f = &w->emitting_failed;

	out_root_made(&w->out, root, inside_init(edges, f->why != NULL, &w->out.sender.next_edge_base));
	if (f->why != NULL)
		out_failed(&w->out, root, f->task, f->why);
	free(f->why);
	pending_add(&w->pending, root, m, w->now_ns);
}

uint64_t source_failed_edge(struct worker *w, const struct roots *roots)
{
	return inside_failed(roots->n, roots->one, w->status->emitting, &w->out.sender.next_edge_base);
}

/* begin_emit notes whose tuples are executed now, if any are. */
static void begin_emit(struct worker *w, const struct message *m, uint64_t root)
{
	w->status->emitting_id = m->id;
	w->status->emitting_task = message_is_spouts(w, m) ? w->tasks[m->task].ctx.task : UINT32_MAX;
	w->status->emitting = root;
	w->emitting_failed.why = NULL;
}

/* over_unemitted: M has crashed this worker so often that it is not emitted any more. */
static void over_unemitted(struct worker *w, struct message *m)
{
	m->attempt--;		/* this one is none */
	w->emitting_failed = (struct failure){ xasprintf("%u workers have crashed with a tuple of this "
	    "message in hand", m->deaths), UINT32_MAX };
	m->first = new_root(w);
	over_inside(w, m->first, m);
	resume_opened(w, m);
}

int source_emit(struct worker *w, struct message *m, const gale_value *values, uint32_t n, size_t bound,
    struct error *e)
{
	bool tracked = w->plan->n_ackers > 0;
	struct router *router = &message_stage(w, m)->router;
	struct emission x = { .stream = m->stream, .source = w->tasks[m->task].source, .values = values, .n = n,
		.bound = bound };
	gale_value kept[GALE_MAX_FIELDS];
	uint64_t edges;
	int copies;

	if (tracked)
		x.roots = (struct roots){ .n = 1, .one = new_root(w) };
	else if (w->txn != NULL)
		x.roots = (struct roots){ .n = 1, .one = w->out.sender.header.txid };
	if (values == NULL) {
		x.body = m->body;
		x.body_bytes = m->body_bytes;
		x.values = kept;
		x.n = (uint32_t)wire_read_values(m->body, m->body_bytes, kept);
	} else if (tracked) {
		keep(w, m, values, n, bound);
	}
	if (tracked && w->n_stages > 1) {
		if (attempts_too_deadly(w, m)) {
			over_unemitted(w, m);
			return 0;
		}
		begin_emit(w, m, x.roots.one);
	}
	copies = m->target == UINT32_MAX ? router_emit(router, &x, &edges, e)
	    : router_emit_direct(router, &x, m->target, &edges, e);
	w->status->emitting = 0;
	if (copies < 0) {
		source_forget(w, m);
		return -1;
	}
	count(&w->tasks[m->task], m->stream, m->attempt > 1, copies);
	if (w->txn != NULL && w->txn->touched != w->out.sender.header.txid)
		batch_touched(w);
	if (!tracked) {
		ack_without_ackers(w, m);
		return 0;
	}
	if (m->first == 0)
		m->first = x.roots.one;
	if (inside_over(edges))
		over_inside(w, x.roots.one, m);
	else
		under_way(w, x.roots.one, m, edges);
	resume_opened(w, m);
	return 0;
}

bool source_emit_flat(struct task *t, const gale_emission *x)
{
	struct worker *w = t->worker;
	uint64_t root = w->next_root, edge;
	const struct message *m;

	/* With one attempt allowed the values are kept, for the dead letters. The flags of X are
	 * asked for far from each other: asked for together they are read as one word, which a
	 * processor can't do while the bytes of it are being written (a tenth of an emit). */
	if (x->direct || x->id == UINT64_MAX || root == 0 || t->stage->max_attempts == 1 ||
	    w->txn != NULL || w->plan->n_ackers == 0 || t->stage->component->kind != GALE_SPOUT ||
	    pending_any_attempts(&w->pending, t->index) || x->kept ||
	    !router_emit_flat(&t->stage->router, x->stream, t->source, root, x->values, x->n, &edge))
		return false;
	w->next_root++;
	count(t, x->stream, false, 1);
	out_root_made(&w->out, root, edge);
	m = pending_add(&w->pending, root, &(struct message){ .id = x->id, .task = t->index,
		.stream = x->stream, .target = UINT32_MAX, .attempt = 1, .first = root }, w->now_ns);
	resume_opened(w, m);
	return true;
}

/* ---- out again ---- */

/* show_replay shows M, which is emitted next, to who looks at such tuples. */
static void show_replay(const struct worker *w, const struct message *m)
{
	gale_value values[GALE_MAX_FIELDS];

	if (w->looks != NULL && wire_read_values(m->body, m->body_bytes, values) >= 0)
		look_emitted(&w->tasks[m->task], m->stream, values);
}

/* replay emits what is due again; when the run is being ended a spout's is dropped instead. */
static bool replay(struct worker *w)
{
	bool ends = w->ending != ENDING_NOT && w->me->role == ROLE_SPOUT, any = false;
	struct message m;
	struct error e;

	for (int i = 0; i < REPLAYS_PER_TURN && !out_blocked(&w->out) &&
	    pending_next_replay(&w->pending, ends ? UINT64_MAX - 1 : w->now_ns, &m); i++) {
		any = true;
		if (ends && message_is_spouts(w, &m)) {
			source_forget(w, &m);
			continue;
		}
		show_replay(w, &m);
		if (source_emit(w, &m, NULL, 0, 0, &e) != 0)
			fprintf(stderr, "error: a message can't be replayed: %s\n", e.text);
	}
	return any;
}

/* ---- a turn ---- */

bool source_hears(const struct worker *w)
{
	bool hears = !OPTIMISE_LOOKS || w->me->role != ROLE_BOLT;

	for (uint32_t i = 0; i < w->n_stages; i++)
		hears |= w->stages[i].finishing;
	return hears;
}

bool source_turn(struct worker *w)
{
	struct frame *frame;
	bool any = false;
	struct error e;

	for (int i = 0; i < FRAMES_PER_TURN && source_hears(w) && (frame = inbox_receive(w->acks, w->now_ns)) != NULL; i++) {
		verdict_take(w, frame);
		frame_release(w->acks, frame);
		any = true;
	}
	if (replay(w))
		any = true;
	if (verdict_inside(w))
		any = true;
	if (w->timeout_ns != 0 && w->now_ns >= w->next_silence_ns)
		verdict_silent(w);
	if (!limit_has_room(&w->limit, source_open(w)))
		limit_waited(&w->limit, w->now_ns);
	if (deadletter_sync(&w->letters, &e) != 0)	/* all letters of a turn at once */
		worker_fatal(w, "%s", e.text);
	return any;
}

uint64_t source_due(const struct worker *w)
{
	uint64_t due = pending_replay_due(&w->pending);

	if (out_blocked(&w->out))
		due = UINT64_MAX;
	if (w->timeout_ns != 0 && pending_open(&w->pending) > 0 && w->next_silence_ns < due)
		due = w->next_silence_ns;
	if (!limit_has_room(&w->limit, source_open(w)) && limit_due(&w->limit) < due)
		due = limit_due(&w->limit);
	return due;
}
