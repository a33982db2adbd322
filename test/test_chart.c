/* test_chart.c - points of charts: rates of made-up samples, their order, and what is left out.
 * SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chart.h"
#include "fakesurvey.h"
#include "history.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { LINES, SPLIT, SINK };

static char dir[] = "/tmp/test_chart.XXXXXX";
static struct survey survey;
static struct buf text;
static cJSON *document;

static void set_up(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	survey = fake_run("words", dir, fake_words(2, 1));
}

static void tear_down(void)
{
	size_t n;
	uint64_t *times = history_times(dir, 0, &n);

	for (size_t i = 0; i < n; i++) {
		char *path = xasprintf("%s/history.%011llu", dir, (unsigned long long)times[i]);

		unlink(path);
		free(path);
	}
	free(times);
	ck_assert_int_eq(rmdir(dir), 0);
	survey_close(&survey);
	buf_free(&text);
	cJSON_Delete(document);
	document = NULL;
}

/* keep writes a sample AGO_S seconds before now: so many messages acked, split executed four times as
 * many and was busy for BUSY_S. */
static void keep(uint32_t ago_s, uint64_t acked, uint64_t busy_s)
{
	struct sample *s = sample_new(survey.m->plan, survey.m->now_ns - ago_s * (uint64_t)NS_PER_S);
	struct history one = { 0 };	/* which forgets nothing that others have written */
	struct error e;

	s->components[LINES].n[COUNT_ACKED] = acked;
	s->components[LINES].n[COUNT_EMITTED] = acked + 10;
	s->components[LINES].n[COUNT_FAILED] = acked / 10;
	s->components[SPLIT].n[COUNT_EXECUTED] = 4 * acked;
	s->components[SPLIT].n[COUNT_BUSY] = busy_s * NS_PER_S;
	s->components[SPLIT].n[COUNT_IDLE] = (FAKE_AGE_S - ago_s - busy_s) * (uint64_t)NS_PER_S;
	hist_add(&s->latency[LINES].complete, 1000000, acked);
	ck_assert_int_eq(history_add(&one, dir, s, &e), 0);
	history_free(&one);
	sample_free(s);
}

static const cJSON *points(enum metrics_window which)
{
	cJSON_Delete(document);
	text.n = 0;
	chart_write(&text, &survey, which);
	document = cJSON_Parse(buf_text(&text));
	ck_assert_msg(document != NULL, "no JSON: %s", buf_text(&text));
	return cJSON_GetObjectItem(document, "points");
}

static double number(const cJSON *x, const char *key)
{
	const cJSON *n = cJSON_GetObjectItem(x, key);

	ck_assert_msg(cJSON_IsNumber(n), "%s is no number", key);
	return n->valuedouble;
}

static void check_number(const cJSON *x, const char *key, double want)
{
	double got = number(x, key);

	ck_assert_msg(fabs(got - want) < 1e-3, "%s is %f and not %f", key, got, want);
}

START_TEST(a_point_is_what_happened_between_two_samples)
{
	const cJSON *p, *split;

	keep(30, 1000, 900);
	keep(20, 3000, 905);
	survey.m->total->components[LINES].n[COUNT_ACKED] = 3000;
	ck_assert_int_eq(cJSON_GetArraySize(points(WINDOW_1M)), 2);	/* and the time since */
	p = cJSON_GetArrayItem(points(WINDOW_1M), 0);
	check_number(p, "seconds", -20);
	check_number(p, "ackedPerSecond", 200);
	check_number(p, "emittedPerSecond", 200);
	check_number(p, "failedPerSecond", 20);
	check_number(p, "timedOutPerSecond", 0);
	ck_assert(number(p, "p50Ms") >= 1 && number(p, "p99Ms") < 1.04);
	split = cJSON_GetArrayItem(cJSON_GetObjectItem(p, "components"), SPLIT);
	ck_assert_str_eq(cJSON_GetObjectItem(split, "id")->valuestring, "split");
	check_number(split, "executedPerSecond", 800);
	check_number(split, "busy", 0.5);
	check_number(split, "blocked", 0);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(p, "components")), 3);
}
END_TEST

START_TEST(the_last_point_is_now)
{
	const cJSON *p;

	keep(10, 1000, 0);
	survey.m->total->components[LINES].n[COUNT_ACKED] = 1500;
	p = cJSON_GetArrayItem(points(WINDOW_1M), 0);
	check_number(p, "seconds", 0);
	check_number(p, "ackedPerSecond", 50);
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(p, "p50Ms")));	/* nothing was measured */
}
END_TEST

START_TEST(a_window_has_its_own_samples)
{
	for (uint32_t ago = 900; ago > 0; ago -= 30)
		keep(ago, 1000 - ago, 0);
	survey.m->total->components[LINES].n[COUNT_ACKED] = 1000;
	ck_assert_int_eq(cJSON_GetArraySize(points(WINDOW_1M)), 2);	/* -30, 0 */
	ck_assert_int_eq(cJSON_GetArraySize(points(WINDOW_10M)), 20);	/* -570 ... -30, 0 */
	check_number(cJSON_GetArrayItem(points(WINDOW_10M), 0), "seconds", -570);
	/* The run is younger than three hours: from its start, 1000 s ago. */
	ck_assert_int_eq(cJSON_GetArraySize(points(WINDOW_3H)), 31);
	check_number(cJSON_GetArrayItem(points(WINDOW_3H), 0), "seconds", -900);
	check_number(cJSON_GetArrayItem(points(WINDOW_3H), 0), "ackedPerSecond", 1);
}
END_TEST

START_TEST(what_is_no_sample_is_passed_over)
{
	char *path = xasprintf("%s/history.00004990000", dir);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs("galehist and no more", f);
	fclose(f);
	free(path);
	keep(30, 1000, 0);
	keep(5, 2000, 0);
	ck_assert_int_eq(cJSON_GetArraySize(points(WINDOW_1M)), 2);
	check_number(cJSON_GetArrayItem(points(WINDOW_1M), 0), "ackedPerSecond", 40);
}
END_TEST

START_TEST(what_does_not_run_has_no_points)
{
	struct metrics *m = survey.m;

	survey.m = NULL;
	ck_assert_int_eq(cJSON_GetArraySize(points(WINDOW_1M)), 0);
	survey.m = m;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chart");
	TCase *c = tcase_create("chart");
	SRunner *r = srunner_create(s);
	int n;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_point_is_what_happened_between_two_samples);
	tcase_add_test(c, the_last_point_is_now);
	tcase_add_test(c, a_window_has_its_own_samples);
	tcase_add_test(c, what_is_no_sample_is_passed_over);
	tcase_add_test(c, what_does_not_run_has_no_points);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
