/* table.c - a bolt that keeps the last row of each key and writes them all at the end.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (key, ...) --> table
 *
 * The key is the first value of a tuple, as text. Its row is kept in the state: a tuple is acked
 * when its row is on disk, and a later one with the same key takes its place. So results that
 * come twice, as they may after a worker was lost, still make one row.
 *
 * When the input has ended the rows are written, ordered by the bytes of their keys, in the
 * format that `format` says (format.h) to what `path` names (output.h): a regular file appears
 * complete or not at all. Nothing blocks; there may be more rows than memory holds. A task that
 * is started again in between begins anew.
 */
#include "output.h"

enum {
	BATCH = 64,		/* rows a call of finish */
	PATIENCE_MS = 20	/* the longest that a callback waits */
};

struct table {
	/* properties */
	const char *path;
	const char *format;

	struct output out;
	row_fn *add;
	struct text key, row;	/* of the tuple in hand; in finish: the key written last */
	bool begun;		/* a row was written */
	bool all;		/* all were */
};

static int prepare(void *self, gale_ctx *ctx)
{
	struct table *t = self;
	t->add = row_format(t->format);
	t->out.fd = -1;
	return output_name(&t->out, ctx, t->path) == 0 && output_open(&t->out, ctx) == 0 ?
	    GALE_OK : GALE_FATAL;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *tuple)
{
	struct table *t = self;
	if (tuple->n == 0)
		return gale_failed(ctx, "a tuple without values has no key");
	t->key.n = t->row.n = 0;
	text_plain(&t->key, ctx, &tuple->values[0]);
	t->add(&t->row, ctx, tuple);
	text_putc(&t->row, '\n');
	return gale_state_put(ctx, t->key.bytes, t->key.n, t->row.bytes, t->row.n) == 0 ?
	    GALE_OK : GALE_FAIL;
}

/* add_rows adds some more rows to what is to be written. */
static void add_rows(struct table *t, gale_ctx *ctx)
{
	gale_scan s = gale_state_scan_after("", 0, t->begun ? t->key.bytes : NULL, t->key.n);
	for (int i = 0; i < BATCH; i++) {
		if (!gale_state_next(ctx, &s)) {
			t->all = true;
			return;
		}
		text_add(&t->out.text, s.value.bytes, s.value.n);
		t->key.n = 0;
		text_room(&t->key, 1);		/* an empty key is one, too */
		text_add(&t->key, s.key.bytes, s.key.n);
		t->begun = true;
	}
}

static int finish(void *self, gale_ctx *ctx)
{
	struct table *t = self;
	if (!t->all && t->out.text.n - t->out.sent < OUTPUT_WRITE_AT)
		add_rows(t, ctx);
	if (!t->all && t->out.text.n - t->out.sent < OUTPUT_WRITE_AT)
		return GALE_EMITTED;
	switch (output_push(&t->out, ctx)) {
	case 0:
		break;
	case 1:
		output_can_write(&t->out, PATIENCE_MS);
		return GALE_EMITTED;
	default:
		return GALE_FATAL;
	}
	if (!t->all)
		return GALE_EMITTED;
	return t->out.direct ? GALE_DONE : output_publish(&t->out, ctx);
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct table *t = self;
	(void)ctx;
	output_close(&t->out, false);
	free(t->key.bytes);
	free(t->row.bytes);
}

static const gale_component table = {
	.name = "Table",
	.doc = "Keeps the last row of each key in state; writes them, by key, at the end.",
	.kind = GALE_BOLT,
	.self_size = sizeof (struct table),
	.props = GALE_PROPS(
	    GALE_PROP(struct table, path, GALE_PROP_PATH,
		"The file to write; \"-\" is standard output, %t the number of the task.",
		.required = true),
	    GALE_PROP(struct table, format, GALE_PROP_STRING,
		"How a row is written: its first value, all with tabs between, or JSON.",
		.fallback = "tsv", .choices = "lines|tsv|json")),
	.prepare = prepare,
	.execute = execute,
	.finish = finish,
	.cleanup = cleanup,
	.state_version = 1,
};
GALE_PLUGIN(&table);
