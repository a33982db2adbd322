/* cmd_plugin.c - gale plugin info: tell what a plugin library holds.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "catalog.h"
#include "command.h"
#include "memory.h"
#include "plugin.h"

/* ---- text ------------------------------------------------------------------------- */

static void put_fields(struct buf *out, const gale_field *fields)
{
	for (size_t i = 0; fields[i].name != NULL; i++)
		buf_printf(out, "%s%s %s", i > 0 ? ", " : "", fields[i].name,
		    plugin_type_name(fields[i].type));
}

/* put_values adds what a property may be: choices or a range, and what it is otherwise. */
static void put_values(struct buf *out, const gale_prop *p)
{
	if (p->choices != NULL)
		buf_printf(out, " %s", p->choices);
	else
		buf_printf(out, " %s", plugin_prop_type_name(p->type));
	if (p->min != 0 || p->max != 0)
		buf_printf(out, " %lld..%lld", (long long)p->min, (long long)p->max);
	if (p->required)
		buf_puts(out, ", required");
	else if (p->fallback != NULL)
		buf_printf(out, ", default %s", p->fallback[0] ? p->fallback : "\"\"");
}

static void put_props(struct buf *out, const gale_prop *props)
{
	for (const gale_prop *p = props; p != NULL && p->name != NULL; p++) {
		buf_printf(out, "    %-14s", p->name);
		put_values(out, p);
		buf_printf(out, "\n%20s%s\n", "", p->doc != NULL ? p->doc : "");
	}
}

/* put_callbacks tells of those that make a difference to how a topology can use it. */
static void put_callbacks(struct buf *out, const struct catalog_component *x)
{
	const struct { const char *name; bool has; } all[] = {
		{ "resume", x->has_resume }, { "tick", x->has_tick }, { "finish", x->has_finish },
		{ "finish_batch", x->has_finish_batch }, { "publish", x->has_publish },
		{ "combine", x->declared.combine },
	};
	const char *before = "  has      ";

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!all[i].has)
			continue;
		buf_printf(out, "%s%s", before, all[i].name);
		before = ", ";
	}
	if (before[0] == ',')
		buf_puts(out, "\n");
}

static void put_component(struct buf *out, const struct catalog_component *x)
{
	const gale_component *c = &x->declared;

	buf_printf(out, "\n%s, a %s\n", c->name, plugin_kind_name(c->kind));
	if (c->doc != NULL)
		buf_printf(out, "  %s\n", c->doc);
	if (c->kind == GALE_BOLT) {
		buf_puts(out, "  reads    ");
		if (c->inputs != NULL)
			put_fields(out, c->inputs);
		else
			buf_puts(out, "any tuple");
		buf_puts(out, "\n");
	}
	put_callbacks(out, x);
	if (c->state_version != 0)
		buf_printf(out, "  keeps    state, version %u\n", c->state_version);
	if (c->outputs_from_json)
		buf_puts(out, "  emits    what \"outputs\" in the topology file says\n");
	for (const gale_stream *s = c->outputs; s != NULL && s->id != NULL; s++) {
		buf_printf(out, "  emits    %s%s: ", s->id, s->direct ? " (direct)" : "");
		put_fields(out, s->fields);
		buf_puts(out, "\n");
	}
	if (c->props != NULL && c->props->name != NULL) {
		buf_puts(out, "  properties\n");
		put_props(out, c->props);
	}
}

static void print_text(const struct catalog_library *l)
{
	struct buf out = { 0 };

	buf_printf(&out, "%s\n", l->path);
	for (size_t i = 0; i < l->n; i++)
		put_component(&out, &l->components[i]);
	fwrite(out.data, 1, out.n, stdout);
	buf_free(&out);
}

static void print_json(const struct catalog_library *l)
{
	struct buf out = { 0 };

	buf_puts(&out, "{\"library\":");
	buf_json_string(&out, l->path, strlen(l->path));
	buf_puts(&out, ",\"components\":[");
	for (size_t i = 0; i < l->n; i++) {
		const struct catalog_component *c = &l->components[i];

		buf_puts(&out, i > 0 ? "," : "");
		catalog_write(&out, c);
	}
	buf_puts(&out, "]}\n");
	fwrite(out.data, 1, out.n, stdout);
	buf_free(&out);
}

/* ---- the command ------------------------------------------------------------------ */

/* find gives the path of what the user named: a file when it looks like one, else a
 * plugin by its name. A name may carry a component, "library.Component". */
static char *find(const struct command_line *line, const char *name)
{
	struct load_options o;
	struct error e = { "" };
	char *path = NULL, *library = xstrndup(name, strcspn(name, "."));

	if (strchr(name, '/') != NULL ||
	    (strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".so") == 0)) {
		path = realpath(name, NULL);
		if (path == NULL)
			error_errno(&e, "cannot read %s", name);
	} else {
		command_load_options(line, &o);
		path = plugin_find(library, &o.path, &e);
		command_free_load_options(&o);
	}
	if (path == NULL)
		command_say("%s", e.text);
	free(library);
	return path;
}

int cmd_plugin(const struct command_line *line)
{
	struct catalog c = { 0 };
	int code = EXIT_DONE;
	char *path;

	if (strcmp(line->operands[0], "info") != 0) {
		command_say("\"gale plugin\" knows \"info\" only, not \"%s\"", line->operands[0]);
		return EXIT_USAGE;
	}
	path = find(line, line->operands[1]);
	if (path == NULL)
		return EXIT_NOT_FOUND;
	catalog_add(&c, path);
	catalog_load(&c, CATALOG_DEADLINE_MS);
	if (c.libraries[0].error != NULL) {
		command_say("%s", c.libraries[0].error);
		code = EXIT_FAILED;
	} else if (command_has(line, "json")) {
		print_json(&c.libraries[0]);
	} else {
		print_text(&c.libraries[0]);
	}
	catalog_free(&c);
	free(path);
	return code;
}
