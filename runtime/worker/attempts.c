/* attempts.c - how often a message has failed, and how many workers its tuples have crashed (A8).
 *
 * Only what the tuple itself caused counts. Both numbers stand in the message while gale has it; in the
 * table of messages in flight, by id, while its spout has it and is to emit it again; and deaths on
 * the status page, where the successor of a worker finds them that died of its own message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "worker.h"

enum {
	POISON_DEATHS = 3,		/* workers that one message may kill */
	DEATHS_SHIFT = 24		/* in what pending keeps of a message that its spout replays */
};

/* ---- deaths in this very worker ---- */

/* A message whose tuples are executed in the process of its spout dies with that. So who
 * has caused such deaths is told to the successor, on the page. */

void attempts_inherit(struct worker *w, const struct status *before)
{
	w->before_root = before->emitting;
	w->before = (struct status_charge){ before->emitting_id, before->emitting_task, 1 };
	memcpy(w->status->charges, before->charges, sizeof before->charges);
	w->status->n_charges = before->n_charges;
}

/* recall_charge has the deaths of C known when its spout emits it again. */
static void recall_charge(struct worker *w, const struct status_charge *c)
{
	uint32_t index = c->task - w->me->first_task;

	if (c->deaths > 0 && w->me->role == ROLE_SPOUT && index < w->me->n_tasks)
		pending_set_attempts(&w->pending, index, c->id, c->deaths | c->deaths << DEATHS_SHIFT);
}

static void recall_charges(struct worker *w)
{
	for (uint32_t i = 0; i < STATUS_CHARGES; i++)
		recall_charge(w, &w->status->charges[i]);
}

/* charge_before: what the predecessor was emitting has crashed it. */
static void charge_before(struct worker *w)
{
	struct status *s = w->status;
	struct status_charge *c = NULL;

	for (uint32_t i = 0; i < STATUS_CHARGES; i++)
		if (s->charges[i].deaths > 0 && s->charges[i].id == w->before.id &&
		    s->charges[i].task == w->before.task)
			c = &s->charges[i];
	if (c != NULL) {
		c->deaths += c->deaths < UINT8_MAX;
	} else {
		c = &s->charges[s->n_charges++ % STATUS_CHARGES];
		*c = w->before;
	}
	recall_charge(w, c);
	w->before_root = 0;
}

/* ---- life ---- */

static int64_t most_attempts(const struct topology *t, const struct component *c)
{
	const struct setting *most = topology_config(t, c, "topology.max.attempts");

	return most != NULL && most->type == SETTING_INT ? most->i : 0;
}

void attempts_init(struct worker *w)
{
	for (uint32_t i = 0; i < w->n_stages; i++)
		w->stages[i].max_attempts = most_attempts(w->topology, w->stages[i].component);
	recall_charges(w);
}

/* ---- of messages that their spout replays ---- */

void attempts_remember(struct worker *w, const struct message *m)
{
	pending_set_attempts(&w->pending, m->task, m->id,
	    (m->attempt - 1) | (uint32_t)m->deaths << DEATHS_SHIFT);
}

void attempts_recall(const struct worker *w, struct message *m)
{
	uint32_t known = pending_attempts(&w->pending, m->task, m->id);

	m->attempt = 1 + (known & ((1u << DEATHS_SHIFT) - 1));
	m->deaths = (uint8_t)(known >> DEATHS_SHIFT);
}

/* ---- deaths that others tell of ---- */

/* charge: a tuple of ROOT has crashed a worker after ROOT had failed. The death is its
 * message's all the same, wherever that is now: in flight again, waiting, or with its spout. */
static void charge(struct worker *w, uint64_t root)
{
	const struct failed_root *f = pending_failed_root(&w->pending, root);
	struct message *m = f != NULL ? pending_find(&w->pending, f) : NULL;
	uint32_t known;

	if (m != NULL && m->deaths < UINT8_MAX)
		m->deaths++;
	if (f == NULL || m != NULL || f->kept)
		return;
	known = pending_attempts(&w->pending, f->task, f->id);
	if (known >> DEATHS_SHIFT < UINT8_MAX)
		pending_set_attempts(&w->pending, f->task, f->id, known + (1u << DEATHS_SHIFT));
}

void attempts_named(struct worker *w, uint64_t root, const char *text)
{
	if (root != 0 && root == w->before_root)
		charge_before(w);
	pending_name(&w->pending, root, text);
	charge(w, root);
}

/* ---- what follows ---- */

bool attempts_last(const struct worker *w, const struct message *m)
{
	int64_t most = message_stage(w, m)->max_attempts;

	return (most != 0 && m->attempt >= most) || m->deaths + 1 >= POISON_DEATHS;
}

bool attempts_too_deadly(const struct worker *w, const struct message *m)
{
	int64_t most = message_stage(w, m)->max_attempts;

	return m->body != NULL && m->deaths > 0 &&
	    (m->deaths >= POISON_DEATHS || (most != 0 && m->attempt > most));
}

bool attempts_given_up(const struct worker *w, const struct message *m, const gale_failure *f)
{
	int64_t most = message_stage(w, m)->max_attempts;

	if (m->deaths >= POISON_DEATHS && m->body != NULL)
		return true;
	return f->kind != GALE_WORKER_LOST && most > 0 && m->attempt >= most;
}
