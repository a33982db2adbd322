/* cmd_supervise.c - gale supervise: the supervisor of a submitted topology, started by launch.c,
 * not for people. It has the lock of the topology's home, and writes there what it came to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "failpoint.h"
#include "home.h"
#include "report.h"
#include "statedir.h"
#include "supervisor.h"

enum { ARGUMENTS = 4 };		/* supervise NAME HOME_FD TELL_FD */

struct supervised {
	struct home home;
	struct topology *topology;
	struct statedir state;
	const char *dead_letters;
	int tell_fd;
};

/* note_end writes ended.json: SUMMARY, a JSON object, may be NULL. False, after it has said why: it
 * could not. */
static bool note_end(const struct supervised *s, int exit, const char *why, const struct buf *summary)
{
	struct buf b = { 0 };
	time_t now = time(NULL);
	struct tm utc;
	struct error e;
	char at[32];
	bool noted;

	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	buf_printf(&b, "{\"status\":\"%s\",\"exit\":%d,\"error\":", exit == EXIT_DONE ? "FINISHED" : "FAILED", exit);
	if (why != NULL)
		buf_json_string(&b, why, strlen(why));
	else
		buf_puts(&b, "null");
	buf_printf(&b, ",\"endedAt\":\"%s\",\"summary\":", at);
	if (summary != NULL)
		buf_add(&b, summary->data, summary->n - (summary->n > 0 && summary->data[summary->n - 1] == '\n'));
	else
		buf_puts(&b, "null");
	buf_puts(&b, "}\n");
	noted = home_write(&s->home, "ended.json", b.data, b.n, &e) == 0;
	if (!noted)
		command_say("%s: %s", s->home.name, e.text);
	buf_free(&b);
	return noted;
}

static int give_up(const struct supervised *s, int code, const char *why)
{
	command_say("%s: %s", s->home.name, why);
	note_end(s, code, why, NULL);
	return code;
}

/* open_all reads the definition and opens the state; an exit code. */
static int open_all(struct supervised *s)
{
	char *definition = home_file(&s->home, "topology.json"), *state = home_file(&s->home, "state");
	char *letters = home_file(&s->home, "dead-letters.jsonl");
	enum statedir_result rc = STATEDIR_FAILED;
	struct buf said = { 0 };
	struct error e;

	unlinkat(s->home.fd, "ended.json", 0);
	s->topology = topology_read(definition, &e);
	if (s->topology != NULL) {
		s->dead_letters = report_dead_letters(s->topology, letters);
		rc = statedir_open(&s->state, state, s->topology, &said, &e);
	}
	if (said.n > 0)
		fprintf(stderr, "%s", buf_text(&said));
	buf_free(&said);
	free(letters);
	free(state);
	free(definition);
	return rc == STATEDIR_OK ? EXIT_DONE : give_up(s, rc == STATEDIR_CONFLICT ? EXIT_CONFLICT : EXIT_FAILED, e.text);
}

/* conclude: what was stopped by a signal has no end of its own: it may be resumed. That it has
 * FINISHED is noted before positions are removed, and they stay if it can't be: a resume must not begin
 * anew. */
static void conclude(struct supervised *s, struct run_result *r)
{
	struct summary_end end;
	struct buf json = { 0 };
	struct error e;
	bool kept, noted = true;

	end = report_end(s->topology, r, s->dead_letters);
	summary_json(&json, r->summary, &end);
	if (!r->stopped || (r->exit != EXIT_DONE && r->exit < 128))
		noted = note_end(s, r->exit, end.error, &json);
	buf_free(&json);
	if (r->exit == EXIT_DONE && !r->stopped && noted && statedir_clear(&s->state, &e) != 0)
		command_say("%s: warn: %s", s->home.name, e.text);	/* the next submit does it */
	statedir_close(&s->state);
	if (r->forget && home_remove(&s->home, &kept, &e) != 0)
		command_say("%s: %s", s->home.name, e.text);
}

static int supervise(struct supervised *s)
{
	struct run_options options = { .quiet = true, .home = &s->home, .inactive = home_inactive(&s->home),
		.tell_fd = s->tell_fd };
	struct run_result r;
	int code = open_all(s);

	if (code != EXIT_DONE)
		return code;
	if (write(s->tell_fd, "here\n", 5) < 0)
		command_say("%s: who started it has gone", s->home.name);
	options.state_dir = s->state.path;
	options.run = s->state.run;
	options.ready_ms = (uint32_t)topology_ms(s->topology, NULL, "topology.worker.timeout.secs");
	supervisor_run(s->topology, &options, &r);
	conclude(s, &r);
	code = r.exit;
	run_result_free(&r);
	return code;
}

int cmd_supervise(const struct command_line *line)
{
	struct supervised s = { .home.fd = -1, .state = { .fd = -1, .lock_fd = -1 } };
	struct error e;
	int code;

	failpoints_init("supervisor", 1);
	if (line->argc != ARGUMENTS || home_inherit(&s.home, line->argv[1], atoi(line->argv[2]), &e) != 0) {
		command_say("\"supervise\" is started by gale submit, not by hand");
		return EXIT_USAGE;
	}
	s.tell_fd = atoi(line->argv[3]);
	fcntl(s.tell_fd, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);	/* who started it may not wait */
	code = supervise(&s);
	statedir_close(&s.state);
	topology_free(s.topology);
	home_close(&s.home);
	return code;
}
