/* obituary.h - how a worker ended, in words: who, of what, its last words, and the tuple
 * that it had in hand.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_OBITUARY_H
#define GALE_OBITUARY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "plan.h"
#include "status.h"

struct obituary {
	const struct plan *plan;
	uint32_t worker, start;
	pid_t pid;
	int status;			/* as from wait(2) */
	const char *killed_because;	/* we killed it, for this reason; else NULL */
	bool hung;			/* ... because it did not answer */
	const char *left_because;	/* we told it to leave, and it did, for this reason; else NULL */
	bool asks_core;			/* say where a core file went */
	bool oom;			/* the kernel has killed somebody for want of memory */
	const char *fatal;		/* what it said in "fatal TEXT"; "" or NULL: nothing */
	const struct status *const *pages;	/* of its stages; NULL: it died before it had one */
	uint64_t now_ns;
};

/* obituary_write adds one line without newline to OUT:
 *
 *     split[0] (pid 4711, start 1) was killed by SIGSEGV (signal 11): LAST WORDS;
 *     tuple in hand for 3 ms: from lines[0], root 9f3c..., 14 bytes: ["to be or not"]
 *
 * In a worker of several stages: "tuple in hand of split for 3 ms".
 */
void obituary_write(struct buf *out, const struct obituary *o);

/* obituary_hand gives the page that tells of the tuple in hand, the innermost one where stages have
 * called each other; NULL: there was none. */
const struct status *obituary_hand(const struct obituary *o);

/* obituary_cause adds how it ended: "was killed by SIGSEGV (signal 11)". */
void obituary_cause(struct buf *out, const struct obituary *o);

/* obituary_values adds what is known of the tuple in hand, its values for people: decoded
 * where all of them are on the page, else the first bytes, escaped. */
void obituary_values(struct buf *out, const struct status *page);

#endif
