/* sink.c - see sink.h. SPDX-License-Identifier: Apache-2.0 */
#include "sink.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

void sink_init(struct sink *s, struct sender *sender, uint32_t most_bytes)
{
	*s = (struct sink){ .sender = sender, .most_bytes = most_bytes, .most_tuples = SINK_EDGES };
	s->last = &s->waiting;
}

void sink_drop(struct sink *s)
{
	if (s->open != NULL)
		chunk_free(s->sender->transport, s->open);
	s->open = NULL;
	for (struct chunk *c; (c = s->waiting) != NULL; chunk_free(s->sender->transport, c))
		s->waiting = c->next;
	s->last = &s->waiting;
}

void sink_free(struct sink *s)
{
	sink_drop(s);
	free(s->destinations);
	free(s->combine);
}

void sink_combines(struct sink *s)
{
	if (s->combine == NULL)
		s->combine = xcalloc(1, sizeof *s->combine);
}

void sink_add(struct sink *s, struct outbox *outbox, uint32_t target)
{
	s->destinations = xrealloc(s->destinations, (s->n_destinations + 1) * sizeof *s->destinations);
	s->destinations[s->n_destinations++] = (struct destination){ outbox, target };
}

static void open_frame(struct sink *s, size_t need)
{
	struct sender *from = s->sender;
	size_t bytes;

	need += s->combine != NULL ? COMBINE_TAIL : 0;
	bytes = need > s->most_bytes - WIRE_HEADER ? need + WIRE_HEADER : s->most_bytes;

	s->open = chunk_new(from->transport, bytes);
	s->at = s->open->data + WIRE_HEADER;
	s->end = s->open->data + bytes;
	s->count = 0;
	s->root_base = s->root_before = 0;
	s->edge_base = from->next_edge_base;
	from->next_edge_base += SINK_EDGES;
	if (s->combine != NULL) {
		combine_begin(s->combine);
		s->end -= COMBINE_TAIL;
	}
	if (from->oldest_ns == 0)
		from->oldest_ns = from->now_ns;
}

/* put_roots writes a tuple's head. */
static uint8_t *put_roots(struct sink *s, uint8_t *p, const struct roots *roots)
{
	if (roots->n == 1) {
		if (s->count == 0)
			s->root_base = s->root_before = roots->one;
		p = wire_put_root(p, roots->one, s->root_before);
		s->root_before = roots->one;
		return p;
	}
	if (roots->n == 0) {
		*p++ = 0;
		return p;
	}
	*p++ = 1;
	p = wire_put_varint(p, roots->n);
	memcpy(p, roots->list, 8 * (size_t)roots->n);
	s->root_before = wire_get64(p);
	return p + 8 * (size_t)roots->n;
}

uint8_t *sink_begin(struct sink *s, const struct roots *roots, size_t body_bound,
    uint32_t stream, uint32_t source, uint32_t target)
{
	size_t need = SINK_HEAD + body_bound + (roots->n > 1 ? 8 * (size_t)roots->n : 0);
	uint8_t *p;

	if (s->open != NULL && (need > (size_t)(s->end - s->at) || s->count >= s->most_tuples))
		sink_flush(s);
	if (s->open == NULL)
		open_frame(s, need);
	p = put_roots(s, s->at, roots);
	return sink_put_place(s, p, stream, source, target);
}

uint64_t sink_end(struct sink *s, uint8_t *p)
{
	s->at = p;
	return random_mix(s->edge_base + s->count++);
}

/* choose sends C to the next destination that has room; false: none has. */
static bool choose(struct sink *s, struct chunk *c)
{
	for (uint32_t i = 0; i < s->n_destinations; i++) {
		struct destination *d = &s->destinations[s->turn];

		s->turn = (s->turn + 1) % s->n_destinations;
		wire_put32(c->data + WIRE_TARGET_AT, d->target);
		if (outbox_try(d->outbox, c))
			return true;
	}
	return false;
}

void sink_flush(struct sink *s)
{
	struct wire_header h = s->sender->header;
	struct chunk *c = s->open;
	uint8_t *behind = s->at;

	if (c == NULL)
		return;
	if (s->combine != NULL)
		s->at = combine_end(s->combine, behind, s->count);
	s->open = NULL;
	c->n = (size_t)(s->at - c->data);
	h.kind = WIRE_DATA;
	h.flags |= s->flags | (s->at > behind ? WIRE_MERGED : 0);
	h.source = s->source;
	h.target = s->destinations[0].target;
	h.stream = s->stream;
	h.count = s->count;
	h.body_bytes = (uint32_t)(c->n - WIRE_HEADER);
	h.root_base = s->root_base;
	h.edge_base = s->edge_base;
	wire_put_header(c->data, &h);
	s->sender->status->frames_out++;
	s->sender->status->bytes_out += c->n;
	if (s->n_destinations == 1) {
		outbox_send(s->destinations[0].outbox, c);
		s->sender->blocked |= outbox_waits(s->destinations[0].outbox);
	} else if (s->waiting != NULL || !choose(s, c)) {
		s->sender->blocked = true;
		c->next = NULL;
		*s->last = c;
		s->last = &c->next;
	}
}

void sink_retry(struct sink *s)
{
	struct chunk *c;

	while ((c = s->waiting) != NULL) {
		struct chunk *next = c->next;

		if (!choose(s, c))
			return;
		s->waiting = next;
	}
	s->last = &s->waiting;
}
