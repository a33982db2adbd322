/* advice.h - which component holds a topology back, and how many executors each needs.
 *
 * After DS2 (Kalavri et al., "Three steps is all you need", OSDI 2018): what a worker could do is
 * known from its useful time. A bolt that executed n tuples in b busy seconds could do n / b a
 * second; a spout that emitted n messages while it was not blocked for u seconds offers n / u. So
 * follow the offered rate of the spouts through the graph, by how many tuples each component
 * emitted per tuple it got: what would come to each, divided by what one executor could do, is its
 * load, and rounded up the number of executors. All components at once, not one after the other.
 *
 * A spout whose input waits already (a file) offers as fast as it can emit, which may be far more than
 * the machine can do. So no more is followed than its processors have time for.
 *
 * Pure: numbers in, advice out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ADVICE_H
#define GALE_ADVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics.h"

enum advice_role { ADVICE_SPOUT, ADVICE_BOLT, ADVICE_ACKER };

/* A component in a window of time. */
struct advice_part {
	const char *id;
	enum advice_role role;
	uint32_t executors, tasks;
	uint32_t head;		/* the part whose workers it is in: itself, unless it is chained */
	double in;		/* tuples executed; spouts: messages emitted; ackers: trees ended */
	double busy_s, idle_s, blocked_s;	/* of all executors together; of heads */
	double cpu_s;		/* processor time, likewise */
	double hottest_in;	/* tuples of the executor that got most */
	const char *keyed;	/* the grouping that ties tuples to tasks (FIELDS); NULL: none does */
};

struct advice_edge {
	uint32_t from, to;
	double tuples;		/* along it, in the window */
};

struct advice_input {
	const char *name;	/* of the topology */
	struct advice_part *parts;
	struct advice_edge *edges;
	uint32_t n_parts, n_edges;
	double seconds;		/* length of the window */
	uint32_t processors;	/* of the machine; 0: not known */
};

enum advice_kind {
	ADVICE_NONE,		/* all sustain what is offered */
	ADVICE_UNKNOWN,		/* nothing has happened that one could judge by */
	ADVICE_SCALE,		/* more executors sustain it: command says how */
	ADVICE_TASKS,		/* it takes more executors than there are tasks */
	ADVICE_SKEW,		/* one task gets too much: more executors don't help */
	ADVICE_SPOUTS,		/* a spout is the slowest: nothing below holds it back */
	ADVICE_ACKERS,		/* more ackers */
	ADVICE_PENDING,		/* nobody is busy, but spouts may open no more messages */
	ADVICE_MACHINE,		/* its processors have no more time */
	ADVICE_KINDS
};
extern const char *const advice_kind_names[ADVICE_KINDS];

struct advice_need {
	double offered;		/* tuples a second that would come, were nobody held back but by the machine */
	double load;		/* executors' worth of work that this is */
	uint32_t needed;	/* executors that sustain it, up to its tasks; 0: it is chained */
	bool capped;		/* it would take more than it has tasks */
	bool skewed;		/* its hottest task gets more than it can do */
};

struct advice {
	enum advice_kind kind;
	uint32_t bottleneck;	/* part; UINT32_MAX: none */
	bool cut;		/* more is offered than the processors have time for */
	struct advice_need *needs;	/* by part */
	uint32_t n;
	char *text;		/* a sentence */
	char *command;		/* NULL: there is none that helps */
};

/* advice_make gives the advice for X; free it with advice_free. */
struct advice *advice_make(const struct advice_input *x);
void advice_free(struct advice *a);

/* advice_input_of takes the numbers from M's window; free it with advice_input_free. */
struct advice_input *advice_input_of(const struct metrics *m);
void advice_input_free(struct advice_input *x);

#endif
