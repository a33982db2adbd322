/* parts.c - the same small piece of work N times, for counting instructions.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     parts PART N
 *
 *     encode    a word and a number into a frame: the usual way, wire_put_flat
 *     bound     the same with a float and a list, the way for all values: wire_bound first
 *     decode    a word and a number out of a frame, checked
 *     fields    the task for a word, of four: FIELDS
 *     fold      the acks of ten words of a line, merged
 *     ledger    a root's init and two acks for it, in runs of 64; 10,000 roots are open
 *     pending   a message emitted and settled; 10,000 are in flight
 *
 * No I/O, one thread, no randomness: the number of instructions is the same in every run.
 * `instructions` runs it under valgrind, with N and with 2 N. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "acker/ledger.h"
#include "fold.h"
#include "group.h"
#include "memory.h"
#include "pending.h"
#include "wire.h"

enum { FRAME = 65536, OPEN = 10000, RUN = 64, WORDS = 8 };

/* What a part has worked out: it must not be thrown away as unused. */
static volatile uint64_t result;

static const char *const words[WORDS] = {
	"the", "license", "of", "this", "GNU", "redistribution", "a", "software"
};

static gale_value word(uint64_t i)
{
	return gale_text(words[i % WORDS]);
}

/* ---- codec ---- */

static void encode(uint64_t n)
{
	uint8_t *frame = xmalloc(FRAME), *p = frame, *end = frame + FRAME;

	for (uint64_t i = 0; i < n; i++) {
		gale_value values[2] = { word(i), gale_int((int64_t)i) };

		if (end - p < 64)
			p = frame;
		p = wire_put_root(p, 1000 + i, 999 + i);
		*p++ = 2;
		p = wire_put_flat(p, end, &values[0]);
		p = wire_put_flat(p, end, &values[1]);
	}
	result = (uint64_t)(p - frame);
	free(frame);
}

static void bound(uint64_t n)
{
	uint8_t *frame = xmalloc(FRAME);
	uint64_t bytes = 0;
	struct error e;

	for (uint64_t i = 0; i < n; i++) {
		gale_value items[2] = { word(i + 1), gale_int((int64_t)i) };
		gale_value values[3] = { word(i), gale_float((double)i), gale_list(items, 2) };

		if (wire_bound(values, 3, &e) > FRAME)
			abort();
		bytes += (uint64_t)(wire_put_values(frame, values, 3) - frame);
	}
	result = bytes;
	free(frame);
}

/* fill writes a frame of words and numbers; returns its bytes. */
static size_t fill(uint8_t *frame)
{
	struct wire_header h = { .kind = WIRE_DATA, .root_base = 1000, .edge_base = 1 };
	uint8_t *p = frame + WIRE_HEADER, *end = frame + FRAME;

	for (; end - p >= 64; h.count++) {
		gale_value values[2] = { word(h.count), gale_int((int64_t)h.count) };

		p = wire_put_root(p, 1001 + h.count, 1000 + h.count);
		*p++ = 2;
		p = wire_put_flat(p, end, &values[0]);
		p = wire_put_flat(p, end, &values[1]);
	}
	h.body_bytes = (uint32_t)(p - frame - WIRE_HEADER);
	wire_put_header(frame, &h);
	return (size_t)(p - frame);
}

static void decode(uint64_t n)
{
	uint8_t *frame = xmalloc(FRAME);
	size_t bytes = fill(frame);
	gale_value values[GALE_MAX_FIELDS];
	struct wire_reader reader;
	struct wire_tuple tuple;
	uint64_t done = 0, sum = 0;
	struct error e;

	while (done < n) {
		if (wire_open(&reader, frame, bytes, &e) != 0)
			abort();
		while (done < n && wire_next(&reader, &tuple, values) > 0) {
			sum += tuple.edge + values[0].n;
			done++;
		}
	}
	result = sum;
	free(frame);
}

/* ---- routing ---- */

static void fields(uint64_t n)
{
	uint32_t first = 0, task = 0;
	struct subscription s = { .grouping = GROUPING_FIELDS, .fields = &first, .n_fields = 1 };
	struct group g;
	uint64_t sum = 0;

	group_init(&g, &s, 4);
	for (uint64_t i = 0; i < n; i++) {
		gale_value value = word(i);

		if (group_choose(&g, &value, 1, &task) != 1)
			abort();
		sum += task;
	}
	result = sum;
	group_free(&g);
}

/* ---- acking ---- */

static void fold(uint64_t n)
{
	struct buf records = { 0 };
	struct fold f;

	fold_init(&f, true);
	for (uint64_t i = 0; i < n; i++) {
		for (uint64_t k = 0; k < 10; k++)
			fold_xor(&f, 1000 + i, random_mix(10 * i + k));
		if (f.n < RUN * RUN)
			continue;
		fold_write(&f, &records, FRAME, 3, 4);
		result = records.n;
		records.n = 0;
	}
	fold_free(&f);
	buf_free(&records);
}

static void on_verdict(void *arg, const struct ledger_outcome *outcome)
{
	(void)arg;
	if (outcome->verdict != LEDGER_ACKED)
		abort();
	result = outcome->root;
}

static void ledger(uint64_t n)
{
	struct ledger *l = ledger_new(30000, 0, on_verdict, NULL);
	struct ledger_owner owner = { 0, 1 };
	uint64_t edges[RUN], second[RUN], both[RUN];

	for (uint32_t k = 0; k < RUN; k++) {
		edges[k] = random_mix(k);
		second[k] = random_mix(RUN + k);
		both[k] = edges[k] ^ second[k];
	}
	for (uint64_t root = 1; root <= n + OPEN; root += RUN) {
		ledger_init_run(l, root, RUN, edges, owner, root / 1000);
		ledger_ack_run(l, root, RUN, both, 1, root / 1000);
		if (root > OPEN)
			ledger_ack_run(l, root - OPEN / RUN * RUN, RUN, second, 2, root / 1000);
	}
	result = ledger_size(l);
	ledger_free(l);
}

static void pending(uint64_t n)
{
	struct pending p;
	struct flight f;

	pending_init(&p, 1);
	for (uint64_t i = 1; i <= n + OPEN; i++) {
		struct message m = { .id = i, .target = UINT32_MAX, .attempt = 1, .first = i };

		pending_add(&p, i, &m, i);
		if (i > OPEN && !pending_settle(&p, i - OPEN, &f))
			abort();
	}
	result = pending_open(&p);
	pending_free(&p);
}

static const struct {
	const char *name;
	void (*run)(uint64_t n);
} parts[] = {
	{ "encode", encode }, { "bound", bound }, { "decode", decode }, { "fields", fields },
	{ "fold", fold }, { "ledger", ledger }, { "pending", pending },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof parts / sizeof *parts; i++) {
		if (strcmp(argv[1], parts[i].name) != 0)
			continue;
		parts[i].run(strtoull(argv[2], NULL, 10));
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: parts PART N\n");
	return 2;
}
