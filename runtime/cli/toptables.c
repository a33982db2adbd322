/* toptables.c - see toptables.h. SPDX-License-Identifier: Apache-2.0 */
#include "toptables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "show.h"
#include "table.h"

enum { BAR = 10 };
#define BUSY_MUCH 0.9

enum topstyle toptables_status(enum topology_status status)
{
	switch (status) {
	case TOPOLOGY_ACTIVE:
		return STYLE_GOOD;
	case TOPOLOGY_FAILED:
	case TOPOLOGY_DEAD:
		return STYLE_BAD;
	case TOPOLOGY_STARTING:
	case TOPOLOGY_INACTIVE:
	case TOPOLOGY_DRAINING:
		return STYLE_WARN;
	default:
		return STYLE_PLAIN;
	}
}

void toptables_complete(const struct metrics *m, struct hist *h)
{
	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		hist_merge(h, &m->window->latency[c].complete);
}

void toptables_ago(struct buf *out, int64_t time_ms, int64_t wall_ms)
{
	text_duration(out, wall_ms > time_ms ? (double)(wall_ms - time_ms) / 1000 : 0);
	buf_puts(out, " ago");
}

/* ---- cells ------------------------------------------------------------------------- */

static void add_text(struct topgrid *g, enum topstyle style, double value, struct buf *text)
{
	topgrid_cell(g, style, value, "%s", buf_text(text));
	buf_free(text);
}

static void add_none(struct topgrid *g)
{
	topgrid_cell(g, STYLE_QUIET, -1, "-");
}

static void add_count(struct topgrid *g, uint64_t n)
{
	struct buf b = { 0 };

	text_number(&b, n);
	add_text(g, STYLE_PLAIN, (double)n, &b);
}

/* add_bad: something to look at, if it is not 0. */
static void add_bad(struct topgrid *g, uint64_t n)
{
	struct buf b = { 0 };

	text_number(&b, n);
	add_text(g, n > 0 ? STYLE_WARN : STYLE_PLAIN, (double)n, &b);
}

static void add_rate(struct topgrid *g, double n)
{
	struct buf b = { 0 };

	text_rate(&b, n);
	add_text(g, STYLE_PLAIN, n, &b);
}

static void add_duration(struct topgrid *g, double seconds)
{
	struct buf b = { 0 };

	text_duration(&b, seconds);
	add_text(g, STYLE_PLAIN, seconds, &b);
}

static void add_quantile(struct topgrid *g, const struct hist *h, double q)
{
	uint64_t ns = hist_quantile(h, q);
	struct buf b = { 0 };

	if (h->n == 0) {
		add_none(g);
		return;
	}
	text_latency(&b, ns);
	add_text(g, STYLE_PLAIN, (double)ns, &b);
}

static void add_share(struct topgrid *g, double share)
{
	topgrid_cell(g, share >= BUSY_MUCH ? STYLE_WARN : STYLE_PLAIN, share, "%.0f%%", 100 * share);
}

static void add_bar(struct topgrid *g, double busy, double blocked, const struct topmanner *how)
{
	int n = (int)(busy * BAR + 0.5), k = (int)((busy + blocked) * BAR + 0.5);
	struct buf b = { 0 };

	for (int i = 0; i < BAR; i++)
		buf_puts(&b, i < n ? (how->utf8 ? "\u2588" : "#") : i < k ? (how->utf8 ? "\u2592" : "x") :
		    how->utf8 ? "\u00b7" : ".");
	add_text(g, busy >= BUSY_MUCH ? STYLE_WARN : STYLE_GOOD, busy, &b);
}

/* add_flow adds IN/S and OUT/S of component C: bolts alone execute tuples; of an acker its verdicts
 * go out. */
static void add_flow(struct topgrid *g, const struct metrics *m, uint32_t c, const struct sample_part *p)
{
	bool acks = c >= m->topology->n_components;

	if (c < m->topology->n_spouts || acks)
		add_none(g);
	else
		add_rate(g, show_rate(m, (double)p->n[COUNT_EXECUTED]));
	add_rate(g, show_rate(m, (double)p->n[acks ? COUNT_ACKED : COUNT_TRANSFERRED]));
}

/* add_shares adds LOAD, BUSY and BLOCKED; of a chained one they are its head's. */
static void add_shares(struct topgrid *g, const struct sample_part *p, bool head, const struct topmanner *how)
{
	double busy = metrics_share(p, COUNT_BUSY), blocked = metrics_share(p, COUNT_BLOCKED);

	if (!head) {
		topgrid_cell(g, STYLE_QUIET, -1, "chained");
		add_none(g);
		add_none(g);
		return;
	}
	add_bar(g, busy, blocked, how);
	add_share(g, busy);
	add_share(g, blocked);
}

/* ---- all topologies ---------------------------------------------------------------- */

static const struct topgrid_column list_columns[] = {
	{ "NAME", GRID_NAME, 0, 10 },
	{ "STATUS", GRID_WORD, 1, 8 },
	{ "UPTIME", GRID_NUMBER, 5, 6 },
	{ "EMITTED/S", GRID_NUMBER, 7, 0 },
	{ "ACKED/S", GRID_NUMBER, 2, 9 },
	{ "FAILED", GRID_NUMBER, 3, 0 },
	{ "TIMED-OUT", GRID_NUMBER, 8, 0 },
	{ "PENDING", GRID_NUMBER, 6, 0 },
	{ "p50", GRID_NUMBER, 9, 5 },
	{ "p99", GRID_NUMBER, 4, 5 },
	{ "RESTARTS", GRID_NUMBER, 10, 0 },
};

static void add_survey(struct topgrid *g, const struct survey *s)
{
	struct show_totals t = show_totals(s);
	struct hist complete = { 0 };
	bool runs = s->m != NULL;

	if (runs)
		toptables_complete(s->m, &complete);
	topgrid_row(g, s->home.name);
	topgrid_cell(g, STYLE_PLAIN, 0, "%s", s->home.name);
	topgrid_cell(g, toptables_status(s->status), 0, "%s", topology_status_names[s->status]);
	add_duration(g, survey_uptime_s(s));
	if (runs) {
		add_rate(g, t.emitted_rate);
		add_rate(g, t.acked_rate);
	} else {
		add_none(g);
		add_none(g);
	}
	add_bad(g, t.failed);
	add_bad(g, t.timed_out);
	add_count(g, t.pending);
	add_quantile(g, &complete, 0.5);
	add_quantile(g, &complete, 0.99);
	add_bad(g, t.restarts);
	free(t.id);
}

void toptables_list(struct topgrid *g, const struct survey *surveys, size_t n)
{
	topgrid_begin(g, list_columns, sizeof list_columns / sizeof *list_columns);
	for (size_t i = 0; i < n; i++)
		add_survey(g, &surveys[i]);
}

/* ---- components -------------------------------------------------------------------- */

static const struct topgrid_column component_columns[] = {
	{ "COMPONENT", GRID_NAME, 0, 10 },
	{ "TASKS", GRID_NUMBER, 14, 0 },
	{ "IN/S", GRID_NUMBER, 2, 9 },
	{ "OUT/S", GRID_NUMBER, 3, 9 },
	{ "LOAD", GRID_BAR, 7, BAR },
	{ "BUSY", GRID_NUMBER, 1, 0 },
	{ "BLOCKED", GRID_NUMBER, 5, 0 },
	{ "p50", GRID_NUMBER, 13, 5 },
	{ "p99", GRID_NUMBER, 6, 5 },
	{ "QUEUE", GRID_NUMBER, 8, 0 },
	{ "PENDING", GRID_NUMBER, 10, 0 },
	{ "FAILED", GRID_NUMBER, 4, 0 },
	{ "TIMED-OUT", GRID_NUMBER, 12, 0 },
	{ "RESTARTS", GRID_NUMBER, 11, 0 },
	{ "LAST ERROR", GRID_REST, 9, 14 },
};

/* add_error: which process it was ("(pid 4312, start 1) was killed ...") is told where there is room. */
static void add_error(struct topgrid *g, const struct toperror *x, int64_t wall_ms)
{
	const char *end = x != NULL && strncmp(x->text, "(pid ", 5) == 0 ? strstr(x->text, ") ") : NULL;
	struct buf b = { 0 };

	if (x != NULL) {
		toptables_ago(&b, x->time_ms, wall_ms);
		buf_printf(&b, ": %s", end != NULL ? end + 2 : x->text);
	}
	add_text(g, STYLE_WARN, 0, &b);
}

static void add_component(struct topgrid *g, const struct metrics *m, uint32_t c, const struct toperrors *errors,
    const struct topmanner *how)
{
	const struct sample_part *w = &m->window->components[c], *total = &m->total->components[c];
	const struct sample_latency *latency = &m->window->latency[c];

	topgrid_row(g, metrics_id(m, c));
	topgrid_cell(g, STYLE_PLAIN, 0, "%s", metrics_id(m, c));
	add_count(g, metrics_tasks(m, c));
	add_flow(g, m, c, w);
	add_shares(g, w, metrics_head(m, c), how);
	add_quantile(g, &latency->execute, 0.5);
	add_quantile(g, &latency->execute, 0.99);
	add_count(g, m->components[c].queue_frames);
	add_count(g, m->components[c].pending);
	add_bad(g, total->n[COUNT_FAILED]);
	add_bad(g, total->n[COUNT_TIMED_OUT]);
	add_bad(g, m->components[c].restarts);
	add_error(g, toperrors_of(errors, c), how->wall_ms);
}

void toptables_components(struct topgrid *g, const struct metrics *m, const struct toperrors *errors,
    const struct topmanner *how)
{
	topgrid_begin(g, component_columns, sizeof component_columns / sizeof *component_columns);
	for (uint32_t c = 0; c < metrics_components(m); c++)
		add_component(g, m, c, errors, how);
}

/* ---- executors --------------------------------------------------------------------- */

static const struct topgrid_column executor_columns[] = {
	{ "EXECUTOR", GRID_NAME, 0, 10 },
	{ "TASKS", GRID_NUMBER, 13, 0 },
	{ "PID", GRID_NUMBER, 12, 7 },
	{ "IN/S", GRID_NUMBER, 2, 9 },
	{ "OUT/S", GRID_NUMBER, 3, 9 },
	{ "LOAD", GRID_BAR, 7, BAR },
	{ "BUSY", GRID_NUMBER, 1, 0 },
	{ "BLOCKED", GRID_NUMBER, 5, 0 },
	{ "CPU", GRID_NUMBER, 8, 4 },
	{ "MB", GRID_NUMBER, 9, 6 },
	{ "QUEUE", GRID_NUMBER, 6, 0 },
	{ "PENDING", GRID_NUMBER, 11, 0 },
	{ "FAILED", GRID_NUMBER, 4, 0 },
	{ "RESTARTS", GRID_NUMBER, 10, 0 },
};

/* label_of writes which tasks of their component a stage has: "split[0]", "count[2-3]". */
static void label_of(struct buf *out, const struct metrics *m, uint32_t stage)
{
	const struct plan_stage *x = &m->plan->stages[stage];
	uint32_t first = x->first_task - m->plan->first_task[x->component];

	buf_printf(out, "%s[%" PRIu32, metrics_id(m, x->component), first);
	if (x->n_tasks > 1)
		buf_printf(out, "-%" PRIu32, first + x->n_tasks - 1);
	buf_puts(out, "]");
}

static void add_executor(struct topgrid *g, const struct metrics *m, uint32_t worker, uint32_t stage,
    const struct topmanner *how)
{
	const struct metrics_worker *w = &m->workers[worker];
	const struct sample_part *p = &m->window->stages[stage];
	const struct metrics_gauges *now = &m->stages[stage];
	bool head = stage == m->plan->workers[worker].first_stage;
	struct buf label = { 0 };

	label_of(&label, m, stage);
	topgrid_row(g, buf_text(&label));
	add_text(g, STYLE_PLAIN, 0, &label);
	add_count(g, m->plan->stages[stage].n_tasks);
	if (w->alive)
		topgrid_cell(g, STYLE_PLAIN, w->pid, "%" PRIu32, w->pid);
	else
		add_none(g);
	add_flow(g, m, m->plan->stages[stage].component, p);
	add_shares(g, p, head, how);
	topgrid_cell(g, STYLE_PLAIN, (double)p->n[COUNT_CPU], "%.2f", show_rate(m, (double)p->n[COUNT_CPU] / NS_PER_S));
	topgrid_cell(g, STYLE_PLAIN, (double)now->pss_bytes, "%.1f", (double)now->pss_bytes / 1e6);
	add_count(g, now->queue_frames);
	add_count(g, now->pending);
	add_bad(g, m->total->stages[stage].n[COUNT_FAILED]);
	add_bad(g, now->restarts);
}

void toptables_executors(struct topgrid *g, const struct metrics *m, uint32_t c, const struct topmanner *how)
{
	topgrid_begin(g, executor_columns, sizeof executor_columns / sizeof *executor_columns);
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		for (uint32_t i = 0; i < m->plan->workers[w].n_stages; i++) {
			uint32_t stage = m->plan->workers[w].first_stage + i;

			if (c == UINT32_MAX || m->plan->stages[stage].component == c)
				add_executor(g, m, w, stage, how);
		}
}
