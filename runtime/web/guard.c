/* guard.c - see guard.h. SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- Host -------------------------------------------------------------------------- */

/* split takes "name:port", "[::1]:port" or either without a port apart; *PORT is 80 then, as HTTP has
 * it. False: it is none of these. */
static bool split(const char *text, char name[GUARD_HOST_MAX], unsigned *port)
{
	bool bracket = text[0] == '[';
	size_t n = strcspn(text + bracket, bracket ? "]" : ":");
	const char *rest = text + bracket + n;

	if (n == 0 || n >= GUARD_HOST_MAX || (bracket && *rest++ != ']'))
		return false;
	memcpy(name, text + bracket, n);
	name[n] = '\0';
	*port = 80;
	if (*rest == '\0')
		return true;
	if (*rest++ != ':' || strlen(rest) > 5 || strspn(rest, "0123456789") != strlen(rest) || *rest == '\0')
		return false;
	*port = (unsigned)strtoul(rest, NULL, 10);
	return true;
}

static bool is_address(const char *name)
{
	struct in6_addr six;
	struct in_addr four;

	return inet_pton(AF_INET, name, &four) == 1 || inet_pton(AF_INET6, name, &six) == 1;
}

/* is_us: NAME is one of ours. An address is never another site's name: it can't be rebound. */
static bool is_us(const struct guard *g, const char *name)
{
	if (strcasecmp(name, "localhost") == 0)
		return true;
	if (g->reach == GUARD_UNIX)
		return false;
	if (strcmp(name, "127.0.0.1") == 0 || strcmp(name, "::1") == 0 || strcasecmp(name, g->host) == 0)
		return true;
	return g->reach == GUARD_OPEN && (is_address(name) || strcasecmp(name, g->machine) == 0);
}

struct guard_verdict guard_host(const struct guard *g, const struct guard_request *r)
{
	char name[GUARD_HOST_MAX];
	unsigned port;

	if (r->hosts != 1 || r->host == NULL)
		return (struct guard_verdict){ 400, "noHost", "A request has one Host header." };
	if (!split(r->host, name, &port) || !is_us(g, name) || (g->port != 0 && port != g->port))
		return (struct guard_verdict){ 403, "foreignHost",
			"The Host header names another server: ask by the address that gale ui has told." };
	return (struct guard_verdict){ 0 };
}

/* ---- where it comes from ----------------------------------------------------------- */

/* is_own: ORIGIN is that of the page which R's Host has given. */
static bool is_own(const struct guard_request *r)
{
	static const char scheme[] = "http://";

	return strncasecmp(r->origin, scheme, sizeof scheme - 1) == 0 &&
	    strcasecmp(r->origin + sizeof scheme - 1, r->host) == 0;
}

static bool is_foreign(const struct guard_request *r)
{
	if (r->origin != NULL && !is_own(r))
		return true;
	return r->fetch_site != NULL && strcasecmp(r->fetch_site, "same-origin") != 0 &&
	    strcasecmp(r->fetch_site, "none") != 0;
}

/* is_json: with or without parameters: "application/json; charset=utf-8". */
static bool is_json(const char *type)
{
	static const char json[] = "application/json";
	size_t n = sizeof json - 1;

	if (type == NULL || strncasecmp(type, json, n) != 0)
		return false;
	while (type[n] == ' ' || type[n] == '\t')
		n++;
	return type[n] == '\0' || type[n] == ';';
}

/* ---- token ------------------------------------------------------------------------- */

bool guard_token_is(const struct guard *g, const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;
	volatile unsigned char differs = n != TOKEN_DIGITS || strlen(g->token) != TOKEN_DIGITS;

	for (size_t i = 0; i < TOKEN_DIGITS; i++)
		differs = (unsigned char)(differs | (g->token[i] ^ (n > 0 ? text[i % n] : 0)));
	return differs == 0;
}

/* given gives the token of R, by whichever header; NULL: none. */
static const char *given(const struct guard_request *r)
{
	static const char bearer[] = "Bearer ";
	size_t n = sizeof bearer - 1;

	if (r->token != NULL)
		return r->token;
	if (r->authorization != NULL && strncasecmp(r->authorization, bearer, n) == 0)
		return r->authorization + n + strspn(r->authorization + n, " ");
	return NULL;
}

static struct guard_verdict judge_token(const struct guard *g, const struct guard_request *r)
{
	const char *token = given(r);

	if (!r->posts && !r->reaches && (r->harmless || g->reach != GUARD_OPEN))
		return (struct guard_verdict){ 0 };
	if (token == NULL)
		return (struct guard_verdict){ 401, "noToken",
			"This takes the token, in the header X-Gale-Token; gale ui has told it, and .ui-token in gale's "
			"state directory holds it." };
	if (!guard_token_is(g, token))
		return (struct guard_verdict){ 403, "wrongToken",
			"This is not the token; .ui-token in gale's state directory holds it." };
	return (struct guard_verdict){ 0 };
}

struct guard_verdict guard_judge(const struct guard *g, const struct guard_request *r)
{
	struct guard_verdict v = guard_host(g, r);

	if (v.status != 0)
		return v;
	if ((r->posts || !r->harmless) && is_foreign(r))
		return (struct guard_verdict){ 403, "foreignOrigin", "The page of another site may not ask for this." };
	v = judge_token(g, r);
	if (v.status == 0 && r->posts && !is_json(r->content_type))
		return (struct guard_verdict){ 415, "notJson", "The Content-Type must be application/json." };
	return v;
}
