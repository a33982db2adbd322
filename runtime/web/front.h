/* front.h - what the web server tells of itself: the page's files, health, version, what can be asked
 * for. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_FRONT_H
#define GALE_FRONT_H

#include "routes.h"

extern const struct route front_routes[];

#endif
