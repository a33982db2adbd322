/* test_moves.c - what can be moved, and why not. SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faketopology.h"
#include "moves.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* lines[0] split[0-1] split[2-3] sink[0] acker[0] */
static struct topology *topology;
static struct plan *plan;
static bool positioned;

static bool survives(void *arg, uint32_t worker)
{
	(void)arg;
	ck_assert_int_eq(plan->workers[worker].role, ROLE_SPOUT);
	return positioned;
}

static uint64_t state_bytes(void *arg, uint32_t component, uint32_t index)
{
	(void)arg;
	ck_assert_uint_eq(component, 1);
	return 1000 * (uint64_t)(index + 1);
}

static const struct moves_facts facts = { .survives = survives, .state_bytes = state_bytes };

static void begin(void)
{
	topology = fake_topology("t", 1);
	fake_component(topology, GALE_SPOUT, "lines", 1, 2);
	fake_component(topology, GALE_BOLT, "split", 2, 4);
	fake_component(topology, GALE_BOLT, "sink", 1, 1);
	fake_stream(topology, 0, 1);
	fake_stream(topology, 1, 2);
	plan = plan_make(topology);
	positioned = true;
}

static void finish(void)
{
	plan_free(plan);
	topology_free(topology);
}

/* anew: the topology was changed. */
static void anew(void)
{
	plan_free(plan);
	plan = plan_make(topology);
}

/* refused: WANTED is, with CODE and these words. */
static void refused(const char *wanted, int code, const char *why)
{
	char *copy = xstrdup(wanted);
	struct moves m;
	struct error e = { "" };

	ck_assert_int_eq(moves_make(&m, plan, copy, &facts, &e), code);
	ck_assert_msg(strstr(e.text, why) != NULL, "%s", e.text);
	moves_free(&m);
	free(copy);
}

/* moved: WANTED can be, and is told like this. */
static void moved(const char *wanted, bool any, const char *text)
{
	char *copy = xstrdup(wanted);
	struct buf said = { 0 };
	struct moves m;
	struct error e = { "" };

	ck_assert_msg(moves_make(&m, plan, copy, &facts, &e) == 0, "%s", e.text);
	ck_assert(moves_any(&m) == any);
	moves_text(&said, &m, &facts);
	ck_assert_str_eq(buf_text(&said), text);
	buf_free(&said);
	moves_free(&m);
	free(copy);
}

START_TEST(what_moves_is_told)
{
	topology->components[1].state_version = 1;
	moved("split=3", true, "split: 2 executors -> 3\n"
	    "  stays   split[0-1]\n"
	    "  stops   split[2-3], with 7 KiB of state to be moved\n"
	    "  starts  split[2]\n"
	    "  starts  split[3]\n");
	moved("split=1 lines=2", true, "lines: 1 executor -> 2\n"
	    "  stops   lines[0-1]\n"
	    "  starts  lines[0]\n"
	    "  starts  lines[1]\n"
	    "split: 2 executors -> 1\n"
	    "  stops   split[0-1], with 3 KiB of state to be moved\n"
	    "  stops   split[2-3], with 7 KiB of state to be moved\n"
	    "  starts  split[0-3]\n");
	moved("split=2", false, "");
	moved("split=4 split=2", false, "");	/* the last one counts */
}
END_TEST

START_TEST(what_makes_no_sense_is_refused)
{
	refused("split", MOVES_USAGE, "\"split\" is not COMPONENT=EXECUTORS");
	refused("=2", MOVES_USAGE, "is not COMPONENT=EXECUTORS");
	refused("split=", MOVES_USAGE, "is not");
	refused("split=2x", MOVES_USAGE, "is not");
	refused("split=-1", MOVES_USAGE, "is not");
	refused("splt=2", MOVES_NOT_FOUND, "there is no component \"splt\": did you mean \"split\"");
	refused("split=3 nobody=1", MOVES_NOT_FOUND, "\"nobody\"");
	refused("split=0", MOVES_CONFLICT, "split can have 1 to 4 executors, as it has 4 tasks");
	refused("split=5", MOVES_CONFLICT, "(numTasks)");
	refused("split=99999999999999999999", MOVES_CONFLICT, "(numTasks)");
	refused("sink=2", MOVES_CONFLICT, "as it has 1 task:");
	refused("acker=2", MOVES_CONFLICT, "ackers can't be moved");
}
END_TEST

START_TEST(what_would_lose_something_is_refused)
{
	positioned = false;
	refused("lines=2", MOVES_CONFLICT, "lines can't be positioned");
	moved("split=1 lines=1", true, "split: 2 executors -> 1\n"
	    "  stops   split[0-1]\n  stops   split[2-3]\n  starts  split[0-3]\n");
	topology->components[1].has_finish = true;
	refused("split=1", MOVES_CONFLICT, "split keeps no state: what it has gathered for its finish would be lost");
	topology->components[1].state_version = 1;
	refused("split=1 lines=2", MOVES_CONFLICT, "lines");
	/* In batches all of it comes again. */
	fake_transactional(topology);
	anew();
	topology->components[1].state_version = 0;
	moved("split=1", true, "split: 2 executors -> 1\n"
	    "  stops   split[0-1]\n  stops   split[2-3]\n  starts  split[0-3]\n");
	refused("coordinator=2", MOVES_CONFLICT, "coordinators can't be moved");
}
END_TEST

START_TEST(chains_stay_what_they_are)
{
	fake_chaining(topology, UINT32_MAX, "auto");
	fake_chaining(topology, 2, "off");
	topology->components[0].n_tasks = 4;
	topology->components[0].parallelism = 2;
	topology->subscriptions[0].grouping = GROUPING_LOCAL_OR_SHUFFLE;
	anew();
	ck_assert_str_eq(plan->workers[0].label, "lines[0-1]+split[0-1]");
	refused("lines=4", MOVES_CONFLICT, "split is chained to lines: give both the same number");
	refused("split=4", MOVES_CONFLICT, "split is chained to lines: give both the same number");
	moved("lines=1 split=1", true, "lines: 2 executors -> 1\n"
	    "  stops   lines[0-1]+split[0-1]\n"
	    "  stops   lines[2-3]+split[2-3]\n"
	    "  starts  lines[0-3]+split[0-3]\n"
	    "split: 2 executors -> 1\n");
	topology->components[0].parallelism = 3;
	anew();
	refused("lines=2", MOVES_CONFLICT, "split would be chained to lines from now on");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("moves");
	TCase *c = tcase_create("moves");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, begin, finish);
	tcase_add_test(c, what_moves_is_told);
	tcase_add_test(c, what_makes_no_sense_is_refused);
	tcase_add_test(c, what_would_lose_something_is_refused);
	tcase_add_test(c, chains_stay_what_they_are);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
