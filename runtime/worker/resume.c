/* resume.c - the tasks of a spout go on where an earlier process of theirs stopped (A9).
 *
 *     open --> position on disk? --no---------> from the beginning
 *                  |--ended--> never asked again (B3)
 *                  `--------> resume: what is open, then on at next
 *
 *     emit --> open --ack, or dead letter written--> done      each changes the position;
 *                                                              WRITE_EVERY_MS later it is on disk
 *
 * The dead-letter file is synced before a position is written: a position that calls a
 * message done never outlives its dead letter. What is dropped when a run is told to end
 * stays open. In a state directory that goes with its run nothing is synced: it has to
 * survive a process, not the machine.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "deadletter.h"
#include "memory.h"
#include "statedir.h"
#include "worker.h"

enum { WRITE_EVERY_MS = 80 };	/* what is left of the 100 ms is for the write itself */

struct place *resume_place(const struct stage *st)
{
	if (st->code->kind != GALE_SPOUT || st->code->resume == NULL || st->worker->txn != NULL)
		return NULL;
	return xcalloc(1, sizeof (struct place));
}

/* note_survival tells the supervisor when a successor could go on: every task that has emitted
 * anything has said where it is. */
static void note_survival(struct worker *w)
{
	bool known = false;

	if (w->status->survives)
		return;
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		const struct place *place = w->tasks[i].place;

		if (place != NULL && place->position.changed && !place->position.known)
			return;
		known = known || (place != NULL && place->position.known);
	}
	w->status->survives = known;
}

/* ---- going on ---- */

/* call_resume ends the process when the spout can't go on from what was read. */
static void call_resume(struct task *t)
{
	struct worker *w = t->worker;
	const struct position *p = &t->place->position;
	gale_resume r = { .next = p->next, .blob = p->blob, .n_blob = p->n_blob };
	uint64_t *ids = position_ids(p, &r.n_open);
	int result;

	r.open = ids;
	fprintf(stderr, "goes on at %llu, with %u messages that were open\n", (unsigned long long)r.next,
	    r.n_open);
	result = t->stage->code->resume(t->self, &t->ctx, &r);
	free(ids);
	if (result == GALE_OK && !t->broken)
		return;
	w->status->refused = 1;
	worker_fatal(w, "resume: %s", t->why[0] ? t->why : "the plugin gave no reason");
}

void resume_task(struct task *t)
{
	struct worker *w = t->worker;
	struct position found = { 0 };
	struct error e;
	char *path;
	int rc;

	if (t->place == NULL) {
		if (t->stage->code->kind == GALE_SPOUT && worker_state_lasts(w))
			fprintf(stderr, "this spout can't be positioned: every run starts it anew\n");
		return;
	}
	path = statedir_position(w->statedir, t->stage->component->id, t->ctx.index);
	rc = positionfile_read(&t->place->file, path, worker_state_lasts(w), &found, &e);
	if (rc > 0 && t->place->file.run > w->run)
		rc = error_set(&e, "the position %s is of run %u, which this state directory knows "
		    "nothing of; was a part of it restored? Remove it to start from the beginning",
		    path, t->place->file.run);
	free(path);
	if (rc < 0) {
		w->status->refused = 1;
		worker_fatal(w, "%s", e.text);
	}
	if (rc == 0)
		return;
	position_free(&t->place->position);
	t->place->position = found;
	t->done = found.ended;
	note_survival(w);
	if (!found.ended)
		call_resume(t);
}

/* ---- what changes ---- */

static void changed(struct worker *w)
{
	if (w->position_due_ns == 0)
		w->position_due_ns = w->now_ns + WRITE_EVERY_MS * NS_PER_MS;
}

void resume_opened(struct worker *w, const struct message *m)
{
	struct place *place = w->tasks[m->task].place;

	if (place == NULL)
		return;
	position_open(&place->position, m->id);
	changed(w);
}

bool resume_done(struct worker *w, const struct message *m)
{
	struct place *place = w->tasks[m->task].place;

	if (place == NULL || !position_close(&place->position, m->id))
		return false;
	changed(w);
	return true;
}

int resume_told(struct task *t, uint64_t next, const void *blob, uint32_t n)
{
	int rc = position_tell(&t->place->position, next, blob, n);

	if (t->place->position.changed)
		changed(t->worker);
	note_survival(t->worker);
	return rc;
}

/* ---- writing ---- */

static void write_place(struct worker *w, struct place *place)
{
	struct error e;

	if (!place->position.changed)
		return;
	if (!place->position.known && !place->position.ended) {
		if (!place->told_unknown && worker_state_lasts(w))
			fprintf(stderr, "this input can't be positioned: a new run will not go on "
			    "where this one stops\n");
		place->told_unknown = true;
	} else if (positionfile_write(&place->file, &place->position, w->run, &e) != 0) {
		worker_fatal(w, "%s; is the disk full?", e.text);
	}
}

static void write_all(struct worker *w)
{
	struct error e;

	w->position_due_ns = 0;
	if (deadletter_sync(&w->letters, &e) != 0)
		worker_fatal(w, "%s", e.text);
	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].place != NULL)
			write_place(w, w->tasks[i].place);
}

void resume_turn(struct worker *w)
{
	if (w->position_due_ns != 0 && w->now_ns >= w->position_due_ns)
		write_all(w);
}

uint64_t resume_due(const struct worker *w)
{
	return w->position_due_ns != 0 ? w->position_due_ns : UINT64_MAX;
}

void resume_end(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct place *place = w->tasks[i].place;

		if (place == NULL || place->position.ended || w->ending != ENDING_NOT)
			continue;
		place->position.ended = place->position.changed = true;
	}
	write_all(w);
}

void resume_close(struct worker *w)
{
	if (w->position_due_ns != 0)
		write_all(w);
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct place *place = w->tasks[i].place;

		if (place == NULL)
			continue;
		position_free(&place->position);
		positionfile_close(&place->file);
		free(place);
	}
}
