/* check_object.c - what all checks of checks.h share: keys, types, ids, numbers, paths.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "checks.h"
#include "memory.h"

/* has_type tells whether X may stand where TYPES are wanted. What a substitution made a
 * number is still text. */
static bool has_type(const struct json_node *x, unsigned types)
{
	return (types & 1u << x->type) != 0 ||
	    ((types & CHECK_STRING) != 0 && json_text(x) != NULL);
}

static void wrong_type(struct check *c, const struct json_node *x, unsigned types)
{
	static const struct {
		unsigned bits;
		const char *name;
	} names[] = {
		{ CHECK_BOOL, "true or false" },
		{ CHECK_NUMBER, "a number" },
		{ CHECK_INT, "an integer" },
		{ CHECK_STRING, "a string" },
		{ CHECK_ARRAY, "an array" },
		{ CHECK_OBJECT, "an object" },
	};
	struct buf wanted = { 0 };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if ((types & names[i].bits) != names[i].bits)
			continue;
		buf_printf(&wanted, "%s%s", wanted.n > 0 ? " or " : "", names[i].name);
		types &= ~names[i].bits;
	}
	check_error(c, x, "\"%s\" must be %s, found %s", x->key, buf_text(&wanted),
	    json_type_name(x->type));
	buf_free(&wanted);
}

static void unknown_key(struct check *c, const struct json_node *x, const char *what,
    const struct check_key *keys, size_t n)
{
	struct nearest near = check_nearest(c, x->key);

	for (size_t i = 0; i < n; i++)
		if (keys[i].refusal == NULL && !keys[i].idle)
			nearest_try(&near, keys[i].name);
	check_key_error(c, x, "%s has no key \"%s\"", what, x->key);
	diag_help(c->d, "%s", nearest_help(&near));
}

/* member examines one member against its row. */
static const struct json_node *member(
    struct check *c, const struct json_node *x, const struct check_key *key)
{
	if (key->refusal != NULL) {
		check_key_error(c, x, "\"%s\" is not in gale", key->name);
		diag_help(c->d, "%s", key->refusal);
		return NULL;
	}
	if (key->idle) {
		diag_warning(
		    c->d, x->key_start, x->key_end, "\"%s\" has no effect in gale", key->name);
		return NULL;
	}
	if (x->type == JSON_UNKNOWN)
		return NULL;
	if (has_type(x, key->types))
		return x;
	wrong_type(c, x, key->types);
	return NULL;
}

void check_object(struct check *c, const struct json_node *object, const char *what,
    const struct check_key *keys, size_t n, const struct json_node **found)
{
	memset(found, 0, n * sizeof *found);
	for (const struct json_node *x = json_first(object); x; x = json_next(object, x)) {
		size_t i = 0;

		if (strcmp(x->key, "$comment") == 0)
			continue;
		while (i < n && strcmp(keys[i].name, x->key) != 0)
			i++;
		if (i == n)
			unknown_key(c, x, what, keys, n);
		else
			found[i] = member(c, x, &keys[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (keys[i].required && json_member(object, keys[i].name) == NULL)
			diag_error(c->d, object->start, object->start + 1, "%s needs \"%s\"", what,
			    keys[i].name);
}

struct nearest check_nearest(const struct check *c, const char *word)
{
	return nearest_to(c->d->n_items < DIAG_KEPT ? word : "");
}

bool check_id(struct check *c, const struct json_node *x, const char *what, size_t max)
{
	const char *text = json_text(x);
	size_t n = strlen(text);

	if (strncmp(text, "__", 2) == 0) {
		check_error(c, x, "names that begin with __ are gale's own");
		return false;
	}
	if (n == 0 || text[0] == '-' || text[0] == '_' || plugin_span(text, "_-") != n) {
		check_error(c, x, "\"%s\" can't be %s", text, what);
		diag_help(c->d, "use letters, digits, _ and -, with a letter or a digit first");
		return false;
	}
	if (n > max) {
		check_error(c, x, "%s has at most %zu characters, this has %zu", what, max, n);
		return false;
	}
	return true;
}

uint32_t check_int(
    struct check *c, const struct json_node *x, int64_t min, int64_t max, uint32_t otherwise)
{
	if (x == NULL)
		return otherwise;
	if (x->i >= min && x->i <= max)
		return (uint32_t)x->i;
	check_error(c, x, "\"%s\" must be from %lld to %lld, found %lld", x->key, (long long)min,
	    (long long)max, (long long)x->i);
	return otherwise;
}

char *check_path(const struct check *c, const struct json_node *x)
{
	const char *text = json_text(x), *base = x->outside ? c->cwd : c->folder;

	if (text[0] == '/' || strcmp(text, "-") == 0)
		return xstrdup(text);
	while (strncmp(text, "./", 2) == 0)
		text += 2;
	return xasprintf("%s%s%s", base, strcmp(base, "/") == 0 ? "" : "/", text);
}

struct setting *check_setting(
    struct settings *all, const char *key, const struct json_node *x, bool as_text)
{
	struct setting *s;

	all->items = xrealloc(all->items, (all->n + 1) * sizeof *all->items);
	s = &all->items[all->n++];
	*s = (struct setting){ .key = xstrdup(key) };
	if (x->type == JSON_STRING || (as_text && json_text(x) != NULL)) {
		s->type = SETTING_STRING;
		s->s = xstrdup(json_text(x));
	} else if (x->type == JSON_BOOL) {
		s->type = SETTING_BOOL;
		s->b = x->b;
	} else if (x->type == JSON_INT) {
		s->type = SETTING_INT;
		s->i = x->i;
	} else if (x->type == JSON_FLOAT) {
		s->type = SETTING_FLOAT;
		s->f = x->f;
	}
	return s;
}
