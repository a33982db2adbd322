/* watch.h - descriptors and points in time that the web server waits for, in one epoll. Nothing of it
 * blocks; all of it belongs to one thread.
 *
 *     static void ready(void *arg, uint32_t events) { ... }
 *     w = (struct watch){ .fd = fd, .ready = ready, .arg = me, .deadline_ns = clock_now_ns() + NS_PER_S };
 *     watch_begin(watches, &w, EPOLLIN);
 *     ...
 *     watch_end(&w);
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_WATCH_H
#define GALE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "error.h"

enum { WATCH_BATCH = 64 };

struct watches;

/* The owner's, who keeps it where it is from watch_begin to watch_end. */
struct watch {
	int fd;			/* stays the owner's; -1: only the deadline counts */
	uint64_t deadline_ns;	/* CLOCK_MONOTONIC; 0: none. The owner may change it at any time; it is 0
				 * when `ready` is called for it */
	void (*ready)(void *arg, uint32_t events);	/* EPOLLIN ... as epoll says; 0: the deadline has
							 * come. May end this watch or others */
	void *arg;
	struct watches *all;	/* NULL: not begun */
	struct watch *next, *prev;
};

struct watches {
	int fd;			/* the epoll; readable when something is ready */
	struct watch *first;
	struct epoll_event batch[WATCH_BATCH];	/* being served; one that ends is taken out */
	int n_batch;
};

/* watches_open returns 0, or -1 with E set. watches_close also after a failure; who still watches is
 * forgotten. */
int watches_open(struct watches *ws, struct error *e);
void watches_close(struct watches *ws);

/* watch_begin: W is called when its descriptor has EVENTS (level-triggered) or its deadline has come.
 * Returns 0, or -1 with E set. watch_change sets other events. watch_end before the descriptor is
 * closed; one that was not begun may end. */
int watch_begin(struct watches *ws, struct watch *w, uint32_t events, struct error *e);
void watch_change(struct watch *w, uint32_t events);
void watch_end(struct watch *w);

/* watches_deadline gives the next deadline, 0: there is none. watches_serve calls who is ready, and
 * waits for nobody. */
uint64_t watches_deadline(const struct watches *ws);
void watches_serve(struct watches *ws, uint64_t now_ns);

#endif
