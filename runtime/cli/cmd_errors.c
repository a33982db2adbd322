/* cmd_errors.c - gale errors: what went wrong in a topology, how often, and when last.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "command.h"
#include "errorbook.h"
#include "logreader.h"

static int read_book(struct errorbook *b, const struct home *h)
{
	struct logreader r;
	struct logline l;
	struct error e;
	int rc;

	logreader_open(&r, h->fd, "errors");
	while ((rc = logreader_next(&r, &l, &e)) > 0)
		if (l.n_label > 0)
			errorbook_add(b, &l);
	logreader_close(&r);
	if (rc == 0)
		return EXIT_DONE;
	command_say("%s", e.text);
	return EXIT_FAILED;
}

static void put_json(struct buf *out, const struct errorbook_entry *x)
{
	char first[LOGLINE_TIME], last[LOGLINE_TIME];

	logline_time(first, x->first_ms);
	logline_time(last, x->last_ms);
	buf_puts(out, "{\"component\":");
	buf_json_string(out, x->component, strlen(x->component));
	buf_puts(out, ",\"source\":");
	buf_json_string(out, x->label, strlen(x->label));
	buf_printf(out, ",\"level\":\"%s\",\"count\":%" PRIu64 ",\"firstTime\":\"%s\",\"lastTime\":\"%s\",\"text\":",
	    logline_levels[x->level], x->n, first, last);
	buf_json_string(out, x->text, strlen(x->text));
	buf_puts(out, "}");
}

static void put_all_json(struct buf *out, const struct errorbook *b, const char *name)
{
	buf_puts(out, "{\"name\":");
	buf_json_string(out, name, strlen(name));
	buf_puts(out, ",\"errors\":[");
	for (size_t i = 0; i < b->n; i++) {
		buf_puts(out, i > 0 ? "," : "");
		put_json(out, &b->entries[i]);
	}
	buf_puts(out, "]}\n");
}

static void put_all(struct buf *out, const struct errorbook *b)
{
	size_t width = strlen("COMPONENT");

	for (size_t i = 0; i < b->n; i++)
		if (strlen(b->entries[i].component) > width)
			width = strlen(b->entries[i].component);
	if (b->n > 0)
		buf_printf(out, "%-*s  %-5s  %8s  %-24s  %-24s  %s\n", (int)width, "COMPONENT", "LEVEL", "COUNT",
		    "FIRST", "LAST", "TEXT");
	for (size_t i = 0; i < b->n; i++) {
		const struct errorbook_entry *x = &b->entries[i];
		char first[LOGLINE_TIME], last[LOGLINE_TIME];

		logline_time(first, x->first_ms);
		logline_time(last, x->last_ms);
		buf_printf(out, "%-*s  %-5s  %8" PRIu64 "  %s  %s  %s\n", (int)width, x->component,
		    logline_levels[x->level], x->n, first, last, x->text);
	}
}

int cmd_errors(const struct command_line *line)
{
	struct errorbook b = { 0 };
	struct buf out = { 0 };
	struct home h;
	int code = ask_home(line->operands[0], &h);

	if (code != EXIT_DONE)
		return code;
	code = read_book(&b, &h);
	errorbook_sort(&b);
	if (command_has(line, "json"))
		put_all_json(&out, &b, line->operands[0]);
	else
		put_all(&out, &b);
	if (code == EXIT_DONE && (fwrite(buf_text(&out), 1, out.n, stdout) != out.n || fflush(stdout) != 0))
		code = EXIT_FAILED;
	if (code == EXIT_DONE && b.n == 0 && !command_has(line, "json"))
		command_say("no warnings and no errors");
	buf_free(&out);
	errorbook_free(&b);
	home_close(&h);
	return code;
}
