/* routes.h - which handler a request is for. Pure.
 *
 *     const struct route storm_routes[] = {
 *             { "GET", "/api/v1/topology/{id}/component/{component}", ROUTE_KEPT, component, "numbers of ..." },
 *             { .pattern = NULL },
 *     };
 *
 * Each module has a table of its own; web.c joins them. HEAD is asked as GET. A word in braces
 * stands for one segment of a path that is not empty; a segment written out comes before it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ROUTES_H
#define GALE_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "uri.h"

struct exchange;
struct site;

enum {
	ROUTE_KEPT = 1,		/* what it answers with 200 is kept for LOOK_MS and given to all who
				 * ask for the same path and query meanwhile */
	ROUTE_HARMLESS = 2,	/* needs no token, whoever can come (guard.h) */
	ROUTE_REACHES = 4	/* a GET that takes the token from everybody: a running topology is asked to
				 * do something */
};

struct route {
	const char *method;	/* "GET" or "POST" */
	const char *pattern;	/* NULL ends a table */
	unsigned flags;
	void (*answer)(struct site *site, struct exchange *x);	/* a handler: httpd.h */
	const char *doc;	/* one line, for /api/v1/endpoints; NULL: not listed there */
};

struct routes_found {
	const struct route *route;	/* NULL: none of this method */
	bool get, post;			/* what the path can be asked for */
};

/* routes_find looks for what METHOD and U stand for in TABLES, which ends with NULL. */
struct routes_found routes_find(const struct route *const *tables, const char *method, const struct uri *u);

/* routes_match tells whether PATTERN fits U. routes_word gives what stands in U for {NAME} of
 * PATTERN, which fits; NULL: it has none. */
bool routes_match(const char *pattern, const struct uri *u);
const char *routes_word(const char *pattern, const struct uri *u, const char *name);

#endif
