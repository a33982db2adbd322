/* show_json.c - surveys as JSON; doc/schema/ says what is in it. SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "member.h"
#include "show.h"

/* ---- heads ------------------------------------------------------------------------- */

void show_latency(struct buf *out, const char *key, const struct hist *h)
{
	if (h->n == 0) {
		member_null(out, key);
		return;
	}
	member_open(out, key, "{");
	member_count(out, "count", h->n);
	member_ms(out, "p50", hist_quantile(h, 0.50));
	member_ms(out, "p90", hist_quantile(h, 0.90));
	member_ms(out, "p99", hist_quantile(h, 0.99));
	member_ms(out, "p999", hist_quantile(h, 0.999));
	member_ms(out, "max", h->max_ns);
	buf_puts(out, "}");
}

static void put_head(struct buf *out, const struct survey *s)
{
	struct show_totals t = show_totals(s);

	member_text(out, "name", s->home.name);
	member_text(out, "status", topology_status_names[s->status]);
	member_text(out, "id", t.id);
	member_real(out, "uptimeSeconds", survey_uptime_s(s));
	if (s->m != NULL && s->m->has_overview) {
		member_time(out, "startedAt", s->m->overview.started_ms);
		member_count(out, "pid", (uint64_t)s->m->overview.pid);
	}
	member_count(out, "componentsTotal", t.components);
	member_count(out, "tasksTotal", t.tasks);
	member_count(out, "workersTotal", t.workers);
	member_count(out, "executorsTotal", t.executors);
	member_count(out, "emitted", t.emitted);
	member_count(out, "transferred", t.transferred);
	member_count(out, "acked", t.acked);
	member_count(out, "failed", t.failed);
	member_count(out, "timedOut", t.timed_out);
	member_count(out, "deadLettered", t.dead_lettered);
	member_count(out, "replayed", t.replayed);
	member_count(out, "pendingTrees", t.pending);
	member_real(out, "oldestTreeSeconds", (double)t.oldest_ns / NS_PER_S);
	member_count(out, "restarts", t.restarts);
	member_real(out, "emittedPerSecond", t.emitted_rate);
	member_real(out, "ackedPerSecond", t.acked_rate);
	free(t.id);
}

static void put_ended(struct buf *out, const struct survey *s, bool summary)
{
	const struct json_node *exit = s->ended != NULL ? json_member(s->ended->nodes, "exit") : NULL;
	const struct json_node *whole = s->ended != NULL ? json_member(s->ended->nodes, "summary") : NULL;

	if (s->ended == NULL) {
		member_null(out, "ended");
		return;
	}
	member_open(out, "ended", "{");
	member_count(out, "exit", exit != NULL && exit->i > 0 ? (uint64_t)exit->i : 0);
	member_text(out, "error", show_ended(s, "error"));
	member_text(out, "endedAt", show_ended(s, "endedAt"));
	if (summary && whole != NULL) {
		member_key(out, "summary");
		buf_add(out, s->text.text + whole->start, whole->end - whole->start);
	}
	buf_puts(out, "}");
}

void show_listed_json(struct buf *out, const struct survey *s)
{
	put_head(out, s);
	put_ended(out, s, false);
}

void show_list_json(struct buf *out, const struct survey *surveys, size_t n)
{
	buf_printf(out, "{\"schemaVersion\": %d, \"topologies\": [", SHOW_SCHEMA_VERSION);
	for (size_t i = 0; i < n; i++) {
		member_next(out);
		buf_puts(out, "\n  {");
		show_listed_json(out, &surveys[i]);
		buf_puts(out, "}");
	}
	buf_puts(out, n > 0 ? "\n]}\n" : "]}\n");
}

/* ---- parts of a run ---------------------------------------------------------------- */

static const struct {
	const char *key, *rate;
	enum sample_counter counter;
} counters[] = {
	{ "emitted", "emittedPerSecond", COUNT_EMITTED },
	{ "transferred", "transferredPerSecond", COUNT_TRANSFERRED },
	{ "executed", "executedPerSecond", COUNT_EXECUTED },
	{ "acked", "ackedPerSecond", COUNT_ACKED },
	{ "failed", "failedPerSecond", COUNT_FAILED },
	{ "timedOut", NULL, COUNT_TIMED_OUT },
	{ "deadLettered", NULL, COUNT_DEAD_LETTERED },
	{ "replayed", NULL, COUNT_REPLAYED },
	{ "ticks", NULL, COUNT_TICKS },
	{ "framesIn", NULL, COUNT_FRAMES_IN },
	{ "framesOut", NULL, COUNT_FRAMES_OUT },
	{ "bytesIn", NULL, COUNT_BYTES_IN },
	{ "bytesOut", NULL, COUNT_BYTES_OUT },
};
enum { N_COUNTERS = sizeof counters / sizeof *counters };

static void put_counters(struct buf *out, const struct sample_part *p)
{
	for (int i = 0; i < N_COUNTERS; i++)
		member_count(out, counters[i].key, p->n[counters[i].counter]);
}

/* put_window adds what happened in the window, LATENCY may be NULL. */
static void put_window(struct buf *out, const struct metrics *m, const struct sample_part *p,
    const struct sample_latency *latency)
{
	member_open(out, "window", "{");
	put_counters(out, p);
	for (int i = 0; i < N_COUNTERS; i++)
		if (counters[i].rate != NULL)
			member_real(out, counters[i].rate, show_rate(m, (double)p->n[counters[i].counter]));
	member_real(out, "busy", metrics_share(p, COUNT_BUSY));
	member_real(out, "idle", metrics_share(p, COUNT_IDLE));
	member_real(out, "blocked", metrics_share(p, COUNT_BLOCKED));
	member_real(out, "cpu", show_rate(m, (double)p->n[COUNT_CPU] / NS_PER_S));
	if (latency != NULL) {
		show_latency(out, "executeLatencyMs", &latency->execute);
		show_latency(out, "processLatencyMs", &latency->process);
		show_latency(out, "completeLatencyMs", &latency->complete);
	}
	buf_puts(out, "}");
}

static void put_gauges(struct buf *out, const struct metrics_gauges *g)
{
	member_count(out, "pending", g->pending);
	member_count(out, "held", g->held);
	member_real(out, "oldestSeconds", (double)g->oldest_ns / NS_PER_S);
	member_count(out, "queueFrames", g->queue_frames);
	member_count(out, "queueBytes", g->queue_bytes);
	member_count(out, "pssBytes", g->pss_bytes);
	member_count(out, "restarts", g->restarts);
}

/* put_streams: from stream number STATUS_STREAMS - 1 on they are counted together. */
static void put_streams(struct buf *out, const struct metrics *m, uint32_t number)
{
	const struct component *c = &m->topology->components[number];

	member_open(out, "streams", "[");
	for (uint32_t i = 0; i < c->n_outputs && i < STATUS_STREAMS; i++) {
		const struct status_stream *total = &m->total->components[number].streams[i];
		const struct status_stream *window = &m->window->components[number].streams[i];
		bool rest = i == STATUS_STREAMS - 1 && c->n_outputs > STATUS_STREAMS;

		member_next(out);
		buf_puts(out, "{");
		member_text(out, "id", rest ? "*" : c->outputs[i].id);
		member_count(out, "emitted", total->emitted);
		member_count(out, "transferred", total->transferred);
		member_real(out, "emittedPerSecond", show_rate(m, (double)window->emitted));
		member_real(out, "transferredPerSecond", show_rate(m, (double)window->transferred));
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void put_user(struct buf *out, const struct status *user)
{
	member_open(out, "metrics", "{");
	for (uint32_t i = 0; i < STATUS_METRICS && user->metrics[i].name[0] != '\0'; i++) {
		char name[sizeof user->metrics[i].name + 1] = "";

		memcpy(name, user->metrics[i].name, sizeof user->metrics[i].name);
		member_open(out, name, "{");
		member_text(out, "type", user->metrics[i].gauge ? "gauge" : "counter");
		member_key(out, "value");
		buf_printf(out, "%" PRId64 "}", user->metrics[i].value);
	}
	buf_puts(out, "}");
}

static void put_executor(struct buf *out, const struct metrics *m, uint32_t worker, uint32_t stage)
{
	const struct metrics_worker *w = &m->workers[worker];
	const struct plan_stage *planned = &m->plan->stages[stage];

	member_next(out);
	buf_puts(out, "\n      {");
	member_text(out, "label", m->plan->workers[worker].label);
	member_count(out, "worker", worker);
	member_count(out, "firstTask", planned->first_task);
	member_count(out, "tasks", planned->n_tasks);
	member_bool(out, "alive", w->alive);
	member_count(out, "pid", w->pid);
	member_real(out, "uptimeSeconds", w->alive && m->now_ns > w->started_ns ?
	    (double)(m->now_ns - w->started_ns) / NS_PER_S : 0);
	put_counters(out, &m->total->stages[stage]);
	put_gauges(out, &m->stages[stage]);
	put_window(out, m, &m->window->stages[stage], NULL);
	buf_puts(out, "}");
}

static void put_executors(struct buf *out, const struct metrics *m, uint32_t component)
{
	member_open(out, "executors", "[");
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		for (uint32_t i = 0; m->plan->workers[w].role != ROLE_GONE && i < m->plan->workers[w].n_stages; i++)
			if (m->plan->stages[m->plan->workers[w].first_stage + i].component == component)
				put_executor(out, m, w, m->plan->workers[w].first_stage + i);
	buf_puts(out, "]");
}

static void put_task(struct buf *out, const struct metrics *m, uint32_t task, bool spout)
{
	const struct counts *n = &m->tasks[task];
	char label[PLAN_LABEL];

	member_next(out);
	buf_puts(out, "\n      {");
	member_count(out, "task", task);
	member_text(out, "label", plan_task_label(m->plan, task, label, sizeof label));
	member_count(out, "worker", m->plan->task_worker[task]);
	member_count(out, "emitted", n->emitted);
	member_count(out, "transferred", n->transferred);
	member_count(out, "executed", n->executed);
	member_count(out, "acked", n->acked);
	member_count(out, "failed", n->failed);
	if (spout) {
		member_count(out, "timedOut", n->timed_out);
		member_count(out, "deadLettered", n->dead_lettered);
	}
	buf_puts(out, "}");
}

static void put_tasks(struct buf *out, const struct metrics *m, uint32_t component)
{
	member_open(out, "tasks", "[");
	for (uint32_t i = 0; i < metrics_tasks(m, component); i++)
		put_task(out, m, m->plan->first_task[component] + i, component < m->topology->n_spouts);
	buf_puts(out, "]");
}

static void put_last_error(struct buf *out, const struct last_error *e)
{
	if (e->text == NULL) {
		member_null(out, "lastError");
		return;
	}
	member_open(out, "lastError", "{");
	member_time(out, "at", (uint64_t)e->time_ms);
	member_text(out, "label", e->label);
	member_text(out, "text", e->text);
	buf_puts(out, "}");
}

static void put_component(struct buf *out, const struct survey *s, uint32_t number, bool executors)
{
	const struct metrics *m = s->m;
	const struct component *c = number < m->topology->n_components ? &m->topology->components[number] : NULL;

	member_next(out);
	buf_puts(out, "\n    {");
	member_text(out, "id", metrics_id(m, number));
	member_text(out, "type", c == NULL ? metrics_id(m, number) : c->kind == GALE_SPOUT ? "spout" : "bolt");
	member_text(out, "class", c != NULL ? c->part.class_name : NULL);
	member_text(out, "chainedTo", metrics_head(m, number) ? NULL : metrics_id(m, m->plan->chained_to[number]));
	member_count(out, "executorsTotal", metrics_executors(m, number));
	member_count(out, "tasksTotal", metrics_tasks(m, number));
	put_counters(out, &m->total->components[number]);
	put_gauges(out, &m->components[number]);
	show_latency(out, "executeLatencyMs", &m->total->latency[number].execute);
	show_latency(out, "processLatencyMs", &m->total->latency[number].process);
	show_latency(out, "completeLatencyMs", &m->total->latency[number].complete);
	put_window(out, m, &m->window->components[number], &m->window->latency[number]);
	if (c != NULL) {
		put_streams(out, m, number);
		put_user(out, &m->user[number]);
	}
	put_last_error(out, &s->errors[number]);
	if (executors) {
		put_executors(out, m, number);
		put_tasks(out, m, number);
	}
	buf_puts(out, "}");
}

static void put_edges(struct buf *out, const struct metrics *m)
{
	const struct topology *t = m->topology;

	member_open(out, "edges", "[");
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];
		double tuples = metrics_edge_tuples(m, m->window, i);

		member_next(out);
		buf_puts(out, "\n    {");
		member_text(out, "from", t->components[s->from].id);
		member_text(out, "stream", t->components[s->from].outputs[s->stream].id);
		member_text(out, "to", t->components[s->to].id);
		member_text(out, "grouping", topology_grouping_names[s->grouping]);
		member_real(out, "tuplesPerSecond", show_rate(m, tuples));
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

/* put_queues: between the workers of components, ackers too; what comes to a chained one comes
 * to its head. */
static void put_queues(struct buf *out, const struct metrics *m)
{
	member_open(out, "queues", "[");
	for (uint32_t i = 0; i < m->n_edges; i++) {
		member_next(out);
		buf_puts(out, "{");
		member_text(out, "from", metrics_id(m, m->edges[i].from));
		member_text(out, "to", metrics_id(m, m->edges[i].to));
		member_count(out, "frames", m->edges[i].frames);
		member_count(out, "bytes", m->edges[i].bytes);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void put_advice(struct buf *out, const struct survey *s)
{
	struct advice *a = show_advice(s);

	if (a == NULL) {
		member_null(out, "advice");
		return;
	}
	member_open(out, "advice", "{");
	member_text(out, "kind", advice_kind_names[a->kind]);
	member_real(out, "seconds", (double)s->m->lately->at_ns / NS_PER_S);
	member_text(out, "text", a->text);
	member_text(out, "bottleneck", a->bottleneck != UINT32_MAX ? metrics_id(s->m, a->bottleneck) : NULL);
	member_text(out, "command", a->command);
	member_open(out, "components", "[");
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->needs[i].needed == 0)
			continue;
		member_next(out);
		buf_puts(out, "{");
		member_text(out, "id", metrics_id(s->m, i));
		member_real(out, "offeredPerSecond", a->needs[i].offered);
		member_real(out, "load", a->needs[i].load);
		member_count(out, "executors", metrics_executors(s->m, i));
		member_count(out, "needed", a->needs[i].needed);
		member_bool(out, "capped", a->needs[i].capped);
		member_bool(out, "skewed", a->needs[i].skewed);
		buf_puts(out, "}");
	}
	buf_puts(out, "]}");
	advice_free(a);
}

/* put_run_window: of the topology, as of its spouts. */
static void put_run_window(struct buf *out, const struct metrics *m)
{
	const struct sample *w = m->window;
	struct hist complete = { 0 };

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		hist_merge(&complete, &w->latency[c].complete);
	member_open(out, "window", "{");
	member_text(out, "name", metrics_window_names[m->which]);
	member_real(out, "seconds", (double)w->at_ns / NS_PER_S);
	member_bool(out, "sinceStart", m->whole);
	member_count(out, "emitted", metrics_messages(m, w));
	member_count(out, "acked", metrics_spouts(m, w, COUNT_ACKED));
	member_count(out, "failed", metrics_spouts(m, w, COUNT_FAILED));
	member_count(out, "timedOut", metrics_spouts(m, w, COUNT_TIMED_OUT));
	member_count(out, "deadLettered", metrics_spouts(m, w, COUNT_DEAD_LETTERED));
	member_count(out, "replayed", metrics_spouts(m, w, COUNT_REPLAYED));
	show_latency(out, "completeLatencyMs", &complete);
	buf_puts(out, "}");
}

/* put_run: all members stand there in any case, so that readers need not ask. */
static void put_run(struct buf *out, const struct survey *s, const char *component)
{
	const struct metrics *m = s->m;

	if (m == NULL) {
		member_null(out, "window");
		member_open(out, "components", "[]");
		member_open(out, "edges", "[]");
		member_open(out, "queues", "[]");
		member_null(out, "advice");
		return;
	}
	put_run_window(out, m);
	member_open(out, "components", "[");
	for (uint32_t c = 0; c < metrics_components(m); c++)
		if (component == NULL || strcmp(component, metrics_id(m, c)) == 0)
			put_component(out, s, c, component != NULL);
	buf_puts(out, "]");
	put_edges(out, m);
	put_queues(out, m);
	put_advice(out, s);
}

void show_status_json(struct buf *out, const struct survey *s, const char *component)
{
	buf_printf(out, "{\"schemaVersion\": %d", SHOW_SCHEMA_VERSION);
	put_head(out, s);
	put_run(out, s, component);
	put_ended(out, s, true);
	buf_puts(out, "}\n");
}
