/* survey.c - see survey.h. SPDX-License-Identifier: Apache-2.0 */
#include "survey.h"

#include <stdlib.h>

#include "clock.h"
#include "memory.h"

static bool runs(enum topology_status status)
{
	return status < TOPOLOGY_FINISHED;
}

/* read_run: the run directory may go while we read; then the status is another one, too. */
static void read_run(struct survey *s, enum metrics_depth depth, enum metrics_window which)
{
	char *rundir;

	for (int tries = 0; tries < 2 && s->m == NULL; tries++) {
		s->status = home_status(&s->home);
		rundir = runs(s->status) ? home_rundir(&s->home) : NULL;
		if (rundir != NULL)
			s->m = metrics_read(rundir, depth, which, NULL);
		free(rundir);
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
	home_close(&s->home);
	*s = (struct survey){ .home.fd = -1 };
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
