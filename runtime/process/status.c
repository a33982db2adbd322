/* status.c - see status.h. SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "memory.h"
#include "page.h"

static const struct page_kind kind = { "status page", STATUS_MAGIC, STATUS_VERSION, sizeof(struct status),
	"status.map" };

struct status *status_create(const char *path, uint32_t worker, uint32_t start, struct error *e)
{
	struct status *s = page_make(&kind, path, sizeof *s, e);

	if (s == NULL)
		return NULL;
	s->worker = worker;
	s->start = start;
	s->started_ns = clock_now_ns();
	s->pid = (uint32_t)getpid();
	return page_publish(&kind, s, path, sizeof *s, e);
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

struct status *status_open(const char *path, int writable, struct error *e)
{
	return page_open(&kind, path, writable != 0, NULL, e);
}

void status_close(struct status *s)
{
	page_close(s, sizeof *s);
}
