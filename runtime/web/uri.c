/* uri.c - see uri.h. SPDX-License-Identifier: Apache-2.0 */
#include "uri.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "memory.h"

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_text(const char *s)
{
	size_t n = strlen(s), length;

	for (size_t i = 0; i < n; i += length) {
		length = utf8_length(s + i, n - i);
		if (length == 0 || (unsigned char)s[i] < ' ' || s[i] == 0x7f)
			return false;
	}
	return true;
}

/* decode turns S into what it means, in place; false: it means nothing. */
static bool decode(char *s, bool plus)
{
	char *to = s;

	for (const char *at = s; *at != '\0'; at++) {
		if (*at == '%') {
			int high = digit(at[1]), low = high >= 0 ? digit(at[2]) : -1;

			if (low < 0 || high + low == 0)
				return false;
			*to++ = (char)(high * 16 + low);
			at += 2;
		} else {
			*to++ = plus && *at == '+' ? ' ' : *at;
		}
	}
	*to = '\0';
	return is_text(s);
}

static bool add_segment(struct uri *u, char *s)
{
	if (u->n_segments == URI_SEGMENTS || !decode(s, false) || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	u->segments[u->n_segments++] = s;
	return true;
}

static bool add_parameter(struct uri *u, char *s)
{
	char *value = strchr(s, '=');

	if (*s == '\0')
		return true;	/* "a=1&&b=2" */
	if (u->n_parameters == URI_PARAMETERS)
		return false;
	if (value != NULL)
		*value++ = '\0';
	else
		value = s + strlen(s);
	u->parameters[u->n_parameters].name = s;
	u->parameters[u->n_parameters++].value = value;
	return decode(s, true) && decode(value, true);
}

static bool parse(struct uri *u, char *text)
{
	char *path = text + 1, *query = strchr(text, '?'), *part;

	if (query != NULL)
		*query++ = '\0';
	while (*path != '\0' && (part = strsep(&path, "/")) != NULL) {
		if (!add_segment(u, part))
			return false;
		if (path == NULL)
			break;
		if (*path == '\0' && !add_segment(u, path))	/* "/a/" */
			return false;
	}
	while (query != NULL)
		if (!add_parameter(u, strsep(&query, "&")))
			return false;
	return true;
}

bool uri_parse(struct uri *u, const char *target)
{
	*u = (struct uri){ 0 };
	if (target[0] != '/' || strlen(target) > URI_MAX)
		return false;
	u->text = xstrdup(target);
	return parse(u, u->text);
}

void uri_free(struct uri *u)
{
	free(u->text);
	*u = (struct uri){ 0 };
}

const char *uri_parameter(const struct uri *u, const char *name)
{
	for (size_t i = 0; i < u->n_parameters; i++)
		if (strcmp(u->parameters[i].name, name) == 0)
			return u->parameters[i].value;
	return NULL;
}
