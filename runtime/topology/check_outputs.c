/* check_outputs.c - "outputs" of a component whose plugin leaves them to the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "memory.h"

enum { O_STREAM_ID, O_FIELDS, O_DIRECT, O_COUNT };

static const struct check_key output_keys[] = {
	[O_STREAM_ID] = { "streamId", .types = CHECK_STRING },
	[O_FIELDS] = { "fields", .types = CHECK_ARRAY, .required = true },
	[O_DIRECT] = { "direct", .types = CHECK_BOOL },
};

enum { F_NAME, F_TYPE, F_COUNT };

static const struct check_key field_keys[] = {
	[F_NAME] = { "name", .types = CHECK_STRING, .required = true },
	[F_TYPE] = { "type", .types = CHECK_STRING },
};

static gale_type field_type(struct check *c, const struct json_node *x)
{
	struct nearest near = check_nearest(c, json_text(x));

	for (int i = GALE_NULL; i <= GALE_ANY; i++) {
		if (strcmp(plugin_type_name((gale_type)i), json_text(x)) == 0)
			return (gale_type)i;
		nearest_try(&near, plugin_type_name((gale_type)i));
	}
	check_error(c, x, "unknown type \"%s\"", near.word);
	diag_help(c->d, "%s",
	    near.best ? nearest_help(&near)
	              : "there is null, bool, int, float, string, bytes, list, map and any");
	return GALE_ANY;
}

/* one_field takes "name" or {"name", "type"}; false when it is neither. */
static bool one_field(struct check *c, const struct json_node *x, struct stream *made)
{
	const struct json_node *found[F_COUNT] = { NULL }, *name = x;
	gale_type type = GALE_ANY;

	if (x->type == JSON_OBJECT) {
		check_object(c, x, "a field", field_keys, F_COUNT, found);
		name = found[F_NAME];
		if (found[F_TYPE] != NULL)
			type = field_type(c, found[F_TYPE]);
	} else if (x->type != JSON_UNKNOWN && json_text(x) == NULL) {
		check_error(
		    c, x, "expected the name of a field, found %s", json_type_name(x->type));
	}
	if (name == NULL || json_text(name) == NULL)
		return false;
	if (json_text(name)[0] == '\0') {
		check_error(c, name, "a field needs a name");
		return false;
	}
	for (uint32_t i = 0; i < made->n_fields; i++)
		if (strcmp(made->fields[i].name, json_text(name)) == 0) {
			check_error(c, name, "the field \"%s\" is here twice", json_text(name));
			return false;
		}
	made->fields[made->n_fields++] = (gale_field){ xstrdup(json_text(name)), type };
	return true;
}

static bool fields(struct check *c, const struct json_node *list, struct stream *made)
{
	bool good = true;

	made->fields = xcalloc(list->n + 1, sizeof *made->fields);
	for (const struct json_node *x = json_first(list); x; x = json_next(list, x)) {
		if (made->n_fields == GALE_MAX_FIELDS) {
			check_error(c, x, "more than %d fields in a stream", GALE_MAX_FIELDS);
			return false;
		}
		good = one_field(c, x, made) && good;
	}
	return good;
}

static bool stream_id(struct check *c, const struct json_node *x, const struct component *made)
{
	if (!check_id(c, x, "the id of a stream", CHECK_MAX_ID))
		return false;
	if (strcmp(json_text(x), DEAD_LETTER_STREAM) == 0) {
		check_error(c, x, "\"" DEAD_LETTER_STREAM "\" is gale's own: every spout has it");
		return false;
	}
	for (uint32_t i = 0; i < made->n_outputs; i++)
		if (strcmp(made->outputs[i].id, json_text(x)) == 0) {
			check_error(c, x, "the stream \"%s\" is here twice", json_text(x));
			return false;
		}
	return true;
}

static void one_output(struct check *c, const struct json_node *x, struct component *made)
{
	struct stream *s = &made->outputs[made->n_outputs];
	const struct json_node *found[O_COUNT];

	if (x->type != JSON_OBJECT) {
		if (x->type != JSON_UNKNOWN)
			check_error(c, x, "expected an output as an object, found %s",
			    json_type_name(x->type));
		return;
	}
	check_object(c, x, "an output", output_keys, O_COUNT, found);
	if (found[O_FIELDS] == NULL ||
	    (found[O_STREAM_ID] != NULL && !stream_id(c, found[O_STREAM_ID], made)))
		return;
	fields(c, found[O_FIELDS], s);
	s->id = xstrdup(found[O_STREAM_ID] != NULL ? json_text(found[O_STREAM_ID]) : "default");
	s->direct = found[O_DIRECT] != NULL && found[O_DIRECT]->b;
	made->n_outputs++;
}

void check_outputs(struct check *c, const struct json_node *outputs, struct component *made)
{
	if (outputs->n == 0)
		check_error(c, outputs, "\"outputs\" needs at least one stream");
	made->outputs = xcalloc(outputs->n + 2, sizeof *made->outputs);	/* and the dead letters */
	for (const struct json_node *x = json_first(outputs); x; x = json_next(outputs, x)) {
		if (made->n_outputs == PLUGIN_MAX_STREAMS) {
			check_error(c, x, "more than %d outputs", PLUGIN_MAX_STREAMS);
			return;
		}
		one_output(c, x, made);
	}
}
