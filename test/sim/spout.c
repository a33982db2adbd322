/* spout.c - a spout's worker: pending.c and position.c, and the glue around them as in source.c, verdict.c,
 * attempts.c, spout.c and resume.c. One task.
 *
 * The spout itself has the ids 0 .. ids-1 to emit, in order. By seed gale keeps its messages
 * (`kept`), or it emits what failed once more by itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "memory.h"
#include "random.h"
#include "record.h"
#include "world.h"

enum {
	FRAMES_PER_TURN = 4,
	REPLAYS_PER_TURN = 4,
	REPLAY_MS = 10, REPLAY_MOST_LOG2 = 10,
	DEATHS_SHIFT = 24,
	WRITE_EVERY_MS = 80
};

enum why { BY_BOLT, BY_TIME, BY_SILENCE, BY_LOSS, BY_CRASH };

/* ---- positions: resume.c ---- */

static void position_changed(struct node *n)
{
	if (n->position_due_ns == 0)
		n->position_due_ns = n->now_ns + WRITE_EVERY_MS * NS_PER_MS;
}

/* sync_letters */
static void sync_letters(struct node *n)
{
	for (uint32_t i = 0; i < SOURCE_IDS; i++) {
		struct known_id *id = &n->world->oracle.ids[n->source * SOURCE_IDS + i];

		if (id->buried == 1)
			id->buried = 2;
	}
}

/* write_all: the process waits for the disk; the other half comes when it has. */
static void write_position(struct node *n)
{
	n->position_due_ns = 0;
	if (!n->position.changed)
		return;
	sync_letters(n);
	disk_write_position(n);
	oracle_position(n);
	n->writing = true;
	node_busy(n, 1000 + below(n->world, n->world->set.sync_ns));
}

static void again_by_itself(struct node *n, uint64_t id)
{
	n->again = xgrow(n->again, &n->again_cap, n->n_again + 1, sizeof *n->again);
	n->again[n->n_again++] = id;
	n->done = false;
}

/* resume_task */
static void resume(struct node *n)
{
	uint32_t n_open;
	uint64_t *ids;

	if (!disk_read_position(n, &n->position))
		return;
	n->done = n->position.ended;
	n->next_id = (uint32_t)n->position.next;
	ids = position_ids(&n->position, &n_open);
	for (uint32_t i = 0; i < n_open; i++)
		again_by_itself(n, ids[i]);
	free(ids);
	trace(n->world, "resume", n->number, n->next_id, n_open);
}

/* recall_charge */
static void recall_charge(struct node *n, const struct charge *c)
{
	if (c->deaths > 0)
		pending_set_attempts(&n->pending, 0, c->id, c->deaths | (uint32_t)c->deaths << DEATHS_SHIFT);
}

static void charge_before(struct node *n)
{
	struct charge *c = NULL;

	for (uint32_t i = 0; i < MOST_CHARGES; i++)
		if (n->charges[i].deaths > 0 && n->charges[i].id == n->before_id)
			c = &n->charges[i];
	if (c == NULL) {
		c = &n->charges[n->n_charges++ % MOST_CHARGES];
		*c = (struct charge){ .id = n->before_id };
	}
	if (c->deaths < UINT8_MAX)
		c->deaths++;
	recall_charge(n, c);
	n->before_root = 0;
}

/* source_init */
void spout_begin(struct node *n)
{
	struct world *w = n->world;

	oracle_spout(n);
	stages_begin(n);
	pending_init(&n->pending, 1);
	n->kept = random_mix(w->seed + n->source) % 2;
	n->next_root = random_next(&w->random);
	if (w->run == 1 && n->start == 1 && n->source == 0 && chance(w, 100))
		n->next_root = UINT64_MAX - below(w, 60);
	for (uint32_t i = 0; i < MOST_CHARGES; i++)
		recall_charge(n, &n->charges[i]);
	if (!n->over)
		resume(n);
	else
		n->done = true;
}

void spout_end(struct node *n)
{
	pending_free(&n->pending);
	position_free(&n->position);
	stages_end(n);
	for (size_t i = 0; i < n->n_inside; i++)
		free(n->inside[i].message.body);
	free(n->inside);
	n->inside = NULL;
	n->n_inside = 0;
	free(n->again);
	n->again = NULL;
}

/* ---- out: source_emit ---- */

static uint64_t new_root(struct node *n)
{
	if (n->next_root == 0)
		n->next_root = 1;
	pending_pass(&n->pending, n->next_root);
	return n->next_root++;
}

static void keep(const struct node *n, struct message *m)
{
	uint32_t most = n->world->set.max_attempts;
	bool last = (most != 0 && m->attempt >= most) || m->deaths + 1 >= POISON_DEATHS;

	if (m->body == NULL && (m->kept || last))
		m->body = xcalloc(1, 1);
}

/* over_inside */
static void over_inside(struct node *n, uint64_t root, const struct message *m)
{
	if (!n->emitting_failed)
		oracle_complete(n, root);
	n->inside = xgrow(n->inside, &n->inside_cap, n->n_inside + 1, sizeof *n->inside);
	n->inside[n->n_inside++] = (struct inside){ .root = root, .message = *m,
		.failed = n->emitting_failed };
	n->n_inside_ready += !n->withholds;
}

/* under_way */
static void under_way(struct node *n, uint64_t root, const struct message *m, uint64_t edges)
{
	post_root_made(n, root, inside_init(edges, n->emitting_failed, &n->next_edge));
	if (n->emitting_failed)
		post_failed(n, root);
	pending_add(&n->pending, root, m, n->now_ns);
}

/* too_deadly */
static bool too_deadly(struct node *n, struct message *m)
{
	uint32_t most = n->world->set.max_attempts;

	if (m->body == NULL || m->deaths == 0 ||
	    (m->deaths < POISON_DEATHS && (most == 0 || m->attempt <= most)))
		return false;
	m->attempt--;
	n->emitting_failed = true;
	m->first = n->emitting;
	over_inside(n, m->first, m);
	n->inside[n->n_inside - 1].deadly = true;
	return true;
}

/* emit_root: a worker that has crashed in a call is dead; who was emitting is on its page. */
static bool emit_root(struct node *n, const struct tuple *t, struct message *m)
{
	uint64_t edges = post_emit(n, n->stages, t);

	if (n->crashed) {
		free(m->body);
		return false;
	}
	n->emitting = 0;
	if (m->first == 0)
		m->first = t->roots[0];
	if (inside_over(edges))
		over_inside(n, t->roots[0], m);
	else
		under_way(n, t->roots[0], m, edges);
	return true;
}

static void emit(struct node *n, struct message *m)
{
	uint32_t id = n->source * SOURCE_IDS + (uint32_t)m->id;
	struct tuple t = { .n_roots = 1, .n_parts = 1, .parts = { id << 3 | 7 } };

	t.roots[0] = t.origins[0] = new_root(n);
	keep(n, m);
	oracle_emitted(n, t.roots[0], m);
	trace(n->world, "emit", n->number, id, t.roots[0]);
	n->emitting = t.roots[0];
	n->emitting_id = m->id;
	n->emitting_failed = false;
	if (n->n_stages > 1 && too_deadly(n, m))
		n->emitting = 0;
	else if (!emit_root(n, &t, m))
		return;
	position_open(&n->position, m->id);
	position_changed(n);
}

/* source_open */
size_t spout_open(const struct node *n)
{
	return pending_open(&n->pending) + n->n_inside;
}

/* source_has_room */
static bool has_room(const struct node *n)
{
	return spout_open(n) < n->world->set.most_pending;
}

/* attempts_recall */
static void recall(const struct node *n, struct message *m)
{
	uint32_t known = pending_attempts(&n->pending, 0, m->id);

	m->attempt = 1 + (known & ((1u << DEATHS_SHIFT) - 1));
	m->deaths = (uint8_t)(known >> DEATHS_SHIFT);
}

/* next of a spout like lines.c */
static void next(struct node *n)
{
	struct message m = { .kept = n->kept, .target = UINT32_MAX };

	if (n->n_again > 0) {
		m.id = n->again[0];
		n->n_again--;
		for (size_t i = 0; i < n->n_again; i++)
			n->again[i] = n->again[i + 1];
	} else if (n->next_id < n->world->set.ids) {
		m.id = n->next_id++;
	} else {
		n->done = true;
		return;
	}
	recall(n, &m);
	emit(n, &m);
	if (n->crashed)
		return;
	position_tell(&n->position, n->next_id, NULL, 0);
	n->idle_until_ns = n->now_ns + n->world->set.pace_ns;
}

/* ---- verdicts ---- */

static void acked(struct node *n, uint64_t root, const struct message *m)
{
	oracle_settled(n, root, true);
	free(m->body);
	if (position_close(&n->position, m->id))
		position_changed(n);
	if (m->attempt > 1 || m->deaths > 0)
		pending_set_attempts(&n->pending, 0, m->id, 0);
	trace(n->world, "acked", n->number, m->id, root);
}

static void on_acked(struct node *n, uint64_t root)
{
	struct flight f;

	if (pending_settle(&n->pending, root, &f))
		acked(n, root, &f.message);
}

static uint64_t replay_due(const struct node *n, uint32_t attempt)
{
	uint32_t log2 = attempt > 2 ? attempt - 3 : 0;

	if (attempt <= 2)
		return n->now_ns;
	return n->now_ns + ((uint64_t)REPLAY_MS << (log2 < REPLAY_MOST_LOG2 ? log2 : REPLAY_MOST_LOG2)) * NS_PER_MS;
}

static bool given_up(const struct node *n, const struct message *m, enum why why)
{
	uint32_t most = n->world->set.max_attempts;

	if (m->deaths >= POISON_DEATHS && m->body != NULL)
		return true;
	return why != BY_LOSS && most > 0 && m->attempt >= most;
}

static void bury(struct node *n, struct message *m)
{
	oracle_buried(n, m);
	if (position_close(&n->position, m->id))
		position_changed(n);
	pending_set_attempts(&n->pending, 0, m->id, 0);
	free(m->body);
}

/* again, remember, tell_spout */
static void again(struct node *n, struct message *m, enum why why)
{
	if (why == BY_CRASH && m->deaths < UINT8_MAX)
		m->deaths++;
	if (given_up(n, m, why)) {
		bury(n, m);
		return;
	}
	m->attempt += why != BY_LOSS;
	if (m->kept) {
		pending_replay_at(&n->pending, m, replay_due(n, m->attempt));
		return;
	}
	free(m->body);
	pending_set_attempts(&n->pending, 0, m->id, (m->attempt - 1) | (uint32_t)m->deaths << DEATHS_SHIFT);
	again_by_itself(n, m->id);
}

static void failed(struct node *n, uint64_t root, struct message *m, enum why why)
{
	pending_failed(&n->pending, root, m);
	oracle_settled(n, root, false);
	trace(n->world, "failed", n->number, m->id, why);
	again(n, m, why);
	n->idle_until_ns = 0;
}

static void on_failed(struct node *n, uint64_t root, enum why why)
{
	struct flight f;

	if (!pending_settle(&n->pending, root, &f))
		return;
	if (pending_named(&n->pending, root) != NULL)	/* blame */
		why = BY_CRASH;
	failed(n, root, &f.message, why);
}

/* verdict_inside */
static bool tell_inside(struct node *n)
{
	size_t count = n->n_inside_ready;

	for (size_t i = 0; i < count; i++) {
		struct inside *x = &n->inside[i];

		if (x->failed)
			failed(n, x->root, &x->message, x->deadly ? BY_CRASH : BY_BOLT);
		else
			acked(n, x->root, &x->message);
	}
	n->n_inside -= count;
	n->n_inside_ready = 0;
	for (size_t i = 0; i < n->n_inside; i++)
		n->inside[i] = n->inside[i + count];
	return count > 0;
}

static void on_verdicts(struct node *n, const struct frame *f)
{
	const uint8_t *at = (const uint8_t *)f->body.data, *end = at + f->body.n;
	struct record r;
	int more;

	if (!node_takes(n, f))
		return;
	while ((more = verdict_next(&at, end, &r)) > 0) {
		if (r.type == VERDICT_ACKED_RUN)
			for (uint32_t i = 0; i < r.n; i++)
				on_acked(n, r.root + i);
		else if (r.type == VERDICT_ENDED)
			on_failed(n, r.root, r.verdict == LEDGER_FAILED ? BY_BOLT : BY_TIME);
		else
			pending_extend(&n->pending, r.root, n->now_ns);
	}
	if (more < 0)
		violated(n->world, "records", "verdicts from node %u can't be read", f->worker);
}

/* ---- silence and loss ---- */

static void fail_silent(struct node *n)
{
	uint64_t root, timeout = n->world->set.timeout_ns, before = n->now_ns - 2 * timeout;
	size_t cursor = 0;

	n->next_silence_ns = n->now_ns + timeout / 10;
	if (before > n->now_ns)
		return;
	while ((root = pending_silent(&n->pending, &cursor, before)) != 0) {
		oracle_cause(n->world, root);
		post_void(n, root);
		on_failed(n, root, BY_SILENCE);
	}
}

static void charge(struct node *n, uint64_t root)
{
	const struct failed_root *f = pending_failed_root(&n->pending, root);
	struct message *m = f != NULL ? pending_find(&n->pending, f) : NULL;

	if (m != NULL)
		m->deaths++;
	else if (f != NULL && !f->kept)
		pending_set_attempts(&n->pending, 0, f->id,
		    pending_attempts(&n->pending, 0, f->id) + (1u << DEATHS_SHIFT));
}

/* on_obituary, attempts_named */
void spout_named(struct node *n, uint64_t root)
{
	oracle_told(n, root);
	if (root != 0 && root == n->before_root)
		charge_before(n);
	pending_name(&n->pending, root, "");
	charge(n, root);
}

/* on_lost, verdict_lost */
void spout_lost(struct node *n, uint32_t peer)
{
	const struct plan *p = n->world->plan;
	bool acker = p->workers[peer].role == ROLE_ACKER;
	size_t count;
	uint64_t *roots = pending_roots(&n->pending, &count);

	for (size_t i = 0; i < count; i++) {
		if (acker && (roots[i] >> 10) % p->n_ackers != peer - p->first_acker)
			continue;
		post_void(n, roots[i]);
		on_failed(n, roots[i], BY_LOSS);
	}
	if (!acker)
		pending_forget_named(&n->pending);
	free(roots);
}

/* ---- turns ---- */

static bool replay(struct node *n)
{
	struct message m;
	bool any = false;

	for (int i = 0; i < REPLAYS_PER_TURN && !n->blocked && !n->crashed &&
	    pending_next_replay(&n->pending, n->now_ns, &m); i++) {
		any = true;
		emit(n, &m);
	}
	return any;
}

/* source_turn */
static bool take_verdicts(struct node *n)
{
	bool any = false;
	struct frame *f;

	for (int i = 0; i < FRAMES_PER_TURN && (f = net_receive(n)) != NULL; i++) {
		on_verdicts(n, f);
		frame_free(f);
		any = true;
	}
	if (replay(n))
		any = true;
	if (tell_inside(n))
		any = true;
	if (n->now_ns >= n->next_silence_ns)
		fail_silent(n);
	return any;
}

static bool may_ask(const struct node *n)
{
	return n->active && !n->done && n->idle_until_ns <= n->now_ns && has_room(n) && !n->blocked;
}

bool spout_turn(struct node *n)
{
	bool any;

	if (n->writing) {
		n->writing = false;
		disk_sync_position(n);
	}
	if (stages_turn(n))
		return true;
	any = take_verdicts(n);
	if (n->crashed)
		return true;
	if (n->position_due_ns != 0 && n->now_ns >= n->position_due_ns) {
		write_position(n);
		return true;
	}
	if (may_ask(n)) {
		next(n);
		tell_inside(n);
		any = true;
	}
	return any || stages_idle(n);
}

/* rest; resume_end */
bool spout_rest(struct node *n)
{
	if (!n->done || n->n_again > 0 || n->blocked)
		return false;
	if (stages_drain(n))
		return true;
	if (!n->drain_passed || n->drain_frames != n->frames_out) {
		post_marker(n, WIRE_DRAIN);
		n->drain_passed = true;
		n->drain_frames = n->frames_out;
		return true;
	}
	if (spout_open(n) > 0)
		return false;
	if (!n->over && !n->position.ended) {
		n->position.ended = n->position.changed = true;
		write_position(n);
		return true;
	}
	if (!n->end_passed) {
		post_marker(n, WIRE_END);
		n->end_passed = true;
		return true;
	}
	if (post_clear(n) && !n->ended) {
		n->ended = true;
		node_say(n, "ended");
	}
	return false;
}

uint64_t spout_due(const struct node *n)
{
	uint64_t at = n->blocked ? NEVER : pending_replay_due(&n->pending);

	if (stages_due(n) < at)
		at = stages_due(n);
	if (pending_open(&n->pending) > 0 && n->next_silence_ns < at)
		at = n->next_silence_ns;
	if (n->position_due_ns != 0 && n->position_due_ns < at)
		at = n->position_due_ns;
	if (n->active && !n->done && has_room(n) && !n->blocked && n->idle_until_ns < at)
		at = n->idle_until_ns;
	return at;
}
