/* test_plugins.c - how the spouts and bolts that gale ships behave, each against fakehost.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fakehost.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "random.h"
#include "seed.h"

static uint64_t seed;

/* ---- A directory for each test ----------------------------------------------------- */

static char dir[] = "/tmp/test_plugins.XXXXXX";
static char paths[32][4200];	/* in it; see at() */
static int n_paths;

static void make_dir(void)
{
	n_paths = 0;
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	umask(022);
}

static int unlink_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	nftw(dir, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* at gives the path of NAME in the test's directory, good until the test ends. */
static const char *at(const char *name)
{
	char path[sizeof *paths];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	for (int i = 0; i < n_paths; i++)
		if (strcmp(paths[i], path) == 0)
			return paths[i];
	ck_assert_int_lt(n_paths, 32);
	return strcpy(paths[n_paths++], path);
}

static void put(const char *path, int flags, const char *s, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
	ck_assert_int_ne(fd, -1);
	while (n > 0) {
		ssize_t written = write(fd, s, n);
		ck_assert_int_gt(written, 0);
		s += written;
		n -= (size_t)written;
	}
	close(fd);
}

static const char *file_with(const char *name, const char *text)
{
	const char *path = at(name);
	put(path, O_TRUNC, text, strlen(text));
	return path;
}

static void append(const char *path, const char *text)
{
	put(path, O_APPEND, text, strlen(text));
}

/* contents gives what is in a file, NUL-terminated, for the rest of the test's life. */
static char *contents(const char *path)
{
	static char *text;
	FILE *file = fopen(path, "re");
	size_t room = 0;
	free(text);
	text = NULL;
	ck_assert_msg(file != NULL, "no %s", path);
	ssize_t n = getdelim(&text, &room, '\0', file);
	fclose(file);
	if (n >= 0)
		return text;
	free(text);
	return text = strdup("");
}

static int entries(void)
{
	DIR *d = opendir(dir);
	int n = -2;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

#define ck_contains(TEXT, PART) \
	ck_assert_msg(strstr((TEXT), (PART)) != NULL, "\"%s\" is not in: %s", (PART), (TEXT))

/* ---- lines: regular files ---------------------------------------------------------- */

static struct fake *lines_from(const char *path)
{
	struct fake *f = fake_load("spouts", "lines");
	fake_set(f, "path", path);
	return f;
}

static struct fake *started(struct fake *f)
{
	int got = fake_start(f);
	ck_assert_msg(got == GALE_OK, "%d: %s", got, f->why);
	return f;
}

static void expect(const struct fake *f, size_t n, ...)
{
	va_list args;
	va_start(args, n);
	for (size_t i = 0; i < n; i++) {
		const char *text = va_arg(args, const char *);
		ck_assert_msg(fake_is(f, i, text), "line %zu of %zu is \"%s\", not \"%s\"", i,
		    f->n_emits, i < f->n_emits ? f->emits[i].values[0].u.s : "(none)", text);
	}
	va_end(args);
	ck_assert_uint_eq(f->n_emits, n);
}

START_TEST(a_file_gives_its_lines_by_offset)
{
	struct fake *f = started(lines_from(file_with("a", "one\n\nthree\r\nfour\n")));
	ck_assert(f->positioned && f->next == 0);	/* next may not return, if bolts are chained */
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 4, "one", "", "three\r", "four");
	static const uint64_t offsets[] = { 0, 4, 5, 12 };
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(f->emits[i].id, offsets[i]);
		ck_assert(f->emits[i].tracked && !f->emits[i].kept);
	}
	ck_assert(!f->unbounded);
	fake_free(f);
}
END_TEST

START_TEST(the_last_line_needs_no_newline)
{
	struct fake *f = started(lines_from(file_with("a", "one\ntwo")));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 2, "one", "two");
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	fake_free(f);
}
END_TEST

START_TEST(an_empty_file_has_no_lines)
{
	struct fake *f = lines_from(file_with("a", ""));
	fake_set(f, "repeat", "1000000000");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 0);
	fake_free(f);
}
END_TEST

/* Random bytes, with newlines from often to seldom, longer than a block. */
START_TEST(lines_of_random_bytes_are_those_of_the_file)
{
	size_t n = 700000;
	char *bytes = malloc(n);
	uint64_t state = seed + (uint64_t)_i;
	for (size_t i = 0; i < n; i++)
		bytes[i] = pick(&state, 20u << 3 * _i) == 0 ? '\n' : (char)pick(&state, 256);
	put(at("a"), O_TRUNC, bytes, n);
	struct fake *f = started(lines_from(at("a")));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	size_t pos = 0;
	for (size_t i = 0; i < f->n_emits; i++) {
		const gale_value *v = &f->emits[i].values[0];
		const char *eol = memchr(bytes + pos, '\n', n - pos);
		ck_assert_uint_eq(v->n, (size_t)((eol != NULL ? eol : bytes + n) - (bytes + pos)));
		ck_assert_int_eq(memcmp(v->u.s, bytes + pos, v->n), 0);
		ck_assert_uint_eq(f->emits[i].id, pos);
		pos += v->n + 1;
	}
	ck_assert_uint_ge(pos, n);
	fake_free(f);
	free(bytes);
}
END_TEST

/* a_long_file makes a short line, a line of N times x, and END. */
static const char *a_long_file(size_t n, const char *end)
{
	char *xs = malloc(n);
	memset(xs, 'x', n);
	file_with("long", "short\n");
	put(at("long"), O_APPEND, xs, n);
	append(at("long"), end);
	free(xs);
	return at("long");
}

START_TEST(a_line_may_have_16_MiB)
{
	static const char *const ends[] = { "\nshort\n", "" };
	struct fake *f = started(lines_from(a_long_file(16 << 20, ends[_i])));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, _i == 0 ? 3 : 2);
	ck_assert_uint_eq(f->emits[1].values[0].n, 16 << 20);
	fake_fail(f, 6, false);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->emits[f->n_emits - 1].values[0].n, 16 << 20);
	fake_free(f);
}
END_TEST

START_TEST(a_longer_line_is_refused_with_its_offset)
{
	static const char *const ends[] = { "\nshort\n", "", "xxxxxxxxxx" };
	struct fake *f = started(lines_from(a_long_file((16 << 20) + 1, ends[_i])));
	ck_assert_int_eq(fake_pump(f), GALE_FATAL);
	ck_contains(f->why, "byte offset 6 ");
	ck_contains(f->why, dir);
	ck_assert_uint_eq(f->n_emits, 1);
	fake_free(f);
}
END_TEST

START_TEST(a_line_that_failed_is_read_again)
{
	struct fake *f = started(lines_from(file_with("a", "one\ntwo\nthree")));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	fake_fail(f, 8, false);
	fake_fail(f, 0, true);
	fake_fail(f, 4, false);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 5, "one", "two", "three", "three", "two");
	ck_assert_uint_eq(f->emits[3].id, 8);
	ck_assert_uint_eq(f->emits[4].id, 4);
	fake_free(f);
}
END_TEST

START_TEST(a_line_that_is_gone_cannot_be_read_again)
{
	struct fake *f = started(lines_from(file_with("a", "one\ntwo\n")));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_int_eq(truncate(at("a"), 4), 0);
	fake_fail(f, 4, false);
	ck_assert_int_eq(fake_pump(f), GALE_FATAL);
	ck_contains(f->why, at("a"));
	fake_free(f);
}
END_TEST

START_TEST(a_file_may_be_repeated)
{
	struct fake *f = lines_from(file_with("a", "one\ntwo\nthree"));
	fake_set(f, "repeat", "3");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 9, "one", "two", "three", "one", "two", "three", "one", "two", "three");
	for (size_t i = 0; i < 9; i++) {
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(f->emits[i].id, f->emits[k].id);
		fake_fail(f, f->emits[i].id, false);
	}
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 18);
	for (size_t i = 0; i < 9; i++)
		ck_assert_str_eq(f->emits[i].values[0].u.s, f->emits[9 + i].values[0].u.s);
	fake_free(f);
}
END_TEST

START_TEST(what_cannot_be_read_is_fatal)
{
	static const char *const why[] = { "No such file", "is a directory" };
	const char *path = _i == 0 ? at("missing") : dir;
	struct fake *f = lines_from(path);
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, path);
	ck_contains(f->why, why[_i]);
	fake_free(f);
}
END_TEST

START_TEST(a_file_is_read_by_one_task)
{
	struct fake *f = lines_from(file_with("a", "one\n"));
	f->ctx.n_tasks = 2;
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, "parallelism");
	fake_free(f);
}
END_TEST

/* ---- lines: fifos and standard input ----------------------------------------------- */

static const char *a_fifo(void)
{
	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	return at("fifo");
}

START_TEST(a_fifo_ends_only_after_a_writer_was_seen)
{
	struct fake *f = started(lines_from(a_fifo()));
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	fake_idle(f);
	int fd = open(at("fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	fake_idle(f);
	ck_assert_int_eq(write(fd, "one\nt", 5), 5);
	fake_until(f, f->n_emits == 1);
	ck_assert_int_eq(f->last, GALE_IDLE);
	ck_assert_int_eq(write(fd, "wo\nend", 6), 6);
	close(fd);
	fake_until(f, f->last == GALE_DONE);
	expect(f, 3, "one", "two", "end");
	for (size_t i = 0; i < 3; i++)
		ck_assert(f->emits[i].kept && f->emits[i].id == i + 1);
	ck_assert(!f->positioned);
	fake_idle(f);
	fake_free(f);
}
END_TEST

START_TEST(a_writer_that_writes_nothing_ends_a_fifo)
{
	struct fake *f = started(lines_from(a_fifo()));
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	close(open(at("fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
	fake_until(f, f->last == GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 0);
	fake_free(f);
}
END_TEST

START_TEST(a_fifo_that_is_held_back_wakes_nobody)
{
	struct fake *f = started(lines_from(a_fifo()));
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	int fd = open(at("fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "one\n", 4), 4);
	struct fake_watch w = f->watches[0];
	w.fn(f->self, &f->ctx, w.fd, GALE_READABLE, w.arg);	/* and next is not called */
	ck_assert_int_eq(f->n_watches, 0);
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	expect(f, 1, "one");
	ck_assert_int_eq(f->n_watches, 1);
	close(fd);
	fake_free(f);
}
END_TEST

START_TEST(a_followed_fifo_waits_for_the_next_writer)
{
	struct fake *f = lines_from(a_fifo());
	fake_set(f, "follow", "true");
	started(f);
	ck_assert(f->unbounded);
	for (size_t i = 1; i <= 3; i++) {
		fake_pump(f);
		int fd = open(at("fifo"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		ck_assert_int_eq(write(fd, "one\n", 4), 4);
		close(fd);
		fake_until(f, f->n_emits == i);
		while (fake_turn(f))
			;
		fake_idle(f);
	}
	ck_assert(!f->positioned);
	fake_free(f);
}
END_TEST

START_TEST(standard_input_is_read_as_it_comes)
{
	int fd[2];
	ck_assert_int_eq(_i == 0 ? pipe(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(dup2(fd[0], STDIN_FILENO), STDIN_FILENO);
	struct fake *f = started(lines_from(_i == 0 ? "-" : "/dev/stdin"));
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	ck_assert_int_eq(write(fd[1], "one\ntwo", 7), 7);
	fake_until(f, f->n_emits == 1);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	close(fd[1]);
	fake_until(f, f->last == GALE_DONE);
	expect(f, 2, "one", "two");
	ck_assert(!f->positioned);
	fake_free(f);
}
END_TEST

START_TEST(standard_input_may_be_a_file_from_where_it_stands)
{
	int fd = open(file_with("a", "one\ntwo\nthree\n"), O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	lseek(STDIN_FILENO, 4, SEEK_SET);
	struct fake *f = lines_from("-");
	fake_set(f, "repeat", "2");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	fake_fail(f, f->emits[3].id, false);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 5, "two", "three", "two", "three", "three");
	fake_free(f);
}
END_TEST

/* As it is when batches are undone before the first one is committed: nobody has a position. */
START_TEST(a_file_on_standard_input_may_be_opened_anew)
{
	int fd = open(file_with("a", "one\ntwo\nthree\n"), O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	lseek(STDIN_FILENO, 4, SEEK_SET);
	for (int i = 0; i < 2; i++) {
		struct fake *f = started(lines_from("-"));
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		expect(f, 2, "two", "three");
		fake_free(f);
	}
}
END_TEST

START_TEST(standard_input_may_be_nothing)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(fd, STDIN_FILENO);
	struct fake *f = started(lines_from("-"));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 0);
	fake_free(f);
}
END_TEST

START_TEST(what_can_be_read_once_is_not_repeated)
{
	struct fake *f = lines_from(a_fifo());
	fake_set(f, "repeat", "2");
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, "repeat");
	fake_free(f);
}
END_TEST

/* ---- lines: followed files --------------------------------------------------------- */

static struct fake *following(const char *path)
{
	struct fake *f = lines_from(path);
	fake_set(f, "follow", "true");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	return f;
}

/* settle turns until nothing happens any more. */
static void settle(struct fake *f)
{
	while (fake_turn(f))
		;
	ck_assert_int_eq(f->last, GALE_IDLE);
	fake_idle(f);
}

START_TEST(a_followed_file_goes_on_as_it_grows)
{
	const char *path = file_with("log", "one\ntw");
	struct fake *f = following(path);
	ck_assert(f->unbounded);
	expect(f, 1, "one");
	settle(f);
	append(path, "o\nthree\nf");
	fake_until(f, f->n_emits == 3);
	append(path, "our\n");
	fake_until(f, f->n_emits == 4);
	expect(f, 4, "one", "two", "three", "four");
	ck_assert(f->emits[3].kept && f->emits[3].id == strlen("one\ntwo\nthree\n"));
	settle(f);
	fake_free(f);
}
END_TEST

START_TEST(following_may_start_at_the_end)
{
	const char *path = file_with("log", "one\ntwo\n");
	struct fake *f = lines_from(path);
	fake_set(f, "follow", "true");
	fake_set(f, "from_start", "false");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_IDLE);
	append(path, "three\n");
	fake_until(f, f->n_emits == 1);
	expect(f, 1, "three");
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_was_renamed_is_read_to_its_end)
{
	const char *path = file_with("log", "one\n");
	struct fake *f = following(path);
	rename(path, at("log.1"));
	append(at("log.1"), "two\n");	/* the writer has not changed over yet */
	fake_until(f, f->n_emits == 2);
	file_with("log", "");
	settle(f);
	append(at("log.1"), "three\nrest");
	fake_until(f, f->n_emits == 3);
	append(path, "four\n");
	fake_until(f, f->n_emits == 5);
	expect(f, 5, "one", "two", "three", "rest", "four");
	append(path, "five\n");
	fake_until(f, f->n_emits == 6);
	append(at("log.1"), "never\n");
	settle(f);
	ck_assert_uint_eq(f->n_emits, 6);
	fake_free(f);
}
END_TEST

/* The test's own `inotify_add_watch`: somebody writes LATE to LATE_FILE just before it is watched. */
static const char *late, *late_file;

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (late_file != NULL && strcmp(path, late_file) == 0) {
		late_file = NULL;
		append(path, late);
	}
	return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

START_TEST(a_successor_may_grow_before_it_is_watched)
{
	const char *path = file_with("log", "one\n");
	struct fake *f = following(path);
	rename(path, at("log.1"));
	file_with("log", "");
	late = "two\n";
	late_file = path;
	fake_until(f, f->n_emits == 2);
	expect(f, 2, "one", "two");
	ck_assert_ptr_null(late_file);
	fake_free(f);
}
END_TEST

START_TEST(all_lines_survive_many_rotations)
{
	const char *path = file_with("log", "");
	struct fake *f = following(path);
	char line[32];
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof line, "%d\n", i);
		append(path, line);
		if (i % 7 == 3)
			rename(path, at("log.1"));
		if (i % 3 == 0)
			fake_turn(f);
		if (i % 7 == 3)
			fake_until(f, f->n_emits == (size_t)i + 1);
	}
	fake_until(f, f->n_emits == 200);
	for (int i = 0; i < 200; i++) {
		snprintf(line, sizeof line, "%d", i);
		ck_assert(fake_is(f, (size_t)i, line));
	}
	fake_free(f);
}
END_TEST

START_TEST(a_file_moved_over_the_path_is_the_new_one)
{
	const char *path = file_with("log", "one\n");
	struct fake *f = following(path);
	rename(file_with("new", "two\n"), path);
	fake_until(f, f->n_emits == 2);
	append(path, "three\n");
	fake_until(f, f->n_emits == 3);
	expect(f, 3, "one", "two", "three");
	fake_free(f);
}
END_TEST

START_TEST(a_truncated_file_starts_anew)
{
	const char *path = file_with("log", "one\ntwo\nbroken");
	struct fake *f = following(path);
	ck_assert_int_eq(truncate(path, 0), 0);
	fake_until(f, f->n_emits == 3);
	append(path, "three\n");
	fake_until(f, f->n_emits == 4);
	expect(f, 4, "one", "two", "broken", "three");
	ck_contains(f->log, "truncated");
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_is_copied_and_truncated_starts_anew)
{
	const char *path = file_with("log", "one\ntwo\n");
	struct fake *f = following(path);
	file_with("log.1", contents(path));
	file_with("log", "3\n");	/* truncated and written before anybody looks */
	fake_until(f, f->n_emits == 3);
	append(path, "four\n");
	fake_until(f, f->n_emits == 4);
	expect(f, 4, "one", "two", "3", "four");
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_is_made_again_is_found)
{
	const char *path = file_with("log", "one\n");
	struct fake *f = following(path);
	unlink(path);
	settle(f);
	file_with("log", "two\n");
	fake_until(f, f->n_emits == 2);
	unlink(path);
	file_with("log", "three\n");
	fake_until(f, f->n_emits == 3);
	expect(f, 3, "one", "two", "three");
	fake_free(f);
}
END_TEST

START_TEST(a_file_may_appear_later)
{
	struct fake *f = following(at("log"));
	ck_contains(f->log, "not there yet");
	fake_idle(f);
	file_with("log", "one\n");
	fake_until(f, f->n_emits == 1);
	append(at("log"), "two\n");
	fake_until(f, f->n_emits == 2);
	fake_free(f);
}
END_TEST

START_TEST(its_directories_may_appear_later_too)
{
	struct fake *f = following(at("a/b/log"));
	mkdir(at("a"), 0755);
	settle(f);
	mkdir(at("a/b"), 0755);
	file_with("a/b/log", "one\n");
	fake_until(f, f->n_emits == 1);
	remove(at("a/b/log"));
	remove(at("a/b"));
	settle(f);
	mkdir(at("a/b"), 0755);
	settle(f);
	file_with("a/b/log", "two\n");
	fake_until(f, f->n_emits == 2);
	fake_free(f);
}
END_TEST

START_TEST(a_symbolic_link_is_followed_to_where_it_points)
{
	mkdir(at("real"), 0755);
	file_with("real/log", "one\n");
	symlink("real/log", at("log")) == 0 ? (void)0 : ck_abort();
	struct fake *f = following(at("log"));
	rename(at("real/log"), at("real/log.1"));
	file_with("real/log", "two\n");
	fake_until(f, f->n_emits == 2);
	file_with("other", "three\n");
	symlink("other", at("link")) == 0 ? (void)0 : ck_abort();
	rename(at("link"), at("log"));
	fake_until(f, f->n_emits == 3);
	append(at("other"), "four\n");
	fake_until(f, f->n_emits == 4);
	expect(f, 4, "one", "two", "three", "four");
	fake_free(f);
}
END_TEST

START_TEST(other_files_in_the_directory_change_nothing)
{
	struct fake *f = following(file_with("log", "one\n"));
	file_with("other", "x\n");
	rename(at("other"), at("log.other"));
	settle(f);
	expect(f, 1, "one");
	ck_assert_str_eq(f->log, "");
	fake_free(f);
}
END_TEST

START_TEST(a_directory_in_its_place_is_waited_out)
{
	mkdir(at("d"), 0755);
	struct fake *f = following(at("log"));
	mkdir(at("log"), 0755);
	settle(f);
	rmdir(at("log"));
	file_with("log", "one\n");
	fake_until(f, f->n_emits == 1);
	fake_free(f);
}
END_TEST

/* ---- lines: going on --------------------------------------------------------------- */

START_TEST(a_file_is_gone_on_with_at_any_line)
{
	const char *path = file_with("a", "one\ntwo\n\nfour\nfive");
	static const uint64_t open[] = { 4, 9 };
	struct fake *first = started(lines_from(path));
	ck_assert_int_eq(fake_pump(first), GALE_DONE);
	ck_assert_uint_eq(first->next, strlen("one\ntwo\n\nfour\nfive"));
	for (size_t i = 0; i < 5; i++) {	/* as it was told behind each line */
		struct fake *f = lines_from(path);
		first->next = i < 4 ? first->emits[i + 1].id : first->next;
		ck_assert_int_eq(fake_resume(f, first, NULL, 0), GALE_OK);
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		ck_assert_uint_eq(f->n_emits, i < 4 ? 4 - i : 0);
		for (size_t k = 0; k < f->n_emits; k++)
			ck_assert_uint_eq(f->emits[k].id, first->emits[i + 1 + k].id);
		fake_free(f);
		first->next = 18;
	}
	struct fake *f = lines_from(path);
	ck_assert_int_eq(fake_resume(f, first, open, 2), GALE_OK);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 2, "two", "four");
	fake_free(f);
	fake_free(first);
}
END_TEST

/* From every place in three rounds, what comes is what came the first time. */
START_TEST(rounds_are_gone_on_with)
{
	const char *path = file_with("a", "one\ntwo\n3");
	struct fake *all = lines_from(path);
	fake_set(all, "repeat", "3");
	started(all);
	ck_assert_int_eq(fake_pump(all), GALE_DONE);
	ck_assert_uint_eq(all->n_emits, 9);
	for (size_t i = 0; i <= 9; i++) {
		struct fake *f = lines_from(path), at_i = *all;
		fake_set(f, "repeat", "3");
		at_i.next = i < 9 ? all->emits[i].id : all->next;
		ck_assert_int_eq(fake_resume(f, &at_i, i > 0 ? &all->emits[i - 1].id : NULL, i > 0), GALE_OK);
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		ck_assert_uint_eq(f->n_emits, 9 - i + (i > 0));
		for (size_t k = 0; k < f->n_emits; k++) {
			const struct fake_emit *was = &all->emits[i - (i > 0) + k];
			ck_assert_uint_eq(f->emits[k].id, was->id);
			ck_assert(fake_is(f, k, was->values[0].u.s));
		}
		fake_free(f);
	}
	fake_free(all);
}
END_TEST

START_TEST(a_file_that_has_changed_is_refused)
{
	static const char *const whys[] = { "has changed", "has changed", "was replaced" };
	const char *path = file_with("a", "one\ntwo\n");
	struct fake *first = started(lines_from(path)), *f = lines_from(path);
	struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
	ck_assert_int_eq(fake_pump(first), GALE_DONE);
	if (_i == 0)
		append(path, "more\n");
	else if (_i == 1)
		utimensat(AT_FDCWD, path, times, 0);
	else
		rename(file_with("b", "one\ntwo\n"), path);
	ck_assert_int_eq(fake_resume(f, first, NULL, 0), GALE_FATAL);
	ck_contains(f->why, whys[_i]);
	ck_contains(f->why, "another state directory");
	fake_free(f);
	fake_free(first);
}
END_TEST

/* resumed goes on where F has come, and lets it go. */
static struct fake *resumed(struct fake *f, const char *path, const uint64_t *open, uint32_t n)
{
	struct fake *next = lines_from(path);
	fake_set(next, "follow", "true");
	int got = fake_resume(next, f, open, n);
	ck_assert_msg(got == GALE_OK, "%d: %s", got, next->why);
	fake_free(f);
	fake_pump(next);
	return next;
}

START_TEST(a_followed_file_is_gone_on_with)
{
	const char *path = file_with("log", "one\ntwo\nthr");
	static const uint64_t open[] = { 4 };
	struct fake *f = following(path);
	ck_assert_uint_eq(f->next, 8);
	append(path, "ee\n");
	f = resumed(f, path, open, 1);
	expect(f, 2, "two", "three");
	ck_assert(f->emits[0].kept && f->emits[0].id == 4 && f->emits[1].id == 8);
	append(path, "four\n");
	fake_until(f, f->n_emits == 3);
	fake_free(f);
}
END_TEST

/* It was rotated twice while nobody read: the rest of the first one, the one between, and what
 * is at the path. Another one with such a name, that is older, is no part of it. */
START_TEST(a_file_that_was_rotated_away_meanwhile_is_found)
{
	file_with("log.3", "old\n");
	file_with("log.1.gz", "no text\n");
	const char *path = file_with("log", "one\ntwo\n");
	static const uint64_t open[] = { 0, 4 };
	struct fake *f = following(path);
	append(path, "three\n");
	rename(path, at("log.2"));
	file_with("log", "four\n");
	rename(path, at("log.1"));
	file_with("log", "five\n");
	f = resumed(f, path, open, 2);
	fake_until(f, f->n_emits == 5);
	expect(f, 5, "one", "two", "three", "four", "five");
	static const uint64_t ids[] = { 0, 4, 8, 14, 19 };
	for (size_t i = 0; i < 5; i++)
		ck_assert_uint_eq(f->emits[i].id, ids[i]);
	append(path, "six\n");
	fake_until(f, f->n_emits == 6);

	/* And on, with lines of three files open. */
	static const uint64_t more[] = { 8, 14, 24 };
	rename(path, at("log.0"));
	f = resumed(f, path, more, 3);
	expect(f, 3, "three", "four", "six");
	ck_assert_uint_eq(f->n_forgotten, 0);
	append(path, "seven\n");
	fake_until(f, f->n_emits == 4);
	ck_assert_uint_eq(f->emits[3].id, 28);
	fake_free(f);
}
END_TEST

START_TEST(what_was_in_a_file_that_is_gone_is_lost_and_told)
{
	const char *path = file_with("log", "one\ntwo\n");
	static const uint64_t open[] = { 0, 4 };
	struct fake *f = following(path);
	unlink(path);
	file_with("log", "three\n");
	f = resumed(f, path, open, 2);
	fake_until(f, f->n_emits == 1);
	expect(f, 1, "three");
	ck_assert_uint_eq(f->emits[0].id, 8);
	ck_assert_uint_eq(f->n_forgotten, 2);
	ck_contains(f->log, "what was not read of that is lost");
	ck_contains(f->log, "2 lines of it that were not done");
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_was_truncated_meanwhile_starts_anew)
{
	const char *path = file_with("log", "one\ntwo\n");
	static const uint64_t open[] = { 4 };
	struct fake *f = following(path);
	file_with("log", "three\n");
	f = resumed(f, path, open, 1);
	fake_until(f, f->n_emits == 1);
	expect(f, 1, "three");
	ck_assert_uint_eq(f->emits[0].id, 8);
	ck_assert_uint_eq(f->n_forgotten, 1);
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_was_not_there_yet_is_gone_on_with)
{
	struct fake *f = lines_from(at("log"));
	fake_set(f, "follow", "true");
	started(f);
	fake_pump(f);
	file_with("log", "one\n");
	fake_until(f, f->n_emits == 1);
	f = resumed(f, at("log"), NULL, 0);
	append(at("log"), "two\n");
	fake_until(f, f->n_emits == 1);
	expect(f, 1, "two");
	fake_free(f);
}
END_TEST

START_TEST(following_from_the_end_is_gone_on_with)
{
	const char *path = file_with("log", "one\n");
	struct fake *f = lines_from(path), *next = lines_from(path);
	fake_set(f, "follow", "true");
	fake_set(f, "from_start", "false");
	fake_set(next, "follow", "true");
	fake_set(next, "from_start", "false");
	started(f);
	append(path, "two\n");		/* it was killed before it had emitted anything */
	ck_assert_int_eq(fake_resume(next, f, NULL, 0), GALE_OK);
	fake_pump(next);
	expect(next, 1, "two");
	fake_free(f);
	fake_free(next);
}
END_TEST

/* remembered copies what F has told: struct fake is what fake_resume takes. */
static struct fake remembered(const struct fake *f)
{
	ck_assert(f->positioned);
	return *f;
}

/* A file that is rotated: from each position that was told, what comes is what came the first time,
 * with the same ids. */
START_TEST(a_followed_file_gives_the_same_again_from_each_position)
{
	static const char *const lines[] = { "one", "two", "3", "four", "", "six", "seven" };
	const char *path = at("log");
	struct fake *f = lines_from(path), told[8];
	size_t had[8];
	int n_told = 0;
	file_with("log", "one\ntwo\n3");
	fake_set(f, "follow", "true");
	started(f);
	told[n_told] = remembered(f);
	had[n_told++] = 0;
	fake_pump(f);
	told[n_told] = remembered(f);
	had[n_told++] = f->n_emits;
	rename(path, at("log.1"));
	file_with("log", "four\n\n");
	fake_until(f, f->n_emits == 5);
	told[n_told] = remembered(f);
	had[n_told++] = 5;
	append(path, "six\n");
	fake_until(f, f->n_emits == 6);
	told[n_told] = remembered(f);
	had[n_told++] = 6;
	append(path, "seven\n");
	fake_until(f, f->n_emits == 7);
	for (int i = 0; i < n_told; i++) {
		struct fake *again = lines_from(path);
		fake_set(again, "follow", "true");
		ck_assert_int_eq(fake_resume(again, &told[i], NULL, 0), GALE_OK);
		fake_pump(again);
		fake_until(again, again->n_emits == 7 - had[i]);
		for (size_t k = 0; k < again->n_emits; k++) {
			ck_assert(fake_is(again, k, lines[had[i] + k]));
			ck_assert_uint_eq(again->emits[k].id, f->emits[had[i] + k].id);
		}
		ck_assert_uint_eq(again->next, f->next);
		fake_free(again);
	}
	fake_free(f);
}
END_TEST

START_TEST(standard_input_cannot_be_followed)
{
	struct fake *f = lines_from("-");
	fake_set(f, "follow", "true");
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	fake_free(f);
}
END_TEST

/* ---- sequence ---------------------------------------------------------------------- */

static struct fake *sequence(const char *count, const char *rate)
{
	struct fake *f = fake_load("spouts", "sequence");
	fake_set(f, "count", count);
	fake_set(f, "rate", rate);
	return f;
}

START_TEST(a_sequence_emits_its_numbers)
{
	struct fake *f = sequence("200", "0");
	fake_set(f, "start", "-5");
	fake_set(f, "size", "10");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 200);
	for (size_t i = 0; i < 200; i++) {
		ck_assert_int_eq(f->emits[i].values[0].u.i, (int64_t)i - 5);
		ck_assert_uint_eq(f->emits[i].values[1].n, 10);
		ck_assert_uint_eq(f->emits[i].id, i);
	}
	ck_assert(!f->unbounded);
	fake_free(f);
}
END_TEST

START_TEST(a_number_that_failed_comes_again)
{
	struct fake *f = started(sequence("3", "0"));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	fake_fail(f, 1, false);
	fake_fail(f, 2, true);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 4);
	ck_assert_int_eq(f->emits[3].values[0].u.i, 1);
	ck_assert_uint_eq(f->emits[3].id, 1);
	fake_free(f);
}
END_TEST

START_TEST(a_sequence_goes_on)
{
	static const uint64_t open[] = { 5, 11 };
	struct fake *first = sequence("20", "0"), *f = sequence("20", "0");
	first->ctx.index = f->ctx.index = 2;
	first->ctx.n_tasks = f->ctx.n_tasks = 3;
	started(first);
	ck_assert_int_eq(fake_pump(first), GALE_DONE);
	ck_assert_uint_eq(first->next, 20);
	first->next = 14;
	ck_assert_int_eq(fake_resume(f, first, open, 2), GALE_OK);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	static const int64_t expected[] = { 11, 5, 14, 17 };
	ck_assert_uint_eq(f->n_emits, 4);
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(f->emits[i].values[0].u.i, expected[i]);
	fake_free(first);
	fake_free(f);
}
END_TEST

/* A batch may end at any number: from there the same numbers come again. */
START_TEST(any_number_can_be_gone_on_at)
{
	struct fake *all = sequence("100", "0"), at_i;
	all->ctx.index = 1;
	all->ctx.n_tasks = 3;
	started(all);
	ck_assert_int_eq(fake_pump(all), GALE_DONE);
	for (size_t i = 0; i <= all->n_emits; i++) {
		struct fake *f = sequence("100", "0");
		f->ctx.index = 1;
		f->ctx.n_tasks = 3;
		at_i = *all;
		at_i.next = i < all->n_emits ? all->emits[i].id : all->next;
		ck_assert_int_eq(fake_resume(f, &at_i, NULL, 0), GALE_OK);
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		ck_assert_uint_eq(f->n_emits, all->n_emits - i);
		for (size_t k = 0; k < f->n_emits; k++)
			ck_assert_uint_eq(f->emits[k].id, all->emits[i + k].id);
		ck_assert_uint_eq(f->next, all->next);
		fake_free(f);
	}
	fake_free(all);
}
END_TEST

START_TEST(a_task_without_numbers_tells_where_it_is_too)
{
	struct fake *f = sequence("2", "0");
	f->ctx.index = 2;
	f->ctx.n_tasks = 3;
	started(f);
	ck_assert(f->positioned && f->next == 2);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert(f->positioned && f->next == 2);
	fake_free(f);
}
END_TEST

START_TEST(tasks_share_the_sequence)
{
	int seen[10] = { 0 };
	for (uint32_t i = 0; i < 3; i++) {
		struct fake *f = sequence("10", "0");
		f->ctx.index = i;
		f->ctx.n_tasks = 3;
		started(f);
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		for (size_t k = 0; k < f->n_emits; k++) {
			ck_assert_int_eq(f->emits[k].values[0].u.i % 3, i);
			seen[f->emits[k].values[0].u.i]++;
		}
		fake_free(f);
	}
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(seen[i], 1);
}
END_TEST

START_TEST(a_sequence_keeps_to_its_schedule)
{
	static const char *const rates[] = { "1", "250", "1000", "3333", "100000" };
	static const int64_t rate[] = { 1, 250, 1000, 3333, 100000 };
	struct fake *f = started(sequence("0", rates[_i]));
	int64_t start = f->now_ms;
	f->forget = true;
	ck_assert(f->unbounded);
	for (int turns = 0; turns < 300; turns++) {
		ck_assert_int_eq(fake_pump(f), GALE_IDLE);
		int64_t due = (f->now_ms - start) * rate[_i] / 1000 + 1;
		ck_assert_uint_eq(f->n_emits, (uint64_t)due);
		ck_assert_int_eq(f->n_timers, 1);	/* and not one more for each call */
		int64_t before = f->now_ms;
		fake_turn(f);
		ck_assert_int_ge(f->now_ms, before + 1);
	}
	f->now_ms += 5000;	/* held back; what is overdue comes at once */
	fake_pump(f);
	ck_assert_uint_eq(f->n_emits, (uint64_t)((f->now_ms - start) * rate[_i] / 1000 + 1));
	fake_free(f);
}
END_TEST

START_TEST(a_pause_of_the_sequence_is_not_made_up_for)
{
	struct fake *f = started(sequence("0", "1000"));
	fake_pump(f);
	f->now_ms += 100000;
	f->component->activate(f->self, &f->ctx);
	fake_pump(f);
	ck_assert_uint_le(f->n_emits, 2);
	fake_free(f);
}
END_TEST

/* ---- deadletters ------------------------------------------------------------------- */

#define LETTER(COMPONENT, STREAM, VALUES) \
	"{\"time\":\"2026-01-31T08:15:02Z\",\"topology\":\"t\",\"component\":\"" COMPONENT "\"," \
	"\"stream\":\"" STREAM "\",\"id\":17,\"attempts\":3,\"reason\":\"b\\\"[0]\\\\\"," \
	"\"values\":" VALUES "}\n"

static struct fake *letters_from(const char *text)
{
	struct fake *f = fake_load("spouts", "deadletters");
	fake_set(f, "path", file_with("letters", text));
	return f;
}

START_TEST(letters_come_back_as_they_were)
{
	struct fake *f = started(letters_from(LETTER("lines", "default",
	    "[null,true,-9223372036854775808,9007199254740993,17.0,1e999,\"a\\u0000\\ud83d\\ude00\\n\","
	    "{\"$bytes\":\"AP8=\"},{\"$string\":\"/w==\"},[1,[2]],{\"$map\":[[\"k\",1],[2,[]]]},[]]")));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 1);
	ck_assert(f->emits[0].kept && f->emits[0].id == 1);
	const gale_value *v = f->emits[0].values;
	ck_assert_uint_eq(f->emits[0].n, 12);
	ck_assert(v[0].type == GALE_NULL && v[1].type == GALE_BOOL && v[1].u.b);
	ck_assert(v[2].type == GALE_INT && v[2].u.i == INT64_MIN);
	ck_assert(v[3].type == GALE_INT && v[3].u.i == 9007199254740993);
	ck_assert(v[4].type == GALE_FLOAT && v[4].u.f >= 17.0 && v[4].u.f <= 17.0);
	ck_assert(v[5].type == GALE_FLOAT && v[5].u.f > 1e300);
	ck_assert(v[6].type == GALE_STRING && v[6].n == 7);
	ck_assert_int_eq(memcmp(v[6].u.s, "a\0\xf0\x9f\x98\x80\n", 7), 0);
	ck_assert(v[7].type == GALE_BYTES && v[7].n == 2 && memcmp(v[7].u.s, "\0\xff", 2) == 0);
	ck_assert(v[8].type == GALE_STRING && v[8].n == 1 && v[8].u.s[0] == '\xff');
	ck_assert(v[9].type == GALE_LIST && v[9].n == 2 && v[9].u.items[1].u.items[0].u.i == 2);
	ck_assert(v[10].type == GALE_MAP && v[10].n == 2);
	ck_assert(v[10].u.items[1].u.i == 1 && v[10].u.items[3].type == GALE_LIST);
	ck_assert(v[11].type == GALE_LIST && v[11].n == 0);
	fake_free(f);
}
END_TEST

START_TEST(letters_are_chosen_by_component_and_stream)
{
	struct fake *f = letters_from(LETTER("a", "x", "[\"1\"]") LETTER("b", "x", "[\"2\"]")
	    LETTER("a", "y", "[\"3\"]") "\n" LETTER("a", "x", "[\"4\"]"));
	fake_set(f, "component", "a");
	fake_set(f, "stream", "x");
	started(f);
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 2, "1", "4");
	fake_free(f);
}
END_TEST

START_TEST(what_is_no_letter_is_passed_over)
{
	struct fake *f = started(letters_from(LETTER("a", "x", "[\"1\"]") "nonsense\n" "{}\n"
	    LETTER("a", "x", "{\"k\":1}") LETTER("a", "x", "[\"\\ud800\"]")
	    LETTER("a", "x", "[{\"$bytes\":\"A\"}]") LETTER("a", "x", "[{\"$map\":[[1]]}]")
	    LETTER("a", "x", "[1,]") LETTER("a", "x", "[1]]") LETTER("a", "x", "[--1]")
	    LETTER("a", "x", "[\"2\"]")));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 2, "1", "2");
	ck_contains(f->log, "letters:2:");
	ck_assert_int_eq(f->metrics[0], 9);
	fake_free(f);
}
END_TEST

START_TEST(a_letter_cut_anywhere_does_no_harm)
{
	static const char letter[] = LETTER("a", "x",
	    "[null,-1.5,\"\\u00e4\",{\"$map\":[[\"k\",{\"$bytes\":\"AP8=\"}],[2,[[]]]]}]");
	char text[sizeof letter];
	for (size_t n = 0; n < sizeof letter - 2; n++) {
		memcpy(text, letter, n);
		text[n] = '\0';
		struct fake *f = started(letters_from(text));
		ck_assert_int_eq(fake_pump(f), GALE_DONE);
		ck_assert_uint_eq(f->n_emits, 0);
		fake_free(f);
	}
	char *deep = malloc(200001);
	memset(deep, '[', 200000);
	deep[200000] = '\0';
	struct fake *f = started(letters_from(deep));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	fake_free(f);
	free(deep);
}
END_TEST

START_TEST(letters_written_meanwhile_are_left_alone)
{
	struct fake *f = started(letters_from(LETTER("a", "x", "[\"1\"]")));
	append(at("letters"), LETTER("a", "x", "[\"2\"]"));
	ck_assert_int_eq(fake_pump(f), GALE_DONE);
	expect(f, 1, "1");
	fake_free(f);
}
END_TEST

/* ---- split ------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
}

/* expect_words compares what was emitted with the words of the N bytes at S, found one byte
 * at a time. */
static void expect_words(const struct fake *f, const char *s, size_t n)
{
	size_t word = 0;
	for (size_t i = 0; i < n;) {
		size_t start = i;
		while (i < n && !is_blank(s[i]))
			i++;
		if (i > start) {
			ck_assert_uint_lt(word, f->n_emits);
			const gale_value *v = &f->emits[word++].values[0];
			ck_assert_uint_eq(v->n, i - start);
			ck_assert_int_eq(memcmp(v->u.s, s + start, v->n), 0);
		}
		i += i < n;
	}
	ck_assert_uint_eq(f->n_emits, word);
}

/* The line ends where memory does, so a read past it is seen. */
START_TEST(split_agrees_with_an_oracle)
{
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, (size_t)(2 * page), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(mprotect(memory + page, (size_t)page, PROT_NONE), 0);
	struct fake *f = started(fake_load("bolts", "split"));
	uint64_t state = seed;
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)(round % 100);
		char *s = memory + page - n;
		for (size_t i = 0; i < n; i++)
			s[i] = (char)(pick(&state, 3) == 0 ? 7 + pick(&state, 9) :
			    pick(&state, 7) == 0 ? ' ' : pick(&state, 256));
		ck_assert_int_eq(fake_text(f, s, n), GALE_OK);
		expect_words(f, s, n);
		fake_forget(f);
	}
	fake_free(f);
	munmap(memory, (size_t)(2 * page));
}
END_TEST

START_TEST(every_byte_alone_is_split_right)
{
	struct fake *f = started(fake_load("bolts", "split"));
	for (int c = 0; c < 256; c++) {
		for (int place = 0; place < 9; place++) {
			char s[] = "aaaaaaaaa";
			s[place] = (char)c;
			fake_text(f, s, 9);
			expect_words(f, s, 9);
			fake_forget(f);
		}
	}
	fake_free(f);
}
END_TEST

START_TEST(a_word_may_have_16_MiB)
{
	size_t n = 16 << 20;
	char *s = malloc(n);
	memset(s, 'x', n);
	struct fake *f = started(fake_load("bolts", "split"));
	ck_assert_int_eq(fake_text(f, s, n), GALE_OK);
	ck_assert_uint_eq(f->n_emits, 1);
	ck_assert_uint_eq(f->emits[0].values[0].n, n);
	fake_free(f);
	free(s);
}
END_TEST

/* ---- count, sum -------------------------------------------------------------------- */

static void count_word(struct fake *f, const char *word)
{
	ck_assert_int_eq(fake_text(f, word, strlen(word)), GALE_OK);
}

START_TEST(words_are_counted)
{
	struct fake *f = started(fake_load("bolts", "count"));
	count_word(f, "b");
	count_word(f, "a");
	count_word(f, "b");
	count_word(f, "");
	ck_assert_int_eq(fake_text(f, "a\0c", 3), GALE_OK);
	ck_assert_uint_eq(f->n_emits, 0);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 4);
	ck_assert(fake_is(f, 0, "b") && fake_is(f, 1, "a") && fake_is(f, 2, ""));
	ck_assert_int_eq(memcmp(f->emits[3].values[0].u.s, "a\0c", 3), 0);
	ck_assert_int_eq(f->emits[0].values[1].u.i, 2);
	ck_assert_int_eq(f->emits[1].values[1].u.i, 1);
	fake_free(f);
}
END_TEST

START_TEST(the_table_of_words_grows)
{
	struct fake *f = started(fake_load("bolts", "count"));
	char word[32], *longest = malloc(100001);
	for (int i = 0; i < 200000; i++)
		for (int times = 0; times < 1 + (i % 3 == 0); times++)
			fake_text(f, word, (size_t)snprintf(word, sizeof word, "w%d", i));
	memset(longest, 'l', 100000);
	longest[100000] = '\0';
	count_word(f, longest);
	count_word(f, "w0");
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 200001);
	for (size_t i = 0; i < 200000; i++) {
		snprintf(word, sizeof word, "w%zu", i);
		ck_assert_str_eq(f->emits[i].values[0].u.s, word);
		ck_assert_int_eq(f->emits[i].values[1].u.i, 1 + (i % 3 == 0) + (i == 0));
	}
	ck_assert_str_eq(f->emits[200000].values[0].u.s, longest);
	fake_free(f);
	free(longest);
}
END_TEST

START_TEST(a_counter_without_words_emits_nothing)
{
	struct fake *f = started(fake_load("bolts", _i == 0 ? "count" : "sum"));
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 0);
	fake_free(f);
}
END_TEST

START_TEST(finish_emits_a_few_at_a_time)
{
	struct fake *f = started(fake_load("bolts", "count"));
	char word[16];
	for (int i = 0; i < 100; i++)
		fake_text(f, word, (size_t)snprintf(word, sizeof word, "%d", i));
	ck_assert_int_eq(f->component->finish(f->self, &f->ctx), GALE_EMITTED);
	ck_assert_uint_eq(f->n_emits, 64);
	fake_free(f);
}
END_TEST

START_TEST(sums_are_added_and_in_order)
{
	static const struct { const char *word; int count; } in[] = {
		{ "b", 2 }, { "a", 1 }, { "b", 40 }, { "ab", -1 }, { "", 7 }, { "a", 1 },
	};
	struct fake *f = started(fake_load("bolts", "sum"));
	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		gale_value v[] = { gale_text(in[i].word), gale_int(in[i].count) };
		ck_assert_int_eq(fake_execute(f, v, 2), GALE_OK);
	}
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	expect(f, 4, "", "a", "ab", "b");
	static const int sums[] = { 7, 2, -1, 42 };
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(f->emits[i].values[1].u.i, sums[i]);
	fake_free(f);
}
END_TEST

/* ---- file: files that are replaced ------------------------------------------------- */

/* The test's own `open`: a file system that knows no files without names. */
static bool no_tmpfile;

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, int) : 0;
	va_end(args);
	if (no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static const gale_field word_count[] = {
	{ "word", GALE_STRING }, { "count", GALE_INT }, { NULL, GALE_NULL },
};

static struct fake *file_to(const char *path)
{
	struct fake *f = fake_load("bolts", "file");
	fake_set(f, "path", path);
	fake_fields(f, word_count);
	no_tmpfile = false;
	return f;
}

static int give(struct fake *f, const char *word, int64_t n)
{
	gale_value v[] = { gale_text(word), gale_int(n) };
	return fake_execute(f, v, 2);
}

/* rows expects WORD with the numbers below N at the head of TEXT, and gives what follows. */
static const char *rows(const char *text, const char *word, int n)
{
	char line[64];
	for (int i = 0; i < n; i++) {
		int length = snprintf(line, sizeof line, "%s\t%d\n", word, i);
		if (strncmp(text, line, (size_t)length) != 0)
			ck_abort_msg("row %d is missing", i);
		text += length;
	}
	return text;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode;
}

/* Each of these runs twice: with files that have no name, and without them. */
static struct fake *file_started(const char *path, int way)
{
	struct fake *f = file_to(path);
	no_tmpfile = way == 1;
	return started(f);
}

START_TEST(a_file_is_absent_until_it_is_complete)
{
	struct fake *f = file_started(at("out"), _i);
	ck_assert_int_eq(give(f, "one", 1), GALE_OK);
	ck_assert_int_eq(access(at("out"), F_OK), -1);
	ck_assert_int_eq(entries(), _i);
	ck_assert_int_eq(give(f, "two", -2), GALE_OK);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "one\t1\ntwo\t-2\n");
	ck_assert_int_eq(entries(), 1);
	ck_assert_int_eq(mode_of(at("out")), S_IFREG | 0644);
	fake_free(f);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_file_that_is_not_finished_leaves_no_trace)
{
	struct fake *f = file_started(at("out"), _i);
	for (int i = 0; i < 50000; i++)
		give(f, "word", i);
	fake_free(f);
	ck_assert_int_eq(entries(), 0);

	file_with("out", "old\n");
	f = file_started(at("out"), _i);
	give(f, "word", 1);
	fake_free(f);
	ck_assert_str_eq(contents(at("out")), "old\n");
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_worker_that_is_killed_leaves_no_trace)
{
	pid_t pid = fork();
	if (pid == 0) {
		static struct fake *f;	/* reachable to the end, for leak checkers */
		f = file_started(at("out"), 0);
		for (int i = 0; i < 50000; i++)
			give(f, "word", i);
		kill(getpid(), SIGKILL);
	}
	int status;
	waitpid(pid, &status, 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(an_old_file_is_replaced_and_keeps_its_mode)
{
	file_with("out", "old\n");
	chmod(at("out"), 0640);
	int old = open(at("out"), O_RDONLY | O_CLOEXEC);
	struct fake *f = file_started(at("out"), _i);
	give(f, "new", 1);
	ck_assert_str_eq(contents(at("out")), "old\n");
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "new\t1\n");
	ck_assert_int_eq(mode_of(at("out")), S_IFREG | 0640);
	char text[8];
	ck_assert_int_eq(read(old, text, sizeof text), 4);	/* its readers still have it */
	close(old);
	fake_free(f);
}
END_TEST

START_TEST(a_symbolic_link_stays_one)
{
	mkdir(at("d"), 0755);
	file_with("d/real", "old\n");
	ck_assert_int_eq(symlink("d/real", at("out")), 0);
	struct fake *f = file_started(at("out"), _i);
	give(f, "new", 1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert(S_ISLNK(mode_of(at("out"))));
	ck_assert_str_eq(contents(at("d/real")), "new\t1\n");
	fake_free(f);
}
END_TEST

START_TEST(no_tuples_make_an_empty_file)
{
	struct fake *f = file_started(at("out"), _i);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "");
	fake_free(f);
}
END_TEST

START_TEST(much_is_written_whole)
{
	struct fake *f = file_started(at("out"), _i);
	char *long_word = malloc(3000001);
	memset(long_word, 'l', 3000000);
	long_word[3000000] = '\0';
	for (int i = 0; i < 100000; i++)
		give(f, "word", i);
	give(f, long_word, 1);
	give(f, "last", 2);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	fake_free(f);
	const char *text = rows(contents(at("out")), "word", 100000);
	ck_assert_int_eq(strncmp(text, long_word, 3000000), 0);
	ck_assert_str_eq(text + 3000000, "\t1\nlast\t2\n");
	free(long_word);
}
END_TEST

START_TEST(what_cannot_be_written_is_fatal_and_named)
{
	static const char *const names[] = { "", "missing/out", "dangling", "out/below" };
	static const char *const why[] = {
		"is a directory", "directory does not exist", "link to nothing", "Not a directory",
	};
	file_with("out", "x");
	ck_assert_int_eq(symlink("nowhere", at("dangling")), 0);
	struct fake *f = file_to(at(names[_i]));
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, at(names[_i]));
	ck_contains(f->why, why[_i]);
	fake_free(f);
}
END_TEST

START_TEST(a_full_disk_is_fatal_and_named)
{
	struct rlimit limit = { 100000, 100000 };
	struct fake *f = file_started(at("out"), _i);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int got = GALE_OK;
	for (int i = 0; i < 100000 && got == GALE_OK; i++)
		got = give(f, "word", i);
	ck_assert_int_eq(got, GALE_FATAL);
	ck_contains(f->why, at("out"));
	ck_contains(f->why, "File too large");
	fake_free(f);
	ck_assert_int_eq(entries(), 0);
}
END_TEST

START_TEST(several_tasks_need_a_number_in_the_path)
{
	struct fake *f = file_to(at("out"));
	f->ctx.n_tasks = 3;
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, "%t");
	fake_free(f);

	f = file_to(at("out.%t.txt"));
	f->ctx.n_tasks = 3;
	f->ctx.index = 2;
	started(f);
	give(f, "x", 1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out.2.txt")), "x\t1\n");
	fake_free(f);
}
END_TEST

/* ---- file: what survives ----------------------------------------------------------- */

/* file_again starts a task that finds the state of the last one. */
static struct fake *file_again(int way, bool lasts)
{
	struct fake *f = file_to(at("out"));
	f->state_path = strdup(at("state/file.0"));
	f->ctx.state_lasts = lasts;
	no_tmpfile = way == 1;
	return f;
}

static void end(struct fake *f)
{
	const char *path = f->state_path;
	fake_free(f);
	free((void *)(uintptr_t)path);
}

static void killed(struct fake *f)
{
	const char *path = f->state_path;
	fake_kill(f);
	free((void *)(uintptr_t)path);
}

START_TEST(a_file_goes_on_where_it_was_synced_last)
{
	struct fake *f = started(file_again(_i, false));
	give(f, "one", 1);
	fake_commit(f);
	give(f, "two", 2);
	fake_commit(f);
	for (int i = 0; i < 50000; i++)
		give(f, "lost", i);		/* more than a buffer: a part is in the file */
	killed(f);
	ck_assert_int_eq(access(at("out"), F_OK), -1);
	f = started(file_again(_i, false));
	give(f, "three", 3);
	fake_commit(f);
	killed(f);
	f = started(file_again(_i, false));
	give(f, "four", 4);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "one\t1\ntwo\t2\nthree\t3\nfour\t4\n");
	fake_commit(f);
	end(f);
	ck_assert_int_eq(entries(), 2);		/* out, state */

	/* What has ended well is a new one the next time. */
	f = started(file_again(_i, false));
	give(f, "new", 1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "new\t1\n");
	end(f);
}
END_TEST

START_TEST(a_file_that_took_its_place_already_is_known)
{
	struct fake *f = started(file_again(_i, false));
	give(f, "one", 1);
	fake_commit(f);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	killed(f);				/* before the state forgot it */
	f = started(file_again(_i, false));
	give(f, "two", 2);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "one\t1\ntwo\t2\n");
	fake_commit(f);
	end(f);
	ck_assert_int_eq(entries(), 2);
}
END_TEST

START_TEST(a_file_that_is_cut_short_stays_for_the_next_run)
{
	struct fake *f = started(file_again(_i, true));
	give(f, "one", 1);
	fake_commit(f);
	end(f);
	ck_assert_int_eq(entries(), 2);		/* the temporary file, state */
	f = started(file_again(_i, true));
	give(f, "two", 2);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "one\t1\ntwo\t2\n");
	fake_commit(f);
	end(f);

	f = started(file_again(_i, false));	/* with a state that goes with the run it goes */
	give(f, "one", 1);
	fake_commit(f);
	end(f);
	ck_assert_int_eq(entries(), 2);
}
END_TEST

/* temporary_of gives the name of the one temporary file there is. */
static const char *temporary_of(void)
{
	struct dirent *entry;
	DIR *d = opendir(at(""));
	static char name[300];
	ck_assert_ptr_nonnull(d);
	name[0] = '\0';
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, ".gale-", 6) == 0)
			snprintf(name, sizeof name, "%s", entry->d_name);
	closedir(d);
	ck_assert_str_ne(name, "");
	return name;
}

START_TEST(a_file_whose_beginning_is_gone_is_refused)
{
	static const char *const why[] = { "is gone", "is shorter", "give the same path" };
	struct fake *f = started(file_again(0, true));
	give(f, "one", 1);
	fake_commit(f);
	end(f);
	f = file_again(0, true);
	if (_i == 0)
		ck_assert_int_eq(unlink(at(temporary_of())), 0);
	else if (_i == 1)
		ck_assert_int_eq(truncate(at(temporary_of()), 3), 0);
	else
		fake_set(f, "path", at("other"));
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, why[_i]);
	end(f);
}
END_TEST

START_TEST(direct_output_needs_no_state)
{
	struct fake *f = file_again(0, false);
	fake_set(f, "path", "/dev/null");
	started(f);
	give(f, "one", 1);
	fake_commit(f);
	end(f);
	ck_assert_int_eq(access(at("state/file.0"), F_OK), -1);
}
END_TEST

/* ---- tally ------------------------------------------------------------------------- */

static struct fake *with_state(const char *plugin)
{
	struct fake *f = fake_load("bolts", plugin);
	f->state_path = strdup(at("state/x.0"));
	return f;
}

static int64_t count_of(const struct fake *f, const char *word)
{
	for (size_t i = f->n_emits; i-- > 0; )
		if (fake_is(f, i, word))
			return f->emits[i].values[1].u.i;
	return 0;
}

START_TEST(a_tally_survives)
{
	struct fake *f = started(with_state("tally"));
	char word[16];
	for (int i = 0; i < 1000; i++)
		fake_text(f, word, (size_t)sprintf(word, "w%d", i % 300));
	fake_text(f, "", 0);
	fake_commit(f);
	fake_text(f, "w0", 2);
	killed(f);
	f = started(with_state("tally"));
	fake_text(f, "w1", 2);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(f->component->finish(f->self, &f->ctx), GALE_EMITTED);
	fake_commit(f);
	killed(f);				/* in the middle of finish: the next begins anew */
	f = started(with_state("tally"));
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 301);
	ck_assert_int_eq(count_of(f, "w0"), 4);
	ck_assert_int_eq(count_of(f, "w1"), 5);
	ck_assert_int_eq(count_of(f, "w299"), 3);
	ck_assert_int_eq(count_of(f, ""), 1);
	end(f);
}
END_TEST

/* ---- table ------------------------------------------------------------------------- */

static struct fake *table_to(const char *path, const char *format)
{
	struct fake *f = with_state("table");
	fake_set(f, "path", path);
	fake_set(f, "format", format);
	fake_fields(f, word_count);
	return started(f);
}

START_TEST(a_table_has_the_last_row_of_each_key_in_their_order)
{
	struct fake *f = table_to(at("out"), "tsv");
	give(f, "b", 1);
	give(f, "a", 2);
	fake_commit(f);
	give(f, "b", 3);
	give(f, "", 4);
	give(f, "a\tb", 5);
	fake_commit(f);
	give(f, "lost", 6);
	killed(f);
	f = table_to(at("out"), "tsv");
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "\t4\na\t2\na\\tb\t5\nb\t3\n");
	end(f);
	ck_assert_int_eq(entries(), 2);
}
END_TEST

START_TEST(a_table_may_be_large_and_of_any_format)
{
	static const char *const formats[] = { "tsv", "lines", "json" };
	static const char *const rows_of[] = { "%05d\t7\n", "%05d\n", "{\"word\":\"%05d\",\"count\":7}\n" };
	struct fake *f = table_to(at("out"), formats[_i]);
	char word[16], row[64];
	for (int i = 9999; i >= 0; i--) {
		sprintf(word, "%05d", i);
		give(f, word, 7);
	}
	ck_assert_int_eq(access(at("out"), F_OK), -1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	const char *text = contents(at("out"));
	for (int i = 0; i < 10000; i++) {
		int n = snprintf(row, sizeof row, rows_of[_i], i);
		if (strncmp(text, row, (size_t)n) != 0)
			ck_abort_msg("row %d is missing", i);
		text += n;
	}
	ck_assert_str_eq(text, "");
	end(f);
}
END_TEST

START_TEST(a_table_may_go_to_a_slow_fifo)
{
	struct fake *f = table_to(a_fifo(), "tsv");
	char word[4001];
	memset(word, 'w', 4000);
	for (int i = 0; i < 100; i++) {
		snprintf(word + 3990, 11, "%03d", i % 1000);
		give(f, word, i);
	}
	ck_assert_int_eq(f->component->finish(f->self, &f->ctx), GALE_EMITTED);	/* no reader */
	int fd = open(at("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC), got;
	size_t n = 0;
	do {
		got = f->component->finish(f->self, &f->ctx);
		static char bytes[1 << 16];
		ssize_t some = read(fd, bytes, sizeof bytes);
		n += some > 0 ? (size_t)some : 0;
	} while (got == GALE_EMITTED);
	ck_assert_int_eq(got, GALE_DONE);
	ck_assert_uint_eq(n, 10 * 3996 + 90 * 3997);
	close(fd);
	end(f);
}
END_TEST

/* ---- file: formats ----------------------------------------------------------------- */

static const gale_field all_types[] = {
	{ "a", GALE_STRING }, { "b", GALE_NULL }, { "c", GALE_BOOL }, { "d", GALE_FLOAT },
	{ "e", GALE_BYTES }, { "f", GALE_LIST }, { "g", GALE_MAP }, { "h\"", GALE_MAP },
	{ NULL, GALE_NULL },
};

/* written gives what the file has after a tuple with a value of each type. */
static const char *written(const char *format, const char *s, size_t n)
{
	gale_value items[] = { gale_int(1), gale_text("x\"y") };
	gale_value pairs[] = { gale_text("k"), gale_bool(true), gale_text("l"), gale_null() };
	gale_value odd[] = { gale_int(1), gale_float(0.5), gale_null(), gale_list(items, 2) };
	gale_value packed = gale_list(items, 2);
	packed.packed = 1;	/* a packed list of fakehost's is an array as well */
	packed.u.body = (const uint8_t *)items;
	gale_value v[] = {
		gale_string(s, n), gale_null(), gale_bool(false), gale_float(3), gale_bytes("\0\xff" "a", 3),
		packed, gale_map(pairs, 2), gale_map(odd, 2),
	};
	struct fake *f = file_to(at("out"));
	fake_set(f, "format", format);
	fake_fields(f, all_types);
	started(f);
	ck_assert_int_eq(fake_execute(f, v, 8), GALE_OK);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	fake_free(f);
	return contents(at("out"));
}

START_TEST(tsv_has_a_tab_between_values)
{
	const char *text = written("tsv", "a\tb\nc\\d\xff", 8);
	ck_assert_str_eq(text, "a\\tb\\nc\\d\xff\t\tfalse\t3.0\t");	/* and then a NUL byte */
	FILE *file = fopen(at("out"), "re");
	char bytes[256];
	size_t n = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	static const char rest[] = "\0\xff" "a\t[1,\"x\\\"y\"]\t{\"k\":true,\"l\":null}\t"
	    "{\"$map\":[[1,0.5],[null,[1,\"x\\\"y\"]]]}\n";
	ck_assert_uint_eq(n, strlen(text) + sizeof rest - 1);
	ck_assert_int_eq(memcmp(bytes + strlen(text), rest, sizeof rest - 1), 0);
}
END_TEST

START_TEST(lines_have_the_first_value_as_it_is)
{
	ck_assert_str_eq(written("lines", "a\tb\\\xff", 5), "a\tb\\\xff\n");
}
END_TEST

START_TEST(json_has_an_object_a_line)
{
	ck_assert_str_eq(written("json", "a\x01\n\"\\/\x7f" "b", 8),
	    "{\"a\":\"a\\u0001\\n\\\"\\\\/\x7f" "b\",\"b\":null,\"c\":false,\"d\":3.0,"
	    "\"e\":{\"$bytes\":\"AP9h\"},\"f\":[1,\"x\\\"y\"],\"g\":{\"k\":true,\"l\":null},"
	    "\"h\\\"\":{\"$map\":[[1,0.5],[null,[1,\"x\\\"y\"]]]}}\n");
}
END_TEST

START_TEST(json_has_no_wrong_utf_8)
{
#define R "\xef\xbf\xbd"
	static const struct { const char *in, *out; } of[] = {
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xe4" "b", R "b" }, { "\xc3", R }, { "\x80", R }, { "\xc0\x80", R R },
		{ "\xed\xa0\x80", R R R }, { "\xf4\x90\x80\x80", R R R R }, { "\xe2\x82", R R },
		{ "\xef\xbf\xbf", "\xef\xbf\xbf" }, { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	};
#undef R
	char start[64];
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		snprintf(start, sizeof start, "{\"a\":\"%s\",\"b\"", of[i].out);
		ck_contains(written("json", of[i].in, strlen(of[i].in)), start);
	}
}
END_TEST

START_TEST(floats_read_back_as_they_were)
{
	static const struct { double f; const char *text; } of[] = {
		{ 0.1, "0.1" }, { 1e300, "1e+300" }, { -0.0, "-0.0" }, { 1.0 / 3, "0.3333333333333333" },
		{ 123456789012345678.0, "1.2345678901234568e+17" }, { 1e15, "1e+15" },
	};
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct fake *f = started(file_to(at("out")));
		gale_value v = gale_float(of[i].f);
		fake_execute(f, &v, 1);
		fake_finish(f);
		fake_free(f);
		char line[64];
		snprintf(line, sizeof line, "%s\n", of[i].text);
		ck_assert_str_eq(contents(at("out")), line);
	}
}
END_TEST

/* ---- file: direct output ----------------------------------------------------------- */

START_TEST(a_device_is_written_to_and_not_replaced)
{
	struct fake *f = started(file_to("/dev/null"));
	for (int i = 0; i < 50000; i++)
		ck_assert_int_eq(give(f, "word", i), GALE_OK);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	fake_free(f);
	ck_assert(S_ISCHR(mode_of("/dev/null")));
}
END_TEST

START_TEST(a_full_device_is_fatal_and_named)
{
	struct fake *f = started(file_to("/dev/full"));
	give(f, "word", 1);
	ck_assert_int_eq(fake_finish(f), GALE_FATAL);
	ck_contains(f->why, "/dev/full");
	ck_contains(f->why, "No space left");
	fake_free(f);
}
END_TEST

START_TEST(standard_output_may_be_a_file)
{
	static const char *const names[] = { "-", "/dev/stdout" };
	append(at("out"), "before\n");
	int fd = open(at("out"), O_WRONLY | O_APPEND | O_CLOEXEC);
	struct fake *f = file_to(names[_i]);
	f->ctx.out = fd;
	started(f);
	give(f, "one", 1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(contents(at("out")), "before\none\t1\n");
	fake_free(f);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	close(fd);
}
END_TEST

START_TEST(what_is_written_directly_comes_soon)
{
	int fd[2];
	char text[64];
	ck_assert_int_eq(pipe(fd), 0);
	struct fake *f = file_to("-");
	f->ctx.out = fd[1];
	started(f);
	give(f, "one", 1);
	give(f, "two", 2);
	int64_t before = f->now_ms;
	ck_assert_int_eq(f->held[1].fate, FAKE_OPEN);
	fake_turn(f);
	ck_assert_int_le(f->now_ms, before + 10);
	ck_assert_int_eq(f->held[1].fate, FAKE_ACKED);
	ck_assert_int_eq(read(fd[0], text, sizeof text), 12);
	fake_turn(f);		/* there is nothing left whose timeout were to be put off */
	fake_idle(f);
	fake_free(f);
}
END_TEST

/* read_some reads what is there, up to N bytes, and gives their number; -1: the end. */
static ssize_t read_some(int fd, char *to, size_t n)
{
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	ssize_t got = read(fd, to, n);
	return got > 0 ? got : got == 0 ? -1 : 0;
}

/* A pipe, and a socket that can't be opened anew, each with a reader that sleeps at first. */
START_TEST(a_slow_reader_holds_tuples_back_and_loses_none)
{
	enum { N = 100000 };
	static char text[4 << 20];
	int fd[2];
	ck_assert_int_eq(_i == 0 ? pipe(fd) : socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	struct fake *f = file_to("-");
	f->ctx.out = fd[1];
	f->timeout_secs = "6";
	started(f);
	for (int i = 0; i < N; i++)
		give(f, "some word", i);
	ck_assert_uint_gt(f->n_held, 1000);
	ck_assert_int_eq(f->held[0].fate, FAKE_ACKED);	/* the pipe took it */
	ck_assert_int_eq(f->held[f->n_held - 1].fate, FAKE_OPEN);
	ck_assert_int_eq(fcntl(fd[1], F_GETFL) & O_NONBLOCK, 0);

	int64_t start = f->now_ms;
	while (f->now_ms < start + 30000)
		fake_turn(f);
	ck_assert_int_ge(f->held[f->n_held - 1].resets, 10);	/* timeouts are put off */

	size_t have = 0;
	fake_until(f, (have += (size_t)read_some(fd[0], text + have, sizeof text - have)) > 0 &&
	    f->held[f->n_held - 1].fate == FAKE_ACKED);
	ck_assert_int_eq(give(f, "last", 0), GALE_OK);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	fake_free(f);
	close(fd[1]);
	for (ssize_t n; (n = read_some(fd[0], text + have, sizeof text - have)) >= 0;)
		have += (size_t)n;
	const char *rest = rows(text, "some word", N);
	ck_assert_uint_eq(have, (size_t)(rest - text) + strlen("last\t0\n"));
}
END_TEST

START_TEST(finish_waits_for_a_slow_reader)
{
	static char text[4 << 20];
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	struct fake *f = file_to("-");
	f->ctx.out = fd[1];
	started(f);
	for (int i = 0; i < 20000; i++)
		give(f, "some word", i);
	int64_t start = fake_real_ms();
	ck_assert_int_eq(f->component->finish(f->self, &f->ctx), GALE_EMITTED);
	ck_assert_int_lt(fake_real_ms() - start, 5000);
	int got;
	size_t have = 0;
	while ((got = f->component->finish(f->self, &f->ctx)) == GALE_EMITTED)
		have += (size_t)read_some(fd[0], text + have, sizeof text - have);
	ck_assert_int_eq(got, GALE_DONE);
	fake_free(f);
}
END_TEST

START_TEST(a_reader_that_leaves_is_fatal)
{
	int fd[2];
	ck_assert_int_eq(pipe(fd), 0);
	struct fake *f = file_to("-");
	f->ctx.out = fd[1];
	started(f);
	close(fd[0]);
	give(f, "one", 1);
	ck_assert_int_eq(fake_finish(f), GALE_FATAL);
	ck_contains(f->why, "Broken pipe");
	fake_free(f);
}
END_TEST

START_TEST(a_fifo_waits_for_its_reader)
{
	char text[64] = "";
	struct fake *f = file_to(a_fifo());
	int64_t start = fake_real_ms();
	started(f);
	ck_assert_int_eq(give(f, "one", 1), GALE_OK);
	fake_turn(f);
	ck_assert_int_eq(give(f, "two", 2), GALE_OK);
	ck_assert_uint_eq(f->n_held, 2);
	ck_assert_int_eq(f->held[0].fate, FAKE_OPEN);
	for (int i = 0; i < 100; i++)
		fake_turn(f);
	ck_assert_int_eq(f->component->finish(f->self, &f->ctx), GALE_EMITTED);
	ck_assert_int_lt(fake_real_ms() - start, 5000);
	ck_assert_int_le(f->n_timers, 2);

	int fd = open(at("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fake_until(f, f->held[0].fate == FAKE_ACKED);
	ck_assert_int_eq(read(fd, text, sizeof text), 12);
	ck_assert_str_eq(text, "one\t1\ntwo\t2\n");
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	fake_free(f);
	ck_assert(S_ISFIFO(mode_of(at("fifo"))));
	close(fd);
}
END_TEST

START_TEST(a_fifo_without_tuples_needs_no_reader)
{
	struct fake *f = started(file_to(a_fifo()));
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	fake_free(f);
}
END_TEST

/* ---- log --------------------------------------------------------------------------- */

START_TEST(tuples_are_logged)
{
	struct fake *f = fake_load("bolts", "log");
	fake_set(f, "level", "warn");
	fake_fields(f, word_count);
	started(f);
	ck_assert_int_eq(give(f, "a\nb", 7), GALE_OK);
	ck_assert_str_eq(f->log, "warn word=\"a\\nb\" count=7\n");
	fake_free(f);
}
END_TEST

START_TEST(a_long_tuple_is_cut)
{
	struct fake *f = fake_load("bolts", "log");
	char *word = malloc(1000001);
	for (int i = 0; i < 1000000; i += 2)
		memcpy(word + i, "\xc3\xa4", 2);
	word[1000000] = '\0';
	fake_fields(f, word_count);
	started(f);
	ck_assert_int_eq(give(f, word, 7), GALE_OK);
	ck_assert_uint_lt(strlen(f->log), 1020);
	ck_contains(f->log, "\xc3\xa4...\n");
	fake_free(f);
	free(word);
}
END_TEST

/* ---- filter ------------------------------------------------------------------------ */

static const gale_field a_line[] = { { "line", GALE_STRING }, { NULL, GALE_NULL } };

static struct fake *filter(const char *match)
{
	struct fake *f = fake_load("bolts", "filter");
	fake_set(f, "match", match);
	fake_fields(f, a_line);
	return f;
}

START_TEST(what_matches_passes)
{
	struct fake *f = started(filter("^a[^c]*b$"));
	ck_assert_int_eq(fake_text(f, "a\0b", 3), GALE_OK);
	ck_assert_int_eq(fake_text(f, "ab tail", 2), GALE_OK);	/* the text ends at its end */
	ck_assert_int_eq(fake_text(f, "xab", 3), GALE_OK);
	ck_assert_int_eq(fake_text(f, "a\xff" "b", 3), GALE_OK);
	ck_assert_int_eq(fake_text(f, "", 0), GALE_OK);
	ck_assert_uint_eq(f->n_emits, 3);
	ck_assert_uint_eq(f->emits[0].values[0].n, 3);
	ck_assert(fake_is(f, 1, "ab") && fake_is(f, 2, "a\xff" "b"));
	fake_free(f);
}
END_TEST

START_TEST(a_match_may_be_inverted)
{
	struct fake *f = filter("a");
	fake_set(f, "invert", "true");
	started(f);
	fake_text(f, "abc", 3);
	fake_text(f, "xyz", 3);
	expect(f, 1, "xyz");
	fake_free(f);
}
END_TEST

START_TEST(what_does_not_match_may_fail)
{
	struct fake *f = filter("a");
	fake_set(f, "fail", "true");
	started(f);
	ck_assert_int_eq(fake_text(f, "abc", 3), GALE_OK);
	ck_assert_int_eq(fake_text(f, "xyz", 3), GALE_FAIL);
	ck_assert_int_eq(f->verdict, GALE_FAIL);
	expect(f, 1, "abc");
	fake_free(f);
}
END_TEST

START_TEST(another_field_may_be_matched)
{
	struct fake *f = filter("b");
	fake_set(f, "field", "word");
	fake_fields(f, word_count);
	started(f);
	ck_assert_int_eq(give(f, "abc", 1), GALE_OK);
	expect(f, 1, "abc");
	fake_free(f);
}
END_TEST

START_TEST(a_bad_expression_is_named)
{
	struct fake *f = filter("a(b");
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_contains(f->why, "a(b");
	ck_contains(f->why, "Unmatched");
	fake_free(f);
}
END_TEST

START_TEST(a_field_that_is_no_text_is_fatal)
{
	static const char *const fields[] = { "count", "wrod" };
	struct fake *f = filter("a");
	fake_set(f, "field", fields[_i]);
	fake_fields(f, word_count);
	started(f);
	ck_assert_int_eq(give(f, "abc", 1), GALE_FATAL);
	ck_contains(f->why, fields[_i]);
	fake_free(f);
}
END_TEST

/* ---- sort -------------------------------------------------------------------------- */

static struct fake *sorting(const char *by, const char *n)
{
	struct fake *f = fake_load("bolts", "sort");
	fake_set(f, "by", by);
	fake_set(f, "n", n);
	fake_fields(f, word_count);
	return f;
}

START_TEST(the_largest_come_first_and_ties_in_order)
{
	static const char *const n[] = { "0", "5", "100" };
	struct fake *f = started(sorting(NULL, n[_i]));
	give(f, "b", 2);
	give(f, "a", 2);
	give(f, "c", 10);
	give(f, "ab", 2);
	give(f, "d", -1);
	ck_assert_uint_eq(f->n_emits, 0);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	expect(f, 5, "c", "a", "ab", "b", "d");
	ck_assert_int_eq(f->emits[4].values[1].u.i, -1);
	fake_free(f);
}
END_TEST

START_TEST(only_the_first_are_kept)
{
	uint64_t state = seed + (uint64_t)_i;
	struct fake *all = started(sorting("count", "0")), *top = started(sorting("count", "100"));
	if (_i % 2 == 1) {
		fake_set(all, "ascending", "true");
		fake_set(top, "ascending", "true");
	}
	char word[16];
	for (int i = 0; i < 3000; i++) {
		snprintf(word, sizeof word, "%u", pick(&state, 50));
		int64_t n = pick(&state, 40);
		give(all, word, n);
		give(top, word, n);
	}
	ck_assert_int_eq(fake_finish(all), GALE_DONE);
	ck_assert_int_eq(fake_finish(top), GALE_DONE);
	ck_assert_uint_eq(all->n_emits, 3000);
	ck_assert_uint_eq(top->n_emits, 100);
	for (size_t i = 0; i < 100; i++) {
		const gale_value *a = all->emits[i].values, *t = top->emits[i].values;
		ck_assert_str_eq(a[0].u.s, t[0].u.s);
		ck_assert_int_eq(a[1].u.i, t[1].u.i);
		int64_t before = i > 0 ? a[1].u.i - all->emits[i - 1].values[1].u.i : 0;
		ck_assert(_i % 2 == 1 ? before >= 0 : before <= 0);
	}
	fake_free(all);
	fake_free(top);
}
END_TEST

START_TEST(strings_are_sorted_by_their_bytes)
{
	struct fake *f = sorting("word", "0");
	fake_set(f, "ascending", "true");
	started(f);
	give(f, "b", 1);
	give(f, "\xff", 1);
	give(f, "B", 1);
	give(f, "", 1);
	give(f, "ba", 1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	expect(f, 5, "", "B", "b", "ba", "\xff");
	fake_free(f);
}
END_TEST

START_TEST(values_of_all_types_have_an_order)
{
	static const gale_field any[] = { { "v", GALE_ANY }, { NULL, GALE_NULL } };
	gale_value one = gale_int(1), two[] = { gale_int(1), gale_text("x") };
	gale_value packed = gale_list(two, 2);
	packed.packed = 1;
	packed.u.body = (const uint8_t *)two;
	gale_value sorted[] = {
		gale_null(), gale_bool(false), gale_bool(true), gale_float(0.0 / 0.0 * 1.0),
		gale_float(-1.5), gale_int(-1), gale_int(INT64_MAX - 1), gale_int(INT64_MAX),
		gale_string("", 0), gale_text("a"), gale_bytes("\0", 1), gale_list(&one, 1), packed,
		gale_map(two, 1),
	};
	size_t n = sizeof sorted / sizeof *sorted;
	struct fake *f = sorting(NULL, "0");
	fake_set(f, "ascending", "true");
	fake_fields(f, any);
	started(f);
	for (size_t i = 0; i < n; i++)
		fake_execute(f, &sorted[i * 5 % n], 1);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(f->emits[i].values[0].type, sorted[i].type);
		if (sorted[i].type == GALE_INT)
			ck_assert_int_eq(f->emits[i].values[0].u.i, sorted[i].u.i);
	}
	ck_assert_str_eq(f->emits[12].values[0].u.items[1].u.s, "x");
	fake_free(f);
}
END_TEST

START_TEST(a_field_to_sort_by_must_exist)
{
	struct fake *f = started(sorting("wrod", "0"));
	ck_assert_int_eq(give(f, "a", 1), GALE_FATAL);
	ck_contains(f->why, "wrod");
	fake_free(f);
}
END_TEST

/* ---- identity, null ---------------------------------------------------------------- */

START_TEST(identity_passes_on_and_null_does_not)
{
	gale_value v[] = { gale_int(7), gale_bytes("abc", 3) };
	struct fake *f = started(fake_load("bolts", "identity"));
	ck_assert_int_eq(fake_execute(f, v, 2), GALE_OK);
	ck_assert_uint_eq(f->n_emits, 1);
	ck_assert_int_eq(f->emits[0].values[0].u.i, 7);
	ck_assert_str_eq(f->emits[0].values[1].u.s, "abc");
	fake_free(f);
	f = started(fake_load("bolts", "null"));
	ck_assert_int_eq(fake_execute(f, v, 2), GALE_OK);
	ck_assert_uint_eq(f->n_emits, 0);
	fake_free(f);
}
END_TEST

/* ---- gale.h ------------------------------------------------------------------------ */

START_TEST(texts_may_be_printed)
{
	struct fake *f = fake_load("bolts", "null");
	char text[2000];

	ck_assert_int_eq(gale_failedf(&f->ctx, "no user %s in %d", "x", 7), GALE_FAIL);
	ck_assert_int_eq(f->verdict, GALE_FAIL);
	ck_assert_str_eq(f->why, "no user x in 7");
	ck_assert_int_eq(gale_fatalf(&f->ctx, "%.1f %%", 0.5), GALE_FATAL);
	ck_assert_int_eq(f->verdict, GALE_FATAL);
	ck_assert_str_eq(f->why, "0.5 %");
	gale_logf(&f->ctx, GALE_WARN, "%s", "100 %s");
	ck_assert_str_eq(f->log, "warn 100 %s\n");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	gale_failedf(&f->ctx, "%s", text);
	ck_assert_uint_eq(strlen(f->why), GALE_MAX_TEXT - 1);
	fake_free(f);
}
END_TEST

/* ---- All of them ------------------------------------------------------------------- */

struct entry {
	const TTest *test;
	int times;
};

static void add(Suite *s, const char *name, const struct entry *tests, size_t n)
{
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_set_timeout(t, 120);
	for (size_t i = 0; i < n; i++)
		tcase_add_loop_test(t, tests[i].test, 0, tests[i].times);
	suite_add_tcase(s, t);
}
#define ADD(S, NAME, ...) \
	add((S), (NAME), (const struct entry[]){ __VA_ARGS__ }, \
	    sizeof (const struct entry[]){ __VA_ARGS__ } / sizeof (struct entry))

static void add_spouts(Suite *s)
{
	ADD(s, "lines: files",
	    { a_file_gives_its_lines_by_offset, 1 }, { the_last_line_needs_no_newline, 1 },
	    { an_empty_file_has_no_lines, 1 }, { lines_of_random_bytes_are_those_of_the_file, 5 },
	    { a_line_may_have_16_MiB, 2 }, { a_longer_line_is_refused_with_its_offset, 3 },
	    { a_line_that_failed_is_read_again, 1 },
	    { a_line_that_is_gone_cannot_be_read_again, 1 }, { a_file_may_be_repeated, 1 },
	    { what_cannot_be_read_is_fatal, 2 }, { a_file_is_read_by_one_task, 1 });
	ADD(s, "lines: streams",
	    { a_fifo_ends_only_after_a_writer_was_seen, 1 },
	    { a_writer_that_writes_nothing_ends_a_fifo, 1 },
	    { a_fifo_that_is_held_back_wakes_nobody, 1 },
	    { a_followed_fifo_waits_for_the_next_writer, 1 },
	    { standard_input_is_read_as_it_comes, 2 },
	    { standard_input_may_be_a_file_from_where_it_stands, 1 },
	    { a_file_on_standard_input_may_be_opened_anew, 1 },
	    { standard_input_may_be_nothing, 1 }, { what_can_be_read_once_is_not_repeated, 1 });
	ADD(s, "lines: followed files",
	    { a_followed_file_goes_on_as_it_grows, 1 }, { following_may_start_at_the_end, 1 },
	    { a_file_that_was_renamed_is_read_to_its_end, 1 },
	    { a_successor_may_grow_before_it_is_watched, 1 },
	    { all_lines_survive_many_rotations, 1 },
	    { a_file_moved_over_the_path_is_the_new_one, 1 }, { a_truncated_file_starts_anew, 1 },
	    { a_file_that_is_copied_and_truncated_starts_anew, 1 },
	    { a_file_that_is_made_again_is_found, 1 }, { a_file_may_appear_later, 1 },
	    { its_directories_may_appear_later_too, 1 },
	    { a_symbolic_link_is_followed_to_where_it_points, 1 },
	    { other_files_in_the_directory_change_nothing, 1 },
	    { a_directory_in_its_place_is_waited_out, 1 },
	    { standard_input_cannot_be_followed, 1 });
	ADD(s, "lines: going on",
	    { a_file_is_gone_on_with_at_any_line, 1 }, { rounds_are_gone_on_with, 1 },
	    { a_file_that_has_changed_is_refused, 3 }, { a_followed_file_is_gone_on_with, 1 },
	    { a_file_that_was_rotated_away_meanwhile_is_found, 1 },
	    { what_was_in_a_file_that_is_gone_is_lost_and_told, 1 },
	    { a_file_that_was_truncated_meanwhile_starts_anew, 1 },
	    { a_file_that_was_not_there_yet_is_gone_on_with, 1 },
	    { a_followed_file_gives_the_same_again_from_each_position, 1 },
	    { following_from_the_end_is_gone_on_with, 1 });
	ADD(s, "sequence",
	    { a_sequence_emits_its_numbers, 1 }, { a_sequence_goes_on, 1 },
	    { any_number_can_be_gone_on_at, 1 }, { a_task_without_numbers_tells_where_it_is_too, 1 },
	    { a_number_that_failed_comes_again, 1 },
	    { tasks_share_the_sequence, 1 }, { a_sequence_keeps_to_its_schedule, 5 },
	    { a_pause_of_the_sequence_is_not_made_up_for, 1 });
	ADD(s, "deadletters",
	    { letters_come_back_as_they_were, 1 },
	    { letters_are_chosen_by_component_and_stream, 1 },
	    { what_is_no_letter_is_passed_over, 1 }, { a_letter_cut_anywhere_does_no_harm, 1 },
	    { letters_written_meanwhile_are_left_alone, 1 });
}

static void add_header(Suite *s)
{
	ADD(s, "gale.h", { texts_may_be_printed, 1 });
}

static void add_bolts(Suite *s)
{
	ADD(s, "split", { split_agrees_with_an_oracle, 1 }, { every_byte_alone_is_split_right, 1 },
	    { a_word_may_have_16_MiB, 1 });
	ADD(s, "count, sum",
	    { words_are_counted, 1 }, { the_table_of_words_grows, 1 },
	    { a_counter_without_words_emits_nothing, 2 }, { finish_emits_a_few_at_a_time, 1 },
	    { sums_are_added_and_in_order, 1 });
	ADD(s, "file: replaced",
	    { a_file_is_absent_until_it_is_complete, 2 },
	    { a_file_that_is_not_finished_leaves_no_trace, 2 },
	    { a_worker_that_is_killed_leaves_no_trace, 1 },
	    { an_old_file_is_replaced_and_keeps_its_mode, 2 }, { a_symbolic_link_stays_one, 2 },
	    { no_tuples_make_an_empty_file, 2 }, { much_is_written_whole, 2 },
	    { what_cannot_be_written_is_fatal_and_named, 4 },
	    { a_full_disk_is_fatal_and_named, 2 }, { several_tasks_need_a_number_in_the_path, 1 });
	ADD(s, "file: what survives",
	    { a_file_goes_on_where_it_was_synced_last, 2 },
	    { a_file_that_took_its_place_already_is_known, 2 },
	    { a_file_that_is_cut_short_stays_for_the_next_run, 2 },
	    { a_file_whose_beginning_is_gone_is_refused, 3 }, { direct_output_needs_no_state, 1 });
	ADD(s, "tally and table", { a_tally_survives, 1 },
	    { a_table_has_the_last_row_of_each_key_in_their_order, 1 },
	    { a_table_may_be_large_and_of_any_format, 3 }, { a_table_may_go_to_a_slow_fifo, 1 });
	ADD(s, "file: formats",
	    { tsv_has_a_tab_between_values, 1 }, { lines_have_the_first_value_as_it_is, 1 },
	    { json_has_an_object_a_line, 1 }, { json_has_no_wrong_utf_8, 1 },
	    { floats_read_back_as_they_were, 1 });
	ADD(s, "file: direct",
	    { a_device_is_written_to_and_not_replaced, 1 }, { a_full_device_is_fatal_and_named, 1 },
	    { standard_output_may_be_a_file, 2 }, { what_is_written_directly_comes_soon, 1 },
	    { a_slow_reader_holds_tuples_back_and_loses_none, 2 },
	    { finish_waits_for_a_slow_reader, 1 }, { a_reader_that_leaves_is_fatal, 1 },
	    { a_fifo_waits_for_its_reader, 1 }, { a_fifo_without_tuples_needs_no_reader, 1 });
	ADD(s, "log", { tuples_are_logged, 1 }, { a_long_tuple_is_cut, 1 });
	ADD(s, "filter",
	    { what_matches_passes, 1 }, { a_match_may_be_inverted, 1 },
	    { what_does_not_match_may_fail, 1 }, { another_field_may_be_matched, 1 },
	    { a_bad_expression_is_named, 1 }, { a_field_that_is_no_text_is_fatal, 2 });
	ADD(s, "sort",
	    { the_largest_come_first_and_ties_in_order, 3 }, { only_the_first_are_kept, 6 },
	    { strings_are_sorted_by_their_bytes, 1 }, { values_of_all_types_have_an_order, 1 },
	    { a_field_to_sort_by_must_exist, 1 });
	ADD(s, "identity, null", { identity_passes_on_and_null_does_not, 1 });
}

int main(void)
{
	Suite *s = suite_create("plugins");
	seed = test_seed();
	add_spouts(s);
	add_bolts(s);
	add_header(s);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
