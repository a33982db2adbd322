/* outlet.h - the supervisor's standard error: lines go out, and nobody waits for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever reads it may be slow, stopped or gone. What it does not take waits here, up to
 * OUTLET_MAX bytes; further lines of workers are dropped and counted, and the count is
 * told as soon as there is room again. On a terminal a status line may stand below the
 * lines; it is taken away before they are written.
 */
#ifndef GALE_OUTLET_H
#define GALE_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum { OUTLET_MAX = 1 << 20 };

struct outlet {
	int fd;
	enum outlet_kind { OUTLET_FILE, OUTLET_NONBLOCKING, OUTLET_BLOCKING, OUTLET_SOCKET } kind;
	bool own_fd;		/* closed by outlet_close */
	bool gone;		/* nobody will ever read it */
	bool terminal;
	bool status_shown;
	struct buf waiting;
	size_t sent;		/* bytes of `waiting` that are out */
	uint64_t dropped;	/* lines, not told yet */
	uint64_t dropped_total;
};

/* outlet_open takes descriptor FD for output; it stays open. outlet_close waits up to
 * WAIT_MS until all that waits is out. */
void outlet_open(struct outlet *o, int fd);
void outlet_close(struct outlet *o, int wait_ms);

/* outlet_lines writes what workers printed: whole lines, may be dropped. outlet_say
 * writes what gale has to say, one line "gale: ...", which is never dropped. */
void outlet_lines(struct outlet *o, const struct buf *lines);
void outlet_say(struct outlet *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* outlet_status shows TEXT as the status line, "" takes it away. Only on a terminal. */
void outlet_status(struct outlet *o, const char *text);

/* outlet_waits: poll the descriptor for POLLOUT, then call outlet_push. */
bool outlet_waits(const struct outlet *o);
void outlet_push(struct outlet *o);

#endif
