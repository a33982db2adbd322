/* post.c - what a worker sends: the glue around fold.c, notes.c and combine.c, as in out.c, sink.c and
 * route.c.
 *
 * Tuples are not encoded. Of a frame some of whose tuples were merged its body has what stands behind
 * them, as it is on the wire.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "random.h"
#include "record.h"
#include "world.h"

/* out_connect */
void post_begin(struct node *n)
{
	struct world *w = n->world;
	const struct plan *p = w->plan;

	n->next_edge = random_next(&w->random);
	n->links = xcalloc(p->n_ackers + 1, sizeof *n->links);
	for (uint32_t i = 0; i < p->n_ackers; i++) {
		fold_init(&n->links[i].inits, false);
		fold_init(&n->links[i].acks, true);
		fold_init(&n->links[i].withheld, true);
		notes_init(&n->links[i].notes);
	}
	for (uint32_t to = 0; to < p->n_workers; to++) {
		struct post_box *b = &n->boxes[to];

		*b = (struct post_box){ .last = &b->waiting };
		if (!plan_sends(p, n->number, to))
			continue;
		b->pipe = net_connect(n, to, n->sends_to[to]);
		b->open = xcalloc(w->set.frame_tuples, sizeof *b->open);
	}
}

static void drop_waiting(struct post_box *b)
{
	while (b->waiting != NULL) {
		struct frame *f = b->waiting;

		b->waiting = f->next;
		frame_free(f);
	}
	b->last = &b->waiting;
}

void post_end(struct node *n)
{
	for (uint32_t i = 0; n->links != NULL && i < n->world->plan->n_ackers; i++) {
		fold_free(&n->links[i].inits);
		fold_free(&n->links[i].acks);
		fold_free(&n->links[i].withheld);
		notes_free(&n->links[i].notes);
	}
	free(n->links);
	n->links = NULL;
	for (uint32_t to = 0; to < MOST_NODES; to++) {
		drop_waiting(&n->boxes[to]);
		free(n->boxes[to].open);
		free(n->boxes[to].combine);
		n->boxes[to] = (struct post_box){ .last = &n->boxes[to].waiting };
	}
}

/* out_feeds */
bool post_feeds(const struct node *n, uint32_t to)
{
	return n->world->plan->workers[to].role == ROLE_BOLT && n->boxes[to].pipe != NULL &&
	    n->kind != KIND_ACKER;
}

/* data_waits */
static bool data_waits(const struct node *n)
{
	for (uint32_t to = 0; to < n->world->plan->n_workers; to++)
		if (n->boxes[to].waiting != NULL && post_feeds(n, to))
			return true;
	return false;
}

/* out_switch, outbox_reopen */
void post_switch(struct node *n, uint32_t to, uint32_t start)
{
	struct post_box *b = &n->boxes[to];

	if (b->pipe == NULL)
		return;
	drop_waiting(b);
	net_close(b->pipe);
	b->pipe = net_connect(n, to, start);
	n->blocked = data_waits(n);
}

/* ---- frames ---- */

/* outbox_send */
void post_frame(struct node *n, uint32_t to, struct frame *f)
{
	struct post_box *b = &n->boxes[to];

	if (b->waiting == NULL && net_send(n->world, b->pipe, f))
		return;
	f->next = NULL;
	*b->last = f;
	b->last = &f->next;
	if (post_feeds(n, to))
		n->blocked = true;
}

/* put_groups: the end of sink_flush, where tuples may have been merged */
static void put_groups(const struct post_box *b, struct frame *f)
{
	const struct combine *c = b->combine;
	size_t most = WIRE_HEADER + sizeof *c->groups * (size_t)(c->at - c->groups) + COMBINE_TUPLE * c->n_times +
	    COMBINE_TAIL;
	struct wire_header h = { .kind = WIRE_DATA, .flags = WIRE_MERGED, .count = f->n };
	uint8_t *frame = xcalloc(1, most), *behind = frame + WIRE_HEADER, *end;

	end = combine_end(b->combine, behind, f->n);
	h.body_bytes = (uint32_t)(end - behind);
	wire_put_header(frame, &h);
	if (end > behind)
		buf_add(&f->body, frame, (size_t)(end - frame));
	free(frame);
}

/* sink_flush */
static void flush_box(struct node *n, uint32_t to)
{
	struct post_box *b = &n->boxes[to];
	struct frame *f;

	if (b->n_open == 0)
		return;
	f = frame_new(n, WIRE_DATA, b->n_open);
	memcpy(f->tuples, b->open, b->n_open * sizeof *b->open);
	if (b->combine != NULL)
		put_groups(b, f);
	b->n_open = 0;
	n->frames_out++;
	post_frame(n, to, f);
}

static void begun(struct node *n)
{
	if (n->oldest_ns == 0)
		n->oldest_ns = n->now_ns;
}

/* open_frame */
static void open_frame(struct node *n, struct post_box *b, bool combines)
{
	if (!combines)
		return;
	if (b->combine == NULL)
		b->combine = xcalloc(1, sizeof *b->combine);
	combine_begin(b->combine);
	b->room = n->world->set.groups_bytes;
}

/* sink_begin, sink_end: every copy has its own edge (A1). */
static uint64_t put_copy(struct node *n, uint32_t to, const struct tuple *t)
{
	struct post_box *b = &n->boxes[to];
	struct tuple *copy;

	if (n->crashed)
		return 0;
	begun(n);
	if (b->n_open == n->world->set.frame_tuples)
		flush_box(n, to);
	if (b->n_open == 0)
		open_frame(n, b, n->world->set.combines[n->world->plan->workers[to].component]);
	copy = &b->open[b->n_open++];
	*copy = *t;
	copy->edge = random_mix(n->next_edge++);
	oracle_tuple_made(n->world, copy);
	return copy->edge;
}

uint32_t value_of(const struct world *w, uint32_t part)
{
	return (part >> 3 ^ part >> 1) % w->set.values;
}

/* sink_merge */
static bool merge_copy(struct node *n, struct post_box *b, const struct combine_key *k, uint32_t place,
    const struct tuple *t, uint64_t *edge)
{
	struct combine_entry *e;
	struct tuple *into;
	uint32_t bytes;

	if (b->n_open == 0 || b->room < COMBINE_PART ||
	    (e = combine_find(b->combine, NULL, NULL, k, place, NULL, 1)) == NULL)
		return false;
	into = &b->open[e->index];
	if (into->n_parts == MOST_MERGED || (bytes = combine_merge(b->combine, e, t->roots[0], edge)) == 0)
		return false;
	b->room -= bytes;
	trace(n->world, "merge", n->number, t->parts[0], e->edge);
	oracle_tuple_merged(n->world, into, t->origins[0]);
	into->parts[into->n_parts] = t->parts[0];
	into->origins[into->n_parts++] = t->origins[0];
	return true;
}

/* put_combined. What one is compared by is a short string, of which the key is all there is to know. */
static uint64_t put_combined(struct node *n, const struct stage *st, uint32_t to, const struct tuple *t)
{
	struct post_box *b = &n->boxes[to];
	char text[16];
	int length = snprintf(text, sizeof text, "%u", value_of(n->world, t->parts[0]));
	gale_value value = { .type = GALE_STRING, .n = (uint32_t)length, .u.s = text };
	uint32_t place = combine_place(0, st->component);
	struct combine_key key;
	uint64_t edge;

	combine_key(&key, &value, 1);
	if (n->crashed || merge_copy(n, b, &key, place, t, &edge))
		return n->crashed ? 0 : edge;
	edge = put_copy(n, to, t);
	b->room -= combine_note(b->combine, &key, b->n_open - 1, edge, 0, place, t->roots[0], b->room);
	return edge;
}

/* put_one: router_emit_flat, for tuples of one root; put for all others */
static uint64_t put_one(struct node *n, const struct stage *st, uint32_t component, uint32_t to, const struct tuple *t)
{
	if (n->world->set.combines[component] && t->n_roots == 1 && t->n_parts == 1)
		return put_combined(n, st, to, t);
	return put_copy(n, to, t);
}

/* chosen: the groupings, with all tasks of COMPONENT in workers FIRST .. FIRST + N - 1. */
static uint32_t chosen(struct node *n, uint32_t component, uint32_t first, uint32_t count, const struct tuple *t)
{
	if (n->world->set.grouping[component] == 1)
		return first + (uint32_t)(random_mix(value_of(n->world, t->parts[0])) % count);
	return first + (uint32_t)below(n->world, count);
}

/* router_emit */
uint64_t post_emit(struct node *n, const struct stage *st, const struct tuple *t)
{
	const struct plan *p = n->world->plan;
	uint64_t edges = 0;

	for (uint32_t c = p->topology->n_spouts; c < p->topology->n_components; c++) {
		uint32_t first = p->first_worker[c], count = p->topology->components[c].parallelism;

		if (!plan_feeds(p, st->component, c))
			continue;
		if (p->chained_to[c] == st->component)
			edges ^= stage_call(n, (uint32_t)(plan_stage_of(p, n->number, c) - plan_stages(p, n->number)), t);
		else if (n->world->set.grouping[c] == 2)
			for (uint32_t i = 0; i < count; i++)
				edges ^= put_copy(n, first + i, t);
		else
			edges ^= put_one(n, st, c, chosen(n, c, first, count, t), t);
	}
	return edges;
}

/* ---- records ---- */

/* out_acker */
static struct post_link *link_of(struct node *n, uint64_t root)
{
	return &n->links[(root >> 10) % n->world->plan->n_ackers];
}

void post_root_made(struct node *n, uint64_t root, uint64_t value)
{
	begun(n);
	fold_xor(&link_of(n, root)->inits, root, value);
}

void post_acked(struct node *n, uint64_t root, uint64_t value)
{
	if (n->withholds) {
		n->n_withheld++;
		fold_xor(&link_of(n, root)->withheld, root, value);
		return;
	}
	begun(n);
	fold_xor(&link_of(n, root)->acks, root, value);
}

/* out_release */
void post_release(struct node *n)
{
	for (uint32_t i = 0; i < n->world->plan->n_ackers; i++) {
		if (n->links[i].withheld.n == 0)
			continue;
		begun(n);
		fold_move(&n->links[i].withheld, &n->links[i].acks);
	}
}

void post_failed(struct node *n, uint64_t root)
{
	begun(n);
	notes_failed(&link_of(n, root)->notes, root, n->me->first_task, "it failed");
}

void post_reset(struct node *n, uint64_t root)
{
	begun(n);
	notes_reset(&link_of(n, root)->notes, root, n->me->first_task);
}

void post_void(struct node *n, uint64_t root)
{
	begun(n);
	notes_void(&link_of(n, root)->notes, root);
}

static bool link_idle(const struct post_link *l)
{
	return l->inits.n == 0 && l->acks.n == 0 && notes_waiting(&l->notes) == 0;
}

/* flush_acker. A frame may be smaller than the longest text, which nobody has here. */
static void flush_link(struct node *n, uint32_t i)
{
	struct post_link *l = &n->links[i];
	uint32_t to = n->world->plan->first_acker + i;
	size_t most = n->world->set.records_bytes;

	while (!link_idle(l) && n->boxes[to].waiting == NULL) {
		struct frame *f = frame_new(n, WIRE_ACKS, 0);

		if (l->inits.n > 0)
			fold_write(&l->inits, &f->body, most, RECORD_INIT_RUN, RECORD_INIT_LIST);
		else if (l->acks.n > 0)
			fold_write(&l->acks, &f->body, most, RECORD_ACK_RUN, RECORD_ACK_LIST);
		if (l->inits.n == 0 && l->acks.n > 0 && f->body.n + 16 * l->acks.n + 8 <= most)
			fold_write(&l->acks, &f->body, most, RECORD_ACK_RUN, RECORD_ACK_LIST);
		if (l->inits.n == 0 && l->acks.n == 0)
			notes_write(&l->notes, &f->body, most + RECORD_TEXT_MAX);
		if (f->body.n > 0)
			post_frame(n, to, f);
		else
			frame_free(f);
	}
}

static void flush_links(struct node *n)
{
	for (uint32_t i = 0; n->kind != KIND_ACKER && i < n->world->plan->n_ackers; i++)
		flush_link(n, i);
}

/* out_flush */
void post_flush(struct node *n)
{
	n->oldest_ns = 0;
	for (uint32_t to = 0; to < n->world->plan->n_workers; to++)
		flush_box(n, to);
	flush_links(n);
}

/* out_retry */
void post_retry(struct node *n)
{
	for (uint32_t to = 0; to < n->world->plan->n_workers; to++) {
		struct post_box *b = &n->boxes[to];

		while (b->waiting != NULL) {
			struct frame *f = b->waiting, *next = f->next;

			if (!net_send(n->world, b->pipe, f))
				break;
			b->waiting = next;
		}
		if (b->waiting == NULL)
			b->last = &b->waiting;
	}
	n->blocked = data_waits(n);
	if (n->oldest_ns == 0)
		flush_links(n);
}

bool post_waits(const struct node *n)
{
	for (uint32_t to = 0; to < n->world->plan->n_workers; to++)
		if (n->boxes[to].waiting != NULL)
			return true;
	return false;
}

/* out_clear */
bool post_clear(const struct node *n)
{
	for (uint32_t to = 0; to < n->world->plan->n_workers; to++)
		if (n->boxes[to].n_open > 0)
			return false;
	for (uint32_t i = 0; i < n->world->plan->n_ackers; i++)
		if (!link_idle(&n->links[i]) || n->links[i].withheld.n > 0)
			return false;
	return !post_waits(n);
}

/* ---- markers ---- */

void post_marker_to(struct node *n, uint32_t to, uint8_t kind)
{
	post_frame(n, to, frame_new(n, kind, 0));
}

void post_marker(struct node *n, uint8_t kind)
{
	for (uint32_t to = 0; to < n->world->plan->n_workers; to++)
		if (post_feeds(n, to))
			post_marker_to(n, to, kind);
}
