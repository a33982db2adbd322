/* test_sinks.c - sinks in a transactional topology: each row once, whatever is killed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "sinkworld.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seed.h"

static uint64_t seed;

#define ck_contains(TEXT, PART) \
	ck_assert_msg(strstr((TEXT), (PART)) != NULL, "\"%s\" is not in: %s", (PART), (TEXT))

/* What many worlds have seen in all: a test that meets no death has shown nothing. */
static uint64_t n_kills, n_resets, n_outages;

static void run(struct sinkworld *w)
{
	sinkworld_run(w);
	n_kills += w->disk->n_kills;
	n_resets += w->disk->n_resets;
	n_outages += w->disk->n_outages;
}

static int worlds(void)
{
	const char *n = getenv("GALE_WORLDS");
	return n != NULL ? atoi(n) : getenv("GALE_QUICK") != NULL ? 5 : 60;
}

/* hidden counts the files in the directory whose names begin with ".gale-". */
static int hidden(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int n = 0;
	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL)
		n += strncmp(entry->d_name, ".gale-", 6) == 0;
	closedir(d);
	return n;
}

/* ---- file -------------------------------------------------------------------------- */

static void configure_file(struct sinkworld *w, struct fake *f)
{
	static char path[100];
	snprintf(path, sizeof path, "%s/file", w->path);
	fake_set(f, "path", path);
	fake_set(f, "format", "tsv");
}

static void view_file(struct sinkworld *w, struct sw_text *t)
{
	char path[100];
	snprintf(path, sizeof path, "%s/file", w->path);
	if (access(path, F_OK) == 0)
		sw_add_file(t, path);
}

START_TEST(a_file_has_each_row_once_or_is_not_there)
{
	for (int i = 0; i < worlds(); i++) {
		struct sinkworld *w = sinkworld_new(seed + (uint64_t)i, "file");
		w->configure = configure_file;
		w->view = view_file;
		w->at_once = true;
		run(w);
		sinkworld_free(w);
	}
	ck_assert(n_kills > 0 && n_resets > 0 && n_outages > 0);
}
END_TEST

/* ---- file: standard output ---------------------------------------------------------- */

static void configure_stdout(struct sinkworld *w, struct fake *f)
{
	static char path[100];
	snprintf(path, sizeof path, "%s/stdout", w->path);
	fake_set(f, "path", "-");
	fake_set(f, "format", "tsv");
	if (f->ctx.out == STDOUT_FILENO)
		f->ctx.out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ne(f->ctx.out, -1);
}

static void view_stdout(struct sinkworld *w, struct sw_text *t)
{
	char path[100];
	snprintf(path, sizeof path, "%s/stdout", w->path);
	sw_add_file(t, path);
}

START_TEST(standard_output_has_each_row_once_where_only_others_die)
{
	for (int i = 0; i < worlds(); i++) {
		struct sinkworld *w = sinkworld_new(seed + (uint64_t)i, "file");
		w->configure = configure_stdout;
		w->view = view_stdout;
		w->no_kills = true;
		run(w);
		sinkworld_free(w);
	}
	ck_assert(n_resets > 0);
}
END_TEST

static struct sw_text printed;
static size_t before, reached;

/* repeats_at_most: what a life has printed goes on at the end of a batch, not beyond what was printed
 * before it. */
static void repeats_at_most(struct sinkworld *w)
{
	struct sw_disk *d = w->disk;
	printed.n = 0;
	view_stdout(w, &printed);
	size_t n = printed.n - before;
	uint64_t k = 0;
	while (k <= d->record && (d->ends[k] + n > d->oracle.n ||
	    memcmp(d->oracle.bytes + d->ends[k], printed.bytes + before, n) != 0))
		k++;
	ck_assert_msg(k <= d->record, "this was not to be printed: %.*s", (int)n, printed.bytes + before);
	ck_assert_uint_le(d->ends[k], reached);
	if (reached < d->ends[k] + n)
		reached = d->ends[k] + n;
	before = printed.n;
}

START_TEST(standard_output_loses_nothing_and_repeats_what_was_last)
{
	for (int i = 0; i < worlds(); i++) {
		struct sinkworld *w = sinkworld_new(seed + (uint64_t)i, "file");
		w->configure = configure_stdout;
		w->died = repeats_at_most;
		w->lasts = false;
		before = reached = 0;
		run(w);
		repeats_at_most(w);
		ck_assert_uint_eq(reached, w->disk->oracle.n);
		sinkworld_free(w);
	}
	ck_assert(n_kills > 0);
}
END_TEST

/* ---- rolled ------------------------------------------------------------------------ */

static void configure_rolled(struct sinkworld *w, struct fake *f)
{
	fake_set(f, "path", w->path);
	fake_set(f, "format", "tsv");
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* view_rolled reads the files in the order of their names; now and then it takes some away. */
static void view_rolled(struct sinkworld *w, struct sw_text *t)
{
	struct dirent **entries;
	char path[400];
	int n = scandir(w->path, &entries, is_visible, alphasort);
	bool take = pick(&w->random, 2) == 0;
	ck_assert_int_ge(n, 0);
	sw_add(t, w->disk->seen.bytes, w->disk->seen.n);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", w->path, entries[i]->d_name);
		ck_assert_uint_eq(strlen(entries[i]->d_name), strlen("00000000000000000042-0.tsv"));
		ck_assert_uint_le(strtoull(entries[i]->d_name, NULL, 10), w->disk->record);
		sw_add_file(t, path);
		if (take) {
			sw_add_file(&w->disk->seen, path);
			ck_assert_int_eq(unlink(path), 0);
		}
		free(entries[i]);
	}
	free(entries);
	if (take)		/* or what it took comes back when the power fails */
		sw_sync_names(w);
}

START_TEST(rolled_files_appear_in_order_whole_and_once)
{
	for (int i = 0; i < worlds(); i++) {
		struct sinkworld *w = sinkworld_new(seed + (uint64_t)i, "rolled");
		w->configure = configure_rolled;
		w->view = view_rolled;
		run(w);
		sinkworld_free(w);
	}
	ck_assert(n_kills > 0 && n_resets > 0 && n_outages > 0);
}
END_TEST

START_TEST(rolled_leaves_nothing_hidden)
{
	for (int i = 0; i < worlds(); i++) {
		struct sinkworld *w = sinkworld_new(seed + (uint64_t)i, i % 2 == 0 ? "rolled" : "file");
		w->configure = i % 2 == 0 ? configure_rolled : configure_file;
		w->no_kills = true;
		run(w);
		ck_assert_int_le(hidden(w->path), (int)w->disk->n_resets);
		sinkworld_free(w);
	}
}
END_TEST

/* ---- main -------------------------------------------------------------------------- */

int main(void)
{
	Suite *s = suite_create("sinks");
	TCase *t = tcase_create("worlds");
	seed = test_seed();
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_file_has_each_row_once_or_is_not_there);
	tcase_add_test(t, standard_output_has_each_row_once_where_only_others_die);
	tcase_add_test(t, standard_output_loses_nothing_and_repeats_what_was_last);
	tcase_add_test(t, rolled_files_appear_in_order_whole_and_once);
	tcase_add_test(t, rolled_leaves_nothing_hidden);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
