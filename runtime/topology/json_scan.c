/* json_scan.c - RFC 8259, strictly, without recursion: one stack of open brackets.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every function takes the scan at its place and either moves on or reports the one error
 * and returns false. Half of this file is about saying what people who write JSON by hand
 * meant: comments, trailing commas, single quotes, True.
 */
#include "json_scan.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "memory.h"

struct scan {
	struct diagnostics *d;
	const char *text;	/* n bytes and a NUL */
	size_t n, at;
	struct json_node *nodes;
	size_t n_nodes, cap, max_values;
	uint32_t open[JSON_MAX_DEPTH];	/* nodes whose bracket is open */
	size_t depth;
};

/* fail reports at [start, end) and returns false. */
#define fail(s, start, end, ...) (diag_error((s)->d, (start), (end), __VA_ARGS__), false)

/* help adds to what was just reported what to do, and returns false. */
static bool help(struct scan *s, const char *text)
{
	diag_help(s->d, "%s", text);
	return false;
}

static char here(const struct scan *s)
{
	return s->text[s->at];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '$';
}

static void skip_space(struct scan *s)
{
	while (here(s) == ' ' || here(s) == '\t' || here(s) == '\n' || here(s) == '\r')
		s->at++;
}

/* word_end gives the end of the word (or the one character) at the place. */
static size_t word_end(const struct scan *s)
{
	size_t end = s->at;

	while (end < s->n && (is_word(s->text[end]) || s->text[end] == '.'))
		end++;
	if (end == s->at && end < s->n)
		end += utf8_length(s->text + end, s->n - end);
	return end;
}

static bool is_object(const struct scan *s)
{
	return s->depth > 0 && s->nodes[s->open[s->depth - 1]].type == JSON_OBJECT;
}

/* at_end reports the end of the text inside something. */
static bool at_end(struct scan *s)
{
	if (s->depth == 0)
		return fail(s, s->n, s->n, "the file is empty; expected {");
	diag_error(s->d, s->n, s->n, "the file ends before this %s does: expected %c",
	    is_object(s) ? "object" : "array", is_object(s) ? '}' : ']');
	diag_note(s->d, s->nodes[s->open[s->depth - 1]].start, "opened here");
	return false;
}

/* unexpected reports what stands at the place instead of WANTED. */
static bool unexpected(struct scan *s, const char *wanted)
{
	size_t end = word_end(s);
	int shown = (int)(end - s->at > 40 ? 40 : end - s->at);
	const char *p = s->text + s->at;

	if (s->at == s->n)
		return at_end(s);
	if (*p == '#' || (*p == '/' && (p[1] == '/' || p[1] == '*'))) {
		diag_error(s->d, s->at, s->at + (*p == '#' ? 1 : 2), "JSON has no comments");
		return help(s, "put it into a \"$comment\" key");
	}
	if (*p == '\'') {
		diag_error(s->d, s->at, end, "expected %s, found a single quote", wanted);
		return help(s, "strings and keys stand in double quotes");
	}
	if (*p == '"')
		return fail(s, s->at, end, "expected %s, found a string", wanted);
	return fail(s, s->at, end, "expected %s, found %.*s", wanted, shown, p);
}

/* ---- strings ---------------------------------------------------------------------- */

static int hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (is_digit(c))
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return value;
}

/* unicode_escape checks \uXXXX, or a pair of them, at the place. The text ends with a NUL,
 * where hex4 stops. */
static bool unicode_escape(struct scan *s)
{
	size_t start = s->at;
	int unit = hex4(s->text + start + 2), low;

	if (unit < 0)
		return fail(s, start, start + 2, "\\u needs four hexadecimal digits");
	s->at += 6;
	if (unit == 0)
		return fail(s, start, s->at, "\\u0000 can't stand in a string here");
	if (unit >= 0xDC00 && unit <= 0xDFFF)
		return fail(
		    s, start, s->at, "the second half of a surrogate pair without the first");
	if (unit < 0xD800 || unit > 0xDBFF)
		return true;
	low = s->text[s->at] == '\\' && s->text[s->at + 1] == 'u' ? hex4(s->text + s->at + 2) : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(
		    s, start, s->at, "the first half of a surrogate pair without the second");
	s->at += 6;
	return true;
}

static bool escape(struct scan *s)
{
	char c = s->text[s->at + 1];

	if (c == 'u')
		return unicode_escape(s);
	if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL) {
		diag_error(s->d, s->at, s->at + 1, "an escape that JSON does not have");
		return help(s, "a backslash itself is written \\\\");
	}
	s->at += 2;
	return true;
}

/* string moves over the string at the place. */
static bool string(struct scan *s)
{
	size_t start = s->at++;

	for (;;) {
		unsigned char c = (unsigned char)here(s);

		if (c == '"') {
			s->at++;
			return true;
		}
		if (c == '\n' || c == '\r' || s->at == s->n)
			return fail(s, start, s->at, "this string is never closed");
		if (c < 0x20) {
			diag_error(s->d, s->at, s->at + 1,
			    "a raw control character (0x%02x) in a string", c);
			return help(s, c == '\t' ? "write \\t" : "write it as \\u00XX");
		}
		if (c != '\\')
			s->at++;
		else if (!escape(s))
			return false;
	}
}

/* ---- numbers and words ------------------------------------------------------------ */

static bool number(struct scan *s, struct json_node *x)
{
	const char *p = s->text + s->at, *why, *end = json_scan_number(p, x, &why);

	if (end != NULL && is_word(*end)) {
		end = NULL;
		why = "this is no number that JSON knows";
	}
	if (end == NULL)
		return fail(s, s->at, s->at + 1 + strspn(p + 1, "0123456789.eE+-xX"), "%s", why);
	if (why != NULL)
		return fail(s, s->at, (size_t)(end - s->text), "%s", why);
	s->at = (size_t)(end - s->text);
	return true;
}

static bool word(struct scan *s, struct json_node *x)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t end = word_end(s), n = end - s->at;
	const char *p = s->text + s->at;

	if (json_scan_word(p, n, x)) {
		s->at = end;
		return true;
	}
	if (!is_word(*p))
		return unexpected(s, "a value");
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (n == strlen(words[i]) && strncasecmp(p, words[i], n) == 0) {
			diag_error(s->d, s->at, end, "expected a value, found %.*s", (int)n, p);
			return help(s, "true, false and null are written in small letters");
		}
	diag_error(s->d, s->at, end, "expected a value, found %.*s", (int)(n > 40 ? 40 : n), p);
	return help(s, "text stands in double quotes");
}

/* ---- the whole -------------------------------------------------------------------- */

/* add makes a node for the value at the place. */
static struct json_node *add(struct scan *s)
{
	struct json_node *x;

	s->nodes = xgrow(s->nodes, &s->cap, s->n_nodes + 1, sizeof *s->nodes);
	x = &s->nodes[s->n_nodes++];
	*x = (struct json_node){ .start = (uint32_t)s->at, .size = 1 };
	if (s->depth > 0)
		s->nodes[s->open[s->depth - 1]].n++;
	return x;
}

/* key reads `"key" :`. */
static bool key(struct scan *s, uint32_t *start, uint32_t *end)
{
	*start = (uint32_t)s->at;
	if (here(s) != '"') {
		if (is_word(here(s))) {
			diag_error(s->d, s->at, word_end(s), "expected a key in double quotes");
			return help(s, "put double quotes around it");
		}
		return unexpected(s, "a key in double quotes");
	}
	if (!string(s))
		return false;
	*end = (uint32_t)s->at;
	skip_space(s);
	if (here(s) != ':')
		return unexpected(s, ": after the key");
	s->at++;
	skip_space(s);
	return true;
}

/* open_bracket enters an object or array. */
static bool open_bracket(struct scan *s, struct json_node *x)
{
	if (s->depth == JSON_MAX_DEPTH)
		return fail(s, s->at, s->at + 1, "nested deeper than %d", JSON_MAX_DEPTH);
	x->type = here(s) == '{' ? JSON_OBJECT : JSON_ARRAY;
	s->open[s->depth++] = (uint32_t)(x - s->nodes);
	s->at++;
	return true;
}

static void close_bracket(struct scan *s)
{
	struct json_node *x = &s->nodes[s->open[--s->depth]];

	s->at++;
	x->end = (uint32_t)s->at;
	x->size = (uint32_t)(s->n_nodes - (size_t)(x - s->nodes));
}

/* value reads a scalar, or the opening of an object or array, with its key before it. */
static bool value(struct scan *s)
{
	uint32_t key_start = 0, key_end = 0;
	struct json_node *x;
	char c;

	if (is_object(s) && !key(s, &key_start, &key_end))
		return false;
	if (s->max_values > 0 && s->n_nodes == s->max_values)
		return fail(s, s->at, s->at, "more than %zu values in one file", s->max_values);
	x = add(s);
	x->key_start = key_start;
	x->key_end = key_end;
	c = here(s);
	if (c == '{' || c == '[')
		return open_bracket(s, x);
	if (c == '"') {
		x->type = JSON_STRING;
		if (!string(s))
			return false;
	} else if (c == '-' || is_digit(c)) {
		if (!number(s, x))
			return false;
	} else if (!word(s, x)) {
		return false;
	}
	x->end = (uint32_t)s->at;
	return true;
}

/* between handles what follows a value: commas and closing brackets. *MORE tells whether
 * another value must come. */
static bool between(struct scan *s, bool *more)
{
	*more = false;
	while (s->depth > 0) {
		char closing = is_object(s) ? '}' : ']';
		size_t comma;

		skip_space(s);
		if (here(s) == closing) {
			close_bracket(s);
			continue;
		}
		if (here(s) != ',')
			return unexpected(s, is_object(s) ? ", or }" : ", or ]");
		comma = s->at++;
		skip_space(s);
		if (here(s) == closing) {
			diag_error(s->d, comma, comma + 1, "a comma before %c", closing);
			return help(s, "remove it");
		}
		*more = true;
		return true;
	}
	return true;
}

static bool document(struct scan *s)
{
	bool more = true;

	skip_space(s);
	while (more) {
		size_t depth = s->depth;

		if (!value(s))
			return false;
		if (s->depth > depth) {		/* opened: empty, or its first value */
			skip_space(s);
			if (here(s) != (is_object(s) ? '}' : ']'))
				continue;
		}
		if (!between(s, &more))
			return false;
	}
	skip_space(s);
	if (s->at < s->n)
		return fail(s, s->at, word_end(s), "text after the end of the document");
	return true;
}

/* all_utf8 checks the bytes before anything else looks at them, NULs included. */
static bool all_utf8(struct scan *s)
{
	for (size_t i = 0; i < s->n; ) {
		size_t length = utf8_length(s->text + i, s->n - i);

		if (length == 0)
			return fail(s, i, i + 1, "this file is no UTF-8: byte 0x%02x",
			    (unsigned char)s->text[i]);
		if (s->text[i] == '\0')
			return fail(s, i, i + 1, "this file is no text: it has a NUL byte here");
		i += length;
	}
	return true;
}

bool json_scan(struct diagnostics *d, size_t max_values, struct json_node **nodes, size_t *n)
{
	struct scan s = { .d = d, .text = d->text, .n = d->n, .max_values = max_values };
	bool good = all_utf8(&s) && document(&s);

	*nodes = s.nodes;
	*n = s.n_nodes;
	return good;
}
