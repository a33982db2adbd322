/* statelines.h - state as lines of JSON: what `gale state dump` prints and export writes.
 *
 *     {"component":"tally","task":0,"key":"the","value":{"$bytes":"LwAAAAAAAAA="},"int":47}
 *
 * Bytes are a string when they are UTF-8 without control characters other than tab, newline and
 * return, else base64 in an object: both are exact. A value of 8 bytes has its meaning as an
 * int64_t beside it, which it may or may not be.
 *
 * Reading takes exactly what was written, byte for byte: no spaces, no other order. Whoever wants
 * to change such a file makes a new one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STATELINES_H
#define GALE_STATELINES_H

#include <stdbool.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"

/* statelines_put_bytes adds bytes as said above, statelines_put a whole line. */
void statelines_put_bytes(struct buf *out, gale_slice bytes);
void statelines_put(struct buf *out, const char *component, uint32_t task, gale_slice key, gale_slice value);

/* A line that is read, from its beginning. After a mistake nothing more is taken. */
struct statelines_reader {
	const char *at, *end;	/* end: behind its last byte, the newline not counted */
	bool bad;
};

/* Each takes what it is named after and tells whether it was there. take_text: exactly TEXT, and
 * if it is not there, nothing is lost. The others make R bad. */
bool statelines_take_text(struct statelines_reader *r, const char *text);
bool statelines_take_number(struct statelines_reader *r, uint64_t *number);
bool statelines_take_string(struct statelines_reader *r, struct buf *bytes);
bool statelines_take_bytes(struct statelines_reader *r, struct buf *bytes);

#endif
