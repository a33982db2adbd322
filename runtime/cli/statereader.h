/* statereader.h - reads what `gale state export` wrote (cmd_state_export.c), a line at a time.
 *
 * It sees to it that the lines are what an export writes, in that order, and that the last one's
 * checksum is right; who reads up to LINE_END has read the whole of a sound file. Nothing read
 * before is known to be sound.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_STATEREADER_H
#define GALE_STATEREADER_H

#include <stdint.h>
#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "buf.h"
#include "error.h"
#include "statelines.h"

enum line_kind { LINE_HEAD, LINE_FILE, LINE_TASK, LINE_KEY, LINE_END };

struct line {
	enum line_kind kind;
	struct buf name;		/* of a file, of a component; with a NUL */
	struct buf key, value;		/* of a key; of a file its content is the value */
	uint64_t task, version, txid;	/* of a task; its keys repeat the first */
};

struct statereader {
	const char *path;
	FILE *file;
	char *text;
	size_t room;
	uint64_t n_lines;
	XXH3_state_t checksum;
	struct line line;
	struct buf owner;		/* the component of the task whose keys follow */
	uint64_t owner_task;
};

/* statereader_open begins at the first line of the file PATH; 0 or -1 with E set; close it with
 * statereader_close in any case. */
int statereader_open(struct statereader *r, const char *path, struct error *e);
void statereader_close(struct statereader *r);

/* statereader_next reads a line into R->line, good until the next call: 0 or -1 with E set. Not to be
 * called after LINE_END. */
int statereader_next(struct statereader *r, struct error *e);

#endif
