/* levels.h - what was said by `gale set-log-level`, and for how long: which lines of a component's
 * tasks get into the log. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LEVELS_H
#define GALE_LEVELS_H

#include <stdbool.h>
#include <stdint.h>

#include <gale/gale.h>

struct level_set {
	bool set;		/* else the topology's config counts */
	gale_level level;
	uint64_t until_ns;	/* 0: until the end of the run */
};

struct levels {
	struct level_set *components;
	uint32_t n;
};

void levels_init(struct levels *l, uint32_t n_components);
void levels_free(struct levels *l);

/* levels_set sets the level of COMPONENT, until UNTIL_NS (0: for good). */
void levels_set(struct levels *l, uint32_t component, gale_level level, uint64_t until_ns);

/* levels_expired gives a component whose time is over by NOW_NS, and takes back what was set for it;
 * UINT32_MAX: there is none. levels_deadline tells when there will be one; 0: never. */
uint32_t levels_expired(struct levels *l, uint64_t now_ns);
uint64_t levels_deadline(const struct levels *l);

#endif
