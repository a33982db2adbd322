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

/* ---- One call after the other ------------------------------------------------------- */

static struct sinkworld *world;
static struct sw_state saved;

static void make_world(void)
{
	world = sinkworld_new(seed, "sqlite");
	world->lasts = true;
}

static void remove_world(void)
{
	sinkworld_free(world);
}

static struct fake *task(const struct sw_state *s, const char *key)
{
	struct fake *f = sinkworld_task(world, s);
	fake_set(f, "path", database(world));
	fake_set(f, "table", "t");
	if (key != NULL)
		fake_set(f, "key", key);
	return f;
}

static int prepare(struct fake *f, uint64_t txid)
{
	f->ctx.txid = txid;
	return f->component->prepare(f->self, &f->ctx);
}

static void row(struct fake *f, const char *word, int64_t count)
{
	gale_value v[] = { gale_text(word), gale_int(count) };
	ck_assert_int_eq(fake_execute(f, v, 2), GALE_OK);
}

static int end_batch(struct fake *f, uint64_t txid)
{
	f->ctx.txid = txid;
	ck_assert_int_eq(f->component->finish_batch(f->self, &f->ctx), GALE_OK);
	sinkworld_save(&saved, txid);
	return f->component->publish(f->self, &f->ctx);
}

/* all adds a result, values with a bar between them, a space behind each row. */
static int all(void *arg, int n, char **values, char **names)
{
	char *text = arg;
	(void)names;
	for (int i = 0; i < n; i++) {
		strcat(text, values[i] != NULL ? values[i] : "NULL");
		strcat(text, i + 1 < n ? "|" : " ");
	}
	return 0;
}

static const char *query(const char *sql)
{
	static char text[2000];
	sqlite3 *db;
	text[0] = '\0';
	ck_assert_int_eq(sqlite3_open(database(world), &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, all, text, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	return text;
}

#define ck_contains(TEXT, PART) \
	ck_assert_msg(strstr((TEXT), (PART)) != NULL, "\"%s\" is not in: %s", (PART), (TEXT))

START_TEST(values_keep_their_types)
{
	static const gale_field fields[] = {
		{ "b", GALE_BOOL }, { "i", GALE_INT }, { "f", GALE_FLOAT }, { "s", GALE_STRING },
		{ "y", GALE_BYTES }, { "l", GALE_LIST }, { "m", GALE_MAP }, { "a", GALE_ANY },
		{ "n", GALE_NULL }, { NULL, GALE_NULL },
	};
	gale_value two[] = { gale_text("k"), gale_int(1) };
	gale_value v[] = {
		gale_bool(true), gale_int(INT64_MIN), gale_float(0.1), gale_string("a\0b", 3),
		gale_bytes("\xff\0", 2), gale_list(two, 2), gale_map(two, 1), gale_text(""), gale_null(),
	};
	struct fake *f = task(NULL, NULL);
	fake_fields(f, fields);
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	ck_assert_int_eq(fake_execute(f, v, 9), GALE_OK);
	v[2] = gale_float(0.0 / 0.0);
	v[7] = gale_float(2);
	ck_assert_int_eq(fake_execute(f, v, 9), GALE_OK);
	ck_assert_int_eq(end_batch(f, 1), GALE_OK);
	ck_assert_str_eq(query("SELECT b, i, f, hex(s), hex(y), l, m, quote(a), n FROM t"),
	    "1|-9223372036854775808|0.1|610062|FF00|[\"k\",1]|{\"k\":1}|''|NULL "
	    "1|-9223372036854775808|NULL|610062|FF00|[\"k\",1]|{\"k\":1}|2.0|NULL ");
	ck_assert_str_eq(query("SELECT typeof(b), typeof(f), typeof(s), typeof(y), typeof(l), typeof(a) FROM t LIMIT 1"),
	    "integer|real|text|blob|text|text ");
	fake_free(f);
}
END_TEST

START_TEST(a_key_makes_rows_replace_others)
{
	static const char *const keys[] = { "word", "word,count" };
	struct fake *f = task(NULL, keys[_i]);
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	row(f, "a", 1);
	row(f, "b", 1);
	row(f, "a", 2);
	ck_assert_int_eq(end_batch(f, 1), GALE_OK);
	row(f, "b", 7);
	row(f, "a", 2);
	ck_assert_int_eq(end_batch(f, 2), GALE_OK);
	ck_assert_str_eq(query("SELECT * FROM t ORDER BY word, count"), _i == 0 ? "a|2 b|7 " : "a|1 a|2 b|1 b|7 ");
	fake_free(f);
}
END_TEST

START_TEST(a_batch_is_passed_over_that_is_there)
{
	struct fake *f = task(NULL, NULL);
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	row(f, "a", 1);
	ck_assert_int_eq(end_batch(f, 1), GALE_OK);
	fake_free(f);
	f = task(&saved, NULL);
	ck_assert_int_eq(prepare(f, 1), GALE_OK);
	ck_assert_int_eq(f->component->publish(f->self, &f->ctx), GALE_OK);
	row(f, "b", 1);
	ck_assert_int_eq(end_batch(f, 2), GALE_OK);
	ck_assert_str_eq(query("SELECT * FROM t"), "a|1 b|1 ");
	ck_assert_str_eq(query("SELECT topology, component, task, txid FROM gale_txid"), "test|sqlite|0|2 ");
	fake_free(f);
}
END_TEST

START_TEST(another_state_is_refused_or_adds_its_rows)
{
	struct fake *f = task(NULL, NULL);
	world->lasts = _i == 0;
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	row(f, "a", 1);
	ck_assert_int_eq(end_batch(f, 1), GALE_OK);
	fake_free(f);
	f = task(NULL, NULL);
	ck_assert_int_eq(prepare(f, 0), _i == 0 ? GALE_FATAL : GALE_OK);
	if (_i == 0) {
		ck_contains(f->why, "of another state");
		ck_contains(f->why, database(world));
	} else {
		row(f, "b", 1);
		ck_assert_int_eq(end_batch(f, 1), GALE_OK);
		ck_assert_str_eq(query("SELECT * FROM t"), "a|1 b|1 ");
	}
	fake_free(f);
}
END_TEST

START_TEST(an_old_state_is_refused)
{
	struct fake *f = task(NULL, NULL);
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	row(f, "a", 1);
	ck_assert_int_eq(end_batch(f, 1), GALE_OK);
	struct sw_state *old = malloc(sizeof *old);
	*old = saved;
	row(f, "b", 1);
	ck_assert_int_eq(end_batch(f, 2), GALE_OK);
	fake_free(f);
	f = task(old, NULL);
	ck_assert_int_eq(prepare(f, 1), GALE_FATAL);
	ck_contains(f->why, "an old copy");
	fake_free(f);
	free(old);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
	static const gale_field others[] = { { "word", GALE_STRING }, { NULL, GALE_NULL } };
	struct fake *f = task(NULL, "wrod");
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	gale_value v[] = { gale_text("a"), gale_int(1) };
	ck_assert_int_eq(fake_execute(f, v, 2), GALE_FATAL);
	ck_contains(f->why, "the key");
	fake_free(f);

	f = task(NULL, NULL);
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	query("CREATE TABLE t (word TEXT)");
	row(f, "a", 1);
	ck_assert_int_eq(end_batch(f, 1), GALE_FATAL);
	ck_contains(f->why, "can't write to table t of ");
	ck_contains(f->why, "no column named count");
	fake_fields(f, others);
	f->source.stream = "other";
	gale_source source = f->source;
	gale_tuple t = { .values = v, .n = 1, .source = &source };
	ck_assert_int_eq(f->component->execute(f->self, &f->ctx, &t), GALE_FATAL);
	ck_contains(f->why, "other fields");
	fake_free(f);

	f = task(NULL, NULL);
	fake_set(f, "path", "/nonexistent/db");
	ck_assert_int_eq(prepare(f, 0), GALE_FATAL);
	ck_contains(f->why, "can't open table t of /nonexistent/db: unable to open database file");
	fake_free(f);

	f = task(NULL, NULL);
	f->ctx.generation = 0;
	ck_assert_int_eq(prepare(f, 0), GALE_FATAL);
	ck_contains(f->why, "transactional topology");
	fake_free(f);
}
END_TEST

START_TEST(a_database_that_stays_locked_is_named)
{
	sqlite3 *db;
	struct fake *f = task(NULL, NULL);
	ck_assert_int_eq(prepare(f, 0), GALE_OK);
	ck_assert_int_eq(sqlite3_open(database(world), &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	row(f, "a", 1);
	ck_assert_int_eq(end_batch(f, 1), GALE_FATAL);
	ck_contains(f->why, "database is locked");
	ck_contains(f->why, database(world));
	sqlite3_close(db);
	fake_free(f);
	f = task(&saved, NULL);		/* its successor has the batch in its state */
	ck_assert_int_eq(prepare(f, 1), GALE_OK);
	ck_assert_int_eq(f->component->publish(f->self, &f->ctx), GALE_OK);
	ck_assert_str_eq(query("SELECT * FROM t"), "a|1 ");
	fake_free(f);
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
	t = tcase_create("calls");
	tcase_add_checked_fixture(t, make_world, remove_world);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, values_keep_their_types);
	tcase_add_loop_test(t, a_key_makes_rows_replace_others, 0, 2);
	tcase_add_test(t, a_batch_is_passed_over_that_is_there);
	tcase_add_loop_test(t, another_state_is_refused_or_adds_its_rows, 0, 2);
	tcase_add_test(t, an_old_state_is_refused);
	tcase_add_test(t, what_is_wrong_is_named);
	tcase_add_test(t, a_database_that_stays_locked_is_named);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
#endif
