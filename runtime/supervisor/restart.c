/* restart.c - see restart.h. SPDX-License-Identifier: Apache-2.0 */
#include "restart.h"

#include <stdlib.h>

#include "clock.h"
#include "memory.h"
#include "random.h"

void restarts_init(struct restarts *r, const struct plan *plan, uint64_t seed)
{
	*r = (struct restarts){ .plan = plan, .random = seed };
	r->workers = xcalloc((size_t)plan->n_workers + 1, sizeof *r->workers);
	r->components = xcalloc((size_t)plan->topology->n_components + 1, sizeof *r->components);
}

void restarts_free(struct restarts *r)
{
	free(r->workers);
	free(r->components);
	*r = (struct restarts){ 0 };
}

void restarts_lay_out(struct restarts *r, const struct plan *plan)
{
	r->workers = xrealloc(r->workers, ((size_t)plan->n_workers + 1) * sizeof *r->workers);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		if (!plan_keeps(r->plan, plan, i))
			r->workers[i] = (struct restart_worker){ 0 };
	r->plan = plan;
}

void restarts_hello(struct restarts *r, uint32_t worker, uint64_t now_ns)
{
	r->workers[worker].hello_ns = now_ns;
	r->workers[worker].n_silent = 0;
}

static struct restart_component *component_of(const struct restarts *r, uint32_t worker)
{
	return &r->components[r->plan->workers[worker].component];
}

uint32_t restarts_recent(const struct restarts *r, uint32_t worker, uint64_t now_ns)
{
	const struct restart_component *c = component_of(r, worker);
	uint32_t recent = 0;

	for (uint32_t i = 0; i < RESTART_MOST && i < c->n; i++)
		recent += now_ns - c->deaths_ns[i] < RESTART_WINDOW_S * (uint64_t)NS_PER_S;
	return recent;
}

/* back_off gives how long to wait, from three quarters to the whole of 50 ms * 2^n. */
static uint64_t back_off(struct restarts *r, uint32_t n)
{
	uint64_t ms = RESTART_FIRST_MS;

	while (--n > 0 && ms < RESTART_LONGEST_MS)
		ms *= 2;
	if (ms > RESTART_LONGEST_MS)
		ms = RESTART_LONGEST_MS;
	return ms * NS_PER_MS - random_mix(++r->random) % (ms * NS_PER_MS / 4);
}

enum restart_verdict restarts_died(struct restarts *r, uint32_t worker, bool charged, uint64_t now_ns,
    uint64_t *due_ns)
{
	struct restart_worker *w = &r->workers[worker];
	struct restart_component *c = component_of(r, worker);
	uint64_t lived_ns = w->hello_ns != 0 ? now_ns - w->hello_ns : 0;

	w->n_silent += w->hello_ns == 0;
	if (lived_ns < RESTART_EARLY_MS * (uint64_t)NS_PER_MS)
		w->n_early++;
	else if (lived_ns >= RESTART_HEALTHY_MS * (uint64_t)NS_PER_MS)
		w->n_early = 0;
	*due_ns = now_ns;
	if (lived_ns < RESTART_EARLY_MS * (uint64_t)NS_PER_MS)
		*due_ns += back_off(r, w->n_early);
	w->hello_ns = 0;
	if (charged)
		c->deaths_ns[c->n++ % RESTART_MOST] = now_ns;
	if (w->n_silent >= RESTART_SILENT_MOST)
		return RESTART_TOO_SILENT;
	if (charged && restarts_recent(r, worker, now_ns) >= RESTART_MOST)
		return RESTART_TOO_OFTEN;
	return RESTART_YES;
}

enum restart_verdict restarts_killed(struct restarts *r, uint32_t worker, uint64_t now_ns, uint64_t *due_ns)
{
	struct restart_worker *w = &r->workers[worker];

	*due_ns = now_ns;
	if (w->hello_ns == 0)
		*due_ns += back_off(r, ++w->n_silent);
	else if (now_ns - w->hello_ns >= RESTART_HEALTHY_MS * (uint64_t)NS_PER_MS)
		w->n_early = 0;
	w->hello_ns = 0;
	return w->n_silent >= RESTART_SILENT_MOST ? RESTART_TOO_SILENT : RESTART_YES;
}
