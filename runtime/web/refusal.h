/* refusal.h - what handlers share that ask others and are asked: exit codes as HTTP's, bodies that are
 * JSON, and who is meant by {id}.
 *
 *     EXIT_USAGE 400 badRequest	EXIT_INVALID 422 invalidTopology	EXIT_NOT_FOUND 404 notFound
 *     EXIT_CONFLICT 409 conflict	EXIT_NO_ANSWER 503 noAnswer		EXIT_TIMED_OUT 504 timedOut
 *     all others 500 failed
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_REFUSAL_H
#define GALE_REFUSAL_H

#include <stdbool.h>

#include "diag.h"
#include "home.h"
#include "httpd.h"
#include "json.h"
#include "site.h"

/* refuse answers X that the exit code CODE came out, and TEXT why. */
void refuse(struct exchange *x, int code, const char *text);

/* seconds_read reads a number of seconds, 0 .. MOST, which may be a fraction; false: TEXT is none. */
bool seconds_read(const char *text, double most, double *seconds);

/* switch_read reads the parameter NAME of X, 0 or 1; not given it is 0. false: it is something else, and X has been
 * answered. */
bool switch_read(struct exchange *x, const char *name, bool *on);

/* A body that is an object of JSON. */
struct request_body {
	struct diagnostics d;
	struct json *json;
	const struct json_node *object;	/* NULL: there was no body */
};

/* request_body_read reads that of X. false: it is something else, and X has been answered (400, with line and
 * column). Free it with request_body_free in any case. */
bool request_body_read(struct request_body *b, struct exchange *x);
void request_body_free(struct request_body *b);

/* Whom a request is for. */
struct target {
	struct home home;	/* of a run without one: its name, and its run directory */
	bool homeless;
	char *id;		/* as lists show it */
};

/* target_find finds who {id} of X is for. false: nobody, and X has been answered. target_alive: it runs and has
 * a desk; false: X has been answered. Free T with target_free in any case. */
bool target_find(struct target *t, struct site *site, struct exchange *x);
bool target_alive(struct target *t, struct exchange *x);
void target_free(struct target *t);

#endif
