/* fold.c - see fold.h. SPDX-License-Identifier: Apache-2.0 */
#include "fold.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum {
	RUN_MIN = 4,	/* shorter runs are smaller as part of a list */
	HOLE_MAX = 64,	/* consecutive roots that may be missing in a run, */
	HOLES_MORE = 16,	/* and how many more than are there */
	LIST_HEAD = 5	/* bytes of a list beside its entries; runs more than make up for theirs */
};

void fold_init(struct fold *f, bool holes)
{
	*f = (struct fold){ .holes = holes, .order = FOLD_FIRST };
	idmap_init(&f->index);
}

void fold_free(struct fold *f)
{
	free(f->block);
	idmap_free(&f->index);
}

static size_t gap(const struct fold *f)
{
	return (size_t)(f->entries - f->block);
}

/* close_gap lets the entries start where the block does. */
static void close_gap(struct fold *f)
{
	f->cap += gap(f);
	memmove(f->block, f->entries, f->n * sizeof *f->entries);
	f->entries = f->block;
	for (size_t i = 0; i < f->n && f->order == FOLD_SCATTERED; i++)
		idmap_set(&f->index, f->entries[i].root, (uint32_t)i);
}

static void make_room(struct fold *f)
{
	size_t before = gap(f), cap = before + f->cap;

	if (before > 0 && before >= f->n) {
		close_gap(f);
		return;
	}
	f->block = xgrow(f->block, &cap, before + f->n + 1, sizeof *f->block);
	f->entries = f->block + before;
	f->cap = cap - before;
}

void fold_append(struct fold *f, uint64_t root, uint64_t value)
{
	if (f->n == f->cap)
		make_room(f);
	f->entries[f->n++] = (struct fold_entry){ root, value };
}

/* scatter gives up the order: from now on the index tells where a root is. */
static void scatter(struct fold *f)
{
	f->order = FOLD_SCATTERED;
	for (size_t i = 0; i < f->n; i++)
		idmap_put(&f->index, f->entries[i].root, (uint32_t)(gap(f) + i));
}

/* search gives the entry of ROOT among those that ascend; NULL: it has none. */
static struct fold_entry *search(const struct fold *f, uint64_t root)
{
	size_t low = 0, high = f->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->entries[middle].root < root)
			low = middle + 1;
		else
			high = middle;
	}
	return low < f->n && f->entries[low].root == root ? &f->entries[low] : NULL;
}

/* add_to_run adds ROOT, which is not in the run; false: it would not be one any more. A run ends at
 * the last root there is: none of its holes may be root 0. */
static bool add_to_run(struct fold *f, uint64_t root, uint64_t value)
{
	uint64_t missing = f->n > 0 ? root - f->entries[0].root - f->n : 0;

	if (missing > 0 && (!f->holes || root < f->entries[0].root || missing >= HOLE_MAX ||
	    f->n_filled + missing > f->n - f->n_filled + HOLES_MORE))
		return false;
	f->n_filled += missing;
	while (missing-- > 0)
		fold_append(f, f->entries[0].root + f->n, 0);
	fold_append(f, root, value);
	return true;
}

/* add_ascending adds or folds ROOT; false: it is not the last, and new. */
static bool add_ascending(struct fold *f, uint64_t root, uint64_t value)
{
	struct fold_entry *there;

	if (root > f->entries[f->n - 1].root) {
		fold_append(f, root, value);
		return true;
	}
	there = search(f, root);
	if (there != NULL)
		there->value ^= value;
	return there != NULL;
}

void fold_add_scattered(struct fold *f, uint64_t root, uint64_t value)
{
	uint32_t i;

	if (!OPTIMISE_MERGING) {
		fold_append(f, root, value);
		return;
	}
	if (f->order == FOLD_RUN && add_to_run(f, root, value))
		return;
	if (f->order != FOLD_SCATTERED) {
		f->order = FOLD_ASCENDING;
		if (add_ascending(f, root, value))
			return;
		scatter(f);
	}
	i = idmap_get(&f->index, root);
	if (i != IDMAP_NONE) {
		f->block[i].value ^= value;
		return;
	}
	fold_append(f, root, value);
	idmap_put(&f->index, root, (uint32_t)(gap(f) + f->n - 1));
}

static bool is_hole(const struct fold *f, size_t i)
{
	return f->holes && f->entries[i].value == 0;
}

/* run_length gives how many entries from I on have consecutive roots and are no holes. */
static size_t run_length(const struct fold *f, size_t i, size_t most)
{
	size_t n = 0;

	while (n < most && f->entries[i + n].root == f->entries[i].root + n && !is_hole(f, i + n))
		n++;
	return n;
}

static void put_run(struct buf *out, uint8_t type, const struct fold_entry *e, size_t n)
{
	uint32_t count = (uint32_t)n;

	buf_add(out, &type, 1);
	buf_add(out, &e->root, 8);
	buf_add(out, &count, 4);
	out->data = xgrow(out->data, &out->cap, out->n + 8 * n, 1);
	for (size_t i = 0; i < n; i++)
		memcpy(out->data + out->n + 8 * i, &e[i].value, 8);
	out->n += 8 * n;
}

static void put_list(struct buf *out, uint8_t type, const struct fold_entry *e, size_t n)
{
	uint32_t count = (uint32_t)n;

	if (n == 0)
		return;
	buf_add(out, &type, 1);
	buf_add(out, &count, 4);
	buf_add(out, e, n * sizeof *e);
}

/* forget_all makes the fold as new, but for its room: whatever comes next begins a run. */
static void forget_all(struct fold *f)
{
	f->n = f->n_filled = 0;
	close_gap(f);
	if (f->order == FOLD_SCATTERED) {
		idmap_free(&f->index);
		idmap_init(&f->index);
	}
	f->order = FOLD_FIRST;
}

/* forget drops the first N entries. */
static void forget(struct fold *f, size_t n)
{
	if (n == f->n) {
		forget_all(f);
		return;
	}
	for (size_t i = 0; i < n && f->order == FOLD_SCATTERED; i++)
		idmap_remove(&f->index, f->entries[i].root);
	f->entries += n;
	f->n -= n;
	f->cap -= n;
	if (f->n_filled > f->n)
		f->n_filled = f->n;
}

void fold_move(struct fold *from, struct fold *to)
{
	struct fold empty = *to;

	if (to->n == 0) {
		*to = *from;
		*from = empty;
		return;
	}
	for (size_t i = 0; i < from->n; i++)
		if (!is_hole(from, i))
			fold_xor(to, from->entries[i].root, from->entries[i].value);
	forget(from, from->n);
}

void fold_write(struct fold *f, struct buf *out, size_t most_bytes, uint8_t run, uint8_t list)
{
	size_t most = 1, i = 0, listed = 0;

	if (f->n == 0)
		return;
	if (most_bytes >= LIST_HEAD + sizeof (struct fold_entry))
		most = (most_bytes - LIST_HEAD) / sizeof (struct fold_entry);
	if (most > f->n)
		most = f->n;
	while (i < most) {
		size_t n = run_length(f, i, most - i);

		if (n == 0) {
			put_list(out, list, f->entries + listed, i - listed);
			listed = i + 1;
			n = 1;
		} else if (OPTIMISE_RUNS && n >= RUN_MIN) {
			put_list(out, list, f->entries + listed, i - listed);
			put_run(out, run, f->entries + i, n);
			listed = i + n;
		}
		i += n;
	}
	put_list(out, list, f->entries + listed, i - listed);
	forget(f, most);
}
