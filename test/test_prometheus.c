/* test_prometheus.c - what Prometheus reads: exact lines for made-up numbers, histograms that sum up,
 * labels that nothing can break out of, counters that never fall. SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "fakesurvey.h"
#include "prometheus.h"
#include "random.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { LINES, SPLIT, SINK, ACKER };

static struct buf text;
static struct survey survey;
static struct prometheus *memory;
static uint64_t seed;

static void set_up(void)
{
	struct topology *t = fake_words(2, 1);

	fake_stream(t, LINES, SPLIT);
	fake_stream(t, SPLIT, SINK);
	survey = fake_survey("words", t);
	memory = prometheus_new();
}

static void tear_down(void)
{
	buf_free(&text);
	survey_close(&survey);
	prometheus_free(memory);
}

static const char *write_text(void)
{
	struct survey *list[] = { &survey };

	text.n = 0;
	prometheus_write(memory, &text, list, 1, "1.2.3");
	return buf_text(&text);
}

/* must_have: LINE stands there as a whole line, once. */
static void must_have(const char *all, const char *line)
{
	char *whole = xasprintf("\n%s\n", line);
	const char *found = strstr(all, whole);

	ck_assert_msg(found != NULL, "no line \"%s\" in:\n%s", line, all);
	ck_assert_msg(strstr(found + 1, whole) == NULL, "\"%s\" is there twice", line);
	free(whole);
}

static void must_lack(const char *all, const char *part)
{
	ck_assert_msg(strstr(all, part) == NULL, "\"%s\" is in:\n%s", part, all);
}

static void count(uint32_t c, enum sample_counter counter, uint64_t n)
{
	survey.m->total->components[c].n[counter] = n;
}

START_TEST(counters_are_those_of_the_whole_run)
{
	count(LINES, COUNT_ACKED, 123456);
	count(LINES, COUNT_FAILED, 8);
	count(LINES, COUNT_TIMED_OUT, 3);
	count(LINES, COUNT_REPLAYED, 5);
	count(LINES, COUNT_DEAD_LETTERED, 2);
	count(SPLIT, COUNT_EXECUTED, UINT64_C(18446744073709551615));
	count(SPLIT, COUNT_BYTES_OUT, 77);
	count(ACKER, COUNT_ACKED, 99);
	survey.m->total->components[SPLIT].streams[0] = (struct status_stream){ 10, 30 };
	survey.m->window->components[LINES].n[COUNT_ACKED] = 11;
	const char *all = write_text();
	must_have(all, "gale_acked_tuples_total{topology=\"words\",component=\"lines\"} 123456");
	must_have(all, "gale_failed_tuples_total{topology=\"words\",component=\"lines\"} 8");
	must_have(all, "gale_timed_out_messages_total{topology=\"words\",component=\"lines\"} 3");
	must_have(all, "gale_replayed_messages_total{topology=\"words\",component=\"lines\"} 5");
	must_have(all, "gale_dead_lettered_messages_total{topology=\"words\",component=\"lines\"} 2");
	must_have(all, "gale_executed_tuples_total{topology=\"words\",component=\"split\"} 18446744073709551615");
	must_have(all, "gale_sent_bytes_total{topology=\"words\",component=\"split\"} 77");
	must_have(all, "gale_acked_tuples_total{topology=\"words\",component=\"acker\"} 99");
	must_have(all, "gale_emitted_tuples_total{topology=\"words\",component=\"split\",stream=\"default\"} 10");
	must_have(all, "gale_transferred_tuples_total{topology=\"words\",component=\"split\",stream=\"default\"} 30");
	must_lack(all, "gale_executed_tuples_total{topology=\"words\",component=\"lines\"}");
	must_have(all, "# TYPE gale_acked_tuples_total counter");
}
END_TEST

START_TEST(states_workers_and_queues)
{
	survey.m->components[LINES].pending = 44;
	survey.m->components[LINES].oldest_ns = 1500 * (uint64_t)NS_PER_MS;
	survey.m->components[SPLIT].restarts = 4;
	survey.m->components[SINK].held = 6;
	survey.m->workers[1].pss_bytes = 4096;
	survey.m->workers[2].alive = false;
	survey.m->total->stages[survey.m->plan->workers[1].first_stage].n[COUNT_CPU] = 2000000001;
	survey.m->n_edges = 1;
	survey.m->edges = xcalloc(1, sizeof *survey.m->edges);
	survey.m->edges[0] = (struct metrics_edge){ LINES, SPLIT, 5, 640 };
	const char *all = write_text();
	must_have(all, "gale_topology_status{topology=\"words\",status=\"ACTIVE\"} 1");
	must_have(all, "gale_topology_status{topology=\"words\",status=\"DEAD\"} 0");
	must_have(all, "gale_topology_start_time_seconds{topology=\"words\"} 1700000000.123");
	must_have(all, "gale_pending_messages{topology=\"words\",component=\"lines\"} 44");
	must_have(all, "gale_oldest_message_seconds{topology=\"words\",component=\"lines\"} 1.5");
	must_have(all, "gale_worker_restarts_total{topology=\"words\",component=\"split\"} 4");
	must_have(all, "gale_held_tuples{topology=\"words\",component=\"sink\"} 6");
	must_have(all, "gale_executors{topology=\"words\",component=\"split\"} 2");
	must_have(all, "gale_worker_up{topology=\"words\",component=\"split\",worker=\"split[0]\"} 1");
	must_have(all, "gale_worker_up{topology=\"words\",component=\"split\",worker=\"split[1]\"} 0");
	must_have(all, "gale_worker_pss_bytes{topology=\"words\",component=\"split\",worker=\"split[0]\"} 4096");
	must_have(all, "gale_worker_cpu_seconds_total{topology=\"words\",component=\"split\",worker=\"split[0]\"} 2.000000001");
	must_have(all, "gale_queue_frames{topology=\"words\",from=\"lines\",to=\"split\"} 5");
	must_have(all, "gale_queue_bytes{topology=\"words\",from=\"lines\",to=\"split\"} 640");
}
END_TEST

START_TEST(what_a_plugin_counts)
{
	struct status_metric *list = survey.m->user[SPLIT].metrics;

	strcpy(list[0].name, "words");
	list[0].value = 17;
	strcpy(list[1].name, "temperature");
	list[1].value = -3;
	list[1].gauge = 1;
	memset(list[2].name, 'x', sizeof list[2].name);	/* as long as can be: no NUL */
	list[2].value = 1;
	const char *all = write_text();
	must_have(all, "gale_plugin_events_total{topology=\"words\",component=\"split\",name=\"words\"} 17");
	must_have(all, "gale_plugin_value{topology=\"words\",component=\"split\",name=\"temperature\"} -3");
	must_have(all, "gale_plugin_events_total{topology=\"words\",component=\"split\",name=\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"} 1");
}
END_TEST

START_TEST(one_that_does_not_run_has_a_status_only)
{
	metrics_free(survey.m);
	last_errors_free(survey.errors, 0);
	survey.m = NULL;
	survey.plan = NULL;
	survey.errors = NULL;
	survey.status = TOPOLOGY_FAILED;
	const char *all = write_text();
	must_have(all, "gale_topology_status{topology=\"words\",status=\"FAILED\"} 1");
	must_lack(all, "component=");
}
END_TEST

START_TEST(runs_of_one_name_are_told_apart)
{
	struct survey other = fake_run("words", "/run/gale/words-17", fake_words(1, 1));
	struct survey *list[] = { &survey, &other };

	prometheus_write(memory, &text, list, 2, "1");
	const char *all = buf_text(&text);
	must_have(all, "gale_topology_status{topology=\"words\",status=\"ACTIVE\"} 1");
	must_have(all, "gale_topology_status{topology=\"words\",run=\"words-17\",status=\"ACTIVE\"} 1");
	must_have(all, "gale_executors{topology=\"words\",run=\"words-17\",component=\"split\"} 1");
	must_have(all, "gale_complete_latency_seconds_count{topology=\"words\",run=\"words-17\",component=\"lines\"} 0");
	survey_close(&other);
}
END_TEST

START_TEST(time_never_falls_within_a_run)
{
	count(SPLIT, COUNT_IDLE, 5000000000);
	count(SPLIT, COUNT_BUSY, 1000000000);
	must_have(write_text(), "gale_time_seconds_total{topology=\"words\",component=\"split\",state=\"idle\"} 5");
	count(SPLIT, COUNT_IDLE, 4900000000);
	count(SPLIT, COUNT_BUSY, 1100000000);
	const char *all = write_text();
	must_have(all, "gale_time_seconds_total{topology=\"words\",component=\"split\",state=\"idle\"} 5");
	must_have(all, "gale_time_seconds_total{topology=\"words\",component=\"split\",state=\"busy\"} 1.1");
	count(SPLIT, COUNT_IDLE, 6000000000);
	must_have(write_text(), "gale_time_seconds_total{topology=\"words\",component=\"split\",state=\"idle\"} 6.1");
	survey.m->overview.run++;		/* the next run begins at 0 */
	count(SPLIT, COUNT_IDLE, 1000000);
	must_have(write_text(), "gale_time_seconds_total{topology=\"words\",component=\"split\",state=\"idle\"} 0.001");
	survey.m->overview.run--;		/* and what is over is forgotten */
	must_have(write_text(), "gale_time_seconds_total{topology=\"words\",component=\"split\",state=\"idle\"} 0.001");
}
END_TEST

/* ---- the format -------------------------------------------------------------------- */

static const char *label(const char *value)
{
	text.n = 0;
	exposition_label(&text, "x", value);
	return buf_text(&text);
}

START_TEST(nothing_breaks_out_of_a_label)
{
	ck_assert_str_eq(label("a\"} 1\nb{c=\"\\"), "x=\"a\\\"} 1\\nb{c=\\\"\\\\\"");
	ck_assert_str_eq(label("gr\xC3\xBC\xC3\x9F"), "x=\"gr\xC3\xBC\xC3\x9F\"");
	ck_assert_str_eq(label("a\xC3"), "x=\"a\xEF\xBF\xBD\"");
	ck_assert_str_eq(label(""), "x=\"\"");
}
END_TEST

START_TEST(an_id_with_quotes_and_newlines)
{
	free(survey.m->topology->components[SPLIT].outputs[0].id);
	survey.m->topology->components[SPLIT].outputs[0].id = xstrdup("a\"b\nc\\d");
	must_have(write_text(),
	    "gale_emitted_tuples_total{topology=\"words\",component=\"split\",stream=\"a\\\"b\\nc\\\\d\"} 0");
}
END_TEST

/* bucket gives the count of the bucket `le` in ALL. */
static uint64_t bucket(const char *all, const char *le)
{
	char *start = xasprintf("h_bucket{le=\"%s\"} ", le);
	const char *found = strstr(all, start);
	uint64_t n;

	ck_assert_msg(found != NULL, "no bucket %s in:\n%s", le, all);
	n = strtoull(found + strlen(start), NULL, 10);
	free(start);
	return n;
}

START_TEST(buckets_end_where_they_say)
{
	static const struct buf none;
	struct hist h = { 0 };

	hist_add(&h, 1023, 1);		/* the last of the first bucket */
	hist_add(&h, 1024, 10);		/* the first of the next one */
	hist_add(&h, 2047, 100);
	hist_add(&h, (UINT64_C(1) << 36) - 1, 1000);
	hist_add(&h, UINT64_C(1) << 36, 10000);
	hist_add(&h, UINT64_MAX / 200000, 100000);
	exposition_histogram(&text, "h", &none, &h);
	const char *all = buf_text(&text);
	ck_assert_uint_eq(bucket(all, "0.000001023"), 1);
	ck_assert_uint_eq(bucket(all, "0.000002047"), 111);
	ck_assert_uint_eq(bucket(all, "0.000004095"), 111);
	ck_assert_uint_eq(bucket(all, "34.359738367"), 111);
	ck_assert_uint_eq(bucket(all, "68.719476735"), 1111);
	ck_assert_uint_eq(bucket(all, "+Inf"), 111111);
	must_have(all, "h_count{} 111111");
}
END_TEST

/* Of random durations each bucket has exactly those that are not longer than it says. */
START_TEST(histograms_sum_up)
{
	enum { N = 2000 };
	static uint64_t values[N];
	static const struct buf none;
	struct hist h = { 0 };
	uint64_t sum = 0, state = seed + (uint64_t)_i;

	for (int i = 0; i < N; i++) {
		values[i] = random_next(&state) >> (24 + pick(&state, 40));
		sum += values[i];
		hist_add(&h, values[i], 1);
	}
	exposition_histogram(&text, "h", &none, &h);
	const char *all = buf_text(&text);
	for (uint32_t log2 = EXPOSITION_FIRST_LOG2; log2 <= EXPOSITION_LAST_LOG2; log2++) {
		uint64_t bound = (UINT64_C(1) << log2) - 1, n = 0;
		char le[32];

		snprintf(le, sizeof le, "%.9f", (double)bound / 1e9);
		for (char *end = le + strlen(le) - 1; *end == '0'; end--)
			*end = '\0';
		for (int i = 0; i < N; i++)
			n += values[i] <= bound;
		ck_assert_uint_eq(bucket(all, le), n);
	}
	ck_assert_uint_eq(bucket(all, "+Inf"), N);
	const char *found = strstr(all, "h_sum{} ");
	ck_assert_ptr_nonnull(found);
	ck_assert_msg(fabs(strtod(found + 8, NULL) - (double)sum / 1e9) < 1e-6, "%s, not %llu ns", found,
	    (unsigned long long)sum);
}
END_TEST

START_TEST(latencies_stand_with_their_components)
{
	hist_add(&survey.m->total->latency[LINES].complete, 2 * NS_PER_MS, 7);
	hist_add(&survey.m->total->latency[SPLIT].execute, 300000, 3);
	hist_add(&survey.m->total->latency[SPLIT].process, 400000, 2);
	const char *all = write_text();
	must_have(all, "gale_complete_latency_seconds_count{topology=\"words\",component=\"lines\"} 7");
	must_have(all, "gale_complete_latency_seconds_sum{topology=\"words\",component=\"lines\"} 0.014");
	must_have(all, "gale_complete_latency_seconds_bucket{topology=\"words\",component=\"lines\",le=\"0.001048575\"} 0");
	must_have(all, "gale_complete_latency_seconds_bucket{topology=\"words\",component=\"lines\",le=\"0.002097151\"} 7");
	must_have(all, "gale_complete_latency_seconds_bucket{topology=\"words\",component=\"lines\",le=\"+Inf\"} 7");
	must_have(all, "gale_execute_latency_seconds_count{topology=\"words\",component=\"split\"} 3");
	must_have(all, "gale_process_latency_seconds_count{topology=\"words\",component=\"split\"} 2");
	must_lack(all, "gale_complete_latency_seconds_count{topology=\"words\",component=\"split\"}");
	must_lack(all, "gale_execute_latency_seconds_count{topology=\"words\",component=\"acker\"}");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prometheus");
	TCase *t = tcase_create("prometheus");
	SRunner *runner = srunner_create(s);
	int n;

	seed = test_seed();
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, counters_are_those_of_the_whole_run);
	tcase_add_test(t, states_workers_and_queues);
	tcase_add_test(t, what_a_plugin_counts);
	tcase_add_test(t, one_that_does_not_run_has_a_status_only);
	tcase_add_test(t, runs_of_one_name_are_told_apart);
	tcase_add_test(t, time_never_falls_within_a_run);
	tcase_add_test(t, nothing_breaks_out_of_a_label);
	tcase_add_test(t, an_id_with_quotes_and_newlines);
	tcase_add_test(t, buckets_end_where_they_say);
	tcase_add_loop_test(t, histograms_sum_up, 0, 20);
	tcase_add_test(t, latencies_stand_with_their_components);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	n = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
