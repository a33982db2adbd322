/* random.h - ids that don't repeat. SPDX-License-Identifier: Apache-2.0
 *
 * random_mix is the finalizer of splitmix64 (Steele, Lea, Flood, OOPSLA 2014): a bijection
 * of 64 bits in which every input bit moves every output bit. Edge ids are its values at
 * consecutive numbers (rule A1): no two are equal within a worker, and no subset XORs to
 * zero but for chance.
 */
#ifndef GALE_RANDOM_H
#define GALE_RANDOM_H

#include <stdint.h>

static inline uint64_t random_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* random_seed gives 64 bits from the kernel (getrandom). */
uint64_t random_seed(void);

/* random_next steps a splitmix64 generator; for choices that need no secrecy. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t x = random_mix(*state);

	*state += 0x9e3779b97f4a7c15u;
	return x;
}

#endif
