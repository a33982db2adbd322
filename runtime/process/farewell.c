/* farewell.c - see farewell.h. SPDX-License-Identifier: Apache-2.0 */
#include "farewell.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exitcode.h"
#include "topology.h"

enum { LEAST_DRAIN_MS = 1000 };

uint32_t farewell_drain_ms(const struct home *h)
{
	char *path = home_file(h, "topology.json");
	struct topology *t = topology_read(path, NULL);
	int64_t ms = t != NULL ? topology_ms(t, NULL, "topology.message.timeout.secs") : 0;

	topology_free(t);
	free(path);
	return ms < LEAST_DRAIN_MS ? LEAST_DRAIN_MS : ms > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)ms;
}

int farewell_forget(const char *name, struct error *e)
{
	struct home h;
	bool kept;
	enum home_result rc = home_take(&h, name, e);
	int code = rc == HOME_OK && home_remove(&h, &kept, e) == 0 ? EXIT_DONE :
	    rc == HOME_LOCKED ? EXIT_CONFLICT : rc == HOME_NONE ? EXIT_NOT_FOUND : EXIT_FAILED;

	home_close(&h);
	return code;
}

bool farewell_given_up(const char *name, const char *n, struct error *e)
{
	if (strcmp(n, "0") == 0)
		return false;
	error_set(e, "%s: %s messages were not finished and are given up; a spout that can be positioned emits them "
	    "again at the next start", name, n);
	return true;
}

/* is_listed: NAME, whose supervisor has ended, is there still: it was killed before it could forget it
 * (DEAD), or had come to its end just before it was asked. */
static bool is_listed(const char *name, enum topology_status *status)
{
	struct home h;
	bool listed = home_open(&h, name, NULL) == HOME_OK && !home_lives(&h);

	if (listed)
		*status = home_status(&h);
	home_close(&h);
	return listed;
}

int farewell_after(const char *name, int code, struct error *e)
{
	enum topology_status status = TOPOLOGY_FINISHED;
	int forgot;

	e->text[0] = '\0';
	if (!is_listed(name, &status))
		return code;
	forgot = farewell_forget(name, e);
	if (forgot != EXIT_DONE)
		return forgot;
	if (status != TOPOLOGY_DEAD || code == EXIT_TIMED_OUT)
		return code == EXIT_CONFLICT ? EXIT_DONE : code;
	error_set(e, "%s: its supervisor was killed meanwhile: what was not finished is given up", name);
	return EXIT_TIMED_OUT;
}

bool farewell_kept(const struct home *h, struct error *e)
{
	char *state = home_file(h, "state");
	bool kept = true;

	if (access(state, F_OK) == 0)
		error_set(e, "%s: its state stays in %s: the next topology of that name goes on from there; remove "
		    "it to begin anew", h->name, h->path);
	else if (access(h->path, F_OK) == 0)
		error_set(e, "%s: its dead letters stay in %s", h->name, h->path);
	else
		kept = false;
	free(state);
	return kept;
}
