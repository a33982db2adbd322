/* host.c - the calls that a plugin makes: the runtime's side of gale.h.
 *
 * What a plugin does wrong is refused here: the call returns -1, one line in the log says
 * what and where, and the tuple in hand fails (task->broken). Nothing a plugin passes can
 * get past the declared streams and the handles that it was given.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transaction.h"
#include "clock.h"
#include "inside.h"
#include "memory.h"
#include "rundir.h"
#include "worker.h"

static struct task *task_of(gale_ctx *ctx)
{
	return (struct task *)ctx;	/* its first member */
}

int host_refuse(struct task *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->why, sizeof t->why, format, args);
	va_end(args);
	t->broken = true;
	fprintf(stderr, "error: %s\n", t->why);
	return -1;
}

/* ---- emit ---- */

/* count_aside counts an emit where few have to: for one of several tasks, and for a batch. */
static void count_aside(const struct task *t, int copies)
{
	const struct worker *w = t->worker;

	if (t->counts != NULL) {
		t->counts->n.emitted++;
		t->counts->n.transferred += (uint64_t)copies;
	}
	if (w->txn != NULL && w->txn->touched != w->out.sender.header.txid)
		batch_touched(t->worker);
}

static inline void count_emit(const struct task *t, uint32_t stream, int copies)
{
	const struct stage *st = t->stage;
	struct status_stream *s = &st->status->streams[stream < STATUS_STREAMS ? stream : STATUS_STREAMS - 1];

	s->emitted++;
	s->transferred += (uint64_t)copies;
	if (st->status->first_emit_ns == 0)
		st->status->first_emit_ns = st->worker->now_ns;
	if (st->counts_aside)
		count_aside(t, copies);
}

/* is_finishing: what this task emits without an anchor are messages that gale keeps: in a
 * bolt's finish (B4). */
static bool is_finishing(const struct task *t)
{
	return t->stage->finishing && t->tuple == NULL && t->worker->txn == NULL;
}

/* refuse_outside: in a transactional topology whatever is emitted belongs to a batch (X9), and what
 * a spout emits to the position that it has as its id. 0, or -1 when it was refused. */
static int refuse_outside(struct task *t, bool tracked)
{
	const struct txn *txn = t->worker->txn;

	if (txn == NULL)
		return 0;
	if (!txn->open)
		return host_refuse(t, "emit outside of a batch");
	if (t->stage->component->kind == GALE_SPOUT && !tracked)
		return host_refuse(t, "emit without an id: in a transactional topology a spout uses gale_emit_tracked");
	return 0;
}

/* emit_finish: TARGET is the task of a direct emit, else UINT32_MAX. */
static int emit_finish(struct task *t, uint32_t stream, uint32_t target, const gale_value *values, uint32_t n,
    size_t bound)
{
	struct message m = { .task = t->index, .stream = stream, .target = target, .attempt = 1,
		.kept = true };
	struct error e;

	return source_emit(t->worker, &m, values, n, bound, &e) == 0 ? 0 : host_refuse(t, "%s", e.text);
}

static int emit_checked(struct task *t, uint32_t stream, const gale_value *values, uint32_t n)
{
	struct router *router = &t->stage->router;
	struct emission m = { .stream = stream, .source = t->source, .values = values, .n = n };
	struct error e;
	uint64_t edges;
	int copies;

	if (refuse_outside(t, false) != 0)
		return -1;
	if ((m.bound = router_check(router, stream, values, n, &e)) == 0)
		return host_refuse(t, "%s", e.text);
	if (router->streams[stream].stream->direct)
		return host_refuse(t, "stream \"%s\" is direct: use gale_emit_direct",
		    router->streams[stream].stream->id);
	bolt_all_roots(t);
	if (t->hand != NULL)
		m.roots = t->hand->roots;
	else if (t->hand_finished)
		return host_refuse(t, "emit anchored to a tuple that is acked or failed already");
	else if (is_finishing(t))
		return emit_finish(t, stream, UINT32_MAX, values, n, m.bound);
	if ((copies = router_emit(router, &m, &edges, &e)) < 0)
		return host_refuse(t, "%s", e.text);
	count_emit(t, stream, copies);
	if (t->hand != NULL)
		t->hand->children ^= edges;
	return 0;
}

static int host_emit(gale_ctx *ctx, uint32_t stream, const gale_value *values, uint32_t n)
{
	struct task *t = task_of(ctx);
	uint64_t edge;
	uint32_t called;

	if (t->hand != NULL && (called = router_called(&t->stage->router, stream, values, n)) > 0) {
		bolt_all_roots(t);
		t->hand->children ^= chain_call(t->worker, called, &(struct emission){ .stream = stream,
			.source = t->source, .values = values, .n = n, .roots = t->hand->roots });
		count_emit(t, stream, 1);
		return 0;
	}
	if (t->hand == NULL || t->hand->roots.n != 1 ||
	    !router_emit_flat(&t->stage->router, stream, t->source, t->hand->roots.one, values, n, &edge))
		return emit_checked(t, stream, values, n);
	count_emit(t, stream, 1);
	t->hand->children ^= edge;
	return 0;
}

/* ---- anchors ---- */

static struct held *held_of(const struct worker *w, gale_held h)
{
	uint32_t slot = (uint32_t)h.id - 1;

	if (slot >= w->n_held || w->held[slot]->generation != h.id >> 32)
		return NULL;
	return w->held[slot];
}

static uint64_t root_of(const struct roots *r, uint32_t i)
{
	return r->n == 1 ? r->one : wire_get64(r->list + 8 * (size_t)i);
}

/* One root of one anchor. */
struct rooted {
	uint64_t root;
	struct anchor *anchor;
	uint32_t order;		/* of the anchor, as they were given */
	uint32_t place;		/* of the root in the anchor */
};

static int compare_rooted(const void *a, const void *b)
{
	const struct rooted *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* gather_roots puts every root that the anchors have into *ROOTS (owned by the caller), once,
 * with the first anchor that has it; their number, or -1 for a handle that is finished. */
static int gather_roots(struct worker *w, const gale_emission *x, struct rooted **roots)
{
	size_t n = 0, cap = 0;
	int unique = 0;

	*roots = NULL;
	for (uint32_t i = 0; i < x->n_anchors; i++) {
		struct held *h = held_of(w, x->anchors[i]);

		if (h == NULL)
			return -1;
		*roots = xgrow(*roots, &cap, n + h->anchor.roots.n, sizeof **roots);
		for (uint32_t k = 0; k < h->anchor.roots.n; k++)
			(*roots)[n++] = (struct rooted){ root_of(&h->anchor.roots, k), &h->anchor, i, k };
	}
	if (n > 1)
		qsort(*roots, n, sizeof **roots, compare_rooted);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || (*roots)[i].root != (*roots)[unique - 1].root)
			(*roots)[unique++] = (*roots)[i];
	return unique;
}

/* register_children notes EDGES as children of every root, with one of the anchors that have
 * it: with all of them they would cancel, and a record of their own could be lost alone. */
static void register_children(const struct rooted *roots, int n, uint64_t edges)
{
	for (int i = 0; i < n; i++) {
		struct anchor *a = roots[i].anchor;

		if (a->roots.n == 1) {
			a->children ^= edges;
			continue;
		}
		if (a->children_of == NULL)
			a->children_of = xcalloc(a->roots.n, sizeof *a->children_of);
		a->children_of[roots[i].place] ^= edges;
	}
}

static int emit_anchored(struct task *t, const gale_emission *x, struct emission *m)
{
	struct worker *w = t->worker;
	struct rooted *roots;
	uint64_t *list, edges;
	int n = gather_roots(w, x, &roots), copies = -1;
	struct error e;

	if (n < 0) {
		free(roots);
		return host_refuse(t, "emit anchored to a held tuple that is acked or failed already");
	}
	list = xcalloc((size_t)n + 1, sizeof *list);
	for (int i = 0; i < n; i++)
		list[i] = roots[i].root;
	m->roots = (struct roots){ .n = (uint32_t)n, .one = list[0], .list = (const uint8_t *)list };
	if (n > WIRE_ROOTS_MAX)
		error_set(&e, "emit anchored to %d messages; the most is %d", n, WIRE_ROOTS_MAX);
	else if (x->direct)
		copies = router_emit_direct(&t->stage->router, m, x->task, &edges, &e);
	else
		copies = router_emit(&t->stage->router, m, &edges, &e);
	if (copies >= 0)
		register_children(roots, n, edges);
	free(roots);
	free(list);
	if (copies < 0)
		return host_refuse(t, "%s", e.text);
	count_emit(t, m->stream, copies);
	return 0;
}

static int emit_tracked(struct task *t, const gale_emission *x, size_t bound)
{
	struct worker *w = t->worker;
	struct message m = { .id = x->id, .task = t->index, .stream = x->stream,
		.target = x->direct ? x->task : UINT32_MAX, .kept = x->kept };
	struct error e;

	if (t->stage->component->kind != GALE_SPOUT)
		return host_refuse(t, "only a spout emits tracked messages");
	if (x->id == UINT64_MAX)
		return host_refuse(t, "message id %llu is not allowed", (unsigned long long)x->id);
	if (w->txn != NULL && !batch_spout_emits(t, x->id))
		return 0;
	attempts_recall(w, &m);
	return source_emit(w, &m, x->values, x->n, bound, &e) == 0 ? 0 : host_refuse(t, "%s", e.text);
}

static int host_emit_as(gale_ctx *ctx, const gale_emission *x)
{
	struct task *t = task_of(ctx);
	struct router *router = &t->stage->router;
	struct emission m = { .stream = x->stream, .source = t->source, .values = x->values, .n = x->n };
	struct error e;
	uint64_t edges;
	int copies;

	if (x->tracked && source_emit_flat(t, x))
		return 0;
	if (refuse_outside(t, x->tracked) != 0)
		return -1;
	if ((m.bound = router_check(router, x->stream, x->values, x->n, &e)) == 0)
		return host_refuse(t, "%s", e.text);
	if (x->direct != router->streams[x->stream].stream->direct)
		return host_refuse(t, "stream \"%s\" is %s", router->streams[x->stream].stream->id,
		    x->direct ? "not declared direct" : "direct: use gale_emit_direct");
	if (x->tracked)
		return emit_tracked(t, x, m.bound);
	if (x->n_anchors > 0)
		return emit_anchored(t, x, &m);
	if (!x->unanchored) {
		if (!x->direct)
			return host_emit(ctx, x->stream, x->values, x->n);
		bolt_all_roots(t);
		if (t->hand != NULL)
			m.roots = t->hand->roots;
		else if (t->hand_finished)
			return host_refuse(t, "emit anchored to a tuple that is acked or failed already");
		else if (is_finishing(t))
			return emit_finish(t, x->stream, x->task, x->values, x->n, m.bound);
	}
	copies = x->direct ? router_emit_direct(router, &m, x->task, &edges, &e)
	    : router_emit(router, &m, &edges, &e);
	if (copies < 0)
		return host_refuse(t, "%s", e.text);
	count_emit(t, x->stream, copies);
	if (t->hand != NULL && !x->unanchored)
		t->hand->children ^= edges;
	return 0;
}

/* ---- ack, fail, hold ---- */

void host_ack_anchor(const struct stage *st, const struct anchor *a)
{
	struct worker *w = st->worker;

	st->status->acked += a->times;
	if (w->txn != NULL)
		return;		/* a batch is acked as a whole */
	for (uint32_t i = 0; i < a->roots.n; i++)
		out_acked(&w->out, root_of(&a->roots, i), a->edge ^ a->children ^
		    (a->children_of != NULL ? a->children_of[i] : 0));
}

static void fail_root(struct task *t, uint64_t root, const char *why)
{
	struct worker *w = t->worker;

	if (!inside_keeps(root, w->status->emitting))
		out_failed(&w->out, root, t->ctx.task, why);
	else if (w->emitting_failed.why == NULL)
		w->emitting_failed = (struct failure){ xstrdup(why), t->ctx.task };
}

void host_fail_anchor(struct task *t, const struct anchor *a, const char *why)
{
	t->stage->status->failed += a->times;
	if (t->counts != NULL)
		t->counts->n.failed += a->times;
	if (t->worker->txn != NULL) {
		batch_failed(t, why);
		return;
	}
	for (uint32_t i = 0; i < a->roots.n; i++)
		fail_root(t, root_of(&a->roots, i), why);
}

/* copy_roots keeps a list of them: that of a tuple that stands for several is not in its frame. */
static void copy_roots(struct held *h)
{
	size_t n = 8 * (size_t)h->anchor.roots.n;

	if (h->anchor.roots.n < 2)
		return;
	h->copy = xmalloc(n);
	memcpy(h->copy, h->anchor.roots.list, n);
	h->anchor.roots.list = h->copy;
}

/* copy_tuple keeps what TUPLE of a call points into, which is the caller's. */
static void copy_tuple(struct held *h, const gale_tuple *tuple)
{
	size_t n_list = h->anchor.roots.n > 1 ? 8 * (size_t)h->anchor.roots.n : 0, n;
	struct error e;

	h->copy = xmalloc(n_list + wire_bound(tuple->values, tuple->n, &e));
	if (n_list > 0)
		memcpy(h->copy, h->anchor.roots.list, n_list);
	h->anchor.roots.list = h->copy;
	n = (size_t)(wire_put_values(h->copy + n_list, tuple->values, tuple->n) - (h->copy + n_list));
	wire_read_values(h->copy + n_list, n, h->values);
}

static uint32_t take_slot(struct worker *w)
{
	uint32_t slot = w->free_held;

	if (slot != UINT32_MAX) {
		w->free_held = w->held[slot]->next_free;
		return slot;
	}
	w->held = xgrow(w->held, &w->held_cap, w->n_held + 1, sizeof *w->held);
	w->held[w->n_held] = xcalloc(1, sizeof **w->held);
	return w->n_held++;
}

static gale_held host_hold(gale_ctx *ctx, const gale_tuple *tuple)
{
	struct task *t = task_of(ctx);
	struct worker *w = t->worker;
	struct held *h;
	uint32_t slot;

	if (t->tuple == NULL || tuple != t->tuple || t->held_hand.id != 0) {
		host_refuse(t, "gale_hold: %s", t->tuple == NULL || tuple != t->tuple ?
		    "this tuple is not in hand" : "the tuple in hand is held already");
		return (gale_held){ 0 };
	}
	bolt_all_roots(t);
	slot = take_slot(w);
	h = w->held[slot];
	h->generation |= 1;
	h->frame = t->frame;
	h->copy = NULL;
	h->anchor = *t->hand;
	h->tuple = *tuple;
	h->values = xmalloc((tuple->n + 1) * sizeof *h->values);
	h->tuple.values = h->values;
	if (t->frame != NULL) {
		frame_hold(h->frame);
		memcpy(h->values, tuple->values, tuple->n * sizeof *h->values);
		copy_roots(h);
	} else {
		copy_tuple(h, tuple);
		h->anchor.edge = inside_edge(&w->out.sender.next_edge_base);
	}
	t->held_edge = h->anchor.edge;
	h->since_ns = w->now_ns;
	t->stage->status->held++;
	t->stage->n_just_held += h->anchor.times;
	t->stage->n_held_loose += h->anchor.roots.n == 0;
	t->hand = &h->anchor;
	t->held_hand.id = (uint64_t)h->generation << 32 | (slot + 1);
	return t->held_hand;
}

static const gale_tuple *host_held_tuple(gale_ctx *ctx, gale_held handle)
{
	const struct held *h = held_of(task_of(ctx)->worker, handle);

	return h != NULL ? &h->tuple : NULL;
}

static void drop_held(struct worker *w, const struct held *h)
{
	if (h->frame != NULL)
		frame_release(w->data, h->frame);
	free(h->copy);
	free(h->values);
	free(h->anchor.children_of);
}

/* let_go frees the slot of H; its handle is known no more. */
static void let_go(struct task *t, struct held *h, gale_held handle)
{
	struct worker *w = t->worker;

	if (t->hand == &h->anchor) {
		t->hand = NULL;
		t->hand_finished = true;
	}
	hist_add(&t->stage->status->process, w->now_ns - h->since_ns, h->anchor.times);
	t->stage->status->held--;
	t->stage->n_held_loose -= h->anchor.roots.n == 0;
	drop_held(w, h);
	h->generation += 1;
	h->next_free = w->free_held;
	w->free_held = (uint32_t)handle.id - 1;
}

void host_drop_held(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_held; i++) {
		struct held *h = w->held[i];

		if (h->generation & 1)
			let_go(&w->tasks[0], h, (gale_held){ (uint64_t)h->generation << 32 | (i + 1) });
	}
}

void host_free_held(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_held; i++) {
		if (w->held[i]->generation & 1)
			drop_held(w, w->held[i]);
		free(w->held[i]);
	}
	free(w->held);
}

static int host_ack(gale_ctx *ctx, gale_held handle)
{
	struct task *t = task_of(ctx);
	struct held *h = held_of(t->worker, handle);

	if (h == NULL)
		return host_refuse(t, "gale_ack of a tuple that is acked or failed already");
	host_ack_anchor(t->stage, &h->anchor);
	if (t->counts != NULL)
		t->counts->n.acked += h->anchor.times;
	let_go(t, h, handle);
	return 0;
}

static int host_fail(gale_ctx *ctx, gale_held handle, const char *why)
{
	struct task *t = task_of(ctx);
	struct held *h = held_of(t->worker, handle);

	if (h == NULL)
		return host_refuse(t, "gale_fail of a tuple that is acked or failed already");
	host_fail_anchor(t, &h->anchor, why != NULL ? why : "no reason given");
	let_go(t, h, handle);
	return 0;
}

static int host_reset_timeout(gale_ctx *ctx, gale_held handle)
{
	struct task *t = task_of(ctx);
	const struct held *h = held_of(t->worker, handle);

	if (h == NULL)
		return host_refuse(t, "gale_reset_timeout of a tuple that is acked or failed already");
	for (uint32_t i = 0; t->worker->txn == NULL && i < h->anchor.roots.n; i++)
		out_reset(&t->worker->out, root_of(&h->anchor.roots, i), ctx->task);
	return 0;
}

static int host_result(gale_ctx *ctx, int result, const char *why)
{
	struct task *t = task_of(ctx);

	snprintf(t->why, sizeof t->why, "%s", why != NULL ? why : "");
	if (result == GALE_HOPELESS) {
		t->worker->status->hopeless = 1;
		result = GALE_FATAL;
	}
	if (result != GALE_FATAL)
		return result;
	/* Callbacks of timers, watches and verdicts return nothing: to say it is enough. */
	snprintf(t->worker->status->last_words, sizeof t->worker->status->last_words, "%s", t->why);
	t->worker->doomed = true;
	return result;
}

/* ---- the loop ---- */

static int host_watch(gale_ctx *ctx, int fd, int events, gale_fd_fn *fn, void *arg)
{
	struct task *t = task_of(ctx);

	if (fd < 0 || fn == NULL || (events & (GALE_READABLE | GALE_WRITABLE)) == 0)
		return host_refuse(t, "gale_watch of descriptor %d: needs a descriptor, events and a function", fd);
	loop_watch(&t->worker->loop, &(struct watch){ fd, events, fn, arg, t->self, ctx });
	return 0;
}

static int host_unwatch(gale_ctx *ctx, int fd)
{
	return loop_unwatch(&task_of(ctx)->worker->loop, fd);
}

static int64_t host_now_ms(gale_ctx *ctx)
{
	(void)ctx;
	return (int64_t)(clock_now_ns() / NS_PER_MS);
}

static uint64_t host_timer(gale_ctx *ctx, uint32_t ms, gale_timer_fn *fn, void *arg)
{
	struct task *t = task_of(ctx);
	struct timer timer = { .due_ns = clock_now_ns() + (uint64_t)ms * NS_PER_MS, .fn = fn,
		.arg = arg, .self = t->self, .ctx = ctx };

	return loop_timer(&t->worker->loop, &timer);
}

static int host_cancel(gale_ctx *ctx, uint64_t timer)
{
	return loop_cancel(&task_of(ctx)->worker->loop, timer);
}

static void host_wake(gale_ctx *ctx)
{
	struct task *t = task_of(ctx);

	atomic_store(&t->woken, true);
	loop_wake(&t->worker->loop);
}

/* ---- log, metrics, surroundings ---- */

static void host_log(gale_ctx *ctx, gale_level level, const char *text)
{
	static const char *const names[] = { "error: ", "warn: ", "", "debug: " };

	if (gale_logs(ctx, level))
		fprintf(stderr, "%s%s\n", level <= GALE_DEBUG ? names[level] : "", text);
}

static int64_t *host_metric(gale_ctx *ctx, const char *name, bool gauge)
{
	static int64_t nowhere;
	struct status *s = task_of(ctx)->stage->status;

	for (int i = 0; i < STATUS_METRICS; i++) {
		struct status_metric *m = &s->metrics[i];

		if (m->name[0] == '\0') {
			m->gauge = gauge;
			snprintf(m->name, sizeof m->name, "%s", name);
			return &m->value;
		}
		if (strncmp(m->name, name, sizeof m->name - 1) == 0 && m->gauge == gauge)
			return &m->value;
	}
	fprintf(stderr, "warn: metric \"%s\" goes nowhere: a worker has room for %d\n", name,
	    STATUS_METRICS);
	return &nowhere;
}

static const char *host_config(gale_ctx *ctx, const char *key)
{
	const struct stage *st = task_of(ctx)->stage;
	struct worker *w = st->worker;
	const struct setting *s = topology_config(w->topology, st->component, key);
	struct buf text = { 0 };

	if (s == NULL || s->type == SETTING_NULL)
		return NULL;
	if (s->type == SETTING_STRING)
		return s->s;
	if (s->type == SETTING_BOOL)
		buf_puts(&text, s->b ? "true" : "false");
	else if (s->type == SETTING_INT)
		buf_printf(&text, "%lld", (long long)s->i);
	else
		buf_printf(&text, "%.17g", s->f);
	w->config_texts = xgrow(w->config_texts, &w->config_texts_cap, w->n_config_texts + 1,
	    sizeof *w->config_texts);
	return w->config_texts[w->n_config_texts++] = buf_text(&text);
}

static int host_peers(gale_ctx *ctx, const char *component, uint32_t *first, uint32_t *n)
{
	const struct worker *w = task_of(ctx)->worker;
	int c = topology_find(w->topology, component);

	if (c < 0)
		return -1;
	*first = w->plan->first_task[c];
	*n = w->topology->components[c].n_tasks;
	return 0;
}

static int host_position(gale_ctx *ctx, uint64_t next, const void *blob, uint32_t n)
{
	struct task *t = task_of(ctx);

	if (t->worker->txn != NULL && t->offset != NULL) {
		if (batch_spout_told(t, next, blob, n) == 0)
			return 0;
	} else if (t->place == NULL) {
		return host_refuse(t, "gale_position: this component has no resume");
	} else if (resume_told(t, next, blob, n) == 0) {
		return 0;
	}
	return host_refuse(t, "gale_position: %llu is smaller than the last one, or more than %d "
	    "bytes belong to it", (unsigned long long)next, GALE_MAX_POSITION);
}

static int host_forget(gale_ctx *ctx, uint64_t id)
{
	struct task *t = task_of(ctx);
	struct message m = { .id = id, .task = t->index };

	if (!resume_done(t->worker, &m))
		return host_refuse(t, "gale_forget: message %llu is not open", (unsigned long long)id);
	return 0;
}

static void host_unbounded(gale_ctx *ctx)
{
	task_of(ctx)->worker->status->unbounded = 1;
}

static int host_temporary(gale_ctx *ctx, const char *path)
{
	struct task *t = task_of(ctx);
	struct error e;

	if (ctx->state_lasts || rundir_temporary(t->worker->rundir, path, &e) == 0)
		return 0;
	return host_refuse(t, "gale_temporary: %s", e.text);
}

const gale_host host_calls = {
	.abi = GALE_ABI,
	.size = sizeof (gale_host),
	.emit = host_emit,
	.emit_as = host_emit_as,
	.hold = host_hold,
	.held_tuple = host_held_tuple,
	.ack = host_ack,
	.fail = host_fail,
	.reset_timeout = host_reset_timeout,
	.result = host_result,
	.watch = host_watch,
	.unwatch = host_unwatch,
	.timer = host_timer,
	.cancel = host_cancel,
	.wake = host_wake,
	.log = host_log,
	.metric = host_metric,
	.config = host_config,
	.peers = host_peers,
	.unbounded = host_unbounded,
	.unpack = wire_unpack,
	.now_ms = host_now_ms,
	.position = host_position,
	.forget = host_forget,
	.state_get = host_state_get,
	.state_put = host_state_put,
	.state_delete = host_state_delete,
	.state_merge = host_state_merge,
	.state_add = host_state_add,
	.state_next = host_state_next,
	.temporary = host_temporary,
};
