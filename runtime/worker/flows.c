/* flows.c - a worker's page of frames between it and others (flow.h), and where on it each counts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "memory.h"
#include "rundir.h"
#include "worker.h"

void flows_make(struct worker *w)
{
	char *path = rundir_flow(w->rundir, w->number);
	uint32_t *peers = xcalloc(w->plan->n_workers, sizeof *peers), n = 0;
	const struct flow *before = w->flow;
	struct error e;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (plan_sends(w->plan, w->number, i) || plan_sends(w->plan, i, w->number))
			peers[n++] = i;
	w->flow = flow_create(path, w->number, w->start, peers, n, &e);
	if (w->flow == NULL)
		worker_fatal(w, "%s", e.text);
	if (before != NULL)
		flow_inherit(w->flow, before);
	free(w->links);
	w->links = xcalloc(w->plan->n_workers, sizeof *w->links);
	w->out.links = w->links;
	for (uint32_t i = 0; i < n; i++)
		w->links[peers[i]] = &w->flow->links[i];
	free(peers);
	free(path);
}
