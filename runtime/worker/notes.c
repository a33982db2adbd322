/* notes.c - see notes.h. SPDX-License-Identifier: Apache-2.0 */
#include "notes.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "record.h"

enum { NOTE_MOST = 16 + RECORD_TEXT_MAX };	/* bytes of one record */

void notes_init(struct notes *s)
{
	*s = (struct notes){ 0 };
	idmap_init(&s->index);
}

void notes_free(struct notes *s)
{
	for (size_t i = s->gone; i < s->n; i++)
		free(s->list[i].why);
	free(s->list);
	idmap_free(&s->index);
}

/* close_gap fills the place of those that have left. Called when they were at least as many
 * as those that stay, so each note is moved once, on average, at most. */
static void close_gap(struct notes *s)
{
	s->n -= s->gone;
	memmove(s->list, s->list + s->gone, s->n * sizeof *s->list);
	s->gone = 0;
	for (size_t i = 0; i < s->n; i++)
		idmap_set(&s->index, s->list[i].root, (uint32_t)i);
}

/* note_of gives the note of ROOT; a new one is the weakest, a reset. */
static struct note *note_of(struct notes *s, uint64_t root)
{
	uint32_t i = idmap_get(&s->index, root);

	if (i != IDMAP_NONE)
		return &s->list[i];
	if (s->n == s->cap && s->gone > 0 && s->gone >= notes_waiting(s))
		close_gap(s);
	s->list = xgrow(s->list, &s->cap, s->n + 1, sizeof *s->list);
	s->list[s->n] = (struct note){ .root = root, .type = RECORD_RESET };
	idmap_put(&s->index, root, (uint32_t)s->n);
	return &s->list[s->n++];
}

void notes_failed(struct notes *s, uint64_t root, uint32_t task, const char *why)
{
	struct note *note = note_of(s, root);

	if (note->type != RECORD_RESET)
		return;
	note->type = RECORD_FAIL;
	note->task = task;
	note->why = xstrndup(why, strnlen(why, RECORD_TEXT_MAX));
}

void notes_reset(struct notes *s, uint64_t root, uint32_t task)
{
	struct note *note = note_of(s, root);

	if (note->type == RECORD_RESET)
		note->task = task;
}

void notes_void(struct notes *s, uint64_t root)
{
	struct note *note = note_of(s, root);

	free(note->why);
	note->why = NULL;
	note->type = RECORD_VOID;
}

static void put(struct buf *out, const struct note *note)
{
	if (note->type == RECORD_FAIL)
		record_put_fail(out, note->root, note->task, note->why, strlen(note->why));
	else if (note->type == RECORD_RESET)
		record_put_reset(out, note->root, note->task);
	else
		record_put_void(out, note->root);
}

void notes_write(struct notes *s, struct buf *out, size_t most_bytes)
{
	while (s->gone < s->n && out->n + NOTE_MOST <= most_bytes) {
		struct note *note = &s->list[s->gone++];

		put(out, note);
		idmap_remove(&s->index, note->root);
		free(note->why);
	}
	if (s->gone == s->n)
		s->gone = s->n = 0;
}
