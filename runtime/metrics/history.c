/* history.c - see history.h. SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include "history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "clock.h"
#include "memory.h"
#include "wire.h"

#define MAGIC "galehist"
#define PREFIX "history."

enum {
	FORMAT = 1,
	MAGIC_BYTES = 8, SUM_BYTES = 8,
	VARINT_MAX = 10,
	STAGES_MOST = 1 << 16,		/* more is no sample of ours */
	FILE_MOST = 64 << 20
};

static char *file_path(const char *rundir, uint64_t at_ms)
{
	return xasprintf("%s/" PREFIX "%011" PRIu64, rundir, at_ms);
}

/* ---- writing ----------------------------------------------------------------------- */

static void put(struct buf *b, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];

	buf_add(b, bytes, (size_t)(wire_put_varint(bytes, v) - bytes));
}

static void put_part(struct buf *b, const struct sample_part *p)
{
	uint64_t some = 0;

	for (int i = 0; i < SAMPLE_COUNTERS; i++)
		some |= (uint64_t)(p->n[i] != 0) << i;
	put(b, some);
	for (int i = 0; i < SAMPLE_COUNTERS; i++)
		if (p->n[i] != 0)
			put(b, p->n[i]);
	some = 0;
	for (int i = 0; i < STATUS_STREAMS; i++)
		some |= (uint64_t)((p->streams[i].emitted | p->streams[i].transferred) != 0) << i;
	put(b, some);
	for (int i = 0; i < STATUS_STREAMS; i++) {
		if (!(some >> i & 1))
			continue;
		put(b, p->streams[i].emitted);
		put(b, p->streams[i].transferred);
	}
}

static void put_hist(struct buf *b, const struct hist *h)
{
	uint32_t n = 0, last = 0;

	for (uint32_t i = 0; h->n > 0 && i < HIST_BUCKETS; i++)
		n += h->count[i] != 0;
	put(b, n);
	put(b, h->sum_ns);
	put(b, h->max_ns);
	for (uint32_t i = 0; n > 0 && i < HIST_BUCKETS; i++) {
		if (h->count[i] == 0)
			continue;
		put(b, i - last);
		put(b, h->count[i]);
		last = i;
	}
}

void history_encode(struct buf *b, const struct sample *s)
{
	size_t start = b->n;
	uint64_t sum;

	buf_add(b, MAGIC, MAGIC_BYTES);
	put(b, FORMAT);
	put(b, s->at_ns);
	put(b, s->n_stages);
	put(b, s->n_components);
	for (uint32_t i = 0; i < s->n_stages; i++)
		put_part(b, &s->stages[i]);
	for (uint32_t i = 0; i < s->n_components; i++)
		put_part(b, &s->components[i]);
	for (uint32_t i = 0; i < s->n_components; i++) {
		put_hist(b, &s->latency[i].execute);
		put_hist(b, &s->latency[i].process);
		put_hist(b, &s->latency[i].complete);
	}
	sum = XXH3_64bits(b->data + start, b->n - start);
	buf_add(b, &sum, sizeof sum);
}

/* ---- reading ----------------------------------------------------------------------- */

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t get(struct cursor *c)
{
	const uint8_t *next;
	uint64_t v = 0;

	if (c->bad || c->at >= c->end || (next = wire_get_varint(c->at, c->end, &v)) == NULL) {
		c->bad = true;
		return 0;
	}
	c->at = next;
	return v;
}

static void get_part(struct cursor *c, struct sample_part *p)
{
	uint64_t some = get(c);

	for (int i = 0; i < SAMPLE_COUNTERS; i++)
		if (some >> i & 1)
			p->n[i] = get(c);
	some = get(c);
	for (int i = 0; i < STATUS_STREAMS; i++) {
		if (!(some >> i & 1))
			continue;
		p->streams[i].emitted = get(c);
		p->streams[i].transferred = get(c);
	}
}

static void get_hist(struct cursor *c, struct hist *h)
{
	uint64_t n = get(c), i = 0;

	h->sum_ns = get(c);
	h->max_ns = get(c);
	while (n-- > 0 && !c->bad) {
		uint64_t step = get(c), count = get(c);

		if (step >= HIST_BUCKETS || i + step >= HIST_BUCKETS) {
			c->bad = true;
			return;
		}
		i += step;
		h->count[i] = count;
		h->n += count;
	}
}

static struct sample *get_sample(struct cursor *c)
{
	uint64_t version = get(c), at_ns = get(c), n_stages = get(c), n_components = get(c);
	struct sample *s;

	/* A part has two bytes at least. */
	if (c->bad || version != FORMAT || n_stages > STAGES_MOST || n_components > STAGES_MOST ||
	    2 * (n_stages + n_components) > (uint64_t)(c->end - c->at))
		return NULL;
	s = sample_sized((uint32_t)n_stages, (uint32_t)n_components);
	s->at_ns = at_ns;
	for (uint32_t i = 0; i < n_stages; i++)
		get_part(c, &s->stages[i]);
	for (uint32_t i = 0; i < n_components; i++)
		get_part(c, &s->components[i]);
	for (uint32_t i = 0; i < n_components; i++) {
		get_hist(c, &s->latency[i].execute);
		get_hist(c, &s->latency[i].process);
		get_hist(c, &s->latency[i].complete);
	}
	if (!c->bad && c->at == c->end)
		return s;
	sample_free(s);
	return NULL;
}

struct sample *history_decode(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	struct cursor c;
	uint64_t sum;

	if (n < MAGIC_BYTES + SUM_BYTES || memcmp(p, MAGIC, MAGIC_BYTES) != 0)
		return NULL;
	memcpy(&sum, p + n - SUM_BYTES, SUM_BYTES);
	if (XXH3_64bits(p, n - SUM_BYTES) != sum)
		return NULL;
	c = (struct cursor){ .at = p + MAGIC_BYTES, .end = p + n - SUM_BYTES };
	return get_sample(&c);
}

static struct sample *read_file(int fd)
{
	struct sample *s = NULL;
	struct stat st;
	char *bytes;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MOST) {
		size_t size = (size_t)st.st_size;

		bytes = xmalloc(size + 1);
		if (read(fd, bytes, size) == (ssize_t)size)
			s = history_decode(bytes, size);
		free(bytes);
	}
	return s;
}

struct sample *history_read(const char *rundir, uint64_t at_ms)
{
	char *path = file_path(rundir, at_ms);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct sample *s = fd >= 0 ? read_file(fd) : NULL;

	if (fd >= 0)
		close(fd);
	free(path);
	return s;
}

/* at_of gives the time in a file's name (ms); 0: it is no sample. */
static uint64_t at_of(const char *name)
{
	size_t n = strlen(PREFIX);
	char *end;
	uint64_t at;

	if (strncmp(name, PREFIX, n) != 0 || name[n] < '0' || name[n] > '9')
		return 0;
	at = strtoull(name + n, &end, 10);
	return *end == '\0' ? at : 0;
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t *history_times(const char *rundir, uint64_t from_ns, size_t *n)
{
	DIR *dir = opendir(rundir);
	struct dirent *d;
	uint64_t *times = NULL;
	size_t cap = 0;

	*n = 0;
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		uint64_t at = at_of(d->d_name);

		if (at == 0 || at * NS_PER_MS < from_ns)
			continue;
		times = xgrow(times, &cap, *n + 1, sizeof *times);
		times[(*n)++] = at;
	}
	if (dir != NULL)
		closedir(dir);
	if (*n > 0)
		qsort(times, *n, sizeof *times, ascending);
	return times;
}

struct sample *history_find(const char *rundir, uint64_t from_ns)
{
	size_t n;
	uint64_t *times = history_times(rundir, from_ns, &n);
	struct sample *s = NULL;

	for (size_t i = 0; s == NULL && i < n; i++)
		s = history_read(rundir, times[i]);
	free(times);
	return s;
}

/* ---- the supervisor's -------------------------------------------------------------- */

/* Which are kept for how long, the longest first. */
static const struct {
	uint32_t every;
	uint64_t ms;
} levels[] = { { 1440, 86400000 }, { 180, 10800000 }, { 10, 600000 }, { 1, 60000 } };

static uint64_t lives_ms(uint32_t number)
{
	int i = 0;

	while (number % levels[i].every != 0)
		i++;
	return levels[i].ms;
}

static void forget_old(struct history *h, const char *rundir, uint64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		if (h->entries[i].at_ms + lives_ms(h->entries[i].number) >= now_ms) {
			h->entries[kept++] = h->entries[i];
		} else {
			char *path = file_path(rundir, h->entries[i].at_ms);

			unlink(path);
			free(path);
		}
	}
	h->n = kept;
}

static int write_file(const char *path, const struct buf *b, struct error *e)
{
	char *unfinished = xasprintf("%s.new", path);
	int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc = -1;

	if (fd >= 0) {
		ssize_t n = write(fd, b->data, b->n);

		if (n >= 0 && (size_t)n < b->n)
			errno = ENOSPC;
		rc = n == (ssize_t)b->n ? rename(unfinished, path) : -1;
		close(fd);
	}
	if (rc != 0) {
		error_errno(e, "cannot write %s, so windows of time are missing from gale status", path);
		unlink(unfinished);
	}
	free(unfinished);
	return rc;
}

int history_add(struct history *h, const char *rundir, const struct sample *s, struct error *e)
{
	uint64_t at_ms = s->at_ns / NS_PER_MS;
	char *path = file_path(rundir, at_ms);
	struct buf b = { 0 };
	int rc;

	forget_old(h, rundir, at_ms);
	history_encode(&b, s);
	rc = write_file(path, &b, e);
	if (rc == 0) {
		h->entries = xgrow(h->entries, &h->cap, h->n + 1, sizeof *h->entries);
		h->entries[h->n++] = (struct history_entry){ at_ms, h->next };
	}
	h->next++;
	buf_free(&b);
	free(path);
	return rc;
}

void history_free(struct history *h)
{
	free(h->entries);
	*h = (struct history){ 0 };
}
