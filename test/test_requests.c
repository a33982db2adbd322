/* test_requests.c - clients that say too little or too much.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "faketopology.h"
#include "outlet.h"
#include "requests.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

enum { TURNS = 100 };

static struct topology *t;
static struct plan *plan;
static struct crew crew;
static struct outlet outlet;
static struct requests r;
static uint64_t now_ns;
static char dir[] = "/tmp/test_requests.XXXXXX";

static void set_up(void)
{
	struct error e;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	t = fake_words(2, 1);
	plan = plan_make(t);
	outlet = (struct outlet){ .fd = -1, .gone = true };
	crew = (struct crew){ .plan = plan, .outlet = &outlet };
	crew_init(&crew, 1000, 1000);
	crew.lives.phase = RUN_ACTIVE;
	now_ns = clock_now_ns();
	ck_assert_msg(requests_open(&r, &crew, dir, &e) == 0, "%s", e.text);
}

static void tear_down(void)
{
	requests_close(&r);
	crew_free(&crew);
	plan_free(plan);
	topology_free(t);
	ck_assert_int_eq(rmdir(dir), 0);
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
}

static int client(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/control", dir);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void turn(void)
{
	struct pollfd p[REQUESTS_POLLS];

	requests_fill_polls(&r, p);
	ck_assert_int_ge(poll(p, REQUESTS_POLLS, 0), 0);
	requests_serve(&r, p, now_ns);
	requests_answer(&r, now_ns);
}

/* heard gives what FD is told within some turns, "" when nothing, "end" when the desk is done with it. */
static const char *heard(int fd)
{
	static char text[4096];

	for (int i = 0; i < TURNS; i++) {
		ssize_t n;

		turn();
		n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
		if (n == 0)
			return "end";
		text[n > 0 ? n : 0] = '\0';
		if (n > 0)
			return text;
	}
	return "";
}

START_TEST(who_says_nothing_makes_room)
{
	int silent[DESK_CLIENTS + 1], one;

	for (int i = 0; i <= DESK_CLIENTS; i++) {
		silent[i] = client();
		turn();
	}
	ck_assert_str_eq(heard(silent[0]), "end");
	ck_assert_str_eq(heard(silent[1]), "");
	one = client();
	say(one, "activate");
	ck_assert_str_eq(heard(one), "ok");
	ck_assert_str_eq(heard(silent[DESK_CLIENTS]), "");
	for (int i = 0; i <= DESK_CLIENTS; i++)
		close(silent[i]);
	close(one);
}
END_TEST

/* Who waits for an answer keeps its place. */
START_TEST(who_waits_stays)
{
	int waiting[DESK_CLIENTS], one;

	crew.lives.phase = RUN_STARTING;
	for (int i = 0; i < DESK_CLIENTS; i++) {
		say(waiting[i] = client(), "activate");
		turn();
		turn();
	}
	say(one = client(), "activate");
	now_ns += NS_PER_S;
	for (int i = 0; i < DESK_CLIENTS; i++)
		ck_assert_str_eq(heard(waiting[i]), "starting");
	ck_assert_str_eq(heard(one), "");
	crew.lives.phase = RUN_ACTIVE;
	ck_assert_str_eq(heard(waiting[0]), "ok");
	ck_assert_str_eq(heard(one), "ok");
	for (int i = 0; i < DESK_CLIENTS; i++)
		close(waiting[i]);
	close(one);
}
END_TEST

/* A client that looks and then wants something else does not keep the topology from going on. */
START_TEST(one_request)
{
	int one = client(), other = client();

	say(one, "look");
	turn();
	turn();
	turn();
	ck_assert_ptr_nonnull(r.visit.visitor);
	say(one, "activate");
	while (strcmp(heard(one), "end") != 0)
		;
	ck_assert_ptr_null(r.visit.visitor);
	ck_assert_uint_eq(requests_deadline(&r), 0);
	say(other, "activate");
	ck_assert_str_eq(heard(other), "ok");
	close(one);
	close(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("requests");
	TCase *c = tcase_create("clients");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, who_says_nothing_makes_room);
	tcase_add_test(c, who_waits_stays);
	tcase_add_test(c, one_request);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
