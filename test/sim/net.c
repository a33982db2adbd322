/* net.c - the network of the simulated world (rule I4).
 *
 * A pipe is a ZeroMQ connection from one incarnation to another: first in, first out, so many
 * frames and no more, each with its own delay, so that what comes through different pipes
 * comes in any order. When the receiver dies all that was not taken is lost, and the pipe goes
 * on taking frames until it is full. When the sender dies a prefix still arrives. Nothing is
 * duplicated. A control channel (a SOCK_SEQPACKET pair) loses nothing but with its reader.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "world.h"

struct frame *frame_new(const struct node *from, uint8_t kind, uint32_t n)
{
	struct frame *f = xcalloc(1, sizeof *f + n * sizeof f->tuples[0]);

	f->worker = from->number;
	f->start = from->start;
	f->kind = kind;
	f->n = n;
	return f;
}

void frame_free(struct frame *f)
{
	buf_free(&f->body);
	free(f);
}

/* ---- pipes ---- */

static struct frame *shift(struct pipe *p)
{
	struct frame *f = p->first;

	p->first = f->next;
	if (p->first == NULL)
		p->last = &p->first;
	p->n--;
	return f;
}

struct pipe *net_connect(struct node *from, uint32_t to, uint32_t start)
{
	struct world *w = from->world;
	struct pipe *p = xcalloc(1, sizeof *p);
	bool slow = w->on[FAULT_SLOW_NET] && chance(w, w->nodes[to].kind == KIND_ACKER ? 500 : 200);

	*p = (struct pipe){ .from = from->number, .from_start = from->start, .to = to, .to_start = start };
	p->last = &p->first;
	p->cap = w->nodes[to].kind == KIND_SPOUT || w->nodes[to].kind == KIND_ACKER ?
	    w->set.acks_cap : w->set.data_cap;
	p->delay_ns = 1000 + below(w, w->set.net_ns) + (slow ? below(w, 200 * NS_PER_MS) : 0);
	p->next = w->in[to];
	w->in[to] = p;
	return p;
}

bool net_send(struct world *w, struct pipe *p, struct frame *f)
{
	uint64_t at = w->now_ns + p->delay_ns / 2 + below(w, p->delay_ns);

	if (p->n >= p->cap)
		return false;
	f->arrives_ns = at > p->last_ns ? at : p->last_ns + 1;
	f->next = NULL;
	p->last_ns = f->arrives_ns;
	*p->last = f;
	p->last = &f->next;
	p->n++;
	if (w->nodes[p->to].start == p->to_start && w->nodes[p->to].state == NODE_RUNNING)
		node_wake(&w->nodes[p->to], f->arrives_ns);
	return true;
}

static void empty(struct pipe *p)
{
	while (p->first != NULL)
		frame_free(shift(p));
}

void net_close(struct pipe *p)
{
	empty(p);
	p->n = 0;
	p->closed = true;
}

/* sweep forgets pipes that are closed and through. */
static void sweep(struct world *w, uint32_t to)
{
	struct pipe **at = &w->in[to], *p;

	while ((p = *at) != NULL) {
		if (!p->closed || p->n > 0) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

static bool ready(const struct node *n, const struct pipe *p)
{
	return p->to_start == n->start && p->n > 0 && p->first->arrives_ns <= n->world->now_ns;
}

struct frame *net_receive(struct node *n)
{
	struct world *w = n->world;
	struct pipe *chosen = NULL;
	struct frame *f;
	uint32_t seen = 0;

	for (struct pipe *p = w->in[n->number]; p != NULL; p = p->next)
		if (ready(n, p) && below(w, ++seen) == 0)
			chosen = p;
	if (chosen == NULL)
		return NULL;
	f = shift(chosen);
	if (!chosen->closed)	/* there is room again */
		node_wake(&w->nodes[chosen->from], w->now_ns + 1000);
	else if (chosen->n == 0)
		sweep(w, n->number);
	return f;
}

uint64_t net_arrival(const struct node *n)
{
	uint64_t at = NEVER;

	for (const struct pipe *p = n->world->in[n->number]; p != NULL; p = p->next)
		if (p->to_start == n->start && p->n > 0 && p->first->arrives_ns < at)
			at = p->first->arrives_ns;
	return at;
}

/* cut keeps what has arrived, and by chance some of what has not. */
static void cut(struct world *w, struct pipe *p)
{
	uint32_t kept = 0;
	struct frame **at = &p->first, *f;

	while (*at != NULL && ((*at)->arrives_ns <= w->now_ns || chance(w, 500))) {
		at = &(*at)->next;
		kept++;
	}
	for (f = *at, *at = NULL; f != NULL; ) {
		struct frame *next = f->next;

		frame_free(f);
		f = next;
	}
	p->last = at;
	p->n = kept;
	p->closed = true;
}

void net_died(struct node *n)
{
	struct world *w = n->world;

	for (uint32_t to = 0; to < w->plan->n_workers; to++) {
		for (struct pipe *p = w->in[to]; p != NULL; p = p->next) {
			if (to == n->number && p->to_start == n->start) {
				uint32_t taken = p->n;	/* the sender does not know: no room */

				empty(p);
				p->n = p->closed ? 0 : taken;
			} else if (p->from == n->number && p->from_start == n->start && !p->closed) {
				cut(w, p);
			}
		}
		sweep(w, to);
	}
}

void net_clear(struct world *w)
{
	for (uint32_t to = 0; to < MOST_NODES; to++)
		for (struct pipe *p; (p = w->in[to]) != NULL; ) {
			w->in[to] = p->next;
			empty(p);
			free(p);
		}
}

/* ---- control channels ---- */

void channel_say(struct world *w, struct channel *c, const char *text)
{
	struct word *note = xcalloc(1, sizeof *note);

	note->arrives_ns = w->now_ns + 1000 + below(w, w->set.control_ns);
	if (note->arrives_ns <= c->last_ns)
		note->arrives_ns = c->last_ns + 1;
	c->last_ns = note->arrives_ns;
	snprintf(note->text, sizeof note->text, "%s", text);
	if (c->first == NULL)
		c->last = &c->first;
	*c->last = note;
	c->last = &note->next;
}

bool channel_hear(struct channel *c, uint64_t now_ns, char *text)
{
	struct word *note = c->first;

	if (note == NULL || note->arrives_ns > now_ns)
		return false;
	c->first = note->next;
	memcpy(text, note->text, sizeof note->text);
	free(note);
	return true;
}

void channel_clear(struct channel *c)
{
	char text[sizeof c->first->text];

	while (channel_hear(c, NEVER, text))
		;
	c->last_ns = 0;
}
