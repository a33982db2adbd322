/* wholefile.h - small files that are read and replaced as a whole, also if the power fails.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_WHOLEFILE_H
#define GALE_WHOLEFILE_H

#include <stddef.h>

#include "buf.h"

/* wholefile_read adds all of the file NAME in the directory DIR to B, with a NUL behind it: 1, or 0
 * when it is not there, or -1 with errno set. */
int wholefile_read(int dir, const char *name, struct buf *b);

/* wholefile_replace makes the N bytes at TEXT what the file says: all or nothing, for its owner only.
 * Returns 0, or -1 with errno set, and then no half of it is left. */
int wholefile_replace(int dir, const char *name, const char *text, size_t n);

#endif
