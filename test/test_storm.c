/* test_storm.c - Storm's documents: exact numbers of made-up samples under Storm's names, windows, what
 * is null, and texts with quotes in them. SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fakesurvey.h"
#include "storm.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { LINES, SPLIT, SINK, ACKER };

static const struct storm_place place = {
	.host = "ada", .user = "eve", .version = "1.2.3", .processors = 4, .load = 1.0, .memory_bytes = UINT64_C(8) << 30,
	.available_bytes = UINT64_C(2) << 30, .port = 8080, .uptime_s = 93784, .now_ms = 1700000100500,
};
static struct survey survey;
static struct storm_look look;
static struct buf text;
static cJSON *document;

static void set_up(void)
{
	static const uint64_t seconds[N_WINDOWS] = { 60, 570, 1000, 1000, 1000 };
	struct topology *t = fake_words(2, 1);

	fake_stream(t, LINES, SPLIT);
	fake_stream(t, SPLIT, SINK);
	survey = fake_survey("words", t);
	look = (struct storm_look){ .survey = &survey, .place = &place, .which = WINDOW_10M };
	for (int i = 0; i < N_WINDOWS; i++)
		look.windows[i] = sample_new(survey.plan, seconds[i] * NS_PER_S);
}

static void tear_down(void)
{
	storm_look_free(&look);
	survey_close(&survey);
	buf_free(&text);
	cJSON_Delete(document);
	document = NULL;
}

/* ---- asking ------------------------------------------------------------------------ */

static void parse(void)
{
	cJSON_Delete(document);
	document = cJSON_Parse(buf_text(&text));
	ck_assert_msg(document != NULL, "no JSON: %s", buf_text(&text));
	text.n = 0;
}

/* at gives what stands at PATH: "spouts/0/acked". */
static const cJSON *at(const char *path)
{
	const cJSON *x = document;
	char *copy = xstrdup(path), *rest = copy, *part;

	while ((part = strtok_r(rest, "/", &rest)) != NULL) {
		x = cJSON_IsArray(x) ? cJSON_GetArrayItem(x, atoi(part)) : cJSON_GetObjectItemCaseSensitive(x, part);
		ck_assert_msg(x != NULL, "there is no %s (of %s)", part, path);
	}
	free(copy);
	return x;
}

static void is(const char *path, double want)
{
	const cJSON *x = at(path);

	ck_assert_msg(cJSON_IsNumber(x), "%s is no number", path);
	ck_assert_msg(fabs(x->valuedouble - want) < 1e-6, "%s is %f and not %f", path, x->valuedouble, want);
}

static void reads(const char *path, const char *want)
{
	const cJSON *x = at(path);

	ck_assert_msg(cJSON_IsString(x), "%s is no text", path);
	ck_assert_str_eq(x->valuestring, want);
}

static void is_null(const char *path)
{
	ck_assert_msg(cJSON_IsNull(at(path)), "%s is not null", path);
}

static void has(const char *path, int n)
{
	ck_assert_msg(cJSON_GetArraySize(at(path)) == n, "%s has %d and not %d", path, cJSON_GetArraySize(at(path)), n);
}

static void count(enum metrics_window w, uint32_t c, enum sample_counter counter, uint64_t n)
{
	look.windows[w]->components[c].n[counter] = n;
}

static void streams(enum metrics_window w, uint32_t c, uint64_t emitted, uint64_t transferred)
{
	look.windows[w]->components[c].streams[0] = (struct status_stream){ emitted, transferred };
	count(w, c, COUNT_EMITTED, emitted);
	count(w, c, COUNT_TRANSFERRED, transferred);
}

/* ---- a topology -------------------------------------------------------------------- */

static void topology(void)
{
	storm_topology(&text, &look);
	parse();
}

START_TEST(windows_have_storms_names)
{
	ck_assert_int_eq(storm_window("600"), WINDOW_10M);
	ck_assert_int_eq(storm_window(":all-time"), WINDOW_ALL);
	ck_assert_int_eq(storm_window("3h"), WINDOW_3H);
	ck_assert_int_eq(storm_window("60"), WINDOW_1M);
	ck_assert_int_eq(storm_window("601"), N_WINDOWS);
	ck_assert_int_eq(storm_window(""), N_WINDOWS);
	topology();
	has("topologyStats", 5);
	reads("topologyStats/0/window", "60");
	reads("topologyStats/1/window", "600");
	reads("topologyStats/1/windowPretty", "10m 0s");
	reads("topologyStats/2/windowPretty", "3h 0m 0s");
	reads("topologyStats/3/window", "86400");
	reads("topologyStats/3/windowPretty", "1d 0h 0m 0s");
	reads("topologyStats/4/window", ":all-time");
	reads("topologyStats/4/windowPretty", "All time");
	is("topologyStats/1/seconds", 570);
	reads("window", "600");
	reads("windowHint", "10m 0s");
}
END_TEST

START_TEST(totals_count_as_storm_does)
{
	streams(WINDOW_3H, LINES, 100, 100);
	streams(WINDOW_3H, SPLIT, 1000, 3000);
	count(WINDOW_3H, LINES, COUNT_ACKED, 90);
	count(WINDOW_3H, LINES, COUNT_FAILED, 7);
	count(WINDOW_3H, LINES, COUNT_TIMED_OUT, 4);
	count(WINDOW_3H, SPLIT, COUNT_ACKED, 5000);	/* inputs of a bolt: not the topology's */
	hist_add(&look.windows[WINDOW_3H]->latency[LINES].complete, 2 * NS_PER_MS, 3);
	hist_add(&look.windows[WINDOW_3H]->latency[LINES].complete, 6 * NS_PER_MS, 1);
	topology();
	is("topologyStats/2/emitted", 1100);
	is("topologyStats/2/transferred", 3100);
	is("topologyStats/2/acked", 90);
	is("topologyStats/2/failed", 7);
	is("topologyStats/2/timedOut", 4);
	is("topologyStats/2/messages", 100);
	is("topologyStats/2/completeLatency", 3);
	is("topologyStats/2/completeLatencyMs/count", 4);
	is("topologyStats/1/emitted", 0);
	is("topologyStats/1/completeLatency", 0);
	is_null("topologyStats/1/completeLatencyMs");
}
END_TEST

START_TEST(spouts_and_bolts)
{
	streams(WINDOW_10M, LINES, 57, 57);
	count(WINDOW_10M, LINES, COUNT_ACKED, 50);
	count(WINDOW_10M, SPLIT, COUNT_EXECUTED, 570000);
	count(WINDOW_10M, SPLIT, COUNT_BUSY, 30);
	count(WINDOW_10M, SPLIT, COUNT_IDLE, 70);
	hist_add(&look.windows[WINDOW_10M]->latency[SPLIT].execute, NS_PER_MS, 64);
	hist_add(&look.windows[WINDOW_10M]->latency[SPLIT].process, 3 * NS_PER_MS, 64);
	survey.m->components[LINES].pending = 12;
	topology();
	has("spouts", 1);
	reads("spouts/0/spoutId", "lines");
	reads("spouts/0/encodedSpoutId", "lines");
	is("spouts/0/emitted", 57);
	is("spouts/0/acked", 50);
	is("spouts/0/pending", 12);
	is("spouts/0/emittedPerSecond", 0.1);
	has("bolts", 2);
	reads("bolts/0/boltId", "split");
	is("bolts/0/executors", 2);
	is("bolts/0/tasks", 2);
	is("bolts/0/executed", 570000);
	is("bolts/0/executeLatency", 1);
	is("bolts/0/processLatency", 3);
	is("bolts/0/capacity", 0.5);	/* 570 s of work in 570 s of two */
	is("bolts/0/busy", 0.3);
	is("bolts/1/capacity", 0);
	reads("bolts/1/lastError", "");
	is_null("bolts/1/errorTime");
	is_null("bolts/1/errorLapsedSecs");
}
END_TEST

START_TEST(heads_workers_and_config)
{
	topology();
	reads("id", "words-3-1700000000");
	reads("name", "words");
	reads("owner", "eve");
	reads("status", "ACTIVE");
	is("uptimeSeconds", FAKE_AGE_S);
	reads("uptime", "16m 40s");
	is("msgTimeout", 30);
	is("workersTotal", 5);
	is("tasksTotal", 5);
	has("workers", 5);
	reads("workers/1/host", "ada");
	is("workers/1/port", 1);
	is("workers/1/pid", FAKE_PID + 2);
	reads("workers/1/label", "split[0]");
	is("workers/1/componentNumTasks/split", 1);
	is("workers/1/executorsTotal", 1);
	reads("workers/1/workerLogLink", "/api/v1/topology/words-3-1700000000/logs?component=split");
	reads("configuration/topology.name", "words");
	is("configuration/topology.message.timeout.secs", 30);
	is_null("configuration/topology.max.attempts");
}
END_TEST

START_TEST(own_components_are_shown_when_asked_for)
{
	count(WINDOW_10M, ACKER, COUNT_ACKED, 9);
	look.sys = true;
	topology();
	has("bolts", 3);
	reads("bolts/2/boltId", "acker");
	is("bolts/2/acked", 9);
}
END_TEST

START_TEST(the_last_error)
{
	survey.errors[SPLIT] = (struct last_error){ 1700000035250, xstrdup("split[1]"), xstrdup("it said \"<b>\n\"") };
	topology();
	reads("bolts/0/lastError", "it said \"<b>\n\"");
	is("bolts/0/errorTime", 1700000035);
	is("bolts/0/errorLapsedSecs", 65);
	reads("bolts/0/errorHost", "ada");
	reads("bolts/0/errorTask", "split[1]");
	storm_component(&text, &look, SPLIT);
	parse();
	has("componentErrors", 1);
	is("componentErrors/0/errorTime", 1700000035250);
	reads("componentErrors/0/error", "it said \"<b>\n\"");
	is("componentErrors/0/errorLapsedSecs", 65);
}
END_TEST

START_TEST(one_that_does_not_run)
{
	metrics_free(survey.m);
	free(survey.errors);
	survey.m = NULL;
	survey.plan = NULL;
	survey.errors = NULL;
	survey.status = TOPOLOGY_DEAD;
	survey.definition = fake_words(1, 1);
	storm_look_free(&look);
	topology();
	reads("id", "words");
	reads("status", "DEAD");
	has("topologyStats", 0);
	has("spouts", 0);
	has("workers", 0);
	is("msgTimeout", 30);
	storm_metrics(&text, &look);
	parse();
	has("bolts", 0);
	storm_workers(&text, &look);
	parse();
	has("hostPortList", 0);
	storm_visualization(&text, &look);
	parse();
	storm_visualization_init(&text, &look);
	parse();
	has("visualizationTable", 0);
	storm_lag(&text, &look);
	parse();
	storm_logconfig(&text, &look);
	parse();
	reads("namedLoggerLevels/split/target_level", "INFO");
}
END_TEST

/* ---- a component ------------------------------------------------------------------- */

static void component(uint32_t c)
{
	storm_component(&text, &look, c);
	parse();
}

START_TEST(a_spout)
{
	streams(WINDOW_10M, LINES, 40, 40);
	count(WINDOW_10M, LINES, COUNT_ACKED, 30);
	look.windows[WINDOW_10M]->stages[0].n[COUNT_ACKED] = 30;
	hist_add(&look.windows[WINDOW_10M]->latency[LINES].complete, 5 * NS_PER_MS, 30);
	component(LINES);
	reads("id", "lines");
	reads("componentType", "spout");
	reads("topologyId", "words-3-1700000000");
	has("spoutSummary", 5);
	is("spoutSummary/1/acked", 30);
	is("spoutSummary/1/completeLatency", 5);
	is("spoutSummary/0/acked", 0);
	has("outputStats", 2);
	reads("outputStats/0/stream", "default");
	is("outputStats/0/emitted", 40);
	is("outputStats/0/acked", 30);
	is("outputStats/0/completeLatency", 5);
	is_null("outputStats/1/acked");
	has("executorStats", 1);
	reads("executorStats/0/id", "[0-0]");
	reads("executorStats/0/encodedId", "%5B0-0%5D");
	is("executorStats/0/acked", 30);
	is("executorStats/0/completeLatency", 5);
	ck_assert_ptr_null(cJSON_GetObjectItem(document, "inputStats"));
	ck_assert_ptr_null(cJSON_GetObjectItem(document, "boltStats"));
}
END_TEST

START_TEST(a_bolt)
{
	streams(WINDOW_10M, LINES, 40, 40);
	count(WINDOW_10M, SPLIT, COUNT_EXECUTED, 39);
	count(WINDOW_10M, SPLIT, COUNT_ACKED, 38);
	look.windows[WINDOW_10M]->stages[1].n[COUNT_EXECUTED] = 20;
	look.windows[WINDOW_10M]->stages[1].n[COUNT_BUSY] = 1;
	look.windows[WINDOW_10M]->stages[1].n[COUNT_BLOCKED] = 3;
	hist_add(&look.windows[WINDOW_10M]->latency[SPLIT].execute, 4 * NS_PER_MS, 39);
	component(SPLIT);
	reads("componentType", "bolt");
	has("boltStats", 5);
	is("boltStats/1/executed", 39);
	is("boltStats/1/executeLatency", 4);
	has("inputStats", 1);
	reads("inputStats/0/component", "lines");
	reads("inputStats/0/stream", "default");
	is("inputStats/0/tuples", 40);
	is("inputStats/0/executed", 39);
	is("inputStats/0/acked", 38);
	is("inputStats/0/executeLatency", 4);
	has("executorStats", 2);
	is("executorStats/0/executed", 20);
	is("executorStats/0/blocked", 0.75);
	is_null("executorStats/0/executeLatency");	/* known of both together */
	is_null("executorStats/0/capacity");
	ck_assert_ptr_null(cJSON_GetObjectItem(document, "spoutSummary"));
}
END_TEST

START_TEST(of_several_inputs_only_tuples_are_known)
{
	fake_stream(survey.m->topology, LINES, SINK);
	streams(WINDOW_10M, SPLIT, 7, 7);
	count(WINDOW_10M, SINK, COUNT_EXECUTED, 17);
	component(SINK);
	has("inputStats", 2);
	is("inputStats/0/tuples", 7);
	is_null("inputStats/0/executed");
	is_null("inputStats/1/acked");
	is_null("inputStats/1/executeLatency");
	storm_metrics(&text, &look);
	parse();
	reads("bolts/1/executed/0/component_id", "*");
	is("bolts/1/executed/0/value", 17);
}
END_TEST

START_TEST(an_acker)
{
	look.sys = true;
	component(ACKER);
	reads("id", "acker");
	has("inputStats", 0);
	has("outputStats", 0);
	has("executorStats", 1);
}
END_TEST

/* ---- streams ----------------------------------------------------------------------- */

START_TEST(metrics_by_stream)
{
	streams(WINDOW_10M, LINES, 40, 80);
	count(WINDOW_10M, LINES, COUNT_ACKED, 30);
	count(WINDOW_10M, SPLIT, COUNT_EXECUTED, 39);
	hist_add(&look.windows[WINDOW_10M]->latency[SPLIT].execute, 4 * NS_PER_MS, 39);
	storm_metrics(&text, &look);
	parse();
	reads("window", "600");
	reads("window-hint", "10m 0s");
	reads("spouts/0/id", "lines");
	reads("spouts/0/emitted/0/stream_id", "default");
	is("spouts/0/emitted/0/value", 40);
	is("spouts/0/transferred/0/value", 80);
	reads("spouts/0/acked/0/stream_id", "default");
	is("spouts/0/acked/0/value", 30);
	has("spouts/0/failed", 0);
	has("spouts/0/complete_ms_avg", 0);
	reads("bolts/0/executed/0/component_id", "lines");
	reads("bolts/0/executed/0/stream_id", "default");
	is("bolts/0/executed/0/value", 39);
	is("bolts/0/executed_ms_avg/0/value", 4);
}
END_TEST

START_TEST(visualization)
{
	free(survey.m->topology->components[SPLIT].outputs[0].id);
	survey.m->topology->components[SPLIT].outputs[0].id = xstrdup("2 words!");
	streams(WINDOW_10M, SPLIT, 5, 6);
	look.windows[WINDOW_10M]->stages[2].streams[0].transferred = 4;
	storm_visualization(&text, &look);
	parse();
	reads("lines/:type", "spout");
	has("lines/:inputs", 0);
	reads("split/:type", "bolt");
	is("split/:transferred/_s__words_", 6);
	has("split/:stats", 2);
	is("split/:stats/1/:transferred/_s__words_", 4);
	is("split/:stats/1/:uptime_secs", FAKE_AGE_S);
	is("split/:stats/1/:port", 2);
	reads("split/:link", "/api/v1/topology/words-3-1700000000/component/split");
	reads("sink/:inputs/0/:component", "split");
	reads("sink/:inputs/0/:stream", "2 words!");
	reads("sink/:inputs/0/:sani-stream", "_s__words_");
	reads("sink/:inputs/0/:grouping", "shuffle");
	storm_visualization_init(&text, &look);
	parse();
	has("visualizationTable", 1);
	has("visualizationTable/0", 2);
	reads("visualizationTable/0/1/stream", "2 words!");
}
END_TEST

START_TEST(streams_stand_in_rows_of_four_each_once)
{
	struct topology *t = survey.m->topology;

	free(survey.errors);
	survey.errors = xcalloc(16, sizeof *survey.errors);	/* for more components */
	for (int i = 0; i < 6; i++) {
		char name[2] = { (char)('a' + i), '\0' };

		fake_component(t, GALE_BOLT, name, 1, 1);
		free(t->components[t->n_components - 1].outputs[0].id);
		t->components[t->n_components - 1].outputs[0].id = xstrdup(name);
		fake_stream(t, t->n_components - 1, SINK);
	}
	storm_visualization_init(&text, &look);
	parse();
	has("visualizationTable", 2);
	has("visualizationTable/0", 4);
	has("visualizationTable/1", 3);		/* "default" of two components, and six */
}
END_TEST

START_TEST(lag_tells_what_is_open)
{
	survey.m->components[LINES].pending = 3;
	survey.m->components[LINES].oldest_ns = 250 * (uint64_t)NS_PER_MS;
	storm_lag(&text, &look);
	parse();
	reads("lines/spoutId", "lines");
	is("lines/pending", 3);
	is("lines/oldestSeconds", 0.25);
	is_null("lines/spoutLagResult");
}
END_TEST

/* ---- all topologies ---------------------------------------------------------------- */

START_TEST(a_cluster)
{
	struct survey list[] = { survey, { .home = { .name = xstrdup("old"), .fd = -1 }, .status = TOPOLOGY_DEAD } };

	storm_cluster_summary(&text, list, 2, &place);
	parse();
	is("topologies", 2);
	is("supervisors", 1);
	is("slotsTotal", 5);
	is("slotsUsed", 5);
	is("slotsFree", 0);
	is("executorsTotal", 5);
	is("totalMem", 8192);
	is("availMem", 2048);
	is("memAssignedPercentUtil", 75);
	is("totalCpu", 400);
	is("cpuAssignedPercentUtil", 25);
	storm_supervisor_summary(&text, list, 2, &place);
	parse();
	has("supervisors", 1);
	reads("supervisors/0/id", "words-3-1700000000");
	is("supervisors/0/pid", FAKE_PID);
	storm_topologies(&text, list, 2, &place);
	parse();
	has("topologies", 2);
	reads("topologies/0/id", "words-3-1700000000");
	reads("topologies/0/uptime", "16m 40s");
	is("topologies/0/executorsTotal", 5);
	is("topologies/0/requestedTotalMem", 0);
	is("topologies/0/replicationCount", 1);
	reads("topologies/1/status", "DEAD");
	storm_nimbus_summary(&text, &place);
	parse();
	reads("nimbuses/0/nimbusUpTime", "1d 2h 3m 4s");
	is("nimbuses/0/port", 8080);
	reads("nimbuses/0/status", "Leader");
	storm_cluster_configuration(&text);
	parse();
	is("topology.acker.executors", 1);
	free(list[1].home.name);
}
END_TEST

START_TEST(a_run_without_a_home)
{
	struct survey run = fake_run("words", "/run/gale/words-4711", fake_words(1, 1));

	storm_topologies(&text, &run, 1, &place);
	parse();
	reads("topologies/0/name", "words");
	reads("topologies/0/id", "words-4711");
	ck_assert(cJSON_IsTrue(at("topologies/0/foreground")));
	survey_close(&run);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("storm");
	TCase *c = tcase_create("storm");
	SRunner *r = srunner_create(s);
	int n;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, windows_have_storms_names);
	tcase_add_test(c, totals_count_as_storm_does);
	tcase_add_test(c, spouts_and_bolts);
	tcase_add_test(c, heads_workers_and_config);
	tcase_add_test(c, own_components_are_shown_when_asked_for);
	tcase_add_test(c, the_last_error);
	tcase_add_test(c, one_that_does_not_run);
	tcase_add_test(c, a_spout);
	tcase_add_test(c, a_bolt);
	tcase_add_test(c, of_several_inputs_only_tuples_are_known);
	tcase_add_test(c, an_acker);
	tcase_add_test(c, metrics_by_stream);
	tcase_add_test(c, visualization);
	tcase_add_test(c, streams_stand_in_rows_of_four_each_once);
	tcase_add_test(c, lag_tells_what_is_open);
	tcase_add_test(c, a_cluster);
	tcase_add_test(c, a_run_without_a_home);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
