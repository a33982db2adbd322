/* node.c - a worker's life and the turns of its loop: the glue of worker.c.
 *
 * A step is one turn, and takes as long as turns of this node take. Between two steps the
 * process may be killed; what a turn sends leaves it in the same step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static const struct turns {
	void (*begin)(struct node *n);
	void (*end)(struct node *n);
	bool (*turn)(struct node *n);
	bool (*rest)(struct node *n);
	uint64_t (*due)(const struct node *n);
} roles[] = {
	[ROLE_SPOUT] = { spout_begin, spout_end, spout_turn, spout_rest, spout_due },
	[ROLE_BOLT] = { bolt_begin, bolt_end, bolt_turn, bolt_rest, bolt_due },
	[ROLE_ACKER] = { judge_begin, judge_end, judge_turn, judge_rest, judge_due },
};

bool node_lives(const struct node *n)
{
	return n->state != NODE_NONE && n->state != NODE_ENDED;
}

void node_say(struct node *n, const char *format, ...)
{
	char text[sizeof n->down.first->text];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	channel_say(n->world, &n->world->super.workers[n->number].up, text);
	if (n->world->super.workers[n->number].up.last_ns < n->world->super.wake_ns)
		n->world->super.wake_ns = n->world->super.workers[n->number].up.last_ns;
}

/* ---- time ---- */

void node_wake(struct node *n, uint64_t at_ns)
{
	if (at_ns < n->busy_ns)
		at_ns = n->busy_ns;
	if (node_lives(n) && at_ns < n->wake_ns)
		n->wake_ns = at_ns;
}

void node_busy(struct node *n, uint64_t ns)
{
	uint64_t until = n->world->now_ns + ns;

	if (until > n->busy_ns)
		n->busy_ns = until;
	if (n->wake_ns < n->busy_ns)
		n->wake_ns = n->busy_ns;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- birth and death ---- */

void node_init(struct world *w, uint32_t number)
{
	struct node *n = &w->nodes[number];

	*n = (struct node){ .world = w, .number = number, .me = &w->plan->workers[number],
		.disk = &w->disks[number], .wake_ns = NEVER, .start = 0 };
	n->kind = n->me->role == ROLE_ACKER ? KIND_ACKER : w->kinds[n->me->component];
	n->source = number;	/* workers of spouts come first */
	n->turn_ns = 1000 + below(w, 20000);
}

void node_begin(struct node *n, uint32_t start)
{
	struct world *w = n->world;
	struct node fresh = { .world = w, .number = n->number, .me = n->me, .kind = n->kind,
		.disk = n->disk, .source = n->source, .turn_ns = n->turn_ns, .start = start,
		.doomed_ns = n->doomed_ns, .n_charges = n->n_charges, .before_root = n->emitting,
		.before_id = n->emitting_id };

	memcpy(fresh.charges, n->charges, sizeof fresh.charges);	/* attempts_inherit */
	channel_clear(&n->down);
	*n = fresh;
	n->state = NODE_BOOTING;
	n->wake_ns = w->now_ns + 100000 + below(w, w->set.boot_ns);
	trace(w, "begin", n->number, start, 0);
}

static void forget(struct node *n)
{
	if (n->state == NODE_RUNNING) {
		roles[n->me->role].end(n);
		post_end(n);
	}
	channel_clear(&n->down);
	n->state = NODE_ENDED;
	n->wake_ns = NEVER;
	n->busy_ns = 0;
}

void node_die(struct node *n, bool own)
{
	trace(n->world, own ? "crash" : "die", n->number, n->start, n->hand_root);
	super_ended(n->world, n->number, own);
	net_died(n);
	forget(n);
}

/* ---- control messages ---- */

void node_marks_to(struct node *n, uint32_t to)
{
	if (!post_feeds(n, to))
		return;
	if (n->drain_passed)
		post_marker_to(n, to, WIRE_DRAIN);
	if (n->end_passed)
		post_marker_to(n, to, WIRE_END);
}

static void succeed(struct node *n, uint32_t peer, uint32_t start)
{
	if (start > n->starts[peer]) {
		n->starts[peer] = start;
		if (n->kind == KIND_ACKER)
			judge_succeeded(n, peer);
		else if (n->kind != KIND_SPOUT)
			bolt_succeeded(n, peer);
	}
	if (start > n->sends_to[peer]) {
		n->sends_to[peer] = start;
		post_switch(n, peer, start);
		if (n->kind == KIND_ACKER)
			judge_replaced(n, peer);
		else
			node_marks_to(n, peer);
	}
}

/* worker_frame_ok, but for the run: another run has other sockets. */
bool node_takes(struct node *n, const struct frame *f)
{
	if (f->start < n->starts[f->worker])
		return false;
	succeed(n, f->worker, f->start);
	return true;
}

static void on_switch(struct node *n, uint32_t peer, uint32_t start)
{
	succeed(n, peer, start);
	node_say(n, "switched %u %u", peer, start);
}

/* read_table, out_connect */
static void on_peers(struct node *n, const char *text)
{
	const char *at = strchr(text, ' ');

	n->over = strncmp(text, "over", 4) == 0;
	for (uint32_t i = 0; i < n->world->plan->n_workers; i++) {
		char *end;

		n->starts[i] = n->sends_to[i] = (uint32_t)strtoul(at, &end, 10);
		at = end;
	}
	n->state = NODE_OPENING;
	n->wake_ns = n->world->now_ns + 10000 + below(n->world, n->world->set.boot_ns / 4);
}

/* be_buried */
static void on_stop(struct node *n)
{
	trace(n->world, "stop", n->number, n->start, 0);
	if (n->kind == KIND_ACKER && n->state == NODE_RUNNING && !n->world->super.lives.failed)
		judge_outlive(n);
	super_ended(n->world, n->number, false);
	n->world->super.workers[n->number].exited = true;
	forget(n);
}

static void obey(struct node *n, const char *text)
{
	uint32_t peer, start;
	unsigned long long root;

	trace(n->world, text, n->number, n->start, 0);
	if (strncmp(text, "peers ", 6) == 0 || strncmp(text, "over ", 5) == 0)
		on_peers(n, text);
	else if (strcmp(text, "activate") == 0)
		n->active = true;
	else if (strcmp(text, "ping") == 0)
		node_say(n, "pong");
	else if (strcmp(text, "stop") == 0)
		on_stop(n);
	else if (sscanf(text, "switch %u %u", &peer, &start) == 2)
		on_switch(n, peer, start);
	else if (sscanf(text, "obituary %llu", &root) == 1)
		spout_named(n, root);
	else if (sscanf(text, "lost %u", &peer) == 1)
		spout_lost(n, peer);
	else
		violated(n->world, "control", "node %u is told \"%s\"", n->number, text);
}

static void read_control(struct node *n)
{
	char text[sizeof n->down.first->text];

	n->control_ns = n->now_ns;
	while (n->state == NODE_RUNNING && channel_hear(&n->down, n->now_ns, text))
		obey(n, text);
}

/* ---- turns ---- */

static void sleep_now(struct node *n)
{
	uint64_t at = roles[n->me->role].due(n);

	if (n->down.first != NULL)
		at = earliest(at, n->down.first->arrives_ns);
	if (!n->blocked && n->frame == NULL)
		at = earliest(at, net_arrival(n));
	n->slept = true;
	n->wake_ns = NEVER;
	if (at != NEVER)
		node_wake(n, at > n->now_ns ? at : n->now_ns + n->turn_ns);
}

/* dies_in_call: it has crashed in a call, and what it did since was not done. */
static bool dies_in_call(struct node *n)
{
	if (n->crashed)
		node_die(n, true);
	return n->crashed;
}

/* run */
static void take_turn(struct node *n)
{
	const struct turns *role = &roles[n->me->role];
	bool any;

	if (!n->executing && (n->slept || n->now_ns - n->control_ns >= NS_PER_MS))
		read_control(n);
	if (n->state != NODE_RUNNING)
		return;
	n->slept = false;
	if (post_waits(n))
		post_retry(n);
	any = role->turn(n);
	if (dies_in_call(n))
		return;
	/* out_flush_old */
	if (any && n->oldest_ns != 0 && n->now_ns - n->oldest_ns >= NS_PER_MS)
		post_flush(n);
	if (!any) {
		post_flush(n);
		any = role->rest(n);
	}
	if (dies_in_call(n))
		return;
	if (any)
		node_wake(n, n->now_ns + n->turn_ns / 2 + below(n->world, n->turn_ns));
	else
		sleep_now(n);
}

/* be_born: bound, the table awaited; then the plugin opened. */
static void be_born(struct node *n)
{
	char text[sizeof n->down.first->text];

	if (n->state == NODE_BOOTING) {
		n->state = NODE_WAITING;
		node_say(n, "hello");
		if (n->doomed_ns != 0)
			node_busy(n, n->doomed_ns);
	}
	while (n->state == NODE_WAITING && channel_hear(&n->down, n->now_ns, text)) {
		if (strcmp(text, "stop") == 0 || strncmp(text, "peers ", 6) == 0 || strncmp(text, "over ", 5) == 0)
			obey(n, text);
	}
	if (n->state == NODE_WAITING && n->down.first != NULL)
		node_wake(n, n->down.first->arrives_ns);
}

void node_step(struct node *n)
{
	n->now_ns = n->world->now_ns;
	n->wake_ns = NEVER;
	if (n->doomed_ns != 0 && n->state == NODE_WAITING) {
		n->doomed_ns = 0;
		node_die(n, false);
		return;
	}
	if (n->state == NODE_OPENING) {
		post_begin(n);
		roles[n->me->role].begin(n);
		n->state = NODE_RUNNING;
		n->slept = true;
		node_say(n, "ready");
		node_wake(n, n->now_ns + n->turn_ns);
	} else if (n->state == NODE_RUNNING) {
		take_turn(n);
		if (n->state == NODE_RUNNING)
			oracle_step(n);
	} else {
		be_born(n);
	}
}
