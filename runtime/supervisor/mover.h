/* mover.h - a rebalance, carried out: from what a command asked for to files and processes. What can
 * be is decided in moves.c, the steps are rebalance.c's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MOVER_H
#define GALE_MOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "crew.h"
#include "desk.h"
#include "error.h"
#include "home.h"
#include "moves.h"
#include "overview.h"
#include "rebalance.h"
#include "topology.h"

enum {
	MOVER_WAIT_MS = 500,		/* for what is open, as a rule */
	MOVER_WAIT_UNTRACKED_MS = 10000	/* where it would not come again, but be lost (no ackers) */
};
#define MOVER_DEFAULT UINT64_MAX

struct mover {
	struct crew *crew;
	struct desk *desk;
	struct topology *topology;	/* NULL: nothing can be moved */
	const struct home *home;	/* of a submitted topology, or NULL */
	struct overview *overview;
	struct rebalance rebalance;
	struct moves moves;		/* of the one under way */
	struct desk_client *client;	/* who asked for it; NULL: has gone */
	uint64_t began_ns;
};

/* mover_init: nothing is under way. Keeps CREW and DESK. mover_serve tells what it needs to move
 * tasks, and keeps all of that; HOME may be NULL. */
void mover_init(struct mover *m, struct crew *crew, struct desk *desk);
void mover_serve(struct mover *m, struct topology *t, const struct home *home, struct overview *overview);
void mover_free(struct mover *m);

/* mover_begin: CLIENT wants WANTED ("COMPONENT=N ...", which is cut into pieces), and that the pause
 * waits WAIT_MS at most for what is open, MOVER_DEFAULT: as long as is usual; DRY: it only wants to know. It is answered, at once
 * or later, by messages that begin with "plan " (lines, each with its newline), "step " and at last "ok TEXT" or "error CODE TEXT".
 * mover_gone: the client has gone; what is under way goes on. */
void mover_begin(struct mover *m, struct desk_client *client, uint64_t wait_ms, bool dry, char *wanted,
    uint64_t now_ns);
void mover_gone(struct mover *m, struct desk_client *client);

/* mover_turn goes on with what is under way; mover_deadline tells when it has to; 0: never. */
void mover_turn(struct mover *m, uint64_t now_ns);
uint64_t mover_deadline(const struct mover *m, uint64_t now_ns);

#endif
