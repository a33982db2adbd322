/* rotated.c - see rotated.h. SPDX-License-Identifier: Apache-2.0 */
#include "rotated.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "failpoint.h"
#include "logline.h"

enum { NAME_BYTES = 64, RETRY_MS = 1000 };

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / (long)NS_PER_MS;
}

/* path_of gives the name of the N-th file. */
static const char *path_of(const struct rotated *r, uint32_t n, char name[NAME_BYTES])
{
	if (n == 0)
		snprintf(name, NAME_BYTES, "%s", r->name);
	else
		snprintf(name, NAME_BYTES, "%s.%u", r->name, n);
	return name;
}

static int fail(struct rotated *r, const char *what)
{
	error_errno(&r->why, "cannot %s %s", what, r->name);
	r->retry_ns = clock_now_ns() + (uint64_t)RETRY_MS * NS_PER_MS;
	return -1;
}

/* ---- the file ---------------------------------------------------------------------- */

static void close_file(struct rotated *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* ends_in_line: the file FD of SIZE bytes has a newline at its end, or nothing in it. */
static bool ends_in_line(int fd, off_t size)
{
	char last = '\n';

	return size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

/* open_file: a planted link is not followed, and a pipe without reader is not waited for. */
static int open_file(struct rotated *r)
{
	struct stat st;

	r->fd = openat(r->dir, r->name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (r->fd < 0)
		return fail(r, "open");
	if (fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close_file(r);
		errno = EINVAL;
		return fail(r, "write to what is no file:");
	}
	r->bytes = (uint64_t)st.st_size;
	r->torn = !ends_in_line(r->fd, st.st_size);
	return 0;
}

/* rotate makes room for a new file; the oldest one goes. It is renamed first: readers count on that
 * (logreader.c). */
static int rotate(struct rotated *r)
{
	char from[NAME_BYTES], to[NAME_BYTES];

	if (r->files == 1 && unlinkat(r->dir, r->name, 0) != 0 && errno != ENOENT)
		return fail(r, "remove");
	for (uint32_t i = r->files - 1; i > 0; i--)
		if (renameat(r->dir, path_of(r, i - 1, from), r->dir, path_of(r, i, to)) != 0 && errno != ENOENT)
			return fail(r, "rotate");
	close_file(r);
	return open_file(r);
}

/* make_ready opens the file where need be and rotates it when N more bytes would be too many. Somebody
 * may have cut it or taken it away. 0 or -1. */
static int make_ready(struct rotated *r, size_t n)
{
	struct stat st;

	if (r->retry_ns != 0 && clock_now_ns() < r->retry_ns)
		return -1;
	r->retry_ns = 0;
	if (r->fd >= 0 && fstat(r->fd, &st) == 0) {
		r->bytes = (uint64_t)st.st_size;
		if (st.st_nlink == 0)
			close_file(r);
	}
	if (r->fd < 0 && open_file(r) != 0)
		return -1;
	return r->bytes == 0 || r->bytes + n <= r->max_bytes ? 0 : rotate(r);
}

/* ---- lines ------------------------------------------------------------------------- */

static uint64_t count_lines(const char *s, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += s[i] == '\n';
	return lines;
}

static void drop(struct rotated *r, const char *s, size_t n)
{
	uint64_t lines = count_lines(s, n);

	if (r->dropped == 0)
		r->since_ms = wall_ms();
	r->dropped += lines;
	r->dropped_total += lines;
}

/* write_all writes as many of the N bytes as there is room for; fewer: errno says why. */
static size_t write_all(int fd, const char *s, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t some = failpoint("log.write") ? -1 : write(fd, s + done, n - done);

		if (some < 0 && errno != EINTR)
			break;
		done += some > 0 ? (size_t)some : 0;
	}
	return done;
}

/* put writes whole lines; gives how many bytes of them are there now. Of a line that was cut short
 * nothing stays, or, where that fails, the next line begins behind it. */
static size_t put(struct rotated *r, const char *s, size_t n)
{
	size_t done, whole;
	const char *newline;

	if (r->torn && write_all(r->fd, "\n", 1) != 1) {
		error_errno(&r->why, "cannot write %s", r->name);
		return 0;
	}
	r->bytes += r->torn;
	r->torn = false;
	done = write_all(r->fd, s, n);
	if (done < n)
		error_errno(&r->why, "cannot write %s", r->name);
	newline = memrchr(s, '\n', done);
	whole = newline != NULL ? (size_t)(newline - s) + 1 : 0;
	if (whole < done)
		r->torn = ftruncate(r->fd, (off_t)(r->bytes + whole)) != 0;
	r->bytes += r->torn ? done : whole;
	return whole;
}

/* tell_dropped: 0, or -1 when there is still no room. */
static int tell_dropped(struct rotated *r)
{
	char since[LOGLINE_TIME];
	struct buf text = { 0 }, line = { 0 };
	size_t written;

	if (r->dropped == 0)
		return 0;
	logline_time(since, r->since_ms);
	buf_printf(&text, "%llu lines dropped since %s: %s", (unsigned long long)r->dropped, since, r->why.text);
	logline_write(&line, &(struct logline){ .time_ms = wall_ms(), .level = GALE_WARN, .label = LOGLINE_GALE,
		.n_label = strlen(LOGLINE_GALE), .text = text.data, .n_text = text.n });
	written = put(r, line.data, line.n);
	if (written == line.n)
		r->dropped = 0;
	buf_free(&text);
	buf_free(&line);
	return r->dropped == 0 ? 0 : -1;
}

void rotated_flush(struct rotated *r)
{
	size_t n = r->waiting.n, done = 0;

	if (n == 0 && r->dropped == 0)
		return;
	if (make_ready(r, n) == 0 && tell_dropped(r) == 0 && n > 0)
		done = put(r, r->waiting.data, n);
	if (done < n)
		drop(r, r->waiting.data + done, n - done);
	r->waiting.n = 0;
}

/* ---- from the first to the last ---------------------------------------------------- */

void rotated_open(struct rotated *r, int dir, const char *name, uint64_t max_bytes, uint32_t files)
{
	char old[NAME_BYTES];

	*r = (struct rotated){ .dir = dir, .name = name, .max_bytes = max_bytes, .files = files, .fd = -1 };
	open_file(r);
	while (unlinkat(dir, path_of(r, files, old), 0) == 0)
		files++;
}

void rotated_close(struct rotated *r)
{
	r->retry_ns = 0;
	rotated_flush(r);
	close_file(r);
	buf_free(&r->waiting);
}
