/* limit.c - see limit.h. SPDX-License-Identifier: Apache-2.0 */
#include "limit.h"

enum { WAIT_MOST_NS = 500000000 };	/* however long the timeout is */

void limit_init(struct limit *l, size_t most, uint64_t timeout_ns, uint64_t now_ns)
{
	*l = (struct limit){ .now = most, .most = most, .timeout_ns = timeout_ns, .heard_ns = now_ns };
	if (timeout_ns != 0 && most > LIMIT_FIRST)
		l->now = LIMIT_FIRST;
}

void limit_lower(struct limit *l, uint64_t latency_ns)
{
	double fits = (double)l->now * (double)(l->timeout_ns / 4) / (double)latency_ns;

	/* What is open now was let in by the old limit: it says nothing about the new one. */
	if (l->timeout_ns == 0 || l->until_next > 0)
		return;
	l->lowered = true;
	l->until_next = l->now;
	l->now = fits > LIMIT_LEAST ? (size_t)fits : LIMIT_LEAST;
}

uint64_t limit_due(const struct limit *l)
{
	uint64_t wait_ns = l->timeout_ns / 64;

	if (l->now == l->most || l->lowered)
		return UINT64_MAX;
	return l->heard_ns + (wait_ns < WAIT_MOST_NS ? wait_ns : WAIT_MOST_NS);
}

void limit_waited(struct limit *l, uint64_t now_ns)
{
	if (now_ns < limit_due(l))
		return;
	l->heard_ns = now_ns;
	l->now = l->now > l->most / 2 ? l->most : 2 * l->now;
}
