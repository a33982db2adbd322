/* doctor.h - whether this machine and this user's surroundings are fit for gale: what is looked at,
 * and what helps. Nothing is changed by it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_DOCTOR_H
#define GALE_DOCTOR_H

#include <stddef.h>

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor_finding {
	enum doctor_verdict verdict;
	char *what, *fix;	/* fix: what to do, "" when all is well */
};

struct doctor {
	struct doctor_finding *findings;
	size_t n, cap;
};

/* doctor_add notes one thing, WHAT (taken), and what helps (taken); NULL: nothing needs to. */
void doctor_add(struct doctor *d, enum doctor_verdict verdict, char *what, char *fix);
void doctor_free(struct doctor *d);

/* What is looked at. */
void doctor_versions(struct doctor *d);		/* gale, its libraries, plugins */
void doctor_paths(struct doctor *d);		/* where gale's folders are: whose, how much room */
void doctor_limits(struct doctor *d);		/* of processes */
void doctor_kernel(struct doctor *d);		/* what gale needs of it */
void doctor_topologies(struct doctor *d);	/* those that were left behind */

#endif
