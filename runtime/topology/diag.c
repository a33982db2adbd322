/* diag.c - see diag.h: collecting, and showing as text and as JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "diag.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum {
	TEXT_MAX = 500,		/* bytes of one text: a user's string may have 16 MiB */
	LINE_MAX_SHOWN = 100,	/* columns of a source line */
	LEAD = 60		/* of them before the token, when the line is cut */
};

static const char *const severity_names[] = {
	[DIAG_ERROR] = "error",
	[DIAG_WARNING] = "warning",
};

/* ---- collecting ------------------------------------------------------------------- */

void diag_source(struct diagnostics *d, const char *file, char *text, size_t n)
{
	free(d->file);
	free(d->text);
	d->file = xstrdup(file);
	d->text = text;
	d->n = text != NULL ? n : 0;
	if (d->n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		d->n -= 3;
		memmove(text, text + 3, d->n + 1);
	}
}

/* format makes the text of one diagnostic, cut at TEXT_MAX bytes between characters. */
static char *format(const char *text, va_list args)
{
	char cut[TEXT_MAX + 4];
	int n = vsnprintf(cut, TEXT_MAX, text, args);

	if (n >= TEXT_MAX) {
		size_t end = TEXT_MAX - 1;

		while (end > 0 && ((unsigned char)cut[end - 1] & 0xC0) == 0x80)
			end--;
		memcpy(cut + (end > 0 ? end - 1 : 0), "...", 4);
	}
	return xstrdup(cut);
}

static void forget(struct diagnostic *x)
{
	free(x->text);
	free(x->help);
	free(x->note);
	*x = (struct diagnostic){ 0 };
}

static void add(struct diagnostics *d, enum diag_severity severity, size_t start, size_t end,
    char *text)
{
	struct diagnostic *x = &d->spare;

	d->n_errors += severity == DIAG_ERROR;
	d->n_warnings += severity == DIAG_WARNING;
	d->spared = d->n_items == DIAG_KEPT;
	if (!d->spared) {
		d->items = xgrow(d->items, &d->cap, d->n_items + 1, sizeof *d->items);
		x = &d->items[d->n_items++];
		*x = (struct diagnostic){ 0 };
	}
	forget(x);
	x->severity = severity;
	x->start = start;
	x->end = end > start ? end : start + 1;
	x->text = text;
	x->number = d->n_items;
}

void diag_error(struct diagnostics *d, size_t start, size_t end, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	add(d, DIAG_ERROR, start, end, format(text, args));
	va_end(args);
}

void diag_warning(struct diagnostics *d, size_t start, size_t end, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	add(d, DIAG_WARNING, start, end, format(text, args));
	va_end(args);
}

static struct diagnostic *last(struct diagnostics *d)
{
	return d->spared ? &d->spare : &d->items[d->n_items - 1];
}

void diag_help(struct diagnostics *d, const char *text, ...)
{
	struct diagnostic *x = last(d);
	va_list args;

	free(x->help);
	va_start(args, text);
	x->help = format(text, args);
	va_end(args);
	if (x->help[0] == '\0') {	/* nearest_help had nothing to say */
		free(x->help);
		x->help = NULL;
	}
}

void diag_note(struct diagnostics *d, size_t at, const char *text, ...)
{
	struct diagnostic *x = last(d);
	va_list args;

	free(x->note);
	va_start(args, text);
	x->note = format(text, args);
	va_end(args);
	x->note_at = at;
}

void diag_free(struct diagnostics *d)
{
	for (size_t i = 0; i < d->n_items; i++)
		forget(&d->items[i]);
	forget(&d->spare);
	free(d->items);
	free(d->file);
	free(d->text);
	*d = (struct diagnostics){ 0 };
}

/* ---- places ----------------------------------------------------------------------- */

static size_t line_start(const struct diagnostics *d, size_t at)
{
	const char *newline;

	if (at > d->n)
		at = d->n;
	newline = at > 0 ? memrchr(d->text, '\n', at) : NULL;
	return newline != NULL ? (size_t)(newline - d->text) + 1 : 0;
}

static size_t line_end(const struct diagnostics *d, size_t at)
{
	const char *newline = at < d->n ? memchr(d->text + at, '\n', d->n - at) : NULL;
	size_t end = newline != NULL ? (size_t)(newline - d->text) : d->n;

	return end > at && d->text[end - 1] == '\r' ? end - 1 : end;
}

/* characters counts those that begin in [from, to): bytes that continue none. */
static size_t characters(const char *text, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++)
		n += ((unsigned char)text[i] & 0xC0) != 0x80;
	return n;
}

void diag_position(const struct diagnostics *d, size_t at, size_t *line, size_t *column)
{
	const char *p = d->text, *newline;

	*line = *column = 1;
	if (d->text == NULL)
		return;
	if (at > d->n)
		at = d->n;
	while ((newline = memchr(p, '\n', (size_t)(d->text + at - p))) != NULL) {
		p = newline + 1;
		++*line;
	}
	*column = 1 + characters(d->text, (size_t)(p - d->text), at);
}

/* ---- printing --------------------------------------------------------------------- */

/* width gives the terminal cells of a code point, well enough to put carets under it: none
 * for combining marks, two for East Asian characters and pictures. */
static size_t width(uint32_t c)
{
	static const struct {
		uint32_t from, to;
		size_t width;
	} ranges[] = {
		{ 0x0300, 0x036F, 0 }, { 0x200B, 0x200D, 0 }, { 0xFE00, 0xFE0F, 0 },
		{ 0x1100, 0x115F, 2 }, { 0x2E80, 0xA4CF, 2 }, { 0xAC00, 0xD7A3, 2 },
		{ 0xF900, 0xFAFF, 2 }, { 0xFE30, 0xFE6F, 2 }, { 0xFF00, 0xFF60, 2 },
		{ 0x1F300, 0x1F64F, 2 }, { 0x1F900, 0x1F9FF, 2 }, { 0x20000, 0x3FFFD, 2 },
	};
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (c >= ranges[i].from && c <= ranges[i].to)
			return ranges[i].width;
	return 1;
}

static uint32_t code_point(const char *s, size_t length)
{
	static const unsigned char first_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
	uint32_t c = (unsigned char)s[0] & first_bits[length];

	for (size_t i = 1; i < length; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3F);
	return c;
}

/* is_control tells of a code point that would move the cursor or turn the text around. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) ||
	    (c >= 0x2066 && c <= 0x2069);
}

/* show adds the character at S as a terminal may see it, tabs as one space, and returns
 * the bytes read; *CELLS grows by what it takes. */
static size_t show(struct buf *out, const char *s, size_t n, size_t *cells)
{
	size_t length = utf8_length(s, n), before = out->n;
	uint32_t c = length > 0 ? code_point(s, length) : (unsigned char)s[0];

	if (c == '\t')
		buf_puts(out, " ");
	else if (length == 0)
		buf_printf(out, "\\x%02x", (unsigned)c);
	else if (is_control(c))
		buf_printf(out, "\\u%04x", (unsigned)c);
	else {
		buf_add(out, s, length);
		*cells += width(c);
		return length;
	}
	*cells += out->n - before;
	return length > 0 ? length : 1;
}

static void show_text(struct buf *out, const char *text)
{
	size_t n = strlen(text), cells = 0;

	for (size_t i = 0; i < n; )
		i += show(out, text + i, n - i, &cells);
}

/* back gives the offset COUNT characters before AT, not before LIMIT. */
static size_t back(const char *text, size_t at, size_t limit, size_t count)
{
	while (at > limit && count > 0) {
		at--;
		count -= ((unsigned char)text[at] & 0xC0) != 0x80;
	}
	return at;
}

/* excerpt adds the source line of X with carets below the token. A long line is cut around
 * it. */
static void excerpt(
    struct buf *out, const struct diagnostics *d, const struct diagnostic *x, size_t line)
{
	size_t at = x->start < d->n ? x->start : d->n, begin = line_start(d, at),
	       end = line_end(d, begin), i;
	size_t cells = 0, caret = 0, caret_end = 0;
	bool cut = characters(d->text, begin, end) > LINE_MAX_SHOWN &&
	    characters(d->text, begin, at) > LEAD;

	buf_printf(out, "%6zu | ", line);
	i = cut ? back(d->text, at, begin, LEAD) : begin;
	if (i > begin) {
		buf_puts(out, "...");
		cells = 3;
	}
	for (; i < end && cells < LINE_MAX_SHOWN; ) {
		if (i == at)
			caret = cells;
		i += show(out, d->text + i, end - i, &cells);
		if (i <= x->end)
			caret_end = cells;
	}
	if (i < end)
		buf_puts(out, "...");
	if (at >= end)
		caret = cells;
	buf_printf(out, "\n%6s | %*s", "", (int)caret, "");
	for (size_t k = caret; k < caret_end || k == caret; k++)
		buf_puts(out, "^");
	buf_puts(out, "\n");
}

static void print_one(struct buf *out, const struct diagnostics *d, const struct diagnostic *x)
{
	size_t line, column;

	diag_position(d, x->start, &line, &column);
	show_text(out, d->file);
	buf_printf(out, ":%zu:%zu: %s: ", line, column, severity_names[x->severity]);
	show_text(out, x->text);
	buf_puts(out, "\n");
	if (d->text != NULL)
		excerpt(out, d, x, line);
	if (x->help != NULL) {
		buf_puts(out, "       = help: ");
		show_text(out, x->help);
		buf_puts(out, "\n");
	}
	if (x->note != NULL) {
		diag_position(d, x->note_at, &line, &column);
		buf_puts(out, "       = note: ");
		show_text(out, x->note);
		buf_puts(out, ": ");
		show_text(out, d->file);
		buf_printf(out, ":%zu:%zu\n", line, column);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct diagnostic *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void sort(struct diagnostics *d)
{
	if (d->n_items > 1)
		qsort(d->items, d->n_items, sizeof *d->items, by_place);
}

static void plural(struct buf *out, size_t n, const char *word)
{
	buf_printf(out, "%zu %s%s", n, word, n == 1 ? "" : "s");
}

void diag_print(struct diagnostics *d, FILE *out)
{
	size_t all = d->n_errors + d->n_warnings,
	       shown = d->n_items < DIAG_SHOWN ? d->n_items : DIAG_SHOWN;
	struct buf text = { 0 };

	if (all == 0)
		return;
	sort(d);
	for (size_t i = 0; i < shown; i++)
		print_one(&text, d, &d->items[i]);
	if (shown < all)
		buf_printf(&text, "and %zu more\n", all - shown);
	show_text(&text, d->file);
	buf_puts(&text, ": ");
	plural(&text, d->n_errors, "error");
	buf_puts(&text, ", ");
	plural(&text, d->n_warnings, "warning");
	buf_puts(&text, "\n");
	fwrite(text.data, 1, text.n, out);
	fflush(out);
	buf_free(&text);
}

/* ---- JSON ------------------------------------------------------------------------- */

static void json_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":", key);
	buf_json_string(out, text, strlen(text));
}

static void json_one(struct buf *out, const struct diagnostics *d, const struct diagnostic *x)
{
	size_t line, column, end_line, end_column;

	diag_position(d, x->start, &line, &column);
	diag_position(d, x->end, &end_line, &end_column);
	buf_puts(out, "{\"file\":");
	buf_json_string(out, d->file, strlen(d->file));
	buf_printf(out,
	    ",\"line\":%zu,\"column\":%zu,\"endLine\":%zu,\"endColumn\":%zu,\"severity\":\"%s\"",
	    line, column, end_line, end_column, severity_names[x->severity]);
	json_text(out, "message", x->text);
	if (x->help != NULL)
		json_text(out, "help", x->help);
	if (x->note != NULL) {
		diag_position(d, x->note_at, &line, &column);
		buf_printf(out, ",\"note\":{\"line\":%zu,\"column\":%zu", line, column);
		json_text(out, "message", x->note);
		buf_puts(out, "}");
	}
	buf_puts(out, "}");
}

void diag_json(struct diagnostics *d, struct buf *out)
{
	sort(d);
	buf_puts(out, "[");
	for (size_t i = 0; i < d->n_items; i++) {
		buf_puts(out, i > 0 ? "," : "");
		json_one(out, d, &d->items[i]);
	}
	buf_puts(out, "]");
}
