/* nearest.c - see nearest.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 64 };	/* longer words are no slips of the finger */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static int same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* distance counts the letters to insert, drop, change or swap with their neighbour; three
 * rows of the usual table. */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
	size_t rows[3][LONGEST + 1], *before = rows[0], *last = rows[1], *row = rows[2], *swap;

	for (size_t j = 0; j <= n_b; j++)
		last[j] = j;
	for (size_t i = 1; i <= n_a; i++) {
		row[0] = i;
		for (size_t j = 1; j <= n_b; j++) {
			row[j] = least(least(row[j - 1], last[j]) + 1,
			    last[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		swap = before;
		before = last;
		last = row;
		row = swap;
	}
	return last[n_b];
}

struct nearest nearest_to(const char *word)
{
	return (struct nearest){ .word = word, .distance = LONGEST };
}

void nearest_try(struct nearest *near, const char *name)
{
	size_t n = strlen(near->word), n_name = strlen(name);
	size_t limit = n <= 1 ? 0 : n <= 4 ? 1 : n <= 8 ? 2 : 3, found;

	if (near->n < NEAREST_LISTED)
		near->listed[near->n] = name;
	near->n++;
	if (n == 0 || n > LONGEST || n_name == 0 || n_name > LONGEST || n > n_name + limit ||
	    n_name > n + limit)
		return;
	found = distance(near->word, n, name, n_name);
	if (found > limit || found >= near->distance)
		return;
	near->best = name;
	near->distance = found;
}

const char *nearest_help(struct nearest *near)
{
	size_t used = 0;

	near->help[0] = '\0';
	if (near->best != NULL) {
		snprintf(near->help, sizeof near->help, "did you mean \"%s\"?", near->best);
		return near->help;
	}
	if (near->n == 0 || near->n > NEAREST_LISTED)
		return near->help;
	for (size_t i = 0; i < near->n; i++) {
		int n = snprintf(near->help + used, sizeof near->help - used, "%s%s",
		    i == 0 ? "there is " : i + 1 == near->n ? " and " : ", ", near->listed[i]);

		used += (size_t)n;
		if (used >= sizeof near->help) {
			near->help[0] = '\0';
			break;
		}
	}
	return near->help;
}
