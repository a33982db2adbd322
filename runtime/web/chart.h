/* chart.h - the points of charts: what happened between each two of the samples that a run's supervisor
 * keeps (history.h), and from the last of them to now.
 *
 * So they stand close where the window is young, three seconds apart, and further where it is old: half
 * a minute beyond the last minute, nine minutes beyond the last ten.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CHART_H
#define GALE_CHART_H

#include "buf.h"
#include "survey.h"

/* chart_write adds {"window": "10m", "points": [...]} of the window WHICH of S, oldest first; none when
 * it does not run. A point tells what happened up to `seconds` before now; its components stand in the order of
 * metrics_id, gale's own left out. */
void chart_write(struct buf *out, const struct survey *s, enum metrics_window which);

#endif
