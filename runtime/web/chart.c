/* chart.c - see chart.h. SPDX-License-Identifier: Apache-2.0 */
#include "chart.h"

#include <stdlib.h>

#include "clock.h"
#include "history.h"
#include "member.h"

/* A point of a shorter time says little. */
enum { SHORTEST_MS = 1000 };

static void put_rate(struct buf *out, const char *key, uint64_t n, const struct sample *s)
{
	member_key(out, key);
	buf_printf(out, "%.3f", s->at_ns > 0 ? (double)n * NS_PER_S / (double)s->at_ns : 0);
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

static void put_components(struct buf *out, const struct metrics *m, const struct sample *s)
{
	member_open(out, "components", "[");
	for (uint32_t c = 0; c < m->topology->n_components; c++) {
		const struct sample_part *p = &s->components[c];

		member_next(out);
		buf_puts(out, "{");
		member_text(out, "id", m->topology->components[c].id);
		put_rate(out, "emittedPerSecond", p->n[COUNT_EMITTED], s);
		put_rate(out, "executedPerSecond", p->n[COUNT_EXECUTED], s);
		put_share(out, "busy", p, COUNT_BUSY);
		put_share(out, "blocked", p, COUNT_BLOCKED);
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
}

void chart_point(struct buf *out, const struct metrics *m, const struct sample *later, const struct sample *earlier)
{
	struct sample *s = sample_since(later, earlier);
	struct hist complete = { 0 };

	for (uint32_t c = 0; c < m->topology->n_spouts; c++)
		hist_merge(&complete, &s->latency[c].complete);
	member_next(out);
	buf_puts(out, "\n  {");
	member_key(out, "seconds");
	buf_printf(out, "%.3f", later->at_ns < m->now_ns ? -(double)(m->now_ns - later->at_ns) / NS_PER_S : 0);
	put_rate(out, "emittedPerSecond", metrics_messages(m, s), s);
	put_rate(out, "ackedPerSecond", metrics_spouts(m, s, COUNT_ACKED), s);
	put_rate(out, "failedPerSecond", metrics_spouts(m, s, COUNT_FAILED), s);
	put_rate(out, "timedOutPerSecond", metrics_spouts(m, s, COUNT_TIMED_OUT), s);
	put_quantile(out, "p50Ms", &complete, 0.50);
	put_quantile(out, "p99Ms", &complete, 0.99);
	put_components(out, m, s);
	buf_puts(out, "}");
	sample_free(s);
}

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
			chart_point(out, s->m, later, earlier);
		sample_free(earlier);
		earlier = later;
	}
	if (earlier != NULL && now >= earlier->at_ns + (uint64_t)SHORTEST_MS * NS_PER_MS)
		chart_point(out, s->m, s->m->total, earlier);
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
