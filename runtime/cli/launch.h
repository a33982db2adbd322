/* launch.h - from the home of a topology to a supervisor that runs it, detached.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LAUNCH_H
#define GALE_LAUNCH_H

#include <stdbool.h>

#include "home.h"

/* launch starts `gale supervise` for H, whose lock goes over to it, in a session of its own. It
 * returns when the supervisor has opened the state and is listed; with WAIT when every worker
 * is ready. An exit code; EXIT_TIMED_OUT: it is not up yet, and goes on starting. Else it has
 * said why. */
int launch(struct home *h, bool wait);

/* launch_stop asks the supervisor of H to stop the topology, by WORD ("stop" or "kill"), in MS at
 * most, shows how many messages are open, and returns when it is gone: EXIT_DONE, also when it ended by itself,
 * EXIT_TIMED_OUT when messages were given up, or another after it has said why. */
int launch_stop(const struct home *h, const char *word, uint32_t ms);

#endif
