/* coordinator.c - see coordinator.h. SPDX-License-Identifier: Apache-2.0 */
#include "coordinator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"

/* A batch that is cut anew when it comes again may end earlier: what failed is in a later one then.
 * Failures are forgotten only when the record is so many batches beyond, and where the spouts were. */
enum { DRIFT = 2 };

static struct coordinator_batch *batch_of(struct coordinator *c, uint64_t txid)
{
	return &c->batches[txid % COORDINATOR_PLACES];
}

static bool in_flight(const struct coordinator *c, uint64_t txid)
{
	return txid > c->txid && txid < c->next;
}

static void clear_batch(struct coordinator_batch *b)
{
	offsets_free(&b->ends);
	*b = (struct coordinator_batch){ 0 };
}

/* ---- orders ---- */

/* order_all sends X to all workers that have one of ROLES; 0: to all. */
static void order_all(struct coordinator *c, struct order *x, uint8_t roles)
{
	x->generation = c->generation;
	for (uint32_t i = 0; i < c->config.n_workers; i++)
		if (!c->workers[i].absent && (roles == 0 || (c->workers[i].roles & roles) != 0))
			c->ops->order(c->arg, i, x);
}

/* all tells whether every worker that has one of ROLES (0: every worker) has said WHAT, one of
 * the numbers in struct coordinator_worker, of TXID. */
static bool all(const struct coordinator *c, uint8_t roles, size_t what, uint64_t txid)
{
	for (uint32_t i = 0; i < c->config.n_workers; i++) {
		const struct coordinator_worker *w = &c->workers[i];
		uint64_t said;

		memcpy(&said, (const char *)w + what, sizeof said);
		if (!w->absent && (roles == 0 || (w->roles & roles) != 0) && said < txid)
			return false;
	}
	return true;
}
#define ALL(C, ROLES, WHAT, TXID) all((C), (ROLES), offsetof(struct coordinator_worker, WHAT), (TXID))

/* ---- resets ---- */

/* forget_attempt drops what this attempt has made of the batches in flight. What was cut for
 * good will be cut there again. */
static void forget_attempt(struct coordinator *c)
{
	bool cuts = c->config.cuts;

	for (uint64_t txid = c->txid + 1; txid <= c->txid + COORDINATOR_PLACES - 1; txid++) {
		struct coordinator_batch *b = batch_of(c, txid);

		cuts = cuts && (b->planned || b->marked);
		if (!cuts) {
			clear_batch(b);
			continue;
		}
		*b = (struct coordinator_batch){ .planned = true, .final = b->final, .ends = b->ends };
	}
	c->next = c->txid + 1;
	c->round = 0;
}

static void reset(struct coordinator *c)
{
	struct order x = { .kind = ORDER_RESET, .txid = c->txid, .final = c->final, .offsets = c->at };

	forget_attempt(c);
	c->generation++;
	c->phase = COORDINATOR_RESETTING;
	for (uint32_t i = 0; i < c->config.n_workers; i++)
		c->workers[i] = (struct coordinator_worker){ .absent = c->workers[i].absent,
			.roles = c->workers[i].roles, .dry = c->txid, .cut = c->txid, .closed = c->txid, .prepared = c->txid,
			.published = c->txid };
	order_all(c, &x, 0);
}

/* charge counts an attempt of TXID that failed by itself (X11); false: it was the last. */
static bool charge(struct coordinator *c, uint64_t txid, const char *text)
{
	char why[ORDER_TEXT_MAX + 256];

	c->charged = true;
	if (txid > c->failed_txid)
		c->failed_txid = txid;
	if (++c->failures < c->config.attempts)
		return true;
	snprintf(why, sizeof why, "batch %llu has failed %u times (topology.max.attempts), and is never "
	    "left out: %s", (unsigned long long)txid, c->failures, text);
	c->ops->give_up(c->arg, why);
	return false;
}

/* on_reached: what failed lies before OFFSETS. */
static void on_reached(struct coordinator *c, const struct offsets *offsets)
{
	for (uint32_t i = 0; c->charged && i < offsets->n; i++) {
		struct offset *at = offsets_at(&c->reached, offsets->items[i].task);

		if (!at->known || at->next < offsets->items[i].next)
			*at = offsets->items[i];
	}
}

/* forgive forgets failures that the record has passed. */
static void forgive(struct coordinator *c)
{
	if (c->txid < c->failed_txid + DRIFT)
		return;
	for (uint32_t i = 0; i < c->reached.n; i++) {
		const struct offset *at = offsets_find(&c->at, c->reached.items[i].task);

		if (at == NULL || !at->known || at->next < c->reached.items[i].next)
			return;
	}
	c->failures = 0;
	offsets_free(&c->reached);
}

/* ---- what goes on, step by step; each tells whether it changed anything ---- */

static bool somebody_is_full(const struct coordinator *c)
{
	for (uint32_t i = 0; i < c->config.n_workers; i++)
		if (c->workers[i].held > c->config.held_most)
			return true;
	return false;
}

/* may_begin: a batch follows one that is closed. After those that are planned one more may
 * always begin: what the spouts emit beyond the last planned end belongs there. And so may one
 * when there is none: what somebody holds may be its beginning, and only its commit frees it. */
static bool may_begin(struct coordinator *c)
{
	const struct coordinator_batch *last = c->next > c->txid + 1 ? batch_of(c, c->next - 1) : NULL;

	if (!c->active || c->final || (c->stopping && !c->finish))
		return false;
	if (last != NULL && (!last->closing || last->final))
		return false;
	if (batch_of(c, c->next)->planned || (last != NULL && last->planned))
		return true;
	return last == NULL || (c->next - c->txid - 1 < c->config.batches && !somebody_is_full(c));
}

static bool begin(struct coordinator *c, uint64_t now_ns)
{
	struct coordinator_batch *b = batch_of(c, c->next);
	struct order x = { .kind = ORDER_BEGIN, .txid = c->next };

	if (!may_begin(c))
		return false;
	b->begun = true;
	x.planned = b->closing = b->planned;
	x.final = b->final;
	if (b->planned)
		x.offsets = b->ends;
	b->close_ns = now_ns;
	c->next++;
	order_all(c, &x, ROLE_CUTS);
	return true;
}

/* should_close tells whether the open batch B, number TXID, shall end here. It is the last one
 * when no spout has or will have anything for it. */
static bool should_close(const struct coordinator *c, struct coordinator_batch *b, uint64_t txid,
    uint64_t now_ns)
{
	if (!b->fed && ((c->stopping && c->finish) || ALL(c, ROLE_CUTS, dry, txid))) {
		b->final = true;
		return true;
	}
	return b->full || (b->data && (c->stopping || now_ns - c->closed_ns >= c->config.interval_ns));
}

/* may_close: the one behind those that are planned waits, or each attempt would add one. */
static bool may_close(const struct coordinator *c)
{
	return c->next - c->txid - 1 <= c->config.batches;
}

static bool close_open(struct coordinator *c, uint64_t now_ns)
{
	uint64_t txid = c->next - 1;
	struct coordinator_batch *b = batch_of(c, txid);
	struct order x = { .kind = ORDER_CLOSE, .txid = txid };

	if (!in_flight(c, txid) || b->closing || !may_close(c) || !should_close(c, b, txid, now_ns))
		return false;
	b->closing = true;
	x.final = b->final;
	b->close_ns = c->closed_ns = now_ns;
	order_all(c, &x, ROLE_CUTS);
	return true;
}

/* mark lets the markers of the next batch go that all spouts have cut, in order. */
static bool mark(struct coordinator *c)
{
	for (uint64_t txid = c->txid + 1; txid < c->next; txid++) {
		struct coordinator_batch *b = batch_of(c, txid);
		struct order x = { .kind = ORDER_MARK, .txid = txid, .final = b->final };

		if (b->marked)
			continue;
		if (!b->closing || !ALL(c, ROLE_CUTS, cut, txid))
			return false;
		if (c->config.cuts && !b->planned)
			c->ops->write_cut(c->arg, txid, &b->ends, b->final);
		b->marked = true;
		order_all(c, &x, ROLE_CUTS);
		return true;
	}
	return false;
}

/* commit begins a round with all batches that are complete by now (X6), after the last one is
 * decided (X7). */
static bool commit(struct coordinator *c)
{
	struct order x = { .kind = ORDER_COMMIT, .txid = c->txid };

	if (c->round != 0)
		return false;
	while (x.txid + 1 < c->next && batch_of(c, x.txid + 1)->marked && ALL(c, 0, closed, x.txid + 1))
		x.txid++;
	if (x.txid == c->txid)
		return false;
	c->round = x.txid;
	order_all(c, &x, ROLE_PREPARES);
	return true;
}

/* decide writes the record when all have prepared the round (X2, X6). */
static bool decide(struct coordinator *c)
{
	struct order x = { .kind = ORDER_RECORD, .txid = c->round };

	if (c->round == 0 || c->frozen || !ALL(c, ROLE_PREPARES, prepared, c->round))
		return false;
	for (uint64_t txid = c->txid + 1; txid <= c->round; txid++)
		offsets_merge(&c->at, &batch_of(c, txid)->ends);
	c->final = batch_of(c, c->round)->final;
	c->ops->write_record(c->arg, c->round, &c->at, c->final);
	for (; c->txid < c->round; c->txid++)
		clear_batch(batch_of(c, c->txid + 1));
	c->round = 0;
	forgive(c);
	order_all(c, &x, ROLE_CUTS | ROLE_PUBLISHES);
	return true;
}

/* nothing_open: no batch has anything in it. */
static bool nothing_open(struct coordinator *c)
{
	for (uint64_t txid = c->txid + 1; txid < c->next; txid++)
		if (batch_of(c, txid)->closing || batch_of(c, txid)->data)
			return false;
	return true;
}

static bool end(struct coordinator *c)
{
	struct order x = { .kind = ORDER_OVER, .txid = c->txid };

	if (!(c->final || (c->stopping && !c->finish && nothing_open(c))) ||
	    !ALL(c, ROLE_PUBLISHES, published, c->txid))
		return false;
	order_all(c, &x, 0);
	c->phase = COORDINATOR_OVER;
	return true;
}

static void advance(struct coordinator *c, uint64_t now_ns)
{
	while (c->phase == COORDINATOR_RUNNING && (begin(c, now_ns) || close_open(c, now_ns) ||
	    mark(c) || commit(c) || decide(c) || end(c)))
		;
}

/* ---- reports ---- */

/* take_starts notes where tasks begin that the record says nothing of: a followed file may begin
 * at its end, and that is elsewhere when it is opened again. */
static void take_starts(struct coordinator *c, const struct offsets *starts)
{
	for (uint32_t i = 0; i < starts->n; i++) {
		if (!starts->items[i].known || offsets_find(&c->at, starts->items[i].task) != NULL)
			continue;
		*offsets_at(&c->at, starts->items[i].task) = starts->items[i];
		c->new_starts = true;
	}
}

static void on_ready(struct coordinator *c, struct coordinator_worker *w, const struct order *x)
{
	w->ready = true;
	w->roles = x->roles;
	take_starts(c, &x->offsets);
	for (uint32_t i = 0; i < c->config.n_workers; i++)
		if (!c->workers[i].absent && !c->workers[i].ready)
			return;
	if (c->new_starts)
		c->ops->write_record(c->arg, c->txid, &c->at, c->final);
	c->new_starts = false;
	c->charged = false;
	c->phase = COORDINATOR_RUNNING;
}

static void on_failed(struct coordinator *c, const struct order *x)
{
	char text[ORDER_TEXT_MAX + 1];

	snprintf(text, sizeof text, "%.*s", (int)x->n_text, x->text);
	if (charge(c, x->txid, text))
		reset(c);
}

static void on_held(struct coordinator *c, struct coordinator_worker *w, const struct order *x,
    uint64_t now_ns)
{
	w->held = x->n;
	c->worked_ns = now_ns;
}

/* on_batch is for what is said of a batch in flight. */
static void on_batch(struct coordinator *c, struct coordinator_worker *w, const struct order *x)
{
	struct coordinator_batch *b = batch_of(c, x->txid);

	switch (x->kind) {
	case REPORT_FULL:
		b->full = true;
		/* fall through */
	case REPORT_DATA:
		b->data = true;
		b->fed |= (w->roles & ROLE_CUTS) != 0;
		break;
	case REPORT_DRY:
		w->dry = x->txid;
		break;
	case REPORT_CUT:
		if (!b->planned)
			offsets_merge(&b->ends, &x->offsets);
		w->cut = x->txid;
		break;
	case REPORT_CLOSED:
		w->closed = x->txid;
		w->held = x->n;
		break;
	case REPORT_PREPARED:
		w->prepared = x->txid;
		break;
	case REPORT_FAILED:
		on_failed(c, x);
		break;
	default:
		break;
	}
}

/* early: a worker that is ready may have something, or fail, before all the others are: a tick
 * of it comes at any time. */
static bool early(const struct coordinator *c, const struct coordinator_worker *w, const struct order *x)
{
	return c->phase == COORDINATOR_RESETTING && w->ready &&
	    (x->kind == REPORT_DATA || x->kind == REPORT_FAILED);
}

void coordinator_report(struct coordinator *c, uint32_t worker, const struct order *x, uint64_t now_ns)
{
	struct coordinator_worker *w = &c->workers[worker];

	if (x->generation != c->generation || w->absent)
		return;		/* of an attempt that is undone (X1) */
	if (x->kind == REPORT_READY && c->phase == COORDINATOR_RESETTING)
		on_ready(c, w, x);
	else if (x->kind == REPORT_REACHED)
		on_reached(c, &x->offsets);
	else if (c->phase != COORDINATOR_RUNNING && !early(c, w, x))
		return;
	else if (x->kind == REPORT_HELD)
		on_held(c, w, x, now_ns);
	else if (x->kind == REPORT_PUBLISHED)
		w->published = x->txid;
	else if (x->txid > c->txid && x->txid - c->txid < COORDINATOR_PLACES)
		on_batch(c, w, x);	/* a tick may have something for one that is not begun */
	advance(c, now_ns);
}

/* ---- what else happens ---- */

void coordinator_lost(struct coordinator *c, uint64_t now_ns)
{
	if (c->phase == COORDINATOR_NEW)
		return;
	reset(c);
	advance(c, now_ns);
}

void coordinator_charged(struct coordinator *c, uint64_t txid, const char *text, uint64_t now_ns)
{
	if (in_flight(c, txid))
		charge(c, txid, text);
	advance(c, now_ns);
}

/* late_at gives when batch TXID, which is closed, is late. */
static uint64_t late_at(const struct coordinator *c, uint64_t txid)
{
	uint64_t since = c->batches[txid % COORDINATOR_PLACES].close_ns;

	return (since > c->worked_ns ? since : c->worked_ns) + c->config.timeout_ns;
}

static void fail_late(struct coordinator *c, uint64_t txid)
{
	char text[128];

	snprintf(text, sizeof text, "nothing has moved for %llu ms (topology.message.timeout.secs)",
	    (unsigned long long)(c->config.timeout_ns / NS_PER_MS));
	if (charge(c, txid, text))
		reset(c);
}

void coordinator_turn(struct coordinator *c, uint64_t now_ns)
{
	for (uint64_t txid = c->txid + 1; c->config.timeout_ns != 0 &&
	    c->phase == COORDINATOR_RUNNING && txid < c->next; txid++) {
		if (batch_of(c, txid)->closing && now_ns >= late_at(c, txid))
			fail_late(c, txid);
	}
	advance(c, now_ns);
}

uint64_t coordinator_due(const struct coordinator *c)
{
	uint64_t due = UINT64_MAX;

	for (uint64_t txid = c->txid + 1; c->phase == COORDINATOR_RUNNING && txid < c->next; txid++) {
		const struct coordinator_batch *b = &c->batches[txid % COORDINATOR_PLACES];
		uint64_t at = UINT64_MAX;

		if (b->closing && c->config.timeout_ns != 0)
			at = late_at(c, txid);
		else if (!b->closing && b->data && may_close(c))
			at = c->closed_ns + c->config.interval_ns;
		if (at < due)
			due = at;
	}
	return due;
}

uint32_t coordinator_in_flight(const struct coordinator *c)
{
	uint32_t n = 0;

	for (uint64_t txid = c->txid + 1; txid < c->next; txid++) {
		const struct coordinator_batch *b = &c->batches[txid % COORDINATOR_PLACES];

		n += b->data || b->closing;
	}
	return n;
}

/* ---- for who looks ---- */

uint32_t coordinator_attempt(const struct coordinator *c, uint64_t txid)
{
	return txid <= c->failed_txid ? c->failures + 1 : 1;
}

/* waits_for: the batch TXID at STEP waits for W. */
static bool waits_for(const struct coordinator_worker *w, uint64_t txid, enum coordinator_step step)
{
	if (w->absent)
		return false;
	switch (step) {
	case STEP_CUTTING:
		return (w->roles & ROLE_CUTS) != 0 && w->cut < txid;
	case STEP_CLOSING:
		return w->closed < txid;
	case STEP_COMMITTING:
		return (w->roles & ROLE_PREPARES) != 0 && w->prepared < txid;
	default:
		return false;
	}
}

bool coordinator_look(const struct coordinator *c, uint64_t txid, enum coordinator_step *step,
    uint64_t *since_ns, bool *waits)
{
	const struct coordinator_batch *b = &c->batches[txid % COORDINATOR_PLACES];

	if (!in_flight(c, txid) || (!b->data && !b->closing))
		return false;
	*since_ns = b->close_ns;
	if (!b->closing)
		*step = STEP_FILLING;
	else if (!b->marked)
		*step = STEP_CUTTING;
	else if (txid <= c->round)
		*step = STEP_COMMITTING;
	else
		*step = ALL(c, 0, closed, txid) ? STEP_COMPLETE : STEP_CLOSING;
	for (uint32_t i = 0; i < c->config.n_workers; i++)
		waits[i] = !c->workers[i].absent && waits_for(&c->workers[i], *step == STEP_COMMITTING ? c->round : txid, *step);
	return true;
}

/* ---- life ---- */

void coordinator_init(struct coordinator *c, const struct coordinator_config *config, uint32_t incarnation,
    const struct coordinator_ops *ops, void *arg)
{
	*c = (struct coordinator){ .config = *config, .ops = ops, .arg = arg, .next = 1,
		.generation = (uint64_t)incarnation << 32 };
	c->workers = xcalloc((size_t)config->n_workers + 1, sizeof *c->workers);
}

void coordinator_free(struct coordinator *c)
{
	for (size_t i = 0; i < COORDINATOR_PLACES; i++)
		clear_batch(&c->batches[i]);
	offsets_free(&c->at);
	offsets_free(&c->reached);
	free(c->workers);
}

void coordinator_known_record(struct coordinator *c, uint64_t txid, const struct offsets *at, bool final)
{
	c->txid = txid;
	c->next = txid + 1;
	c->final = final;
	offsets_merge(&c->at, at);
}

void coordinator_known_cut(struct coordinator *c, uint64_t txid, const struct offsets *ends, bool final)
{
	struct coordinator_batch *b = batch_of(c, txid);

	b->planned = true;
	b->final = final;
	offsets_merge(&b->ends, ends);
}

void coordinator_absent(struct coordinator *c, uint32_t worker)
{
	c->workers[worker].absent = true;
}

void coordinator_lay_out(struct coordinator *c, uint32_t n)
{
	free(c->workers);
	c->config.n_workers = n;
	c->workers = xcalloc((size_t)n + 1, sizeof *c->workers);
}

void coordinator_start(struct coordinator *c, uint64_t now_ns)
{
	reset(c);
	advance(c, now_ns);
}

void coordinator_activate(struct coordinator *c, bool active, uint64_t now_ns)
{
	c->active = active;
	advance(c, now_ns);
}

void coordinator_freeze(struct coordinator *c, bool freeze, uint64_t now_ns)
{
	c->frozen = freeze;
	advance(c, now_ns);
}

void coordinator_stop(struct coordinator *c, bool finish, uint64_t now_ns)
{
	c->stopping = true;
	c->finish = finish;
	advance(c, now_ns);
}
