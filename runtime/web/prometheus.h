/* prometheus.h - what topologies show as text for Prometheus, exposition format 0.0.4; doc/metrics.md
 * lists the names.
 *
 * Counters are exact and only grow while a run lasts; the next run begins at 0, which Prometheus takes
 * for the restart that it is. Times are in seconds, sizes in bytes. Histograms are exact too: their
 * bounds lie where buckets of hist.h end, at a nanosecond below powers of two.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PROMETHEUS_H
#define GALE_PROMETHEUS_H

#include "buf.h"
#include "survey.h"

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* What was written before. A worker's death takes back the time that had not been accounted for yet;
 * to Prometheus a counter that falls has begun anew, so none may: it goes on from where it was. */
struct prometheus;
struct prometheus *prometheus_new(void);
void prometheus_free(struct prometheus *p);	/* NULL is allowed */

/* prometheus_write adds all that is known of the N surveys, METRICS_QUEUES deep at least. */
void prometheus_write(struct prometheus *p, struct buf *out, struct survey *const *surveys, size_t n,
    const char *version);

#endif
