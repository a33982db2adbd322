/* plugincopy.h - the plugins of a submitted topology, as they were when it was submitted.
 *
 * A library that is built or installed anew, or removed, must not get into a topology that runs: a
 * worker that is restarted would have other code than its neighbours, or none. So all are copied
 * into plugins/VERSION/ of the home.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PLUGINCOPY_H
#define GALE_PLUGINCOPY_H

#include "error.h"
#include "home.h"
#include "topology.h"

/* plugincopy_take copies what T uses, and changes the paths in T. Returns 0 or -1 with E set. */
int plugincopy_take(const struct home *h, struct topology *t, struct error *e);

/* plugincopy_drop_others removes what T does not use. */
void plugincopy_drop_others(const struct home *h, const struct topology *t);

#endif
