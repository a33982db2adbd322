/* source.c - messages: what a spout emitted with an id, or a bolt in its finish.
 *
 *     emit --root--> in flight --acked--> ack
 *                        |
 *                        |--failed--> attempts left? --kept--> waits --> emit, new root (A7)
 *                        |                  |         `-else-> fail, the spout emits again
 *                        |                  `-none--> dead letter, fail with `final`
 *                        `--no word for 2 T (A5)--> void (A6), as failed
 *
 * A message whose tree is complete, or has failed, when its emit returns and that has left no edge
 * behind was known in this worker only, in stages that are chained. No acker hears of it; it is over,
 * and that is told when the callback that has emitted it has returned.
 *
 * Only what the tuple itself caused counts as an attempt (A8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acker/ledger.h"
#include "transaction.h"
#include "clock.h"
#include "inside.h"
#include "memory.h"
#include "optimisations.h"
#include "record.h"
#include "worker.h"

enum {
	FRAMES_PER_TURN = 16,
	REPLAYS_PER_TURN = 64,
	KEPT_MOST = 64 << 20,		/* bytes of values kept for replays */
	POISON_DEATHS = 3,		/* workers that one message may kill (A8) */
	DEATHS_SHIFT = 24,		/* in what pending keeps of a message that its spout replays */
	REPLAY_MS = 10,			/* second replay after 10 ms, then twice as long, */
	REPLAY_MOST_LOG2 = 10		/* up to 10 s; the first at once */
};

/* ---- deaths in this very worker ---- */

/* A message whose tuples are executed in the process of its spout dies with that. So who
 * has caused such deaths is told to the successor, on the page. */

void source_inherit(struct worker *w, const struct status *before)
{
	w->before_root = before->emitting;
	w->before = (struct status_charge){ before->emitting_id, before->emitting_task, 1 };
	memcpy(w->status->charges, before->charges, sizeof before->charges);
	w->status->n_charges = before->n_charges;
}

/* recall_charge has the deaths of C known when its spout emits it again. */
static void recall_charge(struct worker *w, const struct status_charge *c)
{
	uint32_t index = c->task - w->me->first_task;

	if (c->deaths > 0 && w->me->role == ROLE_SPOUT && index < w->me->n_tasks)
		pending_set_attempts(&w->pending, index, c->id, c->deaths | c->deaths << DEATHS_SHIFT);
}

static void recall_charges(struct worker *w)
{
	for (uint32_t i = 0; i < STATUS_CHARGES; i++)
		recall_charge(w, &w->status->charges[i]);
}

/* charge_before: what the predecessor was emitting has crashed it. */
static void charge_before(struct worker *w)
{
	struct status *s = w->status;
	struct status_charge *c = NULL;

	for (uint32_t i = 0; i < STATUS_CHARGES; i++)
		if (s->charges[i].deaths > 0 && s->charges[i].id == w->before.id &&
		    s->charges[i].task == w->before.task)
			c = &s->charges[i];
	if (c != NULL) {
		c->deaths += c->deaths < UINT8_MAX;
	} else {
		c = &s->charges[s->n_charges++ % STATUS_CHARGES];
		*c = w->before;
	}
	recall_charge(w, c);
	w->before_root = 0;
}

/* ---- life ---- */

static int64_t most_attempts(const struct topology *t, const struct component *c)
{
	const struct setting *most = topology_config(t, c, "topology.max.attempts");

	return most != NULL && most->type == SETTING_INT ? most->i : 0;
}

void source_init(struct worker *w)
{
	const struct topology *t = w->topology;
	const struct setting *on = topology_config(t, NULL, "topology.enable.message.timeouts");
	const struct setting *letters = topology_config(t, NULL, "topology.dead.letter.file");

	deadletter_init(&w->letters,
	    letters != NULL && letters->type == SETTING_STRING ? letters->s : NULL);
	pending_init(&w->pending, w->me->n_tasks * w->n_stages);
	w->next_root = random_seed();
	for (uint32_t i = 0; i < w->n_stages; i++)
		w->stages[i].max_attempts = most_attempts(t, w->stages[i].component);
	if (on == NULL || on->type != SETTING_BOOL || on->b)
		w->timeout_ns = (uint64_t)topology_ms(t, NULL, "topology.message.timeout.secs") * NS_PER_MS;
	limit_init(&w->limit,
	    (size_t)topology_int(t, w->stages->component, "topology.max.spout.pending") * w->me->n_tasks,
	    w->timeout_ns, clock_now_ns());
	recall_charges(w);
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

/* stage_of gives the stage whose message M is. */
static struct stage *stage_of(const struct worker *w, const struct message *m)
{
	return w->tasks[m->task].stage;
}

/* is_spouts: M is a spout's, and so has an id that it knows; else a finishing bolt's. */
static bool is_spouts(const struct worker *w, const struct message *m)
{
	return stage_of(w, m)->component->kind == GALE_SPOUT;
}

/* keep gives M a body when somebody will need its values again: gale for a replay, or the
 * dead letters after the last attempt. */
static void keep(struct worker *w, struct message *m, const gale_value *values, uint32_t n, size_t bound)
{
	int64_t most = stage_of(w, m)->max_attempts;
	bool last = (most != 0 && m->attempt >= most) ||
	    m->deaths + 1 >= POISON_DEATHS;

	if (m->body != NULL || (!m->kept && !last))
		return;
	m->body = xmalloc(bound);
	m->body_bytes = (uint32_t)(wire_put_values(m->body, values, n) - m->body);
	m->body = xrealloc(m->body, m->body_bytes);
	w->kept_bytes += m->body_bytes;
}

static void forget_body(struct worker *w, const struct message *m)
{
	if (m->body != NULL)
		w->kept_bytes -= m->body_bytes;
	free(m->body);
}

static void ack_without_ackers(struct worker *w, const struct message *m)
{
	uint64_t pair[2] = { m->task, m->id };

	forget_body(w, m);
	if (is_spouts(w, m))
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
	w->status->emitting_task = is_spouts(w, m) ? w->tasks[m->task].ctx.task : UINT32_MAX;
	w->status->emitting = root;
	w->emitting_failed.why = NULL;
}

/* too_deadly: M has crashed this worker so often that it is not emitted any more. */
static bool too_deadly(struct worker *w, struct message *m)
{
	int64_t most = stage_of(w, m)->max_attempts;

	if (m->body == NULL || m->deaths == 0 ||
	    (m->deaths < POISON_DEATHS && (most == 0 || m->attempt <= most)))
		return false;
	m->attempt--;		/* this one is none */
	w->emitting_failed = (struct failure){ xasprintf("%u workers have crashed with a tuple of this "
	    "message in hand", m->deaths), UINT32_MAX };
	m->first = new_root(w);
	over_inside(w, m->first, m);
	resume_opened(w, m);
	return true;
}

int source_emit(struct worker *w, struct message *m, const gale_value *values, uint32_t n, size_t bound,
    struct error *e)
{
	bool tracked = w->plan->n_ackers > 0;
	struct router *router = &stage_of(w, m)->router;
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
		if (too_deadly(w, m))
			return 0;
		begin_emit(w, m, x.roots.one);
	}
	copies = m->target == UINT32_MAX ? router_emit(router, &x, &edges, e)
	    : router_emit_direct(router, &x, m->target, &edges, e);
	w->status->emitting = 0;
	if (copies < 0) {
		forget_body(w, m);
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

/* ---- verdicts ---- */

/* settled: the spout may have reason to emit again. */
static void settled(struct worker *w, const struct message *m)
{
	w->tasks[m->task].idle_until_ns = 0;
	w->status->pending = source_open(w);
}

/* acked: F, of task T, is complete, and out of the table. Returns how long it took. */
static inline uint64_t acked(struct worker *w, struct task *t, const struct flight *f)
{
	uint64_t took = w->now_ns - f->emitted_ns;

	limit_acked(&w->limit, took, w->now_ns);
	if (f->message.body != NULL)
		forget_body(w, &f->message);
	resume_done(w, &f->message);
	if (f->message.attempt > 1 || f->message.deaths > 0)
		pending_set_attempts(&w->pending, f->message.task, f->message.id, 0);
	if (t->stage->code->ack != NULL && t->stage->component->kind == GALE_SPOUT)
		t->stage->code->ack(t->self, &t->ctx, f->message.id);
	t->idle_until_ns = 0;
	return took;
}

/* on_acked settles one message, of the task *OF. Returns how long it took; UINT64_MAX: it was
 * settled before. */
static inline uint64_t on_acked(struct worker *w, uint64_t root, const struct task **of)
{
	struct flight f;
	struct task *t;

	if (!pending_settle(&w->pending, root, &f))
		return UINT64_MAX;
	*of = t = &w->tasks[f.message.task];
	return acked(w, t, &f);
}

/* count_acked notes N messages of T that took so long. */
static void count_acked(const struct task *t, uint64_t took, uint64_t n)
{
	struct status *s = t->stage->status;
	uint64_t now_ns = t->worker->now_ns;

	if (t->stage->component->kind == GALE_SPOUT) {
		s->acked += n;
		if (t->counts != NULL)
			t->counts->n.acked += n;
	}
	if (s->first_ack_ns == 0)
		s->first_ack_ns = now_ns;
	s->last_ack_ns = now_ns;
	hist_add(&s->complete, took, n);
}

/* on_acked_run settles N messages in a row. Those that one call of next has emitted took
 * equally long, and are counted together. */
static void on_acked_run(struct worker *w, uint64_t root, uint32_t n)
{
	const struct task *t = NULL, *of = NULL;
	uint64_t alike = 0, took = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t each = on_acked(w, root + i, &of);

		if (each == UINT64_MAX)
			continue;
		if ((each != took || of != t) && alike > 0) {
			count_acked(t, took, alike);
			alike = 0;
		}
		took = each;
		t = of;
		alike++;
	}
	if (alike > 0)
		count_acked(t, took, alike);
	w->status->pending = source_open(w);
}

/* dead_letter_stream gives the number of the stream for dead letters, when somebody
 * subscribes to it; else -1. */
static int dead_letter_stream(const struct stage *st)
{
	const struct router *r = &st->router;
	uint32_t last = r->n_streams - 1;

	if (st->component->kind != GALE_SPOUT || r->n_streams == 0 ||
	    strcmp(r->streams[last].stream->id, DEAD_LETTER_STREAM) != 0 ||
	    r->streams[last].n_routes == 0)
		return -1;
	return (int)last;
}

static bool emit_dead_letter(struct worker *w, uint32_t stream, const struct dead_letter *d, uint32_t task)
{
	gale_value values[] = { gale_int((int64_t)d->id), gale_int(d->attempts), gale_text(d->reason),
		gale_text(d->stream), gale_list(d->values, d->n_values) };
	struct message m = { .id = d->id, .task = task, .stream = stream, .target = UINT32_MAX,
		.attempt = 1, .kept = true };
	struct error e;
	size_t bound = router_check(&w->tasks[task].stage->router, stream, values, 5, &e);

	if (bound != 0 && source_emit(w, &m, values, 5, bound, &e) == 0) {
		if (w->looks != NULL)
			look_emitted(&w->tasks[task], stream, values);
		return true;
	}
	fprintf(stderr, "error: a dead letter can't be emitted: %s\n", e.text);
	return false;
}

/* bury sends M to the dead letters. */
static void bury(struct worker *w, const struct message *m, const char *reason)
{
	const struct stage *st = stage_of(w, m);
	int stream = dead_letter_stream(st), n;
	gale_value values[GALE_MAX_FIELDS];
	struct dead_letter d = { w->topology->name, st->component->id,
		st->router.streams[m->stream].stream->id, reason, m->id, m->attempt, values, 0 };
	struct error e;

	st->status->dead_lettered++;
	if (w->tasks[m->task].counts != NULL)
		w->tasks[m->task].counts->n.dead_lettered++;
	n = wire_read_values(m->body, m->body_bytes, values);
	d.n_values = n < 0 ? 0 : (uint32_t)n;
	/* A dead letter that dies itself goes to the file, or it would go round for ever. */
	if (stream >= 0 && (uint32_t)stream != m->stream &&
	    emit_dead_letter(w, (uint32_t)stream, &d, m->task))
		return;
	if (w->letters.path == NULL)
		worker_fatal(w, "there is no dead-letter file for message %llu", (unsigned long long)m->id);
	if (deadletter_write(&w->letters, &d, &e) != 0)
		worker_fatal(w, "%s", e.text);
	resume_done(w, m);
}

static uint64_t replay_due(const struct worker *w, uint32_t attempt)
{
	uint32_t log2 = attempt > 2 ? attempt - 3 : 0;

	if (attempt <= 2)
		return w->now_ns;
	return w->now_ns + ((uint64_t)REPLAY_MS << (log2 < REPLAY_MOST_LOG2 ? log2 : REPLAY_MOST_LOG2)) * NS_PER_MS;
}

static void tell_spout(struct worker *w, const struct message *m, gale_failure *f)
{
	struct task *t = &w->tasks[m->task];

	if (t->stage->component->kind != GALE_SPOUT)
		return;
	t->asked_again = true;
	if (t->stage->code->fail != NULL)
		t->stage->code->fail(t->self, &t->ctx, m->id, f);
}

/* remember keeps what is known of a message that its spout replays by itself; source_recall
 * fills it in when that comes again. */
static void remember(struct worker *w, const struct message *m)
{
	pending_set_attempts(&w->pending, m->task, m->id,
	    (m->attempt - 1) | (uint32_t)m->deaths << DEATHS_SHIFT);
}

void source_recall(const struct worker *w, struct message *m)
{
	uint32_t known = pending_attempts(&w->pending, m->task, m->id);

	m->attempt = 1 + (known & ((1u << DEATHS_SHIFT) - 1));
	m->deaths = (uint8_t)(known >> DEATHS_SHIFT);
}

/* given_up: no further attempt of M. Whatever M fails of now, its third death may have come
 * since it was emitted, by a tuple of an earlier emit; its values may not be kept then, and are
 * when it comes again. */
static bool given_up(const struct worker *w, const struct message *m, const gale_failure *f)
{
	if (m->deaths >= POISON_DEATHS && m->body != NULL)
		return true;
	return f->kind != GALE_WORKER_LOST && stage_of(w, m)->max_attempts > 0 &&
	    m->attempt >= stage_of(w, m)->max_attempts;
}

/* again prepares the next attempt of M, or gives it up. Takes M's body. */
static void again(struct worker *w, struct message *m, gale_failure *f)
{
	if (f->kind == GALE_CRASHED && m->deaths < UINT8_MAX)
		m->deaths++;
	f->attempt = m->attempt;
	f->final = given_up(w, m, f);
	if (f->final) {
		bury(w, m, f->text);
		pending_set_attempts(&w->pending, m->task, m->id, 0);
		tell_spout(w, m, f);
		forget_body(w, m);
		return;
	}
	m->attempt += f->kind != GALE_WORKER_LOST;
	if (w->ending != ENDING_NOT && is_spouts(w, m)) {
		/* The run is being ended: what fails now stays undone. */
		forget_body(w, m);
	} else if (m->kept) {
		pending_replay_at(&w->pending, m, replay_due(w, m->attempt));
	} else {
		forget_body(w, m);
		remember(w, m);
		tell_spout(w, m, f);
	}
}

/* blame: what was in hand at a death has failed of that, whoever was first to say so. */
static void blame(const struct worker *w, uint64_t root, gale_failure *f, char *text, size_t size)
{
	const char *named = pending_named(&w->pending, root);

	if (named == NULL)
		return;
	snprintf(text, size, "%s with this tuple in hand", named);
	f->kind = GALE_CRASHED;
	f->text = text;
}

static void failed(struct worker *w, struct flight *flight, gale_failure *f)
{
	const struct task *t = &w->tasks[flight->message.task];
	struct status *s = t->stage->status;
	bool spouts = is_spouts(w, &flight->message);
	bool timed_out = f->kind == GALE_TIMED_OUT || f->kind == GALE_NO_PROGRESS ||
	    f->kind == GALE_NO_VERDICT;

	pending_failed(&w->pending, flight->root, &flight->message);
	s->failed += spouts;
	s->timed_out += timed_out;
	if (t->counts != NULL) {
		t->counts->n.failed += spouts;
		t->counts->n.timed_out += timed_out;
	}
	again(w, &flight->message, f);
	settled(w, &flight->message);
}

static void on_failed(struct worker *w, uint64_t root, gale_failure *f)
{
	struct flight flight;
	char text[512];

	if (!pending_settle(&w->pending, root, &flight))
		return;
	blame(w, root, f, text, sizeof text);
	failed(w, &flight, f);
}

static void failed_inside(struct worker *w, struct flight *flight, const struct failure *why)
{
	char task[96], text[RECORD_TEXT_MAX + 256];
	gale_failure f = { .kind = GALE_FAILED_BY_BOLT, .text = text };

	if (why->task == UINT32_MAX) {
		f.kind = GALE_CRASHED;
		f.text = why->why;
	} else {
		plan_task_label(w->plan, why->task, task, sizeof task);
		snprintf(text, sizeof text, "%s failed it: %.*s", task, RECORD_TEXT_MAX, why->why);
	}
	failed(w, flight, &f);
}

/* What is told may make more of them: those come next time. */
bool source_inside(struct worker *w)
{
	size_t n = w->n_inside_ready;

	for (size_t i = 0; i < n; i++) {
		struct inside x = w->inside[i];
		struct task *t = &w->tasks[x.flight.message.task];

		if (x.failure.why != NULL)
			failed_inside(w, &x.flight, &x.failure);
		else
			count_acked(t, acked(w, t, &x.flight), 1);
		free(x.failure.why);
	}
	w->n_inside_ready -= n;
	w->n_inside -= n;
	if (n > 0 && w->n_inside > 0)
		memmove(w->inside, w->inside + n, w->n_inside * sizeof *w->inside);
	return n > 0;
}

void source_committed(struct worker *w)
{
	w->n_inside_ready = w->n_inside;
}

/* on_ended says in words why a tree failed. */
static void on_ended(struct worker *w, const struct record *r)
{
	char last[96], text[RECORD_TEXT_MAX + 256];
	gale_failure f = { .text = text };
	bool heard = r->task != UINT32_MAX;

	plan_task_label(w->plan, r->task, last, sizeof last);
	if (r->verdict == LEDGER_FAILED) {
		f.kind = GALE_FAILED_BY_BOLT;
		snprintf(text, sizeof text, "%s failed it: %.*s", last, (int)r->n_text, r->text);
	} else {
		f.kind = r->verdict == LEDGER_NO_PROGRESS ? GALE_NO_PROGRESS : GALE_TIMED_OUT;
		snprintf(text, sizeof text, "%s after %.3f s; last ack %s%s%s",
		    f.kind == GALE_TIMED_OUT ? "timed out" : "no progress", (double)r->age_ms / 1e3,
		    heard ? "from " : "from nobody", heard ? last : "", "");
		if (heard)
			snprintf(text + strlen(text), sizeof text - strlen(text), ", %.3f s ago",
			    (double)r->silent_ms / 1e3);
	}
	on_failed(w, r->root, &f);
}

static void on_verdicts(struct worker *w, const struct frame *frame)
{
	struct wire_reader reader;
	struct record r;
	int more = 0;

	if (!worker_frame_ok(w, frame, &reader))
		return;
	while (reader.header.kind == WIRE_VERDICTS &&
	    (more = verdict_next(&reader.at, reader.end, &r)) > 0) {
		if (r.type == VERDICT_ACKED_RUN)
			on_acked_run(w, r.root, r.n);
		else if (r.type == VERDICT_ENDED)
			on_ended(w, &r);
		else
			pending_extend(&w->pending, r.root, w->now_ns);
	}
	if (reader.header.kind != WIRE_VERDICTS || more < 0)
		fprintf(stderr, "error: a frame of verdicts is broken and dropped\n");
}

/* ---- replay, silence ---- */

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
		if (ends && is_spouts(w, &m)) {
			forget_body(w, &m);
			continue;
		}
		show_replay(w, &m);
		if (source_emit(w, &m, NULL, 0, 0, &e) != 0)
			fprintf(stderr, "error: a message can't be replayed: %s\n", e.text);
	}
	return any;
}

/* fail_silent is the net below (A5): what the acker has said nothing about for 2 T. */
static void fail_silent(struct worker *w)
{
	uint64_t root, before = w->now_ns - 2 * w->timeout_ns;
	size_t cursor = 0;

	w->next_silence_ns = w->now_ns + w->timeout_ns / 10;
	if (before > w->now_ns)
		return;
	while ((root = pending_silent(&w->pending, &cursor, before)) != 0) {
		gale_failure f = { .kind = GALE_NO_VERDICT,
			.text = "no verdict of the acker for twice the message timeout" };

		out_void(&w->out, root);
		on_failed(w, root, &f);
	}
}

/* ---- lost workers ---- */

/* charge: a tuple of ROOT has crashed a worker after ROOT had failed. The death is its
 * message's all the same, wherever that is now: in flight again, waiting, or with its spout. */
static void charge(struct worker *w, uint64_t root)
{
	const struct failed_root *f = pending_failed_root(&w->pending, root);
	struct message *m = f != NULL ? pending_find(&w->pending, f) : NULL;
	uint32_t known;

	if (m != NULL && m->deaths < UINT8_MAX)
		m->deaths++;
	if (f == NULL || m != NULL || f->kept)
		return;
	known = pending_attempts(&w->pending, f->task, f->id);
	if (known >> DEATHS_SHIFT < UINT8_MAX)
		pending_set_attempts(&w->pending, f->task, f->id, known + (1u << DEATHS_SHIFT));
}

void source_named(struct worker *w, uint64_t root, const char *text)
{
	if (root != 0 && root == w->before_root)
		charge_before(w);
	pending_name(&w->pending, root, text);
	charge(w, root);
}

void source_lost(struct worker *w, uint32_t peer, const char *text)
{
	const struct plan_worker *lost = &w->plan->workers[peer];
	const struct acker_link *acker = lost->role == ROLE_ACKER ? &w->out.ackers[peer - w->plan->first_acker] : NULL;
	size_t n;
	uint64_t *roots = pending_roots(&w->pending, &n);

	for (size_t i = 0; i < n; i++) {
		gale_failure f = { .kind = GALE_WORKER_LOST, .text = text };

		if (acker != NULL && out_acker(&w->out, roots[i]) != acker)
			continue;
		out_void(&w->out, roots[i]);
		on_failed(w, roots[i], &f);
	}
	/* With an acker go its own roots only: what is named may be another's. */
	if (acker == NULL)
		pending_forget_named(&w->pending);
	free(roots);
}

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
		on_verdicts(w, frame);
		frame_release(w->acks, frame);
		any = true;
	}
	if (replay(w))
		any = true;
	if (source_inside(w))
		any = true;
	if (w->timeout_ns != 0 && w->now_ns >= w->next_silence_ns)
		fail_silent(w);
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
