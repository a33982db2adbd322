/* relay.c - see relay.h. SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <string.h>

/* harmless: the N bytes at S, one character, do nothing to a terminal. U+0080 to U+009F
 * are control characters too. */
static bool harmless(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];

	if (n == 2 && c == 0xC2 && (unsigned char)s[1] < 0xA0)
		return false;
	return c == '\t' || (c >= 0x20 && c != 0x7F);
}

void relay_escape(struct buf *out, const char *bytes, size_t n)
{
	size_t plain = 0;	/* bytes before I that need no change */

	for (size_t i = 0; i < n; ) {
		size_t length = utf8_length(bytes + i, n - i);

		if (length > 0 && harmless(bytes + i, length)) {
			plain += length;
			i += length;
			continue;
		}
		buf_add(out, bytes + i - plain, plain);
		plain = 0;
		buf_printf(out, "\\x%02x", (unsigned char)bytes[i]);
		i++;
	}
	buf_add(out, bytes + n - plain, plain);
}

/* put_line adds the N bytes at TEXT as one line; MORE: the line goes on. */
static void put_line(struct relay *r, const char *text, size_t n, bool more, struct buf *out)
{
	buf_puts(out, r->label);
	buf_add(out, " ", 1);
	if (r->cut)
		buf_puts(out, RELAY_CUT);
	relay_escape(out, text, n);
	if (more)
		buf_puts(out, RELAY_CUT);
	buf_add(out, "\n", 1);
	r->cut = more;
}

/* whole_characters gives N, less what a cut there would leave of a UTF-8 sequence. */
static size_t whole_characters(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back < n; back++) {
		unsigned char c = (unsigned char)s[n - back];

		if ((c & 0xC0) == 0x80)
			continue;
		return c >= 0xC0 && utf8_length(s + n - back, back) == 0 ? n - back : n;
	}
	return n;
}

static void finish_line(struct relay *r, struct buf *out)
{
	size_t n = r->line.n;

	if (n > 0 && r->line.data[n - 1] == '\r')
		n--;
	put_line(r, r->line.data, n, false, out);
	r->line.n = 0;
}

static void cut_line(struct relay *r, struct buf *out)
{
	size_t n = whole_characters(r->line.data, r->line.n);

	put_line(r, r->line.data, n, true, out);
	memmove(r->line.data, r->line.data + n, r->line.n - n);
	r->line.n -= n;
}

void relay_bytes(struct relay *r, const char *bytes, size_t n, struct buf *out)
{
	while (n > 0) {
		size_t room = RELAY_LINE_MAX - r->line.n;
		size_t look = n < room ? n : room;
		const char *newline = memchr(bytes, '\n', look);
		size_t take = newline != NULL ? (size_t)(newline - bytes) : look;

		/* A full line is cut only when more of it comes. */
		if (look == 0 && bytes[0] != '\n') {
			cut_line(r, out);
			continue;
		}
		buf_add(&r->line, bytes, take);
		bytes += take;
		n -= take;
		if (n > 0 && bytes[0] == '\n') {
			finish_line(r, out);
			bytes++;
			n--;
		}
	}
}

void relay_end(struct relay *r, struct buf *out)
{
	if (r->line.n > 0)
		finish_line(r, out);
	buf_free(&r->line);
	r->cut = false;
}
