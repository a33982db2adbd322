/* catalog_json.c - a component's declaration as JSON, and back; see catalog.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "memory.h"
#include "plugin.h"

/* ---- writing ---------------------------------------------------------------------- */

static void put_text(struct buf *out, const char *key, const char *s)
{
	buf_printf(out, ",\"%s\":", key);
	if (s == NULL)
		buf_puts(out, "null");
	else
		buf_json_string(out, s, strlen(s));
}

static void put_bool(struct buf *out, const char *key, bool b)
{
	buf_printf(out, ",\"%s\":%s", key, b ? "true" : "false");
}

static void put_fields(struct buf *out, const char *key, const gale_field *fields)
{
	buf_printf(out, ",\"%s\":", key);
	if (fields == NULL) {
		buf_puts(out, "null");
		return;
	}
	buf_puts(out, "[");
	for (size_t i = 0; fields[i].name != NULL; i++) {
		buf_puts(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		buf_json_string(out, fields[i].name, strlen(fields[i].name));
		put_text(out, "type", plugin_type_name(fields[i].type));
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void put_outputs(struct buf *out, const gale_stream *streams)
{
	buf_puts(out, ",\"outputs\":[");
	for (size_t i = 0; streams != NULL && streams[i].id != NULL; i++) {
		buf_puts(out, i > 0 ? ",{\"streamId\":" : "{\"streamId\":");
		buf_json_string(out, streams[i].id, strlen(streams[i].id));
		put_bool(out, "direct", streams[i].direct);
		put_fields(out, "fields", streams[i].fields);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void put_props(struct buf *out, const gale_prop *props)
{
	buf_puts(out, ",\"properties\":[");
	for (const gale_prop *p = props; p != NULL && p->name != NULL; p++) {
		buf_puts(out, p > props ? ",{\"name\":" : "{\"name\":");
		buf_json_string(out, p->name, strlen(p->name));
		put_text(out, "type", plugin_prop_type_name(p->type));
		put_text(out, "doc", p->doc);
		put_text(out, "default", p->fallback);
		put_bool(out, "required", p->required);
		if (p->min != 0 || p->max != 0)
			buf_printf(out, ",\"min\":%lld,\"max\":%lld", (long long)p->min,
			    (long long)p->max);
		put_text(out, "choices", p->choices);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

void catalog_write(struct buf *out, const struct catalog_component *x)
{
	const gale_component *c = &x->declared;

	buf_puts(out, "{\"name\":");
	buf_json_string(out, c->name, strlen(c->name));
	put_text(out, "kind", plugin_kind_name(c->kind));
	put_text(out, "doc", c->doc);
	put_bool(out, "outputsFromFile", c->outputs_from_json);
	put_bool(out, "hasFinish", x->has_finish);
	put_bool(out, "hasTick", x->has_tick);
	put_bool(out, "hasResume", x->has_resume);
	put_bool(out, "hasFinishBatch", x->has_finish_batch);
	put_bool(out, "hasPublish", x->has_publish);
	buf_printf(out, ",\"stateVersion\":%u", c->state_version);
	put_bool(out, "stateByField", c->state_by_field);
	put_bool(out, "combine", c->combine);
	put_fields(out, "inputs", c->inputs);
	put_outputs(out, c->outputs);
	put_props(out, c->props);
	buf_puts(out, "}");
}

/* ---- reading ---------------------------------------------------------------------- */

static const char *text_of(const struct json_node *x, const char *key)
{
	const struct json_node *found = json_member(x, key);

	return found != NULL ? json_text(found) : NULL;
}

static bool bool_of(const struct json_node *x, const char *key)
{
	const struct json_node *found = json_member(x, key);

	return found != NULL && found->type == JSON_BOOL && found->b;
}

static int64_t int_of(const struct json_node *x, const char *key)
{
	const struct json_node *found = json_member(x, key);

	return found != NULL && found->type == JSON_INT ? found->i : 0;
}

/* list_of gives the member KEY if it is an array, else NULL. */
static const struct json_node *list_of(const struct json_node *x, const char *key)
{
	const struct json_node *found = json_member(x, key);

	return found != NULL && found->type == JSON_ARRAY ? found : NULL;
}

/* number_of gives the place of NAME among the N names that FN knows, or -1. */
static int number_of(const char *name, const char *(*fn)(int), int from, int n)
{
	for (int i = from; name != NULL && i < n; i++)
		if (strcmp(fn(i), name) == 0)
			return i;
	return -1;
}

static const char *type_name(int i)
{
	return plugin_type_name((gale_type)i);
}

static const char *prop_type_name(int i)
{
	return plugin_prop_type_name((gale_prop_type)i);
}

static const char *kind_name(int i)
{
	return plugin_kind_name((gale_kind)i);
}

static int read_fields(const struct json_node *list, const gale_field **made)
{
	gale_field *fields;
	size_t n = 0;
	int type;

	*made = NULL;
	if (list == NULL)
		return 0;
	*made = fields = xcalloc(list->n + 1, sizeof *fields);
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c), n++) {
		type = number_of(text_of(c, "type"), type_name, GALE_NULL, GALE_ANY + 1);
		fields[n].name = text_of(c, "name");
		fields[n].type = (gale_type)type;
		if (type < 0 || fields[n].name == NULL)
			return -1;
	}
	return 0;
}

static int read_outputs(const struct json_node *list, gale_component *made)
{
	gale_stream *streams;
	size_t n = 0;

	if (list == NULL)
		return -1;
	made->outputs = streams = xcalloc(list->n + 1, sizeof *streams);
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c), n++) {
		streams[n].id = text_of(c, "streamId");
		streams[n].direct = bool_of(c, "direct");
		if (streams[n].id == NULL ||
		    read_fields(list_of(c, "fields"), &streams[n].fields) < 0)
			return -1;
		if (streams[n].fields == NULL)
			return -1;
	}
	return 0;
}

static int read_props(const struct json_node *list, gale_component *made)
{
	gale_prop *p;
	int type;

	if (list == NULL)
		return -1;
	made->props = p = xcalloc(list->n + 1, sizeof *p);
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c), p++) {
		type = number_of(
		    text_of(c, "type"), prop_type_name, GALE_PROP_BOOL, GALE_PROP_PATH + 1);
		p->name = text_of(c, "name");
		if (type < 0 || p->name == NULL)
			return -1;
		p->type = (gale_prop_type)type;
		p->doc = text_of(c, "doc");
		p->fallback = text_of(c, "default");
		p->required = bool_of(c, "required");
		p->min = int_of(c, "min");
		p->max = int_of(c, "max");
		p->choices = text_of(c, "choices");
	}
	return 0;
}

static int read_component(const struct json_node *x, struct catalog_component *made)
{
	gale_component *c = &made->declared;
	int kind = number_of(text_of(x, "kind"), kind_name, GALE_SPOUT, GALE_GROUPING + 1);

	c->name = text_of(x, "name");
	if (kind < 0 || c->name == NULL)
		return -1;
	c->kind = (gale_kind)kind;
	c->doc = text_of(x, "doc");
	c->outputs_from_json = bool_of(x, "outputsFromFile");
	made->has_finish = bool_of(x, "hasFinish");
	made->has_tick = bool_of(x, "hasTick");
	made->has_resume = bool_of(x, "hasResume");
	made->has_finish_batch = bool_of(x, "hasFinishBatch");
	made->has_publish = bool_of(x, "hasPublish");
	c->state_version = (uint32_t)int_of(x, "stateVersion");
	c->state_by_field = bool_of(x, "stateByField");
	c->combine = bool_of(x, "combine");
	if (read_fields(list_of(x, "inputs"), &c->inputs) < 0)
		return -1;
	if (read_outputs(list_of(x, "outputs"), c) < 0)
		return -1;
	return read_props(list_of(x, "properties"), c);
}

int catalog_read(struct catalog_library *l, struct json *json)
{
	const struct json_node *list = list_of(&json->nodes[0], "components");

	l->json = json;
	if (list == NULL)
		return -1;
	l->components = xcalloc(list->n + 1, sizeof *l->components);
	for (const struct json_node *c = json_first(list); c; c = json_next(list, c))
		if (read_component(c, &l->components[l->n++]) < 0)
			return -1;
	return 0;
}
