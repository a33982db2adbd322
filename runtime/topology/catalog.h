/* catalog.h - what plugin libraries declare, learnt without loading them into this process.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Loading a library runs its code, which may crash, hang or call exit(). So a child process
 * (fork, no exec) opens one library after another and writes what it finds, as JSON, one
 * line each, into a pipe:
 *
 *     open 0                                   about to load library 0
 *     {"components":[{"name":...}]}            that went well; or {"error":"..."}
 *     open 1
 *     ...
 *     end
 *
 * A child that dies, or says nothing for longer than the deadline, does so while loading the
 * library of the last "open": that one has an error, and a new child takes up the rest.
 */
#ifndef GALE_CATALOG_H
#define GALE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include <gale/gale.h>

#include "buf.h"
#include "error.h"
#include "json.h"

enum { CATALOG_DEADLINE_MS = 10000 };	/* for one library */

/* A component as declared: its callbacks are all NULL here. */
struct catalog_component {
	gale_component declared;
	bool has_finish, has_tick, has_resume, has_finish_batch, has_publish;
};

struct catalog_library {
	char *path;
	char *error;				/* why nothing is known of it; NULL: all is well */
	struct catalog_component *components;	/* n */
	size_t n;
	struct json *json;			/* owns their strings */
};

/* A zeroed struct is an empty one. */
struct catalog {
	struct catalog_library *libraries;
	size_t n, cap;
};

/* catalog_add puts the library at PATH (absolute) on the list, once. */
void catalog_add(struct catalog *c, const char *path);

/* catalog_load learns what the libraries on the list declare. */
void catalog_load(struct catalog *c, int deadline_ms);

/* catalog_find gives the library at PATH, or NULL. */
const struct catalog_library *catalog_find(const struct catalog *c, const char *path);

/* catalog_component gives the component NAME, or the only one when NAME is NULL. NULL with E
 * listing those there are. */
const struct catalog_component *catalog_component(
    const struct catalog_library *l, const char *name, struct error *e);

void catalog_free(struct catalog *c);

/* catalog_write adds the JSON form of one component, the one that passes through the pipe
 * and that `gale plugin info --json` shows. catalog_read fills L's components from the
 * JSON of a whole library; -1 when it is none. */
void catalog_write(struct buf *out, const struct catalog_component *c);
int catalog_read(struct catalog_library *l, struct json *json);

#endif
