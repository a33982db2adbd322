/* topview.h - what gale top shows: from a look (topfeed.h) and a state (topstate.h) to lines of
 * text. Pure: time, size and character set are arguments.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPVIEW_H
#define GALE_TOPVIEW_H

#include "topfeed.h"
#include "topstate.h"

struct topscene {
	const struct topfeed *feed;
	const struct topstate *state;
	uint32_t width, height;	/* of the screen; 0: a batch, which has no keys and no marks */
	bool utf8;
	int64_t wall_ms;	/* since 1970, now */
};

/* What is on the screen. */
struct topframe {
	struct topscreen screen;
	struct topgrid grid;	/* without rows where the view has no table */
};

/* topview_make fills F in; free what is in it with topview_free. */
void topview_make(struct topframe *f, const struct topscene *x);
void topview_free(struct topframe *f);

#endif
