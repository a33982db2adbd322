/* logreader.c - see logreader.h. SPDX-License-Identifier: Apache-2.0
 *
 * A file that is rotated keeps its inode and gets another name. So the reader knows where it is by
 * the inode, and looks up its name when it has come to the end: while that is the first one, more may
 * come; else it goes on with the file after it. Only whole lines are taken, and the rest is read
 * again: what the writer takes back, because there was no room for all of it, was never seen.
 */
#include "logreader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

enum {
	NAME_BYTES = 64,
	GAP = 1001,	/* files may be missing, as many as there can be */
	AGAIN = 2
};

static const char *name_of(const struct logreader *r, int n, char name[NAME_BYTES])
{
	if (n == 0)
		snprintf(name, NAME_BYTES, "%s", r->name);
	else
		snprintf(name, NAME_BYTES, "%s.%d", r->name, n);
	return name;
}

/* number_of gives which file has that inode; -1: none. Files only ever get larger numbers, so one that
 * is renamed meanwhile is met all the same. */
static int number_of(const struct logreader *r, ino_t inode)
{
	char name[NAME_BYTES];
	struct stat st;

	for (int i = 0; i < GAP; i++)
		if (fstatat(r->dir, name_of(r, i, name), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode)
			return i;
	return -1;
}

/* open_below opens the oldest file whose number is below *N, which becomes its number. -1 with E set;
 * *N -1: there is none. */
static int open_below(const struct logreader *r, int *n, struct error *e)
{
	char name[NAME_BYTES];
	int fd = -1;

	while (fd < 0 && --*n >= 0) {
		fd = openat(r->dir, name_of(r, *n, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return error_errno(e, "cannot open %s", name);
	}
	return fd;
}

/* is_next: the file with the inode FOUND still has number N, none is between it and number OURS, which
 * is asked last and still is that of what the reader is in. A rotation renames the oldest file first:
 * one that was missed, as it was just being renamed, is seen now, or ours has been renamed as well. */
static bool is_next(const struct logreader *r, ino_t found, int n, int ours)
{
	char name[NAME_BYTES];
	struct stat st;

	for (int i = (ours < 0 ? GAP : ours) - 1; i > n; i--)
		if (fstatat(r->dir, name_of(r, i, name), &st, AT_SYMLINK_NOFOLLOW) == 0)
			return false;
	return fstatat(r->dir, name_of(r, n, name), &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == found &&
	    (ours < 0 || number_of(r, r->inode) == ours);
}

/* open_next goes to the file after number OURS, -1: to the oldest one. 1; 0: there is none for now;
 * AGAIN: a rotation came in between; -1 with E set. */
static int open_next(struct logreader *r, int ours, struct error *e)
{
	int n = ours < 0 ? GAP : ours, fd = open_below(r, &n, e);
	struct stat st;

	if (fd < 0)
		return n < 0 ? 0 : -1;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return error_set(e, "%s is no file", r->name);
	}
	if (!is_next(r, st.st_ino, n, ours)) {
		close(fd);
		return AGAIN;
	}
	if (r->fd >= 0)
		close(r->fd);
	r->fd = fd;
	r->inode = st.st_ino;
	r->offset = 0;
	r->n = r->at = 0;
	return 1;
}

/* fill reads on behind what has been given out: 1 when there is a whole line now, 0 if not. */
static int fill(struct logreader *r, struct error *e)
{
	struct stat st;
	ssize_t n;

	r->offset += (off_t)r->at;
	r->n = r->at = 0;
	if (r->fd < 0)
		return 0;
	if (fstat(r->fd, &st) == 0 && st.st_size < r->offset)
		r->offset = 0;		/* somebody has emptied it */
	n = pread(r->fd, r->bytes, LOGREADER_BYTES, r->offset);
	if (n < 0)
		return error_errno(e, "cannot read %s", r->name);
	r->n = (size_t)n;
	return r->n == LOGREADER_BYTES || memchr(r->bytes, '\n', r->n) != NULL;
}

/* go_on goes to the file behind the one that has been read: 1, 0: there is none; -1. */
static int go_on(struct logreader *r, struct error *e)
{
	int number = r->fd >= 0 ? number_of(r, r->inode) : -1, more;

	if (number == 0)
		return 0;
	/* The last lines may have come between the last look and the rotation. */
	more = fill(r, e);
	if (more != 0)
		return more;
	if (r->n > 0)
		return 1;	/* a line that nobody will end any more */
	do
		more = open_next(r, r->fd >= 0 ? number_of(r, r->inode) : -1, e);
	while (more == AGAIN);
	return more;
}

static void take_line(struct logreader *r, struct logline *l)
{
	const char *line = r->bytes + r->at, *newline = memchr(line, '\n', r->n - r->at);
	size_t n = newline != NULL ? (size_t)(newline - line) : r->n - r->at;

	r->at += n + (newline != NULL);
	if (!logline_read(l, line, n))
		*l = (struct logline){ .level = GALE_INFO, .label = "", .text = line, .n_text = n };
}

int logreader_next(struct logreader *r, struct logline *l, struct error *e)
{
	int rc = memchr(r->bytes + r->at, '\n', r->n - r->at) != NULL ? 1 : fill(r, e);

	while (rc == 0) {
		rc = go_on(r, e);
		if (rc <= 0)
			return rc;
		if (r->n == 0)
			rc = fill(r, e);
	}
	if (rc == 1)
		take_line(r, l);
	return rc;
}

void logreader_open(struct logreader *r, int dir, const char *name)
{
	*r = (struct logreader){ .dir = dir, .name = name, .fd = -1, .bytes = xmalloc(LOGREADER_BYTES) };
}

void logreader_close(struct logreader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	free(r->bytes);
	*r = (struct logreader){ .fd = -1 };
}
