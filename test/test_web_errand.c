/* test_web_errand.c - what an errand tells of desks of all kinds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "errand.h"
#include "exitcode.h"
#include "memory.h"

#include <check.h>

enum { PATIENCE_MS = 1500 };	/* longer than a busy machine holds up who answers */

static struct watches watches;
static char dir[] = "/tmp/test_web_errand.XXXXXX";
static struct home home;
static int lock, listener, desk;	/* the supervisor's: its lock, its socket, one client */

/* What the ops were told. */
static int code, n_heard, n_ended;
static uint64_t begun_ns;
static char heard[256], ended[2048];
static struct errand *errand;

static void on_heard(void *arg, const char *text)
{
	ck_assert_ptr_eq(arg, &home);
	n_heard++;
	snprintf(heard, sizeof heard, "%s", text);
}

static void on_ended(void *arg, int exit_code, const char *text)
{
	ck_assert_ptr_eq(arg, &home);
	n_ended++;
	code = exit_code;
	snprintf(ended, sizeof ended, "%s", text);
}

static const struct errand_ops ops = { .heard = on_heard, .ended = on_ended };

static void in_dir(char *path, const char *name)
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void open_desk(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof address.sun_path, "%s/state/control", dir);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
}

static void set_up(void)
{
	struct error e;
	char path[128];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	in_dir(path, "state");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(flock(lock, LOCK_EX | LOCK_NB), 0);
	home = (struct home){ .name = xstrdup("words"), .fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	open_desk();
	desk = -1;
	n_heard = n_ended = 0;
	ck_assert_msg(watches_open(&watches, &e) == 0, "%s", e.text);
}

static void close_desk(void)
{
	char path[128];

	if (desk >= 0)
		close(desk);
	if (listener >= 0)
		close(listener);
	desk = listener = -1;
	in_dir(path, "state/control");
	unlink(path);
}

static void tear_down(void)
{
	char path[128];

	ck_assert_ptr_null(watches.first);	/* no errand is left */
	watches_close(&watches);
	close_desk();
	if (lock >= 0)
		close(lock);
	home_close(&home);
	in_dir(path, "state");
	rmdir(path);
	ck_assert_int_eq(rmdir(dir), 0);
	memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
}

/* turn waits for what is next, and serves it. */
static void turn(void)
{
	uint64_t now = clock_now_ns(), next = watches_deadline(&watches);
	struct pollfd p = { .fd = watches.fd, .events = POLLIN };

	poll(&p, 1, next == 0 ? 10 : next <= now ? 0 : (int)((next - now) / NS_PER_MS) + 1);
	watches_serve(&watches, clock_now_ns());
}

static void begin(const char *request)
{
	begun_ns = clock_now_ns();
	errand = errand_begin(&watches, &home, request, PATIENCE_MS, &ops, &home);
	ck_assert_int_eq(n_ended, 0);
}

/* meet has the desk let the errand in and hear what it wants. */
static void meet(const char *request)
{
	char text[256];
	ssize_t n;

	turn();
	desk = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(desk, 0);
	n = recv(desk, text, sizeof text - 1, 0);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	ck_assert_str_eq(text, request);
}

static void say(const char *text)
{
	ck_assert_int_eq(send(desk, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* ends: within some seconds the errand ends so; the time that it took in ms. */
static uint64_t ends(int want, const char *text)
{
	uint64_t late_ns = clock_now_ns() + 10ull * NS_PER_S;

	while (n_ended == 0 && clock_now_ns() < late_ns)
		turn();
	ck_assert_int_eq(n_ended, 1);
	ck_assert_int_eq(code, want);
	ck_assert_msg(strstr(ended, text) != NULL, "\"%s\"", ended);
	return (clock_now_ns() - begun_ns) / NS_PER_MS;
}

START_TEST(answers_are_told)
{
	begin("stop 100");
	meet("stop 100");
	say("open 17");
	turn();
	ck_assert_str_eq(heard, "open 17");
	say("open 3");
	say("ok 3");
	ends(EXIT_DONE, "3");
	ck_assert_int_eq(n_heard, 2);
}
END_TEST

START_TEST(a_refusal_names_the_topology)
{
	begin("activate");
	meet("activate");
	say("error 5 it is ending");
	ends(EXIT_CONFLICT, "words: it is ending");
}
END_TEST

START_TEST(silence_ends_it)
{
	begin("activate");
	meet("activate");
	ck_assert_uint_ge(ends(EXIT_NO_ANSWER, "the supervisor of words does not answer"), PATIENCE_MS);
}
END_TEST

/* A supervisor that is stopped lets nobody in, but the system takes the request. */
START_TEST(nobody_at_the_desk)
{
	begin("activate");
	ck_assert_uint_le(ends(EXIT_NO_ANSWER, "does not answer"), PATIENCE_MS + 2000);
}
END_TEST

START_TEST(a_word_now_and_then_is_enough)
{
	uint64_t began = clock_now_ns();

	begin("activate");
	meet("activate");
	while (clock_now_ns() < began + 3ull * PATIENCE_MS * NS_PER_MS) {
		int before = n_heard;

		say("starting");
		while (n_heard == before)
			turn();
		poll(NULL, 0, PATIENCE_MS / 5);
	}
	ck_assert_int_eq(n_ended, 0);
	say("ok");
	ends(EXIT_DONE, "");
}
END_TEST

START_TEST(who_has_just_been_started_is_waited_for)
{
	close_desk();
	begin("activate");
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert_int_eq(n_ended, 0);
	open_desk();
	meet("activate");
	say("ok");
	ends(EXIT_DONE, "");
}
END_TEST

START_TEST(one_without_a_desk_does_not_answer)
{
	close_desk();
	begin("activate");
	ends(EXIT_NO_ANSWER, "does not answer");
}
END_TEST

START_TEST(one_that_does_not_live_has_ended)
{
	close_desk();
	close(lock);
	lock = -1;
	begin("activate");
	ck_assert_uint_le(ends(EXIT_CONFLICT, "words has ended meanwhile"), PATIENCE_MS);
}
END_TEST

/* A supervisor that ends hangs up a moment before it is gone. */
START_TEST(dying_in_the_middle)
{
	begin("stop 100");
	meet("stop 100");
	say("open 17");
	close_desk();
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert_int_eq(n_ended, 0);
	close(lock);
	lock = -1;
	ends(EXIT_CONFLICT, "words has ended meanwhile");
	ck_assert_int_eq(n_heard, 1);
}
END_TEST

START_TEST(hanging_up_is_no_answer)
{
	begin("stop 100");
	meet("stop 100");
	close_desk();
	ends(EXIT_NO_ANSWER, "does not answer");
}
END_TEST

START_TEST(garbage)
{
	static const char *const said[] = { "\xff\xfe", "okay", "error", "okerror 5", " ok" };

	begin("activate");
	meet("activate");
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		say(said[i]);
		turn();
		ck_assert_int_eq(n_heard, (int)i + 1);
	}
	say("error 99999999999 \xff");
	ends(EXIT_FAILED, "words: ");
}
END_TEST

static void say_much(size_t n)
{
	char *text = xmalloc(n);

	memset(text, 'x', n);
	ck_assert_int_eq(send(desk, text, n, MSG_NOSIGNAL), (ssize_t)n);
	free(text);
}

START_TEST(a_huge_answer)
{
	begin("activate");
	meet("activate");
	say_much(CALL_TEXT_MAX - 1);
	turn();
	ck_assert_int_eq(n_heard, 1);
	say_much(CALL_TEXT_MAX);
	ends(EXIT_FAILED, "another version of gale");
}
END_TEST

static void cancel(void *arg, const char *text)
{
	(void)arg, (void)text;
	errand_cancel(errand);
	errand = NULL;
}

START_TEST(cancelling)
{
	static const struct errand_ops one_who_cancels = { .heard = cancel, .ended = on_ended };
	char text[8];

	begin("activate");
	errand_cancel(errand);	/* before anything */
	begin("tap");
	meet("tap");
	errand_cancel(errand);
	ck_assert_int_eq(recv(desk, text, sizeof text, 0), 0);
	close(desk);
	begun_ns = clock_now_ns();
	errand = errand_begin(&watches, &home, "tap", PATIENCE_MS, &one_who_cancels, &home);
	meet("tap");
	say("on 1");
	say("ok");
	while (errand != NULL)
		turn();
	turn();
	ck_assert_int_eq(n_ended, 0);
}
END_TEST

/* Each goes on while others wait. */
START_TEST(one_waits_for_no_other)
{
	begin("activate");
	turn();
	close(listener);
	in_dir(heard, "state/control");
	unlink(heard);
	open_desk();
	begin("deactivate");
	meet("deactivate");
	say("ok");
	ends(EXIT_DONE, "");
	n_ended = 0;
	ends(EXIT_NO_ANSWER, "does not answer");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web_errand");
	TCase *c = tcase_create("web_errand");
	SRunner *runner;
	int failed;

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, answers_are_told);
	tcase_add_test(c, a_refusal_names_the_topology);
	tcase_add_test(c, silence_ends_it);
	tcase_add_test(c, nobody_at_the_desk);
	tcase_add_test(c, a_word_now_and_then_is_enough);
	tcase_add_test(c, who_has_just_been_started_is_waited_for);
	tcase_add_test(c, one_without_a_desk_does_not_answer);
	tcase_add_test(c, one_that_does_not_live_has_ended);
	tcase_add_test(c, dying_in_the_middle);
	tcase_add_test(c, hanging_up_is_no_answer);
	tcase_add_test(c, garbage);
	tcase_add_test(c, a_huge_answer);
	tcase_add_test(c, cancelling);
	tcase_add_test(c, one_waits_for_no_other);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
