/* pinned.c - see pinned.h. SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include "pinned.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "memory.h"

/* A path may be too long for a name, and has slashes. */
static char *link_to(const char *rundir, const char *library)
{
	return xasprintf("%s/plugin.%016" PRIx64 ".so", rundir, XXH3_64bits(library, strlen(library)));
}

static int take(struct pinned *p, const char *rundir, const char *library, struct error *e)
{
	char *link = link_to(rundir, library), *target;
	struct stat st;
	int fd, rc = 0;

	if (lstat(link, &st) == 0) {
		free(link);	/* of another component, too */
		return 0;
	}
	fd = open(library, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		free(link);
		return error_errno(e, "cannot open the plugin %s", library);
	}
	p->fds = xgrow(p->fds, &p->cap, p->n + 1, sizeof *p->fds);
	p->fds[p->n++] = fd;
	target = xasprintf("/proc/%d/fd/%d", (int)getpid(), fd);
	if (symlink(target, link) != 0)
		rc = error_errno(e, "cannot make the link %s", link);
	free(target);
	free(link);
	return rc;
}

int pinned_take(struct pinned *p, const char *rundir, const struct topology *t, struct error *e)
{
	char **library;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && (library = topology_library(t, i)) != NULL; i++)
		if (*library != NULL)
			rc = take(p, rundir, *library, e);
	return rc;
}

void pinned_drop(struct pinned *p)
{
	for (size_t i = 0; i < p->n; i++)
		close(p->fds[i]);
	free(p->fds);
	*p = (struct pinned){ 0 };
}

char *pinned_path(const char *rundir, const char *library)
{
	char *link = link_to(rundir, library);
	struct stat was, is;

	if (stat(link, &was) == 0 &&
	    (stat(library, &is) != 0 || was.st_dev != is.st_dev || was.st_ino != is.st_ino))
		return link;
	free(link);
	return xstrdup(library);
}
