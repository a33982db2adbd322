/* moves.c - see moves.h. SPDX-License-Identifier: Apache-2.0 */
#include "moves.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "nearest.h"

/* refuse sets E and gives CODE. */
static int refuse(int code, int failure)
{
	(void)failure;
	return code;
}

/* ---- what is wanted ---- */

static int unknown(const struct topology *t, const char *id, struct error *e)
{
	struct nearest near = nearest_to(id);
	const char *help;

	if (strcmp(id, ACKER_ID) == 0 || strcmp(id, COORDINATOR_ID) == 0)
		return refuse(MOVES_CONFLICT, error_set(e, "%ss can't be moved: their number is fixed when a "
		    "topology is submitted (topology.acker.executors)", id));
	for (uint32_t c = 0; c < t->n_components; c++)
		nearest_try(&near, t->components[c].id);
	help = nearest_help(&near);
	return refuse(MOVES_NOT_FOUND, error_set(e, "there is no component \"%s\"%s%s", id, *help ? ": " : "", help));
}

/* want reads one COMPONENT=N into EXECUTORS. */
static int want(const struct topology *t, char *text, uint32_t *executors, struct error *e)
{
	char *equals = strrchr(text, '='), *end = NULL;
	unsigned long n = equals != NULL && equals[1] != '-' ? strtoul(equals + 1, &end, 10) : 0;
	int c;

	if (equals == NULL || equals == text || end == equals + 1 || end == NULL || *end != '\0')
		return refuse(MOVES_USAGE, error_set(e, "\"%s\" is not COMPONENT=EXECUTORS", text));
	*equals = '\0';
	c = topology_find(t, text);
	if (c < 0)
		return unknown(t, text, e);
	if (n < 1 || n > t->components[c].n_tasks)
		return refuse(MOVES_CONFLICT, error_set(e, "%s can have 1 to %u executors, as it has %u task%s: "
		    "their number (numTasks) is set when a topology is submitted, and fixed from then on",
		    text, t->components[c].n_tasks, t->components[c].n_tasks,
		    t->components[c].n_tasks == 1 ? "" : "s"));
	executors[c] = (uint32_t)n;
	return 0;
}

static int want_all(const struct topology *t, char *wanted, uint32_t *executors, struct error *e)
{
	char *rest = NULL;
	int code = 0;

	for (char *text = strtok_r(wanted, " ", &rest); text != NULL && code == 0; text = strtok_r(NULL, " ", &rest))
		code = want(t, text, executors, e);
	return code;
}

/* ---- what can't be ---- */

/* check_chains: who is chained to whom stays the same. */
static int check_chains(const struct moves *m, struct error *e)
{
	const struct topology *t = &m->after;

	for (uint32_t c = 0; c < t->n_components; c++) {
		uint32_t was = m->now->chained_to[c], will = plan_chained_to(t, c);

		if (was == will)
			continue;
		return refuse(MOVES_CONFLICT, error_set(e, was != UINT32_MAX ?
		    "%s is chained to %s: give both the same number (topology.chaining)" :
		    "%s would be chained to %s from now on: give it another number, or set its topology.chaining "
		    "to off", t->components[c].id, t->components[was != UINT32_MAX ? was : will].id));
	}
	return 0;
}

/* check_stage: what stage S of WORKER has must not be lost when its tasks move. */
static int check_stage(const struct moves *m, uint32_t worker, const struct plan_stage *s,
    const struct moves_facts *facts, struct error *e)
{
	const struct component *c = &m->after.components[s->component];

	if (m->after.transaction.id != NULL)
		return 0;
	if (c->kind == GALE_SPOUT && !facts->survives(facts->arg, worker))
		return refuse(MOVES_CONFLICT, error_set(e, "%s can't be positioned: where it is in its input would "
		    "be lost", c->id));
	if (c->kind == GALE_BOLT && c->has_finish && c->state_version == 0)
		return refuse(MOVES_CONFLICT, error_set(e, "%s keeps no state: what it has gathered for its finish "
		    "would be lost", c->id));
	return 0;
}

/* moves_worker: WORKER has tasks that move. */
static bool moves_worker(const struct moves *m, uint32_t worker)
{
	return m->now->workers[worker].role != ROLE_GONE && !plan_keeps(m->now, m->then, worker);
}

static int check_losses(const struct moves *m, const struct moves_facts *facts, struct error *e)
{
	int code = 0;

	for (uint32_t i = 0; i < m->now->n_workers && code == 0; i++)
		for (uint32_t k = 0; moves_worker(m, i) && k < m->now->workers[i].n_stages && code == 0; k++)
			code = check_stage(m, i, &plan_stages(m->now, i)[k], facts, e);
	return code;
}

/* ---- the plan ---- */

/* lay_out plans with so many EXECUTORS of each component. */
static int lay_out(struct moves *m, const uint32_t *executors, struct error *e)
{
	int code;

	for (uint32_t c = 0; c < m->after.n_components; c++)
		m->after.components[c].parallelism = executors[c];
	code = check_chains(m, e);
	if (code != 0)
		return code;
	m->after.layout = plan_relayout(m->now, executors, &m->after.n_layout);
	m->then = plan_make(&m->after);
	return 0;
}

int moves_make(struct moves *m, const struct plan *now, char *wanted, const struct moves_facts *facts,
    struct error *e)
{
	const struct topology *t = now->topology;
	uint32_t *executors = xcalloc((size_t)t->n_components + 1, sizeof *executors);
	int code;

	*m = (struct moves){ .now = now, .after = *t };
	m->after.components = xcalloc((size_t)t->n_components + 1, sizeof *m->after.components);
	memcpy(m->after.components, t->components, t->n_components * sizeof *t->components);
	m->after.layout = NULL;
	m->after.n_layout = 0;
	for (uint32_t c = 0; c < t->n_components; c++)
		executors[c] = plan_executors(now, c);
	code = want_all(t, wanted, executors, e);
	if (code == 0)
		code = lay_out(m, executors, e);
	if (code == 0)
		code = check_losses(m, facts, e);
	free(executors);
	return code;
}

void moves_free(struct moves *m)
{
	plan_free(m->then);
	free(m->after.layout);
	free(m->after.components);
	*m = (struct moves){ 0 };
}

bool moves_any(const struct moves *m)
{
	for (uint32_t i = 0; i < m->now->n_workers; i++)
		if (moves_worker(m, i))
			return true;
	return false;
}

/* ---- for people ---- */

static uint64_t stage_bytes(const struct moves *m, const struct plan_stage *s, const struct moves_facts *facts)
{
	uint64_t n = 0;

	for (uint32_t i = 0; m->after.components[s->component].state_version != 0 && i < s->n_tasks; i++)
		n += facts->state_bytes(facts->arg, s->component,
		    s->first_task + i - m->now->first_task[s->component]);
	return n;
}

static void put_stopped(struct buf *out, const struct moves *m, uint32_t worker, const struct moves_facts *facts)
{
	const struct plan_worker *w = &m->now->workers[worker];
	uint64_t bytes = 0;

	for (uint32_t k = 0; k < w->n_stages; k++)
		bytes += stage_bytes(m, &plan_stages(m->now, worker)[k], facts);
	buf_printf(out, "  stops   %s", w->label);
	if (bytes > 0)
		buf_printf(out, ", with %" PRIu64 " KiB of state to be moved", (bytes + 1023) / 1024);
	buf_puts(out, "\n");
}

/* put_component lists the workers whose head is of component C. */
static void put_component(struct buf *out, const struct moves *m, uint32_t c, const struct moves_facts *facts)
{
	for (uint32_t i = 0; i < m->now->n_workers; i++)
		if (m->now->workers[i].component == c && plan_keeps(m->now, m->then, i))
			buf_printf(out, "  stays   %s\n", m->now->workers[i].label);
	for (uint32_t i = 0; i < m->now->n_workers; i++)
		if (m->now->workers[i].component == c && moves_worker(m, i))
			put_stopped(out, m, i, facts);
	for (uint32_t i = 0; i < m->then->n_workers; i++)
		if (m->then->workers[i].component == c && m->then->workers[i].n_tasks > 0 &&
		    !plan_keeps(m->now, m->then, i))
			buf_printf(out, "  starts  %s\n", m->then->workers[i].label);
}

void moves_text(struct buf *out, const struct moves *m, const struct moves_facts *facts)
{
	for (uint32_t c = 0; c < m->after.n_components; c++) {
		uint32_t was = plan_executors(m->now, c), will = plan_executors(m->then, c);

		if (was == will)
			continue;
		buf_printf(out, "%s: %u executor%s -> %u\n", m->after.components[c].id, was, was == 1 ? "" : "s",
		    will);
		put_component(out, m, c, facts);
	}
}
