/* fault.c - what goes wrong, and when.
 *
 * Processes are killed between two steps, or at a write: before or after it. The supervisor
 * dies with all its workers, or the power fails. Some take no steps for a while, or hear
 * nothing of the supervisor's, and so don't switch. Batches fail.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "txn.h"

enum { PAUSE = 4000 };	/* steps, at most */

bool fault_write(struct node *n, bool after)
{
	if (n->dying)
		return true;
	if (n->doom == 0 || n->doom_after != after)
		return false;
	n->dying = --n->doom == 0;
	return n->dying;
}

static struct node *any(struct world *w)
{
	return &w->nodes[below(w, w->n_workers + 1)];
}

static void kill_all(struct world *w, bool power)
{
	trace(w, power ? "power" : "all die", 0, 0, 0);
	for (uint32_t i = 0; i <= w->n_workers; i++)
		node_die(&w->nodes[i]);
	net_clear(w);
	if (power)
		disk_power_loss(w);
	super_begin(w);
}

static void doom(struct node *n)
{
	n->doom = 1 + (uint32_t)below(n->w, 4);
	n->doom_after = chance(n->w, 500);
}

/* lag: N does not hear of a loss for some time, and now somebody whom it sends to dies. */
static void lag(struct world *w)
{
	struct node *n = any(w), *victim = any(w);

	n->deaf_until = w->steps + below(w, PAUSE);
	if (victim != n)
		node_die(victim);
}

static void stop(struct world *w)
{
	struct node *chief = &w->nodes[w->n_workers];

	if (w->stop || !chief->up)
		return;
	w->stop = true;
	w->stop_finish = chance(w, 300);
	coordinator_stop(chief->chief, w->stop_finish, w->now_ns);
}

static void strike(struct world *w)
{
	struct node *chief = &w->nodes[w->n_workers];

	switch (below(w, 12)) {
	case 0:
	case 1:
		node_die(any(w));
		break;
	case 2:
		node_die(any(w));
		node_die(any(w));
		break;
	case 3:
		node_die(chief);
		break;
	case 4:
		node_die(chief);
		node_die(any(w));
		break;
	case 5:
		kill_all(w, chance(w, 700));
		break;
	case 6:
	case 7:
		doom(any(w));
		break;
	case 8:
		lag(w);
		break;
	case 9:
		any(w)->slow_until = w->steps + below(w, PAUSE);
		break;
	case 10:
		any(w)->fail_next = true;
		break;
	default:
		doom(chief);
		if (chance(w, 100))
			stop(w);
	}
}

void fault_step(struct world *w)
{
	if (w->faults_left == 0 || below(w, w->set.fault_steps) != 0)
		return;
	w->faults_left--;
	w->quiet = w->steps;
	strike(w);
}
