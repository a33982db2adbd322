/* fit.c - see fit.h. SPDX-License-Identifier: Apache-2.0 */
#include "fit.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

static const char property[] = "property of ";

/* ---- as text ---- */

/* key_type gives what the keys of component C are, if that is known: GALE_STRING or GALE_BYTES. */
static gale_type key_type(const struct topology *t, uint32_t c)
{
	const struct subscription *only = NULL;
	gale_type type;

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		if (t->subscriptions[i].to != c)
			continue;
		if (only != NULL)
			return GALE_NULL;
		only = &t->subscriptions[i];
	}
	if (!t->components[c].state_by_field || only == NULL || only->grouping != GROUPING_FIELDS ||
	    only->n_fields != 1)
		return GALE_NULL;
	type = t->components[only->from].outputs[only->stream].fields[only->fields[0]].type;
	return type == GALE_STRING || type == GALE_BYTES ? type : GALE_NULL;
}

static void put_component(struct buf *out, const struct topology *t, uint32_t number)
{
	const struct component *c = &t->components[number];
	gale_type keys = key_type(t, number);

	buf_printf(out, "%s %s: %s, %u task%s%s", c->kind == GALE_SPOUT ? "spout" : "bolt", c->id,
	    c->part.class_name, c->n_tasks, c->n_tasks == 1 ? "" : "s", c->has_finish ? ", finish" : "");
	if (t->transaction.id != NULL && c->state_version != 0)
		buf_printf(out, ", state %u", c->state_version);
	if (keys != GALE_NULL)
		buf_puts(out, keys == GALE_BYTES ? ", keys are bytes" : ", keys are strings");
	buf_puts(out, "\n");
	for (size_t i = 0; c->kind == GALE_SPOUT && i < c->part.properties.n; i++) {
		const struct setting *s = &c->part.properties.items[i];

		buf_printf(out, "%s%s: %s = ", property, c->id, s->key);
		topology_put_setting(out, s);
		buf_puts(out, "\n");
	}
}

static void put_stream(struct buf *out, const struct topology *t, const struct subscription *s)
{
	const struct stream *stream = &t->components[s->from].outputs[s->stream];

	buf_printf(out, "stream %s.%s --> %s: %s", t->components[s->from].id, stream->id,
	    t->components[s->to].id, topology_grouping_names[s->grouping]);
	for (uint32_t i = 0; i < s->n_fields; i++) {
		const char *name = stream->fields[s->fields[i]].name;

		buf_puts(out, " ");
		buf_json_string(out, name, strlen(name));
	}
	if (s->custom.class_name != NULL)
		buf_printf(out, " %s", s->custom.class_name);
	buf_puts(out, "\n");
}

void fit_text(struct buf *out, const struct topology *t)
{
	buf_printf(out, "topology %s\n", t->name);
	if (t->transaction.id != NULL)
		buf_printf(out, "transactional %s\n", t->transaction.id);
	for (uint32_t i = 0; i < t->n_components; i++)
		put_component(out, t, i);
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		put_stream(out, t, &t->subscriptions[i]);
}

/* ---- compared ---- */

/* find_line tells whether TEXT has the N bytes at LINE as a line. */
static bool find_line(const char *text, const char *line, size_t n)
{
	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strcspn(text, "\n") == n && memcmp(text, line, n) == 0)
			return true;
	return false;
}

/* missing gives the first line of A that counts and that B has not, or NULL. */
static const char *missing(const char *a, const char *b, bool properties, size_t *n)
{
	for (; *a != '\0'; a += *n, a += *a == '\n') {
		*n = strcspn(a, "\n");
		if (!properties && strncmp(a, property, sizeof property - 1) == 0)
			continue;
		if (!find_line(b, a, *n))
			return a;
	}
	return NULL;
}

/* other_tasks tells whether two lines of a bolt differ in its number of tasks and nothing else. */
static bool other_tasks(const char *was, const char *now)
{
	size_t n = 0;

	if (strncmp(was, "bolt ", 5) != 0)
		return false;
	while (was[n] == now[n] && was[n] != ',' && was[n] != '\n' && was[n] != '\0')
		n++;
	return was[n] == ',' && now[n] == ',' && strtoul(was + n + 1, NULL, 10) != strtoul(now + n + 1, NULL, 10);
}

int fit_check(const char *was, const char *now, bool positions, struct error *e)
{
	size_t n_gone = 0, n_new = 0;
	const char *gone = missing(was, now, positions, &n_gone);
	const char *new = missing(now, was, positions, &n_new);

	if (gone != NULL && new != NULL && other_tasks(gone, new))
		return error_set(e, "it was \"%.*s\", now it is \"%.*s\" (gale state export, then gale state import "
		    "with --tasks, may share its keys out anew)", (int)n_gone, gone, (int)n_new, new);
	if (gone != NULL && new != NULL)
		return error_set(e, "it was \"%.*s\", now it is \"%.*s\"", (int)n_gone, gone, (int)n_new, new);
	if (gone != NULL)
		return error_set(e, "there was \"%.*s\", now there is not", (int)n_gone, gone);
	if (new != NULL)
		return error_set(e, "there is \"%.*s\", which there was not", (int)n_new, new);
	return 0;
}

/* ---- what survives ---- */

bool positions_are_safe(const struct topology *t, uint32_t spout)
{
	bool *below = xcalloc(t->n_components, sizeof *below), more = true, safe = true;

	below[spout] = true;
	while (more) {
		more = false;
		for (uint32_t i = 0; i < t->n_subscriptions; i++) {
			const struct subscription *s = &t->subscriptions[i];

			if (!below[s->from] || below[s->to])
				continue;
			below[s->to] = more = true;
			safe = safe && (!t->components[s->to].has_finish ||
			    t->components[s->to].state_version != 0);
		}
	}
	free(below);
	return safe;
}
