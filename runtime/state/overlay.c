/* overlay.c - see overlay.h. SPDX-License-Identifier: Apache-2.0 */
#include "overlay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "memory.h"

enum {
	FIRST_SLOTS = 256,
	BESIDE = 40	/* bytes that an entry takes in tables and from malloc, about */
};

static size_t padded(size_t n_key)
{
	return (n_key + 7) & ~(size_t)7;
}

static size_t cost(const struct overlay_entry *x)
{
	return sizeof *x + padded(x->n_key) + x->room + BESIDE;
}

static uint32_t hash_of(const void *key, size_t n)
{
	return (uint32_t)XXH3_64bits(key, n);
}

static size_t version_cost(const struct overlay_version *v)
{
	return sizeof *v + v->n + BESIDE;
}

/* drop_versions frees the version at CHAIN and all older ones. */
static void drop_versions(struct overlay *o, struct overlay_version **chain)
{
	while (*chain != NULL) {
		struct overlay_version *v = *chain;

		*chain = v->older;
		o->bytes -= version_cost(v);
		o->dirty_bytes -= version_cost(v);
		free(v);
	}
}

void overlay_free(struct overlay *o)
{
	for (size_t i = 0; i < o->n_dirty; i++)
		drop_versions(o, &o->entries[o->dirty[i]]->older);
	for (uint32_t i = 0; i < o->n_places; i++)
		free(o->entries[i]);
	free(o->entries);
	free(o->free_places);
	free(o->slots);
	free(o->dirty);
	free(o->sorted);
	*o = (struct overlay){ 0 };
}

/* ---- the table ---- */

struct overlay_entry *overlay_find(struct overlay *o, const void *key, size_t n)
{
	uint32_t hash = hash_of(key, n);
	size_t mask = o->n_slots - 1;

	if (o->n_slots == 0)
		return NULL;
	for (size_t i = hash & mask; o->slots[i].entry != 0; i = (i + 1) & mask) {
		struct overlay_entry *x;

		if (o->slots[i].hash != hash)
			continue;
		x = o->entries[o->slots[i].entry - 1];
		if (x->n_key == n && memcmp(x->bytes, key, n) == 0) {
			x->used = true;
			return x;
		}
	}
	return NULL;
}

static void put_slot(struct overlay *o, uint32_t hash, uint32_t entry)
{
	size_t mask = o->n_slots - 1, i = hash & mask;

	while (o->slots[i].entry != 0)
		i = (i + 1) & mask;
	o->slots[i] = (struct overlay_slot){ hash, entry };
}

static void grow(struct overlay *o)
{
	struct overlay_slot *old = o->slots;
	size_t n_old = o->n_slots;

	o->n_slots = n_old == 0 ? FIRST_SLOTS : 2 * n_old;
	o->slots = xcalloc(o->n_slots, sizeof *o->slots);
	for (size_t i = 0; i < n_old; i++)
		if (old[i].entry != 0)
			put_slot(o, old[i].hash, old[i].entry);
	free(old);
}

/* clear_slot closes the gap that X leaves: what stands behind it moves up, unless it would
 * come to stand before its own place. */
static void clear_slot(struct overlay *o, const struct overlay_entry *x)
{
	size_t mask = o->n_slots - 1, gap = x->hash & mask;

	while (o->slots[gap].entry != x->place + 1)
		gap = (gap + 1) & mask;
	for (size_t i = (gap + 1) & mask; o->slots[i].entry != 0; i = (i + 1) & mask) {
		size_t home = o->slots[i].hash & mask;

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		o->slots[gap] = o->slots[i];
		gap = i;
	}
	o->slots[gap].entry = 0;
	o->n_taken--;
}

static uint32_t take_place(struct overlay *o)
{
	if (o->n_free > 0)
		return o->free_places[--o->n_free];
	o->entries = xgrow(o->entries, &o->entries_cap, (size_t)o->n_places + 1, sizeof *o->entries);
	return o->n_places++;
}

struct overlay_entry *overlay_add(struct overlay *o, const void *key, size_t n, const void *value,
    size_t n_value)
{
	size_t room = value != NULL ? padded(n_value) : 0;
	struct overlay_entry *x = xmalloc(sizeof *x + padded(n) + room);

	*x = (struct overlay_entry){ .hash = hash_of(key, n), .n_key = (uint32_t)n,
		.room = (uint32_t)room, .place = take_place(o), .there = value != NULL, .used = true };
	if (n > 0)
		memcpy(x->bytes, key, n);
	if (room > 0)
		memcpy(overlay_value(x), value, n_value);
	x->n = value != NULL ? (uint32_t)n_value : 0;
	if (o->n_taken >= o->n_slots / 4 * 3)
		grow(o);
	put_slot(o, x->hash, x->place + 1);
	o->n_taken++;
	o->entries[x->place] = x;
	o->bytes += cost(x);
	return x;
}

/* ---- what is dirty ---- */

static int compare_entries(const struct overlay_entry *a, const struct overlay_entry *b)
{
	return overlay_compare(a->bytes, a->n_key, b->bytes, b->n_key);
}

int overlay_compare(const void *a, size_t n_a, const void *b, size_t n_b)
{
	size_t n = n_a < n_b ? n_a : n_b;
	int order = n > 0 ? memcmp(a, b, n) : 0;

	return order != 0 ? order : (n_a > n_b) - (n_a < n_b);
}

/* below gives the number of sorted entries whose keys are below the N bytes at KEY, those
 * equal to it included with AND_EQUAL. */
static size_t below(const struct overlay *o, const void *key, size_t n, bool and_equal)
{
	size_t low = 0, high = o->n_dirty;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct overlay_entry *x = o->entries[o->sorted[middle]];
		int order = overlay_compare(x->bytes, x->n_key, key, n);

		if (order < 0 || (order == 0 && and_equal))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void become_dirty(struct overlay *o, struct overlay_entry *x)
{
	if (o->is_sorted) {
		size_t at = below(o, x->bytes, x->n_key, false);

		o->sorted = xgrow(o->sorted, &o->sorted_cap, o->n_dirty + 1, sizeof *o->sorted);
		memmove(o->sorted + at + 1, o->sorted + at, (o->n_dirty - at) * sizeof *o->sorted);
		o->sorted[at] = x->place;
	}
	o->dirty = xgrow(o->dirty, &o->dirty_cap, o->n_dirty + 1, sizeof *o->dirty);
	o->dirty[o->n_dirty++] = x->place;
	o->dirty_bytes += cost(x);
	x->dirty = true;
}

/* keep puts the value that X has now in front of its older ones. */
static void keep(struct overlay *o, struct overlay_entry *x)
{
	uint32_t n = x->there ? x->n : 0;
	struct overlay_version *v = xmalloc(sizeof *v + n);

	*v = (struct overlay_version){ .older = x->older, .txid = x->txid, .n = n, .there = x->there };
	if (n > 0)
		memcpy(v->bytes, overlay_value(x), n);
	x->older = v;
	o->bytes += version_cost(v);
	o->dirty_bytes += version_cost(v);
}

/* begin_change is called before the value of X changes. */
static void begin_change(struct overlay *o, struct overlay_entry *x)
{
	if (x->dirty && x->txid == o->txid)
		return;
	if (o->txid != 0)
		keep(o, x);
	if (!x->dirty)
		become_dirty(o, x);
	x->txid = o->txid;
}

/* widen makes room for N bytes of value, twice as many as before at least. */
static struct overlay_entry *widen(struct overlay *o, struct overlay_entry *x, size_t n)
{
	size_t room = padded(n), more;

	if (room < 2 * (size_t)x->room && 2 * (size_t)x->room <= UINT32_MAX / 4)
		room = 2 * (size_t)x->room;
	more = room - x->room;
	x = xrealloc(x, sizeof *x + padded(x->n_key) + room);
	x->room = (uint32_t)room;
	o->entries[x->place] = x;
	o->bytes += more;
	o->dirty_bytes += more;
	return x;
}

struct overlay_entry *overlay_write(struct overlay *o, struct overlay_entry *x, size_t n_value)
{
	begin_change(o, x);
	if (n_value > x->room)
		x = widen(o, x, n_value);
	if (!x->there)
		x->n = 0;
	if (n_value > x->n)
		memset(overlay_value(x) + x->n, 0, n_value - x->n);
	x->n = (uint32_t)n_value;
	x->there = true;
	return x;
}

void overlay_erase(struct overlay *o, struct overlay_entry *x)
{
	begin_change(o, x);
	x->there = false;
}

void overlay_clean(struct overlay *o)
{
	for (size_t i = 0; i < o->n_dirty; i++)
		o->entries[o->dirty[i]]->dirty = false;
	o->n_dirty = o->dirty_bytes = 0;
	o->is_sorted = false;
}

static gale_slice slice_of(const struct overlay_version *v)
{
	return v->there ? (gale_slice){ v->bytes, v->n } : (gale_slice){ NULL, 0 };
}

bool overlay_changed(const struct overlay *o, size_t i, uint64_t last, struct overlay_change *c)
{
	struct overlay_entry *x = o->entries[o->dirty[i]];
	const struct overlay_version *v = x->older;

	assert(v != NULL);
	c->key = (gale_slice){ x->bytes, x->n_key };
	c->after = x->there ? (gale_slice){ overlay_value(x), x->n } : (gale_slice){ NULL, 0 };
	if (x->txid > last) {
		while (v->older != NULL && v->txid > last)
			v = v->older;
		if (v->older == NULL)
			return false;
		c->after = slice_of(v);
	}
	while (v->older != NULL)
		v = v->older;
	c->before = slice_of(v);
	return true;
}

/* settle tells whether X is dirty still. */
static bool settle(struct overlay *o, struct overlay_entry *x, uint64_t last)
{
	struct overlay_version *v = x->older;

	assert(v != NULL);
	if (x->txid <= last) {
		drop_versions(o, &x->older);
		o->dirty_bytes -= cost(x);
		x->dirty = false;
		return false;
	}
	while (v->older != NULL && v->txid > last)
		v = v->older;
	drop_versions(o, &v->older);
	return true;
}

void overlay_settle(struct overlay *o, uint64_t last)
{
	size_t n = 0;

	for (size_t i = 0; i < o->n_dirty; i++)
		if (settle(o, o->entries[o->dirty[i]], last))
			o->dirty[n++] = o->dirty[i];
	o->n_dirty = n;
	o->is_sorted = false;
}

static int compare_places(const void *a, const void *b, void *entries)
{
	struct overlay_entry *const *all = entries;

	return compare_entries(all[*(const uint32_t *)a], all[*(const uint32_t *)b]);
}

struct overlay_entry *overlay_after(struct overlay *o, const void *key, size_t n, bool or_equal)
{
	size_t at;

	if (o->n_dirty == 0)
		return NULL;
	if (!o->is_sorted) {
		o->sorted = xgrow(o->sorted, &o->sorted_cap, o->n_dirty, sizeof *o->sorted);
		memcpy(o->sorted, o->dirty, o->n_dirty * sizeof *o->sorted);
		qsort_r(o->sorted, o->n_dirty, sizeof *o->sorted, compare_places, o->entries);
		o->is_sorted = true;
	}
	at = below(o, key, n, !or_equal);
	return at < o->n_dirty ? o->entries[o->sorted[at]] : NULL;
}

/* ---- what is put out ---- */

static void put_out(struct overlay *o, struct overlay_entry *x)
{
	clear_slot(o, x);
	o->bytes -= cost(x);
	o->entries[x->place] = NULL;
	o->free_places = xgrow(o->free_places, &o->free_cap, o->n_free + 1, sizeof *o->free_places);
	o->free_places[o->n_free++] = x->place;
	free(x);
}

void overlay_trim(struct overlay *o, size_t most)
{
	/* Twice round: what was used is spared the first time. */
	for (size_t left = 2 * (size_t)o->n_places; left > 0 && o->bytes - o->dirty_bytes > most; left--) {
		struct overlay_entry *x;

		if (o->hand >= o->n_places)
			o->hand = 0;
		x = o->entries[o->hand++];
		if (x == NULL || x->dirty)
			continue;
		if (x->used)
			x->used = false;
		else
			put_out(o, x);
	}
}
