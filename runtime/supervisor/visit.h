/* visit.h - who comes to read the state of a topology that runs (rule X13).
 *
 * A client at the desk (desk.h) says and hears
 *
 *     "look"         "frozen": from now on nothing is decided
 *     "done"         "thawed": until now nothing was decided
 *
 * In between it copies what it wants. Work goes on meanwhile, only the coordinator writes no
 * record: so whatever of a round gets into the copy is above the copied record, and its undo
 * beside it. Without transactions there is no record, and each task is as of its last commit.
 *
 * One visitor looks at a time, others wait; one that takes longer than VISIT_MS is shown out, and
 * so is one during whose visit the coordinator was lost: it hears no "thawed", and what it has
 * copied is worth nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_VISIT_H
#define GALE_VISIT_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "desk.h"

enum { VISIT_MS = 5000 };

struct visit {
	struct crew *crew;	/* keeps, as the next one */
	struct desk *desk;
	struct desk_client *visitor;	/* NULL: nobody is here */
	bool looks;		/* it was told "frozen" */
	uint64_t deadline_ns;
};

/* visit_look: CLIENT wants to look; false: somebody else does, so try again. visit_done: it has
 * looked. visit_gone: it has gone. */
bool visit_look(struct visit *v, struct desk_client *client, uint64_t now_ns);
void visit_done(struct visit *v);
void visit_gone(struct visit *v, const struct desk_client *client);

/* visit_turn does what is due, visit_deadline tells when something is; 0: never. */
void visit_turn(struct visit *v, uint64_t now_ns);
uint64_t visit_deadline(const struct visit *v);

#endif
