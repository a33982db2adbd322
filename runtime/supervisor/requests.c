/* requests.c - see requests.h. SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "logline.h"
#include "memory.h"

enum {
	TELL_MS = 100,			/* how often a client is told how many are open */
	CODE_USAGE = 2, CODE_NOT_FOUND = 4, CODE_CONFLICT = 5	/* of enum exit_code, for the command */
};

static bool drains(const struct requests *r)
{
	return r->crew->lives.phase >= RUN_DRAINING;
}

void request_refuse(struct requests *r, struct desk_client *client, int code, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	desk_say(&r->desk, client, "error %d %s", code, text);
	desk_show_out(&r->desk, client);
}

void request_done(struct requests *r, struct desk_client *client)
{
	desk_say(&r->desk, client, "ok");
	desk_show_out(&r->desk, client);
}

/* ---- look, done -------------------------------------------------------------------- */

static void look(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	(void)arguments;
	visit_look(&r->visit, client, now_ns);
}

static void wait_to_look(struct requests *r, struct desk_client *client, uint64_t now_ns)
{
	visit_look(&r->visit, client, now_ns);
}

static void done(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	(void)arguments, (void)now_ns;
	if (r->visit.visitor == client)
		visit_done(&r->visit);
	else
		desk_show_out(&r->desk, client);
}

static void looked(struct requests *r, struct desk_client *client)
{
	visit_gone(&r->visit, client);
}

/* ---- activate, deactivate ---------------------------------------------------------- */

static void set_active(struct requests *r, struct desk_client *client, bool active)
{
	if (drains(r))
		request_refuse(r, client, CODE_CONFLICT, "it is ending");
	else
		lives_activate(&r->crew->lives, active);
}

static void activate(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	(void)arguments, (void)now_ns;
	set_active(r, client, true);
}

static void deactivate(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	(void)arguments, (void)now_ns;
	set_active(r, client, false);
}

/* Done is what lists can show. Until then the client hears that it is not forgotten. */
static void wait_for_start(struct requests *r, struct desk_client *client, uint64_t now_ns)
{
	if (drains(r))
		request_refuse(r, client, CODE_CONFLICT, "it is ending");
	else if (r->crew->lives.phase != RUN_STARTING)
		request_done(r, client);
	else if (now_ns - r->told_ns >= TELL_MS * NS_PER_MS)
		desk_say(&r->desk, client, "starting");
}

static bool awaits_start(const struct requests *r)
{
	for (int i = 0; i < DESK_CLIENTS; i++) {
		const struct desk_client *client = &r->desk.clients[i];
		const struct request_kind *kind = client->fd >= 0 ? client->request : NULL;

		if (kind != NULL && kind->turn == wait_for_start)
			return true;
	}
	return false;
}

/* ---- stop, kill -------------------------------------------------------------------- */

void requests_end(struct requests *r, uint64_t ms, uint64_t now_ns)
{
	uint64_t end_ns = now_ns + ms * NS_PER_MS;

	if (!r->ends || end_ns < r->end_ns)
		r->end_ns = end_ns;
	r->ends = true;
	lives_drain(&r->crew->lives, !crew_bounded(r->crew), now_ns);
}

/* read_ms reads the only argument. */
static bool read_ms(const char *arguments, uint64_t *ms)
{
	char *end;

	*ms = strtoull(arguments, &end, 10);
	return end != arguments && *end == '\0' && arguments[0] != '-' && *ms < UINT32_MAX;
}

static void stop(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	uint64_t ms;

	if (!read_ms(arguments, &ms))
		request_refuse(r, client, CODE_USAGE, "\"%s\" is no number of milliseconds", arguments);
	else
		requests_end(r, ms, now_ns);
}

static void forget(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	stop(r, client, arguments, now_ns);
	r->forget |= r->ends;
}

static void tell_open(struct requests *r, struct desk_client *client, uint64_t now_ns)
{
	if (now_ns - r->told_ns >= TELL_MS * NS_PER_MS)
		desk_say(&r->desk, client, "open %" PRIu64, crew_pending(r->crew));
}

/* give_up stops what has not been done in time. */
static void give_up(struct requests *r, uint64_t now_ns)
{
	if (!r->ends || now_ns < r->end_ns || r->crew->lives.phase != RUN_DRAINING)
		return;
	r->given_up = crew_pending(r->crew);
	lives_stop(&r->crew->lives, now_ns);
}

/* ---- rebalance --------------------------------------------------------------------- */

static void plan_moves(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	mover_begin(&r->mover, client, 0, true, arguments, now_ns);
}

static void move(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	char *wanted = arguments + strcspn(arguments, " ");
	uint64_t ms = MOVER_DEFAULT;

	if (*wanted != '\0')
		*wanted++ = '\0';
	if (strcmp(arguments, "usual") == 0 || read_ms(arguments, &ms))
		mover_begin(&r->mover, client, ms, false, wanted, now_ns);
	else
		request_refuse(r, client, CODE_USAGE, "\"%s\" is no number of milliseconds", arguments);
}

static void moved(struct requests *r, struct desk_client *client)
{
	mover_gone(&r->mover, client);
}

/* ---- log-level --------------------------------------------------------------------- */

static void set_level(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	const struct topology *t = r->crew->plan->topology;
	char *rest = NULL, *name = strtok_r(arguments, " ", &rest), *word = strtok_r(NULL, " ", &rest);
	bool all = name != NULL && strcmp(name, "*") == 0;
	int component = name != NULL && !all ? topology_find(t, name) : -1;
	gale_level level;
	uint64_t ms;

	(void)now_ns;
	if (word == NULL || !logline_level(word, strlen(word), &level) || !read_ms(rest, &ms)) {
		request_refuse(r, client, CODE_USAGE, "it does not understand how log-level is meant");
	} else if (!all && component < 0) {
		request_refuse(r, client, CODE_NOT_FOUND, "it has no component \"%s\"", name);
	} else {
		outlet_say(r->crew->outlet, "the log level of %s is %s now%s", all ? "all components" : name,
		    logline_levels[level], ms > 0 ? ", for a while" : "");
		crew_set_level(r->crew, all ? UINT32_MAX : (uint32_t)component, level, ms);
		request_done(r, client);
	}
}

/* ---- tap, trace -------------------------------------------------------------------- */

static void tap(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	struct error e;
	int code = inquiries_tap(&r->inquiries, client->fd, arguments, &e);

	(void)now_ns;
	if (code != 0)
		request_refuse(r, client, code, "%s", e.text);
	else
		desk_hand_over(client);
}

static void trace(struct requests *r, struct desk_client *client, char *arguments, uint64_t now_ns)
{
	struct error e;
	int code = inquiries_trace(&r->inquiries, client->fd, arguments, &e);

	(void)now_ns;
	if (code != 0)
		request_refuse(r, client, code, "%s", e.text);
	else
		desk_hand_over(client);
}

/* ---- all of them ------------------------------------------------------------------- */

static const struct request_kind kinds[] = {
	{ "look", look, wait_to_look, looked },
	{ "done", done, NULL, looked },
	{ "activate", activate, wait_for_start, NULL },
	{ "deactivate", deactivate, wait_for_start, NULL },
	{ "rebalance", move, NULL, moved },
	{ "rebalance-plan", plan_moves, NULL, moved },
	{ "stop", stop, tell_open, NULL },
	{ "kill", forget, tell_open, NULL },
	{ "log-level", set_level, NULL, NULL },
	{ "tap", tap, NULL, NULL },
	{ "trace", trace, NULL, NULL },
};

static const struct request_kind *kind_of(const char *word)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].word, word) == 0)
			return &kinds[i];
	return NULL;
}

/* may_say: a client has one request. Only who looks says, too, that it is done. */
static bool may_say(const struct desk_client *client, const struct request_kind *kind)
{
	const struct request_kind *before = client->request;

	return before == NULL || (before->begin == look && kind->begin == done);
}

static void said(void *arg, struct desk_client *client, char *text)
{
	struct requests *r = arg;
	char *arguments = text + strcspn(text, " ");
	const struct request_kind *kind;

	if (*arguments != '\0')
		*arguments++ = '\0';
	kind = kind_of(text);
	if (kind == NULL) {
		request_refuse(r, client, CODE_USAGE, "it does not know \"%.40s\": it is another version of gale", text);
		return;
	}
	if (!may_say(client, kind)) {
		request_refuse(r, client, CODE_USAGE, "one request at a time");
		return;
	}
	client->request = (void *)(uintptr_t)kind;
	kind->begin(r, client, arguments, clock_now_ns());
}

static void gone(void *arg, struct desk_client *client)
{
	const struct request_kind *kind = client->request;

	if (kind != NULL && kind->gone != NULL)
		kind->gone(arg, client);
}

int requests_open(struct requests *r, struct crew *crew, const char *state_dir, struct error *e)
{
	static const struct desk_ops ops = { .said = said, .gone = gone };

	*r = (struct requests){ .crew = crew };
	r->visit = (struct visit){ .crew = crew, .desk = &r->desk };
	mover_init(&r->mover, crew, &r->desk);
	inquiries_init(&r->inquiries, crew);
	return desk_open(&r->desk, state_dir, &ops, r, e);
}

/* last_word tells CLIENT that all is over, and what it came to if it waits for that. */
static void last_word(struct requests *r, struct desk_client *client)
{
	const struct request_kind *kind = client->request;

	if (client->fd < 0 || kind == NULL)
		return;
	if (kind->turn != tell_open)
		desk_say(&r->desk, client, "error %d it has ended meanwhile", CODE_CONFLICT);
	else if (r->crew->lives.failed)
		desk_say(&r->desk, client, "error 1 %s", r->crew->why.text);
	else
		desk_say(&r->desk, client, "ok %" PRIu64, r->given_up);
}

void requests_close(struct requests *r)
{
	mover_turn(&r->mover, clock_now_ns());
	for (int i = 0; i < DESK_CLIENTS; i++)
		last_word(r, &r->desk.clients[i]);
	inquiries_close(&r->inquiries);
	desk_close(&r->desk);
	mover_free(&r->mover);
}

void requests_fill_polls(const struct requests *r, struct pollfd *p)
{
	desk_fill_polls(&r->desk, p);
	inquiries_fill_polls(&r->inquiries, p + DESK_POLLS);
}

void requests_serve(struct requests *r, const struct pollfd *p, uint64_t now_ns)
{
	inquiries_serve(&r->inquiries, p + DESK_POLLS, now_ns);
	desk_serve(&r->desk, p);
	visit_turn(&r->visit, now_ns);
	give_up(r, now_ns);
}

void requests_answer(struct requests *r, uint64_t now_ns)
{
	for (int i = 0; i < DESK_CLIENTS; i++) {
		struct desk_client *client = &r->desk.clients[i];
		const struct request_kind *kind = client->fd >= 0 ? client->request : NULL;

		if (kind != NULL && kind->turn != NULL)
			kind->turn(r, client, now_ns);
	}
	if (now_ns - r->told_ns >= TELL_MS * NS_PER_MS)
		r->told_ns = now_ns;
	mover_turn(&r->mover, now_ns);
}

uint64_t requests_deadline(const struct requests *r)
{
	uint64_t next = visit_deadline(&r->visit), inquiry = inquiries_deadline(&r->inquiries);
	uint64_t move = mover_deadline(&r->mover, clock_now_ns());

	if (move != 0 && (next == 0 || move < next))
		next = move;
	if (inquiry != 0 && (next == 0 || inquiry < next))
		next = inquiry;
	if (!r->ends && !awaits_start(r))
		return next;
	/* Somebody is told how it goes on. */
	if (next == 0 || r->told_ns + TELL_MS * NS_PER_MS < next)
		next = r->told_ns + TELL_MS * NS_PER_MS;
	return r->ends && r->crew->lives.phase == RUN_DRAINING && r->end_ns < next ? r->end_ns : next;
}
