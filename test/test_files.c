/* test_files.c - the spout `files`: whatever the files, the ranges and the tasks are, each line comes
 * once; and what has changed is refused by name.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fakehost.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "seed.h"

static uint64_t seed;
static char dir[] = "/tmp/test_files.XXXXXX";

static void make_dir(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *s, size_t n)
{
	FILE *file = fopen(name, "we");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(s, 1, n, file), n);
	ck_assert_int_eq(fclose(file), 0);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void append(const char *name, const char *text)
{
	FILE *file = fopen(name, "ae");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

/* spout makes task INDEX of N_TASKS that reads PATH, which must live as long. */
static struct fake *spout(const char *path, const char *range, uint32_t index, uint32_t n_tasks)
{
	struct fake *f = fake_load("spouts", "files");
	fake_set(f, "path", path);
	if (range != NULL)
		fake_set(f, "range", range);
	f->ctx.index = index;
	f->ctx.n_tasks = n_tasks;
	return f;
}

static struct fake *started(struct fake *f)
{
	int got = fake_start(f);
	ck_assert_msg(got == GALE_OK, "%d: %s", got, f->why);
	return f;
}

#define ck_contains(TEXT, PART) \
	ck_assert_msg(strstr((TEXT), (PART)) != NULL, "\"%s\" is not in: %s", (PART), (TEXT))

/* gives tells what a spout of one task emits, with a bar behind each line. */
static void gives(const char *path, const char *range, const char *expected)
{
	char text[1000] = "";
	struct fake *f = started(spout(path, range, 0, 1));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	for (size_t i = 0; i < f->n_emits; i++) {
		ck_assert(f->emits[i].tracked && !f->emits[i].kept);
		strcat(strcat(text, f->emits[i].values[0].u.s), "|");
	}
	ck_assert_str_eq(text, expected);
	ck_assert(f->positioned && !f->unbounded);
	fake_free(f);
}

/* ---- Which files ------------------------------------------------------------------- */

START_TEST(a_path_names_files_in_order_of_their_names)
{
	char pattern[64], odd[64];
	put_text("b", "b1\nb2");
	put_text("a", "a1\n\na3\r\n");
	put_text("c", "");
	put_text("d.txt", "d1\n");
	put_text("e*.txt", "e1\n");
	put_text(".gale-hidden", "never\n");
	ck_assert_int_eq(mkdir("a.folder", 0700), 0);
	ck_assert_int_eq(symlink("b", "f"), 0);
	gives(dir, NULL, "a1||a3\r|b1|b2|d1|e1|b1|b2|");
	gives(dir, "1", "a1||a3\r|b1|b2|d1|e1|b1|b2|");
	snprintf(pattern, sizeof pattern, "%s/[a-d]*", dir);
	gives(pattern, "3", "a1||a3\r|b1|b2|d1|");
	snprintf(odd, sizeof odd, "%s/e*.txt", dir);
	gives(odd, NULL, "e1|");
	snprintf(odd, sizeof odd, "%s/c", dir);
	gives(odd, NULL, "");
}
END_TEST

START_TEST(what_names_no_file_is_refused)
{
	static const char *const names[] = { "none", "*.txt", "empty", "fifo", "gone", "" };
	static const char *const whys[] = { "No such file", "names no regular file", "names no regular file",
	    "read by lines", "No such file", "read by lines" };
	char path[64];
	ck_assert_int_eq(mkdir("empty", 0700), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(mkdir("gone", 0700), 0);
	ck_assert_int_eq(symlink("nowhere", "gone/link"), 0);
	snprintf(path, sizeof path, "%s/%s", dir, names[_i]);
	struct fake *f = spout(_i == 5 ? "-" : path, NULL, 0, 1);
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, _i == 5 ? "-" : path);
	ck_contains(f->why, whys[_i]);
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_named_before_anything_is)
{
	put_text("a", "a\n");
	put_text("b", "b\n");
	ck_assert_int_eq(chmod("b", 0), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	bool root = geteuid() == 0;		/* who may read anything */
	if (root)
		ck_assert_int_eq(seteuid(65534), 0);
	struct fake *f = spout(dir, NULL, 0, 1);
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, "can't read ");
	ck_contains(f->why, "/b: Permission denied");
	if (root)
		ck_assert_int_eq(seteuid(0), 0);
	fake_free(f);
}
END_TEST

START_TEST(too_many_ranges_are_refused)
{
	put_text("a", "");
	ck_assert_int_eq(truncate("a", 1 << 24), 0);
	struct fake *f = spout(dir, "1", 0, 1);
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, "raise \"range\"");
	fake_free(f);
	ck_assert_int_eq(truncate("a", (1 << 24) - 1), 0);
	f = started(spout(dir, "1", 0, 1));
	fake_free(f);
}
END_TEST

/* ---- Each line once ---------------------------------------------------------------- */

struct row {
	uint64_t id;
	uint32_t n;
	char *s;
};

static struct row *rows;
static size_t n_rows, n_expected;
static struct row *expected;

static int by_text(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
	return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static void add_row(struct row **all, size_t *n, uint64_t id, const char *s, size_t length)
{
	if ((*n & (*n - 1)) == 0)
		*all = realloc(*all, (2 * *n + 1) * sizeof **all);
	(*all)[*n] = (struct row){ id, (uint32_t)length, malloc(length + 1) };
	memcpy((*all)[(*n)++].s, s, length);
}

static void free_rows(struct row *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(all[i].s);
	free(all);
}

/* expect_lines notes the lines of N bytes at S. */
static void expect_lines(const char *s, size_t n)
{
	const char *end = s + n;
	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		size_t length = (size_t)((eol != NULL ? eol : end) - s);
		add_row(&expected, &n_expected, 0, s, length);
		s += length + 1;
	}
}

/* note takes what F has emitted; a line with an id that has come already must be the same. */
static void note(struct fake *f)
{
	for (size_t i = 0; i < f->n_emits; i++) {
		const gale_value *v = &f->emits[i].values[0];
		size_t at = 0;
		while (at < n_rows && rows[at].id != f->emits[i].id)
			at++;
		if (at == n_rows)
			add_row(&rows, &n_rows, f->emits[i].id, v->u.s, v->n);
		else
			ck_assert(rows[at].n == v->n && memcmp(rows[at].s, v->u.s, v->n) == 0);
	}
	fake_forget(f);
}

static void check_rows(void)
{
	ck_assert_uint_eq(n_rows, n_expected);
	if (n_rows == 0)
		return;
	qsort(rows, n_rows, sizeof *rows, by_text);
	qsort(expected, n_expected, sizeof *expected, by_text);
	for (size_t i = 0; i < n_rows; i++)
		ck_assert(by_text(&rows[i], &expected[i]) == 0);
	free_rows(rows, n_rows);
	free_rows(expected, n_expected);
	rows = expected = NULL;
	n_rows = n_expected = 0;
}

START_TEST(every_cut_of_a_small_file_gives_each_line_once)
{
	static const char *const texts[] = { "ab\n\ncde\nf", "ab\n\ncde\nf\n", "\n\n\n", "x", "\n", "abcdefgh\n" };
	char range[16];
	put_text("a", texts[_i]);
	put_text("b", texts[_i]);
	for (int n = 1; n <= 12; n++) {
		snprintf(range, sizeof range, "%d", n);
		for (uint32_t n_tasks = 1; n_tasks <= 4; n_tasks++) {
			for (uint32_t i = 0; i < n_tasks; i++) {
				struct fake *f = started(spout(dir, range, i, n_tasks));
				ck_assert_int_eq(fake_pump(f), GALE_DONE);
				ck_assert(f->positioned);
				note(f);
				fake_free(f);
			}
			expect_lines(texts[_i], strlen(texts[_i]));
			expect_lines(texts[_i], strlen(texts[_i]));
			check_rows();
		}
	}
}
END_TEST

/* made_anew goes on where F has come, with some of what it has emitted open. */
static struct fake *made_anew(struct fake *f, uint64_t *state, const char *range)
{
	uint64_t open[8];
	uint32_t n = 0;
	for (size_t i = 0; i < f->n_emits && n < 8; i++)
		if (pick(state, 4) == 0 && (n == 0 || f->emits[i].id > open[n - 1]))
			open[n++] = f->emits[i].id;
	note(f);
	struct fake *next = spout(dir, range, f->ctx.index, f->ctx.n_tasks);
	int got = fake_resume(next, f, open, n);
	ck_assert_msg(got == GALE_OK, "%d: %s", got, next->why);
	fake_free(f);
	return next;
}

/* random_files makes files of random bytes with newlines from often to seldom. */
static void random_files(uint64_t *state)
{
	uint32_t n_files = 1 + pick(state, 5);
	for (uint32_t i = 0; i < n_files; i++) {
		char name[16];
		uint32_t n = pick(state, 3) == 0 ? pick(state, 20) : pick(state, 20000), seldom = 2u << pick(state, 9);
		char *bytes = malloc(n + 1);
		for (uint32_t k = 0; k < n; k++)
			bytes[k] = pick(state, seldom) == 0 ? '\n' : (char)pick(state, 256);
		snprintf(name, sizeof name, "%u", i);
		put(name, bytes, n);
		expect_lines(bytes, n);
		free(bytes);
	}
}

START_TEST(each_line_comes_once_whatever_the_cuts)
{
	uint64_t state = seed + (uint64_t)_i * 1000003;
	char range[16];
	random_files(&state);
	uint32_t n_tasks = 1 + pick(&state, 5);
	snprintf(range, sizeof range, "%u", 1 + pick(&state, 1u << (1 + pick(&state, 15))));
	for (uint32_t i = 0; i < n_tasks; i++) {
		struct fake *f = started(spout(dir, range, i, n_tasks));
		uint32_t patience = 2 + pick(&state, 30);
		int got;
		do {
			got = fake_next(f);
			ck_assert(got == GALE_EMITTED || got == GALE_DONE);
			if (f->n_emits > 0 && pick(&state, 3) == 0) {
				fake_fail(f, f->emits[pick(&state, (uint32_t)f->n_emits)].id, pick(&state, 2));
				got = GALE_EMITTED;
			}
			if (pick(&state, patience) == 0 && patience < 1000) {
				f = made_anew(f, &state, range);
				got = GALE_EMITTED;
				patience += 10;
			}
		} while (got == GALE_EMITTED);
		note(f);
		fake_free(f);
	}
	check_rows();
}
END_TEST

/* A batch may end at any line: from there the same ids and lines come again. */
START_TEST(any_line_can_be_gone_on_at)
{
	put_text("a", "one\ntwo\n\nfour\nfive");
	put_text("b", "six\nseven\n");
	struct fake *all = started(spout(dir, "6", 0, 1));
	ck_assert_int_eq(fake_pump(all), GALE_DONE);
	ck_assert_uint_eq(all->n_emits, 7);
	for (size_t i = 0; i <= 7; i++) {
		struct fake *f = spout(dir, "6", 0, 1), at_i = *all;
		at_i.next = i < 7 ? all->emits[i].id : all->next;
		ck_assert_int_eq(fake_resume(f, &at_i, NULL, 0), GALE_OK);
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		ck_assert_uint_eq(f->n_emits, 7 - i);
		for (size_t k = 0; k < f->n_emits; k++) {
			ck_assert_uint_eq(f->emits[k].id, all->emits[i + k].id);
			ck_assert(fake_is(f, k, all->emits[i + k].values[0].u.s));
		}
		ck_assert_uint_eq(f->next, all->next);
		fake_free(f);
	}
	fake_free(all);
}
END_TEST

START_TEST(a_line_may_be_longer_than_many_ranges)
{
	size_t n = (size_t)(16 << 20) + (_i == 1);
	char *xs = malloc(n);
	memset(xs, 'x', n);
	put_text("a", "short\n");
	FILE *file = fopen("a", "ae");
	fwrite(xs, 1, n, file);
	fputs("\nend\n", file);
	fclose(file);
	free(xs);
	size_t total = 0;
	int n_fatal = 0;
	for (uint32_t i = 0; i < 3; i++) {
		struct fake *f = started(spout(dir, "1000000", i, 3));
		int got = fake_pump(f);
		total += f->n_emits;
		if (got == GALE_FATAL) {
			n_fatal++;
			ck_contains(f->why, "/a: the line that starts at byte offset 6 ");
		} else if (f->n_emits == 2) {
			ck_assert_uint_eq(f->emits[1].values[0].n, n);
			fake_fail(f, f->emits[1].id, false);
			fake_pump(f);
			ck_assert_uint_eq(f->emits[2].values[0].n, n);
		}
		fake_free(f);
	}
	ck_assert_int_eq(n_fatal, _i);
	ck_assert_uint_eq(total, _i == 0 ? 3 : 2);
}
END_TEST

/* ---- What has changed -------------------------------------------------------------- */

START_TEST(a_list_that_has_changed_is_refused)
{
	static const char *const whys[] = { "/a has grown", "/a has shrunk", "/a was replaced", "/a has changed",
	    "/a is not there any more", " has 3 files and had 2", " has changed (of its files", "3 tasks",
	    "ranges of 100 bytes, and \"range\" of \"files\" is 67108864 now" };
	struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	put_text("a", "one\ntwo\n");
	put_text("b", "three\n");
	struct fake *first = started(spout(dir, _i == 8 ? "100" : NULL, 0, _i == 7 ? 3 : 1));
	ck_assert_int_eq(fake_next(first), GALE_EMITTED);
	switch (_i) {
	case 0:
		append("a", "more\n");
		break;
	case 1:
		ck_assert_int_eq(truncate("a", 4), 0);
		break;
	case 2:
		put_text("new", "one\ntwo\n");
		rename("new", "a");
		break;
	case 3:
		utimensat(AT_FDCWD, "a", times, 0);
		break;
	case 4:
		unlink("a");
		break;
	case 5:
		put_text("c", "new\n");
		break;
	case 6:
		append("b", "more\n");
		break;
	}
	struct fake *f = spout(dir, NULL, 0, 1);
	ck_assert_int_eq(fake_resume(f, first, NULL, 0), GALE_FATAL);
	ck_contains(f->why, whys[_i]);
	ck_contains(f->why, "another state directory");
	fake_free(f);
	fake_free(first);
}
END_TEST

START_TEST(a_position_of_another_spout_is_refused)
{
	put_text("a", "one\n");
	struct fake *first = started(spout(dir, NULL, 0, 1)), *f = spout(dir, NULL, 0, 1);
	first->n_blob = _i == 0 ? 0 : _i == 1 ? 70 : GALE_MAX_POSITION;
	memset(first->blob, 'x', sizeof first->blob);
	ck_assert_int_eq(fake_resume(f, first, NULL, 0), GALE_FATAL);
	ck_contains(f->why, "another spout");
	fake_free(f);
	fake_free(first);
}
END_TEST

START_TEST(a_file_that_changes_while_it_is_read_is_told)
{
	static const char *const whys[] = { "/b was removed", "/b has grown", "/a has grown", "/a has shrunk",
	    "/b was replaced" };
	put_text("a", "one\ntwo\nthree\nfour\n");
	put_text("b", "five\n");
	struct fake *f = started(spout(dir, "8", 0, 1));
	ck_assert_int_eq(fake_next(f), GALE_EMITTED);
	switch (_i) {
	case 0:
		unlink("b");
		break;
	case 1:
		append("b", "more\n");
		break;
	case 2:
		append("a", "more\n");
		break;
	case 3:
		ck_assert_int_eq(truncate("a", 8), 0);
		break;
	case 4:
		put_text("new", "five\n");
		rename("new", "b");
		break;
	}
	ck_assert_int_eq(fake_pump(f), GALE_FATAL);
	ck_contains(f->why, whys[_i]);
	fake_free(f);
}
END_TEST

START_TEST(a_line_that_failed_is_read_again_from_its_file)
{
	put_text("a", "one\ntwo\n");
	put_text("b", "three\nfour");
	struct fake *f = started(spout(dir, "5", 0, 1));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 4);
	static const size_t again[] = { 3, 0, 2, 1 };
	for (size_t i = 0; i < 4; i++)
		fake_fail(f, f->emits[again[i]].id, false);
	fake_fail(f, f->emits[0].id, true);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 8);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(f->emits[4 + i].id, f->emits[again[i]].id);
		ck_assert(fake_is(f, 4 + i, f->emits[again[i]].values[0].u.s));
	}
	unlink("a");
	fake_fail(f, f->emits[2].id, false);	/* which closes a */
	fake_fail(f, f->emits[0].id, false);
	ck_assert_int_eq(fake_pump(f), GALE_FATAL);
	ck_contains(f->why, "/a was removed");
	fake_free(f);
}
END_TEST

/* find_plugins: tests work in a directory of their own, and a relative path would lead nowhere. */
static void find_plugins(void)
{
	const char *top = getenv("TOP_BUILDDIR");
	char *path = realpath(top != NULL ? top : ".", NULL);
	if (path != NULL)
		setenv("TOP_BUILDDIR", path, 1);
	free(path);
}

int main(void)
{
	find_plugins();
	Suite *s = suite_create("files");
	TCase *t = tcase_create("files");
	seed = test_seed();
	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_path_names_files_in_order_of_their_names);
	tcase_add_loop_test(t, what_names_no_file_is_refused, 0, 6);
	tcase_add_test(t, a_file_that_cannot_be_read_is_named_before_anything_is);
	tcase_add_test(t, too_many_ranges_are_refused);
	tcase_add_loop_test(t, every_cut_of_a_small_file_gives_each_line_once, 0, 6);
	tcase_add_loop_test(t, each_line_comes_once_whatever_the_cuts, 0, getenv("GALE_QUICK") ? 10 : 60);
	tcase_add_test(t, any_line_can_be_gone_on_at);
	tcase_add_loop_test(t, a_line_may_be_longer_than_many_ranges, 0, 2);
	tcase_add_loop_test(t, a_list_that_has_changed_is_refused, 0, 9);
	tcase_add_loop_test(t, a_position_of_another_spout_is_refused, 0, 3);
	tcase_add_loop_test(t, a_file_that_changes_while_it_is_read_is_told, 0, 5);
	tcase_add_test(t, a_line_that_failed_is_read_again_from_its_file);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
