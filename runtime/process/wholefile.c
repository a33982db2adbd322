/* wholefile.c - see wholefile.h. SPDX-License-Identifier: Apache-2.0 */
#include "wholefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "memory.h"

int wholefile_read(int dir, const char *name, struct buf *b)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK), cause;
	char block[4096];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			buf_add(b, block, (size_t)n);
	cause = errno;
	close(fd);
	buf_text(b);
	errno = cause;
	return n < 0 ? -1 : 1;
}

static int write_synced(int fd, const char *text, size_t n)
{
	for (size_t done = 0; done < n; ) {
		ssize_t put = failpoint("file.write") ? -1 : write(fd, text + done, n - done);

		if (put < 0 && errno != EINTR)
			return -1;
		done += put > 0 ? (size_t)put : 0;
	}
	return failpoint("file.sync") ? -1 : fsync(fd);
}

int wholefile_replace(int dir, const char *name, const char *text, size_t n)
{
	char *unfinished = xasprintf("%s.new", name);
	int fd = openat(dir, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
	int rc = fd >= 0 ? write_synced(fd, text, n) : -1, cause;

	if (rc == 0)
		rc = failpoint("file.rename") ? -1 : renameat(dir, unfinished, dir, name);
	if (rc == 0)
		rc = fsync(dir);
	cause = errno;
	if (fd >= 0) {
		close(fd);
		if (rc != 0)
			unlinkat(dir, unfinished, 0);	/* there is none, if only its name is not synced */
	}
	free(unfinished);
	errno = cause;
	return rc;
}
