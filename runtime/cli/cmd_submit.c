/* cmd_submit.c - gale submit: a topology goes to a home of its own, and a detached supervisor
 * runs it from there. See command.h, home.h, launch.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "buf.h"
#include "clock.h"
#include "command.h"
#include "farewell.h"
#include "home.h"
#include "launch.h"
#include "memory.h"
#include "plugincopy.h"
#include "topology.h"

enum { HANDOVER_MS = 2000 };	/* from the end of a supervisor to the next */

/* ---- what goes into the home ------------------------------------------------------- */

static int note_submission(const struct home *h, const char *file, struct error *e)
{
	char *path = realpath(file, NULL), at[32];
	time_t now = time(NULL);
	struct buf b = { 0 };
	struct tm utc;
	int rc;

	strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	buf_puts(&b, "{\"file\":");
	buf_json_string(&b, path != NULL ? path : file, strlen(path != NULL ? path : file));
	buf_printf(&b, ",\"submittedAt\":\"%s\"}\n", at);
	rc = home_write(h, "submitted.json", b.data, b.n, e);
	buf_free(&b);
	free(path);
	return rc;
}

/* settle puts T into H, which is locked, and forgets how an earlier one of its name ended: at last, as
 * one that has FINISHED would else look like one that can be resumed, had we no room or no time. */
static int settle(const struct home *h, struct topology *t, const char *file, struct error *e)
{
	if (plugincopy_take(h, t, e) != 0 || note_submission(h, file, e) != 0 ||
	    home_write_definition(h, t, e) != 0)
		return -1;
	home_forget_end(h);
	return 0;
}

/* ---- a new one --------------------------------------------------------------------- */

/* may_take refuses a name that is in use: by one that runs, or that waits to be resumed. */
static int may_take(const char *name)
{
	struct home h;
	int code = EXIT_DONE;

	if (home_open(&h, name, NULL) != HOME_OK)
		return EXIT_DONE;
	if (home_status(&h) == TOPOLOGY_DEAD) {
		command_say("%s is DEAD: its supervisor was killed; \"gale submit --resume %s\" goes on from its "
		    "state, \"gale submit --replace\" too, with another definition, \"gale kill %s\" forgets it",
		    name, name, name);
		code = EXIT_CONFLICT;
	} else if (home_lives(&h)) {
		command_say("%s runs already: give another --name, or \"gale submit --replace\", or \"gale kill %s\" "
		    "first", name, name);
		code = EXIT_CONFLICT;
	}
	home_close(&h);
	return code;
}

static int take_code(enum home_result rc)
{
	return rc == HOME_OK ? EXIT_DONE : rc == HOME_LOCKED ? EXIT_CONFLICT : rc == HOME_NONE ? EXIT_NOT_FOUND :
	    EXIT_FAILED;
}

/* drop_undefined removes what is left of a first submit that failed. */
static void drop_undefined(struct home *h)
{
	char *definition = home_file(h, "topology.json");
	bool kept;

	if (access(definition, F_OK) != 0)
		home_remove(h, &kept, NULL);
	free(definition);
}

static int submit_new(const struct command_line *line, struct topology *t)
{
	struct home h;
	struct error e;
	int code = may_take(t->name);

	if (code != EXIT_DONE)
		return code;
	code = take_code(home_make(&h, t->name, &e));
	if (code == EXIT_DONE && settle(&h, t, line->operands[0], &e) != 0) {
		drop_undefined(&h);
		code = EXIT_FAILED;
	}
	if (code != EXIT_DONE) {
		command_say("%s", e.text);
	} else {
		plugincopy_drop_others(&h, t);
		home_set_inactive(&h, command_has(line, "inactive"));
		code = launch(&h, command_has(line, "wait"));
	}
	home_close(&h);
	return code;
}

/* ---- instead of another ------------------------------------------------------------ */

/* take_over stops what runs in H and takes the lock. */
static int take_over(struct home *h)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)HANDOVER_MS * NS_PER_MS;
	char *name = xstrdup(h->name);
	enum home_result rc;
	struct error e;
	int code = EXIT_DONE;

	if (home_lives(h))
		code = launch_stop(h, "stop", farewell_drain_ms(h));
	if (code == EXIT_TIMED_OUT)	/* what was given up comes again */
		code = EXIT_DONE;
	if (code == EXIT_DONE) {
		home_close(h);
		while ((rc = home_take(h, name, &e)) == HOME_LOCKED && clock_now_ns() < deadline)
			;
		code = take_code(rc);
		if (code != EXIT_DONE)
			command_say("%s", e.text);
	}
	free(name);
	return code;
}

/* What is replaced, in case that there is a way back. */
struct former {
	struct buf definition, submission;
	bool ran, inactive;
};

static int remember(struct former *f, const struct home *h, struct error *e)
{
	*f = (struct former){ .ran = home_lives(h), .inactive = home_inactive(h) };
	home_read(h, "submitted.json", &f->submission, NULL);
	if (home_read(h, "topology.json", &f->definition, e) == 1)
		return 0;
	return error_set(e, "%s/topology.json is gone", h->path);
}

static void forget_former(struct former *f)
{
	buf_free(&f->definition);
	buf_free(&f->submission);
}

/* restore makes H what it was. */
static int restore(const struct home *h, const struct former *f, struct error *e)
{
	home_set_inactive(h, f->inactive);
	if (f->submission.n > 0)
		home_write(h, "submitted.json", f->submission.data, f->submission.n, NULL);
	return home_write(h, "topology.json", f->definition.data, f->definition.n, e);
}

/* go_back starts what ran before; what did not run is there again. */
static void go_back(struct home *h, const struct former *f)
{
	char *name = xstrdup(h->name);
	struct error e;

	home_close(h);
	if (home_take(h, name, &e) != HOME_OK || restore(h, f, &e) != 0)
		command_say("%s: and the one before can't be put back: %s", name, e.text);
	else if (!f->ran)
		command_say("%s: it is the one before again", name);
	else if (launch(h, true) == EXIT_DONE)
		command_say("%s: the one before runs again", name);
	free(name);
}

/* put_in_place has T run in H, whose lock we have; an exit code. One that does not come up in time does not
 * start. */
static int put_in_place(const struct command_line *line, struct topology *t, struct home *h)
{
	struct error e;
	int code;

	if (settle(h, t, line->operands[0], &e) != 0) {
		command_say("%s", e.text);
		return EXIT_FAILED;
	}
	if (command_has(line, "inactive"))
		home_set_inactive(h, true);
	code = launch(h, true);
	if (code == EXIT_TIMED_OUT)
		launch_stop(h, "stop", 0);
	return code;
}

static int replace(const struct command_line *line, struct topology *t, struct home *h)
{
	struct former former;
	struct error e;
	int code = EXIT_FAILED;

	if (remember(&former, h, &e) != 0)
		command_say("%s", e.text);
	else
		code = take_over(h);
	if (code == EXIT_DONE) {
		code = put_in_place(line, t, h);
		if (code == EXIT_DONE)
			plugincopy_drop_others(h, t);
		else
			go_back(h, &former);
	}
	forget_former(&former);
	return code;
}

/* ---- one that was there ------------------------------------------------------------ */

/* is_as_it_was refuses what is for a new definition. */
static bool is_as_it_was(const struct command_line *line)
{
	static const char *const others[] = { "define", "plugins", "name", "replace" };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		if (!command_has(line, others[i]))
			continue;
		command_say("--resume starts a topology as it was: --%s is for a file", others[i]);
		return false;
	}
	return true;
}

static int resume(const struct command_line *line)
{
	struct home h;
	enum topology_status status;
	struct error e;
	int code = is_as_it_was(line) ? ask_home(line->operands[0], &h) : EXIT_USAGE;

	if (code != EXIT_DONE)
		return code;
	status = home_status(&h);
	home_close(&h);
	if (status != TOPOLOGY_DEAD && status != TOPOLOGY_FAILED) {
		command_say("%s is %s: only one that is DEAD or FAILED can be resumed", line->operands[0],
		    topology_status_names[status]);
		return EXIT_CONFLICT;
	}
	code = take_code(home_take(&h, line->operands[0], &e));
	if (code != EXIT_DONE)
		command_say("%s", e.text);
	else {
		if (command_has(line, "inactive"))
			home_set_inactive(&h, true);
		code = launch(&h, command_has(line, "wait"));
	}
	home_close(&h);
	return code;
}

/* ---- the command ------------------------------------------------------------------- */

static int submit(const struct command_line *line, struct topology *t)
{
	struct error e;
	struct home h;
	int code;

	if (command_value(line, "name") != NULL) {
		free(t->name);
		t->name = xstrdup(command_value(line, "name"));
	}
	if (home_name_check(t->name, &e) != 0) {
		command_say("%s", e.text);
		return EXIT_USAGE;
	}
	if (!command_has(line, "replace") || home_open(&h, t->name, NULL) != HOME_OK)
		return submit_new(line, t);
	/* To one that has FINISHED there is no way back: it would do all of its work again. */
	code = home_status(&h) == TOPOLOGY_FINISHED ? submit_new(line, t) : replace(line, t, &h);
	home_close(&h);
	return code;
}

int cmd_submit(const struct command_line *line)
{
	struct topology *t;
	int code;

	if (command_has(line, "resume"))
		return resume(line);
	t = command_load(line, line->operands[0], &code);
	if (t != NULL)
		code = submit(line, t);
	topology_free(t);
	return code;
}

int cmd_restart(const struct command_line *line)
{
	struct home h;
	int code = ask_home(line->operands[0], &h);

	if (code != EXIT_DONE)
		return code;
	if (home_status(&h) == TOPOLOGY_FINISHED) {
		command_say("%s is FINISHED: there is nothing to start again; submit it anew", line->operands[0]);
		code = EXIT_CONFLICT;
	} else {
		code = take_over(&h);
		if (code == EXIT_DONE && home_status(&h) == TOPOLOGY_FINISHED) {
			command_say("%s has FINISHED meanwhile: there is nothing to start again", line->operands[0]);
			code = EXIT_CONFLICT;
		}
	}
	if (code == EXIT_DONE)
		code = launch(&h, true);
	home_close(&h);
	return code;
}
