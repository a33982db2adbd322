/* topfeed.c - see topfeed.h. SPDX-License-Identifier: Apache-2.0 */
#include "topfeed.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "show.h"

/* A rate of a shorter time says little: somebody has pressed a key between two looks. */
enum { SHORTEST_MS = 50 };

static void look_free(struct toplook *l)
{
	for (size_t i = 0; i < l->n; i++)
		survey_close(&l->surveys[i]);
	free(l->surveys);
	advice_free(l->advice);
	*l = (struct toplook){ 0 };
}

void topfeed_close(struct topfeed *f)
{
	look_free(&f->look);
}

const struct survey *topfeed_of(const struct toplook *look, const char *name)
{
	for (size_t i = 0; i < look->n; i++)
		if (strcmp(look->surveys[i].home.name, name) == 0)
			return &look->surveys[i];
	return NULL;
}

/* ---- looking ----------------------------------------------------------------------- */

/* add opens NAME as the next survey, which there is room for. One that has gone is no error. */
static void add(struct toplook *l, const char *name, enum metrics_depth depth, enum metrics_window window)
{
	enum home_result rc = survey_open(&l->surveys[l->n], name, depth, window, &l->error);

	if (rc == HOME_OK)
		l->n++;
	if (rc == HOME_OK || rc == HOME_NONE)
		l->error.text[0] = '\0';
}

static void look_at_all(struct toplook *l, enum metrics_depth depth, enum metrics_window window)
{
	char **names = home_names(&l->error);
	size_t n = 0;

	if (names != NULL)
		l->error.text[0] = '\0';	/* that there is no place for homes yet is no error */
	while (names != NULL && names[n] != NULL)
		n++;
	l->surveys = xcalloc(n + 1, sizeof *l->surveys);
	for (size_t i = 0; i < n; i++) {
		add(l, names[i], depth < METRICS_WINDOW ? depth : METRICS_WINDOW, window);
		free(names[i]);
	}
	free(names);
}

static void look_at(struct toplook *l, const char *name, enum metrics_depth depth, enum metrics_window window)
{
	l->surveys = xcalloc(1, sizeof *l->surveys);
	add(l, name, depth, window);
	if (l->n > 0)
		l->advice = show_advice(l->surveys);
}

/* goes_on: B goes on from A, and not from just now. */
static bool goes_on(const struct metrics *a, const struct metrics *b)
{
	return a->has_overview && b->has_overview && a->overview.run == b->overview.run &&
	    a->overview.started_ns == b->overview.started_ns &&
	    b->now_ns >= a->now_ns + (uint64_t)SHORTEST_MS * NS_PER_MS;
}

static void rewind_to(struct toplook *l, const struct toplook *earlier)
{
	for (size_t i = 0; i < l->n; i++) {
		struct metrics *m = l->surveys[i].m;
		const struct survey *before = m != NULL ? topfeed_of(earlier, l->surveys[i].home.name) : NULL;

		if (before != NULL && before->m != NULL && goes_on(before->m, m))
			metrics_rewind(m, before->m->total);
	}
}

void topfeed_look(struct topfeed *f, const char *name, enum metrics_window window, enum metrics_depth depth)
{
	struct toplook earlier = f->look;
	enum metrics_window read = window == WINDOW_LIVE ? WINDOW_1M : window;

	f->look = (struct toplook){ 0 };
	if (name != NULL)
		look_at(&f->look, name, depth, read);
	else
		look_at_all(&f->look, depth, read);
	if (window == WINDOW_LIVE)
		rewind_to(&f->look, &earlier);
	look_free(&earlier);
}
