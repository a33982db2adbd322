/* pollers.c - clients of the web server: N connections to 127.0.0.1:PORT, each of which asks for PATH every
 * MS milliseconds, for SECONDS; the first requests are spread over that time.
 *
 *     test/pollers PORT PATH N MS SECONDS
 *
 * Prints "ANSWERS P50_MS P99_MS": answers with 200, and how long they took. Ends with 1 when there was
 * another answer or a connection was lost.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "memory.h"

enum { HEAD_MAX = 4096, TIMES_MAX = 1 << 20 };

struct poller {
	int fd;
	uint64_t next_ns, asked_ns;	/* asked_ns 0: it waits for its next turn */
	char head[HEAD_MAX];
	size_t n_head, body_left;
	int in_body;
};

static struct poller *pollers;
static size_t n_pollers, n_times;
static double times_ms[TIMES_MAX];
static uint64_t interval_ns, end_ns;
static char *request;
static int poll_fd;

static void open_one(struct poller *p, uint16_t port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = p };

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		die("cannot connect: %s", strerror(errno));
	if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, p->fd, &want) != 0)
		die("epoll: %s", strerror(errno));
}

static void ask(struct poller *p, uint64_t now_ns)
{
	size_t n = strlen(request);

	if (send(p->fd, request, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("a connection was lost: %s", strerror(errno));
	p->asked_ns = now_ns;
	p->next_ns += interval_ns;
	p->n_head = 0;
	p->in_body = 0;
}

static void done(struct poller *p)
{
	if (n_times < TIMES_MAX)
		times_ms[n_times++] = (double)(clock_now_ns() - p->asked_ns) / NS_PER_MS;
	p->asked_ns = 0;
}

/* take_head: the head is whole at END. */
static void take_head(struct poller *p, const char *end)
{
	const char *length = strcasestr(p->head, "content-length:");

	if (strncmp(p->head, "HTTP/1.1 200 ", 13) != 0 || length == NULL)
		die("it answers: %.200s", p->head);
	p->in_body = 1;
	p->body_left = (size_t)strtoull(length + 15, NULL, 10) - (p->n_head - (size_t)(end - p->head));
}

static void hear(struct poller *p)
{
	static char block[65536];
	char *to = p->in_body ? block : p->head + p->n_head, *end;
	size_t room = p->in_body ? sizeof block : HEAD_MAX - 1 - p->n_head;
	ssize_t n = recv(p->fd, to, room, 0);

	if (n <= 0)
		die("a connection was lost");
	if (p->in_body) {
		p->body_left -= (size_t)n;
	} else {
		p->n_head += (size_t)n;
		p->head[p->n_head] = '\0';
		end = strstr(p->head, "\r\n\r\n");
		if (end != NULL)
			take_head(p, end + 4);
	}
	if (p->in_body && p->body_left == 0)
		done(p);
}

static void run(void)
{
	struct epoll_event events[256];
	uint64_t now;

	while ((now = clock_now_ns()) < end_ns) {
		int n = epoll_wait(poll_fd, events, 256, 5);

		for (int i = 0; i < n; i++)
			hear(events[i].data.ptr);
		now = clock_now_ns();
		for (size_t i = 0; i < n_pollers; i++)
			if (pollers[i].asked_ns == 0 && pollers[i].next_ns <= now)
				ask(&pollers[i], now);
	}
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	uint64_t now = clock_now_ns();

	if (argc != 6)
		die("usage: pollers PORT PATH N MS SECONDS");
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	n_pollers = strtoul(argv[3], NULL, 10);
	pollers = xcalloc(n_pollers, sizeof *pollers);
	interval_ns = strtoull(argv[4], NULL, 10) * NS_PER_MS;
	request = xasprintf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", argv[2], argv[1]);
	for (size_t i = 0; i < n_pollers; i++) {
		open_one(&pollers[i], (uint16_t)strtoul(argv[1], NULL, 10));
		pollers[i].next_ns = now + interval_ns * i / n_pollers;
	}
	end_ns = clock_now_ns() + strtoull(argv[5], NULL, 10) * NS_PER_S;
	run();
	qsort(times_ms, n_times, sizeof *times_ms, by_time);
	if (n_times == 0)
		die("there was no answer");
	printf("%zu %.2f %.2f\n", n_times, times_ms[n_times / 2], times_ms[n_times * 99 / 100]);
	return 0;
}
