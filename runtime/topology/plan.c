/* plan.c - see plan.h. SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "memory.h"

/* count_ackers: without a spout nobody would ever ask one, and batches are counted by the
 * coordinator. */
static uint32_t count_ackers(const struct topology *t)
{
	int64_t n = topology_int(t, NULL, "topology.acker.executors");

	return t->n_spouts == 0 || t->transaction.id != NULL || n <= 0 ? 0 : (uint32_t)n;
}

static void label_worker(struct plan_worker *w, const char *id, uint32_t first)
{
	if (w->n_tasks == 1)
		snprintf(w->label, sizeof w->label, "%.64s[%u]", id, first);
	else
		snprintf(w->label, sizeof w->label, "%.64s[%u-%u]", id, first,
		    first + w->n_tasks - 1);
}

/* add_worker plans the next worker of the plan: executor number EXECUTOR of COMPONENT,
 * with tasks FIRST .. FIRST + N - 1 as the component counts them. */
static void add_worker(struct plan *p, enum role role, uint32_t component, uint32_t executor,
    uint32_t first, uint32_t n)
{
	struct plan_worker *w = &p->workers[p->n_workers];

	w->role = role;
	w->component = component;
	w->first_task = p->first_task[component] + first;
	w->n_tasks = n;
	w->executor = executor;
	for (uint32_t i = 0; i < n; i++)
		p->task_worker[w->first_task + i] = p->n_workers;
	label_worker(w, plan_component(p, p->n_workers), first);
	p->n_workers++;
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

	p->first_task[c] = p->n_tasks;
	p->first_worker[c] = p->n_workers;
	for (uint32_t e = 0; e < component->parallelism; e++) {
		uint32_t n = share + (e < larger);

		add_worker(p, role, c, e, first, n);
		first += n;
	}
	p->n_tasks += component->n_tasks;
}

/* add_own plans the workers that are gale's own. */
static void add_own(struct plan *p)
{
	uint32_t own = p->topology->n_components;

	p->first_acker = p->first_worker[own] = p->n_workers;
	p->first_task[own] = p->n_tasks;
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

	for (uint32_t c = 0; c < t->n_components; c++)
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
	free(p);
}

const char *plan_component(const struct plan *p, uint32_t worker)
{
	const struct plan_worker *w = &p->workers[worker];

	if (w->role == ROLE_COORDINATOR)
		return COORDINATOR_ID;
	return w->role == ROLE_ACKER ? ACKER_ID : p->topology->components[w->component].id;
}

const char *plan_task_label(const struct plan *p, uint32_t task, char *buf, size_t size)
{
	uint32_t worker;

	if (task >= p->n_tasks) {
		snprintf(buf, size, "?[%u]", task);
		return buf;
	}
	worker = p->task_worker[task];
	snprintf(buf, size, "%.64s[%u]", plan_component(p, worker),
	    task - p->first_task[p->workers[worker].component]);
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
	return w->role == ROLE_SPOUT ||
	    (w->role == ROLE_BOLT && p->topology->components[w->component].has_finish);
}

bool plan_sends(const struct plan *p, uint32_t from, uint32_t to)
{
	if (from == p->coordinator || to == p->coordinator)
		return from != to;
	if (p->workers[from].role == ROLE_ACKER)
		return plan_is_source(p, to);
	if (p->workers[to].role == ROLE_ACKER)
		return true;
	return p->workers[to].role == ROLE_BOLT &&
	    plan_feeds(p, p->workers[from].component, p->workers[to].component);
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

	if (worker != p->coordinator &&
	    (w->role == ROLE_ACKER || p->topology->components[w->component].state_version == 0))
		return 0;
	return COMPACTION + PER_TASK * w->n_tasks;
}

uint32_t plan_descriptors(const struct plan *p)
{
	enum { PER_WORKER = 4, OWN = 32, PLUGIN = 128 };
	uint32_t most = OWN + PER_WORKER * p->n_workers;

	for (uint32_t w = 0; w < p->n_workers; w++) {
		uint32_t need = OWN + PLUGIN + state_files(p, w);

		for (uint32_t peer = 0; peer < p->n_workers; peer++)
			need += 2u * plan_sends(p, w, peer) + plan_sends(p, peer, w);
		if (need > most)
			most = need;
	}
	return most;
}
