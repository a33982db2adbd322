/* test_position.c - which ids are open, as bytes, and on disk.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults.h"
#include "memory.h"
#include "position.h"
#include "positionfile.h"
#include "seed.h"

static uint64_t seed;
static struct error e;

/* ---- the row, against a model that is a list of all ids ---- */

enum { MODEL = 4096 };

struct model {
	uint64_t ids[MODEL];
	bool open[MODEL];
	size_t n;
	uint64_t next;
};

static void check_same(const struct position *p, const struct model *m)
{
	size_t n_below = 0, n_open = 0;
	uint32_t n;
	uint64_t *ids = position_ids(p, &n);

	for (size_t i = 0; i < m->n; i++) {
		n_open += m->open[i];
		if (!m->open[i] || m->ids[i] >= m->next)
			continue;
		ck_assert_uint_lt(n_below, n);
		ck_assert_uint_eq(ids[n_below], m->ids[i]);
		n_below++;
	}
	ck_assert_uint_eq(n_below, n);
	ck_assert_uint_eq(n_open, p->n_open);
	free(ids);
}

/* emit: new ids, with gaps, as lines have them; the position is told after a few. */
static void emit(struct position *p, struct model *m, uint64_t *state)
{
	uint64_t id = m->n == 0 ? pick(state, 5) : m->ids[m->n - 1] + 1 + pick(state, 100);

	m->ids[m->n] = id;
	m->open[m->n++] = true;
	position_open(p, id);
	if (pick(state, 4) == 0) {
		m->next = id + 1;
		ck_assert_int_eq(position_tell(p, m->next, "blob", 4), 0);
	}
}

/* An ack comes mostly in order, sometimes late, sometimes twice; and what is open may be
 * emitted again, which changes nothing. */
static void finish(struct position *p, struct model *m, uint64_t *state)
{
	size_t i = pick(state, (uint32_t)m->n);

	if (pick(state, 3) > 0)
		for (i = 0; i < m->n - 1 && !m->open[i]; )
			i++;
	if (pick(state, 5) == 0 && m->open[i])
		position_open(p, m->ids[i]);
	if (pick(state, 10) == 0)
		return;
	ck_assert_int_eq(position_close(p, m->ids[i]), m->open[i]);
	m->open[i] = false;
}

static void there_and_back(const struct position *p)
{
	struct position q = { 0 };
	struct buf a = { 0 }, b = { 0 };
	uint64_t sequence;
	uint32_t run;

	position_put(&a, p, 7, 9);
	ck_assert_int_eq(position_get(&q, a.data, a.n, &sequence, &run, &e), 0);
	ck_assert_uint_eq(sequence, 7);
	ck_assert_uint_eq(run, 9);
	ck_assert(q.known && !q.changed);
	position_put(&b, &q, 7, 9);
	ck_assert_uint_eq(a.n, b.n);
	ck_assert_mem_eq(a.data, b.data, a.n);
	position_free(&q);
	buf_free(&a);
	buf_free(&b);
}

START_TEST(the_row_is_what_a_list_would_be)
{
	uint64_t state = seed + (uint64_t)_i;
	uint32_t bias = 1 + pick(&state, 9);
	struct position p = { 0 };
	struct model *m = xcalloc(1, sizeof *m);

	while (m->n < MODEL) {
		if (m->n == 0 || pick(&state, 10) >= bias)
			emit(&p, m, &state);
		else
			finish(&p, m, &state);
		if (pick(&state, 500) == 0) {
			check_same(&p, m);
			there_and_back(&p);
		}
	}
	check_same(&p, m);
	position_free(&p);
	free(m);
}
END_TEST

/* One message that stays open must not keep room for all that come after it. */
START_TEST(a_stuck_message_costs_no_more_than_itself)
{
	struct position p = { 0 };

	position_open(&p, 0);
	for (uint64_t id = 1; id < (getenv("GALE_QUICK") ? 100000 : 1000000); id++) {
		position_open(&p, id);
		ck_assert(position_close(&p, id));
	}
	ck_assert_uint_eq(p.n_open, 1);
	ck_assert_uint_lt(p.cap, 256);
	ck_assert(position_close(&p, 0));
	ck_assert(!position_close(&p, 0));
	ck_assert_uint_eq(p.n_open, 0);
	position_free(&p);
}
END_TEST

START_TEST(a_position_only_grows)
{
	uint8_t large[GALE_MAX_POSITION + 1] = { 0 };
	struct position p = { 0 };

	ck_assert_int_eq(position_tell(&p, 0, NULL, 0), 0);
	ck_assert(p.known && p.changed);
	p.changed = false;
	ck_assert_int_eq(position_tell(&p, 0, NULL, 0), 0);
	ck_assert_msg(!p.changed, "the same once more is no change");
	ck_assert_int_eq(position_tell(&p, 0, "x", 1), 0);
	ck_assert(p.changed);
	ck_assert_int_eq(position_tell(&p, 8, large, GALE_MAX_POSITION), 0);
	ck_assert_int_eq(position_tell(&p, 7, NULL, 0), -1);
	ck_assert_int_eq(position_tell(&p, 9, large, GALE_MAX_POSITION + 1), -1);
	ck_assert_int_eq(position_tell(&p, 9, large, UINT32_MAX), -1);
	ck_assert_uint_eq(p.next, 8);
	position_free(&p);
}
END_TEST

START_TEST(only_a_change_is_one)
{
	struct position p = { 0 };

	position_open(&p, 3);
	ck_assert(p.changed);
	p.changed = false;
	position_open(&p, 3);
	ck_assert(!position_close(&p, 2) && !position_close(&p, 4));
	ck_assert(!p.changed);
	ck_assert(position_close(&p, 3));
	ck_assert(p.changed);
	position_free(&p);
}
END_TEST

/* ---- bytes ---- */

static void an_example(struct buf *b)
{
	struct position p = { .ended = true };

	for (uint64_t id = 10; id < 20; id++)
		position_open(&p, id * id);
	position_tell(&p, 15 * 15, "device, inode", 13);
	position_put(b, &p, 3, 2);
	position_free(&p);
}

START_TEST(what_is_cut_or_changed_is_refused)
{
	struct buf b = { 0 };
	uint64_t sequence;
	uint32_t run;

	an_example(&b);
	ck_assert_uint_eq(b.n, 40 + 13 + 5 * 8 + 8);
	for (size_t n = 0; n < b.n; n++) {
		struct position p = { 0 };
		char *cut = xmalloc(n + 1);	/* of its own, so that a sanitizer sees its end */

		memcpy(cut, b.data, n);
		ck_assert_int_eq(position_get(&p, cut, n, &sequence, &run, &e), -1);
		free(cut);
		position_free(&p);
	}
	for (size_t i = 0; i < b.n * 8; i++) {
		struct position p = { 0 };

		b.data[i / 8] ^= (char)(1 << i % 8);
		ck_assert_int_eq(position_get(&p, b.data, b.n, &sequence, &run, &e), -1);
		b.data[i / 8] ^= (char)(1 << i % 8);
		position_free(&p);
	}
	buf_add(&b, "x", 1);
	ck_assert_int_eq(position_get(&(struct position){ 0 }, b.data, b.n, &sequence, &run, &e), -1);
	buf_free(&b);
}
END_TEST

/* ---- on disk ---- */

static char dir[64], *path;

static void make_dir(void)
{
	strcpy(dir, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	path = xasprintf("%s/lines.0", dir);
}

static void remove_dir(void)
{
	char *command = xasprintf("rm -rf %s", dir);

	ck_assert_int_eq(system(command), 0);
	free(command);
	free(path);
}

/* next_on_disk gives what a new process would go on with; -1: from the beginning, -2: an error. */
static int64_t next_on_disk(void)
{
	struct positionfile f;
	struct position p = { 0 };
	int rc = positionfile_read(&f, path, true, &p, &e);
	int64_t next = rc == 1 ? (int64_t)p.next : rc == 0 ? -1 : -2;

	ck_assert(rc != 1 || (f.run == 4 && p.n_blob == 3 && memcmp(p.blob, "abc", 3) == 0));
	position_free(&p);
	positionfile_close(&f);
	return next;
}

static void write_upto(int n)
{
	struct positionfile f;
	struct position p = { 0 };

	ck_assert_int_eq(positionfile_read(&f, path, true, &p, &e), 0);
	for (int i = 1; i <= n; i++) {
		position_tell(&p, (uint64_t)i, "abc", 3);
		ck_assert_int_eq(positionfile_write(&f, &p, 4, &e), 0);
		ck_assert(!p.changed);
		ck_assert_int_eq(next_on_disk(), i);
	}
	positionfile_close(&f);
}

static void damage(char slot, off_t length)
{
	char *file = xasprintf("%s.%c", path, slot);

	ck_assert_int_eq(truncate(file, length), 0);
	free(file);
}

START_TEST(the_newest_is_read)
{
	ck_assert_int_eq(next_on_disk(), -1);
	write_upto(5);
}
END_TEST

/* Odd ones are in a, even ones in b. A write that was cut short leaves the one before it. */
START_TEST(a_write_that_was_cut_short_leaves_the_one_before)
{
	write_upto(5);
	damage('a', _i * 10);
	ck_assert_int_eq(next_on_disk(), 4);
}
END_TEST

START_TEST(the_first_write_cut_short_is_none)
{
	write_upto(1);
	damage('a', _i * 10);
	ck_assert_int_eq(next_on_disk(), -1);
}
END_TEST

START_TEST(two_damaged_ones_are_an_error_that_says_what_to_do)
{
	write_upto(2);
	damage('a', 20);
	damage('b', 20);
	ck_assert_int_eq(next_on_disk(), -2);
	ck_assert_ptr_nonnull(strstr(e.text, "lines.0.b is damaged"));
	ck_assert_ptr_nonnull(strstr(e.text, "to start from the beginning, remove"));
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error_and_no_beginning)
{
	char *file = xasprintf("%s.b", path);

	write_upto(1);
	ck_assert_int_eq(symlink("/etc/passwd", file), 0);
	ck_assert_int_eq(next_on_disk(), -2);
	ck_assert_ptr_nonnull(strstr(e.text, "cannot read the position"));
	free(file);
}
END_TEST

START_TEST(going_on_writes_over_the_older_one)
{
	struct positionfile f;
	struct position p = { 0 };

	write_upto(2);
	ck_assert_int_eq(positionfile_read(&f, path, false, &p, &e), 1);
	position_tell(&p, 3, "abc", 3);
	ck_assert_int_eq(positionfile_write(&f, &p, 4, &e), 0);
	positionfile_close(&f);
	damage('a', 0);
	ck_assert_int_eq(next_on_disk(), 2);
}
END_TEST

START_TEST(what_cannot_be_written_is_an_error_that_names_it)
{
	struct positionfile f;
	struct position p = { 0 };

	free(path);
	path = xstrdup("/proc/gale/lines.0");
	ck_assert_int_eq(positionfile_read(&f, path, true, &p, &e), 0);
	position_tell(&p, 3, "abc", 3);
	ck_assert_int_eq(positionfile_write(&f, &p, 4, &e), -1);
	ck_assert_str_eq(e.text, "cannot write the position /proc/gale/lines.0.a: No such file or directory");
	ck_assert(p.changed);
	positionfile_close(&f);
}
END_TEST

/* ---- faults ---- */

enum { FAULT_WRITES = 6 };

static void write_some(void)
{
	struct positionfile f;
	struct position p = { 0 };

	if (positionfile_read(&f, path, true, &p, &e) != 0)
		fault_told();
	for (uint32_t i = 1; i <= FAULT_WRITES; i++) {
		position_tell(&p, i, "abc", 3);
		if (positionfile_write(&f, &p, 4, &e) != 0)
			fault_told();
		*fault_done = i;
	}
	positionfile_close(&f);
}

START_TEST(whatever_fails_the_last_position_is_there)
{
	static const char *const points[] = { "position.write", "position.sync", "alloc" };
	int n_faults = 0;

	for (size_t point = 0; point < sizeof points / sizeof *points; point++) {
		for (int n = 1; fault_struck(points[point], fault_whats[_i], n, write_some); n++) {
			int64_t done = *fault_done, next = next_on_disk();

			ck_assert_msg(next == done + 1 || next == (done == 0 ? -1 : done),
			    "%s=%d,%s: %lld is on disk, not %lld: %s", points[point], n,
			    fault_whats[_i], (long long)next, (long long)done, e.text);
			remove_dir();
			make_dir();
			n_faults++;
		}
		remove_dir();
		make_dir();
	}
	ck_assert_int_gt(n_faults, 2 * FAULT_WRITES);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_set_timeout(c, 120);
	suite_add_tcase(suite, c);
	return c;
}

int main(void)
{
	Suite *suite = suite_create("position");
	TCase *row = add_case(suite, "row"), *disk = add_case(suite, "disk");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_add_loop_test(row, the_row_is_what_a_list_would_be, 0, getenv("GALE_QUICK") ? 10 : 50);
	tcase_add_test(row, a_stuck_message_costs_no_more_than_itself);
	tcase_add_test(row, a_position_only_grows);
	tcase_add_test(row, only_a_change_is_one);
	tcase_add_test(row, what_is_cut_or_changed_is_refused);
	tcase_add_checked_fixture(disk, make_dir, remove_dir);
	tcase_add_test(disk, the_newest_is_read);
	tcase_add_loop_test(disk, a_write_that_was_cut_short_leaves_the_one_before, 0, 5);
	tcase_add_loop_test(disk, the_first_write_cut_short_is_none, 0, 5);
	tcase_add_test(disk, two_damaged_ones_are_an_error_that_says_what_to_do);
	tcase_add_test(disk, what_cannot_be_read_is_an_error_and_no_beginning);
	tcase_add_test(disk, going_on_writes_over_the_older_one);
	tcase_add_test(disk, what_cannot_be_written_is_an_error_that_names_it);
	tcase_add_loop_test(disk, whatever_fails_the_last_position_is_there, 0, FAULT_WHATS);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
