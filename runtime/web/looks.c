/* looks.c - see looks.h. SPDX-License-Identifier: Apache-2.0 */
#include "looks.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "show.h"

enum {
	KEPT_MAX = 256,		/* answers */
	FORGET_MS = 5000	/* what nobody asked for again */
};

/* One topology over one window. */
struct look {
	struct look *next;
	char *id;			/* as it was asked for */
	enum metrics_window window;
	uint64_t at_ns;
	struct survey survey;
};

struct kept {
	char *target;
	struct answer *answer;
	uint64_t at_ns;
};

struct looks {
	const char *only;
	uint64_t now_ns;		/* of the request in hand */
	struct look *first;
	struct survey *all;		/* NULL: not looked at yet */
	size_t n_all;
	uint64_t all_at_ns;
	struct kept kept[KEPT_MAX];
	size_t n_kept;
};

static bool is_older(const struct looks *l, uint64_t at_ns, unsigned ms)
{
	return l->now_ns >= at_ns + (uint64_t)ms * NS_PER_MS;
}

struct looks *looks_open(const char *only)
{
	struct looks *l = xcalloc(1, sizeof *l);

	l->only = only;
	return l;
}

/* ---- one topology ------------------------------------------------------------------ */

static void forget(struct look **place)
{
	struct look *look = *place;

	*place = look->next;
	survey_close(&look->survey);
	free(look->id);
	free(look);
}

/* name_of_id gives NAME of "NAME-RUN-SECONDS"; NULL: ID is none. Free it. */
static char *name_of_id(const char *id)
{
	size_t n = strlen(id);

	for (int part = 0; part < 2; part++) {
		size_t end = n;

		while (n > 0 && id[n - 1] >= '0' && id[n - 1] <= '9')
			n--;
		if (n == end || n < 2 || id[n - 1] != '-')
			return NULL;
		n--;
	}
	return xstrndup(id, n);
}

/* is_called: the run that S shows has this ID. */
static bool is_called(const struct survey *s, const char *id)
{
	struct show_totals t = show_totals(s);
	bool is = strcmp(t.id, id) == 0;

	free(t.id);
	return is;
}

/* find_home opens the topology ID: a name, or the id of a run that is its present one. */
static enum home_result find_home(struct survey *s, const char *id, enum metrics_window window, struct error *e)
{
	enum home_result rc = survey_open(s, id, METRICS_ALL, window, e);
	char *name = rc == HOME_NONE ? name_of_id(id) : NULL;

	if (name != NULL && survey_open(s, name, METRICS_ALL, window, NULL) == HOME_OK) {
		if (is_called(s, id))
			rc = HOME_OK;
		else
			survey_close(s);
	}
	free(name);
	return rc;
}

/* ---- runs without a home ----------------------------------------------------------- */

/* runs_of gives the run directories of those that are shown; NULL follows them. */
static char **runs_of(const struct looks *l)
{
	char **one;

	if (l->only == NULL)
		return survey_runs();
	one = xcalloc(2, sizeof *one);
	one[0] = xstrdup(l->only);
	return one;
}

static void free_all(char **names)
{
	for (size_t i = 0; names != NULL && names[i] != NULL; i++)
		free(names[i]);
	free(names);
}

/* is_run: the run in the directory PATH, ".../NAME-PID", is the one that ID, NAME or NAME-PID, is for. */
static bool is_run(const char *path, const char *id)
{
	const struct overview *o = overview_open(path, NULL);
	bool is = o != NULL && (strncmp(o->name, id, sizeof o->name) == 0 || strcmp(strrchr(path, '/') + 1, id) == 0);

	overview_close(o);
	return is;
}

static enum home_result find_run(const struct looks *l, struct survey *s, const char *id, enum metrics_window window)
{
	enum home_result rc = HOME_NONE;
	char **paths = runs_of(l);

	for (size_t i = 0; rc != HOME_OK && paths[i] != NULL; i++)
		if (is_run(paths[i], id) && survey_open_run(s, paths[i], METRICS_ALL, window) == 0)
			rc = HOME_OK;
	free_all(paths);
	return rc;
}

/* ---- all of them ------------------------------------------------------------------- */

static enum home_result find(const struct looks *l, struct survey *s, const char *id, enum metrics_window window,
    struct error *e)
{
	enum home_result rc = HOME_NONE;

	error_set(e, "there is no topology \"%s\"", id);
	if (l->only == NULL)
		rc = find_home(s, id, window, e);
	return rc == HOME_NONE ? find_run(l, s, id, window) : rc;
}

static enum home_result look(struct looks *l, const char *id, enum metrics_window window, struct survey **s,
    struct error *e)
{
	struct look *new = xcalloc(1, sizeof *new);
	enum home_result rc = find(l, &new->survey, id, window, e);

	if (rc != HOME_OK) {
		free(new);
		return rc;
	}
	new->id = xstrdup(id);
	new->window = window;
	new->at_ns = l->now_ns;
	new->next = l->first;
	l->first = new;
	*s = &new->survey;
	return HOME_OK;
}

enum home_result looks_at(struct looks *l, const char *id, enum metrics_window window, struct survey **s,
    struct error *e)
{
	for (struct look **at = &l->first; *at != NULL; at = &(*at)->next) {
		if ((*at)->window != window || strcmp((*at)->id, id) != 0)
			continue;
		if (!is_older(l, (*at)->at_ns, LOOK_MS)) {
			*s = &(*at)->survey;
			return HOME_OK;
		}
		forget(at);
		break;
	}
	return look(l, id, window, s, e);
}

bool looks_found(struct exchange *x, enum home_result rc, const struct error *e)
{
	if (rc == HOME_NONE)
		exchange_error(x, 404, "noTopology", "%s", e->text);
	else if (rc != HOME_OK)
		exchange_error(x, 500, "failed", "%s", e->text);
	return rc == HOME_OK;
}

struct survey *looks_topology_over(struct looks *l, struct exchange *x, enum metrics_window window)
{
	struct survey *s = NULL;
	struct error e;
	enum home_result rc = looks_at(l, exchange_word(x, "id"), window, &s, &e);

	return looks_found(x, rc, &e) ? s : NULL;
}

struct survey *looks_topology(struct looks *l, struct exchange *x)
{
	const char *name = exchange_parameter(x, "window");
	enum metrics_window window = name != NULL ? metrics_window_find(name) : WINDOW_1M;

	if (window >= N_WINDOWS) {
		exchange_error(x, 400, "noWindow", "There is no window \"%s\": there are 1m, 10m, 3h, 1d and all.", name);
		return NULL;
	}
	return looks_topology_over(l, x, window);
}

/* ---- all --------------------------------------------------------------------------- */

static void forget_all(struct looks *l)
{
	for (size_t i = 0; i < l->n_all; i++)
		survey_close(&l->all[i]);
	free(l->all);
	l->all = NULL;
	l->n_all = 0;
}

/* look_at_all: one that goes meanwhile is not there any more; one that can't be read is left out. */
static void look_at_all(struct looks *l, char **names, char **runs)
{
	size_t n = 0;

	for (size_t i = 0; names[i] != NULL; i++)
		n++;
	for (size_t i = 0; runs[i] != NULL; i++)
		n++;
	l->all = xcalloc(n + 1, sizeof *l->all);
	l->all_at_ns = l->now_ns;
	for (size_t i = 0; names[i] != NULL; i++)
		if (survey_open(&l->all[l->n_all], names[i], METRICS_WINDOW, WINDOW_1M, NULL) == HOME_OK)
			l->n_all++;
	for (size_t i = 0; runs[i] != NULL; i++)
		if (survey_open_run(&l->all[l->n_all], runs[i], METRICS_WINDOW, WINDOW_1M) == 0)
			l->n_all++;
}

struct survey *looks_all(struct looks *l, size_t *n, struct error *e)
{
	char **names, **runs;

	if (l->all == NULL || is_older(l, l->all_at_ns, LOOK_MS)) {
		forget_all(l);
		names = l->only == NULL ? home_names(e) : xcalloc(1, sizeof *names);
		if (names == NULL)
			return NULL;
		runs = runs_of(l);
		look_at_all(l, names, runs);
		free_all(names);
		free_all(runs);
	}
	*n = l->n_all;
	return l->all;
}

/* ---- written answers --------------------------------------------------------------- */

static void drop(struct looks *l, size_t i)
{
	free(l->kept[i].target);
	answer_drop(l->kept[i].answer);
	l->kept[i] = l->kept[--l->n_kept];
}

struct answer *looks_kept(struct looks *l, const char *target)
{
	for (size_t i = 0; i < l->n_kept; i++)
		if (strcmp(l->kept[i].target, target) == 0 && !is_older(l, l->kept[i].at_ns, LOOK_MS))
			return l->kept[i].answer;
	return NULL;
}

void looks_keep(struct looks *l, const char *target, struct answer *a)
{
	for (size_t i = l->n_kept; i-- > 0; )
		if (is_older(l, l->kept[i].at_ns, LOOK_MS) || strcmp(l->kept[i].target, target) == 0)
			drop(l, i);
	if (l->n_kept < KEPT_MAX)
		l->kept[l->n_kept++] = (struct kept){ xstrdup(target), answer_keep(a), l->now_ns };
}

/* ---- time -------------------------------------------------------------------------- */

void looks_turn(struct looks *l, uint64_t now_ns)
{
	l->now_ns = now_ns;
	for (struct look **at = &l->first; *at != NULL; ) {
		if (is_older(l, (*at)->at_ns, FORGET_MS))
			forget(at);
		else
			at = &(*at)->next;
	}
	if (l->all != NULL && is_older(l, l->all_at_ns, FORGET_MS))
		forget_all(l);
}

void looks_renew(struct looks *l)
{
	while (l->first != NULL)
		forget(&l->first);
	forget_all(l);
	while (l->n_kept > 0)
		drop(l, 0);
}

void looks_close(struct looks *l)
{
	if (l == NULL)
		return;
	looks_renew(l);
	free(l);
}
