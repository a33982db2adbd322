/* test_fence.c - who switches, who is told, and when. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "faketopology.h"
#include "fence.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* a[0] b[0] (spouts) | left[0] left[1] right[0] join[0] (finishes) tail[0] | acker[0] acker[1]
 *
 *     a --> left --> join --> tail         b --> right --> join
 */
enum { A, B, LEFT_0, LEFT_1, RIGHT, JOIN, TAIL, ACKER_0, ACKER_1, N, COORDINATOR = ACKER_0 };

static struct topology *topology;
static struct plan *plan;
static struct fences fences;
static struct buf said;
static uint64_t now, seed;

static void switch_to(void *arg, uint32_t sender, uint32_t worker, uint32_t start)
{
	buf_printf(arg, "%u>%u.%u ", sender, worker, start);
}

static void lost(void *arg, uint32_t source, uint32_t worker)
{
	buf_printf(arg, "%u!%u ", source, worker);
}

static const struct fence_orders orders = { .switch_to = switch_to, .lost = lost };

static void begin_with(bool transactional)
{
	topology = fake_topology("fence", 2);
	fake_component(topology, GALE_SPOUT, "a", 1, 1);
	fake_component(topology, GALE_SPOUT, "b", 1, 1);
	fake_component(topology, GALE_BOLT, "left", 2, 2);
	fake_component(topology, GALE_BOLT, "right", 1, 1);
	fake_component(topology, GALE_BOLT, "join", 1, 1);
	fake_component(topology, GALE_BOLT, "tail", 1, 1);
	fake_stream(topology, 0, 2);
	fake_stream(topology, 1, 3);
	fake_stream(topology, 2, 4);
	fake_stream(topology, 3, 4);
	fake_stream(topology, 4, 5);
	topology->components[4].has_finish = true;
	if (transactional)
		fake_transactional(topology);
	plan = plan_make(topology);
	ck_assert_uint_eq(plan->n_workers, transactional ? COORDINATOR + 1 : N);
	now = NS_PER_S;
	fences_init(&fences, plan, &orders, &said);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		fences_joined(&fences, i);
}

static void begin(void)
{
	begin_with(false);
}

static void begin_transactional(void)
{
	begin_with(true);
}

static void finish(void)
{
	fences_free(&fences);
	plan_free(plan);
	topology_free(topology);
	buf_free(&said);
}

static void expect(const char *want)
{
	ck_assert_str_eq(buf_text(&said), want);
	said.n = 0;
}

/* comes_back: WORKER dies, and start number START of it has bound its sockets. */
static void comes_back(uint32_t worker, uint32_t start)
{
	fences_died(&fences, worker);
	fences_joined(&fences, worker);
	fences_begin(&fences, worker, start, now);
}

static void later(uint32_t ms)
{
	now += ms * (uint64_t)NS_PER_MS;
	fences_expire(&fences, now);
}

/* Who switches when a worker is lost, and who is told once all have: all senders; all sources
 * whose messages may have come there. */
START_TEST(senders_switch_then_sources_are_told)
{
	static const struct { uint32_t worker; const char *switches, *told; } cases[] = {
		{ A, "7>0.2 8>0.2 ", "" },
		{ LEFT_1, "0>3.2 ", "0!3 " },
		{ RIGHT, "1>4.2 ", "1!4 " },
		{ JOIN, "2>5.2 3>5.2 4>5.2 7>5.2 8>5.2 ", "0!5 1!5 " },
		{ TAIL, "5>6.2 ", "0!6 1!6 5!6 " },
		{ ACKER_1, "0>8.2 1>8.2 2>8.2 3>8.2 4>8.2 5>8.2 6>8.2 ", "0!8 1!8 5!8 " },
	};
	uint32_t worker = cases[_i].worker;
	int left = 0;

	comes_back(worker, 2);
	for (const char *p = cases[_i].switches; (p = strchr(p, '>')) != NULL; p++)
		left++;
	expect(cases[_i].switches);
	for (uint32_t i = 0; i < N; i++) {
		if (!plan_sends(plan, i, worker))
			continue;
		fences_switched(&fences, i, worker, 2);
		expect(--left == 0 ? cases[_i].told : "");
	}
	ck_assert_int_eq(left, 0);
	ck_assert_uint_eq(fences_deadline(&fences), 0);
}
END_TEST

START_TEST(a_laggard_is_not_waited_for_and_has_them_told_again)
{
	comes_back(JOIN, 2);
	said.n = 0;
	fences_switched(&fences, LEFT_0, JOIN, 2);
	ck_assert_uint_eq(fences_deadline(&fences), now + (uint64_t)FENCE_WAIT_MS * NS_PER_MS);
	later(FENCE_WAIT_MS - 1);
	expect("");
	later(1);
	expect("0!5 1!5 ");
	ck_assert_uint_eq(fences_deadline(&fences), 0);
	fences_switched(&fences, LEFT_1, JOIN, 2);
	expect("0!5 1!5 ");
	fences_switched(&fences, LEFT_1, JOIN, 2);		/* said twice */
	expect("");
	fences_switched(&fences, RIGHT, JOIN, 2);
	expect("0!5 1!5 ");
}
END_TEST

START_TEST(a_laggard_that_dies_is_covered_by_its_own_fence)
{
	comes_back(JOIN, 2);
	for (uint32_t i = 0; i < N; i++)
		if (i != LEFT_0)
			fences_switched(&fences, i, JOIN, 2);
	said.n = 0;
	later(FENCE_WAIT_MS);
	expect("0!5 1!5 ");
	fences_died(&fences, LEFT_0);
	expect("");
}
END_TEST

START_TEST(the_last_sender_dies)
{
	comes_back(LEFT_0, 2);
	expect("0>2.2 ");
	fences_died(&fences, A);
	expect("");		/* nobody whose messages came there is left */
	comes_back(TAIL, 2);
	said.n = 0;
	fences_died(&fences, JOIN);
	expect("1!6 ");
}
END_TEST

START_TEST(a_confirmation_of_an_older_start_does_not_count)
{
	comes_back(LEFT_0, 2);
	comes_back(LEFT_0, 3);
	expect("0>2.2 0>2.3 ");
	fences_switched(&fences, A, LEFT_0, 2);
	expect("");
	fences_switched(&fences, A, LEFT_0, 3);
	expect("0!2 ");
}
END_TEST

/* Nonsense of workers: they are not trusted. */
START_TEST(a_confirmation_that_makes_no_sense_is_ignored)
{
	fences_switched(&fences, A, N, 1);
	fences_switched(&fences, A, UINT32_MAX, 1);
	fences_switched(&fences, A, LEFT_0, 0);
	fences_switched(&fences, TAIL, LEFT_0, 7);
	expect("");
}
END_TEST

START_TEST(a_source_that_comes_back_inside_a_fence_is_told)
{
	comes_back(TAIL, 2);
	fences_died(&fences, A);
	said.n = 0;
	fences_joined(&fences, A);
	fences_switched(&fences, JOIN, TAIL, 2);
	expect("0!6 1!6 5!6 ");
}
END_TEST

/* In a transactional topology the coordinator alone is told, of every loss but its own. */
START_TEST(a_coordinator_is_told_of_all)
{
	static const struct { uint32_t worker; const char *switches, *told; } cases[] = {
		{ A, "7>0.2 ", "7!0 " },
		{ LEFT_1, "0>3.2 7>3.2 ", "7!3 " },
		{ JOIN, "2>5.2 3>5.2 4>5.2 7>5.2 ", "7!5 " },
		{ TAIL, "5>6.2 7>6.2 ", "7!6 " },
		{ COORDINATOR, "0>7.2 1>7.2 2>7.2 3>7.2 4>7.2 5>7.2 6>7.2 ", "" },
	};
	uint32_t worker = cases[_i].worker;

	comes_back(worker, 2);
	expect(cases[_i].switches);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		if (plan_sends(plan, i, worker) && i != COORDINATOR)
			fences_switched(&fences, i, worker, 2);
	if (worker != COORDINATOR) {
		expect("");
		fences_switched(&fences, COORDINATOR, worker, 2);
	}
	expect(cases[_i].told);
	ck_assert_uint_eq(fences_deadline(&fences), 0);
}
END_TEST

/* ---- any history ---- */

/* The model knows every start of every worker and to which start of each other one a worker
 * sends. The claim (R3): whoever may have sent to a dead start has switched or died before the
 * last time that the sources are told. */
struct model {
	uint32_t start[N], sends_to[N][N];	/* sends_to: 0 when the sender is dead */
	uint32_t asked[N][N];			/* the latest start it was told to switch to */
	uint32_t owed[N];	/* by worker: a time at which some sender left a dead start, not told yet */
	bool live[N];
	uint32_t n_told;
};

static struct model model;

static void model_switch(void *arg, uint32_t sender, uint32_t worker, uint32_t start)
{
	(void)arg;
	ck_assert(model.live[sender]);
	ck_assert(plan_sends(plan, sender, worker));
	ck_assert_uint_eq(start, model.start[worker]);
	model.asked[sender][worker] = start;
}

static void model_lost(void *arg, uint32_t source, uint32_t worker)
{
	(void)arg;
	ck_assert(model.live[source]);
	ck_assert(plan_is_source(plan, source));
	model.owed[worker] &= ~(1u << source);
	model.n_told++;
}

/* owe: what was sent to a dead start of WORKER is lost for good now: all live sources that
 * reach it must hear of it from now on. */
static void owe(uint32_t worker)
{
	for (uint32_t i = 0; i < plan->n_workers; i++) {
		bool reaches = plan->workers[worker].role == ROLE_ACKER ||
		    (plan->workers[worker].role == ROLE_BOLT && plan_runs_plugin(plan, i) &&
		    plan_reaches(plan, plan->workers[i].component, plan->workers[worker].component));

		if (i == plan->coordinator)
			reaches = worker != i;
		if (model.live[i] && plan_is_source(plan, i) && reaches)
			model.owed[worker] |= 1u << i;
	}
}

/* behind: SENDER still sends to a start of WORKER that is dead. */
static bool behind(uint32_t sender, uint32_t worker)
{
	return model.live[sender] && plan_sends(plan, sender, worker) &&
	    model.sends_to[sender][worker] < model.start[worker];
}

static void model_die(uint32_t worker)
{
	model.live[worker] = false;
	for (uint32_t i = 0; i < plan->n_workers; i++)
		model.owed[i] &= ~(1u << worker);
	fences_died(&fences, worker);
}

static void model_join(uint32_t worker)
{
	model.start[worker]++;
	model.live[worker] = true;
	memcpy(model.sends_to[worker], model.start, sizeof model.start);
	fences_joined(&fences, worker);
	owe(worker);
	fences_begin(&fences, worker, model.start[worker], now);
}

/* confirm: SENDER switches, and says so. */
static void confirm(uint32_t sender, uint32_t worker)
{
	uint32_t start = model.asked[sender][worker];

	if (!model.live[sender] || start <= model.sends_to[sender][worker])
		return;
	model.sends_to[sender][worker] = start;
	if (start == model.start[worker])
		owe(worker);
	fences_switched(&fences, sender, worker, start);
}

static void check_nothing_is_owed(void)
{
	for (uint32_t w = 0; w < plan->n_workers; w++) {
		for (uint32_t i = 0; i < plan->n_workers; i++)
			if (model.live[w])
				ck_assert_msg(!behind(i, w), "%u still sends to a dead %u", i, w);
		if (model.live[w])
			ck_assert_msg(model.owed[w] == 0, "the loss of %u is not told to %x", w, model.owed[w]);
	}
}

START_TEST(whatever_happens_all_is_told_after_the_last_switch)
{
	static const struct fence_orders checked = { .switch_to = model_switch, .lost = model_lost };
	uint64_t state = seed + (uint64_t)_i;

	fences_free(&fences);
	fences_init(&fences, plan, &checked, NULL);
	memset(&model, 0, sizeof model);
	for (uint32_t i = 0; i < plan->n_workers; i++) {
		model.start[i] = 1;
		model.live[i] = true;
		fences_joined(&fences, i);
	}
	for (uint32_t i = 0; i < plan->n_workers; i++)
		memcpy(model.sends_to[i], model.start, sizeof model.start);
	for (int step = 0; step < 20000; step++) {
		uint32_t one = pick(&state, plan->n_workers), other = pick(&state, plan->n_workers), op = pick(&state, 20);

		if (op == 0 && model.live[one])
			model_die(one);
		else if (op < 3 && !model.live[one])
			model_join(one);
		else if (op == 3)
			later(pick(&state, 150));
		else if (op == 4)
			fences_switched(&fences, one, other, pick(&state, model.start[other]));
		else
			confirm(one, other);
		if (step % 500 == 499) {	/* faults stop: all comes to an end */
			for (uint32_t i = 0; i < plan->n_workers; i++)
				if (!model.live[i])
					model_join(i);
			for (uint32_t i = 0; i < plan->n_workers * plan->n_workers; i++)
				confirm(i / plan->n_workers, i % plan->n_workers);
			later(FENCE_WAIT_MS);
			check_nothing_is_owed();
			ck_assert_uint_eq(fences_deadline(&fences), 0);
		}
	}
	ck_assert_uint_gt(model.n_told, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fence");
	TCase *c = tcase_create("fence");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_loop_test(c, senders_switch_then_sources_are_told, 0, 6);
	tcase_add_test(c, a_laggard_is_not_waited_for_and_has_them_told_again);
	tcase_add_test(c, a_laggard_that_dies_is_covered_by_its_own_fence);
	tcase_add_test(c, the_last_sender_dies);
	tcase_add_test(c, a_confirmation_of_an_older_start_does_not_count);
	tcase_add_test(c, a_confirmation_that_makes_no_sense_is_ignored);
	tcase_add_test(c, a_source_that_comes_back_inside_a_fence_is_told);
	tcase_add_loop_test(c, whatever_happens_all_is_told_after_the_last_switch, 0, 8);
	suite_add_tcase(s, c);
	c = tcase_create("coordinator");
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, begin_transactional, finish);
	tcase_add_loop_test(c, a_coordinator_is_told_of_all, 0, 5);
	tcase_add_loop_test(c, whatever_happens_all_is_told_after_the_last_switch, 0, 8);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
