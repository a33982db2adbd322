/* doctor.c - see doctor.h. SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include <stdlib.h>

#include "home.h"
#include "memory.h"
#include "overview.h"

void doctor_add(struct doctor *d, enum doctor_verdict verdict, char *what, char *fix)
{
	d->findings = xgrow(d->findings, &d->cap, d->n + 1, sizeof *d->findings);
	d->findings[d->n++] = (struct doctor_finding){ verdict, what, fix != NULL ? fix : xstrdup("") };
}

void doctor_free(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->findings[i].what);
		free(d->findings[i].fix);
	}
	free(d->findings);
	*d = (struct doctor){ 0 };
}

/* ---- topologies -------------------------------------------------------------------- */

static void look_at(struct doctor *d, const char *name)
{
	struct home h;
	struct error e;
	enum home_result rc = home_open(&h, name, &e);
	enum topology_status status;

	if (rc == HOME_NONE)
		return;
	if (rc != HOME_OK) {
		doctor_add(d, DOCTOR_FAIL, xasprintf("topology %s: %s", name, e.text),
		    xstrdup("make its home yours alone, or remove it"));
		return;
	}
	status = home_status(&h);
	home_close(&h);
	if (status == TOPOLOGY_DEAD)
		doctor_add(d, DOCTOR_WARN, xasprintf("topology %s is DEAD: its supervisor was killed", name),
		    xasprintf("gale submit --resume %s goes on from its state, gale kill %s forgets it", name, name));
	else if (status == TOPOLOGY_FAILED)
		doctor_add(d, DOCTOR_WARN, xasprintf("topology %s has FAILED", name),
		    xasprintf("gale errors %s tells why; gale submit --resume %s, or gale kill %s", name, name, name));
	else
		doctor_add(d, DOCTOR_OK, xasprintf("topology %s is %s", name, topology_status_names[status]), NULL);
}

void doctor_topologies(struct doctor *d)
{
	struct error e;
	char **names = home_names(&e);

	if (names == NULL)
		return;		/* doctor_paths says why */
	for (size_t i = 0; names[i] != NULL; i++) {
		look_at(d, names[i]);
		free(names[i]);
	}
	free(names);
}
