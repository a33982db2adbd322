/* supervisor.h - one run of a topology, from the first worker's start to the last one's
 * end: the process that `gale run` is, and `gale submit` leaves behind.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * An event loop of one thread over poll(2): a signalfd, and of each worker a pidfd, the
 * control channel, and the pipes of its standard output and error. What happens then is
 * decided in life.c; how a worker starts and is reaped stands in spawn.c.
 */
#ifndef GALE_SUPERVISOR_H
#define GALE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "home.h"
#include "plan.h"
#include "summary.h"
#include "topology.h"

struct run_options {
	const char *worker_program;	/* what is exec'd as worker; NULL: this program */
	const char *state_dir;		/* opened by the caller; NULL: one for this run only */
	uint32_t run;			/* its number in there */
	bool quiet;			/* no progress */
	bool inactive;			/* spouts wait for "activate" */
	const struct home *home;	/* of a submitted topology; NULL: it runs in the foreground */
	int tell_fd;			/* with a home: gets "up\n" once all is ready; -1: nobody asks */
	const char *listen;		/* where its page is served (web.h); NULL: nowhere */
	uint32_t ready_ms, stop_ms;	/* how long a start, a stop may take; 0: 30 s, 5 s */
};

struct run_result {
	int exit;			/* 0, 1, 5: a spout can't go on from its position, or
					 * 128 + the signal that ended it */
	struct error error;		/* why it failed; "" if it did not */
	bool stopped;			/* it ended because it was told to, not by itself */
	bool forget;			/* by "kill": its home is to go */
	struct plan *plan;
	struct summary *summary;
};

/* supervisor_run runs T until it ends, and says on standard error what there is to say,
 * but for the summary; a rebalance changes T. Leaves nothing behind. Returns r->exit; free R with
 * run_result_free, before T. */
int supervisor_run(struct topology *t, const struct run_options *options,
    struct run_result *r);
void run_result_free(struct run_result *r);

#endif
