/* hist.c - see hist.h. SPDX-License-Identifier: Apache-2.0 */
#include "hist.h"

/* The largest value that counts in bucket I: hist_add, backwards. */
static uint64_t upper_end(uint32_t i)
{
	uint32_t shift;

	if (i < HIST_PARTS)
		return i;
	shift = i / HIST_PARTS - 1;
	return ((uint64_t)(HIST_PARTS + i % HIST_PARTS + 1) << shift) - 1;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		into->count[i] += from->count[i];
	into->n += from->n;
	into->sum_ns += from->sum_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	double want = (double)h->n * q;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS - 1; i++) {
		seen += h->count[i];
		if (seen > 0 && (double)seen >= want)
			return upper_end(i) < h->max_ns ? upper_end(i) : h->max_ns;
	}
	return h->max_ns;
}
