/* command.c - see command.h: from the command line to a command, and help from the table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "nearest.h"
#include "rundir.h"

/* getopt_long answers with these for the options of the table, by their place in it. */
enum { FIRST_OPTION = 256, MAX_OPTIONS = 32 };

static const struct command_option help_option = { "help", 'h', NULL, false, "show this help" };

void command_say(const char *format, ...)
{
	va_list args;

	fputs("gale: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

bool command_has(const struct command_line *line, const char *name)
{
	for (size_t i = 0; i < line->n_given; i++)
		if (strcmp(line->given[i].option->name, name) == 0)
			return true;
	return false;
}

const char *command_value(const struct command_line *line, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < line->n_given; i++)
		if (strcmp(line->given[i].option->name, name) == 0)
			value = line->given[i].value;
	return value;
}

bool command_wait_ms(const struct command_line *line, uint32_t *ms)
{
	const char *given = command_value(line, "wait");
	double seconds;
	char *end;

	if (given == NULL)
		return true;
	seconds = strtod(given, &end);
	if (end == given || *end != '\0' || !(seconds >= 0 && seconds <= 1e6)) {
		command_say("-w takes a number of seconds, not \"%s\"", given);
		return false;
	}
	*ms = (uint32_t)(seconds * 1000);
	return true;
}

/* ---- options ---------------------------------------------------------------------- */

/* The table of one command in getopt_long's two forms. */
struct forms {
	const struct command_option *rows[MAX_OPTIONS];
	struct option longs[MAX_OPTIONS + 1];
	char shorts[3 * MAX_OPTIONS + 2];
	int n;
};

static void add_form(struct forms *f, const struct command_option *o)
{
	char letter[4] = { o->letter, o->argument != NULL ? ':' : '\0', '\0' };

	f->rows[f->n] = o;
	f->longs[f->n] = (struct option){
		.name = o->name, .has_arg = o->argument != NULL ? required_argument : no_argument,
		.val = FIRST_OPTION + f->n,
	};
	f->n++;
	if (o->letter != 0)
		strcat(f->shorts, letter);
}

static void make_forms(const struct command *c, struct forms *f)
{
	*f = (struct forms){ .shorts = ":" };	/* ":" first: a missing argument is told apart */
	for (const struct command_option *o = c->options;
	    o->name != NULL && f->n < MAX_OPTIONS - 1; o++)
		add_form(f, o);
	add_form(f, &help_option);
}

/* unknown_option reports what getopt did not know, in the words of the user. */
static int unknown_option(const struct command *c, const struct forms *f, const char *text)
{
	char name[80] = "";
	struct nearest near;

	snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
	near = nearest_to(strncmp(name, "--", 2) == 0 ? name + 2 : "");
	for (int i = 0; i < f->n; i++) {
		nearest_try(&near, f->rows[i]->name);
		if (near.best == NULL && near.word[0] != '\0' &&
		    strncmp(f->rows[i]->name, near.word, strlen(near.word)) == 0)
			near.best = f->rows[i]->name;	/* it was abbreviated */
	}
	if (near.best != NULL)
		command_say("unknown option %s for \"gale %s\"; did you mean --%s? See \"gale "
		            "help %s\".",
		    name, c->name, near.best, c->name);
	else
		command_say("unknown option %s for \"gale %s\"; see \"gale help %s\".", name,
		    c->name, c->name);
	return EXIT_USAGE;
}

static int unknown_letter(const struct command *c, const struct forms *f, int letter)
{
	char text[] = { '-', (char)letter, '\0' };

	return unknown_option(c, f, text);
}

/* bad_option explains getopt's '?' and ':'. WORD is the argument that it stopped at. */
static int bad_option(const struct command *c, const struct forms *f, int answer, const char *word)
{
	if (answer == ':' && optopt >= FIRST_OPTION) {
		const struct command_option *o = f->rows[optopt - FIRST_OPTION];

		command_say("option --%s of \"gale %s\" needs %s", o->name, c->name, o->argument);
		return EXIT_USAGE;
	}
	if (answer == ':') {
		command_say("option -%c of \"gale %s\" needs a value", optopt, c->name);
		return EXIT_USAGE;
	}
	if (optopt >= FIRST_OPTION) {
		command_say("option --%s of \"gale %s\" takes no value",
		    f->rows[optopt - FIRST_OPTION]->name, c->name);
		return EXIT_USAGE;
	}
	return optopt != 0 ? unknown_letter(c, f, optopt) : unknown_option(c, f, word);
}

static const struct command_option *by_letter(const struct forms *f, int letter)
{
	for (int i = 0; i < f->n; i++)
		if (f->rows[i]->letter == letter)
			return f->rows[i];
	return NULL;
}

static void give(struct command_line *line, size_t *cap, const struct command_option *o)
{
	line->given = xgrow(line->given, cap, line->n_given + 1, sizeof *line->given);
	line->given[line->n_given++] = (struct command_given){ o, optarg };
}

/* is_whole tells whether the long option O was written out: getopt takes abbreviations. */
static bool is_whole(const struct command_option *o, const char *word)
{
	size_t n = strlen(o->name);

	return strncmp(word, "--", 2) == 0 && strncmp(word + 2, o->name, n) == 0 &&
	    (word[2 + n] == '\0' || word[2 + n] == '=');
}

/* read_options fills LINE in; EXIT_DONE, or what the process shall return. */
static int read_options(struct command_line *line, const struct forms *f)
{
	size_t cap = 0;
	int answer;

	opterr = 0;
	optind = 0;	/* 0: glibc begins anew, with permutation */
	while ((answer = getopt_long(line->argc, line->argv, f->shorts, f->longs, NULL)) != -1) {
		const char *word = line->argv[optind - 1];
		const struct command_option *o;

		if (answer == '?' || answer == ':')
			return bad_option(line->command, f, answer, word);
		if (answer >= FIRST_OPTION) {
			o = f->rows[answer - FIRST_OPTION];
			if (optarg != NULL && optarg == word)
				word = line->argv[optind - 2];	/* --name VALUE */
			if (!is_whole(o, word))
				return unknown_option(line->command, f, word);
		} else {
			o = by_letter(f, answer);
		}
		give(line, &cap, o);
	}
	line->operands = line->argv + optind;
	line->n_operands = line->argc - optind;
	return EXIT_DONE;
}

static int count_operands(const struct command_line *line)
{
	const struct command *c = line->command;

	if (line->n_operands < c->min_operands)
		command_say("\"gale %s\" needs more: gale %s %s", c->name, c->name, c->synopsis);
	else if (c->max_operands >= 0 && line->n_operands > c->max_operands)
		command_say("\"gale %s\" does not know what to do with \"%s\": gale %s %s",
		    c->name, line->operands[c->max_operands], c->name, c->synopsis);
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

/* ---- commands --------------------------------------------------------------------- */

static int unknown_command(const char *name)
{
	struct nearest near = nearest_to(name);

	for (const struct command *c = command_table; c->name != NULL; c++)
		if (!c->hidden)
			nearest_try(&near, c->name);
	if (near.best != NULL)
		command_say("\"%s\" is not a gale command; did you mean \"%s\"?", name, near.best);
	else
		command_say("\"%s\" is not a gale command; see \"gale help\".", name);
	return EXIT_USAGE;
}

static int run(const struct command *c, int argc, char **argv)
{
	struct command_line line = { .command = c, .argc = argc, .argv = argv };
	struct forms f;
	int code = EXIT_DONE;

	if (c->options != NULL) {
		make_forms(c, &f);
		code = read_options(&line, &f);
		if (code == EXIT_DONE && command_has(&line, "help")) {
			command_help(stdout, c);
			free(line.given);
			return EXIT_DONE;
		}
		if (code == EXIT_DONE)
			code = count_operands(&line);
	}
	if (code == EXIT_DONE && !c->hidden)
		rundir_sweep();
	if (code == EXIT_DONE)
		code = c->run(&line);
	free(line.given);
	return code;
}

int command_main(int argc, char **argv)
{
	static const struct { const char *option, *command;
	} options[] = {
		{ "--help", "help" },
		{ "-h", "help" },
		{ "--version", "version" },
		{ "-V", "version" },
	};
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *c;

	if (name == NULL) {
		command_list(stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (strcmp(name, options[i].option) == 0)
			name = options[i].command;
	c = command_find(name);
	return c != NULL ? run(c, argc - 1, argv + 1) : unknown_command(name);
}
