/* check_cycle.c - see check_cycle.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A component that nothing feeds is in no circle, nor is one that feeds nothing. Taking
 * such components away, again and again, leaves circles and what lies between them; from
 * there any walk along the streams comes back to where it has been. The circle found is
 * reported, the stream that closes it is taken away, and all begins anew.
 */
#include "check_cycle.h"

#include <stdlib.h>

#include "buf.h"
#include "memory.h"

enum { MAX_REPORTS = 10 };

struct graph {
	struct check *c;
	bool *gone;		/* per component */
	bool *cut;		/* per stream */
	uint32_t *walked;	/* streams of the walk, in order */
	uint32_t *place; /* per component: where in the walk it was left, from 1; 0: not yet */
};

/* is_edge tells whether stream I still joins two components. One into a spout does not: it
 * has been reported as what it is. */
static bool is_edge(const struct graph *g, uint32_t i)
{
	const struct stream_draft *s = &g->c->streams[i];

	return !g->cut[i] && s->from_number >= 0 && s->to_number >= 0 &&
	    !g->gone[s->from_number] && !g->gone[s->to_number] &&
	    g->c->t->components[s->to_number].kind == GALE_BOLT;
}

/* trim takes one round of components away that are in no circle; false when there are none. */
static bool trim(struct graph *g)
{
	const struct topology *t = g->c->t;
	bool *in = xcalloc(t->n_components + 1, 1), *out = xcalloc(t->n_components + 1, 1),
	     any = false;

	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		if (is_edge(g, i)) {
			out[g->c->streams[i].from_number] = true;
			in[g->c->streams[i].to_number] = true;
		}
	for (uint32_t i = 0; i < t->n_components; i++)
		if (!g->gone[i] && (!in[i] || !out[i]))
			g->gone[i] = any = true;
	free(in);
	free(out);
	return any;
}

static uint32_t stream_from(const struct graph *g, uint32_t component)
{
	uint32_t i = 0;

	while (!is_edge(g, i) || g->c->streams[i].from_number != (int)component)
		i++;	/* there is one: else trim had taken it away */
	return i;
}

/* report tells the circle of the walked streams FIRST to LAST. */
static void report(struct graph *g, uint32_t first, uint32_t last)
{
	const struct stream_draft *closing = &g->c->streams[g->walked[last]];
	struct buf names = { 0 };

	for (uint32_t i = first; i <= last; i++)
		buf_printf(&names, "%s -> ", json_text(g->c->streams[g->walked[i]].from));
	buf_puts(&names, json_text(closing->to));
	check_error(g->c, closing->to, "the streams go round in a circle: %s", buf_text(&names));
	diag_help(g->c->d,
	    "data must flow one way; feed results back through a queue outside, if at all");
	buf_free(&names);
}

/* walk follows streams from START until it meets itself. */
static void walk(struct graph *g, uint32_t start)
{
	uint32_t at = start, n = 0;

	while (g->place[at] == 0) {
		g->place[at] = n + 1;
		g->walked[n] = stream_from(g, at);
		at = (uint32_t)g->c->streams[g->walked[n]].to_number;
		n++;
	}
	report(g, g->place[at] - 1, n - 1);
	g->cut[g->walked[n - 1]] = true;
}

void check_cycle(struct check *c)
{
	uint32_t n = c->t->n_components, start;
	struct graph g = {
		c,
		xcalloc(n + 1, 1),
		xcalloc(c->t->n_subscriptions + 1, 1),
		xcalloc(n + 1, sizeof(uint32_t)),
		xcalloc(n + 1, sizeof(uint32_t)),
	};

	for (int reports = 0; reports < MAX_REPORTS; reports++) {
		while (trim(&g))
			continue;
		for (start = 0; start < n && g.gone[start]; start++)
			continue;
		if (start == n)
			break;
		for (uint32_t i = 0; i < n; i++)
			g.place[i] = 0;
		walk(&g, start);
	}
	free(g.gone);
	free(g.cut);
	free(g.walked);
	free(g.place);
}
