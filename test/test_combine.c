/* test_combine.c - equal tuples that become one in a frame, and what its receiver makes of it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "combine.h"
#include "memory.h"
#include "merged.h"
#include "random.h"
#include "seed.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

enum { ROOM = 1 << 20, ROOTS = 64, MOST = 6000, KEYS = 40 };

static uint64_t seed;

/* ---- a sender, as route.c is one ---- */

struct frame {
	struct combine *c;
	uint8_t *bytes, *at;
	struct wire_header header;
	uint64_t before;	/* root */
};

/* What was emitted: the tuple that it went into, and whether that has become one more edge of its root. */
struct emitted {
	uint64_t root, edge;
	int64_t key;
};

static void begin(struct frame *f)
{
	*f = (struct frame){ .c = xcalloc(1, sizeof *f->c), .bytes = xmalloc(ROOM) };
	f->header = (struct wire_header){ .kind = WIRE_DATA, .edge_base = random_mix(seed) };
	f->at = f->bytes + WIRE_HEADER;
	combine_begin(f->c);
}

/* text makes a value of KEY: an int, or a string of some length. */
static gale_value text(int64_t key, char *room)
{
	int n;

	if (key % 5 == 0)
		return gale_int(key);
	n = snprintf(room, 64, "%.*s%lld", (int)(key % 4 * 7), "abcdefghijklmnopqrstuvwxyz", (long long)key);
	return gale_string(room, (size_t)n);
}

/* emit writes or merges a tuple; gives the edge that is new in the tree of ROOT. */
static uint64_t emit(struct frame *f, uint64_t root, int64_t key, uint32_t stream)
{
	char room[64];
	gale_value v[2] = { text(key, room), gale_int(7) };
	uint32_t n = key % 3 == 0 ? 2 : 1, place = combine_place(stream, 0);
	struct combine_key k;
	struct combine_entry *e;
	uint8_t *body;
	uint64_t edge;

	ck_assert(combine_key(&k, v, n));
	e = combine_find(f->c, f->bytes, f->at, &k, place, v, n);
	if (e != NULL && !combine_full(f->c) && combine_merge(f->c, e, root, &edge) > 0)
		return edge;
	if (f->header.count == 0)
		f->header.root_base = f->before = root;
	body = wire_put_root(f->at, root, f->before);
	f->before = root;
	f->at = wire_put_values(body, v, n);
	edge = random_mix(f->header.edge_base + f->header.count++);
	if (!combine_full(f->c))
		combine_note(f->c, &k, f->header.count - 1, edge, (uint32_t)(body - f->bytes), place, root, ROOM);
	return edge;
}

static size_t end(struct frame *f)
{
	uint8_t *behind = combine_end(f->c, f->at, f->header.count);

	f->header.flags = behind > f->at ? WIRE_MERGED : 0;
	f->header.body_bytes = (uint32_t)(behind - f->bytes - WIRE_HEADER);
	wire_put_header(f->bytes, &f->header);
	return (size_t)(behind - f->bytes);
}

static void drop(struct frame *f)
{
	free(f->c);
	free(f->bytes);
}

/* ---- a receiver ---- */

struct tree {
	uint64_t value;		/* XOR of the edges that are open */
	uint32_t open;		/* tuples that stand for one of its own and are not acked */
	int64_t sum;		/* of the keys that it has emitted and nobody has seen */
};

static struct tree trees[ROOTS];
static uint64_t first_root;

static void tell(void *arg, uint64_t root, uint64_t value)
{
	(void)arg;
	ck_assert_uint_lt(root - first_root, ROOTS);
	trees[root - first_root].value ^= value;
}

static void balanced(void)
{
	for (int i = 0; i < ROOTS; i++)
		ck_assert_msg((trees[i].value == 0) == (trees[i].open == 0), "seed %llu: root %d has %u open, and %llx",
		    (unsigned long long)seed, i, trees[i].open, (unsigned long long)trees[i].value);
}

/* count_open adds BY for every root of the tuple at INDEX, none of which it has twice. */
static void count_open(struct merged *m, const struct wire_tuple *t, uint32_t index, int by)
{
	uint32_t n = 1;
	const uint64_t *roots = merged_times(m, index) > 1 ? merged_roots(m, index, &n) : &t->root;

	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < i; k++)
			ck_assert_uint_ne(roots[k], roots[i]);
		trees[roots[i] - first_root].open += (uint32_t)by;
	}
}

/* ack acks the tuple at INDEX in one of the ways there are: with all of the frame, or held and by itself. */
static void ack(struct merged *m, const struct wire_tuple *t, uint32_t index, bool held)
{
	uint32_t n = 1;
	const uint64_t *roots = &t->root;

	if (merged_times(m, index) > 0 && !held) {
		m->values[index] = t->edge;
	} else {
		if (merged_times(m, index) > 1)
			roots = merged_roots(m, index, &n);
		for (uint32_t i = 0; i < n; i++)
			tell(NULL, roots[i], t->edge);
	}
	count_open(m, t, index, -1);
}

static uint64_t receive(const struct frame *f, size_t size, struct tree *sums)
{
	gale_value values[GALE_MAX_FIELDS];
	struct wire_tuple *tuples = xcalloc(f->header.count + 1, sizeof *tuples);
	struct merged m = { 0 };
	struct wire_reader r;
	uint64_t all = 0, state = seed;
	struct error e;
	uint32_t i = 0;

	ck_assert_msg(wire_open(&r, f->bytes, size, &e) == 0, "%s", e.text);
	merged_open(&m, &r);
	while (wire_next(&r, &tuples[i], values) > 0) {
		uint32_t times = merged_times(&m, i) > 1 ? merged_times(&m, i) : 1;

		all += times;
		sums[0].sum += (int64_t)times * (values[0].type == GALE_INT ? values[0].u.i : values[0].n);
		count_open(&m, &tuples[i], i, 1);
		i++;
	}
	ck_assert_uint_eq(i, f->header.count);
	balanced();
	for (i = 0; i < f->header.count; i++) {
		ack(&m, &tuples[i], i, random_next(&state) % 4 == 0);
		if (random_next(&state) % 16 != 0 && i + 1 < f->header.count)
			continue;
		merged_hand_in(&m, tell, NULL);
		balanced();
	}
	merged_free(&m);
	free(tuples);
	return all;
}

/* ---- tests ---- */

/* Whatever is merged: each tuple is counted, and no root is complete before all that it has part in are acked. */
START_TEST(test_exact)
{
	struct frame f;
	struct tree sums = { 0 };
	uint64_t state = seed + (uint64_t)_i, n = 1 + random_next(&state) % MOST, root;
	uint64_t spread = 1 + random_next(&state) % ROOTS, back = random_next(&state) % 3;
	int64_t sum = 0;
	char room[64];

	memset(trees, 0, sizeof trees);
	first_root = random_mix(state) | 1;
	begin(&f);
	for (uint64_t i = 0; i < n; i++) {
		int64_t key = (int64_t)(random_next(&state) % KEYS * (random_next(&state) % KEYS) / KEYS);
		gale_value v = text(key, room);

		/* Mostly ascending, as a splitter sees them; now and then one that was before. */
		root = first_root + i * spread / n;
		if (back > 0 && random_next(&state) % 8 == 0)
			root = first_root + random_next(&state) % spread;
		trees[root - first_root].value ^= emit(&f, root, key, (uint32_t)(random_next(&state) % 2));
		sum += v.type == GALE_INT ? v.u.i : v.n;
	}
	ck_assert_uint_eq(receive(&f, end(&f), &sums), n);
	ck_assert_int_eq(sums.sum, sum);
	drop(&f);
}
END_TEST

/* the words of two lines: one tuple for each word, whose roots are both. */
START_TEST(test_two_lines)
{
	struct frame f;
	struct merged m = { 0 };
	struct wire_reader r;
	const uint64_t *roots;
	uint32_t n;
	uint64_t a, b, again;

	begin(&f);
	a = emit(&f, 100, 1, 0);
	again = emit(&f, 100, 1, 0);
	b = emit(&f, 103, 1, 0);
	emit(&f, 103, 2, 0);
	emit(&f, 103, 1, 1);	/* another stream: another tuple */
	ck_assert_uint_eq(again, 0);
	ck_assert_uint_eq(a, b);
	ck_assert_int_eq(wire_open(&r, f.bytes, end(&f), NULL), 0);
	ck_assert_uint_eq(r.header.count, 3);
	merged_open(&m, &r);
	ck_assert_uint_eq(merged_times(&m, 0), 3);
	ck_assert_uint_eq(merged_times(&m, 1), 1);
	ck_assert_uint_eq(merged_times(&m, 3), 0);
	roots = merged_roots(&m, 0, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(roots[0], 100);
	ck_assert_uint_eq(roots[1], 103);
	merged_free(&m);
	drop(&f);
}
END_TEST

/* An older root may be in the tuple already: it gets one of its own. */
START_TEST(test_older_root)
{
	struct frame f;

	begin(&f);
	emit(&f, 100, 1, 0);
	emit(&f, 101, 1, 0);
	ck_assert_uint_ne(emit(&f, 100, 1, 0), 0);
	ck_assert_uint_eq(f.header.count, 2);
	ck_assert_uint_eq(f.c->n_merged, 1);
	drop(&f);
}
END_TEST

/* Where nothing is equal nothing is said, and later frames are left to rest. */
START_TEST(test_rest)
{
	struct frame f;

	begin(&f);
	for (int64_t i = 0; i < COMBINE_JUDGED; i++)
		emit(&f, 100, 1000 + i, 0);
	end(&f);
	ck_assert_uint_eq(f.header.flags, 0);
	ck_assert_uint_eq(f.c->rest, 1);
	combine_end(f.c, f.at, 1);
	ck_assert_uint_eq(f.c->rest, 0);
	combine_end(f.c, f.at, COMBINE_JUDGED);
	ck_assert_uint_eq(f.c->rest, 3);
	drop(&f);
}
END_TEST

static void ignore(void *arg, uint64_t root, uint64_t value)
{
	*(uint64_t *)arg ^= root ^ value;
}

/* A frame is not trusted: whatever byte of what stands behind the tuples is another one, nothing breaks. */
START_TEST(test_untrusted)
{
	struct frame f;
	uint64_t state = seed;
	size_t size;

	begin(&f);
	for (uint64_t i = 0; i < 200; i++)
		emit(&f, 100 + i / 4, (int64_t)(i % 7), 0);
	size = end(&f);
	for (int i = 0; i < (getenv("GALE_QUICK") ? 1000 : 20000); i++) {
		uint8_t *frame = xmalloc(size);
		gale_value values[GALE_MAX_FIELDS];
		struct merged m = { 0 };
		struct wire_reader r;
		struct wire_tuple t;
		uint32_t n;

		memcpy(frame, f.bytes, size);
		for (uint64_t k = random_next(&state) % 4 + 1; k > 0; k--)
			frame[WIRE_HEADER + random_next(&state) % (size - WIRE_HEADER)] = (uint8_t)random_next(&state);
		if (wire_open(&r, frame, size, NULL) == 0) {
			merged_open(&m, &r);
			while (wire_next(&r, &t, values) > 0)
				if (merged_times(&m, r.index - 1) > 1)
					merged_roots(&m, r.index - 1, &n);
			merged_hand_in(&m, ignore, &state);
		}
		merged_free(&m);
		free(frame);
	}
	drop(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("combine");
	TCase *tests = tcase_create("combine");
	SRunner *runner;
	int failed;

	seed = test_seed();
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, test_exact, 0, getenv("GALE_QUICK") ? 15 : 100);
	tcase_add_test(tests, test_two_lines);
	tcase_add_test(tests, test_older_root);
	tcase_add_test(tests, test_rest);
	tcase_add_test(tests, test_untrusted);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
