/* errorbook.h - errors of a log, counted: the same one of the same component is one entry, however
 * often it came.
 *
 * Two are the same when nothing but their numbers, ids and what stands in quotes differs: where one
 * tuple makes a bolt fail, others will.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ERRORBOOK_H
#define GALE_ERRORBOOK_H

#include <stddef.h>
#include <stdint.h>

#include "logline.h"

struct errorbook_entry {
	char *component;	/* "split"; "lines+split" where they are chained */
	char *shape;		/* the text without what may differ */
	char *label, *text;	/* of the last one */
	gale_level level;
	uint64_t n;
	int64_t first_ms, last_ms;
};

struct errorbook {
	struct errorbook_entry *entries;
	size_t n, cap;
};

/* errorbook_add counts one more line. errorbook_sort puts the entry that came last first.
 * errorbook_free frees all but B itself. */
void errorbook_add(struct errorbook *b, const struct logline *l);
void errorbook_sort(struct errorbook *b);
void errorbook_free(struct errorbook *b);

#endif
