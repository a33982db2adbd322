/* call.h - what all who ask something of a supervisor have in common: the way to its desk, and the
 * meaning of its last word. What can be asked is told in requests.h of the supervisor.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_CALL_H
#define GALE_CALL_H

#include <stdbool.h>

#include "error.h"
#include "home.h"

enum {
	CALL_TEXT_MAX = 65536,	/* bytes of a request or an answer */
	CALL_ANSWER_MS = 5000,	/* a supervisor that says nothing for so long does not answer */
	CALL_ENDING_MS = 500	/* one who ends shows clients out first, and is gone no later than that */
};

/* call_live: the supervisor of H lives. EXIT_DONE, or EXIT_CONFLICT with E set. */
int call_live(const struct home *h, struct error *e);

/* call_connect gives a socket (SOCK_SEQPACKET, closed on exec, of what further TYPE flags are given) to
 * the supervisor whose home, or run directory, HOME is open on: its state directory is in there. -1
 * with errno set. It never waits: call_may_come tells whether errno means that it may be possible a
 * moment later, as one that was just started has no desk yet. */
int call_connect(int home, int type);

/* call_connect_state is call_connect with the state directory itself. */
int call_connect_state(int state, int type);

bool call_may_come(int error);

/* call_final: TEXT, an answer, is the last one. *CODE becomes the exit code that it stands for, *REST what
 * follows "ok", or why not ("" if nothing). */
bool call_final(const char *text, int *code, const char **rest);

#endif
