/* fakesurvey.h - a survey of a topology made by hand (faketopology.h), for tests of what shows it. All
 * counters are 0 until a test says otherwise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_FAKESURVEY_H
#define GALE_FAKESURVEY_H

#include <stdlib.h>

#include "clock.h"
#include "faketopology.h"
#include "memory.h"
#include "survey.h"

enum { FAKE_NOW_S = 5000, FAKE_AGE_S = 1000, FAKE_PID = 4000 };	/* the run is so old */

static inline struct metrics *fake_metrics(struct topology *t)
{
	struct metrics *m = xcalloc(1, sizeof *m);

	m->topology = t;
	m->plan = plan_make(t);
	m->now_ns = FAKE_NOW_S * (uint64_t)NS_PER_S;
	m->started_ns = (FAKE_NOW_S - FAKE_AGE_S) * (uint64_t)NS_PER_S;
	m->has_overview = true;
	m->overview = (struct overview){ .pid = FAKE_PID, .run = 3, .status = TOPOLOGY_ACTIVE,
		.started_ms = UINT64_C(1700000000123) };
	m->total = sample_new(m->plan, m->now_ns);
	m->window = sample_new(m->plan, 60 * (uint64_t)NS_PER_S);
	m->workers = xcalloc(m->plan->n_workers, sizeof *m->workers);
	m->stages = xcalloc(m->plan->n_stages, sizeof *m->stages);
	m->components = xcalloc((size_t)t->n_components + 1, sizeof *m->components);
	m->user = xcalloc((size_t)t->n_components + 1, sizeof *m->user);
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		m->workers[w] = (struct metrics_worker){ .alive = true, .pid = FAKE_PID + 1 + w, .start = 1,
			.started_ns = m->started_ns };
	return m;
}

/* fake_survey takes T. */
static inline struct survey fake_survey(const char *name, struct topology *t)
{
	struct survey s = { .home = { .name = xstrdup(name), .fd = -1 }, .status = TOPOLOGY_ACTIVE };

	s.m = fake_metrics(t);
	s.plan = s.m->plan;
	s.errors = xcalloc((size_t)metrics_components(s.m) + 1, sizeof *s.errors);
	return s;
}

/* fake_run: one without a home, in the run directory RUNDIR. */
static inline struct survey fake_run(const char *name, const char *rundir, struct topology *t)
{
	struct survey s = fake_survey(name, t);

	s.rundir = xstrdup(rundir);
	s.homeless = true;
	return s;
}

#endif
