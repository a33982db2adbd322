/* pending.c - see pending.h. SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include <stdlib.h>

#include "memory.h"
#include "optimisations.h"

enum {
	RING_FIRST = OPTIMISE_PENDING_RING ? 64 : 1,
	LOOKS = 512		/* at places, in one call of pending_oldest */
};

void pending_init(struct pending *p, uint32_t n_tasks)
{
	*p = (struct pending){ .ring = xcalloc(RING_FIRST, sizeof *p->ring), .mask = RING_FIRST - 1,
		.n_tasks = n_tasks };
	idmap_init(&p->late.by_root);
	p->attempts = xcalloc(n_tasks, sizeof *p->attempts);
	for (uint32_t i = 0; i < n_tasks; i++) {
		idmap_init(&p->attempts[i].young);
		idmap_init(&p->attempts[i].old);
	}
}

/* flight gives place I of the ring and, behind it, of the stragglers; NULL: it is free. */
static struct flight *flight(const struct pending *p, size_t i)
{
	struct flight *f = i <= p->mask ? &p->ring[i] : &p->late.slots[i - p->mask - 1];

	return f->root != 0 ? f : NULL;
}

static size_t n_places(const struct pending *p)
{
	return p->mask + 1 + p->late.n_slots;
}

static void free_stragglers(struct stragglers *s)
{
	free(s->slots);
	free(s->free);
	idmap_free(&s->by_root);
}

void pending_free(struct pending *p)
{
	for (size_t i = 0; i < n_places(p); i++)
		if (flight(p, i) != NULL)
			free(flight(p, i)->message.body);
	for (size_t i = 0; i < p->n_replays; i++)
		free(p->replays[i].message.body);
	pending_forget_named(p);
	free(p->named);
	for (uint32_t i = 0; i < p->n_tasks; i++) {
		idmap_free(&p->attempts[i].young);
		idmap_free(&p->attempts[i].old);
	}
	free(p->failed);
	free(p->ring);
	free_stragglers(&p->late);
	free(p->replays);
	free(p->attempts);
}

/* ---- in flight ---- */

static void add_late(struct stragglers *s, const struct flight *f)
{
	uint32_t slot;

	if (s->n_free > 0) {
		slot = s->free[--s->n_free];
	} else {
		s->slots = xgrow(s->slots, &s->cap, s->n_slots + 1, sizeof *s->slots);
		slot = (uint32_t)s->n_slots++;
	}
	s->slots[slot] = *f;
	idmap_put(&s->by_root, f->root, slot);
}

static bool take_late(struct stragglers *s, uint64_t root, struct flight *f)
{
	uint32_t slot = idmap_remove(&s->by_root, root);

	if (slot == IDMAP_NONE)
		return false;
	*f = s->slots[slot];
	s->slots[slot].root = 0;
	s->free = xgrow(s->free, &s->free_cap, s->n_free + 1, sizeof *s->free);
	s->free[s->n_free++] = slot;
	return true;
}

bool pending_settle(struct pending *p, uint64_t root, struct flight *f)
{
	struct flight *there = &p->ring[root & p->mask];

	if (there->root != root || root == 0)
		return take_late(&p->late, root, f);
	*f = *there;
	there->root = 0;
	p->n_ring--;
	return true;
}

/* widen doubles the ring. Roots that differ by its old size do not share a place any more, and
 * no two others come to: each place leads to one of two. */
static void widen(struct pending *p)
{
	struct flight *old = p->ring;
	size_t n = p->mask + 1;

	p->mask = 2 * n - 1;
	p->ring = xcalloc(2 * n, sizeof *p->ring);
	for (size_t i = 0; i < n; i++)
		if (old[i].root != 0)
			p->ring[old[i].root & p->mask] = old[i];
	free(old);
}

void pending_make_way(struct pending *p, uint64_t root)
{
	struct flight *f;

	if (OPTIMISE_PENDING_RING && p->n_ring > p->mask / 2)
		widen(p);
	f = &p->ring[root & p->mask];
	if (f->root == 0)
		return;
	add_late(&p->late, f);
	f->root = 0;
	p->n_ring--;
}

/* find gives the flight of ROOT, or NULL. */
static struct flight *find(const struct pending *p, uint64_t root)
{
	struct flight *f = &p->ring[root & p->mask];
	uint32_t slot;

	if (root == 0 || f->root == root)
		return root != 0 ? f : NULL;
	slot = idmap_get(&p->late.by_root, root);
	return slot != IDMAP_NONE ? &p->late.slots[slot] : NULL;
}

const struct flight *pending_get(const struct pending *p, uint64_t root)
{
	return find(p, root);
}

void pending_extend(struct pending *p, uint64_t root, uint64_t now_ns)
{
	struct flight *f = find(p, root);

	if (f != NULL)
		f->heard_ns = now_ns;
}

/* Should the ring double during the walk, what was not seen yet is still ahead. */
uint64_t pending_silent(const struct pending *p, size_t *cursor, uint64_t before_ns)
{
	while (*cursor < n_places(p)) {
		const struct flight *f = flight(p, (*cursor)++);

		if (f != NULL && f->heard_ns < before_ns)
			return f->root;
	}
	return 0;
}

/* oldest_in_ring: roots are made in order, so the oldest is the first that is still there; and
 * none is there that is older than the ring is long. When it has not been found yet it is no
 * older than what was last in the place where the search stands. */
static void oldest_in_ring(struct pending *p, uint64_t next_root)
{
	struct oldest_seen *o = &p->oldest;
	const struct flight *at;
	int looks = LOOKS;

	if (next_root - o->root > p->mask + 1)
		o->root = next_root - (p->mask + 1);
	while (looks-- > 0 && o->root != next_root &&
	    (o->root == 0 || p->ring[o->root & p->mask].root != o->root))
		o->root++;
	at = &p->ring[o->root & p->mask];
	if (o->root == next_root)
		o->ring_found_ns = 0;
	else if (at->emitted_ns != 0)
		o->ring_found_ns = at->emitted_ns;
}

static void oldest_straggler(struct pending *p)
{
	struct oldest_seen *o = &p->oldest;

	for (int looks = LOOKS; looks > 0 && o->late_at < p->late.n_slots; looks--, o->late_at++) {
		const struct flight *f = &p->late.slots[o->late_at];

		if (f->root != 0 && (o->late_ns == 0 || f->emitted_ns < o->late_ns))
			o->late_ns = f->emitted_ns;
	}
	if (o->late_at < p->late.n_slots) {
		if (o->late_found_ns == 0)	/* the first walk: the oldest so far */
			o->late_found_ns = o->late_ns;
		return;
	}
	o->late_found_ns = o->late_ns;
	o->late_at = 0;
	o->late_ns = 0;
}

uint64_t pending_oldest(struct pending *p, uint64_t next_root)
{
	struct oldest_seen *o = &p->oldest;

	if (p->n_ring == 0) {
		o->root = next_root;
		o->ring_found_ns = 0;
	} else {
		oldest_in_ring(p, next_root);
	}
	if (p->late.by_root.n > 0)
		oldest_straggler(p);
	else
		o->late_at = o->late_ns = o->late_found_ns = 0;
	if (o->ring_found_ns == 0 || (o->late_found_ns != 0 && o->late_found_ns < o->ring_found_ns))
		return o->late_found_ns;
	return o->ring_found_ns;
}

uint64_t *pending_roots(const struct pending *p, size_t *n)
{
	uint64_t *roots = xcalloc(p->n_ring + p->late.by_root.n + 1, sizeof *roots);

	*n = 0;
	for (size_t i = 0; i < n_places(p); i++)
		if (flight(p, i) != NULL)
			roots[(*n)++] = flight(p, i)->root;
	return roots;
}

/* ---- the oldest ---- */

void oldest_init(struct oldest *o, size_t most)
{
	*o = (struct oldest){ .most = most };
	o->list = xcalloc(most, sizeof *o->list);
}

void oldest_free(struct oldest *o)
{
	free(o->list);
}

/* is_in: it was seen at another place, from which it has moved. */
static bool is_in(const struct oldest *o, uint64_t root)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->list[i].root == root)
			return true;
	return false;
}

static void oldest_add(struct oldest *o, const struct flight *f)
{
	size_t i = o->n;

	if (o->n == o->most && f->emitted_ns >= o->list[o->n - 1].emitted_ns)
		return;
	if (is_in(o, f->root))
		return;
	if (o->n < o->most)
		o->n++;
	else
		i--;
	for (; i > 0 && o->list[i - 1].emitted_ns > f->emitted_ns; i--)
		o->list[i] = o->list[i - 1];
	o->list[i].root = f->root;
	o->list[i].emitted_ns = f->emitted_ns;
}

/* The table may grow during the walk: what was not seen yet is still ahead, some of the rest may be
 * again. */
bool oldest_look(struct oldest *o, const struct pending *p, size_t places)
{
	for (size_t end = o->cursor + places; o->cursor < end; o->cursor++) {
		const struct flight *f;

		if (o->cursor >= n_places(p))
			return false;
		f = flight(p, o->cursor);
		if (f != NULL)
			oldest_add(o, f);
	}
	return true;
}

/* ---- named in an obituary ---- */

void pending_name(struct pending *p, uint64_t root, const char *text)
{
	if (find(p, root) == NULL)
		return;
	p->named = xgrow(p->named, &p->named_cap, p->n_named + 1, sizeof *p->named);
	p->named[p->n_named++] = (struct named){ root, xstrdup(text) };
}

const char *pending_named(const struct pending *p, uint64_t root)
{
	for (size_t i = 0; i < p->n_named; i++)
		if (p->named[i].root == root)
			return p->named[i].text;
	return NULL;
}

void pending_forget_named(struct pending *p)
{
	while (p->n_named > 0)
		free(p->named[--p->n_named].text);
}

/* ---- failed, but not gone ---- */

void pending_failed(struct pending *p, uint64_t root, const struct message *m)
{
	size_t at = p->n_failed++ % PENDING_FAILED_MOST;

	p->failed = xgrow(p->failed, &p->failed_cap, at + 1, sizeof *p->failed);
	p->failed[at] = (struct failed_root){ root, m->first, m->id, m->task, m->kept };
}

const struct failed_root *pending_failed_root(const struct pending *p, uint64_t root)
{
	for (size_t i = 0; i < p->n_failed && i < PENDING_FAILED_MOST; i++)
		if (p->failed[i].root == root)
			return &p->failed[i];
	return NULL;
}

/* is_of: a message that gale keeps is the same in all its emits; of one that its spout emits
 * again only task and id are. */
static bool is_of(const struct message *m, const struct failed_root *f)
{
	if (m->kept != f->kept || m->task != f->task)
		return false;
	return f->kept ? m->first == f->first : m->id == f->id;
}

struct message *pending_find(struct pending *p, const struct failed_root *f)
{
	for (size_t i = 0; i < n_places(p); i++)
		if (flight(p, i) != NULL && is_of(&flight(p, i)->message, f))
			return &flight(p, i)->message;
	for (size_t i = 0; i < p->n_replays; i++)
		if (is_of(&p->replays[i].message, f))
			return &p->replays[i].message;
	return NULL;
}

/* ---- waiting for replay ---- */

void pending_replay_at(struct pending *p, const struct message *m, uint64_t due_ns)
{
	size_t i = p->n_replays++;

	p->replays = xgrow(p->replays, &p->replays_cap, p->n_replays, sizeof *p->replays);
	while (i > 0 && p->replays[(i - 1) / 2].due_ns > due_ns) {
		p->replays[i] = p->replays[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	p->replays[i] = (struct replay){ due_ns, *m };
}

/* sink_down puts R into the hole at the top of the heap. */
static void sink_down(struct pending *p, struct replay r)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < p->n_replays) {
		if (child + 1 < p->n_replays && p->replays[child + 1].due_ns < p->replays[child].due_ns)
			child++;
		if (p->replays[child].due_ns >= r.due_ns)
			break;
		p->replays[i] = p->replays[child];
		i = child;
	}
	p->replays[i] = r;
}

bool pending_next_replay(struct pending *p, uint64_t now_ns, struct message *m)
{
	if (pending_replay_due(p) > now_ns)
		return false;
	*m = p->replays[0].message;
	p->n_replays--;
	if (p->n_replays > 0)
		sink_down(p, p->replays[p->n_replays]);
	return true;
}

uint64_t pending_replay_due(const struct pending *p)
{
	return p->n_replays > 0 ? p->replays[0].due_ns : UINT64_MAX;
}

/* ---- attempts of self-replayed messages ---- */

uint32_t pending_attempts(const struct pending *p, uint32_t task, uint64_t id)
{
	const struct attempts *a = &p->attempts[task];
	uint32_t n;

	if (!pending_any_attempts(p, task))
		return 0;
	n = idmap_get(&a->young, id + 1);
	if (n == IDMAP_NONE)
		n = idmap_get(&a->old, id + 1);
	return n == IDMAP_NONE ? 0 : n;
}

void pending_set_attempts(struct pending *p, uint32_t task, uint64_t id, uint32_t n)
{
	struct attempts *a = &p->attempts[task];

	if (idmap_remove(&a->young, id + 1) == IDMAP_NONE)
		idmap_remove(&a->old, id + 1);
	if (n == 0)
		return;
	if (a->young.n == PENDING_ATTEMPTS) {
		idmap_free(&a->old);
		a->old = a->young;
		idmap_init(&a->young);
	}
	idmap_put(&a->young, id + 1, n);
}
