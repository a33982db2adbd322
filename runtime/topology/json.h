/* json.h - strict JSON with positions.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * cJSON builds the tree, but it knows no positions, is lax (duplicate keys, 007, raw
 * control characters, bytes that are no UTF-8, 1e999, text cut at \u0000) and keeps numbers
 * as doubles. So a scanner goes over the text first: it holds it to RFC 8259 and to the
 * limits below, and notes where each value stands, in cJSON's own pre-order. What passes is
 * given to cJSON, and both are joined into an array of nodes:
 *
 *     {"a": [1, 2], "b": 3}          nodes[0]  object   size 5, n 2
 *                                    nodes[1]  a array  size 3, n 2
 *                                    nodes[2]    1      size 1
 *                                    nodes[3]    2      size 1
 *                                    nodes[4]  b 3      size 1
 *
 * The first child of a node is the next in the array, its next sibling stands `size`
 * further. Only json.c includes cJSON's header.
 */
#ifndef GALE_JSON_H
#define GALE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "diag.h"

enum {
	JSON_MAX_BYTES = 16 << 20,	/* of a file that a person wrote */
	JSON_MAX_VALUES = 250000,	/* in it; keeps the memory for the tree below 64 MiB */
	JSON_MAX_DEPTH = 64
};

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_INT,	/* written without fraction and exponent */
	JSON_FLOAT,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
	JSON_UNKNOWN	/* an error has been reported for it: pass it over */
};

struct json_node {
	enum json_type type;
	uint32_t start, end;		/* the value's text in the source */
	uint32_t key_start, key_end;	/* its key's, with the quotes; both 0: no member */
	uint32_t size;			/* nodes in it, itself counted */
	uint32_t n;			/* its children */
	const char *key;		/* NULL outside objects */
	const char *text;		/* strings; and what json_replace gave */
	bool b;
	bool outside;			/* text begins with what came from outside the file */
	int64_t i;
	double f;			/* JSON_FLOAT, and JSON_INT converted */
};

struct json {
	struct json_node *nodes;	/* nodes[0] is the document */
	size_t n;
	void *tree;			/* cJSON's; owns keys and texts */
	char **texts;			/* those of json_replace */
	size_t n_texts, cap_texts;
};

/* json_parse reads D's source. NULL when it is no JSON: the first error of grammar, or
 * every duplicate key, has been added to D. MAX_VALUES 0: any number of values.
 * Cost: O(n log n). */
struct json *json_parse(struct diagnostics *d, size_t max_values);
void json_free(struct json *j);

/* json_first, json_next walk the children of a node:
 *     for (const struct json_node *c = json_first(x); c; c = json_next(x, c)) */
const struct json_node *json_first(const struct json_node *x);
const struct json_node *json_next(const struct json_node *parent, const struct json_node *child);

/* json_member gives the member KEY of an object (case matters), or NULL. */
const struct json_node *json_member(const struct json_node *object, const char *key);

/* json_text gives the text of a string, or of what a substitution put in its place; NULL
 * for other values. */
const char *json_text(const struct json_node *x);

/* json_replace puts TEXT (taken) in the place of a string. With RETYPE the node becomes the
 * number, true, false or null that TEXT is, if it is one, and keeps the text. */
void json_replace(struct json *j, struct json_node *x, char *text, bool retype);

/* json_type_name: "a string", "an object", ... */
const char *json_type_name(enum json_type type);

#endif
