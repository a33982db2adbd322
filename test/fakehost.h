/* fakehost.h - drives one component of a plugin with no process, no socket and no clock.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     struct fake *f = fake_load("spouts", "lines");
 *     fake_set(f, "path", "/etc/passwd");
 *     ck_assert_int_eq(fake_start(f), GALE_OK);
 *     ck_assert_int_eq(fake_pump(f), GALE_DONE);
 *     ck_assert(f->n_emits > 0);
 *     fake_free(f);
 *
 * The component gets a table of host functions like any other; what it does through them is
 * recorded here. Time stands still until fake_turn has nothing else to do and goes on to
 * the next timer, so no test waits for one. Descriptors are real.
 *
 * A call that the component must not make ends the test.
 */
#ifndef GALE_TEST_FAKEHOST_H
#define GALE_TEST_FAKEHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

/* check.h defines `fail` as a macro, which is a name of ours. */
#include <check.h>
#undef fail

enum { FAKE_WATCHES = 16, FAKE_TIMERS = 64, FAKE_METRICS = 32 };

/* What was emitted; values are copies. */
struct fake_emit {
	uint32_t stream, n;
	gale_value *values;
	bool tracked, kept, unanchored, direct;
	uint32_t task;
	uint64_t id;
};

enum fake_fate { FAKE_OPEN, FAKE_ACKED, FAKE_FAILED };

/* A tuple that was held. */
struct fake_held {
	gale_tuple tuple;
	enum fake_fate fate;
	int resets;		/* of its timeout */
};

struct fake_watch {
	int fd, events;
	gale_fd_fn *fn;
	void *arg;
};

struct fake_timer {
	uint64_t id;
	int64_t due_ms;
	gale_timer_fn *fn;
	void *arg;
};

struct fake {
	gale_ctx ctx;		/* first: the component's context is this struct */
	const gale_component *component;
	void *library;
	void *self;
	bool started;

	/* The stream that fake_execute's tuples come on. */
	gale_source source;
	gale_field fields[GALE_MAX_FIELDS];
	uint8_t inputs[GALE_MAX_FIELDS];

	bool forget;		/* count emits and don't keep them: benchmarks */
	struct fake_emit *emits;
	size_t n_emits;
	struct fake_held *held;	/* handle number i is held[i - 1] */
	size_t n_held;
	const gale_tuple *in_hand;
	bool held_in_hand;

	char *log;		/* "warn text\n" ... */
	char *why;		/* text of the last gale_failed or gale_fatal; "" */
	int verdict;		/* GALE_FAIL or GALE_FATAL as told last; GALE_OK */
	int last;		/* result of the last next */

	int64_t now_ms;
	struct fake_watch watches[FAKE_WATCHES];
	int n_watches;
	struct fake_timer timers[FAKE_TIMERS];
	int n_timers;
	uint64_t n_timers_ever;

	int64_t metrics[FAKE_METRICS];
	char metric_names[FAKE_METRICS][32];
	const char *timeout_secs;	/* config topology.message.timeout.secs */
	bool unbounded;

	/* Its position as told last. */
	uint64_t next;
	uint8_t blob[GALE_MAX_POSITION];
	uint32_t n_blob;
	bool positioned;
	uint64_t newest;		/* largest id that was emitted; 0 when none was since open */
	bool any_new;
	uint64_t n_forgotten;
	struct state *state;		/* opened when it is asked for first */
	const char *state_path;		/* NULL: a new one, which is never committed */
};

/* fake_load opens TOP_BUILDDIR/FOLDER/NAME.so and takes its only component. */
struct fake *fake_load(const char *folder, const char *name);

/* fake_free ends the task as gale would (cleanup) and frees all. */
void fake_free(struct fake *f);

/* fake_set gives a property a value, as text: the component's table says what it means. */
void fake_set(struct fake *f, const char *property, const char *text);

/* fake_fields declares the stream that tuples come on: for bolts that take any. Ends with a
 * field without name. Bolts that declare inputs get those. */
void fake_fields(struct fake *f, const gale_field *fields);

/* fake_start calls open and activate, or prepare. */
int fake_start(struct fake *f);

/* fake_resume is fake_start of a task that goes on where FROM has come, with N ids open. */
int fake_resume(struct fake *f, const struct fake *from, const uint64_t *open, uint32_t n);

/* fake_next calls next, and checks what it must keep to when it can be positioned: new messages
 * have ids that grow, none below the position told last, and all of them are below the one that
 * is told when it returns. fake_pump calls it until it says something else than GALE_EMITTED. */
int fake_next(struct fake *f);
int fake_pump(struct fake *f);

/* fake_execute gives the bolt a tuple of N values. fake_text gives it one of one string. */
int fake_execute(struct fake *f, const gale_value *values, uint32_t n);
int fake_text(struct fake *f, const char *s, size_t n);

/* fake_finish calls finish until it says something else than GALE_EMITTED. */
int fake_finish(struct fake *f);

/* fake_commit calls persist and commits the state, as gale does before acks leave. */
void fake_commit(struct fake *f);

/* fake_kill is fake_free of a task whose worker was killed: no cleanup, and what was not
 * committed is gone. */
void fake_kill(struct fake *f);

/* fake_fail tells a spout that a message failed. */
void fake_fail(struct fake *f, uint64_t id, bool final);

/* fake_turn is one turn of the loop: descriptors that are ready, or else the next timer, or
 * else a wait of up to 10 ms for a descriptor. A spout is then pumped. Tells whether anything
 * happened. */
bool fake_turn(struct fake *f);

/* fake_until turns until CONDITION holds, for up to 20 s of real time. */
#define fake_until(F, CONDITION) \
	do { \
		int64_t deadline_ = fake_real_ms() + 20000; \
		while (!(CONDITION)) { \
			ck_assert_msg(fake_real_ms() < deadline_, "never came: %s", #CONDITION); \
			fake_turn(F); \
		} \
	} while (0)
int64_t fake_real_ms(void);

/* fake_idle asserts that nothing will happen without cause: no timer is set, no watched
 * descriptor is ready. */
void fake_idle(struct fake *f);

/* fake_is tells whether emit number I has the string S as its value number 0. */
bool fake_is(const struct fake *f, size_t i, const char *s);

/* fake_forget forgets what was emitted. */
void fake_forget(struct fake *f);

#endif
