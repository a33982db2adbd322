/* survey.c - see survey.h. SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "rundir.h"

static bool runs(enum topology_status status)
{
	return status < TOPOLOGY_FINISHED;
}

/* read_run: the run directory may go while we read; then the status is another one, too. */
static void read_run(struct survey *s, enum metrics_depth depth, enum metrics_window which)
{
	for (int tries = 0; tries < 2 && s->m == NULL; tries++) {
		free(s->rundir);
		s->status = home_status(&s->home);
		s->rundir = runs(s->status) ? home_rundir(&s->home) : NULL;
		if (s->rundir != NULL)
			s->m = metrics_read(s->rundir, depth, which, NULL);
	}
}

static void read_errors(struct survey *s)
{
	uint32_t n = metrics_components(s->m);
	const char **ids = xcalloc((size_t)n + 1, sizeof *ids);

	for (uint32_t c = 0; c < n; c++)
		ids[c] = metrics_id(s->m, c);
	s->errors = last_errors(&s->home, ids, n);
	free(ids);
}

static void read_end(struct survey *s)
{
	struct buf b = { 0 };

	if (runs(s->status) || home_read(&s->home, "ended.json", &b, NULL) != 1) {
		buf_free(&b);
		return;
	}
	diag_source(&s->text, "ended.json", b.data, b.n);
	s->ended = json_parse(&s->text, 0);
}

static void read_definition(struct survey *s)
{
	char *path = home_file(&s->home, "topology.json");

	s->definition = topology_read(path, NULL);
	if (s->definition != NULL)
		s->plan = plan_make(s->definition);
	free(path);
}

const struct topology *survey_definition(struct survey *s)
{
	if (s->m == NULL && s->definition == NULL)
		read_definition(s);
	return s->m != NULL ? s->m->topology : s->definition;
}

enum home_result survey_open(struct survey *s, const char *name, enum metrics_depth depth,
    enum metrics_window which, struct error *e)
{
	enum home_result rc;

	*s = (struct survey){ .home.fd = -1 };
	rc = home_open(&s->home, name, e);
	if (rc != HOME_OK)
		return rc;
	read_run(s, depth, which);
	if (s->m != NULL) {
		s->plan = s->m->plan;
		if (depth >= METRICS_QUEUES)
			read_errors(s);
		return rc;
	}
	read_end(s);
	if (s->ended == NULL)
		read_definition(s);
	return rc;
}

int survey_open_run(struct survey *s, const char *rundir, enum metrics_depth depth,
    enum metrics_window which)
{
	struct metrics *m = metrics_read(rundir, depth, which, NULL);

	*s = (struct survey){ .home.fd = -1 };
	if (m == NULL || !m->has_overview || m->overview.status >= N_TOPOLOGY_STATUSES) {
		metrics_free(m);
		return -1;
	}
	s->home.name = xstrdup(m->topology->name);
	s->rundir = xstrdup(rundir);
	s->homeless = true;
	s->status = (enum topology_status)m->overview.status;
	s->m = m;
	s->plan = m->plan;
	s->errors = xcalloc((size_t)metrics_components(m) + 1, sizeof *s->errors);
	return 0;
}

const char *survey_run_id(const struct survey *s)
{
	return strrchr(s->rundir, '/') + 1;
}

struct sample *survey_since(const struct survey *s, enum metrics_window which, bool *whole)
{
	*whole = true;
	return s->m != NULL ? metrics_since(s->m, s->rundir, which, whole) : NULL;
}

void survey_close(struct survey *s)
{
	if (s->m == NULL)
		plan_free(s->plan);
	else
		last_errors_free(s->errors, metrics_components(s->m));
	metrics_free(s->m);
	topology_free(s->definition);
	json_free(s->ended);
	diag_free(&s->text);
	free(s->rundir);
	home_close(&s->home);
	*s = (struct survey){ .home.fd = -1 };
}

/* ---- runs without a home ----------------------------------------------------------- */

/* has_home: the run in RUNDIR belongs to a submitted topology. One that begins or ends has no link to it
 * in its home, which is why a home of the same name that lives and has none counts as its. */
static bool has_home(const char *rundir, char *const *names)
{
	const struct overview *o = overview_open(rundir, NULL);
	bool found = false;

	for (size_t i = 0; o != NULL && !found && names[i] != NULL; i++) {
		struct home h;
		char *own;

		if (home_open(&h, names[i], NULL) != HOME_OK)
			continue;
		own = home_rundir(&h);
		if (own != NULL)
			found = strcmp(own, rundir) == 0;
		else
			found = strncmp(o->name, names[i], sizeof o->name) == 0 && home_lives(&h);
		free(own);
		home_close(&h);
	}
	found |= o == NULL;
	overview_close(o);
	return found;
}

char **survey_runs(void)
{
	char **paths = rundir_living(), **homes = home_names(NULL);
	static char *none;
	size_t n = 0;

	for (size_t i = 0; paths[i] != NULL; i++) {
		if (has_home(paths[i], homes != NULL ? homes : &none))
			free(paths[i]);
		else
			paths[n++] = paths[i];
	}
	paths[n] = NULL;
	for (size_t i = 0; homes != NULL && homes[i] != NULL; i++)
		free(homes[i]);
	free(homes);
	return paths;
}

const struct json_node *survey_summary(const struct survey *s, const char *key)
{
	const struct json_node *summary = s->ended != NULL ? json_member(s->ended->nodes, "summary") : NULL;

	return summary != NULL && summary->type == JSON_OBJECT ? json_member(summary, key) : NULL;
}

uint64_t survey_count(const struct survey *s, const char *key)
{
	const struct json_node *x = survey_summary(s, key);

	return x != NULL && x->type == JSON_INT && x->i > 0 ? (uint64_t)x->i : 0;
}

double survey_uptime_s(const struct survey *s)
{
	const struct json_node *wall;

	if (s->m != NULL)
		return (double)(s->m->now_ns - s->m->started_ns) / NS_PER_S;
	wall = survey_summary(s, "wall_seconds");
	return wall != NULL && (wall->type == JSON_FLOAT || wall->type == JSON_INT) ? wall->f : 0;
}
