/* farewell.h - the end of a submitted topology, for who ends it: the command and the web server.
 *
 * A kill is the supervisor's work ("kill MS" at its desk, requests.h); a supervisor that lives to the end
 * forgets its topology itself. What is left for whoever asked is told by farewell_after.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FAREWELL_H
#define GALE_FAREWELL_H

#include <stdint.h>

#include "error.h"
#include "home.h"

enum { FAREWELL_GONE_MS = 15000 };	/* from the last word of a supervisor to its end */

/* farewell_drain_ms gives how long a stop of H may take by default: the message timeout. */
uint32_t farewell_drain_ms(const struct home *h);

/* farewell_forget removes what is listed of NAME, which does not run, and waits for that no longer than
 * home_take does. An exit code; not EXIT_DONE: E says why. */
int farewell_forget(const char *name, struct error *e);

/* farewell_given_up gives the sentence for N messages (a number, as the supervisor of NAME says it) that
 * were given up; false: there were none. */
bool farewell_given_up(const char *name, const char *n, struct error *e);

/* farewell_after ends a kill of NAME whose supervisor is gone, after it gave the exit code CODE: EXIT_DONE,
 * EXIT_TIMED_OUT messages were given up, EXIT_CONFLICT it had ended by itself. Returns the exit code of the whole;
 * E says what there is to say besides, or is empty. */
int farewell_after(const char *name, int code, struct error *e);

/* farewell_kept gives the sentence that tells what is still there of H, which is gone; false: nothing. */
bool farewell_kept(const struct home *h, struct error *e);

#endif
