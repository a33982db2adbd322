/* main.c - gale: the table of its commands.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>

#include "command.h"

#ifndef PACKAGE_VERSION
#error "the build must say which version this is: -DPACKAGE_VERSION='\"...\"'"
#endif

#define DEFINE                                                                                    \
	{ "define", 'D', "NAME=VALUE", true,                                                      \
		"the value of ${NAME} in the file; else the environment's" }
#define PLUGINS	{ "plugins", 'P', "DIR", true, "look for plugins in DIR first" }
#define JSON	{ "json", 0, NULL, false, "print JSON" }

#define LISTEN                                                                                    \
	{ "listen", 0, "ADDR", false,                                                              \
		"HOST:PORT, [IPv6]:PORT or unix:PATH (127.0.0.1:8080); port 0: any that is free" }

static const struct command_option no_options[] = { { .name = NULL } };

static const struct command_option run_options[] = {
	DEFINE,
	PLUGINS,
	{ "state", 0, "DIR", false,
	    "keep in DIR how far spouts have come, and go on from there; made when missing" },
	{ "summary", 0, "FILE", false,
	    "write the run's summary to FILE as JSON, also when it fails" },
	{ "json", 0, NULL, false, "print the summary as JSON on standard output" },
	{ "quiet", 'q', NULL, false,
	    "no progress, no summary: errors and the plugins' output only" },
	{ "ui", 0, NULL, false, "serve the page of this run, REST and metrics, while it lasts" },
	LISTEN,
	{ .name = NULL },
};

static const struct command_option submit_options[] = {
	DEFINE,
	PLUGINS,
	{ "name", 0, "NAME", false, "what the topology is called; else as the file says" },
	{ "wait", 0, NULL, false, "return when all workers are ready and the spouts are active" },
	{ "inactive", 0, NULL, false, "the spouts wait for \"gale activate\"" },
	{ "replace", 0, NULL, false,
	    "drain the topology of that name first and go on from its state; when the new one does not start, "
	    "go back to the old one" },
	{ "resume", 0, NULL, false, "start NAME, which is DEAD or FAILED, again from its state" },
	{ .name = NULL },
};

static const struct command_option kill_options[] = {
	{ "wait", 'w', "SECS", false, "drain for SECS at most; else for the message timeout" },
	{ "now", 0, NULL, false, "do not drain" },
	{ "yes", 'y', NULL, false, "do not ask" },
	{ .name = NULL },
};

static const struct command_option rebalance_options[] = {
	{ "executors", 'e', "COMPONENT=N", true, "so many executors (processes) for COMPONENT" },
	{ "wait", 'w', "SECS", false,
	    "pause for what is open for SECS at most (0.5; 10 without ackers); what is open then comes again "
	    "(without ackers: is lost)" },
	{ "dry-run", 0, NULL, false, "only tell what would move" },
	{ .name = NULL },
};

static const struct command_option logs_options[] = {
	{ "follow", 'f', NULL, false, "go on with what comes, until the topology has ended" },
	{ "lines", 'n', "N", false, "only the last N lines of those that are there" },
	{ "level", 0, "LEVEL", false, "only lines of this level and worse: error, warn, info or debug" },
	{ "since", 0, "WHEN", false, "only lines since then: 90s, 5m, 2h, 1d ago, or 2026-11-21T16:43 (UTC)" },
	{ "json", 0, NULL, false, "print a JSON object for each line" },
	{ .name = NULL },
};

static const struct command_option level_options[] = {
	{ "for", 0, "TIME", false, "go back to the config's level after TIME: 30s, 5m, 1h" },
	{ .name = NULL },
};

static const struct command_option json_options[] = { JSON, { .name = NULL } };

static const struct command_option list_options[] = { JSON, { .name = NULL } };

static const struct command_option status_options[] = {
	JSON,
	{ "window", 0, "WINDOW", false,
	    "rates and latencies of the last 1m (the default), 10m, 3h, 1d, or all" },
	{ .name = NULL },
};

static const struct command_option top_options[] = {
	{ "batch", 'b', NULL, false, "print tables as text, for scripts and where there is no terminal" },
	{ "count", 'n', "N", false, "with --batch: end after N tables; else when the topology ends" },
	{ "interval", 'i', "SECS", false, "look every SECS seconds (0.5)" },
	{ "json", 0, NULL, false, "with --batch: print JSON objects, one on each line" },
	{ .name = NULL },
};

static const struct command_option ui_options[] = {
	LISTEN,
	{ "open", 0, NULL, false, "show it in your browser" },
	{ .name = NULL },
};

static const struct command_option lint_options[] = {
	DEFINE,
	PLUGINS,
	{ "no-plugins", 0, NULL, false, "load no code: check only what the file alone tells" },
	{ "json", 0, NULL, false, "print what was found as one JSON document on standard output" },
	{ .name = NULL },
};

static const struct command_option graph_options[] = {
	DEFINE,
	PLUGINS,
	{ "format", 'f', "FORMAT", false, "ascii (the default) or dot, for Graphviz" },
	{ .name = NULL },
};

static const struct command_option tap_options[] = {
	{ "count", 'n', "N", false, "end after N tuples" },
	{ "where", 'w', "FIELD=VALUE", false, "only tuples whose field has this value" },
	{ "json", 0, NULL, false, "print a JSON object for each tuple, a line each" },
	{ .name = NULL },
};

static const struct command_option trace_options[] = {
	{ "count", 'n', "N", false, "tell of N at most (10)" },
	JSON,
	{ .name = NULL },
};

static const struct command_option state_options[] = {
	{ "tasks", 0, "COMPONENT=N", true,
	    "import: share the keys of COMPONENT out among N tasks" },
	{ .name = NULL },
};
static const struct command_option plugin_options[] = { PLUGINS, JSON, { .name = NULL } };

const struct command command_table[] = {
	{
	    .name = "run",
	    .run = cmd_run,
	    .options = run_options,
	    .synopsis = "[OPTION]... FILE",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "run a topology here, until its input ends or Ctrl-C",
	    .examples = "  gale run topologies/2-wordcount.json -D input=book.txt -D "
	                "output=counts.tsv\n"
	                "  gale run t.json --summary result.json\n"
	                "  gale run t.json --state /var/lib/t\n"
	                "  gale run t.json --ui\n",
	},
	{
	    .name = "submit",
	    .run = cmd_submit,
	    .options = submit_options,
	    .synopsis = "[OPTION]... FILE | --resume NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "start a topology that goes on by itself",
	    .examples = "  gale submit topologies/2-wordcount.json --name words -D input=book.txt -D "
	                "output=counts.tsv\n"
	                "  gale submit t.json --wait\n"
	                "  gale submit t.json --replace\n",
	},
	{
	    .name = "list",
	    .run = cmd_list,
	    .options = list_options,
	    .synopsis = "[--json]",
	    .min_operands = 0,
	    .max_operands = 0,
	    .doc = "tell which topologies there are",
	},
	{
	    .name = "status",
	    .run = cmd_status,
	    .options = status_options,
	    .synopsis = "[OPTION]... NAME [COMPONENT]",
	    .min_operands = 1,
	    .max_operands = 2,
	    .doc = "tell how a topology does: numbers, bottleneck, advice",
	    .examples = "  gale status words\n"
	                "  gale status words count --window 10m\n"
	                "  gale status words --json\n",
	},
	{
	    .name = "top",
	    .run = cmd_top,
	    .options = top_options,
	    .synopsis = "[OPTION]... [NAME]",
	    .min_operands = 0,
	    .max_operands = 1,
	    .doc = "watch topologies, or the components of one, live",
	    .examples = "  gale top\n"
	                "  gale top words\n"
	                "  gale top --batch -n 3 -i 2 words\n"
	                "  gale top --batch --json words | jq .ackedPerSecond\n",
	},
	{
	    .name = "ui",
	    .run = cmd_ui,
	    .options = ui_options,
	    .synopsis = "[OPTION]...",
	    .min_operands = 0,
	    .max_operands = 0,
	    .doc = "serve the page, REST and metrics of all topologies",
	    .examples = "  gale ui --open\n"
	                "  gale ui --listen 127.0.0.1:9000\n"
	                "  gale ui --listen unix:$XDG_RUNTIME_DIR/gale-ui.sock\n",
	},
	{
	    .name = "activate",
	    .run = cmd_activate,
	    .options = no_options,
	    .synopsis = "NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "let the spouts of a topology emit",
	},
	{
	    .name = "deactivate",
	    .run = cmd_deactivate,
	    .options = no_options,
	    .synopsis = "NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "let the spouts of a topology pause; what is open is worked off",
	},
	{
	    .name = "restart",
	    .run = cmd_restart,
	    .options = no_options,
	    .synopsis = "NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "drain a topology and start it again from its state",
	},
	{
	    .name = "rebalance",
	    .run = cmd_rebalance,
	    .options = rebalance_options,
	    .synopsis = "[OPTION]... NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "change how many executors the components of a running topology have",
	    .examples = "  gale rebalance words -e count=4\n"
	                "  gale rebalance words -e split=2 -e count=1 --dry-run\n",
	},
	{
	    .name = "tap",
	    .run = cmd_tap,
	    .options = tap_options,
	    .synopsis = "[OPTION]... NAME COMPONENT[:STREAM]",
	    .min_operands = 2,
	    .max_operands = 2,
	    .doc = "show tuples that a component emits, while it does",
	    .examples = "  gale tap words split -n 10\n"
	                "  gale tap words split:default --where word=whale --json\n",
	},
	{
	    .name = "trace",
	    .run = cmd_trace,
	    .options = trace_options,
	    .synopsis = "[OPTION]... NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "tell what has been open for longest, and who acked last",
	    .examples = "  gale trace words\n"
	                "  gale trace words -n 100 --json\n",
	},
	{
	    .name = "kill",
	    .run = cmd_kill,
	    .options = kill_options,
	    .synopsis = "[OPTION]... NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "drain a topology, stop it, and forget it; its state stays",
	    .examples = "  gale kill words\n"
	                "  gale kill words -w 5\n"
	                "  gale kill words --now -y\n",
	},
	{
	    .name = "logs",
	    .run = cmd_logs,
	    .options = logs_options,
	    .synopsis = "[OPTION]... NAME [COMPONENT[.TASK]]",
	    .min_operands = 1,
	    .max_operands = 2,
	    .doc = "show what a submitted topology and its workers have said",
	    .examples = "  gale logs words\n"
	                "  gale logs words count.2 -f\n"
	                "  gale logs words --level warn --since 5m\n",
	},
	{
	    .name = "errors",
	    .run = cmd_errors,
	    .options = json_options,
	    .synopsis = "[OPTION]... NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "tell what went wrong in a submitted topology, how often, and when last",
	},
	{
	    .name = "set-log-level",
	    .run = cmd_set_log_level,
	    .options = level_options,
	    .synopsis = "[OPTION]... NAME [COMPONENT] LEVEL",
	    .min_operands = 2,
	    .max_operands = 3,
	    .doc = "say which lines of plugins get into the log: error, warn, info, debug",
	    .examples = "  gale set-log-level words split debug --for 30s\n",
	},
	{
	    .name = "doctor",
	    .run = cmd_doctor,
	    .options = json_options,
	    .synopsis = "[OPTION]...",
	    .min_operands = 0,
	    .max_operands = 0,
	    .doc = "tell whether this machine is fit for gale, and what helps",
	},
	{
	    .name = "lint",
	    .run = cmd_lint,
	    .options = lint_options,
	    .synopsis = "[OPTION]... FILE...",
	    .min_operands = 1,
	    .max_operands = -1,
	    .doc = "check topology files, plugins and all, without starting anything",
	    .examples = "  gale lint t.json\n"
	                "  gale lint --no-plugins from-a-stranger.json\n",
	},
	{
	    .name = "graph",
	    .run = cmd_graph,
	    .options = graph_options,
	    .synopsis = "[OPTION]... FILE|NAME",
	    .min_operands = 1,
	    .max_operands = 1,
	    .doc = "draw a topology; one that runs with its rates",
	    .examples = "  gale graph t.json\n"
	                "  gale graph words\n"
	                "  gale graph --format dot t.json | dot -Tsvg > t.svg\n",
	},
	{
	    .name = "plugin",
	    .run = cmd_plugin,
	    .options = plugin_options,
	    .synopsis = "info [OPTION]... FILE.so|NAME",
	    .min_operands = 2,
	    .max_operands = 2,
	    .doc = "tell what a plugin holds: components, properties, fields",
	    .examples = "  gale plugin info lines\n"
	                "  gale plugin info ./mine.so --json\n",
	},
	{
	    .name = "state",
	    .run = cmd_state,
	    .options = state_options,
	    .synopsis = "ls|get|dump|verify|export|import ARGUMENT...",
	    .min_operands = 1,
	    .max_operands = 4,
	    .doc = "look at the state of a topology, check it, move it",
	    .examples = "  gale state ls /var/lib/t\n"
	                "  gale state get /var/lib/t tally word\n"
	                "  gale state dump /var/lib/t tally.0\n"
	                "  gale state verify /var/lib/t\n"
	                "  gale state export /var/lib/t backup.jsonl\n"
	                "  gale state import backup.jsonl /var/lib/t2 --tasks tally=8\n",
	},
	{
	    .name = "help",
	    .run = cmd_help,
	    .options = no_options,
	    .synopsis = "[COMMAND]",
	    .min_operands = 0,
	    .max_operands = 1,
	    .doc = "tell about a command",
	},
	{
	    .name = "version",
	    .run = cmd_version,
	    .options = no_options,
	    .synopsis = "",
	    .min_operands = 0,
	    .max_operands = 0,
	    .doc = "tell which gale this is",
	},
	{ .name = "worker",
	    .run = cmd_worker,
	    .hidden = true,
	    .doc = "one worker process, started by its supervisor" },
	{ .name = "supervise",
	    .run = cmd_supervise,
	    .hidden = true,
	    .doc = "the supervisor of a submitted topology, started by submit" },
	{ .name = "complete",
	    .run = cmd_complete,
	    .hidden = true,
	    .doc = "what a word may become, for the shell's completion" },
	{ .name = NULL },
};

int cmd_help(const struct command_line *line)
{
	const struct command *c;

	if (line->n_operands == 0) {
		command_list(stdout);
		return EXIT_DONE;
	}
	c = command_find(line->operands[0]);
	if (c == NULL || c->hidden) {
		command_say("there is no command \"%s\" to tell about", line->operands[0]);
		return EXIT_USAGE;
	}
	command_help(stdout, c);
	return EXIT_DONE;
}

int cmd_version(const struct command_line *line)
{
	(void)line;
	printf("gale %s (plugin interface %u)\n", PACKAGE_VERSION, GALE_ABI);
	return EXIT_DONE;
}

int main(int argc, char **argv)
{
	return command_main(argc, argv);
}
