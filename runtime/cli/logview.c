/* logview.c - see logview.h. SPDX-License-Identifier: Apache-2.0 */
#include "logview.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "memory.h"
#include "nearest.h"
#include "plan.h"

static const char *const others[] = { ACKER_ID, COORDINATOR_ID, LOGLINE_GALE, LOGLINE_OUTPUT, NULL };

struct topology *logview_topology(const struct home *h)
{
	char *path = home_file(h, "topology.json");
	struct topology *t = topology_read(path, NULL);

	free(path);
	return t;
}

bool logview_component(const struct topology *t, const char *name, const char *const *also)
{
	struct nearest near = nearest_to(name);
	const char *help;

	for (uint32_t i = 0; t != NULL && i < t->n_components; i++) {
		if (strcmp(t->components[i].id, name) == 0)
			return true;
		nearest_try(&near, t->components[i].id);
	}
	for (; *also != NULL; also++)
		if (strcmp(*also, name) == 0)
			return true;
	help = nearest_help(&near);
	command_say("there is no component \"%s\" in this topology%s%s", name, *help ? "; " : "", help);
	return false;
}

/* split_task cuts WORD before ".3" or "[3]" at its end and gives the 3; UINT32_MAX: it has none. */
static uint32_t split_task(char *word)
{
	size_t n = strlen(word), end = n;
	uint32_t task;

	if (n > 0 && word[n - 1] == ']')
		end--;
	n = end;
	while (n > 0 && isdigit((unsigned char)word[n - 1]))
		n--;
	if (n < 2 || n == end || end - n > 9 || word[n - 1] != (word[end] == ']' ? '[' : '.'))
		return UINT32_MAX;
	task = (uint32_t)strtoul(word + n, NULL, 10);
	word[n - 1] = '\0';
	return task;
}

static int has_task(const struct topology *t, const struct logwho *who)
{
	int c = t != NULL ? topology_find(t, who->component) : -1;

	if (who->task == UINT32_MAX || c < 0 || who->task < t->components[c].n_tasks)
		return EXIT_DONE;
	command_say("\"%s\" has no task %u: it has %u, counted from 0", who->component, who->task,
	    t->components[c].n_tasks);
	return EXIT_NOT_FOUND;
}

int logview_who(struct logwho *who, const struct home *h, const char *word)
{
	struct topology *t;
	int code = EXIT_DONE;

	*who = (struct logwho){ .task = UINT32_MAX };
	if (word == NULL)
		return EXIT_DONE;
	t = logview_topology(h);
	who->component = xstrdup(word);
	/* A component's name may end like a task's. */
	if (t == NULL || topology_find(t, word) < 0)
		who->task = split_task(who->component);
	code = logview_component(t, who->component, others) ? has_task(t, who) : EXIT_NOT_FOUND;
	topology_free(t);
	return code;
}
