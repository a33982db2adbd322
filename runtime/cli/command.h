/* command.h - the commands of gale, and what they share.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * A command is one row of the table in main.c and one function in a file of its own
 * (cmd_NAME.c). The row says all that help, parsing and "did you mean" need, so a command
 * only asks for what it was given:
 *
 *     int cmd_lint(const struct command_line *line)
 *     {
 *             if (command_has(line, "json")) ...
 *             for (int i = 0; i < line->n_operands; i++) ... line->operands[i] ...
 *             return EXIT_DONE;
 *     }
 *
 * Options stand anywhere after the command's name, "--" ends them, and no abbreviation of
 * a long option is understood: it would become an interface by accident.
 */
#ifndef GALE_COMMAND_H
#define GALE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "exitcode.h"
#include "load.h"
#include "topology.h"

struct command_option {
	const char *name;	/* the long option, without "--" */
	char letter;		/* its short form; 0: none */
	const char *argument;	/* what follows it, as help names it; NULL: nothing */
	bool repeatable;	/* may be given several times; else the last one counts */
	const char *doc;	/* one line */
};

struct command_line;

struct command {
	const char *name;
	const char *synopsis;	/* what follows the name: "[OPTION]... FILE" */
	const char *doc;	/* one line */
	const struct command_option *options;	/* ends with one without name; NULL: the
						 * command reads argc and argv by itself */
	const char *examples;	/* lines, shown first in its help */
	int min_operands, max_operands;	/* max -1: any number */
	bool hidden;		/* not for people: no help lists it */
	int (*run)(const struct command_line *line);	/* an exit_code */
};

/* The table, in main.c; ends with a command without name. */
extern const struct command command_table[];

struct command_given {
	const struct command_option *option;
	const char *value;	/* NULL when it takes none */
};

/* What stands on the command line. All of it lives as long as the process. */
struct command_line {
	const struct command *command;
	char **operands;		/* n_operands; NULL follows */
	int n_operands;
	struct command_given *given;	/* options, in their order */
	size_t n_given;
	int argc;			/* the command's own: argv[0] is its name */
	char **argv;
};

/* command_has tells whether the option NAME is given; command_value gives its (last)
 * value, or NULL. */
bool command_has(const struct command_line *line, const char *name);
const char *command_value(const struct command_line *line, const char *name);

/* command_wait_ms reads -w into *MS, if it is given; false: it is no number of seconds, and that has been
 * said. */
bool command_wait_ms(const struct command_line *line, uint32_t *ms);

/* command_load reads and checks FILE with the line's -D and -P, prints what there is to say
 * of it to standard error, and returns the topology; NULL with *CODE set to what the command
 * shall return. Free it with topology_free. */
struct topology *command_load(const struct command_line *line, const char *file, int *code);

/* Its parts, for commands that take several files: command_load_options fills O from the
 * line's -D, -P and --no-plugins, EXIT_DONE or EXIT_USAGE, to be freed in both cases;
 * command_has_file tells whether there is a FILE, and says so if not; command_unused tells
 * of a -D that no file asked for, and says so. */
int command_load_options(const struct command_line *line, struct load_options *o);
void command_free_load_options(struct load_options *o);
bool command_has_file(const char *file);
bool command_unused(const struct load_options *o);

/* command_say writes "gale: TEXT" as one line to standard error. */
void command_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* command_main finds the command, reads its options and runs it; main() is this and the
 * sweep of what dead runs left behind. */
int command_main(int argc, char **argv);

/* Help, from the table: command_list the commands, in short; command_help one of them.
 * command_find gives the command of that NAME, or NULL. */
void command_list(FILE *out);
void command_help(FILE *out, const struct command *c);
const struct command *command_find(const char *name);

/* The commands. */
int cmd_list(const struct command_line *line);
int cmd_status(const struct command_line *line);
int cmd_top(const struct command_line *line);
int cmd_ui(const struct command_line *line);
int cmd_run(const struct command_line *line);
int cmd_submit(const struct command_line *line);
int cmd_restart(const struct command_line *line);
int cmd_activate(const struct command_line *line);
int cmd_deactivate(const struct command_line *line);
int cmd_rebalance(const struct command_line *line);
int cmd_kill(const struct command_line *line);
int cmd_logs(const struct command_line *line);
int cmd_errors(const struct command_line *line);
int cmd_set_log_level(const struct command_line *line);
int cmd_doctor(const struct command_line *line);
int cmd_logs(const struct command_line *line);
int cmd_errors(const struct command_line *line);
int cmd_lint(const struct command_line *line);
int cmd_graph(const struct command_line *line);
int cmd_plugin(const struct command_line *line);
int cmd_state(const struct command_line *line);
int cmd_tap(const struct command_line *line);
int cmd_trace(const struct command_line *line);
int cmd_help(const struct command_line *line);
int cmd_version(const struct command_line *line);
int cmd_worker(const struct command_line *line);	/* hidden: one worker process; its
							 * arguments are its own business */
int cmd_supervise(const struct command_line *line);	/* hidden: the same, a supervisor */
int cmd_complete(const struct command_line *line);	/* hidden: for the shell's completion */

#endif
