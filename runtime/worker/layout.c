/* layout.c - tasks of other workers were moved (a rebalance).
 *
 * This worker has the same tasks as before, and goes on. What changes is whom it knows:
 *
 *     topology.json --> new plan --> outboxes, sinks, routes     who is gone is left, with what waits for it
 *                               `--> the role's part             markers, mail, batches
 *                               `--> marks                       who is new gets those that stand (B1, B2)
 *
 * Nothing of who is gone counts from here on: the table has a start number for it that it never had (I1).
 * What it took along is failed by the fences of those who have its tasks now (R3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "control.h"
#include "memory.h"
#include "rundir.h"
#include "worker.h"

static void read_layout(struct worker *w)
{
	char *path = rundir_topology(w->rundir);
	struct error e;
	struct topology *t = topology_read(path, &e);

	if (t == NULL)
		worker_fatal(w, "%s", e.text);
	if (t->n_components != w->topology->n_components)
		worker_fatal(w, "%s is of another topology", path);
	topology_lay_out(w->topology, t);
	topology_free(t);
	free(path);
}

/* read_starts gives the table of the new plan. */
static uint32_t *read_starts(struct worker *w, const char *table)
{
	uint32_t *starts = xcalloc(w->plan->n_workers, sizeof *starts);

	if (!control_table(table, starts, w->plan->n_workers))
		worker_fatal(w, "the supervisor's table of workers is none: \"%s\"", table);
	return starts;
}

/* find_oneself has all that points into the plan point into the new one. */
static void find_oneself(struct worker *w, const struct plan *was)
{
	if (!plan_keeps(was, w->plan, w->number))
		worker_fatal(w, "its tasks were moved, and it runs");
	w->me = &w->plan->workers[w->number];
	for (uint32_t i = 0; i < w->n_stages; i++)
		w->stages[i].planned = &plan_stages(w->plan, w->number)[i];
}

/* take_starts sets the start numbers of who is not the same any more. */
static void take_starts(struct worker *w, const struct plan *was, const uint32_t *starts)
{
	uint32_t n = w->plan->n_workers;

	w->starts = xrealloc(w->starts, n * sizeof *w->starts);
	w->sends_to = xrealloc(w->sends_to, n * sizeof *w->sends_to);
	for (uint32_t i = 0; i < n; i++)
		if (!plan_keeps(was, w->plan, i))
			w->starts[i] = w->sends_to[i] = starts[i];
}

/* tell_role: who is gone, and who is new under an old number, is a successor of who was there. */
static void tell_role(struct worker *w, const struct plan *was)
{
	if (w->ops->laid_out != NULL)
		w->ops->laid_out(w, was);
	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		if (plan_keeps(was, w->plan, i))
			continue;
		if (w->ops->succeeded != NULL)
			w->ops->succeeded(w, i);
		if (w->ops->replaced != NULL)
			w->ops->replaced(w, i);
	}
}

void layout_change(struct worker *w, const char *table)
{
	const struct flow *flow_was = w->flow;
	struct plan *was = w->plan;
	uint32_t *starts;
	struct error e;

	read_layout(w);
	w->plan = plan_make(w->topology);
	starts = read_starts(w, table);
	find_oneself(w, was);
	take_starts(w, was, starts);
	flows_make(w);
	if (out_lay_out(&w->out, w->plan, w->rundir, starts, &e) != 0)
		worker_fatal(w, "%s", e.text);
	flow_close(flow_was);
	for (uint32_t i = 0; i < w->n_stages; i++)
		router_lay_out(&w->stages[i].router);
	tell_role(w, was);
	free(starts);
	plan_free(was);
}
