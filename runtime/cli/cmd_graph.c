/* cmd_graph.c - gale graph: draw a topology, as a tree of text or for Graphviz.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "command.h"
#include "memory.h"

/* ---- what stands on an edge ------------------------------------------------------- */

/* edge_text adds "FIELDS(word)", and the stream where it is not the default one. */
static void edge_text(struct buf *out, const struct topology *t, const struct subscription *s)
{
	const struct stream *from = &t->components[s->from].outputs[s->stream];

	buf_puts(out, topology_grouping_names[s->grouping]);
	for (uint32_t i = 0; i < s->n_fields; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "(", from->fields[s->fields[i]].name);
	if (s->n_fields > 0)
		buf_puts(out, ")");
	if (s->grouping == GROUPING_CUSTOM)
		buf_printf(out, "(%s)", s->custom.class_name);
	if (strcmp(from->id, "default") != 0)
		buf_printf(out, " of %s", from->id);
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
	buf_puts(&g->out, "]\n");
	for (uint32_t i = 0; i < g->t->n_subscriptions; i++)
		left += g->t->subscriptions[i].from == component;
	for (uint32_t i = 0; i < g->t->n_subscriptions; i++) {
		const struct subscription *s = &g->t->subscriptions[i];

		if (s->from != component)
			continue;
		left--;
		buf_add(&g->out, g->indent.data, g->indent.n);
		buf_puts(&g->out, left > 0 ? "|-- " : "`-- ");
		edge_text(&g->out, g->t, s);
		buf_puts(&g->out, " --> ");
		buf_puts(&g->indent, left > 0 ? "|   " : "    ");
		draw(g, s->to);
		g->indent.n = depth;
	}
}

static void print_ascii(const struct topology *t)
{
	struct tree g = { .t = t, .drawn = xcalloc(t->n_components + 1, 1) };

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

/* quoted adds S as a string of the dot language. */
static void quoted(struct buf *out, const char *s)
{
	buf_puts(out, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_puts(out, "\\");
		buf_add(out, s, 1);
	}
	buf_puts(out, "\"");
}

static void dot_component(struct buf *out, const struct component *c)
{
	struct buf label = { 0 };

	buf_printf(&label, "%s [%s", c->id, c->part.class_name);
	size_text(&label, c);
	buf_puts(&label, "]");
	buf_puts(out, "\t");
	quoted(out, c->id);
	buf_puts(out, " [label=");
	quoted(out, buf_text(&label));
	buf_printf(out, ", shape=%s];\n", c->kind == GALE_SPOUT ? "cds" : "box");
	buf_free(&label);
}

static void dot_edge(struct buf *out, const struct topology *t, const struct subscription *s)
{
	struct buf label = { 0 };

	edge_text(&label, t, s);
	buf_puts(out, "\t");
	quoted(out, t->components[s->from].id);
	buf_puts(out, " -> ");
	quoted(out, t->components[s->to].id);
	buf_puts(out, " [label=");
	quoted(out, buf_text(&label));
	buf_puts(out, "];\n");
	buf_free(&label);
}

static void print_dot(const struct topology *t)
{
	struct buf out = { 0 };

	buf_puts(&out, "digraph ");
	quoted(&out, t->name);
	buf_puts(&out, " {\n\trankdir=LR;\n");
	for (uint32_t i = 0; i < t->n_components; i++)
		dot_component(&out, &t->components[i]);
	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		dot_edge(&out, t, &t->subscriptions[i]);
	buf_puts(&out, "}\n");
	fwrite(out.data, 1, out.n, stdout);
	buf_free(&out);
}

/* ---- the command ------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*print)(const struct topology *t);
} formats[] = { { "ascii", print_ascii }, { "dot", print_dot } };

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
	t = command_load(line, line->operands[0], &code);
	if (t != NULL)
		formats[i].print(t);
	topology_free(t);
	return code;
}
