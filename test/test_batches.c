/* test_batches.c - one batch after the other. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "batches.h"
#include "seed.h"

enum { N = 4, LEFT = 1, RIGHT = 3, GENERATION = 10, MOST_FRAMES = 4000 };

static const bool upstream[N] = { [LEFT] = true, [RIGHT] = true };
static struct batches b;
static int frames[MOST_FRAMES];
static uint64_t seed;

static void begin(void)
{
	batches_init(&b, upstream, N);
	batches_reset(&b, GENERATION, 0);
}

static void finish(void)
{
	while (batches_drop_aside(&b) != NULL)
		;
	batches_free(&b);
}

static void marks(uint32_t from, uint64_t txid, bool expected)
{
	ck_assert(batches_marker(&b, from, txid, GENERATION, false) == expected);
}

static void aside(uint64_t txid, int *frame)
{
	ck_assert_int_eq(batches_frame(&b, txid, GENERATION), BATCHES_ASIDE);
	batches_put_aside(&b, txid, frame, 100);
}

START_TEST(before_the_first_reset_all_is_dropped)
{
	struct batches fresh;

	batches_init(&fresh, upstream, N);
	ck_assert_int_eq(batches_frame(&fresh, 1, 0), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&fresh, 0, 0), BATCHES_DROP);
	ck_assert(!batches_marker(&fresh, LEFT, 1, 0, false));
	ck_assert(!batches_complete(&fresh));
	batches_free(&fresh);
}
END_TEST

START_TEST(frames_of_the_batch_in_hand_are_for_now)
{
	ck_assert_int_eq(batches_frame(&b, 1, GENERATION), BATCHES_NOW);
	ck_assert_int_eq(batches_frame(&b, 2, GENERATION), BATCHES_ASIDE);
	ck_assert_int_eq(batches_frame(&b, 0, GENERATION), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, 1, GENERATION - 1), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, 1, GENERATION + 1), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, 1, 0), BATCHES_DROP);
	batches_close(&b);
	ck_assert_int_eq(batches_frame(&b, 1, GENERATION), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, 2, GENERATION), BATCHES_NOW);
}
END_TEST

START_TEST(as_many_batches_as_there_are_places_can_come_early)
{
	ck_assert_int_eq(batches_frame(&b, BATCHES_PLACES, GENERATION), BATCHES_ASIDE);
	ck_assert_int_eq(batches_frame(&b, BATCHES_PLACES + 1, GENERATION), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, UINT64_MAX, GENERATION), BATCHES_DROP);
	batches_close(&b);
	ck_assert_int_eq(batches_frame(&b, BATCHES_PLACES + 1, GENERATION), BATCHES_ASIDE);
}
END_TEST

START_TEST(all_who_send_must_have_marked_the_batch)
{
	ck_assert(!batches_complete(&b));
	marks(LEFT, 1, true);
	ck_assert(!batches_complete(&b));
	marks(RIGHT, 1, true);
	ck_assert(batches_complete(&b));
	batches_close(&b);
	ck_assert(!batches_complete(&b));
	marks(RIGHT, 2, true);
	marks(RIGHT, 3, true);
	ck_assert(!batches_complete(&b));
	marks(LEFT, 2, true);
	ck_assert(batches_complete(&b));
}
END_TEST

START_TEST(markers_that_nobody_may_have_sent_are_dropped)
{
	marks(0, 1, false);		/* sends no data to this worker */
	marks(LEFT, 2, false);		/* one is left out */
	marks(LEFT, 0, false);
	marks(LEFT, 1, true);
	marks(LEFT, 1, false);		/* twice */
	ck_assert(!batches_marker(&b, RIGHT, 1, GENERATION - 1, false));
	ck_assert(!batches_marker(&b, RIGHT, 1, GENERATION + 1, true));
	ck_assert(!batches_complete(&b));
	ck_assert_uint_eq(b.last, 0);
}
END_TEST

START_TEST(who_has_no_upstream_has_all_at_once)
{
	static const bool nobody[N];
	struct batches alone;

	batches_init(&alone, nobody, N);
	ck_assert(!batches_complete(&alone));
	batches_reset(&alone, GENERATION, 0);
	ck_assert(batches_complete(&alone));
	batches_free(&alone);
}
END_TEST

START_TEST(what_was_put_aside_comes_in_its_turn_and_order)
{
	aside(3, &frames[30]);
	aside(2, &frames[20]);
	aside(2, &frames[21]);
	aside(3, &frames[31]);
	ck_assert_uint_eq(b.aside_bytes, 400);
	ck_assert_ptr_null(batches_take(&b));
	batches_close(&b);
	ck_assert_ptr_eq(batches_take(&b), &frames[20]);
	ck_assert_uint_eq(b.aside_bytes, 300);
	ck_assert_ptr_eq(batches_take(&b), &frames[21]);
	ck_assert_ptr_null(batches_take(&b));
	batches_close(&b);
	ck_assert_ptr_eq(batches_take(&b), &frames[30]);
	ck_assert_ptr_eq(batches_take(&b), &frames[31]);
	ck_assert_ptr_null(batches_take(&b));
	ck_assert_uint_eq(b.aside_bytes, 0);
}
END_TEST

START_TEST(a_place_that_was_emptied_takes_frames_again)
{
	for (uint64_t txid = 2; txid < 3 * BATCHES_PLACES; txid++) {
		aside(txid, &frames[txid]);
		batches_close(&b);
		ck_assert_ptr_eq(batches_take(&b), &frames[txid]);
		ck_assert_ptr_null(batches_take(&b));
	}
}
END_TEST

/* Markers run ahead on edges of their own: frames from another edge may still lie aside. */
START_TEST(nothing_is_complete_while_some_of_it_is_aside)
{
	aside(2, &frames[0]);
	for (uint64_t txid = 1; txid <= 2; txid++) {
		marks(LEFT, txid, true);
		marks(RIGHT, txid, true);
	}
	ck_assert(batches_complete(&b));
	batches_close(&b);
	ck_assert(!batches_complete(&b));
	ck_assert_ptr_eq(batches_take(&b), &frames[0]);
	ck_assert(batches_complete(&b));
}
END_TEST

START_TEST(the_last_marker_says_so)
{
	marks(LEFT, 1, true);
	ck_assert_uint_eq(b.last, 0);
	ck_assert(batches_marker(&b, RIGHT, 1, GENERATION, true));
	ck_assert_uint_eq(b.last, 1);
}
END_TEST

START_TEST(a_reset_begins_behind_what_is_committed)
{
	ck_assert(batches_marker(&b, LEFT, 1, GENERATION, true));
	marks(LEFT, 2, true);
	aside(5, &frames[5]);
	aside(9, &frames[9]);
	ck_assert_ptr_eq(batches_drop_aside(&b), &frames[5]);
	ck_assert_ptr_eq(batches_drop_aside(&b), &frames[9]);
	ck_assert_ptr_null(batches_drop_aside(&b));
	ck_assert_uint_eq(b.aside_bytes, 0);

	batches_reset(&b, GENERATION + 1, 41);
	ck_assert_uint_eq(b.last, 0);
	ck_assert_int_eq(batches_frame(&b, 42, GENERATION), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, 41, GENERATION + 1), BATCHES_DROP);
	ck_assert_int_eq(batches_frame(&b, 42, GENERATION + 1), BATCHES_NOW);
	ck_assert(!batches_complete(&b));
	ck_assert(!batches_marker(&b, LEFT, 3, GENERATION + 1, false));
	ck_assert(batches_marker(&b, LEFT, 42, GENERATION + 1, false));
	ck_assert(batches_marker(&b, RIGHT, 42, GENERATION + 1, false));
	ck_assert(batches_complete(&b));
}
END_TEST

/* Senders of data and markers, each in order on its own edge, at random against each other:
 * all frames come, batch by batch, from each sender in order, and none is early. */
struct sender {
	uint64_t txid;
	uint32_t left, at;		/* frames of the batch; how many it has sent */
	uint64_t seen;			/* the number of its last frame that was worked through */
};

static void work(struct sender *senders, const int *frame, uint64_t txid)
{
	struct sender *s = &senders[*frame % N];

	ck_assert_uint_eq((uint64_t)*frame / N, ++s->seen);
	ck_assert_uint_eq(txid, b.txid);
}

static void send_one(struct sender *senders, uint32_t from, uint64_t *state, uint64_t last, int *next)
{
	struct sender *s = &senders[from];

	if (s->txid > last)
		return;
	if (s->left == 0) {
		ck_assert(batches_marker(&b, from, s->txid, GENERATION, s->txid == last));
		s->txid++;
		s->left = pick(state, 4);
		return;
	}
	s->left--;
	frames[*next] = (int)(++s->at * N + from);
	if (batches_frame(&b, s->txid, GENERATION) == BATCHES_NOW)
		work(senders, &frames[*next], s->txid);
	else
		aside(s->txid, &frames[*next]);
	++*next;
}

START_TEST(whatever_overtakes_what_batches_stay_in_order)
{
	uint64_t state = seed;

	for (int run = 0; run < 200; run++) {
		struct sender senders[N] = { [LEFT] = { .txid = 1 }, [RIGHT] = { .txid = 1, .left = 2 } };
		uint64_t last = 1 + pick(&state, 40);
		int next = 0, *frame;

		batches_reset(&b, GENERATION, 0);
		while (b.txid <= last) {
			while ((frame = batches_take(&b)) != NULL)
				work(senders, frame, b.txid);
			send_one(senders, pick(&state, 2) ? LEFT : RIGHT, &state, last, &next);
			if (pick(&state, 3) == 0 && batches_complete(&b))
				batches_close(&b);
		}
		ck_assert_uint_eq(b.last, last);
		for (uint32_t i = 0; i < N; i++)
			ck_assert_uint_eq(senders[i].seen, senders[i].at);
		ck_assert_uint_eq(b.aside_bytes, 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("batches");
	TCase *c = tcase_create("batches");
	SRunner *r;
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, before_the_first_reset_all_is_dropped);
	tcase_add_test(c, frames_of_the_batch_in_hand_are_for_now);
	tcase_add_test(c, as_many_batches_as_there_are_places_can_come_early);
	tcase_add_test(c, all_who_send_must_have_marked_the_batch);
	tcase_add_test(c, markers_that_nobody_may_have_sent_are_dropped);
	tcase_add_test(c, who_has_no_upstream_has_all_at_once);
	tcase_add_test(c, what_was_put_aside_comes_in_its_turn_and_order);
	tcase_add_test(c, a_place_that_was_emptied_takes_frames_again);
	tcase_add_test(c, nothing_is_complete_while_some_of_it_is_aside);
	tcase_add_test(c, the_last_marker_says_so);
	tcase_add_test(c, a_reset_begins_behind_what_is_committed);
	tcase_add_test(c, whatever_overtakes_what_batches_stay_in_order);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
