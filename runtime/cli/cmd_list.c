/* cmd_list.c - gale list: which topologies there are. SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "command.h"
#include "memory.h"
#include "show.h"

static void print(const struct command_line *line, const struct survey *surveys, size_t n)
{
	struct buf out = { 0 };

	if (command_has(line, "json"))
		show_list_json(&out, surveys, n);
	else if (n > 0)
		show_list_text(&out, surveys, n);
	fwrite(buf_text(&out), 1, out.n, stdout);
	buf_free(&out);
	if (n == 0)
		command_say("no topology is there; start one: gale submit FILE");
}

/* One that goes while we look is not there any more. */
int cmd_list(const struct command_line *line)
{
	struct error e;
	char **names = home_names(&e);
	struct survey *surveys;
	size_t n = 0, n_names = 0;

	if (names == NULL) {
		command_say("%s", e.text);
		return EXIT_FAILED;
	}
	while (names[n_names] != NULL)
		n_names++;
	surveys = xcalloc(n_names + 1, sizeof *surveys);
	for (size_t i = 0; i < n_names; i++) {
		enum home_result rc = survey_open(&surveys[n], names[i], METRICS_WINDOW, WINDOW_1M, &e);

		if (rc == HOME_OK)
			n++;
		else if (rc != HOME_NONE)
			command_say("%s", e.text);
		free(names[i]);
	}
	free(names);
	print(line, surveys, n);
	for (size_t i = 0; i < n; i++)
		survey_close(&surveys[i]);
	free(surveys);
	return EXIT_DONE;
}
