/* buf.c - see buf.h. SPDX-License-Identifier: Apache-2.0 */
#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	b->data = xgrow(b->data, &b->cap, b->n + n, 1);
	memcpy(b->data + b->n, bytes, n);
	b->n += n;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	b->data = xgrow(b->data, &b->cap, b->n + (size_t)n + 1, 1);
	va_start(args, format);
	vsnprintf(b->data + b->n, (size_t)n + 1, format, args);
	va_end(args);
	b->n += (size_t)n;
}

size_t utf8_length(const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	uint8_t low = 0x80, high = 0xBF;
	size_t length;

	if (n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xC2 && p[0] <= 0xDF)
		length = 2;
	else if (p[0] >= 0xE0 && p[0] <= 0xEF)
		length = 3;
	else if (p[0] >= 0xF0 && p[0] <= 0xF4)
		length = 4;
	else
		return 0;
	if (n < length)
		return 0;
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (p[i] < 0x80 || p[i] > 0xBF)
			return 0;
	return length;
}

void buf_json_string(struct buf *b, const char *s, size_t n)
{
	buf_add(b, "\"", 1);
	for (size_t i = 0; i < n; ) {
		size_t length = utf8_length(s + i, n - i);
		unsigned char c = (unsigned char)s[i];

		if (length == 0)
			buf_puts(b, "\xEF\xBF\xBD");
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\t')
			buf_puts(b, "\\t");
		else if (c < 0x20 || c == 0x7F)
			buf_printf(b, "\\u%04x", c);
		else
			buf_add(b, s + i, length);
		i += length ? length : 1;
	}
	buf_add(b, "\"", 1);
}

char *buf_text(struct buf *b)
{
	b->data = xgrow(b->data, &b->cap, b->n + 1, 1);
	b->data[b->n] = '\0';
	return b->data;
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}
