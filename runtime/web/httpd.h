/* httpd.h - HTTP, by libmicrohttpd in its external epoll: requests come as exchanges, and are
 * answered now or later. One thread; nothing blocks.
 *
 * A handler (routes.h) gets an exchange and does one of these:
 *
 *     exchange_json(x, 200, &body);                     it answers now
 *     exchange_error(x, 404, "noTopology", "...");      it refuses
 *     exchange_later(x, gone, arg);                     it answers later, by one of the two above:
 *                                                       the connection sleeps until then
 *
 * An exchange that was put off is ended in one of two ways, never both: somebody answers it, or
 * `gone(arg)` is called, because the client has gone (also: will say no more) or the server ends; from
 * then on it must not be touched. What an exchange has given out (words, body) lives until it is ended.
 *
 * Limits: a request line and headers of 16 KiB (414, 431), a body of 1 MiB (413), HTTPD_CLIENTS
 * connections. One that completes no request for HTTPD_PATIENCE_S is closed, but for those whose
 * answer is put off: a client that sends or reads a byte now and then keeps its place no longer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_HTTPD_H
#define GALE_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "guard.h"
#include "uri.h"
#include "watch.h"

enum {
	HTTPD_CLIENTS = 1500,
	HTTPD_PATIENCE_S = 30,
	HTTPD_HEADER_MAX = 16384,
	HTTPD_BODY_MAX = 1 << 20
};

struct httpd;
struct exchange;
struct route;

/* ---- an exchange, for handlers ----------------------------------------------------- */

/* exchange_word gives the part of the path that stands for {NAME} in the route's pattern, decoded:
 * any UTF-8 but control characters. It may have "/" in it: check it before it gets into a path of a
 * file (home_name_check). NULL: the pattern has none. */
const char *exchange_word(const struct exchange *x, const char *name);

/* exchange_parameter gives the value of the query's parameter NAME, decoded; NULL: there is none. */
const char *exchange_parameter(const struct exchange *x, const char *name);

/* exchange_trusts tells whether who asks may know names and errors of topologies: always, but for a
 * route that needs no token where others can come (ROUTE_HARMLESS). */
bool exchange_trusts(const struct exchange *x);

/* exchange_body gives the body, with a NUL behind it that does not count; "" where there is none. */
const char *exchange_body(const struct exchange *x, size_t *n);

/* exchange_answer answers with BODY, which is taken: B is empty afterwards. TYPE is static.
 * exchange_json answers with JSON. exchange_error with {"error": CODE, "errorMessage": the text};
 * CODE is one word in lowerCamelCase. */
void exchange_answer(struct exchange *x, unsigned status, const char *type, struct buf *body);
void exchange_json(struct exchange *x, unsigned status, struct buf *body);
void exchange_error(struct exchange *x, unsigned status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* exchange_later puts the answer off: see above. Call it before the handler returns. */
void exchange_later(struct exchange *x, void (*gone)(void *arg), void *arg);

/* ---- the server -------------------------------------------------------------------- */

/* An answer's bytes, shared by all who get them. */
struct answer;
struct answer *answer_make(const char *type, struct buf *body);
struct answer *answer_keep(struct answer *a);
void answer_drop(struct answer *a);

struct httpd_ops {
	/* found: which route has the exchange X with this METHOD ("GET" for HEAD)? It may answer X
	 * (404, 405) and give NULL. */
	const struct route *(*found)(void *arg, struct exchange *x, const char *method);
	/* ask: X may pass and has its body. */
	void (*ask)(void *arg, struct exchange *x);
	/* answered: X gets A with STATUS, for who keeps answers. */
	void (*answered)(void *arg, struct exchange *x, unsigned status, struct answer *a);
};

/* httpd_open serves on LISTENER, which is taken on success. Keeps G, OPS and ARG. NULL with E set.
 * httpd_close ends all exchanges. */
struct httpd *httpd_open(struct watches *ws, int listener, const struct guard *g, const struct httpd_ops *ops,
    void *arg, struct error *e);
void httpd_close(struct httpd *h);

/* httpd_timeout_ms: when to call httpd_serve at the latest; -1: any time. */
int httpd_timeout_ms(struct httpd *h);
void httpd_serve(struct httpd *h, uint64_t now_ns);

/* For who implements the ops. exchange_uri is what was asked for, exchange_target the same as it
 * came; exchange_share answers with A, which stays the caller's. exchange_allow adds the header
 * "Allow: METHODS" (static) to the answer to come. */
const struct uri *exchange_uri(const struct exchange *x);
const char *exchange_target(const struct exchange *x);
const struct route *exchange_route(const struct exchange *x);
void exchange_allow(struct exchange *x, const char *methods);
void exchange_share(struct exchange *x, unsigned status, struct answer *a);

#endif
