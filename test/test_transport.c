/* test_transport.c - frames between sockets. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "optimisations.h"
#include "transport.h"

enum { DEADLINE_MS = 5000 };

static char dir[] = "/tmp/gale-transport-XXXXXX";
static char endpoint[128], other[128];
static struct transport *transport;

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(endpoint, sizeof endpoint, "ipc://%s/a", dir);
	snprintf(other, sizeof other, "ipc://%s/b", dir);
	transport = transport_new(NULL);
	ck_assert_ptr_nonnull(transport);
}

static void finish(void)
{
	transport_free(transport);
	unlink(endpoint + strlen("ipc://"));
	unlink(other + strlen("ipc://"));
	rmdir(dir);
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
}

static void send_byte(struct outbox *o, uint8_t byte)
{
	struct chunk *c = chunk_new(transport, 1);

	c->data[0] = byte;
	c->n = 1;
	outbox_send(o, c);
}

/* receive waits for the next frame and gives its first byte. */
static uint8_t receive(struct inbox *in)
{
	struct poll_item item = { .kind = POLL_INBOX, .inbox = in };
	struct frame *f;
	uint8_t byte;

	while ((f = inbox_receive(in, clock_now_ns())) == NULL)
		ck_assert_int_eq(transport_poll(&item, 1, DEADLINE_MS), 1);
	ck_assert_uint_eq(f->n, 1);
	byte = f->data[0];
	frame_release(in, f);
	return byte;
}

/* slow is a bolt that takes its time, so that more frames always wait for it. */
static void slow(struct outbox *busy)
{
	outbox_retry(busy);
	usleep(1000);
}

/* One sender never stops; what another one sends comes within a few frames. */
START_TEST(no_sender_waits_behind_all_of_its_neighbours_frames)
{
	struct inbox *in = inbox_new(transport, endpoint, NULL);
	struct outbox *busy = outbox_new(transport, endpoint, NULL);
	struct outbox *quiet = outbox_new(transport, endpoint, NULL);
	int before = 0;

	send_byte(quiet, 'q');
	ck_assert_int_eq(receive(in), 'q');	/* both are connected */
	for (int i = 0; i < 1000; i++)
		send_byte(busy, 'b');
	for (int i = 0; i < 50; i++) {
		slow(busy);
		ck_assert_int_eq(receive(in), 'b');
	}
	send_byte(quiet, 'q');
	ck_assert(!outbox_waits(quiet));
	while (receive(in) == 'b') {
		slow(busy);
		before++;
	}
	ck_assert_int_le(before, 25);
}
END_TEST

/* What waits for a dead destination is dropped, what is sent then goes to the new one. */
START_TEST(a_reopened_outbox_leads_elsewhere_and_has_forgotten_what_waited)
{
	struct outbox *o = outbox_new(transport, endpoint, NULL);	/* nobody is there */
	struct inbox *in;

	for (int i = 0; i < 100; i++)
		send_byte(o, 'o');
	ck_assert(outbox_waits(o));
	in = inbox_new(transport, other, NULL);
	ck_assert_int_eq(outbox_reopen(o, other, NULL), 0);
	ck_assert(!outbox_waits(o));
	send_byte(o, 'n');
	ck_assert_int_eq(receive(in), 'n');
	ck_assert_ptr_null(inbox_receive(in, clock_now_ns()));
}
END_TEST

/* An inbox that had nothing is left alone for a moment, unless a poll has found something. */
START_TEST(an_empty_inbox_is_asked_again_later)
{
	struct inbox *in = inbox_new(transport, endpoint, NULL);
	struct outbox *o = outbox_new(transport, endpoint, NULL);
	uint64_t now = clock_now_ns() + 3600 * (uint64_t)NS_PER_S,
	    until = clock_now_ns() + DEADLINE_MS * (uint64_t)NS_PER_MS;
	struct frame *f;

	ck_assert_ptr_null(inbox_receive(in, now));
	send_byte(o, '1');
	while ((f = inbox_receive(in, now += NS_PER_MS)) == NULL)
		ck_assert_uint_lt(clock_now_ns(), until);
	frame_release(in, f);
	ck_assert_ptr_null(inbox_receive(in, now));
	send_byte(o, '2');
	usleep(10000);		/* time to come, had anybody looked */
	if (OPTIMISE_LOOKS)
		ck_assert_ptr_null(inbox_receive(in, now + 49000));
	ck_assert_int_eq(receive(in), '2');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transport");
	TCase *tcase = tcase_create("transport");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	tcase_add_checked_fixture(tcase, begin, finish);
	tcase_add_test(tcase, no_sender_waits_behind_all_of_its_neighbours_frames);
	tcase_add_test(tcase, a_reopened_outbox_leads_elsewhere_and_has_forgotten_what_waited);
	tcase_add_test(tcase, an_empty_inbox_is_asked_again_later);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
