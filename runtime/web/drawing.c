/* drawing.c - see drawing.h. SPDX-License-Identifier: Apache-2.0 */
#include "drawing.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "child.h"
#include "clock.h"
#include "diag.h"
#include "dot.h"
#include "json.h"
#include "memory.h"
#include "plan.h"

enum {
	KEPT = 32,		/* drawings */
	PATIENCE_MS = 15000,	/* 1000 components take 5 s */
	ROOM = 32 << 20,	/* for what dot prints: some 500 bytes for each edge */
	MANY = 150,		/* components from which on dot shall try less hard */
	LABEL = 32,		/* bytes of an edge's label; so that long ones don't pull boxes apart */
	FAILED_S = 30,		/* after so long what failed is tried again */
	CLUSTER_MARGIN = 16,	/* px, from its boxes to its outline */
	MOST_CLUSTERS = 150,	/* with 500 dot takes more than twice as long */
	PX_PER_INCH = 72
};
#define NO_CLUSTER UINT32_MAX

struct wish {
	struct wish *next;
	void (*done)(void *arg, const char *json, size_t n);
	void *arg;
};

/* What is drawn: enough of a topology to write the answer when that is gone. */
struct edge {
	char *from, *to, *stream, *grouping;
	bool call, combined;
};

struct drawing {
	struct drawing *next;		/* that was used before */
	struct drawings *all;
	char *dot;			/* for dot: what it is known by */
	size_t n_dot;
	char **ids;
	uint32_t *clusters;		/* of each, by number; NO_CLUSTER: it stands alone */
	uint32_t n_ids, n_clusters;
	struct edge *edges;
	uint32_t n_edges;
	struct child_process *child;	/* while it is being made, */
	struct wish *wishes;		/* for those */
	struct buf json;		/* else */
	uint64_t until_ns;		/* it holds no longer; 0: for ever */
	bool told;			/* just now, so it must stay */
};

struct drawings {
	struct watches *watches;
	struct drawing *list;
};

/* ---- what is drawn ---- */

/* Boxes and edges have numbers in what dot gets, by which they are found again in what it makes of them. The
 * names stand there only because a drawing is known by that text. */
static void add_box(struct drawing *d, struct buf *dot, const char *id)
{
	buf_printf(dot, "n%u [comment=", d->n_ids);
	dot_quote(dot, id);
	buf_puts(dot, "];\n");
	d->ids = xrealloc(d->ids, (d->n_ids + 1) * sizeof *d->ids);
	d->clusters = xrealloc(d->clusters, (d->n_ids + 1) * sizeof *d->clusters);
	d->clusters[d->n_ids] = NO_CLUSTER;
	d->ids[d->n_ids++] = xstrdup(id);
}

/* add_clusters has what is chained stand together: all with the same head. */
static void add_clusters(struct drawing *d, struct buf *dot, const struct plan *p)
{
	const struct topology *t = p->topology;
	uint32_t *of = xcalloc((size_t)t->n_components + 1, sizeof *of);	/* by head: its cluster */

	for (uint32_t c = 0; c < t->n_components; c++)
		of[c] = NO_CLUSTER;
	for (uint32_t c = 0; c < t->n_components; c++) {
		uint32_t head = plan_chain_head(p, c);

		if (head != c && of[head] == NO_CLUSTER)
			of[head] = d->n_clusters++;
	}
	if (d->n_clusters > MOST_CLUSTERS)
		d->n_clusters = 0;
	for (uint32_t i = 0; i < d->n_clusters; i++) {
		buf_printf(dot, "subgraph cluster_%u {\nmargin=%d;\n", i, CLUSTER_MARGIN);
		for (uint32_t c = 0; c < t->n_components; c++) {
			if (of[plan_chain_head(p, c)] != i)
				continue;
			d->clusters[c] = i;
			buf_printf(dot, "n%u;\n", c);
		}
		buf_puts(dot, "}\n");
	}
	free(of);
}

static struct edge *add_edge(struct drawing *d, struct buf *dot, uint32_t from, uint32_t to, const char *stream,
    const char *grouping, const char *label)
{
	size_t n = strlen(label);
	char *cut = xasprintf("%.*s\n", (int)(n < LABEL ? n : LABEL), label);

	buf_printf(dot, "n%u -> n%u [id=%u, comment=", from, to, d->n_edges);
	dot_quote(dot, stream);
	buf_puts(dot, ", tooltip=");
	dot_quote(dot, grouping);
	if (n > 0) {
		buf_puts(dot, ", label=");
		dot_quote(dot, cut);
	}
	buf_puts(dot, "];\n");
	free(cut);
	d->edges = xrealloc(d->edges, (d->n_edges + 1) * sizeof *d->edges);
	d->edges[d->n_edges++] = (struct edge){
		.from = xstrdup(d->ids[from]), .to = xstrdup(d->ids[to]), .stream = xstrdup(stream),
		.grouping = xstrdup(grouping),
	};
	return &d->edges[d->n_edges - 1];
}

static void add_streams(struct drawing *d, struct buf *dot, const struct plan *p)
{
	const struct topology *t = p->topology;
	struct buf grouping = { 0 }, label = { 0 };

	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		const struct subscription *s = &t->subscriptions[i];
		struct edge *e;

		grouping.n = label.n = 0;
		dot_edge(&grouping, t, s);
		buf_add(&label, grouping.data, grouping.n);
		dot_marks(&label, p, s);
		e = add_edge(d, dot, s->from, s->to, t->components[s->from].outputs[s->stream].id, buf_text(&grouping),
		    buf_text(&label));
		e->call = dot_is_call(p, s);
		e->combined = plan_combines(t, s);
	}
	buf_free(&grouping);
	buf_free(&label);
}

/* add_own adds gale's own: ackers hear from all, a coordinator gives orders to all. */
static void add_own(struct drawing *d, struct buf *dot, const struct plan *p)
{
	const struct topology *t = p->topology;
	bool batches = p->coordinator != UINT32_MAX;
	uint32_t own = t->n_components;

	if (plan_own(p) == 0)
		return;
	add_box(d, dot, batches ? COORDINATOR_ID : ACKER_ID);
	for (uint32_t c = 0; c < t->n_components; c++)
		if (batches)
			add_edge(d, dot, own, c, "__batch", "DIRECT", "");
		else
			add_edge(d, dot, c, own, c < t->n_spouts ? "__ack_init" : "__ack_ack", "FIELDS(id)", "");
}

static struct drawing *drawing_make(struct drawings *all, const struct topology *t, bool sys)
{
	struct drawing *d = xcalloc(1, sizeof *d);
	struct plan *p = plan_make(t);
	struct buf dot = { 0 };

	d->all = all;
	buf_printf(&dot, "digraph {\ngraph [rankdir=LR, nodesep=0.4%s];\n"
	    "node [shape=box, fixedsize=true, width=%f, height=%f, label=\"\"];\nedge [dir=none, fontsize=11];\n",
	    t->n_components > MANY ? ", nslimit=2, mclimit=0.3" : "", (double)DRAWING_BOX_WIDTH / PX_PER_INCH,
	    (double)DRAWING_BOX_HEIGHT / PX_PER_INCH);
	for (uint32_t c = 0; c < t->n_components; c++)
		add_box(d, &dot, t->components[c].id);
	add_clusters(d, &dot, p);
	add_streams(d, &dot, p);
	if (sys)
		add_own(d, &dot, p);
	buf_puts(&dot, "}\n");
	plan_free(p);
	d->n_dot = dot.n;
	d->dot = buf_text(&dot);
	return d;
}

static void drawing_free(struct drawing *d)
{
	struct wish *next;

	if (d->child != NULL)
		child_cancel(d->child);
	for (struct wish *w = d->wishes; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	for (uint32_t i = 0; i < d->n_ids; i++)
		free(d->ids[i]);
	for (uint32_t i = 0; i < d->n_edges; i++) {
		free(d->edges[i].from);
		free(d->edges[i].to);
		free(d->edges[i].stream);
		free(d->edges[i].grouping);
	}
	free(d->ids);
	free(d->clusters);
	free(d->edges);
	free(d->dot);
	buf_free(&d->json);
	free(d);
}

/* ---- what dot has made of it ---- */

/* A layout being read: of dot's points y goes up. */
struct layout {
	const struct drawing *d;
	double width, height;
	const struct json_node **boxes, **clusters, **curves;	/* by number; NULL: it has none */
};

static void put_px(struct buf *out, double px)
{
	buf_printf(out, "%.1f", px);
}

/* point reads "X,Y" and moves *AT behind it; false: there is none. */
static bool point(const char **at, double *x, double *y)
{
	char *end;

	*x = strtod(*at, &end);
	if (end == *at || *end != ',')
		return false;
	*at = end + 1;
	*y = strtod(*at, &end);
	if (end == *at || !isfinite(*x) || !isfinite(*y))
		return false;
	*at = end + strspn(end, " ");
	return true;
}

static bool member_point(const struct json_node *x, const char *key, double *px, double *py)
{
	const struct json_node *m = x != NULL ? json_member(x, key) : NULL;
	const char *at = m != NULL ? json_text(m) : NULL;

	return at != NULL && point(&at, px, py);
}

static bool put_boxes(struct buf *out, const struct layout *l)
{
	double x, y;

	for (uint32_t i = 0; i < l->d->n_ids; i++) {
		if (!member_point(l->boxes[i], "pos", &x, &y))
			return false;
		buf_printf(out, "%s{\"id\":", i > 0 ? "," : "");
		buf_json_string(out, l->d->ids[i], strlen(l->d->ids[i]));
		buf_printf(out, ",\"x\":%.1f,\"y\":%.1f,\"width\":%d,\"height\":%d}", x - DRAWING_BOX_WIDTH / 2.0,
		    l->height - y - DRAWING_BOX_HEIGHT / 2.0, DRAWING_BOX_WIDTH, DRAWING_BOX_HEIGHT);
	}
	return true;
}

/* put_members lists the ids of cluster NUMBER. */
static void put_members(struct buf *out, const struct drawing *d, uint32_t number)
{
	const char *before = "";

	for (uint32_t i = 0; i < d->n_ids; i++) {
		if (d->clusters[i] != number)
			continue;
		buf_puts(out, before);
		buf_json_string(out, d->ids[i], strlen(d->ids[i]));
		before = ",";
	}
}

static bool put_clusters(struct buf *out, const struct layout *l)
{
	double x, y, right, top;

	for (uint32_t i = 0; i < l->d->n_clusters; i++) {
		const struct json_node *bb = l->clusters[i] != NULL ? json_member(l->clusters[i], "bb") : NULL;
		const char *at = bb != NULL ? json_text(bb) : NULL;

		if (at == NULL || !point(&at, &x, &y) || *at++ != ',' || !point(&at, &right, &top))
			return false;
		buf_puts(out, i > 0 ? ",{\"components\":[" : "{\"components\":[");
		put_members(out, l->d, i);
		buf_printf(out, "],\"x\":%.1f,\"y\":%.1f,\"width\":%.1f,\"height\":%.1f}", x, l->height - top,
		    right - x, top - y);
	}
	return true;
}

static void put_text(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, "\"%s\":", key);
	buf_json_string(out, text, strlen(text));
	buf_puts(out, ",");
}

static bool put_curve(struct buf *out, const struct layout *l, const struct json_node *edge)
{
	const struct json_node *pos = edge != NULL ? json_member(edge, "pos") : NULL;
	const char *at = pos != NULL ? json_text(pos) : NULL;
	double x, y;
	uint32_t n = 0;

	buf_puts(out, "\"points\":[");
	for (; at != NULL && *at != '\0'; n++) {
		if (!point(&at, &x, &y))
			return false;
		buf_printf(out, "%s[", n > 0 ? "," : "");
		put_px(out, x);
		buf_puts(out, ",");
		put_px(out, l->height - y);
		buf_puts(out, "]");
	}
	buf_puts(out, "]");
	return n >= 4 && n % 3 == 1;
}

static bool put_edges(struct buf *out, const struct layout *l)
{
	double x, y;

	for (uint32_t i = 0; i < l->d->n_edges; i++) {
		const struct edge *p = &l->d->edges[i];

		buf_puts(out, i > 0 ? ",{" : "{");
		put_text(out, "from", p->from);
		put_text(out, "to", p->to);
		put_text(out, "stream", p->stream);
		put_text(out, "grouping", p->grouping);
		buf_printf(out, "\"call\":%s,\"combined\":%s,", p->call ? "true" : "false",
		    p->combined ? "true" : "false");
		if (!put_curve(out, l, l->curves[i]))
			return false;
		if (member_point(l->curves[i], "lp", &x, &y))
			buf_printf(out, ",\"x\":%.1f,\"y\":%.1f}", x, l->height - y);
		else
			buf_puts(out, ",\"x\":null,\"y\":null}");
	}
	return true;
}

/* sort_by puts the members of the array ARRAY of DOCUMENT where their number says, which is what KEY has behind
 * PREFIX. */
static void sort_by(const struct json_node *document, const char *array, const char *key, const char *prefix,
    const struct json_node **sorted, uint32_t n)
{
	const struct json_node *list = json_member(document, array);

	if (list == NULL || list->type != JSON_ARRAY)
		return;
	for (const struct json_node *x = json_first(list); x != NULL; x = json_next(list, x)) {
		const struct json_node *m = x->type == JSON_OBJECT ? json_member(x, key) : NULL;
		const char *text = m != NULL ? json_text(m) : NULL;
		unsigned long number;
		char *end;

		if (text == NULL || strncmp(text, prefix, strlen(prefix)) != 0)
			continue;
		number = strtoul(text + strlen(prefix), &end, 10);
		if (*end == '\0' && number < n)
			sorted[number] = x;
	}
}

static bool put_layout(struct buf *out, struct layout *l, const struct json_node *document)
{
	const struct json_node *bb = json_member(document, "bb");
	const char *at = bb != NULL ? json_text(bb) : NULL;
	double x, y;

	if (at == NULL || !point(&at, &x, &y) || *at++ != ',' || !point(&at, &l->width, &l->height))
		return false;
	sort_by(document, "objects", "name", "n", l->boxes, l->d->n_ids);
	sort_by(document, "objects", "name", "cluster_", l->clusters, l->d->n_clusters);
	sort_by(document, "edges", "id", "", l->curves, l->d->n_edges);
	buf_printf(out, "{\"engine\":\"dot\",\"install\":null,\"error\":null,\"width\":%.1f,\"height\":%.1f,\"boxes\":[",
	    l->width, l->height);
	if (!put_boxes(out, l))
		return false;
	buf_puts(out, "],\"clusters\":[");
	if (!put_clusters(out, l))
		return false;
	buf_puts(out, "],\"edges\":[");
	if (!put_edges(out, l))
		return false;
	buf_puts(out, "]}");
	return true;
}

/* read_layout makes the drawing of the N bytes of JSON that dot has printed; false: they make no sense. */
static bool read_layout(struct drawing *d, const char *text, size_t n)
{
	struct diagnostics diag = { 0 };
	struct json *j;
	struct layout l = { .d = d };
	bool good;

	diag_source(&diag, "dot", xstrndup(text, n), n);
	j = json_parse(&diag, 0);
	l.boxes = xcalloc(d->n_ids + 1, sizeof *l.boxes);
	l.clusters = xcalloc(d->n_clusters + 1, sizeof *l.clusters);
	l.curves = xcalloc(d->n_edges + 1, sizeof *l.curves);
	d->json.n = 0;
	good = j != NULL && j->nodes[0].type == JSON_OBJECT && put_layout(&d->json, &l, j->nodes);
	free(l.boxes);
	free(l.clusters);
	free(l.curves);
	json_free(j);
	diag_free(&diag);
	return good;
}

/* ---- making and keeping ---- */

static void put_none(struct buf *out, const char *install, const char *error)
{
	out->n = 0;
	buf_puts(out, "{\"engine\":null,\"install\":");
	if (install != NULL)
		buf_json_string(out, install, strlen(install));
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"error\":");
	if (error != NULL)
		buf_json_string(out, error, strlen(error));
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"width\":0,\"height\":0,\"boxes\":[],\"clusters\":[],\"edges\":[]}");
}

static void fail(struct drawing *d, const char *error)
{
	put_none(&d->json, NULL, error);
	d->until_ns = clock_now_ns() + (uint64_t)FAILED_S * NS_PER_S;
}

/* take says what has become of the child; a supervisor may know better how it ended (child.h), but what it has
 * printed is whole or not. */
static void take(struct drawing *d, const struct child_result *r)
{
	if (r->end == CHILD_LATE)
		fail(d, "dot has not laid out this topology in time");
	else if (!read_layout(d, r->out, r->n_out))
		fail(d, r->n_err > 0 ? r->err : "dot has not laid out this topology");
}

static void drawn(void *arg, const struct child_result *r)
{
	struct drawing *d = arg;
	struct wish *w;

	d->child = NULL;
	d->told = true;
	take(d, r);
	while ((w = d->wishes) != NULL) {
		d->wishes = w->next;
		w->done(w->arg, buf_text(&d->json), d->json.n);
		free(w);
	}
	d->told = false;
}

/* begin has dot lay out D; false: it can't, and d->json says why. */
static bool begin(struct drawing *d)
{
	static const char *const argv[] = { "dot", "-Tjson0", NULL };
	struct child_order order = {
		.argv = argv, .input = d->dot, .n_input = d->n_dot, .room = ROOM, .deadline_ms = PATIENCE_MS,
	};
	struct error e;

	if (!child_found("dot")) {
		put_none(&d->json, "graphviz", NULL);
		return false;
	}
	d->child = child_begin(d->all->watches, &order, drawn, d, &e);
	if (d->child == NULL)
		put_none(&d->json, NULL, e.text);
	return d->child != NULL;
}

/* find gives what was kept of the same drawing as D, or NULL, and takes it out of the list. */
static struct drawing *take_out(struct drawings *all, const struct drawing *d)
{
	for (struct drawing **at = &all->list, *x; (x = *at) != NULL; at = &x->next) {
		if (x->n_dot != d->n_dot || memcmp(x->dot, d->dot, d->n_dot) != 0)
			continue;
		*at = x->next;
		return x;
	}
	return NULL;
}

/* trim forgets the drawings that were used longest ago, if there are too many. Those that somebody waits for
 * stay: they are as few as children may be. */
static void trim(struct drawings *all)
{
	int n = 0;

	for (struct drawing **at = &all->list, *x; (x = *at) != NULL; ) {
		if (++n <= KEPT || x->child != NULL || x->told) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		drawing_free(x);
	}
}

/* kept gives the drawing of D (taken), first in the list, made or being made; NULL: it can't be, and OUT says why. */
static struct drawing *kept(struct drawings *all, struct drawing *d, struct buf *out)
{
	struct drawing *old = take_out(all, d);
	bool holds = old != NULL && (old->child != NULL || old->until_ns == 0 || clock_now_ns() < old->until_ns);

	if (holds) {
		drawing_free(d);
		d = old;
	} else {
		if (old != NULL)
			drawing_free(old);
		if (!begin(d)) {
			buf_add(out, d->json.data, d->json.n);
			drawing_free(d);
			return NULL;
		}
	}
	d->next = all->list;
	all->list = d;
	return d;
}

void drawing_ask(struct drawings *all, const struct topology *t, bool sys,
    void (*done)(void *arg, const char *json, size_t n), void *arg)
{
	struct buf why = { 0 };
	struct drawing *d = kept(all, drawing_make(all, t, sys), &why);
	struct wish *w;

	if (d == NULL) {
		done(arg, buf_text(&why), why.n);
	} else if (d->child == NULL) {
		done(arg, buf_text(&d->json), d->json.n);
	} else {
		w = xmalloc(sizeof *w);
		*w = (struct wish){ .next = d->wishes, .done = done, .arg = arg };
		d->wishes = w;
	}
	buf_free(&why);
	trim(all);
}

void drawing_forget(struct drawings *all, const void *arg)
{
	for (struct drawing *d = all->list; d != NULL; d = d->next)
		for (struct wish **at = &d->wishes, *w; (w = *at) != NULL; ) {
			if (w->arg != arg) {
				at = &w->next;
				continue;
			}
			*at = w->next;
			free(w);
		}
}

struct drawings *drawings_open(struct watches *ws)
{
	struct drawings *all = xcalloc(1, sizeof *all);

	all->watches = ws;
	return all;
}

void drawings_close(struct drawings *all)
{
	struct drawing *next;

	if (all == NULL)
		return;
	for (struct drawing *d = all->list; d != NULL; d = next) {
		next = d->next;
		drawing_free(d);
	}
	free(all);
}
