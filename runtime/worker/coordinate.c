/* coordinate.c - the coordinator's worker: reports in, orders out, its record on disk.
 *
 * What is decided and when is in coordinator.c, which is pure; here are the sockets, the clock
 * and the LevelDB. That is a state like a task's (state.h), of the component "coordinator":
 *
 *     starts         u64 how many coordinators this state has seen
 *     record         u64 txid | u8 final | offsets (offsets.h)
 *     cut TXID       u8 final | offsets;  TXID in eight bytes, the high ones first
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "coordinator.h"
#include "failpoint.h"
#include "memory.h"
#include "statedir.h"
#include "worker.h"

enum { STATE_VERSION = 1, REPORTS_PER_TURN = 256, CUT_KEY = 4 + 8 };
static const char record_key[] = "record", starts_key[] = "starts";

struct coordinate {
	struct coordinator coordinator;
	struct state *state;
	bool stopping;
	int64_t *batches, *rounds, *attempts;	/* what people see of it */
};

/* ---- on disk ---- */

static void cut_key(char key[CUT_KEY], uint64_t txid)
{
	memcpy(key, "cut ", 4);
	for (int i = 0; i < 8; i++)
		key[4 + i] = (char)(txid >> (56 - 8 * i));
}

static _Noreturn void damaged(struct worker *w, const char *what)
{
	w->status->refused = 1;
	worker_fatal(w, "the %s in the coordinator's state is damaged: restore the whole state directory from "
	    "a copy, or begin with another one", what);
}

static void commit(struct worker *w)
{
	struct coordinate *c = w->role;
	struct error e;

	if (state_commit(c->state, &e) != 0)
		worker_fatal(w, "%s", e.text);
}

static void put(struct worker *w, const void *key, size_t n, const uint64_t *txid, bool final,
    const struct offsets *ends)
{
	struct coordinate *c = w->role;
	struct buf value = { 0 };
	struct error e;

	if (txid != NULL)
		buf_add(&value, txid, sizeof *txid);
	buf_add(&value, &(char){ final }, 1);
	offsets_write(ends, &value);
	if (state_put(c->state, key, n, value.data, value.n, &e) != 0)
		worker_fatal(w, "%s", e.text);
	buf_free(&value);
}

static void write_cut(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	char key[CUT_KEY];

	cut_key(key, txid);
	put(arg, key, sizeof key, NULL, final, ends);
	(void)failpoint("coordinator.cut");
	commit(arg);
	(void)failpoint("coordinator.cut.written");
}

static void write_record(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	struct worker *w = arg;
	struct coordinate *c = w->role;
	char key[CUT_KEY];
	struct error e;

	for (uint64_t x = c->coordinator.txid + 1; c->coordinator.config.cuts && x <= txid; x++) {
		cut_key(key, x);
		if (state_delete(c->state, key, sizeof key, &e) != 0)
			worker_fatal(w, "%s", e.text);
	}
	put(w, record_key, sizeof record_key - 1, &txid, final, ends);
	(void)failpoint("coordinator.record");
	commit(w);
	(void)failpoint("coordinator.record.written");
	++*c->rounds;
	*c->batches += (int64_t)(txid - c->coordinator.txid);
}

/* read_ends takes FINAL and offsets from the bytes AT to END. */
static bool read_ends(const uint8_t *at, const uint8_t *end, bool *final, struct offsets *ends)
{
	if (at == end)
		return false;
	*final = *at++ != 0;
	return offsets_read(ends, &at, end) && at == end;
}

static void read_record(struct worker *w)
{
	struct coordinate *c = w->role;
	struct offsets ends = { 0 };
	const uint8_t *bytes;
	gale_slice value;
	struct error e;
	bool final;
	int found = state_get(c->state, record_key, sizeof record_key - 1, &value, &e);

	if (found < 0)
		worker_fatal(w, "%s", e.text);
	if (found == 0)
		return;
	bytes = value.bytes;
	if (value.n < 8 || !read_ends(bytes + 8, bytes + value.n, &final, &ends))
		damaged(w, "record");
	coordinator_known_record(&c->coordinator, wire_get64(bytes), &ends, final);
	offsets_free(&ends);
}

/* read_cuts: those above the record, without a gap. */
static void read_cuts(struct worker *w)
{
	struct coordinate *c = w->role;
	gale_scan scan = gale_state_scan("cut ", 4);
	uint64_t expected = c->coordinator.txid + 1;
	struct error e;
	int more;

	while ((more = state_next(c->state, &scan, &e)) > 0) {
		const uint8_t *bytes = scan.value.bytes;
		struct offsets ends = { 0 };
		char key[CUT_KEY];
		bool final;

		cut_key(key, expected);
		if (expected - c->coordinator.txid > COORDINATOR_BATCHES + 1 || scan.key.n != sizeof key ||
		    memcmp(scan.key.bytes, key, sizeof key) != 0 ||
		    !read_ends(bytes, bytes + scan.value.n, &final, &ends))
			damaged(w, "end of a batch");
		if (c->coordinator.config.cuts)
			coordinator_known_cut(&c->coordinator, expected, &ends, final);
		else if (state_delete(c->state, key, sizeof key, &e) != 0)
			worker_fatal(w, "%s", e.text);	/* they were of another type of batches */
		offsets_free(&ends);
		expected++;
	}
	if (more < 0)
		worker_fatal(w, "%s", e.text);
}

static int64_t *metric(struct worker *w, int i, const char *name)
{
	struct status_metric *m = &w->status->metrics[i];

	snprintf(m->name, sizeof m->name, "%s", name);
	return &m->value;
}

static void open_state(struct worker *w)
{
	struct coordinate *c = w->role;
	char *path = statedir_state(w->statedir, COORDINATOR_ID, 0);
	struct error e;

	c->state = state_open(path, STATE_VERSION, &e);
	free(path);
	if (c->state == NULL)
		worker_fatal(w, "%s", e.text);
	if (!worker_state_lasts(w))
		state_goes_with_run(c->state);
}

/* count_start gives which coordinator of this state this is, 1 and up, on disk before anything is
 * done in its name: so no generation is used twice (X1), not by another run and not after the power
 * was lost. */
static uint32_t count_start(struct worker *w)
{
	struct coordinate *c = w->role;
	uint64_t starts = 0;
	gale_slice value;
	struct error e;
	int found = state_get(c->state, starts_key, sizeof starts_key - 1, &value, &e);

	if (found > 0 && value.n != sizeof starts)
		damaged(w, "number of starts");
	if (found > 0)
		memcpy(&starts, value.bytes, sizeof starts);
	starts++;
	if (found < 0 || state_put(c->state, starts_key, sizeof starts_key - 1, &starts, sizeof starts, &e) != 0)
		worker_fatal(w, "%s", e.text);
	commit(w);
	return (uint32_t)starts;
}

/* ---- orders, reports ---- */

static const char *const order_points[] = {
	[ORDER_RESET] = "order.reset", [ORDER_BEGIN] = "order.begin", [ORDER_CLOSE] = "order.close",
	[ORDER_MARK] = "order.mark", [ORDER_COMMIT] = "order.commit", [ORDER_RECORD] = "order.record",
	[ORDER_OVER] = "order.over",
};

static void order(void *arg, uint32_t worker, const struct order *x)
{
	struct worker *w = arg;
	struct wire_header *h = &w->out.sender.header;
	struct order own = *x;
	struct buf body = { 0 };

	if (!plan_runs_plugin(w->plan, worker) || w->plan->workers[worker].role != ROLE_SPOUT)
		own.offsets = (struct offsets){ 0 };
	*((struct coordinate *)w->role)->attempts = (int64_t)(uint32_t)x->generation;
	(void)failpoint(order_points[x->kind]);
	order_write(&own, &body);
	h->txid = x->txid;
	h->generation = x->generation;
	out_body(&w->out, worker, WIRE_ORDER, &body);
	buf_free(&body);
}

static void give_up(void *arg, const char *text)
{
	struct worker *w = arg;

	w->status->hopeless = 1;
	worker_fatal(w, "%s", text);
}

static const struct coordinator_ops ops = {
	.order = order, .write_cut = write_cut, .write_record = write_record, .give_up = give_up,
};

/* say_failed tells people what they would learn else only when the run gives up. */
static void say_failed(struct worker *w, const struct order *x)
{
	const struct coordinate *c = w->role;

	fprintf(stderr, "warn: batch %llu has failed, attempt %u of %u: %.*s; it and what follows comes again\n",
	    (unsigned long long)x->txid, c->coordinator.failures, c->coordinator.config.attempts,
	    (int)x->n_text, x->text);
}

static bool take_reports(struct worker *w)
{
	struct coordinate *c = w->role;
	struct wire_reader r;
	struct frame *f;
	struct order x;
	uint32_t failures;
	int n = 0;

	for (; n < REPORTS_PER_TURN && (f = inbox_receive(w->acks, w->now_ns)) != NULL; n++) {
		if (worker_frame_ok(w, f, &r) && r.header.kind == WIRE_REPORT &&
		    order_read(&x, r.at, (size_t)(r.end - r.at), r.header.txid, r.header.generation)) {
			failures = c->coordinator.failures;
			coordinator_report(&c->coordinator, r.header.worker, &x, w->now_ns);
			if (c->coordinator.failures > failures)
				say_failed(w, &x);
			order_free(&x);
		}
		frame_release(w->acks, f);
	}
	return n > 0;
}

/* ---- for who looks ---- */

enum { WAITED_FOR_MOST = 8 };	/* workers that are named */

static void describe_waits(struct buf *out, const bool *waits, uint32_t n)
{
	uint32_t named = 0;

	for (uint32_t i = 0; i < n && named < WAITED_FOR_MOST; i++)
		if (waits[i])
			buf_printf(out, "%c%u", named++ == 0 ? ' ' : ',', i);
	buf_puts(out, named == 0 ? " -" : "");
}

/* describe_reset: before there are batches again all have to be ready. */
static void describe_reset(const struct coordinator *c, bool *waits, struct buf *out)
{
	for (uint32_t i = 0; i < c->config.n_workers; i++)
		waits[i] = !c->workers[i].absent && !c->workers[i].ready;
	buf_printf(out, "\tbatch %" PRIu64 " %u resetting 0", c->txid + 1, coordinator_attempt(c, c->txid + 1));
	describe_waits(out, waits, c->config.n_workers);
}

void coordinate_describe(const struct worker *w, struct buf *out)
{
	static const char *const steps[] = { [STEP_FILLING] = "filling", [STEP_CUTTING] = "cutting",
		[STEP_CLOSING] = "closing", [STEP_COMPLETE] = "complete", [STEP_COMMITTING] = "committing" };
	const struct coordinator *c = &((const struct coordinate *)w->role)->coordinator;
	bool *waits = xcalloc((size_t)c->config.n_workers + 1, sizeof *waits);
	enum coordinator_step step;
	uint64_t since_ns;

	if (c->phase == COORDINATOR_RESETTING)
		describe_reset(c, waits, out);
	for (uint64_t txid = c->txid + 1; txid < c->next; txid++) {
		if (!coordinator_look(c, txid, &step, &since_ns, waits))
			continue;
		buf_printf(out, "\tbatch %" PRIu64 " %u %s %" PRIu64, txid, coordinator_attempt(c, txid),
		    steps[step], (w->now_ns - since_ns) / NS_PER_MS);
		describe_waits(out, waits, c->config.n_workers);
	}
	free(waits);
}

uint64_t coordinate_committed(const struct worker *w)
{
	return ((const struct coordinate *)w->role)->coordinator.txid;
}

/* ---- the role ---- */

/* tell_absent: who is nobody in the plan, and this one itself. */
static void tell_absent(struct worker *w)
{
	struct coordinate *c = w->role;

	for (uint32_t i = 0; i < w->plan->n_workers; i++)
		if (!plan_runs_plugin(w->plan, i))
			coordinator_absent(&c->coordinator, i);
}

static void start(struct worker *w)
{
	const struct topology *t = w->topology;
	struct coordinate *c = xcalloc(1, sizeof *c);
	struct coordinator_config config = {
		.n_workers = w->plan->n_workers,
		.batches = topology_batches_in_flight(t),
		.interval_ns = (uint64_t)topology_int(t, NULL, "topology.transaction.batch.interval.ms") * NS_PER_MS,
		.attempts = topology_batch_attempts(t),
		.held_most = (uint64_t)topology_int(t, NULL, "topology.held.bytes"),
		.cuts = !t->transaction.opaque,
	};
	const struct setting *timeouts = topology_config(t, NULL, "topology.enable.message.timeouts");

	if (timeouts->b)
		config.timeout_ns = (uint64_t)topology_ms(t, NULL, "topology.message.timeout.secs") * NS_PER_MS;
	w->role = c;
	c->batches = metric(w, 0, "batches");
	c->rounds = metric(w, 1, "rounds");
	c->attempts = metric(w, 2, "attempts");
	w->status->survives = 1;
	open_state(w);
	coordinator_init(&c->coordinator, &config, count_start(w), &ops, w);
	tell_absent(w);
	read_record(w);
	read_cuts(w);
	coordinator_start(&c->coordinator, w->now_ns);
}

static bool turn(struct worker *w)
{
	struct coordinate *c = w->role;
	bool any = take_reports(w);
	/* One that was started when the end was under way is told of that alone, and has to go to it. */
	bool active = w->active || w->ending == ENDING_FINISH;

	if (active != c->coordinator.active)
		coordinator_activate(&c->coordinator, active, w->now_ns);
	if (w->ending != ENDING_NOT && !c->stopping) {
		c->stopping = true;
		coordinator_stop(&c->coordinator, w->ending == ENDING_FINISH && !worker_state_lasts(w), w->now_ns);
	}
	if (coordinator_due(&c->coordinator) <= w->now_ns)
		coordinator_turn(&c->coordinator, w->now_ns);
	w->status->pending = coordinator_in_flight(&c->coordinator);
	return any;
}

static bool rest(struct worker *w)
{
	(void)w;	/* it never ends by itself: who has not heard that all is over needs it */
	return false;
}

static uint64_t due(const struct worker *w)
{
	const struct coordinate *c = w->role;

	return coordinator_due(&c->coordinator);
}

static bool wants_data(const struct worker *w)
{
	(void)w;
	return false;
}

static void stop(struct worker *w)
{
	struct coordinate *c = w->role;

	state_close(c->state);
	coordinator_free(&c->coordinator);
	free(c);
}

void coordinate_freeze(struct worker *w, bool freeze)
{
	struct coordinate *c = w->role;

	coordinator_freeze(&c->coordinator, freeze, w->now_ns);
}

void coordinate_lost(struct worker *w)
{
	struct coordinate *c = w->role;

	coordinator_lost(&c->coordinator, w->now_ns);
}

void coordinate_named(struct worker *w, uint64_t root, const char *text)
{
	struct coordinate *c = w->role;

	coordinator_charged(&c->coordinator, root, text, w->now_ns);
}

/* laid_out: at once a new generation, in which nothing can be decided before all are in it. The fence
 * of who is new has another one begin, when nobody sends to who is gone. */
static void laid_out(struct worker *w, const struct plan *was)
{
	struct coordinate *c = w->role;

	(void)was;
	coordinator_lay_out(&c->coordinator, w->plan->n_workers);
	tell_absent(w);
	coordinator_lost(&c->coordinator, w->now_ns);
}

const struct role_ops coordinator_ops = {
	.start = start, .turn = turn, .rest = rest, .due = due, .wants_data = wants_data,
	.laid_out = laid_out, .stop = stop,
};
