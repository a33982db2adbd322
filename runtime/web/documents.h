/* documents.h - what is asked for by GET and told from surveys alone: Storm's documents, charts,
 * /metrics.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DOCUMENTS_H
#define GALE_DOCUMENTS_H

#include <stdint.h>

#include "routes.h"

extern const struct route documents_routes[];

/* What is kept from one request to another: this machine's name, the user's, and what Prometheus was
 * told. PORT is the one that is served, 0: a unix socket. */
struct documents;
struct documents *documents_open(uint32_t port);
void documents_close(struct documents *d);	/* NULL is allowed */

#endif
