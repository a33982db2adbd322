/* seed.h - the seed of a randomized test. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TEST_SEED_H
#define GALE_TEST_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"

/* test_seed gives the seed from the environment (GALE_SEED), else a new one, and prints
 * how to get it again. Call it once, before check forks. */
static inline uint64_t test_seed(void)
{
	const char *text = getenv("GALE_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : random_seed();

	printf("GALE_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	return seed;
}

/* pick gives a number below N. */
static inline uint32_t pick(uint64_t *state, uint32_t n)
{
	return (uint32_t)((random_next(state) >> 32) * n >> 32);
}

#endif
