/* test_limit.c - a source in front of one server, in virtual time: how long messages wait.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>

#include "clock.h"
#include "limit.h"
#include "seed.h"

enum { TIMEOUT_S = 30, MOST = 1000 };

static const uint64_t timeout_ns = (uint64_t)TIMEOUT_S * NS_PER_S;
static uint64_t seed;

/* A queue of open messages, served one after the other. */
struct world {
	struct limit limit;
	uint64_t emitted_ns[MOST + 1];	/* a ring */
	size_t first, open;
	uint64_t now_ns;
	uint64_t longest_ns;
};

static void begin(struct world *w, size_t most)
{
	*w = (struct world){ .now_ns = 7 * (uint64_t)NS_PER_S };
	limit_init(&w->limit, most, timeout_ns, w->now_ns);
}

/* fill emits as many as there is room for. */
static void fill(struct world *w)
{
	while (limit_has_room(&w->limit, w->open)) {
		ck_assert_uint_lt(w->open, MOST);
		w->emitted_ns[(w->first + w->open++) % (MOST + 1)] = w->now_ns;
	}
}

/* serve lets the server take EACH_NS for each message until UNTIL_NS. */
static void serve(struct world *w, uint64_t each_ns, uint64_t until_ns)
{
	while (w->now_ns < until_ns) {
		uint64_t took;

		fill(w);
		w->now_ns += each_ns;
		took = w->now_ns - w->emitted_ns[w->first];
		w->first = (w->first + 1) % (MOST + 1);
		w->open--;
		limit_acked(&w->limit, took, w->now_ns);
		if (took > w->longest_ns)
			w->longest_ns = took;
		if (!limit_has_room(&w->limit, w->open))
			limit_waited(&w->limit, w->now_ns);
	}
}

START_TEST(a_fast_server_soon_gets_all_that_is_allowed)
{
	struct world w;

	begin(&w, MOST);
	ck_assert_uint_eq(w.limit.now, LIMIT_FIRST);
	serve(&w, 1000, w.now_ns + 10 * (uint64_t)NS_PER_MS);
	ck_assert_uint_eq(w.limit.now, MOST);
}
END_TEST

/* 1 ms to 100 ms for each: nothing waits for its timeout, and the limit leaves the server work for long. */
START_TEST(no_message_waits_for_its_timeout)
{
	static const uint64_t each_ms[] = { 1, 3, 10, 30, 100 };
	struct world w;

	begin(&w, MOST);
	serve(&w, each_ms[_i] * NS_PER_MS, w.now_ns + 300 * (uint64_t)NS_PER_S);
	ck_assert_uint_lt(w.longest_ns, timeout_ns);
	ck_assert_uint_ge(w.limit.now, timeout_ns / 16 / (each_ms[_i] * NS_PER_MS) < MOST ?
	    timeout_ns / 16 / (each_ms[_i] * NS_PER_MS) : MOST);
}
END_TEST

START_TEST(a_server_that_is_fast_again_gets_its_messages_within_a_second)
{
	struct world w;

	begin(&w, MOST);
	serve(&w, 100 * NS_PER_MS, w.now_ns + 200 * (uint64_t)NS_PER_S);
	ck_assert_uint_lt(w.limit.now, MOST / 2);
	serve(&w, 10000, w.now_ns + NS_PER_S);
	ck_assert_uint_eq(w.limit.now, MOST);
}
END_TEST

/* A bolt that gathers all before it acks any. */
START_TEST(who_waits_for_company_gets_it)
{
	struct world w;

	begin(&w, MOST);
	for (int i = 0; i < 1000 && w.open < MOST; i++) {
		fill(&w);
		w.now_ns += 10 * NS_PER_MS;
		if (!limit_has_room(&w.limit, w.open))
			limit_waited(&w.limit, w.now_ns);
	}
	ck_assert_uint_eq(w.open, MOST);
	ck_assert_uint_le(w.now_ns - 7 * (uint64_t)NS_PER_S, timeout_ns / 16);
}
END_TEST

START_TEST(without_a_timeout_only_the_number_counts)
{
	struct limit l;

	limit_init(&l, MOST, 0, 1);
	for (int i = 0; i < 5000; i++)
		limit_acked(&l, 100 * (uint64_t)NS_PER_S, 5);
	ck_assert_uint_eq(l.now, MOST);
	ck_assert_uint_eq(limit_due(&l), UINT64_MAX);
}
END_TEST

/* Whatever the server does, the limit stays within its bounds and never stops everything. */
START_TEST(the_limit_stays_within_its_bounds)
{
	uint64_t state = seed + (uint64_t)_i;
	struct limit l;

	limit_init(&l, 1 + pick(&state, MOST), timeout_ns, 1);
	for (int i = 0; i < 20000; i++) {
		limit_acked(&l, random_next(&state) >> (24 + pick(&state, 20)), (uint64_t)i);
		if (pick(&state, 10) == 0)
			limit_waited(&l, (uint64_t)i * NS_PER_S);
		ck_assert_uint_ge(l.now, LIMIT_LEAST);
		ck_assert_uint_le(l.now, l.most);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("limit");
	TCase *tcase = tcase_create("limit");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_add_test(tcase, a_fast_server_soon_gets_all_that_is_allowed);
	tcase_add_loop_test(tcase, no_message_waits_for_its_timeout, 0, getenv("GALE_QUICK") ? 1 : 5);
	tcase_add_test(tcase, a_server_that_is_fast_again_gets_its_messages_within_a_second);
	tcase_add_test(tcase, who_waits_for_company_gets_it);
	tcase_add_test(tcase, without_a_timeout_only_the_number_counts);
	tcase_add_loop_test(tcase, the_limit_stays_within_its_bounds, 0, getenv("GALE_QUICK") ? 3 : 20);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
