/* actions.c - see actions.h. SPDX-License-Identifier: Apache-2.0 */
#include "actions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "clock.h"
#include "errand.h"
#include "exitcode.h"
#include "farewell.h"
#include "logline.h"
#include "member.h"
#include "memory.h"
#include "refusal.h"
#include "site.h"

enum {
	STEP_MS = 60000,	/* the longest that a step of a rebalance may take */
	LOOK_STEP_MS = 10,	/* between two looks whether a supervisor is gone */
	MOST_EXECUTORS = 1000000,
	MOST_NAME = 1024	/* bytes: no component's is so long, and more may be no request */
};
static const double most_seconds = 1e6;

/* One that is under way. */
struct action {
	struct exchange *x;
	struct site *site;
	struct target target;
	const char *operation;
	struct errand *errand;		/* NULL: none is under way */
	struct buf requests;		/* still to be said, each with a NUL behind it */
	size_t said;			/* of those: so many bytes */
	struct buf plan, message;	/* for the answer */
	uint64_t given_up;
	uint32_t long_ms;		/* the patience once the supervisor has said something; 0: the same */
	bool heard;
	bool kills;
	int code;			/* of a kill, while the supervisor is on its way out */
	struct watch watch;		/* until it is gone */
	uint64_t gone_by_ns;
};

static void action_free(struct action *a)
{
	if (a->errand != NULL)
		errand_cancel(a->errand);
	watch_end(&a->watch);
	target_free(&a->target);
	buf_free(&a->requests);
	buf_free(&a->plan);
	buf_free(&a->message);
	free(a);
}

static void client_gone(void *arg)
{
	action_free(arg);
}

/* ---- answers ---- */

/* give_up answers that the exit code CODE came out, and why. It ends A. */
static void give_up(struct action *a, int code, const char *why)
{
	looks_renew(a->site->looks);	/* it may be done all the same */
	refuse(a->x, code, why);
	action_free(a);
}

/* succeed ends A. */
static void succeed(struct action *a)
{
	struct buf out = { 0 };

	buf_puts(&out, "{");
	member_text(&out, "topologyOperation", a->operation);
	member_text(&out, "topologyId", a->target.id);
	member_text(&out, "status", "success");
	if (a->plan.n > 0)
		member_text(&out, "plan", buf_text(&a->plan));
	if (a->given_up > 0)
		member_count(&out, "givenUp", a->given_up);
	if (a->message.n > 0)
		member_text(&out, "message", buf_text(&a->message));
	buf_puts(&out, "}\n");
	looks_renew(a->site->looks);
	exchange_json(a->x, 200, &out);
	action_free(a);
}

static void add_message(struct action *a, const char *text)
{
	if (*text == '\0')
		return;
	buf_puts(&a->message, a->message.n > 0 ? "; " : "");
	buf_puts(&a->message, text);
}

/* ---- the end of a kill ---- */

/* bid_farewell: the supervisor is gone, or there was none. */
static void bid_farewell(struct action *a)
{
	struct error why = { "" };
	int code = a->target.homeless ? a->code : farewell_after(a->target.home.name, a->code, &why);

	if (code != EXIT_DONE && code != EXIT_TIMED_OUT) {
		give_up(a, code, why.text[0] != '\0' ? why.text : buf_text(&a->message));
		return;
	}
	add_message(a, why.text);
	if (!a->target.homeless && farewell_kept(&a->target.home, &why))
		add_message(a, why.text);
	succeed(a);
}

/* look_whether_gone is called now and then. */
static void look_whether_gone(void *arg, uint32_t events)
{
	struct action *a = arg;
	uint64_t now = clock_now_ns();
	struct error why;

	(void)events;
	if (!home_lives(&a->target.home)) {
		bid_farewell(a);
	} else if (now >= a->gone_by_ns) {
		error_set(&why, "the supervisor of %s does not end", a->target.home.name);
		give_up(a, EXIT_NO_ANSWER, why.text);
	} else {
		a->watch.deadline_ns = now + (uint64_t)LOOK_STEP_MS * NS_PER_MS;
	}
}

/* await_end: the supervisor has said its last word, and answers CODE. */
static void await_end(struct action *a, int code, const char *text)
{
	struct error why;

	a->code = code;
	if (code == EXIT_DONE && farewell_given_up(a->target.home.name, text, &why)) {
		a->given_up = strtoull(text, NULL, 10);
		add_message(a, why.text);
		a->code = EXIT_TIMED_OUT;
	} else if (code == EXIT_CONFLICT) {
		a->code = EXIT_DONE;	/* it has ended meanwhile: nothing is left to stop */
	} else if (code != EXIT_DONE) {
		add_message(a, text);
	}
	if (a->site->only != NULL) {
		bid_farewell(a);	/* we are in it, and go with it */
		return;
	}
	a->gone_by_ns = clock_now_ns() + (uint64_t)FAREWELL_GONE_MS * NS_PER_MS;
	a->watch = (struct watch){ .fd = -1, .deadline_ns = clock_now_ns(), .ready = look_whether_gone, .arg = a };
	watch_begin(&a->site->watches, &a->watch, 0, NULL);	/* can't fail: there is no descriptor */
}

/* ---- conversations ---- */

static void say_next(struct action *a);

static void heard(void *arg, const char *text)
{
	struct action *a = arg;

	if (!a->heard && a->long_ms > 0)
		errand_patience(a->errand, a->long_ms);
	a->heard = true;
	if (strncmp(text, "plan ", 5) == 0)
		buf_puts(&a->plan, text + 5);
}

static void ended(void *arg, int code, const char *text)
{
	struct action *a = arg;
	struct error why;

	a->errand = NULL;
	if (a->kills && code != EXIT_NO_ANSWER) {
		await_end(a, code, text);
	} else if (code == EXIT_NO_ANSWER && a->heard && a->long_ms > 0) {
		error_set(&why, "%s: it takes too long; it goes on, and its log tells how", a->target.home.name);
		give_up(a, EXIT_TIMED_OUT, why.text);
	} else if (code != EXIT_DONE) {
		give_up(a, code, text);
	} else {
		add_message(a, text);
		say_next(a);
	}
}

/* say_next says the next request; after the last one all is done. */
static void say_next(struct action *a)
{
	static const struct errand_ops ops = { .heard = heard, .ended = ended };
	const char *request = a->requests.data + a->said;

	if (a->said == a->requests.n) {
		succeed(a);
		return;
	}
	a->said += strlen(request) + 1;
	a->heard = false;
	a->errand = errand_begin(&a->site->watches, &a->target.home, request, CALL_ANSWER_MS, &ops, a);
}

static void add_request(struct action *a, const char *text)
{
	buf_add(&a->requests, text, strlen(text) + 1);
}

/* action_make finds whom X is for; NULL: X has been answered. */
static struct action *action_make(struct site *site, struct exchange *x, const char *operation)
{
	struct action *a = xcalloc(1, sizeof *a);

	*a = (struct action){ .x = x, .site = site, .operation = operation };
	if (target_find(&a->target, site, x))
		return a;
	action_free(a);
	return NULL;
}

/* begin begins to say the requests of A, if there is somebody to say them to. */
static void begin(struct action *a)
{
	if (!target_alive(&a->target, a->x)) {
		action_free(a);
		return;
	}
	exchange_later(a->x, client_gone, a);
	say_next(a);
}

/* ---- activate, deactivate ---- */

static void set_active(struct site *site, struct exchange *x, const char *word)
{
	struct request_body body;
	struct action *a = request_body_read(&body, x) ? action_make(site, x, word) : NULL;

	request_body_free(&body);
	if (a == NULL)
		return;
	add_request(a, word);
	begin(a);
}

static void activate(struct site *site, struct exchange *x)
{
	set_active(site, x, "activate");
}

static void deactivate(struct site *site, struct exchange *x)
{
	set_active(site, x, "deactivate");
}

/* ---- waiting times ---- */

/* read_wait reads {wait-time} of X, in seconds, into *MS, or sets *USUAL. false: X has been answered. */
static bool read_wait(struct exchange *x, uint32_t *ms, bool *usual)
{
	const char *text = exchange_word(x, "wait-time");
	double seconds;

	*ms = 0;
	*usual = strcmp(text, "usual") == 0;
	if (*usual)
		return true;
	if (seconds_read(text, most_seconds, &seconds)) {
		*ms = (uint32_t)(seconds * 1000);
		return true;
	}
	exchange_error(x, 400, "badRequest", "the time to wait is a number of seconds, or \"usual\", not \"%s\"", text);
	return false;
}

/* ---- rebalance ---- */

/* put_executors adds " COMPONENT=N" for each that is WANTED. 0, or -1 with E set. */
static int put_executors(struct buf *request, const struct json_node *wanted, struct error *e)
{
	if (wanted->type != JSON_OBJECT || wanted->n == 0)
		return error_set(e, "\"executors\" says which component shall have how many: {\"count\": 6}");
	for (const struct json_node *x = json_first(wanted); x != NULL; x = json_next(wanted, x)) {
		if (x->type != JSON_INT || x->i < 1 || x->i > MOST_EXECUTORS)
			return error_set(e, "\"%s\" can have a number of executors from 1, not %s", x->key,
			    x->type == JSON_INT ? "this one" : json_type_name(x->type));
		if (x->key[strcspn(x->key, " =\t\r\n")] != '\0' || x->key[0] == '\0')
			return error_set(e, "there is no component \"%s\"", x->key);
		buf_printf(request, " %s=%" PRId64, x->key, x->i);
	}
	return 0;
}

/* read_options adds what rebalanceOptions in BODY say to A's REQUEST. 0, or -1 with E set. */
static int read_options(struct action *a, struct buf *request, const struct json_node *body, struct error *e)
{
	const struct json_node *options = body != NULL ? json_member(body, "rebalanceOptions") : NULL;
	const struct json_node *wanted = options != NULL && options->type == JSON_OBJECT ?
	    json_member(options, "executors") : NULL;

	if (options != NULL && options->type == JSON_OBJECT && json_member(options, "numWorkers") != NULL)
		add_message(a, "numWorkers was left out: here every executor is a process of its own");
	if (wanted == NULL)
		return error_set(e, "say which component shall have how many executors: "
		    "{\"rebalanceOptions\": {\"executors\": {\"count\": 6}}}");
	return put_executors(request, wanted, e);
}

/* move asks for a rebalance by the words of REQUEST so far, which is freed. */
static void move(struct site *site, struct exchange *x, const char *operation, struct buf *request, uint32_t ms)
{
	struct request_body body;
	struct action *a = request_body_read(&body, x) ? action_make(site, x, operation) : NULL;
	struct error e;

	if (a != NULL && read_options(a, request, body.object, &e) != 0) {
		give_up(a, EXIT_USAGE, e.text);
	} else if (a != NULL && request->n >= CALL_TEXT_MAX) {
		give_up(a, EXIT_USAGE, "these are too many components for one rebalance");
	} else if (a != NULL) {
		a->long_ms = ms + STEP_MS;
		add_request(a, buf_text(request));
		begin(a);
	}
	request_body_free(&body);
	buf_free(request);
}

static void rebalance(struct site *site, struct exchange *x)
{
	struct buf request = { 0 };
	uint32_t ms;
	bool usual;

	if (!read_wait(x, &ms, &usual))
		return;
	if (usual)
		buf_puts(&request, "rebalance usual");
	else
		buf_printf(&request, "rebalance %u", ms);
	move(site, x, "rebalance", &request, ms);
}

static void plan_rebalance(struct site *site, struct exchange *x)
{
	struct buf request = { 0 };

	buf_puts(&request, "rebalance-plan");
	move(site, x, "rebalance-plan", &request, 0);
}

/* ---- kill ---- */

/* forget removes one that does not run. */
static void forget(struct action *a)
{
	struct error why;
	int code = farewell_forget(a->target.home.name, &why);

	if (code != EXIT_DONE) {
		give_up(a, code, why.text);
		return;
	}
	if (farewell_kept(&a->target.home, &why))
		add_message(a, why.text);
	succeed(a);
}

static void end_topology(struct site *site, struct exchange *x)
{
	char request[32];
	struct request_body body;
	struct action *a;
	uint32_t ms;
	bool usual;

	if (!read_wait(x, &ms, &usual))
		return;
	a = request_body_read(&body, x) ? action_make(site, x, "kill") : NULL;
	request_body_free(&body);
	if (a == NULL)
		return;
	if (!a->target.homeless && !home_lives(&a->target.home)) {
		forget(a);
		return;
	}
	if (usual)
		ms = farewell_drain_ms(&a->target.home);
	snprintf(request, sizeof request, "kill %u", ms);
	add_request(a, request);
	a->kills = true;
	begin(a);
}

/* ---- logconfig ---- */

/* read_level adds the request for what LEVEL, named KEY in the body, says. 0, or -1 with E set. */
static int read_level(struct action *a, const struct json_node *level, struct error *e)
{
	const struct json_node *target = NULL, *back = NULL, *timeout = NULL;
	const char *name = strcmp(level->key, "ROOT") == 0 ? "*" : level->key, *word = NULL;
	struct buf request = { 0 };
	gale_level number;

	if (level->type == JSON_OBJECT) {
		target = json_member(level, "target_level");
		target = target != NULL ? target : json_member(level, "targetLevel");
		back = json_member(level, "reset_level");
		timeout = json_member(level, "timeout");
		word = target != NULL ? json_text(target) : NULL;
	}
	if (name[0] == '\0' || strlen(name) > MOST_NAME || name[strcspn(name, " \t\r\n")] != '\0')
		return error_set(e, "there is no component \"%s\"", name);
	if (word == NULL || !logline_level(word, strlen(word), &number))
		return error_set(e, "\"target_level\" of \"%s\" is ERROR, WARN, INFO or DEBUG", level->key);
	if (back != NULL && back->type != JSON_NULL)
		return error_set(e, "\"reset_level\" of \"%s\" can't be chosen: after the time the level is what the config "
		    "says (topology.log.level)", level->key);
	if (timeout != NULL && (timeout->type != JSON_INT || timeout->i < 0 || timeout->i > (int64_t)most_seconds))
		return error_set(e, "\"timeout\" of \"%s\" is a number of whole seconds, 0: until the run ends", level->key);
	buf_printf(&request, "log-level %s %s %" PRId64, name, logline_levels[number],
	    timeout != NULL ? timeout->i * 1000 : 0);
	add_request(a, buf_text(&request));
	buf_free(&request);
	return 0;
}

static int read_levels(struct action *a, const struct json_node *body, struct error *e)
{
	const struct json_node *levels = body != NULL ? json_member(body, "namedLoggerLevels") : NULL;

	if (levels == NULL || levels->type != JSON_OBJECT || levels->n == 0)
		return error_set(e, "say which component shall have which level: "
		    "{\"namedLoggerLevels\": {\"count\": {\"target_level\": \"DEBUG\", \"timeout\": 30}}}");
	for (const struct json_node *x = json_first(levels); x != NULL; x = json_next(levels, x))
		if (read_level(a, x, e) != 0)
			return -1;
	return 0;
}

static void set_levels(struct site *site, struct exchange *x)
{
	struct request_body body;
	struct action *a = request_body_read(&body, x) ? action_make(site, x, "logconfig") : NULL;
	struct error e;

	if (a != NULL && read_levels(a, body.object, &e) != 0)
		give_up(a, EXIT_USAGE, e.text);
	else if (a != NULL)
		begin(a);
	request_body_free(&body);
}

const struct route actions_routes[] = {
	{ "POST", "/api/v1/topology/{id}/activate", 0, activate, "spouts emit" },
	{ "POST", "/api/v1/topology/{id}/deactivate", 0, deactivate, "spouts stop emitting" },
	{ "POST", "/api/v1/topology/{id}/rebalance/{wait-time}", 0, rebalance,
	    "other numbers of executors: {\"rebalanceOptions\": {\"executors\": {\"ID\": N}}}; wait-time: seconds for what is "
	    "open, or usual" },
	{ "POST", "/api/v1/topology/{id}/rebalance-plan", 0, plan_rebalance, "what a rebalance would move" },
	{ "POST", "/api/v1/topology/{id}/kill/{wait-time}", 0, end_topology,
	    "drains, stops and forgets a topology; wait-time: seconds to drain at most, or usual" },
	{ "POST", "/api/v1/topology/{id}/logconfig", 0, set_levels,
	    "log levels for a while: {\"namedLoggerLevels\": {\"ID or ROOT\": {\"target_level\": LEVEL, \"timeout\": SECONDS}}}" },
	{ .pattern = NULL },
};
