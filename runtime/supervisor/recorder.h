/* recorder.h - the supervisor's notes for those who read metrics: samples of what has been counted
 * (history.h), and what the predecessors of restarted workers have counted.
 *
 * Nothing hangs on them: what can't be written is said once, and missing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_RECORDER_H
#define GALE_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "history.h"

struct recorder {
	struct history history;
	uint64_t next_ns;	/* when the next sample is due; 0: never */
	bool failed;		/* it was said that something can't be written */
};

void recorder_start(struct recorder *r, uint64_t now_ns);
void recorder_free(struct recorder *r);

/* recorder_turn takes a sample of C when it is time;
 * next_ns says when. */
void recorder_turn(struct recorder *r, const struct crew *c, uint64_t now_ns);

#endif
