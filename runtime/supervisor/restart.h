/* restart.h - when a dead worker is started again, and when no more (rule R8).
 *
 * At once; but a death before "hello", or within a second after it, raises a back-off of
 * 50 ms, 100 ms, 200 ms ... 10 s, up to a quarter shorter by chance, and five seconds of
 * health take it back. Who is killed by somebody else is no danger to itself: at once, unless
 * that was before "hello", which gives the same back-off by the number of such deaths in a
 * row. Two limits end the run: 5 deaths in a row before "hello", and 10 deaths of one
 * component within 60 s that are of its own making and that no tuple is charged with (those
 * go to the dead letters, rule A8). As systemd's StartLimit and Erlang's restart intensity.
 * Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_RESTART_H
#define GALE_RESTART_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

enum {
	RESTART_SILENT_MOST = 5,	/* deaths in a row before "hello" */
	RESTART_MOST = 10,		/* deaths of a component's own making within ... */
	RESTART_WINDOW_S = 60,
	RESTART_FIRST_MS = 50,
	RESTART_LONGEST_MS = 10000,
	RESTART_EARLY_MS = 1000,
	RESTART_HEALTHY_MS = 5000
};

struct restart_worker {
	uint64_t hello_ns;	/* of this start; 0: not yet */
	uint32_t n_early;	/* what the back-off has been raised to */
	uint32_t n_silent;	/* deaths in a row before "hello" */
};

struct restart_component {
	uint64_t deaths_ns[RESTART_MOST];	/* a ring, the latest */
	uint32_t n;				/* ever */
};

struct restarts {
	const struct plan *plan;
	struct restart_worker *workers;
	struct restart_component *components;	/* the last one: the ackers */
	uint64_t random;
};

enum restart_verdict { RESTART_YES, RESTART_TOO_SILENT, RESTART_TOO_OFTEN };

/* restarts_init: SEED is for the chance in the back-off. Keeps PLAN until restarts_free. */
void restarts_init(struct restarts *r, const struct plan *plan, uint64_t seed);
void restarts_free(struct restarts *r);

/* restarts_lay_out: tasks were moved, and PLAN is the one from now on. */
void restarts_lay_out(struct restarts *r, const struct plan *plan);

/* restarts_hello: WORKER has bound its sockets. */
void restarts_hello(struct restarts *r, uint32_t worker, uint64_t now_ns);

/* restarts_died: WORKER is dead; CHARGED: of its own making and not because of a tuple.
 * With RESTART_YES *DUE_NS says when to start it again; it may be NOW_NS. */
enum restart_verdict restarts_died(struct restarts *r, uint32_t worker, bool charged, uint64_t now_ns,
    uint64_t *due_ns);

/* restarts_killed is restarts_died for who was killed by somebody else. */
enum restart_verdict restarts_killed(struct restarts *r, uint32_t worker, uint64_t now_ns, uint64_t *due_ns);

/* restarts_recent gives how many charged deaths WORKER's component had in the window. */
uint32_t restarts_recent(const struct restarts *r, uint32_t worker, uint64_t now_ns);

#endif
