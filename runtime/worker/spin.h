/* spin.h - whether a wait begins with looking again and again.
 *
 * To sleep and be woken costs some 15 us of processor time, more where a processor that has nothing
 * else to do goes to sleep as well. A wait that is hardly longer is better spent looking, with the
 * processor offered to all others between two looks. That is done
 *
 *   where most waits of late were short: one that is long has been looked through in vain, and takes
 *   away what three short ones have brought. Who is idle, or gets something once a millisecond,
 *   never looks;
 *   where the processor comes back soon. Where others keep it nothing is won by staying awake, and a
 *   sleeper is served sooner than one who has given up his turn. Then nobody looks for a while,
 *   for twice as long each time that it happens again.
 *
 * Time is the caller's. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SPIN_H
#define GALE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SPIN_NS = 100000,		/* waits below are short; so long is looked at most */
	SPIN_SCORE = 8, SPIN_SCORE_MOST = 32, SPIN_SCORE_LONG = 3,
	SPIN_AWAY_NS = 1000000,		/* others keep the processor */
	SPIN_PAUSE_NS = 1000000, SPIN_PAUSE_MOST_NS = 1000000000
};

/* All zero: nothing is known yet. */
struct spin {
	uint32_t score;		/* of the last waits: what short ones brought, and long ones took */
	uint64_t since_ns;	/* when the wait began */
	uint64_t pause_ns;	/* how long looking was given up the last time */
	uint64_t again_ns;	/* until when */
};

/* spin_begin: a wait begins. */
static inline void spin_begin(struct spin *s, uint64_t now_ns)
{
	s->since_ns = now_ns;
}

/* spin_worth tells whether to look once more before sleeping. */
static inline bool spin_worth(const struct spin *s, uint64_t now_ns)
{
	return s->score >= SPIN_SCORE && now_ns - s->since_ns < SPIN_NS && now_ns >= s->again_ns;
}

/* spin_offered: the processor was offered at BEFORE_NS and was back at NOW_NS. */
static inline void spin_offered(struct spin *s, uint64_t before_ns, uint64_t now_ns)
{
	if (now_ns - before_ns >= SPIN_AWAY_NS) {
		s->pause_ns = s->pause_ns == 0 ? SPIN_PAUSE_NS : 2 * s->pause_ns;
		if (s->pause_ns > SPIN_PAUSE_MOST_NS)
			s->pause_ns = SPIN_PAUSE_MOST_NS;
		s->again_ns = now_ns + s->pause_ns;
	} else if (now_ns - s->again_ns >= s->pause_ns) {
		s->pause_ns /= 2;	/* it went well for as long as it was left */
		s->again_ns = now_ns;
	}
}

/* spin_end: the wait is over. */
static inline void spin_end(struct spin *s, uint64_t now_ns)
{
	if (now_ns - s->since_ns < SPIN_NS)
		s->score += s->score < SPIN_SCORE_MOST;
	else
		s->score -= s->score < SPIN_SCORE_LONG ? s->score : SPIN_SCORE_LONG;
}

#endif
