/* deadletter.h - the file that messages go to when their attempts are used up and nobody
 * subscribes to the spout's stream "dead-letters".
 *
 * JSON lines, one message each, written whole under a lock (flock), so several spouts may
 * share a file; the spout `deadletters` reads it back:
 *
 *     {"time":"2026-01-31T23:59:59Z","topology":"wc","component":"lines",
 *      "stream":"default","id":17,"attempts":3,"reason":"...","values":["a line"]}
 *
 * Values are as wire_describe writes them. What was written is durable after a sync, which
 * is worth waiting for many letters: a disk takes some hundred to some thousand a second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DEADLETTER_H
#define GALE_DEADLETTER_H

#include <stdint.h>

#include <gale/gale.h>

#include "error.h"

struct dead_letter {
	const char *topology, *component, *stream, *reason;
	uint64_t id;
	uint32_t attempts;
	const gale_value *values;
	uint32_t n_values;
};

struct deadletters {
	const char *path;
	int fd;		/* open while letters wait for the sync; else -1 */
};

/* deadletter_init keeps PATH; it is not opened before there is a letter. */
void deadletter_init(struct deadletters *f, const char *path);

/* deadletter_write appends D to the file, which is made when it is not there. Returns 0, or
 * -1 with E set, and then nothing of D is in a regular file. */
int deadletter_write(struct deadletters *f, const struct dead_letter *d, struct error *e);

/* deadletter_sync waits until all that was written is on disk, and closes the file, so it may
 * be renamed between two syncs. Does nothing when nothing was written since the last one.
 * Returns 0, or -1 with E set: then letters may be lost. */
int deadletter_sync(struct deadletters *f, struct error *e);

#endif
