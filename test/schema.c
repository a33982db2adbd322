/* schema.c - holds a JSON document against a schema.
 *
 *     test/schema SCHEMA.json < DOCUMENT
 *     test/schema FILE.json '#/components/schemas/Error' < DOCUMENT	a schema inside FILE
 *     test/schema --operations OPENAPI.json	lists "GET /path", what the file tells of
 *
 * Knows of JSON Schema 2020-12 what the schemas in doc need: type, const, enum, minimum,
 * maximum, properties, required, additionalProperties, items, $ref within a file and to others beside
 * it. A keyword that it does not know is an error, so none is passed over. Prints what is wrong and
 * where; exit 0, 1 not valid, 2 the schema itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static const cJSON *root;	/* of the file that the schema in hand is in */
static int n_errors;
static char *folder;		/* of the file that was named */

static struct {
	char *name;
	cJSON *json;
} others[16];			/* files that it refers to */

static void check(const cJSON *schema, const cJSON *x, const char *where);

static void wrong(const char *where, const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s%s\n", where, what, detail != NULL ? detail : "");
	n_errors++;
}

static bool is_of_type(const cJSON *x, const char *type)
{
	if (strcmp(type, "integer") == 0)
		return cJSON_IsNumber(x) && floor(x->valuedouble) == x->valuedouble;
	return (strcmp(type, "object") == 0 && cJSON_IsObject(x)) || (strcmp(type, "array") == 0 && cJSON_IsArray(x)) ||
	    (strcmp(type, "string") == 0 && cJSON_IsString(x)) || (strcmp(type, "number") == 0 && cJSON_IsNumber(x)) ||
	    (strcmp(type, "boolean") == 0 && cJSON_IsBool(x)) || (strcmp(type, "null") == 0 && cJSON_IsNull(x));
}

static void check_type(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *each;
	bool ok = cJSON_IsString(rule) && is_of_type(x, rule->valuestring);

	(void)schema;
	cJSON_ArrayForEach(each, rule)
		ok |= is_of_type(x, each->valuestring);
	if (!ok)
		wrong(where, "is of another type", NULL);
}

static void check_const(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	(void)schema;
	if (!cJSON_Compare(rule, x, true))
		wrong(where, "is another value", NULL);
}

static void check_enum(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *each;

	(void)schema;
	cJSON_ArrayForEach(each, rule)
		if (cJSON_Compare(each, x, true))
			return;
	wrong(where, "is none of the values allowed: ", cJSON_IsString(x) ? x->valuestring : NULL);
}

static void check_minimum(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	(void)schema;
	if (cJSON_IsNumber(x) && x->valuedouble < rule->valuedouble)
		wrong(where, "is too small", NULL);
}

static void check_maximum(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	(void)schema;
	if (cJSON_IsNumber(x) && x->valuedouble > rule->valuedouble)
		wrong(where, "is too large", NULL);
}

static void check_required(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *each;

	(void)schema;
	cJSON_ArrayForEach(each, rule)
		if (cJSON_IsObject(x) && cJSON_GetObjectItemCaseSensitive(x, each->valuestring) == NULL)
			wrong(where, "lacks ", each->valuestring);
}

/* ---- files ------------------------------------------------------------------------- */

/* read_all gives what F holds; NULL: it can't be read. */
static char *read_all(FILE *f)
{
	size_t n = 0, cap = 0;
	char *text = NULL;

	while (f != NULL && !feof(f) && !ferror(f)) {
		text = xgrow(text, &cap, n + 4097, 1);
		n += fread(text + n, 1, 4096, f);
	}
	if (text != NULL)
		text[n] = '\0';
	return text;
}

static cJSON *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = read_all(f);
	cJSON *json = text != NULL ? cJSON_Parse(text) : NULL;

	if (json == NULL) {
		fprintf(stderr, "%s is no file with a schema\n", path);
		exit(2);
	}
	free(text);
	fclose(f);
	return json;
}

static const cJSON *other_file(const char *name)
{
	size_t i = 0;
	char *path;

	while (i < sizeof others / sizeof *others - 1 && others[i].name != NULL && strcmp(others[i].name, name) != 0)
		i++;
	if (others[i].name == NULL) {
		path = xasprintf("%s/%s", folder, name);
		others[i].name = xstrdup(name);
		others[i].json = read_file(path);
		free(path);
	}
	return others[i].json;
}

static const cJSON *pointed_at(const cJSON *file, const char *pointer);

/* step gives the member NAME of X, or of what X refers to within FILE. */
static const cJSON *step(const cJSON *file, const cJSON *x, const char *name)
{
	const cJSON *ref = cJSON_GetObjectItemCaseSensitive(x, "$ref");

	if (ref != NULL)
		x = pointed_at(file, ref->valuestring);
	return cJSON_GetObjectItemCaseSensitive(x, name);
}

/* pointed_at follows a JSON pointer (RFC 6901) as "#/a/b~1c" in FILE. */
static const cJSON *pointed_at(const cJSON *file, const char *pointer)
{
	const cJSON *x = file;
	char *copy = xstrdup(pointer), *rest = copy + 1, *part;

	while (x != NULL && (part = strsep(&rest, "/")) != NULL) {
		size_t n = 0;

		if (part == copy + 1)
			continue;	/* between "#" and the first "/" */
		for (const char *c = part; *c != '\0'; c++)
			part[n++] = *c != '~' ? *c : *++c == '1' ? '/' : '~';
		part[n] = '\0';
		x = step(file, x, part);
	}
	if (x == NULL) {
		fprintf(stderr, "there is no %s\n", pointer);
		exit(2);
	}
	free(copy);
	return x;
}

/* ---- rules ------------------------------------------------------------------------- */

static void check_inside(const cJSON *schema, const cJSON *x, const char *where, const char *name)
{
	char *path = xasprintf("%s.%s", where, name);

	check(schema, x, path);
	free(path);
}

static void check_properties(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *each, *member;

	(void)schema;
	cJSON_ArrayForEach(each, rule)
		if ((member = cJSON_GetObjectItemCaseSensitive(x, each->string)) != NULL)
			check_inside(each, member, where, each->string);
}

static void check_additional(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *known = cJSON_GetObjectItemCaseSensitive(schema, "properties"), *each;

	if (!cJSON_IsObject(x))
		return;
	cJSON_ArrayForEach(each, x) {
		if (cJSON_GetObjectItemCaseSensitive(known, each->string) != NULL)
			continue;
		if (cJSON_IsFalse(rule))
			wrong(where, "has a member that is not in the schema: ", each->string);
		else
			check_inside(rule, each, where, each->string);
	}
}

static void check_items(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *each;

	(void)schema;
	if (cJSON_IsArray(x))
		cJSON_ArrayForEach(each, x)
			check_inside(rule, each, where, "item");
}

static void check_ref(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where)
{
	const cJSON *here = root;
	const char *mark = strchr(rule->valuestring, '#');
	size_t n = mark != NULL ? (size_t)(mark - rule->valuestring) : strlen(rule->valuestring);

	(void)schema;
	if (n > 0) {
		char *name = xstrndup(rule->valuestring, n);

		root = other_file(name);
		free(name);
	}
	check(pointed_at(root, mark != NULL ? mark : "#"), x, where);
	root = here;
}

static const struct {
	const char *word;
	void (*check)(const cJSON *rule, const cJSON *x, const cJSON *schema, const char *where);
} words[] = {
	{ "type", check_type }, { "const", check_const }, { "enum", check_enum },
	{ "minimum", check_minimum }, { "maximum", check_maximum }, { "required", check_required },
	{ "properties", check_properties }, { "additionalProperties", check_additional },
	{ "items", check_items }, { "$ref", check_ref }, { "description", NULL }, { "title", NULL },
	{ "$schema", NULL }, { "$id", NULL }, { "$defs", NULL },
};

static void check(const cJSON *schema, const cJSON *x, const char *where)
{
	const cJSON *rule;

	cJSON_ArrayForEach(rule, schema) {
		size_t i = 0;

		while (i < sizeof words / sizeof *words && strcmp(words[i].word, rule->string) != 0)
			i++;
		if (i == sizeof words / sizeof *words) {
			fprintf(stderr, "the schema says \"%s\", which this does not know\n", rule->string);
			exit(2);
		}
		if (words[i].check != NULL)
			words[i].check(rule, x, schema, where);
	}
}

static int list_operations(const char *path)
{
	cJSON *file = read_file(path);
	const cJSON *at, *method;

	cJSON_ArrayForEach(at, cJSON_GetObjectItemCaseSensitive(file, "paths"))
		cJSON_ArrayForEach(method, at)
			printf("%s %s\n", strcmp(method->string, "get") == 0 ? "GET" : strcmp(method->string, "post") == 0 ?
			    "POST" : method->string, at->string);
	cJSON_Delete(file);
	return 0;
}

static void forget(void)
{
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		free(others[i].name);
		cJSON_Delete(others[i].json);
	}
	free(folder);
}

int main(int argc, char **argv)
{
	char *text;
	cJSON *file, *document;

	if (argc == 3 && strcmp(argv[1], "--operations") == 0)
		return list_operations(argv[2]);
	if (argc != 2 && argc != 3) {
		fprintf(stderr, "test/schema SCHEMA.json ['#/POINTER'] < DOCUMENT\n");
		return 2;
	}
	root = file = read_file(argv[1]);
	folder = strrchr(argv[1], '/') != NULL ? xstrndup(argv[1], (size_t)(strrchr(argv[1], '/') - argv[1])) : xstrdup(".");
	text = read_all(stdin);
	document = text != NULL ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
	if (document == NULL)
		wrong("standard input", "is no JSON document", NULL);
	else
		check(pointed_at(file, argc == 3 ? argv[2] : "#"), document, "$");
	cJSON_Delete(file);
	cJSON_Delete(document);
	free(text);
	forget();
	return n_errors > 0;
}
