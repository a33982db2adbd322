/* test_summary.c - what a run came to. SPDX-License-Identifier: Apache-2.0 */
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "faketopology.h"
#include "outlet.h"
#include "progress.h"
#include "summary.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* lines[0] split[0] split[1] sink[0] acker[0] */
enum { LINES, SPLIT_0, SPLIT_1, SINK, ACKER, N };

static struct topology *topology;
static struct plan *plan;
static struct status *pages[N];
static struct summary *summary;
static struct summary_end end;
static struct buf text;
static char dir[64];

static void make_pages(void)
{
	topology = fake_words(2, 1);
	plan = plan_make(topology);
	for (int i = 0; i < N; i++)
		pages[i] = xcalloc(1, sizeof *pages[i]);
	end = (struct summary_end){ .exec_ns = NS_PER_S, .now_ns = 11 * (uint64_t)NS_PER_S };
	strcpy(dir, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void free_pages(void)
{
	char *command = xasprintf("rm -rf %s", dir);

	ck_assert_int_eq(system(command), 0);
	free(command);
	summary_free(summary);
	plan_free(plan);
	topology_free(topology);
	for (int i = 0; i < N; i++)
		free(pages[i]);
	buf_free(&text);
}

static void add_up(void)
{
	summary = summary_make(plan, (const struct status *const *)pages, 1);
}

static cJSON *as_json(void)
{
	cJSON *json;

	add_up();
	summary_json(&text, summary, &end);
	json = cJSON_Parse(buf_text(&text));
	ck_assert_ptr_nonnull(json);
	return json;
}

static void check_number(const cJSON *json, const char *name, double want)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

	ck_assert_msg(cJSON_IsNumber(item), "%s is missing in %s", name, buf_text(&text));
	ck_assert_double_eq_tol(item->valuedouble, want, 1e-9);
}

/* ---- numbers ----------------------------------------------------------------------- */

START_TEST(messages_are_those_of_the_spouts)
{
	cJSON *json;

	pages[LINES]->streams[0].emitted = 100;
	pages[LINES]->streams[0].transferred = 100;
	pages[LINES]->streams[1].emitted = 5;		/* dead letters: no messages */
	pages[LINES]->acked = 90;
	pages[LINES]->failed = 10;
	pages[LINES]->timed_out = 4;
	pages[LINES]->dead_lettered = 5;
	pages[LINES]->replayed = 9;
	pages[SPLIT_0]->streams[0].transferred = 700;
	pages[SPLIT_1]->streams[0].transferred = 300;
	pages[SPLIT_0]->streams[0].emitted = pages[SPLIT_1]->streams[0].emitted = 1;
	pages[SPLIT_1]->acked = 1000;
	pages[SPLIT_1]->failed = 1000;
	json = as_json();
	check_number(json, "emitted", 100);
	check_number(json, "acked", 90);
	check_number(json, "failed", 10);
	check_number(json, "timed_out", 4);
	check_number(json, "dead_lettered", 5);
	check_number(json, "replayed", 9);
	check_number(json, "tuples", 1100);
	cJSON_Delete(json);
}
END_TEST

START_TEST(seconds_run_from_the_first_emit_to_the_last_ack)
{
	cJSON *json;

	pages[LINES]->first_emit_ns = 3 * (uint64_t)NS_PER_S;
	pages[LINES]->first_ack_ns = 3 * (uint64_t)NS_PER_S + 1500000;
	pages[LINES]->last_ack_ns = 5 * (uint64_t)NS_PER_S + 250000001;
	pages[SINK]->last_execute_ns = 9 * (uint64_t)NS_PER_S;
	json = as_json();
	check_number(json, "seconds", 2.25);
	check_number(json, "wall_seconds", 10);
	check_number(json, "start_ms", 2001.5);
	check_number(json, "exit", 0);
	cJSON_Delete(json);
}
END_TEST

START_TEST(of_several_spouts_the_first_and_the_last_count)
{
	struct status *two[2] = { pages[0], pages[1] };
	struct topology *t = fake_topology("two", 1);
	struct plan *p;
	struct summary *s;

	fake_component(t, GALE_SPOUT, "a", 2, 2);
	p = plan_make(t);
	two[0]->first_emit_ns = 100;
	two[0]->last_ack_ns = 500;
	two[1]->first_emit_ns = 50;
	two[1]->last_ack_ns = 400;
	s = summary_make(p, (const struct status *const []){ two[0], two[1], NULL }, 1);
	ck_assert_uint_eq(summary_seconds_ns(s), 450);
	summary_free(s);
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(without_ackers_the_last_execute_ends_the_clock)
{
	struct topology *t = fake_words(1, 0);
	struct plan *p = plan_make(t);
	struct summary *s;

	pages[0]->first_emit_ns = NS_PER_S;
	pages[0]->last_ack_ns = 2 * (uint64_t)NS_PER_S;
	pages[1]->last_execute_ns = 3 * (uint64_t)NS_PER_S;
	pages[2]->last_execute_ns = 4 * (uint64_t)NS_PER_S;
	s = summary_make(p, (const struct status *const *)pages, 1);
	ck_assert_uint_eq(summary_seconds_ns(s), 3 * (uint64_t)NS_PER_S);
	summary_free(s);
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(a_run_that_never_began_has_a_summary_too)
{
	cJSON *json;

	for (int i = 0; i < N; i++) {
		free(pages[i]);
		pages[i] = NULL;
	}
	end.exit = 1;
	end.error = "split[0] said \"no\"\n\xff";
	json = as_json();
	check_number(json, "exit", 1);
	check_number(json, "seconds", 0);
	check_number(json, "emitted", 0);
	check_number(json, "wall_seconds", 10);
	ck_assert(cJSON_IsNull(cJSON_GetObjectItem(json, "start_ms")));
	ck_assert_str_eq(cJSON_GetObjectItem(json, "error")->valuestring,
	    "split[0] said \"no\"\n\xef\xbf\xbd");
	cJSON_Delete(json);
}
END_TEST

/* A double can't hold 2^64 - 2. */
START_TEST(numbers_are_exact)
{
	pages[LINES]->acked = UINT64_MAX - 1;
	pages[LINES]->metrics[0] = (struct status_metric){ .name = "low", .value = INT64_MIN };
	cJSON_Delete(as_json());
	ck_assert_ptr_nonnull(strstr(buf_text(&text), "\"acked\": 18446744073709551614,"));
	ck_assert_ptr_nonnull(strstr(buf_text(&text), "\"low\": -9223372036854775808 }"));
}
END_TEST

START_TEST(components_have_their_own_counters)
{
	cJSON *json, *components, *split, *streams, *metrics;

	pages[SPLIT_0]->executed = 10;
	pages[SPLIT_1]->executed = 20;
	pages[SPLIT_1]->busy_ns = 7 * NS_PER_MS + 1;
	pages[SPLIT_0]->streams[0].emitted = 3;
	hist_add(&pages[SPLIT_0]->execute, 5000, 10);
	pages[SPLIT_0]->metrics[0] = (struct status_metric){ .name = "words", .value = 3 };
	pages[SPLIT_0]->metrics[1] = (struct status_metric){ .name = "lines", .value = 1 };
	pages[SPLIT_1]->metrics[0] = (struct status_metric){ .name = "lines", .value = 2 };
	json = as_json();
	components = cJSON_GetObjectItem(json, "components");
	ck_assert_int_eq(cJSON_GetArraySize(components), 4);
	split = cJSON_GetArrayItem(components, 1);
	ck_assert_str_eq(cJSON_GetObjectItem(split, "id")->valuestring, "split");
	ck_assert_str_eq(cJSON_GetObjectItem(split, "kind")->valuestring, "bolt");
	check_number(split, "tasks", 2);
	check_number(split, "executed", 30);
	check_number(split, "busy_ms", 7);
	check_number(cJSON_GetObjectItem(split, "execute_latency_us"), "max", 5);
	streams = cJSON_GetObjectItem(split, "streams");
	ck_assert_str_eq(cJSON_GetObjectItem(cJSON_GetArrayItem(streams, 0), "id")->valuestring,
	    "default");
	check_number(cJSON_GetArrayItem(streams, 0), "emitted", 3);
	metrics = cJSON_GetObjectItem(split, "metrics");
	check_number(metrics, "words", 3);
	check_number(metrics, "lines", 3);
	ck_assert_str_eq(cJSON_GetObjectItem(cJSON_GetArrayItem(components, 3), "kind")
	    ->valuestring, "acker");
	cJSON_Delete(json);
}
END_TEST

START_TEST(a_coordinator_has_a_row_and_counts_as_one_that_tracks)
{
	cJSON *json, *row;

	plan_free(plan);
	plan = plan_make(fake_transactional(topology));
	pages[LINES]->first_emit_ns = NS_PER_S;
	pages[LINES]->last_ack_ns = 4 * (uint64_t)NS_PER_S;
	pages[LINES]->acked = 3;
	pages[ACKER]->frames_out = 5;
	json = as_json();
	check_number(json, "seconds", 3);
	ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(json, "components")), 4);
	row = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "components"), 3);
	ck_assert_str_eq(cJSON_GetObjectItem(row, "id")->valuestring, "coordinator");
	ck_assert_str_eq(cJSON_GetObjectItem(row, "kind")->valuestring, "coordinator");
	check_number(row, "workers", 1);
	check_number(row, "tasks", 1);
	check_number(row, "frames_out", 5);
	text.n = 0;
	summary_text(&text, summary, &end);
	ck_assert_ptr_nonnull(strstr(buf_text(&text), "3.000 s: 3 acked (1/s), 0 failed"));
	cJSON_Delete(json);
}
END_TEST

START_TEST(latencies_are_in_microseconds)
{
	const cJSON *complete;
	cJSON *json;

	hist_add(&pages[LINES]->complete, 1000000, 98);
	hist_add(&pages[LINES]->complete, 7654321, 2);
	json = as_json();
	complete = cJSON_GetObjectItem(json, "complete_latency_us");
	check_number(complete, "max", 7654.3);
	ck_assert_double_eq_tol(cJSON_GetObjectItem(complete, "p50")->valuedouble, 1000, 32);
	ck_assert_double_eq_tol(cJSON_GetObjectItem(complete, "p99")->valuedouble, 7654.3, 1);
	cJSON_Delete(json);
}
END_TEST

START_TEST(people_get_a_few_lines)
{
	pages[LINES]->streams[0].emitted = 1234567;
	pages[LINES]->acked = 1234567;
	pages[LINES]->failed = 2;
	pages[LINES]->timed_out = 1;
	pages[LINES]->dead_lettered = 1;
	pages[LINES]->first_emit_ns = NS_PER_S;
	pages[LINES]->last_ack_ns = 2 * (uint64_t)NS_PER_S;
	end.dead_letter_file = "/x/words.dead-letters.jsonl";
	add_up();
	summary_text(&text, summary, &end);
	ck_assert_str_eq(buf_text(&text),
	    "gale: words: 1.000 s: 1,234,567 acked (1,234,567/s), 2 failed (1 timed out); "
	    "0 tuples (0/s)\n"
	    "gale: words: 1 dead letter in /x/words.dead-letters.jsonl\n");
}
END_TEST

/* ---- files ------------------------------------------------------------------------- */

static void check_file(const char *path, const char *want)
{
	char bytes[64] = "";
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge((int)read(fd, bytes, sizeof bytes - 1), 0);
	ck_assert_str_eq(bytes, want);
	close(fd);
}

START_TEST(a_summary_replaces_the_file)
{
	char *path = xasprintf("%s/summary.json", dir), *link = xasprintf("%s/link", dir);
	struct stat st;

	ck_assert_int_eq(summary_write(path, "first, longer", 13, NULL), 0);
	check_file(path, "first, longer");
	ck_assert_int_eq(summary_write(path, "second", 6, NULL), 0);
	check_file(path, "second");
	ck_assert_int_eq(symlink("summary.json", link), 0);
	ck_assert_int_eq(summary_write(link, "third", 5, NULL), 0);
	check_file(path, "third");
	ck_assert_int_eq(lstat(link, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	free(path);
	free(link);
}
END_TEST

START_TEST(a_failed_write_leaves_the_old_file)
{
	struct error e;

	ck_assert_int_eq(summary_write(dir, "x", 1, &e), -1);
	ck_assert_int_eq(strncmp(e.text, "cannot write the summary /tmp/", 30), 0);
	ck_assert_int_eq(summary_write("/none/such", "x", 1, &e), -1);
	ck_assert_int_eq(summary_write("/dev/full", "x", 1, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "No space left"));
}
END_TEST

START_TEST(what_is_no_file_is_written_directly)
{
	char *path = xasprintf("%s/fifo", dir), bytes[8] = "";
	struct stat st;
	int fd;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	ck_assert_int_eq(summary_write(path, "hi", 2, NULL), 0);
	ck_assert_int_eq((int)read(fd, bytes, sizeof bytes), 2);
	close(fd);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
	ck_assert_int_eq(summary_write("/dev/null", "hi", 2, NULL), 0);
	free(path);
}
END_TEST

START_TEST(dev_stdout_is_standard_output_where_it_stands)
{
	char *path = xasprintf("%s/out", dir);
	int fd = open(path, O_WRONLY | O_CREAT, 0600), old = dup(STDOUT_FILENO);

	dup2(fd, STDOUT_FILENO);
	ck_assert_int_eq((int)write(STDOUT_FILENO, "data,", 5), 5);
	ck_assert_int_eq(summary_write("/dev/stdout", "summary", 7, NULL), 0);
	dup2(old, STDOUT_FILENO);
	check_file(path, "data,summary");
	close(fd);
	close(old);
	free(path);
}
END_TEST

/* ---- progress ---------------------------------------------------------------------- */

START_TEST(progress_comes_every_ten_seconds)
{
	struct progress_now so_far = { .done = 1000, .pending = 7, .tracked = true };
	char *path = xasprintf("%s/err", dir);
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	struct outlet o;
	struct progress p;

	outlet_open(&o, fd);
	progress_start(&p, "words", false, false, NS_PER_S);
	progress_show(&p, &so_far, &o, 5 * (uint64_t)NS_PER_S);
	check_file(path, "");
	progress_show(&p, &so_far, &o, 11 * (uint64_t)NS_PER_S);
	check_file(path, "gale: words: 1000 acked, 100/s, 7 pending\n");
	outlet_close(&o, 0);
	close(fd);
	free(path);
}
END_TEST

START_TEST(quiet_is_quiet)
{
	struct progress p;

	progress_start(&p, "words", true, true, NS_PER_S);
	ck_assert_uint_eq(p.next_ns, 0);
	progress_show(&p, &(struct progress_now){ 0 }, NULL, UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("summary");
	TCase *c = tcase_create("summary");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, make_pages, free_pages);
	tcase_add_test(c, messages_are_those_of_the_spouts);
	tcase_add_test(c, seconds_run_from_the_first_emit_to_the_last_ack);
	tcase_add_test(c, of_several_spouts_the_first_and_the_last_count);
	tcase_add_test(c, without_ackers_the_last_execute_ends_the_clock);
	tcase_add_test(c, a_run_that_never_began_has_a_summary_too);
	tcase_add_test(c, numbers_are_exact);
	tcase_add_test(c, components_have_their_own_counters);
	tcase_add_test(c, a_coordinator_has_a_row_and_counts_as_one_that_tracks);
	tcase_add_test(c, latencies_are_in_microseconds);
	tcase_add_test(c, people_get_a_few_lines);
	tcase_add_test(c, a_summary_replaces_the_file);
	tcase_add_test(c, a_failed_write_leaves_the_old_file);
	tcase_add_test(c, what_is_no_file_is_written_directly);
	tcase_add_test(c, dev_stdout_is_standard_output_where_it_stands);
	tcase_add_test(c, progress_comes_every_ten_seconds);
	tcase_add_test(c, quiet_is_quiet);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
