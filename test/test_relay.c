/* test_relay.c - lines of workers, and the supervisor's standard error.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory.h"
#include "outlet.h"
#include "relay.h"

static struct relay relay;
static struct buf out;

static void begin(void)
{
	relay = (struct relay){ .label = "split[0]" };
}

static void finish(void)
{
	relay_end(&relay, &out);
	buf_free(&out);
}

static void feed(const char *text)
{
	relay_bytes(&relay, text, strlen(text), &out);
}

/* ---- relay ------------------------------------------------------------------------- */

START_TEST(a_line_says_who_printed_it)
{
	feed("one\ntwo\n\n");
	ck_assert_str_eq(buf_text(&out), "split[0] one\nsplit[0] two\nsplit[0] \n");
}
END_TEST

START_TEST(pieces_become_lines)
{
	feed("o");
	feed("n");
	ck_assert_uint_eq(out.n, 0);
	feed("e\ntw");
	ck_assert_str_eq(buf_text(&out), "split[0] one\n");
	feed("o\n");
	ck_assert_str_eq(buf_text(&out), "split[0] one\nsplit[0] two\n");
}
END_TEST

START_TEST(a_last_line_needs_no_newline)
{
	feed("one\ntwo");
	relay_end(&relay, &out);
	ck_assert_str_eq(buf_text(&out), "split[0] one\nsplit[0] two\n");
	relay_end(&relay, &out);
	ck_assert_uint_eq(out.n, strlen("split[0] one\nsplit[0] two\n"));
}
END_TEST

START_TEST(nothing_harmful_reaches_the_terminal)
{
	feed("tab\there \033[2J \x7f \xc3\xa9 \xff\xfe \xc2\x9b dos\r\n");
	ck_assert_str_eq(buf_text(&out),
	    "split[0] tab\there \\x1b[2J \\x7f \xc3\xa9 \\xff\\xfe \\xc2\\x9b dos\n");
}
END_TEST

START_TEST(zero_bytes_are_shown)
{
	relay_bytes(&relay, "a\0b\n", 4, &out);
	ck_assert_str_eq(buf_text(&out), "split[0] a\\x00b\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_marked)
{
	char *line = xmalloc(2 * RELAY_LINE_MAX + 11);
	const char *first, *second, *third;

	memset(line, 'x', 2 * RELAY_LINE_MAX + 10);
	line[2 * RELAY_LINE_MAX + 10] = '\0';
	feed(line);
	feed("\nnext\n");
	first = buf_text(&out);
	second = strchr(first, '\n') + 1;
	third = strchr(second, '\n') + 1;
	ck_assert_int_eq(strncmp(first, "split[0] xxx", 12), 0);
	ck_assert_int_eq(strncmp(second - 7, "x[...]\n", 7), 0);
	ck_assert_int_eq(strncmp(second, "split[0] [...]xx", 16), 0);
	ck_assert_int_eq(strncmp(third - 7, "x[...]\n", 7), 0);
	ck_assert_str_eq(third, "split[0] [...]xxxxxxxxxx\nsplit[0] next\n");
	free(line);
}
END_TEST

START_TEST(a_line_of_just_the_limit_is_whole)
{
	char *line = xmalloc(RELAY_LINE_MAX + 1);

	memset(line, 'x', RELAY_LINE_MAX);
	line[RELAY_LINE_MAX] = '\0';
	feed(line);
	feed("\n");
	ck_assert_ptr_null(strstr(buf_text(&out), RELAY_CUT));
	ck_assert_uint_eq(out.n, strlen("split[0] ") + RELAY_LINE_MAX + 1);
	free(line);
}
END_TEST

START_TEST(a_cut_does_not_split_a_character)
{
	struct buf line = { 0 };

	for (int i = 0; i < RELAY_LINE_MAX / 3 + 1; i++)
		buf_puts(&line, "\xe2\x82\xac");	/* 8192 is no multiple of 3 */
	buf_puts(&line, "\n");
	relay_bytes(&relay, line.data, line.n, &out);
	ck_assert_ptr_null(strstr(buf_text(&out), "\\x"));
	ck_assert_ptr_nonnull(strstr(buf_text(&out), RELAY_CUT "\xe2\x82\xac\n"));
	buf_free(&line);
}
END_TEST

/* However the bytes arrive, the lines are the same. */
START_TEST(every_split_gives_the_same_lines)
{
	static const char text[] = "one\r\n\xe2\x82\xac two\n\n\xff three\tx\nlast";
	struct buf want = { 0 };

	relay_bytes(&relay, text, sizeof text - 1, &want);
	relay_end(&relay, &want);
	for (size_t i = 0; i < sizeof text; i++)
		for (size_t k = i; k < sizeof text; k++) {
			out.n = 0;
			relay_bytes(&relay, text, i, &out);
			relay_bytes(&relay, text + i, k - i, &out);
			relay_bytes(&relay, text + k, sizeof text - 1 - k, &out);
			relay_end(&relay, &out);
			ck_assert_str_eq(buf_text(&out), buf_text(&want));
		}
	buf_free(&want);
}
END_TEST

/* ---- outlet ------------------------------------------------------------------------ */

static void put(struct outlet *o, const char *text)
{
	struct buf lines = { 0 };

	buf_puts(&lines, text);
	outlet_lines(o, &lines);
	buf_free(&lines);
}

static size_t read_all(int fd, struct buf *into)
{
	char bytes[65536];
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, bytes, sizeof bytes)) > 0)
		buf_add(into, bytes, (size_t)n);
	return into->n;
}

/* A pipe, a pipe that can't be opened anew, a socket. */
static void open_ends(int kind, int *ends)
{
	if (kind == 2)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	else
		ck_assert_int_eq(pipe(ends), 0);
}

START_TEST(a_full_pipe_stops_nobody_and_losses_are_told)
{
	char *line = xasprintf("%0999d\n", 0);
	struct buf got = { 0 };
	struct outlet o;
	uint64_t lines = 0;
	int ends[2];

	open_ends(_i, ends);
	outlet_open(&o, ends[1]);
	if (_i == 1) {
		close(o.fd);
		o.fd = ends[1];
		o.own_fd = false;
		o.kind = OUTLET_BLOCKING;
	}
	for (int i = 0; i < 3000; i++)
		put(&o, line);
	ck_assert(outlet_waits(&o));
	ck_assert_uint_gt(o.dropped, 0);
	outlet_say(&o, "important");
	while (outlet_waits(&o)) {
		read_all(ends[0], &got);
		outlet_push(&o);
	}
	outlet_close(&o, 0);
	read_all(ends[0], &got);
	for (size_t i = 0; i < got.n; i++)
		lines += got.data[i] == '\n';
	ck_assert_uint_eq(lines, 3000 - o.dropped_total + 2);
	ck_assert_ptr_nonnull(strstr(buf_text(&got), "lines of output dropped"));
	ck_assert_ptr_nonnull(strstr(buf_text(&got), "gale: important\n"));
	buf_free(&got);
	free(line);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(a_reader_that_is_gone_is_no_reader)
{
	struct outlet o;
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	open_ends(_i, ends);
	outlet_open(&o, ends[1]);
	close(ends[0]);
	put(&o, "one\n");
	ck_assert(o.gone);
	ck_assert(!outlet_waits(&o));
	put(&o, "two\n");
	outlet_say(&o, "three");
	outlet_close(&o, 1000);
	close(ends[1]);
}
END_TEST

START_TEST(closing_waits_no_longer_than_told)
{
	char *line = xasprintf("%0200000d\n", 0);
	struct outlet o;
	int ends[2];

	open_ends(0, ends);
	outlet_open(&o, ends[1]);
	put(&o, line);
	ck_assert(outlet_waits(&o));
	outlet_close(&o, 20);
	close(ends[0]);
	close(ends[1]);
	free(line);
}
END_TEST

START_TEST(the_status_line_gives_way)
{
	struct buf got = { 0 };
	struct outlet o;
	int ends[2];

	open_ends(0, ends);
	outlet_open(&o, ends[1]);
	outlet_status(&o, "no terminal, no status");
	o.terminal = true;
	outlet_status(&o, "10 acked");
	put(&o, "split[0] hi\n");
	outlet_status(&o, "20 acked");
	outlet_status(&o, "");
	outlet_status(&o, "");
	outlet_close(&o, 0);
	read_all(ends[0], &got);
	ck_assert_str_eq(buf_text(&got), "\r\033[K10 acked\r\033[Ksplit[0] hi\n\r\033[K20 acked"
	    "\r\033[K");
	buf_free(&got);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("relay");
	TCase *lines = tcase_create("relay"), *outlet = tcase_create("outlet");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(lines, begin, finish);
	tcase_add_test(lines, a_line_says_who_printed_it);
	tcase_add_test(lines, pieces_become_lines);
	tcase_add_test(lines, a_last_line_needs_no_newline);
	tcase_add_test(lines, nothing_harmful_reaches_the_terminal);
	tcase_add_test(lines, zero_bytes_are_shown);
	tcase_add_test(lines, a_long_line_is_cut_and_marked);
	tcase_add_test(lines, a_line_of_just_the_limit_is_whole);
	tcase_add_test(lines, a_cut_does_not_split_a_character);
	tcase_add_test(lines, every_split_gives_the_same_lines);
	suite_add_tcase(s, lines);
	tcase_add_loop_test(outlet, a_full_pipe_stops_nobody_and_losses_are_told, 0, 3);
	tcase_add_loop_test(outlet, a_reader_that_is_gone_is_no_reader, 0, 3);
	tcase_add_test(outlet, closing_waits_no_longer_than_told);
	tcase_add_test(outlet, the_status_line_gives_way);
	suite_add_tcase(s, outlet);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
