/* ourdir.h - directories that are this user's alone, and that several processes come to.
 *
 * The lock of one is flock on the directory itself: no lock file is left behind, or unlinked at the
 * wrong moment. Who waits for it must look whether the directory still has its name afterwards: who
 * had the lock may have removed it. What is inside is reached by openat with O_NOFOLLOW and removed by
 * unlinkat, so a symbolic link is removed and never followed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef GALE_OURDIR_H
#define GALE_OURDIR_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"

enum { OURDIR_OPEN = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* ourdir_is: ST is of a directory of ours that gives others none of the permissions FORBIDDEN. */
bool ourdir_is(const struct stat *st, mode_t forbidden);

/* ourdir_open opens the directory NAME in DIR, known as PATH, and refuses what another user owns or can look
 * into; VARIABLE is the one of the environment that would name another place. -1 with E set, errno ENOENT:
 * there is none. */
int ourdir_open(int dir, const char *name, const char *path, const char *variable, struct error *e);

/* ourdir_lock waits for the lock of FD, a directory or a file, MS at most. Returns 0, or -1 with errno set,
 * EWOULDBLOCK: somebody has it still. */
int ourdir_lock(int fd, uint32_t ms);

/* ourdir_has_name: FD is still in the file system. */
bool ourdir_has_name(int fd);

/* ourdir_spares_fn is asked for every name, before it is removed, in the directory FD: in the one to be
 * emptied itself (TOP) or below. True: it stays. */
typedef bool ourdir_spares_fn(int fd, const char *name, bool top);

/* ourdir_empty removes what is in the directory FD, which it closes, with the directories inside, as far as
 * DEPTH of them below one another: with 0, files alone. SPARES may be NULL. Returns 0, or the first errno. */
int ourdir_empty(int fd, int depth, ourdir_spares_fn *spares);

/* ourdir_remove removes the directory PATH with the files in it, as far as that goes. */
void ourdir_remove(const char *path);

#endif
