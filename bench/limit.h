/* limit.h - what the bare pipelines are made of: processes joined by ZeroMQ over ipc, one PULL
 * socket each, frames that leave when they are full or when there is nothing else to do, and
 * an XOR acker with a table that never grows. Everything here is in the programs that
 * include it, limit.c and limit_const.c, so that the compiler sees it whole.
 *
 * What is in a frame, packed, in the machine's byte order:
 *
 *     data        root 8, edge 8, and what the program adds    1 byte: the end
 *     init, ack   root 8, XOR of edges 8                       to the acker
 *     complete    root 8                                       to the spout
 *
 * It shares no code with gale, so that a slip there can't hide in both.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

enum {
	DATA_HWM = 8,		/* frames queued; together with PENDING this bounds memory */
	ACK_HWM = 1000,
	HEAD_BYTES = 16,	/* root and edge: a tuple begins with them, an ack is them */
	BURST = 256,		/* emitted between two looks for what is complete */
	TREE_SLOTS = 1 << 20,	/* a power of two; the table may not become full */
	MOST_PENDING = TREE_SLOTS / 2,
	MOST_WAYS = 256		/* processes side by side */
};

/* What the processes have in common, in shared memory. */
struct shared {
	pthread_barrier_t bound;	/* all sockets are bound: connect */
	double seconds;
	long tuples, distinct;		/* that arrived at the end; added up by all who count */
};

static long total, most_pending = 10000;
static size_t frame_bytes = 65536;
static struct shared *shared;
static int family;			/* the first process's id names the sockets */
static pid_t children[MOST_WAYS + 3];
static int n_children;

/* die: a call that must not fail has failed. */
static _Noreturn void die(const char *what)
{
	fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *checked(void *p)
{
	if (p == NULL)
		die("memory");
	return p;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t random_state;		/* of this process */

/* new_id is xorshift64: never 0, and two xors apart from free. */
static inline uint64_t new_id(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* ---- sockets ----------------------------------------------------------------------- */

/* The frame that is being filled for one destination. */
struct output {
	void *socket;
	char *frame;
	size_t n;
};

/* Of this process. */
static void *context, *input;
static struct output outputs[MOST_WAYS + 1];
static int n_outputs;

static void *open_socket(int type, int hwm)
{
	void *socket = zmq_socket(context, type);
	int linger = -1;

	if (socket == NULL || zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
	    zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm) != 0 ||
	    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) != 0)
		die("socket");
	return socket;
}

/* endpoint is a name in the abstract namespace: nothing to remove afterwards. */
static const char *endpoint(const char *name, int number)
{
	static char text[64];

	snprintf(text, sizeof text, "ipc://@limit-%d-%s-%d", family, name, number);
	return text;
}

/* open_input makes this process's context and socket, and waits until all have theirs: who
 * connects too early is only tried again after 100 ms, which would be measured. */
static void open_input(const char *name, int number, int hwm)
{
	if ((context = zmq_ctx_new()) == NULL)
		die("context");
	input = open_socket(ZMQ_PULL, hwm);
	if (zmq_bind(input, endpoint(name, number)) != 0)
		die(endpoint(name, number));
	pthread_barrier_wait(&shared->bound);
}

static struct output *open_output(const char *name, int number, int hwm)
{
	struct output *o = &outputs[n_outputs++];

	o->socket = open_socket(ZMQ_PUSH, hwm);
	o->frame = checked(malloc(frame_bytes));
	if (zmq_connect(o->socket, endpoint(name, number)) != 0)
		die(endpoint(name, number));
	return o;
}

static void flush(struct output *o)
{
	if (o->n > 0 && zmq_send(o->socket, o->frame, o->n, 0) < 0)
		die("send");
	o->n = 0;
}

static void flush_all(void)
{
	for (int i = 0; i < n_outputs; i++)
		flush(&outputs[i]);
}

static inline char *reserve(struct output *o, size_t n)
{
	char *p;

	if (o->n + n > frame_bytes)
		flush(o);
	p = o->frame + o->n;
	o->n += n;
	return p;
}

static inline void put_ack(struct output *o, uint64_t root, uint64_t edges)
{
	char *p = reserve(o, HEAD_BYTES);

	memcpy(p, &root, 8);
	memcpy(p + 8, &edges, 8);
}

/* put_end sends the end marker behind all data. */
static void put_end(struct output *o)
{
	flush(o);
	if (zmq_send(o->socket, "X", 1, 0) < 0)
		die("send");
}

/* receive gives the bytes of the next frame, its start in AT. Before this process sleeps it
 * sends what it has: frames leave when they are full, or here. */
static int receive(zmq_msg_t *frame, const char **at)
{
	int n = zmq_msg_recv(frame, input, ZMQ_DONTWAIT);

	if (n < 0) {
		flush_all();
		n = zmq_msg_recv(frame, input, 0);
	}
	if (n < 0)
		die("receive");
	*at = zmq_msg_data(frame);
	return n;
}

/* leave waits until all that was sent has left this process. */
static void leave(void)
{
	while (n_outputs > 0)
		zmq_close(outputs[--n_outputs].socket);
	zmq_close(input);
	zmq_ctx_term(context);
}

/* ---- acker ------------------------------------------------------------------------- */

static struct {
	uint64_t root, edges;	/* root 0: free */
} trees[TREE_SLOTS];

/* forget frees a slot and moves back those behind it that it kept from their own. */
static void forget(uint64_t hole)
{
	uint64_t k = hole;

	for (;;) {
		trees[hole].root = 0;
		do
			k = (k + 1) & (TREE_SLOTS - 1);
		while (trees[k].root != 0 && ((k - trees[k].root) & (TREE_SLOTS - 1)) <
		    ((k - hole) & (TREE_SLOTS - 1)));
		if (trees[k].root == 0)
			return;
		trees[hole] = trees[k];
		hole = k;
	}
}

/* fold XORs EDGES into ROOT's tree; true: the tree is complete and forgotten. Acks may
 * overtake their init: then the tree stays open until that comes. */
static inline bool fold(uint64_t root, uint64_t edges)
{
	uint64_t h = root & (TREE_SLOTS - 1);

	while (trees[h].root != 0 && trees[h].root != root)
		h = (h + 1) & (TREE_SLOTS - 1);
	if (trees[h].root == 0) {
		trees[h].root = root;
		trees[h].edges = 0;
	}
	trees[h].edges ^= edges;
	if (trees[h].edges != 0)
		return false;
	forget(h);
	return true;
}

/* emit_all has EMIT emit TOTAL roots, with PENDING of them on their way, until all are complete. In
 * its caller's program EMIT is known, and becomes part of the loop. */
static inline void emit_all(void (*emit)(uint64_t root))
{
	long emitted = 0, completed = 0;
	zmq_msg_t frame;

	zmq_msg_init(&frame);
	while (completed < total) {
		bool wait = emitted - completed >= most_pending || emitted >= total;

		if (wait)
			flush_all();
		for (int n; (n = zmq_msg_recv(&frame, input, wait ? 0 : ZMQ_DONTWAIT)) >= 0; wait = false)
			completed += n / 8;
		for (int i = 0; i < BURST && emitted < total && emitted - completed < most_pending; i++, emitted++)
			emit(new_id());
	}
}

static void acker(int number)
{
	struct output *spout;
	const char *p;
	zmq_msg_t frame;

	open_input("acker", number, ACK_HWM);
	spout = open_output("spout", 0, ACK_HWM);
	zmq_msg_init(&frame);
	for (;;) {
		int n = receive(&frame, &p);

		for (const char *end = p + n; p < end; p += HEAD_BYTES) {
			uint64_t root, edges;

			memcpy(&root, p, 8);
			memcpy(&edges, p + 8, 8);
			if (fold(root, edges))
				memcpy(reserve(spout, 8), &root, 8);
		}
	}
}

/* ---- processes --------------------------------------------------------------------- */

/* share makes what PROCESSES of them have in common. */
static void share(int processes)
{
	pthread_barrierattr_t attr;

	family = getpid();
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("shared memory");
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->bound, &attr, (unsigned)processes);
}

/* start runs ROLE in a process of its own; NUMBER tells those with the same role apart. */
static void start(void (*role)(int number), int number)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		random_state = 0x9e3779b97f4a7c15u * (uint64_t)(n_children + 1);
		role(number);
		leave();
		exit(0);
	}
	children[n_children++] = pid;
}

/* wait_for_all waits until all have ended but the acker, who has no end of its own, and ends
 * that one. Returns the exit status. */
static int wait_for_all(void)
{
	int status = 0;

	for (int left = n_children - 1; left > 0 && status == 0; left--)
		if (wait(&status) < 0)
			die("wait");
	for (int i = 0; i < n_children; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0)
		continue;
	return status == 0 ? 0 : 1;
}

#endif
