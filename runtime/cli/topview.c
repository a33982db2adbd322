/* topview.c - see topview.h. SPDX-License-Identifier: Apache-2.0
 *
 * From the top: what the topology does as a whole, in pieces that are left out when there is no
 * room; the table, which gets the lines that nobody else takes; at the bottom what to do, and the
 * keys. */
#include "topview.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"
#include "show.h"
#include "table.h"
#include "toptables.h"

/* From so many lines on there is room for the totals. */
enum { ROOM_FOR_TOTALS = 12, TEXT_LINES = 3, ROWS_LEAST = 3 };

static bool is_batch(const struct topscene *x)
{
	return x->width == 0;
}

/* ---- pieces ------------------------------------------------------------------------ */

static void add_buf(struct toppieces *p, uint8_t rank, enum topstyle style, struct buf *text)
{
	toppieces_add(p, rank, style, "%s", buf_text(text));
	buf_free(text);
}

static void add_count(struct toppieces *p, uint8_t rank, uint64_t n, const char *one, const char *many)
{
	struct buf b = { 0 };

	text_number(&b, n);
	buf_printf(&b, " %s", n == 1 ? one : many);
	add_buf(p, rank, STYLE_PLAIN, &b);
}

/* add_bad: it is told when there is any. */
static void add_bad(struct toppieces *p, uint8_t rank, uint64_t n, const char *one, const char *many)
{
	if (n == 0)
		return;
	add_count(p, rank, n, one, many);
	if (p->n > 0)
		p->items[p->n - 1].style = STYLE_WARN;
}

static void add_rate(struct toppieces *p, uint8_t rank, double n, const char *what)
{
	struct buf b = { 0 };

	text_rate(&b, n);
	buf_printf(&b, " %s", what);
	add_buf(p, rank, STYLE_PLAIN, &b);
}

static void add_duration(struct toppieces *p, uint8_t rank, const char *before, double seconds, const char *after)
{
	struct buf b = { 0 };

	buf_puts(&b, before);
	text_duration(&b, seconds);
	buf_puts(&b, after);
	add_buf(p, rank, STYLE_PLAIN, &b);
}

static void add_quantile(struct toppieces *p, uint8_t rank, const char *name, const struct hist *h, double q)
{
	struct buf b = { 0 };

	buf_printf(&b, "%s ", name);
	text_latency(&b, hist_quantile(h, q));
	add_buf(p, rank, STYLE_PLAIN, &b);
}

static void add_paused(struct toppieces *p, const struct topscene *x)
{
	if (x->state->paused)
		toppieces_add(p, 0, STYLE_WARN, "PAUSED");
}

static void add_window(struct toppieces *p, uint8_t rank, const struct metrics *m)
{
	add_duration(p, rank, "(last ", (double)m->window->at_ns / NS_PER_S, ")");
}

/* ---- heads ------------------------------------------------------------------------- */

static void add_run(struct toppieces *p, const struct metrics *m, const struct show_totals *t)
{
	struct hist complete = { 0 };
	struct buf pending = { 0 };

	toptables_complete(m, &complete);
	buf_puts(&pending, "pending ");
	text_number(&pending, t->pending);
	add_buf(p, 3, STYLE_PLAIN, &pending);
	if (plan_tracks(m->plan))
		add_rate(p, 1, t->acked_rate, "acked/s");
	else
		add_rate(p, 1, t->emitted_rate, "emitted/s");
	if (complete.n == 0)
		return;
	add_quantile(p, 6, "p50", &complete, 0.5);
	add_quantile(p, 2, "p99", &complete, 0.99);
	add_quantile(p, 7, "p99.9", &complete, 0.999);
}

static void put_head(struct topscreen *out, const struct topscene *x, const struct survey *s, const struct show_totals *t)
{
	struct toppieces p = { .n = 0 };

	toppieces_add(&p, 0, STYLE_STRONG, "%s", s->home.name);
	toppieces_add(&p, 0, toptables_status(s->status), "%s", topology_status_names[s->status]);
	add_paused(&p, x);
	if (survey_uptime_s(s) > 0)
		add_duration(&p, 4, s->m != NULL ? "up " : "ran ", survey_uptime_s(s), "");
	if (s->m != NULL) {
		add_run(&p, s->m, t);
		add_window(&p, 5, s->m);
	}
	topscreen_pieces(out, &p);
}

static void put_totals(struct topscreen *out, const struct survey *s, const struct show_totals *t)
{
	struct toppieces p = { .n = 0 };
	int64_t limit = s->m != NULL ? topology_ms(s->m->topology, NULL, "topology.message.timeout.secs") : 0;

	toppieces_add(&p, 0, STYLE_PLAIN, "in all");
	add_count(&p, 4, t->emitted, "emitted", "emitted");
	add_count(&p, 0, t->acked, "acked", "acked");
	add_bad(&p, 1, t->failed, "failed", "failed");
	add_bad(&p, 2, t->timed_out, "timed out", "timed out");
	add_bad(&p, 3, t->dead_lettered, "dead letter", "dead letters");
	add_bad(&p, 5, t->replayed, "replayed", "replayed");
	add_bad(&p, 6, t->restarts, "restart", "restarts");
	if (t->oldest_ns > 0)
		add_duration(&p, 7, "oldest open for ", (double)t->oldest_ns / NS_PER_S, "");
	if (t->oldest_ns > 0 && limit > 0)
		add_duration(&p, 8, "limit ", (double)limit / 1000, "");
	topscreen_pieces(out, &p);
}

static void put_list_head(struct topscreen *out, const struct topscene *x)
{
	const struct toplook *look = &x->feed->look;
	uint64_t count[N_TOPOLOGY_STATUSES] = { 0 };
	const struct metrics *m = NULL;
	struct toppieces p = { .n = 0 };

	for (size_t i = 0; i < look->n; i++) {
		count[look->surveys[i].status]++;
		if (m == NULL)
			m = look->surveys[i].m;
	}
	toppieces_add(&p, 0, STYLE_STRONG, look->n == 1 ? "%zu topology" : "%zu topologies", look->n);
	add_paused(&p, x);
	for (int i = 0; i < N_TOPOLOGY_STATUSES; i++)
		if (count[i] > 0)
			toppieces_add(&p, (uint8_t)(i + 2), toptables_status((enum topology_status)i), "%" PRIu64 " %s",
			    count[i], topology_status_names[i]);
	if (m != NULL)
		add_window(&p, 1, m);
	topscreen_pieces(out, &p);
}

/* ---- the bottom -------------------------------------------------------------------- */

static void put_advice(struct topscreen *out, const struct advice *a, uint32_t most)
{
	bool found;
	char *text;

	if (a == NULL)
		return;
	found = a->kind != ADVICE_NONE && a->kind != ADVICE_UNKNOWN;
	text = xasprintf("%s%s", found ? "bottleneck: " : "", a->text);
	topscreen_wrap(out, found ? STYLE_STRONG : STYLE_QUIET, text, most);
	free(text);
	if (a->command == NULL)
		return;
	text = xasprintf("try: %s", a->command);
	topscreen_line(out);
	topscreen_put(out, STYLE_STRONG, text);
	free(text);
}

static void put_keys(struct topscreen *out, const struct topscene *x, const struct topgrid *g)
{
	const struct topstate *s = x->state;
	int sorted = s->pages[s->view].sorted;
	struct toppieces p = { .n = 0 };

	toppieces_add(&p, 1, STYLE_QUIET, "q quit");
	if (s->view == TOP_LIST)
		toppieces_add(&p, 2, STYLE_QUIET, "Enter open");
	if (s->view == TOP_COMPONENTS)
		toppieces_add(&p, 3, STYLE_QUIET, "Enter its executors");
	if (s->view != TOP_LIST)
		toppieces_add(&p, 2, STYLE_QUIET, "Esc back");
	if (s->view == TOP_COMPONENTS || s->view == TOP_EXECUTORS)
		toppieces_add(&p, 6, STYLE_QUIET, s->view == TOP_EXECUTORS ? "c components" : "c executors");
	if (g->n_columns > 0 && sorted >= 0)
		toppieces_add(&p, 4, STYLE_QUIET, "s sort: %s", g->columns[sorted].head);
	else
		toppieces_add(&p, 4, STYLE_QUIET, "s sort");
	toppieces_add(&p, 5, STYLE_QUIET, "w window: %s", metrics_window_names[s->window]);
	toppieces_add(&p, 7, STYLE_QUIET, s->paused ? "p go on" : "p pause");
	toppieces_add(&p, 0, STYLE_QUIET, "? help");
	topscreen_pieces(out, &p);
}

/* ---- one component ----------------------------------------------------------------- */

static void put_component_head(struct topscreen *out, const struct metrics *m, uint32_t c)
{
	const struct component *x = c < m->topology->n_components ? &m->topology->components[c] : NULL;
	struct toppieces p = { .n = 0 };

	toppieces_add(&p, 0, STYLE_STRONG, "%s", metrics_id(m, c));
	if (x != NULL) {
		toppieces_add(&p, 3, STYLE_PLAIN, x->kind == GALE_SPOUT ? "spout" : "bolt");
		toppieces_add(&p, 4, STYLE_PLAIN, "class %s", x->part.class_name);
	}
	add_count(&p, 1, metrics_executors(m, c), "executor", "executors");
	add_count(&p, 2, metrics_tasks(m, c), "task", "tasks");
	if (!metrics_head(m, c))
		toppieces_add(&p, 1, STYLE_PLAIN, "chained to %s", metrics_id(m, m->plan->chained_to[c]));
	topscreen_pieces(out, &p);
}

static void put_latency(struct topscreen *out, const char *name, const struct hist *h)
{
	struct toppieces p = { .n = 0 };

	if (h->n == 0)
		return;
	toppieces_add(&p, 0, STYLE_PLAIN, "%s latency", name);
	add_quantile(&p, 2, "p50", h, 0.5);
	add_quantile(&p, 3, "p90", h, 0.9);
	add_quantile(&p, 1, "p99", h, 0.99);
	add_quantile(&p, 4, "p99.9", h, 0.999);
	add_quantile(&p, 5, "max", h, 1.0);
	topscreen_pieces(out, &p);
}

static void put_streams(struct topscreen *out, const struct metrics *m, uint32_t c)
{
	const struct component *x = &m->topology->components[c];

	for (uint32_t i = 0; i < x->n_outputs && i < STATUS_STREAMS; i++) {
		const struct status_stream *total = &m->total->components[c].streams[i];
		struct toppieces p = { .n = 0 };

		if (strcmp(x->outputs[i].id, DEAD_LETTER_STREAM) == 0 && total->emitted == 0)
			continue;
		toppieces_add(&p, 0, STYLE_PLAIN, "stream %s", x->outputs[i].id);
		add_rate(&p, 1, show_rate(m, (double)m->window->components[c].streams[i].emitted), "emitted/s");
		add_count(&p, 2, total->emitted, "emitted in all", "emitted in all");
		add_count(&p, 3, total->transferred, "transferred", "transferred");
		topscreen_pieces(out, &p);
	}
}

static void put_user(struct topscreen *out, const struct status *user)
{
	for (uint32_t i = 0; i < STATUS_METRICS && user->metrics[i].name[0] != '\0'; i++) {
		char *text = xasprintf("%.*s: %" PRId64, (int)sizeof user->metrics[i].name, user->metrics[i].name,
		    user->metrics[i].value);

		topscreen_line(out);
		topscreen_put(out, STYLE_PLAIN, text);
		free(text);
	}
}

static void put_last_error(struct topscreen *out, const struct last_error *e, int64_t wall_ms)
{
	struct buf b = { 0 };

	if (e->text == NULL)
		return;
	buf_puts(&b, "last error ");
	toptables_ago(&b, e->time_ms, wall_ms);
	buf_printf(&b, ", %s: %s", e->label, e->text);
	topscreen_wrap(out, STYLE_WARN, buf_text(&b), TEXT_LINES);
	buf_free(&b);
}

static void put_details(struct topscreen *out, const struct topscene *x, const struct survey *s, uint32_t c)
{
	const struct metrics *m = s->m;

	put_last_error(out, &s->errors[c], x->wall_ms);
	put_latency(out, "execute", &m->window->latency[c].execute);
	put_latency(out, "process", &m->window->latency[c].process);
	put_latency(out, "complete", &m->window->latency[c].complete);
	if (c >= m->topology->n_components)
		return;
	put_streams(out, m, c);
	put_user(out, &m->user[c]);
}

/* ---- putting it together ----------------------------------------------------------- */

/* move takes the lines of FROM over to OUT, MOST at most, and frees the rest. */
static void move(struct topscreen *out, struct topscreen *from, size_t most)
{
	for (size_t i = 0; i < from->n && i < most; i++) {
		topscreen_line(out);
		out->lines[out->n - 1] = from->lines[i];
		from->lines[i] = (struct topline){ 0 };
	}
	topscreen_free(from);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* compose puts what is in F's grid and BOTTOM below what stands on the screen already, and frees
 * BOTTOM. The table has ROWS_LEAST rows before BOTTOM gets any lines. */
static void compose(struct topframe *f, const struct topscene *x, struct topscreen *bottom)
{
	const struct toppage *page = &x->state->pages[x->state->view];
	struct topgrid_place place = { .sorted = page->sorted, .selected = page->selected, .at = page->at,
		.first = page->first };
	size_t room = x->height > f->screen.n + 2 ? x->height - f->screen.n - 2 : 1;	/* heads, keys */
	size_t rows = least(room, larger(1, least(f->grid.n, ROWS_LEAST)));	/* that the table must have */
	size_t lines = is_batch(x) ? bottom->n : least(bottom->n, room - rows);

	place.rows = is_batch(x) ? 0 : room - lines;
	topgrid_sort(&f->grid, page->sorted);
	topgrid_put(&f->grid, &f->screen, &place);
	for (size_t i = f->grid.n_visible; i < place.rows; i++)
		topscreen_line(&f->screen);
	move(&f->screen, bottom, lines);
}

static void begin_bottom(struct topscreen *bottom, const struct topscene *x)
{
	topscreen_begin(bottom, x->width, x->height, x->utf8);
}

static void make_list(struct topframe *f, const struct topscene *x)
{
	struct topscreen bottom;

	if (!is_batch(x))
		put_list_head(&f->screen, x);
	toptables_list(&f->grid, x->feed->look.surveys, x->feed->look.n);
	begin_bottom(&bottom, x);
	if (x->feed->look.n == 0 && !is_batch(x))
		topscreen_wrap(&bottom, STYLE_PLAIN, "no topology is there; start one: gale submit FILE", 0);
	compose(f, x, &bottom);
}

static void make_components(struct topframe *f, const struct topscene *x, const struct survey *s)
{
	struct topmanner how = { x->utf8, x->wall_ms };
	struct topscreen bottom;
	size_t taken;

	if (x->state->view == TOP_EXECUTORS)
		toptables_executors(&f->grid, s->m, UINT32_MAX, &how);
	else
		toptables_components(&f->grid, s, &how);
	begin_bottom(&bottom, x);
	taken = f->screen.n + f->grid.n + 3;	/* heads, command, keys */
	put_advice(&bottom, x->feed->look.advice,
	    is_batch(x) ? 0 : x->height > taken ? (uint32_t)least(TEXT_LINES, x->height - taken) : 1);
	compose(f, x, &bottom);
}

static void make_component(struct topframe *f, const struct topscene *x, const struct survey *s)
{
	struct topmanner how = { x->utf8, x->wall_ms };
	const struct metrics *m = s->m;
	struct topscreen bottom;
	uint32_t c = 0;

	while (c < metrics_components(m) && strcmp(metrics_id(m, c), x->state->component) != 0)
		c++;
	begin_bottom(&bottom, x);
	if (c == metrics_components(m)) {
		topscreen_wrap(&f->screen, STYLE_WARN, "this component is not there any more; Esc goes back", 2);
		compose(f, x, &bottom);
		return;
	}
	put_component_head(&f->screen, m, c);
	toptables_executors(&f->grid, m, c, &how);
	put_details(&bottom, x, s, c);
	compose(f, x, &bottom);
}

/* put_end: what is left of a topology that does not run. */
static void put_end(struct topscreen *out, const struct survey *s)
{
	const struct json_node *exit = s->ended != NULL ? json_member(s->ended->nodes, "exit") : NULL;
	const char *error = show_ended(s, "error"), *when = show_ended(s, "endedAt");
	char *text = NULL;

	if (s->status == TOPOLOGY_DEAD)
		text = xasprintf("its supervisor was killed; go on from its state: gale submit --resume %s", s->home.name);
	else if (s->ended != NULL)
		text = xasprintf("ended %s, exit code %" PRId64, when != NULL ? when : "", exit != NULL ? exit->i : 0);
	else
		text = xasprintf("it does not show anything yet");
	topscreen_wrap(out, STYLE_PLAIN, text, 0);
	free(text);
	if (error == NULL)
		return;
	text = xasprintf("error: %s", error);
	topscreen_wrap(out, STYLE_BAD, text, 0);
	free(text);
}

static void make_topology(struct topframe *f, const struct topscene *x, const struct survey *s)
{
	struct show_totals t = show_totals(s);

	put_head(&f->screen, x, s, &t);
	if ((is_batch(x) || x->height >= ROOM_FOR_TOTALS) && (s->m != NULL || s->ended != NULL))
		put_totals(&f->screen, s, &t);
	free(t.id);
	if (s->m == NULL)
		put_end(&f->screen, s);
	else if (x->state->view == TOP_COMPONENT)
		make_component(f, x, s);
	else
		make_components(f, x, s);
}

static void make_nothing(struct topframe *f, const struct topscene *x)
{
	const char *why = x->feed->look.error.text;
	char *text = why[0] != '\0' ? xstrdup(why) : xasprintf("there is no topology \"%s\" any more; Esc shows those that there are", x->state->name);

	topscreen_wrap(&f->screen, STYLE_WARN, text, 0);
	free(text);
}

static void make_help(struct topframe *f)
{
	static const char *const lines[] = {
		"gale top: keys",
		"up down PgUp PgDn Home End  choose",
		"Enter open  Esc back  q quit",
		"s  sort by the next column: *",
		"w  window: live 1m 10m 3h 1d all",
		"c  executors, components  p  pause",
		NULL,
		"-  not known   ~  cut   ?  this help",
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const char *load = f->screen.utf8 ? "LOAD  \u2588 busy  \u2592 blocked  \u00b7 idle" :
		    "LOAD  # busy  x blocked  . idle";

		topscreen_line(&f->screen);
		topscreen_put(&f->screen, i == 0 ? STYLE_STRONG : STYLE_PLAIN, lines[i] != NULL ? lines[i] : load);
	}
}

/* end_with_keys puts them in the last line; what does not fit above is not shown. */
static void end_with_keys(struct topframe *f, const struct topscene *x)
{
	struct topscreen all = f->screen;

	topscreen_begin(&f->screen, x->width, x->height, x->utf8);
	move(&f->screen, &all, x->height - 1);
	while (f->screen.n + 1 < x->height)
		topscreen_line(&f->screen);
	if (x->height > 1)
		put_keys(&f->screen, x, &f->grid);
}

void topview_make(struct topframe *f, const struct topscene *x)
{
	const struct survey *s = x->state->name != NULL ? topfeed_of(&x->feed->look, x->state->name) : NULL;

	topscreen_begin(&f->screen, x->width, x->height, x->utf8);
	topgrid_begin(&f->grid, NULL, 0);
	if (x->state->help)
		make_help(f);
	else if (x->state->view == TOP_LIST && x->feed->look.error.text[0] == '\0')
		make_list(f, x);
	else if (x->state->view != TOP_LIST && s != NULL)
		make_topology(f, x, s);
	else
		make_nothing(f, x);
	if (!is_batch(x))
		end_with_keys(f, x);
}

void topview_free(struct topframe *f)
{
	topscreen_free(&f->screen);
	topgrid_free(&f->grid);
}
