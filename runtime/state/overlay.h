/* overlay.h - what of a task's state is in memory: everything that was written since the last
 * commit, and what was read or written lately.
 *
 * A table from key to value or to "not there". An entry that was changed is dirty until
 * overlay_clean, which is called when a commit is on disk; only clean ones are ever put out,
 * those that were not used since the last look first. The dirty ones can be walked in the
 * order of their keys. Pure.
 *
 * In batches a key has versions: the newest is the entry's own value; behind it, newest first,
 * stand those that it had after each earlier batch that is open, and last the committed one:
 *
 *     entry  n=7, txid 12  -->  n=5, txid 11  -->  n=2, committed
 *
 * So the first write of a batch to a key copies its value, and all others cost what they cost
 * without batches.
 *
 * Entries move when their values grow: a pointer to one is good until the next call that
 * changes the overlay.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OVERLAY_H
#define GALE_OVERLAY_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

/* What a key had before a batch changed it. */
struct overlay_version {
	struct overlay_version *older;	/* NULL: this is the committed one */
	uint64_t txid;
	uint32_t n;
	bool there;
	char bytes[];
};

struct overlay_entry {
	uint32_t hash;
	uint32_t n_key, n, room;	/* bytes: of the key, of the value, that it may have */
	uint32_t place;			/* in `entries` */
	bool there;			/* false: it is known that this key has no value */
	bool dirty;
	bool used;			/* since the last look */
	uint64_t txid;			/* the batch that made the value, while it is dirty */
	struct overlay_version *older;	/* what it was before; NULL: clean, or not in batches */
	alignas(8) char bytes[];	/* the key; see overlay_value */
};

struct overlay_slot {
	uint32_t hash;
	uint32_t entry;		/* its place plus 1; 0: free */
};

/* A zeroed struct is an empty one. */
struct overlay {
	struct overlay_entry **entries;	/* n_places; NULL: free */
	uint32_t n_places;
	size_t entries_cap;
	uint32_t *free_places;
	size_t n_free, free_cap;
	struct overlay_slot *slots;	/* open addressing; their number is a power of two */
	size_t n_slots, n_taken;
	size_t bytes, dirty_bytes;	/* the first has the second in it */
	uint64_t txid;			/* the batch in hand; 0: not in batches */
	uint32_t *dirty;		/* places */
	size_t n_dirty, dirty_cap;
	uint32_t *sorted;		/* the same by key, while is_sorted */
	size_t sorted_cap;
	bool is_sorted;
	uint32_t hand;			/* where the next look for what is not used begins */
};

void overlay_free(struct overlay *o);

/* overlay_find gives the entry of the N bytes at KEY, or NULL when nothing is known. */
struct overlay_entry *overlay_find(struct overlay *o, const void *key, size_t n);

/* overlay_add makes a clean entry for a key that has none: without a value, or, when VALUE is
 * not NULL, with the N_VALUE bytes there. */
struct overlay_entry *overlay_add(struct overlay *o, const void *key, size_t n, const void *value,
    size_t n_value);

static inline char *overlay_value(struct overlay_entry *x)
{
	return x->bytes + ((x->n_key + 7) & ~7u);
}

/* overlay_write makes X dirty and gives room for N_VALUE bytes in it, of which as many as
 * there were are the old value; the rest is zero. X may move: the entry is returned.
 * overlay_erase makes it dirty and "not there". */
struct overlay_entry *overlay_write(struct overlay *o, struct overlay_entry *x, size_t n_value);
void overlay_erase(struct overlay *o, struct overlay_entry *x);

/* overlay_clean: what was dirty is on disk now. */
void overlay_clean(struct overlay *o);

/* What the batches of a round did to one key. Bytes that are NULL: it is not there. Good until
 * the next call that changes the overlay. */
struct overlay_change {
	gale_slice key, before, after;
};

/* overlay_changed tells whether the I-th of the n_dirty entries was changed by batches up to
 * LAST, and how. overlay_settle: what these have left is committed now. */
bool overlay_changed(const struct overlay *o, size_t i, uint64_t last, struct overlay_change *c);
void overlay_settle(struct overlay *o, uint64_t last);

/* overlay_trim puts clean entries out until they use at most MOST bytes. */
void overlay_trim(struct overlay *o, size_t most);

/* overlay_after gives the dirty entry with the smallest key above the N bytes at KEY (at or
 * above with OR_EQUAL), or NULL. */
struct overlay_entry *overlay_after(struct overlay *o, const void *key, size_t n, bool or_equal);

/* overlay_compare orders keys as memcmp does, a shorter one before those it begins. */
int overlay_compare(const void *a, size_t n_a, const void *b, size_t n_b);

#endif
