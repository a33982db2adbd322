/* cmd_status.c - gale status: how a topology does. SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ask.h"
#include "command.h"
#include "nearest.h"
#include "show.h"

/* say_no_component says that S has none of that NAME, and which is the nearest. */
static void say_no_component(const struct survey *s, const char *name)
{
	struct nearest near = nearest_to(name);

	for (uint32_t c = 0; s->m != NULL && c < metrics_components(s->m); c++)
		nearest_try(&near, metrics_id(s->m, c));
	for (uint32_t c = 0; s->definition != NULL && c < s->definition->n_components; c++)
		nearest_try(&near, s->definition->components[c].id);
	command_say("%s has no component \"%s\"%s%s", s->home.name, name, near.n > 0 ? "; " : "",
	    near.n > 0 ? nearest_help(&near) : "");
}

static int show(const struct command_line *line, const struct survey *s)
{
	const char *component = line->n_operands > 1 ? line->operands[1] : NULL;
	struct buf out = { 0 };

	if (component != NULL && !show_has(s, component)) {
		say_no_component(s, component);
		return EXIT_NOT_FOUND;
	}
	if (command_has(line, "json"))
		show_status_json(&out, s, component);
	else
		show_status_text(&out, s, component);
	fwrite(out.data, 1, out.n, stdout);
	buf_free(&out);
	return EXIT_DONE;
}

int cmd_status(const struct command_line *line)
{
	const char *name = command_value(line, "window");
	enum metrics_window window = name != NULL ? metrics_window_find(name) : WINDOW_1M;
	struct survey s;
	struct home h;
	struct error e;
	int code;

	if (window == N_WINDOWS) {
		command_say("there is no window \"%s\": there are 1m, 10m, 3h, 1d and all", name);
		return EXIT_USAGE;
	}
	code = ask_home(line->operands[0], &h);	/* says what is wrong with the name */
	if (code != EXIT_DONE)
		return code;
	home_close(&h);
	if (survey_open(&s, line->operands[0], METRICS_ALL, window, &e) != HOME_OK) {
		command_say("%s", e.text);
		return EXIT_NOT_FOUND;
	}
	code = show(line, &s);
	survey_close(&s);
	return code;
}
