/* chaos.c - the topology that test/chaos kills, but for the bolts that everybody has.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     chaos.Source --> chaos.Pass --SHUFFLE--> chaos.Disk
 *                            |
 *                            +-----FIELDS----> tally --> table	(equal words become one: combine.h)
 *
 * Source notes every ack in a mapped file (chaos.h). Disk holds its tuples, writes their ids
 * to a file of its process alone, syncs it, and only then acks them: so what the spout heard
 * to be acked must be found in those files.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <gale/gale.h>

#include "test/chaos.h"

/* ---- Source: ids in a row, shared by its tasks as those of `sequence` -------------------- */

enum { BATCH = 64 };

struct source {
	/* properties */
	const char *journal;
	int64_t rate;

	struct chaos_journal *file;
	struct chaos_task *mine;
	uint64_t at;			/* the next id */
	uint64_t from;			/* id from which the schedule counts ... */
	int64_t from_ms;		/* ... and when it was due */
	bool waiting;			/* a timer is set */
	uint64_t *again;		/* ids to emit once more */
	size_t n_again, room;
};

static int source_open(void *self, gale_ctx *ctx)
{
	struct source *s = self;
	int fd = open(s->journal, O_RDWR | O_CLOEXEC);

	if (fd < 0 || ctx->n_tasks > CHAOS_TASKS)
		return gale_fatalf(ctx, "%s: %s", s->journal, strerror(errno));
	s->file = mmap(NULL, sizeof *s->file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (s->file == MAP_FAILED)
		return gale_fatalf(ctx, "%s: %s", s->journal, strerror(errno));
	s->mine = &s->file->tasks[ctx->index];
	s->at = ctx->index;
	return GALE_OK;
}

static void source_cleanup(void *self, gale_ctx *ctx)
{
	struct source *s = self;

	(void)ctx;
	if (s->file != NULL && s->file != MAP_FAILED)
		munmap(s->file, sizeof *s->file);
	free(s->again);
}

static void source_activate(void *self, gale_ctx *ctx)
{
	struct source *s = self;

	s->from = s->at;
	s->from_ms = gale_now_ms(ctx);
}

static void remember(struct source *s, uint64_t id)
{
	if (s->n_again == s->room) {
		s->room = s->room == 0 ? BATCH : 2 * s->room;
		s->again = realloc(s->again, s->room * sizeof *s->again);
		if (s->again == NULL)
			abort();
	}
	s->again[s->n_again++] = id;
}

static int emit_id(gale_ctx *ctx, uint64_t id)
{
	char word[32];
	int n = snprintf(word, sizeof word, "w%" PRIu64,
	    ctx->generation != 0 ? id % CHAOS_WORDS : chaos_word(id));
	gale_value values[] = { gale_int((int64_t)id), gale_string(word, (size_t)n) };

	return gale_emit_tracked(ctx, 0, id, values, 2);
}

static void source_due(void *self, gale_ctx *ctx, void *arg)
{
	(void)ctx, (void)arg;
	((struct source *)self)->waiting = false;
}

/* source_limit gives the id up to which, exclusive, ids are due. */
static uint64_t source_limit(const struct source *s, gale_ctx *ctx)
{
	uint64_t end = atomic_load_explicit(&s->file->end, memory_order_relaxed), due;

	if (s->rate == 0)
		return end;
	due = s->from + (uint64_t)(gale_now_ms(ctx) - s->from_ms) * (uint64_t)s->rate / 1000 + 1;
	return due < end ? due : end;
}

static int source_next(void *self, gale_ctx *ctx)
{
	struct source *s = self;
	uint64_t limit = source_limit(s, ctx);
	int n = 0;

	for (; n < BATCH && s->n_again > 0; n++)
		if (emit_id(ctx, s->again[--s->n_again]) != 0)
			return GALE_FATAL;
	for (; n < BATCH && s->at < limit; n++, s->at += ctx->n_tasks)
		if (emit_id(ctx, s->at) != 0)
			return GALE_FATAL;
	/* What was emitted and undone may be on disk as the end of a batch: it must come again. */
	if (s->at > atomic_load_explicit(&s->mine->emitted, memory_order_relaxed))
		atomic_store_explicit(&s->mine->emitted, s->at, memory_order_relaxed);
	if (n > 0)
		return gale_position(ctx, s->at, NULL, 0) == 0 ? GALE_EMITTED : GALE_FATAL;
	if (s->at >= atomic_load_explicit(&s->file->end, memory_order_relaxed))
		return GALE_DONE;
	if (!s->waiting)
		gale_timer(ctx, 1, source_due, NULL);
	s->waiting = true;
	return GALE_IDLE;
}

static void source_ack(void *self, gale_ctx *ctx, uint64_t id)
{
	struct source *s = self;

	if (ctx->txid != 0)
		return;		/* it says nothing; exact.Sink tells what is committed */
	s->file->acked[id] = 1;
	atomic_fetch_add_explicit(&s->mine->acks, 1, memory_order_relaxed);
}

static void source_fail(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f)
{
	(void)ctx, (void)f;
	remember(self, id);
}

static int source_resume(void *self, gale_ctx *ctx, const gale_resume *r)
{
	struct source *s = self;

	(void)ctx;
	for (uint32_t i = 0; i < r->n_open; i++)
		remember(s, r->open[i]);
	s->at = r->next;
	return GALE_OK;
}

static const gale_component source = {
	.name = "Source", .doc = "Emits ids.", .kind = GALE_SPOUT, .self_size = sizeof (struct source),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "n", GALE_INT }, { "word", GALE_STRING })),
	.props = GALE_PROPS(
		GALE_PROP(struct source, journal, GALE_PROP_PATH, "The mapped file.", .required = true),
		GALE_PROP(struct source, rate, GALE_PROP_INT, "Ids a second, of all tasks; 0: all it can.")),
	.open = source_open, .cleanup = source_cleanup, .activate = source_activate,
	.next = source_next, .ack = source_ack, .fail = source_fail, .resume = source_resume,
};

/* ---- Pass ---- */

static int pass_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	(void)self;
	return gale_emit_values(ctx, 0, t->values, 1) == 0 ? gale_emit_values(ctx, 1, t->values + 1, 1) : -1;
}

static const gale_component pass = {
	.name = "Pass", .doc = "Passes ids on.", .kind = GALE_BOLT,
	.inputs = GALE_FIELDS({ "n", GALE_INT }, { "word", GALE_STRING }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "n", GALE_INT }),
		GALE_STREAM("words", { "word", GALE_STRING })),
	.execute = pass_execute,
};

/* ---- Disk: acks what is on disk ---------------------------------------------------------- */

enum { GROUP = 8192, GROUP_MS = 2 };

struct disk {
	/* properties */
	const char *path;

	int fd;
	uint32_t n;
	uint64_t ids[GROUP];
	gale_held held[GROUP];
};

static int disk_prepare(void *self, gale_ctx *ctx)
{
	struct disk *d = self;
	char name[4096];

	snprintf(name, sizeof name, "%s/%u.%d", d->path, ctx->index, (int)getpid());
	d->fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	return d->fd >= 0 ? GALE_OK : gale_fatalf(ctx, "%s: %s", name, strerror(errno));
}

static int disk_let_go(struct disk *d, gale_ctx *ctx)
{
	const char *bytes = (const char *)d->ids;
	size_t left = d->n * sizeof *d->ids;

	while (left > 0) {
		ssize_t n = write(d->fd, bytes, left);

		if (n < 0)
			return gale_fatalf(ctx, "write: %s", strerror(errno));
		bytes += n;
		left -= (size_t)n;
	}
	if (fdatasync(d->fd) != 0)
		return gale_fatalf(ctx, "fdatasync: %s", strerror(errno));
	for (uint32_t i = 0; i < d->n; i++)
		gale_ack(ctx, d->held[i]);
	d->n = 0;
	return GALE_OK;
}

static void disk_timer(void *self, gale_ctx *ctx, void *arg)
{
	(void)arg;
	disk_let_go(self, ctx);
}

static int disk_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct disk *d = self;

	if (d->n == 0)
		gale_timer(ctx, GROUP_MS, disk_timer, NULL);
	d->ids[d->n] = (uint64_t)gale_in(t, 0)->u.i;
	d->held[d->n++] = gale_hold(ctx, t);
	return d->n < GROUP ? GALE_OK : disk_let_go(d, ctx);
}

static int disk_drain(void *self, gale_ctx *ctx)
{
	return disk_let_go(self, ctx);
}

static void disk_cleanup(void *self, gale_ctx *ctx)
{
	struct disk *d = self;

	(void)ctx;
	if (d->fd > 0)
		close(d->fd);
}

static const gale_component disk = {
	.name = "Disk", .doc = "Acks what is on disk.", .kind = GALE_BOLT, .self_size = sizeof (struct disk),
	.inputs = GALE_FIELDS({ "n", GALE_INT }),
	.props = GALE_PROPS(
		GALE_PROP(struct disk, path, GALE_PROP_PATH, "The directory of its files.", .required = true)),
	.prepare = disk_prepare, .cleanup = disk_cleanup, .execute = disk_execute, .drain = disk_drain,
};

GALE_PLUGIN(&source, &pass, &disk);
