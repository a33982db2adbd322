/* diag.h - what is wrong in a file that a person wrote: collected first, then shown all at
 * once, in the order of the file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     2-wordcount.json:9:34: error: no component "splt"
 *         9 |     { "from": "sentences", "to": "splt", "grouping": { ...
 *           |                                  ^^^^^^
 *           = help: did you mean "split"?
 *
 * Places are byte offsets into the source; lines and columns (in characters, from 1) are
 * computed when they are shown.
 *
 *     struct diagnostics d = { 0 };
 *     diag_source(&d, "a.json", text, n);
 *     diag_error(&d, start, end, "no component \"%s\"", id);
 *     diag_help(&d, "did you mean \"%s\"?", nearest);
 *     diag_print(&d, stderr);
 *     diag_free(&d);
 */
#ifndef GALE_DIAG_H
#define GALE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "buf.h"

enum {
	DIAG_SHOWN = 20,	/* as many are printed, then "and N more" */
	DIAG_KEPT = 200		/* as many are kept; the rest is only counted */
};

enum diag_severity { DIAG_ERROR, DIAG_WARNING };

struct diagnostic {
	enum diag_severity severity;
	size_t start, end;	/* the token: offsets into the source */
	char *text;
	char *help;		/* one thing to do; NULL: none */
	char *note;		/* what is at note_at; NULL: none */
	size_t note_at;
	size_t number;		/* the order of finding */
};

/* A zeroed struct is an empty one. */
struct diagnostics {
	char *file;		/* as the user named it */
	char *text;		/* the source; NULL when it could not be read */
	size_t n;		/* its bytes */
	struct diagnostic *items;
	size_t n_items, cap;
	size_t n_errors, n_warnings;	/* counts those not kept as well */
	struct diagnostic spare;	/* takes what is not kept */
	bool spared;			/* the one added last went there */
};

/* diag_source names the file and takes its TEXT (may be NULL), N bytes with a NUL behind
 * them. A byte order mark is taken off. */
void diag_source(struct diagnostics *d, const char *file, char *text, size_t n);

/* diag_error, diag_warning add one. Texts are cut at about 500 bytes. */
void diag_error(struct diagnostics *d, size_t start, size_t end, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void diag_warning(struct diagnostics *d, size_t start, size_t end, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* diag_help gives the one added last its help (an empty text: none), diag_note its note. */
void diag_help(struct diagnostics *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void diag_note(struct diagnostics *d, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* diag_position gives line and column of an offset. */
void diag_position(const struct diagnostics *d, size_t at, size_t *line, size_t *column);

/* diag_print writes all of them and a line with their number; nothing if there are none. */
void diag_print(struct diagnostics *d, FILE *out);

/* diag_json adds them as a JSON array of objects: file, line, column, endLine, endColumn,
 * severity, message, and where there are any help and note {message, line, column}. */
void diag_json(struct diagnostics *d, struct buf *out);

void diag_free(struct diagnostics *d);

#endif
