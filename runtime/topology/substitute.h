/* substitute.h - ${NAME} and ${NAME:-default} in the strings of a topology file.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The value comes from -D NAME=VALUE, else from the environment, else it is the default;
 * a name that has none of these is an error. Built in is GALE_TOPOLOGY_DIR, the folder of
 * the file. "$${" stands for the characters "${". Keys, "$schema" and "$comment" are left
 * alone. Substitutions don't nest.
 *
 * A string that is nothing but one substitution takes the type of what replaces it:
 * "${N}" is the integer 3 when N is 3 (and still the text "3" where text is wanted).
 */
#ifndef GALE_SUBSTITUTE_H
#define GALE_SUBSTITUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "error.h"
#include "json.h"

struct definition {
	char *name;
	char *value;
	bool used;
};

/* What -D says, and what the files read so far asked for. A zeroed struct is empty. */
struct definitions {
	struct definition *items;
	size_t n, cap;
	char **asked;		/* names in ${...}, each once */
	size_t n_asked, cap_asked;
};

/* definitions_add reads "NAME=VALUE" (a later one replaces an earlier one of the same
 * name). -1 with E set when it is none. */
int definitions_add(struct definitions *all, const char *text, struct error *e);

/* definitions_check finds a definition that no file asked for: -1 with E naming it and the
 * nearest name that was asked for. */
int definitions_check(const struct definitions *all, struct error *e);

void definitions_free(struct definitions *all);

/* substitute replaces them all in J, which was parsed from D's source. ALL may be NULL;
 * FOLDER is the value of GALE_TOPOLOGY_DIR. A string with an error in it becomes a
 * JSON_UNKNOWN node, which later checks pass over. */
void substitute(
    struct json *j, struct definitions *all, const char *folder, struct diagnostics *d);

#endif
