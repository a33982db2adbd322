/* sim.c - the seeded simulation: gale's pure modules in a world that goes wrong on purpose.
 *
 *     sim [--seeds N] [--from S]      seeds S .. S + N - 1; 1000 from 1
 *     sim --seed S [--trace]          this one, step by step
 *
 * Ends with 1 at the first seed that violates an invariant, and says how to see it again.
 * Each hundredth seed is lived twice: the same seed must make the same world. What the world
 * is made of stands in world.h, what is promised in oracle.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

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
	    "  test/sim/sim --seed %" PRIu64 " --trace\n", world.seed, world.seed);

	(void)number;
	if (write(STDERR_FILENO, text, (size_t)n) != n)
		_exit(2);
	_exit(1);
}

static int run(uint64_t from, uint64_t n, bool tracing)
{
	uint64_t steps = 0, longest_ns = 0, faults = 0, hash;

	for (uint64_t seed = from; seed < from + n; seed++) {
		hash = world_live(&world, seed, tracing);
		steps += world.steps;
		if (world.quiet_ns != 0 && world.now_ns - world.quiet_ns > longest_ns)
			longest_ns = world.now_ns - world.quiet_ns;
		faults += world.run > 1;
		if (seed % 100 == 0 && world_live(&world, seed, false) != hash)
			violated(&world, "determinism", "the second time was another");
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " steps, %" PRIu64 " with more than one run; longest end after "
	    "the last fault: %.1f s\n", n, steps, faults, (double)longest_ns / 1e9);
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
