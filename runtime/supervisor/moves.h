/* moves.h - which tasks move to which workers when components shall have other numbers of
 * executors, and why not. Pure.
 *
 * What would lose something is refused: the tasks of a bolt with finish and without state, for what it
 * has gathered is in its memory (R7), and those of a spout that can't be positioned, for where it is
 * in its input is there (A9). So are ackers, and one component of a chain without the others.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MOVES_H
#define GALE_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "plan.h"
#include "topology.h"

enum { MOVES_USAGE = 2, MOVES_NOT_FOUND = 4, MOVES_CONFLICT = 5 };	/* of enum exit_code */

struct moves {
	const struct plan *now;		/* keeps */
	struct topology after;		/* shares all with now's but components' parallelism and the layout */
	struct plan *then;
};

/* What the running workers know. */
struct moves_facts {
	/* survives: another process could go on where WORKER is in its input. */
	bool (*survives)(void *arg, uint32_t worker);
	/* state_bytes: what task INDEX of COMPONENT has on disk. */
	uint64_t (*state_bytes)(void *arg, uint32_t component, uint32_t index);
	void *arg;
};

/* moves_make plans for WANTED, "COMPONENT=N ...", which it cuts into pieces. Returns 0, or one of the
 * codes with E set. Free M with moves_free in any case. */
int moves_make(struct moves *m, const struct plan *now, char *wanted, const struct moves_facts *facts,
    struct error *e);
void moves_free(struct moves *m);

/* moves_any: a task moves. */
bool moves_any(const struct moves *m);

/* moves_text adds lines for people: what stays, stops and starts of each component that changes, and
 * which state moves. */
void moves_text(struct buf *out, const struct moves *m, const struct moves_facts *facts);

#endif
