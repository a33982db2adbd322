/* oracle.c - what the record says that all must be.
 *
 * Whenever the record is written, the batches that it decides are run here one after the other,
 * from their ends alone, without workers. After every reset the state of a worker must be what
 * came out, and what a sink has published must be those lines; at the end all must be.
 *
 * With cuts what any worker has closed as a batch must be the same in every attempt.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "random.h"
#include "txn.h"

/* ---- batches, one after the other ---- */

static void count(struct expected *x, uint8_t key, bool *sums)
{
	x->sums[key] += ++x->counts[key];
	sums[key] = true;
}

static void put_out(struct expected *x, struct file *f, uint8_t key, uint32_t value)
{
	file_add(f, (struct line){ key, value });
	x->lines[key]++;
}

static void run_batch(struct world *w, const struct offsets *ends, bool final)
{
	struct expected *x = &w->expected;
	struct file *f = &w->lines[++x->txid];
	uint32_t n_tasks = w->set.counts[KIND_SPOUT] * w->set.tasks[KIND_SPOUT];
	bool sums[KEYS] = { false };

	for (uint32_t task = 0; task < n_tasks; task++) {
		const struct offset *end = offsets_find(ends, task);
		uint64_t to = end != NULL && end->known ? end->next : x->next[task];

		if (to < x->next[task] || to > w->set.items)
			violated(w, "position", "batch %" PRIu64 " ends at %" PRIu64 " of task %u, which was at %"
			    PRIu64, x->txid, to, task, x->next[task]);
		for (; x->next[task] < to; x->next[task]++) {
			uint8_t key = item_key(w, task, x->next[task]);

			count(x, key, sums);
			if (w->set.counts[KIND_SPLIT] > 0)
				count(x, (uint8_t)((key + 3) % KEYS), sums);
			if (w->set.direct)
				x->sums[key] += 1000, sums[key] = true;
		}
	}
	for (uint8_t key = 0; final && key < KEYS; key++)
		if (x->counts[key] > 0)
			x->sums[key] += 100 * x->counts[key], sums[key] = true;
	for (uint8_t key = 0; key < KEYS; key++) {
		if (sums[key])
			put_out(x, f, key, x->sums[key]);
		if (final && x->sums[key] > 0)
			put_out(x, f, key, x->sums[key] + 1);
	}
	x->final = final;
}

/* begin_at: the record says where tasks begin, before there is any batch. */
static void begin_at(struct world *w, const struct offsets *at)
{
	if (w->expected.txid != 0)
		violated(w, "position", "spouts begin at batch %" PRIu64, w->expected.txid);
	for (uint32_t i = 0; i < at->n; i++)
		w->expected.next[at->items[i].task] = at->items[i].next;
}

void oracle_decided(struct node *chief, uint64_t last, const struct offsets *at)
{
	struct world *w = chief->w;
	const struct coordinator *c = chief->chief;

	if (last >= MOST_BATCHES - 1)
		violated(w, "size", "there are more batches than this simulation has room for");
	if (w->expected.final)
		violated(w, "final", "batch %" PRIu64 " follows the last one", last);
	if (last == w->expected.txid)
		begin_at(w, at);
	while (w->expected.txid < last) {
		const struct coordinator_batch *b = &c->batches[(w->expected.txid + 1) % COORDINATOR_PLACES];

		run_batch(w, &b->ends, b->final);
	}
}

/* ---- the same batch is the same ---- */

void oracle_cut(struct world *w, uint64_t txid, const struct offsets *ends)
{
	(void)ends;
	if (txid >= MOST_BATCHES)
		violated(w, "size", "there are more batches than this simulation has room for");
	if (w->ledger.cuts[txid].there)
		violated(w, "cut", "batch %" PRIu64 " is cut a second time", txid);
}

void oracle_closed(struct node *n, uint64_t txid, bool last)
{
	struct world *w = n->w;
	uint64_t hash = n->kind == KIND_SPOUT ? last + 1u : random_mix(n->seen) + last + 1;

	trace(w, "closed", n->number, txid, hash);
	if (!w->set.cuts || txid >= MOST_BATCHES || n->dying)
		return;
	for (uint32_t t = 0; n->kind == KIND_SPOUT && t < n->n_tasks; t++) {
		const struct offset *end = offsets_find(&n->filled[txid % BATCHES_PLACES].ends, n->first_task + t);

		hash = random_mix(hash) + (end != NULL ? end->next : 0);
	}
	if (w->closed[n->number][txid] != 0 && w->closed[n->number][txid] != hash)
		violated(w, "same", "batch %" PRIu64 " is another one than worker %u closed before", txid, n->number);
	w->closed[n->number][txid] = hash;
}

/* ---- state ---- */

static void check_value(const struct node *n, uint32_t task, char what, uint8_t key, uint64_t expected)
{
	char name[3] = { 'u', what, (char)key };
	const struct pair *p = store_find(&n->stores[task].now, name, sizeof name);
	uint64_t value = 0;

	if (p != NULL && p->value.n == sizeof value)
		memcpy(&value, p->value.data, sizeof value);
	if (value != expected || (p != NULL) != (expected != 0))
		violated(n->w, "state", "worker %u has %" PRIu64 " for %c%u, and not %" PRIu64 ", after batch %"
		    PRIu64, n->number, value, what, key, expected, n->w->expected.txid);
}

static uint64_t flagged(uint32_t count)
{
	return count % 3 != 0 ? count : 0;
}

void oracle_state(struct node *n)
{
	const struct expected *x = &n->w->expected;
	uint32_t task;

	n->w->tally.recovered++;
	for (uint8_t key = 0; key < KEYS && n->kind != KIND_SPLIT; key++) {
		bool mine = node_of_key(n->w, n->kind, key, &task) == n;

		if (mine && n->kind == KIND_COUNT) {
			check_value(n, task, 'c', key, x->counts[key]);
			check_value(n, task, 'f', key, flagged(x->counts[key]));
		} else if (mine && n->kind == KIND_SUM) {
			check_value(n, task, 's', key, x->sums[key]);
		} else if (mine) {
			check_value(n, task, 'n', key, x->lines[key]);
		}
	}
}

/* ---- what is put out ---- */

static uint64_t hash_line(const struct line *l)
{
	return random_mix(random_mix(l->key) ^ l->value);
}

/* hash_lines: of those lines of F that are N's; the order does not matter. */
static uint64_t hash_lines(struct node *n, const struct file *f, size_t *lines)
{
	uint64_t hash = 0;
	uint32_t task;

	*lines = 0;
	for (size_t i = 0; i < f->n; i++)
		if (node_of_key(n->w, KIND_SINK, f->lines[i].key, &task) == n) {
			hash += hash_line(&f->lines[i]);
			++*lines;
		}
	return hash;
}

static void check_file(struct node *n, uint64_t txid)
{
	const struct file *f = NULL, *expected = &n->w->lines[txid];
	size_t lines, found;
	uint64_t hash = hash_lines(n, expected, &lines);

	for (size_t i = 0; i < n->files.n; i++)
		if (n->files.items[i].txid == txid && n->files.items[i].published)
			f = &n->files.items[i];
	if (f == NULL && lines == 0)
		return;
	if (f == NULL)
		violated(n->w, "published", "worker %u has not published batch %" PRIu64, n->number, txid);
	if (hash_lines(n, f, &found) != hash || f->n != lines)
		violated(n->w, "published", "worker %u has published something else as batch %" PRIu64, n->number, txid);
}

void oracle_published(struct node *n, uint64_t last)
{
	const struct world *w = n->w;

	for (size_t i = 0; i < n->files.n; i++)
		if (n->files.items[i].published && n->files.items[i].txid > w->ledger_synced.txid)
			violated(w, "early", "worker %u has published batch %" PRIu64 ", and the record is at %"
			    PRIu64, n->number, n->files.items[i].txid, w->ledger_synced.txid);
	for (uint64_t txid = 1; txid <= last; txid++)
		check_file(n, txid);
}

void oracle_end(struct world *w)
{
	uint32_t n_tasks = w->set.counts[KIND_SPOUT] * w->set.tasks[KIND_SPOUT];

	if (!w->expected.final || w->ledger.txid != w->expected.txid)
		violated(w, "end", "the record is at batch %" PRIu64 " of %" PRIu64, w->ledger.txid, w->expected.txid);
	for (uint32_t task = 0; task < n_tasks && !w->stop_finish; task++)
		if (w->expected.next[task] != w->set.items)
			violated(w, "end", "task %u has come to %" PRIu64, task, w->expected.next[task]);
	for (uint32_t i = 0; i < w->n_workers; i++) {
		struct node *n = &w->nodes[i];

		if (n->kind != KIND_SPOUT)
			oracle_state(n);
		if (n->kind == KIND_SINK)
			oracle_published(n, w->expected.txid);
	}
}
