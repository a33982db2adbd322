/* test_loop.c - descriptors, timers and wakes. SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "loop.h"
#include "memory.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static struct loop loop;
static gale_ctx context, other_context;
static char order[64];		/* the names of timers, as they fire; and `self` */

/* ---- a turn ---- */

enum { MOST_ITEMS = 32 };

static bool any, woken;

/* turn waits until DUE_NS at most and calls back what is ready at NOW_NS. */
static void turn(uint64_t now_ns, uint64_t due_ns)
{
	struct poll_item items[MOST_ITEMS];
	size_t n = loop_items(&loop);

	ck_assert_uint_le(n, MOST_ITEMS);
	loop_poll(&loop, items, 0, now_ns, due_ns);
	any = loop_dispatch(&loop, items, n, now_ns, &woken);
}

static void begin(void)
{
	struct error e;

	order[0] = '\0';
	ck_assert_msg(loop_init(&loop, &e) == 0, "%s", e.text);
}

static void end(void)
{
	loop_free(&loop);
}

/* ---- what callbacks do: note that they were called, and ACTION ---- */

struct note {
	int n, fd, events;
	void (*action)(struct note *note);
	struct note *other;
	int other_fd;
	uint64_t timer;
};

static void on_fd(void *self, gale_ctx *ctx, int fd, int events, void *arg)
{
	struct note *note = arg;

	ck_assert_ptr_eq(self, &order);
	ck_assert_ptr_eq(ctx, &context);
	note->n++;
	note->fd = fd;
	note->events = events;
	if (note->action != NULL)
		note->action(note);
}

static void watch(int fd, int events, struct note *note)
{
	loop_watch(&loop, &(struct watch){ fd, events, on_fd, note, &order, &context });
}

/* A descriptor that is readable for good, or writable only. */
static int readable(void)
{
	int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static int not_readable(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* ---- watches ---- */

START_TEST(a_watch_is_called_as_long_as_its_descriptor_is_ready)
{
	struct note note = { 0 };
	int fd = readable();
	uint64_t value;

	watch(fd, GALE_READABLE, &note);
	for (int i = 1; i <= 3; i++) {
		turn(0, UINT64_MAX);
		ck_assert(any && !woken);
		ck_assert_int_eq(note.n, i);
		ck_assert_int_eq(note.fd, fd);
		ck_assert_int_eq(note.events, GALE_READABLE);
	}
	ck_assert_int_eq((int)read(fd, &value, sizeof value), sizeof value);
	turn(0, 0);
	ck_assert(!any);
	ck_assert_int_eq(note.n, 3);
	close(fd);
}
END_TEST

START_TEST(a_watch_hears_of_what_it_asked_for)
{
	struct note note = { 0 };
	int fd = readable();

	watch(fd, GALE_WRITABLE, &note);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(note.events, GALE_WRITABLE);
	watch(fd, GALE_READABLE | GALE_WRITABLE, &note);	/* changes it */
	ck_assert_uint_eq(loop_items(&loop), 2);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(note.events, GALE_READABLE | GALE_WRITABLE);
	ck_assert_int_eq(note.n, 2);
	close(fd);
}
END_TEST

START_TEST(a_watch_hears_when_the_other_end_is_gone)
{
	struct note note = { 0 };
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	watch(ends[0], GALE_READABLE, &note);
	turn(0, 0);
	ck_assert_int_eq(note.n, 0);
	close(ends[1]);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(note.n, 1);
	ck_assert_int_eq(note.events & GALE_HANGUP, GALE_HANGUP);
	close(ends[0]);
}
END_TEST

START_TEST(a_descriptor_closed_without_unwatch_is_told_once_and_let_go)
{
	struct note note = { 0 };
	int fd = not_readable(), saved = dup(2);
	char text[500] = "", expected[100];
	FILE *log = tmpfile();

	ck_assert_ptr_nonnull(log);
	context.component = "reader";
	watch(fd, GALE_READABLE, &note);
	close(fd);
	ck_assert_int_eq(dup2(fileno(log), 2), 2);
	turn(0, 0);
	turn(0, 0);
	ck_assert_int_eq(dup2(saved, 2), 2);
	ck_assert(!any && !woken);
	ck_assert_int_eq(note.n, 0);
	ck_assert_uint_eq(loop_items(&loop), 1);
	rewind(log);
	ck_assert_uint_lt(fread(text, 1, sizeof text - 1, log), sizeof text - 1);
	snprintf(expected, sizeof expected, "error: descriptor %d was closed while reader still", fd);
	ck_assert_ptr_eq(strstr(text, expected), text);
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);	/* one line */
	fclose(log);
	close(saved);
}
END_TEST

START_TEST(an_unwatched_descriptor_is_silent)
{
	struct note notes[3] = { { 0 } };
	int fds[3];

	for (int i = 0; i < 3; i++)
		watch(fds[i] = readable(), GALE_READABLE, &notes[i]);
	ck_assert_int_eq(loop_unwatch(&loop, fds[0]), 0);
	ck_assert_int_eq(loop_unwatch(&loop, fds[0]), -1);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[0].n, 0);
	ck_assert_int_eq(notes[1].n, 1);
	ck_assert_int_eq(notes[2].n, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}
END_TEST

static void unwatch_both(struct note *note)
{
	ck_assert_int_eq(loop_unwatch(&loop, note->fd), 0);
	ck_assert_int_eq(loop_unwatch(&loop, note->other_fd), 0);
}

START_TEST(a_callback_may_unwatch_itself_and_others)
{
	struct note notes[4] = { { 0 } };
	int fds[4];

	for (int i = 0; i < 4; i++)
		watch(fds[i] = readable(), GALE_READABLE, &notes[i]);
	for (int i = 0; i < 4; i++) {	/* in pairs: who is called first takes the other along */
		notes[i].action = unwatch_both;
		notes[i].other_fd = fds[i ^ 3];
	}
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[0].n + notes[3].n, 1);
	ck_assert_int_eq(notes[1].n + notes[2].n, 1);
	ck_assert_uint_eq(loop_items(&loop), 1);
	turn(0, 0);
	ck_assert(!any);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}
END_TEST

/* close_and_reuse closes the other descriptor and watches a new one of the same number. */
static void close_and_reuse(struct note *note)
{
	int fd;

	note->action = note->other->action = NULL;
	loop_unwatch(&loop, note->other_fd);
	close(note->other_fd);
	fd = not_readable();
	ck_assert_int_eq(fd, note->other_fd);
	watch(fd, GALE_READABLE, note->other);
}

START_TEST(a_new_descriptor_does_not_get_the_events_of_an_old_one)
{
	struct note notes[2] = { { 0 } };
	int fds[2];

	for (int i = 0; i < 2; i++)
		watch(fds[i] = readable(), GALE_READABLE, &notes[i]);
	for (int i = 0; i < 2; i++) {
		notes[i].action = close_and_reuse;
		notes[i].other = &notes[1 - i];
		notes[i].other_fd = fds[1 - i];
	}
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[0].n + notes[1].n, 1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static void ask_other_for_nothing_that_is(struct note *note)
{
	note->action = note->other->action = NULL;
	watch(note->other_fd, GALE_WRITABLE, note->other);
}

START_TEST(a_changed_watch_is_not_called_for_what_it_no_longer_asks)
{
	struct note notes[2] = { { 0 } };
	int ends[2][2];

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pipe2(ends[i], O_CLOEXEC), 0);
		ck_assert_int_eq((int)write(ends[i][1], "x", 1), 1);
		watch(ends[i][0], GALE_READABLE, &notes[i]);
	}
	for (int i = 0; i < 2; i++) {
		notes[i].action = ask_other_for_nothing_that_is;
		notes[i].other = &notes[1 - i];
		notes[i].other_fd = ends[1 - i][0];
	}
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[0].n + notes[1].n, 1);
	for (int i = 0; i < 2; i++) {
		close(ends[i][0]);
		close(ends[i][1]);
	}
}
END_TEST

static void watch_another(struct note *note)
{
	note->action = NULL;
	watch(note->other_fd, GALE_READABLE, note->other);
}

START_TEST(a_watch_made_by_a_callback_is_called_in_the_next_turn)
{
	struct note notes[2] = { { .action = watch_another }, { 0 } };
	int fds[] = { readable(), readable() };

	notes[0].other = &notes[1];
	notes[0].other_fd = fds[1];
	watch(fds[0], GALE_READABLE, &notes[0]);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[1].n, 0);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[0].n, 2);
	ck_assert_int_eq(notes[1].n, 1);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* The worker reads control messages between poll and dispatch, and plugins hear of them. */
START_TEST(a_watch_made_after_the_poll_waits_for_the_next)
{
	struct poll_item items[MOST_ITEMS];
	struct note notes[2] = { { 0 } };
	int fds[] = { readable(), readable() };
	size_t n;

	watch(fds[0], GALE_READABLE, &notes[0]);
	n = loop_items(&loop);
	loop_poll(&loop, items, 0, 0, UINT64_MAX);
	ck_assert_int_eq(loop_unwatch(&loop, fds[0]), 0);
	watch(fds[1], GALE_READABLE, &notes[1]);
	watch(fds[0], GALE_READABLE, &notes[0]);
	loop_dispatch(&loop, items, n, 0, &woken);
	ck_assert_int_eq(notes[0].n + notes[1].n, 0);
	turn(0, UINT64_MAX);
	ck_assert_int_eq(notes[0].n + notes[1].n, 2);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* ---- timers ---- */

static void on_timer(void *self, gale_ctx *ctx, void *arg)
{
	struct note *note = arg;

	ck_assert_ptr_eq(self, &order);
	ck_assert_ptr_eq(ctx, &context);
	note->n++;
	strcat(order, (char[]){ (char)note->fd, '\0' });
	if (note->action != NULL)
		note->action(note);
}

static uint64_t timer(uint64_t due_ns, struct note *note)
{
	return loop_timer(&loop, &(struct timer){ .due_ns = due_ns, .fn = on_timer, .arg = note,
		.self = &order, .ctx = &context });
}

START_TEST(timers_fire_once_in_the_order_of_their_times)
{
	static const uint64_t due[] = { 50, 20, 90, 10, 60, 40, 20, 30, 20 };
	struct note notes[9] = { { 0 } };

	for (int i = 0; i < 9; i++) {
		notes[i].fd = 'a' + i;
		ck_assert_uint_ne(timer(due[i], &notes[i]), 0);
	}
	ck_assert_uint_eq(loop_due(&loop), 10);
	turn(60, 60);
	ck_assert(any);
	ck_assert_str_eq(order, "dbgihfae");	/* equal times: the older one first */
	ck_assert_uint_eq(loop_due(&loop), 90);
	turn(89, 89);
	ck_assert(!any);
	turn(90, 90);
	ck_assert_str_eq(order, "dbgihfaec");
	ck_assert_uint_eq(loop_due(&loop), UINT64_MAX);
	turn(1000, 1000);
	ck_assert(!any);
}
END_TEST

START_TEST(a_cancelled_timer_does_not_fire)
{
	struct note notes[3] = { { .fd = 'a' }, { .fd = 'b' }, { .fd = 'c' } };
	uint64_t ids[3];

	for (int i = 0; i < 3; i++)
		ids[i] = timer(10, &notes[i]);
	ck_assert_uint_ne(ids[0], ids[1]);
	ck_assert_int_eq(loop_cancel(&loop, ids[0]), 0);
	ck_assert_int_eq(loop_cancel(&loop, ids[0]), -1);
	ck_assert_int_eq(loop_cancel(&loop, 0), -1);
	ck_assert_int_eq(loop_cancel(&loop, ids[2] + 1), -1);
	turn(10, 10);
	ck_assert_str_eq(order, "bc");
	ck_assert_int_eq(loop_cancel(&loop, ids[1]), -1);
}
END_TEST

static void cancel_self_and_other(struct note *note)
{
	ck_assert_int_eq(loop_cancel(&loop, note->timer), -1);	/* it has fired */
	ck_assert_int_eq(loop_cancel(&loop, note->other->timer), 0);
}

START_TEST(a_callback_may_cancel_others_that_are_due_too)
{
	struct note notes[4] = { { .fd = 'a' }, { .fd = 'b' }, { .fd = 'c' }, { .fd = 'd' } };

	for (int i = 0; i < 4; i++)
		notes[i].timer = timer(10 + (uint64_t)i, &notes[i]);
	notes[0].action = notes[2].action = cancel_self_and_other;
	notes[0].other = &notes[1];
	notes[2].other = &notes[3];
	turn(100, 100);
	ck_assert_str_eq(order, "ac");
	ck_assert_uint_eq(loop_due(&loop), UINT64_MAX);
}
END_TEST

static void again(struct note *note)
{
	timer(0, note);
}

START_TEST(a_timer_set_by_a_callback_waits_for_the_next_turn)
{
	struct note note = { .fd = 'a', .action = again };

	timer(10, &note);
	for (int i = 1; i <= 5; i++) {
		turn(10, 10);
		ck_assert_int_eq(note.n, i);
	}
}
END_TEST

START_TEST(many_timers_come_and_go)
{
	static struct note notes[1000];
	uint64_t ids[1000];
	int n = 0;

	for (int i = 0; i < 1000; i++)
		ids[i] = timer((uint64_t)(i * 7919 % 1000), &notes[i]);
	for (int i = 0; i < 1000; i += 3)
		ck_assert_int_eq(loop_cancel(&loop, ids[i]), 0);
	for (uint64_t now = 0; now < 1000; now += 100) {
		turn(now, now);
		order[0] = '\0';
		for (int i = 0; i < 1000; i++) {
			bool due = (uint64_t)(i * 7919 % 1000) <= now;

			ck_assert_int_eq(notes[i].n, i % 3 != 0 && due);
		}
	}
	turn(1000, 1000);
	for (int i = 0; i < 1000; i++)
		n += notes[i].n;
	ck_assert_int_eq(n, 666);
}
END_TEST

START_TEST(the_loop_sleeps_until_it_is_time)
{
	uint64_t start = clock_now_ns();

	turn(start, start + 20 * NS_PER_MS);
	ck_assert_uint_ge(clock_now_ns() - start, 20 * NS_PER_MS);
	start = clock_now_ns();
	turn(start, start - 1);		/* late already */
	turn(start, start);
	ck_assert_uint_lt(clock_now_ns() - start, NS_PER_S);
}
END_TEST

START_TEST(what_a_task_waits_for_is_known)
{
	struct note note = { 0 };
	int fd = not_readable();
	uint64_t id;

	ck_assert(!loop_waits_for(&loop, &context));
	watch(fd, GALE_READABLE, &note);
	ck_assert(loop_waits_for(&loop, &context));
	ck_assert(!loop_waits_for(&loop, &other_context));
	loop_unwatch(&loop, fd);
	ck_assert(!loop_waits_for(&loop, &context));
	id = timer(5, &note);
	ck_assert(loop_waits_for(&loop, &context));
	ck_assert(!loop_waits_for(&loop, &other_context));
	loop_cancel(&loop, id);
	ck_assert(!loop_waits_for(&loop, &context));
	close(fd);
}
END_TEST

START_TEST(a_busy_worker_knows_whether_anybody_has_to_be_served)
{
	struct note note = { 0 };
	int fd = not_readable();

	ck_assert(!loop_wants(&loop, UINT64_MAX - 1));
	timer(50, &note);
	ck_assert(!loop_wants(&loop, 49));
	ck_assert(loop_wants(&loop, 50));
	turn(50, 50);
	ck_assert(!loop_wants(&loop, 50));
	watch(fd, GALE_READABLE, &note);
	ck_assert(loop_wants(&loop, 0));
	loop_unwatch(&loop, fd);
	loop_wake(&loop);
	ck_assert(loop_wants(&loop, 0));
	turn(0, 0);
	ck_assert(woken && !loop_wants(&loop, 0));
	close(fd);
}
END_TEST

/* ---- wakes ---- */

START_TEST(a_wake_ends_the_sleep_and_several_are_one)
{
	loop_wake(&loop);
	loop_wake(&loop);
	turn(0, UINT64_MAX);
	ck_assert(woken && !any);
	turn(0, 0);
	ck_assert(!woken);
	loop_wake(&loop);
	turn(0, UINT64_MAX);
	ck_assert(woken);
}
END_TEST

enum { WAKERS = 3, WAKES = 20000 };

static atomic_int announced;
static int n_wakes;

/* wake_often says something, then wakes; as a plugin's thread does. */
static void *wake_often(void *arg)
{
	for (int i = 0; i < n_wakes; i++) {
		atomic_fetch_add(&announced, 1);
		loop_wake(&loop);
	}
	return arg;
}

/* Whoever is woken sees all that was said before; so the last wake shows everything. Were
 * one lost this would sleep until check's timeout. */
START_TEST(wakes_from_other_threads_all_arrive)
{
	pthread_t threads[WAKERS];
	int seen = 0;

	n_wakes = getenv("GALE_QUICK") ? 500 : WAKES;
	for (int i = 0; i < WAKERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wake_often, NULL), 0);
	while (seen < WAKERS * n_wakes) {
		turn(0, UINT64_MAX);
		ck_assert(woken);
		seen = atomic_load(&announced);
	}
	for (int i = 0; i < WAKERS; i++)
		pthread_join(threads[i], NULL);
	turn(0, 0);	/* one may have come too late to say anything new */
	turn(0, 0);
	ck_assert(!woken);
}
END_TEST

static TCase *watches(void)
{
	TCase *c = tcase_create("watches");

	tcase_add_test(c, a_watch_is_called_as_long_as_its_descriptor_is_ready);
	tcase_add_test(c, a_watch_hears_of_what_it_asked_for);
	tcase_add_test(c, a_watch_hears_when_the_other_end_is_gone);
	tcase_add_test(c, a_descriptor_closed_without_unwatch_is_told_once_and_let_go);
	tcase_add_test(c, an_unwatched_descriptor_is_silent);
	tcase_add_test(c, a_callback_may_unwatch_itself_and_others);
	tcase_add_test(c, a_new_descriptor_does_not_get_the_events_of_an_old_one);
	tcase_add_test(c, a_changed_watch_is_not_called_for_what_it_no_longer_asks);
	tcase_add_test(c, a_watch_made_by_a_callback_is_called_in_the_next_turn);
	tcase_add_test(c, a_watch_made_after_the_poll_waits_for_the_next);
	return c;
}

static TCase *timers_and_wakes(void)
{
	TCase *c = tcase_create("timers and wakes");

	tcase_add_test(c, timers_fire_once_in_the_order_of_their_times);
	tcase_add_test(c, a_cancelled_timer_does_not_fire);
	tcase_add_test(c, a_callback_may_cancel_others_that_are_due_too);
	tcase_add_test(c, a_timer_set_by_a_callback_waits_for_the_next_turn);
	tcase_add_test(c, many_timers_come_and_go);
	tcase_add_test(c, the_loop_sleeps_until_it_is_time);
	tcase_add_test(c, what_a_task_waits_for_is_known);
	tcase_add_test(c, a_busy_worker_knows_whether_anybody_has_to_be_served);
	tcase_add_test(c, a_wake_ends_the_sleep_and_several_are_one);
	tcase_add_test(c, wakes_from_other_threads_all_arrive);
	return c;
}

int main(void)
{
	TCase *cases[] = { watches(), timers_and_wakes() };
	Suite *suite = suite_create("loop");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tcase_set_timeout(cases[i], 300);
		tcase_add_checked_fixture(cases[i], begin, end);
		suite_add_tcase(suite, cases[i]);
	}
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
