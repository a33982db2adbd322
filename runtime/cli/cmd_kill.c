/* cmd_kill.c - gale kill: drains a topology, stops it, and forgets all of it but its state.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "command.h"
#include "launch.h"

/* drain_ms reads -w; false: it is no number of seconds. */
static bool drain_ms(const struct command_line *line, const struct home *h, uint32_t *ms)
{
	const char *given = command_value(line, "wait");
	double seconds;
	char *end;

	*ms = command_has(line, "now") ? 0 : 1;
	if (*ms == 0)
		return true;
	if (given == NULL) {
		*ms = launch_drain_ms(h);
		return true;
	}
	seconds = strtod(given, &end);
	if (end == given || *end != '\0' || !(seconds >= 0 && seconds <= 1e6)) {
		command_say("-w takes a number of seconds, not \"%s\"", given);
		return false;
	}
	*ms = (uint32_t)(seconds * 1000);
	return true;
}

/* is_meant asks before everything that is open is given up. */
static bool is_meant(const struct command_line *line)
{
	char answer[8] = "";

	if (!command_has(line, "now") || command_has(line, "yes"))
		return true;
	if (!isatty(STDIN_FILENO)) {
		command_say("--now gives up what is open: say -y if that is meant");
		return false;
	}
	fprintf(stderr, "Stop %s at once, and give up what is open? [y/N] ", line->operands[0]);
	return fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}

/* forget removes what is listed of one that does not run. */
static int forget(const char *name)
{
	struct home h;
	struct error e;
	bool kept;
	enum home_result rc = home_take(&h, name, &e);
	int code = rc == HOME_OK && home_remove(&h, &kept, &e) == 0 ? EXIT_DONE :
	    rc == HOME_LOCKED ? EXIT_CONFLICT : rc == HOME_NONE ? EXIT_NOT_FOUND : EXIT_FAILED;

	if (code != EXIT_DONE)
		command_say("%s", e.text);
	home_close(&h);
	return code;
}

/* is_listed: NAME, whose supervisor has ended, is there still: it was killed before it could forget it
 * (DEAD), or had come to its end just before it was asked. */
static bool is_listed(const char *name, enum topology_status *status)
{
	struct home h;
	bool listed = home_open(&h, name, NULL) == HOME_OK && !home_lives(&h);

	if (listed)
		*status = home_status(&h);
	home_close(&h);
	return listed;
}

/* stop has the supervisor of H end, and what it leaves of its topology forgotten. */
static int stop(const struct home *h, uint32_t ms)
{
	enum topology_status status = TOPOLOGY_FINISHED;
	int code = launch_stop(h, "kill", ms), forgot;

	if (code == EXIT_NO_ANSWER || !is_listed(h->name, &status))
		return code;
	forgot = forget(h->name);
	if (forgot != EXIT_DONE)
		return forgot;
	if (status != TOPOLOGY_DEAD || code == EXIT_TIMED_OUT)
		return code == EXIT_CONFLICT ? EXIT_DONE : code;
	command_say("%s: its supervisor was killed meanwhile: what was not finished is given up", h->name);
	return EXIT_TIMED_OUT;
}

/* say_kept tells what is still there of H, which is gone. */
static void say_kept(const struct home *h)
{
	char *state = home_file(h, "state");

	if (access(state, F_OK) == 0)
		command_say("%s: its state stays in %s: the next topology of that name goes on from there; remove "
		    "it to begin anew", h->name, h->path);
	else if (access(h->path, F_OK) == 0)
		command_say("%s: its dead letters stay in %s", h->name, h->path);
	free(state);
}

int cmd_kill(const struct command_line *line)
{
	const char *name = line->operands[0];
	struct home h;
	uint32_t ms;
	int code = ask_home(name, &h);

	if (code != EXIT_DONE)
		return code;
	if (!drain_ms(line, &h, &ms) || (home_lives(&h) && !is_meant(line)))
		code = EXIT_USAGE;
	else if (home_lives(&h))
		code = stop(&h, ms);
	else
		code = forget(name);
	if (code == EXIT_DONE || code == EXIT_TIMED_OUT)
		say_kept(&h);
	home_close(&h);
	return code;
}
