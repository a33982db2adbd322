/* browser.h - the user's browser. SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_BROWSER_H
#define GALE_BROWSER_H

/* browser_open shows URL in it (xdg-open), and says so when that can't be. */
void browser_open(const char *url);

#endif
