/* test_history.c - samples: differences, files, windows. SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "history.h"
#include "memory.h"
#include "sample.h"
#include "test/faketopology.h"
#include "test/seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

static struct topology *topology;
static struct plan *plan;
static char dir[64];
static uint64_t seed;

static void begin(void)
{
	topology = fake_words(2, 1);
	plan = plan_make(topology);
	strcpy(dir, "/tmp/gale-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void end(void)
{
	char *command = xasprintf("rm -rf %s", dir);

	ck_assert_int_eq(system(command), 0);
	free(command);
	plan_free(plan);
	topology_free(topology);
}

static uint64_t s_ns(uint64_t seconds)
{
	return seconds * NS_PER_S;
}

/* ---- samples ------------------------------------------------------------------------ */

/* page gives one on which all was counted N times, with a latency of N microseconds each. */
static struct status *page(uint64_t n)
{
	struct status *p = xcalloc(1, sizeof *p);

	p->streams[0] = (struct status_stream){ n, 2 * n };
	p->executed = 3 * n;
	p->acked = 4 * n;
	p->failed = 5 * n;
	p->busy_ns = 6 * n;
	hist_add(&p->execute, 1000 * n, n);
	return p;
}

static struct sample *sample_of(uint64_t at_ns, uint64_t n)
{
	struct sample *s = sample_new(plan, at_ns);
	struct status *p = page(n);

	for (uint32_t i = 0; i < plan->n_stages; i++)
		sample_add(s, plan, i, p, false);
	free(p);
	return s;
}

START_TEST(a_component_is_the_sum_of_its_stages)
{
	struct sample *s = sample_of(1, 10);

	ck_assert_uint_eq(s->components[0].n[COUNT_EMITTED], 10);
	ck_assert_uint_eq(s->components[1].n[COUNT_EMITTED], 20);	/* split has two workers */
	ck_assert_uint_eq(s->components[1].n[COUNT_TRANSFERRED], 40);
	ck_assert_uint_eq(s->components[1].n[COUNT_EXECUTED], 60);
	ck_assert_uint_eq(s->components[1].streams[0].emitted, 20);
	ck_assert_uint_eq(s->components[1].n[COUNT_BUSY], 120);
	ck_assert_uint_eq(s->latency[1].execute.n, 20);
	ck_assert_uint_eq(s->components[3].n[COUNT_ACKED], 40);		/* the acker */
	sample_free(s);
}
END_TEST

START_TEST(the_difference_of_samples_is_what_happened_in_between)
{
	struct sample *before = sample_of(s_ns(10), 10), *now = sample_of(s_ns(13), 25);
	struct sample *d = sample_since(now, before);

	ck_assert_uint_eq(d->at_ns, s_ns(3));
	ck_assert_uint_eq(d->stages[0].n[COUNT_EMITTED], 15);
	ck_assert_uint_eq(d->components[1].n[COUNT_EMITTED], 30);
	ck_assert_uint_eq(d->components[1].streams[0].transferred, 60);
	ck_assert_uint_eq(d->latency[0].execute.n, 25);		/* those of 10 us are another bucket */
	sample_free(d);
	d = sample_since(now, now);
	ck_assert_uint_eq(d->components[1].n[COUNT_EMITTED], 0);
	ck_assert_uint_eq(d->latency[1].execute.n, 0);
	ck_assert_uint_eq(d->latency[1].execute.max_ns, 0);
	sample_free(d);
	sample_free(before);
	sample_free(now);
}
END_TEST

START_TEST(percentiles_of_a_window_are_of_its_values_alone)
{
	struct sample *before = sample_new(plan, 1), *now = sample_new(plan, 2), *d;
	struct status *p = xcalloc(1, sizeof *p);

	hist_add(&p->execute, 5 * (uint64_t)NS_PER_S, 1000);		/* long ago */
	sample_add(before, plan, 0, p, false);
	hist_add(&p->execute, 1000, 990);
	hist_add(&p->execute, 50000, 10);
	sample_add(now, plan, 0, p, false);
	d = sample_since(now, before);
	ck_assert_uint_eq(d->latency[0].execute.n, 1000);
	ck_assert_double_eq_tol((double)hist_quantile(&d->latency[0].execute, 0.5), 1000, 32);
	ck_assert_double_eq_tol((double)hist_quantile(&d->latency[0].execute, 0.99), 1000, 32);
	ck_assert_double_eq_tol((double)hist_quantile(&d->latency[0].execute, 0.999), 50000, 1600);
	ck_assert_double_eq_tol((double)d->latency[0].execute.max_ns, 50000, 1600);
	free(p);
	sample_free(d);
	sample_free(before);
	sample_free(now);
}
END_TEST

START_TEST(time_that_no_page_tells_of_yet_counts_as_what_the_worker_is_doing)
{
	static const enum sample_counter counters[] = { COUNT_BUSY, COUNT_IDLE, COUNT_BLOCKED };
	struct status *p = xcalloc(1, sizeof *p);

	p->busy_ns = 100, p->idle_ns = 200, p->blocked_ns = 300;
	p->accounted_ns = 1000;
	for (uint32_t asleep = STATUS_AWAKE; asleep <= STATUS_BLOCKED; asleep++) {
		struct sample *open = sample_new(plan, 1007), *closed = sample_new(plan, 1007);

		p->asleep = asleep;
		sample_add(open, plan, 0, p, true);
		sample_add(closed, plan, 0, p, false);
		for (uint32_t i = 0; i < 3; i++) {
			ck_assert_uint_eq(closed->stages[0].n[counters[i]], 100 * (i + 1));
			ck_assert_uint_eq(open->stages[0].n[counters[i]], 100 * (i + 1) + (i == asleep ? 7 : 0));
		}
		sample_free(open);
		sample_free(closed);
	}
	free(p);
}
END_TEST

START_TEST(executors_that_are_new_count_from_0)
{
	struct sample *before = sample_of(1, 10), *now = sample_of(2, 30), *d;

	before->n_stages = 3;
	d = sample_since(now, before);
	ck_assert_uint_eq(d->n_stages, 5);
	ck_assert_uint_eq(d->stages[2].n[COUNT_EMITTED], 20);
	ck_assert_uint_eq(d->stages[3].n[COUNT_EMITTED], 30);
	sample_free(d);
	sample_free(before);
	sample_free(now);
}
END_TEST

START_TEST(processor_time_of_a_new_process_counts_from_0)
{
	struct sample *before = sample_new(plan, 1), *now = sample_new(plan, 2), *d;

	sample_add_cpu(before, plan, 0, 500);
	sample_add_cpu(now, plan, 0, 30);
	d = sample_since(now, before);
	ck_assert_uint_eq(d->stages[0].n[COUNT_CPU], 30);
	sample_free(d);
	sample_free(before);
	sample_free(now);
}
END_TEST

/* ---- as bytes ------------------------------------------------------------------------ */

/* anything: a sample of random numbers, most of them 0. */
static struct sample *anything(uint64_t *state)
{
	struct sample *s = sample_new(plan, random_next(state));

	for (uint32_t i = 0; i < s->n_stages + s->n_components; i++) {
		struct sample_part *p = i < s->n_stages ? &s->stages[i] : &s->components[i - s->n_stages];

		for (int k = 0; k < SAMPLE_COUNTERS; k++)
			p->n[k] = pick(state, 2) ? random_next(state) >> pick(state, 64) : 0;
		for (int k = 0; k < STATUS_STREAMS; k++)
			p->streams[k].emitted = pick(state, 4) == 0 ? pick(state, 1000) : 0;
	}
	for (uint32_t i = 0; i < s->n_components; i++)
		for (uint32_t k = pick(state, 100); k > 0; k--)
			hist_add(&s->latency[i].process, random_next(state) >> (20 + pick(state, 44)), 1 + pick(state, 9));
	return s;
}

static void check_same(const struct sample *a, const struct sample *b)
{
	ck_assert_uint_eq(a->at_ns, b->at_ns);
	ck_assert_uint_eq(a->n_stages, b->n_stages);
	ck_assert_uint_eq(a->n_components, b->n_components);
	ck_assert_mem_eq(a->stages, b->stages, a->n_stages * sizeof *a->stages);
	ck_assert_mem_eq(a->components, b->components, a->n_components * sizeof *a->components);
	ck_assert_mem_eq(a->latency, b->latency, a->n_components * sizeof *a->latency);
}

START_TEST(what_is_written_is_what_is_read)
{
	uint64_t state = seed;

	for (int i = 0; i < 200; i++) {
		struct sample *s = anything(&state), *back;
		struct buf b = { 0 };

		history_encode(&b, s);
		back = history_decode(b.data, b.n);
		ck_assert_ptr_nonnull(back);
		check_same(s, back);
		sample_free(s);
		sample_free(back);
		buf_free(&b);
	}
}
END_TEST

/* A file that is cut, or one bit of which is another, is none. */
START_TEST(what_is_cut_or_damaged_is_refused)
{
	uint64_t state = seed;
	struct sample *s = anything(&state);
	struct buf b = { 0 };

	history_encode(&b, s);
	for (size_t n = 0; n < b.n; n++) {
		char *cut = xmalloc(n + 1);	/* so that a sanitizer sees what is read beyond it */

		memcpy(cut, b.data, n);
		ck_assert_ptr_null(history_decode(cut, n));
		free(cut);
	}
	for (int i = 0; i < 2000; i++) {
		size_t at = pick(&state, (uint32_t)b.n);
		char bit = (char)(1 << pick(&state, 8));

		b.data[at] ^= bit;
		ck_assert_ptr_null(history_decode(b.data, b.n));
		b.data[at] ^= bit;
	}
	buf_free(&b);
	sample_free(s);
}
END_TEST

/* ---- files --------------------------------------------------------------------------- */

static void add_at(struct history *h, uint64_t seconds, uint64_t n)
{
	struct sample *s = sample_of(s_ns(seconds), n);
	struct error e;

	ck_assert_msg(history_add(h, dir, s, &e) == 0, "%s", e.text);
	sample_free(s);
}

static uint64_t found_at(uint64_t from_seconds)
{
	struct sample *s = history_find(dir, s_ns(from_seconds));
	uint64_t at = s != NULL ? s->at_ns / NS_PER_S : 0;

	sample_free(s);
	return at;
}

static int n_files(void)
{
	DIR *d = opendir(dir);
	int n = 0;

	for (struct dirent *x; (x = readdir(d)) != NULL; )
		n += x->d_name[0] != '.';
	closedir(d);
	return n;
}

START_TEST(the_oldest_sample_inside_the_window_is_found)
{
	struct history h = { 0 };

	ck_assert_uint_eq(found_at(0), 0);
	for (uint64_t at = 100; at <= 130; at += 3)
		add_at(&h, at, at);
	ck_assert_uint_eq(found_at(0), 100);
	ck_assert_uint_eq(found_at(101), 103);
	ck_assert_uint_eq(found_at(103), 103);
	ck_assert_uint_eq(found_at(130), 130);
	ck_assert_uint_eq(found_at(131), 0);
	history_free(&h);
}
END_TEST

START_TEST(what_is_no_sample_is_passed_over)
{
	struct history h = { 0 };
	char *path = xasprintf("%s/history.00000105000", dir), *other = xasprintf("%s/history.00000104000", dir);
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs("galehistgarbage", f);
	fclose(f);
	ck_assert_int_eq(symlink("/etc/passwd", other), 0);
	add_at(&h, 100, 1);
	add_at(&h, 106, 1);
	ck_assert_uint_eq(found_at(101), 106);
	history_free(&h);
	free(path);
	free(other);
}
END_TEST

/* A day and an hour, one step after the other: each window begins where it should, and files are few. */
START_TEST(a_window_of_any_length_is_nearly_as_long_as_it_says)
{
	static const struct { uint64_t length, step; } windows[] = {
		{ 60, 3 }, { 600, 30 }, { 10800, 540 }, { 86400, 4320 },
	};
	struct history h = { 0 };

	for (uint64_t at = 1000; at < 1000 + 90000; at += 3) {
		add_at(&h, at, at);
		if (at % 3600 > 3)
			continue;
		ck_assert_int_le(n_files(), 90);
		for (int i = 0; i < 4; i++) {
			uint64_t from;

			if (at < 1000 + windows[i].length)
				continue;
			from = found_at(at - windows[i].length);
			ck_assert_uint_ge(from, at - windows[i].length);
			ck_assert_uint_le(from, at - windows[i].length + windows[i].step);
		}
	}
	history_free(&h);
}
END_TEST

START_TEST(a_directory_that_is_gone_is_said)
{
	struct history h = { 0 };
	struct sample *s = sample_of(1, 1);
	struct error e = { "" };

	ck_assert_int_eq(history_add(&h, "/none/there", s, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/none/there/history."));
	ck_assert_ptr_null(history_find("/none/there", 0));
	history_free(&h);
	sample_free(s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("history");
	TCase *tcase = tcase_create("history");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, a_component_is_the_sum_of_its_stages);
	tcase_add_test(tcase, the_difference_of_samples_is_what_happened_in_between);
	tcase_add_test(tcase, percentiles_of_a_window_are_of_its_values_alone);
	tcase_add_test(tcase, time_that_no_page_tells_of_yet_counts_as_what_the_worker_is_doing);
	tcase_add_test(tcase, executors_that_are_new_count_from_0);
	tcase_add_test(tcase, processor_time_of_a_new_process_counts_from_0);
	tcase_add_test(tcase, what_is_written_is_what_is_read);
	tcase_add_test(tcase, what_is_cut_or_damaged_is_refused);
	tcase_add_test(tcase, the_oldest_sample_inside_the_window_is_found);
	tcase_add_test(tcase, what_is_no_sample_is_passed_over);
	tcase_add_test(tcase, a_window_of_any_length_is_nearly_as_long_as_it_says);
	tcase_add_test(tcase, a_directory_that_is_gone_is_said);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
