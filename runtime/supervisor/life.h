/* life.h - the lives of a run's workers: what happens in which state (rule R1).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure: no processes, no clocks. Events come in with the time at which they came; orders
 * go out through a table. One worker's life:
 *
 *     NEW ──► STARTING ──► BOUND ──► READY ──► ENDED
 *              started     hello     ready     nothing left to do
 *        from each of these:  ──► STOPPING ──► GONE      told to stop
 *                             ──► FAILING  ──► GONE      said "fatal", must exit now
 *
 * and the run's:
 *
 *     RUN_STARTING   all hello: "peers"; all ready: "activate" to the spouts
 *     RUN_ACTIVE     all spouts and bolts ended: "stop" to all
 *     RUN_DRAINING   the same, and on the way "drain" was said
 *     RUN_STOPPING   until all are gone
 *     RUN_OVER
 *
 * A worker that dies before it was told to stop fails the run, and so does one that is
 * late: everybody is stopped then. (Restarts will hang on the same cells.)
 */
#ifndef GALE_LIFE_H
#define GALE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "plan.h"

enum life {
	LIFE_NEW, LIFE_STARTING, LIFE_BOUND, LIFE_READY, LIFE_ENDED, LIFE_FAILING, LIFE_STOPPING,
	LIFE_GONE, N_LIVES
};
extern const char *const life_names[N_LIVES];

enum life_event {
	EVENT_HELLO, EVENT_READY, EVENT_ENDED, EVENT_FATAL,	/* said by the worker */
	EVENT_DIED,	/* exited with another code than 0, or by a signal not from us */
	EVENT_EXITED,	/* exited with code 0, or killed by us */
	EVENT_TIMEOUT,
	N_LIFE_EVENTS
};
extern const char *const life_event_names[N_LIFE_EVENTS];

enum run_phase { RUN_STARTING, RUN_ACTIVE, RUN_DRAINING, RUN_STOPPING, RUN_OVER };

/* What goes out. ARG is lives.arg. */
struct life_orders {
	/* say sends TEXT over the worker's control channel. */
	void (*say)(void *arg, uint32_t worker, const char *text);
	/* kill ends the worker with SIGKILL. */
	void (*kill)(void *arg, uint32_t worker);
	/* fail: the run fails because of EVENT, which came while the worker was in STATE. */
	void (*fail)(void *arg, uint32_t worker, enum life state, enum life_event event);
};

struct life_worker {
	enum life state;
	uint32_t start;		/* which start of it, from 1 */
	uint64_t deadline_ns;	/* 0: none */
};

struct lives {
	const struct plan *plan;
	struct life_worker *workers;	/* plan->n_workers */
	enum run_phase phase;
	bool failed;
	uint64_t ready_ns, stop_ns;	/* how long a start, a stop may take */
	const struct life_orders *orders;
	void *arg;
};

/* lives_init: all workers are new. Keeps PLAN and ORDERS until lives_free. */
void lives_init(struct lives *l, const struct plan *plan, const struct life_orders *orders,
    void *arg, uint32_t ready_ms, uint32_t stop_ms);
void lives_free(struct lives *l);

/* lives_started: the worker's process runs. lives_event: this happened to it. */
void lives_started(struct lives *l, uint32_t worker, uint64_t now_ns);
void lives_event(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns);

/* lives_drain asks the run to end once what is open is done; FINISH: as if the input had
 * ended. While the run still starts this is lives_stop. lives_stop ends it now, lives_kill
 * at once. */
void lives_drain(struct lives *l, bool finish, uint64_t now_ns);
void lives_stop(struct lives *l, uint64_t now_ns);
void lives_kill(struct lives *l, uint64_t now_ns);

/* lives_deadline gives the time at which lives_expire has something to do; 0: never. */
uint64_t lives_deadline(const struct lives *l);
void lives_expire(struct lives *l, uint64_t now_ns);

#endif
