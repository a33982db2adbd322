/* fault.c - what goes wrong: by swarm (Groce et al., ISSTA 2012) each seed has each kind of
 * fault on or off, so that some seeds have only one kind and none hides the others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

void fault_choose(struct world *w)
{
	static const uint64_t steps[] = { 15, 50, 150, 500 };

	for (int i = 0; i < N_FAULTS; i++)
		w->on[i] = chance(w, i == FAULT_LATE ? 250 : 500);
	w->faults_left = (uint32_t)below(w, 14);
	w->set.fault_steps = steps[below(w, 4)];
}

static struct node *any(struct world *w)
{
	return &w->nodes[below(w, w->plan->n_workers)];
}

static void kill_one(struct node *n)
{
	if (chance(n->world, 200))	/* spouts are few, and what they lose is much */
		n = &n->world->nodes[0];
	if (node_lives(n))
		node_die(n, false);
}

/* pause_one: SIGSTOP and SIGCONT; nobody waits for an acker, so its queue fills meanwhile. */
static void pause_one(struct world *w, struct node *n)
{
	if (chance(w, 300))
		n = &w->nodes[w->plan->first_acker];
	if (node_lives(n))
		node_busy(n, below(w, chance(w, 500) ? 5 * (uint64_t)NS_PER_S : 50 * NS_PER_MS));
}

/* kill_again: it dies, and its successor between hello and the table or soon after. */
static void kill_again(struct world *w, struct node *n)
{
	n->doomed_ns = 1 + below(w, 150 * NS_PER_MS);
	kill_one(n);
}

/* lag_and_kill: a sender takes no step for long, and what it sends to dies (R4). */
static void lag_and_kill(struct world *w)
{
	struct node *n = any(w);
	uint32_t first = (uint32_t)below(w, w->plan->n_workers);

	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		uint32_t to = (first + i) % w->plan->n_workers;

		if (!plan_sends(w->plan, n->number, to))
			continue;
		if (node_lives(n))
			node_busy(n, 100 * NS_PER_MS + below(w, 300 * NS_PER_MS));
		if (chance(w, 300))
			kill_again(w, &w->nodes[to]);
		else
			kill_one(&w->nodes[to]);
		return;
	}
}

/* in_fence: one of those that a fence is about, if there is one. */
static struct node *in_fence(struct world *w)
{
	const struct fences *f = &w->super.lives.fences;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		for (uint32_t k = 0; f->fences[i].n_waiting > 0 && k < w->plan->n_workers; k++)
			if (f->fences[i].waiting[k])
				return &w->nodes[chance(w, 500) ? i : k];
	return any(w);
}

static void supervisor_dies(struct world *w)
{
	bool power = chance(w, 500);

	trace(w, "supervisor", 0, power, 0);
	world_run_ended(w, false);
	if (power)
		disk_power_loss(w);
}

static void happen(struct world *w, enum fault fault)
{
	struct node *n = any(w);

	trace(w, "fault", n->number, fault, 0);
	switch (fault) {
	case FAULT_KILL:
		kill_one(n);
		break;
	case FAULT_AGAIN:
		kill_again(w, n);
		break;
	case FAULT_PAIR:
		kill_one(n);
		kill_one(any(w));
		break;
	case FAULT_CRASH:
		if (node_lives(n))
			node_die(n, true);
		break;
	case FAULT_PAUSE:
		pause_one(w, n);
		break;
	case FAULT_LAG_KILL:
		lag_and_kill(w);
		break;
	case FAULT_FENCE:
		kill_one(in_fence(w));
		break;
	case FAULT_SUPERVISOR:
		supervisor_dies(w);
		break;
	default:
		if (node_lives(n))
			node_busy(n, below(w, 400 * NS_PER_MS));
	}
}

/* ending: a spout has nothing left to emit, and markers are on their way. */
static bool ending(const struct world *w)
{
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (w->nodes[i].drain_passed && w->nodes[i].kind == KIND_SPOUT)
			return true;
	return false;
}

/* strikes: every so many steps; more often while there is a fence, where a seed has faults for
 * that; only at the end of the run, where it has that. */
static bool strikes(struct world *w)
{
	const struct fences *f = &w->super.lives.fences;
	uint64_t steps = w->set.fault_steps;

	if (w->on[FAULT_LATE] && !ending(w))
		return false;
	for (uint32_t i = 0; w->on[FAULT_FENCE] && i < w->plan->n_workers; i++)
		if (f->fences[i].n_waiting > 0)
			steps = 10;
	return below(w, steps) == 0;
}

void fault_step(struct world *w)
{
	enum fault fault;

	if (w->quiet_ns != 0)
		return;
	if (w->faults_left == 0) {
		w->quiet_ns = w->now_ns;
		trace(w, "quiet", 0, 0, 0);
		return;
	}
	if (!w->super.up || !strikes(w))
		return;
	w->faults_left--;
	fault = chance(w, 200) ? FAULT_LAG_KILL : (enum fault)below(w, N_INJECTED);
	if (w->on[fault])
		happen(w, fault);
}
