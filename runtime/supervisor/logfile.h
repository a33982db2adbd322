/* logfile.h - the log of a submitted topology: HOME/log with all lines, HOME/errors with the
 * warnings and errors among them, so that these are found when the log has long been rotated.
 *
 * Nobody waits for a log: see rotated.h. What a line looks like: logline.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LOGFILE_H
#define GALE_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "error.h"
#include "rotated.h"
#include "topology.h"

#define LOGFILE_LOG "log"
#define LOGFILE_ERRORS "errors"

struct logfile {
	int dir;
	struct rotated log, errors;
};

/* logfile_open opens the logs in the directory HOME, as large and as many as the config of T wants.
 * -1 with E set: there is no such directory. Files in it that can't be opened are tried again later. */
int logfile_open(struct logfile *l, const char *home, const struct topology *t, struct error *e);
void logfile_close(struct logfile *l);

/* logfile_line adds a line of LABEL with the N bytes at TEXT and the time that it is now;
 * logfile_flush writes what was added, which logfile_line does as well when it is much. */
void logfile_line(struct logfile *l, gale_level level, const char *label, const char *text, size_t n);
void logfile_flush(struct logfile *l);

#endif
