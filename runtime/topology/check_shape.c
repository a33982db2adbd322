/* check_shape.c - the first step of checks.h: what the file alone tells.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables below are the format of a topology file.
 */
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "config.h"
#include "memory.h"
#include "plan.h"

enum { T_NAME, T_CONFIG, T_SPOUTS, T_BOLTS, T_STREAMS, T_TRANSACTIONAL, T_REST };

static const struct check_key top_keys[] = {
	[T_NAME] = { "name", .types = CHECK_STRING, .required = true },
	[T_CONFIG] = { "config", .types = CHECK_OBJECT },
	[T_SPOUTS] = { "spouts", .types = CHECK_ARRAY },
	[T_BOLTS] = { "bolts", .types = CHECK_ARRAY },
	[T_STREAMS] = { "streams", .types = CHECK_ARRAY },
	[T_TRANSACTIONAL] = { "transactional", .types = CHECK_OBJECT },
	[T_REST] = { "$schema", .types = CHECK_STRING },
	{ "includes", .refusal = "not yet: put everything into one file" },
	{ "components",
	    .refusal = "there are no shared objects: give each spout and bolt its own "
	               "\"properties\"" },
	{ "workerHooks", .refusal = "do it in the plugin's prepare or open, and in its cleanup" },
	{ "topologySource",
	    .refusal = "no code builds topologies here: list \"spouts\", \"bolts\" and "
	               "\"streams\"" },
	{ "tests", .refusal = "not yet" },
};

enum {
	C_ID,
	C_CLASS_NAME,
	C_LIBRARY,
	C_PROPERTIES,
	C_PARALLELISM,
	C_NUM_TASKS,
	C_CONFIG,
	C_OUTPUTS,
	C_REST
};

#define INSTEAD "use \"properties\""

static const struct check_key component_keys[] = {
	[C_ID] = { "id", .types = CHECK_STRING, .required = true },
	[C_CLASS_NAME] = { "className", .types = CHECK_STRING, .required = true },
	[C_LIBRARY] = { "library", .types = CHECK_STRING },
	[C_PROPERTIES] = { "properties", .types = CHECK_OBJECT | CHECK_ARRAY },
	[C_PARALLELISM] = { "parallelism", .types = CHECK_INT },
	[C_NUM_TASKS] = { "numTasks", .types = CHECK_INT },
	[C_CONFIG] = { "config", .types = CHECK_OBJECT },
	[C_OUTPUTS] = { "outputs", .types = CHECK_ARRAY },
	[C_REST] = { "onHeapMemoryLoad", .idle = true },
	{ "offHeapMemoryLoad", .idle = true },
	{ "cpuLoad", .idle = true },
	{ "constructorArgs", .refusal = INSTEAD },
	{ "configMethods", .refusal = INSTEAD },
	{ "factory", .refusal = INSTEAD },
	{ "factoryArgs", .refusal = INSTEAD },
	{ "window", .refusal = "not yet: there are no windows so far" },
	{ "committer",
	    .refusal = "say \"transactional\" of the topology: every bolt with state commits then" },
	{ "stateType", .refusal = "it is the \"type\" of the topology's \"transactional\"" },
};

enum { S_NAME, S_FROM, S_TO, S_GROUPING };

static const struct check_key stream_keys[] = {
	[S_NAME] = { "name", .types = CHECK_STRING },
	[S_FROM] = { "from", .types = CHECK_STRING, .required = true },
	[S_TO] = { "to", .types = CHECK_STRING, .required = true },
	[S_GROUPING] = { "grouping", .types = CHECK_OBJECT, .required = true },
};

enum { G_TYPE, G_STREAM_ID, G_ARGS, G_CUSTOM };

static const struct check_key grouping_keys[] = {
	[G_TYPE] = { "type", .types = CHECK_STRING, .required = true },
	[G_STREAM_ID] = { "streamId", .types = CHECK_STRING },
	[G_ARGS] = { "args", .types = CHECK_ARRAY },
	[G_CUSTOM] = { "customClass", .types = CHECK_OBJECT },
};

enum { P_CLASS_NAME, P_LIBRARY, P_PROPERTIES };

static const struct check_key custom_keys[] = {
	[P_CLASS_NAME] = { "className", .types = CHECK_STRING, .required = true },
	[P_LIBRARY] = { "library", .types = CHECK_STRING },
	[P_PROPERTIES] = { "properties", .types = CHECK_OBJECT | CHECK_ARRAY },
	{ "constructorArgs", .refusal = INSTEAD },
};

#define COUNT(array) (sizeof (array) / sizeof *(array))

/* ---- components ------------------------------------------------------------------- */

static void parallelism(
    struct check *c, const struct json_node *const *found, struct component *made)
{
	const struct json_node *tasks = found[C_NUM_TASKS];

	made->parallelism = check_int(c, found[C_PARALLELISM], 1, CHECK_MAX_PARALLELISM, 1);
	made->n_tasks = check_int(c, tasks, 1, CHECK_MAX_TASKS, made->parallelism);
	if (made->n_tasks >= made->parallelism)
		return;
	check_error(c, tasks,
	    "\"numTasks\" is %u and \"parallelism\" is %u: each process needs a task",
	    made->n_tasks, made->parallelism);
	made->n_tasks = made->parallelism;
}

/* name_component gives it its id if that is a good and a new one. */
static void name_component(struct check *c, struct component *made, const struct json_node *id)
{
	const char *text = json_text(id);
	int other;

	if (!check_id(c, id, "an id", CHECK_MAX_ID))
		return;
	if (strcmp(text, ACKER_ID) == 0 || strcmp(text, COORDINATOR_ID) == 0) {
		check_error(c, id, "\"%s\" is the id of gale's own %s", text,
		    strcmp(text, ACKER_ID) == 0 ? "ackers" : "coordinator");
		return;
	}
	other = topology_find(c->t, text);
	if (other >= 0) {
		check_error(c, id, "the id \"%s\" is here twice", text);
		diag_note(c->d, c->components[other].id->start, "first here");
		return;
	}
	made->id = xstrdup(text);
}

static void one_component(struct check *c, const struct json_node *x, gale_kind kind)
{
	struct component *made = &c->t->components[c->t->n_components];
	struct component_draft *draft = &c->components[c->t->n_components];
	const struct json_node *found[COUNT(component_keys)];

	check_object(c, x, kind == GALE_SPOUT ? "a spout" : "a bolt", component_keys,
	    COUNT(component_keys), found);
	*draft = (struct component_draft){
		.node = x,
		.id = found[C_ID],
		.config = found[C_CONFIG],
		.outputs = found[C_OUTPUTS],
		.part = { .class_name = found[C_CLASS_NAME],
		    .library = found[C_LIBRARY],
		    .properties = found[C_PROPERTIES] },
	};
	made->kind = kind;
	if (draft->id != NULL)
		name_component(c, made, draft->id);
	else
		c->unnamed = true;
	parallelism(c, found, made);
	check_config(c, draft->config, CONFIG_COMPONENT, &made->config);
	c->t->n_components++;
}

static void components(struct check *c, const struct json_node *list, gale_kind kind)
{
	if (list == NULL)
		return;
	for (const struct json_node *x = json_first(list); x; x = json_next(list, x)) {
		if (c->t->n_components == CHECK_MAX_COMPONENTS) {
			check_error(c, x, "more than %d spouts and bolts", CHECK_MAX_COMPONENTS);
			c->unnamed = true;
			return;
		}
		c->unnamed = c->unnamed || x->type != JSON_OBJECT;
		if (x->type == JSON_OBJECT)
			one_component(c, x, kind);
		else if (x->type != JSON_UNKNOWN)
			check_error(c, x, "expected %s as an object, found %s",
			    kind == GALE_SPOUT ? "a spout" : "a bolt", json_type_name(x->type));
	}
}

/* ---- streams ---------------------------------------------------------------------- */

static void grouping_type(struct check *c, const struct json_node *x, struct subscription *made)
{
	struct nearest near = check_nearest(c, json_text(x));

	for (int i = 0; i < N_GROUPINGS; i++) {
		if (strcmp(topology_grouping_names[i], json_text(x)) == 0) {
			made->grouping = (enum grouping)i;
			return;
		}
		nearest_try(&near, topology_grouping_names[i]);
	}
	made->grouping = N_GROUPINGS;
	check_error(c, x, "unknown grouping \"%s\"", near.word);
	if (near.best != NULL)
		diag_help(c->d, "%s", nearest_help(&near));
	else
		diag_help(c->d, "there is SHUFFLE, FIELDS, PARTIAL_KEY, ALL, GLOBAL, DIRECT, "
		    "LOCAL_OR_SHUFFLE, NONE and CUSTOM");
}

static bool takes_args(enum grouping g)
{
	return g == GROUPING_FIELDS || g == GROUPING_PARTIAL_KEY;
}

/* args holds the arguments to the grouping. Whether the fields are there is the business
 * of check_graph. */
static void args(struct check *c, const struct json_node *grouping,
    const struct stream_draft *draft, enum grouping g)
{
	const struct json_node *list = draft->args;

	if (list != NULL && !takes_args(g) && g != N_GROUPINGS)
		diag_warning(c->d, list->key_start, list->key_end, "\"args\" has no effect on %s",
		    topology_grouping_names[g]);
	if (takes_args(g) &&
	    (json_member(grouping, "args") == NULL || (list != NULL && list->n == 0))) {
		diag_error(c->d, draft->type->start, draft->type->end,
		    "%s needs the fields to group by", topology_grouping_names[g]);
		diag_help(c->d, "add \"args\": [\"field\"]");
	}
	for (const struct json_node *x = list ? json_first(list) : NULL; x;
	    x = json_next(list, x)) {
		if (x->type != JSON_UNKNOWN && json_text(x) == NULL)
			check_error(c, x, "expected the name of a field, found %s",
			    json_type_name(x->type));
		for (const struct json_node *y = json_first(list); y < x; y = json_next(list, y))
			if (json_text(x) != NULL && json_text(y) != NULL &&
			    strcmp(json_text(x), json_text(y)) == 0)
				check_error(c, x, "the field \"%s\" is here twice", json_text(x));
		if (x - list > GALE_MAX_FIELDS)
			break;	/* no stream has so many: check_graph says so */
	}
}

static void custom(
    struct check *c, const struct json_node *grouping, struct stream_draft *draft, enum grouping g)
{
	const struct json_node *found[COUNT(custom_keys)];

	if (g == GROUPING_CUSTOM && json_member(grouping, "customClass") == NULL) {
		check_error(c, draft->type, "CUSTOM needs \"customClass\"");
		diag_help(c->d, "add \"customClass\": { \"className\": \"library.Grouping\" }");
	}
	if (draft->custom == NULL)
		return;
	check_object(c, draft->custom, "\"customClass\"", custom_keys, COUNT(custom_keys), found);
	if (g == GROUPING_CUSTOM)
		draft->part = (struct part_draft){ found[P_CLASS_NAME], found[P_LIBRARY],
			found[P_PROPERTIES], NULL };
	else if (g != N_GROUPINGS)
		diag_warning(c->d, draft->custom->key_start, draft->custom->key_end,
		    "\"customClass\" has no effect on %s", topology_grouping_names[g]);
}

static void one_grouping(struct check *c, struct stream_draft *draft, struct subscription *made)
{
	const struct json_node *found[COUNT(grouping_keys)];

	check_object(c, draft->grouping, "a grouping", grouping_keys, COUNT(grouping_keys), found);
	draft->type = found[G_TYPE];
	draft->stream_id = found[G_STREAM_ID];
	draft->args = found[G_ARGS];
	draft->custom = found[G_CUSTOM];
	made->grouping = N_GROUPINGS;
	if (draft->type != NULL)
		grouping_type(c, draft->type, made);
	args(c, draft->grouping, draft, made->grouping);
	custom(c, draft->grouping, draft, made->grouping);
}

static void one_stream(struct check *c, const struct json_node *x)
{
	struct subscription *made = &c->t->subscriptions[c->t->n_subscriptions];
	struct stream_draft *draft = &c->streams[c->t->n_subscriptions];
	const struct json_node *found[COUNT(stream_keys)];

	check_object(c, x, "a stream", stream_keys, COUNT(stream_keys), found);
	*draft = (struct stream_draft){
		.node = x, .from = found[S_FROM], .to = found[S_TO], .grouping = found[S_GROUPING],
		.from_number = -1, .to_number = -1, .stream_number = -1,
	};
	if (draft->grouping != NULL)
		one_grouping(c, draft, made);
	c->t->n_subscriptions++;
}

static void streams(struct check *c, const struct json_node *list)
{
	if (list == NULL)
		return;
	for (const struct json_node *x = json_first(list); x; x = json_next(list, x)) {
		if (c->t->n_subscriptions == CHECK_MAX_STREAMS) {
			check_error(c, x, "more than %d streams", CHECK_MAX_STREAMS);
			return;
		}
		if (x->type == JSON_OBJECT)
			one_stream(c, x);
		else if (x->type != JSON_UNKNOWN)
			check_error(c, x, "expected a stream as an object, found %s",
			    json_type_name(x->type));
	}
}

/* ---- the whole -------------------------------------------------------------------- */

/* make_room makes the arrays for all that the lists hold, so that nothing moves later. */
static void make_room(struct check *c, const struct json_node *const *found)
{
	size_t n_components =
	    (found[T_SPOUTS] ? found[T_SPOUTS]->n : 0) + (found[T_BOLTS] ? found[T_BOLTS]->n : 0);
	size_t n_streams = found[T_STREAMS] ? found[T_STREAMS]->n : 0;

	c->t->components = xcalloc(n_components + 1, sizeof *c->t->components);
	c->components = xcalloc(n_components + 1, sizeof *c->components);
	c->t->subscriptions = xcalloc(n_streams + 1, sizeof *c->t->subscriptions);
	c->streams = xcalloc(n_streams + 1, sizeof *c->streams);
}

void check_shape(struct check *c)
{
	const struct json_node *top = &c->json->nodes[0], *found[COUNT(top_keys)] = { NULL };

	if (top->type == JSON_OBJECT)
		check_object(c, top, "a topology", top_keys, COUNT(top_keys), found);
	else
		check_error(
		    c, top, "a topology is an object, found %s", json_type_name(top->type));
	make_room(c, found);
	if (top->type != JSON_OBJECT)
		return;
	if (found[T_NAME] != NULL &&
	    check_id(c, found[T_NAME], "the name of a topology", CHECK_MAX_NAME))
		c->t->name = xstrdup(json_text(found[T_NAME]));
	check_config(c, found[T_CONFIG], CONFIG_TOPOLOGY, &c->t->config);
	check_transactional(c, found[T_TRANSACTIONAL], found[T_CONFIG]);
	components(c, found[T_SPOUTS], GALE_SPOUT);
	c->t->n_spouts = c->t->n_components;
	components(c, found[T_BOLTS], GALE_BOLT);
	streams(c, found[T_STREAMS]);
	if (json_member(top, "spouts") == NULL)
		diag_error(c->d, top->start, top->start + 1,
		    "a topology needs \"spouts\": there is none");
	else if (found[T_SPOUTS] != NULL && found[T_SPOUTS]->n == 0)
		check_error(c, found[T_SPOUTS], "a topology needs at least one spout");
}

void check_finish(struct check *c)
{
	free(c->components);
	free(c->streams);
	catalog_free(&c->catalog);
}
