/* member.h - JSON written member by member: objects and arrays need no commas of their callers.
 * What is opened with a bracket is closed with buf_puts.
 *
 *     member_open(out, "spouts", "[");
 *     member_next(out);
 *     buf_puts(out, "{");
 *     member_text(out, "id", "lines");
 *     buf_puts(out, "}]");
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MEMBER_H
#define GALE_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* member_next puts what stands between two members or items; after a bracket, and in an empty
 * buffer, nothing. */
void member_next(struct buf *out);

/* member_key begins a member: all that is left to write is its value. */
void member_key(struct buf *out, const char *key);

void member_count(struct buf *out, const char *key, uint64_t n);
void member_real(struct buf *out, const char *key, double x);	/* with six decimals */
void member_ms(struct buf *out, const char *key, uint64_t ns);	/* as milliseconds */
void member_text(struct buf *out, const char *key, const char *text);	/* NULL: null */
void member_bool(struct buf *out, const char *key, bool b);
void member_null(struct buf *out, const char *key);
void member_time(struct buf *out, const char *key, uint64_t ms);	/* since 1970: "2026-05-01T12:00:00Z" */
void member_open(struct buf *out, const char *key, const char *bracket);

#endif
