/* disk.c - what is on disk: databases without LevelDB, files of sinks, the record.
 *
 * What was written survives the process, what was synced the machine. database.h is
 * implemented here as far as state.c uses it: one write is all or none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "txn.h"

struct world *disk_world;

/* ---- pairs, in the order of their keys ---- */

static int compare(const struct pair *p, const void *key, size_t n)
{
	size_t least = p->n_key < n ? p->n_key : n;
	int order = memcmp(p->key, key, least);

	return order != 0 ? order : (p->n_key > n) - (p->n_key < n);
}

/* place gives where KEY is, or would be. */
static size_t place(const struct pairs *p, const void *key, size_t n)
{
	size_t i = 0;

	while (i < p->n && compare(&p->items[i], key, n) < 0)
		i++;
	return i;
}

const struct pair *store_find(const struct pairs *p, const void *key, size_t n)
{
	size_t i = place(p, key, n);

	return i < p->n && compare(&p->items[i], key, n) == 0 ? &p->items[i] : NULL;
}

static void pairs_put(struct pairs *p, gale_slice key, gale_slice value)
{
	size_t i = place(p, key.bytes, key.n);
	bool there = i < p->n && compare(&p->items[i], key.bytes, key.n) == 0;

	if (!there && value.bytes == NULL)
		return;
	if (value.bytes == NULL) {
		buf_free(&p->items[i].value);
		memmove(&p->items[i], &p->items[i + 1], (--p->n - i) * sizeof *p->items);
		return;
	}
	if (!there) {
		p->items = xgrow(p->items, &p->cap, p->n + 1, sizeof *p->items);
		memmove(&p->items[i + 1], &p->items[i], (p->n++ - i) * sizeof *p->items);
		p->items[i] = (struct pair){ .n_key = (uint8_t)key.n };
		memcpy(p->items[i].key, key.bytes, key.n);
	}
	p->items[i].value.n = 0;
	buf_add(&p->items[i].value, value.bytes, value.n);
}

static void pairs_free(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++)
		buf_free(&p->items[i].value);
	free(p->items);
	*p = (struct pairs){ 0 };
}

static void pairs_copy(struct pairs *to, const struct pairs *from)
{
	pairs_free(to);
	for (size_t i = 0; i < from->n; i++)
		pairs_put(to, (gale_slice){ from->items[i].key, from->items[i].n_key },
		    (gale_slice){ from->items[i].value.data, from->items[i].value.n });
}

/* ---- databases ---- */

struct database {
	struct node *node;
	struct store *store;
	struct pairs batch;		/* to be written; a value of no bytes: none */
	size_t at;
	bool walks;
};

/* PATH is the number of the node and of its task. */
struct database *database_open(const char *path, uint32_t version, struct error *e)
{
	struct database *d = xcalloc(1, sizeof *d);
	unsigned node, task;

	(void)version;
	(void)e;
	if (sscanf(path, "%u %u", &node, &task) != 2)
		abort();
	d->node = &disk_world->nodes[node];
	d->store = &d->node->stores[task];
	return d;
}

/* Only `gale state` opens copies, and wants to know a version. */
struct database *database_open_copy(const char *path, const char *original, struct error *e)
{
	(void)original;
	return database_open(path, 0, e);
}

uint32_t database_version(const struct database *d)
{
	(void)d;
	return 0;
}

void database_goes_with_run(struct database *d)
{
	(void)d;
}

void database_close(struct database *d)
{
	if (d == NULL)
		return;
	pairs_free(&d->batch);
	free(d);
}

const char *database_path(const struct database *d)
{
	(void)d;
	return "simulated";
}

bool database_exists(const struct database *d)
{
	return d->store->exists;
}

int database_damaged(const struct database *d, const char *what, struct error *e)
{
	(void)d;
	return error_set(e, "damaged: %s", what);
}

int database_get(const struct database *d, gale_slice key, char **value, size_t *n, struct error *e)
{
	const struct pair *p = store_find(&d->store->now, key.bytes, key.n);

	(void)e;
	*value = NULL;
	*n = 0;
	if (p == NULL)
		return 0;
	*n = p->value.n;
	*value = xmalloc(*n + 1);
	memcpy(*value, p->value.data, *n);
	return 1;
}

void database_walk(struct database *d, gale_slice from)
{
	d->walks = true;
	d->at = place(&d->store->now, from.bytes, from.n);
}

bool database_walks(const struct database *d)
{
	return d->walks;
}

gale_slice database_key(const struct database *d)
{
	const struct pair *p = &d->store->now.items[d->at];

	return d->walks && d->at < d->store->now.n ? (gale_slice){ p->key, p->n_key } : (gale_slice){ NULL, 0 };
}

gale_slice database_value(const struct database *d)
{
	const struct buf *value = &d->store->now.items[d->at].value;

	return (gale_slice){ value->data, value->n };
}

void database_step(struct database *d)
{
	d->at++;
}

int database_walk_failed(const struct database *d, struct error *e)
{
	(void)d;
	(void)e;
	return 0;
}

void database_end_walk(struct database *d)
{
	d->walks = false;
}

void database_put(struct database *d, gale_slice key, gale_slice value)
{
	gale_slice none = { "", 0 };

	pairs_put(&d->batch, key, value.bytes != NULL ? value : none);
}

int database_write(struct database *d, const char *written, struct error *e)
{
	if (d->node->dying || fault_write(d->node, false))
		return error_set(e, "dies before %s", written);
	for (size_t i = 0; i < d->batch.n; i++) {
		const struct pair *p = &d->batch.items[i];

		pairs_put(&d->store->now, (gale_slice){ p->key, p->n_key },
		    (gale_slice){ p->value.n > 0 ? p->value.data : NULL, p->value.n });
	}
	d->store->exists = true;
	pairs_free(&d->batch);
	pairs_copy(&d->store->synced, &d->store->now);
	database_end_walk(d);
	return fault_write(d->node, true) ? error_set(e, "dies after %s", written) : 0;
}

/* ---- files of a sink ---- */

struct file *files_at(struct files *f, uint64_t txid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].txid == txid)
			return &f->items[i];
	f->items = xgrow(f->items, &f->cap, f->n + 1, sizeof *f->items);
	f->items[f->n] = (struct file){ .txid = txid };
	return &f->items[f->n++];
}

void file_add(struct file *f, struct line line)
{
	f->lines = xgrow(f->lines, &f->cap, f->n + 1, sizeof *f->lines);
	f->lines[f->n++] = line;
}

static void drop(struct files *f, size_t i)
{
	free(f->items[i].lines);
	f->items[i] = f->items[--f->n];
}

void files_drop_above(struct files *f, uint64_t txid, bool keep_published)
{
	for (size_t i = f->n; i-- > 0; )
		if (f->items[i].txid > txid && !(keep_published && f->items[i].published))
			drop(f, i);
}

void files_free(struct files *f)
{
	while (f->n > 0)
		drop(f, 0);
	free(f->items);
	*f = (struct files){ 0 };
}

/* ---- the record ---- */

static void offsets_copy(struct offsets *to, const struct offsets *from)
{
	offsets_free(to);
	offsets_merge(to, from);
}

static void drop_cuts(struct ledger *l, uint64_t from, uint64_t to)
{
	for (uint64_t t = from; t <= to; t++) {
		offsets_free(&l->cuts[t].ends);
		l->cuts[t].there = false;
	}
}

void disk_write_cut(struct world *w, uint64_t txid, const struct offsets *ends, bool final)
{
	w->ledger.cuts[txid].there = true;
	w->ledger.cuts[txid].final = final;
	offsets_copy(&w->ledger.cuts[txid].ends, ends);
}

void disk_write_record(struct world *w, uint64_t txid, const struct offsets *at, bool final)
{
	drop_cuts(&w->ledger, w->ledger.txid + 1, txid);
	w->ledger.txid = txid;
	w->ledger.final = final;
	offsets_copy(&w->ledger.at, at);
}

static void ledger_copy(struct ledger *to, const struct ledger *from)
{
	uint64_t most = to->txid > from->txid ? to->txid : from->txid;

	for (uint64_t t = 0; t < MOST_BATCHES && t <= most + COORDINATOR_PLACES; t++) {
		to->cuts[t].there = from->cuts[t].there;
		to->cuts[t].final = from->cuts[t].final;
		offsets_free(&to->cuts[t].ends);
		if (from->cuts[t].there)
			offsets_merge(&to->cuts[t].ends, &from->cuts[t].ends);
	}
	to->txid = from->txid;
	to->final = from->final;
	offsets_copy(&to->at, &from->at);
}

void disk_sync_ledger(struct world *w)
{
	ledger_copy(&w->ledger_synced, &w->ledger);
}

/* ---- power ---- */

void disk_power_loss(struct world *w)
{
	ledger_copy(&w->ledger, &w->ledger_synced);
	for (uint32_t i = 0; i < w->n_workers; i++) {
		struct node *n = &w->nodes[i];

		for (uint32_t t = 0; t < MOST_TASKS; t++)
			pairs_copy(&n->stores[t].now, &n->stores[t].synced);
		for (size_t k = n->files.n; k-- > 0; )
			if (!n->files.items[k].synced)
				drop(&n->files, k);
	}
}

static void ledger_free(struct ledger *l)
{
	drop_cuts(l, 0, MOST_BATCHES - 1);
	offsets_free(&l->at);
}

void disk_free(struct world *w)
{
	ledger_free(&w->ledger);
	ledger_free(&w->ledger_synced);
	for (uint32_t i = 0; i <= w->n_workers; i++) {
		struct node *n = &w->nodes[i];

		for (uint32_t t = 0; t < MOST_TASKS; t++) {
			pairs_free(&n->stores[t].now);
			pairs_free(&n->stores[t].synced);
		}
		files_free(&n->files);
	}
}
