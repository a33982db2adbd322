/* file.c - a bolt that writes tuples to a file, to a pipe or to the standard output.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> file
 *
 * How a tuple becomes text says `format`:
 *
 *     tsv      its values with a tab between them. Inside a value a tab is written as \t
 *              and a newline as \n, so that rows and columns hold; all other bytes are
 *              written as they are, backslashes too. What must be read back exactly wants
 *              json.
 *     lines    its first value, as it is.
 *     json     an object with the names of the fields; see format.h.
 *
 * Where it goes depends on what `path` names:
 *
 *     a regular file,      The file appears when the input has ended, complete, or not at
 *     or nothing yet       all: it is written under no name, in the same directory, and
 *                          takes the place of the old one in one step, once it is on disk.
 *                          The old one's mode stays; of a symbolic link, the link.
 *     "-", a fifo,         Written to directly, at the latest 10 ms after a tuple came, and
 *     a device             never replaced.
 *
 * Nothing here blocks. What a pipe does not take waits in memory, and the tuples that it
 * came from are held: they are acked when it is written, so a slow reader slows down the
 * spout. As long as they wait their timeout is put off: they are not lost, only late.
 */
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
	WRITE_AT = 64 << 10,	/* bytes that are worth a write */
	KEEP = 1 << 20,		/* bytes of buffer that are kept when it is empty */
	FULL = 16 << 20,	/* bytes waiting at which tuples are taken slowly */
	DELAY_MS = 10,		/* how long a byte may wait for company */
	RETRY_MS = 50,		/* between two looks for a fifo's reader */
	PATIENCE_MS = 20	/* the longest that a callback waits */
};

/* A tuple that is acked when `end` bytes in all have been written. */
struct waiting {
	gale_held tuple;
	uint64_t end;
};

typedef void add_fn(struct text *t, gale_ctx *ctx, const gale_tuple *tuple);

struct file {
	/* properties */
	const char *path;
	const char *format;

	add_fn *add;		/* adds a tuple in that format */
	char *name;		/* of the file, with the task's number and no symbolic links */
	int fd;			/* -1: a fifo that has no reader yet, or closed */
	bool direct;		/* written to and not replaced */
	bool may_block;		/* ask poll before each write */
	bool borrowed;		/* fd is the context's */
	char *temporary;	/* its name while it has one */
	struct text text;	/* text.bytes[sent .. text.n) is not written yet */
	size_t sent;
	uint64_t written;	/* bytes in all */

	/* direct output */
	bool stuck;		/* it takes no more for now; a watch or a timer will tell */
	bool looking;		/* a timer will look for the fifo's reader */
	bool flushing;		/* a timer will write what there is */
	bool minding;		/* a timer will put off timeouts */
	uint32_t mind_ms;
	struct waiting *waiting;	/* waiting[first .. n_waiting) */
	size_t first, n_waiting, waiting_room;
};

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

static int cannot(struct file *f, gale_ctx *ctx, const char *what)
{
	const char *name = f->name != NULL ? f->name : f->path;
	return fatal(ctx, "can't %s %s: %s", what, name, strerror(errno));
}

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "file: out of memory\n");
		abort();
	}
	return p;
}

/* ---- Text -------------------------------------------------------------------------- */

/* add_cell adds V with its tabs and newlines written as \t and \n. Only strings and bytes can
 * have any: elsewhere JSON has seen to them. */
static void add_cell(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	if (v->type != GALE_STRING && v->type != GALE_BYTES) {
		text_plain(t, ctx, v);
		return;
	}
	const char *from = v->u.s, *end = from + v->n;
	for (const char *at = from; at < end; at++) {
		if (*at != '\t' && *at != '\n')
			continue;
		text_add(t, from, (size_t)(at - from));
		text_puts(t, *at == '\t' ? "\\t" : "\\n");
		from = at + 1;
	}
	text_add(t, from, (size_t)(end - from));
}

static void add_tsv(struct text *t, gale_ctx *ctx, const gale_tuple *tuple)
{
	for (uint32_t i = 0; i < tuple->n; i++) {
		if (i > 0)
			text_putc(t, '\t');
		add_cell(t, ctx, &tuple->values[i]);
	}
}

static void add_line(struct text *t, gale_ctx *ctx, const gale_tuple *tuple)
{
	if (tuple->n > 0)
		text_plain(t, ctx, &tuple->values[0]);
}

static void add_object(struct text *t, gale_ctx *ctx, const gale_tuple *tuple)
{
	const gale_field *fields = tuple->source->fields;
	text_putc(t, '{');
	for (uint32_t i = 0; i < tuple->n; i++) {
		if (i > 0)
			text_putc(t, ',');
		text_quoted(t, fields[i].name, strlen(fields[i].name));
		text_putc(t, ':');
		text_json(t, ctx, &tuple->values[i]);
	}
	text_putc(t, '}');
}

/* ---- Writing ----------------------------------------------------------------------- */

static int open_direct(struct file *f)
{
	f->fd = open(f->name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return f->fd;
}

static bool can_write(const struct file *f, int wait_ms)
{
	struct pollfd p = { .fd = f->fd, .events = POLLOUT };
	return poll(&p, f->fd == -1 ? 0 : 1, wait_ms) > 0;
}

/* write_some gives the number of bytes written, 0 when nothing is taken now, -1 with errno
 * set. A descriptor that may block is asked first, and takes PIPE_BUF bytes if it takes any. */
static ssize_t write_some(struct file *f)
{
	size_t n = f->text.n - f->sent;
	if (f->fd == -1 && open_direct(f) == -1)
		return errno == ENXIO ? 0 : -1;
	if (f->may_block && !can_write(f, 0))
		return 0;
	if (f->may_block && n > PIPE_BUF)
		n = PIPE_BUF;
	ssize_t written;
	do
		written = write(f->fd, f->text.bytes + f->sent, n);
	while (written == -1 && errno == EINTR);
	return written == -1 && errno == EAGAIN ? 0 : written;
}

static void shrink(struct text *t)
{
	t->n = 0;
	if (t->room <= KEEP)
		return;
	free(t->bytes);
	*t = (struct text){ 0 };
}

/* push writes what is taken now. 0: all is written, 1: some is left, -1: it failed. */
static int push(struct file *f, gale_ctx *ctx)
{
	while (f->sent < f->text.n) {
		ssize_t n = write_some(f);
		if (n == -1) {
			cannot(f, ctx, "write to");
			return -1;
		}
		if (n == 0)
			break;
		f->sent += (size_t)n;
		f->written += (uint64_t)n;
	}
	size_t left = f->text.n - f->sent;
	if (left == 0) {
		shrink(&f->text);
		f->sent = 0;
	} else if (left < f->sent) {
		memmove(f->text.bytes, f->text.bytes + f->sent, left);
		f->text.n = left;
		f->sent = 0;
	}
	return left > 0;
}

/* ---- Waiting for a slow reader ----------------------------------------------------- */

static int flush(struct file *f, gale_ctx *ctx);

static void writable(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	(void)fd;
	(void)events;
	(void)arg;
	flush(self, ctx);
}

static void look_for_reader(void *self, gale_ctx *ctx, void *arg)
{
	struct file *f = self;
	(void)arg;
	f->looking = false;
	flush(f, ctx);
}

static int wait_to_write(struct file *f, gale_ctx *ctx)
{
	f->stuck = true;
	if (f->fd != -1)
		return gale_watch(ctx, f->fd, GALE_WRITABLE, writable, NULL);
	if (!f->looking)
		gale_timer(ctx, RETRY_MS, look_for_reader, NULL);
	f->looking = true;
	return 0;
}

static void ack_written(struct file *f, gale_ctx *ctx)
{
	while (f->first < f->n_waiting && f->waiting[f->first].end <= f->written)
		gale_ack(ctx, f->waiting[f->first++].tuple);
	if (f->first == f->n_waiting)
		f->first = f->n_waiting = 0;
}

/* flush writes what is taken now, acks what is written, and sees to the rest. 0 or -1. */
static int flush(struct file *f, gale_ctx *ctx)
{
	bool watched = f->stuck && f->fd != -1;
	int left = push(f, ctx);
	if (left == -1)
		return -1;
	ack_written(f, ctx);
	if (left == 1)
		return watched ? 0 : wait_to_write(f, ctx);
	if (watched)
		gale_unwatch(ctx, f->fd);
	f->stuck = false;
	return 0;
}

static void flush_now(void *self, gale_ctx *ctx, void *arg)
{
	struct file *f = self;
	(void)arg;
	f->flushing = false;
	if (!f->stuck)
		flush(f, ctx);
}

static void flush_soon(struct file *f, gale_ctx *ctx)
{
	if (!f->flushing)
		gale_timer(ctx, DELAY_MS, flush_now, NULL);
	f->flushing = true;
}

static void put_off_timeouts(void *self, gale_ctx *ctx, void *arg)
{
	struct file *f = self;
	(void)arg;
	for (size_t i = f->first; i < f->n_waiting; i++)
		gale_reset_timeout(ctx, f->waiting[i].tuple);
	f->minding = f->n_waiting > 0;
	if (f->minding)
		gale_timer(ctx, f->mind_ms, put_off_timeouts, NULL);
}

/* hold_back acks T when all bytes up to here are written. Where the spout doesn't wait for
 * acks, and what waits grows beyond all measure, taking tuples slowly is all that helps. */
static void hold_back(struct file *f, gale_ctx *ctx, const gale_tuple *t)
{
	if (f->n_waiting == f->waiting_room) {
		f->waiting_room = f->waiting_room == 0 ? 256 : 2 * f->waiting_room;
		f->waiting = checked(realloc(f->waiting, f->waiting_room * sizeof *f->waiting));
	}
	size_t left = f->text.n - f->sent;
	f->waiting[f->n_waiting++] = (struct waiting){ gale_hold(ctx, t), f->written + left };
	if (!f->minding)
		gale_timer(ctx, f->mind_ms, put_off_timeouts, NULL);
	f->minding = true;
	if (left > FULL)
		can_write(f, PATIENCE_MS);
}

/* ---- Opening ----------------------------------------------------------------------- */

static bool is_stdout(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 ||
	    strcmp(path, "/dev/fd/1") == 0 || strcmp(path, "/proc/self/fd/1") == 0;
}

/* open_stdout writes to the topology's standard output. Other processes may share it and
 * want it to block, so a pipe or terminal is opened anew, not to block; what can't be opened
 * anew (a socket, another user's terminal) is asked before each write. */
static int open_stdout(struct file *f, gale_ctx *ctx)
{
	char name[64];
	struct stat st;
	f->direct = true;
	if (fstat(ctx->out, &st) == -1)
		return cannot(f, ctx, "write to");
	if (!S_ISREG(st.st_mode)) {
		snprintf(name, sizeof name, "/proc/self/fd/%d", ctx->out);
		f->fd = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		if (f->fd != -1)
			return 0;
		f->may_block = true;
	}
	f->fd = ctx->out;
	f->borrowed = true;
	return 0;
}

/* open_special writes to a fifo or a device. A fifo without a reader is opened later. */
static int open_special(struct file *f, gale_ctx *ctx, mode_t mode)
{
	f->direct = true;
	if (S_ISDIR(mode))
		return fatal(ctx, "can't write to %s: it is a directory", f->name);
	if (open_direct(f) == -1 && !(S_ISFIFO(mode) && errno == ENXIO))
		return cannot(f, ctx, "write to");
	return 0;
}

/* directory gives the directory of f->name; the caller frees it. */
static char *directory(const struct file *f)
{
	char *dir = checked(strdup(f->name));
	char *slash = strrchr(dir, '/');
	if (slash != NULL)
		slash[slash == dir] = '\0';
	return dir;
}

/* invent_name sets f->temporary to a name beside f->name that nobody can foresee. */
static void invent_name(struct file *f)
{
	uint64_t random = 0;
	if (getrandom(&random, sizeof random, 0) != sizeof random)
		abort();
	char *dir = directory(f);
	free(f->temporary);
	if (asprintf(&f->temporary, "%s/.gale-%016llx", dir, (unsigned long long)random) == -1)
		abort();
	free(dir);
}

/* open_named opens a temporary file that has a name, where files without one are unknown. */
static int open_named(struct file *f)
{
	do {
		invent_name(f);
		f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	} while (f->fd == -1 && errno == EEXIST);
	if (f->fd == -1) {
		free(f->temporary);
		f->temporary = NULL;
	}
	return f->fd;
}

/* open_temporary opens the file that will take the place of f->name. One without a name is
 * gone when its process is, even by kill -9. */
static int open_temporary(struct file *f, gale_ctx *ctx)
{
	char *dir = directory(f);
	f->fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	free(dir);
	if (f->fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR))
		open_named(f);
	if (f->fd == -1 && errno == ENOENT)
		return fatal(ctx, "can't create %s: its directory does not exist", f->name);
	return f->fd == -1 ? cannot(f, ctx, "create") : 0;
}

static int open_to_replace(struct file *f, gale_ctx *ctx, mode_t mode)
{
	char *real = realpath(f->name, NULL);
	if (real == NULL)
		return cannot(f, ctx, "find");
	free(f->name);
	f->name = real;
	if (access(f->name, W_OK) == -1)
		return cannot(f, ctx, "replace");
	if (open_temporary(f, ctx) != 0)
		return -1;
	return fchmod(f->fd, mode & 07777) == 0 ? 0 : cannot(f, ctx, "set the mode of");
}

static int open_output(struct file *f, gale_ctx *ctx)
{
	struct stat st;
	if (is_stdout(f->name))
		return open_stdout(f, ctx);
	if (stat(f->name, &st) == 0)
		return S_ISREG(st.st_mode) ? open_to_replace(f, ctx, st.st_mode) :
		    open_special(f, ctx, st.st_mode);
	if (errno != ENOENT)
		return cannot(f, ctx, "create");
	if (lstat(f->name, &st) == 0)
		return fatal(ctx, "can't write to %s: it is a symbolic link to nothing", f->name);
	return open_temporary(f, ctx);
}

/* expanded gives the path with the number of the task for each %t. */
static char *expanded(const char *path, uint32_t task)
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

static uint32_t a_third_of_the_timeout(gale_ctx *ctx)
{
	const char *secs = gale_config(ctx, "topology.message.timeout.secs");
	double ms = secs != NULL ? atof(secs) * 1000 / 3 : 10000;
	return ms < 1 ? 1 : ms > 10000 ? 10000 : (uint32_t)ms;
}

static int prepare(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	f->fd = -1;
	if (ctx->n_tasks > 1 && strstr(f->path, "%t") == NULL)
		return fatal(ctx, "%u tasks can't write one file, %s: write %%t into \"path\" where "
		    "the number of the task shall stand, or take \"parallelism\" off \"%s\"",
		    ctx->n_tasks, f->path, ctx->component);
	f->name = expanded(f->path, ctx->index);

	f->add = strcmp(f->format, "json") == 0 ? add_object :
	    strcmp(f->format, "lines") == 0 ? add_line : add_tsv;
	f->mind_ms = a_third_of_the_timeout(ctx);
	return open_output(f, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

/* ---- The bolt ---------------------------------------------------------------------- */

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct file *f = self;
	f->add(&f->text, ctx, t);
	text_putc(&f->text, '\n');
	if (!f->stuck && f->text.n - f->sent >= WRITE_AT && flush(f, ctx) != 0)
		return GALE_FATAL;
	if (f->stuck)
		hold_back(f, ctx, t);
	else if (f->direct && f->sent < f->text.n)
		flush_soon(f, ctx);
	return GALE_OK;
}

static int drain(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	return !f->direct || flush(f, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

/* link_temporary gives the file without a name one. */
static int link_temporary(struct file *f)
{
	char name[64];
	int failed;
	snprintf(name, sizeof name, "/proc/self/fd/%d", f->fd);
	do {
		invent_name(f);
		failed = linkat(AT_FDCWD, name, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW);
	} while (failed && errno == EEXIST);
	return failed;
}

/* sync_directory makes the new name last. A file system that can't do that says EINVAL. */
static int sync_directory(struct file *f)
{
	char *dir = directory(f);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(dir);
	if (fd == -1)
		return -1;
	int failed = fsync(fd) == -1 && errno != EINVAL;
	close(fd);
	return failed ? -1 : 0;
}

/* publish puts the complete file in its place. */
static int publish(struct file *f, gale_ctx *ctx)
{
	if (fsync(f->fd) == -1 || (f->temporary == NULL && link_temporary(f) == -1) ||
	    rename(f->temporary, f->name) == -1)
		return cannot(f, ctx, "complete");
	free(f->temporary);
	f->temporary = NULL;
	if (sync_directory(f) == -1)
		return cannot(f, ctx, "sync the directory of");
	return GALE_DONE;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	if (flush(f, ctx) != 0)
		return GALE_FATAL;
	if (f->stuck) {
		can_write(f, PATIENCE_MS);
		return GALE_EMITTED;
	}
	return f->direct ? GALE_DONE : publish(f, ctx);
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	(void)ctx;
	if (f->temporary != NULL)
		unlink(f->temporary);
	if (f->fd != -1 && !f->borrowed)
		close(f->fd);
	free(f->temporary);
	free(f->name);
	free(f->waiting);
	free(f->text.bytes);
}

static const gale_component file = {
	.name = "File",
	.doc = "Writes tuples to a file that appears when it is complete, or to standard output.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct file),
	.props = GALE_PROPS(
	    GALE_PROP(struct file, path, GALE_PROP_PATH,
		"The file to write; \"-\" is standard output, %t the number of the task.",
		.required = true),
	    GALE_PROP(struct file, format, GALE_PROP_STRING,
		"How a tuple is written: its first value, all with tabs between, or JSON.",
		.fallback = "tsv", .choices = "lines|tsv|json")),
	.prepare = prepare,
	.execute = execute,
	.drain = drain,
	.finish = finish,
	.cleanup = cleanup,
};
GALE_PLUGIN(&file);
