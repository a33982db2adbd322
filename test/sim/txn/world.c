/* world.c - what a seed makes of the world, and one step after the other. A step is one of one
 * process; who is next is chance, so anybody may be as slow as can be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "txn.h"

enum { STEPS_MOST = 3000000, QUIET_MOST = 200000, STEP_NS = 20000 };

/* ---- chance and trace ---- */

uint64_t below(struct world *w, uint64_t n)
{
	return n > 0 ? random_next(&w->random) % n : 0;
}

bool chance(struct world *w, uint32_t in_1000)
{
	return below(w, 1000) < in_1000;
}

static const char *const names[KINDS] = { "spout", "split", "count", "sum", "sink", "coordinator" };

void trace(struct world *w, const char *what, uint32_t node, uint64_t a, uint64_t b)
{
	uint64_t hash = w->hash;

	for (const char *s = what; *s != '\0'; s++)
		hash = (hash ^ (uint8_t)*s) * 0x100000001b3u;
	w->hash = random_mix(random_mix(random_mix(hash ^ w->steps) ^ node) ^ a) ^ b;
	if (w->tracing)
		printf("%8" PRIu64 "  %s-%u.%u  %-8s %" PRIu64 " %" PRIx64 "\n", w->steps,
		    names[w->nodes[node].kind], w->nodes[node].index, w->nodes[node].start, what, a, b);
}

void violated(const struct world *w, const char *invariant, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "seed %" PRIu64 ": violated: %s: ", w->seed, invariant);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n  at step %" PRIu64 ", run %u; to see it happen:\n"
	    "  test/sim/txn/sim --seed %" PRIu64 " --trace\n", w->steps, w->run, w->seed);
	exit(1);
}

/* ---- the topology ---- */

bool feeds(const struct world *w, enum kind from, enum kind to)
{
	bool split = w->set.counts[KIND_SPLIT] > 0;

	switch (to) {
	case KIND_SPLIT:
		return from == KIND_SPOUT;
	case KIND_COUNT:
		return from == (split ? KIND_SPLIT : KIND_SPOUT);
	case KIND_SUM:
		return from == KIND_COUNT || (from == KIND_SPOUT && w->set.direct);
	case KIND_SINK:
		return from == KIND_SUM;
	default:
		return false;
	}
}

uint8_t item_key(const struct world *w, uint32_t task, uint64_t id)
{
	return (uint8_t)(random_mix(w->seed ^ random_mix((uint64_t)task << 32 | id)) % KEYS);
}

struct node *node_of_key(struct world *w, enum kind kind, uint8_t key, uint32_t *task)
{
	uint32_t first = 0, workers = w->set.counts[kind];

	for (enum kind k = KIND_SPOUT; k < kind; k++)
		first += w->set.counts[k];
	*task = key / workers % w->set.tasks[kind];
	return &w->nodes[first + key % workers];
}

static void make_nodes(struct world *w)
{
	for (enum kind k = KIND_SPOUT; k <= KIND_CHIEF; k++)
		for (uint32_t i = 0; i < w->set.counts[k]; i++) {
			struct node *n = &w->nodes[w->n_workers++];

			*n = (struct node){ .w = w, .number = w->n_workers - 1, .index = i, .kind = k,
				.n_tasks = w->set.tasks[k], .first_task = i * w->set.tasks[k] };
		}
	w->n_workers--;		/* the coordinator is none */
}

/* ---- the settings ---- */

static void choose(struct world *w)
{
	struct settings *s = &w->set;

	s->counts[KIND_SPOUT] = 1 + (uint32_t)below(w, 3);
	s->counts[KIND_SPLIT] = (uint32_t)below(w, 3);
	for (enum kind k = KIND_COUNT; k <= KIND_SINK; k++)
		s->counts[k] = 1 + (uint32_t)below(w, 2);
	s->counts[KIND_CHIEF] = 1;
	for (enum kind k = KIND_SPOUT; k <= KIND_SINK; k++)
		s->tasks[k] = 1 + (uint32_t)below(w, MOST_TASKS);
	s->items = (uint32_t)below(w, MOST_ITEMS + 1);
	s->followed = chance(w, 300);
	s->frame_tuples = 1 + (uint32_t)below(w, 8);
	s->batch_tuples = 1 + (uint32_t)below(w, 12);
	s->direct = chance(w, 400);
	s->cuts = chance(w, 600);
	s->in_flight = 1 + (uint32_t)below(w, 6);
	s->interval_us = (uint32_t)below(w, chance(w, 300) ? 10000 : 300);
	s->hears = chance(w, 400) ? 1000 : 40 + (uint32_t)below(w, 400);
	s->fault_steps = 50 + (uint32_t)below(w, 1500);
	s->heeds = chance(w, 500) ? 300 : 3 + (uint32_t)below(w, 60);
	s->held_most = chance(w, 200) ? 100 + below(w, 400) : 1 << 20;
	w->faults_left = chance(w, 100) ? 0 : 1 + (uint32_t)below(w, 12);
}

/* ---- time ---- */

static void step_node(struct world *w)
{
	struct node *n = &w->nodes[below(w, w->n_workers + 1)];

	if (!n->up || w->steps < n->slow_until)
		return;
	if (n->kind == KIND_CHIEF)
		chief_step(n);
	else
		node_step(n);
	if (n->dying)
		node_die(n);
}

static bool all_ended(const struct world *w)
{
	for (uint32_t i = 0; i < w->n_workers; i++)
		if (!w->nodes[i].up || !w->nodes[i].ended)
			return false;
	return w->nodes[w->n_workers].up && w->nodes[w->n_workers].chief->phase == COORDINATOR_OVER;
}

/* rerun: it was stopped before the end of its input, and goes on in another run. */
static void rerun(struct world *w)
{
	for (uint32_t i = 0; i <= w->n_workers; i++)
		node_die(&w->nodes[i]);
	net_clear(w);
	w->stop = w->stop_finish = false;
	super_begin(w);
}

static void live(struct world *w)
{
	super_begin(w);
	for (;;) {
		w->steps++;
		w->now_ns += below(w, STEP_NS);
		fault_step(w);
		if (chance(w, 50))
			super_step(w);
		step_node(w);
		if (all_ended(w) && w->ledger.final)
			return;
		if (all_ended(w))
			rerun(w);
		if (w->steps - w->quiet > QUIET_MOST || w->steps > STEPS_MOST)
			violated(w, "liveness", "it goes on, and nothing is decided");
	}
}

static void forget(struct world *w)
{
	for (uint32_t i = 0; i <= w->n_workers; i++)
		node_die(&w->nodes[i]);
	net_clear(w);
	disk_free(w);
	for (uint64_t t = 0; t < MOST_BATCHES; t++)
		free(w->lines[t].lines);
}

uint64_t world_live(struct world *w, uint64_t seed, bool tracing)
{
	memset(w, 0, sizeof *w);
	w->seed = seed;
	w->random = random_mix(seed);
	w->tracing = tracing;
	disk_world = w;
	choose(w);
	make_nodes(w);
	live(w);
	oracle_end(w);
	forget(w);
	return w->hash;
}
