/* test_sqlite.c - the bolt sqlite: each row once, whatever is killed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#ifndef HAVE_SQLITE
int main(void)
{
	printf("SKIP: gale was configured without libsqlite3: apt-get install libsqlite3-dev\n");
	return 77;
}
#else
#include "sinkworld.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seed.h"

static uint64_t seed;

static int worlds(void)
{
	const char *n = getenv("GALE_WORLDS");
	return n != NULL ? atoi(n) : getenv("GALE_QUICK") != NULL ? 3 : 25;
}

static const char *database(const struct sinkworld *w)
{
	static char path[100];
	snprintf(path, sizeof path, "%s/db", w->path);
	return path;
}

static void configure(struct sinkworld *w, struct fake *f)
{
	fake_set(f, "path", database(w));
	fake_set(f, "table", "the \"rows\"");
}

static int add_row(void *arg, int n, char **values, char **names)
{
	char row[200];
	(void)names;
	ck_assert_int_eq(n, 2);
	int length = snprintf(row, sizeof row, "%s\t%s\n", values[0], values[1]);
	sw_add(arg, row, (size_t)length);
	return 0;
}

static void view(struct sinkworld *w, struct sw_text *t)
{
	sqlite3 *db;
	if (access(database(w), F_OK) != 0)
		return;
	ck_assert_int_eq(sqlite3_open(database(w), &db), SQLITE_OK);
	int got = sqlite3_exec(db, "SELECT word, count FROM \"the \"\"rows\"\"\" ORDER BY rowid", add_row, t, NULL);
	ck_assert_msg(got == SQLITE_OK || strstr(sqlite3_errmsg(db), "no such table") != NULL, "%s",
	    sqlite3_errmsg(db));
	sqlite3_close(db);
}

START_TEST(a_table_has_each_row_once)
{
	uint64_t n_kills = 0, n_resets = 0;
	for (int i = 0; i < worlds(); i++) {
		struct sinkworld *w = sinkworld_new(seed + (uint64_t)i, "sqlite");
		w->configure = configure;
		w->view = view;
		w->no_outages = true;	/* SQLite sees to its files */
		sinkworld_run(w);
		n_kills += w->disk->n_kills;
		n_resets += w->disk->n_resets;
		sinkworld_free(w);
	}
	ck_assert(n_kills > 0 && n_resets > 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sqlite");
	TCase *t = tcase_create("worlds");
	seed = test_seed();
	tcase_set_timeout(t, 300);
	tcase_add_test(t, a_table_has_each_row_once);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif
