/* spread.c - see spread.h. SPDX-License-Identifier: Apache-2.0 */
#include "spread.h"

#include <inttypes.h>
#include <math.h>
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

	*s = (struct spread){ .strings = true, .bytes = true };
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

/* is_one_field tells whether TEXT, which ends with its line, is one JSON string. */
static bool is_one_field(const char *text, const char *end)
{
	if (text == end || *text++ != '"')
		return false;
	while (text < end && *text != '"')
		text += *text == '\\' ? 2 : 1;
	return text + 1 == end;
}

/* is_fed_right: "stream FROM.STREAM --> ID: GROUPING ...", which is one to the component. */
static bool is_fed_right(const char *line, const char *end, const char *to)
{
	static const char grouping[] = "FIELDS ";
	const char *at = to + strcspn(to, ":") + 2;

	return line < end && (size_t)(end - at) > sizeof grouping &&
	    strncmp(at, grouping, sizeof grouping - 1) == 0 && is_one_field(at + sizeof grouping - 1, end);
}

/* look_at_stream counts the streams to the component; false: it is one that can't be followed. */
static bool look_at_stream(const struct spread *s, const char *line, const char *end, uint32_t *n_streams)
{
	char *arrow = xasprintf(" --> %s:", s->component);
	const char *to = memmem(line, (size_t)(end - line), arrow, strlen(arrow));

	free(arrow);
	if (to == NULL || strncmp(line, "stream ", 7) != 0)
		return true;
	++*n_streams;
	return is_fed_right(line, end, to + 5);
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
	rest = strncmp(behind, " tasks", 6) == 0 ? behind + 6 : behind + 5;
	buf_add(out, line, (size_t)(number - line));
	buf_printf(out, ", %u task%s", s->n_tasks, s->n_tasks == 1 ? "" : "s");
	buf_add(out, rest, (size_t)(end - rest));
	return true;
}

int spread_topology(struct spread *s, struct buf *topology, struct error *e)
{
	struct buf out = { 0 };
	uint32_t n_streams = 0;
	bool right = true;

	for (const char *line = topology->data; *line != '\0'; line += *line == '\n') {
		const char *end = line + strcspn(line, "\n");

		right = look_at_stream(s, line, end, &n_streams) && right;
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
	s->fed_right = right && n_streams == 1;
	return 0;
}

/* ---- keys ---- */

/* chosen gives the task among N that a tuple whose field is KEY goes to. */
static uint32_t chosen(const struct buf *key, bool bytes, uint32_t n)
{
	uint32_t field = 0, task = 0;
	struct subscription fields = { .grouping = GROUPING_FIELDS, .fields = &field, .n_fields = 1 };
	gale_value value = gale_string(key->data != NULL ? key->data : "", key->n);
	struct group g;

	if (bytes)
		value.type = GALE_BYTES;
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
	s->n_keys++;
	s->strings = s->strings && chosen(key, false, s->n_before) == task;
	s->bytes = s->bytes && chosen(key, true, s->n_before) == task;
}

int spread_check(const struct spread *s, struct error *e)
{
	if (s->version != 0 && !s->fed_right)
		return error_set(e, "the keys of %s can't be spread: that can be done where one stream feeds it, "
		    "with FIELDS on one field", s->component);
	if (s->n_keys > 0 && !s->strings && !s->bytes)
		return error_set(e, "the keys of %s can't be spread: not all of them are values of the field that "
		    "it is fed by", s->component);
	if (s->n_keys > 0 && (double)s->n_keys * log2((double)s->n_before) < SPREAD_BITS)
		return error_set(e, "the keys of %s can't be spread: %" PRIu64 " keys in %u task%s don't show whether "
		    "they are values of the field that it is fed by", s->component, s->n_keys, s->n_before,
		    s->n_before == 1 ? "" : "s");
	return 0;
}

uint32_t spread_target(const struct spread *s, const struct buf *key)
{
	return chosen(key, !s->strings, s->n_tasks);
}
