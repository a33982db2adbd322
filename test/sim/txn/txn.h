/* txn.h - the simulated world of a transactional topology: its workers, its coordinator, the
 * supervisor's part in it, a network and disks that obey a seed.
 *
 *     main.c     the command: seeds, replay, determinism
 *     world.c    what a seed makes: settings, topology; one step after the other
 *     fault.c    what goes wrong, and when
 *     net.c      frames between processes, and the supervisor's words to them
 *     super.c    starts, fences, who is told of a loss; glue as in fence.c and worker.c
 *     chief.c    coordinator.c; glue as in the coordinator's process
 *     worker.c   what all workers do: start, hear, send
 *     spout.c    tasks that can be positioned: batches are filled, cut, cut again
 *     bolt.c     batches.c, state.c; a split, a count, a sum, a sink that publishes
 *     disk.c     database.h without LevelDB, files, the record: what is synced and what not
 *     oracle.c   what the record says that all must be
 *
 *     spouts --> [split] --> count --> sum --> sink       each one worker or more
 *            -------------------------->                  in some worlds
 *
 * count and sum have state; what count emits, and so what sum adds and the sink gets, depends on
 * it. Linked are the modules that are pure, as they are; state.c, too, on top of a database that
 * is simulated.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SIM_TXN_H
#define GALE_SIM_TXN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batches.h"
#include "buf.h"
#include "coordinator.h"
#include "order.h"
#include "state.h"

enum {
	MOST_WORKERS = 12,		/* the coordinator is one more */
	MOST_NODES = MOST_WORKERS + 1,
	MOST_TASKS = 2,			/* of a worker */
	MOST_SPOUT_TASKS = 3 * MOST_TASKS,
	MOST_ITEMS = 40,		/* of a spout task */
	MOST_BATCHES = 1024,		/* in a world's life */
	KEYS = 10
};

enum kind { KIND_SPOUT, KIND_SPLIT, KIND_COUNT, KIND_SUM, KIND_SINK, KIND_CHIEF, KINDS };

/* ---- data ---- */

enum tuple_type { TUPLE_ITEM, TUPLE_COUNTED, TUPLE_DIRECT, TUPLE_TOTAL };

struct tuple {
	uint8_t type, key;
	uint32_t value;
};

enum frame_kind { FRAME_DATA, FRAME_MARKER, FRAME_ORDER };

struct frame {
	struct frame *next;
	uint32_t from, start;
	enum frame_kind kind;
	uint64_t txid, generation;
	bool last;			/* a marker of the final batch */
	uint32_t n;
	struct tuple tuples[8];
	struct buf body;		/* of an order or a report */
};

/* A connection, from one start to another: data, or what the coordinator and workers say. */
struct pipe {
	struct pipe *next;		/* into the same node */
	uint32_t from, from_start, to_start;
	bool data;
	struct frame *first, **end;
};

/* What the supervisor says to a node, in order. */
struct note {
	struct note *next;
	bool lost;			/* else: switch */
	uint32_t worker, start;
};

/* ---- disks ---- */

struct pair {
	uint8_t n_key;
	uint8_t key[15];
	struct buf value;
};

struct pairs {
	struct pair *items;
	size_t n, cap;
};

/* What a database has: now, and after a power failure. */
struct store {
	bool exists;
	struct pairs now, synced;
};

struct line {
	uint8_t key;
	uint32_t value;
};

/* What a sink has prepared or published for one batch. */
struct file {
	uint64_t txid, generation;
	bool published, synced;
	struct line *lines;
	size_t n, cap;
};

struct files {
	struct file *items;
	size_t n, cap;
};

/* The coordinator's. */
struct ledger {
	uint64_t txid;
	bool final;
	struct offsets at;
	struct {
		bool there, final;
		struct offsets ends;
	} cuts[MOST_BATCHES];
};

/* ---- processes ---- */

/* see struct filled in transaction.h */
struct filled {
	bool planned, closed, last, mark, full_said;
	uint32_t tuples;
	struct offsets ends;
};

struct node {
	struct world *w;
	uint32_t number, index;		/* of all; of its kind */
	enum kind kind;
	uint32_t n_tasks;
	uint32_t first_task;		/* spouts: number in the topology */

	/* the disk, for ever */
	struct store stores[MOST_TASKS];
	struct files files;

	/* the process */
	bool up, dying, ended;
	uint32_t start;
	uint64_t slow_until, deaf_until;	/* steps: takes none; hears no note */
	uint32_t doom;			/* dies at so many writes from now; 0: not */
	bool doom_after;		/* ... when that one is done */
	uint32_t starts[MOST_NODES], sends_to[MOST_NODES];
	struct note *notes, **notes_end;
	struct pipe *in;

	/* a worker: batch.c */
	uint64_t generation;
	uint64_t touched;		/* the last batch that was reported to have something */
	uint64_t txid;			/* what is emitted now belongs to this batch */
	struct frame *open[MOST_NODES];	/* being filled */
	bool failed;			/* the batch in hand has: nothing goes on before the reset */
	bool fail_next;

	/* spouts: batch_spout.c */
	uint64_t next[MOST_TASKS], batch[MOST_TASKS];
	bool known[MOST_TASKS];		/* that is a position */
	uint64_t begun, cut, marked, dry;
	struct filled filled[BATCHES_PLACES];

	/* bolts: batch_bolt.c */
	struct batches batches;
	struct state *state[MOST_TASKS];
	uint64_t seen;			/* hash of what it has executed of the batch in hand */
	bool sums[KEYS];		/* keys of which there is something in it */
	struct files pending;		/* sinks: lines of batches that are not prepared */

	/* the coordinator */
	struct coordinator *chief;
};

struct fence {
	bool on, told;
	uint32_t waits;			/* a set of nodes */
};

/* ---- the world ---- */

struct settings {
	uint32_t counts[KINDS];		/* workers */
	uint32_t tasks[KINDS];		/* of each */
	uint32_t items;
	bool followed;			/* where a spout task begins is elsewhere whenever it is opened */
	uint32_t frame_tuples, batch_tuples;
	bool direct;			/* spouts also send to sum */
	bool cuts;			/* transactional, not opaque */
	uint32_t in_flight, interval_us, fault_steps;
	uint32_t hears, heeds;		/* of 1000 looks at orders, and at notes, how many find one */
	uint64_t held_most;
};

struct expected {
	uint64_t txid;
	uint64_t next[MOST_SPOUT_TASKS];
	uint32_t counts[KEYS], sums[KEYS];
	uint32_t lines[KEYS];		/* how many of a key */
	bool final;
};

struct tally {
	uint64_t resets, rounds, grouped, undone, published, recovered, aside, early, runs;
};

struct world {
	uint64_t seed, random, hash, steps, now_ns;
	bool tracing;
	struct settings set;
	uint32_t n_workers;		/* the coordinator's number, too */
	struct node nodes[MOST_NODES];
	struct fence fences[MOST_NODES];
	struct ledger ledger, ledger_synced;
	uint32_t faults_left;
	uint64_t quiet;			/* step of the last fault or record */
	bool stop, stop_finish;
	uint32_t run;

	struct expected expected;
	struct file lines[MOST_BATCHES];	/* that batch txid puts out */
	uint64_t closed[MOST_NODES][MOST_BATCHES];	/* hash of what was closed; 0: not yet */
	struct tally tally;
};

/* ---- world.c ---- */

uint64_t world_live(struct world *w, uint64_t seed, bool tracing);
uint64_t below(struct world *w, uint64_t n);
bool chance(struct world *w, uint32_t in_1000);
void trace(struct world *w, const char *what, uint32_t node, uint64_t a, uint64_t b);
_Noreturn void violated(const struct world *w, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
uint8_t item_key(const struct world *w, uint32_t task, uint64_t id);
struct node *node_of_key(struct world *w, enum kind kind, uint8_t key, uint32_t *task);

/* feeds tells whether workers of kind FROM send data to those of kind TO. */
bool feeds(const struct world *w, enum kind from, enum kind to);

/* ---- fault.c ---- */

void fault_step(struct world *w);
bool fault_write(struct node *n, bool after);	/* true: the process dies here */

/* ---- net.c ---- */

struct frame *frame_new(const struct node *from, enum frame_kind kind, uint64_t txid, uint64_t generation);
void frame_free(struct frame *f);
void net_send(struct node *from, uint32_t to, struct frame *f);
struct frame *net_take(struct node *n, bool data);
void net_died(struct node *n);
void net_clear(struct world *w);
void note_say(struct node *n, bool lost, uint32_t worker, uint32_t start);
bool note_hear(struct node *n, struct note *note);

/* ---- super.c ---- */

void super_begin(struct world *w);
void super_step(struct world *w);
void super_died(struct node *n);
void super_confirmed(struct node *n, uint32_t about, uint32_t start);

/* ---- chief.c ---- */

void chief_begin(struct node *n);
void chief_end(struct node *n);
void chief_step(struct node *n);

/* ---- worker.c ---- */

void node_begin(struct node *n, uint32_t start);
void node_die(struct node *n);
void node_step(struct node *n);
void node_report(struct node *n, struct order *x);
void node_say(struct node *n, enum order_kind kind, uint64_t txid, uint64_t number);
void node_emit(struct node *n, uint32_t to, struct tuple t);
void node_flush(struct node *n);
void node_mark(struct node *n, uint64_t txid, bool last);
bool node_takes(struct node *n, const struct frame *f);
bool node_feeds(const struct node *n, uint32_t to);

/* ---- the roles ---- */

void spout_reset(struct node *n, const struct order *x);
void spout_order(struct node *n, const struct order *x);
void spout_turn(struct node *n);
void spout_end(struct node *n);
void bolt_begin(struct node *n);
void bolt_end(struct node *n);
void bolt_reset(struct node *n, const struct order *x);
void bolt_order(struct node *n, const struct order *x);
void bolt_frame(struct node *n, struct frame *f);
void bolt_turn(struct node *n);

/* ---- disk.c ---- */

extern struct world *disk_world;	/* whose disks database_open finds */
const struct pair *store_find(const struct pairs *p, const void *key, size_t n);
struct file *files_at(struct files *f, uint64_t txid);
void file_add(struct file *f, struct line line);
void files_drop_above(struct files *f, uint64_t txid, bool keep_published);
void files_free(struct files *f);
void disk_write_cut(struct world *w, uint64_t txid, const struct offsets *ends, bool final);
void disk_write_record(struct world *w, uint64_t txid, const struct offsets *at, bool final);
void disk_sync_ledger(struct world *w);
void disk_power_loss(struct world *w);
void disk_free(struct world *w);

/* ---- oracle.c ---- */

void oracle_decided(struct node *chief, uint64_t last, const struct offsets *at);
void oracle_cut(struct world *w, uint64_t txid, const struct offsets *ends);
void oracle_closed(struct node *n, uint64_t txid, bool last);
void oracle_state(struct node *n);
void oracle_published(struct node *n, uint64_t last);
void oracle_end(struct world *w);

#endif
