/* cmd_complete.c - gale complete WORD...: what the last word may become, for the shell's
 * completion (doc/gale.bash); not for people. The command table tells, and the homes of the
 * topologies that are there.
 *
 * One candidate a line. A line "FILES" says that names of files fit as well.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "config.h"
#include "home.h"
#include "topology.h"

static void offer(const char *before, const char *text, const char *after, const char *word)
{
	char whole[256];

	snprintf(whole, sizeof whole, "%s%s%s", before, text, after);
	if (strncmp(whole, word, strlen(word)) == 0)
		puts(whole);
}

static void commands(const char *word)
{
	for (const struct command *c = command_table; c->name != NULL; c++)
		if (!c->hidden)
			offer("", c->name, "", word);
}

static void options(const struct command *c, const char *word)
{
	for (const struct command_option *o = c->options; o != NULL && o->name != NULL; o++)
		offer("--", o->name, "", word);
	offer("--", "help", "", word);
}

static void topologies(const char *word)
{
	char **names = home_names(NULL);

	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		offer("", names[i], "", word);
		free(names[i]);
	}
	free(names);
}

/* components of the topology NAME, AFTER behind each. */
static void components(const char *name, const char *after, const char *word)
{
	struct topology *t = NULL;
	struct home h;

	if (home_open(&h, name, NULL) == HOME_OK) {
		char *path = home_file(&h, "topology.json");

		t = topology_read(path, NULL);
		free(path);
		home_close(&h);
	}
	for (uint32_t i = 0; t != NULL && i < t->n_components; i++)
		offer("", t->components[i].id, after, word);
	topology_free(t);
}

static void levels(const char *word)
{
	for (int i = 0; i < N_LOG_LEVELS; i++)
		offer("", config_log_levels[i], "", word);
}

static const struct command_option *option_of(const struct command *c, const char *word)
{
	for (const struct command_option *o = c->options; o != NULL && o->name != NULL; o++)
		if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
		    (word[0] == '-' && word[1] == o->letter && o->letter != 0 && word[2] == '\0'))
			return o;
	return NULL;
}

/* operand_wants: the synopsis has WORD as a word of its own, other than for an option. */
static bool synopsis_has(const struct command *c, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = c->synopsis; at != NULL && (at = strstr(at, word)) != NULL; at += n)
		if ((at == c->synopsis || strchr(" [|=:", at[-1]) != NULL) && strchr(" ].|:[", at[n]) != NULL)
			return true;
	return false;
}

/* operand offers what fits as the next operand; NAME is the one before, or NULL. */
static void operand(const struct command *c, bool resumes, const char *name, const char *word)
{
	if (strcmp(c->name, "help") == 0)
		commands(word);
	else if (name == NULL && synopsis_has(c, "NAME") && (resumes || !synopsis_has(c, "FILE") || c->run == cmd_graph))
		topologies(word);
	else if (name != NULL && synopsis_has(c, "COMPONENT"))
		components(name, "", word);
	if (name != NULL && synopsis_has(c, "LEVEL"))
		levels(word);
	if (!resumes && synopsis_has(c, "FILE"))
		puts("FILES");
}

static void complete(const struct command *c, int n, char **words, const char *word)
{
	const struct command_option *pending = n > 0 ? option_of(c, words[n - 1]) : NULL;
	const char *name = NULL;
	bool resumes = false;

	for (int i = 0; i < n; i++) {
		const struct command_option *o = option_of(c, words[i]);

		resumes |= o != NULL && strcmp(o->name, "resume") == 0;
		if (o != NULL && o->argument != NULL)
			i++;
		else if (words[i][0] != '-' && name == NULL)
			name = words[i];
	}
	if (word[0] == '-')
		options(c, word);
	else if (pending == NULL || pending->argument == NULL)
		operand(c, resumes, name, word);
	else if (strncmp(pending->argument, "COMP=", 5) == 0 || strncmp(pending->argument, "COMPONENT=", 10) == 0)
		components(name != NULL ? name : "", "=", word);
	else if (strcmp(pending->argument, "LEVEL") == 0)
		levels(word);
	else
		puts("FILES");
}

int cmd_complete(const struct command_line *line)
{
	const struct command *c = line->argc > 2 ? command_find(line->argv[1]) : NULL;

	if (line->argc <= 2)
		commands(line->argc == 2 ? line->argv[1] : "");
	else if (c != NULL && !c->hidden)
		complete(c, line->argc - 3, line->argv + 2, line->argv[line->argc - 1]);
	return EXIT_DONE;
}
