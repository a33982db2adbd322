/* deadletter.h - the file that messages go to when their attempts are used up and nobody
 * subscribes to the spout's stream "dead-letters".
 *
 * JSON lines, one message each, written whole with one write (O_APPEND), so several
 * spouts may share a file; the spout `deadletters` reads it back:
 *
 *     {"time":"2026-01-31T23:59:59Z","topology":"wc","component":"lines",
 *      "stream":"default","id":17,"attempts":3,"reason":"...","values":["a line"]}
 *
 * Values are as wire_describe writes them.
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

/* deadletter_write appends D to the file PATH, which is made when it is not there.
 * Returns 0 or -1 with E set. */
int deadletter_write(const char *path, const struct dead_letter *d, struct error *e);

/* deadletter_sync makes durable what was written to PATH. */
int deadletter_sync(const char *path, struct error *e);

#endif
