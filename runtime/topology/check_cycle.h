/* check_cycle.h - circles in the graph of streams; for check_graph.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_CHECK_CYCLE_H
#define GALE_CHECK_CYCLE_H

#include "checks.h"

/* check_cycle reports every circle that it finds by following streams, at the stream that
 * closes it. Flow control is free of deadlock because data flows in no circle. */
void check_cycle(struct check *c);

#endif
