/* state.h - what one task keeps: a LevelDB, and the writes since its last commit over it.
 *
 *     state_put, ... --> overlay (memory) --state_commit--> one WriteBatch, synced
 *     state_get      <-- overlay, else the database
 *
 * or, in batches (below),
 *
 *     state_put, ... --> overlay, a version for each open batch --state_prepare--> one
 *     WriteBatch, synced: the values and what takes them back --state_undo--> as it was
 *
 * Keys in the database (database.h says more):
 *
 *     u KEY         a key of the plugin
 *     g version     the plugin's state_version, as decimal digits
 *     g txid        u64 last batch prepared, u64 its generation; little-endian
 *     g undo        what the last round changed (undo.h)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STATE_H
#define GALE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "error.h"

struct state;

/* state_open opens the state at PATH, whose parent directories are made (0700) and synced,
 * for a plugin that knows VERSION. NULL with E set: damaged, in use, of another version, not
 * readable or writable. */
struct state *state_open(const char *path, uint32_t version, struct error *e);

/* state_open_copy opens, of whatever version, a copy at PATH of the state ORIGINAL, by whose
 * name messages call it. */
struct state *state_open_copy(const char *path, const char *original, struct error *e);

uint32_t state_version(const struct state *s);

/* state_goes_with_run: its directory is removed when the run ends, so it has to survive this
 * process and not the machine: commits are not synced. */
void state_goes_with_run(struct state *s);

/* state_close forgets what was not committed. NULL is allowed. */
void state_close(struct state *s);

/* state_get: 1, or 0 when there is no value, or -1 with E set when the database can't be
 * read. The others: 0 or -1; outside batches they don't read. What is given is good until the
 * next call. The N bytes of a key are at most GALE_MAX_VALUE, as are those of a value. */
int state_get(struct state *s, const void *key, size_t n, gale_slice *value, struct error *e);
int state_put(struct state *s, const void *key, size_t n, const void *value, size_t n_value, struct error *e);
int state_delete(struct state *s, const void *key, size_t n, struct error *e);

/* state_merge: see gale_state_merge. */
int state_merge(struct state *s, const void *key, size_t n, size_t n_value, void **value, struct error *e);

/* state_add: see gale_state_add; 1, or 0 when the value has another size, or -1 with E set. */
int state_add(struct state *s, const void *key, size_t n, int64_t by, int64_t *sum, struct error *e);

/* state_next takes SCAN one step on: 1, or 0 at its end, or -1 with E set. The scan must be
 * new or the current one. */
bool state_scan_is_current(const struct state *s, const gale_scan *scan);
int state_next(struct state *s, gale_scan *scan, struct error *e);

/* state_dirty: something is to be committed; state_full: so much that it should be now. */
bool state_dirty(const struct state *s);
bool state_full(const struct state *s);

/* state_commit writes all changes since the last commit, all or none, and syncs. 0 or -1 with
 * E set. */
int state_commit(struct state *s, struct error *e);

/* state_check reads everything, under its checksums, and counts the keys. 0, or -1 with E set
 * when something is damaged. */
int state_check(struct state *s, uint64_t *n_keys, struct error *e);

/* ---- in batches (rules X3, X5, X6, X12) ----
 *
 * A state is in batches from the first of these calls on; state_commit must not be called then.
 * Reads and scans show all that was written, of every open batch. The order of calls is
 *
 *     state_undo(L)   L from the coordinator's record: first of all, and after every reset
 *     state_begin_batch(t), writes; state_begin_batch(t+1), writes; ...
 *     state_prepare(t)   while t+1 may be open already
 *
 * Nothing may be written after state_undo, or after a state_prepare of the batch in hand,
 * before the next state_begin_batch. */

/* state_begin_batch: what is written from now on belongs to batch TXID, which is larger than
 * those before. Values are read before they are overwritten, for the undo. */
void state_begin_batch(struct state *s, uint64_t txid);

/* state_prepare writes a round, all or none, and syncs: the values as the batches up to LAST
 * have left them, and the undo: what those keys had before. What later batches wrote stays open.
 * The database keeps one undo: the round before must be decided. A round without changes is
 * written too. LAST is above state_txid. 0 or -1 with E set: the caller leaves the process.
 * Failpoints: state.write; state.prepared when it is written. */
int state_prepare(struct state *s, uint64_t last, uint64_t generation, struct error *e);

/* state_undo makes the state what it was after batch LAST: forgets what is not prepared and,
 * if the last round goes beyond LAST, takes it back, synced. It may be repeated. -1 with E set
 * when that can't be had, as the state is of another batch or is not there; E names both
 * batches and says what to do. -2 when it could not be written: the caller leaves the process.
 * Failpoint: state.undone. */
int state_undo(struct state *s, uint64_t last, struct error *e);

/* state_adopt makes a state that is not in batches what batch TXID has left: commits, and notes
 * the txid. 0 or -1 with E set. */
int state_adopt(struct state *s, uint64_t txid, struct error *e);

/* state_txid gives the last batch that is prepared, 0: none. state_bytes: what is in memory of
 * batches that are not, with what they overwrote. */
uint64_t state_txid(const struct state *s);
size_t state_bytes(const struct state *s);

#endif
