/* memlimit.h - topology.worker.memory.mb: how much memory a worker may use, and uses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MEMLIMIT_H
#define GALE_MEMLIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"

enum {
	MEMLIMIT_EVERY_MS = 1000,	/* how often it is looked at */
	MEMLIMIT_PEACE_MS = 5000	/* who was started anew is left alone for so long */
};

/* memlimit_of gives how many bytes WORKER may use: as its head's component says, or for gale's own
 * the topology; 0: as many as there are. memlimit_any: one of them has a limit. */
uint64_t memlimit_of(const struct plan *p, uint32_t worker);
bool memlimit_any(const struct plan *p);

/* memlimit_used gives how many bytes PID uses; more than MOST only when that is so without those that
 * it shares with others: what is resident is cheap to ask, and the rest is asked when it must be. */
uint64_t memlimit_used(pid_t pid, uint64_t most);

#endif
