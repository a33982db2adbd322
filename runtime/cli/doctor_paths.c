/* doctor_paths.c - gale's folders: whose they are, and how much room there is.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor.h"
#include "home.h"
#include "memory.h"
#include "rundir.h"

enum {
	LITTLE_MB = 100,
	SOCKET_ROOM = 60	/* what a run's name, a process id and a socket's name may take */
};

/* existing cuts PATH to the part of it that is there. */
static void existing(char *path)
{
	struct stat st;

	while (lstat(path, &st) != 0 && strcmp(path, "/") != 0) {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0';
	}
}

static void look_at_room(struct doctor *d, const char *path)
{
	struct statvfs fs;
	unsigned long long mb;

	if (statvfs(path, &fs) != 0)
		return;
	mb = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	if (fs.f_bavail == 0 || (fs.f_files > 0 && fs.f_favail == 0))
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s is on a disk without room", path), xstrdup("free some"));
	else if (mb < LITTLE_MB)
		doctor_add(d, DOCTOR_WARN, xasprintf("%s is on a disk with %llu MiB of room", path, mb), xstrdup("free some"));
	else
		doctor_add(d, DOCTOR_OK, xasprintf("%s has %llu MiB of room", path, mb), NULL);
}

/* look_at_missing: gale will make PATH when it is needed, if it can. */
static void look_at_missing(struct doctor *d, const char *path)
{
	char *above = xstrdup(path);

	existing(above);
	if (access(above, W_OK | X_OK) == 0)
		doctor_add(d, DOCTOR_OK, xasprintf("%s is not there yet: it is made when it is needed", path), NULL);
	else
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s cannot be made: %s: %s", path, above, strerror(errno)),
		    xasprintf("make %s writable for you", above));
	look_at_room(d, above);
	free(above);
}

/* look_at_dir: PATH, which VARIABLE leads to, must be a directory of ours alone. */
static void look_at_dir(struct doctor *d, const char *path, const char *variable)
{
	struct stat st;

	if (lstat(path, &st) != 0) {
		look_at_missing(d, path);
		return;
	}
	if (!S_ISDIR(st.st_mode))
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s is %s", path, S_ISLNK(st.st_mode) ? "a symbolic link" : "no directory"),
		    xasprintf("remove it, or set %s", variable));
	else if (st.st_uid != geteuid())
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s belongs to user %u", path, (unsigned)st.st_uid),
		    xasprintf("remove it, or set %s to a directory of yours", variable));
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s is open to other users (mode %04o)", path, (unsigned)(st.st_mode & 07777)),
		    xasprintf("chmod 700 %s", path));
	else if (access(path, R_OK | W_OK | X_OK) != 0)
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s: %s", path, strerror(errno)), xasprintf("chmod 700 %s", path));
	else
		doctor_add(d, DOCTOR_OK, xasprintf("%s is yours alone", path), NULL);
	look_at_room(d, path);
}

/* look_at_variable: what is set and not used surprises. */
static void look_at_variable(struct doctor *d, const char *name, const char *base)
{
	const char *value = getenv(name);
	size_t n = value != NULL ? strlen(value) : 0;

	if (n == 0 || (strncmp(base, value, n) == 0 && strcmp(base + n, "/gale") == 0))
		return;
	doctor_add(d, DOCTOR_WARN, xasprintf("%s is %s, which is not used: gale takes %s", name, value, base),
	    xasprintf("set %s to a directory of yours that nobody else can write to", name));
}

void doctor_paths(struct doctor *d)
{
	char *run = rundir_base(), *state = home_base();

	look_at_variable(d, "XDG_RUNTIME_DIR", run);
	look_at_dir(d, run, "XDG_RUNTIME_DIR");
	if (strlen(run) > RUNDIR_SOCKET_MAX - SOCKET_ROOM)
		doctor_add(d, DOCTOR_WARN, xasprintf("%s is long: sockets there take paths of %d bytes at most", run,
		    RUNDIR_SOCKET_MAX), xstrdup("set XDG_RUNTIME_DIR to a shorter one"));
	look_at_variable(d, "XDG_STATE_HOME", state);
	look_at_dir(d, state, "XDG_STATE_HOME");
	free(run);
	free(state);
}
