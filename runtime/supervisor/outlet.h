/* outlet.h - where the supervisor's words and the lines of workers go: standard error, or the log
 * files of a submitted topology (logfile.h). Nobody waits for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whoever reads standard error may be slow, stopped or gone. What it does not take waits here, up to
 * OUTLET_MAX bytes; further lines of workers are dropped and counted, and the count is
 * told as soon as there is room again. On a terminal a status line may stand below the
 * lines; it is taken away before they are written.
 */
#ifndef GALE_OUTLET_H
#define GALE_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"
#include "logfile.h"

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
	struct logfile *log;	/* NULL: to fd */
	const char *name;	/* of the topology, with log */
};

/* outlet_open takes descriptor FD for output; it stays open. outlet_close waits up to
 * WAIT_MS until all that waits is out. */
void outlet_open(struct outlet *o, int fd);
void outlet_close(struct outlet *o, int wait_ms);

/* outlet_open_log has all go to LOG, the log files of the topology NAME. Keeps both until outlet_close,
 * after which LOG is still open. A line's level is what it begins with ("warn: "), else info; and of
 * what gale says about a worker ("NAME: split[0] (pid 7) ...") that worker is the label. */
void outlet_open_log(struct outlet *o, struct logfile *log, const char *name);

/* outlet_lines writes what workers printed: whole lines as relay.h makes them, may be dropped.
 * outlet_say writes what gale has to say, one line "gale: ...", which is never dropped on standard
 * error; outlet_tell the same, with a level for the log. */
void outlet_lines(struct outlet *o, const struct buf *lines);
void outlet_say(struct outlet *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void outlet_tell(struct outlet *o, gale_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* outlet_status shows TEXT as the status line, "" takes it away. Only on a terminal. */
void outlet_status(struct outlet *o, const char *text);

/* outlet_waits: poll the descriptor for POLLOUT, then call outlet_push. */
bool outlet_waits(const struct outlet *o);
void outlet_push(struct outlet *o);

#endif
