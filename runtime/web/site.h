/* site.h - what the handlers of the web server share. SPDX-License-Identifier: Apache-2.0
 *
 * web.c makes it, and hands it to every handler (routes.h). A module that keeps something from one
 * request to another has a pointer here, which web.c opens and closes.
 */
#ifndef GALE_SITE_H
#define GALE_SITE_H

#include <stdint.h>

#include "looks.h"
#include "watch.h"

struct documents;
struct drawings;
struct selfruns;

struct site {
	struct watches watches;		/* for conversations and children */
	struct looks *looks;
	struct documents *documents;	/* documents.h */
	struct drawings *drawings;	/* drawing.h */
	struct selfruns *selfruns;	/* selfrun.h */
	const struct route *const *tables;	/* all that can be asked for; NULL ends them */
	const char *only;		/* run directory of the one run that is shown; NULL: all */
	uint64_t started_ns;
};

#endif
