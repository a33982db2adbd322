/* quiet.h - whether nothing is open while the sources pause: what a rebalance waits for.
 *
 * With ackers, or in batches, the sources count what is open. Where nobody does, what is on its way when
 * tasks move would be lost, so it has to be known that nothing is: termination is detected as by Mattern's four counters
 * ("Algorithms for distributed termination detection", 1987). All workers sleep with nothing in hand, all that was sent to a
 * worker that lives was received (flow.h), and at a second look all still sleep and nothing was sent or
 * received meanwhile. No time is in it: a worker that others keep from the processor, or that waits for its
 * disk, is waited for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_QUIET_H
#define GALE_QUIET_H

#include <stdbool.h>

#include "crew.h"

/* quiet: spouts and the coordinator of C were told to pause, know it, and nothing is open. */
bool quiet(const struct crew *c);

#endif
