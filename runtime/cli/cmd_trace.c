/* cmd_trace.c - gale trace: what has been open for longest, and who it waits for.
 *
 * The supervisor is asked twice: first sources tell which messages have been in flight for
 * longest, then ackers tell what they know of those trees. In a transactional topology the
 * coordinator tells of its batches.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "buf.h"
#include "call.h"
#include "clock.h"
#include "command.h"
#include "memory.h"
#include "plan.h"
#include "rundir.h"
#include "status.h"
#include "worker.h"

/* One message in flight; or one batch. */
struct open {
	uint64_t root;		/* txid */
	uint64_t age_ms;
	uint32_t attempt;
	char id[24];		/* of the message; "-": it has none */
	char stream[80];	/* a batch: the step */
	char task[PLAN_LABEL];	/* that emitted it; a batch: the workers it waits for, numbers */
	bool known;		/* by an acker: */
	uint64_t timer_ms, silent_ms;
	char last[PLAN_LABEL];	/* "-": nobody has acked yet */
};

struct tracing {
	struct home *home;
	char *run_dir;
	struct topology *topology;
	struct plan *plan;
	bool batches;
	struct open *open;
	size_t n, cap, most;
	uint64_t in_flight, waiting;	/* of all sources; batches: the last committed, 0 */
	uint32_t *missing;		/* workers that have not answered */
	size_t n_missing, missing_cap;
};

/* ---- what the topology is ---- */

static int read_plan(struct tracing *t)
{
	struct error e;
	char *path;

	t->run_dir = home_rundir(t->home);
	if (t->run_dir == NULL) {
		command_say("%s has no run directory: it is just starting, or ending", t->home->name);
		return EXIT_CONFLICT;
	}
	path = rundir_topology(t->run_dir);
	t->topology = topology_read(path, &e);
	free(path);
	if (t->topology == NULL) {
		command_say("%s", e.text);
		return EXIT_FAILED;
	}
	t->plan = plan_make(t->topology);
	t->batches = t->plan->coordinator != UINT32_MAX;
	return EXIT_DONE;
}

/* timeout_ms: 0: there is none. */
static uint64_t timeout_ms(const struct tracing *t)
{
	const struct setting *on = topology_config(t->topology, NULL, "topology.enable.message.timeouts");
	int64_t ms = topology_ms(t->topology, NULL, "topology.message.timeout.secs");

	return on->b && ms > 0 ? (uint64_t)ms : 0;
}

/* ---- answers ---- */

static struct open *find(struct tracing *t, uint64_t root)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->open[i].root == root)
			return &t->open[i];
	return NULL;
}

/* take_line takes one line of an answer. */
static void take_line(struct tracing *t, const char *text)
{
	struct open o = { .last = "-" }, *known;

	if (sscanf(text, "message %" SCNu64 " %23s %" SCNu32 " %" SCNu64 " %79s %255s", &o.root, o.id, &o.attempt,
	    &o.age_ms, o.stream, o.task) == 6 ||
	    sscanf(text, "batch %" SCNu64 " %" SCNu32 " %79s %" SCNu64 " %255s", &o.root, &o.attempt, o.stream,
	    &o.age_ms, o.task) == 5) {
		t->open = xgrow(t->open, &t->cap, t->n + 1, sizeof *t->open);
		t->open[t->n++] = o;
	} else if (sscanf(text, "tree %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %255s", &o.root, &o.age_ms,
	    &o.timer_ms, &o.silent_ms, o.last) == 5 && (known = find(t, o.root)) != NULL) {
		known->known = true;
		known->timer_ms = o.timer_ms;
		known->silent_ms = o.silent_ms;
		memcpy(known->last, o.last, sizeof o.last);
	}
}

static void take_answer(struct tracing *t, char *text)
{
	uint64_t in_flight, waiting = 0;
	char *next;

	if (sscanf(text, "told %*u %" SCNu64 " %" SCNu64, &in_flight, &waiting) >= 1) {
		t->in_flight += in_flight;
		t->waiting += waiting;
		return;
	}
	for (text = strchr(text, '\t'); text != NULL; text = next) {
		if ((next = strchr(++text, '\t')) != NULL)
			*next = '\0';
		take_line(t, text);
	}
}

static void take_missing(struct tracing *t, const char *text)
{
	char *end;

	for (;; text = end) {
		unsigned long worker = strtoul(text, &end, 10);

		if (end == text || worker >= t->plan->n_workers)
			return;
		t->missing = xgrow(t->missing, &t->missing_cap, t->n_missing + 1, sizeof *t->missing);
		t->missing[t->n_missing++] = (uint32_t)worker;
	}
}

/* ask asks REQUEST, and takes all answers. */
static int ask(struct tracing *t, const char *request)
{
	struct ask a;
	const char *rest;
	int code = ask_begin(&a, t->home, request);

	if (code != EXIT_DONE)
		return code;
	for (;;) {
		if (ask_next(&a, CALL_ANSWER_MS) != 1) {
			code = ask_no_answer(t->home->name);
			break;
		}
		if (ask_final(&a, &code, &rest)) {
			take_missing(t, rest);
			break;
		}
		take_answer(t, a.text);
	}
	ask_end(&a);
	return code;
}

static int compare_age(const void *a, const void *b)
{
	const struct open *x = a, *y = b;

	return (x->age_ms < y->age_ms) - (x->age_ms > y->age_ms);
}

static int ask_all(struct tracing *t)
{
	struct buf request = { 0 };
	int code;

	buf_printf(&request, "trace oldest %zu", t->most);
	code = ask(t, buf_text(&request));
	if (t->n > 0 && !t->batches)
		qsort(t->open, t->n, sizeof *t->open, compare_age);
	if (t->n > t->most)
		t->n = t->most;
	request.n = 0;
	buf_puts(&request, "trace roots");
	for (size_t i = 0; i < t->n; i++)
		buf_printf(&request, " %" PRIu64, t->open[i].root);
	if (code == EXIT_DONE && t->n > 0 && !t->batches)
		code = ask(t, buf_text(&request));
	buf_free(&request);
	return code;
}

/* ---- who does not answer ---- */

/* say_missing: a worker that does not answer has a tuple in hand, and its page says so. */
static void say_missing(const struct tracing *t, uint32_t worker)
{
	const struct plan_worker *w = &t->plan->workers[worker];
	uint64_t longest = 0, message = 0, emitting = 0;
	uint32_t task = UINT32_MAX;
	char label[PLAN_LABEL];

	for (uint32_t i = 0; i < w->n_stages; i++) {
		char *path = rundir_status(t->run_dir, worker, i);
		struct status *page = status_open(path, 0, NULL);
		uint64_t since = page != NULL ? page->hand_since_ns : 0, now = clock_now_ns();

		if (since != 0 && now > since && now - since > longest)
			longest = now - since;
		if (page != NULL && page->emitting != 0) {
			emitting = page->emitting;
			message = page->emitting_id;
			task = page->emitting_task;
		}
		status_close(page);
		free(path);
	}
	if (emitting != 0 && task != UINT32_MAX)
		command_say("%s has not answered: it has had a tuple of message %" PRIu64 " of %s in hand for %.3f s",
		    w->label, message, plan_task_label(t->plan, task, label, sizeof label), (double)longest / 1e9);
	else if (longest != 0)
		command_say("%s has not answered: it has had a tuple in hand for %.3f s", w->label,
		    (double)longest / 1e9);
	else
		command_say("%s has not answered: it does not run now, or is in a callback that takes long", w->label);
}

/* ---- output ---- */

/* put_workers adds the labels of the workers whose numbers are in TEXT, "1,4"; each between LEFT and
 * RIGHT. */
static void put_workers(struct buf *out, const struct tracing *t, const char *text, const char *quote,
    const char *gap)
{
	char *end;

	for (;; text = end + (*end == ',')) {
		unsigned long worker = strtoul(text, &end, 10);

		if (end == text)
			return;
		buf_printf(out, "%s%s%s%s", quote, worker < t->plan->n_workers ? t->plan->workers[worker].label : "?",
		    quote, *end == ',' ? gap : "");
	}
}

static void print_batches(const struct tracing *t)
{
	struct buf workers = { 0 };

	printf("%-8s  %-7s  %-10s  %10s  %s\n", "BATCH", "ATTEMPT", "STEP", "SINCE", "WAITS FOR");
	for (size_t i = 0; i < t->n; i++) {
		const struct open *o = &t->open[i];

		workers.n = 0;
		put_workers(&workers, t, o->task, "", ", ");
		printf("%-8" PRIu64 "  %-7u  %-10s  %8.3f s  %s\n", o->root, o->attempt, o->stream,
		    (double)o->age_ms / 1e3, buf_text(&workers));
	}
	buf_free(&workers);
}

static void print_trees(const struct tracing *t)
{
	uint64_t timeout = timeout_ms(t);

	printf("%12s  %-7s  %-16s  %-16s  %-28s  %s\n", "AGE", "ATTEMPT", "SPOUT", "MESSAGE", "LAST ACK",
	    timeout > 0 ? "TIMES OUT IN" : "");
	for (size_t i = 0; i < t->n; i++) {
		const struct open *o = &t->open[i];
		char last[sizeof o->last + 32] = "none";

		if (!o->known)
			strcpy(last, "?");
		else if (strcmp(o->last, "-") != 0)
			snprintf(last, sizeof last, "%s, %.3f s ago", o->last, (double)o->silent_ms / 1e3);
		printf("%10.3f s  %-7u  %-16s  %-16s  %-28s  ", (double)o->age_ms / 1e3, o->attempt, o->task, o->id, last);
		if (o->known && timeout > 0)
			printf("%.3f s", o->timer_ms < timeout ? (double)(timeout - o->timer_ms) / 1e3 : 0);
		printf("\n");
	}
}

static void print_text(const struct tracing *t)
{
	if (!plan_tracks(t->plan))
		command_say("%s tracks no tuples (topology.acker.executors is 0): there are no trees", t->home->name);
	else if (t->n == 0 && t->n_missing == 0)
		command_say("nothing is open");
	else if (t->n > 0 && t->batches)
		print_batches(t);
	else if (t->n > 0)
		print_trees(t);
	if (!t->batches && t->in_flight > t->n)
		command_say("%" PRIu64 " messages are open, these for longest", t->in_flight);
	if (t->waiting > 0)
		command_say("%" PRIu64 " messages have failed and wait to be replayed", t->waiting);
}

static void json_batch(struct buf *out, const struct tracing *t, const struct open *o)
{
	buf_printf(out, "{\"txid\":%" PRIu64 ",\"attempt\":%u,\"step\":\"%s\",\"sinceMs\":%" PRIu64 ",\"waitsFor\":[",
	    o->root, o->attempt, o->stream, o->age_ms);
	put_workers(out, t, o->task, "\"", ",");
	buf_puts(out, "]}");
}

static void json_tree(struct buf *out, const struct tracing *t, const struct open *o)
{
	uint64_t timeout = timeout_ms(t);

	buf_printf(out, "{\"root\":\"%016" PRIx64 "\",\"task\":\"%s\",\"stream\":\"%s\",\"messageId\":%s,\"attempt\":%u,"
	    "\"ageMs\":%" PRIu64, o->root, o->task, o->stream, strcmp(o->id, "-") != 0 ? o->id : "null", o->attempt,
	    o->age_ms);
	if (o->known && strcmp(o->last, "-") != 0)
		buf_printf(out, ",\"lastAckTask\":\"%s\",\"lastAckAgoMs\":%" PRIu64, o->last, o->silent_ms);
	else
		buf_puts(out, ",\"lastAckTask\":null,\"lastAckAgoMs\":null");
	if (o->known && timeout > 0)
		buf_printf(out, ",\"timesOutInMs\":%" PRIu64 "}", o->timer_ms < timeout ? timeout - o->timer_ms : 0);
	else
		buf_puts(out, ",\"timesOutInMs\":null}");
}

static void print_json(const struct tracing *t)
{
	struct buf out = { 0 };

	buf_printf(&out, "{\"topology\":\"%s\",\"tracked\":%s", t->home->name, plan_tracks(t->plan) ? "true" : "false");
	if (t->batches)
		buf_printf(&out, ",\"committed\":%" PRIu64, t->in_flight);
	else
		buf_printf(&out, ",\"timeoutMs\":%" PRIu64 ",\"open\":%" PRIu64 ",\"waitingForReplay\":%" PRIu64,
		    timeout_ms(t), t->in_flight, t->waiting);
	buf_printf(&out, ",\"%s\":[", t->batches ? "batches" : "trees");
	for (size_t i = 0; i < t->n; i++) {
		buf_puts(&out, i > 0 ? "," : "");
		(t->batches ? json_batch : json_tree)(&out, t, &t->open[i]);
	}
	buf_puts(&out, "],\"missing\":[");
	for (size_t i = 0; i < t->n_missing; i++)
		buf_printf(&out, "%s\"%s\"", i > 0 ? "," : "", t->plan->workers[t->missing[i]].label);
	printf("%s]}\n", buf_text(&out));
	buf_free(&out);
}

/* ---- the command ---- */

static bool read_most(const struct command_line *line, size_t *most)
{
	const char *given = command_value(line, "count");
	unsigned long n;
	char *end;

	*most = 10;
	if (given == NULL)
		return true;
	n = strtoul(given, &end, 10);
	if (given[0] < '0' || given[0] > '9' || *end != '\0' || n == 0 || n > LOOK_MOST) {
		command_say("-n takes a number from 1 to %d, not \"%s\"", LOOK_MOST, given);
		return false;
	}
	*most = n;
	return true;
}

static int trace(struct tracing *t, bool json)
{
	int code = read_plan(t);

	if (code == EXIT_DONE && plan_tracks(t->plan))
		code = ask_all(t);
	if (code != EXIT_DONE)
		return code;
	if (json)
		print_json(t);
	else
		print_text(t);
	for (size_t i = 0; i < t->n_missing; i++)
		say_missing(t, t->missing[i]);
	return t->n_missing > 0 ? EXIT_TIMED_OUT : EXIT_DONE;
}

int cmd_trace(const struct command_line *line)
{
	struct home h;
	struct tracing t = { .home = &h };
	int code;

	if (!read_most(line, &t.most))
		return EXIT_USAGE;
	if ((code = ask_live(line->operands[0], &h)) != EXIT_DONE)
		return code;
	code = trace(&t, command_has(line, "json"));
	home_close(&h);
	plan_free(t.plan);
	topology_free(t.topology);
	free(t.run_dir);
	free(t.open);
	free(t.missing);
	return code;
}
