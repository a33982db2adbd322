/* test_top.c - bolts that say while tuples come what they have counted: `tally`, once a batch or with
 * each word, and `top`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fakehost.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random.h"
#include "seed.h"

static uint64_t seed;
static char dir[] = "/tmp/test_top.XXXXXX";
static char state_path[64];

static void make_dir(void)
{
	strcpy(dir + sizeof dir - 7, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(state_path, sizeof state_path, "%s/state", dir);
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

/* bolt makes a task of PLUGIN with a property; in a transactional topology if GENERATION is not 0. */
static struct fake *bolt(const char *plugin, const char *property, const char *value, uint64_t generation)
{
	struct fake *f = fake_load("bolts", plugin);
	f->state_path = state_path;
	fake_set(f, property, value);
	f->ctx.generation = generation;
	int got = fake_start(f);
	ck_assert_msg(got == GALE_OK, "%d: %s", got, f->why);
	return f;
}

static void batch(struct fake *f)
{
	f->ctx.txid++;
	ck_assert_int_eq(f->component->finish_batch(f->self, &f->ctx), GALE_OK);
}

static void word(struct fake *f, const char *text)
{
	ck_assert_int_eq(fake_text(f, text, strlen(text)), GALE_OK);
}

static void count(struct fake *f, const char *text, int64_t n)
{
	gale_value v[] = { gale_text(text), gale_int(n) };
	ck_assert_int_eq(fake_execute(f, v, 2), GALE_OK);
}

/* emitted tells what F has emitted since it was asked last: "a 1|b 2|". */
static const char *emitted(struct fake *f)
{
	static char text[2000];
	size_t n = 0;
	text[0] = '\0';
	for (size_t i = 0; i < f->n_emits; i++) {
		for (uint32_t k = 0; k < f->emits[i].n; k++) {
			const gale_value *v = &f->emits[i].values[k];
			if (v->type == GALE_INT)
				n += (size_t)snprintf(text + n, sizeof text - n, "%lld", (long long)v->u.i);
			else
				n += (size_t)snprintf(text + n, sizeof text - n, "%s", v->u.s);
			n += (size_t)snprintf(text + n, sizeof text - n, k + 1 < f->emits[i].n ? " " : "|");
		}
	}
	fake_forget(f);
	return text;
}

/* ---- tally ------------------------------------------------------------------------- */

START_TEST(a_tally_may_emit_each_change)
{
	struct fake *f = bolt("tally", "emit", "change", (uint64_t)_i);
	word(f, "b");
	word(f, "a");
	word(f, "b");
	ck_assert_str_eq(emitted(f), "b 1|a 1|b 2|");
	batch(f);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(emitted(f), "");
	fake_free(f);
}
END_TEST

START_TEST(a_tally_may_emit_what_a_batch_has_changed)
{
	struct fake *f = bolt("tally", "emit", "batch", 1);
	word(f, "b");
	word(f, "");
	word(f, "a\n");
	word(f, "b");
	ck_assert_str_eq(emitted(f), "");
	batch(f);
	ck_assert_str_eq(emitted(f), " 1|a\n 1|b 2|");
	batch(f);
	ck_assert_str_eq(emitted(f), "");
	word(f, "b");
	word(f, "bb");
	batch(f);
	ck_assert_str_eq(emitted(f), "b 3|bb 1|");
	word(f, "a\n");
	fake_commit(f);
	fake_kill(f);				/* and made anew: what it had in hand is gone */
	f = bolt("tally", "emit", "batch", 2);
	word(f, "bb");
	batch(f);
	ck_assert_str_eq(emitted(f), "bb 2|");
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 0);
	fake_free(f);
}
END_TEST

/* More words, or more bytes of them, than are kept: the last count of each is right. */
START_TEST(a_batch_may_be_larger_than_what_is_kept)
{
	static int64_t counts[100000];
	struct fake *f = bolt("tally", "emit", "batch", 1);
	uint64_t state = seed;
	uint32_t n = _i == 0 ? 100000 : 30;
	size_t length = _i == 0 ? 8 : 1000000;
	char *text = calloc(1, length + 1);
	memset(text, 'x', length);
	for (int i = 0; i < (_i == 0 ? 200000 : 60); i++) {
		uint32_t k = pick(&state, n);
		snprintf(text, 9, "%08u", k);
		text[8] = _i == 0 ? '\0' : 'x';
		counts[k]--;
		ck_assert_int_eq(fake_text(f, text, length), GALE_OK);
	}
	batch(f);
	for (size_t i = 0; i < f->n_emits; i++) {
		uint32_t k = (uint32_t)strtoul(f->emits[i].values[0].u.s, NULL, 10);
		int64_t c = f->emits[i].values[1].u.i;
		ck_assert_int_gt(c, 0);
		ck_assert_int_le(c, counts[k] < 0 ? -counts[k] : INT64_MAX);
		if (c == -counts[k])
			counts[k] = 0;		/* it has come */
	}
	for (uint32_t k = 0; k < n; k++)
		ck_assert_int_eq(counts[k], 0);
	ck_assert_uint_gt(f->n_emits, n / 2);
	fake_free(f);
	free(text);
}
END_TEST

START_TEST(batches_are_for_transactional_topologies)
{
	struct fake *f = fake_load("bolts", "tally");
	fake_set(f, "emit", "batch");
	ck_assert_int_eq(fake_start(f), GALE_FATAL);
	ck_assert(strstr(f->why, "transactional") != NULL);
	fake_free(f);
}
END_TEST

/* ---- top --------------------------------------------------------------------------- */

START_TEST(the_largest_counts_are_listed_once_a_batch)
{
	struct fake *f = bolt("top", "n", "3", 1);
	count(f, "b", 2);
	count(f, "a", 2);
	ck_assert_str_eq(emitted(f), "");
	batch(f);
	ck_assert_str_eq(emitted(f), "1 a 2|2 b 2|");
	batch(f);
	count(f, "a", 1);			/* came late: 2 was larger */
	count(f, "b", 2);
	batch(f);
	ck_assert_str_eq(emitted(f), "");	/* nothing has changed */
	count(f, "c", 1);
	count(f, "", 5);
	count(f, "ab", 2);
	batch(f);
	ck_assert_str_eq(emitted(f), "1  5|2 a 2|3 ab 2|");
	count(f, "c", 9);
	batch(f);
	ck_assert_str_eq(emitted(f), "1 c 9|2  5|3 a 2|");
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_str_eq(emitted(f), "");
	fake_free(f);
}
END_TEST

START_TEST(without_batches_the_list_comes_at_the_end)
{
	char name[16];
	struct fake *f = bolt("top", "n", "1000", 0);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "w%d", i * 7 % 2000);
		count(f, name, i * 7 % 2000);
	}
	ck_assert_uint_eq(f->n_emits, 0);
	ck_assert_int_eq(f->component->finish(f->self, &f->ctx), GALE_EMITTED);
	ck_assert_uint_le(f->n_emits, 64);
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_uint_eq(f->n_emits, 1000);
	for (size_t i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "w%zu", 1999 - i);
		ck_assert_int_eq(f->emits[i].values[0].u.i, (int64_t)i + 1);
		ck_assert_str_eq(f->emits[i].values[1].u.s, name);
	}
	fake_free(f);
}
END_TEST

START_TEST(a_shorter_list_is_the_beginning_of_the_longer_one)
{
	struct fake *f = bolt("top", "n", "4", 1);
	count(f, "a", 1);
	count(f, "b", 2);
	count(f, "c", 3);
	count(f, "d", 4);
	batch(f);
	fake_commit(f);
	fake_kill(f);
	f = bolt("top", "n", "2", 1);
	count(f, "b", 2);
	batch(f);
	ck_assert_str_eq(emitted(f), "");
	count(f, "b", 5);
	batch(f);
	ck_assert_str_eq(emitted(f), "1 b 5|2 d 4|");
	count(f, "c", 4);
	batch(f);
	ck_assert_str_eq(emitted(f), "1 b 5|2 c 4|");
	fake_free(f);
}
END_TEST

enum { WORDS = 60 };

static int64_t largest[WORDS];

static int by_count(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	if (largest[x] != largest[y])
		return largest[x] < largest[y] ? 1 : -1;
	return (x > y) - (x < y);
}

/* check_list compares what was emitted with the N largest counts of all. */
static void check_list(struct fake *f, size_t n)
{
	int order[WORDS];
	char name[8];
	size_t known = 0;
	for (int i = 0; i < WORDS; i++)
		if (largest[i] > INT64_MIN)
			order[known++] = i;
	qsort(order, known, sizeof *order, by_count);
	ck_assert_uint_eq(f->n_emits, known < n ? known : n);
	for (size_t i = 0; i < f->n_emits; i++) {
		const gale_value *v = f->emits[i].values;
		snprintf(name, sizeof name, "%02d", order[i]);
		ck_assert_int_eq(v[0].u.i, (int64_t)i + 1);
		ck_assert_str_eq(v[1].u.s, name);
		ck_assert_int_eq(v[2].u.i, largest[order[i]]);
	}
	fake_forget(f);
}

/* Counts in any order, also twice and smaller ones, and tasks made anew: the list is that of the
 * largest count of each, and the state has no more than it. */
START_TEST(the_list_depends_on_the_counts_alone)
{
	uint64_t state = seed + (uint64_t)_i * 1000003;
	char n_text[8], name[8];
	size_t n = 1 + pick(&state, 12), n_keys = 0;
	int kills = 0;
	snprintf(n_text, sizeof n_text, "%zu", n);
	struct fake *f = bolt("top", "n", n_text, 1);
	for (int i = 0; i < WORDS; i++)
		largest[i] = INT64_MIN;
	for (int i = 0; i < 3000; i++) {
		int k = (int)pick(&state, WORDS);
		int64_t c = (int64_t)pick(&state, 1 + (uint32_t)i / 10) - 20;
		snprintf(name, sizeof name, "%02d", k);
		count(f, name, c);
		if (c > largest[k])
			largest[k] = c;
		if (pick(&state, 20) > 0)
			continue;
		batch(f);
		if (f->n_emits > 0)
			check_list(f, n);
		if (pick(&state, 20) > 0 || kills == 10)
			continue;
		fake_commit(f);
		fake_kill(f);
		f = bolt("top", "n", n_text, (uint64_t)++kills + 1);
	}
	count(f, "00", 1000);
	largest[0] = 1000;
	batch(f);
	check_list(f, n);
	for (gale_scan s = gale_state_scan("", 0); gale_state_next(&f->ctx, &s);)
		n_keys++;
	ck_assert_uint_eq(n_keys, n);
	fake_free(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tally and top");
	TCase *t = tcase_create("tally and top");
	seed = test_seed();
	tcase_add_checked_fixture(t, make_dir, remove_dir);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, a_tally_may_emit_each_change, 0, 2);
	tcase_add_test(t, a_tally_may_emit_what_a_batch_has_changed);
	tcase_add_loop_test(t, a_batch_may_be_larger_than_what_is_kept, 0, 2);
	tcase_add_test(t, batches_are_for_transactional_topologies);
	tcase_add_test(t, the_largest_counts_are_listed_once_a_batch);
	tcase_add_test(t, without_batches_the_list_comes_at_the_end);
	tcase_add_test(t, a_shorter_list_is_the_beginning_of_the_longer_one);
	tcase_add_loop_test(t, the_list_depends_on_the_counts_alone, 0, 20);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
