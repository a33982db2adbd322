/* life.h - the lives of a run's workers: what happens in which state (rules R1, R7, R8).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Pure: no processes, no clocks. Events come in with the time at which they came; orders
 * go out through a table. One worker's life:
 *
 *     NEW ──► STARTING ──► BOUND ──► READY ──► ENDED
 *              started     hello     ready     nothing left to do
 *        from each of these:  ──► FAILING  ──► dead      said "fatal", must exit now
 *                             ──► WAITING  ──► STARTING  dead, is started again
 *                             ──► STOPPING ──► GONE      told to stop
 *                             ──► RETIRING ──► GONE      told to leave: its tasks are moved
 *
 * and the run's:
 *
 *     RUN_STARTING   all hello: "peers"; all ready: "activate" to the spouts and the coordinator,
 *                    unless the run is inactive
 *     RUN_ACTIVE     all but ackers ended: "stop" to all
 *     RUN_DRAINING   the same, and on the way "drain" was said
 *     RUN_STOPPING   until all are gone
 *     RUN_OVER
 *
 * When tasks are moved (rebalance.h) the lives of those who had them end first. Then comes the new
 * plan, with the lives of those who get them, and everybody else who is live learns of it:
 *
 *     lives_lay_out --"layout" to all live--> "laid" by all --> those who are new get their table,
 *                   `-start who is new------> hello        |   once they have said hello, and
 *                                                          `   their fences begin (R1-R3)
 *
 * Before that they would be strangers to those who have the old plan. A worker that is just being
 * started may have read either plan: there must be none (lives_starting).
 *
 * A worker that dies is started again (restart.h says when) and fenced (fence.h). The run
 * fails instead, and everybody is stopped, when a result died with it (R7), when it dies too
 * often, when it dies by itself before the run has begun, or breaks the protocol.
 */
#ifndef GALE_LIFE_H
#define GALE_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "fence.h"
#include "plan.h"
#include "restart.h"

enum life {
	LIFE_NEW, LIFE_WAITING, LIFE_STARTING, LIFE_BOUND, LIFE_READY, LIFE_ENDED, LIFE_FAILING,
	LIFE_RETIRING, LIFE_STOPPING, LIFE_GONE, N_LIVES
};
extern const char *const life_names[N_LIVES];

enum life_event {
	EVENT_HELLO, EVENT_READY, EVENT_ENDED, EVENT_FATAL,	/* said by the worker */
	EVENT_DIED,	/* ended otherwise than with code 0; lives_died says how */
	EVENT_EXITED,	/* ended with code 0, or in its last stop by us */
	EVENT_HUNG,	/* does not answer */
	EVENT_TIMEOUT,
	N_LIFE_EVENTS
};
extern const char *const life_event_names[N_LIFE_EVENTS];

enum run_phase { RUN_STARTING, RUN_ACTIVE, RUN_DRAINING, RUN_STOPPING, RUN_OVER };

/* How a worker died. */
struct death {
	bool own;		/* of its own making: a crash, an exit, a hang, too much memory */
	bool by_tuple;		/* ... with a tracked tuple in hand, which is charged with it (A8) */
	const char *lost;	/* what died with it and can't be had again (R7); NULL: nothing */
	bool essential;		/* without that the run can't end well */
};

/* What goes out. ARG is lives.arg. */
struct life_orders {
	/* say sends TEXT over the worker's control channel. */
	void (*say)(void *arg, uint32_t worker, const char *text);
	/* kill ends the worker with SIGKILL, because of EVENT. */
	void (*kill)(void *arg, uint32_t worker, enum life_event event);
	/* start starts it; lives_started follows, or lives_event with EVENT_DIED. */
	void (*start)(void *arg, uint32_t worker);
	/* restarts: it has died, and will be started again in WAIT_NS; what is LOST, if it is
	 * not NULL, is not missed. */
	void (*restarts)(void *arg, uint32_t worker, uint64_t wait_ns, const char *lost);
	/* fail: the run fails because of EVENT, which came while the worker was in STATE; WHY
	 * may say more, or be NULL. */
	void (*fail)(void *arg, uint32_t worker, enum life state, enum life_event event,
	    const char *why);
};

struct life_worker {
	enum life state;
	uint32_t start;		/* which start of it, from 1 */
	bool over;		/* it has ended: its successor only says so (B1, B3) */
	bool laying;		/* it was told "layout", and has not said "laid" */
	bool fresh;		/* it was started to move tasks, and has no table yet */
	uint64_t told;		/* how often this start was told "activate" or "deactivate" */
	uint64_t deadline_ns;	/* 0: none */
};

struct lives {
	const struct plan *plan;
	struct life_worker *workers;	/* plan->n_workers */
	enum run_phase phase;
	bool failed;
	bool peers_said;	/* all have been bound once: a hello gets its table at once */
	bool finish;		/* how "drain" was said */
	bool active;		/* spouts shall emit once all are ready; true unless told otherwise, */
	bool paused;		/* but not while tasks are moved */
	struct fences fences;
	struct restarts restarts;
	uint64_t ready_ns, stop_ns;	/* how long a start, a stop may take */
	const struct life_orders *orders;
	void *arg;
};

/* lives_init: all workers are new. Keeps PLAN, both ORDERS and ARG, which all orders get,
 * until lives_free. */
void lives_init(struct lives *l, const struct plan *plan, const struct life_orders *orders,
    const struct fence_orders *fence_orders, void *arg, uint32_t ready_ms, uint32_t stop_ms);
void lives_free(struct lives *l);

/* lives_started: the worker's process runs. lives_event: this happened to it. */
void lives_started(struct lives *l, uint32_t worker, uint64_t now_ns);
void lives_event(struct lives *l, uint32_t worker, enum life_event event, uint64_t now_ns);

/* lives_died is lives_event for EVENT_DIED and EVENT_EXITED, with HOW. */
void lives_died(struct lives *l, uint32_t worker, enum life_event event, const struct death *how,
    uint64_t now_ns);

/* lives_activate: spouts shall emit, or not; while the run drains it changes nothing. */
void lives_activate(struct lives *l, bool active);

/* lives_pause: no spout shall emit until it is called again with false. */
void lives_pause(struct lives *l, bool paused);

/* lives_retire ends the life of WORKER, whose tasks are to be moved: it is told to leave, killed when
 * that takes too long, and not started again. */
void lives_retire(struct lives *l, uint32_t worker, uint64_t now_ns);

/* lives_take_back starts WORKER, which was retired and is gone, again with the tasks that it had. */
void lives_take_back(struct lives *l, uint32_t worker, uint64_t now_ns);

/* lives_starting: some worker is between its start and its hello. */
bool lives_starting(const struct lives *l);

/* lives_lay_out: PLAN is the plan from now on, and in the run directory; all that it does not keep
 * are gone. The one before may be freed after it. lives_laid: WORKER has said "laid".
 * lives_settled: nobody has to any more, and who was new has its table and its sources were told
 * of the loss. lives_switched: all who send to somebody who is new have said that they do. */
void lives_lay_out(struct lives *l, const struct plan *plan, uint64_t now_ns);
void lives_laid(struct lives *l, uint32_t worker, uint64_t now_ns);
bool lives_settled(const struct lives *l);
bool lives_switched(const struct lives *l);

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
