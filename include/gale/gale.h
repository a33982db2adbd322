/* gale.h - what a spout, a bolt or a grouping of gale sees of gale, whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plugin is a shared object that includes this header and exports one symbol,
 * `gale_plugin`. It links to nothing of gale's: every call below goes through a table
 * that arrives with the context. The header is C11 and C++17 and needs nothing else.
 *
 * A bolt in ten lines
 *
 *     #include <gale/gale.h>
 *
 *     static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
 *     {
 *             (void)self;
 *             const gale_value *line = gale_in(t, 0);
 *             return gale_emit(ctx, 0, gale_int(line->n));
 *     }
 *     static const gale_component length = {
 *             .name = "Length", .kind = GALE_BOLT, .execute = execute,
 *             .inputs  = GALE_FIELDS({ "line", GALE_STRING }),
 *             .outputs = GALE_STREAMS(GALE_STREAM("default", { "length", GALE_INT })),
 *     };
 *     GALE_PLUGIN(&length);
 *
 *     cc -shared -fPIC $(pkg-config --cflags gale) -o length.so length.c
 *
 * Conventions
 *
 *   Threads    Every callback of a task, and every call below, happens on the one thread
 *              of the task's worker; where bolts are chained an emit executes the next
 *              one before it returns. The only call that another thread may make is
 *              gale_wake(). No callback may block: watch a descriptor, set a timer, or
 *              use a thread of your own and gale_wake().
 *   Ownership  You never free what gale gave you; gale never frees what you gave it.
 *              Emitting copies. A tuple and all that it points to are *borrowed*: they
 *              die when the callback returns, unless gale_hold() keeps them.
 *   Results    Callbacks return GALE_OK, GALE_FAIL or GALE_FATAL, or what is said beside
 *              them. Calls that can fail return 0 (or a handle) for success and -1 for
 *              failure; the failure has then been logged with what to do about it, and
 *              the tuple in hand fails whatever the callback returns. gale_fatal ends
 *              the worker from any callback, also one that returns nothing.
 *   Units      Every duration is in milliseconds, every size in bytes.
 *   Text       A string is bytes that are meant to be UTF-8. gale carries them as they
 *              are and never checks: a word of a Latin-1 file stays that word. Where
 *              text must be UTF-8 (JSON), wrong bytes appear as U+FFFD there. Use
 *              GALE_BYTES for what is no text. Strings are not NUL-terminated.
 *   Signals    The runtime ignores SIGPIPE and SIGXFSZ: a write fails with EPIPE or EFBIG
 *              instead. Leave all handlers and masks alone.
 *   Memory     When memory runs out the worker ends and is described; no call here
 *              returns because of it.
 */
#ifndef GALE_GALE_H
#define GALE_GALE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The number of this interface. A plugin built for another number is refused, with both
 * numbers in the message. Within one number structures only grow at their end, and the
 * `size` beside it says how much of them a plugin was built with.
 *
 *   1   the first; then, at the end of the structures: positions of spouts (resume,
 *       gale_position, gale_forget); state (state_version, gale_state_get and its kin, persist);
 *       batches (txid, generation, finish_batch, publish); levels of the log (level); tuples that
 *       stand for several (combine, times)
 */
#define GALE_ABI 1u

typedef struct gale_ctx gale_ctx;
typedef struct gale_value gale_value;
typedef struct gale_tuple gale_tuple;
typedef struct gale_component gale_component;

/* ---------------------------------------------------------------------------------------
 * Values
 * ------------------------------------------------------------------------------------ */

typedef enum gale_type {
	GALE_NULL,
	GALE_BOOL,
	GALE_INT,	/* int64_t */
	GALE_FLOAT,	/* double */
	GALE_STRING,	/* bytes meant to be UTF-8 */
	GALE_BYTES,	/* any bytes */
	GALE_LIST,	/* values */
	GALE_MAP,	/* pairs of values, in the order in which they were given */
	GALE_ANY	/* only in declarations: any of the above */
} gale_type;

/* One value. Strings, bytes, lists and maps point to memory that somebody else owns: in a
 * received tuple the frame, in an emit the caller.
 *
 * A list or map has two forms. One that you make points to an array of values (`items`; a
 * map has 2 n of them: key, value, key, value). One that you receive is `packed` and is
 * read with gale_each(). You may emit either. Values nest up to GALE_MAX_DEPTH deep.
 */
struct gale_value {
	uint8_t type;		/* enum gale_type, never GALE_ANY */
	uint8_t packed;		/* list and map: 1 = as received */
	uint16_t reserved;	/* 0 */
	uint32_t n;		/* string, bytes: length in bytes; list: values; map: pairs */
	union {
		bool b;
		int64_t i;
		double f;
		const char *s;			/* string, bytes; not NUL-terminated */
		const gale_value *items;	/* list, map with packed == 0 */
		const uint8_t *body;		/* list, map with packed == 1 */
	} u;
};

enum {
	GALE_MAX_VALUE = 16 << 20,	/* bytes of one tuple's values */
	GALE_MAX_FIELDS = 255,		/* values in a tuple */
	GALE_MAX_DEPTH = 32,		/* lists and maps inside each other */
	GALE_MAX_TEXT = 512,		/* of gale_failedf and its kin, with the NUL */
	GALE_MAX_POSITION = 512		/* bytes that a spout keeps with its position */
};

/* GALE_PRINTF(N) lets the compiler check the arguments against the format, argument N. */
#define GALE_PRINTF(N) __attribute__((format(printf, N, N + 1)))

static inline gale_value gale_null(void)
{
	gale_value v;
	memset(&v, 0, sizeof v);
	return v;
}

static inline gale_value gale_bool(bool b)
{
	gale_value v = gale_null();
	v.type = GALE_BOOL;
	v.u.b = b;
	return v;
}

static inline gale_value gale_int(int64_t i)
{
	gale_value v = gale_null();
	v.type = GALE_INT;
	v.u.i = i;
	return v;
}

static inline gale_value gale_float(double f)
{
	gale_value v = gale_null();
	v.type = GALE_FLOAT;
	v.u.f = f;
	return v;
}

/* gale_string and gale_bytes borrow the N bytes at S. */
static inline gale_value gale_string(const char *s, size_t n)
{
	gale_value v = gale_null();
	v.type = GALE_STRING;
	v.n = (uint32_t)n;
	v.u.s = s;
	return v;
}

static inline gale_value gale_text(const char *nul_terminated)
{
	return gale_string(nul_terminated, strlen(nul_terminated));
}

static inline gale_value gale_bytes(const void *s, size_t n)
{
	gale_value v = gale_string((const char *)s, n);
	v.type = GALE_BYTES;
	return v;
}

/* gale_list borrows the N values at ITEMS; gale_map the 2 * N at ITEMS. */
static inline gale_value gale_list(const gale_value *items, size_t n)
{
	gale_value v = gale_null();
	v.type = GALE_LIST;
	v.n = (uint32_t)n;
	v.u.items = items;
	return v;
}

static inline gale_value gale_map(const gale_value *items, size_t n)
{
	gale_value v = gale_list(items, n);
	v.type = GALE_MAP;
	return v;
}

/* ---------------------------------------------------------------------------------------
 * Tuples
 * ------------------------------------------------------------------------------------ */

typedef struct gale_field {
	const char *name;
	gale_type type;
} gale_field;

/* Where a tuple comes from; the same for all tuples of one stream. Lives as long as the
 * task. */
typedef struct gale_source {
	const char *component;
	const char *stream;
	const gale_field *fields;	/* n_fields of them, in the order of the values */
	uint32_t n_fields;
	const uint8_t *inputs;		/* gale_in() looks here: input number -> value number */
	uint32_t n_inputs;
} gale_source;

struct gale_tuple {
	const gale_value *values;	/* n of them */
	uint32_t n;
	uint32_t source_task;
	const gale_source *source;
	uint32_t times;			/* how many equal tuples this one stands for: 1, or more in a
					 * bolt that declares `combine` */
};

/* gale_in gives the value of input number I, as the component's `inputs` counts them,
 * wherever the sender has it in its tuple. Its type is the one declared: the topology
 * was checked for that before it started, and each tuple is checked on its way in. */
static inline const gale_value *gale_in(const gale_tuple *t, uint32_t i)
{
	return &t->values[t->source->inputs[i]];
}

/* gale_field_of gives the value of the field NAME, or NULL when the stream has none. For
 * bolts that take any tuple; cost: one comparison of names per field. */
static inline const gale_value *gale_field_of(const gale_tuple *t, const char *name)
{
	for (uint32_t i = 0; i < t->source->n_fields && i < t->n; i++)
		if (strcmp(t->source->fields[i].name, name) == 0)
			return &t->values[i];
	return NULL;
}

/* ---------------------------------------------------------------------------------------
 * Results
 * ------------------------------------------------------------------------------------ */

enum {
	GALE_OK = 0,		/* done; for execute: the input is acked */
	GALE_FAIL = 1,		/* for execute: the input fails now and is replayed */
	GALE_FATAL = 2,		/* this worker can't go on: it ends, and is started again; the
				 * tenth time within a minute, or while the topology starts, the
				 * run ends instead */

	GALE_HOPELESS = 6,	/* only for gale_hopeless */

	GALE_EMITTED = 3,	/* next, finish: call again */
	GALE_IDLE = 4,		/* next, finish: nothing now */
	GALE_DONE = 5		/* next, finish: nothing ever again */
};

/* Why a message of a spout failed. */
typedef enum gale_failure_kind {
	GALE_FAILED_BY_BOLT,	/* a bolt returned GALE_FAIL or called gale_fail */
	GALE_TIMED_OUT,		/* not complete within topology.message.timeout.secs */
	GALE_NO_PROGRESS,	/* no ack for topology.progress.timeout.secs */
	GALE_NO_VERDICT,	/* the acker has not spoken for twice the timeout */
	GALE_WORKER_LOST,	/* a worker that the tuple may have touched has died; it may
				 * have been done or not. Does not count as an attempt */
	GALE_CRASHED		/* a worker has died with this tuple in its hands, of itself; at
				 * the third time it goes to the dead letters */
} gale_failure_kind;

typedef struct gale_failure {
	gale_failure_kind kind;
	bool final;		/* attempts are used up: it has gone to the dead letters */
	uint32_t attempt;	/* attempts so far that count, from 1 */
	const char *text;	/* for people: who, why, how old; borrowed */
} gale_failure;

/* A tuple that outlives its execute. Plain numbers: copy it as you like. It must meet
 * gale_ack or gale_fail once; a second use is refused, logged, and fails the tuple in
 * hand, if there is one that is not finished. All bits 0 is no handle. */
typedef struct gale_held {
	uint64_t id;
} gale_held;

/* ---------------------------------------------------------------------------------------
 * The context
 * ------------------------------------------------------------------------------------ */

typedef enum gale_level { GALE_ERROR, GALE_WARN, GALE_INFO, GALE_DEBUG } gale_level;

/* What happened on a watched descriptor, or what to watch for. */
enum { GALE_READABLE = 1, GALE_WRITABLE = 2, GALE_HANGUP = 4 };

typedef void gale_fd_fn(void *self, gale_ctx *ctx, int fd, int events, void *arg);
typedef void gale_timer_fn(void *self, gale_ctx *ctx, void *arg);

/* How to emit when the plain way does not do. Zero what you don't use. */
typedef struct gale_emission {
	uint32_t stream;		/* number in the component's outputs */
	uint32_t n;			/* values */
	const gale_value *values;
	const gale_held *anchors;	/* held inputs to anchor to, instead of the one in hand */
	uint32_t n_anchors;
	bool unanchored;		/* no anchor at all, although an input is in hand */
	bool direct;			/* to `task` only; the stream must be declared direct */
	bool tracked;			/* spouts: `id` comes back in ack or fail */
	bool kept;			/* spouts: and gale keeps the values and replays */
	uint32_t task;
	uint64_t id;
} gale_emission;

/* Bytes that somebody else owns. */
typedef struct gale_slice {
	const void *bytes;	/* not NUL-terminated */
	size_t n;
} gale_slice;

/* A walk through the state; see gale_state_next. */
typedef struct gale_scan {
	gale_slice prefix, key, value;
	uint64_t number;
} gale_scan;

/* The runtime's side. Call it through the functions below. */
typedef struct gale_host {
	uint32_t abi, size;
	int (*emit)(gale_ctx *, uint32_t stream, const gale_value *values, uint32_t n);
	int (*emit_as)(gale_ctx *, const gale_emission *e);
	gale_held (*hold)(gale_ctx *, const gale_tuple *t);
	const gale_tuple *(*held_tuple)(gale_ctx *, gale_held h);
	int (*ack)(gale_ctx *, gale_held h);
	int (*fail)(gale_ctx *, gale_held h, const char *why);
	int (*reset_timeout)(gale_ctx *, gale_held h);
	int (*result)(gale_ctx *, int result, const char *why);
	int (*watch)(gale_ctx *, int fd, int events, gale_fd_fn *fn, void *arg);
	int (*unwatch)(gale_ctx *, int fd);
	uint64_t (*timer)(gale_ctx *, uint32_t ms, gale_timer_fn *fn, void *arg);
	int (*cancel)(gale_ctx *, uint64_t timer);
	void (*wake)(gale_ctx *);
	void (*log)(gale_ctx *, gale_level level, const char *text);
	int64_t *(*metric)(gale_ctx *, const char *name, bool gauge);
	const char *(*config)(gale_ctx *, const char *key);
	int (*peers)(gale_ctx *, const char *component, uint32_t *first, uint32_t *n);
	void (*unbounded)(gale_ctx *);
	const uint8_t *(*unpack)(const uint8_t *body, gale_value *value);
	int64_t (*now_ms)(gale_ctx *);
	int (*position)(gale_ctx *, uint64_t next, const void *blob, uint32_t n);
	int (*forget)(gale_ctx *, uint64_t id);
	int (*state_get)(gale_ctx *, const void *key, size_t n, gale_slice *value);
	int (*state_put)(gale_ctx *, const void *key, size_t n, const void *value, size_t n_value);
	int (*state_delete)(gale_ctx *, const void *key, size_t n);
	void *(*state_merge)(gale_ctx *, const void *key, size_t n, size_t n_value);
	int (*state_add)(gale_ctx *, const void *key, size_t n, int64_t by, int64_t *sum);
	bool (*state_next)(gale_ctx *, gale_scan *scan);
	int (*temporary)(gale_ctx *, const char *path);
} gale_host;

/* Where a spout goes on; borrowed until resume returns. */
typedef struct gale_resume {
	uint64_t next;			/* as gale_position told it last */
	const void *blob;		/* and what it kept with it */
	uint32_t n_blob;
	uint32_t n_open;
	const uint64_t *open;		/* ids below next that are not done, ascending */
} gale_resume;

/* One task's door to gale. Yours to read; alive from open or prepare to cleanup. */
struct gale_ctx {
	const gale_host *host;
	const char *topology;	/* name of the topology */
	const char *component;	/* id of this component in it */
	uint32_t task;		/* number of this task in the topology, from 0 */
	uint32_t index;		/* number of this task among its component's, from 0 */
	uint32_t n_tasks;	/* tasks of this component */
	int out;		/* descriptor of the topology's standard output. What a
				 * plugin writes to its own standard output goes to the log. */
	bool state_lasts;	/* what is in the state outlives this run */
	uint64_t txid;		/* number of the batch in hand, from 1; in open, prepare, persist and
				 * publish the last batch that they are about; 0: no transactions */
	uint64_t generation;	/* which attempt; grows with every one. 0: no transactions */
	gale_level level;	/* lines of this level and worse get into the log: see gale_logs */
};

/* ---------------------------------------------------------------------------------------
 * Emitting
 * ------------------------------------------------------------------------------------ */

/* gale_emit_values emits N values on output STREAM (its number in the component's
 * `outputs`), anchored to the input in hand: it becomes a child of it, and the spout's
 * message is acked only when it is. Where no input is in hand (a timer, tick, next) it is
 * not tracked. Copies everything. Never blocks: what a full destination does not take
 * waits in this worker, which then takes no further input.
 *
 * Returns 0, or -1 when the values don't fit the declaration (number, types, size); the
 * tuple in hand fails then, so `return gale_emit(...)` is a good last line.
 */
static inline int gale_emit_values(gale_ctx *ctx, uint32_t stream, const gale_value *values, uint32_t n)
{
	return ctx->host->emit(ctx, stream, values, n);
}

/* gale_emit_as emits with everything said; the functions below are its usual forms. */
static inline int gale_emit_as(gale_ctx *ctx, const gale_emission *e)
{
	return ctx->host->emit_as(ctx, e);
}

#ifdef __cplusplus
} /* extern "C" */
template <typename... V>
inline int gale_emit(gale_ctx *ctx, uint32_t stream, V... v)
{
	const gale_value values[] = { v... };
	return gale_emit_values(ctx, stream, values, (uint32_t)sizeof...(v));
}
extern "C" {
#else
/* gale_emit(ctx, stream, value, ...) is gale_emit_values with the values written out. */
#define gale_emit(CTX, STREAM, ...) \
	gale_emit_values((CTX), (STREAM), (const gale_value[]){ __VA_ARGS__ }, \
	    (uint32_t)(sizeof (const gale_value[]){ __VA_ARGS__ } / sizeof (gale_value)))
#endif

/* gale_emit_tracked: a spout emits a message of its own, named ID. ack(ID) or fail(ID)
 * follows, once, later. After a fail the spout emits it again with the same ID if it
 * wants it replayed; gale counts the attempts by ID. With "topology.acker.executors": 0
 * the ack is called at once. */
static inline int gale_emit_tracked(gale_ctx *ctx, uint32_t stream, uint64_t id, const gale_value *values, uint32_t n)
{
	gale_emission e;
	memset(&e, 0, sizeof e);
	e.stream = stream;
	e.values = values;
	e.n = n;
	e.tracked = true;
	e.id = id;
	return ctx->host->emit_as(ctx, &e);
}

/* gale_emit_kept: as gale_emit_tracked, but gale keeps a copy of the values and replays
 * them by itself. The spout hears ack(ID) in the end, or one fail(ID) with `final` set
 * when topology.max.attempts is used up. */
static inline int gale_emit_kept(gale_ctx *ctx, uint32_t stream, uint64_t id, const gale_value *values, uint32_t n)
{
	gale_emission e;
	memset(&e, 0, sizeof e);
	e.stream = stream;
	e.values = values;
	e.n = n;
	e.tracked = e.kept = true;
	e.id = id;
	return ctx->host->emit_as(ctx, &e);
}

/* gale_position: every message that this task emits below the id NEXT is emitted by now, and
 * the N bytes at BLOB (GALE_MAX_POSITION at most; copied) belong to that, such as which file
 * it was. gale writes it down with the ids that are still open, at most 100 ms later, and a
 * task that takes the place of this one goes on from there: see resume. Only in spouts that
 * have resume; from open on. One that tells it in open already can be started again when it dies before
 * its first next has returned, as bolts that are chained to it may make it. -1 when NEXT is smaller than
 * the last time. */
static inline int gale_position(gale_ctx *ctx, uint64_t next, const void *blob, size_t n)
{
	return ctx->host->position(ctx, next, blob, n > GALE_MAX_POSITION ? UINT32_MAX : (uint32_t)n);
}

/* gale_forget: message ID, one that resume was given as open, will not be emitted again, for
 * what it was made of is gone. It is lost: say so in the log. -1 when it was not open. */
static inline int gale_forget(gale_ctx *ctx, uint64_t id)
{
	return ctx->host->forget(ctx, id);
}

/* gale_emit_unanchored: nobody learns of it if it is lost. */
static inline int gale_emit_unanchored(gale_ctx *ctx, uint32_t stream, const gale_value *values, uint32_t n)
{
	gale_emission e;
	memset(&e, 0, sizeof e);
	e.stream = stream;
	e.values = values;
	e.n = n;
	e.unanchored = true;
	return ctx->host->emit_as(ctx, &e);
}

/* gale_emit_anchored: a child of all the N_ANCHORS held inputs (an aggregate, a join), and
 * of those only. */
static inline int gale_emit_anchored(gale_ctx *ctx, uint32_t stream, const gale_held *anchors, uint32_t n_anchors,
    const gale_value *values, uint32_t n)
{
	gale_emission e;
	memset(&e, 0, sizeof e);
	e.stream = stream;
	e.values = values;
	e.n = n;
	e.anchors = anchors;
	e.n_anchors = n_anchors;
	return ctx->host->emit_as(ctx, &e);
}

/* gale_emit_direct: to task number TASK only (see gale_peers), anchored to the input in
 * hand. The stream must be declared direct. */
static inline int gale_emit_direct(gale_ctx *ctx, uint32_t stream, uint32_t task, const gale_value *values, uint32_t n)
{
	gale_emission e;
	memset(&e, 0, sizeof e);
	e.stream = stream;
	e.values = values;
	e.n = n;
	e.direct = true;
	e.task = task;
	return ctx->host->emit_as(ctx, &e);
}

/* ---------------------------------------------------------------------------------------
 * Holding
 * ------------------------------------------------------------------------------------ */

/* gale_hold keeps the tuple in hand past its execute, whose GALE_OK then does not ack it.
 * Only in execute, once per tuple. Its spout's message stays open until gale_ack or
 * gale_fail; the frame that it came in (up to 64 KiB) stays in memory as long. A bolt that
 * gathers more than topology.max.spout.pending messages before it acks any waits for more
 * than a spout may have open: all stands still until the timeout fails them, or, at the end
 * of the input, `drain` is called. */
static inline gale_held gale_hold(gale_ctx *ctx, const gale_tuple *t)
{
	return ctx->host->hold(ctx, t);
}

/* gale_held_tuple gives the tuple behind H, valid until its gale_ack or gale_fail; NULL
 * for a handle that is finished. */
static inline const gale_tuple *gale_held_tuple(gale_ctx *ctx, gale_held h)
{
	return ctx->host->held_tuple(ctx, h);
}

/* gale_ack, gale_fail finish a held tuple, from any callback. -1: H was finished before. */
static inline int gale_ack(gale_ctx *ctx, gale_held h)
{
	return ctx->host->ack(ctx, h);
}

static inline int gale_fail(gale_ctx *ctx, gale_held h, const char *why)
{
	return ctx->host->fail(ctx, h, why);
}

/* gale_reset_timeout starts the message timeout anew for the trees of a held tuple. */
static inline int gale_reset_timeout(gale_ctx *ctx, gale_held h)
{
	return ctx->host->reset_timeout(ctx, h);
}

/* gale_failed says why the tuple in hand fails: `return gale_failed(ctx, "no such user");`
 * gale_fatal says why this worker can't go on: `return gale_fatal(ctx, "disk full");`
 * The forms with an f print as printf does: `return gale_failedf(ctx, "no user %s", name);`
 * Texts are cut after 511 bytes. */
static inline int gale_failed(gale_ctx *ctx, const char *why)
{
	return ctx->host->result(ctx, GALE_FAIL, why);
}

static inline int gale_fatal(gale_ctx *ctx, const char *why)
{
	return ctx->host->result(ctx, GALE_FATAL, why);
}

/* gale_hopeless is gale_fatal where no successor could do better (the reader of a pipe is
 * gone): the run ends, with exit code 1. Returns GALE_FATAL. */
static inline int gale_hopeless(gale_ctx *ctx, const char *why)
{
	return ctx->host->result(ctx, GALE_HOPELESS, why);
}

GALE_PRINTF(2)
static inline int gale_failedf(gale_ctx *ctx, const char *format, ...)
{
	char why[GALE_MAX_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	return gale_failed(ctx, why);
}

GALE_PRINTF(2)
static inline int gale_fatalf(gale_ctx *ctx, const char *format, ...)
{
	char why[GALE_MAX_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	return gale_fatal(ctx, why);
}

/* ---------------------------------------------------------------------------------------
 * State
 *
 * A bolt that declares a `state_version` has a table of its own in each task, from keys to
 * values, both plain bytes; keys are ordered as memcmp orders them. What it writes there is
 * seen at once by the calls below and is on disk soon. The acks of what it executes wait
 * for that: when a spout hears that a message was acked, all that the message changed here
 * has been written and synced. A task that is started again finds what was committed last,
 * and the messages that had not been acked by then come again. So a message may be counted
 * twice, and is never lost.
 *
 *   When      In every callback of the task but cleanup. A commit comes when the worker has
 *             nothing else to do, 10 ms after the first ack that waits for it, or when 4 MiB
 *             have been changed, whichever is first; never inside a callback. All tasks
 *             of a worker are committed together, each of them as a whole or not at all.
 *   Lifetime  What a call gives is borrowed: until the next state call of this task or
 *             the end of the callback, whichever is first.
 *   Limits    A key has at most GALE_MAX_VALUE bytes, and so has a value. What was used lately is
 *             kept in memory, up to 16 MiB a task; the rest is read from disk.
 *   Errors    A wrong call (no state declared, a key too long) is refused as others are:
 *             -1 or NULL, a line in the log, the tuple in hand fails. When the disk fails
 *             the worker ends, with the reason; no call returns because of it.
 * ------------------------------------------------------------------------------------ */

/* gale_state_get gives the value of the N bytes at KEY. Returns 1, or 0 when there is none
 * (*VALUE is then empty), or -1. */
static inline int gale_state_get(gale_ctx *ctx, const void *key, size_t n, gale_slice *value)
{
	return ctx->host->state_get(ctx, key, n, value);
}

/* gale_state_put sets the value, gale_state_delete takes key and value away. Both copy. 0
 * or -1; to delete what is not there is no mistake. */
static inline int gale_state_put(gale_ctx *ctx, const void *key, size_t n, const void *value, size_t n_value)
{
	return ctx->host->state_put(ctx, key, n, value, n_value);
}

static inline int gale_state_delete(gale_ctx *ctx, const void *key, size_t n)
{
	return ctx->host->state_delete(ctx, key, n);
}

/* gale_state_merge gives the value to be changed in place: N_VALUE bytes, aligned to 8. A
 * value that was longer is cut, one that was shorter, or not there, ends in zeros. NULL
 * when refused. */
static inline void *gale_state_merge(gale_ctx *ctx, const void *key, size_t n, size_t n_value)
{
	return ctx->host->state_merge(ctx, key, n, n_value);
}

/* gale_state_add adds BY to a value that is an int64_t (8 bytes, in this machine's order),
 * 0 when there is none; it wraps around. The sum goes to *SUM unless that is NULL. 0, or -1
 * when the value has another size. Costs what a lookup in a table in memory costs, for keys
 * that are used often. */
static inline int gale_state_add(gale_ctx *ctx, const void *key, size_t n, int64_t by, int64_t *sum)
{
	return ctx->host->state_add(ctx, key, n, by, sum);
}

/* gale_state_scan begins a walk through all keys that begin with the N_PREFIX bytes at
 * PREFIX, which must stay there as long as the walk lasts. N_PREFIX 0: all keys.
 * gale_state_scan_after begins behind the N bytes at KEY, whether that is a key or not: so
 * a walk can go on in a later callback.
 *
 *     for (gale_scan s = gale_state_scan("user/", 5); gale_state_next(ctx, &s);)
 *             use(s.key, s.value);
 *
 * Each step of gale_state_next gives the next larger key as the state is at that moment. The
 * task may get, put, delete and merge between steps: a key that is put ahead comes, one that
 * was deleted doesn't, and no key comes twice. A step's key and value stay until the next
 * step, whatever is written in between. A task has one walk at a time: the first step of
 * another one ends it, and so does the end of the callback. False: there is no further key,
 * or the step was refused. */
static inline gale_scan gale_state_scan(const void *prefix, size_t n_prefix)
{
	gale_scan s;
	memset(&s, 0, sizeof s);
	s.prefix.bytes = prefix;
	s.prefix.n = n_prefix;
	return s;
}

static inline gale_scan gale_state_scan_after(const void *prefix, size_t n_prefix, const void *key, size_t n)
{
	gale_scan s = gale_state_scan(prefix, n_prefix);
	s.key.bytes = key;
	s.key.n = n;
	return s;
}

static inline bool gale_state_next(gale_ctx *ctx, gale_scan *scan)
{
	return ctx->host->state_next(ctx, scan);
}

/* ---------------------------------------------------------------------------------------
 * Batches
 *
 * In a transactional topology ("transactional": {"id": ...} in its file) tuples travel in
 * batches, numbered by txid. A batch is committed as a whole or not at all, in order, and
 * each exactly once: what tasks have put into their states for it, and what sinks put out.
 * When anything fails, all that is not committed is undone everywhere and comes again.
 *
 *   Bolts     need nothing new: execute, state and emit are as ever, and each tuple takes
 *             effect once. ctx->txid tells the batch. A tuple that is held keeps its batch
 *             open. GALE_FAIL fails the batch.
 *   Order     A task has all of batch n before the first tuple of n + 1.
 *   Ticks     and timers act in the batch in hand; what they emit and write is committed,
 *             although no tuple comes. No tick comes between finish_batch and the next batch.
 *   Undone    Where batches are undone the task is made anew in its worker: cleanup, then
 *             prepare, with ctx->txid the last batch that is committed. So what it had in
 *             memory is gone; what it had in its state is as that batch left it.
 *   Spouts    need resume and gale_position, and are made anew likewise: open, resume at
 *             the record's position, no message open. A message that is emitted belongs to
 *             its batch from then on: ack is called at once, fail never.
 *   Sinks     put out what can be taken back, and say in state how far it goes: both in
 *             execute and finish_batch. persist syncs it, publish makes it visible.
 *   finish    is called once in the last batch, when all spouts have ended; it takes what
 *             it emits from state, for it may be called again in another attempt.
 * ------------------------------------------------------------------------------------ */

/* gale_temporary: the file PATH, or the directory PATH and the files in it, is to go when the run
 * ends, in whatever way. For what the state speaks of and only a task that is started again needs:
 * where the state outlives the run it stays. Call it before it is made. PATH is absolute, and its
 * last name begins with ".gale-". 0 or -1. */
static inline int gale_temporary(gale_ctx *ctx, const char *path)
{
	return ctx->host->temporary(ctx, path);
}

/* ---------------------------------------------------------------------------------------
 * The loop at your service
 * ------------------------------------------------------------------------------------ */

/* gale_watch calls FN when FD is ready for EVENTS, again and again (level-triggered), and
 * after a spout's FN its next is asked again. One watch per descriptor: a second call
 * changes it. FD stays yours; unwatch it before you close it. */
static inline int gale_watch(gale_ctx *ctx, int fd, int events, gale_fd_fn *fn, void *arg)
{
	return ctx->host->watch(ctx, fd, events, fn, arg);
}

static inline int gale_unwatch(gale_ctx *ctx, int fd)
{
	return ctx->host->unwatch(ctx, fd);
}

/* gale_timer calls FN once, MS milliseconds from now. Returns a number for gale_cancel,
 * never 0. */
static inline uint64_t gale_timer(gale_ctx *ctx, uint32_t ms, gale_timer_fn *fn, void *arg)
{
	return ctx->host->timer(ctx, ms, fn, arg);
}

/* gale_cancel stops a timer; -1 when it has fired or is not known. */
static inline int gale_cancel(gale_ctx *ctx, uint64_t timer)
{
	return ctx->host->cancel(ctx, timer);
}

/* gale_wake makes the loop call this task's `woken` soon. ANY thread may call it, any
 * number of times; several wakes may end in one call. */
static inline void gale_wake(gale_ctx *ctx)
{
	ctx->host->wake(ctx);
}

/* gale_now_ms is the loop's monotonic clock. */
static inline int64_t gale_now_ms(gale_ctx *ctx)
{
	return ctx->host->now_ms(ctx);
}

/* ---------------------------------------------------------------------------------------
 * Log, metrics, surroundings
 * ------------------------------------------------------------------------------------ */

/* gale_logs tells whether a line of LEVEL gets into the log now: topology.log.level says so, or
 * `gale set-log-level` while the topology runs. Ask before you make a line that costs something. */
static inline bool gale_logs(gale_ctx *ctx, gale_level level)
{
	return level <= ctx->level;
}

/* gale_log writes one line to the topology's log: "component[task] warn: text"; at
 * GALE_INFO no level is named. gale_logf prints as printf does, 511 bytes at most. What does not
 * get into the log costs a comparison. */
static inline void gale_log(gale_ctx *ctx, gale_level level, const char *text)
{
	if (gale_logs(ctx, level))
		ctx->host->log(ctx, level, text);
}

GALE_PRINTF(3)
static inline void gale_logf(gale_ctx *ctx, gale_level level, const char *format, ...)
{
	char text[GALE_MAX_TEXT];
	va_list args;
	if (!gale_logs(ctx, level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	gale_log(ctx, level, text);
}

/* gale_counter and gale_gauge give a number that people see beside gale's own: add to a
 * counter, set a gauge. Ask once, in open or prepare, and keep the pointer; it is good
 * until cleanup. A worker has room for 32 names of up to 31 bytes; further ones are logged
 * and go nowhere. */
static inline int64_t *gale_counter(gale_ctx *ctx, const char *name)
{
	return ctx->host->metric(ctx, name, false);
}

static inline int64_t *gale_gauge(gale_ctx *ctx, const char *name)
{
	return ctx->host->metric(ctx, name, true);
}

/* gale_config gives the value of a config key as this component sees it (its own `config`
 * before the topology's, then the default), strings as they are, all else as JSON; NULL
 * when it is unset. Lives as long as the task. */
static inline const char *gale_config(gale_ctx *ctx, const char *key)
{
	return ctx->host->config(ctx, key);
}

/* gale_peers gives the numbers of COMPONENT's tasks: *first to *first + *n - 1. -1: the
 * topology has no such component. */
static inline int gale_peers(gale_ctx *ctx, const char *component, uint32_t *first, uint32_t *n)
{
	return ctx->host->peers(ctx, component, first, n);
}

/* gale_unbounded: a spout says in open that its input has no end (a followed file). A run
 * with such a spout that is told to stop still finishes its bolts, so their output is
 * published; a bounded one that is cut short publishes nothing. When its worker dies, a
 * spout without end is opened again; one with an end that can't be positioned (`resume`)
 * ends the run, for a part of its input would be missing. */
static inline void gale_unbounded(gale_ctx *ctx)
{
	ctx->host->unbounded(ctx);
}

/* gale_each walks a list or map of either form.
 *
 *     gale_value item;
 *     for (gale_iter it = gale_iterate(list); gale_each(ctx, &it, &item);)
 *             ...
 *
 * Of a map it gives key, value, key, value. */
typedef struct gale_iter {
	const gale_value *list;
	uint32_t at, end;
	const uint8_t *body;
} gale_iter;

static inline gale_iter gale_iterate(const gale_value *list)
{
	gale_iter it;
	it.list = list;
	it.at = 0;
	it.end = list->type == GALE_LIST ? list->n : list->type == GALE_MAP ? 2 * list->n : 0;
	it.body = list->packed ? list->u.body : NULL;
	return it;
}

static inline bool gale_each(gale_ctx *ctx, gale_iter *it, gale_value *item)
{
	if (it->at == it->end)
		return false;
	if (it->list->packed)
		it->body = ctx->host->unpack(it->body, item);
	else
		*item = it->list->u.items[it->at];
	it->at++;
	return true;
}

/* ---------------------------------------------------------------------------------------
 * What a plugin declares
 * ------------------------------------------------------------------------------------ */

typedef enum gale_kind { GALE_SPOUT = 1, GALE_BOLT = 2, GALE_GROUPING = 3 } gale_kind;

/* An output stream. Its number, for gale_emit, is its place in `outputs`. */
typedef struct gale_stream {
	const char *id;			/* "default" unless there is a reason */
	const gale_field *fields;	/* ends with a field without name */
	bool direct;			/* emitted with gale_emit_direct only */
} gale_stream;

/* A property: what a user may write under "properties" in the topology file. gale checks
 * it, fills it into `self` at `offset` before open or prepare, and shows it in
 * `gale plugin info`. */
typedef enum gale_prop_type {
	GALE_PROP_BOOL,		/* bool */
	GALE_PROP_INT,		/* int64_t */
	GALE_PROP_FLOAT,	/* double */
	GALE_PROP_STRING,	/* const char *; NULL when unset without default */
	GALE_PROP_PATH		/* const char *, absolute; "-" stays "-" */
} gale_prop_type;

typedef struct gale_prop {
	const char *name;
	gale_prop_type type;
	size_t offset;
	const char *doc;	/* one sentence, with the unit */
	const char *fallback;	/* the default, as text; NULL: false, 0, 0.0, NULL */
	bool required;
	int64_t min, max;	/* of ints and floats; both 0: any */
	const char *choices;	/* of strings: "lines|tsv|json" */
} gale_prop;

struct gale_component {
	const char *name;	/* [A-Za-z][A-Za-z0-9_]* */
	const char *doc;	/* one sentence */
	gale_kind kind;
	bool outputs_from_json;	/* the topology file declares the outputs, not this */
	size_t self_size;	/* each task's private memory: zeroed, given as `self` */
	const gale_field *inputs;	/* bolts: what execute reads, by gale_in; ends with a
					 * field without name; NULL: takes any tuple */
	const gale_stream *outputs;	/* ends with a stream without id */
	const gale_prop *props;		/* ends with a property without name */

	/* All kinds. A callback that is NULL is not called. */

	/* cleanup ends the task: free what you own. Also called when open or prepare failed.
	 * Not called when the worker is killed, or after gale_fatal elsewhere. */
	void (*cleanup)(void *self, gale_ctx *ctx);
	/* tick is called every topology.tick.tuple.freq.ms (or .secs) of this component. */
	int (*tick)(void *self, gale_ctx *ctx);
	/* woken follows gale_wake. */
	int (*woken)(void *self, gale_ctx *ctx);

	/* Spouts */

	/* open starts the task; properties are filled in. */
	int (*open)(void *self, gale_ctx *ctx);
	/* next emits what it has, a few tuples at most, and says GALE_EMITTED, GALE_IDLE or
	 * GALE_DONE. After GALE_IDLE it is asked again when a watched descriptor, a timer, a
	 * wake, an ack or a fail gives a reason; a spout that has no watch and no timer is
	 * asked again after 1 ms, less and less often up to every 50 ms. It is not called
	 * while topology.max.spout.pending messages are open or a destination is full; the
	 * few that one call emits may overshoot that limit. After GALE_DONE it is called
	 * again only when fail was: then it may have something to emit once more. */
	int (*next)(void *self, gale_ctx *ctx);
	/* ack: every tuple of message ID's tree was acked. */
	void (*ack)(void *self, gale_ctx *ctx, uint64_t id);
	/* fail: it failed. Emit it again with the same ID, soon or later, unless f->final.
	 * Not called for kept messages that gale is about to replay. */
	void (*fail)(void *self, gale_ctx *ctx, uint64_t id, const gale_failure *f);
	/* activate is called before the first next and after a deactivate. */
	void (*activate)(void *self, gale_ctx *ctx);
	/* deactivate: next will not be called until activate. Acks and fails still come. */
	void (*deactivate)(void *self, gale_ctx *ctx);

	/* Bolts */

	/* prepare starts the task; properties are filled in. */
	int (*prepare)(void *self, gale_ctx *ctx);
	/* execute handles one tuple: GALE_OK acks it, GALE_FAIL fails it. */
	int (*execute)(void *self, gale_ctx *ctx, const gale_tuple *t);
	/* drain: upstream has nothing more for now. Ack or fail all that you hold. */
	int (*drain)(void *self, gale_ctx *ctx);
	/* finish: the input has ended. Emit what is left, a few tuples a call (they are
	 * tracked, and replayed by gale if they fail), and return GALE_EMITTED to be called
	 * again, GALE_IDLE to be called again as next is, or GALE_DONE. Anything else ends
	 * the worker, for a result would be lost. Not called when a bounded run is cut short. */
	int (*finish)(void *self, gale_ctx *ctx);

	/* Groupings */

	/* choose picks tasks for a tuple: indexes 0 to n_tasks - 1 of the target component
	 * into TASKS (room for n_tasks), and returns how many, or -1 to fail the tuple. */
	int (*choose)(void *self, gale_ctx *ctx, const gale_value *values, uint32_t n,
	    uint32_t n_tasks, uint32_t *tasks);

	/* Spouts that can be positioned */

	/* resume follows open when an earlier process of this task has left a position: emit
	 * what is open again, before anything new, with the same ids, and go on at r->next.
	 * Whoever has this callback names its messages by positions that only grow (the byte
	 * at which a line starts, the place in a row), emits what fails before anything new,
	 * and tells its position: see gale_position. It is not called, and next neither, when
	 * the task had said GALE_DONE and all its messages were done. When the input is not
	 * what it was, return gale_fatal and say what to do: the run ends with exit code 5. */
	int (*resume)(void *self, gale_ctx *ctx, const gale_resume *r);
	/* Bolts with state */

	/* state_version: the bolt has state, in this form; raise it when the meaning of its
	 * keys or values changes: state of another version is refused, never guessed at. 0: it
	 * has none. */
	uint32_t state_version;
	/* state_by_field: each key of the state is the value, a string or bytes, of the one field by
	 * which FIELDS brings the bolt its tuples. Then its keys can be shared out anew when the bolt
	 * gets another number of tasks (gale state import --tasks). */
	bool state_by_field;
	/* persist is called before each commit, when acks wait or the state has changed. What
	 * is to be on disk before those acks leave, beside the state, is to be synced here; what
	 * it puts into the state is part of the commit. It must not emit. GALE_OK or GALE_FATAL.
	 * In a transactional topology: what was put out in batches up to ctx->txid is to be
	 * synced; the state can only be read, for that of those batches is complete. */
	int (*persist)(void *self, gale_ctx *ctx);

	/* Bolts in transactional topologies; see "Batches" */

	/* finish_batch: all tuples of batch ctx->txid have been executed. What it emits and
	 * writes to the state belongs to that batch still. GALE_OK, GALE_FAIL (the batch fails
	 * and comes again) or GALE_FATAL. */
	int (*finish_batch)(void *self, gale_ctx *ctx);
	/* publish: the batches up to ctx->txid are decided, and nothing will undo them. Make
	 * visible what was put out for them, in order; what is visible already stays as it is,
	 * for publish comes again after a crash, and after each prepare. It must not emit nor
	 * write state. GALE_OK or GALE_FATAL. Who has it needs a state_version: only what is in
	 * the state is known after a crash. */
	int (*publish)(void *self, gale_ctx *ctx);

	/* Bolts that take equal tuples together */

	/* combine: execute looks at t->times. Where FIELDS brings the bolt its tuples, equal ones (all
	 * values, and the task that they are from) that wait for the same frame then may come as one that
	 * stands for them: less is sent, and execute is called less often. A bolt that counts adds t->times
	 * instead of 1. The tuple belongs to the messages of all of them: to fail it fails them all, what is
	 * emitted for it is anchored to all, and to hold it keeps them all open. How many become one depends on how
	 * the frames were filled, and a tuple may overtake one with other values, of its own key too, that was emitted
	 * before it. Nothing comes later because of this. Leave it off where emits, of this bolt or of one that it
	 * feeds, are anchored to many held tuples: those may belong to 4096 messages at most, and one that stands
	 * for several belongs to up to 1024. Users can switch it off ("topology.combining": "off"). */
	bool combine;
};

/* What the library exports, as the symbol `gale_plugin`. The two first words are checked
 * before anything else is read. */
typedef struct gale_plugin_info {
	uint32_t abi;			/* GALE_ABI */
	uint32_t size;			/* sizeof (gale_component) */
	const gale_component *const *components;	/* ends with NULL */
} gale_plugin_info;

#define GALE_EXPORT __attribute__((visibility("default"), used))

#ifndef __cplusplus
#define GALE_FIELDS(...)  (const gale_field[]){ __VA_ARGS__, { NULL, GALE_NULL } }
#define GALE_STREAMS(...) (const gale_stream[]){ __VA_ARGS__, { .id = NULL } }
#define GALE_STREAM(ID, ...)        { .id = ID, .fields = GALE_FIELDS(__VA_ARGS__) }
#define GALE_DIRECT_STREAM(ID, ...) { .id = ID, .fields = GALE_FIELDS(__VA_ARGS__), .direct = true }
#define GALE_PROPS(...)   (const gale_prop[]){ __VA_ARGS__, { .name = NULL } }
/* GALE_PROP(struct mine, member, GALE_PROP_INT, "doc", .fallback = "10", ...) */
#define GALE_PROP(T, MEMBER, TYPE, ...) \
	{ .name = #MEMBER, .type = TYPE, .offset = offsetof(T, MEMBER), .doc = __VA_ARGS__ }
/* GALE_PLUGIN(&one, &two, ...) exports the library's components. */
#define GALE_PLUGIN(...) \
	extern const gale_plugin_info gale_plugin; \
	GALE_EXPORT const gale_plugin_info gale_plugin = { \
		GALE_ABI, sizeof (gale_component), (const gale_component *const[]){ __VA_ARGS__, NULL } }
#endif

#ifdef __cplusplus
/* In C++17, which has no compound literals, the tables are arrays of your own. */
#define GALE_PLUGIN(...) \
	static const gale_component *const gale_components_[] = { __VA_ARGS__, nullptr }; \
	extern "C" GALE_EXPORT const gale_plugin_info gale_plugin = { \
		GALE_ABI, sizeof (gale_component), gale_components_ }
} /* extern "C" */
#endif
#endif
