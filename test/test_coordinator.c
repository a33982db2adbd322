/* test_coordinator.c - what is begun, closed, committed and decided, and when: step by step.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Four workers: a spout, a bolt without state, one with, and a sink. What the coordinator does
 * is one text: `begin 2@0 ` is an order to worker 0, `[cut 1:5] ` something that it writes, with
 * the spout's position; `!` is final, `=5` a planned end. */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "coordinator.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { SPOUT, BOLT, KEEPER, SINK, N, TASK = 0, BATCHES = 3, INTERVAL_MS = 10, TIMEOUT_MS = 1000,
	ATTEMPTS = 3, HELD_MOST = 1000, INCARNATION = 2 };

static const uint8_t roles[N] = {
	[SPOUT] = ROLE_CUTS, [KEEPER] = ROLE_PREPARES, [SINK] = ROLE_PREPARES | ROLE_PUBLISHES,
};
static struct coordinator c;
static struct coordinator_config config;
static struct buf did;
static char order_to[64];	/* the last order, to be told once for all who get it */
static uint64_t now;

/* ---- what it does ---- */

static void next_line(void)
{
	if (order_to[0] != '\0')
		buf_puts(&did, " ");
	order_to[0] = '\0';
}

static void take_order(void *arg, uint32_t worker, const struct order *x)
{
	static const char *const names[ORDER_KINDS] = { [ORDER_RESET] = "reset", [ORDER_BEGIN] = "begin",
		[ORDER_CLOSE] = "close", [ORDER_MARK] = "mark", [ORDER_COMMIT] = "commit",
		[ORDER_RECORD] = "record", [ORDER_OVER] = "over" };
	const struct offset *end = offsets_find(&x->offsets, TASK);
	char text[64];
	int n = snprintf(text, sizeof text, "%s %llu", names[x->kind], (unsigned long long)x->txid);

	(void)arg;
	ck_assert_uint_eq(x->generation, c.generation);
	ck_assert(x->kind == ORDER_RESET || x->planned == (end != NULL));
	if (end != NULL)
		n += snprintf(text + n, sizeof text - (size_t)n, "=%llu", (unsigned long long)end->next);
	snprintf(text + n, sizeof text - (size_t)n, "%s@", x->final ? "!" : "");
	if (strcmp(text, order_to) != 0) {
		next_line();
		snprintf(order_to, sizeof order_to, "%s", text);
		buf_puts(&did, text);
	}
	buf_printf(&did, "%u", worker);
}

static void wrote(const char *what, uint64_t txid, const struct offsets *ends, bool final)
{
	const struct offset *end = offsets_find(ends, TASK);

	next_line();
	buf_printf(&did, "[%s %llu", what, (unsigned long long)txid);
	if (end != NULL)
		buf_printf(&did, ":%llu", (unsigned long long)end->next);
	buf_printf(&did, "%s] ", final ? "!" : "");
}

static void write_cut(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	(void)arg;
	wrote("cut", txid, ends, final);
}

static void write_record(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	(void)arg;
	ck_assert_uint_le(c.txid, txid);	/* the old one is still there to be told */
	wrote("record", txid, ends, final);
}

static void give_up(void *arg, const char *text)
{
	(void)arg;
	next_line();
	buf_printf(&did, "[give up: %s] ", text);
}

static const struct coordinator_ops ops = {
	.order = take_order, .write_cut = write_cut, .write_record = write_record, .give_up = give_up,
};

/* did_all: since the last time it has done WANT, and nothing else. */
static void did_all(const char *want)
{
	next_line();
	ck_assert_str_eq(buf_text(&did), want);
	did.n = 0;
}

static void forget(void)
{
	next_line();
	did.n = 0;
}

/* ---- what happens to it ---- */

static void say_of(uint32_t worker, enum order_kind kind, uint64_t txid, uint64_t generation)
{
	struct order x = { .kind = kind, .txid = txid, .generation = generation, .roles = roles[worker],
		.text = "split[0]: hot", .n_text = 13 };

	coordinator_report(&c, worker, &x, now);
}

static void say(uint32_t worker, enum order_kind kind, uint64_t txid)
{
	say_of(worker, kind, txid, c.generation);
}

static void all_say(enum order_kind kind, uint64_t txid)
{
	for (uint32_t i = 0; i < N; i++)
		say(i, kind, txid);
}

static void cut(uint64_t txid, uint64_t end)
{
	struct order x = { .kind = REPORT_CUT, .txid = txid, .generation = c.generation };

	*offsets_at(&x.offsets, TASK) = (struct offset){ .task = TASK, .known = true, .next = end };
	coordinator_report(&c, SPOUT, &x, now);
	offsets_free(&x.offsets);
}

static void held(uint32_t worker, uint64_t n)
{
	struct order x = { .kind = REPORT_HELD, .generation = c.generation, .n = n };

	coordinator_report(&c, worker, &x, now);
}

/* later: MS pass, and it is woken when it wants to be. */
static void later(uint64_t ms)
{
	now += ms * NS_PER_MS;
	if (coordinator_due(&c) <= now)
		coordinator_turn(&c, now);
}

static void prepared(uint64_t txid)
{
	say(KEEPER, REPORT_PREPARED, txid);
	say(SINK, REPORT_PREPARED, txid);
}

/* running takes it to the first open batch after batch c.txid. */
static void running(void)
{
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	all_say(REPORT_READY, c.txid);
	forget();
}

static void known(uint64_t txid, uint64_t end, bool final)
{
	struct offsets ends = { 0 };

	*offsets_at(&ends, TASK) = (struct offset){ .task = TASK, .known = true, .next = end };
	if (c.txid == 0)
		coordinator_known_record(&c, txid, &ends, final);
	else
		coordinator_known_cut(&c, txid, &ends, final);
	offsets_free(&ends);
}

static void make(void)
{
	coordinator_init(&c, &config, INCARNATION, &ops, NULL);
}

static void remake(void)
{
	coordinator_free(&c);
	make();
}

static void begin(void)
{
	now = 1000 * NS_PER_S;
	config = (struct coordinator_config){ .n_workers = N, .batches = BATCHES,
		.interval_ns = INTERVAL_MS * NS_PER_MS, .timeout_ns = (uint64_t)TIMEOUT_MS * NS_PER_MS,
		.attempts = ATTEMPTS, .held_most = HELD_MOST, .cuts = true };
	make();
}

static void finish(void)
{
	coordinator_free(&c);
	buf_free(&did);
}

/* ---- beginnings ---- */

START_TEST(nothing_begins_before_all_are_reset)
{
	coordinator_activate(&c, true, now);
	did_all("");
	coordinator_start(&c, now);
	did_all("reset 0@0123 ");
	ck_assert_uint_eq(c.generation, ((uint64_t)INCARNATION << 32) + 1);
	say(SPOUT, REPORT_READY, 0);
	say(KEEPER, REPORT_READY, 0);
	say(SINK, REPORT_READY, 0);
	say(SINK, REPORT_READY, 0);
	did_all("");
	say(BOLT, REPORT_READY, 0);
	did_all("begin 1@0 ");
}
END_TEST

/* A followed file may begin at its end: in every attempt where that was at first. */
START_TEST(where_a_spout_begins_is_on_disk_before_anything)
{
	struct order x = { .kind = REPORT_READY, .roles = ROLE_CUTS };

	coordinator_activate(&c, true, now);
	coordinator_start(&c, now);
	x.generation = c.generation;
	*offsets_at(&x.offsets, TASK) = (struct offset){ .task = TASK, .known = true, .next = 70 };
	coordinator_report(&c, SPOUT, &x, now);
	did_all("reset 0@0123 ");
	coordinator_lost(&c, now);
	did_all("reset 0=70@0123 ");		/* and not where it would begin now */
	x.generation = c.generation;
	offsets_at(&x.offsets, TASK)->next = 99;
	coordinator_report(&c, SPOUT, &x, now);
	for (uint32_t i = 1; i < N; i++)
		say(i, REPORT_READY, 0);
	did_all("[record 0:70] begin 1@0 ");
	coordinator_lost(&c, now);
	all_say(REPORT_READY, 0);
	did_all("reset 0=70@0123 begin 1@0 ");
	offsets_free(&x.offsets);
}
END_TEST

START_TEST(nothing_begins_before_it_is_activated)
{
	coordinator_start(&c, now);
	all_say(REPORT_READY, 0);
	did_all("reset 0@0123 ");
	ck_assert_uint_eq(coordinator_due(&c), UINT64_MAX);
	coordinator_activate(&c, true, now);
	did_all("begin 1@0 ");
}
END_TEST

START_TEST(an_idle_topology_says_nothing)
{
	running();
	for (int i = 0; i < 100; i++) {
		later(60 * 1000);
		did_all("");
		ck_assert_uint_eq(coordinator_due(&c), UINT64_MAX);
		ck_assert_uint_eq(coordinator_in_flight(&c), 0);
	}
}
END_TEST

/* ---- tasks that are moved ---- */

/* Nobody asks a number that is nobody's, nor waits for it; what comes from there is not heard. */
START_TEST(who_is_absent_is_left_out)
{
	coordinator_absent(&c, BOLT);
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	did_all("reset 0@023 ");
	say(SPOUT, REPORT_READY, 0);
	say(KEEPER, REPORT_READY, 0);
	say(BOLT, REPORT_READY, 0);
	did_all("");
	say(SINK, REPORT_READY, 0);
	did_all("begin 1@0 ");
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	say(SPOUT, REPORT_CLOSED, 1);
	say(KEEPER, REPORT_CLOSED, 1);
	did_all("close 1@0 begin 2@0 [cut 1:5] mark 1@0 ");
	say(SINK, REPORT_CLOSED, 1);
	did_all("commit 1@23 ");
	prepared(1);
	did_all("[record 1:5] record 1@03 ");
}
END_TEST

/* A round in which somebody has not prepared is not decided because that one is gone (X6). */
START_TEST(a_move_decides_nothing)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	say(SINK, REPORT_PREPARED, 1);
	forget();
	coordinator_lay_out(&c, N + 1);		/* KEEPER's tasks are number N's from now on */
	coordinator_absent(&c, KEEPER);
	coordinator_lost(&c, now);
	did_all("reset 0@0134 ");
	say(SINK, REPORT_PREPARED, 1);
	say(SPOUT, REPORT_READY, 0);
	say(BOLT, REPORT_READY, 0);
	say(SINK, REPORT_READY, 0);
	did_all("");
	coordinator_report(&c, N, &(struct order){ .kind = REPORT_READY, .roles = ROLE_PREPARES,
		.generation = c.generation }, now);
	did_all("begin 1=5@0 begin 2@0 ");
	cut(1, 5);
	say(SPOUT, REPORT_CLOSED, 1);
	say(BOLT, REPORT_CLOSED, 1);
	say(SINK, REPORT_CLOSED, 1);
	did_all("mark 1@0 ");
	coordinator_report(&c, N, &(struct order){ .kind = REPORT_CLOSED, .txid = 1, .generation = c.generation }, now);
	did_all("commit 1@34 ");
}
END_TEST

/* ---- one batch's way ---- */

START_TEST(a_batch_goes_its_way)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	did_all("close 1@0 begin 2@0 ");
	ck_assert_uint_eq(coordinator_in_flight(&c), 1);
	cut(1, 5);
	did_all("[cut 1:5] mark 1@0 ");
	say(SINK, REPORT_CLOSED, 1);
	say(SPOUT, REPORT_CLOSED, 1);
	say(KEEPER, REPORT_CLOSED, 1);
	did_all("");
	say(BOLT, REPORT_CLOSED, 1);
	did_all("commit 1@23 ");
	say(KEEPER, REPORT_PREPARED, 1);
	did_all("");
	say(SINK, REPORT_PREPARED, 1);
	did_all("[record 1:5] record 1@03 ");
	ck_assert_uint_eq(coordinator_in_flight(&c), 0);
	say(SINK, REPORT_PUBLISHED, 1);
	did_all("");
}
END_TEST

/* looks gives "STEP SINCE_MS WORKERS" of batch TXID, "" when there is nothing of it. */
static const char *looks(uint64_t txid)
{
	static const char *const steps[] = { [STEP_FILLING] = "filling", [STEP_CUTTING] = "cutting",
		[STEP_CLOSING] = "closing", [STEP_COMPLETE] = "complete", [STEP_COMMITTING] = "committing" };
	static char text[64];
	bool waits[N + 1];
	enum coordinator_step step;
	uint64_t since;
	int n;

	if (!coordinator_look(&c, txid, &step, &since, waits))
		return "";
	n = snprintf(text, sizeof text, "%s %d ", steps[step], (int)((now - since) / NS_PER_MS));
	for (uint32_t i = 0; i < config.n_workers; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "%s", waits[i] ? (char[]){ (char)('0' + i), 0 } : "");
	return text;
}

START_TEST(a_look_tells_what_a_batch_waits_for)
{
	running();
	ck_assert_str_eq(looks(1), "");		/* begun, but nobody has anything in it */
	say(SPOUT, REPORT_DATA, 1);
	say(SPOUT, REPORT_DATA, 2);
	now += 3 * NS_PER_MS;
	ck_assert_str_eq(looks(1), "cutting 3 0");
	ck_assert_str_eq(looks(2), "filling 3 ");
	ck_assert_str_eq(looks(3), "");
	cut(1, 5);
	say(SPOUT, REPORT_CLOSED, 1);
	say(KEEPER, REPORT_CLOSED, 1);
	ck_assert_str_eq(looks(1), "closing 3 13");
	say(SINK, REPORT_CLOSED, 1);
	say(BOLT, REPORT_CLOSED, 1);
	ck_assert_str_eq(looks(1), "committing 3 23");
	later(INTERVAL_MS);
	cut(2, 9);
	all_say(REPORT_CLOSED, 2);
	ck_assert_str_eq(looks(2), "complete 0 ");
	say(KEEPER, REPORT_PREPARED, 1);
	ck_assert_str_eq(looks(1), "committing 13 3");
	say(SINK, REPORT_PREPARED, 1);
	ck_assert_str_eq(looks(1), "");
	ck_assert_str_eq(looks(2), "committing 0 23");
	ck_assert_uint_eq(coordinator_attempt(&c, 2), 1);
	say(BOLT, REPORT_FAILED, 2);
	ck_assert_uint_eq(coordinator_attempt(&c, 2), 2);
	ck_assert_uint_eq(coordinator_attempt(&c, 3), 1);
}
END_TEST

START_TEST(nobody_waits_for_who_is_absent)
{
	config.n_workers = N + 1;
	remake();
	coordinator_absent(&c, N);
	running();
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	ck_assert_str_eq(looks(1), "closing 0 0123");
	all_say(REPORT_CLOSED, 1);
	ck_assert_str_eq(looks(1), "committing 0 23");
}
END_TEST

START_TEST(no_cut_is_written_where_batches_need_not_be_the_same)
{
	config.cuts = false;
	remake();
	running();
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	did_all("close 1@0 begin 2@0 mark 1@0 ");
	all_say(REPORT_CLOSED, 1);
	prepared(1);
	did_all("commit 1@23 [record 1:5] record 1@03 ");
}
END_TEST

/* No state, no sink: what all have closed is decided at once. */
START_TEST(without_participants_there_is_only_the_record)
{
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	for (uint32_t i = 0; i < N; i++)
		coordinator_report(&c, i, &(struct order){ .kind = REPORT_READY, .generation = c.generation,
			.roles = i == SPOUT ? ROLE_CUTS : 0 }, now);
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	did_all("reset 0@0123 begin 1@0 close 1@0 begin 2@0 [cut 1:5] mark 1@0 [record 1:5] record 1@0 ");
}
END_TEST

/* ---- when batches are closed ---- */

START_TEST(batches_are_closed_an_interval_apart)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	did_all("close 1@0 begin 2@0 ");
	later(INTERVAL_MS - 3);
	say(SPOUT, REPORT_DATA, 2);
	did_all("");
	ck_assert_uint_eq(coordinator_due(&c), now + 3 * NS_PER_MS);
	later(2);
	did_all("");
	later(1);
	did_all("close 2@0 begin 3@0 ");
}
END_TEST

START_TEST(after_a_pause_a_lone_tuple_closes_its_batch)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	later(INTERVAL_MS);
	did_all("close 1@0 begin 2@0 ");
	say(SPOUT, REPORT_DATA, 2);
	did_all("close 2@0 begin 3@0 ");
}
END_TEST

START_TEST(a_full_batch_is_closed_at_once)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	say(SPOUT, REPORT_DATA, 2);
	did_all("close 1@0 begin 2@0 ");
	say(SPOUT, REPORT_FULL, 2);
	did_all("close 2@0 begin 3@0 ");
}
END_TEST

/* A tick writes state although no tuple comes; it may be ahead of the spouts. */
START_TEST(what_a_bolt_has_closes_a_batch_too)
{
	running();
	say(KEEPER, REPORT_DATA, 1);
	did_all("close 1@0 begin 2@0 ");
	later(INTERVAL_MS);
	say(SPOUT, REPORT_DATA, 2);
	later(INTERVAL_MS);
	say(SPOUT, REPORT_DATA, 3);
	did_all("close 2@0 begin 3@0 close 3@0 ");
	say(BOLT, REPORT_DATA, 4);		/* not begun */
	later(INTERVAL_MS);
	did_all("");
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	prepared(1);
	did_all("[cut 1:5] mark 1@0 commit 1@23 [record 1:5] record 1@03 begin 4@0 close 4@0 ");
}
END_TEST

/* ---- how many are in flight ---- */

START_TEST(so_many_batches_and_no_more_are_in_flight)
{
	running();
	for (uint64_t txid = 1; txid <= BATCHES; txid++)
		say(SPOUT, REPORT_FULL, txid);
	did_all("close 1@0 begin 2@0 close 2@0 begin 3@0 close 3@0 ");
	ck_assert_uint_eq(coordinator_in_flight(&c), BATCHES);
	cut(1, 1);
	all_say(REPORT_CLOSED, 1);
	did_all("[cut 1:1] mark 1@0 commit 1@23 ");
	prepared(1);
	did_all("[record 1:1] record 1@03 begin 4@0 ");
}
END_TEST

START_TEST(with_one_batch_the_next_waits_for_the_record)
{
	config.batches = 1;
	remake();
	running();
	say(SPOUT, REPORT_FULL, 1);
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	did_all("close 1@0 [cut 1:5] mark 1@0 commit 1@23 ");
	prepared(1);
	did_all("[record 1:5] record 1@03 begin 2@0 ");
}
END_TEST

START_TEST(who_holds_much_stops_new_batches)
{
	running();
	held(KEEPER, HELD_MOST + 1);
	say(SPOUT, REPORT_FULL, 1);
	did_all("close 1@0 ");
	held(KEEPER, HELD_MOST);
	did_all("begin 2@0 ");
	say(SPOUT, REPORT_FULL, 2);
	did_all("close 2@0 begin 3@0 ");
}
END_TEST

/* Else nobody would ever commit what it holds: a batch of ticks can be that large. */
START_TEST(who_holds_much_does_not_stop_the_only_batch)
{
	config.batches = 1;
	remake();
	running();
	say(SPOUT, REPORT_FULL, 1);
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	held(KEEPER, HELD_MOST + 1);
	did_all("close 1@0 [cut 1:5] mark 1@0 commit 1@23 ");
	prepared(1);
	did_all("[record 1:5] record 1@03 begin 2@0 ");
}
END_TEST

/* ---- rounds ---- */

START_TEST(a_round_has_all_that_is_complete_and_there_is_one_at_a_time)
{
	running();
	for (uint64_t txid = 1; txid <= BATCHES; txid++)
		say(SPOUT, REPORT_FULL, txid);
	for (uint64_t txid = 1; txid <= BATCHES; txid++)
		cut(txid, 10 * txid);
	all_say(REPORT_CLOSED, 1);
	did_all("close 1@0 begin 2@0 close 2@0 begin 3@0 close 3@0 "
	    "[cut 1:10] mark 1@0 [cut 2:20] mark 2@0 [cut 3:30] mark 3@0 commit 1@23 ");
	all_say(REPORT_CLOSED, 2);
	all_say(REPORT_CLOSED, 3);
	did_all("");
	prepared(1);
	did_all("[record 1:10] record 1@03 begin 4@0 commit 3@23 ");
	prepared(3);
	did_all("[record 3:30] record 3@03 ");
}
END_TEST

START_TEST(a_batch_is_complete_in_its_turn_only)
{
	running();
	say(SPOUT, REPORT_FULL, 1);
	say(SPOUT, REPORT_FULL, 2);
	cut(1, 10);
	cut(2, 20);
	forget();
	for (uint32_t i = 0; i < N; i++)
		if (i != BOLT)
			say(i, REPORT_CLOSED, 2);
	did_all("");
	say(BOLT, REPORT_CLOSED, 1);
	did_all("commit 1@23 ");
}
END_TEST

/* Somebody reads the states (X13): the round goes on as far as it can. */
START_TEST(no_record_is_written_while_it_is_frozen)
{
	running();
	coordinator_freeze(&c, true, now);
	say(SPOUT, REPORT_FULL, 1);
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	did_all("close 1@0 begin 2@0 [cut 1:5] mark 1@0 commit 1@23 ");
	prepared(1);
	did_all("");
	coordinator_freeze(&c, false, now);
	did_all("[record 1:5] record 1@03 ");
}
END_TEST

START_TEST(markers_go_in_order_and_when_all_have_cut)
{
	struct order x = { .kind = REPORT_CUT, .txid = 1 };

	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	for (uint32_t i = 0; i < N; i++)	/* two spouts */
		coordinator_report(&c, i, &(struct order){ .kind = REPORT_READY, .generation = c.generation,
			.roles = i <= BOLT ? ROLE_CUTS : roles[i] }, now);
	say(SPOUT, REPORT_FULL, 1);
	say(SPOUT, REPORT_FULL, 2);
	did_all("reset 0@0123 begin 1@01 close 1@01 begin 2@01 close 2@01 begin 3@01 ");
	cut(1, 10);
	cut(2, 20);
	did_all("");
	x.generation = c.generation;
	*offsets_at(&x.offsets, TASK + 1) = (struct offset){ .task = TASK + 1, .known = true, .next = 7 };
	coordinator_report(&c, BOLT, &x, now);
	offsets_free(&x.offsets);
	did_all("[cut 1:10] mark 1@01 ");
	all_say(REPORT_CLOSED, 1);
	prepared(1);
	did_all("commit 1@23 [record 1:10] record 1@013 ");
	ck_assert_uint_eq(offsets_find(&c.at, TASK + 1)->next, 7);
}
END_TEST

/* ---- the end ---- */

START_TEST(when_the_spouts_are_dry_the_last_batch_follows)
{
	running();
	say(SPOUT, REPORT_FULL, 1);
	did_all("close 1@0 begin 2@0 ");
	say(SPOUT, REPORT_DRY, 2);
	did_all("close 2!@0 ");
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	cut(2, 5);
	all_say(REPORT_CLOSED, 2);
	did_all("[cut 1:5] mark 1@0 commit 1@23 [cut 2:5!] mark 2!@0 ");
	prepared(1);
	prepared(2);
	did_all("[record 1:5] record 1@03 commit 2@23 [record 2:5!] record 2@03 ");
	say(SINK, REPORT_PUBLISHED, 1);
	did_all("");
	say(SINK, REPORT_PUBLISHED, 2);
	did_all("over 2@0123 ");
	ck_assert_int_eq(c.phase, COORDINATOR_OVER);
}
END_TEST

START_TEST(one_dry_spout_of_two_ends_nothing)
{
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	for (uint32_t i = 0; i < N; i++)
		coordinator_report(&c, i, &(struct order){ .kind = REPORT_READY, .generation = c.generation,
			.roles = i <= BOLT ? ROLE_CUTS : roles[i] }, now);
	did_all("reset 0@0123 begin 1@01 ");
	say(SPOUT, REPORT_DRY, 1);
	did_all("");
	say(BOLT, REPORT_DATA, 1);
	did_all("close 1@01 begin 2@01 ");
	say(SPOUT, REPORT_DRY, 2);
	say(BOLT, REPORT_DRY, 2);
	did_all("close 2!@01 ");
}
END_TEST

/* What the spouts' batch has of ticks alone does not keep it from being the last. */
START_TEST(the_last_batch_may_have_something_of_a_bolt)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	say(KEEPER, REPORT_DATA, 2);
	did_all("close 1@0 begin 2@0 ");
	say(SPOUT, REPORT_DRY, 2);
	did_all("close 2!@0 ");
}
END_TEST

START_TEST(a_finished_run_is_over_when_it_has_published)
{
	known(7, 70, true);
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	did_all("reset 7=70!@0123 ");
	all_say(REPORT_READY, 7);
	did_all("over 7@0123 ");
}
END_TEST

START_TEST(a_stop_commits_what_is_open)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	say(SPOUT, REPORT_DATA, 2);
	did_all("close 1@0 begin 2@0 ");
	coordinator_stop(&c, false, now);
	did_all("close 2@0 ");
	cut(1, 5);
	cut(2, 6);
	all_say(REPORT_CLOSED, 1);
	all_say(REPORT_CLOSED, 2);
	prepared(1);
	prepared(2);
	did_all("[cut 1:5] mark 1@0 [cut 2:6] mark 2@0 commit 1@23 [record 1:5] record 1@03 commit 2@23 "
	    "[record 2:6] record 2@03 ");
	say(SINK, REPORT_PUBLISHED, 2);
	did_all("over 2@0123 ");
}
END_TEST

START_TEST(a_stop_when_nothing_is_open_is_over_at_once)
{
	running();
	coordinator_stop(&c, false, now);
	did_all("over 0@0123 ");
}
END_TEST

START_TEST(a_stop_while_all_are_reset_waits_for_them)
{
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	coordinator_stop(&c, false, now);
	did_all("reset 0@0123 ");
	all_say(REPORT_READY, 0);
	did_all("over 0@0123 ");
}
END_TEST

START_TEST(a_stop_with_finish_adds_the_last_batch)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	say(SPOUT, REPORT_DATA, 2);
	did_all("close 1@0 begin 2@0 ");
	coordinator_stop(&c, true, now);
	did_all("close 2@0 begin 3@0 close 3!@0 ");
	for (uint64_t txid = 1; txid <= 3; txid++) {
		cut(txid, 5);
		all_say(REPORT_CLOSED, txid);
		prepared(txid);
	}
	did_all("[cut 1:5] mark 1@0 commit 1@23 [record 1:5] record 1@03 "
	    "[cut 2:5] mark 2@0 commit 2@23 [record 2:5] record 2@03 "
	    "[cut 3:5!] mark 3!@0 commit 3@23 [record 3:5!] record 3@03 ");
	say(SINK, REPORT_PUBLISHED, 3);
	did_all("over 3@0123 ");
}
END_TEST

START_TEST(a_stop_with_finish_has_a_last_batch_although_nothing_is_open)
{
	running();
	coordinator_stop(&c, true, now);
	did_all("close 1!@0 ");
}
END_TEST

/* ---- losses ---- */

START_TEST(a_loss_before_the_start_is_nothing)
{
	coordinator_lost(&c, now);
	did_all("");
}
END_TEST

START_TEST(a_loss_resets_all_and_nothing_of_before_counts)
{
	uint64_t before;

	running();
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	all_say(REPORT_CLOSED, 1);
	did_all("close 1@0 begin 2@0 [cut 1:5] mark 1@0 commit 1@23 ");
	before = c.generation;
	coordinator_lost(&c, now);
	did_all("reset 0@0123 ");
	ck_assert_uint_eq(c.generation, before + 1);
	ck_assert_uint_eq(coordinator_in_flight(&c), 0);
	for (uint32_t i = 0; i < N; i++) {
		say_of(i, REPORT_READY, 0, before);
		say_of(i, REPORT_PREPARED, 1, before);
	}
	did_all("");
	all_say(REPORT_READY, 0);
	did_all("begin 1=5@0 begin 2@0 ");
	for (uint32_t i = 0; i < N; i++)
		say_of(i, REPORT_CLOSED, 1, before);
	did_all("");
}
END_TEST

START_TEST(a_second_loss_resets_again)
{
	running();
	coordinator_lost(&c, now);
	for (uint32_t i = 1; i < N; i++)
		say(i, REPORT_READY, 0);
	coordinator_lost(&c, now);
	say(SPOUT, REPORT_READY, 0);
	did_all("reset 0@01230123 ");
	for (uint32_t i = 1; i < N; i++)
		say(i, REPORT_READY, 0);
	did_all("begin 1@0 ");
}
END_TEST

START_TEST(only_what_was_marked_is_cut_there_again)
{
	running();
	say(SPOUT, REPORT_FULL, 1);
	say(SPOUT, REPORT_FULL, 2);
	cut(1, 5);
	did_all("close 1@0 begin 2@0 close 2@0 begin 3@0 [cut 1:5] mark 1@0 ");
	coordinator_lost(&c, now);
	all_say(REPORT_READY, 0);
	did_all("reset 0@0123 begin 1=5@0 begin 2@0 ");
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	did_all("mark 1@0 ");		/* it is on disk already */
	coordinator_lost(&c, now);
	all_say(REPORT_READY, 0);
	did_all("reset 0@0123 begin 1=5@0 begin 2@0 ");
}
END_TEST

START_TEST(without_cuts_nothing_is_planned)
{
	config.cuts = false;
	remake();
	running();
	say(SPOUT, REPORT_DATA, 1);
	cut(1, 5);
	coordinator_lost(&c, now);
	all_say(REPORT_READY, 0);
	did_all("close 1@0 begin 2@0 mark 1@0 reset 0@0123 begin 1@0 ");
}
END_TEST

START_TEST(a_loss_after_the_record_goes_on_behind_it)
{
	running();
	say(SPOUT, REPORT_FULL, 1);
	say(SPOUT, REPORT_FULL, 2);
	cut(1, 5);
	cut(2, 9);
	all_say(REPORT_CLOSED, 1);
	prepared(1);
	forget();
	coordinator_lost(&c, now);
	did_all("reset 1=5@0123 ");
	all_say(REPORT_READY, 1);
	did_all("begin 2=9@0 begin 3@0 ");
}
END_TEST

/* Who has heard that all is over may be followed by one who has not. */
START_TEST(a_loss_after_the_end_is_over_again)
{
	known(7, 70, true);
	running();
	ck_assert_int_eq(c.phase, COORDINATOR_OVER);
	coordinator_lost(&c, now);
	did_all("reset 7=70!@0123 ");
	all_say(REPORT_READY, 7);
	did_all("over 7@0123 ");
}
END_TEST

START_TEST(a_stop_outlives_a_loss)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	coordinator_stop(&c, true, now);
	did_all("close 1@0 begin 2@0 close 2!@0 ");
	coordinator_lost(&c, now);
	all_say(REPORT_READY, 0);
	did_all("reset 0@0123 begin 1@0 close 1!@0 ");
}
END_TEST

/* ---- what an earlier coordinator has written ---- */

START_TEST(it_goes_on_from_the_record_with_the_cuts)
{
	known(7, 70, false);
	known(8, 80, false);
	known(9, 90, false);
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	did_all("reset 7=70@0123 ");
	all_say(REPORT_READY, 7);
	/* Planned ones are closed from the beginning, and one more is open behind them. */
	did_all("begin 8=80@0 begin 9=90@0 begin 10@0 ");
	cut(8, 80);
	cut(9, 90);
	all_say(REPORT_CLOSED, 8);
	all_say(REPORT_CLOSED, 9);
	did_all("mark 8@0 mark 9@0 commit 8@23 ");
}
END_TEST

START_TEST(all_that_is_planned_is_begun_and_one_more)
{
	config.batches = 1;
	remake();
	known(7, 70, false);
	for (uint64_t txid = 8; txid <= 12; txid++)
		known(txid, 10 * txid, false);
	running();
	ck_assert_uint_eq(c.next, 14);
	/* That one is not closed before they are committed, and nobody is woken for it. */
	say(SPOUT, REPORT_FULL, 13);
	ck_assert_uint_gt(coordinator_due(&c), now);
	for (uint64_t txid = 8; txid <= 12; txid++) {
		forget();
		cut(txid, 10 * txid);
		all_say(REPORT_CLOSED, txid);
		prepared(txid);
	}
	did_all("mark 12@0 commit 12@23 [record 12:120] record 12@03 close 13@0 ");
}
END_TEST

/* Each loss turns what was marked into planned batches, and one more is begun behind them. */
START_TEST(however_often_all_is_lost_not_too_many_are_in_flight)
{
	config.batches = COORDINATOR_BATCHES;
	remake();
	running();
	for (uint64_t i = 1; i <= 3 * COORDINATOR_BATCHES; i++) {
		for (uint64_t txid = 1; txid < c.next; txid++) {
			say(SPOUT, REPORT_FULL, txid);
			cut(txid, txid);
		}
		ck_assert_uint_le(c.next - 1, COORDINATOR_BATCHES + 1);
		coordinator_lost(&c, now);
		all_say(REPORT_READY, 0);
		ck_assert_uint_le(c.next - 1, COORDINATOR_BATCHES + 1);
	}
	for (uint64_t txid = 1; txid <= COORDINATOR_BATCHES; txid++)
		cut(txid, txid);
	forget();
	all_say(REPORT_CLOSED, 1);
	prepared(1);
	did_all("commit 1@23 [record 1:1] record 1@03 ");
}
END_TEST

START_TEST(nothing_follows_a_planned_last_batch)
{
	known(7, 70, false);
	known(8, 70, true);
	running();
	ck_assert_uint_eq(c.next, 9);
	cut(8, 70);
	all_say(REPORT_CLOSED, 8);
	prepared(8);
	did_all("mark 8!@0 commit 8@23 [record 8:70!] record 8@03 ");
}
END_TEST

/* ---- failures ---- */

START_TEST(a_batch_that_fails_comes_again_until_it_has_failed_often)
{
	running();
	say(KEEPER, REPORT_FAILED, 1);
	did_all("reset 0@0123 ");
	all_say(REPORT_READY, 0);
	did_all("begin 1@0 ");
	say(KEEPER, REPORT_FAILED, 1);
	all_say(REPORT_READY, 0);
	did_all("reset 0@0123 begin 1@0 ");
	say(KEEPER, REPORT_FAILED, 1);
	did_all("[give up: batch 1 has failed 3 times (topology.max.attempts), and is never left out: "
	    "split[0]: hot] ");
}
END_TEST

/* A tick can have something, or fail, as soon as its own worker is ready. */
START_TEST(what_is_said_before_all_are_ready_counts)
{
	coordinator_start(&c, now);
	coordinator_activate(&c, true, now);
	say(KEEPER, REPORT_READY, 0);
	say(KEEPER, REPORT_DATA, 1);
	say(KEEPER, REPORT_PREPARED, 1);	/* which it can't have */
	did_all("reset 0@0123 ");
	all_say(REPORT_READY, 0);
	did_all("begin 1@0 close 1@0 begin 2@0 ");
	coordinator_lost(&c, now);
	say(KEEPER, REPORT_READY, 0);
	say(KEEPER, REPORT_FAILED, 1);
	did_all("reset 0@01230123 ");
	ck_assert_uint_eq(c.failures, 1);
}
END_TEST

START_TEST(losses_are_no_failures)
{
	running();
	for (int i = 0; i < 10 * ATTEMPTS; i++) {
		coordinator_lost(&c, now);
		all_say(REPORT_READY, 0);
		did_all("reset 0@0123 begin 1@0 ");
	}
}
END_TEST

START_TEST(a_tuple_that_kills_its_worker_counts_as_a_failure)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	did_all("close 1@0 begin 2@0 ");
	for (int i = 1; i < ATTEMPTS; i++) {
		coordinator_charged(&c, 1, "it dies of it", now);
		did_all("");			/* the loss is told as well */
		coordinator_lost(&c, now);
		all_say(REPORT_READY, 0);
		did_all("reset 0@0123 begin 1@0 ");
	}
	coordinator_charged(&c, 7, "not in flight", now);
	did_all("");
	coordinator_charged(&c, 1, "it dies of it", now);
	did_all("[give up: batch 1 has failed 3 times (topology.max.attempts), and is never left out: "
	    "it dies of it] ");
}
END_TEST

/* commit_one commits the batch in hand, which is open. */
static void commit_one(uint64_t txid)
{
	say(SPOUT, REPORT_FULL, txid);
	cut(txid, txid);
	all_say(REPORT_CLOSED, txid);
	prepared(txid);
	ck_assert_uint_eq(c.txid, txid);
	forget();
}

static void one_fails(uint64_t txid)
{
	say(KEEPER, REPORT_FAILED, txid);
	all_say(REPORT_READY, c.txid);
	forget();
}

START_TEST(failures_are_forgotten_when_the_record_has_passed_them)
{
	running();
	for (uint64_t txid = 1; txid < 30; txid += 3) {
		for (int i = 1; i < ATTEMPTS; i++)
			one_fails(txid);
		for (uint64_t passed = txid; passed < txid + 3; passed++)
			commit_one(passed);
	}
}
END_TEST

static void reached(uint64_t next)
{
	struct order x = { .kind = REPORT_REACHED, .generation = c.generation };

	*offsets_at(&x.offsets, TASK) = (struct offset){ .task = TASK, .known = true, .next = next };
	coordinator_report(&c, SPOUT, &x, now);
	offsets_free(&x.offsets);
}

/* Batches that come again may be smaller: what failed in one is in any later one then. */
START_TEST(failures_are_not_forgotten_before_the_spouts_are_where_they_were)
{
	running();
	reached(99999);		/* nothing has failed: it means nothing */
	say(KEEPER, REPORT_FAILED, 1);
	reached(11);
	all_say(REPORT_READY, 0);
	forget();
	for (uint64_t txid = 1; txid <= 10; txid++)
		commit_one(txid);
	ck_assert_uint_eq(c.failures, 1);
	commit_one(11);
	ck_assert_uint_eq(c.failures, 0);
}
END_TEST

/* The record must pass all that has failed: two that fail in turn are one trouble. */
START_TEST(failures_of_a_later_batch_are_not_forgotten_with_an_earlier_one)
{
	running();
	say(SPOUT, REPORT_FULL, 1);
	one_fails(2);
	one_fails(2);
	commit_one(1);
	ck_assert_uint_eq(c.failures, 2);
	say(KEEPER, REPORT_FAILED, 2);
	did_all("[give up: batch 2 has failed 3 times (topology.max.attempts), and is never left out: "
	    "split[0]: hot] ");
}
END_TEST

/* ---- what is late ---- */

START_TEST(a_batch_is_late_when_nothing_moves)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	did_all("close 1@0 begin 2@0 ");
	ck_assert_uint_eq(coordinator_due(&c), now + (uint64_t)TIMEOUT_MS * NS_PER_MS);
	later(TIMEOUT_MS - 1);
	did_all("");
	later(1);
	did_all("reset 0@0123 ");
	ck_assert_uint_eq(coordinator_due(&c), UINT64_MAX);
	ck_assert_uint_eq(c.failures, 1);
}
END_TEST

START_TEST(a_batch_is_not_late_while_somebody_works)
{
	running();
	say(SPOUT, REPORT_DATA, 1);
	did_all("close 1@0 begin 2@0 ");
	for (int i = 0; i < 20; i++) {
		later(TIMEOUT_MS - 1);
		held(BOLT, 0);
		did_all("");
	}
	later(TIMEOUT_MS);
	did_all("reset 0@0123 ");
}
END_TEST

START_TEST(an_open_batch_is_never_late)
{
	running();
	for (int i = 0; i < 10; i++)
		later(10 * TIMEOUT_MS);
	did_all("");
}
END_TEST

START_TEST(without_a_timeout_nothing_is_late)
{
	config.timeout_ns = 0;
	remake();
	running();
	say(SPOUT, REPORT_DATA, 1);
	later(1000 * 1000);
	did_all("close 1@0 begin 2@0 ");
	ck_assert_uint_eq(coordinator_due(&c), UINT64_MAX);
}
END_TEST

START_TEST(lateness_is_a_failure_too)
{
	running();
	for (int i = 1; i <= ATTEMPTS; i++) {
		say(SPOUT, REPORT_FULL, 1);
		next_line();
		did.n = 0;
		later(TIMEOUT_MS);
		if (i < ATTEMPTS) {
			did_all("reset 0@0123 ");
			all_say(REPORT_READY, 0);
		}
	}
	next_line();
	ck_assert_ptr_nonnull(strstr(buf_text(&did), "[give up: batch 1 has failed 3 times "
	    "(topology.max.attempts), and is never left out: nothing has moved for 1000 ms "
	    "(topology.message.timeout.secs)] "));
}
END_TEST

/* ---- nonsense ---- */

START_TEST(what_is_said_of_no_batch_in_flight_is_nothing)
{
	static const enum order_kind kinds[] = { REPORT_DATA, REPORT_FULL, REPORT_DRY, REPORT_CLOSED,
		REPORT_PREPARED, REPORT_PUBLISHED, REPORT_READY };

	running();
	commit_one(1);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		all_say(kinds[i], 1);
		all_say(kinds[i], 1 + COORDINATOR_PLACES);
		all_say(kinds[i], UINT64_MAX);
	}
	did_all("");
	ck_assert_uint_eq(coordinator_in_flight(&c), 0);
}
END_TEST

static TCase *ways(void)
{
	TCase *t = tcase_create("ways");

	tcase_add_test(t, nothing_begins_before_all_are_reset);
	tcase_add_test(t, where_a_spout_begins_is_on_disk_before_anything);
	tcase_add_test(t, nothing_begins_before_it_is_activated);
	tcase_add_test(t, an_idle_topology_says_nothing);
	tcase_add_test(t, who_is_absent_is_left_out);
	tcase_add_test(t, a_move_decides_nothing);
	tcase_add_test(t, a_batch_goes_its_way);
	tcase_add_test(t, a_look_tells_what_a_batch_waits_for);
	tcase_add_test(t, nobody_waits_for_who_is_absent);
	tcase_add_test(t, no_cut_is_written_where_batches_need_not_be_the_same);
	tcase_add_test(t, without_participants_there_is_only_the_record);
	tcase_add_test(t, batches_are_closed_an_interval_apart);
	tcase_add_test(t, after_a_pause_a_lone_tuple_closes_its_batch);
	tcase_add_test(t, a_full_batch_is_closed_at_once);
	tcase_add_test(t, what_a_bolt_has_closes_a_batch_too);
	tcase_add_test(t, so_many_batches_and_no_more_are_in_flight);
	tcase_add_test(t, with_one_batch_the_next_waits_for_the_record);
	tcase_add_test(t, who_holds_much_stops_new_batches);
	tcase_add_test(t, who_holds_much_does_not_stop_the_only_batch);
	tcase_add_test(t, a_round_has_all_that_is_complete_and_there_is_one_at_a_time);
	tcase_add_test(t, a_batch_is_complete_in_its_turn_only);
	tcase_add_test(t, no_record_is_written_while_it_is_frozen);
	tcase_add_test(t, markers_go_in_order_and_when_all_have_cut);
	return t;
}

static TCase *ends(void)
{
	TCase *t = tcase_create("ends");

	tcase_add_test(t, when_the_spouts_are_dry_the_last_batch_follows);
	tcase_add_test(t, one_dry_spout_of_two_ends_nothing);
	tcase_add_test(t, the_last_batch_may_have_something_of_a_bolt);
	tcase_add_test(t, a_finished_run_is_over_when_it_has_published);
	tcase_add_test(t, a_stop_commits_what_is_open);
	tcase_add_test(t, a_stop_when_nothing_is_open_is_over_at_once);
	tcase_add_test(t, a_stop_while_all_are_reset_waits_for_them);
	tcase_add_test(t, a_stop_with_finish_adds_the_last_batch);
	tcase_add_test(t, a_stop_with_finish_has_a_last_batch_although_nothing_is_open);
	return t;
}

static TCase *troubles(void)
{
	TCase *t = tcase_create("troubles");

	tcase_add_test(t, a_loss_before_the_start_is_nothing);
	tcase_add_test(t, a_loss_resets_all_and_nothing_of_before_counts);
	tcase_add_test(t, a_second_loss_resets_again);
	tcase_add_test(t, only_what_was_marked_is_cut_there_again);
	tcase_add_test(t, without_cuts_nothing_is_planned);
	tcase_add_test(t, a_loss_after_the_record_goes_on_behind_it);
	tcase_add_test(t, a_loss_after_the_end_is_over_again);
	tcase_add_test(t, a_stop_outlives_a_loss);
	tcase_add_test(t, it_goes_on_from_the_record_with_the_cuts);
	tcase_add_test(t, all_that_is_planned_is_begun_and_one_more);
	tcase_add_test(t, however_often_all_is_lost_not_too_many_are_in_flight);
	tcase_add_test(t, nothing_follows_a_planned_last_batch);
	tcase_add_test(t, a_batch_that_fails_comes_again_until_it_has_failed_often);
	tcase_add_test(t, what_is_said_before_all_are_ready_counts);
	tcase_add_test(t, losses_are_no_failures);
	tcase_add_test(t, a_tuple_that_kills_its_worker_counts_as_a_failure);
	tcase_add_test(t, failures_are_forgotten_when_the_record_has_passed_them);
	tcase_add_test(t, failures_are_not_forgotten_before_the_spouts_are_where_they_were);
	tcase_add_test(t, failures_of_a_later_batch_are_not_forgotten_with_an_earlier_one);
	tcase_add_test(t, a_batch_is_late_when_nothing_moves);
	tcase_add_test(t, a_batch_is_not_late_while_somebody_works);
	tcase_add_test(t, an_open_batch_is_never_late);
	tcase_add_test(t, without_a_timeout_nothing_is_late);
	tcase_add_test(t, lateness_is_a_failure_too);
	tcase_add_test(t, what_is_said_of_no_batch_in_flight_is_nothing);
	return t;
}

int main(void)
{
	Suite *s = suite_create("coordinator");
	TCase *cases[] = { ways(), ends(), troubles() };
	SRunner *r;
	int n;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tcase_add_checked_fixture(cases[i], begin, finish);
		suite_add_tcase(s, cases[i]);
	}
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
