/* group.h - groupings: which tasks of the target component get a tuple.
 *
 * Storm's, by Storm's names. SHUFFLE, NONE and LOCAL_OR_SHUFFLE are not chosen here but
 * when the frame leaves (sink.h).
 *
 *   FIELDS       XXH3_64bits over the canonical bytes (wire_canonical) of the fields, in
 *                the order of args, modulo the number of tasks. State is partitioned by
 *                this number: it is pinned by a test and never changes.
 *   PARTIAL_KEY  the less used of two tasks chosen by two hashes of the key (Nasir et al.,
 *                "The power of both choices", ICDE 2015)
 *   ALL          every task        GLOBAL   the first task
 *   DIRECT       the emitter says  CUSTOM   a plugin's `choose` says
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_GROUP_H
#define GALE_GROUP_H

#include <stdint.h>

#include "buf.h"
#include "topology.h"

struct group {
	const struct subscription *subscription;	/* keeps */
	uint32_t n_tasks;
	uint64_t *sent;			/* PARTIAL_KEY: tuples per task so far */
	struct buf key;			/* scratch */
	const gale_component *custom;	/* CUSTOM: the plugin and its private memory */
	void *custom_self;
	gale_ctx *custom_ctx;
};

void group_init(struct group *g, const struct subscription *s, uint32_t n_tasks);
void group_free(struct group *g);

/* group_hash gives the FIELDS hash of a tuple. */
uint64_t group_hash(struct group *g, const gale_value *values);

/* group_fields gives the task that it leads to. */
uint32_t group_fields(struct group *g, const gale_value *values);

/* group_choose writes the indexes of the chosen tasks (0 .. n_tasks-1) to TASKS, which has
 * room for n_tasks, and returns how many, or -1: a CUSTOM plugin refused. */
int group_choose(struct group *g, const gale_value *values, uint32_t n, uint32_t *tasks);

#endif
