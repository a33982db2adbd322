/* check_config.c - "config" of the topology and of its components, against config.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "config.h"
#include "memory.h"

static void unknown(struct check *c, const struct json_node *x)
{
	struct nearest near = check_nearest(c, x->key);
	const char *instead = config_missing(x->key), *help;

	if (instead != NULL) {
		check_key_error(c, x, "\"%s\" is not in gale", x->key);
		diag_help(c->d, "%s", instead);
		return;
	}
	for (const struct config_key *k = config_keys; k->name != NULL; k++)
		nearest_try(&near, k->name);
	check_key_error(c, x, "unknown config key \"%s\"", x->key);
	help = nearest_help(&near);
	diag_help(c->d, "%s", help[0] != '\0' ? help : "keys of your own begin with \"user.\"");
}

static bool is_scalar(const struct json_node *x)
{
	return x->type != JSON_ARRAY && x->type != JSON_OBJECT;
}

static void known(struct check *c, const struct json_node *x, const struct config_key *key,
    unsigned scope, struct settings *made)
{
	struct setting *s;
	struct error e;

	if ((key->scope & scope) == 0) {
		check_key_error(c, x, "\"%s\" is no key of a single component", key->name);
		diag_help(c->d, "move it into the \"config\" of the topology");
		return;
	}
	if (config_check(key, x, &e) < 0) {
		check_error(c, x, "%s", e.text);
		return;
	}
	s = check_setting(made, key->name, x, key->type == CONFIG_PATH);
	if (key->type == CONFIG_PATH) {
		free(s->s);
		s->s = check_path(c, x);
	}
}

/* one_tick reports a tick that is given in both units. */
static void one_tick(struct check *c, const struct json_node *config)
{
	const struct json_node *secs = json_member(config, "topology.tick.tuple.freq.secs");
	const struct json_node *ms = json_member(config, "topology.tick.tuple.freq.ms");

	if (secs != NULL && ms != NULL && secs->type != JSON_NULL && ms->type != JSON_NULL) {
		check_key_error(c, ms, "give the tick in milliseconds or in seconds, not in both");
		diag_note(c->d, secs->key_start, "the other one");
	}
}

void check_config(
    struct check *c, const struct json_node *config, unsigned scope, struct settings *made)
{
	if (config == NULL)
		return;
	for (const struct json_node *x = json_first(config); x; x = json_next(config, x)) {
		const struct config_key *key = config_find(x->key);

		if (strcmp(x->key, "$comment") == 0)
			continue;
		if (key == NULL && !config_free_key(x->key))
			unknown(c, x);
		else if (x->type == JSON_UNKNOWN || x->type == JSON_NULL)
			continue;
		else if (key != NULL)
			known(c, x, key, scope, made);
		else if (is_scalar(x))
			check_setting(made, x->key, x, false);
		else
			check_error(c, x, "\"%s\" must be a scalar, found %s", x->key,
			    json_type_name(x->type));
	}
	one_tick(c, config);
}
