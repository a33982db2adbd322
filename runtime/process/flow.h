/* flow.h - the flow page: frames between one worker and those that it talks with, counted on
 * both sides. What a sender counts and its receiver does not count yet is on the way: in an
 * outbox, in ZeroMQ, in a pipe.
 *
 * A file in the run directory, made as a status page is (status.h), written by its worker alone.
 * Both counts of a link say which start of the other side they are about: what was on the way to
 * a worker that died is on the way no more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FLOW_H
#define GALE_FLOW_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { FLOW_MAGIC = 0x776f6c66, FLOW_VERSION = 1 };

struct flow_link {
	uint32_t peer;			/* worker; links are in the order of their peers */
	uint32_t out_start, in_start;	/* which start of it was sent to and received from */
	uint32_t reserved;
	uint64_t frames_out, bytes_out;
	uint64_t frames_in, bytes_in;
};

struct flow {
	uint32_t magic, version;
	uint32_t worker, start;
	uint32_t n, reserved;
	struct flow_link links[];	/* n */
};

/* flow_create makes the page PATH of WORKER's start number START with a link to each of the N
 * PEERS, which are in order; flow_open maps an existing one for reading. Return NULL with E set.
 * flow_close unmaps; NULL is allowed. */
struct flow *flow_create(const char *path, uint32_t worker, uint32_t start, const uint32_t *peers,
    uint32_t n, struct error *e);
const struct flow *flow_open(const char *path, struct error *e);
void flow_close(const struct flow *f);

/* flow_inherit takes over what FROM, a page of the same start, says of peers that both have. */
void flow_inherit(struct flow *f, const struct flow *from);

/* flow_find gives F's link to PEER, or NULL. */
const struct flow_link *flow_find(const struct flow *f, uint32_t peer);

/* flow_waiting gives how many frames and bytes that FROM has sent TO has not received. Either may
 * be NULL: none. */
void flow_waiting(const struct flow *from, const struct flow *to, uint64_t *frames, uint64_t *bytes);

static inline void flow_sent(struct flow_link *l, size_t bytes)
{
	l->frames_out++;
	l->bytes_out += bytes;
}

/* flow_switched: what is sent from now on goes to start START, if it did not before. */
static inline void flow_switched(struct flow_link *l, uint32_t start)
{
	if (l->out_start == start)
		return;
	l->frames_out = l->bytes_out = 0;
	l->out_start = start;
}

/* flow_received: a frame came from start START of the peer. L may be NULL: nobody counts. */
static inline void flow_received(struct flow_link *l, uint32_t start, size_t bytes)
{
	if (l == NULL)
		return;
	if (l->in_start != start) {
		l->frames_in = l->bytes_in = 0;
		l->in_start = start;
	}
	l->frames_in++;
	l->bytes_in += bytes;
}

#endif
