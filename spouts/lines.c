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
 * Its memory, and the buffer that lines are emitted from, are in lines.h; followed files in
 * followed.h; the rest is here.
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
#include "followed.h"

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
	l->round_start += l->round_bytes;
	l->position = l->round_start;
	return MORE;
}

static enum outcome more_of_file(struct lines *l, gale_ctx *ctx)
{
	uint64_t limit = UINT64_MAX;
	if (l->round_start > 0)
		limit = l->round_start + l->round_bytes - l->position - reader_held(&l->in);
	enum outcome got = limit > 0 ? fill(l, ctx, limit) : END;
	return got == END ? next_round(l, ctx) : got;
}

/* emit_again emits the line of the oldest message that failed, once more. */
static int emit_again(struct lines *l, gale_ctx *ctx)
{
	uint64_t position = again_take(&l->again);
	uint64_t in_round = l->round_bytes > 0 ? position % l->round_bytes : position;
	size_t limit = MAX_LINE;
	if (l->round_bytes > 0 && l->round_bytes - in_round < limit)
		limit = (size_t)(l->round_bytes - in_round);

	ssize_t n = again_read(&l->again, l->fd, l->first + (off_t)in_round, limit);
	if (n < 0)
		return cannot(l, ctx, "read a line again from", "");
	gale_value line = gale_string(l->again.line, (size_t)n);
	if (gale_emit_tracked(ctx, 0, position, &line, 1) != 0)
		return GALE_FATAL;
	return GALE_EMITTED;
}

static void fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f)
{
	struct lines *l = self;
	(void)ctx;
	if (l->rereads && !f->final)
		again_add(&l->again, id);
}

/* ---- Pipes, terminals, sockets ----------------------------------------------------- */

/* reopen makes a followed fifo, whose last writer has left, wait for the next one. */
static enum outcome reopen(struct lines *l, gale_ctx *ctx)
{
	unwatch(l, ctx);
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
		return wait_for(l, ctx, l->fd);
	enum outcome got = fill(l, ctx, UINT64_MAX);
	if (got == WAIT)
		return wait_for(l, ctx, l->fd);
	if (got != END)
		return got;
	if (l->follow)
		return reopen(l, ctx);
	return emit_rest(l, ctx) == 0 ? END : FAILED;
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
	uint64_t id = again_take(&l->again), base = 0;
	int fd = old_file(l, id, &base), failed;
	ssize_t n = fd != -1 ? again_read(&l->again, fd, (off_t)(id - base), MAX_LINE) : -1;
	if (n >= 0) {
		gale_value line = gale_string(l->again.line, (size_t)n);
		failed = gale_emit_kept(ctx, 0, id, &line, 1);
	} else if (fd != -1 && errno != ENODATA) {
		return cannot(l, ctx, "read a line again from", "");
	} else {
		l->n_lost++;
		failed = gale_forget(ctx, id);
	}
	if (!again_any(&l->again))
		end_of_again(l, ctx);
	return failed ? GALE_FATAL : GALE_EMITTED;
}

static int resume_file(struct lines *l, gale_ctx *ctx, const gale_resume *r)
{
	struct file_mark was;
	if (r->n_blob != sizeof was)
		return refuse_source(ctx, l->path, "has become another kind of file");
	memcpy(&was, r->blob, sizeof was);
	if (was.tag != FILE_MARK)
		return refuse_source(ctx, l->path, "has become another kind of file");
	if (was.device != l->mark.device || was.inode != l->mark.inode)
		return refuse_source(ctx, l->path, "was replaced by another file");
	if (was.size != l->mark.size || was.mtime_ns != l->mark.mtime_ns)
		return refuse_source(ctx, l->path, "has changed");
	l->first = (off_t)was.first;
	l->round_bytes = was.round_bytes;
	l->position = r->next;
	if (l->round_bytes > 0) {
		l->round_start = r->next - r->next % l->round_bytes;
		l->repeat -= (int64_t)(r->next / l->round_bytes);
		l->done = l->repeat <= 0;
	}
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
		return refuse_source(ctx, l->path, "has become another kind of file");
	memcpy(&l->past, r->blob, r->n_blob);
	l->n_past = (r->n_blob - head) / each;
	l->base = r->next;
	l->position = 0;
	if (l->n_past == 0)
		return look(l, ctx) == FAILED ? -1 : 0;

	const struct past_file *last = &l->past.files[l->n_past - 1];
	if (l->past.tag != PAST_MARK || last->base > r->next)
		return refuse_source(ctx, l->path, "has become another kind of file");
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
		refuse_source(ctx, l->path, "has become a pipe or its like");
		return GALE_FATAL;
	}
	for (uint32_t i = 0; i < r->n_open; i++)
		again_add(&l->again, r->open[i]);
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
		return l->first == -1 ? cannot(l, ctx, "seek in", "") : tell(l, ctx);
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
	l->fd = l->inotify = l->file_watch = l->old_fd = l->watched = -1;
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
	if (again_any(&l->again))
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
	unwatch(l, ctx);
	if (l->fd > STDIN_FILENO)
		close(l->fd);
	if (l->inotify > STDIN_FILENO)
		close(l->inotify);
	if (l->old_fd > STDIN_FILENO)
		close(l->old_fd);
	free(l->in.bytes);
	again_free(&l->again);
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
