/* test_web_guard.c - which requests may pass. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct guard g;
static struct guard_request r;

/* A page of gale's asks a server on loopback to kill something. */
static void start(void)
{
	g = (struct guard){ .reach = GUARD_LOOPBACK, .port = 8080, .host = "127.0.0.1", .machine = "box", .token = TOKEN };
	r = (struct guard_request){ .posts = true, .hosts = 1, .host = "127.0.0.1:8080",
		.origin = "http://127.0.0.1:8080", .fetch_site = "same-origin", .content_type = "application/json",
		.token = TOKEN };
}

static unsigned judged(void)
{
	struct guard_verdict v = guard_judge(&g, &r);

	ck_assert(v.status == 0 || (v.code != NULL && v.message != NULL));
	return v.status;
}

static unsigned with_host(const char *host)
{
	r.host = host;
	r.origin = NULL;
	return judged();
}

START_TEST(the_page_may)
{
	ck_assert_uint_eq(judged(), 0);
}
END_TEST

START_TEST(a_server_on_loopback_has_these_names)
{
	static const char *const ours[] = { "127.0.0.1:8080", "localhost:8080", "LocalHost:8080", "[::1]:8080" };
	static const char *const foreign[] = { "evil.example", "evil.example:8080", "127.0.0.1", "127.0.0.1:8081",
		"127.0.0.1:80800", "127.0.0.1:", "127.0.0.1:8080x", "127.0.0.1:+8080", "localhost.evil.example:8080",
		"localhost.:8080", "box:8080", "192.0.2.1:8080", "[::1:8080", "::1:8080", "[]:8080", ":8080", "",
		"127.0.0.1:8080, evil.example", "127.0.0.1@evil.example:8080", "0:8080", "[::1]8080" };

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		ck_assert_msg(with_host(ours[i]) == 0, "%s", ours[i]);
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		ck_assert_msg(with_host(foreign[i]) == 403, "%s", foreign[i]);
}
END_TEST

START_TEST(a_host_that_is_too_long_is_foreign)
{
	char *host = malloc(100000);

	memset(host, 'a', 99999);
	host[99999] = '\0';
	ck_assert_uint_eq(with_host(host), 403);
	free(host);
}
END_TEST

START_TEST(port_80_need_not_be_said)
{
	g.port = 80;
	ck_assert_uint_eq(with_host("127.0.0.1"), 0);
	ck_assert_uint_eq(with_host("127.0.0.1:80"), 0);
	ck_assert_uint_eq(with_host("127.0.0.1:8080"), 403);
}
END_TEST

START_TEST(there_is_one_host)
{
	r.hosts = 2;
	ck_assert_uint_eq(judged(), 400);
	r.hosts = 0;
	r.host = NULL;
	ck_assert_uint_eq(judged(), 400);
}
END_TEST

START_TEST(a_socket_is_localhost)
{
	g.reach = GUARD_UNIX;
	g.port = 0;
	ck_assert_uint_eq(with_host("localhost"), 0);
	ck_assert_uint_eq(with_host("evil.example"), 403);
	ck_assert_uint_eq(with_host("127.0.0.1"), 403);
}
END_TEST

/* An address can't be another site's name; a name can. */
START_TEST(an_open_server_has_addresses_and_its_own_names)
{
	g.reach = GUARD_OPEN;
	strcpy(g.host, "gale.example");
	ck_assert_uint_eq(with_host("gale.example:8080"), 0);
	ck_assert_uint_eq(with_host("box:8080"), 0);
	ck_assert_uint_eq(with_host("192.0.2.1:8080"), 0);
	ck_assert_uint_eq(with_host("[2001:db8::1]:8080"), 0);
	ck_assert_uint_eq(with_host("evil.example:8080"), 403);
}
END_TEST

START_TEST(another_site_may_not_change_anything)
{
	static const char *const foreign[] = { "http://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:8081",
		"https://127.0.0.1:8080", "http://127.0.0.1:8080.evil.example", "http://localhost:8080", "" };

	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
		r.origin = foreign[i];
		ck_assert_msg(judged() == 403, "%s", foreign[i]);
	}
	start();
	r.fetch_site = "cross-site";
	ck_assert_uint_eq(judged(), 403);
	r.fetch_site = "same-site";
	ck_assert_uint_eq(judged(), 403);
	r.fetch_site = "none";
	ck_assert_uint_eq(judged(), 0);
}
END_TEST

START_TEST(a_program_says_no_origin)
{
	r.origin = r.fetch_site = NULL;
	ck_assert_uint_eq(judged(), 0);
}
END_TEST

/* A page of another site can show ours, and have nothing else asked for by a browser here. */
START_TEST(a_link_from_elsewhere_shows_the_page)
{
	r = (struct guard_request){ .hosts = 1, .host = "localhost:8080", .fetch_site = "cross-site" };
	ck_assert_uint_eq(judged(), 403);
	r.harmless = true;
	ck_assert_uint_eq(judged(), 0);
	r.harmless = false;
	r.fetch_site = "same-site";
	ck_assert_uint_eq(judged(), 403);
	r.fetch_site = "none";
	ck_assert_uint_eq(judged(), 0);
}
END_TEST

START_TEST(what_reaches_a_topology_takes_the_token)
{
	r.posts = false;
	r.reaches = true;
	ck_assert_uint_eq(judged(), 0);
	r.token = NULL;
	ck_assert_uint_eq(judged(), 401);
	r.harmless = true;
	ck_assert_uint_eq(judged(), 401);
	r.reaches = false;
	ck_assert_uint_eq(judged(), 0);
}
END_TEST

START_TEST(a_change_takes_the_token)
{
	r.token = NULL;
	ck_assert_uint_eq(judged(), 401);
	r.authorization = "Bearer " TOKEN;
	ck_assert_uint_eq(judged(), 0);
	r.authorization = "Basic " TOKEN;
	ck_assert_uint_eq(judged(), 401);
	r.authorization = "Bearer wrong";
	ck_assert_uint_eq(judged(), 403);
	r.token = "";
	ck_assert_uint_eq(judged(), 403);
	r.token = TOKEN "0";
	ck_assert_uint_eq(judged(), 403);
}
END_TEST

START_TEST(no_digit_of_the_token_may_be_wrong)
{
	char token[] = TOKEN;

	for (size_t i = 0; i < TOKEN_DIGITS; i++) {
		token[i] = (char)(token[i] ^ 1);
		ck_assert(!guard_token_is(&g, token));
		token[i] = (char)(token[i] ^ 1);
	}
	ck_assert(guard_token_is(&g, token));
	token[TOKEN_DIGITS - 1] = '\0';
	ck_assert(!guard_token_is(&g, token));
	ck_assert(!guard_token_is(&g, NULL));
}
END_TEST

START_TEST(a_server_without_a_token_has_none_that_is_right)
{
	g.token[0] = '\0';
	ck_assert(!guard_token_is(&g, ""));
	ck_assert(!guard_token_is(&g, NULL));
}
END_TEST

/* For who looks, too, where others can come; but for what the page is made of. */
START_TEST(an_open_server_takes_the_token)
{
	r.posts = false;
	r.token = NULL;
	ck_assert_uint_eq(judged(), 0);
	g.reach = GUARD_OPEN;
	ck_assert_uint_eq(judged(), 401);
	r.harmless = true;
	ck_assert_uint_eq(judged(), 0);
	r.posts = true;
	ck_assert_uint_eq(judged(), 401);
}
END_TEST

START_TEST(a_change_is_said_in_json)
{
	r.content_type = "application/json; charset=utf-8";
	ck_assert_uint_eq(judged(), 0);
	r.content_type = "Application/JSON ;charset=utf-8";
	ck_assert_uint_eq(judged(), 0);
	r.content_type = NULL;
	ck_assert_uint_eq(judged(), 415);
	r.content_type = "text/plain";
	ck_assert_uint_eq(judged(), 415);
	r.content_type = "application/jsonp";
	ck_assert_uint_eq(judged(), 415);
	r.content_type = "text/plain; application/json";
	ck_assert_uint_eq(judged(), 415);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("guard");
	TCase *c = tcase_create("guard");
	SRunner *sr;
	int bad;

	tcase_add_checked_fixture(c, start, NULL);
	tcase_add_test(c, the_page_may);
	tcase_add_test(c, a_server_on_loopback_has_these_names);
	tcase_add_test(c, a_host_that_is_too_long_is_foreign);
	tcase_add_test(c, port_80_need_not_be_said);
	tcase_add_test(c, there_is_one_host);
	tcase_add_test(c, a_socket_is_localhost);
	tcase_add_test(c, an_open_server_has_addresses_and_its_own_names);
	tcase_add_test(c, another_site_may_not_change_anything);
	tcase_add_test(c, a_program_says_no_origin);
	tcase_add_test(c, a_link_from_elsewhere_shows_the_page);
	tcase_add_test(c, what_reaches_a_topology_takes_the_token);
	tcase_add_test(c, a_change_takes_the_token);
	tcase_add_test(c, no_digit_of_the_token_may_be_wrong);
	tcase_add_test(c, a_server_without_a_token_has_none_that_is_right);
	tcase_add_test(c, an_open_server_takes_the_token);
	tcase_add_test(c, a_change_is_said_in_json);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	bad = srunner_ntests_failed(sr);
	srunner_free(sr);
	return bad > 0;
}
