/* rebalance.h - moving tasks to other workers while the topology runs: the steps (rule X14).
 *
 * Pure: no processes, no clocks, no files. It drives life.h; what it has to know or to have done
 * goes through a table.
 *
 *     PAUSING     spouts are told not to emit, until nothing is open, or for the time given
 *     RETIRING    who has tasks that move is told to leave; all have exited, and nobody is just
 *                 being started
 *     LAYING      the new layout is on disk and the plan from now on; who is new was started, who
 *                 is live was told: until all have it, the sources were told of the loss, and who
 *                 sends to those who are new has said so: one who does so late has sources told
 *                 again. Then, or after the time given and REBALANCE_RESUME_MS at least, spouts
 *                 emit again: one who is in a long execute keeps nobody waiting for longer. What
 *                 leaves for who is gone until then is failed with the rest.
 *     READYING    until all workers are ready
 *
 * What was still open when the time was over is failed by the fences of those who are new, and
 * comes again; batches are dropped by the coordinator's reset. So nothing is lost however short the
 * pause is; with a longer one less comes twice.
 *
 * Who dies on the way is started again as ever. When the layout can't be written, those who were
 * told to leave are started again, in LAYING, with the tasks that they had.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_REBALANCE_H
#define GALE_REBALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "life.h"
#include "plan.h"

enum {
	REBALANCE_POLL_MS = 2,		/* how often it is asked whether anything is open */
	REBALANCE_RESUME_MS = 500
};

enum rebalance_phase {
	REBALANCE_IDLE, REBALANCE_PAUSING, REBALANCE_RETIRING, REBALANCE_LAYING, REBALANCE_READYING
};

struct rebalance_orders {
	/* quiet: every source was told to pause, and has nothing open. */
	bool (*quiet)(void *arg);
	/* adopt writes the layout and calls lives_lay_out with its plan. 0, or -1 with E set: nothing has
	 * changed. */
	int (*adopt)(void *arg, uint64_t now_ns, struct error *e);
	/* step: this phase begins. */
	void (*step)(void *arg, enum rebalance_phase phase);
	/* over: it has ended, CODE 0 or an exit code with TEXT; PAUSE_NS is how long spouts did not emit. */
	void (*over)(void *arg, int code, const char *text, uint64_t pause_ns);
};

struct rebalance {
	struct lives *lives;
	const struct rebalance_orders *orders;
	void *arg;
	const struct plan *then;
	enum rebalance_phase phase;
	uint64_t wait_ns;
	uint64_t began_ns, until_ns;	/* of the pause; when this phase has lasted long enough */
	uint64_t pause_ns;		/* how long it was; 0: it is not over */
	bool failed;			/* the layout could not be written, */
	struct error why;
};

/* rebalance_init: nothing is moved. Keeps LIVES, ORDERS, ARG. */
void rebalance_init(struct rebalance *r, struct lives *lives, const struct rebalance_orders *orders, void *arg);

/* rebalance_begin moves tasks as THEN has them, which must be there until it is over, and waits
 * WAIT_NS at most for what is open. Returns 0 or -1 with E set: not now. */
int rebalance_begin(struct rebalance *r, const struct plan *then, uint64_t wait_ns, uint64_t now_ns,
    struct error *e);

/* rebalance_turn goes on as far as it can; call it whenever anything has happened, and at
 * rebalance_deadline (0: never). */
void rebalance_turn(struct rebalance *r, uint64_t now_ns);
uint64_t rebalance_deadline(const struct rebalance *r, uint64_t now_ns);

#endif
