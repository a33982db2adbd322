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

/* is_run: the run that S shows has this ID. */
static bool is_run(const struct survey *s, const char *id)
{
	struct show_totals t = show_totals(s);
	bool is = strcmp(t.id, id) == 0;

	free(t.id);
	return is;
}

/* find opens ID, a name or the id of a run that is the present one. */
static enum home_result find(struct survey *s, const char *id, enum metrics_depth depth, enum metrics_window window,
    struct error *e)
{
	enum home_result rc = survey_open(s, id, depth, window, e);
	char *name = rc == HOME_NONE ? name_of_id(id) : NULL;

	if (name != NULL && survey_open(s, name, depth, window, NULL) == HOME_OK) {
		if (is_run(s, id))
			rc = HOME_OK;
		else
			survey_close(s);
	}
	free(name);
	return rc;
}

static enum home_result look(struct looks *l, const char *id, enum metrics_window window, struct survey **s,
    struct error *e)
{
	struct look *new = xcalloc(1, sizeof *new);
	enum home_result rc = find(&new->survey, id, METRICS_ALL, window, e);

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

struct survey *looks_topology(struct looks *l, struct exchange *x)
{
	const char *name = exchange_parameter(x, "window");
	enum metrics_window window = name != NULL ? metrics_window_find(name) : WINDOW_1M;
	struct survey *s = NULL;
	struct error e;

	if (window >= N_WINDOWS) {
		exchange_error(x, 400, "noWindow", "There is no window \"%s\": there are 1m, 10m, 3h, 1d and all.", name);
		return NULL;
	}
	switch (looks_at(l, exchange_word(x, "id"), window, &s, &e)) {
	case HOME_OK:
		return s;
	case HOME_NONE:
		exchange_error(x, 404, "noTopology", "%s", e.text);
		return NULL;
	default:
		exchange_error(x, 500, "failed", "%s", e.text);
		return NULL;
	}
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
static void look_at_all(struct looks *l, char **names)
{
	size_t n = 0;

	while (names[n] != NULL)
		n++;
	l->all = xcalloc(n + 1, sizeof *l->all);
	for (size_t i = 0; i < n; i++)
		if (survey_open(&l->all[l->n_all], names[i], METRICS_WINDOW, WINDOW_1M, NULL) == HOME_OK)
			l->n_all++;
	l->all_at_ns = l->now_ns;
}

struct survey *looks_all(struct looks *l, size_t *n, struct error *e)
{
	char **names;

	if (l->all == NULL || is_older(l, l->all_at_ns, LOOK_MS)) {
		forget_all(l);
		names = home_names(e);
		if (names == NULL)
			return NULL;
		look_at_all(l, names);
		for (size_t i = 0; names[i] != NULL; i++)
			free(names[i]);
		free(names);
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

void looks_close(struct looks *l)
{
	if (l == NULL)
		return;
	while (l->first != NULL)
		forget(&l->first);
	forget_all(l);
	while (l->n_kept > 0)
		drop(l, 0);
	free(l);
}
