/* topscreen.h - what gale top has to show: lines of text, each in pieces of a style, none wider
 * than the screen. Who puts it on a terminal is topterm.h; tests and batches read it as text.
 *
 * Text from outside may hold anything: what a terminal can't show becomes "?". Widths are columns
 * of the screen, by wcwidth(3): for UTF-8 the locale (LC_CTYPE) must be set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOPSCREEN_H
#define GALE_TOPSCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum topstyle {
	STYLE_PLAIN,
	STYLE_STRONG,
	STYLE_HEADS,		/* of a table */
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_QUIET,
	N_STYLES
};

struct topspan {
	enum topstyle style;
	char *text;
};

struct topline {
	struct topspan *spans;
	size_t n, cap;
	uint32_t used;		/* columns */
	bool selected;
};

struct topscreen {
	uint32_t width, height;	/* 0: as much as it takes */
	bool utf8;
	struct topline *lines;
	size_t n, cap;
};

/* topscreen_begin makes S an empty screen; free what is in it with topscreen_free. */
void topscreen_begin(struct topscreen *s, uint32_t width, uint32_t height, bool utf8);
void topscreen_free(struct topscreen *s);

/* topscreen_line begins a line; topscreen_put adds TEXT to it, cut with "~" where the screen ends.
 * topscreen_cell adds just WIDTH columns: TEXT, cut or with blanks, on the right side or the left.
 * topscreen_gap adds blanks. */
void topscreen_line(struct topscreen *s);
void topscreen_put(struct topscreen *s, enum topstyle style, const char *text);
void topscreen_cell(struct topscreen *s, enum topstyle style, const char *text, uint32_t width, bool right);
void topscreen_gap(struct topscreen *s, enum topstyle style, uint32_t width);

/* topscreen_wrap adds TEXT as lines, broken at blanks, MOST at most (0: any number): the last one
 * is cut. topscreen_columns gives how wide TEXT is. */
void topscreen_wrap(struct topscreen *s, enum topstyle style, const char *text, uint32_t most);
uint32_t topscreen_columns(const struct topscreen *s, const char *text);

/* Pieces of a line that need not all be there: the one of the greatest rank is left out first. */
struct toppiece {
	uint8_t rank;		/* 0: never left out */
	enum topstyle style;
	char *text;
};

struct toppieces {
	struct toppiece items[16];
	size_t n;
};

/* toppieces_add adds a piece; those above 16 are left out. topscreen_pieces adds a line of those
 * that fit, with two blanks between them, and frees their texts. */
void toppieces_add(struct toppieces *p, uint8_t rank, enum topstyle style, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void topscreen_pieces(struct topscreen *s, struct toppieces *p);

/* topscreen_text adds all lines to OUT, without blanks at their ends. */
void topscreen_text(const struct topscreen *s, struct buf *out);

#endif
