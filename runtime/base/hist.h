/* hist.h - a histogram of durations that can be merged. SPDX-License-Identifier: Apache-2.0
 *
 * Log-linear, as in HdrHistogram (Gil Tene): powers of two, each split into 32 equal
 * parts, so a value is known to 1/32 = 3.1 %. Values are nanoseconds; those above 2^40
 * (18 minutes) count in the last bucket. A histogram is plain memory: zeroed = empty,
 * merged by adding, shared between processes by mmap. The writer is one thread; a reader
 * in another process may see a count that is one behind.
 */
#ifndef GALE_HIST_H
#define GALE_HIST_H

#include <stdint.h>

enum {
	HIST_PARTS_LOG2 = 5,
	HIST_PARTS = 1 << HIST_PARTS_LOG2,
	HIST_MAX_LOG2 = 40,
	HIST_BUCKETS = (HIST_MAX_LOG2 - HIST_PARTS_LOG2 + 1) * HIST_PARTS
};

struct hist {
	uint64_t max_ns;	/* exact */
	uint64_t sum_ns;
	uint64_t n;
	uint64_t count[HIST_BUCKETS];
};

/* hist_add counts VALUE_NS, TIMES times. */
static inline void hist_add(struct hist *h, uint64_t value_ns, uint64_t times)
{
	uint32_t i;

	if (value_ns < HIST_PARTS) {
		i = (uint32_t)value_ns;
	} else {
		uint32_t log2 = 63u - (uint32_t)__builtin_clzll(value_ns);
		uint32_t shift = log2 - HIST_PARTS_LOG2;

		i = (shift + 1) * HIST_PARTS + (uint32_t)((value_ns >> shift) & (HIST_PARTS - 1));
		if (i >= HIST_BUCKETS)
			i = HIST_BUCKETS - 1;
	}
	h->count[i] += times;
	h->n += times;
	h->sum_ns += value_ns * times;
	if (value_ns > h->max_ns)
		h->max_ns = value_ns;
}

/* hist_merge adds FROM to INTO. */
void hist_merge(struct hist *into, const struct hist *from);

/* hist_quantile gives the value (ns) that a fraction Q (0..1) of the counted values does
 * not exceed: the upper end of its bucket, at most max_ns; 0 for an empty histogram. */
uint64_t hist_quantile(const struct hist *h, double q);

#endif
