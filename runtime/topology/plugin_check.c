/* plugin_check.c - see plugin_check.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "plugin_check.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "plugin.h"
#include "topology.h"

static bool is_text(const char *s)
{
	size_t n = strlen(s), length = 1;

	for (size_t i = 0; i < n && length > 0; i += length)
		length = utf8_length(s + i, n - i);
	return length > 0 && n > 0;
}

static bool is_stream_id(const char *id)
{
	size_t n = strlen(id);

	return n > 0 && n <= 64 && id[0] != '_' && id[0] != '-' && plugin_span(id, "_-") == n;
}

static int check_fields(
    const gale_component *c, const char *where, const gale_field *fields, struct error *e)
{
	for (size_t i = 0; fields[i].name != NULL; i++) {
		if (i == GALE_MAX_FIELDS)
			return error_set(e,
			    "%s: %s has more than %d fields; is the last one without a name?",
			    c->name, where, GALE_MAX_FIELDS);
		if (!is_text(fields[i].name))
			return error_set(e, "%s: %s has a field whose name is empty or no UTF-8",
			    c->name, where);
		if (fields[i].type < GALE_NULL || fields[i].type > GALE_ANY)
			return error_set(e, "%s: %s: field \"%s\" has the unknown type %d",
			    c->name, where, fields[i].name, (int)fields[i].type);
		for (size_t k = 0; k < i; k++)
			if (strcmp(fields[k].name, fields[i].name) == 0)
				return error_set(e, "%s: %s has the field \"%s\" twice", c->name,
				    where, fields[i].name);
	}
	return 0;
}

static int check_outputs(const gale_component *c, struct error *e)
{
	char where[80];

	if (c->outputs == NULL)
		return 0;
	for (size_t i = 0; c->outputs[i].id != NULL; i++) {
		const gale_stream *s = &c->outputs[i];

		if (i == PLUGIN_MAX_STREAMS)
			return error_set(e,
			    "%s has more than %d outputs; is the last one without an id?", c->name,
			    PLUGIN_MAX_STREAMS);
		if (!is_stream_id(s->id))
			return error_set(
			    e, "%s: \"%.64s\" can't be the id of a stream", c->name, s->id);
		if (strcmp(s->id, DEAD_LETTER_STREAM) == 0)
			return error_set(e,
			    "%s: the stream \"%s\" is gale's own: every spout has it", c->name,
			    DEAD_LETTER_STREAM);
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->outputs[k].id, s->id) == 0)
				return error_set(
				    e, "%s has the output \"%s\" twice", c->name, s->id);
		if (s->fields == NULL)
			return error_set(e, "%s: output \"%s\" has no fields", c->name, s->id);
		snprintf(where, sizeof where, "output \"%.64s\"", s->id);
		if (check_fields(c, where, s->fields, e) < 0)
			return -1;
	}
	return 0;
}

static const struct {
	size_t size, align;
} prop_types[] = {
	[GALE_PROP_BOOL] = { sizeof(bool), alignof(bool) },
	[GALE_PROP_INT] = { sizeof(int64_t), alignof(int64_t) },
	[GALE_PROP_FLOAT] = { sizeof(double), alignof(double) },
	[GALE_PROP_STRING] = { sizeof(char *), alignof(char *) },
	[GALE_PROP_PATH] = { sizeof(char *), alignof(char *) },
};

static int check_prop(const gale_component *c, const gale_prop *p, struct error *e)
{
	struct setting fallback;
	struct error why;

	if (!is_text(p->name))
		return error_set(e, "%s has a property whose name is empty or no UTF-8", c->name);
	if (p->type < GALE_PROP_BOOL || p->type > GALE_PROP_PATH)
		return error_set(e, "%s: property \"%s\" has the unknown type %d", c->name,
		    p->name, (int)p->type);
	if (c->self_size < prop_types[p->type].size ||
	    p->offset > c->self_size - prop_types[p->type].size)
		return error_set(e,
		    "%s: property \"%s\" lies outside its private memory (offset %zu, self_size "
		    "%zu)",
		    c->name, p->name, p->offset, c->self_size);
	if (p->offset % prop_types[p->type].align != 0)
		return error_set(e, "%s: property \"%s\" is not aligned (offset %zu)", c->name,
		    p->name, p->offset);
	if (plugin_fallback(p, &fallback, &why) < 0)
		return error_set(e, "%s: the default of %s", c->name, why.text);
	if (p->fallback != NULL && plugin_check_value(p, &fallback, &why) < 0)
		return error_set(e, "%s: the default of %s", c->name, why.text);
	return 0;
}

static int check_props(const gale_component *c, struct error *e)
{
	if (c->props == NULL)
		return 0;
	for (size_t i = 0; c->props[i].name != NULL; i++) {
		if (i == PLUGIN_MAX_PROPS)
			return error_set(e,
			    "%s has more than %d properties; is the last one without a name?",
			    c->name, PLUGIN_MAX_PROPS);
		for (size_t k = 0; k < i; k++)
			if (strcmp(c->props[k].name, c->props[i].name) == 0)
				return error_set(e, "%s has the property \"%s\" twice", c->name,
				    c->props[i].name);
		if (check_prop(c, &c->props[i], e) < 0)
			return -1;
	}
	return 0;
}

/* check_callbacks asks for the one callback that each kind can't do without. */
static int check_callbacks(const gale_component *c, struct error *e)
{
	switch (c->kind) {
	case GALE_SPOUT:
		return c->next != NULL ? 0 : error_set(e, "%s is a spout without `next`", c->name);
	case GALE_BOLT:
		return c->execute != NULL
		    ? 0
		    : error_set(e, "%s is a bolt without `execute`", c->name);
	case GALE_GROUPING:
		return c->choose != NULL
		    ? 0
		    : error_set(e, "%s is a grouping without `choose`", c->name);
	}
	return error_set(e, "%s is of the unknown kind %d", c->name, (int)c->kind);
}

static int check_state(const gale_component *c, struct error *e)
{
	if (c->state_version != 0 && c->kind != GALE_BOLT)
		return error_set(e, "%s declares a state_version; only bolts have state", c->name);
	if (c->persist != NULL && c->state_version == 0)
		return error_set(e, "%s has `persist` but no state_version", c->name);
	if (c->state_by_field && c->state_version == 0)
		return error_set(e, "%s has `state_by_field` but no state_version", c->name);
	if (c->combine && c->kind != GALE_BOLT)
		return error_set(e, "%s declares `combine`, which only bolts do", c->name);
	if (c->finish_batch != NULL && c->kind != GALE_BOLT)
		return error_set(e, "%s has `finish_batch`, which only bolts have", c->name);
	if (c->publish != NULL && c->kind != GALE_BOLT)
		return error_set(e, "%s has `publish`, which only bolts have", c->name);
	if (c->publish != NULL && c->state_version == 0)
		return error_set(e, "%s has `publish` but no state_version: what it is to publish after a crash "
		    "nobody would know", c->name);
	return 0;
}

int plugin_check(const gale_component *c, struct error *e)
{
	if (c->name == NULL)
		return error_set(e, "a component without a name");
	if (!plugin_name_ok(c->name))
		return error_set(e,
		    "\"%.64s\" can't be the name of a component: letters, digits and _, "
		    "a letter first",
		    c->name);
	if (check_callbacks(c, e) < 0 || check_outputs(c, e) < 0 || check_props(c, e) < 0 ||
	    check_state(c, e) < 0)
		return -1;
	if (c->inputs != NULL && check_fields(c, "inputs", c->inputs, e) < 0)
		return -1;
	if (c->inputs != NULL && c->kind != GALE_BOLT)
		return error_set(e, "%s declares inputs, which only bolts have", c->name);
	if (c->resume != NULL && c->kind != GALE_SPOUT)
		return error_set(e, "%s has `resume`, which only spouts have", c->name);
	if (c->outputs_from_json && c->outputs != NULL)
		return error_set(
		    e, "%s declares outputs and leaves them to the topology file", c->name);
	return 0;
}
