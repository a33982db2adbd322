/* plan.c - see plan.h. SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* count_ackers: without a spout nobody would ever ask one, and batches are counted by the
 * coordinator. */
static uint32_t count_ackers(const struct topology *t)
{
	int64_t n = topology_int(t, NULL, "topology.acker.executors");

	return t->n_spouts == 0 || t->transaction.id != NULL || n <= 0 ? 0 : (uint32_t)n;
}

/* ---- chains ---- */

static bool wants_chaining(const struct topology *t, const struct component *c)
{
	const struct setting *s = topology_config(t, c, "topology.chaining");

	return s != NULL && s->type == SETTING_STRING && strcmp(s->s, "auto") == 0;
}

/* may_be_call: whichever task of FROM emits, S wants the task of TO beside it, or any. */
static bool may_be_call(const struct subscription *s, const struct component *to)
{
	if (s->grouping == GROUPING_LOCAL_OR_SHUFFLE)
		return true;
	return to->n_tasks == 1 && s->grouping != GROUPING_CUSTOM && s->grouping != GROUPING_DIRECT;
}

uint32_t plan_chained_to(const struct topology *t, uint32_t c)
{
	const struct component *to = &t->components[c];
	uint32_t from = UINT32_MAX;

	if (to->kind != GALE_BOLT || t->transaction.id != NULL || !wants_chaining(t, to))
		return UINT32_MAX;
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];

		if (s->to != c)
			continue;
		if ((from != UINT32_MAX && from != s->from) || !may_be_call(s, to))
			return UINT32_MAX;
		from = s->from;
	}
	if (from != UINT32_MAX && (t->components[from].parallelism != to->parallelism ||
	    t->components[from].n_tasks != to->n_tasks))
		return UINT32_MAX;
	return from;
}

/* ---- workers ---- */

static void add_label(struct plan_worker *w, const char *id, uint32_t first, uint32_t n)
{
	size_t used = strlen(w->label);
	char *at = w->label + used;
	const char *plus = used > 0 ? "+" : "";

	if (n == 1)
		snprintf(at, sizeof w->label - used, "%s%.64s[%u]", plus, id, first);
	else
		snprintf(at, sizeof w->label - used, "%s%.64s[%u-%u]", plus, id, first, first + n - 1);
}

static const char *component_id(const struct plan *p, enum role role, uint32_t component)
{
	if (role == ROLE_COORDINATOR)
		return COORDINATOR_ID;
	return role == ROLE_ACKER ? ACKER_ID : p->topology->components[component].id;
}

/* add_stage gives the last worker of the plan tasks FIRST .. FIRST + N - 1, as COMPONENT counts
 * them, and those that are chained to them. They are as many: all are shared out alike. */
static void add_stage(struct plan *p, uint32_t component, uint32_t parent, uint32_t first, uint32_t n)
{
	struct plan_worker *w = &p->workers[p->n_workers - 1];
	struct plan_stage *s = &p->stages[p->n_stages++];
	uint32_t me = w->n_stages++;

	*s = (struct plan_stage){ component, p->first_task[component] + first, n, parent };
	for (uint32_t i = 0; i < n; i++)
		p->task_worker[s->first_task + i] = p->n_workers - 1;
	add_label(w, component_id(p, w->role, component), first, n);
	if (w->executor == 0)
		p->first_worker[component] = p->n_workers - 1;
	for (uint32_t c = 0; c < p->topology->n_components && component < p->topology->n_components; c++)
		if (p->chained_to[c] == component)
			add_stage(p, c, me, first, n);
}

/* add_worker plans the next worker of the plan: executor number EXECUTOR of COMPONENT,
 * with tasks FIRST .. FIRST + N - 1 as the component counts them. */
static void add_worker(struct plan *p, enum role role, uint32_t component, uint32_t executor,
    uint32_t first, uint32_t n)
{
	struct plan_worker *w = &p->workers[p->n_workers++];

	w->role = role;
	w->component = component;
	w->first_task = p->first_task[component] + first;
	w->n_tasks = n;
	w->executor = executor;
	w->first_stage = p->n_stages;
	add_stage(p, component, 0, first, n);
}

/* add_component shares a component's tasks out as evenly as can be, the larger shares
 * first, as Storm does. */
static void add_component(struct plan *p, uint32_t c)
{
	const struct component *component = &p->topology->components[c];
	enum role role = component->kind == GALE_SPOUT ? ROLE_SPOUT : ROLE_BOLT;
	uint32_t share = component->n_tasks / component->parallelism;
	uint32_t larger = component->n_tasks % component->parallelism;
	uint32_t first = 0;

	for (uint32_t e = 0; e < component->parallelism; e++) {
		uint32_t n = share + (e < larger);

		add_worker(p, role, c, e, first, n);
		first += n;
	}
}

/* add_own plans the workers that are gale's own. */
static void add_own(struct plan *p)
{
	uint32_t own = p->topology->n_components;

	p->first_acker = p->first_worker[own] = p->n_workers;
	if (p->topology->transaction.id != NULL) {
		p->coordinator = p->n_workers;
		add_worker(p, ROLE_COORDINATOR, own, 0, 0, 1);
	}
	for (uint32_t a = 0; a < p->n_ackers; a++)
		add_worker(p, ROLE_ACKER, own, a, a, 1);
	p->n_tasks += p->n_workers - p->first_acker;
}

struct plan *plan_make(const struct topology *t)
{
	struct plan *p = xcalloc(1, sizeof *p);
	size_t n_workers, n_tasks;

	p->topology = t;
	p->n_ackers = count_ackers(t);
	p->coordinator = UINT32_MAX;
	n_workers = n_tasks = p->n_ackers + (t->transaction.id != NULL);
	for (uint32_t c = 0; c < t->n_components; c++) {
		n_workers += t->components[c].parallelism;
		n_tasks += t->components[c].n_tasks;
	}
	/* The arrays per component have one place more, for the ackers or the coordinator. */
	p->workers = xcalloc(n_workers + 1, sizeof *p->workers);
	p->task_worker = xcalloc(n_tasks + 1, sizeof *p->task_worker);
	p->first_task = xcalloc((size_t)t->n_components + 1, sizeof *p->first_task);
	p->first_worker = xcalloc((size_t)t->n_components + 1, sizeof *p->first_worker);
	p->chained_to = xcalloc((size_t)t->n_components + 1, sizeof *p->chained_to);
	p->stages = xcalloc(n_workers + 1, sizeof *p->stages);

	for (uint32_t c = 0; c < t->n_components; c++) {
		p->chained_to[c] = plan_chained_to(t, c);
		p->first_task[c] = p->n_tasks;
		p->n_tasks += t->components[c].n_tasks;
	}
	p->first_task[t->n_components] = p->n_tasks;
	for (uint32_t c = 0; c < t->n_components; c++)
		if (p->chained_to[c] == UINT32_MAX)
			add_component(p, c);
	add_own(p);
	return p;
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	free(p->workers);
	free(p->task_worker);
	free(p->first_task);
	free(p->first_worker);
	free(p->stages);
	free(p->chained_to);
	free(p);
}

const char *plan_component(const struct plan *p, uint32_t worker)
{
	return component_id(p, p->workers[worker].role, p->workers[worker].component);
}

const struct plan_stage *plan_stage_of(const struct plan *p, uint32_t worker, uint32_t component)
{
	const struct plan_worker *w = &p->workers[worker];

	for (uint32_t i = 0; i < w->n_stages; i++)
		if (p->stages[w->first_stage + i].component == component)
			return &p->stages[w->first_stage + i];
	return NULL;
}

uint32_t plan_task_component(const struct plan *p, uint32_t worker, uint32_t task)
{
	const struct plan_worker *w = &p->workers[worker];

	for (uint32_t i = 0; i < w->n_stages; i++) {
		const struct plan_stage *s = &p->stages[w->first_stage + i];

		if (task - s->first_task < s->n_tasks)
			return s->component;
	}
	return UINT32_MAX;
}

const char *plan_task_label(const struct plan *p, uint32_t task, char *buf, size_t size)
{
	uint32_t worker, component;

	if (task >= p->n_tasks) {
		snprintf(buf, size, "?[%u]", task);
		return buf;
	}
	worker = p->task_worker[task];
	component = plan_task_component(p, worker, task);
	snprintf(buf, size, "%.64s[%u]", component_id(p, p->workers[worker].role, component),
	    task - p->first_task[component]);
	return buf;
}

/* ---- who is connected to whom ---- */

bool plan_feeds(const struct plan *p, uint32_t from, uint32_t to)
{
	const struct topology *t = p->topology;

	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		if (t->subscriptions[i].from == from && t->subscriptions[i].to == to)
			return true;
	return false;
}

/* reach notes in SEEN whom FROM's data comes to. Each component is entered once: there may
 * be more ways than anybody can walk. */
static void reach(const struct plan *p, uint32_t from, bool *seen)
{
	for (uint32_t c = 0; c < p->topology->n_components; c++) {
		if (seen[c] || !plan_feeds(p, from, c))
			continue;
		seen[c] = true;
		reach(p, c, seen);
	}
}

bool plan_reaches(const struct plan *p, uint32_t from, uint32_t to)
{
	bool *seen = xcalloc((size_t)p->topology->n_components + 1, sizeof *seen), found;

	reach(p, from, seen);
	found = seen[to];
	free(seen);
	return found;
}

bool plan_runs_plugin(const struct plan *p, uint32_t worker)
{
	return p->workers[worker].role == ROLE_SPOUT || p->workers[worker].role == ROLE_BOLT;
}

bool plan_tracks(const struct plan *p)
{
	return p->n_ackers > 0 || p->coordinator != UINT32_MAX;
}

bool plan_is_source(const struct plan *p, uint32_t worker)
{
	const struct plan_worker *w = &p->workers[worker];

	if (p->coordinator != UINT32_MAX)
		return worker == p->coordinator;
	if (w->role != ROLE_BOLT)
		return w->role == ROLE_SPOUT;
	for (uint32_t i = 0; i < w->n_stages; i++)
		if (p->topology->components[p->stages[w->first_stage + i].component].has_finish)
			return true;
	return false;
}

/* worker_feeds: a stage of worker FROM feeds the head of worker TO, a bolt. */
static bool worker_feeds(const struct plan *p, uint32_t from, uint32_t to)
{
	const struct plan_worker *w = &p->workers[from];

	for (uint32_t i = 0; i < w->n_stages; i++)
		if (plan_feeds(p, p->stages[w->first_stage + i].component, p->workers[to].component))
			return true;
	return false;
}

bool plan_sends(const struct plan *p, uint32_t from, uint32_t to)
{
	if (from == p->coordinator || to == p->coordinator)
		return from != to;
	if (p->workers[from].role == ROLE_ACKER)
		return plan_is_source(p, to);
	if (p->workers[to].role == ROLE_ACKER)
		return true;
	return p->workers[to].role == ROLE_BOLT && worker_feeds(p, from, to);
}

/* A connection is a descriptor on both sides, a socket of ZeroMQ's has one of its own, and
 * its threads have a dozen. libzmq aborts where accept finds none left, so they are counted
 * before the start. */
/* state_files: LevelDB has a lock, a log, a manifest and a text of its own open for each task,
 * and some more while it compacts. Its tables it maps, the first thousand of a process, without
 * keeping them open. */
static uint32_t state_files(const struct plan *p, uint32_t worker)
{
	enum { PER_TASK = 8, COMPACTION = 8 };
	const struct plan_worker *w = &p->workers[worker];
	uint32_t n = 0;

	if (worker == p->coordinator)
		return COMPACTION + PER_TASK;
	for (uint32_t i = 0; w->role != ROLE_ACKER && i < w->n_stages; i++) {
		const struct plan_stage *s = &p->stages[w->first_stage + i];

		if (p->topology->components[s->component].state_version != 0)
			n += s->n_tasks;
	}
	return n > 0 ? COMPACTION + PER_TASK * n : 0;
}

uint32_t plan_descriptors(const struct plan *p)
{
	enum { PER_WORKER = 4, OWN = 32, PLUGIN = 128 };
	uint32_t most = OWN + PER_WORKER * p->n_workers;

	for (uint32_t w = 0; w < p->n_workers; w++) {
		uint32_t need = OWN + PLUGIN * p->workers[w].n_stages + state_files(p, w);

		for (uint32_t peer = 0; peer < p->n_workers; peer++)
			need += 2u * plan_sends(p, w, peer) + plan_sends(p, peer, w);
		if (need > most)
			most = need;
	}
	return most;
}
