/* test_flow.c - frames on the way. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow.h"
#include "memory.h"

static char dir[64];
static struct flow *a, *b;	/* workers 3 and 7 */
static char *path_a, *path_b;

static struct flow *make(const char *path, uint32_t worker, uint32_t start)
{
	static const uint32_t peers[] = { 0, 3, 7, 12 };
	struct error e = { "" };
	struct flow *f = flow_create(path, worker, start, peers, 4, &e);

	ck_assert_msg(f != NULL, "%s", e.text);
	return f;
}

static void begin(void)
{
	strcpy(dir, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path_a = xasprintf("%s/w3.flow", dir);
	path_b = xasprintf("%s/w7.flow", dir);
	a = make(path_a, 3, 1);
	b = make(path_b, 7, 1);
}

static void end(void)
{
	flow_close(a);
	flow_close(b);
	unlink(path_a);
	unlink(path_b);
	ck_assert_int_eq(rmdir(dir), 0);	/* nothing else was left behind */
	free(path_a);
	free(path_b);
}

static struct flow_link *to(struct flow *f, uint32_t peer)
{
	return (struct flow_link *)(uintptr_t)flow_find(f, peer);
}

static void check_waiting(uint64_t frames, uint64_t bytes)
{
	uint64_t n, n_bytes;

	flow_waiting(a, b, &n, &n_bytes);
	ck_assert_uint_eq(n, frames);
	ck_assert_uint_eq(n_bytes, bytes);
}

START_TEST(what_was_sent_and_not_received_is_on_the_way)
{
	check_waiting(0, 0);
	flow_switched(to(a, 7), 1);
	flow_sent(to(a, 7), 100);
	flow_sent(to(a, 7), 50);
	check_waiting(2, 150);
	flow_received(to(b, 3), 1, 100);
	check_waiting(1, 50);
	flow_received(to(b, 3), 1, 50);
	check_waiting(0, 0);
	flow_received(to(b, 3), 1, 50);		/* read a moment later than what was sent */
	check_waiting(0, 0);
}
END_TEST

START_TEST(what_went_to_a_dead_receiver_is_on_the_way_no_more)
{
	flow_switched(to(a, 7), 1);
	flow_sent(to(a, 7), 100);
	flow_close(b);
	b = make(path_b, 7, 2);
	check_waiting(0, 0);			/* the sender has not heard of it */
	flow_switched(to(a, 7), 2);
	check_waiting(0, 0);
	flow_sent(to(a, 7), 30);
	check_waiting(1, 30);
	flow_received(to(b, 3), 1, 30);
	check_waiting(0, 0);
}
END_TEST

START_TEST(what_a_dead_sender_sent_does_not_count_for_its_successor)
{
	flow_switched(to(a, 7), 1);
	for (int i = 0; i < 5; i++) {
		flow_sent(to(a, 7), 10);
		flow_received(to(b, 3), 1, 10);
	}
	flow_close(a);
	a = make(path_a, 3, 2);
	flow_switched(to(a, 7), 1);
	flow_sent(to(a, 7), 20);
	check_waiting(1, 20);
	flow_received(to(b, 3), 2, 20);
	check_waiting(0, 0);
	flow_sent(to(a, 7), 25);
	check_waiting(1, 25);
}
END_TEST

START_TEST(a_page_for_other_peers_goes_on_with_those_that_stay)
{
	static const uint32_t peers[] = { 1, 7, 20 };
	struct flow *then;

	flow_switched(to(a, 7), 1);
	flow_sent(to(a, 7), 100);
	then = flow_create(path_a, 3, 1, peers, 3, NULL);
	ck_assert_ptr_nonnull(then);
	flow_inherit(then, a);
	flow_close(a);
	a = then;
	check_waiting(1, 100);
	flow_switched(to(a, 7), 1);		/* the same start: goes on */
	flow_sent(to(a, 7), 11);
	check_waiting(2, 111);
	flow_received(to(b, 3), 1, 100);
	check_waiting(1, 11);
	ck_assert_uint_eq(to(a, 20)->frames_out, 0);
}
END_TEST

START_TEST(a_peer_is_found_or_not)
{
	ck_assert_uint_eq(flow_find(a, 0)->peer, 0);
	ck_assert_uint_eq(flow_find(a, 12)->peer, 12);
	ck_assert_ptr_null(flow_find(a, 1));
	ck_assert_ptr_null(flow_find(a, 13));
	ck_assert_ptr_null(flow_find(NULL, 1));
	flow_received(NULL, 1, 1);
}
END_TEST

START_TEST(a_page_is_opened_whole_or_not_at_all)
{
	struct error e = { "" };
	const struct flow *f = flow_open(path_a, &e);

	ck_assert_msg(f != NULL, "%s", e.text);
	ck_assert_uint_eq(f->worker, 3);
	ck_assert_uint_eq(f->n, 4);
	flow_close(f);
	ck_assert_int_eq(truncate(path_a, (long)(sizeof(struct flow) + 3 * sizeof(struct flow_link))), 0);
	ck_assert_ptr_null(flow_open(path_a, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "no flow page"));
	ck_assert_int_eq(truncate(path_a, 5), 0);
	ck_assert_ptr_null(flow_open(path_a, NULL));
	ck_assert_ptr_null(flow_open("/none", &e));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("flow");
	TCase *tcase = tcase_create("flow");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, what_was_sent_and_not_received_is_on_the_way);
	tcase_add_test(tcase, what_went_to_a_dead_receiver_is_on_the_way_no_more);
	tcase_add_test(tcase, what_a_dead_sender_sent_does_not_count_for_its_successor);
	tcase_add_test(tcase, a_page_for_other_peers_goes_on_with_those_that_stay);
	tcase_add_test(tcase, a_peer_is_found_or_not);
	tcase_add_test(tcase, a_page_is_opened_whole_or_not_at_all);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
