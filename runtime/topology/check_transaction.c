/* check_transaction.c - "transactional" of a topology, and what it asks of the rest of the file.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "checks.h"
#include "memory.h"

enum { X_ID, X_TYPE, N_KEYS };

static const struct check_key keys[N_KEYS] = {
	[X_ID] = { "id", .types = CHECK_STRING, .required = true },
	[X_TYPE] = { "type", .types = CHECK_STRING },
};

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
