/* world.h - the simulated world: all of gale's processes in one, with a clock, a network and
 * disks that obey a seed.
 *
 *     sim.c      the command: seeds, replay, determinism
 *     world.c    what a seed makes: settings, topology, nodes; one step after the other
 *     fault.c    what goes wrong, and when
 *     net.c      frames between nodes, messages of the control channel
 *     disk.c     what survives a kill, and what a power failure
 *     super.c    the supervisor: life.c, fence.c, restart.c, pulse.c; glue as in crew.c
 *     node.c     a worker's life and turns; glue as in worker.c
 *     post.c     what a worker sends: fold.c, notes.c, combine.c; glue as in out.c, sink.c and route.c
 *     spout.c    pending.c, position.c, inside.h; glue as in source.c, verdict.c, attempts.c, spout.c, resume.c
 *     bolt.c     inside.h, merged.c; glue as in bolt.c, host.c, chain.c and durable.c; five kinds of bolts
 *     judge.c    ledger.c; glue as in acker.c
 *     oracle.c   what must never happen, and what must have happened in the end
 *
 * Linked are the modules of gale that are pure, as they are. What stands between them and
 * the system is not pure; the glue here does the same in fewer lines, and each function of
 * it names the one that it follows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SIM_WORLD_H
#define GALE_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "acker/ledger.h"
#include "buf.h"
#include "clock.h"
#include "combine.h"
#include "fold.h"
#include "idmap.h"
#include "inside.h"
#include "life.h"
#include "merged.h"
#include "notes.h"
#include "pending.h"
#include "plan.h"
#include "position.h"
#include "pulse.h"
#include "topology.h"
#include "wire.h"

enum {
	MOST_NODES = 24,
	MOST_GROUP = 4,			/* what a join takes together */
	MOST_MERGED = 3,		/* what a merged tuple stands for */
	MOST_ROOTS = MOST_GROUP * MOST_MERGED,
	MOST_PARTS = MOST_ROOTS,
	MOST_VALUES = 8,		/* different ones, where equal tuples may become one */
	MOST_STAGES = 8,
	MOST_CHARGES = 16,
	MOST_SOURCES = 4,		/* workers of spouts */
	SOURCE_IDS = 256,		/* ids of one of them */
	MOST_IDS = MOST_SOURCES * SOURCE_IDS,
	POISON_DEATHS = 3
};

#define NEVER UINT64_MAX

/* ---- data ---- */

/* A part is id << 3 | number: what a message becomes in the split, 6 of them at most. The roots are what gale
 * knows of the tuple: in a frame the first one, of a merged one. Which it truly has the oracle knows by the parts. */
struct tuple {
	uint64_t edge;
	uint64_t roots[MOST_ROOTS];	/* ascending, unique */
	uint32_t n_roots;
	uint32_t parts[MOST_PARTS];
	uint32_t n_parts;
	uint64_t origins[MOST_PARTS];	/* the root that a part has come from */
};

struct frame {
	struct frame *next;
	uint32_t worker, start;		/* who sent it (I1) */
	uint8_t kind;			/* enum wire_kind */
	uint64_t arrives_ns;
	struct buf body;		/* of records or verdicts; what stands behind tuples that were merged */
	uint32_t n;			/* tuples */
	struct tuple tuples[];
};

/* One connection, from one incarnation to another. */
struct pipe {
	struct pipe *next;		/* into the same worker */
	uint32_t from, from_start, to, to_start;
	struct frame *first, **last;
	uint32_t n, cap;
	uint64_t delay_ns, last_ns;
	bool closed;			/* by the sender, or its end */
};

/* Messages of a control channel, one way. */
struct word {
	struct word *next;
	uint64_t arrives_ns;
	char text[160];
};

struct channel {
	struct word *first, **last;
	uint64_t last_ns;
};

/* ---- disks: one per worker, for ever ---- */

struct disk {
	uint32_t *log;			/* parts, and above them which kind of bolt wrote them */
	size_t n_written, n_synced, cap;
	struct position_slot {
		struct buf bytes;
		bool synced;
	} slots[2];			/* positionfile.c */
	uint64_t sequence;
	int newest;
};

/* ---- nodes ---- */

enum kind { KIND_SPOUT, KIND_SPLIT, KIND_SIDE, KIND_JOIN, KIND_STATE, KIND_SINK, KIND_ACKER };

enum node_state {
	NODE_NONE,		/* no process */
	NODE_BOOTING, NODE_WAITING, NODE_OPENING, NODE_RUNNING,
	NODE_ENDED		/* a process that is no more, but not reaped yet */
};

/* What a worker has for one acker. */
struct post_link {
	struct fold inits, acks;
	struct fold withheld;		/* acks that wait for a commit */
	struct notes notes;
};

/* What a worker has for another. */
struct post_box {
	struct pipe *pipe;
	struct frame *waiting, **last;	/* no room yet */
	struct tuple *open;		/* the frame being filled */
	uint32_t n_open;
	struct combine *combine;	/* NULL: nothing for it is merged */
	uint32_t room;			/* bytes that are left for the groups */
};

struct held {
	struct tuple tuple;
	uint64_t children;
	uint64_t children_of[MOST_ROOTS];	/* where it has several roots */
	bool emitted;			/* a join: waits for its ack only */
	uint64_t reset_ns;		/* a join: when it was last reset */
};

/* One bolt of a worker: the head, or one that is called by a stage before it. A spout that is the head
 * holds nothing. */
struct stage {
	enum kind kind;
	uint32_t component;
	bool fed;
	struct held *held;
	size_t n_held, held_cap;
};

/* A message that is over and was never known outside. */
struct inside {
	uint64_t root;
	struct message message;
	bool failed, deadly;
};

/* Deaths of a spout's worker that a message has caused. */
struct charge {
	uint64_t id;
	uint8_t deaths;
};

/* What acker.c calls mail. */
struct mail {
	struct buf verdicts;
	uint64_t run_root;
	uint32_t run_n;
};

struct node {
	struct world *world;
	uint32_t number;
	const struct plan_worker *me;
	enum kind kind;			/* of the head */
	struct disk *disk;
	uint32_t source;		/* spouts: which one; its ids are source * SOURCE_IDS + i */

	/* the process */
	enum node_state state;
	uint32_t start;
	uint64_t wake_ns, busy_ns;	/* next step; not before */
	uint64_t turn_ns;		/* how long a turn takes */
	uint64_t doomed_ns;		/* a fault: it dies so long after hello; 0: not */
	struct channel down;		/* from the supervisor */

	/* worker.c */
	uint64_t now_ns, control_ns;
	uint32_t starts[MOST_NODES], sends_to[MOST_NODES];
	bool active, ended, over, slept;

	/* post.c */
	struct post_box boxes[MOST_NODES];
	struct post_link *links;	/* one per acker */
	uint64_t next_edge, oldest_ns, frames_out;
	bool blocked, withholds;

	/* the stages: chain.c */
	struct stage stages[MOST_STAGES];
	uint32_t n_stages;
	uint64_t emitting;		/* the root that is just being emitted; 0: none */
	uint64_t emitting_id;		/* of its message */
	bool emitting_failed;
	bool crashed;			/* in a call: what follows never happens */
	uint32_t n_withheld;		/* what waits for the log to be synced, more or less */
	bool syncing;			/* the log is being synced */

	/* spout.c */
	struct pending pending;
	struct position position;
	uint64_t next_root, next_silence_ns, position_due_ns, idle_until_ns;
	uint32_t next_id;
	uint64_t *again;		/* ids that the spout emits once more by itself */
	size_t n_again, again_cap;
	bool kept, done, writing;
	struct inside *inside;
	size_t n_inside, inside_cap, n_inside_ready;
	struct charge charges[MOST_CHARGES];	/* handed on from start to start */
	uint32_t n_charges;
	uint64_t before_root, before_id;	/* what the predecessor was emitting; 0: nothing */
	bool drain_passed, end_passed;	/* bolts too */
	uint64_t drain_frames;

	/* bolt.c */
	struct frame *frame;		/* in hand */
	uint32_t at;			/* its next tuple */
	struct wire_reader reader;	/* has groups, if some of its tuples stand for several */
	struct merged merged;
	bool executing;
	uint64_t hand_root;
	uint8_t upstream[MOST_NODES];
	uint32_t n_upstream, n_drained, n_upstream_ended;

	/* judge.c */
	struct ledger *ledger;
	struct mail *mail;
	uint64_t next_expiry_ns, deadline_ns, grace_ns;
};

/* ---- the supervisor ---- */

struct super_worker {
	struct channel up;		/* from the worker */
	uint64_t reap_ns;		/* its process has ended, and this is when it is noticed */
	bool own, exited, killed, hung;
	uint64_t hand_root;
	uint64_t own_root;		/* for its successor; 0: none */
};

struct super {
	struct lives lives;
	struct pulse pulse;
	struct super_worker workers[MOST_NODES];
	uint64_t wake_ns;
	bool up;
};

/* ---- what the oracle knows ---- */

struct known_root {
	uint64_t root;
	uint32_t id;
	uint32_t open;			/* tuples made and not acked, those that were lost included */
	uint32_t run, start;		/* of who emitted it */
	bool settled, named, told;
};

struct known_id {
	uint32_t causes;		/* failures that count as attempts (A8) */
	uint32_t named;			/* obituaries that named it */
	uint32_t poisonous;		/* emits that have crashed a bolt since the last fault */
	uint32_t told;			/* emits of this incarnation in obituaries that its spout read */
	bool acked;
	uint8_t buried;			/* 1: a dead letter; 2: a synced one */
};

struct oracle {
	struct known_root *roots;
	size_t n_roots, roots_cap;
	struct idmap by_root;
	struct known_id ids[MOST_IDS];
};

/* ---- the world ---- */

enum fault {
	FAULT_KILL, FAULT_AGAIN, FAULT_PAIR, FAULT_CRASH, FAULT_PAUSE, FAULT_LAG, FAULT_LAG_KILL,
	FAULT_FENCE, FAULT_SUPERVISOR, N_INJECTED,
	FAULT_POISON = N_INJECTED, FAULT_FAIL, FAULT_SHORT_TIMEOUT, FAULT_SLOW_NET, FAULT_FULL,
	FAULT_SLOW_CONTROL, FAULT_SLOW_DISK, FAULT_SLOW_BOOT, FAULT_RESET, FAULT_LATE, FAULT_CALL, N_FAULTS
};

struct settings_of_seed {
	uint64_t timeout_ns, progress_ns, hang_ns;
	uint32_t ids;			/* per spout worker */
	uint32_t most_pending, max_attempts;
	uint32_t frame_tuples, records_bytes, data_cap, acks_cap;
	uint32_t group;			/* inputs that a join takes together */
	uint32_t batch;			/* of a bolt whose acks wait for the log */
	bool durable;			/* gale withholds them; else the bolt holds its tuples */
	uint32_t chained_1000;		/* of the components that can be */
	uint64_t pace_ns;		/* between two emits */
	uint32_t fail_1000;
	uint32_t poison[2], n_poison;
	bool poison_value;		/* it is values, not ids */
	enum kind poisoned;		/* in which bolts */
	uint64_t net_ns, control_ns, sync_ns, boot_ns;
	uint64_t fault_steps;		/* one fault in so many steps */
	uint32_t sides;
	uint8_t grouping[8];		/* of each component's input: 0 shuffle, 1 fields, 2 all */
	bool combines[8];		/* each component takes equal tuples as one */
	uint32_t combining_1000;	/* of those that can */
	uint32_t values;		/* how many different ones there are */
	uint32_t groups_bytes;		/* most of a frame */
};

struct world {
	uint64_t seed, random, hash;
	bool tracing;
	uint64_t now_ns, steps;
	struct settings_of_seed set;
	bool on[N_FAULTS];
	uint32_t faults_left;
	uint64_t quiet_ns;		/* when the last fault was over; 0: not yet */
	uint64_t done_ns;		/* when a message was last acked or buried */

	struct topology *topology;
	struct plan *plan;
	enum kind kinds[8];		/* by component */
	struct node nodes[MOST_NODES];
	struct pipe *in[MOST_NODES];
	struct disk disks[MOST_NODES];
	struct super super;
	uint32_t run;
	uint64_t rerun_ns;		/* when the next run begins; 0: one is up */
	bool finished;			/* a run has ended well */
	struct oracle oracle;
};

/* ---- world.c ---- */

/* world_live lives seed SEED to its end, or exits at the first violation. Returns the hash of
 * its trace; *W tells how it went. */
uint64_t world_live(struct world *w, uint64_t seed, bool tracing);

uint64_t below(struct world *w, uint64_t n);		/* 0 .. n-1; 0 when N is 0 */
bool chance(struct world *w, uint32_t in_1000);

/* trace notes that WHAT happened to NODE. Every choice leaves its trace, so two runs that
 * differ have different hashes. */
void trace(struct world *w, const char *what, uint32_t node, uint64_t a, uint64_t b);

/* violated ends the program: INVARIANT does not hold. */
_Noreturn void violated(const struct world *w, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* world_run_ended: the supervisor is dead or done; WELL: all had ended. */
void world_run_ended(struct world *w, bool well);

/* ---- fault.c ---- */

void fault_choose(struct world *w);
void fault_step(struct world *w);

/* ---- net.c ---- */

struct frame *frame_new(const struct node *from, uint8_t kind, uint32_t n);
void frame_free(struct frame *f);

struct pipe *net_connect(struct node *from, uint32_t to, uint32_t start);
bool net_send(struct world *w, struct pipe *p, struct frame *f);	/* false: no room; F stays */
void net_close(struct pipe *p);	/* with all that is in it */

/* net_receive gives a frame that has arrived, or NULL. */
struct frame *net_receive(struct node *n);

/* net_arrival gives when the next frame arrives that has not yet. */
uint64_t net_arrival(const struct node *n);

/* net_died: of what N sent a prefix arrives, what was sent to it is lost. */
void net_died(struct node *n);
void net_clear(struct world *w);

void channel_say(struct world *w, struct channel *c, const char *text);
bool channel_hear(struct channel *c, uint64_t now_ns, char *text);
void channel_clear(struct channel *c);

/* ---- disk.c ---- */

void disk_append(struct disk *d, uint32_t part);
void disk_power_loss(struct world *w);
void disk_write_position(struct node *n);
void disk_sync_position(struct node *n);
bool disk_read_position(struct node *n, struct position *p);
void disk_free(struct disk *d);

/* ---- super.c ---- */

void super_begin(struct world *w);
void super_step(struct world *w);
void super_end(struct world *w);

/* super_ended: the process of worker N has ended; OWN: of its own making (death.c). */
void super_ended(struct world *w, uint32_t n, bool own);

/* ---- node.c ---- */

void node_init(struct world *w, uint32_t number);
void node_begin(struct node *n, uint32_t start);
void node_step(struct node *n);
void node_wake(struct node *n, uint64_t at_ns);
void node_busy(struct node *n, uint64_t ns);	/* takes no step for so long from now */
void node_die(struct node *n, bool own);
void node_say(struct node *n, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool node_takes(struct node *n, const struct frame *f);
void node_marks_to(struct node *n, uint32_t to);
bool node_lives(const struct node *n);

/* ---- post.c ---- */

void post_begin(struct node *n);
void post_end(struct node *n);
void post_switch(struct node *n, uint32_t to, uint32_t start);

/* value_of gives what makes the tuples of single parts equal. */
uint32_t value_of(const struct world *w, uint32_t part);

/* post_emit sends T, which ST emits, to the next layer, one copy to each subscriber; those that are
 * chained to ST are called. Returns the XOR of the edges that came of it. */
uint64_t post_emit(struct node *n, const struct stage *st, const struct tuple *t);
void post_root_made(struct node *n, uint64_t root, uint64_t value);
void post_acked(struct node *n, uint64_t root, uint64_t value);
void post_release(struct node *n);	/* what was withheld */
void post_failed(struct node *n, uint64_t root);
void post_reset(struct node *n, uint64_t root);
void post_void(struct node *n, uint64_t root);
void post_marker(struct node *n, uint8_t kind);
void post_marker_to(struct node *n, uint32_t to, uint8_t kind);
void post_frame(struct node *n, uint32_t to, struct frame *f);
void post_flush(struct node *n);
void post_retry(struct node *n);
bool post_waits(const struct node *n);
bool post_clear(const struct node *n);
bool post_feeds(const struct node *n, uint32_t to);

/* ---- the roles ---- */

void spout_begin(struct node *n);
void spout_end(struct node *n);
bool spout_turn(struct node *n);
bool spout_rest(struct node *n);
uint64_t spout_due(const struct node *n);
void spout_named(struct node *n, uint64_t root);
void spout_lost(struct node *n, uint32_t peer);

void bolt_begin(struct node *n);
void bolt_end(struct node *n);
bool bolt_turn(struct node *n);
bool bolt_rest(struct node *n);
uint64_t bolt_due(const struct node *n);
void bolt_succeeded(struct node *n, uint32_t from);

/* What a spout's worker does for the bolts in it, too. stages_turn comes before other work, stages_idle
 * when there is none; false: there was nothing to do. */
void stages_begin(struct node *n);
void stages_end(struct node *n);
bool stages_turn(struct node *n);
bool stages_idle(struct node *n);
bool stages_drain(struct node *n);
uint64_t stages_due(const struct node *n);

/* stage_call executes T in stage number STAGE; returns the XOR of the edges that came of it. */
uint64_t stage_call(struct node *n, uint32_t stage, const struct tuple *t);
size_t spout_open(const struct node *n);

void judge_begin(struct node *n);
void judge_end(struct node *n);
bool judge_turn(struct node *n);
bool judge_rest(struct node *n);
uint64_t judge_due(const struct node *n);
void judge_succeeded(struct node *n, uint32_t from);
void judge_replaced(struct node *n, uint32_t to);

/* judge_outlive lets the time pass after which a book must be empty (A6). */
void judge_outlive(struct node *n);

/* ---- oracle.c ---- */

void oracle_init(struct oracle *o);
void oracle_free(struct oracle *o);
uint32_t expected_parts(const struct world *w, uint32_t id);	/* a mask */

void oracle_spout(struct node *n);			/* begins */
void oracle_emitted(struct node *n, uint64_t root, const struct message *m);
void oracle_tuple_made(struct world *w, const struct tuple *t);
void oracle_tuple_merged(struct world *w, const struct tuple *into, uint64_t origin);
void oracle_tuple_done(struct world *w, const struct tuple *t);
void oracle_complete(struct node *n, uint64_t root);	/* so says the acker, or its own worker */
void oracle_expired(struct node *n, const struct ledger_outcome *o);
void oracle_mailed(struct node *n, uint32_t to);
void oracle_told(struct node *n, uint64_t root);	/* an obituary has come */
void oracle_cause(struct world *w, uint64_t root);
void oracle_named(struct world *w, uint64_t root);
void oracle_settled(struct node *n, uint64_t root, bool acked);
void oracle_buried(struct node *n, const struct message *m);
void oracle_position(struct node *n);
void oracle_step(struct node *n);
void oracle_supervisor(struct world *w);
void oracle_lost_told(struct world *w, uint32_t worker);
void oracle_end(struct world *w);

#endif
