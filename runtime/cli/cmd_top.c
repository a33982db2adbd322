/* cmd_top.c - gale top: topologies live, on a terminal or, with --batch, as text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ask.h"
#include "clock.h"
#include "command.h"
#include "show.h"
#include "topterm.h"
#include "topview.h"

#define INTERVAL_S 0.5
#define INTERVAL_LEAST_S 0.1
#define INTERVAL_MOST_S 3600.0

struct top {
	struct topfeed feed;
	struct topstate state;
	struct topframe frame;	/* on the screen */
	bool utf8;
	uint64_t interval_ns;
	uint64_t next_ns;	/* when to look again */
};

static int64_t wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

static void look(struct top *t, enum metrics_depth depth)
{
	topfeed_look(&t->feed, t->state.view == TOP_LIST ? NULL : t->state.name, t->state.window, depth);
	t->next_ns = clock_now_ns() + t->interval_ns;	/* so that no window is shorter */
}

/* ---- batch ------------------------------------------------------------------------- */

/* put_line adds JSON as one line: newlines stand between its parts only. */
static void put_line(struct buf *out, struct buf *json)
{
	for (size_t i = 0; i + 1 < json->n; i++)
		if (json->data[i] == '\n')
			json->data[i] = ' ';
	buf_add(out, json->data, json->n);
	buf_free(json);
}

static void put_json(struct buf *out, const struct top *t)
{
	const struct toplook *l = &t->feed.look;
	struct buf json = { 0 };

	if (t->state.name != NULL)
		show_status_json(&json, &l->surveys[0], NULL);
	else
		show_list_json(&json, l->surveys, l->n);
	put_line(out, &json);
}

static void put_text(struct buf *out, const struct top *t, bool first)
{
	struct topscene x = { .feed = &t->feed, .state = &t->state, .utf8 = t->utf8, .wall_ms = wall_ms() };
	struct topframe f;

	topview_make(&f, &x);
	buf_puts(out, first ? "" : "\n");
	topscreen_text(&f.screen, out);
	topview_free(&f);
}

static void wait_until(uint64_t ns)
{
	struct timespec at = { .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

/* print prints what was seen; an exit code. */
static int print(const struct top *t, bool json, bool first)
{
	const struct toplook *l = &t->feed.look;
	struct buf out = { 0 };
	int code = EXIT_DONE;

	if (l->error.text[0] != '\0') {
		command_say("%s", l->error.text);
		return EXIT_FAILED;
	}
	if (t->state.name != NULL && l->n == 0) {
		command_say("there is no topology \"%s\" any more", t->state.name);
		return EXIT_NOT_FOUND;
	}
	if (l->n == 0)
		command_say("no topology is there; start one: gale submit FILE");
	if (json)
		put_json(&out, t);
	else if (l->n > 0)
		put_text(&out, t, first);
	if (fwrite(buf_text(&out), 1, out.n, stdout) != out.n || fflush(stdout) != 0) {
		command_say("cannot write to standard output");
		code = EXIT_FAILED;
	}
	buf_free(&out);
	return code;
}

static bool has_ended(const struct top *t)
{
	return t->state.name != NULL && t->feed.look.n > 0 && t->feed.look.surveys[0].status >= TOPOLOGY_FINISHED;
}

/* batch prints N times, or, when that is 0, until the topology has ended. The first look is there
 * for the second to have something to compare with. */
static int batch(struct top *t, long n, bool json)
{
	int code = EXIT_DONE;

	look(t, METRICS_TOTALS);
	for (long i = 0; code == EXIT_DONE && (n == 0 ? i == 0 || !has_ended(t) : i < n); i++) {
		wait_until(t->next_ns);
		look(t, METRICS_ALL);
		code = print(t, json, i == 0);
	}
	return code;
}

/* ---- on a terminal ----------------------------------------------------------------- */

static void make(struct top *t)
{
	struct topscene x = { .feed = &t->feed, .state = &t->state, .utf8 = t->utf8, .wall_ms = wall_ms() };

	topview_free(&t->frame);
	topterm_size(&x.width, &x.height);
	topview_make(&t->frame, &x);
	topstate_seen(&t->state, &t->frame.grid);
}

/* look_and_make: memory is asked for only where it is shown. */
static void look_and_make(struct top *t)
{
	look(t, t->state.view == TOP_COMPONENTS ? METRICS_QUEUES : METRICS_ALL);
	make(t);
}

static enum topdeed do_key(struct top *t, int key)
{
	enum topdeed deed = topstate_key(&t->state, key, &t->frame.grid);

	if (deed == TOP_LOOK)
		look_and_make(t);
	else if (deed == TOP_DRAW)
		make(t);
	return deed;
}

/* handle does what an event asks for; false: the end. */
static bool handle(struct top *t, enum topevent event, int value)
{
	switch (event) {
	case TOPTERM_TIME:
		if (t->state.paused)
			t->next_ns = clock_now_ns() + t->interval_ns;
		else
			look_and_make(t);
		return true;
	case TOPTERM_RESIZED:
		make(t);
		return true;
	case TOPTERM_KEY:
		return do_key(t, value) != TOP_QUIT;
	default:
		return false;
	}
}

static int watch(struct top *t)
{
	enum topevent event;
	int value;

	look_and_make(t);
	do {
		topterm_draw(&t->frame.screen);
		event = topterm_wait(t->next_ns, &value);
	} while (handle(t, event, value));
	topview_free(&t->frame);
	return event != TOPTERM_SIGNAL ? EXIT_DONE : value == SIGINT ? EXIT_INTERRUPTED : EXIT_TERMINATED;
}

static int interactive(struct top *t)
{
	struct error e;
	int code;

	if (topterm_open(&e) != 0) {
		command_say("%s", e.text);
		return EXIT_USAGE;
	}
	code = watch(t);
	topterm_close();
	return code;
}

/* ---- the command ------------------------------------------------------------------- */

static bool read_count(const struct command_line *line, long *n)
{
	const char *text = command_value(line, "count");
	char *end;

	*n = 0;
	if (text == NULL)
		return true;
	errno = 0;
	*n = strtol(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *n > 0)
		return true;
	command_say("-n %s: that is no number of times", text);
	return false;
}

static bool read_interval(const struct command_line *line, uint64_t *ns)
{
	const char *text = command_value(line, "interval");
	double seconds = INTERVAL_S;
	char *end;

	if (text != NULL) {
		seconds = strtod(text, &end);
		if (end == text || *end != '\0' || !(seconds >= INTERVAL_LEAST_S && seconds <= INTERVAL_MOST_S)) {
			command_say("-i %s: that must be seconds, from %g to %g", text, INTERVAL_LEAST_S, INTERVAL_MOST_S);
			return false;
		}
	}
	*ns = (uint64_t)llround(seconds * NS_PER_S);
	return true;
}

static bool fits(const struct command_line *line)
{
	if (command_has(line, "batch") || (!command_has(line, "json") && !command_has(line, "count")))
		return true;
	command_say("--json and -n are for --batch");
	return false;
}

int cmd_top(const struct command_line *line)
{
	const char *name = line->n_operands > 0 ? line->operands[0] : NULL;
	struct top t = { .next_ns = 0 };
	struct home h;
	long n;
	int code = EXIT_DONE;

	if (!fits(line) || !read_count(line, &n) || !read_interval(line, &t.interval_ns))
		return EXIT_USAGE;
	if (name != NULL) {
		code = ask_home(name, &h);	/* says what is wrong with the name */
		if (code != EXIT_DONE)
			return code;
		home_close(&h);
	}
	setlocale(LC_CTYPE, "");	/* and no more: numbers are written as in C */
	t.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	topstate_begin(&t.state, name);
	code = command_has(line, "batch") ? batch(&t, n, command_has(line, "json")) : interactive(&t);
	topstate_end(&t.state);
	topfeed_close(&t.feed);
	return code;
}
