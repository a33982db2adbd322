/* peek.h - what is asked for only while somebody looks at it: errors, the log, the oldest trees, and
 * tuples while they are emitted.
 *
 *     errors                          as `gale errors --json`
 *     logs?lines=200&component=&level=      an array of what `gale logs --json` prints
 *     trees?count=50&older=SECONDS    as `gale trace --json`
 *     tap/COMPONENT[/STREAM]?count=10&where=FIELD=VALUE    an array of what `gale tap --json` prints, after so
 *                                     many tuples or 2 s; flow is not held up (tap.h)
 *
 * The first three are gathered by the commands themselves, as children: a log may be long.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_PEEK_H
#define GALE_PEEK_H

#include "routes.h"

extern const struct route peek_routes[];

#endif
