/* storm_streams.c - Storm's documents that tell of streams: metrics, visualization, and the small ones
 * lag and logconfig; see storm.h. SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "config.h"
#include "memory.h"
#include "storm_parts.h"

/* Of a spout's messages and a bolt's inputs it is known which stream they are of when there is one. */
#define SEVERAL "*"

/* rest tells whether output I of C stands for all from there on. */
static bool rest(const struct component *c, uint32_t i)
{
	return i == STATUS_STREAMS - 1 && c->n_outputs > STATUS_STREAMS;
}

static uint32_t counted(const struct component *c)
{
	return c->n_outputs < STATUS_STREAMS ? c->n_outputs : STATUS_STREAMS;
}

static const char *stream_id(const struct component *c, uint32_t i)
{
	return rest(c, i) ? SEVERAL : c->outputs[i].id;
}

/* ---- metrics ----------------------------------------------------------------------- */

/* One value for a component: Storm has an array of them, by stream. */
struct stream_name {
	const char *component, *stream;	/* COMPONENT NULL: a spout's own stream */
};

static void put_stream(struct buf *out, const char *key, struct stream_name name)
{
	member_open(out, key, "[{");
	if (name.component != NULL)
		member_text(out, "component_id", name.component);
	member_text(out, "stream_id", name.stream);
	member_key(out, "value");
}

static void put_value(struct buf *out, const char *key, struct stream_name name, uint64_t n)
{
	if (n == 0) {
		member_open(out, key, "[]");
		return;
	}
	put_stream(out, key, name);
	buf_printf(out, "%llu}]", (unsigned long long)n);
}

static void put_mean(struct buf *out, const char *key, struct stream_name name, const struct hist *h)
{
	if (h->n == 0) {
		member_open(out, key, "[]");
		return;
	}
	put_stream(out, key, name);
	buf_printf(out, "%.6f}]", storm_mean_ms(h));
}

static void put_outputs(struct buf *out, const char *key, const struct component *c,
    const struct sample_part *p, bool transferred)
{
	member_open(out, key, "[");
	for (uint32_t i = 0; c != NULL && i < counted(c); i++) {
		member_next(out);
		buf_puts(out, "{");
		member_text(out, "stream_id", stream_id(c, i));
		member_count(out, "value", transferred ? p->streams[i].transferred : p->streams[i].emitted);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

/* spout_stream gives the only stream of a spout, dead letters left out. */
static struct stream_name spout_stream(const struct component *c)
{
	return (struct stream_name){ NULL, c->n_outputs == 2 ? c->outputs[0].id : SEVERAL };
}

/* bolt_stream gives the only stream that component C gets. */
static struct stream_name bolt_stream(const struct topology *t, uint32_t c)
{
	struct stream_name name = { SEVERAL, SEVERAL };
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];

		if (s->to == c && n++ == 0)
			name = (struct stream_name){ t->components[s->from].id,
				t->components[s->from].outputs[s->stream].id };
	}
	return n <= 1 ? name : (struct stream_name){ SEVERAL, SEVERAL };
}

static void put_metrics_of(struct buf *out, const struct storm_look *l, uint32_t number)
{
	const struct metrics *m = l->survey->m;
	const struct component *c = number < m->topology->n_components ? &m->topology->components[number] : NULL;
	const struct sample *w = l->windows[l->which];
	const struct sample_part *p = &w->components[number];
	bool spout = number < m->topology->n_spouts;
	struct stream_name name = spout ? spout_stream(c) : bolt_stream(m->topology, number);

	member_next(out);
	buf_puts(out, "\n    {");
	member_text(out, "id", metrics_id(m, number));
	put_outputs(out, "emitted", c, p, false);
	put_outputs(out, "transferred", c, p, true);
	put_value(out, "acked", name, p->n[COUNT_ACKED]);
	put_value(out, "failed", name, p->n[COUNT_FAILED]);
	if (spout) {
		put_mean(out, "complete_ms_avg", name, &w->latency[number].complete);
	} else {
		put_mean(out, "process_ms_avg", name, &w->latency[number].process);
		put_value(out, "executed", name, p->n[COUNT_EXECUTED]);
		put_mean(out, "executed_ms_avg", name, &w->latency[number].execute);
	}
	buf_puts(out, "}");
}

void storm_metrics(struct buf *out, const struct storm_look *l)
{
	buf_puts(out, "{");
	storm_put_window(out, l->which, "window-hint");
	storm_put_components(out, l, put_metrics_of);
	buf_puts(out, "}\n");
}

/* ---- visualization ----------------------------------------------------------------- */

/* sane gives Storm's name of a stream that a page can use as a class: letters, "_", "-", ":" and ".",
 * a letter first. Free it. */
static char *sane(const char *stream)
{
	char *name = xasprintf("%s%s", isalpha((unsigned char)*stream) ? "" : "_s", stream);

	for (char *c = name; *c != '\0'; c++)
		if (!isalpha((unsigned char)*c) && strchr("_-:.", *c) == NULL)
			*c = '_';
	return name;
}

static void put_sane(struct buf *out, const char *key, const char *stream)
{
	char *name = sane(stream);

	member_text(out, key, name);
	free(name);
}

static void put_transferred(struct buf *out, const struct component *c, const struct sample_part *p)
{
	member_open(out, ":transferred", "{");
	for (uint32_t i = 0; c != NULL && i < counted(c); i++) {
		char *name = sane(stream_id(c, i));

		member_count(out, name, p->streams[i].transferred);
		free(name);
	}
	buf_puts(out, "}");
}

static void put_executors(struct buf *out, const struct storm_look *l, uint32_t number, const struct component *c)
{
	const struct metrics *m = l->survey->m;
	const struct sample *window = l->windows[l->which];

	member_open(out, ":stats", "[");
	for (uint32_t w = 0; w < m->plan->n_workers; w++) {
		const struct plan_stage *stage = plan_stage_of(m->plan, w, number);
		uint64_t started = m->workers[w].started_ns;

		if (stage == NULL || m->plan->workers[w].role == ROLE_GONE)
			continue;
		member_next(out);
		buf_puts(out, "{");
		member_text(out, ":host", l->place->host);
		member_count(out, ":port", w);
		member_count(out, ":uptime_secs", m->workers[w].alive && m->now_ns > started ?
		    (m->now_ns - started) / NS_PER_S : 0);
		put_transferred(out, c, &window->stages[stage - m->plan->stages]);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void put_inputs(struct buf *out, const struct topology *t, uint32_t number)
{
	member_open(out, ":inputs", "[");
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];
		char grouping[32] = "";

		if (s->to != number)
			continue;
		for (size_t k = 0; k < sizeof grouping - 1 && topology_grouping_names[s->grouping][k] != '\0'; k++)
			grouping[k] = (char)tolower((unsigned char)topology_grouping_names[s->grouping][k]);
		member_next(out);
		buf_puts(out, "{");
		member_text(out, ":component", t->components[s->from].id);
		member_text(out, ":stream", t->components[s->from].outputs[s->stream].id);
		put_sane(out, ":sani-stream", t->components[s->from].outputs[s->stream].id);
		member_text(out, ":grouping", grouping);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static void put_box(struct buf *out, const struct storm_look *l, const char *id, uint32_t number)
{
	const struct metrics *m = l->survey->m;
	const struct component *c = number < m->topology->n_components ? &m->topology->components[number] : NULL;
	const struct sample *w = l->windows[l->which];
	const struct sample_part *p = &w->components[number];
	bool spout = number < m->topology->n_spouts;

	member_open(out, metrics_id(m, number), "{");
	member_text(out, ":type", spout ? "spout" : "bolt");
	member_real(out, ":capacity", spout ? 0 : storm_capacity(p->n[COUNT_EXECUTED], &w->latency[number].execute,
	    metrics_executors(m, number), w->at_ns));
	member_real(out, ":latency", storm_mean_ms(spout ? &w->latency[number].complete : &w->latency[number].process));
	put_transferred(out, c, p);
	put_executors(out, l, number, c);
	storm_put_link(out, ":link", id, "/component/", metrics_id(m, number));
	put_inputs(out, m->topology, number);
	buf_puts(out, "}");
}

void storm_visualization(struct buf *out, const struct storm_look *l)
{
	char *id = storm_id(l->survey);

	buf_puts(out, "{");
	for (uint32_t c = 0; c < storm_shown(l); c++)
		put_box(out, l, id, c);
	buf_puts(out, "}\n");
	free(id);
}

/* subscribed: somebody gets stream I of component C; a stream stands in the table once. */
static bool subscribed(const struct topology *t, const char *stream, uint32_t before)
{
	for (uint32_t i = 0; i < before; i++)
		if (strcmp(t->components[t->subscriptions[i].from].outputs[t->subscriptions[i].stream].id, stream) == 0)
			return true;
	return false;
}

void storm_visualization_init(struct buf *out, const struct storm_look *l)
{
	enum { ROW = 4 };
	const struct topology *t = l->survey->m != NULL ? l->survey->m->topology : NULL;
	uint32_t n = 0;

	buf_puts(out, "{");
	member_open(out, "visualizationTable", "[");
	for (uint32_t i = 0; t != NULL && i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];
		const char *id = t->components[s->from].outputs[s->stream].id;

		if (subscribed(t, id, i))
			continue;
		if (n % ROW == 0)
			buf_puts(out, n == 0 ? "[" : "], [");
		n++;
		member_next(out);
		buf_puts(out, "{");
		member_text(out, "stream", id);
		put_sane(out, "sani-stream", id);
		member_bool(out, "checked", true);
		buf_puts(out, "}");
	}
	buf_puts(out, n > 0 ? "]]}\n" : "]}\n");
}

/* ---- lag, logconfig ---------------------------------------------------------------- */

/* Storm asks Kafka; a plugin here does not say how much of its input is left. What it has open it says. */
void storm_lag(struct buf *out, const struct storm_look *l)
{
	const struct metrics *m = l->survey->m;

	buf_puts(out, "{");
	for (uint32_t c = 0; m != NULL && c < m->topology->n_spouts; c++) {
		member_open(out, m->topology->components[c].id, "{");
		member_text(out, "spoutId", m->topology->components[c].id);
		member_text(out, "spoutType", m->topology->components[c].part.class_name);
		member_null(out, "spoutLagResult");
		member_count(out, "pending", m->components[c].pending);
		member_real(out, "oldestSeconds", (double)m->components[c].oldest_ns / NS_PER_S);
		buf_puts(out, "}");
	}
	buf_puts(out, "}\n");
}

static void put_level(struct buf *out, const char *logger, const struct topology *t, const struct component *c)
{
	char name[16] = "";
	const char *level = config_log_levels[topology_log_level(t, c)];

	for (size_t i = 0; i < sizeof name - 1 && level[i] != '\0'; i++)
		name[i] = (char)toupper((unsigned char)level[i]);
	member_open(out, logger, "{");
	member_text(out, "target_level", name);
	member_null(out, "reset_level");
	member_count(out, "timeout", 0);
	member_null(out, "timeout_epoch");
	buf_puts(out, "}");
}

void storm_logconfig(struct buf *out, const struct storm_look *l)
{
	const struct topology *t = survey_definition(l->survey);

	buf_puts(out, "{");
	member_open(out, "namedLoggerLevels", "{");
	for (uint32_t c = 0; t != NULL && c < t->n_components; c++)
		put_level(out, t->components[c].id, t, &t->components[c]);
	buf_puts(out, "}}\n");
}
