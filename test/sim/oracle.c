/* oracle.c - what must never happen, and what must have happened in the end. It sees all, and
 * believes nobody: it counts by itself.
 *
 *     complete     an acker, or its own worker, calls a tree complete: no tuple of it is open, none was lost
 *     once         each emission is settled once
 *     covered      an id acked at its spout is in the synced logs of sink and state
 *     limit        pending never exceeds its limit
 *     attempts     no attempt without a cause of the tuple's own, no death forgotten (A8)
 *     buried       a dead letter had its attempts, or its deaths
 *     poison       what crashes its bolt again and again is given up soon
 *     position     what a position on disk calls done is done
 *     early        an acker expires nothing whose records wait in its queue (A4)
 *     fence        a fence waits for the living only; sources are told after the switch (R2-R4)
 *     mail         no verdict goes to an incarnation that is known to be dead
 *     leak         an acker's book is empty a minute after all has ended (A6; judge.c)
 *     liveness     when the faults stop something is always done soon, and all ends well (world.c)
 *     lost         in the end every id is in the sink, or a dead letter
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "memory.h"
#include "random.h"
#include "world.h"

void oracle_init(struct oracle *o)
{
	*o = (struct oracle){ 0 };
	idmap_init(&o->by_root);
}

void oracle_free(struct oracle *o)
{
	free(o->roots);
	idmap_free(&o->by_root);
}

/* Bit 2 * child + side. */
uint32_t expected_parts(const struct world *w, uint32_t id)
{
	uint32_t mask = (uint32_t)(random_mix(w->seed ^ id * 0x10001u) % 8);
	uint32_t spread = (mask & 1) | (mask & 2) << 1 | (mask & 4) << 2;

	return w->set.sides == 2 ? spread | spread << 1 : spread;
}

static struct known_root *find(struct world *w, uint64_t root)
{
	uint32_t i = idmap_get(&w->oracle.by_root, root);

	if (i == IDMAP_NONE)
		violated(w, "complete", "root %llx was never made", (unsigned long long)root);
	return &w->oracle.roots[i];
}

static struct known_id *id_of(struct world *w, uint64_t root)
{
	return &w->oracle.ids[find(w, root)->id];
}

/* ---- emissions and tuples ---- */

void oracle_spout(struct node *n)
{
	for (uint32_t i = 0; i < SOURCE_IDS; i++)
		n->world->oracle.ids[n->source * SOURCE_IDS + i].told = 0;
}

void oracle_emitted(struct node *n, uint64_t root, const struct message *m)
{
	struct world *w = n->world;
	struct oracle *o = &w->oracle;
	uint32_t id = n->source * SOURCE_IDS + (uint32_t)m->id;

	if (m->attempt - 1 > o->ids[id].causes || m->deaths > o->ids[id].named)
		violated(w, "attempts", "id %u is emitted with attempt %u and %u deaths; it failed %u times by "
		    "itself and was named %u times", id, m->attempt, m->deaths, o->ids[id].causes, o->ids[id].named);
	if (m->deaths < o->ids[id].told)
		violated(w, "attempts", "id %u is emitted with %u deaths; its spout was told of %u", id, m->deaths,
		    o->ids[id].told);
	if (idmap_get(&o->by_root, root) != IDMAP_NONE)
		violated(w, "once", "root %llx is used again", (unsigned long long)root);
	o->roots = xgrow(o->roots, &o->roots_cap, o->n_roots + 1, sizeof *o->roots);
	idmap_put(&o->by_root, root, (uint32_t)o->n_roots);
	o->roots[o->n_roots++] = (struct known_root){ .root = root, .id = id,
		.run = w->run, .start = n->start };
}

/* has tells whether one of the first N parts of T has come from ROOT. */
static bool has(const struct tuple *t, uint32_t n, uint64_t root)
{
	for (uint32_t i = 0; i < n; i++)
		if (t->origins[i] == root)
			return true;
	return false;
}

void oracle_tuple_made(struct world *w, const struct tuple *t)
{
	for (uint32_t i = 0; i < t->n_parts; i++)
		find(w, t->origins[i])->open += !has(t, i, t->origins[i]);
}

void oracle_tuple_merged(struct world *w, const struct tuple *into, uint64_t origin)
{
	find(w, origin)->open += !has(into, into->n_parts, origin);
}

void oracle_tuple_done(struct world *w, const struct tuple *t)
{
	for (uint32_t i = 0; i < t->n_parts; i++)
		find(w, t->origins[i])->open -= !has(t, i, t->origins[i]);
}

/* ---- verdicts ---- */

void oracle_complete(struct node *n, uint64_t root)
{
	struct known_root *r = find(n->world, root);

	if (r->open != 0)
		violated(n->world, "complete", "worker %u calls root %llx of id %u complete, with %u tuples open",
		    n->number, (unsigned long long)root, r->id, r->open);
}

/* Nothing that had arrived by the deadline may still be in the queue. */
void oracle_expired(struct node *n, const struct ledger_outcome *o)
{
	if (o->verdict == LEDGER_FAILED)
		return;
	oracle_cause(n->world, o->root);
	if (net_arrival(n) <= n->deadline_ns)
		violated(n->world, "early", "acker %u expires root %llx while records wait that came before its "
		    "deadline", n->number, (unsigned long long)o->root);
}

void oracle_cause(struct world *w, uint64_t root)
{
	id_of(w, root)->causes++;
}

void oracle_named(struct world *w, uint64_t root)
{
	struct known_root *r = find(w, root);
	struct known_id *id = &w->oracle.ids[r->id];

	id->named++;
	id->causes++;
	id->poisonous += w->quiet_ns != 0 && !r->named;
	r->named = true;
	if (id->poisonous > 8 * POISON_DEATHS)
		violated(w, "poison", "%u emits of id %u have crashed a bolt since the last fault, and it still "
		    "comes again", id->poisonous, r->id);
}

void oracle_told(struct node *n, uint64_t root)
{
	struct known_root *r = find(n->world, root);

	if (r->told || r->id / SOURCE_IDS != n->source || r->run != n->world->run || r->start != n->start)
		return;
	r->told = true;
	n->world->oracle.ids[r->id].told++;
}

void oracle_mailed(struct node *n, uint32_t to)
{
	if (n->sends_to[to] < n->starts[to])
		violated(n->world, "mail", "acker %u sends verdicts to start %u of worker %u, and knows start %u",
		    n->number, n->sends_to[to], to, n->starts[to]);
}

static uint32_t synced_parts(const struct world *w, enum kind kind, uint32_t id)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		for (size_t k = 0; k < w->disks[i].n_synced; k++)
			if (w->disks[i].log[k] >> 3 == ((uint32_t)kind << 13 | id))
				mask |= 1u << (w->disks[i].log[k] & 7);
	return mask;
}

static bool has_kind(const struct world *w, enum kind kind)
{
	for (uint32_t c = 0; c < w->topology->n_components; c++)
		if (w->kinds[c] == kind)
			return true;
	return false;
}

static void check_covered(const struct world *w, const char *invariant, uint32_t id)
{
	uint32_t want = expected_parts(w, id), sink = synced_parts(w, KIND_SINK, id);

	if ((want & ~sink) != 0)
		violated(w, invariant, "id %u is acked; parts %x of %x are in the sink", id, sink, want);
	if (has_kind(w, KIND_STATE) && (want & ~synced_parts(w, KIND_STATE, id)) != 0)
		violated(w, invariant, "id %u is acked; parts %x of %x are in the state", id,
		    synced_parts(w, KIND_STATE, id), want);
}

void oracle_settled(struct node *n, uint64_t root, bool acked)
{
	struct known_root *r = find(n->world, root);

	if (r->settled)
		violated(n->world, "once", "root %llx of id %u is settled a second time", (unsigned long long)root, r->id);
	r->settled = true;
	if (!acked)
		return;
	n->world->oracle.ids[r->id].acked = true;
	n->world->done_ns = n->world->now_ns;
	check_covered(n->world, "covered", r->id);
}

void oracle_buried(struct node *n, const struct message *m)
{
	struct world *w = n->world;
	struct known_id *id = &w->oracle.ids[n->source * SOURCE_IDS + m->id];

	trace(w, "buried", n->number, m->id, m->attempt);
	if (id->named < POISON_DEATHS && (w->set.max_attempts == 0 || id->causes < w->set.max_attempts))
		violated(w, "buried", "id %u goes to the dead letters after %u failures and %u deaths of its own",
		    n->source * SOURCE_IDS + (uint32_t)m->id, id->causes, id->named);
	id->buried = 1;
	w->done_ns = w->now_ns;
}

/* ---- positions ---- */

void oracle_position(struct node *n)
{
	const struct buf *b = &n->disk->slots[n->disk->newest].bytes;
	struct position p = { 0 };
	uint64_t sequence, *open;
	uint32_t run, n_open, at = 0;
	struct error e;

	if (position_get(&p, b->data, b->n, &sequence, &run, &e) != 0)
		violated(n->world, "position", "what node %u has written can't be read: %s", n->number, e.text);
	open = position_ids(&p, &n_open);
	for (uint32_t i = 0; i < p.next; i++) {
		const struct known_id *id = &n->world->oracle.ids[n->source * SOURCE_IDS + i];

		if (at < n_open && open[at] == i)
			at++;
		else if (!id->acked && id->buried != 2)
			violated(n->world, "position", "the position of node %u has passed id %u, which is open",
			    n->number, n->source * SOURCE_IDS + i);
	}
	if (p.ended && (n_open > 0 || p.next < n->world->set.ids))
		violated(n->world, "position", "the position of node %u has ended early", n->number);
	free(open);
	position_free(&p);
}

/* ---- after each step ---- */

void oracle_step(struct node *n)
{
	if (n->kind == KIND_SPOUT && spout_open(n) > n->world->set.most_pending)
		violated(n->world, "limit", "node %u has %u messages open", n->number,
		    (unsigned)spout_open(n));
}

void oracle_supervisor(struct world *w)
{
	const struct fences *f = &w->super.lives.fences;

	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		uint32_t n = 0;

		for (uint32_t k = 0; k < w->plan->n_workers; k++) {
			n += f->fences[i].waiting[k];
			if (f->fences[i].waiting[k] && !f->live[k])
				violated(w, "fence", "the fence of worker %u waits for worker %u, which is dead", i, k);
		}
		if (n != f->fences[i].n_waiting)
			violated(w, "fence", "the fence of worker %u waits for %u, not %u", i, n, f->fences[i].n_waiting);
	}
}

/* Who is not waited for has switched. */
void oracle_lost_told(struct world *w, uint32_t worker)
{
	const struct fences *f = &w->super.lives.fences;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (f->live[i] && !f->fences[worker].waiting[i] && w->nodes[i].state == NODE_RUNNING &&
		    i != worker && plan_sends(w->plan, i, worker) &&
		    w->nodes[i].sends_to[worker] < f->fences[worker].start)
			violated(w, "fence", "sources are told of worker %u's loss while worker %u still sends to "
			    "its start %u", worker, i, w->nodes[i].sends_to[worker]);
}

/* ---- in the end ---- */

void oracle_end(struct world *w)
{
	for (uint32_t s = 0; s < w->plan->n_workers && w->nodes[s].kind == KIND_SPOUT; s++)
		for (uint32_t i = 0; i < w->set.ids; i++) {
			uint32_t id = s * SOURCE_IDS + i;

			if (w->oracle.ids[id].acked)
				check_covered(w, "lost", id);
			else if (w->oracle.ids[id].buried == 0)
				violated(w, "lost", "all has ended, but id %u was neither acked nor given up", id);
		}
}
