/* errand.h - conversations with supervisors, at their desks, for one who must not wait.
 *
 * An errand says one request (requests.h of the supervisor) and tells what is answered. It gives
 * up when it hears nothing for as long as its patience is: a supervisor that is stopped holds up
 * nobody but who asked it.
 *
 *     errand_begin(watches, &home, "activate", CALL_ANSWER_MS, &ops, arg);  -> ops->heard ..., ops->ended
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ERRAND_H
#define GALE_ERRAND_H

#include <stdint.h>

#include "call.h"
#include "home.h"
#include "watch.h"

struct errand_ops {
	/* heard: an answer, TEXT, which is not the last. NULL: that does not matter. It may cancel
	 * the errand. */
	void (*heard)(void *arg, const char *text);
	/* ended: the errand is over and gone. CODE is an exit code (exitcode.h), TEXT what follows the "ok",
	 * or a sentence that says why not, with the topology's name: EXIT_CONFLICT it has ended meanwhile,
	 * EXIT_NO_ANSWER its supervisor says nothing, or what the supervisor says. */
	void (*ended)(void *arg, int code, const char *text);
};

struct errand;

/* errand_begin asks the supervisor of H, which may be closed then, for REQUEST (copied, at most
 * CALL_TEXT_MAX bytes), with that PATIENCE between two words of it. H is a home; or stands for a run
 * directory: a name to speak of, and the directory. OPS and ARG must live until the errand has ended or
 * was cancelled. OPS are called by watches_serve, never before errand_begin has returned. */
struct errand *errand_begin(struct watches *ws, const struct home *h, const char *request, uint32_t patience_ms,
    const struct errand_ops *ops, void *arg);

/* errand_patience is another from now on: who has begun something long does not say much of it. */
void errand_patience(struct errand *e, uint32_t ms);

/* errand_cancel ends it; nobody is told. What was asked for may be done all the same. */
void errand_cancel(struct errand *e);

#endif
