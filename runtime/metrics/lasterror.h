/* lasterror.h - the last error of each component, from the end of its topology's list of errors.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LASTERROR_H
#define GALE_LASTERROR_H

#include <stdint.h>

#include "home.h"

struct last_error {
	int64_t time_ms;	/* since 1970 */
	char *label, *text;	/* who and what; NULL: none is known */
};

/* last_errors gives that of each of the N components IDS, as far as the last 64 KiB of H's errors
 * tell; free it with last_errors_free. */
struct last_error *last_errors(const struct home *h, const char *const *ids, uint32_t n);
void last_errors_free(struct last_error *errors, uint32_t n);

#endif
