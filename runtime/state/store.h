/* store.h - a state directory, to be read: its tasks and what they keep.
 *
 * LevelDB writes when it opens a database: what its log holds becomes a table, files that are
 * not needed any more go. So what is opened is a copy in a run directory of our own, which the
 * next gale command removes if we can't. It has the tables as symbolic links, for they never
 * change, and the rest, a few MiB, copied. In the directory itself nothing is changed, and it
 * may be on a file system that can't be written.
 *
 * Of a run that goes on, a snapshot is taken first (snapshot.h), with its leave: so what one sees
 * is one moment.
 *
 * In the copy a round that the record does not have is undone: what one sees is decided (rule
 * X13).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STORE_H
#define GALE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "rundir.h"
#include "state.h"
#include "statedir.h"

/* One database. The coordinator's is among them, as task 0 of COORDINATOR_ID. */
struct store_task {
	char *component;
	uint32_t index;		/* within the component */
	char *path;		/* where it belongs */
	char *files;		/* where what is read is */
	uint64_t bytes;		/* on disk */
};

struct store {
	struct statedir dir;
	struct rundir scratch;
	unsigned n_copies;		/* made in it so far */
	char *databases;		/* the directory they are in */
	struct buf topology;		/* the text of fit.h, with a NUL */
	struct store_task *tasks;	/* n_tasks, by component and index */
	size_t n_tasks;
	bool transactional;
	uint64_t txid;			/* of the record; 0: there is none yet */
	bool final;
	struct buf record;		/* the rest of it (offsets.h) */
};

/* store_open opens DIR, or copies of what the run has that uses it (snapshot.h); one that starts or
 * ends is waited for, 5 s at most. See statedir_look; a record that is damaged is a conflict. Close
 * with store_close in any case. */
enum statedir_result store_open(struct store *st, const char *dir, struct error *e);
void store_close(struct store *st);

/* store_is_coordinator: T is the coordinator's, which is in no batches. */
bool store_is_coordinator(const struct store *st, const struct store_task *t);

/* store_state opens the copy of one, as it is decided; the caller closes it. *PREPARED, unless
 * it is NULL, is the batch that it was at before. NULL with E set. */
struct state *store_state(struct store *st, const struct store_task *t, uint64_t *prepared,
    struct error *e);

#endif
