/* world.c - what a seed makes of the world, and its time: the next step is always the one
 * that is due first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "optimisations.h"
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "memory.h"
#include "random.h"
#include "test/faketopology.h"

enum {
	STEPS_MOST = 5000000,
	QUIET_S = 40, POISON_S = 40	/* how long nothing may be done */
};

/* ---- chance and trace ---- */

uint64_t below(struct world *w, uint64_t n)
{
	return n > 0 ? random_next(&w->random) % n : 0;
}

bool chance(struct world *w, uint32_t in_1000)
{
	return below(w, 1000) < in_1000;
}

static uint64_t one_of(struct world *w, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = below(w, 3);

	return x == 0 ? a : x == 1 ? b : c;
}

void trace(struct world *w, const char *what, uint32_t node, uint64_t a, uint64_t b)
{
	uint64_t hash = w->hash;

	for (const char *s = what; *s != '\0'; s++)
		hash = (hash ^ (uint8_t)*s) * 0x100000001b3u;
	w->hash = random_mix(random_mix(random_mix(hash ^ w->now_ns) ^ node) ^ a) ^ b;
	if (w->tracing)
		printf("%12.6f  %-9s %-24s %" PRIu64 " %" PRIx64 "\n", (double)w->now_ns / 1e6,
		    w->plan->workers[node].label, what, a, b);
}

void violated(const struct world *w, const char *invariant, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "seed %" PRIu64 ": violated: %s: ", w->seed, invariant);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n  at %.6f ms, step %" PRIu64 ", run %u; to see it happen:\n"
	    "  test/sim/sim --seed %" PRIu64 " --trace\n", (double)w->now_ns / 1e6, w->steps, w->run, w->seed);
	exit(1);
}

/* ---- the topology ---- */

static void subscribe(struct topology *t, uint32_t from, uint32_t to)
{
	t->subscriptions = xrealloc(t->subscriptions, (t->n_subscriptions + 1) * sizeof *t->subscriptions);
	t->subscriptions[t->n_subscriptions++] = (struct subscription){ .from = from, .to = to };
}

struct layer {
	uint32_t first, n;	/* components */
};

static bool can_combine(enum kind kind)
{
	return kind != KIND_SPOUT && kind != KIND_JOIN;
}

/* add adds a layer of N components of KIND that take what the layer BEFORE emits. */
static struct layer add(struct world *w, struct layer before, enum kind kind, const char *id, uint32_t n)
{
	struct topology *t = w->topology;
	struct layer layer = { t->n_components, n };

	for (uint32_t i = 0; i < n; i++) {
		uint32_t c = t->n_components, workers = 1 + (uint32_t)below(w, 2);
		bool chained = kind != KIND_SPOUT && before.n == 1 && chance(w, w->set.chained_1000);

		if (chained)
			workers = t->components[before.first].parallelism;

		fake_component(t, kind == KIND_SPOUT ? GALE_SPOUT : GALE_BOLT, id, workers, workers);
		w->kinds[c] = kind;
		w->set.grouping[c] = chance(w, 100) ? 2 : (uint8_t)below(w, 2);
		w->set.combines[c] = !chained && n == 1 && can_combine(kind) && chance(w, w->set.combining_1000);
		if (w->set.combines[c])
			w->set.grouping[c] = 1;
		for (uint32_t k = 0; k < before.n; k++)
			subscribe(t, before.first + k, c);
		if (chained) {
			fake_chaining(t, c, "auto");
			t->subscriptions[t->n_subscriptions - 1].grouping = GROUPING_LOCAL_OR_SHUFFLE;
		}
	}
	return layer;
}

/* make_topology: spouts, split, one side or two, then what the seed has of join and state,
 * and the sink. */
static void make_topology(struct world *w)
{
	struct layer last = { 0, 0 };

	w->topology = fake_topology("sim", 1 + (int64_t)below(w, 2));
	w->set.chained_1000 = (uint32_t)one_of(w, 0, 500, 900);
	w->set.combining_1000 = (uint32_t)one_of(w, 0, 400, 900);
	w->set.values = w->set.combining_1000 == 0 ? UINT32_MAX : (uint32_t)one_of(w, 1, 3, MOST_VALUES);
	w->set.sides = 1 + (uint32_t)below(w, 2);
	last = add(w, last, KIND_SPOUT, "spout", 1 + chance(w, 300));
	last = add(w, last, KIND_SPLIT, "split", 1);
	last = add(w, last, KIND_SIDE, "side", w->set.sides);
	if (chance(w, 600))
		last = add(w, last, KIND_JOIN, "join", 1);
	if (chance(w, 600))
		last = add(w, last, KIND_STATE, "state", 1);
	add(w, last, KIND_SINK, "sink", 1);
	w->plan = plan_make(w->topology);
}

/* ---- the settings ---- */

static void choose_sizes(struct world *w)
{
	struct settings_of_seed *s = &w->set;
	bool full = w->on[FAULT_FULL];

	s->ids = 5 + (uint32_t)below(w, 40);
	s->most_pending = 1 + (uint32_t)below(w, 40);
	s->frame_tuples = 1 + (uint32_t)below(w, 8);
	s->groups_bytes = COMBINE_PART + (uint32_t)below(w, 300);
	/* A record for each root is the most that waits (F3), but only where records merge: else thousands
	 * would go three at a time, and liveness could not be told by a clock. */
	s->records_bytes = !full ? 64 + (uint32_t)below(w, 4000) : OPTIMISE_MERGING ? 64 : 4096;
	s->data_cap = full ? 1 : 1 + (uint32_t)below(w, 8);
	s->acks_cap = full ? 1 : 1 + (uint32_t)below(w, 8);
	if (w->on[FAULT_SHORT_TIMEOUT] && s->most_pending > 8)
		s->most_pending = 8;
	/* A join that waits for more than its spout may have pending waits for ever. */
	s->group = 1 + (uint32_t)below(w, MOST_GROUP);
	if (s->group > (s->most_pending + 1) / 2)
		s->group = (s->most_pending + 1) / 2;
	s->durable = chance(w, 500);
	s->batch = 1 + (uint32_t)below(w, 16);
	s->max_attempts = (uint32_t)one_of(w, 0, 3, 5);
	s->fail_1000 = 1 + (uint32_t)below(w, 60);
}

/* longest_path gives what a tree may take when nothing goes wrong: a shorter timeout would never
 * let it be complete. All that is pending waits for each other in pipes of one frame each. */
static uint64_t longest_path(const struct world *w)
{
	const struct settings_of_seed *s = &w->set;
	uint64_t hop = 2 * s->net_ns + s->sync_ns;

	return 6 * hop * (1 + 6 * s->most_pending);
}

static void choose_times(struct world *w)
{
	struct settings_of_seed *s = &w->set;

	if (w->on[FAULT_SHORT_TIMEOUT])
		w->on[FAULT_SLOW_NET] = w->on[FAULT_SLOW_DISK] = false;
	s->hang_ns = w->on[FAULT_SHORT_TIMEOUT] ? 5 * (uint64_t)NS_PER_S : one_of(w, 500, 1000, 3000) * NS_PER_MS;
	s->pace_ns = one_of(w, 0, 300000, 3 * NS_PER_MS);
	s->net_ns = one_of(w, 10000, 200000, 3 * NS_PER_MS);
	s->control_ns = w->on[FAULT_SLOW_CONTROL] ? one_of(w, 1, 20, 150) * NS_PER_MS : 50000;
	s->sync_ns = w->on[FAULT_SLOW_DISK] ? 25 * NS_PER_MS : 2 * NS_PER_MS;
	s->boot_ns = w->on[FAULT_SLOW_BOOT] ? 400 * NS_PER_MS : 5 * NS_PER_MS;
	s->timeout_ns = 3600 * (uint64_t)NS_PER_S;
	if (w->on[FAULT_SHORT_TIMEOUT])
		s->timeout_ns = (100 + below(w, 900)) * NS_PER_MS + longest_path(w);
	s->progress_ns = chance(w, 300) ? s->timeout_ns / 2 + longest_path(w) : 0;
}

/* combined_before: a bolt that takes equal tuples as one comes before those of KIND. */
static bool combined_before(const struct world *w, enum kind kind)
{
	for (uint32_t c = 0; c < w->topology->n_components; c++)
		if (w->set.combines[c] && w->kinds[c] < kind)
			return true;
	return false;
}

static void choose_poison(struct world *w)
{
	static const enum kind kinds[] = { KIND_SPLIT, KIND_SIDE, KIND_JOIN };

	w->set.poisoned = kinds[below(w, 3)];
	w->set.n_poison = w->on[FAULT_POISON] ? 1 + (uint32_t)below(w, 2) : 0;
	w->set.poison_value = combined_before(w, w->set.poisoned + 1);
	if (combined_before(w, w->set.poisoned) || (w->set.poison_value && w->set.values < MOST_VALUES))
		w->set.n_poison = 0;
	for (uint32_t i = 0; i < w->set.n_poison; i++)
		w->set.poison[i] = (uint32_t)below(w, w->set.ids);
}

/* ---- runs ---- */

static void begin_run(struct world *w)
{
	w->run++;
	w->rerun_ns = 0;
	trace(w, "run", 0, w->run, 0);
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		node_init(w, i);
	super_begin(w);
}

/* All workers die with their supervisor; somebody starts the topology again. */
void world_run_ended(struct world *w, bool well)
{
	trace(w, "over", 0, well, w->run);
	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		if (node_lives(&w->nodes[i]))
			node_die(&w->nodes[i], false);
		channel_clear(&w->nodes[i].down);
		w->nodes[i].wake_ns = NEVER;
	}
	net_clear(w);
	super_end(w);
	w->finished = well;
	if (!well)
		w->rerun_ns = w->now_ns + below(w, 500 * NS_PER_MS);
}

/* ---- time ---- */

/* step lets happen what is due first. */
static void step(struct world *w)
{
	struct node *first = NULL;
	uint64_t at = w->super.up ? w->super.wake_ns : w->rerun_ns;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (w->nodes[i].wake_ns < at) {
			first = &w->nodes[i];
			at = first->wake_ns;
		}
	w->steps++;
	w->now_ns = at > w->now_ns ? at : w->now_ns;
	if (first != NULL)
		node_step(first);
	else if (w->super.up)
		super_step(w);
	else
		begin_run(w);
}

/* n_poisonous: how many messages may crash their bolt in turn, each as often as it takes, before
 * one of them is given up. */
static uint64_t n_poisonous(const struct world *w)
{
	if (w->set.n_poison == 0 || !w->set.poison_value)
		return w->set.n_poison;
	return (uint64_t)MOST_SOURCES * w->set.most_pending;
}

/* check_liveness: when the faults have stopped there is always something that gets done soon,
 * with the timeout at an hour too. */
static void check_liveness(const struct world *w)
{
	uint64_t since = w->quiet_ns > w->done_ns ? w->quiet_ns : w->done_ns;
	uint64_t most = (QUIET_S + POISON_S * n_poisonous(w)) * NS_PER_S;

	if (w->on[FAULT_SHORT_TIMEOUT])
		most += 3 * w->set.timeout_ns;
	if (w->steps > STEPS_MOST)
		violated(w, "liveness", "no end after %d steps", STEPS_MOST);
	if (w->quiet_ns == 0 || w->now_ns - since < most)
		return;
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (w->nodes[i].kind == KIND_SPOUT && node_lives(&w->nodes[i]) && !w->nodes[i].ended)
			violated(w, "liveness", "%s has %u messages open, and none was done for %u s",
			    w->plan->workers[i].label, (unsigned)spout_open(&w->nodes[i]),
			    (unsigned)(most / NS_PER_S));
	violated(w, "liveness", "there is no end, and nothing was done for %u s", (unsigned)(most / NS_PER_S));
}

static void make(struct world *w, uint64_t seed, bool tracing)
{
	*w = (struct world){ .seed = seed, .random = random_mix(seed), .tracing = tracing };
	w->now_ns = NS_PER_S;
	oracle_init(&w->oracle);
	fault_choose(w);
	make_topology(w);
	choose_sizes(w);
	choose_times(w);
	choose_poison(w);
}

static void unmake(struct world *w)
{
	for (uint32_t i = 0; i < MOST_NODES; i++)
		disk_free(&w->disks[i]);
	oracle_free(&w->oracle);
	plan_free(w->plan);
	topology_free(w->topology);
}

uint64_t world_live(struct world *w, uint64_t seed, bool tracing)
{
	make(w, seed, tracing);
	begin_run(w);
	while (!w->finished) {
		step(w);
		fault_step(w);
		check_liveness(w);
	}
	oracle_end(w);
	unmake(w);
	return w->hash;
}
