/* topfeed.h - what gale top looks at, again and again: one topology or all of them.
 *
 * Only pages and files are read; nobody is asked (metrics.h). Of two looks in a row the second
 * tells what happened in between: WINDOW_LIVE.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPFEED_H
#define GALE_TOPFEED_H

#include "advice.h"
#include "survey.h"

/* One look. */
struct toplook {
	struct survey *surveys;	/* n, in the order of their names */
	size_t n;		/* of one topology 1; 0: it is not there */
	struct advice *advice;	/* of one that runs, else NULL; of the last minute if the window is live */
	struct error error;	/* why there is nothing; "" if not */
};

/* A zeroed struct is one that has not looked yet. */
struct topfeed {
	struct toplook look;	/* the last one */
};

/* topfeed_look looks at the topology NAME, which need not be there, or at all if that is NULL.
 * WINDOW_LIVE begins with the look before, if that saw the same run long enough ago; else it is
 * the last minute. Of all topologies queues and memory are not read, whatever DEPTH is. */
void topfeed_look(struct topfeed *f, const char *name, enum metrics_window window, enum metrics_depth depth);
void topfeed_close(struct topfeed *f);

/* topfeed_of gives the survey of the topology NAME in a look, or NULL. */
const struct survey *topfeed_of(const struct toplook *look, const char *name);

#endif
