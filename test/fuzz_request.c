/* fuzz_request.c - any bytes as a request to the web server: a target, and headers that the guard
 * judges (libFuzzer).
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says what is listened on, and what the request does; lines follow: target, Host, Origin,
 * Sec-Fetch-Site, Content-Type, token, Authorization; one that is empty is not there. A target that is
 * taken apart has no way up, no control character, no more parts than may be; without the token nothing is
 * changed, and a foreign name gets nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "buf.h"
#include "guard.h"
#include "memory.h"
#include "routes.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

enum { LINES = 7 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct route routes[] = {
	{ .method = "GET", .pattern = "/" },
	{ .method = "GET", .pattern = "/ui/{file}" },
	{ .method = "GET", .pattern = "/t/summary" },
	{ .method = "POST", .pattern = "/t/{id}/kill/{wait}" },
	{ .pattern = NULL },
};
static const struct route *const tables[] = { routes, NULL };

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void check_text(const char *s)
{
	size_t n = strlen(s), length;

	for (size_t i = 0; i < n; i += length) {
		length = utf8_length(s + i, n - i);
		must(length > 0 && (unsigned char)s[i] >= ' ' && s[i] != 0x7f);
	}
}

static void check_target(const char *target, const char *method)
{
	struct routes_found f;
	const char *word;
	struct uri u;

	if (uri_parse(&u, target)) {
		must(target[0] == '/' && u.n_segments <= URI_SEGMENTS && u.n_parameters <= URI_PARAMETERS);
		for (size_t i = 0; i < u.n_segments; i++) {
			check_text(u.segments[i]);
			must(strcmp(u.segments[i], ".") != 0 && strcmp(u.segments[i], "..") != 0);
		}
		for (size_t i = 0; i < u.n_parameters; i++) {
			check_text(u.parameters[i].name);
			check_text(u.parameters[i].value);
			must(uri_parameter(&u, u.parameters[i].name) != NULL);
		}
		f = routes_find(tables, method, &u);
		if (f.route != NULL && (word = routes_word(f.route->pattern, &u, "id")) != NULL)
			must(word[0] != '\0' && strcmp(f.route->method, "POST") == 0);
		must(f.route == NULL || routes_match(f.route->pattern, &u));
	}
	uri_free(&u);
}

static void check_guard(const struct guard *g, const struct guard_request *r)
{
	struct guard_verdict v = guard_judge(g, r);

	must(v.status == 0 || v.status == 400 || v.status == 401 || v.status == 403 || v.status == 415);
	must((v.status == 0) == (v.code == NULL));
	if (v.status != 0)
		return;
	must(r->hosts == 1 && r->host != NULL && strcasestr(r->host, "evil") == NULL);
	must((!r->posts && r->harmless) || r->fetch_site == NULL || strcasecmp(r->fetch_site, "cross-site") != 0);
	if (!r->posts && !r->reaches && (r->harmless || g->reach != GUARD_OPEN))
		return;
	must((r->token != NULL && strcmp(r->token, TOKEN) == 0) ||
	    (r->authorization != NULL && strstr(r->authorization, TOKEN) != NULL));
	must(!r->posts || (r->content_type != NULL && strncasecmp(r->content_type, "application/json", 16) == 0));
	must(!r->posts || r->origin == NULL || strcasecmp(r->origin + strlen("http://"), r->host) == 0);
}

/* split gives the lines of TEXT in LINE, in place. */
static void split(char *text, const char *line[LINES])
{
	for (size_t i = 0; i < LINES; i++) {
		char *s = strsep(&text, "\n");

		line[i] = s != NULL && s[0] != '\0' ? s : NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct guard g = { .port = 8080, .host = "127.0.0.1", .machine = "box", .token = TOKEN };
	struct guard_request r = { 0 };
	const char *line[LINES];
	char *text;

	if (n == 0)
		return 0;
	text = xstrndup((const char *)data + 1, n - 1);
	split(text, line);
	g.reach = data[0] % 3;
	g.port = g.reach == GUARD_UNIX ? 0 : 8080;
	r = (struct guard_request){ .posts = (data[0] & 4) != 0, .harmless = (data[0] & 8) != 0,
		.reaches = (data[0] & 32) != 0,
		.hosts = line[1] != NULL ? 1 + ((data[0] & 16) != 0) : 0, .host = line[1], .origin = line[2],
		.fetch_site = line[3], .content_type = line[4], .token = line[5], .authorization = line[6] };
	check_target(line[0] != NULL ? line[0] : "", r.posts ? "POST" : "GET");
	check_guard(&g, &r);
	free(text);
	return 0;
}
