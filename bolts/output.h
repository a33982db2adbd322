/* output.h - text that goes to a file, to a pipe or to the standard output: what the sinks share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where it goes depends on what the path names:
 *
 *     a regular file,      The file appears when it is published, complete, or not at all:
 *     or nothing yet       it is written under no name, in the same directory, and takes the
 *                          place of the old one in one step, once it is on disk. The old one's
 *                          mode stays; of a symbolic link, the link.
 *     "-", a fifo,         Written to directly and never replaced. Nothing blocks: what is not
 *     a device             taken now stays in `text`.
 *
 * What fails ends the worker with words: functions that give an int give 0 or -1, or as said,
 * after gale_fatal.
 */
#ifndef BOLTS_OUTPUT_H
#define BOLTS_OUTPUT_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gale/gale.h>

#include "format.h"

enum {
	OUTPUT_WRITE_AT = 64 << 10,	/* bytes that are worth a write */
	OUTPUT_KEEP = 1 << 20		/* bytes of buffer that are kept when it is empty */
};

struct output {
	char *name;		/* of the file, with the task's number and no symbolic links */
	int fd;			/* -1: a fifo that has no reader yet, or closed */
	bool direct;		/* written to and not replaced */
	bool may_block;		/* ask poll before each write */
	bool borrowed;		/* fd is the context's */
	char *temporary;	/* its name while it has one */
	struct text text;	/* text.bytes[sent .. text.n) is not written yet */
	size_t sent;
	uint64_t written;	/* bytes in all */
};

__attribute__((format(printf, 2, 3)))
static inline int output_fatal(gale_ctx *ctx, const char *format, ...)
{
	char text[PATH_MAX + 512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return gale_fatal(ctx, text);
}

static inline int output_cannot(struct output *o, gale_ctx *ctx, const char *what)
{
	char why[512];
	if (errno != EPIPE)
		return output_fatal(ctx, "can't %s %s: %s", what, o->name, strerror(errno));
	snprintf(why, sizeof why, "can't %s %s: %s", what, o->name, strerror(errno));
	return gale_hopeless(ctx, why);
}

static inline void *output_checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "output: out of memory\n");
		abort();
	}
	return p;
}

/* ---- Writing ----------------------------------------------------------------------- */

static inline int output_open_direct(struct output *o)
{
	o->fd = open(o->name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return o->fd;
}

static inline bool output_can_write(const struct output *o, int wait_ms)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };
	return poll(&p, o->fd == -1 ? 0 : 1, wait_ms) > 0;
}

/* output_write_some gives the number of bytes written, 0 when nothing is taken now, -1 with errno
 * set. A descriptor that may block is asked first, and takes PIPE_BUF bytes if it takes any. */
static inline ssize_t output_write_some(struct output *o)
{
	size_t n = o->text.n - o->sent;
	if (o->fd == -1 && output_open_direct(o) == -1)
		return errno == ENXIO ? 0 : -1;
	if (o->may_block && !output_can_write(o, 0))
		return 0;
	if (o->may_block && n > PIPE_BUF)
		n = PIPE_BUF;
	ssize_t written;
	do
		written = write(o->fd, o->text.bytes + o->sent, n);
	while (written == -1 && errno == EINTR);
	return written == -1 && errno == EAGAIN ? 0 : written;
}

static inline void output_shrink(struct text *t)
{
	t->n = 0;
	if (t->room <= OUTPUT_KEEP)
		return;
	free(t->bytes);
	*t = (struct text){ 0 };
}

/* output_push writes what is taken now. 0: all is written, 1: some is left, -1: it failed. */
static inline int output_push(struct output *o, gale_ctx *ctx)
{
	while (o->sent < o->text.n) {
		ssize_t n = output_write_some(o);
		if (n == -1) {
			output_cannot(o, ctx, "write to");
			return -1;
		}
		if (n == 0)
			break;
		o->sent += (size_t)n;
		o->written += (uint64_t)n;
	}
	size_t left = o->text.n - o->sent;
	if (left == 0) {
		output_shrink(&o->text);
		o->sent = 0;
	} else if (left < o->sent) {
		memmove(o->text.bytes, o->text.bytes + o->sent, left);
		o->text.n = left;
		o->sent = 0;
	}
	return left > 0;
}

/* ---- Opening ----------------------------------------------------------------------- */

static inline bool output_is_stdout(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 ||
	    strcmp(path, "/dev/fd/1") == 0 || strcmp(path, "/proc/self/fd/1") == 0;
}

/* output_open_stdout writes to the topology's standard output. Other processes may share it and
 * want it to block, so a pipe or terminal is opened anew, not to block; what can't be opened
 * anew (a socket, another user's terminal) is asked before each write. */
static inline int output_open_stdout(struct output *o, gale_ctx *ctx)
{
	char name[64];
	struct stat st;
	o->direct = true;
	if (fstat(ctx->out, &st) == -1)
		return output_cannot(o, ctx, "write to");
	if (!S_ISREG(st.st_mode)) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", ctx->out);
		o->fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (o->fd != -1)
			return 0;
		o->may_block = true;
	}
	o->fd = ctx->out;
	o->borrowed = true;
	return 0;
}

/* output_open_special writes to a fifo or a device. A fifo without a reader is opened later. */
static inline int output_open_special(struct output *o, gale_ctx *ctx, mode_t mode)
{
	o->direct = true;
	if (S_ISDIR(mode))
		return output_fatal(ctx, "can't write to %s: it is a directory", o->name);
	if (output_open_direct(o) == -1 && !(S_ISFIFO(mode) && errno == ENXIO))
		return output_cannot(o, ctx, "write to");
	return 0;
}

/* output_directory gives the directory of o->name; the caller frees it. */
static inline char *output_directory(const struct output *o)
{
	char *dir = output_checked(strdup(o->name));
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir] = '\0';
	return dir;
}

/* output_invent_name sets o->temporary to a name beside o->name that nobody can foresee. */
static inline void output_invent_name(struct output *o)
{
	uint64_t random = 0;
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		abort();
	char *dir = output_directory(o);
	free(o->temporary);
	if (asprintf(&o->temporary, "%s/.gale-%016llx", dir, (unsigned long long)random) == -1)
		abort();
	free(dir);
}

/* output_open_named opens a temporary file that has a name, where files without one are unknown. */
static inline int output_open_named(struct output *o, gale_ctx *ctx)
{
	do {
		output_invent_name(o);
		gale_temporary(ctx, o->temporary);
		o->fd = open(o->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	} while (o->fd == -1 && errno == EEXIST);
	if (o->fd == -1) {
		free(o->temporary);
		o->temporary = NULL;
	}
	return o->fd;
}

/* output_open_temporary opens the file that will take the place of o->name. One without a name is
 * gone when its process is, even by kill -9. */
static inline int output_open_temporary(struct output *o, gale_ctx *ctx)
{
	char *dir = output_directory(o);
	o->fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	free(dir);
	if (o->fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR))
		output_open_named(o, ctx);
	if (o->fd == -1 && errno == ENOENT)
		return output_fatal(ctx, "can't create %s: its directory does not exist", o->name);
	return o->fd == -1 ? output_cannot(o, ctx, "create") : 0;
}

static inline int output_open_to_replace(struct output *o, gale_ctx *ctx, mode_t mode)
{
	char *real = realpath(o->name, NULL);
	if (real == NULL)
		return output_cannot(o, ctx, "find");
	free(o->name);
	o->name = real;
	if (access(o->name, W_OK) == -1)
		return output_cannot(o, ctx, "replace");
	if (output_open_temporary(o, ctx) != 0)
		return -1;
	return fchmod(o->fd, mode & 07777) == 0 ? 0 : output_cannot(o, ctx, "set the mode of");
}

/* output_open opens o->name, which output_name has set. */
static inline int output_open(struct output *o, gale_ctx *ctx)
{
	struct stat st;
	if (output_is_stdout(o->name))
		return output_open_stdout(o, ctx);
	if (stat(o->name, &st) == 0)
		return S_ISREG(st.st_mode) ? output_open_to_replace(o, ctx, st.st_mode) :
		    output_open_special(o, ctx, st.st_mode);
	if (errno != ENOENT)
		return output_cannot(o, ctx, "create");
	if (lstat(o->name, &st) == 0)
		return output_fatal(ctx, "can't write to %s: it is a symbolic link to nothing", o->name);
	return output_open_temporary(o, ctx);
}

/* output_expanded gives the path with the number of the task for each %t. */
static inline char *output_expanded(const char *path, uint32_t task)
{
	struct text t = { 0 };
	for (const char *p = path; *p != '\0'; p++) {
		if (p[0] == '%' && p[1] == 't') {
			text_int(&t, task);
			p++;
		} else {
			text_putc(&t, *p);
		}
	}
	text_putc(&t, '\0');
	return t.bytes;
}

/* output_name makes PATH the output of this task; output_open comes next. */
static inline int output_name(struct output *o, gale_ctx *ctx, const char *path)
{
	o->fd = -1;
	if (ctx->n_tasks > 1 && strstr(path, "%t") == NULL)
		return output_fatal(ctx, "%u tasks can't write one file, %s: write %%t into \"path\" "
		    "where the number of the task shall stand, or take \"parallelism\" off \"%s\"",
		    ctx->n_tasks, path, ctx->component);
	o->name = output_expanded(path, ctx->index);
	return 0;
}

/* ---- The end ----------------------------------------------------------------------- */

/* output_link_temporary gives the file without a name one. */
static inline int output_link_temporary(struct output *o, gale_ctx *ctx)
{
	char name[64];
	int failed;
	snprintf(name, sizeof name, "/proc/self/fd/%d", o->fd);
	do {
		output_invent_name(o);
		gale_temporary(ctx, o->temporary);
		failed = linkat(AT_FDCWD, name, AT_FDCWD, o->temporary, AT_SYMLINK_FOLLOW);
	} while (failed && errno == EEXIST);
	return failed;
}

/* output_sync_directory makes the new name last. A file system that can't do that says EINVAL. */
static inline int output_sync_directory(struct output *o)
{
	char *dir = output_directory(o);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd == -1)
		return -1;
	int failed = fsync(fd) == -1 && errno != EINVAL;
	close(fd);
	return failed ? -1 : 0;
}

/* output_publish puts the complete file in its place: GALE_DONE. */
static inline int output_publish(struct output *o, gale_ctx *ctx)
{
	if (fsync(o->fd) == -1 || (o->temporary == NULL && output_link_temporary(o, ctx) == -1) ||
	    rename(o->temporary, o->name) == -1)
		return output_cannot(o, ctx, "complete");
	free(o->temporary);
	o->temporary = NULL;
	close(o->fd);
	o->fd = -1;
	if (output_sync_directory(o) == -1)
		return output_cannot(o, ctx, "sync the directory of");
	return GALE_DONE;
}

/* output_close ends O; a temporary file that has a name goes unless it is to be KEPT. */
static inline void output_close(struct output *o, bool kept)
{
	if (o->temporary != NULL && !kept)
		unlink(o->temporary);
	if (o->fd != -1 && !o->borrowed)
		close(o->fd);
	free(o->temporary);
	free(o->name);
	free(o->text.bytes);
}

#endif
