/* cmd_lint.c - gale lint: check topology files.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "command.h"

/* The whole of one lint. */
struct lint {
	const struct load_options *options;
	bool json;
	struct buf out;		/* the JSON so far */
	int n_files;
	size_t n_errors, n_warnings;
	int code;
};

static void worse(struct lint *l, int code)
{
	if (l->code == EXIT_DONE)
		l->code = code;
}

static void add_json(
    struct lint *l, const char *file, const struct topology *t, struct diagnostics *d)
{
	buf_puts(&l->out, l->n_files > 0 ? ",{\"file\":" : "{\"file\":");
	buf_json_string(&l->out, file, strlen(file));
	buf_printf(&l->out, ",\"ok\":%s", t != NULL ? "true" : "false");
	if (t != NULL)
		buf_printf(&l->out, ",\"components\":%u,\"streams\":%u", t->n_components,
		    t->n_subscriptions);
	buf_puts(&l->out, ",\"diagnostics\":");
	diag_json(d, &l->out);
	buf_puts(&l->out, "}");
}

static void plural(const char *file, uint32_t components, uint32_t streams)
{
	printf("%s: ok, %u component%s, %u stream%s\n", file, components,
	    components == 1 ? "" : "s", streams, streams == 1 ? "" : "s");
}

static void one_file(struct lint *l, const char *file)
{
	struct diagnostics d = { 0 };
	struct topology *t;

	if (!command_has_file(file)) {
		worse(l, EXIT_NOT_FOUND);
		return;
	}
	t = load_topology(file, l->options, &d);
	if (l->json)
		add_json(l, file, t, &d);
	else
		diag_print(&d, stderr);
	if (t == NULL)
		worse(l, EXIT_INVALID);
	else if (!l->json)
		plural(file, t->n_components, t->n_subscriptions);
	l->n_files++;
	l->n_errors += d.n_errors;
	l->n_warnings += d.n_warnings;
	topology_free(t);
	diag_free(&d);
}

static void print_json(const struct lint *l)
{
	printf("{\"files\":[%.*s],\"errors\":%zu,\"warnings\":%zu}\n", (int)l->out.n,
	    l->out.data ? l->out.data : "", l->n_errors, l->n_warnings);
}

int cmd_lint(const struct command_line *line)
{
	struct load_options options;
	struct lint l = { .options = &options, .json = command_has(line, "json") };

	l.code = command_load_options(line, &options);
	if (l.code == EXIT_DONE) {
		for (int i = 0; i < line->n_operands; i++)
			one_file(&l, line->operands[i]);
		if (l.json)
			print_json(&l);
		/* A file in error may not have come to its ${...}. */
		if (l.code == EXIT_DONE && command_unused(&options))
			l.code = EXIT_USAGE;
	}
	command_free_load_options(&options);
	buf_free(&l.out);
	return l.code;
}
