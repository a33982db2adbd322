/* route.c - see route.h. SPDX-License-Identifier: Apache-2.0 */
#include "route.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "wire.h"

/* ---- laying out ---- */

static bool chosen_late(enum grouping g)
{
	return g == GROUPING_SHUFFLE || g == GROUPING_NONE || g == GROUPING_LOCAL_OR_SHUFFLE;
}

/* aim_route finds the sinks to the tasks of R. */
static void aim_route(struct route *r, struct out *o)
{
	const struct plan *p = o->plan;
	const struct subscription *s = r->group.subscription;
	const struct plan_stage *from = plan_stage_of(p, o->me, s->from);

	if (chosen_late(s->grouping)) {
		r->any = out_sink_any(o, from, s->to);
		return;
	}
	for (uint32_t i = 0; i < r->n_tasks; i++) {
		uint32_t worker = p->task_worker[r->first_task + i];

		r->tasks[i].sink = out_sink_to(o, from, worker);
		if (r->combines)
			sink_combines(r->tasks[i].sink);
		r->tasks[i].offset = r->first_task + i - p->workers[worker].first_task;
	}
}

static void init_route(struct route *r, const struct subscription *s, struct out *o)
{
	const struct plan *p = o->plan;

	*r = (struct route){ .first_task = p->first_task[s->to],
		.n_tasks = p->topology->components[s->to].n_tasks };
	group_init(&r->group, s, r->n_tasks);
	r->chosen = xcalloc(r->n_tasks, sizeof *r->chosen);
	if (p->chained_to[s->to] == s->from) {
		r->stage = (uint32_t)(plan_stage_of(p, o->me, s->to) - plan_stages(p, o->me));
		return;
	}
	r->combines = plan_combines(p->topology, s);
	if (!chosen_late(s->grouping))
		r->tasks = xcalloc(r->n_tasks, sizeof *r->tasks);
	aim_route(r, o);
}

/* by_fields gives the route of S if it is the only one and a FIELDS grouping of several tasks. */
static struct route *by_fields(const struct route_stream *s)
{
	return s->n_routes == 1 && !s->stream->direct && s->routes[0].n_tasks > 1 &&
	    s->routes[0].group.subscription->grouping == GROUPING_FIELDS ? &s->routes[0] : NULL;
}

/* only_sink gives the sink that all tuples of S go to, if there is just one whatever they
 * hold. */
static struct sink *only_sink(const struct route_stream *s)
{
	const struct route *r = &s->routes[0];

	if (s->n_routes != 1 || s->stream->direct || r->stage > 0)
		return NULL;
	if (r->any != NULL)
		return r->any;
	return r->n_tasks == 1 && r->group.subscription->grouping != GROUPING_CUSTOM ?
	    r->tasks[0].sink : NULL;
}

/* combined_sink gives the sink in which equal tuples of S meet before their task is known: values that
 * are equal lead to the same one. NULL: there are several, or none. */
static struct sink *combined_sink(const struct route_stream *s)
{
	const struct route *r = &s->routes[0];

	if (!s->combines)
		return NULL;
	for (uint32_t i = 1; i < r->n_tasks; i++)
		if (r->tasks[i].sink != r->tasks[0].sink)
			return NULL;
	return r->tasks[0].sink;
}

void router_init(struct router *r, const struct topology *t, uint32_t component, struct out *o)
{
	const struct component *c = &t->components[component];

	*r = (struct router){ .n_streams = c->n_outputs, .out = o };
	r->streams = xcalloc(c->n_outputs + 1, sizeof *r->streams);
	for (uint32_t i = 0; i < c->n_outputs; i++) {
		r->streams[i].stream = &c->outputs[i];
		r->streams[i].routes = xcalloc(t->n_subscriptions + 1, sizeof *r->streams[i].routes);
	}
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];
		struct route_stream *rs = &r->streams[s->stream];

		if (s->from == component)
			init_route(&rs->routes[rs->n_routes++], s, o);
	}
	for (uint32_t i = 0; i < c->n_outputs; i++) {
		struct route_stream *rs = &r->streams[i];

		rs->only = only_sink(rs);
		rs->fields = by_fields(rs);
		rs->combines = rs->n_routes == 1 && rs->routes[0].combines;
		rs->combined = combined_sink(rs);
		for (uint32_t k = 0; k < rs->n_routes; k++)
			rs->n_calls += rs->routes[k].stage > 0;
		if (rs->n_calls == 1 && rs->n_routes == 1)
			rs->only_call = rs->routes[0].stage;
	}
}

void router_lay_out(struct router *r)
{
	for (uint32_t i = 0; i < r->n_streams; i++) {
		struct route_stream *s = &r->streams[i];

		for (uint32_t k = 0; k < s->n_routes; k++)
			if (s->routes[k].stage == 0)
				aim_route(&s->routes[k], r->out);
		s->only = only_sink(s);
		s->combined = combined_sink(s);
	}
}

void router_free(struct router *r)
{
	for (uint32_t i = 0; i < r->n_streams; i++) {
		for (uint32_t k = 0; k < r->streams[i].n_routes; k++) {
			struct route *route = &r->streams[i].routes[k];

			group_free(&route->group);
			free(route->tasks);
			free(route->chosen);
		}
		free(r->streams[i].routes);
	}
	free(r->streams);
	buf_free(&r->body);
}

struct group *router_custom(struct router *r)
{
	for (uint32_t i = 0; i < r->n_streams; i++)
		for (uint32_t k = 0; k < r->streams[i].n_routes; k++) {
			struct group *g = &r->streams[i].routes[k].group;

			if (g->subscription->grouping == GROUPING_CUSTOM && g->custom == NULL)
				return g;
		}
	return NULL;
}

/* ---- checking ---- */

static const char *const type_names[] = {
	[GALE_NULL] = "null", [GALE_BOOL] = "bool", [GALE_INT] = "int", [GALE_FLOAT] = "float",
	[GALE_STRING] = "string", [GALE_BYTES] = "bytes", [GALE_LIST] = "list", [GALE_MAP] = "map",
	[GALE_ANY] = "any",
};

static size_t refuse(int failure)
{
	(void)failure;
	return 0;
}

size_t router_check(const struct router *r, uint32_t stream, const gale_value *values, uint32_t n,
    struct error *e)
{
	const struct stream *s;

	if (stream >= r->n_streams)
		return refuse(error_set(e, "emit on output %u; the component declares %u", stream,
		    r->n_streams));
	s = r->streams[stream].stream;
	if (n != s->n_fields)
		return refuse(error_set(e, "emit on \"%s\": %u values for %u declared fields", s->id,
		    n, s->n_fields));
	for (uint32_t i = 0; i < n; i++)
		if (values[i].type != s->fields[i].type && s->fields[i].type != GALE_ANY)
			return refuse(error_set(e, "emit on \"%s\": field \"%s\" is declared %s, not %s",
			    s->id, s->fields[i].name, type_names[s->fields[i].type],
			    values[i].type <= GALE_MAP ? type_names[values[i].type] : "of unknown type"));
	return wire_bound(values, n, e);
}

/* ---- emitting ---- */

/* are_declared: the values are as many and of the types that the stream declares. */
static inline bool are_declared(const struct stream *s, const gale_value *values, uint32_t n)
{
	if (n != s->n_fields)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (values[i].type != s->fields[i].type && s->fields[i].type != GALE_ANY)
			return false;
	return true;
}

/* put_flat writes flat values into the open frame of SINK; where they are then, or NULL: it can't. */
__attribute__((always_inline))
static inline uint8_t *put_flat(struct sink *sink, uint64_t root, uint32_t stream, uint32_t source, uint32_t target,
    const gale_value *values, uint32_t n, uint64_t *edge)
{
	uint8_t *p = sink_begin_flat(sink, root, stream, source, target), *body = p;

	if (p == NULL)
		return NULL;
	*p++ = (uint8_t)n;
	for (uint32_t i = 0; i < n; i++)
		if ((p = wire_put_flat(p, sink->end, &values[i])) == NULL)
			return NULL;
	*edge = sink_end_flat(sink, root, p);
	return body;
}

/* by_task gives where a tuple goes that goes to one task: its sink and the task in it. */
static inline struct sink *by_task(const struct route_stream *s, const gale_value *values, uint32_t *target)
{
	const struct route_task *task;

	if (s->only != NULL)
		return s->only;
	task = &s->fields->tasks[group_fields(&s->fields->group, values)];
	*target = task->offset;
	return task->sink;
}

/* put_combined is put_flat where equal tuples may become one. Where all tasks share a sink, one that is merged
 * needs no hash of its fields. */
__attribute__((noinline))
static bool put_combined(const struct route_stream *s, uint64_t root, uint32_t stream, uint32_t source,
    const gale_value *values, uint32_t n, uint64_t *edge)
{
	uint32_t target = 0;
	struct sink *sink = s->combined != NULL ? s->combined : by_task(s, values, &target);
	struct combine_key key;
	bool keyed = sink->combine->rest == 0 && combine_key(&key, values, n);
	const uint8_t *body;

	if (keyed && sink_merge(sink, &key, root, stream, source, values, n, edge))
		return true;
	if (s->combined != NULL)
		sink = by_task(s, values, &target);
	body = put_flat(sink, root, stream, source, target, values, n, edge);
	if (body != NULL && keyed)
		sink_note(sink, &key, root, *edge, stream, source, body);
	return body != NULL;
}

bool router_emit_flat(struct router *r, uint32_t stream, uint32_t source, uint64_t root,
    const gale_value *values, uint32_t n, uint64_t *edge)
{
	const struct route_stream *s;
	struct sink *sink;
	uint32_t target = 0;

	if (!OPTIMISE_SHORT_EMIT || stream >= r->n_streams)
		return false;
	s = &r->streams[stream];
	if ((s->only == NULL && s->fields == NULL) || !are_declared(s->stream, values, n))
		return false;
	if (s->combines)
		return put_combined(s, root, stream, source, values, n, edge);
	sink = by_task(s, values, &target);
	return put_flat(sink, root, stream, source, target, values, n, edge) != NULL;
}

/* put writes one copy and returns its edge. */
static uint64_t put(const struct emission *m, struct sink *sink, uint32_t target)
{
	uint8_t *p;

	if (m->body != NULL) {
		p = sink_begin(sink, &m->roots, m->body_bytes, m->stream, m->source, target);
		memcpy(p, m->body, m->body_bytes);
		return sink_end(sink, p + m->body_bytes);
	}
	p = sink_begin(sink, &m->roots, m->bound, m->stream, m->source, target);
	return sink_end(sink, wire_put_values(p, m->values, m->n));
}

/* packed is M with its values encoded, for more than one copy. */
static struct emission packed(struct router *r, const struct emission *m)
{
	struct emission p = *m;

	if (m->body != NULL)
		return p;
	r->body.data = xgrow(r->body.data, &r->body.cap, m->bound, 1);
	p.body = (uint8_t *)r->body.data;
	p.body_bytes = (uint32_t)(wire_put_values((uint8_t *)r->body.data, m->values, m->n) - p.body);
	return p;
}

/* targets gives how many copies ROUTE wants; their tasks are in route->chosen. */
static int targets(struct route *route, const struct emission *m)
{
	if (route->any != NULL || route->stage > 0)
		return 1;
	return group_choose(&route->group, m->values, m->n, route->chosen);
}

static uint64_t put_target(const struct router *r, const struct emission *m, const struct route *route,
    uint32_t i)
{
	const struct route_task *task;

	if (route->stage > 0)
		return r->call(r->owner, route->stage, m);
	if (route->any != NULL)
		return put(m, route->any, 0);
	task = &route->tasks[route->chosen[i]];
	return put(m, task->sink, task->offset);
}

static int custom_refused(struct error *e, const struct route *route)
{
	return error_set(e, "grouping %s refused the tuple",
	    route->group.subscription->custom.class_name);
}

/* choose_all decides for all subscriptions before the first copy is written: a copy whose
 * tuple is refused afterwards would be an edge that no ack ever answers. */
static int choose_all(struct route_stream *s, const struct emission *m, struct error *e)
{
	for (uint32_t k = 0; k < s->n_routes; k++) {
		struct route *route = &s->routes[k];

		if ((route->n_chosen = targets(route, m)) < 0)
			return custom_refused(e, route);
	}
	return 0;
}

int router_emit(struct router *r, const struct emission *m, uint64_t *edges, struct error *e)
{
	struct route_stream *s = &r->streams[m->stream];
	struct emission many;
	int copies = 0;

	*edges = 0;
	if (choose_all(s, m, e) != 0)
		return -1;
	if (s->n_routes == 1 && s->routes[0].n_chosen <= 1) {
		if (s->routes[0].n_chosen == 1)
			*edges = put_target(r, m, &s->routes[0], 0);
		return s->routes[0].n_chosen;
	}
	many = OPTIMISE_SHORT_EMIT && s->n_calls < s->n_routes ? packed(r, m) : *m;
	for (uint32_t k = 0; k < s->n_routes; k++) {
		const struct route *route = &s->routes[k];

		for (int i = 0; i < route->n_chosen; i++)
			*edges ^= put_target(r, &many, route, (uint32_t)i);
		copies += route->n_chosen;
	}
	return copies;
}

int router_emit_direct(struct router *r, const struct emission *m, uint32_t task, uint64_t *edges,
    struct error *e)
{
	struct route_stream *s = &r->streams[m->stream];

	*edges = 0;
	for (uint32_t k = 0; k < s->n_routes; k++) {
		const struct route *route = &s->routes[k];

		if (task - route->first_task >= route->n_tasks)
			continue;
		*edges = put(m, route->tasks[task - route->first_task].sink,
		    route->tasks[task - route->first_task].offset);
		return 1;
	}
	return error_set(e, "emit on \"%s\" to task %u: no task of a subscribed bolt", s->stream->id,
	    task);
}
