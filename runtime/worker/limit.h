/* limit.h - how many messages a source may have open, so that what lies in queues is bounded
 * in time and not only in number (rule F8).
 *
 * By Little's law a message waits (open messages) / (messages a second). The number that
 * topology.max.spout.pending allows may be far too many for a slow bolt: then the last ones
 * time out in the queue, come again, and the topology works on what nobody waits for. So a
 * source begins with a few and looks at how long each took:
 *
 *     less than an eighth of the timeout    one more, up to the number allowed
 *     more than a quarter                   as many fewer as it takes, once a round
 *
 * which is TCP's slow start (Jacobson, 1988) with time instead of loss as the signal. When
 * nothing is acked at all for a 64th of the timeout, or half a second, as when a bolt waits
 * for company, and the limit was never lowered, it doubles. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LIMIT_H
#define GALE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIMIT_FIRST = 256, LIMIT_LEAST = 1 };

struct limit {
	size_t now, most;
	uint64_t timeout_ns;	/* 0: none, and so no limit but `most` */
	bool lowered;		/* it was, once */
	size_t until_next;	/* acks to come before it may be lowered again */
	uint64_t heard_ns;	/* when something was last acked, or the limit doubled */
};

/* limit_init: MOST messages are allowed, and each may take TIMEOUT_NS. */
void limit_init(struct limit *l, size_t most, uint64_t timeout_ns, uint64_t now_ns);

/* limit_lower takes into account a message that took LATENCY_NS, more than a quarter. */
void limit_lower(struct limit *l, uint64_t latency_ns);

/* limit_acked: a message was acked that took LATENCY_NS. */
static inline void limit_acked(struct limit *l, uint64_t latency_ns, uint64_t now_ns)
{
	l->heard_ns = now_ns;
	l->until_next -= l->until_next > 0;
	if (latency_ns < l->timeout_ns / 8)
		l->now += l->now < l->most;
	else if (latency_ns > l->timeout_ns / 4)
		limit_lower(l, latency_ns);
}

/* limit_has_room tells whether a message may be added to OPEN ones. */
static inline bool limit_has_room(const struct limit *l, size_t open)
{
	return open < l->now;
}

/* limit_due gives when limit_waited shall be called while there is no room; UINT64_MAX:
 * never. limit_waited doubles the limit if nothing was acked since long before NOW_NS. */
uint64_t limit_due(const struct limit *l);
void limit_waited(struct limit *l, uint64_t now_ns);

#endif
