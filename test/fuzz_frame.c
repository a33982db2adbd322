/* fuzz_frame.c - any bytes as a frame, as records, as values (libFuzzer).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of the input picks what the rest is:
 *
 *     0   a frame, as it is          3   a body of VERDICTS
 *     1   a frame whose header is    4   values, as wire_put_values writes them
 *         put right: the body counts
 *     2   a body of ACKS
 *
 * What is accepted must be read to its end inside its bytes (libFuzzer hands out a block of
 * the exact size), and must come out the same when it is written again. Of merged tuples a frame may tell
 * what it likes: they have the roots that it names, or none.
 */
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "memory.h"
#include "merged.h"
#include "record.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool what)
{
	if (!what)
		abort();
}

/* ---- values ---- */

static gale_value unpacked(const gale_value *v);
static void free_items(gale_value *v);

static uint32_t n_items(const gale_value *v)
{
	return v->type == GALE_MAP ? 2 * v->n : v->type == GALE_LIST ? v->n : 0;
}

/* unpacked gives V with all lists and maps in it as a sender would make them. */
static gale_value unpacked(const gale_value *v)
{
	const uint8_t *body = v->u.body;
	gale_value made = *v, *items;

	if (v->type != GALE_LIST && v->type != GALE_MAP)
		return made;
	items = xcalloc((size_t)n_items(v) + 1, sizeof *items);
	for (uint32_t i = 0; i < n_items(v); i++) {
		gale_value item;

		body = wire_unpack(body, &item);
		must(body != NULL);
		items[i] = unpacked(&item);
	}
	made.packed = 0;
	made.u.items = items;
	return made;
}

static void free_items(gale_value *v)
{
	for (uint32_t i = 0; i < n_items(v); i++)
		free_items((gale_value *)(uintptr_t)&v->u.items[i]);
	if (v->type == GALE_LIST || v->type == GALE_MAP)
		free((void *)(uintptr_t)v->u.items);
}

static void canonical(struct buf *out, const gale_value *values, uint32_t n)
{
	out->n = 0;
	for (uint32_t i = 0; i < n; i++)
		wire_canonical(out, &values[i]);
}

/* check_again encodes VALUES and reads them back: they must be the same to the canon. */
static void check_again(const gale_value *values, uint32_t n, const struct buf *canon)
{
	gale_value back[GALE_MAX_FIELDS];
	struct buf other = { 0 };
	size_t bound = wire_bound(values, n, NULL), used;
	uint8_t *p = xmalloc(bound), *exact;

	must(bound > 0);
	used = (size_t)(wire_put_values(p, values, n) - p);
	must(used <= bound);
	exact = xmalloc(used);
	memcpy(exact, p, used);
	free(p);
	must(wire_read_values(exact, used, back) == (int)n);
	canonical(&other, back, n);
	must(other.n == canon->n);
	must(other.n == 0 || memcmp(other.data, canon->data, canon->n) == 0);
	buf_free(&other);
	free(exact);
}

static void check_values(const gale_value *values, uint32_t n)
{
	gale_value made[GALE_MAX_FIELDS], list = gale_list(values, n);
	struct buf canon = { 0 }, text = { 0 };

	canonical(&canon, values, n);
	check_again(values, n, &canon);
	for (uint32_t i = 0; i < n; i++) {
		wire_describe(&text, &values[i]);
		made[i] = unpacked(&values[i]);
	}
	check_again(made, n, &canon);
	for (uint32_t i = 0; i < n; i++)
		free_items(&made[i]);
	/* One list around them may be too deep, but then it must be said. */
	canonical(&canon, &list, 1);
	if (wire_bound(&list, 1, NULL) > 0)
		check_again(&list, 1, &canon);
	buf_free(&canon);
	buf_free(&text);
}

static void try_values(const uint8_t *data, size_t size)
{
	gale_value values[GALE_MAX_FIELDS];
	int n = wire_read_values(data, size, values);

	if (n >= 0)
		check_values(values, (uint32_t)n);
}

/* ---- frames ---- */

static void tell(void *arg, uint64_t root, uint64_t value)
{
	must(root != 0 && value != 0);
	++*(uint32_t *)arg;
}

/* try_merged has every tuple that stands for several asked for its roots, and acked. */
static void try_merged(const struct wire_reader *r)
{
	struct merged m = { 0 };
	uint32_t n, listed = 0, told = 0;

	if (r->groups == NULL)
		return;
	merged_open(&m, r);
	must(merged_times(&m, r->header.count) == 0);
	for (uint32_t i = 0; i < r->header.count && merged_times(&m, i) > 0; i++) {
		const uint64_t *roots = merged_roots(&m, i, &n);

		for (uint32_t k = 0; k < n; k++)
			must(roots[k] != 0);
		listed += n;
		m.values[i] = i + 1;
	}
	merged_hand_in(&m, tell, &told);
	must(told <= listed);
	merged_hand_in(&m, tell, &told);	/* nothing is told twice */
	must(told <= listed);
	merged_free(&m);
}

static void try_frame(const uint8_t *frame, size_t size)
{
	gale_value values[GALE_MAX_FIELDS];
	struct wire_reader r;
	struct wire_tuple t;
	uint32_t n = 0;
	int more;

	if (wire_open(&r, frame, size, NULL) != 0)
		return;
	while ((more = wire_next(&r, &t, values)) > 0) {
		must(t.n_roots <= WIRE_ROOTS_MAX);
		for (uint32_t i = 0; i < t.n_roots; i++)
			must(wire_root(&t, i) != 0);
		must(t.body >= frame + WIRE_HEADER && t.body + t.body_bytes <= frame + size);
		check_values(values, t.n_values);
		try_values(t.body, t.body_bytes);
		n++;
	}
	must(n <= r.header.count && (more < 0 || n == r.header.count));
	try_merged(&r);
}

static void try_body(const uint8_t *data, size_t size)
{
	struct wire_reader r;
	uint8_t *frame, header[WIRE_HEADER];

	if (size < WIRE_HEADER)
		return;
	frame = xmalloc(size);
	memcpy(frame, data, size);
	wire_put32(frame, WIRE_MAGIC);
	frame[4] = WIRE_VERSION;
	frame[5] = WIRE_DATA;
	frame[30] = frame[31] = 0;
	wire_put32(frame + 36, (uint32_t)(size - WIRE_HEADER));
	if (wire_open(&r, frame, size, NULL) != 0) {
		must((frame[6] & WIRE_MERGED) != 0);	/* there may be less than it says */
		free(frame);
		return;
	}
	wire_put_header(header, &r.header);
	must(memcmp(frame, header, sizeof header) == 0);
	try_frame(frame, size);
	free(frame);
}

/* ---- records ---- */

static volatile uint64_t seen;	/* so that reading is not left out */

/* check_record writes a record of fixed form again, or walks the body of the others. */
static void check_record(const struct record *r, const uint8_t *from, const uint8_t *to,
    bool verdict)
{
	struct buf b = { 0 };

	must(r->n_text <= RECORD_TEXT_MAX);
	if (verdict && r->type == VERDICT_ACKED_RUN)
		verdict_put_acked(&b, r->root, r->n);
	else if (verdict && r->type == VERDICT_ENDED)
		verdict_put_ended(&b, r);
	else if (verdict)
		verdict_put_extended(&b, r->root);
	else if (r->type == RECORD_FAIL)
		record_put_fail(&b, r->root, r->task, r->text, r->n_text);
	else if (r->type == RECORD_RESET)
		record_put_reset(&b, r->root, r->task);
	else if (r->type == RECORD_VOID)
		record_put_void(&b, r->root);
	if (b.n > 0) {
		must(b.n == (size_t)(to - from) && memcmp(b.data, from, b.n) == 0);
		buf_free(&b);
		return;
	}
	must(r->n > 0 && r->body < to);
	for (const uint8_t *p = r->body; p < to; p += 8)
		seen += wire_get64(p);
	if (r->type == RECORD_INIT_RUN || r->type == RECORD_ACK_RUN)
		must(r->root != 0 && r->root + (r->n - 1) >= r->root);
}

static void try_records(const uint8_t *at, const uint8_t *end, bool verdict)
{
	const uint8_t *before = at;
	struct record r = { 0 };

	while ((verdict ? verdict_next(&at, end, &r) : record_next(&at, end, &r)) > 0) {
		must(at > before && at <= end);
		check_record(&r, before, at, verdict);
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0:
		try_frame(data + 1, size - 1);
		break;
	case 1:
		try_body(data + 1, size - 1);
		break;
	case 2:
	case 3:
		try_records(data + 1, data + size, data[0] % 5 == 3);
		break;
	default:
		try_values(data + 1, size - 1);
	}
	return 0;
}
