/* storm_parts.h - what the files of storm.h share. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STORM_PARTS_H
#define GALE_STORM_PARTS_H

#include "member.h"
#include "storm.h"

/* Storm's name of a window; storm_pretty of a time: "1d 0h 10m 0s". */
extern const char *const storm_window_names[N_WINDOWS];
const char *storm_pretty(uint64_t seconds, char *buf, size_t size);
enum { STORM_PRETTY = 48 };

/* Members: a time as `uptime` and `uptimeSeconds`; a window as `window` and KEY, its hint; TEXT as it
 * stands in a path, "a%2Fb". */
void storm_put_uptime(struct buf *out, double seconds);
void storm_put_window(struct buf *out, enum metrics_window which, const char *key);
void storm_put_encoded(struct buf *out, const char *key, const char *text);

/* storm_put_link: the member KEY, the path of a document: WHAT of the topology, COMPONENT behind it. */
void storm_put_link(struct buf *out, const char *key, const char *topology_id, const char *what,
    const char *component);
#define STORM_LOGS "/logs?component="

/* storm_put_last_error: Storm's members of the last error of the component number C, errorTime in
 * seconds. storm_put_errors: the member `componentErrors`, of the same one; there it is in ms. */
void storm_put_last_error(struct buf *out, const struct storm_look *l, uint32_t c);
void storm_put_errors(struct buf *out, const struct storm_look *l, uint32_t c);

/* storm_put_counts: emitted, transferred, acked, failed of P. */
void storm_put_counts(struct buf *out, const struct sample_part *p);

/* storm_put_gale: what Storm does not tell of the component number C in the window W. */
void storm_put_gale(struct buf *out, const struct storm_look *l, uint32_t c, const struct sample *w);

/* storm_mean_ms gives the mean of H, 0 when it is empty. storm_capacity which share of the window's
 * time the N executors of a bolt were in execute. */
double storm_mean_ms(const struct hist *h);
double storm_capacity(uint64_t executed, const struct hist *execute, uint32_t n, uint64_t window_ns);

/* storm_put_config: a member for each key of gale's, as T sets it or by default. Not the keys of the
 * user's own: there may be passwords in them. */
void storm_put_config(struct buf *out, const struct topology *t);

/* storm_put_workers: the member `workers`. */
void storm_put_workers(struct buf *out, const struct storm_look *l, const char *id);

/* storm_shown gives how many components stand in L's documents. */
uint32_t storm_shown(const struct storm_look *l);

/* storm_put_components: the members `spouts` and `bolts`, arrays of what PUT writes of each component
 * that stands in L's documents. */
void storm_put_components(struct buf *out, const struct storm_look *l,
    void (*put)(struct buf *out, const struct storm_look *l, uint32_t component));

/* storm_id gives the topology's id; free it. */
char *storm_id(const struct survey *s);

#endif
