/* sample.c - see sample.h. SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

struct sample *sample_sized(uint32_t n_stages, uint32_t n_components)
{
	struct sample *s = xcalloc(1, sizeof *s);

	s->n_stages = n_stages;
	s->n_components = n_components;
	s->stages = xcalloc((size_t)n_stages + 1, sizeof *s->stages);
	s->components = xcalloc((size_t)n_components + 1, sizeof *s->components);
	s->latency = xcalloc((size_t)n_components + 1, sizeof *s->latency);
	return s;
}

struct sample *sample_new(const struct plan *plan, uint64_t at_ns)
{
	struct sample *s = sample_sized(plan->n_stages, plan->topology->n_components + 1);

	s->at_ns = at_ns;
	return s;
}

void sample_free(struct sample *s)
{
	if (s == NULL)
		return;
	free(s->stages);
	free(s->components);
	free(s->latency);
	free(s);
}

/* ---- adding ------------------------------------------------------------------------ */

static void read_page(struct sample_part *p, const struct status *page)
{
	memcpy(p->streams, page->streams, sizeof p->streams);
	for (uint32_t i = 0; i < STATUS_STREAMS; i++) {
		p->n[COUNT_EMITTED] += p->streams[i].emitted;
		p->n[COUNT_TRANSFERRED] += p->streams[i].transferred;
	}
	p->n[COUNT_EXECUTED] = page->executed;
	p->n[COUNT_ACKED] = page->acked;
	p->n[COUNT_FAILED] = page->failed;
	p->n[COUNT_TIMED_OUT] = page->timed_out;
	p->n[COUNT_DEAD_LETTERED] = page->dead_lettered;
	p->n[COUNT_REPLAYED] = page->replayed;
	p->n[COUNT_TICKS] = page->ticks;
	p->n[COUNT_FRAMES_IN] = page->frames_in;
	p->n[COUNT_FRAMES_OUT] = page->frames_out;
	p->n[COUNT_BYTES_IN] = page->bytes_in;
	p->n[COUNT_BYTES_OUT] = page->bytes_out;
	p->n[COUNT_BUSY] = page->busy_ns;
	p->n[COUNT_IDLE] = page->idle_ns;
	p->n[COUNT_BLOCKED] = page->blocked_ns;
}

/* read_open adds the time that the page does not tell of yet. Its numbers change while they are
 * read: the account of the moment is read before and after. */
static void read_open(struct sample_part *p, const struct status *page, uint64_t now_ns)
{
	static const enum sample_counter counter[] = {
		[STATUS_AWAKE] = COUNT_BUSY, [STATUS_IDLE] = COUNT_IDLE, [STATUS_BLOCKED] = COUNT_BLOCKED,
	};
	const volatile struct status *live = page;

	for (int tries = 0; tries < 4; tries++) {
		uint64_t until = live->accounted_ns;
		uint32_t asleep = live->asleep;

		p->n[COUNT_BUSY] = live->busy_ns;
		p->n[COUNT_IDLE] = live->idle_ns;
		p->n[COUNT_BLOCKED] = live->blocked_ns;
		if (until == 0)
			return;		/* its turns have not begun */
		if (live->accounted_ns != until || asleep > STATUS_BLOCKED)
			continue;
		if (now_ns > until)
			p->n[counter[asleep]] += now_ns - until;
		return;
	}
}

static void add_part(struct sample_part *into, const struct sample_part *from)
{
	for (int i = 0; i < SAMPLE_COUNTERS; i++)
		into->n[i] += from->n[i];
	for (uint32_t i = 0; i < STATUS_STREAMS; i++) {
		into->streams[i].emitted += from->streams[i].emitted;
		into->streams[i].transferred += from->streams[i].transferred;
	}
}

static void add_latency(struct sample_latency *l, const struct status *page)
{
	if (page->execute.n > 0)
		hist_merge(&l->execute, &page->execute);
	if (page->process.n > 0)
		hist_merge(&l->process, &page->process);
	if (page->complete.n > 0)
		hist_merge(&l->complete, &page->complete);
}

void sample_add(struct sample *s, const struct plan *plan, uint32_t stage, const struct status *page,
    bool open)
{
	uint32_t component = plan->stages[stage].component;
	struct sample_part p = { 0 };

	read_page(&p, page);
	if (open)
		read_open(&p, page, s->at_ns);
	add_part(&s->stages[stage], &p);
	add_part(&s->components[component], &p);
	add_latency(&s->latency[component], page);
}

void sample_add_cpu(struct sample *s, const struct plan *plan, uint32_t stage, uint64_t ns)
{
	s->stages[stage].n[COUNT_CPU] += ns;
	s->components[plan->stages[stage].component].n[COUNT_CPU] += ns;
}

/* ---- differences ------------------------------------------------------------------- */

/* Counters only grow; time may seem to go back by what was open when a worker died. */
static uint64_t less(uint64_t later, uint64_t earlier)
{
	return later > earlier ? later - earlier : 0;
}

void sample_part_since(struct sample_part *p, const struct sample_part *later, const struct sample_part *earlier)
{
	for (int i = 0; i < SAMPLE_COUNTERS; i++)
		p->n[i] = less(later->n[i], earlier->n[i]);
	if (later->n[COUNT_CPU] < earlier->n[COUNT_CPU])
		p->n[COUNT_CPU] = later->n[COUNT_CPU];	/* another process */
	for (uint32_t i = 0; i < STATUS_STREAMS; i++) {
		p->streams[i].emitted = less(later->streams[i].emitted, earlier->streams[i].emitted);
		p->streams[i].transferred = less(later->streams[i].transferred,
		    earlier->streams[i].transferred);
	}
}

/* The greatest value of the time in between is not known: it is at most that of all times. */
void sample_hist_since(struct hist *h, const struct hist *later, const struct hist *earlier)
{
	h->n = 0;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		h->count[i] = less(later->count[i], earlier->count[i]);
		h->n += h->count[i];
	}
	h->sum_ns = less(later->sum_ns, earlier->sum_ns);
	h->max_ns = later->max_ns;
	h->max_ns = h->n > 0 ? hist_quantile(h, 1.0) : 0;
}

/* Of what is new the earlier sample has nothing. */
static void parts_since(struct sample_part *parts, const struct sample_part *later, uint32_t n,
    const struct sample_part *earlier, uint32_t n_earlier)
{
	static const struct sample_part none;

	for (uint32_t i = 0; i < n; i++)
		sample_part_since(&parts[i], &later[i], i < n_earlier ? &earlier[i] : &none);
}

struct sample *sample_since(const struct sample *later, const struct sample *earlier)
{
	struct sample *s = sample_sized(later->n_stages, later->n_components);

	s->at_ns = less(later->at_ns, earlier->at_ns);
	parts_since(s->stages, later->stages, later->n_stages, earlier->stages, earlier->n_stages);
	parts_since(s->components, later->components, later->n_components, earlier->components,
	    earlier->n_components);
	for (uint32_t i = 0; i < later->n_components && i < earlier->n_components; i++) {
		sample_hist_since(&s->latency[i].execute, &later->latency[i].execute, &earlier->latency[i].execute);
		sample_hist_since(&s->latency[i].process, &later->latency[i].process, &earlier->latency[i].process);
		sample_hist_since(&s->latency[i].complete, &later->latency[i].complete, &earlier->latency[i].complete);
	}
	return s;
}

uint64_t sample_messages(const struct component *c, const struct sample_part *p)
{
	uint64_t n = p->n[COUNT_EMITTED];

	if (c->n_outputs > 0 && c->n_outputs <= STATUS_STREAMS - 1 &&
	    strcmp(c->outputs[c->n_outputs - 1].id, DEAD_LETTER_STREAM) == 0)
		n -= p->streams[c->n_outputs - 1].emitted;
	return n;
}
