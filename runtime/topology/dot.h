/* dot.h - what drawings of topologies have in common, for Graphviz and others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DOT_H
#define GALE_DOT_H

#include "buf.h"
#include "plan.h"
#include "topology.h"

/* dot_quote adds TEXT as a string of the dot language. */
void dot_quote(struct buf *out, const char *text);

/* dot_edge adds what stands on the edge of S: "FIELDS(word)", and the stream where it is not the default
 * one. */
void dot_edge(struct buf *out, const struct topology *t, const struct subscription *s);

/* dot_is_call: S is a call within a process of P. dot_marks adds ", call" to such an edge, and ", combined" to
 * one along which equal tuples may come as one. */
bool dot_is_call(const struct plan *p, const struct subscription *s);
void dot_marks(struct buf *out, const struct plan *p, const struct subscription *s);

#endif
