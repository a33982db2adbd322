/* test_web_token.c - the file of the token, and addresses to listen on. SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "address.h"
#include "memory.h"
#include "token.h"

static char dir[64], *path;
static char token[TOKEN_DIGITS + 1];
static struct address a;
static struct error e;

static void start(void)
{
	strcpy(dir, "/tmp/gale.token.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("XDG_STATE_HOME", dir, 1);
	path = token_path();
}

static void finish(void)
{
	char *base = xasprintf("%s/gale", dir);

	unlink(path);
	rmdir(base);
	rmdir(dir);
	free(base);
	free(path);
}

static void put(const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	fchmod(fd, mode);
	close(fd);
}

START_TEST(it_is_made_once_and_ours_alone)
{
	char again[TOKEN_DIGITS + 1];
	struct stat st;

	ck_assert_int_eq(token_get(token, &e), 0);
	ck_assert_uint_eq(strspn(token, "0123456789abcdef"), TOKEN_DIGITS);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(token_get(again, &e), 0);
	ck_assert_str_eq(token, again);
	unlink(path);
	ck_assert_int_eq(token_get(again, &e), 0);
	ck_assert_str_ne(token, again);
}
END_TEST

/* Eight processes at once; each ends with a digit of what it has got. */
START_TEST(all_who_make_it_get_the_same)
{
	int ends[8];
	pid_t pids[8];

	for (size_t i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(token_get(token, &e) == 0 ? token[7] : 0);
	}
	for (size_t i = 0; i < 8; i++)
		waitpid(pids[i], &ends[i], 0);
	ck_assert_int_eq(token_get(token, &e), 0);
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(WEXITSTATUS(ends[i]), token[7]);
}
END_TEST

static void refused(const char *why)
{
	e.text[0] = '\0';
	ck_assert_int_eq(token_get(token, &e), -1);
	ck_assert_msg(strstr(e.text, why) != NULL, "%s", e.text);
}

START_TEST(what_others_can_read_is_no_secret)
{
	ck_assert_int_eq(token_get(token, &e), 0);
	chmod(path, 0640);
	refused("open to other users");
	chmod(path, 0604);
	refused("open to other users");
}
END_TEST

START_TEST(what_is_no_token_is_refused)
{
	ck_assert_int_eq(token_get(token, &e), 0);
	put("", 0600);
	refused("holds no token");
	put("00112233445566778899aabbccddeeff00112233445566778899aabbccddeef\n", 0600);
	refused("holds no token");
	put("00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff\n", 0600);
	refused("holds no token");
	put("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0\n", 0600);
	refused("holds no token");
}
END_TEST

START_TEST(a_link_or_a_pipe_is_refused)
{
	ck_assert_int_eq(token_get(token, &e), 0);
	unlink(path);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	refused("cannot open");
	unlink(path);
	ck_assert_int_eq(symlink("/nowhere", path), 0);
	refused("cannot open");
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	refused("is not a file of yours");
}
END_TEST

START_TEST(a_base_that_is_open_is_refused)
{
	char *base = xasprintf("%s/gale", dir);

	ck_assert_int_eq(mkdir(base, 0755), 0);
	refused("open to other users");
	free(base);
}
END_TEST

/* ---- addresses --------------------------------------------------------------------- */

static void is(const char *text, const char *host, unsigned port)
{
	ck_assert_msg(address_parse(&a, text, &e) == 0, "%s: %s", text, e.text);
	ck_assert_str_eq(a.host, host);
	ck_assert_uint_eq(a.port, port);
	ck_assert_ptr_null(a.path);
}

START_TEST(addresses_have_a_host_and_a_port)
{
	is("127.0.0.1:8080", "127.0.0.1", 8080);
	is("[::1]:0", "::1", 0);
	is("gale.example:65535", "gale.example", 65535);
	ck_assert_int_eq(address_parse(&a, "unix:/run/x.sock", &e), 0);
	ck_assert_str_eq(a.path, "/run/x.sock");
}
END_TEST

START_TEST(what_is_no_address_is_refused)
{
	static const char *const bad[] = { "", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
		"127.0.0.1: 80", "127.0.0.1:80x", "::1:8080", "[::1]", "[::1:8080", "[]:8080", "unix:",
		"127.0.0.1:99999999999999999999" };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(address_parse(&a, bad[i], &e) != 0, "%s", bad[i]);
}
END_TEST

START_TEST(a_socket_that_was_left_is_replaced_and_one_in_use_is_not)
{
	char *text = xasprintf("unix:%s/s", dir);
	struct stat st;
	int fd;

	ck_assert_int_eq(address_parse(&a, text, &e), 0);
	fd = address_listen(&a, &e);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(a.reach, GUARD_UNIX);
	ck_assert_int_eq(stat(a.path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(address_listen(&a, &e), -1);
	ck_assert_msg(strstr(e.text, "another program does") != NULL, "%s", e.text);
	close(fd);
	fd = address_listen(&a, &e);
	ck_assert_msg(fd >= 0, "%s", e.text);
	close(fd);
	unlink(a.path);
	fd = open(a.path, O_WRONLY | O_CREAT | O_EXCL, 0600);	/* no socket: it stays */
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(address_listen(&a, &e), -1);
	ck_assert_int_eq(unlink(a.path), 0);
	free(text);
}
END_TEST

START_TEST(a_port_is_found_and_told)
{
	struct address second;
	char *text, *url;
	int fd;

	ck_assert_int_eq(address_parse(&a, "localhost:0", &e), 0);
	fd = address_listen(&a, &e);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_ne(a.port, 0);
	ck_assert_int_eq(a.reach, GUARD_LOOPBACK);
	url = address_url(&a, "box");
	text = xasprintf("http://localhost:%u/", a.port);
	ck_assert_str_eq(url, text);
	free(text);
	text = xasprintf("127.0.0.1:%u", a.port);
	ck_assert_int_eq(address_parse(&second, text, &e), 0);
	ck_assert_int_eq(address_listen(&second, &e), -1);
	ck_assert_msg(strstr(e.text, "another program does") != NULL, "%s", e.text);
	close(fd);
	free(text);
	free(url);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("token");
	TCase *c = tcase_create("token");
	SRunner *sr;
	int bad;

	tcase_add_checked_fixture(c, start, finish);
	tcase_add_test(c, it_is_made_once_and_ours_alone);
	tcase_add_test(c, all_who_make_it_get_the_same);
	tcase_add_test(c, what_others_can_read_is_no_secret);
	tcase_add_test(c, what_is_no_token_is_refused);
	tcase_add_test(c, a_link_or_a_pipe_is_refused);
	tcase_add_test(c, a_base_that_is_open_is_refused);
	tcase_add_test(c, addresses_have_a_host_and_a_port);
	tcase_add_test(c, what_is_no_address_is_refused);
	tcase_add_test(c, a_socket_that_was_left_is_replaced_and_one_in_use_is_not);
	tcase_add_test(c, a_port_is_found_and_told);
	suite_add_tcase(s, c);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	bad = srunner_ntests_failed(sr);
	srunner_free(sr);
	return bad > 0;
}
