/* net.c - frames between processes, and the supervisor's words to them (rule I4).
 *
 * A pipe is a ZeroMQ connection from one start to another, for data, or for what the
 * coordinator and workers say: first in, first out, and nothing is said of the order between
 * pipes. What is sent to a dead start is lost; when the sender dies a prefix still arrives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "memory.h"
#include "txn.h"

struct frame *frame_new(const struct node *from, enum frame_kind kind, uint64_t txid, uint64_t generation)
{
	struct frame *f = xcalloc(1, sizeof *f);

	f->from = from->number;
	f->start = from->start;
	f->kind = kind;
	f->txid = txid;
	f->generation = generation;
	return f;
}

void frame_free(struct frame *f)
{
	buf_free(&f->body);
	free(f);
}

static struct pipe *pipe_to(const struct node *from, struct node *to, bool data)
{
	struct pipe *p;

	for (p = to->in; p != NULL; p = p->next)
		if (p->from == from->number && p->from_start == from->start && p->data == data)
			return p;
	p = xcalloc(1, sizeof *p);
	*p = (struct pipe){ .next = to->in, .from = from->number, .from_start = from->start, .data = data };
	p->end = &p->first;
	to->in = p;
	return p;
}

void net_send(struct node *from, uint32_t to, struct frame *f)
{
	struct node *n = &from->w->nodes[to];
	struct pipe *p;

	if (from->dying || !n->up || from->sends_to[to] != n->start) {
		frame_free(f);
		return;
	}
	p = pipe_to(from, n, f->kind != FRAME_ORDER);
	*p->end = f;
	p->end = &f->next;
}

static struct frame *shift(struct pipe *p)
{
	struct frame *f = p->first;

	p->first = f->next;
	if (p->first == NULL)
		p->end = &p->first;
	f->next = NULL;
	return f;
}

struct frame *net_take(struct node *n, bool data)
{
	struct pipe *chosen = NULL;
	uint32_t seen = 0;

	for (struct pipe *p = n->in; p != NULL; p = p->next)
		if (p->data == data && p->first != NULL && below(n->w, ++seen) == 0)
			chosen = p;
	return chosen != NULL ? shift(chosen) : NULL;
}

static void empty(struct pipe *p)
{
	while (p->first != NULL)
		frame_free(shift(p));
}

static void forget_pipes(struct node *n)
{
	for (struct pipe *p; (p = n->in) != NULL; free(p)) {
		n->in = p->next;
		empty(p);
	}
}

/* cut keeps some of the first frames, and loses the others. */
static void cut(struct world *w, struct pipe *p)
{
	struct frame **at = &p->first, *f;

	while (*at != NULL && chance(w, 850))
		at = &(*at)->next;
	f = *at;
	*at = NULL;
	p->end = at;
	while (f != NULL) {
		struct frame *next = f->next;

		frame_free(f);
		f = next;
	}
}

void net_died(struct node *n)
{
	struct world *w = n->w;

	forget_pipes(n);
	for (uint32_t i = 0; i <= w->n_workers; i++)
		for (struct pipe *p = w->nodes[i].in; p != NULL; p = p->next)
			if (p->from == n->number && p->from_start == n->start && chance(w, 500))
				cut(w, p);
	for (struct note note; note_hear(n, &note); )
		;
}

void net_clear(struct world *w)
{
	for (uint32_t i = 0; i <= w->n_workers; i++)
		forget_pipes(&w->nodes[i]);
}

/* ---- the supervisor's words ---- */

void note_say(struct node *n, bool lost, uint32_t worker, uint32_t start)
{
	struct note *note = xcalloc(1, sizeof *note);

	*note = (struct note){ .lost = lost, .worker = worker, .start = start };
	if (n->notes == NULL)
		n->notes_end = &n->notes;
	*n->notes_end = note;
	n->notes_end = &note->next;
}

bool note_hear(struct node *n, struct note *note)
{
	struct note *first = n->notes;

	if (first == NULL)
		return false;
	*note = *first;
	n->notes = first->next;
	free(first);
	return true;
}
