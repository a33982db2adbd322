/* buf.h - bytes that grow. A zeroed struct is an empty one; free it with buf_free.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_BUF_H
#define GALE_BUF_H

#include <stddef.h>

struct buf {
	char *data;	/* n bytes; not NUL-terminated, but see buf_text */
	size_t n;
	size_t cap;
};

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* buf_json_string adds S as a JSON string with its quotes: control characters escaped,
 * bytes that are no UTF-8 as U+FFFD. */
void buf_json_string(struct buf *b, const char *s, size_t n);

/* buf_text gives the bytes with a NUL behind them; valid until the next change. */
char *buf_text(struct buf *b);
void buf_free(struct buf *b);

/* utf8_length gives the length of the one valid UTF-8 sequence at S, at most N bytes
 * away from its end, or 0 when there is none (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
size_t utf8_length(const char *s, size_t n);

#endif
