/* watch.c - see watch.h. SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int watches_open(struct watches *ws, struct error *e)
{
	*ws = (struct watches){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	return ws->fd >= 0 ? 0 : error_errno(e, "cannot make an epoll");
}

void watches_close(struct watches *ws)
{
	while (ws->first != NULL)
		watch_end(ws->first);
	if (ws->fd >= 0)
		close(ws->fd);
	ws->fd = -1;
}

static struct epoll_event event(struct watch *w, uint32_t events)
{
	return (struct epoll_event){ .events = events, .data.ptr = w };
}

int watch_begin(struct watches *ws, struct watch *w, uint32_t events, struct error *e)
{
	struct epoll_event want = event(w, events);

	if (w->fd >= 0 && epoll_ctl(ws->fd, EPOLL_CTL_ADD, w->fd, &want) != 0)
		return error_errno(e, "cannot watch descriptor %d", w->fd);
	w->all = ws;
	w->prev = NULL;
	w->next = ws->first;
	if (w->next != NULL)
		w->next->prev = w;
	ws->first = w;
	return 0;
}

void watch_change(struct watch *w, uint32_t events)
{
	struct epoll_event want = event(w, events);

	if (epoll_ctl(w->all->fd, EPOLL_CTL_MOD, w->fd, &want) != 0)
		die("cannot watch descriptor %d: %s", w->fd, strerror(errno));
}

void watch_end(struct watch *w)
{
	struct watches *ws = w->all;

	if (ws == NULL)
		return;
	if (w->fd >= 0)
		epoll_ctl(ws->fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = 0; i < ws->n_batch; i++)
		if (ws->batch[i].data.ptr == w)
			ws->batch[i].data.ptr = NULL;
	*(w->prev != NULL ? &w->prev->next : &ws->first) = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->all = NULL;
}

uint64_t watches_deadline(const struct watches *ws)
{
	uint64_t next = 0;

	for (const struct watch *w = ws->first; w != NULL; w = w->next)
		if (w->deadline_ns != 0 && (next == 0 || w->deadline_ns < next))
			next = w->deadline_ns;
	return next;
}

/* late gives one whose deadline has come, or NULL. */
static struct watch *late(const struct watches *ws, uint64_t now_ns)
{
	for (struct watch *w = ws->first; w != NULL; w = w->next)
		if (w->deadline_ns != 0 && w->deadline_ns <= now_ns)
			return w;
	return NULL;
}

/* What is ready comes before what is late. Any of them may end others: so the search begins anew. */
void watches_serve(struct watches *ws, uint64_t now_ns)
{
	struct watch *w;

	ws->n_batch = epoll_wait(ws->fd, ws->batch, WATCH_BATCH, 0);
	for (int i = 0; i < ws->n_batch; i++)
		if ((w = ws->batch[i].data.ptr) != NULL)
			w->ready(w->arg, ws->batch[i].events);
	ws->n_batch = 0;
	while ((w = late(ws, now_ns)) != NULL) {
		w->deadline_ns = 0;
		w->ready(w->arg, 0);
	}
}
