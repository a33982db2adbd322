/* mail.c - see mail.h. SPDX-License-Identifier: Apache-2.0 */
#include "mail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "control.h"
#include "error.h"
#include "memory.h"

bool mail_waits(const struct mail *m)
{
	return m->at < m->texts.n;
}

void mail_clear(struct mail *m)
{
	buf_free(&m->texts);
	m->at = 0;
}

void mail_push(struct mail *m, int fd)
{
	while (mail_waits(m)) {
		const char *text = m->texts.data + m->at;

		if (control_send(fd, "%s", text) != 0) {
			if (errno == EAGAIN || errno == ENOBUFS)
				return;
			if (errno != EPIPE && errno != ECONNRESET)
				shutdown(fd, SHUT_RDWR);
		}
		m->at += strlen(text) + 1;
	}
	mail_clear(m);
}

void mail_send(struct mail *m, int fd, const char *format, ...)
{
	va_list args;
	char *text;
	size_t n;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	n = strlen(text);
	if (n >= CONTROL_MAX)
		die("a control message of %zu bytes is too long: this topology has too many workers", n);
	buf_add(&m->texts, text, n + 1);
	free(text);
	mail_push(m, fd);
}
