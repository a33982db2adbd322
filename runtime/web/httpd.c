/* httpd.c - see httpd.h. SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd runs without a thread: its epoll stands in ours, and MHD_run does what is ready. Its
 * own epoll is edge-triggered, so MHD_get_timeout must be asked before each wait: work may be left
 * that no event tells of. A connection that sleeps is out of its epoll; that its client goes is told by
 * a watch of ours.
 */
#include "httpd.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "clock.h"
#include "memory.h"
#include "mhd.h"
#include "routes.h"

enum {
	SWEEP_MS = 1000,
	OTHER_DESCRIPTORS = 128,	/* that this process needs besides connections */
	BODY_IGNORED_MAX = 16 << 20	/* of a body that is too large: then the connection goes */
};

struct answer {
	unsigned refs;
	struct MHD_Response *response;
};

/* One connection. */
struct client {
	struct httpd *httpd;
	struct client *next, *prev;
	int fd;
	uint64_t since_ns;		/* it came, or its last request was over */
	struct exchange *x;		/* NULL: none has come so far */
};

enum exchange_state { READING, ASKED, LATER, ANSWERED };

struct exchange {
	struct httpd *httpd;
	struct client *client;
	struct MHD_Connection *connection;
	char *target;
	struct uri uri;
	const struct route *route;
	enum exchange_state state;
	bool begun, suspended, trusts;
	struct buf body;
	size_t n_body;			/* also of what was too much, and ignored */
	const char *allow;
	unsigned status;
	struct answer *answer;
	void (*gone)(void *arg);
	void *arg;
	struct watch hangup;		/* while it is suspended */
};

struct httpd {
	struct MHD_Daemon *daemon;
	struct watches *all;
	struct watch watch;		/* of the daemon's epoll */
	const struct guard *guard;
	const struct httpd_ops *ops;
	void *arg;
	struct client *clients;
	uint64_t sweep_ns;		/* when to look for slow ones */
	bool closing;
};

/* ---- answers ----------------------------------------------------------------------- */

/* The page runs what comes from here alone, and nobody else shows it within his. */
static const char *const headers[][2] = {
	{ "Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cache-Control", "no-store" },
};

struct answer *answer_make(const char *type, struct buf *body)
{
	struct answer *a = xcalloc(1, sizeof *a);

	a->refs = 1;
	a->response = mhd.create_response_from_buffer(body->n, body->data, MHD_RESPMEM_MUST_FREE);
	if (a->response == NULL)
		die("no memory for an answer of %zu bytes", body->n);
	*body = (struct buf){ 0 };
	mhd.add_response_header(a->response, "Content-Type", type);
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		mhd.add_response_header(a->response, headers[i][0], headers[i][1]);
	return a;
}

struct answer *answer_keep(struct answer *a)
{
	a->refs++;
	return a;
}

void answer_drop(struct answer *a)
{
	if (a == NULL || --a->refs > 0)
		return;
	mhd.destroy_response(a->response);
	free(a);
}

/* ---- an exchange, for handlers ----------------------------------------------------- */

const struct uri *exchange_uri(const struct exchange *x)
{
	return &x->uri;
}

const char *exchange_target(const struct exchange *x)
{
	return x->target;
}

const struct route *exchange_route(const struct exchange *x)
{
	return x->route;
}

const char *exchange_word(const struct exchange *x, const char *name)
{
	return routes_word(x->route->pattern, &x->uri, name);
}

const char *exchange_parameter(const struct exchange *x, const char *name)
{
	return uri_parameter(&x->uri, name);
}

bool exchange_trusts(const struct exchange *x)
{
	return x->trusts;
}

const char *exchange_body(const struct exchange *x, size_t *n)
{
	*n = x->body.n;
	return x->body.n > 0 ? x->body.data : "";
}

void exchange_allow(struct exchange *x, const char *methods)
{
	x->allow = methods;
}

void exchange_share(struct exchange *x, unsigned status, struct answer *a)
{
	assert(x->state != ANSWERED);
	x->state = ANSWERED;
	x->status = status;
	x->answer = answer_keep(a);
	watch_end(&x->hangup);
	if (!x->suspended)
		return;
	x->suspended = false;
	x->client->since_ns = clock_now_ns();
	mhd.resume_connection(x->connection);
}

void exchange_answer(struct exchange *x, unsigned status, const char *type, struct buf *body)
{
	struct answer *a = answer_make(type, body);

	x->httpd->ops->answered(x->httpd->arg, x, status, a);
	if (x->allow != NULL)
		mhd.add_response_header(a->response, "Allow", x->allow);
	if (status == MHD_HTTP_UNAUTHORIZED)
		mhd.add_response_header(a->response, "WWW-Authenticate", "Bearer");
	exchange_share(x, status, a);
	answer_drop(a);
}

void exchange_json(struct exchange *x, unsigned status, struct buf *body)
{
	exchange_answer(x, status, "application/json; charset=utf-8", body);
}

void exchange_error(struct exchange *x, unsigned status, const char *code, const char *format, ...)
{
	struct buf body = { 0 };
	struct error e;
	va_list args;

	va_start(args, format);
	vsnprintf(e.text, sizeof e.text, format, args);
	va_end(args);
	buf_printf(&body, "{\"error\":\"%s\",\"errorMessage\":", code);
	buf_json_string(&body, e.text, strlen(e.text));
	buf_puts(&body, "}\n");
	exchange_json(x, status, &body);
}

/* give_up ends an exchange that somebody wants to answer later. */
static void give_up(struct exchange *x, const char *why)
{
	void (*gone)(void *arg) = x->gone;

	x->gone = NULL;
	exchange_error(x, MHD_HTTP_SERVICE_UNAVAILABLE, "gone", "%s", why);
	gone(x->arg);
}

static void hung_up(void *arg, uint32_t events)
{
	(void)events;
	give_up(arg, "The client has gone.");
}

void exchange_later(struct exchange *x, void (*gone)(void *arg), void *arg)
{
	assert(x->state == ASKED);
	x->state = LATER;
	x->gone = gone;
	x->arg = arg;
	x->hangup = (struct watch){ .fd = x->client->fd, .ready = hung_up, .arg = x };
}

/* ---- a request --------------------------------------------------------------------- */

static const char *header(const struct exchange *x, const char *name)
{
	return mhd.lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result count_host(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	unsigned *n = arg;

	(void)kind;
	(void)value;
	*n += strcasecmp(name, "Host") == 0;
	return MHD_YES;
}

static struct guard_request ask_guard(struct exchange *x, bool posts)
{
	struct guard_request r = {
		.posts = posts,
		.host = header(x, "Host"), .origin = header(x, "Origin"), .fetch_site = header(x, "Sec-Fetch-Site"),
		.content_type = header(x, "Content-Type"), .token = header(x, "X-Gale-Token"),
		.authorization = header(x, "Authorization"),
	};

	mhd.get_connection_values(x->connection, MHD_HEADER_KIND, count_host, &r.hosts);
	return r;
}

static bool refused(struct exchange *x, struct guard_verdict v)
{
	if (v.status != 0)
		exchange_error(x, v.status, v.code, "%s", v.message);
	return v.status != 0;
}

static void too_large(struct exchange *x)
{
	exchange_error(x, MHD_HTTP_CONTENT_TOO_LARGE, "tooLarge", "A body may have %d bytes.", HTTPD_BODY_MAX);
}

/* begin: the headers are here. Who asks by a foreign name hears no more than that. */
static void begin(struct exchange *x, const char *method)
{
	struct httpd *h = x->httpd;
	struct guard_request r = ask_guard(x, strcmp(method, "POST") == 0);
	const char *length = header(x, "Content-Length");

	if (refused(x, guard_host(h->guard, &r)))
		return;
	if (!uri_parse(&x->uri, x->target)) {
		exchange_error(x, MHD_HTTP_BAD_REQUEST, "badPath", "This is no path that could be here.");
		return;
	}
	x->route = h->ops->found(h->arg, x, strcmp(method, "HEAD") == 0 ? "GET" : method);
	if (x->route == NULL)
		return;
	x->trusts = guard_judge(h->guard, &r).status == 0;
	r.harmless = (x->route->flags & ROUTE_HARMLESS) != 0;
	r.reaches = (x->route->flags & ROUTE_REACHES) != 0;
	if (!refused(x, guard_judge(h->guard, &r)) && length != NULL && strtoull(length, NULL, 10) > HTTPD_BODY_MAX)
		too_large(x);
}

/* take adds a piece of the body; false: it is much too long. */
static bool take(struct exchange *x, const char *bytes, size_t n)
{
	x->n_body += n;
	if (x->n_body <= HTTPD_BODY_MAX)
		buf_add(&x->body, bytes, n);
	return x->n_body <= BODY_IGNORED_MAX;
}

/* ask: X is here with its body. */
static void ask(struct exchange *x)
{
	buf_text(&x->body);
	x->state = ASKED;
	if (x->n_body > HTTPD_BODY_MAX)
		too_large(x);
	else
		x->httpd->ops->ask(x->httpd->arg, x);
	if (x->state == ASKED)
		exchange_error(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "noAnswer", "There is no answer to this.");
}

static void sleep_until_answered(struct exchange *x)
{
	x->suspended = true;
	mhd.suspend_connection(x->connection);
	watch_begin(x->httpd->all, &x->hangup, EPOLLRDHUP, NULL);
}

/* on_request is called when the headers are here, for each piece of the body, when all of it is here,
 * and again when a connection is woken up. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *bytes, size_t *n, void **request)
{
	struct exchange *x = *request;

	(void)arg;
	(void)connection;
	(void)url;
	(void)version;
	if (!x->begun) {
		x->begun = true;
		begin(x, method);
		if (x->state != ANSWERED)
			return MHD_YES;
	} else if (*n > 0) {
		size_t length = *n;

		*n = 0;
		return take(x, bytes, length) ? MHD_YES : MHD_NO;
	} else if (x->state == READING) {
		ask(x);
	}
	if (x->state == ANSWERED)
		return mhd.queue_response(x->connection, x->status, x->answer->response);
	sleep_until_answered(x);
	return MHD_YES;
}

/* on_target: the first line of a request is here. What it gives is the request's from now on. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct exchange *x = xcalloc(1, sizeof *x);

	x->httpd = arg;
	x->connection = connection;
	x->target = xstrdup(target);
	x->client = mhd.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	x->client->x = x;
	return x;
}

static void drop(struct exchange *x)
{
	if (x == NULL)
		return;
	x->client->x = NULL;
	x->client->since_ns = clock_now_ns();
	answer_drop(x->answer);
	buf_free(&x->body);
	uri_free(&x->uri);
	free(x->target);
	free(x);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **request,
    enum MHD_RequestTerminationCode code)
{
	(void)arg;
	(void)connection;
	(void)code;
	drop(*request);
	*request = NULL;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct httpd *h = arg;
	struct client *c = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = c = xcalloc(1, sizeof *c);
		*c = (struct client){ .httpd = h, .next = h->clients, .since_ns = clock_now_ns(),
			.fd = mhd.get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd };
		if (c->next != NULL)
			c->next->prev = c;
		h->clients = c;
		return;
	}
	drop(c->x);	/* on_completed is not called where there was no room for a cookie */
	*(c->prev != NULL ? &c->prev->next : &h->clients) = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	free(c);
}

/* ---- the server -------------------------------------------------------------------- */

/* What clients do wrong they hear themselves. */
static void say_nothing(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

/* max_clients raises the limit of descriptors as far as it goes and leaves some for other things. */
static unsigned max_clients(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return HTTPD_CLIENTS;
	if (limit.rlim_cur < limit.rlim_max && limit.rlim_cur < HTTPD_CLIENTS + OTHER_DESCRIPTORS) {
		limit.rlim_cur = limit.rlim_max < HTTPD_CLIENTS + OTHER_DESCRIPTORS ? limit.rlim_max
		    : HTTPD_CLIENTS + OTHER_DESCRIPTORS;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur >= HTTPD_CLIENTS + OTHER_DESCRIPTORS)
		return HTTPD_CLIENTS;
	return limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? (unsigned)limit.rlim_cur - OTHER_DESCRIPTORS : OTHER_DESCRIPTORS;
}

static struct MHD_Daemon *start(struct httpd *h, int listener)
{
	return mhd.start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, h,
	    MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL,
	    MHD_OPTION_LISTEN_SOCKET, listener,
	    MHD_OPTION_CONNECTION_LIMIT, max_clients(),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTPD_HEADER_MAX,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
	    MHD_OPTION_END);
}

static void ready(void *arg, uint32_t events)
{
	(void)arg;	/* httpd_serve comes in any case */
	(void)events;
}

struct httpd *httpd_open(struct watches *ws, int listener, const struct guard *g, const struct httpd_ops *ops,
    void *arg, struct error *e)
{
	struct httpd *h;

	if (mhd_load(e) != 0)
		return NULL;
	h = xcalloc(1, sizeof *h);
	*h = (struct httpd){ .all = ws, .guard = g, .ops = ops, .arg = arg };
	h->daemon = start(h, listener);
	if (h->daemon == NULL) {
		error_errno(e, "cannot start the web server");
		free(h);
		return NULL;
	}
	h->watch = (struct watch){ .fd = mhd.get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		.ready = ready };
	if (watch_begin(ws, &h->watch, EPOLLIN, e) == 0)
		return h;
	httpd_close(h);
	return NULL;
}

/* All who sleep must be woken before the daemon may be stopped. */
void httpd_close(struct httpd *h)
{
	if (h == NULL)
		return;
	for (struct client *c = h->clients; c != NULL; c = c->next)
		if (c->x != NULL && c->x->suspended)
			give_up(c->x, "The server ends.");
	mhd.run(h->daemon);
	watch_end(&h->watch);
	mhd.stop_daemon(h->daemon);
	free(h);
}

int httpd_timeout_ms(struct httpd *h)
{
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t now = clock_now_ns();

	if (mhd.get_timeout(h->daemon, &ms) == MHD_YES && ms == 0)
		return 0;
	if (h->clients == NULL)
		return -1;
	return h->sweep_ns <= now ? 0 : (int)((h->sweep_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

/* sweep closes those that are too slow. */
static void sweep(struct httpd *h, uint64_t now_ns)
{
	for (struct client *c = h->clients; c != NULL; c = c->next)
		if ((c->x == NULL || !c->x->suspended) && now_ns >= c->since_ns + HTTPD_PATIENCE_S * (uint64_t)NS_PER_S)
			shutdown(c->fd, SHUT_RDWR);
	h->sweep_ns = now_ns + (uint64_t)SWEEP_MS * NS_PER_MS;
}

void httpd_serve(struct httpd *h, uint64_t now_ns)
{
	if (h->clients != NULL && now_ns >= h->sweep_ns)
		sweep(h, now_ns);
	mhd.run(h->daemon);
}
