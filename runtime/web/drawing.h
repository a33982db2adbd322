/* drawing.h - where the boxes and edges of a topology go: Graphviz's dot lays them out, as a child.
 *
 * What it makes is JSON, in px with y down, of boxes that are all of one size:
 *
 *     {"engine": "dot", "install": null, "error": null, "width": 754.0, "height": 132.0,
 *      "boxes": [{"id": "split", "x": 337.0, "y": 0.0, "width": 190, "height": 76}, ...],
 *      "clusters": [{"components": ["split", "count"], "x": 321.0, "y": 0.0, "width": 433.0, "height": 108.0}, ...],
 *      "edges": [{"from": "lines", "to": "split", "stream": "default", "grouping": "SHUFFLE",
 *                 "call": false, "combined": false,
 *                 "points": [[190.1, 70.0], ...], "x": 263.5, "y": 89.0}, ...]}
 *
 * x and y of a box are its upper left corner. A cluster is around the boxes of components that are chained:
 * they run in the same processes. Where there would be more than 150 there is none: that takes dot too long.
 * An edge between chained components is a call; along one that is combined equal tuples may come as one.
 * points are those of cubic Bezier curves one after the other, 1 + 3n of them, from the border of the one box to
 * that of the other; x and y of an edge are the middle of its label, null when it has none. Edges stand in the
 * order of the topology's streams.
 * With SYS there are gale's own parts as well: the ackers as a box "acker", or the coordinator.
 *
 * Where there is no dot, "engine" is null, "install" the Debian package, and there are no boxes and no edges;
 * the same, with an "error", when dot could not do it.
 *
 * A drawing is kept until others push it out. It is found by what dot was given: a topology that
 * changes is another one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DRAWING_H
#define GALE_DRAWING_H

#include <stdbool.h>
#include <stddef.h>

#include "topology.h"
#include "watch.h"

enum { DRAWING_BOX_WIDTH = 190, DRAWING_BOX_HEIGHT = 76 };	/* px */

/* Kept drawings, and those that are being made. */
struct drawings;

struct drawings *drawings_open(struct watches *ws);
void drawings_close(struct drawings *all);

/* drawing_ask has DONE called once with the drawing of T, N bytes of JSON that are its own only within the
 * call: at once when there is one, else from watches_serve. drawing_forget: who asked with ARG does not want to know
 * any more. */
void drawing_ask(struct drawings *all, const struct topology *t, bool sys,
    void (*done)(void *arg, const char *json, size_t n), void *arg);
void drawing_forget(struct drawings *all, const void *arg);

#endif
