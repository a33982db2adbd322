/* errorbook.c - see errorbook.h. SPDX-License-Identifier: Apache-2.0 */
#include "errorbook.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { ID_DIGITS = 8 };	/* as many hexadecimal digits are an id and no word */

/* number_at gives the length of the number or id at S, 0: there is none. */
static size_t number_at(const char *s, size_t n)
{
	size_t digits = 0, hex = 0;

	while (digits < n && isdigit((unsigned char)s[digits]))
		digits++;
	while (hex < n && isxdigit((unsigned char)s[hex]))
		hex++;
	return hex >= ID_DIGITS ? hex : digits;
}

/* quoted_at gives the length of the text in quotes at S with them; 0: there is none. */
static size_t quoted_at(const char *s, size_t n)
{
	if (n == 0 || s[0] != '"')
		return 0;
	for (size_t i = 1; i < n; i++) {
		if (s[i] == '\\')
			i++;
		else if (s[i] == '"')
			return i + 1;
	}
	return 0;
}

static void add_shape(struct buf *shape, const char *s, size_t n)
{
	for (size_t i = 0; i < n; ) {
		size_t number = number_at(s + i, n - i), quoted = quoted_at(s + i, n - i);

		if (number > 0)
			buf_puts(shape, "#");
		else if (quoted > 0)
			buf_puts(shape, "\"\"");
		else
			buf_add(shape, s + i, 1);
		i += number > 0 ? number : quoted > 0 ? quoted : 1;
	}
}

/* add_component adds the label without its tasks. */
static void add_component(struct buf *out, const char *label, size_t n)
{
	bool inside = false;

	for (size_t i = 0; i < n; i++) {
		inside = inside || label[i] == '[';
		if (!inside)
			buf_add(out, label + i, 1);
		if (label[i] == ']')
			inside = false;
	}
}

/* entry_of gives the entry for a line of COMPONENT, a new one where there is none. */
static struct errorbook_entry *entry_of(struct errorbook *b, const char *component, gale_level level,
    const char *shape)
{
	struct errorbook_entry *x;

	for (size_t i = 0; i < b->n; i++) {
		x = &b->entries[i];
		if (x->level == level && strcmp(x->component, component) == 0 && strcmp(x->shape, shape) == 0)
			return x;
	}
	b->entries = xgrow(b->entries, &b->cap, b->n + 1, sizeof *b->entries);
	x = &b->entries[b->n++];
	*x = (struct errorbook_entry){ .component = xstrdup(component), .shape = xstrdup(shape), .level = level };
	return x;
}

void errorbook_add(struct errorbook *b, const struct logline *l)
{
	struct buf component = { 0 }, shape = { 0 };
	struct errorbook_entry *x;

	add_component(&component, l->label, l->n_label);
	add_shape(&shape, l->text, l->n_text);
	x = entry_of(b, buf_text(&component), l->level, buf_text(&shape));
	if (x->n++ == 0)
		x->first_ms = l->time_ms;
	x->last_ms = l->time_ms;
	free(x->label);
	free(x->text);
	x->label = xstrndup(l->label, l->n_label);
	x->text = xstrndup(l->text, l->n_text);
	buf_free(&component);
	buf_free(&shape);
}

static int later_first(const void *a, const void *b)
{
	const struct errorbook_entry *x = a, *y = b;

	if (x->last_ms != y->last_ms)
		return x->last_ms > y->last_ms ? -1 : 1;
	return strcmp(x->component, y->component);
}

void errorbook_sort(struct errorbook *b)
{
	if (b->n > 1)
		qsort(b->entries, b->n, sizeof *b->entries, later_first);
}

void errorbook_free(struct errorbook *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->entries[i].component);
		free(b->entries[i].shape);
		free(b->entries[i].label);
		free(b->entries[i].text);
	}
	free(b->entries);
	*b = (struct errorbook){ 0 };
}
