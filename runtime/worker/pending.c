/* pending.c - see pending.h. SPDX-License-Identifier: Apache-2.0 */
#include "pending.h"

#include <stdlib.h>

#include "memory.h"

void pending_init(struct pending *p, uint32_t n_tasks)
{
	*p = (struct pending){ .n_tasks = n_tasks };
	idmap_init(&p->by_root);
	p->attempts = xcalloc(n_tasks, sizeof *p->attempts);
	for (uint32_t i = 0; i < n_tasks; i++) {
		idmap_init(&p->attempts[i].young);
		idmap_init(&p->attempts[i].old);
	}
}

void pending_free(struct pending *p)
{
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->flights[i].root != 0)
			free(p->flights[i].message.body);
	for (size_t i = 0; i < p->n_replays; i++)
		free(p->replays[i].message.body);
	pending_forget_named(p);
	free(p->named);
	for (uint32_t i = 0; i < p->n_tasks; i++) {
		idmap_free(&p->attempts[i].young);
		idmap_free(&p->attempts[i].old);
	}
	free(p->failed);
	free(p->flights);
	free(p->free_slots);
	free(p->replays);
	free(p->attempts);
	idmap_free(&p->by_root);
}

/* ---- in flight ---- */

static uint32_t take_slot(struct pending *p)
{
	if (p->n_free > 0)
		return p->free_slots[--p->n_free];
	p->flights = xgrow(p->flights, &p->cap, p->n_slots + 1, sizeof *p->flights);
	return (uint32_t)p->n_slots++;
}

static void give_slot(struct pending *p, uint32_t slot)
{
	p->flights[slot].root = 0;
	p->free_slots = xgrow(p->free_slots, &p->free_cap, p->n_free + 1, sizeof *p->free_slots);
	p->free_slots[p->n_free++] = slot;
}

void pending_add(struct pending *p, uint64_t root, const struct message *m, uint64_t now_ns)
{
	uint32_t slot = take_slot(p);

	p->flights[slot] = (struct flight){ root, now_ns, now_ns, *m };
	idmap_put(&p->by_root, root, slot);
}

bool pending_settle(struct pending *p, uint64_t root, struct flight *f)
{
	uint32_t slot = idmap_remove(&p->by_root, root);

	if (slot == IDMAP_NONE)
		return false;
	*f = p->flights[slot];
	give_slot(p, slot);
	return true;
}

void pending_extend(struct pending *p, uint64_t root, uint64_t now_ns)
{
	uint32_t slot = idmap_get(&p->by_root, root);

	if (slot != IDMAP_NONE)
		p->flights[slot].heard_ns = now_ns;
}

uint64_t pending_silent(const struct pending *p, size_t *cursor, uint64_t before_ns)
{
	while (*cursor < p->n_slots) {
		const struct flight *f = &p->flights[(*cursor)++];

		if (f->root != 0 && f->heard_ns < before_ns)
			return f->root;
	}
	return 0;
}

uint64_t *pending_roots(const struct pending *p, size_t *n)
{
	uint64_t *roots = xcalloc(p->by_root.n + 1, sizeof *roots);

	*n = 0;
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->flights[i].root != 0)
			roots[(*n)++] = p->flights[i].root;
	return roots;
}

/* ---- named in an obituary ---- */

void pending_name(struct pending *p, uint64_t root, const char *text)
{
	if (idmap_get(&p->by_root, root) == IDMAP_NONE)
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
	for (size_t i = 0; i < p->n_slots; i++)
		if (p->flights[i].root != 0 && is_of(&p->flights[i].message, f))
			return &p->flights[i].message;
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

	if (a->young.n == 0 && a->old.n == 0)
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
