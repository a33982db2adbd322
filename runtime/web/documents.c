/* documents.c - see documents.h. SPDX-License-Identifier: Apache-2.0 */
#include "documents.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "chart.h"
#include "clock.h"
#include "memory.h"
#include "prometheus.h"
#include "refusal.h"
#include "show.h"
#include "site.h"
#include "storm.h"

#ifndef PACKAGE_VERSION
#error "the build must say which version this is: -DPACKAGE_VERSION='\"...\"'"
#endif

struct documents {
	char host[256];
	char *user;
	uint32_t port;
	struct prometheus *prometheus;
};

struct documents *documents_open(uint32_t port)
{
	struct documents *d = xcalloc(1, sizeof *d);
	const struct passwd *entry = getpwuid(geteuid());

	gethostname(d->host, sizeof d->host - 1);
	d->user = entry != NULL ? xstrdup(entry->pw_name) : xasprintf("%u", (unsigned)geteuid());
	d->port = port;
	d->prometheus = prometheus_new();
	return d;
}

void documents_close(struct documents *d)
{
	if (d == NULL)
		return;
	prometheus_free(d->prometheus);
	free(d->user);
	free(d);
}

/* ---- where this is ----------------------------------------------------------------- */

/* available gives how much memory could be had; what is free where the kernel does not say. */
static uint64_t available(uint64_t free_bytes)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib = free_bytes / 1024;

	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "MemAvailable:", strlen("MemAvailable:")) == 0)
			kib = strtoull(line + strlen("MemAvailable:"), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib * 1024;
}

static struct storm_place place_of(const struct site *site)
{
	struct storm_place p = { .host = site->documents->host, .user = site->documents->user,
		.version = PACKAGE_VERSION, .port = site->documents->port };
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct sysinfo info;
	struct timespec now;

	p.processors = processors > 0 ? (uint32_t)processors : 0;
	if (sysinfo(&info) == 0) {
		p.load = (double)info.loads[0] / (1 << SI_LOAD_SHIFT);
		p.memory_bytes = (uint64_t)info.totalram * info.mem_unit;
		p.available_bytes = available((uint64_t)info.freeram * info.mem_unit);
	}
	p.uptime_s = (clock_now_ns() - site->started_ns) / NS_PER_S;
	clock_gettime(CLOCK_REALTIME, &now);
	p.now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
	return p;
}

/* ---- of all topologies ------------------------------------------------------------- */

typedef void all_fn(struct buf *out, const struct survey *surveys, size_t n, const struct storm_place *p);

static void give_all(struct site *site, struct exchange *x, all_fn *write)
{
	struct storm_place place = place_of(site);
	struct buf body = { 0 };
	struct error e;
	size_t n = 0;
	const struct survey *s = looks_all(site->looks, &n, &e);

	if (s == NULL) {
		exchange_error(x, 500, "failed", "%s", e.text);
		return;
	}
	write(&body, s, n, &place);
	exchange_json(x, 200, &body);
}

static void give_cluster(struct site *site, struct exchange *x)
{
	give_all(site, x, storm_cluster_summary);
}

static void give_supervisors(struct site *site, struct exchange *x)
{
	give_all(site, x, storm_supervisor_summary);
}

static void give_topologies(struct site *site, struct exchange *x)
{
	give_all(site, x, storm_topologies);
}

static void give_configuration(struct site *site, struct exchange *x)
{
	struct buf body = { 0 };

	(void)site;
	storm_cluster_configuration(&body);
	exchange_json(x, 200, &body);
}

static void give_nimbus(struct site *site, struct exchange *x)
{
	struct storm_place place = place_of(site);
	struct buf body = { 0 };

	storm_nimbus_summary(&body, &place);
	exchange_json(x, 200, &body);
}

/* give_prometheus: of one that goes meanwhile nothing is told. */
static void give_prometheus(struct site *site, struct exchange *x)
{
	struct buf body = { 0 };
	struct error e;
	size_t n_all = 0, n = 0;
	struct survey *all = looks_all(site->looks, &n_all, &e), **list;

	if (all == NULL) {
		exchange_error(x, 500, "failed", "%s", e.text);
		return;
	}
	list = xcalloc(n_all + 1, sizeof *list);
	for (size_t i = 0; i < n_all; i++)
		if (looks_at(site->looks, all[i].homeless ? survey_run_id(&all[i]) : all[i].home.name, WINDOW_1M,
		    &list[n], &e) == HOME_OK)
			n++;
	prometheus_write(site->documents->prometheus, &body, list, n, PACKAGE_VERSION);
	free(list);
	exchange_answer(x, 200, PROMETHEUS_TYPE, &body);
}

/* ---- of one ------------------------------------------------------------------------ */

/* window_of gives the window that X asks for; N_WINDOWS: X was answered, there is none of that name. */
static enum metrics_window window_of(struct exchange *x, enum metrics_window unless_said)
{
	const char *name = exchange_parameter(x, "window");
	enum metrics_window which = name != NULL ? storm_window(name) : unless_said;

	if (which >= N_WINDOWS) {
		exchange_error(x, 400, "noWindow", "There is no window \"%s\": there are 60, 600, 10800, 86400 and "
		    ":all-time, or 1m, 10m, 3h, 1d and all.", name);
		return N_WINDOWS;
	}
	return which;
}

/* look_at looks for X; false: X was answered. Free L with storm_look_free. */
static bool look_at(struct site *site, struct exchange *x, const struct storm_place *place, struct storm_look *l)
{
	*l = (struct storm_look){ .place = place };
	if (!switch_read(x, "sys", &l->sys))
		return false;
	l->which = window_of(x, WINDOW_ALL);
	if (l->which == N_WINDOWS)
		return false;
	l->survey = looks_topology_over(site->looks, x, WINDOW_1M);
	if (l->survey == NULL)
		return false;
	storm_look_windows(l);
	return true;
}

typedef void one_fn(struct buf *out, const struct storm_look *l);

static void give_one(struct site *site, struct exchange *x, one_fn *write)
{
	struct storm_place place = place_of(site);
	struct storm_look l;
	struct buf body = { 0 };

	if (!look_at(site, x, &place, &l))
		return;
	write(&body, &l);
	storm_look_free(&l);
	exchange_json(x, 200, &body);
}

static void give_topology(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_topology);
}

static void give_workers(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_workers);
}

static void give_metrics(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_metrics);
}

static void give_lag(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_lag);
}

static void give_logconfig(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_logconfig);
}

static void give_visualization(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_visualization);
}

static void give_visualization_init(struct site *site, struct exchange *x)
{
	give_one(site, x, storm_visualization_init);
}

static uint32_t find_component(const struct metrics *m, const char *id)
{
	for (uint32_t c = 0; m != NULL && c < metrics_components(m); c++)
		if (strcmp(metrics_id(m, c), id) == 0)
			return c;
	return UINT32_MAX;
}

static void give_component(struct site *site, struct exchange *x)
{
	struct storm_place place = place_of(site);
	const char *id = exchange_word(x, "component");
	struct storm_look l;
	struct buf body = { 0 };
	uint32_t c;

	if (!look_at(site, x, &place, &l))
		return;
	c = find_component(l.survey->m, id);
	if (c != UINT32_MAX)
		storm_component(&body, &l, c);
	storm_look_free(&l);
	if (c != UINT32_MAX)
		exchange_json(x, 200, &body);
	else if (show_has(l.survey, id))
		exchange_error(x, 404, "notRunning", "%s does not run: it is %s.", l.survey->home.name,
		    topology_status_names[l.survey->status]);
	else
		exchange_error(x, 404, "noComponent", "%s has no component \"%s\".", l.survey->home.name, id);
}

static void give_chart(struct site *site, struct exchange *x)
{
	enum metrics_window which = window_of(x, WINDOW_10M);
	const struct survey *s = which != N_WINDOWS ? looks_topology_over(site->looks, x, WINDOW_1M) : NULL;
	struct buf body = { 0 };

	if (s == NULL)
		return;
	chart_write(&body, s, which);
	exchange_json(x, 200, &body);
}

#define TOPOLOGY "/api/v1/topology/{id}"

const struct route documents_routes[] = {
	{ "GET", "/metrics", ROUTE_KEPT, give_prometheus, "all that is counted, for Prometheus" },
	{ "GET", "/api/v1/cluster/summary", ROUTE_KEPT, give_cluster, "Storm's: this machine" },
	{ "GET", "/api/v1/cluster/configuration", ROUTE_KEPT, give_configuration, "Storm's: each config key's default" },
	{ "GET", "/api/v1/nimbus/summary", ROUTE_KEPT, give_nimbus, "Storm's: this server" },
	{ "GET", "/api/v1/supervisor/summary", ROUTE_KEPT, give_supervisors, "Storm's: supervisors, one for each topology" },
	{ "GET", "/api/v1/topology/summary", ROUTE_KEPT, give_topologies, "all topologies" },
	{ "GET", TOPOLOGY, ROUTE_KEPT, give_topology, "Storm's: a topology; window=600|...|:all-time or 1m|..., sys=1" },
	{ "GET", TOPOLOGY "/component/{component}", ROUTE_KEPT, give_component, "Storm's: a component; window, sys" },
	{ "GET", TOPOLOGY "/metrics", ROUTE_KEPT, give_metrics, "Storm's: counters by stream; window, sys" },
	{ "GET", TOPOLOGY "/visualization", ROUTE_KEPT, give_visualization, "Storm's: the graph; window, sys" },
	{ "GET", TOPOLOGY "/visualization-init", ROUTE_KEPT, give_visualization_init, "Storm's: the graph's streams" },
	{ "GET", TOPOLOGY "/lag", ROUTE_KEPT, give_lag, "Storm's: what spouts have open" },
	{ "GET", TOPOLOGY "/logconfig", ROUTE_KEPT, give_logconfig, "Storm's: levels of the log, as configured" },
	{ "GET", "/api/v1/topology-workers/{id}", ROUTE_KEPT, give_workers, "Storm's: a topology's workers" },
	{ "GET", TOPOLOGY "/chart", ROUTE_KEPT, give_chart, "points for charts; window=1m|10m|3h" },
	{ .pattern = NULL },
};
