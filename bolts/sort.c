/* sort.c - a bolt that puts tuples in order, and may keep only the first few of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     (anything) --> sort --default--> the same
 *
 * It collects until the input has ended, and then emits. `by` names the field that decides;
 * numbers are compared as numbers, strings and bytes byte by byte. Where it is equal the
 * other fields decide, from the first on and always upwards: so the order depends on the
 * tuples alone and not on how they came. With `n` only so many are ever kept, in a heap.
 *
 * Feed it with GLOBAL: each task sorts what it got. Its output has the fields of its input,
 * which the topology file declares:
 *
 *     "outputs": [{ "fields": [{ "name": "word", "type": "string" },
 *                              { "name": "count", "type": "int" }] }]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gale/gale.h>

enum { BATCH = 64 };		/* rows a call of finish */

/* A tuple that is kept; one block of memory, the texts behind the values. */
struct row {
	uint32_t n, key;	/* values; the number of the one that decides */
	gale_value values[];
};

struct sort {
	/* properties */
	const char *by;
	int64_t n;
	bool ascending;

	gale_ctx *ctx;		/* to read lists with */
	struct row **rows;	/* with n: a heap, the last in the order on top */
	size_t n_rows, room;
	bool finishing;
	size_t finished;
};

static void *checked(void *p)
{
	if (p == NULL) {
		fprintf(stderr, "sort: out of memory\n");
		abort();
	}
	return p;
}

/* ---- Order ------------------------------------------------------------------------- */

static int by_size(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_text(const gale_value *a, const gale_value *b)
{
	uint32_t n = a->n < b->n ? a->n : b->n;
	int order = n > 0 ? memcmp(a->u.s, b->u.s, n) : 0;
	return order != 0 ? order : by_size(a->n, b->n);
}

static double number(const gale_value *v)
{
	return v->type == GALE_INT ? (double)v->u.i : v->u.f;
}

/* compare_numbers puts what is no number (NaN) before all that are. */
static int compare_numbers(const gale_value *a, const gale_value *b)
{
	if (a->type == GALE_INT && b->type == GALE_INT)
		return (a->u.i > b->u.i) - (a->u.i < b->u.i);
	double x = number(a), y = number(b);
	if (x != x || y != y)
		return (x == x) - (y == y);
	return (x > y) - (x < y);
}

static int compare(gale_ctx *ctx, const gale_value *a, const gale_value *b);

static int compare_lists(gale_ctx *ctx, const gale_value *a, const gale_value *b)
{
	gale_value x, y;
	gale_iter i = gale_iterate(a), k = gale_iterate(b);
	while (gale_each(ctx, &i, &x) && gale_each(ctx, &k, &y)) {
		int order = compare(ctx, &x, &y);
		if (order != 0)
			return order;
	}
	return by_size(a->n, b->n);
}

static int compare(gale_ctx *ctx, const gale_value *a, const gale_value *b)
{
	bool numbers = a->type == GALE_INT || a->type == GALE_FLOAT;
	if (numbers && (b->type == GALE_INT || b->type == GALE_FLOAT))
		return compare_numbers(a, b);
	if (a->type != b->type)
		return by_size(a->type, b->type);
	switch (a->type) {
	case GALE_BOOL:
		return a->u.b - b->u.b;
	case GALE_STRING:
	case GALE_BYTES:
		return compare_text(a, b);
	case GALE_LIST:
	case GALE_MAP:
		return compare_lists(ctx, a, b);
	default:
		return 0;
	}
}

/* order is below 0 when A comes before B. */
static int order(struct sort *s, const gale_value *a, uint32_t n_a, uint32_t key_a,
    const struct row *b)
{
	int by = compare(s->ctx, &a[key_a], &b->values[b->key]);
	if (by != 0)
		return s->ascending ? by : -by;
	for (uint32_t i = 0; i < n_a && i < b->n; i++) {
		int other = compare(s->ctx, &a[i], &b->values[i]);
		if (other != 0)
			return other;
	}
	return by_size(n_a, b->n);
}

static int order_rows(const void *a, const void *b, void *s)
{
	const struct row *x = *(struct row *const *)a;
	return order(s, x->values, x->n, x->key, *(struct row *const *)b);
}

/* ---- Rows -------------------------------------------------------------------------- */

/* size_of gives the bytes that a copy of V takes beside the value itself. */
static size_t size_of(gale_ctx *ctx, const gale_value *v)
{
	if (v->type == GALE_STRING || v->type == GALE_BYTES)
		return ((size_t)v->n + 7) & ~(size_t)7;
	size_t size = 0;
	gale_value item;
	for (gale_iter it = gale_iterate(v); gale_each(ctx, &it, &item);)
		size += sizeof item + size_of(ctx, &item);
	return size;
}

/* copy gives a copy of V whose texts and items are at *AT, which it moves on. */
static gale_value copy(gale_ctx *ctx, const gale_value *v, char **at)
{
	gale_value c = *v, item;
	if (v->type == GALE_STRING || v->type == GALE_BYTES) {
		c.u.s = v->n > 0 ? memcpy(*at, v->u.s, v->n) : "";
		*at += size_of(ctx, v);
	} else if (v->type == GALE_LIST || v->type == GALE_MAP) {
		gale_iter it = gale_iterate(v);
		gale_value *items = (gale_value *)(void *)*at;
		*at += it.end * sizeof *items;
		c.packed = 0;
		c.u.items = items;
		while (gale_each(ctx, &it, &item))
			*items++ = copy(ctx, &item, at);
	}
	return c;
}

static struct row *new_row(gale_ctx *ctx, const gale_tuple *t, uint32_t key)
{
	size_t size = sizeof (struct row) + t->n * sizeof (gale_value);
	char *at = NULL;
	for (uint32_t i = 0; i < t->n; i++)
		size += size_of(ctx, &t->values[i]);
	struct row *row = checked(malloc(size));
	*row = (struct row){ .n = t->n, .key = key };
	at = (char *)&row->values[t->n];
	for (uint32_t i = 0; i < t->n; i++)
		row->values[i] = copy(ctx, &t->values[i], &at);
	return row;
}

static void append(struct sort *s, struct row *row)
{
	if (s->n_rows == s->room) {
		s->room = s->room == 0 ? 64 : 2 * s->room;
		s->rows = checked(realloc(s->rows, s->room * sizeof *s->rows));
	}
	s->rows[s->n_rows++] = row;
}

/* ---- The heap ---------------------------------------------------------------------- */

/* swap_if_later swaps two rows if the upper one of them belongs before the lower. */
static bool swap_if_later(struct sort *s, size_t upper, size_t lower)
{
	struct row *u = s->rows[upper], *l = s->rows[lower];
	if (order_rows(&l, &u, s) <= 0)
		return false;
	s->rows[upper] = l;
	s->rows[lower] = u;
	return true;
}

static void sift_up(struct sort *s, size_t i)
{
	while (i > 0 && swap_if_later(s, (i - 1) / 2, i))
		i = (i - 1) / 2;
}

static void sift_down(struct sort *s)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < s->n_rows; i = child) {
		size_t other = child + 1;
		if (other < s->n_rows &&
		    order_rows(&s->rows[other], &s->rows[child], s) > 0)
			child = other;
		if (!swap_if_later(s, i, child))
			return;
	}
}

/* ---- The bolt ---------------------------------------------------------------------- */

/* find_key gives the number of the field that decides, or -1. */
static int find_key(const struct sort *s, gale_ctx *ctx, const gale_tuple *t)
{
	if (s->by == NULL && t->n > 0)
		return (int)t->n - 1;
	const gale_value *v = s->by != NULL ? gale_field_of(t, s->by) : NULL;
	if (v != NULL)
		return (int)(v - t->values);
	gale_fatalf(ctx, "the stream \"%s\" of \"%s\" has no field \"%s\" to sort by",
	    t->source->stream, t->source->component, s->by != NULL ? s->by : "");
	return -1;
}

static int execute(void *self, gale_ctx *ctx, const gale_tuple *t)
{
	struct sort *s = self;
	s->ctx = ctx;
	int key = find_key(s, ctx, t);
	if (key == -1)
		return GALE_FATAL;
	if (s->n == 0 || s->n_rows < (size_t)s->n) {
		append(s, new_row(ctx, t, (uint32_t)key));
		if (s->n > 0)
			sift_up(s, s->n_rows - 1);
	} else if (order(s, t->values, t->n, (uint32_t)key, s->rows[0]) < 0) {
		free(s->rows[0]);
		s->rows[0] = new_row(ctx, t, (uint32_t)key);
		sift_down(s);
	}
	return GALE_OK;
}

static int finish(void *self, gale_ctx *ctx)
{
	struct sort *s = self;
	s->ctx = ctx;
	if (!s->finishing && s->n_rows > 0)
		qsort_r(s->rows, s->n_rows, sizeof *s->rows, order_rows, s);
	s->finishing = true;
	for (int i = 0; i < BATCH && s->finished < s->n_rows; i++) {
		const struct row *row = s->rows[s->finished++];
		if (gale_emit_values(ctx, 0, row->values, row->n) != 0)
			return GALE_FATAL;
	}
	return s->finished < s->n_rows ? GALE_EMITTED : GALE_DONE;
}

static void cleanup(void *self, gale_ctx *ctx)
{
	struct sort *s = self;
	(void)ctx;
	for (size_t i = 0; i < s->n_rows; i++)
		free(s->rows[i]);
	free(s->rows);
}

static const gale_component sort = {
	.name = "Sort",
	.doc = "Emits all tuples in order when the input has ended, or the first n of them.",
	.kind = GALE_BOLT,
	.outputs_from_json = true,
	.self_size = sizeof (struct sort),
	.props = GALE_PROPS(
	    GALE_PROP(struct sort, by, GALE_PROP_STRING,
		"The field that decides; without it, the last."),
	    GALE_PROP(struct sort, n, GALE_PROP_INT,
		"How many tuples to emit; 0 is all.", .min = 0, .max = INT64_MAX),
	    GALE_PROP(struct sort, ascending, GALE_PROP_BOOL,
		"The smallest first, instead of the largest.")),
	.execute = execute,
	.finish = finish,
	.cleanup = cleanup,
};
GALE_PLUGIN(&sort);
