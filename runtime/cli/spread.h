/* spread.h - `gale state import --tasks COMPONENT=N`: another task for each key.
 *
 * Which task keeps a key is the bolt's business. But where the component is fed by one stream, FIELDS
 * on one field, and its plugin says that this field's values are the keys (state_by_field), the grouping
 * tells where they go among N tasks. Everything else is refused, and so are keys that do not lie where
 * the grouping would have sent them so far. A bolt that keeps nothing may have any number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SPREAD_H
#define GALE_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"
#include "error.h"
#include "statelines.h"

struct spread {
	char *component;
	uint32_t n_tasks;	/* from now on */
	uint32_t n_before;
	gale_type keys;		/* GALE_STRING or GALE_BYTES; GALE_NULL: the grouping tells nothing of them */
	uint64_t version, txid;	/* version 0: it has no state */
	bool misplaced;		/* a key lies elsewhere than the grouping says */
};

/* spread_parse reads "COMPONENT=N": 0 or -1 with E set. Free with spread_free in any case. */
int spread_parse(struct spread *s, const char *text, struct error *e);
void spread_free(struct spread *s);

/* spread_topology looks for the component in TOPOLOGY (the text of fit.h, with a NUL) and makes
 * that the text of the new number of tasks. -1 with E set. */
int spread_topology(struct spread *s, struct buf *topology, struct error *e);

/* spread_task looks at a task of it, spread_key at one of its keys; spread_check says, when all
 * were looked at, whether they can be spread. -1 with E set. */
int spread_task(struct spread *s, uint64_t version, uint64_t txid, struct error *e);
void spread_key(struct spread *s, uint64_t task, const struct buf *key);
int spread_check(const struct spread *s, struct error *e);

/* spread_target gives the task that KEY belongs to from now on. */
uint32_t spread_target(const struct spread *s, const struct buf *key);

#endif
