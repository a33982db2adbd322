/* snapshot.h - copies of databases, to be opened in their place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_SNAPSHOT_H
#define GALE_SNAPSHOT_H

#include <stdbool.h>

#include "error.h"

/* snapshot_files makes the directory TO with what the database in FROM is made of: its tables,
 * which never change, as symbolic links, all else copied. IN_USE: a process has it open and may
 * remove tables, so they become hard links or copies. 0 or -1 with E set. */
int snapshot_files(const char *from, const char *to, bool in_use, struct error *e);

/* snapshot_visit makes the directory INTO with copies of all databases of the state directory DIR,
 * open as FD, which a run uses: it asks the run's supervisor to have nothing decided meanwhile
 * (visit.h). 0, or -1 with E set, or 1: there is no supervisor that could be asked, since the run
 * starts or ends, or it has hung up; nothing was made, and another try may do. */
int snapshot_visit(int fd, const char *dir, const char *into, struct error *e);

#endif
