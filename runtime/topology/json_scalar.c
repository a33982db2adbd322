/* json_scalar.c - numbers, true, false and null, by JSON's grammar; see json_scan.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"

static const struct {
	const char *text;
	enum json_type type;
	bool b;
} words[] = {
	{ "true", JSON_BOOL, true },
	{ "false", JSON_BOOL, false },
	{ "null", JSON_NULL, false },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* digits moves over one digit or more; NULL when there is none. */
static const char *digits(const char *p)
{
	if (!is_digit(*p))
		return NULL;
	while (is_digit(*p))
		p++;
	return p;
}

/* number_end gives the end of the number at P, NULL with *WHY if it is none. */
static const char *number_end(const char *p, bool *fraction, const char **why)
{
	if (*p == '-')
		p++;
	*fraction = false;
	*why = "a number does not begin with 0";
	if (p[0] == '0' && is_digit(p[1]))
		return NULL;
	*why = "expected a digit after the sign";
	p = digits(p);
	if (p != NULL && *p == '.') {
		*fraction = true;
		*why = "expected a digit after the point";
		p = digits(p + 1);
	}
	if (p != NULL && (*p == 'e' || *p == 'E')) {
		*fraction = true;
		*why = "expected a digit in the exponent";
		p = digits(p + (p[1] == '+' || p[1] == '-' ? 2 : 1));
	}
	return p;
}

const char *json_scan_number(const char *p, struct json_node *x, const char **why)
{
	bool fraction;
	const char *end = number_end(p, &fraction, why);

	if (end == NULL)
		return NULL;
	errno = 0;
	if (fraction) {
		x->type = JSON_FLOAT;
		x->f = strtod(p, NULL);
		*why = isfinite(x->f) ? NULL : "a number too large for a double";
	} else {
		x->type = JSON_INT;
		x->i = strtoll(p, NULL, 10);
		x->f = (double)x->i;
		*why = errno == ERANGE ? "an integer beyond 64 bits" : NULL;
	}
	return end;
}

bool json_scan_word(const char *p, size_t n, struct json_node *x)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (n != strlen(words[i].text) || memcmp(p, words[i].text, n) != 0)
			continue;
		x->type = words[i].type;
		x->b = words[i].b;
		return true;
	}
	return false;
}

bool json_scan_scalar(const char *text, struct json_node *x)
{
	struct json_node found = { .type = JSON_UNKNOWN };
	const char *why, *end;

	if (json_scan_word(text, strlen(text), x))
		return true;
	end = json_scan_number(text, &found, &why);
	if (end == NULL || *end != '\0' || why != NULL)
		return false;
	x->type = found.type;
	x->i = found.i;
	x->f = found.f;
	return true;
}
