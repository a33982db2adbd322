/* death.h - what a worker's end means: was it its own fault, is a tuple to blame, what was
 * lost with it (rules A8, R7). How to say it is obituary.h's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DEATH_H
#define GALE_DEATH_H

#include <stdbool.h>
#include <stdint.h>

#include "life.h"
#include "obituary.h"

/* death_judge: BOUNDED: every spout's input has an end. TEXT, of SIZE bytes, holds what D
 * points to. */
void death_judge(struct death *d, const struct obituary *o, bool bounded, char *text, size_t size);

/* death_own tells whether the end that O describes was of the worker's own making: a fault,
 * an abort, an exit, a hang, too much memory. A signal that others send is not. */
bool death_own(const struct obituary *o);

/* death_oom_kills gives how many processes the kernel has killed for want of memory: in this
 * control group if it counts them, else on this machine. Only differences mean anything. */
uint64_t death_oom_kills(void);

#endif
