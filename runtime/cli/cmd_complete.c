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
#include "logline.h"
#include "memory.h"
#include "metrics.h"
#include "plan.h"
#include "topology.h"

enum { OPERANDS = 4 };		/* no command that we complete for has more, but of files */

/* What stands on the line before the word. */
struct before {
	const struct command *command;
	const struct command_option *pending;	/* the word is its argument; NULL: it is none's */
	bool resumes;				/* --resume */
	const char *operands[OPERANDS];
	int n_operands;
};

static void offer(const char *before, const char *text, const char *after, const char *word)
{
	char *whole = xasprintf("%s%s%s", before, text, after);

	if (strncmp(whole, word, strlen(word)) == 0)
		puts(whole);
	free(whole);
}

static void offer_all(const char *const *texts, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		offer("", texts[i], "", word);
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

/* ---- what there is ----------------------------------------------------------------- */

static void topologies(const char *word)
{
	char **names = home_names(NULL);

	for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
		offer("", names[i], "", word);
		free(names[i]);
	}
	free(names);
}

/* definition gives that of the topology NAME, or NULL. */
static struct topology *definition(const char *name)
{
	struct topology *t = NULL;
	struct home h;
	char *path;

	if (name == NULL || home_open(&h, name, NULL) != HOME_OK)
		return NULL;
	path = home_file(&h, "topology.json");
	t = topology_read(path, NULL);
	free(path);
	home_close(&h);
	return t;
}

/* components of the topology NAME, AFTER behind each. */
static void components(const char *name, const char *after, const char *word)
{
	struct topology *t = definition(name);

	for (uint32_t i = 0; t != NULL && i < t->n_components; i++)
		offer("", t->components[i].id, after, word);
	topology_free(t);
}

/* streams: "split:default", once the component is there. */
static void streams(const char *name, const char *word)
{
	struct topology *t = definition(name);

	for (uint32_t i = 0; t != NULL && i < t->n_components; i++) {
		const struct component *c = &t->components[i];
		char *before = xasprintf("%s:", c->id);

		for (uint32_t k = 0; k < c->n_outputs; k++)
			offer(before, c->outputs[k].id, "", word);
		free(before);
	}
	topology_free(t);
}

/* tasks: "split.0", once the component is there. */
static void tasks(const char *name, const char *word)
{
	struct topology *t = definition(name);
	char *id = xstrndup(word, (size_t)(strrchr(word, '.') - word)), *number;
	int c = t != NULL ? topology_find(t, id) : -1;

	for (uint32_t i = 0; c >= 0 && i < t->components[c].n_tasks; i++) {
		number = xasprintf(".%u", i);
		offer(id, number, "", word);
		free(number);
	}
	free(id);
	topology_free(t);
}

/* ---- operands ---------------------------------------------------------------------- */

/* synopsis_has: the synopsis has WORD as a word of its own, other than for an option. */
static bool synopsis_has(const struct command *c, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = c->synopsis; at != NULL && (at = strstr(at, word)) != NULL; at += n)
		if ((at == c->synopsis || strchr(" [|=:", at[-1]) != NULL) && strchr(" ][.|:", at[n]) != NULL)
			return true;
	return false;
}

/* subcommands: the synopsis begins with them, in small letters: "ls|get". */
static bool subcommands(const struct before *b, const char *word)
{
	const char *at = b->command->synopsis;

	if (b->n_operands > 0 || *at < 'a' || *at > 'z')
		return false;
	for (size_t n; *at >= 'a' && *at <= 'z'; at += n + (at[n] == '|')) {
		char *name;

		n = strcspn(at, "| ");
		name = xstrndup(at, n);
		offer("", name, "", word);
		free(name);
	}
	return true;
}

/* of_topology offers what follows the name of a topology. */
static void of_topology(const struct before *b, const char *word)
{
	static const char *const others[] = { ACKER_ID, COORDINATOR_ID, LOGLINE_GALE, LOGLINE_OUTPUT };
	const struct command *c = b->command;
	const char *name = b->operands[0];

	if (b->n_operands == 1 && synopsis_has(c, "COMPONENT")) {
		components(name, "", word);
		if (c->run == cmd_tap && strchr(word, ':') != NULL)
			streams(name, word);
		if (c->run == cmd_logs && strchr(word, '.') != NULL)
			tasks(name, word);
		if (c->run == cmd_logs)
			offer_all(others, sizeof others / sizeof *others, word);
	}
	if (synopsis_has(c, "LEVEL"))
		offer_all(config_log_levels, N_LOG_LEVELS, word);
}

/* of_state offers what follows "gale state WHAT": a topology or a directory, then a component. */
static void of_state(const struct before *b, const char *word)
{
	if (b->n_operands == 1)
		topologies(word);
	else if (b->n_operands == 2)
		components(b->operands[1], "", word);
	puts("FILES");
}

static void operand(const struct before *b, const char *word)
{
	const struct command *c = b->command;
	bool file = synopsis_has(c, "FILE") && !b->resumes;

	if (subcommands(b, word) || b->n_operands == OPERANDS)
		return;
	if (c->run == cmd_help)
		commands(word);
	else if (c->run == cmd_state)
		of_state(b, word);
	else if (b->n_operands > 0 && !file)
		of_topology(b, word);
	else if (synopsis_has(c, "NAME") && (!file || c->run == cmd_graph) && b->n_operands == 0)
		topologies(word);
	if (file)
		puts("FILES");
}

/* ---- arguments of options ---------------------------------------------------------- */

static void argument(const struct before *b, const char *word)
{
	static const char *const formats[] = { "ascii", "dot" };
	const char *wanted = b->pending->argument;

	if (strcmp(wanted, "COMPONENT=N") == 0)
		components(b->operands[0], "=", word);
	else if (strcmp(wanted, "LEVEL") == 0)
		offer_all(config_log_levels, N_LOG_LEVELS, word);
	else if (strcmp(wanted, "WINDOW") == 0)
		offer_all(metrics_window_names, N_WINDOWS, word);
	else if (strcmp(wanted, "FORMAT") == 0)
		offer_all(formats, sizeof formats / sizeof *formats, word);
	else if (strcmp(wanted, "NAME") == 0)
		topologies(word);
	else if (strcmp(wanted, "FILE") == 0 || strcmp(wanted, "DIR") == 0 || strcmp(wanted, "NAME=VALUE") == 0)
		puts("FILES");
}

/* ---- the line ---------------------------------------------------------------------- */

static const struct command_option *option_of(const struct command *c, const char *word)
{
	for (const struct command_option *o = c->options; o != NULL && o->name != NULL; o++)
		if ((strncmp(word, "--", 2) == 0 && strcmp(word + 2, o->name) == 0) ||
		    (word[0] == '-' && word[1] == o->letter && o->letter != 0 && word[2] == '\0'))
			return o;
	return NULL;
}

static void read_before(struct before *b, int n, char **words)
{
	for (int i = 0; i < n; i++) {
		const struct command_option *o = option_of(b->command, words[i]);

		b->resumes |= o != NULL && strcmp(o->name, "resume") == 0;
		if (o != NULL && o->argument != NULL && ++i == n)
			b->pending = o;
		else if (o == NULL && words[i][0] != '-' && b->n_operands < OPERANDS)
			b->operands[b->n_operands++] = words[i];
	}
}

int cmd_complete(const struct command_line *line)
{
	struct before b = { .command = line->argc > 2 ? command_find(line->argv[1]) : NULL };
	const char *word = line->argc > 1 ? line->argv[line->argc - 1] : "";

	if (line->argc <= 2)
		commands(word);
	if (b.command == NULL || b.command->hidden)
		return EXIT_DONE;
	read_before(&b, line->argc - 3, line->argv + 2);
	if (b.pending != NULL)
		argument(&b, word);
	else if (word[0] == '-')
		options(b.command, word);
	else
		operand(&b, word);
	return EXIT_DONE;
}
