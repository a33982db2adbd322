/* test_web_looks.c - answers that are kept, and topologies that are not there. SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "looks.h"
#include "memory.h"
#include "mhd.h"

static char dir[64];
static struct looks *l;
static struct error e;
static uint64_t now = 1000 * (uint64_t)NS_PER_S;

static void start(void)
{
	strcpy(dir, "/tmp/gale.looks.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("XDG_STATE_HOME", dir, 1);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	ck_assert_int_eq(mhd_load(&e), 0);
	l = looks_open(NULL);
	looks_turn(l, now);
}

static void finish(void)
{
	looks_close(l);
	rmdir(dir);
}

static void after(unsigned ms)
{
	now += ms * (uint64_t)NS_PER_MS;
	looks_turn(l, now);
}

/* keep keeps an answer to TARGET, and gives it, which lives as long as it is kept. */
static struct answer *keep(const char *target)
{
	struct buf body = { 0 };
	struct answer *a;

	buf_puts(&body, target);
	a = answer_make("text/plain", &body);
	looks_keep(l, target, a);
	answer_drop(a);
	return a;
}

START_TEST(an_answer_is_kept_for_a_while)
{
	struct answer *a = keep("/a?x=1");

	ck_assert_ptr_eq(looks_kept(l, "/a?x=1"), a);
	ck_assert_ptr_null(looks_kept(l, "/a?x=2"));
	ck_assert_ptr_null(looks_kept(l, "/a"));
	after(LOOK_MS - 1);
	ck_assert_ptr_eq(looks_kept(l, "/a?x=1"), a);
	after(1);
	ck_assert_ptr_null(looks_kept(l, "/a?x=1"));
	a = keep("/a?x=1");
	ck_assert_ptr_eq(looks_kept(l, "/a?x=1"), a);
}
END_TEST

START_TEST(the_later_answer_counts)
{
	struct answer *a;

	keep("/a");
	a = keep("/a");
	ck_assert_ptr_eq(looks_kept(l, "/a"), a);
}
END_TEST

/* Who asks for something else each time fills no memory. */
START_TEST(there_is_an_end_to_what_is_kept)
{
	unsigned n = 0;
	char *target;

	for (int i = 0; i < 1000; i++) {
		target = xasprintf("/a?x=%d", i);
		keep(target);
		n += looks_kept(l, target) != NULL;
		free(target);
	}
	ck_assert_uint_ge(n, 100);
	ck_assert_uint_lt(n, 500);
	after(LOOK_MS);
	keep("/b");
	ck_assert_ptr_nonnull(looks_kept(l, "/b"));
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	static const char *const none[] = { "words", "words-1-17", "words-17", "", ".", "..", "../x", "a/b", "-1-2", "-", "1-2-3" };
	struct survey *s;
	size_t n;

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		ck_assert_msg(looks_at(l, none[i], WINDOW_1M, &s, &e) == HOME_NONE, "%s", none[i]);
		ck_assert_msg(strstr(e.text, "there is no topology") != NULL, "%s", e.text);
	}
	ck_assert_ptr_nonnull(looks_all(l, &n, &e));
	ck_assert_uint_eq(n, 0);
	after(LOOK_MS);
	ck_assert_ptr_nonnull(looks_all(l, &n, &e));
}
END_TEST

START_TEST(one_run_that_has_gone_is_not_there)
{
	struct survey *s;
	size_t n;

	looks_close(l);
	l = looks_open("/tmp/gale.nothing/words-17");
	looks_turn(l, now);
	ck_assert_int_eq(looks_at(l, "words", WINDOW_1M, &s, &e), HOME_NONE);
	ck_assert_ptr_nonnull(looks_all(l, &n, &e));
	ck_assert_uint_eq(n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("looks");
	TCase *c = tcase_create("looks");
	SRunner *sr;
	int bad;

	tcase_add_checked_fixture(c, start, finish);
	tcase_add_test(c, an_answer_is_kept_for_a_while);
	tcase_add_test(c, the_later_answer_counts);
	tcase_add_test(c, there_is_an_end_to_what_is_kept);
	tcase_add_test(c, what_is_not_there_is_not_found);
	tcase_add_test(c, one_run_that_has_gone_is_not_there);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	bad = srunner_ntests_failed(sr);
	srunner_free(sr);
	return bad > 0;
}
