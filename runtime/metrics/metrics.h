/* metrics.h - all that can be known of a running topology, read from its run directory: the one
 * source of what gale list, status, top and graph show.
 *
 * Pages and files are read, nobody is asked, nothing blocks. Workers come and go meanwhile: a page
 * that is not there is one of a worker that has not begun, and what its predecessors have counted
 * stands in their past pages. Counters are exact; a window of time is the difference of two sets
 * of exact counters, and its true length is told.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_METRICS_H
#define GALE_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "error.h"
#include "overview.h"
#include "plan.h"
#include "sample.h"
#include "status.h"
#include "topology.h"

/* Those before N_WINDOWS can be read; WINDOW_LIVE begins where metrics_rewind says. */
enum metrics_window { WINDOW_1M, WINDOW_10M, WINDOW_3H, WINDOW_1D, WINDOW_ALL, N_WINDOWS, WINDOW_LIVE };
extern const char *const metrics_window_names[WINDOW_LIVE + 1];	/* "1m", ... "all"; "live" */

/* How much to read. */
enum metrics_depth {
	METRICS_TOTALS,		/* counters */
	METRICS_WINDOW,		/* also a window: for a list */
	METRICS_QUEUES,		/* also what waits between workers */
	METRICS_ALL		/* also memory, which costs the workers a moment */
};

struct metrics_worker {
	bool alive;		/* its process is there */
	uint32_t pid;		/* 0: no page yet */
	uint32_t start;		/* its number, from 1 */
	uint64_t started_ns;
	uint64_t pss_bytes;	/* 0: not known */
	uint64_t queue_frames, queue_bytes;	/* sent to it, and not received yet */
};

/* What is so at this moment, of a stage or of a component. */
struct metrics_gauges {
	uint64_t pending;	/* spouts, finishing bolts: messages; ackers: trees */
	uint64_t held;
	uint64_t oldest_ns;	/* how long the oldest message is open; 0: none is */
	uint64_t queue_frames, queue_bytes;
	uint64_t pss_bytes;	/* of the workers that it is the head of */
	uint64_t restarts;
};

/* Frames from the workers of one component to those of another. */
struct metrics_edge {
	uint32_t from, to;	/* components */
	uint64_t frames, bytes;	/* on the way */
};

struct metrics {
	struct topology *topology;
	struct plan *plan;
	bool has_overview;
	struct overview overview;	/* of the supervisor, as it was */
	uint64_t now_ns;		/* CLOCK_MONOTONIC, when it was read */
	uint64_t started_ns;		/* the run */
	enum metrics_window which;
	bool whole;			/* the window begins at the start of the run */
	struct sample *total;		/* since the start of the run */
	struct sample *window;		/* of the window; at_ns is its length. NULL for METRICS_TOTALS */
	struct sample *lately;		/* of the window what is after the last rebalance: for advice */
	struct metrics_worker *workers;
	struct metrics_gauges *stages, *components;	/* as in the samples */
	struct metrics_edge *edges;	/* between components, in the order of FROM, then TO */
	uint32_t n_edges;
	struct counts *tasks;		/* by the plan's tasks: since the start of the run */
	struct status *user;		/* by component: only its metrics count */
	uint64_t first_emit_ns, last_ack_ns;
};

/* metrics_read reads RUNDIR. NULL with E set when there is nothing to be read: no topology in it.
 * Free it with metrics_free; NULL is allowed. */
struct metrics *metrics_read(const char *rundir, enum metrics_depth depth, enum metrics_window which,
    struct error *e);
void metrics_free(struct metrics *m);

/* metrics_since gives what happened in the window WHICH of M, which was read from RUNDIR; free it.
 * *WHOLE: the window begins at the start of the run. */
struct sample *metrics_since(const struct metrics *m, const char *rundir, enum metrics_window which,
    bool *whole);

/* metrics_rewind gives M another window, WINDOW_LIVE: what happened since EARLIER, a sample of the
 * same run (m->total of an earlier read). */
void metrics_rewind(struct metrics *m, const struct sample *earlier);

/* metrics_id gives the id of the component's number C: those of the topology, then ACKER_ID or
 * COORDINATOR_ID. metrics_components gives how many there are, that one included if there is one. */
const char *metrics_id(const struct metrics *m, uint32_t c);
uint32_t metrics_components(const struct metrics *m);

/* metrics_executors gives how many workers hold tasks of component C, metrics_tasks how many
 * tasks it has. metrics_head: C has workers of its own, it is not chained to another. */
uint32_t metrics_executors(const struct metrics *m, uint32_t c);
uint32_t metrics_tasks(const struct metrics *m, uint32_t c);
bool metrics_head(const struct metrics *m, uint32_t c);

/* metrics_spouts gives the sum over all spouts of one counter of S; metrics_messages how many
 * messages they emitted. */
uint64_t metrics_spouts(const struct metrics *m, const struct sample *s, enum sample_counter counter);
uint64_t metrics_messages(const struct metrics *m, const struct sample *s);

/* metrics_edge_tuples gives how many tuples went along SUBSCRIPTION in S. Exact where a stream
 * has one subscriber, or its subscribers get each tuple or a known number of copies; else (DIRECT,
 * CUSTOM beside others) what the others leave over, in equal parts. */
double metrics_edge_tuples(const struct metrics *m, const struct sample *s, uint32_t subscription);

/* metrics_share gives PART of the time that part P tells of: busy, idle and blocked sum up to 1,
 * or to 0 when there was none. */
double metrics_share(const struct sample_part *p, enum sample_counter part);

/* metrics_window_find gives the window of that NAME, or N_WINDOWS. metrics_window_ns gives how long WHICH
 * is; WINDOW_ALL has no end. */
enum metrics_window metrics_window_find(const char *name);
uint64_t metrics_window_ns(enum metrics_window which);

#endif
