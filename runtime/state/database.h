/* database.h - one LevelDB of a state directory: the only place that knows LevelDB.
 *
 * Keys of a plugin stand in it behind the byte DATABASE_USER, gale's own behind DATABASE_OWN;
 * `g version` is the plugin's state_version as decimal digits.
 *
 * What is damaged is refused and never repaired: LevelDB's repair reads without checksums and
 * may give wrong values for right ones. After a write that failed the handle must not be
 * written again, as later writes that are acknowledged may be lost (X12): the caller leaves
 * the process.
 *
 * A database is made by the first write, under another name, and renamed when it is complete:
 * what has the right name and is no sound database was damaged.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DATABASE_H
#define GALE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "error.h"

enum { DATABASE_USER = 'u', DATABASE_OWN = 'g' };	/* first byte of a key */

struct database;

/* database_library gives LevelDB's version: "leveldb 1.23"; free it. */
char *database_library(void);

/* database_open opens the one at PATH, or remembers that there is none; the directories above
 * are made (0700) and synced. NULL with E set: damaged, in use, of a version that is not
 * VERSION, not readable or writable. database_open_copy opens, of whatever version, a copy of
 * ORIGINAL, by whose path messages call it. */
struct database *database_open(const char *path, uint32_t version, struct error *e);
struct database *database_open_copy(const char *path, const char *original, struct error *e);

/* database_goes_with_run: writes are not synced; see state_goes_with_run. */
void database_goes_with_run(struct database *d);
void database_close(struct database *d);	/* NULL is allowed */

const char *database_path(const struct database *d);	/* the original's */
uint32_t database_version(const struct database *d);
bool database_exists(const struct database *d);

/* database_damaged sets E to words that name the state, say that WHAT is wrong with it, and
 * what to do. Returns -1. */
int database_damaged(const struct database *d, const char *what, struct error *e);

/* database_get: 1 and the value of KEY, which the caller frees; 0: there is none; -1 with E
 * set. */
int database_get(const struct database *d, gale_slice key, char **value, size_t *n, struct error *e);

/* A walk through all keys, in order, as they are when it begins. database_walk begins it, in
 * place of any other, at the first key that is not below FROM. database_key gives the key that
 * it is at, NULL behind the last one or without a walk; it and the value are good until the
 * next step. A walk that ends may have failed: -1 with E set. */
void database_walk(struct database *d, gale_slice from);
bool database_walks(const struct database *d);
gale_slice database_key(const struct database *d);
gale_slice database_value(const struct database *d);
void database_step(struct database *d);
int database_walk_failed(const struct database *d, struct error *e);
void database_end_walk(struct database *d);

/* database_put adds a change to what is to be written: a value, or, when its bytes are NULL,
 * that KEY has none. database_write writes all that was added, all or none, and syncs; walks
 * end. WRITTEN, or NULL, is the failpoint that is reached then. 0 or -1 with E set. */
void database_put(struct database *d, gale_slice key, gale_slice value);
int database_write(struct database *d, const char *written, struct error *e);

#endif
