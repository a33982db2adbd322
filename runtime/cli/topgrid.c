/* topgrid.c - see topgrid.h. SPDX-License-Identifier: Apache-2.0 */
#include "topgrid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { NAME_LEAST = 10, NARROW_GAP = 1, WIDE_GAP = 2 };

#define SORTED "*"
#define MARK ">"

void topgrid_begin(struct topgrid *g, const struct topgrid_column *columns, size_t n_columns)
{
	*g = (struct topgrid){ .columns = columns, .n_columns = n_columns };
}

void topgrid_free(struct topgrid *g)
{
	for (size_t i = 0; i < g->n; i++) {
		for (size_t k = 0; k < g->rows[i].n; k++)
			free(g->rows[i].cells[k].text);
		free(g->rows[i].key);
	}
	free(g->rows);
	*g = (struct topgrid){ 0 };
}

void topgrid_row(struct topgrid *g, const char *key)
{
	g->rows = xgrow(g->rows, &g->cap, g->n + 1, sizeof *g->rows);
	g->rows[g->n] = (struct topgrid_row){ .key = xstrdup(key), .number = g->n };
	g->n++;
}

void topgrid_cell(struct topgrid *g, enum topstyle style, double value, const char *format, ...)
{
	struct topgrid_row *r = &g->rows[g->n - 1];
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	r->cells[r->n++] = (struct topgrid_cell){ style, value, xstrdup(text) };
}

/* ---- order ------------------------------------------------------------------------- */

struct order {
	int column;
	bool number;
};

static int compare(const void *a, const void *b, void *arg)
{
	const struct topgrid_row *x = a, *y = b;
	const struct order *o = arg;
	const struct topgrid_cell *p = &x->cells[o->column], *q = &y->cells[o->column];
	int way = o->number ? (p->value < q->value) - (p->value > q->value) : strcmp(p->text, q->text);

	return way != 0 ? way : (x->number > y->number) - (x->number < y->number);
}

void topgrid_sort(struct topgrid *g, int column)
{
	struct order o = { .column = column };

	if (column < 0 || (size_t)column >= g->n_columns || g->n < 2)
		return;
	o.number = g->columns[column].kind == GRID_NUMBER;
	qsort_r(g->rows, g->n, sizeof *g->rows, compare, &o);
}

int topgrid_next(const struct topgrid *g, int column)
{
	for (int i = column + 1; (size_t)i < g->n_columns; i++)
		if (g->shown[i] && g->columns[i].kind != GRID_BAR && g->columns[i].kind != GRID_REST)
			return i;
	return TOPGRID_UNSORTED;
}

/* ---- widths ------------------------------------------------------------------------ */

struct layout {
	uint32_t width[TOPGRID_COLUMNS];
	uint32_t gap, mark;
};

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t cells_width(const struct topgrid *g, const struct topscreen *s, size_t column)
{
	uint32_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n = larger(n, topscreen_columns(s, g->rows[i].cells[column].text));
	return n;
}

static uint32_t width_of(const struct topgrid *g, const struct topscreen *s, size_t column, bool sorted)
{
	const struct topgrid_column *c = &g->columns[column];
	uint32_t head = (uint32_t)strlen(c->head) + sorted, n = larger(larger(head, c->least), cells_width(g, s, column));

	if (s->width > 0 && c->kind == GRID_REST)
		n = larger(head, c->least);
	if (s->width > 0 && c->kind == GRID_NAME && n > larger(s->width / 3, NAME_LEAST))
		n = larger(s->width / 3, NAME_LEAST);
	return n;
}

static uint64_t total(const struct topgrid *g, const struct layout *l)
{
	uint64_t n = l->mark;
	bool any = false;

	for (size_t i = 0; i < g->n_columns; i++) {
		if (!g->shown[i])
			continue;
		n += l->width[i] + (any ? l->gap : 0);
		any = true;
	}
	return n;
}

/* leave_out hides the column of the greatest rank; false: none may go. */
static bool leave_out(struct topgrid *g)
{
	size_t worst = g->n_columns;

	for (size_t i = 0; i < g->n_columns; i++)
		if (g->shown[i] && g->columns[i].rank > 0 &&
		    (worst == g->n_columns || g->columns[i].rank > g->columns[worst].rank))
			worst = i;
	if (worst < g->n_columns)
		g->shown[worst] = false;
	return worst < g->n_columns;
}

static void lay_out(struct topgrid *g, const struct topscreen *s, const struct topgrid_place *p, struct layout *l)
{
	*l = (struct layout){ .gap = NARROW_GAP, .mark = p->rows > 0 };
	for (size_t i = 0; i < g->n_columns; i++) {
		enum topgrid_kind kind = g->columns[i].kind;

		l->width[i] = width_of(g, s, i, p->sorted == (int)i);
		g->shown[i] = !(kind == GRID_REST && cells_width(g, s, i) == 0) && !(kind == GRID_BAR && p->rows == 0);
	}
	while (s->width > 0 && total(g, l) > s->width && leave_out(g))
		;
	l->gap = WIDE_GAP;
	if (s->width > 0 && total(g, l) > s->width)
		l->gap = NARROW_GAP;
	for (size_t i = 0; s->width > 0 && i < g->n_columns; i++)
		if (g->shown[i] && g->columns[i].kind == GRID_REST && total(g, l) < s->width)
			l->width[i] += s->width - (uint32_t)total(g, l);
}

/* ---- rows -------------------------------------------------------------------------- */

/* choose finds the row that is marked, and has it be among the visible ones. */
static void choose(struct topgrid *g, const struct topgrid_place *p)
{
	size_t rows = p->rows > 0 ? p->rows : g->n, i = 0;

	while (p->selected != NULL && i < g->n && strcmp(g->rows[i].key, p->selected) != 0)
		i++;
	g->selected = p->selected != NULL && i < g->n ? i : p->at < g->n ? p->at : g->n > 0 ? g->n - 1 : 0;
	g->first = p->first;
	if (g->first + rows > g->n)
		g->first = g->n > rows ? g->n - rows : 0;
	if (g->selected < g->first)
		g->first = g->selected;
	if (rows > 0 && g->selected >= g->first + rows)
		g->first = g->selected - rows + 1;
	g->n_visible = g->n - g->first < rows ? g->n - g->first : rows;
}

static void put_heads(const struct topgrid *g, struct topscreen *s, const struct layout *l, int sorted)
{
	bool any = false;

	topscreen_line(s);
	topscreen_gap(s, STYLE_HEADS, l->mark);
	for (size_t i = 0; i < g->n_columns; i++) {
		char head[64];

		if (!g->shown[i])
			continue;
		snprintf(head, sizeof head, "%s%s", sorted == (int)i ? SORTED : "", g->columns[i].head);
		topscreen_gap(s, STYLE_HEADS, any ? l->gap : 0);
		topscreen_cell(s, STYLE_HEADS, head, l->width[i], g->columns[i].kind == GRID_NUMBER);
		any = true;
	}
	if (s->width > s->lines[s->n - 1].used)
		topscreen_gap(s, STYLE_HEADS, s->width - s->lines[s->n - 1].used);
}

static void put_row(const struct topgrid *g, struct topscreen *s, const struct layout *l, size_t row)
{
	const struct topgrid_row *r = &g->rows[row];
	bool marked = l->mark > 0 && row == g->selected, any = false;

	topscreen_line(s);
	topscreen_cell(s, STYLE_STRONG, marked ? MARK : "", l->mark, false);
	for (size_t i = 0; i < g->n_columns; i++) {
		if (!g->shown[i])
			continue;
		topscreen_gap(s, STYLE_PLAIN, any ? l->gap : 0);
		topscreen_cell(s, r->cells[i].style, r->cells[i].text, l->width[i],
		    g->columns[i].kind == GRID_NUMBER);
		any = true;
	}
	s->lines[s->n - 1].selected = marked;
}

void topgrid_put(struct topgrid *g, struct topscreen *s, const struct topgrid_place *p)
{
	struct layout l;

	lay_out(g, s, p, &l);
	choose(g, p);
	put_heads(g, s, &l, p->sorted);
	for (size_t i = 0; i < g->n_visible; i++)
		put_row(g, s, &l, g->first + i);
}
