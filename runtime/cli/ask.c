/* ask.c - see ask.h. SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"
#include "command.h"
#include "memory.h"
#include "nearest.h"

enum { STEP_MS = 2 };

static void say_none(const char *name)
{
	struct nearest near = nearest_to(name);
	char **names = home_names(NULL);

	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		nearest_try(&near, names[i]);
	if (near.best != NULL)
		command_say("there is no topology \"%s\"; did you mean \"%s\"?", name, near.best);
	else
		command_say("there is no topology \"%s\"; \"gale list\" tells which there are", name);
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

int ask_home(const char *name, struct home *h)
{
	struct error e;

	switch (home_open(h, name, &e)) {
	case HOME_OK:
		return EXIT_DONE;
	case HOME_NONE:
		say_none(name);
		return EXIT_NOT_FOUND;
	case HOME_FAILED:
	case HOME_LOCKED:
		break;
	}
	command_say("%s", e.text);
	return EXIT_FAILED;
}

int ask_live(const char *name, struct home *h)
{
	int code = ask_home(name, h);
	struct error e;

	if (code != EXIT_DONE || (code = call_live(h, &e)) == EXIT_DONE)
		return code;
	command_say("%s", e.text);
	home_close(h);
	return code;
}

/* A supervisor that has just been started has no socket yet, for a moment. */
static int connect_patiently(const struct home *h)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)CALL_ANSWER_MS * NS_PER_MS;
	int fd;

	while ((fd = call_connect(h->fd, 0)) < 0 && call_may_come(errno) && home_lives(h) &&
	    clock_now_ns() < deadline)
		clock_pause(STEP_MS);
	return fd;
}

/* has_ended: NAME has a home, and nobody holds it, or soon nobody will: one who ends shows clients
 * out, and then writes what it came to. */
static bool has_ended(const char *name)
{
	struct home h;
	bool gone;

	if (home_open(&h, name, NULL) != HOME_OK)
		return true;
	gone = ask_gone(&h, CALL_ENDING_MS);
	home_close(&h);
	return gone;
}

int ask_no_answer(const char *name)
{
	if (has_ended(name)) {
		command_say("%s has ended meanwhile", name);
		return EXIT_CONFLICT;
	}
	command_say("the supervisor of %s does not answer; \"gale list\" tells whether it lives", name);
	return EXIT_NO_ANSWER;
}

int ask_begin(struct ask *a, const struct home *h, const char *request)
{
	*a = (struct ask){ .fd = connect_patiently(h), .name = h->name };
	if (a->fd < 0 || send(a->fd, request, strlen(request), MSG_NOSIGNAL) < 0) {
		ask_end(a);
		return ask_no_answer(h->name);
	}
	a->text = xmalloc(CALL_TEXT_MAX);
	a->text[0] = '\0';
	return EXIT_DONE;
}

void ask_end(struct ask *a)
{
	if (a->fd >= 0)
		close(a->fd);
	free(a->text);
	a->fd = -1;
	a->text = NULL;
}

int ask_next(struct ask *a, int patience_ms)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, patience_ms) <= 0)
		return 0;
	n = recv(a->fd, a->text, CALL_TEXT_MAX - 1, 0);
	if (n < 0 && errno == EINTR)
		return 0;
	a->text[n > 0 ? n : 0] = '\0';
	return n > 0 ? 1 : -1;
}

bool ask_final(const struct ask *a, int *code, const char **rest)
{
	if (!call_final(a->text, code, rest))
		return false;
	if (*code != EXIT_DONE) {
		command_say("%s: %s", a->name, *rest);
		*rest = "";
	}
	return true;
}

int ask_simply(const struct home *h, const char *request)
{
	struct ask a;
	const char *rest;
	int code = ask_begin(&a, h, request), got;

	if (code != EXIT_DONE)
		return code;
	while ((got = ask_next(&a, CALL_ANSWER_MS)) == 1 && !ask_final(&a, &code, &rest))
		;	/* it says that we must wait */
	if (got != 1)
		code = ask_no_answer(h->name);
	ask_end(&a);
	return code;
}

bool ask_gone(const struct home *h, uint32_t ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)ms * NS_PER_MS;

	while (home_lives(h)) {
		if (clock_now_ns() >= deadline)
			return false;
		clock_pause(STEP_MS);
	}
	return true;
}
