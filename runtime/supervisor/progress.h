/* progress.h - how far a run has come, on standard error: on a terminal a line that is
 * rewritten four times a second, else a line every ten seconds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_PROGRESS_H
#define GALE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "outlet.h"

struct progress {
	const char *name;	/* keeps */
	bool terminal;
	uint64_t next_ns;	/* when to show it again; 0: never (quiet) */
	uint64_t last_ns, last_done;
	double rate;		/* per second, smoothed on a terminal */
};

/* What is shown: messages done (acked; without ackers emitted), and those open. */
struct progress_now {
	uint64_t done, failed, pending;
	bool tracked;
};

/* progress_start: QUIET shows nothing, ever. progress_show shows NOW if it is time. */
void progress_start(struct progress *p, const char *name, bool terminal, bool quiet,
    uint64_t now_ns);
void progress_show(struct progress *p, const struct progress_now *now, struct outlet *o,
    uint64_t now_ns);

#endif
