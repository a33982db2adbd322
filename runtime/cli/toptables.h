/* toptables.h - the tables of gale top: what stands in their cells.
 *
 * Numbers of a survey are those of its window, but for what is so at this moment (queue, pending)
 * and what is counted since the start of the run (failed, timed out, restarts).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPTABLES_H
#define GALE_TOPTABLES_H

#include "survey.h"
#include "topgrid.h"

/* How cells are written. */
struct topmanner {
	bool utf8;
	int64_t wall_ms;	/* since 1970, now */
};

/* Each begins G and adds a row for: each of N surveys; each component of S, which runs;
 * each executor of the component C of M (UINT32_MAX: of all). Keys are names, ids of components, and
 * labels of executors. */
void toptables_list(struct topgrid *g, const struct survey *surveys, size_t n);
void toptables_components(struct topgrid *g, const struct survey *s, const struct topmanner *how);
void toptables_executors(struct topgrid *g, const struct metrics *m, uint32_t c, const struct topmanner *how);

/* toptables_status gives the style of a status. toptables_complete adds up what the spouts of M had
 * for complete latency in its window. */
enum topstyle toptables_status(enum topology_status status);
void toptables_complete(const struct metrics *m, struct hist *h);

/* toptables_ago writes how long ago TIME_MS was. */
void toptables_ago(struct buf *out, int64_t time_ms, int64_t wall_ms);

#endif
