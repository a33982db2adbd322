/* record.h - what workers and ackers tell each other, inside frames of wire.h.
 *
 * The body of an ACKS frame, from a worker to an acker, is records back to back:
 *
 *     INIT_RUN   u8 1, u64 root, u32 n, n * u64 value    roots root .. root+n-1 were emitted
 *     INIT_LIST  u8 2, u32 n, n * (u64 root, u64 value)  the same, any roots
 *     ACK_RUN    u8 3, as INIT_RUN                       values to fold into these trees
 *     ACK_LIST   u8 4, as INIT_LIST
 *     FAIL       u8 5, u64 root, u32 task, u16 n, n bytes of text
 *     RESET      u8 6, u64 root, u32 task                start the timeout anew
 *     VOID       u8 7, u64 root                          the spout has given it up (A6)
 *
 * The body of a VERDICTS frame, from an acker to the worker that emitted the roots:
 *
 *     ACKED_RUN  u8 1, u64 root, u32 n                   these n trees are complete
 *     ENDED      u8 2, u8 verdict (ledger.h), u64 root, u32 last task, u64 age ms,
 *                u64 silent ms, u16 n, n bytes of text
 *     EXTENDED   u8 3, u64 root                          its timeout was reset (A5)
 *
 * A root run works because a spout hands out its roots in sequence from a random start.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_RECORD_H
#define GALE_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum record_type {
	RECORD_INIT_RUN = 1, RECORD_INIT_LIST, RECORD_ACK_RUN, RECORD_ACK_LIST,
	RECORD_FAIL, RECORD_RESET, RECORD_VOID
};

enum verdict_type { VERDICT_ACKED_RUN = 1, VERDICT_ENDED, VERDICT_EXTENDED };

enum { RECORD_TEXT_MAX = 1000 };	/* bytes of a failure's text; longer ones are cut */

struct record {
	uint8_t type;
	uint64_t root;		/* first one of a run; of FAIL, RESET, VOID, ENDED, EXTENDED */
	uint32_t n;		/* of runs and lists */
	const uint8_t *body;	/* runs: n * u64; lists: n * 2 * u64; unaligned */
	uint32_t task;
	uint8_t verdict;
	uint64_t age_ms, silent_ms;
	const char *text;
	uint32_t n_text;
};

/* record_next reads the record at *AT of an ACKS body that ends at END and steps behind
 * it; verdict_next does so in a VERDICTS body. Return 1, 0 at the end, -1 when it is no
 * record. R points into the body. */
int record_next(const uint8_t **at, const uint8_t *end, struct record *r);
int verdict_next(const uint8_t **at, const uint8_t *end, struct record *r);

void record_put_fail(struct buf *b, uint64_t root, uint32_t task, const char *text, size_t n_text);
void record_put_reset(struct buf *b, uint64_t root, uint32_t task);
void record_put_void(struct buf *b, uint64_t root);
void verdict_put_acked(struct buf *b, uint64_t root, uint32_t n);
void verdict_put_extended(struct buf *b, uint64_t root);
void verdict_put_ended(struct buf *b, const struct record *r);	/* its verdict, root, task, ages, text */

#endif
