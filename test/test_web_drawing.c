/* test_web_drawing.c - where boxes and edges go: with the real dot, with others, and without one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "drawing.h"
#include "faketopology.h"
#include "json.h"

#include <check.h>

enum { MANY = 200, COLUMNS = 20 };

static struct watches watches;
static struct drawings *drawings;
static struct topology *t;
static struct diagnostics d;
static struct json *j;
static int n_done;

static void set_up(void)
{
	struct error e;

	ck_assert_msg(watches_open(&watches, &e) == 0, "%s", e.text);
	drawings = drawings_open(&watches);
	t = fake_words(2, 1);
	fake_stream(t, 0, 1);
	fake_stream(t, 1, 2);
	fake_stream(t, 0, 2);
	fake_stream(t, 0, 1);
	t->subscriptions[3].stream = 1;
	n_done = 0;
}

static void forget(void)
{
	json_free(j);
	diag_free(&d);
	j = NULL;
}

static void tear_down(void)
{
	drawings_close(drawings);
	ck_assert_ptr_null(watches.first);
	watches_close(&watches);
	topology_free(t);
	forget();
}

static void on_done(void *arg, const char *json, size_t n)
{
	(void)arg;
	n_done++;
	forget();
	diag_source(&d, "drawing", xstrndup(json, n), n);
	j = json_parse(&d, 0);
	ck_assert_msg(j != NULL, "%s", json);
}

static void await(int n)
{
	uint64_t began = clock_now_ns();

	while (n_done < n && clock_now_ns() < began + 30ull * NS_PER_S) {
		struct pollfd p = { .fd = watches.fd, .events = POLLIN };

		poll(&p, 1, 50);
		watches_serve(&watches, clock_now_ns());
	}
	ck_assert_int_eq(n_done, n);
}

static void draw(bool sys)
{
	int before = n_done;

	drawing_ask(drawings, t, sys, on_done, &t);
	await(before + 1);
}

static const struct json_node *member(const struct json_node *x, const char *key)
{
	const struct json_node *m = json_member(x, key);

	ck_assert_msg(m != NULL, "no %s", key);
	return m;
}

static bool is_null(const char *key)
{
	return member(j->nodes, key)->type == JSON_NULL;
}

static const struct json_node *item(const char *array, uint32_t number)
{
	const struct json_node *list = member(j->nodes, array), *x = json_first(list);

	while (number-- > 0)
		x = json_next(list, x);
	return x;
}

static double of_box(uint32_t number, const char *key)
{
	return member(item("boxes", number), key)->f;
}

static void check_box(uint32_t number, const char *id)
{
	ck_assert_str_eq(json_text(member(item("boxes", number), "id")), id);
	ck_assert_int_eq(member(item("boxes", number), "width")->i, DRAWING_BOX_WIDTH);
	ck_assert_int_eq(member(item("boxes", number), "height")->i, DRAWING_BOX_HEIGHT);
	ck_assert(of_box(number, "x") >= 0 && of_box(number, "y") >= 0);
	ck_assert(of_box(number, "x") + DRAWING_BOX_WIDTH <= member(j->nodes, "width")->f + 1);
	ck_assert(of_box(number, "y") + DRAWING_BOX_HEIGHT <= member(j->nodes, "height")->f + 1);
}

/* check_edge: edge NUMBER goes from the right of one box to the left of the other. */
static void check_edge(uint32_t number, uint32_t from, uint32_t to)
{
	const struct json_node *points = member(item("edges", number), "points"), *p, *last = NULL;
	double y;

	ck_assert_uint_ge(points->n, 4);
	ck_assert_uint_eq(points->n % 3, 1);
	p = json_first(points);
	y = json_next(p, json_first(p))->f;
	ck_assert(fabs(json_first(p)->f - of_box(from, "x") - DRAWING_BOX_WIDTH) < 2);
	ck_assert(y >= of_box(from, "y") && y <= of_box(from, "y") + DRAWING_BOX_HEIGHT);
	for (p = json_first(points); p != NULL; p = json_next(points, p))
		last = json_first(p);
	ck_assert(fabs(last->f - of_box(to, "x")) < 2);
}

START_TEST(boxes_and_edges)
{
	draw(false);
	ck_assert_str_eq(json_text(member(j->nodes, "engine")), "dot");
	ck_assert(is_null("install") && is_null("error"));
	ck_assert_uint_eq(member(j->nodes, "boxes")->n, t->n_components);
	ck_assert_uint_eq(member(j->nodes, "edges")->n, t->n_subscriptions);
	for (uint32_t c = 0; c < t->n_components; c++)
		check_box(c, t->components[c].id);
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];
		const struct component *from = &t->components[s->from];

		ck_assert_str_eq(json_text(member(item("edges", i), "from")), from->id);
		ck_assert_str_eq(json_text(member(item("edges", i), "to")), t->components[s->to].id);
		ck_assert_str_eq(json_text(member(item("edges", i), "stream")), from->outputs[s->stream].id);
		check_edge(i, s->from, s->to);
	}
}
END_TEST

/* contains: box NUMBER is within cluster 0, its margin left. */
static bool contains(uint32_t number)
{
	const struct json_node *c = item("clusters", 0);
	double x = member(c, "x")->f, y = member(c, "y")->f;

	return of_box(number, "x") >= x + 10 && of_box(number, "y") >= y + 10 &&
	    of_box(number, "x") + DRAWING_BOX_WIDTH + 10 <= x + member(c, "width")->f &&
	    of_box(number, "y") + DRAWING_BOX_HEIGHT + 10 <= y + member(c, "height")->f;
}

static bool is_true(uint32_t edge, const char *key)
{
	const struct json_node *m = member(item("edges", edge), key);

	ck_assert(m->type == JSON_BOOL);
	return m->b;
}

/* What is chained has an outline, and edges say how they are gone along. */
START_TEST(chained_and_combined)
{
	topology_free(t);
	t = fake_words(1, 1);
	fake_stream(t, 0, 1);
	fake_stream(t, 1, 2);
	draw(false);
	ck_assert_uint_eq(member(j->nodes, "clusters")->n, 0);
	ck_assert(!is_true(0, "call") && !is_true(1, "combined"));
	t->components[2].combines = true;
	t->subscriptions[1].grouping = GROUPING_FIELDS;
	fake_chaining(t, 1, "auto");
	draw(true);
	ck_assert_uint_eq(member(j->nodes, "clusters")->n, 1);
	ck_assert_uint_eq(member(item("clusters", 0), "components")->n, 2);
	ck_assert_str_eq(json_text(json_first(member(item("clusters", 0), "components"))), t->components[0].id);
	ck_assert(contains(0) && contains(1) && !contains(2) && !contains(3));
	ck_assert(is_true(0, "call") && !is_true(0, "combined"));
	ck_assert(!is_true(1, "call") && is_true(1, "combined"));
	ck_assert(!is_true(2, "call") && !is_true(2, "combined"));	/* to the acker */
}
END_TEST

START_TEST(with_what_is_gales_own)
{
	draw(true);
	ck_assert_uint_eq(member(j->nodes, "boxes")->n, t->n_components + 1);
	ck_assert_uint_eq(member(j->nodes, "edges")->n, t->n_subscriptions + t->n_components);
	check_box(t->n_components, "acker");
	for (uint32_t i = 0; i < t->n_subscriptions; i++)	/* it is high enough to tell up from down */
		check_edge(i, t->subscriptions[i].from, t->subscriptions[i].to);
	fake_transactional(t);
	draw(true);
	check_box(t->n_components, "coordinator");
}
END_TEST

/* names is a folder with a dot that counts how often it is run, and does what SCRIPT says. */
static char folder[] = "/tmp/test_web_drawing.XXXXXX";
static char former_path[4096];

static void fake_dot(const char *script)
{
	char file[128];
	FILE *f;

	snprintf(former_path, sizeof former_path, "%s", getenv("PATH"));
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/dot", folder);
	ck_assert_ptr_nonnull(f = fopen(file, "w"));
	fprintf(f, "#!/bin/sh\nPATH='%s'\necho >> %s/runs\n%s\n", former_path, folder, script);
	fclose(f);
	chmod(file, 0700);
	setenv("PATH", folder, 1);
}

static int runs(void)
{
	char file[128];
	struct stat st;

	snprintf(file, sizeof file, "%s/runs", folder);
	return stat(file, &st) == 0 ? (int)st.st_size : 0;
}

static void real_dot(void)
{
	char file[128];

	setenv("PATH", former_path, 1);
	snprintf(file, sizeof file, "%s/dot", folder);
	unlink(file);
	snprintf(file, sizeof file, "%s/runs", folder);
	unlink(file);
	ck_assert_int_eq(rmdir(folder), 0);
	memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
}

START_TEST(a_drawing_is_made_once)
{
	fake_dot("exec dot \"$@\"");
	drawing_ask(drawings, t, false, on_done, &t);
	drawing_ask(drawings, t, false, on_done, &t);	/* while it is being made */
	await(2);
	draw(false);
	ck_assert_int_eq(runs(), 1);
	t->components[0].parallelism = 2;		/* makes no difference */
	draw(false);
	ck_assert_int_eq(runs(), 1);
	free(t->components[0].id);
	t->components[0].id = xstrdup("rows");
	draw(false);
	check_box(0, "rows");
	draw(true);
	ck_assert_int_eq(runs(), 3);
	real_dot();
}
END_TEST

START_TEST(without_dot)
{
	fake_dot("");
	setenv("PATH", "/nowhere", 1);
	draw(false);
	ck_assert(is_null("engine") && is_null("error"));
	ck_assert_str_eq(json_text(member(j->nodes, "install")), "graphviz");
	ck_assert_uint_eq(member(j->nodes, "boxes")->n, 0);
	setenv("PATH", former_path, 1);		/* it was installed meanwhile */
	draw(false);
	ck_assert_uint_eq(member(j->nodes, "boxes")->n, t->n_components);
	real_dot();
}
END_TEST

START_TEST(a_dot_that_fails)
{
	static const char *const scripts[] = {
		"echo bad graph >&2; exit 1", "echo '{\"bb\":\"0,0,9,9\"}'", "echo '[]'", "kill -9 $$",
		"dot \"$@\" | head -c 1000", "dot \"$@\" | sed 's/,/;/g'", "dot -Tsvg",
		"echo '{\"bb\":\"0,0,nan,inf\",\"objects\":[{}, 7],\"edges\":7}'",
	};

	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		fake_dot(scripts[i]);
		free(t->components[0].id);
		t->components[0].id = xasprintf("c%zu", i);
		draw(false);
		ck_assert(is_null("engine") && is_null("install"));
		ck_assert_int_gt((int)strlen(json_text(member(j->nodes, "error"))), 5);
		ck_assert_uint_eq(member(j->nodes, "boxes")->n, 0);
		draw(false);
		ck_assert_int_eq(runs(), 1);	/* not again and again */
		real_dot();
	}
}
END_TEST

START_TEST(who_asked_may_go)
{
	drawing_ask(drawings, t, false, on_done, &t);
	drawing_ask(drawings, t, false, on_done, &d);
	drawing_forget(drawings, &t);
	await(1);
	drawing_ask(drawings, t, true, on_done, &t);	/* and all of it may be over */
}
END_TEST

/* 200 components in 20 columns, each fed by two of the column before. */
START_TEST(many_components)
{
	uint64_t began = clock_now_ns();
	uint32_t rows = MANY / COLUMNS;
	char id[16];

	topology_free(t);
	t = fake_topology("many", 1);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "c%u", i);
		fake_component(t, i < rows ? GALE_SPOUT : GALE_BOLT, id, 1, 1);
	}
	for (uint32_t i = rows; i < MANY; i++) {
		fake_stream(t, i - rows, i);
		fake_stream(t, i - rows - i % rows + (i * 7) % rows, i);
	}
	draw(false);
	ck_assert_str_eq(json_text(member(j->nodes, "engine")), "dot");
	ck_assert_uint_eq(member(j->nodes, "boxes")->n, MANY);
	ck_assert_uint_lt(clock_now_ns() - began, 10ull * NS_PER_S);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("web_drawing");
	TCase *c = tcase_create("web_drawing");
	SRunner *runner;
	int failed;

	if (!child_found("dot")) {
		printf("SKIP: there is no dot (apt-get install graphviz)\n");
		return 77;
	}
	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, boxes_and_edges);
	tcase_add_test(c, chained_and_combined);
	tcase_add_test(c, with_what_is_gales_own);
	tcase_add_test(c, a_drawing_is_made_once);
	tcase_add_test(c, without_dot);
	tcase_add_test(c, a_dot_that_fails);
	tcase_add_test(c, who_asked_may_go);
	tcase_add_test(c, many_components);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
