/* test_limits.c - what workers may use: memory, processors, a core file, room in the log.
 * SPDX-License-Identifier: Apache-2.0 */
#include <gale/gale.h>	/* before check.h, whose macro `fail` would spoil it */

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "corefile.h"
#include "cpus.h"
#include "faketopology.h"
#include "levels.h"
#include "memlimit.h"
#include "memory.h"

/* ---- processors -------------------------------------------------------------------- */

START_TEST(processors_are_numbers_and_ranges)
{
	cpu_set_t set;

	ck_assert(cpus_parse("0-1,3", &set));
	ck_assert_int_eq(CPU_COUNT(&set), 3);
	ck_assert(CPU_ISSET(0, &set) && CPU_ISSET(1, &set) && CPU_ISSET(3, &set));
	ck_assert(cpus_parse("1023", &set) && CPU_ISSET(1023, &set));
	ck_assert(cpus_parse("2,2,1-2", &set));
	ck_assert_int_eq(CPU_COUNT(&set), 2);
}
END_TEST

START_TEST(what_is_no_list_of_processors_is_told)
{
	static const char *const wrong[] = { "", ",", "0,", ",0", "0-", "-1", "3-1", "0--1", "a", "0 ", " 0", "0;1",
		"1024", "0-1024", "99999999999999999999", "0-1-2" };
	cpu_set_t set;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(!cpus_parse(wrong[i], &set), "\"%s\"", wrong[i]);
}
END_TEST

/* ---- core files -------------------------------------------------------------------- */

static void goes(const char *pattern, const char *want)
{
	struct buf out = { 0 };

	corefile_where(&out, 4711, pattern);
	ck_assert_str_eq(buf_text(&out), want);
	buf_free(&out);
}

START_TEST(a_core_file_is_where_the_pattern_says)
{
	char *here = getcwd(NULL, 0), *inside = xasprintf("%s/core-4711", here);

	goes("core-%p", inside);
	goes("/var/crash/%P.100%%", "/var/crash/4711.100%");
	goes("/var/crash/core.%e.%p", "/var/crash/core.%e.4711");
	goes("|/usr/lib/systemd/systemd-coredump %P %u", "given to /usr/lib/systemd/systemd-coredump");
	free(inside);
	free(here);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------ */

static void set_mb(struct settings *s, int64_t mb)
{
	s->items = xrealloc(s->items, (s->n + 1) * sizeof *s->items);
	s->items[s->n++] = (struct setting){ .key = xstrdup("topology.worker.memory.mb"), .type = SETTING_INT, .i = mb };
}

START_TEST(a_component_has_its_own_limit)
{
	struct topology *t = fake_topology("words", 1);
	struct plan *p;

	fake_component(t, GALE_SPOUT, "lines", 1, 1);
	fake_component(t, GALE_BOLT, "split", 1, 1);
	p = plan_make(t);
	ck_assert(!memlimit_any(p));
	set_mb(&t->components[1].config, 2);
	ck_assert(memlimit_any(p));
	ck_assert_uint_eq(memlimit_of(p, 0), 0);
	ck_assert_uint_eq(memlimit_of(p, 1), 2 << 20);
	set_mb(&t->config, 3);
	ck_assert_uint_eq(memlimit_of(p, 0), 3 << 20);
	ck_assert_uint_eq(memlimit_of(p, 1), 2 << 20);
	ck_assert_uint_eq(memlimit_of(p, 2), 3 << 20);	/* the acker */
	plan_free(p);
	topology_free(t);
}
END_TEST

START_TEST(what_is_used_is_what_is_touched)
{
	size_t n = 64 << 20;
	uint64_t before = memlimit_used(getpid(), 0), after;
	void *more = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_uint_gt(before, 0);
	ck_assert_uint_lt(memlimit_used(getpid(), 0), before + n / 2);
	memset(more, 1, n);
	after = memlimit_used(getpid(), 0);
	ck_assert_uint_gt(after, before + n / 2);
	ck_assert_uint_ge(memlimit_used(getpid(), UINT64_MAX), after);	/* what is shared counts as well */
	munmap(more, n);
	ck_assert_uint_eq(memlimit_used(-1, 0), 0);
}
END_TEST

/* ---- levels ------------------------------------------------------------------------ */

START_TEST(a_level_is_taken_back_when_its_time_is_over)
{
	struct levels l;

	levels_init(&l, 3);
	ck_assert_uint_eq(levels_deadline(&l), 0);
	levels_set(&l, 0, GALE_DEBUG, 0);
	levels_set(&l, 1, GALE_DEBUG, 500);
	levels_set(&l, 2, GALE_ERROR, 300);
	ck_assert_uint_eq(levels_deadline(&l), 300);
	ck_assert_uint_eq(levels_expired(&l, 299), UINT32_MAX);
	ck_assert_uint_eq(levels_expired(&l, 300), 2);
	ck_assert(!l.components[2].set);
	ck_assert_uint_eq(levels_deadline(&l), 500);
	levels_set(&l, 1, GALE_WARN, 0);
	ck_assert_uint_eq(levels_expired(&l, 1000), UINT32_MAX);
	ck_assert(l.components[0].set && l.components[1].set && l.components[1].level == GALE_WARN);
	levels_free(&l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("limits");
	TCase *c = tcase_create("limits");
	SRunner *r;
	int n;

	tcase_add_test(c, processors_are_numbers_and_ranges);
	tcase_add_test(c, what_is_no_list_of_processors_is_told);
	tcase_add_test(c, a_core_file_is_where_the_pattern_says);
	tcase_add_test(c, a_component_has_its_own_limit);
	tcase_add_test(c, what_is_used_is_what_is_touched);
	tcase_add_test(c, a_level_is_taken_back_when_its_time_is_over);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	n = srunner_ntests_failed(r);
	srunner_free(r);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
