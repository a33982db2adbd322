/* doctor_system.c - versions, plugins, limits, the kernel. SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "catalog.h"
#include "database.h"
#include "doctor.h"
#include "home.h"
#include "memory.h"
#include "plugin.h"
#include "transport.h"

enum { FEW_FILES = 1024, FEW_PROCESSES = 256 };

/* ---- versions and plugins ---------------------------------------------------------- */

static void look_at_plugins(struct doctor *d)
{
	struct catalog c = { 0 };
	char **paths = plugin_list();
	size_t n = 0;

	for (char **path = paths; *path != NULL; path++) {
		catalog_add(&c, *path);
		free(*path);
	}
	free(paths);
	catalog_load(&c, CATALOG_DEADLINE_MS);
	for (size_t i = 0; i < c.n; i++) {
		n += c.libraries[i].error == NULL;
		if (c.libraries[i].error != NULL)
			doctor_add(d, DOCTOR_FAIL, xasprintf("plugin %s: %s", c.libraries[i].path, c.libraries[i].error),
			    xstrdup("build it again with this gale's header, or remove it"));
	}
	if (c.n == 0)
		doctor_add(d, DOCTOR_FAIL, xstrdup("there are no plugins"),
		    xstrdup("install gale, or name where they are in GALE_PLUGIN_PATH"));
	else
		doctor_add(d, DOCTOR_OK, xasprintf("%zu plugins load", n), NULL);
	catalog_free(&c);
}

void doctor_versions(struct doctor *d)
{
	doctor_add(d, DOCTOR_OK, xasprintf("gale %s, plugin interface %u", PACKAGE_VERSION, GALE_ABI), NULL);
	doctor_add(d, DOCTOR_OK, transport_library(), NULL);
	doctor_add(d, DOCTOR_OK, database_library(), NULL);
	look_at_plugins(d);
}

/* ---- limits ------------------------------------------------------------------------ */

static char *limit_text(const char *what, rlim_t n)
{
	return n == RLIM_INFINITY ? xasprintf("%s: unlimited", what) :
	    xasprintf("%s: %llu", what, (unsigned long long)n);
}

static void look_at_limit(struct doctor *d, int resource, const char *what, rlim_t few, const char *fix)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
		return;
	if (limit.rlim_max < few)
		doctor_add(d, DOCTOR_WARN, limit_text(what, limit.rlim_max), xstrdup(fix));
	else
		doctor_add(d, DOCTOR_OK, limit_text(what, limit.rlim_max), NULL);
}

void doctor_limits(struct doctor *d)
{
	look_at_limit(d, RLIMIT_NOFILE, "open files of a process", FEW_FILES,
	    "raise it for large topologies: ulimit -Hn, or LimitNOFILE= of systemd");
	look_at_limit(d, RLIMIT_NPROC, "processes of yours", FEW_PROCESSES,
	    "raise it for large topologies: ulimit -Hu, or TasksMax= of systemd");
	look_at_limit(d, RLIMIT_CORE, "size of a core file", 1,
	    "no worker that crashes leaves a core file; allow it: ulimit -Hc unlimited");
}

/* ---- the kernel -------------------------------------------------------------------- */

static void look_at_feature(struct doctor *d, const char *what, bool works, const char *fix)
{
	int cause = errno;

	if (works)
		doctor_add(d, DOCTOR_OK, xstrdup(what), NULL);
	else
		doctor_add(d, DOCTOR_FAIL, xasprintf("%s: %s", what, strerror(cause)), xstrdup(fix));
}

static bool has_pidfd(void)
{
	int fd = pidfd_open(getpid(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool has_seqpacket(void)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	close(ends[0]);
	close(ends[1]);
	return true;
}

/* can_lock tries it where the homes are, or where they will be. */
static bool can_lock(void)
{
	char *path = home_base();
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool works = fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0 || errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	free(path);
	return works;
}

void doctor_kernel(struct doctor *d)
{
	struct utsname name;

	if (uname(&name) == 0)
		doctor_add(d, DOCTOR_OK, xasprintf("%s %s", name.sysname, name.release), NULL);
	look_at_feature(d, "pidfd: the supervisor learns at once that a worker has ended", has_pidfd(),
	    "Linux 5.4 or newer is needed, and a sandbox must allow pidfd_open");
	look_at_feature(d, "SOCK_SEQPACKET: control channels", has_seqpacket(), "a sandbox must allow AF_UNIX sockets");
	look_at_feature(d, "flock: who holds a topology", can_lock(),
	    "the folder must be on a local file system: set XDG_STATE_HOME");
	look_at_feature(d, "child subreaper: orphans of workers are found",
	    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0, "a sandbox must allow prctl");
	look_at_feature(d, "/proc: what workers use", access("/proc/self/status", R_OK) == 0, "mount /proc");
}
