/* request.h - requests that no client should send. SPDX-License-Identifier: Apache-2.0
 *
 * Each is made from a random state alone, so the same seed makes the same bytes. None holds a token
 * that is right, unless one of 64 digits is guessed.
 */
#ifndef GALE_TEST_REQUEST_H
#define GALE_TEST_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request {
	char *data;		/* SIZE bytes have room; the first N are the request */
	size_t n, size;
	bool posts;		/* it is one POST as HTTP has it, so its answer can't be a success */
};

/* request_make makes the next one in R, whose memory is kept from one to the next; request_free
 * frees it. PORT is the server's. */
void request_make(struct request *r, uint64_t *random, unsigned port);
void request_free(struct request *r);

#endif
