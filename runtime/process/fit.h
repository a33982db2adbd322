/* fit.h - whether what lies in a state directory fits a topology.
 *
 * What has to stay the same is written as text, a line for each thing:
 *
 *     topology wordcount
 *     spout lines: lines, 1 task
 *     property of lines: path = "/data/book.txt"
 *     bolt count: count, 4 tasks, finish
 *     stream lines.default --> split: SHUFFLE
 *
 * In a transactional topology "transactional ID" follows the name, and bolts tell the version of
 * their state.
 *
 * Everything else may change: parallelism, config, properties of bolts. Properties of spouts
 * belong to positions: where there are none, they may change too. A transactional topology's are
 * in the coordinator's record. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FIT_H
#define GALE_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "topology.h"

/* fit_text adds T's lines to OUT. */
void fit_text(struct buf *out, const struct topology *t);

/* fit_check compares the lines WAS with those of now, both NUL-terminated: 0, or -1 with E
 * saying what differs. Without POSITIONS properties may differ. */
int fit_check(const char *was, const char *now, bool positions, struct error *e);

/* positions_are_safe tells whether a new run may go on where SPOUT stopped in an older one
 * (R7): what was acked must not have been in the memory of a process only, so every bolt
 * below it has no finish, or has state. */
bool positions_are_safe(const struct topology *t, uint32_t spout);

#endif
