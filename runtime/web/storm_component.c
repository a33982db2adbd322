/* storm_component.c - Storm's document of a component; see storm.h. SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "show.h"
#include "storm_parts.h"

/* A component in its document. */
struct scene {
	const struct storm_look *l;
	const struct metrics *m;
	const struct component *c;	/* NULL: gale's own */
	uint32_t number;
	bool spout;
	char *id;			/* the topology's */
};

/* put_latencies: of P and LATENCY in a window of NS; N executors share them. */
static void put_latencies(struct buf *out, bool spout, const struct sample_part *p,
    const struct sample_latency *latency, uint32_t n, uint64_t ns)
{
	if (spout) {
		member_real(out, "completeLatency", storm_mean_ms(&latency->complete));
		return;
	}
	member_count(out, "executed", p->n[COUNT_EXECUTED]);
	member_real(out, "executeLatency", storm_mean_ms(&latency->execute));
	member_real(out, "processLatency", storm_mean_ms(&latency->process));
	member_real(out, "capacity", storm_capacity(p->n[COUNT_EXECUTED], &latency->execute, n, ns));
}

static void put_summary(struct buf *out, const struct scene *x)
{
	member_open(out, x->spout ? "spoutSummary" : "boltStats", "[");
	for (int i = 0; i < N_WINDOWS; i++) {
		const struct sample *w = x->l->windows[i];

		member_next(out);
		buf_puts(out, "\n    {");
		storm_put_window(out, (enum metrics_window)i, "windowPretty");
		member_real(out, "seconds", (double)w->at_ns / NS_PER_S);
		storm_put_counts(out, &w->components[x->number]);
		put_latencies(out, x->spout, &w->components[x->number], &w->latency[x->number],
		    metrics_executors(x->m, x->number), w->at_ns);
		storm_put_gale(out, x->l, x->number, w);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

/* put_or_null: what is counted for a component as a whole is known of a part only if that is all. */
static void put_or_null(struct buf *out, const char *key, bool known, uint64_t n)
{
	if (known)
		member_count(out, key, n);
	else
		member_null(out, key);
}

static void put_mean_or_null(struct buf *out, const char *key, bool known, const struct hist *h)
{
	if (known)
		member_real(out, key, storm_mean_ms(h));
	else
		member_null(out, key);
}

static uint32_t inputs(const struct topology *t, uint32_t component)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		n += t->subscriptions[i].to == component;
	return n;
}

static void put_input(struct buf *out, const struct scene *x, uint32_t subscription, bool alone)
{
	const struct topology *t = x->m->topology;
	const struct subscription *s = &t->subscriptions[subscription];
	const struct sample *w = x->l->windows[x->l->which];
	const struct sample_part *p = &w->components[x->number];

	member_next(out);
	buf_puts(out, "\n    {");
	member_text(out, "component", t->components[s->from].id);
	storm_put_encoded(out, "encodedComponentId", t->components[s->from].id);
	member_text(out, "stream", t->components[s->from].outputs[s->stream].id);
	member_text(out, "grouping", topology_grouping_names[s->grouping]);
	member_real(out, "tuples", metrics_edge_tuples(x->m, w, subscription));
	put_mean_or_null(out, "executeLatency", alone, &w->latency[x->number].execute);
	put_mean_or_null(out, "processLatency", alone, &w->latency[x->number].process);
	put_or_null(out, "executed", alone, p->n[COUNT_EXECUTED]);
	put_or_null(out, "acked", alone, p->n[COUNT_ACKED]);
	put_or_null(out, "failed", alone, p->n[COUNT_FAILED]);
	buf_puts(out, "}");
}

static void put_inputs(struct buf *out, const struct scene *x)
{
	uint32_t n = inputs(x->m->topology, x->number);

	member_open(out, "inputStats", "[");
	for (uint32_t i = 0; i < x->m->topology->n_subscriptions; i++)
		if (x->m->topology->subscriptions[i].to == x->number)
			put_input(out, x, i, n == 1);
	buf_puts(out, "]");
}

/* Of a spout's messages it is known which stream they left by when there is one, but for dead
 * letters. From stream number STATUS_STREAMS - 1 on they are counted together. */
static void put_outputs(struct buf *out, const struct scene *x)
{
	const struct sample *w = x->l->windows[x->l->which];
	const struct sample_part *p = &w->components[x->number];

	member_open(out, "outputStats", "[");
	for (uint32_t i = 0; x->c != NULL && i < x->c->n_outputs && i < STATUS_STREAMS; i++) {
		bool rest = i == STATUS_STREAMS - 1 && x->c->n_outputs > STATUS_STREAMS;
		bool alone = x->c->n_outputs == 2 && i == 0;

		member_next(out);
		buf_puts(out, "\n    {");
		member_text(out, "stream", rest ? "*" : x->c->outputs[i].id);
		member_count(out, "emitted", p->streams[i].emitted);
		member_count(out, "transferred", p->streams[i].transferred);
		if (x->spout) {
			put_mean_or_null(out, "completeLatency", alone, &w->latency[x->number].complete);
			put_or_null(out, "acked", alone, p->n[COUNT_ACKED]);
			put_or_null(out, "failed", alone, p->n[COUNT_FAILED]);
		}
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

/* put_executor: latencies are known of the component, and so of an executor only if that is its
 * only one. */
static void put_executor(struct buf *out, const struct scene *x, uint32_t worker, uint32_t stage)
{
	const struct plan_stage *planned = &x->m->plan->stages[stage];
	const struct metrics_worker *w = &x->m->workers[worker];
	const struct sample *window = x->l->windows[x->l->which];
	const struct sample_part *p = &window->stages[stage];
	bool alone = metrics_executors(x->m, x->number) == 1;
	char *id = xasprintf("[%" PRIu32 "-%" PRIu32 "]", planned->first_task,
	    planned->first_task + planned->n_tasks - 1);

	member_next(out);
	buf_puts(out, "\n    {");
	member_text(out, "id", id);
	storm_put_encoded(out, "encodedId", id);
	member_text(out, "label", x->m->plan->workers[worker].label);
	storm_put_uptime(out, w->alive && x->m->now_ns > w->started_ns ?
	    (double)(x->m->now_ns - w->started_ns) / NS_PER_S : 0);
	member_text(out, "host", x->l->place->host);
	member_count(out, "port", worker);
	member_count(out, "pid", w->pid);
	member_bool(out, "alive", w->alive);
	storm_put_counts(out, p);
	if (x->spout) {
		put_mean_or_null(out, "completeLatency", alone, &window->latency[x->number].complete);
	} else {
		member_count(out, "executed", p->n[COUNT_EXECUTED]);
		put_mean_or_null(out, "executeLatency", alone, &window->latency[x->number].execute);
		put_mean_or_null(out, "processLatency", alone, &window->latency[x->number].process);
		if (alone)
			member_real(out, "capacity", storm_capacity(p->n[COUNT_EXECUTED],
			    &window->latency[x->number].execute, 1, window->at_ns));
		else
			member_null(out, "capacity");
	}
	member_real(out, "busy", metrics_share(p, COUNT_BUSY));
	member_real(out, "idle", metrics_share(p, COUNT_IDLE));
	member_real(out, "blocked", metrics_share(p, COUNT_BLOCKED));
	storm_put_link(out, "workerLogLink", x->id, STORM_LOGS, metrics_id(x->m, x->number));
	buf_puts(out, "}");
	free(id);
}

static void put_executors(struct buf *out, const struct scene *x)
{
	const struct plan *p = x->m->plan;

	member_open(out, "executorStats", "[");
	for (uint32_t w = 0; w < p->n_workers; w++)
		for (uint32_t i = 0; p->workers[w].role != ROLE_GONE && i < p->workers[w].n_stages; i++)
			if (p->stages[p->workers[w].first_stage + i].component == x->number)
				put_executor(out, x, w, p->workers[w].first_stage + i);
	buf_puts(out, "]");
}

static void put_head(struct buf *out, const struct scene *x)
{
	const struct survey *s = x->l->survey;

	member_text(out, "id", metrics_id(x->m, x->number));
	storm_put_encoded(out, "encodedId", metrics_id(x->m, x->number));
	member_text(out, "name", s->home.name);
	member_text(out, "user", x->l->place->user);
	member_text(out, "componentType", x->spout ? "spout" : "bolt");
	member_text(out, "class", x->c != NULL ? x->c->part.class_name : NULL);
	member_count(out, "executors", metrics_executors(x->m, x->number));
	member_count(out, "tasks", metrics_tasks(x->m, x->number));
	member_text(out, "topologyId", x->id);
	storm_put_encoded(out, "encodedTopologyId", x->id);
	member_text(out, "topologyStatus", topology_status_names[s->status]);
	storm_put_window(out, x->l->which, "windowHint");
	member_bool(out, "schedulerDisplayResource", false);
	member_bool(out, "debug", false);
	member_count(out, "samplingPct", 0);
	member_text(out, "eventLogLink", NULL);
	member_bool(out, "profilingAndDebuggingCapable", false);
	member_bool(out, "profileActionEnabled", false);
	member_open(out, "profilerActive", "[]");
}

void storm_component(struct buf *out, const struct storm_look *l, uint32_t component)
{
	const struct metrics *m = l->survey->m;
	struct scene x = { l, m, NULL, component, component < m->topology->n_spouts, storm_id(l->survey) };

	if (component < m->topology->n_components)
		x.c = &m->topology->components[component];
	buf_puts(out, "{");
	put_head(out, &x);
	put_summary(out, &x);
	if (!x.spout)
		put_inputs(out, &x);
	put_outputs(out, &x);
	put_executors(out, &x);
	storm_put_errors(out, l, component);
	buf_puts(out, "}\n");
	free(x.id);
}
