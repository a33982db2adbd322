/* spread.c - see spread.h. SPDX-License-Identifier: Apache-2.0 */
#include "spread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group.h"
#include "memory.h"

enum { TASKS_MOST = 10000 };

int spread_parse(struct spread *s, const char *text, struct error *e)
{
	const char *number = strrchr(text, '=');
	char *end;
	unsigned long n;

	*s = (struct spread){ .keys = GALE_NULL };
	n = number != NULL && number[1] >= '0' && number[1] <= '9' ? strtoul(number + 1, &end, 10) : 0;
	if (n == 0 || n > TASKS_MOST || *end != '\0' || number == text)
		return error_set(e, "--tasks is COMPONENT=N with N from 1 to %d, not \"%s\"", TASKS_MOST, text);
	s->component = xstrndup(text, (size_t)(number - text));
	s->n_tasks = (uint32_t)n;
	return 0;
}

void spread_free(struct spread *s)
{
	free(s->component);
	*s = (struct spread){ 0 };
}

/* ---- the topology ---- */

/* type_of gives what the keys are, from what a bolt's line says of them at its end. */
static gale_type type_of(const char *line, const char *end)
{
	static const char strings[] = ", keys are strings", bytes[] = ", keys are bytes";

	if (memmem(line, (size_t)(end - line), strings, sizeof strings - 1) != NULL)
		return GALE_STRING;
	return memmem(line, (size_t)(end - line), bytes, sizeof bytes - 1) != NULL ? GALE_BYTES : GALE_NULL;
}

/* put_bolt copies "bolt ID: CLASS, N tasks..." with the new number. */
static bool put_bolt(struct spread *s, const char *line, const char *end, struct buf *out)
{
	char *head = xasprintf("bolt %s: ", s->component);
	bool found = strncmp(line, head, strlen(head)) == 0;
	const char *number = found ? memchr(line, ',', (size_t)(end - line)) : NULL, *rest;
	char *behind;

	free(head);
	if (number == NULL)
		return false;
	s->n_before = (uint32_t)strtoul(number + 2, &behind, 10);
	s->keys = type_of(number, end);
	rest = strncmp(behind, " tasks", 6) == 0 ? behind + 6 : behind + 5;
	buf_add(out, line, (size_t)(number - line));
	buf_printf(out, ", %u task%s", s->n_tasks, s->n_tasks == 1 ? "" : "s");
	buf_add(out, rest, (size_t)(end - rest));
	return true;
}

int spread_topology(struct spread *s, struct buf *topology, struct error *e)
{
	struct buf out = { 0 };

	for (const char *line = topology->data; *line != '\0'; line += *line == '\n') {
		const char *end = line + strcspn(line, "\n");

		if (!put_bolt(s, line, end, &out))
			buf_add(&out, line, (size_t)(end - line));
		buf_puts(&out, "\n");
		line = end;
	}
	buf_free(topology);
	*topology = out;
	buf_text(topology);
	if (s->n_before == 0)
		return error_set(e, "there is no bolt %s in this topology to spread", s->component);
	return 0;
}

/* ---- keys ---- */

/* chosen gives the task among N that a tuple whose field is KEY goes to. */
static uint32_t chosen(const struct spread *s, const struct buf *key, uint32_t n)
{
	uint32_t field = 0, task = 0;
	struct subscription fields = { .grouping = GROUPING_FIELDS, .fields = &field, .n_fields = 1 };
	gale_value value = gale_string(key->data != NULL ? key->data : "", key->n);
	struct group g;

	value.type = (uint8_t)s->keys;
	group_init(&g, &fields, n);
	group_choose(&g, &value, 1, &task);
	group_free(&g);
	return task;
}

int spread_task(struct spread *s, uint64_t version, uint64_t txid, struct error *e)
{
	if (s->version != 0 && (s->version != version || s->txid != txid))
		return error_set(e, "the tasks of %s are of different versions or batches", s->component);
	s->version = version;
	s->txid = txid;
	return 0;
}

void spread_key(struct spread *s, uint64_t task, const struct buf *key)
{
	s->misplaced |= s->keys != GALE_NULL && chosen(s, key, s->n_before) != task;
}

int spread_check(const struct spread *s, struct error *e)
{
	if (s->version != 0 && s->keys == GALE_NULL)
		return error_set(e, "the keys of %s can't be spread: that can be done where one stream feeds it, "
		    "with FIELDS on one field, a string or bytes, and its plugin says that the values of this field "
		    "are its keys (state_by_field)", s->component);
	if (s->misplaced)
		return error_set(e, "the keys of %s can't be spread: not all of them are values of the field that "
		    "it is fed by, although its plugin says so", s->component);
	return 0;
}

uint32_t spread_target(const struct spread *s, const struct buf *key)
{
	return chosen(s, key, s->n_tasks);
}
