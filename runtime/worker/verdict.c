/* verdict.c - what becomes of a message: its tree is complete, or has failed.
 *
 *     acker's verdict, a tree over inside, silence, a lost worker
 *        |
 *        |--complete--> ack
 *        `--failed--> attempts left? --kept--> waits --> source.c emits it, as a new root (A7)
 *                            |         `-else-> fail, the spout emits again
 *                            `--none--> dead letter, fail with `final`
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acker/ledger.h"
#include "clock.h"
#include "inside.h"
#include "record.h"
#include "worker.h"

enum {
	REPLAY_MS = 10,			/* second replay after 10 ms, then twice as long, */
	REPLAY_MOST_LOG2 = 10		/* up to 10 s; the first at once */
};

/* ---- complete ---- */

/* acked: F, of task T, is complete, and out of the table. Returns how long it took. */
static inline uint64_t acked(struct worker *w, struct task *t, const struct flight *f)
{
	uint64_t took = w->now_ns - f->emitted_ns;

	limit_acked(&w->limit, took, w->now_ns);
	if (f->message.body != NULL)
		source_forget(w, &f->message);
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

/* ---- given up ---- */

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
	const struct stage *st = message_stage(w, m);
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

/* ---- failed ---- */

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

/* again prepares the next attempt of M, or gives it up. Takes M's body. */
static void again(struct worker *w, struct message *m, gale_failure *f)
{
	if (f->kind == GALE_CRASHED && m->deaths < UINT8_MAX)
		m->deaths++;
	f->attempt = m->attempt;
	f->final = attempts_given_up(w, m, f);
	if (f->final) {
		bury(w, m, f->text);
		pending_set_attempts(&w->pending, m->task, m->id, 0);
		tell_spout(w, m, f);
		source_forget(w, m);
		return;
	}
	m->attempt += f->kind != GALE_WORKER_LOST;
	if (w->ending != ENDING_NOT && message_is_spouts(w, m)) {
		/* The run is being ended: what fails now stays undone. */
		source_forget(w, m);
	} else if (m->kept) {
		pending_replay_at(&w->pending, m, replay_due(w, m->attempt));
	} else {
		source_forget(w, m);
		attempts_remember(w, m);
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
	struct task *t = &w->tasks[flight->message.task];
	struct status *s = t->stage->status;
	bool spouts = message_is_spouts(w, &flight->message);
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
	t->idle_until_ns = 0;		/* the spout may have reason to emit again */
	w->status->pending = source_open(w);
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

/* ---- of the acker ---- */

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
		snprintf(text, sizeof text, "%s after %.3f s; last ack from %s",
		    f.kind == GALE_TIMED_OUT ? "timed out" : "no progress", (double)r->age_ms / 1e3,
		    heard ? last : "nobody");
		if (heard)
			snprintf(text + strlen(text), sizeof text - strlen(text), ", %.3f s ago",
			    (double)r->silent_ms / 1e3);
	}
	on_failed(w, r->root, &f);
}

void verdict_take(struct worker *w, const struct frame *frame)
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

/* ---- of trees that never left this worker ---- */

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
bool verdict_inside(struct worker *w)
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

void verdict_committed(struct worker *w)
{
	w->n_inside_ready = w->n_inside;
}

/* ---- of nobody: silence, lost workers ---- */

void verdict_silent(struct worker *w)
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

void verdict_lost(struct worker *w, uint32_t peer, const char *text)
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
