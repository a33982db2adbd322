/* logview.h - what `gale logs` and its kin have in common: one of a topology's components by a
 * word.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_LOGVIEW_H
#define GALE_LOGVIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "home.h"
#include "logline.h"
#include "topology.h"

/* Whose lines are wanted. */
struct logwho {
	char *component;	/* NULL: everybody's */
	uint32_t task;		/* within the component; UINT32_MAX: of all of them */
};

/* logview_topology gives the definition in H, or NULL when it can't be read. */
struct topology *logview_topology(const struct home *h);

/* logview_component tells whether there is a component NAME, and says so if not; ALSO, which ends with
 * NULL, are names that will do too. */
bool logview_component(const struct topology *t, const char *name, const char *const *also);

/* logview_who reads "COMPONENT", "COMPONENT.TASK" or "COMPONENT[TASK]", one that H has or one that only
 * logs have: acker, coordinator, gale, output. An exit_code, and why not has been said. Free
 * who->component. */
int logview_who(struct logwho *who, const struct home *h, const char *word);

#endif
