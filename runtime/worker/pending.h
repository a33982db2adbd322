/* pending.h - the messages of one worker that are not yet acked: in flight, or waiting to
 * be replayed.
 *
 * A message is what a spout emitted with an id, or a finishing bolt emitted. Each emit of
 * it is a new root (rule A7). The table knows root -> message while it is in flight; a
 * failed message that gale is to replay waits in a heap by the time when it is due; of a
 * message that its spout replays by itself only the number of attempts is kept. Pure.
 *
 * A worker counts its roots up, and they are settled in about that order. So flights lie in
 * a ring, each at its root modulo the size of the ring, and to find one is to look there. When
 * a new root finds the place taken the ring is too small for what is in flight, and doubles;
 * or, if most of it is free, what lies there is one that stays open while thousands pass: then
 * that one moves to the stragglers, a table with an index. So any roots will do, only slower.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PENDING_H
#define GALE_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "idmap.h"

struct message {
	uint64_t id;
	uint32_t task;		/* index of the task in this worker */
	uint32_t stream;
	uint32_t target;	/* direct: the task; else UINT32_MAX */
	uint32_t attempt;	/* of this emit, from 1: failures that counted so far (A8) + 1 */
	uint8_t *body;		/* its values as wire_put_values wrote them, owned; NULL: not kept */
	uint32_t body_bytes;
	bool kept;		/* gale replays it */
	uint8_t deaths;		/* workers that have died with it in hand so far (A8) */
	uint64_t first;		/* root of its first emit here; 0: not emitted yet */
};

struct flight {
	uint64_t root;		/* 0: a free slot */
	uint64_t emitted_ns;
	uint64_t heard_ns;	/* when it was emitted or last extended (A5) */
	struct message message;
};

struct replay {
	uint64_t due_ns;
	struct message message;
};

/* A root that was in hand when a worker crashed; it will be failed with all the others. */
struct named {
	uint64_t root;
	char *text;		/* who, and how */
};

/* Attempts of one task's messages: id + 1 -> failures that counted. Two generations, so that
 * the oldest half can be forgotten at once. */
struct attempts {
	struct idmap young, old;
};

/* A root that has failed; tuples of it may still be on their way. */
struct failed_root {
	uint64_t root;
	uint64_t first, id;	/* of its message */
	uint32_t task;
	bool kept;
};

/* Flights that have left the ring, in slots. */
struct stragglers {
	struct flight *slots;
	size_t n_slots, cap;
	uint32_t *free;
	size_t n_free, free_cap;
	struct idmap by_root;
};

struct pending {
	struct flight *ring;		/* mask + 1 of them, a power of two */
	size_t mask;
	size_t n_ring;			/* in use */
	struct stragglers late;
	struct replay *replays;		/* binary heap, earliest due first */
	size_t n_replays, replays_cap;
	struct named *named;
	size_t n_named, named_cap;
	struct attempts *attempts;	/* per task */
	struct failed_root *failed;	/* a ring, the latest PENDING_FAILED_MOST */
	size_t n_failed, failed_cap;	/* n_failed: ever */
	uint32_t n_tasks;
	struct oldest_seen {			/* pending_oldest */
		uint64_t root;		/* none in the ring is older */
		size_t late_at;		/* straggler to be looked at next, and the */
		uint64_t late_ns;	/* oldest of those before it; 0: none */
		uint64_t ring_found_ns, late_found_ns;
	} oldest;
};

enum { PENDING_FAILED_MOST = 4096 };

void pending_init(struct pending *p, uint32_t n_tasks);
void pending_free(struct pending *p);

/* pending_open gives the number of messages in flight or waiting: what
 * topology.max.spout.pending bounds. */
static inline size_t pending_open(const struct pending *p)
{
	return p->n_ring + p->late.by_root.n + p->n_replays;
}

/* pending_make_way frees the place of ROOT, which is taken, in the ring. */
void pending_make_way(struct pending *p, uint64_t root);

/* pending_pass: ROOT is made; whether it will be added, or is over at once, remains to be seen. So none that is
 * in the ring is older than the ring is long, however many pass that are never added. */
static inline void pending_pass(struct pending *p, uint64_t root)
{
	if (p->ring[root & p->mask].root != 0)
		pending_make_way(p, root);
}

/* pending_add: ROOT, which is new and not 0, is an emit of M. Takes M's body. Returns where M
 * is now, until the next call. */
static inline const struct message *pending_add(struct pending *p, uint64_t root, const struct message *m, uint64_t now_ns)
{
	struct flight *f = &p->ring[root & p->mask];

	if (f->root != 0) {
		pending_make_way(p, root);
		f = &p->ring[root & p->mask];
	}
	*f = (struct flight){ root, now_ns, now_ns, *m };
	p->n_ring++;
	return &f->message;
}

/* pending_settle takes ROOT's flight out into *F, body included. False: not known (void,
 * late, or settled before). */
bool pending_settle(struct pending *p, uint64_t root, struct flight *f);

/* pending_extend: the acker has reset ROOT's timeout. */
void pending_extend(struct pending *p, uint64_t root, uint64_t now_ns);

/* pending_silent finds a root unheard of since BEFORE_NS, or 0. *CURSOR starts at 0 and
 * walks the table once; roots may be settled and added in between. */
uint64_t pending_silent(const struct pending *p, size_t *cursor, uint64_t before_ns);

/* pending_oldest gives when the oldest tree in flight was emitted, 0: there is none; NEXT_ROOT
 * is the one after the newest. It looks at some only and goes on from there at the next call, so
 * while there are very many it may be late, by as many calls as it takes to see all, and then
 * gives rather an earlier time. */
uint64_t pending_oldest(struct pending *p, uint64_t next_root);

/* pending_roots gives all roots in flight; *N: how many. The caller frees them. */
uint64_t *pending_roots(const struct pending *p, size_t *n);

/* The messages that have been in flight for longest, oldest first. The walk through the table is
 * made in pieces: there may be millions. */
struct oldest {
	struct { uint64_t root, emitted_ns; } *list;	/* room for `most` */
	size_t n, most;
	size_t cursor;
};

/* oldest_init: of MOST messages, 1 or more. oldest_look goes on through the next PLACES of P; false:
 * it is through, and the list is complete: of those that were in flight all the time. */
void oldest_init(struct oldest *o, size_t most);
void oldest_free(struct oldest *o);
bool oldest_look(struct oldest *o, const struct pending *p, size_t places);

/* pending_get gives the flight of ROOT until the next call, or NULL. */
const struct flight *pending_get(const struct pending *p, uint64_t root);

/* pending_name notes that ROOT, if it is in flight, was in hand at a death that TEXT
 * describes. pending_named gives that text, or NULL; pending_forget_named forgets all. */
void pending_name(struct pending *p, uint64_t root, const char *text);
const char *pending_named(const struct pending *p, uint64_t root);
void pending_forget_named(struct pending *p);

/* pending_failed notes that ROOT, an emit of M, has failed. pending_failed_root finds what was
 * noted, or NULL: never, or long ago. pending_find gives the message that F was an emit of, if
 * it is in flight again or waits to be replayed, else NULL. */
void pending_failed(struct pending *p, uint64_t root, const struct message *m);
const struct failed_root *pending_failed_root(const struct pending *p, uint64_t root);
struct message *pending_find(struct pending *p, const struct failed_root *f);

/* pending_replay_at: M, which has a body, is to be emitted again at DUE_NS. Takes it. */
void pending_replay_at(struct pending *p, const struct message *m, uint64_t due_ns);

/* pending_next_replay takes the earliest message that is due at NOW_NS into *M. */
bool pending_next_replay(struct pending *p, uint64_t now_ns, struct message *m);

/* pending_replay_due gives when the earliest replay is due; UINT64_MAX: none waits. */
uint64_t pending_replay_due(const struct pending *p);

/* The attempts of messages that spouts replay by themselves: pending_attempts gives how
 * many failed (0: none), pending_set_attempts notes it, 0 forgets it. ID is not
 * UINT64_MAX.
 *
 * Nothing obliges a spout to emit a failed message again, and nobody tells when it has given
 * one up. So an id that was not noted while PENDING_ATTEMPTS other ones of its task were
 * may be forgotten: had it been meant to come again it would have, for no spout has so many
 * failed messages waiting. One that comes after all has all of its attempts again; it is
 * not lost. */
enum { PENDING_ATTEMPTS = 1 << 17 };	/* 8 MiB per generation */

uint32_t pending_attempts(const struct pending *p, uint32_t task, uint64_t id);

/* pending_any_attempts: TASK has a message that failed and is noted. */
static inline bool pending_any_attempts(const struct pending *p, uint32_t task)
{
	return p->attempts[task].young.n > 0 || p->attempts[task].old.n > 0;
}
void pending_set_attempts(struct pending *p, uint32_t task, uint64_t id, uint32_t n);

#endif
