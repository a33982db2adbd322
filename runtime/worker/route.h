/* route.h - from an emit to the sinks: who subscribes, which tasks, how many copies.
 *
 * The values are encoded once. With one destination, by far the usual case, they go
 * straight into its open frame; with several, into a buffer first and from there into
 * each: serialize once, for a broadcast copy bytes. Every copy is an edge of its own (A1).
 * A stage of the same worker that is chained to this one is called with the values as they
 * are; that is no edge, but the call may make some.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ROUTE_H
#define GALE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "group.h"
#include "out.h"

/* One task of a target component: its sink, and its number counted from the sink's. */
struct route_task {
	struct sink *sink;
	uint32_t offset;
};

/* One subscription to one of this component's streams. */
struct route {
	struct group group;
	uint32_t stage;			/* of this worker, to be called; 0: none */
	struct sink *any;		/* SHUFFLE and its kin; else NULL */
	struct route_task *tasks;	/* n_tasks of the target component */
	uint32_t first_task, n_tasks;
	bool combines;			/* what goes to one task may be merged */
	uint32_t *chosen;		/* scratch of an emit: the tasks that group_choose wants, */
	int n_chosen;			/* and how many */
};

struct route_stream {
	const struct stream *stream;
	struct route *routes;
	uint32_t n_routes;
	uint32_t n_calls;	/* of the routes, those to stages of this worker */
	struct sink *only;	/* where all of its tuples go; NULL: it depends */
	struct sink *combined;	/* where all of those go that may become one, to whatever task; NULL: it depends */
	uint32_t only_call;	/* the stage that all of its tuples go to; 0: there are others, or none */
	bool combines;		/* its only route does */
	struct route *fields;	/* on their fields alone; NULL: on something else, too */
};

enum { ROUTER_FLAT_MOST = 4096 };	/* bytes of a value that needs no look at all of them together */

struct emission;

struct router {
	struct route_stream *streams;	/* by number */
	uint32_t n_streams;
	struct buf body;		/* scratch: values encoded once */
	struct out *out;
	/* call gives M to STAGE of the worker OWNER and returns the XOR of the edges that came of it. */
	uint64_t (*call)(void *owner, uint32_t stage, const struct emission *m);
	void *owner;
};

/* router_init lays out the routes of COMPONENT over O, which must be connected; `call` and
 * `owner` are the caller's to fill in where there are stages to be called. router_custom
 * tells the plugin of the next CUSTOM route that has none yet: loop until it gives NULL. */
void router_init(struct router *r, const struct topology *t, uint32_t component, struct out *o);
void router_free(struct router *r);

/* router_lay_out: tasks were moved, and out_lay_out was called. What groupings have gathered, and
 * their plugins, stay. */
void router_lay_out(struct router *r);
struct group *router_custom(struct router *r);

/* router_check gives the encoded bound of the values, or 0 with E set when they don't suit
 * the stream: number, type, size. */
size_t router_check(const struct router *r, uint32_t stream, const gale_value *values, uint32_t n,
    struct error *e);

/* router_emit_flat does the usual emit in one go: flat values of the declared types, one root,
 * one place to go (by FIELDS perhaps), and its open frame has room. False: it is not usual, and
 * nothing was done; router_check and router_emit do the same for all. */
bool router_emit_flat(struct router *r, uint32_t stream, uint32_t source, uint64_t root,
    const gale_value *values, uint32_t n, uint64_t *edge);

/* router_called gives the stage to call for the usual emit where that is all there is to do: flat
 * values of the declared types. 0: router_check and router_emit tell what is to be done. */
static inline uint32_t router_called(const struct router *r, uint32_t stream, const gale_value *values, uint32_t n)
{
	const struct stream *s;

	if (!OPTIMISE_SHORT_EMIT || stream >= r->n_streams || r->streams[stream].only_call == 0)
		return 0;
	s = r->streams[stream].stream;
	if (n != s->n_fields)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		if (values[i].type != s->fields[i].type || (values[i].type != GALE_INT &&
		    ((values[i].type != GALE_STRING && values[i].type != GALE_BYTES) ||
		    values[i].n > ROUTER_FLAT_MOST)))
			return 0;
	return r->streams[stream].only_call;
}

struct emission {
	uint32_t stream;
	uint32_t source;		/* index of the emitting task in its stage */
	const gale_value *values;
	uint32_t n;
	size_t bound;			/* router_check's */
	struct roots roots;
	const uint8_t *body;		/* values encoded already (a replay): used instead of them */
	uint32_t body_bytes;
};

/* router_emit writes a checked tuple to all who subscribe; *EDGES becomes the XOR of the
 * ids of the edges made, 0 when there are none. Returns the number of copies, or -1 with
 * E set: a CUSTOM grouping refused, and nothing was written to anyone. router_emit_direct writes it to task TASK only. */
int router_emit(struct router *r, const struct emission *m, uint64_t *edges, struct error *e);
int router_emit_direct(struct router *r, const struct emission *m, uint32_t task, uint64_t *edges,
    struct error *e);

#endif
