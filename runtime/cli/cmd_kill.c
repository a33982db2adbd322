/* cmd_kill.c - gale kill: drains a topology, stops it, and forgets all of it but its state.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "ask.h"
#include "command.h"
#include "farewell.h"
#include "launch.h"

/* drain_ms reads -w; false: it is no number of seconds. */
static bool drain_ms(const struct command_line *line, const struct home *h, uint32_t *ms)
{
	*ms = 0;
	if (command_has(line, "now"))
		return true;
	if (command_value(line, "wait") == NULL)
		*ms = farewell_drain_ms(h);
	return command_wait_ms(line, ms);
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

static int forget(const char *name)
{
	struct error e;
	int code = farewell_forget(name, &e);

	if (code != EXIT_DONE)
		command_say("%s", e.text);
	return code;
}

/* stop has the supervisor of H end, and what it leaves of its topology forgotten. */
static int stop(const struct home *h, uint32_t ms)
{
	int code = launch_stop(h, "kill", ms);
	struct error e;

	if (code == EXIT_NO_ANSWER)
		return code;
	code = farewell_after(h->name, code, &e);
	if (e.text[0] != '\0')
		command_say("%s", e.text);
	return code;
}

static void say_kept(const struct home *h)
{
	struct error e;

	if (farewell_kept(h, &e))
		command_say("%s", e.text);
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
