/* counts.h - what each task has counted, in one file of the run directory for all of them: the task
 * keeps its numbers whichever worker runs it.
 *
 * A worker whose executor has several tasks counts here as it does on its status page, each task in
 * a place of its own, which it alone writes, with plain stores. An executor's only task costs nothing
 * more: what its status page counts is its own, and goes on counting here when the page is the past,
 * which the supervisor folds in. So a task's total is its place here, and the page on top of it as
 * long as that is not folded in.
 *
 * The file is made by whoever needs it first: with zeros it is whole.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_COUNTS_H
#define GALE_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "error.h"
#include "status.h"

/* As in struct status. */
struct counts {
	uint64_t emitted, transferred;	/* of all streams */
	uint64_t executed, acked, failed, timed_out, dead_lettered;
};

/* A task's place: two lines of cache, for its neighbours may be other workers'. */
struct counts_place {
	struct counts n;
	uint64_t passed;		/* executed and acked at once: stands in n for neither, but for both */
	_Atomic uint64_t changes;	/* odd while a page is folded in */
	uint32_t worker, start;		/* of the page that was folded in last; start 0: none was */
	uint64_t reserved[6];
};

/* counts_open maps the file PATH with the places of N tasks for writing, and makes it if it is not
 * there; counts_look maps an existing one for reading. NULL with E set. counts_close unmaps; NULL is
 * allowed. */
struct counts_place *counts_open(const char *path, uint32_t n, struct error *e);
const struct counts_place *counts_look(const char *path, uint32_t n, struct error *e);
void counts_close(const struct counts_place *places, uint32_t n);

/* counts_fold adds PAGE, of a worker that is gone and had the task P alone in this stage. Once for
 * each start. */
void counts_fold(struct counts_place *p, const struct status *page);

/* counts_total gives what a task has counted: P, and PAGE unless that is folded in. Both may be
 * NULL. */
struct counts counts_total(const struct counts_place *p, const struct status *page);

#endif
