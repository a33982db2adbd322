/* chaos.h - what test/chaos and the plugins of its topology tell each other: a file that both
 * have mapped. What is stored there outlives a SIGKILL of who stored it, to the last byte.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TEST_CHAOS_H
#define GALE_TEST_CHAOS_H

#include <stdatomic.h>
#include <stdint.h>

enum {
	CHAOS_IDS = 1 << 28,	/* messages have the ids 0 to this */
	CHAOS_TASKS = 16,	/* of the spout, at most */
	CHAOS_WORDS = 1000,	/* words "w0" to "w999" */
	CHAOS_ALIKE = 16	/* so many messages in a row have one word, where order is nothing */
};

/* chaos_word gives the number of the word that message ID has. */
static inline uint64_t chaos_word(uint64_t id)
{
	return id / CHAOS_ALIKE % CHAOS_WORDS;
}

/* One line of memory for each task of the spout: nobody else writes there. */
struct chaos_task {
	_Alignas(64) _Atomic uint64_t acks;	/* calls of ack */
	_Atomic uint64_t emitted;		/* all its ids below this were emitted */
};

struct chaos_journal {
	_Atomic uint64_t end;			/* the spout emits no id from here on */
	struct chaos_task tasks[CHAOS_TASKS];
	uint8_t acked[CHAOS_IDS];		/* by id: 1 = the spout heard that it was acked */
};

#endif
