/* inquiry.h - what people want to see of workers, and the way there and back: taps and traces.
 *
 *     client --request--> here --"tap", "trace"--> workers
 *            <----------- here <--"tells", "told"--
 *
 * A client has a connection (SOCK_SEQPACKET) and has made its request; from then on it only
 * listens. It hears, one message each:
 *
 *     asked                      at once: this supervisor lives
 *     on N                       tap: N workers look for it; those that are started later follow
 *     tells U L S<tab>JSON...    tap: S tuples; U that suited were not sampled since the last
 *                                message, and L were and had no room (tap.h)
 *     tells W<tab>LINE...        trace: of worker W (look.c)
 *     told W TEXT                trace: the last of worker W
 *     ok                         tap: the topology has ended
 *     ok W...                    trace: all that there is; those workers have not answered
 *
 * Nobody waits for a client: of a tap what a slow one has no room for is dropped and counted in L. A
 * tap ends when its client closes the connection or is gone; a worker that is started
 * again gets it again. A trace ends after INQUIRY_MS at the latest: a worker in a long callback
 * answers later than that.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_INQUIRY_H
#define GALE_INQUIRY_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "error.h"
#include "mail.h"

enum {
	INQUIRY_TAPS = 8,		/* at a time; as many as a worker has room for */
	INQUIRY_MOST = 16,		/* taps and traces; the descriptors in fill_polls */
	INQUIRY_MS = 2000
};

enum inquiry_answer { INQUIRY_NOT_ASKED, INQUIRY_ASKED, INQUIRY_ANSWERED, INQUIRY_MISSING };

struct inquiry {
	uint32_t id;			/* 0: a free place */
	int fd;				/* of the client */
	struct mail mail;		/* what it has no room for yet */
	char *question;			/* as workers get it, without the number */
	bool taps;			/* else it is a trace */
	bool over;			/* the last word is in the mail */
	uint8_t *workers;		/* enum inquiry_answer, of n_workers */
	size_t n_workers;
	uint32_t component;		/* of a tap */
	bool on;			/* the client was told */
	uint64_t unsampled, lost;	/* of a tap: not told to the client yet */
	uint64_t deadline_ns;		/* of a trace, and of one that is over; 0: none */
};

struct inquiries {
	struct crew *crew;
	struct inquiry list[INQUIRY_MOST];
	uint32_t last_id;
};

/* inquiries_init: CREW tells Q what its workers say from now on. inquiries_close ends all. */
void inquiries_init(struct inquiries *q, struct crew *crew);
void inquiries_close(struct inquiries *q);

/* inquiries_tap: the client at FD wants what TEXT says: COMPONENT[:STREAM] [FIELD=VALUE].
 * inquiries_trace: "oldest N", or "roots R R ...". Both take FD, which becomes non-blocking,
 * and return 0; or the exit code (command.h) for the client with E set, and FD stays the caller's. */
int inquiries_tap(struct inquiries *q, int fd, const char *text, struct error *e);
int inquiries_trace(struct inquiries *q, int fd, const char *text, struct error *e);

/* inquiries_fill_polls fills INQUIRY_MOST places; inquiries_serve handles what poll found there,
 * and what is due. inquiries_deadline: when something is; 0: never. */
void inquiries_fill_polls(const struct inquiries *q, struct pollfd *p);
void inquiries_serve(struct inquiries *q, const struct pollfd *p, uint64_t now_ns);
uint64_t inquiries_deadline(const struct inquiries *q);

#endif
