/* check_properties.c - "properties" against what the plugin declares.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are an object, or Flux's list of {"name", "value"}.
 */
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "memory.h"

/* One property in the file, in either form. */
struct given {
	const char *name;
	size_t start, end;		/* of the name */
	const struct json_node *value;
};

enum { P_NAME, P_VALUE, P_REF, P_COUNT };

static const struct check_key pair_keys[] = {
	[P_NAME] = { "name", .types = CHECK_STRING, .required = true },
	[P_VALUE] = { "value", .types = (unsigned)CHECK_ANY },
	[P_REF] = { "ref", .refusal = "there are no shared objects: write the \"value\"" },
};

static size_t from_object(const struct json_node *object, struct given *all)
{
	size_t n = 0;

	for (const struct json_node *x = json_first(object); x; x = json_next(object, x))
		if (strcmp(x->key, "$comment") != 0)
			all[n++] = (struct given){ x->key, x->key_start, x->key_end, x };
	return n;
}

static size_t from_list(struct check *c, const struct json_node *list, struct given *all)
{
	const struct json_node *found[P_COUNT];
	size_t n = 0;

	for (const struct json_node *x = json_first(list); x; x = json_next(list, x)) {
		if (x->type != JSON_OBJECT) {
			check_error(c, x,
			    "expected a property as { \"name\": ..., \"value\": ... }, found %s",
			    json_type_name(x->type));
			continue;
		}
		check_object(c, x, "a property", pair_keys, P_COUNT, found);
		if (json_member(x, "value") == NULL && json_member(x, "ref") == NULL)
			diag_error(c->d, x->start, x->start + 1, "a property needs \"value\"");
		if (found[P_NAME] == NULL || found[P_VALUE] == NULL)
			continue;
		all[n++] = (struct given){ json_text(found[P_NAME]), found[P_NAME]->start,
			found[P_NAME]->end, found[P_VALUE] };
	}
	return n;
}

static const gale_prop *find(const gale_component *declared, const char *name)
{
	for (const gale_prop *p = declared->props; p != NULL && p->name != NULL; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void unknown(struct check *c, const struct given *g, const gale_component *declared)
{
	struct nearest near = check_nearest(c, g->name);

	for (const gale_prop *p = declared->props; p != NULL && p->name != NULL; p++)
		nearest_try(&near, p->name);
	diag_error(c->d, g->start, g->end, "%s has no property \"%s\"", declared->name, g->name);
	diag_help(c->d, "%s", near.n > 0 ? nearest_help(&near) : "it has no properties at all");
}

/* known checks one value and adds it to MADE. */
static void known(
    struct check *c, const struct given *g, const gale_prop *p, struct settings *made)
{
	bool text = p->type == GALE_PROP_STRING || p->type == GALE_PROP_PATH;
	struct setting *s = check_setting(made, g->name, g->value, text);
	struct error e;

	if (plugin_check_value(p, s, &e) < 0) {
		check_error(c, g->value, "%s", e.text);
		diag_help(c->d, "%s", p->doc != NULL ? p->doc : "");
		return;
	}
	if (p->type == GALE_PROP_PATH) {
		free(s->s);
		s->s = check_path(c, g->value);
	}
}

static void one(
    struct check *c, const struct given *g, const gale_component *declared, struct settings *made)
{
	const gale_prop *p = declared != NULL ? find(declared, g->name) : NULL;

	if (declared != NULL && p == NULL)
		unknown(c, g, declared);
	else if (g->value->type == JSON_UNKNOWN || g->value->type == JSON_NULL)
		return;
	else if (g->value->type == JSON_ARRAY || g->value->type == JSON_OBJECT)
		check_error(c, g->value, "property \"%s\" must be a scalar, found %s", g->name,
		    json_type_name(g->value->type));
	else if (p != NULL)
		known(c, g, p, made);
}

static bool is_given(const struct given *all, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0 && all[i].value->type != JSON_NULL)
			return true;
	return false;
}

/* missing reports required properties, and makes relative default paths absolute: by the
 * caller's directory, for nothing in the file gave them. */
static void missing(struct check *c, const struct given *all, size_t n,
    const gale_component *declared, const struct json_node *owner, struct settings *made)
{
	for (const gale_prop *p = declared->props; p != NULL && p->name != NULL; p++) {
		struct json_node fallback = {
			.type = JSON_STRING, .text = p->fallback, .outside = true
		};
		struct setting *s;

		if (is_given(all, n, p->name))
			continue;
		if (p->required) {
			diag_error(c->d, owner->start, owner->start + 1,
			    "%s needs the property \"%s\"", declared->name, p->name);
			diag_help(c->d, "%s", p->doc != NULL ? p->doc : "");
		} else if (p->type == GALE_PROP_PATH && p->fallback != NULL &&
		    p->fallback[0] != '/' && strcmp(p->fallback, "-") != 0) {
			s = check_setting(made, p->name, &fallback, true);
			free(s->s);
			s->s = check_path(c, &fallback);
		}
	}
}

/* once reports what only Flux's list can hold: a name twice. */
static void once(struct check *c, const struct given *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(all[k].name, all[i].name) == 0) {
				diag_error(c->d, all[i].start, all[i].end,
				    "the property \"%s\" is here twice", all[i].name);
				diag_note(c->d, all[k].start, "first here");
				break;
			}
}

void check_properties(struct check *c, const struct part_draft *draft,
    const struct json_node *owner, struct part *made)
{
	const gale_component *declared =
	    draft->declared != NULL ? &draft->declared->declared : NULL;
	const struct json_node *x = draft->properties;
	struct given *all = xcalloc(x != NULL ? x->n + 1 : 1, sizeof *all);
	size_t n = 0;

	if (x != NULL && x->type == JSON_OBJECT)
		n = from_object(x, all);
	else if (x != NULL)
		n = from_list(c, x, all);
	if (n <= PLUGIN_MAX_PROPS)
		once(c, all, n);
	for (size_t i = 0; i < n; i++)
		one(c, &all[i], declared, &made->properties);
	if (declared != NULL)
		missing(c, all, n, declared, owner, &made->properties);
	free(all);
}
