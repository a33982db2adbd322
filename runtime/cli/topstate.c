/* topstate.c - see topstate.h. SPDX-License-Identifier: Apache-2.0 */
#include "topstate.h"

#include <stdlib.h>

#include "memory.h"

/* In the order in which "w" goes round. */
static const enum metrics_window windows[] = { WINDOW_LIVE, WINDOW_1M, WINDOW_10M, WINDOW_3H, WINDOW_1D, WINDOW_ALL };
enum { N_ROUND = sizeof windows / sizeof *windows };

void topstate_begin(struct topstate *s, const char *name)
{
	*s = (struct topstate){ .window = WINDOW_LIVE };
	for (int i = 0; i < TOP_VIEWS; i++)
		s->pages[i].sorted = TOPGRID_UNSORTED;
	if (name == NULL)
		return;
	s->view = TOP_COMPONENTS;
	s->name = xstrdup(name);
	s->pages[TOP_LIST].selected = xstrdup(name);
}

void topstate_end(struct topstate *s)
{
	free(s->name);
	free(s->component);
	for (int i = 0; i < TOP_VIEWS; i++)
		free(s->pages[i].selected);
	*s = (struct topstate){ 0 };
}

static void set(char **text, const char *to)
{
	char *copy = to != NULL ? xstrdup(to) : NULL;	/* it may be the same one */

	free(*text);
	*text = copy;
}

void topstate_seen(struct topstate *s, const struct topgrid *g)
{
	struct toppage *p = &s->pages[s->view];

	if (g->n == 0)
		return;		/* it may come back */
	set(&p->selected, g->rows[g->selected].key);
	p->at = g->selected;
	p->first = g->first;
}

/* ---- keys -------------------------------------------------------------------------- */

/* forget: another topology or component has other rows. */
static void forget(struct topstate *s, enum topview view)
{
	s->pages[view].at = s->pages[view].first = 0;
	set(&s->pages[view].selected, NULL);
}

static enum topdeed enter(struct topstate *s, const struct topgrid *g)
{
	const char *key = g->n > 0 ? g->rows[g->selected].key : NULL;

	if (key == NULL || s->view == TOP_COMPONENT || s->view == TOP_EXECUTORS)
		return TOP_NOTHING;
	if (s->view == TOP_LIST) {
		set(&s->name, key);
		forget(s, TOP_COMPONENTS);
		forget(s, TOP_EXECUTORS);
		s->view = TOP_COMPONENTS;
	} else {
		set(&s->component, key);
		forget(s, TOP_COMPONENT);
		s->view = TOP_COMPONENT;
	}
	return TOP_LOOK;
}

static enum topdeed back(struct topstate *s)
{
	if (s->view == TOP_LIST)
		return TOP_NOTHING;
	s->view = s->view == TOP_COMPONENT ? TOP_COMPONENTS : TOP_LIST;
	return TOP_LOOK;
}

/* go marks the row that is STEPS further. */
static enum topdeed go(struct topstate *s, const struct topgrid *g, long steps)
{
	struct toppage *p = &s->pages[s->view];
	size_t at = g->selected;

	if (g->n == 0)
		return TOP_NOTHING;
	if (steps < 0)
		at = at > (size_t)-steps ? at - (size_t)-steps : 0;
	else
		at = g->n - 1 - at > (size_t)steps ? at + (size_t)steps : g->n - 1;
	p->at = at;
	set(&p->selected, g->rows[at].key);
	return TOP_DRAW;
}

static enum topdeed next_window(struct topstate *s)
{
	int i = 0;

	while (i < N_ROUND - 1 && windows[i] != s->window)
		i++;
	s->window = windows[(i + 1) % N_ROUND];
	return TOP_LOOK;
}

static enum topdeed letter(struct topstate *s, int key, const struct topgrid *g)
{
	switch (key) {
	case 's':
		s->pages[s->view].sorted = topgrid_next(g, s->pages[s->view].sorted);
		return TOP_DRAW;
	case 'w':
		return next_window(s);
	case 'p':
		s->paused = !s->paused;
		return s->paused ? TOP_DRAW : TOP_LOOK;
	case 'c':
		if (s->view != TOP_COMPONENTS && s->view != TOP_EXECUTORS)
			return TOP_NOTHING;
		s->view = s->view == TOP_COMPONENTS ? TOP_EXECUTORS : TOP_COMPONENTS;
		return TOP_LOOK;
	case '?':
		s->help = true;
		return TOP_DRAW;
	default:
		return TOP_NOTHING;
	}
}

enum topdeed topstate_key(struct topstate *s, int key, const struct topgrid *g)
{
	long page = g->n_visible > 1 ? (long)g->n_visible - 1 : 1;

	if (key == 'q')
		return TOP_QUIT;
	if (s->help) {
		s->help = false;	/* any key closes it */
		return TOP_DRAW;
	}
	switch (key) {
	case TOPKEY_UP: return go(s, g, -1);
	case TOPKEY_DOWN: return go(s, g, 1);
	case TOPKEY_PAGE_UP: return go(s, g, -page);
	case TOPKEY_PAGE_DOWN: return go(s, g, page);
	case TOPKEY_HOME: return go(s, g, -(long)g->n);
	case TOPKEY_END: return go(s, g, (long)g->n);
	case TOPKEY_ENTER: return enter(s, g);
	case TOPKEY_ESCAPE: return back(s);
	default: return letter(s, key, g);
	}
}
