/* cmd_graph.c - gale graph: draw a topology, as a tree of text or for Graphviz; what is chained and
 * combined; one that runs with its rates.
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
#include "plan.h"
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
	const struct plan *plan;
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
		dot_marks(&g->out, g->plan, s);
		live_edge(&g->out, g->m, s);
		buf_puts(&g->out, " --> ");
		buf_puts(&g->indent, left > 0 ? "|   " : "    ");
		draw(g, s->to);
		g->indent.n = depth;
	}
}

/* list_processes says what is chained, and of what could not be why; nothing where nobody wants it. */
static void list_processes(struct buf *out, const struct plan *p)
{
	const struct topology *t = p->topology;
	struct buf list = { 0 }, why = { 0 };

	for (uint32_t c = 0; c < t->n_components; c++) {
		if (!plan_is_chain(p, c))
			continue;
		plan_chain_text(p, c, &list);
		buf_puts(&list, "\n");
	}
	for (uint32_t c = 0; c < t->n_components; c++) {
		why.n = 0;
		if (plan_why_apart(t, c, &why))
			buf_printf(&list, "%s is not chained: %s\n", t->components[c].id, buf_text(&why));
	}
	if (list.n > 0)
		buf_puts(out, "\n");
	buf_add(out, list.data, list.n);
	buf_free(&list);
	buf_free(&why);
}

static void print_ascii(const struct plan *p, const struct metrics *m)
{
	const struct topology *t = p->topology;
	struct tree g = { .t = t, .plan = p, .m = m, .drawn = xcalloc(t->n_components + 1, 1) };

	buf_printf(&g.out, "%s\n\n", t->name);
	for (uint32_t i = 0; i < t->n_spouts; i++) {
		draw(&g, i);
		if (i + 1 < t->n_spouts)
			buf_puts(&g.out, "\n");
	}
	list_processes(&g.out, p);
	fwrite(g.out.data, 1, g.out.n, stdout);
	buf_free(&g.out);
	buf_free(&g.indent);
	free(g.drawn);
}

/* ---- for Graphviz ----------------------------------------------------------------- */

/* put_why has a tooltip say why C could not be chained. */
static void put_why(struct buf *out, const struct topology *t, uint32_t c)
{
	struct buf why = { 0 };

	buf_puts(&why, "not chained: ");
	if (plan_why_apart(t, c, &why)) {
		buf_puts(out, ", tooltip=");
		dot_quote(out, buf_text(&why));
	}
	buf_free(&why);
}

static void put_component(struct buf *out, const struct topology *t, uint32_t number, const struct metrics *m,
    const char *indent)
{
	const struct component *c = &t->components[number];
	struct buf label = { 0 };

	buf_printf(&label, "%s [%s", c->id, c->part.class_name);
	size_text(&label, c);
	buf_puts(&label, "]");
	live_component(&label, m, number);
	buf_puts(out, indent);
	dot_quote(out, c->id);
	buf_puts(out, " [label=");
	dot_quote(out, buf_text(&label));
	buf_printf(out, ", shape=%s", c->kind == GALE_SPOUT ? "cds" : "box");
	put_why(out, t, number);
	buf_puts(out, "];\n");
	buf_free(&label);
}

/* put_cluster adds HEAD and what runs in its workers. */
static void put_cluster(struct buf *out, const struct plan *p, uint32_t head, const struct metrics *m)
{
	uint32_t n = plan_executors(p, head);

	buf_printf(out, "\tsubgraph cluster_%u {\n\t\tstyle=rounded;\n\t\tlabel=", head);
	if (n == 1)
		buf_puts(out, "\"one process\";\n");
	else
		buf_printf(out, "\"%u processes, each with all of these\";\n", n);
	for (uint32_t c = 0; c < p->topology->n_components; c++)
		if (plan_chain_head(p, c) == head)
			put_component(out, p->topology, c, m, "\t\t");
	buf_puts(out, "\t}\n");
}

static void put_edge(struct buf *out, const struct plan *p, const struct subscription *s, const struct metrics *m)
{
	const struct topology *t = p->topology;
	struct buf label = { 0 };

	dot_edge(&label, t, s);
	dot_marks(&label, p, s);
	live_edge(&label, m, s);
	buf_puts(out, "\t");
	dot_quote(out, t->components[s->from].id);
	buf_puts(out, " -> ");
	dot_quote(out, t->components[s->to].id);
	buf_puts(out, " [label=");
	dot_quote(out, buf_text(&label));
	buf_puts(out, dot_is_call(p, s) ? ", style=dashed];\n" : "];\n");
	buf_free(&label);
}

static void print_dot(const struct plan *p, const struct metrics *m)
{
	const struct topology *t = p->topology;
	struct buf out = { 0 };

	buf_puts(&out, "digraph ");
	dot_quote(&out, t->name);
	buf_puts(&out, " {\n\trankdir=LR;\n");
	for (uint32_t i = 0; i < t->n_components; i++)
		if (plan_is_chain(p, i))
			put_cluster(&out, p, i, m);
		else if (plan_chain_head(p, i) == i)
			put_component(&out, t, i, m, "\t");
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		put_edge(&out, p, &t->subscriptions[i], m);
	buf_puts(&out, "}\n");
	fwrite(out.data, 1, out.n, stdout);
	buf_free(&out);
}

/* ---- the command ------------------------------------------------------------------ */

static const struct format {
	const char *name;
	void (*print)(const struct plan *p, const struct metrics *m);
} formats[] = { { "ascii", print_ascii }, { "dot", print_dot } };

static void print(const struct format *format, const struct topology *t, const struct metrics *m)
{
	struct plan *p = plan_make(t);

	format->print(p, m);
	plan_free(p);
}

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
		print(format, t, s.m);
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
		print(&formats[i], t, NULL);
	topology_free(t);
	return code;
}
