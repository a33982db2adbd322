/* powerloss.c - a layer below a program (LD_PRELOAD) that notes what it does to the files below
 * one directory, and what of it was synced. What a disk without power would have is then made
 * by test/powerdisk.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *     POWERLOSS_ROOT    the directory, an absolute path without links
 *     POWERLOSS_LOG     the log (powerloss.h), outside of it
 *     POWERLOSS_DEAF    syncs of paths in which this occurs are not noted: so a program that
 *                       does not sync, and a test that must find it
 *
 * A call is noted when it was done and before its caller knows: what a killed process had not
 * noted it has told nobody of. All processes must die together; then no other has seen it either.
 * A change of names and its note are one step for the others: else one could use a directory, and note
 * that, before who has made it.
 * What goes around these functions (stdio, mmap) is not noted.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/powerloss.h"

#define LAYER __attribute__((visibility("default")))

/* ---- the log ---- */

static _Noreturn void broken(const char *what)
{
	dprintf(STDERR_FILENO, "powerloss: %s: %s\n", what, strerror(errno));
	abort();
}

/* below gives the part of PATH behind the directory, or NULL. */
static const char *below(const char *path)
{
	const char *root = getenv("POWERLOSS_ROOT"), *end = " (deleted)";
	size_t n = root != NULL ? strlen(root) : 0, n_path = strlen(path), n_end = strlen(end);

	if (n == 0 || strncmp(path, root, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return NULL;
	if (n_path > n_end && strcmp(path + n_path - n_end, end) == 0 && strrchr(path, '/')[1] != '#')
		return NULL;
	return path[n] == '/' ? path + n + 1 : "";
}

static void note(enum powerloss_op op, const char *path, uint64_t offset, const void *data, size_t n)
{
	struct powerloss head = { .op = op, .n_path = (uint32_t)strlen(path), .offset = offset, .n_data = n };
	struct iovec parts[] = {
		{ &head, sizeof head }, { (char *)path, head.n_path }, { (void *)data, n },
	};
	const char *log = getenv("POWERLOSS_LOG");
	int e = errno, fd;

	if (log == NULL)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || syscall(SYS_writev, fd, parts, 3) != (long)(sizeof head + head.n_path + n))
		broken("can't write the log");
	close(fd);
	errno = e;
}

/* begin_step has all other processes that change names wait until end_step. */
static int begin_step(void)
{
	const char *log = getenv("POWERLOSS_LOG");
	int e = errno, fd = log != NULL ? (int)syscall(SYS_openat, AT_FDCWD, log, O_RDONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

	if (log != NULL && (fd < 0 || flock(fd, LOCK_EX) != 0))
		broken("can't lock the log");
	errno = e;
	return fd;
}

static void end_step(int step)
{
	int e = errno;

	if (step >= 0)
		close(step);
	errno = e;
}

/* path_of gives what descriptor FD is, or NULL when that is not below the directory. */
static const char *path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	if (getenv("POWERLOSS_ROOT") == NULL)
		return NULL;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	return below(path);
}

/* path_at gives where NAME is, seen from the directory DIR: its last part may be missing. */
static const char *path_at(int dir, const char *name, char path[PATH_MAX])
{
	const char *slash = strrchr(name, '/'), *base = slash != NULL ? slash + 1 : name;
	char parent[PATH_MAX] = ".";
	int fd;

	if (getenv("POWERLOSS_ROOT") == NULL)
		return NULL;
	if (slash != NULL)
		snprintf(parent, sizeof parent, "%.*s", slash == name ? 1 : (int)(slash - name), name);
	fd = (int)syscall(SYS_openat, dir, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0 || path_of(fd, path) == NULL) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	close(fd);
	if (strlen(path) + strlen(base) + 2 > PATH_MAX)
		return NULL;
	strcat(strcat(path, "/"), base);
	return below(path);
}

/* ---- files ---- */

static int open_it(int dir, const char *name, int flags, mode_t mode)
{
	bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
	int step = (flags & O_CREAT) != 0 ? begin_step() : -1;
	bool there = !nameless && ((flags & O_CREAT) == 0 || syscall(SYS_faccessat, dir, name, F_OK) == 0);
	int fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	char room[PATH_MAX];
	const char *path = fd >= 0 && (!there || (flags & O_TRUNC) != 0) ? path_of(fd, room) : NULL;

	if (path != NULL && !there)
		note(POWERLOSS_CREATE, path, 0, NULL, 0);
	else if (path != NULL && (flags & O_TRUNC) != 0)
		note(POWERLOSS_TRUNCATE, path, 0, NULL, 0);
	end_step(step);
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(args, int) : 0;
}

#define OPENS(NAME, DECLARE_DIR, DIR) \
LAYER int NAME(DECLARE_DIR const char *path, int flags, ...) \
{ \
	va_list args; \
	mode_t mode; \
	va_start(args, flags); \
	mode = mode_of(flags, args); \
	va_end(args); \
	return open_it(DIR, path, flags, mode); \
}
#define ARGUMENT int dir,
OPENS(open, , AT_FDCWD)
OPENS(open64, , AT_FDCWD)
OPENS(openat, ARGUMENT, dir)
OPENS(openat64, ARGUMENT, dir)

/* wrote notes N bytes that were written at the position of FD, or at OFFSET when that is not -1. */
static void wrote(int fd, const void *data, ssize_t n, off_t offset)
{
	char room[PATH_MAX];
	const char *path = n > 0 ? path_of(fd, room) : NULL;

	if (path == NULL)
		return;
	if (offset == -1)
		offset = lseek(fd, 0, SEEK_CUR) - n;
	note(POWERLOSS_WRITE, path, (uint64_t)offset, data, (size_t)n);
}

LAYER ssize_t write(int fd, const void *data, size_t n)
{
	ssize_t written = syscall(SYS_write, fd, data, n);

	wrote(fd, data, written, -1);
	return written;
}

LAYER ssize_t pwrite(int fd, const void *data, size_t n, off_t offset)
{
	ssize_t written = syscall(SYS_pwrite64, fd, data, n, offset);

	wrote(fd, data, written, offset);
	return written;
}

LAYER ssize_t pwrite64(int fd, const void *data, size_t n, off_t offset)
{
	return pwrite(fd, data, n, offset);
}

LAYER ssize_t writev(int fd, const struct iovec *parts, int n)
{
	char room[PATH_MAX];
	ssize_t sum = 0;

	if (path_of(fd, room) == NULL)
		return syscall(SYS_writev, fd, parts, n);
	for (int i = 0; i < n; i++) {
		ssize_t written = write(fd, parts[i].iov_base, parts[i].iov_len);

		if (written < 0)
			return sum > 0 ? sum : -1;
		sum += written;
		if ((size_t)written < parts[i].iov_len)
			break;
	}
	return sum;
}

LAYER int ftruncate(int fd, off_t length)
{
	char room[PATH_MAX];
	int rc = (int)syscall(SYS_ftruncate, fd, length);
	const char *path = rc == 0 ? path_of(fd, room) : NULL;

	if (path != NULL)
		note(POWERLOSS_TRUNCATE, path, (uint64_t)length, NULL, 0);
	return rc;
}

LAYER int ftruncate64(int fd, off_t length)
{
	return ftruncate(fd, length);
}

static int synced(int fd, int rc)
{
	const char *deaf = getenv("POWERLOSS_DEAF");
	char room[PATH_MAX];
	const char *path = rc == 0 ? path_of(fd, room) : NULL;

	if (path != NULL && (deaf == NULL || strstr(room, deaf) == NULL))
		note(POWERLOSS_SYNC, path, 0, NULL, 0);
	return rc;
}

LAYER int fsync(int fd)
{
	return synced(fd, (int)syscall(SYS_fsync, fd));
}

LAYER int fdatasync(int fd)
{
	return synced(fd, (int)syscall(SYS_fdatasync, fd));
}

/* ---- names ---- */

LAYER int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	char room[PATH_MAX], other[PATH_MAX];
	int step = begin_step();
	const char *path = path_at(from_dir, from, room), *new = path_at(to_dir, to, other);
	int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);

	if ((path == NULL) != (new == NULL))
		broken("a file is moved into or out of the directory");
	if (rc == 0 && path != NULL)
		note(POWERLOSS_RENAME, path, 0, new, strlen(new));
	end_step(step);
	return rc;
}

LAYER int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

/* A nameless file is named by a link to /proc/self/fd/N. */
LAYER int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	char room[PATH_MAX], other[PATH_MAX];
	int step = begin_step();
	int fd, rc = (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
	const char *path = sscanf(from, "/proc/self/fd/%d", &fd) == 1 ? path_of(fd, room) :
	    path_at(from_dir, from, room);
	const char *new = path_at(to_dir, to, other);

	if (rc == 0 && path != NULL && new != NULL)
		note(POWERLOSS_LINK, path, 0, new, strlen(new));
	end_step(step);
	return rc;
}

LAYER int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

LAYER int rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

LAYER int unlinkat(int dir, const char *name, int flags)
{
	char room[PATH_MAX];
	int step = begin_step();
	const char *path = path_at(dir, name, room);
	int rc = (int)syscall(SYS_unlinkat, dir, name, flags);

	if (rc == 0 && path != NULL)
		note(POWERLOSS_UNLINK, path, 0, NULL, 0);
	end_step(step);
	return rc;
}

LAYER int unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

LAYER int rmdir(const char *name)
{
	return unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

LAYER int mkdirat(int dir, const char *name, mode_t mode)
{
	char room[PATH_MAX];
	int step = begin_step();
	const char *path = path_at(dir, name, room);
	int rc = (int)syscall(SYS_mkdirat, dir, name, mode);

	if (rc == 0 && path != NULL)
		note(POWERLOSS_MKDIR, path, 0, NULL, 0);
	end_step(step);
	return rc;
}

LAYER int mkdir(const char *name, mode_t mode)
{
	return mkdirat(AT_FDCWD, name, mode);
}
