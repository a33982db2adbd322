/* sample.h - what had been counted at one moment: all counters of all stages of a run, and the
 * latencies of each component. The difference of two samples is what happened in between, exactly.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SAMPLE_H
#define GALE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "hist.h"
#include "plan.h"
#include "status.h"

enum sample_counter {
	COUNT_EMITTED,		/* of all streams */
	COUNT_TRANSFERRED,
	COUNT_EXECUTED,
	COUNT_ACKED,
	COUNT_FAILED,
	COUNT_TIMED_OUT,
	COUNT_DEAD_LETTERED,
	COUNT_REPLAYED,
	COUNT_TICKS,
	COUNT_FRAMES_IN,
	COUNT_FRAMES_OUT,
	COUNT_BYTES_IN,
	COUNT_BYTES_OUT,
	COUNT_BUSY,		/* ns, and so the next three; of a worker they are its head's */
	COUNT_IDLE,
	COUNT_BLOCKED,
	COUNT_CPU,		/* user and system time of the process that lives now */
	SAMPLE_COUNTERS
};

/* The counters of a stage, or of all of a component. */
struct sample_part {
	uint64_t n[SAMPLE_COUNTERS];
	struct status_stream streams[STATUS_STREAMS];
};

struct sample_latency {
	struct hist execute, process, complete;
};

struct sample {
	uint64_t at_ns;			/* CLOCK_MONOTONIC */
	uint32_t n_stages, n_components;
	struct sample_part *stages;	/* as in the plan; when tasks are moved more may come */
	struct sample_part *components;	/* with one for the ackers or the coordinator, the last */
	struct sample_latency *latency;	/* by component */
};

/* sample_new gives one of PLAN in which nothing was counted; sample_sized one for so many. Free it
 * with sample_free; NULL is allowed. */
struct sample *sample_new(const struct plan *plan, uint64_t at_ns);
struct sample *sample_sized(uint32_t n_stages, uint32_t n_components);
void sample_free(struct sample *s);

/* sample_add adds a page to STAGE of PLAN, and to its component. OPEN: its worker lives, so the
 * time since its last account counts as well. */
void sample_add(struct sample *s, const struct plan *plan, uint32_t stage, const struct status *page,
    bool open);

/* sample_add_cpu adds processor time to a stage, which is its worker's head. */
void sample_add_cpu(struct sample *s, const struct plan *plan, uint32_t stage, uint64_t ns);

/* sample_since gives what happened between EARLIER and LATER, two samples of one run; at_ns is the
 * time between them. */
struct sample *sample_since(const struct sample *later, const struct sample *earlier);

/* The same of one part, and of one histogram, where that is all that is asked for. */
void sample_part_since(struct sample_part *p, const struct sample_part *later, const struct sample_part *earlier);
void sample_hist_since(struct hist *h, const struct hist *later, const struct hist *earlier);

/* sample_messages gives how many messages of C, a spout's part, were emitted: dead letters, which
 * leave by its last stream, are none. */
uint64_t sample_messages(const struct component *c, const struct sample_part *p);

#endif
