/* loop.c - see loop.h. SPDX-License-Identifier: Apache-2.0 */
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"

int loop_init(struct loop *l, struct error *e)
{
	*l = (struct loop){ .next_timer = 1 };
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return l->wake_fd >= 0 ? 0 : error_errno(e, "cannot make an eventfd");
}

void loop_free(struct loop *l)
{
	close(l->wake_fd);
	free(l->watches);
	free(l->timers);
}

/* ---- watches ---- */

static struct watched *find_watch(const struct loop *l, int fd)
{
	for (size_t i = 0; i < l->n_watches; i++)
		if (l->watches[i].watch.fd == fd)
			return &l->watches[i];
	return NULL;
}

void loop_watch(struct loop *l, const struct watch *w)
{
	struct watched *there = find_watch(l, w->fd);

	if (there == NULL) {
		l->watches = xgrow(l->watches, &l->watches_cap, l->n_watches + 1, sizeof *l->watches);
		there = &l->watches[l->n_watches++];
		there->since = l->n_polls;
	}
	there->watch = *w;
}

int loop_unwatch(struct loop *l, int fd)
{
	struct watched *w = find_watch(l, fd);

	if (w == NULL)
		return -1;
	*w = l->watches[--l->n_watches];
	return 0;
}

void loop_forget(struct loop *l, const gale_ctx *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_watches; i++)
		if (l->watches[i].watch.ctx != ctx)
			l->watches[n++] = l->watches[i];
	l->n_watches = n;
	n = 0;
	for (size_t i = 0; i < l->n_timers; i++)
		if (l->timers[i].ctx != ctx)
			l->timers[n++] = l->timers[i];
	l->n_timers = n;
}

bool loop_waits_for(const struct loop *l, const gale_ctx *ctx)
{
	for (size_t i = 0; i < l->n_watches; i++)
		if (l->watches[i].watch.ctx == ctx)
			return true;
	for (size_t i = 0; i < l->n_timers; i++)
		if (l->timers[i].ctx == ctx)
			return true;
	return false;
}

/* ---- timers ---- */

uint64_t loop_timer(struct loop *l, const struct timer *t)
{
	l->timers = xgrow(l->timers, &l->timers_cap, l->n_timers + 1, sizeof *l->timers);
	l->timers[l->n_timers] = *t;
	l->timers[l->n_timers++].id = l->next_timer;
	return l->next_timer++;
}

int loop_cancel(struct loop *l, uint64_t id)
{
	for (size_t i = 0; i < l->n_timers; i++)
		if (l->timers[i].id == id) {
			l->timers[i] = l->timers[--l->n_timers];
			return 0;
		}
	return -1;
}

uint64_t loop_due(const struct loop *l)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < l->n_timers; i++)
		if (l->timers[i].due_ns < due)
			due = l->timers[i].due_ns;
	return due;
}

/* fire calls the earliest timer that is due and older than BEFORE; timers that callbacks
 * set meanwhile are newer and wait for the next turn. */
static bool fire(struct loop *l, uint64_t now_ns, uint64_t before)
{
	struct timer *first = NULL, t;

	for (size_t i = 0; i < l->n_timers; i++) {
		struct timer *c = &l->timers[i];

		if (c->due_ns <= now_ns && c->id < before && (first == NULL ||
		    c->due_ns < first->due_ns || (c->due_ns == first->due_ns && c->id < first->id)))
			first = c;
	}
	if (first == NULL)
		return false;
	t = *first;
	*first = l->timers[--l->n_timers];
	t.fn(t.self, t.ctx, t.arg);
	return true;
}

/* ---- waiting ---- */

bool loop_wants(const struct loop *l, uint64_t now_ns)
{
	return l->n_watches > 0 || atomic_load(&l->woken) || loop_due(l) <= now_ns;
}

void loop_wake(struct loop *l)
{
	uint64_t one = 1;

	if (!atomic_exchange(&l->woken, true))
		while (write(l->wake_fd, &one, sizeof one) < 0)
			;
}

size_t loop_items(const struct loop *l)
{
	return l->n_watches + 1;
}

static int timeout_ms(uint64_t now_ns, uint64_t due_ns)
{
	uint64_t ms;

	if (due_ns == UINT64_MAX)
		return -1;
	if (due_ns <= now_ns)
		return 0;
	ms = (due_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms > 60000 ? 60000 : (int)ms;
}

void loop_poll(struct loop *l, struct poll_item *items, size_t n, uint64_t now_ns, uint64_t due_ns)
{
	l->n_polls++;
	items[n++] = (struct poll_item){ .kind = POLL_FD, .fd = l->wake_fd, .events = GALE_READABLE };
	for (size_t i = 0; i < l->n_watches; i++)
		items[n++] = (struct poll_item){ .kind = POLL_FD, .fd = l->watches[i].watch.fd,
			.events = l->watches[i].watch.events };
	transport_poll(items, n, timeout_ms(now_ns, due_ns));
}

/* is_closed is asked on a hangup only, which is what a closed descriptor looks like here. */
static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

/* call calls the watch of a descriptor that was found ready, if there still is one that asks
 * for this. A watch younger than the poll is for another descriptor of the same number. */
static bool call(struct loop *l, const struct poll_item *item)
{
	const struct watched *w = find_watch(l, item->fd);
	struct watch copy;
	int events;

	if (w == NULL || w->since == l->n_polls)
		return false;
	copy = w->watch;
	if (item->ready & GALE_HANGUP && is_closed(copy.fd)) {
		/* It would be reported again and again, and could become another file. */
		fprintf(stderr, "error: descriptor %d was closed while %s still watched it: call "
		    "gale_unwatch before close\n", copy.fd, copy.ctx->component);
		loop_unwatch(l, copy.fd);
		return false;
	}
	events = item->ready & (copy.events | GALE_HANGUP);
	if (events == 0)
		return false;
	copy.fn(copy.self, copy.ctx, copy.fd, events, copy.arg);
	return true;
}

bool loop_dispatch(struct loop *l, const struct poll_item *items, size_t n, uint64_t now_ns, bool *woken)
{
	uint64_t count, before = l->next_timer;
	bool any = false;

	*woken = false;
	for (size_t i = 0; i < n; i++) {
		if (items[i].kind != POLL_FD || items[i].ready == 0)
			continue;
		if (items[i].fd == l->wake_fd) {
			if (read(l->wake_fd, &count, sizeof count) > 0)
				atomic_store(&l->woken, false);
			*woken = true;
		} else if (call(l, &items[i])) {
			any = true;
		}
	}
	while (fire(l, now_ns, before))
		any = true;
	return any;
}
