/* history.h - samples of the past day, kept in the run directory for those who ask what has
 * happened in the last minute, ten minutes, three hours, day.
 *
 *   history.00012345678   the sample of that moment (CLOCK_MONOTONIC, ms), written as a whole
 *
 * The supervisor takes one every three seconds. Every tenth is kept for ten minutes, every 180th
 * for three hours, every 1440th for a day, the others for one minute: about 80 in all.
 *
 *   "galehist" varint: version, at_ns, n_stages, n_components
 *   n_stages, then n_components times a part: varint of the counters that are not 0 (bits), them;
 *       of the streams that are not 0 (bits), emitted and transferred of each
 *   n_components times three histograms: varint of buckets that are not 0; sum, greatest; then
 *       of each how far behind the last one it stands, and its count
 *   XXH3_64bits of all the bytes before
 *
 * Readers take whatever file is there: one may vanish between the list and the open.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_HISTORY_H
#define GALE_HISTORY_H

#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "sample.h"

enum { HISTORY_STEP_MS = 3000 };

/* history_encode adds S to B. history_decode reads N bytes; NULL: they are no whole sample. */
void history_encode(struct buf *b, const struct sample *s);
struct sample *history_decode(const void *bytes, size_t n);

/* history_times gives when the samples in RUNDIR were taken (ms), ascending, that were taken at FROM_NS
 * or later: *N of them; free the array, which is NULL when there are none. history_read reads the one of
 * AT_MS, or gives NULL: it has gone; free it. */
uint64_t *history_times(const char *rundir, uint64_t from_ns, size_t *n);
struct sample *history_read(const char *rundir, uint64_t at_ms);

/* history_find gives the oldest sample in RUNDIR taken at FROM_NS or later, or NULL; free it. */
struct sample *history_find(const char *rundir, uint64_t from_ns);

/* What a supervisor has written. A zeroed struct is one that has written nothing. */
struct history {
	struct history_entry {
		uint64_t at_ms;
		uint32_t number;
	} *entries;
	size_t n, cap;
	uint32_t next;		/* number */
};

/* history_add writes S to RUNDIR, and removes what is needed no more. Returns 0 or -1 with E set. */
int history_add(struct history *h, const char *rundir, const struct sample *s, struct error *e);
void history_free(struct history *h);

#endif
