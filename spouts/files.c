/* files.c - a spout that emits the lines of many files, shared out among its tasks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     files --default--> (line: string)
 *
 * `path` is a directory (its regular files whose names don't begin with a dot; no folders inside
 * it), a pattern as the shell has them (data/2026-*.txt), or one file. The files are put in order by
 * the bytes of their names and cut into ranges of `range` bytes: the partitions, numbered through
 * all files. Of n tasks, task i reads the partitions i, i + n, i + 2 n ... A line belongs to the
 * partition in which its first byte is; whoever reads that reads the line to its end, and the
 * others pass it over. What a line is says lines.c.
 *
 * The list of the files is made when a task opens and stays. A line's id, and so a position, is
 *
 *     partition << 40 | offset in its range
 *
 * which allows 2^24 - 1 partitions (a petabyte in ranges of 64 MiB) and ranges of 512 GiB. A line
 * that failed is read again from its file: nothing is kept.
 *
 * With the position goes a fingerprint of the list: names, sizes, times of change, devices and
 * inodes of all files. Where it is another one, nobody could say which lines are done, so a task
 * does not go on there, and names what has changed. While files are read the same holds: each is
 * compared with the list when it is opened and when one of its partitions is at its end.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>

#include "reader.h"

enum {
	BATCH = 64,			/* lines a call of next */
	STEPS = 64,			/* reads that give no line, and changes of partition, a call */
	TAIL = 64 << 10,		/* bytes asked of a read behind the range's end */
	MAX_NAME = 384			/* of a file's path, its end, that is kept with a position */
};

#define OFFSET_BITS 40
#define MAX_PARTITIONS (((uint64_t)1 << (64 - OFFSET_BITS)) - 1)

/* What tells whether a file is what it was. */
struct identity {
	uint64_t device, inode, size, mtime_ns;
};

struct file {
	char *path;
	struct identity is;
	uint64_t first;			/* number of its first partition */
};

/* What is kept with a position. */
struct list_mark {
	uint64_t tag;			/* LIST_MARK */
	uint64_t fingerprint;
	uint64_t n_files, range, n_tasks;
	struct identity is;		/* of the file that is being read */
	char name[MAX_NAME];		/* as far as there is any; not NUL-terminated */
};
#define LIST_MARK 0x656c6946u

struct files {
	/* properties */
	const char *path;
	int64_t range;

	struct file *list;
	size_t n_list, room;
	uint64_t n_partitions;
	struct list_mark mark;
	size_t n_mark;			/* bytes of it */

	uint64_t partition;		/* the one in hand; n_partitions or more: all are done */
	uint64_t start, end;		/* its range in its file */
	size_t file;			/* which one, if fd is not -1 */
	int fd;
	struct reader in;
	uint64_t at;			/* offset in the file of what is at the head of the buffer */
	bool begun;			/* a line starts there; else one of an earlier range goes on */

	struct again again;
	size_t again_file;
	int again_fd;
};

/* ---- The list of files ------------------------------------------------------------- */

static int cannot(gale_ctx *ctx, const char *what, const char *path)
{
	fatal(ctx, "can't %s %s: %s", what, path, strerror(errno));
	return -1;
}

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){ st->st_dev, st->st_ino, (uint64_t)st->st_size,
	    (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec };
}

/* difference says what makes NOW another file than WAS, or NULL. */
static const char *difference(const struct identity *was, const struct identity *now)
{
	if (was->device != now->device || was->inode != now->inode)
		return "was replaced by another file";
	if (was->size != now->size)
		return now->size < was->size ? "has shrunk" : "has grown";
	return was->mtime_ns != now->mtime_ns ? "has changed" : NULL;
}

/* list_file puts PATH on the list if it is a regular file. Whether it can be read is found out
 * now and not when its turn comes. Returns 1, 0 when it is none, or -1. */
static int list_file(struct files *s, gale_ctx *ctx, const char *path)
{
	struct stat st;
	if (stat(path, &st) == -1)
		return cannot(ctx, "read", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1)
		return cannot(ctx, "read", path);
	close(fd);
	if (s->n_list == s->room) {
		s->room = s->room == 0 ? 16 : 2 * s->room;
		s->list = resized(s->list, s->room * sizeof *s->list);
	}
	char *copy = resized(NULL, strlen(path) + 1);
	s->list[s->n_list++] = (struct file){ .path = strcpy(copy, path), .is = identity_of(&st) };
	return 1;
}

static int list_directory(struct files *s, gale_ctx *ctx)
{
	const char *slash = s->path[strlen(s->path) - 1] == '/' ? "" : "/";
	DIR *d = opendir(s->path);
	struct dirent *entry;
	int got = 0;
	if (d == NULL)
		return cannot(ctx, "read", s->path);
	while (got >= 0 && (entry = readdir(d)) != NULL) {
		char *path;
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&path, "%s%s%s", s->path, slash, entry->d_name) == -1)
			abort();
		got = list_file(s, ctx, path);
		free(path);
	}
	closedir(d);
	return got < 0 ? -1 : 0;
}

static int list_matches(struct files *s, gale_ctx *ctx)
{
	glob_t found = { 0 };
	int failed = glob(s->path, GLOB_NOSORT | GLOB_ERR, NULL, &found);
	if (failed != 0 && failed != GLOB_NOMATCH)
		fatal(ctx, "can't find the files %s: %s", s->path,
		    failed == GLOB_NOSPACE ? "no memory" : "one of its directories can't be read");
	if (failed == GLOB_NOMATCH)
		failed = 0;
	for (size_t i = 0; !failed && i < found.gl_pathc; i++)
		failed = list_file(s, ctx, found.gl_pathv[i]) < 0;
	globfree(&found);
	return failed ? -1 : 0;
}

/* list_all finds the files. A name that is there is meant as it is, whatever it is made of. */
static int list_all(struct files *s, gale_ctx *ctx)
{
	struct stat st;
	int got = 0;
	if (strcmp(s->path, "-") != 0 && stat(s->path, &st) == 0)
		got = S_ISDIR(st.st_mode) ? list_directory(s, ctx) : list_file(s, ctx, s->path);
	else if (strpbrk(s->path, "*?[") != NULL && errno == ENOENT)
		got = list_matches(s, ctx);
	else if (strcmp(s->path, "-") != 0)
		return cannot(ctx, "read", s->path);
	if (got >= 0 && s->n_list == 0)
		return fatal(ctx, "%s names no regular file; \"path\" must be a directory that has some, "
		    "a pattern such as data/*.txt, or a file; a pipe is read by lines", s->path);
	return got < 0 ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

/* number_partitions puts the list in order, numbers the partitions and takes the fingerprint. */
static int number_partitions(struct files *s, gale_ctx *ctx)
{
	uint64_t range = (uint64_t)s->range, print = 0;
	if (s->n_list > 0)
		qsort(s->list, s->n_list, sizeof *s->list, by_name);
	for (size_t i = 0; i < s->n_list; i++) {
		struct file *one = &s->list[i];
		one->first = s->n_partitions;
		s->n_partitions += one->is.size / range + (one->is.size % range > 0);
		print = XXH3_64bits_withSeed(one->path, strlen(one->path) + 1, print);
		print = XXH3_64bits_withSeed(&one->is, sizeof one->is, print);
		if (s->n_partitions > MAX_PARTITIONS)
			return fatal(ctx, "the files %s make more than %llu ranges of %lld bytes: raise "
			    "\"range\" of \"%s\"", s->path, (unsigned long long)MAX_PARTITIONS,
			    (long long)s->range, ctx->component);
	}
	s->mark = (struct list_mark){ .tag = LIST_MARK, .fingerprint = print, .n_files = s->n_list,
		.range = range, .n_tasks = ctx->n_tasks };
	s->n_mark = offsetof(struct list_mark, name);
	return 0;
}

/* file_of gives the number of the file that PARTITION is in: the last one that begins there or
 * before. Empty files have no partitions, and stand before the file that begins at theirs. */
static size_t file_of(const struct files *s, uint64_t partition)
{
	size_t low = 0, high = s->n_list;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (s->list[middle].first <= partition)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* ---- What has changed -------------------------------------------------------------- */

static int changed(struct files *s, gale_ctx *ctx, size_t file, const char *how)
{
	return fatal(ctx, "%s %s since \"%s\" began to read: files must stay as they are until they "
	    "have been read; put it back as it was, or start from the beginning with another state "
	    "directory", s->list[file].path, how, ctx->component);
}

/* check_file makes sure that FD is the file on the list. Returns 0 or -1. */
static int check_file(struct files *s, gale_ctx *ctx, size_t file, int fd)
{
	struct stat st;
	if (fstat(fd, &st) == -1)
		return cannot(ctx, "look at", s->list[file].path);
	struct identity now = identity_of(&st);
	const char *how = difference(&s->list[file].is, &now);
	return how == NULL ? 0 : changed(s, ctx, file, how);
}

/* refuse_list says what is another now than it was at WAS, which has N bytes of a name: the file
 * that was being read, if it is that one. */
static int refuse_list(struct files *s, gale_ctx *ctx, const struct list_mark *was, size_t n)
{
	char text[PATH_MAX + 64];
	const char *how = "is not there any more", *path = was->name;
	const struct file *newest = s->list;
	for (size_t i = 0; i < s->n_list; i++) {
		const struct file *one = &s->list[i];
		size_t length = strlen(one->path), cut = length > MAX_NAME ? length - MAX_NAME : 0;
		if (one->is.mtime_ns > newest->is.mtime_ns)
			newest = one;
		if (length - cut != n || memcmp(one->path + cut, was->name, n) != 0)
			continue;
		how = difference(&was->is, &one->is);
		path = one->path;
	}
	if (n > 0 && how != NULL)
		return refuse_source(ctx, path, how);
	if (was->n_files != s->mark.n_files)
		snprintf(text, sizeof text, "has %llu files and had %llu",
		    (unsigned long long)s->mark.n_files, (unsigned long long)was->n_files);
	else
		snprintf(text, sizeof text, "has changed (of its files %s did so last)", newest->path);
	return refuse_source(ctx, s->path, text);
}

/* check_mark makes sure that a position with the N bytes at BLOB is one in this list. */
static int check_mark(struct files *s, gale_ctx *ctx, const void *blob, size_t n)
{
	struct list_mark was = { 0 };
	size_t head = offsetof(struct list_mark, name);
	memcpy(&was, blob, n < sizeof was ? n : sizeof was);
	if (n < head || n > head + MAX_NAME || was.tag != LIST_MARK)
		return refuse_source(ctx, s->path, "was read by another spout");
	if (was.n_tasks != s->mark.n_tasks)
		return fatal(ctx, "%s was shared out among %llu tasks, and \"%s\" has %llu now: give it as "
		    "many as then, or start from the beginning with another state directory", s->path,
		    (unsigned long long)was.n_tasks, ctx->component, (unsigned long long)s->mark.n_tasks);
	if (was.range != s->mark.range)
		return fatal(ctx, "%s was cut into ranges of %llu bytes, and \"range\" of \"%s\" is %llu now: "
		    "set it as it was, or start from the beginning with another state directory", s->path,
		    (unsigned long long)was.range, ctx->component, (unsigned long long)s->mark.range);
	return was.fingerprint == s->mark.fingerprint ? 0 : refuse_list(s, ctx, &was, n - head);
}

/* ---- Reading ----------------------------------------------------------------------- */

/* open_file makes *FD, which is -1 or the file number *HAS, the file number FILE. */
static int open_file(struct files *s, gale_ctx *ctx, size_t file, size_t *has, int *fd)
{
	if (*fd != -1 && *has == file)
		return 0;
	if (*fd != -1)
		close(*fd);
	*has = file;
	*fd = open(s->list[file].path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd == -1 && errno == ENOENT)
		return changed(s, ctx, file, "was removed");
	if (*fd == -1)
		return cannot(ctx, "read", s->list[file].path);
	return check_file(s, ctx, file, *fd);
}

/* mark_file makes the file in hand the one that positions name. */
static void mark_file(struct files *s)
{
	const struct file *one = &s->list[s->file];
	size_t n = strlen(one->path), cut = n > MAX_NAME ? n - MAX_NAME : 0;
	s->mark.is = one->is;
	memcpy(s->mark.name, one->path + cut, n - cut);
	s->n_mark = offsetof(struct list_mark, name) + n - cut;
}

/* begin goes to OFFSET in the range of PARTITION. At its very beginning nobody knows whether a
 * line starts there: that depends on the byte before. */
static int begin(struct files *s, gale_ctx *ctx, uint64_t partition, uint64_t offset)
{
	s->partition = partition;
	reader_clear(&s->in);
	if (partition >= s->n_partitions)
		return 0;
	if (open_file(s, ctx, file_of(s, partition), &s->file, &s->fd) != 0)
		return -1;
	mark_file(s);
	const struct file *one = &s->list[s->file];
	s->start = (partition - one->first) * (uint64_t)s->range;
	s->end = s->start + (uint64_t)s->range;
	if (s->end > one->is.size)
		s->end = one->is.size;
	s->begun = offset > 0 || s->start == 0;
	s->at = s->begun ? s->start + offset : s->start - 1;
	return 0;
}

static int begin_next(struct files *s, gale_ctx *ctx)
{
	if (check_file(s, ctx, s->file, s->fd) != 0)
		return -1;
	return begin(s, ctx, s->partition + ctx->n_tasks, 0);
}

static uint64_t id_of(const struct files *s)
{
	return s->partition << OFFSET_BITS | (s->at - s->start);
}

static int tell(struct files *s, gale_ctx *ctx)
{
	uint64_t next = s->partition << OFFSET_BITS;
	if (s->partition >= s->n_partitions)
		next = s->n_partitions << OFFSET_BITS;
	else if (s->begun)
		next = id_of(s);
	return gale_position(ctx, next, &s->mark, s->n_mark);
}

/* emit_line emits the N bytes at the head of the buffer, behind which EOL bytes end the line. */
static int emit_line(struct files *s, gale_ctx *ctx, size_t n, size_t eol)
{
	if (n > MAX_LINE)
		return line_too_long(ctx, s->list[s->file].path, s->at);
	gale_value line = gale_string(s->in.bytes + s->in.begin, n);
	if (gale_emit_tracked(ctx, 0, id_of(s), &line, 1) != 0)
		return -1;
	reader_pass(&s->in, n + eol);
	s->at += n + eol;
	return 0;
}

/* find_start passes over a line that starts in an earlier range, as far as it was read. */
static void find_start(struct files *s)
{
	size_t n;
	s->begun = reader_line(&s->in, &n);
	n = s->begun ? n + 1 : reader_held(&s->in);
	reader_pass(&s->in, n);
	s->at += n;
}

/* emit_lines emits up to BATCH lines that start in the range and are there as a whole; at the
 * end of the file also what has no newline. Returns their number or -1. */
static int emit_lines(struct files *s, gale_ctx *ctx)
{
	int emitted = 0;
	size_t n, held;
	if (!s->begun)
		find_start(s);
	if (!s->begun)
		return 0;
	for (; emitted < BATCH && s->at < s->end && reader_line(&s->in, &n); emitted++)
		if (emit_line(s, ctx, n, 1) != 0)
			return -1;
	held = reader_held(&s->in);
	if (emitted == 0 && held > 0 && s->at < s->end && s->at + held == s->list[s->file].is.size)
		return emit_line(s, ctx, held, 0) == 0 ? 1 : -1;
	return emitted;
}

/* fill reads on: to the end of the range, and behind it as far as the last line goes. */
static int fill(struct files *s, gale_ctx *ctx)
{
	const struct file *one = &s->list[s->file];
	uint64_t from = s->at + reader_held(&s->in);
	uint64_t limit = from < s->end ? s->end - from : TAIL;
	if (limit > one->is.size - from)
		limit = one->is.size - from;
	if (!reader_room(&s->in))
		return line_too_long(ctx, one->path, s->at);
	ssize_t n = reader_read(&s->in, s->fd, (off_t)from, limit);
	if (n > 0)
		return 0;
	return n == 0 ? changed(s, ctx, s->file, "has shrunk") : cannot(ctx, "read", one->path);
}

/* emit_some emits what comes next, at most as much as a call of next should. Returns GALE_EMITTED
 * also where it has only come on a good way. */
static int emit_some(struct files *s, gale_ctx *ctx)
{
	for (int i = 0; i < STEPS && s->partition < s->n_partitions; i++) {
		int emitted = emit_lines(s, ctx);
		if (emitted != 0)
			return emitted > 0 ? GALE_EMITTED : GALE_FATAL;
		if ((s->at >= s->end ? begin_next(s, ctx) : fill(s, ctx)) != 0)
			return GALE_FATAL;
	}
	return s->partition < s->n_partitions ? GALE_EMITTED : GALE_DONE;
}

/* emit_again emits the line of the oldest message that failed, once more. */
static int emit_again(struct files *s, gale_ctx *ctx)
{
	uint64_t id = again_take(&s->again), partition = id >> OFFSET_BITS;
	size_t file = file_of(s, partition);
	uint64_t offset = (partition - s->list[file].first) * (uint64_t)s->range +
	    (id & (((uint64_t)1 << OFFSET_BITS) - 1));
	if (open_file(s, ctx, file, &s->again_file, &s->again_fd) != 0)
		return GALE_FATAL;
	ssize_t n = again_read(&s->again, s->again_fd, (off_t)offset, MAX_LINE);
	if (n < 0) {
		cannot(ctx, "read a line again from", s->list[file].path);
		return GALE_FATAL;
	}
	gale_value line = gale_string(s->again.line, (size_t)n);
	return gale_emit_tracked(ctx, 0, id, &line, 1) == 0 ? GALE_EMITTED : GALE_FATAL;
}

/* ---- The spout --------------------------------------------------------------------- */

static int open_files(void *self, gale_ctx *ctx)
{
	struct files *s = self;
	s->fd = s->again_fd = -1;
	if (list_all(s, ctx) != 0 || number_partitions(s, ctx) != 0)
		return GALE_FATAL;
	return begin(s, ctx, ctx->index, 0) == 0 && tell(s, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

static int resume(void *self, gale_ctx *ctx, const gale_resume *r)
{
	struct files *s = self;
	uint64_t offset = r->next & (((uint64_t)1 << OFFSET_BITS) - 1);
	if (check_mark(s, ctx, r->blob, r->n_blob) != 0)
		return GALE_FATAL;
	for (uint32_t i = 0; i < r->n_open; i++)
		again_add(&s->again, r->open[i]);
	return begin(s, ctx, r->next >> OFFSET_BITS, offset) == 0 ? GALE_OK : GALE_FATAL;
}

static int next(void *self, gale_ctx *ctx)
{
	struct files *s = self;
	if (again_any(&s->again))
		return emit_again(s, ctx);
	int got = emit_some(s, ctx);
	return got != GALE_FATAL && tell(s, ctx) != 0 ? GALE_FATAL : got;
}

static void fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f)
{
	struct files *s = self;
	(void)ctx;
	if (!f->final)
		again_add(&s->again, id);
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct files *s = self;
	(void)ctx;
	if (s->fd > STDIN_FILENO)
		close(s->fd);
	if (s->again_fd > STDIN_FILENO)
		close(s->again_fd);
	for (size_t i = 0; i < s->n_list; i++)
		free(s->list[i].path);
	free(s->list);
	free(s->in.bytes);
	again_free(&s->again);
}

static const gale_component files = {
	.name = "Files",
	.doc = "Emits the lines of many files, shared out among its tasks in ranges of bytes.",
	.kind = GALE_SPOUT,
	.self_size = sizeof (struct files),
	.props = GALE_PROPS(
	    GALE_PROP(struct files, path, GALE_PROP_PATH,
		"The files to read: a directory, a pattern such as data/*.txt, or one file.",
		.required = true),
	    GALE_PROP(struct files, range, GALE_PROP_INT,
		"Bytes of a file that one task reads at a time.",
		.fallback = "67108864", .min = 1, .max = (int64_t)1 << 39)),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "line", GALE_STRING })),
	.open = open_files,
	.next = next,
	.fail = fail,
	.cleanup = cleanup,
	.resume = resume,
};
GALE_PLUGIN(&files);
