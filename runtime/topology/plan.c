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

/* ---- workers ---- */

static void add_label(struct plan_worker *w, const char *id, uint32_t first, uint32_t n)
{
	size_t used = strlen(w->label);
	char *at = w->label + used;
	const char *plus = used > 0 ? "+" : "";

	if (n == 0)
		snprintf(at, sizeof w->label - used, "%s%.64s[-]", plus, id);
	else if (n == 1)
		snprintf(at, sizeof w->label - used, "%s%.64s[%u]", plus, id, first);
	else
		snprintf(at, sizeof w->label - used, "%s%.64s[%u-%u]", plus, id, first, first + n - 1);
}

static const char *component_id(const struct plan *p, uint32_t component)
{
	if (component < p->topology->n_components)
		return p->topology->components[component].id;
	return p->topology->transaction.id != NULL ? COORDINATOR_ID : ACKER_ID;
}

static enum role role_of(const struct plan *p, uint32_t component)
{
	if (component < p->topology->n_components)
		return p->topology->components[component].kind == GALE_SPOUT ? ROLE_SPOUT : ROLE_BOLT;
	return p->topology->transaction.id != NULL ? ROLE_COORDINATOR : ROLE_ACKER;
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
	add_label(w, component_id(p, component), first, n);
	if (n > 0 && w->executor == 0)
		p->first_worker[component] = p->n_workers - 1;
	for (uint32_t c = 0; c < p->topology->n_components && component < p->topology->n_components; c++)
		if (p->chained_to[c] == component)
			add_stage(p, c, me, first, n);
}

/* chain_length gives how many stages a worker has whose head is of component C. */
static uint32_t chain_length(const struct plan *p, uint32_t c)
{
	uint32_t n = 1;

	for (uint32_t i = 0; i < p->topology->n_components; i++)
		if (p->chained_to[i] == c)
			n += chain_length(p, i);
	return n;
}

/* add_worker plans the next worker of the plan as X has it. */
static void add_worker(struct plan *p, const struct layout_worker *x, uint32_t *executors)
{
	struct plan_worker *w = &p->workers[p->n_workers++];

	w->role = x->n > 0 ? role_of(p, x->component) : ROLE_GONE;
	w->component = x->component;
	w->first_task = p->first_task[x->component] + x->first;
	w->n_tasks = x->n;
	w->starts = x->starts;
	w->executor = executors[x->component];
	w->first_stage = p->n_stages;
	executors[x->component] += x->n > 0;
	add_stage(p, x->component, 0, x->first, x->n);
	if (w->role == ROLE_COORDINATOR)
		p->coordinator = p->n_workers - 1;
}

/* share gives executor number E of N, with TASKS between them: as evenly as can be, the larger shares
 * first, as Storm does. */
static struct layout_worker share(uint32_t component, uint32_t tasks, uint32_t n, uint32_t e)
{
	uint32_t each = tasks / n, larger = tasks % n;

	return (struct layout_worker){ .component = component, .first = e * each + (e < larger ? e : larger),
		.n = each + (e < larger) };
}

static uint32_t count_own(const struct topology *t)
{
	return t->transaction.id != NULL ? 1 : count_ackers(t);
}

static uint32_t count_tasks(const struct topology *t, uint32_t c)
{
	return c < t->n_components ? t->components[c].n_tasks : count_own(t);
}

/* heads gives how many workers component C is the head of: none where it is chained. */
static uint32_t heads(const struct topology *t, uint32_t c)
{
	if (c == t->n_components)
		return count_own(t);
	return plan_chained_to(t, c) == UINT32_MAX ? t->components[c].parallelism : 0;
}

/* dense gives the layout of T, *N workers, when no task was ever moved. */
static struct layout_worker *dense(const struct topology *t, uint32_t *n)
{
	struct layout_worker *list;
	size_t most = 1;

	for (uint32_t c = 0; c <= t->n_components; c++)
		most += heads(t, c);
	list = xcalloc(most, sizeof *list);
	*n = 0;
	for (uint32_t c = 0; c <= t->n_components; c++)
		for (uint32_t e = 0, executors = heads(t, c); e < executors; e++)
			list[(*n)++] = share(c, count_tasks(t, c), executors, e);
	return list;
}

/* is_in_order: gale's own have one task each and stand side by side. */
static bool is_in_order(const struct topology *t)
{
	uint32_t own = 0;

	for (uint32_t i = 0; i < t->n_layout; i++) {
		const struct layout_worker *x = &t->layout[i];

		if (x->component > t->n_components)
			return false;
		if (x->component < t->n_components && (own == 0 || own == count_own(t)))
			continue;
		if (x->component < t->n_components || x->first != own || x->n != 1)
			return false;
		own++;
	}
	return own == count_own(t);
}

/* takes notes in TAKEN that X has its tasks; false: they are none, or another's. */
static bool takes(const struct topology *t, const struct layout_worker *x, uint8_t **taken)
{
	uint32_t tasks = count_tasks(t, x->component);

	if (heads(t, x->component) == 0 || x->first > tasks || x->n > tasks - x->first)
		return false;
	for (uint32_t i = x->first; i < x->first + x->n; i++)
		if (taken[x->component][i]++ > 0)
			return false;
	return true;
}

/* fits tells whether the layout of T has each task once. */
static bool fits(const struct topology *t)
{
	bool good = t->layout != NULL && is_in_order(t);
	size_t all = 0, found = 0;
	uint8_t **taken;

	if (!good)
		return false;
	taken = xcalloc((size_t)t->n_components + 1, sizeof *taken);
	for (uint32_t c = 0; c <= t->n_components; c++) {
		taken[c] = xcalloc((size_t)count_tasks(t, c) + 1, 1);
		all += heads(t, c) > 0 ? count_tasks(t, c) : 0;
	}
	for (uint32_t i = 0; good && i < t->n_layout; i++) {
		found += t->layout[i].n;
		good = takes(t, &t->layout[i], taken);
	}
	for (uint32_t c = 0; c <= t->n_components; c++)
		free(taken[c]);
	free(taken);
	return good && found == all;
}

/* number_tasks counts tasks, component by component. */
static void number_tasks(struct plan *p)
{
	const struct topology *t = p->topology;

	for (uint32_t c = 0; c < t->n_components; c++) {
		p->chained_to[c] = plan_chained_to(t, c);
		p->first_task[c] = p->n_tasks;
		p->n_tasks += t->components[c].n_tasks;
	}
	p->first_task[t->n_components] = p->n_tasks;
	p->n_tasks += count_own(t);
}

/* make plans the N workers of LIST. */
static struct plan *make(const struct topology *t, const struct layout_worker *list, uint32_t n)
{
	struct plan *p = xcalloc(1, sizeof *p);
	size_t n_components = (size_t)t->n_components + 1;	/* one place more: gale's own */
	uint32_t *executors = xcalloc(n_components, sizeof *executors);
	size_t n_stages = 0;

	p->topology = t;
	p->n_ackers = count_ackers(t);
	p->coordinator = UINT32_MAX;
	p->first_task = xcalloc(n_components, sizeof *p->first_task);
	p->first_worker = xcalloc(n_components, sizeof *p->first_worker);
	p->chained_to = xcalloc(n_components, sizeof *p->chained_to);
	number_tasks(p);
	while (p->first_acker < n && list[p->first_acker].component < t->n_components)
		p->first_acker++;
	p->first_worker[t->n_components] = p->first_acker;
	for (uint32_t i = 0; i < n; i++)
		n_stages += chain_length(p, list[i].component);
	p->workers = xcalloc((size_t)n + 1, sizeof *p->workers);
	p->task_worker = xcalloc((size_t)p->n_tasks + 1, sizeof *p->task_worker);
	p->stages = xcalloc(n_stages + 1, sizeof *p->stages);
	for (uint32_t i = 0; i < n; i++)
		add_worker(p, &list[i], executors);
	free(executors);
	return p;
}

struct plan *plan_make(const struct topology *t)
{
	struct layout_worker *list;
	struct plan *p;
	uint32_t n;

	if (fits(t))
		return make(t, t->layout, t->n_layout);
	list = dense(t, &n);
	p = make(t, list, n);
	free(list);
	return p;
}

/* ---- moving tasks ---- */

uint32_t plan_executors(const struct plan *p, uint32_t component)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_workers; i++)
		n += p->workers[i].n_tasks > 0 && plan_stage_of(p, i, component) != NULL;
	return n;
}

uint32_t plan_own(const struct plan *p)
{
	return p->coordinator != UINT32_MAX ? 1 : p->n_ackers;
}

uint32_t plan_workers(const struct plan *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->n_workers; i++)
		n += p->workers[i].role != ROLE_GONE;
	return n;
}

static bool is_same(const struct layout_worker *a, const struct layout_worker *b)
{
	return a->component == b->component && a->first == b->first && a->n == b->n;
}

/* place puts X into LIST of *N workers: where it is already, in a number of its component that is
 * free, or behind all. */
static void place(struct layout_worker *list, uint32_t *n, const struct layout_worker *x)
{
	uint32_t at = *n;

	for (uint32_t i = 0; i < *n; i++) {
		if (is_same(&list[i], x))
			return;
		if (at == *n && list[i].component == x->component && list[i].n == 0)
			at = i;
	}
	*n += at == *n;
	list[at] = *x;
}

/* move shares the tasks of component C out among EXECUTORS workers. */
static void move(struct layout_worker *list, uint32_t *n, uint32_t c, uint32_t tasks, uint32_t executors)
{
	for (uint32_t i = 0; i < *n; i++) {
		bool stays = false;

		for (uint32_t e = 0; list[i].component == c && e < executors && !stays; e++) {
			struct layout_worker x = share(c, tasks, executors, e);

			stays = is_same(&list[i], &x);
		}
		if (list[i].component == c && !stays)
			list[i] = (struct layout_worker){ .component = c };
	}
	for (uint32_t e = 0; e < executors; e++) {
		struct layout_worker x = share(c, tasks, executors, e);

		place(list, n, &x);
	}
}

struct layout_worker *plan_relayout(const struct plan *p, const uint32_t *executors, uint32_t *n)
{
	const struct topology *t = p->topology;
	struct layout_worker *list;
	size_t most = (size_t)p->n_workers + 1;

	for (uint32_t c = 0; c < t->n_components; c++)
		most += executors[c];
	list = xcalloc(most, sizeof *list);
	*n = p->n_workers;
	for (uint32_t i = 0; i < p->n_workers; i++) {
		const struct plan_worker *w = &p->workers[i];

		list[i] = (struct layout_worker){ w->component, w->first_task - p->first_task[w->component],
			w->n_tasks, w->starts };
	}
	for (uint32_t c = 0; c < t->n_components; c++)
		if (p->chained_to[c] == UINT32_MAX && plan_executors(p, c) != executors[c])
			move(list, n, c, t->components[c].n_tasks, executors[c]);
	return list;
}

bool plan_keeps(const struct plan *now, const struct plan *then, uint32_t worker)
{
	const struct plan_worker *a, *b;

	if (worker >= now->n_workers || worker >= then->n_workers)
		return false;
	a = &now->workers[worker];
	b = &then->workers[worker];
	return a->n_tasks > 0 && a->component == b->component && a->first_task == b->first_task &&
	    a->n_tasks == b->n_tasks;
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
	return component_id(p, p->workers[worker].component);
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
	snprintf(buf, size, "%.64s[%u]", component_id(p, component),
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
	if (p->workers[from].role == ROLE_GONE || p->workers[to].role == ROLE_GONE)
		return false;
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
	for (uint32_t i = 0; plan_runs_plugin(p, worker) && i < w->n_stages; i++) {
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
