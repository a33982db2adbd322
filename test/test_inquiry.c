/* test_inquiry.c - who is asked, what is passed on, and what is dropped and counted.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The workers are the other ends of their control channels: lines[0] is 0, split[0-1] are 1 and 2,
 * sink[0] is 3, the acker 4. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "faketopology.h"
#include "inquiry.h"
#include "outlet.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

enum { N = 5, LINES = 0, SPLIT = 1, SPLIT2 = 2, SINK = 3, ACKER = 4 };

static struct topology *t;
static struct plan *plan;
static struct crew crew;
static struct outlet outlet;
static struct inquiries q;
static int workers[N], client, desk;
static struct error e;

static void pair(int *ours, int *theirs)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	*ours = ends[0];
	*theirs = ends[1];
}

static void set_up(void)
{
	t = fake_words(2, 1);
	plan = plan_make(t);
	ck_assert_uint_eq(plan->n_workers, N);
	crew = (struct crew){ .plan = plan, .outlet = &outlet };
	crew_init(&crew, 1000, 1000);
	for (uint32_t i = 0; i < N; i++) {
		pair(&crew.workers[i].child.control, &workers[i]);
		crew.lives.workers[i].state = LIFE_READY;
	}
	inquiries_init(&q, &crew);
	pair(&desk, &client);
}

static void tear_down(void)
{
	inquiries_close(&q);
	close(client);
	for (int i = 0; i < N; i++) {
		close(workers[i]);
		close(crew.workers[i].child.control);
	}
	crew_free(&crew);
	plan_free(plan);
	topology_free(t);
}

/* heard gives what FD was told next, "" when nothing, "end" at the end of the channel. */
static const char *heard(int fd)
{
	static char text[CONTROL_MAX];
	int n = control_receive(fd, text, sizeof text);

	return n > 0 ? text : n == 0 ? "end" : "";
}

/* says has worker W say TEXT. */
static void says(uint32_t w, const char *text)
{
	struct control_message m;

	ck_assert_msg(control_parse(&m, text), "%s", text);
	crew.listener.says(crew.listener.arg, w, &m);
}

static void serve(uint64_t now_ns)
{
	struct pollfd p[INQUIRY_MOST];

	inquiries_fill_polls(&q, p);
	ck_assert_int_ge(poll(p, INQUIRY_MOST, 0), 0);
	inquiries_serve(&q, p, now_ns);
}

/* ---- taps ---- */

START_TEST(the_workers_of_the_component_look)
{
	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 0);
	ck_assert_str_eq(heard(workers[SPLIT]), "tap 1 1 *");
	ck_assert_str_eq(heard(workers[SPLIT2]), "tap 1 1 *");
	ck_assert_str_eq(heard(workers[LINES]), "");
	ck_assert_str_eq(heard(workers[SINK]), "");
	ck_assert_str_eq(heard(client), "asked");
	says(SPLIT, "tells 1 0 0 0");
	ck_assert_str_eq(heard(client), "");
	says(SPLIT2, "tells 1 0 0 0");
	ck_assert_str_eq(heard(client), "on 2");
	says(SPLIT2, "tells 1 7 1 2\t{1}\t{2}");
	ck_assert_str_eq(heard(client), "tells 7 1 2\t{1}\t{2}");
	says(SPLIT2, "tells 9 7 1 2\t{1}\t{2}");		/* of nobody */
	ck_assert_str_eq(heard(client), "");
}
END_TEST

static const struct { const char *text; int code; const char *question, *says; } requests[] = {
	{ "lines:default word=the end", 0, "tap 1 0 0 word=the end", NULL },
	{ "lines:dead-letters", 0, "tap 1 0 1", NULL },
	{ "lines why=x", 0, "tap 1 0 * why=x", NULL },
	{ "splt", 4, NULL, "there is no component \"splt\"; did you mean \"split\"?" },
	{ "acker", 4, NULL, "there is no component \"acker\"" },
	{ "lines:defualt", 4, NULL, "did you mean \"default\"?" },
	{ "lines:default why=x", 4, NULL, "there is no field \"why\"" },
	{ "split wrod=x", 4, NULL, "did you mean \"word\"?" },
	{ "split word", 2, NULL, "\"word\" is no question" },
	{ "", 4, NULL, "there is no component \"\"" },
};

START_TEST(requests_are_understood_or_refused)
{
	ck_assert_int_eq(inquiries_tap(&q, desk, requests[_i].text, &e), requests[_i].code);
	if (requests[_i].question != NULL) {
		ck_assert_str_eq(heard(workers[LINES]), requests[_i].question);
		return;
	}
	ck_assert_msg(strstr(e.text, requests[_i].says) != NULL, "%s", e.text);
	for (int i = 0; i < N; i++)
		ck_assert_str_eq(heard(workers[i]), "");
	close(desk);
}
END_TEST

START_TEST(a_value_of_another_type_is_refused)
{
	((gale_field *)t->components[1].outputs[0].fields)[0].type = GALE_INT;
	ck_assert_int_eq(inquiries_tap(&q, desk, "split word=the", &e), 2);
	ck_assert_int_eq(inquiries_tap(&q, desk, "split word=17", &e), 0);
}
END_TEST

START_TEST(a_client_that_goes_away_ends_its_tap)
{
	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 0);
	heard(workers[SPLIT]);
	close(client);
	serve(clock_now_ns());
	ck_assert_str_eq(heard(workers[SPLIT]), "untap 1");
	ck_assert_str_eq(heard(workers[LINES]), "");
	pair(&desk, &client);
	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 0);
	ck_assert_str_eq(heard(workers[SPLIT]), "tap 2 1 *");
}
END_TEST

START_TEST(a_worker_that_starts_again_looks_again)
{
	crew.lives.workers[SPLIT2].state = LIFE_WAITING;
	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 0);
	ck_assert_str_eq(heard(workers[SPLIT2]), "");
	crew.listener.ready(crew.listener.arg, SPLIT2);
	ck_assert_str_eq(heard(workers[SPLIT2]), "tap 1 1 *");
	crew.listener.gone(crew.listener.arg, SPLIT2);
	crew.listener.ready(crew.listener.arg, SPLIT2);
	ck_assert_str_eq(heard(workers[SPLIT2]), "tap 1 1 *");
	crew.listener.ready(crew.listener.arg, SINK);
	ck_assert_str_eq(heard(workers[SINK]), "");
}
END_TEST

START_TEST(what_a_slow_client_has_no_room_for_is_counted)
{
	uint64_t unsampled, lost, shown, sum = 0, in = 0;
	const char *text;

	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 0);
	ck_assert_str_eq(heard(client), "asked");
	says(SPLIT, "tells 1 0 0 0");
	says(SPLIT2, "tells 1 0 0 0");
	ck_assert_str_eq(heard(client), "on 2");
	for (; in < 10000; in += 5)
		says(SPLIT, "tells 1 2 1 2\t{}\t{}");
	ck_assert(buf_text(&q.list[0].mail.texts) != NULL && q.list[0].mail.texts.n < 200);
	for (;;) {
		while ((text = heard(client))[0] != '\0') {
			ck_assert_int_eq(sscanf(text, "tells %lu %lu %lu", &unsampled, &lost, &shown), 3);
			sum += unsampled + lost + shown;
		}
		if (sum == in)
			break;
		serve(clock_now_ns());
		says(SPLIT, "tells 1 1 0 0");
		in++;
	}
	ck_assert_uint_gt(in, 10000);
}
END_TEST

START_TEST(there_is_room_for_some_taps)
{
	int ours, theirs[INQUIRY_TAPS];

	for (int i = 0; i < INQUIRY_TAPS; i++) {
		pair(&ours, &theirs[i]);
		ck_assert_int_eq(inquiries_tap(&q, ours, "split", &e), 0);
	}
	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 5);
	ck_assert_int_eq(inquiries_trace(&q, desk, "oldest 3", &e), 0);
	close(theirs[3]);
	serve(clock_now_ns());
	pair(&ours, &theirs[3]);
	ck_assert_int_eq(inquiries_tap(&q, ours, "split", &e), 0);
	for (int i = 0; i < INQUIRY_TAPS; i++)
		close(theirs[i]);
}
END_TEST

START_TEST(the_end_of_the_topology_is_told)
{
	ck_assert_int_eq(inquiries_tap(&q, desk, "split", &e), 0);
	ck_assert_str_eq(heard(client), "asked");
	inquiries_close(&q);
	ck_assert_str_eq(heard(client), "ok");
	ck_assert_str_eq(heard(client), "end");
}
END_TEST

/* ---- traces ---- */

START_TEST(sources_tell_of_messages_and_ackers_of_trees)
{
	ck_assert_int_eq(inquiries_trace(&q, desk, "oldest 3", &e), 0);
	ck_assert_str_eq(heard(workers[LINES]), "trace 1 oldest 3");
	for (int i = SPLIT; i < N; i++)
		ck_assert_str_eq(heard(workers[i]), "");
	ck_assert_str_eq(heard(client), "asked");
	says(LINES, "tells 1 \tmessage 1 2 3");
	ck_assert_str_eq(heard(client), "tells 0\tmessage 1 2 3");
	says(LINES, "told 1 5 0");
	ck_assert_str_eq(heard(client), "told 0 5 0");
	ck_assert_str_eq(heard(client), "ok");
	ck_assert_str_eq(heard(client), "end");
	pair(&desk, &client);
	ck_assert_int_eq(inquiries_trace(&q, desk, "roots 7 8", &e), 0);
	ck_assert_str_eq(heard(workers[ACKER]), "trace 2 roots 7 8");
	ck_assert_str_eq(heard(workers[LINES]), "");
}
END_TEST

START_TEST(who_does_not_answer_is_named)
{
	ck_assert_int_eq(inquiries_trace(&q, desk, "oldest 3", &e), 0);
	ck_assert_str_eq(heard(client), "asked");
	serve(clock_now_ns());
	ck_assert_str_eq(heard(client), "");
	ck_assert_uint_gt(inquiries_deadline(&q), clock_now_ns());
	serve(inquiries_deadline(&q));
	ck_assert_str_eq(heard(client), "ok 0");
	ck_assert_str_eq(heard(client), "end");
	ck_assert_uint_eq(inquiries_deadline(&q), 0);
	says(LINES, "told 1 0 0");		/* too late, and harmless */
}
END_TEST

START_TEST(who_dies_or_is_not_there_is_named_at_once)
{
	ck_assert_int_eq(inquiries_trace(&q, desk, "oldest 3", &e), 0);
	crew.listener.gone(crew.listener.arg, LINES);
	ck_assert_str_eq(heard(client), "asked");
	ck_assert_str_eq(heard(client), "ok 0");
	pair(&desk, &client);
	crew.lives.workers[ACKER].state = LIFE_STARTING;
	ck_assert_int_eq(inquiries_trace(&q, desk, "roots 1", &e), 0);
	ck_assert_str_eq(heard(client), "asked");
	ck_assert_str_eq(heard(client), "ok 4");
	pair(&desk, &client);
	ck_assert_int_eq(inquiries_trace(&q, desk, "youngest 1", &e), 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("inquiry");
	TCase *c = tcase_create("inquiry");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, the_workers_of_the_component_look);
	tcase_add_loop_test(c, requests_are_understood_or_refused, 0, sizeof requests / sizeof *requests);
	tcase_add_test(c, a_value_of_another_type_is_refused);
	tcase_add_test(c, a_client_that_goes_away_ends_its_tap);
	tcase_add_test(c, a_worker_that_starts_again_looks_again);
	tcase_add_test(c, what_a_slow_client_has_no_room_for_is_counted);
	tcase_add_test(c, there_is_room_for_some_taps);
	tcase_add_test(c, the_end_of_the_topology_is_told);
	tcase_add_test(c, sources_tell_of_messages_and_ackers_of_trees);
	tcase_add_test(c, who_does_not_answer_is_named);
	tcase_add_test(c, who_dies_or_is_not_there_is_named_at_once);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
