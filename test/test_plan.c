/* test_plan.c - who runs what. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "faketopology.h"
#include "plan.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* Every task has one worker, which lists it, and workers follow each other without gap. */
static void check_numbers(const struct plan *p)
{
	uint32_t task = 0;

	for (uint32_t w = 0; w < p->n_workers; w++) {
		const struct plan_worker *worker = &p->workers[w];

		ck_assert_uint_eq(worker->first_task, task);
		ck_assert_uint_gt(worker->n_tasks, 0);
		for (uint32_t i = 0; i < worker->n_tasks; i++)
			ck_assert_uint_eq(p->task_worker[task + i], w);
		task += worker->n_tasks;
	}
	ck_assert_uint_eq(task, p->n_tasks);
	if (p->coordinator == UINT32_MAX) {
		ck_assert_uint_eq(p->first_acker + p->n_ackers, p->n_workers);
	} else {
		ck_assert_uint_eq(p->coordinator, p->n_workers - 1);
		ck_assert_uint_eq(p->n_ackers, 0);
	}
}

START_TEST(components_come_in_order_and_ackers_last)
{
	struct topology *t = fake_words(3, 2);
	struct plan *p = plan_make(t);
	static const char *const labels[] = {
		"lines[0]", "split[0]", "split[1]", "split[2]", "sink[0]", "acker[0]", "acker[1]"
	};
	char label[96];

	check_numbers(p);
	ck_assert_uint_eq(p->n_workers, 7);
	ck_assert_uint_eq(p->first_acker, 5);
	for (uint32_t i = 0; i < 7; i++) {
		ck_assert_str_eq(p->workers[i].label, labels[i]);
		ck_assert_str_eq(plan_task_label(p, i, label, sizeof label), labels[i]);
	}
	ck_assert_int_eq(p->workers[0].role, ROLE_SPOUT);
	ck_assert_int_eq(p->workers[4].role, ROLE_BOLT);
	ck_assert_int_eq(p->workers[6].role, ROLE_ACKER);
	ck_assert_uint_eq(p->workers[6].component, 3);
	ck_assert_uint_eq(p->first_worker[2], 4);
	ck_assert_str_eq(plan_component(p, 4), "sink");
	ck_assert_str_eq(plan_component(p, 5), ACKER_ID);
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(a_coordinator_stands_in_the_place_of_the_ackers)
{
	struct topology *t = fake_transactional(fake_words(2, 3));
	struct plan *p = plan_make(t);
	char label[96];

	check_numbers(p);
	ck_assert_uint_eq(p->n_workers, 5);
	ck_assert_uint_eq(p->coordinator, 4);
	ck_assert_int_eq(p->workers[4].role, ROLE_COORDINATOR);
	ck_assert_uint_eq(p->workers[4].component, 3);
	ck_assert_uint_eq(p->first_worker[3], 4);
	ck_assert_uint_eq(p->first_task[3], 4);
	ck_assert_uint_eq(p->n_tasks, 5);
	ck_assert_str_eq(p->workers[4].label, "coordinator[0]");
	ck_assert_str_eq(plan_task_label(p, 4, label, sizeof label), "coordinator[0]");
	ck_assert_str_eq(plan_component(p, 4), COORDINATOR_ID);
	for (uint32_t w = 0; w < p->n_workers; w++) {
		ck_assert_int_eq(plan_runs_plugin(p, w), w < 4);
		ck_assert_int_eq(plan_is_source(p, w), w == 4);
	}
	ck_assert(plan_tracks(p));
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(tasks_are_shared_out_evenly_the_larger_shares_first)
{
	struct topology *t = fake_topology("t", 1);
	struct plan *p;
	char label[96];

	fake_component(t, GALE_SPOUT, "s", 1, 1);
	fake_component(t, GALE_BOLT, "b", 3, 8);
	p = plan_make(t);
	check_numbers(p);
	ck_assert_str_eq(p->workers[1].label, "b[0-2]");
	ck_assert_str_eq(p->workers[2].label, "b[3-5]");
	ck_assert_str_eq(p->workers[3].label, "b[6-7]");
	ck_assert_uint_eq(p->workers[3].executor, 2);
	ck_assert_uint_eq(p->first_task[1], 1);
	ck_assert_str_eq(plan_task_label(p, 8, label, sizeof label), "b[7]");
	ck_assert_str_eq(plan_task_label(p, 9, label, sizeof label), "acker[0]");
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(any_task_number_has_a_label)
{
	struct topology *t = fake_words(1, 0);
	struct plan *p = plan_make(t);
	char label[96], tiny[4];

	ck_assert_str_eq(plan_task_label(p, 3, label, sizeof label), "?[3]");
	ck_assert_str_eq(plan_task_label(p, UINT32_MAX, label, sizeof label), "?[4294967295]");
	ck_assert_str_eq(plan_task_label(p, 0, tiny, sizeof tiny), "lin");
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(ackers_may_be_none)
{
	struct topology *t = fake_words(1, 0);
	struct plan *p = plan_make(t);

	check_numbers(p);
	ck_assert_uint_eq(p->n_ackers, 0);
	ck_assert_uint_eq(p->n_workers, 3);
	ck_assert(!plan_tracks(p));
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(without_a_spout_there_are_no_ackers)
{
	struct topology *t = fake_topology("t", 4);
	struct plan *p;

	fake_component(t, GALE_BOLT, "b", 1, 1);
	p = plan_make(t);
	ck_assert_uint_eq(p->n_ackers, 0);
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(a_long_id_is_cut_in_labels)
{
	struct topology *t = fake_topology("t", 0);
	char id[300], label[96];
	struct plan *p;

	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	fake_component(t, GALE_BOLT, id, 1, 1);
	p = plan_make(t);
	ck_assert_uint_eq(strlen(p->workers[0].label), 64 + strlen("[0]"));
	ck_assert_str_eq(plan_task_label(p, 0, label, sizeof label), p->workers[0].label);
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(many_sizes_add_up)
{
	for (uint32_t parallelism = 1; parallelism <= 20; parallelism++)
		for (uint32_t more = 0; more <= 25; more++) {
			struct topology *t = fake_topology("t", more % 4);
			struct plan *p;

			fake_component(t, GALE_SPOUT, "s", 1 + more % 3, 3 + more % 3);
			fake_component(t, GALE_BOLT, "b", parallelism, parallelism + more);
			p = plan_make(t);
			check_numbers(p);
			plan_free(p);
			topology_free(t);
		}
}
END_TEST

/* a -> left, right -> join -> tail; join has finish. */
static struct topology *joined(void)
{
	struct topology *t = fake_topology("t", 1);

	fake_component(t, GALE_SPOUT, "a", 1, 1);
	fake_component(t, GALE_BOLT, "left", 2, 2);
	fake_component(t, GALE_BOLT, "right", 1, 1);
	fake_component(t, GALE_BOLT, "join", 1, 1);
	fake_component(t, GALE_BOLT, "tail", 1, 1);
	fake_stream(t, 0, 1);
	fake_stream(t, 1, 3);
	fake_stream(t, 2, 3);
	fake_stream(t, 3, 4);
	t->components[3].has_finish = true;
	return t;
}

static void check_sends(const struct plan *p, const char *const *sends)
{
	for (uint32_t from = 0; from < 7; from++)
		for (uint32_t to = 0; to < 7; to++)
			ck_assert_msg(plan_sends(p, from, to) == (sends[from][to] == '1'), "%u to %u", from, to);
}

START_TEST(who_sends_to_whom_follows_from_the_streams)
{
	static const char *const sends[] = {
	/*	 to:	 a l0 l1 r j t ack */
		"0110001",	/* a: its bolts, the acker */
		"0000101", "0000101", "0000101",
		"0000011",
		"0000001",
		"1000100",	/* the acker: who makes roots */
	};
	struct topology *t = joined();
	struct plan *p = plan_make(t);

	check_sends(p, sends);
	for (uint32_t w = 0; w < 7; w++)
		ck_assert_int_eq(plan_is_source(p, w), w == 0 || w == 4);
	ck_assert(plan_feeds(p, 0, 1) && !plan_feeds(p, 1, 0) && !plan_feeds(p, 0, 3));
	ck_assert(plan_reaches(p, 0, 1) && plan_reaches(p, 0, 3) && plan_reaches(p, 0, 4));
	ck_assert(!plan_reaches(p, 0, 0) && !plan_reaches(p, 0, 2) && !plan_reaches(p, 4, 0));
	ck_assert(plan_reaches(p, 2, 4) && !plan_reaches(p, 3, 1));
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(a_coordinator_and_all_others_send_to_each_other)
{
	static const char *const sends[] = {
		"0110001",	/* the last: the coordinator */
		"0000101", "0000101", "0000101",
		"0000011",
		"0000001",
		"1111110",
	};
	struct topology *t = joined();
	struct plan *plain = plan_make(t), *p;
	uint32_t most;

	fake_transactional(t);
	p = plan_make(t);
	check_sends(p, sends);
	most = plan_descriptors(p);
	ck_assert_uint_gt(most, plan_descriptors(plain));
	t->components[4].state_version = 1;
	ck_assert_uint_eq(plan_descriptors(p), most);	/* the coordinator has a state already */
	plan_free(plain);
	plan_free(p);
	topology_free(t);
}
END_TEST

/* 2^40 ways from the first to the last. */
START_TEST(reaching_takes_no_longer_for_many_ways)
{
	enum { LAYERS = 40 };
	struct topology *t = fake_topology("t", 0);
	struct plan *p;
	char id[16];

	fake_component(t, GALE_SPOUT, "a", 1, 1);
	for (uint32_t i = 1; i <= 2 * LAYERS; i++) {
		snprintf(id, sizeof id, "b%u", i);
		fake_component(t, GALE_BOLT, id, 1, 1);
		for (uint32_t from = (i - 1) / 2 * 2; i > 2 && from > (i - 1) / 2 * 2 - 2; from--)
			fake_stream(t, from, i);
		if (i <= 2)
			fake_stream(t, 0, i);
	}
	p = plan_make(t);
	ck_assert(plan_reaches(p, 0, 2 * LAYERS));
	ck_assert(!plan_reaches(p, 2 * LAYERS, 0));
	plan_free(p);
	topology_free(t);
}
END_TEST

/* ---- chains ---- */

/* chain3: a (N executors, MORE tasks beyond that) -> b -> c, by GROUPING, chaining wanted. */
static struct topology *chain3(uint32_t n, uint32_t more, enum grouping grouping)
{
	struct topology *t = fake_topology("t", 1);

	fake_component(t, GALE_SPOUT, "a", n, n + more);
	fake_component(t, GALE_BOLT, "b", n, n + more);
	fake_component(t, GALE_BOLT, "c", n, n + more);
	fake_stream(t, 0, 1);
	fake_stream(t, 1, 2);
	t->subscriptions[0].grouping = t->subscriptions[1].grouping = grouping;
	fake_chaining(t, UINT32_MAX, "auto");
	return t;
}

START_TEST(a_chain_is_one_worker)
{
	struct topology *t = chain3(1, 0, GROUPING_FIELDS);
	struct plan *p = plan_make(t);
	const struct plan_stage *s = plan_stages(p, 0);
	char label[96];

	ck_assert_uint_eq(p->n_workers, 2);
	ck_assert_uint_eq(p->n_stages, 4);
	ck_assert_uint_eq(p->n_tasks, 4);
	ck_assert_str_eq(p->workers[0].label, "a[0]+b[0]+c[0]");
	ck_assert_int_eq(p->workers[0].role, ROLE_SPOUT);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(s[i].component, i);
		ck_assert_uint_eq(s[i].first_task, i);
		ck_assert_uint_eq(s[i].parent, i == 0 ? 0 : i - 1);
		ck_assert_uint_eq(p->task_worker[i], 0);
		ck_assert_uint_eq(p->first_worker[i], 0);
		ck_assert_uint_eq(plan_task_component(p, 0, i), i);
		ck_assert_ptr_eq(plan_stage_of(p, 0, i), &s[i]);
	}
	ck_assert_str_eq(plan_task_label(p, 2, label, sizeof label), "c[0]");
	ck_assert_uint_eq(plan_task_component(p, 0, 3), UINT32_MAX);	/* the acker's */
	ck_assert_ptr_null(plan_stage_of(p, 1, 0));
	ck_assert(plan_sends(p, 0, 1) && plan_sends(p, 1, 0) && !plan_sends(p, 0, 0));
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(each_executor_takes_the_tasks_beside_its_own_along)
{
	struct topology *t = chain3(2, 1, GROUPING_LOCAL_OR_SHUFFLE);
	struct plan *p = plan_make(t);

	ck_assert_str_eq(p->workers[0].label, "a[0-1]+b[0-1]+c[0-1]");
	ck_assert_str_eq(p->workers[1].label, "a[2]+b[2]+c[2]");
	ck_assert_uint_eq(plan_stages(p, 1)[2].first_task, 8);
	ck_assert_uint_eq(plan_stages(p, 1)[2].n_tasks, 1);
	ck_assert_uint_eq(p->workers[1].first_stage, 3);
	ck_assert_uint_eq(p->first_worker[2], 0);
	ck_assert(!plan_sends(p, 0, 1) && !plan_sends(p, 1, 0));
	plan_free(p);
	topology_free(t);
}
END_TEST

/* who_is_chained makes bits of T's components. */
static unsigned who_is_chained(struct topology *t)
{
	unsigned bits = 0;

	for (uint32_t c = 0; c < t->n_components; c++)
		bits |= (unsigned)(plan_chained_to(t, c) != UINT32_MAX) << c;
	topology_free(t);
	return bits;
}

START_TEST(what_is_chained)
{
	struct topology *t;

	for (int g = 0; g < N_GROUPINGS; g++) {
		bool call = g != GROUPING_CUSTOM && g != GROUPING_DIRECT;

		ck_assert_uint_eq(who_is_chained(chain3(1, 0, (enum grouping)g)), call ? 6 : 0);
		ck_assert_uint_eq(who_is_chained(chain3(2, 0, (enum grouping)g)),
		    g == GROUPING_LOCAL_OR_SHUFFLE ? 6 : 0);
		ck_assert_uint_eq(who_is_chained(chain3(1, 1, (enum grouping)g)),
		    g == GROUPING_LOCAL_OR_SHUFFLE ? 6 : 0);
	}
	fake_chaining(t = chain3(1, 0, GROUPING_SHUFFLE), 1, "off");
	ck_assert_uint_eq(who_is_chained(t), 4);
	t = fake_words(1, 1);
	fake_stream(t, 0, 1);
	fake_stream(t, 1, 2);
	fake_chaining(t, 2, "auto");
	ck_assert_uint_eq(who_is_chained(t), 4);
	ck_assert_uint_eq(who_is_chained(fake_transactional(chain3(1, 0, GROUPING_SHUFFLE))), 0);
	(t = chain3(2, 0, GROUPING_LOCAL_OR_SHUFFLE))->components[1].n_tasks = 3;
	ck_assert_uint_eq(who_is_chained(t), 0);
	(t = chain3(1, 1, GROUPING_LOCAL_OR_SHUFFLE))->components[2].parallelism = 2;
	ck_assert_uint_eq(who_is_chained(t), 2);
	fake_stream(t = chain3(1, 0, GROUPING_SHUFFLE), 0, 2);	/* c has two to listen to */
	ck_assert_uint_eq(who_is_chained(t), 2);
	fake_stream(t = chain3(1, 0, GROUPING_SHUFFLE), 1, 2);	/* two streams of one */
	ck_assert_uint_eq(who_is_chained(t), 6);
}
END_TEST

/* why_apart gives why component C of T can't be chained; "" where there is nothing to say. */
static const char *why_apart(const struct topology *t, uint32_t c)
{
	static struct buf why;

	why.n = 0;
	ck_assert(plan_why_apart(t, c, &why) == (why.n > 0));
	ck_assert(why.n == 0 || plan_chained_to(t, c) == UINT32_MAX);
	return buf_text(&why);
}

START_TEST(why_it_is_not_chained)
{
	struct topology *t = chain3(1, 0, GROUPING_SHUFFLE);

	for (uint32_t c = 0; c < t->n_components; c++)
		ck_assert_str_eq(why_apart(t, c), "");
	fake_stream(t, 0, 2);
	ck_assert_str_eq(why_apart(t, 2), "it is fed by several components");
	fake_chaining(t, 2, "off");
	ck_assert_str_eq(why_apart(t, 2), "");
	t->subscriptions[0].grouping = GROUPING_DIRECT;
	ck_assert_str_eq(why_apart(t, 1), "DIRECT from a chooses a task for itself");
	ck_assert_str_eq(why_apart(fake_transactional(t), 1), "the topology is transactional");
	topology_free(t);
	t = chain3(2, 1, GROUPING_FIELDS);
	ck_assert_str_eq(why_apart(t, 1), "FIELDS from a may go to any of its tasks");
	t->subscriptions[0].grouping = GROUPING_LOCAL_OR_SHUFFLE;
	ck_assert_str_eq(why_apart(t, 1), "");
	t->components[1].parallelism = 1;
	ck_assert_str_eq(why_apart(t, 1), "a has 2 executors and 3 tasks, b has 1 executor and 3 tasks");
	topology_free(t);
}
END_TEST

/* chain_text gives who shares the workers of C; "" where it is no head of others. */
static const char *chain_text(const struct topology *t, uint32_t c)
{
	static struct buf text;
	struct plan *p = plan_make(t);

	text.n = 0;
	if (plan_is_chain(p, c))
		plan_chain_text(p, c, &text);
	plan_free(p);
	return buf_text(&text);
}

START_TEST(who_shares_a_process)
{
	struct topology *t = chain3(1, 0, GROUPING_SHUFFLE);
	struct plan *p = plan_make(t);

	ck_assert_str_eq(chain_text(t, 0), "one process: a, b, c");
	ck_assert_str_eq(chain_text(t, 1), "");
	ck_assert_uint_eq(plan_chain_head(p, 2), 0);
	ck_assert_uint_eq(plan_chain_head(p, 3), 3);	/* the acker's */
	plan_free(p);
	fake_chaining(t, 1, "off");
	ck_assert_str_eq(chain_text(t, 0), "");
	ck_assert_str_eq(chain_text(t, 1), "one process: b, c");
	topology_free(t);
	t = chain3(2, 1, GROUPING_LOCAL_OR_SHUFFLE);
	ck_assert_str_eq(chain_text(t, 0), "2 processes, each with all of: a, b, c");
	topology_free(t);
}
END_TEST

static void fake_combining(struct topology *t, const char *value)
{
	t->config.items = xrealloc(t->config.items, (t->config.n + 1) * sizeof *t->config.items);
	t->config.items[t->config.n++] = (struct setting){
		.key = xstrdup("topology.combining"), .type = SETTING_STRING, .s = xstrdup(value),
	};
}

START_TEST(what_is_combined)
{
	struct topology *t = chain3(2, 0, GROUPING_FIELDS);

	ck_assert(!plan_combines(t, &t->subscriptions[1]));
	t->components[2].combines = true;
	ck_assert(!plan_combines(t, &t->subscriptions[0]) && plan_combines(t, &t->subscriptions[1]));
	t->subscriptions[1].grouping = GROUPING_PARTIAL_KEY;
	ck_assert(!plan_combines(t, &t->subscriptions[1]));
	t->subscriptions[1].grouping = GROUPING_FIELDS;
	t->components[1].parallelism = t->components[1].n_tasks = 1;
	t->components[2].parallelism = t->components[2].n_tasks = 1;
	ck_assert_uint_eq(plan_chained_to(t, 2), 1);
	ck_assert(!plan_combines(t, &t->subscriptions[1]));	/* a call */
	fake_chaining(t, 2, "off");
	ck_assert(plan_combines(t, &t->subscriptions[1]));
	t->components[2].parallelism = t->components[2].n_tasks = PLAN_COMBINING_MOST + 1;
	ck_assert(!plan_combines(t, &t->subscriptions[1]));
	t->components[2].parallelism = PLAN_COMBINING_MOST;
	ck_assert(plan_combines(t, &t->subscriptions[1]));
	fake_combining(t, "off");
	ck_assert(!plan_combines(t, &t->subscriptions[1]));
	free(t->config.items[t->config.n - 1].s);
	t->config.items[t->config.n - 1].s = xstrdup("auto");
	ck_assert(plan_combines(t, &t->subscriptions[1]));
	fake_component(t, GALE_BOLT, "d", 1, 1);
	fake_stream(t, 1, 3);
	ck_assert(!plan_combines(t, &t->subscriptions[1]));	/* two listen */
	topology_free(t);
}
END_TEST

/* Others who listen to a stage, and the finish of one, concern the whole worker. */
START_TEST(a_chain_is_connected_as_a_whole)
{
	struct topology *t = chain3(1, 0, GROUPING_SHUFFLE);
	struct plan *p;

	fake_component(t, GALE_BOLT, "d", 2, 2);
	fake_stream(t, 2, 3);
	fake_chaining(t, 1, "off");
	t->components[2].has_finish = true;
	p = plan_make(t);
	/* a, b+c, d, d, acker */
	ck_assert_uint_eq(p->n_workers, 5);
	ck_assert(plan_sends(p, 0, 1) && !plan_sends(p, 0, 2));
	ck_assert(plan_sends(p, 1, 2) && plan_sends(p, 1, 3) && !plan_sends(p, 1, 0));
	ck_assert(plan_is_source(p, 1) && !plan_is_source(p, 2));
	ck_assert(plan_sends(p, 4, 1));
	plan_free(p);
	topology_free(t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plan");
	TCase *c = tcase_create("plan");
	SRunner *r;
	int n;

	tcase_add_test(c, components_come_in_order_and_ackers_last);
	tcase_add_test(c, a_coordinator_stands_in_the_place_of_the_ackers);
	tcase_add_test(c, tasks_are_shared_out_evenly_the_larger_shares_first);
	tcase_add_test(c, any_task_number_has_a_label);
	tcase_add_test(c, ackers_may_be_none);
	tcase_add_test(c, without_a_spout_there_are_no_ackers);
	tcase_add_test(c, a_long_id_is_cut_in_labels);
	tcase_add_test(c, many_sizes_add_up);
	tcase_add_test(c, who_sends_to_whom_follows_from_the_streams);
	tcase_add_test(c, a_coordinator_and_all_others_send_to_each_other);
	tcase_add_test(c, reaching_takes_no_longer_for_many_ways);
	tcase_add_test(c, a_chain_is_one_worker);
	tcase_add_test(c, each_executor_takes_the_tasks_beside_its_own_along);
	tcase_add_test(c, what_is_chained);
	tcase_add_test(c, why_it_is_not_chained);
	tcase_add_test(c, who_shares_a_process);
	tcase_add_test(c, what_is_combined);
	tcase_add_test(c, a_chain_is_connected_as_a_whole);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
