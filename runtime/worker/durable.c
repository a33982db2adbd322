/* durable.c - state on disk, and acks that wait for it.
 *
 * The acks of a worker whose tasks have state are withheld (out.h) until a commit has written
 * and synced all that the tasks changed before; fails go at once. One commit for all there is:
 * when the worker has nothing else to do; when the oldest of what waits is 10 ms old; when a
 * task has changed more than it may hold in memory. A worker for which nothing waits has no
 * timer for this.
 *
 * A commit that fails ends the process (X12).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "clock.h"
#include "statedir.h"
#include "worker.h"

enum { COMMIT_NS = 10000000 };	/* 10 ms */

void durable_open(struct task *t)
{
	struct worker *w = t->worker;
	struct error e;
	char *path;

	if (t->stage->code->state_version == 0)
		return;
	path = statedir_state(w->statedir, t->stage->component->id, t->ctx.index);
	t->state = state_open(path, t->stage->code->state_version, &e);
	if (t->state == NULL)
		worker_fatal(w, "%s", e.text);
	free(path);
	t->ctx.state_lasts = worker_state_lasts(w);
	if (!t->ctx.state_lasts)
		state_goes_with_run(t->state);
	t->stage->status->survives = 1;
	/* In a transactional topology the coordinator says when to write (batch.c). */
	if (w->txn == NULL)
		w->durable = w->out.withholds = true;
}

/* something_waits tells whether there is anything to commit, or only acks to let go. */
static bool something_waits(const struct worker *w)
{
	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].state != NULL && state_dirty(w->tasks[i].state))
			return true;
	return w->n_inside > 0 || out_withheld(&w->out);
}

static bool something_is_full(const struct worker *w)
{
	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].state != NULL && state_full(w->tasks[i].state))
			return true;
	return false;
}

static void call_persist(struct task *t)
{
	int result;

	if (t->stage->code->persist == NULL)
		return;
	result = t->stage->code->persist(t->self, &t->ctx);
	if (result != GALE_OK || t->broken)
		worker_fatal(t->worker, "persist: %s", t->why[0] ? t->why : "the plugin gave no reason");
}

/* commit writes what all tasks have changed and lets the acks go that waited for it. Without
 * ackers there are none; the state is written all the same. */
static void commit(struct worker *w)
{
	struct error e;

	for (uint32_t i = 0; i < w->n_tasks; i++)
		call_persist(&w->tasks[i]);
	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].state != NULL && state_commit(w->tasks[i].state, &e) != 0)
			worker_fatal(w, "%s", e.text);
	out_release(&w->out);
	verdict_committed(w);
	w->uncommitted_ns = 0;
}

void durable_commit(struct worker *w)
{
	if (w->durable && something_waits(w))
		commit(w);
}

void durable_turn(struct worker *w)
{
	if (!w->durable || !something_waits(w))
		return;
	if (w->uncommitted_ns == 0)
		w->uncommitted_ns = w->now_ns;
	if (w->now_ns - w->uncommitted_ns >= COMMIT_NS || something_is_full(w))
		commit(w);
}

void durable_close(struct worker *w)
{
	durable_commit(w);
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		state_close(w->tasks[i].state);
		w->tasks[i].state = NULL;
	}
	w->durable = false;
	verdict_committed(w);
}
