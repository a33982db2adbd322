/* fold.h - the records of one worker for one acker, merged before they leave (rule A2).
 *
 * One value per root: folding a root again XORs into it. Roots mostly come in sequence, as
 * their spout made them. The table is, as long as it can be,
 *
 *   a run       A root's place is its distance from the first. A few roots that are missing in
 *               between (a line without words reaches no further than the bolt that splits
 *               lines) don't break the run of a fold of acks: they stand there with the value 0,
 *               which says nothing and is not written. In a fold of inits 0 has a meaning, so
 *               there holes do break it.
 *   ascending   Most are missing (one of many tasks gets a word of each line now and then):
 *               a new root is the last one, an old one is searched by halves.
 *   scattered   An index knows where a root is.
 *
 * What has left makes a gap before the first entry, which later ones fill again when it is
 * as large as what stays: so a backlog leaves in time linear to its size, however small the
 * pieces. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FOLD_H
#define GALE_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "idmap.h"
#include "optimisations.h"

struct fold_entry {
	uint64_t root, value;
};

enum fold_order {
	FOLD_RUN, FOLD_ASCENDING, FOLD_SCATTERED,
	FOLD_FIRST = OPTIMISE_FOLD_ORDER || !OPTIMISE_MERGING ? FOLD_RUN : FOLD_SCATTERED	/* of a fold with nothing in it */
};

struct fold {
	struct fold_entry *entries;	/* in the order of their first folding */
	size_t n, cap;		/* counted from `entries` */
	struct fold_entry *block;	/* what they lie in; before `entries` is the gap */
	bool holes;		/* 0 says nothing: holes may be filled with it */
	enum fold_order order;
	size_t n_filled;	/* holes of the run */
	struct idmap index;	/* FOLD_SCATTERED: where in `block` a root is */
};

/* fold_init: HOLES is true for acks, false for inits. */
void fold_init(struct fold *f, bool holes);
void fold_free(struct fold *f);

/* fold_add_scattered is fold_xor where the short ways don't apply. */
void fold_add_scattered(struct fold *f, uint64_t root, uint64_t value);
void fold_append(struct fold *f, uint64_t root, uint64_t value);

/* fold_xor folds VALUE into ROOT's entry. */
static inline void fold_xor(struct fold *f, uint64_t root, uint64_t value)
{
	if (OPTIMISE_MERGING && f->order == FOLD_RUN && f->n > 0) {
		uint64_t i = root - f->entries[0].root;

		if (i < f->n) {
			f->entries[i].value ^= value;
			return;
		}
		if (i == f->n && f->n < f->cap) {
			f->entries[f->n++] = (struct fold_entry){ root, value };
			return;
		}
	}
	fold_add_scattered(f, root, value);
}

/* fold_move folds all of FROM, a fold of acks, into TO, another one; FROM is empty then. */
void fold_move(struct fold *from, struct fold *to);

/* fold_write appends the entries to OUT as records, runs where roots follow each other,
 * at most MOST_BYTES or one record, and forgets what was written. RUN and LIST are the
 * record types to use (record.h). */
void fold_write(struct fold *f, struct buf *out, size_t most_bytes, uint8_t run, uint8_t list);

#endif
