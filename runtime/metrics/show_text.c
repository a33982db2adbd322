/* show_text.c - surveys for people. SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "show.h"
#include "table.h"

/* ---- a list ------------------------------------------------------------------------ */

static void add_heads(struct table *t, const char *const *heads)
{
	for (; *heads != NULL; heads++)
		table_add(t, "%s", *heads);
}

static void add_duration(struct table *t, double seconds)
{
	struct buf b = { 0 };

	text_duration(&b, seconds);
	table_add(t, "%s", buf_text(&b));
	buf_free(&b);
}

void show_list_text(struct buf *out, const struct survey *surveys, size_t n)
{
	static const char *const heads[] = { "NAME", "STATUS", "UPTIME", "COMPONENTS", "TASKS", "PROCS",
		"ACKED/S", "ACKED", "FAILED", "TIMED-OUT", "ID", NULL };
	struct table table;

	table_begin(&table, "llrrrrrrrrl");
	add_heads(&table, heads);
	for (size_t i = 0; i < n; i++) {
		struct show_totals t = show_totals(&surveys[i]);

		table_add(&table, "%s", surveys[i].home.name);
		table_add(&table, "%s", topology_status_names[surveys[i].status]);
		add_duration(&table, survey_uptime_s(&surveys[i]));
		table_add(&table, "%" PRIu32, t.components);
		table_add(&table, "%" PRIu32, t.tasks);
		table_add(&table, "%" PRIu32, t.workers);
		table_add_rate(&table, t.acked_rate);
		table_add_count(&table, t.acked);
		table_add_count(&table, t.failed);
		table_add_count(&table, t.timed_out);
		table_add(&table, "%s", t.id);
		free(t.id);
	}
	table_write(&table, out);
}

/* ---- the head of a status ---------------------------------------------------------- */

static void put_percentile(struct buf *out, const struct hist *h, const char *name, double q)
{
	buf_printf(out, "  %s ", name);
	text_latency(out, hist_quantile(h, q));
}

static void put_run_head(struct buf *out, const struct metrics *m, const struct show_totals *t)
{
	struct hist complete = { 0 };

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		hist_merge(&complete, &m->window->latency[c].complete);
	buf_puts(out, "  pending ");
	text_number(out, t->pending);
	if (plan_tracks(m->plan)) {
		buf_puts(out, "  ");
		text_number(out, (uint64_t)t->acked_rate);
		buf_puts(out, " acked/s");
	} else {
		buf_puts(out, "  ");
		text_number(out, (uint64_t)t->emitted_rate);
		buf_puts(out, " emitted/s");
	}
	if (complete.n > 0) {
		put_percentile(out, &complete, "p50", 0.5);
		put_percentile(out, &complete, "p99", 0.99);
		put_percentile(out, &complete, "p99.9", 0.999);
	}
	buf_puts(out, "  (last ");
	text_duration(out, (double)m->window->at_ns / NS_PER_S);
	buf_puts(out, ")\n");
}

static void put_total(struct buf *out, uint64_t n, const char *one, const char *many)
{
	buf_puts(out, ", ");
	text_number(out, n);
	buf_printf(out, " %s", n == 1 ? one : many);
}

static void put_totals(struct buf *out, const struct show_totals *t)
{
	buf_puts(out, "in all ");
	text_number(out, t->emitted);
	buf_puts(out, " emitted");
	put_total(out, t->acked, "acked", "acked");
	put_total(out, t->failed, "failed", "failed");
	if (t->timed_out > 0)
		put_total(out, t->timed_out, "timed out", "timed out");
	if (t->dead_lettered > 0)
		put_total(out, t->dead_lettered, "dead letter", "dead letters");
	if (t->replayed > 0)
		put_total(out, t->replayed, "replayed", "replayed");
	if (t->restarts > 0)
		put_total(out, t->restarts, "restart", "restarts");
	buf_puts(out, "\n");
}

static void put_end(struct buf *out, const struct survey *s)
{
	const struct json_node *exit = s->ended != NULL ? json_member(s->ended->nodes, "exit") : NULL;

	if (s->status == TOPOLOGY_DEAD)
		buf_printf(out, "its supervisor was killed; go on from its state: gale submit --resume %s\n", s->home.name);
	if (s->ended == NULL)
		return;
	buf_printf(out, "ended %s, exit code %" PRId64 "\n",
	    show_ended(s, "endedAt") != NULL ? show_ended(s, "endedAt") : "", exit != NULL ? exit->i : 0);
	if (show_ended(s, "error") != NULL)
		buf_printf(out, "error: %s\n", show_ended(s, "error"));
}

/* ---- components -------------------------------------------------------------------- */

/* out_of gives what of P counts as output: of an acker its verdicts. */
static double out_of(const struct metrics *m, uint32_t c, const struct sample_part *p)
{
	return (double)(c < m->topology->n_components ? p->n[COUNT_TRANSFERRED] : p->n[COUNT_ACKED]);
}

/* add_shares: of a chained one they are its head's. */
static void add_shares(struct table *t, const struct sample_part *p, bool head)
{
	static const enum sample_counter parts[] = { COUNT_BUSY, COUNT_IDLE, COUNT_BLOCKED };

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (head)
			table_add_share(t, metrics_share(p, parts[i]));
		else
			table_add(t, "-");
	}
}

/* add_last_error: when, what, as far as it goes on a line, and who. */
static void add_last_error(struct table *t, const struct last_error *e)
{
	struct timespec now;
	struct buf b = { 0 };

	if (e->text != NULL) {
		clock_gettime(CLOCK_REALTIME, &now);
		text_duration(&b, (double)now.tv_sec - (double)e->time_ms / 1000);
		buf_printf(&b, " ago: %.60s%s", e->text, strlen(e->text) > 60 ? "..." : "");
		buf_printf(&b, " (%s)", e->label);
	}
	table_add(t, "%s", buf_text(&b));
	buf_free(&b);
}

static void add_component(struct table *t, const struct survey *s, uint32_t c)
{
	const struct metrics *m = s->m;
	const struct sample_part *w = &m->window->components[c], *total = &m->total->components[c];

	table_add(t, "%s", metrics_id(m, c));
	table_add(t, "%" PRIu32, metrics_tasks(m, c));
	if (c < m->topology->n_spouts || c >= m->topology->n_components)
		table_add(t, "-");
	else
		table_add_rate(t, show_rate(m, (double)w->n[COUNT_EXECUTED]));
	table_add_rate(t, show_rate(m, out_of(m, c, w)));
	add_shares(t, w, metrics_head(m, c));
	table_add_latency(t, hist_quantile(&m->window->latency[c].execute, 0.5));
	table_add_latency(t, hist_quantile(&m->window->latency[c].execute, 0.99));
	table_add_count(t, m->components[c].queue_frames);
	table_add_count(t, total->n[COUNT_FAILED]);
	table_add_count(t, total->n[COUNT_TIMED_OUT]);
	table_add_count(t, m->components[c].restarts);
	add_last_error(t, &s->errors[c]);
}

static void put_components(struct buf *out, const struct survey *s)
{
	static const char *const heads[] = { "COMPONENT", "TASKS", "IN/S", "OUT/S", "BUSY", "IDLE", "BLOCKED",
		"p50", "p99", "QUEUE", "FAILED", "TIMED-OUT", "RESTARTS", "LAST ERROR", NULL };
	struct table t;

	table_begin(&t, "lrrrrrrrrrrrrl");
	add_heads(&t, heads);
	for (uint32_t c = 0; c < metrics_components(s->m); c++)
		add_component(&t, s, c);
	table_write(&t, out);
}

/* put_chain: who shares the workers of C. */
static void put_chain(struct buf *out, const struct plan *p, uint32_t c)
{
	if (!plan_is_chain(p, c))
		return;
	plan_chain_text(p, c, out);
	buf_puts(out, "; a crash of one is a crash of all\n");
}

/* put_ackers: what the ackers have open, and how long they let it be. */
static void put_ackers(struct buf *out, const struct metrics *m, const struct show_totals *t)
{
	int64_t limit = topology_ms(m->topology, NULL, "topology.message.timeout.secs");
	uint32_t c = m->topology->n_components;

	if (m->plan->n_ackers == 0)
		return;
	buf_printf(out, "acker: ");
	text_number(out, m->components[c].pending);
	buf_puts(out, " trees open");
	if (t->oldest_ns > 0) {
		buf_puts(out, ", the oldest for ");
		text_duration(out, (double)t->oldest_ns / NS_PER_S);
	}
	if (limit > 0) {
		buf_puts(out, "; limit ");
		text_duration(out, (double)limit / 1000);
	}
	buf_puts(out, "\n");
}

static void put_advice(struct buf *out, const struct survey *s)
{
	struct advice *a = show_advice(s);

	if (a == NULL)
		return;
	if (a->kind != ADVICE_NONE && a->kind != ADVICE_UNKNOWN)
		buf_printf(out, "bottleneck: %s\n", a->text);
	if (a->command != NULL)
		buf_printf(out, "try: %s\n", a->command);
	advice_free(a);
}

/* ---- one component ----------------------------------------------------------------- */

static void add_executor(struct table *t, const struct metrics *m, uint32_t worker, uint32_t stage)
{
	const struct metrics_worker *w = &m->workers[worker];
	const struct sample_part *p = &m->window->stages[stage];
	uint32_t first = m->plan->workers[worker].first_stage;
	char label[PLAN_LABEL];

	table_add(t, "%s", plan_task_label(m->plan, m->plan->stages[stage].first_task, label, sizeof label));
	table_add(t, "%" PRIu32, m->plan->stages[stage].n_tasks);
	table_add(t, w->alive ? "%" PRIu32 : "-", w->pid);
	table_add_rate(t, show_rate(m, (double)p->n[COUNT_EXECUTED]));
	table_add_rate(t, show_rate(m, (double)p->n[COUNT_TRANSFERRED]));
	add_shares(t, p, stage == first);
	table_add(t, "%.2f", show_rate(m, (double)m->window->stages[stage].n[COUNT_CPU] / NS_PER_S));
	table_add(t, "%.1f", (double)m->stages[stage].pss_bytes / 1e6);
	table_add_count(t, m->stages[stage].queue_frames);
	table_add_count(t, m->total->stages[stage].n[COUNT_FAILED]);
	table_add_count(t, m->stages[stage].restarts);
}

static void put_executors(struct buf *out, const struct metrics *m, uint32_t c)
{
	static const char *const heads[] = { "EXECUTOR", "TASKS", "PID", "IN/S", "OUT/S", "BUSY", "IDLE", "BLOCKED",
		"CPU", "MB", "QUEUE", "FAILED", "RESTARTS", NULL };
	struct table t;

	table_begin(&t, "lrrrrrrrrrrrr");
	add_heads(&t, heads);
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		for (uint32_t i = 0; m->plan->workers[w].role != ROLE_GONE && i < m->plan->workers[w].n_stages; i++)
			if (m->plan->stages[m->plan->workers[w].first_stage + i].component == c)
				add_executor(&t, m, w, m->plan->workers[w].first_stage + i);
	table_write(&t, out);
}

static void add_task(struct table *t, const struct metrics *m, uint32_t task, bool spout)
{
	const struct plan_worker *w = &m->plan->workers[m->plan->task_worker[task]];
	const struct counts *n = &m->tasks[task];
	char label[PLAN_LABEL];

	table_add(t, "%s", plan_task_label(m->plan, task, label, sizeof label));
	table_add(t, "%s", w->label);
	table_add_count(t, n->emitted);
	table_add_count(t, n->transferred);
	table_add_count(t, n->executed);
	table_add_count(t, n->acked);
	table_add_count(t, n->failed);
	if (!spout)
		return;
	table_add_count(t, n->timed_out);
	table_add_count(t, n->dead_lettered);
}

static void put_tasks(struct buf *out, const struct metrics *m, uint32_t c)
{
	static const char *const of_bolts[] = { "TASK", "EXECUTOR", "EMITTED", "TRANSFERRED", "EXECUTED", "ACKED",
		"FAILED", NULL };
	static const char *const of_spouts[] = { "TASK", "EXECUTOR", "EMITTED", "TRANSFERRED", "EXECUTED", "ACKED",
		"FAILED", "TIMED-OUT", "DEAD", NULL };
	bool spout = c < m->topology->n_spouts;
	struct table t;

	table_begin(&t, spout ? "llrrrrrrr" : "llrrrrr");
	add_heads(&t, spout ? of_spouts : of_bolts);
	for (uint32_t i = 0; i < metrics_tasks(m, c); i++)
		add_task(&t, m, m->plan->first_task[c] + i, spout);
	table_write(&t, out);
}

static void put_latency(struct buf *out, const char *name, const struct hist *h)
{
	if (h->n == 0)
		return;
	buf_printf(out, "%s latency", name);
	put_percentile(out, h, "p50", 0.5);
	put_percentile(out, h, "p90", 0.9);
	put_percentile(out, h, "p99", 0.99);
	put_percentile(out, h, "p99.9", 0.999);
	buf_puts(out, "  max ");
	text_latency(out, h->max_ns);
	buf_puts(out, "\n");
}

static void put_component(struct buf *out, const struct metrics *m, uint32_t c)
{
	const struct component *x = c < m->topology->n_components ? &m->topology->components[c] : NULL;
	const struct status *user = &m->user[c];

	put_executors(out, m, c);
	put_tasks(out, m, c);
	put_chain(out, m->plan, plan_chain_head(m->plan, c));
	put_latency(out, "execute", &m->window->latency[c].execute);
	put_latency(out, "process", &m->window->latency[c].process);
	put_latency(out, "complete", &m->window->latency[c].complete);
	for (uint32_t i = 0; x != NULL && i < x->n_outputs && i < STATUS_STREAMS; i++) {
		const struct status_stream *stream = &m->total->components[c].streams[i];

		if (strcmp(x->outputs[i].id, DEAD_LETTER_STREAM) == 0 && stream->emitted == 0)
			continue;
		buf_printf(out, "stream %s: ", x->outputs[i].id);
		text_number(out, stream->emitted);
		buf_puts(out, " emitted, ");
		text_number(out, stream->transferred);
		buf_puts(out, " transferred\n");
	}
	for (uint32_t i = 0; i < STATUS_METRICS && user->metrics[i].name[0] != '\0'; i++)
		buf_printf(out, "%s: %" PRId64 "\n", user->metrics[i].name, user->metrics[i].value);
}

static uint32_t number_of(const struct metrics *m, const char *component)
{
	uint32_t c = 0;

	while (strcmp(metrics_id(m, c), component) != 0)
		c++;
	return c;
}

void show_status_text(struct buf *out, const struct survey *s, const char *component)
{
	struct show_totals t = show_totals(s);

	buf_printf(out, "%s  %s  up ", s->home.name, topology_status_names[s->status]);
	text_duration(out, survey_uptime_s(s));
	if (s->m != NULL)
		put_run_head(out, s->m, &t);
	else
		buf_puts(out, "\n");
	if (s->m != NULL && component != NULL) {
		put_component(out, s->m, number_of(s->m, component));
	} else if (s->m != NULL) {
		put_components(out, s);
		for (uint32_t c = 0; c < s->m->topology->n_components; c++)
			put_chain(out, s->m->plan, c);
		put_totals(out, &t);
		put_ackers(out, s->m, &t);
		put_advice(out, s);
	} else {
		if (s->ended != NULL)
			put_totals(out, &t);
		put_end(out, s);
	}
	free(t.id);
}
