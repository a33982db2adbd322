/* report.c - see report.h. SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "memory.h"

#define DEAD_LETTER_KEY "topology.dead.letter.file"

/* When this process began: constructors run before main. */
static uint64_t exec_ns;

static void __attribute__((constructor)) note_exec(void)
{
	exec_ns = clock_now_ns();
}

const char *report_dead_letters(struct topology *t, const char *file)
{
	struct setting *given = NULL;

	for (size_t i = 0; i < t->config.n && given == NULL; i++)
		if (strcmp(t->config.items[i].key, DEAD_LETTER_KEY) == 0)
			given = &t->config.items[i];
	if (given != NULL && given->type == SETTING_STRING)
		return given->s;
	if (given == NULL) {
		t->config.items = xrealloc(t->config.items, (t->config.n + 1) * sizeof *t->config.items);
		given = &t->config.items[t->config.n++];
		*given = (struct setting){ .key = xstrdup(DEAD_LETTER_KEY) };
	}
	given->type = SETTING_STRING;
	given->s = xstrdup(file);
	return given->s;
}

/* went_to_file: some dead letters had no subscriber: a spout's without one, or those of a
 * bolt's finish. */
static bool went_to_file(const struct topology *t, const struct summary *s)
{
	for (uint32_t c = 0; c < t->n_components; c++) {
		bool subscribed = false;

		for (uint32_t i = 0; c < t->n_spouts && i < t->n_subscriptions; i++)
			subscribed |= t->subscriptions[i].from == c &&
			    t->subscriptions[i].stream == t->components[c].n_outputs - 1;
		if (!subscribed && s->components[c].sum.dead_lettered > 0)
			return true;
	}
	return false;
}

struct summary_end report_end(const struct topology *t, const struct run_result *r, const char *dead_letters)
{
	return (struct summary_end){
		.exit = r->exit,
		.error = r->error.text[0] ? r->error.text : NULL,
		.dead_letter_file = went_to_file(t, r->summary) ? dead_letters : NULL,
		.exec_ns = exec_ns,
		.now_ns = clock_now_ns(),
	};
}
