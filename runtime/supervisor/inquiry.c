/* inquiry.c - see inquiry.h. SPDX-License-Identifier: Apache-2.0 */
#include "inquiry.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "memory.h"
#include "nearest.h"
#include "tap.h"

enum { CODE_USAGE = 2, CODE_NOT_FOUND = 4, CODE_CONFLICT = 5 };	/* as in command.h */

enum { ANSWER_MOST = CONTROL_MAX - 64 };	/* what a longer one says does not fit behind our words */

/* ---- places ---- */

static struct inquiry *place_for(struct inquiries *q, int fd, bool taps, const char *question)
{
	for (struct inquiry *i = q->list; i < q->list + INQUIRY_MOST; i++) {
		if (i->id != 0)
			continue;
		if (++q->last_id == 0)
			q->last_id = 1;
		*i = (struct inquiry){ .id = q->last_id, .fd = fd, .taps = taps,
			.question = xstrdup(question) };
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		mail_send(&i->mail, fd, "asked");
		return i;
	}
	return NULL;
}

static struct inquiry *find(struct inquiries *q, uint32_t id)
{
	for (struct inquiry *i = q->list; i < q->list + INQUIRY_MOST; i++)
		if (i->id == id && id != 0)
			return i;
	return NULL;
}

static void end(struct inquiries *q, struct inquiry *i)
{
	for (size_t w = 0; i->taps && w < i->n_workers; w++)
		if (i->workers[w] != INQUIRY_NOT_ASKED && w < q->crew->plan->n_workers)
			crew_tell(q->crew, (uint32_t)w, "untap %u", i->id);
	close(i->fd);
	mail_clear(&i->mail);
	free(i->question);
	free(i->workers);
	*i = (struct inquiry){ .id = 0 };
}

/* finish: the last word was said. It may wait for room as long as any answer. */
static void finish(struct inquiries *q, struct inquiry *i)
{
	i->over = true;
	i->deadline_ns = clock_now_ns() + INQUIRY_MS * (uint64_t)NS_PER_MS;
	if (!mail_waits(&i->mail))
		end(q, i);
}

static uint8_t *answer_of(struct inquiry *i, uint32_t worker)
{
	size_t before = i->n_workers;

	if (worker >= i->n_workers) {
		i->workers = xgrow(i->workers, &i->n_workers, (size_t)worker + 1, sizeof *i->workers);
		memset(i->workers + before, INQUIRY_NOT_ASKED, i->n_workers - before);
	}
	return &i->workers[worker];
}

static bool asks_any(const struct inquiry *i)
{
	for (size_t w = 0; w < i->n_workers; w++)
		if (i->workers[w] == INQUIRY_ASKED)
			return true;
	return false;
}

static void ask(struct inquiries *q, struct inquiry *i, uint32_t worker)
{
	*answer_of(i, worker) = INQUIRY_ASKED;
	crew_tell(q->crew, worker, "%s %u %s", i->taps ? "tap" : "trace", i->id, i->question);
}

/* ---- taps ---- */

static bool is_tapped(const struct inquiries *q, const struct inquiry *i, uint32_t worker)
{
	return i->taps && !i->over && plan_runs_plugin(q->crew->plan, worker) &&
	    plan_stage_of(q->crew->plan, worker, i->component) != NULL;
}

/* note_on tells the client, once, that all look who were asked. */
static void note_on(struct inquiry *i)
{
	uint32_t n = 0;

	for (size_t w = 0; w < i->n_workers; w++)
		n += i->workers[w] == INQUIRY_ANSWERED;
	if (i->on || n == 0 || asks_any(i))
		return;
	i->on = true;
	mail_send(&i->mail, i->fd, "on %u", n);
}

static void pass_on_tuples(struct inquiry *i, const char *text)
{
	const char *tuples = strchr(text, '\t');
	uint32_t unsampled, lost, shown;

	if (sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu32, &unsampled, &lost, &shown) != 3)
		return;
	i->unsampled += unsampled;
	i->lost += lost;
	if (i->unsampled == 0 && i->lost == 0 && shown == 0)
		return;
	if (mail_waits(&i->mail) || strlen(text) > ANSWER_MOST) {
		i->lost += shown;
		return;
	}
	mail_send(&i->mail, i->fd, "tells %" PRIu64 " %" PRIu64 " %u%s", i->unsampled, i->lost, shown,
	    tuples != NULL ? tuples : "");
	i->unsampled = i->lost = 0;
}

/* ---- traces ---- */

/* conclude ends a trace when all have answered, or when it is TOO_LATE. */
static void conclude(struct inquiries *q, struct inquiry *i, bool too_late)
{
	struct buf missing = { 0 };

	if (i->over || (asks_any(i) && !too_late))
		return;
	for (size_t w = 0; w < i->n_workers; w++)
		if (i->workers[w] == INQUIRY_ASKED || i->workers[w] == INQUIRY_MISSING)
			buf_printf(&missing, " %zu", w);
	mail_send(&i->mail, i->fd, "ok%s", buf_text(&missing));
	buf_free(&missing);
	finish(q, i);
}

/* ---- what workers do ---- */

static void on_ready(void *arg, uint32_t worker)
{
	struct inquiries *q = arg;

	for (struct inquiry *i = q->list; i < q->list + INQUIRY_MOST; i++)
		if (i->id != 0 && is_tapped(q, i, worker))
			ask(q, i, worker);
}

static void on_says(void *arg, uint32_t worker, const struct control_message *m)
{
	struct inquiries *q = arg;
	struct inquiry *i = find(q, m->inquiry);
	bool last = m->word == CONTROL_TOLD;

	if (i == NULL || i->over)
		return;
	if (i->taps) {
		*answer_of(i, worker) = INQUIRY_ANSWERED;
		note_on(i);
		pass_on_tuples(i, m->text);
		return;
	}
	if (strlen(m->text) <= ANSWER_MOST)
		mail_send(&i->mail, i->fd, "%s %u%s%s", last ? "told" : "tells", worker,
		    last ? " " : "", m->text);
	if (!last)
		return;
	*answer_of(i, worker) = INQUIRY_ANSWERED;
	conclude(q, i, false);
}

/* on_gone: its successor is asked again, when it is ready, but not for a trace. */
static void on_gone(void *arg, uint32_t worker)
{
	struct inquiries *q = arg;

	for (struct inquiry *i = q->list; i < q->list + INQUIRY_MOST; i++) {
		if (i->id == 0 || worker >= i->n_workers || i->workers[worker] != INQUIRY_ASKED)
			continue;
		i->workers[worker] = i->taps ? INQUIRY_NOT_ASKED : INQUIRY_MISSING;
		if (i->taps)
			note_on(i);
		else
			conclude(q, i, false);
	}
}

/* ---- what clients want ---- */

/* unknown says that there is no WHAT called NAME. */
static int unknown(struct error *e, struct nearest *near, const char *what, const char *name)
{
	const char *help = nearest_help(near);

	error_set(e, "there is no %s \"%s\"%s%s", what, name, help[0] != '\0' ? "; " : "", help);
	return CODE_NOT_FOUND;
}

static int find_component(const struct topology *t, const char *name, uint32_t *component, struct error *e)
{
	struct nearest near = nearest_to(name);
	int found = topology_find(t, name);

	*component = (uint32_t)found;
	if (found >= 0)
		return 0;
	for (uint32_t i = 0; i < t->n_components; i++)
		nearest_try(&near, t->components[i].id);
	return unknown(e, &near, "component", name);
}

static int find_stream(const struct component *c, const char *name, uint32_t *stream, struct error *e)
{
	struct nearest near = nearest_to(name);

	for (*stream = 0; *stream < c->n_outputs; ++*stream) {
		if (strcmp(c->outputs[*stream].id, name) == 0)
			return 0;
		nearest_try(&near, c->outputs[*stream].id);
	}
	return unknown(e, &near, "stream", name);
}

static int no_question(struct error *e, const char *text)
{
	error_set(e, "\"%s\" is no question", text);
	return CODE_USAGE;
}

/* check_field: one of the streams has the field, and it may have the value. */
static int check_field(const struct component *c, uint32_t stream, char *where, struct error *e)
{
	size_t n = strcspn(where, "=");
	struct tap_value value;
	struct nearest near;
	bool known = false, fits = false;

	if (where[n] == '\0')
		return no_question(e, where);
	where[n] = '\0';
	near = nearest_to(where);
	tap_value_init(&value, where + n + 1);
	for (uint32_t s = 0; s < c->n_outputs; s++)
		for (uint32_t f = 0; f < c->outputs[s].n_fields; f++) {
			const gale_field *field = &c->outputs[s].fields[f];
			bool same = strcmp(field->name, where) == 0;

			if (stream != TAP_ALL_STREAMS && s != stream)
				continue;
			nearest_try(&near, field->name);
			known |= same;
			fits |= same && tap_value_fits(&value, (uint8_t)field->type);
		}
	if (known && !fits)
		error_set(e, "no value of the field \"%s\" of %s is ever \"%s\": it is of another type",
		    where, c->id, where + n + 1);
	tap_value_free(&value);
	if (!known)
		return unknown(e, &near, "field", where);
	where[n] = '=';
	return fits ? 0 : CODE_USAGE;
}

/* tap_question makes of the client's TEXT, which it takes apart, what workers are asked. */
static int tap_question(const struct topology *t, char *text, struct inquiry *i, struct buf *question,
    struct error *e)
{
	char *where = strchr(text, ' '), *name;
	uint32_t stream = TAP_ALL_STREAMS;
	int code;

	if (where != NULL)
		*where++ = '\0';
	if ((name = strchr(text, ':')) != NULL)
		*name++ = '\0';
	if ((code = find_component(t, text, &i->component, e)) != 0)
		return code;
	if (name != NULL && (code = find_stream(&t->components[i->component], name, &stream, e)) != 0)
		return code;
	if (where != NULL && (code = check_field(&t->components[i->component], stream, where, e)) != 0)
		return code;
	buf_printf(question, "%u ", i->component);
	if (stream == TAP_ALL_STREAMS)
		buf_puts(question, "*");
	else
		buf_printf(question, "%u", stream);
	if (where != NULL)
		buf_printf(question, " %s", where);
	return 0;
}

static int too_many(struct error *e, const char *what)
{
	error_set(e, "there are as many %s as are possible at a time: wait until one has ended", what);
	return CODE_CONFLICT;
}

static int begin_tap(struct inquiries *q, int fd, uint32_t component, const char *question, struct error *e)
{
	struct inquiry *i;
	int taps = 0;

	for (i = q->list; i < q->list + INQUIRY_MOST; i++)
		taps += i->id != 0 && i->taps;
	if (taps == INQUIRY_TAPS || (i = place_for(q, fd, true, question)) == NULL)
		return too_many(e, "taps");
	i->component = component;
	for (uint32_t w = 0; w < q->crew->plan->n_workers; w++)
		if (is_tapped(q, i, w) && crew_is_ready(q->crew, w))
			ask(q, i, w);
	return 0;
}

int inquiries_tap(struct inquiries *q, int fd, const char *text, struct error *e)
{
	struct buf question = { 0 };
	struct inquiry wanted;
	char *words = xstrdup(text);
	int code = tap_question(q->crew->plan->topology, words, &wanted, &question, e);

	if (code == 0)
		code = begin_tap(q, fd, wanted.component, buf_text(&question), e);
	free(words);
	buf_free(&question);
	return code;
}

/* is_traced tells whether WORKER is one to be asked: for the oldest messages who makes roots, for
 * what has become of those the ackers. */
static bool is_traced(const struct plan *p, uint32_t worker, bool roots)
{
	if (roots)
		return p->workers[worker].role == ROLE_ACKER;
	return p->coordinator != UINT32_MAX ? worker == p->coordinator : plan_is_source(p, worker);
}

int inquiries_trace(struct inquiries *q, int fd, const char *text, struct error *e)
{
	bool roots = strncmp(text, "roots ", 6) == 0;
	struct inquiry *i;

	if (!roots && strncmp(text, "oldest ", 7) != 0)
		return no_question(e, text);
	if ((i = place_for(q, fd, false, text)) == NULL)
		return too_many(e, "questions");
	for (uint32_t w = 0; w < q->crew->plan->n_workers; w++) {
		if (!is_traced(q->crew->plan, w, roots))
			continue;
		if (crew_is_ready(q->crew, w) && !mail_waits(&q->crew->workers[w].mail))
			ask(q, i, w);
		else
			*answer_of(i, w) = INQUIRY_MISSING;	/* it does not read, or is not there */
	}
	i->deadline_ns = clock_now_ns() + INQUIRY_MS * (uint64_t)NS_PER_MS;
	conclude(q, i, false);
	return 0;
}

/* ---- interface ---- */

void inquiries_init(struct inquiries *q, struct crew *crew)
{
	*q = (struct inquiries){ .crew = crew };
	crew->listener = (struct crew_listener){ on_ready, on_says, on_gone, q };
}

void inquiries_close(struct inquiries *q)
{
	for (struct inquiry *i = q->list; i < q->list + INQUIRY_MOST; i++) {
		if (i->id == 0)
			continue;
		if (i->unsampled > 0 || i->lost > 0)
			mail_send(&i->mail, i->fd, "tells %" PRIu64 " %" PRIu64 " 0", i->unsampled, i->lost);
		if (!i->over)
			mail_send(&i->mail, i->fd, "ok");
		end(q, i);
	}
}

void inquiries_fill_polls(const struct inquiries *q, struct pollfd *p)
{
	for (int k = 0; k < INQUIRY_MOST; k++) {
		const struct inquiry *i = &q->list[k];

		p[k] = (struct pollfd){ .fd = i->id != 0 ? i->fd : -1,
			.events = (short)(POLLIN | (mail_waits(&i->mail) ? POLLOUT : 0)) };
	}
}

void inquiries_serve(struct inquiries *q, const struct pollfd *p, uint64_t now_ns)
{
	for (int k = 0; k < INQUIRY_MOST; k++) {
		struct inquiry *i = &q->list[k];

		if (i->id == 0 || i->fd != p[k].fd)
			continue;
		if (p[k].revents & POLLOUT)
			mail_push(&i->mail, i->fd);
		/* A client has nothing more to say: it has closed its end, or is gone. */
		if ((p[k].revents & (POLLIN | POLLHUP | POLLERR)) || (i->over && !mail_waits(&i->mail)))
			end(q, i);
		else if (i->deadline_ns != 0 && now_ns >= i->deadline_ns && i->over)
			end(q, i);
		else if (i->deadline_ns != 0 && now_ns >= i->deadline_ns)
			conclude(q, i, true);
	}
}

uint64_t inquiries_deadline(const struct inquiries *q)
{
	uint64_t next = 0;

	for (const struct inquiry *i = q->list; i < q->list + INQUIRY_MOST; i++)
		if (i->id != 0 && i->deadline_ns != 0 && (next == 0 || i->deadline_ns < next))
			next = i->deadline_ns;
	return next;
}
