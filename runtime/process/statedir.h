/* statedir.h - the state directory: what of a topology outlives its processes.
 *
 *   DIR/
 *     positions/lines.0    how far task 0 of the spout "lines" has come
 *     state/count.1/       LevelDB of task 1 of the bolt "count"
 *
 * Without `gale run --state DIR` it is `state` in the run directory, and goes with it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STATEDIR_H
#define GALE_STATEDIR_H

#include <stdint.h>

#include "error.h"

/* Paths inside, for task INDEX (counted within its component); each gives a string that the
 * caller frees. */
char *statedir_position(const char *dir, const char *component, uint32_t index);
char *statedir_state(const char *dir, const char *component, uint32_t index);

#endif
