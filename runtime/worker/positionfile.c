/* positionfile.c - see positionfile.h. SPDX-License-Identifier: Apache-2.0 */
#include "positionfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failpoint.h"
#include "memory.h"

enum { LEAST_ROOM = 4096 };

static char *slot_path(const struct positionfile *f, int slot)
{
	return xasprintf("%s.%c", f->path, 'a' + slot);
}

/* ---- reading ---- */

static int read_bytes(int fd, struct buf *b)
{
	char block[LEAST_ROOM];
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) != 0) {
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			buf_add(b, block, (size_t)n);
	}
	return 0;
}

struct slot {
	struct position position;
	uint64_t sequence;
	uint32_t run;
	enum { MISSING, GOOD, DAMAGED, UNREADABLE } how;
};

/* read_slot reads one of the files; E is set when it is neither missing nor good. */
static void read_slot(struct positionfile *f, int slot, struct slot *s, struct error *e)
{
	char *path = slot_path(f, slot);
	struct buf b = { 0 };
	struct error why;

	s->how = UNREADABLE;
	f->fds[slot] = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (f->fds[slot] < 0 && errno == ENOENT)
		s->how = MISSING;
	else if (f->fds[slot] < 0 || read_bytes(f->fds[slot], &b) != 0)
		error_errno(e, "cannot read the position %s", path);
	else if (position_get(&s->position, b.data, b.n, &s->sequence, &s->run, &why) == 0)
		s->how = GOOD;
	else
		s->how = DAMAGED;
	if (s->how == DAMAGED)
		error_set(e, "the position %s is damaged: %s; to start from the beginning, remove "
		    "%s.a and %s.b", path, why.text, f->path, f->path);
	buf_free(&b);
	free(path);
}

/* One file that is damaged beside a good one is a write that was cut short. So is a damaged
 * one alone: the first write of all, before which nothing was durable. */
int positionfile_read(struct positionfile *f, const char *path, bool sync, struct position *p,
    struct error *e)
{
	struct slot s[2] = { { .how = MISSING }, { .how = MISSING } };
	int rc = 0;

	*f = (struct positionfile){ .path = xstrdup(path), .fds = { -1, -1 }, .sync = sync };
	for (int i = 0; i < 2; i++)
		read_slot(f, i, &s[i], e);
	f->newest = s[1].how == GOOD && (s[0].how != GOOD || s[1].sequence > s[0].sequence);
	if (s[0].how == UNREADABLE || s[1].how == UNREADABLE ||
	    (s[0].how == DAMAGED && s[1].how == DAMAGED)) {
		rc = -1;
	} else if (s[f->newest].how == GOOD) {
		f->sequence = s[f->newest].sequence;
		f->run = s[f->newest].run;
		*p = s[f->newest].position;
		s[f->newest].position.row = NULL;
		rc = 1;
	}
	position_free(&s[0].position);
	position_free(&s[1].position);
	return rc;
}

/* ---- writing ---- */

/* sync_folder makes the name of a new file durable. */
static int sync_folder(const char *path)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	free(folder);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int make_slot(struct positionfile *f, int slot)
{
	char *path = slot_path(f, slot);

	f->fds[slot] = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	free(path);
	if (f->fds[slot] < 0)
		return -1;
	return f->sync ? sync_folder(f->path) : 0;
}

static int write_bytes(int fd, const struct buf *b)
{
	size_t done = 0;

	while (done < b->n) {
		ssize_t n = failpoint("position.write") ? -1 : pwrite(fd, b->data + done, b->n - done, (off_t)done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return ftruncate(fd, (off_t)b->n);
}

int positionfile_write(struct positionfile *f, struct position *p, uint32_t run, struct error *e)
{
	int slot = f->sequence == 0 ? 0 : 1 - f->newest;
	struct buf b = { 0 };
	int rc = 0;

	position_put(&b, p, f->sequence + 1, run);
	if ((f->fds[slot] < 0 && make_slot(f, slot) != 0) || write_bytes(f->fds[slot], &b) != 0 ||
	    failpoint("position.sync") || (f->sync && fdatasync(f->fds[slot]) != 0))
		rc = error_errno(e, "cannot write the position %s.%c", f->path, 'a' + slot);
	buf_free(&b);
	if (rc != 0)
		return -1;
	f->newest = slot;
	f->sequence++;
	p->changed = false;
	return 0;
}

void positionfile_close(struct positionfile *f)
{
	for (int i = 0; i < 2; i++)
		if (f->fds[i] >= 0)
			close(f->fds[i]);
	free(f->path);
	*f = (struct positionfile){ .fds = { -1, -1 } };
}
