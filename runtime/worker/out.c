/* out.c - see out.h. SPDX-License-Identifier: Apache-2.0 */
#include "out.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "record.h"
#include "rundir.h"

enum {
	FRAME_MAX = OPTIMISE_FRAMES ? 65536 : 256, FRAME_MIN = OPTIMISE_FRAMES ? 4096 : 256,
	PIPES_BYTES = 1 << 20,		/* F1: what may lie in all pipes into one task */
	SHUFFLE_MOST = OPTIMISE_FRAMES ? 256 : 1,	/* tuples in a frame to one of several tasks */
	RECORDS_MAX = 65536 - WIRE_HEADER
};

void out_init(struct out *o, struct transport *t, struct status *s, const struct plan *plan,
    uint32_t worker, uint32_t run, uint32_t start)
{
	const struct plan_worker *me = &plan->workers[worker];

	*o = (struct out){ .plan = plan, .me = worker };
	o->sender.transport = t;
	o->sender.status = s;
	o->sender.next_edge_base = random_seed();
	o->sender.header = (struct wire_header){ .worker = worker, .run = run, .start = start,
		.source = me->first_task };
	o->outboxes = xcalloc(plan->n_workers, sizeof *o->outboxes);
	o->downstream = xcalloc(plan->n_workers, sizeof *o->downstream);
	o->ackers = xcalloc(plan->n_ackers + 1, sizeof *o->ackers);
	for (uint32_t i = 0; i < plan->n_ackers; i++) {
		fold_init(&o->ackers[i].inits, false);
		fold_init(&o->ackers[i].acks, true);
		notes_init(&o->ackers[i].notes);
		fold_init(&o->ackers[i].withheld, true);
	}
}

void out_free(struct out *o)
{
	for (uint32_t i = 0; i < o->n_sinks; i++) {
		sink_free(o->sinks[i]);
		free(o->sinks[i]);
	}
	for (uint32_t i = 0; i < o->plan->n_ackers; i++) {
		fold_free(&o->ackers[i].inits);
		fold_free(&o->ackers[i].acks);
		notes_free(&o->ackers[i].notes);
		fold_free(&o->ackers[i].withheld);
	}
	free(o->ackers);
	free(o->sinks);
	free(o->outboxes);
	free(o->downstream);
}

/* ---- who is connected to whom ---- */

static bool data_waits(const struct out *o)
{
	for (uint32_t i = 0; i < o->n_downstream; i++)
		if (outbox_waits(o->outboxes[o->downstream[i]]))
			return true;
	for (uint32_t i = 0; i < o->n_sinks; i++)
		if (o->sinks[i]->waiting != NULL)
			return true;
	return false;
}

static char *endpoint_of(const struct plan *p, const char *rundir, uint32_t from, uint32_t to, uint32_t start)
{
	bool data = plan_runs_plugin(p, from) && p->workers[to].role == ROLE_BOLT;

	return data ? rundir_data_endpoint(rundir, to, start) : rundir_ack_endpoint(rundir, to, start);
}

static void count_frames(struct out *o, uint32_t to, uint32_t start)
{
	if (o->links != NULL && o->links[to] != NULL)
		outbox_counts(o->outboxes[to], o->links[to], start);
}

/* most_age gives how old a frame may become in a worker with N_DESTINATIONS. */
static uint64_t most_age(uint32_t n_destinations)
{
	uint64_t age = (uint64_t)n_destinations * OUT_DESTINATION_NS;

	return age < OUT_MAX_AGE_NS ? OUT_MAX_AGE_NS : age > OUT_MOST_AGE_NS ? OUT_MOST_AGE_NS : age;
}

int out_connect(struct out *o, const char *rundir, const uint32_t *starts, struct error *e)
{
	const struct plan *p = o->plan;

	for (uint32_t w = 0; w < p->n_workers; w++) {
		char *endpoint;

		if (!plan_sends(p, o->me, w))
			continue;
		endpoint = endpoint_of(p, rundir, o->me, w, starts[w]);
		o->outboxes[w] = outbox_new(o->sender.transport, endpoint, e);
		free(endpoint);
		if (o->outboxes[w] == NULL)
			return -1;
		count_frames(o, w, starts[w]);
		if (p->workers[w].role == ROLE_ACKER)
			o->ackers[w - p->first_acker].outbox = o->outboxes[w];
		else if (plan_runs_plugin(p, o->me) && w != p->coordinator)
			o->downstream[o->n_downstream++] = w;
	}
	o->most_age_ns = most_age(o->n_downstream);
	return 0;
}

bool out_feeds(const struct out *o, uint32_t worker)
{
	return o->plan->workers[worker].role == ROLE_BOLT && o->outboxes[worker] != NULL &&
	    plan_runs_plugin(o->plan, o->me);
}

int out_switch(struct out *o, const char *rundir, uint32_t worker, uint32_t start, struct error *e)
{
	char *endpoint;
	int rc;

	if (o->outboxes[worker] == NULL)
		return 0;
	endpoint = endpoint_of(o->plan, rundir, o->me, worker, start);
	rc = outbox_reopen(o->outboxes[worker], endpoint, e);
	count_frames(o, worker, start);
	free(endpoint);
	o->sender.blocked = data_waits(o);
	return rc;
}

/* ---- tasks that have moved ---- */

/* drop_sinks frees the sinks to single workers that THEN does not keep. */
static void drop_sinks(struct out *o, const struct plan *then)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < o->n_sinks; i++) {
		struct sink *s = o->sinks[i];
		bool keeps = s->n_destinations > 1;

		for (uint32_t w = 0; w < o->plan->n_workers && !keeps; w++)
			keeps = o->outboxes[w] == s->destinations[0].outbox && plan_keeps(o->plan, then, w);
		if (keeps) {
			o->sinks[n++] = s;
			continue;
		}
		sink_free(s);
		free(s);
	}
	o->n_sinks = n;
}

/* change_outboxes closes those that lead to who is gone and opens those to who is new. */
static int change_outboxes(struct out *o, const struct plan *then, const char *rundir, const uint32_t *starts,
    struct error *e)
{
	o->outboxes = xrealloc(o->outboxes, then->n_workers * sizeof *o->outboxes);
	o->downstream = xrealloc(o->downstream, then->n_workers * sizeof *o->downstream);
	for (uint32_t w = 0; w < then->n_workers; w++) {
		char *endpoint;

		if (plan_keeps(o->plan, then, w)) {
			if (o->outboxes[w] != NULL && o->links != NULL)
				count_frames(o, w, o->links[w]->out_start);
			continue;
		}
		if (w < o->plan->n_workers && o->outboxes[w] != NULL)
			outbox_free(o->outboxes[w]);
		o->outboxes[w] = NULL;
		if (!plan_sends(then, o->me, w))
			continue;
		endpoint = endpoint_of(then, rundir, o->me, w, starts[w]);
		o->outboxes[w] = outbox_new(o->sender.transport, endpoint, e);
		free(endpoint);
		if (o->outboxes[w] == NULL)
			return -1;
		count_frames(o, w, starts[w]);
	}
	return 0;
}

/* leads_to gives the component that S goes to. */
static uint32_t leads_to(const struct out *o, const struct sink *s)
{
	return o->plan->workers[o->plan->task_worker[s->destinations[0].target]].component;
}

/* may_be_open gives how many messages there may be, at most, that FROM emits for. */
static uint64_t may_be_open(const struct plan *p, const struct plan_stage *from)
{
	const struct topology *t = p->topology;
	bool own = t->components[from->component].kind == GALE_SPOUT;
	uint64_t n = 0;

	if (p->n_ackers == 0)
		return UINT64_MAX;
	for (uint32_t i = 0; i < t->n_components; i++) {
		const struct component *c = &t->components[i];

		if (c->kind == GALE_SPOUT && (!own || i == from->component))
			n += (uint64_t)topology_int(t, c, "topology.max.spout.pending") *
			    (own ? from->n_tasks : c->n_tasks);
	}
	return n;
}

/* spread has S go to all tasks of COMPONENT in turn, one worker after the other. When few messages may be open,
 * frames are so small that each worker can have one in hand and one on its way: else a burst for
 * slow bolts would lie in front of one of them while others have nothing to do. */
static void spread(struct out *o, struct sink *s, const struct plan_stage *from, uint32_t component)
{
	const struct plan *p = o->plan;
	uint32_t n_tasks = p->topology->components[component].n_tasks;
	uint64_t share = may_be_open(p, from) / (2 * (uint64_t)plan_executors(p, component));

	s->most_tuples = share > SHUFFLE_MOST ? SHUFFLE_MOST : share > 1 ? (uint32_t)share : 1;
	s->n_destinations = 0;
	for (uint32_t i = 0; s->n_destinations < n_tasks; i++)
		for (uint32_t w = 0; w < p->n_workers; w++)
			if (p->workers[w].role == ROLE_BOLT && p->workers[w].component == component &&
			    i < p->workers[w].n_tasks)
				sink_add(s, o->outboxes[w], p->workers[w].first_task + i);
}

/* spread_again has a sink to any task of a component go to those workers that have them now. */
static void spread_again(struct out *o, struct sink *s)
{
	const struct plan *p = o->plan;

	if (s->n_destinations > 1)
		spread(o, s, plan_stage_of(p, o->me, plan_task_component(p, o->me, s->source)),
		    leads_to(o, s));
}

int out_lay_out(struct out *o, const struct plan *plan, const char *rundir, const uint32_t *starts,
    struct error *e)
{
	drop_sinks(o, plan);
	if (change_outboxes(o, plan, rundir, starts, e) != 0)
		return -1;
	o->plan = plan;
	o->n_downstream = 0;
	for (uint32_t w = 0; w < plan->n_workers; w++)
		if (out_feeds(o, w))
			o->downstream[o->n_downstream++] = w;
	o->most_age_ns = most_age(o->n_downstream);
	for (uint32_t i = 0; i < o->n_sinks; i++)
		spread_again(o, o->sinks[i]);
	o->sender.blocked = data_waits(o);
	return 0;
}

/* ---- sinks ---- */

/* frame_bytes gives the size of frames to workers of COMPONENT (F1). */
static uint32_t frame_bytes(const struct plan *p, uint32_t component)
{
	uint32_t pipes = 0, bytes;

	for (uint32_t w = 0; w < p->n_workers; w++)
		pipes += plan_runs_plugin(p, w) && plan_sends(p, w, p->first_worker[component]);
	bytes = PIPES_BYTES / (pipes ? pipes : 1);
	return bytes > FRAME_MAX ? FRAME_MAX : bytes < FRAME_MIN ? FRAME_MIN : bytes;
}

/* streams_to gives how many of a component's streams another one subscribes to, and one of them. */
static uint32_t streams_to(const struct topology *t, uint32_t from, uint32_t to, uint32_t *stream)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];

		if (s->from != from || s->to != to || (n > 0 && s->stream == *stream))
			continue;
		*stream = s->stream;
		n++;
	}
	return n;
}

/* new_sink makes a sink from stage FROM to workers of COMPONENT, with the flags that its
 * tuples need. */
static struct sink *new_sink(struct out *o, const struct plan_stage *from, uint32_t component)
{
	struct sink *s = xmalloc(sizeof *s);
	uint32_t stream = 0;

	sink_init(s, &o->sender, frame_bytes(o->plan, component));
	s->source = from->first_task;
	if (streams_to(o->plan->topology, from->component, component, &stream) > 1)
		s->flags |= WIRE_TUPLE_STREAM;
	else
		s->stream = (uint16_t)stream;
	if (from->n_tasks > 1)
		s->flags |= WIRE_TUPLE_SOURCE;
	o->sinks = xrealloc(o->sinks, (o->n_sinks + 1) * sizeof *o->sinks);
	o->sinks[o->n_sinks++] = s;
	return s;
}

struct sink *out_sink_to(struct out *o, const struct plan_stage *from, uint32_t worker)
{
	const struct plan_worker *to = &o->plan->workers[worker];
	struct sink *s;

	for (uint32_t i = 0; i < o->n_sinks; i++)
		if (o->sinks[i]->n_destinations == 1 && o->sinks[i]->source == from->first_task &&
		    o->sinks[i]->destinations[0].outbox == o->outboxes[worker])
			return o->sinks[i];
	s = new_sink(o, from, to->component);
	if (to->n_tasks > 1)
		s->flags |= WIRE_TUPLE_TARGET;
	sink_add(s, o->outboxes[worker], to->first_task);
	return s;
}

struct sink *out_sink_any(struct out *o, const struct plan_stage *from, uint32_t component)
{
	const struct component *c = &o->plan->topology->components[component];
	struct sink *s;

	if (c->n_tasks == 1)
		return out_sink_to(o, from, o->plan->first_worker[component]);
	for (uint32_t i = 0; i < o->n_sinks; i++)
		if (o->sinks[i]->n_destinations > 1 && o->sinks[i]->source == from->first_task &&
		    leads_to(o, o->sinks[i]) == component)
			return o->sinks[i];
	s = new_sink(o, from, component);
	spread(o, s, from, component);
	/* Senders that start with different tasks spread small inputs better. */
	s->turn = o->plan->workers[o->me].executor % s->n_destinations;
	return s;
}

/* ---- records ---- */

void out_body(struct out *o, uint32_t worker, enum wire_kind kind, struct buf *b)
{
	struct wire_header h = o->sender.header;
	struct chunk *c = chunk_new(o->sender.transport, WIRE_HEADER + b->n);

	h.kind = (uint8_t)kind;
	h.flags = 0;
	h.body_bytes = (uint32_t)b->n;
	wire_put_header(c->data, &h);
	if (b->n > 0)
		memcpy(c->data + WIRE_HEADER, b->data, b->n);
	c->n = WIRE_HEADER + b->n;
	b->n = 0;
	outbox_send(o->outboxes[worker], c);
}

bool out_has_room(const struct out *o, uint32_t worker)
{
	return !outbox_waits(o->outboxes[worker]);
}

void out_failed(struct out *o, uint64_t root, uint32_t task, const char *why)
{
	out_begun(o);
	notes_failed(&out_acker(o, root)->notes, root, task, why);
}

void out_reset(struct out *o, uint64_t root, uint32_t task)
{
	out_begun(o);
	notes_reset(&out_acker(o, root)->notes, root, task);
}

void out_void(struct out *o, uint64_t root)
{
	out_begun(o);
	notes_void(&out_acker(o, root)->notes, root);
}

bool out_withheld(const struct out *o)
{
	for (uint32_t i = 0; i < o->plan->n_ackers; i++)
		if (o->ackers[i].withheld.n > 0)
			return true;
	return false;
}

void out_release(struct out *o)
{
	for (uint32_t i = 0; i < o->plan->n_ackers; i++) {
		if (o->ackers[i].withheld.n == 0)
			continue;
		out_begun(o);
		fold_move(&o->ackers[i].withheld, &o->ackers[i].acks);
	}
}

static bool acker_idle(const struct acker_link *a)
{
	return a->inits.n == 0 && a->acks.n == 0 && notes_waiting(&a->notes) == 0;
}

/* flush_acker sends what there is for one acker until that is full (F3). What fails comes
 * after the acks that were made before it. */
static void flush_acker(struct out *o, uint32_t i)
{
	struct acker_link *a = &o->ackers[i];
	struct buf b = { 0 };

	while (!acker_idle(a) && !outbox_waits(a->outbox)) {
		if (a->inits.n > 0)
			fold_write(&a->inits, &b, RECORDS_MAX, RECORD_INIT_RUN, RECORD_INIT_LIST);
		else if (a->acks.n > 0)
			fold_write(&a->acks, &b, RECORDS_MAX, RECORD_ACK_RUN, RECORD_ACK_LIST);
		if (a->inits.n == 0 && a->acks.n > 0 && b.n + 16 * a->acks.n + 8 <= RECORDS_MAX)
			fold_write(&a->acks, &b, RECORDS_MAX, RECORD_ACK_RUN, RECORD_ACK_LIST);
		if (a->inits.n == 0 && a->acks.n == 0)
			notes_write(&a->notes, &b, RECORDS_MAX);
		if (b.n > 0)	/* acks that say nothing are not written */
			out_body(o, o->plan->first_acker + i, WIRE_ACKS, &b);
	}
	buf_free(&b);
}

/* ---- markers ---- */

void out_marker_to(struct out *o, uint32_t worker, enum wire_kind kind, uint16_t flags)
{
	struct wire_header h = o->sender.header;
	struct chunk *c = chunk_new(o->sender.transport, WIRE_HEADER);

	h.kind = (uint8_t)kind;
	h.flags |= flags;
	wire_put_header(c->data, &h);
	c->n = WIRE_HEADER;
	outbox_send(o->outboxes[worker], c);
	o->sender.blocked |= outbox_waits(o->outboxes[worker]);
}

void out_marker(struct out *o, enum wire_kind kind, uint16_t flags)
{
	for (uint32_t i = 0; i < o->n_downstream; i++)
		out_marker_to(o, o->downstream[i], kind, flags);
}

void out_drop(struct out *o)
{
	for (uint32_t i = 0; i < o->n_sinks; i++)
		sink_drop(o->sinks[i]);
	o->sender.blocked = data_waits(o);
}

/* ---- when ---- */

void out_flush(struct out *o)
{
	o->sender.oldest_ns = 0;
	for (uint32_t i = 0; i < o->n_sinks; i++)
		sink_flush(o->sinks[i]);
	for (uint32_t i = 0; i < o->plan->n_ackers; i++)
		if (o->ackers[i].outbox != NULL)
			flush_acker(o, i);
}

bool out_waits(const struct out *o)
{
	for (uint32_t w = 0; w < o->plan->n_workers; w++)
		if (o->outboxes[w] != NULL && outbox_waits(o->outboxes[w]))
			return true;
	return o->sender.blocked;
}

bool out_clear(const struct out *o)
{
	for (uint32_t i = 0; i < o->n_sinks; i++)
		if (o->sinks[i]->open != NULL)
			return false;
	for (uint32_t i = 0; i < o->plan->n_ackers; i++)
		if (!acker_idle(&o->ackers[i]))
			return false;
	return !out_withheld(o) && !out_waits(o);
}

void out_retry(struct out *o)
{
	for (uint32_t w = 0; w < o->plan->n_workers; w++)
		if (o->outboxes[w] != NULL)
			outbox_retry(o->outboxes[w]);
	for (uint32_t i = 0; i < o->n_sinks; i++)
		sink_retry(o->sinks[i]);
	o->sender.blocked = data_waits(o);
	for (uint32_t i = 0; i < o->plan->n_ackers; i++)
		if (o->ackers[i].outbox != NULL && o->sender.oldest_ns == 0)
			flush_acker(o, i);
}

static bool sink_wants(const struct out *o, const struct outbox *outbox)
{
	for (uint32_t i = 0; i < o->n_sinks; i++)
		for (uint32_t d = 0; o->sinks[i]->waiting != NULL && d < o->sinks[i]->n_destinations; d++)
			if (o->sinks[i]->destinations[d].outbox == outbox)
				return true;
	return false;
}

size_t out_poll(const struct out *o, struct poll_item *items)
{
	size_t n = 0;

	for (uint32_t w = 0; w < o->plan->n_workers; w++) {
		struct outbox *outbox = o->outboxes[w];

		if (outbox != NULL && (outbox_waits(outbox) || sink_wants(o, outbox)))
			items[n++] = (struct poll_item){ .kind = POLL_OUTBOX, .outbox = outbox };
	}
	return n;
}
