/* test_mail.c - a worker that does not read misses nothing. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"
#include "mail.h"

static int ends[2];
static struct mail mail;

static void begin(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
}

static void finish(void)
{
	close(ends[0]);
	close(ends[1]);
	mail_clear(&mail);
}

START_TEST(what_fits_leaves_at_once)
{
	char text[64];

	mail_send(&mail, ends[0], "switch %d %d", 1, 2);
	ck_assert(!mail_waits(&mail));
	ck_assert_int_gt(control_receive(ends[1], text, sizeof text), 0);
	ck_assert_str_eq(text, "switch 1 2");
}
END_TEST

START_TEST(what_does_not_fit_waits_and_comes_in_order)
{
	char text[64], want[64];
	int n = 5000;

	for (int i = 0; i < n; i++)
		mail_send(&mail, ends[0], "switch %d 2", i);
	ck_assert(mail_waits(&mail));
	for (int i = 0; i < n; i++) {
		snprintf(want, sizeof want, "switch %d 2", i);
		if (control_receive(ends[1], text, sizeof text) < 0) {
			mail_push(&mail, ends[0]);
			ck_assert_int_gt(control_receive(ends[1], text, sizeof text), 0);
		}
		ck_assert_str_eq(text, want);
	}
	ck_assert(!mail_waits(&mail));
	ck_assert_int_eq(control_receive(ends[1], text, sizeof text), -1);
}
END_TEST

START_TEST(for_one_that_is_gone_nothing_waits)
{
	for (int i = 0; i < 1000; i++)
		mail_send(&mail, ends[0], "ping");
	ck_assert(mail_waits(&mail));
	close(ends[1]);
	mail_push(&mail, ends[0]);
	ck_assert(!mail_waits(&mail));
	mail_send(&mail, ends[0], "ping");
	ck_assert(!mail_waits(&mail));
	ends[1] = dup(ends[0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mail");
	TCase *c = tcase_create("mail");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, what_fits_leaves_at_once);
	tcase_add_test(c, what_does_not_fit_waits_and_comes_in_order);
	tcase_add_test(c, for_one_that_is_gone_nothing_waits);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
