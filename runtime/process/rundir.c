/* rundir.c - see rundir.h. SPDX-License-Identifier: Apache-2.0
 *
 * Two locks, both of a directory (ourdir.h):
 *
 *   BASE        held while directories come and go. Whoever has it must look whether the
 *               directory still has a name: an empty BASE is removed by the last to leave.
 *   BASE/NAME   held by the supervisor as long as it lives, close-on-exec.
 *
 * No symbolic link is followed when directories are removed, but for those that rundir_temporary makes.
 */
#include "rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "ourdir.h"

enum {
	NAME_MAX_BYTES = 32,	/* of the topology's name, in the directory's name */
	LOCK_WAIT_MS = 5000,
	DEPTH_MAX = 16		/* gale's own directories have no others inside */
};

/* How the names of temporary files of plugins begin. */
#define TEMPORARY ".gale-"
#define VARIABLE "XDG_RUNTIME_DIR"	/* names the place of the base */

/* ---- the base ---------------------------------------------------------------------- */

/* An XDG_RUNTIME_DIR that is another user's (left over by su or sudo) or not there is no place for us. */
char *rundir_base(void)
{
	const char *xdg = getenv(VARIABLE);
	struct stat st;

	if (xdg != NULL && xdg[0] == '/' && stat(xdg, &st) == 0 && ourdir_is(&st, S_IWGRP | S_IWOTH))
		return xasprintf("%s/gale", xdg);
	if (geteuid() == 0)
		return xstrdup("/run/gale");
	return xasprintf("/tmp/gale-%u", (unsigned)geteuid());
}

/* open_base makes BASE if need be, and gives a descriptor that holds its lock, or -1. */
static int open_base(const char *path, struct error *e)
{
	for (;;) {
		int fd;

		if (mkdir(path, S_IRWXU) != 0 && errno != EEXIST)
			return error_errno(e, "cannot make the run directory's base %s", path);
		fd = ourdir_open(AT_FDCWD, path, path, VARIABLE, e);
		if (fd < 0 && errno == ENOENT)
			continue;	/* removed in between */
		if (fd < 0)
			return -1;
		if (ourdir_lock(fd, LOCK_WAIT_MS) != 0) {
			error_errno(e, "another gale command holds %s", path);
			close(fd);
			return -1;
		}
		if (ourdir_has_name(fd))
			return fd;
		close(fd);		/* removed while we waited */
	}
}

/* ---- removing ---------------------------------------------------------------------- */

/* drop_target removes the temporary file that the link NAME in the directory FD stands for: one of the
 * same name elsewhere, or a directory with files. Of any other link nothing but itself is removed. */
static bool drop_target(int fd, const char *name, bool top)
{
	char target[PATH_MAX];
	ssize_t n = -1;
	int inside;

	if (top && strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0)
		n = readlinkat(fd, name, target, sizeof target - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	if (target[0] != '/' || strcmp(strrchr(target, '/') + 1, name) != 0)
		return false;
	inside = open(target, OURDIR_OPEN);
	if (inside < 0) {
		unlink(target);
		return false;
	}
	ourdir_empty(inside, 0, NULL);	/* a link in there may be anybody's */
	rmdir(target);
	return false;
}

/* empty removes all that is in the run directory FD. */
static void empty(int fd)
{
	int inside = openat(fd, ".", OURDIR_OPEN);

	if (inside >= 0)
		ourdir_empty(inside, DEPTH_MAX, drop_target);
}

/* sweep_one removes the run directory NAME unless its supervisor lives. */
static void sweep_one(int base, const char *name)
{
	struct stat st;
	int fd = openat(base, name, OURDIR_OPEN);

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && ourdir_is(&st, 0) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		empty(fd);
		unlinkat(base, name, AT_REMOVEDIR);
	}
	close(fd);
}

static void sweep(int base)
{
	int fd = openat(base, ".", OURDIR_OPEN);
	struct dirent *entry;
	DIR *d;

	if (fd < 0)
		return;
	d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			sweep_one(base, entry->d_name);
	closedir(d);
}

void rundir_sweep(void)
{
	char *path = rundir_base();
	struct stat st;
	int fd;

	fd = open(path, OURDIR_OPEN);
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && ourdir_is(&st, S_IRWXG | S_IRWXO) &&
		    flock(fd, LOCK_EX | LOCK_NB) == 0 && ourdir_has_name(fd)) {
			sweep(fd);
			rmdir(path);	/* fails when somebody lives in it */
		}
		close(fd);
	}
	free(path);
}

/* lives: somebody holds the lock of the run directory NAME. It is asked for shared, so that two
 * who ask at once are not taken for a supervisor; and under the lock of the base, so that nobody
 * who has just made it finds it locked. */
static bool lives(int base, const char *name)
{
	int fd = openat(base, name, OURDIR_OPEN);
	struct stat st;
	bool yes = fd >= 0 && fstat(fd, &st) == 0 && ourdir_is(&st, 0) && flock(fd, LOCK_SH | LOCK_NB) != 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **rundir_living(void)
{
	char *path = rundir_base(), **paths = xcalloc(1, sizeof *paths);
	size_t n = 0, cap = 1;
	struct dirent *entry;
	struct stat st;
	DIR *d = opendir(path);

	if (d != NULL && fstat(dirfd(d), &st) == 0 && ourdir_is(&st, S_IRWXG | S_IRWXO)) {
		bool locked = flock(dirfd(d), LOCK_SH | LOCK_NB) == 0;

		while ((entry = readdir(d)) != NULL) {
			if (entry->d_name[0] == '.' || (locked && !lives(dirfd(d), entry->d_name)))
				continue;
			paths = xgrow(paths, &cap, n + 2, sizeof *paths);
			paths[n++] = xasprintf("%s/%s", path, entry->d_name);
		}
	}
	if (d != NULL)
		closedir(d);
	qsort(paths, n, sizeof *paths, by_path);
	paths[n] = NULL;
	free(path);
	return paths;
}

bool rundir_is_there(const struct rundir *r)
{
	return ourdir_has_name(r->lock_fd);
}

void rundir_remove(struct rundir *r)
{
	char *slash;
	int base;

	if (r->path == NULL)
		return;
	empty(r->lock_fd);
	rmdir(r->path);
	close(r->lock_fd);
	slash = strrchr(r->path, '/');
	*slash = '\0';
	base = open(r->path, OURDIR_OPEN);
	if (base >= 0) {
		if (ourdir_lock(base, LOCK_WAIT_MS) == 0 && ourdir_has_name(base))
			rmdir(r->path);		/* fails when others live in it */
		close(base);
	}
	free(r->path);
	*r = (struct rundir){ .lock_fd = -1 };
}

/* ---- making ------------------------------------------------------------------------ */

/* room_for_name gives how much of a topology's name fits so that a socket's path stays
 * within RUNDIR_SOCKET_MAX: "BASE/" NAME "-PID.9" "/w4294967295.4294967295.ack". */
static int room_for_name(const char *base)
{
	int rest = snprintf(NULL, 0, "%s/-%d.9/w%u.%u.ack", base, (int)getpid(), UINT32_MAX,
	    UINT32_MAX);

	return RUNDIR_SOCKET_MAX - rest;
}

/* dir_name gives "NAME-PID", NAME cut to ROOM and made harmless; free it. TRY above 0 is
 * for a /run that processes with the same pid share (containers). */
static char *dir_name(const char *name, int room, int try)
{
	char *dir;

	if (try == 0)
		dir = xasprintf("%.*s-%d", room, name, (int)getpid());
	else
		dir = xasprintf("%.*s-%d.%d", room, name, (int)getpid(), try);
	for (char *c = dir; *c; c++)
		if ((*c < '0' || *c > '9') && (*c < 'A' || *c > 'Z') && (*c < 'a' || *c > 'z') &&
		    *c != '-' && *c != '_' && (*c != '.' || c == dir))
			*c = '_';
	return dir;
}

/* make_dir makes a directory in BASE, with a name that nobody has, and locks it. */
static int make_dir(struct rundir *r, int base, const char *base_name, const char *name,
    int room, struct error *e)
{
	for (int try = 0; try < 10; try++) {
		char *dir = dir_name(name, room, try);

		if (mkdirat(base, dir, S_IRWXU) == 0) {
			r->path = xasprintf("%s/%s", base_name, dir);
			r->lock_fd = openat(base, dir, OURDIR_OPEN);
			free(dir);
			if (r->lock_fd >= 0 && flock(r->lock_fd, LOCK_EX | LOCK_NB) == 0)
				return 0;
			error_errno(e, "cannot lock the run directory %s", r->path);
			rmdir(r->path);
			if (r->lock_fd >= 0)
				close(r->lock_fd);
			free(r->path);
			*r = (struct rundir){ .lock_fd = -1 };
			return -1;
		}
		free(dir);
		if (errno != EEXIST)
			break;
	}
	return error_errno(e, "cannot make a run directory in %s", base_name);
}

int rundir_create(struct rundir *r, const char *name, struct error *e)
{
	char *path = rundir_base();
	int room = room_for_name(path);
	int base, rc;

	*r = (struct rundir){ .lock_fd = -1 };
	if (room < 1) {
		error_set(e, "the path of the run directory's base, %s, is too long: sockets "
		    "in it would exceed %d bytes; set XDG_RUNTIME_DIR to a shorter one", path,
		    RUNDIR_SOCKET_MAX);
		free(path);
		return -1;
	}
	base = open_base(path, e);
	if (base < 0) {
		free(path);
		return -1;
	}
	sweep(base);
	rc = make_dir(r, base, path, name, room < NAME_MAX_BYTES ? room : NAME_MAX_BYTES, e);
	if (rc != 0)
		rmdir(path);
	close(base);
	free(path);
	return rc;
}

int rundir_temporary(const char *rundir, const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	char *link;
	int rc = 0;

	if (path[0] != '/' || strncmp(slash + 1, TEMPORARY, strlen(TEMPORARY)) != 0)
		return error_set(e, "%s is no name for a temporary file: it must be absolute, and "
		    "the file's name begin with %s", path, TEMPORARY);
	link = xasprintf("%s/%s", rundir, slash + 1);
	if (symlink(path, link) != 0 && errno != EEXIST)
		rc = error_errno(e, "can't make %s", link);
	free(link);
	return rc;
}

/* ---- paths inside ------------------------------------------------------------------ */

char *rundir_topology(const char *rundir)
{
	return xasprintf("%s/topology.json", rundir);
}

char *rundir_state(const char *rundir)
{
	return xasprintf("%s/state", rundir);
}

char *rundir_status(const char *rundir, uint32_t worker, uint32_t stage)
{
	if (stage > 0)
		return xasprintf("%s/w%u.%u.status", rundir, worker, stage);
	return xasprintf("%s/w%u.status", rundir, worker);
}

char *rundir_past(const char *rundir, uint32_t worker, uint32_t stage)
{
	if (stage == 0)
		return xasprintf("%s/w%u.past.status", rundir, worker);
	return xasprintf("%s/w%u.%u.past.status", rundir, worker, stage);
}

char *rundir_tasks(const char *rundir)
{
	return xasprintf("%s/tasks", rundir);
}

char *rundir_flow(const char *rundir, uint32_t worker)
{
	return xasprintf("%s/w%u.flow", rundir, worker);
}

char *rundir_data_endpoint(const char *rundir, uint32_t worker, uint32_t start)
{
	return xasprintf("ipc://%s/w%u.%u.in", rundir, worker, start);
}

char *rundir_ack_endpoint(const char *rundir, uint32_t worker, uint32_t start)
{
	return xasprintf("ipc://%s/w%u.%u.ack", rundir, worker, start);
}
