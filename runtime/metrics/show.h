/* show.h - surveys in writing: as JSON (doc/schema/) and as text. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SHOW_H
#define GALE_SHOW_H

#include "advice.h"
#include "buf.h"
#include "survey.h"

enum { SHOW_SCHEMA_VERSION = 1 };

/* show_list_json and show_list_text add a list of N surveys. */
void show_list_json(struct buf *out, const struct survey *surveys, size_t n);
void show_list_text(struct buf *out, const struct survey *surveys, size_t n);

/* show_status_json and show_status_text add all that is known of S; COMPONENT: of this one, with
 * its executors one by one; NULL: of all. It must be one that survey S has: show_has. */
void show_status_json(struct buf *out, const struct survey *s, const char *component);
void show_status_text(struct buf *out, const struct survey *s, const char *component);
bool show_has(const struct survey *s, const char *component);

/* show_listed_json adds the members of S in a list, show_latency the member KEY: the percentiles of H in
 * milliseconds, null when it is empty. */
void show_listed_json(struct buf *out, const struct survey *s);
void show_latency(struct buf *out, const char *key, const struct hist *h);

/* ---- shared by both ---- */

/* What stands in a list and at the head of a status. */
struct show_totals {
	char *id;		/* NAME-RUN-SECONDS of its start; NAME, when it does not run */
	uint32_t components, tasks, workers, executors;
	uint64_t emitted, transferred, acked, failed, timed_out, dead_lettered, replayed;
	uint64_t pending, oldest_ns, restarts;
	double acked_rate, emitted_rate;	/* per second, in the window */
};

/* show_totals adds up S; free its id. */
struct show_totals show_totals(const struct survey *s);

/* show_advice gives the advice for S, or NULL: it does not run. Free it with advice_free. */
struct advice *show_advice(const struct survey *s);

/* show_rate gives N of M's window per second. */
double show_rate(const struct metrics *m, double n);

/* show_text_of gives the text KEY of S's ended.json, NULL when it has none. */
const char *show_ended(const struct survey *s, const char *key);

#endif
