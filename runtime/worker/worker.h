/* worker.h - one worker process: its executor's tasks and all that they share.
 *
 * A worker has what a process has: a loop, sockets, what is open. A stage of it has what a
 * component has: the plugin, the tasks, the counters, the streams that it emits.
 *
 *     worker.c   life of the process, control messages, the turns of the loop
 *     flows.c    frames between this worker and others, counted
 *     layout.c   tasks of other workers were moved
 *     task.c     opening the plugin, one context per task
 *     host.c     the calls that a plugin makes (gale_host); host_state.c those for its state
 *     durable.c  state on disk, and acks that wait for it
 *     source.c   messages: emitted as roots, and again
 *     verdict.c  what becomes of them; dead letters
 *     attempts.c how often they have failed, and whom they have crashed
 *     resume.c   how far a spout has come, on disk
 *     spout.c    bolt.c    acker/acker.c    what one turn does, by role
 *     chain.c    calls from a stage to those that are chained to it
 *     look.c     what is shown to people: tuples (taps), what is open (traces)
 *     ending.c   drains, finish, the end of a worker, stage by stage
 *     batch.c    in a transactional topology: what the coordinator orders, resets, rounds
 *     batch_spout.c    batch_bolt.c    coordinate.c    one turn there, by role
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_WORKER_H
#define GALE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include <gale/gale.h>

#include "counts.h"
#include "deadletter.h"
#include "flow.h"
#include "limit.h"
#include "loop.h"
#include "merged.h"
#include "out.h"
#include "pending.h"
#include "plan.h"
#include "plugin.h"
#include "positionfile.h"
#include "route.h"
#include "state.h"
#include "status.h"
#include "topology.h"
#include "transport.h"
#include "wire.h"

struct worker;
struct role_ops;
struct txn;
struct looks;
struct control_message;

/* What an emit is anchored to: the input in hand, or a held one. */
struct anchor {
	struct roots roots;
	uint64_t edge;		/* of the input */
	uint64_t children;	/* XOR of the edges of all that was emitted for it ... */
	uint64_t *children_of;	/* ... for one of several roots only, by root; NULL: nothing was */
	uint32_t times;		/* how many tuples that was (merged.h) */
	bool partial;		/* roots has the first only: bolt_all_roots */
};

/* A tuple that outlives its execute. What it points into is a frame or a copy. */
struct held {
	uint32_t generation;	/* of the handle; odd: in use */
	uint32_t next_free;
	struct frame *frame;
	uint8_t *copy;
	struct anchor anchor;
	gale_tuple tuple;
	gale_value *values;
	uint64_t since_ns;
};

/* How far a task of a spout that can be positioned has come. */
struct place {
	struct position position;
	struct positionfile file;
	bool told_unknown;	/* it was said that this input has no position */
};

struct task {
	gale_ctx ctx;			/* first: a gale_ctx of ours is its task */
	struct worker *worker;
	struct stage *stage;
	void *self;
	uint32_t index;			/* in this worker */
	struct counts_place *counts;	/* NULL: it is alone in its stage, whose page counts for it */
	uint32_t source;		/* in its stage: what its tuples say of where they are from */
	struct anchor *hand;		/* what emits are anchored to; NULL: nothing */
	bool hand_finished;		/* it was held and is acked or failed already */
	const gale_tuple *tuple;	/* in execute: the tuple in hand */
	struct frame *frame;		/* in execute: what it points into; NULL: nobody knows */
	gale_held held_hand;		/* in execute: the handle, when it was held, */
	uint64_t held_edge;		/* and what the held one will ack */
	bool broken;			/* a call failed: the tuple in hand fails */
	bool done;			/* spout: next said GALE_DONE; bolt: finish did */
	bool asked_again;		/* spout: a fail came after GALE_DONE */
	struct place *place;		/* resume.c; NULL: it can't be positioned */
	uint64_t batch;			/* batch_spout.c: what it emits belongs to this one */
	struct offset *offset;		/* batch_spout.c: how far it has come */
	bool emitted;			/* batch_spout.c: something, since it was made */
	bool made;			/* open or prepare was called, cleanup was not */
	uint64_t idle_until_ns;		/* spout: ask again not before; UINT64_MAX: when woken */
	uint32_t idle_ms;		/* spout: how long it was last left alone */
	uint64_t tick_ns, next_tick_ns;	/* 0: no ticks */
	atomic_bool woken;
	struct state *state;		/* NULL: it has none, or none any more */
	char why[512];			/* what gale_failed, gale_fatal or a refused call said */
};

/* How a run was told to end early. */
enum ending { ENDING_NOT, ENDING_FINISH, ENDING_DISCARD };

/* What an upstream worker's markers have said (B1, B2). */
enum upstream { UPSTREAM_NONE, UPSTREAM_OPEN, UPSTREAM_DRAINED, UPSTREAM_ENDED };

/* What one component has in this worker. The first stage is the head, others are chained to one
 * before them. */
struct stage {
	struct worker *worker;
	const struct plan_stage *planned;
	const struct component *component;
	struct status *status;
	struct router router;
	struct plugin *plugin;
	const gale_component *code;
	int (*execute)(void *self, gale_ctx *ctx, const gale_tuple *tuple);	/* the code's */
	bool counts_aside;		/* emits count for a task or a batch, too */
	gale_level level;		/* of what its tasks log */
	struct task *tasks;		/* n_tasks neighbours of the worker's */
	uint32_t n_tasks;
	int64_t max_attempts;		/* attempts.c: of its messages; 0: no limit */

	/* bolts */
	gale_source **sources;		/* [component][stream], NULL: never */
	bool looks;			/* types of inputs don't follow from those of the sources */
	bool fed;			/* data came since the last drain */
	bool finishing;			/* finish is being called */
	uint32_t n_just_held;		/* in the group of executes: tuples that are held, acked later */
	uint32_t n_held_loose;		/* held tuples of no message: only we know of them */
	uint64_t patience_ns;		/* finish waits for them until then; 0: not set */
};

/* Why a message failed that is just being emitted, or never left this worker. */
struct failure {
	char *why;		/* NULL: it did not */
	uint32_t task;		/* that failed it */
};

/* A message all of whose tree was in the stages of this worker, and is over. */
struct inside {
	struct flight flight;
	struct failure failure;
};

struct worker {
	const char *rundir, *statedir;
	struct topology *topology;
	struct plan *plan;
	uint32_t number, start, run;
	const struct plan_worker *me;
	uint64_t now_ns;			/* sampled in every turn */

	struct transport *transport;
	struct inbox *data;			/* bolts: tuples and markers */
	struct inbox *acks;			/* ackers: records; others: verdicts */
	struct status *status;
	struct counts_place *counts;		/* by task; NULL: every stage has but one */
	struct flow *flow;			/* frames between this and others */
	struct flow_link **links;		/* of them, by worker; NULL: nothing goes to and fro */
	struct loop loop;
	struct out out;
	uint32_t *starts;			/* the latest start of each worker heard of (I1) */
	uint32_t *sends_to;			/* which start of each worker we send to (R2) */

	struct stage *stages;
	uint32_t n_stages;			/* 0: gale's own, it runs no plugin */
	struct task *tasks;			/* of all stages, in their order */
	uint32_t n_tasks;
	char **config_texts;			/* what gale_config gave out */
	size_t n_config_texts, config_texts_cap;

	/* life */
	bool active, ended, stop;
	bool leaves;			/* a successor takes its place: nothing is cleaned up */
	bool over;			/* a predecessor had ended: only its end is to be said */
	bool doomed;			/* gale_fatal was called: last_words says why */
	enum ending ending;

	/* durable.c */
	bool durable;			/* the tasks have state */
	uint64_t uncommitted_ns;	/* since when something waits for a commit; 0: nothing */

	/* source.c, verdict.c, attempts.c: messages of a spout or a finishing bolt */
	struct pending pending;
	uint64_t next_root;
	struct limit limit;			/* of messages open */
	size_t kept_bytes;			/* of values kept for a replay */
	uint64_t timeout_ns;			/* 0: none */
	uint64_t next_silence_ns;		/* when to look for roots without a verdict */
	struct deadletters letters;		/* path NULL: no file */
	struct buf acked_now;			/* ackers 0: (task, id) to ack after next */
	struct failure emitting_failed;		/* of the root that is just being emitted (status.h) */
	struct status_charge before;		/* what the predecessor was emitting when it died, */
	uint64_t before_root;			/* as this root; 0: nothing */
	struct inside *inside;			/* over, but nobody was told yet */
	size_t n_inside, inside_cap;
	size_t n_inside_ready;			/* of them, those that wait for no commit */

	/* resume.c */
	uint64_t position_due_ns;		/* when positions are written; 0: nothing changed */

	/* batch.c; NULL: not transactional */
	struct txn *txn;

	/* look.c; NULL: nobody has looked yet */
	struct looks *looks;

	/* bolt.c */
	gale_value values[GALE_MAX_FIELDS];
	struct frame *frame;			/* the one being worked through; NULL: none */
	struct merged merged;			/* the frame in hand, if reader.groups is not NULL */
	struct wire_reader reader;
	enum upstream *upstream;		/* by worker */
	uint32_t n_upstream, n_drained, n_upstream_ended;
	bool drain_passed;			/* the drain marker was sent on ... */
	uint64_t drain_frames;			/* ... when this many frames had left */
	uint32_t turn;				/* which task is asked first */
	struct held **held;			/* slots */
	uint32_t n_held, free_held;		/* slots made; first free one, UINT32_MAX: none */
	size_t held_cap;
	bool end_passed;			/* the end marker was sent on */
	uint32_t n_over;			/* stages whose finish is over */
	bool head_over;				/* a spout: its last position is on disk */
	uint32_t group;				/* executes per clock reading */

	const struct role_ops *ops;
	void *role;				/* acker.c */
};

/* A role's part of the loop. */
struct role_ops {
	/* start is called once, connected and with its tasks open. */
	void (*start)(struct worker *w);
	/* turn does a bounded piece of work; false: there was nothing to do. */
	bool (*turn)(struct worker *w);
	/* rest is called when turn had nothing to do and all is flushed: markers, endings.
	 * True: it changed something, so take another turn. */
	bool (*rest)(struct worker *w);
	/* due gives when turn or rest has something to do although nothing arrives;
	 * UINT64_MAX: never. */
	uint64_t (*due)(const struct worker *w);
	/* wants_data tells whether the data inbox shall be waited for. */
	bool (*wants_data)(const struct worker *w);
	/* replaced: worker PEER has a successor; what this worker sends goes there already.
	 * May be NULL. */
	void (*replaced)(struct worker *w, uint32_t peer);
	/* succeeded: worker PEER has a newer start than was known (I1): a frame came from it, or
	 * what is sent to PEER shall go there. May be NULL. */
	void (*succeeded)(struct worker *w, uint32_t peer);
	/* laid_out: tasks of other workers were moved; w->plan is the new plan, WAS the one
	 * before. May be NULL. */
	void (*laid_out)(struct worker *w, const struct plan *was);
	void (*stop)(struct worker *w);
};
extern const struct role_ops spout_ops, bolt_ops, acker_ops;
extern const struct role_ops batch_spout_ops, batch_bolt_ops, coordinator_ops;

/* ---- worker.c ---- */

/* worker_main is what the supervisor executes, a process of its own:
 *     gale worker --run-dir DIR --state-dir DIR --run R --worker N --start S LABEL
 * The label is for people who read ps. Returns the exit code. */
int worker_main(int argc, char **argv);

/* worker_fatal tells the supervisor and the status page why, and ends the process. */
_Noreturn void worker_fatal(struct worker *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* worker_say tells the supervisor something, shorter than CONTROL_MAX. When it is behind with its
 * reading this waits: it never waits for a worker, and it needs every answer. */
void worker_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* worker_state_lasts: the state directory is one that the user named, and outlives the run; it
 * is no part of the run directory. */
bool worker_state_lasts(const struct worker *w);

/* worker_marks_to sends WORKER again the markers that stand: it is a new incarnation and has
 * not seen them (B1, B2). */
void worker_marks_to(struct worker *w, uint32_t worker);

/* worker_ready tells the supervisor that this worker can work. */
void worker_ready(void);

/* worker_ended tells the supervisor, once, that this worker has nothing left to do. */
void worker_ended(struct worker *w);

/* worker_frame_ok opens a received frame; one that is no frame, of another run or of an older
 * start of its sender than has been heard of (I1), is dropped: false. */
bool worker_frame_ok(struct worker *w, const struct frame *f, struct wire_reader *r);

/* ---- flows.c ---- */

/* flows_make makes W's flow page and its links for the plan of now. What stood on the page before,
 * which the caller closes when nobody counts there any more, goes on. */
void flows_make(struct worker *w);

/* ---- layout.c ---- */

/* layout_change: the run directory has a new layout, in which this worker is the same; TABLE is the
 * text of "layout". Ends the process when it can't be read. */
void layout_change(struct worker *w, const char *table);

/* ---- task.c ---- */

/* task_open_all opens the plugin and every task (open, prepare); ends the process when one
 * can't be. In a transactional topology tasks are made by resets. task_close_all cleans up. */
void task_open_all(struct worker *w);
void task_close_all(struct worker *w);

/* task_make gives T memory as new and its properties and calls open or prepare; ends the
 * process when that fails. task_unmake calls cleanup, if T is made. */
void task_make(struct task *t);
void task_unmake(struct task *t);

/* task_ticks calls what is due; task_tick_due when the next is. */
void task_ticks(struct worker *w);
uint64_t task_tick_due(const struct worker *w);

/* task_woken: something happened that a task may have waited for; calls `woken` of those
 * that gale_wake was called for. */
void task_woken(struct worker *w);

/* task_leave_alone: T said GALE_IDLE; idle_until_ns becomes the time to ask again: when what
 * it waits for happens, or after a pause that grows. */
void task_leave_alone(struct task *t);

/* task_result makes sense of what a callback returned outside of execute: fatal ends the
 * process. WHAT names the callback. */
void task_result(struct task *t, int result, const char *what);

/* ---- host.c ---- */

extern const gale_host host_calls;

/* host_refuse says that a call of T's was wrong; returns -1. */
int host_refuse(struct task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* host_state.c: the calls for state. */
int host_state_get(gale_ctx *ctx, const void *key, size_t n, gale_slice *value);
int host_state_put(gale_ctx *ctx, const void *key, size_t n, const void *value, size_t n_value);
int host_state_delete(gale_ctx *ctx, const void *key, size_t n);
void *host_state_merge(gale_ctx *ctx, const void *key, size_t n, size_t n_value);
int host_state_add(gale_ctx *ctx, const void *key, size_t n, int64_t by, int64_t *sum);
bool host_state_next(gale_ctx *ctx, gale_scan *scan);

/* host_drop_held forgets all held tuples: their handles are known no more. host_free_held frees
 * them when all is over, and what was held stays counted. */
void host_drop_held(struct worker *w);
void host_free_held(struct worker *w);

/* host_ack_anchor, host_fail_anchor tell the ackers of every root of A, if it has any. An ack is
 * counted for the stage; for a task it is where the task is known. What
 * fails of the message that is just being emitted is left to source_emit. */
void host_ack_anchor(const struct stage *st, const struct anchor *a);
void host_fail_anchor(struct task *t, const struct anchor *a, const char *why);

/* ---- durable.c ---- */

/* durable_open gives T its state, if its component declares one; ends the process when it
 * can't be opened. durable_close commits for the last time and closes those of all tasks:
 * before their cleanup. */
void durable_open(struct task *t);
void durable_close(struct worker *w);

/* durable_turn is called in each turn and commits when it is time; durable_commit commits
 * what there is. */
void durable_turn(struct worker *w);
void durable_commit(struct worker *w);

/* ---- chain.c ---- */

/* chain_call is router.call: STAGE of the worker OWNER executes M. */
uint64_t chain_call(void *owner, uint32_t stage, const struct emission *m);

/* ---- ending.c ---- */

/* ending_turn calls finish where it is time; false: there was nothing to call. ending_rest goes
 * on with the end, when all is flushed and nothing comes for now: drain of those that were fed,
 * the drain marker; OVER, nothing will ever come: finish of stage after stage, the end
 * marker. True: it changed something. ending_due: when ending_turn or ending_rest have
 * something to do. */
bool ending_turn(struct worker *w);
bool ending_rest(struct worker *w, bool over);
uint64_t ending_due(const struct worker *w);

/* ending_finish_some calls finish of the tasks of ST that have more; false: of none.
 * ending_finished: none has. */
bool ending_finish_some(struct stage *st);
bool ending_finished(const struct stage *st);

/* ---- bolt.c, spout.c: what their kin in transactional topologies use ---- */

/* bolt_start, bolt_laid_out, bolt_stop are those of role_ops. bolt_sources lays out who may send what to ST,
 * bolt_free_sources frees that. bolt_work goes on with the frame in hand until
 * it is through, an outbox is full, or the turn has lasted long enough; bolt_drop_frame lets go
 * of it. bolt_failed: execute of T, with A in hand, has returned RESULT, or a call of its has
 * failed. */
void bolt_start(struct worker *w);
void bolt_laid_out(struct worker *w, const struct plan *was);
void bolt_stop(struct worker *w);
void bolt_work(struct worker *w);
void bolt_drop_frame(struct worker *w);
void bolt_sources(struct stage *st);
void bolt_free_sources(struct stage *st);

/* bolt_all_roots: whoever needs the roots of what T has in hand calls it before. */
void bolt_all_roots(const struct task *t);
void bolt_failed(struct task *t, const struct anchor *a, int result);

/* spout_ask calls next of T once; false: it has nothing now. */
bool spout_ask(struct worker *w, struct task *t);

/* ---- source.c ---- */

void source_init(struct worker *w);
void source_free(struct worker *w);

/* source_emit emits message M of task T with VALUES (or, when they are NULL, M's body) as
 * a new root. Takes M's body. Returns 0 or -1 with E set. */
int source_emit(struct worker *w, struct message *m, const gale_value *values, uint32_t n, size_t bound,
    struct error *e);

/* source_emit_flat does the usual tracked emit of a spout in one go: not direct, not kept,
 * never failed before, and one that router_emit_flat takes. False: it is not usual, and nothing
 * was done. */
bool source_emit_flat(struct task *t, const gale_emission *x);

/* source_has_room: another message may be opened: fewer are open than the limit allows, which
 * is topology.max.spout.pending at most, and what is kept of them is no more than 64 MiB. */
bool source_has_room(const struct worker *w);

/* source_note_oldest puts on the status page since when the oldest message is open. */
void source_note_oldest(struct worker *w);

/* source_open gives how many messages are open. */
static inline size_t source_open(const struct worker *w)
{
	return pending_open(&w->pending) + w->n_inside;
}

/* source_failed_edge gives the edge for a tuple of ROOTS that has failed in a call: nobody acks it, so
 * no tree reads zero before its fail has come. 0 where that can't be. */
uint64_t source_failed_edge(struct worker *w, const struct roots *roots);

/* source_hears: verdicts may come: to a bolt not before its finish, when its first root is made. */
bool source_hears(const struct worker *w);

/* source_turn takes in verdicts, replays what is due and fails what is silent; a bounded
 * piece of it. False: there was nothing. source_due: when there will be. */
bool source_turn(struct worker *w);
uint64_t source_due(const struct worker *w);

/* source_forget frees the values that are kept of M. */
void source_forget(struct worker *w, const struct message *m);

/* message_stage gives the stage whose message M is. message_is_spouts: it is a spout's, and so has an id
 * that its plugin knows; else a finishing bolt's. */
static inline struct stage *message_stage(const struct worker *w, const struct message *m)
{
	return w->tasks[m->task].stage;
}

static inline bool message_is_spouts(const struct worker *w, const struct message *m)
{
	return message_stage(w, m)->component->kind == GALE_SPOUT;
}

/* ---- verdict.c ---- */

/* verdict_take does what a frame of an acker's verdicts says. */
void verdict_take(struct worker *w, const struct frame *frame);

/* verdict_inside tells of messages that are over without having left this worker; false: there
 * are none. verdict_committed: those that there are wait for no commit any more. */
bool verdict_inside(struct worker *w);
void verdict_committed(struct worker *w);

/* verdict_silent fails what no acker has said anything about for twice the timeout: the net below (A5). */
void verdict_silent(struct worker *w);

/* verdict_lost fails all that is pending and may have gone to PEER, a worker that was lost (R3); TEXT
 * says how. */
void verdict_lost(struct worker *w, uint32_t peer, const char *text);

/* ---- attempts.c ---- */

/* attempts_init has what is known of earlier deaths at hand; after pending_init. */
void attempts_init(struct worker *w);

/* attempts_inherit takes over from BEFORE, the page of this worker's predecessor, what is charged
 * with deaths. attempts_named: ROOT, if it is pending here, was in hand when a worker crashed. */
void attempts_inherit(struct worker *w, const struct status *before);
void attempts_named(struct worker *w, uint64_t root, const char *text);

/* attempts_remember keeps what is known of M, which its spout replays by itself; attempts_recall fills it
 * in when a message of that task and id comes. */
void attempts_remember(struct worker *w, const struct message *m);
void attempts_recall(const struct worker *w, struct message *m);

/* attempts_last: M may have no other attempt, so its values will be needed for the dead letters.
 * attempts_too_deadly: it is not to be emitted any more. */
bool attempts_last(const struct worker *w, const struct message *m);
bool attempts_too_deadly(const struct worker *w, const struct message *m);

/* attempts_given_up: after the failure F there is no further attempt of M. Whatever M fails of now, its third
 * death may have come since it was emitted, by a tuple of an earlier emit; its values may not be kept then,
 * and are when it comes again. */
bool attempts_given_up(const struct worker *w, const struct message *m, const gale_failure *f);

/* ---- look.c ---- */

enum { LOOK_MOST = 1000 };	/* messages that one trace tells of */

/* look_tap, look_untap, look_trace do what the control messages of these names ask for. */
void look_tap(struct worker *w, const struct control_message *m);
void look_untap(struct worker *w, const struct control_message *m);
void look_trace(struct worker *w, const struct control_message *m);

/* look_emitted: T has emitted a tuple otherwise than by a host call. look_turn tells what is to be
 * told, look_due when there is something. Only while W has looks. */
void look_emitted(const struct task *t, uint32_t stream, const gale_value *values);
void look_turn(struct worker *w);
uint64_t look_due(const struct worker *w);

/* look_end tells what is left to be told, and frees all. */
void look_end(struct worker *w);

/* ---- acker/acker.c ---- */

/* acker_describe appends what is known of the tree of ROOT, as look.c says; nothing when it is not
 * open here. */
void acker_describe(const struct worker *w, uint64_t root, struct buf *out);

/* ---- coordinate.c ---- */

/* coordinate_describe appends the batches that have something in them, as look.c says;
 * coordinate_committed gives the last that is committed. */
void coordinate_describe(const struct worker *w, struct buf *out);
uint64_t coordinate_committed(const struct worker *w);

/* coordinate_lost: a worker was lost. coordinate_freeze: write no record, or go on (X13). coordinate_named: a tuple of batch ROOT was in hand when a
 * worker crashed (A8); TEXT says which and how. */
void coordinate_lost(struct worker *w);
void coordinate_freeze(struct worker *w, bool freeze);
void coordinate_named(struct worker *w, uint64_t root, const char *text);

/* ---- resume.c ---- */

/* resume_place gives a new task its place, or NULL when its component has no resume.
 * resume_task, after open: reads the position that is on disk and lets the spout go on from
 * it; ends the process when it can't. */
struct place *resume_place(const struct stage *st);
void resume_task(struct task *t);

/* resume_opened: M was emitted. resume_done: it was acked, or is a dead letter on file, or is
 * forgotten; false: it was not open. resume_told is gale_position, of a task with a place. */
void resume_opened(struct worker *w, const struct message *m);
bool resume_done(struct worker *w, const struct message *m);
int resume_told(struct task *t, uint64_t next, const void *blob, uint32_t n);

/* resume_turn writes what is due, resume_due tells when that is. resume_end: nothing is
 * pending and nothing will be emitted; the last positions are on disk when it returns.
 * resume_close writes what is not written, and frees the places. */
void resume_turn(struct worker *w);
uint64_t resume_due(const struct worker *w);
void resume_end(struct worker *w);
void resume_close(struct worker *w);

#endif
