/* limit_const.c - what this machine can do for tuples that nobody looks into, every one acked,
 * with nothing around it.
 *
 *     cc -O2 -o limit_const limit_const.c -lzmq
 *     ./limit_const [-w WAYS] [-s SIZE] [-p PENDING] [-r RATE [-u UNMEASURED]] COUNT
 *
 *     const ---> id ---> null       COUNT tuples of SIZE bytes (8). With WAYS (1) above 1 the
 *      ^  \       |       |         spout emits a copy to each of so many processes like id,
 *      |   `--.   | acks  | acks    which all pass it on to null: 2 make a diamond.
 *      |      v   v       |
 *      `---- acker <------'
 *
 * At most PENDING (10000) of them are on their way at a time. Behind the head of a tuple are
 * its bytes; all else is as in limit.c. It prints how many roots were complete a second,
 * and how many tuples came to null:
 *
 *     N roots/s N arrived
 *
 * With RATE number k is due k / RATE seconds after the start, and leaves then, whatever PENDING is;
 * it prints, in place of the rate, the times from when it was due to when it was complete. The
 * first UNMEASURED are left out.
 *
 *     measured N p50_us N p99_us N max_us N arrived N
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "latency.h"
#include "limit.h"

static int ways = 1;
static size_t payload_bytes = 8;
static uint64_t rate, unmeasured;	/* rate 0: as fast as they are taken */
static struct latency latency;

static inline void put_tuple(struct output *o, uint64_t root, uint64_t edge, const char *payload)
{
	char *p = reserve(o, HEAD_BYTES + payload_bytes);

	memcpy(p, &root, 8);
	memcpy(p + 8, &edge, 8);
	memcpy(p + HEAD_BYTES, payload, payload_bytes);
}

/* ---- const ------------------------------------------------------------------------- */

static struct output *id_of[MOST_WAYS], *spout_ack;
static const char *constant;

static void emit(uint64_t root)
{
	uint64_t edges = 0;

	for (int i = 0; i < ways; i++) {
		uint64_t edge = new_id();

		edges ^= edge;
		put_tuple(id_of[i], root, edge, constant);
	}
	put_ack(spout_ack, root, edges);
}

/* Root (k + 1) * SPREAD is number k. Roots in a row would make one long cluster of the acker's
 * table, which it would walk along whenever it forgets one of them. UNSPREAD undoes it. */
#define SPREAD 0x9e3779b97f4a7c15u
#define UNSPREAD 0xf1de83e19937733du

/* note_completed counts the roots of one frame. */
static long note_completed(uint64_t start_ns, const char *p, int n)
{
	uint64_t at = latency_now();

	for (const char *end = p + n; p < end; p += 8) {
		uint64_t root;

		memcpy(&root, p, 8);
		root *= UNSPREAD;
		if (root > unmeasured)
			latency_add(&latency, at - latency_due(start_ns, root - 1, rate));
	}
	return n / 8;
}

/* emit_paced emits what is due, as far as the acker's table has room, sends it at once, and
 * sleeps until the next is due or something is complete. */
static void emit_paced(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	zmq_pollitem_t items[] = { { input, 0, ZMQ_POLLIN, 0 }, { NULL, fd, ZMQ_POLLIN, 0 } };
	uint64_t start_ns = latency_now(), k = 0;
	long completed = 0;
	zmq_msg_t frame;

	if (fd < 0)
		die("timer");
	zmq_msg_init(&frame);
	while (completed < total) {
		uint64_t at = latency_now();
		bool any = false;

		for (; k < (uint64_t)total && latency_due(start_ns, k, rate) <= at &&
		    (long)k - completed < MOST_PENDING; k++, any = true)
			emit((k + 1) * SPREAD);
		flush_all();
		for (int n; (n = zmq_msg_recv(&frame, input, ZMQ_DONTWAIT)) >= 0; any = true)
			completed += note_completed(start_ns, zmq_msg_data(&frame), n);
		if (any)
			continue;
		if (k < (uint64_t)total && latency_ring(fd, latency_due(start_ns, k, rate)) != 0)
			die("timer");
		if (zmq_poll(items, k < (uint64_t)total ? 2 : 1, -1) < 0)
			die("poll");
	}
	close(fd);
	latency_print(&latency, stdout);
	fflush(stdout);
}

static void spout(int number)
{
	double begin;

	open_input("spout", number, ACK_HWM);
	for (int i = 0; i < ways; i++)
		id_of[i] = open_output("id", i, DATA_HWM);
	spout_ack = open_output("acker", 0, ACK_HWM);
	constant = checked(calloc(1, payload_bytes + 1));
	begin = now();
	if (rate > 0)
		emit_paced();
	else
		emit_all(emit);
	shared->seconds = now() - begin;
	for (int i = 0; i < ways; i++)
		put_end(id_of[i]);
}

/* ---- id, null ---------------------------------------------------------------------- */

static void id(int number)
{
	struct output *null, *ack;
	const char *p;
	zmq_msg_t frame;

	open_input("id", number, DATA_HWM);
	null = open_output("null", 0, DATA_HWM);
	ack = open_output("acker", 0, ACK_HWM);
	zmq_msg_init(&frame);
	for (int n; (n = receive(&frame, &p)) != 1;) {
		for (const char *end = p + n; p < end; p += HEAD_BYTES + payload_bytes) {
			uint64_t root, edge, child = new_id();

			memcpy(&root, p, 8);
			memcpy(&edge, p + 8, 8);
			put_tuple(null, root, child, p + HEAD_BYTES);
			put_ack(ack, root, edge ^ child);
		}
	}
	put_end(null);
}

static void null(int number)
{
	int ends = 0;
	struct output *ack;
	const char *p;
	zmq_msg_t frame;

	open_input("null", number, DATA_HWM);
	ack = open_output("acker", 0, ACK_HWM);
	zmq_msg_init(&frame);
	while (ends < ways) {
		int n = receive(&frame, &p);

		if (n == 1) {
			ends++;
			continue;
		}
		for (const char *end = p + n; p < end; p += HEAD_BYTES + payload_bytes) {
			uint64_t root, edge;

			memcpy(&root, p, 8);
			memcpy(&edge, p + 8, 8);
			put_ack(ack, root, edge);
			shared->tuples++;
		}
	}
}

/* ---- the whole --------------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: limit_const [-w WAYS] [-s SIZE] [-p PENDING] [-r RATE [-u UNMEASURED]] COUNT\n"
	    "WAYS 1 to %d, PENDING 1 to %d, RATE and COUNT from 1\n", MOST_WAYS, MOST_PENDING);
	return 2;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "w:s:p:r:u:")) != -1) {
		long value = option == '?' ? -1 : atol(optarg);

		if (value < 0)
			return usage();
		switch (option) {
		case 'w': ways = (int)value; break;
		case 's': payload_bytes = (size_t)value; break;
		case 'p': most_pending = value; break;
		case 'r': rate = (uint64_t)value; break;
		default: unmeasured = (uint64_t)value;
		}
	}
	if (argc - optind != 1)
		return usage();
	total = atol(argv[optind]);
	if (total < 1 || most_pending < 1 || most_pending > MOST_PENDING || ways < 1 || ways > MOST_WAYS)
		return usage();
	if (frame_bytes < HEAD_BYTES + payload_bytes)
		frame_bytes = HEAD_BYTES + payload_bytes;
	share(3 + ways);
	start(acker, 0);
	start(null, 0);
	for (int i = 0; i < ways; i++)
		start(id, i);
	start(spout, 0);
	if (wait_for_all() != 0)
		return 1;
	if (rate == 0)
		printf("%.0f roots/s ", (double)total / shared->seconds);
	printf(rate == 0 ? "%ld arrived\n" : "arrived %ld\n", shared->tuples);
	return 0;
}
