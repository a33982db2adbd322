/* super.c - the supervisor: the glue of crew.c around life.c, fence.c, restart.c, pulse.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static void say(struct world *w, uint32_t worker, const char *text)
{
	struct node *n = &w->nodes[worker];

	if (!node_lives(n))
		return;
	channel_say(w, &n->down, text);
	node_wake(n, n->down.last_ns);
}

/* ---- orders ---- */

static void order_say(void *arg, uint32_t worker, const char *text)
{
	say(arg, worker, text);
}

/* order_kill */
static void order_kill(void *arg, uint32_t worker, enum life_event event)
{
	struct world *w = arg;
	struct super_worker *s = &w->super.workers[worker];

	if (!node_lives(&w->nodes[worker]))
		return;
	s->killed = true;
	s->hung = event == EVENT_HUNG || w->super.lives.phase < RUN_STOPPING;
	node_die(&w->nodes[worker], s->hung);
}

/* start_worker */
static void order_start(void *arg, uint32_t worker)
{
	struct world *w = arg;

	w->super.workers[worker] = (struct super_worker){ .reap_ns = NEVER,
		.own_root = w->super.workers[worker].own_root };
	node_begin(&w->nodes[worker], w->super.lives.workers[worker].start + 1);
	lives_started(&w->super.lives, worker, w->now_ns);
}

static void order_restarts(void *arg, uint32_t worker, uint64_t wait_ns, const char *lost)
{
	(void)lost;
	trace(arg, "restarts", worker, wait_ns, 0);
}

static void order_fail(void *arg, uint32_t worker, enum life state, enum life_event event, const char *why)
{
	struct world *w = arg;

	(void)why;
	trace(w, "run fails", worker, state, event);
	if (w->quiet_ns != 0 && w->now_ns - w->quiet_ns > 10 * (uint64_t)NS_PER_S)
		violated(w, "liveness", "the run fails by itself: worker %u, %s while %s", worker,
		    life_event_names[event], life_names[state]);
}

static void order_switch(void *arg, uint32_t sender, uint32_t worker, uint32_t start)
{
	char text[64];

	snprintf(text, sizeof text, "switch %u %u", worker, start);
	say(arg, sender, text);
}

static void order_lost(void *arg, uint32_t source, uint32_t worker)
{
	char text[64];

	oracle_lost_told(arg, worker);
	snprintf(text, sizeof text, "lost %u", worker);
	say(arg, source, text);
}

static const struct life_orders orders = {
	.say = order_say, .kill = order_kill, .start = order_start, .restarts = order_restarts,
	.fail = order_fail,
};
static const struct fence_orders fence_orders = { .switch_to = order_switch, .lost = order_lost };

static void ping(void *arg, uint32_t worker)
{
	say(arg, worker, "ping");
}

static void hung(void *arg, uint32_t worker)
{
	struct world *w = arg;

	lives_event(&w->super.lives, worker, EVENT_HUNG, w->now_ns);
}

/* ---- what workers say and do ---- */

/* name_own */
static void name_own(struct world *w, uint32_t worker)
{
	struct super_worker *s = &w->super.workers[worker];
	char text[64];

	snprintf(text, sizeof text, "obituary %" PRIu64, s->own_root);
	if (s->own_root != 0)
		say(w, worker, text);
	s->own_root = 0;
}

/* handle_message */
static void handle(struct world *w, uint32_t worker, const char *text)
{
	uint32_t peer, start;

	trace(w, text, worker, 0, 1);
	if (strcmp(text, "pong") == 0) {
		pulse_heard(&w->super.pulse, worker);
	} else if (sscanf(text, "switched %u %u", &peer, &start) == 2) {
		fences_switched(&w->super.lives.fences, worker, peer, start);
	} else if (strcmp(text, "hello") == 0) {
		lives_event(&w->super.lives, worker, EVENT_HELLO, w->now_ns);
	} else if (strcmp(text, "ready") == 0) {
		pulse_began(&w->super.pulse, worker);
		name_own(w, worker);
		lives_event(&w->super.lives, worker, EVENT_READY, w->now_ns);
	} else {
		lives_event(&w->super.lives, worker, EVENT_ENDED, w->now_ns);
	}
}

static void read_control(struct world *w, uint32_t worker, uint64_t until_ns)
{
	char text[sizeof ((struct word *)NULL)->text];

	while (channel_hear(&w->super.workers[worker].up, until_ns, text))
		handle(w, worker, text);
}

/* name_tuple */
static void name_tuple(struct world *w, uint64_t root)
{
	char text[64];

	oracle_named(w, root);
	snprintf(text, sizeof text, "obituary %" PRIu64, root);
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (plan_is_source(w->plan, i))
			say(w, i, text);
}

/* bury_worker, judge, death_judge */
static void bury(struct world *w, uint32_t worker)
{
	struct super_worker *s = &w->super.workers[worker];
	uint64_t emitting = w->nodes[worker].emitting;
	bool inside = w->nodes[worker].kind == KIND_SPOUT;
	struct death death = { .own = s->own,
		.by_tuple = s->own && s->hand_root != 0 && (!inside || emitting != 0) };	/* chargeable */
	bool clean;

	s->reap_ns = NEVER;
	read_control(w, worker, NEVER);
	w->nodes[worker].state = NODE_NONE;
	pulse_ended(&w->super.pulse, worker);
	if (death.by_tuple && inside) {
		oracle_named(w, emitting);
		s->own_root = emitting;
	} else if (death.by_tuple) {
		name_tuple(w, s->hand_root);
	}
	clean = (s->killed && !s->hung) || s->exited;
	lives_died(&w->super.lives, worker, clean ? EVENT_EXITED : EVENT_DIED, &death, w->now_ns);
}

void super_ended(struct world *w, uint32_t n, bool own)
{
	struct super_worker *s = &w->super.workers[n];

	s->own = own;
	s->hand_root = w->nodes[n].hand_root;
	s->reap_ns = w->now_ns + 10000 + below(w, 5 * NS_PER_MS);
	if (s->reap_ns < w->super.wake_ns)
		w->super.wake_ns = s->reap_ns;
}

/* ---- the loop ---- */

static void earlier(uint64_t *at, uint64_t t)
{
	if (t < *at)
		*at = t;
}

/* timeout_ms, crew_fill_polls */
static uint64_t next_wake(const struct world *w)
{
	uint64_t at = pulse_deadline(&w->super.pulse), lives = lives_deadline(&w->super.lives);

	if (lives != 0)
		earlier(&at, lives);
	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		earlier(&at, w->super.workers[i].reap_ns);
		if (w->super.workers[i].up.first != NULL)
			earlier(&at, w->super.workers[i].up.first->arrives_ns);
	}
	return at > w->now_ns ? at : w->now_ns + 1000;
}

/* crew_serve, crew_expire */
void super_step(struct world *w)
{
	struct super *s = &w->super;

	for (uint32_t i = 0; i < w->plan->n_workers; i++) {
		read_control(w, i, w->now_ns);
		if (s->workers[i].reap_ns <= w->now_ns)
			bury(w, i);
	}
	lives_expire(&s->lives, w->now_ns);
	pulse_beat(&s->pulse, w->now_ns);
	oracle_supervisor(w);
	if (s->lives.phase == RUN_OVER)
		world_run_ended(w, !s->lives.failed);
	else
		s->wake_ns = next_wake(w);
}

/* crew_init, crew_start */
void super_begin(struct world *w)
{
	struct super *s = &w->super;

	*s = (struct super){ .up = true };
	s->pulse.ping = ping;
	s->pulse.hung = hung;
	s->pulse.arg = w;
	pulse_init(&s->pulse, w->plan->n_workers, w->set.hang_ns, w->now_ns);
	lives_init(&s->lives, w->plan, &orders, &fence_orders, w, 3000, 3000);
	s->lives.restarts.random = w->random;	/* and not the kernel's */
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		order_start(w, i);
	s->wake_ns = next_wake(w);
}

void super_end(struct world *w)
{
	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		channel_clear(&w->super.workers[i].up);
	pulse_free(&w->super.pulse);
	lives_free(&w->super.lives);
	w->super.up = false;
	w->super.wake_ns = NEVER;
}
