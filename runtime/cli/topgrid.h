/* topgrid.h - the table of gale top: which columns fit, in which order the rows stand, which of
 * them are on the screen.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPGRID_H
#define GALE_TOPGRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topscreen.h"

enum { TOPGRID_COLUMNS = 20, TOPGRID_UNSORTED = -1 };

enum topgrid_kind {
	GRID_NAME,		/* text, sorted from A on; a third of the screen at most */
	GRID_NUMBER,		/* on the right side, sorted from the greatest on */
	GRID_WORD,		/* text, sorted from A on */
	GRID_BAR,		/* text that is not sorted, and not there in a batch */
	GRID_REST		/* text that takes what room is left; not there when it is always empty */
};

struct topgrid_column {
	const char *head;
	enum topgrid_kind kind;
	uint8_t rank;		/* the column of the greatest rank is left out first; 0: never */
	uint8_t least;		/* its width at least, so that columns don't jump about */
};

struct topgrid_cell {
	enum topstyle style;
	double value;		/* to sort by, of numbers */
	char *text;
};

struct topgrid_row {
	char *key;		/* what it is about */
	size_t number;		/* before rows were sorted */
	struct topgrid_cell cells[TOPGRID_COLUMNS];
	size_t n;
};

struct topgrid {
	const struct topgrid_column *columns;
	size_t n_columns;	/* up to TOPGRID_COLUMNS */
	struct topgrid_row *rows;
	size_t n, cap;

	/* As it was put on the screen. */
	bool shown[TOPGRID_COLUMNS];
	size_t selected, first, n_visible;	/* rows */
};

/* topgrid_begin makes an empty table of COLUMNS, which it keeps; topgrid_free frees what is in it. */
void topgrid_begin(struct topgrid *g, const struct topgrid_column *columns, size_t n_columns);
void topgrid_free(struct topgrid *g);

/* topgrid_row begins a row; its cells are added in order. VALUE is what numbers are sorted by. */
void topgrid_row(struct topgrid *g, const char *key);
void topgrid_cell(struct topgrid *g, enum topstyle style, double value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* topgrid_sort sorts rows by COLUMN; TOPGRID_UNSORTED leaves them as they are. */
void topgrid_sort(struct topgrid *g, int column);

/* How it is to be put. */
struct topgrid_place {
	const char *selected;	/* key of the row that is marked; NULL: as AT says */
	size_t at;		/* which row to mark when none has that key */
	size_t first;		/* row that the screen began with */
	size_t rows;		/* how many there is room for; 0: for all, and none is marked */
	int sorted;		/* column */
};

/* topgrid_put adds the heads and the visible rows as lines of S. */
void topgrid_put(struct topgrid *g, struct topscreen *s, const struct topgrid_place *p);

/* topgrid_next gives the column to sort by after COLUMN: one that is shown; TOPGRID_UNSORTED after
 * the last. */
int topgrid_next(const struct topgrid *g, int column);

#endif
