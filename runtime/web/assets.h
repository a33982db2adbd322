/* assets.h - the files of the page. Those of ui/ are in the program (ui/embed makes ui_files.c of
 * them); others come from Debian packages at run time. Which there are stands in two tables: no name
 * in a request gets into a path.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_ASSETS_H
#define GALE_ASSETS_H

#include <stddef.h>

#include "buf.h"
#include "error.h"

/* A file of ui/, as ui/embed wrote it. */
struct asset {
	const char *name;	/* "gale.css", also "parts/x.js"; NULL ends the table */
	const unsigned char *bytes;
	size_t n;
};
extern const struct asset ui_files[];

/* assets_find gives the file of that NAME, or NULL. assets_type gives its content type. */
const struct asset *assets_find(const char *name);
const char *assets_type(const char *name);

/* assets_library reads the file NAME of a Debian package into B: 200; 404 where there is no such
 * name, or its package is missing, which E then says. */
unsigned assets_library(const char *name, struct buf *b, struct error *e);

#endif
