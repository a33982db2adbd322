/* show.c - what both forms of show.h need. SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include <inttypes.h>
#include <string.h>

#include "clock.h"
#include "memory.h"

double show_rate(const struct metrics *m, double n)
{
	return m->window != NULL && m->window->at_ns > 0 ? n * NS_PER_S / (double)m->window->at_ns : 0;
}

const char *show_ended(const struct survey *s, const char *key)
{
	const struct json_node *x = s->ended != NULL ? json_member(s->ended->nodes, key) : NULL;

	return x != NULL ? json_text(x) : NULL;
}

static void count_plan(struct show_totals *t, const struct plan *p)
{
	t->components = p->topology->n_components;
	t->tasks = p->n_tasks;
	for (uint32_t w = 0; w < p->n_workers; w++) {
		t->workers += p->workers[w].role != ROLE_GONE;
		t->executors += p->workers[w].role != ROLE_GONE ? p->workers[w].n_stages : 0;
	}
}

static uint64_t number(const struct json_node *x, const char *key)
{
	const struct json_node *n = json_member(x, key);

	return n != NULL && n->type == JSON_INT && n->i > 0 ? (uint64_t)n->i : 0;
}

/* The summary has executors as "workers"; how many processes they were it does not say. */
static void count_ended(struct show_totals *t, const struct survey *s)
{
	const struct json_node *list = survey_summary(s, "components");

	t->emitted = survey_count(s, "emitted");
	t->transferred = survey_count(s, "tuples");
	t->acked = survey_count(s, "acked");
	t->failed = survey_count(s, "failed");
	t->timed_out = survey_count(s, "timed_out");
	t->dead_lettered = survey_count(s, "dead_lettered");
	t->replayed = survey_count(s, "replayed");
	t->restarts = survey_count(s, "restarts");
	if (list == NULL || list->type != JSON_ARRAY)
		return;
	for (const struct json_node *c = json_first(list); c != NULL; c = json_next(list, c)) {
		const char *kind = json_member(c, "kind") != NULL ? json_text(json_member(c, "kind")) : NULL;

		t->components += kind != NULL && (strcmp(kind, "spout") == 0 || strcmp(kind, "bolt") == 0);
		t->tasks += (uint32_t)number(c, "tasks");
		t->executors += (uint32_t)number(c, "workers");
	}
	t->workers = t->executors;
}

static void count_run(struct show_totals *t, const struct metrics *m)
{
	const struct sample *s = m->total;

	t->emitted = metrics_messages(m, s);
	for (uint32_t c = 0; c < m->topology->n_components; c++)
		t->transferred += s->components[c].n[COUNT_TRANSFERRED];
	t->acked = metrics_spouts(m, s, COUNT_ACKED);
	t->failed = metrics_spouts(m, s, COUNT_FAILED);
	t->timed_out = metrics_spouts(m, s, COUNT_TIMED_OUT);
	t->dead_lettered = metrics_spouts(m, s, COUNT_DEAD_LETTERED);
	t->replayed = metrics_spouts(m, s, COUNT_REPLAYED);
	t->restarts = m->has_overview ? m->overview.restarts : 0;
	for (uint32_t c = 0; c < m->topology->n_components; c++) {
		t->pending += m->components[c].pending;
		if (m->components[c].oldest_ns > t->oldest_ns)
			t->oldest_ns = m->components[c].oldest_ns;
	}
	if (m->window != NULL) {
		t->acked_rate = show_rate(m, (double)metrics_spouts(m, m->window, COUNT_ACKED));
		t->emitted_rate = show_rate(m, (double)metrics_messages(m, m->window));
	}
}

struct show_totals show_totals(const struct survey *s)
{
	struct show_totals t = { 0 };

	if (s->homeless)
		t.id = xstrdup(survey_run_id(s));
	else if (s->m != NULL && s->m->has_overview)
		t.id = xasprintf("%s-%" PRIu32 "-%" PRIu64, s->home.name, s->m->overview.run,
		    s->m->overview.started_ms / 1000);
	else
		t.id = xstrdup(s->home.name);
	if (s->plan != NULL)
		count_plan(&t, s->plan);
	if (s->m != NULL)
		count_run(&t, s->m);
	else if (s->ended != NULL)
		count_ended(&t, s);
	return t;
}

struct advice *show_advice(const struct survey *s)
{
	struct advice_input *x;
	struct advice *a;

	if (s->m == NULL || s->m->window == NULL)
		return NULL;
	x = advice_input_of(s->m);
	x->name = s->home.name;
	a = advice_make(x);
	advice_input_free(x);
	return a;
}

bool show_has(const struct survey *s, const char *component)
{
	const struct json_node *list = survey_summary(s, "components"), *id;

	if (s->m != NULL)
		for (uint32_t c = 0; c < metrics_components(s->m); c++)
			if (strcmp(metrics_id(s->m, c), component) == 0)
				return true;
	if (s->definition != NULL)
		return topology_find(s->definition, component) >= 0;
	if (s->m != NULL || list == NULL)
		return false;
	for (const struct json_node *c = json_first(list); c != NULL; c = json_next(list, c))
		if ((id = json_member(c, "id")) != NULL && json_text(id) != NULL && strcmp(json_text(id), component) == 0)
			return true;
	return false;
}
