/* latency.h - times from when a tuple was meant to leave to when it was complete, counted in a
 * histogram, and a clock that rings when the next one is due. The bare pipeline and the spout
 * `paced` of gale both measure with it, so they measure the same.
 *
 * What leaves late counts from when it should have left: a pipeline that stands still for a
 * second is a second late for all that was due in it, whether or not it was emitted
 * ("coordinated omission", Gil Tene).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdint.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <time.h>

enum { PARTS_LOG2 = 5, PARTS = 1 << PARTS_LOG2, BUCKETS = (40 - PARTS_LOG2 + 1) * PARTS };

/* Powers of two of nanoseconds, each in 32 parts: a time is known to 3 %. */
struct latency {
	uint64_t count[BUCKETS], n, most_ns;
};

static inline uint64_t latency_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* latency_due gives when number K of RATE a second is to leave. */
static inline uint64_t latency_due(uint64_t start_ns, uint64_t k, uint64_t rate)
{
	return start_ns + k / rate * 1000000000u + k % rate * 1000000000u / rate;
}

static inline void latency_add(struct latency *l, uint64_t ns)
{
	unsigned shift = ns < PARTS ? 0 : 63u - (unsigned)__builtin_clzll(ns) - PARTS_LOG2;
	uint64_t i = ns < PARTS ? ns : (shift + 1) * PARTS + ((ns >> shift) & (PARTS - 1));

	l->count[i < BUCKETS ? i : BUCKETS - 1]++;
	l->n++;
	if (ns > l->most_ns)
		l->most_ns = ns;
}

/* latency_us gives the time in microseconds that PERCENT of 100 do not exceed: the upper end of
 * its bucket. */
static inline double latency_us(const struct latency *l, unsigned percent)
{
	uint64_t i = 0, seen = l->count[0];

	while (i < BUCKETS - 1 && seen * 100 < l->n * percent)
		seen += l->count[++i];
	return (double)(i < PARTS ? i : (PARTS + i % PARTS + 1) << (i / PARTS - 1)) / 1000;
}

static inline void latency_print(const struct latency *l, FILE *to)
{
	fprintf(to, "measured %llu p50_us %.1f p99_us %.1f max_us %.1f\n", (unsigned long long)l->n,
	    latency_us(l, 50), latency_us(l, 99), (double)l->most_ns / 1000);
}

/* latency_ring has the timer FD ring at AT_NS, and no longer for what was before. */
static inline int latency_ring(int fd, uint64_t at_ns)
{
	struct itimerspec at = { .it_value = { (time_t)(at_ns / 1000000000u), (long)(at_ns % 1000000000u) } };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
}

#endif
