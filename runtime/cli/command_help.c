/* command_help.c - help, from the table of commands; see command.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "command.h"

const struct command *command_find(const char *name)
{
	for (const struct command *c = command_table; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

/* name_width gives the length of the longest name that is listed. */
static int name_width(void)
{
	size_t width = 0;

	for (const struct command *c = command_table; c->name != NULL; c++)
		if (!c->hidden && strlen(c->name) > width)
			width = strlen(c->name);
	return (int)width;
}

void command_list(FILE *out)
{
	int width = name_width();

	fputs("usage: gale COMMAND [OPTION]... [ARGUMENT]...\n\n", out);
	for (const struct command *c = command_table; c->name != NULL; c++)
		if (!c->hidden)
			fprintf(out, "  %-*s  %s\n", width, c->name, c->doc);
	fputs("\nAll about one of them: gale help COMMAND\n", out);
}

static void option_line(
    FILE *out, char letter, const char *name, const char *argument, const char *doc)
{
	char left[80];

	snprintf(left, sizeof left, "%c%c%c --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
	    letter ? ',' : ' ', name, argument ? " " : "", argument ? argument : "");
	fprintf(out, "  %-27s %s\n", left, doc);
}

void command_help(FILE *out, const struct command *c)
{
	fprintf(out, "gale %s: %s\n\nusage: gale %s %s\n", c->name, c->doc, c->name, c->synopsis);
	if (c->examples != NULL)
		fprintf(out, "\nexamples:\n%s", c->examples);
	fputs("\noptions:\n", out);
	for (const struct command_option *o = c->options; o != NULL && o->name != NULL; o++)
		option_line(out, o->letter, o->name, o->argument, o->doc);
	option_line(out, 'h', "help", NULL, "show this help");
}
