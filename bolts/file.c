/* file.c - a bolt that writes tuples to a file, to a pipe or to the standard output.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> file
 *
 * How a tuple becomes text says `format` (format.h), where it goes what `path` names
 * (output.h): a regular file appears when the input has ended, complete, or not at all; to
 * "-", a fifo or a device is written directly, at the latest 2 ms after a tuple came.
 *
 * Nothing here blocks. What is to be written directly waits in memory until it is taken, and
 * the tuples that it came from are held: they are acked when it is written. So a slow reader
 * slows down the spout, and nothing that was acked is lost with this process. As long as they
 * wait their timeout is put off: they are not lost, only late.
 *
 * What is written to a regular file survives the worker (rule R7). Before the acks of its
 * tuples leave, the temporary file gets a name and is synced (unless the state goes with the
 * run, and so with the machine), and three keys are in the state:
 *
 *     path         of the output, as it was resolved
 *     temporary    name of the file that will take its place
 *     length       bytes of it that are on disk and whose tuples may have been acked
 *
 * A task that is started again opens that file, cuts it to this length and goes on. When it
 * has taken its place already (the task died before it could forget the keys) its text is
 * copied into a new one. A run that is cut short leaves the file to the next run with the same
 * state directory; where the directory goes with the run, so does the file.
 *
 * In a transactional topology each row is there once (rule X8). The keys are written at the end
 * of each batch and belong to it, and there is a fourth:
 *
 *     finished     the batch in which the input ended
 *
 * persist only syncs. A task that is made anew cuts the file to the length that its state is
 * left with: what undone batches have written is gone. The file takes its place when the last
 * batch is decided, and not before; where it is in its place already, it stays. Until the first
 * batch with the keys is decided, and so some state is sure to know it, the temporary file has
 * another name, which tells whose it is: a task whose state knows of none removes it.
 *
 * What is written directly can't be taken back. It waits in the state (kept.h) and is written
 * when its batch is decided. A task that is made anew in the same process knows what was written;
 * when the process dies, what it has written of the last batches is written once more.
 */
#include <dirent.h>

#include "kept.h"
#include "output.h"

enum {
	FULL = 16 << 20,	/* bytes waiting at which tuples are taken slowly */
	DELAY_MS = 2,		/* how long a byte may wait for company */
	RETRY_MS = 50,		/* between two looks for a fifo's reader */
	PATIENCE_MS = 20,	/* the longest that a callback waits */
	PUBLISH_MS = 1000	/* the longest that publish does while more than FULL waits */
};

/* A tuple that is acked when `end` bytes in all have been written. */
struct waiting {
	gale_held tuple;
	uint64_t end;
};

struct file {
	/* properties */
	const char *path;
	const char *format;

	struct output out;
	row_fn *add;		/* adds a tuple in that format */
	bool recorded;		/* the keys are in the state */
	uint64_t synced;	/* bytes of the file that the state knows of */

	/* in batches */
	bool batches;
	bool persisted;		/* the keys may be on disk */
	uint64_t noted;		/* the length in the state */
	char *settled;		/* name of the temporary file from the day on that */
	uint64_t settles;	/* this batch is decided; 0: that is its name */
	uint64_t finished;	/* the batch in which the input ended; 0: it has not */
	bool published;		/* the file is in its place */
	struct text batch;	/* direct: what the batch in hand puts out */
	uint64_t decided;	/* direct: batches up to this one are to be written, */
	uint64_t taken;		/* this one is in `out`, */
	size_t taken_n;		/* with so many bytes, */
	size_t behind;		/* and so many are in later ones */
	uint64_t dropped;	/* batches up to this one are forgotten */

	/* direct output */
	bool stuck;		/* it takes no more for now; a watch or a timer will tell */
	uint64_t looking;	/* the timer that will look for the fifo's reader, or 0 */
	bool flushing;		/* a timer will write what there is */
	bool minding;		/* a timer will put off timeouts */
	uint32_t mind_ms;
	struct waiting *waiting;	/* waiting[first .. n_waiting) */
	size_t first, n_waiting, waiting_room;
};

/* ---- Waiting for a slow reader ----------------------------------------------------- */

static int flush(struct file *f, gale_ctx *ctx);
static bool take_decided(struct file *f, gale_ctx *ctx);

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
	f->looking = 0;
	flush(f, ctx);
}

static int wait_to_write(struct file *f, gale_ctx *ctx)
{
	f->stuck = true;
	if (f->out.fd != -1)
		return gale_watch(ctx, f->out.fd, GALE_WRITABLE, writable, NULL);
	if (f->looking == 0)
		f->looking = gale_timer(ctx, RETRY_MS, look_for_reader, NULL);
	return 0;
}

static void ack_written(struct file *f, gale_ctx *ctx)
{
	while (f->first < f->n_waiting && f->waiting[f->first].end <= f->out.written)
		gale_ack(ctx, f->waiting[f->first++].tuple);
	if (f->first == f->n_waiting)
		f->first = f->n_waiting = 0;
}

/* flush writes what is taken now, acks what is written, and sees to the rest. 0 or -1. */
static int flush(struct file *f, gale_ctx *ctx)
{
	bool watched = f->stuck && f->out.fd != -1;
	int left;
	do
		left = output_push(&f->out, ctx);
	while (left == 0 && take_decided(f, ctx));
	if (left == -1)
		return -1;
	ack_written(f, ctx);
	if (left == 1)
		return watched ? 0 : wait_to_write(f, ctx);
	if (watched)
		gale_unwatch(ctx, f->out.fd);
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
		f->waiting = output_checked(realloc(f->waiting, f->waiting_room * sizeof *f->waiting));
	}
	size_t left = f->out.text.n - f->out.sent;
	f->waiting[f->n_waiting++] = (struct waiting){ gale_hold(ctx, t), f->out.written + left };
	if (!f->minding)
		gale_timer(ctx, f->mind_ms, put_off_timeouts, NULL);
	f->minding = true;
	if (left > FULL)
		output_can_write(&f->out, PATIENCE_MS);
}

/* ---- What survives ----------------------------------------------------------------- */

static int put(gale_ctx *ctx, const char *key, const void *value, size_t n)
{
	return gale_state_put(ctx, key, strlen(key), value, n);
}

/* recorded gives the value of KEY as text that the caller frees, or NULL. */
static char *recorded(gale_ctx *ctx, const char *key)
{
	gale_slice value;
	if (gale_state_get(ctx, key, strlen(key), &value) != 1)
		return NULL;
	return output_checked(strndup(value.bytes, value.n));
}

/* recorded_number gives the value of KEY, or 0. */
static uint64_t recorded_number(gale_ctx *ctx, const char *key)
{
	char *digits = recorded(ctx, key);
	uint64_t n = digits != NULL ? strtoull(digits, NULL, 10) : 0;
	free(digits);
	return n;
}

static int put_number(gale_ctx *ctx, const char *key, uint64_t n)
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
	return put(ctx, key, digits, (size_t)length);
}

static int forget(struct file *f, gale_ctx *ctx)
{
	static const char *const keys[] = { "path", "temporary", "length" };
	f->recorded = false;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (gale_state_delete(ctx, keys[i], strlen(keys[i])) != 0)
			return -1;
	return 0;
}

/* record makes it known how far the file is. */
static int record(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	if (put_number(ctx, "length", o->written) != 0)
		return -1;
	if (f->recorded)
		return 0;
	f->recorded = true;
	const char *temporary = f->settled != NULL ? f->settled : o->temporary;
	return put(ctx, "path", o->name, strlen(o->name)) != 0 ? -1 :
	    put(ctx, "temporary", temporary, strlen(temporary));
}

/* sync_batches makes last what the state says or will say of the file. */
static int sync_batches(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	bool named = f->persisted;
	if (!f->recorded)
		return GALE_OK;
	f->persisted = true;
	if (!ctx->state_lasts)
		return GALE_OK;
	if (o->written != f->synced && fdatasync(o->fd) == -1)
		return output_cannot(o, ctx, "sync");
	if (!named && output_sync_directory(o) == -1)
		return output_cannot(o, ctx, "sync the directory of");
	f->synced = o->written;
	return GALE_OK;
}

/* persist syncs what was written to a regular file since the last time. */
static int persist(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	struct output *o = &f->out;
	if (o->direct || o->fd == -1)
		return GALE_OK;
	if (f->batches)
		return sync_batches(f, ctx);
	if (output_push(o, ctx) != 0)
		return GALE_FATAL;
	if (o->written == f->synced)
		return GALE_OK;
	if (ctx->state_lasts && fdatasync(o->fd) == -1)
		return output_cannot(o, ctx, "sync");
	if (o->temporary == NULL && output_link_temporary(o, ctx) == -1)
		return output_cannot(o, ctx, "name the temporary file of");
	if (ctx->state_lasts && !f->recorded && output_sync_directory(o) == -1)
		return output_cannot(o, ctx, "sync the directory of");
	f->synced = o->written;
	return record(f, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

/* whose gives a number for this task and its output (FNV-1a). */
static uint64_t whose(const struct file *f, const gale_ctx *ctx)
{
	uint64_t h = 0xcbf29ce484222325;
	char *all;
	if (asprintf(&all, "%s\n%s\n%s\n%u", f->path, ctx->topology, ctx->component, ctx->index) == -1)
		abort();
	for (const char *c = all; *c != '\0'; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3;
	free(all);
	return h;
}

/* unsettled_name gives the name of the temporary file SETTLED until that is decided. */
static char *unsettled_name(const struct file *f, const gale_ctx *ctx, const char *settled)
{
	char *name;
	if (asprintf(&name, "%s-%016llx.new", settled, (unsigned long long)whose(f, ctx)) == -1)
		abort();
	return name;
}

/* name_unsettled gives the file a name in batch ctx->txid. 0, or -1 with errno set. */
static int name_unsettled(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	char link[64], *before = o->temporary;
	o->temporary = NULL;
	output_invent_name(o);
	f->settled = o->temporary;
	f->settles = ctx->txid;
	o->temporary = unsettled_name(f, ctx, f->settled);
	gale_temporary(ctx, o->temporary);
	snprintf(link, sizeof link, "/proc/self/fd/%d", o->fd);
	int failed = before != NULL ? rename(before, o->temporary) :
	    linkat(AT_FDCWD, link, AT_FDCWD, o->temporary, AT_SYMLINK_FOLLOW);
	free(before);
	return failed;
}

/* settle gives the temporary file the name that the decided state has. */
static int settle(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	gale_temporary(ctx, f->settled);
	if (rename(o->temporary, f->settled) == -1)
		return output_cannot(o, ctx, "name the temporary file of");
	free(o->temporary);
	o->temporary = f->settled;
	f->settled = NULL;
	f->settles = 0;
	return 0;
}

/* settle_earlier does the same where an earlier task has not come to it. */
static int settle_earlier(struct file *f, gale_ctx *ctx, const char *settled)
{
	char *name = unsettled_name(f, ctx, settled);
	gale_temporary(ctx, settled);
	int failed = rename(name, settled) == -1 && errno != ENOENT;
	free(name);
	return failed ? output_cannot(&f->out, ctx, "name the temporary file of") : 0;
}

/* remove_undone removes temporary files of this task that its state knows nothing of. */
static int remove_undone(struct file *f, gale_ctx *ctx)
{
	char *dir = output_directory(&f->out), *end = unsettled_name(f, ctx, "");
	DIR *d = opendir(dir);
	struct dirent *entry;
	int failed = 0;
	while (!failed && d != NULL && (entry = readdir(d)) != NULL) {
		size_t n = strlen(entry->d_name), m = strlen(end);
		if (n > m && strncmp(entry->d_name, ".gale-", 6) == 0 && strcmp(entry->d_name + n - m, end) == 0)
			failed = unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (failed)
		failed = output_fatal(ctx, "can't remove the temporary file %s/%s: %s", dir,
		    entry->d_name, strerror(errno));
	if (d != NULL)
		closedir(d);
	free(dir);
	free(end);
	return failed;
}

/* copy_published begins anew with the first LENGTH bytes of what is in its place already. */
static int copy_published(struct file *f, gale_ctx *ctx, uint64_t length)
{
	struct output *o = &f->out;
	int from = open(o->name, O_RDONLY | O_CLOEXEC);
	if (from == -1)
		return output_cannot(o, ctx, "read");
	while (length > 0) {
		size_t most = length < OUTPUT_WRITE_AT ? (size_t)length : OUTPUT_WRITE_AT;
		ssize_t n = read(from, text_room(&o->text, most), most);
		if (n <= 0)
			break;
		o->text.n += (size_t)n;
		length -= (uint64_t)n;
		if (output_push(o, ctx) != 0)
			break;
	}
	close(from);
	return length == 0 ? 0 : output_fatal(ctx, "can't read back what was written to the output");
}

/* reopen goes on with the file TEMPORARY, of which LENGTH bytes count. 1: there is none. */
static int reopen(struct file *f, gale_ctx *ctx, const char *temporary, uint64_t length)
{
	struct output *o = &f->out;
	struct stat st;
	if (f->batches && settle_earlier(f, ctx, temporary) != 0)
		return -1;
	o->fd = open(temporary, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (o->fd == -1)
		return errno == ENOENT ? 1 : output_fatal(ctx, "can't go on with %s: %s", temporary,
		    strerror(errno));
	o->temporary = output_checked(strdup(temporary));
	if (fstat(o->fd, &st) == -1 || (uint64_t)st.st_size < length)
		return output_fatal(ctx, "%s is shorter than the %llu bytes that were synced: it was "
		    "changed; what it held is lost. Remove the state to begin anew", temporary,
		    (unsigned long long)length);
	if (ftruncate(o->fd, (off_t)length) == -1 || lseek(o->fd, 0, SEEK_END) == -1)
		return output_cannot(o, ctx, "go on with the temporary file of");
	o->written = f->synced = f->noted = length;
	f->recorded = f->persisted = true;
	return 0;
}

/* without_temporary goes on where the file TEMPORARY is gone: it has taken its place. */
static int without_temporary(struct file *f, gale_ctx *ctx, const char *name, const char *temporary,
    uint64_t length)
{
	struct stat st;
	bool there = stat(name, &st) == 0;
	f->published = f->batches && f->finished != 0;
	if (f->published) {
		if (!there)
			gale_logf(ctx, GALE_WARN, "%s was complete, and has been taken away since", name);
		return 0;
	}
	if (f->batches || !there || (uint64_t)st.st_size < length)
		return output_fatal(ctx, "%s, which has what was written until now, is gone: "
		    "remove the state to begin anew", temporary);
	if (forget(f, ctx) != 0 || output_open(&f->out, ctx) != 0)
		return -1;
	return copy_published(f, ctx, length);
}

/* go_on takes up what an earlier start of this task has left. 1: it left nothing. */
static int go_on(struct file *f, gale_ctx *ctx)
{
	char *path = recorded(ctx, "path"), *temporary = recorded(ctx, "temporary");
	char *real = realpath(f->out.name, NULL);
	const char *name = real != NULL ? real : f->out.name;
	uint64_t length = recorded_number(ctx, "length");
	int got = 1;
	f->finished = recorded_number(ctx, "finished");
	if (path != NULL && temporary != NULL) {
		if (strcmp(path, name) != 0)
			got = output_fatal(ctx, "the state has the beginning of %s, and the output is "
			    "%s: give the same path, or another state", path, name);
		else if ((got = reopen(f, ctx, temporary, length)) == 1)
			got = without_temporary(f, ctx, name, temporary, length);
	}
	if (got == 0 && real != NULL && f->out.temporary != NULL) {
		free(f->out.name);
		f->out.name = real;
		real = NULL;
	}
	free(path);
	free(temporary);
	free(real);
	return got;
}

/* ---- In batches -------------------------------------------------------------------- */

/* How far direct output has come, for each task of this process: what its successors there need
 * to know. One that is made anew has else only its state, which doesn't know. */
struct progress {
	uint32_t task;
	uint64_t txid;		/* batches up to this one are written, */
	size_t bytes;		/* and so many bytes of the next one */
};
static struct progress *progress;
static size_t n_progress;

static struct progress *progress_of(const gale_ctx *ctx)
{
	for (size_t i = 0; i < n_progress; i++)
		if (progress[i].task == ctx->task)
			return &progress[i];
	progress = output_checked(realloc(progress, (n_progress + 1) * sizeof *progress));
	progress[n_progress] = (struct progress){ .task = ctx->task };
	return &progress[n_progress++];
}

/* take_decided takes the next batch that is to be written directly, as the last one is. */
static bool take_decided(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	if (!f->batches || !o->direct)
		return false;
	struct progress *p = progress_of(ctx);
	if (f->taken > p->txid)
		*p = (struct progress){ ctx->task, f->taken, 0 };
	uint64_t txid = kept_next(ctx, p->txid, f->decided, &o->text);
	if (txid == 0)
		return false;
	f->taken = txid;
	f->taken_n = o->text.n;
	f->behind -= f->taken_n < f->behind ? f->taken_n : f->behind;
	o->sent = p->bytes;
	return true;
}

/* note makes it part of the batch in hand how far the file is. */
static int note(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	if (!f->recorded && name_unsettled(f, ctx) == -1)
		return output_cannot(o, ctx, "name the temporary file of");
	f->noted = o->written;
	return record(f, ctx);
}

static int finish_batch(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	if (f->out.direct) {
		f->behind += f->batch.n;
		return kept_drop(ctx, &f->dropped, progress_of(ctx)->txid) == 0 &&
		    kept_put(ctx, &f->batch) == 0 ? GALE_OK : GALE_FATAL;
	}
	if (output_push(&f->out, ctx) != 0)
		return GALE_FATAL;
	return f->out.written == f->noted || note(f, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

static int finish_in_batch(struct file *f, gale_ctx *ctx)
{
	if (!f->out.direct && (output_push(&f->out, ctx) != 0 || note(f, ctx) != 0))
		return GALE_FATAL;
	f->finished = ctx->txid;
	return put_number(ctx, "finished", f->finished) == 0 ? GALE_DONE : GALE_FATAL;
}

/* publish_direct writes what is decided. When the input has ended nobody else would. */
static int publish_direct(struct file *f, gale_ctx *ctx, bool last)
{
	f->decided = ctx->txid;
	if (!f->stuck && flush(f, ctx) != 0)
		return GALE_FATAL;
	for (int ms = 0; f->stuck && (last || (f->behind > FULL && ms < PUBLISH_MS)); ms += PATIENCE_MS) {
		output_can_write(&f->out, PATIENCE_MS);
		if (flush(f, ctx) != 0)
			return GALE_FATAL;
	}
	return GALE_OK;
}

static int publish(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	bool last = f->finished != 0 && f->finished <= ctx->txid;
	if (f->out.direct)
		return publish_direct(f, ctx, last);
	if (f->settles != 0 && f->settles <= ctx->txid && settle(f, ctx) != 0)
		return GALE_FATAL;
	if (!last)
		return GALE_OK;
	if (!f->published && output_publish(&f->out, ctx) != GALE_DONE)
		return GALE_FATAL;
	if (f->published && output_sync_directory(&f->out) == -1)
		return output_cannot(&f->out, ctx, "sync the directory of");
	f->published = true;
	return GALE_OK;
}

/* leave_batches is cleanup for a task that may be made anew: what it has left on disk counts. */
static void leave_batches(struct file *f, gale_ctx *ctx)
{
	struct output *o = &f->out;
	if (f->stuck && o->fd != -1)
		gale_unwatch(ctx, o->fd);
	if (f->looking != 0)
		gale_cancel(ctx, f->looking);
	if (o->direct && f->taken > progress_of(ctx)->txid)
		progress_of(ctx)->bytes = f->taken_n - (o->text.n - o->sent);
	free(f->batch.bytes);
	free(f->settled);
}

/* ---- The bolt ---------------------------------------------------------------------- */

static uint32_t a_third_of_the_timeout(gale_ctx *ctx)
{
	const char *secs = gale_config(ctx, "topology.message.timeout.secs");
	double ms = secs != NULL ? atof(secs) * 1000 / 3 : 10000;
	return ms < 1 ? 1 : ms > 10000 ? 10000 : (uint32_t)ms;
}

static int prepare(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	f->add = row_format(f->format);
	f->mind_ms = a_third_of_the_timeout(ctx);
	f->batches = ctx->generation != 0;
	f->out.fd = -1;
	if (output_name(&f->out, ctx, f->path) != 0)
		return GALE_FATAL;
	int fresh = go_on(f, ctx);
	if (fresh == 1 && output_open(&f->out, ctx) == 0)
		fresh = f->batches && !f->out.direct ? remove_undone(f, ctx) : 0;
	return fresh == 0 ? GALE_OK : GALE_FATAL;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct file *f = self;
	bool wait = f->batches && f->out.direct;
	struct text *text = wait ? &f->batch : &f->out.text;
	f->add(text, ctx, t);
	text_putc(text, '\n');
	if (wait)
		return GALE_OK;
	if (!f->stuck && f->out.text.n - f->out.sent >= OUTPUT_WRITE_AT && flush(f, ctx) != 0)
		return GALE_FATAL;
	if (f->out.direct && f->out.sent < f->out.text.n) {
		hold_back(f, ctx, t);
		if (!f->stuck)
			flush_soon(f, ctx);
	}
	return GALE_OK;
}

static int drain(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	return !f->out.direct || flush(f, ctx) == 0 ? GALE_OK : GALE_FATAL;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	if (f->batches)
		return finish_in_batch(f, ctx);
	if (flush(f, ctx) != 0)
		return GALE_FATAL;
	if (f->stuck) {
		output_can_write(&f->out, PATIENCE_MS);
		return GALE_EMITTED;
	}
	if (f->out.direct)
		return GALE_DONE;
	if (output_publish(&f->out, ctx) != GALE_DONE)
		return GALE_FATAL;
	return !f->recorded || forget(f, ctx) == 0 ? GALE_DONE : GALE_FATAL;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct file *f = self;
	if (f->batches)
		leave_batches(f, ctx);
	output_close(&f->out, f->recorded && (f->batches ? f->persisted : ctx->state_lasts));
	free(f->waiting);
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
	.state_version = 1,
	.persist = persist,
	.finish_batch = finish_batch,
	.publish = publish,
};
GALE_PLUGIN(&file);
