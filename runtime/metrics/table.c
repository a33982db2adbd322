/* table.c - see table.h. SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"

void table_begin(struct table *t, const char *alignment)
{
	*t = (struct table){ .alignment = alignment };
}

static void add(struct table *t, const char *text)
{
	t->cells = xgrow(t->cells, &t->cap, t->n + 1, sizeof *t->cells);
	t->cells[t->n++] = xstrdup(text);
}

void table_add(struct table *t, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	add(t, text);
}

static void pad(struct buf *out, size_t n)
{
	while (n-- > 0)
		buf_puts(out, " ");
}

void table_write(struct table *t, struct buf *out)
{
	size_t n_columns = strlen(t->alignment), *width = xcalloc(n_columns + 1, sizeof *width);

	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->cells[i]) > width[i % n_columns])
			width[i % n_columns] = strlen(t->cells[i]);
	for (size_t i = 0; i < t->n; i++) {
		size_t column = i % n_columns, room = width[column] - strlen(t->cells[i]);
		bool last = column + 1 == n_columns;

		if (t->alignment[column] == 'r')
			pad(out, room);
		buf_puts(out, t->cells[i]);
		if (t->alignment[column] == 'l' && !last)
			pad(out, room);
		while (last && out->data[out->n - 1] == ' ')
			out->n--;
		buf_puts(out, last ? "\n" : "  ");
		free(t->cells[i]);
	}
	free(t->cells);
	free(width);
	*t = (struct table){ 0 };
}

void text_number(struct buf *out, uint64_t n)
{
	if (n >= 1000) {
		text_number(out, n / 1000);
		buf_printf(out, ",%03" PRIu64, n % 1000);
	} else {
		buf_printf(out, "%" PRIu64, n);
	}
}

void text_duration(struct buf *out, double seconds)
{
	uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	if (s < 10)
		buf_printf(out, "%.1fs", seconds);
	else if (s < 60)
		buf_printf(out, "%" PRIu64 "s", s);
	else if (s < 3600)
		buf_printf(out, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		buf_printf(out, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		buf_printf(out, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

void text_latency(struct buf *out, uint64_t ns)
{
	double us = (double)ns / 1000;

	if (us < 1)
		buf_printf(out, "%" PRIu64 "ns", ns);
	else if (us < 1000)
		buf_printf(out, us < 10 ? "%.1fus" : "%.0fus", us);
	else if (us < 1e6)
		buf_printf(out, us < 1e4 ? "%.1fms" : "%.0fms", us / 1000);
	else
		buf_printf(out, "%.1fs", us / 1e6);
}

void text_rate(struct buf *out, double n)
{
	if (n > 0 && n < 10)
		buf_printf(out, "%.1f", n);
	else
		text_number(out, n > 0 ? (uint64_t)(n + 0.5) : 0);
}

static void add_buf(struct table *t, struct buf *b)
{
	add(t, buf_text(b));
	buf_free(b);
}

void table_add_count(struct table *t, uint64_t n)
{
	struct buf b = { 0 };

	text_number(&b, n);
	add_buf(t, &b);
}

void table_add_rate(struct table *t, double n)
{
	struct buf b = { 0 };

	text_rate(&b, n);
	add_buf(t, &b);
}

void table_add_latency(struct table *t, uint64_t ns)
{
	struct buf b = { 0 };

	if (ns > 0)
		text_latency(&b, ns);
	else
		buf_puts(&b, "-");
	add_buf(t, &b);
}

void table_add_share(struct table *t, double share)
{
	table_add(t, "%.0f%%", 100 * share);
}
