/* memlimit.c - see memlimit.h. SPDX-License-Identifier: Apache-2.0 */
#include "memlimit.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "procfs.h"

#define KEY "topology.worker.memory.mb"

uint64_t memlimit_of(const struct plan *p, uint32_t worker)
{
	const struct topology *t = p->topology;
	uint32_t c = p->workers[worker].component;
	const struct setting *mb = topology_config(t, c < t->n_components ? &t->components[c] : NULL, KEY);

	return mb != NULL && mb->type == SETTING_INT ? (uint64_t)mb->i << 20 : 0;
}

bool memlimit_any(const struct plan *p)
{
	for (uint32_t i = 0; i < p->n_workers; i++)
		if (memlimit_of(p, i) != 0)
			return true;
	return false;
}

static uint64_t resident(pid_t pid)
{
	char path[64];
	uint64_t pages = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %" SCNu64, &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t memlimit_used(pid_t pid, uint64_t most)
{
	uint64_t used = resident(pid), share = used > most ? procfs_pss_bytes((uint32_t)pid) : 0;

	return share != 0 ? share : used;
}
