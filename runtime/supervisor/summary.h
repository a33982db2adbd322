/* summary.h - what a run came to: all status pages added up, as JSON and as a few lines.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numbers of messages (emitted, acked, failed, timed_out, dead_lettered) are sums over the
 * spouts: emitted counts every emit, a replay too, so that in the end
 *
 *     emitted = acked + failed
 *
 * where timed_out is a part of failed. `tuples` counts deliveries to tasks, over all
 * components. Numbers are exact: no double on their way.
 */
#ifndef GALE_SUMMARY_H
#define GALE_SUMMARY_H

#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "hist.h"
#include "plan.h"
#include "status.h"

/* The sum of some pages: of all workers of one component, or of all spouts. Streams and
 * metrics are those of one component, by number and by name. */
struct tally {
	uint32_t pages;
	struct status sum;	/* times are the earliest first_ and the latest last_ ones */
};

struct summary {
	const struct plan *plan;	/* keeps */
	struct tally *components;	/* plan->topology->n_components, then the ackers or the coordinator */
	struct tally spouts;
	uint64_t emitted, tuples;
	uint64_t last_execute_ns;
	uint32_t restarts;		/* of workers; for the caller to fill in */
};

/* What only the supervisor and its caller know. */
struct summary_end {
	int exit;
	const char *error;		/* NULL: none */
	const char *dead_letter_file;	/* NULL: none was written */
	uint64_t exec_ns, now_ns;	/* when gale began, and what time it is */
};

/* summary_make adds up PAGES: ROUNDS times one per stage of PLAN; NULL for one that has none
 * there. Free with summary_free. */
struct summary *summary_make(const struct plan *plan, const struct status *const *pages, uint32_t rounds);
void summary_free(struct summary *s);

/* summary_seconds_ns: first emit of a spout to the last ack, or without ackers to the last
 * execute; 0 when nothing happened. */
uint64_t summary_seconds_ns(const struct summary *s);

/* summary_json adds the summary as one JSON object and a newline; summary_text adds the
 * lines for people, each "gale: NAME: ...". */
void summary_json(struct buf *out, const struct summary *s, const struct summary_end *end);
void summary_text(struct buf *out, const struct summary *s, const struct summary_end *end);

/* summary_write writes the N bytes at TEXT into FILE: whole or not at all; what exists
 * and is no regular file is written directly. Returns 0 or -1 with E set. */
int summary_write(const char *file, const char *text, size_t n, struct error *e);

/* tally_add adds one page. */
void tally_add(struct tally *t, const struct status *page);

#endif
