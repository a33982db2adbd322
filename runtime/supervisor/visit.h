/* visit.h - who comes to read the state of a topology that runs (rule X13).
 *
 * The supervisor listens on the socket `control` in the state directory (AF_UNIX,
 * SOCK_SEQPACKET; the directory is its user's alone). A visitor says and hears
 *
 *     "look"         "frozen": from now on nothing is decided
 *     "done"         "thawed": until now nothing was decided
 *
 * In between it copies what it wants. Work goes on meanwhile, only the coordinator writes no
 * record: so whatever of a round gets into the copy is above the copied record, and its undo
 * beside it. Without transactions there is no record, and each task is as of its last commit.
 *
 * One visitor at a time; one that takes longer than VISIT_MS is shown out, and so is one during whose
 * visit the coordinator was lost: it hears no "thawed", and what it has copied is worth nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_VISIT_H
#define GALE_VISIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "error.h"

enum { VISIT_MS = 5000, VISIT_POLLS = 2 };

struct visit {
	struct crew *crew;
	int dir, listener;	/* -1: nobody can come */
	int visitor;		/* -1: nobody is here */
	bool looks;		/* it was told "frozen" */
	uint64_t deadline_ns;
};

/* visit_open makes the socket in STATE_DIR. -1 with E set: nobody can come, all else works.
 * Keeps CREW. visit_close removes it; also after a visit_open that failed. */
int visit_open(struct visit *v, struct crew *crew, const char *state_dir, struct error *e);
void visit_close(struct visit *v);

/* visit_fill_polls fills VISIT_POLLS places; visit_serve handles what poll found there, and what
 * is due. visit_deadline: when something is; 0: never. */
void visit_fill_polls(const struct visit *v, struct pollfd *p);
void visit_serve(struct visit *v, const struct pollfd *p, uint64_t now_ns);
uint64_t visit_deadline(const struct visit *v);

#endif
