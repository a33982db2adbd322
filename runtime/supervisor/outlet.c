/* outlet.c - see outlet.h. SPDX-License-Identifier: Apache-2.0 */
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "logline.h"
#include "memory.h"
#include "plan.h"

static const char clear_status[] = "\r\033[K";

/* O_NONBLOCK belongs to the open file description, which is shared with the shell that
 * started us and everyone else there. A pipe or a terminal can be opened anew, to have
 * one of our own; that fails when it is another user's. */
static void open_own(struct outlet *o)
{
	char path[32];
	int fd;

	snprintf(path, sizeof path, "/proc/self/fd/%d", o->fd);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	o->kind = fd >= 0 ? OUTLET_NONBLOCKING : OUTLET_BLOCKING;
	if (fd >= 0) {
		o->fd = fd;
		o->own_fd = true;
	}
}

void outlet_open(struct outlet *o, int fd)
{
	struct stat st;

	*o = (struct outlet){ .fd = fd, .kind = OUTLET_FILE };
	if (fstat(fd, &st) != 0) {
		o->gone = true;
		return;
	}
	o->terminal = isatty(fd) == 1;
	if (S_ISSOCK(st.st_mode))
		o->kind = OUTLET_SOCKET;
	else if (S_ISFIFO(st.st_mode) || o->terminal)
		open_own(o);
}

void outlet_open_log(struct outlet *o, struct logfile *log, const char *name)
{
	*o = (struct outlet){ .fd = -1, .kind = OUTLET_FILE, .log = log, .name = name };
}

/* whole_lines gives the bytes of S, at most MAX, that end with a newline; else MAX. */
static size_t whole_lines(const char *s, size_t n, size_t max)
{
	const char *newline;

	if (n <= max)
		return n;
	newline = memrchr(s, '\n', max);
	return newline != NULL ? (size_t)(newline - s) + 1 : max;
}

/* write_some writes a part of the N bytes at S, or nothing when that could block. */
static ssize_t write_some(const struct outlet *o, const char *s, size_t n)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	switch (o->kind) {
	case OUTLET_SOCKET:
		return send(o->fd, s, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case OUTLET_BLOCKING:
		/* A pipe that is ready takes PIPE_BUF bytes without blocking. */
		if (poll(&p, 1, 0) != 1) {
			errno = EAGAIN;
			return -1;
		}
		return write(o->fd, s, whole_lines(s, n, PIPE_BUF));
	case OUTLET_FILE:
	case OUTLET_NONBLOCKING:
		break;
	}
	return write(o->fd, s, n);
}

static void keep_rest(struct outlet *o)
{
	memmove(o->waiting.data, o->waiting.data + o->sent, o->waiting.n - o->sent);
	o->waiting.n -= o->sent;
	o->sent = 0;
}

void outlet_push(struct outlet *o)
{
	while (!o->gone && o->sent < o->waiting.n) {
		ssize_t n = write_some(o, o->waiting.data + o->sent, o->waiting.n - o->sent);

		if (n >= 0) {
			o->sent += (size_t)n;
		} else if (errno == EAGAIN) {
			keep_rest(o);
			return;
		} else if (errno != EINTR) {
			o->gone = errno != ENOSPC;	/* a disk may have room again */
			break;
		}
	}
	o->waiting.n = o->sent = 0;
}

bool outlet_waits(const struct outlet *o)
{
	return !o->gone && o->waiting.n > 0;
}

static void hide_status(struct outlet *o)
{
	if (o->status_shown)
		buf_puts(&o->waiting, clear_status);
	o->status_shown = false;
}

static void tell_dropped(struct outlet *o)
{
	if (o->dropped == 0)
		return;
	buf_printf(&o->waiting, "gale: %llu lines of output dropped: standard error was not "
	    "read\n", (unsigned long long)o->dropped);
	o->dropped = 0;
}

static uint64_t count_lines(const struct buf *lines)
{
	uint64_t n = 0;

	for (size_t i = 0; i < lines->n; i++)
		n += lines->data[i] == '\n';
	return n;
}

/* ---- the log ----------------------------------------------------------------------- */

/* log_worker logs one line of a worker: its label, a blank, what it said. */
static void log_worker(struct outlet *o, const char *line, size_t n)
{
	const char *blank = memchr(line, ' ', n);
	size_t label_n = blank != NULL ? (size_t)(blank - line) : n, at = label_n + (blank != NULL);
	gale_level level = GALE_INFO;
	char label[PLAN_LABEL];

	if (label_n >= sizeof label)
		label_n = sizeof label - 1;
	memcpy(label, line, label_n);
	label[label_n] = '\0';
	if (strcmp(label, LOGLINE_OUTPUT) != 0)		/* data begins with what it likes */
		at += logline_prefix(line + at, n - at, &level);
	logfile_line(o->log, level, label, line + at, n - at);
}

static void log_lines(struct outlet *o, const struct buf *lines)
{
	const char *at = lines->data, *end = lines->data + lines->n;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = newline != NULL ? (size_t)(newline - at) : (size_t)(end - at);

		log_worker(o, at, n);
		at += n + 1;
	}
	logfile_flush(o->log);
}

/* log_own logs what gale says. The topology's name is no news there. */
static void log_own(struct outlet *o, gale_level level, const char *text)
{
	size_t n = strlen(o->name), word;
	char label[PLAN_LABEL] = LOGLINE_GALE;

	if (strncmp(text, o->name, n) == 0 && strncmp(text + n, ": ", 2) == 0)
		text += n + 2;
	text += logline_prefix(text, strlen(text), &level);
	word = strcspn(text, " ");
	if (word > 1 && word < sizeof label && text[word - 1] == ']' && text[word] == ' ') {
		memcpy(label, text, word);
		label[word] = '\0';
		text += word + 1;
	}
	logfile_line(o->log, level, label, text, strlen(text));
	logfile_flush(o->log);
}

/* ---- what is said ------------------------------------------------------------------ */

void outlet_lines(struct outlet *o, const struct buf *lines)
{
	if (o->gone || lines->n == 0)
		return;
	if (o->log != NULL) {
		log_lines(o, lines);
		return;
	}
	if (outlet_waits(o))
		outlet_push(o);
	if (o->waiting.n - o->sent + lines->n > OUTLET_MAX) {
		uint64_t n = count_lines(lines);

		o->dropped += n;
		o->dropped_total += n;
		return;
	}
	hide_status(o);
	tell_dropped(o);
	buf_add(&o->waiting, lines->data, lines->n);
	outlet_push(o);
}

static void tell(struct outlet *o, gale_level level, const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0)
		text = xstrdup("?");
	if (!o->gone && o->log != NULL) {
		log_own(o, level, text);
	} else if (!o->gone) {
		hide_status(o);
		tell_dropped(o);
		buf_printf(&o->waiting, "gale: %s\n", text);
		outlet_push(o);
	}
	free(text);
}

void outlet_say(struct outlet *o, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(o, GALE_INFO, format, args);
	va_end(args);
}

void outlet_tell(struct outlet *o, gale_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(o, level, format, args);
	va_end(args);
}

void outlet_status(struct outlet *o, const char *text)
{
	if (!o->terminal || o->gone || outlet_waits(o) || (!*text && !o->status_shown))
		return;
	buf_puts(&o->waiting, clear_status);
	buf_puts(&o->waiting, text);
	o->status_shown = *text != '\0';
	outlet_push(o);
}

void outlet_close(struct outlet *o, int wait_ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)wait_ms * NS_PER_MS;
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	if (o->log != NULL) {
		logfile_flush(o->log);
		o->gone = true;
		return;
	}
	hide_status(o);
	tell_dropped(o);
	outlet_push(o);
	while (outlet_waits(o) && clock_now_ns() < deadline) {
		poll(&p, 1, 10);
		outlet_push(o);
	}
	if (o->own_fd)
		close(o->fd);
	buf_free(&o->waiting);
	o->gone = true;
}
