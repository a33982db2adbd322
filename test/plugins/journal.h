/* journal.h - the test plugins write down what happens to them, one line per event.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Several tasks may share a file: each line is one write, at the end. */
#ifndef GALE_TEST_JOURNAL_H
#define GALE_TEST_JOURNAL_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* journal_open gives -1 for PATH NULL: then nothing is written. */
static inline int journal_open(const char *path)
{
	int fd;

	if (path == NULL)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (fd < 0)
		abort();
	return fd;
}

__attribute__((format(printf, 2, 3)))
static inline void journal(int fd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (fd >= 0)
		vdprintf(fd, format, args);
	va_end(args);
}

static inline void journal_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

#endif
