/* database.c - see database.h. SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

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

#include "failpoint.h"
#include "memory.h"

enum {
	WRITE_BUFFER = 4 << 20,
	CACHE_BYTES = 8 << 20,		/* of blocks; all tasks of a process share it */
	OPEN_FILES = 64,
	BLOOM_BITS = 10
};
static const char version_key[] = { DATABASE_OWN, 'v', 'e', 'r', 's', 'i', 'o', 'n' };

struct database {
	char *path;
	char *name;			/* for people */
	uint32_t version;
	leveldb_t *db;			/* NULL: there is none yet */
	leveldb_readoptions_t *reading;
	leveldb_writebatch_t *batch;
	leveldb_iterator_t *iterator;	/* NULL: none */
	bool failed;			/* a write did; there must be no other */
	bool unsynced;			/* it has to survive this process, not the machine */
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
static int explain(const struct database *d, char *said, struct error *e)
{
	const char *means = "can't be used";

	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strstr(said, reasons[i].said) != NULL) {
			means = reasons[i].means;
			break;
		}
	error_set(e, "the state %s %s (%s)", d->name, means, said);
	leveldb_free(said);
	return -1;
}

int database_damaged(const struct database *d, const char *what, struct error *e)
{
	return error_set(e, "the state %s is damaged: %s; restore it from a copy, or remove it to begin "
	    "without what it held", d->name, what);
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
static int check_files(const struct database *d, struct error *e)
{
	bool current = false, log = false;
	struct dirent *entry;
	DIR *dir = opendir(d->path);

	if (dir == NULL)
		return error_errno(e, "can't read the state %s", d->name);
	while ((entry = readdir(dir)) != NULL) {
		size_t n = strlen(entry->d_name);

		current |= strcmp(entry->d_name, "CURRENT") == 0;
		log |= n > 4 && strcmp(entry->d_name + n - 4, ".log") == 0;
	}
	closedir(dir);
	if (!current)
		return database_damaged(d, "it has no file CURRENT", e);
	return log ? 0 : database_damaged(d, "its log is missing", e);
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

static int write_batch(const struct database *d, leveldb_t *db, leveldb_writebatch_t *batch,
    struct error *e)
{
	leveldb_writeoptions_t *how = leveldb_writeoptions_create();
	char *said = fault("state.write");

	leveldb_writeoptions_set_sync(how, !d->unsynced);
	if (said == NULL)
		leveldb_write(db, how, batch, &said);
	leveldb_writeoptions_destroy(how);
	leveldb_writebatch_clear(batch);
	return said == NULL ? 0 : explain(d, said, e);
}

/* create makes the database at PATH.new, with its version, and renames it. What another
 * process left there when it died has never had a value. */
static int create(const struct database *d, struct error *e)
{
	char *new = xasprintf("%s.new", d->path), *said = NULL, digits[16];
	leveldb_options_t *o = options();
	leveldb_writebatch_t *first = leveldb_writebatch_create();
	leveldb_t *db = NULL;
	int rc = -1, n = snprintf(digits, sizeof digits, "%" PRIu32, d->version);

	leveldb_destroy_db(o, new, &said);
	if (said == NULL) {
		leveldb_options_set_create_if_missing(o, 1);
		db = leveldb_open(o, new, &said);
	}
	if (said != NULL) {
		explain(d, said, e);
	} else {
		leveldb_writebatch_put(first, version_key, sizeof version_key, digits, (size_t)n);
		rc = write_batch(d, db, first, e);
		leveldb_close(db);
	}
	if (rc == 0 && rename(new, d->path) != 0)
		rc = error_errno(e, "can't rename %s to %s", new, d->path);
	leveldb_writebatch_destroy(first);
	leveldb_options_destroy(o);
	free(new);
	return rc == 0 && !d->unsynced ? sync_parent(d->path, e) : rc;
}

/* check_version: the digits that create wrote, and the same number. */
static int check_version(struct database *d, struct error *e)
{
	char *said = NULL, *value, digits[16] = "", *end;
	unsigned long version;
	size_t n;

	value = leveldb_get(d->db, d->reading, version_key, sizeof version_key, &n, &said);
	if (said != NULL)
		return explain(d, said, e);
	if (value == NULL)
		return database_damaged(d, "it has no version", e);
	memcpy(digits, value, n < sizeof digits ? n : sizeof digits - 1);
	leveldb_free(value);
	version = strtoul(digits, &end, 10);
	if (d->version == 0 && (*end != '\0' || version == 0 || version > UINT32_MAX))
		return database_damaged(d, "its version is no number", e);
	if (d->version == 0)
		d->version = (uint32_t)version;
	if (version == d->version)
		return 0;
	return error_set(e, "the state %s is of version %s, and this plugin keeps version %" PRIu32
	    ": use the plugin that it was made by, or remove it to begin without what it held",
	    d->name, digits, d->version);
}

static int open_database(struct database *d, struct error *e)
{
	leveldb_options_t *o = options();
	char *said = fault("state.open");

	if (said == NULL)
		d->db = leveldb_open(o, d->path, &said);
	leveldb_options_destroy(o);
	return said == NULL ? 0 : explain(d, said, e);
}

static int open_existing(struct database *d, struct error *e)
{
	if (check_files(d, e) != 0 || open_database(d, e) != 0)
		return -1;
	return check_version(d, e);
}

/* open_as opens the one at PATH, which messages call NAME; VERSION 0: any. */
static struct database *open_as(const char *path, const char *name, uint32_t version, struct error *e)
{
	struct database *d = xcalloc(1, sizeof *d);
	struct stat st;
	int rc;

	d->path = xstrdup(path);
	d->name = xstrdup(name);
	d->version = version;
	d->reading = leveldb_readoptions_create();
	leveldb_readoptions_set_verify_checksums(d->reading, 1);
	d->batch = leveldb_writebatch_create();
	if (stat(path, &st) == 0)
		rc = open_existing(d, e);
	else if (errno == ENOENT)
		rc = make_parents(path, e);
	else
		rc = error_errno(e, "can't read the state %s", name);
	if (rc == 0)
		return d;
	database_close(d);
	return NULL;
}

struct database *database_open(const char *path, uint32_t version, struct error *e)
{
	return open_as(path, path, version, e);
}

struct database *database_open_copy(const char *path, const char *original, struct error *e)
{
	return open_as(path, original, 0, e);
}

void database_goes_with_run(struct database *d)
{
	d->unsynced = true;
}

void database_close(struct database *d)
{
	if (d == NULL)
		return;
	database_end_walk(d);
	if (d->db != NULL)
		leveldb_close(d->db);
	leveldb_readoptions_destroy(d->reading);
	leveldb_writebatch_destroy(d->batch);
	free(d->path);
	free(d->name);
	free(d);
}

const char *database_path(const struct database *d)
{
	return d->name;
}

uint32_t database_version(const struct database *d)
{
	return d->version;
}

bool database_exists(const struct database *d)
{
	return d->db != NULL;
}

int database_get(const struct database *d, gale_slice key, char **value, size_t *n, struct error *e)
{
	char *said = NULL;

	*value = NULL;
	*n = 0;
	if (d->db != NULL)
		*value = leveldb_get(d->db, d->reading, key.bytes, key.n, n, &said);
	if (said != NULL)
		return explain(d, said, e);
	return *value != NULL;
}

/* ---- walks ---- */

void database_walk(struct database *d, gale_slice from)
{
	database_end_walk(d);
	if (d->db == NULL)
		return;
	d->iterator = leveldb_create_iterator(d->db, d->reading);
	leveldb_iter_seek(d->iterator, from.bytes, from.n);
}

bool database_walks(const struct database *d)
{
	return d->iterator != NULL;
}

gale_slice database_key(const struct database *d)
{
	gale_slice key = { NULL, 0 };

	if (d->iterator != NULL && leveldb_iter_valid(d->iterator))
		key.bytes = leveldb_iter_key(d->iterator, &key.n);
	return key;
}

gale_slice database_value(const struct database *d)
{
	gale_slice value;

	value.bytes = leveldb_iter_value(d->iterator, &value.n);
	return value;
}

void database_step(struct database *d)
{
	leveldb_iter_next(d->iterator);
}

int database_walk_failed(const struct database *d, struct error *e)
{
	char *said = NULL;

	if (d->iterator != NULL)
		leveldb_iter_get_error(d->iterator, &said);
	return said == NULL ? 0 : explain(d, said, e);
}

void database_end_walk(struct database *d)
{
	if (d->iterator != NULL)
		leveldb_iter_destroy(d->iterator);
	d->iterator = NULL;
}

/* ---- writing ---- */

void database_put(struct database *d, gale_slice key, gale_slice value)
{
	if (value.bytes != NULL)
		leveldb_writebatch_put(d->batch, key.bytes, key.n, value.bytes, value.n);
	else
		leveldb_writebatch_delete(d->batch, key.bytes, key.n);
}

int database_write(struct database *d, const char *written, struct error *e)
{
	char *said;

	assert(!d->failed);
	d->failed = true;
	if (d->db == NULL && (create(d, e) != 0 || open_database(d, e) != 0))
		return -1;
	if (write_batch(d, d->db, d->batch, e) != 0)
		return -1;
	if (written != NULL && (said = fault(written)) != NULL)
		return explain(d, said, e);
	database_end_walk(d);	/* it shows the database as it was */
	d->failed = false;
	return 0;
}

char *database_library(void)
{
	return xasprintf("leveldb %d.%d", leveldb_major_version(), leveldb_minor_version());
}
