/* rebalance.c - see rebalance.h. SPDX-License-Identifier: Apache-2.0 */
#include "rebalance.h"

#include "clock.h"

#define RESUME_NS (REBALANCE_RESUME_MS * (uint64_t)NS_PER_MS)

enum { CODE_FAILED = 1, CODE_CONFLICT = 5 };	/* of enum exit_code */

void rebalance_init(struct rebalance *r, struct lives *lives, const struct rebalance_orders *orders, void *arg)
{
	*r = (struct rebalance){ .lives = lives, .orders = orders, .arg = arg };
}

static void enter(struct rebalance *r, enum rebalance_phase phase)
{
	r->phase = phase;
	r->orders->step(r->arg, phase);
}

static void end(struct rebalance *r, int code, const char *text)
{
	r->phase = REBALANCE_IDLE;
	r->orders->over(r->arg, code, text, r->pause_ns);
}

/* moves: worker I has tasks that move. */
static bool moves(const struct rebalance *r, uint32_t i)
{
	return r->lives->plan->workers[i].role != ROLE_GONE && !plan_keeps(r->lives->plan, r->then, i);
}

/* ended gives the first that has nothing left to do, of those whose tasks move, or NULL: what
 * it has finished must not be done again. */
static const char *ended(const struct rebalance *r)
{
	for (uint32_t i = 0; i < r->lives->plan->n_workers; i++)
		if (moves(r, i) && r->lives->workers[i].over)
			return r->lives->plan->workers[i].label;
	return NULL;
}

int rebalance_begin(struct rebalance *r, const struct plan *then, uint64_t wait_ns, uint64_t now_ns,
    struct error *e)
{
	struct lives *l = r->lives;

	if (r->phase != REBALANCE_IDLE)
		return error_set(e, "another rebalance is under way");
	if (l->phase != RUN_ACTIVE)
		return error_set(e, l->phase == RUN_STARTING ? "it is still starting" : "it is ending");
	r->then = then;
	if (ended(r) != NULL)
		return error_set(e, "%s has ended: its input is over", ended(r));
	r->began_ns = now_ns;
	r->wait_ns = wait_ns;
	r->until_ns = now_ns + wait_ns;
	r->pause_ns = 0;
	r->failed = false;
	enter(r, REBALANCE_PAUSING);
	lives_pause(l, true);
	return 0;
}

/* resume ends the pause, once. */
static void resume(struct rebalance *r, uint64_t now_ns)
{
	if (r->pause_ns != 0)
		return;
	lives_pause(r->lives, false);
	r->pause_ns = now_ns > r->began_ns ? now_ns - r->began_ns : 1;
}

/* Each step gives true when it is done and the next one has begun. */

static bool pause(struct rebalance *r, uint64_t now_ns)
{
	struct lives *l = r->lives;
	bool ending = l->phase != RUN_ACTIVE;

	if (ending || ended(r) != NULL) {
		resume(r, now_ns);
		end(r, CODE_CONFLICT, ending ? "it is ending" : "its input is over");
		return false;
	}
	if (now_ns < r->until_ns && !r->orders->quiet(r->arg))
		return false;
	enter(r, REBALANCE_RETIRING);
	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (moves(r, i))
			lives_retire(l, i, now_ns);
	return true;
}

static bool retire(struct rebalance *r, uint64_t now_ns)
{
	struct lives *l = r->lives;

	for (uint32_t i = 0; i < l->plan->n_workers; i++)
		if (moves(r, i) && l->workers[i].state != LIFE_GONE)
			return false;
	if (lives_starting(l))
		return false;
	r->failed = r->orders->adopt(r->arg, now_ns, &r->why) != 0;
	for (uint32_t i = 0; r->failed && i < l->plan->n_workers; i++)
		if (moves(r, i))
			lives_take_back(l, i, now_ns);
	r->until_ns = now_ns + (r->wait_ns > RESUME_NS ? r->wait_ns : RESUME_NS);
	enter(r, REBALANCE_LAYING);
	return true;
}

static bool lay(struct rebalance *r, uint64_t now_ns)
{
	bool settled = lives_settled(r->lives);

	/* Who switches late has the sources told of the loss again: what they had emitted by then would come twice. */
	if ((settled && lives_switched(r->lives)) || now_ns >= r->until_ns)
		resume(r, now_ns);
	if (!settled || r->pause_ns == 0)
		return false;
	if (r->failed)
		end(r, CODE_FAILED, r->why.text);
	else
		enter(r, REBALANCE_READYING);
	return !r->failed;
}

static bool ready(struct rebalance *r, uint64_t now_ns)
{
	(void)now_ns;
	for (uint32_t i = 0; i < r->lives->plan->n_workers; i++)
		if (r->lives->workers[i].state < LIFE_READY)
			return false;
	end(r, 0, "");
	return false;
}

void rebalance_turn(struct rebalance *r, uint64_t now_ns)
{
	static bool (*const steps[])(struct rebalance *r, uint64_t now_ns) = {
		[REBALANCE_PAUSING] = pause, [REBALANCE_RETIRING] = retire, [REBALANCE_LAYING] = lay,
		[REBALANCE_READYING] = ready,
	};

	while (r->phase != REBALANCE_IDLE) {
		if (r->lives->phase >= RUN_STOPPING)
			end(r, CODE_CONFLICT, r->lives->failed ? "the topology has failed" : "it is ending");
		else if (!steps[r->phase](r, now_ns))
			return;
	}
}

uint64_t rebalance_deadline(const struct rebalance *r, uint64_t now_ns)
{
	uint64_t next = now_ns + REBALANCE_POLL_MS * (uint64_t)NS_PER_MS;

	if (r->phase == REBALANCE_LAYING && r->pause_ns == 0)
		return r->until_ns;
	if (r->phase != REBALANCE_PAUSING)
		return 0;
	return next < r->until_ns ? next : r->until_ns;
}
