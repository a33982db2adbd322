/* ask.h - how a command finds a topology and asks its supervisor (runtime/supervisor/requests.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ASK_H
#define GALE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "home.h"

/* ask_home opens the home of NAME; EXIT_DONE, or what the command shall return, after it has said
 * why, with the nearest name. ask_live does so of one whose supervisor lives. */
int ask_home(const char *name, struct home *h);
int ask_live(const char *name, struct home *h);

struct ask {
	int fd;
	const char *name;	/* keeps */
	char *text;		/* the last answer; room for CALL_TEXT_MAX */
};

/* ask_begin connects to the supervisor of H and says REQUEST; ask_end ends that. EXIT_DONE, or an
 * exit code after it has said why. */
int ask_begin(struct ask *a, const struct home *h, const char *request);
void ask_end(struct ask *a);

/* ask_next waits for the next answer, PATIENCE_MS at most (-1: for ever): 1, it is in a->text; 0,
 * there is none yet; -1: the conversation is over, it has ended, or was broken off. An interrupted
 * wait gives 0. */
int ask_next(struct ask *a, int patience_ms);

/* ask_no_answer says that the supervisor of NAME does not answer, or has ended meanwhile; the exit
 * code for that. */
int ask_no_answer(const char *name);

/* ask_final: the answer is the last one. *CODE becomes the exit code it stands for; the text of an error was
 * said, that of "ok TEXT" is in *REST ("" if none). */
bool ask_final(const struct ask *a, int *code, const char **rest);

/* ask_simply says REQUEST and waits for its last answer, an exit code. */
int ask_simply(const struct home *h, const char *request);

/* ask_gone waits, MS at most, until the supervisor of H is no more. */
bool ask_gone(const struct home *h, uint32_t ms);

#endif
