/* report.h - what a run came to, told by `gale run` and by the supervisor of a submitted one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_REPORT_H
#define GALE_REPORT_H

#include "summary.h"
#include "supervisor.h"
#include "topology.h"

/* report_dead_letters gives where T's dead letters go, an absolute path: what its config says, by
 * default FILE, which only this process knows: so it is written into the config. */
const char *report_dead_letters(struct topology *t, const char *file);

/* report_end gives what a summary of R says of its end; DEAD_LETTERS is report_dead_letters's. */
struct summary_end report_end(const struct topology *t, const struct run_result *r, const char *dead_letters);

#endif
