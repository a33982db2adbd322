/* state.c - see state.h. SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <leveldb/c.h>

#include "buf.h"
#include "failpoint.h"
#include "memory.h"
#include "overlay.h"

enum {
	OVERLAY_MOST = 16 << 20,	/* bytes in memory, ... */
	DIRTY_MOST = 4 << 20,		/* ... of which changed, before a commit is due */
	WRITE_BUFFER = 4 << 20,
	CACHE_BYTES = 8 << 20,		/* of blocks; all tasks of a process share it */
	OPEN_FILES = 64,
	BLOOM_BITS = 10,
	USER = 'u', OWN = 'g'		/* first byte of a key */
};
static const char version_key[] = { OWN, 'v', 'e', 'r', 's', 'i', 'o', 'n' };

struct state {
	char *path;
	uint32_t version;
	leveldb_t *db;			/* NULL: there is none yet */
	leveldb_readoptions_t *reading;
	leveldb_writebatch_t *batch;
	struct overlay overlay;
	struct buf key;			/* the key in hand, with its first byte */
	bool failed;			/* a write did; there must be no other */
	bool unsynced;			/* it has to survive this process, not the machine */

	/* the scan */
	uint64_t n_scans;		/* number of the current one */
	leveldb_iterator_t *iterator;	/* at the first key above `at`; NULL: to be made */
	struct buf at;			/* last key given, with its first byte */
	bool begun;			/* `at` was given; else the scan begins with it */
	struct buf value;
};

/* ---- words for what LevelDB says ---- */

static const struct {
	const char *said, *means;
} reasons[] = {
	{ "already held", "is in use by another process: wait for its end, or give this run another state" },
	{ "Resource temporarily unavailable", "is in use by another process: wait for its end, or give this run another state" },
	{ "Corruption", "is damaged: restore it from a copy, or remove it to begin without what it held" },
	{ "No such file", "is damaged: restore it from a copy, or remove it to begin without what it held" },
	{ "No space left", "has no room on its disk: free some" },
	{ "Disk quota", "has no room in its owner's quota: free some" },
	{ "File too large", "has no room: a file of it is as large as the limit (ulimit -f) allows" },
	{ "Read-only", "can't be written: its file system is read-only" },
	{ "Permission denied", "can't be read and written by this user: change its owner or its mode" },
	{ "Too many open files", "can't be opened: raise the limit of open files (ulimit -n)" },
};

/* explain makes E from what LevelDB said, which is freed. */
static int explain(const struct state *s, char *said, struct error *e)
{
	const char *means = "can't be used";

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strstr(said, reasons[i].said) != NULL) {
			means = reasons[i].means;
			break;
		}
	error_set(e, "the state %s %s (%s)", s->path, means, said);
	leveldb_free(said);
	return -1;
}

static int damaged(const struct state *s, const char *what, struct error *e)
{
	return error_set(e, "the state %s is damaged: %s; restore it from a copy, or remove it to begin "
	    "without what it held", s->path, what);
}

/* fault gives what LevelDB would say if POINT failed, or NULL. */
static char *fault(const char *point)
{
	return failpoint(point) ? xasprintf("IO error: %s", strerror(errno)) : NULL;
}

/* ---- directories ---- */

static int sync_dir(const char *dir, struct error *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed;

	if (fd < 0)
		return error_errno(e, "can't open the directory %s to sync it", dir);
	failed = fsync(fd) != 0 && errno != EINVAL;	/* EINVAL: it can't be synced */
	if (failed)
		error_errno(e, "can't sync the directory %s", dir);
	close(fd);
	return failed ? -1 : 0;
}

static int sync_parent(const char *path, struct error *e)
{
	char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int rc = sync_dir(parent[0] != '\0' ? parent : "/", e);

	free(parent);
	return rc;
}

/* make_parents makes the directories above PATH, each synced in its own. */
static int make_parents(const char *path, struct error *e)
{
	char *dir = xstrdup(path);
	int rc = 0;

	for (char *slash = dir; rc == 0 && (slash = strchr(slash + 1, '/')) != NULL; *slash = '/') {
		*slash = '\0';
		if (mkdir(dir, S_IRWXU) == 0)
			rc = sync_parent(dir, e);
		else if (errno != EEXIST)
			rc = error_errno(e, "can't make %s, where state is to be kept", dir);
	}
	if (rc == 0) {
		*strrchr(dir, '/') = '\0';
		if (access(dir, W_OK | X_OK) != 0)
			rc = error_errno(e, "can't keep state in %s: make it writable, or choose "
			    "another directory", dir);
	}
	free(dir);
	return rc;
}

/* check_files looks for what LevelDB itself would pass over: a database without CURRENT is a
 * new one to it, and one without a log has an empty log. */
static int check_files(const struct state *s, struct error *e)
{
	bool current = false, log = false;
	struct dirent *entry;
	DIR *d = opendir(s->path);

	if (d == NULL)
		return error_errno(e, "can't read the state %s", s->path);
	while ((entry = readdir(d)) != NULL) {
		size_t n = strlen(entry->d_name);

		current |= strcmp(entry->d_name, "CURRENT") == 0;
		log |= n > 4 && strcmp(entry->d_name + n - 4, ".log") == 0;
	}
	closedir(d);
	if (!current)
		return damaged(s, "it has no file CURRENT", e);
	return log ? 0 : damaged(s, "its log is missing", e);
}

/* ---- opening ---- */

static leveldb_options_t *options(void)
{
	static leveldb_cache_t *cache;
	static leveldb_filterpolicy_t *bloom;
	leveldb_options_t *o = leveldb_options_create();

	if (cache == NULL) {
		cache = leveldb_cache_create_lru(CACHE_BYTES);
		bloom = leveldb_filterpolicy_create_bloom(BLOOM_BITS);
	}
	leveldb_options_set_paranoid_checks(o, 1);
	leveldb_options_set_write_buffer_size(o, WRITE_BUFFER);
	leveldb_options_set_max_open_files(o, OPEN_FILES);
	leveldb_options_set_cache(o, cache);
	leveldb_options_set_filter_policy(o, bloom);
	return o;
}

static int write_batch(const struct state *s, leveldb_t *db, struct error *e)
{
	leveldb_writeoptions_t *how = leveldb_writeoptions_create();
	char *said = fault("state.write");

	leveldb_writeoptions_set_sync(how, !s->unsynced);
	if (said == NULL)
		leveldb_write(db, how, s->batch, &said);
	leveldb_writeoptions_destroy(how);
	leveldb_writebatch_clear(s->batch);
	return said == NULL ? 0 : explain(s, said, e);
}

/* create makes the database at PATH.new, with its version, and renames it. What another
 * process left there when it died has never had a value. */
static int create(const struct state *s, struct error *e)
{
	char *new = xasprintf("%s.new", s->path), *said = NULL, digits[16];
	leveldb_options_t *o = options();
	leveldb_t *db = NULL;
	int rc = -1, n = snprintf(digits, sizeof digits, "%" PRIu32, s->version);

	leveldb_destroy_db(o, new, &said);
	if (said == NULL) {
		leveldb_options_set_create_if_missing(o, 1);
		db = leveldb_open(o, new, &said);
	}
	if (said != NULL) {
		explain(s, said, e);
	} else {
		leveldb_writebatch_put(s->batch, version_key, sizeof version_key, digits, (size_t)n);
		rc = write_batch(s, db, e);
		leveldb_close(db);
	}
	if (rc == 0 && rename(new, s->path) != 0)
		rc = error_errno(e, "can't rename %s to %s", new, s->path);
	leveldb_options_destroy(o);
	free(new);
	return rc == 0 && !s->unsynced ? sync_parent(s->path, e) : rc;
}

static int check_version(const struct state *s, struct error *e)
{
	char *said = NULL, *value, digits[16] = "";
	size_t n;

	value = leveldb_get(s->db, s->reading, version_key, sizeof version_key, &n, &said);
	if (said != NULL)
		return explain(s, said, e);
	if (value == NULL)
		return damaged(s, "it has no version", e);
	memcpy(digits, value, n < sizeof digits ? n : sizeof digits - 1);
	leveldb_free(value);
	if (strtoul(digits, NULL, 10) == s->version)
		return 0;
	return error_set(e, "the state %s is of version %s, and this plugin keeps version %" PRIu32
	    ": use the plugin that it was made by, or remove it to begin without what it held",
	    s->path, digits, s->version);
}

static int open_database(struct state *s, struct error *e)
{
	leveldb_options_t *o = options();
	char *said = fault("state.open");

	if (said == NULL)
		s->db = leveldb_open(o, s->path, &said);
	leveldb_options_destroy(o);
	return said == NULL ? 0 : explain(s, said, e);
}

static int open_existing(struct state *s, struct error *e)
{
	if (check_files(s, e) != 0 || open_database(s, e) != 0)
		return -1;
	return check_version(s, e);
}

struct state *state_open(const char *path, uint32_t version, struct error *e)
{
	struct state *s = xcalloc(1, sizeof *s);
	struct stat st;
	int rc;

	s->path = xstrdup(path);
	s->version = version;
	s->reading = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(s->reading, 1);
	s->batch = leveldb_writebatch_create();
	if (stat(path, &st) == 0)
		rc = open_existing(s, e);
	else if (errno == ENOENT)
		rc = make_parents(path, e);
	else
		rc = error_errno(e, "can't read the state %s", path);
	if (rc == 0)
		return s;
	state_close(s);
	return NULL;
}

void state_goes_with_run(struct state *s)
{
	s->unsynced = true;
}

static void drop_iterator(struct state *s)
{
	if (s->iterator != NULL)
		leveldb_iter_destroy(s->iterator);
	s->iterator = NULL;
}

void state_close(struct state *s)
{
	if (s == NULL)
		return;
	drop_iterator(s);
	if (s->db != NULL)
		leveldb_close(s->db);
	leveldb_readoptions_destroy(s->reading);
	leveldb_writebatch_destroy(s->batch);
	overlay_free(&s->overlay);
	buf_free(&s->key);
	buf_free(&s->at);
	buf_free(&s->value);
	free(s->path);
	free(s);
}

/* ---- one key ---- */

/* set_key makes B a user's key as it stands in the database. */
static void set_key(struct buf *b, const void *key, size_t n)
{
	b->n = 0;
	buf_add(b, &(char){ USER }, 1);
	buf_add(b, key, n);
}

/* load makes an entry of what the database has for KEY. */
static struct overlay_entry *load(struct state *s, const void *key, size_t n, struct error *e)
{
	char *value = NULL, *said = NULL;
	struct overlay_entry *x;
	size_t n_value = 0;

	if (s->db != NULL) {
		set_key(&s->key, key, n);
		value = leveldb_get(s->db, s->reading, s->key.data, s->key.n, &n_value, &said);
	}
	if (said != NULL) {
		explain(s, said, e);
		return NULL;
	}
	overlay_trim(&s->overlay, OVERLAY_MOST);
	x = overlay_add(&s->overlay, key, n, value, n_value);
	leveldb_free(value);
	return x;
}

int state_get(struct state *s, const void *key, size_t n, gale_slice *value, struct error *e)
{
	struct overlay_entry *x = overlay_find(&s->overlay, key, n);

	*value = (gale_slice){ NULL, 0 };
	if (x == NULL && (x = load(s, key, n, e)) == NULL)
		return -1;
	if (x->there)
		*value = (gale_slice){ overlay_value(x), x->n };
	return x->there;
}

/* known gives the entry of KEY without asking the database: it is about to be overwritten. */
static struct overlay_entry *known(struct state *s, const void *key, size_t n)
{
	struct overlay_entry *x = overlay_find(&s->overlay, key, n);

	if (x != NULL)
		return x;
	overlay_trim(&s->overlay, OVERLAY_MOST);
	return overlay_add(&s->overlay, key, n, NULL, 0);
}

void state_put(struct state *s, const void *key, size_t n, const void *value, size_t n_value)
{
	struct overlay_entry *x = known(s, key, n);

	overlay_erase(&s->overlay, x);
	x = overlay_write(&s->overlay, x, n_value);
	if (n_value > 0)
		memcpy(overlay_value(x), value, n_value);
}

void state_delete(struct state *s, const void *key, size_t n)
{
	overlay_erase(&s->overlay, known(s, key, n));
}

int state_merge(struct state *s, const void *key, size_t n, size_t n_value, void **value, struct error *e)
{
	struct overlay_entry *x = overlay_find(&s->overlay, key, n);

	if (x == NULL && (x = load(s, key, n, e)) == NULL)
		return -1;
	*value = overlay_value(overlay_write(&s->overlay, x, n_value));
	return 0;
}

int state_add(struct state *s, const void *key, size_t n, int64_t by, int64_t *sum, struct error *e)
{
	struct overlay_entry *x = overlay_find(&s->overlay, key, n);
	int64_t *value;

	if (x == NULL && (x = load(s, key, n, e)) == NULL)
		return -1;
	if (x->there && x->n != sizeof *value)
		return 0;
	x = overlay_write(&s->overlay, x, sizeof *value);
	value = (int64_t *)(void *)overlay_value(x);
	*value = (int64_t)((uint64_t)*value + (uint64_t)by);
	if (sum != NULL)
		*sum = *value;
	return 1;
}

/* ---- scans ---- */

static int compare_slices(gale_slice a, gale_slice b)
{
	return overlay_compare(a.bytes, a.n, b.bytes, b.n);
}

/* database_key gives the key the iterator is at, as a user knows it; none: bytes is NULL. */
static gale_slice database_key(const struct state *s)
{
	gale_slice key = { NULL, 0 };
	size_t n;
	const char *at;

	if (s->iterator == NULL || !leveldb_iter_valid(s->iterator))
		return key;
	at = leveldb_iter_key(s->iterator, &n);
	if (n > 0 && at[0] == USER)
		key = (gale_slice){ at + 1, n - 1 };
	return key;
}

static gale_slice last_key(const struct state *s)
{
	return (gale_slice){ s->at.data + 1, s->at.n - 1 };
}

/* seek makes the iterator, at the first key above the last one given. */
static void seek(struct state *s)
{
	gale_slice found;

	if (s->db == NULL || s->iterator != NULL)
		return;
	s->iterator = leveldb_create_iterator(s->db, s->reading);
	leveldb_iter_seek(s->iterator, s->at.data, s->at.n);
	found = database_key(s);
	if (s->begun && found.bytes != NULL && compare_slices(found, last_key(s)) == 0)
		leveldb_iter_next(s->iterator);
}

static int iterator_failed(const struct state *s, struct error *e)
{
	char *said = NULL;

	if (s->iterator != NULL)
		leveldb_iter_get_error(s->iterator, &said);
	return said == NULL ? 0 : explain(s, said, e);
}

static bool begins_with(gale_slice key, gale_slice prefix)
{
	return key.n >= prefix.n && (prefix.n == 0 || memcmp(key.bytes, prefix.bytes, prefix.n) == 0);
}

bool state_scan_is_current(const struct state *s, const gale_scan *scan)
{
	return scan->number == 0 || scan->number == s->n_scans;
}

static void begin_scan(struct state *s, gale_scan *scan)
{
	bool after = scan->key.bytes != NULL && compare_slices(scan->key, scan->prefix) >= 0;
	gale_slice from = after ? scan->key : scan->prefix;

	drop_iterator(s);
	set_key(&s->at, from.bytes, from.n);
	s->begun = after;
	scan->number = ++s->n_scans;
}

/* go_on makes KEY the last key, and the iterator stand above it. */
static void go_on(struct state *s, gale_slice key, bool in_database)
{
	set_key(&s->at, key.bytes, key.n);
	s->begun = true;
	if (in_database)
		leveldb_iter_next(s->iterator);
}

int state_next(struct state *s, gale_scan *scan, struct error *e)
{
	if (scan->number == 0)
		begin_scan(s, scan);
	seek(s);
	for (;;) {
		gale_slice stored = database_key(s), last = last_key(s);
		struct overlay_entry *x = overlay_after(&s->overlay, last.bytes, last.n, !s->begun);
		gale_slice changed = { x != NULL ? x->bytes : NULL, x != NULL ? x->n_key : 0 };
		int order;

		if (iterator_failed(s, e) != 0)
			return -1;
		if (stored.bytes != NULL && !begins_with(stored, scan->prefix))
			stored.bytes = NULL;
		if (x != NULL && !begins_with(changed, scan->prefix))
			changed.bytes = NULL;
		if (stored.bytes == NULL && changed.bytes == NULL) {
			drop_iterator(s);
			return 0;
		}
		order = stored.bytes == NULL ? 1 : changed.bytes == NULL ? -1 :
		    compare_slices(stored, changed);
		s->value.n = 0;
		if (order < 0) {
			const char *value = leveldb_iter_value(s->iterator, &scan->value.n);

			buf_add(&s->value, value, scan->value.n);
		} else if (x->there) {
			buf_add(&s->value, overlay_value(x), x->n);
		}
		go_on(s, order < 0 ? stored : changed, order <= 0);
		if (order >= 0 && !x->there)
			continue;
		scan->key = last_key(s);
		scan->value = (gale_slice){ s->value.data, s->value.n };
		return 1;
	}
}

/* ---- commit ---- */

bool state_dirty(const struct state *s)
{
	return s->overlay.n_dirty > 0;
}

bool state_full(const struct state *s)
{
	return s->overlay.dirty_bytes > DIRTY_MOST;
}

static void fill_batch(struct state *s)
{
	for (size_t i = 0; i < s->overlay.n_dirty; i++) {
		struct overlay_entry *x = s->overlay.entries[s->overlay.dirty[i]];

		set_key(&s->key, x->bytes, x->n_key);
		if (x->there)
			leveldb_writebatch_put(s->batch, s->key.data, s->key.n, overlay_value(x), x->n);
		else
			leveldb_writebatch_delete(s->batch, s->key.data, s->key.n);
	}
}

int state_commit(struct state *s, struct error *e)
{
	assert(!s->failed);
	if (!state_dirty(s))
		return 0;
	s->failed = true;
	if (s->db == NULL && (create(s, e) != 0 || open_database(s, e) != 0))
		return -1;
	fill_batch(s);
	if (write_batch(s, s->db, e) != 0)
		return -1;
	s->failed = false;
	drop_iterator(s);	/* it shows the database as it was */
	overlay_clean(&s->overlay);
	return 0;
}
