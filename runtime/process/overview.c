/* overview.c - see overview.h. SPDX-License-Identifier: Apache-2.0 */
#include "overview.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"

const char *const topology_status_names[N_TOPOLOGY_STATUSES] = {
	[TOPOLOGY_STARTING] = "STARTING",
	[TOPOLOGY_ACTIVE] = "ACTIVE",
	[TOPOLOGY_INACTIVE] = "INACTIVE",
	[TOPOLOGY_DRAINING] = "DRAINING",
	[TOPOLOGY_FINISHED] = "FINISHED",
	[TOPOLOGY_FAILED] = "FAILED",
	[TOPOLOGY_DEAD] = "DEAD",
};

static struct overview *map(int fd, int protection)
{
	void *page = mmap(NULL, sizeof(struct overview), protection, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

static uint64_t milliseconds_since_1970(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

/* Room is reserved, not only promised: a full file system is an error here, and no SIGBUS. */
static struct overview *make(const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	struct overview *o = NULL;

	if (fd < 0) {
		error_errno(e, "cannot create %s", path);
		return NULL;
	}
	do
		errno = posix_fallocate(fd, 0, sizeof *o);
	while (errno == EINTR);
	if (errno != 0 || (o = map(fd, PROT_READ | PROT_WRITE)) == NULL)
		error_errno(e, "no room for the page %s", path);
	close(fd);
	return o;
}

/* The page gets its name when it is whole, so nobody opens half of it. */
struct overview *overview_create(const char *rundir, const char *name, uint32_t run, struct error *e)
{
	char *path = xasprintf("%s/overview", rundir), *unfinished = xasprintf("%s.new", path);
	struct overview *o = make(unfinished, e);

	if (o != NULL) {
		*o = (struct overview){ .magic = OVERVIEW_MAGIC, .version = OVERVIEW_VERSION,
			.pid = (int32_t)getpid(), .run = run, .status = TOPOLOGY_STARTING,
			.started_ns = clock_now_ns(), .started_ms = milliseconds_since_1970() };
		snprintf(o->name, sizeof o->name, "%s", name);
		if (rename(unfinished, path) != 0) {
			error_errno(e, "cannot name %s", path);
			overview_close(o);
			o = NULL;
		}
	}
	if (o == NULL)
		unlink(unfinished);
	free(unfinished);
	free(path);
	return o;
}

/* check looks at the head and the size: a page of another version may well have another one. */
static int check(int fd, const char *path, struct error *e)
{
	uint32_t head[2] = { 0 };
	struct stat st;

	if (pread(fd, head, sizeof head, 0) < 0 || fstat(fd, &st) != 0)
		return error_errno(e, "cannot read %s", path);
	if (head[0] != OVERVIEW_MAGIC || (head[1] == OVERVIEW_VERSION && (size_t)st.st_size < sizeof(struct overview)))
		return error_set(e, "%s is no page of a supervisor", path);
	if (head[1] != OVERVIEW_VERSION)
		return error_set(e, "%s has version %u, this program reads %u: it is another gale's", path,
		    head[1], (unsigned)OVERVIEW_VERSION);
	return 0;
}

const struct overview *overview_open(const char *rundir, struct error *e)
{
	char *path = xasprintf("%s/overview", rundir);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const struct overview *o = NULL;

	if (fd < 0)
		error_errno(e, "cannot open %s", path);
	else if (check(fd, path, e) == 0 && (o = map(fd, PROT_READ)) == NULL)
		error_errno(e, "cannot map %s", path);
	if (fd >= 0)
		close(fd);
	free(path);
	return o;
}

void overview_close(const struct overview *o)
{
	if (o != NULL)
		munmap((void *)(uintptr_t)o, sizeof *o);
}
