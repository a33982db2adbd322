/* logline.h - a line of a topology's log.
 *
 *     2026-11-21T16:43:40.123Z WARN split[0] the disk is nearly full
 *     when (UTC)               level who     what
 *
 * Who is a worker by its label (plan.h), "gale" itself, or "output": what plugins write to the
 * topology's standard output. What is one line, of harmless characters (relay.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LOGLINE_H
#define GALE_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gale/gale.h>

#include "buf.h"

enum { LOGLINE_LEVELS = GALE_DEBUG + 1, LOGLINE_TIME = 25 };

#define LOGLINE_GALE "gale"
#define LOGLINE_OUTPUT "output"

/* By gale_level: "ERROR" ... "DEBUG". */
extern const char *const logline_levels[LOGLINE_LEVELS];

struct logline {
	int64_t time_ms;		/* since 1970 */
	gale_level level;
	const char *label, *text;	/* borrowed; not NUL-terminated */
	size_t n_label, n_text;
};

/* logline_write adds L with its newline to OUT; newlines inside become blanks. logline_read takes
 * N bytes apart, which L then points into: false when they are no such line. */
void logline_write(struct buf *out, const struct logline *l);
bool logline_read(struct logline *l, const char *line, size_t n);

/* logline_time writes "2026-11-21T16:43:40.123Z". logline_when reads that, or a part of it from
 * the left that has the day at least: false for anything else. */
void logline_time(char text[LOGLINE_TIME], int64_t time_ms);
bool logline_when(const char *text, size_t n, int64_t *time_ms);

/* logline_level finds a level by its name of N bytes, in any case. */
bool logline_level(const char *name, size_t n, gale_level *level);

/* logline_prefix gives how many bytes of TEXT name its level as gale_log does ("warn: ") and sets
 * *LEVEL; 0: none do. */
size_t logline_prefix(const char *text, size_t n, gale_level *level);

/* logline_is_from tells whether the worker LABEL runs COMPONENT, and its task TASK (counted
 * within the component; UINT32_MAX: any). */
bool logline_is_from(const struct logline *l, const char *component, uint32_t task);

#endif
