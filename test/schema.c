/* schema.c - holds a JSON document against a schema.
 *
 *     test/schema SCHEMA.json < DOCUMENT
 *
 * Knows of JSON Schema 2020-12 what the schemas in doc/schema need: type, const, enum, minimum,
 * maximum, properties, required, additionalProperties, items, $ref into $defs. A keyword that it
 * does not know is an error, so none is passed over. Prints what is wrong and where; exit 0, 1 not
 * valid, 2 the schema itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static const cJSON *root;
static int n_errors;

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
	const char *name = strrchr(rule->valuestring, '/') + 1;
	const cJSON *defs = cJSON_GetObjectItemCaseSensitive(root, "$defs");

	(void)schema;
	if (cJSON_GetObjectItemCaseSensitive(defs, name) == NULL) {
		fprintf(stderr, "the schema has no %s\n", rule->valuestring);
		exit(2);
	}
	check(cJSON_GetObjectItemCaseSensitive(defs, name), x, where);
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

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	char *schema_text = read_all(file), *text = read_all(stdin);
	cJSON *schema = schema_text != NULL ? cJSON_Parse(schema_text) : NULL;
	cJSON *document = text != NULL ? cJSON_ParseWithOpts(text, NULL, true) : NULL;

	if (schema == NULL) {
		fprintf(stderr, "test/schema SCHEMA.json < DOCUMENT: there is no schema\n");
		return 2;
	}
	if (document == NULL) {
		wrong("standard input", "is no JSON document", NULL);
	} else {
		root = schema;
		check(schema, document, "$");
	}
	cJSON_Delete(schema);
	cJSON_Delete(document);
	free(schema_text);
	free(text);
	fclose(file);
	return n_errors > 0;
}
