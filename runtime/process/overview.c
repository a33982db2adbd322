/* overview.c - see overview.h. SPDX-License-Identifier: Apache-2.0 */
#include "overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "page.h"

const char *const topology_status_names[N_TOPOLOGY_STATUSES] = {
	[TOPOLOGY_STARTING] = "STARTING",
	[TOPOLOGY_ACTIVE] = "ACTIVE",
	[TOPOLOGY_INACTIVE] = "INACTIVE",
	[TOPOLOGY_DRAINING] = "DRAINING",
	[TOPOLOGY_FINISHED] = "FINISHED",
	[TOPOLOGY_FAILED] = "FAILED",
	[TOPOLOGY_DEAD] = "DEAD",
};

static const struct page_kind kind = { "supervisor's page", OVERVIEW_MAGIC, OVERVIEW_VERSION,
	sizeof(struct overview), NULL };

static uint64_t milliseconds_since_1970(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

struct overview *overview_create(const char *rundir, const char *name, uint32_t run, struct error *e)
{
	char *path = xasprintf("%s/overview", rundir);
	struct overview *o = page_make(&kind, path, sizeof *o, e);

	if (o != NULL) {
		o->pid = (int32_t)getpid();
		o->run = run;
		o->status = TOPOLOGY_STARTING;
		o->started_ns = clock_now_ns();
		o->started_ms = milliseconds_since_1970();
		snprintf(o->name, sizeof o->name, "%s", name);
		o = page_publish(&kind, o, path, sizeof *o, e);
	}
	free(path);
	return o;
}

const struct overview *overview_open(const char *rundir, struct error *e)
{
	char *path = xasprintf("%s/overview", rundir);
	const struct overview *o = page_open(&kind, path, false, NULL, e);

	free(path);
	return o;
}

void overview_close(const struct overview *o)
{
	page_close(o, sizeof *o);
}
