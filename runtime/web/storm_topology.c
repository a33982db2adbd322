/* storm_topology.c - Storm's document of a topology; see storm.h. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "clock.h"
#include "show.h"
#include "storm_parts.h"

/* put_stats: of all components together in the window W. As in Storm emitted and transferred are of
 * spouts and bolts, acked and failed of spouts; `messages` are what spouts emitted. */
static void put_stats(struct buf *out, const struct storm_look *l, enum metrics_window w)
{
	const struct metrics *m = l->survey->m;
	const struct sample *s = l->windows[w];
	uint64_t emitted = 0, transferred = 0;
	struct hist complete = { 0 };

	for (uint32_t c = 0; c < m->topology->n_components; c++) {
		emitted += s->components[c].n[COUNT_EMITTED];
		transferred += s->components[c].n[COUNT_TRANSFERRED];
	}
	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		hist_merge(&complete, &s->latency[c].complete);
	member_next(out);
	buf_puts(out, "\n    {");
	storm_put_window(out, w, "windowPretty");
	member_real(out, "seconds", (double)s->at_ns / NS_PER_S);
	member_count(out, "emitted", emitted);
	member_count(out, "transferred", transferred);
	member_real(out, "completeLatency", storm_mean_ms(&complete));
	member_count(out, "acked", metrics_spouts(m, s, COUNT_ACKED));
	member_count(out, "failed", metrics_spouts(m, s, COUNT_FAILED));
	member_count(out, "messages", metrics_messages(m, s));
	member_count(out, "timedOut", metrics_spouts(m, s, COUNT_TIMED_OUT));
	member_count(out, "deadLettered", metrics_spouts(m, s, COUNT_DEAD_LETTERED));
	member_count(out, "replayed", metrics_spouts(m, s, COUNT_REPLAYED));
	show_latency(out, "completeLatencyMs", &complete);
	buf_puts(out, "}");
}

/* put_ended_stats: of a run that has ended its summary tells. */
static void put_ended_stats(struct buf *out, const struct survey *s)
{
	buf_puts(out, "{");
	storm_put_window(out, WINDOW_ALL, "windowPretty");
	member_real(out, "seconds", survey_uptime_s(s));
	member_count(out, "emitted", survey_count(s, "emitted"));
	member_count(out, "transferred", survey_count(s, "tuples"));
	member_real(out, "completeLatency", 0);
	member_count(out, "acked", survey_count(s, "acked"));
	member_count(out, "failed", survey_count(s, "failed"));
	member_count(out, "messages", survey_count(s, "emitted"));
	member_count(out, "timedOut", survey_count(s, "timed_out"));
	member_count(out, "deadLettered", survey_count(s, "dead_lettered"));
	member_count(out, "replayed", survey_count(s, "replayed"));
	member_null(out, "completeLatencyMs");
	buf_puts(out, "}");
}

static void put_all_stats(struct buf *out, const struct storm_look *l)
{
	member_open(out, "topologyStats", "[");
	if (l->survey->m == NULL && l->survey->ended != NULL)
		put_ended_stats(out, l->survey);
	for (int w = 0; l->survey->m != NULL && w < N_WINDOWS; w++)
		put_stats(out, l, (enum metrics_window)w);
	buf_puts(out, "]");
}

static void put_component(struct buf *out, const struct storm_look *l, uint32_t c)
{
	const struct metrics *m = l->survey->m;
	const struct sample *w = l->windows[l->which];
	const struct sample_part *p = &w->components[c];
	bool spout = c < m->topology->n_spouts;

	member_next(out);
	buf_puts(out, "\n    {");
	member_text(out, spout ? "spoutId" : "boltId", metrics_id(m, c));
	storm_put_encoded(out, spout ? "encodedSpoutId" : "encodedBoltId", metrics_id(m, c));
	member_count(out, "executors", metrics_executors(m, c));
	member_count(out, "tasks", metrics_tasks(m, c));
	storm_put_counts(out, p);
	if (spout) {
		member_real(out, "completeLatency", storm_mean_ms(&w->latency[c].complete));
	} else {
		member_count(out, "executed", p->n[COUNT_EXECUTED]);
		member_real(out, "executeLatency", storm_mean_ms(&w->latency[c].execute));
		member_real(out, "processLatency", storm_mean_ms(&w->latency[c].process));
		member_real(out, "capacity", storm_capacity(p->n[COUNT_EXECUTED], &w->latency[c].execute,
		    metrics_executors(m, c), w->at_ns));
	}
	storm_put_last_error(out, l, c);
	storm_put_gale(out, l, c, w);
	buf_puts(out, "}");
}

static void put_timeout(struct buf *out, const struct topology *t)
{
	int64_t ms = t != NULL ? topology_ms(t, NULL, "topology.message.timeout.secs") : -1;

	if (ms < 0)
		member_null(out, "msgTimeout");
	else if (ms % 1000 == 0)
		member_count(out, "msgTimeout", (uint64_t)ms / 1000);
	else
		member_real(out, "msgTimeout", (double)ms / 1000);
}

static void put_head(struct buf *out, const struct storm_look *l, const char *id)
{
	struct show_totals t = show_totals(l->survey);

	member_text(out, "id", id);
	storm_put_encoded(out, "encodedId", id);
	member_text(out, "name", l->survey->home.name);
	member_text(out, "owner", l->place->user);
	member_text(out, "user", l->place->user);
	member_text(out, "status", topology_status_names[l->survey->status]);
	member_bool(out, "foreground", l->survey->homeless);
	storm_put_uptime(out, survey_uptime_s(l->survey));
	member_count(out, "tasksTotal", t.tasks);
	member_count(out, "workersTotal", t.workers);
	member_count(out, "executorsTotal", t.executors);
	member_count(out, "pendingTrees", t.pending);
	member_real(out, "oldestTreeSeconds", (double)t.oldest_ns / NS_PER_S);
	member_count(out, "restarts", t.restarts);
	free(t.id);
}

void storm_topology(struct buf *out, const struct storm_look *l)
{
	const struct topology *t = survey_definition(l->survey);
	char *id = storm_id(l->survey);

	buf_puts(out, "{");
	put_head(out, l, id);
	storm_put_window(out, l->which, "windowHint");
	put_timeout(out, t);
	member_bool(out, "schedulerDisplayResource", false);
	member_text(out, "schedulerInfo", "");
	member_count(out, "replicationCount", 1);
	member_bool(out, "debug", false);
	member_count(out, "samplingPct", 0);
	member_text(out, "stormVersion", l->place->version);
	put_all_stats(out, l);
	storm_put_workers(out, l, id);
	storm_put_components(out, l, put_component);
	member_open(out, "configuration", "{");
	if (t != NULL) {
		member_text(out, "storm.id", id);
		member_text(out, "topology.name", l->survey->home.name);
		storm_put_config(out, t);
	}
	buf_puts(out, "}");
	member_open(out, "visualizationTable", "[]");
	buf_puts(out, "}\n");
	free(id);
}

void storm_workers(struct buf *out, const struct storm_look *l)
{
	const struct metrics *m = l->survey->m;

	buf_puts(out, "{");
	member_open(out, "hostPortList", "[");
	for (uint32_t w = 0; m != NULL && w < m->plan->n_workers; w++) {
		if (m->plan->workers[w].role == ROLE_GONE)
			continue;
		member_next(out);
		buf_puts(out, "{");
		member_text(out, "host", l->place->host);
		member_count(out, "port", w);
		member_count(out, "pid", m->workers[w].pid);
		member_text(out, "label", m->plan->workers[w].label);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
	member_key(out, "logviewerPort");
	if (l->place->port != 0)
		buf_printf(out, "%u", l->place->port);
	else
		buf_puts(out, "null");
	member_text(out, "logviewerScheme", "http");
	buf_puts(out, "}\n");
}
