/* token.h - the secret that a change through the web server takes: 256 random bits as 64 hexadecimal
 * digits and a newline in BASE/.ui-token (home.h), readable by its user alone. Made once; who wants
 * another one removes the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_TOKEN_H
#define GALE_TOKEN_H

#include "error.h"
#include "guard.h"

/* token_path gives the path of the file; free it. */
char *token_path(void);

/* token_get reads the token, and makes it where there is none; two who make it at once get the same.
 * Returns 0, or -1 with E set: it can't be made or read, is not ours alone, or is no token. */
int token_get(char token[TOKEN_DIGITS + 1], struct error *e);

#endif
