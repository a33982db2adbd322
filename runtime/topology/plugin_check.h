/* plugin_check.h - whether what a plugin declares makes sense; for plugin.c alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GALE_PLUGIN_CHECK_H
#define GALE_PLUGIN_CHECK_H

#include <gale/gale.h>

#include "error.h"

/* plugin_check examines one component, whose struct is of our size. 0, or -1 with E set.
 * Pointers can't be examined: a wild one ends the process, which is why the validator
 * calls this in a child. */
int plugin_check(const gale_component *c, struct error *e);

#endif
