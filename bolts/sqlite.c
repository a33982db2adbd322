/* sqlite.c - a bolt that writes tuples to a table of an SQLite database, each once.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> sqlite
 *
 * For transactional topologies. The table has a column for each field, and is made when it is
 * missing:
 *
 *     field                  column      value
 *     bool, int              INTEGER     bool: 0 or 1
 *     float                  REAL        NULL for what is no number
 *     string                 TEXT
 *     bytes                  BLOB
 *     list, map              TEXT        JSON, as in format.h
 *     any, null              no type     as the value's type says
 *
 * With `key` the fields that it names are the primary key, and a row takes the place of an earlier
 * one with the same key.
 *
 * The rows of a batch wait in the state (kept.h), so they are durable before it is decided, and
 * undone with it. publish inserts those of all batches that are decided in one SQLite
 * transaction, which also sets the txid of this task in the table gale_txid; what that has
 * already is passed over. So a batch is in the table as a whole, and once.
 *
 *     gale_txid(topology, component, task, run, txid)
 *
 * `run` is a number of this state: a database and a state that do not belong together are refused,
 * unless the state goes with the run, where each run adds its rows.
 */
#include <sqlite3.h>
#include <sys/random.h>

#include "kept.h"

enum { BUSY_MS = 5000 };	/* how long another process may have the database locked */

struct sqlite {
	/* properties */
	const char *path;
	const char *table;
	const char *key;

	sqlite3 *db;
	uint64_t run;
	bool known;		/* the run is in the state */
	const gale_source *source;	/* of the last tuple */
	struct text columns;	/* number of columns (u8), then type (u8) and name (to its NUL) of
				 * each: the head of each batch */
	struct text batch;	/* the batch in hand, or one that is published: rows behind a head */
	uint64_t published, dropped;
};

/* ---- Words ------------------------------------------------------------------------- */

static int refused(struct sqlite *s, gale_ctx *ctx, const char *why)
{
	return gale_fatalf(ctx, "table %s of %s: %s", s->table, s->path, why);
}

static int cannot(struct sqlite *s, gale_ctx *ctx, const char *what)
{
	return gale_fatalf(ctx, "can't %s table %s of %s: %s", what, s->table, s->path,
	    s->db != NULL ? sqlite3_errmsg(s->db) : "out of memory");
}

static int run_sql(struct sqlite *s, gale_ctx *ctx, const char *sql, const char *what)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : cannot(s, ctx, what);
}

/* ---- Rows as bytes ----------------------------------------------------------------- */

/* A value is its type (u8); then an int or a float has 8 bytes, text and bytes have their length
 * (u32) and themselves. */
static void add_bytes(struct text *t, uint8_t type, const void *s, uint32_t n)
{
	text_putc(t, (char)type);
	text_add(t, &n, sizeof n);
	text_add(t, s, n);
}

static void add_json(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	struct text json = { 0 };
	text_json(&json, ctx, v);
	add_bytes(t, GALE_STRING, json.bytes, (uint32_t)json.n);
	free(json.bytes);
}

static void add_value(struct text *t, gale_ctx *ctx, const gale_value *v)
{
	int64_t i = v->type == GALE_BOOL ? v->u.b : v->u.i;
	switch (v->type) {
	case GALE_BOOL:
	case GALE_INT:
		text_putc(t, GALE_INT);
		text_add(t, &i, sizeof i);
		break;
	case GALE_FLOAT:
		text_putc(t, GALE_FLOAT);
		text_add(t, &v->u.f, sizeof v->u.f);
		break;
	case GALE_STRING:
	case GALE_BYTES:
		add_bytes(t, v->type, v->u.s, v->n);
		break;
	case GALE_LIST:
	case GALE_MAP:
		add_json(t, ctx, v);
		break;
	default:
		text_putc(t, GALE_NULL);
	}
}

/* bind_value makes the value at AT parameter number I, and gives what follows it. */
static const char *bind_value(sqlite3_stmt *insert, int i, const char *at)
{
	uint8_t type = (uint8_t)*at++;
	int64_t number;
	double real;
	uint32_t n;
	switch (type) {
	case GALE_INT:
		memcpy(&number, at, sizeof number);
		sqlite3_bind_int64(insert, i, number);
		return at + sizeof number;
	case GALE_FLOAT:
		memcpy(&real, at, sizeof real);
		sqlite3_bind_double(insert, i, real);
		return at + sizeof real;
	case GALE_STRING:
	case GALE_BYTES:
		memcpy(&n, at, sizeof n);
		at += sizeof n;
		if (type == GALE_STRING)
			sqlite3_bind_text(insert, i, at, (int)n, SQLITE_STATIC);
		else
			sqlite3_bind_blob(insert, i, at, (int)n, SQLITE_STATIC);
		return at + n;
	default:
		sqlite3_bind_null(insert, i);
		return at;
	}
}

/* ---- Statements -------------------------------------------------------------------- */

static void add_name(struct text *sql, const char *name)
{
	text_putc(sql, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			text_putc(sql, '"');
		text_putc(sql, *name);
	}
	text_putc(sql, '"');
}

/* is_key tells whether `key`, a list with commas, names the column. */
static bool is_key(const struct sqlite *s, const char *name)
{
	size_t n = strlen(name);
	for (const char *k = s->key; k != NULL; k = strchr(k, ',')) {
		k += *k == ',';
		if (strncmp(k, name, n) == 0 && (k[n] == ',' || k[n] == '\0'))
			return true;
	}
	return false;
}

static int count_keys(const struct sqlite *s)
{
	int n = s->key != NULL;
	for (const char *k = s->key; k != NULL && *k != '\0'; k++)
		n += *k == ',';
	return n;
}

/* add_columns adds the names in HEAD, or those of the key, or the others, and gives how many;
 * where AFTER is not empty, each as NAME AFTER NAME. */
enum which { ALL, KEYS, OTHERS };
static int add_columns(const struct sqlite *s, struct text *sql, const char *head, enum which which,
    const char *after)
{
	int n = (uint8_t)*head++, added = 0;
	for (int i = 0; i < n; i++) {
		const char *name = head + 1;
		head = name + strlen(name) + 1;
		if (which != ALL && is_key(s, name) != (which == KEYS))
			continue;
		text_puts(sql, added++ > 0 ? ", " : "");
		add_name(sql, name);
		text_puts(sql, after);
		if (after[0] != '\0')
			add_name(sql, name);
	}
	return added;
}

static const char *type_of_column(uint8_t type)
{
	static const char *const names[] = {
		[GALE_NULL] = "", [GALE_BOOL] = " INTEGER", [GALE_INT] = " INTEGER",
		[GALE_FLOAT] = " REAL", [GALE_STRING] = " TEXT", [GALE_BYTES] = " BLOB",
		[GALE_LIST] = " TEXT", [GALE_MAP] = " TEXT", [GALE_ANY] = "",
	};
	return type < sizeof names / sizeof *names ? names[type] : "";
}

static void sql_create(const struct sqlite *s, struct text *sql, const char *head)
{
	const char *at = head + 1;
	text_puts(sql, "CREATE TABLE IF NOT EXISTS ");
	add_name(sql, s->table);
	for (int i = 0, n = (uint8_t)*head; i < n; i++) {
		text_puts(sql, i > 0 ? ", " : " (");
		add_name(sql, at + 1);
		text_puts(sql, type_of_column((uint8_t)*at));
		at += strlen(at + 1) + 2;
	}
	if (s->key != NULL) {
		text_puts(sql, ", PRIMARY KEY (");
		add_columns(s, sql, head, KEYS, "");
		text_putc(sql, ')');
	}
	text_add(sql, ")", 2);		/* and its NUL */
}

static void sql_insert(const struct sqlite *s, struct text *sql, const char *head)
{
	text_puts(sql, "INSERT INTO ");
	add_name(sql, s->table);
	text_puts(sql, " (");
	add_columns(s, sql, head, ALL, "");
	text_puts(sql, ") VALUES (");
	for (int i = 0, n = (uint8_t)*head; i < n; i++)
		text_puts(sql, i > 0 ? ", ?" : "?");
	text_putc(sql, ')');
	if (s->key != NULL) {
		text_puts(sql, " ON CONFLICT (");
		add_columns(s, sql, head, KEYS, "");
		text_puts(sql, ") DO ");
		size_t before = sql->n;
		text_puts(sql, "UPDATE SET ");
		if (add_columns(s, sql, head, OTHERS, " = excluded.") == 0) {
			sql->n = before;
			text_puts(sql, "NOTHING");
		}
	}
	text_putc(sql, '\0');
}

/* ---- How far the table is ---------------------------------------------------------- */

static const char table_of_txids[] =
    "CREATE TABLE IF NOT EXISTS gale_txid (topology TEXT, component TEXT, task INTEGER, "
    "run INTEGER, txid INTEGER, PRIMARY KEY (topology, component, task))";

static sqlite3_stmt *prepared(struct sqlite *s, gale_ctx *ctx, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		cannot(s, ctx, "write to");
		return NULL;
	}
	return statement;
}

static sqlite3_stmt *of_this_task(struct sqlite *s, gale_ctx *ctx, const char *sql)
{
	sqlite3_stmt *statement = prepared(s, ctx, sql);
	if (statement == NULL)
		return NULL;
	sqlite3_bind_text(statement, 1, ctx->topology, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, ctx->component, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 3, ctx->index);
	return statement;
}

/* stands_at sets *TXID to the last batch of this task in the table. */
static int stands_at(struct sqlite *s, gale_ctx *ctx, uint64_t *txid)
{
	sqlite3_stmt *select = of_this_task(s, ctx,
	    "SELECT run, txid FROM gale_txid WHERE topology = ? AND component = ? AND task = ?");
	int got = select != NULL ? sqlite3_step(select) : SQLITE_ERROR;
	bool same = got == SQLITE_ROW && (uint64_t)sqlite3_column_int64(select, 0) == s->run;
	*txid = same ? (uint64_t)sqlite3_column_int64(select, 1) : 0;
	if (select != NULL && got != SQLITE_ROW && got != SQLITE_DONE)
		cannot(s, ctx, "read");
	sqlite3_finalize(select);
	if (got == SQLITE_ROW && !same && ctx->state_lasts)
		return refused(s, ctx, "it has rows of this topology that are of another state: use "
		    "that one, or another table, or remove the line from gale_txid to add to them");
	return got == SQLITE_ROW || got == SQLITE_DONE ? 0 : -1;
}

static int set_txid(struct sqlite *s, gale_ctx *ctx, uint64_t txid)
{
	sqlite3_stmt *replace = of_this_task(s, ctx, "INSERT OR REPLACE INTO gale_txid VALUES (?, ?, ?, ?, ?)");
	if (replace == NULL)
		return -1;
	sqlite3_bind_int64(replace, 4, (int64_t)s->run);
	sqlite3_bind_int64(replace, 5, (int64_t)txid);
	int got = sqlite3_step(replace) == SQLITE_DONE ? 0 : cannot(s, ctx, "write to");
	sqlite3_finalize(replace);
	return got;
}

/* ---- The bolt ---------------------------------------------------------------------- */

static void recall(struct sqlite *s, gale_ctx *ctx)
{
	gale_slice run;
	s->known = gale_state_get(ctx, "run", 3, &run) == 1 && run.n == sizeof s->run;
	if (s->known)
		memcpy(&s->run, run.bytes, sizeof s->run);
	else if (getrandom(&s->run, sizeof s->run, 0) != sizeof s->run)
		abort();
}

static int prepare(void *self, gale_ctx *ctx)
{
	struct sqlite *s = self;
	uint64_t txid = 0;
	if (ctx->generation == 0)
		return gale_fatal(ctx, "sqlite inserts batches: it needs a transactional topology");
	if (sqlite3_open_v2(s->path, &s->db,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return cannot(s, ctx, "open");
	sqlite3_busy_timeout(s->db, BUSY_MS);
	recall(s, ctx);
	if (run_sql(s, ctx, "PRAGMA synchronous = FULL", "open") != 0 ||
	    run_sql(s, ctx, table_of_txids, "open") != 0 || stands_at(s, ctx, &txid) != 0)
		return GALE_FATAL;
	return txid <= ctx->txid ? GALE_OK :
	    refused(s, ctx, "it has batches that the state has not: that is an old copy");
}

/* take_source makes the head of the batches what the fields of a tuple are, or sees that they
 * are the same. */
static int take_source(struct sqlite *s, gale_ctx *ctx, const gale_source *source)
{
	struct text head = { 0 };
	int keys = 0;
	text_putc(&head, (char)source->n_fields);
	for (uint32_t i = 0; i < source->n_fields; i++) {
		text_putc(&head, (char)source->fields[i].type);
		text_add(&head, source->fields[i].name, strlen(source->fields[i].name) + 1);
		keys += is_key(s, source->fields[i].name);
	}
	bool other = s->columns.n > 0 &&
	    (head.n != s->columns.n || memcmp(head.bytes, s->columns.bytes, head.n) != 0);
	free(s->columns.bytes);
	s->columns = head;
	s->source = source;
	if (other)
		return refused(s, ctx, "tuples with other fields came: give each its own bolt");
	if (keys != count_keys(s))
		return refused(s, ctx, "the key has a column that the tuples have no field for");
	return source->n_fields > 0 ? 0 : refused(s, ctx, "tuples without fields make no columns");
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct sqlite *s = self;
	if (t->source != s->source && take_source(s, ctx, t->source) != 0)
		return GALE_FATAL;
	if (s->batch.n == 0)
		text_add(&s->batch, s->columns.bytes, s->columns.n);
	for (uint32_t i = 0; i < t->source->n_fields; i++)
		add_value(&s->batch, ctx, &t->values[i]);
	return GALE_OK;
}

static int finish_batch(void *self, gale_ctx *ctx)
{
	struct sqlite *s = self;
	if (s->batch.n == 0)
		return GALE_OK;
	if (!s->known && gale_state_put(ctx, "run", 3, &s->run, sizeof s->run) != 0)
		return GALE_FATAL;
	s->known = true;
	return kept_drop(ctx, &s->dropped, s->published) == 0 && kept_put(ctx, &s->batch) == 0 ?
	    GALE_OK : GALE_FATAL;
}

/* insert_rows inserts the rows of a batch. */
static int insert_rows(struct sqlite *s, gale_ctx *ctx, const struct text *batch)
{
	struct text sql = { 0 };
	const char *at = batch->bytes, *end = batch->bytes + batch->n;
	int n = (uint8_t)*at;
	sql_create(s, &sql, batch->bytes);
	int failed = run_sql(s, ctx, sql.bytes, "create");
	sql.n = 0;
	sql_insert(s, &sql, batch->bytes);
	sqlite3_stmt *insert = failed ? NULL : prepared(s, ctx, sql.bytes);
	for (at++; n > 0; n--)
		at += strlen(at + 1) + 2;
	for (failed = insert == NULL; !failed && at < end; sqlite3_reset(insert)) {
		for (int i = 1; i <= (uint8_t)*batch->bytes; i++)
			at = bind_value(insert, i, at);
		if (sqlite3_step(insert) != SQLITE_DONE)
			failed = cannot(s, ctx, "insert into");
	}
	sqlite3_finalize(insert);
	free(sql.bytes);
	return failed ? -1 : 0;
}

/* insert_batches inserts what the table has not of the batches up to LAST. */
static int insert_batches(struct sqlite *s, gale_ctx *ctx, uint64_t last)
{
	struct text batch = { 0 };
	uint64_t at;
	int failed = stands_at(s, ctx, &at);
	for (uint64_t txid = at; !failed && (txid = kept_next(ctx, txid, last, &batch)) != 0; batch.n = 0) {
		failed = insert_rows(s, ctx, &batch);
		at = txid;
	}
	free(batch.bytes);
	return failed ? -1 : set_txid(s, ctx, at);
}

/* has_more tells whether there are batches that this task has not published. */
static bool has_more(struct sqlite *s, gale_ctx *ctx)
{
	struct kept_key key;
	gale_scan scan = kept_scan(&key, s->published);
	return gale_state_next(ctx, &scan) && kept_txid(&scan) <= ctx->txid;
}

static int publish(void *self, gale_ctx *ctx)
{
	struct sqlite *s = self;
	if (!has_more(s, ctx))
		return GALE_OK;
	if (run_sql(s, ctx, "BEGIN IMMEDIATE", "write to") != 0)
		return GALE_FATAL;
	if (insert_batches(s, ctx, ctx->txid) != 0 || run_sql(s, ctx, "COMMIT", "write to") != 0) {
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
		return GALE_FATAL;
	}
	s->published = ctx->txid;
	return GALE_OK;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct sqlite *s = self;
	(void)ctx;
	sqlite3_close(s->db);
	free(s->columns.bytes);
	free(s->batch.bytes);
}

static const gale_component sqlite = {
	.name = "Sqlite",
	.doc = "Writes tuples to a table of an SQLite database, each once.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct sqlite),
	.props = GALE_PROPS(
	    GALE_PROP(struct sqlite, path, GALE_PROP_PATH, "The database file.", .required = true),
	    GALE_PROP(struct sqlite, table, GALE_PROP_STRING, "The table.", .required = true),
	    GALE_PROP(struct sqlite, key, GALE_PROP_STRING,
		"Fields, with commas between: a row replaces the one with the same values there.")),
	.prepare = prepare,
	.execute = execute,
	.cleanup = cleanup,
	.state_version = 1,
	.finish_batch = finish_batch,
	.publish = publish,
};
GALE_PLUGIN(&sqlite);
