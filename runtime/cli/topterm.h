/* topterm.h - the terminal of gale top: ncurses is used here and nowhere else.
 *
 * The terminal is put back by topterm_close, and by whatever ends the process but SIGKILL: signals
 * that ask for the end are told by topterm_wait, those of a crash put it back themselves. There is one
 * terminal for the process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPTERM_H
#define GALE_TOPTERM_H

#include <stdint.h>

#include "error.h"
#include "topscreen.h"

/* topterm_open takes the terminal. Returns 0, or -1 with E set: it is none, or can't do what is
 * needed. topterm_close puts it back; when it was never taken, it does nothing. */
int topterm_open(struct error *e);
void topterm_close(void);

/* topterm_size gives its columns and lines. topterm_draw shows S; the locale's character set
 * (LC_CTYPE) must be the terminal's. */
void topterm_size(uint32_t *width, uint32_t *height);
void topterm_draw(const struct topscreen *s);

enum topevent { TOPTERM_TIME, TOPTERM_KEY, TOPTERM_RESIZED, TOPTERM_SIGNAL, TOPTERM_GONE };

/* topterm_wait waits until UNTIL_NS (CLOCK_MONOTONIC) for one of these. *VALUE becomes the key (a
 * character, or enum topkey), or the number of the signal. */
enum topevent topterm_wait(uint64_t until_ns, int *value);

#endif
