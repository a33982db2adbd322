/* routes.c - see routes.h. SPDX-License-Identifier: Apache-2.0 */
#include "routes.h"

#include <string.h>

/* next gives the segment of a pattern that begins at *AT behind its "/", and how long it is; NULL at
 * its end. */
static const char *next(const char **at, size_t *n)
{
	const char *segment = *at;

	if (*segment != '/' || segment[1] == '\0')
		return NULL;
	segment++;
	*n = strcspn(segment, "/");
	*at = segment + *n;
	return segment;
}

static bool is_word(const char *segment)
{
	return segment[0] == '{';
}

bool routes_match(const char *pattern, const struct uri *u)
{
	const char *segment;
	size_t n, i = 0;

	while ((segment = next(&pattern, &n)) != NULL) {
		if (i == u->n_segments)
			return false;
		if (is_word(segment) ? u->segments[i][0] == '\0'
		    : strlen(u->segments[i]) != n || memcmp(u->segments[i], segment, n) != 0)
			return false;
		i++;
	}
	return i == u->n_segments;
}

const char *routes_word(const char *pattern, const struct uri *u, const char *name)
{
	size_t n, length = strlen(name);
	const char *segment;

	for (size_t i = 0; (segment = next(&pattern, &n)) != NULL && i < u->n_segments; i++)
		if (is_word(segment) && n == length + 2 && memcmp(segment + 1, name, length) == 0)
			return u->segments[i];
	return NULL;
}

/* words counts the braces of PATTERN: what is written out comes first. */
static size_t words(const char *pattern)
{
	size_t n = 0;

	for (; *pattern != '\0'; pattern++)
		n += *pattern == '{';
	return n;
}

static void take(struct routes_found *f, const struct route *r, const char *method)
{
	if (strcmp(r->method, "GET") == 0)
		f->get = true;
	else
		f->post = true;
	if (strcmp(r->method, method) == 0 && (f->route == NULL || words(r->pattern) < words(f->route->pattern)))
		f->route = r;
}

struct routes_found routes_find(const struct route *const *tables, const char *method, const struct uri *u)
{
	struct routes_found f = { 0 };

	for (; *tables != NULL; tables++)
		for (const struct route *r = *tables; r->pattern != NULL; r++)
			if (routes_match(r->pattern, u))
				take(&f, r, method);
	return f;
}
