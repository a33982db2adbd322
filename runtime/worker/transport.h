/* transport.h - frames between processes: the only user of ZeroMQ.
 *
 * An inbox is a PULL socket that a worker binds; an outbox is a PUSH socket to one
 * destination (rule F1). Nothing here blocks but transport_poll. What ZeroMQ promises and
 * what it doesn't (order per pipe, a contiguous gap when the peer dies) is rule I4.
 * One thread uses all of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TRANSPORT_H
#define GALE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "flow.h"

struct transport;
struct inbox;
struct outbox;

/* A received frame, counted: those who keep a view of it hold it. */
struct frame {
	const uint8_t *data;
	size_t n;
	uint32_t refs;
};

/* A frame to be sent: N of CAP bytes at DATA. Made by chunk_new, owned by one hand at a
 * time; sending takes it. */
struct chunk {
	struct chunk *next;
	size_t n, cap;
	uint8_t data[];
};

struct transport *transport_new(struct error *e);

/* transport_free closes all inboxes and outboxes; what is not sent yet is lost. */
void transport_free(struct transport *t);

struct inbox *inbox_new(struct transport *t, const char *endpoint, struct error *e);
struct outbox *outbox_new(struct transport *t, const char *endpoint, struct error *e);

/* outbox_counts: frames that O takes from now on are for start number START of their receiver,
 * and counted in LINK. */
void outbox_counts(struct outbox *o, struct flow_link *link, uint32_t start);

/* outbox_reopen makes O lead to ENDPOINT instead; what waits in it, or lies in its socket,
 * is dropped. Returns 0 or -1 with E set. */
int outbox_reopen(struct outbox *o, const char *endpoint, struct error *e);

/* outbox_free closes O; what waits in it, or lies in its socket, is dropped. */
void outbox_free(struct outbox *o);

/* inbox_receive gives the next frame with one reference, or NULL: nothing there. NOW_NS is clock_now_ns of
 * a moment ago: where there was nothing it looks again after 50 us, or when transport_poll has found
 * IN ready, which asks in any case. */
struct frame *inbox_receive(struct inbox *in, uint64_t now_ns);
void frame_hold(struct frame *f);
void frame_release(struct inbox *in, struct frame *f);

/* chunk_new gives room for CAP bytes; CAP is rounded up to a power of two. Chunks of the
 * usual sizes are recycled. chunk_free gives one back unsent. */
struct chunk *chunk_new(struct transport *t, size_t cap);
void chunk_free(struct transport *t, struct chunk *c);

/* outbox_send takes C and sends it, after those that wait already; what the destination
 * has no room for waits here. outbox_retry tries those that wait. outbox_waits tells
 * whether any does. */
void outbox_send(struct outbox *o, struct chunk *c);
void outbox_retry(struct outbox *o);
bool outbox_waits(const struct outbox *o);

/* outbox_try is outbox_send where C stays the caller's when it would have to wait. */
bool outbox_try(struct outbox *o, struct chunk *c);

/* What transport_poll waits for: an inbox to have a frame, an outbox to have room, a
 * descriptor to be ready. */
enum poll_kind { POLL_INBOX, POLL_OUTBOX, POLL_FD };

struct poll_item {
	enum poll_kind kind;
	struct inbox *inbox;
	struct outbox *outbox;
	int fd;
	int events;	/* POLL_FD: GALE_READABLE | GALE_WRITABLE */
	int ready;	/* out: 0, or for inbox and outbox 1, for fd the events */
};

/* transport_library gives ZeroMQ's version: "libzmq 4.3.5"; free it. */
char *transport_library(void);

/* transport_poll waits until one item is ready or TIMEOUT_MS have passed (-1: no limit).
 * Returns the number of ready items. */
int transport_poll(struct poll_item *items, size_t n, int timeout_ms);

#endif
