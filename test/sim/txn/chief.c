/* chief.c - the coordinator's process: coordinator.c between the network and its disk.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "clock.h"
#include "memory.h"
#include "txn.h"

static void send_order(void *arg, uint32_t worker, const struct order *x)
{
	struct node *n = arg;
	struct frame *f = frame_new(n, FRAME_ORDER, x->txid, x->generation);

	if (x->kind == ORDER_RESET && worker == 0)
		n->w->tally.resets++;
	order_write(x, &f->body);
	net_send(n, worker, f);
}

static void write_cut(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	struct node *n = arg;

	if (n->dying || fault_write(n, false))
		return;
	trace(n->w, "cut", n->number, txid, final);
	oracle_cut(n->w, txid, ends);
	disk_write_cut(n->w, txid, ends, final);
	disk_sync_ledger(n->w);
	fault_write(n, true);
}

static void write_record(void *arg, uint64_t txid, const struct offsets *ends, bool final)
{
	struct node *n = arg;

	if (n->dying || fault_write(n, false))
		return;
	trace(n->w, "record", n->number, txid, final);
	if (n->w->steps < n->frozen_until && txid > n->w->ledger.txid)
		violated(n->w, "frozen", "batch %llu is decided while the record is held", (unsigned long long)txid);
	n->w->quiet = n->w->steps;
	n->w->tally.rounds++;
	n->w->tally.grouped += txid - n->w->expected.txid > 1;
	oracle_decided(n, txid, ends);
	disk_write_record(n->w, txid, ends, final);
	disk_sync_ledger(n->w);
	fault_write(n, true);
}

static void give_up(void *arg, const char *text)
{
	struct node *n = arg;

	violated(n->w, "attempts", "the coordinator gives up: %s", text);
}

static const struct coordinator_ops ops = {
	.order = send_order, .write_cut = write_cut, .write_record = write_record, .give_up = give_up
};

void chief_begin(struct node *n)
{
	struct world *w = n->w;
	struct coordinator_config config = { .n_workers = w->n_workers, .batches = w->set.in_flight,
		.interval_ns = w->set.interval_us * (uint64_t)1000,
		.timeout_ns = w->set.timeout_ms * (uint64_t)NS_PER_MS,
		.attempts = w->set.fails ? 1000 : 1, .held_most = w->set.held_most, .cuts = w->set.cuts };

	n->chief = xcalloc(1, sizeof *n->chief);
	coordinator_init(n->chief, &config, n->start, &ops, n);
	coordinator_known_record(n->chief, w->ledger.txid, &w->ledger.at, w->ledger.final);
	for (uint64_t t = w->ledger.txid + 1; t < MOST_BATCHES; t++)
		if (w->ledger.cuts[t].there)
			coordinator_known_cut(n->chief, t, &w->ledger.cuts[t].ends, w->ledger.cuts[t].final);
	coordinator_start(n->chief, w->now_ns);
	coordinator_activate(n->chief, true, w->now_ns);
	if (w->stop)
		coordinator_stop(n->chief, w->stop_finish, w->now_ns);
}

/* chief_freeze: somebody reads the state of the running topology (X13). */
void chief_freeze(struct node *n, uint64_t until)
{
	n->frozen_until = until;
	coordinator_freeze(n->chief, true, n->w->now_ns);
}

void chief_end(struct node *n)
{
	n->frozen_until = 0;
	coordinator_free(n->chief);
	free(n->chief);
	n->chief = NULL;
}

static void hear_report(struct node *n)
{
	struct frame *f = net_take(n, false);
	struct order x;

	if (f == NULL)
		return;
	if (node_takes(n, f)) {
		if (!order_read(&x, (const uint8_t *)f->body.data, f->body.n, f->txid, f->generation))
			violated(n->w, "reports", "a report can't be read");
		coordinator_report(n->chief, f->from, &x, n->w->now_ns);
		order_free(&x);
	}
	frame_free(f);
}

void chief_step(struct node *n)
{
	struct note note;

	if (n->w->steps >= n->deaf_until && chance(n->w, n->w->set.heeds) && note_hear(n, &note)) {
		if (note.lost) {
			coordinator_lost(n->chief, n->w->now_ns);
		} else {
			if (note.start > n->sends_to[note.worker])
				n->sends_to[note.worker] = note.start;
			super_confirmed(n, note.worker, note.start);
		}
		return;
	}
	if (n->chief->frozen && n->w->steps >= n->frozen_until)
		coordinator_freeze(n->chief, false, n->w->now_ns);
	hear_report(n);
	if (coordinator_due(n->chief) <= n->w->now_ns)
		coordinator_turn(n->chief, n->w->now_ns);
}
