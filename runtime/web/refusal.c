/* refusal.c - see refusal.h. SPDX-License-Identifier: Apache-2.0 */
#include "refusal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "exitcode.h"
#include "memory.h"
#include "show.h"

void refuse(struct exchange *x, int code, const char *text)
{
	static const struct { int code; unsigned status; const char *word; } answers[] = {
		{ EXIT_USAGE, 400, "badRequest" },
		{ EXIT_INVALID, 422, "invalidTopology" },
		{ EXIT_NOT_FOUND, 404, "notFound" },
		{ EXIT_CONFLICT, 409, "conflict" },
		{ EXIT_NO_ANSWER, 503, "noAnswer" },
		{ EXIT_TIMED_OUT, 504, "timedOut" },
	};

	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].code == code) {
			exchange_error(x, answers[i].status, answers[i].word, "%s", text);
			return;
		}
	exchange_error(x, 500, "failed", "%s", text);
}

/* What strtod takes besides, such as 0x1, inf and 1e3, is no number that a person would mean here. */
bool seconds_read(const char *text, double most, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return text[0] >= '0' && text[0] <= '9' && text[strspn(text, "0123456789.")] == '\0' && *end == '\0' &&
	    *seconds <= most;
}

bool switch_read(struct exchange *x, const char *name, bool *on)
{
	const char *text = exchange_parameter(x, name);

	*on = text != NULL && strcmp(text, "1") == 0;
	if (text == NULL || *on || strcmp(text, "0") == 0)
		return true;
	exchange_error(x, 400, "badRequest", "\"%s\" is 0 or 1, not \"%s\"", name, text);
	return false;
}

/* ---- bodies ---- */

static void refuse_json(struct exchange *x, const struct diagnostics *d)
{
	size_t line, column;

	diag_position(d, d->items[0].start, &line, &column);
	exchange_error(x, 400, "badJson", "%zu:%zu: %s", line, column, d->items[0].text);
}

bool request_body_read(struct request_body *b, struct exchange *x)
{
	size_t n;
	const char *text = exchange_body(x, &n);

	*b = (struct request_body){ 0 };
	if (strspn(text, " \t\r\n") == n)
		return true;
	diag_source(&b->d, "body", xstrndup(text, n), n);
	b->json = json_parse(&b->d, JSON_MAX_VALUES);
	if (b->json == NULL) {
		refuse_json(x, &b->d);
		return false;
	}
	if (b->json->nodes[0].type != JSON_OBJECT) {
		exchange_error(x, 400, "badJson", "1:1: the body must be an object, it is %s",
		    json_type_name(b->json->nodes[0].type));
		return false;
	}
	b->object = b->json->nodes;
	return true;
}

void request_body_free(struct request_body *b)
{
	json_free(b->json);
	diag_free(&b->d);
}

/* ---- targets ---- */

/* open_target opens the directory anew: the survey may be a moment old, and its topology another one. */
static enum home_result open_target(struct target *t, const struct survey *s, struct error *e)
{
	if (!s->homeless)
		return home_open(&t->home, s->home.name, e);
	t->home.name = xstrdup(s->home.name);
	t->home.path = xstrdup(s->rundir);
	t->home.fd = open(s->rundir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->home.fd < 0)
		error_set(e, "%s has ended meanwhile", s->home.name);
	return t->home.fd >= 0 ? HOME_OK : HOME_NONE;
}

bool target_find(struct target *t, struct site *site, struct exchange *x)
{
	struct survey *s = looks_topology(site->looks, x);
	struct error e;

	*t = (struct target){ .home.fd = -1 };
	if (s == NULL)
		return false;
	t->homeless = s->homeless;
	t->id = show_totals(s).id;
	return looks_found(x, open_target(t, s, &e), &e);
}

bool target_alive(struct target *t, struct exchange *x)
{
	struct error e;

	if (t->homeless && faccessat(t->home.fd, "state/control", F_OK, 0) != 0) {
		exchange_error(x, 409, "conflict", "%s runs in the foreground, with its state elsewhere (--state): only who "
		    "started it can do this, at its terminal", t->home.name);
		return false;
	}
	if (!t->homeless && call_live(&t->home, &e) != EXIT_DONE) {
		exchange_error(x, 409, "conflict", "%s", e.text);
		return false;
	}
	return true;
}

void target_free(struct target *t)
{
	home_close(&t->home);
	free(t->id);
}
