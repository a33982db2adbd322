/* clock.h - monotonic time in nanoseconds. Wall-clock time is for log lines only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CLOCK_H
#define GALE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000u
#define NS_PER_S 1000000000u

static inline uint64_t clock_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* clock_pause sleeps for MS, or until a signal comes: between two tries at what nobody tells us of. */
static inline void clock_pause(uint32_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * NS_PER_MS };

	nanosleep(&t, NULL);
}

#endif
