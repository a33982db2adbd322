/* storm.h - Storm's REST documents, for tools that know Storm's UI: its paths, its names, its windows.
 * Pure: a survey goes in, JSON comes out.
 *
 * What is Storm's means what it means there, with these differences, all on purpose:
 *
 *   numbers     are numbers, also where Storm gives texts ("12.345"); latencies in milliseconds, 0
 *               where nothing was measured. Windows are texts as there: "600", ":all-time"
 *   exact       all tuples count. What can't be known is null and no estimate
 *   windows     Storm's four and "60". A query may also say 1m, 10m, 3h, 1d, all. A window is up to a
 *               twentieth shorter than its name says: `seconds` is its true length
 *   workers     are processes of this machine: `port` is a worker's number, `pid` its process
 *   supervisors there is one for each topology that runs
 *   resources   are not reserved: what Storm requests and assigns is 0, and schedulerDisplayResource
 *               false
 *
 * What is gale's stands beside it, by the names of doc/metrics.md.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STORM_H
#define GALE_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "survey.h"

/* Where all this happens. */
struct storm_place {
	const char *host, *user;
	const char *version;		/* of gale */
	uint32_t processors;
	double load;			/* of the past minute */
	uint64_t memory_bytes, available_bytes;
	uint32_t port;			/* that is served; 0: a unix socket */
	uint64_t uptime_s;		/* of the server */
	int64_t now_ms;			/* since 1970 */
};

/* A topology, as its documents need it. Zero it first. */
struct storm_look {
	struct survey *survey;
	const struct storm_place *place;
	enum metrics_window which;	/* of the tables */
	bool sys;			/* gale's own components, too: sys=1 */
	struct sample *windows[N_WINDOWS];	/* what happened in each; NULL: it does not run */
};

/* storm_window finds a window by Storm's name of it or gale's; N_WINDOWS: there is none. */
enum metrics_window storm_window(const char *name);

/* storm_look_windows reads the windows of L's survey; storm_look_free frees them, and not the survey. */
void storm_look_windows(struct storm_look *l);
void storm_look_free(struct storm_look *l);

/* ---- of all topologies ------------------------------------------------------------- */

void storm_cluster_summary(struct buf *out, const struct survey *surveys, size_t n, const struct storm_place *p);
void storm_cluster_configuration(struct buf *out);
void storm_nimbus_summary(struct buf *out, const struct storm_place *p);
void storm_supervisor_summary(struct buf *out, const struct survey *surveys, size_t n,
    const struct storm_place *p);

/* storm_topologies: every field of `gale list --json`, and Storm's. */
void storm_topologies(struct buf *out, const struct survey *surveys, size_t n, const struct storm_place *p);

/* ---- of one ------------------------------------------------------------------------ */

void storm_topology(struct buf *out, const struct storm_look *l);
void storm_workers(struct buf *out, const struct storm_look *l);
void storm_metrics(struct buf *out, const struct storm_look *l);
void storm_lag(struct buf *out, const struct storm_look *l);
void storm_logconfig(struct buf *out, const struct storm_look *l);
void storm_visualization(struct buf *out, const struct storm_look *l);
void storm_visualization_init(struct buf *out, const struct storm_look *l);

/* storm_component: of one component, a number as in metrics_id. */
void storm_component(struct buf *out, const struct storm_look *l, uint32_t component);

#endif
