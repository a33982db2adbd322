/* faketopology.h - a topology made by hand, for tests that need no file and no plugin:
 *
 *     fake_topology("words", 2)  +  fake_component(...) for each component, spouts first
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_FAKETOPOLOGY_H
#define GALE_FAKETOPOLOGY_H

#include <stdlib.h>

#include "memory.h"
#include "topology.h"

static inline struct topology *fake_topology(const char *name, int64_t ackers)
{
	struct topology *t = xcalloc(1, sizeof *t);

	t->name = xstrdup(name);
	t->file = xstrdup("fake.json");
	t->config.items = xcalloc(1, sizeof *t->config.items);
	t->config.items[t->config.n++] = (struct setting){
		.key = xstrdup("topology.acker.executors"), .type = SETTING_INT, .i = ackers,
	};
	return t;
}

/* fake_transactional makes T transactional and gives it back. */
static inline struct topology *fake_transactional(struct topology *t)
{
	t->transaction.id = xstrdup("tx");
	return t;
}

/* fake_chaining sets topology.chaining of component C, or where C is UINT32_MAX of T. */
static inline void fake_chaining(struct topology *t, uint32_t c, const char *value)
{
	struct settings *s = c == UINT32_MAX ? &t->config : &t->components[c].config;

	s->items = xrealloc(s->items, (s->n + 1) * sizeof *s->items);
	s->items[s->n++] = (struct setting){
		.key = xstrdup("topology.chaining"), .type = SETTING_STRING, .s = xstrdup(value),
	};
}

/* Field arrays end with a field without name. */
static inline gale_field *fake_fields(const char *name)
{
	gale_field *fields = xcalloc(2, sizeof *fields);

	fields[0] = (gale_field){ xstrdup(name), GALE_STRING };
	return fields;
}

static inline void fake_component(struct topology *t, gale_kind kind, const char *id,
    uint32_t parallelism, uint32_t n_tasks)
{
	struct component *c;

	t->components = xrealloc(t->components, (t->n_components + 1) * sizeof *c);
	c = &t->components[t->n_components++];
	*c = (struct component){
		.id = xstrdup(id), .kind = kind, .parallelism = parallelism, .n_tasks = n_tasks,
		.part = { .class_name = xstrdup(id), .library = xstrdup("/dev/null"),
			.component = xstrdup(id) },
	};
	if (kind == GALE_SPOUT)
		t->n_spouts++;
	c->n_outputs = kind == GALE_SPOUT ? 2 : 1;
	c->outputs = xcalloc(c->n_outputs, sizeof *c->outputs);
	c->outputs[0] = (struct stream){ .id = xstrdup("default"), .fields = fake_fields("word"),
		.n_fields = 1 };
	if (kind == GALE_SPOUT)
		c->outputs[1] = (struct stream){ .id = xstrdup(DEAD_LETTER_STREAM),
			.fields = fake_fields("why"), .n_fields = 1 };
	c->takes_any = kind == GALE_BOLT;
}

/* fake_stream: component TO subscribes to component FROM. */
static inline void fake_stream(struct topology *t, uint32_t from, uint32_t to)
{
	struct subscription *s;

	t->subscriptions = xrealloc(t->subscriptions, (t->n_subscriptions + 1) * sizeof *s);
	s = &t->subscriptions[t->n_subscriptions++];
	*s = (struct subscription){ .from = from, .to = to };
}

/* fake_words: lines (1 worker) -> split (PARALLELISM) -> sink (1). */
static inline struct topology *fake_words(uint32_t parallelism, int64_t ackers)
{
	struct topology *t = fake_topology("words", ackers);

	fake_component(t, GALE_SPOUT, "lines", 1, 1);
	fake_component(t, GALE_BOLT, "split", parallelism, parallelism);
	fake_component(t, GALE_BOLT, "sink", 1, 1);
	return t;
}

#endif
