/* statelines.c - see statelines.h. SPDX-License-Identifier: Apache-2.0 */
#include "statelines.h"

#include <string.h>

#include "wire.h"

/* ---- writing ---- */

static bool is_text(const char *s, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		unsigned char c = (unsigned char)s[i];

		step = utf8_length(s + i, n - i);
		if (step == 0 || c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r'))
			return false;
	}
	return true;
}

void statelines_put_bytes(struct buf *out, gale_slice bytes)
{
	gale_value v = gale_string(bytes.bytes != NULL ? bytes.bytes : "", (uint32_t)bytes.n);

	if (!is_text(bytes.bytes, bytes.n))
		v.type = GALE_BYTES;
	wire_describe(out, &v);
}

void statelines_put(struct buf *out, const char *component, uint32_t task, gale_slice key, gale_slice value)
{
	int64_t number;

	buf_puts(out, "{\"component\":");
	buf_json_string(out, component, strlen(component));
	buf_printf(out, ",\"task\":%u,\"key\":", task);
	statelines_put_bytes(out, key);
	buf_puts(out, ",\"value\":");
	statelines_put_bytes(out, value);
	if (value.n == sizeof number) {
		memcpy(&number, value.bytes, sizeof number);
		buf_printf(out, ",\"int\":%lld", (long long)number);
	}
	buf_puts(out, "}\n");
}

/* ---- reading ---- */

bool statelines_take_text(struct statelines_reader *r, const char *text)
{
	size_t n = strlen(text);

	if (r->bad || (size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool bad(struct statelines_reader *r)
{
	r->bad = true;
	return false;
}

bool statelines_take_number(struct statelines_reader *r, uint64_t *number)
{
	const char *first = r->at;

	*number = 0;
	for (; !r->bad && r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
		if (__builtin_mul_overflow(*number, 10u, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*r->at - '0'), number))
			return bad(r);
	return r->at > first || bad(r);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* take_escape takes what follows a backslash. Only what buf_json_string writes: \u00XX. */
static bool take_escape(struct statelines_reader *r, struct buf *bytes)
{
	static const char letters[] = "\"\"\\\\n\nt\t";
	char c;

	for (const char *l = letters; *l != '\0' && r->at < r->end; l += 2)
		if (*r->at == *l) {
			r->at++;
			buf_add(bytes, l + 1, 1);
			return true;
		}
	if (r->end - r->at < 5 || memcmp(r->at, "u00", 3) != 0 || hex_digit(r->at[3]) < 0 || hex_digit(r->at[4]) < 0)
		return bad(r);
	c = (char)(16 * hex_digit(r->at[3]) + hex_digit(r->at[4]));
	buf_add(bytes, &c, 1);
	r->at += 5;
	return (unsigned char)c < 0x80 || bad(r);
}

bool statelines_take_string(struct statelines_reader *r, struct buf *bytes)
{
	bytes->n = 0;
	if (!statelines_take_text(r, "\""))
		return bad(r);
	while (r->at < r->end && *r->at != '"') {
		const char *plain = r->at;

		while (r->at < r->end && *r->at != '"' && *r->at != '\\')
			r->at++;
		buf_add(bytes, plain, (size_t)(r->at - plain));
		if (r->at < r->end && *r->at == '\\') {
			r->at++;
			if (!take_escape(r, bytes))
				return false;
		}
	}
	return statelines_take_text(r, "\"") || bad(r);
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 :
	    c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* take_four takes four digits, of which the last two may be "=". */
static bool take_four(struct statelines_reader *r, struct buf *bytes)
{
	uint32_t three = 0;
	int n = 0;
	char out[3];

	if (r->end - r->at < 4)
		return bad(r);
	for (int i = 0; i < 4; i++) {
		int digit = base64_digit(r->at[i]);

		if (digit >= 0 && n == i)
			n++;
		else if (r->at[i] != '=' || i < 2)
			return bad(r);
		three = three << 6 | (uint32_t)(digit >= 0 ? digit : 0);
	}
	r->at += 4;
	for (int i = 0; i < 3; i++)
		out[i] = (char)(three >> (16 - 8 * i));
	buf_add(bytes, out, (size_t)n - 1);
	return true;
}

bool statelines_take_bytes(struct statelines_reader *r, struct buf *bytes)
{
	if (!statelines_take_text(r, "{\"$bytes\":\""))
		return statelines_take_string(r, bytes);
	bytes->n = 0;
	while (r->at < r->end && *r->at != '"')
		if (!take_four(r, bytes))
			return false;
	return statelines_take_text(r, "\"}") || bad(r);
}
