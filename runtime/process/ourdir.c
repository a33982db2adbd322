/* ourdir.c - see ourdir.h. SPDX-License-Identifier: Apache-2.0 */
#include "ourdir.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"

enum { LOCK_STEP_MS = 2 };

bool ourdir_is(const struct stat *st, mode_t forbidden)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & forbidden) == 0;
}

static int check(int fd, const char *path, const char *variable, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "cannot look at %s", path);
	if (st.st_uid != geteuid())
		return error_set(e, "%s belongs to user %u, not to you; remove it, or set %s to a directory of yours",
		    path, (unsigned)st.st_uid, variable);
	if (!ourdir_is(&st, S_IRWXG | S_IRWXO))
		return error_set(e, "%s is open to other users (mode %04o); run: chmod 700 %s", path,
		    (unsigned)(st.st_mode & 07777), path);
	return 0;
}

int ourdir_open(int dir, const char *name, const char *path, const char *variable, struct error *e)
{
	int fd = openat(dir, name, OURDIR_OPEN);

	if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
		error_set(e, "%s is not a directory; remove it, or set %s", path, variable);
		errno = ENOTDIR;
		return -1;
	}
	if (fd < 0)
		return error_errno(e, "cannot open %s", path);
	if (check(fd, path, variable, e) != 0) {
		close(fd);
		errno = EACCES;
		return -1;
	}
	return fd;
}

int ourdir_lock(int fd, uint32_t ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)ms * NS_PER_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (clock_now_ns() >= deadline) {
			errno = EWOULDBLOCK;
			return -1;
		}
		clock_pause(LOCK_STEP_MS);
	}
	return 0;
}

bool ourdir_has_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static int empty(int fd, int depth, ourdir_spares_fn *spares, bool top);

/* remove_dir removes the directory NAME in FD with all in it; 0, or the first errno. */
static int remove_dir(int fd, const char *name, int depth, ourdir_spares_fn *spares)
{
	int inside = openat(fd, name, OURDIR_OPEN);
	int cause = inside >= 0 ? empty(inside, depth, spares, false) : 0;

	if (unlinkat(fd, name, AT_REMOVEDIR) == 0)
		return 0;
	return cause != 0 ? cause : errno;
}

static int empty(int fd, int depth, ourdir_spares_fn *spares, bool top)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;
	int cause = 0;

	if (d == NULL) {
		cause = errno;
		close(fd);
		return cause;
	}
	while ((entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;
		int why;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (spares != NULL && spares(fd, name, top)))
			continue;
		why = unlinkat(fd, name, 0) == 0 ? 0 : errno;
		if (why == EISDIR && depth > 0)
			why = remove_dir(fd, name, depth - 1, spares);
		if (cause == 0)
			cause = why;
	}
	closedir(d);
	return cause;
}

int ourdir_empty(int fd, int depth, ourdir_spares_fn *spares)
{
	return empty(fd, depth, spares, true);
}

void ourdir_remove(const char *path)
{
	int fd = open(path, OURDIR_OPEN);

	if (fd >= 0)
		ourdir_empty(fd, 0, NULL);
	rmdir(path);
}
