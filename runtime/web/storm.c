/* storm.c - what Storm's documents have in common; see storm.h. SPDX-License-Identifier: Apache-2.0 */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "memory.h"
#include "show.h"
#include "storm_parts.h"

const char *const storm_window_names[N_WINDOWS] = {
	[WINDOW_1M] = "60", [WINDOW_10M] = "600", [WINDOW_3H] = "10800", [WINDOW_1D] = "86400",
	[WINDOW_ALL] = ":all-time",
};

enum metrics_window storm_window(const char *name)
{
	for (int i = 0; i < N_WINDOWS; i++)
		if (strcmp(storm_window_names[i], name) == 0)
			return (enum metrics_window)i;
	return metrics_window_find(name);
}

void storm_look_windows(struct storm_look *l)
{
	bool whole;

	for (int i = 0; i < N_WINDOWS; i++)
		l->windows[i] = survey_since(l->survey, (enum metrics_window)i, &whole);
}

void storm_look_free(struct storm_look *l)
{
	for (int i = 0; i < N_WINDOWS; i++) {
		sample_free(l->windows[i]);
		l->windows[i] = NULL;
	}
}

uint32_t storm_shown(const struct storm_look *l)
{
	const struct metrics *m = l->survey->m;

	if (m == NULL)
		return 0;
	return l->sys ? metrics_components(m) : m->topology->n_components;
}

char *storm_id(const struct survey *s)
{
	struct show_totals t = show_totals(s);

	return t.id;
}

/* ---- members ----------------------------------------------------------------------- */

const char *storm_pretty(uint64_t seconds, char *buf, size_t size)
{
	uint64_t d = seconds / 86400, h = seconds / 3600 % 24, m = seconds / 60 % 60, s = seconds % 60;

	if (d > 0)
		snprintf(buf, size, "%" PRIu64 "d %" PRIu64 "h %" PRIu64 "m %" PRIu64 "s", d, h, m, s);
	else if (h > 0)
		snprintf(buf, size, "%" PRIu64 "h %" PRIu64 "m %" PRIu64 "s", h, m, s);
	else if (m > 0)
		snprintf(buf, size, "%" PRIu64 "m %" PRIu64 "s", m, s);
	else
		snprintf(buf, size, "%" PRIu64 "s", s);
	return buf;
}

void storm_put_uptime(struct buf *out, double seconds)
{
	char text[STORM_PRETTY];

	member_text(out, "uptime", storm_pretty((uint64_t)seconds, text, sizeof text));
	member_real(out, "uptimeSeconds", seconds);
}

void storm_put_window(struct buf *out, enum metrics_window which, const char *key)
{
	char text[STORM_PRETTY];

	member_text(out, "window", storm_window_names[which]);
	member_text(out, key, which == WINDOW_ALL ? "All time" :
	    storm_pretty(strtoull(storm_window_names[which], NULL, 10), text, sizeof text));
}

static void add_encoded(struct buf *b, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

	for (; *text != '\0'; text++) {
		if (strchr(plain, *text) != NULL)
			buf_add(b, text, 1);
		else
			buf_printf(b, "%%%02X", (unsigned char)*text);
	}
}

void storm_put_encoded(struct buf *out, const char *key, const char *text)
{
	struct buf b = { 0 };

	add_encoded(&b, text);
	member_text(out, key, buf_text(&b));
	buf_free(&b);
}

void storm_put_link(struct buf *out, const char *key, const char *topology_id, const char *what, const char *component)
{
	struct buf b = { 0 };

	buf_puts(&b, "/api/v1/topology/");
	add_encoded(&b, topology_id);
	buf_puts(&b, what);
	add_encoded(&b, component);
	member_text(out, key, buf_text(&b));
	buf_free(&b);
}

static void put_where(struct buf *out, const struct storm_look *l, uint32_t c, const struct last_error *e)
{
	char *id = storm_id(l->survey);

	member_text(out, "errorHost", l->place->host);
	member_null(out, "errorPort");
	storm_put_link(out, "errorWorkerLogLink", id, STORM_LOGS, metrics_id(l->survey->m, c));
	member_count(out, "errorLapsedSecs", l->place->now_ms > e->time_ms ?
	    (uint64_t)(l->place->now_ms - e->time_ms) / 1000 : 0);
	member_text(out, "errorTask", e->label);
	free(id);
}

void storm_put_last_error(struct buf *out, const struct storm_look *l, uint32_t c)
{
	const struct last_error *e = l->survey->errors != NULL ? &l->survey->errors[c] : NULL;

	if (e != NULL && e->text != NULL) {
		member_text(out, "lastError", e->text);
		member_count(out, "errorTime", (uint64_t)(e->time_ms / 1000));
		put_where(out, l, c, e);
		return;
	}
	member_text(out, "lastError", "");
	member_null(out, "errorTime");
	member_text(out, "errorHost", "");
	member_null(out, "errorPort");
	member_text(out, "errorWorkerLogLink", "");
	member_null(out, "errorLapsedSecs");
	member_null(out, "errorTask");
}

void storm_put_errors(struct buf *out, const struct storm_look *l, uint32_t c)
{
	const struct last_error *e = l->survey->errors != NULL ? &l->survey->errors[c] : NULL;

	member_open(out, "componentErrors", "[");
	if (e != NULL && e->text != NULL) {
		buf_puts(out, "{");
		member_count(out, "time", (uint64_t)e->time_ms);
		member_count(out, "errorTime", (uint64_t)e->time_ms);
		member_text(out, "error", e->text);
		put_where(out, l, c, e);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

void storm_put_counts(struct buf *out, const struct sample_part *p)
{
	member_count(out, "emitted", p->n[COUNT_EMITTED]);
	member_count(out, "transferred", p->n[COUNT_TRANSFERRED]);
	member_count(out, "acked", p->n[COUNT_ACKED]);
	member_count(out, "failed", p->n[COUNT_FAILED]);
}

static double per_second(uint64_t n, const struct sample *w)
{
	return w->at_ns > 0 ? (double)n * NS_PER_S / (double)w->at_ns : 0;
}

void storm_put_gale(struct buf *out, const struct storm_look *l, uint32_t c, const struct sample *w)
{
	const struct metrics *m = l->survey->m;
	const struct sample_part *p = &w->components[c];

	member_count(out, "timedOut", p->n[COUNT_TIMED_OUT]);
	member_count(out, "deadLettered", p->n[COUNT_DEAD_LETTERED]);
	member_count(out, "replayed", p->n[COUNT_REPLAYED]);
	member_real(out, "emittedPerSecond", per_second(p->n[COUNT_EMITTED], w));
	member_real(out, "executedPerSecond", per_second(p->n[COUNT_EXECUTED], w));
	member_real(out, "ackedPerSecond", per_second(p->n[COUNT_ACKED], w));
	member_real(out, "busy", metrics_share(p, COUNT_BUSY));
	member_real(out, "idle", metrics_share(p, COUNT_IDLE));
	member_real(out, "blocked", metrics_share(p, COUNT_BLOCKED));
	member_count(out, "pending", m->components[c].pending);
	member_real(out, "oldestSeconds", (double)m->components[c].oldest_ns / NS_PER_S);
	member_count(out, "queueFrames", m->components[c].queue_frames);
	member_count(out, "restarts", m->components[c].restarts);
	show_latency(out, "executeLatencyMs", &w->latency[c].execute);
	show_latency(out, "processLatencyMs", &w->latency[c].process);
	show_latency(out, "completeLatencyMs", &w->latency[c].complete);
}

/* ---- numbers ----------------------------------------------------------------------- */

double storm_mean_ms(const struct hist *h)
{
	return h->n > 0 ? (double)h->sum_ns / (double)h->n / NS_PER_MS : 0;
}

/* Storm's formula. Chained bolts don't time each execute: so the mean, not the sum, is what counts. */
double storm_capacity(uint64_t executed, const struct hist *execute, uint32_t n, uint64_t window_ns)
{
	if (n == 0 || window_ns == 0)
		return 0;
	return (double)executed * storm_mean_ms(execute) * NS_PER_MS / ((double)window_ns * n);
}

/* ---- config ------------------------------------------------------------------------ */

void storm_put_config(struct buf *out, const struct topology *t)
{
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		member_key(out, k->name);
		topology_put_setting(out, topology_config(t, NULL, k->name));
	}
}

/* ---- workers ----------------------------------------------------------------------- */

static void put_worker(struct buf *out, const struct storm_look *l, const char *id, uint32_t w)
{
	const struct metrics *m = l->survey->m;
	const struct plan_worker *planned = &m->plan->workers[w];
	const struct metrics_worker *worker = &m->workers[w];

	member_next(out);
	buf_puts(out, "\n    {");
	member_text(out, "topologyName", l->survey->home.name);
	member_text(out, "topologyId", id);
	member_text(out, "supervisorId", id);
	member_text(out, "host", l->place->host);
	member_count(out, "port", w);
	member_count(out, "pid", worker->pid);
	member_text(out, "label", planned->label);
	member_bool(out, "alive", worker->alive);
	member_count(out, "executorsTotal", planned->n_stages);
	member_open(out, "componentNumTasks", "{");
	for (uint32_t i = 0; i < planned->n_stages; i++)
		member_count(out, metrics_id(m, plan_stages(m->plan, w)[i].component),
		    plan_stages(m->plan, w)[i].n_tasks);
	buf_puts(out, "}");
	storm_put_uptime(out, worker->alive && m->now_ns > worker->started_ns ?
	    (double)(m->now_ns - worker->started_ns) / NS_PER_S : 0);
	member_count(out, "assignedMemOnHeap", 0);
	member_count(out, "assignedMemOffHeap", 0);
	member_count(out, "assignedCpu", 0);
	member_count(out, "pssBytes", worker->pss_bytes);
	storm_put_link(out, "workerLogLink", id, STORM_LOGS, metrics_id(m, planned->component));
	buf_puts(out, "}");
}

void storm_put_workers(struct buf *out, const struct storm_look *l, const char *id)
{
	const struct plan *p = l->survey->m != NULL ? l->survey->m->plan : NULL;

	member_open(out, "workers", "[");
	for (uint32_t w = 0; p != NULL && w < p->n_workers; w++)
		if (p->workers[w].role != ROLE_GONE)
			put_worker(out, l, id, w);
	buf_puts(out, "]");
}

void storm_put_components(struct buf *out, const struct storm_look *l,
    void (*put)(struct buf *out, const struct storm_look *l, uint32_t component))
{
	uint32_t n_spouts = l->survey->m != NULL ? l->survey->m->topology->n_spouts : 0;

	member_open(out, "spouts", "[");
	for (uint32_t c = 0; c < n_spouts; c++)
		put(out, l, c);
	buf_puts(out, "]");
	member_open(out, "bolts", "[");
	for (uint32_t c = n_spouts; c < storm_shown(l); c++)
		put(out, l, c);
	buf_puts(out, "]");
}
