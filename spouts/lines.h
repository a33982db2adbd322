/* lines.h - what the parts of the spout `lines` share: its memory, what is emitted from its buffer,
 * waiting. lines.c says what it does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LINES_H
#define GALE_LINES_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "reader.h"

enum {
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
	int watched;		/* descriptor that gale watches for us, or -1 */
	bool done;

	struct reader in;
	uint64_t position;	/* offset in the input of what is at its head */
	struct again again;

	/* Regular files. The rounds of `repeat` stand in one row of positions. */
	bool rereads;		/* it is one */
	struct file_mark mark;	/* which file */
	off_t first;		/* offset in the file of position 0 */
	uint64_t round_start;	/* position at which this round started */
	uint64_t round_bytes;	/* of each round; 0 in the first one, which finds out */

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
	return line_too_long(ctx, l->path, l->position - l->round_start + (uint64_t)l->first);
}

/* emit_line emits the N bytes at the head of the buffer. Returns 0 or -1. */
static inline int emit_line(struct lines *l, gale_ctx *ctx, size_t n)
{
	if (n > MAX_LINE)
		return too_long(l, ctx);
	gale_value line = gale_string(l->in.bytes + l->in.begin, n);
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
	size_t n;
	for (; emitted < BATCH && reader_line(&l->in, &n); emitted++) {
		if (emit_line(l, ctx, n) != 0)
			return -1;
		reader_pass(&l->in, n + 1);
		l->position += n + 1;
	}
	return emitted;
}

/* emit_rest emits what stands behind the last newline, if anything does: at the end of the
 * input, or where a followed file breaks off. Returns 0 or -1. */
static inline int emit_rest(struct lines *l, gale_ctx *ctx)
{
	size_t n = reader_held(&l->in);
	if (n > 0 && emit_line(l, ctx, n) != 0)
		return -1;
	l->position += n;
	reader_clear(&l->in);
	return 0;
}

/* fill reads up to LIMIT bytes into the buffer; a regular file where it was left, and so that
 * nobody else who has the descriptor notices. MORE: some came. END: none are there, now or for
 * good. WAIT: reading would block. */
static inline enum outcome fill(struct lines *l, gale_ctx *ctx, uint64_t limit)
{
	off_t offset = -1;
	if (!reader_room(&l->in)) {
		too_long(l, ctx);
		return FAILED;
	}
	if (l->rereads)
		offset = l->first + (off_t)(l->position - l->round_start + reader_held(&l->in));
	ssize_t n = reader_read(&l->in, l->fd, offset, limit);
	if (n >= 0)
		return n > 0 ? MORE : END;
	if (errno == EAGAIN)
		return WAIT;
	cannot(l, ctx, "read", "");
	return FAILED;
}

/* ---- Waiting ----------------------------------------------------------------------- */

/* A descriptor is watched only while next has nothing to emit. While next is held back, for
 * too many messages are open, a descriptor that is readable would wake the worker over and
 * over for nothing. */
static inline void unwatch(struct lines *l, gale_ctx *ctx)
{
	if (l->watched != -1)
		gale_unwatch(ctx, l->watched);
	l->watched = -1;
}

static inline void readable(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	unwatch(self, ctx);
}

static inline enum outcome wait_for(struct lines *l, gale_ctx *ctx, int fd)
{
	if (gale_watch(ctx, fd, GALE_READABLE | GALE_HANGUP, readable, NULL) != 0)
		return FAILED;
	l->watched = fd;
	return WAIT;
}

#endif
