/* plan.h - who runs what: a topology's tasks and workers, numbered.
 *
 * A worker is one process and holds one executor: neighbouring tasks of one component, or
 * one acker, or the coordinator, which a transactional topology has in the ackers' place. With
 * topology.chaining it may hold further executors, whose input comes from this one alone. Each is
 * a stage of it: the head first, which gets what comes from other workers, and every other
 * after the one that it is called by. The plan is a pure function of the topology, so the
 * supervisor and every worker compute the same one.
 *
 * Once tasks were moved (a rebalance) the topology has a layout (topology.h), and the plan follows
 * that: workers whose tasks are the same keep their numbers, for sockets and pages are named by
 * them. A number whose tasks have gone elsewhere is ROLE_GONE: nobody is there, until another
 * executor of the same component gets it. New numbers come behind all others.
 *
 *   tasks     component by component, in the order of their numbers: the tasks of
 *             component c are first_task[c] .. first_task[c] + n_tasks - 1. Ackers or
 *             the coordinator come last and count as tasks too.
 *   workers   in the order of their heads, as long as no task was moved: so data flows from
 *             low to high only where the file is written that way; nothing depends on it.
 *   stages    worker by worker
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PLAN_H
#define GALE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "topology.h"

struct buf;

enum role { ROLE_SPOUT, ROLE_BOLT, ROLE_ACKER, ROLE_COORDINATOR, ROLE_GONE };

enum { PLAN_LABEL = 256 };

#define ACKER_ID "acker"		/* the ackers' component id, for labels and summaries */
#define COORDINATOR_ID "coordinator"

struct plan_stage {
	uint32_t component;	/* its number; n_components for ackers and the coordinator */
	uint32_t first_task;	/* number of its first task */
	uint32_t n_tasks;
	uint32_t parent;	/* which stage of the same worker calls it; the head's is itself */
};

struct plan_worker {
	enum role role;
	uint32_t component;	/* these three are the head's */
	uint32_t first_task;
	uint32_t n_tasks;	/* 0: it is gone */
	uint32_t executor;	/* number among its component's workers that are not gone */
	uint32_t starts;	/* of its number, before it got these tasks (topology.h) */
	uint32_t first_stage;	/* in the plan's stages */
	uint32_t n_stages;
	char label[PLAN_LABEL];	/* "split[0]", "count[0-3]", "acker[1]": tasks counted within the
				 * component; "lines[0]+split[0]"; "split[-]": gone */
};

struct plan {
	const struct topology *topology;	/* keeps */
	struct plan_worker *workers;
	uint32_t n_workers;
	uint32_t first_acker;		/* worker number of the first acker; the coordinator's */
	uint32_t n_ackers;
	uint32_t coordinator;		/* its worker number; UINT32_MAX: not transactional */
	uint32_t *first_task;		/* per component */
	uint32_t *chained_to;		/* per component: plan_chained_to */
	uint32_t *first_worker;		/* per component: the first that it is in */
	uint32_t *task_worker;		/* per task: its worker */
	struct plan_stage *stages;
	uint32_t n_stages;
	uint32_t n_tasks;		/* with ackers and the coordinator */
};

/* plan_make gives the plan of T, which must outlive it; free it with plan_free. A layout in T that
 * does not have each task once is none. */
struct plan *plan_make(const struct topology *t);
void plan_free(struct plan *p);

/* plan_executors gives how many workers have tasks of COMPONENT. */
uint32_t plan_executors(const struct plan *p, uint32_t component);

/* plan_own gives how many workers are gale's own: ackers, or the coordinator. plan_workers gives how
 * many workers there are, those that are gone left out. */
uint32_t plan_own(const struct plan *p);
uint32_t plan_workers(const struct plan *p);

/* plan_relayout gives the layout, *N workers, which the caller frees, where component c has
 * EXECUTORS[c] of them, 1 .. its number of tasks. What is chained goes with what it is chained to,
 * and its own number is not asked. Where the number is that of now nothing changes. Else tasks are
 * shared out as in a run that begins with so many, so each crash and each new run finds the same
 * shares, and an executor whose share is the same stays. Moving fewer tasks would
 * leave the load uneven, and the executors that give tasks away have to stop all the same. */
struct layout_worker *plan_relayout(const struct plan *p, const uint32_t *executors, uint32_t *n);

/* plan_keeps: worker WORKER of NOW is the same process in THEN, a plan of the layout that
 * plan_relayout gave for NOW. Any number is safe. */
bool plan_keeps(const struct plan *now, const struct plan *then, uint32_t worker);

/* plan_chained_to gives the component whose tasks call those of component C of T, or UINT32_MAX:
 * C has workers of its own. That is so unless C's config or the topology's wants chaining; all that C
 * subscribes to comes from one component, which has as many executors and tasks; and a tuple of each of its
 * tasks may go to the task of C beside it: there is one, or the grouping is
 * LOCAL_OR_SHUFFLE. Transactional topologies are not chained. */
uint32_t plan_chained_to(const struct topology *t, uint32_t c);

/* plan_why_apart adds to OUT why C, which is not chained though its config wants it, can't be: words for
 * those who write topologies. False: it is chained, or was never to be. */
bool plan_why_apart(const struct topology *t, uint32_t c, struct buf *out);

/* plan_chain_head gives the component whose workers C is in: itself, unless it is chained. */
uint32_t plan_chain_head(const struct plan *p, uint32_t c);

/* plan_is_chain: others run in the workers of C, and it has its own. plan_chain_text adds
 * "one process: lines, split", or "2 processes, each with all of: lines, split". */
bool plan_is_chain(const struct plan *p, uint32_t c);
void plan_chain_text(const struct plan *p, uint32_t c, struct buf *out);

/* Workers for which a sender looks for equal tuples. With more of them the words of a line meet in none, each
 * names its own root, and the tables of all are more than a cache keeps: that costs more than it saves
 * (doc/performance.md). */
enum { PLAN_COMBINING_MOST = 4 };

/* plan_combines: equal tuples of S that wait for one frame may come to its bolt as one. That is so
 * where FIELDS brings them to a bolt that declares `combine`, has few workers and whose topology.combining is
 * not off, which is no call, and nobody else subscribes to that stream: the sender looks for equals in one place
 * only. */
bool plan_combines(const struct topology *t, const struct subscription *s);

/* plan_stages gives the stages of WORKER, the head first. */
static inline const struct plan_stage *plan_stages(const struct plan *p, uint32_t worker)
{
	return &p->stages[p->workers[worker].first_stage];
}

/* plan_stage_of gives the stage of WORKER that is COMPONENT's, or NULL. plan_task_component gives
 * the component of TASK if that is one of WORKER's, else UINT32_MAX; any number is safe. */
const struct plan_stage *plan_stage_of(const struct plan *p, uint32_t worker, uint32_t component);
uint32_t plan_task_component(const struct plan *p, uint32_t worker, uint32_t task);

/* plan_feeds: component FROM has a stream that component TO subscribes to. plan_reaches: so
 * has one that TO gets data from, directly or through others. */
bool plan_feeds(const struct plan *p, uint32_t from, uint32_t to);
bool plan_reaches(const struct plan *p, uint32_t from, uint32_t to);

/* plan_runs_plugin: WORKER runs a component of the topology; ackers and the coordinator don't. */
bool plan_runs_plugin(const struct plan *p, uint32_t worker);

/* plan_tracks: messages are followed to their end, by ackers or by the coordinator. */
bool plan_tracks(const struct plan *p);

/* plan_is_source: WORKER makes roots and gets verdicts: spouts do, and bolts in finish. In a
 * transactional topology the coordinator alone does: its roots are the batches. */
bool plan_is_source(const struct plan *p, uint32_t worker);

/* plan_sends: worker FROM has a socket to worker TO: for data to a bolt that it feeds, for
 * records to an acker, for verdicts to a source, and between the coordinator and everybody for
 * orders and reports. */
bool plan_sends(const struct plan *p, uint32_t from, uint32_t to);

/* plan_descriptors gives how many open files the hungriest process of a run needs, the
 * supervisor included, with some for what plugins open. */
uint32_t plan_descriptors(const struct plan *p);

/* plan_component gives the id of the component of a worker's head; ACKER_ID for ackers, COORDINATOR_ID for
 * the coordinator. */
const char *plan_component(const struct plan *p, uint32_t worker);

/* plan_task_label writes "split[3]" for a task number; returns BUF. Any number is safe. */
const char *plan_task_label(const struct plan *p, uint32_t task, char *buf, size_t size);

#endif
