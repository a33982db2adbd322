/* validate.c - see validate.h. SPDX-License-Identifier: Apache-2.0 */
#include "validate.h"

#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "drawing.h"
#include "exitcode.h"
#include "load.h"
#include "memory.h"
#include "refusal.h"
#include "selfrun.h"
#include "site.h"

enum { PATIENCE_MS = 20000, ROOM = 8 << 20 };

/* ---- a topology's drawing ---- */

struct picture {
	struct exchange *x;
	struct site *site;
	struct buf json;	/* once there is one, */
	bool later;		/* or the exchange waits for it */
};

static void picture_gone(void *arg)
{
	struct picture *p = arg;

	drawing_forget(p->site->drawings, p);
	free(p);
}

static void picture_drawn(void *arg, const char *json, size_t n)
{
	struct picture *p = arg;

	buf_add(&p->json, json, n);
	exchange_json(p->x, 200, &p->json);
	p->x = NULL;
	if (p->later)
		free(p);
}

static void draw(struct site *site, struct exchange *x)
{
	bool sys;
	struct survey *s = switch_read(x, "sys", &sys) ? looks_topology(site->looks, x) : NULL;
	const struct topology *t = s != NULL ? survey_definition(s) : NULL;
	struct picture *p;

	if (s == NULL)
		return;
	if (t == NULL) {
		exchange_error(x, 500, "failed", "the definition of %s can't be read", s->home.name);
		return;
	}
	p = xcalloc(1, sizeof *p);
	*p = (struct picture){ .x = x, .site = site };
	drawing_ask(site->drawings, t, sys, picture_drawn, p);
	if (p->x == NULL) {
		free(p);
	} else {
		p->later = true;
		exchange_later(x, picture_gone, p);
	}
}

/* ---- a text ---- */

struct validation {
	struct exchange *x;
	struct site *site;
	char *text;			/* the body */
	size_t n;
	struct child_process *child;	/* NULL: it has ended */
	struct buf out;			/* the answer so far */
};

static void validation_free(struct validation *v)
{
	if (v->child != NULL)
		child_cancel(v->child);
	drawing_forget(v->site->drawings, v);
	free(v->text);
	buf_free(&v->out);
	free(v);
}

static void validation_gone(void *arg)
{
	validation_free(arg);
}

static void add_drawing(void *arg, const char *json, size_t n)
{
	struct validation *v = arg;

	buf_puts(&v->out, ",\"drawing\":");
	buf_add(&v->out, json, n);
	buf_puts(&v->out, "}\n");
	exchange_json(v->x, 200, &v->out);
	validation_free(v);
}

/* name_stream gives the number of the stream ID of C, which it has from now on. */
static uint32_t name_stream(struct component *c, const char *id)
{
	for (uint32_t i = 0; i < c->n_outputs; i++)
		if (strcmp(c->outputs[i].id, id) == 0)
			return i;
	c->outputs = xrealloc(c->outputs, (c->n_outputs + 1) * sizeof *c->outputs);
	c->outputs[c->n_outputs] = (struct stream){ .id = xstrdup(id), .fields = xcalloc(1, sizeof *c->outputs->fields) };
	return c->n_outputs++;
}

/* name_field adds the field NAME to stream FROM of S, and to those that S goes by. */
static void name_field(struct stream *from, struct subscription *s, const char *name)
{
	from->fields = xrealloc(from->fields, (from->n_fields + 2) * sizeof *from->fields);
	from->fields[from->n_fields] = (gale_field){ .name = xstrdup(name) };
	from->fields[from->n_fields + 1] = (gale_field){ 0 };
	s->fields = xrealloc(s->fields, (s->n_fields + 1) * sizeof *s->fields);
	s->fields[s->n_fields++] = from->n_fields++;
}

/* name_what_flows gives the subscription S of T the stream and the fields that its GROUPING in the text names: without
 * plugins a topology has none. */
static void name_what_flows(struct topology *t, struct subscription *s, const struct json_node *grouping)
{
	const struct json_node *id = grouping != NULL ? json_member(grouping, "streamId") : NULL;
	const struct json_node *args = grouping != NULL ? json_member(grouping, "args") : NULL;
	struct component *from = &t->components[s->from];

	s->stream = name_stream(from, id != NULL && json_text(id) != NULL ? json_text(id) : "default");
	if (args == NULL || args->type != JSON_ARRAY || s->n_fields > 0)
		return;
	for (const struct json_node *x = json_first(args); x != NULL; x = json_next(args, x))
		if (json_text(x) != NULL)
			name_field(&from->outputs[s->stream], s, json_text(x));
}

/* name_streams does so for all of T, whose subscriptions stand in the order of D's text. */
static void name_streams(struct topology *t, struct diagnostics *d)
{
	struct json *j = json_parse(d, JSON_MAX_VALUES);
	const struct json_node *list = j != NULL ? json_member(j->nodes, "streams") : NULL;
	const struct json_node *x = list != NULL ? json_first(list) : NULL;

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		name_what_flows(t, &t->subscriptions[i], x != NULL ? json_member(x, "grouping") : NULL);
		x = x != NULL ? json_next(list, x) : NULL;
	}
	json_free(j);
}

/* draw_text draws the text as far as it makes sense without plugins. */
static void draw_text(struct validation *v)
{
	struct definitions none = { 0 };
	const struct load_options options = { .definitions = &none, .no_plugins = true };
	struct diagnostics d = { 0 };
	struct topology *t = load_text("/dev/stdin", xstrndup(v->text, v->n), v->n, &options, &d);

	if (t != NULL) {
		name_streams(t, &d);
		drawing_ask(v->site->drawings, t, false, add_drawing, v);
	} else {
		add_drawing(v, "null", 4);
	}
	topology_free(t);
	diag_free(&d);
	definitions_free(&none);
}

/* add_line adds line NUMBER of the text. */
static void add_line(struct buf *out, const struct validation *v, int64_t number)
{
	const char *line = v->text, *end = v->text + v->n, *newline;

	while (number > 1 && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		line = newline + 1;
		number--;
	}
	newline = memchr(line, '\n', (size_t)(end - line));
	buf_json_string(out, line, (size_t)((newline != NULL ? newline : end) - line));
}

/* add_diagnostic adds X as `gale lint --json` of D wrote it, its message as "text", too, and the line. */
static void add_diagnostic(struct buf *out, const struct validation *v, const struct diagnostics *d,
    const struct json_node *x)
{
	const struct json_node *message = json_member(x, "message"), *line = json_member(x, "line");

	buf_add(out, d->text + x->start, x->end - x->start - 1);
	if (message != NULL) {
		buf_puts(out, ",\"text\":");
		buf_add(out, d->text + message->start, message->end - message->start);
	}
	if (line != NULL && line->type == JSON_INT) {
		buf_puts(out, ",\"source\":");
		add_line(out, v, line->i);
	}
	buf_puts(out, "}");
}

/* add_diagnostics adds what J, of D, tells of the one file; false: it is not what lint prints. */
static bool add_diagnostics(struct validation *v, const struct diagnostics *d, const struct json *j)
{
	const struct json_node *files = j != NULL && j->nodes[0].type == JSON_OBJECT ? json_member(j->nodes, "files") : NULL;
	const struct json_node *file = files != NULL && files->n == 1 ? json_first(files) : NULL;
	const struct json_node *list = file != NULL ? json_member(file, "diagnostics") : NULL;
	const struct json_node *ok = file != NULL ? json_member(file, "ok") : NULL;
	const char *comma = "";

	if (list == NULL || list->type != JSON_ARRAY)
		return false;
	buf_printf(&v->out, "{\"ok\":%s,\"diagnostics\":[", ok != NULL && ok->b ? "true" : "false");
	for (const struct json_node *x = json_first(list); x != NULL; x = json_next(list, x)) {
		buf_puts(&v->out, comma);
		add_diagnostic(&v->out, v, d, x);
		comma = ",\n";
	}
	buf_puts(&v->out, "]");
	return true;
}

static void linted(void *arg, const struct child_result *child)
{
	struct validation *v = arg;
	struct diagnostics d = { 0 };
	struct json *j;
	char *said;
	struct selfrun_result r = selfrun_result_of(child, &said);

	v->child = NULL;
	diag_source(&d, "lint", xstrndup(r.out, r.n_out), r.n_out);
	j = json_parse(&d, 0);
	if (add_diagnostics(v, &d, j)) {
		draw_text(v);
	} else {
		refuse(v->x, r.code == EXIT_DONE ? EXIT_FAILED : r.code, r.said[0] != '\0' ? r.said : "it could not be checked");
		validation_free(v);
	}
	json_free(j);
	diag_free(&d);
	free(said);
}

static void validate(struct site *site, struct exchange *x)
{
	static const char *const argv[] = { "/proc/self/exe", "lint", "--json", "/dev/stdin", NULL };
	struct validation *v = xcalloc(1, sizeof *v);
	const char *body = exchange_body(x, &v->n);
	struct child_order order = {
		.argv = argv, .input = body, .n_input = v->n, .folder = "/", .room = ROOM, .deadline_ms = PATIENCE_MS,
	};
	struct error e;

	v->x = x;
	v->site = site;
	v->text = xstrndup(body, v->n);
	v->child = child_begin(&site->watches, &order, linted, v, &e);
	if (v->child != NULL) {
		exchange_later(x, validation_gone, v);
		return;
	}
	refuse(x, EXIT_NO_ANSWER, e.text);
	validation_free(v);
}

const struct route validate_routes[] = {
	{ "GET", "/api/v1/topology/{id}/drawing", ROUTE_KEPT, draw, "where boxes and edges go; sys=1 with gale's own" },
	{ "POST", "/api/v1/validate", 0, validate, "diagnostics and a drawing of the topology that the body is" },
	{ .pattern = NULL },
};
