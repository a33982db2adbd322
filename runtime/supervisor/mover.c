/* mover.c - see mover.h. SPDX-License-Identifier: Apache-2.0 */
#include "mover.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "quiet.h"
#include "rundir.h"
#include "statedir.h"

enum { PLAN_BYTES = 3072 };	/* of one answer, which desk_say cuts at 4 KiB; a line is shorter */

/* ---- what the workers know ---- */

static uint64_t emitted(const struct status *page)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < STATUS_STREAMS; i++)
		n += page->streams[i].emitted;
	return n;
}

/* A spout that has emitted nothing has nowhere to go back to. */
static bool survives(void *arg, uint32_t worker)
{
	const struct crew *c = ((struct mover *)arg)->crew;
	const struct status *page = crew_page(c, worker);

	return page == NULL || page->survives || emitted(page) == 0;
}

static uint64_t state_bytes(void *arg, uint32_t component, uint32_t index)
{
	const struct crew *c = ((struct mover *)arg)->crew;
	char *path = statedir_state(c->state_dir, c->plan->topology->components[component].id, index);
	DIR *dir = opendir(path);
	uint64_t n = 0;
	struct stat st;

	for (struct dirent *x; dir != NULL && (x = readdir(dir)) != NULL; )
		if (fstatat(dirfd(dir), x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			n += (uint64_t)st.st_size;
	if (dir != NULL)
		closedir(dir);
	free(path);
	return n;
}

/* ---- to disk ---- */

/* save_home has the next run begin with as many executors. Its numbers are dense again. */
static int save_home(const struct mover *m, struct error *e)
{
	char *path = home_file(m->home, "topology.json");
	struct topology *t = topology_read(path, e);
	int rc = -1;

	for (uint32_t c = 0; t != NULL && c < t->n_components && c < m->moves.after.n_components; c++)
		t->components[c].parallelism = m->moves.after.components[c].parallelism;
	if (t != NULL)
		rc = home_write_definition(m->home, t, e);
	topology_free(t);
	free(path);
	return rc;
}

/* save writes the new layout to the run directory, for who lives, and to the home, for who comes after
 * this process: both, or none. */
static int save(const struct mover *m, struct error *e)
{
	char *path = rundir_topology(m->crew->run_dir), *unfinished = xasprintf("%s.new", path);
	int rc = topology_write(&m->moves.after, unfinished, e);

	if (rc == 0 && m->home != NULL)
		rc = save_home(m, e);
	if (rc == 0 && rename(unfinished, path) != 0)
		rc = error_errno(e, "cannot write %s", path);
	if (rc != 0)
		unlink(unfinished);
	free(unfinished);
	free(path);
	return rc;
}

/* ---- the steps ---- */

/* note_starts: what those who had a number before have counted as starts are no restarts of those
 * who get it now. */
static void note_starts(struct mover *m)
{
	const struct lives *l = &m->crew->lives;

	for (uint32_t i = 0; i < m->moves.after.n_layout && i < l->plan->n_workers; i++)
		if (!plan_keeps(l->plan, m->moves.then, i))
			m->moves.after.layout[i].starts = l->workers[i].start;
}

static int adopt(void *arg, uint64_t now_ns, struct error *e)
{
	struct mover *m = arg;

	note_starts(m);
	if (save(m, e) != 0)
		return -1;
	topology_lay_out(m->topology, &m->moves.after);
	crew_lay_out(m->crew, plan_make(m->topology), now_ns);
	if (m->overview != NULL) {
		m->overview->layout++;
		m->overview->moved_ns = now_ns;
	}
	return 0;
}

static bool nothing_is_open(void *arg)
{
	return quiet(((struct mover *)arg)->crew);
}

static void step(void *arg, enum rebalance_phase phase)
{
	static const char *const texts[] = {
		[REBALANCE_PAUSING] = "waiting for what is open",
		[REBALANCE_RETIRING] = "stopping those whose tasks move",
		[REBALANCE_LAYING] = "starting those who get them",
		[REBALANCE_READYING] = "spouts emit again; waiting until all are ready",
	};
	struct mover *m = arg;

	if (m->client != NULL)
		desk_say(m->desk, m->client, "step %s", texts[phase]);
}

static void show_out(struct mover *m)
{
	struct desk_client *client = m->client;

	m->client = NULL;
	if (client != NULL)
		desk_show_out(m->desk, client);
}

static void over(void *arg, int code, const char *text, uint64_t pause_ns)
{
	struct mover *m = arg;
	uint64_t ms = (clock_now_ns() - m->began_ns) / NS_PER_MS;

	if (code != 0)
		outlet_say(m->crew->outlet, "%s: rebalance: %s", m->crew->plan->topology->name, text);
	else
		outlet_say(m->crew->outlet, "%s: rebalanced in %" PRIu64 " ms, spouts paused for %" PRIu64 " ms",
		    m->crew->plan->topology->name, ms, pause_ns / NS_PER_MS);
	if (m->client != NULL && code != 0)
		desk_say(m->desk, m->client, "error %d %s", code, text);
	else if (m->client != NULL)
		desk_say(m->desk, m->client, "ok rebalanced in %" PRIu64 " ms, spouts paused for %" PRIu64 " ms", ms,
		    pause_ns / NS_PER_MS);
	show_out(m);
	moves_free(&m->moves);
}

static const struct rebalance_orders orders = { .quiet = nothing_is_open, .adopt = adopt, .step = step, .over = over };

/* ---- interface ---- */

void mover_init(struct mover *m, struct crew *crew, struct desk *desk)
{
	*m = (struct mover){ .crew = crew, .desk = desk };
	rebalance_init(&m->rebalance, &crew->lives, &orders, m);
}

void mover_serve(struct mover *m, struct topology *t, const struct home *home, struct overview *overview)
{
	m->topology = t;
	m->home = home;
	m->overview = overview;
}

void mover_free(struct mover *m)
{
	moves_free(&m->moves);
}

/* enough_descriptors: the limit of those who run already can't be raised. */
static int enough_descriptors(const struct plan *p, struct error *e)
{
	uint32_t need = plan_descriptors(p);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
		return 0;
	return error_set(e, "a process would need up to %u open files, and the limit is %llu (ulimit -Hn)", need,
	    (unsigned long long)limit.rlim_cur);
}

/* tell_plan tells CLIENT what moves, many lines at a time. */
static void tell_plan(struct mover *m, struct desk_client *client, const struct moves *moves,
    const struct moves_facts *facts)
{
	struct buf text = { 0 };
	size_t at = 0, n;

	moves_text(&text, moves, facts);
	for (bool takes = true; takes && at < text.n; at += n) {
		n = text.n - at;
		if (n > PLAN_BYTES)
			n = (size_t)((const char *)memrchr(text.data + at, '\n', PLAN_BYTES) + 1 - (text.data + at));
		takes = desk_say(m->desk, client, "plan %.*s", (int)n, text.data + at);
	}
	buf_free(&text);
}

/* answer ends the conversation with CLIENT. */
static void answer(struct mover *m, struct desk_client *client, int code, const char *text)
{
	if (client->fd < 0)
		return;		/* it did not take the plan */
	if (code == 0)
		desk_say(m->desk, client, "ok %s", text);
	else
		desk_say(m->desk, client, "error %d %s", code, text);
	desk_show_out(m->desk, client);
}

static void begin(struct mover *m, struct desk_client *client, const struct moves *moves, uint64_t wait_ms,
    uint64_t now_ns)
{
	struct error e;

	if (enough_descriptors(moves->then, &e) != 0) {
		answer(m, client, MOVES_CONFLICT, e.text);
		return;
	}
	if (wait_ms == MOVER_DEFAULT)
		wait_ms = plan_tracks(m->crew->plan) ? MOVER_WAIT_MS : MOVER_WAIT_UNTRACKED_MS;
	m->client = client;
	m->began_ns = now_ns;
	m->moves = *moves;
	m->moves.then->topology = &m->moves.after;
	if (rebalance_begin(&m->rebalance, moves->then, wait_ms * NS_PER_MS, now_ns, &e) == 0)
		return;
	m->client = NULL;
	m->moves = (struct moves){ 0 };
	answer(m, client, MOVES_CONFLICT, e.text);
}

void mover_begin(struct mover *m, struct desk_client *client, uint64_t wait_ms, bool dry, char *wanted,
    uint64_t now_ns)
{
	struct moves_facts facts = { .survives = survives, .state_bytes = state_bytes, .arg = m };
	bool busy = m->rebalance.phase != REBALANCE_IDLE;
	struct moves moves;
	struct error e;
	int code;

	if (busy || m->topology == NULL) {
		answer(m, client, MOVES_CONFLICT, busy ? "another rebalance is under way" : "it is still starting");
		return;
	}
	code = moves_make(&moves, m->crew->plan, wanted, &facts, &e);
	if (code != 0) {
		answer(m, client, code, e.text);
	} else if (!moves_any(&moves)) {
		answer(m, client, 0, "nothing to do");
	} else {
		tell_plan(m, client, &moves, &facts);
		if (dry || client->fd < 0)
			answer(m, client, 0, "nothing was changed");
		else
			begin(m, client, &moves, wait_ms, now_ns);
	}
	if (m->moves.then != moves.then || moves.then == NULL)
		moves_free(&moves);
}

void mover_gone(struct mover *m, struct desk_client *client)
{
	if (m->client == client)
		m->client = NULL;
}

void mover_turn(struct mover *m, uint64_t now_ns)
{
	rebalance_turn(&m->rebalance, now_ns);
}

uint64_t mover_deadline(const struct mover *m, uint64_t now_ns)
{
	return rebalance_deadline(&m->rebalance, now_ns);
}
