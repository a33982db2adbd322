/* judge.c - an acker's worker: the glue of acker.c around ledger.c and record.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "record.h"
#include "world.h"

enum { FRAMES_PER_TURN = 8, FRAME_BYTES = 256, GRACE_NS = 20 * 1000000 };

static void close_run(struct mail *m)
{
	if (m->run_n > 0)
		verdict_put_acked(&m->verdicts, m->run_root, m->run_n);
	m->run_n = 0;
}

/* out_body */
static void send_body(struct node *n, uint32_t to)
{
	struct frame *f = frame_new(n, WIRE_VERDICTS, 0);

	oracle_mailed(n, to);
	f->body = n->mail[to].verdicts;
	n->mail[to].verdicts = (struct buf){ 0 };
	post_frame(n, to, f);
}

static void send_mail(struct node *n, uint32_t to)
{
	close_run(&n->mail[to]);
	if (n->mail[to].verdicts.n > 0 && n->boxes[to].waiting == NULL)
		send_body(n, to);
}

static void send_if_full(struct node *n, uint32_t to)
{
	if (n->mail[to].verdicts.n >= FRAME_BYTES)
		send_body(n, to);
}

static void on_verdict(void *arg, const struct ledger_outcome *o)
{
	struct node *n = arg;
	struct mail *m = &n->mail[o->owner.worker];

	if (n->oldest_ns == 0)
		n->oldest_ns = n->now_ns;
	if (o->verdict == LEDGER_ACKED) {
		oracle_complete(n, o->root);
		if (m->run_n > 0 && m->run_root + m->run_n == o->root) {
			m->run_n++;
			return;
		}
		close_run(m);
		send_if_full(n, o->owner.worker);
		m->run_root = o->root;
		m->run_n = 1;
		return;
	}
	close_run(m);
	send_if_full(n, o->owner.worker);
	trace(n->world, "verdict", n->number, o->verdict, o->root);
	if (o->verdict == LEDGER_EXTENDED) {
		verdict_put_extended(&m->verdicts, o->root);
		return;
	}
	oracle_expired(n, o);
	verdict_put_ended(&m->verdicts, &(struct record){ .verdict = (uint8_t)o->verdict, .root = o->root,
		.task = o->last_task, .age_ms = o->age_ms, .silent_ms = o->silent_ms, .text = "" });
}

/* ---- records in ---- */

static void on_list(struct node *n, const struct record *r, struct ledger_owner owner, uint64_t now_ms)
{
	for (uint32_t i = 0; i < r->n; i++) {
		uint64_t root = wire_get64(r->body + 16 * (size_t)i);
		uint64_t value = wire_get64(r->body + 16 * (size_t)i + 8);

		if (r->type == RECORD_INIT_LIST)
			ledger_init(n->ledger, root, value, owner, now_ms);
		else
			ledger_ack(n->ledger, root, value, 0, now_ms);
	}
}

static void on_run(struct node *n, const struct record *r, struct ledger_owner owner, uint64_t now_ms)
{
	uint64_t *values = xcalloc(r->n, sizeof *values);

	memcpy(values, r->body, r->n * sizeof *values);
	if (r->type == RECORD_INIT_RUN)
		ledger_init_run(n->ledger, r->root, r->n, values, owner, now_ms);
	else
		ledger_ack_run(n->ledger, r->root, r->n, values, 0, now_ms);
	free(values);
}

static void on_record(struct node *n, const struct record *r, const struct frame *f)
{
	struct ledger_owner owner = { f->worker, f->start };
	uint64_t now_ms = n->now_ns / NS_PER_MS;

	if (r->type == RECORD_INIT_RUN || r->type == RECORD_ACK_RUN)
		on_run(n, r, owner, now_ms);
	else if (r->type == RECORD_INIT_LIST || r->type == RECORD_ACK_LIST)
		on_list(n, r, owner, now_ms);
	else if (r->type == RECORD_FAIL)
		ledger_fail(n->ledger, r->root, r->text, r->n_text, r->task, now_ms);
	else if (r->type == RECORD_RESET)
		ledger_reset(n->ledger, r->root, r->task, now_ms);
	else
		ledger_void(n->ledger, r->root);
}

static void on_frame(struct node *n, const struct frame *f)
{
	const uint8_t *at = (const uint8_t *)f->body.data, *end = at + f->body.n;
	struct record r;
	int more;

	if (!node_takes(n, f))
		return;
	while ((more = record_next(&at, end, &r)) > 0)
		on_record(n, &r, f);
	if (more < 0)
		violated(n->world, "records", "a frame of records from node %u can't be read", f->worker);
}

/* ---- time ---- */

static void watch_time(struct node *n, bool input_empty)
{
	uint64_t now = n->now_ns, interval = ledger_expiry_interval(n->ledger) * NS_PER_MS;

	if (interval == 0) {
		n->next_expiry_ns = n->deadline_ns = 0;
		return;
	}
	if (n->next_expiry_ns == 0)
		n->next_expiry_ns = now + interval;
	if (n->deadline_ns == 0 && now >= n->next_expiry_ns) {
		n->deadline_ns = now;
		n->grace_ns = interval < GRACE_NS ? interval : GRACE_NS;
	}
	if (n->deadline_ns != 0 && input_empty && now >= n->deadline_ns + n->grace_ns) {
		ledger_expire(n->ledger, n->deadline_ns / NS_PER_MS);
		n->next_expiry_ns = n->deadline_ns + interval;
		n->deadline_ns = 0;
	}
}

/* ---- the role ---- */

void judge_begin(struct node *n)
{
	const struct settings_of_seed *s = &n->world->set;

	n->mail = xcalloc(n->world->plan->n_workers, sizeof *n->mail);
	n->ledger = ledger_new(s->timeout_ns / NS_PER_MS, s->progress_ns / NS_PER_MS, on_verdict, n);
}

void judge_end(struct node *n)
{
	for (uint32_t i = 0; i < n->world->plan->n_workers; i++)
		buf_free(&n->mail[i].verdicts);
	free(n->mail);
	ledger_free(n->ledger);
	n->ledger = NULL;
}

static void send_all(struct node *n)
{
	for (uint32_t i = 0; i < n->world->plan->n_workers; i++)
		if (n->mail[i].run_n > 0 || n->mail[i].verdicts.n > 0)
			send_mail(n, i);
}

bool judge_turn(struct node *n)
{
	struct frame *f;
	int count = 0;

	while (count < FRAMES_PER_TURN && (f = net_receive(n)) != NULL) {
		on_frame(n, f);
		frame_free(f);
		count++;
	}
	watch_time(n, count < FRAMES_PER_TURN);
	if (n->oldest_ns != 0 && n->now_ns - n->oldest_ns >= NS_PER_MS) {
		send_all(n);
		n->oldest_ns = 0;
	}
	return count > 0;
}

bool judge_rest(struct node *n)
{
	send_all(n);
	return false;
}

uint64_t judge_due(const struct node *n)
{
	if (n->deadline_ns != 0)
		return n->deadline_ns + n->grace_ns;
	return n->next_expiry_ns != 0 ? n->next_expiry_ns : NEVER;
}

/* succeeded */
void judge_succeeded(struct node *n, uint32_t from)
{
	ledger_drop_older(n->ledger, from, n->starts[from]);
}

/* replaced */
void judge_replaced(struct node *n, uint32_t to)
{
	n->mail[to].verdicts.n = 0;
	n->mail[to].run_n = 0;
}

/* Nobody has anything pending any more. What is on its way arrives; entries without init live
 * a minute at most, and are looked for every three seconds. */
void judge_outlive(struct node *n)
{
	struct frame *f;

	n->world->now_ns = NEVER;
	while ((f = net_receive(n)) != NULL) {
		on_frame(n, f);
		frame_free(f);
	}
	n->world->now_ns = n->now_ns;
	for (int i = 0; i < 24; i++) {
		n->now_ns += 3 * (uint64_t)NS_PER_S;
		watch_time(n, true);
		n->now_ns += GRACE_NS;
		watch_time(n, true);
	}
	if (ledger_size(n->ledger) > 0)
		violated(n->world, "leak", "acker %u still has %u entries, a minute after all has ended",
		    n->number, (unsigned)ledger_size(n->ledger));
}
