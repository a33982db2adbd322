/* bench_ledger.c - what the acker's book costs. SPDX-License-Identifier: Apache-2.0
 *
 *   bench_ledger [PENDING [MILLIONS]]
 *
 * Prints nanoseconds per operation, the best of five rounds; PENDING roots (10,000) are
 * open all the time, MILLIONS of them (2) pass in each round. No I/O, one thread.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "acker/ledger.h"
#include "clock.h"
#include "idmap.h"
#include "memory.h"
#include "random.h"

enum { ROUNDS = 5, SPOUTS_MAX = 4, RUN = 64 };

static uint64_t n_pending = 10000, n_roots = 2000000;
static uint64_t n_acked, n_runs, next_root;

/* Does what an acker does with a verdict: joins neighbours. */
static void acked(void *arg, const struct ledger_outcome *outcome)
{
	(void)arg;
	if (outcome->verdict != LEDGER_ACKED)
		abort();
	n_acked++;
	n_runs += outcome->root != next_root;
	next_root = outcome->root + 1;
}

static const struct ledger_owner owner = { 0, 1 };

/* The edges of a tree of two: spout --a--> split --b--> count. */
static uint64_t edge_a(uint64_t root)
{
	return root * 0x9e3779b97f4a7c15u;
}

static uint64_t edge_b(uint64_t root)
{
	return root * 0xbf58476d1ce4e5b9u;
}

/* Each bench passes n_roots roots and returns the operations it counts. */
typedef uint64_t bench_fn(uint32_t n_spouts);

static uint64_t bases[SPOUTS_MAX];

static uint64_t map_cycle(uint32_t n_spouts)
{
	uint64_t window = n_pending / n_spouts, sum = 0;
	struct idmap m;

	idmap_init(&m);
	for (uint64_t k = 0; k < n_roots / n_spouts; k++) {
		for (uint32_t s = 0; s < n_spouts; s++) {
			idmap_put(&m, bases[s] + k, (uint32_t)k);
			if (k < window)
				continue;
			sum += idmap_get(&m, bases[s] + k - window / 2);
			sum += idmap_get(&m, bases[s] + k - window / 4);
			idmap_remove(&m, bases[s] + k - window);
		}
	}
	idmap_free(&m);
	n_acked += sum & 1;
	return n_roots * 4;
}

static uint64_t map_random(uint32_t n_spouts)
{
	uint64_t sum = 0;
	struct idmap m;

	(void)n_spouts;
	idmap_init(&m);
	for (uint64_t k = 0; k < n_roots; k++) {
		idmap_put(&m, random_mix(k), (uint32_t)k);
		if (k < n_pending)
			continue;
		sum += idmap_get(&m, random_mix(k - n_pending / 2));
		sum += idmap_get(&m, random_mix(k - n_pending / 4));
		idmap_remove(&m, random_mix(k - n_pending));
	}
	idmap_free(&m);
	n_acked += sum & 1;
	return n_roots * 4;
}

static uint64_t ack_open(uint32_t n_spouts)
{
	struct ledger *l = ledger_new(30000, 0, acked, NULL);
	uint64_t passes = n_roots / n_pending;

	(void)n_spouts;
	for (uint64_t k = 0; k < n_pending; k++)
		ledger_init(l, bases[0] + k, edge_a(k) | 1, owner, 0);
	for (uint64_t pass = 0; pass < passes; pass++)
		for (uint64_t k = 0; k < n_pending; k++)
			ledger_ack(l, bases[0] + k, edge_b(k + pass) & ~1ull, 1, pass);
	ledger_free(l);
	return passes * n_pending;
}

static uint64_t tree_single(uint32_t n_spouts)
{
	struct ledger *l = ledger_new(30000, 0, acked, NULL);
	uint64_t window = n_pending / n_spouts;

	for (uint64_t k = 0; k < n_roots / n_spouts; k++) {
		for (uint32_t s = 0; s < n_spouts; s++) {
			uint64_t root = bases[s] + k;

			ledger_init(l, root, edge_a(root), owner, k);
			if (k < window)
				continue;
			root -= window / 2;
			ledger_ack(l, root, edge_a(root) ^ edge_b(root), 1, k);
			root -= window / 2;
			ledger_ack(l, root, edge_b(root), 2, k);
		}
	}
	ledger_free(l);
	return n_roots;
}

static uint64_t tree_run(uint32_t n_spouts)
{
	struct ledger *l = ledger_new(30000, 0, acked, NULL);
	uint64_t window = n_pending / n_spouts / (2 * RUN) * (2 * RUN);
	uint64_t values[RUN];

	for (uint64_t k = 0; k < n_roots / n_spouts; k += RUN) {
		for (uint32_t s = 0; s < n_spouts; s++) {
			uint64_t root = bases[s] + k;

			for (uint32_t i = 0; i < RUN; i++)
				values[i] = edge_a(root + i);
			ledger_init_run(l, root, RUN, values, owner, k);
			if (k < window)
				continue;
			root -= window / 2;
			for (uint32_t i = 0; i < RUN; i++)
				values[i] = edge_a(root + i) ^ edge_b(root + i);
			ledger_ack_run(l, root, RUN, values, 1, k);
			root -= window / 2;
			for (uint32_t i = 0; i < RUN; i++)
				values[i] = edge_b(root + i);
			ledger_ack_run(l, root, RUN, values, 2, k);
		}
	}
	ledger_free(l);
	return n_roots;
}

static uint64_t walk(uint32_t n_spouts)
{
	struct ledger *l = ledger_new(30000, 0, acked, NULL);
	uint64_t passes = n_roots / n_pending;

	(void)n_spouts;
	for (uint64_t k = 0; k < n_pending; k++)
		ledger_init(l, bases[0] + k, 1, owner, 0);
	for (uint64_t pass = 0; pass < passes; pass++)
		ledger_expire(l, pass % 1000);
	ledger_free(l);
	return passes * n_pending;
}

static const struct bench {
	const char *what;
	bench_fn *fn;
	uint32_t n_spouts;
} benches[] = {
	{ "idmap: one of put, get, get, remove; 1 spout", map_cycle, 1 },
	{ "idmap: the same, 4 spouts", map_cycle, 4 },
	{ "idmap: the same, ids without order", map_random, 1 },
	{ "ledger: ack of an open root", ack_open, 1 },
	{ "ledger: whole tree: init, ack, ack (done); 1 spout", tree_single, 1 },
	{ "ledger: the same, 4 spouts", tree_single, 4 },
	{ "ledger: whole tree in runs of 64; 1 spout", tree_run, 1 },
	{ "ledger: the same, 4 spouts", tree_run, 4 },
	{ "ledger: expiry, for each entry walked", walk, 1 },
};

int main(int argc, char **argv)
{
	uint64_t state = 1;

	if (argc > 1)
		n_pending = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		n_roots = strtoull(argv[2], NULL, 10) * 1000000;
	if (n_pending < 1024 || n_roots < n_pending) {
		fprintf(stderr, "usage: bench_ledger [PENDING >= 1024 [MILLIONS]]\n");
		return 2;
	}
	for (uint32_t s = 0; s < SPOUTS_MAX; s++)
		bases[s] = random_next(&state) >> 1 | 1;
	printf("%-52s %10s\n", "", "ns");
	for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++) {
		double best = 1e9;

		for (int round = 0; round < ROUNDS; round++) {
			uint64_t start = clock_now_ns();
			uint64_t n = benches[i].fn(benches[i].n_spouts);
			double ns = (double)(clock_now_ns() - start) / (double)n;

			best = ns < best ? ns : best;
		}
		printf("%-52s %10.1f\n", benches[i].what, best);
	}
	return 0;
}
