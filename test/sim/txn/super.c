/* super.c - the supervisor's part: starts, fences, who is told of a loss (rules R1-R5, X3).
 * As in fence.c, life.c and crew.c, which have a simulation of their own, in fewer lines.
 *
 * A worker that is lost is started again; when it says hello all that send to it are told to
 * switch, and when they have, or before that if they take long, the coordinator is told. Its
 * own loss nobody is told of: it resets all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "txn.h"

#define SET(n) (1u << (n))

static void tell(struct world *w, uint32_t about)
{
	struct node *chief = &w->nodes[w->n_workers];

	if (chief->up && about != chief->number) {
		trace(w, "told of", chief->number, about, 0);
		note_say(chief, true, about, 0);
	}
}

void super_confirmed(struct node *n, uint32_t about, uint32_t start)
{
	struct world *w = n->w;
	struct fence *f = &w->fences[about];

	if (!f->on || (f->waits & SET(n->number)) == 0 || start < w->nodes[about].start)
		return;
	f->waits &= ~SET(n->number);
	if (f->told || f->waits == 0)
		tell(w, about);
	f->on = f->waits != 0;
}

void super_died(struct node *n)
{
	struct world *w = n->w;

	for (uint32_t i = 0; i <= w->n_workers; i++) {
		struct fence *f = &w->fences[i];

		if (!f->on || (f->waits & SET(n->number)) == 0)
			continue;
		f->waits &= ~SET(n->number);
		if (f->waits == 0) {
			tell(w, i);
			f->on = false;
		}
	}
}

static bool sends(const struct node *from, uint32_t to)
{
	uint32_t chief = from->w->n_workers;

	return from->number != to && (from->number == chief || to == chief || node_feeds(from, to));
}

static void hello(struct node *n, uint32_t start)
{
	struct world *w = n->w;
	struct fence *f = &w->fences[n->number];

	node_begin(n, start);
	*f = (struct fence){ .on = start > 1 };
	for (uint32_t i = 0; i <= w->n_workers && f->on; i++)
		if (w->nodes[i].up && sends(&w->nodes[i], n->number)) {
			f->waits |= SET(i);
			note_say(&w->nodes[i], false, n->number, start);
		}
	if (f->on && f->waits == 0) {
		tell(w, n->number);
		f->on = false;
	}
}

void super_begin(struct world *w)
{
	w->run++;
	w->tally.runs++;
	for (uint32_t i = 0; i <= w->n_workers; i++) {
		w->nodes[i].start = 1;
		w->fences[i] = (struct fence){ 0 };
	}
	/* the coordinator last: what it says must find all, as "activate" does */
	for (uint32_t i = 0; i <= w->n_workers; i++) {
		hello(&w->nodes[i], 1);
		w->fences[i].on = false;
	}
}

void super_step(struct world *w)
{
	uint32_t i = (uint32_t)below(w, w->n_workers + 1);
	struct node *n = &w->nodes[i];
	struct fence *f = &w->fences[i];

	if (!n->up) {
		hello(n, n->start + 1);
	} else if (f->on && !f->told && chance(w, 250)) {	/* R4 */
		f->told = true;
		w->tally.early++;
		tell(w, i);
	}
}
