/* plugincopy.c - see plugincopy.h. SPDX-License-Identifier: Apache-2.0 */
#include "plugincopy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"
#include "ourdir.h"

static int copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = -1;
	char block[65536];
	ssize_t n = -1, put;

	if (in >= 0)
		out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRWXU);
	while (out >= 0 && (n = read(in, block, sizeof block)) > 0)
		if ((put = write(out, block, (size_t)n)) != n) {
			errno = put < 0 ? errno : ENOSPC;
			break;
		}
	if (out >= 0 && n == 0)
		rc = fsync(out);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

/* take_one copies LIBRARY into the folder DIR, under its own name unless that is taken there; the
 * new path, or NULL with E set. */
static char *take_one(const char *library, const char *dir, struct error *e)
{
	const char *base = strrchr(library, '/') + 1;
	char *to = xasprintf("%s/%s", dir, base);

	for (int i = 1; copy(library, to) != 0; i++) {
		if (errno != EEXIST) {
			error_errno(e, "cannot copy %s to %s", library, to);
			free(to);
			return NULL;
		}
		free(to);
		to = xasprintf("%s/%d-%s", dir, i, base);
	}
	return to;
}

static char *make_dir(const struct home *h, struct error *e)
{
	struct timespec now;
	char *dir;

	clock_gettime(CLOCK_REALTIME, &now);
	mkdirat(h->fd, "plugins", S_IRWXU);
	dir = xasprintf("%s/plugins/%lld.%09ld", h->path, (long long)now.tv_sec, now.tv_nsec);
	if (mkdir(dir, S_IRWXU) == 0)
		return dir;
	error_errno(e, "cannot make %s", dir);
	free(dir);
	return NULL;
}

/* put_all makes every use of the library OLD in T, from the FIRST on, one of the library NEW. */
static void put_all(struct topology *t, uint32_t first, const char *old, const char *new)
{
	char *was = xstrdup(old), **library;

	for (uint32_t i = first; (library = topology_library(t, i)) != NULL; i++)
		if (*library != NULL && strcmp(*library, was) == 0) {
			free(*library);
			*library = xstrdup(new);
		}
	free(was);
}

int plugincopy_take(const struct home *h, struct topology *t, struct error *e)
{
	char *dir = NULL, **library;
	size_t n_dir = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && (library = topology_library(t, i)) != NULL; i++) {
		char *copied;

		if (*library == NULL || (dir != NULL && strncmp(*library, dir, n_dir) == 0))
			continue;
		if (dir == NULL && (dir = make_dir(h, e)) != NULL)
			n_dir = strlen(dir);
		copied = dir != NULL ? take_one(*library, dir, e) : NULL;
		rc = copied != NULL ? 0 : -1;
		if (rc == 0)
			put_all(t, i, *library, copied);
		free(copied);
	}
	if (rc != 0 && dir != NULL)
		ourdir_remove(dir);	/* the disk may be full */
	free(dir);
	return rc;
}

static bool uses(const struct topology *t, const char *dir)
{
	size_t n = strlen(dir);
	char **library;

	for (uint32_t i = 0; (library = topology_library(t, i)) != NULL; i++)
		if (*library != NULL && strncmp(*library, dir, n) == 0)
			return true;
	return false;
}

void plugincopy_drop_others(const struct home *h, const struct topology *t)
{
	char *folder = home_file(h, "plugins");
	DIR *d = opendir(folder);
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		char *path = xasprintf("%s/%s/", folder, entry->d_name);

		if (entry->d_name[0] != '.' && !uses(t, path)) {
			path[strlen(path) - 1] = '\0';
			ourdir_remove(path);
		}
		free(path);
	}
	if (d != NULL)
		closedir(d);
	free(folder);
}
