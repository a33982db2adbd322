/* cmd_run.c - gale run: a topology in the foreground, to its end. See command.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "command.h"
#include "error.h"
#include "failpoint.h"
#include "memory.h"
#include "statedir.h"
#include "summary.h"
#include "supervisor.h"
#include "topology.h"

#define DEAD_LETTER_KEY "topology.dead.letter.file"

/* When this process began: constructors run before main. */
static uint64_t exec_ns;

static void __attribute__((constructor)) note_exec(void)
{
	exec_ns = clock_now_ns();
}

/* dead_letter_file gives where T's dead letters go, an absolute path; by default
 * NAME.dead-letters.jsonl in the caller's directory, which only this process knows: so it
 * writes it into the config. NULL with errno set when there is no such directory. */
static const char *dead_letter_file(struct topology *t)
{
	struct setting *given = NULL;
	char *here;

	for (size_t i = 0; i < t->config.n && given == NULL; i++)
		if (strcmp(t->config.items[i].key, DEAD_LETTER_KEY) == 0)
			given = &t->config.items[i];
	if (given != NULL && given->type == SETTING_STRING)
		return given->s;
	here = getcwd(NULL, 0);
	if (here == NULL)
		return NULL;
	if (given == NULL) {
		t->config.items = xrealloc(t->config.items,
		    (t->config.n + 1) * sizeof *t->config.items);
		given = &t->config.items[t->config.n++];
		*given = (struct setting){ .key = xstrdup(DEAD_LETTER_KEY) };
	}
	given->type = SETTING_STRING;
	given->s = xasprintf("%s/%s.dead-letters.jsonl", here, t->name);
	free(here);
	return given->s;
}

/* went_to_file: some dead letters had no subscriber: a spout's without one, or those of a
 * bolt's finish. */
static bool went_to_file(const struct topology *t, const struct summary *s)
{
	for (uint32_t c = 0; c < t->n_components; c++) {
		bool subscribed = false;

		for (uint32_t i = 0; c < t->n_spouts && i < t->n_subscriptions; i++)
			subscribed |= t->subscriptions[i].from == c &&
			    t->subscriptions[i].stream == t->components[c].n_outputs - 1;
		if (!subscribed && s->components[c].sum.dead_lettered > 0)
			return true;
	}
	return false;
}

static int put_json(const struct summary *s, const struct summary_end *end, const char *file,
    bool on_stdout)
{
	struct buf json = { 0 };
	struct error e;
	int rc = 0;

	summary_json(&json, s, end);
	if (on_stdout && (fwrite(json.data, 1, json.n, stdout) != json.n || fflush(stdout) != 0)) {
		command_say("cannot write the summary to standard output: %s", strerror(errno));
		rc = -1;
	}
	if (file != NULL && summary_write(file, json.data, json.n, &e) != 0) {
		command_say("%s", e.text);
		rc = -1;
	}
	buf_free(&json);
	return rc;
}

/* report tells what the run came to; returns the exit code. */
static int report(const struct command_line *line, const struct topology *t,
    const struct run_result *r, const char *dead_letters)
{
	struct summary_end end = {
		.exit = r->exit,
		.error = r->error.text[0] ? r->error.text : NULL,
		.dead_letter_file = went_to_file(t, r->summary) ? dead_letters : NULL,
		.exec_ns = exec_ns,
		.now_ns = clock_now_ns(),
	};
	struct buf text = { 0 };

	if (!command_has(line, "quiet") || r->summary->spouts.sum.dead_lettered > 0) {
		summary_text(&text, r->summary, &end);
		fwrite(text.data, 1, text.n, stderr);
		buf_free(&text);
	}
	if (put_json(r->summary, &end, command_value(line, "summary"),
	    command_has(line, "json")) != 0 && r->exit == EXIT_DONE)
		return EXIT_FAILED;
	return r->exit;
}

/* open_state opens what --state names, and says what there is to say; an exit code. */
static int open_state(const char *dir, const struct topology *t, struct statedir *state)
{
	struct buf said = { 0 };
	struct error e;
	enum statedir_result rc = statedir_open(state, dir, t, &said, &e);

	if (rc != STATEDIR_OK)
		command_say("%s", e.text);
	else if (said.n > 0)
		fprintf(stderr, "%s", buf_text(&said));
	buf_free(&said);
	return rc == STATEDIR_OK ? EXIT_DONE : rc == STATEDIR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED;
}

/* run_in runs T with its state in STATE, whose path is NULL when it shall not stay. */
static int run_in(const struct command_line *line, const struct topology *t, struct statedir *state,
    const char *dead_letters)
{
	struct run_options options = { .quiet = command_has(line, "quiet"), .state_dir = state->path,
		.run = state->run };
	struct run_result r;
	struct error e;
	int code;

	options.ready_ms = (uint32_t)topology_ms(t, NULL, "topology.worker.timeout.secs");
	supervisor_run(t, &options, &r);
	if (r.exit == EXIT_DONE && state->path != NULL && statedir_clear(state, &e) != 0) {
		command_say("%s", e.text);
		r.error = e;
		r.exit = EXIT_FAILED;
	}
	code = report(line, t, &r, dead_letters);
	run_result_free(&r);
	return code;
}

int cmd_run(const struct command_line *line)
{
	struct statedir state = { .fd = -1, .lock_fd = -1 };
	const char *dir = command_value(line, "state"), *dead_letters;
	struct topology *t;
	int code;

	failpoints_init("supervisor", 1);
	t = command_load(line, line->operands[0], &code);
	if (t == NULL)
		return code;
	dead_letters = dead_letter_file(t);
	if (dead_letters == NULL) {
		command_say("cannot tell the current directory: %s", strerror(errno));
		code = EXIT_FAILED;
	} else if (dir == NULL || (code = open_state(dir, t, &state)) == EXIT_DONE) {
		code = run_in(line, t, &state, dead_letters);
	}
	statedir_close(&state);
	topology_free(t);
	return code;
}
