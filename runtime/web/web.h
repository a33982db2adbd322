/* web.h - the page, REST and /metrics: all of it behind one descriptor, for the loop of `gale ui`
 * and for the supervisor's. Nothing in here blocks.
 *
 *     poll({ web_fd(w), POLLIN }, web_timeout_ms(w)); web_serve(w);
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_WEB_H
#define GALE_WEB_H

#include "error.h"

#define WEB_LISTEN "127.0.0.1:8080"	/* where it listens when nobody says */

struct web;

struct web_options {
	const char *listen;	/* 127.0.0.1:8080, [::1]:0, HOST:PORT, unix:PATH */
	const char *only;	/* the run directory of the one run that is shown; NULL: all of the user's */
};

/* web_check looks whether TEXT is something to listen on; 0, or -1 with E set. */
int web_check(const char *text, struct error *e);

/* web_open listens; NULL with E set. Keeps O's texts. */
struct web *web_open(const struct web_options *o, struct error *e);
void web_close(struct web *w);

/* web_finish gives what has just been answered a moment to be sent; NULL is allowed. */
void web_finish(struct web *w);

/* web_url gives where the page is: "http://127.0.0.1:8080/", or "unix:PATH"; it is W's. web_greeting
 * gives what users shall read: where it is, and the token; free it. */
const char *web_url(const struct web *w);
char *web_greeting(const struct web *w);

/* The one descriptor, readable when there is work; how long to wait at most, -1: for ever; and the
 * work. */
int web_fd(const struct web *w);
int web_timeout_ms(struct web *w);
void web_serve(struct web *w);

#endif
