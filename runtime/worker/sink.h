/* sink.h - one open frame that tuples are written into, and where it goes when it leaves.
 *
 * A sink has one destination worker (FIELDS, ALL, GLOBAL, DIRECT: the task decides), or
 * several to choose from when the frame leaves (SHUFFLE, rule F6: the next one in turn that
 * has room). When all of those are full the frame waits in the sink.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SINK_H
#define GALE_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "combine.h"
#include "optimisations.h"
#include "status.h"
#include "transport.h"
#include "wire.h"

/* The roots that a tuple is anchored to. n == 1: `one`; more: `list`, unaligned u64s. */
struct roots {
	uint32_t n;
	uint64_t one;
	const uint8_t *list;
};

/* What all sinks of a worker share. */
struct sender {
	struct transport *transport;
	struct status *status;
	struct wire_header header;	/* what is the same in every frame of this worker */
	uint64_t next_edge_base;	/* each frame takes SINK_EDGES of them (rule A1) */
	uint64_t now_ns;		/* the loop's clock */
	bool blocked;			/* a data frame waits for its destination */
	uint64_t oldest_ns;		/* when the oldest open frame or fold was begun; 0: none is */
};

enum {
	SINK_EDGES = OPTIMISE_FRAMES ? 1 << 16 : 1,		/* edge ids of one frame */
	SINK_HEAD = 64			/* most bytes of a tuple's head without a list of roots */
};

struct destination {
	struct outbox *outbox;
	uint32_t target;	/* first task there that the frame's tuples may be for */
};

struct sink {
	struct sender *sender;
	struct chunk *open;	/* NULL: no frame begun */
	uint8_t *at, *end;	/* where to write, and up to where */
	uint64_t edge_base, root_base, root_before;
	uint32_t count, most_tuples, most_bytes;
	uint16_t flags;
	uint32_t source;	/* first task of those whose tuples these are */
	uint16_t stream;	/* of all tuples, without WIRE_TUPLE_STREAM */
	struct destination *destinations;
	uint32_t n_destinations, turn;
	struct chunk *waiting, **last;	/* several destinations, all full */
	struct combine *combine;	/* NULL: nothing in its frames is merged */
};

void sink_init(struct sink *s, struct sender *sender, uint32_t most_bytes);
void sink_free(struct sink *s);

/* sink_add adds a destination: frames there carry TARGET. */
void sink_add(struct sink *s, struct outbox *outbox, uint32_t target);

/* sink_begin makes room for a tuple of BODY_BOUND bytes of values; the open frame leaves
 * when it has none. sink_end closes what was written up to P and returns the edge's id. */
uint8_t *sink_begin(struct sink *s, const struct roots *roots, size_t body_bound,
    uint32_t stream, uint32_t source, uint32_t target);
uint64_t sink_end(struct sink *s, uint8_t *p);

/* sink_put_place writes the fields that the sink's flags ask for. */
static inline uint8_t *sink_put_place(const struct sink *s, uint8_t *p, uint32_t stream, uint32_t source,
    uint32_t target)
{
	if (s->flags & WIRE_TUPLE_STREAM)
		*p++ = (uint8_t)stream;
	if (s->flags & WIRE_TUPLE_SOURCE)
		p = wire_put_varint(p, source);
	if (s->flags & WIRE_TUPLE_TARGET)
		p = wire_put_varint(p, target);
	return p;
}

/* sink_begin_flat is sink_begin for a tuple of one root whose frame is open already; NULL where
 * that can't be. Only sink_end_flat makes it count. */
static inline uint8_t *sink_begin_flat(struct sink *s, uint64_t root, uint32_t stream, uint32_t source,
    uint32_t target)
{
	uint8_t *p;

	if (s->open == NULL || s->count == 0 || s->count >= s->most_tuples || s->end - s->at < SINK_HEAD)
		return NULL;
	p = wire_put_root(s->at, root, s->root_before);
	return s->flags == 0 ? p : sink_put_place(s, p, stream, source, target);
}

static inline uint64_t sink_end_flat(struct sink *s, uint64_t root, uint8_t *p)
{
	s->root_before = root;
	s->at = p;
	return random_mix(s->edge_base + s->count++);
}

/* sink_combines: from now on equal tuples in one frame may be merged. */
void sink_combines(struct sink *s);

/* sink_merge merges a tuple of one root, looked for by K, with an equal one in the open frame, if
 * there is one; *EDGE is what is new in the tree of the root, 0 perhaps. sink_note: a tuple that was written by
 * sink_end_flat may be such a one; its values begin at VALUES. */
static inline bool sink_merge(struct sink *s, const struct combine_key *k, uint64_t root, uint32_t stream,
    uint32_t source, const gale_value *values, uint32_t n, uint64_t *edge)
{
	struct combine_entry *e;
	uint32_t bytes;

	if (s->open == NULL || s->end - s->at < SINK_HEAD ||
	    (e = combine_find(s->combine, s->open->data, s->at, k, combine_place(stream, source), values, n)) == NULL ||
	    (bytes = combine_merge(s->combine, e, root, edge)) == 0)
		return false;
	s->end = combine_full(s->combine) ? s->at : s->end - bytes;
	return true;
}

static inline void sink_note(struct sink *s, const struct combine_key *k, uint64_t root, uint64_t edge,
    uint32_t stream, uint32_t source, const uint8_t *values)
{
	s->end -= combine_note(s->combine, k, s->count - 1, edge, (uint32_t)(values - s->open->data),
	    combine_place(stream, source), root, s->end - s->at);
	if (combine_full(s->combine))
		s->end = s->at;
}

/* sink_drop forgets what has not been handed to an outbox. */
void sink_drop(struct sink *s);

/* sink_flush lets the open frame leave. sink_retry tries the waiting ones again. */
void sink_flush(struct sink *s);
void sink_retry(struct sink *s);

#endif
