/* uri.h - the target of a request, taken apart: "/api/v1/topology/words%2D1/status?window=10m".
 * Pure.
 *
 * The path is split at "/" first and decoded then, so an encoded slash is a letter of its segment and
 * opens no way up. Refused: anything that does not begin with "/", "." and ".." as segments, an
 * encoded NUL or control character, a "%" without two hexadecimal digits, bytes that are no UTF-8.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_URI_H
#define GALE_URI_H

#include <stdbool.h>
#include <stddef.h>

enum { URI_SEGMENTS = 16, URI_PARAMETERS = 16, URI_MAX = 8192 };	/* bytes of a target */

struct uri {
	char *text;			/* what the others point into */
	const char *segments[URI_SEGMENTS];	/* "/" has none; "/a/" has "a" and "" */
	size_t n_segments;
	struct uri_parameter {
		const char *name, *value;	/* decoded, "+" is a blank; value "" without "=" */
	} parameters[URI_PARAMETERS];
	size_t n_parameters;
};

/* uri_parse takes TARGET apart; false: it is none. Free U in both cases. */
bool uri_parse(struct uri *u, const char *target);
void uri_free(struct uri *u);

/* uri_parameter gives the (first) value of the parameter NAME, NULL: there is none. */
const char *uri_parameter(const struct uri *u, const char *name);

#endif
