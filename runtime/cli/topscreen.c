/* topscreen.c - see topscreen.h. SPDX-License-Identifier: Apache-2.0 */
#include "topscreen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "memory.h"

#define CUT "~"

enum { GAP_OF_PIECES = 2 };

/* ---- characters -------------------------------------------------------------------- */

/* One character as it is shown. */
struct glyph {
	size_t bytes;		/* of the text */
	const char *shown;	/* n_shown bytes */
	size_t n_shown;
	uint32_t columns;
};

static wchar_t decoded(const char *at, size_t n)
{
	wchar_t c = (unsigned char)at[0] & (n == 2 ? 0x1f : n == 3 ? 0x0f : 0x07);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)at[i] & 0x3f);
	return c;
}

/* glyph_at takes the first character of AT, which is not empty. */
static struct glyph glyph_at(bool utf8, const char *at)
{
	struct glyph g = { 1, "?", 1, 1 };
	unsigned char c = (unsigned char)at[0];
	size_t n;
	int columns;

	if (c >= ' ' && c < 0x7f)
		g.shown = at;
	if (c < 0x80)
		return g;
	n = utf8_length(at, strlen(at));
	if (n == 0)
		return g;
	g.bytes = n;
	columns = utf8 ? wcwidth(decoded(at, n)) : -1;
	if (columns >= 0) {
		g.shown = at;
		g.n_shown = n;
		g.columns = (uint32_t)columns;
	}
	return g;
}

/* columns_of counts up to MOST + 1: more are too many. */
static uint32_t columns_of(bool utf8, const char *text, uint32_t most)
{
	uint32_t n = 0;

	for (const char *at = text; *at != '\0' && n <= most; ) {
		struct glyph g = glyph_at(utf8, at);

		n += g.columns;
		at += g.bytes;
	}
	return n;
}

uint32_t topscreen_columns(const struct topscreen *s, const char *text)
{
	return columns_of(s->utf8, text, UINT32_MAX - 2);
}

/* ---- lines ------------------------------------------------------------------------- */

void topscreen_begin(struct topscreen *s, uint32_t width, uint32_t height, bool utf8)
{
	*s = (struct topscreen){ .width = width, .height = height, .utf8 = utf8 };
}

void topscreen_free(struct topscreen *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->lines[i].n; k++)
			free(s->lines[i].spans[k].text);
		free(s->lines[i].spans);
	}
	free(s->lines);
	*s = (struct topscreen){ 0 };
}

void topscreen_line(struct topscreen *s)
{
	s->lines = xgrow(s->lines, &s->cap, s->n + 1, sizeof *s->lines);
	s->lines[s->n++] = (struct topline){ 0 };
}

static struct topline *last_line(struct topscreen *s)
{
	return &s->lines[s->n - 1];
}

static uint32_t room_in(const struct topscreen *s, const struct topline *l)
{
	return s->width == 0 ? UINT32_MAX / 2 : s->width - l->used;
}

static void add_span(struct topline *l, enum topstyle style, struct buf *text, uint32_t columns)
{
	if (text->n > 0) {
		l->spans = xgrow(l->spans, &l->cap, l->n + 1, sizeof *l->spans);
		l->spans[l->n++] = (struct topspan){ style, xstrdup(buf_text(text)) };
		l->used += columns;
	}
	buf_free(text);
}

/* take adds of TEXT what fits into ROOM columns; gives how many it has. */
static uint32_t take(struct buf *out, bool utf8, const char *text, uint32_t room)
{
	bool cut = columns_of(utf8, text, room) > room;
	uint32_t n = 0, most = cut && room > 0 ? room - 1 : room;

	while (*text != '\0') {
		struct glyph g = glyph_at(utf8, text);

		if (n + g.columns > most)
			break;
		buf_add(out, g.shown, g.n_shown);
		n += g.columns;
		text += g.bytes;
	}
	if (cut && room > 0) {
		buf_puts(out, CUT);
		n++;
	}
	return n;
}

void topscreen_put(struct topscreen *s, enum topstyle style, const char *text)
{
	struct topline *l = last_line(s);
	struct buf out = { 0 };
	uint32_t n = take(&out, s->utf8, text, room_in(s, l));

	add_span(l, style, &out, n);
}

static void blanks(struct buf *out, uint32_t n)
{
	while (n-- > 0)
		buf_puts(out, " ");
}

void topscreen_cell(struct topscreen *s, enum topstyle style, const char *text, uint32_t width, bool right)
{
	struct topline *l = last_line(s);
	struct buf inside = { 0 }, out = { 0 };
	uint32_t all = width < room_in(s, l) ? width : room_in(s, l);
	uint32_t n = take(&inside, s->utf8, text, all);

	blanks(&out, right ? all - n : 0);
	buf_add(&out, inside.data, inside.n);
	blanks(&out, right ? 0 : all - n);
	buf_free(&inside);
	add_span(l, style, &out, all);
}

void topscreen_gap(struct topscreen *s, enum topstyle style, uint32_t width)
{
	topscreen_cell(s, style, "", width, false);
}

/* ---- several lines ----------------------------------------------------------------- */

/* break_at gives how many bytes of TEXT go into a line of WIDTH columns: up to a blank, if there is one. */
static size_t break_at(bool utf8, const char *text, uint32_t width)
{
	size_t blank = 0, at = 0;
	uint32_t n = 0;

	while (text[at] != '\0') {
		struct glyph g = glyph_at(utf8, text + at);

		if (text[at] == ' ')
			blank = at;
		if (n + g.columns > width)
			return blank > 0 ? blank : at > 0 ? at : g.bytes;
		n += g.columns;
		at += g.bytes;
	}
	return at;
}

void topscreen_wrap(struct topscreen *s, enum topstyle style, const char *text, uint32_t most)
{
	for (uint32_t line = 1; *text != '\0'; line++) {
		bool last = s->width == 0 || line == most;
		size_t n = last ? strlen(text) : break_at(s->utf8, text, s->width);
		char *part = xstrndup(text, n);

		topscreen_line(s);
		topscreen_put(s, style, part);
		free(part);
		if (last)
			return;
		text += n;
		text += strspn(text, " ");
	}
}

void toppieces_add(struct toppieces *p, uint8_t rank, enum topstyle style, const char *format, ...)
{
	char text[512];
	va_list args;

	if (p->n == sizeof p->items / sizeof *p->items)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	p->items[p->n++] = (struct toppiece){ rank, style, xstrdup(text) };
}

static uint64_t width_of(const struct topscreen *s, const struct toppieces *p, uint8_t below)
{
	uint64_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].rank < below)
			n += (n > 0 ? GAP_OF_PIECES : 0) + topscreen_columns(s, p->items[i].text);
	return n;
}

void topscreen_pieces(struct topscreen *s, struct toppieces *p)
{
	uint8_t below = UINT8_MAX;

	while (s->width > 0 && below > 1 && width_of(s, p, below) > s->width)
		below--;
	topscreen_line(s);
	for (size_t i = 0; i < p->n; i++) {
		if (p->items[i].rank < below) {
			topscreen_gap(s, STYLE_PLAIN, last_line(s)->used > 0 ? GAP_OF_PIECES : 0);
			topscreen_put(s, p->items[i].style, p->items[i].text);
		}
		free(p->items[i].text);
	}
	p->n = 0;
}

void topscreen_text(const struct topscreen *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t begin = out->n;

		for (size_t k = 0; k < s->lines[i].n; k++)
			buf_puts(out, s->lines[i].spans[k].text);
		while (out->n > begin && out->data[out->n - 1] == ' ')
			out->n--;
		buf_puts(out, "\n");
	}
}
