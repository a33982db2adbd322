/* exact.c - bolts of which everything that comes out can be computed beforehand, so that a
 * record that was counted twice, or not at all, is found by its number.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     n --> exact.Pass --FIELDS word--> exact.Count --FIELDS k--> exact.Chain --> exact.Sink
 *                                            |
 *                                            +--totals, at the end--> table
 *
 * Number n has the word "w" n % CHAOS_WORDS. As long as the numbers of a word come in their
 * order, n is the k-th of its word, k = n / CHAOS_WORDS + 1; Count takes k from its state.
 * Chain takes m from its own: n is the m-th that came with this k. Which one of them is not
 * determined, but each m comes once. So what Chain has for its input depends on Count's state, and
 * a state that was one record off shows in all that follow.
 *
 * Sink appends lines "n k m" to PATH.TASK, keeps the file's length in its state, and cuts it
 * back to that when it is made anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gale/gale.h>

#include "journal.h"
#include "test/chaos.h"

/* ---- Pass: makes words. One number may be poison ------------------------------------------ */

struct pass {
	/* properties */
	const char *attempts, *closed;
	int64_t crash, fail, fails;

	int fd, closed_fd;
	int64_t n, sum;		/* of the batch in hand */
};

static int pass_prepare(void *self, gale_ctx *ctx)
{
	struct pass *p = self;

	(void)ctx;
	p->fd = journal_open(p->attempts);
	p->closed_fd = journal_open(p->closed);
	return GALE_OK;
}

/* attempt notes that N has come; returns how often it has, with this time. */
static int64_t attempt(const struct pass *p, int64_t n)
{
	struct stat st = { 0 };

	journal(p->fd, "%" PRId64 "\n", n);
	fstat(p->fd, &st);
	return st.st_size / (int64_t)snprintf(NULL, 0, "%" PRId64 "\n", n);
}

static int pass_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct pass *p = self;
	int64_t n = gale_in(t, 0)->u.i;
	char word[32];
	int length = snprintf(word, sizeof word, "w%" PRId64, n % CHAOS_WORDS);

	if (n != 0 && n == p->crash) {
		attempt(p, n);
		abort();
	}
	if (n != 0 && n == p->fail && (attempt(p, n) <= p->fails || p->fails == 0))
		return gale_failed(ctx, "it is poison");
	p->n++;
	p->sum += n;
	return gale_emit(ctx, 0, gale_int(n), gale_string(word, (size_t)length)) == 0 ? GALE_OK : GALE_FAIL;
}

static int pass_finish_batch(void *self, gale_ctx *ctx)
{
	struct pass *p = self;

	journal(p->closed_fd, "%" PRIu64 " %" PRId64 " %" PRId64 " %" PRIx64 "\n", ctx->txid, p->n, p->sum,
	    ctx->generation);
	p->n = p->sum = 0;
	return GALE_OK;
}

static void pass_cleanup(void *self, gale_ctx *ctx)
{
	const struct pass *p = self;

	(void)ctx;
	journal_close(p->fd);
	journal_close(p->closed_fd);
}

static const gale_component pass = {
	.name = "Pass", .doc = "Gives each number its word.", .kind = GALE_BOLT, .self_size = sizeof (struct pass),
	.inputs = GALE_FIELDS({ "n", GALE_INT }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "n", GALE_INT }, { "word", GALE_STRING })),
	.props = GALE_PROPS(
		GALE_PROP(struct pass, crash, GALE_PROP_INT, "It crashes at this number; 0: at none."),
		GALE_PROP(struct pass, fail, GALE_PROP_INT, "This number fails; 0: none."),
		GALE_PROP(struct pass, fails, GALE_PROP_INT, "So often; 0: always."),
		GALE_PROP(struct pass, attempts, GALE_PROP_PATH, "A line for each time that such a number came."),
		GALE_PROP(struct pass, closed, GALE_PROP_PATH,
		    "A line for each batch, how often it may come: its txid, how many numbers, their sum, its generation.")),
	.prepare = pass_prepare, .cleanup = pass_cleanup, .execute = pass_execute,
	.finish_batch = pass_finish_batch,
};

/* ---- Count ------------------------------------------------------------------------------ */

struct count {
	char last[32];		/* the word that was emitted last */
	size_t n;
};

static int count_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	const gale_value *word = gale_in(t, 1);
	int64_t k;

	(void)self;
	if (gale_state_add(ctx, word->u.s, word->n, 1, &k) != 0)
		return GALE_FAIL;
	return gale_emit(ctx, 0, *gale_in(t, 0), gale_int(k)) == 0 ? GALE_OK : GALE_FAIL;
}

static int count_finish(void *self, gale_ctx *ctx)
{
	struct count *c = self;
	gale_scan s = gale_state_scan_after("", 0, c->n > 0 ? c->last : NULL, c->n);
	int64_t k;

	for (int i = 0; i < 64; i++) {
		if (!gale_state_next(ctx, &s))
			return GALE_DONE;
		memcpy(&k, s.value.bytes, sizeof k);
		if (gale_emit(ctx, 1, gale_string(s.key.bytes, s.key.n), gale_int(k)) != 0)
			return GALE_FATAL;
		c->n = s.key.n;
		memcpy(c->last, s.key.bytes, c->n);
	}
	return GALE_EMITTED;
}

static const gale_component count = {
	.name = "Count", .doc = "Numbers the records of each word.", .kind = GALE_BOLT, .state_version = 1,
	.self_size = sizeof (struct count),
	.inputs = GALE_FIELDS({ "n", GALE_INT }, { "word", GALE_STRING }),
	.outputs = GALE_STREAMS(
	    GALE_STREAM("default", { "n", GALE_INT }, { "k", GALE_INT }),
	    GALE_STREAM("totals", { "word", GALE_STRING }, { "count", GALE_INT })),
	.execute = count_execute, .finish = count_finish,
};

/* ---- Chain: "k" K has the records that came with K, "n" N how often N came, "batches" their
 * number -------------------------------------------------------------------------------------- */

static int add(gale_ctx *ctx, char prefix, int64_t number, int64_t *sum)
{
	char key[32];
	int n = snprintf(key, sizeof key, "%c%012" PRId64, prefix, number);

	return gale_state_add(ctx, key, (size_t)n, 1, sum);
}

static int chain_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	int64_t n = gale_in(t, 0)->u.i, k = gale_in(t, 1)->u.i, m, times;

	(void)self;
	if (add(ctx, 'k', k, &m) != 0 || add(ctx, 'n', n, &times) != 0)
		return GALE_FAIL;
	return gale_emit(ctx, 0, gale_int(n), gale_int(k), gale_int(m)) == 0 ? GALE_OK : GALE_FAIL;
}

static int chain_finish_batch(void *self, gale_ctx *ctx)
{
	(void)self;
	return gale_state_add(ctx, "batches", 7, 1, NULL) == 0 ? GALE_OK : GALE_FAIL;
}

static const gale_component chain = {
	.name = "Chain", .doc = "Numbers the records that have the same number.", .kind = GALE_BOLT,
	.state_version = 1,
	.inputs = GALE_FIELDS({ "n", GALE_INT }, { "k", GALE_INT }),
	.outputs = GALE_STREAMS(GALE_STREAM("default", { "n", GALE_INT }, { "k", GALE_INT }, { "m", GALE_INT })),
	.execute = chain_execute, .finish_batch = chain_finish_batch,
};

/* ---- Sink --------------------------------------------------------------------------------- */

enum { BUFFER = 1 << 16, BATCHES = 256 /* more than can be open */ };

struct sink {
	/* properties */
	const char *path, *journal;

	int fd;
	int64_t length, lines;		/* of the file, and what is in the buffer */
	int64_t lines_at[BATCHES];	/* by txid: after that batch */
	struct chaos_journal *told;	/* how many lines are published */
	size_t n;
	char buffer[BUFFER];
};

static int put_out(struct sink *s, gale_ctx *ctx)
{
	for (size_t done = 0; done < s->n; ) {
		ssize_t n = write(s->fd, s->buffer + done, s->n - done);

		if (n < 0)
			return gale_fatalf(ctx, "%s: %s", s->path, strerror(errno));
		done += (size_t)n;
	}
	s->n = 0;
	return GALE_OK;
}

/* kept gives a number from the state. */
static int64_t kept(gale_ctx *ctx, const char *key)
{
	gale_slice value;
	int64_t number = 0;

	if (gale_state_get(ctx, key, strlen(key), &value) == 1)
		memcpy(&number, value.bytes, sizeof number);
	return number;
}

static int keep(gale_ctx *ctx, const char *key, int64_t number)
{
	return gale_state_put(ctx, key, strlen(key), &number, sizeof number);
}

/* sync_parent: the file was made just now. */
static int sync_parent(const char *path)
{
	char *copy = strdup(path);
	int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int rc = fd < 0 ? -1 : fsync(fd);

	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

static int open_file(struct sink *s, gale_ctx *ctx)
{
	char name[4096];
	struct stat st;

	snprintf(name, sizeof name, "%s.%u", s->path, ctx->index);
	s->fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (s->fd < 0 || sync_parent(name) != 0 || fstat(s->fd, &st) != 0)
		return gale_fatalf(ctx, "%s: %s", name, strerror(errno));
	if (st.st_size < s->length)
		return gale_fatalf(ctx, "%s has %lld bytes, and %lld were committed", name,
		    (long long)st.st_size, (long long)s->length);
	if (ftruncate(s->fd, s->length) != 0)
		return gale_fatalf(ctx, "%s: %s", name, strerror(errno));
	return GALE_OK;
}

static int sink_prepare(void *self, gale_ctx *ctx)
{
	struct sink *s = self;
	int fd;

	s->length = kept(ctx, "length");
	s->lines = kept(ctx, "lines");
	s->lines_at[ctx->txid % BATCHES] = s->lines;
	if (s->journal != NULL) {
		fd = open(s->journal, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ctx->n_tasks > CHAOS_TASKS)
			return gale_fatalf(ctx, "%s: %s", s->journal, strerror(errno));
		s->told = mmap(NULL, sizeof *s->told, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (s->told == MAP_FAILED)
			return gale_fatalf(ctx, "%s: %s", s->journal, strerror(errno));
	}
	return open_file(s, ctx);
}

static int sink_execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct sink *s = self;
	int n;

	if (BUFFER - s->n < 100 && put_out(s, ctx) != GALE_OK)
		return GALE_FATAL;
	n = snprintf(s->buffer + s->n, BUFFER - s->n, "%" PRId64 " %" PRId64 " %" PRId64 "\n",
	    gale_in(t, 0)->u.i, gale_in(t, 1)->u.i, gale_in(t, 2)->u.i);
	s->n += (size_t)n;
	s->length += n;
	s->lines++;
	return GALE_OK;
}

static int sink_finish_batch(void *self, gale_ctx *ctx)
{
	struct sink *s = self;

	s->lines_at[ctx->txid % BATCHES] = s->lines;
	if (put_out(s, ctx) != GALE_OK || keep(ctx, "length", s->length) != 0 || keep(ctx, "lines", s->lines) != 0)
		return GALE_FATAL;
	return GALE_OK;
}

static int sink_persist(void *self, gale_ctx *ctx)
{
	struct sink *s = self;

	return fdatasync(s->fd) == 0 ? GALE_OK : gale_fatalf(ctx, "%s: %s", s->path, strerror(errno));
}

static int sink_publish(void *self, gale_ctx *ctx)
{
	struct sink *s = self;

	if (s->told != NULL)
		atomic_store(&s->told->tasks[ctx->index].acks, (uint64_t)s->lines_at[ctx->txid % BATCHES]);
	return GALE_OK;
}

static void sink_cleanup(void *self, gale_ctx *ctx)
{
	struct sink *s = self;

	(void)ctx;
	if (s->fd > 0)
		close(s->fd);
	if (s->told != NULL && s->told != MAP_FAILED)
		munmap(s->told, sizeof *s->told);
}

static const gale_component sink = {
	.name = "Sink", .doc = "Writes each record as a line, once.", .kind = GALE_BOLT, .state_version = 1,
	.self_size = sizeof (struct sink),
	.inputs = GALE_FIELDS({ "n", GALE_INT }, { "k", GALE_INT }, { "m", GALE_INT }),
	.props = GALE_PROPS(
		GALE_PROP(struct sink, path, GALE_PROP_PATH, "The file; a dot and the task's number follow.",
		    .required = true),
		GALE_PROP(struct sink, journal, GALE_PROP_PATH, "The mapped file of test/chaos.")),
	.prepare = sink_prepare, .cleanup = sink_cleanup, .execute = sink_execute,
	.finish_batch = sink_finish_batch, .persist = sink_persist, .publish = sink_publish,
};

GALE_PLUGIN(&pass, &count, &chain, &sink);
