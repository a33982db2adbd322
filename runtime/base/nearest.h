/* nearest.h - "did you mean": the name nearest to a word that nobody knows.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     struct nearest near = nearest_to("splt");
 *     for (...)
 *             nearest_try(&near, names[i]);
 *     diag_help(x, "%s", nearest_help(&near));
 */
#ifndef GALE_NEAREST_H
#define GALE_NEAREST_H

#include <stddef.h>

enum { NEAREST_LISTED = 8 };	/* more names than these are no help */

struct nearest {
	const char *word;
	const char *best;	/* NULL: none is near; borrowed from nearest_try */
	size_t distance;	/* of best */
	size_t n;		/* names tried */
	const char *listed[NEAREST_LISTED];
	char help[300];
};

/* nearest_to begins for WORD (borrowed). Near is a Damerau-Levenshtein distance, letters
 * compared without case, of at most 1 for words of up to 4 letters, 2 up to 8, 3 above; to
 * a single letter nothing else is near. */
struct nearest nearest_to(const char *word);

/* nearest_try offers a NAME; it must live as long as the struct is used. */
void nearest_try(struct nearest *near, const char *name);

/* nearest_help says what to do: `did you mean "split"?`; else the names that there are, if
 * they are at most 8; else "". */
const char *nearest_help(struct nearest *near);

#endif
