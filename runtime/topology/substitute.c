/* substitute.c - see substitute.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "substitute.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "memory.h"
#include "nearest.h"

#define FOLDER_NAME "GALE_TOPOLOGY_DIR"

/* ---- definitions ------------------------------------------------------------------ */

/* name_length gives the length of the name at the beginning of S: letters, digits and any
 * of "_.-", a letter or _ first. */
static size_t name_length(const char *s)
{
	size_t n = 0;

	if (!isalpha((unsigned char)s[0]) && s[0] != '_')
		return 0;
	while (isalnum((unsigned char)s[n]) || (s[n] != '\0' && strchr("_.-", s[n]) != NULL))
		n++;
	return n;
}

static struct definition *find(const struct definitions *all, const char *name)
{
	for (size_t i = 0; all != NULL && i < all->n; i++)
		if (strcmp(all->items[i].name, name) == 0)
			return &all->items[i];
	return NULL;
}

int definitions_add(struct definitions *all, const char *text, struct error *e)
{
	size_t n = name_length(text);
	struct definition *d;
	char *name;

	if (n == 0 || text[n] != '=')
		return error_set(
		    e, "\"%s\" does not define anything: it must read NAME=VALUE", text);
	if (n == strlen(FOLDER_NAME) && strncmp(text, FOLDER_NAME, n) == 0)
		return error_set(
		    e, "%s is the folder of the topology file and can't be defined", FOLDER_NAME);
	name = xstrndup(text, n);
	d = find(all, name);
	if (d == NULL) {
		all->items = xgrow(all->items, &all->cap, all->n + 1, sizeof *all->items);
		d = &all->items[all->n++];
		*d = (struct definition){ .name = name };
	} else {
		free(name);
		free(d->value);
	}
	d->value = xstrdup(text + n + 1);
	return 0;
}

int definitions_check(const struct definitions *all, struct error *e)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct definition *d = &all->items[i];
		struct nearest near = nearest_to(d->name);
		const char *help;

		if (d->used)
			continue;
		for (size_t k = 0; k < all->n_asked; k++)
			nearest_try(&near, all->asked[k]);
		help = nearest_help(&near);
		return error_set(e, "-D %s=%s: nothing asks for ${%s}%s%s", d->name, d->value,
		    d->name, help[0] ? "; " : "", help);
	}
	return 0;
}

void definitions_free(struct definitions *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->items[i].name);
		free(all->items[i].value);
	}
	for (size_t i = 0; i < all->n_asked; i++)
		free(all->asked[i]);
	free(all->items);
	free(all->asked);
	*all = (struct definitions){ 0 };
}

static void remember(struct definitions *all, const char *name)
{
	for (size_t i = 0; i < all->n_asked; i++)
		if (strcmp(all->asked[i], name) == 0)
			return;
	if (all->n_asked == 1000)
		return;
	all->asked = xgrow(all->asked, &all->cap_asked, all->n_asked + 1, sizeof *all->asked);
	all->asked[all->n_asked++] = xstrdup(name);
}

/* ---- substituting ----------------------------------------------------------------- */

struct work {
	struct json *json;
	struct definitions *all;	/* NULL: none */
	const char *folder;
	struct diagnostics *d;
};

/* One string on its way. */
struct string {
	struct buf out;
	bool outside;	/* out begins with something from outside */
	bool whole;	/* it is nothing but one substitution */
	bool bad;
};

static void undefined(struct work *w, const struct json_node *x, const char *name)
{
	struct nearest near = nearest_to(name);

	diag_error(w->d, x->start, x->end, "${%s} is not defined", name);
	for (size_t i = 0; w->all != NULL && i < w->all->n; i++)
		nearest_try(&near, w->all->items[i].name);
	if (near.best != NULL)
		diag_help(w->d, "did you mean ${%s}, which -D defines?", near.best);
	else if (strncmp(name, "ENV-", 4) == 0)
		diag_help(w->d, "write ${%s}: the environment is looked up by itself", name + 4);
	else
		diag_help(w->d, "give it with -D %s=VALUE, or write ${%s:-default}", name, name);
}

/* look_up gives the value of NAME from outside or the folder, NULL when there is none. */
static const char *look_up(struct work *w, const char *name, bool *outside)
{
	struct definition *d = find(w->all, name);

	*outside = true;
	if (strcmp(name, FOLDER_NAME) == 0) {
		*outside = false;
		return w->folder;
	}
	if (w->all != NULL)
		remember(w->all, name);
	if (d == NULL)
		return getenv(name);
	d->used = true;
	return d->value;
}

static void append(struct string *s, const char *text, size_t n, bool outside)
{
	if (s->out.n == 0 && n > 0)
		s->outside = outside;
	buf_add(&s->out, text, n);
}

/* expand puts the substitution at P, which begins with "${", into S, and returns what
 * follows it; NULL when it is malformed. */
static const char *expand(
    struct work *w, const struct json_node *x, const char *p, struct string *s)
{
	size_t n = name_length(p + 2), n_default = 0;
	const char *fallback = NULL, *end = p + 2 + n, *value;
	char *name;
	bool outside;

	if (n > 0 && strncmp(end, ":-", 2) == 0) {
		fallback = end + 2;
		n_default = strcspn(fallback, "}");
		end = fallback + n_default;
	}
	if (n == 0 || *end != '}') {
		diag_error(w->d, x->start, x->end, "this is no substitution: %.40s", p);
		diag_help(w->d, "write ${NAME} or ${NAME:-default}; $${ stands for ${ itself");
		return NULL;
	}
	if (fallback != NULL && memmem(fallback, n_default, "${", 2) != NULL) {
		diag_error(w->d, x->start, x->end, "substitutions don't nest: %.40s", p);
		return NULL;
	}
	name = xstrndup(p + 2, n);
	value = look_up(w, name, &outside);
	if (value != NULL) {
		append(s, value, strlen(value), outside);
	} else if (fallback != NULL) {
		append(s, fallback, n_default, false);
	} else {
		undefined(w, x, name);
		s->bad = true;
	}
	free(name);
	return end + 1;
}

/* one_string handles the string X, which has a "${" in it. */
static void one_string(struct work *w, struct json_node *x)
{
	struct string s = { .whole = true };
	const char *p = x->text;

	while (p != NULL && *p != '\0') {
		size_t n = strcspn(p, "$");

		append(&s, p, n, false);
		s.whole = s.whole && n == 0;
		p += n;
		if (strncmp(p, "$${", 3) == 0) {
			append(&s, "${", 2, false);
			s.whole = false;
			p += 3;
		} else if (strncmp(p, "${", 2) == 0) {
			s.whole = s.whole && p == x->text;
			p = expand(w, x, p, &s);
		} else if (*p == '$') {
			append(&s, p++, 1, false);
			s.whole = false;
		}
	}
	if (p == NULL || s.bad) {
		x->type = JSON_UNKNOWN;
	} else {
		x->outside = s.outside;
		json_replace(w->json, x, xstrdup(buf_text(&s.out)), s.whole);
	}
	buf_free(&s.out);
}

void substitute(struct json *j, struct definitions *all, const char *folder, struct diagnostics *d)
{
	struct work w = { j, all, folder, d };

	for (size_t i = 0; i < j->n; i++) {
		struct json_node *x = &j->nodes[i];

		if (x->key != NULL &&
		    (strcmp(x->key, "$comment") == 0 || strcmp(x->key, "$schema") == 0))
			i += x->size - 1;	/* and all that is in it */
		else if (x->type == JSON_STRING && strstr(x->text, "${") != NULL)
			one_string(&w, x);
	}
}
