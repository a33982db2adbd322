/* sinkworld.c - see sinkworld.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "sinkworld.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random.h"
#include "seed.h"

enum {
	MOST_OPEN = 6,		/* batches in flight */
	MOST_KEYS = 4 + 3 * MOST_OPEN	/* of a sink that forgets what is published */
};

static struct sinkworld *world;	/* the one of this process */

static void must(bool holds, const char *what)
{
	if (!holds)
		ck_abort_msg("%s", what);
}

/* ---- Death ------------------------------------------------------------------------- */

static bool inside;		/* in a callback of the sink */
static uint64_t points_left;	/* until it is killed */

static void point(void)
{
	if (points_left > 0 && --points_left == 0) {
		world->disk->n_kills++;
		kill(getpid(), SIGKILL);
	}
}

/* ---- System calls of the sink: points, and what is synced --------------------------- */

static void note_synced(int fd)
{
	struct stat st;
	struct sw_disk *d = world->disk;
	size_t i = 0;
	must(fstat(fd, &st) == 0, "fstat");
	while (i < d->n_synced && d->synced[i].inode != st.st_ino)
		i++;
	must(i < SW_INODES, "too many files");
	d->n_synced += i == d->n_synced;
	d->synced[i] = (struct sw_synced){ st.st_ino, st.st_size };
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

/* link_all links all files in FROM into TO, which is emptied before. */
static void link_all(const char *from, const char *to)
{
	DIR *d = opendir(from);
	struct dirent *entry;
	char old[500], new[500];
	nftw(to, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	must(d != NULL, "opendir");
	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(old, sizeof old, "%s/%s", from, entry->d_name);
		snprintf(new, sizeof new, "%s/%s", to, entry->d_name);
		if (entry->d_type != DT_DIR)
			must(syscall(SYS_linkat, AT_FDCWD, old, AT_FDCWD, new, 0) == 0, "link");
		else if (mkdir(new, 0700) == 0)
			link_all(old, new);
	}
	closedir(d);
}

static int sync_it(int fd, long call)
{
	struct stat st;
	if (!inside)
		return (int)syscall(call, fd);
	point();
	if (fstat(fd, &st) == 0) {
		inside = false;
		if (S_ISDIR(st.st_mode))
			link_all(world->path, world->shadow);
		else
			note_synced(fd);
		inside = true;
	}
	point();
	return 0;
}

int fsync(int fd)
{
	return sync_it(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_it(fd, SYS_fdatasync);
}

/* with_points makes a system call with a point before and one after it. */
#define WITH_POINTS(TYPE, CALL) \
	if (inside) \
		point(); \
	TYPE got_ = (TYPE)(CALL); \
	int was_ = errno; \
	if (inside) \
		point(); \
	errno = was_; \
	return got_

/* write sometimes writes a part, or nothing. */
ssize_t write(int fd, const void *s, size_t n)
{
	if (inside && world->slow && pick(&world->random, 2) == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (inside && n > 1 && pick(&world->random, 4) == 0)
		n = 1 + pick(&world->random, (uint32_t)n - 1);
	WITH_POINTS(ssize_t, syscall(SYS_write, fd, s, n));
}

int rename(const char *from, const char *to)
{
	WITH_POINTS(int, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	WITH_POINTS(int, syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	WITH_POINTS(int, syscall(SYS_linkat, from_dir, from, to_dir, to, flags));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	WITH_POINTS(int, syscall(SYS_renameat2, from_dir, from, to_dir, to, 0));
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	WITH_POINTS(int, syscall(SYS_mkdirat, dir, name, mode));
}

int unlinkat(int dir, const char *name, int flags)
{
	WITH_POINTS(int, syscall(SYS_unlinkat, dir, name, flags));
}

int unlink(const char *name)
{
	WITH_POINTS(int, syscall(SYS_unlinkat, AT_FDCWD, name, 0));
}

int ftruncate(int fd, off_t n)
{
	struct stat st;
	struct sw_disk *d = world->disk;
	for (size_t i = 0; inside && i < d->n_synced && fstat(fd, &st) == 0; i++)
		if (d->synced[i].inode == st.st_ino && d->synced[i].bytes > n)
			d->synced[i].bytes = n;
	WITH_POINTS(int, syscall(SYS_ftruncate, fd, n));
}

static int cut_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const struct sw_disk *d = world->disk;
	size_t i = 0;
	(void)type;
	(void)ftw;
	while (i < d->n_synced && d->synced[i].inode != st->st_ino)
		i++;
	off_t n = i < d->n_synced ? d->synced[i].bytes : 0;
	if (S_ISREG(st->st_mode) && st->st_size > n)
		must(truncate(path, n) == 0, "truncate");
	return 0;
}

/* outage takes away what was not synced; of names all or nothing, as of a journal. */
static void outage(struct sinkworld *w)
{
	w->disk->n_outages++;
	if (pick(&w->random, 2) == 0)
		link_all(w->shadow, w->path);
	nftw(w->path, cut_one, 16, FTW_PHYS);
}

/* ---- State: a sorted array, and copies of it ---------------------------------------- */

struct item {
	char *key, *value;
	size_t n_key, n_value;
};

struct table {
	struct item *items;
	size_t n;
};

static struct table now;
static bool writable;

static int compare(const char *a, size_t n, const char *b, size_t m)
{
	int c = memcmp(a, b, n < m ? n : m);
	return c != 0 ? c : (n > m) - (n < m);
}

/* lower gives the place of the first key that is not below KEY. */
static size_t lower(const void *key, size_t n)
{
	size_t i = 0;
	while (i < now.n && compare(now.items[i].key, now.items[i].n_key, key, n) < 0)
		i++;
	return i;
}

static bool is_at(size_t i, const void *key, size_t n)
{
	return i < now.n && compare(now.items[i].key, now.items[i].n_key, key, n) == 0;
}

static char *duplicate(const void *s, size_t n)
{
	char *copy = malloc(n + 1);
	must(copy != NULL, "no memory");
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

static int put(gale_ctx *ctx, const void *key, size_t n, const void *value, size_t n_value)
{
	size_t i = lower(key, n);
	(void)ctx;
	must(writable, "the sink writes state outside of a batch");
	if (!is_at(i, key, n)) {
		now.items = realloc(now.items, (now.n + 1) * sizeof *now.items);
		memmove(now.items + i + 1, now.items + i, (now.n++ - i) * sizeof *now.items);
		now.items[i] = (struct item){ .key = duplicate(key, n), .n_key = n };
	}
	free(now.items[i].value);
	now.items[i].value = duplicate(value, n_value);
	now.items[i].n_value = n_value;
	return 0;
}

static int delete(gale_ctx *ctx, const void *key, size_t n)
{
	size_t i = lower(key, n);
	(void)ctx;
	must(writable, "the sink writes state outside of a batch");
	if (!is_at(i, key, n))
		return 0;
	free(now.items[i].key);
	free(now.items[i].value);
	memmove(now.items + i, now.items + i + 1, (--now.n - i) * sizeof *now.items);
	return 0;
}

static int get(gale_ctx *ctx, const void *key, size_t n, gale_slice *value)
{
	size_t i = lower(key, n);
	(void)ctx;
	bool there = is_at(i, key, n);
	*value = there ? (gale_slice){ now.items[i].value, now.items[i].n_value } : (gale_slice){ NULL, 0 };
	return there;
}

static bool next(gale_ctx *ctx, gale_scan *s)
{
	static struct item step;
	size_t i = s->key.bytes != NULL ? lower(s->key.bytes, s->key.n) :
	    lower(s->prefix.bytes, s->prefix.n);
	(void)ctx;
	if (s->key.bytes != NULL && is_at(i, s->key.bytes, s->key.n))
		i++;
	if (i == now.n || now.items[i].n_key < s->prefix.n ||
	    memcmp(now.items[i].key, s->prefix.bytes, s->prefix.n) != 0)
		return false;
	struct item new = { duplicate(now.items[i].key, now.items[i].n_key),
	    duplicate(now.items[i].value, now.items[i].n_value), now.items[i].n_key, now.items[i].n_value };
	free(step.key);
	free(step.value);
	step = new;
	s->key = (gale_slice){ step.key, step.n_key };
	s->value = (gale_slice){ step.value, step.n_value };
	return true;
}

/* save writes the state as of batch TXID to S; load reads it back. */
static void save(struct sw_state *s, uint64_t txid)
{
	s->n = 0;
	s->txid = txid;
	must(world->slow || now.n <= MOST_KEYS, "the sink doesn't forget what is published");
	for (size_t i = 0; i < now.n; i++) {
		const struct item *item = &now.items[i];
		size_t sizes[2] = { item->n_key, item->n_value };
		must(s->n + sizeof sizes + sizes[0] + sizes[1] <= sizeof s->bytes, "the state is too large");
		memcpy(s->bytes + s->n, sizes, sizeof sizes);
		memcpy(s->bytes + s->n + sizeof sizes, item->key, sizes[0]);
		memcpy(s->bytes + s->n + sizeof sizes + sizes[0], item->value, sizes[1]);
		s->n += sizeof sizes + sizes[0] + sizes[1];
	}
}

static void load(const struct sw_state *s)
{
	while (now.n > 0) {
		now.n--;
		free(now.items[now.n].key);
		free(now.items[now.n].value);
	}
	for (size_t at = 0, sizes[2]; at < s->n; at += sizeof sizes + sizes[0] + sizes[1]) {
		memcpy(sizes, s->bytes + at, sizeof sizes);
		const char *key = s->bytes + at + sizeof sizes;
		put(NULL, key, sizes[0], key + sizes[0], sizes[1]);
	}
}

/* ---- The worker's life ------------------------------------------------------------- */

struct batch {
	struct sw_state *state;	/* as it has left it */
	char *text;		/* what it put out */
	size_t n;
	bool final;
};

static struct batch batches[MOST_OPEN];	/* those after the record */
static size_t n_open;
static gale_host host;

/* in makes a call into the sink. */
static int in(int (*callback)(void *, gale_ctx *), uint64_t txid, bool writes)
{
	struct fake *f = world->sink_task;
	if (callback == NULL)
		return GALE_OK;
	f->ctx.txid = txid;
	writable = writes;
	inside = true;
	int got = callback(f->self, &f->ctx);
	inside = false;
	writable = false;
	point();
	return got;
}

static void ok(int got)
{
	ck_assert_msg(got == GALE_OK, "%d: %s", got, world->sink_task->why);
}

/* check_view: a reader sees what the first batches put out; EXACT: all that are decided. */
static void check_view(bool exact)
{
	static struct sw_text text;
	const struct sw_disk *d = world->disk;
	size_t want = d->record > 0 ? d->ends[d->record] : 0;
	uint64_t i = 0;
	if (world->view == NULL)
		return;
	text.n = 0;
	world->view(world, &text);
	if (world->at_once && (!d->final || (text.n == 0 && !exact)))
		want = 0;
	while (!world->at_once && !exact && i < d->record && d->ends[i] < text.n)
		i++;
	if (!world->at_once && !exact)
		want = d->ends[i];
	if (world->slow && text.n < want)
		want = text.n;
	size_t same = 0;
	while (same < text.n && same < want && text.bytes[same] == d->oracle.bytes[same])
		same++;
	ck_assert_msg(text.n == want && same == want, "a reader sees %zu bytes and not %zu of batches up "
	    "to %llu; there are from byte %zu: %.*s -- and not: %.*s", text.n, want,
	    (unsigned long long)d->record, same, text.n - same < 200 ? (int)(text.n - same) : 200,
	    text.bytes + same, want > same ? want - same < 200 ? (int)(want - same) : 200 : 0,
	    d->oracle.bytes + same);
}

static void forget_batches(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(batches[i].state);
		free(batches[i].text);
	}
	memmove(batches, batches + n, (n_open - n) * sizeof *batches);
	n_open -= n;
}

static void publish(void)
{
	ok(in(world->sink_task->component->publish, world->disk->record, false));
	check_view(!world->slow || world->disk->final);
}

/* prepare makes the task anew with what the record has left. */
static void prepare(void)
{
	struct sw_disk *d = world->disk;
	struct fake *f = world->sink_task;
	forget_batches(n_open);
	if (d->states[d->newest].txid > d->record)
		d->newest = !d->newest;		/* the undo */
	must(d->states[d->newest].txid == d->record, "the state has no undo");
	writable = true;
	load(&d->states[d->newest]);
	f->ctx.generation = ++d->generation;
	ok(in(f->component->prepare, d->record, false));
	f->started = true;
	publish();
}

static void reset(void)
{
	struct fake *f = world->sink_task;
	inside = true;
	f->component->cleanup(f->self, &f->ctx);
	inside = false;
	memset(f->self, 0, f->component->self_size);
	world->configure(world, f);
	world->disk->n_resets++;
	check_view(false);
	prepare();
}

static void execute_row(struct batch *b)
{
	static int64_t number;
	struct fake *f = world->sink_task;
	char word[64], row[96];
	memset(word, 'a' + (int)pick(&world->random, 26), sizeof word);
	word[1 + pick(&world->random, sizeof word - 1)] = '\0';
	word[sizeof word - 1] = '\0';
	number = pick(&world->random, 1000000);
	gale_value v[] = { gale_text(word), gale_int(number) };
	int n = snprintf(row, sizeof row, "%s\t%lld\n", word, (long long)number);
	b->text = realloc(b->text, b->n + (size_t)n + 1);
	memcpy(b->text + b->n, row, (size_t)n + 1);
	b->n += (size_t)n;
	writable = inside = true;
	ok(fake_execute(f, v, 2));
	writable = inside = false;
}

static void finish(uint64_t txid)
{
	int got = world->sink_task->component->finish != NULL ?
	    in(world->sink_task->component->finish, txid, true) : GALE_DONE;
	ck_assert_msg(got == GALE_DONE, "%d: %s", got, world->sink_task->why);
}

/* run_batch executes the next batch, whole. */
static void run_batch(void)
{
	const struct gale_component *c = world->sink_task->component;
	struct batch b = { .state = malloc(sizeof *b.state), .text = duplicate("", 0) };
	uint64_t txid = world->disk->record + n_open + 1;
	uint32_t n = pick(&world->random, world->full) == 0 ? pick(&world->random, world->n_rows) : 0;
	bool before = pick(&world->random, 2) == 0;
	must(txid < SW_BATCHES, "too many batches");
	world->sink_task->ctx.txid = txid;
	b.final = txid >= world->n_batches;
	for (uint32_t i = 0; i < n; i++)
		execute_row(&b);
	if (b.final && before)
		finish(txid);
	ok(in(c->finish_batch, txid, true));
	if (b.final && !before)
		finish(txid);
	save(b.state, txid);
	batches[n_open++] = b;
}

/* decide writes the record: the first N open batches are decided. */
static void decide(size_t n)
{
	struct sw_disk *d = world->disk;
	for (size_t i = 0; i < n; i++) {
		sw_add(&d->oracle, batches[i].text, batches[i].n);
		d->ends[d->record + 1] = d->oracle.n;
		d->final = batches[i].final;
		d->record++;		/* nothing kills in between */
	}
	forget_batches(n);
}

/* commit is a round: of some of the open batches; sometimes all is undone before the record. */
static void commit(void)
{
	struct sw_disk *d = world->disk;
	size_t n = 1 + pick(&world->random, (uint32_t)n_open);
	ok(in(world->sink_task->component->persist, d->record + n, false));
	memcpy(&d->states[!d->newest], batches[n - 1].state, sizeof *d->states);
	d->newest = !d->newest;
	point();
	if (pick(&world->random, 8) == 0) {
		reset();
		return;
	}
	decide(n);
	point();
	if (pick(&world->random, 8) == 0)
		reset();
	else
		publish();
}

static struct fake *new_task(void)
{
	static const gale_field word_count[] = {
		{ "word", GALE_STRING }, { "count", GALE_INT }, { NULL, GALE_NULL },
	};
	struct fake *f = fake_load("bolts", world->sink);
	host = *f->ctx.host;
	host.state_get = get;
	host.state_put = put;
	host.state_delete = delete;
	host.state_next = next;
	f->ctx.host = &host;
	f->ctx.state_lasts = world->lasts;
	if (world->configure != NULL)
		world->configure(world, f);
	fake_fields(f, word_count);
	return f;
}

/* turn lets a sink go on that waits to be able to write. */
static void turn(void)
{
	if (world->sink_task->n_watches == 0)
		return;
	inside = true;
	fake_turn(world->sink_task);
	inside = false;
	check_view(false);
}

/* live is one life of the worker: to its end, or to its death. */
static void live(void)
{
	points_left = world->no_kills ? 0 : 1 + pick(&world->random, 1u << pick(&world->random, 10));
	world->sink_task = new_task();
	prepare();
	while (!world->disk->final) {
		uint32_t what = pick(&world->random, 16);
		bool all = n_open > 0 && batches[n_open - 1].final;
		turn();
		if (what == 0)
			reset();
		else if (n_open > 0 && (what < 6 || all || n_open == MOST_OPEN))
			commit();
		else
			run_batch();
	}
	fake_free(world->sink_task);
	check_view(true);
}

struct fake *sinkworld_task(struct sinkworld *w, const struct sw_state *s)
{
	static const struct sw_state empty;
	world = w;
	writable = true;
	load(s != NULL ? s : &empty);
	struct fake *f = new_task();
	f->ctx.generation = ++w->disk->generation;
	f->started = true;
	return f;
}

void sinkworld_save(struct sw_state *s, uint64_t txid)
{
	save(s, txid);
}

/* ---- The world --------------------------------------------------------------------- */

static int live_in_child(void)
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid == 0) {
		live();
		_exit(0);
	}
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	return status;
}

void sinkworld_run(struct sinkworld *w)
{
	world = w;
	for (;;) {
		int status = live_in_child();
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a life ended with %d", status);
		w->random = random_next(&w->random);
		if (w->died != NULL)
			w->died(w);
		check_view(false);
		if (w->lasts && !w->no_outages && pick(&w->random, 2) == 0)
			outage(w);
	}
}

struct sinkworld *sinkworld_new(uint64_t seed, const char *sink)
{
	struct sinkworld *w = calloc(1, sizeof *w);
	must(w != NULL, "no memory");
	w->disk = mmap(NULL, sizeof *w->disk, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(w->disk != MAP_FAILED, "mmap");
	strcpy(w->dir, "/tmp/test_sinks.XXXXXX");
	must(mkdtemp(w->dir) != NULL, "mkdtemp");
	snprintf(w->path, sizeof w->path, "%s/out", w->dir);
	snprintf(w->shadow, sizeof w->shadow, "%s/synced", w->dir);
	must(mkdir(w->path, 0700) == 0 && mkdir(w->shadow, 0700) == 0, "mkdir");
	w->sink = sink;
	w->random = seed;
	w->lasts = pick(&w->random, 2) == 0;
	w->n_batches = 1 + pick(&w->random, 60);
	w->full = 1 + pick(&w->random, 6);
	w->n_rows = 1 + (1u << pick(&w->random, 9));
	return w;
}

void sinkworld_free(struct sinkworld *w)
{
	nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rmdir(w->dir);
	munmap(w->disk, sizeof *w->disk);
	free(w);
}

void sw_add(struct sw_text *t, const char *s, size_t n)
{
	must(t->n + n <= sizeof t->bytes, "too much text");
	memcpy(t->bytes + t->n, s, n);
	t->n += n;
}

void sw_sync_names(struct sinkworld *w)
{
	link_all(w->path, w->shadow);
}

void sw_add_file(struct sw_text *t, const char *path)
{
	char some[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd != -1, path);
	while ((n = read(fd, some, sizeof some)) > 0)
		sw_add(t, some, (size_t)n);
	close(fd);
}
