/* oneworker.c - one real worker whose neighbours are made up, for counting its instructions.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     oneworker TOPOLOGY WORKER TUPLES PREFIX...
 *
 * Starts PREFIX... oneworker worker ... (PREFIX: valgrind and its options) as worker number
 * WORKER of TOPOLOGY, which is a row: spout, bolts, acker, one worker each. A bolt is fed
 * TUPLES of (n: int, payload: bytes) in full frames; what a spout emits is acked at once. What
 * the worker sends is counted and dropped. Supervisor, neighbours and acker are this process.
 *
 * The worker is that of gale, but its thread's clock is not: it gains 50 ns each time that it
 * is read, so that frames fill and groups of executes are as large as they are on a machine
 * at full load, however slow valgrind is; and that they are the same in every run. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "load.h"
#include "memory.h"
#include "plan.h"
#include "record.h"
#include "rundir.h"
#include "statedir.h"
#include "transport.h"
#include "wire.h"
#include "worker.h"

/* ---- the worker's side ---- */

enum { STEP_NS = 50 };

static _Thread_local bool fixed;	/* this thread's clock is the made-up one */
static _Thread_local int64_t reading = INT64_C(1000000000);

int clock_gettime(clockid_t id, struct timespec *t)
{
	if (!fixed || id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, t);
	reading += STEP_NS;
	t->tv_sec = (time_t)(reading / 1000000000);
	t->tv_nsec = reading % 1000000000;
	return 0;
}

/* ---- the neighbours ---- */

enum { FRAME = 65536, RUN_NUMBER = 1, START = 1 };

struct world {
	struct plan *plan;
	uint32_t worker;		/* the real one */
	struct rundir dir;
	char *state;
	pid_t pid;
	int control;
	struct transport *transport;
	struct inbox *data, *acks;	/* of the next one in the row, of the acker; NULL: none */
	struct outbox *out;		/* to the worker */
	uint64_t to_send, sent, received, acked;
	bool ready, end_sent, ended;
};

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "oneworker: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct inbox *bind_at(struct world *w, char *endpoint)
{
	struct error e;
	struct inbox *in = inbox_new(w->transport, endpoint, &e);

	if (in == NULL)
		give_up(e.text);
	free(endpoint);
	return in;
}

/* load reads FILE, in which ${count} is the number of tuples. */
static struct topology *load(const char *file, const char *count)
{
	struct definitions given = { 0 };
	struct load_options o = { .definitions = &given };
	struct diagnostics d = { 0 };
	char *definition = xasprintf("count=%s", count);
	struct topology *t;
	struct error e;

	if (definitions_add(&given, definition, &e) != 0)
		give_up(e.text);
	t = load_topology(file, &o, &d);

	diag_print(&d, stderr);
	if (t == NULL)
		give_up("no topology");
	free(definition);
	definitions_free(&given);
	return t;
}

static void lay_out(struct world *w, const struct topology *t)
{
	struct error e;
	char *path;

	if (rundir_create(&w->dir, t->name, &e) != 0)
		give_up(e.text);
	path = rundir_topology(w->dir.path);
	w->state = rundir_state(w->dir.path);
	if (topology_write(t, path, &e) != 0 || statedir_make_temporary(w->state, &e) != 0 ||
	    (w->transport = transport_new(&e)) == NULL)
		give_up(e.text);
	free(path);
	if (w->worker + 1 < w->plan->first_acker)
		w->data = bind_at(w, rundir_data_endpoint(w->dir.path, w->worker + 1, START));
	w->acks = bind_at(w, rundir_ack_endpoint(w->dir.path, w->plan->first_acker, START));
}

/* become executes the worker, in the child. */
static _Noreturn void become(const struct world *w, int channel, char **prefix, int n)
{
	char **argv = xcalloc((size_t)n + 16, sizeof *argv);
	char self[4096] = { 0 };

	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 || dup2(channel, CONTROL_FD) < 0 ||
	    dup2(STDERR_FILENO, OUT_FD) < 0)
		give_up("cannot start the worker");
	memcpy(argv, prefix, (size_t)n * sizeof *argv);
	argv += n;
	*argv++ = self;
	*argv++ = xstrdup("worker");
	*argv++ = xstrdup("--run-dir");
	*argv++ = w->dir.path;
	*argv++ = xstrdup("--state-dir");
	*argv++ = w->state;
	*argv++ = xstrdup("--run");
	*argv++ = xasprintf("%d", RUN_NUMBER);
	*argv++ = xstrdup("--worker");
	*argv++ = xasprintf("%u", w->worker);
	*argv++ = xstrdup("--start");
	*argv++ = xasprintf("%d", START);
	*argv++ = xstrdup("measured");
	argv -= n + 13;
	execvp(argv[0], argv);
	give_up("cannot execute the worker");
}

static void begin(struct world *w, char **prefix, int n)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		give_up("no channel");
	w->pid = fork();
	if (w->pid == 0)
		become(w, pair[1], prefix, n);
	if (w->pid < 0)
		give_up("cannot fork");
	close(pair[1]);
	w->control = pair[0];
}

/* ---- what they say ---- */

static void on_hello(struct world *w)
{
	char table[256] = "peers";
	bool bolt = w->plan->workers[w->worker].role == ROLE_BOLT;
	char *endpoint = bolt ? rundir_data_endpoint(w->dir.path, w->worker, START)
	    : rundir_ack_endpoint(w->dir.path, w->worker, START);
	struct error e;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		snprintf(table + strlen(table), sizeof table - strlen(table), " %d", START);
	w->out = outbox_new(w->transport, endpoint, &e);
	if (w->out == NULL || control_send(w->control, "%s", table) != 0)
		give_up("cannot connect to the worker");
	free(endpoint);
}

static void read_control(struct world *w)
{
	char text[CONTROL_MAX];
	int n;

	while ((n = control_receive(w->control, text, sizeof text)) > 0) {
		if (strcmp(text, "hello") == 0)
			on_hello(w);
		else if (strcmp(text, "ready") == 0 && control_send(w->control, "activate") == 0)
			w->ready = true;
		else if (strcmp(text, "ended") == 0)
			w->ended = true;
		else
			give_up(text);
	}
	if (n == 0)
		give_up("the worker is gone");
}

static struct wire_header header(const struct world *w, uint32_t from, enum wire_kind kind)
{
	return (struct wire_header){ .kind = (uint8_t)kind, .worker = from, .run = RUN_NUMBER,
		.start = START, .source = w->plan->workers[from].first_task,
		.target = w->plan->workers[w->worker].first_task };
}

static void send_marker(struct world *w)
{
	struct chunk *c = chunk_new(w->transport, WIRE_HEADER);
	struct wire_header h = header(w, w->worker - 1, WIRE_END);

	wire_put_header(c->data, &h);
	c->n = WIRE_HEADER;
	outbox_send(w->out, c);
	w->end_sent = true;
}

/* send_frame sends a bolt as many of its tuples as go into a frame. */
static void send_frame(struct world *w)
{
	struct chunk *c = chunk_new(w->transport, FRAME);
	struct wire_header h = header(w, w->worker - 1, WIRE_DATA);
	uint8_t *p = c->data + WIRE_HEADER, *end = c->data + FRAME;
	gale_value values[2] = { gale_int(0), gale_bytes("0123456789abcdef", 16) };

	h.root_base = 1000 + w->sent;
	h.edge_base = w->sent;
	for (; end - p >= 64 && w->sent < w->to_send; w->sent++, h.count++) {
		values[0].u.i = (int64_t)w->sent;
		p = wire_put_root(p, 1000 + w->sent, 1000 + w->sent - (h.count > 0));
		p = wire_put_values(p, values, 2);
	}
	c->n = (size_t)(p - c->data);
	h.body_bytes = (uint32_t)(c->n - WIRE_HEADER);
	wire_put_header(c->data, &h);
	outbox_send(w->out, c);
}

/* answer acks the roots of a spout's inits, in one frame. */
static void answer(struct world *w, struct wire_reader *in)
{
	struct wire_header h = header(w, w->plan->first_acker, WIRE_VERDICTS);
	struct chunk *c;
	struct buf b = { 0 };
	struct record r;

	while (record_next(&in->at, in->end, &r) > 0) {
		if (r.type == RECORD_INIT_RUN) {
			verdict_put_acked(&b, r.root, r.n);
			w->acked += r.n;
		}
		for (uint32_t i = 0; r.type == RECORD_INIT_LIST && i < r.n; i++, w->acked++)
			verdict_put_acked(&b, wire_get64(r.body + 16 * (size_t)i), 1);
	}
	c = chunk_new(w->transport, WIRE_HEADER + b.n);
	h.body_bytes = (uint32_t)b.n;
	wire_put_header(c->data, &h);
	memcpy(c->data + WIRE_HEADER, b.data, b.n);
	c->n = WIRE_HEADER + b.n;
	buf_free(&b);
	outbox_send(w->out, c);
}

/* drain takes what lies in IN; true: there was something. */
static bool drain(struct world *w, struct inbox *in)
{
	struct frame *f;
	struct wire_reader reader;
	struct error e;
	bool any = false;

	while (in != NULL && (f = inbox_receive(in, clock_now_ns())) != NULL) {
		if (wire_open(&reader, f->data, f->n, &e) != 0)
			give_up(e.text);
		if (reader.header.kind == WIRE_DATA)
			w->received += reader.header.count;
		else if (reader.header.kind == WIRE_ACKS && w->worker == 0)
			answer(w, &reader);
		frame_release(in, f);
		any = true;
	}
	return any;
}

static void wait_for_something(struct world *w)
{
	struct poll_item items[4] = { { .kind = POLL_FD, .fd = w->control, .events = GALE_READABLE } };
	size_t n = 1;

	if (w->data != NULL)
		items[n++] = (struct poll_item){ .kind = POLL_INBOX, .inbox = w->data };
	items[n++] = (struct poll_item){ .kind = POLL_INBOX, .inbox = w->acks };
	if (w->out != NULL && outbox_waits(w->out))
		items[n++] = (struct poll_item){ .kind = POLL_OUTBOX, .outbox = w->out };
	if (transport_poll(items, n, 60000) == 0)
		give_up("the worker says nothing for a minute");
}

static void play(struct world *w)
{
	bool bolt = w->worker > 0;

	while (!w->ended) {
		bool any = drain(w, w->data);

		any |= drain(w, w->acks);
		read_control(w);
		if (w->out != NULL && outbox_waits(w->out))
			outbox_retry(w->out);
		if (bolt && w->ready && !outbox_waits(w->out) && !w->end_sent) {
			if (w->sent < w->to_send)
				send_frame(w);
			else
				send_marker(w);
			any = true;
		}
		if (!any && !w->ended)
			wait_for_something(w);
	}
}

static int finish(struct world *w)
{
	int status;

	control_send(w->control, "stop");
	if (waitpid(w->pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		give_up("the worker failed");
	drain(w, w->data);
	if (w->data != NULL && w->received != w->to_send)
		give_up("the worker sent another number of tuples than it should");
	if (w->worker == 0 && w->acked != w->to_send)
		give_up("the worker made another number of roots than it should");
	transport_free(w->transport);
	rundir_remove(&w->dir);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct world w = { 0 };
	struct topology *t;

	if (argc > 1 && strcmp(argv[1], "worker") == 0) {
		fixed = true;
		return worker_main(argc - 1, argv + 1);
	}
	if (argc < 5) {
		fprintf(stderr, "usage: oneworker TOPOLOGY WORKER TUPLES PREFIX...\n");
		return 2;
	}
	t = load(argv[1], argv[3]);
	w.plan = plan_make(t);
	w.worker = (uint32_t)strtoul(argv[2], NULL, 10);
	w.to_send = strtoull(argv[3], NULL, 10);
	lay_out(&w, t);
	begin(&w, argv + 4, argc - 4);
	play(&w);
	return finish(&w);
}
