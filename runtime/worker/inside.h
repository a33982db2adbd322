/* inside.h - what calls between the stages of one worker are in the tree of a message.
 *
 * A call is no edge: what the callee emits is its caller's child. An edge stands where the ack is
 * not sure to be in the caller's record: for what is held, and for what has failed, which nobody acks.
 * The message that is just being emitted is known to this worker only. What fails of it is kept
 * until its emit returns; then it is over, where no edge is left, or its acker hears of it.
 *
 * Pure; the simulation (test/sim) drives it. NEXT counts the edges of the worker that belong to
 * no frame (A1). SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_INSIDE_H
#define GALE_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "random.h"

/* inside_edge draws the id of an edge. */
static inline uint64_t inside_edge(uint64_t *next)
{
	return random_mix((*next)++);
}

/* inside_keeps: a fail of ROOT is no record, for it is just being EMITTING; 0: nothing is. */
static inline bool inside_keeps(uint64_t root, uint64_t emitting)
{
	return root == emitting;
}

/* inside_failed gives the edge for a tuple of N roots, ROOT if it is one, that has failed in a call:
 * no tree may look complete before its acker has the fail. 0 where that can't be. */
static inline uint64_t inside_failed(uint32_t n, uint64_t root, uint64_t emitting, uint64_t *next)
{
	return n == 0 || (n == 1 && inside_keeps(root, emitting)) ? 0 : inside_edge(next);
}

/* inside_call gives what a call adds to its caller's children. */
static inline uint64_t inside_call(bool held, uint64_t held_edge, uint64_t children, uint64_t failed_edge)
{
	return held ? held_edge : children ^ failed_edge;
}

/* inside_over: the emit of a message has returned, and EDGES are all that it has left. */
static inline bool inside_over(uint64_t edges)
{
	return edges == 0;
}

/* inside_init gives what the acker hears of a message that is not over. When it has FAILED it must not
 * be complete before the acker has the fail. */
static inline uint64_t inside_init(uint64_t edges, bool failed, uint64_t *next)
{
	return failed ? edges ^ inside_edge(next) : edges;
}

#endif
