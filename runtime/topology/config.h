/* config.h - the config keys that gale knows: Storm's names, one table.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Checking, defaults and documentation all come from the table. Keys that begin with
 * "user." are free and may have any scalar value. null means unset everywhere.
 */
#ifndef GALE_CONFIG_H
#define GALE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "json.h"

enum config_type {
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_NUMBER,	/* an integer or a number with a fraction */
	CONFIG_PATH,
	CONFIG_AUTO,	/* "auto" or "off" */
	CONFIG_LEVEL,	/* one of config_log_levels */
	CONFIG_CPUS	/* a list of processors: cpus.h */
};

/* Where a key may stand. */
enum { CONFIG_TOPOLOGY = 1, CONFIG_COMPONENT = 2 };

struct config_key {
	const char *name;
	enum config_type type;
	const char *fallback;	/* as text; NULL: unset */
	int64_t min, max;	/* ints: from, to; numbers: above min, up to max */
	unsigned scope;
	const char *doc;	/* one sentence */
};

/* Ends with a key without name. */
extern const struct config_key config_keys[];
enum { CONFIG_N_KEYS = 22, N_LOG_LEVELS = 4 };

/* By gale_level: "error" ... "debug". */
extern const char *const config_log_levels[N_LOG_LEVELS];

/* config_find gives the key of that NAME, or NULL. */
const struct config_key *config_find(const char *name);

/* config_free_key tells of the keys that belong to the user. */
bool config_free_key(const char *name);

/* config_missing says what a Storm user shall do without the key NAME, which Storm knows
 * and gale does not; NULL for all other names. */
const char *config_missing(const char *name);

/* config_check holds VALUE (not null) to the key's type and range. 0, or -1 with E saying
 * what the key wants. */
int config_check(const struct config_key *key, const struct json_node *value, struct error *e);

#endif
