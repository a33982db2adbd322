/* quiet.c - see quiet.h. SPDX-License-Identifier: Apache-2.0 */
#include "quiet.h"

#include <stdlib.h>

#include "flow.h"
#include "memory.h"
#include "rundir.h"

/* is_paused: WORKER, if it emits anything of its own accord, knows that it shall not, and has nothing open.
 * It may not have heard the last word yet, or have heard of "activate" only: so words are counted. */
static bool is_paused(const struct crew *c, uint32_t worker)
{
	const struct status *page = crew_page(c, worker);

	if (c->plan->workers[worker].role != ROLE_SPOUT && !plan_is_source(c->plan, worker))
		return true;
	return page != NULL && page->told == c->lives.workers[worker].told && page->active == 0 && page->pending == 0;
}

/* all_sleep: every worker sleeps, with nothing in hand and nothing to send; *FRAMES is what they have received and
 * sent so far. */
static bool all_sleep(const struct crew *c, uint64_t *frames)
{
	*frames = 0;
	for (uint32_t i = 0; i < c->plan->n_workers; i++) {
		const struct status *page = crew_page(c, i);

		if (c->plan->workers[i].role == ROLE_GONE)
			continue;
		if (page == NULL || page->asleep != STATUS_IDLE)
			return false;
		*frames += page->frames_in + page->frames_out;
	}
	return true;
}

/* all_received: nothing is on its way from one worker to another. */
static bool all_received(const struct crew *c)
{
	const struct plan *p = c->plan;
	const struct flow **pages = xcalloc(p->n_workers, sizeof *pages);
	uint64_t waiting = 0, frames, bytes;

	for (uint32_t i = 0; i < p->n_workers; i++) {
		char *path = p->workers[i].role != ROLE_GONE ? rundir_flow(c->run_dir, i) : NULL;

		pages[i] = path != NULL ? flow_open(path, NULL) : NULL;
		free(path);
	}
	for (uint32_t i = 0; i < p->n_workers; i++)
		for (uint32_t k = 0; pages[i] != NULL && k < pages[i]->n; k++) {
			uint32_t to = pages[i]->links[k].peer;

			flow_waiting(pages[i], to < p->n_workers ? pages[to] : NULL, &frames, &bytes);
			waiting += frames;
		}
	for (uint32_t i = 0; i < p->n_workers; i++)
		flow_close(pages[i]);
	free(pages);
	return waiting == 0;
}

/* all_rest: see quiet.h. Who wakes up between the two looks has received something, or sends. */
static bool all_rest(const struct crew *c)
{
	uint64_t before, after;

	return all_sleep(c, &before) && all_received(c) && all_sleep(c, &after) && before == after;
}

bool quiet(const struct crew *c)
{
	for (uint32_t i = 0; i < c->plan->n_workers; i++)
		if (!is_paused(c, i))
			return false;
	return plan_tracks(c->plan) || all_rest(c);
}
