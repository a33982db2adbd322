/* check_transaction.c - "transactional" of a topology, and what it asks of the rest of the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "checks.h"
#include "config.h"
#include "memory.h"

enum { X_ID, X_TYPE, N_KEYS };

static const struct check_key keys[N_KEYS] = {
	[X_ID] = { "id", .types = CHECK_STRING, .required = true },
	[X_TYPE] = { "type", .types = CHECK_STRING },
};

/* ---- what is said of it ------------------------------------------------------------ */

static const char *const types[] = { "transactional", "opaque" };

static void type_of(struct check *c, const struct json_node *x, struct transaction *made)
{
	struct nearest near = check_nearest(c, json_text(x));

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (strcmp(types[i], json_text(x)) == 0) {
			made->opaque = i == 1;
			return;
		}
		nearest_try(&near, types[i]);
	}
	check_error(c, x, "unknown type of transaction \"%s\"", near.word);
	if (near.best != NULL)
		diag_help(c->d, "%s", nearest_help(&near));
	else
		diag_help(c->d, "there is transactional and opaque");
}

/* in_flight: what is pending in a transactional topology are whole batches. */
static void in_flight(struct check *c, const struct json_node *config)
{
	const struct json_node *x =
	    config != NULL ? json_member(config, "topology.max.spout.pending") : NULL;

	if (x == NULL || x->type != JSON_INT || x->i <= TOPOLOGY_MAX_BATCHES)
		return;
	check_error(c, x,
	    "\"topology.max.spout.pending\" counts batches in a transactional topology: from 1 to "
	    "%d, found %lld", TOPOLOGY_MAX_BATCHES, (long long)x->i);
	diag_help(c->d, "leave it out: then it is 8; the size of a batch is bounded by "
	    "topology.transaction.batch.tuples and topology.transaction.batch.bytes");
}

void check_transactional(
    struct check *c, const struct json_node *transactional, const struct json_node *config)
{
	const struct json_node *found[N_KEYS];

	if (transactional == NULL)
		return;
	check_object(c, transactional, "\"transactional\"", keys, N_KEYS, found);
	if (found[X_ID] != NULL && check_id(c, found[X_ID], "the id of a transaction", CHECK_MAX_ID))
		c->t->transaction.id = xstrdup(json_text(found[X_ID]));
	if (found[X_TYPE] != NULL)
		type_of(c, found[X_TYPE], &c->t->transaction);
	in_flight(c, config);
}

/* ---- what is in the topology ------------------------------------------------------- */

/* asks_nothing: X says only what is so anyway. */
static bool asks_nothing(const struct json_node *x)
{
	return x->type == JSON_NULL || (strcmp(x->key, "topology.chaining") == 0 &&
	    x->type == JSON_STRING && strcmp(json_text(x), "off") == 0);
}

/* no_effect warns of the keys in CONFIG that have none: those that are for transactions where
 * there are none, and the other way round. SINGLE: it is a component's. */
static void no_effect(struct check *c, const struct json_node *config, bool single)
{
	static const struct { const char *begin; bool single, transactional; const char *help; } idle[] = {
		{ "topology.transaction.", false, false, "it is for topologies with \"transactional\"" },
		{ "topology.held.bytes", false, false, "it is for topologies with \"transactional\"" },
		{ "topology.acker.executors", false, true, "a coordinator stands in the ackers' place" },
		{ "topology.dead.letter.file", false, true, "a batch that fails again and again ends the run" },
		{ "topology.chaining", false, true, "transactional topologies are not chained" },
		{ "topology.chaining", true, true, "transactional topologies are not chained" },
		{ "topology.max.spout.pending", true, true, "batches are the whole topology's: set it there" },
		{ "topology.max.attempts", true, true, "batches are the whole topology's: set it there" },
	};
	bool transactional = c->t->transaction.id != NULL;

	if (config == NULL || config->type != JSON_OBJECT)
		return;		/* what else it is has been told */
	for (const struct json_node *x = json_first(config); x; x = json_next(config, x))
		for (size_t i = 0; i < sizeof idle / sizeof *idle; i++) {
			if (strncmp(x->key, idle[i].begin, strlen(idle[i].begin)) != 0 ||
			    config_find(x->key) == NULL || asks_nothing(x) ||
			    idle[i].single != single || idle[i].transactional != transactional)
				continue;
			diag_warning(c->d, x->key_start, x->key_end, "\"%s\" has no effect %s", x->key,
			    !transactional ? "without transactions" : single ? "on a single component of a "
			    "transactional topology" : "in a transactional topology");
			diag_help(c->d, "%s", idle[i].help);
		}
}

/* can_go_back: all that is undone is done again, from positions and from state. */
static void can_go_back(struct check *c, const struct component_draft *draft, const struct component *made)
{
	const struct catalog_component *part = draft->part.declared;

	if (part == NULL || draft->part.class_name == NULL)
		return;
	if (made->kind == GALE_SPOUT && !part->has_resume) {
		check_error(c, draft->part.class_name, "%s can't be positioned, and a transactional topology "
		    "must be able to read its input again", part->declared.name);
		diag_help(c->d, "use a spout that has resume, as lines and sequence do");
	}
	if (made->kind == GALE_BOLT && made->has_finish && made->state_version == 0) {
		check_error(c, draft->part.class_name, "%s has finish and keeps no state: in a transactional "
		    "topology finish may be called again, and must take what it emits from state",
		    part->declared.name);
		diag_help(c->d, "use a bolt that keeps state, as tally and table do");
	}
}

/* no_letters: messages are not given up one by one. */
static void no_letters(struct check *c, const struct stream_draft *draft)
{
	if (draft->from_number < 0 || (uint32_t)draft->from_number >= c->t->n_spouts ||
	    draft->stream_id == NULL || strcmp(json_text(draft->stream_id), DEAD_LETTER_STREAM) != 0)
		return;
	check_error(c, draft->stream_id, "a transactional topology has no dead letters");
	diag_help(c->d, "remove this stream: a batch that fails topology.max.attempts times ends the run, "
	    "and the tuple is named; a bolt can emit what it can't use to a stream of its own");
}

void check_batches(struct check *c)
{
	const struct json_node *top = &c->json->nodes[0], *config = json_member(top, "config");
	bool transactional = json_member(top, "transactional") != NULL;

	if (transactional && c->t->transaction.id == NULL)
		return;		/* in error */
	no_effect(c, config, false);
	for (uint32_t i = 0; i < c->t->n_components; i++) {
		no_effect(c, c->components[i].config, true);
		if (transactional)
			can_go_back(c, &c->components[i], &c->t->components[i]);
	}
	for (uint32_t i = 0; i < c->t->n_subscriptions && transactional; i++)
		no_letters(c, &c->streams[i]);
}
