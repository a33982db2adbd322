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
	if (getenv("GALE_VERBOSE") != NULL)
		printf("%s: %llu batches, %llu kills, %llu resets, %llu outages\n", w->sink,
		    (unsigned long long)w->disk->record, (unsigned long long)w->disk->n_kills,
		    (unsigned long long)w->disk->n_resets, (unsigned long long)w->disk->n_outages);
}

static int worlds(void)
{
	const char *n = getenv("GALE_WORLDS");
	return n != NULL ? atoi(n) : getenv("GALE_QUICK") != NULL ? 5 : 100;
}

/* nothing_hidden: no file in the directory has a name that begins with ".gale-". Only when the power
 * fails one may come back that was removed. */
static void nothing_hidden(const struct sinkworld *w)
{
	DIR *d = opendir(w->path);
	struct dirent *entry;
	ck_assert_ptr_nonnull(d);
	while ((entry = readdir(d)) != NULL)
		ck_assert_msg(w->disk->n_outages > 0 || strncmp(entry->d_name, ".gale-", 6) != 0,
		    "%s is left", entry->d_name);
	closedir(d);
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
		nothing_hidden(w);
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
		w->slow = i % 2 == 0;
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
		w->slow = i % 2 == 0;
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
		nothing_hidden(w);
		sinkworld_free(w);
	}
	ck_assert(n_kills > 0 && n_resets > 0 && n_outages > 0);
}
END_TEST

/* ---- Words ------------------------------------------------------------------------- */

static struct sinkworld *words;
static struct sw_state saved;

static void make_world(void)
{
	words = sinkworld_new(seed, "rolled");
	words->lasts = true;
}

static void remove_world(void)
{
	sinkworld_free(words);
}

/* task gives a task of SINK that writes to PATH, in a transactional topology. */
static struct fake *task(const char *sink, const char *path)
{
	words->sink = sink;
	words->configure = NULL;
	struct fake *f = sinkworld_task(words, NULL);
	fake_set(f, "path", path);
	return f;
}

static int call(struct fake *f, int (*callback)(void *, gale_ctx *), uint64_t txid)
{
	f->ctx.txid = txid;
	return callback(f->self, &f->ctx);
}

/* one_batch puts out a row in batch TXID, decides and publishes it, and gives what publish says. */
static int one_batch(struct fake *f, uint64_t txid)
{
	gale_value v[] = { gale_text("word"), gale_int((int64_t)txid) };
	f->ctx.txid = txid;
	ck_assert_int_eq(fake_execute(f, v, 2), GALE_OK);
	ck_assert_int_eq(call(f, f->component->finish_batch, txid), GALE_OK);
	if (f->component->persist != NULL)
		ck_assert_int_eq(call(f, f->component->persist, txid), GALE_OK);
	sinkworld_save(&saved, txid);
	return call(f, f->component->publish, txid);
}

START_TEST(rolled_needs_batches)
{
	struct fake *f = task("rolled", words->path);
	f->ctx.generation = 0;
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_FATAL);
	ck_contains(f->why, "transactional topology");
	fake_free(f);
}
END_TEST

START_TEST(rolled_refuses_the_directory_of_another_run)
{
	struct fake *f = task("rolled", words->path);
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_OK);
	ck_assert_int_eq(one_batch(f, 1), GALE_OK);
	fake_free(f);

	f = sinkworld_task(words, &saved);		/* the next one of the same state */
	fake_set(f, "path", words->path);
	ck_assert_int_eq(call(f, f->component->prepare, 1), GALE_OK);
	fake_free(f);

	f = task("rolled", words->path);		/* one with a new state */
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_FATAL);
	ck_contains(f->why, "the output of another run");
	ck_contains(f->why, "00000000000000000001-0.tsv");
	fake_free(f);
}
END_TEST

START_TEST(rolled_replaces_nothing)
{
	char path[200];
	struct fake *f = task("rolled", words->path);
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_OK);
	snprintf(path, sizeof path, "%s/00000000000000000001-0.tsv", words->path);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	ck_assert_int_eq(one_batch(f, 1), GALE_FATAL);
	ck_contains(f->why, "there already");
	fake_free(f);
}
END_TEST

START_TEST(rolled_makes_its_directory_and_names_what_it_cannot_make)
{
	char path[200];
	snprintf(path, sizeof path, "%s/new", words->path);
	struct fake *f = task("rolled", path);
	fake_set(f, "format", "json");
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_OK);
	ck_assert_int_eq(one_batch(f, 1), GALE_OK);
	fake_free(f);
	snprintf(path, sizeof path, "%s/new/00000000000000000001-0.json", words->path);
	ck_assert_int_eq(access(path, F_OK), 0);
	f = task("rolled", "/nonexistent/directory");
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_FATAL);
	ck_contains(f->why, "/nonexistent/directory");
	fake_free(f);
}
END_TEST

START_TEST(a_file_that_was_complete_may_be_taken_away)
{
	char path[200];
	snprintf(path, sizeof path, "%s/file", words->path);
	struct fake *f = task("file", path);
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_OK);
	f->ctx.txid = 1;
	ck_assert_int_eq(fake_finish(f), GALE_DONE);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(one_batch(f, 1), GALE_OK);
	ck_assert_int_eq(unlink(path), 0);
	fake_free(f);
	f = sinkworld_task(words, &saved);
	fake_set(f, "path", path);
	ck_assert_int_eq(call(f, f->component->prepare, 1), GALE_OK);
	ck_contains(f->log, "has been taken away since");
	ck_assert_int_eq(call(f, f->component->publish, 1), GALE_OK);
	ck_assert_int_eq(access(path, F_OK), -1);
	fake_free(f);
}
END_TEST

START_TEST(a_file_whose_beginning_is_gone_is_refused_in_batches)
{
	char path[200], command[300];
	snprintf(path, sizeof path, "%s/file", words->path);
	struct fake *f = task("file", path);
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_OK);
	ck_assert_int_eq(one_batch(f, 1), GALE_OK);
	fake_free(f);
	snprintf(command, sizeof command, "rm %s/.gale-*", words->path);
	ck_assert_int_eq(system(command), 0);
	f = sinkworld_task(words, &saved);
	fake_set(f, "path", path);
	ck_assert_int_eq(call(f, f->component->prepare, 1), GALE_FATAL);
	ck_contains(f->why, "is gone");
	fake_free(f);
}
END_TEST

START_TEST(a_fifo_gets_decided_batches_when_it_has_a_reader)
{
	char path[200], text[100] = "";
	snprintf(path, sizeof path, "%s/fifo", words->path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	struct fake *f = task("file", path);
	ck_assert_int_eq(call(f, f->component->prepare, 0), GALE_OK);
	ck_assert_int_eq(one_batch(f, 1), GALE_OK);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	while (f->n_timers > 0)
		fake_turn(f);
	ck_assert_int_eq(one_batch(f, 2), GALE_OK);
	ck_assert_int_eq(read(fd, text, sizeof text), 14);
	ck_assert_str_eq(text, "word\t1\nword\t2\n");
	fake_free(f);
	close(fd);
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
	suite_add_tcase(s, t);
	t = tcase_create("words");
	tcase_add_checked_fixture(t, make_world, remove_world);
	tcase_add_test(t, rolled_needs_batches);
	tcase_add_test(t, rolled_refuses_the_directory_of_another_run);
	tcase_add_test(t, rolled_replaces_nothing);
	tcase_add_test(t, rolled_makes_its_directory_and_names_what_it_cannot_make);
	tcase_add_test(t, a_file_that_was_complete_may_be_taken_away);
	tcase_add_test(t, a_file_whose_beginning_is_gone_is_refused_in_batches);
	tcase_add_test(t, a_fifo_gets_decided_batches_when_it_has_a_reader);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
