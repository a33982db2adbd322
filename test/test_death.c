/* test_death.c - whose fault a death was, and what went with it. SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "death.h"
#include "faketopology.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* lines[0] split[0] sink[0], which has finish, acker[0] */
enum { LINES, SPLIT, SINK, ACKER, COORDINATOR = ACKER };

static struct topology *topology;
static struct plan *plan;
static struct status page;
static const struct status *pages[2];
static struct obituary obituary;
static struct death death;
static char text[256];

static void begin(void)
{
	topology = fake_words(1, 1);
	topology->components[SINK].has_finish = true;
	plan = plan_make(topology);
	memset(&page, 0, sizeof page);
	pages[0] = &page;
	obituary = (struct obituary){ .plan = plan, .worker = SPLIT, .start = 1, .pid = 1, .pages = pages };
}

static void finish(void)
{
	plan_free(plan);
	topology_free(topology);
}

static void judge(bool bounded)
{
	death_judge(&death, &obituary, bounded, text, sizeof text);
}

static int exited(int code)
{
	return code << 8;
}

START_TEST(a_fault_is_its_own_a_signal_that_others_send_is_not)
{
	static const struct { int status; bool own; } cases[] = {
		{ SIGSEGV, true }, { SIGBUS, true }, { SIGILL, true }, { SIGFPE, true }, { SIGABRT, true },
		{ SIGSEGV | 0x80, true },	/* with a core */
		{ SIGKILL, false }, { SIGTERM, false }, { SIGINT, false }, { SIGHUP, false },
		{ SIGUSR1, false }, { SIGPIPE, false },
		{ 0, true }, { 1 << 8, true }, { 255 << 8, true },
	};

	obituary.status = cases[_i].status;
	ck_assert_int_eq(death_own(&obituary), cases[_i].own);
}
END_TEST

START_TEST(a_kill_of_ours_or_the_kernels_is_its_own)
{
	obituary.status = SIGKILL;
	ck_assert(!death_own(&obituary));
	obituary.hung = true;
	ck_assert(death_own(&obituary));
	obituary.hung = false;
	obituary.oom = true;
	ck_assert(death_own(&obituary));
	obituary.oom = false;
	obituary.fatal = "";		/* its channel was closed, without a word */
	ck_assert(!death_own(&obituary));
	obituary.fatal = "no such file";	/* then it was late with its exit */
	ck_assert(death_own(&obituary));
}
END_TEST

/* A tuple is charged when it is tracked, in hand, and the worker died of itself. */
START_TEST(a_tuple_is_charged_only_for_what_it_does)
{
	static const struct { int status; uint64_t since, root; const char *fatal; bool charged; } cases[] = {
		{ SIGSEGV, 5, 7, NULL, true },
		{ SIGSEGV, 5, 7, "", true },
		{ 3 << 8, 5, 7, NULL, true },
		{ SIGSEGV, 0, 7, NULL, false },		/* in a timer */
		{ SIGSEGV, 5, 0, NULL, false },		/* not tracked */
		{ SIGKILL, 5, 7, NULL, false },		/* by somebody */
		{ 1 << 8, 5, 7, "disk full", false },	/* it says that it is not the tuple */
	};

	obituary.status = cases[_i].status;
	obituary.fatal = cases[_i].fatal;
	page.hand_since_ns = cases[_i].since;
	page.hand_root = cases[_i].root;
	judge(true);
	ck_assert_int_eq(death.by_tuple, cases[_i].charged);
	pages[0] = NULL;
	judge(true);
	ck_assert(!death.by_tuple);
}
END_TEST

START_TEST(what_went_with_it)
{
	static const struct {
		uint32_t worker;
		uint64_t acked, emitted, unbounded, survives;
		bool bounded;
		bool lost, essential;
	} cases[] = {
		{ SPLIT, 9, 9, 0, 0, true, false, false },	/* no finish */
		{ ACKER, 9, 9, 0, 0, true, false, false },
		{ SINK, 9, 0, 0, 0, true, true, true },
		{ SINK, 0, 0, 0, 0, true, false, false },	/* it had gathered nothing */
		{ SINK, 9, 0, 0, 1, true, false, false },	/* its successor goes on */
		{ SINK, 9, 0, 0, 0, false, true, false },	/* there is no result, only gaps */
		{ LINES, 0, 9, 0, 0, true, true, true },
		{ LINES, 9, 9, 0, 0, false, true, true },	/* another spout has no end */
		{ LINES, 0, 0, 0, 0, true, false, false },
		{ LINES, 0, 9, 1, 0, false, false, false },
		{ LINES, 0, 9, 0, 1, true, false, false },
	};

	obituary.worker = cases[_i].worker;
	obituary.status = _i % 2 ? SIGKILL : exited(3);
	page.acked = cases[_i].acked;
	page.streams[0].emitted = cases[_i].emitted;
	page.unbounded = cases[_i].unbounded;
	page.survives = cases[_i].survives;
	judge(cases[_i].bounded);
	ck_assert_int_eq(death.lost != NULL, cases[_i].lost);
	ck_assert_int_eq(death.essential, cases[_i].essential);
	if (cases[_i].lost)
		ck_assert_ptr_nonnull(strstr(death.lost, "is lost with it"));
	pages[0] = NULL;
	judge(cases[_i].bounded);
	ck_assert_ptr_null(death.lost);
}
END_TEST

/* What a dead worker had comes again, from the record. */
START_TEST(nothing_is_lost_in_a_transactional_topology)
{
	static const uint32_t workers[] = { LINES, SPLIT, SINK, COORDINATOR };

	plan_free(plan);
	plan = plan_make(fake_transactional(topology));
	obituary.plan = plan;
	obituary.worker = workers[_i];
	obituary.status = exited(3);
	page.acked = page.streams[0].emitted = 9;
	page.hand_since_ns = page.hand_root = 5;
	judge(true);
	ck_assert(death.own && death.by_tuple && death.lost == NULL && !death.essential);
	page.refused = 1;	/* what it found on its disk does not fit */
	judge(true);
	ck_assert_str_eq(death.lost, "a successor would do no better");
	ck_assert(death.essential);
}
END_TEST

/* lines+split, sink, or lines, split+sink: the worker of two stages is number SPOUT ? 0 : 1. */
static void chain(bool spout, struct status *second)
{
	uint32_t c = spout ? SPLIT : SINK;

	fake_stream(topology, c - 1, c);
	fake_chaining(topology, c, "auto");
	plan_free(plan);
	obituary.plan = plan = plan_make(topology);
	obituary.worker = spout ? 0 : 1;
	ck_assert_uint_eq(plan->workers[obituary.worker].n_stages, 2);
	memset(second, 0, sizeof *second);
	pages[1] = second;
	obituary.status = SIGSEGV;
}

/* The one that is charged must be known to somebody who lives on. */
START_TEST(in_a_chain_a_message_is_charged_if_that_will_be_known)
{
	static const struct { bool spout; uint64_t emitting; uint32_t task; bool charged; } cases[] = {
		{ true, 5, 0, true },			/* by its id, to the successor */
		{ true, 0, 0, false },			/* a timer has emitted it */
		{ true, 5, UINT32_MAX, false },		/* it has none: from finish */
		{ false, 0, 0, true },			/* its spout lives */
		{ false, 5, UINT32_MAX, false },	/* from the finish of split */
	};
	struct status second;

	chain(cases[_i].spout, &second);
	second.hand_since_ns = second.hand_root = 5;
	page.emitting = cases[_i].emitting;
	page.emitting_task = cases[_i].task;
	judge(false);
	ck_assert_int_eq(death.by_tuple, cases[_i].charged);
}
END_TEST

START_TEST(the_innermost_tuple_is_told)
{
	struct status second;
	struct buf b = { 0 };

	chain(false, &second);
	ck_assert_ptr_null(obituary_hand(&obituary));
	page.hand_since_ns = obituary.now_ns = 5;
	page.hand_root = 1;
	ck_assert_ptr_eq(obituary_hand(&obituary), &page);
	obituary_write(&b, &obituary);
	ck_assert_ptr_nonnull(strstr(buf_text(&b), "split[0]+sink[0] (pid 1, start 1) was killed by SIGSEGV"));
	ck_assert_ptr_nonnull(strstr(buf_text(&b), "tuple in hand of split for 0 ms: from lines[0], root 0000000000000001"));
	second.hand_since_ns = 5;
	second.hand_root = 2;
	second.hand_source = 1;
	b.n = 0;
	obituary_write(&b, &obituary);
	ck_assert_ptr_nonnull(strstr(buf_text(&b), "tuple in hand of sink for 0 ms: from split[0], root 0000000000000002"));
	buf_free(&b);
}
END_TEST

START_TEST(a_result_of_any_stage_is_lost)
{
	struct status second;

	chain(false, &second);
	page.acked = 7;		/* split has no finish */
	judge(true);
	ck_assert_ptr_null(death.lost);
	second.acked = 7;
	judge(true);
	ck_assert_ptr_nonnull(strstr(death.lost, "what it had gathered from 7 tuples"));
	ck_assert(death.essential);
	second.survives = 1;
	judge(true);
	ck_assert_ptr_null(death.lost);
}
END_TEST

START_TEST(a_batch_in_hand_is_named_by_its_number)
{
	struct buf b = { 0 };

	page.hand_since_ns = 5;
	page.hand_root = 17;
	obituary.now_ns = 5;
	obituary_write(&b, &obituary);
	ck_assert_ptr_nonnull(strstr(buf_text(&b), ", root 0000000000000011, "));
	plan_free(plan);
	plan = plan_make(fake_transactional(topology));
	obituary.plan = plan;
	b.n = 0;
	obituary_write(&b, &obituary);
	ck_assert_ptr_nonnull(strstr(buf_text(&b), ", batch 17, "));
	buf_free(&b);
}
END_TEST

START_TEST(the_kernel_counts_its_kills)
{
	uint64_t n = death_oom_kills();

	ck_assert_uint_ge(death_oom_kills(), n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("death");
	TCase *c = tcase_create("death");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_loop_test(c, a_fault_is_its_own_a_signal_that_others_send_is_not, 0, 15);
	tcase_add_test(c, a_kill_of_ours_or_the_kernels_is_its_own);
	tcase_add_loop_test(c, a_tuple_is_charged_only_for_what_it_does, 0, 7);
	tcase_add_loop_test(c, what_went_with_it, 0, 11);
	tcase_add_loop_test(c, nothing_is_lost_in_a_transactional_topology, 0, 4);
	tcase_add_loop_test(c, in_a_chain_a_message_is_charged_if_that_will_be_known, 0, 5);
	tcase_add_test(c, the_innermost_tuple_is_told);
	tcase_add_test(c, a_result_of_any_stage_is_lost);
	tcase_add_test(c, a_batch_in_hand_is_named_by_its_number);
	tcase_add_test(c, the_kernel_counts_its_kills);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
