/* deadletter.c - see deadletter.h. SPDX-License-Identifier: Apache-2.0 */
#include "deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
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
		ssize_t n = write(fd, b->data + done, b->n - done);

		if (n < 0 && errno != EINTR)
			return -1;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int deadletter_write(const char *path, const struct dead_letter *d, struct error *e)
{
	struct buf b = { 0 };
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666), result = 0;

	if (fd < 0)
		return error_errno(e, "cannot open the dead-letter file %s", path);
	put_line(&b, d);
	if (write_whole(fd, &b) != 0)
		result = error_errno(e, "cannot write to the dead-letter file %s", path);
	if (close(fd) != 0 && result == 0)
		result = error_errno(e, "cannot write to the dead-letter file %s", path);
	buf_free(&b);
	return result;
}

int deadletter_sync(const char *path, struct error *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), result = 0;

	if (fd < 0)
		return error_errno(e, "cannot open the dead-letter file %s", path);
	/* A pipe or a terminal can't be synced, and keeps nothing. */
	if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		result = error_errno(e, "cannot write to the dead-letter file %s", path);
	close(fd);
	return result;
}
