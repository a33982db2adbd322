/* look.c - what a worker shows to those who look at it: taps and traces.
 *
 * A tap (tap.h) is switched on by giving the tasks of its component another table of host calls,
 * whose emits look at the tuple as well: a component that nobody taps emits as if there were no taps.
 * What is to be shown gathers here and leaves when the supervisor has read all that this worker has
 * said before: so at most one message of taps is ever in the control channel, nothing that
 * counts waits behind them, and nobody here waits for a supervisor that does not read. What has
 * no room is counted and forgotten.
 *
 * A trace tells of what is open, when it is asked for: sources of the messages that have been in
 * flight for longest, ackers of the trees of given roots, the coordinator of its batches. A
 * source walks its table in pieces, a piece a turn. What follows "tells" and "told" then; each
 * line of a "tells" is behind a tab:
 *
 *     message ROOT ID ATTEMPT AGE_MS STREAM TASK	of a source; ID -: it has none
 *     MESSAGES_IN_FLIGHT MESSAGES_THAT_WAIT_FOR_A_REPLAY
 *
 *     tree ROOT AGE_MS TIMER_MS SILENT_MS TASK		of an acker; TASK -: nobody has acked
 *
 *     batch TXID ATTEMPT STEP SINCE_MS WORKER,...	of the coordinator; the workers that it waits
 *     LAST_COMMITTED_TXID				for, -: none
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/sockios.h>

#include "clock.h"
#include "control.h"
#include "memory.h"
#include "tap.h"
#include "worker.h"

enum {
	MESSAGES_EVERY_NS = 20 * 1000000,	/* of one tap */
	AGAIN_NS = 1000000,			/* when the channel was not empty */
	PLACES_PER_TURN = 8192,			/* of a source's table: a million in an eighth of a second */
	PART_BYTES = 32768			/* of an answer, in one message */
};

struct trace {
	uint32_t inquiry;
	struct oldest oldest;
};

struct looks {
	struct tap taps[TAP_MOST];
	uint32_t n_taps;
	struct trace *traces;
	size_t n_traces, traces_cap;
	struct buf text;		/* scratch */
};

static struct looks *looks_of(struct worker *w)
{
	if (w->looks == NULL)
		w->looks = xcalloc(1, sizeof *w->looks);
	return w->looks;
}

/* ---- taps ---- */

void look_emitted(const struct task *t, uint32_t stream, const gale_value *values)
{
	const struct worker *w = t->worker;
	struct timespec when;

	for (uint32_t i = 0; i < w->looks->n_taps; i++) {
		struct tap *tap = &w->looks->taps[i];

		if (tap->component != t->stage->component || !tap_sees(tap, stream, values, w->now_ns))
			continue;
		clock_gettime(CLOCK_REALTIME, &when);
		tap_add(tap, stream, t->ctx.index, values, when);
	}
}

static int tapped_emit(gale_ctx *ctx, uint32_t stream, const gale_value *values, uint32_t n)
{
	int result = host_calls.emit(ctx, stream, values, n);

	if (result == 0)
		look_emitted((const struct task *)ctx, stream, values);
	return result;
}

static int tapped_emit_as(gale_ctx *ctx, const gale_emission *x)
{
	int result = host_calls.emit_as(ctx, x);

	if (result == 0)
		look_emitted((const struct task *)ctx, x->stream, x->values);
	return result;
}

/* switch_calls gives every task the calls that it needs. Threads of a plugin may call gale_wake at
 * the same time: that is the same in both tables. */
static void switch_calls(struct worker *w)
{
	static gale_host tapped;

	tapped = host_calls;
	tapped.emit = tapped_emit;
	tapped.emit_as = tapped_emit_as;
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		const gale_host *calls = &host_calls;

		for (uint32_t k = 0; k < w->looks->n_taps; k++)
			if (w->looks->taps[k].component == w->tasks[i].stage->component)
				calls = &tapped;
		__atomic_store_n(&w->tasks[i].ctx.host, calls, __ATOMIC_RELEASE);
	}
}

void look_tap(struct worker *w, const struct control_message *m)
{
	struct looks *l = looks_of(w);
	struct tap tap;
	uint32_t component;

	if (l->n_taps == TAP_MOST || !tap_parse(&tap, w->topology, m->text, &component)) {
		worker_say("told %u", m->inquiry);
		return;
	}
	tap.inquiry = m->inquiry;
	l->taps[l->n_taps++] = tap;
	switch_calls(w);
	fprintf(stderr, "tap %u of %s is on\n", m->inquiry, tap.component->id);
	worker_say("tells %u 0 0 0", m->inquiry);
}

void look_untap(struct worker *w, const struct control_message *m)
{
	struct looks *l = looks_of(w);

	for (uint32_t i = 0; i < l->n_taps; i++) {
		if (l->taps[i].inquiry != m->inquiry)
			continue;
		fprintf(stderr, "tap %u of %s is off\n", m->inquiry, l->taps[i].component->id);
		tap_free(&l->taps[i]);
		l->taps[i] = l->taps[--l->n_taps];
		switch_calls(w);
		return;
	}
}

/* has_news: there is something to tell at TAP's next message. */
static bool has_news(const struct tap *tap)
{
	return tap->shown > 0 || tap->lost > 0 || tap->unsampled > 0;
}

/* next_tap gives the tap that has waited for longest of those whose time has come, or NULL. */
static struct tap *next_tap(struct worker *w)
{
	struct tap *next = NULL;

	for (uint32_t i = 0; i < w->looks->n_taps; i++) {
		struct tap *tap = &w->looks->taps[i];

		if (has_news(tap) && w->now_ns >= tap->told_ns + MESSAGES_EVERY_NS &&
		    (next == NULL || tap->told_ns < next->told_ns))
			next = tap;
	}
	return next;
}

/* is_read: the supervisor has read all that was said. */
static bool is_read(void)
{
	int unread;

	return ioctl(CONTROL_FD, SIOCOUTQ, &unread) == 0 && unread == 0;
}

static void tell_tap(struct worker *w)
{
	struct tap *tap = next_tap(w);
	struct buf *text = &w->looks->text;
	uint32_t unsampled, lost, shown;

	if (tap == NULL || !is_read())
		return;
	text->n = 0;
	unsampled = tap->unsampled;
	lost = tap->lost;
	shown = tap->shown;
	tap_message(tap, text);
	tap->told_ns = w->now_ns;
	if (control_send(CONTROL_FD, "tells %u %s", tap->inquiry, buf_text(text)) == 0)
		return;
	tap->unsampled += unsampled;	/* the end of the channel is noticed elsewhere */
	tap->lost += lost + shown - tap->shown;
}

/* ---- traces ---- */

/* tell_parts sends what there is of an answer, once it has MANY bytes. */
static void tell_parts(struct buf *text, uint32_t inquiry, size_t many)
{
	if (text->n < many)
		return;
	worker_say("tells %u %s", inquiry, buf_text(text));
	text->n = 0;
}

static void put_flight(struct worker *w, const struct flight *f)
{
	const struct task *t = &w->tasks[f->message.task];
	struct buf *text = &w->looks->text;
	char label[PLAN_LABEL];

	buf_printf(text, "\tmessage %" PRIu64, f->root);
	if (t->stage->component->kind == GALE_SPOUT)
		buf_printf(text, " %" PRIu64, f->message.id);
	else
		buf_puts(text, " -");
	buf_printf(text, " %u %" PRIu64 " %s %s", f->message.attempt,
	    (w->now_ns - f->emitted_ns) / NS_PER_MS,
	    t->stage->component->outputs[f->message.stream].id,
	    plan_task_label(w->plan, t->ctx.task, label, sizeof label));
}

/* go_on_tracing looks at the next places; what has been settled in the meantime is left out. */
static void go_on_tracing(struct worker *w)
{
	struct looks *l = w->looks;
	struct trace *trace = &l->traces[l->n_traces - 1];
	const struct flight *f;

	if (oldest_look(&trace->oldest, &w->pending, PLACES_PER_TURN))
		return;
	l->text.n = 0;
	for (size_t i = 0; i < trace->oldest.n; i++) {
		if ((f = pending_get(&w->pending, trace->oldest.list[i].root)) != NULL)
			put_flight(w, f);
		tell_parts(&l->text, trace->inquiry, PART_BYTES);
	}
	tell_parts(&l->text, trace->inquiry, 1);
	worker_say("told %u %zu %zu", trace->inquiry, pending_open(&w->pending) - w->pending.n_replays,
	    w->pending.n_replays);
	oldest_free(&trace->oldest);
	l->n_traces--;
}

static void trace_oldest(struct worker *w, uint32_t inquiry, uint64_t most)
{
	struct looks *l = looks_of(w);

	if (w->me->role == ROLE_COORDINATOR) {
		l->text.n = 0;
		coordinate_describe(w, &l->text);
		tell_parts(&l->text, inquiry, 1);
		worker_say("told %u %" PRIu64, inquiry, coordinate_committed(w));
		return;
	}
	if (w->n_stages == 0 || w->txn != NULL || w->over || most == 0) {
		worker_say("told %u 0 0", inquiry);
		return;
	}
	l->traces = xgrow(l->traces, &l->traces_cap, l->n_traces + 1, sizeof *l->traces);
	l->traces[l->n_traces].inquiry = inquiry;
	oldest_init(&l->traces[l->n_traces++].oldest, most < LOOK_MOST ? (size_t)most : LOOK_MOST);
}

static void trace_roots(struct worker *w, uint32_t inquiry, const char *text)
{
	struct buf *answer = &looks_of(w)->text;
	uint64_t root;
	char *rest;

	answer->n = 0;
	for (; w->me->role == ROLE_ACKER && (root = strtoull(text, &rest, 10)) != 0; text = rest) {
		acker_describe(w, root, answer);
		tell_parts(answer, inquiry, PART_BYTES);
	}
	tell_parts(answer, inquiry, 1);
	worker_say("told %u", inquiry);
}

void look_trace(struct worker *w, const struct control_message *m)
{
	if (strncmp(m->text, "oldest ", 7) == 0)
		trace_oldest(w, m->inquiry, strtoull(m->text + 7, NULL, 10));
	else if (strncmp(m->text, "roots ", 6) == 0)
		trace_roots(w, m->inquiry, m->text + 6);
	else
		worker_say("told %u", m->inquiry);
}

/* ---- turns ---- */

void look_turn(struct worker *w)
{
	if (w->looks->n_traces > 0)
		go_on_tracing(w);
	tell_tap(w);
}

uint64_t look_due(const struct worker *w)
{
	uint64_t due = UINT64_MAX;

	if (w->looks->n_traces > 0)
		return w->now_ns;
	for (uint32_t i = 0; i < w->looks->n_taps; i++) {
		const struct tap *tap = &w->looks->taps[i];
		uint64_t at = tap->told_ns + MESSAGES_EVERY_NS;

		if (has_news(tap) && at < due)
			due = at;
	}
	return due > w->now_ns + AGAIN_NS ? due : w->now_ns + AGAIN_NS;
}

/* tell_rest tells what is left of TAP, as far as there is room. */
static void tell_rest(struct tap *tap, struct buf *text)
{
	for (text->n = 0; tap_message(tap, text); text->n = 0)
		if (control_send(CONTROL_FD, "tells %u %s", tap->inquiry, buf_text(text)) != 0)
			return;
}

void look_end(struct worker *w)
{
	struct looks *l = w->looks;

	if (l == NULL)
		return;
	for (uint32_t i = 0; i < l->n_taps; i++) {
		tell_rest(&l->taps[i], &l->text);
		tap_free(&l->taps[i]);
	}
	for (size_t i = 0; i < l->n_traces; i++)
		oldest_free(&l->traces[i].oldest);
	free(l->traces);
	buf_free(&l->text);
	free(l);
}
