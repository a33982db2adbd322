/* reader.h - text that is read in blocks and comes out in lines: what the spouts `lines` and
 * `files` share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_READER_H
#define GALE_READER_H

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gale/gale.h>

enum {
	MAX_LINE = 16 << 20,
	BLOCK = 256 << 10,	/* bytes asked of a read; fits a second-level cache */
	MAX_BUFFER = MAX_LINE + BLOCK
};

__attribute__((format(printf, 2, 3)))
static inline int fatal(gale_ctx *ctx, const char *format, ...)
{
	char text[PATH_MAX + 512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return gale_fatal(ctx, text);
}

static inline void *resized(void *block, size_t bytes)
{
	void *p = realloc(block, bytes);
	if (p == NULL) {
		fprintf(stderr, "no memory for %zu bytes\n", bytes);
		abort();
	}
	return p;
}

/* refuse_source: PATH is not what it was, WHY says how, and there is a position in it. Returns -1. */
static inline int refuse_source(gale_ctx *ctx, const char *path, const char *why)
{
	fatal(ctx, "%s %s since the run that this one would go on from, so nobody knows which of "
	    "its lines are done; put it back as it was, or start from the beginning with another "
	    "state directory", path, why);
	return -1;
}

static inline int line_too_long(gale_ctx *ctx, const char *path, uint64_t offset)
{
	fatal(ctx, "%s: the line that starts at byte offset %llu is longer than %d bytes, "
	    "and no line may be: is this a text?", path, (unsigned long long)offset, MAX_LINE);
	return -1;
}

/* ---- The buffer -------------------------------------------------------------------- */

/* What was read and is not emitted yet is bytes[begin .. end), and there is no newline before
 * bytes[scan]. All bits 0 is empty; free(r.bytes) ends it. */
struct reader {
	char *bytes;
	size_t size, begin, scan, end;
};

static inline size_t reader_held(const struct reader *r)
{
	return r->end - r->begin;
}

static inline void reader_clear(struct reader *r)
{
	r->begin = r->scan = r->end = 0;
}

/* reader_line tells whether the newline of the line at the head is there; *N is then the line's
 * length without it. */
static inline bool reader_line(struct reader *r, size_t *n)
{
	const char *eol = r->scan < r->end ? memchr(r->bytes + r->scan, '\n', r->end - r->scan) : NULL;
	if (eol == NULL) {
		r->scan = r->end;
		return false;
	}
	*n = (size_t)(eol - (r->bytes + r->begin));
	return true;
}

/* reader_pass takes N bytes off the head. */
static inline void reader_pass(struct reader *r, size_t n)
{
	r->begin = r->scan = r->begin + n;
}

/* reader_room makes room for at least one more byte behind bytes[end]. False: the line at the
 * head is too long. */
static inline bool reader_room(struct reader *r)
{
	if (r->begin > 0) {
		memmove(r->bytes, r->bytes + r->begin, r->end - r->begin);
		r->scan -= r->begin;
		r->end -= r->begin;
		r->begin = 0;
	}
	if (r->end < r->size)
		return true;
	if (r->size == MAX_BUFFER)
		return false;
	r->size = r->size == 0 ? BLOCK : 2 * r->size < MAX_BUFFER ? 2 * r->size : MAX_BUFFER;
	r->bytes = resized(r->bytes, r->size);
	return true;
}

/* reader_read reads up to LIMIT bytes of FD into the room that reader_room has made: from OFFSET,
 * which leaves the descriptor's own alone, or, when that is -1, what comes next. As read does. */
static inline ssize_t reader_read(struct reader *r, int fd, off_t offset, uint64_t limit)
{
	size_t room = r->size - r->end, want = room < limit ? room : (size_t)limit;
	ssize_t n;
	do
		n = offset == -1 ? read(fd, r->bytes + r->end, want) :
		    pread(fd, r->bytes + r->end, want, offset);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		r->end += (size_t)n;
	return n;
}

/* ---- Lines that are emitted again -------------------------------------------------- */

struct again {
	uint64_t *ids;		/* ids[at .. n) are to be emitted again, in this order */
	size_t at, n, room;
	char *line;		/* room for a line that is read again */
	size_t line_room;
};

static inline bool again_any(const struct again *a)
{
	return a->at < a->n;
}

static inline void again_add(struct again *a, uint64_t id)
{
	if (a->n == a->room) {
		a->room = a->room == 0 ? 64 : 2 * a->room;
		a->ids = resized(a->ids, a->room * sizeof *a->ids);
	}
	a->ids[a->n++] = id;
}

static inline uint64_t again_take(struct again *a)
{
	uint64_t id = a->ids[a->at];
	if (++a->at == a->n)
		a->at = a->n = 0;
	return id;
}

/* again_read reads the line at OFFSET of the file FD, LIMIT bytes of it at most, into a->line.
 * Returns its length, or -1 with errno set: ENODATA when the file has become too short. */
static inline ssize_t again_read(struct again *a, int fd, off_t offset, size_t limit)
{
	size_t have = 0;
	for (;;) {
		if (have == a->line_room) {
			a->line_room = have == 0 ? 4096 : 2 * have;
			a->line = resized(a->line, a->line_room);
		}
		size_t room = a->line_room - have;
		if (room > limit - have)
			room = limit - have;
		ssize_t n = pread(fd, a->line + have, room, offset + (off_t)have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 && have == 0)
			errno = ENODATA;
		if (n <= 0)
			return n < 0 || have == 0 ? -1 : (ssize_t)have;
		const char *eol = memchr(a->line + have, '\n', (size_t)n);
		if (eol != NULL)
			return eol - a->line;
		have += (size_t)n;
	}
}

static inline void again_free(struct again *a)
{
	free(a->ids);
	free(a->line);
}

#endif
