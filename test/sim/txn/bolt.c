/* bolt.c - a split without state, a count, a sum, a sink; glue as in batch.c and batch_bolt.c.
 *
 *     split   an item becomes two, of two keys
 *     count   counts items by key, and emits each new count; at the end the counts once more
 *     sum     adds up what comes by key, and emits the sums that a batch has changed when it
 *             has all of it; at the end all sums
 *     sink    puts lines into one file per batch: prepared with the round, published when it is
 *             decided. How many there are of a key it keeps in state
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "random.h"
#include "txn.h"

void bolt_begin(struct node *n)
{
	struct world *w = n->w;
	bool upstream[MOST_NODES] = { false };
	struct error e;
	char path[32];

	for (uint32_t i = 0; i < w->n_workers; i++)
		upstream[i] = node_feeds(&w->nodes[i], n->number);
	batches_init(&n->batches, upstream, w->n_workers);
	n->pending = (struct files){ 0 };
	for (uint32_t t = 0; t < n->n_tasks && n->kind != KIND_SPLIT; t++) {
		snprintf(path, sizeof path, "%u %u", n->number, t);
		n->state[t] = state_open(path, 1, &e);
		if (n->state[t] == NULL)
			violated(w, "state", "%s", e.text);
	}
}

static void drop_aside(struct node *n)
{
	struct frame *f;

	while ((f = batches_drop_aside(&n->batches)) != NULL)
		frame_free(f);
}

void bolt_end(struct node *n)
{
	drop_aside(n);
	batches_free(&n->batches);
	files_free(&n->pending);
	for (uint32_t t = 0; t < MOST_TASKS; t++) {
		state_close(n->state[t]);
		n->state[t] = NULL;
	}
}

/* failed: what went wrong on disk ends the process, unless it was meant to (X12). */
static void failed(struct node *n, const char *what, const struct error *e)
{
	if (!n->dying)
		violated(n->w, "state", "%s: %s", what, e->text);
}

/* ---- state ---- */

static struct state *state_of(struct node *n, uint8_t key)
{
	uint32_t task;

	if (node_of_key(n->w, n->kind, key, &task) != n)
		violated(n->w, "routing", "worker %u has got key %u", n->number, key);
	return n->state[task];
}

static uint64_t add(struct node *n, char what, uint8_t key, int64_t by)
{
	char name[2] = { what, (char)key };
	struct error e;
	int64_t sum = 0;

	if (state_add(state_of(n, key), name, sizeof name, by, &sum, &e) != 1)
		failed(n, "add", &e);
	return (uint64_t)sum;
}

/* flag keeps a value while COUNT is not divisible by three: it is put and deleted. */
static void flag(struct node *n, uint8_t key, uint64_t count)
{
	char name[2] = { 'f', (char)key };
	struct error e;
	int rc;

	if (count % 3 == 0)
		rc = state_delete(state_of(n, key), name, sizeof name, &e);
	else
		rc = state_put(state_of(n, key), name, sizeof name, &count, sizeof count, &e);
	if (rc != 0)
		failed(n, "flag", &e);
}

static uint64_t value_of(struct node *n, char what, uint8_t key)
{
	char name[2] = { what, (char)key };
	gale_slice value;
	struct error e;
	uint64_t x = 0;

	if (state_get(state_of(n, key), name, sizeof name, &value, &e) == 1)
		memcpy(&x, value.bytes, sizeof x);
	return x;
}

static bool is_mine(struct node *n, uint8_t key)
{
	uint32_t task;

	return node_of_key(n->w, n->kind, key, &task) == n;
}

/* ---- execute ---- */

static void emit_to(struct node *n, enum kind kind, enum tuple_type type, uint8_t key, uint64_t value)
{
	uint32_t task;

	node_emit(n, node_of_key(n->w, kind, key, &task)->number,
	    (struct tuple){ .type = (uint8_t)type, .key = key, .value = (uint32_t)value });
}

static void execute(struct node *n, struct tuple t)
{
	uint64_t count;

	n->seen += random_mix(random_mix((uint64_t)t.type << 8 | t.key) ^ t.value);
	switch (n->kind) {
	case KIND_SPLIT:
		emit_to(n, KIND_COUNT, TUPLE_ITEM, t.key, t.value);
		emit_to(n, KIND_COUNT, TUPLE_ITEM, (uint8_t)((t.key + 3) % KEYS), t.value);
		break;
	case KIND_COUNT:
		count = add(n, 'c', t.key, 1);
		flag(n, t.key, count);
		emit_to(n, KIND_SUM, TUPLE_COUNTED, t.key, count);
		break;
	case KIND_SUM:
		add(n, 's', t.key, t.type == TUPLE_DIRECT ? 1000 : (int64_t)t.value);
		n->sums[t.key] = true;
		break;
	default:
		add(n, 'n', t.key, 1);
		file_add(files_at(&n->pending, n->txid), (struct line){ t.key, t.value });
	}
}

static void fail(struct node *n)
{
	n->fail_next = false;
	n->failed = true;
	node_say(n, REPORT_FAILED, n->txid, 0);
}

/* work executes F; a tuple of it may fail. */
static void work(struct node *n, struct frame *f)
{
	if (n->batches.last != 0 && f->txid > n->batches.last)
		violated(n->w, "final", "batch %llu has something, and %llu is the last", (unsigned long long)f->txid,
		    (unsigned long long)n->batches.last);
	for (uint32_t i = 0; i < f->n && !n->failed; i++) {
		if (n->fail_next && chance(n->w, 300))
			fail(n);
		else
			execute(n, f->tuples[i]);
	}
	frame_free(f);
}

void bolt_frame(struct node *n, struct frame *f)
{
	if (f->kind == FRAME_MARKER) {
		batches_marker(&n->batches, f->from, f->txid, f->generation, f->last);
		frame_free(f);
		return;
	}
	switch (batches_frame(&n->batches, f->txid, f->generation)) {
	case BATCHES_NOW:
		work(n, f);
		break;
	case BATCHES_ASIDE:
		n->w->tally.aside++;
		batches_put_aside(&n->batches, f->txid, f, f->n);
		break;
	default:
		frame_free(f);
	}
}

/* ---- the end of a batch ---- */

static size_t held(const struct node *n)
{
	size_t bytes = n->batches.aside_bytes;

	for (uint32_t t = 0; t < n->n_tasks; t++)
		if (n->state[t] != NULL)
			bytes += state_bytes(n->state[t]);
	return bytes;
}

static void enter(struct node *n, uint64_t txid)
{
	n->txid = txid;
	n->seen = 0;
	memset(n->sums, 0, sizeof n->sums);
	for (uint32_t t = 0; t < n->n_tasks; t++)
		if (n->state[t] != NULL)
			state_begin_batch(n->state[t], txid);
}

static void finish_batch(struct node *n)
{
	for (uint8_t key = 0; key < KEYS && n->kind == KIND_SUM; key++)
		if (n->sums[key])
			emit_to(n, KIND_SINK, TUPLE_TOTAL, key, value_of(n, 's', key));
}

static void finish(struct node *n)
{
	for (uint8_t key = 0; key < KEYS; key++) {
		uint64_t value = n->kind == KIND_COUNT && is_mine(n, key) ? value_of(n, 'c', key) :
		    n->kind == KIND_SUM && is_mine(n, key) ? value_of(n, 's', key) : 0;

		if (value > 0 && n->kind == KIND_COUNT)
			emit_to(n, KIND_SUM, TUPLE_COUNTED, key, 100 * value);
		else if (value > 0)
			emit_to(n, KIND_SINK, TUPLE_TOTAL, key, value + 1);
	}
}

static void close_batch(struct node *n)
{
	uint64_t txid = n->batches.txid;
	bool last = n->batches.last == txid;

	finish_batch(n);
	if (last)
		finish(n);
	node_flush(n);
	node_mark(n, txid, last);
	oracle_closed(n, txid, last);
	node_say(n, REPORT_CLOSED, txid, held(n));
	batches_close(&n->batches);
	enter(n, txid + 1);
}

/* tick: it has something for the batch in hand, or fails; also before all workers are ready. */
static void tick(struct node *n)
{
	if (n->fail_next)
		fail(n);
	else if (n->touched != n->txid)
		node_say(n, REPORT_DATA, n->touched = n->txid, 0);
}

void bolt_turn(struct node *n)
{
	struct frame *f = batches_take(&n->batches);

	if (f != NULL)
		work(n, f);
	else if (batches_complete(&n->batches))
		close_batch(n);
	else if (chance(n->w, n->fail_next ? 100 : 2))
		tick(n);
}

/* ---- rounds ---- */

/* persist: lines of batches up to LAST go to disk, synced. */
static void persist(struct node *n, uint64_t last)
{
	for (size_t i = n->pending.n; i-- > 0; ) {
		struct file *from = &n->pending.items[i], *to;

		if (from->txid > last)
			continue;
		if (n->dying || fault_write(n, false))
			return;
		to = files_at(&n->files, from->txid);
		to->n = 0;
		to->generation = n->generation;
		for (size_t k = 0; k < from->n; k++)
			file_add(to, from->lines[k]);
		to->synced = true;
		free(from->lines);
		*from = n->pending.items[--n->pending.n];
		if (fault_write(n, true))
			return;
	}
}

static void publish(struct node *n, uint64_t last)
{
	for (uint64_t txid = 1; txid <= last; txid++) {
		struct file *f = NULL;

		for (size_t i = 0; i < n->files.n; i++)
			if (n->files.items[i].txid == txid)
				f = &n->files.items[i];
		if (f == NULL || f->published)
			continue;
		if (n->dying || fault_write(n, false))
			return;
		f->published = true;
		n->w->tally.published++;
		if (fault_write(n, true))
			return;
	}
	oracle_published(n, last);
}

static void on_commit(struct node *n, uint64_t last)
{
	struct error e;

	persist(n, last);
	for (uint32_t t = 0; t < n->n_tasks; t++)
		if (n->state[t] != NULL && !n->dying && state_prepare(n->state[t], last, n->generation, &e) != 0)
			failed(n, "prepare", &e);
	node_say(n, REPORT_PREPARED, last, 0);
	node_say(n, REPORT_HELD, last, held(n));
}

void bolt_order(struct node *n, const struct order *x)
{
	trace(n->w, x->kind == ORDER_COMMIT ? "commit" : "decided", n->number, x->txid, 0);
	if (x->kind == ORDER_COMMIT) {
		on_commit(n, x->txid);
	} else if (x->kind == ORDER_RECORD && n->kind == KIND_SINK) {
		publish(n, x->txid);
		node_say(n, REPORT_PUBLISHED, x->txid, 0);
	}
}

/* ---- resets ---- */

void bolt_reset(struct node *n, const struct order *x)
{
	struct error e;

	drop_aside(n);
	batches_reset(&n->batches, x->generation, x->txid);
	files_free(&n->pending);
	for (uint32_t t = 0; t < n->n_tasks && !n->dying; t++) {
		if (n->state[t] == NULL)
			continue;
		n->w->tally.undone += state_txid(n->state[t]) > x->txid;
		if (state_undo(n->state[t], x->txid, &e) != 0)
			failed(n, "undo", &e);
	}
	if (n->dying)
		return;
	if (n->kind == KIND_SINK) {
		files_drop_above(&n->files, x->txid, true);
		publish(n, x->txid);
	}
	if (n->dying)
		return;
	oracle_state(n);
	enter(n, x->txid + 1);
	node_report(n, &(struct order){ .kind = REPORT_READY, .txid = x->txid,
		.roles = (uint8_t)((n->kind != KIND_SPLIT ? ROLE_PREPARES : 0) |
		(n->kind == KIND_SINK ? ROLE_PUBLISHES : 0)) });
}
