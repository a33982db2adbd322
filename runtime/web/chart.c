/* chart.c - see chart.h. SPDX-License-Identifier: Apache-2.0 */
#include "chart.h"

#include <stdlib.h>

#include "clock.h"
#include "history.h"
#include "member.h"
#include "memory.h"

/* A point of a shorter time says little. */
enum { SHORTEST_MS = 1000 };

/* What happened between two samples. Histograms are large: only those that are shown are subtracted. */
struct change {
	uint64_t ns;
	struct sample_part *components;
	struct hist complete;		/* of all spouts */
};

static struct change *change_of(const struct metrics *m, const struct sample *later, const struct sample *earlier)
{
	struct change *x = xcalloc(1, sizeof *x);
	struct hist h;

	x->ns = later->at_ns > earlier->at_ns ? later->at_ns - earlier->at_ns : 0;
	x->components = xcalloc((size_t)m->topology->n_components + 1, sizeof *x->components);
	for (uint32_t c = 0; c < m->topology->n_components; c++)
		sample_part_since(&x->components[c], &later->components[c], &earlier->components[c]);
	for (uint32_t c = 0; c < m->topology->n_spouts; c++) {
		sample_hist_since(&h, &later->latency[c].complete, &earlier->latency[c].complete);
		hist_merge(&x->complete, &h);
	}
	return x;
}

static void change_free(struct change *x)
{
	free(x->components);
	free(x);
}

/* ---- a point ----------------------------------------------------------------------- */

static void put_rate(struct buf *out, const char *key, uint64_t n, const struct change *x)
{
	member_key(out, key);
	buf_printf(out, "%.3f", x->ns > 0 ? (double)n * NS_PER_S / (double)x->ns : 0);
}

static void put_quantile(struct buf *out, const char *key, const struct hist *h, double q)
{
	if (h->n > 0)
		member_ms(out, key, hist_quantile(h, q));
	else
		member_null(out, key);
}

static void put_share(struct buf *out, const char *key, const struct sample_part *p, enum sample_counter part)
{
	member_key(out, key);
	buf_printf(out, "%.4f", metrics_share(p, part));
}

static void put_components(struct buf *out, const struct metrics *m, const struct change *x)
{
	member_open(out, "components", "[");
	for (uint32_t c = 0; c < m->topology->n_components; c++) {
		const struct sample_part *p = &x->components[c];

		member_next(out);
		buf_puts(out, "{");
		member_text(out, "id", m->topology->components[c].id);
		put_rate(out, "emittedPerSecond", p->n[COUNT_EMITTED], x);
		put_rate(out, "executedPerSecond", p->n[COUNT_EXECUTED], x);
		put_share(out, "busy", p, COUNT_BUSY);
		put_share(out, "blocked", p, COUNT_BLOCKED);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

static uint64_t messages(const struct metrics *m, const struct change *x)
{
	uint64_t n = 0;

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		n += sample_messages(&m->topology->components[c], &x->components[c]);
	return n;
}

/* of_spouts gives the sum of COUNTER over all spouts. */
static uint64_t of_spouts(const struct metrics *m, const struct change *x, enum sample_counter counter)
{
	uint64_t n = 0;

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		n += x->components[c].n[counter];
	return n;
}

static void put_point(struct buf *out, const struct metrics *m, const struct sample *later, const struct sample *earlier)
{
	struct change *x = change_of(m, later, earlier);

	member_next(out);
	buf_puts(out, "\n  {");
	member_key(out, "seconds");
	buf_printf(out, "%.3f", later->at_ns < m->now_ns ? -(double)(m->now_ns - later->at_ns) / NS_PER_S : 0);
	put_rate(out, "emittedPerSecond", messages(m, x), x);
	put_rate(out, "ackedPerSecond", of_spouts(m, x, COUNT_ACKED), x);
	put_rate(out, "failedPerSecond", of_spouts(m, x, COUNT_FAILED), x);
	put_rate(out, "timedOutPerSecond", of_spouts(m, x, COUNT_TIMED_OUT), x);
	put_quantile(out, "p50Ms", &x->complete, 0.50);
	put_quantile(out, "p99Ms", &x->complete, 0.99);
	put_components(out, m, x);
	buf_puts(out, "}");
	change_free(x);
}

/* ---- all of them ------------------------------------------------------------------- */

/* Samples of another number of components are of no run of M's. */
static struct sample *read_sample(const struct survey *s, uint64_t at_ms)
{
	struct sample *x = history_read(s->rundir, at_ms);

	if (x == NULL || x->n_components == s->m->total->n_components)
		return x;
	sample_free(x);
	return NULL;
}

static void put_points(struct buf *out, const struct survey *s, enum metrics_window which)
{
	uint64_t now = s->m->now_ns, length = metrics_window_ns(which), from = s->m->started_ns;
	struct sample *earlier = NULL, *later;
	uint64_t *times;
	size_t n;

	if (now - from > length)
		from = now - length;
	else
		earlier = sample_new(s->m->plan, from);
	times = history_times(s->rundir, from, &n);
	for (size_t i = 0; i < n; i++) {
		later = read_sample(s, times[i]);
		if (later == NULL)
			continue;
		if (earlier != NULL)
			put_point(out, s->m, later, earlier);
		sample_free(earlier);
		earlier = later;
	}
	if (earlier != NULL && now >= earlier->at_ns + (uint64_t)SHORTEST_MS * NS_PER_MS)
		put_point(out, s->m, s->m->total, earlier);
	sample_free(earlier);
	free(times);
}

void chart_write(struct buf *out, const struct survey *s, enum metrics_window which)
{
	buf_puts(out, "{");
	member_text(out, "window", metrics_window_names[which]);
	member_open(out, "points", "[");
	if (s->m != NULL)
		put_points(out, s, which);
	buf_puts(out, "]}\n");
}
