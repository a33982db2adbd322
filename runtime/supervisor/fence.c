/* fence.c - see fence.h. SPDX-License-Identifier: Apache-2.0 */
#include "fence.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"

void fences_init(struct fences *f, const struct plan *plan, const struct fence_orders *orders, void *arg)
{
	*f = (struct fences){ .plan = plan, .orders = orders, .arg = arg };
	f->fences = xcalloc((size_t)plan->n_workers + 1, sizeof *f->fences);
	f->live = xcalloc((size_t)plan->n_workers + 1, sizeof *f->live);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		f->fences[i].waiting = xcalloc(plan->n_workers, sizeof *f->fences[i].waiting);
}

void fences_free(struct fences *f)
{
	for (uint32_t i = 0; f->fences != NULL && i < f->plan->n_workers; i++)
		free(f->fences[i].waiting);
	free(f->fences);
	free(f->live);
	*f = (struct fences){ 0 };
}

/* grow makes room for N in what has room for WAS. */
static void *grow(void *array, uint32_t was, uint32_t n, size_t size)
{
	array = xrealloc(array, ((size_t)n + 1) * size);
	memset((char *)array + was * size, 0, (n - was) * size);
	return array;
}

void fences_lay_out(struct fences *f, const struct plan *plan)
{
	uint32_t was = f->plan->n_workers, n = plan->n_workers;

	f->fences = grow(f->fences, was, n, sizeof *f->fences);
	f->live = grow(f->live, was, n, sizeof *f->live);
	for (uint32_t i = 0; i < n; i++) {
		struct fence *x = &f->fences[i];

		x->waiting = grow(x->waiting, i < was ? was : 0, n, sizeof *x->waiting);
		if (plan_keeps(f->plan, plan, i))
			continue;
		memset(x->waiting, 0, n * sizeof *x->waiting);
		*x = (struct fence){ .waiting = x->waiting };
	}
	f->plan = plan;
}

void fences_joined(struct fences *f, uint32_t worker)
{
	f->live[worker] = true;
}

/* could_reach: something that SOURCE has pending may have gone to WORKER. To an acker that
 * is everything; to a spout nothing of another's. A coordinator's batches are everywhere, and
 * what it has pending goes with itself. */
static bool could_reach(const struct plan *p, uint32_t source, uint32_t worker)
{
	if (source == p->coordinator)
		return worker != source;
	if (p->workers[worker].role == ROLE_ACKER)
		return true;
	return p->workers[worker].role == ROLE_BOLT &&
	    plan_reaches(p, p->workers[source].component, p->workers[worker].component);
}

static void tell_sources(struct fences *f, uint32_t worker)
{
	f->fences[worker].deadline_ns = 0;
	for (uint32_t i = 0; i < f->plan->n_workers; i++)
		if (f->live[i] && plan_is_source(f->plan, i) && could_reach(f->plan, i, worker))
			f->orders->lost(f->arg, i, worker);
}

/* strike takes SENDER off the fence of WORKER's loss; a laggard's switch has the sources
 * told again. */
static void strike(struct fences *f, uint32_t sender, uint32_t worker, bool switched)
{
	struct fence *x = &f->fences[worker];
	bool told = x->deadline_ns == 0;

	if (!x->waiting[sender])
		return;
	x->waiting[sender] = false;
	x->n_waiting--;
	if (told ? switched : x->n_waiting == 0)
		tell_sources(f, worker);
}

/* A fence that is still up is replaced: what its senders have yet to confirm, the new one
 * has them confirm for the newer start. */
void fences_begin(struct fences *f, uint32_t worker, uint32_t start, uint64_t now_ns)
{
	struct fence *x = &f->fences[worker];

	x->start = start;
	x->n_waiting = 0;
	x->deadline_ns = now_ns + (uint64_t)FENCE_WAIT_MS * NS_PER_MS;
	for (uint32_t i = 0; i < f->plan->n_workers; i++) {
		x->waiting[i] = i != worker && f->live[i] && plan_sends(f->plan, i, worker);
		if (!x->waiting[i])
			continue;
		x->n_waiting++;
		f->orders->switch_to(f->arg, i, worker, start);
	}
	if (x->n_waiting == 0)
		tell_sources(f, worker);
}

void fences_died(struct fences *f, uint32_t worker)
{
	f->live[worker] = false;
	for (uint32_t i = 0; i < f->plan->n_workers; i++)
		strike(f, worker, i, false);
}

void fences_switched(struct fences *f, uint32_t sender, uint32_t worker, uint32_t start)
{
	if (worker < f->plan->n_workers && start == f->fences[worker].start)
		strike(f, sender, worker, true);
}

uint64_t fences_deadline(const struct fences *f)
{
	uint64_t next = 0;

	for (uint32_t i = 0; i < f->plan->n_workers; i++) {
		uint64_t deadline = f->fences[i].deadline_ns;

		if (deadline != 0 && (next == 0 || deadline < next))
			next = deadline;
	}
	return next;
}

void fences_expire(struct fences *f, uint64_t now_ns)
{
	for (uint32_t i = 0; i < f->plan->n_workers; i++)
		if (f->fences[i].deadline_ns != 0 && f->fences[i].deadline_ns <= now_ns)
			tell_sources(f, i);
}
