/* task.c - the tasks of a worker: opening the plugin, ticks, wakes, closing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transaction.h"
#include "clock.h"
#include "control.h"
#include "memory.h"
#include "worker.h"

void task_result(struct task *t, int result, const char *what)
{
	struct worker *w = t->worker;

	if (result == GALE_FATAL)
		worker_fatal(w, "%s", t->why[0] ? t->why : "the plugin gave up without a word");
	if (result == GALE_FAIL || t->broken)
		fprintf(stderr, "error: %s failed: %s\n", what, t->why[0] ? t->why : "no reason given");
	t->broken = false;
	t->why[0] = '\0';
}

/* ---- opening ---- */

/* tick_ms gives how often the component wants to be ticked, 0: never. */
static uint64_t tick_ms(const struct worker *w)
{
	const struct setting *ms = topology_config(w->topology, w->component, "topology.tick.tuple.freq.ms");
	const struct setting *secs = topology_config(w->topology, w->component, "topology.tick.tuple.freq.secs");

	if (ms != NULL && ms->type == SETTING_INT)
		return (uint64_t)ms->i;
	if (secs != NULL && secs->type != SETTING_NULL)
		return (uint64_t)topology_ms(w->topology, w->component, "topology.tick.tuple.freq.secs");
	return 0;
}

static gale_ctx new_context(const struct worker *w, uint32_t index)
{
	return (gale_ctx){
		.host = &host_calls,
		.topology = w->topology->name,
		.component = w->component->id,
		.task = w->me->first_task + index,
		.index = w->me->first_task + index - w->plan->first_task[w->me->component],
		.n_tasks = w->component->n_tasks,
		.out = OUT_FD,
	};
}

static void new_task(struct worker *w, uint32_t index)
{
	struct task *t = &w->tasks[index];

	*t = (struct task){ .ctx = new_context(w, index), .worker = w, .index = index,
		.place = resume_place(w) };
	t->self = xcalloc(1, w->code->self_size + 1);
	durable_open(t);
}

void task_make(struct task *t)
{
	struct worker *w = t->worker;
	int (*open)(void *, gale_ctx *) = w->code->kind == GALE_SPOUT ? w->code->open : w->code->prepare;
	struct error e;
	int result;

	memset(t->self, 0, w->code->self_size);
	if (plugin_fill(w->code, &w->component->part.properties, t->self, &e) != 0)
		worker_fatal(w, "%s", e.text);
	if (w->code->tick != NULL)
		t->tick_ns = tick_ms(w) * NS_PER_MS;
	t->next_tick_ns = clock_now_ns() + t->tick_ns;
	t->made = true;
	if (open == NULL)
		return;
	result = open(t->self, &t->ctx);
	if (result == GALE_OK && !t->broken)
		return;
	task_unmake(t);
	worker_fatal(w, "%s: %s", w->code->kind == GALE_SPOUT ? "open" : "prepare",
	    t->why[0] ? t->why : "the plugin gave no reason");
}

void task_unmake(struct task *t)
{
	if (t->made && t->worker->code->cleanup != NULL)
		t->worker->code->cleanup(t->self, &t->ctx);
	t->made = false;
}

static const gale_component *open_part(struct worker *w, const struct part *part, struct plugin **plugin)
{
	const gale_component *c = NULL;
	struct error e;

	*plugin = plugin_open(part->library, &e);
	if (*plugin != NULL)
		c = plugin_component(*plugin, part->component, &e);
	if (c == NULL)
		worker_fatal(w, "%s", e.text);
	return c;
}

/* open_grouping gives a CUSTOM grouping its plugin. */
static void open_grouping(struct worker *w, struct group *g)
{
	const struct part *part = &g->subscription->custom;
	struct plugin *plugin;
	struct error e;

	g->custom = open_part(w, part, &plugin);
	plugin_free(plugin);
	g->custom_self = xcalloc(1, g->custom->self_size + 1);
	g->custom_ctx = xmalloc(sizeof (struct task));
	*(struct task *)g->custom_ctx = (struct task){ .ctx = new_context(w, 0), .worker = w };
	if (plugin_fill(g->custom, &part->properties, g->custom_self, &e) != 0)
		worker_fatal(w, "%s", e.text);
	if (g->custom->prepare != NULL &&
	    g->custom->prepare(g->custom_self, g->custom_ctx) != GALE_OK)
		worker_fatal(w, "grouping %s: prepare failed: %s", part->class_name,
		    ((struct task *)g->custom_ctx)->why);
}

void task_open_all(struct worker *w)
{
	w->code = open_part(w, &w->component->part, &w->plugin);
	for (struct group *g; (g = router_custom(&w->router)) != NULL; )
		open_grouping(w, g);
	w->tasks = xcalloc(w->me->n_tasks, sizeof *w->tasks);
	while (w->n_tasks < w->me->n_tasks) {
		struct task *t = &w->tasks[w->n_tasks];

		new_task(w, w->n_tasks++);
		if (w->txn != NULL)
			continue;	/* its first reset makes it */
		task_make(t);
		resume_task(t);
	}
}

void task_close_all(struct worker *w)
{
	resume_close(w);
	durable_close(w);
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		task_unmake(&w->tasks[i]);
		free(w->tasks[i].self);
	}
	for (size_t i = 0; i < w->n_config_texts; i++)
		free(w->config_texts[i]);
	free(w->config_texts);
	free(w->tasks);
	plugin_free(w->plugin);
}

/* ---- ticks and wakes ---- */

enum { IDLE_MOST_MS = 50 };	/* who waits for nothing is asked this often at least */

void task_leave_alone(struct task *t)
{
	if (loop_waits_for(&t->worker->loop, &t->ctx)) {
		t->idle_until_ns = UINT64_MAX;
		return;
	}
	t->idle_ms = t->idle_ms == 0 ? 1 : t->idle_ms * 2;
	if (t->idle_ms > IDLE_MOST_MS)
		t->idle_ms = IDLE_MOST_MS;
	t->idle_until_ns = t->worker->now_ns + t->idle_ms * NS_PER_MS;
}

/* no_ticks: outside of batches, and between finish_batch and the markers: what a tick did would
 * belong to a batch that is finished. */
static bool no_ticks(const struct worker *w)
{
	return w->txn != NULL && (!w->txn->open || w->txn->closing != CLOSING_NOT);
}

void task_ticks(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct task *t = &w->tasks[i];

		if (t->tick_ns == 0 || w->now_ns < t->next_tick_ns || no_ticks(w))
			continue;
		/* A worker that was stopped does not make up for missed ticks. */
		t->next_tick_ns += t->tick_ns;
		if (t->next_tick_ns <= w->now_ns)
			t->next_tick_ns = w->now_ns + t->tick_ns;
		w->status->ticks++;
		t->idle_until_ns = 0;
		task_result(t, w->code->tick(t->self, &t->ctx), "tick");
	}
}

uint64_t task_tick_due(const struct worker *w)
{
	uint64_t due = UINT64_MAX;

	for (uint32_t i = 0; i < w->n_tasks; i++)
		if (w->tasks[i].tick_ns != 0 && w->tasks[i].next_tick_ns < due &&
		    !no_ticks(w))
			due = w->tasks[i].next_tick_ns;
	return due;
}

void task_woken(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_tasks; i++) {
		struct task *t = &w->tasks[i];

		t->idle_until_ns = 0;
		if (atomic_exchange(&t->woken, false) && w->code->woken != NULL)
			task_result(t, w->code->woken(t->self, &t->ctx), "woken");
	}
}
