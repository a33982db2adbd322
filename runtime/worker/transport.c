/* transport.c - see transport.h. SPDX-License-Identifier: Apache-2.0 */
#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include <gale/gale.h>

#include "clock.h"
#include "failpoint.h"
#include "memory.h"
#include "optimisations.h"
#include "wire.h"

enum {
	SEND_WATER = 2,		/* frames on the sender's side of a pipe (F1), */
	RECEIVE_WATER = 4,	/* and on the receiver's: whenever half of those are read the sender is woken */
	LOOK_AGAIN_NS = 50000,	/* so long an inbox without news is left alone: a look is two system calls */
	LOOK_AROUND = OPTIMISE_LOOKS ? 4 : 1,	/* frames received between two looks for those of others */
	SMALL = 4096,		/* frames below are copied by ZeroMQ: their chunk stays here */
	POOL_CHUNK = 1 << 17,	/* chunks up to this size are recycled */
	POOL_CLASSES = 18,	/* by power of two */
	POOL_BYTES = 2 << 20,	/* most that waits in one class: after a burst the rest is freed */
	RECONNECT_MS = 10,
	RECONNECT_MAX_MS = 200,
	HANDSHAKE_MS = 2000,
	ZEROMQ_THREADS = 2	/* its reaper, and one for I/O */
};

struct transport {
	void *context;
	/* Chunks that ZeroMQ is done with come back from its I/O thread: a stack that it
	 * pushes to and we take whole, so there is no ABA. */
	_Atomic(struct chunk *) returned;
	struct chunk *pool[POOL_CLASSES];
	size_t pooled[POOL_CLASSES];	/* bytes */
	struct inbox *inboxes;
	struct outbox *outboxes;
};

struct held_frame {
	struct frame frame;	/* first: a frame is its held_frame */
	zmq_msg_t message;
	struct held_frame *next;
};

struct inbox {
	void *socket;
	int fd;			/* readable when ZeroMQ has news for the socket */
	unsigned n_received;	/* since it was last asked for news */
	bool dry;		/* it was asked and had nothing: until `fd` says otherwise it has not */
	uint64_t looked_ns;	/* when that was, or `fd` had nothing to say */
	struct held_frame *spare;
	struct inbox *next;
};

struct outbox {
	struct transport *transport;
	void *socket;
	int fd;
	struct chunk *first, **last;	/* waiting */
	struct flow_link *link;		/* NULL: nobody counts */
	struct outbox *next;
};

static void *pass(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

/* try_threads starts as many threads as ZeroMQ will, which aborts when it can't. */
static int try_threads(struct error *e)
{
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	pthread_t threads[ZEROMQ_THREADS];
	int n = 0;

	pthread_mutex_lock(&gate);
	while (n < ZEROMQ_THREADS && (errno = pthread_create(&threads[n], NULL, pass, &gate)) == 0)
		n++;
	if (n < ZEROMQ_THREADS)
		error_errno(e, "cannot start threads%s", errno == EAGAIN ?
		    ": too many processes; raise the limit (ulimit -u)" : "");
	pthread_mutex_unlock(&gate);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return n < ZEROMQ_THREADS ? -1 : 0;
}

struct transport *transport_new(struct error *e)
{
	struct transport *t;

	if (try_threads(e) != 0)
		return NULL;
	t = xcalloc(1, sizeof *t);
	t->context = zmq_ctx_new();
	if (t->context == NULL) {
		free(t);
		error_errno(e, "cannot start ZeroMQ");
		return NULL;
	}
	zmq_ctx_set(t->context, ZMQ_BLOCKY, 0);
	zmq_ctx_set(t->context, ZMQ_MAX_SOCKETS, zmq_ctx_get(t->context, ZMQ_SOCKET_LIMIT));
	return t;
}

static void free_list(struct chunk *c)
{
	while (c != NULL) {
		struct chunk *next = c->next;

		free(c);
		c = next;
	}
}

static void close_all(struct transport *t)
{
	for (struct inbox *in; (in = t->inboxes) != NULL; free(in)) {
		t->inboxes = in->next;
		zmq_close(in->socket);
		for (struct held_frame *f; (f = in->spare) != NULL; free(f))
			in->spare = f->next;
	}
	for (struct outbox *o; (o = t->outboxes) != NULL; free(o)) {
		t->outboxes = o->next;
		zmq_close(o->socket);
		free_list(o->first);
	}
}

void transport_free(struct transport *t)
{
	if (t == NULL)
		return;
	close_all(t);
	zmq_ctx_term(t->context);
	free_list(atomic_load(&t->returned));
	for (int i = 0; i < POOL_CLASSES; i++)
		free_list(t->pool[i]);
	free(t);
}

/* ---- sockets ---- */

static void set_option(void *socket, int option, int value)
{
	if (zmq_setsockopt(socket, option, &value, sizeof value) != 0)
		die("ZeroMQ refuses option %d = %d: %s", option, value, zmq_strerror(errno));
}

static void *open_socket(struct transport *t, int type, struct error *e)
{
	void *socket = zmq_socket(t->context, type);
	int64_t most = WIRE_FRAME_MAX;

	if (socket == NULL) {
		error_set(e, "cannot open a socket: %s (see ulimit -n)", zmq_strerror(errno));
		return NULL;
	}
	set_option(socket, ZMQ_SNDHWM, SEND_WATER);
	set_option(socket, ZMQ_RCVHWM, RECEIVE_WATER);
	set_option(socket, ZMQ_LINGER, 0);
	set_option(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS);
	set_option(socket, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS);
	set_option(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS);
	zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most);
	return socket;
}

static int descriptor_of(void *socket)
{
	int fd = -1;
	size_t size = sizeof fd;

	if (zmq_getsockopt(socket, ZMQ_FD, &fd, &size) != 0)
		die("a ZeroMQ socket has no descriptor: %s", zmq_strerror(errno));
	return fd;
}

struct inbox *inbox_new(struct transport *t, const char *endpoint, struct error *e)
{
	struct inbox *in;
	void *socket = open_socket(t, ZMQ_PULL, e);

	if (socket == NULL)
		return NULL;
	if (zmq_bind(socket, endpoint) != 0) {
		error_set(e, "cannot bind %s: %s", endpoint, zmq_strerror(errno));
		zmq_close(socket);
		return NULL;
	}
	in = xcalloc(1, sizeof *in);
	in->socket = socket;
	in->fd = descriptor_of(socket);
	in->next = t->inboxes;
	t->inboxes = in;
	return in;
}

static void *connect_socket(struct transport *t, const char *endpoint, struct error *e)
{
	void *socket = open_socket(t, ZMQ_PUSH, e);

	if (socket != NULL && zmq_connect(socket, endpoint) != 0) {
		error_set(e, "cannot connect to %s: %s", endpoint, zmq_strerror(errno));
		zmq_close(socket);
		socket = NULL;
	}
	return socket;
}

struct outbox *outbox_new(struct transport *t, const char *endpoint, struct error *e)
{
	void *socket = connect_socket(t, endpoint, e);
	struct outbox *o;

	if (socket == NULL)
		return NULL;
	o = xcalloc(1, sizeof *o);
	o->transport = t;
	o->socket = socket;
	o->fd = descriptor_of(socket);
	o->last = &o->first;
	o->next = t->outboxes;
	t->outboxes = o;
	return o;
}

void outbox_counts(struct outbox *o, struct flow_link *link, uint32_t start)
{
	o->link = link;
	flow_switched(link, start);
}

int outbox_reopen(struct outbox *o, const char *endpoint, struct error *e)
{
	void *socket = connect_socket(o->transport, endpoint, e);

	if (socket == NULL)
		return -1;
	zmq_close(o->socket);
	o->socket = socket;
	o->fd = descriptor_of(socket);
	for (struct chunk *c; (c = o->first) != NULL; chunk_free(o->transport, c))
		o->first = c->next;
	o->last = &o->first;
	return 0;
}

void outbox_free(struct outbox *o)
{
	struct outbox **at = &o->transport->outboxes;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	zmq_close(o->socket);
	for (struct chunk *c; (c = o->first) != NULL; chunk_free(o->transport, c))
		o->first = c->next;
	free(o);
}

/* ---- frames in ---- */

/* has_event asks the socket, which then learns what has happened meanwhile. That costs two
 * system calls. */
static bool has_event(void *socket, uint32_t event)
{
	uint32_t events = 0;
	size_t size = sizeof events;

	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) == 0 && (events & event);
}

/* look_around has libzmq notice pipes that have got something. By itself it does so at every
 * hundredth receive, as long as the pipes it knows of have more: a sender's one frame would
 * wait behind a hundred of its neighbour's. */
static void look_around(struct inbox *in)
{
	if (++in->n_received < LOOK_AROUND)
		return;
	in->n_received = 0;
	has_event(in->socket, ZMQ_POLLIN);
}

struct frame *inbox_receive(struct inbox *in, uint64_t now_ns)
{
	struct held_frame *f = in->spare;

	if (in->dry && now_ns - in->looked_ns < LOOK_AGAIN_NS)
		return NULL;
	look_around(in);
	if (f != NULL)
		in->spare = f->next;
	else
		f = xmalloc(sizeof *f);
	zmq_msg_init(&f->message);
	while (zmq_msg_recv(&f->message, in->socket, ZMQ_DONTWAIT) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			die("cannot receive: %s", zmq_strerror(errno));
		in->n_received = 0;	/* it has looked */
		in->dry = OPTIMISE_LOOKS;
		in->looked_ns = now_ns;
		f->next = in->spare;
		in->spare = f;
		return NULL;
	}
	in->dry = false;
	f->frame.data = zmq_msg_data(&f->message);
	f->frame.n = zmq_msg_size(&f->message);
	f->frame.refs = 1;
	return &f->frame;
}

void frame_hold(struct frame *f)
{
	f->refs++;
}

void frame_release(struct inbox *in, struct frame *frame)
{
	struct held_frame *f = (struct held_frame *)frame;

	if (--frame->refs > 0)
		return;
	zmq_msg_close(&f->message);
	f->next = in->spare;
	in->spare = f;
}

/* ---- chunks ---- */

static unsigned class_of(size_t cap)
{
	return 63u - (unsigned)__builtin_clzll(cap);
}

static void pool_put(struct transport *t, struct chunk *c)
{
	unsigned class = class_of(c->cap);

	if (c->cap > POOL_CHUNK || t->pooled[class] >= POOL_BYTES) {
		free(c);
		return;
	}
	c->next = t->pool[class];
	t->pool[class] = c;
	t->pooled[class] += c->cap;
}

static void take_returned(struct transport *t)
{
	struct chunk *c = atomic_exchange_explicit(&t->returned, NULL, memory_order_acquire);

	while (c != NULL) {
		struct chunk *next = c->next;

		pool_put(t, c);
		c = next;
	}
}

/* sent runs in ZeroMQ's I/O thread. */
static void sent(void *data, void *hint)
{
	struct transport *t = hint;
	struct chunk *c = (struct chunk *)((uint8_t *)data - offsetof(struct chunk, data));

	if (c->cap > POOL_CHUNK) {
		free(c);	/* it would wait for somebody who needs a small one */
		return;
	}
	c->next = atomic_load_explicit(&t->returned, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&t->returned, &c->next, c,
	    memory_order_release, memory_order_relaxed))
		;
}

struct chunk *chunk_new(struct transport *t, size_t cap)
{
	struct chunk *c;
	size_t round = 256;
	unsigned class;

	while (round < cap)
		round *= 2;
	class = class_of(round);
	if (round <= POOL_CHUNK && t->pool[class] == NULL)
		take_returned(t);
	if (round <= POOL_CHUNK && (c = t->pool[class]) != NULL) {
		t->pool[class] = c->next;
		t->pooled[class] -= round;
	} else {
		c = xmalloc(sizeof *c + round);
		c->cap = round;
	}
	c->n = 0;
	c->next = NULL;
	return c;
}

void chunk_free(struct transport *t, struct chunk *c)
{
	pool_put(t, c);
}

/* ---- frames out ---- */

static bool would_block(void)
{
	if (errno == EAGAIN)
		return true;
	if (errno != EINTR)
		die("cannot send: %s", zmq_strerror(errno));
	return false;
}

static bool has_room(struct outbox *o)
{
	return has_event(o->socket, ZMQ_POLLOUT);
}

/* send_copy: zmq_send looks for news of the pipe at most once in a millisecond or so, and
 * takes it for full until then: that it is has to be asked. */
static bool send_copy(struct outbox *o, struct chunk *c)
{
	while (failpoint("send") || zmq_send(o->socket, c->data, c->n, ZMQ_DONTWAIT) < 0)
		if (would_block() && !has_room(o))
			return false;
	pool_put(o->transport, c);
	return true;
}

static bool send_whole(struct outbox *o, struct chunk *c)
{
	zmq_msg_t message;

	/* When a backlog leaves nobody asks for new chunks: those too many are freed here. */
	take_returned(o->transport);
	/* Whether there is room is asked first: a message that was refused would have to be
	 * taken apart again without running its free function. */
	if (!has_room(o))
		return false;
	if (zmq_msg_init_data(&message, c->data, c->n, sent, o->transport) != 0)
		die("cannot make a message: %s", zmq_strerror(errno));
	while (failpoint("send") || zmq_msg_send(&message, o->socket, ZMQ_DONTWAIT) < 0)
		if (would_block())
			die("cannot send: a destination with room refused a frame");
	return true;
}

static bool send_now(struct outbox *o, struct chunk *c)
{
	return c->n < SMALL ? send_copy(o, c) : send_whole(o, c);
}

static void count(const struct outbox *o, size_t bytes)
{
	if (o->link != NULL)
		flow_sent(o->link, bytes);
}

bool outbox_try(struct outbox *o, struct chunk *c)
{
	size_t n = c->n;	/* when it is sent it is gone */

	if (o->first != NULL || !send_now(o, c))
		return false;
	count(o, n);
	return true;
}

void outbox_send(struct outbox *o, struct chunk *c)
{
	if (outbox_try(o, c))
		return;
	count(o, c->n);
	c->next = NULL;
	*o->last = c;
	o->last = &c->next;
}

void outbox_retry(struct outbox *o)
{
	struct chunk *c;

	while ((c = o->first) != NULL) {
		struct chunk *next = c->next;

		o->first = NULL;
		if (!send_now(o, c)) {
			o->first = c;
			return;
		}
		o->first = next;
	}
	o->last = &o->first;
}

bool outbox_waits(const struct outbox *o)
{
	return o->first != NULL;
}

/* ---- waiting ---- */

/* socket_ready: the socket of ITEM can be used; false also for a descriptor. */
static bool socket_ready(const struct poll_item *item)
{
	if (item->kind == POLL_FD)
		return false;
	if (item->kind == POLL_OUTBOX)
		return has_event(item->outbox->socket, ZMQ_POLLOUT);
	return !item->inbox->dry && has_event(item->inbox->socket, ZMQ_POLLIN);
}

static void fill(struct pollfd *p, const struct poll_item *item)
{
	*p = (struct pollfd){ .fd = item->fd, .events = POLLIN };
	if (item->kind == POLL_INBOX)
		p->fd = item->inbox->fd;
	else if (item->kind == POLL_OUTBOX)
		p->fd = item->outbox->fd;
	else
		p->events = (short)((item->events & GALE_READABLE ? POLLIN : 0) |
		    (item->events & GALE_WRITABLE ? POLLOUT : 0));
}

static int descriptor_ready(const struct pollfd *p)
{
	return (p->revents & POLLIN ? GALE_READABLE : 0) | (p->revents & POLLOUT ? GALE_WRITABLE : 0) |
	    (p->revents & (POLLERR | POLLHUP | POLLNVAL) ? GALE_HANGUP : 0);
}

/* see takes what poll has found. A socket's descriptor says that there is news, not of what. */
static int see(struct poll_item *items, const struct pollfd *p, size_t n)
{
	uint64_t now_ns = clock_now_ns();
	int n_ready = 0;

	for (size_t i = 0; i < n; i++) {
		if (items[i].kind == POLL_FD)
			items[i].ready = descriptor_ready(&p[i]);
		if (items[i].kind == POLL_INBOX && p[i].revents != 0)
			items[i].inbox->dry = false;
		else if (items[i].kind == POLL_INBOX)
			items[i].inbox->looked_ns = now_ns;
		if (items[i].kind != POLL_FD && p[i].revents != 0 && !items[i].ready)
			items[i].ready = socket_ready(&items[i]);
		n_ready += items[i].ready != 0;
	}
	return n_ready;
}

/* A socket that was asked and had nothing has news only when its descriptor says so: one
 * sleep costs a look at each and a poll, where zmq_poll looks at each twice. */
int transport_poll(struct poll_item *items, size_t n, int timeout_ms)
{
	struct pollfd stack[64], *p = n <= 64 ? stack : xmalloc(n * sizeof *p);
	uint64_t until = timeout_ms > 0 ? clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS : 0, now;
	int n_ready = 0, rc;

	for (size_t i = 0; i < n; i++) {
		fill(&p[i], &items[i]);
		items[i].ready = socket_ready(&items[i]);
		n_ready += items[i].ready;
	}
	for (;;) {
		rc = poll(p, n, n_ready > 0 ? 0 : timeout_ms);
		if (rc < 0 && errno != EINTR)
			die("cannot poll: %s", strerror(errno));
		if (rc > 0)
			n_ready = see(items, p, n);
		if (rc <= 0 || n_ready > 0 || timeout_ms == 0)
			break;
		if (timeout_ms > 0) {
			now = clock_now_ns();
			timeout_ms = now < until ? (int)((until - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
		}
	}
	if (p != stack)
		free(p);
	return n_ready;
}

char *transport_library(void)
{
	int major, minor, patch;

	zmq_version(&major, &minor, &patch);
	return xasprintf("libzmq %d.%d.%d", major, minor, patch);
}
