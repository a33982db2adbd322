/* test_layout.c - tasks that were moved: who stays, who goes, who comes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faketopology.h"
#include "plan.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static uint64_t seed, state;

/* move gives T the layout for EXECUTORS, and *P the plan of it. */
static void move(struct topology *t, struct plan **p, const uint32_t *executors)
{
	struct topology after = { .components = t->components, .n_components = t->n_components };

	after.layout = plan_relayout(*p, executors, &after.n_layout);
	for (uint32_t c = 0; c < t->n_components; c++)
		t->components[c].parallelism = executors[c];
	topology_lay_out(t, &after);
	plan_free(*p);
	*p = plan_make(t);
}

/* ---- by hand ---- */

static struct topology *topology;
static struct plan *plan;

/* lines[0] split[0-1] split[2-3] sink[0] acker[0] */
static void begin(void)
{
	topology = fake_topology("t", 1);
	fake_component(topology, GALE_SPOUT, "lines", 1, 1);
	fake_component(topology, GALE_BOLT, "split", 2, 4);
	fake_component(topology, GALE_BOLT, "sink", 1, 1);
	fake_stream(topology, 0, 1);
	fake_stream(topology, 1, 2);
	plan = plan_make(topology);
}

static void finish(void)
{
	plan_free(plan);
	topology_free(topology);
}

static void labels_are(const char *want)
{
	char got[512] = "";

	for (uint32_t i = 0; i < plan->n_workers; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%s ", plan->workers[i].label);
	ck_assert_str_eq(got, want);
}

START_TEST(who_stays_keeps_its_number)
{
	move(topology, &plan, (uint32_t[]){ 1, 3, 1 });
	labels_are("lines[0] split[0-1] split[2] sink[0] acker[0] split[3] ");
	ck_assert_uint_eq(plan->first_acker, 4);
	ck_assert_uint_eq(plan->n_ackers, 1);
	ck_assert_uint_eq(plan->task_worker[1 + 3], 5);
	ck_assert(plan_sends(plan, 0, 5) && plan_sends(plan, 5, 3) && plan_sends(plan, 5, 4));
	move(topology, &plan, (uint32_t[]){ 1, 1, 1 });
	labels_are("lines[0] split[0-3] split[-] sink[0] acker[0] split[-] ");
	ck_assert_int_eq(plan->workers[2].role, ROLE_GONE);
	ck_assert(!plan_sends(plan, 0, 2) && !plan_sends(plan, 2, 3) && !plan_sends(plan, 2, 4));
	ck_assert(!plan_is_source(plan, 2) && !plan_runs_plugin(plan, 2));
	ck_assert_uint_eq(plan_executors(plan, 1), 1);
}
END_TEST

START_TEST(numbers_that_are_free_are_used_again)
{
	move(topology, &plan, (uint32_t[]){ 1, 1, 1 });
	move(topology, &plan, (uint32_t[]){ 1, 4, 1 });
	labels_are("lines[0] split[0] split[1] sink[0] acker[0] split[2] split[3] ");
	move(topology, &plan, (uint32_t[]){ 1, 2, 1 });
	labels_are("lines[0] split[0-1] split[2-3] sink[0] acker[0] split[-] split[-] ");
	ck_assert_uint_eq(plan->first_worker[1], 1);
}
END_TEST

/* The first number of a component may be free: what asks for its first worker gets one that lives. */
START_TEST(the_first_worker_is_one_that_lives)
{
	topology->layout = xcalloc(5, sizeof *topology->layout);
	topology->n_layout = 5;
	topology->layout[0] = (struct layout_worker){ 0, 0, 1, 0 };
	topology->layout[1] = (struct layout_worker){ 1, 0, 0, 0 };
	topology->layout[2] = (struct layout_worker){ 1, 0, 4, 0 };
	topology->layout[3] = (struct layout_worker){ 2, 0, 1, 0 };
	topology->layout[4] = (struct layout_worker){ 3, 0, 1, 0 };
	plan_free(plan);
	plan = plan_make(topology);
	labels_are("lines[0] split[-] split[0-3] sink[0] acker[0] ");
	ck_assert_uint_eq(plan->first_worker[1], 2);
	ck_assert_uint_eq(plan->workers[2].executor, 0);
}
END_TEST

START_TEST(the_same_number_changes_nothing)
{
	struct plan *was = plan_make(topology);

	move(topology, &plan, (uint32_t[]){ 1, 2, 1 });
	ck_assert_uint_eq(plan->n_workers, was->n_workers);
	for (uint32_t i = 0; i < plan->n_workers; i++)
		ck_assert(plan_keeps(was, plan, i));
	ck_assert(!plan_keeps(was, plan, plan->n_workers));
	ck_assert(!plan_keeps(was, plan, UINT32_MAX));
	plan_free(was);
}
END_TEST

/* What is chained goes with its head. */
START_TEST(a_chain_moves_as_one)
{
	fake_chaining(topology, UINT32_MAX, "auto");
	topology->components[0].parallelism = topology->components[2].parallelism = 2;
	topology->components[0].n_tasks = topology->components[2].n_tasks = 4;
	topology->subscriptions[0].grouping = topology->subscriptions[1].grouping = GROUPING_LOCAL_OR_SHUFFLE;
	plan_free(plan);
	plan = plan_make(topology);
	labels_are("lines[0-1]+split[0-1]+sink[0-1] lines[2-3]+split[2-3]+sink[2-3] acker[0] ");
	move(topology, &plan, (uint32_t[]){ 3, 3, 3 });
	labels_are("lines[0-1]+split[0-1]+sink[0-1] lines[2]+split[2]+sink[2] acker[0] lines[3]+split[3]+sink[3] ");
	ck_assert_uint_eq(plan->workers[3].n_stages, 3);
	move(topology, &plan, (uint32_t[]){ 1, 1, 1 });
	labels_are("lines[0-3]+split[0-3]+sink[0-3] lines[-]+split[-]+sink[-] acker[0] lines[-]+split[-]+sink[-] ");
	ck_assert_uint_eq(plan_executors(plan, 2), 1);
}
END_TEST

/* A layout that does not have each task once is none: the plan is the usual one. */
START_TEST(a_layout_that_does_not_fit_is_none)
{
	static const struct layout_worker bad[][6] = {
		{ { 0, 0, 1, 0 }, { 1, 0, 2, 0 }, { 1, 2, 1, 0 }, { 2, 0, 1, 0 }, { 3, 0, 1, 0 } },	/* a task is missing */
		{ { 0, 0, 1, 0 }, { 1, 0, 2, 0 }, { 1, 1, 3, 0 }, { 2, 0, 1, 0 }, { 3, 0, 1, 0 } },	/* one is there twice */
		{ { 0, 0, 1, 0 }, { 1, 0, 2, 0 }, { 1, 2, 3, 0 }, { 2, 0, 1, 0 }, { 3, 0, 1, 0 } },	/* one too many */
		{ { 0, 0, 1, 0 }, { 1, 0, 2, 0 }, { 1, 2, 2, 0 }, { 2, 0, 1, 0 }, { 1, 0, 0, 0 } },	/* no acker */
		{ { 0, 0, 1, 0 }, { 1, 0, 4, 0 }, { 3, 0, 1, 0 }, { 2, 0, 1, 0 }, { 3, 1, 1, 0 } },	/* ackers apart, too many */
		{ { 0, 0, 1, 0 }, { 1, 0, 2, 0 }, { 1, 2, 2, 0 }, { 4, 0, 1, 0 }, { 3, 0, 1, 0 } },	/* no such component */
		{ { 0, 0, 1, 0 }, { 1, UINT32_MAX, 2, 0 }, { 1, 2, UINT32_MAX, 0 }, { 2, 0, 1, 0 }, { 3, 0, 1, 0 } },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		topology->layout = xmalloc(sizeof bad[i]);
		memcpy(topology->layout, bad[i], sizeof bad[i]);
		topology->n_layout = 5;
		plan_free(plan);
		plan = plan_make(topology);
		labels_are("lines[0] split[0-1] split[2-3] sink[0] acker[0] ");
		free(topology->layout);
		topology->layout = NULL;
	}
}
END_TEST

/* ---- at random ---- */

static struct topology *random_topology(void)
{
	struct topology *t = fake_topology("t", pick(&state, 3));
	uint32_t n = 1 + pick(&state, 5);

	for (uint32_t c = 0; c < n; c++) {
		uint32_t tasks = 1 + pick(&state, 9);

		fake_component(t, c == 0 ? GALE_SPOUT : GALE_BOLT, (char[2]){ (char)('a' + c) }, 1 + pick(&state, tasks), tasks);
		if (c > 0)
			fake_stream(t, pick(&state, c), c);
	}
	if (pick(&state, 4) == 0)
		fake_chaining(t, UINT32_MAX, "auto");
	return pick(&state, 3) == 0 ? fake_transactional(t) : t;
}

/* check_tasks: each task is in one worker, and labels and stages agree. */
static void check_tasks(const struct plan *p)
{
	uint32_t *seen = xcalloc((size_t)p->n_tasks + 1, sizeof *seen);

	for (uint32_t w = 0; w < p->n_workers; w++)
		for (uint32_t s = 0; s < p->workers[w].n_stages; s++) {
			const struct plan_stage *x = &plan_stages(p, w)[s];

			ck_assert_uint_eq(x->n_tasks, p->workers[w].n_tasks);
			for (uint32_t i = 0; i < x->n_tasks; i++) {
				seen[x->first_task + i]++;
				ck_assert_uint_eq(p->task_worker[x->first_task + i], w);
			}
		}
	for (uint32_t i = 0; i < p->n_tasks; i++)
		ck_assert_uint_eq(seen[i], 1);
	free(seen);
}

/* check_shares: component C has N workers, with shares that differ by one task at most. */
static void check_shares(const struct plan *p, uint32_t c, uint32_t n)
{
	uint32_t least = UINT32_MAX, most = 0;

	ck_assert_uint_eq(plan_executors(p, c), n);
	for (uint32_t w = 0; w < p->n_workers; w++) {
		const struct plan_stage *s = plan_stage_of(p, w, c);

		if (s == NULL || s->n_tasks == 0)
			continue;
		least = s->n_tasks < least ? s->n_tasks : least;
		most = s->n_tasks > most ? s->n_tasks : most;
	}
	ck_assert_uint_le(most - least, 1);
}

/* check_kept: who has a share that the new plan has too is the same worker, and so are all of
 * components that did not change. */
static void check_kept(const struct plan *was, const struct plan *now)
{
	for (uint32_t w = 0; w < was->n_workers; w++)
		for (uint32_t x = 0; was->workers[w].n_tasks > 0 && x < now->n_workers; x++) {
			bool same = was->workers[w].component == now->workers[x].component &&
			    was->workers[w].first_task == now->workers[x].first_task &&
			    was->workers[w].n_tasks == now->workers[x].n_tasks;

			ck_assert(!same || x == w);
			ck_assert(!same || plan_keeps(was, now, w));
		}
	for (uint32_t w = 0; w < was->n_workers; w++) {
		ck_assert_uint_eq(was->workers[w].component, now->workers[w].component);
		ck_assert_uint_eq(was->workers[w].first_stage, now->workers[w].first_stage);
	}
	ck_assert_uint_ge(now->n_workers, was->n_workers);
	ck_assert(now->first_acker == was->first_acker || (now->n_ackers == 0 && now->coordinator == UINT32_MAX));
	ck_assert_uint_eq(now->coordinator, was->coordinator);
}

/* check_file: what is written and read gives the same plan. */
static void check_file(const struct topology *t, const struct plan *p)
{
	char path[] = "/tmp/gale-layout-XXXXXX";
	int fd = mkstemp(path);
	struct topology *back;
	struct plan *again;
	struct error e = { "" };

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(topology_write(t, path, &e), 0);
	back = topology_read(path, &e);
	ck_assert_msg(back != NULL, "%s", e.text);
	again = plan_make(back);
	ck_assert_uint_eq(again->n_workers, p->n_workers);
	for (uint32_t i = 0; i < p->n_workers; i++)
		ck_assert_str_eq(again->workers[i].label, p->workers[i].label);
	plan_free(again);
	topology_free(back);
	unlink(path);
}

/* wish picks executors; members of a chain want what its head does. Others may get what would
 * chain them: the caller leaves those out. */
static void wish(const struct topology *t, const struct plan *p, uint32_t *executors)
{
	for (uint32_t c = 0; c < t->n_components; c++)
		executors[c] = pick(&state, 3) == 0 ? plan_executors(p, c) : 1 + pick(&state, t->components[c].n_tasks);
	for (uint32_t round = 0; round < t->n_components; round++)
		for (uint32_t c = 0; c < t->n_components; c++)
			if (p->chained_to[c] != UINT32_MAX)
				executors[c] = executors[p->chained_to[c]];
}

/* rechains: with EXECUTORS somebody would be chained who is not, or the other way round. */
static bool rechains(struct topology *t, const struct plan *p, const uint32_t *executors)
{
	uint32_t was[8];
	bool differs = false;

	for (uint32_t c = 0; c < t->n_components; c++) {
		was[c] = t->components[c].parallelism;
		t->components[c].parallelism = executors[c];
	}
	for (uint32_t c = 0; c < t->n_components; c++)
		differs |= plan_chained_to(t, c) != p->chained_to[c];
	for (uint32_t c = 0; c < t->n_components; c++)
		t->components[c].parallelism = was[c];
	return differs;
}

START_TEST(any_row_of_moves_keeps_what_can_stay)
{
	struct topology *t;
	uint32_t executors[8];
	struct plan *p, *was;

	state = seed + (uint64_t)_i;
	t = random_topology();
	p = plan_make(t);
	for (int n = 0; n < 12; n++) {
		was = plan_make(t);
		wish(t, p, executors);
		if (!rechains(t, p, executors)) {
			move(t, &p, executors);
			check_tasks(p);
			for (uint32_t c = 0; c < t->n_components; c++)
				check_shares(p, c, executors[c]);
			check_kept(was, p);
			check_file(t, p);
		}
		plan_free(was);
	}
	plan_free(p);
	topology_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layout");
	TCase *c = tcase_create("layout");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, who_stays_keeps_its_number);
	tcase_add_test(c, numbers_that_are_free_are_used_again);
	tcase_add_test(c, the_first_worker_is_one_that_lives);
	tcase_add_test(c, the_same_number_changes_nothing);
	tcase_add_test(c, a_chain_moves_as_one);
	tcase_add_test(c, a_layout_that_does_not_fit_is_none);
	suite_add_tcase(s, c);
	c = tcase_create("random");
	tcase_add_loop_test(c, any_row_of_moves_keeps_what_can_stay, 0, getenv("GALE_QUICK") ? 30 : 200);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
