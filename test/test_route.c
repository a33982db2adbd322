/* test_route.c - from an emit to the tasks that get it, through real sockets.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * One worker sends (route.c, sink.c, out.c); all others are inboxes that this test reads. A
 * worker may be deaf: nobody reads it, so it fills up. Every tuple has a number as its first
 * value and a key as its second; what was emitted is held against what arrives.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "faketopology.h"
#include "memory.h"
#include "out.h"
#include "record.h"
#include "route.h"
#include "rundir.h"
#include "seed.h"
#include "wire.h"

#include <check.h>	/* last: its macro `fail` would spoil gale.h */

/* sure is ck_assert for what is asked a million times: check writes a note of every one. */
#define sure(WHAT) do { if (!(WHAT)) ck_abort_msg("not so: %s", #WHAT); } while (0)

static uint64_t seed;

enum { RUN = 7, START = 3, PATIENCE_S = 60, MOST_WORKERS = 64 };

/* ---- topologies: component 0 sends, the others subscribe ---- */

static gale_type key_type = GALE_ANY;	/* any other type lets the short way be gone */

static struct stream number_and_key(uint32_t number, bool direct)
{
	struct stream s = { .id = xasprintf("stream%u", number), .direct = direct, .n_fields = 2 };

	s.fields = xcalloc(3, sizeof *s.fields);
	s.fields[0] = (gale_field){ xstrdup("number"), GALE_INT };
	s.fields[1] = (gale_field){ xstrdup("key"), key_type };
	return s;
}

/* sender begins a topology: a component of N_TASKS tasks in one worker, with N_STREAMS
 * streams, the last of them direct when there are several. */
static struct topology *sender(uint32_t n_tasks, uint32_t n_streams, int64_t ackers)
{
	struct topology *t = fake_topology("routes", ackers);
	struct component *c;

	fake_component(t, GALE_SPOUT, "from", 1, n_tasks);
	c = &t->components[0];
	for (uint32_t i = 0; i < c->n_outputs; i++) {
		free(c->outputs[i].id);
		free((char *)(uintptr_t)c->outputs[i].fields[0].name);
		free(c->outputs[i].fields);
	}
	c->outputs = xrealloc(c->outputs, n_streams * sizeof *c->outputs);
	c->n_outputs = n_streams;
	for (uint32_t i = 0; i < n_streams; i++)
		c->outputs[i] = number_and_key(i, i > 0 && i + 1 == n_streams);
	return t;
}

/* subscribe lets component TO have STREAM; FIELDS and PARTIAL_KEY go by the key. */
static void subscribe(struct topology *t, uint32_t stream, uint32_t to, enum grouping grouping)
{
	struct subscription *s;

	t->subscriptions = xrealloc(t->subscriptions, (t->n_subscriptions + 1) * sizeof *s);
	s = &t->subscriptions[t->n_subscriptions++];
	*s = (struct subscription){ .stream = stream, .to = to, .grouping = grouping,
		.fields = xcalloc(1, sizeof *s->fields), .n_fields = 1 };
	s->fields[0] = 1;
	if (grouping == GROUPING_CUSTOM)
		s->custom.class_name = xstrdup("mine.Choice");
}

static struct topology *to_one(enum grouping grouping, uint32_t parallelism, uint32_t n_tasks)
{
	struct topology *t = sender(1, 1, 0);

	fake_component(t, GALE_BOLT, "to", parallelism, n_tasks);
	subscribe(t, 0, 1, grouping);
	return t;
}

/* ---- the scene ---- */

struct got {
	int64_t number;
	uint64_t edge, root;
	uint32_t n_roots, worker, target, source, stream;
	uint32_t size;		/* of the key */
};

/* What was emitted under one number. */
struct emitted {
	uint64_t edges, roots;	/* XOR of each */
	int copies;
};

static struct {
	struct topology *topology;
	struct plan *plan;
	char dir[64];
	struct transport *here, *there;
	struct status *status;
	struct out out;
	struct router router;
	uint32_t starts[MOST_WORKERS];
	struct inbox *data[MOST_WORKERS], *acks[MOST_WORKERS];
	bool deaf[MOST_WORKERS];
	uint32_t markers[MOST_WORKERS];	/* received */
	uint32_t n_frames;		/* of data, received */

	struct got *got;
	size_t n_got, got_cap;
	struct emitted *emitted;
	size_t n_emitted, emitted_cap, n_flat;
	size_t n_copies;
} scene;

static void must(int result, const struct error *e)
{
	if (result != 0)
		ck_abort_msg("%s", e->text);
}

/* open_inboxes binds what the workers other than the sender would. */
static void open_inboxes(void)
{
	struct error e;

	for (uint32_t w = 1; w < scene.plan->n_workers; w++) {
		bool acker = scene.plan->workers[w].role == ROLE_ACKER;
		char *endpoint = acker ? rundir_ack_endpoint(scene.dir, w, START)
		    : rundir_data_endpoint(scene.dir, w, START);
		struct inbox *in = inbox_new(scene.there, endpoint, &e);

		must(in == NULL, &e);
		*(acker ? &scene.acks[w] : &scene.data[w]) = in;
		free(endpoint);
	}
}

/* enter takes T and connects worker 0 to all that it sends to. */
static void enter(struct topology *t)
{
	struct error e;

	scene.topology = t;
	scene.plan = plan_make(t);
	ck_assert_uint_lt(scene.plan->n_workers, MOST_WORKERS);
	strcpy(scene.dir, "/tmp/gale-route-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(scene.dir));
	scene.status = xcalloc(1, sizeof *scene.status);
	must((scene.here = transport_new(&e)) == NULL, &e);
	must((scene.there = transport_new(&e)) == NULL, &e);
	for (uint32_t w = 0; w < MOST_WORKERS; w++)
		scene.starts[w] = START;
	open_inboxes();
	out_init(&scene.out, scene.here, scene.status, scene.plan, 0, RUN, START);
	must(out_connect(&scene.out, scene.dir, scene.starts, &e), &e);
	router_init(&scene.router, t, 0, &scene.out);
}

static void leave(void)
{
	char *path;

	router_free(&scene.router);
	out_free(&scene.out);
	transport_free(scene.here);
	transport_free(scene.there);
	for (uint32_t w = 1; w < scene.plan->n_workers; w++) {
		path = scene.acks[w] != NULL ? rundir_ack_endpoint(scene.dir, w, START)
		    : rundir_data_endpoint(scene.dir, w, START);
		unlink(path + strlen("ipc://"));
		free(path);
	}
	ck_assert_int_eq(rmdir(scene.dir), 0);
	plan_free(scene.plan);
	topology_free(scene.topology);
	free(scene.status);
	free(scene.got);
	free(scene.emitted);
	memset(&scene, 0, sizeof scene);
	key_type = GALE_ANY;
}

/* ---- receiving ---- */

static void on_tuple(uint32_t worker, const struct wire_tuple *t, const gale_value *values)
{
	struct got g = { .edge = t->edge, .n_roots = t->n_roots, .worker = worker,
		.target = t->target, .source = t->source, .stream = t->stream };
	const struct plan_worker *w = &scene.plan->workers[worker];

	sure(t->n_values == 2 && values[0].type == GALE_INT);
	sure(t->target >= w->first_task && t->target < w->first_task + w->n_tasks);
	sure(t->source < scene.plan->workers[0].n_tasks);
	g.number = values[0].u.i;
	g.size = values[1].n;
	for (uint32_t i = 0; i < t->n_roots; i++)
		g.root ^= wire_root(t, i);
	scene.got = xgrow(scene.got, &scene.got_cap, scene.n_got + 1, sizeof g);
	scene.got[scene.n_got++] = g;
}

static void on_frame(uint32_t worker, const struct frame *f)
{
	static gale_value values[GALE_MAX_FIELDS];
	struct wire_reader r;
	struct wire_tuple t;
	struct error e;
	int more;

	must(wire_open(&r, f->data, f->n, &e), &e);
	sure(r.header.worker == 0 && r.header.run == RUN && r.header.start == START);
	if (r.header.kind != WIRE_DATA) {
		ck_assert_uint_eq(f->n, WIRE_HEADER);
		scene.markers[worker]++;
		return;
	}
	sure(scene.markers[worker] == 0);	/* they come after all data */
	scene.n_frames++;
	while ((more = wire_next(&r, &t, values)) > 0)
		on_tuple(worker, &t, values);
	sure(more == 0);
}

/* receive reads what has arrived and tries again what waits; true when there was any. */
static bool receive(void)
{
	bool any = false;

	if (out_waits(&scene.out))
		out_retry(&scene.out);
	for (uint32_t w = 1; w < scene.plan->n_workers; w++)
		for (struct frame *f; scene.data[w] != NULL && !scene.deaf[w] &&
		    (f = inbox_receive(scene.data[w], clock_now_ns())) != NULL; any = true) {
			on_frame(w, f);
			frame_release(scene.data[w], f);
		}
	return any;
}

static struct poll_item inbox_item(struct inbox *in)
{
	return (struct poll_item){ .kind = POLL_INBOX, .inbox = in };
}

/* sleep_a_little waits until something arrives or has room. */
static void sleep_a_little(void)
{
	struct poll_item items[2 * MOST_WORKERS];
	size_t n = out_poll(&scene.out, items);

	for (uint32_t w = 1; w < scene.plan->n_workers; w++)
		if (scene.data[w] != NULL && !scene.deaf[w])
			items[n++] = inbox_item(scene.data[w]);
	transport_poll(items, n, 100);
}

/* receive_until receives until N copies have arrived. */
static void receive_until(size_t n)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)PATIENCE_S * NS_PER_S;

	while (receive() || scene.n_got < n) {
		if (clock_now_ns() > deadline)
			ck_abort_msg("%zu of %zu tuples arrived", scene.n_got, n);
		if (scene.n_got < n)
			sleep_a_little();
	}
}

/* make_room receives until nothing waits for a full destination. */
static void make_room(void)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)PATIENCE_S * NS_PER_S;

	while (receive() || out_blocked(&scene.out)) {
		sure(clock_now_ns() < deadline);
		if (out_blocked(&scene.out))
			sleep_a_little();
	}
}

/* ---- emitting ---- */

/* note keeps what an emit said. */
static void note(int copies, uint64_t edges, const struct roots *roots)
{
	struct emitted x = { .edges = edges, .copies = copies };

	for (uint32_t i = 0; i < roots->n; i++)
		x.roots ^= roots->n == 1 ? roots->one : wire_get64(roots->list + 8 * (size_t)i);
	scene.emitted = xgrow(scene.emitted, &scene.emitted_cap, scene.n_emitted + 1, sizeof x);
	scene.emitted[scene.n_emitted++] = x;
	scene.n_copies += (size_t)copies;
}

/* emit_as emits the next number with KEY; returns the number of copies. As host.c does, it
 * tries the short way first. */
static int emit_as(uint32_t stream, uint32_t source, struct roots roots, gale_value key,
    int64_t task)
{
	gale_value values[] = { gale_int((int64_t)scene.n_emitted), key };
	struct emission m = { .stream = stream, .source = source, .values = values, .n = 2,
		.roots = roots };
	struct error e;
	uint64_t edges;
	int copies;

	if (task < 0 && roots.n == 1 &&
	    router_emit_flat(&scene.router, stream, source, roots.one, values, 2, &edges)) {
		note(1, edges, &roots);
		scene.n_flat++;
		return 1;
	}
	m.bound = router_check(&scene.router, stream, values, 2, &e);
	must(m.bound == 0, &e);
	copies = task < 0 ? router_emit(&scene.router, &m, &edges, &e)
	    : router_emit_direct(&scene.router, &m, (uint32_t)task, &edges, &e);
	must(copies < 0, &e);
	note(copies, edges, &roots);
	return copies;
}

static int emit(gale_value key)
{
	return emit_as(0, 0, (struct roots){ .n = 1, .one = scene.n_emitted + 1000 }, key, -1);
}

static int compare_edges(const void *a, const void *b)
{
	uint64_t x = ((const struct got *)a)->edge, y = ((const struct got *)b)->edge;

	return x < y ? -1 : x > y;
}

/* check_all lets everything leave and arrive, and holds it against what was emitted: each
 * copy once, each on an edge of its own, their XOR as router_emit said (rule A1). */
static void check_all(void)
{
	struct emitted *seen = xcalloc(scene.n_emitted + 1, sizeof *seen);

	out_flush(&scene.out);
	receive_until(scene.n_copies);
	make_room();
	ck_assert_uint_eq(scene.n_got, scene.n_copies);
	ck_assert(!out_blocked(&scene.out) && !out_waits(&scene.out) && out_clear(&scene.out));
	for (size_t i = 0; i < scene.n_got; i++) {
		const struct got *g = &scene.got[i];

		sure(g->number >= 0 && (size_t)g->number < scene.n_emitted);
		sure(g->root == scene.emitted[g->number].roots);
		seen[g->number].edges ^= g->edge;
		seen[g->number].copies++;
	}
	for (size_t i = 0; i < scene.n_emitted; i++) {
		sure(seen[i].copies == scene.emitted[i].copies);
		sure(seen[i].edges == scene.emitted[i].edges);
	}
	if (scene.n_got > 0)
		qsort(scene.got, scene.n_got, sizeof *scene.got, compare_edges);
	for (size_t i = 1; i < scene.n_got; i++)
		sure(scene.got[i].edge != scene.got[i - 1].edge);
	free(seen);
}

/* per_task counts what each task of component 1 has got. */
static uint32_t *per_task(void)
{
	uint32_t *n = xcalloc(scene.plan->n_tasks, sizeof *n), first = scene.plan->first_task[1];

	for (size_t i = 0; i < scene.n_got; i++)
		n[scene.got[i].target - first]++;
	return n;
}

/* check_order: as they came in, the numbers of each task rise. */
static void check_order(void)
{
	int64_t *last = xcalloc(scene.plan->n_tasks, sizeof *last);

	memset(last, 0xff, scene.plan->n_tasks * sizeof *last);
	for (size_t i = 0; i < scene.n_got; i++) {
		sure(scene.got[i].number > last[scene.got[i].target]);
		last[scene.got[i].target] = scene.got[i].number;
	}
	free(last);
}

/* keep_up lets the others receive every now and then. */
static void keep_up(void)
{
	if (out_blocked(&scene.out) || scene.n_emitted % 256 == 0)
		make_room();
}

static uint32_t many(uint32_t n)
{
	return getenv("GALE_QUICK") ? n / 50 : n;
}

/* ---- SHUFFLE ---- */

/* Destinations that keep up get equal shares: tasks in workers of their own or sharing one. */
START_TEST(shuffle_gives_every_task_its_share)
{
	static const struct {
		uint32_t workers, tasks;
	} shapes[] = { { 2, 2 }, { 3, 3 }, { 2, 4 }, { 1, 3 } };
	uint32_t n_tasks = shapes[_i].tasks, most = 100000, *n;

	enter(to_one(GROUPING_SHUFFLE, shapes[_i].workers, n_tasks));
	for (uint32_t i = 0; i < most; i++) {
		emit(gale_text("word"));
		if (scene.status->frames_out != scene.n_frames)
			receive_until(scene.n_emitted - 1);
	}
	check_all();
	n = per_task();
	for (uint32_t i = 0; i < n_tasks; i++)
		ck_assert_double_eq_tol(n[i] / (double)most, 1.0 / n_tasks, 0.01);
	free(n);
	leave();
}
END_TEST

/* Of the 1000 messages that a spout may have open, each worker's task shall have some in hand and some on their
 * way: a burst is no load for one alone. Neighbours in the row of tasks are in different workers. */
START_TEST(a_burst_is_shared_out)
{
	struct topology *t = sender(1, 1, 1);
	uint32_t n[4] = { 0 };

	fake_component(t, GALE_BOLT, "to", 3, 6);
	subscribe(t, 0, 1, GROUPING_SHUFFLE);
	enter(t);
	for (uint32_t i = 0; i < 480; i++)
		emit(gale_text("word"));
	check_all();
	for (size_t i = 0; i < scene.n_got; i++)
		n[scene.got[i].worker - scene.plan->first_worker[1]]++;
	for (uint32_t w = 0; w < 3; w++)
		ck_assert_uint_ge(n[w], 140);
	leave();
}
END_TEST

/* fill emits frames of 60 KB until N have left or, with STOP, one waits. */
static uint32_t fill(uint32_t n, bool stop)
{
	static char page[60000];
	uint32_t i = 0;

	memset(page, 'x', sizeof page);
	while (i < n && !(stop && out_blocked(&scene.out))) {
		emit(gale_string(page, sizeof page));
		out_flush(&scene.out);
		i++;
	}
	return i;
}

START_TEST(shuffle_passes_over_a_full_destination)
{
	uint32_t *n;

	enter(to_one(GROUPING_SHUFFLE, 3, 3));
	scene.deaf[1] = true;
	for (uint32_t i = 0; i < many(500); i++) {
		fill(1, false);
		make_room();		/* two destinations with room: nothing waits for long */
	}
	ck_assert(!out_blocked(&scene.out));
	ck_assert(many(500) < 500 || scene.n_got > 250);	/* a few lie in the pipe */
	scene.deaf[1] = false;
	check_all();
	n = per_task();
	if (many(500) == 500) {		/* what lies in a pipe: some frames in all its buffers */
		ck_assert_uint_lt(n[0], 50);
		ck_assert_uint_gt(n[1], 200);
		ck_assert_uint_gt(n[2], 200);
	}
	free(n);
	leave();
}
END_TEST

START_TEST(shuffle_waits_when_all_are_full_and_loses_nothing)
{
	struct poll_item items[MOST_WORKERS];

	enter(to_one(GROUPING_SHUFFLE, 2, 2));
	scene.deaf[1] = scene.deaf[2] = true;
	ck_assert_uint_lt(fill(1000, true), 1000);
	ck_assert(out_blocked(&scene.out) && out_waits(&scene.out));
	ck_assert_uint_eq(out_poll(&scene.out, items), 2);	/* room in either will do */
	fill(100, false);		/* one execute may emit on */
	scene.deaf[2] = false;
	make_room();
	scene.deaf[1] = false;
	check_all();
	ck_assert_uint_eq(out_poll(&scene.out, items), 0);
	leave();
}
END_TEST

/* ---- groupings that choose the task ---- */

START_TEST(all_gives_every_task_a_copy_on_an_edge_of_its_own)
{
	uint32_t *n;

	enter(to_one(GROUPING_ALL, 3, 7));
	for (uint32_t i = 0; i < many(20000); i++) {
		sure(emit(gale_int(i)) == 7);
		keep_up();
	}
	check_all();
	n = per_task();
	for (uint32_t i = 0; i < 7; i++)
		ck_assert_uint_eq(n[i], scene.n_emitted);
	free(n);
	leave();
}
END_TEST

START_TEST(fields_sends_a_key_to_the_task_of_its_hash_in_order)
{
	struct group g;

	enter(to_one(GROUPING_FIELDS, 2, 5));
	group_init(&g, scene.topology->subscriptions, 5);
	for (uint32_t i = 0; i < many(50000); i++) {
		sure(emit(gale_int(i % 97)) == 1);
		keep_up();
	}
	out_flush(&scene.out);
	receive_until(scene.n_copies);
	check_order();
	for (size_t i = 0; i < scene.n_got; i++) {
		gale_value values[] = { gale_null(), gale_int(scene.got[i].number % 97) };

		sure(scene.got[i].target == 1 + group_hash(&g, values) % 5);
	}
	check_all();
	group_free(&g);
	leave();
}
END_TEST

/* A key of each task: numbers 0, 1, ... until one is found. */
static gale_value key_for(uint32_t task, uint32_t n_tasks)
{
	struct group g;
	gale_value values[2] = { gale_null(), gale_int(0) };

	group_init(&g, scene.topology->subscriptions, n_tasks);
	while (group_hash(&g, values) % n_tasks != task)
		values[1].u.i++;
	group_free(&g);
	return values[1];
}

/* Room that appears while older frames wait is for those: no frame overtakes another. */
START_TEST(fields_keeps_the_order_while_a_destination_comes_and_goes)
{
	uint32_t n_blocked = 0;

	enter(to_one(GROUPING_FIELDS, 2, 3));
	for (uint32_t i = 0; i < many(5000); i++) {
		static char page[8000];

		emit(gale_string(page, 1 + i % sizeof page));
		n_blocked += out_blocked(&scene.out);
		if (i % 500 == 0)
			scene.deaf[1] = !scene.deaf[1];
		if (i % 100 == 99)
			receive();
	}
	ck_assert(many(5000) < 5000 || n_blocked > 100);
	scene.deaf[1] = false;
	out_flush(&scene.out);
	receive_until(scene.n_copies);
	check_order();
	check_all();
	leave();
}
END_TEST

/* libzmq looks only now and then for what the other side has read: it must be asked. */
START_TEST(a_small_frame_finds_the_room_that_there_is)
{
	enter(to_one(GROUPING_GLOBAL, 1, 1));
	for (uint32_t i = 0; i < 3000; i++) {
		emit(gale_int(i));
		out_flush(&scene.out);
		sure(!out_blocked(&scene.out));
		receive_until(scene.n_copies);
	}
	check_all();
	leave();
}
END_TEST

START_TEST(fields_waits_for_a_full_destination_and_keeps_the_order)
{
	struct poll_item items[MOST_WORKERS];
	uint32_t most = many(200000);
	gale_value keys[2];
	bool was_blocked = false;

	enter(to_one(GROUPING_FIELDS, 2, 2));
	keys[0] = key_for(0, 2);
	keys[1] = key_for(1, 2);
	scene.deaf[1] = true;
	for (uint32_t i = 0; i < most; i++) {
		emit(keys[i % 2]);
		was_blocked |= out_blocked(&scene.out);
		if (i % 1000 == 0)
			receive();
	}
	out_flush(&scene.out);
	receive_until(scene.n_emitted / 2);	/* nobody else waits for the deaf one */
	for (size_t i = 0; i < scene.n_got; i++)
		sure(scene.got[i].worker == 2);
	if (most == 200000) {
		ck_assert(was_blocked && out_blocked(&scene.out) && !out_clear(&scene.out));
		ck_assert_uint_eq(out_poll(&scene.out, items), 1);
		ck_assert_int_eq(items[0].kind, POLL_OUTBOX);
		ck_assert_ptr_eq(items[0].outbox, scene.out.outboxes[1]);
	}
	scene.deaf[1] = false;
	receive_until(scene.n_copies);
	check_order();
	check_all();
	leave();
}
END_TEST

START_TEST(global_gives_all_to_the_first_task)
{
	uint32_t *n;

	enter(to_one(GROUPING_GLOBAL, 2, 3));
	for (uint32_t i = 0; i < 5000; i++) {
		emit(gale_int(i));
		keep_up();
	}
	check_all();
	n = per_task();
	ck_assert_uint_eq(n[0], 5000);
	free(n);
	leave();
}
END_TEST

START_TEST(direct_goes_to_the_named_task_and_to_no_stranger)
{
	gale_value values[] = { gale_int(0), gale_null() };
	struct emission m = { .stream = 1, .values = values, .n = 2, .bound = 100 };
	struct topology *t = sender(1, 2, 0);
	struct error e;
	uint64_t edges = 1;
	uint32_t *n;

	fake_component(t, GALE_BOLT, "to", 2, 5);
	fake_component(t, GALE_BOLT, "other", 1, 1);
	fake_component(t, GALE_BOLT, "stranger", 1, 1);
	subscribe(t, 1, 1, GROUPING_DIRECT);
	subscribe(t, 1, 2, GROUPING_DIRECT);
	subscribe(t, 0, 3, GROUPING_SHUFFLE);
	enter(t);
	for (uint32_t i = 0; i < 6000; i++) {
		ck_assert_int_eq(emit_as(1, 0, (struct roots){ .n = 1, .one = i + 1 }, gale_null(),
		    1 + i % 5), 1);
		keep_up();
	}
	n = per_task();
	check_all();
	free(n);
	n = per_task();
	for (uint32_t i = 0; i < 5; i++)
		ck_assert_uint_eq(n[i], 1200);
	free(n);
	emit_as(1, 0, (struct roots){ 0 }, gale_null(), 6);	/* "other" subscribes, too */
	for (uint32_t task = 0; task < 20; task += task == 0 ? 7 : 1) {
		ck_assert_int_eq(router_emit_direct(&scene.router, &m, task, &edges, &e), -1);
		ck_assert_uint_eq(edges, 0);
	}
	ck_assert_str_eq(e.text, "emit on \"stream1\" to task 19: no task of a subscribed bolt");
	/* Without a task it goes to nobody. */
	ck_assert_int_eq(router_emit(&scene.router, &m, &edges, &e), 0);
	check_all();
	leave();
}
END_TEST

/* ---- several subscriptions, streams, tasks ---- */

START_TEST(every_subscription_of_a_stream_gets_its_copies)
{
	struct topology *t = sender(1, 1, 0);

	fake_component(t, GALE_BOLT, "shuffled", 2, 4);
	fake_component(t, GALE_BOLT, "by_key", 3, 3);
	fake_component(t, GALE_BOLT, "all", 2, 5);
	fake_component(t, GALE_BOLT, "alone", 1, 1);
	subscribe(t, 0, 1, GROUPING_SHUFFLE);
	subscribe(t, 0, 2, GROUPING_FIELDS);
	subscribe(t, 0, 3, GROUPING_ALL);
	subscribe(t, 0, 4, GROUPING_LOCAL_OR_SHUFFLE);
	subscribe(t, 0, 1, GROUPING_GLOBAL);	/* one component, twice */
	subscribe(t, 0, 1, GROUPING_NONE);
	enter(t);
	for (uint32_t i = 0; i < many(20000); i++) {
		sure(emit(gale_int(i)) == 1 + 1 + 5 + 1 + 1 + 1);
		keep_up();
	}
	check_all();
	leave();
}
END_TEST

START_TEST(streams_and_emitting_tasks_are_told_apart)
{
	struct topology *t = sender(4, 3, 0);

	fake_component(t, GALE_BOLT, "first", 1, 3);
	fake_component(t, GALE_BOLT, "second", 2, 2);
	subscribe(t, 0, 1, GROUPING_SHUFFLE);
	subscribe(t, 1, 1, GROUPING_SHUFFLE);	/* both streams in the same frames */
	subscribe(t, 1, 2, GROUPING_ALL);
	enter(t);
	for (uint32_t i = 0; i < 9000; i++) {
		int expected = i % 3 == 0 ? 1 : i % 3 == 1 ? 3 : 0;

		sure(emit_as(i % 3, i % 4, (struct roots){ 0 }, gale_int(i), -1) == expected);
		keep_up();
	}
	check_all();
	for (size_t i = 0; i < scene.n_got; i++) {
		sure(scene.got[i].stream == scene.got[i].number % 3);
		sure(scene.got[i].source == scene.got[i].number % 4);
		sure(scene.got[i].n_roots == 0);
	}
	leave();
}
END_TEST

START_TEST(roots_travel_with_their_tuples)
{
	static const uint64_t far[] = { 1, UINT64_MAX, (uint64_t)1 << 63, 2, 77, 76,
		((uint64_t)1 << 63) + 76, 75 };
	uint8_t list[8 * 5 + 1];
	uint64_t state = seed;

	enter(to_one(GROUPING_FIELDS, 2, 3));
	for (uint32_t i = 0; i < many(20000); i++) {
		uint32_t n = pick(&state, 3) ? 1 : pick(&state, 6);
		struct roots roots = { .n = n, .list = list + 1 };

		for (uint32_t k = 0; k < 5; k++)	/* unaligned, as in a frame */
			wire_put64(list + 1 + 8 * k, far[pick(&state, 8)]);
		roots.one = far[pick(&state, 8)];
		emit_as(0, 0, roots, gale_int(pick(&state, 9)), -1);
		keep_up();
	}
	check_all();
	leave();
}
END_TEST

/* ---- sizes ---- */

START_TEST(a_tuple_of_16_mib_travels_alone)
{
	char *s = xcalloc(1, GALE_MAX_VALUE);

	enter(to_one(GROUPING_ALL, 1, 2));
	for (int i = 0; i < 3; i++) {
		emit(gale_int(1));
		emit(gale_bytes(s, GALE_MAX_VALUE));
		emit(gale_int(2));
		make_room();
	}
	check_all();
	/* The two large copies of a tuple have a frame each, what is between them another. */
	ck_assert_uint_eq(scene.n_frames, OPTIMISE_FRAMES ? 3 * 2 + 4 : 3 * 6);
	free(s);
	leave();
}
END_TEST

/* The short way and the long one take turns in one frame: by size, by roots, by room. */
START_TEST(flat_and_other_emits_share_their_frames)
{
	static const enum grouping all[] = { GROUPING_GLOBAL, GROUPING_SHUFFLE, GROUPING_FIELDS };
	char *room = xcalloc(1, 70000);
	uint64_t state = seed + (uint64_t)_i;

	key_type = GALE_STRING;
	enter(to_one(all[_i], 1 + (_i == 1), 1 + (_i == 1)));
	for (uint32_t i = 0; i < many(100000); i++) {
		struct roots roots = { .n = pick(&state, 30) != 0, .one = 5000 + i };
		size_t size = pick(&state, 100) ? pick(&state, 12) : pick(&state, 70000);

		if (pick(&state, 20) == 0)
			roots.one = random_next(&state) | 1;
		emit_as(0, 0, roots, gale_string(size ? room : NULL, size), -1);
		keep_up();
	}
	if (OPTIMISE_SHORT_EMIT && OPTIMISE_FRAMES)
		ck_assert_uint_gt(scene.n_flat, scene.n_emitted * 8 / 10);
	ck_assert_uint_lt(scene.n_flat, scene.n_emitted);
	check_order();
	check_all();
	free(room);
	leave();
}
END_TEST

START_TEST(the_short_way_refuses_what_the_long_one_does)
{
	gale_value values[] = { gale_int(1), gale_text("x"), gale_null() };
	uint64_t edge = 0;

	key_type = GALE_STRING;
	enter(to_one(GROUPING_GLOBAL, 1, 1));
	emit(gale_text("so that a frame is open"));
	ck_assert(!router_emit_flat(&scene.router, 1, 0, 5, values, 2, &edge));
	ck_assert(!router_emit_flat(&scene.router, 0, 0, 5, values, 3, &edge));
	ck_assert(!router_emit_flat(&scene.router, 0, 0, 5, values, 1, &edge));
	values[1] = gale_bytes("x", 1);
	ck_assert(!router_emit_flat(&scene.router, 0, 0, 5, values, 2, &edge));
	values[1].type = GALE_ANY;
	ck_assert(!router_emit_flat(&scene.router, 0, 0, 5, values, 2, &edge));
	check_all();		/* nothing of these has left */
	leave();
}
END_TEST

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Frames above 64 KiB are not kept for later: they are freed when they have left, however
 * many there are and nothing else. (A sanitizer's malloc counts nothing: 0 then.) */
START_TEST(large_frames_are_freed_when_they_have_left)
{
	enum { SIZE = 300000, FRAMES = 400 };
	char *s = xcalloc(1, SIZE);
	size_t before, most = 0;

	enter(to_one(GROUPING_GLOBAL, 1, 1));
	before = in_use();
	for (int i = 0; i < FRAMES; i++) {
		emit(gale_bytes(s, SIZE));
		out_flush(&scene.out);
		make_room();
		receive_until(scene.n_copies);
		if (in_use() > before && in_use() - before > most)
			most = in_use() - before;
	}
	check_all();
	ck_assert_msg(most < 30 * SIZE, "%zu bytes in use for frames that have left", most);
	free(s);
	leave();
}
END_TEST

/* An execute may emit as much as it likes while nobody reads; when that has left, not much of
 * its memory is kept for later. */
START_TEST(after_a_burst_most_of_its_memory_is_given_back)
{
	enum { BURST = 1500 };		/* frames of 64 KiB: 94 MiB */
	size_t before, after;

	enter(_i ? to_one(GROUPING_SHUFFLE, 2, 2) : to_one(GROUPING_GLOBAL, 1, 1));
	before = in_use();
	scene.deaf[1] = scene.deaf[2] = true;
	fill(BURST, false);
	ck_assert(in_use() == 0 || in_use() - before > (size_t)BURST * 50000);
	scene.deaf[1] = scene.deaf[2] = false;
	check_all();
	after = in_use();
	ck_assert_msg(after < before + (8 << 20), "%zu bytes in use after a burst", after - before);
	leave();
}
END_TEST

START_TEST(values_that_are_encoded_already_are_sent_as_they_are)
{
	gale_value values[] = { gale_int(0), gale_text("kept for a replay") }, key = gale_int(7);
	gale_value list = gale_list(&key, 1);
	uint8_t bytes[100];
	uint32_t n_bytes = (uint32_t)(wire_put_values(bytes, values, 2) - bytes);
	struct emission m = { .values = values, .n = 2, .body = bytes, .body_bytes = n_bytes };
	struct error e;
	uint64_t edges;
	struct topology *t = to_one(GROUPING_ALL, 1, 2);

	subscribe(t, 0, 1, GROUPING_FIELDS);
	enter(t);
	must(router_emit(&scene.router, &m, &edges, &e) != 3, &e);
	note(3, edges, &m.roots);
	emit(list);
	check_all();
	for (size_t i = 0; i < scene.n_got; i++)
		ck_assert_uint_eq(scene.got[i].size, scene.got[i].number == 0 ? 17 : 1);
	leave();
}
END_TEST

/* ---- refusing ---- */

START_TEST(an_emit_that_does_not_fit_the_stream_is_refused_with_a_reason)
{
	gale_value values[] = { gale_int(1), gale_null(), gale_null() }, deep[40];
	struct error e;

	enter(to_one(GROUPING_SHUFFLE, 1, 1));
	ck_assert_uint_gt(router_check(&scene.router, 0, values, 2, &e), 0);
	ck_assert_uint_eq(router_check(&scene.router, 1, values, 2, &e), 0);
	ck_assert_str_eq(e.text, "emit on output 1; the component declares 1");
	ck_assert_uint_eq(router_check(&scene.router, 0, values, 3, &e), 0);
	ck_assert_str_eq(e.text, "emit on \"stream0\": 3 values for 2 declared fields");
	values[0] = gale_text("1");
	ck_assert_uint_eq(router_check(&scene.router, 0, values, 2, &e), 0);
	ck_assert_str_eq(e.text,
	    "emit on \"stream0\": field \"number\" is declared int, not string");
	values[0].type = 99;
	ck_assert_uint_eq(router_check(&scene.router, 0, values, 2, &e), 0);
	ck_assert_str_eq(e.text,
	    "emit on \"stream0\": field \"number\" is declared int, not of unknown type");
	values[0] = gale_int(1);
	deep[0] = gale_null();
	for (int i = 1; i < 40; i++)
		deep[i] = gale_list(&deep[i - 1], 1);
	values[1] = deep[39];
	ck_assert_uint_eq(router_check(&scene.router, 0, values, 2, &e), 0);
	ck_assert_str_eq(e.text, "lists or maps nested deeper than 32");
	leave();
}
END_TEST

static int refuse_odd(void *self, gale_ctx *ctx, const gale_value *values, uint32_t n,
    uint32_t n_tasks, uint32_t *tasks)
{
	(void)self;
	(void)ctx;
	(void)n;
	for (uint32_t i = 0; i < n_tasks; i++)
		tasks[i] = n_tasks - 1 - i;
	return values[0].u.i % 2 ? -1 : (int)n_tasks;
}

START_TEST(a_custom_grouping_chooses_or_refuses)
{
	static const gale_component plugin = { .name = "Choice", .kind = GALE_GROUPING,
		.choose = refuse_odd };
	struct topology *t = to_one(GROUPING_CUSTOM, 2, 3);
	gale_value values[] = { gale_int(1), gale_null() };
	struct emission m = { .values = values, .n = 2, .bound = 100 };
	struct group *g;
	struct error e;
	uint64_t edges;
	int n_groups = 0;

	subscribe(t, 0, 1, GROUPING_CUSTOM);
	enter(t);
	for (; (g = router_custom(&scene.router)) != NULL; n_groups++)
		g->custom = &plugin;
	ck_assert_int_eq(n_groups, 2);
	ck_assert_int_eq(emit(gale_null()), 6);
	ck_assert_int_eq(router_emit(&scene.router, &m, &edges, &e), -1);
	ck_assert_str_eq(e.text, "grouping mine.Choice refused the tuple");
	check_all();
	leave();
}
END_TEST

/* A copy that was written before another subscription's grouping refused could be neither
 * registered nor taken back. */
START_TEST(when_one_subscription_refuses_nobody_gets_a_copy)
{
	static const gale_component plugin = { .name = "Choice", .kind = GALE_GROUPING,
		.choose = refuse_odd };
	struct topology *t = to_one(GROUPING_ALL, 2, 3);
	gale_value values[] = { gale_int(1), gale_null() };
	struct emission m = { .values = values, .n = 2, .bound = 100, .roots = { .n = 1, .one = 77 } };
	struct error e;
	uint64_t edges;

	subscribe(t, 0, 1, GROUPING_CUSTOM);
	subscribe(t, 0, 1, GROUPING_SHUFFLE);
	enter(t);
	router_custom(&scene.router)->custom = &plugin;
	ck_assert_int_eq(router_emit(&scene.router, &m, &edges, &e), -1);
	for (uint32_t i = 0; i < scene.out.n_sinks; i++)
		ck_assert_ptr_null(scene.out.sinks[i]->open);
	ck_assert(out_clear(&scene.out));
	ck_assert_int_eq(emit(gale_null()), 7);		/* number 0, which is not odd */
	check_all();
	leave();
}
END_TEST

START_TEST(a_stream_that_nobody_subscribes_to_has_no_copies)
{
	struct topology *t = sender(1, 1, 0);

	fake_component(t, GALE_BOLT, "to", 1, 1);
	enter(t);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(emit(gale_null()), 0);
	check_all();
	ck_assert_uint_eq(scene.status->frames_out, 0);
	leave();
}
END_TEST

/* ---- markers ---- */

START_TEST(a_marker_reaches_every_downstream_worker_after_all_data)
{
	struct topology *t = sender(1, 1, 0);
	uint64_t deadline = clock_now_ns() + (uint64_t)PATIENCE_S * NS_PER_S;
	uint32_t n = 0;

	fake_component(t, GALE_BOLT, "to", 3, 5);
	fake_component(t, GALE_BOLT, "stranger", 1, 1);
	fake_component(t, GALE_BOLT, "other", 2, 2);
	subscribe(t, 0, 1, GROUPING_SHUFFLE);
	subscribe(t, 0, 3, GROUPING_ALL);
	subscribe(t, 0, 3, GROUPING_FIELDS);
	enter(t);
	for (uint32_t i = 0; i < 20000; i++) {
		emit(gale_int(i));
		keep_up();
	}
	out_flush(&scene.out);
	make_room();
	out_marker(&scene.out, WIRE_DRAIN, 0);
	check_all();
	while (n < 5) {
		ck_assert_uint_lt(clock_now_ns(), deadline);
		sleep_a_little();
		receive();
		n = 0;
		for (uint32_t w = 0; w < scene.plan->n_workers; w++)
			n += scene.markers[w];
	}
	for (uint32_t w = 1; w < scene.plan->n_workers; w++)	/* the stranger gets none */
		ck_assert_uint_eq(scene.markers[w], scene.plan->workers[w].component != 2);
	leave();
}
END_TEST

/* ---- records ---- */

struct ledger_page {
	uint64_t init, ack;
	uint32_t acker, n_fails, n_voids, n_resets;
};

enum { N_ROOTS = 5000, FIRST_ROOT = 100000 };

static struct ledger_page pages[N_ROOTS];
static uint32_t n_records, n_frames;

static void on_value(const struct record *r, uint32_t acker, uint64_t root, uint64_t value)
{
	struct ledger_page *p = &pages[root - FIRST_ROOT];

	sure(root - FIRST_ROOT < N_ROOTS);
	sure(p->acker == 0 || p->acker == acker);
	p->acker = acker;
	if (r->type == RECORD_INIT_RUN || r->type == RECORD_INIT_LIST)
		p->init ^= value;
	else
		p->ack ^= value;
	n_records++;
}

static void on_record(const struct record *r, uint32_t acker)
{
	bool run = r->type == RECORD_INIT_RUN || r->type == RECORD_ACK_RUN;
	struct ledger_page *page;

	if (r->type <= RECORD_ACK_LIST) {
		for (uint32_t i = 0; i < r->n; i++) {
			const uint8_t *p = r->body + (run ? 8 : 16) * (size_t)i;
			uint64_t root = run ? r->root + i : wire_get64(p);

			on_value(r, acker, root, wire_get64(run ? p : p + 8));
		}
		return;
	}
	page = &pages[r->root - FIRST_ROOT];
	sure(r->root - FIRST_ROOT < N_ROOTS);
	sure(page->acker == 0 || page->acker == acker);
	page->n_fails += r->type == RECORD_FAIL;
	page->n_voids += r->type == RECORD_VOID;
	page->n_resets += r->type == RECORD_RESET;
}

/* hear reads what the ackers have got. */
static bool hear(void)
{
	bool any = false;

	for (uint32_t w = scene.plan->first_acker; w < scene.plan->n_workers; w++)
		for (struct frame *f; (f = inbox_receive(scene.acks[w], clock_now_ns())) != NULL; any = true) {
			struct wire_reader reader;
			struct record r;
			int more;

			n_frames++;
			ck_assert_uint_le(f->n, 65536);
			ck_assert_int_eq(wire_open(&reader, f->data, f->n, NULL), 0);
			ck_assert_uint_eq(reader.header.kind, WIRE_ACKS);
			while ((more = record_next(&reader.at, reader.end, &r)) > 0)
				on_record(&r, w);
			ck_assert_int_eq(more, 0);
			frame_release(scene.acks[w], f);
		}
	return any;
}

/* hear_all reads until nothing waits here and nothing comes any more. */
static void hear_all(void)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)PATIENCE_S * NS_PER_S;
	struct poll_item items[MOST_WORKERS];

	for (;;) {
		size_t n = out_poll(&scene.out, items);

		ck_assert_uint_lt(clock_now_ns(), deadline);
		if (out_waits(&scene.out))
			out_retry(&scene.out);
		for (uint32_t w = scene.plan->first_acker; w < scene.plan->n_workers; w++)
			items[n++] = inbox_item(scene.acks[w]);
		if (!hear() && out_clear(&scene.out) && transport_poll(items, n, 300) == 0)
			return;
	}
}

static struct topology *with_ackers(uint32_t n)
{
	struct topology *t = sender(1, 1, n);

	fake_component(t, GALE_BOLT, "to", 1, 1);
	subscribe(t, 0, 1, GROUPING_SHUFFLE);
	return t;
}

START_TEST(records_reach_the_acker_of_their_root)
{
	uint64_t state = seed, init[N_ROOTS] = { 0 }, ack[N_ROOTS] = { 0 };
	enum { FAIL = 1, VOID = 2, RESET = 4 };
	uint32_t said[N_ROOTS] = { 0 }, per_acker[3] = { 0 };

	enter(with_ackers(3));
	for (uint32_t i = 0; i < 40 * N_ROOTS; i++) {
		uint32_t k = pick(&state, N_ROOTS);
		uint64_t root = FIRST_ROOT + k, value = random_next(&state);

		switch (pick(&state, 20)) {
		case 0:
			out_failed(&scene.out, root, 1, "why");
			said[k] |= FAIL;
			break;
		case 1:
			out_void(&scene.out, root);
			said[k] |= VOID;
			break;
		case 2:
			out_reset(&scene.out, root, 1);
			said[k] |= RESET;
			break;
		case 3:
			root = FIRST_ROOT + i % N_ROOTS;	/* in sequence */
			out_root_made(&scene.out, root, value);
			init[root - FIRST_ROOT] ^= value;
			break;
		default:
			out_acked(&scene.out, root, value);
			ack[k] ^= value;
		}
		if (pick(&state, 500) == 0)
			out_flush(&scene.out);
		if (pick(&state, 1000) == 0)
			hear();
	}
	out_flush(&scene.out);
	hear_all();
	for (uint32_t k = 0; k < N_ROOTS; k++) {
		ck_assert_uint_eq(pages[k].init, init[k]);
		ck_assert_uint_eq(pages[k].ack, ack[k]);
		/* Of what waited together for one root only the strongest has left. */
		sure(!(said[k] & VOID) || pages[k].n_voids > 0);
		sure(!(said[k] & FAIL) || pages[k].n_fails + pages[k].n_voids > 0);
		sure(!said[k] || pages[k].n_resets + pages[k].n_fails + pages[k].n_voids > 0);
		sure(said[k] & VOID || pages[k].n_voids == 0);
		sure(said[k] & FAIL || pages[k].n_fails == 0);
		sure(said[k] & RESET || pages[k].n_resets == 0);
		if (pages[k].acker != 0)
			per_acker[pages[k].acker - scene.plan->first_acker]++;
	}
	for (int i = 0; i < 3; i++)
		ck_assert_uint_gt(per_acker[i], N_ROOTS / 6);
	leave();
}
END_TEST

/* F3: while the acker is full records merge, one per root, and data is not held up. */
START_TEST(a_full_acker_makes_records_merge_and_blocks_nobody)
{
	uint64_t sum[100] = { 0 }, state = seed;
	uint32_t most = many(500000);

	enter(with_ackers(1));
	for (uint32_t i = 0; i < most; i++) {
		uint32_t k = i % 100;
		uint64_t value = random_next(&state);

		out_acked(&scene.out, FIRST_ROOT + k, value);
		sum[k] ^= value;
		if (i % 100 == 99)
			out_flush(&scene.out);
		sure(!OPTIMISE_MERGING || scene.out.ackers[0].acks.n <= 100);
	}
	ck_assert(!out_blocked(&scene.out));
	if (most == 500000)
		ck_assert(out_waits(&scene.out) && !out_clear(&scene.out));
	hear_all();
	for (uint32_t k = 0; k < 100; k++)
		ck_assert_uint_eq(pages[k].ack, sum[k]);
	ck_assert_uint_le(n_records, most == 500000 && OPTIMISE_MERGING ? most / 2 : most);
	leave();
}
END_TEST

/* F3 for what a bolt that fails everything, or resets the timeout all the time, has to say. */
START_TEST(a_full_acker_makes_fails_and_resets_merge)
{
	uint32_t most = many(500000), n = 0;

	enter(with_ackers(1));
	for (uint32_t i = 0; i < most; i++) {
		if (i % 3 == 0)
			out_failed(&scene.out, FIRST_ROOT + i % 100, 1, "a reason of some length");
		else
			out_reset(&scene.out, FIRST_ROOT + i % 100, 1);
		if (i % 100 == 99)
			out_flush(&scene.out);
		sure(notes_waiting(&scene.out.ackers[0].notes) <= 100);
	}
	ck_assert(!out_blocked(&scene.out));
	if (most == 500000)
		ck_assert(out_waits(&scene.out) && !out_clear(&scene.out));
	hear_all();
	for (uint32_t k = 0; k < 100; k++) {
		ck_assert_uint_ge(pages[k].n_fails, 1);
		n += pages[k].n_fails + pages[k].n_resets;
	}
	ck_assert_uint_le(n, most == 500000 ? most / 2 : most);
	leave();
}
END_TEST

START_TEST(acks_that_say_nothing_make_no_frame)
{
	enter(with_ackers(1));
	for (uint32_t k = 0; k < 10; k++)
		out_acked(&scene.out, FIRST_ROOT + k, 0);
	out_flush(&scene.out);
	ck_assert(out_clear(&scene.out));
	hear_all();
	ck_assert_uint_eq(n_frames, 0);
	out_acked(&scene.out, FIRST_ROOT, 7);
	out_flush(&scene.out);
	hear_all();
	ck_assert_uint_eq(n_frames, 1);
	ck_assert_uint_eq(pages[0].ack, 7);
	leave();
}
END_TEST

/* ---- anything ---- */

static struct topology *any_topology(uint64_t *state)
{
	static const enum grouping all[] = { GROUPING_SHUFFLE, GROUPING_FIELDS,
		GROUPING_PARTIAL_KEY, GROUPING_ALL, GROUPING_GLOBAL, GROUPING_LOCAL_OR_SHUFFLE,
		GROUPING_NONE };
	uint32_t n_streams = 1 + pick(state, 3), n_components = 1 + pick(state, 3);
	struct topology *t = sender(1 + pick(state, 3), n_streams + 1, 0);

	for (uint32_t c = 1; c <= n_components; c++) {
		uint32_t parallelism = 1 + pick(state, 3);

		fake_component(t, GALE_BOLT, "to", parallelism, parallelism + pick(state, 3));
		for (uint32_t n = pick(state, 3); n > 0; n--)
			subscribe(t, pick(state, n_streams), c, all[pick(state, 7)]);
		if (pick(state, 2))
			subscribe(t, n_streams, c, GROUPING_DIRECT);
	}
	return t;
}

/* a_direct_task gives a task that a direct emit may go to, or -1. */
static int64_t a_direct_task(uint64_t *state)
{
	const struct topology *t = scene.topology;
	int64_t task = -1;

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];

		if (s->grouping == GROUPING_DIRECT && (task < 0 || pick(state, 2)))
			task = scene.plan->first_task[s->to] +
			    pick(state, t->components[s->to].n_tasks);
	}
	return task;
}

static void change_something(uint64_t *state)
{
	uint32_t w = 1 + pick(state, scene.plan->n_workers - 1);

	switch (pick(state, 4)) {
	case 0:
		scene.deaf[w] = !scene.deaf[w];
		break;
	case 1:
		out_flush(&scene.out);
		break;
	case 2:
		receive();
		break;
	default:
		scene.out.sender.now_ns += 600000;
		out_flush_old(&scene.out);
	}
}

/* Nothing is lost, nothing comes twice, whoever is deaf when and whatever the sizes. */
START_TEST(whatever_is_emitted_arrives_once)
{
	uint64_t state = seed + (uint64_t)_i;
	uint32_t direct;
	char *room = xcalloc(1, 200000);

	key_type = pick(&state, 2) ? GALE_BYTES : GALE_ANY;
	enter(any_topology(&state));
	direct = scene.topology->components[0].n_outputs - 1;
	scene.out.sender.now_ns = 1;
	for (uint32_t i = 0; i < many(30000); i++) {
		uint32_t stream = pick(&state, direct + 1);
		uint32_t source = pick(&state, scene.plan->workers[0].n_tasks);
		int64_t task = stream == direct ? a_direct_task(&state) : -1;
		size_t size = pick(&state, 200) ? pick(&state, 30) : pick(&state, 200000);
		struct roots roots = { .n = pick(&state, 2), .one = random_next(&state) | 1 };

		if (stream != direct || task >= 0)
			emit_as(stream, source, roots, gale_bytes(room, size), task);
		if (pick(&state, 20) == 0)
			change_something(&state);
		if (out_blocked(&scene.out) && pick(&state, 10) == 0)
			receive();
	}
	memset(scene.deaf, 0, sizeof scene.deaf);
	check_all();
	free(room);
	leave();
}
END_TEST

/* A frame leaves after a millisecond, or, of many destinations, after 64 us for each. */
START_TEST(frames_become_as_old_as_there_are_destinations)
{
	static const struct { uint32_t destinations; uint64_t age_ns; } cases[] = {
		{ 1, 1000000 }, { 15, 1000000 }, { 40, OPTIMISE_WIDE_WAITING ? 2560000 : 1000000 },
	};
	uint64_t age_ns = OPTIMISE_WAITING ? cases[_i].age_ns : 1;

	enter(to_one(GROUPING_FIELDS, cases[_i].destinations, cases[_i].destinations));
	scene.out.sender.now_ns = 1;
	emit_as(0, 0, (struct roots){ .n = 1, .one = 5 }, gale_int(1), -1);
	scene.out.sender.now_ns += age_ns - 1;
	out_flush_old(&scene.out);
	ck_assert_uint_eq(scene.status->frames_out, 0);
	scene.out.sender.now_ns += 1;
	out_flush_old(&scene.out);
	ck_assert_uint_eq(scene.status->frames_out, 1);
	check_all();
	leave();
}
END_TEST

/* ---- all of it ---- */

static TCase *groupings(void)
{
	TCase *c = tcase_create("groupings");

	tcase_add_loop_test(c, shuffle_gives_every_task_its_share, 0, 4);
	tcase_add_test(c, a_burst_is_shared_out);
	tcase_add_test(c, shuffle_passes_over_a_full_destination);
	tcase_add_test(c, shuffle_waits_when_all_are_full_and_loses_nothing);
	tcase_add_test(c, all_gives_every_task_a_copy_on_an_edge_of_its_own);
	tcase_add_test(c, fields_sends_a_key_to_the_task_of_its_hash_in_order);
	tcase_add_test(c, fields_keeps_the_order_while_a_destination_comes_and_goes);
	tcase_add_test(c, a_small_frame_finds_the_room_that_there_is);
	tcase_add_test(c, fields_waits_for_a_full_destination_and_keeps_the_order);
	tcase_add_test(c, global_gives_all_to_the_first_task);
	tcase_add_test(c, direct_goes_to_the_named_task_and_to_no_stranger);
	tcase_add_test(c, every_subscription_of_a_stream_gets_its_copies);
	tcase_add_test(c, streams_and_emitting_tasks_are_told_apart);
	return c;
}

static TCase *frames(void)
{
	TCase *c = tcase_create("frames");

	tcase_add_test(c, roots_travel_with_their_tuples);
	tcase_add_test(c, a_tuple_of_16_mib_travels_alone);
	tcase_add_loop_test(c, flat_and_other_emits_share_their_frames, 0, 3);
	tcase_add_test(c, the_short_way_refuses_what_the_long_one_does);
	tcase_add_test(c, large_frames_are_freed_when_they_have_left);
	tcase_add_loop_test(c, after_a_burst_most_of_its_memory_is_given_back, 0, 2);
	tcase_add_test(c, values_that_are_encoded_already_are_sent_as_they_are);
	tcase_add_test(c, an_emit_that_does_not_fit_the_stream_is_refused_with_a_reason);
	tcase_add_test(c, a_custom_grouping_chooses_or_refuses);
	tcase_add_test(c, when_one_subscription_refuses_nobody_gets_a_copy);
	tcase_add_test(c, a_stream_that_nobody_subscribes_to_has_no_copies);
	tcase_add_test(c, a_marker_reaches_every_downstream_worker_after_all_data);
	tcase_add_test(c, records_reach_the_acker_of_their_root);
	tcase_add_test(c, a_full_acker_makes_fails_and_resets_merge);
	tcase_add_test(c, acks_that_say_nothing_make_no_frame);
	tcase_add_test(c, a_full_acker_makes_records_merge_and_blocks_nobody);
	tcase_add_loop_test(c, whatever_is_emitted_arrives_once, 0, getenv("GALE_QUICK") ? 5 : 20);
	tcase_add_loop_test(c, frames_become_as_old_as_there_are_destinations, 0, 3);
	return c;
}

int main(void)
{
	TCase *cases[] = { groupings(), frames() };
	Suite *suite = suite_create("route");
	SRunner *runner = srunner_create(suite);
	int n_failed;

	seed = test_seed();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		tcase_set_timeout(cases[i], 300);
		suite_add_tcase(suite, cases[i]);
	}
	srunner_run_all(runner, CK_NORMAL);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
