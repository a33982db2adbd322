/* check_graph.c - the third step of checks.h: who is joined to whom, and whether it works.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether the streams form a circle is in check_cycle.c.
 */
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "check_cycle.h"
#include "memory.h"

/* ---- resolving names -------------------------------------------------------------- */

/* is_in_error tells whether ID may be meant for a component whose own id is in error. */
static bool is_in_error(const struct check *c, const char *id)
{
	for (uint32_t i = 0; i < c->t->n_components; i++)
		if (c->components[i].id != NULL && strcmp(json_text(c->components[i].id), id) == 0)
			return true;
	return c->unnamed;
}

static int component_number(struct check *c, const struct json_node *x)
{
	struct nearest near;
	int number;

	if (x == NULL)
		return -1;
	number = topology_find(c->t, json_text(x));
	if (number >= 0 || is_in_error(c, json_text(x)))
		return number;
	near = check_nearest(c, json_text(x));
	for (uint32_t i = 0; i < c->t->n_components; i++)
		if (c->t->components[i].id != NULL)
			nearest_try(&near, c->t->components[i].id);
	check_error(c, x, "no component \"%s\"", near.word);
	diag_help(c->d, "%s", nearest_help(&near));
	return -1;
}

/* stream_id gives the id of the stream that is subscribed to. */
static const char *stream_id(const struct stream_draft *draft)
{
	return draft->stream_id != NULL ? json_text(draft->stream_id) : "default";
}

static int stream_number(struct check *c, const struct stream_draft *draft)
{
	const struct component *from = &c->t->components[draft->from_number];
	const char *id = stream_id(draft);
	const struct json_node *place = draft->stream_id != NULL ? draft->stream_id : draft->from;
	struct nearest near = check_nearest(c, id);

	if (draft->stream_id == NULL && draft->grouping != NULL &&
	    json_member(draft->grouping, "streamId") != NULL)
		return -1;	/* in error */
	for (uint32_t i = 0; i < from->n_outputs; i++) {
		if (strcmp(from->outputs[i].id, id) == 0)
			return (int)i;
		nearest_try(&near, from->outputs[i].id);
	}
	if (c->components[draft->from_number].outputs_known) {
		check_error(c, place, "\"%s\" has no stream \"%s\"", from->id, id);
		diag_help(c->d, "%s", near.n > 0 ? nearest_help(&near) : "it emits nothing");
	}
	return -1;
}

static void resolve(struct check *c, struct stream_draft *draft, struct subscription *made)
{
	const struct component *to;

	draft->from_number = component_number(c, draft->from);
	draft->to_number = component_number(c, draft->to);
	if (draft->to_number >= 0) {
		made->to = (uint32_t)draft->to_number;
		to = &c->t->components[made->to];
		if (to->kind == GALE_SPOUT) {
			check_error(c, draft->to, "a stream into the spout \"%s\"", to->id);
			diag_help(c->d, "spouts take no tuples: streams end in bolts");
		}
	}
	if (draft->from_number >= 0) {
		made->from = (uint32_t)draft->from_number;
		if (draft->grouping != NULL)
			draft->stream_number = stream_number(c, draft);
		made->stream = draft->stream_number >= 0 ? (uint32_t)draft->stream_number : 0;
	}
}

/* ---- one subscription ------------------------------------------------------------- */

static const gale_field *find_field(const struct stream *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_fields; i++)
		if (strcmp(s->fields[i].name, name) == 0)
			return &s->fields[i];
	return NULL;
}

static const char *suggest_field(struct nearest *near, const struct stream *s)
{
	for (uint32_t i = 0; i < s->n_fields; i++)
		nearest_try(near, s->fields[i].name);
	return s->n_fields > 0 ? nearest_help(near) : "it has no fields";
}

/* group_fields turns the names in "args" into numbers of fields of that very stream. */
static void group_fields(struct check *c, const struct stream_draft *draft, const struct stream *s,
    struct subscription *made)
{
	if (draft->args == NULL ||
	    (made->grouping != GROUPING_FIELDS && made->grouping != GROUPING_PARTIAL_KEY))
		return;
	made->fields = xcalloc(draft->args->n + 1, sizeof *made->fields);
	for (const struct json_node *x = json_first(draft->args); x;
	    x = json_next(draft->args, x)) {
		const gale_field *f = json_text(x) != NULL ? find_field(s, json_text(x)) : NULL;
		struct nearest near;

		if (f != NULL) {
			made->fields[made->n_fields++] = (uint32_t)(f - s->fields);
		} else if (json_text(x) != NULL) {
			near = check_nearest(c, json_text(x));
			check_error(c, x, "the stream \"%s\" of \"%s\" has no field \"%s\"", s->id,
			    c->t->components[made->from].id, near.word);
			diag_help(c->d, "%s", suggest_field(&near, s));
		}
	}
}

static void direct(struct check *c, const struct stream_draft *draft, const struct stream *s,
    const struct subscription *made)
{
	const char *from = c->t->components[made->from].id;

	if (made->grouping == GROUPING_DIRECT && !s->direct)
		check_error(c, draft->type,
		    "DIRECT to the stream \"%s\" of \"%s\", which is not emitted directly", s->id,
		    from);
	else if (made->grouping != GROUPING_DIRECT && made->grouping != N_GROUPINGS && s->direct) {
		check_error(c, draft->type,
		    "the stream \"%s\" of \"%s\" is emitted directly: the sender chooses the task",
		    s->id, from);
		diag_help(c->d, "write \"type\": \"DIRECT\"");
	}
}

/* inputs compares what the bolt reads with what the stream has. */
static void inputs(struct check *c, const struct stream_draft *draft, const struct stream *s,
    const struct component *to)
{
	const char *from = c->t->components[draft->from_number].id;

	for (uint32_t i = 0; i < to->n_inputs; i++) {
		const gale_field *want = &to->inputs[i], *have = find_field(s, want->name);
		struct nearest near = check_nearest(c, want->name);

		if (have == NULL) {
			check_error(c, draft->to,
			    "\"%s\" reads the field \"%s\", which the stream \"%s\" of \"%s\" "
			    "does not have",
			    to->id, want->name, s->id, from);
			diag_help(c->d, "%s", suggest_field(&near, s));
		} else if (want->type != have->type && want->type != GALE_ANY &&
		    have->type != GALE_ANY)
			check_error(c, draft->to,
			    "\"%s\" reads the field \"%s\" as %s, \"%s\" sends it as %s", to->id,
			    want->name, plugin_type_name(want->type), from,
			    plugin_type_name(have->type));
	}
}

static void one_subscription(
    struct check *c, const struct stream_draft *draft, struct subscription *made)
{
	const struct stream *s;

	if (draft->stream_number < 0)
		return;
	s = &c->t->components[made->from].outputs[made->stream];
	group_fields(c, draft, s, made);
	if (draft->type != NULL)
		direct(c, draft, s, made);
	if (draft->to_number >= 0)
		inputs(c, draft, s, &c->t->components[made->to]);
}

/* twice reports a subscription that is there already. */
static void twice(struct check *c, uint32_t i)
{
	const struct stream_draft *x = &c->streams[i];

	for (uint32_t k = 0; k < i; k++) {
		const struct stream_draft *y = &c->streams[k];

		if (x->from_number != y->from_number || x->to_number != y->to_number ||
		    strcmp(stream_id(x), stream_id(y)) != 0)
			continue;
		diag_error(c->d, x->node->start, x->node->start + 1,
		    "\"%s\" subscribes to \"%s\" twice", json_text(x->to), json_text(x->from));
		diag_note(c->d, y->node->start, "first here");
		return;
	}
}

/* ---- the whole graph -------------------------------------------------------------- */

static bool is_fed(const struct check *c, uint32_t component)
{
	for (uint32_t i = 0; i < c->t->n_subscriptions; i++)
		if (c->streams[i].to_number == (int)component)
			return true;
	return false;
}

/* unfed reports bolts that nobody feeds, unless a stream's end is unknown: then it is
 * probably the one that is missing here. */
static void unfed(struct check *c)
{
	for (uint32_t i = 0; i < c->t->n_subscriptions; i++)
		if (c->streams[i].to_number < 0)
			return;
	for (uint32_t i = 0; i < c->t->n_components; i++) {
		const struct component *x = &c->t->components[i];

		if (x->kind == GALE_BOLT && x->id != NULL && !is_fed(c, i)) {
			check_error(
			    c, c->components[i].id, "nothing feeds the bolt \"%s\"", x->id);
			diag_help(c->d, "add a stream to it, or remove it");
		}
	}
}

static bool is_heard(const struct check *c, uint32_t component, uint32_t stream)
{
	for (uint32_t i = 0; i < c->t->n_subscriptions; i++)
		if (c->streams[i].from_number == (int)component &&
		    c->streams[i].stream_number == (int)stream)
			return true;
	return false;
}

/* unheard warns of streams that nobody listens to, unless some subscription is in error.
 * The dead letters need nobody. */
static void unheard(struct check *c)
{
	for (uint32_t i = 0; i < c->t->n_subscriptions; i++)
		if (c->streams[i].stream_number < 0)
			return;
	for (uint32_t i = 0; i < c->t->n_components; i++) {
		const struct component *x = &c->t->components[i];

		for (uint32_t k = 0;
		    x->id != NULL && c->components[i].outputs_known && k < x->n_outputs; k++)
			if (strcmp(x->outputs[k].id, DEAD_LETTER_STREAM) != 0 &&
			    !is_heard(c, i, k))
				check_warning(c, c->components[i].id,
				    "nothing listens to the stream \"%s\" of \"%s\"",
				    x->outputs[k].id, x->id);
	}
}

/* idle_tasks warns of a bolt of several tasks that is fed by GLOBAL alone. */
static void idle_tasks(struct check *c)
{
	for (uint32_t i = 0; i < c->t->n_components; i++) {
		const struct json_node *place = NULL;
		bool others = false;

		for (uint32_t k = 0; k < c->t->n_subscriptions; k++) {
			if (c->streams[k].to_number != (int)i)
				continue;
			if (c->t->subscriptions[k].grouping == GROUPING_GLOBAL)
				place = c->streams[k].type;
			else
				others = true;
		}
		if (place != NULL && !others && c->t->components[i].n_tasks > 1)
			check_warning(c, place,
			    "GLOBAL sends everything to the first of %u tasks of \"%s\": "
			    "the others are idle",
			    c->t->components[i].n_tasks, c->t->components[i].id);
	}
}

/* no_timeouts warns of the one way to a spout that stalls for good. */
static void no_timeouts(struct check *c)
{
	const struct setting *on = topology_config(c->t, NULL, "topology.enable.message.timeouts");
	const struct json_node *config = json_member(&c->json->nodes[0], "config"), *x;

	if (on->b || topology_int(c->t, NULL, "topology.acker.executors") == 0 || config == NULL)
		return;
	x = json_member(config, on->key);
	diag_warning(c->d, x->key_start, x->key_end,
	    "without timeouts a tuple that is never acked stays pending for good");
	diag_help(c->d, "when topology.max.spout.pending of them are, the spout stops");
}

/* long_ticks warns of a tick that comes more rarely than messages time out. */
static void long_ticks(struct check *c)
{
	int64_t timeout = topology_ms(c->t, NULL, "topology.message.timeout.secs");

	for (uint32_t i = 0; i < c->t->n_components; i++) {
		const struct json_node *config = c->components[i].config, *x;
		const struct setting *s = NULL;

		for (size_t k = 0; k < c->t->components[i].config.n; k++)
			if (strncmp(c->t->components[i].config.items[k].key, "topology.tick.",
			        14) == 0)
				s = &c->t->components[i].config.items[k];
		if (s == NULL || config == NULL || c->t->components[i].kind != GALE_BOLT)
			continue;
		x = json_member(config, s->key);
		if ((double)timeout <
		    x->f * (strcmp(s->key, "topology.tick.tuple.freq.ms") == 0 ? 1 : 1000))
			check_warning(c, x,
			    "a tick that is longer than topology.message.timeout.secs: "
			    "what waits for it times out first");
	}
}

void check_graph(struct check *c)
{
	for (uint32_t i = 0; i < c->t->n_subscriptions; i++) {
		resolve(c, &c->streams[i], &c->t->subscriptions[i]);
		one_subscription(c, &c->streams[i], &c->t->subscriptions[i]);
		if (c->streams[i].from_number >= 0 && c->streams[i].to_number >= 0)
			twice(c, i);
	}
	unfed(c);
	check_cycle(c);
	unheard(c);
	idle_tasks(c);
	no_timeouts(c);
	long_ticks(c);
}
