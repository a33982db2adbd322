/* address.h - where the web server listens, as --listen says it: 127.0.0.1:8080, [::1]:0, HOST:PORT,
 * unix:PATH. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ADDRESS_H
#define GALE_ADDRESS_H

#include "error.h"
#include "guard.h"

struct address {
	char host[GUARD_HOST_MAX];	/* without brackets; "" with a path */
	uint16_t port;			/* 0: any free one, until address_listen knows it */
	const char *path;		/* of a socket, in TEXT; NULL: none */
	enum guard_reach reach;		/* set by address_listen */
};

/* address_parse reads TEXT, which A may point into afterwards. 0, or -1 with E set. */
int address_parse(struct address *a, const char *text, struct error *e);

/* address_listen gives a socket that listens, does not block and is not inherited; -1 with E set: it
 * can't be, also when somebody else listens there. A socket in the file system is its user's alone, and
 * one that nobody listens on any more is replaced. */
int address_listen(struct address *a, struct error *e);

/* address_url gives "http://127.0.0.1:8080/", or "unix:PATH"; free it. One that listens on all
 * addresses is told by MACHINE, this machine's name. */
char *address_url(const struct address *a, const char *machine);

#endif
