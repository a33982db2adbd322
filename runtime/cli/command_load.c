/* command_load.c - from a command line to a checked topology; see command.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "memory.h"

int command_load_options(const struct command_line *line, struct load_options *o)
{
	const char **dirs = xcalloc(line->n_given + 1, sizeof *dirs);
	struct error e;

	*o = (struct load_options){
		.definitions = xcalloc(1, sizeof *o->definitions), .path = { dirs, 0 },
		.no_plugins = command_has(line, "no-plugins"),
	};
	for (size_t i = 0; i < line->n_given; i++) {
		const struct command_given *g = &line->given[i];

		if (g->option->letter == 'P')
			dirs[o->path.n++] = g->value;
		if (g->option->letter != 'D' || definitions_add(o->definitions, g->value, &e) == 0)
			continue;
		command_say("%s", e.text);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

void command_free_load_options(struct load_options *o)
{
	definitions_free(o->definitions);
	free(o->definitions);
	free((void *)(uintptr_t)o->path.dirs);
}

bool command_has_file(const char *file)
{
	if (access(file, F_OK) == 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		return true;	/* it is there, but: the loader has the better words */
	command_say("no such file: %s", file);
	return false;
}

bool command_unused(const struct load_options *o)
{
	struct error e;

	if (definitions_check(o->definitions, &e) == 0)
		return false;
	command_say("%s", e.text);
	return true;
}

/* load is command_load once the options are read. */
static struct topology *load(const struct load_options *o, const char *file, int *code)
{
	struct diagnostics d = { 0 };
	struct topology *t;

	*code = EXIT_NOT_FOUND;
	if (!command_has_file(file))
		return NULL;
	t = load_topology(file, o, &d);
	diag_print(&d, stderr);
	diag_free(&d);
	*code = t == NULL ? EXIT_INVALID : EXIT_DONE;
	if (t != NULL && command_unused(o)) {
		topology_free(t);
		t = NULL;
		*code = EXIT_USAGE;
	}
	return t;
}

struct topology *command_load(const struct command_line *line, const char *file, int *code)
{
	struct topology *t = NULL;
	struct load_options o;

	*code = command_load_options(line, &o);
	if (*code == EXIT_DONE)
		t = load(&o, file, code);
	command_free_load_options(&o);
	return t;
}
