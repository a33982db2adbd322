/* topology.c - see topology.h: freeing, looking up. How it is saved is in topology_file.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "topology.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "config.h"

const char *const topology_grouping_names[N_GROUPINGS] = {
	[GROUPING_SHUFFLE] = "SHUFFLE",
	[GROUPING_FIELDS] = "FIELDS",
	[GROUPING_PARTIAL_KEY] = "PARTIAL_KEY",
	[GROUPING_ALL] = "ALL",
	[GROUPING_GLOBAL] = "GLOBAL",
	[GROUPING_DIRECT] = "DIRECT",
	[GROUPING_LOCAL_OR_SHUFFLE] = "LOCAL_OR_SHUFFLE",
	[GROUPING_NONE] = "NONE",
	[GROUPING_CUSTOM] = "CUSTOM",
};

/* ---- freeing ---------------------------------------------------------------------- */

static void free_settings(struct settings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->items[i].key);
		free(all->items[i].s);
	}
	free(all->items);
}

static void free_part(struct part *p)
{
	free(p->class_name);
	free(p->library);
	free(p->component);
	free_settings(&p->properties);
}

static void free_fields(gale_field *fields, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free((char *)(uintptr_t)fields[i].name); /* const for the plugins, ours to free */
	free(fields);
}

static void free_component(struct component *c)
{
	free(c->id);
	free_part(&c->part);
	free_settings(&c->config);
	for (uint32_t i = 0; i < c->n_outputs; i++) {
		free(c->outputs[i].id);
		free_fields(c->outputs[i].fields, c->outputs[i].n_fields);
	}
	free(c->outputs);
	free_fields(c->inputs, c->n_inputs);
}

void topology_free(struct topology *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->n_components; i++)
		free_component(&t->components[i]);
	for (uint32_t i = 0; i < t->n_subscriptions; i++) {
		free(t->subscriptions[i].fields);
		free_part(&t->subscriptions[i].custom);
	}
	free_settings(&t->config);
	free(t->components);
	free(t->subscriptions);
	free(t->layout);
	free(t->transaction.id);
	free(t->name);
	free(t->file);
	free(t);
}

void topology_lay_out(struct topology *t, struct topology *from)
{
	assert(t->n_components == from->n_components);
	for (uint32_t i = 0; i < t->n_components; i++)
		t->components[i].parallelism = from->components[i].parallelism;
	free(t->layout);
	t->layout = from->layout;
	t->n_layout = from->n_layout;
	from->layout = NULL;
	from->n_layout = 0;
}

/* ---- looking up ------------------------------------------------------------------- */

int topology_find(const struct topology *t, const char *id)
{
	for (uint32_t i = 0; i < t->n_components; i++)
		if (t->components[i].id != NULL && strcmp(t->components[i].id, id) == 0)
			return (int)i;
	return -1;
}

char **topology_library(const struct topology *t, uint32_t i)
{
	if (i < t->n_components)
		return &t->components[i].part.library;
	i -= t->n_components;
	return i < t->n_subscriptions ? &t->subscriptions[i].custom.library : NULL;
}

static const struct setting *find_setting(const struct settings *all, const char *key)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i].key, key) == 0)
			return all->items[i].type == SETTING_NULL ? NULL : &all->items[i];
	return NULL;
}

/* default_setting gives the fallback in config's table as a setting. They are made at the
 * first question for each and stay. */
static const struct setting *default_setting(const struct config_key *key)
{
	static struct setting made[CONFIG_N_KEYS];
	struct setting *s = &made[key - config_keys];

	if (key->fallback == NULL)
		return NULL;
	switch (key->type) {
	case CONFIG_BOOL:
		s->type = SETTING_BOOL;
		s->b = strcmp(key->fallback, "true") == 0;
		break;
	case CONFIG_INT:
		s->type = SETTING_INT;
		s->i = strtoll(key->fallback, NULL, 10);
		break;
	case CONFIG_NUMBER:
		s->type = SETTING_FLOAT;
		s->f = strtod(key->fallback, NULL);
		break;
	case CONFIG_PATH:
	case CONFIG_AUTO:
	case CONFIG_LEVEL:
	case CONFIG_CPUS:
		s->type = SETTING_STRING;
		s->s = (char *)(uintptr_t)key->fallback;
		break;
	}
	s->key = (char *)(uintptr_t)key->name;
	return s;
}

const struct setting *topology_config(
    const struct topology *t, const struct component *c, const char *key)
{
	const struct config_key *known = config_find(key);
	const struct setting *found = c != NULL ? find_setting(&c->config, key) : NULL;

	if (found == NULL)
		found = find_setting(&t->config, key);
	if (found == NULL && known != NULL)
		found = default_setting(known);
	return found;
}

void topology_put_setting(struct buf *b, const struct setting *s)
{
	switch (s != NULL ? s->type : SETTING_NULL) {
	case SETTING_NULL:
		buf_puts(b, "null");
		break;
	case SETTING_BOOL:
		buf_puts(b, s->b ? "true" : "false");
		break;
	case SETTING_INT:
		buf_printf(b, "%" PRId64, s->i);
		break;
	case SETTING_FLOAT:
		buf_printf(b, "%.17g", s->f);
		break;
	case SETTING_STRING:
		buf_json_string(b, s->s, strlen(s->s));
		break;
	}
}

int64_t topology_int(const struct topology *t, const struct component *c, const char *key)
{
	const struct setting *s = topology_config(t, c, key);

	assert(s != NULL && s->type == SETTING_INT);
	return s->i;
}

int64_t topology_ms(const struct topology *t, const struct component *c, const char *key)
{
	const struct setting *s = topology_config(t, c, key);
	double secs;

	if (s == NULL)
		return -1;
	assert(s->type == SETTING_INT || s->type == SETTING_FLOAT);
	secs = s->type == SETTING_INT ? (double)s->i : s->f;
	return (int64_t)ceil(secs * 1000);	/* 0.0001 s is 1 ms, not 0: never */
}

gale_level topology_log_level(const struct topology *t, const struct component *c)
{
	const struct setting *s = topology_config(t, c, "topology.log.level");

	for (int i = 0; i < N_LOG_LEVELS; i++)
		if (s != NULL && s->type == SETTING_STRING && strcmp(s->s, config_log_levels[i]) == 0)
			return (gale_level)i;
	return GALE_INFO;
}

static uint32_t own_int(const struct topology *t, const char *key, uint32_t unset)
{
	const struct setting *s = find_setting(&t->config, key);

	return s != NULL ? (uint32_t)s->i : unset;
}

uint32_t topology_batches_in_flight(const struct topology *t)
{
	return own_int(t, "topology.max.spout.pending", 8);
}

uint32_t topology_batch_attempts(const struct topology *t)
{
	return own_int(t, "topology.max.attempts", 3);
}
