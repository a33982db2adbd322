/* test_topview.c - what gale top shows: on screens of any size nothing is too wide, columns go in
 * order, keys do what the help says. SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "faketopology.h"
#include "topview.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { LINES, SPLIT, SINK, ACKER, N_COMPONENTS };
enum { SECONDS = 2, WALL_S = 1000000 };

static struct survey survey;
static struct topfeed feed;
static struct topstate state;
static struct topframe frame;
static struct buf text;

/* ---- a topology as it would be read ------------------------------------------------ */

static void count(uint32_t c, enum sample_counter counter, uint64_t in_window, uint64_t in_all)
{
	survey.m->window->components[c].n[counter] = in_window;
	survey.m->total->components[c].n[counter] = in_all;
}

static void work(uint32_t c, uint64_t busy, uint64_t idle, uint64_t blocked)
{
	count(c, COUNT_BUSY, busy, busy);
	count(c, COUNT_IDLE, idle, idle);
	count(c, COUNT_BLOCKED, blocked, blocked);
}

static void fill_numbers(struct metrics *m)
{
	hist_add(&m->window->latency[LINES].complete, 2 * NS_PER_MS, 100);
	hist_add(&m->window->latency[SPLIT].execute, 300000, 100);
	work(LINES, 10, 20, 70);
	work(SPLIT, 95, 5, 0);
	work(SINK, 40, 60, 0);
	count(LINES, COUNT_EMITTED, 2010, 123500);
	count(LINES, COUNT_ACKED, 2000, 123456);
	count(LINES, COUNT_FAILED, 0, 7);
	count(LINES, COUNT_TRANSFERRED, 2010, 123500);
	count(SPLIT, COUNT_EXECUTED, 2008, 123490);
	count(SPLIT, COUNT_TRANSFERRED, 20080, 1234900);
	count(SINK, COUNT_EXECUTED, 20070, 1234800);
	count(ACKER, COUNT_ACKED, 2000, 123456);
	m->components[LINES].pending = 44;
	m->components[SPLIT].queue_frames = 5;
	m->components[SPLIT].restarts = 1;
}

static struct metrics *fake_metrics(struct topology *t)
{
	struct metrics *m = xcalloc(1, sizeof *m);

	m->topology = t;
	m->plan = plan_make(t);
	m->now_ns = 100 * (uint64_t)NS_PER_S;
	m->total = sample_new(m->plan, m->now_ns);
	m->window = sample_new(m->plan, SECONDS * (uint64_t)NS_PER_S);
	m->workers = xcalloc(m->plan->n_workers, sizeof *m->workers);
	m->stages = xcalloc(m->plan->n_stages, sizeof *m->stages);
	m->components = xcalloc((size_t)t->n_components + 1, sizeof *m->components);
	m->user = xcalloc((size_t)t->n_components + 1, sizeof *m->user);
	for (uint32_t w = 0; w < m->plan->n_workers; w++)
		m->workers[w] = (struct metrics_worker){ .alive = true, .pid = 1000 + w, .start = 1 };
	return m;
}

static void watch(struct topology *t)
{
	survey = (struct survey){ .home = { .name = xstrdup("words"), .fd = -1 }, .status = TOPOLOGY_ACTIVE };
	survey.m = fake_metrics(t);
	survey.plan = survey.m->plan;
	feed.look = (struct toplook){ .surveys = &survey, .n = 1 };
}

static void forget(void)
{
	feed.look.surveys = NULL;
	feed.look.n = 0;
	topfeed_close(&feed);
	metrics_free(survey.m);
	free(survey.home.name);
	survey = (struct survey){ .home.fd = -1 };
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	watch(fake_words(2, 1));
	fill_numbers(survey.m);
	topstate_begin(&state, "words");
}

static void tear_down(void)
{
	topview_free(&frame);
	topstate_end(&state);
	forget();
	buf_free(&text);
}

static void advise(const char *sentence, const char *command)
{
	struct advice *a = xcalloc(1, sizeof *a);

	*a = (struct advice){ .kind = ADVICE_SCALE, .text = xstrdup(sentence), .command = xstrdup(command) };
	advice_free(feed.look.advice);
	feed.look.advice = a;
}

static void log_error(uint32_t c, const char *id, const char *what)
{
	feed.errors.n = N_COMPONENTS - 1;
	feed.errors.last = feed.errors.last != NULL ? feed.errors.last : xcalloc(N_COMPONENTS, sizeof *feed.errors.last);
	feed.errors.last[c] = (struct toperror){ .component = xstrdup(id), .label = xstrdup(id), .text = xstrdup(what),
		.time_ms = (WALL_S - 185) * INT64_C(1000) };
}

/* ---- what is on the screen --------------------------------------------------------- */

/* show gives the screen as text. */
static const char *show_on(uint32_t width, uint32_t height, bool utf8)
{
	struct topscene x = { &feed, &state, width, height, utf8, WALL_S * INT64_C(1000) };

	topview_free(&frame);
	topview_make(&frame, &x);
	topstate_seen(&state, &frame.grid);
	text.n = 0;
	topscreen_text(&frame.screen, &text);
	return buf_text(&text);
}

static const char *show(uint32_t width, uint32_t height)
{
	return show_on(width, height, true);
}

static void check_shows(const char *part)
{
	ck_assert_msg(strstr(buf_text(&text), part) != NULL, "there is no \"%s\" in:\n%s", part, buf_text(&text));
}

static void check_hides(const char *part)
{
	ck_assert_msg(strstr(buf_text(&text), part) == NULL, "there is \"%s\" in:\n%s", part, buf_text(&text));
}

static void check_fits(uint32_t width, uint32_t height, bool utf8)
{
	show_on(width, height, utf8);
	ck_assert_msg(frame.screen.n <= height, "%zu lines on %ux%u", frame.screen.n, width, height);
	for (size_t i = 0; i < frame.screen.n; i++) {
		struct topline *l = &frame.screen.lines[i];
		uint32_t columns = 0;

		for (size_t k = 0; k < l->n; k++) {
			columns += topscreen_columns(&frame.screen, l->spans[k].text);
			for (const char *at = l->spans[k].text; *at != '\0'; at++)
				ck_assert_msg((unsigned char)*at >= ' ' && (utf8 || (unsigned char)*at < 0x7f), "byte %#x",
				    (unsigned char)*at);
		}
		ck_assert_uint_eq(columns, l->used);
		ck_assert_msg(columns <= width, "line %zu has %u columns on %ux%u", i, columns, width, height);
	}
}

static bool has_column(const char *head)
{
	for (size_t i = 0; i < frame.grid.n_columns; i++)
		if (frame.grid.shown[i] && strcmp(frame.grid.columns[i].head, head) == 0)
			return true;
	return false;
}

static void check_columns(const char *const *heads, size_t n)
{
	size_t shown = 0;

	for (size_t i = 0; i < frame.grid.n_columns; i++)
		shown += frame.grid.shown[i];
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(has_column(heads[i]), "no column %s in:\n%s", heads[i], buf_text(&text));
	ck_assert_msg(shown == n, "other columns in:\n%s", buf_text(&text));
}

static void press(int key)
{
	topstate_key(&state, key, &frame.grid);
	show(100, 30);
}

/* ---- sizes ------------------------------------------------------------------------- */

START_TEST(a_wide_screen_shows_everything)
{
	log_error(SPLIT, "split", "(pid 4312, start 1) was killed by SIGKILL");
	show(200, 60);
	check_shows("words  ACTIVE  up 1m40s  pending 44  1,000 acked/s  p50 2.0ms  p99 2.0ms  p99.9 2.0ms  (last 2.0s)\n");
	check_shows("in all  123,500 emitted  123,456 acked  7 failed\n");
	check_shows(">lines");
	check_shows("\u2588\u2592\u2592\u2592\u2592\u2592\u2592\u2592\u00b7\u00b7");
	check_shows("3m05s ago: was killed by SIGKILL");
	for (size_t i = 0; i < frame.grid.n_columns; i++)
		ck_assert(frame.grid.shown[i]);
	ck_assert_uint_eq(frame.screen.n, 60);
}
END_TEST

START_TEST(a_narrow_one_shows_what_matters_most)
{
	static const char *const at_100[] = { "COMPONENT", "IN/S", "OUT/S", "LOAD", "BUSY", "BLOCKED", "p99", "QUEUE",
		"PENDING", "FAILED", "RESTARTS" };
	static const char *const at_70[] = { "COMPONENT", "IN/S", "OUT/S", "LOAD", "BUSY", "BLOCKED", "p99", "FAILED" };
	static const char *const at_40[] = { "COMPONENT", "IN/S", "OUT/S", "BUSY" };

	show(100, 30);
	check_columns(at_100, 11);
	show(70, 12);
	check_columns(at_70, 8);
	show(40, 10);
	check_columns(at_40, 4);
	check_shows("words  ACTIVE  1,000 acked/s  p99 2.0ms\n");
	check_shows(" split           1,004     10,040   95%\n");
}
END_TEST

START_TEST(columns_go_one_after_the_other)
{
	bool before[TOPGRID_COLUMNS] = { false };

	log_error(SPLIT, "split", "it broke");
	for (int view = TOP_LIST; view < TOP_VIEWS; view++) {
		state.view = (enum topview)view;
		free(state.component);
		state.component = xstrdup("split");
		memset(before, 0, sizeof before);
		for (uint32_t width = 20; width <= 220; width++) {
			show(width, 20);
			for (size_t i = 0; i < frame.grid.n_columns; i++)
				ck_assert_msg(!before[i] || frame.grid.shown[i], "%s is not there on %u columns",
				    frame.grid.columns[i].head, width);
			memcpy(before, frame.grid.shown, sizeof before);
		}
		for (size_t i = 0; i < frame.grid.n_columns; i++)
			ck_assert(before[i]);
	}
}
END_TEST

START_TEST(nothing_is_wider_than_the_screen)
{
	uint32_t step = getenv("GALE_QUICK") != NULL ? 8 : 1;

	advise("split is busy 95 % and blocks lines: 3000 tuples a second would come, and take 4 executors, not 2",
	    "gale rebalance words -e split=4");
	log_error(SPLIT, "split", "\x1b[31mred\x01\xff, \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e, e\xcc\x81");
	free(survey.m->topology->components[SINK].id);
	survey.m->topology->components[SINK].id =
	    xstrdup("a-name-that-is-longer-than-any-column-may-be-\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	for (int view = TOP_LIST; view < TOP_VIEWS; view++)
		for (uint32_t width = 1; width <= 210; width += (width < 45 ? 1 : 9) * step)
			for (uint32_t height = 1; height <= 60; height += height < 14 ? 1 : 15) {
				state.view = (enum topview)view;
				free(state.component);
				state.component = xstrdup("split");
				check_fits(width, height, true);
				check_fits(width, height, false);
				state.help = true;
				check_fits(width, height, true);
				state.help = false;
			}
}
END_TEST

START_TEST(what_ended_fits_too)
{
	advise("no", "no");
	metrics_free(survey.m);
	survey.m = NULL;
	survey.plan = NULL;
	for (uint32_t width = 1; width <= 100; width++) {
		survey.status = TOPOLOGY_DEAD;
		check_fits(width, 10, true);
		feed.look.n = 0;
		check_fits(width, 10, true);
		feed.look.n = 1;
	}
	show(100, 10);
	check_shows("words  DEAD\n");
	check_shows("gale submit --resume words");
	feed.look.n = 0;
	show(100, 10);
	check_shows("there is no topology \"words\" any more");
	error_set(&feed.look.error, "cannot open it");
	show(100, 10);
	check_shows("cannot open it");
}
END_TEST

START_TEST(the_advice_stands_at_the_bottom)
{
	advise("split is busy 95 % and blocks lines: 3000 tuples a second would come, and take 4 executors, not 2",
	    "gale rebalance words -e split=4");
	show(70, 20);
	check_shows("\nbottleneck: split is busy 95 % and blocks lines: 3000 tuples a second\n"
	    "would come, and take 4 executors, not 2\n"
	    "try: gale rebalance words -e split=4\nq quit");
	show(40, 9);
	check_shows("\nbottleneck: split is busy 95 % and bloc~\ntry: gale rebalance words -e split=4\nq quit");
	check_shows("acker");
	/* The table has three rows before there is advice. */
	show(40, 6);
	check_shows("\n>lines");
	check_shows("\n sink");
	check_hides("bottleneck");
}
END_TEST

START_TEST(without_utf8_all_is_ascii)
{
	show_on(100, 30, false);
	check_shows("#xxxxxxx..");
	check_shows("##########");
}
END_TEST

START_TEST(a_batch_has_all_columns_no_marks_and_no_keys)
{
	log_error(SPLIT, "split", "it broke");
	show(0, 0);
	check_shows("COMPONENT   TASKS       IN/S      OUT/S  BUSY  BLOCKED    p50    p99  QUEUE  PENDING  FAILED  TIMED-OUT  "
	    "RESTARTS  LAST ERROR\n");
	check_shows("\nsplit           2      1,004     10,040   95%       0%  300us  300us      5        0       0          0"
	    "         1  3m05s ago: it broke\n");
	check_hides("LOAD");
	check_hides(">");
	check_hides("quit");
}
END_TEST

START_TEST(numbers_of_an_acker_and_of_one_that_is_chained)
{
	fake_chaining(survey.m->topology, UINT32_MAX, "auto");
	survey.m->plan->chained_to[SINK] = SPLIT;
	show(200, 30);
	check_shows("chained");
	check_shows(" acker           1          -      1,000");
}
END_TEST

/* ---- keys -------------------------------------------------------------------------- */

START_TEST(rows_are_chosen_and_opened)
{
	show(100, 30);
	press(TOPKEY_DOWN);
	check_shows("\n>split");
	press(TOPKEY_ENTER);
	ck_assert_int_eq(state.view, TOP_COMPONENT);
	check_shows("split  bolt  class split  2 executors  2 tasks\n");
	check_shows("\n>split[0]");
	check_shows("\n split[1]");
	check_shows("execute latency  p50 300us");
	check_shows("stream default  0 emitted/s");
	press(TOPKEY_ESCAPE);
	ck_assert_int_eq(state.view, TOP_COMPONENTS);
	check_shows("\n>split");
	press(TOPKEY_ESCAPE);
	check_shows("1 topology  1 ACTIVE");
	check_shows("\n>words");
	press(TOPKEY_ENTER);
	ck_assert_int_eq(state.view, TOP_COMPONENTS);
	check_shows("\n>lines");
	ck_assert_int_eq(topstate_key(&state, 'q', &frame.grid), TOP_QUIT);
}
END_TEST

START_TEST(the_row_stays_chosen_wherever_it_goes)
{
	show(100, 30);
	press(TOPKEY_DOWN);
	press(TOPKEY_DOWN);
	check_shows("\n>sink");
	press('s');
	check_shows("*COMPONENT");
	ck_assert_str_eq(frame.grid.rows[0].key, "acker");
	check_shows("\n>sink");
	press('s');
	check_shows("*IN/S");
	check_shows("s sort: IN/S");
	ck_assert_str_eq(frame.grid.rows[0].key, "sink");
	check_shows("\n>sink");
	/* The bar is not sorted by: BUSY comes after OUT/S. Columns that are not shown are left out. */
	press('s');
	press('s');
	check_shows("*BUSY");
	ck_assert_str_eq(frame.grid.rows[0].key, "split");
	for (int i = 0; i < 7; i++)
		press('s');
	check_hides("*");
	ck_assert_str_eq(frame.grid.rows[0].key, "lines");
}
END_TEST

START_TEST(executors_of_all_components)
{
	show(100, 30);
	press('c');
	check_shows("\n>lines[0]");
	check_shows("\n split[1]");
	check_shows("\n acker[0]");
	check_shows("c components");
	press('c');
	check_hides("split[1]");
}
END_TEST

START_TEST(windows_go_round)
{
	static const char *const names[] = { "1m", "10m", "3h", "1d", "all", "live" };

	show(100, 30);
	check_shows("w window: live");
	for (size_t i = 0; i < 6; i++) {
		char *want = xasprintf("w window: %s ", names[i]);

		ck_assert_int_eq(topstate_key(&state, 'w', &frame.grid), TOP_LOOK);
		show(100, 30);
		check_shows(want);
		free(want);
	}
}
END_TEST

START_TEST(pause_and_help)
{
	show(100, 30);
	ck_assert_int_eq(topstate_key(&state, 'p', &frame.grid), TOP_DRAW);
	show(100, 30);
	check_shows("words  ACTIVE  PAUSED");
	ck_assert_int_eq(topstate_key(&state, 'p', &frame.grid), TOP_LOOK);
	press('?');
	check_shows("gale top: keys");
	press(TOPKEY_ESCAPE);
	ck_assert_int_eq(state.view, TOP_COMPONENTS);
	check_hides("gale top: keys");
}
END_TEST

static void watch_many(uint32_t n)
{
	struct topology *t = fake_topology("many", 0);

	forget();
	fake_component(t, GALE_SPOUT, "c00", 1, 1);
	for (uint32_t i = 1; i < n; i++) {
		char id[16];

		snprintf(id, sizeof id, "c%02u", i);
		fake_component(t, GALE_BOLT, id, 1, 1);
	}
	watch(t);
}

START_TEST(many_rows_are_scrolled)
{
	watch_many(40);
	show(70, 12);
	check_shows("\n>c00");
	check_shows("\n c07");
	check_hides("c09");
	topstate_key(&state, TOPKEY_PAGE_DOWN, &frame.grid);
	show(70, 12);
	ck_assert_uint_eq(frame.grid.selected, frame.grid.n_visible - 1);
	topstate_key(&state, TOPKEY_END, &frame.grid);
	show(70, 12);
	check_shows("\n>c39");
	check_hides("c20");
	topstate_key(&state, TOPKEY_UP, &frame.grid);
	show(70, 12);
	check_shows("\n>c38");
	check_shows("\n c39");
	topstate_key(&state, TOPKEY_HOME, &frame.grid);
	show(70, 12);
	check_shows("\n>c00");
	/* A larger screen shows more, not less. */
	topstate_key(&state, TOPKEY_END, &frame.grid);
	show(70, 12);
	show(70, 60);
	check_shows("\n c00");
	check_shows("\n>c39");
}
END_TEST

START_TEST(a_row_that_goes_leaves_the_mark_where_it_was)
{
	show(100, 30);
	press(TOPKEY_DOWN);
	press(TOPKEY_DOWN);
	free(survey.m->topology->components[SINK].id);
	survey.m->topology->components[SINK].id = xstrdup("other");
	show(100, 30);
	check_shows("\n>other");
}
END_TEST

START_TEST(keys_do_no_harm_where_there_is_nothing)
{
	static const int keys[] = { TOPKEY_UP, TOPKEY_DOWN, TOPKEY_PAGE_UP, TOPKEY_PAGE_DOWN, TOPKEY_HOME, TOPKEY_END,
		TOPKEY_ENTER, 's', 'c', 'x', 0, -1 };

	feed.look.n = 0;
	show(100, 30);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		press(keys[i]);
	press(TOPKEY_ESCAPE);
	check_shows("0 topologies");
	check_shows("no topology is there; start one: gale submit FILE");
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		press(keys[i]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("topview");
	TCase *c = tcase_create("topview");
	SRunner *r;
	int n;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, a_wide_screen_shows_everything);
	tcase_add_test(c, a_narrow_one_shows_what_matters_most);
	tcase_add_test(c, columns_go_one_after_the_other);
	tcase_add_test(c, nothing_is_wider_than_the_screen);
	tcase_add_test(c, what_ended_fits_too);
	tcase_add_test(c, the_advice_stands_at_the_bottom);
	tcase_add_test(c, without_utf8_all_is_ascii);
	tcase_add_test(c, a_batch_has_all_columns_no_marks_and_no_keys);
	tcase_add_test(c, numbers_of_an_acker_and_of_one_that_is_chained);
	tcase_add_test(c, rows_are_chosen_and_opened);
	tcase_add_test(c, the_row_stays_chosen_wherever_it_goes);
	tcase_add_test(c, executors_of_all_components);
	tcase_add_test(c, windows_go_round);
	tcase_add_test(c, pause_and_help);
	tcase_add_test(c, many_rows_are_scrolled);
	tcase_add_test(c, a_row_that_goes_leaves_the_mark_where_it_was);
	tcase_add_test(c, keys_do_no_harm_where_there_is_nothing);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
