/* state.c - see state.h. SPDX-License-Identifier: Apache-2.0 */
#include "state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "database.h"
#include "memory.h"
#include "overlay.h"
#include "undo.h"
#include "wire.h"

enum {
	CLEAN_MOST = 12 << 20,	/* bytes in memory of what is not changed */
	DIRTY_MOST = 4 << 20,	/* of what is, before a commit is due */
	UNDO_MOST = 1 << 30,	/* LevelDB counts the bytes of a value in 32 bits */
	MARK_BYTES = 16
};

struct state {
	struct database *db;
	struct overlay overlay;
	struct buf key;			/* the key in hand, as it stands in the database */

	/* in batches */
	bool in_batches;
	struct undo_mark mark;		/* what is prepared */

	/* the scan */
	uint64_t n_scans;		/* number of the current one */
	struct buf at;			/* last key given, as it stands in the database */
	bool begun;			/* `at` was given; else the scan begins with it */
	struct buf value;
};

static const gale_slice mark_key = { "gtxid", 5 }, undo_key = { "gundo", 5 };

static int read_mark(struct state *s, struct error *e)
{
	char *value;
	size_t n;
	int found = database_get(s->db, mark_key, &value, &n, e), rc = found < 0 ? -1 : 0;

	if (found == 1 && n != MARK_BYTES)
		rc = database_damaged(s->db, "its txid can't be read", e);
	else if (found == 1)
		s->mark = (struct undo_mark){ wire_get64((uint8_t *)value), wire_get64((uint8_t *)value + 8) };
	free(value);
	return rc;
}

static struct state *open_as(const char *path, const char *name, uint32_t version, struct error *e)
{
	struct state *s = xcalloc(1, sizeof *s);

	s->db = database_open(path, name, version, e);
	if (s->db != NULL && read_mark(s, e) == 0)
		return s;
	state_close(s);
	return NULL;
}

struct state *state_open(const char *path, uint32_t version, struct error *e)
{
	return open_as(path, path, version, e);
}

struct state *state_open_copy(const char *path, const char *original, struct error *e)
{
	return open_as(path, original, 0, e);
}

uint32_t state_version(const struct state *s)
{
	return database_version(s->db);
}

void state_goes_with_run(struct state *s)
{
	database_goes_with_run(s->db);
}

void state_close(struct state *s)
{
	if (s == NULL)
		return;
	database_close(s->db);
	overlay_free(&s->overlay);
	buf_free(&s->key);
	buf_free(&s->at);
	buf_free(&s->value);
	free(s);
}

/* ---- one key ---- */

/* set_key makes B a user's key as it stands in the database, and gives it. */
static gale_slice set_key(struct buf *b, const void *key, size_t n)
{
	b->n = 0;
	buf_add(b, &(char){ DATABASE_USER }, 1);
	buf_add(b, key, n);
	return (gale_slice){ b->data, b->n };
}

/* load makes an entry of what the database has for KEY. */
static struct overlay_entry *load(struct state *s, const void *key, size_t n, struct error *e)
{
	struct overlay_entry *x = NULL;
	char *value;
	size_t n_value;

	if (database_get(s->db, set_key(&s->key, key, n), &value, &n_value, e) >= 0) {
		overlay_trim(&s->overlay, CLEAN_MOST);
		x = overlay_add(&s->overlay, key, n, value, n_value);
	}
	free(value);
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

/* known gives the entry of KEY, which is about to be overwritten: without asking the database,
 * unless the undo will need what it has. NULL with E set. */
static struct overlay_entry *known(struct state *s, const void *key, size_t n, struct error *e)
{
	struct overlay_entry *x = overlay_find(&s->overlay, key, n);

	if (x != NULL)
		return x;
	if (s->in_batches)
		return load(s, key, n, e);
	overlay_trim(&s->overlay, CLEAN_MOST);
	return overlay_add(&s->overlay, key, n, NULL, 0);
}

int state_put(struct state *s, const void *key, size_t n, const void *value, size_t n_value, struct error *e)
{
	struct overlay_entry *x = known(s, key, n, e);

	if (x == NULL)
		return -1;
	overlay_erase(&s->overlay, x);
	x = overlay_write(&s->overlay, x, n_value);
	if (n_value > 0)
		memcpy(overlay_value(x), value, n_value);
	return 0;
}

int state_delete(struct state *s, const void *key, size_t n, struct error *e)
{
	struct overlay_entry *x = known(s, key, n, e);

	if (x == NULL)
		return -1;
	overlay_erase(&s->overlay, x);
	return 0;
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

/* stored_key gives the key the walk is at, as a user knows it; none: bytes is NULL. */
static gale_slice stored_key(const struct state *s)
{
	gale_slice key = database_key(s->db);
	const char *bytes = key.bytes;

	if (key.n == 0 || bytes[0] != DATABASE_USER)
		return (gale_slice){ NULL, 0 };
	return (gale_slice){ bytes + 1, key.n - 1 };
}

static gale_slice last_key(const struct state *s)
{
	return (gale_slice){ s->at.data + 1, s->at.n - 1 };
}

/* seek begins the walk, at the first key above the last one given. */
static void seek(struct state *s)
{
	gale_slice found;

	if (database_walks(s->db))
		return;
	database_walk(s->db, (gale_slice){ s->at.data, s->at.n });
	found = stored_key(s);
	if (s->begun && found.bytes != NULL && compare_slices(found, last_key(s)) == 0)
		database_step(s->db);
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

	database_end_walk(s->db);
	set_key(&s->at, from.bytes, from.n);
	s->begun = after;
	scan->number = ++s->n_scans;
}

/* go_on makes KEY the last key, and the walk stand above it. */
static void go_on(struct state *s, gale_slice key, bool in_database)
{
	set_key(&s->at, key.bytes, key.n);
	s->begun = true;
	if (in_database)
		database_step(s->db);
}

int state_next(struct state *s, gale_scan *scan, struct error *e)
{
	if (scan->number == 0)
		begin_scan(s, scan);
	seek(s);
	for (;;) {
		gale_slice stored = stored_key(s), last = last_key(s);
		struct overlay_entry *x = overlay_after(&s->overlay, last.bytes, last.n, !s->begun);
		gale_slice changed = { x != NULL ? x->bytes : NULL, x != NULL ? x->n_key : 0 };
		int order;

		if (database_walk_failed(s->db, e) != 0)
			return -1;
		if (stored.bytes != NULL && !begins_with(stored, scan->prefix))
			stored.bytes = NULL;
		if (x != NULL && !begins_with(changed, scan->prefix))
			changed.bytes = NULL;
		if (stored.bytes == NULL && changed.bytes == NULL) {
			database_end_walk(s->db);
			return 0;
		}
		order = stored.bytes == NULL ? 1 : changed.bytes == NULL ? -1 :
		    compare_slices(stored, changed);
		s->value.n = 0;
		if (order < 0) {
			gale_slice value = database_value(s->db);

			buf_add(&s->value, value.bytes, value.n);
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

static void add_changes(struct state *s)
{
	for (size_t i = 0; i < s->overlay.n_dirty; i++) {
		struct overlay_entry *x = s->overlay.entries[s->overlay.dirty[i]];
		const char *value = x->there ? overlay_value(x) : NULL;

		database_put(s->db, set_key(&s->key, x->bytes, x->n_key), (gale_slice){ value, x->n });
	}
}

int state_commit(struct state *s, struct error *e)
{
	assert(!s->in_batches);
	if (!state_dirty(s))
		return 0;
	add_changes(s);
	if (database_write(s->db, NULL, e) != 0)
		return -1;
	overlay_clean(&s->overlay);
	return 0;
}

/* check_undo: a database has one from its first round on. */
static int check_undo(const struct state *s, struct error *e)
{
	struct undo_mark base;
	struct undo undo;
	char *bytes;
	size_t n;
	int found = database_get(s->db, undo_key, &bytes, &n, e), rc = found < 0 ? -1 : 0;

	if (found == 1 && !undo_open(&undo, (gale_slice){ bytes, n }, &base))
		rc = database_damaged(s->db, "its undo can't be read", e);
	free(bytes);
	return rc;
}

int state_check(struct state *s, uint64_t *n_keys, struct error *e)
{
	gale_slice key;

	*n_keys = 0;
	for (database_walk(s->db, (gale_slice){ "", 0 }); (key = database_key(s->db)).bytes != NULL; database_step(s->db))
		*n_keys += *(const char *)key.bytes == DATABASE_USER;
	if (database_walk_failed(s->db, e) != 0)
		return -1;
	database_end_walk(s->db);
	return check_undo(s, e);
}

/* ---- in batches ---- */

void state_begin_batch(struct state *s, uint64_t txid)
{
	assert(txid > s->overlay.txid && txid > s->mark.txid);
	assert(s->overlay.txid != 0 || !state_dirty(s));	/* that would be of no batch */
	s->in_batches = true;
	s->overlay.txid = txid;
}

uint64_t state_txid(const struct state *s)
{
	return s->mark.txid;
}

size_t state_bytes(const struct state *s)
{
	return s->overlay.dirty_bytes;
}

static void put_mark(struct state *s, struct undo_mark mark)
{
	uint8_t bytes[MARK_BYTES];

	wire_put64(wire_put64(bytes, mark.txid), mark.generation);
	database_put(s->db, mark_key, (gale_slice){ bytes, sizeof bytes });
}

int state_adopt(struct state *s, uint64_t txid, struct error *e)
{
	assert(!s->in_batches);
	s->mark = (struct undo_mark){ txid, 0 };
	put_mark(s, s->mark);
	add_changes(s);
	if (database_write(s->db, NULL, e) != 0)
		return -1;
	overlay_clean(&s->overlay);
	return 0;
}

/* put_round adds what the batches up to LAST have left, and its undo. */
static int put_round(struct state *s, uint64_t last, struct error *e)
{
	struct buf undo = { 0 };
	struct overlay_change c;
	bool fits;

	undo_begin(&undo, s->mark);
	for (size_t i = 0; i < s->overlay.n_dirty && undo.n <= UNDO_MOST; i++)
		if (overlay_changed(&s->overlay, i, last, &c)) {
			database_put(s->db, set_key(&s->key, c.key.bytes, c.key.n), c.after);
			undo_add(&undo, c.key, c.before);
		}
	undo_end(&undo);
	database_put(s->db, undo_key, (gale_slice){ undo.data, undo.n });
	fits = undo.n <= UNDO_MOST;
	buf_free(&undo);
	if (fits)
		return 0;
	return error_set(e, "batches %" PRIu64 " to %" PRIu64 " change more than %d MiB of the state %s, "
	    "which is more than can be undone: make them smaller (topology.transaction.batch.tuples)",
	    s->mark.txid + 1, last, UNDO_MOST >> 20, database_name(s->db));
}

int state_prepare(struct state *s, uint64_t last, uint64_t generation, struct error *e)
{
	struct undo_mark mark = { last, generation };

	assert(last > s->mark.txid);
	assert(s->overlay.txid != 0 || !state_dirty(s));
	s->in_batches = true;
	if (put_round(s, last, e) != 0)
		return -1;
	put_mark(s, mark);
	if (database_write(s->db, "state.prepared", e) != 0)
		return -1;
	overlay_settle(&s->overlay, last);
	if (s->overlay.txid <= last)
		s->overlay.txid = 0;
	s->mark = mark;
	return 0;
}

#define AS_A_WHOLE "restore the whole state directory from one copy, or remove all of it to begin anew"

/* not_of_batch refuses a state that can't be made what it was after batch LAST. */
static int not_of_batch(const struct state *s, uint64_t last, const char *what, struct error *e)
{
	return error_set(e, "the state %s %s: it is of batch %" PRIu64 ", and the run's record is of batch %"
	    PRIu64 "; " AS_A_WHOLE,
	    database_name(s->db), what, s->mark.txid, last);
}

/* take_back writes what UNDO says, when that leads to LAST. */
static int take_back(struct state *s, gale_slice bytes, uint64_t last, struct error *e)
{
	struct undo undo;
	struct undo_mark base;
	gale_slice key, before;

	if (!undo_open(&undo, bytes, &base))
		return database_damaged(s->db, "its undo can't be read", e);
	if (base.txid != last)
		return not_of_batch(s, last, "is more than one round of batches ahead", e);
	while (undo_next(&undo, &key, &before))
		database_put(s->db, set_key(&s->key, key.bytes, key.n), before);
	database_put(s->db, undo_key, (gale_slice){ NULL, 0 });
	put_mark(s, base);
	if (database_write(s->db, "state.undone", e) != 0)
		return -2;
	s->mark = base;
	return 0;
}

/* forget drops what is in memory: what is not prepared, and what an undo will change. */
static void forget(struct state *s)
{
	database_end_walk(s->db);
	overlay_free(&s->overlay);
	s->in_batches = true;
}

int state_undo(struct state *s, uint64_t last, struct error *e)
{
	char *undo;
	size_t n;
	int found, rc;

	forget(s);
	if (s->mark.txid == last)
		return 0;
	if (!database_exists(s->db))
		return error_set(e, "the state %s is missing, and the run's record is of batch %" PRIu64
		    "; " AS_A_WHOLE, database_name(s->db), last);
	if (s->mark.txid < last)
		return not_of_batch(s, last, "lacks batches", e);
	found = database_get(s->db, undo_key, &undo, &n, e);
	rc = found == 1 ? take_back(s, (gale_slice){ undo, n }, last, e) : found == 0 ?
	    not_of_batch(s, last, "is ahead and has no undo", e) : -1;
	free(undo);
	return rc;
}
