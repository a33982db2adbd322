/* mail.h - what a worker is told, and has no room for yet.
 *
 * A control channel holds a few hundred messages. A worker that does not read for a while,
 * in a long execute or stopped, while many others are started again, gets more than that;
 * and each counts: a sender that never hears "switch" goes on sending to the dead, a source
 * that never hears "lost" waits for them. So what does not fit waits here, in order; and a
 * channel that fails in another way is shut down, which ends the worker.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_MAIL_H
#define GALE_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct mail {
	struct buf texts;	/* one after the other, each with its NUL */
	size_t at;		/* the first that has not been sent */
};

/* mail_send sends one message over the control channel FD, now or by mail_push. A worker
 * that is gone gets none: its end is noticed elsewhere. */
void mail_send(struct mail *m, int fd, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* mail_waits: wait for FD to become writable, then mail_push. */
bool mail_waits(const struct mail *m);
void mail_push(struct mail *m, int fd);

/* mail_clear forgets what waits: nobody will read it. */
void mail_clear(struct mail *m);

#endif
