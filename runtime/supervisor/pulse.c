/* pulse.c - see pulse.h. SPDX-License-Identifier: Apache-2.0 */
#include "pulse.h"

#include <stdlib.h>

#include "memory.h"

enum { PINGS_PER_TIMEOUT = 3 };

void pulse_init(struct pulse *p, uint32_t n_workers, uint64_t timeout_ns, uint64_t now_ns)
{
	p->n_workers = n_workers;
	p->timeout_ns = timeout_ns;
	p->beat_ns = now_ns;
	p->next_ns = now_ns + timeout_ns / PINGS_PER_TIMEOUT;
	p->workers = xcalloc((size_t)n_workers + 1, sizeof *p->workers);
}

void pulse_free(struct pulse *p)
{
	free(p->workers);
	p->workers = NULL;
}

void pulse_grow(struct pulse *p, uint32_t n_workers)
{
	p->workers = xrealloc(p->workers, ((size_t)n_workers + 1) * sizeof *p->workers);
	for (uint32_t i = p->n_workers; i < n_workers; i++)
		p->workers[i] = (struct pulse_worker){ .state = PULSE_ABSENT };
	p->n_workers = n_workers;
}

void pulse_began(struct pulse *p, uint32_t worker)
{
	p->workers[worker].state = PULSE_ANSWERED;
}

void pulse_heard(struct pulse *p, uint32_t worker)
{
	if (p->workers[worker].state == PULSE_ASKED)
		p->workers[worker].state = PULSE_ANSWERED;
}

void pulse_ended(struct pulse *p, uint32_t worker)
{
	p->workers[worker].state = PULSE_ABSENT;
}

uint64_t pulse_deadline(const struct pulse *p)
{
	uint64_t next = p->next_ns;

	for (uint32_t i = 0; i < p->n_workers; i++)
		if (p->workers[i].state == PULSE_ASKED && p->workers[i].asked_ns + p->timeout_ns < next)
			next = p->workers[i].asked_ns + p->timeout_ns;
	return next;
}

static void check(struct pulse *p, uint32_t worker, bool slept, uint64_t now_ns)
{
	struct pulse_worker *w = &p->workers[worker];

	if (w->state != PULSE_ASKED)
		return;
	if (slept)
		w->asked_ns = now_ns;
	if (now_ns - w->asked_ns < p->timeout_ns)
		return;
	w->state = PULSE_ABSENT;
	p->hung(p->arg, worker);
}

void pulse_beat(struct pulse *p, uint64_t now_ns)
{
	uint64_t interval = p->timeout_ns / PINGS_PER_TIMEOUT;
	bool slept = now_ns - p->beat_ns > 2 * interval;

	p->beat_ns = now_ns;
	for (uint32_t i = 0; i < p->n_workers; i++)
		check(p, i, slept, now_ns);
	if (now_ns < p->next_ns)
		return;
	p->next_ns = now_ns + interval;
	for (uint32_t i = 0; i < p->n_workers; i++) {
		if (p->workers[i].state != PULSE_ANSWERED)
			continue;
		p->workers[i].state = PULSE_ASKED;
		p->workers[i].asked_ns = now_ns;
		p->ping(p->arg, i);
	}
}
