/* topology_file.c - a topology on its way from the supervisor to its workers, as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is read back equals what was written, to the last bit: integers are integers,
 * doubles have 17 digits and always a point or an exponent, and a string that is no UTF-8
 * (a path may be any bytes) is written as {"hex": "..."}. The reader trusts the content
 * but not the bytes: a file that is cut or changed is an error, never a crash.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "failpoint.h"
#include "json.h"
#include "memory.h"
#include "topology.h"

/* ---- writing ---------------------------------------------------------------------- */

static void put_string(struct buf *b, const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0, length = 1;

	if (s == NULL) {
		buf_puts(b, "null");
		return;
	}
	for (size_t i = 0; i < n && length > 0; i += length)
		length = utf8_length(s + i, n - i);
	if (length > 0) {
		buf_json_string(b, s, n);
		return;
	}
	buf_puts(b, "{\"hex\":\"");
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%02x", (unsigned char)s[i]);
	buf_puts(b, "\"}");
}

static void put_float(struct buf *b, double f)
{
	char text[40];

	snprintf(text, sizeof text, "%.17g", f);
	buf_puts(b, text);
	if (strpbrk(text, ".e") == NULL)
		buf_puts(b, ".0");
}

/* put_setting adds S so that it is read as it was: 1.0 is no int, and not all bytes are text. */
static void put_setting(struct buf *b, const struct setting *s)
{
	if (s->type == SETTING_FLOAT)
		put_float(b, s->f);
	else if (s->type == SETTING_STRING)
		put_string(b, s->s);
	else
		topology_put_setting(b, s);
}

static void put_settings(struct buf *b, const char *key, const struct settings *all)
{
	buf_printf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < all->n; i++) {
		buf_puts(b, i > 0 ? ",[" : "[");
		put_string(b, all->items[i].key);
		buf_puts(b, ",");
		put_setting(b, &all->items[i]);
		buf_puts(b, "]");
	}
	buf_puts(b, "]");
}

static void put_part(struct buf *b, const struct part *p)
{
	buf_puts(b, "{\"className\":");
	put_string(b, p->class_name);
	buf_puts(b, ",\"library\":");
	put_string(b, p->library);
	buf_puts(b, ",\"component\":");
	put_string(b, p->component);
	put_settings(b, "properties", &p->properties);
	buf_puts(b, "}");
}

static void put_fields(struct buf *b, const gale_field *fields, uint32_t n)
{
	buf_puts(b, "[");
	for (uint32_t i = 0; i < n; i++) {
		buf_puts(b, i > 0 ? ",[" : "[");
		put_string(b, fields[i].name);
		buf_printf(b, ",%d]", (int)fields[i].type);
	}
	buf_puts(b, "]");
}

static void put_component(struct buf *b, const struct component *c)
{
	buf_puts(b, "{\"id\":");
	put_string(b, c->id);
	buf_printf(b,
	    ",\"kind\":%d,\"parallelism\":%u,\"numTasks\":%u,\"takesAny\":%s,\"hasFinish\":%s,"
	    "\"hasTick\":%s,\"hasPublish\":%s,\"stateVersion\":%u,\"stateByField\":%s,\"combines\":%s",
	    (int)c->kind, c->parallelism, c->n_tasks, c->takes_any ? "true" : "false",
	    c->has_finish ? "true" : "false", c->has_tick ? "true" : "false",
	    c->has_publish ? "true" : "false", c->state_version,
	    c->state_by_field ? "true" : "false", c->combines ? "true" : "false");
	buf_puts(b, ",\"part\":");
	put_part(b, &c->part);
	put_settings(b, "config", &c->config);
	buf_puts(b, ",\"inputs\":");
	put_fields(b, c->inputs, c->n_inputs);
	buf_puts(b, ",\"outputs\":[");
	for (uint32_t i = 0; i < c->n_outputs; i++) {
		buf_puts(b, i > 0 ? ",{\"id\":" : "{\"id\":");
		put_string(b, c->outputs[i].id);
		buf_printf(
		    b, ",\"direct\":%s,\"fields\":", c->outputs[i].direct ? "true" : "false");
		put_fields(b, c->outputs[i].fields, c->outputs[i].n_fields);
		buf_puts(b, "}");
	}
	buf_puts(b, "]}");
}

static void put_subscription(struct buf *b, const struct subscription *s)
{
	buf_printf(b, "{\"from\":%u,\"stream\":%u,\"to\":%u,\"grouping\":%d,\"fields\":[", s->from,
	    s->stream, s->to, (int)s->grouping);
	for (uint32_t i = 0; i < s->n_fields; i++)
		buf_printf(b, "%s%u", i > 0 ? "," : "", s->fields[i]);
	buf_puts(b, "],\"custom\":");
	put_part(b, &s->custom);
	buf_puts(b, "}");
}

static void put_layout(struct buf *b, const struct topology *t)
{
	buf_puts(b, ",\n\"layout\":[");
	for (uint32_t i = 0; i < t->n_layout; i++)
		buf_printf(b, "%s[%u,%u,%u,%u]", i > 0 ? "," : "", t->layout[i].component,
		    t->layout[i].first, t->layout[i].n, t->layout[i].starts);
	buf_puts(b, "]");
}

void topology_text(struct buf *b, const struct topology *t)
{
	buf_puts(b, "{\"name\":");
	put_string(b, t->name);
	buf_puts(b, ",\"file\":");
	put_string(b, t->file);
	buf_puts(b, ",\"transaction\":");
	put_string(b, t->transaction.id);
	buf_printf(b, ",\"opaque\":%s", t->transaction.opaque ? "true" : "false");
	buf_printf(b, ",\"spouts\":%u", t->n_spouts);
	put_settings(b, "config", &t->config);
	buf_puts(b, ",\n\"components\":[");
	for (uint32_t i = 0; i < t->n_components; i++) {
		buf_puts(b, i > 0 ? ",\n" : "\n");
		put_component(b, &t->components[i]);
	}
	buf_puts(b, "],\n\"subscriptions\":[");
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		buf_puts(b, i > 0 ? ",\n" : "\n");
		put_subscription(b, &t->subscriptions[i]);
	}
	buf_puts(b, "]");
	if (t->layout != NULL)
		put_layout(b, t);
	buf_puts(b, "}\n");
}

int topology_write(const struct topology *t, const char *path, struct error *e)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "we");
	bool good;

	if (f == NULL)
		return error_errno(e, "cannot write %s", path);
	topology_text(&b, t);
	good = !failpoint("topology.write") && fwrite(b.data, 1, b.n, f) == b.n;
	good = fclose(f) == 0 && good;
	buf_free(&b);
	return good ? 0 : error_errno(e, "cannot write %s", path);
}

/* ---- reading ---------------------------------------------------------------------- */

/* A question that the file does not answer sets `bad` and has an answer that harms
 * nobody. */
struct reader {
	bool bad;
};

static const struct json_node *member(struct reader *r, const struct json_node *x, const char *key,
    enum json_type type)
{
	static const struct json_node none = { .size = 1 };
	const struct json_node *found = json_member(x, key);

	if (found != NULL && found->type == type)
		return found;
	r->bad = true;
	return &none;
}

static int64_t get_int(struct reader *r, const struct json_node *x, const char *key, int64_t below)
{
	int64_t i = member(r, x, key, JSON_INT)->i;

	if (i >= 0 && i < below)
		return i;
	r->bad = true;
	return 0;
}

static bool get_bool(struct reader *r, const struct json_node *x, const char *key)
{
	return member(r, x, key, JSON_BOOL)->b;
}

static char *from_hex(struct reader *r, const char *hex)
{
	size_t n = strlen(hex) / 2;
	char *s = xmalloc(n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned byte = 0;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			r->bad = true;
		s[i] = (char)byte;
	}
	s[n] = '\0';
	return s;
}

static char *string_of(struct reader *r, const struct json_node *x)
{
	if (x->type == JSON_NULL)
		return NULL;
	if (x->type == JSON_STRING)
		return xstrdup(x->text);
	x = member(r, x, "hex", JSON_STRING);
	return x->text != NULL ? from_hex(r, x->text) : NULL;
}

static char *get_string(struct reader *r, const struct json_node *x, const char *key)
{
	x = json_member(x, key);
	if (x != NULL)
		return string_of(r, x);
	r->bad = true;
	return NULL;
}

/* get_name is get_string of something that must be there. */
static char *get_name(struct reader *r, const struct json_node *x, const char *key)
{
	char *s = get_string(r, x, key);

	if (s != NULL)
		return s;
	r->bad = true;
	return xstrdup("");
}

/* pair gives the two items of [a, b], or false. */
static bool pair(struct reader *r, const struct json_node *x, const struct json_node **a,
    const struct json_node **b)
{
	if (x->type != JSON_ARRAY || x->n != 2) {
		r->bad = true;
		return false;
	}
	*a = json_first(x);
	*b = json_next(x, *a);
	return true;
}

static void get_setting(struct reader *r, const struct json_node *x, struct setting *s)
{
	static const enum setting_type types[] = {
		[JSON_NULL] = SETTING_NULL,
		[JSON_BOOL] = SETTING_BOOL,
		[JSON_INT] = SETTING_INT,
		[JSON_FLOAT] = SETTING_FLOAT,
		[JSON_STRING] = SETTING_STRING,
		[JSON_ARRAY] = SETTING_NULL,
		[JSON_OBJECT] = SETTING_STRING,
		[JSON_UNKNOWN] = SETTING_NULL,
	};
	const struct json_node *key, *value;

	if (!pair(r, x, &key, &value)) {
		s->key = xstrdup("");
		return;
	}
	s->key = string_of(r, key);
	if (s->key == NULL) {
		r->bad = true;
		s->key = xstrdup("");
	}
	s->type = types[value->type];
	s->b = value->b;
	s->i = value->i;
	s->f = value->type == JSON_FLOAT ? value->f : 0;
	if (s->type == SETTING_STRING)
		s->s = string_of(r, value);
	r->bad = r->bad || (s->type == SETTING_STRING && s->s == NULL);
}

static struct settings get_settings(struct reader *r, const struct json_node *x, const char *key)
{
	const struct json_node *list = member(r, x, key, JSON_ARRAY);
	struct settings all = { xcalloc(list->n + 1, sizeof *all.items), 0 };

	for (const struct json_node *c = json_first(list); c; c = json_next(list, c))
		get_setting(r, c, &all.items[all.n++]);
	return all;
}

static void get_part(struct reader *r, const struct json_node *x, const char *key, struct part *p)
{
	x = member(r, x, key, JSON_OBJECT);
	p->class_name = get_string(r, x, "className");
	p->library = get_string(r, x, "library");
	p->component = get_string(r, x, "component");
	p->properties = get_settings(r, x, "properties");
}

static gale_field *get_fields(
    struct reader *r, const struct json_node *x, const char *key, uint32_t *n)
{
	const struct json_node *list = member(r, x, key, JSON_ARRAY), *name, *type;
	gale_field *fields = xcalloc(list->n + 1, sizeof *fields);

	*n = 0;
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c)) {
		if (!pair(r, c, &name, &type))
			break;
		fields[*n].name = string_of(r, name);
		fields[*n].type = (gale_type)type->i;
		r->bad =
		    r->bad || fields[*n].name == NULL || type->i < GALE_NULL || type->i > GALE_ANY;
		++*n;
	}
	return fields;
}

static void get_outputs(struct reader *r, const struct json_node *x, struct component *c)
{
	const struct json_node *list = member(r, x, "outputs", JSON_ARRAY);

	c->outputs = xcalloc(list->n + 1, sizeof *c->outputs);
	for (const struct json_node *s = json_first(list); s; s = json_next(list, s)) {
		struct stream *made = &c->outputs[c->n_outputs++];

		made->id = get_name(r, s, "id");
		made->direct = get_bool(r, s, "direct");
		made->fields = get_fields(r, s, "fields", &made->n_fields);
	}
}

static void get_component(struct reader *r, const struct json_node *x, struct component *c)
{
	c->id = get_name(r, x, "id");
	c->kind = (gale_kind)get_int(r, x, "kind", GALE_GROUPING);
	c->parallelism = (uint32_t)get_int(r, x, "parallelism", UINT32_MAX);
	c->n_tasks = (uint32_t)get_int(r, x, "numTasks", UINT32_MAX);
	c->takes_any = get_bool(r, x, "takesAny");
	c->has_finish = get_bool(r, x, "hasFinish");
	c->has_tick = get_bool(r, x, "hasTick");
	c->has_publish = get_bool(r, x, "hasPublish");
	c->state_version = (uint32_t)get_int(r, x, "stateVersion", (int64_t)UINT32_MAX + 1);
	c->state_by_field = get_bool(r, x, "stateByField");
	c->combines = get_bool(r, x, "combines");
	get_part(r, x, "part", &c->part);
	c->config = get_settings(r, x, "config");
	c->inputs = get_fields(r, x, "inputs", &c->n_inputs);
	get_outputs(r, x, c);
}

static void get_subscription(struct reader *r, const struct json_node *x, const struct topology *t,
    struct subscription *s)
{
	const struct json_node *list = member(r, x, "fields", JSON_ARRAY);

	s->from = (uint32_t)get_int(r, x, "from", t->n_components);
	s->to = (uint32_t)get_int(r, x, "to", t->n_components);
	s->grouping = (enum grouping)get_int(r, x, "grouping", N_GROUPINGS);
	s->fields = xcalloc(list->n + 1, sizeof *s->fields);
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c))
		s->fields[s->n_fields++] = (uint32_t)c->i;
	get_part(r, x, "custom", &s->custom);
	if (!r->bad)
		s->stream = (uint32_t)get_int(r, x, "stream", t->components[s->from].n_outputs);
}

/* get_place reads one [component, first, n, starts]; whether all fit together plan_make asks. */
static void get_place(struct reader *r, const struct json_node *x, struct layout_worker *w)
{
	uint32_t *into[] = { &w->component, &w->first, &w->n, &w->starts };
	const struct json_node *c = json_first(x);

	r->bad = r->bad || x->type != JSON_ARRAY || x->n != 4;
	for (int i = 0; i < 4 && !r->bad; i++, c = json_next(x, c)) {
		r->bad = c->type != JSON_INT || c->i < 0 || c->i > UINT32_MAX;
		*into[i] = (uint32_t)c->i;
	}
}

static void get_layout(struct reader *r, const struct json_node *x, struct topology *t)
{
	const struct json_node *list = json_member(x, "layout");

	if (list == NULL)
		return;
	list = member(r, x, "layout", JSON_ARRAY);
	t->layout = xcalloc(list->n + 1, sizeof *t->layout);
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c))
		get_place(r, c, &t->layout[t->n_layout++]);
}

static struct topology *get_topology(const struct json_node *x, struct reader *r)
{
	const struct json_node *components = member(r, x, "components", JSON_ARRAY);
	const struct json_node *subscriptions = member(r, x, "subscriptions", JSON_ARRAY);
	struct topology *t = xcalloc(1, sizeof *t);

	t->name = get_name(r, x, "name");
	t->file = get_string(r, x, "file");
	t->transaction.id = get_string(r, x, "transaction");
	t->transaction.opaque = get_bool(r, x, "opaque");
	t->config = get_settings(r, x, "config");
	t->components = xcalloc(components->n + 1, sizeof *t->components);
	for (const struct json_node *c = json_first(components); c; c = json_next(components, c))
		get_component(r, c, &t->components[t->n_components++]);
	t->n_spouts = (uint32_t)get_int(r, x, "spouts", (int64_t)t->n_components + 1);
	t->subscriptions = xcalloc(subscriptions->n + 1, sizeof *t->subscriptions);
	for (const struct json_node *s = json_first(subscriptions); s;
	    s = json_next(subscriptions, s))
		get_subscription(r, s, t, &t->subscriptions[t->n_subscriptions++]);
	get_layout(r, x, t);
	return t;
}

static int read_all(const char *path, struct buf *b, struct error *e)
{
	FILE *f = fopen(path, "re");
	char block[16384];
	size_t n;
	int failed;

	if (f == NULL)
		return error_errno(e, "cannot read %s", path);
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(b, block, n);
	failed = ferror(f);
	fclose(f);
	return failed ? error_errno(e, "cannot read %s", path) : 0;
}

struct topology *topology_read(const char *path, struct error *e)
{
	struct reader r = { false };
	struct diagnostics d = { 0 };
	struct topology *t = NULL;
	struct buf b = { 0 };
	struct json *j;

	if (read_all(path, &b, e) < 0) {
		buf_free(&b);
		return NULL;
	}
	diag_source(&d, path, buf_text(&b), b.n);
	j = json_parse(&d, 0);
	if (j != NULL)
		t = get_topology(&j->nodes[0], &r);
	if (t == NULL || r.bad) {
		error_set(e, "%s is no topology that this gale has written", path);
		topology_free(t);
		t = NULL;
	}
	json_free(j);
	diag_free(&d);
	return t;
}
