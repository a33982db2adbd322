/* lines.h - what the parts of the spout `lines` share: its memory, the buffer and what is emitted
 * from it, waiting. lines.c says what it does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LINES_H
#define GALE_LINES_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gale/gale.h>

enum {
	MAX_LINE = 16 << 20,
	BLOCK = 256 << 10,	/* bytes asked of a read; fits a second-level cache */
	MAX_BUFFER = MAX_LINE + BLOCK,
	BATCH = 64,		/* lines a call of next */
	MAX_PAST = 15		/* followed files that are remembered; they fit a position */
};

struct lines;

/* What came of asking the input for more. */
enum outcome { MORE, WAIT, END, FAILED };

typedef enum outcome more_fn(struct lines *l, gale_ctx *ctx);

/* What is kept with the position of a regular file. */
struct file_mark {
	uint64_t tag;		/* FILE_MARK */
	uint64_t device, inode, size, mtime_ns;
	uint64_t first, round_bytes;	/* as in struct lines */
};

/* What is kept with the position of a followed one: the files so far, the last one is open. */
struct past_file {
	uint64_t base;		/* id of a line at its offset 0 */
	uint64_t device, inode;	/* 0: what it held is gone */
	uint64_t born_ns;	/* for numbers of inodes are used again */
};

struct past_mark {
	uint64_t tag;		/* PAST_MARK */
	struct past_file files[MAX_PAST];
};

enum { FILE_MARK = 0x656c6966, PAST_MARK = 0x74736170 };

struct lines {
	/* properties */
	const char *path;
	bool follow;
	bool from_start;
	int64_t repeat;

	int fd;			/* -1: a followed file that isn't there */
	more_fn *more;		/* more_of_file, more_of_stream or more_of_followed */
	bool done;

	/* What was read and is not emitted yet is bytes[begin .. end), and there is no
	 * newline before bytes[scan]. `position` is bytes[begin]'s offset in the input. */
	char *bytes;
	size_t size, begin, scan, end;
	uint64_t position;

	/* Regular files. The rounds of `repeat` stand in one row of positions. */
	bool rereads;		/* it is one */
	struct file_mark mark;	/* which file */
	off_t first;		/* offset in the file of position 0 */
	uint64_t round_start;	/* position at which this round started */
	uint64_t round_bytes;	/* of each round; 0 in the first one, which finds out */
	uint64_t *again;	/* ids of lines to emit again: again[again_at .. n_again) */
	size_t again_at, n_again, again_room;
	char *line;		/* room for a line that is read again */
	size_t line_room;

	/* Pipes and their like. */
	uint64_t line_number;

	/* Followed files. */
	int inotify;
	int file_watch;		/* inotify's number for the file that is open, or -1 */
	bool leaving;		/* it was replaced: change over at its end */
	bool missing;		/* it was said that there is no file */
	char *real;		/* the path without symbolic links, or NULL */
	uint64_t base;		/* id of a line at offset 0 */
	struct past_mark past;
	size_t n_past;
	int old_fd;		/* the file of past.files[old_at], for lines to emit again, or -1 */
	size_t old_at;
	uint64_t n_lost;	/* lines that can't be */
};

/* ---- Saying what is wrong ---------------------------------------------------------- */

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

static inline int cannot(struct lines *l, gale_ctx *ctx, const char *what, const char *advice)
{
	return fatal(ctx, "can't %s %s: %s%s", what, l->path, strerror(errno), advice);
}

static inline void say(struct lines *l, gale_ctx *ctx, gale_level level, const char *what)
{
	char text[PATH_MAX + 512];
	snprintf(text, sizeof text, "%s %s", l->path, what);
	gale_log(ctx, level, text);
}

static inline void *resized(void *block, size_t bytes)
{
	void *p = realloc(block, bytes);
	if (p == NULL) {
		fprintf(stderr, "lines: no memory for %zu bytes\n", bytes);
		abort();
	}
	return p;
}

/* ---- Positions --------------------------------------------------------------------- */

static inline bool follows(const struct lines *l)
{
	return l->inotify != -1;
}

/* tell tells gale how far we have come. Returns 0 or -1. */
static inline int tell(struct lines *l, gale_ctx *ctx)
{
	if (l->rereads) {
		l->mark.first = (uint64_t)l->first;
		l->mark.round_bytes = l->round_bytes;
		return gale_position(ctx, l->position, &l->mark, sizeof l->mark);
	}
	if (!follows(l))
		return 0;
	return gale_position(ctx, l->base + l->position, &l->past,
	    offsetof(struct past_mark, files) + l->n_past * sizeof *l->past.files);
}

/* ---- The buffer and what is emitted from it ---------------------------------------- */

static inline int too_long(struct lines *l, gale_ctx *ctx)
{
	uint64_t at = l->position - l->round_start + (uint64_t)l->first;
	fatal(ctx, "%s: the line that starts at byte offset %llu is longer than %d bytes, "
	    "and no line may be: is this a text?", l->path, (unsigned long long)at, MAX_LINE);
	return -1;
}

/* emit_line emits the N bytes at the head of the buffer. Returns 0 or -1. */
static inline int emit_line(struct lines *l, gale_ctx *ctx, size_t n)
{
	if (n > MAX_LINE)
		return too_long(l, ctx);
	gale_value line = gale_string(l->bytes + l->begin, n);
	if (l->rereads)
		return gale_emit_tracked(ctx, 0, l->position, &line, 1);
	if (follows(l))
		return gale_emit_kept(ctx, 0, l->base + l->position, &line, 1);
	return gale_emit_kept(ctx, 0, ++l->line_number, &line, 1);
}

/* emit_lines emits up to BATCH lines that are complete. Returns their number or -1. */
static inline int emit_lines(struct lines *l, gale_ctx *ctx)
{
	int emitted = 0;
	while (emitted < BATCH && l->scan < l->end) {
		const char *eol = memchr(l->bytes + l->scan, '\n', l->end - l->scan);
		if (eol == NULL) {
			l->scan = l->end;
			break;
		}
		size_t n = (size_t)(eol - (l->bytes + l->begin));
		if (emit_line(l, ctx, n) != 0)
			return -1;
		l->begin = l->scan = l->begin + n + 1;
		l->position += n + 1;
		emitted++;
	}
	return emitted;
}

/* emit_rest emits what stands behind the last newline, if anything does: at the end of the
 * input, or where a followed file breaks off. Returns 0 or -1. */
static inline int emit_rest(struct lines *l, gale_ctx *ctx)
{
	size_t n = l->end - l->begin;
	if (n > 0 && emit_line(l, ctx, n) != 0)
		return -1;
	l->position += n;
	l->begin = l->scan = l->end = 0;
	return 0;
}

/* make_room makes room for at least one more byte behind bytes[end]. Returns 0 or -1. */
static inline int make_room(struct lines *l, gale_ctx *ctx)
{
	if (l->begin > 0) {
		memmove(l->bytes, l->bytes + l->begin, l->end - l->begin);
		l->scan -= l->begin;
		l->end -= l->begin;
		l->begin = 0;
	}
	if (l->end < l->size)
		return 0;
	if (l->size == MAX_BUFFER)
		return too_long(l, ctx);
	l->size = l->size == 0 ? BLOCK : 2 * l->size < MAX_BUFFER ? 2 * l->size : MAX_BUFFER;
	l->bytes = resized(l->bytes, l->size);
	return 0;
}

/* fill reads up to LIMIT bytes into the buffer. MORE: some came. END: none are there, now
 * or for good. WAIT: reading would block. */
static inline enum outcome fill(struct lines *l, gale_ctx *ctx, uint64_t limit)
{
	if (make_room(l, ctx) != 0)
		return FAILED;
	size_t room = l->size - l->end;
	ssize_t n = read(l->fd, l->bytes + l->end, room < limit ? room : (size_t)limit);
	if (n > 0) {
		l->end += (size_t)n;
		return MORE;
	}
	if (n == 0)
		return END;
	if (errno == EINTR)
		return MORE;
	if (errno == EAGAIN)
		return WAIT;
	cannot(l, ctx, "read", "");
	return FAILED;
}

/* ---- Waiting ----------------------------------------------------------------------- */

/* A descriptor is watched only while next has nothing to emit. While next is held back, for
 * too many messages are open, a descriptor that is readable would wake the worker over and
 * over for nothing. */
static inline void readable(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	(void)self;
	(void)events;
	(void)arg;
	gale_unwatch(ctx, fd);
}

static inline enum outcome wait_for(gale_ctx *ctx, int fd)
{
	int failed = gale_watch(ctx, fd, GALE_READABLE | GALE_HANGUP, readable, NULL);
	return failed ? FAILED : WAIT;
}

#endif
