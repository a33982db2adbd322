/* advice.c - see advice.h. SPDX-License-Identifier: Apache-2.0 */
#include "advice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "memory.h"

const char *const advice_kind_names[ADVICE_KINDS] = {
	[ADVICE_NONE] = "none", [ADVICE_UNKNOWN] = "unknown", [ADVICE_SCALE] = "scale",
	[ADVICE_TASKS] = "tasks", [ADVICE_SKEW] = "skew", [ADVICE_SPOUTS] = "spout",
	[ADVICE_ACKERS] = "ackers", [ADVICE_PENDING] = "pending", [ADVICE_MACHINE] = "machine",
};

/* Shares of time. */
#define BUSY_MOST 0.9		/* a spout that is busier is the limit */
#define BLOCKED_LEAST 0.05	/* less is no waiting worth naming */
#define MACHINE_MOST 0.9	/* of all processors' time */
#define LITTLE 1e-6

/* ---- loads ------------------------------------------------------------------------- */

/* true_rate gives how many tuples a second one executor of P could do; 0: not known. */
static double true_rate(const struct advice_part *p)
{
	return p->busy_s > 0 ? p->in / p->busy_s : 0;
}

/* offered_by gives what spout P would emit a second, were it never blocked. */
static double offered_by(const struct advice_part *p)
{
	double free_s = p->busy_s + p->idle_s;

	return free_s > 0 ? p->in * p->executors / free_s : 0;
}

/* offered_to gives what would come to part I a second: to the head of I, for chained ones share
 * its workers. DONE marks parts that are known. The graph has no circles. */
static double offered_to(const struct advice_input *x, struct advice *a, uint32_t i, bool *done)
{
	double sum = 0;

	if (done[i])
		return a->needs[i].offered;
	if (x->parts[i].role == ADVICE_SPOUT)
		sum = offered_by(&x->parts[i]);
	for (uint32_t k = 0; x->parts[i].role != ADVICE_SPOUT && k < x->n_edges; k++) {
		uint32_t from = x->parts[x->edges[k].from].head;

		if (x->edges[k].to == i && from != i && x->parts[from].in > 0)
			sum += offered_to(x, a, from, done) * x->edges[k].tuples / x->parts[from].in;
	}
	done[i] = true;
	return a->needs[i].offered = sum;
}

/* rounded gives the executors for a LOAD: a hair above a whole number is the whole number. */
static uint32_t rounded(double load)
{
	double n = ceil(load - LITTLE);

	return n < 1 ? 1 : n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
}

/* is_skewed: the hottest executor has one task only, and that gets more than it can do, and more
 * than its share. */
static bool is_skewed(const struct advice_part *p, const struct advice_need *n)
{
	double share = p->in > 0 ? p->hottest_in / p->in : 0;

	return p->keyed != NULL && p->executors > 1 && p->tasks == p->executors &&
	    share * p->executors > 1.5 && n->load * share > 1 + LITTLE;
}

/* offer finds what would come to every head, and takes as much of it as the machine has time for. */
static void offer(const struct advice_input *x, struct advice *a)
{
	bool *done = xcalloc((size_t)x->n_parts + 1, sizeof *done);
	double processors = 0;

	for (uint32_t i = 0; i < x->n_parts; i++) {
		const struct advice_part *p = &x->parts[i];

		if (p->head != i)
			continue;
		offered_to(x, a, i, done);
		processors += p->in > 0 ? a->needs[i].offered * p->cpu_s / p->in : 0;
	}
	free(done);
	a->cut = x->processors > 0 && processors > x->processors;
	for (uint32_t i = 0; a->cut && i < x->n_parts; i++)
		a->needs[i].offered *= x->processors / processors;
}

static void weigh(const struct advice_input *x, struct advice *a)
{
	offer(x, a);
	for (uint32_t i = 0; i < x->n_parts; i++) {
		const struct advice_part *p = &x->parts[i];
		struct advice_need *n = &a->needs[i];

		if (p->head != i)
			continue;
		n->load = true_rate(p) > 0 ? n->offered / true_rate(p) : 0;
		if (p->role == ADVICE_SPOUT) {
			n->needed = p->executors;
			continue;
		}
		n->needed = rounded(n->load);
		n->skewed = is_skewed(p, n);
		if (p->role == ADVICE_BOLT && n->needed > p->tasks) {
			n->needed = p->tasks;
			n->capped = true;
		}
	}
}

/* ---- the bottleneck ---------------------------------------------------------------- */

/* press gives how much more than it can do comes to part I: above 1 it holds the others back. */
static double press(const struct advice_input *x, const struct advice *a, uint32_t i)
{
	const struct advice_part *p = &x->parts[i];
	double share = p->in > 0 && a->needs[i].skewed ? p->hottest_in / p->in : 1.0 / p->executors;

	return a->needs[i].load * share;
}

static uint32_t most_pressed(const struct advice_input *x, const struct advice *a)
{
	uint32_t most = UINT32_MAX;

	for (uint32_t i = 0; i < x->n_parts; i++)
		if (x->parts[i].head == i && x->parts[i].role != ADVICE_SPOUT &&
		    press(x, a, i) > 1 + LITTLE && (most == UINT32_MAX || press(x, a, i) > press(x, a, most)))
			most = i;
	return most;
}

static double share_of(const struct advice_part *p, double part_s)
{
	double all = p->busy_s + p->idle_s + p->blocked_s;

	return all > 0 ? part_s / all : 0;
}

/* a_spout gives the spout with the greatest share of busy or blocked time, if it is above LEAST. */
static uint32_t a_spout(const struct advice_input *x, bool blocked, double least)
{
	uint32_t most = UINT32_MAX;
	double best = least;

	for (uint32_t i = 0; i < x->n_parts; i++) {
		const struct advice_part *p = &x->parts[i];
		double share = share_of(p, blocked ? p->blocked_s : p->busy_s);

		if (p->role == ADVICE_SPOUT && share > best) {
			best = share;
			most = i;
		}
	}
	return most;
}

static uint32_t busiest(const struct advice_input *x)
{
	uint32_t most = 0;

	for (uint32_t i = 1; i < x->n_parts; i++)
		if (x->parts[i].head == i &&
		    share_of(&x->parts[i], x->parts[i].busy_s) > share_of(&x->parts[most], x->parts[most].busy_s))
			most = i;
	return most;
}

static bool machine_is_full(const struct advice_input *x)
{
	double cpu_s = 0;

	for (uint32_t i = 0; i < x->n_parts; i++)
		cpu_s += x->parts[i].cpu_s;
	return x->processors > 0 && cpu_s > MACHINE_MOST * x->processors * x->seconds;
}

static void judge(const struct advice_input *x, struct advice *a)
{
	uint32_t i = a->bottleneck = most_pressed(x, a);
	const struct advice_need *n = i != UINT32_MAX ? &a->needs[i] : NULL;

	if (n != NULL) {
		a->kind = n->skewed ? ADVICE_SKEW : machine_is_full(x) ? ADVICE_MACHINE : x->parts[i].role == ADVICE_ACKER ? ADVICE_ACKERS :
		    n->capped ? ADVICE_TASKS : ADVICE_SCALE;
		return;
	}
	a->bottleneck = a_spout(x, true, BLOCKED_LEAST);
	if (a->bottleneck != UINT32_MAX) {
		a->kind = a->cut || machine_is_full(x) ? ADVICE_MACHINE : ADVICE_PENDING;
		a->bottleneck = a->kind == ADVICE_MACHINE ? busiest(x) : a->bottleneck;
		return;
	}
	a->bottleneck = a_spout(x, false, BUSY_MOST);
	a->kind = a->bottleneck != UINT32_MAX ? ADVICE_SPOUTS : ADVICE_NONE;
}

/* ---- in words ---------------------------------------------------------------------- */

/* blocked_above adds " and blocks a, b": those above part I that wait. */
static void blocked_above(struct buf *out, const struct advice_input *x, uint32_t i)
{
	bool any = false;

	for (uint32_t k = 0; k < x->n_edges; k++) {
		const struct advice_part *from = &x->parts[x->parts[x->edges[k].from].head];
		bool again = false;

		for (uint32_t j = 0; j < k; j++)
			again |= x->edges[j].to == i && x->parts[x->edges[j].from].head == x->parts[x->edges[k].from].head;
		if (x->edges[k].to != i || again || share_of(from, from->blocked_s) < BLOCKED_LEAST)
			continue;
		buf_printf(out, any ? ", %s" : " and blocks %s", from->id);
		any = true;
	}
}

/* put_command adds "-e count=6" for all of the workers that part I is the head of. */
static void put_group(struct buf *out, const struct advice_input *x, const struct advice *a, uint32_t i)
{
	for (uint32_t k = 0; k < x->n_parts; k++)
		if (x->parts[k].head == i)
			buf_printf(out, " -e %s=%u", x->parts[k].id, a->needs[i].needed);
}

static char *command(const struct advice_input *x, const struct advice *a)
{
	struct buf out = { 0 };
	bool any = false;

	if (a->kind == ADVICE_MACHINE)
		return NULL;
	buf_printf(&out, "gale rebalance %s", x->name);
	for (uint32_t i = 0; i < x->n_parts; i++) {
		if (x->parts[i].role != ADVICE_BOLT || x->parts[i].head != i || a->needs[i].skewed ||
		    a->needs[i].needed <= x->parts[i].executors)
			continue;
		put_group(&out, x, a, i);
		any = true;
	}
	if (any)
		return buf_text(&out);
	buf_free(&out);
	return NULL;
}

static void say_bottleneck(struct buf *out, const struct advice_input *x, const struct advice *a)
{
	const struct advice_part *p = &x->parts[a->bottleneck];

	buf_printf(out, "%s is busy %.0f %%", p->id, 100 * share_of(p, p->busy_s));
	blocked_above(out, x, a->bottleneck);
}

static void say_need(struct buf *out, const struct advice_input *x, const struct advice *a)
{
	const struct advice_need *n = &a->needs[a->bottleneck];
	const struct advice_part *p = &x->parts[a->bottleneck];
	uint32_t takes = rounded(n->load);

	buf_printf(out, ": %.0f tuples a second would come, and take %u executor%s, not %u", n->offered,
	    takes, takes == 1 ? "" : "s", p->executors);
}

/* say_fewer names those that have more executors than it takes. */
static void say_fewer(struct buf *out, const struct advice_input *x, const struct advice *a)
{
	bool any = false;

	for (uint32_t i = 0; i < x->n_parts; i++) {
		const struct advice_part *p = &x->parts[i];

		if (p->role != ADVICE_BOLT || p->head != i || a->needs[i].needed >= p->executors)
			continue;
		buf_printf(out, "%s%s would do with %u of its %u executors", any ? ", " : "; ", p->id,
		    a->needs[i].needed, p->executors);
		any = true;
	}
}

static void say(struct buf *out, const struct advice_input *x, const struct advice *a)
{
	const struct advice_part *p = a->bottleneck != UINT32_MAX ? &x->parts[a->bottleneck] : NULL;

	switch (a->kind) {
	case ADVICE_SCALE:
	case ADVICE_ACKERS:
	case ADVICE_TASKS:
		say_bottleneck(out, x, a);
		say_need(out, x, a);
		if (a->kind == ADVICE_ACKERS)
			buf_puts(out, ": raise topology.acker.executors and submit again");
		else if (a->kind == ADVICE_TASKS)
			buf_printf(out, "; it has %u task%s: more executors than tasks don't help, so "
			    "raise its numTasks and submit again", p->tasks, p->tasks == 1 ? "" : "s");
		break;
	case ADVICE_MACHINE:
		say_bottleneck(out, x, a);
		buf_printf(out, ", but the processors of this machine (%u) have no time for more executors",
		    x->processors);
		break;
	case ADVICE_SKEW:
		say_bottleneck(out, x, a);
		buf_printf(out, ": one of its %u tasks gets %.0f %% of all tuples (%s), so more executors "
		    "don't help; spread the key, or use PARTIAL_KEY", p->tasks,
		    100 * p->hottest_in / p->in, p->keyed);
		break;
	case ADVICE_SPOUTS:
		say_bottleneck(out, x, a);
		buf_puts(out, " and nothing below holds it back: more come only if its input can be shared "
		    "among more executors");
		break;
	case ADVICE_PENDING:
		buf_printf(out, "%s waits for acks %.0f %% of the time, though no component is too busy: "
		    "raise topology.max.spout.pending, or look at the latencies", p->id,
		    100 * share_of(p, p->blocked_s));
		break;
	case ADVICE_UNKNOWN:
		buf_puts(out, "nothing to judge by yet");
		break;
	default:
		buf_puts(out, "no bottleneck: what is offered is sustained");
		say_fewer(out, x, a);
	}
}

static bool nothing_happened(const struct advice_input *x)
{
	double sum = 0;

	for (uint32_t i = 0; i < x->n_parts; i++)
		sum += x->parts[i].in;
	return sum < 1 || x->seconds <= 0;
}

struct advice *advice_make(const struct advice_input *x)
{
	struct advice *a = xcalloc(1, sizeof *a);
	struct buf text = { 0 };

	a->n = x->n_parts;
	a->needs = xcalloc((size_t)x->n_parts + 1, sizeof *a->needs);
	a->bottleneck = UINT32_MAX;
	a->kind = ADVICE_UNKNOWN;
	if (!nothing_happened(x)) {
		weigh(x, a);
		judge(x, a);
		a->command = command(x, a);
	}
	say(&text, x, a);
	a->text = buf_text(&text);
	return a;
}

void advice_free(struct advice *a)
{
	if (a == NULL)
		return;
	free(a->needs);
	free(a->text);
	free(a->command);
	free(a);
}
