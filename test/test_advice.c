/* test_advice.c - bottlenecks and how many executors it takes. SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "memory.h"
#include "test/seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static uint64_t seed;

/* ---- a world whose costs are known --------------------------------------------------- */

enum { PARTS = 8, EDGES = 12 };

/* A component: how long a tuple takes, how many it emits for one it gets along each edge, and which
 * part of all goes to its hottest task (0: all get the same). */
struct known {
	const char *id;
	enum advice_role role;
	double cost_s;		/* of a tuple; spouts: of a message */
	double offered;		/* spouts: messages a second */
	double hot;
	uint32_t executors, tasks;
};

struct world {
	struct known parts[PARTS];
	struct { uint32_t from, to; double factor; } edges[EDGES];
	uint32_t n_parts, n_edges;
};

/* share_of_hottest: of tuples that come to part I. */
static double share_of_hottest(const struct known *k)
{
	double even = 1.0 / k->executors;

	return k->hot > even ? k->hot : even;
}

/* into gives how many tuples come to each part per message of each spout, that being at RATE. */
static void into(const struct world *w, double rate, double *in)
{
	memset(in, 0, PARTS * sizeof *in);
	for (uint32_t i = 0; i < w->n_parts; i++) {
		if (w->parts[i].role == ADVICE_SPOUT)
			in[i] = rate * w->parts[i].offered;
		for (uint32_t k = 0; k < w->n_edges; k++)
			if (w->edges[k].from == i)
				in[w->edges[k].to] += in[i] * w->edges[k].factor;
	}
}

/* sustained gives which part of the offered rate goes through: that of the slowest. */
static double sustained(const struct world *w)
{
	double in[PARTS], most = 1;

	into(w, 1, in);
	for (uint32_t i = 0; i < w->n_parts; i++) {
		double load = in[i] * w->parts[i].cost_s * share_of_hottest(&w->parts[i]);

		if (load > most)
			most = load;
	}
	return 1 / most;
}

/* observe makes what the pages would say after SECONDS. Who is above a slow one is blocked for as
 * long as it is not busy, if it has more to give. */
static struct advice_input observe(const struct world *w, double seconds)
{
	static struct advice_part parts[PARTS];
	static struct advice_edge edges[EDGES];
	struct advice_input x = { .name = "known", .parts = parts, .edges = edges, .n_parts = w->n_parts,
		.n_edges = w->n_edges, .seconds = seconds };
	double rate = sustained(w), in[PARTS];

	into(w, rate, in);
	for (uint32_t i = 0; i < w->n_parts; i++) {
		const struct known *k = &w->parts[i];
		double all = seconds * k->executors, busy = in[i] * seconds * k->cost_s;

		parts[i] = (struct advice_part){ .id = k->id, .role = k->role, .executors = k->executors,
			.tasks = k->tasks, .head = i, .in = in[i] * seconds, .busy_s = busy,
			.hottest_in = in[i] * seconds * share_of_hottest(k), .keyed = k->hot > 0 ? "FIELDS" : NULL };
		/* A spout waits for its input for the part of the time in which it would at its full rate. */
		if (k->role == ADVICE_SPOUT) {
			parts[i].blocked_s = rate < 1 ? all * (1 - rate) : 0;
			parts[i].idle_s = all - busy - parts[i].blocked_s;
		} else {
			parts[i].idle_s = all - busy;
		}
	}
	for (uint32_t k = 0; k < w->n_edges; k++)
		edges[k] = (struct advice_edge){ w->edges[k].from, w->edges[k].to,
			in[w->edges[k].from] * seconds * w->edges[k].factor };
	return x;
}

static struct advice *advise(const struct world *w)
{
	struct advice_input x = observe(w, 60);

	return advice_make(&x);
}

/* 1,000 lines a second of ten words each. split takes 1.5 ms, count 0.36 ms. */
static const struct world words = {
	.parts = {
		{ "lines", ADVICE_SPOUT, 1e-5, 1000, 0, 1, 1 },
		{ "split", ADVICE_BOLT, 1.5e-3, 0, 0, 1, 16 },
		{ "count", ADVICE_BOLT, 3.6e-4, 0, 0, 1, 16 },
	},
	.edges = { { 0, 1, 1 }, { 1, 2, 10 } },
	.n_parts = 3, .n_edges = 2,
};

static void check_kind(const struct advice *a, enum advice_kind kind)
{
	ck_assert_msg(a->kind == kind, "%s, not %s: %s", advice_kind_names[a->kind], advice_kind_names[kind],
	    a->text);
}

static void check_says(const char *text, const char *words_of_it)
{
	ck_assert_msg(text != NULL && strstr(text, words_of_it) != NULL, "\"%s\" does not say \"%s\"",
	    text ? text : "(nothing)", words_of_it);
}

/* ---- known graphs -------------------------------------------------------------------- */

START_TEST(the_slowest_is_the_bottleneck_and_all_get_what_they_need)
{
	struct advice *a = advise(&words);

	check_kind(a, ADVICE_SCALE);
	ck_assert_uint_eq(a->bottleneck, 2);
	ck_assert_double_eq_tol(a->needs[1].load, 1.5, 1e-6);
	ck_assert_double_eq_tol(a->needs[2].load, 3.6, 1e-6);
	ck_assert_double_eq_tol(a->needs[2].offered, 10000, 1e-3);
	ck_assert_uint_eq(a->needs[1].needed, 2);
	ck_assert_uint_eq(a->needs[2].needed, 4);
	ck_assert_str_eq(a->command, "gale rebalance known -e split=2 -e count=4");
	check_says(a->text, "count is busy 100 %");
	check_says(a->text, "take 4 executors, not 1");
	advice_free(a);
}
END_TEST

START_TEST(nothing_is_advised_where_all_is_sustained)
{
	struct world w = words;
	struct advice *a;

	w.parts[1].executors = 2;
	w.parts[2].executors = 4;
	a = advise(&w);
	check_kind(a, ADVICE_NONE);
	ck_assert_ptr_null(a->command);
	ck_assert_uint_eq(a->bottleneck, UINT32_MAX);
	ck_assert_uint_eq(a->needs[1].needed, 2);
	ck_assert_uint_eq(a->needs[2].needed, 4);
	advice_free(a);
}
END_TEST

START_TEST(too_many_executors_are_seen_in_what_is_needed)
{
	struct world w = words;
	struct advice *a;

	w.parts[1].executors = 8;
	w.parts[2].executors = 16;
	a = advise(&w);
	check_kind(a, ADVICE_NONE);
	ck_assert_uint_eq(a->needs[1].needed, 2);
	ck_assert_uint_eq(a->needs[2].needed, 4);
	check_says(a->text, "split would do with 2 of its 8 executors, count would do with 4 of its 16");
	advice_free(a);
}
END_TEST

/* Both branches get every tuple; the second keeps a tenth. They meet again. */
START_TEST(fan_out_selectivity_and_joining_are_followed)
{
	struct world w = {
		.parts = {
			{ "in", ADVICE_SPOUT, 1e-6, 2000, 0, 1, 1 },
			{ "a", ADVICE_BOLT, 1.1e-3, 0, 0, 1, 8 },
			{ "b", ADVICE_BOLT, 2e-4, 0, 0, 1, 8 },
			{ "join", ADVICE_BOLT, 9e-4, 0, 0, 1, 8 },
		},
		.edges = { { 0, 1, 1 }, { 0, 2, 1 }, { 1, 3, 1 }, { 2, 3, 0.1 } },
		.n_parts = 4, .n_edges = 4,
	};
	struct advice *a = advise(&w);

	check_kind(a, ADVICE_SCALE);
	ck_assert_uint_eq(a->bottleneck, 1);
	ck_assert_uint_eq(a->needs[1].needed, 3);
	ck_assert_uint_eq(a->needs[2].needed, 1);
	ck_assert_double_eq_tol(a->needs[3].offered, 2200, 1e-3);
	ck_assert_uint_eq(a->needs[3].needed, 2);
	advice_free(a);
}
END_TEST

START_TEST(more_than_its_tasks_a_component_never_gets)
{
	struct world w = words;
	struct advice *a;

	w.parts[2].tasks = 3;
	a = advise(&w);
	check_kind(a, ADVICE_TASKS);
	ck_assert(a->needs[2].capped);
	ck_assert_uint_eq(a->needs[2].needed, 3);
	check_says(a->text, "it has 3 tasks");
	check_says(a->text, "numTasks");
	ck_assert_str_eq(a->command, "gale rebalance known -e split=2 -e count=3");
	advice_free(a);
}
END_TEST

START_TEST(a_hot_key_is_not_helped_by_executors)
{
	struct world w = words;
	struct advice *a;

	w.parts[1].executors = 2;
	w.parts[2].executors = w.parts[2].tasks = 4;
	w.parts[2].hot = 0.7;
	a = advise(&w);
	check_kind(a, ADVICE_SKEW);
	ck_assert_uint_eq(a->bottleneck, 2);
	ck_assert(a->needs[2].skewed);
	ck_assert_ptr_null(a->command);
	check_says(a->text, "70 %");
	check_says(a->text, "more executors don't help");
	advice_free(a);
}
END_TEST

START_TEST(uneven_keys_are_no_skew_while_the_hottest_task_keeps_up)
{
	struct world w = words;
	struct advice *a;

	w.parts[1].executors = 2;
	w.parts[2].executors = w.parts[2].tasks = 16;
	w.parts[2].hot = 0.2;
	a = advise(&w);
	check_kind(a, ADVICE_NONE);
	advice_free(a);
}
END_TEST

START_TEST(keys_that_are_even_are_no_skew_when_all_tasks_have_too_much)
{
	struct world w = words;
	struct advice *a;

	w.parts[1].executors = 2;
	w.parts[2].executors = w.parts[2].tasks = 2;
	w.parts[2].hot = 0.5;
	a = advise(&w);
	check_kind(a, ADVICE_TASKS);
	advice_free(a);
}
END_TEST

START_TEST(a_spout_that_is_the_slowest_is_named)
{
	struct world w = words;
	struct advice *a;

	w.parts[0].cost_s = 0.99e-3;
	w.parts[1].executors = 2;
	w.parts[2].executors = 4;
	a = advise(&w);
	check_kind(a, ADVICE_SPOUTS);
	ck_assert_uint_eq(a->bottleneck, 0);
	check_says(a->text, "lines is busy 99 %");
	ck_assert_ptr_null(a->command);
	advice_free(a);
}
END_TEST

START_TEST(a_spout_that_waits_though_nobody_is_busy_may_open_too_few)
{
	struct world w = words;
	struct advice_input x;
	struct advice *a;

	w.parts[1].executors = 16;
	w.parts[2].executors = 16;
	x = observe(&w, 60);
	x.parts[0].blocked_s = 30;
	x.parts[0].idle_s -= 30;
	a = advice_make(&x);
	check_kind(a, ADVICE_PENDING);
	check_says(a->text, "topology.max.spout.pending");
	advice_free(a);
}
END_TEST

START_TEST(ackers_can_be_the_bottleneck)
{
	struct world w = words;
	struct advice *a;

	w.parts[1].executors = 2;
	w.parts[2].executors = 4;
	w.parts[3] = (struct known){ "acker", ADVICE_ACKER, 1.7e-3, 0, 0, 1, 1 };
	w.edges[2].from = 0;
	w.edges[2].to = 3;
	w.edges[2].factor = 1;
	w.n_parts = 4;
	w.n_edges = 3;
	a = advise(&w);
	check_kind(a, ADVICE_ACKERS);
	ck_assert_uint_eq(a->needs[3].needed, 2);
	check_says(a->text, "topology.acker.executors");
	ck_assert_ptr_null(a->command);
	advice_free(a);
}
END_TEST

/* count is chained to split: one worker, whose tuples are split's, and which both must agree on. */
START_TEST(chained_components_are_scaled_together)
{
	struct world w = words;
	struct advice_input x;
	struct advice *a;

	w.parts[1].cost_s = 1.5e-3 + 10 * 1e-4;
	w.parts[2].cost_s = 0;
	x = observe(&w, 60);
	x.parts[2].head = 1;
	x.parts[2].busy_s = x.parts[2].idle_s = x.parts[2].blocked_s = 0;
	a = advice_make(&x);
	check_kind(a, ADVICE_SCALE);
	ck_assert_uint_eq(a->bottleneck, 1);
	ck_assert_uint_eq(a->needs[1].needed, 3);
	ck_assert_uint_eq(a->needs[2].needed, 0);
	ck_assert_str_eq(a->command, "gale rebalance known -e split=3 -e count=3");
	advice_free(a);
}
END_TEST

START_TEST(nothing_is_said_of_what_has_not_begun)
{
	struct world w = words;
	struct advice_input x;
	struct advice *a;

	w.parts[0].offered = 0;
	x = observe(&w, 60);
	a = advice_make(&x);
	check_kind(a, ADVICE_UNKNOWN);
	ck_assert_ptr_null(a->command);
	advice_free(a);
	x = observe(&words, 60);
	x.seconds = 0;
	a = advice_make(&x);
	check_kind(a, ADVICE_UNKNOWN);
	advice_free(a);
}
END_TEST

/* A file can be read 50 times as fast as the machine can count its words. */
START_TEST(no_more_is_offered_than_the_machine_has_time_for)
{
	struct world w = words;
	struct advice_input x;
	struct advice *a;

	w.parts[0].offered = 50000;
	x = observe(&w, 60);
	for (uint32_t i = 0; i < x.n_parts; i++)
		x.parts[i].cpu_s = x.parts[i].busy_s;
	x.processors = 4;
	a = advice_make(&x);
	check_kind(a, ADVICE_SCALE);
	ck_assert_double_eq_tol(a->needs[0].load + a->needs[1].load + a->needs[2].load, 4, 1e-6);
	ck_assert_uint_eq(a->needs[1].needed, 2);
	ck_assert_uint_eq(a->needs[2].needed, 3);
	advice_free(a);
	x.processors = 1;		/* which has just enough to do */
	a = advice_make(&x);
	check_kind(a, ADVICE_MACHINE);
	ck_assert_ptr_null(a->command);
	check_says(a->text, "the processors of this machine (1) have no time");
	advice_free(a);
}
END_TEST

/* ---- the loop ------------------------------------------------------------------------ */

/* obey does what the advice says. */
static void obey(struct world *w, const struct advice *a)
{
	for (uint32_t i = 0; i < w->n_parts; i++)
		if (w->parts[i].role == ADVICE_BOLT)
			w->parts[i].executors = a->needs[i].needed;
}

/* right: the smallest numbers that sustain what is offered. */
static bool right(const struct world *w)
{
	double in[PARTS];

	into(w, 1, in);
	for (uint32_t i = 0; i < w->n_parts; i++)
		if (w->parts[i].role == ADVICE_BOLT &&
		    w->parts[i].executors != fmax(1, ceil(in[i] * w->parts[i].cost_s - 1e-6)))
			return false;
	return true;
}

static double between(uint64_t *state, double least, double most)
{
	return least + (most - least) * pick(state, 1 << 20) / (1 << 20);
}

/* any_world: a spout and a chain of bolts with some edges that skip one. */
static struct world any_world(uint64_t *state)
{
	static const char *const ids[PARTS] = { "s", "a", "b", "c", "d", "e", "f", "g" };
	struct world w = { .n_parts = 2 + pick(state, PARTS - 2) };

	w.parts[0] = (struct known){ "s", ADVICE_SPOUT, 1e-7, between(state, 10, 10000), 0, 1, 1 };
	for (uint32_t i = 1; i < w.n_parts; i++) {
		uint32_t from = i > 1 && pick(state, 4) == 0 ? i - 2 : i - 1;

		w.parts[i] = (struct known){ ids[i], ADVICE_BOLT, between(state, 1e-6, 2e-3), 0, 0,
			1 + pick(state, 6), 1 << 20 };
		w.edges[w.n_edges].from = from;
		w.edges[w.n_edges].to = i;
		w.edges[w.n_edges++].factor = between(state, 0.1, 3);
	}
	return w;
}

START_TEST(any_topology_with_known_costs_is_right_after_three_steps)
{
	uint64_t state = seed;

	for (int n = 0; n < 2000; n++) {
		struct world w = any_world(&state);
		int steps = 0;

		while (!right(&w) && steps < 4) {
			struct advice *a = advise(&w);

			obey(&w, a);
			advice_free(a);
			steps++;
		}
		ck_assert_msg(steps <= 3, "world %d is not right after 3 steps", n);
		ck_assert_double_eq_tol(sustained(&w), 1, 1e-6);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("advice");
	TCase *tcase = tcase_create("advice");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_add_test(tcase, the_slowest_is_the_bottleneck_and_all_get_what_they_need);
	tcase_add_test(tcase, nothing_is_advised_where_all_is_sustained);
	tcase_add_test(tcase, too_many_executors_are_seen_in_what_is_needed);
	tcase_add_test(tcase, fan_out_selectivity_and_joining_are_followed);
	tcase_add_test(tcase, more_than_its_tasks_a_component_never_gets);
	tcase_add_test(tcase, a_hot_key_is_not_helped_by_executors);
	tcase_add_test(tcase, uneven_keys_are_no_skew_while_the_hottest_task_keeps_up);
	tcase_add_test(tcase, keys_that_are_even_are_no_skew_when_all_tasks_have_too_much);
	tcase_add_test(tcase, a_spout_that_is_the_slowest_is_named);
	tcase_add_test(tcase, a_spout_that_waits_though_nobody_is_busy_may_open_too_few);
	tcase_add_test(tcase, ackers_can_be_the_bottleneck);
	tcase_add_test(tcase, chained_components_are_scaled_together);
	tcase_add_test(tcase, nothing_is_said_of_what_has_not_begun);
	tcase_add_test(tcase, no_more_is_offered_than_the_machine_has_time_for);
	tcase_add_test(tcase, any_topology_with_known_costs_is_right_after_three_steps);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
