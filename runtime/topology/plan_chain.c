/* plan_chain.c - who is chained to whom, or why not, and whose equal tuples may become one; see plan.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "buf.h"
#include "plan.h"

static bool is_set_to(const struct topology *t, const struct component *c, const char *key, const char *value)
{
	const struct setting *s = topology_config(t, c, key);

	return s != NULL && s->type == SETTING_STRING && strcmp(s->s, value) == 0;
}

/* What stands against chaining a component. */
enum obstacle {
	NONE,
	NOT_WANTED,	/* or it is a spout, which nobody calls */
	TRANSACTION,
	TWO_FEED_IT,	/* subscription S is of another component than the first */
	ITS_OWN_CHOICE,	/* S has a grouping that chooses for itself */
	OTHER_TASKS,	/* S may want a task that is elsewhere */
	OTHER_SIZE,	/* S is of a component with other executors or tasks */
	NOT_FED
};

/* may_be_call: whichever task of its component emits, S wants the task of TO beside it, or any. */
static enum obstacle may_be_call(const struct subscription *s, const struct component *to)
{
	if (s->grouping == GROUPING_LOCAL_OR_SHUFFLE)
		return NONE;
	if (s->grouping == GROUPING_CUSTOM || s->grouping == GROUPING_DIRECT)
		return ITS_OWN_CHOICE;
	return to->n_tasks == 1 ? NONE : OTHER_TASKS;
}

/* judge says what stands against chaining C; *S is a subscription of C where there is one: of the
 * component that it is chained to, or that about which it is. */
static enum obstacle judge(const struct topology *t, uint32_t c, const struct subscription **s)
{
	const struct component *to = &t->components[c], *from;
	const struct subscription *first = NULL;
	enum obstacle o = NONE;

	if (to->kind != GALE_BOLT || !is_set_to(t, to, "topology.chaining", "auto"))
		return NOT_WANTED;
	if (t->transaction.id != NULL)
		return TRANSACTION;
	for (uint32_t i = 0; i < t->n_subscriptions && o == NONE; i++) {
		if (t->subscriptions[i].to != c)
			continue;
		*s = &t->subscriptions[i];
		if (first == NULL)
			first = *s;
		o = first->from != (*s)->from ? TWO_FEED_IT : may_be_call(*s, to);
	}
	if (o != NONE || first == NULL)
		return o != NONE ? o : NOT_FED;
	from = &t->components[first->from];
	return from->parallelism != to->parallelism || from->n_tasks != to->n_tasks ? OTHER_SIZE : NONE;
}

uint32_t plan_chained_to(const struct topology *t, uint32_t c)
{
	const struct subscription *s = NULL;

	return judge(t, c, &s) == NONE ? s->from : UINT32_MAX;
}

static void put_size(struct buf *out, const struct component *c)
{
	buf_printf(out, "%s has %u executor%s and %u task%s", c->id, c->parallelism, c->parallelism == 1 ? "" : "s",
	    c->n_tasks, c->n_tasks == 1 ? "" : "s");
}

bool plan_why_apart(const struct topology *t, uint32_t c, struct buf *out)
{
	const struct component *to = &t->components[c], *from;
	const struct subscription *s = NULL;
	enum obstacle o = judge(t, c, &s);

	if (o == NONE || o == NOT_WANTED)
		return false;
	from = s != NULL ? &t->components[s->from] : NULL;
	if (o == TRANSACTION) {
		buf_puts(out, "the topology is transactional");
	} else if (from == NULL) {
		buf_puts(out, "nothing feeds it");
	} else if (o == TWO_FEED_IT) {
		buf_puts(out, "it is fed by several components");
	} else if (o == OTHER_SIZE) {
		put_size(out, from);
		buf_puts(out, ", ");
		put_size(out, to);
	} else {
		buf_printf(out, "%s from %s %s", topology_grouping_names[s->grouping], from->id,
		    o == ITS_OWN_CHOICE ? "chooses a task for itself" : "may go to any of its tasks");
	}
	return true;
}

uint32_t plan_chain_head(const struct plan *p, uint32_t c)
{
	while (c < p->topology->n_components && p->chained_to[c] != UINT32_MAX)
		c = p->chained_to[c];
	return c;
}

bool plan_is_chain(const struct plan *p, uint32_t c)
{
	for (uint32_t i = 0; i < p->topology->n_components; i++)
		if (p->chained_to[i] == c)
			return p->chained_to[c] == UINT32_MAX;
	return false;
}

void plan_chain_text(const struct plan *p, uint32_t c, struct buf *out)
{
	uint32_t n = plan_executors(p, c);

	if (n == 1)
		buf_puts(out, "one process: ");
	else
		buf_printf(out, "%u processes, each with all of: ", n);
	buf_puts(out, p->topology->components[c].id);
	for (uint32_t i = 0; i < p->topology->n_components; i++)
		if (i != c && plan_chain_head(p, i) == c)
			buf_printf(out, ", %s", p->topology->components[i].id);
}

/* is_alone: nobody else subscribes to the stream of S. */
static bool is_alone(const struct topology *t, const struct subscription *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n_subscriptions; i++)
		n += t->subscriptions[i].from == s->from && t->subscriptions[i].stream == s->stream;
	return n == 1;
}

bool plan_combines(const struct topology *t, const struct subscription *s)
{
	const struct component *to = &t->components[s->to];

	return to->combines && s->grouping == GROUPING_FIELDS && to->parallelism <= PLAN_COMBINING_MOST &&
	    !is_set_to(t, to, "topology.combining", "off") &&
	    is_alone(t, s) && plan_chained_to(t, s->to) == UINT32_MAX;
}
