/* plugin.h - plugin libraries: finding them, opening them, filling in properties.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A library is opened in two kinds of process only: in a worker, and in the child that
 * catalog.h makes to learn what a library declares. Opening one runs its code.
 */
#ifndef GALE_PLUGIN_H
#define GALE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include <gale/gale.h>

#include "error.h"
#include "topology.h"

/* A list that is longer has lost its end. */
enum { PLUGIN_MAX_STREAMS = 255, PLUGIN_MAX_PROPS = 255, PLUGIN_MAX_COMPONENTS = 255 };

/* Directories to search first (-P), in their order; borrowed. */
struct plugin_path {
	const char *const *dirs;
	size_t n;
};

/* plugin_find gives the absolute path of LIBRARY.so; the caller frees it. It looks into
 *   1. the directories of PATH (NULL: none),
 *   2. those of $GALE_PLUGIN_PATH, separated by colons,
 *   3. spouts/ and bolts/ beside the running program, where it was built and not installed;
 *      else the installed place, GALE_PLUGINDIR.
 * NULL, with E naming the directories tried and the nearest library there. */
char *plugin_find(const char *library, const struct plugin_path *path, struct error *e);

/* plugin_list gives the absolute paths of all libraries that plugin_find finds without PATH, in the
 * order of its search; NULL ends them. Free each of them and the array. */
char **plugin_list(void);

/* A library that is open. It is never closed: a plugin's threads, atexit handlers and
 * strings would all point into memory that is gone, the process is about to end anyway,
 * and sanitizers name leaks only while the code is mapped. */
struct plugin {
	char *path;
	const gale_component **components;	/* n */
	size_t n;
	gale_component *copies;			/* made when the plugin is of an older minor */
};

/* plugin_open opens the library at PATH (which has a slash) and checks what it declares:
 * first the number of the interface and the size of its structures, and only then
 * anything else. NULL with E set. Its components stay where they are until the process
 * ends; free the struct with plugin_free. */
struct plugin *plugin_open(const char *path, struct error *e);
void plugin_free(struct plugin *p);

/* plugin_component gives the component NAME, or the only one when NAME is NULL. NULL, with
 * E listing those there are. */
const gale_component *plugin_component(const struct plugin *p, const char *name, struct error *e);

/* plugin_fill writes every property of C into SELF, which has c->self_size bytes: the value
 * in PROPERTIES, else the fallback. Strings point into PROPERTIES or into the plugin, so
 * both must outlive SELF. 0, or -1 with E set when a value is missing, of the wrong type
 * or out of range: after the validator that means that the library was exchanged since. */
int plugin_fill(
    const gale_component *c, const struct settings *properties, void *self, struct error *e);

/* plugin_check_value tells whether V suits P: type, range, choices. 0 or -1 with E saying
 * what was expected, beginning with "property". */
int plugin_check_value(const gale_prop *p, const struct setting *v, struct error *e);

/* plugin_fallback reads P's fallback as a value of P's type; *V is SETTING_NULL where
 * there is none. A string in it is borrowed from P. -1 when the text is no such value. */
int plugin_fallback(const gale_prop *p, struct setting *v, struct error *e);

/* Names as people read them: "int", "string", "spout". */
const char *plugin_type_name(gale_type type);
const char *plugin_prop_type_name(gale_prop_type type);
const char *plugin_kind_name(gale_kind kind);

/* plugin_span gives the length of the beginning of S that is of ASCII letters, digits and
 * the characters in MORE. (gale never calls setlocale, so isalnum means that.) */
size_t plugin_span(const char *s, const char *more);

/* plugin_name_ok tells whether NAME is [A-Za-z][A-Za-z0-9_]*. */
bool plugin_name_ok(const char *name);

#endif
