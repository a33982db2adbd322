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
#include "command.h"
#include "error.h"
#include "failpoint.h"
#include "memory.h"
#include "report.h"
#include "statedir.h"
#include "summary.h"
#include "supervisor.h"
#include "topology.h"
#include "web.h"

/* dead_letter_file: by default NAME.dead-letters.jsonl in the caller's directory. NULL with errno
 * set when there is no such directory. */
static const char *dead_letter_file(struct topology *t)
{
	char *here = getcwd(NULL, 0), *file;
	const char *given;

	if (here == NULL)
		return NULL;
	file = xasprintf("%s/%s.dead-letters.jsonl", here, t->name);
	given = report_dead_letters(t, file);
	free(file);
	free(here);
	return given;
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
	struct summary_end end = report_end(t, r, dead_letters);
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

/* page_at gives where to serve the page, in *LISTEN; NULL: nowhere. An exit code. */
static int page_at(const struct command_line *line, const char **listen)
{
	const char *given = command_value(line, "listen");
	struct error e;

	*listen = command_has(line, "ui") ? (given != NULL ? given : WEB_LISTEN) : NULL;
	if (given != NULL && *listen == NULL) {
		command_say("--listen tells where the page is: it takes --ui");
		return EXIT_USAGE;
	}
	if (given != NULL && web_check(given, &e) != 0) {
		command_say("--listen: %s", e.text);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

/* run_in runs T with its state in STATE, whose path is NULL when it shall not stay. */
static int run_in(const struct command_line *line, struct topology *t, struct statedir *state,
    const char *dead_letters, const char *listen)
{
	struct run_options options = { .quiet = command_has(line, "quiet"), .state_dir = state->path,
		.run = state->run, .listen = listen };
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
	const char *dir = command_value(line, "state"), *dead_letters, *listen;
	struct topology *t;
	int code = page_at(line, &listen);

	if (code != EXIT_DONE)
		return code;
	failpoints_init("supervisor", 1);
	t = command_load(line, line->operands[0], &code);
	if (t == NULL)
		return code;
	dead_letters = dead_letter_file(t);
	if (dead_letters == NULL) {
		command_say("cannot tell the current directory: %s", strerror(errno));
		code = EXIT_FAILED;
	} else if (dir == NULL || (code = open_state(dir, t, &state)) == EXIT_DONE) {
		code = run_in(line, t, &state, dead_letters, listen);
	}
	statedir_close(&state);
	topology_free(t);
	return code;
}
