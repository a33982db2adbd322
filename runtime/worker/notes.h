/* notes.h - what a worker has to say of roots beside their values: failed, reset, void.
 *
 * While an acker is full these wait, and at most one for each root (rule F3): the first
 * fail wins over later ones and over resets, which it makes moot; a void, by the spout that
 * has given the root up, wins over both. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_NOTES_H
#define GALE_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "idmap.h"

struct note {
	uint64_t root;
	char *why;		/* of a fail, owned; else NULL */
	uint32_t task;
	uint8_t type;		/* RECORD_FAIL, RECORD_RESET, RECORD_VOID */
};

struct notes {
	struct note *list;	/* in the order of their roots' first notes; those below */
	size_t gone, n, cap;	/* `gone` have left */
	struct idmap index;	/* root -> place in the list */
};

void notes_init(struct notes *s);
void notes_free(struct notes *s);

static inline size_t notes_waiting(const struct notes *s)
{
	return s->n - s->gone;
}

void notes_failed(struct notes *s, uint64_t root, uint32_t task, const char *why);
void notes_reset(struct notes *s, uint64_t root, uint32_t task);
void notes_void(struct notes *s, uint64_t root);

/* notes_write moves the oldest into OUT as records, as many as fit while OUT has at most
 * MOST_BYTES. */
void notes_write(struct notes *s, struct buf *out, size_t most_bytes);

#endif
