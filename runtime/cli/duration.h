/* duration.h - "30s", "5m": how long, on a command line. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DURATION_H
#define GALE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* duration_parse reads a number with "ms", "s", "m", "h" or "d" behind it; without, it is seconds.
 * False: it is none, or more than a hundred years. */
bool duration_parse(const char *text, int64_t *ms);

#endif
