/* metrics.c - see metrics.h. SPDX-License-Identifier: Apache-2.0 */
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "flow.h"
#include "history.h"
#include "memory.h"
#include "procfs.h"
#include "rundir.h"

const char *const metrics_window_names[WINDOW_LIVE + 1] = {
	[WINDOW_1M] = "1m", [WINDOW_10M] = "10m", [WINDOW_3H] = "3h", [WINDOW_1D] = "1d",
	[WINDOW_ALL] = "all", [WINDOW_LIVE] = "live",
};
static const uint64_t window_s[N_WINDOWS] = {
	[WINDOW_1M] = 60, [WINDOW_10M] = 600, [WINDOW_3H] = 10800, [WINDOW_1D] = 86400,
};

enum metrics_window metrics_window_find(const char *name)
{
	int i = 0;

	while (i < N_WINDOWS && strcmp(metrics_window_names[i], name) != 0)
		i++;
	return (enum metrics_window)i;
}

uint64_t metrics_window_ns(enum metrics_window which)
{
	return which == WINDOW_ALL ? UINT64_MAX : window_s[which] * NS_PER_S;
}

/* ---- pages ------------------------------------------------------------------------- */

static void keep_earliest(uint64_t *sum, uint64_t ns)
{
	if (ns != 0 && (*sum == 0 || ns < *sum))
		*sum = ns;
}

static void keep_latest(uint64_t *sum, uint64_t ns)
{
	if (ns > *sum)
		*sum = ns;
}

/* add_user adds a page's counters and gauges by name: workers need not ask in the same order. */
static void add_user(struct status *sum, const struct status *page)
{
	for (uint32_t k = 0; k < STATUS_METRICS && page->metrics[k].name[0] != '\0'; k++) {
		const struct status_metric *from = &page->metrics[k];
		uint32_t i = 0;

		while (i < STATUS_METRICS - 1 && sum->metrics[i].name[0] != '\0' &&
		    strncmp(sum->metrics[i].name, from->name, sizeof from->name) != 0)
			i++;
		memcpy(sum->metrics[i].name, from->name, sizeof from->name - 1);
		sum->metrics[i].gauge = from->gauge;
		sum->metrics[i].value = (int64_t)((uint64_t)sum->metrics[i].value + (uint64_t)from->value);
	}
}

static void add_page(struct metrics *m, uint32_t stage, const struct status *page, bool open)
{
	uint32_t component = m->plan->stages[stage].component;

	sample_add(m->total, m->plan, stage, page, open);
	add_user(&m->user[component], page);
	keep_earliest(&m->first_emit_ns, page->first_emit_ns);
	keep_latest(&m->last_ack_ns, page->last_ack_ns);
}

/* add_gauges: what a page of a living worker says of this moment. */
static void add_gauges(struct metrics *m, uint32_t stage, const struct status *page)
{
	struct metrics_gauges *g = &m->stages[stage], *sum = &m->components[m->plan->stages[stage].component];
	uint64_t oldest = page->oldest_ns;

	g->pending = page->pending;
	g->held = page->held;
	if (oldest != 0 && page->pending > 0 && m->now_ns > oldest)
		g->oldest_ns = m->now_ns - oldest;
	sum->pending += g->pending;
	sum->held += g->held;
	keep_latest(&sum->oldest_ns, g->oldest_ns);
}

/* add_worker notes of whom the head's page is. */
static void add_worker(struct metrics *m, uint32_t worker, const struct status *page, uint32_t past_start)
{
	struct metrics_worker *w = &m->workers[worker];
	uint32_t first = m->plan->workers[worker].first_stage, before = m->plan->workers[worker].starts;

	w->start = past_start;
	if (page != NULL && page->start > past_start) {
		*w = (struct metrics_worker){ .pid = page->pid, .start = page->start,
			.started_ns = page->started_ns, .alive = procfs_lives(page->pid) };
	}
	for (uint32_t i = 0; w->start > before + 1 && i < m->plan->workers[worker].n_stages; i++) {
		m->stages[first + i].restarts = w->start - before - 1;
		m->components[m->plan->stages[first + i].component].restarts += w->start - before - 1;
	}
}

static struct status *open_at(char *path)
{
	struct status *page = status_open(path, 0, NULL);

	free(path);
	return page;
}

/* read_tasks: the page of an executor's only task, unless it is of one that had other tasks, counts
 * for that. */
static void read_tasks(struct metrics *m, const struct counts_place *places, uint32_t worker,
    uint32_t stage, const struct status *page)
{
	const struct plan_stage *planned = &m->plan->stages[stage];
	bool alone = planned->n_tasks == 1 && page != NULL && page->start > m->plan->workers[worker].starts;

	for (uint32_t i = planned->first_task; i < planned->first_task + planned->n_tasks; i++)
		m->tasks[i] = counts_total(places != NULL ? &places[i] : NULL, alone ? page : NULL);
}

/* read_stage: the page first, then what predecessors left. When that has the page's start in it
 * already, the page is of one that is gone. */
static void read_stage(struct metrics *m, const char *rundir, const struct counts_place *places,
    uint32_t worker, uint32_t i)
{
	uint32_t stage = m->plan->workers[worker].first_stage + i;
	struct status *page = open_at(rundir_status(rundir, worker, i));
	struct status *past = open_at(rundir_past(rundir, worker, i));
	uint32_t past_start = past != NULL ? past->start : 0;

	if (i == 0)
		add_worker(m, worker, page, past_start);
	if (past != NULL)
		add_page(m, stage, past, false);
	if (page != NULL && page->start > past_start) {
		add_page(m, stage, page, m->workers[worker].alive && i == 0);
		if (m->workers[worker].alive)
			add_gauges(m, stage, page);
	}
	read_tasks(m, places, worker, stage, page);
	status_close(page);
	status_close(past);
}

static void read_pages(struct metrics *m, const char *rundir)
{
	char *path = rundir_tasks(rundir);
	const struct counts_place *places = counts_look(path, m->plan->n_tasks, NULL);

	free(path);
	for (uint32_t w = 0; w < m->plan->n_workers; w++) {
		for (uint32_t i = 0; i < m->plan->workers[w].n_stages; i++)
			read_stage(m, rundir, places, w, i);
		if (m->workers[w].alive)
			sample_add_cpu(m->total, m->plan, m->plan->workers[w].first_stage,
			    procfs_cpu_ns(m->workers[w].pid));
	}
	counts_close(places, m->plan->n_tasks);
}

/* ---- queues and memory ------------------------------------------------------------- */

static struct metrics_edge *edge_of(struct metrics *m, uint32_t from, uint32_t to, size_t *cap)
{
	uint32_t i = 0;

	while (i < m->n_edges && (m->edges[i].from != from || m->edges[i].to != to))
		i++;
	if (i == m->n_edges) {
		m->edges = xgrow(m->edges, cap, (size_t)m->n_edges + 1, sizeof *m->edges);
		m->edges[m->n_edges++] = (struct metrics_edge){ .from = from, .to = to };
	}
	return &m->edges[i];
}

static void add_link(struct metrics *m, const struct flow *const *pages, uint32_t from, uint32_t to,
    size_t *cap)
{
	struct metrics_edge *edge = edge_of(m, m->plan->workers[from].component, m->plan->workers[to].component, cap);
	uint64_t frames, bytes;

	flow_waiting(pages[from], pages[to], &frames, &bytes);
	edge->frames += frames;
	edge->bytes += bytes;
	m->workers[to].queue_frames += frames;
	m->workers[to].queue_bytes += bytes;
}

static void read_flows(struct metrics *m, const char *rundir)
{
	const struct flow **pages = xcalloc((size_t)m->plan->n_workers + 1, sizeof *pages);
	size_t cap = 0;

	for (uint32_t w = 0; w < m->plan->n_workers; w++) {
		char *path = rundir_flow(rundir, w);

		pages[w] = flow_open(path, NULL);
		free(path);
	}
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		for (uint32_t i = 0; pages[w] != NULL && i < pages[w]->n; i++)
			if (pages[w]->links[i].peer < m->plan->n_workers && pages[w]->links[i].frames_out > 0)
				add_link(m, pages, w, pages[w]->links[i].peer, &cap);
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		flow_close(pages[w]);
	free(pages);
}

static void read_memory(struct metrics *m)
{
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		if (m->workers[w].alive)
			m->workers[w].pss_bytes = procfs_pss_bytes(m->workers[w].pid);
}

/* sum_workers: what a worker has is its head's. */
static void sum_workers(struct metrics *m)
{
	for (uint32_t w = 0; w < m->plan->n_workers; w++) {
		const struct metrics_worker *from = &m->workers[w];
		struct metrics_gauges *g = &m->stages[m->plan->workers[w].first_stage];
		struct metrics_gauges *sum = &m->components[m->plan->workers[w].component];

		g->queue_frames = from->queue_frames;
		g->queue_bytes = from->queue_bytes;
		g->pss_bytes = from->pss_bytes;
		sum->queue_frames += from->queue_frames;
		sum->queue_bytes += from->queue_bytes;
		sum->pss_bytes += from->pss_bytes;
	}
}

/* ---- windows ----------------------------------------------------------------------- */

static void set_window(struct metrics *m, const struct sample *earlier)
{
	sample_free(m->window);
	m->window = sample_since(m->total, earlier);
}

/* read_lately: when tasks have just been moved nothing can be said yet of how it does. */
static void read_lately(struct metrics *m, const char *rundir, const struct sample *earlier)
{
	uint64_t moved = m->has_overview ? m->overview.moved_ns : 0;
	struct sample *after = moved > earlier->at_ns ? history_find(rundir, moved) : NULL;

	if (moved <= earlier->at_ns)
		m->lately = sample_since(m->total, earlier);
	else
		m->lately = sample_since(m->total, after != NULL ? after : m->total);
	sample_free(after);
}

/* begin_of gives the sample that the window WHICH begins with: the oldest inside it. When there is
 * none, or the run is younger than the window, that is the start of the run. */
static struct sample *begin_of(const struct metrics *m, const char *rundir, enum metrics_window which,
    bool *whole)
{
	uint64_t length = metrics_window_ns(which);
	struct sample *earlier = NULL;

	if (m->now_ns - m->started_ns > length)
		earlier = history_find(rundir, m->now_ns - length);
	*whole = earlier == NULL;
	return earlier != NULL ? earlier : sample_new(m->plan, m->started_ns);
}

struct sample *metrics_since(const struct metrics *m, const char *rundir, enum metrics_window which,
    bool *whole)
{
	struct sample *earlier = begin_of(m, rundir, which, whole), *s = sample_since(m->total, earlier);

	sample_free(earlier);
	return s;
}

static void read_window(struct metrics *m, const char *rundir)
{
	struct sample *earlier = begin_of(m, rundir, m->which, &m->whole);

	set_window(m, earlier);
	read_lately(m, rundir, earlier);
	sample_free(earlier);
}

void metrics_rewind(struct metrics *m, const struct sample *earlier)
{
	set_window(m, earlier);
	m->which = WINDOW_LIVE;
	m->whole = false;
}

/* ---- the whole --------------------------------------------------------------------- */

static void read_overview(struct metrics *m, const char *rundir)
{
	const struct overview *o = overview_open(rundir, NULL);

	if (o == NULL)
		return;
	m->overview = *o;
	m->has_overview = true;
	overview_close(o);
}

static bool read_plan(struct metrics *m, const char *rundir, struct error *e)
{
	char *path = rundir_topology(rundir);

	m->topology = topology_read(path, e);
	free(path);
	if (m->topology == NULL)
		return false;
	m->plan = plan_make(m->topology);
	return true;
}

/* started gives when the run began: as the supervisor says, else its first worker. */
static uint64_t started(const struct metrics *m)
{
	uint64_t ns = m->has_overview ? m->overview.started_ns : 0;

	for (uint32_t w = 0; !m->has_overview && w < m->plan->n_workers; w++)
		keep_earliest(&ns, m->workers[w].started_ns);
	return ns != 0 && ns < m->now_ns ? ns : m->now_ns;
}

static void read_all(struct metrics *m, const char *rundir, enum metrics_depth depth)
{
	uint32_t n_components = m->topology->n_components + 1;

	m->now_ns = clock_now_ns();
	m->total = sample_new(m->plan, m->now_ns);
	m->workers = xcalloc((size_t)m->plan->n_workers + 1, sizeof *m->workers);
	m->stages = xcalloc((size_t)m->plan->n_stages + 1, sizeof *m->stages);
	m->components = xcalloc(n_components, sizeof *m->components);
	m->user = xcalloc(n_components, sizeof *m->user);
	m->tasks = xcalloc((size_t)m->plan->n_tasks + 1, sizeof *m->tasks);
	read_pages(m, rundir);
	m->started_ns = started(m);
	if (depth >= METRICS_WINDOW)
		read_window(m, rundir);
	if (depth < METRICS_QUEUES)
		return;
	read_flows(m, rundir);
	if (depth >= METRICS_ALL)
		read_memory(m);
	sum_workers(m);
}

/* layout_changed: tasks were moved while we read. */
static bool layout_changed(const struct metrics *m, const char *rundir)
{
	const struct overview *o = overview_open(rundir, NULL);
	bool changed = o != NULL && m->has_overview && o->layout != m->overview.layout;

	overview_close(o);
	return changed;
}

struct metrics *metrics_read(const char *rundir, enum metrics_depth depth, enum metrics_window which,
    struct error *e)
{
	struct metrics *m = NULL;

	for (int tries = 0; tries < 3; tries++) {
		metrics_free(m);
		m = xcalloc(1, sizeof *m);
		m->which = which;
		read_overview(m, rundir);
		if (!read_plan(m, rundir, e)) {
			metrics_free(m);
			return NULL;
		}
		read_all(m, rundir, depth);
		if (!layout_changed(m, rundir))
			break;
	}
	return m;
}

void metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	sample_free(m->total);
	sample_free(m->window);
	sample_free(m->lately);
	free(m->workers);
	free(m->stages);
	free(m->components);
	free(m->edges);
	free(m->user);
	free(m->tasks);
	plan_free(m->plan);
	topology_free(m->topology);
	free(m);
}

/* ---- what follows from it ---------------------------------------------------------- */

uint32_t metrics_components(const struct metrics *m)
{
	return m->topology->n_components + (m->plan->n_ackers > 0 || m->plan->coordinator != UINT32_MAX);
}

const char *metrics_id(const struct metrics *m, uint32_t c)
{
	if (c < m->topology->n_components)
		return m->topology->components[c].id;
	return m->plan->coordinator != UINT32_MAX ? COORDINATOR_ID : ACKER_ID;
}

uint32_t metrics_executors(const struct metrics *m, uint32_t c)
{
	return c < m->topology->n_components ? plan_executors(m->plan, c) : m->plan->n_ackers + (m->plan->n_ackers == 0);
}

uint32_t metrics_tasks(const struct metrics *m, uint32_t c)
{
	return c < m->topology->n_components ? m->topology->components[c].n_tasks : metrics_executors(m, c);
}

bool metrics_head(const struct metrics *m, uint32_t c)
{
	return c >= m->topology->n_components || m->plan->chained_to[c] == UINT32_MAX;
}

uint64_t metrics_spouts(const struct metrics *m, const struct sample *s, enum sample_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		sum += s->components[c].n[counter];
	return sum;
}

uint64_t metrics_messages(const struct metrics *m, const struct sample *s)
{
	uint64_t sum = 0;

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		sum += sample_messages(&m->topology->components[c], &s->components[c]);
	return sum;
}

/* copies gives how many tasks of its subscriber a tuple goes to; 0: that is decided tuple by tuple. */
static uint32_t copies(const struct topology *t, const struct subscription *s)
{
	if (s->grouping == GROUPING_DIRECT || s->grouping == GROUPING_CUSTOM)
		return 0;
	return s->grouping == GROUPING_ALL ? t->components[s->to].n_tasks : 1;
}

double metrics_edge_tuples(const struct metrics *m, const struct sample *s, uint32_t subscription)
{
	const struct topology *t = m->topology;
	const struct subscription *wanted = &t->subscriptions[subscription];
	uint32_t stream = wanted->stream < STATUS_STREAMS ? wanted->stream : STATUS_STREAMS - 1;
	const struct status_stream *counted = &s->components[wanted->from].streams[stream];
	double left = (double)counted->transferred, emitted = (double)counted->emitted;
	uint32_t n = 0, n_unknown = 0;

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *other = &t->subscriptions[i];

		if (other->from != wanted->from || other->stream != wanted->stream)
			continue;
		n++;
		n_unknown += copies(t, other) == 0;
		left -= emitted * copies(t, other);
	}
	if (n == 1)
		return (double)counted->transferred;
	if (copies(t, wanted) > 0)
		return emitted * copies(t, wanted);
	return left > 0 ? left / n_unknown : 0;
}

double metrics_share(const struct sample_part *p, enum sample_counter part)
{
	uint64_t all = p->n[COUNT_BUSY] + p->n[COUNT_IDLE] + p->n[COUNT_BLOCKED];

	return all > 0 ? (double)p->n[part] / (double)all : 0;
}
