/* load.h - from a topology file to a checked topology: the one validator of gale.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     FILE --read--> text --json.c--> nodes --substitute.c--> nodes without ${...}
 *          --check_*.c, catalog.c--> struct topology, or all errors of the file at once
 *
 * lint, run and whatever starts a topology go through load_topology, so a file that lints
 * also starts. It opens neither input nor output files of the topology, and plugins are
 * loaded in a child process only.
 */
#ifndef GALE_LOAD_H
#define GALE_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "error.h"
#include "plugin.h"
#include "substitute.h"
#include "topology.h"

struct load_options {
	struct definitions *definitions;	/* -D; NULL: none. Learns which are used */
	struct plugin_path path;		/* -P */
	bool no_plugins;	/* load no code: only what needs no plugin is checked, and the
				 * topology made is good for counting, not for running */
};

/* load_topology reads and checks FILE. D must be zeroed; it gets the file's name, its text
 * and all that is to be said of it. NULL when d->n_errors > 0. Free with topology_free. */
struct topology *load_topology(
    const char *file, const struct load_options *options, struct diagnostics *d);

/* load_text is the same for a TEXT in memory (taken; N bytes, NUL behind them), as if it
 * stood in FILE. */
struct topology *load_text(const char *file, char *text, size_t n,
    const struct load_options *options, struct diagnostics *d);

#endif
