/* test_web_routes.c - targets taken apart, and what they are for. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "routes.h"
#include "seed.h"

static const struct route own[] = {
	{ .method = "GET", .pattern = "/" },
	{ .method = "GET", .pattern = "/ui/{file}" },
	{ .method = "GET", .pattern = "/t/{id}" },
	{ .method = "GET", .pattern = "/t/summary" },
	{ .pattern = NULL },
};
static const struct route other[] = {
	{ .method = "POST", .pattern = "/t/{id}/kill/{wait}" },
	{ .method = "GET", .pattern = "/t/{id}/log" },
	{ .method = "POST", .pattern = "/t/{id}/log" },
	{ .pattern = NULL },
};
static const struct route *const tables[] = { own, other, NULL };
static struct uri u;
static uint64_t seed;

static void finish(void)
{
	uri_free(&u);
}

static bool parsed(const char *target)
{
	uri_free(&u);
	return uri_parse(&u, target);
}

static struct routes_found found(const char *method, const char *target)
{
	ck_assert_msg(parsed(target), "%s", target);
	return routes_find(tables, method, &u);
}

START_TEST(a_path_has_segments)
{
	ck_assert(parsed("/"));
	ck_assert_uint_eq(u.n_segments, 0);
	ck_assert(parsed("/a/b%20c"));
	ck_assert_uint_eq(u.n_segments, 2);
	ck_assert_str_eq(u.segments[0], "a");
	ck_assert_str_eq(u.segments[1], "b c");
	ck_assert(parsed("/a/"));
	ck_assert_uint_eq(u.n_segments, 2);
	ck_assert_str_eq(u.segments[1], "");
	ck_assert(parsed("//a"));
	ck_assert_uint_eq(u.n_segments, 2);
	ck_assert_str_eq(u.segments[0], "");
}
END_TEST

START_TEST(a_query_has_parameters)
{
	ck_assert(parsed("/a?window=10m&x=1+2%2B3&&flag&x=9&e%3D=%26"));
	ck_assert_uint_eq(u.n_segments, 1);
	ck_assert_str_eq(uri_parameter(&u, "window"), "10m");
	ck_assert_str_eq(uri_parameter(&u, "x"), "1 2+3");
	ck_assert_str_eq(uri_parameter(&u, "flag"), "");
	ck_assert_str_eq(uri_parameter(&u, "e="), "&");
	ck_assert_ptr_null(uri_parameter(&u, "w"));
	ck_assert(parsed("/?"));
	ck_assert_uint_eq(u.n_parameters, 0);
	ck_assert(parsed("/a+b?x=?"));
	ck_assert_str_eq(u.segments[0], "a+b");
	ck_assert_str_eq(uri_parameter(&u, "x"), "?");
}
END_TEST

/* An encoded slash is a letter: there is no way up. */
START_TEST(an_encoded_slash_separates_nothing)
{
	ck_assert(parsed("/ui/..%2f..%2fetc%2Fpasswd"));
	ck_assert_uint_eq(u.n_segments, 2);
	ck_assert_str_eq(u.segments[1], "../../etc/passwd");
}
END_TEST

START_TEST(what_means_nothing_is_refused)
{
	static const char *const bad[] = { "", "a", "*", "http://127.0.0.1/", "/../etc/passwd", "/ui/..", "/ui/../x",
		"/./x", "/%2e%2e/x", "/%2E./x", "/a%", "/a%4", "/a%4g", "/a%00b", "/a%0ab", "/a%7f", "/a\n", "/%ff", "/%c0%af",
		"/%ed%a0%80", "/a?x=%", "/a?%zz=1", "/a?x=%00", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
		"/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!parsed(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(a_target_may_not_be_too_long)
{
	char *target = malloc(URI_MAX + 2);

	memset(target, 'a', URI_MAX + 1);
	target[0] = '/';
	target[URI_MAX + 1] = '\0';
	ck_assert(!parsed(target));
	target[URI_MAX] = '\0';
	ck_assert(parsed(target));
	free(target);
}
END_TEST

START_TEST(what_is_written_out_comes_before_a_word)
{
	ck_assert_ptr_eq(found("GET", "/").route, &own[0]);
	ck_assert_ptr_eq(found("GET", "/t/words").route, &own[2]);
	ck_assert_ptr_eq(found("GET", "/t/summary").route, &own[3]);
	ck_assert_ptr_eq(found("GET", "/t/%73ummary").route, &own[3]);
	ck_assert_ptr_eq(found("POST", "/t/words/kill/0").route, &other[0]);
}
END_TEST

START_TEST(words_are_found_by_their_names)
{
	const struct route *r = found("POST", "/t/a%2Fb/kill/30").route;

	ck_assert_str_eq(routes_word(r->pattern, &u, "id"), "a/b");
	ck_assert_str_eq(routes_word(r->pattern, &u, "wait"), "30");
	ck_assert_ptr_null(routes_word(r->pattern, &u, "i"));
	ck_assert_ptr_null(routes_word(r->pattern, &u, "kill"));
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
	static const char *const none[] = { "/t", "/t/", "/t//log", "/ui/", "/ui/a/b", "/T/words", "/t/words/kill",
		"/t/words/kill/", "/t/words/kill/0/", "/%74x", "//" };

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct routes_found f = found("GET", none[i]);

		ck_assert_msg(f.route == NULL && !f.get && !f.post, "%s", none[i]);
	}
}
END_TEST

START_TEST(another_method_is_told_from_another_path)
{
	struct routes_found f = found("GET", "/t/words/kill/0");

	ck_assert(f.route == NULL && !f.get && f.post);
	f = found("DELETE", "/t/words/log");
	ck_assert(f.route == NULL && f.get && f.post);
	f = found("POST", "/t/summary");
	ck_assert(f.route == NULL && f.get && !f.post);
}
END_TEST

/* Whatever segments and parameters say, encoded they come out as they were. */
static void put_encoded(struct buf *target, struct buf *plain, uint64_t *state)
{
	static const char letters[] = "abc/%?&=+ .;:\"<>{}";

	for (uint32_t n = 1 + pick(state, 6); n > 0; n--) {
		char c = letters[pick(state, sizeof letters - 1)];

		buf_add(plain, &c, 1);
		buf_printf(target, "%%%02x", (unsigned)c);
	}
}

START_TEST(encoded_and_taken_apart_is_what_it_was)
{
	uint64_t state = seed + (uint64_t)_i;
	struct buf target = { 0 }, plain[8] = { { 0 } };
	uint32_t segments = 1 + pick(&state, 4), i;

	for (i = 0; i < segments; i++) {
		buf_puts(&target, "/");
		put_encoded(&target, &plain[i], &state);
	}
	buf_puts(&target, "?");
	put_encoded(&target, &plain[6], &state);
	buf_puts(&target, "=");
	put_encoded(&target, &plain[7], &state);
	for (i = 0; i < segments; i++)
		if (strcmp(buf_text(&plain[i]), ".") == 0 || strcmp(buf_text(&plain[i]), "..") == 0)
			break;
	ck_assert_int_eq(parsed(buf_text(&target)), i == segments);
	for (i = 0; u.n_parameters > 0 && i < segments; i++)
		ck_assert_str_eq(u.segments[i], buf_text(&plain[i]));
	if (u.n_parameters > 0)
		ck_assert_str_eq(uri_parameter(&u, buf_text(&plain[6])), buf_text(&plain[7]));
	for (i = 0; i < 8; i++)
		buf_free(&plain[i]);
	buf_free(&target);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("routes");
	TCase *c = tcase_create("routes");
	SRunner *sr;
	int bad;

	seed = test_seed();
	tcase_add_checked_fixture(c, NULL, finish);
	tcase_add_test(c, a_path_has_segments);
	tcase_add_test(c, a_query_has_parameters);
	tcase_add_test(c, an_encoded_slash_separates_nothing);
	tcase_add_test(c, what_means_nothing_is_refused);
	tcase_add_test(c, a_target_may_not_be_too_long);
	tcase_add_test(c, what_is_written_out_comes_before_a_word);
	tcase_add_test(c, words_are_found_by_their_names);
	tcase_add_test(c, what_is_not_there_is_not_found);
	tcase_add_test(c, another_method_is_told_from_another_path);
	tcase_add_loop_test(c, encoded_and_taken_apart_is_what_it_was, 0, getenv("GALE_QUICK") ? 50 : 500);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	bad = srunner_ntests_failed(sr);
	srunner_free(sr);
	return bad > 0;
}
