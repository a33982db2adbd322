/* wild.c - sends a server what no client should, for a while. SPDX-License-Identifier: Apache-2.0
 *
 *     wild PORT PID SECONDS RSS_MIB PATIENCE_MS SECRET...
 *
 * PID is the server, on PORT of 127.0.0.1. Ends with 1, with what was sent in the file
 * wild.request, when
 *
 *     /healthz does not answer with 200 within PATIENCE_MS; each 32 requests it is asked
 *     an answer is a 500 or 502, or holds one of the SECRETs
 *     an action without a token, or with a wrong one, is answered by anything but a refusal
 *     the server's memory grows beyond RSS_MIB
 *
 * The seed is printed; GALE_SEED=N has it again, as far as time allows.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../seed.h"
#include "request.h"

enum {
	KEPT = 1 << 20,		/* bytes of answers that are looked at */
	QUIET_MS = 5,		/* no more comes: it is over */
	CROWD = 1600,		/* connections at once, more than the server takes */
	EACH = 32		/* requests between two looks at the server's health */
};

struct wild {
	unsigned port;
	long pid, patience_ms, rss_kib, most_kib;
	char **secrets;
	struct request request;
	char *answer;		/* KEPT bytes */
	size_t n;
	unsigned long done, statuses[600];
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static _Noreturn void wrong(const struct wild *w, const char *what)
{
	FILE *f = fopen("wild.request", "we");

	if (f != NULL) {
		fwrite(w->request.data, 1, w->request.n, f);
		fclose(f);
	}
	fprintf(stderr, "wild: request %lu: %s; it is in wild.request; the answer:\n%.*s\n", w->done, what,
	    w->n < 600 ? (int)w->n : 600, w->answer);
	exit(1);
}

/* ---- one connection ---------------------------------------------------------------- */

/* reach connects; -1: nobody takes it within the time. */
static int reach(const struct wild *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t n = sizeof error;

	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && (errno != EINPROGRESS ||
	    poll(&p, 1, (int)w->patience_ms) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* hear reads what is there; false: no more comes on this connection. */
static bool hear(struct wild *w, int fd)
{
	char rest[65536];
	bool room = w->n < KEPT;
	ssize_t n = room ? recv(fd, w->answer + w->n, KEPT - w->n, 0) : recv(fd, rest, sizeof rest, 0);

	if (n > 0 && room)
		w->n += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* tell sends DATA in pieces of at most PIECE bytes, hearing meanwhile; false: the server has closed,
 * or takes no more. */
static bool tell(struct wild *w, int fd, const char *data, size_t n, size_t piece)
{
	long until = now_ms() + w->patience_ms;

	while (n > 0 && now_ms() < until) {
		struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
		ssize_t sent;

		poll(&p, 1, (int)w->patience_ms);
		if (p.revents & (POLLIN | POLLHUP | POLLERR) && !hear(w, fd))
			return false;
		if ((p.revents & POLLOUT) == 0)
			continue;
		sent = send(fd, data, n < piece ? n : piece, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		}
	}
	return n == 0;
}

/* listen_on hears until nothing has come for QUIET_MS, or, if SURELY, until something has come. */
static void listen_on(struct wild *w, int fd, bool surely)
{
	long until = now_ms() + w->patience_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (now_ms() < until) {
		int wait_ms = surely && w->n == 0 ? (int)(until - now_ms()) : QUIET_MS;

		if (poll(&p, 1, wait_ms > 0 ? wait_ms : 0) <= 0 || !hear(w, fd))
			return;
	}
}

/* leave ends the connection, in one of the ways in which clients do. */
static void leave(struct wild *w, int fd, uint64_t *random, bool surely)
{
	struct linger now = { .l_onoff = 1 };

	if (!surely && pick(random, 6) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	} else {
		if (pick(random, 2))
			shutdown(fd, SHUT_WR);
		listen_on(w, fd, surely);
	}
	close(fd);
}

/* ---- what must be true ------------------------------------------------------------- */

static bool holds(const struct wild *w, const char *text)
{
	return memmem(w->answer, w->n, text, strlen(text)) != NULL;
}

/* note_statuses counts the statuses that were answered. */
static void note_statuses(struct wild *w)
{
	static const char start[] = "HTTP/1.1 ";
	const char *at = w->answer, *end = w->answer + w->n;

	while ((at = memmem(at, (size_t)(end - at), start, sizeof start - 1)) != NULL) {
		unsigned long status;

		at += sizeof start - 1;
		if (end - at < 4)
			return;
		status = strtoul(at, NULL, 10);
		w->statuses[status < 600 ? status : 0]++;
		if (status == 500 || status == 502)
			wrong(w, "the server has failed");
	}
}

static void judge(struct wild *w)
{
	note_statuses(w);
	for (char **s = w->secrets; *s != NULL; s++)
		if (holds(w, *s))
			wrong(w, "the answer holds a secret");
	if (!w->request.posts)
		return;
	if (w->n == 0)
		wrong(w, "an action has no answer");
	if (!holds(w, "HTTP/1.1 401") && !holds(w, "HTTP/1.1 403") && !holds(w, "HTTP/1.1 404"))
		wrong(w, "an action without the token is not refused");
}

static void check_memory(struct wild *w)
{
	char path[64];
	long pages = 0, kib;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/statm", w->pid);
	f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%*d %ld", &pages) != 1)
		wrong(w, "the server has gone");
	fclose(f);
	kib = pages * (sysconf(_SC_PAGESIZE) / 1024);
	if (kib > w->most_kib)
		w->most_kib = kib;
	if (kib > w->rss_kib)
		wrong(w, "the server's memory has grown too much");
}

/* check_health: the server answers somebody who behaves. */
static void check_health(struct wild *w)
{
	char text[128];
	int n = snprintf(text, sizeof text, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n", w->port);
	int fd = reach(w);

	check_memory(w);
	w->n = 0;
	if (fd < 0)
		wrong(w, "the server takes no connection");
	if (!tell(w, fd, text, (size_t)n, SIZE_MAX))
		wrong(w, "the server does not read");
	listen_on(w, fd, true);
	close(fd);
	if (!holds(w, "HTTP/1.1 200 "))
		wrong(w, "/healthz is not answered");
}

/* ---- what is done ------------------------------------------------------------------ */

static void once(struct wild *w, uint64_t *random)
{
	size_t piece = pick(random, 4) ? SIZE_MAX : 1 + pick(random, 2000);
	int fd;

	request_make(&w->request, random, w->port);
	if (w->request.n / 1000 > piece)
		piece = SIZE_MAX;	/* one byte at a time of many would take too long */
	w->n = 0;
	fd = reach(w);
	if (fd < 0)
		wrong(w, "the server takes no connection");
	tell(w, fd, w->request.data, w->request.n, piece);
	leave(w, fd, random, w->request.posts);
	judge(w);
	w->done++;
}

/* crowd opens more connections than the server takes, half a request on each, and goes. */
static void crowd(struct wild *w)
{
	static int fds[CROWD];
	struct rlimit limit;
	size_t n = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	while (n < CROWD && (fds[n] = reach(w)) >= 0) {
		send(fds[n], "GET / HTTP/1.1\r\nHos", 19, MSG_NOSIGNAL);
		n++;
	}
	printf("wild: %zu connections at once\n", n);
	while (n > 0)
		close(fds[--n]);
	check_health(w);
}

static void report(const struct wild *w, double seconds)
{
	printf("wild: %lu requests in %.1f s, at most %ld MiB; answers", w->done, seconds, w->most_kib / 1024);
	for (size_t i = 0; i < sizeof w->statuses / sizeof *w->statuses; i++)
		if (w->statuses[i] > 0)
			printf(" %zu:%lu", i, w->statuses[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	struct wild w = { .answer = malloc(KEPT) };
	uint64_t random;
	long began, until;

	if (argc < 6 || w.answer == NULL) {
		fprintf(stderr, "usage: wild PORT PID SECONDS RSS_MIB PATIENCE_MS SECRET...\n");
		return 2;
	}
	w.port = (unsigned)strtoul(argv[1], NULL, 10);
	w.pid = strtol(argv[2], NULL, 10);
	w.rss_kib = 1024 * strtol(argv[4], NULL, 10);
	w.patience_ms = strtol(argv[5], NULL, 10);
	w.secrets = argv + 6;
	random = test_seed();
	began = now_ms();
	until = began + 1000 * strtol(argv[3], NULL, 10);
	check_health(&w);
	crowd(&w);
	while (now_ms() < until) {
		once(&w, &random);
		if (w.done % EACH == 0)
			check_health(&w);
	}
	check_health(&w);
	report(&w, (double)(now_ms() - began) / 1000);
	request_free(&w.request);
	free(w.answer);
	return 0;
}
