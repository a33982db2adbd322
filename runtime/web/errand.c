/* errand.c - see errand.h. SPDX-License-Identifier: Apache-2.0 */
#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "exitcode.h"
#include "memory.h"

enum {
	STEP_MS = 10,		/* between two looks at what nobody tells us of */
	ANSWERS = 16		/* of one errand, taken in a turn */
};

enum stage {
	CONNECTING,		/* there is no desk yet */
	TALKING,
	PARTING,		/* it has hung up: does it end, or has it thrown us out? */
	OVER			/* to be freed */
};

struct errand {
	struct errands *all;
	struct errand *next;
	struct home home;	/* to look whether it lives: name and fd alone are used */
	int fd;			/* of the conversation; -1 unless TALKING */
	enum stage stage;
	char *request;
	uint32_t patience_ms;
	uint64_t deadline_ns;	/* of the stage */
	uint64_t look_ns;	/* when to look again at what nobody tells us of */
	const struct errand_ops *ops;
	void *arg;
};

int errands_open(struct errands *all, struct error *e)
{
	*all = (struct errands){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	return all->fd >= 0 ? 0 : error_errno(e, "cannot make a descriptor to talk to supervisors (epoll)");
}

/* hang_up ends the conversation, if there is one. Closing alone would leave it on the epoll for as long as a
 * child that was just forked has it. */
static void hang_up(struct errand *e)
{
	if (e->fd < 0)
		return;
	epoll_ctl(e->all->fd, EPOLL_CTL_DEL, e->fd, NULL);
	close(e->fd);
	e->fd = -1;
}

static void errand_free(struct errand *e)
{
	hang_up(e);
	home_close(&e->home);
	free(e->request);
	free(e);
}

void errands_close(struct errands *all)
{
	struct errand *next;

	for (struct errand *e = all->list; e != NULL; e = next) {
		next = e->next;
		errand_free(e);
	}
	if (all->fd >= 0)
		close(all->fd);
	*all = (struct errands){ .fd = -1 };
}

/* The list is cleaned at the end of errands_serve: nobody walks it then. */
void errand_cancel(struct errand *e)
{
	hang_up(e);
	e->stage = OVER;
}

static void end(struct errand *e, int code, const char *text)
{
	errand_cancel(e);
	e->ops->ended(e->arg, code, text);
}

static void set_deadline(struct errand *e, uint32_t ms, uint64_t now_ns)
{
	e->deadline_ns = now_ns + (uint64_t)ms * NS_PER_MS;
}

struct errand *errand_begin(struct errands *all, const struct home *h, const char *request, uint32_t patience_ms,
    const struct errand_ops *ops, void *arg)
{
	struct errand *e = xcalloc(1, sizeof *e);

	*e = (struct errand){
		.all = all,
		.next = all->list,
		.home = { .name = xstrdup(h->name), .fd = -1 },
		.fd = -1,
		.request = xstrdup(request),
		.patience_ms = patience_ms,
		.ops = ops,
		.arg = arg,
	};
	/* Not a duplicate: what shares H's open file would share its lock. */
	e->home.fd = openat(h->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	set_deadline(e, patience_ms, clock_now_ns());
	all->list = e;
	return e;
}

/* ---- stages ---- */

static bool lives(const struct errand *e)
{
	return e->home.fd >= 0 && home_lives(&e->home);
}

static void give_up(struct errand *e)
{
	struct error why;
	int code = EXIT_CONFLICT;

	if (lives(e)) {
		error_set(&why, "the supervisor of %s does not answer; \"gale list\" tells whether it lives",
		    e->home.name);
		code = EXIT_NO_ANSWER;
	} else {
		error_set(&why, "%s has ended meanwhile", e->home.name);
	}
	end(e, code, why.text);
}

/* speak says the request once there is a conversation. */
static void speak(struct errand *e, uint64_t now_ns)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = e };

	if (send(e->fd, e->request, strlen(e->request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ||
	    epoll_ctl(e->all->fd, EPOLL_CTL_ADD, e->fd, &event) != 0) {
		hang_up(e);
		give_up(e);
		return;
	}
	e->stage = TALKING;
	set_deadline(e, e->patience_ms, now_ns);
}

static void try_to_connect(struct errand *e, uint64_t now_ns)
{
	e->fd = e->home.fd >= 0 ? call_connect(e->home.fd, SOCK_NONBLOCK) : -1;
	if (e->fd >= 0)
		speak(e, now_ns);
	else if (!call_may_come(errno) || !lives(e) || now_ns >= e->deadline_ns)
		give_up(e);
}

/* take tells of one answer, N bytes of TEXT with a NUL behind them. */
static void take(struct errand *e, char *text, uint64_t now_ns)
{
	const char *rest;
	struct error why;
	int code;

	if (!call_final(text, &code, &rest)) {
		set_deadline(e, e->patience_ms, now_ns);
		if (e->ops->heard != NULL)
			e->ops->heard(e->arg, text);
		return;
	}
	if (code != EXIT_DONE)
		error_set(&why, "%s: %s", e->home.name, rest);
	end(e, code, code == EXIT_DONE ? rest : why.text);
}

/* hear takes what has been answered. No desk says more at a time than there is room for here: what does is
 * no desk that we know. */
static void hear(struct errand *e, uint64_t now_ns)
{
	static char text[CALL_TEXT_MAX];
	struct error why;

	for (int i = 0; i < ANSWERS && e->stage == TALKING; i++) {
		ssize_t n = recv(e->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n >= (ssize_t)sizeof text) {
			error_set(&why, "the supervisor of %s says what makes no sense: it is another version of gale",
			    e->home.name);
			end(e, EXIT_FAILED, why.text);
		} else if (n > 0) {
			text[n] = '\0';
			take(e, text, now_ns);
		} else {
			hang_up(e);
			e->stage = PARTING;
			set_deadline(e, CALL_ENDING_MS, now_ns);
		}
	}
}

/* ---- all of them ---- */

static uint64_t due_ns(const struct errand *e)
{
	return e->stage == TALKING || e->deadline_ns < e->look_ns ? e->deadline_ns : e->look_ns;
}

int errands_timeout_ms(const struct errands *all, uint64_t now_ns)
{
	uint64_t first = UINT64_MAX;

	for (const struct errand *e = all->list; e != NULL; e = e->next)
		if (e->stage != OVER && due_ns(e) < first)
			first = due_ns(e);
	if (first == UINT64_MAX)
		return -1;
	return first <= now_ns ? 0 : (int)((first - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static void go_on(struct errand *e, uint64_t now_ns)
{
	if (e->stage == OVER || now_ns < due_ns(e))
		return;
	e->look_ns = now_ns + (uint64_t)STEP_MS * NS_PER_MS;
	if (e->stage == CONNECTING)
		try_to_connect(e, now_ns);
	else if (e->stage == TALKING || !lives(e) || now_ns >= e->deadline_ns)
		give_up(e);
}

static void bury(struct errands *all)
{
	for (struct errand **at = &all->list, *e; (e = *at) != NULL; ) {
		if (e->stage != OVER) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		errand_free(e);
	}
}

void errands_serve(struct errands *all, uint64_t now_ns)
{
	struct epoll_event events[16];
	int n = epoll_wait(all->fd, events, 16, 0);

	for (int i = 0; i < n; i++)
		hear(events[i].data.ptr, now_ns);
	for (struct errand *e = all->list; e != NULL; e = e->next)
		go_on(e, now_ns);
	bury(all);
}
