/* errand.h - conversations with supervisors, at their desks, for one who must not wait.
 *
 * An errand says one request (requests.h of the supervisor) and tells what is answered. It gives
 * up when it hears nothing for as long as its patience is: a supervisor that is stopped holds up
 * nobody but who asked it. All errands hang on one descriptor:
 *
 *     errand_begin(all, &home, "activate", CALL_ANSWER_MS, &ops, arg);
 *     poll errands_fd, errands_timeout_ms; errands_serve   -> ops->heard ..., ops->ended
 *
 * One thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ERRAND_H
#define GALE_ERRAND_H

#include <stdint.h>

#include "call.h"
#include "error.h"
#include "home.h"

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
struct errands {
	int fd;			/* epoll; -1: not open */
	struct errand *list;
};

/* errands_open makes the descriptor. -1 with E set. errands_close cancels all that are under way. */
int errands_open(struct errands *all, struct error *e);
void errands_close(struct errands *all);

/* errands_serve goes on with all that can go on, once errands_fd is readable or the time has come that
 * errands_timeout_ms tells (-1: never). It alone calls the ops. */
static inline int errands_fd(const struct errands *all)
{
	return all->fd;
}
int errands_timeout_ms(const struct errands *all, uint64_t now_ns);
void errands_serve(struct errands *all, uint64_t now_ns);

/* errand_begin asks the supervisor of H, which may be closed then, for REQUEST (copied, at most
 * CALL_TEXT_MAX bytes), with that PATIENCE. H is a home; or stands for a run directory: a name to speak of,
 * and the directory. OPS and ARG must live until the errand has ended or was cancelled. */
struct errand *errand_begin(struct errands *all, const struct home *h, const char *request, uint32_t patience_ms,
    const struct errand_ops *ops, void *arg);

/* errand_cancel ends it; nobody is told. What was asked for may be done all the same. */
void errand_cancel(struct errand *e);

#endif
