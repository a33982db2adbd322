/* sinkworld.h - a transactional topology of one sink, in which anything is killed at any time.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The sink lives in a child process, which plays the worker and the coordinator: random batches,
 * several open at a time; rounds of commit, record, publish; resets that undo. It is killed at
 * any point of that: between two callbacks, or before or after a system call in one. Then the
 * power may fail, too: of files only what was synced is left, of directories the names. What
 * survives, the record, the committed state, and what it should have put out, is in shared memory.
 *
 *     struct sinkworld *w = sinkworld_new(seed, "rolled");
 *     w->configure = ...
 *     w->view = ...
 *     sinkworld_run(w);
 *
 * After each callback that publishes, and after each death, `view` says what a reader sees, and
 * that must be what some number of decided batches put out; after publish, all of them.
 */
#ifndef GALE_TEST_SINKWORLD_H
#define GALE_TEST_SINKWORLD_H

#include "fakehost.h"

enum {
	SW_TEXT = 4 << 20,	/* bytes that all batches together put out */
	SW_STATE = 4 << 20,	/* bytes of a committed state */
	SW_BATCHES = 4096,
	SW_INODES = 8192
};

/* Text in shared memory. */
struct sw_text {
	size_t n;
	char bytes[SW_TEXT];
};

/* A committed state: what batch `txid` has left, as bytes. */
struct sw_state {
	uint64_t txid;
	size_t n;
	char bytes[SW_STATE];
};

struct sw_synced {
	ino_t inode;
	off_t bytes;
};

/* What outlives the worker, and the machine. */
struct sw_disk {
	uint64_t record;		/* the last decided batch */
	bool final;			/* it is the last one of all */
	uint64_t generation;
	struct sw_state states[2];	/* the committed one, and the one before its round */
	int newest;
	struct sw_text oracle;		/* what the decided batches put out */
	size_t ends[SW_BATCHES];	/* of each batch in it */
	struct sw_text seen;		/* for views that take things away */
	struct sw_synced synced[SW_INODES];
	size_t n_synced;
	uint64_t n_kills, n_resets, n_outages;
};

struct sinkworld {
	/* settings */
	const char *sink;
	void (*configure)(struct sinkworld *w, struct fake *f);
	/* view adds what a reader sees to T; it must be a prefix of the oracle. NULL: not looked at. */
	void (*view)(struct sinkworld *w, struct sw_text *t);
	bool at_once;		/* a reader sees nothing before all is decided, and then all */
	/* died is called after each death. */
	void (*died)(struct sinkworld *w);
	bool lasts;		/* the state does, and so the power may fail */
	bool no_kills;		/* only resets */
	bool no_outages;	/* only kills */
	bool slow;		/* writes are often not taken; a reader sees parts of batches */
	uint32_t n_batches;
	uint32_t n_rows;	/* of a batch, at most */
	uint32_t full;		/* one batch of so many has rows */

	char dir[64];		/* where the sink writes: dir/out */
	char path[80];
	char shadow[80];	/* names in dir as they were synced last */
	struct sw_disk *disk;
	uint64_t random;
	struct fake *sink_task;
};

/* sinkworld_new makes a world in a new directory; sinkworld_free removes it. */
struct sinkworld *sinkworld_new(uint64_t seed, const char *sink);
void sinkworld_free(struct sinkworld *w);

/* sinkworld_run runs lives until the last batch is published. */
void sinkworld_run(struct sinkworld *w);

/* For tests that make each call themselves: a task that is to be prepared, with the state S, or
 * an empty one; sinkworld_save copies its state. The tests may write state at any time. */
struct fake *sinkworld_task(struct sinkworld *w, const struct sw_state *s);
void sinkworld_save(struct sw_state *s, uint64_t txid);

/* sw_add adds bytes to a text; sw_add_file what is in a file. */
void sw_add(struct sw_text *t, const char *s, size_t n);
void sw_add_file(struct sw_text *t, const char *path);

/* sw_sync_names makes the names in w->path last, as fsync of the directory does. */
void sw_sync_names(struct sinkworld *w);

#endif
