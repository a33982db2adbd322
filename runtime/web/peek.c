/* peek.c - see peek.h. SPDX-License-Identifier: Apache-2.0 */
#include "peek.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "clock.h"
#include "errand.h"
#include "exitcode.h"
#include "memory.h"
#include "refusal.h"
#include "selfrun.h"
#include "site.h"

enum {
	MOST_LINES = 10000, USUAL_LINES = 200,
	MOST_TREES = 1000, USUAL_TREES = 50,
	MOST_TUPLES = 1000, USUAL_TUPLES = 10,
	TAP_MS = 2000,
	TAP_BYTES = 4 << 20	/* of tuples in one answer */
};

/* number reads the parameter NAME of X, from 1 to MOST; USUAL when it is not given. false: X has been answered. */
static bool number(struct exchange *x, const char *name, unsigned long most, unsigned long usual, unsigned long *n)
{
	const char *text = exchange_parameter(x, name);
	char *end;

	*n = usual;
	if (text == NULL)
		return true;
	*n = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *n >= 1 && *n <= most)
		return true;
	exchange_error(x, 400, "badRequest", "\"%s\" is a number from 1 to %lu, not \"%s\"", name, most, text);
	return false;
}

/* ---- what commands print ---- */

struct look {
	struct exchange *x;
	struct site *site;
	double older_ms;	/* of trees */
	void (*write)(struct buf *out, const struct look *l, const char *text, size_t n);
};

static void look_gone(void *arg)
{
	struct look *l = arg;

	selfrun_forget(l->site->selfruns, l);
	free(l);
}

/* A command that has printed something has done it; that it says who has not answered (7) is in there. */
static void looked(void *arg, const struct selfrun_result *r)
{
	struct look *l = arg;
	struct buf out = { 0 };

	if (r->code == EXIT_DONE || (r->code == EXIT_TIMED_OUT && r->n_out > 0 && r->out[0] == '{')) {
		l->write(&out, l, r->out, r->n_out);
		exchange_json(l->x, 200, &out);
	} else {
		refuse(l->x, r->code, r->said);
	}
	free(l);
}

static void write_as_it_is(struct buf *out, const struct look *l, const char *text, size_t n)
{
	(void)l;
	buf_add(out, text, n);
}

static void write_lines(struct buf *out, const struct look *l, const char *text, size_t n)
{
	const char *end = text + n, *newline;

	(void)l;
	buf_puts(out, "[");
	for (; (newline = memchr(text, '\n', (size_t)(end - text))) != NULL; text = newline + 1) {
		buf_puts(out, out->n > 1 ? ",\n" : "\n");
		buf_add(out, text, (size_t)(newline - text));
	}
	buf_puts(out, "]\n");
}

/* begin_look has a command gather what X asks for; TARGET is freed. */
static void begin_look(struct site *site, struct exchange *x, struct target *target, const char *const *argv,
    struct look wanted)
{
	struct look *l = xmalloc(sizeof *l);
	struct error e;

	*l = wanted;
	l->x = x;
	l->site = site;
	if (target->homeless) {
		exchange_error(x, 409, "conflict", "%s runs in the foreground: what it has to say is on its terminal",
		    target->home.name);
		free(l);
	} else if (selfrun_ask(site->selfruns, argv, looked, l, &e) != 0) {
		refuse(x, EXIT_NO_ANSWER, e.text);
		free(l);
	} else {
		exchange_later(x, look_gone, l);
	}
	target_free(target);
}

static void errors(struct site *site, struct exchange *x)
{
	struct target t;

	if (target_find(&t, site, x))
		begin_look(site, x, &t, (const char *const[]){ "errors", "--json", "--", t.home.name, NULL },
		    (struct look){ .write = write_as_it_is });
	else
		target_free(&t);
}

static void logs(struct site *site, struct exchange *x)
{
	const char *component = exchange_parameter(x, "component"), *level = exchange_parameter(x, "level");
	unsigned long lines;
	char count[24];
	struct target t;

	if (!number(x, "lines", MOST_LINES, USUAL_LINES, &lines))
		return;
	snprintf(count, sizeof count, "%lu", lines);
	if (target_find(&t, site, x))
		begin_look(site, x, &t, (const char *const[]){ "logs", "--json", "--lines", count, "--level",
		    level != NULL && *level != '\0' ? level : "debug", "--", t.home.name,
		    component != NULL && *component != '\0' ? component : NULL, NULL },
		    (struct look){ .write = write_lines });
	else
		target_free(&t);
}

/* ---- trees ---- */

/* is_older: X, a tree or a batch, is old enough to be shown. */
static bool is_older(const struct json_node *x, double ms)
{
	const struct json_node *age = x->type == JSON_OBJECT ? json_member(x, "ageMs") : NULL;

	if (age == NULL && x->type == JSON_OBJECT)
		age = json_member(x, "sinceMs");
	return age == NULL || age->type != JSON_INT || age->f >= ms;
}

static void write_trees(struct buf *out, const struct look *l, const char *text, size_t n)
{
	struct diagnostics d = { 0 };
	struct json *j;
	const struct json_node *trees = NULL;
	const char *comma = "";

	diag_source(&d, "trace", xstrndup(text, n), n);
	j = json_parse(&d, 0);
	if (j != NULL && (trees = json_member(j->nodes, "trees")) == NULL)
		trees = json_member(j->nodes, "batches");
	if (trees == NULL || trees->type != JSON_ARRAY) {
		buf_add(out, text, n);
	} else {
		buf_add(out, d.text, trees->start);
		buf_puts(out, "[");
		for (const struct json_node *x = json_first(trees); x != NULL; x = json_next(trees, x)) {
			if (!is_older(x, l->older_ms))
				continue;
			buf_puts(out, comma);
			buf_add(out, d.text + x->start, x->end - x->start);
			comma = ",";
		}
		buf_puts(out, "]");
		buf_add(out, d.text + trees->end, d.n - trees->end);
	}
	json_free(j);
	diag_free(&d);
}

static void trees(struct site *site, struct exchange *x)
{
	const char *older = exchange_parameter(x, "older");
	char most[24];
	double seconds = 0;
	unsigned long count;
	struct target t;

	if (older != NULL && !seconds_read(older, 1e9, &seconds)) {
		exchange_error(x, 400, "badRequest", "\"older\" is a number of seconds, not \"%s\"", older);
		return;
	}
	if (!number(x, "count", MOST_TREES, USUAL_TREES, &count))
		return;
	snprintf(most, sizeof most, "%lu", count);
	if (target_find(&t, site, x))
		begin_look(site, x, &t, (const char *const[]){ "trace", "--json", "-n", most, "--", t.home.name, NULL },
		    (struct look){ .write = write_trees, .older_ms = seconds * 1000 });
	else
		target_free(&t);
}

/* ---- tap ---- */

struct tapping {
	struct exchange *x;
	struct errand *errand;
	struct watch watch;		/* for the end of its time */
	struct watches *watches;
	struct buf tuples;
	unsigned long n, most;
};

static void tapping_free(struct tapping *t)
{
	if (t->errand != NULL)
		errand_cancel(t->errand);
	watch_end(&t->watch);
	buf_free(&t->tuples);
	free(t);
}

static void tap_gone(void *arg)
{
	tapping_free(arg);
}

static void show_tuples(struct tapping *t)
{
	struct buf out = { 0 };

	buf_printf(&out, "[%s\n]\n", buf_text(&t->tuples));
	exchange_json(t->x, 200, &out);
	tapping_free(t);
}

static void time_is_over(void *arg, uint32_t events)
{
	(void)events;
	show_tuples(arg);
}

/* take_tuples takes what "tells U L S<tab>JSON..." has, as far as there is room. */
static void take_tuples(struct tapping *t, const char *text)
{
	const char *at = strchr(text, '\t');

	while (at != NULL && t->n < t->most && t->tuples.n < TAP_BYTES) {
		size_t n = strcspn(++at, "\t");

		buf_puts(&t->tuples, t->n++ > 0 ? ",\n" : "\n");
		buf_add(&t->tuples, at, n);
		at = at[n] == '\t' ? at + n : NULL;
	}
	if (t->n >= t->most || t->tuples.n >= TAP_BYTES)
		show_tuples(t);
}

/* Its time begins when workers look; until then it is the patience of the errand that counts. */
static void heard(void *arg, const char *text)
{
	struct tapping *t = arg;

	if (strncmp(text, "on ", 3) == 0 && t->watch.all == NULL) {
		t->watch = (struct watch){
			.fd = -1, .deadline_ns = clock_now_ns() + (uint64_t)TAP_MS * NS_PER_MS, .ready = time_is_over, .arg = t,
		};
		watch_begin(t->watches, &t->watch, 0, NULL);	/* can't fail: there is no descriptor */
	} else if (strncmp(text, "tells ", 6) == 0) {
		take_tuples(t, text);
	}
}

/* A topology that ends while it is looked at has shown what there was. */
static void ended(void *arg, int code, const char *text)
{
	struct tapping *t = arg;

	t->errand = NULL;
	if (code == EXIT_DONE || t->n > 0) {
		show_tuples(t);
	} else {
		refuse(t->x, code, text);
		tapping_free(t);
	}
}

/* read_tap writes the request for what X asks for; false: X has been answered. */
static bool read_tap(struct exchange *x, struct buf *request)
{
	const char *component = exchange_word(x, "component"), *stream = exchange_word(x, "stream"),
	    *where = exchange_parameter(x, "where");

	if (component[strcspn(component, ": \t\r\n")] != '\0' ||
	    (stream != NULL && stream[strcspn(stream, ": \t\r\n")] != '\0')) {
		exchange_error(x, 404, "notFound", "there is no component \"%s\" with such a stream", component);
		return false;
	}
	if (where != NULL && *where != '\0' && (where[0] == '=' || strchr(where, '=') == NULL || strpbrk(where, "\n\r") != NULL)) {
		exchange_error(x, 400, "badRequest", "\"where\" is FIELD=VALUE, not \"%s\"", where);
		return false;
	}
	buf_printf(request, "tap %s%s%s", component, stream != NULL ? ":" : "", stream != NULL ? stream : "");
	if (where != NULL && *where != '\0')
		buf_printf(request, " %s", where);
	return true;
}

static void tap(struct site *site, struct exchange *x)
{
	static const struct errand_ops ops = { .heard = heard, .ended = ended };
	struct buf request = { 0 };
	struct target target = { .home.fd = -1 };
	struct tapping *t;
	unsigned long most;

	if (number(x, "count", MOST_TUPLES, USUAL_TUPLES, &most) && read_tap(x, &request) &&
	    target_find(&target, site, x) && target_alive(&target, x)) {
		t = xcalloc(1, sizeof *t);
		t->x = x;
		t->watches = &site->watches;
		t->most = most;
		t->errand = errand_begin(&site->watches, &target.home, buf_text(&request), CALL_ANSWER_MS, &ops, t);
		exchange_later(x, tap_gone, t);
	}
	target_free(&target);
	buf_free(&request);
}

const struct route peek_routes[] = {
	{ "GET", "/api/v1/topology/{id}/errors", ROUTE_KEPT, errors, "warnings and errors, counted" },
	{ "GET", "/api/v1/topology/{id}/logs", ROUTE_KEPT, logs, "the last lines of the log; lines=N, component=ID, level=LEVEL" },
	{ "GET", "/api/v1/topology/{id}/trees", ROUTE_KEPT, trees,
	    "what has been open for longest, and who it waits for; count=N, older=SECONDS" },
	{ "GET", "/api/v1/topology/{id}/tap/{component}", ROUTE_REACHES, tap,
	    "tuples while they are emitted, for 2 s at most; count=N, where=FIELD=VALUE" },
	{ "GET", "/api/v1/topology/{id}/tap/{component}/{stream}", ROUTE_REACHES, tap, "the same, of one stream" },
	{ .pattern = NULL },
};
