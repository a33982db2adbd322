/* uistart.h - how users come to the page. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_UISTART_H
#define GALE_UISTART_H

#include "web.h"

/* uistart_tell says on standard error where W is, and with which token. uistart_open shows it in the
 * user's browser (xdg-open), and says so when that can't be. */
void uistart_tell(const struct web *w);
void uistart_open(const struct web *w);

#endif
