/* cmd_activate.c - gale activate, gale deactivate. SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"
#include "command.h"

static int set(const struct command_line *line, const char *request)
{
	struct home h;
	int code = ask_live(line->operands[0], &h);

	if (code != EXIT_DONE)
		return code;
	code = ask_simply(&h, request);
	home_close(&h);
	return code;
}

int cmd_activate(const struct command_line *line)
{
	return set(line, "activate");
}

int cmd_deactivate(const struct command_line *line)
{
	return set(line, "deactivate");
}
