/* lines.c - a spout that emits the lines of a file, of a pipe, or of a file that grows.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     lines --default--> (line: string)
 *
 * A line is what a newline ends; the newline is no part of it, a carriage return is. Bytes
 * after the last newline are a line too. Bytes are passed on as they are. A line may have
 * 16 MiB; a longer one ends the worker, with the offset at which it starts.
 *
 * What `path` names decides how it is read and how a line that failed comes back:
 *
 *   regular file      In blocks. A message's id is the position of its line, so a line
 *                     that failed is read again from the file: nothing is kept.
 *   pipe, terminal,   When there is something, never before: nothing here blocks. Lines
 *   standard input    can't be read again, so gale keeps them. The end of a fifo counts
 *                     only after a writer was seen.
 *   followed file     As `tail -F`: to its end and on as it grows, for ever. See below.
 *
 * A followed file may be renamed away, replaced, removed, made again, truncated, or not be
 * there yet. inotify says when to look; nothing polls. Three things are watched: the file,
 * the directory of its path, and, where the path is a symbolic link, the directory of the
 * file behind it; of a directory that isn't there, the nearest one above that is. A file
 * that was replaced is read to its end, and is left only once its successor has its first
 * byte: log rotation renames first and lets the writer change over later. A file that has
 * become shorter than what was read of it was truncated and starts anew; one that was
 * truncated and is longer again when we look can't be told from one that has grown.
 *
 * Positions, for a process that goes on where an earlier one stopped:
 *
 *   regular file      The position, and which file it was. A file that has changed since is
 *                     refused: nobody could say which of its lines were emitted.
 *   followed file     Ids go on from file to file: the bytes of all files before, plus the
 *                     offset. The last few files are known by device, inode and time of birth,
 *                     so a file that was rotated away meanwhile is found beside the path (its
 *                     name begins with that of the path), read to its end, and lines of it that
 *                     were open are read again. What is not found is lost, and that is said. If
 *                     it was rotated more than once, the files in between (path.1, path-20260131)
 *                     are read in the order in which they were made.
 *   all others        None.
 */
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
static int fatal(gale_ctx *ctx, const char *format, ...)
{
	char text[PATH_MAX + 512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return gale_fatal(ctx, text);
}

static int cannot(struct lines *l, gale_ctx *ctx, const char *what, const char *advice)
{
	return fatal(ctx, "can't %s %s: %s%s", what, l->path, strerror(errno), advice);
}

static void say(struct lines *l, gale_ctx *ctx, gale_level level, const char *what)
{
	char text[PATH_MAX + 512];
	snprintf(text, sizeof text, "%s %s", l->path, what);
	gale_log(ctx, level, text);
}

static void *resized(void *block, size_t bytes)
{
	void *p = realloc(block, bytes);
	if (p == NULL) {
		fprintf(stderr, "lines: no memory for %zu bytes\n", bytes);
		abort();
	}
	return p;
}

/* ---- Positions --------------------------------------------------------------------- */

static bool follows(const struct lines *l)
{
	return l->inotify != -1;
}

/* tell tells gale how far we have come. Returns 0 or -1. */
static int tell(struct lines *l, gale_ctx *ctx)
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

static int too_long(struct lines *l, gale_ctx *ctx)
{
	uint64_t at = l->position - l->round_start + (uint64_t)l->first;
	fatal(ctx, "%s: the line that starts at byte offset %llu is longer than %d bytes, "
	    "and no line may be: is this a text?", l->path, (unsigned long long)at, MAX_LINE);
	return -1;
}

/* emit_line emits the N bytes at the head of the buffer. Returns 0 or -1. */
static int emit_line(struct lines *l, gale_ctx *ctx, size_t n)
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
static int emit_lines(struct lines *l, gale_ctx *ctx)
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
static int emit_rest(struct lines *l, gale_ctx *ctx)
{
	size_t n = l->end - l->begin;
	if (n > 0 && emit_line(l, ctx, n) != 0)
		return -1;
	l->position += n;
	l->begin = l->scan = l->end = 0;
	return 0;
}

/* make_room makes room for at least one more byte behind bytes[end]. Returns 0 or -1. */
static int make_room(struct lines *l, gale_ctx *ctx)
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
static enum outcome fill(struct lines *l, gale_ctx *ctx, uint64_t limit)
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
static void readable(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	(void)self;
	(void)events;
	(void)arg;
	gale_unwatch(ctx, fd);
}

static enum outcome wait_for(gale_ctx *ctx, int fd)
{
	int failed = gale_watch(ctx, fd, GALE_READABLE | GALE_HANGUP, readable, NULL);
	return failed ? FAILED : WAIT;
}

/* ---- Regular files ----------------------------------------------------------------- */

/* next_round ends a pass over the file and begins the next. The first pass says how long
 * the file is: should it change, later ones read no further. */
static enum outcome next_round(struct lines *l, gale_ctx *ctx)
{
	if (emit_rest(l, ctx) != 0)
		return FAILED;
	if (l->round_start == 0)
		l->round_bytes = l->position;
	if (--l->repeat <= 0 || l->round_bytes == 0)
		return END;
	if (lseek(l->fd, l->first, SEEK_SET) == -1) {
		cannot(l, ctx, "go back to the start of", "; \"repeat\" needs that");
		return FAILED;
	}
	l->round_start += l->round_bytes;
	l->position = l->round_start;
	return MORE;
}

static enum outcome more_of_file(struct lines *l, gale_ctx *ctx)
{
	uint64_t limit = UINT64_MAX;
	if (l->round_start > 0)
		limit = l->round_start + l->round_bytes - l->position - (l->end - l->begin);
	enum outcome got = limit > 0 ? fill(l, ctx, limit) : END;
	return got == END ? next_round(l, ctx) : got;
}

static void remember(struct lines *l, uint64_t position)
{
	if (l->n_again == l->again_room) {
		l->again_room = l->again_room == 0 ? 64 : 2 * l->again_room;
		l->again = resized(l->again, l->again_room * sizeof *l->again);
	}
	l->again[l->n_again++] = position;
}

/* read_line reads the line at OFFSET of the file FD, LIMIT bytes of it at most, into l->line.
 * Returns its length, or -1 with errno set: ENODATA when the file has become too short. */
static ssize_t read_line(struct lines *l, int fd, off_t offset, size_t limit)
{
	size_t have = 0;
	for (;;) {
		if (have == l->line_room) {
			l->line_room = have == 0 ? 4096 : 2 * have;
			l->line = resized(l->line, l->line_room);
		}
		size_t room = l->line_room - have;
		if (room > limit - have)
			room = limit - have;
		ssize_t n = pread(fd, l->line + have, room, offset + (off_t)have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 && have == 0)
			errno = ENODATA;
		if (n <= 0)
			return n < 0 || have == 0 ? -1 : (ssize_t)have;
		const char *eol = memchr(l->line + have, '\n', (size_t)n);
		if (eol != NULL)
			return eol - l->line;
		have += (size_t)n;
	}
}

static uint64_t take_again(struct lines *l)
{
	uint64_t id = l->again[l->again_at];
	if (++l->again_at == l->n_again)
		l->again_at = l->n_again = 0;
	return id;
}

/* emit_again emits the line of the oldest message that failed, once more. */
static int emit_again(struct lines *l, gale_ctx *ctx)
{
	uint64_t position = take_again(l);
	uint64_t in_round = l->round_bytes > 0 ? position % l->round_bytes : position;
	size_t limit = MAX_LINE;
	if (l->round_bytes > 0 && l->round_bytes - in_round < limit)
		limit = (size_t)(l->round_bytes - in_round);

	ssize_t n = read_line(l, l->fd, l->first + (off_t)in_round, limit);
	if (n < 0)
		return cannot(l, ctx, "read a line again from", "");
	gale_value line = gale_string(l->line, (size_t)n);
	if (gale_emit_tracked(ctx, 0, position, &line, 1) != 0)
		return GALE_FATAL;
	return GALE_EMITTED;
}

static void fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f)
{
	struct lines *l = self;
	(void)ctx;
	if (l->rereads && !f->final)
		remember(l, id);
}

/* ---- Pipes, terminals, sockets ----------------------------------------------------- */

/* reopen makes a followed fifo, whose last writer has left, wait for the next one. */
static enum outcome reopen(struct lines *l, gale_ctx *ctx)
{
	close(l->fd);
	l->fd = open(l->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (l->fd == -1) {
		cannot(l, ctx, "open", " again");
		return FAILED;
	}
	return MORE;
}

/* more_of_stream asks poll first: standard input may be shared with processes that want it
 * to block, so it is not ours to change. A fifo that no writer has opened yet reads as if it
 * had ended, but poll says nothing of it; once a writer came and left, poll says POLLHUP. */
static enum outcome more_of_stream(struct lines *l, gale_ctx *ctx)
{
	struct pollfd p = { .fd = l->fd, .events = POLLIN };
	if (poll(&p, 1, 0) <= 0)
		return wait_for(ctx, l->fd);
	enum outcome got = fill(l, ctx, UINT64_MAX);
	if (got == WAIT)
		return wait_for(ctx, l->fd);
	if (got != END)
		return got;
	if (l->follow)
		return reopen(l, ctx);
	return emit_rest(l, ctx) == 0 ? END : FAILED;
}

/* ---- Followed files ---------------------------------------------------------------- */

enum {
	FILE_EVENTS = IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF,
	DIR_EVENTS = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB |
	    IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR
};

/* has_part tells whether NAME is one of the names that PATH is made of. */
static bool has_part(const char *path, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = path; p != NULL; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, name, n) == 0 && (p[n] == '/' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* concerns tells whether an event may be about our file: directories report all that is in
 * them. */
static bool concerns(const struct lines *l, const struct inotify_event *event)
{
	return event->len == 0 || has_part(l->path, event->name) ||
	    (l->real != NULL && has_part(l->real, event->name));
}

/* take_events empties the inotify queue and tells whether anything in it concerns us. */
static bool take_events(struct lines *l)
{
	_Alignas(struct inotify_event) char events[4096];
	bool any = false;
	ssize_t n;
	while ((n = read(l->inotify, events, sizeof events)) > 0) {
		for (char *p = events; p < events + n;) {
			const struct inotify_event *event = (const void *)p;
			any = any || concerns(l, event);
			p += sizeof *event + event->len;
		}
	}
	return any;
}

/* watch_above watches the nearest directory above PATH that is there, and gives the length
 * of its name, or -1. */
static ssize_t watch_above(struct lines *l, const char *path)
{
	char dir[PATH_MAX];
	snprintf(dir, sizeof dir, "%s", path);
	for (;;) {
		char *slash = strrchr(dir, '/');
		bool root = slash == NULL || slash == dir;
		strcpy(root ? dir : slash, root ? "/" : "");
		if (inotify_add_watch(l->inotify, dir, DIR_EVENTS) != -1)
			return (ssize_t)strlen(dir);
		if (root || (errno != ENOENT && errno != ENOTDIR))
			return -1;
	}
}

/* watch_path watches for anything that may make PATH another file. A directory that is made
 * just before its parent is watched makes no event, hence the second look. */
static int watch_path(struct lines *l, gale_ctx *ctx, const char *path)
{
	ssize_t last = -2, now = -2;
	do {
		last = now;
		now = watch_above(l, path);
	} while (now > last && now != -1);
	if (now != -1)
		return 0;
	return fatal(ctx, "can't watch the directory of %s: %s%s", path, strerror(errno),
	    errno == ENOSPC ? "; raise fs.inotify.max_user_watches" :
	    "; to follow a file takes the right to list its directory");
}

static int watch_all(struct lines *l, gale_ctx *ctx)
{
	if (watch_path(l, ctx, l->path) != 0)
		return -1;
	char *real = realpath(l->path, NULL);
	if (real == NULL)
		return 0;
	free(l->real);
	l->real = real;
	return strcmp(real, l->path) == 0 || watch_path(l, ctx, real) == 0 ? 0 : -1;
}

/* identify tells which file FD is. */
static bool identify(int fd, struct past_file *file)
{
	struct statx x;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &x) != 0)
		return false;
	*file = (struct past_file){
		.device = (uint64_t)x.stx_dev_major << 32 | x.stx_dev_minor, .inode = x.stx_ino,
	};
	if (x.stx_mask & STATX_BTIME)
		file->born_ns = (uint64_t)x.stx_btime.tv_sec * 1000000000 + x.stx_btime.tv_nsec;
	return true;
}

static bool same_file(const struct past_file *a, const struct past_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->born_ns == b->born_ns;
}

/* add_past: FILE is what is read from here on. */
static int add_past(struct lines *l, gale_ctx *ctx, const struct past_file *file)
{
	l->past.tag = PAST_MARK;
	if (l->n_past == MAX_PAST)
		memmove(l->past.files, l->past.files + 1, --l->n_past * sizeof *l->past.files);
	l->past.files[l->n_past] = *file;
	l->past.files[l->n_past++].base = l->base;
	return tell(l, ctx);
}

/* open_path opens the path, or says why it can't be; then l->fd is -1. */
static void open_path(struct lines *l, gale_ctx *ctx)
{
	struct stat st;
	l->fd = open(l->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (l->fd == -1 || fstat(l->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		if (!l->missing)
			say(l, ctx, GALE_WARN, l->fd != -1 ? "is no regular file; waiting for one" :
			    errno == ENOENT ? "is not there yet; waiting for it" :
			    "can't be opened; waiting until it can");
		l->missing = true;
		if (l->fd != -1)
			close(l->fd);
		l->fd = -1;
	} else {
		l->missing = false;
	}
}

/* watch_file watches the file that is open. By this name inotify finds it, whatever has
 * happened to the path since. */
static int watch_file(struct lines *l, gale_ctx *ctx)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/self/fd/%d", l->fd);
	l->file_watch = inotify_add_watch(l->inotify, name, FILE_EVENTS);
	return l->file_watch == -1 ? cannot(l, ctx, "watch", "") : 0;
}

/* open_followed opens what is at the path now. 0: it is open, or there is nothing to open
 * yet. */
static int open_followed(struct lines *l, gale_ctx *ctx)
{
	struct past_file file;
	open_path(l, ctx);
	if (l->fd == -1)
		return 0;
	if (watch_file(l, ctx) != 0)
		return -1;
	if (!identify(l->fd, &file))
		return cannot(l, ctx, "look at", "");
	return add_past(l, ctx, &file);
}

/* start_anew forgets what was read and counts from 0 again. What stood behind the last
 * newline is a line that was broken off, and is emitted. */
static int start_anew(struct lines *l, gale_ctx *ctx)
{
	if (emit_rest(l, ctx) != 0)
		return -1;
	l->base += l->position;
	l->position = 0;
	return tell(l, ctx);
}

/* truncated starts anew in the same file: what lines before were made of is gone. */
static int truncated(struct lines *l, gale_ctx *ctx)
{
	struct past_file file;
	say(l, ctx, GALE_INFO, "was truncated; reading from its start");
	if (start_anew(l, ctx) != 0)
		return -1;
	if (lseek(l->fd, 0, SEEK_SET) == -1 || !identify(l->fd, &file))
		return cannot(l, ctx, "go back to the start of", "");
	for (size_t i = 0; i < l->n_past; i++)
		if (same_file(&l->past.files[i], &file))
			l->past.files[i].inode = 0;
	return add_past(l, ctx, &file);
}

/* ---- Files that were rotated away -------------------------------------------------- */

/* What is looked for, and found, among the files that stand beside PATH and have a name that
 * begins as PATH's does: names that rotation gives. */
struct beside {
	const struct lines *lines;
	const struct past_file *file;	/* which one, or whose successor, is looked for */
	struct past_file best;
	int found;			/* a descriptor, or -1 */
};

typedef bool suits_fn(const struct beside *b, const char *suffix, const struct past_file *one);

static void look_beside(struct beside *b, const char *path, suits_fn *suits)
{
	char folder[PATH_MAX];
	const char *name = strrchr(path, '/') + 1;
	size_t n = strlen(name);
	snprintf(folder, sizeof folder, "%.*s", (int)(name - path), path);
	DIR *d = opendir(folder);
	struct dirent *entry;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		struct past_file one;
		struct stat st;
		if (strncmp(entry->d_name, name, n) != 0 ||
		    fstatat(dirfd(d), entry->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode))
			continue;
		int fd = openat(dirfd(d), entry->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		bool good = fd != -1 && identify(fd, &one) && suits(b, entry->d_name + n, &one);
		int old = good ? b->found : fd;
		if (old != -1)
			close(old);
		if (good) {
			b->found = fd;
			b->best = one;
		}
	}
	if (d != NULL)
		closedir(d);
}

static bool is_it(const struct beside *b, const char *suffix, const struct past_file *one)
{
	(void)suffix;
	return same_file(one, b->file);
}

/* find_file gives a descriptor of FILE, wherever rotation has put it, or -1. */
static int find_file(const struct lines *l, const struct past_file *file)
{
	struct beside b = { .lines = l, .file = file, .found = -1 };
	if (file->inode != 0)
		look_beside(&b, l->path, is_it);
	if (file->inode != 0 && b.found == -1 && l->real != NULL)
		look_beside(&b, l->real, is_it);
	return b.found;
}

/* is_next: a file that was rotated away too, the first one made after b->file. */
static bool is_next(const struct beside *b, const char *suffix, const struct past_file *one)
{
	if (*suffix == '\0' || suffix[strspn(suffix, "-._0123456789")] != '\0' ||
	    one->born_ns <= b->file->born_ns || b->file->born_ns == 0)
		return false;
	for (size_t i = 0; i < b->lines->n_past; i++)
		if (same_file(one, &b->lines->past.files[i]))
			return false;
	return b->found == -1 || one->born_ns < b->best.born_ns;
}

/* open_next opens what follows the file FILE: one that was rotated away since, or what is at
 * the path. Compressed ones and copies have other names or were made by others, and are no
 * part of the row. */
static int open_next(struct lines *l, gale_ctx *ctx, const struct past_file *file)
{
	struct beside b = { .lines = l, .file = file, .found = -1 };
	look_beside(&b, l->path, is_next);
	if (b.found == -1)
		return open_followed(l, ctx);
	l->fd = b.found;
	l->leaving = true;
	return watch_file(l, ctx) == 0 ? add_past(l, ctx, &b.best) : -1;
}

/* change_over leaves a file that has been replaced, and was read to its end, for the next. */
static enum outcome change_over(struct lines *l, gale_ctx *ctx)
{
	struct past_file last = l->past.files[l->n_past - 1];
	if (start_anew(l, ctx) != 0)
		return FAILED;
	say(l, ctx, GALE_INFO, "was replaced; reading the new file");
	inotify_rm_watch(l->inotify, l->file_watch);
	close(l->fd);
	l->leaving = false;
	return open_next(l, ctx, &last) == 0 ? MORE : FAILED;
}

/* look finds out what an event was about. Watches are set before the file is looked at, so
 * what happens afterwards makes an event. */
static enum outcome look(struct lines *l, gale_ctx *ctx)
{
	if (watch_all(l, ctx) != 0)
		return FAILED;
	if (l->fd == -1)
		return open_followed(l, ctx) == 0 ? MORE : FAILED;

	struct stat open_one, at_path;
	if (fstat(l->fd, &open_one) == -1) {
		cannot(l, ctx, "look at", "");
		return FAILED;
	}
	uint64_t read_so_far = l->position + (l->end - l->begin);
	if ((uint64_t)open_one.st_size < read_so_far && truncated(l, ctx) != 0)
		return FAILED;
	if (stat(l->path, &at_path) == -1 ||
	    (at_path.st_ino == open_one.st_ino && at_path.st_dev == open_one.st_dev))
		return MORE;
	if (at_path.st_size > 0)
		l->leaving = true;
	else
		inotify_add_watch(l->inotify, l->path, FILE_EVENTS);
	return MORE;
}

static enum outcome more_of_followed(struct lines *l, gale_ctx *ctx)
{
	if (l->fd != -1) {
		enum outcome got = fill(l, ctx, UINT64_MAX);
		if (got != END)
			return got;
		if (l->leaving)
			return change_over(l, ctx);
	}
	return take_events(l) ? look(l, ctx) : wait_for(ctx, l->inotify);
}

/* ---- Going on ---------------------------------------------------------------------- */

/* old_file gives a descriptor of the file that the line ID is in, and its base; or -1. */
static int old_file(struct lines *l, uint64_t id, uint64_t *base)
{
	size_t at = l->n_past;
	while (at > 0 && l->past.files[at - 1].base > id)
		at--;
	if (at == 0)
		return -1;
	*base = l->past.files[--at].base;
	if (l->old_fd == -1 || l->old_at != at) {
		if (l->old_fd != -1)
			close(l->old_fd);
		l->old_fd = find_file(l, &l->past.files[at]);
		l->old_at = at;
	}
	return l->old_fd;
}

static void end_of_again(struct lines *l, gale_ctx *ctx)
{
	char text[160];
	if (l->old_fd != -1)
		close(l->old_fd);
	l->old_fd = -1;
	if (l->n_lost > 0) {
		snprintf(text, sizeof text, "was rotated or truncated: %llu lines of it that were not done "
		    "are not found any more, and are lost", (unsigned long long)l->n_lost);
		say(l, ctx, GALE_WARN, text);
	}
	l->n_lost = 0;
}

/* emit_open emits a line of a followed file that was open when an earlier process ended. */
static int emit_open(struct lines *l, gale_ctx *ctx)
{
	uint64_t id = take_again(l), base = 0;
	int fd = old_file(l, id, &base), failed;
	ssize_t n = fd != -1 ? read_line(l, fd, (off_t)(id - base), MAX_LINE) : -1;
	if (n >= 0) {
		gale_value line = gale_string(l->line, (size_t)n);
		failed = gale_emit_kept(ctx, 0, id, &line, 1);
	} else if (fd != -1 && errno != ENODATA) {
		return cannot(l, ctx, "read a line again from", "");
	} else {
		l->n_lost++;
		failed = gale_forget(ctx, id);
	}
	if (l->n_again == 0)
		end_of_again(l, ctx);
	return failed ? GALE_FATAL : GALE_EMITTED;
}

static int refuse(struct lines *l, gale_ctx *ctx, const char *why)
{
	fatal(ctx, "%s %s since the run that this one would go on from, so nobody knows which of "
	    "its lines are done; put the file back as it was, or start from the beginning with "
	    "another state directory", l->path, why);
	return -1;
}

static int resume_file(struct lines *l, gale_ctx *ctx, const gale_resume *r)
{
	struct file_mark was;
	if (r->n_blob != sizeof was)
		return refuse(l, ctx, "has become another kind of file");
	memcpy(&was, r->blob, sizeof was);
	if (was.tag != FILE_MARK)
		return refuse(l, ctx, "has become another kind of file");
	if (was.device != l->mark.device || was.inode != l->mark.inode)
		return refuse(l, ctx, "was replaced by another file");
	if (was.size != l->mark.size || was.mtime_ns != l->mark.mtime_ns)
		return refuse(l, ctx, "has changed");
	l->first = (off_t)was.first;
	l->round_bytes = was.round_bytes;
	l->position = r->next;
	if (l->round_bytes > 0) {
		l->round_start = r->next - r->next % l->round_bytes;
		l->repeat -= (int64_t)(r->next / l->round_bytes);
		l->done = l->repeat <= 0;
	}
	if (lseek(l->fd, l->first + (off_t)(l->position - l->round_start), SEEK_SET) == -1)
		return cannot(l, ctx, "seek in", "");
	return 0;
}

/* go_on_in_file makes l->fd, found where it is now, the file to go on in at OFFSET. */
static int go_on_in_file(struct lines *l, gale_ctx *ctx, uint64_t offset)
{
	if (watch_file(l, ctx) != 0)
		return -1;
	if (lseek(l->fd, (off_t)offset, SEEK_SET) == -1)
		return cannot(l, ctx, "seek in", "");
	l->position = offset;
	return 0;
}

/* resume_followed goes on in the file that was read last, wherever it is now. What has
 * happened to the path since, look finds out. */
static int resume_followed(struct lines *l, gale_ctx *ctx, const gale_resume *r)
{
	size_t head = offsetof(struct past_mark, files), each = sizeof *l->past.files;
	if (l->fd != -1) {
		inotify_rm_watch(l->inotify, l->file_watch);
		close(l->fd);
		l->fd = -1;
	}
	if (r->n_blob < head || r->n_blob > sizeof l->past || (r->n_blob - head) % each != 0)
		return refuse(l, ctx, "has become another kind of file");
	memcpy(&l->past, r->blob, r->n_blob);
	l->n_past = (r->n_blob - head) / each;
	l->base = r->next;
	l->position = 0;
	if (l->n_past == 0)
		return look(l, ctx) == FAILED ? -1 : 0;

	const struct past_file *last = &l->past.files[l->n_past - 1];
	if (l->past.tag != PAST_MARK || last->base > r->next)
		return refuse(l, ctx, "has become another kind of file");
	l->fd = find_file(l, last);
	if (l->fd == -1) {
		struct past_file lost = *last;
		say(l, ctx, GALE_WARN, "is another file now, and the one that was followed is not found "
		    "beside it: what was not read of that is lost");
		if (open_next(l, ctx, &lost) != 0)
			return -1;
	} else {
		l->base = last->base;
		if (go_on_in_file(l, ctx, r->next - last->base) != 0)
			return -1;
	}
	return look(l, ctx) == FAILED ? -1 : 0;
}

static int resume(void *self, gale_ctx *ctx, const gale_resume *r)
{
	struct lines *l = self;
	if (!l->rereads && !follows(l)) {
		refuse(l, ctx, "has become a pipe or its like");
		return GALE_FATAL;
	}
	for (uint32_t i = 0; i < r->n_open; i++)
		remember(l, r->open[i]);
	int failed = l->rereads ? resume_file(l, ctx, r) : resume_followed(l, ctx, r);
	return failed ? GALE_FATAL : GALE_OK;
}

/* ---- The spout --------------------------------------------------------------------- */

static bool is_stdin(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0 ||
	    strcmp(path, "/dev/fd/0") == 0 || strcmp(path, "/proc/self/fd/0") == 0;
}

static int check_properties(struct lines *l, gale_ctx *ctx)
{
	if (ctx->n_tasks > 1)
		return fatal(ctx, "%u tasks would each emit all lines of %s; one task reads a "
		    "file: take \"parallelism\" and \"numTasks\" off \"%s\"", ctx->n_tasks,
		    l->path, ctx->component);
	if (l->follow && is_stdin(l->path))
		return fatal(ctx, "standard input can't be followed; it is read to its end "
		    "as it comes: take \"follow\" off \"%s\"", ctx->component);
	if (l->follow && l->repeat > 1)
		return fatal(ctx, "\"repeat\" and \"follow\" exclude each other");
	return 0;
}

/* start_following watches, then opens: what happens in between makes an event. */
static int start_following(struct lines *l, gale_ctx *ctx)
{
	l->more = more_of_followed;
	l->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (l->inotify == -1)
		return cannot(l, ctx, "follow", errno == EMFILE ?
		    "; raise fs.inotify.max_user_instances" : "");
	if (watch_all(l, ctx) != 0 || open_followed(l, ctx) != 0)
		return -1;
	if (l->fd == -1 || l->from_start)
		return 0;
	off_t end = lseek(l->fd, 0, SEEK_END);
	if (end == -1)
		return cannot(l, ctx, "go to the end of", "");
	l->position = (uint64_t)end;
	return tell(l, ctx);
}

/* start_reading takes the open descriptor for what it is. */
static int start_reading(struct lines *l, gale_ctx *ctx, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return fatal(ctx, "can't read %s: it is a directory; \"path\" must name a file",
		    l->path);
	l->rereads = S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
	l->mark = (struct file_mark){ .tag = FILE_MARK, .device = st->st_dev, .inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec };
	l->more = l->rereads ? more_of_file : more_of_stream;
	if (l->rereads) {
		l->first = lseek(l->fd, 0, SEEK_CUR);
		return l->first == -1 ? cannot(l, ctx, "seek in", "") : 0;
	}
	if (l->repeat > 1)
		return fatal(ctx, "%s can't be read more than once; \"repeat\" is for regular "
		    "files", l->path);
	return 0;
}

static int open_input(void *self, gale_ctx *ctx)
{
	struct lines *l = self;
	struct stat st;
	l->fd = l->inotify = l->file_watch = l->old_fd = -1;
	if (check_properties(l, ctx) != 0)
		return GALE_FATAL;
	if (l->follow)
		gale_unbounded(ctx);
	if (is_stdin(l->path))
		l->fd = STDIN_FILENO;
	else if (!l->follow || (stat(l->path, &st) == 0 && !S_ISREG(st.st_mode)))
		l->fd = open(l->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	else
		return start_following(l, ctx) == 0 ? GALE_OK : GALE_FATAL;

	if (l->fd == -1 || fstat(l->fd, &st) == -1)
		return cannot(l, ctx, "read", "; \"path\" must name a file that can be read");
	return start_reading(l, ctx, &st) == 0 ? GALE_OK : GALE_FATAL;
}

static int next(void *self, gale_ctx *ctx)
{
	struct lines *l = self;
	if (l->again_at < l->n_again)
		return l->rereads ? emit_again(l, ctx) : emit_open(l, ctx);
	while (!l->done) {
		int emitted = emit_lines(l, ctx);
		if (emitted != 0)
			return emitted > 0 && tell(l, ctx) == 0 ? GALE_EMITTED : GALE_FATAL;
		switch (l->more(l, ctx)) {
		case MORE:
			break;
		case WAIT:
			return GALE_IDLE;
		case END:
			l->done = true;
			break;
		case FAILED:
			return GALE_FATAL;
		}
	}
	return tell(l, ctx) == 0 ? GALE_DONE : GALE_FATAL;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct lines *l = self;
	(void)ctx;
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	if (l->inotify > STDIN_FILENO)
		close(l->inotify);
	if (l->old_fd > STDIN_FILENO)
		close(l->old_fd);
	free(l->bytes);
	free(l->again);
	free(l->line);
	free(l->real);
}

static const gale_component lines = {
	.name = "Lines",
	.doc = "Emits the lines of a file, of standard input, of a fifo, or of a growing file.",
	.kind = GALE_SPOUT,
	.self_size = sizeof (struct lines),
	.props = GALE_PROPS(
	    GALE_PROP(struct lines, path, GALE_PROP_PATH,
		"The file to read; \"-\" is standard input.", .required = true),
	    GALE_PROP(struct lines, follow, GALE_PROP_BOOL,
		"Go on for ever as the file grows, is replaced or truncated, as tail -F does."),
	    GALE_PROP(struct lines, from_start, GALE_PROP_BOOL,
		"With follow: false skips what is in the file already.", .fallback = "true"),
	    GALE_PROP(struct lines, repeat, GALE_PROP_INT,
		"How many times to emit the lines of a regular file.",
		.fallback = "1", .min = 1, .max = INT64_MAX)),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "line", GALE_STRING })),
	.open = open_input,
	.next = next,
	.fail = fail,
	.cleanup = cleanup,
	.resume = resume,
};
GALE_PLUGIN(&lines);
