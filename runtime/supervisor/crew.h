/* crew.h - the worker processes of a run, as the supervisor handles them: their channels,
 * their status pages, their ends. What follows from what they say and do is decided in
 * life.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_CREW_H
#define GALE_CREW_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "counts.h"
#include "error.h"
#include "levels.h"
#include "life.h"
#include "mail.h"
#include "outlet.h"
#include "plan.h"
#include "pulse.h"
#include "relay.h"
#include "spawn.h"
#include "status.h"
#include "summary.h"

struct crew_worker {
	struct child child;		/* first: spawn_bury goes through them */
	pid_t pid;			/* also when it has been reaped */
	int wait_status;
	struct mail mail;		/* what it has yet to be told */
	struct relay out, err;
	char *fatal;			/* what it said in "fatal TEXT" */
	const char *killed_because;	/* by us */
	bool hung, oom;			/* see obituary.h */
	char *leaves_because;		/* it was told to leave; NULL: it was not */
	bool told_memory;		/* that it uses too much, and can't be started anew */
	uint64_t own_root;		/* of its own, was in hand when its predecessor died; 0: none */
	char cause[160];		/* how its predecessor ended, for those who lost by it */
};

struct control_message;

/* Who wants to know what workers say of inquiries; all may be NULL. */
struct crew_listener {
	void (*ready)(void *arg, uint32_t worker);	/* before it is told anything else */
	void (*says)(void *arg, uint32_t worker, const struct control_message *m);	/* tells, told */
	void (*gone)(void *arg, uint32_t worker);	/* its process has ended */
	void *arg;
};

struct crew {
	struct plan *plan;		/* the caller's, until crew_lay_out */
	const char *run_dir, *state_dir;	/* keeps, as all pointers up to `outlet` */
	uint32_t run;			/* number of this run (I1) */
	const char *program;		/* what is exec'd as a worker; NULL: this program */
	struct outlet *outlet;
	struct lives lives;
	struct pulse pulse;
	struct levels levels;
	struct crew_worker *workers;	/* plan->n_workers */
	struct status **pages;		/* plan->n_stages; NULL until the worker has one */
	struct crew_listener listener;
	struct tally *past;		/* plan->n_stages: the pages of predecessors */
	struct counts_place *counts;	/* by task; NULL: no page was folded in yet */
	struct buf lines;		/* of workers, not yet handed to the outlet */
	bool frozen;			/* nothing is decided: see crew_freeze */
	bool impatient;			/* kills are asked for: don't report them */
	bool keeps_cores;		/* the first crash of a component may leave a core file */
	bool *crashed;			/* by component, the last one gale's own: it has had one */
	uint64_t memory_ns;		/* when to look at what workers use; 0: never */
	uint64_t oom_kills;		/* of this machine or control group, so far */
	uint32_t restarts;		/* of all workers */
	struct error why;		/* the first failure */
};

enum { CREW_POLLS = 4 };		/* descriptors of a worker in crew_fill_polls */

/* crew_deadline gives when crew_expire has something to do; 0: never. */
uint64_t crew_deadline(const struct crew *c);
void crew_expire(struct crew *c, uint64_t now_ns);

/* crew_init: nobody runs yet; a worker that leaves a ping unanswered for READY_MS hangs. crew_free: nobody runs any more. */
void crew_init(struct crew *c, uint32_t ready_ms, uint32_t stop_ms);
void crew_free(struct crew *c);

/* crew_start starts every worker. When one can't be started the run fails. */
void crew_start(struct crew *c);

/* crew_fail notes why the run fails, and says it. */
void crew_fail(struct crew *c, const char *text);

/* crew_tell tells WORKER something, now or when its channel has room. crew_is_ready: it
 * has said so, and can be told something. */
void crew_tell(struct crew *c, uint32_t worker, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool crew_is_ready(const struct crew *c, uint32_t worker);

/* crew_page gives the page of WORKER's head, or NULL. */
const struct status *crew_page(const struct crew *c, uint32_t worker);

/* crew_bounded: no spout has said that its input is without end, nor has a predecessor of one
 * that may not have come to say it again. */
bool crew_bounded(const struct crew *c);

/* crew_pending gives how many messages are open: those of spouts and of finishing bolts, in a
 * transactional topology batches. */
uint64_t crew_pending(const struct crew *c);

/* crew_lay_out: tasks were moved, and PLAN is the one from now on; frees the one before. See
 * lives_lay_out. */
void crew_lay_out(struct crew *c, struct plan *plan, uint64_t now_ns);

/* crew_freeze asks the coordinator to decide nothing, or to go on; crew_frozen: it does so. Where
 * there is no coordinator it is done at once. */
void crew_freeze(struct crew *c, bool freeze);
bool crew_frozen(const struct crew *c);

/* crew_set_level has lines of LEVEL and worse of COMPONENT (UINT32_MAX: of all) get into the log, for MS
 * or, when that is 0, until the run ends. */
void crew_set_level(struct crew *c, uint32_t component, gale_level level, uint64_t ms);

/* crew_fill_polls fills CREW_POLLS places of P for every worker; crew_serve handles what
 * poll found there. */
void crew_fill_polls(const struct crew *c, struct pollfd *p);
void crew_serve(struct crew *c, const struct pollfd *p);

#endif
