/* json.c - see json.h. The scanner is in json_scan.c and json_scalar.c; here its spans meet
 * cJSON's tree.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "memory.h"

static const char *const type_names[] = {
	[JSON_NULL] = "null",
	[JSON_BOOL] = "true or false",
	[JSON_INT] = "an integer",
	[JSON_FLOAT] = "a number with a fraction",
	[JSON_STRING] = "a string",
	[JSON_ARRAY] = "an array",
	[JSON_OBJECT] = "an object",
	[JSON_UNKNOWN] = "nothing known",
};

const char *json_type_name(enum json_type type)
{
	return type_names[type];
}

static bool same_type(const cJSON *item, enum json_type type)
{
	switch (type) {
	case JSON_NULL:
		return cJSON_IsNull(item);
	case JSON_BOOL:
		return cJSON_IsBool(item);
	case JSON_INT:
	case JSON_FLOAT:
		return cJSON_IsNumber(item);
	case JSON_STRING:
		return cJSON_IsString(item);
	case JSON_ARRAY:
		return cJSON_IsArray(item);
	case JSON_OBJECT:
		return cJSON_IsObject(item);
	case JSON_UNKNOWN:
		break;
	}
	return false;
}

/* join walks cJSON's tree in pre-order beside the scanner's nodes and fills in what only
 * cJSON has: decoded keys and texts. The scanner's depth limit bounds the stack. */
static bool join(struct json *j, const cJSON *root)
{
	const cJSON *parents[JSON_MAX_DEPTH], *item = root;
	size_t depth = 0, at = 0;

	while (item != NULL) {
		struct json_node *x = &j->nodes[at++];

		if (at > j->n || !same_type(item, x->type))
			return false;
		x->key = item->string;
		x->text = item->valuestring;
		if (item->child != NULL) {
			if (depth == JSON_MAX_DEPTH)
				return false;
			parents[depth++] = item;
			item = item->child;
			continue;
		}
		while (item->next == NULL && depth > 0)
			item = parents[--depth];
		item = depth > 0 ? item->next : NULL;
	}
	return at == j->n;
}

static int by_key(const void *a, const void *b)
{
	const struct json_node *x = *(const struct json_node *const *)a;
	const struct json_node *y = *(const struct json_node *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : (x->start > y->start) - (x->start < y->start);
}

static void duplicate(
    struct diagnostics *d, const struct json_node *x, const struct json_node *first)
{
	diag_error(d, x->key_start, x->key_end, "the key \"%s\" is here twice", x->key);
	diag_note(d, first->key_start, "first here");
}

/* unique_keys reports the members of OBJECT that share a key. By sorting: an object may
 * have 100,000 members. */
static bool unique_keys(struct diagnostics *d, const struct json_node *object)
{
	const struct json_node **members = xcalloc(object->n + 1, sizeof (void *)), *first;
	size_t n = 0;
	bool unique = true;

	for (const struct json_node *c = json_first(object); c; c = json_next(object, c))
		members[n++] = c;
	qsort(members, n, sizeof (void *), by_key);
	first = members[0];
	for (size_t i = 1; i < n; i++) {
		if (strcmp(members[i]->key, first->key) != 0) {
			first = members[i];
			continue;
		}
		duplicate(d, members[i], first);
		unique = false;
	}
	free(members);
	return unique;
}

struct json *json_parse(struct diagnostics *d, size_t max_values)
{
	struct json *j = xcalloc(1, sizeof *j);
	bool good;

	good = json_scan(d, max_values, &j->nodes, &j->n);
	if (!good) {
		json_free(j);
		return NULL;
	}
	j->tree = cJSON_ParseWithLengthOpts(d->text, d->n + 1, NULL, 1);
	if (j->tree == NULL || !join(j, j->tree)) {
		diag_error(d, 0, 0, "cJSON reads this file in another way than gale");
		json_free(j);
		return NULL;
	}
	for (size_t i = 0; i < j->n; i++)
		if (j->nodes[i].type == JSON_OBJECT && !unique_keys(d, &j->nodes[i]))
			good = false;
	if (!good) {
		json_free(j);
		return NULL;
	}
	return j;
}

void json_free(struct json *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < j->n_texts; i++)
		free(j->texts[i]);
	cJSON_Delete(j->tree);
	free(j->texts);
	free(j->nodes);
	free(j);
}

const struct json_node *json_first(const struct json_node *x)
{
	return x->n > 0 ? x + 1 : NULL;
}

const struct json_node *json_next(const struct json_node *parent, const struct json_node *child)
{
	const struct json_node *next = child + child->size;

	return next < parent + parent->size ? next : NULL;
}

const struct json_node *json_member(const struct json_node *object, const char *key)
{
	if (object->type != JSON_OBJECT)
		return NULL;
	for (const struct json_node *c = json_first(object); c; c = json_next(object, c))
		if (strcmp(c->key, key) == 0)
			return c;
	return NULL;
}

const char *json_text(const struct json_node *x)
{
	return x->type == JSON_UNKNOWN ? NULL : x->text;
}

void json_replace(struct json *j, struct json_node *x, char *text, bool retype)
{
	j->texts = xgrow(j->texts, &j->cap_texts, j->n_texts + 1, sizeof *j->texts);
	j->texts[j->n_texts++] = text;
	x->text = text;
	if (retype)
		json_scan_scalar(text, x);
}
