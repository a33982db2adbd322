/* pollers.c - many who look at a page at once, and a server that does nothing but answer them.
 *
 *     pollers PORT TARGET CLIENTS FILE
 *     pollers -s BYTES
 *
 * The first form keeps CLIENTS connections to PORT of 127.0.0.1 open. On each, TARGET is asked for
 * once a second, evenly spread over that second; who has no answer yet then asks a second later.
 * When it is told to end (SIGTERM) it writes into FILE
 *
 *     asked 10000 answered 9990 other 3 skipped 0 broken 0 bytes 7456 p50_us 310 p99_us 1290
 *
 * other are answers but 200, skipped those who had no answer yet, broken the connections that the
 * server has closed; bytes are a mean; the latency is from the request to the last byte of its
 * answer.
 *
 * The second form, for comparison: a server that answers every request with BYTES bytes, known from
 * the start. It prints its port.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "latency.h"

enum { HEAD = 1024, READ = 65536, EVENTS = 64, BACKLOG = 2048, NS_PER_S = 1000000000 };

struct client {
	int fd;			/* -1: broken */
	bool waits;		/* for an answer */
	uint64_t asked_ns;
	char head[HEAD];	/* of the answer, as far as it is here */
	size_t n, left;		/* left: bytes of the body to come */
	bool in_body;
};

static struct {
	struct client *clients;
	size_t n;
	char request[HEAD];
	size_t length;
	struct latency latency;
	unsigned long asked, answered, other, skipped, broken, bytes;
} all;

static volatile sig_atomic_t ended;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "pollers: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

/* ---- clients ----------------------------------------------------------------------- */

static void lose(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	all.broken++;
}

static void ask(struct client *c, uint64_t now)
{
	if (c->fd < 0)
		return;
	if (c->waits) {
		all.skipped++;
		return;
	}
	if (send(c->fd, all.request, all.length, MSG_NOSIGNAL) != (ssize_t)all.length) {
		lose(c);
		return;
	}
	all.asked++;
	c->waits = true;
	c->asked_ns = now;
	c->n = 0;
	c->in_body = false;
}

static void answered(struct client *c)
{
	if (strncmp(c->head, "HTTP/1.1 200", 12) == 0)
		all.answered++;
	else
		all.other++;
	latency_add(&all.latency, latency_now() - c->asked_ns);
	c->waits = false;
}

/* take_head takes what belongs to the head from N BYTES, and gives how many that are. */
static size_t take_head(struct client *c, const char *bytes, size_t n)
{
	size_t before = c->n, room = HEAD - 1 - before;
	char *stop, *length;

	memcpy(c->head + before, bytes, n < room ? n : room);
	c->n += n < room ? n : room;
	c->head[c->n] = '\0';
	stop = strstr(c->head, "\r\n\r\n");
	if (stop == NULL)
		return n;
	length = strcasestr(c->head, "\r\nContent-Length:");
	c->left = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
	c->in_body = true;
	return (size_t)(stop + 4 - c->head) - before;
}

static void hear(struct client *c)
{
	char bytes[READ];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
	size_t head = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || !c->waits) {
		lose(c);
		return;
	}
	all.bytes += (size_t)n;
	if (!c->in_body)
		head = take_head(c, bytes, (size_t)n);
	if (!c->in_body)
		return;
	c->left -= (size_t)n - head < c->left ? (size_t)n - head : c->left;
	if (c->left == 0)
		answered(c);
}

static void reach(struct client *c, int epoll, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
		die("no connection");
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		die("epoll");
}

/* poll_for_good asks for all clients in turn, the next one every 1/n of a second. */
static void poll_for_good(int epoll)
{
	uint64_t step = NS_PER_S / all.n, due = latency_now();
	size_t next = 0;

	while (!ended) {
		struct epoll_event events[EVENTS];
		uint64_t now = latency_now();
		int n;

		for (; due <= now; due += step) {
			ask(&all.clients[next], now);
			next = (next + 1) % all.n;
		}
		n = epoll_wait(epoll, events, EVENTS, (int)((due - now) / 1000000) + 1);
		for (int i = 0; i < n; i++)
			hear(events[i].data.ptr);
	}
}

static void tell(const char *file)
{
	FILE *f = fopen(file, "we");
	unsigned long answers = all.answered + all.other;

	if (f == NULL)
		die(file);
	fprintf(f, "asked %lu answered %lu other %lu skipped %lu broken %lu bytes %lu p50_us %.0f p99_us %.0f\n", all.asked,
	    all.answered, all.other, all.skipped, all.broken, answers > 0 ? all.bytes / answers : 0,
	    latency_us(&all.latency, 50), latency_us(&all.latency, 99));
	if (fclose(f) != 0)
		die(file);
}

static int run_clients(unsigned port, const char *target, size_t n, const char *file)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	all.clients = calloc(n, sizeof *all.clients);
	if (epoll < 0 || all.clients == NULL)
		die("memory");
	all.n = n;
	all.length = (size_t)snprintf(all.request, HEAD, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", target, port);
	for (size_t i = 0; i < n; i++)
		reach(&all.clients[i], epoll, port);
	poll_for_good(epoll);
	tell(file);
	return 0;
}

/* ---- the server for comparison ----------------------------------------------------- */

static int listen_anywhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) != 0 || listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &n) != 0)
		die("listen");
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	return fd;
}

static void greet(int epoll, int listener)
{
	struct epoll_event e = { .events = EPOLLIN };

	e.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (e.data.fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, e.data.fd, &e) != 0)
		die("epoll");
}

/* serve: a request of ours comes in one piece. */
static void serve(int fd, const char *answer, size_t n)
{
	char request[HEAD];

	if (recv(fd, request, sizeof request, 0) <= 0) {
		close(fd);
		return;
	}
	for (size_t done = 0; done < n; ) {
		ssize_t sent = send(fd, answer + done, n - done, MSG_NOSIGNAL);
		struct pollfd p = { .fd = fd, .events = POLLOUT };

		if (sent < 0 && errno != EAGAIN)
			return;
		if (sent < 0)
			poll(&p, 1, -1);
		else
			done += (size_t)sent;
	}
}

static int run_server(size_t bytes)
{
	int listener = listen_anywhere(), epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = listener }, events[EVENTS];
	char *answer = malloc(HEAD + bytes);
	size_t n;

	if (answer == NULL || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0)
		die("epoll");
	n = (size_t)snprintf(answer, HEAD, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", bytes);
	memset(answer + n, 'x', bytes);
	while (!ended) {
		int found = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < found; i++)
			if (events[i].data.fd == listener)
				greet(epoll, listener);
			else
				serve(events[i].data.fd, answer, n + bytes);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction a = { .sa_handler = end };
	struct rlimit limit;

	sigaction(SIGTERM, &a, NULL);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (argc == 3 && strcmp(argv[1], "-s") == 0)
		return run_server(strtoul(argv[2], NULL, 10));
	if (argc == 5 && strtoul(argv[3], NULL, 10) > 0)
		return run_clients((unsigned)strtoul(argv[1], NULL, 10), argv[2], strtoul(argv[3], NULL, 10), argv[4]);
	fprintf(stderr, "usage: pollers PORT TARGET CLIENTS FILE\n       pollers -s BYTES\n");
	return 2;
}
