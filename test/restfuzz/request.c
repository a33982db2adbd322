/* request.c - see request.h. SPDX-License-Identifier: Apache-2.0 */
#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../seed.h"

enum {
	FLOOD = 1 << 20,	/* bytes of headers, or of a body that is too long */
	MANY = 40,		/* requests on one connection at once */
	DEEP = 5000		/* brackets in each other */
};

#define COUNT(list) ((uint32_t)(sizeof (list) / sizeof *(list)))

static const char *const names[] = { "known", "known-1-1", "gone", "", ".", "..", "%2e%2e", "known%00", "k%6eown",
	"%C3%A9", "%ff%fe", "..%2f..%2fetc%2fpasswd", ".ui-token", "%2Fetc%2Fpasswd", "__acker", "a b", "<script>" };
static const char *const leaves[] = { "status", "chart", "drawing", "errors", "logs", "trees", "tap/lines",
	"tap/lines/default", "component/lines", "metrics", "visualization", "visualization-init", "lag", "logconfig",
	"activate", "deactivate", "rebalance/0", "rebalance-plan", "kill/0", "kill/usual", "kill/-1", "kill/99999999999999",
	"", "nothing" };
static const char *const paths[] = { "/", "/ui/index.html", "/ui/../../../../etc/passwd", "/ui/..%2f..%2f.ui-token",
	"/ui/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/ui//etc/passwd", "/ui/.", "/lib/dygraph.min.js",
	"/lib/../../../etc/passwd", "/lib/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/lib/..\\..\\etc\\passwd", "/healthz",
	"/readyz", "/metrics", "/api/v1/version", "/api/v1/endpoints", "/api/v1/topology/summary",
	"/api/v1/cluster/summary", "/api/v1/cluster/configuration", "/api/v1/validate", "//", "/%", "/%2", "/%zz", "/%00",
	"*", "", "/\xc0\xaf\xff", "/api/v1/../../etc/passwd", "/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd" };
static const char *const queries[] = { "window=1m", "window=all", "window=%00", "window=", "component=lines", "component=%",
	"lines=200", "lines=-1", "lines=99999999999999999999", "level=error", "older=1e309", "count=0", "sys=1", "sys=%2",
	"=", "&&&", "a=b=c", "%zz=%zz", "#", "window=1m&window=1d" };
static const char *const methods[] = { "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE",
	"CONNECT", "PATCH", "get", "G ET", "", "\x01" };
static const char *const versions[] = { "HTTP/1.0", "HTTP/0.9", "HTTP/2.0",
	"HTTP/9.99", "HTTP/", "http/1.1", "", "HTTP/1.1 HTTP/1.1" };
static const char *const header_lines[] = { "Connection: close", "Connection: keep-alive", "Connection: Upgrade\r\nUpgrade: h2c",
	"Expect: 100-continue", "Expect: something", "Origin: http://evil.example", "Origin: null",
	"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin", "X-Gale-Token:", "X-Gale-Token: 0", "Authorization: Bearer",
	"Authorization: Bearer 0", "Authorization: Basic AAAA", "Content-Type: application/json", "Content-Type: text/plain",
	"Content-Type: application/json; charset=utf-7", "Cookie: $Version=1; a=\"b", "Host: localhost", "Host: evil.example",
	"no colon here", ": no name", " folded", "Name : blank", "Name\t:tab", "Range: bytes=0-0,-1", "Accept-Encoding: gzip",
	"Transfer-Encoding: gzip", "Transfer-Encoding: identity", "Content-Length: 0", "Content-Length: -1",
	"Content-Length: 18446744073709551616", "Content-Length: 99999999", "Content-Length: 1, 1", "If-None-Match: *" };
static const char *const bodies[] = { "", "{}", "{\"rebalanceOptions\":{\"executors\":{\"split\":2}}}", "{\"rebalanceOptions\":null}",
	"{\"rebalanceOptions\":{\"executors\":{\"split\":-1,\"split\":1e400}}}", "[]", "null", "{", "\"\\ud800\"", "\xff\xfe",
	"{\"name\":\"x\",\"spouts\":[],\"bolts\":[],\"streams\":[]}" };

/* ---- bytes ------------------------------------------------------------------------- */

static void add(struct request *r, const char *bytes, size_t n)
{
	if (r->n + n > r->size) {
		r->size = 2 * (r->n + n);
		r->data = realloc(r->data, r->size);
		if (r->data == NULL)
			abort();
	}
	memcpy(r->data + r->n, bytes, n);
	r->n += n;
}

static void put(struct request *r, const char *text)
{
	add(r, text, strlen(text));
}

__attribute__((format(printf, 2, 3)))
static void say(struct request *r, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	put(r, text);
}

static void repeat(struct request *r, const char *text, size_t bytes)
{
	for (size_t n = strlen(text), done = 0; done < bytes; done += n)
		add(r, text, n);
}

static const char *one_of(uint64_t *random, const char *const *list, uint32_t n)
{
	return list[pick(random, n)];
}

static void noise(struct request *r, uint64_t *random, uint32_t n)
{
	while (n-- > 0) {
		char c = (char)pick(random, 256);

		add(r, &c, 1);
	}
}

/* ---- the first line ---------------------------------------------------------------- */

static void target(struct request *r, uint64_t *random, unsigned port)
{
	switch (pick(random, 12)) {
	case 0:
		say(r, "http://%s:%u/api/v1/topology/summary", pick(random, 2) ? "evil.example" : "127.0.0.1", port);
		return;
	case 1:
		put(r, "/");
		repeat(r, pick(random, 2) ? "../" : "%2e%2e%2f", pick(random, 2000));
		put(r, "etc/passwd");
		return;
	case 2:
		put(r, "/");
		noise(r, random, pick(random, 200));
		return;
	case 3:
		repeat(r, "/a", pick(random, 40000));
		return;
	case 4: case 5: case 6:
		put(r, one_of(random, paths, COUNT(paths)));
		break;
	default:
		say(r, "/api/v1/topology/%s/%s", pick(random, 2) ? "known" : one_of(random, names, COUNT(names)),
		    one_of(random, leaves, COUNT(leaves)));
	}
	for (char before = '?'; pick(random, 3) == 0; before = '&')
		say(r, "%c%s", before, one_of(random, queries, COUNT(queries)));
}

static void first_line(struct request *r, uint64_t *random, unsigned port)
{
	put(r, pick(random, 3) ? "GET" : one_of(random, methods, COUNT(methods)));
	put(r, pick(random, 20) ? " " : "\t \t");
	target(r, random, port);
	say(r, " %s%s", pick(random, 4) ? "HTTP/1.1" : one_of(random, versions, COUNT(versions)),
	    pick(random, 20) ? "\r\n" : "\n");
}

/* ---- headers and bodies ------------------------------------------------------------ */

static void token(struct request *r, uint64_t *random)
{
	put(r, pick(random, 2) ? "X-Gale-Token: " : "Authorization: Bearer ");
	for (int i = 0; i < 64; i++)
		say(r, "%x", pick(random, 16));
	put(r, "\r\n");
}

static void flood(struct request *r, uint64_t *random)
{
	if (pick(random, 2)) {
		put(r, "X-Long: ");
		repeat(r, "long ", FLOOD);
		put(r, "\r\n");
	} else {
		repeat(r, "X-Many: y\r\n", pick(random, FLOOD));
	}
}

static void headers(struct request *r, uint64_t *random, unsigned port)
{
	if (pick(random, 10) != 0)
		say(r, "Host: 127.0.0.1:%u\r\n", port);
	for (uint32_t n = pick(random, 2) ? pick(random, 6) : 0; n > 0; n--)
		say(r, "%s\r\n", one_of(random, header_lines, COUNT(header_lines)));
	if (pick(random, 4) == 0)
		token(r, random);
	if (pick(random, 100) == 0)
		flood(r, random);
	if (pick(random, 30) == 0) {
		put(r, "X-Noise: ");
		noise(r, random, pick(random, 300));
		put(r, "\r\n");
	}
}

static void body(struct request *r, uint64_t *random)
{
	switch (pick(random, 40)) {
	case 0:
		repeat(r, "[", DEEP);
		repeat(r, "]", DEEP);
		break;
	case 1:
		repeat(r, "0123456789abcdef", FLOOD + pick(random, 100));
		break;
	case 2:
		noise(r, random, pick(random, 4000));
		break;
	default:
		put(r, one_of(random, bodies, COUNT(bodies)));
	}
}

static void chunked(struct request *r, uint64_t *random)
{
	static const char *const sizes[] = { "5", "0005", "ffffffffffffffff", "fffffffffffffffff", "-1", "0x5", " 5", "5 ",
		"5;name=\"value\"", "G", "", "100000" };

	put(r, "Transfer-Encoding: chunked\r\n\r\n");
	for (uint32_t n = pick(random, 50); n > 0; n--) {
		bool odd = pick(random, 8) == 0;

		say(r, "%s\r\n", odd ? one_of(random, sizes, COUNT(sizes)) : "5");
		say(r, "{\"a\"}%s", pick(random, 15) ? "\r\n" : "");
	}
	if (pick(random, 4) != 0)
		put(r, pick(random, 3) ? "0\r\n\r\n" : "0\r\nX-Trailer: t\r\n\r\n");
}

/* end ends the headers, with a body or none, of the length that is told or another one. */
static void end(struct request *r, uint64_t *random)
{
	struct request b = { 0 };

	switch (pick(random, 6)) {
	case 0:
		chunked(r, random);
		break;
	case 1: case 2: case 3:
		put(r, "\r\n");
		break;
	default:
		body(&b, random);
		say(r, "Content-Length: %zu\r\n\r\n", pick(random, 8) ? b.n : (size_t)pick(random, 3000));
		if (b.n > 0)
			add(r, b.data, b.n);
		request_free(&b);
	}
}

/* ---- the whole --------------------------------------------------------------------- */

/* An action as the page asks for it, with all but the token. */
static void action(struct request *r, uint64_t *random, unsigned port)
{
	static const char *const actions[] = { "kill/0", "activate", "deactivate", "rebalance/0", "rebalance-plan",
		"logconfig" };
	const char *text = one_of(random, bodies, COUNT(bodies));

	if (pick(random, 7) == 0)
		put(r, "POST /api/v1/validate HTTP/1.1\r\n");
	else
		say(r, "POST /api/v1/topology/known/%s HTTP/1.1\r\n", one_of(random, actions, COUNT(actions)));
	say(r, "Host: 127.0.0.1:%u\r\nContent-Type: application/json\r\n", port);
	if (pick(random, 2))
		say(r, "Origin: http://127.0.0.1:%u\r\nSec-Fetch-Site: same-origin\r\n", port);
	if (pick(random, 2))
		token(r, random);
	say(r, "Content-Length: %zu\r\n\r\n%s", strlen(text), text);
	r->posts = true;
}

static void wild(struct request *r, uint64_t *random, unsigned port)
{
	for (uint32_t n = pick(random, 10) ? 1 : pick(random, MANY); n > 0; n--) {
		first_line(r, random, port);
		headers(r, random, port);
		end(r, random);
	}
}

/* spoil changes bytes of R: overwrites, repeats and removes. */
static void spoil(struct request *r, uint64_t *random)
{
	for (uint32_t n = 1 + pick(random, 10); n > 0 && r->n > 1; n--) {
		size_t at = pick(random, (uint32_t)r->n), length = 1 + pick(random, 20);

		if (length > r->n - at)
			length = r->n - at;
		switch (pick(random, 4)) {
		case 0:
			r->data[at] = (char)pick(random, 256);
			break;
		case 1:
			r->data[at] = '\0';
			break;
		case 2:
			memmove(r->data + at, r->data + at + length, r->n - at - length);
			r->n -= length;
			break;
		default:
			repeat(r, " ", length);
			memmove(r->data + at + length, r->data + at, r->n - at - length);
		}
	}
	r->posts = false;
}

void request_make(struct request *r, uint64_t *random, unsigned port)
{
	r->n = 0;
	r->posts = false;
	if (pick(random, 4) == 0)
		action(r, random, port);
	else
		wild(r, random, port);
	if (pick(random, 4) == 0)
		spoil(r, random);
	if (pick(random, 8) == 0 && r->n > 0) {
		r->n = pick(random, (uint32_t)r->n);
		r->posts = false;
	}
	if (r->n == 0)
		put(r, "\r\n");
}

void request_free(struct request *r)
{
	free(r->data);
	*r = (struct request){ 0 };
}
