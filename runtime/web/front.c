/* front.c - see front.h. SPDX-License-Identifier: Apache-2.0 */
#include "front.h"

#include <string.h>

#include <gale/gale.h>

#include "assets.h"
#include "show.h"
#include "site.h"

#ifndef PACKAGE_VERSION
#error "the build must say which version this is: -DPACKAGE_VERSION='\"...\"'"
#endif

/* ---- the page ---------------------------------------------------------------------- */

static void give_file(struct exchange *x, const char *name)
{
	const struct asset *a = assets_find(name);
	struct buf body = { 0 };

	if (a == NULL) {
		exchange_error(x, 404, "notFound", "There is no file \"%s\".", name);
		return;
	}
	buf_add(&body, a->bytes, a->n);
	exchange_answer(x, 200, assets_type(name), &body);
}

static void give_page(struct site *site, struct exchange *x)
{
	(void)site;
	give_file(x, "index.html");
}

static void give_part(struct site *site, struct exchange *x)
{
	(void)site;
	give_file(x, exchange_word(x, "file"));
}

static void give_library(struct site *site, struct exchange *x)
{
	const char *name = exchange_word(x, "file");
	struct buf body = { 0 };
	struct error e;
	unsigned status = assets_library(name, &body, &e);

	(void)site;
	if (status == 200)
		exchange_answer(x, status, assets_type(name), &body);
	else
		exchange_error(x, status, "notFound", "%s", e.text);
}

/* ---- health ------------------------------------------------------------------------ */

static void give_health(struct site *site, struct exchange *x)
{
	struct buf body = { 0 };

	(void)site;
	buf_puts(&body, "ok\n");
	exchange_answer(x, 200, "text/plain; charset=utf-8", &body);
}

/* why_not tells why S is not ready; NULL: it is, or has ended as it should. */
static const char *why_not(const struct survey *s)
{
	const char *error;

	switch (s->status) {
	case TOPOLOGY_STARTING:
		return "not all of its workers are ready";
	case TOPOLOGY_FAILED:
		error = show_ended(s, "error");
		return error != NULL ? error : "it has failed";
	case TOPOLOGY_DEAD:
		return "its supervisor was killed";
	default:
		return NULL;
	}
}

static void put_reason(struct buf *b, const struct survey *s, const char *why, bool first)
{
	buf_puts(b, first ? "\n" : ",\n");
	buf_puts(b, "{\"name\":");
	buf_json_string(b, s->home.name, strlen(s->home.name));
	buf_printf(b, ",\"status\":\"%s\",\"reason\":", topology_status_names[s->status]);
	buf_json_string(b, why, strlen(why));
	buf_puts(b, "}");
}

/* give_readiness: 503 when a topology is STARTING, FAILED or DEAD, with each of them for who may know. */
static void give_readiness(struct site *site, struct exchange *x)
{
	struct buf body = { 0 }, reasons = { 0 };
	struct error e;
	size_t n = 0;
	const struct survey *s = looks_all(site->looks, &n, &e);
	const char *why;

	if (s == NULL) {
		exchange_error(x, 500, "failed", "%s", e.text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if ((why = why_not(&s[i])) != NULL)
			put_reason(&reasons, &s[i], why, reasons.n == 0);
	buf_printf(&body, "{\"ready\":%s,\"reasons\":[%s]}\n", reasons.n == 0 ? "true" : "false",
	    exchange_trusts(x) ? buf_text(&reasons) : "");
	exchange_json(x, reasons.n == 0 ? 200 : 503, &body);
	buf_free(&reasons);
}

/* ---- what this is ------------------------------------------------------------------ */

static void give_version(struct site *site, struct exchange *x)
{
	struct buf body = { 0 };

	(void)site;
	buf_printf(&body, "{\"version\":\"%s\",\"pluginInterface\":%u}\n", PACKAGE_VERSION, GALE_ABI);
	exchange_json(x, 200, &body);
}

static void give_endpoints(struct site *site, struct exchange *x)
{
	const char *comma = "\n";
	struct buf body = { 0 };

	buf_puts(&body, "{\"endpoints\":[");
	for (const struct route *const *table = site->tables; *table != NULL; table++)
		for (const struct route *r = *table; r->pattern != NULL; r++) {
			if (r->doc == NULL)
				continue;
			buf_printf(&body, "%s{\"method\":\"%s\",\"path\":\"%s\",\"doc\":", comma, r->method, r->pattern);
			buf_json_string(&body, r->doc, strlen(r->doc));
			buf_puts(&body, "}");
			comma = ",\n";
		}
	buf_puts(&body, "\n]}\n");
	exchange_json(x, 200, &body);
}

/* ---- topologies -------------------------------------------------------------------- */

static void give_status(struct site *site, struct exchange *x)
{
	const char *component = exchange_parameter(x, "component");
	struct survey *s = looks_topology(site->looks, x);
	struct buf body = { 0 };

	if (s == NULL)
		return;
	if (component != NULL && !show_has(s, component)) {
		exchange_error(x, 404, "noComponent", "%s has no component \"%s\".", s->home.name, component);
		return;
	}
	show_status_json(&body, s, component);
	exchange_json(x, 200, &body);
}

const struct route front_routes[] = {
	{ "GET", "/", ROUTE_HARMLESS, give_page, NULL },
	{ "GET", "/ui/{file}", ROUTE_HARMLESS, give_part, NULL },
	{ "GET", "/lib/{file}", ROUTE_HARMLESS, give_library, NULL },
	{ "GET", "/healthz", ROUTE_HARMLESS, give_health, "200 as long as this server answers" },
	{ "GET", "/readyz", ROUTE_HARMLESS, give_readiness,
	    "200, or 503 with the topologies that are STARTING, FAILED or DEAD" },
	{ "GET", "/api/v1/version", 0, give_version, "which gale this is" },
	{ "GET", "/api/v1/endpoints", 0, give_endpoints, "what can be asked for" },
	{ "GET", "/api/v1/topology/{id}/status", ROUTE_KEPT, give_status,
	    "all that is known of a topology; window=1m|10m|3h|1d|all, component=ID" },
	{ .pattern = NULL },
};
