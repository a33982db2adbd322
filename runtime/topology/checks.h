/* checks.h - the steps of the validator, and what they hand to each other; for load.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each step fills in more of the topology and reports what is wrong, all of it. What an
 * error has left unknown is NULL, and later steps pass it over in silence: one mistake,
 * one message.
 *
 *     check_shape     keys, types, ranges: what the file alone tells
 *     check_parts     libraries, components, properties, outputs: what the plugins declare
 *     check_graph     streams: who is joined to whom, and whether that can work
 *     check_batches   what a transactional topology asks of all that
 */
#ifndef GALE_CHECKS_H
#define GALE_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "catalog.h"
#include "diag.h"
#include "json.h"
#include "nearest.h"
#include "plugin.h"
#include "topology.h"

enum {
	CHECK_MAX_COMPONENTS = 1000,	/* each is a process at least */
	CHECK_MAX_STREAMS = 4096,
	CHECK_MAX_PARALLELISM = 1024,
	CHECK_MAX_TASKS = 65536,	/* of one component */
	CHECK_MAX_ID = 64,		/* characters */
	CHECK_MAX_NAME = 64
};

/* The places of a part (struct part) in the file. */
struct part_draft {
	const struct json_node *class_name, *library, *properties;
	const struct catalog_component *declared;	/* NULL: not known */
};

/* components[i] of the topology, in the file. */
struct component_draft {
	const struct json_node *node, *id, *config, *outputs;
	struct part_draft part;
	bool outputs_known;
};

/* subscriptions[i], in the file. */
struct stream_draft {
	const struct json_node *node, *from, *to, *grouping, *type, *stream_id, *args, *custom;
	struct part_draft part;		/* of custom */
	int from_number, to_number;	/* -1: not known */
	int stream_number;		/* -1: not known */
};

struct check {
	struct diagnostics *d;
	struct json *json;
	struct topology *t;
	struct component_draft *components;
	struct stream_draft *streams;
	struct catalog catalog;
	const struct plugin_path *path;
	bool no_plugins;
	bool unnamed;		/* there is a component whose id is not known */
	const char *folder;	/* of the file, absolute: paths in it begin there */
	const char *cwd;	/* paths from outside begin here */
};

void check_shape(struct check *c);
void check_parts(struct check *c);
void check_graph(struct check *c);
void check_batches(struct check *c);

/* check_finish frees the drafts and what the catalog holds; not the topology. */
void check_finish(struct check *c);

/* ---- what the steps share (check_object.c) ---- */

/* A key that an object may have. */
struct check_key {
	const char *name;
	unsigned types;		/* CHECK_STRING | CHECK_INT | ... */
	bool required;
	bool idle;		/* accepted for Flux's sake, with a warning: no effect */
	const char *refusal;	/* gale has no such key: what to do instead */
};

enum {
	CHECK_BOOL = 1 << JSON_BOOL,
	CHECK_INT = 1 << JSON_INT,
	CHECK_NUMBER = 1 << JSON_INT | 1 << JSON_FLOAT,
	CHECK_STRING = 1 << JSON_STRING,
	CHECK_ARRAY = 1 << JSON_ARRAY,
	CHECK_OBJECT = 1 << JSON_OBJECT,
	CHECK_ANY = ~0
};

/* check_object holds OBJECT to the N KEYS and gives FOUND[i], the member keys[i]; NULL when
 * it is missing or in error. WHAT names the object: "a stream". */
void check_object(struct check *c, const struct json_node *object, const char *what,
    const struct check_key *keys, size_t n, const struct json_node **found);

/* check_error, check_warning report at the value X, check_key_error at its key. */
#define check_error(c, x, ...) diag_error((c)->d, (x)->start, (x)->end, __VA_ARGS__)
#define check_warning(c, x, ...) diag_warning((c)->d, (x)->start, (x)->end, __VA_ARGS__)
#define check_key_error(c, x, ...) diag_error((c)->d, (x)->key_start, (x)->key_end, __VA_ARGS__)

/* check_nearest is nearest_to, but without suggestions once so many errors are there that
 * nobody will see this one: a file full of errors must not take minutes. */
struct nearest check_nearest(const struct check *c, const char *word);

/* check_id tells whether the text of X can name something ("an id"); it has reported it if
 * not. */
bool check_id(struct check *c, const struct json_node *x, const char *what, size_t max);

/* check_int gives the integer X if it is from MIN to MAX, else reports it and gives
 * OTHERWISE; the same when X is NULL, in silence. */
uint32_t check_int(
    struct check *c, const struct json_node *x, int64_t min, int64_t max, uint32_t otherwise);

/* check_path gives the path in X made absolute (gives): by the caller's directory when it
 * came from outside, else by the file's folder. */
char *check_path(const struct check *c, const struct json_node *x);

/* check_setting adds KEY with the scalar X to ALL; AS_TEXT: as a string. */
struct setting *check_setting(
    struct settings *all, const char *key, const struct json_node *x, bool as_text);

/* ---- steps in files of their own ---- */

/* check_transactional takes the topology's "transactional" and holds the config to it, which is
 * there already. Either may be NULL. */
void check_transactional(
    struct check *c, const struct json_node *transactional, const struct json_node *config);

/* check_config takes the "config" of the topology or a component (SCOPE, see config.h). */
void check_config(
    struct check *c, const struct json_node *config, unsigned scope, struct settings *made);

/* check_outputs takes the "outputs" of a component whose plugin leaves them to the file. */
void check_outputs(struct check *c, const struct json_node *outputs, struct component *made);

/* check_properties holds the properties in the file to those declared, and fills in MADE;
 * without a declaration only their shape is checked. OWNER is the object they belong to. */
void check_properties(struct check *c, const struct part_draft *draft,
    const struct json_node *owner, struct part *made);

#endif
