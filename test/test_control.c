/* test_control.c - messages between supervisor and worker. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "memory.h"

static int ends[2];
static char text[CONTROL_MAX];

static void open_channel(void)
{
	int kind = SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC;

	ck_assert_int_eq(socketpair(AF_UNIX, kind, 0, ends), 0);
}

static void close_channel(void)
{
	close(ends[0]);
	close(ends[1]);
}

START_TEST(messages_arrive_one_by_one)
{
	ck_assert_int_eq(control_send(ends[0], "hello"), 0);
	ck_assert_int_eq(control_send(ends[0], "peers %d %d", 1, 22), 0);
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), 5);
	ck_assert_str_eq(text, "hello");
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), 10);
	ck_assert_str_eq(text, "peers 1 22");
}
END_TEST

START_TEST(an_empty_channel_says_so)
{
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(a_message_is_one_line)
{
	ck_assert_int_eq(control_send(ends[0], "fatal %s", "one\ntwo\r\nthree"), 0);
	control_receive(ends[1], text, sizeof text);
	ck_assert_str_eq(text, "fatal one two  three");
}
END_TEST

START_TEST(the_end_of_the_other_side_is_the_end)
{
	close(ends[0]);
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), 0);
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), 0);
	ck_assert_int_eq(control_send(ends[1], "stop"), -1);
	ck_assert_int_eq(errno, EPIPE);
	ends[0] = dup(ends[1]);
}
END_TEST

/* The kernel reports the lost "activate" first (ECONNRESET), and only then gives out what
 * the dead one had said. */
START_TEST(last_words_survive_unread_messages)
{
	ck_assert_int_eq(control_send(ends[1], "activate"), 0);
	ck_assert_int_eq(control_send(ends[0], "fatal no disk"), 0);
	close(ends[0]);
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), 13);
	ck_assert_str_eq(text, "fatal no disk");
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), 0);
	ends[0] = dup(ends[1]);
}
END_TEST

START_TEST(too_long_a_message_is_refused_by_both)
{
	char *large = xcalloc(1, CONTROL_MAX + 1), small[8];

	memset(large, 'x', CONTROL_MAX);
	ck_assert_int_eq(control_send(ends[0], "%s", large), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	large[CONTROL_MAX - 1] = '\0';
	ck_assert_int_eq(control_send(ends[0], "%s", large), 0);
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), CONTROL_MAX - 1);
	ck_assert_str_eq(text, large);

	control_send(ends[0], "12345678");
	control_send(ends[0], "1234567");
	ck_assert_int_eq(control_receive(ends[1], small, sizeof small), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_int_eq(control_receive(ends[1], small, sizeof small), 7);
	free(large);
}
END_TEST

START_TEST(a_reader_that_sleeps_blocks_nobody)
{
	int n = 0;

	while (control_send(ends[0], "tick") == 0)
		ck_assert_int_lt(n++, 10000000);
	ck_assert_int_eq(errno, EAGAIN);
	while (control_receive(ends[1], text, sizeof text) > 0)
		n--;
	ck_assert_int_eq(n, 0);
}
END_TEST

/* ---- what a message says ---- */

static struct control_message m;

START_TEST(messages_are_taken_apart)
{
	ck_assert(control_parse(&m, "hello") && m.word == CONTROL_HELLO);
	ck_assert(control_parse(&m, "fatal no disk") && m.word == CONTROL_FATAL);
	ck_assert_str_eq(m.text, "no disk");
	ck_assert(control_parse(&m, "fatal"));
	ck_assert_str_eq(m.text, "");
	ck_assert(control_parse(&m, "switched 3 4294967295") && m.word == CONTROL_SWITCHED);
	ck_assert(m.worker == 3 && m.start == 4294967295);
	ck_assert(control_parse(&m, "lost 7 count[0] was killed") && m.word == CONTROL_LOST && m.worker == 7);
	ck_assert_str_eq(m.text, "count[0] was killed");
	ck_assert(control_parse(&m, "obituary 18446744073709551615 x") && m.root == UINT64_MAX);
	ck_assert(control_parse(&m, "level 2 debug") && m.word == CONTROL_LEVEL && m.component == 2);
	ck_assert_str_eq(m.text, "debug");
	ck_assert(control_parse(&m, "drain discard") && m.discard);
	ck_assert(control_parse(&m, "drain finish") && !m.discard);
	ck_assert(control_parse(&m, "tap 4294967295 3 * word=a b") && m.word == CONTROL_TAP && m.inquiry == UINT32_MAX);
	ck_assert_str_eq(m.text, "3 * word=a b");
	ck_assert(control_parse(&m, "tells 7 1 2 0\t{}") && m.word == CONTROL_TELLS && m.inquiry == 7);
	ck_assert_str_eq(m.text, "1 2 0\t{}");
	ck_assert(control_parse(&m, "told 7") && m.word == CONTROL_TOLD && m.inquiry == 7);
}
END_TEST

static const char *const nonsense[] = {
	"", " ", "hell", "hello x", " hello", "HELLO", "ready\n", "switched", "switched 1",
	"switched 1 ", "switched 1  2", "switched 1 2 3", "switched -1 2", "switched +1 2",
	"switched 4294967296 1", "switched 99999999999999999999 1", "switch 0x1 2", "switch 1 2x",
	"tap", "tap x", "tap 1x", "untap -1", "trace 4294967296 oldest 1", "tells", "told x",
	"lost", "lost x", "lost 1x", "obituary 18446744073709551616 x", "drain", "drain maybe",
	"level", "level debug", "level 1x debug",
};

START_TEST(nonsense_is_no_message)
{
	ck_assert_msg(!control_parse(&m, nonsense[_i]), "\"%s\"", nonsense[_i]);
}
END_TEST

START_TEST(a_table_has_as_many_numbers_as_there_are_workers)
{
	uint32_t starts[4];

	ck_assert(control_parse(&m, "peers 1 2 4294967295"));
	ck_assert(control_table(m.text, starts, 3));
	ck_assert(starts[0] == 1 && starts[1] == 2 && starts[2] == 4294967295);
	ck_assert(!control_table(m.text, starts, 2));
	ck_assert(!control_table(m.text, starts, 4));
	ck_assert(!control_table("1 x", starts, 2));
	ck_assert(!control_table("1  2", starts, 2));
	ck_assert(control_table("", starts, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *c = tcase_create("control");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, open_channel, close_channel);
	tcase_add_test(c, messages_arrive_one_by_one);
	tcase_add_test(c, an_empty_channel_says_so);
	tcase_add_test(c, a_message_is_one_line);
	tcase_add_test(c, the_end_of_the_other_side_is_the_end);
	tcase_add_test(c, last_words_survive_unread_messages);
	tcase_add_test(c, too_long_a_message_is_refused_by_both);
	tcase_add_test(c, a_reader_that_sleeps_blocks_nobody);
	tcase_add_test(c, messages_are_taken_apart);
	tcase_add_loop_test(c, nonsense_is_no_message, 0, sizeof nonsense / sizeof *nonsense);
	tcase_add_test(c, a_table_has_as_many_numbers_as_there_are_workers);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
