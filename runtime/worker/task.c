/* task.c - the tasks of a worker: opening the plugin, ticks, wakes, closing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transaction.h"
#include "clock.h"
#include "control.h"
#include "pinned.h"
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
static uint64_t tick_ms(const struct stage *st)
{
	const struct topology *t = st->worker->topology;
	const struct setting *ms = topology_config(t, st->component, "topology.tick.tuple.freq.ms");
	const struct setting *secs = topology_config(t, st->component, "topology.tick.tuple.freq.secs");

	if (ms != NULL && ms->type == SETTING_INT)
		return (uint64_t)ms->i;
	if (secs != NULL && secs->type != SETTING_NULL)
		return (uint64_t)topology_ms(t, st->component, "topology.tick.tuple.freq.secs");
	return 0;
}

static gale_ctx new_context(const struct stage *st, uint32_t index)
{
	const struct worker *w = st->worker;

	return (gale_ctx){
		.host = &host_calls,
		.topology = w->topology->name,
		.component = st->component->id,
		.task = st->planned->first_task + index,
		.index = st->planned->first_task + index - w->plan->first_task[st->planned->component],
		.n_tasks = st->component->n_tasks,
		.out = OUT_FD,
		.level = st->level,
	};
}

/* new_task makes task number INDEX of ST. */
static struct task *new_task(struct stage *st, uint32_t index)
{
	struct worker *w = st->worker;
	struct task *t = &st->tasks[index];

	*t = (struct task){ .ctx = new_context(st, index), .worker = w, .stage = st,
		.source = index, .index = (uint32_t)(t - w->tasks), .place = resume_place(st) };
	t->self = xcalloc(1, st->code->self_size + 1);
	t->counts = w->counts != NULL ? &w->counts[t->ctx.task] : NULL;
	w->n_tasks++;
	durable_open(t);
	return t;
}

void task_make(struct task *t)
{
	struct worker *w = t->worker;
	const gale_component *code = t->stage->code;
	int (*open)(void *, gale_ctx *) = code->kind == GALE_SPOUT ? code->open : code->prepare;
	struct error e;
	int result;

	memset(t->self, 0, code->self_size);
	if (plugin_fill(code, &t->stage->component->part.properties, t->self, &e) != 0)
		worker_fatal(w, "%s", e.text);
	if (code->tick != NULL)
		t->tick_ns = tick_ms(t->stage) * NS_PER_MS;
	t->next_tick_ns = clock_now_ns() + t->tick_ns;
	t->made = true;
	if (open == NULL)
		return;
	result = open(t->self, &t->ctx);
	if (result == GALE_OK && !t->broken)
		return;
	task_unmake(t);
	worker_fatal(w, "%s: %s", code->kind == GALE_SPOUT ? "open" : "prepare",
	    t->why[0] ? t->why : "the plugin gave no reason");
}

void task_unmake(struct task *t)
{
	if (t->made && t->stage->code->cleanup != NULL)
		t->stage->code->cleanup(t->self, &t->ctx);
	t->made = false;
}

static const gale_component *open_part(struct worker *w, const struct part *part, struct plugin **plugin)
{
	char *path = pinned_path(w->rundir, part->library);
	const gale_component *c = NULL;
	struct error e;

	*plugin = plugin_open(path, &e);
	free(path);
	if (*plugin != NULL)
		c = plugin_component(*plugin, part->component, &e);
	if (c == NULL)
		worker_fatal(w, "%s", e.text);
	return c;
}

/* open_grouping gives a CUSTOM grouping its plugin. */
static void open_grouping(struct stage *st, struct group *g)
{
	struct worker *w = st->worker;
	const struct part *part = &g->subscription->custom;
	struct plugin *plugin;
	struct error e;

	g->custom = open_part(w, part, &plugin);
	plugin_free(plugin);
	g->custom_self = xcalloc(1, g->custom->self_size + 1);
	g->custom_ctx = xmalloc(sizeof (struct task));
	*(struct task *)g->custom_ctx = (struct task){ .ctx = new_context(st, 0), .worker = w, .stage = st };
	if (plugin_fill(g->custom, &part->properties, g->custom_self, &e) != 0)
		worker_fatal(w, "%s", e.text);
	if (g->custom->prepare != NULL &&
	    g->custom->prepare(g->custom_self, g->custom_ctx) != GALE_OK)
		worker_fatal(w, "grouping %s: prepare failed: %s", part->class_name,
		    ((struct task *)g->custom_ctx)->why);
}

/* open_stage opens the plugin of ST and all of its N tasks, which stand from TASKS on. */
static void open_stage(struct stage *st, struct task *tasks, uint32_t n)
{
	struct worker *w = st->worker;

	st->code = open_part(w, &st->component->part, &st->plugin);
	st->execute = st->code->execute;
	st->counts_aside = w->counts != NULL || w->txn != NULL;
	for (struct group *g; (g = router_custom(&st->router)) != NULL; )
		open_grouping(st, g);
	st->tasks = tasks;
	while (st->n_tasks < n) {
		struct task *t = new_task(st, st->n_tasks++);

		if (w->txn != NULL)
			continue;	/* its first reset makes it */
		task_make(t);
		resume_task(t);
	}
}

void task_open_all(struct worker *w)
{
	uint32_t n = w->me->n_tasks;	/* of each stage */

	w->tasks = xcalloc((size_t)n * w->n_stages, sizeof *w->tasks);
	for (uint32_t i = w->n_stages; i-- > 0; )
		open_stage(&w->stages[i], w->tasks + (size_t)n * i, n);
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
	for (uint32_t i = 0; i < w->n_stages; i++)
		plugin_free(w->stages[i].plugin);
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
		t->stage->status->ticks++;
		t->idle_until_ns = 0;
		task_result(t, t->stage->code->tick(t->self, &t->ctx), "tick");
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
		if (atomic_exchange(&t->woken, false) && t->stage->code->woken != NULL)
			task_result(t, t->stage->code->woken(t->self, &t->ctx), "woken");
	}
}
