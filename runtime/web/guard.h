/* guard.h - may this request pass? Pure: what the request says of itself against what is listened on.
 *
 *   Host            one, and it names this server with its port: a page of another site whose name was
 *                   made to point here (DNS rebinding) has its own name in it
 *   Origin,         of a POST, when they are there: this very page's
 *   Sec-Fetch-Site
 *   token           of every POST; of GETs too, when others than this user can reach the server, but
 *                   for the page's own files and the two health checks
 *   Content-Type    of a POST: application/json, which no form of a foreign page can send
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_GUARD_H
#define GALE_GUARD_H

#include <stdbool.h>
#include <stdint.h>

enum { TOKEN_DIGITS = 64, GUARD_HOST_MAX = 256 };

enum guard_reach {
	GUARD_LOOPBACK,		/* 127.0.0.0/8 or ::1 */
	GUARD_UNIX,		/* a socket in the file system, 0600 */
	GUARD_OPEN		/* other machines can come */
};

struct guard {
	enum guard_reach reach;
	uint16_t port;				/* 0: none (unix) */
	char host[GUARD_HOST_MAX];		/* as it was given to --listen, without brackets */
	char machine[GUARD_HOST_MAX];		/* this machine's name */
	char token[TOKEN_DIGITS + 1];
};

/* What a request says; NULL: it does not say. */
struct guard_request {
	bool posts;		/* it changes something: POST. Else GET or HEAD */
	bool harmless;		/* the page's own files, /healthz, /readyz */
	bool reaches;		/* it makes a running topology do something, though it changes nothing */
	unsigned hosts;		/* how many Host headers there are */
	const char *host, *origin, *fetch_site, *content_type;
	const char *token;		/* X-Gale-Token */
	const char *authorization;	/* Authorization: "Bearer HEX" */
};

/* What stands against it. */
struct guard_verdict {
	unsigned status;	/* 0: it may pass; else 400, 401, 403, 415 */
	const char *code;	/* "foreignHost" ..., static */
	const char *message;	/* a sentence, static */
};

/* guard_host asks only for the Host; guard_judge for all. */
struct guard_verdict guard_host(const struct guard *g, const struct guard_request *r);
struct guard_verdict guard_judge(const struct guard *g, const struct guard_request *r);

/* guard_token_is tells whether TEXT (NULL: none) is the token, in a time that does not tell how much
 * of it is right. */
bool guard_token_is(const struct guard *g, const char *text);

#endif
