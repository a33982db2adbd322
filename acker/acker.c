/* acker.c - an acker's turn: records in, verdicts out, time.
 *
 * The book itself is ledger.c. What is said to one spout worker waits in a buffer of its
 * own until it leaves, with neighbours of completed roots joined into runs; a spout that
 * takes nothing makes its buffer grow (by 13 bytes a run at most as many roots as it has
 * pending) and stops nobody (F3).
 *
 * Time (A4). When ledger_expiry_interval has passed, the acker notes that moment, goes on
 * reading until its input is empty, with a grace for what ZeroMQ's I/O thread has not yet
 * read, and only then expires what was too old at that moment. So an acker that was
 * stopped or lags condemns nothing whose acks wait in its queue. An interval is a twentieth
 * of the timeout, and the grace is no longer than an interval: so a verdict is late by a
 * tenth of the timeout at most, but for what the machine adds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "ledger.h"
#include "memory.h"
#include "optimisations.h"
#include "record.h"
#include "worker.h"

enum {
	FRAMES_PER_TURN = 32,
	FRAME_BYTES = 32768,		/* verdicts that make a frame */
	RUN_MOST = OPTIMISE_RUNS ? 1 << 20 : 1,	/* roots of one run: verdict_next refuses longer ones */
	GRACE_NS = 20 * 1000000		/* at most */
};

/* What waits for one spout worker. */
struct mail {
	struct buf verdicts;
	uint64_t run_root;	/* an open run of completed roots */
	uint32_t run_n;		/* 0: none */
};

struct acker {
	struct worker *worker;
	struct ledger *ledger;
	struct mail *mail;		/* by worker */
	uint64_t next_expiry_ns;	/* 0: not set */
	uint64_t deadline_ns;		/* expire what was too old then; 0: nothing to do */
	uint64_t grace_ns;		/* after the deadline */
	uint64_t *values;		/* scratch: the values of a run, aligned */
	size_t values_cap;
};

static void close_run(struct mail *m)
{
	if (m->run_n > 0)
		verdict_put_acked(&m->verdicts, m->run_root, m->run_n);
	m->run_n = 0;
}

static void send_mail(struct acker *a, uint32_t to)
{
	struct mail *m = &a->mail[to];

	close_run(m);
	if (m->verdicts.n > 0 && out_has_room(&a->worker->out, to))
		out_body(&a->worker->out, to, WIRE_VERDICTS, &m->verdicts);
}

/* send_if_full keeps a frame far below what a spout takes, however many trees end at once:
 * a full one leaves or waits whole. */
static void send_if_full(struct acker *a, uint32_t to)
{
	if (a->mail[to].verdicts.n >= FRAME_BYTES)
		out_body(&a->worker->out, to, WIRE_VERDICTS, &a->mail[to].verdicts);
}

static void put_ended(struct mail *m, const struct ledger_outcome *o)
{
	struct record r = { .verdict = (uint8_t)o->verdict, .root = o->root, .task = o->last_task,
		.age_ms = o->age_ms, .silent_ms = o->silent_ms, .text = o->why != NULL ? o->why : "" };

	r.n_text = (uint32_t)strlen(r.text);
	verdict_put_ended(&m->verdicts, &r);
}

static void on_verdict(void *arg, const struct ledger_outcome *o)
{
	struct acker *a = arg;
	struct mail *m = &a->mail[o->owner.worker];

	if (a->worker->out.sender.oldest_ns == 0)
		a->worker->out.sender.oldest_ns = a->worker->now_ns;
	if (o->verdict == LEDGER_ACKED) {
		a->worker->status->acked++;
		if (m->run_n > 0 && m->run_n < RUN_MOST && m->run_root + m->run_n == o->root) {
			m->run_n++;
			return;
		}
		close_run(m);
		send_if_full(a, o->owner.worker);
		m->run_root = o->root;
		m->run_n = 1;
		return;
	}
	close_run(m);
	send_if_full(a, o->owner.worker);
	if (o->verdict == LEDGER_EXTENDED) {
		verdict_put_extended(&m->verdicts, o->root);
		return;
	}
	a->worker->status->failed++;
	a->worker->status->timed_out += o->verdict != LEDGER_FAILED;
	put_ended(m, o);
}

/* ---- records in ---- */

static const uint64_t *aligned(struct acker *a, const uint8_t *body, size_t n)
{
	a->values = xgrow(a->values, &a->values_cap, n, sizeof *a->values);
	memcpy(a->values, body, n * sizeof *a->values);
	return a->values;
}

static void on_list(struct acker *a, const struct record *r, struct ledger_owner owner, uint32_t task, uint64_t now_ms)
{
	for (uint32_t i = 0; i < r->n; i++) {
		uint64_t root = wire_get64(r->body + 16 * (size_t)i);
		uint64_t value = wire_get64(r->body + 16 * (size_t)i + 8);

		if (r->type == RECORD_INIT_LIST)
			ledger_init(a->ledger, root, value, owner, now_ms);
		else
			ledger_ack(a->ledger, root, value, task, now_ms);
	}
}

static void on_record(struct acker *a, const struct record *r, const struct wire_header *h, uint64_t now_ms)
{
	struct ledger_owner owner = { h->worker, h->start };

	switch (r->type) {
	case RECORD_INIT_RUN:
		ledger_init_run(a->ledger, r->root, r->n, aligned(a, r->body, r->n), owner, now_ms);
		break;
	case RECORD_ACK_RUN:
		ledger_ack_run(a->ledger, r->root, r->n, aligned(a, r->body, r->n), h->source, now_ms);
		break;
	case RECORD_INIT_LIST:
	case RECORD_ACK_LIST:
		on_list(a, r, owner, h->source, now_ms);
		break;
	case RECORD_FAIL:
		ledger_fail(a->ledger, r->root, r->text, r->n_text, r->task, now_ms);
		break;
	case RECORD_RESET:
		ledger_reset(a->ledger, r->root, r->task, now_ms);
		break;
	default:
		ledger_void(a->ledger, r->root);
	}
}

/* may_init tells whether roots of this frame's sender can be answered. */
static bool may_init(const struct worker *w, const struct wire_header *h)
{
	return w->out.outboxes[h->worker] != NULL;
}

static void on_frame(struct acker *a, const struct frame *f)
{
	struct worker *w = a->worker;
	struct wire_reader reader;
	struct record r;
	int more = -1;

	if (!worker_frame_ok(w, f, &reader))
		return;
	while (reader.header.kind == WIRE_ACKS && (more = record_next(&reader.at, reader.end, &r)) > 0) {
		if ((r.type == RECORD_INIT_RUN || r.type == RECORD_INIT_LIST) && !may_init(w, &reader.header)) {
			more = -1;
			break;
		}
		on_record(a, &r, &reader.header, w->now_ns / NS_PER_MS);
	}
	if (more < 0)
		fprintf(stderr, "error: a frame of records from %s is broken; the rest of it is dropped\n",
		    w->plan->workers[reader.header.worker].label);
}

/* ---- time ---- */

/* watch_time judges time when all that had come by the deadline is read (A4): input that was found empty was so
 * 50 us ago at most (transport.h), and the grace is longer. */
static void watch_time(struct acker *a, bool input_empty)
{
	uint64_t now = a->worker->now_ns, interval = ledger_expiry_interval(a->ledger) * NS_PER_MS;

	if (interval == 0) {
		a->next_expiry_ns = a->deadline_ns = 0;
		return;
	}
	if (a->next_expiry_ns == 0)
		a->next_expiry_ns = now + interval;
	if (a->deadline_ns == 0 && now >= a->next_expiry_ns) {
		a->deadline_ns = now;
		a->grace_ns = interval < GRACE_NS ? interval : GRACE_NS;
	}
	if (a->deadline_ns != 0 && input_empty && now >= a->deadline_ns + a->grace_ns) {
		ledger_expire(a->ledger, a->deadline_ns / NS_PER_MS);
		a->next_expiry_ns = a->deadline_ns + interval;
		a->deadline_ns = 0;
	}
}

/* ---- for who looks ---- */

void acker_describe(const struct worker *w, uint64_t root, struct buf *out)
{
	const struct acker *a = w->role;
	struct ledger_view view;
	char label[PLAN_LABEL] = "-";

	if (!ledger_look(a->ledger, root, w->now_ns / NS_PER_MS, &view) || !view.has_init)
		return;
	if (view.last_task != LEDGER_NO_TASK)
		plan_task_label(w->plan, view.last_task, label, sizeof label);
	buf_printf(out, "\ttree %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s", root, view.age_ms,
	    view.timer_ms, view.silent_ms, label);
}

/* ---- the role ---- */

static void start(struct worker *w)
{
	struct acker *a = xcalloc(1, sizeof *a);
	const struct topology *t = w->topology;
	const struct setting *on = topology_config(t, NULL, "topology.enable.message.timeouts");
	int64_t timeout = topology_ms(t, NULL, "topology.message.timeout.secs");
	int64_t progress = topology_ms(t, NULL, "topology.progress.timeout.secs");

	if (on != NULL && on->type == SETTING_BOOL && !on->b)
		timeout = progress = 0;
	a->worker = w;
	a->mail = xcalloc(w->plan->n_workers, sizeof *a->mail);
	a->ledger = ledger_new(timeout > 0 ? (uint64_t)timeout : 0, progress > 0 ? (uint64_t)progress : 0,
	    on_verdict, a);
	w->role = a;
}

static void send_all(struct acker *a)
{
	for (uint32_t i = 0; i < a->worker->plan->n_workers; i++)
		if (a->mail[i].run_n > 0 || a->mail[i].verdicts.n > 0)
			send_mail(a, i);
}

static bool turn(struct worker *w)
{
	struct acker *a = w->role;
	struct frame *f;
	int n = 0;

	while (n < FRAMES_PER_TURN && (f = inbox_receive(w->acks, w->now_ns)) != NULL) {
		on_frame(a, f);
		frame_release(w->acks, f);
		n++;
	}
	watch_time(a, n < FRAMES_PER_TURN);
	if (w->out.sender.oldest_ns != 0 && w->now_ns - w->out.sender.oldest_ns >= OUT_MAX_AGE_NS) {
		send_all(a);
		w->out.sender.oldest_ns = 0;
	}
	w->status->pending = ledger_size(a->ledger);
	return n == FRAMES_PER_TURN;	/* else there was no more, and it is time for verdicts */
}

static bool rest(struct worker *w)
{
	send_all(w->role);
	return false;
}

static uint64_t due(const struct worker *w)
{
	const struct acker *a = w->role;

	if (a->deadline_ns != 0)
		return a->deadline_ns + a->grace_ns;
	return a->next_expiry_ns != 0 ? a->next_expiry_ns : UINT64_MAX;
}

static bool wants_data(const struct worker *w)
{
	(void)w;
	return false;
}

static void stop(struct worker *w)
{
	struct acker *a = w->role;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		buf_free(&a->mail[i].verdicts);
	ledger_free(a->ledger);
	free(a->values);
	free(a->mail);
	free(a);
}

/* A spout that starts anew knows nothing of the roots of its predecessor (A6). */
static void succeeded(struct worker *w, uint32_t peer)
{
	struct acker *a = w->role;

	ledger_drop_older(a->ledger, peer, w->starts[peer]);
}

/* replaced: what waits for the predecessor is not the successor's. */
static void replaced(struct worker *w, uint32_t peer)
{
	struct acker *a = w->role;

	a->mail[peer].verdicts.n = 0;
	a->mail[peer].run_n = 0;
}

/* laid_out makes room for who is new. Who is gone is forgotten as one that has a successor. */
static void laid_out(struct worker *w, const struct plan *was)
{
	struct acker *a = w->role;

	if (w->plan->n_workers == was->n_workers)
		return;
	a->mail = xrealloc(a->mail, w->plan->n_workers * sizeof *a->mail);
	memset(a->mail + was->n_workers, 0, (w->plan->n_workers - was->n_workers) * sizeof *a->mail);
}

const struct role_ops acker_ops = {
	.start = start, .turn = turn, .rest = rest, .due = due, .wants_data = wants_data,
	.replaced = replaced, .succeeded = succeeded, .laid_out = laid_out, .stop = stop,
};
