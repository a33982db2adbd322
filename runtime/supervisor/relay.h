/* relay.h - what a worker prints, made into lines that say who printed them.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bytes in, lines out; no descriptors here. A line comes out as "split[0] text\n".
 * Control characters and bytes that are no UTF-8 come out as \xNN (tabs stay), a carriage
 * return before the newline is dropped. A line of more than RELAY_LINE_MAX bytes is cut
 * into pieces; each piece but the last ends with RELAY_CUT and each but the first begins
 * with it.
 */
#ifndef GALE_RELAY_H
#define GALE_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum { RELAY_LINE_MAX = 8192 };
#define RELAY_CUT "[...]"

struct relay {
	const char *label;	/* keeps */
	struct buf line;	/* the line that has not ended yet */
	bool cut;		/* what is in `line` goes on from a piece before */
};

/* relay_bytes takes the next N bytes and adds the lines that they complete to OUT. */
void relay_bytes(struct relay *r, const char *bytes, size_t n, struct buf *out);

/* relay_end: nothing more will come; adds a last line that has no newline. Frees all but
 * R itself. */
void relay_end(struct relay *r, struct buf *out);

/* relay_escape adds N bytes to OUT, escaped as above. */
void relay_escape(struct buf *out, const char *bytes, size_t n);

#endif
