/* topstate.h - where one is in gale top: which view, which row, which window; and what a key does.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPSTATE_H
#define GALE_TOPSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics.h"
#include "topgrid.h"

enum topview {
	TOP_LIST,		/* all topologies */
	TOP_COMPONENTS,		/* the components of one */
	TOP_EXECUTORS,		/* all executors of one */
	TOP_COMPONENT,		/* one component */
	TOP_VIEWS
};

/* What is remembered of a view. */
struct toppage {
	char *selected;		/* key of the row that is marked */
	size_t at, first;	/* its number, and that of the first row on the screen */
	int sorted;		/* column, or TOPGRID_UNSORTED */
};

struct topstate {
	enum topview view;
	char *name, *component;	/* of the view; NULL: it has none */
	struct toppage pages[TOP_VIEWS];
	enum metrics_window window;
	bool paused, help;
};

/* Keys other than characters. */
enum topkey {
	TOPKEY_UP = 256, TOPKEY_DOWN, TOPKEY_PAGE_UP, TOPKEY_PAGE_DOWN, TOPKEY_HOME, TOPKEY_END, TOPKEY_ENTER,
	TOPKEY_ESCAPE
};

enum topdeed {
	TOP_NOTHING,
	TOP_DRAW,		/* what is known looks different now */
	TOP_LOOK,		/* look anew */
	TOP_QUIT
};

/* topstate_begin shows the topology NAME; NULL: all. Free what is in S with topstate_end. */
void topstate_begin(struct topstate *s, const char *name);
void topstate_end(struct topstate *s);

/* topstate_seen takes over what was put on the screen: G is the view's table. */
void topstate_seen(struct topstate *s, const struct topgrid *g);

/* topstate_key does what KEY says to do; G is the table that is on the screen. */
enum topdeed topstate_key(struct topstate *s, int key, const struct topgrid *g);

#endif
