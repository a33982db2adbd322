/* status.c - see status.h. SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "failpoint.h"
#include "memory.h"

static struct status *map(int fd, int writable)
{
	int protection = PROT_READ | (writable ? PROT_WRITE : 0);
	void *page = mmap(NULL, sizeof(struct status), protection, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

/* Room is reserved, not only promised: a full file system is an error here, and no
 * SIGBUS at the first count. */
static struct status *make(const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct status *s = NULL;
	int cause = 0;

	if (fd < 0) {
		error_errno(e, "cannot create the status page %s", path);
		return NULL;
	}
	do
		cause = failpoint("status.map") ? errno : posix_fallocate(fd, 0, sizeof *s);
	while (cause == EINTR);
	errno = cause;
	if (cause != 0)
		error_errno(e, "no room for the status page %s (%zu bytes)", path, sizeof *s);
	else if ((s = map(fd, 1)) == NULL)
		error_errno(e, "cannot map the status page %s", path);
	close(fd);
	return s;
}

/* The page gets its name when it is whole, so nobody opens half of it; and an older page
 * of that name stays as it was for those who have it mapped. */
struct status *status_create(const char *path, uint32_t worker, uint32_t start, struct error *e)
{
	char *unfinished = xasprintf("%s.new", path);
	struct status *s = make(unfinished, e);

	if (s != NULL) {
		s->magic = STATUS_MAGIC;
		s->version = STATUS_VERSION;
		s->worker = worker;
		s->start = start;
		s->started_ns = clock_now_ns();
		s->pid = (uint32_t)getpid();
		if (rename(unfinished, path) < 0) {
			error_errno(e, "cannot name the status page %s", path);
			status_close(s);
			s = NULL;
		}
	}
	if (s == NULL)
		unlink(unfinished);
	free(unfinished);
	return s;
}

int status_save(struct status *s, const char *path, struct error *e)
{
	char *unfinished = xasprintf("%s.new", path);
	int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), rc = -1;
	ssize_t n = -1;

	s->magic = STATUS_MAGIC;
	s->version = STATUS_VERSION;
	if (fd >= 0) {
		n = write(fd, s, sizeof *s);
		if (n >= 0 && n < (ssize_t)sizeof *s)
			errno = ENOSPC;
		close(fd);
	}
	if (n == (ssize_t)sizeof *s)
		rc = rename(unfinished, path);
	if (rc != 0) {
		error_errno(e, "cannot write the page %s", path);
		unlink(unfinished);
	}
	free(unfinished);
	return rc;
}

/* Version first: a page of another version may well have another size. */
static int check(int fd, const char *path, struct error *e)
{
	uint32_t head[2] = { 0 };
	ssize_t n = pread(fd, head, sizeof head, 0);
	struct stat st;

	if (n < 0 || fstat(fd, &st) < 0)
		return error_errno(e, "cannot read the status page %s", path);
	if (n != sizeof head)
		return error_set(e, "%s is cut short: %zd bytes", path, n);
	if (head[0] != STATUS_MAGIC)
		return error_set(e, "%s is no status page", path);
	if (head[1] != STATUS_VERSION)
		return error_set(e, "the status page %s has version %u; this program reads %u",
		    path, head[1], (unsigned)STATUS_VERSION);
	if ((uint64_t)st.st_size < sizeof(struct status))
		return error_set(e, "the status page %s is cut short: %lld of %zu bytes", path,
		    (long long)st.st_size, sizeof(struct status));
	return 0;
}

struct status *status_open(const char *path, int writable, struct error *e)
{
	int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
	struct status *s = NULL;

	if (fd < 0) {
		error_errno(e, "cannot open the status page %s", path);
		return NULL;
	}
	if (check(fd, path, e) == 0 && (s = map(fd, writable)) == NULL)
		error_errno(e, "cannot map the status page %s", path);
	close(fd);
	return s;
}

void status_close(struct status *s)
{
	if (s != NULL)
		munmap(s, sizeof *s);
}
