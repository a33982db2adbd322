/* advice_input.c - what a window of time says for advice.h. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "advice.h"
#include "clock.h"
#include "memory.h"

static double seconds(uint64_t ns)
{
	return (double)ns / NS_PER_S;
}

/* keyed gives the grouping that ties tuples of C to tasks, or NULL. */
static const char *keyed(const struct topology *t, uint32_t c)
{
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		enum grouping g = t->subscriptions[i].grouping;

		if (t->subscriptions[i].to == c && (g == GROUPING_FIELDS || g == GROUPING_GLOBAL ||
		    g == GROUPING_DIRECT || g == GROUPING_CUSTOM))
			return topology_grouping_names[g];
	}
	return NULL;
}

static double hottest(const struct metrics *m, uint32_t c)
{
	uint64_t most = 0;

	for (uint32_t i = 0; i < m->plan->n_stages; i++)
		if (m->plan->stages[i].component == c && m->lately->stages[i].n[COUNT_EXECUTED] > most)
			most = m->lately->stages[i].n[COUNT_EXECUTED];
	return (double)most;
}

static void fill_part(struct advice_part *p, const struct metrics *m, uint32_t c)
{
	const struct topology *t = m->topology;
	const struct sample_part *w = &m->lately->components[c];

	*p = (struct advice_part){ .id = metrics_id(m, c), .executors = metrics_executors(m, c),
		.tasks = metrics_tasks(m, c), .head = plan_chain_head(m->plan, c), .hottest_in = hottest(m, c),
		.busy_s = seconds(w->n[COUNT_BUSY]), .idle_s = seconds(w->n[COUNT_IDLE]),
		.blocked_s = seconds(w->n[COUNT_BLOCKED]), .cpu_s = seconds(w->n[COUNT_CPU]) };
	if (c < t->n_spouts) {
		p->role = ADVICE_SPOUT;
		p->in = (double)sample_messages(&t->components[c], w);
	} else if (c < t->n_components) {
		p->role = ADVICE_BOLT;
		p->in = (double)w->n[COUNT_EXECUTED];
		p->keyed = keyed(t, c);
	} else {
		p->role = ADVICE_ACKER;
		p->in = (double)(w->n[COUNT_ACKED] + w->n[COUNT_FAILED]);
	}
}

/* The coordinator of a transactional topology decides batches; it is no part of the flow. */
struct advice_input *advice_input_of(const struct metrics *m)
{
	struct advice_input *x = xcalloc(1, sizeof *x);
	const struct topology *t = m->topology;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	bool ackers = m->plan->n_ackers > 0;

	x->name = t->name;
	x->seconds = seconds(m->lately->at_ns);
	x->processors = processors > 0 ? (uint32_t)processors : 0;
	x->n_parts = t->n_components + ackers;
	x->parts = xcalloc((size_t)x->n_parts + 1, sizeof *x->parts);
	x->edges = xcalloc((size_t)t->n_subscriptions + t->n_spouts + 1, sizeof *x->edges);
	for (uint32_t c = 0; c < x->n_parts; c++)
		fill_part(&x->parts[c], m, c);
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		x->edges[x->n_edges++] = (struct advice_edge){ t->subscriptions[i].from, t->subscriptions[i].to,
			metrics_edge_tuples(m, m->lately, i) };
	for (uint32_t c = 0; ackers && c < t->n_spouts; c++)
		x->edges[x->n_edges++] = (struct advice_edge){ c, t->n_components, x->parts[c].in };
	return x;
}

void advice_input_free(struct advice_input *x)
{
	if (x == NULL)
		return;
	free(x->parts);
	free(x->edges);
	free(x);
}
