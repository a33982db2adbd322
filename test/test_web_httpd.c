/* test_web_httpd.c - HTTP over real connections, whose other ends are in this process, too.
 * SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "httpd.h"
#include "memory.h"
#include "routes.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HOST "Host: localhost\r\n"
#define POST_TO(path) "POST " path " HTTP/1.1\r\n" HOST "X-Gale-Token: " TOKEN "\r\nContent-Type: application/json\r\n"

enum { MANY = 1200, PATIENCE_S = 60 };

static struct watches watches;
static struct guard guard = { .reach = GUARD_LOOPBACK, .host = "127.0.0.1", .token = TOKEN };
static struct httpd *h;
static struct address address;
static struct exchange *waiting;	/* whose answer is put off */
static unsigned n_gone, n_asked;
static struct error e;

/* ---- the server -------------------------------------------------------------------- */

static void say(struct exchange *x, const char *text, size_t n)
{
	struct buf body = { 0 };

	buf_add(&body, text, n);
	exchange_answer(x, 200, "text/plain", &body);
}

static void hello(struct site *site, struct exchange *x)
{
	(void)site;
	say(x, "hello", 5);
}

static void echo(struct site *site, struct exchange *x)
{
	const char *body;
	size_t n;

	(void)site;
	body = exchange_body(x, &n);
	ck_assert_uint_eq(strlen(body), n);
	say(x, body, n);
}

static void gone(void *arg)
{
	ck_assert_ptr_eq(arg, &n_gone);
	n_gone++;
	waiting = NULL;
}

static void later(struct site *site, struct exchange *x)
{
	(void)site;
	exchange_later(x, gone, &n_gone);
	waiting = x;
}

static void at_once(struct site *site, struct exchange *x)
{
	(void)site;
	exchange_later(x, gone, &n_gone);
	say(x, "at once", 7);
}

static void silent(struct site *site, struct exchange *x)
{
	(void)site;
	(void)x;
}

static const struct route routes[] = {
	{ .method = "GET", .pattern = "/hello", .answer = hello },
	{ .method = "POST", .pattern = "/echo", .answer = echo },
	{ .method = "GET", .pattern = "/later", .answer = later },
	{ .method = "GET", .pattern = "/at-once", .answer = at_once },
	{ .method = "GET", .pattern = "/silent", .answer = silent },
	{ .pattern = NULL },
};
static const struct route *const tables[] = { routes, NULL };

static const struct route *found(void *arg, struct exchange *x, const char *method)
{
	struct routes_found f = routes_find(tables, method, exchange_uri(x));

	(void)arg;
	if (f.route == NULL)
		exchange_error(x, 404, "notFound", "%s", exchange_target(x));
	return f.route;
}

static void ask(void *arg, struct exchange *x)
{
	n_asked++;
	exchange_route(x)->answer(arg, x);
}

static void answered(void *arg, struct exchange *x, unsigned status, struct answer *a)
{
	(void)arg;
	(void)x;
	(void)status;
	(void)a;
}

static const struct httpd_ops ops = { found, ask, answered };

static void start(void)
{
	int listener;

	ck_assert_int_eq(watches_open(&watches, &e), 0);
	ck_assert_int_eq(address_parse(&address, "127.0.0.1:0", &e), 0);
	listener = address_listen(&address, &e);
	ck_assert_msg(listener >= 0, "%s", e.text);
	h = httpd_open(&watches, listener, &guard, &ops, NULL, &e);
	ck_assert_msg(h != NULL, "%s", e.text);
	waiting = NULL;
	n_gone = n_asked = 0;
}

static void finish(void)
{
	httpd_close(h);
	watches_close(&watches);
}

/* turn is one turn of a loop: it waits, for MS at most. */
static void turn(int ms)
{
	struct pollfd p = { .fd = watches.fd, .events = POLLIN };
	int until = httpd_timeout_ms(h);

	poll(&p, 1, until >= 0 && until < ms ? until : ms);
	watches_serve(&watches, clock_now_ns());
	httpd_serve(h, clock_now_ns());
}

/* ---- clients ----------------------------------------------------------------------- */

static int connected(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(address.port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert(connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0 || errno == EINPROGRESS);
	turn(10);
	return fd;
}

/* told sends N bytes at TEXT; the server may hang up meanwhile. */
static void told(int fd, const char *text, size_t n)
{
	uint64_t until = clock_now_ns() + PATIENCE_S * (uint64_t)NS_PER_S;
	ssize_t put;

	for (size_t done = 0; done < n; done += put > 0 ? (size_t)put : 0) {
		put = send(fd, text + done, n - done, MSG_NOSIGNAL);
		if (put < 0 && errno != EAGAIN)
			return;
		turn(put < 0 ? 10 : 0);
		ck_assert(clock_now_ns() < until);
	}
}

static void says(int fd, const char *text)
{
	told(fd, text, strlen(text));
}

/* heard waits until what FD gives has WHAT in it, or the server hangs up, and gives it; "" at once
 * when the server hangs up. Free it. */
static char *heard(int fd, const char *what)
{
	uint64_t until = clock_now_ns() + PATIENCE_S * (uint64_t)NS_PER_S;
	struct buf b = { 0 };
	char block[4096];
	ssize_t n;

	while (strstr(buf_text(&b), what) == NULL && (n = recv(fd, block, sizeof block, 0)) != 0) {
		if (n > 0)
			buf_add(&b, block, (size_t)n);
		else if (errno != EAGAIN)
			break;
		turn(n > 0 ? 0 : 10);
		ck_assert_msg(clock_now_ns() < until, "no \"%s\" in \"%s\"", what, buf_text(&b));
	}
	buf_text(&b);
	return b.data;
}

/* hears fails unless WHAT comes. */
static void hears(int fd, const char *what)
{
	char *text = heard(fd, what);

	ck_assert_msg(strstr(text, what) != NULL, "no \"%s\" in \"%s\"", what, text);
	free(text);
}

static bool is_hung_up_on(int fd)
{
	char c;
	ssize_t n = recv(fd, &c, 1, 0);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

START_TEST(it_answers_one_after_the_other)
{
	int fd = connected();

	for (int i = 0; i < 3; i++) {
		says(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
		hears(fd, "hello");
	}
	says(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\nGET /nothing HTTP/1.1\r\n" HOST "\r\n");
	hears(fd, "notFound");
	close(fd);
}
END_TEST

START_TEST(head_has_no_body)
{
	int fd = connected();
	char *text;

	says(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\nGET /silent HTTP/1.1\r\n" HOST "\r\n");
	text = heard(fd, "noAnswer");
	ck_assert_ptr_nonnull(strstr(text, "Content-Length: 5\r\n"));
	ck_assert_ptr_null(strstr(text, "hello"));
	free(text);
	close(fd);
}
END_TEST

START_TEST(every_answer_says_what_browsers_may_do)
{
	static const char *const paths[] = { "/hello", "/nothing", "/%00" };

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char *text = xasprintf("GET %s HTTP/1.1\r\n" HOST "\r\n", paths[i]), *answer;
		int fd = connected();

		says(fd, text);
		answer = heard(fd, "Content-Length");
		ck_assert_ptr_nonnull(strstr(answer, "Content-Security-Policy: default-src 'self'"));
		ck_assert_ptr_nonnull(strstr(answer, "X-Content-Type-Options: nosniff"));
		ck_assert_ptr_nonnull(strstr(answer, "Referrer-Policy: no-referrer"));
		ck_assert_ptr_nonnull(strstr(answer, "Cache-Control: no-store"));
		ck_assert_ptr_null(strstr(answer, "Access-Control"));
		close(fd);
		free(answer);
		free(text);
	}
}
END_TEST

START_TEST(what_the_guard_refuses_is_asked_of_nobody)
{
	int fd = connected();

	says(fd, "GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	hears(fd, "foreignHost");
	close(fd);
	fd = connected();
	says(fd, "GET /hello HTTP/1.1\r\n" HOST HOST "\r\n");
	hears(fd, "noHost");
	close(fd);
	fd = connected();
	says(fd, "POST /echo HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
	hears(fd, "noToken");
	close(fd);
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

/* ---- bodies ------------------------------------------------------------------------ */

START_TEST(a_body_comes_in_pieces)
{
	int fd = connected();

	says(fd, POST_TO("/echo") "Content-Length: 10\r\n\r\n01234");
	ck_assert_uint_eq(n_asked, 0);
	says(fd, "56789");
	hears(fd, "0123456789");
	says(fd, POST_TO("/echo") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\n");
	says(fd, "de\r\n0\r\n\r\n");
	hears(fd, "abcde");
	says(fd, POST_TO("/echo") "Content-Length: 0\r\n\r\n");
	hears(fd, "Content-Length: 0");
	close(fd);
}
END_TEST

START_TEST(a_body_that_says_it_is_too_long_is_not_read)
{
	int fd = connected();

	says(fd, POST_TO("/echo") "Content-Length: 1048577\r\n\r\n");
	hears(fd, "tooLarge");
	close(fd);
	fd = connected();
	says(fd, POST_TO("/echo") "Content-Length: 99999999999999999999999\r\n\r\n");
	says(fd, "x");
	free(heard(fd, "nothing of the kind"));	/* libmicrohttpd hangs up, or answers */
	close(fd);
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

static void says_chunks(int fd, unsigned n)
{
	static char chunk[65536 + 16];
	int head = snprintf(chunk, sizeof chunk, "%x\r\n", 65536);

	memset(chunk + head, 'x', 65536);
	memcpy(chunk + head + 65536, "\r\n", 2);
	while (n-- > 0)
		told(fd, chunk, (size_t)head + 65536 + 2);
}

START_TEST(a_body_of_unknown_length_ends_too)
{
	int fd = connected();

	says(fd, POST_TO("/echo") "Transfer-Encoding: chunked\r\n\r\n");
	says_chunks(fd, 17);
	says(fd, "0\r\n\r\n");
	hears(fd, "tooLarge");
	close(fd);
	fd = connected();
	says(fd, POST_TO("/echo") "Transfer-Encoding: chunked\r\n\r\n");
	says_chunks(fd, 300);	/* 19 MiB: nobody listens to the end */
	free(heard(fd, "nothing of the kind"));
	ck_assert(is_hung_up_on(fd));
	close(fd);
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

START_TEST(a_megabyte_of_header_is_refused)
{
	static char line[1 << 20];
	int fd = connected();
	char *text;

	memset(line, 'x', sizeof line);
	says(fd, "GET /hello HTTP/1.1\r\n" HOST "X-Large: ");
	told(fd, line, sizeof line);
	text = heard(fd, "nothing of the kind");
	ck_assert(text[0] == '\0' || strstr(text, " 431 ") != NULL);
	free(text);
	close(fd);
	fd = connected();
	says(fd, "GET /");
	told(fd, line, sizeof line);
	text = heard(fd, "nothing of the kind");
	ck_assert(text[0] == '\0' || strstr(text, " 414 ") != NULL);
	free(text);
	close(fd);
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

/* libmicrohttpd keeps headers and what it finds in them in the same 16 KiB. Where that does not fit, not even
 * a refusal may. */
START_TEST(headers_that_nearly_fit_leave_nothing_behind)
{
	static char line[HTTPD_HEADER_MAX];
	size_t before = 0;

	memset(line, 'x', sizeof line);
	for (size_t n = HTTPD_HEADER_MAX - 1200; n < HTTPD_HEADER_MAX - 200; n += 8) {
		int fd = connected();

		says(fd, "GET /");
		told(fd, line, n);
		says(fd, " HTTP/1.1\r\n" HOST "Connection: close\r\nCookie: a=b\r\n\r\n");
		free(heard(fd, "nothing of the kind"));
		close(fd);
		turn(0);
		if (before == 0)
			before = mallinfo2().uordblks;
	}
	ck_assert_uint_lt(mallinfo2().uordblks, before + 4 * (size_t)HTTPD_HEADER_MAX);
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

/* ---- later ------------------------------------------------------------------------- */

START_TEST(an_answer_may_come_later)
{
	int fd = connected(), other = connected();

	says(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	while (waiting == NULL)
		turn(10);
	says(other, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	hears(other, "hello");
	say(waiting, "at last", 7);
	hears(fd, "at last");
	says(fd, "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	hears(fd, "hello");
	says(fd, "GET /at-once HTTP/1.1\r\n" HOST "\r\n");
	hears(fd, "at once");
	ck_assert_uint_eq(n_gone, 0);
	close(fd);
	close(other);
}
END_TEST

static void wait_until_gone(void)
{
	uint64_t until = clock_now_ns() + PATIENCE_S * (uint64_t)NS_PER_S;

	while (n_gone == 0 && clock_now_ns() < until)
		turn(10);
	ck_assert_uint_eq(n_gone, 1);
	turn(0);
}

START_TEST(who_goes_is_told_to_who_would_answer)
{
	struct linger abort = { .l_onoff = 1 };
	int fd = connected();

	says(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	while (waiting == NULL)
		turn(10);
	close(fd);
	wait_until_gone();
	n_gone = 0;
	fd = connected();
	says(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	while (waiting == NULL)
		turn(10);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
	close(fd);	/* with a reset */
	wait_until_gone();
}
END_TEST

START_TEST(the_end_of_the_server_is_told_too)
{
	int fd = connected();

	says(fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	while (waiting == NULL)
		turn(10);
	httpd_close(h);
	h = NULL;
	ck_assert_uint_eq(n_gone, 1);
	close(fd);
}
END_TEST

/* ---- many, and slow ---------------------------------------------------------------- */

START_TEST(twelve_hundred_are_served)
{
	struct rlimit limit;
	int fds[MANY];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < 2 * MANY + 100)
		return;		/* both ends are here */
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (size_t i = 0; i < MANY; i++)
		fds[i] = connected();
	for (size_t i = 0; i < MANY; i++)
		says(fds[i], "GET /hello HTTP/1.1\r\n" HOST "\r\n");
	for (size_t i = 0; i < MANY; i++) {
		hears(fds[i], "hello");
		close(fds[i]);
	}
	ck_assert_uint_eq(n_asked, MANY);
}
END_TEST

/* After their time they are closed, and who is only idle too; but not who waits for an answer. */
START_TEST(slow_ones_lose_their_places)
{
	uint64_t late = clock_now_ns() + (HTTPD_PATIENCE_S + 5) * (uint64_t)NS_PER_S;
	int silent_one = connected(), slow = connected(), patient = connected(), slow_body = connected();

	says(slow, "GET /hello HTTP/1.1\r\nHo");
	says(slow_body, POST_TO("/echo") "Content-Length: 10\r\n\r\n0");
	says(patient, "GET /later HTTP/1.1\r\n" HOST "\r\n");
	while (waiting == NULL)
		turn(10);
	httpd_serve(h, late - 10 * (uint64_t)NS_PER_S);
	says(slow, "s");
	ck_assert(!is_hung_up_on(slow) && !is_hung_up_on(silent_one));
	httpd_serve(h, late);
	free(heard(slow, "nothing of the kind"));
	free(heard(slow_body, "nothing of the kind"));
	free(heard(silent_one, "nothing of the kind"));
	ck_assert(is_hung_up_on(slow) && is_hung_up_on(silent_one) && is_hung_up_on(slow_body));
	ck_assert_uint_eq(n_gone, 0);
	say(waiting, "at last", 7);
	hears(patient, "at last");
	close(slow);
	close(slow_body);
	close(patient);
	close(silent_one);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("httpd");
	TCase *c = tcase_create("httpd");
	SRunner *sr;
	int bad;

	tcase_set_timeout(c, 2 * PATIENCE_S);
	tcase_add_checked_fixture(c, start, finish);
	tcase_add_test(c, it_answers_one_after_the_other);
	tcase_add_test(c, head_has_no_body);
	tcase_add_test(c, every_answer_says_what_browsers_may_do);
	tcase_add_test(c, what_the_guard_refuses_is_asked_of_nobody);
	tcase_add_test(c, a_body_comes_in_pieces);
	tcase_add_test(c, a_body_that_says_it_is_too_long_is_not_read);
	tcase_add_test(c, a_body_of_unknown_length_ends_too);
	tcase_add_test(c, a_megabyte_of_header_is_refused);
	tcase_add_test(c, headers_that_nearly_fit_leave_nothing_behind);
	tcase_add_test(c, an_answer_may_come_later);
	tcase_add_test(c, who_goes_is_told_to_who_would_answer);
	tcase_add_test(c, the_end_of_the_server_is_told_too);
	tcase_add_test(c, twelve_hundred_are_served);
	tcase_add_test(c, slow_ones_lose_their_places);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	bad = srunner_ntests_failed(sr);
	srunner_free(sr);
	return bad > 0;
}
