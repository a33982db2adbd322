/* cmd_tap.c - gale tap: shows tuples of a component while they are emitted.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "buf.h"
#include "call.h"
#include "command.h"
#include "diag.h"
#include "json.h"
#include "memory.h"
#include "tap.h"

struct tapping {
	uint64_t most, shown;		/* most 0: no limit */
	uint64_t unsampled, lost;
	bool json;
	const char *what;
};

static volatile sig_atomic_t signal_taken;

static void take_signal(int number)
{
	signal_taken = number;
}

/* ---- one tuple ---- */

/* put_source adds a value as it stands in the JSON. */
static void put_source(struct buf *out, const struct diagnostics *d, const struct json_node *x)
{
	buf_add(out, d->text + x->start, x->end - x->start);
}

static void put_tuple(struct buf *out, const struct diagnostics *d, const struct json_node *x)
{
	const struct json_node *values = json_member(x, "values");

	buf_printf(out, "%s %s[", json_text(json_member(x, "time")), json_text(json_member(x, "component")));
	put_source(out, d, json_member(x, "task"));
	buf_printf(out, "] %s:", json_text(json_member(x, "stream")));
	for (const struct json_node *v = json_first(values); v != NULL; v = json_next(values, v)) {
		buf_printf(out, " %s=", v->key);
		put_source(out, d, v);
	}
	if (json_member(x, "cut") != NULL)
		buf_puts(out, " (cut)");
	buf_puts(out, "\n");
}

/* show prints one tuple, the N bytes of JSON at TEXT. */
static void show(const struct tapping *t, const char *text, size_t n)
{
	struct diagnostics d = { 0 };
	struct buf line = { 0 };
	struct json *j;

	if (t->json) {
		printf("%.*s\n", (int)n, text);
		return;
	}
	diag_source(&d, t->what, xstrndup(text, n), n);
	j = json_parse(&d, 0);
	if (j != NULL)
		put_tuple(&line, &d, j->nodes);
	fwrite(line.data, 1, line.n, stdout);
	json_free(j);
	diag_free(&d);
	buf_free(&line);
}

/* ---- answers ---- */

/* show_all prints what "tells U L S<tab>JSON..." has; false: that is enough. */
static bool show_all(struct tapping *t, const char *text)
{
	const char *at = strchr(text, '\t');
	uint64_t unsampled, lost;

	if (sscanf(text, "tells %" SCNu64 " %" SCNu64, &unsampled, &lost) == 2) {
		t->unsampled += unsampled;
		t->lost += lost;
	}
	while (at != NULL && (t->most == 0 || t->shown < t->most)) {
		size_t n = strcspn(++at, "\t");

		show(t, at, n);
		t->shown++;
		at = at[n] == '\t' ? at + n : NULL;
	}
	fflush(stdout);
	return t->most == 0 || t->shown < t->most;
}

static void say_on(const struct tapping *t, const char *workers)
{
	command_say("looking at %s in %s worker%s", t->what, workers, strcmp(workers, "1") == 0 ? "" : "s");
}

static void say_sum(const struct tapping *t)
{
	if (t->unsampled > 0 || t->lost > 0)
		command_say("%" PRIu64 " tuples were shown; %" PRIu64 " more were not sampled (of each worker at most "
		    "%d a second are), %" PRIu64 " were lost because nobody read them in time", t->shown,
		    t->unsampled, TAP_RATE, t->lost);
}

/* broken_off: the conversation has ended without a last word; an exit code. One who was too slow to
 * hear the last word has missed nothing else than what was counted. */
static int broken_off(const struct home *h)
{
	if (ask_gone(h, CALL_ANSWER_MS) && home_status(h) != TOPOLOGY_DEAD)
		return EXIT_DONE;
	command_say("%s: its supervisor is gone; \"gale list\" tells more", h->name);
	return EXIT_NO_ANSWER;
}

/* hear prints what there is until the end; an exit code. */
static int hear(struct tapping *t, struct ask *a, const struct home *h)
{
	const char *rest;
	int code, got = ask_next(a, CALL_ANSWER_MS);

	if (got == 0 && !signal_taken)
		return ask_no_answer(a->name);
	for (; !signal_taken; got = ask_next(a, -1)) {
		if (got == -1)
			return broken_off(h);
		if (got == 0)
			continue;
		if (ask_final(a, &code, &rest))
			return code;
		if (strncmp(a->text, "on ", 3) == 0)
			say_on(t, a->text + 3);
		else if (strncmp(a->text, "tells ", 6) == 0 && !show_all(t, a->text))
			return EXIT_DONE;
	}
	return 128 + signal_taken;
}

/* ---- the command ---- */

static bool read_most(const struct command_line *line, uint64_t *most)
{
	const char *given = command_value(line, "count");
	char *end;

	*most = 0;
	if (given == NULL)
		return true;
	errno = 0;
	*most = strtoull(given, &end, 10);
	if (given[0] >= '0' && given[0] <= '9' && *end == '\0' && errno == 0 && *most > 0)
		return true;
	command_say("-n takes a number of tuples from 1, not \"%s\"", given);
	return false;
}

/* read_where gives what --where says, "" when it is not given, NULL when it is wrong. */
static const char *read_where(const struct command_line *line)
{
	const char *where = command_value(line, "where");

	if (where == NULL)
		return "";
	if (where[0] != '=' && strchr(where, '=') != NULL && strpbrk(where, "\n\r") == NULL)
		return where;
	command_say("--where takes FIELD=VALUE, on one line, not \"%s\"", where);
	return NULL;
}

static int tap(struct tapping *t, const char *name, const char *where)
{
	struct home h;
	struct ask a;
	char *request = xasprintf("tap %s%s%s", t->what, where[0] != '\0' ? " " : "", where);
	int code = ask_live(name, &h);

	if (code == EXIT_DONE) {
		code = ask_begin(&a, &h, request);
		if (code == EXIT_DONE)
			code = hear(t, &a, &h);
		ask_end(&a);
		home_close(&h);
	}
	say_sum(t);
	free(request);
	return code;
}

int cmd_tap(const struct command_line *line)
{
	struct tapping t = { .json = command_has(line, "json"), .what = line->operands[1] };
	const char *where = read_where(line);
	struct sigaction act = { .sa_handler = take_signal };

	if (where == NULL || !read_most(line, &t.most))
		return EXIT_USAGE;
	if (strpbrk(t.what, " \t\n\r") != NULL) {
		command_say("\"%s\" is no COMPONENT[:STREAM]", t.what);
		return EXIT_USAGE;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	return tap(&t, line->operands[0], where);
}
