/* limit.c - what this machine can do for an acked word count, with nothing around it.
 *
 *     cc -O2 -o limit limit.c -lzmq
 *     ./limit FILE LINES [PENDING [FRAME]]
 *
 * Four processes joined by ZeroMQ over ipc, one PULL socket each:
 *
 *     spout ---lines---> split ---words---> count
 *      ^  \                |                  |
 *      |   `--init---.     | acks             | acks
 *      |             v     v                  |
 *      `--complete-- acker <------------------'
 *
 * LINES lines are emitted in all, those of FILE over and over; at most PENDING (10000) of
 * them are on their way at a time. Every line and every word carries the root of its tree
 * and an edge of its own, and the acker XORs edges until a tree is zero: the work of an
 * at-least-once topology. But the tuple has one layout, nothing can fail, nothing can be
 * configured, and the tables never grow. A runtime is measured as a ratio to this, in the
 * same run. It prints one line, where a line and each of its words count as one tuple:
 *
 *     N lines/s N tuples/s N words N distinct
 *
 * What is in a frame (FRAME bytes at most, 65536), packed, in the machine's byte order:
 *
 *     data        root 8, edge 8, length 2, text    to split, to count; 1 byte: the end
 *     init, ack   root 8, XOR of edges 8            to the acker
 *     complete    root 8                            to the spout
 *
 * It shares no code with gale, so that a slip there can't hide in both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
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
	TUPLE_HEAD = 18,	/* bytes before a tuple's text */
	ACK_BYTES = 16,
	MAX_LINE = 8000,
	BURST = 256,		/* lines emitted between two looks for completed ones */
	WORD_SLOTS = 1 << 18,	/* powers of two; neither table may become full */
	TREE_SLOTS = 1 << 20
};

struct text {
	char **line;
	uint16_t *n;
	long n_lines;
};

/* What the processes have in common, in shared memory. */
struct shared {
	pthread_barrier_t bound;	/* all sockets are bound: connect */
	double seconds;
	long words, distinct;
};

static long total, most_pending = 10000;
static size_t frame_bytes = 65536;
static struct shared *shared;
static int family;			/* the first process's id names the sockets */

/* Of this process. */
static void *context;
static void *sockets[3];
static int n_sockets;
static uint64_t random_state;

static _Noreturn void refuse(const char *why)
{
	fprintf(stderr, "limit: %s\n", why);
	exit(1);
}

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

/* new_id is xorshift64: never 0, and two xors apart from free. */
static inline uint64_t new_id(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* ---- sockets ----------------------------------------------------------------------- */

static void *open_socket(int type, int hwm)
{
	void *socket = zmq_socket(context, type);
	int linger = -1;

	if (socket == NULL || zmq_setsockopt(socket, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
	    zmq_setsockopt(socket, ZMQ_RCVHWM, &hwm, sizeof hwm) != 0 ||
	    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger) != 0)
		die("socket");
	return sockets[n_sockets++] = socket;
}

/* endpoint is a name in the abstract namespace: nothing to remove afterwards. */
static const char *endpoint(const char *name)
{
	static char text[64];

	snprintf(text, sizeof text, "ipc://@limit-%d-%s", family, name);
	return text;
}

/* open_input makes this process's context and socket, and waits until all have theirs: who
 * connects too early is only tried again after 100 ms, which would be measured. */
static void *open_input(const char *name, int hwm)
{
	void *socket;

	if ((context = zmq_ctx_new()) == NULL)
		die("context");
	socket = open_socket(ZMQ_PULL, hwm);
	if (zmq_bind(socket, endpoint(name)) != 0)
		die(endpoint(name));
	pthread_barrier_wait(&shared->bound);
	return socket;
}

/* The frame that is being filled for one destination. */
struct output {
	void *socket;
	char *frame;
	size_t n;
};

static struct output open_output(const char *name, int hwm)
{
	struct output o = { open_socket(ZMQ_PUSH, hwm), checked(malloc(frame_bytes)), 0 };

	if (zmq_connect(o.socket, endpoint(name)) != 0)
		die(endpoint(name));
	return o;
}

static void flush(struct output *o)
{
	if (o->n > 0 && zmq_send(o->socket, o->frame, o->n, 0) < 0)
		die("send");
	o->n = 0;
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

static inline void put_tuple(struct output *o, uint64_t root, uint64_t edge, const char *s, uint16_t n)
{
	char *p = reserve(o, (size_t)TUPLE_HEAD + n);

	memcpy(p, &root, 8);
	memcpy(p + 8, &edge, 8);
	memcpy(p + 16, &n, 2);
	memcpy(p + TUPLE_HEAD, s, n);
}

static inline void put_ack(struct output *o, uint64_t root, uint64_t edges)
{
	char *p = reserve(o, ACK_BYTES);

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

/* leave waits until all that was sent has left this process. */
static void leave(void)
{
	while (n_sockets > 0)
		zmq_close(sockets[--n_sockets]);
	zmq_ctx_term(context);
}

/* receive gives the bytes of the next frame, its start in AT. Frames leave when they are
 * full, or here, when there is nothing else to do: A and B (may be NULL) are flushed before
 * this process sleeps. */
static int receive(void *socket, zmq_msg_t *frame, const char **at, struct output *a, struct output *b)
{
	int n = zmq_msg_recv(frame, socket, ZMQ_DONTWAIT);

	if (n < 0) {
		flush(a);
		if (b != NULL)
			flush(b);
		n = zmq_msg_recv(frame, socket, 0);
	}
	if (n < 0)
		die("receive");
	*at = zmq_msg_data(frame);
	return n;
}

/* ---- spout ------------------------------------------------------------------------- */

static void spout(const struct text *t)
{
	void *in = open_input("spout", ACK_HWM);
	struct output split = open_output("split", DATA_HWM), acker = open_output("acker", ACK_HWM);
	long emitted = 0, completed = 0;
	double start = now();
	zmq_msg_t frame;

	random_state = 0x9e3779b97f4a7c15u;
	zmq_msg_init(&frame);
	while (completed < total) {
		bool wait = emitted - completed >= most_pending || emitted >= total;

		if (wait) {
			flush(&split);
			flush(&acker);
		}
		for (int n; (n = zmq_msg_recv(&frame, in, wait ? 0 : ZMQ_DONTWAIT)) >= 0; wait = false)
			completed += n / 8;
		for (int i = 0; i < BURST && emitted < total && emitted - completed < most_pending; i++) {
			uint64_t root = new_id(), edge = new_id();
			long line = emitted++ % t->n_lines;

			put_tuple(&split, root, edge, t->line[line], t->n[line]);
			put_ack(&acker, root, edge);
		}
	}
	shared->seconds = now() - start;
	put_end(&split);
}

/* ---- split ------------------------------------------------------------------------- */

/* White space is what gale's split takes for it: space, \t, \n, \v, \f, \r. */
static inline bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* split_line emits the words of a line; returns the XOR of their edges. */
static uint64_t split_line(struct output *o, uint64_t root, const char *at, const char *end)
{
	uint64_t edges = 0;

	while (at < end) {
		const char *word = at;
		uint64_t edge;

		while (at < end && !is_blank(*at))
			at++;
		if (at > word) {
			edge = new_id();
			edges ^= edge;
			put_tuple(o, root, edge, word, (uint16_t)(at - word));
		}
		at++;
	}
	return edges;
}

static void split(void)
{
	void *in = open_input("split", DATA_HWM);
	struct output count = open_output("count", DATA_HWM), acker = open_output("acker", ACK_HWM);
	const char *p;
	zmq_msg_t frame;

	random_state = 0xd1b54a32d192ed03u;
	zmq_msg_init(&frame);
	for (int n; (n = receive(in, &frame, &p, &count, &acker)) != 1;) {
		for (const char *end = p + n; p < end;) {
			uint64_t root, edge;
			uint16_t n_line;

			memcpy(&root, p, 8);
			memcpy(&edge, p + 8, 8);
			memcpy(&n_line, p + 16, 2);
			p += TUPLE_HEAD;
			edge ^= split_line(&count, root, p, p + n_line);
			put_ack(&acker, root, edge);
			p += n_line;
		}
	}
	put_end(&count);
}

/* ---- count ------------------------------------------------------------------------- */

static struct {
	char *s;
	uint16_t n;
	long count;
} words[WORD_SLOTS];

/* count_word looks the word up in an open table by its FNV-1a hash. */
static void count_word(const char *s, uint16_t n)
{
	uint64_t h = 1469598103934665603u;

	for (int i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 1099511628211u;
	h &= WORD_SLOTS - 1;
	while (words[h].s != NULL && (words[h].n != n || memcmp(words[h].s, s, n) != 0))
		h = (h + 1) & (WORD_SLOTS - 1);
	if (words[h].s == NULL) {
		words[h].s = memcpy(checked(malloc(n)), s, n);
		words[h].n = n;
		if (++shared->distinct > WORD_SLOTS / 2)
			refuse("too many different words");
	}
	words[h].count++;
}

static void count(void)
{
	void *in = open_input("count", DATA_HWM);
	struct output acker = open_output("acker", ACK_HWM);
	long n_words = 0;
	const char *p;
	zmq_msg_t frame;

	zmq_msg_init(&frame);
	for (int n; (n = receive(in, &frame, &p, &acker, NULL)) != 1;) {
		uint64_t last = 0, edges = 0;	/* words of one line come together: one ack */

		for (const char *end = p + n; p < end;) {
			uint64_t root, edge;
			uint16_t n_word;

			memcpy(&root, p, 8);
			memcpy(&edge, p + 8, 8);
			memcpy(&n_word, p + 16, 2);
			count_word(p + TUPLE_HEAD, n_word);
			n_words++;
			p += TUPLE_HEAD + n_word;
			if (root == last) {
				edges ^= edge;
				continue;
			}
			if (last != 0)
				put_ack(&acker, last, edges);
			last = root;
			edges = edge;
		}
		if (last != 0)
			put_ack(&acker, last, edges);
	}
	shared->words = n_words;
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

static void acker(void)
{
	void *in = open_input("acker", ACK_HWM);
	struct output spout = open_output("spout", ACK_HWM);
	const char *p;
	zmq_msg_t frame;

	zmq_msg_init(&frame);
	for (;;) {
		int n = receive(in, &frame, &p, &spout, NULL);

		for (const char *end = p + n; p < end; p += ACK_BYTES) {
			uint64_t root, edges;

			memcpy(&root, p, 8);
			memcpy(&edges, p + 8, 8);
			if (fold(root, edges))
				memcpy(reserve(&spout, 8), &root, 8);
		}
	}
}

/* ---- the four processes ------------------------------------------------------------ */

static void read_text(struct text *t, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	long most = 0;
	ssize_t n;

	if (f == NULL)
		die(path);
	while ((n = getline(&line, &room, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		if (n > MAX_LINE)
			refuse("a line is too long");
		if (t->n_lines == most) {
			most = most ? 2 * most : 1024;
			t->line = checked(realloc(t->line, (size_t)most * sizeof *t->line));
			t->n = checked(realloc(t->n, (size_t)most * sizeof *t->n));
		}
		t->line[t->n_lines] = memcpy(checked(malloc((size_t)n + 1)), line, (size_t)n);
		t->n[t->n_lines++] = (uint16_t)n;
	}
	free(line);
	fclose(f);
	if (t->n_lines == 0)
		refuse("the file is empty");
}

static void share(void)
{
	pthread_barrierattr_t attr;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("shared memory");
	pthread_barrierattr_init(&attr);
	pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->bound, &attr, 4);
}

static pid_t start(void (*role)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	role();
	leave();
	exit(0);
}

static struct text text;

static void spout_of_text(void)
{
	spout(&text);
}

/* run waits for spout, split and count, who end one after the other, and ends the acker,
 * who has no end of its own. Returns the exit status. */
static int run(void)
{
	pid_t pids[] = { start(acker), start(count), start(split), start(spout_of_text) };
	int status = 0;

	for (int left = 3; left > 0 && status == 0; left--)
		if (wait(&status) < 0)
			die("wait");
	for (int i = 0; i < 4; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		continue;
	return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	double tuples;

	if (argc < 3 || argc > 5) {
		fprintf(stderr, "usage: limit FILE LINES [PENDING [FRAME]]\n");
		return 2;
	}
	total = atol(argv[2]);
	if (argc > 3)
		most_pending = atol(argv[3]);
	if (argc > 4)
		frame_bytes = (size_t)atol(argv[4]);
	if (total < 1 || most_pending < 1 || most_pending > TREE_SLOTS / 2 ||
	    frame_bytes < TUPLE_HEAD + MAX_LINE || frame_bytes > INT32_MAX) {
		fprintf(stderr, "limit: LINES from 1, PENDING from 1 to %d, FRAME from %d\n",
		    TREE_SLOTS / 2, TUPLE_HEAD + MAX_LINE);
		return 2;
	}
	family = getpid();
	read_text(&text, argv[1]);
	share();
	if (run() != 0)
		return 1;
	tuples = (double)(total + shared->words);
	printf("%.0f lines/s %.0f tuples/s %ld words %ld distinct\n", (double)total / shared->seconds,
	    tuples / shared->seconds, shared->words, shared->distinct);
	return 0;
}
