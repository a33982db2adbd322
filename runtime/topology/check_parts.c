/* check_parts.c - the second step of checks.h: what the plugins declare.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "memory.h"

/* ---- finding the libraries -------------------------------------------------------- */

/* class_name splits "library" or "library.Component". False when it is neither. */
static bool class_name(
    struct check *c, const struct json_node *x, struct part *made, char **library)
{
	const char *text = json_text(x);
	size_t n = plugin_span(text, "_-");
	bool good = n > 0 && n <= CHECK_MAX_NAME;

	if (text[n] == '.')
		good = good && plugin_name_ok(text + n + 1) && strlen(text) <= 2 * CHECK_MAX_NAME;
	else
		good = good && text[n] == '\0';
	if (!good) {
		check_error(c, x, "\"%s\" names no component", text);
		diag_help(
		    c->d, "write \"library.Component\", or \"library\" where it holds only one");
		return false;
	}
	made->class_name = xstrdup(text);
	*library = xstrndup(text, n);
	if (text[n] == '.')
		made->component = xstrdup(text + n + 1);
	return true;
}

/* given_library takes the path under "library". */
static void given_library(struct check *c, const struct json_node *x, struct part *made)
{
	char *path = check_path(c, x), *real = realpath(path, NULL);

	if (real == NULL)
		check_error(c, x, "no plugin at %s", path);
	made->library = real;
	free(path);
}

/* find_part finds the library of one part and puts it on the catalog's list. */
static void find_part(struct check *c, const struct part_draft *draft, struct part *made)
{
	char *library = NULL;
	struct error e;

	if (draft->class_name == NULL || !class_name(c, draft->class_name, made, &library))
		return;
	if (c->no_plugins) {
		free(library);
		return;
	}
	if (draft->library != NULL) {
		given_library(c, draft->library, made);
	} else {
		made->library = plugin_find(library, c->path, &e);
		if (made->library == NULL)
			check_error(c, draft->class_name, "%s", e.text);
	}
	free(library);
	if (made->library != NULL)
		catalog_add(&c->catalog, made->library);
}

/* resolve_part finds the component in the library, which must be of KIND. */
static void resolve_part(
    struct check *c, struct part_draft *draft, struct part *made, gale_kind kind)
{
	const struct json_node *x = draft->class_name;
	const struct catalog_component *found;
	const struct catalog_library *l;
	struct error e;

	if (made->library == NULL)
		return;
	l = catalog_find(&c->catalog, made->library);
	if (l->error != NULL) {
		check_error(c, x, "%s", l->error);
		return;
	}
	found = catalog_component(l, made->component, &e);
	if (found == NULL) {
		check_error(c, x, "%s", e.text);
		return;
	}
	if (found->declared.kind != kind) {
		check_error(c, x, "%s is a %s, here it is used as a %s", made->class_name,
		    plugin_kind_name(found->declared.kind), plugin_kind_name(kind));
		return;
	}
	free(made->component);
	made->component = xstrdup(found->declared.name);
	draft->declared = found;
}

/* ---- what they declare ------------------------------------------------------------ */

static gale_field *copy_fields(const gale_field *fields, uint32_t *n)
{
	gale_field *made;

	*n = 0;
	while (fields != NULL && fields[*n].name != NULL)
		++*n;
	made = xcalloc(*n + 1, sizeof *made);
	for (uint32_t i = 0; i < *n; i++)
		made[i] = (gale_field){ xstrdup(fields[i].name), fields[i].type };
	return made;
}

static void add_stream(
    struct component *made, const char *id, bool direct, const gale_field *fields)
{
	struct stream *s = &made->outputs[made->n_outputs++];

	s->id = xstrdup(id);
	s->direct = direct;
	s->fields = copy_fields(fields, &s->n_fields);
}

static void copy_outputs(struct component *made, const gale_stream *outputs)
{
	size_t n = 0;

	while (outputs != NULL && outputs[n].id != NULL)
		n++;
	made->outputs = xcalloc(n + 2, sizeof *made->outputs);	/* and the dead letters */
	for (size_t i = 0; i < n; i++)
		add_stream(made, outputs[i].id, outputs[i].direct, outputs[i].fields);
}

/* take_outputs decides who declares the outputs: the plugin or the file. */
static void take_outputs(struct check *c, struct component_draft *draft, struct component *made)
{
	const gale_component *declared = &draft->part.declared->declared;
	const struct json_node *outputs = draft->outputs;

	if (!declared->outputs_from_json) {
		if (outputs != NULL) {
			diag_error(c->d, outputs->key_start, outputs->key_end,
			    "%s declares its outputs itself", made->part.class_name);
			diag_help(c->d, "remove \"outputs\"");
		}
		copy_outputs(made, declared->outputs);
		draft->outputs_known = true;
	} else if (outputs != NULL) {
		check_outputs(c, outputs, made);
		draft->outputs_known = true;
	} else if (json_member(draft->node, "outputs") == NULL) {
		diag_error(c->d, draft->node->start, draft->node->start + 1,
		    "%s needs \"outputs\"", made->part.class_name);
		diag_help(c->d,
		    "add \"outputs\": [{ \"streamId\": \"default\", \"fields\": [\"field\"] }]");
	}
}

static void add_dead_letters(struct component *made)
{
	static const gale_field fields[] = {
		{ "id", GALE_INT },
		{ "attempts", GALE_INT },
		{ "reason", GALE_STRING },
		{ "stream", GALE_STRING },
		{ "values", GALE_LIST },
		{ NULL, GALE_NULL },
	};

	if (made->outputs == NULL)
		made->outputs = xcalloc(1, sizeof *made->outputs);
	add_stream(made, DEAD_LETTER_STREAM, false, fields);
}

static bool has_key(const struct json_node *config, const char *key)
{
	const struct json_node *x = config != NULL ? json_member(config, key) : NULL;

	return x != NULL && x->type != JSON_NULL;
}

/* idle_tick warns of a tick of its own that the component does not hear. */
static void idle_tick(struct check *c, const struct component_draft *draft)
{
	static const char *const keys[] = { "topology.tick.tuple.freq.secs",
		"topology.tick.tuple.freq.ms" };
	const struct json_node *x;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (!has_key(draft->config, keys[i]))
			continue;
		x = json_member(draft->config, keys[i]);
		diag_warning(c->d, x->key_start, x->key_end,
		    "%s has no tick callback: this has no effect",
		    draft->part.declared->declared.name);
	}
}

static void take_component(struct check *c, struct component_draft *draft, struct component *made)
{
	const struct catalog_component *found = draft->part.declared;

	if (found != NULL) {
		take_outputs(c, draft, made);
		made->inputs = copy_fields(found->declared.inputs, &made->n_inputs);
		made->takes_any = found->declared.inputs == NULL;
		made->has_finish = found->has_finish;
		made->has_tick = found->has_tick;
		made->has_publish = found->has_publish;
		made->state_version = found->declared.state_version;
		made->combines = found->declared.combine;
		made->state_by_field = found->declared.state_by_field;
		if (!found->has_tick)
			idle_tick(c, draft);
	} else {
		made->takes_any = true;
		if (draft->outputs != NULL)
			check_outputs(c, draft->outputs, made);
	}
	if (made->kind == GALE_SPOUT)
		add_dead_letters(made);
	check_properties(c, &draft->part, draft->node, &made->part);
}

void check_parts(struct check *c)
{
	struct topology *t = c->t;

	for (uint32_t i = 0; i < t->n_components; i++)
		find_part(c, &c->components[i].part, &t->components[i].part);
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		find_part(c, &c->streams[i].part, &t->subscriptions[i].custom);
	catalog_load(&c->catalog, CATALOG_DEADLINE_MS);
	for (uint32_t i = 0; i < t->n_components; i++) {
		resolve_part(
		    c, &c->components[i].part, &t->components[i].part, t->components[i].kind);
		take_component(c, &c->components[i], &t->components[i]);
	}
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		resolve_part(c, &c->streams[i].part, &t->subscriptions[i].custom, GALE_GROUPING);
		if (c->streams[i].part.class_name != NULL)
			check_properties(c, &c->streams[i].part, c->streams[i].custom,
			    &t->subscriptions[i].custom);
	}
}
