/* death.c - see death.h. SPDX-License-Identifier: Apache-2.0 */
#include "death.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static bool said_fatal(const struct obituary *o)
{
	return o->fatal != NULL && o->fatal[0] != '\0';
}

bool death_own(const struct obituary *o)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ
	};

	if (o->left_because != NULL)
		return false;
	if (o->hung || o->oom || WIFEXITED(o->status) || said_fatal(o))
		return true;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
		if (WTERMSIG(o->status) == faults[i])
			return true;
	return false;
}

static uint64_t emitted(const struct status *page)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < STATUS_STREAMS; i++)
		n += page->streams[i].emitted;
	return n;
}

/* lost_result says what is gone for good (R7): what a bolt had gathered for its finish; what
 * a spout had read that it can't read again. In a transactional topology both come again. */
static bool lost_with_stage(const struct obituary *o, uint32_t stage, char *text, size_t size)
{
	const struct component *c = &o->plan->topology->components[
	    plan_stages(o->plan, o->worker)[stage].component];
	const struct status *page = o->pages[stage];

	if (page == NULL || page->survives)
		return false;
	if (c->kind == GALE_SPOUT) {
		if (page->unbounded || emitted(page) == 0)
			return false;
		snprintf(text, size, "where it was in its input is lost with it, as the spout can't be "
		    "positioned");
		return true;
	}
	if (!c->has_finish || page->acked == 0)
		return false;
	snprintf(text, size, "what it had gathered from %" PRIu64 " tuples is lost with it, as the "
	    "bolt keeps no state", page->acked);
	return true;
}

static bool lost_result(const struct obituary *o, char *text, size_t size)
{
	const struct plan_worker *w = &o->plan->workers[o->worker];
	const struct status *page = o->pages[0];

	if (page == NULL || w->role == ROLE_ACKER)
		return false;
	if (page->refused || page->hopeless) {
		snprintf(text, size, "a successor would do no better");
		return true;
	}
	if (o->plan->coordinator != UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < w->n_stages; i++)
		if (lost_with_stage(o, i, text, size))
			return true;
	return false;
}

/* chargeable tells whether somebody will remember the death: the source that the tuple in hand
 * belongs to; or, when that has died with it, its successor, if the message has an id. */
static bool chargeable(const struct obituary *o, const struct status *hand)
{
	const struct plan_worker *w = &o->plan->workers[o->worker];
	const struct status *head = o->pages[0];

	if (hand->hand_root == 0 || head == NULL)
		return false;
	if (w->role == ROLE_SPOUT && w->n_stages > 1)
		return head->emitting != 0 && head->emitting_task != UINT32_MAX;
	return head->emitting == 0;
}

void death_judge(struct death *d, const struct obituary *o, bool bounded, char *text, size_t size)
{
	bool spout = o->plan->workers[o->worker].role == ROLE_SPOUT;
	const struct status *hand = obituary_hand(o);

	*d = (struct death){ .own = death_own(o) };
	/* Who says that it can't go on does not blame the tuple. */
	d->by_tuple = d->own && hand != NULL && !said_fatal(o) && chargeable(o, hand);
	if (lost_result(o, text, size)) {
		d->lost = text;
		d->essential = bounded || spout || o->pages[0]->hopeless;
	}
}

/* ---- memory ------------------------------------------------------------------------- */

/* count_in gives the number behind NAME in the file PATH; -1: none. */
static int64_t count_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "re");
	char key[64];
	uint64_t n;
	int64_t found = -1;

	if (f == NULL)
		return -1;
	while (found < 0 && fscanf(f, "%63s %" SCNu64, key, &n) == 2)
		if (strcmp(key, name) == 0)
			found = (int64_t)n;
	fclose(f);
	return found;
}

uint64_t death_oom_kills(void)
{
	char group[512], path[600];
	FILE *f = fopen("/proc/self/cgroup", "re");
	int64_t n = -1;

	if (f != NULL) {
		if (fscanf(f, "0::%511s", group) == 1) {
			snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.events", group);
			n = count_in(path, "oom_kill");
		}
		fclose(f);
	}
	if (n < 0)
		n = count_in("/proc/vmstat", "oom_kill");
	return n < 0 ? 0 : (uint64_t)n;
}
