/* main.c - the seeded simulation of transactional topologies.
 *
 *     sim [--seeds N] [--from S]      seeds S .. S + N - 1; 1000 from 1
 *     sim --seed S [--trace]          this one, step by step
 *
 * Ends with 1 at the first seed that violates an invariant, and says how to see it again.
 * Each hundredth seed is lived twice: the same seed must make the same world. What the world
 * is made of stands in txn.h, what is promised in oracle.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "txn.h"

static struct world world;

static int usage(void)
{
	fprintf(stderr, "usage: sim [--seeds N] [--from S] | --seed S [--trace]\n");
	return 2;
}

/* An assertion of gale's own is a violation as well. */
static void on_abort(int number)
{
	char text[128];
	int n = snprintf(text, sizeof text, "seed %" PRIu64 ": violated: assertion; to see it happen:\n"
	    "  test/sim/txn/sim --seed %" PRIu64 " --trace\n", world.seed, world.seed);

	(void)number;
	if (write(STDERR_FILENO, text, (size_t)n) != n)
		_exit(2);
	_exit(1);
}

static void add(struct tally *sum, const struct tally *t)
{
	sum->resets += t->resets;
	sum->rounds += t->rounds;
	sum->grouped += t->grouped;
	sum->undone += t->undone;
	sum->published += t->published;
	sum->recovered += t->recovered;
	sum->aside += t->aside;
	sum->early += t->early;
	sum->runs += t->runs;
}

static int run(uint64_t from, uint64_t n, bool tracing)
{
	struct tally sum = { 0 };
	uint64_t steps = 0, hash;

	for (uint64_t seed = from; seed < from + n; seed++) {
		hash = world_live(&world, seed, tracing);
		steps += world.steps;
		add(&sum, &world.tally);
		if (seed % 100 == 0 && world_live(&world, seed, false) != hash)
			violated(&world, "determinism", "the second time was another");
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64 " runs, %" PRIu64 " resets (%" PRIu64
	    " told early), %" PRIu64 " states compared, %" PRIu64 " undone; %" PRIu64 " rounds, %" PRIu64
	    " of several batches; %" PRIu64 " frames put aside, %" PRIu64 " files published\n",
	    n, steps, sum.runs, sum.resets, sum.early, sum.recovered, sum.undone, sum.rounds, sum.grouped,
	    sum.aside, sum.published);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, n = 1000;
	bool tracing = false;

	signal(SIGABRT, on_abort);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			tracing = true;
		else if (i + 1 == argc)
			return usage();
		else if (strcmp(argv[i], "--seeds") == 0)
			n = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--from") == 0)
			from = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			from = strtoull(argv[++i], NULL, 10), n = 1;
		else
			return usage();
	}
	return run(from, n, tracing);
}
