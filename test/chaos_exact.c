/* chaos_exact.c - exactly-once: what must be there, computed, compared with what is.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The spout has emitted the ids below the journal's end, once each as far as anybody can see.
 * What follows from that is said in test/plugins/exact.c. Looked at are the lines that the sinks
 * have written, the states of `count`, `chain`, and the table of totals. Lost or doubled is what
 * is there less or more often than once, for each id, and for each word.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "memory.h"
#include "state.h"
#include "statedir.h"
#include "test/chaos_parts.h"

struct found {
	uint8_t *lines, *times;		/* by id: in the sinks, in the state of chain */
	uint8_t *places;		/* by (k, m): lines that have it */
	uint64_t *of_k;			/* by k, in the state of chain */
	uint64_t counts[CHAOS_WORDS], totals[CHAOS_WORDS];
	uint64_t batches;		/* that each task of chain has finished; 0: not seen yet */
};

static void once_more(uint8_t *n)
{
	if (*n < UINT8_MAX)
		++*n;
}

static void compare_numbers(uint64_t is, uint64_t should, struct exact_verdict *v)
{
	if (is < should)
		v->lost += should - is;
	else
		v->doubled += is - should;
}

/* truth gives how many of the ids below END have number I of the words. */
static uint64_t truth(uint64_t end, uint64_t i)
{
	return end / CHAOS_WORDS + (i < end % CHAOS_WORDS);
}

/* ---- the sinks ---- */

static void read_lines(FILE *f, struct found *x, uint64_t end, struct exact_verdict *v)
{
	uint64_t n, k, m;

	while (fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64 "\n", &n, &k, &m) == 3) {
		if (n >= end) {
			v->wrong++;
			continue;
		}
		once_more(&x->lines[n]);
		if (k != n / CHAOS_WORDS + 1 || m == 0 || m > CHAOS_WORDS)
			v->wrong++;
		else
			once_more(&x->places[(k - 1) * CHAOS_WORDS + m - 1]);
	}
	v->wrong += !feof(f);
}

static void read_sinks(struct found *x, uint64_t end, struct exact_verdict *v)
{
	for (int i = 0; i < CHAOS_TASKS; i++) {
		char name[32];
		FILE *f;

		snprintf(name, sizeof name, "sink.%d", i);
		if ((f = fopen(name, "r")) == NULL)
			return;
		read_lines(f, x, end, v);
		fclose(f);
	}
}

static void read_totals(struct found *x, struct exact_verdict *v)
{
	FILE *f = fopen("totals", "r");
	uint64_t count;
	unsigned word;

	if (f == NULL)
		return;		/* then all are missing */
	while (fscanf(f, "w%u\t%" SCNu64 "\n", &word, &count) == 2 && word < CHAOS_WORDS) {
		v->wrong += x->totals[word] != 0;
		x->totals[word] += count;
	}
	v->wrong += !feof(f);
	fclose(f);
}

/* ---- states ---- */

static uint64_t number_in(gale_slice key)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%.*s", (int)key.n - 1, (const char *)key.bytes + 1);
	return strtoull(digits, NULL, 10);
}

/* note_key adds what the state of count or chain has for KEY. */
static void note_key(struct found *x, gale_slice key, int64_t value, uint64_t end, struct exact_verdict *v)
{
	uint64_t number = number_in(key), is = (uint64_t)value;

	switch (*(const char *)key.bytes) {
	case 'w':
		if (number < CHAOS_WORDS)
			x->counts[number] += is;
		break;
	case 'k':
		if (number > 0 && number <= end / CHAOS_WORDS + 1)
			x->of_k[number - 1] += is;
		else
			v->wrong++;
		break;
	case 'n':
		if (number < end)
			x->times[number] = is > UINT8_MAX ? UINT8_MAX : (uint8_t)(x->times[number] + is);
		else
			v->wrong++;
		break;
	case 'b':
		v->wrong += x->batches != 0 && x->batches != is;
		x->batches = is;
		break;
	default:
		v->wrong++;
	}
}

/* read_state reads what task INDEX of COMPONENT has left; false: there is no such task. */
static bool read_state(const char *component, uint32_t index, struct found *x, uint64_t end,
    struct exact_verdict *v)
{
	char *path = statedir_state("state", component, index);
	bool there = access(path, F_OK) == 0;
	gale_scan scan = gale_state_scan("", 0);
	struct error e;
	struct state *s;
	int64_t value;
	int more = 0;

	if (!there) {
		free(path);
		return false;
	}
	if ((s = state_open(path, 1, &e)) == NULL)
		die("%s", e.text);
	while ((more = state_next(s, &scan, &e)) == 1)
		if (scan.value.n == sizeof value) {
			memcpy(&value, scan.value.bytes, sizeof value);
			note_key(x, scan.key, value, end, v);
		} else {
			v->wrong++;
		}
	if (more < 0)
		die("%s", e.text);
	state_close(s);
	free(path);
	return true;
}

/* ---- the whole ---- */

static void compare(const struct found *x, uint64_t end, struct exact_verdict *v)
{
	for (uint64_t n = 0; n < end; n++) {
		v->sink_lost += x->lines[n] == 0;
		v->sink_doubled += x->lines[n] > 1 ? x->lines[n] - 1u : 0;
		compare_numbers(x->times[n], 1, v);
	}
	for (uint64_t i = 0; i < CHAOS_WORDS; i++) {
		compare_numbers(x->counts[i], truth(end, i), v);
		v->wrong += x->totals[i] != truth(end, i);
	}
	for (uint64_t k = 0; k <= end / CHAOS_WORDS; k++) {
		uint64_t records = k < end / CHAOS_WORDS ? CHAOS_WORDS : end % CHAOS_WORDS;

		compare_numbers(x->of_k[k], records, v);
		for (uint64_t m = 0; m < CHAOS_WORDS; m++)
			v->wrong += x->places[k * CHAOS_WORDS + m] != (m < records);
	}
	v->lost += v->sink_lost;
	v->doubled += v->sink_doubled;
}

void exact_compare(const struct run *r, struct exact_verdict *v)
{
	uint64_t end = r->journal->end, rows = end / CHAOS_WORDS + 1;
	struct found x = {
		.lines = xcalloc(end + 1, 1), .times = xcalloc(end + 1, 1),
		.places = xcalloc(rows * CHAOS_WORDS, 1), .of_k = xcalloc(rows, sizeof *x.of_k),
	};

	*v = (struct exact_verdict){ .ids = end };
	read_sinks(&x, end, v);
	read_totals(&x, v);
	for (uint32_t i = 0; read_state("count", i, &x, end, v); i++)
		;
	for (uint32_t i = 0; read_state("chain", i, &x, end, v); i++)
		;
	compare(&x, end, v);
	v->batches = x.batches;
	free(x.lines);
	free(x.times);
	free(x.places);
	free(x.of_k);
}
