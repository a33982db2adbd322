/* errand.c - see errand.h. SPDX-License-Identifier: Apache-2.0 */
#include "errand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "exitcode.h"
#include "memory.h"

enum { STEP_MS = 10 };		/* between two looks at what nobody tells us of */

enum stage {
	CONNECTING,		/* there may be no desk yet */
	TALKING,
	PARTING			/* it has hung up: does it end, or has it thrown us out? */
};

struct errand {
	struct watches *all;
	struct watch watch;
	struct home home;	/* to look whether it lives: name and fd alone are used */
	int fd;			/* of the conversation; -1 unless TALKING */
	enum stage stage;
	char *request;
	uint32_t patience_ms;
	uint64_t deadline_ns;	/* of a stage other than TALKING */
	const struct errand_ops *ops;
	void *arg;
};

static uint64_t in_ms(uint32_t ms)
{
	return clock_now_ns() + (uint64_t)ms * NS_PER_MS;
}

static void hang_up(struct errand *e)
{
	watch_end(&e->watch);
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
}

void errand_cancel(struct errand *e)
{
	hang_up(e);
	home_close(&e->home);
	free(e->request);
	free(e);
}

void errand_patience(struct errand *e, uint32_t ms)
{
	e->patience_ms = ms;
	if (e->stage == TALKING)
		e->watch.deadline_ns = in_ms(ms);
}

/* end is the last thing that is done with E. */
static void end(struct errand *e, int code, const char *text)
{
	const struct errand_ops *ops = e->ops;
	void *arg = e->arg;

	errand_cancel(e);
	ops->ended(arg, code, text);
}

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

/* ---- stages ---- */

static void ready(void *arg, uint32_t events);

/* wait_for waits for FD, if it is not -1, until then. */
static void wait_for(struct errand *e, int fd, uint64_t deadline_ns)
{
	struct error why;

	watch_end(&e->watch);
	e->watch = (struct watch){ .fd = fd, .deadline_ns = deadline_ns, .ready = ready, .arg = e };
	if (watch_begin(e->all, &e->watch, EPOLLIN, &why) != 0)
		end(e, EXIT_FAILED, why.text);
}

static void look_again(struct errand *e)
{
	uint64_t step_ns = in_ms(STEP_MS);

	if (clock_now_ns() >= e->deadline_ns)
		give_up(e);
	else
		wait_for(e, -1, step_ns < e->deadline_ns ? step_ns : e->deadline_ns);
}

static void try_to_connect(struct errand *e)
{
	e->fd = e->home.fd >= 0 ? call_connect(e->home.fd, SOCK_NONBLOCK) : -1;
	if (e->fd < 0) {
		if (e->home.fd >= 0 && call_may_come(errno) && lives(e))
			look_again(e);
		else
			give_up(e);
	} else if (send(e->fd, e->request, strlen(e->request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		give_up(e);
	} else {
		e->stage = TALKING;
		wait_for(e, e->fd, in_ms(e->patience_ms));
	}
}

/* take tells of one answer. */
static void take(struct errand *e, const char *text)
{
	const char *rest;
	struct error why;
	int code;

	if (!call_final(text, &code, &rest)) {
		e->watch.deadline_ns = in_ms(e->patience_ms);
		if (e->ops->heard != NULL)
			e->ops->heard(e->arg, text);
		return;
	}
	if (code != EXIT_DONE)
		error_set(&why, "%s: %s", e->home.name, rest);
	end(e, code, code == EXIT_DONE ? rest : why.text);
}

/* hear takes an answer. No desk says more at a time than there is room for here: what does is no desk that
 * we know. */
static void hear(struct errand *e)
{
	static char text[CALL_TEXT_MAX];
	ssize_t n = recv(e->fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_TRUNC);
	struct error why;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= (ssize_t)sizeof text) {
		error_set(&why, "the supervisor of %s says what makes no sense: it is another version of gale",
		    e->home.name);
		end(e, EXIT_FAILED, why.text);
	} else if (n > 0) {
		text[n] = '\0';
		take(e, text);
	} else {
		hang_up(e);
		e->stage = PARTING;
		e->deadline_ns = in_ms(CALL_ENDING_MS);
		look_again(e);
	}
}

static void ready(void *arg, uint32_t events)
{
	struct errand *e = arg;

	if (e->stage == CONNECTING)
		try_to_connect(e);
	else if (e->stage == TALKING && events != 0)
		hear(e);
	else if (e->stage == TALKING || !lives(e))
		give_up(e);
	else
		look_again(e);
}

struct errand *errand_begin(struct watches *ws, const struct home *h, const char *request, uint32_t patience_ms,
    const struct errand_ops *ops, void *arg)
{
	struct errand *e = xmalloc(sizeof *e);

	*e = (struct errand){
		.all = ws,
		.home = { .name = xstrdup(h->name), .fd = -1 },
		.fd = -1,
		.request = xstrdup(request),
		.patience_ms = patience_ms,
		.deadline_ns = in_ms(patience_ms),
		.ops = ops,
		.arg = arg,
	};
	/* Not a duplicate: what shares H's open file would share its lock. */
	e->home.fd = openat(h->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	e->watch = (struct watch){ .fd = -1, .deadline_ns = clock_now_ns(), .ready = ready, .arg = e };
	watch_begin(ws, &e->watch, 0, NULL);	/* can't fail: there is no descriptor */
	return e;
}
