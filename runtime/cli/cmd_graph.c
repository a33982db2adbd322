/* cmd_graph.c - gale graph: draw a topology, as a tree of text or for Graphviz; one that runs
 * with its rates.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "buf.h"
#include "command.h"
#include "dot.h"
#include "memory.h"
#include "show.h"
#include "table.h"

/* ---- what stands on an edge and at a component ------------------------------------- */

static void rate_text(struct buf *out, const struct metrics *m, double n)
{
	double rate = show_rate(m, n);

	if (rate > 0 && rate < 10)
		buf_printf(out, "%.1f", rate);
	else
		text_number(out, (uint64_t)(rate + 0.5));
	buf_puts(out, "/s");
}

/* live_edge adds how many tuples go along, if M, the topology as it runs, is known. */
static void live_edge(struct buf *out, const struct metrics *m, const struct subscription *s)
{
	if (m == NULL)
		return;
	buf_puts(out, " ");
	rate_text(out, m, metrics_edge_tuples(m, m->window, (uint32_t)(s - m->topology->subscriptions)));
}

/* live_component adds its rate, a spout's of messages; latency; and how busy its workers are. */
static void live_component(struct buf *out, const struct metrics *m, uint32_t c)
{
	const struct sample_part *p;
	const struct hist *h;
	bool spout;

	if (m == NULL)
		return;
	p = &m->window->components[c];
	spout = c < m->topology->n_spouts;
	h = spout ? &m->window->latency[c].complete : &m->window->latency[c].execute;
	buf_puts(out, "  ");
	rate_text(out, m, (double)(spout ? sample_messages(&m->topology->components[c], p) : p->n[COUNT_EXECUTED]));
	if (h->n > 0) {
		buf_puts(out, "  p99 ");
		text_latency(out, hist_quantile(h, 0.99));
	}
	if (metrics_head(m, c))
		buf_printf(out, "  busy %.0f%%  blocked %.0f%%", 100 * metrics_share(p, COUNT_BUSY),
		    100 * metrics_share(p, COUNT_BLOCKED));
}

static void size_text(struct buf *out, const struct component *c)
{
	if (c->parallelism > 1)
		buf_printf(out, ", %u processes", c->parallelism);
	if (c->n_tasks > c->parallelism)
		buf_printf(out, ", %u tasks", c->n_tasks);
}

/* ---- as text ---------------------------------------------------------------------- */

struct tree {
	const struct topology *t;
	const struct metrics *m;	/* NULL: it does not run */
	struct buf out;
	struct buf indent;
	bool *drawn;		/* per component */
};

/* draw adds the component and, the first time, all that it feeds. The graph has no circles
 * and a thousand components at most: that bounds the depth. */
static void draw(struct tree *g, uint32_t component)
{
	const struct component *c = &g->t->components[component];
	size_t depth = g->indent.n;
	uint32_t left = 0;

	if (g->drawn[component]) {
		buf_printf(&g->out, "%s (above)\n", c->id);
		return;
	}
	g->drawn[component] = true;
	buf_printf(&g->out, "%s  [%s", c->id, c->part.class_name);
	size_text(&g->out, c);
	buf_puts(&g->out, "]");
	live_component(&g->out, g->m, component);
	buf_puts(&g->out, "\n");
	for (uint32_t i = 0; i < g->t->n_subscriptions; i++)
		left += g->t->subscriptions[i].from == component;
	for (uint32_t i = 0; i < g->t->n_subscriptions; i++) {
		const struct subscription *s = &g->t->subscriptions[i];

		if (s->from != component)
			continue;
		left--;
		buf_add(&g->out, g->indent.data, g->indent.n);
		buf_puts(&g->out, left > 0 ? "|-- " : "`-- ");
		dot_edge(&g->out, g->t, s);
		live_edge(&g->out, g->m, s);
		buf_puts(&g->out, " --> ");
		buf_puts(&g->indent, left > 0 ? "|   " : "    ");
		draw(g, s->to);
		g->indent.n = depth;
	}
}

static void print_ascii(const struct topology *t, const struct metrics *m)
{
	struct tree g = { .t = t, .m = m, .drawn = xcalloc(t->n_components + 1, 1) };

	buf_printf(&g.out, "%s\n\n", t->name);
	for (uint32_t i = 0; i < t->n_spouts; i++) {
		draw(&g, i);
		if (i + 1 < t->n_spouts)
			buf_puts(&g.out, "\n");
	}
	fwrite(g.out.data, 1, g.out.n, stdout);
	buf_free(&g.out);
	buf_free(&g.indent);
	free(g.drawn);
}

/* ---- for Graphviz ----------------------------------------------------------------- */

static void put_component(struct buf *out, const struct topology *t, uint32_t number, const struct metrics *m)
{
	const struct component *c = &t->components[number];
	struct buf label = { 0 };

	buf_printf(&label, "%s [%s", c->id, c->part.class_name);
	size_text(&label, c);
	buf_puts(&label, "]");
	live_component(&label, m, number);
	buf_puts(out, "\t");
	dot_quote(out, c->id);
	buf_puts(out, " [label=");
	dot_quote(out, buf_text(&label));
	buf_printf(out, ", shape=%s];\n", c->kind == GALE_SPOUT ? "cds" : "box");
	buf_free(&label);
}

static void put_edge(struct buf *out, const struct topology *t, const struct subscription *s,
    const struct metrics *m)
{
	struct buf label = { 0 };

	dot_edge(&label, t, s);
	live_edge(&label, m, s);
	buf_puts(out, "\t");
	dot_quote(out, t->components[s->from].id);
	buf_puts(out, " -> ");
	dot_quote(out, t->components[s->to].id);
	buf_puts(out, " [label=");
	dot_quote(out, buf_text(&label));
	buf_puts(out, "];\n");
	buf_free(&label);
}

static void print_dot(const struct topology *t, const struct metrics *m)
{
	struct buf out = { 0 };

	buf_puts(&out, "digraph ");
	dot_quote(&out, t->name);
	buf_puts(&out, " {\n\trankdir=LR;\n");
	for (uint32_t i = 0; i < t->n_components; i++)
		put_component(&out, t, i, m);
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		put_edge(&out, t, &t->subscriptions[i], m);
	buf_puts(&out, "}\n");
	fwrite(out.data, 1, out.n, stdout);
	buf_free(&out);
}

/* ---- the command ------------------------------------------------------------------ */

static const struct format {
	const char *name;
	void (*print)(const struct topology *t, const struct metrics *m);
} formats[] = { { "ascii", print_ascii }, { "dot", print_dot } };

/* is_topology: WHAT is no file, and is the name of a topology, or can be nothing else. */
static bool is_topology(const char *what)
{
	struct home h;

	if (access(what, F_OK) == 0 || home_name_check(what, NULL) != 0)
		return false;
	if (home_open(&h, what, NULL) == HOME_OK)
		home_close(&h);
	else if (strchr(what, '.') != NULL)
		return false;
	return true;
}

/* draw_running draws the topology NAME; without rates when it does not run. */
static int draw_running(const char *name, const struct format *format)
{
	struct survey s;
	struct home h;
	struct error e;
	const struct topology *t;
	int code = ask_home(name, &h);	/* says what is wrong with the name */

	if (code != EXIT_DONE)
		return code;
	home_close(&h);
	if (survey_open(&s, name, METRICS_WINDOW, WINDOW_1M, &e) != HOME_OK) {
		command_say("%s", e.text);
		return EXIT_NOT_FOUND;
	}
	t = survey_definition(&s);
	if (t != NULL)
		format->print(t, s.m);
	else
		command_say("the definition of %s can't be read", name);
	survey_close(&s);
	return t != NULL ? EXIT_DONE : EXIT_FAILED;
}

int cmd_graph(const struct command_line *line)
{
	const char *format = command_value(line, "format");
	struct topology *t;
	size_t i = 0;
	int code;

	while (format != NULL && i < sizeof formats / sizeof *formats &&
	    strcmp(formats[i].name, format) != 0)
		i++;
	if (i == sizeof formats / sizeof *formats) {
		command_say("unknown format \"%s\": there is ascii and dot", format);
		return EXIT_USAGE;
	}
	if (is_topology(line->operands[0]))
		return draw_running(line->operands[0], &formats[i]);
	t = command_load(line, line->operands[0], &code);
	if (t != NULL)
		formats[i].print(t, NULL);
	topology_free(t);
	return code;
}
