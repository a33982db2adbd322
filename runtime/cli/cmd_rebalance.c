/* cmd_rebalance.c - gale rebalance: other numbers of executors for components of a running topology.
 * What can be moved is decided by its supervisor (runtime/supervisor/moves.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "buf.h"
#include "command.h"

enum {
	STEP_MS = 60000		/* the longest that a step may take: a pause, stopping, starting */
};

/* put_wanted adds what -e says; false: it is nothing that the supervisor could make sense of. */
static bool put_wanted(const struct command_line *line, struct buf *request)
{
	bool any = false;

	for (size_t i = 0; i < line->n_given; i++) {
		const char *value = line->given[i].value;

		if (strcmp(line->given[i].option->name, "executors") != 0)
			continue;
		if (strpbrk(value, " \n") != NULL || strchr(value, '=') == NULL) {
			command_say("-e takes COMPONENT=EXECUTORS, not \"%s\"", value);
			return false;
		}
		buf_printf(request, " %s", value);
		any = true;
	}
	if (!any)
		command_say("say which component shall have how many executors: -e COMPONENT=EXECUTORS");
	return any;
}

/* hear shows what the supervisor answers until its last word; the exit code. */
static int hear(struct ask *a, bool dry, uint32_t ms)
{
	int code = EXIT_DONE, got;
	const char *rest;

	for (;;) {
		got = ask_next(a, (int)ms + STEP_MS);
		if (got <= 0)
			break;
		if (ask_final(a, &code, &rest)) {
			if (code == EXIT_DONE && *rest != '\0' && !dry)
				command_say("%s: %s", a->name, rest);
			else if (code == EXIT_DONE && strcmp(rest, "nothing to do") == 0)
				command_say("%s: %s", a->name, rest);
			return code;
		}
		if (strncmp(a->text, "plan ", 5) == 0)
			fputs(a->text + 5, dry ? stdout : stderr);
		else if (strncmp(a->text, "step ", 5) == 0)
			command_say("%s: %s", a->name, a->text + 5);
	}
	if (got < 0)
		return ask_no_answer(a->name);
	command_say("%s: it takes too long; it goes on, and its log tells how", a->name);
	return EXIT_TIMED_OUT;
}

static int rebalance(const struct command_line *line, const struct home *h, const char *request, uint32_t ms)
{
	struct ask a;
	int code = ask_begin(&a, h, request);

	if (code != EXIT_DONE)
		return code;
	code = hear(&a, command_has(line, "dry-run"), ms);
	ask_end(&a);
	return code;
}

int cmd_rebalance(const struct command_line *line)
{
	struct buf request = { 0 };
	struct home h;
	uint32_t ms = 0;
	int code = EXIT_USAGE;

	if (!command_wait_ms(line, &ms))
		return EXIT_USAGE;
	if (command_has(line, "dry-run"))
		buf_puts(&request, "rebalance-plan");
	else if (command_has(line, "wait"))
		buf_printf(&request, "rebalance %u", ms);
	else
		buf_puts(&request, "rebalance usual");
	if (put_wanted(line, &request) && (code = ask_live(line->operands[0], &h)) == EXIT_DONE) {
		code = rebalance(line, &h, buf_text(&request), ms);
		home_close(&h);
	}
	buf_free(&request);
	return code;
}
