/* storm_cluster.c - Storm's documents of all topologies; see storm.h. A cluster is this machine, a
 * nimbus the server, and each topology that runs has a supervisor.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "overview.h"
#include "show.h"
#include "storm_parts.h"

enum { CPU_PERCENT = 100, MIB = 1 << 20 };

struct sums {
	uint32_t running;
	uint64_t workers, executors, tasks;
};

/* Of what runs: what has ended has no processes. */
static struct sums add_up(const struct survey *surveys, size_t n)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < n; i++) {
		struct show_totals t;

		if (surveys[i].status >= TOPOLOGY_FINISHED)
			continue;
		t = show_totals(&surveys[i]);
		sums.running++;
		sums.workers += t.workers;
		sums.executors += t.executors;
		sums.tasks += t.tasks;
		free(t.id);
	}
	return sums;
}

static double share(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static void put_resources(struct buf *out, const struct storm_place *p)
{
	double cpu = (double)p->processors * CPU_PERCENT, used = p->load * CPU_PERCENT;
	double memory = (double)p->memory_bytes, left = (double)p->available_bytes;

	if (used > cpu)
		used = cpu;
	member_real(out, "totalMem", memory / MIB);
	member_real(out, "totalCpu", cpu);
	member_real(out, "availMem", left / MIB);
	member_real(out, "availCpu", cpu - used);
	member_real(out, "memAssignedPercentUtil", share(memory - left, memory));
	member_real(out, "cpuAssignedPercentUtil", share(used, cpu));
	member_count(out, "fragmentedMem", 0);
	member_count(out, "fragmentedCpu", 0);
	member_bool(out, "schedulerDisplayResource", false);
}

void storm_cluster_summary(struct buf *out, const struct survey *surveys, size_t n, const struct storm_place *p)
{
	struct sums sums = add_up(surveys, n);

	buf_puts(out, "{");
	member_text(out, "user", p->user);
	member_text(out, "host", p->host);
	member_text(out, "stormVersion", p->version);
	member_count(out, "supervisors", sums.running);
	member_count(out, "topologies", n);
	member_count(out, "slotsTotal", sums.workers);
	member_count(out, "slotsUsed", sums.workers);
	member_count(out, "slotsFree", 0);
	member_count(out, "executorsTotal", sums.executors);
	member_count(out, "tasksTotal", sums.tasks);
	put_resources(out, p);
	buf_puts(out, "}\n");
}

void storm_cluster_configuration(struct buf *out)
{
	static const struct topology none;

	buf_puts(out, "{");
	storm_put_config(out, &none);
	buf_puts(out, "}\n");
}

static void put_port(struct buf *out, const char *key, const struct storm_place *p)
{
	if (p->port != 0)
		member_count(out, key, p->port);
	else
		member_null(out, key);
}

void storm_nimbus_summary(struct buf *out, const struct storm_place *p)
{
	char text[STORM_PRETTY];

	buf_puts(out, "{");
	member_open(out, "nimbuses", "[{");
	member_text(out, "host", p->host);
	put_port(out, "port", p);
	member_text(out, "status", "Leader");
	member_text(out, "version", p->version);
	member_text(out, "nimbusUpTime", storm_pretty(p->uptime_s, text, sizeof text));
	member_count(out, "nimbusUpTimeSeconds", p->uptime_s);
	member_text(out, "nimbusLogLink", "");
	buf_puts(out, "}]}\n");
}

static void put_supervisor(struct buf *out, const struct survey *s, const struct storm_place *p)
{
	struct show_totals t = show_totals(s);

	member_next(out);
	buf_puts(out, "\n  {");
	member_text(out, "id", t.id);
	member_text(out, "topologyName", s->home.name);
	member_text(out, "host", p->host);
	if (s->m != NULL && s->m->has_overview)
		member_count(out, "pid", (uint64_t)s->m->overview.pid);
	storm_put_uptime(out, survey_uptime_s(s));
	member_count(out, "slotsTotal", t.workers);
	member_count(out, "slotsUsed", t.workers);
	member_count(out, "slotsFree", 0);
	member_count(out, "totalMem", 0);
	member_count(out, "totalCpu", 0);
	member_count(out, "usedMem", 0);
	member_count(out, "usedCpu", 0);
	member_text(out, "version", p->version);
	storm_put_link(out, "logLink", t.id, "/logs", "");
	buf_puts(out, "}");
	free(t.id);
}

void storm_supervisor_summary(struct buf *out, const struct survey *surveys, size_t n,
    const struct storm_place *p)
{
	buf_puts(out, "{");
	member_open(out, "supervisors", "[");
	for (size_t i = 0; i < n; i++)
		if (surveys[i].status < TOPOLOGY_FINISHED)
			put_supervisor(out, &surveys[i], p);
	buf_puts(out, "]");
	put_port(out, "logviewerPort", p);
	member_text(out, "logviewerScheme", "http");
	member_bool(out, "schedulerDisplayResource", false);
	buf_puts(out, "}\n");
}

/* put_reserved: what Storm's scheduler reserves. */
static void put_reserved(struct buf *out)
{
	static const char *const keys[] = { "requestedMemOnHeap", "requestedMemOffHeap", "requestedTotalMem",
		"requestedCpu", "assignedMemOnHeap", "assignedMemOffHeap", "assignedTotalMem", "assignedCpu" };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		member_count(out, keys[i], 0);
}

static void put_listed(struct buf *out, const struct survey *s, const struct storm_place *p)
{
	char *id = storm_id(s), text[STORM_PRETTY];

	member_next(out);
	buf_puts(out, "\n  {");
	show_listed_json(out, s);
	storm_put_encoded(out, "encodedId", id);
	member_bool(out, "foreground", s->homeless);
	member_text(out, "owner", p->user);
	member_text(out, "uptime", storm_pretty((uint64_t)survey_uptime_s(s), text, sizeof text));
	member_count(out, "replicationCount", 1);
	member_text(out, "schedulerInfo", "");
	put_reserved(out);
	member_text(out, "stormVersion", p->version);
	buf_puts(out, "}");
	free(id);
}

void storm_topologies(struct buf *out, const struct survey *surveys, size_t n, const struct storm_place *p)
{
	buf_puts(out, "{");
	member_count(out, "schemaVersion", SHOW_SCHEMA_VERSION);
	member_open(out, "topologies", "[");
	for (size_t i = 0; i < n; i++)
		put_listed(out, &surveys[i], p);
	buf_puts(out, "]");
	member_bool(out, "schedulerDisplayResource", false);
	buf_puts(out, "}\n");
}
