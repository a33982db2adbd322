/* member.c - see member.h. SPDX-License-Identifier: Apache-2.0 */
#include "member.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "clock.h"

void member_next(struct buf *out)
{
	char last = out->n > 0 ? out->data[out->n - 1] : '{';

	if (last != '{' && last != '[')
		buf_puts(out, ", ");
}

void member_key(struct buf *out, const char *key)
{
	member_next(out);
	buf_json_string(out, key, strlen(key));
	buf_puts(out, ": ");
}

void member_count(struct buf *out, const char *key, uint64_t n)
{
	member_key(out, key);
	buf_printf(out, "%" PRIu64, n);
}

/* Decimals as C writes them: setlocale is never called for numbers. */
void member_real(struct buf *out, const char *key, double x)
{
	member_key(out, key);
	buf_printf(out, "%.6f", x);
}

void member_ms(struct buf *out, const char *key, uint64_t ns)
{
	member_real(out, key, (double)ns / NS_PER_MS);
}

void member_text(struct buf *out, const char *key, const char *text)
{
	member_key(out, key);
	if (text != NULL)
		buf_json_string(out, text, strlen(text));
	else
		buf_puts(out, "null");
}

void member_bool(struct buf *out, const char *key, bool b)
{
	member_key(out, key);
	buf_puts(out, b ? "true" : "false");
}

void member_null(struct buf *out, const char *key)
{
	member_text(out, key, NULL);
}

void member_time(struct buf *out, const char *key, uint64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	char text[32];

	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
	member_text(out, key, text);
}

void member_open(struct buf *out, const char *key, const char *bracket)
{
	member_key(out, key);
	buf_puts(out, bracket);
}
