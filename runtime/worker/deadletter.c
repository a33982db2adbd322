/* deadletter.c - see deadletter.h. SPDX-License-Identifier: Apache-2.0 */
#include "deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "failpoint.h"
#include "wire.h"

static void put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	buf_json_string(b, text, strlen(text));
	buf_puts(b, ",");
}

static void put_line(struct buf *b, const struct dead_letter *d)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	buf_puts(b, "{");
	put_member(b, "time", stamp);
	put_member(b, "topology", d->topology);
	put_member(b, "component", d->component);
	put_member(b, "stream", d->stream);
	buf_printf(b, "\"id\":%llu,\"attempts\":%u,", (unsigned long long)d->id, d->attempts);
	put_member(b, "reason", d->reason);
	buf_puts(b, "\"values\":[");
	for (uint32_t i = 0; i < d->n_values; i++) {
		buf_puts(b, i > 0 ? "," : "");
		wire_describe(b, &d->values[i]);
	}
	buf_puts(b, "]}\n");
}

static int write_whole(int fd, const struct buf *b)
{
	size_t done = 0;

	while (done < b->n) {
		ssize_t n = failpoint("deadletter.write") ? -1 : write(fd, b->data + done, b->n - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

void deadletter_init(struct deadletters *f, const char *path)
{
	*f = (struct deadletters){ path, -1 };
}

static int lock(int fd, int operation)
{
	int r;

	while ((r = flock(fd, operation)) != 0 && errno == EINTR)
		;
	return r;
}

/* append writes B, or nothing of it: half a line would be glued to the next one. The lock
 * keeps others from writing behind what may have to be cut off again. */
static int append(const struct deadletters *f, const struct buf *b, struct error *e)
{
	struct stat before;
	int result = 0;

	if (lock(f->fd, LOCK_EX) != 0)
		return error_errno(e, "cannot lock the dead-letter file %s", f->path);
	if (fstat(f->fd, &before) != 0) {
		result = error_errno(e, "cannot ask for the size of the dead-letter file %s", f->path);
	} else if (write_whole(f->fd, b) != 0) {
		result = error_errno(e, "cannot write to the dead-letter file %s", f->path);
		if (S_ISREG(before.st_mode) && ftruncate(f->fd, before.st_size) != 0)
			result = error_errno(e, "cannot remove half a letter from the end of the "
			    "dead-letter file %s: cut its last line by hand", f->path);
	}
	lock(f->fd, LOCK_UN);
	return result;
}

int deadletter_write(struct deadletters *f, const struct dead_letter *d, struct error *e)
{
	struct buf b = { 0 };
	int result;

	if (f->fd < 0)
		f->fd = open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (f->fd < 0)
		return error_errno(e, "cannot open the dead-letter file %s", f->path);
	put_line(&b, d);
	result = append(f, &b, e);
	buf_free(&b);
	return result;
}

int deadletter_sync(struct deadletters *f, struct error *e)
{
	int result = 0;

	if (f->fd < 0)
		return 0;
	/* A pipe or a terminal has no disk behind it: EINVAL. */
	if ((failpoint("deadletter.sync") || fdatasync(f->fd) != 0) && errno != EINVAL)
		result = error_errno(e, "cannot write the dead-letter file %s to disk", f->path);
	if (close(f->fd) != 0 && result == 0)
		result = error_errno(e, "cannot write to the dead-letter file %s", f->path);
	f->fd = -1;
	return result;
}
