/* home.h - the home of a submitted topology: what of it outlives its processes.
 *
 *   BASE/                   $XDG_STATE_HOME/gale, else ~/.local/state/gale; 0700, ours, no
 *                           symlink: else refused
 *   BASE/NAME/              locked (flock on the directory) by the supervisor as long as it
 *                           lives, and by a command that changes what is in it
 *     topology.json         the definition (topology_write); without it nothing is listed
 *     submitted.json        how it was submitted: {"file", "submittedAt"}
 *     inactive              there while its spouts shall not emit, over its ends and starts
 *     plugins/              copies of the plugins: what is built or installed anew in the
 *                           meantime does not get into a running topology
 *     state/                its state directory (statedir.h); outlives a kill, and so do the
 *     dead-letters.jsonl    dead letters
 *     run                   link to its run directory (rundir.h), while one runs
 *     log log.1 ...         what it and its workers said (logfile.h)
 *     errors errors.1       of that, warnings and errors
 *     ended.json            how it ended: {"status", "exit", "error", "endedAt", "summary"}, in
 *                           this order
 *
 * A topology is FINISHED or FAILED when it has an ended.json, else DEAD when nobody holds its
 * lock. All text files are replaced as a whole, also
 * if the power fails.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_HOME_H
#define GALE_HOME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "error.h"
#include "json.h"
#include "overview.h"

struct topology;

enum { HOME_NAME_MAX = 64 };	/* bytes of a topology's name there */

/* What opening came to; the error says why and what to do. */
enum home_result {
	HOME_OK = 0,
	HOME_FAILED = -1,	/* it can't be made, read or written, or is not ours alone */
	HOME_NONE = -2,		/* there is no topology of that name */
	HOME_LOCKED = -3	/* somebody holds it: its supervisor lives, or a command is at it */
};

struct home {
	char *name, *path;	/* absolute */
	int fd;			/* the directory; holds its lock when `locked` */
	bool locked;
};

/* home_name_check: a name is 1 to HOME_NAME_MAX letters, digits, "-", "_" and ".", and does not
 * begin with a dot. Returns 0 or -1 with E set. */
int home_name_check(const char *name, struct error *e);

/* home_base gives the path of BASE; free it. home_make_base makes it when there is none: 0, or -1 with
 * E set (it can't be made, or is not ours alone). */
char *home_base(void);
int home_make_base(struct error *e);

/* home_make makes the home of NAME, when there is none, and locks it. home_open opens one that
 * has a topology, without its lock; home_take with it. After a failure H need not be closed.
 * home_close gives the lock back, unless a child has it, too. */
enum home_result home_make(struct home *h, const char *name, struct error *e);
enum home_result home_open(struct home *h, const char *name, struct error *e);
enum home_result home_take(struct home *h, const char *name, struct error *e);
void home_close(struct home *h);

/* home_inherit is for a supervisor: the home of NAME, which FD is open on and holds the lock of. */
int home_inherit(struct home *h, const char *name, int fd, struct error *e);

/* home_lives: somebody holds the lock of H, which we do not. home_status gives what the topology
 * is doing; STARTING too when it lives and has not come to have a page. */
bool home_lives(const struct home *h);
enum topology_status home_status(const struct home *h);

/* home_inactive: the spouts of H shall not emit. home_set_inactive says so for the next runs. */
bool home_inactive(const struct home *h);
void home_set_inactive(const struct home *h, bool inactive);

/* home_names gives the names of all topologies, sorted; NULL follows them. Free the array and
 * each of them. NULL with E set when the base can't be read; that there is none is no error. */
char **home_names(struct error *e);

/* home_state gives the path of the state directory of NAME, also of one that was killed; NULL:
 * there is none. Free it. */
char *home_state(const char *name);

/* home_file gives the path of FILE inside; free it. home_read gives all of it, with a NUL behind
 * it: 1, or 0 when it is not there, or -1 with E set. home_write replaces it as a whole;
 * home_write_definition so makes T what is run from now on. */
char *home_file(const struct home *h, const char *file);
int home_read(const struct home *h, const char *file, struct buf *b, struct error *e);
int home_write(const struct home *h, const char *file, const char *text, size_t n, struct error *e);
int home_write_definition(const struct home *h, const struct topology *t, struct error *e);

/* home_json reads FILE, which is JSON; NULL when it is not there, or not whole. Free it with
 * json_free. */
struct json *home_json(const struct home *h, const char *file);

/* home_rundir gives the path of the run directory, NULL: there is none; free it. home_link_rundir
 * sets it, NULL takes it away. */
char *home_rundir(const struct home *h);
int home_link_rundir(const struct home *h, const char *rundir, struct error *e);

/* home_forget_end makes H, which is locked, one that has not ended. Where one that FINISHED has come
 * in its input goes, too, should its supervisor have been killed before it could remove that. */
void home_forget_end(const struct home *h);

/* home_remove removes all but the state and the dead letters, and with it the name from the
 * lists; the directory too, when there are none: *KEPT tells. H must be locked. */
int home_remove(struct home *h, bool *kept, struct error *e);

#endif
