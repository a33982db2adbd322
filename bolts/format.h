/* format.h - values as text: what `file` and `table` write and `log` says.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     type     plain (lines, tsv)                  JSON
 *     null     nothing                             null
 *     bool     true, false                         the same
 *     int      -17                                 the same
 *     float    15 to 17 digits, as few as read     the same; null for what is no number
 *              back the same; a point or exponent
 *     string   its bytes                           "..."; wrong UTF-8 becomes U+FFFD
 *     bytes    its bytes                           {"$bytes": "base64"}
 *     list     as JSON                             [...]
 *     map      as JSON                             {...} where all keys are strings, else
 *                                                  {"$map": [[key, value], ...]}
 *
 * And tuples, as rows:
 *
 *     tsv      its values with a tab between them. Inside a value a tab is written as \t
 *              and a newline as \n, so that rows and columns hold; all other bytes are
 *              written as they are, backslashes too. What must be read back exactly wants
 *              json.
 *     lines    its first value, as it is.
 *     json     an object with the names of the fields.
 *
 * Memory that runs out ends the worker.
 */
#ifndef BOLTS_FORMAT_H
#define BOLTS_FORMAT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gale/gale.h>

/* Text that grows. All bits 0 is empty; free(t.bytes) ends it. */
struct text {
	char *bytes;
	size_t n, room;
};

/* text_room makes room for N more bytes and gives the place of the first. */
static inline char *text_room(struct text *t, size_t n)
{
	if (n > t->room - t->n) {
		size_t room = t->room < 512 ? 512 : t->room;
		while (n > room - t->n)
			room *= 2;
		t->bytes = realloc(t->bytes, room);
		if (t->bytes == NULL) {
			fprintf(stderr, "no memory for %zu bytes of text\n", room);
			abort();
		}
		t->room = room;
	}
	return t->bytes + t->n;
}

static inline void text_add(struct text *t, const void *s, size_t n)
{
	if (n > 0)
		memcpy(text_room(t, n), s, n);
	t->n += n;
}

static inline void text_puts(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static inline void text_putc(struct text *t, char c)
{
	*text_room(t, 1) = c;
	t->n++;
}

static inline void text_int(struct text *t, int64_t i)
{
	char digits[24];
	char *p = digits + sizeof digits;
	uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;
	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (i < 0)
		*--p = '-';
	text_add(t, p, (size_t)(digits + sizeof digits - p));
}

static inline void text_float(struct text *t, double f)
{
	char digits[40];
	for (int precision = 15; precision <= 17; precision++) {
		snprintf(digits, sizeof digits, "%.*g", precision, f);
		if (strtod(digits, NULL) == f)
			break;
	}
	text_puts(t, digits);
	if (isfinite(f) && strpbrk(digits, ".e") == NULL)
		text_puts(t, ".0");
}

static inline void text_base64(struct text *t, const char *s, size_t n)
{
	static const char digit[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t three = 0;
		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < n ? (unsigned char)s[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			text_putc(t, i + k <= n ? digit[three >> (18 - 6 * k) & 63] : '=');
	}
}

/* utf8_length gives the length of the character at S, which has N > 0 bytes, or 0 where
 * there is none: a byte that starts none, a character cut short or written too long, a
 * surrogate, a number beyond U+10FFFF. */
static inline size_t utf8_length(const char *s, size_t n)
{
	unsigned char a = (unsigned char)s[0], b = n > 1 ? (unsigned char)s[1] : 0;
	size_t length = a < 0x80 ? 1 : a < 0xc2 ? 0 : a < 0xe0 ? 2 : a < 0xf0 ? 3 : a < 0xf5 ? 4 : 0;
	if (length > n || (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) ||
	    (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
		return 0;
	for (size_t i = 1; i < length; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

/* text_escape adds one character that can't stand in a JSON string as it is. */
static inline void text_escape(struct text *t, char c)
{
	static const char letters[] = "\"\"\\\\b\bf\fn\nr\rt\t";
	for (const char *l = letters; *l != '\0'; l += 2) {
		if (l[1] == c) {
			text_putc(t, '\\');
			text_putc(t, l[0]);
			return;
		}
	}
	char code[8];
	snprintf(code, sizeof code, "\\u%04x", (unsigned)c);
	text_puts(t, code);
}

static inline void text_quoted(struct text *t, const char *s, size_t n)
{
	text_putc(t, '"');
	while (n > 0) {
		size_t length = utf8_length(s, n);
		if (length == 0)
			text_puts(t, "\xef\xbf\xbd");
		else if (length == 1 && ((unsigned char)*s < ' ' || *s == '"' || *s == '\\'))
			text_escape(t, *s);
		else
			text_add(t, s, length);
		length += length == 0;
		s += length;
		n -= length;
	}
	text_putc(t, '"');
}

static inline void text_json(struct text *t, gale_ctx *ctx, const gale_value *v);

static inline bool has_string_keys(gale_ctx *ctx, const gale_value *map)
{
	gale_value item;
	uint32_t i = 0;
	for (gale_iter it = gale_iterate(map); gale_each(ctx, &it, &item); i++)
		if (i % 2 == 0 && item.type != GALE_STRING)
			return false;
	return true;
}

/* text_items adds the items of a list, or the keys and values of a map with what belongs
 * before and behind them. */
static inline void text_items(struct text *t, gale_ctx *ctx, const gale_value *v,
    const char *before_key, const char *before_value, const char *after_value)
{
	gale_value item;
	uint32_t i = 0;
	for (gale_iter it = gale_iterate(v); gale_each(ctx, &it, &item); i++) {
		bool key = v->type == GALE_MAP && i % 2 == 0;
		bool value = v->type == GALE_MAP && !key;
		if (i > 0 && !value)
			text_putc(t, ',');
		text_puts(t, key ? before_key : value ? before_value : "");
		text_json(t, ctx, &item);
		text_puts(t, value ? after_value : "");
	}
}

static inline void text_map(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	bool object = has_string_keys(ctx, v);
	text_puts(t, object ? "{" : "{\"$map\":[");
	if (object)
		text_items(t, ctx, v, "", ":", "");
	else
		text_items(t, ctx, v, "[", ",", "]");
	text_puts(t, object ? "}" : "]}");
}

/* text_json adds V as JSON. */
static inline void text_json(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	switch (v->type) {
	case GALE_BOOL:
		text_puts(t, v->u.b ? "true" : "false");
		break;
	case GALE_INT:
		text_int(t, v->u.i);
		break;
	case GALE_FLOAT:
		if (isfinite(v->u.f))
			text_float(t, v->u.f);
		else
			text_puts(t, "null");
		break;
	case GALE_STRING:
		text_quoted(t, v->u.s, v->n);
		break;
	case GALE_BYTES:
		text_puts(t, "{\"$bytes\":\"");
		text_base64(t, v->u.s, v->n);
		text_puts(t, "\"}");
		break;
	case GALE_LIST:
		text_putc(t, '[');
		text_items(t, ctx, v, "", "", "");
		text_putc(t, ']');
		break;
	case GALE_MAP:
		text_map(t, ctx, v);
		break;
	default:
		text_puts(t, "null");
	}
}

/* text_plain adds V as plain text. */
static inline void text_plain(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	if (v->type == GALE_STRING || v->type == GALE_BYTES)
		text_add(t, v->u.s, v->n);
	else if (v->type == GALE_FLOAT)
		text_float(t, v->u.f);
	else if (v->type != GALE_NULL)
		text_json(t, ctx, v);
}

/* ---- Rows -------------------------------------------------------------------------- */

/* row_cell adds V with its tabs and newlines written as \t and \n. Only strings and bytes can
 * have any: elsewhere JSON has seen to them. */
static inline void row_cell(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	if (v->type != GALE_STRING && v->type != GALE_BYTES) {
		text_plain(t, ctx, v);
		return;
	}
	const char *from = v->u.s, *end = from + v->n;
	for (const char *at = from; at < end; at++) {
		if (*at != '\t' && *at != '\n')
			continue;
		text_add(t, from, (size_t)(at - from));
		text_puts(t, *at == '\t' ? "\\t" : "\\n");
		from = at + 1;
	}
	text_add(t, from, (size_t)(end - from));
}

/* row_tsv, row_line and row_object add a tuple in the formats "tsv", "lines" and "json". */
static inline void row_tsv(struct text *t, gale_ctx *ctx, const gale_tuple *tuple)
{
	for (uint32_t i = 0; i < tuple->n; i++) {
		if (i > 0)
			text_putc(t, '\t');
		row_cell(t, ctx, &tuple->values[i]);
	}
}

static inline void row_line(struct text *t, gale_ctx *ctx, const gale_tuple *tuple)
{
	if (tuple->n > 0)
		text_plain(t, ctx, &tuple->values[0]);
}

static inline void row_object(struct text *t, gale_ctx *ctx, const gale_tuple *tuple)
{
	const gale_field *fields = tuple->source->fields;
	text_putc(t, '{');
	for (uint32_t i = 0; i < tuple->n; i++) {
		if (i > 0)
			text_putc(t, ',');
		text_quoted(t, fields[i].name, strlen(fields[i].name));
		text_putc(t, ':');
		text_json(t, ctx, &tuple->values[i]);
	}
	text_putc(t, '}');
}

typedef void row_fn(struct text *t, gale_ctx *ctx, const gale_tuple *tuple);

/* row_format gives what adds a tuple in the format of that NAME. */
static inline row_fn *row_format(const char *name)
{
	return strcmp(name, "json") == 0 ? row_object : strcmp(name, "lines") == 0 ? row_line : row_tsv;
}

#endif
