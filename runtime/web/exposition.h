/* exposition.h - Prometheus' text format 0.0.4. Pure.
 *
 *     exposition_family(out, "gale_pending_messages", "gauge", "Messages that are open.");
 *     exposition_begin(out, "gale_pending_messages");
 *     exposition_label(out, "topology", "words");
 *     exposition_count(out, 17);
 *
 * Whatever a label's value is, the text stays one: quotes, backslashes and newlines are escaped, bytes that are
 * no UTF-8 become U+FFFD.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_EXPOSITION_H
#define GALE_EXPOSITION_H

#include <stdint.h>

#include "buf.h"
#include "hist.h"

/* exposition_family begins the samples of NAME, of TYPE counter, gauge or histogram. */
void exposition_family(struct buf *out, const char *name, const char *type, const char *help);

/* exposition_begin begins a sample, exposition_label adds a label, and one of these ends it; signed:
 * gauges of plugins. exposition_seconds writes nanoseconds as seconds, all nine decimals. */
void exposition_begin(struct buf *out, const char *name);
void exposition_label(struct buf *out, const char *name, const char *value);
void exposition_count(struct buf *out, uint64_t n);
void exposition_signed(struct buf *out, int64_t n);
void exposition_seconds(struct buf *out, uint64_t ns);

/* Where exposition_histogram cuts H: at 2^10 ns (1 us), 2^11, ... 2^36 (69 s), each less a nanosecond,
 * where buckets of H end. So each count is exact, and so is each quantile's bucket. LABELS are those
 * of all its samples, as exposition_label wrote them. */
enum { EXPOSITION_FIRST_LOG2 = 10, EXPOSITION_LAST_LOG2 = 36 };
void exposition_histogram(struct buf *out, const char *name, const struct buf *labels, const struct hist *h);

#endif
