/* test_statelines.c - statelines, statereader: what is written is read back the same, and
 * nothing else is read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "random.h"
#include "seed.h"
#include "statereader.h"

/* check.h defines `fail` as a macro, which is a name of gale.h. */
#include <check.h>

static char path[64];
static uint64_t first_seed;

static void set_up(void)
{
	int fd;

	strcpy(path, "/tmp/test-lines-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void tear_down(void)
{
	unlink(path);
}

static void write_file(const void *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	ck_assert(f != NULL && fwrite(bytes, 1, n, f) == n && fclose(f) == 0);
}

static void put_end(struct buf *b)
{
	uint64_t n_lines = 0, checksum = XXH3_64bits(b->data, b->n);

	for (size_t i = 0; i < b->n; i++)
		n_lines += b->data[i] == '\n';
	buf_printf(b, "{\"lines\":%" PRIu64 ",\"xxh3\":\"%016" PRIx64 "\"}\n", n_lines, checksum);
}

static void make(struct buf *b)
{
	buf_puts(b, "{\"gale\":\"state\",\"format\":1}\n");
	buf_puts(b, "{\"file\":\"topology\",\"content\":\"topology t\\n\"}\n");
	buf_puts(b, "{\"component\":\"a\",\"task\":0,\"version\":1,\"txid\":12}\n");
	statelines_put(b, "a", 0, (gale_slice){ "key", 3 }, (gale_slice){ "\x05\0\0\0\0\0\0\0", 8 });
	put_end(b);
}

/* lines_in reads the file: the number of lines, or -1 when it is refused. */
static int lines_in(void)
{
	struct statereader r;
	struct error e = { "" };
	int n = 0, rc = statereader_open(&r, path, &e);

	while (rc == 0 && (rc = statereader_next(&r, &e)) == 0 && ++n && r.line.kind != LINE_END)
		;
	statereader_close(&r);
	ck_assert(rc == 0 || strstr(e.text, path) != NULL);
	return rc == 0 ? n : -1;
}

START_TEST(a_file_is_read_and_any_byte_that_is_wrong_is_found)
{
	struct buf b = { 0 };

	make(&b);
	write_file(b.data, b.n);
	ck_assert_int_eq(lines_in(), 5);
	for (size_t n = 0; n < b.n; n++) {
		write_file(b.data, n);
		ck_assert_msg(lines_in() < 0, "%zu of %zu bytes", n, b.n);
	}
	for (size_t i = 0; i < 8 * b.n; i++) {
		b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
		write_file(b.data, b.n);
		ck_assert_msg(lines_in() < 0, "bit %zu", i);
		b.data[i / 8] = (char)(b.data[i / 8] ^ 1 << i % 8);
	}
	buf_puts(&b, "{}\n");
	write_file(b.data, b.n);
	ck_assert_int_lt(lines_in(), 0);
	buf_free(&b);
}
END_TEST

/* Lines that an export does not write, under a checksum that is right. */
static const char *const wrong[] = {
	"{\"file\":\"../lock\",\"content\":\"\"}",
	"{\"file\":\"positions/../../x\",\"content\":\"\"}",
	"{\"file\":\"positions/.x\",\"content\":\"\"}",
	"{\"file\":\"lock\",\"content\":\"\"}",
	"{\"file\":\"run\\u0000\",\"content\":\"\"}",
	"{\"component\":\"..\",\"task\":0,\"version\":1,\"txid\":0}",
	"{\"component\":\"a/b\",\"task\":0,\"version\":1,\"txid\":0}",
	"{\"component\":\"\",\"task\":0,\"version\":1,\"txid\":0}",
	"{\"component\":\"a\",\"task\":0,\"version\":0,\"txid\":0}",
	"{\"component\":\"a\",\"task\":4294967296,\"version\":1,\"txid\":0}",
	"{\"component\":\"a\",\"task\":0,\"version\":1,\"txid\":18446744073709551616}",
	"{\"component\":\"a\",\"task\":0,\"key\":\"of no task\",\"value\":\"\"}",
	"{\"component\":\"a\",\"task\":0,\"version\":1,\"txid\":0} ",
	"{\"gale\":\"state\",\"format\":1}",
	"", "{", "{}", "null",
};

START_TEST(lines_that_no_export_writes_are_refused)
{
	struct buf b = { 0 };

	buf_puts(&b, "{\"gale\":\"state\",\"format\":1}\n");
	buf_printf(&b, "%s\n", wrong[_i]);
	put_end(&b);
	write_file(b.data, b.n);
	ck_assert_msg(lines_in() < 0, "%s", wrong[_i]);
	buf_free(&b);
}
END_TEST

/* Random bytes, and random text. */
static void fill(struct buf *b, uint64_t *seed)
{
	static const char *const pieces[] = { "a", "\"", "\\", "\n", "\t", "\r", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\xac", "/", "\x7f", "" };
	uint64_t n = random_next(seed) % 40, kind = random_next(seed) % 3;

	b->n = 0;
	for (uint64_t i = 0; i < n; i++) {
		char c = (char)random_next(seed);

		if (kind == 0)
			buf_add(b, &c, 1);
		else
			buf_puts(b, pieces[random_next(seed) % (kind == 1 ? 10 : 12)]);
	}
}

START_TEST(all_bytes_come_back)
{
	uint64_t seed = random_mix(first_seed);
	struct buf bytes = { 0 }, line = { 0 }, back = { 0 };

	for (int i = 0; i < 20000; i++) {
		fill(&bytes, &seed);
		line.n = 0;
		statelines_put_bytes(&line, (gale_slice){ bytes.data, bytes.n });
		struct statelines_reader r = { line.data, line.data + line.n, false };
		ck_assert_msg(statelines_take_bytes(&r, &back) && r.at == r.end, "%.*s", (int)line.n, line.data);
		ck_assert(back.n == bytes.n && (back.n == 0 || memcmp(back.data, bytes.data, back.n) == 0));
		ck_assert_ptr_null(memchr(line.data, '\n', line.n));
	}
	buf_free(&bytes);
	buf_free(&line);
	buf_free(&back);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state lines");
	TCase *tests = tcase_create("lines");

	first_seed = test_seed();
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_file_is_read_and_any_byte_that_is_wrong_is_found);
	tcase_add_loop_test(tests, lines_that_no_export_writes_are_refused, 0, sizeof wrong / sizeof *wrong);
	tcase_add_test(tests, all_bytes_come_back);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
