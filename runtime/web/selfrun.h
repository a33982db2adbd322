/* selfrun.h - commands of gale itself, run as children for the JSON that they print: what takes long to
 * gather, and must not be gathered in a loop. Whoever asks for the same while one is at work gets the
 * same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SELFRUN_H
#define GALE_SELFRUN_H

#include <stdint.h>

#include "child.h"
#include "watch.h"

struct selfruns;

struct selfruns *selfruns_open(struct watches *ws);
void selfruns_close(struct selfruns *all);

/* How one has ended. */
struct selfrun_result {
	int code;		/* an exit code; EXIT_TIMED_OUT: also when it was stopped for that; EXIT_DONE
				 * when it is not known (child.h) */
	const char *out, *said;	/* what it printed, and the last thing that it said, without "gale: "; valid
				 * within the call */
	size_t n_out;
};

/* selfrun_ask has DONE called once, from watches_serve, with what "gale ARGV..." comes to; NULL follows the
 * last argument. Returns 0, or -1 with E set: too many are at work. selfrun_forget: who asked with ARG does not want to know
 * any more. */
int selfrun_ask(struct selfruns *all, const char *const *argv, void (*done)(void *arg, const struct selfrun_result *r),
    void *arg, struct error *e);
void selfrun_forget(struct selfruns *all, const void *arg);

/* selfrun_result_of tells what a child that is gale has come to; free its `said`. For who runs one itself. */
struct selfrun_result selfrun_result_of(const struct child_result *r, char **said);

#endif
