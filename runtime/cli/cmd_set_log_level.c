/* cmd_set_log_level.c - gale set-log-level: which lines of plugins get into the log, from now on or
 * for a while. SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "duration.h"
#include "logline.h"
#include "logview.h"

enum { REQUEST_BYTES = 256 };

/* read_level writes the request for the supervisor; an exit_code. */
static int read_level(const struct command_line *line, const char *component, const char *word, char *request)
{
	const char *given = command_value(line, "for");
	gale_level level;
	int64_t ms = 0;

	if (!logline_level(word, strlen(word), &level)) {
		command_say("there is no level \"%s\": error, warn, info, debug", word);
		return EXIT_USAGE;
	}
	if (given != NULL && (!duration_parse(given, &ms) || ms == 0)) {
		command_say("--for wants how long (30s, 5m, 1h), found \"%s\"", given);
		return EXIT_USAGE;
	}
	snprintf(request, REQUEST_BYTES, "log-level %.150s %s %" PRId64, component, logline_levels[level], ms);
	return EXIT_DONE;
}

static bool is_there(const struct home *h, const char *component)
{
	static const char *const none[] = { NULL };
	struct topology *t;
	bool there;

	if (strcmp(component, "*") == 0)
		return true;
	t = logview_topology(h);
	there = logview_component(t, component, none);
	topology_free(t);
	return there;
}

int cmd_set_log_level(const struct command_line *line)
{
	const char *component = line->n_operands == 3 ? line->operands[1] : "*";
	char request[REQUEST_BYTES];
	struct home h;
	int code = read_level(line, component, line->operands[line->n_operands - 1], request);

	if (code == EXIT_DONE)
		code = ask_live(line->operands[0], &h);
	if (code != EXIT_DONE)
		return code;
	code = is_there(&h, component) ? ask_simply(&h, request) : EXIT_NOT_FOUND;
	home_close(&h);
	return code;
}
