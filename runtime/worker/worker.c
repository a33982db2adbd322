/* worker.c - a worker's life, from exec to exit, and the turns of its loop.
 *
 *     bind --hello--> wait for "peers" --> connect, open plugin --ready--> turns --> exit
 *
 * One turn: sample the clock; control messages; retry what waited for room; ticks; the
 * role's piece of work. Only when that found nothing to do: flush, let the role end what
 * is to end, and sleep. Control comes first so that no load keeps it out; flushing comes
 * last so that frames fill themselves under load and leave at once without.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "transaction.h"
#include "clock.h"
#include "control.h"
#include "failpoint.h"
#include "logline.h"
#include "memory.h"
#include "rundir.h"
#include "statedir.h"

enum { CONTROL_EVERY_NS = 1000000 };	/* under load the control channel is read this often */

static const struct role_ops *const role_ops[] = {
	[ROLE_SPOUT] = &spout_ops, [ROLE_BOLT] = &bolt_ops, [ROLE_ACKER] = &acker_ops,
	[ROLE_COORDINATOR] = &coordinator_ops,
};
static const struct role_ops *const batch_ops[] = {
	[ROLE_SPOUT] = &batch_spout_ops, [ROLE_BOLT] = &batch_bolt_ops,
	[ROLE_COORDINATOR] = &coordinator_ops,
};

void worker_say(const char *format, ...)
{
	struct pollfd p = { .fd = CONTROL_FD, .events = POLLOUT };
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	while (control_send(CONTROL_FD, "%s", text) != 0) {
		if (errno != EAGAIN && errno != ENOBUFS) {
			fprintf(stderr, "error: cannot talk to the supervisor: %s\n", strerror(errno));
			_exit(EXIT_FAILURE);
		}
		poll(&p, 1, errno == EAGAIN ? -1 : 1);
	}
	free(text);
}

void worker_fatal(struct worker *w, const char *format, ...)
{
	char text[sizeof w->status->last_words];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (w->status != NULL)
		memcpy(w->status->last_words, text, sizeof text);
	worker_say("fatal %s", text);
	/* Not exit(): handlers of plugins and libraries would run in a process that is broken. */
	_exit(EXIT_FAILURE);
}

void worker_ready(void)
{
	worker_say("ready");
}

void worker_ended(struct worker *w)
{
	if (w->ended)
		return;
	w->ended = true;
	worker_say("ended");
}

/* succeed: there is a successor of PEER, start number START, as the supervisor or its own
 * frames say. That proves the predecessor dead (I3): nothing more is sent there, or what is
 * for the successor would be dropped with the rest at the "switch". */
static void succeed(struct worker *w, uint32_t peer, uint32_t start)
{
	struct error e;

	if (start > w->starts[peer]) {
		w->starts[peer] = start;
		if (w->ops->succeeded != NULL)
			w->ops->succeeded(w, peer);
	}
	if (start > w->sends_to[peer]) {
		w->sends_to[peer] = start;
		if (out_switch(&w->out, w->rundir, peer, start, &e) != 0)
			worker_fatal(w, "%s", e.text);
		if (w->ops->replaced != NULL)
			w->ops->replaced(w, peer);
	}
}

bool worker_frame_ok(struct worker *w, const struct frame *f, struct wire_reader *r)
{
	struct error e;

	w->status->frames_in++;
	w->status->bytes_in += f->n;
	if (wire_open(r, f->data, f->n, &e) != 0) {
		fprintf(stderr, "error: a frame is dropped: %s\n", e.text);
		return false;
	}
	if (r->header.worker >= w->plan->n_workers) {
		fprintf(stderr, "error: a frame is dropped: it comes from worker %u\n", r->header.worker);
		return false;
	}
	if (r->header.run != w->run || r->header.start < w->starts[r->header.worker])
		return false;
	succeed(w, r->header.worker, r->header.start);
	flow_received(w->links[r->header.worker], r->header.start, f->n);
	return true;
}

bool worker_state_lasts(const struct worker *w)
{
	size_t n = strlen(w->rundir);

	return strncmp(w->statedir, w->rundir, n) != 0 || w->statedir[n] != '/';
}

/* ---- control messages ---- */

static void on_activate(struct worker *w, const struct control_message *m)
{
	(void)m;
	w->active = true;
	w->status->active = 1;
	w->status->told++;
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct task *t = &w->tasks[i];

		t->idle_until_ns = 0;
		if (t->stage->component->kind == GALE_SPOUT && t->stage->code->activate != NULL)
			t->stage->code->activate(t->self, &t->ctx);
	}
}

static void deactivate(struct worker *w)
{
	if (!w->active)
		return;
	w->active = false;
	w->status->active = 0;
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct task *t = &w->tasks[i];

		if (t->stage->component->kind == GALE_SPOUT && t->stage->code->deactivate != NULL)
			t->stage->code->deactivate(t->self, &t->ctx);
	}
}

static void on_deactivate(struct worker *w, const struct control_message *m)
{
	(void)m;
	deactivate(w);
	if (w->me->role == ROLE_SPOUT)
		w->status->pending = source_open(w);
	w->status->told++;
}

static void on_drain(struct worker *w, const struct control_message *m)
{
	if (w->txn != NULL)
		return;		/* the coordinator ends it, batch by batch */
	w->ending = m->discard ? ENDING_DISCARD : ENDING_FINISH;
	deactivate(w);
}

static void on_stop(struct worker *w, const struct control_message *m)
{
	(void)m;
	w->stop = true;
}

static void on_leave(struct worker *w, const struct control_message *m)
{
	(void)m;
	w->stop = w->leaves = true;
}

static void on_switch(struct worker *w, const struct control_message *m)
{
	succeed(w, m->worker, m->start);
	worker_say("switched %u %u", m->worker, m->start);
}

static void on_lost(struct worker *w, const struct control_message *m)
{
	if (w->me->role == ROLE_COORDINATOR)
		coordinate_lost(w);
	else if (plan_is_source(w->plan, w->number))
		verdict_lost(w, m->worker, m->text);
}

static void on_obituary(struct worker *w, const struct control_message *m)
{
	if (w->me->role == ROLE_COORDINATOR)
		coordinate_named(w, m->root, m->text);
	else if (plan_is_source(w->plan, w->number))
		attempts_named(w, m->root, m->text);
}

static void on_freeze(struct worker *w, const struct control_message *m)
{
	if (w->me->role != ROLE_COORDINATOR)
		return;
	coordinate_freeze(w, m->word == CONTROL_FREEZE);
	if (m->word == CONTROL_FREEZE)
		worker_say("frozen");
}

static void on_layout(struct worker *w, const struct control_message *m)
{
	layout_change(w, m->text);
	worker_say("laid");
}

static void on_level(struct worker *w, const struct control_message *m)
{
	gale_level level;

	if (!logline_level(m->text, strlen(m->text), &level))
		return;
	for (uint32_t i = 0; i < w->n_stages; i++)
		if (w->stages[i].planned->component == m->component)
			w->stages[i].level = level;
	for (uint32_t i = 0; i < w->n_tasks; i++)
		w->tasks[i].ctx.level = w->tasks[i].stage->level;
}

static void on_ping(struct worker *w, const struct control_message *m)
{
	(void)w, (void)m;
	worker_say("pong");
}

void worker_marks_to(struct worker *w, uint32_t worker)
{
	if (!out_feeds(&w->out, worker))
		return;
	if (w->drain_passed)
		out_marker_to(&w->out, worker, WIRE_DRAIN, 0);
	if (w->end_passed)
		out_marker_to(&w->out, worker, WIRE_END, w->ending == ENDING_DISCARD ? WIRE_DISCARD : 0);
}

static void (*const control_acts[CONTROL_WORDS])(struct worker *w, const struct control_message *m) = {
	[CONTROL_LAYOUT] = on_layout,
	[CONTROL_ACTIVATE] = on_activate,
	[CONTROL_DEACTIVATE] = on_deactivate,
	[CONTROL_DRAIN] = on_drain,
	[CONTROL_SWITCH] = on_switch,
	[CONTROL_LOST] = on_lost,
	[CONTROL_OBITUARY] = on_obituary,
	[CONTROL_FREEZE] = on_freeze,
	[CONTROL_THAW] = on_freeze,
	[CONTROL_LEVEL] = on_level,
	[CONTROL_PING] = on_ping,
	[CONTROL_LEAVE] = on_leave,
	[CONTROL_STOP] = on_stop,
	[CONTROL_TAP] = look_tap,
	[CONTROL_UNTAP] = look_untap,
	[CONTROL_TRACE] = look_trace,
};

static void obey(struct worker *w, const char *text)
{
	struct control_message m;

	if (control_parse(&m, text) && control_acts[m.word] != NULL && m.worker < w->plan->n_workers)
		control_acts[m.word](w, &m);
	else
		fprintf(stderr, "error: the supervisor says \"%s\", which makes no sense\n", text);
}

/* The end of the channel ends the worker (R6). Should the supervisor be alive it reads why. */
static _Noreturn void be_orphaned(struct worker *w)
{
	snprintf(w->status->last_words, sizeof w->status->last_words, "its control channel has ended");
	_exit(EXIT_FAILURE);
}

/* read_control obeys all that is there. */
static void read_control(struct worker *w)
{
	char text[CONTROL_MAX];
	int n;

	while (!w->stop && (n = control_receive(CONTROL_FD, text, sizeof text)) != -1) {
		if (n == 0)
			be_orphaned(w);
		obey(w, text);
	}
}

/* ---- birth ---- */

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

/* read_table takes the start number of every worker. */
static void read_table(struct worker *w, const struct control_message *m)
{
	if (!control_table(m->text, w->starts, w->plan->n_workers))
		worker_fatal(w, "the supervisor's table of workers is none: \"%s\"", m->text);
	memcpy(w->sends_to, w->starts, w->plan->n_workers * sizeof *w->sends_to);
	w->over = m->word == CONTROL_OVER;
}

/* wait_for_peers waits for the table. What comes before it and counts is about how the run
 * ends: there is nothing yet that could be lost. */
static void wait_for_peers(struct worker *w)
{
	struct pollfd p = { .fd = CONTROL_FD, .events = POLLIN };
	struct control_message m;
	char text[CONTROL_MAX];

	for (;;) {
		int n = control_receive(CONTROL_FD, text, sizeof text);

		if (n == 0)
			be_orphaned(w);
		if (n < 0)
			poll(&p, 1, -1);
		else if (!control_parse(&m, text))
			obey(w, text);
		else if (m.word == CONTROL_STOP || m.word == CONTROL_LEAVE)
			_exit(EXIT_SUCCESS);
		else if (m.word == CONTROL_PEERS || m.word == CONTROL_OVER)
			break;
		else if (m.word == CONTROL_DRAIN || m.word == CONTROL_PING || m.word == CONTROL_LEVEL)
			obey(w, text);
	}
	read_table(w, &m);
}

static struct inbox *bind_inbox(struct worker *w, char *endpoint)
{
	struct error e;
	struct inbox *in = inbox_new(w->transport, endpoint, &e);

	if (in == NULL)
		worker_fatal(w, "%s", e.text);
	free(endpoint);
	return in;
}

static void read_plan(struct worker *w)
{
	char *path = rundir_topology(w->rundir);
	struct error e;

	w->topology = topology_read(path, &e);
	if (w->topology == NULL)
		worker_fatal(w, "%s", e.text);
	free(path);
	w->plan = plan_make(w->topology);
	if (w->number >= w->plan->n_workers)
		worker_fatal(w, "there is no worker %u in this topology", w->number);
	w->me = &w->plan->workers[w->number];
	w->ops = (w->topology->transaction.id != NULL ? batch_ops : role_ops)[w->me->role];
	w->starts = xcalloc(w->plan->n_workers, sizeof *w->starts);
	w->sends_to = xcalloc(w->plan->n_workers, sizeof *w->sends_to);
	flows_make(w);
}

static struct status *make_page(struct worker *w, uint32_t stage)
{
	char *path = rundir_status(w->rundir, w->number, stage);
	struct error e;
	struct status *s = status_create(path, w->number, w->start, &e);

	if (s == NULL)
		worker_fatal(w, "%s", e.text);
	free(path);
	return s;
}

/* open_counts: executors with one task have their status pages. */
static void open_counts(struct worker *w)
{
	char *path = rundir_tasks(w->rundir);
	struct error e;

	if (w->me->n_tasks > 1 && (w->counts = counts_open(path, w->plan->n_tasks, &e)) == NULL)
		worker_fatal(w, "%s", e.text);
	free(path);
}

/* make_stages is called before "hello": then the pages are looked for. */
static void make_stages(struct worker *w)
{
	open_counts(w);
	w->n_stages = w->me->n_stages;
	w->stages = xcalloc(w->n_stages, sizeof *w->stages);
	for (uint32_t i = 0; i < w->n_stages; i++) {
		const struct plan_stage *planned = &plan_stages(w->plan, w->number)[i];

		w->stages[i] = (struct stage){ .worker = w, .planned = planned,
			.status = i == 0 ? w->status : make_page(w, i),
			.component = &w->topology->components[planned->component] };
		w->stages[i].level = topology_log_level(w->topology, w->stages[i].component);
	}
}

/* connect_stages lays out what comes to each stage and what goes out. */
static void connect_stages(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_stages; i++) {
		struct stage *st = &w->stages[i];

		router_init(&st->router, w->topology, st->planned->component, &w->out);
		st->router.call = chain_call;
		st->router.owner = w;
		if (st->component->kind == GALE_BOLT)
			bolt_sources(st);
	}
	w->free_held = UINT32_MAX;
}

static void free_stages(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_stages; i++) {
		router_free(&w->stages[i].router);
		bolt_free_sources(&w->stages[i]);
		if (i > 0)
			status_close(w->stages[i].status);
	}
	free(w->stages);
}

static void be_born(struct worker *w)
{
	struct error e;
	char *path = rundir_status(w->rundir, w->number, 0);
	struct status *before = w->start > 1 ? status_open(path, 0, NULL) : NULL;

	free(path);
	w->status = make_page(w, 0);
	if (before != NULL)
		attempts_inherit(w, before);
	status_close(before);
	w->status->started_ns = clock_now_ns();
	if (statedir_hold(w->statedir, w->run, &e) != 0)
		worker_fatal(w, "%s", e.text);
	read_plan(w);
	if (plan_runs_plugin(w->plan, w->number))
		make_stages(w);
	if (loop_init(&w->loop, &e) != 0 || (w->transport = transport_new(&e)) == NULL)
		worker_fatal(w, "%s", e.text);
	if (w->me->role == ROLE_BOLT)
		w->data = bind_inbox(w, rundir_data_endpoint(w->rundir, w->number, w->start));
	w->acks = bind_inbox(w, rundir_ack_endpoint(w->rundir, w->number, w->start));
	worker_say("hello");
	wait_for_peers(w);
	out_init(&w->out, w->transport, w->status, w->plan, w->number, w->run, w->start);
	w->out.links = w->links;
	if (out_connect(&w->out, w->rundir, w->starts, &e) != 0)
		worker_fatal(w, "%s", e.text);
	if (w->n_stages > 0) {
		connect_stages(w);
		source_init(w);
		batch_init(w);
		if (!w->over)
			task_open_all(w);
	}
}

/* ---- turns ---- */

static void sample_clock(struct worker *w)
{
	w->now_ns = w->out.sender.now_ns = clock_now_ns();
}

/* account adds the time since the last account to one of busy, idle and blocked. */
static void account(struct worker *w, uint64_t *sum, uint64_t since_ns)
{
	*sum += w->now_ns - since_ns;
	w->status->accounted_ns = w->now_ns;
}

/* held_back: this worker would do something, had others room. */
static bool held_back(const struct worker *w)
{
	return out_blocked(&w->out) || (w->me->role == ROLE_SPOUT && w->txn == NULL && w->active &&
	    w->ending == ENDING_NOT && !source_has_room(w));
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* sleep_until_something waits for input, room, control, watches or time. */
static void sleep_until_something(struct worker *w, const struct role_ops *ops, struct poll_item *items)
{
	bool blocked = out_blocked(&w->out), waits = held_back(w), woken;
	uint64_t before = clock_now_ns(), due;
	size_t n = 0, n_loop = loop_items(&w->loop);	/* now: read_control may change it */

	items[n++] = (struct poll_item){ .kind = POLL_FD, .fd = CONTROL_FD, .events = GALE_READABLE };
	if (w->txn != NULL || source_hears(w))
		items[n++] = (struct poll_item){ .kind = POLL_INBOX, .inbox = w->acks };
	if (w->data != NULL && !blocked && ops->wants_data(w))
		items[n++] = (struct poll_item){ .kind = POLL_INBOX, .inbox = w->data };
	n += out_poll(&w->out, items + n);
	due = earliest(earliest(ops->due(w), task_tick_due(w)), loop_due(&w->loop));
	if (w->looks != NULL)
		due = earliest(due, look_due(w));
	w->status->asleep = waits ? STATUS_BLOCKED : STATUS_IDLE;
	loop_poll(&w->loop, items, n, before, due);
	sample_clock(w);
	w->status->asleep = STATUS_AWAKE;
	account(w, waits ? &w->status->blocked_ns : &w->status->idle_ns, before);
	if (items[0].ready)
		read_control(w);
	if (loop_dispatch(&w->loop, items + n, n_loop, w->now_ns, &woken) || woken)
		task_woken(w);
}

static struct poll_item *room_for_items(const struct worker *w, struct poll_item *items, size_t *cap)
{
	return xgrow(items, cap, w->plan->n_workers + loop_items(&w->loop) + 4, sizeof *items);
}

/* serve_plugins is for what plugins wait for while there is no time to sleep. */
static void serve_plugins(struct worker *w, struct poll_item *items)
{
	size_t n = loop_items(&w->loop);
	bool woken;

	if (!loop_wants(&w->loop, w->now_ns))
		return;
	loop_poll(&w->loop, items, 0, w->now_ns, w->now_ns);
	if (loop_dispatch(&w->loop, items, n, w->now_ns, &woken) || woken)
		task_woken(w);
}

static void run(struct worker *w)
{
	const struct role_ops *ops = w->ops;
	struct poll_item *items = NULL;
	size_t cap = 0;
	uint64_t control_ns = 0, since_ns;

	sample_clock(w);
	since_ns = w->now_ns;
	while (!w->stop) {
		sample_clock(w);
		if (w->now_ns - control_ns >= CONTROL_EVERY_NS) {
			account(w, &w->status->busy_ns, since_ns);
			since_ns = control_ns = w->now_ns;
			if (w->n_stages > 0)
				source_note_oldest(w);
			read_control(w);
			if (w->stop)
				break;
			if (w->looks != NULL)
				look_turn(w);
			items = room_for_items(w, items, &cap);
			serve_plugins(w, items);
		}
		if (w->doomed)
			worker_fatal(w, "%s", w->status->last_words);
		if (out_waits(&w->out))
			out_retry(&w->out);
		task_ticks(w);
		durable_turn(w);
		if (ops->turn(w))
			continue;
		durable_commit(w);
		if (verdict_inside(w))
			continue;
		out_flush(&w->out);
		if (ops->rest(w))
			continue;
		if (w->looks != NULL)
			look_turn(w);
		sample_clock(w);
		account(w, &w->status->busy_ns, since_ns);
		if (w->n_stages > 0)
			source_note_oldest(w);
		items = room_for_items(w, items, &cap);
		sleep_until_something(w, ops, items);
		since_ns = control_ns = w->now_ns;	/* it has looked at all of that */
	}
	free(items);
}

/* leave ends a worker that a successor will take the place of, as a crash would, but with all that it
 * has done committed. cleanup is not called: it would take away what the successor goes on with. */
static _Noreturn void leave(struct worker *w)
{
	if (w->n_stages > 0) {
		durable_commit(w);
		resume_close(w);
	}
	_exit(EXIT_SUCCESS);
}

/* be_buried ends a worker that was told to stop. Nothing that still lies in its sockets is
 * wanted: "stop" comes when all have ended, so all was received, or when the run failed. */
static void be_buried(struct worker *w)
{
	if (w->n_stages > 0) {
		batch_free(w);
		task_close_all(w);
		source_free(w);
		host_free_held(w);
	}
	w->ops->stop(w);
	look_end(w);
	free_stages(w);
	out_free(&w->out);
	transport_free(w->transport);
	loop_free(&w->loop);
	status_close(w->status);
	counts_close(w->counts, w->plan->n_tasks);
	flow_close(w->flow);
	free(w->links);
	plan_free(w->plan);
	topology_free(w->topology);
	free(w->starts);
	free(w->sends_to);
}

int worker_main(int argc, char **argv)
{
	static struct worker w;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* a write beyond ulimit -f fails, with words */
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--run-dir") == 0)
			w.rundir = argv[i + 1];
		else if (strcmp(argv[i], "--state-dir") == 0)
			w.statedir = argv[i + 1];
		else if (strcmp(argv[i], "--run") == 0)
			w.run = number(argv[i + 1]);
		else if (strcmp(argv[i], "--worker") == 0)
			w.number = number(argv[i + 1]);
		else if (strcmp(argv[i], "--start") == 0)
			w.start = number(argv[i + 1]);
	}
	failpoints_init(argv[argc - 1], w.start);
	prctl(PR_SET_NAME, argv[argc - 1]);	/* what top shows */
	be_born(&w);
	w.ops->start(&w);
	if (w.txn == NULL || w.over)	/* else when the coordinator has reset it */
		worker_ready();
	run(&w);
	if (w.leaves)
		leave(&w);
	be_buried(&w);
	return EXIT_SUCCESS;
}
