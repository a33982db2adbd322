/* recorder.c - see recorder.h. SPDX-License-Identifier: Apache-2.0 */
#include "recorder.h"

#include "clock.h"
#include "outlet.h"
#include "procfs.h"
#include "sample.h"

void recorder_start(struct recorder *r, uint64_t now_ns)
{
	*r = (struct recorder){ .next_ns = now_ns + (uint64_t)HISTORY_STEP_MS * NS_PER_MS };
}

void recorder_free(struct recorder *r)
{
	history_free(&r->history);
}

static void add_worker(struct sample *s, const struct crew *c, uint32_t worker)
{
	const struct plan_worker *w = &c->plan->workers[worker];
	bool lives = c->workers[worker].child.pid != 0;

	for (uint32_t i = w->first_stage; i < w->first_stage + w->n_stages; i++) {
		if (c->past[i].pages > 0)
			sample_add(s, c->plan, i, &c->past[i].sum, false);
		if (c->pages[i] != NULL)
			sample_add(s, c->plan, i, c->pages[i], lives && i == w->first_stage);
	}
	if (lives)
		sample_add_cpu(s, c->plan, w->first_stage, procfs_cpu_ns((uint32_t)c->workers[worker].pid));
}

void recorder_turn(struct recorder *r, const struct crew *c, uint64_t now_ns)
{
	struct sample *s;
	struct error e;

	if (r->next_ns == 0 || now_ns < r->next_ns)
		return;
	r->next_ns = now_ns + (uint64_t)HISTORY_STEP_MS * NS_PER_MS;
	s = sample_new(c->plan, now_ns);
	for (uint32_t w = 0; w < c->plan->n_workers; w++)
		add_worker(s, c, w);
	if (history_add(&r->history, c->run_dir, s, &e) != 0 && !r->failed) {
		outlet_say(c->outlet, "%s: warn: %s", c->plan->topology->name, e.text);
		r->failed = true;
	}
	sample_free(s);
}
