/* plugin.c - see plugin.h: opening libraries and filling in properties. How they are found
 * is in plugin_find.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "plugin.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "nearest.h"
#include "plugin_check.h"

/* What every struct gale_component has had since the first: a smaller one is none. */
#define LEAST_SIZE offsetof(gale_component, cleanup)

static const char *const type_names[] = {
	[GALE_NULL] = "null", [GALE_BOOL] = "bool", [GALE_INT] = "int", [GALE_FLOAT] = "float",
	[GALE_STRING] = "string", [GALE_BYTES] = "bytes", [GALE_LIST] = "list", [GALE_MAP] = "map",
	[GALE_ANY] = "any",
};

static const char *const prop_type_names[] = {
	[GALE_PROP_BOOL] = "bool", [GALE_PROP_INT] = "int", [GALE_PROP_FLOAT] = "float",
	[GALE_PROP_STRING] = "string", [GALE_PROP_PATH] = "path",
};

static const char *const kind_names[] = {
	[GALE_SPOUT] = "spout", [GALE_BOLT] = "bolt", [GALE_GROUPING] = "grouping",
};

const char *plugin_type_name(gale_type type)
{
	return type_names[type];
}

const char *plugin_prop_type_name(gale_prop_type type)
{
	return prop_type_names[type];
}

const char *plugin_kind_name(gale_kind kind)
{
	return kind_names[kind];
}

size_t plugin_span(const char *s, const char *more)
{
	size_t n = 0;

	while (s[n] != '\0' && (isalnum((unsigned char)s[n]) || strchr(more, s[n]) != NULL))
		n++;
	return n;
}

bool plugin_name_ok(const char *name)
{
	return isalpha((unsigned char)name[0]) && name[plugin_span(name, "_")] == '\0';
}

/* ---- opening ---------------------------------------------------------------------- */

/* Causes behind what dlerror says, in words that help. */
static const struct {
	const char *said, *cause;
} causes[] = {
	{ "file too short", "it is no shared object" },
	{ "invalid ELF header", "it is no shared object" },
	{ "wrong ELF class", "it was built for another kind of machine" },
	{ "undefined symbol",
	    "it calls a function that nobody provides; link it with -Wl,-z,defs to see "
	    "this earlier" },
	{ "cannot open shared object file", "it, or a library that it needs, is missing" },
	{ "cannot dynamically load executable", "it is a program; link it with -shared" },
};

static int dl_failed(const char *path, struct error *e)
{
	const char *said = dlerror(), *cause = NULL;
	size_t n = strlen(path);

	if (said == NULL)
		said = "no reason given";
	for (size_t i = 0; i < sizeof causes / sizeof *causes && cause == NULL; i++)
		if (strstr(said, causes[i].said) != NULL)
			cause = causes[i].cause;
	if (strncmp(said, path, n) == 0 && strncmp(said + n, ": ", 2) == 0)
		said += n + 2;		/* it begins with the path mostly */
	if (cause == NULL)
		return error_set(e, "cannot load %s: %s", path, said);
	return error_set(e, "cannot load %s: %s (%s)", path, cause, said);
}

/* check_interface looks at the two words that every version has; nothing else may be read
 * before. */
static int check_interface(const char *path, const gale_plugin_info *info, struct error *e)
{
	if (info->abi != GALE_ABI)
		return error_set(e,
		    "%s is built for version %u of gale's plugin interface; this gale has "
		    "version %u: compile it again",
		    path, info->abi, GALE_ABI);
	if (info->size > sizeof(gale_component))
		return error_set(e,
		    "%s is built for a newer gale: its components have %u bytes, here they "
		    "have %zu: compile it again with this gale's header",
		    path, info->size, sizeof(gale_component));
	if (info->size < LEAST_SIZE)
		return error_set(e,
		    "%s is no sound plugin: its components have %u bytes, none has less than %zu",
		    path, info->size, (size_t)LEAST_SIZE);
	return 0;
}

static int count(const char *path, const gale_plugin_info *info, struct plugin *p, struct error *e)
{
	if (info->components == NULL || info->components[0] == NULL)
		return error_set(e, "%s declares no component", path);
	while (info->components[p->n] != NULL)
		if (++p->n > PLUGIN_MAX_COMPONENTS)
			return error_set(e,
			    "%s declares more than %d components; does the list end with NULL?",
			    path, PLUGIN_MAX_COMPONENTS);
	return 0;
}

/* take_components lists the components. Those of an older minor version are shorter than
 * ours and are copied: what they lack is zero, which means "not there". */
static void take_components(struct plugin *p, const gale_plugin_info *info)
{
	p->components = xcalloc(p->n, sizeof(void *));
	if (info->size < sizeof(gale_component))
		p->copies = xcalloc(p->n, sizeof *p->copies);
	for (size_t i = 0; i < p->n; i++) {
		p->components[i] = info->components[i];
		if (p->copies == NULL)
			continue;
		memcpy(&p->copies[i], info->components[i], info->size);
		p->components[i] = &p->copies[i];
	}
}

static int check_components(const struct plugin *p, struct error *e)
{
	struct error why;

	for (size_t i = 0; i < p->n; i++) {
		if (plugin_check(p->components[i], &why) < 0)
			return error_set(e, "%s: %s", p->path, why.text);
		for (size_t k = 0; k < i; k++)
			if (strcmp(p->components[k]->name, p->components[i]->name) == 0)
				return error_set(
				    e, "%s declares %s twice", p->path, p->components[i]->name);
	}
	return 0;
}

struct plugin *plugin_open(const char *path, struct error *e)
{
	const gale_plugin_info *info;
	struct plugin *p;
	void *library;

	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		dl_failed(path, e);
		return NULL;
	}
	info = dlsym(library, "gale_plugin");
	if (info == NULL) {
		error_set(e,
		    "%s is no gale plugin: it does not export `gale_plugin`; see GALE_PLUGIN "
		    "in gale.h",
		    path);
		return NULL;
	}
	if (check_interface(path, info, e) < 0)
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->path = xstrdup(path);
	if (count(path, info, p, e) == 0) {
		take_components(p, info);
		if (check_components(p, e) == 0)
			return p;
	}
	plugin_free(p);
	return NULL;
}

void plugin_free(struct plugin *p)
{
	if (p == NULL)
		return;
	free(p->path);
	free(p->components);
	free(p->copies);
	free(p);
}

const gale_component *plugin_component(const struct plugin *p, const char *name, struct error *e)
{
	struct nearest near = nearest_to(name != NULL ? name : "");

	if (name == NULL && p->n == 1)
		return p->components[0];
	for (size_t i = 0; i < p->n; i++) {
		if (name != NULL && strcmp(p->components[i]->name, name) == 0)
			return p->components[i];
		nearest_try(&near, p->components[i]->name);
	}
	if (name == NULL)
		error_set(e, "%s has %zu components: name one of them; %s", p->path, p->n,
		    nearest_help(&near));
	else
		error_set(e, "%s has no component \"%s\"; %s", p->path, name, nearest_help(&near));
	return NULL;
}

/* ---- properties ------------------------------------------------------------------- */

static int no_value(const gale_prop *p, struct error *e)
{
	return error_set(e, "property \"%s\": \"%s\" is no %s", p->name, p->fallback,
	    plugin_prop_type_name(p->type));
}

int plugin_fallback(const gale_prop *p, struct setting *v, struct error *e)
{
	const char *text = p->fallback;
	char *end = NULL;

	*v = (struct setting){ .key = (char *)(uintptr_t)p->name };
	if (text == NULL)
		return 0;
	errno = 0;
	switch (p->type) {
	case GALE_PROP_BOOL:
		v->type = SETTING_BOOL;
		v->b = strcmp(text, "true") == 0;
		return v->b || strcmp(text, "false") == 0 ? 0 : no_value(p, e);
	case GALE_PROP_INT:
		v->type = SETTING_INT;
		v->i = strtoll(text, &end, 10);
		break;
	case GALE_PROP_FLOAT:
		v->type = SETTING_FLOAT;
		v->f = strtod(text, &end);
		break;
	case GALE_PROP_STRING:
	case GALE_PROP_PATH:
		v->type = SETTING_STRING;
		v->s = (char *)(uintptr_t)text;
		return 0;
	}
	return end != text && *end == '\0' && errno == 0 ? 0 : no_value(p, e);
}

static bool is_choice(const char *choices, const char *s)
{
	size_t n = strlen(s);

	for (const char *p = choices; ; p++) {
		size_t length = strcspn(p, "|");

		if (length == n && memcmp(p, s, n) == 0)
			return true;
		p += length;
		if (*p == '\0')
			return false;
	}
}

static int check_range(const gale_prop *p, double f, int64_t i, bool is_int, struct error *e)
{
	bool below = is_int ? i < p->min : f < (double)p->min;
	bool above = is_int ? i > p->max : f > (double)p->max;

	if ((p->min == 0 && p->max == 0) || (!below && !above))
		return 0;
	if (is_int)
		return error_set(e, "property \"%s\" must be from %lld to %lld, found %lld",
		    p->name, (long long)p->min, (long long)p->max, (long long)i);
	return error_set(e, "property \"%s\" must be from %lld to %lld, found %g", p->name,
	    (long long)p->min, (long long)p->max, f);
}

static int check_string(const gale_prop *p, const char *s, struct error *e)
{
	if (p->type == GALE_PROP_PATH && s[0] == '\0')
		return error_set(
		    e, "property \"%s\" must be a path, found an empty string", p->name);
	if (p->choices == NULL || is_choice(p->choices, s))
		return 0;
	return error_set(
	    e, "property \"%s\" must be one of %s, found \"%s\"", p->name, p->choices, s);
}

int plugin_check_value(const gale_prop *p, const struct setting *v, struct error *e)
{
	static const char *const found[] = {
		[SETTING_NULL] = "null",
		[SETTING_BOOL] = "true or false",
		[SETTING_INT] = "an integer",
		[SETTING_FLOAT] = "a number with a fraction",
		[SETTING_STRING] = "a string",
	};
	static const char *const wanted[] = {
		[GALE_PROP_BOOL] = "true or false",
		[GALE_PROP_INT] = "an integer",
		[GALE_PROP_FLOAT] = "a number",
		[GALE_PROP_STRING] = "a string",
		[GALE_PROP_PATH] = "a path",
	};

	if (p->type == GALE_PROP_BOOL && v->type == SETTING_BOOL)
		return 0;
	if (p->type == GALE_PROP_INT && v->type == SETTING_INT)
		return check_range(p, 0, v->i, true, e);
	if (p->type == GALE_PROP_FLOAT && v->type == SETTING_INT)
		return check_range(p, 0, v->i, true, e);
	if (p->type == GALE_PROP_FLOAT && v->type == SETTING_FLOAT)
		return check_range(p, v->f, 0, false, e);
	if ((p->type == GALE_PROP_STRING || p->type == GALE_PROP_PATH) &&
	    v->type == SETTING_STRING)
		return check_string(p, v->s, e);
	return error_set(
	    e, "property \"%s\" must be %s, found %s", p->name, wanted[p->type], found[v->type]);
}

static void write_value(const gale_prop *p, const struct setting *v, char *self)
{
	double f = v->type == SETTING_INT ? (double)v->i : v->f;
	const char *s = v->s;

	switch (p->type) {
	case GALE_PROP_BOOL:
		memcpy(self + p->offset, &v->b, sizeof v->b);
		break;
	case GALE_PROP_INT:
		memcpy(self + p->offset, &v->i, sizeof v->i);
		break;
	case GALE_PROP_FLOAT:
		memcpy(self + p->offset, &f, sizeof f);
		break;
	case GALE_PROP_STRING:
	case GALE_PROP_PATH:
		memcpy(self + p->offset, &s, sizeof s);
		break;
	}
}

static const struct setting *given(const struct settings *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].key, name) == 0)
			return all->items[i].type == SETTING_NULL ? NULL : &all->items[i];
	return NULL;
}

int plugin_fill(
    const gale_component *c, const struct settings *properties, void *self, struct error *e)
{
	for (const gale_prop *p = c->props; p != NULL && p->name != NULL; p++) {
		const struct setting *v = given(properties, p->name);
		struct setting fallback;

		if (v == NULL && p->required)
			return error_set(e, "property \"%s\" is missing", p->name);
		if (v == NULL) {
			if (plugin_fallback(p, &fallback, e) < 0)
				return -1;
			v = &fallback;
		} else if (plugin_check_value(p, v, e) < 0) {
			return -1;
		}
		if (v->type != SETTING_NULL)
			write_value(p, v, self);
	}
	return 0;
}
