/* prometheus.c - see prometheus.h. SPDX-License-Identifier: Apache-2.0 */
#include "prometheus.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exposition.h"
#include "memory.h"
#include "show.h"

/* What a component spends its time with. */
enum { N_TIMES = 3 };
static const enum sample_counter times[N_TIMES] = { COUNT_BUSY, COUNT_IDLE, COUNT_BLOCKED };
static const char *const time_names[N_TIMES] = { "busy", "idle", "blocked" };

struct times {
	uint64_t last_ns[N_TIMES];	/* as it was read */
	uint64_t lost_ns[N_TIMES];	/* what deaths have taken back */
};

struct remembered {
	char *id;			/* of the run */
	struct times *components;
	uint32_t n;
	bool seen;			/* in this writing */
};

struct prometheus {
	struct remembered *runs;
	size_t n, cap;
};

/* What is being written. */
struct text {
	struct buf *out;
	struct survey *const *surveys;
	size_t n;
	struct prometheus *memory;
};

/* ---- what was written before ------------------------------------------------------- */

struct prometheus *prometheus_new(void)
{
	return xcalloc(1, sizeof(struct prometheus));
}

static void forget(struct remembered *r)
{
	free(r->id);
	free(r->components);
}

void prometheus_free(struct prometheus *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		forget(&p->runs[i]);
	free(p->runs);
	free(p);
}

static struct remembered *remember(struct prometheus *p, const struct survey *s)
{
	struct show_totals t = show_totals(s);
	size_t i = 0;

	while (i < p->n && strcmp(p->runs[i].id, t.id) != 0)
		i++;
	if (i == p->n) {
		p->runs = xgrow(p->runs, &p->cap, p->n + 1, sizeof *p->runs);
		p->runs[p->n++] = (struct remembered){ .id = xstrdup(t.id), .n = metrics_components(s->m) };
		p->runs[i].components = xcalloc((size_t)p->runs[i].n + 1, sizeof *p->runs[i].components);
	}
	p->runs[i].seen = true;
	free(t.id);
	return &p->runs[i];
}

/* forget_old forgets the runs that were not seen. */
static void forget_old(struct prometheus *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->runs[i].seen) {
			p->runs[i].seen = false;
			p->runs[kept++] = p->runs[i];
		} else {
			forget(&p->runs[i]);
		}
	}
	p->n = kept;
}

/* ---- topologies -------------------------------------------------------------------- */

/* begin: names of submitted topologies are unique; what has no home is told apart by its run. */
static void begin(struct buf *out, const char *name, const struct survey *s)
{
	exposition_begin(out, name);
	exposition_label(out, "topology", s->home.name);
	if (s->homeless)
		exposition_label(out, "run", survey_run_id(s));
}

static void put_status(const struct text *t)
{
	static const char name[] = "gale_topology_status";

	exposition_family(t->out, name, "gauge", "1 for the status that the topology has, 0 for the others.");
	for (size_t i = 0; i < t->n; i++) {
		for (int status = 0; status < N_TOPOLOGY_STATUSES; status++) {
			begin(t->out, name, t->surveys[i]);
			exposition_label(t->out, "status", topology_status_names[status]);
			exposition_count(t->out, t->surveys[i]->status == (enum topology_status)status);
		}
	}
}

static void put_start(const struct text *t)
{
	static const char name[] = "gale_topology_start_time_seconds";

	exposition_family(t->out, name, "gauge", "When the run began, in seconds since 1970.");
	for (size_t i = 0; i < t->n; i++) {
		const struct metrics *m = t->surveys[i]->m;

		if (m == NULL || !m->has_overview)
			continue;
		begin(t->out, name, t->surveys[i]);
		exposition_seconds(t->out, m->overview.started_ms * NS_PER_MS);
	}
}

/* ---- components -------------------------------------------------------------------- */

enum kinds { SPOUTS = 1, BOLTS = 2, OWN = 4, ALL = SPOUTS | BOLTS | OWN };

static enum kinds kind_of(const struct metrics *m, uint32_t c)
{
	if (c < m->topology->n_spouts)
		return SPOUTS;
	return c < m->topology->n_components ? BOLTS : OWN;
}

static void begin_component(struct buf *out, const char *name, const struct survey *s, uint32_t c)
{
	begin(out, name, s);
	exposition_label(out, "component", metrics_id(s->m, c));
}

/* each_component calls PUT for the components of KINDS of all topologies that run. */
typedef void put_fn(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg);

static void each_component(const struct text *t, const char *name, enum kinds kinds, put_fn *put, const void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct survey *s = t->surveys[i];

		for (uint32_t c = 0; s->m != NULL && c < metrics_components(s->m); c++)
			if ((kinds & kind_of(s->m, c)) != 0)
				put(t, name, s, c, arg);
	}
}

static const struct {
	const char *name, *help;
	enum sample_counter counter;
	enum kinds kinds;
} counters[] = {
	{ "gale_executed_tuples_total", "Tuples given to execute.", COUNT_EXECUTED, BOLTS },
	{ "gale_acked_tuples_total", "Of a bolt its inputs that were acked; of a spout its messages, of the "
	    "ackers trees, that are complete.", COUNT_ACKED, ALL },
	{ "gale_failed_tuples_total", "Of a bolt its inputs that failed; of a spout its messages, of the ackers "
	    "trees, that failed or timed out.", COUNT_FAILED, ALL },
	{ "gale_timed_out_messages_total", "Messages of a spout that failed by time; they count as failed, too.",
	    COUNT_TIMED_OUT, SPOUTS },
	{ "gale_dead_lettered_messages_total", "Messages of a spout that were given up.", COUNT_DEAD_LETTERED, SPOUTS },
	{ "gale_replayed_messages_total", "Messages of a spout that were emitted again.", COUNT_REPLAYED, SPOUTS },
	{ "gale_ticks_total", "Ticks given to tasks.", COUNT_TICKS, SPOUTS | BOLTS },
	{ "gale_received_frames_total", "Frames of all kinds that came from other workers.", COUNT_FRAMES_IN, ALL },
	{ "gale_sent_frames_total", "Frames of tuples that were sent to other workers.", COUNT_FRAMES_OUT, ALL },
	{ "gale_received_bytes_total", "Bytes in the frames received.", COUNT_BYTES_IN, ALL },
	{ "gale_sent_bytes_total", "Bytes in the frames sent.", COUNT_BYTES_OUT, ALL },
};
enum { N_COUNTERS = sizeof counters / sizeof *counters };

static void put_counter(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	const enum sample_counter *counter = arg;

	begin_component(t->out, name, s, c);
	exposition_count(t->out, s->m->total->components[c].n[*counter]);
}

static void put_counters(const struct text *t)
{
	for (int i = 0; i < N_COUNTERS; i++) {
		exposition_family(t->out, counters[i].name, "counter", counters[i].help);
		each_component(t, counters[i].name, counters[i].kinds, put_counter, &counters[i].counter);
	}
}

static void put_streams(const struct text *t, const char *name, const struct survey *s, uint32_t number, const void *arg)
{
	const struct component *c = &s->m->topology->components[number];
	const bool *transferred = arg;

	for (uint32_t i = 0; i < c->n_outputs && i < STATUS_STREAMS; i++) {
		const struct status_stream *n = &s->m->total->components[number].streams[i];
		bool rest = i == STATUS_STREAMS - 1 && c->n_outputs > STATUS_STREAMS;

		begin_component(t->out, name, s, number);
		exposition_label(t->out, "stream", rest ? "*" : c->outputs[i].id);
		exposition_count(t->out, *transferred ? n->transferred : n->emitted);
	}
}

static void put_all_streams(const struct text *t)
{
	static const bool no = false, yes = true;

	exposition_family(t->out, "gale_emitted_tuples_total", "counter", "Calls of emit, by stream.");
	each_component(t, "gale_emitted_tuples_total", SPOUTS | BOLTS, put_streams, &no);
	exposition_family(t->out, "gale_transferred_tuples_total", "counter",
	    "Tuples delivered to tasks, by stream: one that goes to three tasks is three.");
	each_component(t, "gale_transferred_tuples_total", SPOUTS | BOLTS, put_streams, &yes);
}

/* Of a chained component its head tells. */
static void put_time(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	struct remembered *r = remember(t->memory, s);

	(void)arg;
	for (int i = 0; metrics_head(s->m, c) && c < r->n && i < N_TIMES; i++) {
		uint64_t ns = s->m->total->components[c].n[times[i]];

		if (ns < r->components[c].last_ns[i])
			r->components[c].lost_ns[i] += r->components[c].last_ns[i] - ns;
		r->components[c].last_ns[i] = ns;
		begin_component(t->out, name, s, c);
		exposition_label(t->out, "state", time_names[i]);
		exposition_seconds(t->out, ns + r->components[c].lost_ns[i]);
	}
}

static void put_times(const struct text *t)
{
	exposition_family(t->out, "gale_time_seconds_total", "counter",
	    "Time that all workers of the component were busy, idle or blocked.");
	each_component(t, "gale_time_seconds_total", ALL, put_time, NULL);
}

static void put_restarts(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	(void)arg;
	begin_component(t->out, name, s, c);
	exposition_count(t->out, s->m->components[c].restarts);
}

static void put_executors(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	(void)arg;
	begin_component(t->out, name, s, c);
	exposition_count(t->out, metrics_executors(s->m, c));
}

static void put_tasks(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	(void)arg;
	begin_component(t->out, name, s, c);
	exposition_count(t->out, metrics_tasks(s->m, c));
}

static void put_pending(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	(void)arg;
	begin_component(t->out, name, s, c);
	exposition_count(t->out, s->m->components[c].pending);
}

static void put_held(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	(void)arg;
	begin_component(t->out, name, s, c);
	exposition_count(t->out, s->m->components[c].held);
}

static void put_oldest(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	(void)arg;
	begin_component(t->out, name, s, c);
	exposition_seconds(t->out, s->m->components[c].oldest_ns);
}

static const struct {
	const char *name, *type, *help;
	enum kinds kinds;
	put_fn *put;
} states[] = {
	{ "gale_worker_restarts_total", "counter", "Starts of the component's workers but the first.", ALL, put_restarts },
	{ "gale_executors", "gauge", "Executors that the component has.", ALL, put_executors },
	{ "gale_tasks", "gauge", "Tasks that the component has.", ALL, put_tasks },
	{ "gale_pending_messages", "gauge", "Messages that are open: emitted, and neither acked nor failed; of the "
	    "ackers trees.", ALL, put_pending },
	{ "gale_oldest_message_seconds", "gauge", "How long the oldest message in flight has been open; 0: none is.",
	    SPOUTS | BOLTS, put_oldest },
	{ "gale_held_tuples", "gauge", "Tuples that the bolt holds.", BOLTS, put_held },
};

static void put_states(const struct text *t)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		exposition_family(t->out, states[i].name, states[i].type, states[i].help);
		each_component(t, states[i].name, states[i].kinds, states[i].put, NULL);
	}
}

/* ---- latencies --------------------------------------------------------------------- */

enum latency { EXECUTE, PROCESS, COMPLETE };

static void put_latency(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	const struct sample_latency *l = &s->m->total->latency[c];
	const enum latency *which = arg;
	const struct hist *h = *which == EXECUTE ? &l->execute : *which == PROCESS ? &l->process : &l->complete;
	struct buf labels = { 0 };

	exposition_label(&labels, "topology", s->home.name);
	if (s->homeless)
		exposition_label(&labels, "run", survey_run_id(s));
	exposition_label(&labels, "component", metrics_id(s->m, c));
	exposition_histogram(t->out, name, &labels, h);
	buf_free(&labels);
}

static void put_latencies(const struct text *t)
{
	static const struct {
		const char *name, *help;
		enum latency which;
		enum kinds kinds;
	} all[] = {
		{ "gale_execute_latency_seconds", "How long execute took; of chained bolts one of 64 is timed.", EXECUTE,
		    BOLTS },
		{ "gale_process_latency_seconds", "From execute to the ack.", PROCESS, BOLTS },
		{ "gale_complete_latency_seconds", "From emit to the ack of the whole tree.", COMPLETE, SPOUTS },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		exposition_family(t->out, all[i].name, "histogram", all[i].help);
		each_component(t, all[i].name, all[i].kinds, put_latency, &all[i].which);
	}
}

/* ---- queues, workers, plugins ------------------------------------------------------ */

static void put_queues_as(const struct text *t, const char *name, const char *help, bool bytes)
{
	exposition_family(t->out, name, "gauge", help);
	for (size_t i = 0; i < t->n; i++) {
		const struct survey *s = t->surveys[i];

		for (uint32_t k = 0; s->m != NULL && k < s->m->n_edges; k++) {
			begin(t->out, name, s);
			exposition_label(t->out, "from", metrics_id(s->m, s->m->edges[k].from));
			exposition_label(t->out, "to", metrics_id(s->m, s->m->edges[k].to));
			exposition_count(t->out, bytes ? s->m->edges[k].bytes : s->m->edges[k].frames);
		}
	}
}

static void put_queues(const struct text *t)
{
	put_queues_as(t, "gale_queue_frames", "Frames that were sent to the component and that it has not received yet.",
	    false);
	put_queues_as(t, "gale_queue_bytes", "Bytes in these frames.", true);
}

/* A worker's processor time begins anew with its process, and so does its counter. */
static void put_worker(const struct text *t, const char *name, const struct survey *s, uint32_t w, int what)
{
	const struct metrics *m = s->m;

	begin(t->out, name, s);
	exposition_label(t->out, "component", metrics_id(m, m->plan->workers[w].component));
	exposition_label(t->out, "worker", m->plan->workers[w].label);
	if (what == 0)
		exposition_count(t->out, m->workers[w].alive);
	else if (what == 1)
		exposition_seconds(t->out, m->total->stages[m->plan->workers[w].first_stage].n[COUNT_CPU]);
	else
		exposition_count(t->out, m->workers[w].pss_bytes);
}

static void put_workers(const struct text *t)
{
	static const struct {
		const char *name, *type, *help;
	} all[] = {
		{ "gale_worker_up", "gauge", "1: the worker's process lives." },
		{ "gale_worker_cpu_seconds_total", "counter", "Processor time, user and system, of the worker's process." },
		{ "gale_worker_pss_bytes", "gauge", "Memory of the worker's process, pages shared with others by their share." },
	};

	for (int what = 0; what < (int)(sizeof all / sizeof *all); what++) {
		exposition_family(t->out, all[what].name, all[what].type, all[what].help);
		for (size_t i = 0; i < t->n; i++) {
			const struct survey *s = t->surveys[i];

			for (uint32_t w = 0; s->m != NULL && w < s->m->plan->n_workers; w++)
				if (s->m->plan->workers[w].role != ROLE_GONE)
					put_worker(t, all[what].name, s, w, what);
		}
	}
}

static void put_plugin(const struct text *t, const char *name, const struct survey *s, uint32_t c, const void *arg)
{
	const struct status_metric *list = s->m->user[c].metrics;
	const bool *gauges = arg;

	for (uint32_t i = 0; i < STATUS_METRICS && list[i].name[0] != '\0'; i++) {
		char metric[sizeof list->name + 1] = "";

		if ((list[i].gauge != 0) != *gauges)
			continue;
		memcpy(metric, list[i].name, sizeof list->name);
		begin_component(t->out, name, s, c);
		exposition_label(t->out, "name", metric);
		exposition_signed(t->out, list[i].value);
	}
}

static void put_plugins(const struct text *t)
{
	static const bool no = false, yes = true;

	exposition_family(t->out, "gale_plugin_events_total", "counter", "What the plugin counts itself: gale_counter.");
	each_component(t, "gale_plugin_events_total", SPOUTS | BOLTS, put_plugin, &no);
	exposition_family(t->out, "gale_plugin_value", "gauge", "What the plugin says itself: gale_gauge.");
	each_component(t, "gale_plugin_value", SPOUTS | BOLTS, put_plugin, &yes);
}

void prometheus_write(struct prometheus *p, struct buf *out, struct survey *const *surveys, size_t n,
    const char *version)
{
	struct text t = { out, surveys, n, p };

	exposition_family(out, "gale_build_info", "gauge", "The version of gale that says this.");
	exposition_begin(out, "gale_build_info");
	exposition_label(out, "version", version);
	exposition_count(out, 1);
	put_status(&t);
	put_start(&t);
	put_all_streams(&t);
	put_counters(&t);
	put_states(&t);
	put_times(&t);
	put_latencies(&t);
	put_queues(&t);
	put_workers(&t);
	put_plugins(&t);
	forget_old(p);
}
