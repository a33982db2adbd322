/* loop.h - what plugins may wait for: descriptors, one-shot timers, a wake from another
 * thread. The loop itself, its phases and their order, is worker.c.
 *
 * Callbacks may add and remove watches and timers, their own too. One thread, but for
 * loop_wake.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LOOP_H
#define GALE_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "error.h"
#include "transport.h"

struct watch {
	int fd;
	int events;
	gale_fd_fn *fn;
	void *arg, *self;
	gale_ctx *ctx;
};

struct timer {
	uint64_t due_ns;
	uint64_t id;
	gale_timer_fn *fn;
	void *arg, *self;
	gale_ctx *ctx;
};

struct watched {
	struct watch watch;
	uint64_t since;		/* n_polls when it was made */
};

struct loop {
	struct watched *watches;
	size_t n_watches, watches_cap;
	uint64_t n_polls;
	struct timer *timers;	/* unordered: a task has a handful */
	size_t n_timers, timers_cap;
	uint64_t next_timer;	/* id */
	int wake_fd;
	atomic_bool woken;
};

int loop_init(struct loop *l, struct error *e);
void loop_free(struct loop *l);

/* loop_watch adds or changes the watch of FD; loop_unwatch is -1 when there is none. */
void loop_watch(struct loop *l, const struct watch *w);
int loop_unwatch(struct loop *l, int fd);

/* loop_forget drops the watches and timers of the task CTX. Not from one of their functions. */
void loop_forget(struct loop *l, const gale_ctx *ctx);

/* loop_waits_for tells whether the task CTX has a watch or a timer. */
bool loop_waits_for(const struct loop *l, const gale_ctx *ctx);

uint64_t loop_timer(struct loop *l, const struct timer *t);	/* its id is filled in */
int loop_cancel(struct loop *l, uint64_t id);

/* loop_wake makes loop_poll return; from any thread. */
void loop_wake(struct loop *l);

/* loop_wants: a watch, a due timer or a wake may have to be served at NOW_NS. */
bool loop_wants(const struct loop *l, uint64_t now_ns);

/* loop_due gives when the earliest timer is due; UINT64_MAX: there is none. */
uint64_t loop_due(const struct loop *l);

/* loop_poll waits for ITEMS (N of them, with room for loop_items more behind them), the
 * watches and a wake, at most until DUE_NS. */
void loop_poll(struct loop *l, struct poll_item *items, size_t n, uint64_t now_ns, uint64_t due_ns);
size_t loop_items(const struct loop *l);

/* loop_dispatch calls back the watches that loop_poll found ready and the timers due at
 * NOW_NS; true when it called any. ITEMS are the N = loop_items that loop_poll filled in,
 * as many as there were then. *WOKEN tells whether somebody called loop_wake. */
bool loop_dispatch(struct loop *l, const struct poll_item *items, size_t n, uint64_t now_ns, bool *woken);

#endif
