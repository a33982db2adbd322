/* control.h - what the supervisor and a worker say to each other.
 *
 * The channel is a SOCK_SEQPACKET pair made at the worker's start; the worker finds its
 * end at descriptor CONTROL_FD, non-blocking like the other. One message is one line of
 * text without newline: a word, then arguments, separated by single blanks. The end of the
 * channel is the end of the other side: a worker whose supervisor is gone exits at once.
 *
 *   worker says
 *     hello              its sockets are bound
 *     ready              connected to its peers, plugin opened (open, prepare)
 *     ended              nothing left to do: a spout whose every message is acked, a bolt
 *                        that has finished and whose tuples are all acked; it goes on
 *                        answering until "stop"
 *     fatal TEXT         it can't go on, for this reason; it exits next
 *     switched W S       what it sends to worker W goes to that one's start S from now on
 *     laid               answer to layout
 *     frozen             answer to freeze
 *     pong               answer to ping
 *     tells I TEXT       to inquiry I: some of an answer; of a tap tuples, see tap.h
 *     told I TEXT        to inquiry I: the last of an answer
 *   supervisor says
 *     peers S0 S1 ...    the start number of every worker of the plan, in order: answer to
 *                        hello, the first time once all have said it
 *     over S0 S1 ...     the same, to the successor of one that had ended: it sends its end
 *                        markers, and opens no plugin
 *     layout S0 S1 ...   tasks were moved: topology.json has the new layout, these are the start
 *                        numbers of its workers, gone ones too: leave who is gone, connect to who
 *                        is new, say "laid"
 *     activate           spouts may call next
 *     deactivate         spouts stop calling next
 *     drain finish       spouts: emit nothing more, end when all is acked; bolts then
 *                        finish as if the input had ended
 *     drain discard      the same, but bolts skip finish: nothing is published
 *     switch W S         worker W is dead and has a successor, start S: drop what is
 *                        queued for it, connect to the successor, say "switched" (R2)
 *     obituary ROOT TEXT the tuple of this root was in hand when a worker crashed; TEXT
 *                        says which and how (A8)
 *     lost W TEXT        worker W was lost: fail what is pending and may have gone there
 *                        (R3); TEXT says which and how
 *     freeze             coordinator: write no record until "thaw", say "frozen" (X13)
 *     thaw               coordinator: go on
 *     level C LEVEL      of what tasks of component C log, lines of this level and worse get
 *                        through: error, warn, info, debug; as "drain" it may come before "peers"
 *     ping               say "pong" (R4)
 *     leave              commit state, exit 0 and clean nothing up: a successor, or who gets the
 *                        tasks, goes on
 *     stop               clean up and exit 0
 *     tap I TEXT         inquiry I: show tuples that TEXT (tap.h) is about, until "untap"
 *     untap I            show none to inquiry I any more
 *     trace I oldest N   inquiry I: which N messages have been open for longest? A coordinator
 *                        tells of its batches
 *     trace I roots R... inquiry I, of an acker: what is known of these trees?
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CONTROL_H
#define GALE_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum {
	CONTROL_FD = 3,		/* the worker's end of the channel */
	OUT_FD = 4,		/* the topology's standard output (gale_ctx.out) */
	CONTROL_MAX = 65536	/* bytes of one message */
};

/* control_send sends one message, formatted; returns 0 or -1 with errno set (EPIPE when
 * the other side is gone; EAGAIN when its queue is full; EMSGSIZE when it is too long). */
int control_send(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* control_receive reads one message into TEXT, NUL-terminated. Returns its length, 0 at
 * the end of the channel, -1 with errno set (EAGAIN: nothing there; EMSGSIZE: it did not
 * fit and is lost). What was said before the end is read before the end. */
int control_receive(int fd, char *text, size_t size);

/* What a worker may say, then what the supervisor may. */
enum control_word {
	CONTROL_HELLO, CONTROL_READY, CONTROL_ENDED, CONTROL_FATAL, CONTROL_SWITCHED,
	CONTROL_LAID, CONTROL_FROZEN, CONTROL_PONG, CONTROL_TELLS, CONTROL_TOLD,
	CONTROL_PEERS, CONTROL_OVER, CONTROL_LAYOUT, CONTROL_ACTIVATE, CONTROL_DEACTIVATE, CONTROL_DRAIN,
	CONTROL_SWITCH, CONTROL_OBITUARY, CONTROL_LOST, CONTROL_FREEZE, CONTROL_THAW,
	CONTROL_LEVEL, CONTROL_PING, CONTROL_LEAVE, CONTROL_STOP, CONTROL_TAP, CONTROL_UNTAP, CONTROL_TRACE,
	CONTROL_WORDS		/* how many there are */
};

/* A message, taken apart. What its word does not have is 0 or "". */
struct control_message {
	enum control_word word;
	uint32_t worker;	/* switch, switched, lost */
	uint32_t start;		/* switch, switched */
	uint32_t component;	/* level */
	uint64_t root;		/* obituary */
	uint32_t inquiry;	/* tap, untap, trace, tells, told */
	bool discard;		/* drain */
	const char *text;	/* fatal, obituary, lost, level, tells, told, tap, trace; peers, over, layout: the table */
};

/* control_parse takes TEXT apart, into which M->text then points; false: it is no message of
 * this protocol. Any bytes are safe. Whether there is a worker of that number is for the
 * caller to ask. */
bool control_parse(struct control_message *m, const char *text);

/* control_table reads the N numbers of a table, and nothing behind them; false: it is none. */
bool control_table(const char *text, uint32_t *starts, uint32_t n);

#endif
