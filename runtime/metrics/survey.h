/* survey.h - a submitted topology, whatever has become of it: what its run shows, if one runs,
 * else what its home says of its end. Or a run without a home, one of `gale run`, as long as it
 * lives.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SURVEY_H
#define GALE_SURVEY_H

#include "diag.h"
#include "home.h"
#include "json.h"
#include "lasterror.h"
#include "metrics.h"
#include "overview.h"

struct survey {
	struct home home;		/* of a run without one only the name */
	char *rundir;			/* of the run that M is of; NULL: there is none */
	bool homeless;			/* a run without a home */
	enum topology_status status;
	struct metrics *m;		/* NULL: it does not run, or has not begun to */
	struct topology *definition;	/* where there is neither M nor an end; NULL: it can't be read */
	struct plan *plan;		/* M's or the definition's */
	struct last_error *errors;	/* by M's components; NULL: not read */
	struct diagnostics text;	/* of ended.json */
	struct json *ended;		/* NULL: there is none */
};

/* survey_open looks at the topology NAME. As home_open; after HOME_OK close S with
 * survey_close. */
enum home_result survey_open(struct survey *s, const char *name, enum metrics_depth depth,
    enum metrics_window which, struct error *e);

/* survey_open_run looks at RUNDIR, of a run without a home; it has no errors, for its log is on
 * the terminal. Returns 0 or -1: there is no topology in it, or it goes. Close S as above. */
int survey_open_run(struct survey *s, const char *rundir, enum metrics_depth depth,
    enum metrics_window which);
void survey_close(struct survey *s);

/* survey_runs gives the paths of the run directories of living runs without a home, sorted; NULL
 * follows them. Free the array and each of them. */
char **survey_runs(void);

/* survey_run_id gives the id of a run without a home, NAME-PID; it is S's. */
const char *survey_run_id(const struct survey *s);

/* survey_since gives what happened in the window WHICH, a sample to be freed; NULL: it does not
 * run. *WHOLE as in metrics_since. */
struct sample *survey_since(const struct survey *s, enum metrics_window which, bool *whole);

/* survey_uptime_s gives how long it has been running, or has run. */
double survey_uptime_s(const struct survey *s);

/* survey_definition gives the topology as it was submitted, read if it was not yet; NULL: it can't
 * be. It is S's. */
const struct topology *survey_definition(struct survey *s);

/* survey_summary gives the member KEY of the summary in ended.json, or NULL. survey_count gives
 * the number KEY there; 0: it says none. */
const struct json_node *survey_summary(const struct survey *s, const char *key);
uint64_t survey_count(const struct survey *s, const char *key);

#endif
