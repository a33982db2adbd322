/* web.c - see web.h: the parts of the web server put together. SPDX-License-Identifier: Apache-2.0 */
#include "web.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actions.h"
#include "address.h"
#include "clock.h"
#include "documents.h"
#include "drawing.h"
#include "front.h"
#include "httpd.h"
#include "memory.h"
#include "peek.h"
#include "routes.h"
#include "selfrun.h"
#include "site.h"
#include "token.h"
#include "validate.h"

enum { LAST_TURNS = 4, LAST_TURN_MS = 5 };

/* All that can be asked for. */
static const struct route *const tables[] = {
	front_routes,
	documents_routes,
	actions_routes,
	peek_routes,
	validate_routes,
	NULL,
};

struct web {
	struct site site;
	struct address address;
	struct guard guard;
	struct httpd *httpd;
	char *url;
};

/* ---- from a request to its handler ------------------------------------------------- */

static const struct route *found(void *arg, struct exchange *x, const char *method)
{
	struct routes_found f = routes_find(tables, method, exchange_uri(x));

	(void)arg;
	if (f.route != NULL)
		return f.route;
	if (!f.get && !f.post) {
		exchange_error(x, 404, "notFound", "There is nothing here; /api/v1/endpoints tells what there is.");
		return NULL;
	}
	exchange_allow(x, f.get && f.post ? "GET, HEAD, POST" : f.get ? "GET, HEAD" : "POST");
	exchange_error(x, 405, "wrongMethod", "This can be asked for by %s only.", f.get && f.post ? "GET and POST" :
	    f.get ? "GET" : "POST");
	return NULL;
}

static void ask(void *arg, struct exchange *x)
{
	struct web *w = arg;
	const struct route *r = exchange_route(x);
	struct answer *kept;

	looks_turn(w->site.looks, clock_now_ns());
	kept = r->flags & ROUTE_KEPT ? looks_kept(w->site.looks, exchange_target(x)) : NULL;
	if (kept != NULL)
		exchange_share(x, 200, kept);
	else
		r->answer(&w->site, x);
}

static void answered(void *arg, struct exchange *x, unsigned status, struct answer *a)
{
	struct web *w = arg;
	const struct route *r = exchange_route(x);

	if (r != NULL && r->flags & ROUTE_KEPT && status == 200)
		looks_keep(w->site.looks, exchange_target(x), a);
}

static const struct httpd_ops ops = { .found = found, .ask = ask, .answered = answered };

/* ---- from the first to the last ---------------------------------------------------- */

int web_check(const char *text, struct error *e)
{
	struct address a;

	return address_parse(&a, text, e);
}

static void set_guard(struct guard *g, const struct address *a)
{
	g->reach = a->reach;
	g->port = a->path == NULL ? a->port : 0;
	memcpy(g->host, a->host, sizeof g->host);
}

/* open_in listens and serves; -1 with E set. */
static int open_in(struct web *w, const struct web_options *o, struct error *e)
{
	int listener;

	if (address_parse(&w->address, o->listen, e) != 0 ||
	    token_get(w->guard.token, e) != 0 || watches_open(&w->site.watches, e) != 0)
		return -1;
	listener = address_listen(&w->address, e);
	if (listener < 0) {
		w->address.path = NULL;	/* somebody else's */
		return -1;
	}
	gethostname(w->guard.machine, sizeof w->guard.machine - 1);
	set_guard(&w->guard, &w->address);
	w->site.documents = documents_open(w->guard.port);
	w->url = address_url(&w->address, w->guard.machine);
	w->httpd = httpd_open(&w->site.watches, listener, &w->guard, &ops, w, e);
	if (w->httpd == NULL)
		close(listener);
	return w->httpd != NULL ? 0 : -1;
}

struct web *web_open(const struct web_options *o, struct error *e)
{
	struct web *w = xcalloc(1, sizeof *w);

	w->site = (struct site){ .watches.fd = -1, .only = o->only, .tables = tables, .started_ns = clock_now_ns() };
	w->site.looks = looks_open(o->only);
	w->site.drawings = drawings_open(&w->site.watches);
	w->site.selfruns = selfruns_open(&w->site.watches);
	if (open_in(w, o, e) == 0)
		return w;
	web_close(w);
	return NULL;
}

void web_close(struct web *w)
{
	if (w == NULL)
		return;
	httpd_close(w->httpd);
	if (w->address.path != NULL)
		unlink(w->address.path);
	documents_close(w->site.documents);
	selfruns_close(w->site.selfruns);
	drawings_close(w->site.drawings);
	looks_close(w->site.looks);
	watches_close(&w->site.watches);
	free(w->url);
	free(w);
}

void web_finish(struct web *w)
{
	for (int turn = 0; w != NULL && turn < LAST_TURNS; turn++) {
		struct pollfd p = { .fd = web_fd(w), .events = POLLIN };

		poll(&p, 1, LAST_TURN_MS);
		web_serve(w);
	}
}

const char *web_url(const struct web *w)
{
	return w->url;
}

char *web_greeting(const struct web *w)
{
	if (w->address.path != NULL)
		return xasprintf("listening on %s: curl --unix-socket %s http://localhost/api/v1/topology/summary", w->url,
		    w->address.path);
	return xasprintf("the page is at %s#token=%s", w->url, w->guard.token);
}

/* ---- in a loop --------------------------------------------------------------------- */

int web_fd(const struct web *w)
{
	return w->site.watches.fd;
}

int web_timeout_ms(struct web *w)
{
	uint64_t next = watches_deadline(&w->site.watches), now = clock_now_ns();
	int ms = httpd_timeout_ms(w->httpd), until;

	if (next == 0)
		return ms;
	until = next <= now ? 0 : (int)((next - now + NS_PER_MS - 1) / NS_PER_MS);
	return ms < 0 || until < ms ? until : ms;
}

void web_serve(struct web *w)
{
	uint64_t now = clock_now_ns();

	watches_serve(&w->site.watches, now);
	httpd_serve(w->httpd, now);
}
