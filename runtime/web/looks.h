/* looks.h - what topologies show, read at most every LOOK_MS however many clients ask, and written
 * answers that are given to several of them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LOOKS_H
#define GALE_LOOKS_H

#include <stdint.h>

#include "httpd.h"
#include "survey.h"

enum { LOOK_MS = 250 };

struct looks;

/* looks_open: ONLY is the run directory of the one run that is shown; NULL: all of the user's
 * topologies, and runs without a home. It is kept. */
struct looks *looks_open(const char *only);
void looks_close(struct looks *l);

/* looks_turn begins a request: what was lent in the one before may go. */
void looks_turn(struct looks *l, uint64_t now_ns);

/* looks_at gives the topology ID, by its name or its id (NAME-RUN-SECONDS; NAME-PID without a home), with all that is counted
 * (METRICS_ALL), over WINDOW. HOME_OK and *S, which is lent until the handler returns; else E says
 * why. A name that is none is HOME_NONE. */
enum home_result looks_at(struct looks *l, const char *id, enum metrics_window window, struct survey **s,
    struct error *e);

/* looks_all gives all topologies by name, with their totals (METRICS_WINDOW, the last minute); lent
 * until the handler returns. NULL with E set. */
struct survey *looks_all(struct looks *l, size_t *n, struct error *e);

/* looks_topology is looks_at for {id} of the path and the parameter `window` (1m when there is none)
 * of X; where that fails it answers X and gives NULL. looks_topology_over: the same, over WINDOW. */
struct survey *looks_topology(struct looks *l, struct exchange *x);
struct survey *looks_topology_over(struct looks *l, struct exchange *x, enum metrics_window window);

/* looks_found: looking for {id} of X came to RC. false: not HOME_OK, and X has been answered with E. */
bool looks_found(struct exchange *x, enum home_result rc, const struct error *e);

/* looks_kept gives the answer that was kept for TARGET, or NULL. looks_keep keeps A for it. */
struct answer *looks_kept(struct looks *l, const char *target);
void looks_keep(struct looks *l, const char *target, struct answer *a);

/* looks_renew forgets all that was seen and kept: something was changed, and whoever did it shall see that. */
void looks_renew(struct looks *l);

#endif
